/*
 * The figures: files in, a chart out; a chart in, bytes out. clr/plot.h's functions are these two in a row.
 */
#ifndef PLOT_FIGURE_H
#define PLOT_FIGURE_H

#include <clr/plot.h>

#include "plot/chart.h"
#include "plot/groups.h"

/* A figure while it is made. */
struct figure {
    const char *const *inputs;
    size_t count;
    const struct clr_plot_options *options; /* zeros where there are none */
    struct chart chart;
    struct runs runs;
    struct groups_view view;
};

/* One kind of figure: fill the chart from the inputs. Errors as in clr/plot.h. */
typedef int figure_kind(struct figure *f, struct clr_error *err);
figure_kind figure_run, figure_loss, figure_range, figure_schedule;

/*
 * The chart of that kind (chart_clear() it). Equal curves are named as such, bands are explained, of more
 * curves than there are styles the last become grey, which is reported (not in small multiples). options may
 * be NULL.
 */
int figure_make(figure_kind *kind, struct chart *out, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err);

/* An x axis of rates: all that were asked for, also where the loss diverged before, on a log axis where a
 * sweep goes by factors. CLR_EINPUT: "FILE:LINE: …", the rates of a run fall. */
int figure_over_rates(struct figure *f, struct clr_error *err);

/* Draw it. boxes: text as boxes, see canvas.h. options may be NULL. */
int figure_render(struct str *out, const struct chart *chart, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err);

#endif
