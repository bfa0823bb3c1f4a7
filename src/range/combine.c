/*
 * Range tests that differ in the seed, read as one. Each is read by itself, and medians are taken: a mean of
 * the curves would end with the first test that diverges, and smear a fall that is not at the same rate in
 * all of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/smooth.h"
#include "range/reading.h"

#define NORMAL_95 1.959963984540054  /* standard deviations */
#define HALF_PI   1.5707963267948966 /* the variance of a median, in that of a mean, is π/2 */

/* Of positive values the geometric mean of the two in the middle, where there are two; NaN: of none. */
static double median(double *v, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(v, n, sizeof *v, smooth_ascending);
    return n % 2 == 1 ? v[n / 2] : sqrt(v[n / 2 - 1] * v[n / 2]);
}

/* Finite values of the tests. */
struct values {
    double v[CLR_RANGE_TESTS];
    size_t n;
};

static void add(struct values *values, double v)
{
    if (isfinite(v))
        values->v[values->n++] = v;
}

/* The reason that most tests give for having no bounds; the first of equals. */
static enum clr_range_verdict common_verdict(const struct clr_range_result *tests, size_t count)
{
    size_t times[CLR_RANGE_VERDICTS] = {0};
    enum clr_range_verdict best = CLR_RANGE_READ;

    for (size_t i = 0; i < count; i++)
        times[tests[i].verdict]++;
    if (2 * times[CLR_RANGE_READ] <= count)
        times[CLR_RANGE_READ] = 0;
    for (size_t i = 0; i < count; i++)
        if (times[tests[i].verdict] > times[best])
            best = tests[i].verdict;
    return best;
}

static void combine_facts(struct clr_range_result *out, const struct clr_range_result *tests, size_t count)
{
    const double n = (double)count;
    struct values at = {.n = 0};
    double curves = 0.0;

    *out = (struct clr_range_result){.tests = (int)count,
                                     .iterations = tests[0].iterations,
                                     .points = tests[0].points,
                                     .classes = tests[0].classes,
                                     .images = tests[0].images};
    for (size_t i = 0; i < count; i++) {
        const struct clr_range_result *t = &tests[i];
        const bool curve = t->points > 0;
        out->iterations = t->iterations < out->iterations ? t->iterations : out->iterations;
        out->points = t->points < out->points ? t->points : out->points;
        out->images = t->images < out->images ? t->images : out->images;
        out->untrained += t->untrained / n;
        out->untrained_loss += t->untrained_loss / n;
        out->baseline += t->baseline / n;
        out->standard_error += t->standard_error / n;
        out->threshold += t->threshold / n;
        curves += curve;
        out->noise += curve ? t->noise : 0.0;
        out->top_accuracy += curve ? t->top_accuracy : 0.0;
        out->last_lr = fmax(out->last_lr, t->last_lr);
        add(&at, t->top_lr);
        if (t->diverged && (!out->diverged || t->diverged_lr < out->diverged_lr)) {
            out->diverged = true;
            out->diverged_lr = t->diverged_lr;
            out->diverged_at = t->diverged_at;
        }
    }
    out->top_lr = median(at.v, at.n);
    out->noise /= curves; /* NaN: there is none */
    out->top_accuracy /= curves;
}

/* Of two tests: what is in one of their intervals. Of more: their spread, or the interval of a median, see
 * reading.h. bounds: the upper ones, ascending. */
static void combine_intervals(struct clr_range_result *out, const struct clr_range_result *tests,
                              size_t count, const struct values *bounds)
{
    const double n = (double)bounds->n, least = bounds->v[0], most = bounds->v[bounds->n - 1];
    double low = INFINITY, high = 0.0, variance = 0.0, factor;

    for (size_t i = 0; i < count; i++) {
        double error;
        if (tests[i].verdict != CLR_RANGE_READ)
            continue;
        low = fmin(low, tests[i].max_lr_low);
        high = fmax(high, tests[i].max_lr_high);
        error = log(tests[i].max_lr_high / tests[i].max_lr_low) / (2.0 * NORMAL_95);
        variance += error * error;
    }
    factor = exp(NORMAL_95 * sqrt(HALF_PI * variance) / n);
    if (bounds->n < 3) {
        out->interval = CLR_RANGE_UNION;
    } else if (factor * factor <= most / least) {
        out->interval = CLR_RANGE_SPREAD;
        low = least;
        high = most;
    } else {
        out->interval = CLR_RANGE_COMBINED;
        low = fmax(low, out->max_lr / factor);
        high = fmin(high, out->max_lr * factor);
    }
    out->max_lr_low = low;
    out->max_lr_high = high;
    for (size_t i = 0; i < count && out->interval != CLR_RANGE_SPREAD; i++)
        out->low_cut = out->low_cut || (tests[i].low_cut && !(tests[i].max_lr_low < low));
}

static void combine_bounds(struct clr_range_result *out, const struct clr_range_result *tests, size_t count)
{
    struct values low = {.n = 0}, high = {.n = 0};
    size_t from_start = 0, fell = 0, halved = 0;

    for (size_t i = 0; i < count; i++) {
        if (tests[i].verdict != CLR_RANGE_READ)
            continue;
        add(&low, tests[i].learns_lr);
        add(&high, tests[i].max_lr);
        from_start += tests[i].from_start;
        fell += tests[i].fell || tests[i].diverged;
        halved += tests[i].halved;
        if (out->updates == 0 || tests[i].updates < out->updates)
            out->updates = tests[i].updates;
    }
    out->max_lr = median(high.v, high.n);
    out->learns_lr = median(low.v, low.n); /* each is below its maximum, so the medians are */
    out->has_range = true;
    range_choose_min(out);
    combine_intervals(out, tests, count, &high);
    out->from_start = 2 * from_start > low.n;
    out->fell = 2 * fell > high.n;
    out->halved = 2 * halved > high.n;
    (void)snprintf(out->explanation, sizeof out->explanation,
                   "the medians of the bounds and rules of %zu tests%s; their upper bounds lie between %.4g "
                   "and %.4g%s%s%s",
                   high.n, high.n < count ? ", the others having none" : "", high.v[0], high.v[high.n - 1],
                   out->fell ? "" : "; in most of them, the ", out->fell ? "" : clr_range_measure(out),
                   out->fell ? "" : " had not fallen at the end of the sweep");
}

static void explain_common(struct clr_range_result *out, const struct clr_range_result *tests, size_t count)
{
    const char *first = "";
    size_t same = 0;

    for (size_t i = 0; i < count; i++)
        if (tests[i].verdict == out->verdict && same++ == 0)
            first = tests[i].explanation;
    (void)snprintf(out->explanation, sizeof out->explanation, "%.400s (so in %zu of %zu tests)", first, same,
                   count);
}

void range_combine(struct clr_range_result *out, const struct clr_range_result *tests, size_t count)
{
    combine_facts(out, tests, count);
    out->verdict = common_verdict(tests, count);
    for (int r = 0; r < CLR_RANGE_RULES; r++) {
        struct values rules = {.n = 0};
        for (size_t i = 0; i < count; i++)
            add(&rules, tests[i].rules[r]);
        out->rules[r] = median(rules.v, rules.n);
    }
    (out->verdict == CLR_RANGE_READ ? combine_bounds : explain_common)(out, tests, count);
    range_find_doubt(out);
}

int clr_range_read(struct clr_range_result *result, const char *const *folders, size_t count,
                   struct clr_error *err)
{
    struct clr_range_result *tests = NULL;
    int rc = 0;

    if (count < 1 || count > CLR_RANGE_TESTS)
        return clr_error_set(err, CLR_EUSAGE, "%zu range tests cannot be read as one: 1 to %d can", count,
                             CLR_RANGE_TESTS);
    rc = mem_new(&tests, count, sizeof *tests, "range tests", err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct range_curve c = {0};
        rc = range_curve_read_facts(&c, folders[i], err);
        if (rc == 0)
            rc = range_curve_read(&c, folders[i], err);
        if (rc == 0)
            rc = range_read_test(&tests[i], &c, err);
        range_curve_clear(&c);
    }
    if (rc == 0 && count == 1)
        *result = tests[0];
    else if (rc == 0)
        range_combine(result, tests, count);
    free(tests);
    return rc;
}
