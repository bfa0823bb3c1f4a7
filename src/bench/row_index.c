/* Finding rows of a report: see row_index.h. */
#include "bench/row_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int compare(const void *a, const void *b)
{
    const struct clr_bench_row *x = *(const struct clr_bench_row *const *)a,
                               *y = *(const struct clr_bench_row *const *)b;

    return x->pass != y->pass ? (x->pass > y->pass) - (x->pass < y->pass) : strcmp(x->layer, y->layer);
}

int row_index_make(struct row_index *out, const struct clr_bench_report *report, struct clr_error *err)
{
    int rc = mem_new(&out->rows, report->row_count, sizeof(struct clr_bench_row *), "layers", err);

    if (rc < 0)
        return rc;
    out->count = report->row_count;
    for (size_t i = 0; i < out->count; i++)
        out->rows[i] = &report->rows[i];
    qsort(out->rows, out->count, sizeof(struct clr_bench_row *), compare);
    return 0;
}

void row_index_clear(struct row_index *index)
{
    free(index->rows);
    *index = (struct row_index){.count = 0};
}

const struct clr_bench_row *row_index_find(const struct row_index *index, const struct clr_bench_row *like)
{
    const struct clr_bench_row **found =
        bsearch(&like, index->rows, index->count, sizeof(struct clr_bench_row *), compare);

    return found ? *found : NULL;
}

const struct clr_bench_row *row_index_twice(const struct row_index *index)
{
    for (size_t i = 1; i < index->count; i++)
        if (compare(&index->rows[i - 1], &index->rows[i]) == 0)
            return index->rows[i];
    return NULL;
}
