/*
 * Accuracy: is the label among the top_k largest logits? graph.c chooses the layer that is evaluated. A
 * second top is Caffe's accuracy of each class, which `eval` reports in any case.
 */
#include "net/layer.h"

static int read_ignore(struct layer_reading *in, struct pt_reader *r)
{
    return spec_read_ignore(&in->layer->desc.u.accuracy.ignore, in, r);
}

static const struct field fields[] = {
    {"top_k", FIELD_INT, "the label is among so many largest logits", AT(desc.u.accuracy.top_k), .usual = 1,
     .least = 1, .most = GEOMETRY_MAX},
    FIELD_AXIS,
    {"ignore_label", FIELD_OWN, "images of this label do not count", .read = read_ignore,
     .takes = "whole number; default none"},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    const int classes = b->g->values[bottom[0]].shape.c, top_k = b->layer->desc.u.accuracy.top_k;
    char has[STR_COUNT];
    int rc = build_check_logits(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (top_k > classes)
        return build_error(b, "top_k %d is more than the net's %s", top_k,
                           str_count(has, (uint64_t)classes, "logit"));
    (void)build_node(b, OP_ACCURACY, bottom, 1);
    return 0;
}

const struct layer_class layer_accuracy = {
    .type = "Accuracy",
    .help = "share of the images whose label is among the largest logits; second top: of each class",
    .bottoms = 2,
    .flags = LAYER_LABELS | LAYER_SECOND_TOP,
    .blocks = {{"accuracy_param", fields}},
    .build = build,
};
