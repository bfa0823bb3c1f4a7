/*
 * The first convolution of a net with the maximum pool and the rectifier behind it: host side of
 * cl/conv_pool.cl, where formulas and layouts are. Oracles: ref_conv_forward(), ref_pool_forward() and their
 * gradients, one after the other.
 */
#include "ops/conv_pool.h"

#include <limits.h>

#include "ops/conv.h"

enum { PACK, FORWARD, SLICES, REDUCE, KERNEL_COUNT };
enum { SLICE_COUNT = 10, ROW = 16 }; /* slices of the batch; floats of a row of the kernel */

struct conv_pool_op {
    struct op head;
    struct ocl_kernel *kernels[KERNEL_COUNT];
    char labels[KERNEL_COUNT][96];
    size_t global[KERNEL_COUNT][3];
    int xt, ob;
};

static bool can(const struct conv_geometry *c, const struct pool_geometry *p, const struct clr_device *device,
                int block)
{
    return p->method == POOL_MAX && c->group == 1 && c->dh == 1 && c->dw == 1 && c->kw * c->c <= ROW &&
           p->kh * p->kw < 255 && p->ph < p->kh && p->pw < p->kw &&
           (size_t)p->kh * (size_t)(c->ow + ROW) * 2 * (size_t)block * sizeof(float) <= device->local_memory;
}

bool conv_pool_pays(const struct conv_geometry *c, const struct pool_geometry *p,
                    const struct clr_device *device, int block)
{
    return device->type == CLR_DEVICE_CPU && c->c < block && can(c, p, device, block);
}

/* Channels whose weight gradients a work-item sums: as many rows of ROW floats as registers hold. */
static int gradient_channels(int block)
{
    return block == 16 ? 4 : 1;
}

/* Images of a slice of the weight gradient. */
static int slice_images(int batch)
{
    return op_ceil(batch, SLICE_COUNT);
}

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    const struct conv_geometry *c = &desc->u.conv_pool.conv;
    const struct pool_geometry *p = &desc->u.conv_pool.pool;
    const size_t channels = (size_t)(op_ceil(c->oc, block) + 1) * (size_t)block; /* + what OB may round up */
    const struct shape places = {desc->x.n, op_ceil(c->oc, block) * block, p->oh, p->ow};
    size_t packed, slices, count;

    if (!can(c, p, device, block) || desc->need_dx)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': not a convolution that can pool", desc->label);
    if (!clr_mul_size(&packed, channels, (size_t)c->kh * (size_t)(c->kw * c->c) + 1) || packed > INT_MAX ||
        !clr_mul_size(&slices, channels * SLICE_COUNT, (size_t)c->kh * ROW + 1) || slices > INT_MAX ||
        !shape_count(&places, &count))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    needs->x_halo_h = c->ph;
    needs->x_halo_w = c->pw;
    needs->x_any_block = true;
    needs->saved_bytes = desc->backward ? count : 0;
    return conv_need_workspace(needs, desc->backward && slices > packed ? slices : packed, err);
}

/* XT × OB: as many sums as registers allow, rows without a remainder first. */
static void choose_tile(struct conv_pool_op *self, int ow, int channel_blocks, int block)
{
    const int sums = block == 16 ? 20 : 12;

    self->ob = op_min(2, channel_blocks);
    self->xt = op_min(ow, sums / self->ob);
    for (int x = self->xt; 3 * x >= 2 * self->xt; x--)
        if (ow % x == 0) {
            self->xt = x;
            break;
        }
}

static int get_kernel(struct conv_pool_op *self, int k, const char *file, const char *name, const char *what,
                      const struct op_io *io, struct clr_error *err)
{
    struct op *op = &self->head;
    const struct conv_geometry *c = &op->desc.u.conv_pool.conv;
    const struct pool_geometry *p = &op->desc.u.conv_pool.pool;
    const bool forward = k <= FORWARD;
    const int per_slice = slice_images(op->desc.x.n);
    struct str options = {0};

    (void)snprintf(self->labels[k], sizeof self->labels[k], "%s %s", op->desc.label, what);
    str_append(&options, "-DV=%d -DBIAS=%d", op->block, op->desc.bias);
    conv_macros(&options, c);
    tensor_macros(&options, "X", &io->x);
    tensor_macros(&options, "Y", forward ? &io->y : &io->dy);
    if (k != PACK)
        str_append(
            &options,
            " -DPOOL_KH=%d -DPOOL_KW=%d -DPOOL_SH=%d -DPOOL_SW=%d -DPOOL_PH=%d -DPOOL_PW=%d -DPOOL_OH=%d "
            "-DPOOL_OW=%d -DRELU=%d -DSAVE=%d",
            p->kh, p->kw, p->sh, p->sw, p->ph, p->pw, p->oh, p->ow, op->desc.relu, op->desc.backward);
    if (forward)
        str_append(&options, " -DXT=%d -DOB=%d%s", self->xt, self->ob, k == PACK ? " -DFLIP=0" : "");
    else
        str_append(&options, " -DOT=%d -DSLICES=%d -DPER_SLICE=%d", gradient_channels(op->block),
                   op_ceil(op->desc.x.n, per_slice), per_slice);
    return op_kernel(op, &self->kernels[k], file, &options, name, err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;
    const struct conv_geometry *c = &op->desc.u.conv_pool.conv;
    const int blocks = op_ceil(c->oc, op->block);
    int rc;

    if (io->x.layout.block != c->c)
        return clr_error_set(err, CLR_EINPUT, "its images are not in one block of %d channels", c->c);
    choose_tile(self, c->ow, blocks, op->block);
    const size_t groups = (size_t)op_ceil(blocks, self->ob);
    self->global[PACK][0] = groups * (size_t)(c->c * c->kh * c->kw + 1);
    self->global[FORWARD][0] = groups;
    self->global[SLICES][0] = (size_t)op_ceil(c->oc, gradient_channels(op->block));
    self->global[SLICES][1] = (size_t)op_ceil(op->desc.x.n, slice_images(op->desc.x.n));
    self->global[REDUCE][0] = (size_t)c->oc;
    self->global[PACK][1] = self->global[REDUCE][1] = 1;
    for (int k = 0; k < KERNEL_COUNT; k++)
        self->global[k][2] = 1;
    (void)snprintf(op->variant, sizeof op->variant, "direct pooled %d×%d, weights by maxima", self->xt,
                   self->ob);
    rc = get_kernel(self, PACK, "conv_direct.cl", "conv_direct_pack", "forward weights", io, err);
    if (rc == 0)
        rc = get_kernel(self, FORWARD, "conv_pool.cl", "conv_pool_forward", "forward", io, err);
    if (rc == 0 && op->desc.backward)
        rc = get_kernel(self, SLICES, "conv_pool.cl", "conv_pool_slices", "weight gradient", io, err);
    if (rc == 0 && op->desc.backward)
        rc = get_kernel(self, REDUCE, "conv_pool.cl", "conv_pool_reduce", "gradient sum", io, err);
    return rc;
}

static int launch(struct op *op, int k, const struct ocl_arg *args, size_t count, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;

    return op_launch(op, self->kernels[k], self->labels[k], self->global[k], args, count, err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_pool_op *self = (struct conv_pool_op *)op;
    const cl_mem b = op->desc.bias ? io->b : io->w;
    const struct ocl_arg pack[] = {OCL_MEM(io->workspace), OCL_MEM(io->w), OCL_MEM(b)};
    const struct ocl_arg saving[] = {OCL_MEM(io->y.mem), OCL_MEM(io->saved), OCL_MEM(io->x.mem),
                                     OCL_MEM(io->workspace), OCL_INT(io->batch)};
    const struct ocl_arg plain[] = {OCL_MEM(io->y.mem), OCL_MEM(io->x.mem), OCL_MEM(io->workspace),
                                    OCL_INT(io->batch)};
    int rc = launch(op, PACK, pack, MEM_COUNT(pack), err);

    self->global[FORWARD][1] = (size_t)io->batch;
    if (rc < 0)
        return rc;
    return op->desc.backward ? launch(op, FORWARD, saving, MEM_COUNT(saving), err)
                             : launch(op, FORWARD, plain, MEM_COUNT(plain), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem db = op->desc.bias ? io->db : io->dw;
    const struct ocl_arg slices[] = {OCL_MEM(io->workspace), OCL_MEM(io->x.mem), OCL_MEM(io->dy.mem),
                                     OCL_MEM(io->saved), OCL_INT(io->batch)};
    const struct ocl_arg reduce[] = {OCL_MEM(io->dw), OCL_MEM(db), OCL_MEM(io->workspace)};
    int rc = launch(op, SLICES, slices, MEM_COUNT(slices), err);

    return rc < 0 ? rc : launch(op, REDUCE, reduce, MEM_COUNT(reduce), err);
}

const struct op_class op_conv_pool = {
    .name = "pooled convolution",
    .size = sizeof(struct conv_pool_op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .backward = backward,
};
