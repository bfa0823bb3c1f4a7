/* SoftmaxWithLoss: the loss of logits and labels; of several in a net, the weighted sum. */
#include "net/layer.h"

#include "base/log.h"

static int read(struct layer_reading *in)
{
    double weight = 1.0;
    int rc = spec_read_softmax(in);

    if (rc >= 0)
        rc = pt_double(&in->r, "loss_weight", -1e30, 1e30, &weight, in->err);
    if (rc < 0)
        return rc;
    in->layer->desc.u.loss.weight = (float)weight;
    if (weight == 0.0) {
        in->layer->phases = 0;
        log_line(CLR_LOG_INFO, "%s:%d: layer '%s' is left out: its loss_weight is 0", in->doc->file,
                 in->layer->line, in->layer->name);
    }
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    const int before = b->g->logits, classes = b->g->values[bottom[0]].shape.c;
    struct graph_node *n;
    int rc = build_check_logits(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (before >= 0 && b->g->values[before].shape.c != classes)
        return build_error(b, "its bottom '%s' has %d logits, but that of the loss before it %d",
                           b->layer->bottom[0], classes, b->g->values[before].shape.c);
    n = build_node(b, OP_SOFTMAX_LOSS, bottom, 1);
    n->desc.u.loss.adds = before >= 0;
    b->g->logits = bottom[0];
    return 0;
}

const struct layer_class layer_softmax_loss = {
    .type = "SoftmaxWithLoss",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_LABELS,
    .read = read,
    .build = build,
};
