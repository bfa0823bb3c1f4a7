/* Smoothing, ordering and spread of measured values. */
#ifndef BASE_SMOOTH_H
#define BASE_SMOOTH_H

#include <stddef.h>

/* Mean of v[i] and its neighbours, up to `half` on each side; of fewer at the ends. */
double smooth_mean(const double *v, size_t count, size_t i, size_t half);

/* The median of v[i] and its neighbours; v[i] itself at the ends. */
double smooth_median(const double *v, size_t count, size_t i);

/* Mean and sample standard deviation, in two passes: no cancellation. A deviation of fewer than two values,
 * and a mean of none, are NaN. */
struct smooth_moments {
    double mean, deviation;
};
struct smooth_moments smooth_moments(const double *v, size_t count);

/* For qsort(): doubles, the smallest first. */
int smooth_ascending(const void *a, const void *b);

#endif
