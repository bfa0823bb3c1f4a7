/*
 * Several tensors, number by number: host side of cl/eltwise.cl, where the formulas are. Two operators:
 * Eltwise, and the split of a value with several readers: its outputs are its input, its gradient is the sum
 * of theirs.
 */
#include <math.h>

#include "ops/op_impl.h"

enum { PASSES = 1 + OP_MOST }; /* forward, and back to each input; a split: back */

struct eltwise_op {
    struct op head;
    struct op_launch passes[PASSES];
};

/* What a pass reads and writes. */
struct pass {
    const struct tensor *to, *from, *dy, *mask; /* count of from; dy and mask may be NULL */
    int count, j; /* j: the input that it goes back to; −1: forward, or a split's */
};

/* Pass k of *d; false: there is none. */
static bool get_pass(struct pass *out, const struct op_desc *d, const struct op_io *io, int k)
{
    const int j = d->kind == OP_SPLIT ? 0 : k - 1;
    const struct tensor *mask = j >= 0 && (d->mask_dx >> j & 1) ? &io->x[j] : NULL;

    if (d->kind == OP_SPLIT)
        *out = (struct pass){&io->dx[0], io->dy, NULL, mask, d->y_count, -1};
    else if (k == 0)
        *out = (struct pass){&io->y[0], io->x, NULL, NULL, d->x_count, -1};
    else
        *out = (struct pass){&io->dx[j], io->x, &io->dy[0], mask, d->x_count, j};
    return j < 0 || (op_goes_back(d, j) && (d->kind != OP_SPLIT || k == 0));
}

static int get_kernel(struct eltwise_op *self, int k, const struct pass *p, struct clr_error *err)
{
    const struct op_desc *d = &self->head.desc;
    const bool split = d->kind == OP_SPLIT;
    const int rows = op_span(ocl_device(self->head.ctx), d->x[0].h);
    struct str options = {0};

    str_append(&options, "-DV=%d -DROWS=%d -DH=%d -DW=%d -DOP=%d -DK=%d -DMASK=%d", self->head.block, rows,
               d->x[0].h, d->x[0].w, split ? ELTWISE_SUM : (int)d->u.eltwise.operation, p->count,
               p->mask != NULL);
    for (int i = 0; i < p->count; i++) {
        char prefix[16];
        (void)snprintf(prefix, sizeof prefix, "X%d", i);
        tensor_macros(&options, prefix, &p->from[i]);
        str_append(&options, " -DC%d=%.9ef", i, split ? 1.0 : (double)d->u.eltwise.coeff[i]);
    }
    if (p->j >= 0) {
        str_append(&options, " -DJ=%d -DCJ=C%d", p->j, p->j);
        tensor_macros(&options, "DY", p->dy);
    }
    tensor_macros(&options, "TO", p->to);
    if (p->mask)
        tensor_macros(&options, "M", p->mask);
    op_launch_range(&self->passes[k], op_ceil(d->x[0].h, rows), op_ceil(d->x[0].c, self->head.block), 0);
    return op_launch_create(&self->passes[k], &self->head, split || k > 0 ? "backward" : "forward",
                            "eltwise.cl", &options, p->j >= 0 ? "eltwise_backward" : "eltwise_forward", err);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct pass p;
    int rc = 0;

    for (int k = 0; k < PASSES && rc == 0; k++)
        if (get_pass(&p, &op->desc, io, k))
            rc = get_kernel((struct eltwise_op *)op, k, &p, err);
    return rc;
}

static int run_pass(struct op *op, int k, const struct op_io *io, struct clr_error *err)
{
    struct eltwise_op *self = (struct eltwise_op *)op;
    struct ocl_arg args[OP_MOST + 4];
    struct pass p;
    size_t n = 0;

    if (!get_pass(&p, &op->desc, io, k))
        return 0;
    args[n++] = OCL_MEM(p.to->mem);
    if (p.dy)
        args[n++] = OCL_MEM(p.dy->mem);
    for (int i = 0; i < p.count && !(p.dy && op->desc.u.eltwise.operation == ELTWISE_SUM); i++)
        args[n++] = OCL_MEM(p.from[i].mem);
    if (p.mask)
        args[n++] = OCL_MEM(p.mask->mem);
    args[n++] = OCL_INT(io->batch);
    return op_launch_run(&self->passes[k], op, io, args, n, err);
}

/* The pass of a split that goes back is its only one, too. */
static int first_pass(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return run_pass(op, 0, io, err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    int rc = 0;

    for (int k = 1; k < PASSES && rc == 0; k++)
        rc = run_pass(op, k, io, err);
    return rc;
}

/* ------------------------------------------------------------------ references and cases */

/* Which x[j][i] is the largest. */
static int largest(const struct op_desc *d, const struct op_ref *r, size_t i)
{
    int most = r->x[1][i] >= r->x[0][i];

    for (int j = 2; j < d->x_count; j++)
        most = r->x[j][i] > r->x[most][i] ? j : most;
    return most;
}

/* Product of all x[j][i] but that of j = except. */
static double product(const struct op_desc *d, const struct op_ref *r, size_t i, int except)
{
    double y = 1.0;

    for (int j = 0; j < d->x_count; j++)
        y *= j == except ? 1.0 : r->x[j][i];
    return y;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);

    for (size_t i = 0; i < count; i++) {
        double sum = 0.0, nan = 0.0;
        for (int j = 0; j < d->x_count; j++) {
            sum += (double)d->u.eltwise.coeff[j] * r->x[j][i];
            nan += isnan(r->x[j][i]) ? r->x[j][i] : 0.0;
        }
        r->y[0][i] = d->u.eltwise.operation == ELTWISE_SUM    ? sum
                     : d->u.eltwise.operation == ELTWISE_PROD ? product(d, r, i, -1)
                                                              : r->x[largest(d, r, i)][i] + nan;
    }
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);

    for (int j = 0; j < d->x_count; j++)
        for (size_t i = 0; i < count; i++)
            r->dx[j][i] = r->dy[0][i] * (d->u.eltwise.operation == ELTWISE_SUM ? (double)d->u.eltwise.coeff[j]
                                         : d->u.eltwise.operation == ELTWISE_PROD ? product(d, r, i, j)
                                                                                  : largest(d, r, i) == j);
}

static void reference_split(const struct op_desc *d, const struct op_ref *r)
{
    for (int j = 0; j < d->y_count; j++)
        memcpy(r->y[j], r->x[0], (size_t)r->n * op_elements(&d->x[0]) * sizeof **r->y);
}

static void reference_join(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);

    for (size_t i = 0; i < count; i++) {
        r->dx[0][i] = 0.0;
        for (int j = 0; j < d->y_count; j++)
            r->dx[0][i] += r->dy[j][i];
    }
}

/* Masks: bits of need_dx and mask_dx. With a mask many x are 0, and thus equal. */
static const struct {
    enum eltwise_operation operation;
    struct shape x;
    int count;
    float coeff[OP_MOST];
    unsigned need_dx, mask_dx;
    bool small;
} cases[] = {
    {ELTWISE_SUM, {2, 5, 7, 3}, 2, {1.0f, 1.0f}, 3, 0, true},
    {ELTWISE_SUM, {3, 18, 4, 5}, 3, {0.5f, -2.0f, 1.5f}, 7, 2, true},
    {ELTWISE_SUM, {2, 33, 1, 1}, 8, {1, 1, 1, 1, 1, 1, 1, 1}, 255, 129, false},
    {ELTWISE_SUM, {1, 3, 5, 2}, 2, {1.0f, 1.0f}, 2, 2, false},
    {ELTWISE_PROD, {2, 5, 3, 4}, 2, {0}, 3, 0, true},
    {ELTWISE_PROD, {1, 17, 4, 3}, 4, {0}, 15, 5, false},
    {ELTWISE_MAX, {2, 6, 4, 3}, 2, {0}, 3, 0, true},
    {ELTWISE_MAX, {3, 20, 3, 5}, 3, {0}, 7, 4, false},
    {ELTWISE_MAX, {4, 13, 1, 1}, 5, {0}, 13, 0, false},
};

static void get_case(struct op_case *out, int i)
{
    static const char *const names[] = {"sum", "product", "maximum"};
    struct op_desc *d = &out->desc;

    op_case_of(out, &cases[i].x, cases[i].small, ", %s of %d%s", names[cases[i].operation], cases[i].count,
               cases[i].mask_dx ? ", rectified" : "");
    d->x_count = cases[i].count;
    for (int j = 1; j < d->x_count; j++)
        d->x[j] = d->x[0];
    d->need_dx = cases[i].need_dx;
    d->mask_dx = cases[i].mask_dx;
    d->u.eltwise.operation = cases[i].operation;
    memcpy(d->u.eltwise.coeff, cases[i].coeff, sizeof d->u.eltwise.coeff);
}

static const struct {
    struct shape x;
    int count;
    bool mask, small;
} split_cases[] = {{{2, 5, 3, 7}, 2, false, true},
                   {{3, 18, 4, 5}, 3, true, true},
                   {{2, 33, 1, 1}, 8, false, false},
                   {{1, 16, 5, 4}, 2, true, false}};

static void get_split_case(struct op_case *out, int i)
{
    struct op_desc *d = &out->desc;

    op_case_of(out, &split_cases[i].x, split_cases[i].small, " in %d%s", split_cases[i].count,
               split_cases[i].mask ? ", rectified" : "");
    d->y_count = split_cases[i].count;
    for (int j = 1; j < d->y_count; j++)
        d->y[j] = d->y[0];
    d->mask_dx = split_cases[i].mask;
}

const struct op_class op_eltwise = {
    .name = "eltwise",
    .size = sizeof(struct eltwise_op),
    .create = create,
    .forward = first_pass,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 1e-12,
    .flags = OP_MASKS_DX,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};

const struct op_class op_split = {
    .name = "split",
    .inserted = "Split",
    .size = sizeof(struct eltwise_op),
    .needs = {.y_is_x = true, .keeps_y = true},
    .create = create,
    .backward = first_pass,
    .ref_forward = reference_split,
    .ref_backward = reference_join,
    .nmse = 1e-12,
    .flags = OP_MASKS_DX,
    .cases = &(const struct op_cases){MEM_COUNT(split_cases), get_split_case},
};
