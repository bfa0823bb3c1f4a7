/*
 * The first convolution of a net with the maximum pool and the rectifier after it: host side of
 * cl/conv_pool.cl, where formulas and layouts are. Oracles: ref_conv_forward(), ref_pool_forward() and their
 * gradients, one after the other.
 */
#include <limits.h>
#include <math.h>

#include "ops/conv.h"
#include "ref/ref.h"

enum { PACK, FORWARD, SLICES, REDUCE, KERNEL_COUNT };
enum { SLICE_COUNT = 10, ROW = 16 }; /* slices of the batch; floats of a row of the kernel */

/* The variant that makes the map. */
struct map_variant {
    bool winograd;
    int xt, ob; /* tile: pixels (direct) and vectors in registers */
};

struct conv_pool_op {
    struct op head;
    struct op_launch launches[KERNEL_COUNT];
    struct map_variant variant;
    int band, per_slice; /* rows of y, images of a weight gradient: what a work-item makes of them */
};

/* ------------------------------------------------------------------ geometry and device */

static bool can(const struct conv_geometry *c, const struct pool_geometry *p, const struct clr_device *device,
                int block)
{
    return p->method == POOL_MAX && c->group == 1 && c->dh == 1 && c->dw == 1 && c->kw * c->c <= ROW &&
           p->kh * p->kw < 255 && p->ph < p->kh && p->pw < p->kw &&
           (size_t)p->kh * (size_t)(c->ow + ROW) * 2 * (size_t)block * sizeof(float) <= device->local_memory;
}

/* On CPUs: a work-item takes an image, and its rows stay in a cache. The images must lie in one block of all
 * their channels, as they do where these are fewer. */
static bool joins(struct op_desc *desc, const struct op_desc *after, const struct clr_device *device,
                  int block)
{
    if (desc->kind != OP_CONV || desc->relu || desc->need_dx || after->kind != OP_POOL || after->mask_dx ||
        device->type != CLR_DEVICE_CPU || desc->u.conv.c >= block ||
        !can(&desc->u.conv, &after->u.pool, device, block))
        return false;
    desc->relu = after->relu;
    desc->u.pool = after->u.pool;
    return true;
}

/* Rows of the map in local memory. */
static int ring_rows(const struct pool_geometry *p, bool winograd)
{
    return winograd ? op_ceil(p->kh + 3, 4) * 4 : p->kh;
}

/* Local memory: the ring, rows of transformed inputs, and tiles of them, in floats (cl/conv_pool.cl). */
static bool can_winograd(const struct conv_geometry *c, const struct pool_geometry *p,
                         const struct clr_device *device, int block, int ob)
{
    const double v = block, t = c->kh + 3, tiles = op_ceil(c->ow, 4) + block / 4;
    const double ring = (double)(op_ceil(c->oc, block) + ob) * ring_rows(p, true) * 4.0 * tiles * v;
    const double rows = t * (4.0 * tiles + t) * 4.0, transformed = 4.0 * tiles * t * t;

    return (c->kh == 3 || c->kh == 5) && c->kw == c->kh && c->sh == 1 && c->sw == 1 && c->c <= 4 &&
           block >= 4 && (ring + rows + transformed) * sizeof(float) <= (double)device->local_memory;
}

/* XT × OB: as many sums as registers allow, rows without a remainder first. */
static struct map_variant direct_variant(int ow, int channel_blocks, int block, const int *tile)
{
    const int sums = block == 16 ? 20 : 12, most = tile[0] ? tile[0] : sums;
    struct map_variant variant = {.ob = op_min(tile[1] ? tile[1] : 2, channel_blocks)};

    variant.xt = op_min(ow, tile[0] ? most : most / variant.ob);
    for (int x = variant.xt; !tile[0] && 3 * x >= 2 * variant.xt; x--)
        if (ow % x == 0) {
            variant.xt = x;
            break;
        }
    return variant;
}

static struct map_variant choose_variant(const struct op_desc *desc, const struct clr_device *device,
                                         int block)
{
    const struct conv_geometry *c = &desc->u.conv;
    const struct op_variant *asked = &desc->variant[OP_FORWARD];
    const int blocks = op_ceil(c->oc, block), none[4] = {0};
    const bool winograd = strcmp(asked->algorithm, "winograd") == 0,
               direct = strcmp(asked->algorithm, "direct") == 0;
    const int ob = op_min(blocks, winograd && asked->tile[0] ? asked->tile[0] : block == 16 ? 2 : 1);

    if (!direct && can_winograd(c, &desc->u.pool, device, block, ob))
        return (struct map_variant){.winograd = true, .ob = ob};
    return direct_variant(c->ow, blocks, block, direct ? asked->tile : none);
}

static int candidates(struct op_variant *out, int capacity, const struct op_request *r)
{
    static const struct op_variant all[] = {{"winograd", {0}},  {"winograd", {1}},  {"winograd", {2}},
                                            {"direct", {0}},    {"direct", {8, 1}}, {"direct", {8, 2}},
                                            {"direct", {16, 1}}};
    struct op_desc any = *r->desc;
    int count = 0;

    if (r->pass != OP_FORWARD)
        return 0;
    memset(&any.variant[OP_FORWARD], 0, sizeof any.variant[OP_FORWARD]);
    for (size_t i = 0; i < MEM_COUNT(all) && count < capacity; i++)
        if (choose_variant(&any, r->device, r->block).winograd || strcmp(all[i].algorithm, "winograd") != 0)
            out[count++] = all[i];
    return count;
}

/* Channels whose weight gradients a work-item sums: as many rows of ROW floats as registers hold. */
static int gradient_channels(int block)
{
    return block == 16 ? 4 : 1;
}

/* Rounds of loops of a work-item of the weight gradient for an image (device_loop_limit()). */
static double gradient_rounds(const struct conv_geometry *c, const struct pool_geometry *p, int block)
{
    const double rows = c->kh * (ROW / block + 2.0) + 1.0, windows = (double)p->oh * (p->ow + 1);

    return windows * (gradient_channels(block) * (rows + 1.0) + 2.0) + 2.0;
}

/* Images of a slice of the weight gradient. */
static int slice_images(const struct op_desc *desc, const struct clr_device *device, int block)
{
    const double rounds = gradient_rounds(&desc->u.conv, &desc->u.pool, block);

    return op_loops(device, rounds, op_ceil(desc->x[0].n, SLICE_COUNT));
}

/* Rounds of loops of a work-item of the forward pass for a row of y. */
static double row_rounds(const struct conv_geometry *c, const struct pool_geometry *p,
                         const struct map_variant *variant, int block)
{
    const double ob = variant->ob + 1.0, t = c->kh + 4.0;
    const double pool = (p->ow + 1.0) * (ob * (p->kh + 1.0) * (p->kw + 2.0) + 1.0);
    const double sums = (variant->xt + 1.0) * (ob + 1.0);
    const double tile = (c->kh * c->kw * c->c + 2.0) * (sums + 1.0) + 3.0 * c->kh;
    const double columns = t * (c->c + 1.0) * t * (ob + 1.0), pixels = 5.0 * ob * (t + 5.0);
    const double rows = t * t * (op_ceil(c->ow, 4) * 16.0 / block + 8.0), groups = op_ceil(p->kh + 3, 4);

    if (!variant->winograd)
        return pool + p->kh * (op_ceil(c->ow, variant->xt) + 1.0) * (tile + 1.0);
    return op_ceil(op_ceil(c->oc, block), variant->ob) *
               (pool + groups * (op_ceil(c->ow, 4) + 1.0) * (columns + pixels)) +
           groups * 3.0 * rows;
}

/* ------------------------------------------------------------------ planning */

/* Floats of the weights as the forward kernels read them, with the bias. */
static bool packed_floats(size_t *out, const struct conv_geometry *c, const struct map_variant *variant,
                          int block)
{
    const size_t channels =
        (size_t)op_ceil(op_ceil(c->oc, block), variant->ob) * (size_t)variant->ob * (size_t)block;
    const size_t t = (size_t)c->kh + 3, taps = variant->winograd ? t * t : (size_t)c->kh * (size_t)c->kw;

    return clr_mul_size(out, channels, taps * (size_t)c->c + 1) && *out <= INT_MAX;
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct op_desc *desc = r->desc;
    const struct clr_device *device = r->device;
    const int block = r->block;
    const struct conv_geometry *c = &desc->u.conv;
    const struct pool_geometry *p = &desc->u.pool;
    const struct shape places = {desc->x[0].n, op_ceil(c->oc, block) * block, p->oh, p->ow};
    const struct map_variant variant = choose_variant(desc, device, block);
    const int parts = op_max(SLICE_COUNT, op_ceil(desc->x[0].n, slice_images(desc, device, block)));
    size_t packed, slices, count;

    if (!can(c, p, device, block) || desc->need_dx)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': not a convolution that can pool", desc->label);
    if (!packed_floats(&packed, c, &variant, block) ||
        !clr_mul_size(&slices, (size_t)c->oc * (size_t)parts, (size_t)c->kh * ROW + 1) || slices > INT_MAX ||
        !shape_count(&places, &count))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    needs->x_halo_h = c->ph + (variant.winograd ? op_ceil(c->oh, 4) * 4 - c->oh : 0);
    needs->x_halo_w = c->pw + (variant.winograd ? op_ceil(c->ow, 4) * 4 - c->ow : 0);
    needs->x_any_block = true;
    needs->algorithm[OP_FORWARD] = variant.winograd ? "winograd" : "direct";
    needs->saved_bytes = desc->backward ? count : 0;
    return conv_need_workspace(needs, desc->backward && slices > packed ? slices : packed, err);
}

/* ------------------------------------------------------------------ creation and running */

/* Files and names: where the map is made directly, and by Winograd. */
static const struct {
    const char *what, *file[2], *name[2];
} kernels[KERNEL_COUNT] = {
    [PACK] = {"forward weights",
              {"conv_direct.cl", "conv_pool.cl"},
              {"conv_direct_pack", "conv_pool_filter"}},
    [FORWARD] = {"forward", {"conv_pool.cl", "conv_pool.cl"}, {"conv_pool_forward", "conv_pool_winograd"}},
    [SLICES] = {"weight gradient",
                {"conv_pool.cl", "conv_pool.cl"},
                {"conv_pool_slices", "conv_pool_slices"}},
    [REDUCE] = {"gradient sum", {"conv_pool.cl", "conv_pool.cl"}, {"conv_pool_reduce", "conv_pool_reduce"}},
};

static int get_kernel(struct conv_pool_op *self, int k, const struct op_io *io, struct clr_error *err)
{
    struct op *op = &self->head;
    const struct conv_geometry *c = &op->desc.u.conv;
    const struct pool_geometry *p = &op->desc.u.pool;
    const struct map_variant *variant = &self->variant;
    const bool forward = k <= FORWARD, pools = k != PACK || variant->winograd; /* else of conv_direct.cl */
    struct str options = {0};

    str_append(&options, "-DV=%d -DBIAS=%d", op->block, op->desc.bias);
    conv_macros(&options, c);
    tensor_macros(&options, "X", &io->x[0]);
    tensor_macros(&options, "Y", forward ? &io->y[0] : &io->dy[0]);
    if (pools)
        str_append(
            &options,
            " -DPOOL_KH=%d -DPOOL_KW=%d -DPOOL_SH=%d -DPOOL_SW=%d -DPOOL_PH=%d -DPOOL_PW=%d -DPOOL_OH=%d "
            "-DPOOL_OW=%d -DRELU=%d -DSAVE=%d",
            p->kh, p->kw, p->sh, p->sw, p->ph, p->pw, p->oh, p->ow, op->desc.relu, op->desc.backward);
    if (pools && forward)
        str_append(&options, " -DRING=%d", ring_rows(p, variant->winograd));
    if (k == FORWARD && self->band < p->oh)
        str_append(&options, " -DBAND=%d", self->band);
    if (forward)
        str_append(&options, " -DFLIP=0 -DOB=%d -D%s=%d", variant->ob, variant->winograd ? "R" : "XT",
                   variant->winograd ? c->kh : variant->xt);
    else
        str_append(&options, " -DOT=%d -DSLICES=%d -DPER_SLICE=%d", gradient_channels(op->block),
                   op_ceil(op->desc.x[0].n, self->per_slice), self->per_slice);
    return op_launch_create(&self->launches[k], op, kernels[k].what, kernels[k].file[variant->winograd],
                            &options, kernels[k].name[variant->winograd], err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;
    const struct conv_geometry *c = &op->desc.u.conv;
    const struct pool_geometry *p = &op->desc.u.pool;
    const struct clr_device *device = ocl_device(op->ctx);
    const struct map_variant *variant = &self->variant;
    int groups, rc = 0;

    if (io->x[0].layout.block != c->c)
        return clr_error_set(err, CLR_EINPUT, "its images are not in one block of %d channels", c->c);
    self->variant = choose_variant(&op->desc, device, op->block);
    self->band = op_loops(device, row_rounds(c, p, &self->variant, op->block), p->oh);
    self->per_slice = slice_images(&op->desc, device, op->block);
    groups = op_ceil(op_ceil(c->oc, op->block), variant->ob);
    op->nmse[OP_FORWARD] = variant->winograd ? WINOGRAD_NMSE : 0.0;
    if (variant->winograd)
        op_launch_range(&self->launches[PACK], c->c + 1, (long long)groups * variant->ob, 1);
    else
        op_launch_range(&self->launches[PACK], (long long)groups * (c->c * c->kh * c->kw + 1), 1, 1);
    op_launch_range(&self->launches[FORWARD], variant->winograd ? 1 : groups, 0, op_ceil(p->oh, self->band));
    op_launch_range(&self->launches[SLICES], op_ceil(c->oc, gradient_channels(op->block)),
                    op_ceil(op->desc.x[0].n, self->per_slice), 1);
    op_launch_range(&self->launches[REDUCE], c->oc, 1, 1);
    if (variant->winograd)
        op_add_variant(op, OP_FORWARD, "winograd pooled %d, weights by maxima", variant->ob);
    else
        op_add_variant(op, OP_FORWARD, "direct pooled %d×%d, weights by maxima", variant->xt, variant->ob);
    for (int k = 0; k < (op->desc.backward ? KERNEL_COUNT : SLICES) && rc == 0; k++)
        rc = get_kernel(self, k, io, err);
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg pack[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0]), OCL_MEM(b)};
    const cl_mem saved = op->desc.backward ? io->saved : io->y[0].mem; /* not written in the latter case */
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(saved), OCL_MEM(io->x[0].mem),
                                   OCL_MEM(io->workspace), OCL_INT(io->batch)};
    int rc = op_launch_run(&self->launches[PACK], op, io, pack, MEM_COUNT(pack), err);

    return rc < 0 ? rc : op_launch_run(&self->launches[FORWARD], op, io, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;
    const cl_mem db = op->desc.bias ? io->dw[1] : io->dw[0];
    const struct ocl_arg slices[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_MEM(io->dy[0].mem),
                                     OCL_MEM(io->saved), OCL_INT(io->batch)};
    const struct ocl_arg reduce[] = {OCL_MEM(io->dw[0]), OCL_MEM(db), OCL_MEM(io->workspace)};
    int rc = op_launch_run(&self->launches[SLICES], op, io, slices, MEM_COUNT(slices), err);

    return rc < 0 ? rc : op_launch_run(&self->launches[REDUCE], op, io, reduce, MEM_COUNT(reduce), err);
}

/* ------------------------------------------------------------------ reference */

static void tune_key(char *geometry, char *shape, size_t size, const struct op_desc *d)
{
    const struct conv_geometry *g = &d->u.conv;
    const struct pool_geometry *p = &d->u.pool;

    (void)snprintf(geometry, size,
                   ", kernel %dx%d, stride %dx%d, pad %dx%d, pool %dx%d, stride %dx%d, pad %dx%d", g->kh,
                   g->kw, g->sh, g->sw, g->ph, g->pw, p->kh, p->kw, p->sh, p->sw, p->ph, p->pw);
    (void)snprintf(shape, size, "%dx%dx%d to %d", g->c, g->h, g->w, g->oc);
}

/* The map between the convolution and the pool. */
static size_t scratch(const struct op_desc *d)
{
    const struct conv_geometry *g = &d->u.conv;

    return (size_t)d->x[0].n * (size_t)g->oc * (size_t)g->oh * (size_t)g->ow;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_conv_forward(r->scratch, r->x[0], r->w[0], r->w[1], r->n, &d->u.conv);
    ref_pool_forward(r->y[0], r->arg, r->scratch, r->n, &d->u.pool);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_pool_backward(r->scratch, r->dy[0], r->arg, r->n, &d->u.pool);
    ref_conv_backward(NULL, r->dw[0], r->dw[1], r->x[0], r->w[0], r->scratch, r->n, &d->u.conv);
}

/*
 * Which pixel of a pooled map is the largest, where two are nearly so, or whether a rectifier lets it pass,
 * depends on rounding: such windows get no gradient. CLOSE is far above what rounding does to the map,
 * whose values are of the order of 1 to 10.
 */
#define CLOSE 1e-3

static double second_largest(const double *map, const struct pool_geometry *p, int top, int left, int largest)
{
    double second = -INFINITY;

    for (int i = top < 0 ? 0 : top; i < top + p->kh && i < p->h; i++)
        for (int j = left < 0 ? 0 : left; j < left + p->kw && j < p->w; j++)
            if (i * p->w + j != largest && map[i * p->w + j] > second)
                second = map[i * p->w + j];
    return second;
}

static void spare_ties(const struct op_desc *d, const struct op_ref *r, double *dy)
{
    const struct pool_geometry *p = &d->u.pool;
    const size_t pixels = (size_t)p->h * (size_t)p->w;
    size_t window = 0;

    reference_forward(d, r);
    for (int image = 0; image < r->n * p->c; image++)
        for (int i = 0; i < p->oh; i++)
            for (int j = 0; j < p->ow; j++, window++) {
                const double second = second_largest(r->scratch + (size_t)image * pixels, p,
                                                     i * p->sh - p->ph, j * p->sw - p->pw, r->arg[window]);
                if (r->y[0][window] - second < CLOSE || (d->relu && fabs(r->y[0][window]) < CLOSE))
                    dy[window] = 0.0;
            }
}

const struct op_class op_conv_pool = {
    .name = "pooled convolution",
    .size = sizeof(struct conv_pool_op),
    .plan = plan,
    .candidates = candidates,
    .create = create,
    .forward = forward,
    .backward = backward,
    .params = conv_params,
    .madds = conv_madds,
    .joins = joins,
    .tune_key = tune_key,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .scratch = scratch,
    .spare_ties = spare_ties,
    .nmse = 3e-12,
    .terms = conv_terms,
    .flags = OP_TAKES_RELU | OP_MASKS_DY | OP_HAS_ARG | OP_ONE_X_BLOCK,
    .cases = &conv_pool_cases,
};
