/* Concat: concat_param. Values of one size, their channels one after the other. */
#include "net/layer.h"

static const struct field fields[] = {
    FIELD_AXIS,
    {"concat_dim", FIELD_ONLY, "axis in older files", .usual = 1},
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_CONCAT, bottom, b->layer->bottom_count);
    const struct shape *first = &n->desc.x[0];
    long long channels = 0;

    for (int j = 0; j < n->desc.x_count; j++) {
        const struct shape *s = &n->desc.x[j];
        channels += s->c;
        if (s->h != first->h || s->w != first->w)
            return build_unlike(b, n, j, "height and width must be equal");
    }
    if (channels > GEOMETRY_MAX)
        return build_error(b, "%lld channels are more than %d", channels, GEOMETRY_MAX);
    n->desc.y[0].c = (int)channels;
    return build_finish(b, n);
}

const struct layer_class layer_concat = {
    .type = "Concat",
    .help = "the channels of several values of one size, one after the other",
    .bottoms = 1,
    .flags = LAYER_MORE_BOTTOMS,
    .blocks = {{"concat_param", fields}},
    .build = build,
};
