/* Rectifier: host side of cl/relu.cl. Oracle: ref_relu_forward(), ref_relu_backward(). */
#include "ops/op_impl.h"
#include "ref/ref.h"

struct relu_op {
    struct op head;
    struct ocl_kernel *forward, *backward;
    size_t global[3];
};

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    (void)desc;
    (void)device;
    (void)block;
    (void)err;
    needs->in_place = true;
    needs->keeps_y = true;
    return 0;
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relu_op *self = (struct relu_op *)op;
    const int rows = op_span(ocl_device(op->ctx), op->desc.x.h);
    const bool back = op->desc.backward && op->desc.need_dx;
    int rc = 0;

    for (int k = 0; k < (back ? 2 : 1) && rc == 0; k++) {
        struct str options = {0};
        str_append(&options, "-DV=%d -DROWS=%d -DH=%d -DW=%d -DSLOPE=%.9ef", op->block, rows, op->desc.x.h,
                   op->desc.x.w, (double)op->desc.u.relu.negative_slope);
        tensor_macros(&options, "X", &io->x);
        tensor_macros(&options, "Y", &io->y);
        tensor_macros(&options, "DX", back ? &io->dx : &io->x);
        tensor_macros(&options, "DY", back ? &io->dy : &io->y);
        rc = op_kernel(op, k == 0 ? &self->forward : &self->backward, "relu.cl", &options,
                       k == 0 ? "relu_forward" : "relu_backward", err);
    }
    self->global[0] = (size_t)op_ceil(op->desc.x.h, rows);
    self->global[1] = (size_t)op_ceil(op->desc.x.c, op->block);
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relu_op *self = (struct relu_op *)op;
    const struct ocl_arg args[] = {OCL_MEM(io->y.mem), OCL_MEM(io->x.mem), OCL_INT(io->batch)};

    self->global[2] = (size_t)io->batch;
    return op_launch(op, self->forward, op->forward_label, self->global, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relu_op *self = (struct relu_op *)op;
    const struct ocl_arg args[] = {OCL_MEM(io->dx.mem), OCL_MEM(io->y.mem), OCL_MEM(io->dy.mem),
                                   OCL_INT(io->batch)};

    if (!io->dx.mem)
        return 0;
    self->global[2] = (size_t)io->batch;
    return op_launch(op, self->backward, op->backward_label, self->global, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_relu_forward(r->y, r->x, (size_t)r->n * op_elements(&d->x), (double)d->u.relu.negative_slope);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_relu_backward(r->dx, r->y, r->dy, (size_t)r->n * op_elements(&d->x),
                      (double)d->u.relu.negative_slope);
}

static const struct {
    struct shape x;
    float slope;
    bool small;
} cases[] = {{{2, 5, 7, 3}, 0.0f, true},
             {{3, 33, 4, 5}, 0.0f, false},
             {{1, 20, 3, 6}, 0.1f, false},
             {{4, 13, 1, 1}, 0.0f, false}};

static int get_case(struct op_case *out, int i, struct clr_error *err)
{
    (void)err;
    op_case_name(out, &cases[i].x, ", slope %g", (double)cases[i].slope);
    out->small = cases[i].small;
    out->desc.x = out->desc.y = cases[i].x;
    out->desc.u.relu.negative_slope = cases[i].slope;
    return 0;
}

static const struct op_cases all_cases = {MEM_COUNT(cases), get_case};

const struct op_class op_relu = {
    .name = "relu",
    .size = sizeof(struct relu_op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 1e-14,
    .flags = OP_HAS_ZEROS,
    .cases = &all_cases,
};
