/* Convolution: convolution_param. Formula and output size: base/geometry.h. */
#include "net/layer.h"

#include <stdio.h>

static const struct field fields[] = {
    {"num_output", FIELD_INT, "channels of the output", AT(desc.u.conv.oc), .required = true, .least = 1,
     .most = GEOMETRY_MAX},
    {"kernel_size", FIELD_PAIR, "size of the kernel", AT_HW(desc.u.conv.kh, desc.u.conv.kw), .required = true,
     .least = 1, WORDS("kernel_h", "kernel_w")},
    {"stride", FIELD_PAIR, "distance of neighbouring windows", AT_HW(desc.u.conv.sh, desc.u.conv.sw),
     .usual = 1, .least = 1, WORDS("stride_h", "stride_w")},
    {"pad", FIELD_PAIR, "zeros added at each edge", AT_HW(desc.u.conv.ph, desc.u.conv.pw),
     WORDS("pad_h", "pad_w")},
    {"dilation", FIELD_PAIR, "distance of neighbouring weights in the input",
     AT_HW(desc.u.conv.dh, desc.u.conv.dw), .usual = 1, .least = 1},
    {"group", FIELD_INT, "groups of channels that are convolved apart", AT(desc.u.conv.group), .usual = 1,
     .least = 1, .most = GEOMETRY_MAX},
    FIELDS_WEIGHTS,
    FIELD_AXIS,
    FIELD_ENGINE,
    FIELD_PLAIN("force_nd_im2col", FIELD_UNUSED, "the fastest algorithm is chosen by measurement"),
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_CONV, bottom, 1);
    struct conv_geometry *g = &n->desc.u.conv;
    const struct shape *s = &n->desc.x[0];
    int rc;

    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    rc = build_prefix(b, geometry_conv(g, b->err));
    if (rc < 0)
        return rc;
    n->desc.y[0] = (struct shape){s->n, g->oc, g->oh, g->ow};
    return build_finish(b, n);
}

static void detail(char *out, size_t size, const struct op_desc *d)
{
    (void)snprintf(out, size, "%dx%d", d->u.conv.kh, d->u.conv.kw);
}

const struct layer_class layer_convolution = {
    .type = "Convolution",
    .help = "sums of products of a kernel and a window of the image",
    .bottoms = 1,
    .flags = LAYER_NEEDS_BLOCK,
    .kind = OP_CONV,
    .params = PARAMS_WEIGHTS,
    .blocks = {{"convolution_param", fields}},
    .build = build,
    .detail = detail,
};
