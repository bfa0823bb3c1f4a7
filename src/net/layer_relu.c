/* ReLU: relu_param. */
#include "net/layer.h"

static int read(struct layer_reading *in)
{
    double slope = 0.0;
    struct pt_reader r;
    int rc = pt_message(&in->r, "relu_param", &r, in->err);

    if (rc <= 0)
        return rc;
    rc = pt_double(&r, "negative_slope", 0.0, 1000.0, &slope, in->err);
    if (rc >= 0)
        rc = spec_read_engine(in, &r);
    in->layer->desc.u.relu.negative_slope = (float)slope;
    return rc < 0 ? rc : pt_close(&r, NULL, in->err);
}

static int build(struct builder *b, const int *bottom)
{
    return build_plain(b, OP_RELU, bottom[0]);
}

const struct layer_class layer_relu = {
    .type = "ReLU",
    .bottoms = 1,
    .min_tops = 1,
    .max_tops = 1,
    .flags = LAYER_IN_PLACE,
    .read = read,
    .build = build,
};
