/* Pooling: host side of cl/pool.cl, where formulas and rules are. Oracle: ref_pool_forward(), _backward(). */
#include "ops/op_impl.h"
#include "ref/ref.h"

/* Bytes of one stored place in the window, or of 0, which means none. */
static size_t arg_bytes(const struct pool_geometry *g)
{
    return (long long)g->kh * g->kw <= 255 ? 1 : 2;
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct op_desc *desc = r->desc;
    const struct pool_geometry *g = &desc->u.pool;
    const struct shape padded = {desc->x[0].n, op_ceil(g->c, r->block) * r->block, g->oh, g->ow};
    size_t count;

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

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    static const char *const names[2][2] = {{"pool_max_forward", "pool_ave_forward"},
                                            {"pool_max_backward", "pool_ave_backward"}};
    const struct pool_geometry *g = &op->desc.u.pool;
    const int span = op_span(ocl_device(op->ctx), op_max(g->w, g->ow));
    const int groups = (g->w - 1 + g->pw) / g->sw - g->pw / g->sw + 1, cb = op_ceil(g->c, op->block);
    const bool max = g->method == POOL_MAX;
    struct str options = {0};

    str_append(&options,
               "-DV=%d -DWHOLE=%d -DSAVE=%d -DARG_T=%s -DSPAN=%d -DKH=%d -DKW=%d -DSH=%d -DSW=%d -DPH=%d "
               "-DPW=%d -DH=%d -DW=%d -DOH=%d -DOW=%d -DRELU=%d -DMASK=%d",
               op->block, whole(g), max && op->desc.backward, arg_bytes(g) == 1 ? "uchar" : "ushort", span,
               g->kh, g->kw, g->sh, g->sw, g->ph, g->pw, g->h, g->w, g->oh, g->ow, op->desc.relu,
               op->desc.mask_dx);
    tensor_macros(&options, "X", back ? &io->dx[0] : &io->x[0]);
    tensor_macros(&options, "Y", back ? &io->dy[0] : &io->y[0]);
    tensor_macros(&options, "M", &io->x[0]);
    if (back)
        op_launch_range(&op->backward, (long long)g->h * op_ceil(groups, span), cb, 0);
    else
        op_launch_range(&op->forward, (long long)g->oh * op_ceil(g->ow, span), cb, 0);
    return op_kernel(op, back, "pool.cl", &options, names[back][!max], err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg saving[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->saved), OCL_MEM(io->x[0].mem),
                                     OCL_INT(io->batch)};
    const struct ocl_arg plain[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_INT(io->batch)};
    const bool save = op->desc.u.pool.method == POOL_MAX && op->desc.backward;

    return op_launch_run(&op->forward, op, io, save ? saving : plain, save ? 4 : 3, err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem third = op->desc.u.pool.method == POOL_MAX ? io->saved : io->x[0].mem; /* x: for the mask */
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->dy[0].mem), OCL_MEM(third),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

static bool can_relu(const struct op_desc *d)
{
    return d->u.pool.method == POOL_MAX;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_pool_forward(r->y[0], r->arg, r->x[0], r->n, &d->u.pool);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_pool_backward(r->dx[0], r->dy[0], r->arg, r->n, &d->u.pool);
}

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    const struct pool_geometry *g = &d->u.pool;

    (void)images;
    if (pass == OP_FORWARD)
        return (double)g->kh * g->kw;
    return (double)op_min(op_ceil(g->kh, g->sh), g->oh) * op_min(op_ceil(g->kw, g->sw), g->ow);
}

#define POOL(...)                                                                                            \
    {                                                                                                        \
        POOL_MAX, POOL_CEIL, __VA_ARGS__, 0, 0                                                               \
    }

/* Each with both methods and both roundings. A rectifier after it is for a maximum alone. */
static const struct {
    const char *name;
    int n;
    struct pool_geometry g;
    bool small;
    enum { NEITHER, AFTER, BEFORE } rectifier;
} cases[] = {
    {"3/2 even", 2, POOL(5, 8, 6, 3, 3, 2, 2, 0, 0), true, NEITHER},
    {"3/2 odd", 2, POOL(17, 15, 7, 3, 3, 2, 2, 0, 0), false, NEITHER},
    {"3/2 pad 1", 1, POOL(3, 4, 4, 3, 3, 2, 2, 1, 1), true, NEITHER},
    {"2/2 pad 1 drops a window", 2, POOL(4, 4, 3, 2, 2, 2, 2, 1, 1), false, NEITHER},
    {"3x2/3 pad 1", 2, POOL(6, 8, 11, 3, 2, 3, 3, 1, 1), true, NEITHER},
    {"4x3/1 pad 3x0", 2, POOL(9, 4, 7, 4, 3, 1, 1, 3, 0), false, NEITHER},
    {"2x3/2x1 pad 1x2", 1, POOL(33, 6, 5, 2, 3, 2, 1, 1, 2), false, NEITHER},
    {"5/1 pad 2, overlapping", 1, POOL(2, 9, 7, 5, 5, 1, 1, 2, 2), false, NEITHER},
    {"whole image", 3, POOL(12, 5, 4, 5, 4, 1, 1, 0, 0), false, NEITHER},
    {"window beyond the image", 1, POOL(3, 3, 2, 4, 3, 2, 2, 1, 1), false, NEITHER},
    {"1/3 leaves gaps", 2, POOL(8, 7, 10, 1, 1, 3, 3, 0, 0), false, NEITHER},
    {"3/2 even, rectifier after", 2, POOL(5, 8, 6, 3, 3, 2, 2, 0, 0), true, AFTER},
    {"3x2/1x2 pad 1, rectifier after", 2, POOL(17, 6, 7, 3, 2, 1, 2, 1, 1), false, AFTER},
    {"3/2 odd, rectifier before", 2, POOL(17, 9, 7, 3, 3, 2, 2, 0, 0), true, BEFORE},
    {"2x3/3 pad 1, rectifier before", 3, POOL(6, 8, 11, 2, 3, 3, 3, 1, 1), false, BEFORE},
    {"a large image, rectifier before", 2, POOL(2, 160, 160, 160, 160, 1, 1, 0, 0), false, BEFORE},
    {"17x15 of an image, rectifier after", 1, POOL(2, 17, 17, 17, 15, 1, 1, 0, 0), false, AFTER},
};

static void get_case(struct op_case *out, int i)
{
    const enum pool_method method = i / 2 % 2 ? POOL_AVE : POOL_MAX;
    const enum pool_rounding rounding = i % 2 ? POOL_FLOOR : POOL_CEIL;
    const int k = i / 4;
    struct pool_geometry *g = &out->desc.u.pool;

    (void)snprintf(out->name, sizeof out->name, "pool %s %s %s", method == POOL_MAX ? "max" : "ave",
                   rounding == POOL_CEIL ? "ceil" : "floor", cases[k].name);
    *g = cases[k].g;
    g->method = method;
    g->rounding = rounding;
    out->unfit = geometry_pool(g, NULL) < 0;
    out->small = cases[k].small;
    out->desc.relu = cases[k].rectifier == AFTER && method == POOL_MAX;
    out->desc.mask_dx = cases[k].rectifier == BEFORE;
    out->desc.x[0] = (struct shape){cases[k].n, g->c, g->h, g->w};
    out->desc.y[0] = (struct shape){cases[k].n, g->c, g->oh, g->ow};
}

const struct op_class op_pool = {
    .name = "pooling",
    .size = sizeof(struct op),
    .plan = plan,
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .can_relu = can_relu,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 3e-12,
    .terms = terms,
    .flags = OP_TAKES_RELU | OP_MASKS_DY | OP_HAS_ARG | OP_MASKS_DX | OP_HAS_TIES,
    .cases = &(const struct op_cases){4 * MEM_COUNT(cases), get_case},
};
