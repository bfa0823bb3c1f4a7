/*
 * Measurements without a device: labels and layers, spreads, reports as JSON and back, what is refused, the
 * comparison, the figure.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cairo.h>

#include <clr/bench.h>

#include "base/fs.h"
#include "base/json.h"
#include "bench/figure.h"
#include "bench/measure.h"
#include "bench/words.h"
#include "net/spec.h"

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
        {"conv1 im2col", 0, CLR_BENCH_OTHER},
        {"conv1 forwards", 0, CLR_BENCH_OTHER},
        {"conv1 forward backward", 1, CLR_BENCH_BACKWARD}, /* of the layer 'conv1 forward' */
        {"ip1 forward weights", 2, CLR_BENCH_FORWARD},
        {"ip1 update", 2, CLR_BENCH_UPDATE},
        {"ip1.flatten forward", 3, CLR_BENCH_FORWARD},
        {"batch", 7, CLR_BENCH_BATCH}, /* no layer: no words behind it */
        {"batch backward", 4, CLR_BENCH_BACKWARD},
        {"update", 7, CLR_BENCH_UPDATE},
        {"update of all", 7, CLR_BENCH_UPDATE},
        {"conv10 forward", 7, CLR_BENCH_OTHER},
        {"a b forward", 5, CLR_BENCH_FORWARD}, /* whichever comes first in the list */
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

START_TEST(test_measure__failure_is_handed_on_and_n_is_bounded)
{
    int runs = 0;
    struct measure m = {count_runs, &runs, 4, 0.0};
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

static struct clr_bench_spread spread(double median)
{
    return (struct clr_bench_spread){7, 0.5 * median, median, 2 * median};
}

static void add_row(struct clr_bench_report *r, const char *layer, const char *kind, enum clr_bench_pass pass,
                    double gflop, double ms)
{
    struct clr_bench_row *row = &r->rows[r->row_count++];

    str_copy(row->layer, sizeof row->layer, layer);
    str_copy(row->kind, sizeof row->kind, kind);
    row->pass = pass;
    row->gflop = gflop;
    row->ms = spread(ms);
}

/* A report whose times are `factor` times those of the first. */
static void make_report(struct clr_bench_report *r, double factor)
{
    *r = (struct clr_bench_report){.created = "2026-11-24T07:00:00Z",
                                   .program = "0.1.0",
                                   .git_id = "abc",
                                   .compiler = "cc",
                                   .kernel_options = "-cl-std=CL1.2",
                                   .host_cpu = "CPU \"quoted\"",
                                   .host_os = "OS",
                                   .net = "quick",
                                   .net_sha256 = "0123",
                                   .input = {3, 32, 32},
                                   .batch = 100,
                                   .data = "random",
                                   .device = "Device\xc2\xae",
                                   .type = "GPU",
                                   .compute_units = 8,
                                   .clock_mhz = 1000,
                                   .float_width = 4,
                                   .triad_bytes = 1 << 26,
                                   .programs_compiled = 33,
                                   .peak_memory_bytes = 400000000};
    r->peak_gflops = spread(100);
    r->bandwidth_gb = spread(20);
    r->step_ms = spread(10 * factor);
    r->inference_ms = spread(4 * factor);
    r->warm_start_s = spread(0.25);
    r->first_start_s = spread(9);
    ck_assert_int_eq(mem_new(&r->rows, 8, sizeof *r->rows, "rows", NULL), 0);
    ck_assert_int_eq(mem_new(&r->checks, 8, sizeof *r->checks, "checks", NULL), 0);
    add_row(r, "", "", CLR_BENCH_BATCH, 0, 0.5 * factor);
    add_row(r, "conv1", "convolution", CLR_BENCH_FORWARD, 0.2, 4 * factor);
    add_row(r, "conv1", "convolution", CLR_BENCH_WEIGHTS, 0.2, 5 * factor);
    add_row(r, "pool1", "pooling", CLR_BENCH_FORWARD, 0, 0.5 * factor);
    r->checks[r->check_count++] = (struct clr_bench_check){"conv1",
                                                           "convolution",
                                                           "direct 4\xc3\x97"
                                                           "2",
                                                           true,
                                                           1e-14,
                                                           ""};
    r->checks[r->check_count++] = (struct clr_bench_check){"pool1", "pooling", "", true, NAN, ""};
    ck_assert_int_eq(mem_new(&r->replaced, 1, sizeof *r->replaced, "variants", NULL), 0);
    r->replaced[r->replaced_count++] =
        (struct clr_bench_replaced){"conv1", "forward", "tiled", "direct", "wrong"};
}

/* folder/name, kept until the end of the case's process. */
static const char *join(const char *folder, const char *name)
{
    static char paths[64][256];
    static int count;

    (void)snprintf(paths[count], sizeof paths[0], "%s/%s", folder, name);
    return paths[count++];
}

static const char *write_report(const char *path, const struct clr_bench_report *r)
{
    struct clr_error err = {0};

    ck_assert_msg(clr_bench_write(path, r, 1, &err) == 0, "%s", err.message);
    return path;
}

static bool same_spread(const struct clr_bench_spread *a, const struct clr_bench_spread *b)
{
    return a->count == b->count && a->min == b->min && a->median == b->median && a->max == b->max;
}

START_TEST(test_json__what_is_written_is_read)
{
    const char *folder = support_temp_dir(), *path = join(folder, "my report.json");
    struct clr_bench_report r, *back;
    size_t count;
    struct clr_error err = {0};

    make_report(&r, 1);
    write_report(path, &r);
    ck_assert_msg(clr_bench_read(&back, &count, path, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(back->source, "my report");
    ck_assert_str_eq(back->folder, folder);
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
    ck_assert_str_eq(back->refused, "");
    clr_bench_free(back, count);
    clr_bench_clear(&r);
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
    folder = join(folder, name);
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
        {"\"clr-cl bench\"", "\"other\"", "no report"},
        {"\"clr-cl bench\"", "17", "no report"},
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
         "devices[0].layers[1].pass is no pass that this version knows: \"sideways\""},
        {"\"pass\": \"weight gradient\"", "\"pass\": \"forward\"", "comes twice"},
        {"\"gflop\": 0.0", "\"gflop\": -1", "devices[0].layers[0].gflop is out of range (0 to 1e+15): -1"},
        {"\"ok\": true", "\"ok\": 1", "devices[0].checks[0].ok is neither true nor false"},
        {"\"median\": 10.0", "\"median\": 1.0",
         "devices[0].training_step_ms has its minimum above its median"},
        {"\"median\": 10.0", "\"median\": 0",
         "devices[0].training_step_ms.median is out of range (1e-09 to 1e+15): 0"},
        {"\"median\": 10.0", "\"median\": \"10\"",
         "devices[0].training_step_ms.median is not a number: \"10\""},
        {"\"layers\": [", "\"layers\": 3, \"x\": [", "layers is not a list"},
        {"\"devices\": [", "\"devices\": [], \"x\": [", "devices has too few entries"},
        {"\"devices\": [", "\"devices\": [3, ", "devices[0].device is missing"},
        {"\"device\": {", "\"device\": 3, \"x\": {", "device is not an object"},
        {"\"replaced\": [", "\"replaced\": 3, \"x\": [", "replaced is not a list"},
        {"\"replaced\": [", "\"replaced\": [7, ", "devices[0].replaced[0].layer is missing"},
        {"\"by\": \"direct\"", "\"by\": null", "devices[0].replaced[0].by is not a text"},
        {"\"training_refused\": \"\"", "\"training_refused\": true",
         "devices[0].training_refused is not a text"},
        {"\"batch\": 100", "\"batch\": 100, \"batch\": 100", "duplicate"},
    };
    const char *folder = support_temp_dir(), *path = join(folder, "a.json");
    struct clr_bench_report r;
    char *text;
    size_t size;

    make_report(&r, 1);
    write_report(path, &r);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(edits); i++)
        expect_refused(edited(folder, text, edits[i][0], edits[i][1]), edits[i][2]);
    path = join(folder, "cut.json");
    for (size_t n = 0; n + 2 < size; n += 61) {
        ck_assert_int_eq(fs_write_atomic(path, text, n, NULL), 0);
        expect_refused(path, ":");
    }
    expect_refused(join(folder, "missing.json"), "cannot read");
    expect_refused(folder, "folder");
    free(text);
    clr_bench_clear(&r);
}
END_TEST

/* Of before variants were replaced. */
START_TEST(test_json__an_old_report_is_read)
{
    const char *folder = support_temp_dir(), *path = join(folder, "a.json");
    struct clr_bench_report r, *old = NULL;
    struct clr_error err = {0};
    char *text;
    size_t size, count;

    make_report(&r, 1);
    write_report(path, &r);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"replaced\"", "\"unknown\"");
    free(text);
    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    path = edited(folder, text, "\"training_refused\"", "\"unknown2\"");
    ck_assert_msg(clr_bench_read(&old, &count, path, &err) == 0, "%s", err.message);
    ck_assert(old->replaced_count == 0 && old->refused[0] == '\0');
    free(text);
    clr_bench_free(old, count);
    clr_bench_clear(&r);
}
END_TEST

START_TEST(test_json__a_name_that_is_not_utf8_is_no_crash)
{
    const char *path = join(support_temp_dir(), "a.json");
    struct clr_bench_report r;
    struct clr_error err = {0};

    make_report(&r, 1);
    str_copy(r.checks[1].variant, sizeof r.checks[1].variant, "\xff");
    ck_assert_int_eq(clr_bench_write(path, &r, 1, &err), CLR_EINPUT);
    ck_assert(!fs_exists(path));
    clr_bench_clear(&r);
}
END_TEST

START_TEST(test_json__what_steers_a_terminal_is_masked)
{
    const char *path = join(support_temp_dir(), "a.json");
    struct clr_bench_report r, *again = NULL;
    size_t count;

    make_report(&r, 1);
    str_copy(r.device, sizeof r.device, "\033[2J\xc2\x9b\ta\nb");
    ck_assert_int_eq(clr_bench_read(&again, &count, write_report(path, &r), NULL), 0);
    ck_assert_str_eq(again->device, "?[2J?? a b"); /* one line: it stands in tables */
    clr_bench_free(again, count);
    clr_bench_clear(&r);
}
END_TEST

/* ------------------------------------------------------------------ comparing */

static void expect_incomparable(const char *a, const char *b, const char *why)
{
    const char *const paths[] = {a, b};
    struct clr_bench_report *all = NULL;
    size_t count;
    struct clr_error err = {0};

    ck_assert_int_eq(clr_bench_read_all(&all, &count, paths, 2, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, why), "'%s' lacks '%s'", err.message, why);
    ck_assert(all == NULL);
}

START_TEST(test_compare__only_what_is_comparable)
{
    const char *folder = support_temp_dir();
    struct clr_bench_report r, other;
    const char *a;

    make_report(&r, 1);
    a = write_report(join(folder, "a.json"), &r);
    other = r;
    other.batch = 10;
    expect_incomparable(a, write_report(join(folder, "batch.json"), &other), "/batch' of 10");
    other = r;
    str_copy(other.net_sha256, sizeof other.net_sha256, "4567");
    expect_incomparable(a, write_report(join(folder, "net.json"), &other), "whose prototxt differs");
    other = r;
    other.input.width = 28;
    expect_incomparable(a, write_report(join(folder, "input.json"), &other), "3x32x28");
    other = r;
    str_copy(other.refused, sizeof other.refused, "its update is wrong");
    expect_incomparable(a, write_report(join(folder, "refused.json"), &other),
                        "train refuses Device\xc2\xae (its update is wrong)");
    r.checks[1].ok = false;
    expect_incomparable(a, write_report(join(folder, "wrong.json"), &r), "pooling computed wrongly");
    clr_bench_clear(&r);
}
END_TEST

static void expect_line(const char *text, const char *begin, const char *rest)
{
    const char *at = strstr(text, begin);
    char line[512] = "";

    if (at)
        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    ck_assert_msg(strstr(line, rest), "'%s' lacks '%s' in\n%.3000s", line, rest, text);
}

/* Comparisons of `count` reports as text; free it. */
static char *compared(const struct clr_bench_report *r, size_t count, enum clr_bench_form form)
{
    struct clr_error err = {0};
    char *text;

    ck_assert_msg(clr_bench_compare(&text, r, count, form, &err) == 0, "%s", err.message);
    return text;
}

START_TEST(test_compare__how_others_stand_against_the_first)
{
    struct clr_bench_report r[4];
    char *text;

    make_report(&r[0], 1);
    make_report(&r[1], 8);
    make_report(&r[2], 1 / 68.4);
    make_report(&r[3], 1.9); /* within the ranges */
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    r[1].peak_gflops = spread(1234567);
    r[2].peak_memory_bytes = 0;
    r[3].peak_memory_bytes *= 2;
    text = compared(r, 4, CLR_BENCH_TEXT);
    expect_line(text, "training           images",
                "10,000       1,250  8.0\xc3\x97 slower          684,000  68\xc3\x97 faster");
    expect_line(text, "training           images", "5,263  unclear");
    expect_line(text, "peak               GFLOP/s",
                "200.0   2,469,134  12,346\xc3\x97 faster         200.0  about equal");
    expect_line(text, "share of the peak  %", "20.00");
    expect_line(text, "conv1              weight gradient",
                "5.000       40.00  8.0\xc3\x97 slower           0.0731  68\xc3\x97 faster");
    expect_line(text, "pool1", "0.500           -                        0.0073");
    expect_line(text, "extra", "-       4.000");
    expect_line(text, "first start        s", "9.000       9.000  about equal");
    expect_line(
        text, "memory             MB",
        "400.0       400.0  about equal                -                         800.0  ~2.0\xc3\x97 more");
    expect_line(text, "[4] conv1", "[4] conv1 forward: 'direct' in place of 'tiled', which is wrong here");
    ck_assert(strstr(text, "about equal: less than") && strstr(text, "unclear: each lies between") &&
              strstr(text, "~: from a single sample"));
    ck_assert(strstr(text, "[3] has no share of the peak") && !strstr(text, "[2] has no share"));
    free(text);
    for (int i = 0; i < 4; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

/* A thing that takes half a minute an image: no "0 images/s". */
START_TEST(test_compare__slow_devices)
{
    struct clr_bench_report r[2];
    char *text;

    make_report(&r[0], 1);
    make_report(&r[1], 200631.83);
    text = compared(r, 2, CLR_BENCH_TEXT);
    expect_line(text, "training           images", "10,000      0.0498  200,632\xc3\x97 slower");
    expect_line(text, "training step      ms", "10.00   2,006,318  200,632\xc3\x97 slower");
    free(text);
    ck_assert_int_eq(clr_bench_table(&text, &r[1], NULL), 0);
    expect_line(text, "training step", "2,006,318 ms (1,003,159 to 4,012,637), 0.0498 images/s");
    free(text);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

START_TEST(test_compare__names_are_distinct)
{
    static const char *const expected[] = {"A", "B (quick)", "B (x/full)", "B (y/full)", "C [5]", "C [6]"};
    static const char *const from[][3] = {{"A", "", "quick"}, {"B", "x", "quick"}, {"B", "x", "full"},
                                          {"B", "y", "full"}, {"C", "", ""},       {"C", "", ""}};
    struct clr_bench_report r[MEM_COUNT(from)] = {0};
    char name[WORDS_NAME], *text;

    for (size_t i = 0; i < MEM_COUNT(from); i++) {
        make_report(&r[i], 1);
        str_copy(r[i].device, sizeof r[i].device, from[i][0]);
        str_copy(r[i].folder, sizeof r[i].folder, from[i][1]);
        str_copy(r[i].source, sizeof r[i].source, from[i][2]);
    }
    for (size_t i = 0; i < MEM_COUNT(from); i++)
        ck_assert_str_eq(words_name(name, r, MEM_COUNT(from), i), expected[i]);
    text = compared(r, MEM_COUNT(from), CLR_BENCH_TEXT);
    expect_line(text, "[1] ", "[1] A (quick)");
    expect_line(text, "[4] ", "[4] B (y/full)");
    expect_line(text, "  [1]",
                "  [1] A  [2] x/quick                   [3] x/full                    [4] y/full             "
                "              [5]");
    free(text);
    for (size_t i = 0; i < MEM_COUNT(from); i++)
        clr_bench_clear(&r[i]);
}
END_TEST

/* As many folders as are needed, of what was given. */
START_TEST(test_compare__files_in_folders_of_one_name)
{
    static const char *const folders[] = {"d1/r", "d2/r", "d1", "e/d2/r"}, *const expected[] = {
                                                                               "d1/r/a", "/d2/r/a", "d1/a",
                                                                               "e/d2/r/a"};
    const char *top = support_temp_dir(), *paths[MEM_COUNT(folders)];
    struct clr_bench_report r, *all = NULL;
    struct clr_error err = {0};
    char name[WORDS_NAME], path[32];
    size_t count;

    make_report(&r, 1);
    for (size_t i = 0; i < MEM_COUNT(folders); i++) {
        ck_assert_int_eq(fs_make_dirs(join(top, folders[i]), NULL), 0);
        (void)snprintf(path, sizeof path, "%s/a.json", folders[i]);
        paths[i] = write_report(join(top, path), &r);
    }
    ck_assert_msg(clr_bench_read_all(&all, &count, paths, MEM_COUNT(paths), &err) == 0, "%s", err.message);
    for (size_t i = 0; i < count; i++) {
        const char *end;
        (void)words_file(name, all, count, i);
        end = name + strlen(name) - strlen(expected[i]);
        ck_assert_msg(end >= name && strcmp(end, expected[i]) == 0, "'%s' does not end in '%s'", name,
                      expected[i]);
        ck_assert_msg(name[0] != '/', "'%s' is longer than needed", name);
        for (size_t k = 0; k < i; k++) {
            char other[WORDS_NAME];
            ck_assert_str_ne(words_name(name, all, count, i), words_name(other, all, count, k));
        }
    }
    clr_bench_free(all, count);
    clr_bench_clear(&r);
}
END_TEST

/* What one device does in one layer and another one in two; what was replaced, or is not known. */
START_TEST(test_compare__what_is_not_the_same_work)
{
    struct clr_bench_report r[3];
    json_t *json, *report;
    json_error_t e;
    bool no_memory;
    char *text;

    for (int i = 0; i < 3; i++)
        make_report(&r[i], 1);
    r[0].row_count--; /* no pool1 */
    for (size_t i = 0; i < r[0].row_count; i++)
        str_copy(r[0].rows[i].kind, sizeof r[0].rows[i].kind, i > 0 ? "pooled convolution" : "");
    r[0].peak_memory_compiler = true;
    r[2].row_count = 0;
    str_copy(r[1].replaced[0].variant, sizeof r[1].replaced[0].variant, "a|b_c_d");
    text = compared(r, 3, CLR_BENCH_TEXT);
    expect_line(text, "[1] conv1 has", "[1] conv1 has pool1 in it, which is a layer of its own elsewhere");
    expect_line(text, "conv1              weight gradient", "5.000       5.000  other work");
    expect_line(text, "[3] has no", "[3] has no times of layers");
    expect_line(text, "[1] had to", "[1] had to compile kernels: its memory is with the compiler's");
    ck_assert(!strstr(text, "[2] conv1 has") && !strstr(text, "[3] conv1 has") && !strstr(text, "[2] had"));
    free(text);
    text = compared(r, 3, CLR_BENCH_MARKDOWN);
    expect_line(text, "- \\[2\\]", "'direct' in place of 'a\\|b\\_c\\_d', which is wrong here");
    expect_line(text, "- \\[1\\] conv1 has", "pool1");
    free(text);
    text = compared(r, 3, CLR_BENCH_JSON);
    json = json_parse(text, strlen(text), &e, &no_memory);
    report = json_array_get(json_object_get(json, "reports"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(report, "layers_within"), 0), "within")),
                     "conv1");
    ck_assert_uint_eq(json_array_size(json_object_get(report, "replaced")), 1);
    ck_assert(json_is_true(json_object_get(report, "peak_memory_includes_compiler")));
    report = json_array_get(json_object_get(json, "reports"), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(report, "layers_within")), 0);
    json_decref(json);
    free(text);
    for (int i = 0; i < 3; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_compare__as_csv_and_markdown)
{
    struct clr_bench_report r[2];
    char *text;

    make_report(&r[0], 1);
    make_report(&r[1], 8);
    str_copy(r[1].device, sizeof r[1].device, "A|\"B\"\n<b>*");
    str_copy(r[1].created, sizeof r[1].created, "2026|11-24T07:00:00Z");
    text = compared(r, 2, CLR_BENCH_CSV);
    expect_line(text, "report,",
                "report,device,driver,program,file,layer,figure,unit,samples,min,median,max,of_peak,"
                "factor,verdict");
    expect_line(text, "1,\"Device\xc2\xae\",\"\",\"0.1.0\",\"\",\"conv1\",\"forward\"",
                "\"ms\",7,2,4,8,0.25,,");
    expect_line(text, "<b>*\",\"\",\"0.1.0\",\"\",\"conv1\",\"forward\"",
                "\"ms\",7,16,32,64,0.03125,8,slower");
    ck_assert(strstr(text, "2,\"A|\"\"B\"\"\n<b>*\""));
    free(text);
    text = compared(r, 2, CLR_BENCH_MARKDOWN);
    expect_line(text, "| 2 | A", "| 2 | A\\|\"B\" &lt;b>\\* | ,  | 0.1.0 (abc), 2026\\|11-24 |  |");
    expect_line(text, "| | \\[1\\]", "| | \\[1\\] Device\xc2\xae | \\[2\\] A\\|\"B\" &lt;b>\\* | |");
    expect_line(text, "| conv1 forward, ms", "| conv1 forward, ms | 4.000 | 32.00 | 8.0\xc3\x97 slower |");
    free(text);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

START_TEST(test_compare__as_json)
{
    struct clr_bench_report r[2];
    struct clr_error err = {0};
    json_error_t e;
    json_t *json, *line, *cell;
    char *text;
    bool no_memory;

    make_report(&r[0], 1);
    make_report(&r[1], 8);
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    text = compared(r, 2, CLR_BENCH_JSON);
    json = json_parse(text, strlen(text), &e, &no_memory);
    ck_assert_msg(json != NULL, "%s", e.text);
    ck_assert_str_eq(json_string_value(json_object_get(json, "format")), "clr-cl bench comparison");
    line = json_array_get(json_object_get(json, "figures"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(line, "unit")), "images/s");
    cell = json_array_get(json_object_get(line, "values"), 1);
    ck_assert(json_number_value(json_object_get(cell, "factor")) == 8.0);
    ck_assert_str_eq(json_string_value(json_object_get(cell, "verdict")), "slower");
    line = json_array_get(json_object_get(json, "figures"), 10 + 3); /* extra */
    ck_assert(json_is_null(json_array_get(json_object_get(line, "values"), 0)));
    json_decref(json);
    free(text);
    str_copy(r[1].device, sizeof r[1].device, "\xff");
    ck_assert_int_eq(clr_bench_compare(&text, r, 2, CLR_BENCH_JSON, &err), CLR_ENOMEM);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* What comes with the program can be read, and is compared with where net and batch are the same. */
START_TEST(test_compare__with_known_devices)
{
    struct clr_bench_report *r = NULL;
    struct clr_error err = {0};
    struct clr_net_spec *quick = NULL;
    size_t count = 1;
    char *left_out = NULL, *text;

    ck_assert_int_eq(mem_new(&r, 1, sizeof *r, "reports", NULL), 0);
    make_report(&r[0], 1);
    ck_assert_msg(clr_bench_add_known(&r, &count, &left_out, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(count, 1);
    expect_line(left_out, "NVIDIA H200", "NVIDIA H200: quick, batch 100 of 3x32x32");
    free(left_out);
    left_out = NULL;
    ck_assert_int_eq(clr_net_load(&quick, "quick", NULL), 0);
    fs_sha256(quick->text, strlen(quick->text), r[0].net_sha256);
    ck_assert_msg(clr_bench_add_known(&r, &count, &left_out, &err) == 0, "%s", err.message);
    ck_assert_uint_ge(count, 4);
    ck_assert(left_out == NULL);
    for (size_t i = 1; i < count; i++)
        ck_assert(r[i].wrong == 0 && r[i].row_count > 10 && r[i].driver[0] && r[i].program[0]);
    text = compared(r, count, CLR_BENCH_TEXT);
    ck_assert(strstr(text, "NVIDIA H100 80GB HBM3 (known/h100-quick)"));
    free(text);
    clr_net_free(quick);
    clr_bench_free(r, count);
}
END_TEST

/* What a GPU has and a CPU has not, a pool of its own among it, stands with its layer. */
START_TEST(test_compare__layers_in_the_order_of_the_net)
{
    static const char *const expected[] = {
        "batch",         "conv1 forward",       "conv1 weight gradient", "conv1 other", "pool1 forward",
        "conv2 forward", "conv2 data gradient", "conv2 other",           "update"};
    struct clr_bench_report r[2];
    struct bars bars;
    struct clr_error err = {0};

    for (int i = 0; i < 2; i++) {
        make_report(&r[i], 1);
        r[i].row_count = 0;
    }
    add_row(&r[0], "", "", CLR_BENCH_BATCH, 0, 1);
    add_row(&r[0], "conv1", "", CLR_BENCH_FORWARD, 0, 1);
    add_row(&r[0], "conv1", "", CLR_BENCH_WEIGHTS, 0, 1);
    add_row(&r[0], "conv2", "", CLR_BENCH_FORWARD, 0, 1);
    add_row(&r[0], "conv2", "", CLR_BENCH_OTHER, 0, 1);
    add_row(&r[0], "", "", CLR_BENCH_UPDATE, 0, 1);
    add_row(&r[1], "conv1", "", CLR_BENCH_FORWARD, 0, 1);
    add_row(&r[1], "conv1", "", CLR_BENCH_OTHER, 0, 1);
    add_row(&r[1], "pool1", "", CLR_BENCH_FORWARD, 0, 1);
    add_row(&r[1], "conv2", "", CLR_BENCH_DATA, 0, 1);
    add_row(&r[1], "", "", CLR_BENCH_UPDATE, 0, 1);
    ck_assert_msg(figure_bench(&bars, r, 2, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(bars.row_count, MEM_COUNT(expected));
    for (size_t i = 0; i < bars.row_count; i++) {
        char name[256];
        (void)snprintf(name, sizeof name, "%s%s%s", bars.rows[i].group, bars.rows[i].name[0] ? " " : "",
                       bars.rows[i].name);
        ck_assert_str_eq(name, expected[i]);
    }
    bars_clear(&bars);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* As many rows as a report can have, in no order, all different: in a moment, not in the square of it. */
START_TEST(test_compare__many_rows)
{
    enum { ROWS = 10000, REPORTS = 6 };
    const char *path = join(support_temp_dir(), "a.json");
    const clock_t began = clock(); /* of the processor: others may keep it busy */
    struct clr_bench_report r[REPORTS], *again = NULL;
    size_t count;
    char *text, name[32];

    for (int i = 0; i < REPORTS; i++) {
        make_report(&r[i], 1);
        free(r[i].rows);
        r[i].row_count = 0;
        ck_assert_int_eq(mem_new(&r[i].rows, ROWS, sizeof *r[i].rows, "rows", NULL), 0);
        for (int k = 0; k < ROWS; k++) {
            (void)snprintf(name, sizeof name, "layer %d of %d", k * 7919 % ROWS, i);
            add_row(&r[i], name, "pool", CLR_BENCH_FORWARD, 0, 0.5);
        }
    }
    ck_assert_int_eq(clr_bench_read(&again, &count, write_report(path, &r[0]), NULL), 0);
    ck_assert_uint_eq(again->row_count, ROWS);
    clr_bench_free(again, count);
    ck_assert_int_eq(clr_bench_compare(&text, r, REPORTS, CLR_BENCH_TEXT, NULL), 0);
    expect_line(text, "layer 9999 of 5", "  0.500");
    free(text);
    for (int i = 0; i < REPORTS; i++)
        clr_bench_clear(&r[i]);
    if (!getenv("CK_TIMEOUT_MULTIPLIER"))
        ck_assert_msg(clock() - began < CLOCKS_PER_SEC, "%.1f s", (double)(clock() - began) / CLOCKS_PER_SEC);
}
END_TEST

/* ------------------------------------------------------------------ table and figure */

START_TEST(test_table__shares_and_rates)
{
    struct clr_bench_report r;
    char *text;

    make_report(&r, 1);
    ck_assert(fabs(clr_bench_not_convolution(&r) - 0.1) < 1e-12);
    r.checks[1].ok = false;
    str_copy(r.checks[1].detail, sizeof r.checks[1].detail, "dx is off");
    str_copy(r.refused, sizeof r.refused, "the update is wrong");
    ck_assert_int_eq(clr_bench_table(&text, &r, NULL), 0);
    expect_line(text, "conv1            weight gradient",
                "40.0   20.0 %   50.0 %"); /* 0.2 GFLOP in 5 ms of 200 */
    expect_line(text, "all kernels", "10.000");
    expect_line(text, "not convolution", "10.0 %");
    expect_line(text, "training step", "10,000 images/s");
    ck_assert(!strstr(text, "no share of the peak"));
    expect_line(text, "pool1            pooling", "WRONG");
    ck_assert(strstr(text, "dx is off"));
    expect_line(text, "replaced", "conv1 forward: 'direct' in place of 'tiled', which is wrong here");
    expect_line(text, "train refuses", "train refuses this device: the update is wrong");
    free(text);
    clr_bench_clear(&r);
    ck_assert(isnan(clr_bench_not_convolution(&r)));
}
END_TEST

/* Formulas say nothing of how much of a device is used where a layer gets by with less; nor can more than all
 * of it be used. */
START_TEST(test_peak__no_share_that_misleads)
{
    const char *path = join(support_temp_dir(), "a.json");
    struct clr_bench_report r[2], *again = NULL;
    size_t count;
    char *text;

    for (int i = 0; i < 2; i++)
        make_report(&r[i], 1);
    r[0].rows[2].gflop = 2.5; /* 500 GFLOP/s, of 200 */
    str_copy(r[1].checks[0].variant, sizeof r[1].checks[0].variant, "winograd 8x2, weights direct");
    ck_assert_int_eq(clr_bench_read(&again, &count, write_report(path, &r[1]), NULL), 0);
    ck_assert(!again->rows[0].fewer && again->rows[1].fewer && again->rows[2].fewer && !again->rows[3].fewer);
    ck_assert_int_eq(clr_bench_table(&text, again, NULL), 0);
    expect_line(text, "conv1            weight gradient", "    40.0        -   50.0 %");
    expect_line(text, "-: no share", "-: no share of the peak. Winograd's");
    free(text);
    ck_assert_int_eq(clr_bench_table(&text, &r[0], NULL), 0);
    expect_line(text, "conv1            forward", "    50.0   25.0 %   40.0 %");
    expect_line(text, "conv1            weight gradient", "   500.0        -   50.0 %");
    free(text);
    clr_bench_clear(&r[1]);
    r[1] = *again;
    free(again);
    r[1].source[0] = r[1].folder[0] = '\0';
    text = compared(r, 2, CLR_BENCH_TEXT);
    expect_line(text, "share of the peak  %", "-           -");
    expect_line(text, "[2] has no share", "[2] has no share of the peak. Winograd's");
    free(text);
    text = compared(r, 2, CLR_BENCH_CSV);
    expect_line(text, "1,\"Device\xc2\xae\",\"\",\"0.1.0\",\"\",\"conv1\",\"forward\"", "7,2,4,8,0.25,,");
    expect_line(text, "2,\"Device\xc2\xae\",\"\",\"0.1.0\",\"\",\"conv1\",\"forward\"", "7,2,4,8,,1,equal");
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

    ck_assert_int_eq(figure_bench(&bars, r, 1, &err), CLR_EINPUT);
    make_report(&r[0], 1);
    make_report(&r[1], 2);
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    ck_assert_int_eq(figure_bench(&bars, r, 9, &err), CLR_EUSAGE);
    ck_assert_msg(figure_bench(&bars, r, 2, &err) == 0, "%s", err.message);
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

/* Pixels of the second series' colour in a figure of those reports. */
static int second_color(const struct clr_bench_report *r)
{
    const struct clr_plot_options o = {.width = 640};
    const char *path = join(support_temp_dir(), "a.png");
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

/* The bars of a device a thousand times as fast can be seen; two alike are drawn by their length. */
START_TEST(test_figure__devices_that_are_far_apart)
{
    struct clr_bench_report r[2];
    int fast, alike;

    make_report(&r[0], 1);
    make_report(&r[1], 0.001);
    fast = second_color(r);
    clr_bench_clear(&r[1]);
    make_report(&r[1], 0.1);
    alike = second_color(r);
    ck_assert_msg(fast > 2 * alike, "%d pixels, %d at a tenth of the time", fast, alike);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* One sample that came a hundred times too late is cut, and the bars keep their lengths. */
START_TEST(test_figure__an_outlier_does_not_flatten_the_bars)
{
    struct clr_bench_report r[2];
    int before, after;

    make_report(&r[0], 1);
    make_report(&r[1], 1);
    before = second_color(r);
    r[0].rows[1].ms.max = 100 * r[0].rows[1].ms.median;
    after = second_color(r);
    ck_assert_msg(after > 0.7 * before, "%d pixels of bars, %d with an outlier", before, after);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* A legend without bars says why there are none; names of passes have room where the figure is narrow. */
START_TEST(test_figure__what_is_written_in_it)
{
    const struct canvas_spec spec = {.boxes = true, .width = 320, .height = 400, .dpi = 96};
    struct clr_bench_report r[2];
    struct bars bars;
    struct canvas *canvas;
    const double *boxes;
    double wanted;
    size_t count, found = 0;

    make_report(&r[0], 1);
    make_report(&r[1], 1);
    r[1].row_count = 0;
    ck_assert_int_eq(figure_bench(&bars, r, 2, NULL), 0);
    ck_assert_str_eq(bars.series[0], "10,000 images/s: Device\xc2\xae [1]");
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

START_TEST(test_figure__formats_and_sizes)
{
    const char *folder = support_temp_dir();
    static const char *const names[] = {"a.png", "a.svg", "a.pdf"};
    static const int heights[] = {0, 200, 900};
    struct clr_bench_report r[8];
    struct clr_error err = {0};

    for (int i = 0; i < 8; i++)
        make_report(&r[i], 1 + i);
    r[0].rows[0].ms = (struct clr_bench_spread){1, 0, 0, 0};
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        for (size_t k = 0; k < MEM_COUNT(heights); k++) {
            const struct clr_plot_options o = {.width = 320, .height = heights[k]};
            ck_assert_msg(clr_bench_plot(join(folder, names[i]), r, 8, &o, &err) == 0, "%s", err.message);
        }
    ck_assert_int_eq(clr_bench_plot(join(folder, "a.gif"), r, 8, NULL, &err), CLR_EUSAGE);
    ck_assert(!fs_exists(join(folder, "a.gif")));
    for (int i = 0; i < 8; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench");
    TCase *tc = tcase_create("bench");

    tcase_add_test(tc, test_labels__the_longest_layer_and_the_words_behind_it);
    tcase_add_test(tc, test_measure__spreads);
    tcase_add_test(tc, test_measure__failure_is_handed_on_and_n_is_bounded);
    tcase_add_test(tc, test_json__what_is_written_is_read);
    tcase_add_test(tc, test_json__hostile_input_is_named);
    tcase_add_test(tc, test_json__an_old_report_is_read);
    tcase_add_test(tc, test_json__a_name_that_is_not_utf8_is_no_crash);
    tcase_add_test(tc, test_json__what_steers_a_terminal_is_masked);
    tcase_add_test(tc, test_compare__only_what_is_comparable);
    tcase_add_test(tc, test_compare__how_others_stand_against_the_first);
    tcase_add_test(tc, test_compare__slow_devices);
    tcase_add_test(tc, test_compare__names_are_distinct);
    tcase_add_test(tc, test_compare__files_in_folders_of_one_name);
    tcase_add_test(tc, test_compare__what_is_not_the_same_work);
    tcase_add_test(tc, test_compare__as_csv_and_markdown);
    tcase_add_test(tc, test_compare__as_json);
    tcase_add_test(tc, test_compare__layers_in_the_order_of_the_net);
    tcase_add_test(tc, test_compare__with_known_devices);
    tcase_add_test(tc, test_compare__many_rows);
    tcase_add_test(tc, test_table__shares_and_rates);
    tcase_add_test(tc, test_peak__no_share_that_misleads);
    tcase_add_test(tc, test_figure__a_row_for_each_layer_and_pass);
    tcase_add_test(tc, test_figure__devices_that_are_far_apart);
    tcase_add_test(tc, test_figure__an_outlier_does_not_flatten_the_bars);
    tcase_add_test(tc, test_figure__what_is_written_in_it);
    tcase_add_test(tc, test_figure__formats_and_sizes);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
