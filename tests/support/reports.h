/* Made-up reports of `clr-cl bench`, and texts that are written of them. */
#ifndef SUPPORT_REPORTS_H
#define SUPPORT_REPORTS_H

#include <clr/bench.h>

/* Seven samples around the median. */
struct clr_bench_spread reports_spread(double median);

void reports_add_row(struct clr_bench_report *r, const char *layer, const char *kind,
                     enum clr_bench_pass pass, double gflop, double ms);

/* A report whose times are `factor` times those of the first. */
void reports_make(struct clr_bench_report *r, double factor);

/* Returns the path. */
const char *reports_write(const char *path, const struct clr_bench_report *r);

/* The first line from `begin` on has `rest` in it. */
void reports_expect_line(const char *text, const char *begin, const char *rest);

/* Comparisons of `count` reports as text; free it. */
char *reports_compared(const struct clr_bench_report *r, size_t count, enum clr_bench_form form);

#endif
