/* Reports of bench for tests: see reports.h. */
#include "reports.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "support.h"

struct clr_bench_spread reports_spread(double median)
{
    return (struct clr_bench_spread){7, 0.5 * median, median, 2 * median};
}

void reports_add_row(struct clr_bench_report *r, const char *layer, const char *kind,
                     enum clr_bench_pass pass, double gflop, double ms)
{
    struct clr_bench_row *row = &r->rows[r->row_count++];

    str_copy(row->layer, sizeof row->layer, layer);
    str_copy(row->kind, sizeof row->kind, kind);
    row->pass = pass;
    row->gflop = gflop;
    row->ms = reports_spread(ms);
}

void reports_make(struct clr_bench_report *r, double factor)
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
                                   .device_memory_bytes = 20000000,
                                   .peak_memory_bytes = 400000000};
    r->peak_gflops = reports_spread(100);
    r->bandwidth_gb = reports_spread(20);
    r->step_ms = (struct clr_bench_spread){7, 7.5 * factor, 10 * factor, 14 * factor}; /* not busy */
    r->inference_ms = reports_spread(4 * factor);
    r->warm_start_s = reports_spread(0.25);
    r->first_start_s = reports_spread(9);
    ck_assert_int_eq(mem_new(&r->rows, 8, sizeof *r->rows, "rows", NULL), 0);
    ck_assert_int_eq(mem_new(&r->checks, 8, sizeof *r->checks, "checks", NULL), 0);
    reports_add_row(r, "", "", CLR_BENCH_BATCH, 0, 0.5 * factor);
    reports_add_row(r, "conv1", "convolution", CLR_BENCH_FORWARD, 0.2, 4 * factor);
    reports_add_row(r, "conv1", "convolution", CLR_BENCH_WEIGHTS, 0.2, 5 * factor);
    reports_add_row(r, "pool1", "pooling", CLR_BENCH_FORWARD, 0, 0.5 * factor);
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
        (struct clr_bench_replaced){"conv1", "forward", "tiled", "direct", "wrong", 0.02};
}

const char *reports_write(const char *path, const struct clr_bench_report *r)
{
    struct clr_error err = {0};

    ck_assert_msg(clr_bench_write(path, r, 1, &err) == 0, "%s", err.message);
    return path;
}

void reports_expect_line(const char *text, const char *begin, const char *rest)
{
    const char *at = strstr(text, begin);
    char line[512] = "";

    if (at)
        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    ck_assert_msg(strstr(line, rest), "'%s' lacks '%s' in\n%.3000s", line, rest, text);
}

char *reports_compared(const struct clr_bench_report *r, size_t count, enum clr_bench_form form)
{
    struct clr_error err = {0};
    char *text;

    ck_assert_msg(clr_bench_compare(&text, r, count, form, &err) == 0, "%s", err.message);
    return text;
}
