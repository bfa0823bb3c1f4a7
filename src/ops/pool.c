/* Pooling: host side of cl/pool.cl, where formulas and rules are. Oracle: ref_pool_forward(), _backward(). */
#include "ops/op_impl.h"

struct pool_op {
    struct op head;
    struct ocl_kernel *forward, *backward;
    size_t global_forward[3], global_backward[3];
    bool reads_x; /* going back, for the mask */
};

/* Bytes of one stored place in the window, or of 0, which means none. */
static size_t arg_bytes(const struct pool_geometry *g)
{
    return (long long)g->kh * g->kw <= 255 ? 1 : 2;
}

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    const struct pool_geometry *g = &desc->u.pool;
    const struct shape padded = {desc->x.n, op_ceil(g->c, block) * block, g->oh, g->ow};
    size_t count;

    (void)device;
    if (desc->relu && g->method != POOL_MAX)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': only a maximum pool can rectify", desc->label);
    if ((long long)g->kh * g->kw > 65535)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': a pooling window of %d×%d is too large",
                             desc->label, g->kh, g->kw);
    if (!shape_count(&padded, &count) || count > SIZE_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    if (desc->backward && g->method == POOL_MAX)
        needs->saved_bytes = count * arg_bytes(g);
    return 0;
}

/* Does every window lie in the image? */
static bool whole(const struct pool_geometry *g)
{
    return g->ph == 0 && g->pw == 0 && (g->oh - 1) * g->sh + g->kh <= g->h &&
           (g->ow - 1) * g->sw + g->kw <= g->w;
}

/* Kernel of one direction. */
static int get_kernel(struct pool_op *self, struct ocl_kernel **out, const struct op_io *io, bool back,
                      int span, struct clr_error *err)
{
    static const char *const names[2][2] = {{"pool_max_forward", "pool_ave_forward"},
                                            {"pool_max_backward", "pool_ave_backward"}};
    struct op *op = &self->head;
    const struct pool_geometry *g = &op->desc.u.pool;
    const bool max = g->method == POOL_MAX;
    struct str options = {0};

    str_append(&options,
               "-DV=%d -DWHOLE=%d -DSAVE=%d -DARG_T=%s -DSPAN=%d -DKH=%d -DKW=%d -DSH=%d -DSW=%d -DPH=%d "
               "-DPW=%d -DH=%d -DW=%d -DOH=%d -DOW=%d -DRELU=%d -DMASK=%d",
               op->block, whole(g), max && op->desc.backward, arg_bytes(g) == 1 ? "uchar" : "ushort", span,
               g->kh, g->kw, g->sh, g->sw, g->ph, g->pw, g->h, g->w, g->oh, g->ow, op->desc.relu,
               op->desc.mask_dx);
    tensor_macros(&options, "X", back ? &io->dx : &io->x);
    tensor_macros(&options, "Y", back ? &io->dy : &io->y);
    tensor_macros(&options, "M", &io->x);
    return op_kernel(op, out, "pool.cl", &options, names[back][!max], err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct pool_op *self = (struct pool_op *)op;
    const struct pool_geometry *g = &op->desc.u.pool;
    const int span = op_span(ocl_device(op->ctx), op_max(g->w, g->ow));
    const int groups = (g->w - 1 + g->pw) / g->sw - g->pw / g->sw + 1;
    int rc;

    self->reads_x = op->desc.mask_dx && g->method == POOL_AVE;
    rc = get_kernel(self, &self->forward, io, false, span, err);
    if (rc == 0 && op->desc.backward && op->desc.need_dx)
        rc = get_kernel(self, &self->backward, io, true, span, err);
    self->global_forward[0] = (size_t)g->oh * (size_t)op_ceil(g->ow, span);
    self->global_backward[0] = (size_t)g->h * (size_t)op_ceil(groups, span);
    self->global_forward[1] = self->global_backward[1] = (size_t)op_ceil(g->c, io->y.layout.block);
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct pool_op *self = (struct pool_op *)op;
    const struct ocl_arg saving[] = {OCL_MEM(io->y.mem), OCL_MEM(io->saved), OCL_MEM(io->x.mem),
                                     OCL_INT(io->batch)};
    const struct ocl_arg plain[] = {OCL_MEM(io->y.mem), OCL_MEM(io->x.mem), OCL_INT(io->batch)};
    const bool save = op->desc.u.pool.method == POOL_MAX && op->desc.backward;

    self->global_forward[2] = (size_t)io->batch;
    return op_launch(op, self->forward, op->forward_label, self->global_forward, save ? saving : plain,
                     save ? 4 : 3, err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct pool_op *self = (struct pool_op *)op;
    const cl_mem third = self->reads_x ? io->x.mem : io->saved;
    const struct ocl_arg three[] = {OCL_MEM(io->dx.mem), OCL_MEM(io->dy.mem), OCL_MEM(third),
                                    OCL_INT(io->batch)};
    const struct ocl_arg two[] = {OCL_MEM(io->dx.mem), OCL_MEM(io->dy.mem), OCL_INT(io->batch)};
    const bool more = self->reads_x || op->desc.u.pool.method == POOL_MAX;

    if (!io->dx.mem)
        return 0;
    self->global_backward[2] = (size_t)io->batch;
    return op_launch(op, self->backward, op->backward_label, self->global_backward, more ? three : two,
                     more ? 4 : 3, err);
}

const struct op_class op_pool = {
    .name = "pooling",
    .size = sizeof(struct pool_op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .backward = backward,
};
