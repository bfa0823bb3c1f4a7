/* The learning rates of runs as a second panel. */
#ifndef PLOT_RATES_H
#define PLOT_RATES_H

#include "plot/groups.h"

/* An empty panel of learning rates, from 0; share: of the height. */
struct chart_panel rates_panel(double share);

/*
 * Of each group the first run's rates, from the schedule in its run.json: with every vertex, every jump
 * upright at the first iteration after it, curves on thousands of points. Where run.json has no
 * schedule, or loss.csv and history.csv differ from it (the run was resumed under another one, or with
 * halved rates), from the rows of loss.csv, else history.csv; with a warning where other rates may lie
 * between them. CLR_EINPUT, CLR_ENOMEM.
 */
int rates_add_panel(struct chart *chart, const struct runs *runs, const struct groups_view *view,
                    struct clr_error *err);

/* clr_schedule_lr() or clr_schedule_momentum(). */
typedef double rates_column(const struct clr_schedule *s, uint64_t t);

/* The first `updates` updates (at least 1) of a checked schedule as a curve, as above; lines: a straight
 * piece has points only at its ends. CLR_ENOMEM, CLR_EUSAGE: chart_add_series(). */
int rates_add_schedule(struct chart_panel *panel, const char *label, const struct clr_schedule *schedule,
                       rates_column *column, uint64_t updates, bool lines, struct clr_error *err);

/* The column y over x, iterations, as a curve; a jump from one iteration to the next stands upright as well.
 * CLR_ENOMEM, CLR_EUSAGE: chart_add_series(). */
int rates_add_rows(struct chart_panel *panel, const char *label, const struct csv *t, size_t x, size_t y,
                   struct clr_error *err);

#endif
