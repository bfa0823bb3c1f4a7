/* EuclideanLoss, SigmoidCrossEntropyLoss: losses of two values of one size, or of a number and the label. */
#include "net/layer.h"

static const struct field own_fields[] = {
    FIELD_LOSS_WEIGHT,
    {0},
};

static const struct field loss_fields[] = {
    {"normalization", FIELD_WORD,
     "what the sum over the batch is divided by: all numbers, all numbers, the images, 1",
     AT(desc.u.loss.normalization), .usual = LOSS_BATCH_SIZE, WORDS("FULL", "VALID", "BATCH_SIZE", "NONE")},
    {"normalize", FIELD_OWN, "where normalization is not given: VALID or BATCH_SIZE",
     .read = spec_read_normalize, .takes = "true or false; default false"},
    FIELD_PLAIN("ignore_label", FIELD_UNSUPPORTED, "numbers of this target do not count"),
    {0},
};

/* Caffe divides the sum by two as well: that is in the formula. */
static int check_euclidean(struct layer_reading *in)
{
    in->layer->desc.u.loss.normalization = LOSS_BATCH_SIZE;
    return 0;
}

static size_t numbers(const struct shape *s)
{
    return (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

static int build(struct builder *b, const int *bottom)
{
    const struct shape *x = &b->g->values[bottom[0]].shape, *t = &b->g->values[bottom[1]].shape;
    const bool labels = bottom[1] == b->labels;
    char has[STR_COUNT], other[STR_COUNT];

    if (labels && numbers(x) != 1)
        return build_error(b, "its bottom '%s' has %s for an image; with the labels it takes one",
                           b->layer->bottom[0], str_count(has, numbers(x), "number"));
    if (!labels && numbers(x) != numbers(t))
        return build_error(b, "its bottom '%s' has %s for an image, '%s' has %s; they must be as many",
                           b->layer->bottom[0], str_count(has, numbers(x), "number"), b->layer->bottom[1],
                           str_count(other, numbers(t), ""));
    build_loss(b, b->layer->class->kind, bottom, labels ? 1 : 2);
    return 0;
}

const struct layer_class layer_euclidean_loss = {
    .type = "EuclideanLoss",
    .help = "a loss: half the sum of the squares of a - b; b is any value, or the labels",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_TARGET,
    .kind = OP_EUCLIDEAN_LOSS,
    .blocks = {{NULL, own_fields}},
    .check = check_euclidean,
    .build = build,
};

const struct layer_class layer_sigmoid_loss = {
    .type = "SigmoidCrossEntropyLoss",
    .help = "a loss of sigmoids: -t log s - (1 - t) log(1 - s); t is any value, or the labels",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_TARGET,
    .kind = OP_SIGMOID_LOSS,
    .blocks = {{NULL, own_fields}, {"loss_param", loss_fields}},
    .build = build,
};
