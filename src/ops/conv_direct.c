/*
 * Direct convolution: the host side of cl/conv_direct.cl and cl/conv_direct_wgrad.cl, where the formulas,
 * layouts and tiles are explained. The data gradient is the forward kernel on flipped weights (stride 1).
 */
#include "ops/conv.h"

#include <limits.h>
#include <math.h>

struct conv_pass_state {
    enum op_pass pass;
    int xt, ob, ict, kxt;         /* tile */
    struct op_launch launches[3]; /* pack, convolve | weight slices, bias slices, reduction */
};

/* Slices of the weight gradient: few images each, so that they stay in a core's cache, but not so many slices
 * that a large batch needs the weights hundreds of times over. The batch alone decides, never the device, but
 * for one that ends loops: for a pixel they go round at most this often, by the largest tiles. */
enum { SLICE_IMAGES = 5, SLICES_MAX = 40, PIXEL_ROUNDS = 80, PIXEL_ROUNDS_16 = 112 };

static int slice_images(const struct op_desc *desc, const struct clr_device *device, int block)
{
    const struct conv_geometry *g = &desc->u.conv;
    const double rounds = (double)g->oh * g->ow * (block == 16 ? PIXEL_ROUNDS_16 : PIXEL_ROUNDS);

    return op_loops(device, rounds, op_max(SLICE_IMAGES, op_ceil(desc->x[0].n, SLICES_MAX)));
}

/* ------------------------------------------------------------------ tiles */

/* Vector registers: 32 with AVX-512, else 16. What does not fit is spilled inside the innermost loop, which
 * costs more than any better tile gains. */
static int registers(int block)
{
    return block == 16 ? 32 : 16;
}

/*
 * XT × OB: few loads per multiply-add, little waste at the ends of rows and of channel blocks, enough
 * independent sums to hide the latency of an FMA (4 cycles × 2 units). Cost in cycles per useful FMA of a
 * machine with two FMAs and two loads a cycle; +1 for the loop.
 */
static void choose_tile(int *xt, int *ob, int ow, int channel_blocks, int block, int slack_pixels)
{
    double best = INFINITY;

    for (int o = 1; o <= op_min(4, channel_blocks); o++)
        for (int x = 1; x * o + o + 1 <= registers(block) && x <= ow; x++) {
            const double waste =
                (double)(op_ceil(ow, x) * x) / ow * (op_ceil(channel_blocks, o) * o) / channel_blocks;
            const int sums = x * o, loads = x + o;
            const double cycles = 0.5 * op_max(op_max(sums, loads), 8) + 1.0;
            if (x > 1 && x > slack_pixels)
                break;
            if (waste * cycles / sums < best - 1e-9) {
                best = waste * cycles / sums;
                *xt = x;
                *ob = o;
            }
        }
}

/* A requested tile, reduced until it fits. */
static void asked_tile(int *xt, int *ob, const int *tile, int ow, int channel_blocks, int slack_pixels)
{
    *xt = op_max(1, op_min(tile[0], op_min(ow, slack_pixels)));
    *ob = op_max(1, op_min(tile[1], op_min(channel_blocks, 4)));
}

/* Pixels a tile may run over the end of a row without leaving the tensor's slack. */
static int slack_pixels(int stride, int x_block)
{
    return TENSOR_SLACK / (stride * x_block);
}

/*
 * KXT columns × ICT channels × OB vectors of the weight gradient: the cost model of choose_tile(). What costs
 * the same is decided by more sums, then by fewer loads.
 */
static void choose_wgrad_tile(struct conv_pass_state *s, const int *tile, int kw, int x_block,
                              int channel_blocks, int block)
{
    const int limit = registers(block) - 1; /* one for the input */
    double best = INFINITY;

    s->kxt = op_divisor(kw, tile[0] ? tile[0] : 6);
    for (int ob = op_min(4, channel_blocks); ob >= 1; ob--) {
        const int ict = op_divisor(x_block, (limit - ob) / (s->kxt * ob));
        const int sums = s->kxt * ict * ob, loads = s->kxt * ict + ob;
        const double waste = (double)(op_ceil(channel_blocks, ob) * ob) / channel_blocks;
        const double cycles = 0.5 * op_max(op_max(sums, loads), 8) + 1.0;
        const double cost = waste * cycles / sums - 1e-6 * sums;
        if ((ob == 1 || sums + ob <= limit) && cost < best - 1e-9) {
            best = cost;
            s->ob = ob;
            s->ict = ict;
        }
    }
    if (tile[1])
        s->ict = op_divisor(x_block, tile[1]);
    if (tile[2])
        s->ob = op_max(1, op_min(tile[2], op_min(channel_blocks, 4)));
}

/* ------------------------------------------------------------------ planning */

static bool can(const struct conv_request *r)
{
    const struct conv_geometry *g = &r->desc->u.conv;

    if (g->group != 1)
        return false;
    if (r->pass == OP_BACKWARD_DATA) /* as a forward pass with padding D(K−1) − P */
        return g->sh == 1 && g->sw == 1 && g->dh * (g->kh - 1) >= g->ph && g->dw * (g->kw - 1) >= g->pw;
    return true;
}

static int plan(struct op_needs *needs, const struct conv_request *r, struct clr_error *err)
{
    const struct op_desc *desc = r->desc;
    const enum op_pass pass = r->pass;
    const int block = r->block;
    const struct conv_geometry g = pass == OP_BACKWARD_DATA ? conv_transposed(&desc->u.conv) : desc->u.conv;
    const size_t in = (size_t)op_ceil(g.c, block) * (size_t)block;
    const size_t out = (size_t)(op_ceil(g.oc, block) + 3) * (size_t)block; /* + what OB may round up */
    const size_t weights = in * out * (size_t)g.kh * (size_t)g.kw;

    if (weights + out > INT_MAX)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             desc->label);
    conv_need_halo(needs, pass == OP_BACKWARD_DATA, g.ph, g.pw);
    if (pass == OP_BACKWARD_WEIGHTS)
        return conv_need_workspace(
            needs, (weights + out) * (size_t)op_ceil(desc->x[0].n, slice_images(desc, r->device, block)),
            err);
    return conv_need_workspace(needs, weights + out, err);
}

/* 85 % of 100 GFLOP/s, lanes beyond the channels and the zeros around a data gradient's dy included. */
static double guess(const struct conv_request *r)
{
    const struct conv_geometry *own = &r->desc->u.conv,
                               g = r->pass == OP_BACKWARD_DATA ? conv_transposed(own) : *own;
    const double ic = g.c < r->block ? g.c : op_ceil(g.c, r->block) * r->block,
                 oc = op_ceil(g.oc, r->block) * r->block;

    return (double)r->desc->x[0].n * g.oh * g.ow * g.kh * g.kw * ic * oc / (0.85 * 50e6);
}

static const int convolve_tiles[][4] = {{0},     {4, 2},  {5, 2}, {7, 2}, {8, 2},
                                        {10, 2}, {15, 1}, {8, 3}, {5, 4}};
static const int weight_tiles[][4] = {{0}, {5, 1, 2}, {5, 3, 2}, {5, 2, 2}, {5, 4, 1}, {3, 3, 3}, {3, 4, 2}};

/* ------------------------------------------------------------------ creation */

static int create_convolve(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                           const struct op_io *io, struct clr_error *err)
{
    static const char *const names[] = {"conv_direct_pack", "conv_direct_forward"};
    static const char *const what[][2] = {{"forward weights", "forward"},
                                          {"data gradient weights", "data gradient"}};
    const bool flip = r->pass == OP_BACKWARD_DATA;
    const struct conv_geometry g = flip ? conv_transposed(&op->desc.u.conv) : op->desc.u.conv;
    const struct tensor *x = flip ? &io->dy[0] : &io->x[0], *y = flip ? &io->dx[0] : &io->y[0];
    const int v = y->layout.block, ycb = op_ceil(g.oc, v), xcb = op_ceil(g.c, x->layout.block);
    int rc = 0;

    s->pass = r->pass;
    if (r->tile[0])
        asked_tile(&s->xt, &s->ob, r->tile, g.ow, ycb, slack_pixels(g.sw, x->layout.block));
    else
        choose_tile(&s->xt, &s->ob, g.ow, ycb, v, slack_pixels(g.sw, x->layout.block));
    for (int k = 0; k < 2 && rc == 0; k++) {
        struct str options = {0};
        str_append(&options, "-DV=%d -DXT=%d -DOB=%d -DFLIP=%d -DBIAS=%d -DRELU=%d -DMASK=%d", v, s->xt,
                   s->ob, flip, !flip && op->desc.bias, !flip && op->desc.relu, flip && op->desc.mask_dx);
        conv_macros(&options, &g);
        tensor_macros(&options, "X", x);
        tensor_macros(&options, "Y", y);
        tensor_macros(&options, "M", &io->x[0]);
        rc = op_launch_create(&s->launches[k], op, what[flip][k], "conv_direct.cl", &options, names[k], err);
    }
    const long long ocg = op_ceil(ycb, s->ob);
    op_launch_range(&s->launches[0], ocg * xcb * x->layout.block * g.kh * g.kw + ocg, 1, 1);
    op_launch_range(&s->launches[1], (long long)op_ceil(g.ow, s->xt) * g.oh, ocg, 0);
    op_add_variant(op, r->pass, "direct %d×%d", s->xt, s->ob);
    return rc;
}

static int create_wgrad(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                        const struct op_io *io, struct clr_error *err)
{
    static const char *const what[] = {"weight gradient", "bias gradient", "gradient sum"};
    static const char *const names[] = {"conv_wgrad_slices", "conv_bgrad_slices", "conv_wgrad_reduce"};
    const struct conv_geometry *g = &op->desc.u.conv;
    const int v = io->dy[0].layout.block, xb = io->x[0].layout.block, dcb = op_ceil(g->oc, v),
              xcb = op_ceil(g->c, xb);
    const int per_slice = slice_images(&op->desc, ocl_device(op->ctx), op->block);
    const int slices = op_ceil(op->desc.x[0].n, per_slice);
    int rc = 0;

    choose_wgrad_tile(s, r->tile, g->kw, xb, dcb, v);
    for (int k = 0; k < 3 && rc == 0; k++) {
        struct str options = {0};
        str_append(&options, "-DV=%d -DKXT=%d -DICT=%d -DOB=%d -DSLICES=%d -DPER_SLICE=%d -DBIAS=%d", v,
                   s->kxt, s->ict, s->ob, slices, per_slice, op->desc.bias);
        conv_macros(&options, g);
        tensor_macros(&options, "X", &io->x[0]);
        tensor_macros(&options, "DY", &io->dy[0]);
        rc = op_launch_create(&s->launches[k], op, what[k], "conv_direct_wgrad.cl", &options, names[k], err);
    }
    const long long taps = (long long)(g->kw / s->kxt) * g->kh * (xcb * xb / s->ict);
    const long long vectors = taps * op_ceil(dcb, s->ob) * s->kxt * s->ict * s->ob;
    op_launch_range(&s->launches[0], taps, op_ceil(dcb, s->ob), slices);
    op_launch_range(&s->launches[1], dcb, slices, 1);
    op_launch_range(&s->launches[2], vectors + dcb, 1, 1);
    op_add_variant(op, r->pass, "direct %d×%d×%d", s->kxt, s->ict, s->ob);
    return rc;
}

/* ------------------------------------------------------------------ running */

static int run_convolve(struct conv_pass_state *s, struct op *op, const struct op_io *io,
                        struct clr_error *err)
{
    const bool flip = s->pass == OP_BACKWARD_DATA;
    const cl_mem x = flip ? io->dy[0].mem : io->x[0].mem, y = flip ? io->dx[0].mem : io->y[0].mem;
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg pack[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0]), OCL_MEM(b)};
    const struct ocl_arg convolve[] = {OCL_MEM(y), OCL_MEM(x), OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem),
                                       OCL_INT(io->batch)};
    int rc = op_launch_run(&s->launches[0], op, io, pack, MEM_COUNT(pack), err);

    return rc < 0 ? rc : op_launch_run(&s->launches[1], op, io, convolve, MEM_COUNT(convolve), err);
}

static int run_wgrad(struct conv_pass_state *s, struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem db = op->desc.bias ? io->dw[1] : io->dw[0];
    const struct ocl_arg weights[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_MEM(io->dy[0].mem),
                                      OCL_INT(io->batch)};
    const struct ocl_arg biases[] = {OCL_MEM(io->workspace), OCL_MEM(io->dy[0].mem), OCL_INT(io->batch)};
    const struct ocl_arg reduce[] = {OCL_MEM(io->dw[0]), OCL_MEM(db), OCL_MEM(io->workspace)};
    int rc = op_launch_run(&s->launches[0], op, io, weights, MEM_COUNT(weights), err);

    if (rc == 0 && op->desc.bias)
        rc = op_launch_run(&s->launches[1], op, io, biases, MEM_COUNT(biases), err);
    return rc < 0 ? rc : op_launch_run(&s->launches[2], op, io, reduce, MEM_COUNT(reduce), err);
}

const struct conv_row conv_direct = {
    .name = "direct",
    .tiles = {CONV_TILES(convolve_tiles), CONV_TILES(convolve_tiles), CONV_TILES(weight_tiles)},
    .can = can,
    .guess = guess,
    .plan = plan,
    .state_size = sizeof(struct conv_pass_state),
    .create = {create_convolve, create_convolve, create_wgrad},
    .run = {run_convolve, run_convolve, run_wgrad},
};
