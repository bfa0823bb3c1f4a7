/* Smoothing and ordering of measured values. */
#ifndef BASE_SMOOTH_H
#define BASE_SMOOTH_H

#include <stddef.h>

/* Mean of v[i] and its neighbours: of three values, of two at the ends, of one where there is no other. */
double smooth_three(const double *v, size_t count, size_t i);

/* The median of v[i] and its neighbours; v[i] itself at the ends. */
double smooth_median(const double *v, size_t count, size_t i);

/* For qsort(): doubles, the smallest first. */
int smooth_ascending(const void *a, const void *b);

#endif
