/* Rows of several reports in one order: see row_merge.h. */
#include "bench/row_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench/row_index.h"

/* A list that new rows are put into; number 0 comes before all of them. */
struct link {
    const struct clr_bench_row *row;
    size_t next;  /* 0: none */
    size_t place; /* in the order that comes out */
};

struct merging {
    const struct clr_bench_report *reports;
    struct row_index *indexes;
    size_t report_count;
    struct link *links;
    size_t count, **numbers; /* of the links; of the link of each report's rows */
};

/* The link that an earlier report has made for such a row; 0: none. */
static size_t find(const struct merging *m, size_t before, const struct clr_bench_row *row)
{
    for (size_t k = 0; k < before; k++) {
        const struct clr_bench_row *same = row_index_find(&m->indexes[k], row);
        if (same)
            return m->numbers[k][same - m->reports[k].rows];
    }
    return 0;
}

/* Where a row belongs that comes after link `at` in its report: layers stay whole, their passes in order.
 */
static size_t place(const struct merging *m, size_t at, const struct clr_bench_row *row)
{
    const char *layer = at > 0 ? m->links[at].row->layer : row->layer;
    size_t next;

    if (strcmp(layer, row->layer) != 0)
        while ((next = m->links[at].next) != 0 && layer[0] && strcmp(m->links[next].row->layer, layer) == 0)
            at = next;
    while ((next = m->links[at].next) != 0 && strcmp(m->links[next].row->layer, row->layer) == 0 &&
           m->links[next].row->pass < row->pass)
        at = next;
    return at;
}

static int prepare(struct merging *m, struct clr_error *err)
{
    size_t most = 1;
    int rc = mem_new(&m->indexes, m->report_count, sizeof *m->indexes, "layers", err);

    if (rc == 0)
        rc = mem_new(&m->numbers, m->report_count, sizeof *m->numbers, "layers", err);
    for (size_t i = 0; i < m->report_count && rc == 0; i++) {
        most += m->reports[i].row_count;
        rc = row_index_make(&m->indexes[i], &m->reports[i], err);
        if (rc == 0)
            rc = mem_new(&m->numbers[i], m->reports[i].row_count, sizeof **m->numbers, "layers", err);
    }
    return rc < 0 ? rc : mem_new(&m->links, most, sizeof *m->links, "layers", err);
}

static void link_all(struct merging *m)
{
    m->count = 1;
    for (size_t i = 0; i < m->report_count; i++) {
        size_t at = 0;
        for (size_t k = 0; k < m->reports[i].row_count; k++) {
            const struct clr_bench_row *row = &m->reports[i].rows[k];
            size_t number = find(m, i, row);
            if (number == 0) {
                at = place(m, at, row);
                number = m->count++;
                m->links[number] = (struct link){row, m->links[at].next, 0};
                m->links[at].next = number;
            }
            m->numbers[i][k] = at = number;
        }
    }
}

static int fill(struct row_merge *out, struct merging *m, struct clr_error *err)
{
    size_t all;
    int rc = mem_new(&out->order, m->count, sizeof *out->order, "layers", err);

    if (rc == 0 && !clr_mul_size(&all, m->count, m->report_count))
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the layers of %zu reports", m->report_count);
    if (rc == 0)
        rc = mem_new(&out->rows, all, sizeof *out->rows, "layers", err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; (at = m->links[at].next) != 0;) {
        m->links[at].place = out->count;
        out->order[out->count++] = m->links[at].row;
    }
    for (size_t i = 0; i < m->report_count; i++)
        for (size_t k = 0; k < m->reports[i].row_count; k++)
            out->rows[m->links[m->numbers[i][k]].place * m->report_count + i] = &m->reports[i].rows[k];
    return 0;
}

int row_merge_make(struct row_merge *out, const struct clr_bench_report *reports, size_t count,
                   struct clr_error *err)
{
    struct row_merge made = {.count = 0};
    struct merging m = {.reports = reports, .report_count = count};
    int rc = prepare(&m, err);

    if (rc == 0) {
        link_all(&m);
        rc = fill(&made, &m, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (m.indexes)
            row_index_clear(&m.indexes[i]);
        if (m.numbers)
            free(m.numbers[i]);
    }
    free(m.indexes);
    free(m.numbers);
    free(m.links);
    if (rc == 0)
        *out = made;
    else
        free(made.order); /* rows is what failed, or order itself */
    return rc;
}
