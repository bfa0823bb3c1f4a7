/* Reading a range test: see suggest.h. */
#include "train/suggest.h"

#include <math.h>
#include <stdio.h>

#include "base/smooth.h"

#define FALL 0.01 /* accuracy: one point */

static double smoothed(const struct range_curve *c, size_t i)
{
    return smooth_three(c->accuracies, c->count, i);
}

/* First point from which the accuracy stays above the threshold up to point `top`; top + 1: none. */
static size_t first_above(const struct range_curve *c, double threshold, size_t top)
{
    size_t first = top + 1;

    while (first > 0 && c->accuracies[first - 1] > threshold)
        first--;
    return first;
}

/* The highest smoothed point before the first fall; *fell says whether there was one. Only what lies above
 * the threshold counts: noise at chance level is no fall. */
static size_t find_top(const struct range_curve *c, double threshold, bool *fell)
{
    size_t top = 0;

    *fell = false;
    for (size_t i = 1; i < c->count && !*fell; i++) {
        if (smoothed(c, i) > smoothed(c, top))
            top = i;
        else
            *fell = smoothed(c, top) > threshold && smoothed(c, i) < smoothed(c, top) - FALL;
    }
    return top;
}

void suggest_range(struct clr_range_result *r, const struct range_curve *c)
{
    const double chance = 1.0 / c->classes;
    double threshold;
    char lower[256];
    bool fell;
    size_t top, first;

    r->baseline = c->untrained > chance ? c->untrained : chance;
    r->standard_error = sqrt(r->baseline * (1.0 - r->baseline) / c->images);
    r->has_min = r->has_max = false;
    r->top_accuracy = r->top_lr = NAN;
    for (size_t i = 0; i < c->count; i++) {
        if (!(smoothed(c, i) <= r->top_accuracy)) {
            r->top_accuracy = smoothed(c, i);
            r->top_lr = c->rates[i];
        }
    }
    threshold = r->baseline + 3.0 * r->standard_error;
    if (c->count == 0) {
        (void)snprintf(r->explanation, sizeof r->explanation,
                       "nothing was measured before the loss diverged");
        return;
    }
    top = find_top(c, threshold, &fell);
    first = first_above(c, threshold, top);
    if (first > top) {
        (void)snprintf(
            r->explanation, sizeof r->explanation,
            "the accuracy never rose above %.2f %% (baseline %.2f %% + 3 standard errors) and stayed there",
            100 * threshold, 100 * r->baseline);
        return;
    }
    r->has_min = true;
    r->min_lr = c->rates[first > 0 ? first - 1 : 0];
    r->has_max = fell || c->diverged;
    if (r->has_max)
        r->max_lr = c->diverged ? fmin(c->rates[top], c->diverged_lr / 2) : c->rates[top];
    if (r->has_max && r->min_lr > r->max_lr)
        r->has_min = false;
    if (r->has_min)
        (void)snprintf(
            lower, sizeof lower,
            "%s the accuracy exceeds %.2f %% (baseline %.2f %% + 3 standard errors) and stays above%s",
            first > 0 ? "the last rate before" : "already at the first rate measured,", 100 * threshold,
            100 * r->baseline, first > 0 ? "" : " (the sweep starts too high to see where learning begins)");
    (void)snprintf(r->explanation, sizeof r->explanation, "min: %s; max: %s%s",
                   r->has_min ? lower : "none, the net begins to learn above the upper bound",
                   fell ? "the top of the curve, smoothed over three points, before it first falls by more "
                          "than one point"
                   : c->diverged ? "the top of the curve"
                                 : "not found, the curve does not fall up to the end of the sweep",
                   c->diverged ? ", but at most half the rate at which the loss diverged" : "");
}
