/* What `clr-cl bench` prints about a device: see clr/bench.h. */
#include <clr/bench.h>

#include <math.h>
#include <stdarg.h>

#include "base/str.h"
#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/words.h"
#include "ocl/device.h"

#define BUSY       2.0 /* times the fastest step: slower ones were disturbed */
#define MOST_STEPS 2.0 /* times its kernels: of a longer step most is in none of them */

enum { HEAD = 12, WHOLE = 15 }; /* columns of names */

static int widest(const struct clr_bench_report *r)
{
    size_t n = strlen("not convolution");

    for (size_t i = 0; i < r->row_count; i++)
        n = strlen(r->rows[i].layer) > n ? strlen(r->rows[i].layer) : n;
    for (size_t i = 0; i < r->check_count; i++)
        n = strlen(r->checks[i].layer) > n ? strlen(r->checks[i].layer) : n;
    return (int)n;
}

static double sum_ms(const struct clr_bench_report *r)
{
    double sum = 0.0;

    for (size_t i = 0; i < r->row_count; i++)
        sum += r->rows[i].ms.median;
    return sum;
}

double clr_bench_not_convolution(const struct clr_bench_report *report)
{
    const double sum = sum_ms(report);
    double others = 0.0;

    for (size_t i = 0; i < report->row_count; i++)
        if (!strstr(report->rows[i].kind, "convolution")) /* also one that pools what it makes */
            others += report->rows[i].ms.median;
    return sum > 0.0 ? others / sum : NAN;
}

bool clr_bench_is_busy(const struct clr_bench_report *report)
{
    return report->step_ms.count > 1 && report->step_ms.max > BUSY * report->step_ms.min;
}

/* ------------------------------------------------------------------ parts */

/* A name, and a text that may take several lines. */
static void CLR_PRINTF(4, 5) entry(struct str *s, const char *name, int width, const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    str_append(s, "%-*s", width, name);
    str_append_wrapped(s, text, (size_t)width, (size_t)width);
}

/* "210.5", "0.0372" */
static const char *rate(char out[32], double v)
{
    (void)snprintf(out, 32, v >= 1.0 ? "%.1f" : "%.3g", v);
    return out;
}

static void limits(struct str *s, const struct clr_bench_report *r)
{
    const struct clr_bench_spread *p = &r->peak_gflops, *b = &r->bandwidth_gb;
    char one[32], min[32], max[32], floats[STR_COUNT];

    if (p->count > 0)
        entry(s, "peak", HEAD, "%s GFLOP/s (%s to %s), measured: fused multiply-adds on vectors of %s",
              rate(one, p->max), rate(min, p->min), rate(max, p->max),
              str_count(floats, (uint64_t)r->float_width, "float"));
    if (b->count > 0)
        entry(s, "bandwidth", HEAD, "%s GB/s (%s to %s), triad over three arrays of %.0f MB",
              rate(one, b->median), rate(min, b->min), rate(max, b->max), (double)r->triad_bytes / 1e6);
    str_append(s, "\n");
}

static void head(struct str *s, const struct clr_bench_report *r)
{
    char text[WORDS_REPLACED], units[STR_COUNT];

    entry(s, "device", HEAD, "%s (%s, %s), %s, driver %s", r->device, r->type,
          str_count(units, (uint64_t)r->compute_units, "unit"), r->platform, r->driver);
    if (r->host_cpu[0] || r->host_os[0])
        entry(s, "host", HEAD, "%s%s%s", r->host_cpu, r->host_cpu[0] && r->host_os[0] ? ", " : "",
              r->host_os);
    entry(s, "net", HEAD, "%s, batch %d of %dx%dx%d, %s", r->net, r->batch, r->input.channels,
          r->input.height, r->input.width, r->data);
    entry(s, "program", HEAD, "clr-cl %s (%s), kernels with %s", r->program, r->git_id, r->kernel_options);
    if (r->tuned_layers >= 0)
        entry(s, "tuning", HEAD, "%s%s%s", words_tuned(text, r), r->tuned[0] ? ": " : "", r->tuned);
    for (size_t i = 0; i < r->replaced_count; i++)
        entry(s, "replaced", HEAD, "%s", words_replaced(text, &r->replaced[i]));
    limits(s, r);
}

/* A line of the table of layers: times, and what may be missing (""). */
static void times(struct str *s, int width, const char *layer, const char *pass, const char *const columns[6])
{
    str_append(s, "%-*s  %-15s  %7s %7s %7s %7s %6s %6s\n", width, layer, pass, columns[0], columns[1],
               columns[2], columns[3], columns[4], columns[5]);
}

static void row(struct str *s, const struct clr_bench_report *r, const struct clr_bench_row *row, int width,
                double sum, bool *left_out)
{
    char ms[3][WORDS_NUMBER], gflops[32] = "", of_peak[32] = "", share[32];
    const bool none = peak_is_left_out(r, row);

    if (row->gflop > 0.0 && row->ms.median > 0.0) {
        (void)snprintf(gflops, sizeof gflops, "%.1f", row->gflop / row->ms.median * 1e3);
        (void)snprintf(of_peak, sizeof of_peak, none ? "-" : "%.1f", 100.0 * peak_share(r, row));
        *left_out = *left_out || (none && r->peak_gflops.count > 0);
    }
    (void)snprintf(share, sizeof share, "%.1f", sum > 0.0 ? 100.0 * row->ms.median / sum : 0.0);
    times(s, width, row->layer, clr_bench_pass_name(row->pass),
          (const char *const[6]){words_number(ms[0], row->ms.median), words_number(ms[1], row->ms.min),
                                 words_number(ms[2], row->ms.max), gflops, of_peak, share});
}

static void rows(struct str *s, const struct clr_bench_report *r)
{
    const double sum = sum_ms(r), others = clr_bench_not_convolution(r);
    const int width = widest(r);
    char ms[WORDS_NUMBER], share[32];
    bool left_out = false;

    if (r->row_count == 0) {
        str_append(s, "layers: not measured%s\n",
                   r->stopped[0] ? "" : ", because this driver's kernel times are unusable");
        return;
    }
    times(s, width, "LAYER", "PASS",
          (const char *const[6]){"ms", "MIN", "MAX", "GFLOP/s", "PEAK %", "TIME %"});
    for (size_t i = 0; i < r->row_count; i++)
        row(s, r, &r->rows[i], width, sum, &left_out);
    times(s, width, "all kernels", "",
          (const char *const[6]){words_number(ms, sum), "", "", "", "", "100.0"});
    (void)snprintf(share, sizeof share, "%.1f", 100.0 * others);
    if (isfinite(others))
        times(s, width, "not convolution", "",
              (const char *const[6]){words_number(ms, others * sum), "", "", "", "", share});
    if (left_out)
        entry(s, "", 0, "-: no share of the peak. " WORDS_NO_SHARE);
}

/* "training step  11.45 ms (11.20 to 12.01), 8,734 images/s" */
static void time_of_images(struct str *s, const char *name, const struct clr_bench_spread *ms, int batch)
{
    char median[WORDS_NUMBER], min[WORDS_NUMBER], max[WORDS_NUMBER], images[WORDS_NUMBER];

    entry(s, name, WHOLE, "%s ms (%s to %s), %s images/s", words_number(median, ms->median),
          words_number(min, ms->min), words_number(max, ms->max),
          words_number(images, 1e3 * batch / ms->median));
}

static void whole(struct str *s, const struct clr_bench_report *r)
{
    char programs[STR_COUNT];
    const double kernels = sum_ms(r);
    char min[WORDS_NUMBER], max[WORDS_NUMBER];

    str_append(s, "\n");
    time_of_images(s, "training step", &r->step_ms, r->batch);
    if (clr_bench_is_busy(r))
        entry(s, "busy machine", WHOLE,
              "steps took from %s to %s ms: something else was running, and all times may be off; measure "
              "again "
              "on an idle machine",
              words_number(min, r->step_ms.min), words_number(max, r->step_ms.max));
    if (kernels > 0.0 && r->step_ms.median > MOST_STEPS * kernels)
        entry(
            s, "not in kernels", WHOLE,
            "%s ms of a step (%.0f %%): starting kernels, waiting, or other processes; of small batches on a "
            "fast device it is the first",
            words_number(min, r->step_ms.median - kernels), 100.0 * (1.0 - kernels / r->step_ms.median));
    time_of_images(s, "inference", &r->inference_ms, r->batch);
    entry(s, "warm start", WHOLE, "%.2f s (%.2f to %.2f) with the kernels that clr-cl saved",
          r->warm_start_s.median, r->warm_start_s.min, r->warm_start_s.max);
    if (r->stopped[0])
        entry(s, "stopped", WHOLE, "while it measured '%s': that and what comes after it are missing",
              r->stopped);
    if (r->first_start_s.count > 0) /* PoCL's cache knows programs by their text, which is new each time */
        entry(s, "first start", WHOLE, "%.2f s without them, %s compiled%s", r->first_start_s.median,
              str_count(programs, (uint64_t)r->programs_compiled, "program"),
              device_is_pocl(r->platform) ? "" : "; a driver's own cache may have helped");
    if (r->step_ms.count < MEASURE_LEAST)
        entry(s, "slow device", WHOLE,
              "samples: training step %d, inference %d, starts %d; otherwise %d or more", r->step_ms.count,
              r->inference_ms.count, r->warm_start_s.count, MEASURE_LEAST);
    if (r->device_memory_bytes > 0)
        entry(s, "device memory", WHOLE, "%.1f MB planned: activations, gradients, parameters; no images",
              (double)r->device_memory_bytes / 1e6);
    if (r->peak_memory_bytes > 0)
        entry(s, "process", WHOLE, "%.0f MB resident at most: program, driver, images%s",
              (double)r->peak_memory_bytes / 1e6,
              r->peak_memory_compiler ? ", and the OpenCL compiler: kernels were not compiled yet" : "");
    else
        entry(s, "process", WHOLE, "memory not known: it had worked on another device before");
}

static void checks(struct str *s, const struct clr_bench_report *r)
{
    const int width = widest(r);
    const size_t variant = (size_t)width + 39; /* columns before it */

    str_append(s, "\n%-*s  %-18s  %-6s  %-7s  %s\n", width, "LAYER", "KIND", "RESULT", "ERROR", "VARIANT");
    for (size_t i = 0; i < r->check_count; i++) {
        const struct clr_bench_check *c = &r->checks[i];
        str_append(s, "%-*s  %-18s  %-6s  %-*.1e%s", width, c->layer, c->kind, c->ok ? "OK" : "WRONG",
                   c->variant[0] ? 7 : 0, c->worst_nmse, c->variant[0] ? "  " : "");
        str_append_wrapped(s, c->variant, variant, variant);
        if (!c->ok)
            entry(s, "", 4, "%s", c->detail);
    }
    if (r->refused[0])
        entry(s, "", 0, "train refuses this device: %s", r->refused);
}

int clr_bench_table(char **text, const struct clr_bench_report *report, struct clr_error *err)
{
    struct str s = {0};
    int rc;

    head(&s, report);
    rows(&s, report);
    whole(&s, report);
    checks(&s, report);
    rc = str_check(&s, err);
    if (rc == 0)
        *text = s.text;
    else
        str_clear(&s);
    return rc;
}
