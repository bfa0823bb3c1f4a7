/*
 * Reading a range test as the paper does (L. N. Smith, arXiv:1506.01186, section 3.3): the lower bound where
 * the net starts to learn, the upper one where the accuracy stops rising and falls. Pure arithmetic.
 *
 * An accuracy of n images has the standard error sqrt(p(1 − p)/n). From one evaluation to the next it also
 * varies because the weights do, by several times as much where the rate is high. So the noise of a point is
 * taken from the curve itself: with e = aᵢ − (aᵢ₋₁ + aᵢ₊₁)/2, whose standard deviation is sqrt(3/2) times
 * that of a point, it is the largest of
 *   sqrt(π/2) · mean|e|  of the points that have, with both neighbours, more than half of the curve's height,
 *                        where there are at least four
 *   1.4826 · median|e|   of all points
 *   the standard error, and one image.
 *
 * Upper bound. For each k, a curve that rises over the first k points and falls over the rest is fitted by
 * least squares (unimodal.h), with the squared error Sₖ. Its likelihood is exp(−Sₖ/(2·noise²)). The bound is
 * the mean of log(rate of point k), the last one of the rise (0 counts as the first), weighted by the
 * likelihood and by the distance to the neighbouring rates: so linear and logarithmic sweeps agree, a dip
 * within the noise ends nothing, and a plateau gives a rate inside.
 *
 * Its interval has all k with Sₖ − min S ≤ 4.4·ln(n)·noise², n points: 95 %. The curve "fell" where that
 * difference is above (16 + 2.5·ln(n))·noise² for k = n, and "rose" where it is for k = 0: 99 %. (Simulated
 * for constant curves with normal noise, measured on them as above: there the difference is largest. 95 % and
 * 99 % are at 8.0 and 20.8 of 6 points, 9.9 and 20.2 of 10, 15.6 and 23.0 of 40, 25.4 and 32.4 of 400; 20,000
 * curves each, of 400 points 4,000.)
 * It also rose where the first point is not above the threshold below, and the mean of three neighbours gets
 * higher than it by 2·noise·sqrt(4/3), its 95 %: few and noisy points exclude no other curve, but it is known
 * that the net was untrained.
 *
 * The bound is at most half the rate at which the test failed, that is, at which the loss was no longer
 * finite, or the best fit back at chance, 1/classes + 3 · hypot(its standard error, noise): a sweep spends a
 * few updates at a rate that a run will spend hundreds at, and at the edge of stability one unlucky batch is
 * enough. (lenet on Fashion-MNIST: a sweep fell at 0.138 and diverged at 0.171; runs up to 0.16 diverged, up
 * to 0.08 none did.) The rate of failure lies between the last point before it and itself, and the interval
 * is cut accordingly.
 *
 * Lower bound. The net begins to learn at the last rate before the best fit exceeds the threshold, baseline
 * + 3 · hypot(standard error, noise), with baseline = max(1/classes, untrained); no range where that is not
 * below the upper bound. Where it is below a third of it, it is the lower bound, else a quarter of the upper
 * one is (the paper, section 3.3: a third or a fourth).
 * The net has learned where the mean of three neighbouring points exceeds the threshold.
 *
 * Bounds are in doubt, and a longer test is needed, where fewer than CLR_RANGE_UPDATES updates came with
 * rates up to the upper one: with the usual momentum of 0.9 an update acts over ten, so that before twice
 * as many the weights have not yet followed the rates that are judged, and each evaluation comes after
 * rates that differ by a large part of the range. As a test gets longer the lower bound falls, for more
 * updates come at each rate: lenet on Fashion-MNIST, linearly from 0.001 to 0.5, has min 0.027 after 20
 * iterations (4 updates up to max), and 0.001 after 400 (65 up to max). They are also in doubt where the
 * interval of the upper bound is wider than a factor of RANGE_WIDE, and where the accuracy was highest at
 * the last rates.
 *
 * Several tests (combine.c): medians. Of two, the interval has all that is in one of theirs: two estimates
 * that agree by chance take nothing from the doubt of each. Of more it is the spread of their upper bounds,
 * or, where that is wider, the 95 % interval of a median of n estimates, log(max) ± 1.96·sqrt(π/2)·
 * sqrt(Σs²)/n, with s the part 1/3.92 of each test's own interval on the scale of logarithms.
 *
 * A net without accuracy is read by the fall of its loss, 1 − loss/untrained loss, at least 0, in place of
 * the accuracy: chance and the standard error are 0, and the noise is that of the curve alone.
 *
 * The training loss "fell" where the mean of a tenth of the updates is below that of the first tenth by five
 * standard deviations of the difference, and by 0.1 %.
 */
#ifndef RANGE_READING_H
#define RANGE_READING_H

#include "range/curve.h"

#define RANGE_WIDE 10 /* times: an interval that says little */

/* One test: what clr_range_read() does for each folder. CLR_ENOMEM. */
int range_read_test(struct clr_range_result *r, const struct range_curve *c, struct clr_error *err);

/* The doubt, of all else. */
void range_find_doubt(struct clr_range_result *r);

/* min_lr and quartered, of learns_lr and max_lr. */
void range_choose_min(struct clr_range_result *r);

/* Several tests, count ≥ 1, as one: medians. */
void range_combine(struct clr_range_result *out, const struct clr_range_result *tests, size_t count);

#endif
