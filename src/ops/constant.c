/* A value that no other one goes into: host side of cl/constant.cl. */
#include "ops/op_impl.h"

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct shape *y = &op->desc.y[0];
    const int rows = op_span(ocl_device(op->ctx), y->h);
    struct str options = {0};

    str_append(&options, "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DVALUE=%.9ef", op->block, rows, y->c, y->h,
               y->w, (double)op->desc.u.constant.value);
    tensor_macros(&options, "Y", &io->y[0]);
    op_launch_range(&op->forward, op_ceil(y->h, rows), op_ceil(y->c, op->block), 0);
    return op_kernel(op, false, "constant.cl", &options, "constant_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

static void reference(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->y[0]);

    for (size_t i = 0; i < count; i++)
        r->y[0][i] = (double)d->u.constant.value;
}

static const struct {
    struct shape y;
    float value;
    bool small;
} cases[] = {{{2, 5, 3, 4}, 0.75f, true}, {{3, 16, 2, 7}, -3.0f, false}, {{2, 19, 1, 1}, 0.0f, false}};

static void get_case(struct op_case *out, int i)
{
    op_case_of(out, &cases[i].y, cases[i].small, ", %g", (double)cases[i].value);
    out->desc.x_count = 0;
    out->desc.need_dx = 0;
    out->desc.u.constant.value = cases[i].value;
}

const struct op_class op_constant = {
    .name = "constant",
    .size = sizeof(struct op),
    .create = create,
    .forward = forward,
    .ref_forward = reference,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
