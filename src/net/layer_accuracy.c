/* Accuracy: is the label among the top_k largest logits? */
#include "net/layer.h"

static int read(struct layer_reading *in)
{
    static const char *const unsupported[] = {"ignore_label", NULL};
    struct pt_reader r;
    int rc = pt_message(&in->r, "accuracy_param", &r, in->err);

    in->layer->desc.u.accuracy.top_k = 1;
    if (rc <= 0)
        return rc;
    pt_int(&r, "top_k", 1, GEOMETRY_MAX, &in->layer->desc.u.accuracy.top_k, in->err);
    spec_only_int(in, &r, "axis", 1);
    return pt_close(&r, unsupported, in->err);
}

static int build(struct builder *b, const int *bottom)
{
    const int classes = b->g->values[bottom[0]].shape.c, top_k = b->layer->desc.u.accuracy.top_k;
    int rc = build_check_logits(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (top_k > classes)
        return build_error(b, "top_k %d, but there are %d classes", top_k, classes);
    if (b->g->accuracy_node < 0)
        b->g->accuracy_node = (int)b->g->node_count;
    (void)build_node(b, OP_ACCURACY, bottom, 1);
    return 0;
}

const struct layer_class layer_accuracy = {
    .type = "Accuracy",
    .bottoms = 2,
    .flags = LAYER_LABELS,
    .read = read,
    .build = build,
};
