/* Pooling: pooling_param. Rules and output size: base/geometry.h. */
#include "net/layer.h"

#include <stdio.h>

static int read_ceil_mode(struct layer_reading *in, struct pt_reader *r)
{
    struct pool_geometry *g = &in->layer->desc.u.pool;
    struct pt_field *other = NULL;
    bool ceil = true;
    int rc = pt_bool(r, "ceil_mode", &ceil, in->err);

    if (rc <= 0)
        return rc;
    if (pt_next(r, "round_mode", &other))
        return pt_error(in->doc, other, in->err, "give 'round_mode' or 'ceil_mode', not both");
    g->rounding = ceil ? POOL_CEIL : POOL_FLOOR;
    return 0;
}

static const struct field fields[] = {
    {"pool", FIELD_WORD, "maximum or average of a window", AT(desc.u.pool.method), WORDS("MAX", "AVE"),
     NUMBERS(0, 1)},
    {"kernel_size", FIELD_PAIR, "size of the window", AT_HW(desc.u.pool.kh, desc.u.pool.kw), .least = 1,
     WORDS("kernel_h", "kernel_w")},
    {"stride", FIELD_PAIR, "distance of neighbouring windows", AT_HW(desc.u.pool.sh, desc.u.pool.sw),
     .usual = 1, .least = 1, WORDS("stride_h", "stride_w")},
    {"pad", FIELD_PAIR, "added at each edge", AT_HW(desc.u.pool.ph, desc.u.pool.pw), WORDS("pad_h", "pad_w")},
    {"round_mode", FIELD_WORD, "rounding of the output's size", AT(desc.u.pool.rounding),
     WORDS("CEIL", "FLOOR"), NUMBERS(0, 1)},
    {"ceil_mode", FIELD_OWN, "what some forks call round_mode", .read = read_ceil_mode,
     .takes = "true: CEIL, false: FLOOR"},
    {"global_pooling", FIELD_FLAG, "the window is the whole image; instead of kernel_size", AT(global)},
    FIELD_ENGINE,
    {0},
};

static int check(struct layer_reading *in)
{
    const struct pool_geometry *g = &in->layer->desc.u.pool;

    if (in->layer->global && (g->kh || g->ph || g->pw || g->sh != 1 || g->sw != 1))
        return pt_error(in->doc, in->block[0], in->err,
                        "'global_pooling' covers the whole image: no kernel, no padding, stride 1");
    if (!in->layer->global && !g->kh)
        return pt_error(in->doc, in->block[0], in->err, "'kernel_size' is missing");
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_POOL, bottom, 1);
    struct pool_geometry *g = &n->desc.u.pool;
    const struct shape *s = &n->desc.x[0];
    int rc;

    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    if (b->layer->global) {
        g->kh = s->h;
        g->kw = s->w;
    }
    rc = build_prefix(b, geometry_pool(g, b->err));
    if (rc < 0)
        return rc;
    n->desc.y[0] = (struct shape){s->n, s->c, g->oh, g->ow};
    return build_finish(b, n);
}

static void detail(char *out, size_t size, const struct op_desc *d)
{
    const struct pool_geometry *g = &d->u.pool;

    (void)snprintf(out, size, "%s %dx%d", g->method == POOL_MAX ? "MAX" : "AVE", g->kh, g->kw);
}

const struct layer_class layer_pooling = {
    .type = "Pooling",
    .help = "the maximum or the average of each window",
    .bottoms = 1,
    .flags = LAYER_NEEDS_BLOCK,
    .blocks = {{"pooling_param", fields}},
    .check = check,
    .build = build,
    .detail = detail,
};
