/* ContrastiveLoss: similar pairs come near, dissimilar ones apart. Its labels are of pairs of images. */
#include "net/layer.h"

static const struct field own_fields[] = {
    FIELD_LOSS_WEIGHT,
    {0},
};

static const struct field fields[] = {
    {"margin", FIELD_FLOAT, "the distance that dissimilar pairs should have", AT(desc.u.loss.margin),
     .usual = 1, .least = 0, .most = 1e30},
    {"legacy_version", FIELD_FLAG, "the margin is that of the squared distance", AT(desc.u.loss.legacy)},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    const struct shape *x = &b->g->values[bottom[0]].shape, *other = &b->g->values[bottom[1]].shape;

    if (x->h * x->w > 1 || other->h * other->w > 1 || x->c != other->c)
        return build_error(
            b, "its bottoms '%s' and '%s' are %d×%d×%d and %d×%d×%d; it takes two of one size C×1×1",
            b->layer->bottom[0], b->layer->bottom[1], x->c, x->h, x->w, other->c, other->h, other->w);
    build_loss(b, OP_CONTRASTIVE_LOSS, bottom, 2);
    return 0;
}

const struct layer_class layer_contrastive_loss = {
    .type = "ContrastiveLoss",
    .help = "a loss of pairs: half the squared distance of similar ones, (margin - distance)^2 / 2 of others",
    .bottoms = 3,
    .flags = LAYER_LOSS | LAYER_LABELS | LAYER_PAIRS,
    .blocks = {{NULL, own_fields}, {"contrastive_loss_param", fields}},
    .build = build,
};
