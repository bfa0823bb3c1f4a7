/*
 * Rows of several reports in one order: that of the first report; a row that only others have has the place
 * that it has there, next to its layer.
 */
#ifndef BENCH_ROW_MERGE_H
#define BENCH_ROW_MERGE_H

#include <clr/bench.h>

struct row_merge {
    size_t count;
    const struct clr_bench_row **order; /* one of each layer and pass; all are borrowed from the reports */
    const struct clr_bench_row **rows;  /* count × reports: the same of each report; NULL: it has none */
};

/* CLR_ENOMEM: nothing is made. The caller frees order and rows; the reports must outlive them. */
int row_merge_make(struct row_merge *out, const struct clr_bench_report *reports, size_t count,
                   struct clr_error *err);

#endif
