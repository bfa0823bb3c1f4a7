/*
 * Reading a range test as the paper does (L. N. Smith, arXiv:1506.01186, section 3.3): the lower bound where
 * the net starts to learn, the upper one where accuracy stops rising and falls. Pure arithmetic on the curve.
 */
#ifndef TRAIN_SUGGEST_H
#define TRAIN_SUGGEST_H

#include <clr/train.h>

struct range_curve {
    const double *rates, *accuracies; /* rising rates */
    size_t count;
    double untrained; /* accuracy before the first update */
    int classes;
    int images;         /* evaluated */
    bool diverged;      /* the curve ends because the loss was no longer finite … */
    double diverged_lr; /* … at this rate */
};

/*
 * baseline = max(1/classes, untrained), standard error = sqrt(baseline·(1 − baseline)/images).
 * min: the last rate before the accuracy exceeds baseline + 3 standard errors and stays above, up to the
 * curve's top. max: with the curve smoothed over three points (two at its ends), the rate of the highest
 * point before it first falls by more than 0.01 below it, or of its highest point where it ends by divergence
 * without such a fall; in both cases at most half the rate of a divergence: a sweep spends a few updates at a
 * rate that a run will spend hundreds at, and at the edge of stability one unlucky batch is enough. (lenet on
 * Fashion-MNIST: a sweep fell at 0.138 and diverged at 0.171; runs up to 0.16 diverged, up to 0.08 none did.)
 * Fills baseline, standard_error, has_min … top_accuracy, top_lr, explanation of *r.
 */
void suggest_range(struct clr_range_result *r, const struct range_curve *c);

#endif
