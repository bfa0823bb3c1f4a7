/* Smoothing of measured curves. */
#ifndef BASE_SMOOTH_H
#define BASE_SMOOTH_H

#include <stddef.h>

/* Mean of v[i] and its neighbours: of three values, of two at the ends, of one where there is no other. */
double smooth_three(const double *v, size_t count, size_t i);

#endif
