/*
 * Convolution as an implicit matrix product in tiles, for GPUs: the host side of cl/conv_tiled.cl and
 * cl/conv_tiled_wgrad.cl, where the formulas, layouts and tiles are explained.
 */
#include "ops/conv.h"

#include <limits.h>

/* Work-items across pixels (or weights) and across channels, and what each of them makes of both. */
struct conv_tile {
    int lx, ly, tn, tm;
};

struct conv_pass_state {
    enum op_pass pass;
    struct conv_tile tile;
    int channel_tiles, phases, phase_pixels; /* pixels of an image in the largest phase */
    struct op_launch launches[2];            /* pack, convolve | slices, reduction */
};

enum {
    GROUP_MIN = 8,       /* = BK of cl/conv_tiled_wgrad.cl */
    GROUP_MAX = 256,     /* what every GPU has; larger groups only make barriers dearer */
    DEPTH_MAX = 16,      /* terms of the sums in local memory at a time */
    GROUPS_WANTED = 512, /* of a weight gradient: some for each of a large GPU's units */
    SLICE_PIXELS = 128,  /* of a weight gradient's slice, at least */
    SLICES_MAX = 256,
};

/* ------------------------------------------------------------------ tiles */

/* The largest power of two that is at most n, within 1 … most. */
static int power_below(int n, int most)
{
    int p = 1;

    while (2 * p <= op_min(n, most))
        p *= 2;
    return p;
}

static size_t local_bytes(const struct conv_tile *t)
{
    return sizeof(float) * DEPTH_MAX * (size_t)(t->lx * t->tn + t->ly * t->tm + 8);
}

/*
 * The tile for a product of `rows` (channels) × `columns` (pixels, or weights of a channel): what is asked
 * for, made to fit the device, then the product. By default 128 work-items make 32 channels × 64 pixels, 16
 * sums each, or 64 channels × 64 weights of one, 32 each; for the few weights of a first layer 64 make 32
 * × 64. Measured on an NVIDIA H100 (driver 580, quick, batch 100; docs/benchmarking.md): of nine tiles these
 * were the fastest, or within 1 % of it, in six passes of eight; 64 work-items in all took 33 to 46 % longer.
 */
static struct conv_tile choose_tile(const struct conv_request *r, int rows, double columns)
{
    const int *asked = r->tile;
    const int limit = (int)(r->device->max_work_group < GROUP_MAX ? r->device->max_work_group : GROUP_MAX);
    const bool weights = r->pass == OP_BACKWARD_WEIGHTS;
    struct conv_tile t = !weights         ? (struct conv_tile){16, 8, 4, 4}
                         : columns >= 128 ? (struct conv_tile){16, 8, 4, 8}
                                          : (struct conv_tile){8, 8, 8, 4};

    if (asked[0])
        t = (struct conv_tile){power_below(asked[0], 32), power_below(asked[1], 32), asked[2] >= 8 ? 8 : 4,
                               asked[3] >= 8 ? 8 : 4};
    while (t.lx * t.ly > limit)
        *(t.lx > t.ly ? &t.lx : &t.ly) /= 2;
    while (t.ly > 1 && t.lx < 32 &&
           t.ly / 2 * t.tm >= rows) { /* work-items for channels that are not there */
        t.ly /= 2;
        t.lx *= 2;
    }
    while (t.lx * t.ly > GROUP_MIN && t.lx / 2 * t.tn >= columns)
        t.lx /= 2;
    while (t.lx * t.ly < op_min(GROUP_MIN, limit))
        t.lx *= 2;
    while (local_bytes(&t) > r->device->local_memory && t.tn + t.tm > 8)
        *(t.tn > t.tm ? &t.tn : &t.tm) = 4;
    return t;
}

static int greatest_common_divisor(int a, int b)
{
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

/* Lanes, existing channels or not, of what a pass sums over and of what it makes. */
static int lanes_in(const struct conv_request *r)
{
    const struct conv_geometry *g = &r->desc->u.conv;

    return op_ceil(r->pass == OP_BACKWARD_DATA ? g->oc : g->c, r->block) * r->block;
}

static int lanes_out(const struct conv_request *r)
{
    const struct conv_geometry *g = &r->desc->u.conv;

    return op_ceil(r->pass == OP_BACKWARD_DATA ? g->c : g->oc, r->block) * r->block;
}

static struct conv_tile pass_tile(const struct conv_request *r)
{
    const struct op_desc *desc = r->desc;
    const struct conv_geometry *g = &desc->u.conv;

    if (r->pass == OP_BACKWARD_WEIGHTS)
        return choose_tile(r, g->oc, (double)g->c * g->kh * g->kw + desc->bias);
    if (r->pass == OP_BACKWARD_DATA)
        return choose_tile(r, lanes_out(r),
                           (double)desc->x[0].n * op_ceil(g->h, g->sh) * op_ceil(g->w, g->sw));
    return choose_tile(r, lanes_out(r), (double)desc->x[0].n * g->oh * g->ow);
}

/* Pixels of a slice of the weight gradient: geometry, planned batch and tile decide, the device does not. */
static int slice_pixels(const struct op_desc *desc, const struct conv_tile *t)
{
    const struct conv_geometry *g = &desc->u.conv;
    const int pixels = desc->x[0].n * g->oh * g->ow;
    const int tiles = op_ceil(g->oc, t->ly * t->tm) * op_ceil(g->c * g->kh * g->kw + 1, t->lx * t->tn);
    const int wanted = op_min(SLICES_MAX, op_ceil(GROUPS_WANTED, tiles));
    const int pixels_each = op_max(SLICE_PIXELS, op_ceil(pixels, wanted));

    return op_ceil(pixels_each, GROUP_MIN) * GROUP_MIN;
}

static int slice_count(const struct op_desc *desc, const struct conv_tile *t)
{
    return op_ceil(desc->x[0].n * desc->u.conv.oh * desc->u.conv.ow, slice_pixels(desc, t));
}

/* ------------------------------------------------------------------ planning */

/* Kernels number the pixels of a batch and the floats of an image, with its halo, with ints. */
static bool can(const struct conv_request *r)
{
    const struct conv_geometry *g = &r->desc->u.conv;
    const double images = r->desc->x[0].n,
                 inputs = (double)(g->h + 2 * g->ph + g->kh * g->dh) * (g->w + 2 * g->pw + g->kw * g->dw);
    const double outputs = (double)(g->oh + g->kh * g->dh + g->ph) * (g->ow + g->kw * g->dw + g->pw);
    const double limit = 1 << 30;
    const struct conv_tile t = pass_tile(r);

    return g->group == 1 && images * inputs < limit && images * outputs < limit &&
           inputs * (g->c + 16) < limit && outputs * (g->oc + 16) < limit && t.lx * t.ly >= GROUP_MIN &&
           local_bytes(&t) <= r->device->local_memory;
}

/* How far taps that serve a pixel of dx reach over dy's border: at its beginning or its end. */
static int gradient_halo(int in, int out, int kernel, int stride, int pad, int dilation)
{
    const int before = (dilation * (kernel - 1) - pad) / stride, after = (in - 1 + pad) / stride - (out - 1);

    return op_max(0, op_max(before, after));
}

static int plan(struct op_needs *needs, const struct conv_request *r, struct clr_error *err)
{
    const struct op_desc *desc = r->desc;
    const struct conv_geometry *g = &desc->u.conv;
    const struct conv_tile t = pass_tile(r);
    const int bm = t.ly * t.tm, bn = t.lx * t.tn, rows = op_ceil(lanes_out(r), bm) * bm;
    const struct shape weights = {rows, lanes_in(r), g->kh, g->kw};
    size_t count;

    if (!shape_count(&weights, &count) || count > INT_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             desc->label);
    if (r->pass == OP_BACKWARD_DATA) {
        conv_need_halo(needs, true, gradient_halo(g->h, g->oh, g->kh, g->sh, g->ph, g->dh),
                       gradient_halo(g->w, g->ow, g->kw, g->sw, g->pw, g->dw));
        return conv_need_workspace(needs, count, err);
    }
    conv_need_halo(needs, false, g->ph, g->pw);
    if (r->pass == OP_FORWARD)
        return conv_need_workspace(needs, count, err);
    count += (size_t)rows * (size_t)(bn + desc->bias); /* columns of ones, and what rounding up adds */
    if (!clr_mul_size(&count, count, (size_t)slice_count(desc, &t)))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    return conv_need_workspace(needs, count, err);
}

/*
 * On CPUs a barrier costs more than what it is there for: 10 to 35 times the time of the direct kernels was
 * measured through PoCL. On a GPU (NVIDIA H100) it was the fastest in seven of quick's eight passes.
 */
static double guess(const struct conv_request *r)
{
    return conv_multiply_adds(r->desc) / ((r->device->type == CLR_DEVICE_CPU ? 0.04 : 1.5) * 50e6);
}

static const int tiles[][4] = {{0},           {8, 8, 4, 4},  {8, 8, 8, 4},  {8, 8, 8, 8},   {16, 8, 4, 4},
                               {16, 8, 8, 4}, {8, 16, 8, 4}, {16, 8, 4, 8}, {16, 16, 4, 4}, {16, 16, 8, 8}};

/* ------------------------------------------------------------------ creation */

static void tile_macros(struct str *options, const struct conv_tile *t)
{
    str_append(options, "-DLX=%d -DLY=%d -DTN=%d -DTM=%d", t->lx, t->ly, t->tn, t->tm);
}

/*
 * Taps in local memory at a time: about 8 terms of a sum where a group is one wavefront, which need not
 * wait at a barrier, and 16 where it is more; a tap for each of the work-items that copy the same pixel
 * where they are not too deep.
 */
static int taps_at_once(const struct conv_tile *t, int x_block)
{
    const int depth = t->lx * t->ly > 64 ? DEPTH_MAX : DEPTH_MAX / 2, lanes = op_max(1, t->ly / t->tn);
    const int taps = op_min(op_ceil(depth, x_block), op_max(1, DEPTH_MAX / x_block));

    return lanes * x_block <= DEPTH_MAX ? op_max(lanes, taps / lanes * lanes) : taps;
}

static void begin(struct conv_pass_state *s, struct op *op, const struct conv_request *r)
{
    s->pass = r->pass;
    s->tile = pass_tile(r);
    op_add_variant(op, r->pass, "tiled %d×%d×%d×%d", s->tile.lx, s->tile.ly, s->tile.tn, s->tile.tm);
}

static int create_convolve(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                           const struct op_io *io, struct clr_error *err)
{
    static const char *const names[] = {"conv_tiled_pack", "conv_tiled"};
    static const char *const what[][2] = {{"forward weights", "forward"},
                                          {"data gradient weights", "data gradient"}};
    const bool data = r->pass == OP_BACKWARD_DATA;
    const struct conv_geometry *g = &op->desc.u.conv;
    const struct tensor *x = data ? &io->dy[0] : &io->x[0], *y = data ? &io->dx[0] : &io->y[0];
    const struct conv_tile *t = &s->tile;
    const int v = y->layout.block, xb = x->layout.block, rows = op_ceil(y->shape.c, v) * v;
    const int ih = data ? g->sh / greatest_common_divisor(g->sh, g->dh) : 1;
    const int iw = data ? g->sw / greatest_common_divisor(g->sw, g->dw) : 1;
    int rc = 0;

    begin(s, op, r);
    for (int k = 0; k < 2 && rc == 0; k++) {
        struct str options = {0};
        tile_macros(&options, t);
        str_append(&options, " -DV=%d -DTAPS=%d -DDATA=%d -DBIAS=%d -DRELU=%d -DMASK=%d -DIH=%d -DIW=%d", v,
                   taps_at_once(t, xb), data, !data && op->desc.bias, !data && op->desc.relu,
                   data && op->desc.mask_dx, ih, iw);
        conv_macros(&options, g);
        tensor_macros(&options, "X", x);
        tensor_macros(&options, "Y", y);
        tensor_macros(&options, "M", &io->x[0]);
        rc = op_launch_create(&s->launches[k], op, what[data][k], "conv_tiled.cl", &options, names[k], err);
    }
    s->channel_tiles = op_ceil(rows, t->ly * t->tm);
    s->phases = data ? g->sh * g->sw : 1;
    s->phase_pixels = data ? op_ceil(g->h, g->sh) * op_ceil(g->w, g->sw) : g->oh * g->ow;
    const long long taps = (long long)op_ceil(x->shape.c, xb) * xb * g->kh * g->kw;
    op_launch_range(&s->launches[0], s->channel_tiles * t->ly * t->tm / 4 * taps, 1, 1);
    op_launch_range(&s->launches[1], 0, (long long)s->channel_tiles * t->ly, s->phases);
    return rc;
}

static int create_wgrad(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                        const struct op_io *io, struct clr_error *err)
{
    static const char *const what[] = {"weight gradient", "gradient sum"};
    static const char *const names[] = {"conv_tiled_slices", "conv_tiled_reduce"};
    const struct conv_geometry *g = &op->desc.u.conv;
    const struct conv_tile *t = &s->tile;
    const int xb = io->x[0].layout.block;
    const int columns = op_ceil(g->c, xb) * xb * g->kh * g->kw + op->desc.bias;
    int slices, rc = 0;

    begin(s, op, r);
    slices = slice_count(&op->desc, t);
    for (int k = 0; k < 2 && rc == 0; k++) {
        struct str options = {0};
        tile_macros(&options, t);
        str_append(&options, " -DV=%d -DSLICES=%d -DPER_SLICE=%d -DBIAS=%d", io->dy[0].layout.block, slices,
                   slice_pixels(&op->desc, t), op->desc.bias);
        conv_macros(&options, g);
        tensor_macros(&options, "X", &io->x[0]);
        tensor_macros(&options, "DY", &io->dy[0]);
        rc = op_launch_create(&s->launches[k], op, what[k], "conv_tiled_wgrad.cl", &options, names[k], err);
    }
    op_launch_range(&s->launches[0], (long long)op_ceil(columns, t->lx * t->tn) * t->lx,
                    (long long)op_ceil(g->oc, t->ly * t->tm) * t->ly, slices);
    op_launch_range(&s->launches[1], columns, g->oc, 1);
    return rc;
}

/* ------------------------------------------------------------------ running */

static int run_convolve(struct conv_pass_state *s, struct op *op, const struct op_io *io,
                        struct clr_error *err)
{
    const bool data = s->pass == OP_BACKWARD_DATA;
    const cl_mem x = data ? io->dy[0].mem : io->x[0].mem, y = data ? io->dx[0].mem : io->y[0].mem;
    const cl_mem other = data ? io->x[0].mem : op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg pack[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0])};
    const struct ocl_arg convolve[] = {OCL_MEM(y), OCL_MEM(x), OCL_MEM(io->workspace), OCL_MEM(other),
                                       OCL_INT(io->batch)};
    int rc = op_launch_run(&s->launches[0], op, io, pack, MEM_COUNT(pack), err);

    s->launches[1].global[0] =
        (size_t)op_ceil(io->batch * s->phase_pixels, s->tile.lx * s->tile.tn) * (size_t)s->tile.lx;
    return rc < 0 ? rc : op_launch_run(&s->launches[1], op, io, convolve, MEM_COUNT(convolve), err);
}

static int run_wgrad(struct conv_pass_state *s, struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem db = op->desc.bias ? io->dw[1] : io->dw[0];
    const struct ocl_arg slices[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_MEM(io->dy[0].mem),
                                     OCL_INT(io->batch)};
    const struct ocl_arg reduce[] = {OCL_MEM(io->dw[0]), OCL_MEM(db), OCL_MEM(io->workspace)};
    int rc = op_launch_run(&s->launches[0], op, io, slices, MEM_COUNT(slices), err);

    return rc < 0 ? rc : op_launch_run(&s->launches[1], op, io, reduce, MEM_COUNT(reduce), err);
}

const struct conv_row conv_tiled = {
    .name = "tiled",
    .tiles = {CONV_TILES(tiles), CONV_TILES(tiles), CONV_TILES(tiles)},
    .can = can,
    .guess = guess,
    .plan = plan,
    .state_size = sizeof(struct conv_pass_state),
    .create = {create_convolve, create_convolve, create_wgrad},
    .run = {run_convolve, run_convolve, run_wgrad},
};
