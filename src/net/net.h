/*
 * A net on a device: a graph compiled into operators with their memory. In two steps, so that what does not
 * fit is known before anything is allocated: net_plan() works out layouts and memory, net_build() allocates
 * it and compiles the kernels.
 *
 * Parameters, their gradients and momenta are one struct params, shared by the nets of both phases.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/graph.h"
#include "ocl/arena.h"

/* ------------------------------------------------------------------ parameters */

/*
 * All in logical order. Weights, gradients, momenta and, where there are some, means of squares and averages
 * of the weights (PARAMS_W …) are a buffer each, in which every parameter has its part, at the same place in
 * all of them.
 */
enum { PARAMS_W, PARAMS_G, PARAMS_V, PARAMS_S, PARAMS_E, PARAMS_SETS };

/* Sets of these: bit s stands for set s. */
enum {
    PARAMS_EVALUATION = 1 << PARAMS_W,
    PARAMS_TRAINING = 1 << PARAMS_W | 1 << PARAMS_G | 1 << PARAMS_V,
    PARAMS_EVERY = (1 << PARAMS_SETS) - 1
};

struct params {
    size_t count;
    const struct graph_param *info; /* of the graph that it was made from; borrowed */
    cl_mem *w, *g;                  /* `count` parts; g NULL for evaluation only */
    cl_mem all[PARAMS_SETS];        /* the buffers */
    size_t *offset;                 /* of each parameter in them, in floats */
    size_t learned, floats;     /* of a buffer without states, and of PARAMS_W, which has them at its end */
    cl_mem *parts[PARAMS_SETS]; /* `count` parts of each; NULL: of a state, except in PARAMS_W */
    unsigned sets;              /* that there are */
};

static inline bool params_has(const struct params *p, int set)
{
    return p->sets >> set & 1;
}

/* Plan (sizes known), then build (allocated, zero-filled). */
int params_plan(struct params *p, const struct graph *g, const struct clr_device *device, unsigned sets,
                struct clr_error *err);
int params_build(struct params *p, struct ocl_context *ctx, struct clr_error *err);
void params_clear(struct params *p);
size_t params_bytes(const struct params *p);

/* ------------------------------------------------------------------ net */

struct net; /* opaque */

/* *graph is borrowed and must outlive the net. block: V (layout_block()). */
int net_plan(struct net **out, const struct graph *graph, const struct clr_device *device, int block,
             struct clr_error *err);
size_t net_bytes(const struct net *net);
int net_build(struct net *net, struct ocl_context *ctx, const struct params *params, struct clr_error *err);
void net_destroy(struct net *net);

const struct tensor *net_images(const struct net *net); /* where batches go */
cl_mem net_labels(const struct net *net);               /* int per image of the batch */
const struct tensor *net_logits(const struct net *net);

/* What changes from batch to batch. */
struct net_batch {
    int count;   /* images */
    cl_mem loss; /* float per image */
    int loss_offset;
    int loss_stride; /* from a loss of the graph to the next; 0: there is one */
    cl_mem hit;      /* float per image; NULL: not needed */
    int hit_offset;
    cl_mem index; /* numbers of the images: keys of the random numbers */
    int index_offset;
    uint64_t seed;
    uint32_t iteration, epoch;
    int others; /* of pairs: partners are drawn from so many images, those at the beginning of `index` */
};

/* Enqueue. Backward follows a forward of the same batch and writes every gradient. */
int net_forward(struct net *net, const struct net_batch *b, struct clr_error *err);
int net_backward(struct net *net, const struct net_batch *b, struct clr_error *err);

/* Which algorithm each layer uses: "conv1: direct 3×4" per line. */
void net_variants(const struct net *net, void (*tell)(void *user, const char *layer, const char *variant),
                  void *user);

#endif
