/* LRN, local response normalisation: lrn_param. Formula: base/geometry.h. */
#include "net/layer.h"

static const struct field fields[] = {
    {"local_size", FIELD_INT, "channels, or width of the window; odd", AT(desc.u.lrn.size), .usual = 5,
     .least = 1, .most = GEOMETRY_MAX},
    {"alpha", FIELD_FLOAT, "factor of the sum of squares", AT(desc.u.lrn.alpha), .usual = 1, .most = 1e6},
    {"beta", FIELD_FLOAT, "exponent", AT(desc.u.lrn.beta), .usual = 0.75, .most = 1e3},
    {"k", FIELD_FLOAT, "added to the sum; 1 within channels", AT(desc.u.lrn.k), .usual = 1, .least = 1e-30,
     .most = 1e6},
    {"norm_region", FIELD_WORD, "where the squares are summed", AT(desc.u.lrn.region),
     WORDS("ACROSS_CHANNELS", "WITHIN_CHANNEL"), NUMBERS(0, 1)},
    FIELD_ENGINE,
    {0},
};

static int check(struct layer_reading *in)
{
    struct lrn_geometry *g = &in->layer->desc.u.lrn;
    struct pt_field *k = NULL;
    struct pt_reader r;

    if (g->size % 2 == 0)
        return pt_error(in->doc, in->block[0], in->err, "'local_size' is %d: it must be odd", g->size);
    if (g->region == LRN_WITHIN_CHANNEL && g->k != 1.0f) {
        pt_open(&r, in->doc, in->block[0]);
        if (pt_next(&r, "k", &k))
            spec_no_effect(in, k, "it is 1 within channels, as in Caffe");
        g->k = 1.0f;
    }
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_LRN, bottom, 1);
    struct lrn_geometry *g = &n->desc.u.lrn;
    int rc;

    g->c = n->desc.x[0].c;
    g->h = n->desc.x[0].h;
    g->w = n->desc.x[0].w;
    rc = build_prefix(b, geometry_lrn(g, b->err));
    return rc < 0 ? rc : build_finish(b, n);
}

const struct layer_class layer_lrn = {
    .type = "LRN",
    .help = "local response normalization",
    .bottoms = 1,
    .blocks = {{"lrn_param", fields}},
    .check = check,
    .build = build,
};
