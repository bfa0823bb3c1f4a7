/*
 * Figures of runs, their accuracy and their loss: see figure.h. The dashed lines that connect equal accuracy
 * are those of figure 1 in L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
 * arXiv:1506.01186.
 */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/smooth.h"
#include "plot/axes.h"
#include "plot/groups.h"
#include "plot/labels.h"
#include "plot/rates.h"

/* Of the longest run: counts as equally long, since periods and epochs seldom end at a round number. */
#define AS_LONG 0.98

#define MAX_MARKED 5 /* most iteration counts that are marked */

/* Fewest points that show the course of accuracies, and of losses, each of which is of a single batch. */
#define ENOUGH_POINTS 3
#define ENOUGH_LOSSES 10

/* Loss curves with fewer points are drawn point by point; of others the mean of a hundredth to each side. */
#define FEW_POINTS 100
#define SMOOTH     100

/* A loss above DIVERGED times the first one is off the scale: then the axis ends at SHOWN times the first. */
#define DIVERGED 10.0
#define SHOWN    2.0

/* ---- equal accuracy ---- */

static double last_x(const struct chart_series *s)
{
    return s->x[s->count - 1];
}

/* The curve that takes longest; of several as long, the one with the lowest end. */
static size_t slowest(const struct chart_panel *panel)
{
    double longest = -INFINITY, lowest = INFINITY;
    size_t best = 0;

    for (size_t i = 0; i < panel->series_count; i++)
        longest = fmax(longest, last_x(&panel->series[i]));
    for (size_t i = 0; i < panel->series_count; i++) {
        const double end = panel->series[i].y[panel->series[i].count - 1];
        if (last_x(&panel->series[i]) >= AS_LONG * longest && end < lowest) {
            lowest = end;
            best = i;
        }
    }
    return best;
}

/* Does no other curve end as late? */
static bool is_longest(const struct chart_panel *panel, size_t index)
{
    for (size_t i = 0; i < panel->series_count; i++)
        if (i != index && last_x(&panel->series[i]) >= AS_LONG * last_x(&panel->series[index]))
            return false;
    return true;
}

static void mark_count(struct chart_panel *panel, double x, double y, bool whole)
{
    struct chart_guide g = {.x0 = x, .x1 = x, .y0 = -INFINITY, .y1 = y, .text_at = CHART_TEXT_FOOT};

    if (whole)
        axes_format_fixed(g.text, sizeof g.text, x, 0);
    else
        axes_format_value(g.text, sizeof g.text, x, 3);
    chart_add_guide(panel, g);
}

/* Where a curve first reaches a level. */
struct arrival {
    double x;
    const char *label;
};

static int by_place(const void *a, const void *b)
{
    return smooth_ascending(&((const struct arrival *)a)->x, &((const struct arrival *)b)->x);
}

/* Those that are too many to be marked. */
static void report_unmarked(const struct arrival *at, size_t count, const char *level)
{
    struct str list = {0};

    for (size_t i = 0; i < count; i++) {
        char x[AXES_TEXT];
        axes_format_value(x, sizeof x, at[i].x, 6);
        str_append(&list, "%s'%s' at %s", i > 0 ? ", " : "", at[i].label, x);
    }
    log_line(CLR_LOG_INFO, "too many curves reach %s for a mark at each; not marked: %s", level,
             str_text(&list));
    str_clear(&list);
}

/* Mark where the faster curves arrive; of more than MAX_MARKED, only the first. The slowest curve arrives at
 * `own`. */
static void mark_arrivals(struct chart *chart, const struct arrival *at, size_t n, double own,
                          const struct chart_guide *level)
{
    struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 0; i < (n > MAX_MARKED ? 1 : n); i++)
        if (at[i].x != own && (i == 0 || at[i].x != at[i - 1].x))
            mark_count(panel, at[i].x, level->y0, chart->x_whole);
    mark_count(panel, own, level->y0, chart->x_whole);
}

/* Mark where each faster curve first reaches the accuracy that the slowest one ends with, except at its first
 * point. Nothing is marked where no curve arrives before the end, or where the axis begins above. */
static void connect_equal_accuracy(struct chart *chart, bool small)
{
    struct chart_panel *panel = &chart->panels[0];
    struct arrival at[CHART_MAX_SERIES];
    size_t slow = slowest(panel), n = 0;
    const double end_x = last_x(&panel->series[slow]),
                 end_y = panel->series[slow].y[panel->series[slow].count - 1];
    struct chart_guide level = {.x1 = end_x, .y0 = end_y, .y1 = end_y, .text_at = CHART_TEXT_ALONG};
    double own = end_x; /* where the slowest one arrives */

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        for (size_t k = 0; k < s->count && s->x[k] <= end_x; k++) {
            if (s->y[k] < end_y)
                continue;
            if (i == slow) /* it may have been there before it ended */
                own = s->x[k];
            else if (k > 0)
                at[n++] = (struct arrival){s->x[k], s->label};
            break;
        }
    }
    qsort(at, n, sizeof at[0], by_place);
    if (n == 0 || fmin(at[0].x, own) >= end_x || (panel->begins && end_y < panel->begin))
        return;
    level.x0 = fmin(at[0].x, own);
    (void)snprintf(level.text, sizeof level.text, "%.1f %%", end_y);
    chart_add_guide(panel, level);
    mark_arrivals(chart, at, n, own, &level);
    if (n > MAX_MARKED && !small) /* small charts have no marks */
        report_unmarked(at + 1, n - 1, level.text);
    chart_add_key(chart, CHART_KEY_GUIDE, "reaches %s, where '%s' ends", level.text,
                  panel->series[slow].label);
    chart_add_brief(chart, "reaches %s, where the %s ends", level.text,
                    is_longest(panel, slow) ? "longest run" : "lowest curve");
}

/* ---- where the axis begins ---- */

/* Begin the axis where differences show. A curve that has no point on it is reported. */
static void begin_by_itself(struct chart_panel *panel)
{
    chart_begin_axis(panel, 0.2);
    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->begins && chart_highest(&panel->series[i]) < panel->begin)
            log_line(CLR_LOG_WARNING, "'%s' stays below %g %%, where the axis begins: `y_min` 0 shows it",
                     panel->series[i].label, panel->begin);
}

/* ---- divergence ---- */

/* Where the loss of the curves' runs was no longer finite, as in range tests, in the curves' colours. */
static void mark_divergence(struct figure *f)
{
    struct chart_panel *panel = &f->chart.panels[0];
    const bool grey = !f->options->multiples; /* in a single chart, curves after CHART_STYLES are grey */
    bool marked = false;

    for (size_t i = 0; i < panel->series_count; i++) {
        const size_t group = panel->series[i].look;
        for (const struct plot_run *r = NULL; (r = runs_next(&f->runs, group, r)) != NULL;) {
            const double at = groups_place(&f->runs, group, &f->view, r->diverged_at);
            const struct chart_guide guide = {.x0 = at,
                                              .x1 = at,
                                              .y0 = -INFINITY,
                                              .y1 = INFINITY,
                                              .text = "diverged",
                                              .colored = true,
                                              .muted = grey && i >= CHART_STYLES,
                                              .look = group};
            if (isnan(at))
                continue;
            chart_add_guide(panel, guide);
            marked = true;
        }
    }
    if (marked)
        chart_add_key(&f->chart, CHART_KEY_END, "loss no longer finite");
}

/* ---- run ---- */

/* The time of the longest run decides on the unit. Times of different devices do not compare: those of one
 * are drawn, and the axis names it. */
static int prepare_time(struct figure *f, struct clr_error *err)
{
    const char *clock = runs_clock(&f->runs);
    double longest = 0.0;
    int rc = runs_read_times(&f->runs, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < f->runs.count; i++) {
        const struct plot_run *r = &f->runs.run[i];
        longest = r->timed ? fmax(longest, csv_at(&r->times, r->times.rows - 1, 1)) : longest;
    }
    f->view.over = GROUPS_OVER_TIME;
    f->view.unit = longest <= 120 ? 1 : longest <= 7200 ? 60 : 3600;
    (void)snprintf(f->chart.x_label, sizeof f->chart.x_label, "time%s%s, with evaluations (%s)",
                   clock ? " on " : "", clock ? clock : "",
                   longest <= 120    ? "s"
                   : longest <= 7200 ? "min"
                                     : "h");
    f->chart.x_whole = false;
    return 0;
}

/* Are all numbers of the label (there is one) in the name, as in "lr-0.08-decay-0.001"? */
static bool has_numbers(const char *name, const char *label)
{
    bool any = false;

    while (*label) {
        char number[AXES_TEXT];
        size_t n = 0;
        label += strcspn(label, "0123456789");
        for (; *label && strchr("0123456789.,", *label) && n + 1 < sizeof number; label++)
            if (*label != ',') /* 4,000 */
                number[n++] = *label;
        number[n] = '\0';
        if (n > 0 && !strstr(name, number))
            return false;
        any = any || n > 0;
    }
    return any;
}

/* "NAME: what differs". The name alone in small multiples, or where it has all numbers of what differs; what
 * differs alone where that begins with the name. */
static void name_groups(struct runs *runs, const struct clr_plot_options *o)
{
    for (size_t i = 0; i < runs->count; i++) {
        struct plot_run *r = &runs->run[i];
        const char *name = o->names[i];
        const size_t length = strlen(name);
        char label[2 * RUNS_LABEL];
        if (!o->multiples && strncmp(r->label, name, length) == 0 && strchr(" ,", r->label[length]))
            continue;
        if (o->multiples || has_numbers(name, r->label))
            str_copy(label, sizeof label, name);
        else
            (void)snprintf(label, sizeof label, "%s: %s", name, r->label);
        str_copy(r->label, sizeof r->label, label);
    }
}

/* Read the runs, name them, and find their place on the x axis. */
static int read_runs(struct figure *f, const char *csv_name, struct clr_error *err)
{
    const struct clr_plot_options *o = f->options;
    int rc = runs_read(&f->runs, f->inputs, o->folders, f->count, csv_name, err);

    str_copy(f->chart.x_label, sizeof f->chart.x_label, "iteration");
    f->chart.x_from_zero = f->chart.x_whole = true;
    f->chart.panels[0].floor = 0.0;
    f->chart.panels[0].share = 1.0;
    if (rc == 0 && o->names)
        name_groups(&f->runs, o);
    if (rc == 0)
        rc = labels_apply(&f->runs, f->inputs, o->labels, o->label_count, err);
    if (rc < 0 || o->over == CLR_PLOT_OVER_ITERATIONS)
        return rc;
    return o->over == CLR_PLOT_OVER_TIME ? prepare_time(f, err) : figure_over_rates(f, err);
}

/* Does the group's first run have, or with a single row possibly have, iterations without a row? */
static bool has_gaps(const struct runs *runs, size_t group)
{
    const struct csv *t = &runs_next(runs, group, NULL)->table;

    return t->rows == 1 || csv_at(t, t->rows - 1, HISTORY_ITERATION) > (double)t->rows;
}

/* Report curves of few points, with the option of `train` that records more. Runs that ended early, and those
 * with a point for each iteration, have no more. */
static void report_few(const struct figure *f, size_t enough, const char *option)
{
    const struct chart_panel *panel = &f->chart.panels[0];
    struct str names = {0};
    size_t few = 0;

    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->series[i].count < enough && !groups_is_cut(&f->runs, panel->series[i].look) &&
            has_gaps(&f->runs, panel->series[i].look))
            str_append(&names, "%s'%s'", few++ > 0 ? ", " : "", panel->series[i].label);
    if (few > 0)
        log_line(CLR_LOG_INFO, "fewer than %zu points: %s; 'train' records more of them with a smaller %s",
                 enough, str_text(&names), option);
    str_clear(&names);
}

/* The curves, their rates, and the title. enough: points; option: of `train`, for more of them. */
static int add_curves(struct figure *f, size_t enough, const char *option, struct clr_error *err)
{
    int rc = groups_add(&f->chart.panels[0], &f->runs, &f->view, err);

    if (rc == 0)
        report_few(f, enough, option);
    if (rc == 0 && f->options->rates)
        rc = rates_add_panel(&f->chart, &f->runs, &f->view, err);
    return rc == 0 ? labels_title(f->chart.title, sizeof f->chart.title, &f->runs, err) : rc;
}

/* ---- loss ---- */

/* Means of the neighbours within a hundredth of the curve to each side, where there are so many. */
static int new_smooth(double **out, const double *v, size_t count, struct clr_error *err)
{
    const size_t half = count / SMOOTH;
    int rc = mem_new(out, count, sizeof **out, "a curve", err);

    for (size_t i = 0; i < count && rc == 0; i++)
        (*out)[i] = smooth_mean(v, count, i, half);
    return rc;
}

/* The loss of a single batch is noisy: the line is a mean of neighbours, over the points; a mean of repeats
 * has a band instead of points. */
static int smooth_losses(struct chart *chart, struct clr_error *err)
{
    const struct chart_panel *panel = &chart->panels[0];
    bool smoothed = false, dots = false;

    for (size_t i = 0; i < panel->series_count; i++) {
        struct chart_series *s = &panel->series[i];
        double **const bands[] = {&s->low, &s->high};
        int rc;
        if (s->count < FEW_POINTS)
            continue;
        rc = new_smooth(&s->smooth, s->y, s->count, err);
        s->markers = false;
        s->faint = !s->low;
        smoothed = true;
        dots = dots || s->faint;
        for (int k = 0; k < 2 && s->low && rc == 0; k++) {
            double *noisy = *bands[k];
            rc = new_smooth(bands[k], noisy, s->count, err);
            if (rc == 0)
                free(noisy);
        }
        if (rc < 0)
            return rc;
    }
    if (smoothed)
        chart_add_key(chart, panel->series_count > 1 ? CHART_KEY_LINE : CHART_KEY_TEXT,
                      "%smean over 1/50 of the run, 1/100 at its ends",
                      panel->series_count > 1 ? "" : "line: "); /* it has its sample beside the name */
    if (dots)
        chart_add_key(chart, CHART_KEY_DOTS, "loss of one batch");
    if (!smoothed)
        chart_add_key(chart, CHART_KEY_TEXT, "each loss is that of one batch");
    return 0;
}

static double first_loss(const struct chart_panel *panel)
{
    double first = 0.0;

    for (size_t i = 0; i < panel->series_count; i++)
        first = fmax(first, panel->series[i].y[0]);
    return first;
}

/* End the axis where a run diverges: on an axis up to its losses, all other curves would lie on zero. */
static void end_loss_axis(struct chart *chart)
{
    struct chart_panel *panel = &chart->panels[0];
    const double first = first_loss(panel);
    double above = 0.0;
    size_t curves = 0;

    panel->ceiling = INFINITY;
    for (size_t i = 0; i < panel->series_count && first > 0.0; i++) {
        const struct chart_series *s = &panel->series[i];
        const double most = chart_highest(s);
        if (!(most > DIVERGED * first))
            continue;
        panel->ends = true;
        panel->ceiling = SHOWN * first;
        log_line(CLR_LOG_WARNING, "'%s' has losses up to %.3g: it is cut at %.3g, where the axis ends",
                 s->label, most, panel->ceiling);
        above = fmax(above, most);
        curves++;
    }
    if (panel->ends)
        chart_add_above(chart, "loss", above, curves);
}

/* Losses that fall to less than a fifth are drawn on a log axis, others where differences can be seen; of
 * those before `early`, as a share of x, the axis need not show all. */
static void choose_loss_axis(struct chart_panel *panel, double early)
{
    double lo = INFINITY, hi = 0.0, least = INFINITY;

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        for (size_t k = 0; k < s->count; k++) {
            const double line = fmin(s->smooth ? s->smooth[k] : s->y[k], panel->ceiling);
            lo = fmin(lo, line);
            hi = fmax(hi, line);
            least = fmin(least, s->low ? s->low[k] : s->y[k]);
        }
    }
    panel->log = least > 0.0 && hi > 5.0 * lo;
    if (panel->ends) /* what is above the axis does not matter here */
        chart_begin_at(panel, panel->log ? least : 0.0);
    else if (!panel->log)
        chart_begin_axis(panel, early);
}

void figure_loss_axis(struct chart *chart, double early)
{
    chart->panels[0].y_brief = "loss";
    end_loss_axis(chart);
    choose_loss_axis(&chart->panels[0], early);
}

int figure_loss(struct figure *f, struct clr_error *err)
{
    struct chart_panel *panel = &f->chart.panels[0];
    int rc = read_runs(f, "loss.csv", err);

    f->view.column = HISTORY_TRN_LOSS;
    f->view.scale = 1.0;
    f->view.most = INFINITY;
    if (rc == 0)
        rc = add_curves(f, ENOUGH_LOSSES, "`log_every`", err);
    if (rc == 0)
        rc = smooth_losses(&f->chart, err);
    if (rc < 0)
        return rc;
    panel->y_label = "training loss";
    figure_loss_axis(&f->chart,
                     f->view.over == GROUPS_OVER_RATES ? 0.0 : 0.2); /* low rates are a part of the test */
    mark_divergence(f);
    return 0;
}

/* ---- evaluations ---- */

int figure_run(struct figure *f, struct clr_error *err)
{
    struct chart_panel *panel = &f->chart.panels[0];
    int rc = read_runs(f, "history.csv", err);

    if (rc == 0)
        rc = groups_choose_measure(&f->view, &f->runs, err);
    if (rc == 0)
        rc = add_curves(f, ENOUGH_POINTS, "`validate_every`", err);
    if (rc < 0)
        return rc;
    panel->y_label = groups_measure_label(&f->runs, &f->view);
    if (f->view.column == HISTORY_VAL_LOSS) {
        figure_loss_axis(&f->chart, 0.2);
    } else {
        panel->y_brief = "accuracy";
        panel->ceiling = 100.0;
        panel->min_span = 2.0;
        if (f->options->y_min)
            rc = figure_begin_at(&f->chart, *f->options->y_min, err);
        else
            begin_by_itself(panel);
        if (rc == 0)
            connect_equal_accuracy(&f->chart, f->options->multiples);
    }
    mark_divergence(f);
    return rc;
}
