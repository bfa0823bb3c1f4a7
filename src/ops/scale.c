/*
 * A factor and a term for each channel, both learned: host side of cl/scale.cl, where the formulas are.
 * Layers Scale and Bias; PReLU, whose factor is for negative numbers alone.
 */
#include "ops/channel_sums.h"

struct scale_op {
    struct op head;
    struct channel_sums sums;
};

static bool has_factor(const struct op_desc *d)
{
    return !d->u.scale.only_term;
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    needs->in_place = !has_factor(r->desc) || !r->desc->backward; /* the gradient of the factor is one of x */
    return r->desc->backward
               ? channel_sums_bytes(&needs->workspace_bytes, r->desc, r->block, CHANNEL_SUMS_MOST, err)
               : 0;
}

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const struct shape *x = &op->desc.x[0];
    const int rows = op_span(ocl_device(op->ctx), x->h);
    struct str options = {0};

    str_append(&options,
               "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DFACTOR=%d -DTERM=%d "
               "-DNEGATIVE=%d -DSHARED=%d",
               op->block, rows, x->c, x->h, x->w, has_factor(&op->desc), op->desc.bias,
               op->desc.u.scale.negative, op->desc.u.scale.shared);
    op_tensor_macros(&options, op, io);
    op_launch_range(back ? &op->backward : &op->forward, op_ceil(x->h, rows), op_ceil(x->c, op->block), 0);
    return op_launch_create(back ? &op->backward : &op->forward, op, back ? "data gradient" : "forward",
                            "scale.cl", &options, back ? "scale_backward" : "scale_forward", err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const bool factor = has_factor(&op->desc), term = op->desc.bias;
    const char *const terms[] = {op->desc.u.scale.negative ? "(d*fmin(v,0.0f))"
                                 : factor                  ? "(d*v)"
                                                           : "d",
                                 "d"};
    int rc = kernel(op, io, false, err);

    if (rc == 0 && op_has_pass(&op->desc, OP_BACKWARD_DATA))
        rc = kernel(op, io, true, err);
    if (rc == 0 && op->desc.backward)
        rc = channel_sums_create(&((struct scale_op *)op)->sums, op, "weight gradient", terms, factor + term,
                                 op->desc.u.scale.shared, &io->dy[0], &io->x[0], err);
    return rc;
}

/* The factor, or where there is none whatever a kernel does not read. */
static int run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err)
{
    static const int at[CHANNEL_SUMS_MOST] = {0};
    const int last = has_factor(&op->desc) && op->desc.bias;
    const cl_mem sums[] = {io->dw[0], io->dw[last]};
    const struct ocl_arg forward[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_MEM(io->w[0]),
                                      OCL_MEM(io->w[last]), OCL_INT(io->batch)},
                         data[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->dy[0].mem), OCL_MEM(io->x[0].mem),
                                   OCL_MEM(io->w[0]), OCL_INT(io->batch)};

    if (pass == OP_FORWARD)
        return op_launch_run(&op->forward, op, io, forward, MEM_COUNT(forward), err);
    if (pass == OP_BACKWARD_DATA)
        return op_launch_run(&op->backward, op, io, data, MEM_COUNT(data), err);
    return channel_sums_run(&((struct scale_op *)op)->sums, op, io, io->dy[0].mem, io->x[0].mem, sums, at,
                            err);
}

static int params(struct op_param out[OP_PARAMS], const struct op_desc *d)
{
    const int first = has_factor(d) ? 0 : 1;
    struct op_param both[OP_PARAMS];
    const int count =
        op_weights(both, 1, &(struct shape){d->u.scale.shared ? 1 : d->x[0].c, 1, 1, 1}, d->bias);

    for (int k = first; k < count; k++)
        out[k - first] = both[k];
    return count - first;
}

/* ------------------------------------------------------------------ reference and cases */

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    return pass == OP_BACKWARD_WEIGHTS ? (double)images * d->x[0].h * d->x[0].w : 1.0;
}

/* Which of the factors and terms a number has. */
static size_t channel(const struct op_desc *d, size_t i)
{
    return d->u.scale.shared ? 0 : i / ((size_t)d->x[0].h * (size_t)d->x[0].w) % (size_t)d->x[0].c;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);
    const double *factor = has_factor(d) ? r->w[0] : NULL, *term = d->bias ? r->w[factor != NULL] : NULL;

    for (size_t i = 0; i < count; i++)
        r->y[0][i] =
            d->u.scale.negative && r->x[0][i] > 0.0
                ? r->x[0][i]
                : r->x[0][i] * (factor ? factor[channel(d, i)] : 1.0) + (term ? term[channel(d, i)] : 0.0);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);
    double *const factor = has_factor(d) ? r->dw[0] : NULL, *const term =
                                                                d->bias ? r->dw[has_factor(d)] : NULL;

    for (size_t c = 0; c < (size_t)(d->u.scale.shared ? 1 : d->x[0].c); c++) {
        if (factor)
            factor[c] = 0.0;
        if (term)
            term[c] = 0.0;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t c = channel(d, i);
        const bool plain = d->u.scale.negative && r->x[0][i] > 0.0;
        if (factor && !plain)
            factor[c] += r->dy[0][i] * r->x[0][i];
        if (term)
            term[c] += r->dy[0][i];
        if (r->dx[0])
            r->dx[0][i] = r->dy[0][i] * (has_factor(d) && !plain ? r->w[0][c] : 1.0);
    }
}

static const struct {
    struct shape x;
    bool factor, term, negative, shared, small;
} cases[] = {
    {{3, 5, 4, 3}, true, true, false, false, true},   {{2, 18, 3, 5}, true, false, false, false, true},
    {{2, 7, 2, 3}, false, true, false, false, true},  {{37, 33, 1, 1}, true, true, false, false, false},
    {{4, 16, 9, 7}, true, true, false, false, false}, {{3, 6, 5, 3}, true, false, true, false, true},
    {{2, 33, 3, 4}, true, false, true, false, false}, {{3, 5, 2, 3}, true, false, true, true, true},
    {{40, 19, 1, 2}, true, false, true, true, false},
};

static void get_case(struct op_case *out, int i)
{
    out->desc.bias = cases[i].term;
    out->desc.u.scale.only_term = !cases[i].factor;
    out->desc.u.scale.negative = cases[i].negative;
    out->desc.u.scale.shared = cases[i].shared;
    op_case_of(out, &cases[i].x, cases[i].small, "%s%s%s", cases[i].factor ? ", factor" : "",
               cases[i].term ? ", term" : "", cases[i].shared ? " for all" : "");
}

static const char *title(const struct op_desc *d)
{
    return d->u.scale.negative ? "prelu" : "scale";
}

const struct op_class op_scale = {
    .name = "scale",
    .title = title,
    .size = sizeof(struct scale_op),
    .plan = plan,
    .create = create,
    .run = run,
    .params = params,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .terms = terms,
    .nmse = 1e-12,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
