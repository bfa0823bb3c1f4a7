/* Figures of range tests: see figure.h. */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/range.h>

#include "base/archive.h"
#include "base/log.h"
#include "base/smooth.h"
#include "plot/axes.h"
#include "plot/groups.h"
#include "plot/labels.h"
#include "range/curve.h"
#include "sched/policies.h"

#define PIECES 8 /* of a schedule, as in check_schedule() */

/* Do the rates grow by a factor? run.json has the policy; without it, the rates are looked at. */
static bool is_geometric(const struct plot_run *run)
{
    const struct csv *t = &run->table;

    return run->scheduled ? run->schedule.policy == CLR_POLICY_SWEEP_LOG
                          : axes_is_geometric(t->values + HISTORY_ITERATION, t->values + HISTORY_LR,
                                              t->columns, t->rows);
}

/* The axis shows all planned rates, also where the loss diverged before the last. */
static void span_rates(struct chart *chart, const struct runs *runs)
{
    chart->x_spans = true;
    chart->x_first = INFINITY;
    chart->x_last = 0.0;
    for (size_t i = 0; i < runs->count; i++) {
        const struct plot_run *r = &runs->run[i];
        const struct csv *t = &r->table;
        const double first = r->scheduled ? r->schedule.min_lr : csv_at(t, 0, HISTORY_LR),
                     last = r->scheduled ? r->schedule.max_lr : csv_at(t, t->rows - 1, HISTORY_LR);
        chart->x_first = fmin(chart->x_first, first);
        chart->x_last = fmax(chart->x_last, last);
    }
}

/* Between the rows, too, the rate does not fall. Within a piece a rate falls all the way, or at the end. A
 * schedule of more pieces than PIECES repeats them: if those do not fall, none does. */
static int check_schedule(const struct plot_run *run, struct clr_error *err)
{
    const struct clr_schedule *s = &run->schedule;
    const struct csv *t = &run->table;
    const uint64_t last = (uint64_t)fmax(csv_at(t, t->rows - 1, HISTORY_ITERATION) - 1.0, 0.0);
    char count[STR_COUNT];
    uint64_t at = 0;

    for (int i = 0; i < PIECES && run->scheduled && at < last; i++) {
        const uint64_t piece = schedule_piece_of(s, at).end, end = piece < last ? piece : last;
        if (clr_schedule_lr(s, end - 1) < clr_schedule_lr(s, at) ||
            clr_schedule_lr(s, end) < clr_schedule_lr(s, end - 1))
            return clr_error_set(
                err, CLR_EINPUT, "'%s': the rate falls before iteration %s under %s: this is no range test",
                run->csv_path, str_count(count, end + 1, ""), clr_schedule_policy_name(s->policy));
        at = end;
    }
    return 0;
}

int figure_over_rates(struct figure *f, struct clr_error *err)
{
    struct chart *chart = &f->chart;

    for (size_t i = 0; i < f->runs.count; i++) {
        const struct plot_run *run = &f->runs.run[i];
        int rc = range_check_rising(&run->table, err);
        if (rc == 0)
            rc = check_schedule(run, err);
        if (rc < 0)
            return rc;
        /* One sweep by a factor is enough: on a linear axis, most of it would be in a single place. */
        chart->x_log = chart->x_log || is_geometric(run);
    }
    f->view.over = GROUPS_OVER_RATES;
    str_copy(chart->x_label, sizeof chart->x_label, "learning rate");
    chart->x_whole = false;
    chart->x_from_zero = !chart->x_log;
    span_rates(chart, &f->runs);
    return 0;
}

static void mark_rate(struct chart_panel *panel, const char *name, double rate, const char *remark)
{
    struct chart_guide g = {rate, -INFINITY, rate, INFINITY, .text_at = CHART_TEXT_HEAD};
    char number[AXES_TEXT];

    axes_format_value(number, sizeof number, rate, 3);
    (void)snprintf(g.text, sizeof g.text, "%s %s%s", name, number, remark);
    (void)snprintf(g.brief, sizeof g.brief, "%s %.12s", name, number);
    chart_add_guide(panel, g);
}

/* Read a group's tests together. out->tests is 0 where a range.json is missing, or there are too many
 * tests. */
static int read_range(struct clr_range_result *out, const struct runs *runs, size_t group,
                      struct clr_error *err)
{
    const struct plot_run *without = NULL;
    const char **folders = NULL;
    size_t count = 0;
    int rc = mem_new(&folders, runs->count, sizeof *folders, "folders", err);

    *out = (struct clr_range_result){0};
    for (const struct plot_run *r = NULL; rc == 0 && (r = runs_next(runs, group, r)) != NULL;) {
        bool there = false;
        if (r->folder)
            rc = archive_has(&there, r->folder, "range.json", err);
        folders[count++] = r->folder;
        if (!there && !without)
            without = r;
    }
    if (rc == 0 && without)
        log_line(CLR_LOG_INFO, "no bounds are read from '%s': range.json is not beside it",
                 without->csv_path);
    else if (rc == 0 && count > CLR_RANGE_TESTS)
        log_line(CLR_LOG_INFO, "no bounds are read: %zu tests are more than the %d that are read as one",
                 count, CLR_RANGE_TESTS);
    else if (rc == 0)
        rc = clr_range_read(out, folders, count, err);
    free(folders);
    return rc;
}

/* A stripe, and its row in the legend, with its text where there is little room. */
static void add_shade(struct chart *chart, enum chart_key_kind kind, const char *what, const char *brief,
                      double lo, double hi)
{
    struct chart_panel *panel = &chart->panels[0];
    char from[AXES_TEXT], to[AXES_TEXT];

    panel->shades[panel->shade_count++] =
        (struct chart_shade){lo, hi, kind == CHART_KEY_BOUND, kind == CHART_KEY_DOUBT, what};
    axes_format_value(from, sizeof from, lo, 3);
    axes_format_value(to, sizeof to, hi, 3);
    chart_add_key(chart, kind, "%s: %s…%s", what, from, to);
    axes_format_value(from, sizeof from, lo, 2);
    axes_format_value(to, sizeof to, hi, 2);
    if (kind == CHART_KEY_BOUND)
        chart_add_brief(chart, "%s %s…%s", brief, from, to);
    else /* `min` and `max` stand over the lines */
        chart_add_brief(chart, "%s", brief);
}

/* What the range is, of several tests, and in short; range-test does not give a command to train with while
 * it is in doubt. */
static const char *const ranges[][3] = {
    [CLR_RANGE_SURE] = {"range to train in", "range to train in (medians)", "range to train in"},
    [CLR_RANGE_OPEN] = {"range so far: the test ends too low", "range so far: the tests end too low",
                        "ends too low"},
    [CLR_RANGE_FEW_UPDATES] = {"uncertain range: too few updates", "uncertain range: too few updates",
                               "uncertain"},
    [CLR_RANGE_WIDE] = {"uncertain range", "uncertain range (medians)", "uncertain"},
};

/* What the interval of the upper bound is; it is cut where the sweep begins, and where the test failed. */
static const char *interval(const struct clr_range_result *r)
{
    static const char *const names[][2] = {
        [CLR_RANGE_OF_TEST] = {"95 % interval of max", "95 % interval of max, cut at the first rate"},
        [CLR_RANGE_UNION] = {"95 % intervals of max, of both tests",
                             "95 % intervals of max, of both tests, cut at the first rate"},
        [CLR_RANGE_SPREAD] = {"max of single tests", ""},
        [CLR_RANGE_COMBINED] = {"95 % interval of max, of all tests",
                                "95 % interval of max, of all tests, cut at the first rate"}};

    if (r->halved && r->interval == CLR_RANGE_OF_TEST)
        return r->low_cut ? "95 % interval of max, cut at both ends" : "95 % interval of max, cut at max";
    return names[r->interval][r->low_cut];
}

static void mark_bounds(struct chart *chart, const struct clr_range_result *r)
{
    struct chart_panel *panel = &chart->panels[0];
    char failed[AXES_TEXT], half[AXES_TEXT + 16] = "";

    if (!r->has_range)
        return;
    axes_format_value(failed, sizeof failed, 2.0 * r->max_lr, 3);
    if (r->halved && r->tests == 1)
        (void)snprintf(half, sizeof half, " (half of %s)", failed);
    mark_rate(panel, "max", r->max_lr, half);
    mark_rate(panel, "min", r->min_lr,
              r->quartered    ? " (max / 4)"
              : r->from_start ? " (the first rate)"
                              : "");
    chart->x_first = fmin(chart->x_first, r->min_lr);
    add_shade(chart, r->doubt == CLR_RANGE_SURE ? CHART_KEY_RANGE : CHART_KEY_DOUBT,
              ranges[r->doubt][r->tests > 1], ranges[r->doubt][2], r->min_lr, r->max_lr);
    if (r->max_lr_low < r->max_lr_high)
        add_shade(chart, CHART_KEY_BOUND, interval(r), "max in", r->max_lr_low, r->max_lr_high);
}

/* Where the loss was first no longer finite. Of several groups, in the colour of each; their lanes show the
 * rate. */
static void mark_divergence(struct chart_panel *panel, const struct clr_range_result *r, size_t group,
                            bool alone)
{
    struct chart_guide *guide = &panel->guides[panel->guide_count];

    if (!r->diverged)
        return;
    mark_rate(panel, r->tests > 1 ? "first diverged" : "diverged", r->diverged_lr, "");
    if (alone)
        return;
    guide->text_at = CHART_NO_TEXT;
    guide->colored = true;
    guide->look = group;
}

/* What was read from one of several groups. */
static void add_lane(struct chart *chart, const struct clr_range_result *r, size_t group)
{
    struct chart_lane lane = {.lo = NAN, .hi = NAN, .end = NAN, .look = group, .text = "no range read"};
    char from[AXES_TEXT], to[AXES_TEXT];

    if (r->has_range) {
        lane.lo = r->min_lr;
        chart->x_first = fmin(chart->x_first, r->min_lr);
        lane.hi = r->max_lr;
        axes_format_value(from, sizeof from, r->min_lr, 3);
        axes_format_value(to, sizeof to, r->max_lr, 3);
        (void)snprintf(lane.text, sizeof lane.text, "%s…%s%s%s", from, to,
                       r->doubt == CLR_RANGE_SURE ? "" : ", ",
                       r->doubt == CLR_RANGE_SURE ? "" : ranges[r->doubt][2]);
    }
    if (r->diverged)
        lane.end = r->diverged_lr;
    chart->lanes[chart->lane_count++] = lane;
}

/* Mark what was read from each group that has a colour. */
static int mark_groups(struct chart *chart, const struct runs *runs, struct clr_error *err)
{
    const struct chart_panel *panel = &chart->panels[0];
    struct clr_range_result r;
    bool diverged = false, read = false;
    int rc = 0;

    for (size_t i = 0; i < panel->series_count && i < CHART_STYLES && rc == 0; i++) {
        const size_t g = panel->series[i].look;
        rc = read_range(&r, runs, g, err);
        if (rc < 0)
            break;
        add_lane(chart, &r, g);
        mark_divergence(&chart->panels[0], &r, g, false);
        diverged = diverged || r.diverged;
        read = read || r.has_range;
    }
    if (read) {
        chart_add_key(chart, CHART_KEY_LANE, "range to train in, of each curve");
        chart_add_brief(chart, "range to train in");
    }
    if (diverged) {
        chart_add_key(chart, CHART_KEY_GUIDE, "loss no longer finite, of each curve");
        chart_add_brief(chart, "loss not finite");
    }
    return rc;
}

/* Shorter than the explanation in clr_range_result, for a row of the legend. */
static const char *reason(const struct clr_range_result *r)
{
    static const char *const reasons[CLR_RANGE_VERDICTS][2] = {
        [CLR_RANGE_READ] = {"", ""},
        [CLR_RANGE_FEW_IMAGES] = {"too few images were evaluated", "too few images were evaluated"},
        [CLR_RANGE_FEW_POINTS] = {"accuracy was measured too few times", "too few evaluations"},
        [CLR_RANGE_LOSS_GREW] = {"the loss grew before the net clearly learned",
                                 "the loss grew before the net clearly learned"},
        [CLR_RANGE_TOO_SHORT] = {"accuracy never left chance", "the loss hardly fell"},
        [CLR_RANGE_AT_CHANCE] = {"accuracy never left chance", "the loss did not fall"},
        [CLR_RANGE_FALLS] = {"accuracy falls from the first rates on",
                             "the loss rises from the first rates on"},
        [CLR_RANGE_FLAT] = {"accuracy is the same at all rates", "the loss is the same at all rates"},
        [CLR_RANGE_NARROW] = {"the net fails soon after it begins to learn",
                              "the net fails soon after it begins to learn"},
    };

    return reasons[r->verdict][r->untrained_loss > 0.0];
}

/* A test that never left chance: the axis begins at 0. One that shows differences would show only noise. */
static void show_chance(struct chart_panel *panel, int classes, const struct clr_plot_options *o)
{
    const double chance = 100.0 / classes;
    struct chart_guide g = {-INFINITY, chance, INFINITY, chance, .text_at = CHART_TEXT_ALONG};

    if (!o->y_min)
        chart_begin_at(panel, 0.0);
    panel->min_span = 2.0 * chance;
    (void)snprintf(g.text, sizeof g.text, "chance, %.3g %%", chance);
    if (panel->begin < chance)
        chart_add_guide(panel, g);
}

static int mark_readings(struct figure *f, struct clr_error *err)
{
    struct chart *chart = &f->chart;
    struct clr_range_result r;
    int rc;

    if (f->runs.groups > 1)
        return mark_groups(chart, &f->runs, err);
    rc = read_range(&r, &f->runs, 0, err);
    if (rc < 0)
        return rc;
    mark_bounds(chart, &r);
    if (!(r.untrained_loss > 0.0) && (r.verdict == CLR_RANGE_AT_CHANCE || r.verdict == CLR_RANGE_TOO_SHORT ||
                                      (r.diverged && r.top_accuracy <= r.threshold)))
        show_chance(&chart->panels[0], r.classes, f->options);
    if (r.verdict != CLR_RANGE_READ)
        chart_add_key(chart, CHART_KEY_TEXT, "no range read: %s", reason(&r));
    mark_divergence(&chart->panels[0], &r, 0, true);
    return 0;
}

/* The line goes through medians of three points, and through the first and the last one: it leaves out single
 * points, and stays at the others where the accuracy falls from one to the next. */
static int smooth_curves(struct chart *chart, struct clr_error *err)
{
    struct chart_panel *panel = &chart->panels[0];
    bool smoothed = false;

    for (size_t i = 0; i < panel->series_count; i++) {
        struct chart_series *s = &panel->series[i];
        int rc;
        if (s->count < CLR_RANGE_POINTS) /* of so few points, medians of three would show little */
            continue;
        smoothed = true;
        rc = mem_new(&s->smooth, s->count, sizeof *s->smooth, "a curve", err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < s->count; k++)
            s->smooth[k] = smooth_median(s->y, s->count, k);
    }
    if (smoothed) {
        chart_add_key(chart, CHART_KEY_LINE, "median of three points");
        chart_add_brief(chart, "medians of three");
    }
    return 0;
}

static void name_alone(struct chart *chart, size_t repeats)
{
    struct chart_series *s = &chart->panels[0].series[0];

    s->label[0] = '\0';
    if (repeats > 1)
        (void)snprintf(s->label, sizeof s->label, "mean of %zu runs", repeats);
    else if (s->smooth)
        chart_add_key(chart, CHART_KEY_DOTS, "measured");
}

/* Every point counts: low rates are a part of the test. */
static int choose_axis(struct figure *f, struct clr_error *err)
{
    struct chart_panel *panel = &f->chart.panels[0];

    panel->y_label = groups_measure_label(&f->runs, &f->view);
    panel->share = 1.0;
    if (f->view.column == HISTORY_VAL_LOSS) {
        figure_loss_axis(&f->chart, 0.0);
        return 0;
    }
    panel->ceiling = 100.0;
    panel->min_span = 2.0;
    if (f->options->y_min)
        return figure_begin_at(&f->chart, *f->options->y_min, err);
    chart_begin_axis(panel, 0.0);
    return 0;
}

int figure_range(struct figure *f, struct clr_error *err)
{
    const struct clr_plot_options *o = f->options;
    struct chart_panel *panel = &f->chart.panels[0];
    const char *topic;
    int rc = runs_read(&f->runs, f->inputs, o->folders, f->count, "range.csv", err);

    if (rc == 0)
        rc = figure_over_rates(f, err);
    if (rc == 0)
        rc = labels_apply(&f->runs, f->inputs, o->labels, o->label_count, err);
    if (rc == 0)
        rc = groups_choose_measure(&f->view, &f->runs, err);
    if (rc == 0)
        rc = groups_add(panel, &f->runs, &f->view, err);
    if (rc == 0)
        rc = smooth_curves(&f->chart, err);
    if (rc == 0)
        rc = choose_axis(f, err);
    if (rc < 0)
        return rc;
    if (f->runs.groups == 1 && o->label_count == 0) /* one curve has nothing to differ from */
        name_alone(&f->chart, f->runs.count);
    topic = groups_topic(&f->runs);
    (void)snprintf(f->chart.title, sizeof f->chart.title, "%s%slearning-rate range test", topic,
                   topic[0] ? ": " : "");
    return mark_readings(f, err);
}
