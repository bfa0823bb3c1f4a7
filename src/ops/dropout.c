/* Dropout: host side of cl/dropout.cl. Outside training it copies. Oracle: ref_dropout_forward(). */
#include "ops/op_impl.h"
#include "ref/ref.h"

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const float ratio = r->desc->u.dropout.ratio;

    if (!(ratio >= 0.0f && ratio < 1.0f))
        return clr_error_set(err, CLR_EINPUT, "layer '%s': dropout_ratio is outside 0 … 1", r->desc->label);
    needs->in_place = true;
    return 0;
}

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const double ratio = op->desc.backward ? (double)op->desc.u.dropout.ratio : 0.0;
    struct str options = {0};

    str_append(&options, "-DV=%d -DC=%d -DH=%d -DW=%d -DTHRESHOLD=%uu -DKEEP=%.9ef -DLAYER=%d", op->block,
               op->desc.x[0].c, op->desc.x[0].h, op->desc.x[0].w, (unsigned)(ratio * 4294967296.0),
               1.0 / (1.0 - ratio), op->desc.u.dropout.layer);
    tensor_macros(&options, "X", back ? &io->dy[0] : &io->x[0]);
    tensor_macros(&options, "Y", back ? &io->dx[0] : &io->y[0]);
    op_launch_range(back ? &op->backward : &op->forward, op->desc.x[0].h, op_ceil(op->desc.x[0].c, op->block),
                    0);
    return op_kernel(op, back, "dropout.cl", &options, "dropout_apply", err);
}

static int apply(struct op_launch *l, struct op *op, cl_mem to, cl_mem from, const struct op_io *io,
                 struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(to),
                                   OCL_MEM(from),
                                   OCL_MEM(io->index),
                                   OCL_INT(io->index_offset),
                                   OCL_UINT((cl_uint)io->seed),
                                   OCL_UINT((cl_uint)(io->seed >> 32)),
                                   OCL_UINT(io->iteration),
                                   OCL_INT(io->batch)};

    return op_launch_run(l, op, io, args, MEM_COUNT(args), err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return apply(&op->forward, op, io->y[0].mem, io->x[0].mem, io, err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return apply(&op->backward, op, io->dx[0].mem, io->dy[0].mem, io, err);
}

/* ------------------------------------------------------------------ reference and cases */

static void reference(const struct op_desc *d, const struct op_ref *r, double *to, const double *from)
{
    ref_dropout_forward(to, from, r->index, r->n, (int)op_elements(&d->x[0]),
                        r->train ? (double)d->u.dropout.ratio : 0.0, d->u.dropout.layer, r->seed,
                        r->iteration);
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    reference(d, r, r->y[0], r->x[0]);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    reference(d, r, r->dx[0], r->dy[0]);
}

static const struct {
    struct shape x;
    int layer;
    float ratio;
    bool small;
} cases[] = {{{2, 5, 3, 7}, 2, 0.5f, true},
             {{3, 18, 4, 5}, 0, 0.3f, false},
             {{4, 100, 1, 1}, 7, 0.9f, false},
             {{1, 3, 2, 2}, 1, 0.0f, false}};

static void get_case(struct op_case *out, int i)
{
    op_case_of(out, &cases[i].x, cases[i].small, ", ratio %g", (double)cases[i].ratio);
    out->desc.u.dropout.ratio = cases[i].ratio;
    out->desc.u.dropout.layer = cases[i].layer;
}

const struct op_class op_dropout = {
    .name = "dropout",
    .size = sizeof(struct op),
    .plan = plan,
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 3e-13,
    .flags = OP_RANDOM,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
