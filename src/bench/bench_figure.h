/*
 * The figure of `clr-cl plot bench`: reports in, bars out.
 */
#ifndef BENCH_BENCH_FIGURE_H
#define BENCH_BENCH_FIGURE_H

#include <clr/bench.h>

#include "plot/bars.h"

/* Fill the bars (bars_clear() them); options may be NULL. CLR_EUSAGE: too many reports, or a label that fits
 * no report, or several; CLR_EINPUT: nothing to draw. */
int figure_bench(struct bars *out, const struct clr_bench_report *reports, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err);

#endif
