/*
 * Scale, Bias and PReLU: scale_param, bias_param, prelu_param. A factor, a term or both for each channel; of
 * PReLU a factor for negative numbers.
 */
#include "net/layer.h"

static const struct field scale_fields[] = {
    {"filler", FIELD_BLOCK, "initial factors", AT(filler[0]), .fields = filler_fields, .check = filler_check},
    {"bias_term", FIELD_FLAG, "a term is added to each channel", AT(desc.bias)},
    {"bias_filler", FIELD_BLOCK, "initial terms", AT(filler[1]), .fields = filler_fields,
     .check = filler_check},
    FIELD_AXIS,
    {"num_axes", FIELD_ONLY, "axes of the factors", .usual = 1},
    {0},
};

static const struct field bias_fields[] = {
    {"filler", FIELD_BLOCK, "initial terms", AT(filler[0]), .fields = filler_fields, .check = filler_check},
    FIELD_AXIS,
    {"num_axes", FIELD_ONLY, "axes of the terms", .usual = 1},
    {0},
};

static const struct field prelu_fields[] = {
    {"filler", FIELD_BLOCK, "initial factors", AT(filler[0]), .fields = filler_fields, .check = filler_check},
    {"channel_shared", FIELD_FLAG, "one factor for all channels", AT(desc.u.scale.shared)},
    {0},
};

/* Factors begin with this number where the file has no filler. */
static void begin_with(struct layer_reading *in, double value)
{
    struct pt_field *filler = NULL;
    struct pt_reader r;

    if (in->block[0])
        pt_open(&r, in->doc, in->block[0]);
    if (!in->block[0] || !pt_next(&r, "filler", &filler))
        in->layer->filler[0].value = value;
}

static int check(struct layer_reading *in)
{
    begin_with(in, 1.0);
    return 0;
}

static int check_prelu(struct layer_reading *in)
{
    in->layer->desc.u.scale.negative = true;
    begin_with(in, 0.25);
    return 0;
}

static int check_bias(struct layer_reading *in)
{
    in->layer->desc.bias = in->layer->desc.u.scale.only_term = true;
    return 0;
}

const struct layer_class layer_scale = {
    .type = "Scale",
    .help = "a factor, and with bias_term a term, for each channel",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_SCALE,
    .params = "for the factors, and once more for the terms",
    .blocks = {{"scale_param", scale_fields}},
    .check = check,
};

const struct layer_class layer_bias = {
    .type = "Bias",
    .help = "a term for each channel",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_SCALE,
    .params = "for the terms",
    .blocks = {{"bias_param", bias_fields}},
    .check = check_bias,
};

const struct layer_class layer_prelu = {
    .type = "PReLU",
    .help = "x, or below 0 x times a factor of its channel, which is learned",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_SCALE,
    .params = "for the factors",
    .blocks = {{"prelu_param", prelu_fields}},
    .check = check_prelu,
};
