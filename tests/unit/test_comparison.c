/* Comparisons of reports: what can be compared, and the result in all formats. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <clr/bench.h>
#include <clr/log.h>

#include "base/fs.h"
#include "base/json.h"
#include "bench/bench_figure.h"
#include "bench/words.h"
#include "figures.h"
#include "net/spec.h"
#include "reports.h"

/* The columns after device and platform in CSV: what was measured. */
#define WHO                                                                                                  \
    ",0.1.0,abc,quick,3x32x32,100,,0,GPU,8,\"CPU \"\"quoted\"\"\",OS,2026-11-24T07:00:00Z,0123,,,0,,0,"

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

    reports_make(&r, 1);
    a = reports_write(figures_join(folder, "a.json"), &r);
    other = r;
    other.batch = 10;
    expect_incomparable(a, reports_write(figures_join(folder, "batch.json"), &other), "/batch' of 10");
    other = r;
    str_copy(other.net_sha256, sizeof other.net_sha256, "4567");
    expect_incomparable(a, reports_write(figures_join(folder, "net.json"), &other), "whose prototxt differs");
    other = r;
    other.input.width = 28;
    expect_incomparable(a, reports_write(figures_join(folder, "input.json"), &other), "3x32x28");
    other = r;
    str_copy(other.refused, sizeof other.refused, "its update is wrong");
    expect_incomparable(a, reports_write(figures_join(folder, "refused.json"), &other),
                        "its times do not count: its update is wrong");
    r.checks[1].ok = false;
    expect_incomparable(a, reports_write(figures_join(folder, "wrong.json"), &r), "pooling computed wrongly");
    clr_bench_clear(&r);
}
END_TEST

START_TEST(test_compare__how_others_stand_against_the_first)
{
    struct clr_bench_report r[4];
    char *text;

    reports_make(&r[0], 1);
    reports_make(&r[1], 8);
    reports_make(&r[2], 1 / 68.4);
    reports_make(&r[3], 1.3); /* within the ranges */
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    str_copy(r[1].device, sizeof r[1].device, "another");
    r[1].peak_gflops = reports_spread(1234567);
    r[2].peak_memory_bytes = 0;
    r[3].peak_memory_bytes *= 2;
    text = reports_compared(r, 4, CLR_BENCH_TEXT);
    reports_expect_line(text, "training           images", "10,000       1,250  8.0\xc3\x97 slower");
    ck_assert(strstr(text, "10,000     684,000  68\xc3\x97 faster\n"));
    ck_assert(strstr(text, "10,000       7,692  unclear\n"));
    reports_expect_line(text, "peak               GFLOP/s", "200.0   2,469,134  12,000\xc3\x97 faster");
    reports_expect_line(text, "share of the peak  %", "20.00");
    reports_expect_line(text, "conv1              weight gradient", "5.000       40.00  8.0\xc3\x97 slower");
    ck_assert(strstr(text, "5.000      0.0731  68\xc3\x97 faster\n"));
    reports_expect_line(text, "pool1", "0.500           -");
    reports_expect_line(text, "extra", "-       4.000");
    reports_expect_line(text, "first start        s", "9.000       9.000  about equal");
    reports_expect_line(text, "process memory     MB", "400.0       400.0  about equal");
    ck_assert(strstr(text, "400.0           -\n") && strstr(text, "400.0       800.0  ~2.0\xc3\x97 more\n"));
    reports_expect_line(text, "[4] conv1",
                        "[4] conv1 forward: 'direct' in place of 'tiled', which is wrong here (NMSE");
    ck_assert(strstr(text, "about equal: less than") &&
              strstr(text, "unclear: one of the two lies between") &&
              strstr(text, "~: another run may not confirm it"));
    ck_assert(strstr(text, "The factors of [2] can be") && strstr(text, "The factors of [3] can be"));
    ck_assert(strstr(text, "No share of the peak: [3]. Winograd's"));
    free(text);
    for (int i = 0; i < 4; i++)
        clr_bench_clear(&r[i]);
}
END_TEST

/* A report with the same samples `factor` times as slow, each `spread` around its median. */
static void make_steps(struct clr_bench_report *r, double factor, double spread)
{
    reports_make(r, factor);
    r->step_ms.min = r->step_ms.median * (1 - spread);
    r->step_ms.max = r->step_ms.median * (1 + spread);
}

START_TEST(test_compare__no_more_digits_than_the_samples_have)
{
    static const struct {
        double factor, spread;
        const char *said;
    } cases[] = {{2188.4, 0.01, "  2,200\xc3\x97 slower"},
                 {99.7, 0.01, "  100\xc3\x97 slower"},
                 {68.4, 0.3, "  68\xc3\x97 slower"},
                 {3.14, 0.01, "  3.1\xc3\x97 slower"},
                 {1.5, 0.19, "  1.5\xc3\x97 slower"},
                 {1.5, 0.22, "  ~1.5\xc3\x97 slower"}}; /* the samples overlap */
    struct clr_bench_report r[2];

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *text;
        make_steps(&r[0], 1, cases[i].spread);
        make_steps(&r[1], cases[i].factor, cases[i].spread);
        text = reports_compared(r, 2, CLR_BENCH_TEXT);
        reports_expect_line(text, "training step      ms", cases[i].said);
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_CSV);
        reports_expect_line(text, "2,Device\xc2\xae,," WHO ",training step",
                            cases[i].said[2] == '~' ? ",1,slower" : ",0,slower");
        free(text);
        clr_bench_clear(&r[0]);
        clr_bench_clear(&r[1]);
    }
}
END_TEST

/* Runs of one device, minutes apart, whose samples are within 1 % each. */
START_TEST(test_compare__runs_drift_apart)
{
    static const struct {
        double factor;
        const char *said, *csv;
    } cases[] = {{1.03, "  about equal", ",1,,equal"},
                 {1.08, "  ~1.08\xc3\x97 slower", ",1,slower"},
                 {1.17, "  ~1.2\xc3\x97 slower", ",1,slower"},
                 {1.25, "  1.2\xc3\x97 slower", ",0,slower"},
                 {1 / 1.1, "  ~1.1\xc3\x97 faster", ",1,faster"}};
    struct clr_bench_report r[2];

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *text;
        make_steps(&r[0], 1, 0.01);
        make_steps(&r[1], cases[i].factor, 0.01);
        r[1].device_memory_bytes = 20200000; /* planned: it does not drift */
        text = reports_compared(r, 2, CLR_BENCH_TEXT);
        reports_expect_line(text, "training step      ms", cases[i].said);
        reports_expect_line(text, "device memory      MB", "  1.01\xc3\x97 more");
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_CSV);
        reports_expect_line(text, "2,Device\xc2\xae,," WHO ",training step", cases[i].csv);
        free(text);
        clr_bench_clear(&r[0]);
        clr_bench_clear(&r[1]);
    }
}
END_TEST

/* Two runs of one device of which one was slowed, and a busy machine: no factor of it is sure. */
START_TEST(test_compare__disturbed_runs)
{
    static const char *const notes[] = {
        "[1] and [2] are of one device, but [1] has 1.9\xc3\x97 the bandwidth",
        "[2] and [1] are of one device, but [2] has 2.4\xc3\x97 the peak",
        "[1] was measured on a busy machine", "[2] was measured on a busy machine"};

    for (int i = 0; i < 7; i++) {
        struct clr_bench_report r[2];
        const bool quiet = i > 3; /* a bit slower, of another driver, of other units */
        char *text;
        make_steps(&r[0], 2, 0.01);
        make_steps(&r[1], 1, 0.01);
        r[1].device_memory_bytes = 2 * r[0].device_memory_bytes;
        if (i == 0 || i > 4)
            r[1].bandwidth_gb = reports_spread(20 / 1.9);
        if (i == 1)
            r[0].peak_gflops = reports_spread(100 / 2.4);
        if (i == 2) /* busy, but its samples are apart from the other's */
            r[0].step_ms.max = 2.1 * r[0].step_ms.min;
        if (i == 3)
            r[1].step_ms.min = r[1].step_ms.max / 2.1;
        if (i == 4)
            r[1].bandwidth_gb = reports_spread(20 / 1.2);
        if (i == 5)
            str_copy(r[1].driver, sizeof r[1].driver, "2.0");
        if (i == 6)
            r[1].compute_units = 4;
        text = reports_compared(r, 2, CLR_BENCH_TEXT);
        ck_assert_msg(quiet || strstr(text, notes[i]), "%d: %s", i, text);
        ck_assert_int_eq(strstr(text, "of one device, but") != NULL, i < 2);
        reports_expect_line(text, "training step      ms",
                            quiet ? "  2.0\xc3\x97 faster" : " ~2.0\xc3\x97 faster");
        reports_expect_line(text, "device memory      MB", "  2.0\xc3\x97 more");
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_MARKDOWN);
        reports_expect_line(text, "| training step | ms",
                            quiet ? "| 2.0\xc3\x97 faster" : "| ~2.0\xc3\x97 faster");
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_CSV);
        ck_assert_msg(!strstr(text, quiet ? ",1,faster" : ",0,faster"), "%s", text);
        ck_assert_int_eq(strstr(text, "0123,,,0,1.9,0,") != NULL, i == 0);
        ck_assert_int_eq(strstr(text, "0123,,,1,,0,") != NULL, i == 2 || i == 3);
        free(text);
        text = reports_compared(r, 2, CLR_BENCH_JSON);
        ck_assert_int_eq(strstr(text, "\"slowed\": 1.9") != NULL, i == 0);
        ck_assert_int_eq(strstr(text, "\"uncertain\": true") != NULL, !quiet);
        free(text);
        clr_bench_clear(&r[0]);
        clr_bench_clear(&r[1]);
    }
}
END_TEST

/* Half a minute for each image: not "0 images/s". */
START_TEST(test_compare__slow_devices)
{
    struct clr_bench_report r[2];
    char *text;

    reports_make(&r[0], 1);
    reports_make(&r[1], 200631.83);
    text = reports_compared(r, 2, CLR_BENCH_TEXT);
    reports_expect_line(text, "training           images", "10,000      0.0498  200,000\xc3\x97 slower");
    reports_expect_line(text, "training step      ms", "10.00   2,006,318  200,000\xc3\x97 slower");
    free(text);
    ck_assert_int_eq(clr_bench_table(&text, &r[1], NULL), 0);
    reports_expect_line(text, "training step", "2,006,318 ms (1,504,739 to 2,808,846), 0.0498 images/s");
    free(text);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

START_TEST(test_compare__names_are_distinct)
{
    static const char *const expected[] = {"A", "B (x/quick)", "B (x/full)", "B (y/full)", "C [5]", "C [6]"};
    static const char *const from[][2] = {{"A", "quick"},  {"B", "x/quick"}, {"B", "x/full"},
                                          {"B", "y/full"}, {"C", ""},        {"C", ""}};
    struct clr_bench_report r[MEM_COUNT(from)] = {0};
    char name[WORDS_NAME], *text;

    for (size_t i = 0; i < MEM_COUNT(from); i++) {
        reports_make(&r[i], 1);
        str_copy(r[i].device, sizeof r[i].device, from[i][0]);
        str_copy(r[i].source, sizeof r[i].source, from[i][1]);
    }
    for (size_t i = 0; i < MEM_COUNT(from); i++)
        ck_assert_str_eq(words_name(name, r, MEM_COUNT(from), i), expected[i]);
    text = reports_compared(r, MEM_COUNT(from), CLR_BENCH_TEXT);
    reports_expect_line(text, "[1] ", "[1] A (quick)");
    reports_expect_line(text, "[4] ", "[4] B (y/full)");
    reports_expect_line(text, "  [1]", "  [1] A  [2] x/quick");
    ck_assert(strstr(text, "[1] A  [3] x/full\n") && strstr(text, "[1] A       [5] C\n"));
    free(text);
    for (size_t i = 0; i < MEM_COUNT(from); i++)
        clr_bench_clear(&r[i]);
}
END_TEST

/* The number of tuned layers of each report; old reports lack it. */
START_TEST(test_compare__tuned_layers)
{
    static const struct {
        int layers;
        const char *text, *markdown, *csv, *json;
    } cases[] = {
        {0, "2026-11-24;\n    no layer changed by tuning", "2026-11-24; no layer changed by tuning\n",
         ",0,GPU,8,", "\"tuned_layers\": 0"},
        {1, "2026-11-24;\n    1 layer changed by tuning", "2026-11-24; 1 layer changed by tuning\n",
         ",1,GPU,8,", "\"tuned_layers\": 1"},
        {3, "2026-11-24;\n    3 layers changed by tuning", "2026-11-24; 3 layers changed by tuning\n",
         ",3,GPU,8,", "\"tuned_layers\": 3"},
        {-1, "2026-11-24\n", "2026-11-24\n", "100,,,GPU,8,", "\"tuned_layers\": null"},
    };
    struct clr_bench_report r[2];

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        const char *const wanted[] = {cases[i].text, cases[i].markdown, cases[i].csv, cases[i].json};
        for (int k = 0; k < 2; k++) {
            reports_make(&r[k], 1);
            r[k].tuned_layers = cases[i].layers;
        }
        for (int form = 0; form < 4; form++) {
            char *text = reports_compared(r, 2, (enum clr_bench_form)form);
            ck_assert_msg(strstr(text, wanted[form]), "no '%s' in\n%.2000s", wanted[form], text);
            free(text);
        }
        clr_bench_clear(&r[0]);
        clr_bench_clear(&r[1]);
    }
}
END_TEST

/* The file as it was given, and of two runs in one file the number. */
START_TEST(test_compare__files_in_folders_of_one_name)
{
    const char *top = support_temp_dir(), *paths[3], *expected[] = {"d1/a", "d2/a.b", "d2/a.b"};
    struct clr_bench_report r, *all = NULL;
    struct clr_error err = {0};
    char name[WORDS_NAME];
    size_t count;

    reports_make(&r, 1);
    ck_assert_int_eq(fs_make_dirs(figures_join(top, "d1"), NULL), 0);
    ck_assert_int_eq(fs_make_dirs(figures_join(top, "d2"), NULL), 0);
    paths[0] = reports_write(figures_join(top, "d1/a.json"), &r);
    paths[1] = paths[2] = reports_write(figures_join(top, "d2/a.b.json"), &r);
    ck_assert_msg(clr_bench_read_all(&all, &count, paths, MEM_COUNT(paths), &err) == 0, "%s", err.message);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(all[i].source, figures_join(top, expected[i]));
    ck_assert(strstr(words_name(name, all, count, 0), "d1/a)"));
    ck_assert(strstr(words_name(name, all, count, 1), " [2]"));
    ck_assert(strstr(words_name(name, all, count, 2), " [3]"));
    clr_bench_destroy(all, count);
    clr_bench_clear(&r);
}
END_TEST

/* One device joins two layers, the other does not; variants were replaced, or numbers are unknown. */
START_TEST(test_compare__long_names_are_shortened)
{
    static const char *const names[] = {
        "pthread-skylake-avx512-Intel(R) Xeon(R) Processor", "NVIDIA H100 80GB HBM3",
        "AMD Radeon Graphics (radeonsi, gfx900, LLVM 15)", "AMD Radeon Graphics (radeonsi, gfx906, LLVM 15)"};
    struct clr_bench_report r[MEM_COUNT(names)] = {0};
    char out[WORDS_NAME], *text;

    ck_assert_str_eq(words_short(out, names[1], 21, 10), names[1]);
    ck_assert_str_eq(words_short(out, names[1], 20, 10), "H100 80GB HBM3");
    ck_assert_str_eq(words_short(out, "\xc3\xa4\xc3\xb6\xc3\xbc-\xc3\xa4\xc3\xb6\xc3\xbc", 5, 2),
                     "\xc3\xa4\xc3\xb6\xe2\x80\xa6\xc3\xb6\xc3\xbc");
    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        reports_make(&r[i], 1);
        str_copy(r[i].device, sizeof r[i].device, names[i]);
    }
    text = reports_compared(r, MEM_COUNT(names), CLR_BENCH_TEXT);
    reports_expect_line(text, "                                    [1]",
                        "[1] skyla\xe2\x80\xa6-Xeon  [2] NVIDIA H100 80GB HBM3");
    ck_assert(strstr(text, "[3] Radeon Gra\xe2\x80\xa6"
                           "0, LLVM 15)\n"));
    ck_assert(strstr(text, "[4] Radeon Gra\xe2\x80\xa6"
                           "6, LLVM 15)\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(str_columns(line, strcspn(line, "\n")) <= 80, "too wide: %.120s", line);
    free(text);
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        clr_bench_clear(&r[i]);
}
END_TEST

START_TEST(test_compare__what_is_not_the_same_work)
{
    struct clr_bench_report r[3];
    json_t *json, *report;
    json_error_t e;
    char *text;

    for (int i = 0; i < 3; i++)
        reports_make(&r[i], 1);
    r[0].row_count--; /* no pool1 */
    for (size_t i = 0; i < r[0].row_count; i++)
        str_copy(r[0].rows[i].kind, sizeof r[0].rows[i].kind, i > 0 ? "pooled convolution" : "");
    r[0].peak_memory_compiler = true;
    r[2].device_memory_bytes = 30000000;
    r[2].row_count = 0;
    str_copy(r[1].replaced[0].variant, sizeof r[1].replaced[0].variant, "a|b_c_d");
    text = reports_compared(r, 3, CLR_BENCH_TEXT);
    reports_expect_line(text, "[1] conv1 has",
                        "[1] conv1 has pool1 in it, which is a layer of its own elsewhere");
    reports_expect_line(text, "conv1              weight gradient", "5.000       5.000  other work");
    reports_expect_line(text, "conv1 + pool1      all passes", "9.000       9.500  unclear");
    ck_assert(strstr(text, "400.0       400.0\n"));
    reports_expect_line(text, "device memory ", "20.00       20.00  about equal");
    ck_assert(strstr(text, "20.00       30.00  1.5\xc3\x97 more\n"));
    reports_expect_line(text, "[3] has no", "[3] has no times of layers");
    reports_expect_line(text, "[1] had to",
                        "[1] had to compile kernels: the OpenCL compiler is in its process memory");
    ck_assert(!strstr(text, "[2] conv1 has") && !strstr(text, "[3] conv1 has") && !strstr(text, "[2] had"));
    free(text);
    text = reports_compared(r, 3, CLR_BENCH_MARKDOWN);
    reports_expect_line(text, "- \\[2\\] conv1", "'direct' in place of 'a\\|b\\_c\\_d', which is wrong here");
    reports_expect_line(text, "- \\[1\\] conv1 has", "pool1");
    free(text);
    text = reports_compared(r, 3, CLR_BENCH_JSON);
    json = json_parse(text, strlen(text), &e);
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

/* One algorithm that is wrong in many layers, and another one. */
START_TEST(test_compare__replaced_by_algorithm)
{
    struct clr_bench_report r[2];
    char *text;

    reports_make(&r[0], 1);
    reports_make(&r[1], 1);
    r[0].replaced_count = 0;
    free(r[1].replaced);
    ck_assert_int_eq(mem_new(&r[1].replaced, 4, sizeof *r[1].replaced, "variants", NULL), 0);
    r[1].replaced_count = 4;
    for (int i = 0; i < 4; i++)
        r[1].replaced[i] = (struct clr_bench_replaced){"conv1", "forward", "tiled", "direct", "wrong", 0};
    str_copy(r[1].replaced[1].variant, sizeof r[1].replaced[1].variant, "tiled 4x2");
    str_copy(r[1].replaced[2].variant, sizeof r[1].replaced[2].variant, "tiledlike");
    text = reports_compared(r, 2, CLR_BENCH_TEXT);
    reports_expect_line(text, "in place of 'tiled'", "which is wrong here;");
    ck_assert(strstr(text, "likewise 2 more of 'tiled': 'replaced' in its report\n"));
    ck_assert(!strstr(text, "'tiled 4x2'"));
    reports_expect_line(text, "in place of 'tiledlike'", "which is wrong here");
    ck_assert(!strstr(text, "more of 'tiledlike'"));
    free(text);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

START_TEST(test_compare__as_csv_and_markdown)
{
    struct clr_bench_report r[2];
    char *text;

    reports_make(&r[0], 1);
    reports_make(&r[1], 8);
    str_copy(r[1].device, sizeof r[1].device, "A|\"B\"\n<b>*");
    str_copy(r[0].platform, sizeof r[0].platform, "P");
    text = reports_compared(r, 2, CLR_BENCH_CSV);
    reports_expect_line(
        text, "report,",
        "report,device,platform,driver,program,git,net,input,batch,file,tuned_layers,type,units,host_cpu,"
        "host_os,created,net_sha256,stopped,tuned,machine_busy,slowed,peak_memory_includes_compiler,"
        "layer,figure,unit,"
        "samples,min,median,max,of_peak,factor,uncertain,verdict");
    reports_expect_line(text, "1,Device\xc2\xae,P," WHO "conv1,forward", "ms,7,2,4,8,0.25,,,");
    reports_expect_line(text, "<b>*\",," WHO "conv1,forward", "ms,7,16,32,64,0.03125,8,0,slower");
    ck_assert(strstr(text, "2,\"A|\"\"B\"\"\n<b>*\""));
    free(text);
    str_copy(r[1].created, sizeof r[1].created, "2026|11-24T07:00:00Z");
    text = reports_compared(r, 2, CLR_BENCH_MARKDOWN);
    reports_expect_line(text, "- \\[2\\] A",
                        "A\\|\"B\" &lt;b>\\* GPU, 8 units; , driver ; CPU \"quoted\", OS; ");
    reports_expect_line(text, "- \\[2\\] A",
                        "; clr-cl 0.1.0 (abc), 2026\\|11-24; no layer changed by tuning");
    reports_expect_line(text, "| LAYER | PASS, ms |",
                        " | \\[1\\] Device\xc2\xae | \\[2\\] A\\|\"B\" &lt;b>\\* |  |");
    reports_expect_line(text, "| conv1 | forward", "| 4.000 | 32.00 | 8.0\xc3\x97 slower |");
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

    reports_make(&r[0], 1);
    reports_make(&r[1], 8);
    str_copy(r[1].rows[3].layer, sizeof r[1].rows[3].layer, "extra");
    text = reports_compared(r, 2, CLR_BENCH_JSON);
    json = json_parse(text, strlen(text), &e);
    ck_assert_msg(json != NULL, "%s", e.text);
    ck_assert_str_eq(json_string_value(json_object_get(json, "format")), "clr-cl bench comparison");
    ck_assert_str_eq(json_string_value(json_object_get(json, "net_sha256")), "0123");
    line = json_array_get(json_object_get(json, "reports"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(line, "host"), "os")), "OS");
    ck_assert(json_integer_value(json_object_get(line, "compute_units")) == 8);
    line = json_array_get(json_object_get(json, "figures"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(line, "unit")), "images/s");
    cell = json_array_get(json_object_get(line, "values"), 1);
    ck_assert(json_number_value(json_object_get(cell, "factor")) == 8.0);
    ck_assert_str_eq(json_string_value(json_object_get(cell, "verdict")), "slower");
    line = json_array_get(json_object_get(json, "figures"), 11 + 3); /* extra */
    ck_assert(json_is_null(json_array_get(json_object_get(line, "values"), 0)));
    json_decref(json);
    free(text);
    str_copy(r[1].device, sizeof r[1].device, "\xff");
    ck_assert_int_eq(clr_bench_compare(&text, r, 2, CLR_BENCH_JSON, &err), CLR_ENOMEM);
    clr_bench_clear(&r[0]);
    clr_bench_clear(&r[1]);
}
END_TEST

/* Built-in reports can be read, and are added where net and batch are the same. */
static int occurrences(const char *text, const char *word)
{
    int n = 0;

    while ((text = strstr(text, word))) {
        text++;
        n++;
    }
    return n;
}

static void keep_line(void *user, enum clr_log_level level, const char *text)
{
    (void)level;
    str_append(user, "%s\n", text);
}

START_TEST(test_compare__with_known_devices)
{
    struct str left_out = {0};
    struct clr_bench_report *r = NULL;
    struct clr_error err = {0};
    struct clr_net_spec *quick = NULL;
    size_t count = 1;
    char *text;

    ck_assert_int_eq(mem_new(&r, 1, sizeof *r, "reports", NULL), 0);
    reports_make(&r[0], 1);
    clr_log_set_sink(keep_line, &left_out);
    ck_assert_msg(clr_bench_add_known(&r, &count, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(count, 1);
    reports_expect_line(left_out.text, "NVIDIA H200", "NVIDIA H200: quick, batch 100 of 3x32x32");
    left_out.length = 0;
    ck_assert_int_eq(clr_net_load(&quick, "quick", NULL), 0);
    fs_sha256(quick->text, strlen(quick->text), r[0].net_sha256);
    ck_assert_msg(clr_bench_add_known(&r, &count, &err) == 0, "%s", err.message);
    ck_assert_uint_ge(count, 4);
    ck_assert_uint_eq(left_out.length, 0);
    str_clear(&left_out);
    clr_log_set_sink(NULL, NULL);
    for (size_t i = 1; i < count; i++)
        ck_assert(r[i].wrong == 0 && r[i].row_count > 10 && r[i].driver[0] && r[i].program[0]);
    text = reports_compared(r, count, CLR_BENCH_TEXT);
    ck_assert(strstr(text, "NVIDIA H100 80GB HBM3 (known/h100-quick)"));
    /* None of them has planned memory: no number, and no verdict. */
    reports_expect_line(text, "device memory      MB", "20.00           -");
    free(text);
    text = reports_compared(r, count, CLR_BENCH_MARKDOWN);
    reports_expect_line(text, "| device memory | MB", "| 20.00 | - |  | - |  | - |  |");
    free(text);
    text = reports_compared(r, count, CLR_BENCH_CSV);
    ck_assert_int_eq(occurrences(text, ",device memory,"), 1);
    free(text);
    clr_net_destroy(quick);
    clr_bench_destroy(r, count);
}
END_TEST

/* Rows that only the GPU has, such as a pool of its own, are beside the rows of their layer. */
START_TEST(test_compare__layers_in_the_order_of_the_net)
{
    static const char *const expected[] = {
        "batch",         "conv1 forward",       "conv1 weight gradient", "conv1 other", "pool1 forward",
        "conv2 forward", "conv2 data gradient", "conv2 other",           "update"};
    struct clr_bench_report r[2];
    struct bars bars;
    struct clr_error err = {0};

    for (int i = 0; i < 2; i++) {
        reports_make(&r[i], 1);
        r[i].row_count = 0;
    }
    reports_add_row(&r[0], "", "", CLR_BENCH_BATCH, 0, 1);
    reports_add_row(&r[0], "conv1", "", CLR_BENCH_FORWARD, 0, 1);
    reports_add_row(&r[0], "conv1", "", CLR_BENCH_WEIGHTS, 0, 1);
    reports_add_row(&r[0], "conv2", "", CLR_BENCH_FORWARD, 0, 1);
    reports_add_row(&r[0], "conv2", "", CLR_BENCH_OTHER, 0, 1);
    reports_add_row(&r[0], "", "", CLR_BENCH_UPDATE, 0, 1);
    reports_add_row(&r[1], "conv1", "", CLR_BENCH_FORWARD, 0, 1);
    reports_add_row(&r[1], "conv1", "", CLR_BENCH_OTHER, 0, 1);
    reports_add_row(&r[1], "pool1", "", CLR_BENCH_FORWARD, 0, 1);
    reports_add_row(&r[1], "conv2", "", CLR_BENCH_DATA, 0, 1);
    reports_add_row(&r[1], "", "", CLR_BENCH_UPDATE, 0, 1);
    ck_assert_msg(figure_bench(&bars, r, 2, NULL, &err) == 0, "%s", err.message);
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

/* Many rows, in no order, all different: in a moment, though each is looked for among the others. */
START_TEST(test_compare__many_rows)
{
    enum { ROWS = 10000, REPORTS = 4 };
    const char *path = figures_join(support_temp_dir(), "a.json");
    const clock_t began = clock(); /* of processor time: the machine may be busy */
    struct clr_bench_report r[REPORTS], *again = NULL;
    size_t count;
    char *text, name[32];

    for (int i = 0; i < REPORTS; i++) {
        reports_make(&r[i], 1);
        free(r[i].rows);
        r[i].row_count = 0;
        ck_assert_int_eq(mem_new(&r[i].rows, ROWS, sizeof *r[i].rows, "rows", NULL), 0);
        for (int k = 0; k < ROWS; k++) {
            (void)snprintf(name, sizeof name, "layer %d of %d", k * 7919 % ROWS, i);
            reports_add_row(&r[i], name, "pool", CLR_BENCH_FORWARD, 0, 0.5);
        }
    }
    ck_assert_int_eq(clr_bench_read(&again, &count, reports_write(path, &r[0]), NULL), 0);
    ck_assert_uint_eq(again->row_count, ROWS);
    clr_bench_destroy(again, count);
    ck_assert_int_eq(clr_bench_compare(&text, r, REPORTS, CLR_BENCH_TEXT, NULL), 0);
    ck_assert(strstr(text, "layer 9999 of 3    forward                    -       0.500\n"));
    free(text);
    for (int i = 0; i < REPORTS; i++)
        clr_bench_clear(&r[i]);
    if (!getenv("CK_TIMEOUT_MULTIPLIER"))
        ck_assert_msg(clock() - began < CLOCKS_PER_SEC, "%.1f s", (double)(clock() - began) / CLOCKS_PER_SEC);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("comparison");
    TCase *tc = tcase_create("comparison");

    tcase_add_test(tc, test_compare__only_what_is_comparable);
    tcase_add_test(tc, test_compare__how_others_stand_against_the_first);
    tcase_add_test(tc, test_compare__no_more_digits_than_the_samples_have);
    tcase_add_test(tc, test_compare__runs_drift_apart);
    tcase_add_test(tc, test_compare__disturbed_runs);
    tcase_add_test(tc, test_compare__slow_devices);
    tcase_add_test(tc, test_compare__names_are_distinct);
    tcase_add_test(tc, test_compare__tuned_layers);
    tcase_add_test(tc, test_compare__files_in_folders_of_one_name);
    tcase_add_test(tc, test_compare__what_is_not_the_same_work);
    tcase_add_test(tc, test_compare__long_names_are_shortened);
    tcase_add_test(tc, test_compare__replaced_by_algorithm);
    tcase_add_test(tc, test_compare__as_csv_and_markdown);
    tcase_add_test(tc, test_compare__as_json);
    tcase_add_test(tc, test_compare__layers_in_the_order_of_the_net);
    tcase_add_test(tc, test_compare__with_known_devices);
    tcase_add_test(tc, test_compare__many_rows);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
