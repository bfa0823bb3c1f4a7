/* Smoothing and ordering of measured values. */
#ifndef BASE_SMOOTH_H
#define BASE_SMOOTH_H

#include <stddef.h>

/* Mean of v[i] and its neighbours, up to `half` on each side; of fewer at the ends. */
double smooth_mean(const double *v, size_t count, size_t i, size_t half);

/* The median of v[i] and its neighbours; v[i] itself at the ends. */
double smooth_median(const double *v, size_t count, size_t i);

/* For qsort(): doubles, the smallest first. */
int smooth_ascending(const void *a, const void *b);

#endif
