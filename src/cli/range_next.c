/* The range test that comes next: see range_next.h. */
#include "cli/range_next.h"

#include <math.h>

#define HIGH   1.0  /* a rate that is too high for most nets */
#define LOW    1e-2 /* lower ones are too low for many */
#define LONGER 4    /* times as long is the next test where this one was too short … */
#define ENOUGH 2    /* … or as long as gives so many times the updates that bounds need */
#define SHORT  100  /* iterations of a test that has to be longer before anything else */
#define SEEDS  3    /* tests whose medians are the next bounds */
#define FEW    5    /* evaluations: the rate at which the accuracy is highest lies somewhere between them */

/* The part of the updates that come with rates up to lr. */
static double part_up_to(const struct range_sweep *s, double lr)
{
    const double part = s->log ? log(lr / s->min_lr) / log(s->max_lr / s->min_lr)
                               : (lr - s->min_lr) / (s->max_lr - s->min_lr);

    return fmin(fmax(part, 0.0), 1.0);
}

/* Does the upper bound's interval have few evaluations? Then it is wide whatever the seed is. */
static bool is_gap(const struct range_sweep *s, const struct clr_range_result *r)
{
    const double every = (double)(s->validate_every > 0 ? s->validate_every : s->iterations);

    return (part_up_to(s, r->max_lr_high) - part_up_to(s, r->max_lr_low)) * (double)s->iterations <
           FEW * every;
}

static void begin_lower(struct range_next *n, double max_lr)
{
    n->sweep.min_lr /= 100;
    n->sweep.max_lr = max_lr;
    n->sweep.log = true;
    n->suffix = "lower";
    n->advice = "Begin lower.";
}

/* The last rate is ten times that of this test, if the option takes it. */
static void end_higher(struct range_next *n)
{
    n->sweep.max_lr = fmax(10 * fmin(n->sweep.max_lr, RANGE_NEXT_RATES / 10), HIGH);
    n->sweep.log = true;
    n->suffix = "higher";
    n->advice = "End higher.";
}

/* Rates at which little was learned are omitted, but for the last power of ten. */
static void begin_higher(struct range_next *n)
{
    n->sweep.min_lr = fmax(n->sweep.min_lr, n->sweep.max_lr / 10);
    end_higher(n);
    n->advice = "Begin and end higher.";
}

static void be_longer(struct range_next *n)
{
    n->sweep.iterations *= LONGER;
    n->suffix = "longer";
    n->advice = "Let the rate rise more slowly: use more --iterations.";
}

/* The first evaluation of a linear sweep comes after a large part of the rates. */
static void become_log(struct range_next *n, uint64_t epoch)
{
    n->sweep.log = true;
    n->sweep.iterations = n->sweep.iterations > epoch ? n->sweep.iterations : epoch;
    n->suffix = "log";
    n->advice = "The low rates passed too fast: repeat the test with --sweep log.";
}

static void repeat(struct range_next *n, double max_lr)
{
    n->sweep.max_lr = max_lr;
    n->sweep.seeds = SEEDS;
    n->suffix = "seeds";
    n->advice = "Repeat the test with other seeds (--seeds).";
}

static void measure_more(struct range_next *n, uint64_t points)
{
    const uint64_t want = points < RANGE_NEXT_POINTS ? RANGE_NEXT_POINTS : LONGER * points;

    if (n->sweep.iterations < 2 * want) {
        be_longer(n);
    } else {
        n->suffix = "more-often";
        n->advice = "Measure more often.";
    }
    n->sweep.validate_every = n->sweep.iterations / want;
}

/* So long that enough updates come with rates up to lr; two digits. */
static void be_long_enough(struct range_next *n, double lr)
{
    const double want = ENOUGH * CLR_RANGE_UPDATES / part_up_to(&n->sweep, lr),
                 unit = pow(10.0, floor(log10(want)) - 1.0);

    if ((double)n->sweep.iterations < want)
        n->sweep.iterations = (uint64_t)(ceil(want / unit) * unit);
}

/* The upper bound is uncertain, or at the lower one: there are more updates and evaluations around it. */
static void look_closer(struct range_next *n, const struct range_sweep *done,
                        const struct clr_range_result *r, uint64_t epoch)
{
    struct range_sweep *s = &n->sweep;

    if (!(r->max_lr > 0.0)) { /* of several tests, none */
        be_longer(n);
        return;
    }
    s->max_lr = fmin(s->max_lr, 10 * r->max_lr_high);
    if (!s->log && part_up_to(s, r->max_lr) < (double)FEW / RANGE_NEXT_POINTS)
        become_log(n, epoch);
    else if (r->doubt == CLR_RANGE_WIDE && is_gap(done, r))
        measure_more(n, r->points);
    else
        be_longer(n);
    if (s->log)
        s->min_lr = fmin(s->min_lr, r->max_lr / 100);
    be_long_enough(n, r->max_lr);
}

/* Nothing was learned: there are rates that may be better, or more iterations over all of them. */
static void leave_chance(struct range_next *n)
{
    if (n->sweep.max_lr < LOW) {
        begin_higher(n);
    } else if (n->sweep.min_lr > LOW / 100) {
        begin_lower(n, fmax(n->sweep.max_lr, HIGH));
        n->advice = "Begin lower, and end at 1 or higher.";
    } else {
        be_longer(n);
        n->sweep.log = true;
    }
}

/* The loss grew, or was no longer finite, too early: there are lower rates, or more iterations at these. */
static void diverge_later(struct range_next *n, uint64_t epoch)
{
    if (n->sweep.max_lr < 100 * n->sweep.min_lr)
        begin_lower(n, n->sweep.max_lr);
    else if (!n->sweep.log)
        become_log(n, epoch);
    else
        be_longer(n);
}

/* The loss fell, but not far enough. */
static void learn_more(struct range_next *n, bool diverged)
{
    if (n->sweep.max_lr < HIGH && !diverged && n->sweep.iterations >= SHORT) {
        begin_higher(n);
        return;
    }
    be_longer(n);
    n->sweep.log = n->sweep.log || n->sweep.max_lr >= HIGH || diverged;
}

static void hold_out_more(struct range_next *n, int images)
{
    /* Enough for an accuracy within one percent, a fifth of all where there are not as many. */
    n->sweep.validation = images / 5 < 2500 ? images / 5 : 2500;
    n->suffix = n->sweep.validation < CLR_RANGE_IMAGES ? NULL : "more-images";
    n->advice = n->suffix ? "Hold out more images."
                          : "Too few images can be evaluated: this data set has too few to hold them out.";
}

bool range_next_find(struct range_next *n, const struct range_sweep *done, const struct clr_range_result *r,
                     int images, uint64_t epoch)
{
    *n = (struct range_next){.sweep = *done, .advice = ""};
    n->sweep.validate_every = 0;
    if (r->diverged && r->diverged_at == 1) {
        n->advice =
            "The first loss was not finite, before any update, so no range of rates helps: the initial "
            "weights or the net's inputs are too large.";
        return false;
    }
    if (r->diverged && r->verdict != CLR_RANGE_FEW_IMAGES)
        n->sweep.max_lr = r->diverged_lr;
    switch (r->verdict) {
    case CLR_RANGE_READ:
        if (r->doubt == CLR_RANGE_OPEN)
            end_higher(n);
        else if (r->doubt == CLR_RANGE_WIDE && done->seeds == 1 && !is_gap(done, r))
            repeat(n, done->max_lr);
        else if (r->doubt != CLR_RANGE_SURE)
            look_closer(n, done, r, epoch);
        break;
    case CLR_RANGE_FEW_IMAGES:
        hold_out_more(n, images);
        break;
    case CLR_RANGE_FEW_POINTS:
        if (r->diverged)
            diverge_later(n, epoch);
        else
            measure_more(n, r->points);
        break;
    case CLR_RANGE_LOSS_GREW:
        diverge_later(n, epoch);
        break;
    case CLR_RANGE_TOO_SHORT:
        learn_more(n, r->diverged);
        break;
    case CLR_RANGE_AT_CHANCE:
        leave_chance(n);
        break;
    case CLR_RANGE_NARROW:
        look_closer(n, done, r, epoch);
        break;
    case CLR_RANGE_FALLS:
        begin_lower(n, n->sweep.max_lr);
        break;
    case CLR_RANGE_FLAT:
        begin_lower(n, r->diverged ? r->diverged_lr : 10 * fmin(done->max_lr, RANGE_NEXT_RATES / 10));
        if (!r->diverged)
            n->advice = "Begin lower and end higher.";
        break;
    case CLR_RANGE_VERDICTS:
        break;
    }
    return n->suffix != NULL;
}
