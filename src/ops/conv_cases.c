/*
 * The geometries that convolutions are verified on, pooled or not. Each row is there for an edge: H ≠ W,
 * channels that are no multiple of any block, windows over the border, one output, one image.
 */
#include "ops/conv.h"

/* ------------------------------------------------------------------ convolution */

/* Each geometry is tried with each of them, but for those that cannot do it (verify_case_applies()); where
 * one cannot do one of the passes, another does it. */
static const char *const conv_algorithms[] = {"direct", "gemm", "tiled"};
#define CONV_ALGORITHMS (int)MEM_COUNT(conv_algorithms)

/* PLAIN: with bias, not in the small subset. RECTIFIED: between rectifiers that it does (relu, mask_dx). */
enum conv_note { PLAIN, SMALL, NO_BIAS, RECTIFIED, SMALL_RECTIFIED };

struct conv_case {
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

static const struct conv_case geometries[] = {
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
    {"3x3 of large images", 3, CONV(4, 64, 64, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1), PLAIN},
    {"16x16, columns beyond 32 MB", 3, CONV(16, 39, 47, 1, 16, 16, 1, 1, 0, 0, 1, 1, 1), PLAIN},
};

/*
 * Tiles that lead to other code than the algorithm's own choice does, and algorithms for some geometries
 * only. Winograd: images that its 4×4 tiles do not fill, channels that fill no block, more tiles than go at a
 * time, one tile, a batch that leaves slices of the weight gradient empty.
 */
static const struct tile_case {
    const char *variant;
    struct conv_case geometry;
} tiles[] = {
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
    /* of the mask, a tile's rows beyond the image and any halo are longer than the slack after a tensor */
    {"winograd-staged",
     {"3x3 no pad, long rows", 1, CONV(3, 6, 602, 1, 3, 3, 1, 1, 0, 0, 1, 1, 1), SMALL_RECTIFIED}},
    {"winograd-staged", {"5x5 of large images", 2, CONV(3, 128, 128, 5, 5, 5, 1, 1, 2, 2, 1, 1, 1), PLAIN}},
    {"winograd-staged 4x2x24", {"3x3 20 to 40", 5, CONV(20, 9, 9, 40, 3, 3, 1, 1, 0, 1, 1, 1, 1), PLAIN}},
};

/* Every pass by `variant`. */
static void set_case(struct op_case *out, const struct conv_case *r, const char *variant)
{
    (void)snprintf(out->name, sizeof out->name, "conv %s %s", variant, r->name);
    out->small = r->note == SMALL || r->note == SMALL_RECTIFIED;
    out->desc.relu = r->note == RECTIFIED || r->note == SMALL_RECTIFIED;
    out->desc.mask_dx = out->desc.relu;
    out->desc.bias = r->note != NO_BIAS;
    out->desc.u.conv = r->g;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        (void)op_variant_parse(&out->desc.variant[pass], variant);
    out->desc.x[0] = (struct shape){r->n, r->g.c, r->g.h, r->g.w};
}

static void get_conv(struct op_case *out, int i)
{
    const int k = i - (int)MEM_COUNT(tiles);
    struct op_desc *d = &out->desc;

    if (k < 0)
        set_case(out, &tiles[i].geometry, tiles[i].variant);
    else
        set_case(out, &geometries[k / CONV_ALGORITHMS], conv_algorithms[k % CONV_ALGORITHMS]);
    out->unfit = geometry_conv(&d->u.conv, NULL) < 0;
    d->y[0] = (struct shape){d->x[0].n, d->u.conv.oc, d->u.conv.oh, d->u.conv.ow};
}

const struct op_cases conv_cases = {(int)(MEM_COUNT(tiles) + CONV_ALGORITHMS * MEM_COUNT(geometries)),
                                    get_conv};

/* ------------------------------------------------------------------ convolution and pool */

struct conv_pool_case {
    const char *name;
    int n;
    struct conv_geometry conv;                  /* of few channels: KW·C ≤ 16 */
    int kernel_h, kernel_w, stride_h, stride_w; /* of the pool */
    int pad;
    enum pool_rounding rounding;
    bool relu, bias, small;
    const char *variant;
};

static const struct conv_pool_case pooled[] = {
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

static void get_conv_pool(struct op_case *out, int i)
{
    const struct conv_pool_case *r = &pooled[i];
    struct conv_geometry *c = &out->desc.u.conv;
    struct pool_geometry *p = &out->desc.u.pool;

    (void)snprintf(out->name, sizeof out->name, "pooled conv %s %s", r->variant, r->name);
    out->small = r->small;
    (void)op_variant_parse(&out->desc.variant[OP_FORWARD], r->variant);
    out->desc.relu = r->relu;
    out->desc.bias = r->bias;
    out->desc.need_dx = false;
    *c = r->conv;
    out->unfit = geometry_conv(c, NULL) < 0;
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
    out->unfit |= geometry_pool(p, NULL) < 0;
    out->desc.x[0] = (struct shape){r->n, c->c, c->h, c->w};
    out->desc.y[0] = (struct shape){r->n, p->c, p->oh, p->ow};
}

const struct op_cases conv_pool_cases = {MEM_COUNT(pooled), get_conv_pool};
