/* Copy of an activation into another layout, or flat: host side of cl/relayout.cl. */
#include <limits.h>

#include "ops/op_impl.h"

enum { CPU_SPAN = 64 };

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct shape *x = &r->desc->x[0], image = {1, x->c, x->h, x->w};
    size_t count;

    if (!shape_count(&image, &count) || count > INT_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", r->desc->label);
    needs->x_any_block = true;
    return 0;
}

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const struct tensor *to = back ? &io->dx[0] : &io->y[0], *from = back ? &io->dy[0] : &io->x[0];
    const int count = (int)op_elements(&op->desc.x[0]), span = op_span(ocl_device(op->ctx), CPU_SPAN);
    struct str options = {0};

    str_append(&options, "-DCOUNT=%d -DSPAN=%d -DD_H=%d -DD_W=%d -DS_H=%d -DS_W=%d", count, span, to->shape.h,
               to->shape.w, from->shape.h, from->shape.w);
    tensor_macros(&options, "D", to);
    tensor_macros(&options, "S", from);
    op_launch_range(back ? &op->backward : &op->forward, op_ceil(count, span), 0, 1);
    return op_kernel(op, back, "relayout.cl", &options, "relayout_copy", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->dy[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

/* The logical order stays what it is, flattened or not. */
static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    memcpy(r->y[0], r->x[0], (size_t)r->n * op_elements(&d->x[0]) * sizeof *r->y[0]);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    memcpy(r->dx[0], r->dy[0], (size_t)r->n * op_elements(&d->x[0]) * sizeof *r->dx[0]);
}

static const struct {
    struct shape x;
    bool flat, small;
} cases[] = {{{2, 5, 3, 7}, false, true},
             {{3, 33, 4, 2}, false, false},
             {{2, 6, 3, 5}, true, true},
             {{3, 64, 3, 3}, true, false},
             {{1, 19, 1, 1}, true, false}};

static void get_case(struct op_case *out, int i)
{
    const struct shape *x = &cases[i].x;

    op_case_of(out, x, cases[i].small, "%s", cases[i].flat ? " flattened" : "");
    if (cases[i].flat)
        out->desc.y[0] = (struct shape){x->n, x->c * x->h * x->w, 1, 1};
}

const struct op_class op_relayout = {
    .name = "relayout",
    .inserted = "Flatten",
    .size = sizeof(struct op),
    .plan = plan,
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .flags = OP_ANY_LAYOUT | OP_FLATTENS,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
