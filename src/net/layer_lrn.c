/* LRN, local response normalisation: lrn_param. Formula: base/geometry.h. */
#include "net/layer.h"

static int read(struct layer_reading *in)
{
    static const char *const regions[] = {"ACROSS_CHANNELS", "WITHIN_CHANNEL", NULL};
    struct lrn_geometry *g = &in->layer->desc.u.lrn;
    double alpha = 1.0, beta = 0.75, k = 1.0;
    struct pt_reader r;
    int region = LRN_ACROSS_CHANNELS, rc;

    *g = (struct lrn_geometry){.size = 5, .alpha = 1.0f, .beta = 0.75f, .k = 1.0f};
    rc = pt_message(&in->r, "lrn_param", &r, in->err);
    if (rc <= 0)
        return rc;
    pt_int(&r, "local_size", 1, GEOMETRY_MAX, &g->size, in->err);
    pt_double(&r, "alpha", 0.0, 1e6, &alpha, in->err);
    pt_double(&r, "beta", 0.0, 1e3, &beta, in->err);
    pt_double(&r, "k", 1e-30, 1e6, &k, in->err);
    pt_word(&r, "norm_region", regions, &region, in->err);
    spec_read_engine(in, &r);
    rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->size % 2 == 0)
        return pt_error(in->doc, r.message, in->err, "'local_size' is %d: it must be odd", g->size);
    if (region == LRN_WITHIN_CHANNEL && k != 1.0) {
        spec_no_effect(in, &r, "k", SAID_LRN_K, "it is 1 within channels, as in Caffe");
        k = 1.0;
    }
    g->region = (enum lrn_region)region;
    g->alpha = (float)alpha;
    g->beta = (float)beta;
    g->k = (float)k;
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_LRN, bottom, 1);
    struct lrn_geometry *g = &n->desc.u.lrn;

    g->c = n->desc.x[0].c;
    g->h = n->desc.x[0].h;
    g->w = n->desc.x[0].w;
    return geometry_lrn(g, b->err) < 0 ? build_prefix(b) : build_finish(b, n);
}

const struct layer_class layer_lrn = {
    .type = "LRN",
    .bottoms = 1,
    .read = read,
    .build = build,
};
