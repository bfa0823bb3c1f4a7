/*
 * Curves that rise and then fall, fitted by least squares.
 *
 * Prefix isotonic regression: Q. F. Stout, "Unimodal regression via prefix isotonic regression",
 * Computational Statistics & Data Analysis 53 (2008); pooling of adjacent violators: M. Ayer et al., Annals
 * of Mathematical Statistics 26 (1955). Time is linear in the number of values. Pure arithmetic.
 */
#ifndef RANGE_UNIMODAL_H
#define RANGE_UNIMODAL_H

#include <stddef.h>

#include <clr/error.h>

/*
 * errors[k], k = 0 … count: sum of squared errors of the best curve that nowhere falls over the first k
 * values and nowhere rises over the rest. CLR_ENOMEM.
 */
int unimodal_errors(double *errors, const double *values, size_t count, struct clr_error *err);

/* fit: that curve's values for one k. CLR_ENOMEM. */
int unimodal_fit(double *fit, const double *values, size_t count, size_t k, struct clr_error *err);

#endif
