/* Runs as curves: repeats become one, their mean with a band. */
#ifndef PLOT_GROUPS_H
#define PLOT_GROUPS_H

#include "plot/chart.h"
#include "plot/runs.h"

/* What of the runs is drawn, and over what. */
struct groups_view {
    enum { GROUPS_OVER_ITERATIONS, GROUPS_OVER_RATES, GROUPS_OVER_TIME } over;
    double unit; /* of time: in seconds */
    enum history_column column;
    double scale, most; /* values are multiplied by `scale`; a band ends at 0 and at `most` */
};

/* Where that iteration lies on the x axis: over rates, at its rate; over time, at the mean of the times at
 * which the group's timed runs got there; NaN after the end of their times. */
double groups_place(const struct runs *runs, size_t group, const struct groups_view *view, double iteration);

/* Does the curve end early: did one of the group's runs diverge, or end before another? */
bool groups_is_cut(const struct runs *runs, size_t group);

/*
 * Each group as a curve of the panel, over the iterations that all its runs have; band ± one sample standard
 * deviation. Over time, points without a time are omitted, with a warning. A warning names the runs for which
 * a curve ends early, but not over rates. CLR_EINPUT: a group's runs share no iteration; CLR_EUSAGE: too
 * many.
 */
int groups_add(struct chart_panel *panel, const struct runs *runs, const struct groups_view *view,
               struct clr_error *err);

/* Draw the accuracy or, where no run has one, the loss of the evaluations. CLR_EINPUT: some have one. */
int groups_choose_measure(struct groups_view *view, const struct runs *runs, struct clr_error *err);

/* "test accuracy (%)", or what it was measured on; "accuracy (%)" where that differs, or is not known. Of the
 * loss "test loss", and so on. */
const char *groups_measure_label(const struct runs *runs, const struct groups_view *view);

/* What all runs are about, "quick on cifar10", or "". */
const char *groups_topic(const struct runs *runs);

#endif
