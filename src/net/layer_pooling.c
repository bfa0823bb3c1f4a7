/* Pooling: pooling_param. Rules and output size: base/geometry.h. */
#include "net/layer.h"

#include <stdio.h>

static int read(struct layer_reading *in)
{
    static const char *const methods[] = {"MAX", "AVE", NULL};
    static const char *const roundings[] = {"CEIL", "FLOOR", NULL};
    struct pool_geometry *g = &in->layer->desc.u.pool;
    bool global = false, kernel = false, stride = false, pad = false;
    struct pt_reader r;
    int method = POOL_MAX, rounding = POOL_CEIL, rc;

    rc = pt_message(&in->r, "pooling_param", &r, in->err);
    if (rc == 0)
        return spec_missing_block(in, "pooling_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = 1;
    pt_word(&r, "pool", methods, &method, in->err);
    pt_word(&r, "round_mode", roundings, &rounding, in->err);
    pt_bool(&r, "global_pooling", &global, in->err);
    spec_read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    spec_read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &stride);
    spec_read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &pad);
    spec_read_engine(in, &r);
    rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    g->method = (enum pool_method)method;
    g->rounding = (enum pool_rounding)rounding;
    if (global && (kernel || g->ph || g->pw || g->sh != 1 || g->sw != 1))
        return pt_error(in->doc, r.message, in->err,
                        "'global_pooling' covers the whole image: no kernel, no padding, stride 1");
    if (!global && !kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_POOL, bottom, 1);
    struct pool_geometry *g = &n->desc.u.pool;
    const struct shape *s = &n->desc.x[0];

    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    if (g->kh == 0) { /* global_pooling */
        g->kh = s->h;
        g->kw = s->w;
    }
    if (geometry_pool(g, b->err) < 0)
        return build_prefix(b);
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
    .bottoms = 1,
    .read = read,
    .build = build,
    .detail = detail,
};
