/* Dropout: dropout_param. Its random numbers are keyed by the place of the layer in the net. */
#include "net/layer.h"

static const struct field fields[] = {
    {"dropout_ratio", FIELD_FLOAT, "share of the numbers that become 0", AT(desc.u.dropout.ratio),
     .usual = 0.5, .most = 0.999999},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_DROPOUT, bottom, 1);

    n->desc.backward = b->g->phase == PHASE_TRAIN; /* also where nothing is learned before it */
    n->desc.u.dropout.layer = (int)(b->layer - b->spec->layers);
    return build_finish(b, n);
}

const struct layer_class layer_dropout = {
    .type = "Dropout",
    .help = "in training: a random part becomes 0, the rest is divided by its share",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .blocks = {{"dropout_param", fields}},
    .build = build,
};
