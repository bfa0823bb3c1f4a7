/*
 * The update of all parameters in one launch: SGD with momentum, Nesterov's momentum, Adam, each as PyTorch
 * or as Caffe has it; L2 or L1 decay (cl/optimizer.cl). Oracle: ref_optimizer().
 */
#ifndef OPS_OPTIMIZER_H
#define OPS_OPTIMIZER_H

#include "ocl/ocl.h"

enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_NESTEROV, OPTIMIZER_ADAM };

struct optimizer_settings {
    enum optimizer_kind kind;
    bool caffe;       /* the convention */
    bool l1;          /* decay by the sign of the weights */
    double momentum2; /* Adam: of the squares */
    double epsilon;   /* Adam */
};

/* Where a parameter lies in the buffers of weights, momenta and gradients, and what is special about it. */
struct optimizer_param {
    size_t offset, count; /* floats */
    double lr_mult;       /* the rate is multiplied by it, in float */
    double decay;         /* L2 or L1 decay, its decay_mult included */
};

/* The buffers; each holds all parameters. */
struct optimizer_buffers {
    cl_mem w, v, g;
    cl_mem s; /* Adam: means of squares; NULL: another kind */
};

struct optimizer; /* opaque */

/* Does it keep means of squares? */
bool optimizer_needs_squares(enum optimizer_kind kind);

/* CLR_EINPUT where the parameters are more than the kernel can number. */
int optimizer_create(struct optimizer **out, struct ocl_context *ctx,
                     const struct optimizer_settings *settings, const struct optimizer_param *params,
                     size_t count, struct clr_error *err);
void optimizer_destroy(struct optimizer *optimizer);

/* Enqueue update t (0 for the first): w, v and s from g. momentum: Adam's of the gradients. */
int optimizer_update(struct optimizer *optimizer, const struct optimizer_buffers *at, double rate,
                     double momentum, uint64_t t, struct clr_error *err);

#endif
