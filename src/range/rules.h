/*
 * Rules of the best-known tools for the same range test, on the training loss. Ours reads the accuracy
 * (reading.h). Pure arithmetic.
 *
 * As fastai (fastai/callback/schedule.py, LRFinder and its suggestion functions): the losses L are
 * exponential averages of those of the batches, m ← 0.98·m + 0.02·loss, L = m/(1 − 0.98^k); from the sweep's
 * tenth part on, without the last five.
 *
 *   minimum/10  a tenth of the rate at the lowest L
 *   steepest    the rate at which L falls most for a step of the rate's logarithm: argmin ΔL/Δlog(rate)
 *   valley      two thirds into the longest falling subsequence of L: with n its length and e its end, at
 *               e − n + ⌊n/3⌋ + ⌊n/6⌋, which are indices, not its members
 *   slide       from the end to the left, the last rate up to which the slope of L differs by more than
 *               0.005 from the slope 15 updates to the right: the interval slide of A. Chang (Novetta)
 */
#ifndef RANGE_RULES_H
#define RANGE_RULES_H

#include <stddef.h>

#include <clr/range.h>

/*
 * rates ascend, losses are finite: one of each for every update of a sweep. out: NaN where a rule gives
 * no rate, as of sweeps of fewer than 30 updates. CLR_ENOMEM.
 */
int rules_read(double out[CLR_RANGE_RULES], const double *rates, const double *losses, size_t count,
               struct clr_error *err);

#endif
