/*
 * A net in double precision: the oracles of src/ref one after the other, each value in memory of its own.
 * What whole nets on a device are compared with. Slow, and takes a graph as graph_create() made it: unfused.
 */
#ifndef VERIFY_REFNET_H
#define VERIFY_REFNET_H

#include "net/graph.h"

struct refnet {
    const struct graph *g; /* borrowed */
    int capacity, n;       /* images: most of a batch, of this one */
    uint64_t seed;         /* of dropout, with index and iteration */
    uint32_t iteration;
    double **value, **gradient; /* of the graph's values, (n,C,H,W) */
    double **w, **dw;           /* parameters and their gradients */
    double *part[OP_PARAMS];    /* what one of several uses of a parameter adds to its gradient */
    int **arg;                  /* per node: maxima of a pooling layer */
    double noise;               /* 0, or every number is off by up to this share of it */
    double *again[OP_MOST];     /* then: an operator's input j that is the same value as one before it */
    int32_t *labels, *index;    /* per image */
    double *loss, *correct;     /* likewise; loss: of each loss of the graph, `capacity` apart */
};

/* Room for batches of `capacity` images. CLR_ENOMEM. */
int refnet_create(struct refnet **out, const struct graph *g, int capacity, struct clr_error *err);
void refnet_destroy(struct refnet *c);

/*
 * Run a batch forward, and in the training phase backward: of c->value[g->images], labels, index, w, seed and
 * iteration makes all else.
 */
void refnet_run(struct refnet *c, int n);

/*
 * spread[p]: the sum of squares of what the gradient of parameter p changes by if every number of the last
 * batch is off by as much as single precision may make it. A gradient that is 0 because its terms cancel, or
 * because a TanH after it is saturated, changes by more than it amounts to. Afterwards c->dw is as before,
 * and the values are off. CLR_ENOMEM.
 */
int refnet_spread(struct refnet *c, double *spread, struct clr_error *err);

/* Has the last batch a number, of values or gradients, that single precision does not hold? */
bool refnet_overflows(const struct refnet *c);

#endif
