/* SoftmaxWithLoss: scores and labels become the loss. */
#include "net/layer.h"

static int read(struct layer_reading *in)
{
    double weight = 1.0;
    int rc = spec_read_softmax(in);

    if (rc >= 0)
        rc = pt_double(&in->r, "loss_weight", -1e30, 1e30, &weight, in->err);
    if (rc < 0)
        return rc;
    if (weight != 1.0)
        return pt_error(in->doc, in->field, in->err, "'loss_weight' is %g; only 1 is supported", weight);
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    int rc = build_check_scores(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (b->g->logits >= 0)
        return build_error(b, "a second loss is not supported");
    b->g->logits = bottom[0];
    (void)build_node(b, OP_SOFTMAX_LOSS, bottom, 1);
    return 0;
}

const struct layer_class layer_softmax_loss = {
    .type = "SoftmaxWithLoss",
    .bottoms = 2,
    .max_tops = 1,
    .flags = LAYER_LOSS | LAYER_LABELS,
    .read = read,
    .build = build,
};
