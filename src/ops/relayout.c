/* Copy of an activation into another layout, or flat: host side of cl/relayout.cl. Its own oracle: the host's
 * tensor_read() and tensor_write(). */
#include <limits.h>

#include "ops/op_impl.h"

struct relayout_op {
    struct op head;
    struct ocl_kernel *forward, *backward;
    size_t global[3];
};

enum { CPU_SPAN = 64 };

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    const struct shape image = {1, desc->x[0].c, desc->x[0].h, desc->x[0].w};
    size_t count;

    (void)device;
    (void)block;
    if (!shape_count(&image, &count) || count > INT_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    needs->x_any_block = true;
    return 0;
}

static int get_kernel(struct op *op, struct ocl_kernel **out, const struct tensor *to,
                      const struct tensor *from, int count, int span, struct clr_error *err)
{
    struct str options = {0};

    str_append(&options, "-DCOUNT=%d -DSPAN=%d -DD_H=%d -DD_W=%d -DS_H=%d -DS_W=%d", count, span, to->shape.h,
               to->shape.w, from->shape.h, from->shape.w);
    tensor_macros(&options, "D", to);
    tensor_macros(&options, "S", from);
    return op_kernel(op, out, "relayout.cl", &options, "relayout_copy", err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relayout_op *self = (struct relayout_op *)op;
    const int count = op->desc.x[0].c * op->desc.x[0].h * op->desc.x[0].w,
              span = op_span(ocl_device(op->ctx), CPU_SPAN);
    int rc = get_kernel(op, &self->forward, &io->y[0], &io->x[0], count, span, err);

    if (rc == 0 && op->desc.backward && op->desc.need_dx)
        rc = get_kernel(op, &self->backward, &io->dx[0], &io->dy[0], count, span, err);
    self->global[0] = (size_t)op_ceil(count, span);
    self->global[2] = 1;
    return rc;
}

static int copy(struct relayout_op *self, struct ocl_kernel *kernel, const char *label, cl_mem to,
                cl_mem from, int batch, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(to), OCL_MEM(from), OCL_INT(batch)};

    self->global[1] = (size_t)batch;
    return op_launch(&self->head, kernel, label, self->global, args, MEM_COUNT(args), err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relayout_op *self = (struct relayout_op *)op;

    return copy(self, self->forward, op->forward_label, io->y[0].mem, io->x[0].mem, io->batch, err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct relayout_op *self = (struct relayout_op *)op;

    return io->dx[0].mem
               ? copy(self, self->backward, op->backward_label, io->dx[0].mem, io->dy[0].mem, io->batch, err)
               : 0;
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

static int get_case(struct op_case *out, int i, struct clr_error *err)
{
    const struct shape *x = &cases[i].x;

    (void)err;
    op_case_of(out, x, cases[i].small, "%s", cases[i].flat ? " flattened" : "");
    if (cases[i].flat)
        out->desc.y[0] = (struct shape){x->n, x->c * x->h * x->w, 1, 1};
    return 0;
}

static const struct op_cases all_cases = {MEM_COUNT(cases), get_case};

const struct op_class op_relayout = {
    .name = "relayout",
    .size = sizeof(struct relayout_op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .flags = OP_ANY_LAYOUT,
    .cases = &all_cases,
};
