/*
 * Figures show what happened: rates from the schedule, the whole requested range, axes that show differences,
 * labels that name what differs; the numbers as a table. Reference images as in test_plot.c; `test_figures
 * --write FOLDER` draws them anew.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/log.h>
#include <clr/plot.h>
#include <clr/range.h>

#include "base/fs.h"
#include "base/rng.h"
#include "figures.h"
#include "plot/drawing.h"
#include "plot/figure.h"
#include "plot/multiples.h"
#include "plot/runs.h"
#include "sched/stored.h"

/* ---- making runs ---- */

static struct clr_schedule policy(enum clr_policy p, uint64_t step)
{
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = p;
    s.lr = 0.04;
    s.min_lr = 0.001;
    s.max_lr = 0.04;
    s.gamma = 0.1;
    s.step_size = step;
    s.t_mult = 2;
    s.milestones[0] = 300;
    s.milestones[1] = 500;
    s.milestone_count = 2;
    return s;
}

struct kind {
    int iterations, every; /* rows of loss.csv; twice as far apart those of history.csv */
    double end;            /* accuracy that it approaches, % */
    int halved_from;       /* rates are halved from this iteration on; 0: never */
};

/* A run's folder as the trainer writes it; more: further members of the settings. */
static char *make_run(const char *base, const char *name, const struct clr_schedule *s, const struct kind *k,
                      const char *more)
{
    char *folder = figures_join(base, name), *schedule;
    struct str losses = {0}, history = {0}, run = {0};
    json_t *json = schedule_to_json(s);

    ck_assert_int_eq(fs_make_dirs(folder, NULL), 0);
    str_append(&losses, "iteration,trn_loss,lr\n");
    str_append(&history, FIGURES_HISTORY);
    for (int i = 1; i <= k->iterations; i++) {
        const double lr =
            clr_schedule_lr(s, (uint64_t)i - 1) / (k->halved_from && i >= k->halved_from ? 2 : 1);
        const double f = (double)i / k->iterations, end = (k->end + 0.01 * name[0]) / 100 - 0.1,
                     acc = 0.1 + end * (1 - exp(-9 * f));
        if (i == 1 || i % k->every == 0)
            str_append(&losses, "%d,%.9g,%.9g\n", i, 2.3 * exp(-4 * f) * (1 + 0.1 * sin(i)), lr);
        if (i == 1 || i % (2 * k->every) == 0 || i == k->iterations)
            str_append(&history, "%d,1,%.9g,1,%.9g\n", i, lr, acc);
    }
    schedule = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    str_append(
        &run,
        "{\"settings\": {\"net\": \"lenet\", \"data\": \"mnist\", \"iterations\": %d, \"schedule\": %s%s}}",
        k->iterations, schedule, more);
    figures_write(folder, "loss.csv", losses.text);
    figures_write(folder, "history.csv", history.text);
    figures_write(folder, "run.json", run.text);
    free(schedule);
    json_decref(json);
    str_clear(&losses);
    str_clear(&history);
    str_clear(&run);
    return folder;
}

static const struct kind g_usual = {700, 100, 90, 0};

/* A logarithmic range test, planned from 0.0001 to 1, evaluated a few times, which diverged at 0.2. */
static char *make_range(const char *base, const char *name, enum clr_policy sweep, int rows)
{
    char *folder = figures_join(base, name);
    struct clr_schedule s = policy(sweep, 400);
    struct str range = {0};

    s.min_lr = 0.0001;
    s.max_lr = 1.0;
    ck_assert_str_eq(make_run(base, name, &s, &g_usual, ", \"seed\": 1"), folder);
    str_append(&range, FIGURES_HISTORY);
    for (int i = 0; i < rows; i++) {
        const int t = (i + 1) * 300 / rows;
        str_append(&range, "%d,1,%.9g,1,%.9g\n", t, clr_schedule_lr(&s, (uint64_t)t - 1),
                   i + 1 < rows ? 0.1 + 0.7 * i / rows : 0.05);
    }
    figures_write(folder, "range.csv", range.text);
    figures_write(folder, "range.json",
                  "{\"untrained\": 0.1, \"classes\": 10, \"images\": 1000, \"diverged\": true, "
                  "\"diverged_at\": 331, \"diverged_lr\": 0.2}");
    str_clear(&range);
    return folder;
}

static int g_messages[2];
static char g_last[1024];

static void count_messages(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    g_messages[level]++;
    str_copy(g_last, sizeof g_last, line);
}

static void draw(struct chart *chart, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options)
{
    struct clr_error err = {0};

    memset(g_messages, 0, sizeof g_messages);
    clr_log_set_sink(count_messages, NULL);
    ck_assert_msg(figure_make(figure_run, chart, inputs, count, options, &err) == 0, "%s", err.message);
}

/* ---- rates ---- */

static const struct clr_plot_options g_rates = {.rates = true, .width = 480, .height = 300};

/* Is there a point (x, y) on the curve? */
static bool has_point(const struct chart_series *s, double x, double y)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->x[i] == x && fabs(s->y[i] - y) < 1e-12)
            return true;
    return false;
}

START_TEST(test_rates__have_every_vertex_at_any_log_every)
{
    const struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 50);
    const char *run = make_run(support_temp_dir(), "r", &s, &g_usual, "");
    struct chart chart;

    draw(&chart, &run, 1, &g_rates);
    for (int v = 0; v <= 14; v++) /* the last one is where the run ends, an iteration before the trough */
        ck_assert_msg(v == 14 || has_point(&chart.panels[1].series[0], 50 * v + 1, v % 2 ? 0.04 : 0.001),
                      "%d", v);
    ck_assert(has_point(&chart.panels[1].series[0], 700, clr_schedule_lr(&s, 699)));
    ck_assert_int_eq(g_messages[CLR_LOG_WARNING], 0);
    chart_clear(&chart);
}
END_TEST

START_TEST(test_rates__jump_upright)
{
    static const int sgdr_ends[] = {100, 300}, milestones[] = {300, 500};
    const struct clr_schedule sgdr = policy(CLR_POLICY_SGDR, 100), steps = policy(CLR_POLICY_MULTISTEP, 0);
    const char *base = support_temp_dir(), *runs[2];
    struct chart chart;

    runs[0] = make_run(base, "sgdr", &sgdr, &g_usual, "");
    runs[1] = make_run(base, "steps", &steps, &g_usual, "");
    draw(&chart, runs, 2, &g_rates);
    for (int i = 0; i < 2; i++) {
        const uint64_t a = (uint64_t)sgdr_ends[i], b = (uint64_t)milestones[i];
        ck_assert(has_point(&chart.panels[1].series[0], (double)a, clr_schedule_lr(&sgdr, a - 1)));
        ck_assert(has_point(&chart.panels[1].series[0], (double)a + 1, 0.04));
        ck_assert(has_point(&chart.panels[1].series[0], (double)a + 1, clr_schedule_lr(&sgdr, a - 1)));
        ck_assert(has_point(&chart.panels[1].series[1], (double)b, clr_schedule_lr(&steps, b - 1)));
        ck_assert(has_point(&chart.panels[1].series[1], (double)b + 1, clr_schedule_lr(&steps, b - 1)));
        ck_assert(has_point(&chart.panels[1].series[1], (double)b + 1, clr_schedule_lr(&steps, b)));
    }
    ck_assert_uint_le(chart.panels[1].series[1].count, 10);  /* a straight piece has its two ends only */
    ck_assert_uint_ge(chart.panels[1].series[0].count, 700); /* other pieces have every update */
    chart_clear(&chart);
}
END_TEST

/* Cycles much shorter than a pixel: few points, which include the extremes. */
START_TEST(test_rates__of_long_runs_are_few_points)
{
    struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 3);
    static const struct kind once = {2, 1, 50, 0};
    const char *run = make_run(support_temp_dir(), "r", &s, &once, "");
    const struct chart_series *c;
    struct chart chart;
    double lo = 1, hi = 0;
    char text[256];

    (void)snprintf(text, sizeof text, FIGURES_HISTORY "1,1,0.001,1,0.1\n900000001,1,%.9g,1,0.5\n",
                   clr_schedule_lr(&s, 900000000));
    figures_write(run, "history.csv", text);
    (void)remove(figures_join(run, "loss.csv"));
    draw(&chart, &run, 1, &g_rates);
    c = &chart.panels[1].series[0];
    ck_assert_uint_le(c->count, 50000);
    for (size_t i = 0; i < c->count; i++) {
        lo = fmin(lo, c->y[i]);
        hi = fmax(hi, c->y[i]);
        ck_assert(i == 0 || c->x[i] >= c->x[i - 1]);
    }
    ck_assert(lo == 0.001 && hi == 0.04);
    chart_clear(&chart);
}
END_TEST

/* A run that backed off to half its rates, and one without run.json: rows of the history, and a message. */
START_TEST(test_rates__that_the_schedule_does_not_tell_are_the_rows)
{
    static const struct kind halved = {700, 100, 90, 400};
    const struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 50);
    const char *run = make_run(support_temp_dir(), "r", &s, &halved, "");
    struct chart chart;

    draw(&chart, &run, 1, &g_rates);
    ck_assert_uint_eq(chart.panels[1].series[0].count, 8);
    ck_assert_int_eq(g_messages[CLR_LOG_WARNING], 1);
    ck_assert_msg(strstr(g_last, "schedule in its run.json") != NULL, "%s", g_last);
    chart_clear(&chart);
    figures_write(run, "run.json", "{}");
    draw(&chart, &run, 1, &g_rates);
    ck_assert_uint_eq(chart.panels[1].series[0].count, 8);
    ck_assert_msg(strstr(g_last, "no run.json") != NULL, "%s", g_last);
    chart_clear(&chart);
}
END_TEST

/* ---- range tests ---- */

START_TEST(test_range__axis_is_what_was_asked_for)
{
    const char *base = support_temp_dir(), *inputs[3];
    struct clr_range_result r;
    struct chart chart;

    inputs[0] = make_range(base, "few", CLR_POLICY_SWEEP_LOG,
                           2); /* two points show no kind of sweep, and no bounds */
    inputs[1] = make_range(base, "log", CLR_POLICY_SWEEP_LOG, 12);
    inputs[2] = make_range(base, "linear", CLR_POLICY_SWEEP_LINEAR, 12);
    ck_assert_int_eq(figure_make(figure_range, &chart, inputs, 1, NULL, NULL), 0);
    ck_assert(chart.x_log && chart.x_spans && chart.x_first == 0.0001 && chart.x_last == 1.0);
    ck_assert(chart.panels[0].shade_count == 0 && chart.panels[0].guide_count == 2); /* chance, and where */
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_range, &chart, inputs + 1, 1, NULL, NULL), 0);
    ck_assert_int_eq(clr_range_read(&r, inputs + 1, 1, NULL), 0);
    ck_assert(r.has_range && r.max_lr_low < r.max_lr_high);
    ck_assert(chart.panels[0].shade_count == 2 && chart.panels[0].shades[1].bound &&
              chart.panels[0].shades[0].lo == r.min_lr && chart.panels[0].shades[0].hi == r.max_lr &&
              chart.panels[0].shades[1].lo == r.max_lr_low && chart.panels[0].shades[1].hi == r.max_lr_high);
    ck_assert_uint_eq(chart.panels[0].guide_count, 3);
    ck_assert_str_eq(chart.panels[0].guides[2].text, "diverged 0.2");
    ck_assert(chart.panels[0].guides[2].x0 == 0.2);
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_range, &chart, inputs + 2, 1, NULL, NULL), 0);
    ck_assert(!chart.x_log && chart.x_last == 1.0);
    chart_clear(&chart);
}
END_TEST

static const char *last_key(const struct chart *chart)
{
    return chart->key_count > 0 ? chart->keys[chart->key_count - 1].text : "";
}

/* The verdict of clr_range_read(), in the legend. */
START_TEST(test_range__that_cannot_be_read_says_why)
{
    const char *base = support_temp_dir(), *few = make_range(base, "few", CLR_POLICY_SWEEP_LOG, 4),
               *fine = make_range(base, "fine", CLR_POLICY_SWEEP_LOG, 12);
    struct str flat = {0};
    struct chart chart;

    ck_assert_int_eq(figure_make(figure_range, &chart, &few, 1, NULL, NULL), 0);
    ck_assert_str_eq(last_key(&chart), "no range read: accuracy was measured too few times");
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_range, &chart, &fine, 1, NULL, NULL), 0);
    for (size_t i = 0; i < chart.key_count; i++)
        ck_assert(strncmp(chart.keys[i].text, "no range", 8) != 0);
    chart_clear(&chart);
    str_append(&flat, FIGURES_HISTORY);
    for (int t = 1; t <= 12; t++)
        str_append(&flat, "%d,1,%.9g,1,0.1\n", t, 1e-4 * t);
    figures_write(fine, "range.csv", flat.text);
    figures_write(fine, "range.json",
                  "{\"untrained\": 0.1, \"classes\": 10, \"images\": 1000, \"diverged\": false}");
    ck_assert_int_eq(figure_make(figure_range, &chart, &fine, 1, NULL, NULL), 0);
    ck_assert_str_eq(last_key(&chart), "no range read: accuracy never left chance");
    ck_assert(chart.panels[0].from_zero && !chart.panels[0].begins && chart.panels[0].min_span == 20.0);
    ck_assert_uint_eq(chart.panels[0].guide_count, 1);
    ck_assert(chart.panels[0].guides[0].y0 == 10.0);
    ck_assert_str_eq(chart.panels[0].guides[0].text, "chance, 10 %");
    chart_clear(&chart);
    str_clear(&flat);
}
END_TEST

/* ---- y axis ---- */

START_TEST(test_axis__shows_differences_by_itself)
{
    static const double zero = 0;
    const struct clr_plot_options whole = {.y_min = &zero};
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *base = support_temp_dir(), *inputs[3];
    struct chart chart;
    struct kind kind = {5000, 100, 84, 0};

    inputs[0] = make_run(base, "a", &s, &kind, ", \"batch\": 10");
    kind.end = 90;
    inputs[1] = make_run(base, "b", &s, &kind, ", \"batch\": 20");
    draw(&chart, inputs, 2, NULL);
    ck_assert(chart.panels[0].begins && chart.panels[0].begin > 50 && chart.panels[0].begin < 84);
    ck_assert(chart.panels[0].series[0].y[0] <
              11); /* points below the axis are still there; the curve is cut at the edge */
    chart_clear(&chart);
    draw(&chart, inputs, 2, &whole);
    ck_assert(!chart.panels[0].begins && chart.panels[0].from_zero);
    chart_clear(&chart);

    kind = (struct kind){100, 100, 10, 0}; /* diverged at the start: the axis need not be shown whole */
    inputs[2] = make_run(base, "c", &s, &kind, ", \"batch\": 30");
    draw(&chart, inputs, 3, NULL);
    ck_assert(chart.panels[0].begins && g_messages[CLR_LOG_WARNING] == 1);
    ck_assert_msg(strstr(g_last, "'batch 30' stays below") != NULL, "%s", g_last);
    chart_clear(&chart);

    kind = (struct kind){5000, 1000, 20, 0};
    inputs[0] = make_run(base, "d", &s, &kind,
                         ", \"batch\": 40"); /* a low one: cutting the axis would gain nothing */
    draw(&chart, inputs, 2, NULL);
    ck_assert(!chart.panels[0].begins && chart.panels[0].from_zero);
    chart_clear(&chart);
}
END_TEST

/* ---- labels ---- */

static void expect_labels(const char *const *inputs, const char *const *labels, size_t count,
                          const char *title)
{
    struct chart chart;

    draw(&chart, inputs, count, NULL);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(chart.panels[0].series[i].label, labels[i]);
    ck_assert_str_eq(chart.title, title);
    chart_clear(&chart);
}

START_TEST(test_labels__name_what_differs_and_nothing_else)
{
    static const char *const steps[] = {"step size 50", "step size 100"},
                             *const policies[] = {"triangular", "triangular2", "exp_range"},
                             *const rates[] = {"rate 0.001…0.04", "rate 0.002…0.04"},
                             *const mixed[] = {"fixed 0.04", "1cycle up to 0.04"},
                             *const lengths[] = {"iterations 700", "iterations 400"};
    static const struct kind shorter = {400, 100, 80, 0};
    const char *base = support_temp_dir(), *inputs[3];
    struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 50);

    inputs[0] = make_run(base, "a", &s, &g_usual, "");
    s.step_size = 100;
    inputs[1] = make_run(base, "b", &s, &g_usual, "");
    expect_labels(inputs, steps, 2, "lenet on mnist: triangular 0.001…0.04");
    s = policy(CLR_POLICY_TRIANGULAR2, 50);
    inputs[1] = make_run(base, "c", &s, &g_usual, "");
    s = policy(CLR_POLICY_EXP_RANGE, 50);
    inputs[2] = make_run(base, "d", &s, &g_usual, "");
    expect_labels(inputs, policies, 3, "lenet on mnist");
    s = policy(CLR_POLICY_TRIANGULAR, 50);
    s.min_lr = 0.002;
    inputs[1] = make_run(base, "e", &s, &g_usual, "");
    expect_labels(inputs, rates, 2, "lenet on mnist: triangular");
    s = policy(CLR_POLICY_FIXED, 0);
    inputs[0] = make_run(base, "f", &s, &g_usual, "");
    s = policy(CLR_POLICY_1CYCLE, 0);
    s.iterations = 700;
    inputs[1] = make_run(base, "g", &s, &g_usual, "");
    expect_labels(inputs, mixed, 2, "lenet on mnist");
    s = policy(CLR_POLICY_FIXED, 0);
    inputs[1] = make_run(base, "h", &s, &shorter, "");
    expect_labels(inputs, lengths, 2, "lenet on mnist: fixed 0.04");
}
END_TEST

/* A setting that the policy does not read is not a difference. */
START_TEST(test_labels__leave_out_what_has_no_effect)
{
    const struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 50);
    struct clr_schedule other = s, third = s;
    const char *base = support_temp_dir(), *inputs[3];
    struct chart chart;

    other.gamma = 3;
    other.power = 2;
    third.max_lr = 0.08;
    inputs[0] = make_run(base, "a", &s, &g_usual, ", \"batch\": 10");
    inputs[1] = make_run(base, "b", &other, &g_usual, ", \"batch\": 10");
    inputs[2] = make_run(base, "c", &third, &g_usual, ", \"batch\": 10");
    draw(&chart, inputs, 3, NULL);
    for (size_t i = 0; i < chart.panels[0].series_count; i++) {
        const char *label = chart.panels[0].series[i].label;
        ck_assert_msg(!strstr(label, "gamma") && !strstr(label, "power"), "%s", label);
        ck_assert_msg(label[0] && !strchr(" ,", label[strlen(label) - 1]), "'%s'", label);
    }
    chart_clear(&chart);
}
END_TEST

/* A cycled momentum is in the label; a constant one only where it distinguishes two curves. */
START_TEST(test_labels__tell_the_momentum_that_is_cycled)
{
    static const char *const mixed[] = {"fixed 0.04", "step 0.04",
                                        "triangular 0.001…0.04, momentum 0.85…0.95"},
                             *const alike[] = {"momentum 0.9", "momentum 0.85…0.95"},
                             *const other[] = {"fixed 0.04, momentum 0.9", "fixed 0.04, momentum 0.8",
                                               "triangular 0.001…0.04, momentum 0.85…0.95"};
    const char *base = support_temp_dir(), *inputs[3];
    struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);

    inputs[0] = make_run(base, "a", &s, &g_usual, "");
    s = policy(CLR_POLICY_STEP, 50);
    inputs[1] = make_run(base, "b", &s, &g_usual, "");
    s = policy(CLR_POLICY_TRIANGULAR, 50);
    s.cycle_momentum_low = 0.85;
    s.cycle_momentum_high = 0.95;
    inputs[2] = make_run(base, "c", &s, &g_usual, "");
    expect_labels(inputs, mixed, 3, "lenet on mnist");
    s = policy(CLR_POLICY_FIXED, 0);
    s.momentum = 0.8;
    inputs[1] = make_run(base, "d", &s, &g_usual, "");
    expect_labels(inputs, other, 3, "lenet on mnist");
    s = policy(CLR_POLICY_TRIANGULAR, 50);
    inputs[0] = make_run(base, "e", &s, &g_usual, "");
    inputs[1] = inputs[2];
    expect_labels(inputs, alike, 2, "lenet on mnist: triangular 0.001…0.04");
}
END_TEST

/* What most curves share is not repeated in every label, unless nothing else differs. */
START_TEST(test_labels__leave_out_what_most_have)
{
    static const char *const rates[] = {"rate 0.01", "rate 0.02", "rate 0.03", "rate 0.03, momentum 0.95"},
                             *const ones[] = {"momentum 0.9, batch 100, weight decay 0.1", "momentum 0.95",
                                              "batch 50", "weight decay 0.2"},
                             *const two[] = {"momentum 0.9, batch 100", "momentum 0.95, batch 100",
                                             "momentum 0.9, batch 50"},
                             *const more[] = {", \"batch\": 100, \"weight_decay\": 0.1",
                                              ", \"batch\": 100, \"weight_decay\": 0.1",
                                              ", \"batch\": 50, \"weight_decay\": 0.1",
                                              ", \"batch\": 100, \"weight_decay\": 0.2"};
    const char *base = support_temp_dir(), *inputs[4];
    struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);

    for (int i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        s.lr = i < 3 ? 0.01 * (i + 1) : 0.03;
        s.momentum = i < 3 ? 0.9 : 0.95;
        inputs[i] = make_run(base, name, &s, &g_usual, "");
    }
    expect_labels(inputs, rates, 4, "lenet on mnist: fixed");
    for (int i = 0; i < 4; i++) {
        const char name[] = {(char)('e' + i), '\0'};
        s.lr = 0.01;
        s.momentum = i == 1 ? 0.95 : 0.9;
        inputs[i] = make_run(base, name, &s, &g_usual, more[i]);
    }
    expect_labels(inputs, ones, 4, "lenet on mnist: fixed 0.01");
    expect_labels(inputs, two, 3, "lenet on mnist: fixed 0.01"); /* two of three are not many */
}
END_TEST

/* However long that is: a run of another batch leaves the labels of the others as they are. */
START_TEST(test_labels__name_all_that_differs)
{
    static const char *const
        labels[] = {"batch 100, weight decay 0.004, momentum convention pytorch",
                    "batch 200, weight decay 0.0005, momentum convention caffe"},
        *const more[] = {", \"batch\": 100, \"weight_decay\": 0.004, \"momentum_convention\": \"pytorch\"",
                         ", \"batch\": 200, \"weight_decay\": 5e-4, \"momentum_convention\": \"caffe\""};
    const char *base = support_temp_dir(), *inputs[2];
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);

    for (int i = 0; i < 2; i++)
        inputs[i] = make_run(base, i ? "b" : "a", &s, &g_usual, more[i]);
    expect_labels(inputs, labels, 2, "lenet on mnist: fixed 0.04");
}
END_TEST

START_TEST(test_labels__are_the_users_where_there_are_some)
{
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    struct clr_plot_label labels[] = {{"a", "mine"}, {NULL, "yours"}};
    struct clr_plot_options o = {.labels = labels, .label_count = 2};
    const char *base = support_temp_dir(), *inputs[2];
    struct clr_error err = {0};
    struct chart chart;

    inputs[0] = make_run(base, "a", &s, &g_usual, ", \"batch\": 10");
    inputs[1] = make_run(base, "long-name", &s, &g_usual, ", \"batch\": 20");
    labels[1].name = inputs[1]; /* as given */
    draw(&chart, inputs, 2, &o);
    ck_assert_str_eq(chart.panels[0].series[0].label, "mine");
    ck_assert_str_eq(chart.panels[0].series[1].label, "yours");
    chart_clear(&chart);
    labels[1].name = "x-y-z";
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EUSAGE);
    ck_assert_msg(strstr(err.message, "called 'x-y-z'; there are a, long-name") != NULL, "%s", err.message);
    labels[1].name = "long-nane";
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EUSAGE);
    ck_assert_msg(strstr(err.message, "called 'long-nane': did you mean 'long-name'?") != NULL, "%s",
                  err.message);
    inputs[1] = make_run(figures_join(base, "sub"), "a", &s, &g_usual, ", \"batch\": 20");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EUSAGE);
    ck_assert_msg(strstr(err.message, "several are called like that") != NULL, "%s", err.message);
}
END_TEST

/* The names of an experiment's runs, and settings that they do not distinguish. */
START_TEST(test_labels__of_named_runs_do_not_repeat_the_name)
{
    static const struct kind shorter = {400, 100, 80, 0};
    static const char *const names[][2] = {{"4000-of-700", "400"}, {"long", "short"}, {"iterations", "it"}},
                             *const labels[][2] = {{"4000-of-700", "400"},
                                                   {"long: iterations 700", "short: iterations 400"},
                                                   {"iterations 700", "it: iterations 400"}};
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *base = support_temp_dir(), *inputs[2];

    inputs[0] = make_run(base, "a", &s, &g_usual, "");
    inputs[1] = make_run(base, "b", &s, &shorter, "");
    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        const struct clr_plot_options o = {.names = names[i]};
        struct chart chart;
        draw(&chart, inputs, 2, &o);
        ck_assert_str_eq(chart.panels[0].series[0].label, labels[i][0]);
        ck_assert_str_eq(chart.panels[0].series[1].label, labels[i][1]);
        chart_clear(&chart);
    }
}
END_TEST

START_TEST(test_labels__say_which_curves_are_equal)
{
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *run = make_run(support_temp_dir(), "a", &s, &g_usual, ""), *inputs[3];
    const struct clr_plot_label label = {"a", "mine"};
    const struct clr_plot_options o = {.labels = &label, .label_count = 1};
    struct clr_error err = {0};
    struct chart chart;

    inputs[0] = inputs[1] = figures_join(run, "history.csv");
    inputs[2] = run;
    ck_assert_msg(figure_make(figure_run, &chart, inputs + 1, 1, &o, &err) == 0, "%s", err.message);
    ck_assert_str_eq(chart.panels[0].series[0].label, "mine");
    chart_clear(&chart);
    draw(&chart, inputs, 3, NULL);
    ck_assert_str_eq(chart.panels[0].series[0].label, "a");
    ck_assert_str_eq(chart.panels[0].series[1].label, "a (equal to the one above)");
    chart_clear(&chart);
}
END_TEST

/* ---- many curves ---- */

/* Runs of as many batch sizes: a larger one is better. */
static void make_batches(const char **inputs, int count)
{
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *base = support_temp_dir();

    for (int i = 0; i < count; i++) {
        char name[8], batch[32];
        const struct kind kind = {700, 100, 80 + i, 0};
        (void)snprintf(name, sizeof name, "r%d", i);
        (void)snprintf(batch, sizeof batch, ", \"batch\": %d", i + 1);
        inputs[i] = make_run(base, name, &s, &kind, batch);
    }
}

START_TEST(test_styles__are_seven_and_then_grey)
{
    const struct clr_plot_options tiny = {.width = 320, .height = 240, .rates = true};
    struct clr_plot_options multiples = {.multiples = true};
    const char *inputs[9];
    struct chart chart;
    const struct figure_content content = {.chart = &chart};
    struct str png = {0};

    make_batches(inputs, 9);
    draw(&chart, inputs, 7, NULL);
    ck_assert(!chart.panels[0].series[6].muted && g_messages[CLR_LOG_INFO] == 1);
    ck_assert_msg(strstr(g_last, "too many curves reach") && strstr(g_last, "'batch 6' at "), "%s", g_last);
    ck_assert_int_eq(figure_render(&png, content, CANVAS_PNG, true, &tiny, NULL), 0);
    ck_assert_int_eq(g_messages[CLR_LOG_INFO], 3); /* no room for numbers, nor for all rows of the legend */
    str_clear(&png);
    chart_clear(&chart);
    draw(&chart, inputs, 9, NULL);
    ck_assert(!chart.panels[0].series[6].muted && chart.panels[0].series[7].muted);
    ck_assert(chart.panels[0].series[8].muted && g_messages[CLR_LOG_INFO] == 2);
    ck_assert_msg(strstr(g_last, "`multiples`") && strstr(g_last, "'batch 8', 'batch 9'"), "%s", g_last);
    ck_assert_str_eq(chart.keys[chart.key_count - 1].text, "2 more");
    chart_clear(&chart);
    draw(&chart, inputs, 9, &multiples);
    ck_assert(!chart.panels[0].series[8].muted && g_messages[CLR_LOG_INFO] == 0);
    multiples.height = 400; /* three rows of low panels */
    ck_assert_int_eq(figure_render(&png, content, CANVAS_PNG, true, &multiples, NULL), 0);
    ck_assert_int_eq(g_messages[CLR_LOG_INFO], 0);
    str_clear(&png);
    chart.panels[0].y_brief = "the accuracy on all test images";
    ck_assert_int_eq(figure_render(&png, content, CANVAS_PNG, true, &multiples, NULL), 0);
    ck_assert_msg(g_messages[CLR_LOG_INFO] == 1 && strstr(g_last, "test images' has no room"), "%s", g_last);
    str_clear(&png);
    chart_clear(&chart);
}
END_TEST

/* A range that is not to be trained in yet does not look as if it were. */
START_TEST(test_range__in_doubt_is_called_so)
{
    const char *base = support_temp_dir(), *input = make_range(base, "log", CLR_POLICY_SWEEP_LOG, 12);
    struct chart chart;

    ck_assert_int_eq(figure_make(figure_range, &chart, &input, 1, NULL, NULL), 0);
    ck_assert(!chart.panels[0].shades[0].doubt && chart.panels[0].shade_count == 2);
    chart_clear(&chart);
    figures_write(input, "loss.csv", "iteration,trn_loss,lr\n1,2.3,0.0001\n12,2,0.001\n30,2,0.1\n");
    ck_assert_int_eq(figure_make(figure_range, &chart, &input, 1, NULL, NULL), 0);
    ck_assert(chart.panels[0].shades[0].doubt);
    ck_assert_str_eq(chart.panels[0].shades[0].what, "uncertain range: too few updates");
    ck_assert_double_eq(chart.panels[0].series[0].smooth[0], chart.panels[0].series[0].y[0]);
    chart_clear(&chart);
}
END_TEST

/* ---- loss, table ---- */

START_TEST(test_loss__is_a_smooth_line_over_its_points)
{
    static const struct kind fine = {3000, 10, 90, 0}, coarse = {300, 100, 90, 0};
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *base = support_temp_dir(), *inputs[2];
    struct clr_error err = {0};
    struct chart chart;

    inputs[0] = make_run(base, "fine", &s, &fine, ", \"seed\": 1");
    ck_assert_msg(figure_make(figure_loss, &chart, inputs, 1, &g_rates, &err) == 0, "%s", err.message);
    ck_assert(chart.panel_count == 2 && chart.panels[0].series[0].count == 301);
    ck_assert(chart.panels[0].series[0].smooth && chart.panels[0].series[0].faint);
    ck_assert(chart.panels[0].log);                                          /* from 2.3 to 0.04 */
    ck_assert(chart.key_count == 2 && chart.keys[0].kind == CHART_KEY_TEXT); /* the name has the sample */
    ck_assert(chart.keys[1].kind == CHART_KEY_DOTS);
    chart_clear(&chart);
    inputs[1] = make_run(base, "again", &s, &fine, ", \"seed\": 2");
    ck_assert_int_eq(figure_make(figure_loss, &chart, inputs, 2, NULL, NULL), 0);
    ck_assert(chart.panels[0].series_count == 1 && chart.panels[0].series[0].low);
    chart_clear(&chart);
    inputs[0] = make_run(base, "coarse", &s, &coarse, "");
    ck_assert_int_eq(figure_make(figure_loss, &chart, inputs, 1, NULL, NULL), 0);
    ck_assert(!chart.panels[0].series[0].smooth && strstr(chart.keys[0].text, "of one batch"));
    chart_clear(&chart);
}
END_TEST

/* The loss of a range test, at the rates of its updates, on the axis of `plot range`. */
START_TEST(test_loss__is_drawn_over_the_rate)
{
    static const struct clr_plot_options over = {.over = CLR_PLOT_OVER_RATE};
    const char *base = support_temp_dir(), *input = make_range(base, "log", CLR_POLICY_SWEEP_LOG, 12);
    const struct chart_series *s;
    struct clr_error err = {0};
    struct chart chart;

    ck_assert_msg(figure_make(figure_loss, &chart, &input, 1, &over, &err) == 0, "%s", err.message);
    s = &chart.panels[0].series[0];
    ck_assert(chart.x_log && chart.x_spans && chart.x_first == 0.0001 && chart.x_last == 1.0);
    ck_assert_str_eq(chart.x_label, "learning rate");
    ck_assert(s->x[0] >= 0.0001 && s->x[s->count - 1] <= 1.0 && s->x[1] > s->x[0]);
    chart_clear(&chart);
    figures_write(input, "loss.csv",
                  "iteration,trn_loss,lr\n1,2.3,0.1\n100,2.2,0.1\n200,1.2,0.1\n300,2.2,0.1\n400,2.3,0.1\n");
    ck_assert_msg(figure_make(figure_loss, &chart, &input, 1, &over, &err) == 0, "%s", err.message);
    ck_assert(chart.panels[0].begin <= 1.2); /* the least loss is at a hundredth of the last rate */
    chart_clear(&chart);
    /* a file may name any iteration: after the sweep, the rate stays as it is */
    figures_write(input, "loss.csv", "iteration,trn_loss,lr\n1,2.3,0.1\n1000000000000000,2.2,1\n");
    ck_assert_msg(figure_make(figure_loss, &chart, &input, 1, &over, &err) == 0, "%s", err.message);
    chart_clear(&chart);
}
END_TEST

/* The axis begins at 0, and is not extended to losses that grow without bounds. */
START_TEST(test_loss__of_a_run_that_diverges_ends_the_axis)
{
    const char *base = support_temp_dir(), *path = figures_join(base, "loss.csv");
    const struct chart_panel *panel;
    struct chart chart;

    figures_write(base, "loss.csv", "iteration,trn_loss,lr\n1,2,0.1\n2,3,0.1\n3,7e20,0.1\n4,7e20,0.1\n");
    ck_assert_int_eq(figure_make(figure_loss, &chart, &path, 1, NULL, NULL), 0);
    panel = &chart.panels[0];
    ck_assert(panel->ends && panel->ceiling == 4.0 && panel->from_zero && !panel->begins);
    ck_assert(panel->series[0].y[3] == 7e20);
    chart_clear(&chart);
    /* a loss that fell far before: a log axis cannot begin at 0 */
    figures_write(base, "loss.csv", "iteration,trn_loss,lr\n1,2,0.1\n2,0.1,0.1\n3,3,0.1\n4,7e20,0.1\n");
    ck_assert_int_eq(figure_make(figure_loss, &chart, &path, 1, NULL, NULL), 0);
    panel = &chart.panels[0];
    ck_assert(panel->ends && panel->log && panel->begins && panel->begin == 0.1);
    chart_clear(&chart);
    figures_write(base, "loss.csv", "iteration,trn_loss,lr\n1,2,0.1\n2,20,0.1\n");
    ck_assert_int_eq(figure_make(figure_loss, &chart, &path, 1, NULL, NULL), 0);
    ck_assert(!chart.panels[0].ends);
    chart_clear(&chart);
}
END_TEST

START_TEST(test_table__holds_the_numbers_drawn)
{
    const char *base = support_temp_dir(), *range = make_range(base, "range", CLR_POLICY_SWEEP_LOG, 12), *csv;
    const struct clr_plot_label label = {"range", "mine, \"all\""};
    struct clr_plot_options o = {.size = sizeof o, .labels = &label, .label_count = 1};
    char bounds[160], interval[160];
    const char *const rows[] = {
        "panel,axis,kind,name,x,y,low,high,line\n",
        "\ntest accuracy (%),learning rate,point,\"mine, \"\"all\"\"\",",
        "\ntest accuracy (%),learning rate,mark,diverged 0.2,0.2,,,,\n",
        bounds,
        interval,
    };
    struct clr_range_result r;
    char *text;
    size_t size;

    ck_assert_int_eq(clr_range_read(&r, &range, 1, NULL), 0);
    (void)snprintf(bounds, sizeof bounds,
                   "\ntest accuracy (%%),learning rate,range,range to train in,,,%.9g,%.9g,\n", r.min_lr,
                   r.max_lr);
    (void)snprintf(interval, sizeof interval,
                   "\ntest accuracy (%%),learning rate,range,95 %% interval of max,,,%.9g,%.9g,\n",
                   r.max_lr_low, r.max_lr_high);
    o.csv = csv = figures_join(base, "x.csv");
    ck_assert_int_eq(clr_plot_range(figures_join(base, "x.gif"), &range, 1, &o, NULL), CLR_EUSAGE);
    ck_assert(!fs_exists(csv));
    ck_assert_int_eq(clr_plot_range(figures_join(base, "x.png"), &range, 1, &o, NULL), 0);
    ck_assert_int_eq(fs_read(csv, 1 << 20, &text, &size, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(rows); i++)
        ck_assert_msg(strstr(text, rows[i]) != NULL, "no '%s' in:\n%s", rows[i], text);
    free(text);
}
END_TEST

/* ---- reference images ---- */

struct golden {
    const char *name;
    void (*make)(struct chart *chart);
    const struct clr_plot_options *options;
};

static void make_rates(struct chart *chart, enum clr_policy p, uint64_t step)
{
    const struct clr_schedule s = policy(p, step);
    const char *run = make_run(support_temp_dir(), "r", &s, &g_usual, "");

    draw(chart, &run, 1, &g_rates);
}

static void make_step_50(struct chart *chart)
{
    make_rates(chart, CLR_POLICY_TRIANGULAR, 50);
}

static void make_sgdr(struct chart *chart)
{
    make_rates(chart, CLR_POLICY_SGDR, 100);
}

static void make_multistep(struct chart *chart)
{
    make_rates(chart, CLR_POLICY_MULTISTEP, 0);
}

static void make_log_range(struct chart *chart)
{
    const char *range = make_range(support_temp_dir(), "range", CLR_POLICY_SWEEP_LOG, 12);

    ck_assert_int_eq(figure_make(figure_range, chart, &range, 1, NULL, NULL), 0);
}

static void make_ranges(struct chart *chart)
{
    const char *base = support_temp_dir(), *ranges[3];

    ranges[0] = make_range(base, "coarse", CLR_POLICY_SWEEP_LOG, 12);
    ranges[1] = make_range(base, "fine", CLR_POLICY_SWEEP_LOG, 30);
    ranges[2] = make_range(base, "short", CLR_POLICY_SWEEP_LOG, 4);
    ck_assert_int_eq(figure_make(figure_range, chart, ranges, 3, NULL, NULL), 0);
}

static void make_two(struct chart *chart, const struct clr_plot_options *options)
{
    static const struct kind kinds[] = {{5000, 100, 88, 0}, {4000, 100, 91, 0}};
    struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 500);
    const char *base = support_temp_dir(), *inputs[2];

    inputs[0] = make_run(base, "a", &s, &kinds[0], "");
    s.step_size = 1000;
    inputs[1] = make_run(base, "b", &s, &kinds[1], "");
    draw(chart, inputs, 2, options);
}

static void make_broken(struct chart *chart)
{
    make_two(chart, NULL);
}

static const struct clr_plot_options g_multiples = {
    .rates = true, .multiples = true, .width = 480, .height = 300};

static void make_multiples(struct chart *chart)
{
    make_two(chart, &g_multiples);
}

/* Low panels: their labels are brief, and only the row that needs them has titles of two lines. */
static const char *const g_names[] = {"a", "b", "c", "d", "one whose name has two lines", "f", "g", "h"};
static const struct clr_plot_options g_low = {
    .multiples = true, .width = 640, .height = 400, .names = g_names};

static void make_low(struct chart *chart)
{
    const char *inputs[8];

    make_batches(inputs, 8);
    draw(chart, inputs, 8, &g_low);
}

static void make_loss(struct chart *chart)
{
    static const struct kind fine = {3000, 10, 90, 0};
    const struct clr_schedule s = policy(CLR_POLICY_FIXED, 0);
    const char *run = make_run(support_temp_dir(), "r", &s, &fine, "");

    ck_assert_int_eq(figure_make(figure_loss, chart, &run, 1, NULL, NULL), 0);
}

/* As wide as a column of print: titles and legends have little space. */
static const struct clr_plot_options g_narrow = {.width = 336},
                                     g_narrow_multiples = {.multiples = true, .width = 336};

/* A run whose rate and losses leave the axes, beside two that do not. */
static void make_diverged(struct chart *chart)
{
    static const struct kind shorter = {300, 10, 30, 0};
    const char *base = support_temp_dir(), *inputs[3];
    struct clr_schedule s = policy(CLR_POLICY_TRIANGULAR, 100);

    inputs[0] = make_run(base, "a", &s, &g_usual, ", \"seed\": 1");
    s = policy(CLR_POLICY_FIXED, 0);
    s.lr = 0.02;
    inputs[1] = make_run(base, "b", &s, &g_usual, ", \"seed\": 1");
    s.lr = 2.0; /* `more` goes on behind the settings */
    inputs[2] = make_run(base, "c", &s, &shorter,
                         ", \"seed\": 1}, \"status\": \"diverged\", \"result\": {\"diverged_at\": 320");
    draw(chart, inputs, 3, &g_multiples);
}

static const struct golden g_golden[] = {
    {"plot_rates_step50.png", make_step_50, &g_rates},
    {"plot_rates_sgdr.png", make_sgdr, &g_rates},
    {"plot_rates_multistep.png", make_multistep, &g_rates},
    {"plot_range_log.png", make_log_range, &g_rates},
    {"plot_ranges.png", make_ranges, &g_rates},
    {"plot_broken.png", make_broken, &g_rates},
    {"plot_multiples_rates.png", make_multiples, &g_multiples},
    {"plot_multiples_narrow.png", make_multiples, &g_narrow_multiples},
    {"plot_loss.png", make_loss, &g_narrow},
    {"plot_diverged.png", make_diverged, &g_rates},
    {"plot_diverged_multiples.png", make_diverged, &g_multiples},
    {"plot_multiples_low.png", make_low, &g_low},
};

static void render(struct str *png, int which)
{
    struct chart chart;
    const struct figure_content content = {.chart = &chart};

    g_golden[which].make(&chart);
    ck_assert_int_eq(figure_render(png, content, CANVAS_PNG, true, g_golden[which].options, NULL), 0);
    chart_clear(&chart);
}

START_TEST(test_golden__figures_look_as_they_did)
{
    struct str png = {0};
    int different;

    render(&png, _i);
    different = figures_compare(&png, g_golden[_i].name);
    ck_assert_msg(different <= 40, "%s: %d pixels differ", g_golden[_i].name, different);
}
END_TEST

/* Draws and clears the chart. */
static void expect_change(struct chart *chart, const char *name)
{
    const struct figure_content content = {.chart = chart};
    struct str png = {0};

    ck_assert_int_eq(figure_render(&png, content, CANVAS_PNG, true, &g_rates, NULL), 0);
    ck_assert_int_gt(figures_compare(&png, name), 80);
    chart_clear(chart);
}

/* The comparison can fail: another step size, jumps elsewhere, no mark of the divergence. */
START_TEST(test_golden__changes_are_seen)
{
    struct chart chart;

    for (int i = 0; i < 2; i++) {
        make_rates(&chart, CLR_POLICY_TRIANGULAR, 55);
        expect_change(&chart, g_golden[i].name);
    }
    make_log_range(&chart);
    chart.panels[0].guide_count = 2;
    expect_change(&chart, "plot_range_log.png");
    make_ranges(&chart);
    chart.lanes[1].hi *= 2;
    expect_change(&chart, "plot_ranges.png");
}
END_TEST

static const char *g_write_folder;

/* Not a test: draws new reference images. */
START_TEST(write_golden)
{
    for (int i = 0; i < (int)MEM_COUNT(g_golden); i++) {
        struct str png = {0};
        render(&png, i);
        ck_assert_int_eq(
            fs_write_atomic(figures_join(g_write_folder, g_golden[i].name), png.text, png.length, NULL), 0);
        str_clear(&png);
    }
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("figures");
    TCase *tc = tcase_create("figures");

    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        g_write_folder = argv[2];
        tcase_add_test(tc, write_golden);
        suite_add_tcase(suite, tc);
        return support_run(suite, true);
    }
    tcase_add_test(tc, test_rates__have_every_vertex_at_any_log_every);
    tcase_add_test(tc, test_rates__jump_upright);
    tcase_add_test(tc, test_rates__of_long_runs_are_few_points);
    tcase_add_test(tc, test_rates__that_the_schedule_does_not_tell_are_the_rows);
    tcase_add_test(tc, test_range__axis_is_what_was_asked_for);
    tcase_add_test(tc, test_range__in_doubt_is_called_so);
    tcase_add_test(tc, test_range__that_cannot_be_read_says_why);
    tcase_add_test(tc, test_axis__shows_differences_by_itself);
    tcase_add_test(tc, test_labels__name_what_differs_and_nothing_else);
    tcase_add_test(tc, test_labels__leave_out_what_has_no_effect);
    tcase_add_test(tc, test_labels__tell_the_momentum_that_is_cycled);
    tcase_add_test(tc, test_labels__leave_out_what_most_have);
    tcase_add_test(tc, test_labels__name_all_that_differs);
    tcase_add_test(tc, test_labels__are_the_users_where_there_are_some);
    tcase_add_test(tc, test_labels__of_named_runs_do_not_repeat_the_name);
    tcase_add_test(tc, test_labels__say_which_curves_are_equal);
    tcase_add_test(tc, test_styles__are_seven_and_then_grey);
    tcase_add_test(tc, test_loss__is_a_smooth_line_over_its_points);
    tcase_add_test(tc, test_loss__is_drawn_over_the_rate);
    tcase_add_test(tc, test_loss__of_a_run_that_diverges_ends_the_axis);
    tcase_add_test(tc, test_table__holds_the_numbers_drawn);
    tcase_add_loop_test(tc, test_golden__figures_look_as_they_did, 0, (int)MEM_COUNT(g_golden));
    tcase_add_test(tc, test_golden__changes_are_seen);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
