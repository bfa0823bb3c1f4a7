/* SoftmaxWithLoss: the loss of logits and labels; of several in a net, the weighted sum. */
#include "net/layer.h"

static const struct field own_fields[] = {
    {"loss_weight", FIELD_FLOAT, "factor of this loss; 0: it is reported and not trained",
     AT(desc.u.loss.weight), .usual = 1, .least = -1e30, .most = 1e30},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    const int before = b->g->logits, classes = b->g->values[bottom[0]].shape.c;
    const bool counts = b->layer->desc.u.loss.weight != 0.0f;
    char logits[STR_COUNT];
    int rc = build_check_logits(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (counts && before >= 0 && b->g->values[before].shape.c != classes)
        return build_error(b, "its bottom '%s' has %s, but that of the loss before it %d",
                           b->layer->bottom[0], str_count(logits, (uint64_t)classes, "logit"),
                           b->g->values[before].shape.c);
    build_loss(b, OP_SOFTMAX_LOSS, bottom, 1);
    if (counts)
        b->g->logits = bottom[0];
    return 0;
}

const struct layer_class layer_softmax_loss = {
    .type = "SoftmaxWithLoss",
    .help = "the loss: mean of -log(softmax of the label's logit)",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_LABELS,
    .blocks = {{NULL, own_fields}, {"softmax_param", softmax_fields}},
    .build = build,
};
