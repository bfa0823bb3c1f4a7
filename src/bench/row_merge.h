/*
 * Rows of several reports in one order: that of the first report; a row that only others have has the place
 * that it has there, next to its layer.
 */
#ifndef BENCH_ROW_MERGE_H
#define BENCH_ROW_MERGE_H

#include "bench/comparison.h"

/* Fill order, rows and row_count of a comparison. CLR_ENOMEM: comparison_clear() frees what there is. */
int row_merge(struct comparison *c, struct clr_error *err);

#endif
