/*
 * Winograd convolution: the host side of cl/conv_winograd.cl, where formulas, layouts and tiles are
 * explained. Two rows of the table: "winograd" takes a few tiles at a time through all stages in one kernel,
 * with local memory as scratch: for CPUs, where that is a piece of the cache. "winograd-staged" is for
 * everything else.
 *
 * Tile: TT × OB of the products, NT image tiles at a time, slices of the weight gradient.
 */
#include <limits.h>

#include "ops/conv.h"

/* A pass and its tile, changed until it fits the geometry. */
struct pass_work {
    struct conv_geometry g; /* as the pass sees it */
    bool fused;
    int positions, tiles; /* of one image */
    int icb, ocb;         /* channel blocks */
    int tt, ob, nt;       /* tile */
    int slices, slice_images;
};

enum { FILTER, KERNELS_MAX = 4 };

struct conv_pass_state {
    enum op_pass pass;
    struct pass_work work;
    struct op_launch launches[KERNELS_MAX];
};

/* ------------------------------------------------------------------ numbers */

enum {
    FUSED_BYTES = 128 << 10, /* of transformed inputs at a time: a part of a core's second-level cache */
    FUSED_WEIGHT_BYTES = 256 << 10, /* the same with dy, for the weight gradient */
    FUSED_TILES = 32,               /* and not more tiles than that, so that there is work for all cores */
    STAGED_BYTES = 64 << 20,        /* likewise, in global memory */
    SLICES = 6,                     /* of the weight gradient: each costs a set of sums to write and read */
};

static size_t fused_bytes(const struct pass_work *w, int block, bool weights)
{
    const size_t out = weights ? (size_t)w->ocb : (size_t)w->ob, nt = (size_t)w->nt;

    return sizeof(float) * (size_t)w->positions * (nt * ((size_t)w->icb + out) + 2) * (size_t)block;
}

/*
 * TT × OB sums are in registers: 16 with the 32 registers of AVX-512, 8 elsewhere. OB is chosen first, since
 * v is read once for OB vectors of outputs. Three vectors are computed at once, with 12 sums: if two were, v
 * would be read again for the third alone.
 */
static void choose_product(struct pass_work *w, const int *tile, int block, bool weights)
{
    const bool three = w->ocb == 3 && block == 8 && !weights;
    const int sums = block == 16 ? 16 : three ? 12 : 8;

    w->ob = op_min(w->ocb, tile[1] ? tile[1] : three ? 3 : weights && w->ocb >= 4 && block == 16 ? 4 : 2);
    w->tt = op_min(32, tile[0] ? tile[0] : op_max(1, sums / w->ob));
    if (weights)
        w->tt = op_divisor(w->icb * block, w->tt);
}

static void choose_tiles(struct pass_work *w, const int *tile, int block, int batch, bool weights)
{
    const int step = weights ? 1 : w->tt;
    const double one =
        sizeof(float) * (double)w->positions * block * (weights || !w->fused ? w->icb + w->ocb : w->icb);
    const double fit = (double)(!w->fused ? STAGED_BYTES : weights ? FUSED_WEIGHT_BYTES : FUSED_BYTES) / one;
    const long long all = (long long)batch * w->tiles;
    long long nt = tile[2] ? tile[2] : fit < 1.0 ? 1 : fit > (double)all ? all : (long long)fit;

    if (w->fused && nt > FUSED_TILES)
        nt = FUSED_TILES;
    nt = nt > all ? all : nt;
    nt = nt < step ? step : nt / step * step;
    w->nt = (int)nt;
}

static struct pass_work pass_work(const struct conv_request *r)
{
    const bool weights = r->pass == OP_BACKWARD_WEIGHTS, fused = r->row == &conv_winograd;
    struct pass_work w = {.fused = fused};
    int wanted = r->tile[3] ? r->tile[3] : SLICES;

    w.g = r->pass == OP_BACKWARD_DATA ? conv_transposed(&r->desc->u.conv) : r->desc->u.conv;
    w.positions = (w.g.kh + 3) * (w.g.kh + 3);
    w.tiles = op_ceil(w.g.oh, 4) * op_ceil(w.g.ow, 4);
    w.icb = op_ceil(w.g.c, r->block);
    w.ocb = op_ceil(w.g.oc, r->block);
    choose_product(&w, r->tile, r->block, weights);
    choose_tiles(&w, r->tile, r->block, r->desc->x[0].n, weights);
    w.slice_images = fused ? op_ceil(r->desc->x[0].n, wanted) : r->desc->x[0].n;
    w.slices = op_ceil(r->desc->x[0].n, w.slice_images);
    return w;
}

/* ------------------------------------------------------------------ planning */

static bool can(const struct conv_request *r)
{
    const struct conv_geometry *g = &r->desc->u.conv;
    const bool kernel = g->kh == g->kw && (g->kh == 3 || g->kh == 5) && g->sh == 1 && g->sw == 1 &&
                        g->dh == 1 && g->dw == 1 && g->group == 1;
    struct pass_work w;

    if (!kernel || (r->pass == OP_BACKWARD_DATA && (g->ph >= g->kh || g->pw >= g->kw)))
        return false;
    if ((long long)r->desc->x[0].n * op_ceil(g->oh, 4) * op_ceil(g->ow, 4) > INT_MAX / 64)
        return false;
    w = pass_work(r);
    return !w.fused || (r->device->type == CLR_DEVICE_CPU &&
                        fused_bytes(&w, r->block, r->pass == OP_BACKWARD_WEIGHTS) <= r->device->local_memory);
}

/* The products, and about six operations for each transformed value, at 60 % of 100 GFLOP/s. */
static double guess_fused(const struct conv_request *r)
{
    const struct pass_work w = pass_work(r);
    const double ic = (double)w.icb * r->block, oc = (double)w.ocb * r->block;

    return (double)r->desc->x[0].n * w.tiles * w.positions * (ic * oc + 6.0 * (ic + oc)) / (0.6 * 50e6);
}

/* As fast as a direct convolution at half the peak: what it was on a CPU. On an NVIDIA H100 the tiles were
 * faster. */
static double guess_staged(const struct conv_request *r)
{
    return conv_multiply_adds(r->desc) / (0.5 * 50e6);
}

static const int convolve_tiles[][4] = {{0},       {16, 1, 16}, {8, 2, 16}, {8, 2, 8},
                                        {4, 4, 8}, {12, 2, 24}, {16, 1, 32}};
static const int weight_tiles[][4] = {{0},       {8, 2, 16},     {4, 4, 16},    {4, 4, 8},
                                      {8, 2, 8}, {8, 2, 16, 20}, {4, 4, 16, 20}};
static const int staged_tiles[1][4];

/* Floats of the transformed weights with the bias, or of the partial sums; `staged` gets those of v and m. */
static bool workspace(const struct pass_work *w, int block, bool weights, size_t *first, size_t staged[2])
{
    const size_t v = (size_t)block, positions = (size_t)w->positions, ic = (size_t)w->icb * v;
    const size_t oc = (size_t)(weights ? w->ocb : op_ceil(w->ocb, w->ob) * w->ob) * v;
    const size_t gap = weights ? 0 : positions * v * (size_t)op_ceil(w->ocb, w->ob); /* U_STEP */
    size_t sums;

    if (!clr_mul_size(&sums, positions * ic, oc) ||
        !clr_mul_size(first, sums + gap + oc, weights ? (size_t)w->slices : 1) || sums > INT_MAX)
        return false;
    staged[0] = w->fused ? 0 : positions * ((size_t)w->nt * ic + v); /* V_STEP */
    staged[1] = w->fused ? 0 : positions * ((size_t)w->nt * oc + v * (size_t)op_ceil(w->ocb, w->ob));
    return true;
}

static int plan(struct op_needs *needs, const struct conv_request *r, struct clr_error *err)
{
    const struct pass_work w = pass_work(r);
    const bool weights = r->pass == OP_BACKWARD_WEIGHTS;
    const int over_h = op_ceil(w.g.oh, 4) * 4 - w.g.oh, over_w = op_ceil(w.g.ow, 4) * 4 - w.g.ow;
    size_t first, staged[2];

    needs->x_any_block &= r->pass == OP_BACKWARD_DATA;
    conv_need_halo(needs, r->pass == OP_BACKWARD_DATA, w.g.ph + over_h, w.g.pw + over_w);
    if (weights)
        conv_need_halo(needs, true, over_h, over_w);
    if (!workspace(&w, r->block, weights, &first, staged))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             r->desc->label);
    return conv_need_workspace(needs, first + staged[0] + staged[1], err);
}

/* ------------------------------------------------------------------ creation */

static int get_kernel(struct conv_pass_state *s, struct op *op, int k, const char *name, const char *what,
                      const struct op_io *io, struct clr_error *err)
{
    const struct pass_work *w = &s->work;
    const bool flip = s->pass == OP_BACKWARD_DATA, weights = s->pass == OP_BACKWARD_WEIGHTS;
    struct str options = {0};
    size_t first = 0, staged[2] = {0, 0};

    (void)workspace(w, op->block, weights, &first, staged);
    str_append(&options,
               "-DV=%d -DR=%d -DOC=%d -DIC=%d -DPH=%d -DPW=%d -DOH=%d -DOW=%d -DTT=%d -DOB=%d -DNT=%d "
               "-DFUSED=%d -DBIAS=%d",
               op->block, w->g.kh, w->g.oc, w->g.c, w->g.ph, w->g.pw, w->g.oh, w->g.ow, w->tt, w->ob, w->nt,
               w->fused, !flip && op->desc.bias);
    if (!w->fused)
        str_append(&options, " -DV_AT=%zuUL -DM_AT=%zuUL", first, first + staged[0]);
    if (weights)
        str_append(&options, " -DSLICES=%d -DPER_SLICE=%d", w->slices, w->slice_images);
    else
        str_append(&options, " -DFLIP=%d -DRELU=%d -DMASK=%d", flip, !flip && op->desc.relu,
                   flip && op->desc.mask_dx);
    tensor_macros(&options, "X", flip ? &io->dy[0] : &io->x[0]);
    tensor_macros(&options, weights ? "DY" : "Y", flip ? &io->dx[0] : weights ? &io->dy[0] : &io->y[0]);
    if (flip && op->desc.mask_dx)
        tensor_macros(&options, "MASK", &io->x[0]);
    return op_launch_create(&s->launches[k], op, what, "conv_winograd.cl", &options, name, err);
}

static void begin(struct conv_pass_state *s, struct op *op, const struct conv_request *r)
{
    s->pass = r->pass;
    s->work = pass_work(r);
    op_add_variant(op, r->pass, "%s %d×%d×%d", r->row->name, s->work.tt, s->work.ob, s->work.nt);
}

/* Forward and data gradient: filter, then fused, or input, products, output. */
static int create_forward(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                          const struct op_io *io, struct clr_error *err)
{
    static const char *const what[2][4] = {
        {"forward weights", "forward input", "forward products", "forward output"},
        {"data gradient weights", "data gradient input", "data gradient products", "data gradient output"}};
    static const char *const names[] = {"winograd_filter", "winograd_input", "winograd_multiply",
                                        "winograd_output"};
    const struct pass_work *w = &s->work;
    const bool flip = r->pass == OP_BACKWARD_DATA;
    int groups, rc;

    begin(s, op, r);
    groups = op_ceil(w->ocb, w->ob);
    op_launch_range(&s->launches[FILTER], w->icb * op->block + 1, (long long)groups * w->ob, 1);
    rc = get_kernel(s, op, FILTER, names[FILTER], what[flip][FILTER], io, err);
    if (rc == 0 && w->fused)
        return get_kernel(s, op, 1, "winograd_fused", flip ? "data gradient" : "forward", io, err);
    op_launch_range(&s->launches[1], w->nt, w->icb, 1);
    op_launch_range(&s->launches[2], w->nt / w->tt, groups, w->positions);
    op_launch_range(&s->launches[3], w->nt, w->ocb, 1);
    for (int k = 1; k < KERNELS_MAX && rc == 0; k++)
        rc = get_kernel(s, op, k, names[k], what[flip][k], io, err);
    return rc;
}

/* Weight gradient: the inverse (kernel 0), slices, or input, dy, products. */
static int create_weights(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                          const struct op_io *io, struct clr_error *err)
{
    static const char *const names[] = {"winograd_weights", "winograd_input", "winograd_dy",
                                        "winograd_accumulate"};
    static const char *const what[] = {"gradient sum", "weight gradient input", "weight gradient dy",
                                       "weight gradient products"};
    const struct pass_work *w = &s->work;
    int rc;

    begin(s, op, r);
    op_launch_range(&s->launches[0], w->ocb, w->g.c + 1, 1);
    op_launch_range(&s->launches[1], w->fused ? w->slices : w->nt, w->fused ? 1 : w->icb, 1);
    op_launch_range(&s->launches[2], w->nt, w->ocb, 1);
    op_launch_range(&s->launches[3], w->icb * op->block / w->tt, op_ceil(w->ocb, w->ob), w->positions);
    rc = get_kernel(s, op, 0, names[0], what[0], io, err);
    if (rc == 0 && w->fused)
        return get_kernel(s, op, 1, "winograd_slices", "weight gradient", io, err);
    for (int k = 1; k < KERNELS_MAX && rc == 0; k++)
        rc = get_kernel(s, op, k, names[k], what[k], io, err);
    return rc;
}

/* ------------------------------------------------------------------ running */

static int run_forward(struct conv_pass_state *s, struct op *op, const struct op_io *io,
                       struct clr_error *err)
{
    const struct pass_work *w = &s->work;
    const bool flip = s->pass == OP_BACKWARD_DATA;
    const cl_mem x = flip ? io->dy[0].mem : io->x[0].mem, y = flip ? io->dx[0].mem : io->y[0].mem;
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0], mask = io->x[0].mem;
    const struct ocl_arg filter[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0]), OCL_MEM(b)};
    const struct ocl_arg fused[] = {OCL_MEM(y), OCL_MEM(x), OCL_MEM(io->workspace), OCL_MEM(mask),
                                    OCL_INT(io->batch)};
    int rc = op_launch_run(&s->launches[FILTER], op, io, filter, MEM_COUNT(filter), err);

    if (rc == 0 && w->fused) {
        op_launch_range(&s->launches[1], op_ceil(io->batch * w->tiles, w->nt), 1, 1);
        return op_launch_run(&s->launches[1], op, io, fused, MEM_COUNT(fused), err);
    }
    for (int first = 0; first < io->batch * w->tiles && rc == 0; first += w->nt) {
        const struct ocl_arg input[] = {OCL_MEM(io->workspace), OCL_MEM(x), OCL_INT(first),
                                        OCL_INT(io->batch)};
        const struct ocl_arg output[] = {OCL_MEM(y), OCL_MEM(io->workspace), OCL_MEM(mask), OCL_INT(first),
                                         OCL_INT(io->batch)};
        rc = op_launch_run(&s->launches[1], op, io, input, MEM_COUNT(input), err);
        if (rc == 0)
            rc = op_launch_run(&s->launches[2], op, io, filter, 1, err);
        if (rc == 0)
            rc = op_launch_run(&s->launches[3], op, io, output, MEM_COUNT(output), err);
    }
    return rc;
}

static int run_weights(struct conv_pass_state *s, struct op *op, const struct op_io *io,
                       struct clr_error *err)
{
    const struct pass_work *w = &s->work;
    const cl_mem db = op->desc.bias ? io->dw[1] : io->dw[0];
    const struct ocl_arg inverse[] = {OCL_MEM(io->dw[0]), OCL_MEM(db), OCL_MEM(io->workspace)};
    const struct ocl_arg slices[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_MEM(io->dy[0].mem),
                                     OCL_INT(io->batch)};
    int rc = 0;

    if (w->fused)
        rc = op_launch_run(&s->launches[1], op, io, slices, MEM_COUNT(slices), err);
    for (int first = 0; !w->fused && first < io->batch * w->tiles && rc == 0; first += w->nt) {
        const struct ocl_arg input[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_INT(first),
                                        OCL_INT(io->batch)};
        const struct ocl_arg dy[] = {OCL_MEM(io->workspace), OCL_MEM(io->dy[0].mem), OCL_INT(first),
                                     OCL_INT(io->batch)};
        const struct ocl_arg products[] = {OCL_MEM(io->workspace), OCL_INT(first)};
        rc = op_launch_run(&s->launches[1], op, io, input, MEM_COUNT(input), err);
        if (rc == 0)
            rc = op_launch_run(&s->launches[2], op, io, dy, MEM_COUNT(dy), err);
        if (rc == 0)
            rc = op_launch_run(&s->launches[3], op, io, products, MEM_COUNT(products), err);
    }
    return rc < 0 ? rc : op_launch_run(&s->launches[0], op, io, inverse, MEM_COUNT(inverse), err);
}

const struct conv_row conv_winograd = {
    .name = "winograd",
    .nmse = WINOGRAD_NMSE,
    .can = can,
    .tiles = {CONV_TILES(convolve_tiles), CONV_TILES(convolve_tiles), CONV_TILES(weight_tiles)},
    .guess = guess_fused,
    .plan = plan,
    .state_size = sizeof(struct conv_pass_state),
    .create = {create_forward, create_forward, create_weights},
    .run = {run_forward, run_forward, run_weights},
};

const struct conv_row conv_winograd_staged = {
    .name = "winograd-staged",
    .nmse = WINOGRAD_NMSE,
    .can = can,
    .tiles = {CONV_TILES(staged_tiles), CONV_TILES(staged_tiles), CONV_TILES(staged_tiles)},
    .guess = guess_staged,
    .plan = plan,
    .state_size = sizeof(struct conv_pass_state),
    .create = {create_forward, create_forward, create_weights},
    .run = {run_forward, run_forward, run_weights},
};
