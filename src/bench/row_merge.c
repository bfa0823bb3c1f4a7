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

static int fill(struct comparison *c, struct merging *m, struct clr_error *err)
{
    int rc = mem_new(&c->order, m->count, sizeof *c->order, "layers", err);

    if (rc == 0)
        rc = mem_new(&c->rows, m->count, c->count * sizeof *c->rows, "layers", err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; (at = m->links[at].next) != 0;) {
        m->links[at].place = c->row_count;
        c->order[c->row_count++] = m->links[at].row;
    }
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->reports[i].row_count; k++)
            c->rows[m->links[m->numbers[i][k]].place * c->count + i] = &c->reports[i].rows[k];
    return 0;
}

int row_merge(struct comparison *c, struct clr_error *err)
{
    struct merging m = {.reports = c->reports, .report_count = c->count};
    int rc = prepare(&m, err);

    if (rc == 0) {
        link_all(&m);
        rc = fill(c, &m, err);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (m.indexes)
            row_index_clear(&m.indexes[i]);
        if (m.numbers)
            free(m.numbers[i]);
    }
    free(m.indexes);
    free(m.numbers);
    free(m.links);
    return rc;
}
