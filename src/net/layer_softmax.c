/* Softmax over the channels: softmax_param. */
#include "net/layer.h"

const struct field softmax_fields[] = {
    FIELD_AXIS,
    FIELD_ENGINE,
    {0},
};

const struct layer_class layer_softmax = {
    .type = "Softmax",
    .help = "exp(x) / sum of exp(x), over the channels",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_SOFTMAX,
    .blocks = {{"softmax_param", softmax_fields}},
};
