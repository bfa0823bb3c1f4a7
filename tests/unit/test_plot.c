/*
 * Figures: repeats, the files written, and four figures against reference images. The reference
 * images (tests/golden/plot_*.png) hold text as boxes of a fixed width, so that no font changes them;
 * `test_plot --write FOLDER` draws them anew.
 */
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clr/log.h>
#include <clr/plot.h>
#include <clr/range.h>
#include <clr/version.h>

#include "base/fs.h"
#include "figures.h"
#include "plot/axes.h"
#include "plot/bars.h"
#include "plot/figure.h"
#include "plot/multiples.h"
#include "plot/runs.h"

/* ---- making inputs ---- */

/* The published runs: CIFAR-10 quick, triangular policy and fixed policy. */
static const struct figures_point g_triangular[] = {
    {1, 15.0},     {1000, 39.0},  {4000, 63.2},  {8000, 71.5},  {12000, 74.1}, {16000, 75.2},
    {18000, 72.1}, {20000, 75.9}, {24000, 76.8}, {28000, 77.0}, {32000, 77.2}};
static const struct figures_point g_fixed[] = {{1, 12.0},     {1000, 19.6},  {10000, 53.2}, {20000, 63.1},
                                               {30000, 68.5}, {40000, 71.5}, {50000, 73.2}, {60000, 74.6},
                                               {61000, 75.7}, {70000, 75.9}};

#define TRIANGULAR                                                                                           \
    "\"net\":\"quick\",\"data\":\"cifar10\",\"policy\":\"triangular\",\"min_lr\":0.0025,\"max_lr\":0.01,"    \
    "\"step_size\":2000,"
#define FIXED "\"net\":\"quick\",\"data\":\"cifar10\",\"policy\":\"fixed\",\"lr\":0.001,"

/* Three triangular repeats at −1, 0, +1 points and one fixed run. */
static size_t make_headline(const char *base, const char **inputs)
{
    size_t nt = MEM_COUNT(g_triangular);

    inputs[0] = figures_run(base, "t1", g_triangular, nt, -1, TRIANGULAR "\"seed\":1,\"out\":\"t1\"");
    inputs[1] = figures_run(base, "t2", g_triangular, nt, 0, TRIANGULAR "\"out\":\"t2\",\"seed\":2");
    inputs[2] = figures_run(base, "f", g_fixed, MEM_COUNT(g_fixed), 0, FIXED "\"seed\":1,\"out\":\"f\"");
    inputs[3] = figures_run(base, "t3", g_triangular, nt, 1, TRIANGULAR "\"seed\":3,\"out\":\"t3\"");
    return 4;
}

/* Members of range.json: how the test was measured. */
#define MEASURED(images) "{\"untrained\": 0.1, \"classes\": 10, \"images\": " images "}"

/* A logarithmic range test from 1e-5 to 0.1. */
static char *make_range(const char *base)
{
    char *folder = figures_join(base, "range");
    struct str s = {0};

    ck_assert_int_eq(fs_make_dirs(folder, NULL), 0);
    str_append(&s, FIGURES_HISTORY);
    for (int i = 0; i <= 40; i++) {
        double d = i - 28;
        str_append(&s, "%d,1,%.9g,1,%.9g\n", i ? 100 * i : 1, pow(10, -5 + 0.1 * i),
                   0.1 + 0.5 * exp(-d * d / 60));
    }
    figures_write(folder, "range.csv", s.text);
    figures_write(folder, "range.json", MEASURED("5000"));
    str_clear(&s);
    return folder;
}

/* Triangular, 12,000 updates, momentum against the rate. */
static char *make_schedule(const char *base, const char *name, bool cycle)
{
    struct str s = {0};

    str_append(&s, "iteration,lr,momentum\n");
    for (int t = 0; t < 12000; t++) {
        double u = 1 - fabs(t % 4000 / 2000.0 - 1);
        str_append(&s, "%d,%.9g,%.9g\n", t + 1, 0.0025 + 0.0075 * u, cycle ? 0.95 - 0.1 * u : 0.9);
    }
    figures_write(base, name, s.text);
    str_clear(&s);
    return figures_join(base, name);
}

/* ---- runs ---- */

START_TEST(test_runs__repeats_differ_in_the_seed_alone)
{
    const char *base = support_temp_dir(), *inputs[12];
    struct runs runs;
    struct clr_error err = {0};
    size_t n = make_headline(base, inputs);

    inputs[n++] = figures_run(base, "other", g_fixed, 3, 0, FIXED "\"seed\":2,\"batch\":50");
    inputs[n++] = figures_run(base, "again", g_fixed, 3, 0, FIXED "\"seed\":1,\"out\":\"x\"");
    inputs[n++] = figures_run(base, "trainer", g_fixed, 3, 0,
                              "\"schedule\":{\"policy\":\"fixed\",\"description\":\"fixed 0.5\",\"lr\":0.5,"
                              "\"min_lr\":null,\"step_size\":0},\"seed\":1");
    inputs[n++] = figures_run(base, "old", g_fixed, 3, 0,
                              "\"schedule\":{\"policy\":\"fixed\",\"lr\":0.25,\"min_lr\":null,\"gamma\":null,"
                              "\"step_size\":0},\"seed\":1");
    inputs[n++] = figures_run(base, "bare", g_fixed, 3, 0, NULL);
    inputs[n++] = figures_join(inputs[0], "history.csv"); /* its folder again: the same seed is no repeat */
    ck_assert_msg(runs_read(&runs, inputs, NULL, n, "history.csv", &err) == 0, "%s", err.message);
    ck_assert_uint_eq(runs.groups, 8);
    ck_assert(runs.run[0].group == runs.run[1].group && runs.run[0].group == runs.run[3].group);
    ck_assert(runs.run[2].group != runs.run[0].group);
    ck_assert(runs.run[4].group != runs.run[2].group); /* another batch */
    ck_assert(runs.run[5].group != runs.run[2].group); /* the same seed: not a repeat */
    ck_assert_str_eq(runs.run[0].label, "triangular 0.0025…0.01 (t1)");
    ck_assert_str_eq(runs.run[2].label, "fixed 0.001 (f)");
    ck_assert_str_eq(runs.run[4].label, "fixed 0.001 (other)");
    ck_assert_str_eq(runs.run[6].label, "fixed 0.5");
    ck_assert_str_eq(runs.run[7].label, "fixed 0.25");
    ck_assert_str_eq(runs.run[8].label, "bare");
    ck_assert_str_eq(runs.run[9].label, "triangular 0.0025…0.01 (t1)");
    ck_assert_str_eq(runs.run[0].topic, "quick on cifar10");
    runs_clear(&runs);
}
END_TEST

/* One title cannot name two nets: the labels name them. */
START_TEST(test_runs__labels_name_what_differs)
{
    static const char policy[] = "\"policy\":\"fixed\",\"lr\":0.5,\"data\":\"cifar10\",\"seed\":1";
    const char *base = support_temp_dir(), *inputs[3];
    char quick[256], full[256];
    struct clr_error err;
    struct runs runs;

    (void)snprintf(quick, sizeof quick, "\"net\":\"quick\",%s", policy);
    (void)snprintf(full, sizeof full, "\"net\":\"nets/full.prototxt\",%s", policy);
    inputs[0] = figures_run(base, "q", g_fixed, 3, 0, quick);
    inputs[1] = figures_run(base, "bare", g_fixed, 3, 0, NULL);
    inputs[2] = figures_run(base, "f", g_fixed, 3, 0, full);
    ck_assert_msg(runs_read(&runs, inputs, NULL, 3, "history.csv", &err) == 0, "%s", err.message);
    ck_assert_str_eq(runs.run[0].label, "quick");
    ck_assert_str_eq(runs.run[1].label, "bare");
    ck_assert_str_eq(runs.run[2].label, "full.prototxt");
    runs_clear(&runs);
    inputs[0] = figures_run(base, "w1", g_fixed, 3, 0, FIXED "\"weight_decay\":0.004,\"l\":true,\"seed\":1");
    inputs[1] =
        figures_run(base, "w2", g_fixed, 3, 0, FIXED "\"weight_decay\":0.0005,\"l\":false,\"seed\":1");
    inputs[2] =
        figures_run(base, "w3", g_fixed, 3, 0, FIXED "\"weight_decay\":0.0005,\"l\":false,\"seed\":2");
    ck_assert_msg(runs_read(&runs, inputs, NULL, 3, "history.csv", &err) == 0, "%s", err.message);
    ck_assert_str_eq(runs.run[0].label, "weight decay 0.004, l on");
    ck_assert_str_eq(runs.run[2].label, "weight decay 0.0005, l off");
    runs_clear(&runs);
}
END_TEST

START_TEST(test_runs__names)
{
    static const char *const cases[][2] = {{"a/b/history.csv", "b"}, {"a/b/", "b"},
                                           {"range.csv", "range"},   {"x/fixed.csv", "fixed"},
                                           {"/tmp/r1", "r1"},        {"./history.csv", "."},
                                           {"a.csv/", "a"},          {"/history.csv", "/history.csv"}};

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char name[32];
        fs_run_name(name, sizeof name, cases[i][0]);
        ck_assert_msg(strcmp(name, cases[i][1]) == 0, "%s: '%s'", cases[i][0], name);
    }
}
END_TEST

START_TEST(test_runs__damaged_files_are_named)
{
    static const struct {
        const char *file, *text, *says;
    } cases[] = {
        {"history.csv", FIGURES_HISTORY "1,1,0.1,1,nan\n", "history.csv:2: val_acc is 'nan'"},
        {"history.csv", FIGURES_HISTORY "1,1,0.1,1,0.5\n2,inf,0.1,1,0.5\n",
         "history.csv:3: trn_loss is 'inf'"},
        {"history.csv", FIGURES_HISTORY "1,1,0.1,1,50\n", "history.csv:2: val_acc is 50"},
        {"history.csv", FIGURES_HISTORY "5,1,0.1,1,0.5\n5,1,0.1,1,0.5\n",
         "history.csv:3: iteration 5 follows 5"},
        {"history.csv", FIGURES_HISTORY, "history.csv:2: no rows"},
        {"history.csv", "", "history.csv:1: the file is empty"},
        {"run.json", "{\"settings\": {\n\"seed\": }}", "run.json:2: "},
        {"run.json", "[]", "run.json:1: not a JSON object"},
    };
    const char *base = support_temp_dir();

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char name[16];
        const char *folder;
        struct clr_error err = {0};
        (void)snprintf(name, sizeof name, "run%zu", i);
        folder = figures_run(base, name, g_fixed, 3, 0, NULL);
        figures_write(folder, cases[i].file, cases[i].text);
        ck_assert_int_eq(clr_plot_run(figures_join(base, "x.png"), &folder, 1, NULL, &err), CLR_EINPUT);
        ck_assert_msg(strstr(err.message, cases[i].says) && strstr(err.message, folder) == err.message,
                      "'%s' does not say '%s'", err.message, cases[i].says);
        ck_assert(!fs_exists(figures_join(base, "x.png")));
    }
}
END_TEST

/* ---- charts ---- */

START_TEST(test_figure__mean_and_band_of_repeats)
{
    const char *inputs[8];
    struct chart chart;
    size_t n = make_headline(support_temp_dir(), inputs);
    const struct chart_series *s;

    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, n, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panels[0].series_count, 2);
    s = &chart.panels[0].series[0];
    ck_assert_str_eq(s->label, "triangular 0.0025…0.01, 3 runs");
    ck_assert_uint_eq(s->count, MEM_COUNT(g_triangular));
    for (size_t i = 0; i < s->count; i++) {
        /* −1, 0, +1: the sample standard deviation is 1 */
        ck_assert(fabs(s->y[i] - g_triangular[i].accuracy) < 1e-6);
        ck_assert(fabs(s->low[i] - (s->y[i] - 1)) < 1e-6 && fabs(s->high[i] - (s->y[i] + 1)) < 1e-6);
    }
    ck_assert_ptr_null(chart.panels[0].series[1].low);
    ck_assert_str_eq(chart.title, "quick on cifar10");
    chart_clear(&chart);
}
END_TEST

START_TEST(test_figure__repeats_are_averaged_where_all_were_evaluated)
{
    const char *base = support_temp_dir(), *inputs[2], *apart[2];
    static const struct figures_point even[] = {{2, 20}, {4, 40}, {6, 60}},
                                      some[] = {{2, 30}, {5, 1}, {6, 80}, {7, 90}}, odd[] = {{3, 1}};
    struct chart chart;
    struct clr_error err = {0};

    inputs[0] = figures_run(base, "a", even, 3, 0, FIXED "\"seed\":1");
    inputs[1] = figures_run(base, "b", some, 4, 0, FIXED "\"seed\":2");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panels[0].series[0].count, 2);
    ck_assert(chart.panels[0].series[0].x[1] == 6 && fabs(chart.panels[0].series[0].y[1] - 70) < 1e-9);
    chart_clear(&chart);
    apart[0] = inputs[0];
    apart[1] = figures_run(base, "c", odd, 1, 0, FIXED "\"seed\":3");
    ck_assert_int_eq(figure_make(figure_run, &chart, apart, 2, NULL, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "shares no iteration"));
}
END_TEST

static int g_warnings;

static void count_warnings(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    (void)line;
    g_warnings += level == CLR_LOG_WARNING;
}

/* Times of two devices cannot be compared: the axis names the device. */
START_TEST(test_figure__over_time_with_rates_and_names)
{
    static const struct figures_point points[] = {{100, 20}, {200, 40}, {400, 60}};
    static const char *const names[] = {"mine", "mine"};
    const double thirty = 30;
    const struct clr_plot_options o = {
        .size = sizeof o, .over = CLR_PLOT_OVER_TIME, .rates = true, .y_min = &thirty, .names = names};
    const struct clr_plot_options small = {
        .size = sizeof small, .multiples = true, .width = 320, .height = 200};
    const char *base = support_temp_dir(), *inputs[2];
    struct clr_error err = {0};
    struct chart chart;

    inputs[0] = figures_run(base, "a", points, 3, 0, FIXED "\"seed\":1");
    inputs[1] = figures_run(base, "b", points, 3, 0, FIXED "\"seed\":2");
    figures_write(inputs[0], "timing.csv", "iteration,seconds\n200,60\n400,240\n");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EINPUT); /* b has no times */
    figures_write(inputs[1], "timing.csv", "iteration,seconds\n100,60\n300,120\n");
    g_warnings = 0;
    clr_log_set_sink(count_warnings, NULL);
    ck_assert_msg(figure_make(figure_run, &chart, inputs, 2, &o, &err) == 0, "%s", err.message);
    ck_assert(chart.panels[0].series[0].count == 2 &&
              chart.panels[0].series[0].x[1] == 1.25); /* of 60 s and 90 s */
    ck_assert_int_ge(g_warnings, 1);
    chart_clear(&chart);
    figures_write(inputs[1], "timing.csv", "iteration,seconds\n50,60\n");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "b/timing.csv:2: ends before iteration 100"));
    figures_write(inputs[1], "timing.csv", "iteration,seconds\n100,60\n500,300\n");
    figures_write(inputs[0], "loss.csv", "iteration,trn_loss,lr\n100,1,0.5\n300,1,0.25\n");
    ck_assert_msg(figure_make(figure_run, &chart, inputs, 2, &o, &err) == 0, "%s", err.message);
    ck_assert_str_eq(chart.panels[0].series[0].label, "mine: fixed 0.001, 2 runs");
    ck_assert(chart.panel_count == 2 && chart.panels[0].series[0].count == 3 && chart.panels[0].begins);
    ck_assert_double_eq_tol(chart.panels[0].series[0].x[1], (60 + 120) / 2.0 / 60, 1e-12); /* minutes */
    ck_assert_double_eq_tol(chart.panels[0].series[0].x[2], (240 + 240) / 2.0 / 60, 1e-12);
    ck_assert(fabs(chart.panels[1].series[0].x[1] - 2.75) < 1e-12 && chart.panels[1].series[0].y[1] == 0.25);
    ck_assert_int_eq(multiples_height(&chart, 960, 600), 600);
    ck_assert_int_ge(multiples_height(&chart, 320, 200), 280); /* two panels each */
    chart.panel_count = 1;
    ck_assert_int_eq(multiples_height(&chart, 320, 240), 240);
    chart_clear(&chart);
    ck_assert_int_eq(clr_plot_run(figures_join(base, "x.png"), inputs, 2, &small, &err), 0);
    figures_write(inputs[0], "loss.csv", "iteration,trn_loss,lr\n5000,1,0.5\n6000,1,0.5\n");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, &o, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "no rate before the end of timing.csv"));
}
END_TEST

START_TEST(test_figure__curves_that_have_no_place_are_left_out)
{
    static const struct figures_point points[] = {{100, 20}, {200, 40}};
    static const char *const names[] = {"a", "a", "a", "lost", "b", "b"};
    static const char *const of[] = {"CPU", "GPU", "GPU", "CPU", "GPU", "GPU"};
    static const char *const how[] = {"", "", "",
                                      "", "", "{\"device_before\": \"CPU\", \"device\": \"GPU\"}"};
    static const char *const settings[] = {FIXED "\"seed\":1",      FIXED "\"seed\":2",
                                           FIXED "\"seed\":3",      FIXED "\"x\":1",
                                           TRIANGULAR "\"seed\":1", TRIANGULAR "\"seed\":2"};
    const double low = 45;
    const struct clr_plot_options o = {.size = sizeof o, .over = CLR_PLOT_OVER_TIME, .names = names},
                                  high = {.rates = true, .y_min = &low};
    static const struct figures_point better[] = {{100, 50}, {200, 60}};
    const char *base = support_temp_dir(), *inputs[6], *two[2];
    struct clr_error err = {0};
    struct chart chart;
    char text[1024];

    clr_log_set_sink(count_warnings, NULL);
    for (int i = 0; i < 6; i++) {
        const char folder[2] = {(char)('a' + i), '\0'};
        inputs[i] = figures_run(base, folder, points, 2, 0, settings[i]);
        (void)snprintf(text, sizeof text,
                       "{\"device\": {\"name\": \"%s\"}, \"resumed\": [%s], \"settings\": {%s}}", of[i],
                       how[i], settings[i]);
        figures_write(inputs[i], "run.json", text);
        if (i > 0 && i < 5) {
            (void)snprintf(text, sizeof text, "iteration,seconds\n100,%d\n200,%d\n", 10 * i, 20 * i);
            figures_write(inputs[i], "timing.csv", text);
        }
    }
    ck_assert_msg(figure_make(figure_run, &chart, inputs, 6, &o, &err) == 0, "%s", err.message);
    ck_assert_msg(strcmp(chart.x_label, "time on GPU, with evaluations (s)") == 0, "%s", chart.x_label);
    ck_assert_uint_eq(chart.panels[0].series_count, 2);
    ck_assert_str_eq(chart.panels[0].series[1].label, "b: triangular 0.0025…0.01, 2 runs");
    ck_assert(chart.panels[0].series[0].x[1] == 30 && chart.panels[0].series[1].x[1] == 80);
    chart_clear(&chart);
    ck_assert_int_eq(g_warnings, 1); /* of "lost", which is not drawn */
    two[0] = inputs[3];
    two[1] = figures_run(base, "better", better, 2, 0, FIXED "\"y\":1");
    ck_assert_msg(figure_make(figure_run, &chart, two, 2, &high, &err) == 0, "%s", err.message);
    ck_assert(chart.panels[0].series_count == 1 && chart.panels[1].series_count == 1);
    ck_assert(chart.panels[0].series[0].look == 1 && chart.panels[1].series[0].look == 1);
    ck_assert_int_eq(g_warnings, 2);
    chart_clear(&chart);
    ck_assert_msg(figure_make(figure_run, &chart, inputs + 1, 2, &o, &err) == 0, "%s", err.message);
    ck_assert_str_eq(chart.x_label, "time, with evaluations (s)");
    chart_clear(&chart);
}
END_TEST

START_TEST(test_figure__equal_accuracy_is_connected)
{
    const char *inputs[8];
    struct chart chart;
    const struct chart_guide *g;

    (void)make_headline(support_temp_dir(), inputs);
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs + 1, 2, NULL, NULL), 0); /* t2, f */
    ck_assert_uint_eq(chart.panels[0].guide_count, 3);
    g = chart.panels[0].guides;
    ck_assert(g[0].x0 == 20000 && g[0].x1 == 70000 && fabs(g[0].y0 - 75.9) < 1e-9 && g[0].y0 == g[0].y1);
    ck_assert_str_eq(g[0].text, "75.9 %");
    ck_assert_str_eq(g[1].text, "20,000");
    ck_assert_str_eq(g[2].text, "70,000");
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 1, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panels[0].guide_count, 0);
    chart_clear(&chart);
}
END_TEST

/* The run that sets the level may have reached it before its end, and before the others. */
START_TEST(test_figure__the_level_is_marked_where_each_run_first_reached_it)
{
    static const struct figures_point early[] = {{1, 10.0}, {250, 84.2}, {300, 84.9}, {400, 84.1}},
                                      late[] = {{1, 10.0}, {250, 80.0}, {300, 84.5}, {400, 85.0}},
                                      slow[] = {{1, 10.0}, {250, 80.0}, {300, 84.0}, {400, 84.7}};
    const char *base = support_temp_dir(), *inputs[2];
    struct chart chart;
    const struct chart_guide *g;

    inputs[0] = figures_run(base, "early", early, 4, 0, FIXED "\"seed\":1,\"batch\":10");
    inputs[1] = figures_run(base, "late", late, 4, 0, FIXED "\"seed\":1,\"batch\":20");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panels[0].guide_count, 3);
    g = chart.panels[0].guides;
    ck_assert(g[0].x0 == 250 && g[0].x1 == 400 && fabs(g[0].y0 - 84.1) < 1e-9);
    ck_assert_str_eq(g[1].text, "300");
    ck_assert_str_eq(g[2].text, "250");
    chart_clear(&chart);
    inputs[0] = figures_run(base, "slow", slow, 4, 0, FIXED "\"seed\":1,\"batch\":30");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 2, NULL, NULL),
                     0); /* both reach it at the end only */
    ck_assert(chart.panels[0].guide_count == 0 && chart.key_count == 0);
    chart_clear(&chart);
}
END_TEST

START_TEST(test_figure__range_marks_bounds_on_the_right_axis)
{
    const char *base = support_temp_dir(), *folder = make_range(base), *run;
    struct clr_range_result r;
    struct chart chart;
    struct clr_error err = {0};

    ck_assert_int_eq(figure_make(figure_range, &chart, &folder, 1, NULL, NULL), 0);
    ck_assert_int_eq(clr_range_read(&r, &folder, 1, NULL), 0);
    ck_assert(chart.x_log && chart.panels[0].shade_count == 2);
    ck_assert(chart.panels[0].shades[0].lo == r.min_lr && chart.panels[0].shades[0].hi == r.max_lr);
    ck_assert_str_eq(chart.panels[0].guides[1].text, "min 0.000251");
    ck_assert_str_eq(chart.panels[0].guides[0].text, "max 0.00595");
    chart_clear(&chart);
    figures_write(folder, "range.json", MEASURED("6")); /* too few to be read */
    ck_assert_int_eq(figure_make(figure_range, &chart, &folder, 1, NULL, NULL), 0);
    ck_assert(chart.panels[0].shade_count == 0 && chart.panels[0].guide_count == 0);
    chart_clear(&chart);
    figures_write(folder, "range.json", "{}");
    ck_assert_int_eq(figure_make(figure_range, &chart, &folder, 1, NULL, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "range.json' is damaged"));
    figures_write(folder, "range.csv", FIGURES_HISTORY "1,1,0.1,1,0.1\n2,1,0.2,1,0.2\n3,1,0.15,1,0.2\n");
    ck_assert_int_eq(figure_make(figure_range, &chart, &folder, 1, NULL, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "range.csv:4: the rate falls from 0.2 to 0.15"));
    run = figures_run(base, "run", g_fixed, 3, 0, NULL);
    ck_assert_int_eq(figure_make(figure_range, &chart, &run, 1, NULL, &err), CLR_EINPUT); /* no range.csv */
}
END_TEST

START_TEST(test_figure__momentum_is_a_second_panel_where_it_moves)
{
    const char *base = support_temp_dir(), *inputs[2];
    struct chart chart;

    inputs[0] = make_schedule(base, "plain.csv", false);
    inputs[1] = make_schedule(base, "cycled.csv", true);
    ck_assert_int_eq(figure_make(figure_schedule, &chart, inputs, 1, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panel_count, 1);
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_schedule, &chart, inputs, 2, NULL, NULL), 0);
    ck_assert_uint_eq(chart.panel_count, 2);
    ck_assert_str_eq(chart.panels[0].series[1].label, "cycled");
    chart_clear(&chart);
}
END_TEST

START_TEST(test_figure__refuses_more_curves_than_can_be_told_apart)
{
    const char *base = support_temp_dir(), *inputs[CHART_MAX_SERIES + 1];
    struct clr_error err = {0};

    for (size_t i = 0; i < MEM_COUNT(inputs); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%zu", i);
        inputs[i] = figures_run(base, name, g_fixed, 3, (double)i, NULL);
    }
    ck_assert_int_eq(clr_plot_run(figures_join(base, "x.png"), inputs, CHART_MAX_SERIES, NULL, &err), 0);
    ck_assert_int_eq(clr_plot_run(figures_join(base, "y.png"), inputs, CHART_MAX_SERIES + 1, NULL, &err),
                     CLR_EUSAGE);
    ck_assert(!fs_exists(figures_join(base, "y.png")));
}
END_TEST

/* ---- files ---- */

/* Data of the first chunk of that type (which for texts starts with the key); NULL: none. */
static const unsigned char *find_chunk(const char *png, size_t size, const char *type, const char *key,
                                       size_t *length)
{
    size_t at = 8;

    while (at + 12 <= size) {
        const unsigned char *p = (const unsigned char *)png + at;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        ck_assert(n <= size - at - 12);
        if (memcmp(p + 4, type, 4) == 0 &&
            (!key || (n > strlen(key) && strcmp((const char *)p + 8, key) == 0))) {
            *length = n;
            return p + 8;
        }
        at += 12 + n;
    }
    return NULL;
}

static void assert_text(const char *png, size_t size, const char *key, const char *value)
{
    size_t n = 0, skip = strlen(key) + 1;
    const unsigned char *p = find_chunk(png, size, "tEXt", key, &n);

    ck_assert_msg(p != NULL, "no tEXt chunk '%s'", key);
    ck_assert_msg(n == skip + strlen(value) && memcmp(p + skip, value, n - skip) == 0, "%s", key);
}

START_TEST(test_plot__png_carries_its_origin)
{
    const char *base = support_temp_dir(), *folder = make_range(base), *path = figures_join(base, "x.png");
    struct clr_plot_options o = {.size = sizeof o,
                                 .dpi = 192,
                                 .width = 640,
                                 .height = 400,
                                 .command_line = "clr-cl plot range r -o x.png"};
    struct clr_error err = {0};
    const unsigned char *p;
    char *png;
    size_t size, n = 0;

    ck_assert_msg(clr_plot_range(path, &folder, 1, &o, &err) == 0, "%s", err.message);
    ck_assert_int_eq(fs_read(path, 1 << 24, &png, &size, NULL), 0);
    ck_assert(memcmp(png, "\x89PNG\r\n\x1a\n", 8) == 0);
    p = find_chunk(png, size, "IHDR", NULL, &n);
    ck_assert(p && p[2] == 1280 / 256 && p[3] == 1280 % 256 && p[6] == 800 / 256 && p[7] == 800 % 256);
    assert_text(png, size, "Software", "clr-cl " CLR_VERSION);
    assert_text(png, size, "Command", o.command_line);
    p = find_chunk(png, size, "pHYs", NULL, &n); /* 192 / 0.0254 = 7559 a metre */
    ck_assert(p && n == 9 && p[2] == 7559 / 256 && p[3] == 7559 % 256 && p[8] == 1);
    ck_assert_ptr_null(find_chunk(png, size, "tIME", NULL, &n));
    free(png);

    o.command_line = "clr-cl plot range größe";
    ck_assert_int_eq(clr_plot_range(path, &folder, 1, &o, NULL), 0);
    ck_assert_int_eq(fs_read(path, 1 << 24, &png, &size, NULL), 0);
    ck_assert_ptr_nonnull(find_chunk(png, size, "iTXt", "Command", &n));
    free(png);
}
END_TEST

START_TEST(test_plot__same_input_same_bytes)
{
    const char *base = support_temp_dir(), *inputs[8],
               *path[2] = {figures_join(base, "a.png"), figures_join(base, "b.png")};
    size_t n = make_headline(base, inputs), size[2];
    char *png[2];

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(clr_plot_run(path[i], inputs, n, NULL, NULL), 0);
        ck_assert_int_eq(fs_read(path[i], 1 << 24, &png[i], &size[i], NULL), 0);
    }
    ck_assert(size[0] == size[1] && memcmp(png[0], png[1], size[0]) == 0);
    free(png[0]);
    free(png[1]);
}
END_TEST

START_TEST(test_plot__svg_and_pdf_by_extension)
{
    static const struct {
        const char *name, *start;
    } cases[] = {{"x.svg", "<?xml"}, {"x.pdf", "%PDF-"}, {"x.PNG", "\x89PNG"}};
    const char *base = support_temp_dir(), *inputs[8];
    size_t n = make_headline(base, inputs);

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *data, *path = figures_join(base, cases[i].name);
        size_t size;
        struct clr_error err = {0};
        ck_assert_msg(clr_plot_run(path, inputs, n, NULL, &err) == 0, "%s", err.message);
        ck_assert_int_eq(fs_read(path, 1 << 24, &data, &size, NULL), 0);
        ck_assert(size > 1000 && strncmp(data, cases[i].start, strlen(cases[i].start)) == 0);
        free(data);
    }
}
END_TEST

static int count_entries(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2;
}

START_TEST(test_plot__bad_targets_leave_nothing)
{
    const char *base = support_temp_dir(), *target = support_temp_dir(), *inputs[8],
               *none = "none/history.csv";
    struct clr_error err = {0};
    struct clr_plot_options huge = {.size = sizeof huge, .width = 20000, .height = 20000, .dpi = 300},
                            flat = {.size = sizeof flat, .width = 10};
    size_t n = make_headline(base, inputs);

    ck_assert_int_eq(clr_plot_run(figures_join(target, "x.jpg"), inputs, n, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, ".png, .svg or .pdf"));
    ck_assert_int_eq(clr_plot_run(figures_join(target, "png"), inputs, n, NULL, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "missing/x.png"), inputs, n, NULL, &err), CLR_EFAILED);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "x.png"), inputs, n, &huge, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "x.png"), inputs, n, &flat, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "x.png"), inputs, 0, NULL, &err), CLR_EINPUT);
    ck_assert_int_eq(clr_plot_schedule(figures_join(target, "x.png"), inputs, 0, NULL, &err), CLR_EINPUT);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "x.png"), &none, 1, NULL, &err), CLR_EINPUT);
    ck_assert_int_eq(count_entries(target), 0);
    ck_assert_int_eq(fs_make_dirs(figures_join(target, "folder.png"), NULL), 0);
    ck_assert_int_eq(clr_plot_run(figures_join(target, "folder.png"), inputs, n, NULL, &err), CLR_EFAILED);
    ck_assert_int_eq(count_entries(target), 1);
}
END_TEST

START_TEST(test_plot__what_is_not_given_is_named)
{
    const char *const inputs[] = {"a", NULL};
    const struct clr_plot_label no_name = {NULL, "text"}, no_text = {"a", NULL};
    const struct {
        struct clr_plot_options options;
        size_t count;
        const char *says;
    } rows[] = {{{.over = (enum clr_plot_over)77}, 1, "`over` is 77"},
                {{.title = ""}, 2, "`inputs[1]` is NULL"},
                {{.names = inputs + 1}, 1, "`names[0]` is NULL"},
                {{.label_count = 1}, 1, "`labels` is NULL"},
                {{.labels = &no_name, .label_count = 1}, 1, "`labels[0].name` is NULL"},
                {{.labels = &no_text, .label_count = 1}, 1, "`labels[0].text` is NULL"}};
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        struct clr_plot_options o = rows[i].options;
        o.size = sizeof o;
        ck_assert_int_eq(clr_plot_run("x.png", inputs, rows[i].count, &o, &err), CLR_EUSAGE);
        ck_assert_msg(strstr(err.message, rows[i].says) != NULL, "%s", err.message);
    }
}
END_TEST

START_TEST(test_plot__odd_data_and_texts_are_drawn)
{
    static const struct figures_point one[] = {{1, 10}}, full[] = {{1, 100}, {2, 100}},
                                      none[] = {{0, 0}, {1000000000, 0}};
    const char *base = support_temp_dir(), *inputs[4];
    struct clr_plot_options o = {
        .size = sizeof o,
        .title = "not \xff UTF-8 \xe2\x82 \x01 and long, long, long, long, long, long, long, "
                 "long, long, long, long, long, long, long, long, long, long, long, long",
        .width = 320,
        .height = 200,
        .command_line = "\xff"};
    struct clr_error err = {0};

    inputs[0] = figures_run(base, "one", one, 1, 0, NULL);
    inputs[1] = figures_run(base, "full", full, 2, 0, NULL);
    inputs[2] = figures_run(base, "none", none, 2, 0, NULL);
    inputs[3] =
        figures_run(base, "a name that is \xfe far too long for any legend, a name that is far too long", one,
                    1, 1, NULL);
    for (size_t first = 0; first < 4; first++) {
        for (size_t n = 1; first + n <= 4; n++) {
            ck_assert_msg(clr_plot_run(figures_join(base, "x.png"), inputs + first, n, &o, &err) == 0, "%s",
                          err.message);
            ck_assert_msg(clr_plot_run(figures_join(base, "x.pdf"), inputs + first, n, &o, &err) == 0, "%s",
                          err.message);
        }
    }
}
END_TEST

/* ---- reference images ---- */

enum {
    GOLDEN_RUN,
    GOLDEN_RANGE,
    GOLDEN_SCHEDULE,
    GOLDEN_MULTIPLES,
    GOLDEN_CHARTS,
    GOLDEN_BARS = GOLDEN_CHARTS
};
static const char *const g_golden[] = {"plot_run.png", "plot_range.png", "plot_schedule.png",
                                       "plot_multiples.png", "plot_bars.png"};
static const struct clr_plot_options g_multiples = {
    .size = sizeof g_multiples, .width = 480, .height = 300, .rates = true, .multiples = true};

static void make_chart(struct chart *chart, int which)
{
    const char *base = support_temp_dir(), *inputs[8];
    struct clr_error err = {0};
    int rc;

    if (which == GOLDEN_RUN || which == GOLDEN_MULTIPLES) {
        size_t n = make_headline(base, inputs);
        rc = figure_make(figure_run, chart, inputs, n, which == GOLDEN_RUN ? NULL : &g_multiples, &err);
    } else if (which == GOLDEN_RANGE) {
        inputs[0] = make_range(base);
        rc = figure_make(figure_range, chart, inputs, 1, NULL, &err);
    } else {
        inputs[0] = make_schedule(base, "a.csv", true);
        rc = figure_make(figure_schedule, chart, inputs, 1, NULL, &err);
    }
    ck_assert_msg(rc == 0, "%s", err.message);
}

static void render_boxes(struct str *out, struct chart *chart, int which)
{
    const struct clr_plot_options plain = {.size = sizeof plain, .width = 480, .height = 300};
    const struct clr_plot_options *o = which == GOLDEN_MULTIPLES ? &g_multiples : &plain;
    struct clr_error err = {0};

    ck_assert_msg(figure_render(out, (struct figure_content){.chart = chart}, CANVAS_PNG, true, o, &err) == 0,
                  "%s", err.message);
}

/* Two series of eight rows, of which the smallest do not fit and are summed. */
static void make_bars(struct bars *bars)
{
    static const char *const groups[] = {"conv1", "conv1", "pool1", "conv2",
                                         "conv2", "conv2", "ip1",   "update"};
    static const char *const names[] = {"forward",       "weight gradient", "forward", "forward",
                                        "data gradient", "weight gradient", "forward", ""};
    static const double values[] = {2, 3, 0.5, 5, 5.5, 6, 0.25, 0.125};

    *bars = (struct bars){.title = "bars", .value_label = "ms", .series_count = 2};
    str_copy(bars->series[0], BARS_LABEL, "one");
    str_copy(bars->series[1], BARS_LABEL, "two");
    ck_assert_int_eq(bars_create_rows(bars, MEM_COUNT(values), NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(values); i++) {
        struct bars_row *r = &bars->rows[i];
        str_copy(r->group, sizeof r->group, groups[i]);
        str_copy(r->name, sizeof r->name, names[i]);
        for (size_t k = 0; k < 2; k++) {
            r->value[k] = values[i] * (k ? 1.5 : 1);
            r->low[k] = 0.75 * r->value[k];
            r->high[k] = 1.25 * r->value[k];
        }
    }
    bars->rows[2].value[1] = NAN; /* not measured there */
}

static void render_bars(struct str *out, const struct bars *bars)
{
    const struct canvas_spec spec = {CANVAS_PNG, 480, 230, 96, true, NULL, NULL};
    struct canvas *canvas;

    ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
    ck_assert_int_eq(bars_draw(canvas, bars, spec.width, spec.height, NULL), 0);
    ck_assert_int_eq(canvas_finish(canvas, out, NULL), 0);
    canvas_destroy(canvas);
}

static int compare(struct chart *chart, int which)
{
    struct str png = {0};

    render_boxes(&png, chart, which);
    return figures_compare(&png, g_golden[which]);
}

static int compare_bars(const struct bars *bars)
{
    struct str png = {0};

    render_bars(&png, bars);
    return figures_compare(&png, g_golden[GOLDEN_BARS]);
}

START_TEST(test_golden__figures_look_as_they_did)
{
    struct chart chart;
    int different;

    make_chart(&chart, _i);
    different = compare(&chart, _i);
    ck_assert_msg(different <= 40, "%s: %d pixels differ", g_golden[_i], different);
    chart_clear(&chart);
}
END_TEST

/* No text overlaps another one or the edge. */
static void check_boxes(const struct canvas *canvas, int width, int height, const char *what)
{
    size_t count;
    const double *b = canvas_text_boxes(canvas, &count);

    for (size_t i = 0; i < count; i++, b += 4) {
        const double *o = canvas_text_boxes(canvas, &count);
        ck_assert_msg(b[0] >= 0 && b[1] >= 0 && b[0] + b[2] <= width && b[1] + b[3] <= height,
                      "%s: a text at %.1f %.1f is cut", what, b[0], b[1]);
        for (size_t k = 0; k < i; k++, o += 4)
            ck_assert_msg(b[0] + b[2] <= o[0] || o[0] + o[2] <= b[0] || b[1] + b[3] <= o[1] ||
                              o[1] + o[3] <= b[1],
                          "%s: texts at %.1f %.1f and at %.1f %.1f", what, b[0], b[1], o[0], o[1]);
    }
}

/* Texts that begin as far right as any. */
static size_t count_rightmost(const struct canvas *canvas)
{
    size_t count, n = 0;
    const double *b = canvas_text_boxes(canvas, &count);
    double right = 0;

    for (size_t i = 0; i < count; i++)
        right = fmax(right, b[4 * i]);
    for (size_t i = 0; i < count; i++)
        n += fabs(b[4 * i] - right) < 0.01;
    return n;
}

static void draw_bars(const struct bars *bars, int width, int height)
{
    const struct canvas_spec spec = {.width = width, .height = height, .dpi = 96, .boxes = true};
    struct canvas *canvas;
    char what[64];

    (void)snprintf(what, sizeof what, "%d x %d, %zu devices", width, height, bars->series_count);
    ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
    ck_assert_int_eq(bars_draw(canvas, bars, width, height, NULL), 0);
    check_boxes(canvas, width, height, what);
    canvas_destroy(canvas);
}

/* The narrowest and lowest figures, with the most devices; some spreads are cut. */
START_TEST(test_bars__no_text_covers_another)
{
    static const int widths[] = {320, 640, 960};
    struct bars bars;

    make_bars(&bars);
    for (size_t k = 0; k < BARS_MAX_SERIES; k++) {
        str_copy(bars.series[k], BARS_LABEL,
                 "123,456 images/s: a device of quite a long name, as CPUs have them");
        for (size_t i = 0; i < bars.row_count; i++) {
            bars.rows[i].value[k] = 0.011 * (double)(i + 1 + k);
            bars.rows[i].low[k] = 0.9 * bars.rows[i].value[k];
            bars.rows[i].high[k] = (i + k) % 3 ? 1.1 * bars.rows[i].value[k] : 12;
        }
    }
    for (bars.series_count = 1; bars.series_count <= BARS_MAX_SERIES; bars.series_count++)
        for (size_t w = 0; w < MEM_COUNT(widths); w++) {
            draw_bars(&bars, widths[w], bars_height(&bars, widths[w]));
            draw_bars(&bars, widths[w], 240);
            draw_bars(&bars, widths[w], 400);
        }
    bars_clear(&bars);
}
END_TEST

/* However long bars and spreads are: no spread goes through a number, and none stands far from the others. */
START_TEST(test_bars__values_stand_in_one_column)
{
    static const int widths[] = {320, 640, 960};
    struct bars bars;

    make_bars(&bars);
    bars.rows[1].high[0] = 500; /* is cut */
    for (size_t w = 0; w < MEM_COUNT(widths); w++) {
        const struct canvas_spec spec = {
            .width = widths[w], .height = bars_height(&bars, widths[w]), .dpi = 96, .boxes = true};
        struct canvas *canvas;
        ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
        ck_assert_int_eq(bars_draw(canvas, &bars, spec.width, spec.height, NULL), 0);
        ck_assert_uint_eq(count_rightmost(canvas), 2 * bars.row_count - 1);
        canvas_destroy(canvas);
    }
    bars_clear(&bars);
}
END_TEST

START_TEST(test_golden__bars_look_as_they_did)
{
    struct bars bars;

    make_bars(&bars);
    ck_assert_int_le(compare_bars(&bars), 40);
    bars.rows[3].value[0] = 4.5; /* and a change is detected */
    ck_assert_int_gt(compare_bars(&bars), 80);
    bars_clear(&bars);
}
END_TEST

/* The comparison must be able to fail: small changes of each kind count. */
START_TEST(test_golden__changes_are_seen)
{
    struct chart chart;

    make_chart(&chart, GOLDEN_RUN);
    for (size_t i = 2; i < chart.panels[0].series[1].count; i++)
        chart.panels[0].series[1].y[i] -= 1.5; /* a curve a little lower */
    ck_assert_int_gt(compare(&chart, GOLDEN_RUN), 80);
    chart_clear(&chart);

    make_chart(&chart, GOLDEN_RUN);
    chart.panels[0].guide_count = 1; /* no vertical helper lines */
    ck_assert_int_gt(compare(&chart, GOLDEN_RUN), 80);
    chart_clear(&chart);

    make_chart(&chart, GOLDEN_RANGE);
    chart.panels[0].shades[0].hi *= 3;
    chart.panels[0].guides[1].x0 = chart.panels[0].guides[1].x1 = chart.panels[0].shades[0].hi;
    ck_assert_int_gt(compare(&chart, GOLDEN_RANGE), 80);
    chart_clear(&chart);

    make_chart(&chart, GOLDEN_RANGE);
    for (size_t i = 20; i < 30; i++)
        chart.panels[0].series[0].smooth[i] += 2; /* the line leaves its points */
    ck_assert_int_gt(compare(&chart, GOLDEN_RANGE), 80);
    chart_clear(&chart);

    make_chart(&chart, GOLDEN_MULTIPLES);
    chart.panels[1].series[1].y[0] = 0.002; /* once in grey, once in its own chart */
    ck_assert_int_gt(compare(&chart, GOLDEN_MULTIPLES), 80);
    chart_clear(&chart);

    make_chart(&chart, GOLDEN_SCHEDULE);
    chart.panel_count = 1;
    ck_assert_int_gt(compare(&chart, GOLDEN_SCHEDULE), 80);
    chart_clear(&chart);
}
END_TEST

static const char *g_write_folder;

/* Not a test: draws new reference images. */
START_TEST(write_golden)
{
    struct bars bars;
    struct str drawn = {0};

    make_bars(&bars);
    render_bars(&drawn, &bars);
    ck_assert_int_eq(
        fs_write_atomic(figures_join(g_write_folder, g_golden[GOLDEN_BARS]), drawn.text, drawn.length, NULL),
        0);
    str_clear(&drawn);
    bars_clear(&bars);
    for (int i = 0; i < GOLDEN_CHARTS; i++) {
        struct chart chart;
        struct str png = {0};
        make_chart(&chart, i);
        render_boxes(&png, &chart, i);
        ck_assert_int_eq(
            fs_write_atomic(figures_join(g_write_folder, g_golden[i]), png.text, png.length, NULL), 0);
        str_clear(&png);
        chart_clear(&chart);
    }
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("plot");
    TCase *tc = tcase_create("plot");

    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        g_write_folder = argv[2];
        tcase_add_test(tc, write_golden);
        suite_add_tcase(suite, tc);
        return support_run(suite, true);
    }
    tcase_add_test(tc, test_runs__repeats_differ_in_the_seed_alone);
    tcase_add_test(tc, test_runs__labels_name_what_differs);
    tcase_add_test(tc, test_runs__names);
    tcase_add_test(tc, test_runs__damaged_files_are_named);
    tcase_add_test(tc, test_figure__mean_and_band_of_repeats);
    tcase_add_test(tc, test_figure__repeats_are_averaged_where_all_were_evaluated);
    tcase_add_test(tc, test_figure__over_time_with_rates_and_names);
    tcase_add_test(tc, test_figure__curves_that_have_no_place_are_left_out);
    tcase_add_test(tc, test_figure__equal_accuracy_is_connected);
    tcase_add_test(tc, test_figure__the_level_is_marked_where_each_run_first_reached_it);
    tcase_add_test(tc, test_figure__range_marks_bounds_on_the_right_axis);
    tcase_add_test(tc, test_figure__momentum_is_a_second_panel_where_it_moves);
    tcase_add_test(tc, test_figure__refuses_more_curves_than_can_be_told_apart);
    tcase_add_test(tc, test_plot__png_carries_its_origin);
    tcase_add_test(tc, test_plot__same_input_same_bytes);
    tcase_add_test(tc, test_plot__svg_and_pdf_by_extension);
    tcase_add_test(tc, test_plot__bad_targets_leave_nothing);
    tcase_add_test(tc, test_plot__what_is_not_given_is_named);
    tcase_add_test(tc, test_plot__odd_data_and_texts_are_drawn);
    tcase_add_loop_test(tc, test_golden__figures_look_as_they_did, 0, GOLDEN_CHARTS);
    tcase_add_test(tc, test_bars__no_text_covers_another);
    tcase_add_test(tc, test_bars__values_stand_in_one_column);
    tcase_add_test(tc, test_golden__bars_look_as_they_did);
    tcase_add_test(tc, test_golden__changes_are_seen);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
