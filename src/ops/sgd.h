/*
 * The update of one parameter: stochastic gradient descent with momentum and L2 decay, two conventions of
 * momentum (cl/sgd.cl). Oracle: ref_sgd().
 */
#ifndef OPS_SGD_H
#define OPS_SGD_H

#include "ocl/ocl.h"

struct sgd; /* opaque */

int sgd_create(struct sgd **out, struct ocl_context *ctx, bool caffe, struct clr_error *err);
void sgd_destroy(struct sgd *sgd);

/* Enqueue: w and v (count floats each) from g. rate and decay come multiplied by lr_mult and decay_mult. */
int sgd_update(struct sgd *sgd, cl_mem w, cl_mem v, cl_mem g, size_t count, double rate, double momentum,
               double decay, struct clr_error *err);

#endif
