/* Softmax over the channels: softmax_param. */
#include "net/layer.h"

int spec_read_softmax(struct layer_reading *in)
{
    struct pt_reader r;
    int rc = pt_message(&in->r, "softmax_param", &r, in->err);

    if (rc <= 0)
        return rc;
    spec_only_int(in, &r, "axis", 1);
    spec_read_engine(in, &r);
    return pt_close(&r, NULL, in->err);
}

const struct layer_class layer_softmax = {
    .type = "Softmax",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_SOFTMAX,
    .read = spec_read_softmax,
};
