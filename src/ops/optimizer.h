/*
 * The update of all parameters in one launch; L2 or L1 decay, in the gradient or decoupled from it. Each
 * optimizer is a file optimizer_NAME.c with a row at its end that owns all that differs from one to another,
 * and a kernel cl/optimizer_NAME.cl, where the formula is; optimizers.h lists the rows.
 */
#ifndef OPS_OPTIMIZER_H
#define OPS_OPTIMIZER_H

#include <clr/optimizer.h>

#include "ocl/ocl.h"

struct optimizer_settings {
    enum clr_optimizer kind;
    bool caffe;       /* the convention */
    bool l1;          /* decay by the sign of the weights */
    double momentum2; /* of the squares */
    double epsilon;
    double clip; /* the largest norm of all gradients together, which are shortened to it; 0: any */
};

/* ------------------------------------------------------------------ the row of an optimizer */

/* What v has. */
enum optimizer_momentum {
    OPTIMIZER_MOMENTUM,         /* the momentum buffer */
    OPTIMIZER_MOMENTUM_PYTORCH, /* the same, but in Caffe's convention the momentum is 0 */
    OPTIMIZER_SQUARES,          /* sums or means of squares: there is no momentum */
};

/* The update of `count` numbers in double precision. */
struct optimizer_ref {
    struct optimizer_settings settings;
    double momentum, decay; /* L2 or L1 decay */
    double *w, *v, *s; /* weights; what enum optimizer_momentum says; means of squares (NULL: has none) */
};

struct optimizer_class {
    const char *name;      /* "adam" */
    const char *caffe;     /* `type` in Caffe's solver files; NULL: Caffe has none like it */
    const char *momentum2; /* there, the field of momentum2; NULL: it is not used */
    struct clr_optimizer_torch pytorch;
    const char *kernel; /* file in cl/ */
    enum optimizer_momentum momentum;
    bool squares;                           /* has s */
    bool epsilon;                           /* is used */
    bool decoupled;                         /* the decay changes the weights, and is not in the gradient */
    double usual_momentum, usual_momentum2; /* defaults */
    /* What is multiplied into the rate and the root of the squares in update t. NULL: nothing. */
    void (*correct)(const struct optimizer_settings *s, double momentum, uint64_t t, double *rate,
                    double *root);
    /* Change number i in update t by d, the gradient, with its decay if that is not decoupled. */
    void (*reference)(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t);
};

/* NULL: there is none of that number. */
const struct optimizer_class *optimizer_class(enum clr_optimizer kind);

/* Update t (0 for the first) of `count` weights from their gradients, in place. */
void optimizer_reference(struct optimizer_ref *r, const double *g, size_t count, double rate, uint64_t t);

/* ------------------------------------------------------------------ on a device */

/* Where a parameter lies in the buffers of weights, momenta and gradients, and what is special about it. */
struct optimizer_param {
    size_t offset, count; /* floats */
    double lr_mult;       /* the rate is multiplied by it, in float */
    double decay;         /* L2 or L1 decay, its decay_mult included */
};

/* The buffers; each holds all parameters. */
struct optimizer_buffers {
    cl_mem w, v, g;
    cl_mem s; /* means of squares; NULL: the optimizer has none */
};

struct optimizer; /* opaque */

/* CLR_EINPUT where the parameters are more than the kernel can number. */
int optimizer_create(struct optimizer **out, struct ocl_context *ctx,
                     const struct optimizer_settings *settings, const struct optimizer_param *params,
                     size_t count, struct clr_error *err);
void optimizer_destroy(struct optimizer *optimizer);

/* Enqueue update t (0 for the first): w, v and s from g. */
int optimizer_update(struct optimizer *optimizer, const struct optimizer_buffers *at, double rate,
                     double momentum, uint64_t t, struct clr_error *err);

#endif
