/* Repeats as one curve: see groups.h. */
#include "plot/groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/smooth.h"

/* Row of the run whose iteration that is; -1: none. Binary search. */
static ptrdiff_t find_row(const struct csv *t, double iteration)
{
    size_t lo = 0, hi = t->rows;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (csv_at(t, mid, HISTORY_ITERATION) < iteration)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->rows && csv_at(t, lo, HISTORY_ITERATION) == iteration ? (ptrdiff_t)lo : -1;
}

/* The values of the group's runs at that iteration; false where one of them has none there. */
static bool read_values(double *out, const struct runs *runs, size_t group, const struct groups_view *view,
                        double iteration)
{
    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;) {
        const ptrdiff_t row = find_row(&r->table, iteration);
        if (row < 0)
            return false;
        *out++ = view->scale * csv_at(&r->table, (size_t)row, view->column);
    }
    return true;
}

static size_t group_size(const struct runs *runs, size_t group)
{
    size_t n = 0;

    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;)
        n++;
    return n;
}

/* The rate of that iteration in the group's first run; NaN: it is not known. */
static double rate_at(const struct runs *runs, size_t group, double iteration)
{
    const struct plot_run *first = runs_next(runs, group, NULL);
    const ptrdiff_t row = find_row(&first->table, iteration);

    if (row >= 0)
        return csv_at(&first->table, (size_t)row, HISTORY_LR);
    return first->scheduled && iteration >= 1 ? clr_schedule_lr(&first->schedule, (uint64_t)iteration - 1)
                                              : NAN;
}

double groups_place(const struct runs *runs, size_t group, const struct groups_view *view, double iteration)
{
    double seconds = 0.0;
    size_t n = 0;

    if (view->over == GROUPS_OVER_ITERATIONS)
        return iteration;
    if (view->over == GROUPS_OVER_RATES)
        return rate_at(runs, group, iteration);
    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;) {
        if (r->timed) {
            seconds += runs_seconds(r, iteration);
            n++;
        }
    }
    return seconds / (double)n / view->unit;
}

static double last_iteration(const struct plot_run *r)
{
    return csv_at(&r->table, r->table.rows - 1, HISTORY_ITERATION);
}

/* Where the longest of the group's runs ends. */
static double longest(const struct runs *runs, size_t group)
{
    double end = 0.0;

    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;)
        end = fmax(end, last_iteration(r));
    return end;
}

static bool ends_early(const struct plot_run *r, double end)
{
    return !isnan(r->diverged_at) || last_iteration(r) < end;
}

bool groups_is_cut(const struct runs *runs, size_t group)
{
    const double end = longest(runs, group);

    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;)
        if (ends_early(r, end))
            return true;
    return false;
}

/* Report the runs for which the group's curve ends early, at iteration `last`. */
static void report_cut(const struct runs *runs, size_t group, size_t members, double last)
{
    const double end = longest(runs, group);

    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;) {
        char curve[64] = "its curve";
        if (!ends_early(r, end))
            continue;
        if (members > 1)
            (void)snprintf(curve, sizeof curve, "the mean of its group's %zu runs", members);
        if (isnan(r->diverged_at))
            log_line(CLR_LOG_WARNING, "'%s' ends at iteration %.0f: %s ends at iteration %.0f", r->name,
                     last_iteration(r), curve, last);
        else
            log_line(CLR_LOG_WARNING, "'%s' diverged at iteration %.0f: %s ends at iteration %.0f", r->name,
                     r->diverged_at, curve, last);
    }
}

/* One group as a curve: the iterations that all its runs share. */
static int add_group(struct chart_panel *panel, const struct runs *runs, size_t group,
                     const struct groups_view *view, struct clr_error *err)
{
    const struct plot_run *first = runs_next(runs, group, NULL);
    const size_t members = group_size(runs, group);
    size_t n = 0, untimed = 0;
    char points[STR_COUNT];
    double last = 0.0;
    char label[CHART_LABEL];
    struct chart_series *s;
    double *values = NULL;
    int rc;

    if (members > 1)
        (void)snprintf(label, sizeof label, "%.*s, %zu runs", RUNS_LABEL, first->label, members);
    else
        str_copy(label, sizeof label, first->label);
    rc = chart_add_series(panel, label, first->table.rows, members > 1, &s, err);
    if (rc == 0)
        rc = mem_new(&values, members, sizeof *values, "a curve", err);
    if (rc < 0)
        return rc;
    for (size_t r = 0; r < first->table.rows; r++) {
        const double iteration = csv_at(&first->table, r, HISTORY_ITERATION);
        struct smooth_moments m;
        if (!read_values(values, runs, group, view, iteration))
            continue;
        m = smooth_moments(values, members);
        last = iteration;
        s->x[n] = groups_place(runs, group, view, iteration);
        if (isnan(s->x[n])) {
            untimed++;
            continue;
        }
        s->y[n] = m.mean;
        if (s->low) {
            s->low[n] = fmax(m.mean - m.deviation, 0.0);
            s->high[n] = fmin(m.mean + m.deviation, view->most);
        }
        n++;
    }
    free(values);
    s->count = n;
    if (untimed > 0)
        log_line(CLR_LOG_WARNING, "'%s': %s after the end of timing.csv: not drawn", label,
                 str_count(points, untimed, "point"));
    if (n == 0)
        return clr_error_set(err, CLR_EINPUT,
                             "%s:2: shares no iteration with its repeats: nothing to average",
                             first->csv_path);
    if (view->over != GROUPS_OVER_RATES) /* range tests end like that */
        report_cut(runs, group, members, last);
    return 0;
}

static bool lacks_accuracy(const struct plot_run *r)
{
    return isnan(csv_at(&r->table, r->table.rows - 1, HISTORY_VAL_ACC));
}

int groups_choose_measure(struct groups_view *view, const struct runs *runs, struct clr_error *err)
{
    const bool lacks = lacks_accuracy(&runs->run[0]);

    for (size_t i = 1; i < runs->count; i++)
        if (lacks_accuracy(&runs->run[i]) != lacks)
            return clr_error_set(err, CLR_EINPUT,
                                 "'%s' has no accuracy, and '%s' has one: draw them in figures of their own",
                                 runs->run[lacks ? 0 : i].name, runs->run[lacks ? i : 0].name);
    view->column = lacks ? HISTORY_VAL_LOSS : HISTORY_VAL_ACC;
    view->scale = lacks ? 1.0 : 100.0;
    view->most = lacks ? INFINITY : 100.0;
    return 0;
}

const char *groups_measure_label(const struct runs *runs, const struct groups_view *view)
{
    static const char *const labels[2][3] = {{"test accuracy (%)", "held-out accuracy (%)", "accuracy (%)"},
                                             {"test loss", "held-out loss", "loss of the evaluations"}};
    const char *const *of = labels[view->column == HISTORY_VAL_LOSS];
    size_t held_out = 0, tested = 0;

    for (size_t i = 0; i < runs->count; i++) {
        held_out += runs->run[i].held_out;
        tested += runs->run[i].known && !runs->run[i].held_out;
    }
    return tested == runs->count ? of[0] : held_out == runs->count ? of[1] : of[2];
}

const char *groups_topic(const struct runs *runs)
{
    for (size_t i = 1; i < runs->count; i++)
        if (strcmp(runs->run[i].topic, runs->run[0].topic) != 0)
            return "";
    return runs->run[0].topic;
}

int groups_add(struct chart_panel *panel, const struct runs *runs, const struct groups_view *view,
               struct clr_error *err)
{
    for (size_t g = 0; g < runs->groups; g++) {
        int rc = add_group(panel, runs, g, view, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
