/*
 * The figures: files in, a chart out; a chart in, bytes out. clr/plot.h's functions are these two in a row.
 */
#ifndef PLOT_FIGURE_H
#define PLOT_FIGURE_H

#include <clr/plot.h>

#include "plot/chart.h"
#include "plot/runs.h"

/* Fill the chart (chart_clear() it). options may be NULL. Errors as in clr/plot.h. */
int figure_run(struct chart *out, const char *const *inputs, size_t count,
               const struct clr_plot_options *options, struct clr_error *err);
int figure_range(struct chart *out, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err);
int figure_loss(struct chart *out, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err);
int figure_schedule(struct chart *out, const char *const *inputs, size_t count,
                    const struct clr_plot_options *options, struct clr_error *err);

/* An x axis of rates: all that were asked for, also where the loss diverged before, on a log axis where a
 * sweep goes by factors. CLR_EINPUT: "FILE:LINE: …", the rates of a run fall. */
int figure_over_rates(struct chart *chart, const struct runs *runs, struct clr_error *err);

/*
 * The end of every figure; gives rc. Where that is 0: equal curves are said to be, bands are explained, of
 * more curves than there are styles the last become grey, which is told (not in small multiples), and *out is
 * the chart; else the chart is cleared. The runs are cleared in any case.
 */
int figure_end(struct chart *out, struct chart *chart, struct runs *runs,
               const struct clr_plot_options *options, int rc);

/* Draw it. boxes: text as boxes, see canvas.h. options may be NULL. */
int figure_render(struct str *out, const struct chart *chart, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err);

#endif
