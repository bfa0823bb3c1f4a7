/* Reading a range test: see reading.h. */
#include "range/reading.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/smooth.h"
#include "base/str.h"
#include "range/rules.h"
#include "range/unimodal.h"

#define SIGNIFICANT 3.0  /* standard deviations */
#define LOSS_FELL   5.0  /* likewise, of losses, which are not normal; nine are compared */
#define MEASURED    4    /* fewest distances that a mean is taken of */
#define LEAST_FALL  1e-6 /* least noise of a fall of the loss: losses are single precision */

/* What is worked out on the way. */
struct reading {
    const struct range_curve *c;
    double *fit;        /* the best curve */
    double *difference; /* count + 1 values: (Sₖ − min S)/noise² */
    double good,
        fail; /* the last rate before the test failed, and that at which it did; INFINITY: it did not */
};

/* The accuracy of a net that has learned nothing; of a loss, its fall. */
static double chance_of(const struct range_curve *c)
{
    return c->untrained_loss > 0.0 ? 0.0 : 1.0 / c->classes;
}

const char *clr_range_measure(const struct clr_range_result *result)
{
    return result->untrained_loss > 0.0 ? "fall of the loss" : "accuracy";
}

/* Differences that are exceeded with a probability of 5 %, and of 1 %: see reading.h. */
static double likely(const struct range_curve *c)
{
    return 4.4 * log((double)c->count);
}

static double certain(const struct range_curve *c)
{
    return 16.0 + 2.5 * log((double)c->count);
}

const char *clr_range_verdict_name(enum clr_range_verdict verdict)
{
    static const char *const names[CLR_RANGE_VERDICTS] = {
        "read", "few images", "few points", "loss grew", "too short", "at chance", "falls", "flat", "narrow"};

    return (unsigned)verdict < CLR_RANGE_VERDICTS ? names[verdict] : "";
}

/* ---- noise ---- */

/* Distances of points from the mean of their neighbours, where all three are above `least`; how many. */
static size_t distances(double *out, const struct range_curve *c, double least)
{
    size_t n = 0;

    for (size_t i = 1; i + 1 < c->count; i++) {
        const double *a = c->accuracies + i;
        if (fmin(fmin(a[-1], a[0]), a[1]) >= least)
            out[n++] = fabs(a[0] - (a[-1] + a[1]) / 2.0);
    }
    return n;
}

/* The point where the mean of three neighbours is highest. */
static size_t highest(const struct range_curve *c)
{
    size_t top = 0;

    for (size_t i = 1; i < c->count; i++)
        if (smooth_mean(c->accuracies, c->count, i, 1) > smooth_mean(c->accuracies, c->count, top, 1))
            top = i;
    return top;
}

/* scratch: room for c->count values. */
static double noise_of(const struct range_curve *c, double baseline, double *scratch)
{
    const double of_mean = 1.2533141373155003 /* sqrt(π/2) */, of_median = 1.482602218505602;
    const double top = smooth_mean(c->accuracies, c->count, highest(c), 1);
    double at_top = 0.0, of_all;
    size_t n = distances(scratch, c, baseline + (top - baseline) / 2.0);

    for (size_t i = 0; i < n && n >= MEASURED; i++)
        at_top += scratch[i] * of_mean / (double)n;
    n = distances(scratch, c, -INFINITY);
    qsort(scratch, n, sizeof *scratch, smooth_ascending);
    of_all = n > 0 ? scratch[n / 2] * of_median : 0.0;
    return fmax(sqrt(2.0 / 3.0) * fmax(at_top, of_all),
                c->untrained_loss > 0.0 ? LEAST_FALL
                                        : fmax(sqrt(top * (1.0 - top) / c->images), 1.0 / c->images));
}

/* ---- upper bound ---- */

/* Differences from the smallest error, in the noise's variance; the k that has it. */
static size_t compare(struct reading *w, double noise)
{
    size_t best = 0;
    double least;

    for (size_t k = 1; k <= w->c->count; k++)
        if (w->difference[k] < w->difference[best])
            best = k;
    least = w->difference[best];
    for (size_t k = 0; k <= w->c->count; k++)
        w->difference[k] = (w->difference[k] - least) / (noise * noise);
    return best;
}

/* The part of the rates that point i stands for. */
static double width(const struct range_curve *c, size_t i)
{
    const size_t before = i > 0 ? i - 1 : i, after = i + 1 < c->count ? i + 1 : i;

    return (c->rates[after] - c->rates[before]) / (double)(after - before);
}

static void read_top(struct clr_range_result *r, const struct reading *w)
{
    const struct range_curve *c = w->c;
    const double limit = w->fail / 2.0;
    double mean = 0.0, sum = 0.0, top;
    size_t low = c->count, high = 0;

    for (size_t k = 0; k <= c->count; k++) {
        const size_t i = k > 0 ? k - 1 : 0;
        const double weight = exp(-w->difference[k] / 2.0) * width(c, i);
        sum += weight;
        mean += weight * log(fmax(c->rates[i], DBL_MIN));
        if (w->difference[k] > likely(c))
            continue;
        low = i < low ? i : low;
        high = k < c->count ? k : c->count - 1;
    }
    top = sum > 0.0 ? exp(mean / sum) : c->rates[low];
    r->halved = top > limit;
    r->max_lr = fmin(top, limit);
    r->max_lr_low = fmin(fmin(c->rates[low], w->good / 2.0), r->max_lr);
    r->max_lr_high = fmax(fmin(c->rates[high], limit), r->max_lr);
    r->low_cut = low == 0 && !(r->max_lr_low < c->rates[0]);
}

/* Between which rates the loss was no longer finite, or the fit back at chance, after the k-th point. */
static void find_failure(struct reading *w, size_t k, double noise)
{
    const struct range_curve *c = w->c;
    const double chance = chance_of(c), error = sqrt(chance * (1.0 - chance) / c->images);
    const double threshold = chance + SIGNIFICANT * hypot(error, noise);

    if (c->diverged) {
        w->fail = c->diverged_lr;
        w->good = fmin(c->rates[c->count - 1], w->fail);
    }
    for (size_t i = k; i < c->count; i++)
        if (w->fit[i] <= threshold && c->rates[i] <= w->fail) {
            w->fail = c->rates[i];
            w->good = c->rates[i > 0 ? i - 1 : 0];
            return;
        }
}

/* ---- did it learn? ---- */

/* Mean and its variance of n values. */
static double mean_of(const double *v, size_t n, double *variance)
{
    double sum = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += v[i];
    for (size_t i = 0; i < n; i++)
        squares += (v[i] - sum / (double)n) * (v[i] - sum / (double)n);
    *variance = squares / (double)(n - 1) / (double)n;
    return sum / (double)n;
}

/* By how much more than the noise, and than that part of itself, the mean of the n losses from `at` on is
 * above the mean of the first n; negative: below. 0: by no more. */
static double change(const struct range_curve *c, size_t at, size_t n, double part)
{
    double variance, other;
    const double before = mean_of(c->losses, n, &variance), by = mean_of(c->losses + at, n, &other) - before;

    return fabs(by) > LOSS_FELL * sqrt(variance + other) && fabs(by) > part * before ? by : 0.0;
}

/* Did the training loss fall anywhere in the test? Tenths of it are compared with the first; of fewer than
 * twenty updates that is not known, and they are too few to learn much. */
static bool loss_fell(const struct range_curve *c)
{
    const size_t n = c->updates / 10;

    if (c->updates == 0)
        return c->known.fell;
    for (size_t i = 1; i < 10 && n > 1; i++)
        if (change(c, i * n, n, 1e-3) < 0.0)
            return true;
    return n < 2;
}

/* Did the training loss end above where it began? */
static bool loss_grew(const struct range_curve *c)
{
    const size_t n = c->updates / 10;

    return c->updates == 0 ? c->known.grew : n > 1 && change(c, c->updates - n, n, 0.1) > 0.0;
}

/* Does the curve rise: is one that falls from the first point on excluded, or was the net at that point still
 * what it was, and better later by more than the noise of a point and of a mean of three? */
static bool rose(const struct clr_range_result *r, const struct reading *w)
{
    const double first = w->c->accuracies[0];

    return w->difference[0] > certain(w->c) ||
           (first <= r->threshold && r->top_accuracy - first > 2.0 * sqrt(4.0 / 3.0) * r->noise);
}

static enum clr_range_verdict judge(const struct clr_range_result *r, const struct reading *w)
{
    const struct range_curve *c = w->c;

    if (c->images < CLR_RANGE_IMAGES && !(c->untrained_loss > 0.0))
        return CLR_RANGE_FEW_IMAGES;
    if (c->count < CLR_RANGE_POINTS)
        return CLR_RANGE_FEW_POINTS;
    if (r->top_accuracy <= r->threshold)
        return c->diverged || loss_grew(c) ? CLR_RANGE_LOSS_GREW
               : loss_fell(c)              ? CLR_RANGE_TOO_SHORT
                                           : CLR_RANGE_AT_CHANCE;
    if (!rose(r, w))
        return r->fell ? CLR_RANGE_FALLS : CLR_RANGE_FLAT;
    return CLR_RANGE_READ;
}

/* ---- words ---- */

static void explain_reading(struct clr_range_result *r)
{
    const char *measure = clr_range_measure(r);
    char lower[192];

    if (r->quartered)
        (void)snprintf(lower, sizeof lower,
                       "a quarter of max, which is not well above %.4g, %s the %s exceeds", r->learns_lr,
                       r->from_start ? "the first rate, where" : "the last rate before", measure);
    else
        (void)snprintf(lower, sizeof lower, "%s the %s exceeds",
                       r->from_start ? "the first rate of the sweep, for at the next evaluation at the latest"
                                     : "the last rate before",
                       measure);
    (void)snprintf(r->explanation, sizeof r->explanation,
                   "min: %s %.2f %% (baseline %.2f %% and three times the noise); max: where the %s is "
                   "highest, by the best estimate%s%s (one %s has a noise of %.2f %%)",
                   lower, 100 * r->threshold, 100 * r->baseline, measure,
                   r->halved ? ", but at most half the rate at which the test failed" : "",
                   r->fell || r->diverged ? "" : "; it had not fallen at the end of the sweep", measure,
                   100 * r->noise);
}

static void explain(struct clr_range_result *r, const struct range_curve *c)
{
    static const char *const losses[CLR_RANGE_VERDICTS] = {
        [CLR_RANGE_LOSS_GREW] = "the training loss grew, and",
        [CLR_RANGE_TOO_SHORT] = "the training loss fell, but",
        [CLR_RANGE_AT_CHANCE] = "the training loss did not fall, and"};
    const char *measure = clr_range_measure(r);
    char count[STR_COUNT];

    switch (r->verdict) {
    case CLR_RANGE_READ:
        explain_reading(r);
        return;
    case CLR_RANGE_FEW_IMAGES:
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "the accuracy is that of %s, and has a standard error of up to %.0f %%: too "
                       "much to read bounds from",
                       str_count(count, (uint64_t)c->images, "image"), 100 * 0.5 / sqrt(c->images));
        return;
    case CLR_RANGE_FEW_POINTS:
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "the %s was measured %s%s: too few to read bounds from", measure,
                       str_count(count, c->count, "time"), c->diverged ? " before the loss diverged" : "");
        return;
    case CLR_RANGE_FALLS:
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "the %s is highest at the first rates of the sweep, and falls from there", measure);
        return;
    case CLR_RANGE_NARROW:
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "the net begins to learn at rate %.4g, and %s%s%s %.4g: no range lies between",
                       r->learns_lr, r->halved ? "half the rate at which the test failed is" : "the ",
                       r->halved ? "" : measure, r->halved ? "" : " is highest at", r->max_lr);
        return;
    case CLR_RANGE_FLAT:
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "the %s is the same at all rates%s, within its noise of %.2f %%", measure,
                       c->diverged ? " up to where the loss diverged" : "", 100 * r->noise);
        return;
    default:
        break;
    }
    (void)snprintf(
        r->explanation, sizeof r->explanation,
        "%s the %s, as a mean of three, %srose above %.2f %% (baseline %.2f %% and three times the "
        "noise)",
        c->diverged ? "the loss diverged before" : losses[r->verdict], measure, c->diverged ? "" : "never ",
        100 * r->threshold, 100 * r->baseline);
}

/* ---- one test ---- */

void range_choose_min(struct clr_range_result *r)
{
    r->quartered = !(r->learns_lr < r->max_lr / 3);
    r->min_lr = r->quartered ? r->max_lr / 4 : r->learns_lr;
}

void range_find_doubt(struct clr_range_result *r)
{
    r->doubt = CLR_RANGE_SURE;
    if (!r->has_range)
        return;
    if (!r->fell && !r->diverged && r->max_lr > 0.8 * r->last_lr)
        r->doubt = CLR_RANGE_OPEN;
    else if (r->updates > 0 && r->updates < CLR_RANGE_UPDATES)
        r->doubt = CLR_RANGE_FEW_UPDATES;
    else if (r->max_lr_high > RANGE_WIDE * r->max_lr_low)
        r->doubt = CLR_RANGE_WIDE;
}

/* Updates with rates up to that one; loss.csv may have a row for each, or for every so many. */
static uint64_t updates_below(const struct range_curve *c, double lr)
{
    size_t n = 0;

    if (c->updates == 0)
        return c->known.updates;
    while (n < c->updates && c->update_rates[n] <= lr)
        n++;
    return n > 0 && c->update_at ? (uint64_t)c->update_at[n - 1] : n;
}

static void read_bounds(struct clr_range_result *r, const struct reading *w)
{
    size_t first = 0;

    while (first + 1 < w->c->count && w->fit[first] <= r->threshold)
        first++;
    read_top(r, w);
    r->learns_lr = w->c->rates[first > 0 ? first - 1 : 0];
    r->has_range = r->learns_lr < r->max_lr;
    r->from_start = first <= 1;
    r->updates = updates_below(w->c, r->max_lr);
    if (r->has_range)
        range_choose_min(r);
    else
        r->verdict = CLR_RANGE_NARROW;
}

static int fit_curve(struct clr_range_result *r, struct reading *w, double *scratch, struct clr_error *err)
{
    const struct range_curve *c = w->c;
    size_t best;
    int rc = unimodal_errors(w->difference, c->accuracies, c->count, err);

    if (rc < 0)
        return rc;
    r->top_accuracy = smooth_mean(c->accuracies, c->count, highest(c), 1);
    r->top_lr = c->rates[highest(c)];
    r->noise = noise_of(c, r->baseline, scratch);
    r->threshold = r->baseline + SIGNIFICANT * hypot(r->standard_error, r->noise);
    best = compare(w, r->noise);
    r->fell = w->difference[c->count] > certain(c);
    rc = unimodal_fit(w->fit, c->accuracies, c->count, best, err);
    if (rc == 0)
        find_failure(w, best, r->noise);
    return rc;
}

int range_read_test(struct clr_range_result *r, const struct range_curve *c, struct clr_error *err)
{
    const double chance = chance_of(c);
    struct reading w = {.c = c, .good = INFINITY, .fail = INFINITY};
    double *room = NULL;
    int rc = mem_new(&room, c->count + 1, 3 * sizeof *room, "a curve", err);

    if (rc < 0)
        return rc;
    w.fit = room;
    w.difference = room + (c->count + 1);
    *r = (struct clr_range_result){.tests = 1,
                                   .iterations = c->iterations,
                                   .points = c->count,
                                   .classes = c->classes,
                                   .images = c->images,
                                   .untrained = c->untrained,
                                   .untrained_loss = c->untrained_loss,
                                   .last_lr = c->count > 0 ? c->rates[c->count - 1] : 0.0,
                                   .diverged = c->diverged,
                                   .diverged_at = c->diverged_at,
                                   .diverged_lr = c->diverged_lr,
                                   .baseline = fmax(c->untrained, chance),
                                   .noise = NAN,
                                   .top_accuracy = NAN,
                                   .top_lr = NAN};
    r->standard_error = sqrt(r->baseline * (1.0 - r->baseline) / c->images);
    r->threshold = r->baseline + SIGNIFICANT * r->standard_error;
    if (c->count > 0)
        rc = fit_curve(r, &w, room + 2 * (c->count + 1), err);
    if (rc == 0) {
        r->verdict = judge(r, &w);
        if (r->verdict == CLR_RANGE_READ)
            read_bounds(r, &w);
        range_find_doubt(r);
        explain(r, c);
    }
    free(room);
    if (rc == 0)
        rc = rules_read(r->rules, c->update_rates, c->losses, c->updates, err);
    if (rc == 0 && c->updates == 0 && c->known.known)
        memcpy(r->rules, c->known.rules, sizeof r->rules);
    return rc;
}
