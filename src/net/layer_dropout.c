/* Dropout: dropout_param. Its random numbers are keyed by the place of the layer in the net. */
#include "net/layer.h"

static int read(struct layer_reading *in)
{
    double ratio = 0.5;
    struct pt_reader r;
    int rc = pt_message(&in->r, "dropout_param", &r, in->err);

    if (rc > 0) {
        rc = pt_double(&r, "dropout_ratio", 0.0, 0.999999, &ratio, in->err);
        if (rc >= 0)
            rc = pt_close(&r, NULL, in->err);
    }
    in->layer->desc.u.dropout.ratio = (float)ratio;
    return rc < 0 ? rc : 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_DROPOUT, bottom, 1);

    n->desc.backward = b->g->phase == PHASE_TRAIN; /* also where nothing is learned before it */
    n->desc.u.dropout.layer = (int)(b->layer - b->spec->layers);
    return build_finish(b, n);
}

const struct layer_class layer_dropout = {
    .type = "Dropout",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .read = read,
    .build = build,
};
