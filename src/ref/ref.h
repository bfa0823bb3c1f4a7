/*
 * Oracles: every layer forward and backward, and the loss, in double precision, as slow and as
 * plain as the formulas. No OpenCL. All arrays are contiguous, logical order (N,C,H,W) / (O,I/G,KH,KW).
 * Outputs are written, never added to. NULL outputs are skipped.
 */
#ifndef REF_REF_H
#define REF_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/geometry.h"

void ref_conv_forward(double *y, const double *x, const double *w, const double *b, int n,
                      const struct conv_geometry *g);
void ref_conv_backward(double *dx, double *dw, double *db, const double *x, const double *w, const double *dy,
                       int n, const struct conv_geometry *g);

/* arg (N,C,OH,OW): index h·W + w into the image of each maximum (first in scan order), or NULL. */
void ref_pool_forward(double *y, int *arg, const double *x, int n, const struct pool_geometry *g);
void ref_pool_backward(double *dx, const double *dy, const int *arg, int n, const struct pool_geometry *g);

void ref_relu_forward(double *y, const double *x, size_t count, double negative_slope);
void ref_relu_backward(double *dx, const double *y, const double *dy, size_t count, double negative_slope);

void ref_lrn_forward(double *y, const double *x, int n, const struct lrn_geometry *g);
void ref_lrn_backward(double *dx, const double *x, const double *dy, int n, const struct lrn_geometry *g);

/* y (N,O) = x (N,I)·wᵀ + b, w (O,I) */
void ref_dense_forward(double *y, const double *x, const double *w, const double *b, int n, int inputs,
                       int outputs);
void ref_dense_backward(double *dx, double *dw, double *db, const double *x, const double *w,
                        const double *dy, int n, int inputs, int outputs);

/* Element e of sample s is dropped unless philox(seed, RNG_DROPOUT, iteration ^ layer << 24,
 * sample·elements + e)[0] ≥ ratio·2^32; the others are divided by 1 − ratio. x and y (N, elements). */
void ref_dropout_forward(double *y, const double *x, const int32_t *sample, int n, int elements, double ratio,
                         int layer, uint64_t seed, uint32_t iteration);

/* With t = (1 − smoothing)·onehot(label) + smoothing/classes: loss[n] = −Σ t·log softmax(logits[n]), NaN
 * without a logit of the label; dx = (softmax − t)/n. */
void ref_softmax_loss(double *loss, double *dx, const double *logits, const int32_t *labels, int n,
                      int classes, double smoothing);

/* correct[n] = 1 where fewer than top_k classes have a larger logit than the label's (of equal ones the lower
 * class number counts as larger, as arg-max does), else 0. A NaN logit is never correct. */
void ref_accuracy(double *correct, const double *logits, const int32_t *labels, int n, int classes,
                  int top_k);

#endif
