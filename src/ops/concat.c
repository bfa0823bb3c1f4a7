/*
 * Joining along the channels, and cutting along them: host side of cl/concat.cl. Several narrow tensors and a
 * wide one, which has their channels one after the other: x and y of a concat, y and x of a slice.
 */
#include "ops/op_impl.h"

struct concat_op {
    struct op head;
    struct op_launch forward[OP_MOST], backward[OP_MOST]; /* of each narrow tensor */
};

/* What is copied: part j of the wide tensor, or all of a narrow one, into the other. */
struct copy {
    const struct tensor *to, *from, *mask; /* from NULL: zeros; mask may be NULL */
    const struct shape *narrow;
    int first, channels; /* of the part, and of the wide tensor */
    bool to_narrow;
};

static int get_kernel(struct op_launch *l, struct op *op, bool back, const struct copy *c,
                      struct clr_error *err)
{
    const struct shape *s = c->narrow;
    const int rows = op_span(ocl_device(op->ctx), s->h), v = op->block;
    const bool whole = c->first % v == 0 && (s->c % v == 0 || c->first + s->c == c->channels);
    struct str options = {0};

    str_append(&options,
               "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DTO0=%d -DFROM0=%d -DWHOLE=%d -DMASK=%d -DZERO=%d", v,
               rows, s->c, s->h, s->w, c->to_narrow ? 0 : c->first, c->to_narrow ? c->first : 0, whole,
               c->mask != NULL, !c->from);
    tensor_macros(&options, "TO", c->to);
    tensor_macros(&options, "FROM", c->from ? c->from : c->to);
    tensor_macros(&options, "M", c->mask ? c->mask : c->to);
    op_launch_range(l, op_ceil(s->h, rows), op_ceil(s->c, v), 0);
    return op_launch_create(l, op, back ? "backward" : "forward", "concat.cl", &options, "concat_copy", err);
}

static int run(const struct op_launch *l, struct op *op, cl_mem to, cl_mem from, cl_mem mask,
               const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(to), OCL_MEM(from), OCL_MEM(mask), OCL_INT(io->batch)};

    return op_launch_run(l, op, io, args, MEM_COUNT(args), err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    const struct op_desc *d = &op->desc;
    int first = 0, rc = 0;

    for (int j = 0; j < d->x_count && rc == 0; first += d->x[j++].c) {
        const struct copy forth = {&io->y[0], &io->x[j], NULL, &d->x[j], first, d->y[0].c, false};
        const struct copy back = {
            &io->dx[j], &io->dy[0], d->mask_dx >> j & 1 ? &io->x[j] : NULL, &d->x[j], first, d->y[0].c, true};
        rc = get_kernel(&self->forward[j], op, false, &forth, err);
        if (rc == 0 && (d->need_dx >> j & 1))
            rc = get_kernel(&self->backward[j], op, true, &back, err);
    }
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.x_count && rc == 0; j++)
        rc = run(&self->forward[j], op, io->y[0].mem, io->x[j].mem, io->x[j].mem, io, err);
    return rc;
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.x_count && rc == 0; j++)
        rc = run(&self->backward[j], op, io->dx[j].mem, io->dy[0].mem, io->x[j].mem, io, err);
    return rc;
}

/* ------------------------------------------------------------------ slices */

static int slice_create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    const struct op_desc *d = &op->desc;
    int first = 0, rc = 0;

    for (int j = 0; j < d->y_count && rc == 0; first += d->y[j++].c) {
        const struct copy forth = {&io->y[j], &io->x[0], NULL, &d->y[j], first, d->x[0].c, true};
        const struct copy back = {
            &io->dx[0], d->no_dy >> j & 1 ? NULL : &io->dy[j], NULL, &d->y[j], first, d->x[0].c, false};
        rc = get_kernel(&self->forward[j], op, false, &forth, err);
        if (rc == 0 && op_has_pass(d, OP_BACKWARD_DATA))
            rc = get_kernel(&self->backward[j], op, true, &back, err);
    }
    return rc;
}

static int slice_forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.y_count && rc == 0; j++)
        rc = run(&self->forward[j], op, io->y[j].mem, io->x[0].mem, io->x[0].mem, io, err);
    return rc;
}

static int slice_backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct concat_op *self = (struct concat_op *)op;
    int rc = 0;

    for (int j = 0; j < op->desc.y_count && rc == 0; j++) {
        const cl_mem from = op->desc.no_dy >> j & 1 ? io->x[0].mem : io->dy[j].mem; /* is not read, or is */
        rc = run(&self->backward[j], op, io->dx[0].mem, from, io->x[0].mem, io, err);
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

/* Each image of x is those of the y, one after the other. */
static void reference_slice(const struct op_desc *d, const struct op_ref *r)
{
    const double *x = r->x[0];

    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < d->y_count; j++) {
            const size_t count = op_elements(&d->y[j]);
            memcpy(r->y[j] + (size_t)i * count, x, count * sizeof *x);
            x += count;
        }
}

static void reference_slice_backward(const struct op_desc *d, const struct op_ref *r)
{
    double *dx = r->dx[0];

    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < d->y_count; j++) {
            const size_t count = op_elements(&d->y[j]);
            memset(dx, 0, count * sizeof *dx);
            if (!(d->no_dy >> j & 1))
                memcpy(dx, r->dy[j] + (size_t)i * count, count * sizeof *dx);
            dx += count;
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

static const struct {
    struct shape y;
    int count, channels[OP_MOST];
    unsigned no_dy;
    bool small;
} slice_cases[] = {
    {{2, 0, 7, 3}, 2, {5, 6}, 0, true},
    {{3, 0, 4, 5}, 3, {16, 32, 7}, 2, false},
    {{1, 0, 3, 2}, 4, {8, 1, 16, 3}, 5, true},
    {{4, 0, 1, 1}, 8, {3, 1, 2, 4, 1, 1, 5, 2}, 0, false},
};

static void get_slice_case(struct op_case *out, int i)
{
    struct op_desc *d = &out->desc;
    struct shape x = slice_cases[i].y;

    d->y_count = slice_cases[i].count;
    for (int j = 0; j < d->y_count; j++)
        x.c += slice_cases[i].channels[j];
    op_case_of(out, &x, slice_cases[i].small, " in %d%s", d->y_count,
               slice_cases[i].no_dy ? ", not all with a gradient" : "");
    for (int j = 0; j < d->y_count; j++) {
        d->y[j] = x;
        d->y[j].c = slice_cases[i].channels[j];
    }
    d->no_dy = slice_cases[i].no_dy;
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

const struct op_class op_slice = {
    .name = "slice",
    .size = sizeof(struct concat_op),
    .create = slice_create,
    .forward = slice_forward,
    .backward = slice_backward,
    .ref_forward = reference_slice,
    .ref_backward = reference_slice_backward,
    .cases = &(const struct op_cases){MEM_COUNT(slice_cases), get_slice_case},
};
