/* Convolution: convolution_param. Formula and output size: base/geometry.h. */
#include "net/layer.h"

#include <stdio.h>

static int read(struct layer_reading *in)
{
    struct conv_geometry *g = &in->layer->desc.u.conv;
    bool kernel, ignored;
    struct pt_reader r;
    int rc = pt_message(&in->r, "convolution_param", &r, in->err);

    if (rc == 0)
        return spec_missing_block(in, "convolution_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = g->dh = g->dw = g->group = 1;
    spec_read_weights(in, &r, &g->oc);
    spec_read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    spec_read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &ignored);
    spec_read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &ignored);
    spec_read_pair(in, &r, "dilation", NULL, NULL, 1, &g->dh, &g->dw, &ignored);
    pt_int(&r, "group", 1, GEOMETRY_MAX, &g->group, in->err);
    spec_only_int(in, &r, "axis", 1);
    spec_read_engine(in, &r);
    spec_no_effect(in, &r, "force_nd_im2col", SAID_IM2COL, "the table of variants chooses the algorithm");
    rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->oc == 0)
        return pt_error(in->doc, r.message, in->err, "'num_output' is missing");
    if (!kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_CONV, bottom, 1);
    struct conv_geometry *g = &n->desc.u.conv;
    const struct shape *s = &n->desc.x[0];

    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    if (geometry_conv(g, b->err) < 0)
        return build_prefix(b);
    n->desc.y[0] = (struct shape){s->n, g->oc, g->oh, g->ow};
    return build_finish(b, n);
}

static void detail(char *out, size_t size, const struct op_desc *d)
{
    (void)snprintf(out, size, "%dx%d", d->u.conv.kh, d->u.conv.kw);
}

const struct layer_class layer_convolution = {
    .type = "Convolution",
    .bottoms = 1,
    .flags = LAYER_WEIGHTS,
    .read = read,
    .build = build,
    .detail = detail,
};
