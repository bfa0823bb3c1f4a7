/*
 * Finding the row of a layer and pass in a report: a report that somebody else wrote may have many thousands.
 */
#ifndef BENCH_ROW_INDEX_H
#define BENCH_ROW_INDEX_H

#include <clr/bench.h>

struct row_index {
    const struct clr_bench_row **rows; /* by pass and layer; they are the report's */
    size_t count;
};

/* CLR_ENOMEM. Clear in any case. */
int row_index_make(struct row_index *out, const struct clr_bench_report *report, struct clr_error *err);
void row_index_clear(struct row_index *index);

/* The row with that layer and pass, or NULL. */
const struct clr_bench_row *row_index_find(const struct row_index *index, const struct clr_bench_row *like);

/* A row whose layer and pass another one has too, or NULL. */
const struct clr_bench_row *row_index_twice(const struct row_index *index);

#endif
