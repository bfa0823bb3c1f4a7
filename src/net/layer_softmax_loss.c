/* SoftmaxWithLoss: the loss of logits and labels; of several in a net, the weighted sum. */
#include "net/layer.h"

static const struct field own_fields[] = {
    FIELD_LOSS_WEIGHT,
    {0},
};

static int read_ignore(struct layer_reading *in, struct pt_reader *r)
{
    return spec_read_ignore(&in->layer->desc.u.loss.ignore, in, r);
}

static const struct field loss_fields[] = {
    {"normalization", FIELD_WORD,
     "what the sum over the batch is divided by: the images, those that count, the images, 1",
     AT(desc.u.loss.normalization), .usual = LOSS_VALID, WORDS("FULL", "VALID", "BATCH_SIZE", "NONE")},
    {"normalize", FIELD_OWN, "where normalization is not given: VALID or BATCH_SIZE",
     .read = spec_read_normalize, .takes = "true or false; default true"},
    {"ignore_label", FIELD_OWN, "images of this label do not count", .read = read_ignore,
     .takes = "whole number; default none"},
    {"label_smoothing", FIELD_FLOAT,
     "part of the target that all classes share, as in PyTorch; Caffe has no such field",
     AT(desc.u.loss.smoothing), .most = 1},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    return build_classifier(b, OP_SOFTMAX_LOSS, bottom);
}

const struct layer_class layer_softmax_loss = {
    .type = "SoftmaxWithLoss",
    .help = "a loss: mean of -log(softmax of the label's logit)",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_LABELS,
    .blocks = {{NULL, own_fields}, {"loss_param", loss_fields}, {"softmax_param", softmax_fields}},
    .build = build,
};
