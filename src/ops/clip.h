/*
 * Clipping of gradients: the factor that shortens the gradients of all parameters, as one vector, to a norm
 * of at most a limit. Host side of cl/clip.cl. R. Pascanu, T. Mikolov and Y. Bengio, arXiv:1211.5063; as
 * Caffe has it (sgd_solver.cpp, ClipGradients()).
 */
#ifndef OPS_CLIP_H
#define OPS_CLIP_H

#include "ocl/ocl.h"

struct clip; /* opaque */

int clip_create(struct clip **out, struct ocl_context *ctx, double limit, struct clr_error *err);
void clip_destroy(struct clip *clip);

/* Enqueue the factor of gradients g, whose parameters are the `count` rows of an optimizer's table. */
int clip_run(const struct clip *clip, cl_mem g, cl_mem table, size_t count, struct clr_error *err);

/* The buffer with the factor, one float; borrowed. */
cl_mem clip_factor(const struct clip *clip);

/* The same in double precision, from the sum of squares. */
double clip_reference(double limit, double squares);

#endif
