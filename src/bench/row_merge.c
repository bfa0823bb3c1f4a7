/* Rows of several reports in one order: see row_merge.h. */
#include "bench/row_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A list that new rows are put into; number 0 stands in front of all of them. */
struct link {
    const struct clr_bench_row *row;
    size_t next; /* 0: none */
};

struct merging {
    const struct clr_bench_report *reports;
    const struct row_index *indexes;
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

/* Where a row belongs that comes after link `at` in its report: no layer is torn apart, its passes in order.
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

static int merge(struct merging *m, size_t reports, struct clr_error *err)
{
    for (size_t i = 0; i < reports; i++) {
        size_t at = 0;
        int rc = mem_new(&m->numbers[i], m->reports[i].row_count, sizeof **m->numbers, "layers", err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < m->reports[i].row_count; k++) {
            const struct clr_bench_row *row = &m->reports[i].rows[k];
            size_t number = find(m, i, row);
            if (number == 0) {
                at = place(m, at, row);
                number = m->count++;
                m->links[number] = (struct link){row, m->links[at].next};
                m->links[at].next = number;
            }
            m->numbers[i][k] = at = number;
        }
    }
    return 0;
}

int row_merge_make(struct row_merge *out, const struct clr_bench_report *reports, size_t count,
                   struct clr_error *err)
{
    struct row_merge made = {.reports = count};
    struct merging m = {.reports = reports, .count = 1};
    size_t most = 1;
    int rc = mem_new(&made.indexes, count, sizeof *made.indexes, "layers", err);

    for (size_t i = 0; i < count && rc == 0; i++) {
        most += reports[i].row_count;
        rc = row_index_make(&made.indexes[i], &reports[i], err);
    }
    if (rc == 0)
        rc = mem_new(&m.numbers, count, sizeof *m.numbers, "layers", err);
    if (rc == 0)
        rc = mem_new(&m.links, most, sizeof *m.links, "layers", err);
    if (rc == 0)
        rc = mem_new(&made.order, most, sizeof *made.order, "layers", err);
    m.indexes = made.indexes;
    if (rc == 0)
        rc = merge(&m, count, err);
    for (size_t at = 0; rc == 0 && (at = m.links[at].next) != 0;)
        made.order[made.count++] = m.links[at].row;
    for (size_t i = 0; m.numbers && i < count; i++)
        free(m.numbers[i]);
    free(m.numbers);
    free(m.links);
    if (rc == 0)
        *out = made;
    else
        row_merge_clear(&made);
    return rc;
}

void row_merge_clear(struct row_merge *merge)
{
    for (size_t i = 0; merge->indexes && i < merge->reports; i++)
        row_index_clear(&merge->indexes[i]);
    free(merge->indexes);
    free(merge->order);
    *merge = (struct row_merge){.count = 0};
}

const struct clr_bench_row *row_merge_find(const struct row_merge *merge, size_t report, size_t row)
{
    return row_index_find(&merge->indexes[report], merge->order[row]);
}
