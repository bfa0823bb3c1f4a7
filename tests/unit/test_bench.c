/*
 * Measurements without a device: labels and layers, spreads, reports as JSON and back, what is refused, the
 * table, the figure. Comparisons are in test_comparison.c.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>

#include <clr/bench.h>
#include <clr/log.h>

#include "base/fs.h"
#include "base/json.h"
#include "bench/bench_figure.h"
#include "bench/measure.h"
#include "figures.h"
#include "plot/table.h"
#include "reports.h"

/* ------------------------------------------------------------------ labels, spreads */

START_TEST(test_labels__the_longest_layer_and_the_words_behind_it)
{
    static const char *const names[] = {"conv1", "conv1 forward", "ip1", "ip1.flatten", "batch", "a b", "a"};
    static const struct {
        const char *label;
        size_t layer;
        enum clr_bench_pass pass;
    } cases[] = {
        {"conv1 data gradient", 0, CLR_BENCH_DATA},
        {"conv1 data gradient weights", 0, CLR_BENCH_DATA},
        {"conv1 weight gradient GEMM", 0, CLR_BENCH_WEIGHTS},
        {"conv1 bias gradient", 0, CLR_BENCH_WEIGHTS},
        {"conv1 gradient sum", 0, CLR_BENCH_WEIGHTS},
        {"conv1 weight gradient im2col", 0, CLR_BENCH_WEIGHTS},
        {"conv1 im2col", 0, CLR_BENCH_OTHER},
        {"conv1 forwards", 0, CLR_BENCH_OTHER},
        {"conv1 forward backward", 1, CLR_BENCH_BACKWARD}, /* of the layer 'conv1 forward' */
        {"ip1 forward weights", 2, CLR_BENCH_FORWARD},
        {"ip1 update", 2, CLR_BENCH_UPDATE},
        {"ip1.flatten forward", 3, CLR_BENCH_FORWARD},
        {"batch", 7, CLR_BENCH_BATCH}, /* not a layer: no pass follows */
        {"batch backward", 4, CLR_BENCH_BACKWARD},
        {"update", 7, CLR_BENCH_UPDATE},
        {"update of all", 7, CLR_BENCH_UPDATE},
        {"conv10 forward", 7, CLR_BENCH_OTHER},
        {"a b forward", 5, CLR_BENCH_FORWARD}, /* the first in the list */
        {"a backward", 6, CLR_BENCH_BACKWARD},
        {"", 7, CLR_BENCH_OTHER},
    };

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        size_t layer = 99;
        const enum clr_bench_pass pass = labels_map(cases[i].label, names, MEM_COUNT(names), &layer);
        ck_assert_msg(layer == cases[i].layer && pass == cases[i].pass, "'%s': layer %zu, %s", cases[i].label,
                      layer, clr_bench_pass_name(pass));
    }
}
END_TEST

START_TEST(test_measure__spreads)
{
    double odd[] = {5, 1, 3}, even[] = {4, 1, 2, 3};
    struct clr_bench_spread s;

    measure_spread(&s, odd, 3);
    ck_assert(s.count == 3 && s.min == 1 && s.median == 3 && s.max == 5);
    measure_spread(&s, even, 4);
    ck_assert(s.count == 4 && s.min == 1 && s.median == 2.5 && s.max == 4);
    measure_invert(&s, 10);
    ck_assert(s.min == 2.5 && s.median == 4 && s.max == 10);
}
END_TEST

static int count_runs(void *user, int n, struct clr_error *err)
{
    int *runs = user;

    *runs += n;
    return *runs > 1000 ? clr_error_set(err, CLR_ECL, "broken") : 0;
}

START_TEST(test_measure__how_long_it_will_take)
{
    const struct measure m = {count_runs, NULL, 100, 4.0, NULL};

    ck_assert(measure_estimate(&m, 0.001) == 4.0 && measure_estimate(&m, 1.0) == 7.0);
    ck_assert(measure_estimate(&m, 10.0) == 50.0); /* three samples where one is slow */
    ck_assert(measure_expected(0, 5, 0.0, 4.0) == 5 && measure_expected(8, 5, 2.0, 4.0) == 16);
    ck_assert(measure_expected(15, 5, 3.9, 4.0) == 16 && measure_expected(20, 5, 0.1, 4.0) == MEASURE_MOST);
    ck_assert(measure_expected(4, 5, 9.0, 4.0) == 5 && measure_expected(6, 5, 4.0, 4.0) == 7);
    ck_assert(measure_least(1.9) == 5 && measure_least(2.1) == 3);
}
END_TEST

struct listener {
    int steps, stop;
};

static void stop_at_the_third(void *user, int done, int all)
{
    struct listener *l = user;

    ck_assert(done >= 0 && done < all);
    l->stop = ++l->steps == 3;
}

START_TEST(test_measure__samples_are_told_and_it_can_be_stopped)
{
    struct listener l = {0};
    const struct clr_bench_options o = {
        .size = sizeof o, .step = stop_at_the_third, .user = &l, .stop = &l.stop};
    struct clr_bench_spread s = {.count = -1};
    struct clr_error err = {0};
    int runs = 0;
    const struct measure m = {count_runs, &runs, 1, 0.0, &o};

    ck_assert_int_eq(measure_run(&s, &m, &err), CLR_EINTERRUPTED);
    ck_assert(l.steps == 3 && runs == 3 && s.count == -1);
}
END_TEST

START_TEST(test_measure__failure_is_handed_on_and_n_is_bounded)
{
    int runs = 0;
    struct measure m = {count_runs, &runs, 4, 0.0, NULL};
    struct clr_bench_spread s = {.count = -1};
    struct clr_error err = {0};

    ck_assert_int_eq(measure_run(&s, &m, &err), 0);
    ck_assert(s.count >= 5 && s.min > 0.0 && s.min <= s.median && s.median <= s.max);
    ck_assert_int_le(runs, 4 * (s.count + 4)); /* n never went above 4 */
    m.most = 100000;
    s.count = -1;
    ck_assert_int_eq(measure_run(&s, &m, &err), CLR_ECL);
    ck_assert_int_eq(s.count, -1);
}
END_TEST

/* ------------------------------------------------------------------ reports */

static bool same_spread(const struct clr_bench_spread *a, const struct clr_bench_spread *b)
{
    return a->count == b->count && a->min == b->min && a->median == b->median && a->max == b->max;
}

START_TEST(test_json__what_is_written_is_read)
{
    const char *folder = support_temp_dir(), *path = figures_join(folder, "my report.json");
    struct clr_bench_report r, *back;
    size_t count;
    struct clr_error err = {0};

    reports_make(&r, 1);
    r.tuned_layers = 2;
    reports_write(path, &r);
    ck_assert_msg(clr_bench_read(&back, &count, path, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(back->source, figures_join(folder, "my report"));
    ck_assert_str_eq(back->device, r.device);
    ck_assert_str_eq(back->host_cpu, r.host_cpu);
    ck_assert_str_eq(back->net_sha256, r.net_sha256);
    ck_assert(back->batch == 100 && back->input.channels == 3 && back->input.width == 32);
    ck_assert(same_spread(&back->step_ms, &r.step_ms) && same_spread(&back->peak_gflops, &r.peak_gflops));
    ck_assert(back->peak_memory_bytes == r.peak_memory_bytes && back->programs_compiled == 33);
    ck_assert_uint_eq(back->row_count, r.row_count);
    for (size_t i = 0; i < r.row_count; i++) {
        ck_assert_str_eq(back->rows[i].layer, r.rows[i].layer);
        ck_assert_str_eq(back->rows[i].kind, r.rows[i].kind);
        ck_assert(back->rows[i].pass == r.rows[i].pass && same_spread(&back->rows[i].ms, &r.rows[i].ms));
        ck_assert(fabs(back->rows[i].gflop - r.rows[i].gflop) < 1e-9);
    }
    ck_assert_uint_eq(back->check_count, 2);
    ck_assert(back->checks[0].ok && back->wrong == 0 && isnan(back->checks[1].worst_nmse));
    ck_assert_str_eq(back->checks[0].variant, r.checks[0].variant);
    ck_assert_uint_eq(back->replaced_count, 1);
    ck_assert_str_eq(back->replaced[0].layer, "conv1");
    ck_assert_str_eq(back->replaced[0].pass, "forward");
    ck_assert_str_eq(back->replaced[0].variant, "tiled");
    ck_assert_str_eq(back->replaced[0].by, "direct");
    ck_assert_str_eq(back->replaced[0].why, "wrong");
    ck_assert(back->replaced[0].worst_nmse == 0.02);
    ck_assert_str_eq(back->refused, "");
    ck_assert_int_eq(back->tuned_layers, 2);
    ck_assert_uint_eq(back->device_memory_bytes, 20000000);
    clr_bench_destroy(back, count);
    clr_bench_clear(&r);
}
END_TEST

/* Stopped while the device's limits were measured: they may be missing, and nothing is computed from
 * them. */
START_TEST(test_json__a_report_that_was_stopped)
{
    const char *folder = support_temp_dir(), *path = figures_join(folder, "stopped.json");
    struct clr_bench_report r[2], *back;
    struct clr_error err = {0};
    size_t count;
    char *text;

    reports_make(&r[0], 1);
    reports_make(&r[1], 4);
    r[1].peak_gflops = r[1].bandwidth_gb = r[1].first_start_s = (struct clr_bench_spread){0};
    str_copy(r[1].stopped, sizeof r[1].stopped, "the limits");
    reports_write(path, &r[1]);
    ck_assert_msg(clr_bench_read(&back, &count, path, &err) == 0, "%s", err.message);
    ck_assert_str_eq(back->stopped, "the limits");
    ck_assert(back->peak_gflops.count == 0 && back->first_start_s.count == 0 && back->row_count == 4);
    clr_bench_destroy(back, count);
    ck_assert_int_eq(clr_bench_table(&text, &r[1], NULL), 0);
    reports_expect_line(text, "stopped", "while it measured 'the limits'");
    ck_assert(!strstr(text, "first start") && !strstr(text, "bandwidth"));
    ck_assert(!strstr(text, "Winograd"));
    free(text);
    text = reports_compared(r, 2, CLR_BENCH_TEXT);
    reports_expect_line(text, "training step      ms", "4.0\xc3\x97 slower");
    reports_expect_line(text, "peak               GFLOP/s", "200.0           -");
    reports_expect_line(text, "[2] was stopped", "while it measured 'the limits'");
    free(text);
    r[1].stopped[0] = '\0';
    reports_write(path, &r[1]);
    ck_assert_int_eq(clr_bench_read(&back, &count, path, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "the limits or the first start are missing"), "%s", err.message);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* The report's text with `old` replaced by `new`. */
static const char *edited(const char *folder, const char *text, const char *old, const char *new)
{
    static int number;
    const char *at = strstr(text, old);
    char name[32];
    struct str s = {0};

    ck_assert_msg(at != NULL, "'%s' is not in the report", old);
    (void)snprintf(name, sizeof name, "edited%d.json", number++);
    str_append_bytes(&s, text, (size_t)(at - text));
    str_append(&s, "%s%s", new, at + strlen(old));
    folder = figures_join(folder, name);
    ck_assert_int_eq(fs_write_atomic(folder, s.text, s.length, NULL), 0);
    str_clear(&s);
    return folder;
}

static void expect_refused(const char *path, const char *why)
{
    struct clr_bench_report *r = NULL;
    size_t count = 77;
    struct clr_error err = {0};

    ck_assert_msg(clr_bench_read(&r, &count, path, &err) == CLR_EINPUT, "%s was read", path);
    ck_assert_msg(strstr(err.message, why) && strstr(err.message, path), "'%s' lacks '%s'", err.message, why);
    ck_assert(r == NULL && count == 77);
}

START_TEST(test_json__hostile_input_is_named)
{
    static const char *const edits[][3] = {
        {"\"clr-cl bench\"", "\"other\"", "a report is expected"},
        {"\"clr-cl bench\"", "17", "a report is expected"},
        {"\"version\": 1,", "\"version\": 2,", "another format version"},
        {"\"version\": 1,", "\"version\": \"1\",", "another format version"},
        {"\"batch\": 100", "\"batch\": 0", "batch is out of range (1 to 65536): 0"},
        {"\"batch\": 100", "\"batch\": 1e300", "batch is not a whole number"},
        {"\"batch\": 100", "\"batch\": 99999999999999999999", "99999999999999999999"},
        {"\"batch\": 100", "\"lot\": 100", "batch is missing"},
        {"\"data\": \"random\"", "\"data\": []", "data is not a text"},
        {"\"OS\"", "{}", "host.os is not a text"},
        {"\"sha256\"", "\"sha\"", "net.sha256 is missing"},
        {"\"0123\"", "\"01234567890123456789012345678901234567890123456789012345678901234567890123456789\"",
         "net.sha256 is too long: "
         "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678…"},
        {"\"name\": \"Device", "\"name\": 1, \"n\": \"Device", "devices[0].device.name is not a text: 1"},
        {"\"compute_units\": 8", "\"compute_units\": -8",
         "devices[0].device.compute_units is out of range (0 to 2147483647): -8"},
        {"\"samples\": 7", "\"samples\": 0",
         "devices[0].peak_gflops.samples is out of range (1 to 2147483647): 0"},
        {"\"layer\": \"conv1\"", "\"layer\": null", "devices[0].layers[1].layer is not a text: null"},
        {"\"pass\": \"forward\"", "\"pass\": \"sideways\"",
         "devices[0].layers[1].pass is nothing that this version knows: \"sideways\""},
        {"\"pass\": \"weight gradient\"", "\"pass\": \"forward\"", "comes twice"},
        {"\"gflop\": 0.0", "\"gflop\": -1", "devices[0].layers[0].gflop is out of range (0 to 1e+15): -1"},
        {"\"ok\": true", "\"ok\": 1", "devices[0].checks[0].ok is neither true nor false"},
        {"\"median\": 10.0", "\"median\": 1.0",
         "devices[0].training_step_ms has its minimum above its median"},
        {"\"median\": 10.0", "\"median\": 0", "devices[0].training_step_ms"},
        {"\"median\": 10.0", "\"median\": \"10\"",
         "devices[0].training_step_ms.median is not a number: \"10\""},
        {"\"min\": 7.5", "\"min\": 0", "devices[0].training_step_ms has a minimum that is not above 0"},
        {"\"input\": [", "\"input\": [1, ", "net.input is not a list of 3 whole numbers"},
        {"\"layers\": [", "\"layers\": 3, \"x\": [", "layers is not a list"},
        {"\"devices\": [", "\"devices\": [], \"x\": [", "devices"},
        {"\"devices\": [", "\"devices\": [3, ", "devices[0].device is missing"},
        {"\"device\": {", "\"device\": 3, \"x\": {", "device is not an object"},
        {"\"replaced\": [", "\"replaced\": 3, \"x\": [", "replaced is not a list"},
        {"\"replaced\": [", "\"replaced\": [7, ", "devices[0].replaced[0].layer is missing"},
        {"\"by\": \"direct\"", "\"by\": null", "devices[0].replaced[0].by is not a text"},
        {"\"training_refused\": \"\"", "\"training_refused\": true",
         "devices[0].training_refused is not a text"},
        {"\"tuned_layers\": 0", "\"tuned_layers\": -1", "devices[0].tuned_layers is out of range"},
        {"\"batch\": 100", "\"batch\": 100, \"batch\": 100", "duplicate"},
    };
    const char *folder = support_temp_dir(), *path = figures_join(folder, "a.json");
    struct clr_bench_report r;
    char *text;
    size_t size;

    reports_make(&r, 1);
    reports_write(path, &r);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(edits); i++)
        expect_refused(edited(folder, text, edits[i][0], edits[i][1]), edits[i][2]);
    path = figures_join(folder, "cut.json");
    for (size_t n = 0; n + 2 < size; n += 61) {
        ck_assert_int_eq(fs_write_atomic(path, text, n, NULL), 0);
        expect_refused(path, ":");
    }
    expect_refused(figures_join(folder, "missing.json"), "cannot read");
    expect_refused(folder, "folder");
    free(text);
    clr_bench_clear(&r);
}
END_TEST

/* A report from before variants were replaced and tuned layers counted. */
START_TEST(test_json__an_old_report_is_read)
{
    const char *folder = support_temp_dir(), *path = figures_join(folder, "a.json");
    struct clr_bench_report r, *old = NULL;
    struct clr_error err = {0};
    char *text;
    size_t size, count;

    reports_make(&r, 1);
    reports_write(path, &r);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"replaced\"", "\"unknown\"");
    free(text);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"training_refused\"", "\"unknown2\"");
    free(text);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"tuned_layers\"", "\"unknown3\"");
    free(text);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"device_memory_bytes\"", "\"unknown4\"");
    ck_assert_msg(clr_bench_read(&old, &count, path, &err) == 0, "%s", err.message);
    ck_assert(old->replaced_count == 0 && old->refused[0] == '\0' && old->tuned_layers == -1 &&
              old->device_memory_bytes == 0);
    free(text);
    clr_bench_destroy(old, count);
    clr_bench_clear(&r);
}
END_TEST

START_TEST(test_json__a_name_that_is_not_utf8_is_no_crash)
{
    const char *path = figures_join(support_temp_dir(), "a.json");
    struct clr_bench_report r;
    struct clr_error err = {0};

    reports_make(&r, 1);
    str_copy(r.checks[1].variant, sizeof r.checks[1].variant, "\xff");
    ck_assert_int_eq(clr_bench_write(path, &r, 1, &err), CLR_EINPUT);
    ck_assert(!fs_exists(path));
    clr_bench_clear(&r);
}
END_TEST

START_TEST(test_json__what_steers_a_terminal_is_masked)
{
    const char *path = figures_join(support_temp_dir(), "a.json");
    struct clr_bench_report r, *again = NULL;
    size_t count;

    reports_make(&r, 1);
    str_copy(r.device, sizeof r.device, "\033[2J\xc2\x9b\ta\nb");
    ck_assert_int_eq(clr_bench_read(&again, &count, reports_write(path, &r), NULL), 0);
    ck_assert_str_eq(again->device, "?[2J?? a b"); /* one line: it stands in tables */
    clr_bench_destroy(again, count);
    clr_bench_clear(&r);
}
END_TEST

/* ------------------------------------------------------------------ table and figure */

START_TEST(test_table__shares_and_rates)
{
    struct clr_bench_report r;
    char *text;

    reports_make(&r, 1);
    ck_assert(fabs(clr_bench_not_convolution(&r) - 0.1) < 1e-12);
    r.checks[1].ok = false;
    str_copy(r.checks[1].detail, sizeof r.checks[1].detail, "dx is off");
    str_copy(r.refused, sizeof r.refused, "the update is wrong");
    ck_assert_int_eq(clr_bench_table(&text, &r, NULL), 0);
    reports_expect_line(text, "conv1            weight gradient",
                        "   40.0   20.0   50.0"); /* 0.2 GFLOP in 5 ms of 200 */
    reports_expect_line(text, "all kernels", "10.00");
    reports_expect_line(text, "not convolution", " 10.0");
    reports_expect_line(text, "training step", "10,000 images/s");
    ck_assert(!strstr(text, "no share of the peak"));
    reports_expect_line(text, "pool1            pooling", "WRONG");
    ck_assert(strstr(text, "dx is off"));
    reports_expect_line(text, "replaced", "conv1 forward: 'direct' in place of 'tiled', which is wrong here");
    reports_expect_line(text, "warm start", "kernels that clr-cl saved");
    reports_expect_line(text, "first start", "9.00 s without them, 33 programs compiled; a driver's own");
    reports_expect_line(text, "device memory", "20.0 MB planned");
    reports_expect_line(text, "process", "400 MB resident at most: program, driver, images");
    ck_assert(!strstr(text, "compiler"));
    reports_expect_line(text, "tuning ", "no layer changed by tuning");
    reports_expect_line(text, "train refuses", "train refuses this device: the update is wrong");
    free(text);
    clr_bench_clear(&r);
    ck_assert(isnan(clr_bench_not_convolution(&r)));
}
END_TEST

/* No line is wider than a terminal; nor are the notes of comparisons. */
START_TEST(test_table__fits_a_terminal)
{
    struct clr_bench_report r[2];
    char *text;

    for (int i = 0; i < 2; i++) {
        reports_make(&r[i], 1);
        str_copy(r[i].device, sizeof r[i].device, "pthread-skylake-avx512-Intel(R) Xeon(R) Processor");
        str_copy(r[i].platform, sizeof r[i].platform, "Portable Computing Language");
        str_copy(r[i].checks[0].variant, sizeof r[i].checks[0].variant, "winograd 8x2, weights direct 4x2");
        str_copy(r[i].tuned, sizeof r[i].tuned, "conv1");
        r[i].tuned_layers = 1;
        r[i].peak_memory_compiler = true;
    }
    ck_assert_int_eq(clr_bench_table(&text, &r[0], NULL), 0);
    reports_expect_line(text, "tuning ", "1 layer changed by tuning: conv1");
    ck_assert(!strstr(text, "a driver's own cache")); /* PoCL's cannot help */
    for (int i = 0; i < 2; i++) {
        for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            ck_assert_msg(str_columns(line, (size_t)(end - line)) < 80, "%.*s", (int)(end - line), line);
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_TEXT);
    }
    free(text);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* Steps that something disturbed, and a step that is longer than its kernels explain. */
START_TEST(test_table__a_busy_machine)
{
    const char *path = figures_join(support_temp_dir(), "a.json");
    struct clr_bench_report r[2];
    char *text;
    size_t size;

    for (int busy = 0; busy < 2; busy++) {
        for (int i = 0; i < 2; i++) {
            reports_make(&r[i], 1); /* 10 ms of kernels */
            r[i].step_ms = (struct clr_bench_spread){7, 15, 19, 29};
        }
        if (busy)
            r[0].step_ms = (struct clr_bench_spread){7, 15, 25, 40};
        ck_assert(clr_bench_is_busy(&r[0]) == busy && !clr_bench_is_busy(&r[1]));
        ck_assert_int_eq(clr_bench_table(&text, &r[0], NULL), 0);
        ck_assert(!strstr(text, "\nbusy machine   steps took from 15.00 to 40.00 ms: ") == !busy);
        ck_assert(!strstr(text, "\nnot in kernels 15.00 ms of a step (60 %): ") == !busy);
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_TEXT);
        ck_assert(!strstr(text, "[1] was measured on a busy machine") == !busy);
        ck_assert(!strstr(text, "[2] was measured on a busy machine"));
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_JSON);
        ck_assert(!strstr(text, "\"machine_busy\": true") == !busy);
        free(text);
        ck_assert_int_eq(fs_read(reports_write(path, &r[0]), 1 << 20, &text, &size, NULL), 0);
        ck_assert(!strstr(text, "\"machine_busy\": true") == !busy);
        free(text);
        clr_bench_clear(&r[0]);
        clr_bench_clear(&r[1]);
    }
}
END_TEST

/* There is no share of the peak where a layer needs fewer operations than its formula, nor above 100 %. */
START_TEST(test_peak__no_share_that_misleads)
{
    const char *path = figures_join(support_temp_dir(), "a.json");
    struct clr_bench_report r[2], *again = NULL;
    size_t count;
    char *text;

    for (int i = 0; i < 2; i++)
        reports_make(&r[i], 1);
    r[0].rows[2].gflop = 2.5; /* 500 GFLOP/s, of 200 */
    str_copy(r[1].checks[0].variant, sizeof r[1].checks[0].variant, "winograd 8x2, weights direct");
    ck_assert_int_eq(clr_bench_read(&again, &count, reports_write(path, &r[1]), NULL), 0);
    ck_assert(!again->rows[0].fewer && again->rows[1].fewer && again->rows[2].fewer && !again->rows[3].fewer);
    ck_assert_int_eq(clr_bench_table(&text, again, NULL), 0);
    reports_expect_line(text, "conv1            weight gradient", "   40.0      -   50.0");
    reports_expect_line(text, "-: no share", "-: no share of the peak. Winograd's");
    free(text);
    ck_assert_int_eq(clr_bench_table(&text, &r[0], NULL), 0);
    reports_expect_line(text, "conv1            forward", "   50.0   25.0   40.0");
    reports_expect_line(text, "conv1            weight gradient", "  500.0      -   50.0");
    free(text);
    clr_bench_clear(&r[1]);
    r[1] = *again;
    free(again);
    r[1].source[0] = '\0';
    text = reports_compared(r, 2, CLR_BENCH_TEXT);
    reports_expect_line(text, "share of the peak  %", "-           -");
    reports_expect_line(text, "No share", "No share of the peak: [1], [2]. Winograd's");
    free(text);
    text = reports_compared(r, 2, CLR_BENCH_CSV);
    reports_expect_line(text,
                        "1,Device\xc2\xae,,,0.1.0,abc,quick,3x32x32,100,,0,GPU,8,\"CPU \"\"quoted\"\"\",OS,"
                        "2026-11-24T07:00:00Z,0123,,,0,,0,conv1,",
                        "forward,ms,7,2,4,8,0.25,,,");
    reports_expect_line(text,
                        "2,Device\xc2\xae,,,0.1.0,abc,quick,3x32x32,100,,0,GPU,8,\"CPU \"\"quoted\"\"\",OS,"
                        "2026-11-24T07:00:00Z,0123,,,0,,0,conv1,",
                        "forward,ms,7,2,4,8,,1,,equal");
    ck_assert(!strstr(text, "share of the peak"));
    free(text);
    for (int i = 0; i < 2; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_figure__a_row_for_each_layer_and_pass)
{
    struct clr_bench_report r[9] = {0};
    struct bars bars;
    struct clr_error err = {0};

    ck_assert_int_eq(figure_bench(&bars, r, 1, NULL, &err), CLR_EINPUT);
    reports_make(&r[0], 1);
    reports_make(&r[1], 2);
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    ck_assert_int_eq(figure_bench(&bars, r, 9, NULL, &err), CLR_EUSAGE);
    ck_assert_msg(figure_bench(&bars, r, 2, NULL, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(bars.row_count, 5);
    ck_assert_str_eq(bars.rows[2].group, "conv1");
    ck_assert_str_eq(bars.rows[2].name, "weight gradient");
    ck_assert(bars.rows[2].value[0] == 5 && bars.rows[2].value[1] == 10 && bars.rows[2].high[1] == 20);
    ck_assert(isnan(bars.rows[3].value[0]) && isnan(bars.rows[4].value[1]));
    bars_clear(&bars);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* In a narrow figure names are short, and those of two devices are never the same. */
START_TEST(test_figure__short_names_differ)
{
    static const char *const names[] = {"NVIDIA GeForce RTX 4090 of one kind, Laptop GPU edition",
                                        "NVIDIA GeForce RTX 4090 of another kind, Laptop GPU edition",
                                        "pthread-skylake-avx512-Intel(R) Xeon(R) Processor"};
    struct clr_bench_report r[3];
    struct bars b;

    for (int i = 0; i < 3; i++) {
        reports_make(&r[i], 1);
        str_copy(r[i].device, sizeof r[i].device, names[i]);
    }
    ck_assert_int_eq(figure_bench(&b, r, 3, NULL, NULL), 0);
    ck_assert_msg(strcmp(b.briefs[0], b.briefs[1]) != 0 && strstr(b.briefs[0], "[1]"), "%s", b.briefs[0]);
    ck_assert_ptr_nonnull(strstr(b.series[2], names[2]));
    ck_assert_ptr_nonnull(strstr(b.briefs[2], "images/s: skylake-avx512-Intel Xeon"));
    bars_clear(&b);
    for (int i = 0; i < 3; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

/* Pixels of the second series' colour in a figure of those reports. */
static int second_color(const struct clr_bench_report *r)
{
    const struct clr_plot_options o = {.size = sizeof o, .width = 640};
    const char *path = figures_join(support_temp_dir(), "a.png");
    struct clr_error err = {0};
    cairo_surface_t *s;
    int count = 0;

    ck_assert_msg(clr_bench_plot(path, r, 2, &o, &err) == 0, "%s", err.message);
    s = cairo_image_surface_create_from_png(path);
    ck_assert_int_eq(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
    cairo_surface_flush(s);
    for (int y = 0; y < cairo_image_surface_get_height(s); y++)
        for (int x = 0; x < cairo_image_surface_get_width(s); x++) {
            uint32_t pixel;
            memcpy(&pixel,
                   cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s) + (ptrdiff_t)4 * x,
                   sizeof pixel);
            count += (pixel & 0xFFFFFF) == 0xE69F00;
        }
    cairo_surface_destroy(s);
    return count;
}

/* The bars of a device a thousand times as fast are visible; those of similar devices have a linear axis. */
START_TEST(test_figure__joined_layers_are_noted_with_the_device)
{
    struct clr_bench_report r[2];
    struct bars b;

    for (int i = 0; i < 2; i++)
        reports_make(&r[i], 1);
    str_copy(r[1].device, sizeof r[1].device, "pthread-skylake-avx512-Intel(R) Xeon(R) Processor");
    r[1].row_count--; /* no pool1 */
    for (size_t i = 1; i < r[1].row_count; i++)
        str_copy(r[1].rows[i].kind, sizeof r[1].rows[i].kind, "pooled convolution");
    ck_assert_int_eq(figure_bench(&b, r, 2, NULL, NULL), 0);
    ck_assert_uint_eq(b.note_count, 1);
    ck_assert_str_eq(b.notes[0], "skylake-avx512-Intel Xeon: conv1 has pool1 in it");
    bars_clear(&b);
    for (int i = 0; i < 2; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_figure__devices_that_are_far_apart)
{
    struct clr_bench_report r[2];
    int fast, alike;

    reports_make(&r[0], 1);
    reports_make(&r[1], 0.001);
    fast = second_color(r);
    clr_bench_clear(&r[1]);
    reports_make(&r[1], 0.1);
    alike = second_color(r);
    ck_assert_msg(fast > 2 * alike, "%d pixels, %d at a tenth of the time", fast, alike);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* The line of one sample that took a hundred times as long is cut, and the bars keep their lengths. */
START_TEST(test_figure__an_outlier_does_not_flatten_the_bars)
{
    struct clr_bench_report r[2];
    int before, after;

    reports_make(&r[0], 1);
    reports_make(&r[1], 1);
    before = second_color(r);
    r[0].rows[1].ms.max = 100 * r[0].rows[1].ms.median;
    after = second_color(r);
    ck_assert_msg(after > 0.7 * before, "%d pixels of bars, %d with an outlier", before, after);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* Texts as wide as what explains the lines (and what explains the arrows) in a figure of one report. */
static int explanations(const struct clr_bench_report *r)
{
    const struct canvas_spec spec = {.boxes = true, .width = 320, .height = 400, .dpi = 96};
    struct canvas *canvas;
    struct bars bars;
    const double *boxes;
    double wanted;
    size_t count;
    int found = 0;

    ck_assert_int_eq(figure_bench(&bars, r, 1, NULL, NULL), 0);
    ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
    ck_assert_int_eq(bars_draw(canvas, &bars, spec.width, spec.height, NULL), 0);
    wanted = canvas_text_width(canvas, "thin lines: smallest to largest sample", 12.5 * 0.85, false);
    boxes = canvas_text_boxes(canvas, &count);
    for (size_t i = 0; i < count; i++)
        found += fabs(boxes[4 * i + 2] - wanted) < 0.01;
    canvas_destroy(canvas);
    bars_clear(&bars);
    return found;
}

START_TEST(test_figure__lines_and_arrows_are_explained)
{
    struct clr_bench_report r;

    reports_make(&r, 1);
    for (size_t i = 0; i < r.row_count; i++)
        r.rows[i].ms.max = 1.2 * r.rows[i].ms.median;
    ck_assert_int_eq(explanations(&r), 1);
    r.rows[1].ms.max = 100 * r.rows[1].ms.median;
    ck_assert_int_eq(explanations(&r), 2);
    for (size_t i = 0; i < r.row_count; i++)
        r.rows[i].ms = (struct clr_bench_spread){1, 1, 1, 1};
    ck_assert_int_eq(explanations(&r), 0);
    clr_bench_clear(&r);
}
END_TEST

/* A legend without bars has the reason; names of passes are whole in a narrow figure. */
START_TEST(test_figure__what_is_written_in_it)
{
    const struct canvas_spec spec = {.boxes = true, .width = 320, .height = 400, .dpi = 96};
    struct clr_bench_report r[2];
    struct bars bars;
    struct canvas *canvas;
    const double *boxes;
    double wanted;
    size_t count, found = 0;

    reports_make(&r[0], 1);
    reports_make(&r[1], 1);
    r[1].row_count = 0;
    ck_assert_int_eq(figure_bench(&bars, r, 2, NULL, NULL), 0);
    ck_assert_str_eq(bars.series[0], "10,000 images/s: Device\xc2\xae [1]");
    ck_assert_str_eq(bars.names[0], "Device\xc2\xae [1]");
    ck_assert_str_eq(bars.unit, "ms");
    ck_assert_str_eq(bars.series[1], "10,000 images/s, no layer times: Device\xc2\xae [2]");
    ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
    ck_assert_int_eq(bars_draw(canvas, &bars, spec.width, spec.height, NULL), 0);
    wanted = canvas_text_width(canvas, "weight gradient", 12.5 * 0.85, false);
    boxes = canvas_text_boxes(canvas, &count);
    for (size_t i = 0; i < count; i++)
        found += fabs(boxes[4 * i + 2] - wanted) < 0.01;
    ck_assert_uint_ge(found, 1);
    canvas_destroy(canvas);
    bars_clear(&bars);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

static void keep_line(void *user, enum clr_log_level level, const char *text)
{
    if (level == CLR_LOG_WARNING)
        str_append(user, "%s\n", text);
}

/* In the legend, and once in messages. A user's text is shortened no further than the figure needs it. */
START_TEST(test_figure__what_disturbed_a_run)
{
    struct clr_plot_label labels[] = {
        {"c", "a text of the user's, which is longer than a device's name may be"}};
    const struct clr_plot_options o = {.size = sizeof o, .labels = labels, .label_count = 1};
    struct clr_bench_report r[3];
    struct str said = {0};
    struct bars bars;
    struct clr_error err = {0};

    for (int i = 0; i < 3; i++) {
        reports_make(&r[i], 1);
        (void)snprintf(r[i].source, sizeof r[i].source, "%c", 'a' + i);
    }
    r[0].step_ms.max = 2.1 * r[0].step_ms.min;
    str_copy(r[0].stopped, sizeof r[0].stopped, "layers");
    r[1].bandwidth_gb = reports_spread(10);
    clr_log_set_sink(keep_line, &said);
    ck_assert_msg(figure_bench(&bars, r, 3, &o, &err) == 0, "%s", err.message);
    clr_log_set_sink(NULL, NULL);
    ck_assert_str_eq(bars.series[0], "10,000 images/s, busy machine, stopped: Device\xc2\xae (a)");
    ck_assert_str_eq(bars.series[1], "10,000 images/s, disturbed machine: Device\xc2\xae (b)");
    ck_assert(strstr(bars.series[2], "10,000 images/s: a text of") && bars.briefs[0][0] &&
              !bars.briefs[2][0]);
    ck_assert_int_eq(strstr(said.text, "(a): measured on a busy machine") != NULL, 1);
    ck_assert(strstr(said.text, "(a): stopped while it measured 'layers'"));
    ck_assert(strstr(said.text, "(b): measured on a disturbed machine") &&
              strstr(said.text, "2.0\xc3\x97 the bandwidth"));
    ck_assert(!strstr(said.text, "\na text"));
    str_clear(&said);
    bars_clear(&bars);
    for (int i = 0; i < 3; i++) {
        r[i].row_count = 0;
        r[i].stopped[0] = '\0';
    }
    ck_assert_int_eq(figure_bench(&bars, r, 3, NULL, &err), CLR_EINPUT);
    ck_assert(strstr(err.message, "kernel times are unusable"));
    for (int i = 0; i < 3; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_figure__formats_and_sizes)
{
    const char *folder = support_temp_dir();
    static const char *const names[] = {"a.png", "a.svg", "a.pdf"};
    static const int heights[] = {0, 200, 900};
    struct clr_bench_report r[8];
    struct clr_error err = {0};

    for (int i = 0; i < 8; i++)
        reports_make(&r[i], 1 + i);
    r[0].rows[0].ms = (struct clr_bench_spread){1, 0, 0, 0};
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        for (size_t k = 0; k < MEM_COUNT(heights); k++) {
            const struct clr_plot_options o = {.size = sizeof o, .width = 320, .height = heights[k]};
            ck_assert_msg(clr_bench_plot(figures_join(folder, names[i]), r, 8, &o, &err) == 0, "%s",
                          err.message);
        }
    ck_assert_int_eq(clr_bench_plot(figures_join(folder, "a.gif"), r, 8, NULL, &err), CLR_EUSAGE);
    ck_assert(!fs_exists(figures_join(folder, "a.gif")));
    for (int i = 0; i < 8; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_bench__what_is_missing_is_named)
{
    const struct clr_bench_options o = {.size = sizeof o, .net_name = "none", .batch = 1};
    struct clr_bench_report report;
    const struct clr_device device = {0};
    struct clr_error err;

    ck_assert_int_eq(clr_bench_run(&report, &device, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "_options is NULL"));
    ck_assert_int_eq(clr_bench_run(&report, NULL, &o, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`device`"));
    ck_assert_str_eq(clr_bench_pass_name((enum clr_bench_pass)99), "other");
    ck_assert_int_eq(clr_bench_run(&report, &device, &o, &err), CLR_EUSAGE);
    ck_assert_str_eq(err.message, "`net` is NULL: it must be given");
}
END_TEST

START_TEST(test_table__holds_the_bars)
{
    struct bars bars = {.unit = "ms", .series_count = 2};
    struct str text = {0};

    str_copy(bars.series[0], BARS_LABEL, "CPU: 1/s");
    str_copy(bars.names[0], BARS_LABEL, "CPU");
    ck_assert_int_eq(bars_create_rows(&bars, 2, NULL), 0);
    bars.rows[1] = (struct bars_row){"update", "", {0.5, NAN}, {NAN, NAN}, {NAN, NAN}}; /* of no layer */
    bars.rows[0] = (struct bars_row){"conv1", "forward", {2, NAN}, {1.5, NAN}, {NAN, NAN}};
    ck_assert_int_eq(table_of_bars(&text, &bars, NULL), 0);
    ck_assert_str_eq(text.text, "layer,pass,device,legend,unit,median,min,max\n"
                                "conv1,forward,CPU,CPU: 1/s,ms,2,1.5,\n,update,CPU,CPU: 1/s,ms,0.5,,\n");
    str_clear(&text);
    bars_clear(&bars);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench");
    TCase *tc = tcase_create("bench");

    tcase_add_test(tc, test_bench__what_is_missing_is_named);
    tcase_add_test(tc, test_labels__the_longest_layer_and_the_words_behind_it);
    tcase_add_test(tc, test_measure__spreads);
    tcase_add_test(tc, test_measure__how_long_it_will_take);
    tcase_add_test(tc, test_measure__samples_are_told_and_it_can_be_stopped);
    tcase_add_test(tc, test_measure__failure_is_handed_on_and_n_is_bounded);
    tcase_add_test(tc, test_json__what_is_written_is_read);
    tcase_add_test(tc, test_json__a_report_that_was_stopped);
    tcase_add_test(tc, test_json__hostile_input_is_named);
    tcase_add_test(tc, test_json__an_old_report_is_read);
    tcase_add_test(tc, test_json__a_name_that_is_not_utf8_is_no_crash);
    tcase_add_test(tc, test_json__what_steers_a_terminal_is_masked);
    tcase_add_test(tc, test_table__shares_and_rates);
    tcase_add_test(tc, test_table__fits_a_terminal);
    tcase_add_test(tc, test_table__a_busy_machine);
    tcase_add_test(tc, test_peak__no_share_that_misleads);
    tcase_add_test(tc, test_figure__a_row_for_each_layer_and_pass);
    tcase_add_test(tc, test_figure__devices_that_are_far_apart);
    tcase_add_test(tc, test_figure__short_names_differ);
    tcase_add_test(tc, test_figure__joined_layers_are_noted_with_the_device);
    tcase_add_test(tc, test_figure__an_outlier_does_not_flatten_the_bars);
    tcase_add_test(tc, test_figure__lines_and_arrows_are_explained);
    tcase_add_test(tc, test_figure__what_is_written_in_it);
    tcase_add_test(tc, test_figure__what_disturbed_a_run);
    tcase_add_test(tc, test_figure__formats_and_sizes);
    tcase_add_test(tc, test_table__holds_the_bars);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
