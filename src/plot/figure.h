/*
 * The figures: files in, a chart out; a chart or bars in, a file out. clr/plot.h's functions are these two in
 * a row.
 */
#ifndef PLOT_FIGURE_H
#define PLOT_FIGURE_H

#include <clr/plot.h>

#include "plot/bars.h"
#include "plot/chart.h"
#include "plot/groups.h"

/* A figure while it is made. */
struct figure {
    const char *const *inputs;
    size_t count;
    const struct clr_plot_options *options; /* zeros where there are none */
    struct chart chart;
    struct runs runs;
    struct groups_view view; /* accuracy in percent over iterations, unless the kind changes it */
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

/* The axis of losses: it ends where a run diverges, and is a log axis where they fall far. Of the points
 * before `early`, as a share of x, it need not show all. */
void figure_loss_axis(struct chart *chart, double early);

/* Begin the axis of accuracies at that one. A curve that never reaches it is removed, which is reported.
 * CLR_EINPUT: none reaches it. */
int figure_begin_at(struct chart *chart, double begin, struct clr_error *err);

/* An x axis of rates: all that were asked for, also where the loss diverged before, on a log axis where a
 * sweep goes by factors. CLR_EINPUT: "FILE:LINE: …", the rates of a run fall. */
int figure_over_rates(struct figure *f, struct clr_error *err);

/* What is drawn: one of them. */
struct figure_content {
    struct chart *chart;
    struct bars *bars;
};

/* Draw it. boxes: text as boxes, see canvas.h. options may be NULL. */
int figure_render(struct str *out, struct figure_content content, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err);

/* Write the figure, and the table that options ask for. Both are made before the first file is written.
 * options may be NULL; their title replaces the content's. */
int figure_write(const char *path, struct figure_content content, const struct clr_plot_options *options,
                 struct clr_error *err);

#endif
