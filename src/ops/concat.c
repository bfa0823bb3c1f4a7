/* Joining along the channels: host side of cl/concat.cl. */
#include "ops/op_impl.h"

struct concat_op {
    struct op head;
    struct op_launch forward[OP_MOST], backward[OP_MOST]; /* of each x */
};

/* x[j] and its part of y, which begins with channel `first`. */
static int get_kernel(struct op_launch *l, struct op *op, int j, bool back, int first, const struct op_io *io,
                      struct clr_error *err)
{
    const struct shape *x = &op->desc.x[j];
    const int rows = op_span(ocl_device(op->ctx), x->h);
    const bool whole = first % op->block == 0 && (x->c % op->block == 0 || first + x->c == op->desc.y[0].c);
    struct str options = {0};

    str_append(&options, "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DTO0=%d -DFROM0=%d -DWHOLE=%d -DMASK=%d",
               op->block, rows, x->c, x->h, x->w, back ? 0 : first, back ? first : 0, whole,
               back && op->desc.mask_dx >> j & 1);
    tensor_macros(&options, "TO", back ? &io->dx[j] : &io->y[0]);
    tensor_macros(&options, "FROM", back ? &io->dy[0] : &io->x[j]);
    tensor_macros(&options, "M", &io->x[j]);
    op_launch_range(l, op_ceil(x->h, rows), op_ceil(x->c, op->block), 0);
    return op_launch_create(l, op, back ? "backward" : "forward", "concat.cl", &options, "concat_copy", err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    const struct op_desc *d = &op->desc;
    int first = 0, rc = 0;

    for (int j = 0; j < d->x_count && rc == 0; first += d->x[j++].c) {
        rc = get_kernel(&self->forward[j], op, j, false, first, io, err);
        if (rc == 0 && (d->need_dx >> j & 1))
            rc = get_kernel(&self->backward[j], op, j, true, first, io, err);
    }
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.x_count && rc == 0; j++) {
        const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[j].mem), OCL_MEM(io->x[j].mem),
                                       OCL_INT(io->batch)};
        rc = op_launch_run(&self->forward[j], op, io, args, MEM_COUNT(args), err);
    }
    return rc;
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.x_count && rc == 0; j++) {
        const struct ocl_arg args[] = {OCL_MEM(io->dx[j].mem), OCL_MEM(io->dy[0].mem), OCL_MEM(io->x[j].mem),
                                       OCL_INT(io->batch)};
        rc = op_launch_run(&self->backward[j], op, io, args, MEM_COUNT(args), err);
    }
    return rc;
}

/* ------------------------------------------------------------------ reference and cases */

/* Each image of y is those of the x, one after the other. */
static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    double *y = r->y[0];

    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < d->x_count; j++) {
            const size_t count = op_elements(&d->x[j]);
            memcpy(y, r->x[j] + (size_t)i * count, count * sizeof *y);
            y += count;
        }
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const double *dy = r->dy[0];

    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < d->x_count; j++) {
            const size_t count = op_elements(&d->x[j]);
            memcpy(r->dx[j] + (size_t)i * count, dy, count * sizeof *dy);
            dy += count;
        }
}

static const struct {
    struct shape x;
    int count, channels[OP_MOST];
    unsigned need_dx, mask_dx;
    bool small;
} cases[] = {
    {{2, 5, 7, 3}, 2, {5, 6}, 3, 0, true},
    {{3, 16, 4, 5}, 3, {16, 32, 7}, 7, 2, false},
    {{1, 8, 3, 2}, 4, {8, 1, 16, 3}, 15, 9, true},
    {{4, 13, 1, 1}, 2, {13, 20}, 2, 2, false},
    {{2, 3, 2, 6}, 8, {3, 1, 2, 4, 1, 1, 5, 2}, 255, 0, false},
    {{2, 9, 2, 3}, 1, {9}, 1, 1, false},
};

static void get_case(struct op_case *out, int i)
{
    struct op_desc *d = &out->desc;

    op_case_of(out, &cases[i].x, cases[i].small, " and %d more%s", cases[i].count - 1,
               cases[i].mask_dx ? ", rectified" : "");
    d->x_count = cases[i].count;
    d->y[0].c = 0;
    for (int j = 0; j < d->x_count; j++) {
        d->x[j] = cases[i].x;
        d->x[j].c = cases[i].channels[j];
        d->y[0].c += d->x[j].c;
    }
    d->need_dx = cases[i].need_dx;
    d->mask_dx = cases[i].mask_dx;
}

const struct op_class op_concat = {
    .name = "concat",
    .size = sizeof(struct concat_op),
    .create = create,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .flags = OP_MASKS_DX,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
