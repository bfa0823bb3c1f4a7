/*
 * The geometries that every operator is verified on, shared by doctor and tests. Each row is there for an
 * edge: H ≠ W, channels that are no multiple of any block, windows over the border, one output, one image.
 */
#include "ops/verify.h"

#include "base/str.h"

/* ------------------------------------------------------------------ convolution */

/* Each geometry is tried with each of them; where one cannot do a pass, another does it. */
static const char *const conv_algorithms[] = {"direct", "gemm", "tiled"};
#define CONV_ALGORITHMS (int)MEM_COUNT(conv_algorithms)

/* PLAIN: with bias, not in the small subset. RECTIFIED: between rectifiers that it does (relu, mask_dx). */
enum conv_note { PLAIN, SMALL, NO_BIAS, RECTIFIED, SMALL_RECTIFIED };

struct conv_row {
    const char *name;
    int n;
    struct conv_geometry g; /* without oh, ow */
    enum conv_note note;
};

#define CONV(c_, h_, w_, oc_, kh_, kw_, s1, s2, p1, p2, d1, d2, group_)                                      \
    {                                                                                                        \
        .c = c_, .h = h_, .w = w_, .oc = oc_, .kh = kh_, .kw = kw_, .sh = s1, .sw = s2, .ph = p1, .pw = p2,  \
        .dh = d1, .dw = d2, .group = group_                                                                  \
    }

static const struct conv_row conv_rows[] = {
    /*                                        c   h   w  oc kh kw  stride  pad  dilation group */
    {"3x3", 2, CONV(3, 7, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1), SMALL},
    {"5x5 from 3 channels", 2, CONV(3, 12, 9, 32, 5, 5, 1, 1, 2, 2, 1, 1, 1), PLAIN},
    {"5x5 32 to 32", 3, CONV(32, 8, 7, 32, 5, 5, 1, 1, 2, 2, 1, 1, 1), PLAIN},
    {"3x3 17 to 33", 2, CONV(17, 7, 11, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1), PLAIN},
    {"3x3 no pad no bias", 3, CONV(6, 9, 8, 20, 3, 3, 1, 1, 0, 0, 1, 1, 1), NO_BIAS},
    {"3x5 stride 3x2", 2, CONV(5, 11, 8, 6, 3, 5, 3, 2, 2, 1, 1, 1, 1), SMALL},
    {"5x3 stride 3", 2, CONV(9, 13, 17, 10, 5, 3, 3, 3, 2, 1, 1, 1, 1), PLAIN},
    {"3x3 stride 2 even", 2, CONV(8, 10, 12, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1), PLAIN},
    {"2x2 stride 4 leaves gaps", 2, CONV(4, 11, 9, 5, 2, 2, 4, 4, 0, 0, 1, 1, 1), PLAIN},
    {"3x3 dilation 2", 2, CONV(3, 9, 11, 7, 3, 3, 1, 1, 2, 2, 2, 2, 1), SMALL},
    {"3x2 dilation 1x3 stride 2", 2, CONV(5, 8, 13, 6, 3, 2, 2, 2, 1, 3, 1, 3, 1), PLAIN},
    {"3x3 group 2", 2, CONV(4, 6, 9, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2), SMALL},
    {"3x3 group 2 of 16", 2, CONV(32, 5, 6, 32, 3, 3, 1, 1, 1, 1, 1, 1, 2), PLAIN},
    {"3x1 group 3 stride 2", 1, CONV(6, 9, 5, 9, 3, 1, 2, 1, 1, 0, 1, 1, 3), PLAIN},
    {"3x3 a group per channel", 2, CONV(7, 6, 5, 7, 3, 3, 1, 1, 1, 1, 1, 1, 7), PLAIN},
    {"1x1", 2, CONV(20, 5, 7, 12, 1, 1, 1, 1, 0, 0, 1, 1, 1), PLAIN},
    {"1x1 of one channel, one image", 1, CONV(1, 3, 2, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1), PLAIN},
    {"kernel of the image's size", 3, CONV(3, 5, 4, 7, 5, 4, 1, 1, 0, 0, 1, 1, 1), SMALL},
    {"pad beyond the kernel", 1, CONV(2, 4, 3, 3, 2, 2, 1, 1, 3, 2, 1, 1, 1), PLAIN},
    {"1x5 in a long row", 1, CONV(3, 2, 67, 5, 1, 5, 1, 1, 0, 2, 1, 1, 1), PLAIN},
    {"3x3 stride 1x30", 2, CONV(17, 3, 400, 5, 3, 3, 1, 30, 0, 0, 1, 1, 1), PLAIN},
    {"3x3 of many images", 203, CONV(2, 4, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1), PLAIN},
    {"3x5 between rectifiers", 2, CONV(5, 6, 9, 6, 3, 5, 1, 1, 1, 2, 1, 1, 1), SMALL_RECTIFIED},
    {"5x5 33 to 17 between rectifiers", 3, CONV(33, 7, 11, 17, 5, 5, 1, 1, 2, 2, 1, 1, 1), RECTIFIED},
    {"3x2 stride 2x3 between rectifiers", 2, CONV(18, 9, 10, 20, 3, 2, 2, 3, 1, 1, 1, 1, 1), RECTIFIED},
    {"3x3 group 2 between rectifiers", 2, CONV(6, 5, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 2), RECTIFIED},
    {"16x16, columns beyond 32 MB", 3, CONV(16, 39, 47, 1, 16, 16, 1, 1, 0, 0, 1, 1, 1), PLAIN},
};

/*
 * Tiles that lead to other code than the algorithm's own choice does, and algorithms for some geometries
 * only. Winograd: images that its 4×4 tiles do not fill, channels that fill no block, more tiles than go at a
 * time, one tile, a batch that leaves slices of the weight gradient empty.
 */
static const struct tile_row {
    const char *variant;
    struct conv_row row;
} tile_rows[] = {
    /* four work-items copy the taps of one pixel; four pixels each */
    {"tiled 16x16x4x4", {"3x3 17 to 33", 3, CONV(17, 7, 11, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1), PLAIN}},
    /* each work-item copies two pixels; eight by eight in registers */
    {"tiled 8x4x8x8", {"3x2 stride 2", 2, CONV(6, 12, 9, 40, 3, 2, 2, 2, 1, 1, 1, 1, 1), PLAIN}},
    {"winograd", {"3x3", 2, CONV(3, 7, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1), SMALL}},
    {"winograd", {"5x5 between rectifiers", 2, CONV(5, 6, 9, 6, 5, 5, 1, 1, 2, 2, 1, 1, 1), SMALL_RECTIFIED}},
    {"winograd", {"5x5 32 to 32", 3, CONV(32, 15, 15, 32, 5, 5, 1, 1, 2, 2, 1, 1, 1), PLAIN}},
    {"winograd", {"5x5 33 to 64", 13, CONV(33, 7, 7, 64, 5, 5, 1, 1, 2, 2, 1, 1, 1), RECTIFIED}},
    {"winograd", {"5x5 no pad", 2, CONV(20, 12, 12, 50, 5, 5, 1, 1, 0, 0, 1, 1, 1), NO_BIAS}},
    {"winograd", {"5x5 pad 4x1, one tile", 1, CONV(2, 1, 6, 3, 5, 5, 1, 1, 4, 1, 1, 1, 1), PLAIN}},
    {"winograd", {"3x3 17 to 33", 2, CONV(17, 7, 11, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1), RECTIFIED}},
    {"winograd", {"3x3 of many images", 203, CONV(2, 4, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1), PLAIN}},
    {"winograd 5x3x10x7", {"5x5 48 to 48", 3, CONV(48, 9, 6, 48, 5, 5, 1, 1, 2, 2, 1, 1, 1), PLAIN}},
    {"winograd-staged",
     {"3x3 between rectifiers", 2, CONV(3, 7, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1), SMALL_RECTIFIED}},
    {"winograd-staged", {"5x5", 2, CONV(3, 6, 9, 5, 5, 5, 1, 1, 2, 2, 1, 1, 1), SMALL}},
    {"winograd-staged",
     {"5x5 33 to 17 between rectifiers", 3, CONV(33, 7, 11, 17, 5, 5, 1, 1, 2, 2, 1, 1, 1), RECTIFIED}},
    {"winograd-staged 4x2x24", {"3x3 20 to 40", 5, CONV(20, 9, 9, 40, 3, 3, 1, 1, 0, 1, 1, 1, 1), PLAIN}},
};

/* Every pass as `variant` says. With groups, tiles leave the work to others, which are emulated already. */
static void conv_case(struct verify_case *out, const struct conv_row *r, const char *variant)
{
    (void)snprintf(out->name, sizeof out->name, "conv %s %s", variant, r->name);
    out->small = (r->note == SMALL || r->note == SMALL_RECTIFIED) &&
                 (r->g.group == 1 || strncmp(variant, "tiled", 5) != 0);
    out->desc.kind = OP_CONV;
    out->desc.relu = out->desc.mask_dx = r->note == RECTIFIED || r->note == SMALL_RECTIFIED;
    out->desc.bias = r->note != NO_BIAS;
    out->desc.u.conv = r->g;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        (void)op_variant_parse(&out->desc.variant[pass], variant);
    out->desc.x = (struct shape){r->n, r->g.c, r->g.h, r->g.w};
}

/* ------------------------------------------------------------------ pooling */

/* A rectifier behind (only a maximum can do that one) or in front. */
enum pool_rectifier { NEITHER, BEHIND, IN_FRONT };

struct pool_row {
    const char *name;
    int n, c, h, w, kh, kw, sh, sw, ph, pw;
    bool small;
    enum pool_rectifier rectifier;
};

static const struct pool_row pool_rows[] = {
    {"3/2 even", 2, 5, 8, 6, 3, 3, 2, 2, 0, 0, true, NEITHER},
    {"3/2 odd", 2, 17, 15, 7, 3, 3, 2, 2, 0, 0, false, NEITHER},
    {"3/2 pad 1", 1, 3, 4, 4, 3, 3, 2, 2, 1, 1, true, NEITHER},
    {"2/2 pad 1 drops a window", 2, 4, 4, 3, 2, 2, 2, 2, 1, 1, false, NEITHER},
    {"3x2/3 pad 1", 2, 6, 8, 11, 3, 2, 3, 3, 1, 1, true, NEITHER},
    {"4x3/1 pad 3x0", 2, 9, 4, 7, 4, 3, 1, 1, 3, 0, false, NEITHER},
    {"2x3/2x1 pad 1x2", 1, 33, 6, 5, 2, 3, 2, 1, 1, 2, false, NEITHER},
    {"5/1 pad 2, overlapping", 1, 2, 9, 7, 5, 5, 1, 1, 2, 2, false, NEITHER},
    {"whole image", 3, 12, 5, 4, 5, 4, 1, 1, 0, 0, false, NEITHER},
    {"window beyond the image", 1, 3, 3, 2, 4, 3, 2, 2, 1, 1, false, NEITHER},
    {"1/3 leaves gaps", 2, 8, 7, 10, 1, 1, 3, 3, 0, 0, false, NEITHER},
    {"3/2 even, rectifier behind", 2, 5, 8, 6, 3, 3, 2, 2, 0, 0, true, BEHIND},
    {"3x2/1x2 pad 1, rectifier behind", 2, 17, 6, 7, 3, 2, 1, 2, 1, 1, false, BEHIND},
    {"3/2 odd, rectifier in front", 2, 17, 9, 7, 3, 3, 2, 2, 0, 0, true, IN_FRONT},
    {"2x3/3 pad 1, rectifier in front", 3, 6, 8, 11, 2, 3, 3, 3, 1, 1, false, IN_FRONT},
    {"17x15 of an image, rectifier behind", 1, 2, 17, 17, 17, 15, 1, 1, 0, 0, false, BEHIND},
};

static void pool_case(struct verify_case *out, int row, int which)
{
    const struct pool_row *r = &pool_rows[row];
    struct pool_geometry *g = &out->desc.u.pool;

    *g = (struct pool_geometry){.method = which / 2 ? POOL_AVE : POOL_MAX,
                                .rounding = which % 2 ? POOL_FLOOR : POOL_CEIL,
                                .c = r->c,
                                .h = r->h,
                                .w = r->w,
                                .kh = r->kh,
                                .kw = r->kw,
                                .sh = r->sh,
                                .sw = r->sw,
                                .ph = r->ph,
                                .pw = r->pw};
    (void)snprintf(out->name, sizeof out->name, "pool %s %s %s", which / 2 ? "ave" : "max",
                   which % 2 ? "floor" : "ceil", r->name);
    out->small = r->small;
    out->desc.relu = r->rectifier == BEHIND && g->method == POOL_MAX;
    out->desc.mask_dx = r->rectifier == IN_FRONT;
    out->desc.kind = OP_POOL;
    out->desc.x = (struct shape){r->n, r->c, r->h, r->w};
}

/* ------------------------------------------------------------------ convolution and pool */

struct conv_pool_row {
    const char *name;
    int n;
    struct conv_geometry conv;                  /* of few channels: KW·C ≤ 16 */
    int kernel_h, kernel_w, stride_h, stride_w; /* of the pool */
    int pad;
    enum pool_rounding rounding;
    bool relu, bias, small;
    const char *variant;
};

static const struct conv_pool_row conv_pool_rows[] = {
    /*                        c   h   w  oc kh kw  stride  pad  dilation group */
    {"5x5 of 3", 3, CONV(3, 12, 11, 33, 5, 5, 1, 1, 2, 2, 1, 1, 1), 3, 3, 2, 2, 0, POOL_FLOOR, true, true,
     true, "direct"},
    {"5x5 of 3", 3, CONV(3, 12, 11, 33, 5, 5, 1, 1, 2, 2, 1, 1, 1), 3, 3, 2, 2, 0, POOL_FLOOR, true, true,
     true, "winograd"},
    {"5x5 of 3, rounding up", 2, CONV(3, 12, 9, 18, 5, 5, 1, 1, 2, 2, 1, 1, 1), 3, 3, 2, 2, 0, POOL_CEIL,
     true, true, false, "direct"},
    {"5x5 of 3, rounding up", 2, CONV(3, 13, 30, 50, 5, 5, 1, 1, 2, 2, 1, 1, 1), 3, 3, 2, 2, 0, POOL_CEIL,
     true, true, false, "winograd 2"},
    {"5x5 of 1, no rectifier", 11, CONV(1, 14, 13, 20, 5, 5, 1, 1, 0, 0, 1, 1, 1), 2, 2, 2, 2, 0, POOL_CEIL,
     false, true, false, "direct"},
    /* of lenet: for an image, more rounds of loops than llvmpipe does (device_loop_limit()) */
    {"5x5 of 1, long loops", 1, CONV(1, 28, 28, 20, 5, 5, 1, 1, 0, 0, 1, 1, 1), 2, 2, 2, 2, 0, POOL_CEIL,
     false, true, true, "direct"},
    {"5x5 of 1, no rectifier", 11, CONV(1, 14, 13, 20, 5, 5, 1, 1, 0, 0, 1, 1, 1), 2, 2, 2, 2, 0, POOL_CEIL,
     false, true, false, "winograd"},
    {"3x3 of 4, pool pad 1, no bias", 2, CONV(4, 9, 18, 21, 3, 3, 1, 1, 1, 0, 1, 1, 1), 3, 2, 1, 3, 1,
     POOL_CEIL, true, false, true, "winograd"},
    {"5x5 of 2, pool leaves gaps", 1, CONV(2, 29, 6, 9, 5, 5, 1, 1, 0, 2, 1, 1, 1), 2, 1, 7, 2, 0, POOL_FLOOR,
     true, true, false, "winograd 3"},
    {"3x3 of 3, high pool", 2, CONV(3, 11, 7, 17, 3, 3, 1, 1, 2, 1, 1, 1, 1), 6, 5, 2, 1, 2, POOL_CEIL, true,
     true, false, "winograd 1"},
    {"3x4 stride 2x1, pool pad 1", 2, CONV(2, 17, 9, 5, 3, 4, 2, 1, 1, 2, 1, 1, 1), 3, 2, 1, 3, 1, POOL_CEIL,
     true, false, true, "direct"},
    {"1x7 of 2, pool leaves gaps", 1, CONV(2, 9, 23, 49, 1, 7, 1, 1, 0, 3, 1, 1, 1), 2, 1, 3, 2, 0,
     POOL_FLOOR, true, true, false, "direct 5x1"},
};

static int conv_pool_case(struct verify_case *out, int row, struct clr_error *err)
{
    const struct conv_pool_row *r = &conv_pool_rows[row];
    struct conv_geometry *c = &out->desc.u.conv_pool.conv;
    struct pool_geometry *p = &out->desc.u.conv_pool.pool;
    int rc;

    (void)snprintf(out->name, sizeof out->name, "pooled conv %s %s", r->variant, r->name);
    out->small = r->small;
    out->desc.kind = OP_CONV_POOL;
    (void)op_variant_parse(&out->desc.variant[OP_FORWARD], r->variant);
    out->desc.relu = r->relu;
    out->desc.bias = r->bias;
    out->desc.need_dx = false;
    *c = r->conv;
    rc = geometry_conv(c, err);
    *p = (struct pool_geometry){.method = POOL_MAX,
                                .rounding = r->rounding,
                                .c = c->oc,
                                .h = c->oh,
                                .w = c->ow,
                                .kh = r->kernel_h,
                                .kw = r->kernel_w,
                                .sh = r->stride_h,
                                .sw = r->stride_w,
                                .ph = r->pad,
                                .pw = r->pad};
    if (rc == 0)
        rc = geometry_pool(p, err);
    out->desc.x = (struct shape){r->n, c->c, c->h, c->w};
    out->desc.y = (struct shape){r->n, p->c, p->oh, p->ow};
    return rc;
}

/* ------------------------------------------------------------------ the others */

struct lrn_row {
    int n, c, h, w;
    enum lrn_region region;
    int size;
    float alpha, beta, k;
    bool small;
};

static const struct lrn_row lrn_rows[] = {
    {2, 7, 3, 5, LRN_ACROSS_CHANNELS, 3, 2.0f, 0.75f, 1.0f, true},
    {1, 33, 4, 3, LRN_ACROSS_CHANNELS, 5, 0.5f, 0.75f, 2.0f, false},
    {2, 3, 5, 4, LRN_ACROSS_CHANNELS, 7, 1.0f, 1.25f, 1.0f, false}, /* larger than the channels */
    {1, 1, 2, 3, LRN_ACROSS_CHANNELS, 1, 1.0f, 0.5f, 1.0f, false},
    {2, 5, 7, 4, LRN_WITHIN_CHANNEL, 3, 2.0f, 0.75f, 1.0f, true},
    {1, 18, 6, 9, LRN_WITHIN_CHANNEL, 5, 0.5f, 0.75f, 1.0f, false},
    {2, 4, 2, 3, LRN_WITHIN_CHANNEL, 7, 1.0f, 1.25f, 1.0f, false}, /* larger than the image */
    {3, 32, 7, 8, LRN_WITHIN_CHANNEL, 3, 5e-5f, 0.75f, 1.0f, false},
};

static void lrn_case(struct verify_case *out, int row)
{
    const struct lrn_row *r = &lrn_rows[row];

    (void)snprintf(out->name, sizeof out->name, "lrn %s %d, %dx%dx%d",
                   r->region == LRN_ACROSS_CHANNELS ? "across" : "within", r->size, r->c, r->h, r->w);
    out->small = r->small;
    out->desc.kind = OP_LRN;
    out->desc.u.lrn = (struct lrn_geometry){r->region, r->c, r->h, r->w, r->size, r->alpha, r->beta, r->k};
    out->desc.x = (struct shape){r->n, r->c, r->h, r->w};
}

/* ------------------------------------------------------------------ dense layers */

static const char *const dense_ways[] = {"panels", "sliced"};
#define DENSE_WAYS (int)MEM_COUNT(dense_ways)

/* Rectified: between rectifiers that it does. */
static const struct dense_row {
    int n, c, h, w, outputs;
    bool no_bias, small, rectified;
} dense_rows[] = {
    {3, 7, 1, 1, 10, false, true, false},      {1, 1, 1, 1, 1, false, false, false},
    {5, 64, 1, 1, 100, false, false, false},   {2, 33, 1, 1, 17, true, false, false},
    {4, 576, 1, 1, 10, false, false, false},   {37, 100, 1, 1, 2, false, false, false},
    {2, 5, 3, 4, 7, false, true, true},        {5, 33, 2, 3, 70, false, false, false},
    {3, 16, 1, 5, 33, true, false, true},      {2, 21, 1, 1, 18, false, false, true},
    {140, 3, 1, 1, 4001, false, false, false}, /* so wide that nobody has to share a sum */
    {110, 31, 3, 3, 64, false, false, true},
};

static void dense_case(struct verify_case *out, const struct dense_row *r, const char *way)
{
    struct op_desc *d = &out->desc;

    (void)snprintf(out->name, sizeof out->name, "dense %s %dx%dx%dx%d to %d%s%s", way, r->n, r->c, r->h, r->w,
                   r->outputs, r->no_bias ? ", no bias" : "", r->rectified ? ", between rectifiers" : "");
    out->small = r->small;
    d->kind = OP_DENSE;
    d->x = (struct shape){r->n, r->c, r->h, r->w};
    d->y = (struct shape){r->n, r->outputs, 1, 1};
    d->bias = !r->no_bias;
    d->relu = d->mask_dx = r->rectified;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        (void)op_variant_parse(&d->variant[pass], way);
}

/* ------------------------------------------------------------------ the others */

/* Layers that a few numbers describe; what a, b and f mean depends on the kind. */
struct plain_row {
    enum op_kind kind;
    int n, c, h, w;
    int a;   /* dropout: layer; accuracy: top_k; relayout: 1 flattens */
    float f; /* relu: slope; dropout: ratio */
    bool small;
};

static const struct plain_row plain_rows[] = {
    {OP_RELU, 2, 5, 7, 3, 0, 0.0f, true},         {OP_RELU, 3, 33, 4, 5, 0, 0.0f, false},
    {OP_RELU, 1, 20, 3, 6, 0, 0.1f, false},       {OP_RELU, 4, 13, 1, 1, 0, 0.0f, false},
    {OP_DROPOUT, 2, 5, 3, 7, 2, 0.5f, true},      {OP_DROPOUT, 3, 18, 4, 5, 0, 0.3f, false},
    {OP_DROPOUT, 4, 100, 1, 1, 7, 0.9f, false},   {OP_DROPOUT, 1, 3, 2, 2, 1, 0.0f, false},
    {OP_SOFTMAX_LOSS, 3, 10, 1, 1, 0, 0, true},   {OP_SOFTMAX_LOSS, 1, 2, 1, 1, 0, 0, false},
    {OP_SOFTMAX_LOSS, 37, 11, 1, 1, 0, 0, false}, {OP_SOFTMAX_LOSS, 5, 100, 1, 1, 0, 0, false},
    {OP_ACCURACY, 20, 10, 1, 1, 1, 0, true},      {OP_ACCURACY, 37, 10, 1, 1, 5, 0, false},
    {OP_ACCURACY, 50, 2, 1, 1, 1, 0, false},      {OP_ACCURACY, 3, 3, 1, 1, 5, 0, false},
    {OP_ACCURACY, 9, 100, 1, 1, 5, 0, false},     {OP_RELAYOUT, 2, 5, 3, 7, 0, 0, true},
    {OP_RELAYOUT, 3, 33, 4, 2, 0, 0, false},      {OP_RELAYOUT, 2, 6, 3, 5, 1, 0, true},
    {OP_RELAYOUT, 3, 64, 3, 3, 1, 0, false},      {OP_RELAYOUT, 1, 19, 1, 1, 1, 0, false},
};

static void plain_case(struct verify_case *out, int row)
{
    const struct plain_row *r = &plain_rows[row];
    struct op_desc *d = &out->desc;
    struct str name = {0};

    str_append(&name, "%s %dx%dx%dx%d", op_kind_name(r->kind), r->n, r->c, r->h, r->w);
    d->kind = r->kind;
    d->x = d->y = (struct shape){r->n, r->c, r->h, r->w};
    if (r->kind == OP_RELU) {
        d->u.relu.negative_slope = r->f;
        if (r->f > 0.0f)
            str_append(&name, ", slope %g", (double)r->f);
    } else if (r->kind == OP_DROPOUT) {
        d->u.dropout.ratio = r->f;
        d->u.dropout.layer = r->a;
        str_append(&name, ", ratio %g", (double)r->f);
    } else if (r->kind == OP_ACCURACY) {
        d->u.accuracy.top_k = r->a;
        d->backward = d->need_dx = false;
        str_append(&name, ", top %d", r->a);
    } else if (r->kind == OP_RELAYOUT && r->a) {
        d->y = (struct shape){r->n, r->c * r->h * r->w, 1, 1};
        str_append(&name, " flattened");
    }
    str_copy(out->name, sizeof out->name, str_text(&name));
    str_clear(&name);
    out->small = r->small;
}

/* Update and batches, which have interfaces of their own. */
struct other_row {
    enum verify_what what;
    enum optimizer_kind optimizer;
    bool caffe, l1;
    bool usual;         /* momenta of 0.9 and 0.999, which float has not exactly */
    size_t count;       /* of the first parameter; around and beyond what one work-item handles */
    struct shape shape; /* batches */
    bool small;
};

static const struct other_row other_rows[] = {
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, false, false, false, 1, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, false, false, false, 2049, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, true, false, false, 1, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, true, false, false, 5000, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, false, true, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_NESTEROV, false, false, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_NESTEROV, true, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_ADAM, false, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_ADAM, true, false, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_ADAM, true, true, false, 2, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_SGD, false, false, true, 17, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_NESTEROV, false, false, true, 17, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_ADAM, false, false, true, 17, {0}, true},
    {VERIFY_CASE_UPDATE, OPTIMIZER_ADAM, true, false, true, 17, {0}, true},
    {VERIFY_CASE_BATCH, OPTIMIZER_SGD, false, false, false, 0, {4, 3, 5, 7}, true},
    {VERIFY_CASE_BATCH, OPTIMIZER_SGD, false, false, false, 0, {7, 1, 28, 28}, false},
    {VERIFY_CASE_BATCH, OPTIMIZER_SGD, false, false, false, 0, {1, 2, 3, 1}, false},
};

static void other_case(struct verify_case *out, int row)
{
    static const char *const names[] = {"sgd", "nesterov", "adam"};
    const struct other_row *r = &other_rows[row];

    out->what = r->what;
    out->optimizer = (struct optimizer_settings){r->optimizer, r->caffe, r->l1, r->usual ? 0.999 : 0.96875,
                                                 r->usual ? 1e-8 : 0.0009765625};
    out->momentum = r->usual ? 0.9 : VERIFY_MOMENTUM;
    out->count = r->count;
    out->small = r->small;
    out->desc.x = r->shape;
    if (r->what == VERIFY_CASE_UPDATE)
        (void)snprintf(out->name, sizeof out->name, "%s %s%s%s, a parameter of %zu", names[r->optimizer],
                       r->caffe ? "caffe" : "pytorch", r->l1 ? " l1" : "", r->usual ? " at 0.9" : "",
                       r->count);
    else
        (void)snprintf(out->name, sizeof out->name, "batch %dx%dx%dx%d", r->shape.n, r->shape.c, r->shape.h,
                       r->shape.w);
}

/* ------------------------------------------------------------------ the table */

#define CONV_CASES      ((int)MEM_COUNT(conv_rows) * CONV_ALGORITHMS + TILE_CASES)
#define TILE_CASES      ((int)MEM_COUNT(tile_rows))
#define POOL_CASES      ((int)MEM_COUNT(pool_rows) * 4)
#define CONV_POOL_CASES ((int)MEM_COUNT(conv_pool_rows))
#define LRN_CASES       ((int)MEM_COUNT(lrn_rows))
#define DENSE_CASES     ((int)MEM_COUNT(dense_rows) * DENSE_WAYS)
#define PLAIN_CASES     ((int)MEM_COUNT(plain_rows))
#define OTHER_CASES     ((int)MEM_COUNT(other_rows))

int verify_case_count(void)
{
    return CONV_CASES + POOL_CASES + CONV_POOL_CASES + LRN_CASES + DENSE_CASES + PLAIN_CASES + OTHER_CASES;
}

int verify_case_get(struct verify_case *out, int i, struct clr_error *err)
{
    struct op_desc *d = &out->desc;
    int rc = 0;

    if (i < 0 || i >= verify_case_count())
        return clr_error_set(err, CLR_EUSAGE, "there is no case %d", i);
    memset(out, 0, sizeof *out);
    out->what = VERIFY_CASE_OP;
    d->label = "verify";
    d->backward = d->need_dx = true;
    if (i < CONV_CASES) {
        if (i < TILE_CASES)
            conv_case(out, &tile_rows[i].row, tile_rows[i].variant);
        else
            conv_case(out, &conv_rows[(i - TILE_CASES) / CONV_ALGORITHMS],
                      conv_algorithms[(i - TILE_CASES) % CONV_ALGORITHMS]);
        rc = geometry_conv(&d->u.conv, err);
        d->y = (struct shape){d->x.n, d->u.conv.oc, d->u.conv.oh, d->u.conv.ow};
    } else if ((i -= CONV_CASES) < POOL_CASES) {
        pool_case(out, i / 4, i % 4);
        rc = geometry_pool(&d->u.pool, err);
        d->y = (struct shape){d->x.n, d->x.c, d->u.pool.oh, d->u.pool.ow};
    } else if ((i -= POOL_CASES) < CONV_POOL_CASES) {
        rc = conv_pool_case(out, i, err);
    } else if ((i -= CONV_POOL_CASES) < LRN_CASES) {
        lrn_case(out, i);
        rc = geometry_lrn(&d->u.lrn, err);
        d->y = d->x;
    } else if ((i -= LRN_CASES) < DENSE_CASES) {
        dense_case(out, &dense_rows[i / DENSE_WAYS], dense_ways[i % DENSE_WAYS]);
    } else if ((i -= DENSE_CASES) < PLAIN_CASES) {
        plain_case(out, i);
    } else {
        other_case(out, i - PLAIN_CASES);
    }
    return rc < 0 ? clr_error_prefix(err, "case %s", out->name) : 0;
}

/* The worse of two verdicts: the first that failed, the larger errors. */
static void worse(struct verify_result *a, const struct verify_result *b)
{
    struct verify_result keep = *a;

    if (a->ok && !b->ok)
        *a = *b;
    for (int i = 0; i < VERIFY_OUTPUT_COUNT; i++)
        a->nmse[i] = keep.nmse[i] > b->nmse[i] ? keep.nmse[i] : b->nmse[i];
    a->arrangements = keep.arrangements + b->arrangements;
}

static int run_batch(struct ocl_context *ctx, const struct verify_case *c, int block, unsigned arrangements,
                     int batch, uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    if (c->what == VERIFY_CASE_BATCH)
        return verify_batch(ctx, &c->desc.x, block, batch, seed, out, err);
    return verify_op_as(ctx, &c->desc, block, batch, seed, arrangements, out, err);
}

int verify_case_run(struct ocl_context *ctx, const struct verify_case *c, int block, unsigned arrangements,
                    uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    int n = c->desc.x.n, rc;

    if (c->what == VERIFY_CASE_UPDATE)
        rc = verify_update(ctx, &c->optimizer, c->momentum, c->count, seed, out, err);
    else
        rc = run_batch(ctx, c, block, arrangements, n, seed, out, err);
    if (rc == 0 && n > 1 && !out->unsupported) {
        struct verify_result part;
        rc = run_batch(ctx, c, block, VERIFY_BASIC, n - 1, seed + 1, &part, err);
        if (rc == 0)
            worse(out, &part);
    }
    return rc < 0 ? clr_error_prefix(err, "%s, channel block %d", c->name, block) : 0;
}
