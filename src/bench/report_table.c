/* What `clr-cl bench` prints about a device: see clr/bench.h. */
#include <clr/bench.h>

#include <math.h>

#include "base/str.h"
#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/words.h"

#define BUSY       2.0 /* times the fastest step: slower ones were disturbed */
#define MOST_STEPS 2.0 /* times its kernels: of a longer step most is in none of them */

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

/* "210.5", "0.0372" */
static const char *rate(char out[32], double v)
{
    (void)snprintf(out, 32, v >= 1.0 ? "%.1f" : "%.3g", v);
    return out;
}

static void limits(struct str *s, const struct clr_bench_report *r)
{
    const struct clr_bench_spread *p = &r->peak_gflops, *b = &r->bandwidth_gb;
    char one[32], min[32], max[32];

    str_append(s,
               "peak        %s GFLOP/s (%s to %s), measured: fused multiply-adds on vectors of %d floats\n",
               rate(one, p->max), rate(min, p->min), rate(max, p->max), r->float_width);
    str_append(s, "bandwidth   %s GB/s (%s to %s), triad over three arrays of %.0f MB\n\n",
               rate(one, b->median), rate(min, b->min), rate(max, b->max), (double)r->triad_bytes / 1e6);
}

static void head(struct str *s, const struct clr_bench_report *r)
{
    char tuned[WORDS_TUNED];

    str_append(s, "device      %s (%s, %d units), %s, driver %s\n", r->device, r->type, r->compute_units,
               r->platform, r->driver);
    if (r->host_cpu[0] || r->host_os[0])
        str_append(s, "host        %s%s%s\n", r->host_cpu, r->host_cpu[0] && r->host_os[0] ? ", " : "",
                   r->host_os);
    str_append(s, "net         %s, batch %d of %dx%dx%d, %s\n", r->net, r->batch, r->input.channels,
               r->input.height, r->input.width, r->data);
    str_append(s, "program     clr-cl %s (%s), kernels with %s\n", r->program, r->git_id, r->kernel_options);
    if (r->tuned_layers >= 0)
        str_append(s, "tuning      %s: what 'clr-cl tune' found, where it is not the program's own choice\n",
                   words_tuned(tuned, r));
    for (size_t i = 0; i < r->replaced_count; i++) {
        char text[WORDS_REPLACED];
        str_append(s, "replaced    %s\n", words_replaced(text, &r->replaced[i]));
    }
    limits(s, r);
}

static void row(struct str *s, const struct clr_bench_report *r, const struct clr_bench_row *row, int width,
                double sum, bool *left_out)
{
    str_append(s, "%-*s  %-18s  %8.3f  %8.3f  %8.3f  ", width, row->layer, clr_bench_pass_name(row->pass),
               row->ms.median, row->ms.min, row->ms.max);
    if (row->gflop > 0.0 && row->ms.median > 0.0) {
        str_append(s, "%8.1f  ", row->gflop / row->ms.median * 1e3);
        if (peak_is_left_out(r, row))
            str_append(s, "%7s  ", "-");
        else
            str_append(s, "%5.1f %%  ", 100.0 * peak_share(r, row));
        *left_out = *left_out || peak_is_left_out(r, row);
    } else {
        str_append(s, "%8s  %7s  ", "", "");
    }
    str_append(s, "%5.1f %%\n", sum > 0.0 ? 100.0 * row->ms.median / sum : 0.0);
}

static void rows(struct str *s, const struct clr_bench_report *r)
{
    const double sum = sum_ms(r), others = clr_bench_not_convolution(r);
    const int width = widest(r);
    bool left_out = false;

    if (r->row_count == 0) {
        str_append(s, "layers: not measured, because this driver's kernel times are unusable\n");
        return;
    }
    str_append(s, "%-*s  %-18s  %8s  %8s  %8s  %8s  %7s  %7s\n", width, "LAYER", "PASS", "ms", "MIN", "MAX",
               "GFLOP/s", "OF PEAK", "SHARE");
    for (size_t i = 0; i < r->row_count; i++)
        row(s, r, &r->rows[i], width, sum, &left_out);
    str_append(s, "%-*s  %-18s  %8.3f  %8s  %8s  %8s  %7s  %5.1f %%\n", width, "all kernels", "", sum, "", "",
               "", "", 100.0);
    if (isfinite(others))
        str_append(s, "%-*s  %-18s  %8.3f  %8s  %8s  %8s  %7s  %5.1f %%\n", width, "not convolution", "",
                   others * sum, "", "", "", "", 100.0 * others);
    if (left_out)
        str_append(s, "-: no share of the peak. %s\n", WORDS_NO_SHARE);
}

/* "training step  11.45 ms (11.20 to 12.01), 8,734 images/s" */
static void time_of_images(struct str *s, const char *name, const struct clr_bench_spread *ms, int batch)
{
    char median[WORDS_NUMBER], min[WORDS_NUMBER], max[WORDS_NUMBER], images[WORDS_NUMBER];

    str_append(s, "%-13s  %s ms (%s to %s), %s images/s\n", name, words_number(median, ms->median),
               words_number(min, ms->min), words_number(max, ms->max),
               words_number(images, 1e3 * batch / ms->median));
}

static void whole(struct str *s, const struct clr_bench_report *r)
{
    const double kernels = sum_ms(r);
    char min[WORDS_NUMBER], max[WORDS_NUMBER];

    str_append(s, "\n");
    time_of_images(s, "training step", &r->step_ms, r->batch);
    if (clr_bench_is_busy(r))
        str_append(s,
                   "busy machine   steps took from %s to %s ms: something else was running, and all\n"
                   "               times may be off; measure again on an idle machine\n",
                   words_number(min, r->step_ms.min), words_number(max, r->step_ms.max));
    if (kernels > 0.0 && r->step_ms.median > MOST_STEPS * kernels)
        str_append(s,
                   "not in kernels %s ms of a step (%.0f %%): starting kernels, waiting, or other\n"
                   "               processes; of small batches on a fast device it is the first\n",
                   words_number(min, r->step_ms.median - kernels),
                   100.0 * (1.0 - kernels / r->step_ms.median));
    time_of_images(s, "inference", &r->inference_ms, r->batch);
    str_append(s,
               "warm start     %.2f s (%.2f to %.2f) to the end of the first step, with the kernels that "
               "clr-cl keeps\n",
               r->warm_start_s.median, r->warm_start_s.min, r->warm_start_s.max);
    str_append(
        s, "first start    %.2f s without them, %d programs compiled; a driver's own cache may have helped\n",
        r->first_start_s.median, r->programs_compiled);
    if (r->step_ms.count < MEASURE_LEAST)
        str_append(s,
                   "slow device    %d samples of a training step, %d of inference, %d starts; otherwise %d "
                   "or more\n",
                   r->step_ms.count, r->inference_ms.count, r->warm_start_s.count, MEASURE_LEAST);
    if (r->device_memory_bytes > 0)
        str_append(s, "device memory  %.1f MB planned: activations, gradients, parameters; without images\n",
                   (double)r->device_memory_bytes / 1e6);
    if (r->peak_memory_bytes > 0)
        str_append(s, "process        %.0f MB resident at most: program, driver, images%s\n",
                   (double)r->peak_memory_bytes / 1e6,
                   r->peak_memory_compiler ? ", and the OpenCL compiler: kernels were not compiled yet" : "");
    else
        str_append(s, "process        memory not known: it had worked on another device before\n");
}

static void checks(struct str *s, const struct clr_bench_report *r)
{
    const int width = widest(r);

    str_append(s, "\n%-*s  %-18s  %-7s  %-8s  %s\n", width, "LAYER", "KIND", "RESULT", "ERROR", "VARIANT");
    for (size_t i = 0; i < r->check_count; i++) {
        const struct clr_bench_check *c = &r->checks[i];
        str_append(s, "%-*s  %-18s  %-7s  %.1e%s%s\n", width, c->layer, c->kind, c->ok ? "OK" : "WRONG",
                   c->worst_nmse, c->variant[0] ? "   " : "", c->variant);
        if (!c->ok)
            str_append(s, "    %s\n", c->detail);
    }
    if (r->refused[0])
        str_append(s, "train refuses this device: %s\n", r->refused);
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
