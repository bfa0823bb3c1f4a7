/* HingeLoss: every class against the others, without a softmax. */
#include "net/layer.h"

static const struct field own_fields[] = {
    FIELD_LOSS_WEIGHT,
    {0},
};

static const struct field fields[] = {
    {"norm", FIELD_WORD, "sum of the margins that are missing, or of their squares", AT(desc.u.loss.norm),
     .usual = LOSS_L1, WORDS("L1", "L2")},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    return build_classifier(b, OP_HINGE_LOSS, bottom);
}

const struct layer_class layer_hinge_loss = {
    .type = "HingeLoss",
    .help = "a loss: what the label's output lacks to 1, and each other one to -1",
    .bottoms = 2,
    .flags = LAYER_LOSS | LAYER_LABELS,
    .blocks = {{NULL, own_fields}, {"hinge_loss_param", fields}},
    .build = build,
};
