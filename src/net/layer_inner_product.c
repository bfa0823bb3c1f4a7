/* InnerProduct, a dense layer: inner_product_param. Inputs of more than a pixel are flattened before it. */
#include "net/layer.h"

#include <stdio.h>

static const struct field fields[] = {
    {"num_output", FIELD_INT, "outputs", AT(desc.y[0].c), .required = true, .least = 1, .most = GEOMETRY_MAX},
    FIELDS_WEIGHTS,
    FIELD_AXIS,
    FIELD_PLAIN("transpose", FIELD_FALSE, "weights are stored by input"),
    {0},
};

/* (N,C,H,W) → (N,C·H·W,1,1), named "<layer>.flatten", which no layer of the file can read. */
static int build_flatten(struct builder *b, int *x)
{
    struct graph_node *n = build_node(b, OP_RELAYOUT, x, 1);
    const struct shape *s = &n->desc.x[0];
    char name[SPEC_NAME + 16];
    int rc;

    (void)snprintf(name, sizeof name, "%s.flatten", b->layer->name);
    n->desc.y[0] = (struct shape){s->n, s->c * s->h * s->w, 1, 1};
    rc = build_value(b, name, &n->desc.y[0], (int)(n - b->g->nodes), &n->y[0]);
    if (rc < 0)
        return rc;
    n->desc.label = b->g->values[n->y[0]].name;
    b->g->values[n->y[0]].consumer_count = 1;
    *x = n->y[0];
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    int x = bottom[0];
    const struct shape *s = &b->g->values[x].shape;
    struct graph_node *n;

    if ((long long)s->c * s->h * s->w > GEOMETRY_MAX)
        return build_error(b, "%d×%d×%d inputs are more than the %d a dense layer can have", s->c, s->h, s->w,
                           GEOMETRY_MAX);
    if (s->h * s->w > 1) {
        const int rc = build_flatten(b, &x);
        if (rc < 0)
            return rc;
    }
    n = build_node(b, OP_DENSE, &x, 1);
    n->desc.y[0] = (struct shape){n->desc.x[0].n, b->layer->desc.y[0].c, 1, 1};
    return build_finish(b, n);
}

const struct layer_class layer_inner_product = {
    .type = "InnerProduct",
    .help = "a dense layer: sums of products of weights and all inputs",
    .bottoms = 1,
    .flags = LAYER_NEEDS_BLOCK,
    .kind = OP_DENSE,
    .params = PARAMS_WEIGHTS,
    .blocks = {{"inner_product_param", fields}},
    .build = build,
};
