/*
 * The figure of `clr-cl plot bench`: reports in, bars out; bars in, bytes out.
 */
#ifndef BENCH_BENCH_FIGURE_H
#define BENCH_BENCH_FIGURE_H

#include <clr/bench.h>

#include "plot/bars.h"

#define FIGURE_MOST                                                                                          \
    10000 /* pixels, of a figure without a given height: small rows that have no room are summed */

/* Fill the bars (bars_clear() them). CLR_EUSAGE: too many reports; CLR_EINPUT: nothing to draw. */
int figure_bench(struct bars *out, const struct clr_bench_report *reports, size_t count,
                 struct clr_error *err);

/* Draw them. boxes: text as boxes, see plot/canvas.h. options may be NULL. */
int figure_bench_render(struct str *out, const struct bars *bars, enum canvas_format format, bool boxes,
                        const struct clr_plot_options *options, struct clr_error *err);

#endif
