/*
 * The update of all parameters in one launch: stochastic gradient descent with momentum and L2 decay, two
 * conventions of momentum (cl/sgd.cl). Oracle: ref_sgd().
 */
#ifndef OPS_SGD_H
#define OPS_SGD_H

#include "ocl/ocl.h"

/* Where a parameter lies in the buffers of weights, momenta and gradients, and what is special about it. */
struct sgd_param {
    size_t offset, count; /* floats */
    double lr_mult;       /* the rate is multiplied by it, in float */
    double decay;         /* L2 decay, its decay_mult included */
};

struct sgd; /* opaque */

/* CLR_EINPUT where the parameters are more than the kernel can number. */
int sgd_create(struct sgd **out, struct ocl_context *ctx, bool caffe, const struct sgd_param *params,
               size_t count, struct clr_error *err);
void sgd_destroy(struct sgd *sgd);

/* Enqueue: w and v from g, each a buffer that holds all parameters. */
int sgd_update(struct sgd *sgd, cl_mem w, cl_mem v, cl_mem g, double rate, double momentum,
               struct clr_error *err);

#endif
