/*
 * Rows of several reports in one order: that of the first, and what only others have stands where it does
 * there, with its layer.
 */
#ifndef BENCH_ROW_MERGE_H
#define BENCH_ROW_MERGE_H

#include <clr/bench.h>

struct row_merge {
    size_t reports, count;
    const struct clr_bench_row **order; /* one of each layer and pass; all are borrowed from the reports */
    const struct clr_bench_row **rows;  /* count × reports */
};

/* CLR_ENOMEM: nothing is made. The reports must outlive it. */
int row_merge_make(struct row_merge *out, const struct clr_bench_report *reports, size_t count,
                   struct clr_error *err);
void row_merge_clear(struct row_merge *merge);

/* The row of that report which belongs to order[row]; NULL: it has none. */
static inline const struct clr_bench_row *row_merge_find(const struct row_merge *merge, size_t report,
                                                         size_t row)
{
    return merge->rows[row * merge->reports + report];
}

#endif
