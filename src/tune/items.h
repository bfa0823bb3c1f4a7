/* What there is to tune in a net: each distinct pass of an operator that has several variants. */
#ifndef TUNE_ITEMS_H
#define TUNE_ITEMS_H

#include <clr/tune.h>

#include "net/graph.h"

struct tune_item {
    struct op_desc desc; /* without what other passes need: fewer kernels, less memory */
    enum op_pass pass;
    int block;        /* V of the net */
    bool from_images; /* x is the batch, which can come in any channel block */
    struct tunedb_key key;
    int uses; /* how often a training step does this; 0: evaluation alone */
};

struct tune_items {
    struct graph *train, *test; /* labels of the items live in them */
    struct tune_item *items;
    size_t count, capacity;
};

/* Both phases of a net, of evaluation the forward passes: a shape that both have is one item. The order
 * depends on the options alone. */
int tune_items_init(struct tune_items *t, const struct clr_tune_options *options, struct clr_error *err);
void tune_items_clear(struct tune_items *t);

#endif
