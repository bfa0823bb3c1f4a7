/*
 * Losses of two values, or of a number and the label: host side of cl/value_loss.cl, where the formulas are.
 * Two operators: the Euclidean loss, and the cross-entropy of sigmoids.
 */
#include <math.h>

#include "ops/op_impl.h"

enum { SPAN = 64 }; /* numbers of a sum in one work-item */

struct value_loss_op {
    struct op head;
    struct op_launch sum;
};

static bool of_labels(const struct op_desc *d)
{
    return d->x_count == 1;
}

static int count_of(const struct op_desc *d)
{
    return d->x[0].c * d->x[0].h * d->x[0].w;
}

/* What the sum over the batch is divided by, for each image. */
static double divisor(const struct op_desc *d, int images)
{
    switch (d->u.loss.normalization) {
    case LOSS_FULL:
    case LOSS_VALID:
        return (double)images * (double)count_of(d);
    case LOSS_BATCH_SIZE:
        return images;
    case LOSS_NONE:
        break;
    }
    return 1.0;
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct shape parts = {r->desc->x[0].n, op_ceil(count_of(r->desc), SPAN), 1, sizeof(cl_float)};

    if (!shape_count(&parts, &needs->workspace_bytes))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", r->desc->label);
    return 0;
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct value_loss_op *self = (struct value_loss_op *)op;
    const struct op_desc *d = &op->desc;
    const int count = count_of(d), parts = op_ceil(count, SPAN), t = of_labels(d) ? 0 : 1;
    struct str options = {0}, again = {0};
    int rc;

    str_append(&options, "-DCOUNT=%d -DSPAN=%d -DPARTS=%d -DFUNCTION=%d -DLABELS=%d -DBACK_X=%d -DBACK_T=%d",
               count, SPAN, parts, d->kind == OP_SIGMOID_LOSS, of_labels(d), op_goes_back(d, 0),
               op_goes_back(d, 1));
    str_append(&options, " -DX_H=%d -DX_W=%d -DT_H=%d -DT_W=%d", d->x[0].h, d->x[0].w, d->x[t].h, d->x[t].w);
    str_append(&options, " -DDX_H=X_H -DDX_W=X_W -DDT_H=T_H -DDT_W=T_W");
    tensor_macros(&options, "X", &io->x[0]);
    tensor_macros(&options, "T", &io->x[t]);
    tensor_macros(&options, "DX", op_goes_back(d, 0) ? &io->dx[0] : &io->x[0]);
    tensor_macros(&options, "DT", op_goes_back(d, 1) ? &io->dx[1] : &io->x[t]);
    str_append(&again, "%s", str_text(&options));
    op_launch_range(&op->forward, parts, 0, 1);
    op_launch_range(&self->sum, 0, 1, 1);
    rc = op_kernel(op, false, "value_loss.cl", &options, "value_loss_parts", err);
    if (rc == 0)
        return op_launch_create(&self->sum, op, "forward sum", "value_loss.cl", &again, "value_loss_sum",
                                err);
    str_clear(&again);
    return rc;
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct value_loss_op *self = (struct value_loss_op *)op;
    const struct op_desc *d = &op->desc;
    const double by = divisor(d, io->batch), weight = op_loss_weight(d);
    /* what the kernel does not use is any buffer */
    const cl_mem dx = op_goes_back(d, 0) ? io->dx[0].mem : io->workspace,
                 dt = op_goes_back(d, 1) ? io->dx[1].mem : io->workspace, t = io->x[of_labels(d) ? 0 : 1].mem;
    const struct ocl_arg parts[] = {OCL_MEM(io->workspace),          OCL_MEM(dx),       OCL_MEM(dt),
                                    OCL_MEM(io->x[0].mem),           OCL_MEM(t),        OCL_MEM(io->labels),
                                    OCL_FLOAT((float)(weight / by)), OCL_INT(io->batch)};
    const struct ocl_arg sum[] = {OCL_MEM(io->sample), OCL_MEM(io->workspace),
                                  OCL_FLOAT((float)(weight * io->batch / by)), OCL_INT(io->sample_offset),
                                  OCL_INT(io->batch)};
    int rc = op_launch_run(&op->forward, op, io, parts, MEM_COUNT(parts), err);

    return rc < 0 ? rc : op_launch_run(&self->sum, op, io, sum, MEM_COUNT(sum), err);
}

/* ------------------------------------------------------------------ references and cases */

static double loss_of(const struct op_desc *d, double x, double t)
{
    return d->kind == OP_EUCLIDEAN_LOSS ? 0.5 * (x - t) * (x - t)
                                        : fmax(x, 0.0) - x * t + log1p(exp(-fabs(x)));
}

static double to_x(const struct op_desc *d, double x, double t)
{
    return d->kind == OP_EUCLIDEAN_LOSS ? x - t : 1.0 / (1.0 + exp(-x)) - t;
}

static double to_t(const struct op_desc *d, double x, double t)
{
    return d->kind == OP_EUCLIDEAN_LOSS ? t - x : -x;
}

static void reference(const struct op_desc *d, const struct op_ref *r)
{
    const double factor = op_loss_weight(d) / divisor(d, r->n);
    const int count = count_of(d);

    for (int i = 0; i < r->n; i++) {
        double sum = 0.0;
        for (int e = 0; e < count; e++) {
            const size_t at = (size_t)i * (size_t)count + (size_t)e;
            const double x = r->x[0][at], t = of_labels(d) ? r->labels[i] : r->x[1][at];
            sum += loss_of(d, x, t);
            if (r->dx[0])
                r->dx[0][at] = to_x(d, x, t) * factor;
            if (r->dx[1] && op_goes_back(d, 1))
                r->dx[1][at] = to_t(d, x, t) * factor;
        }
        r->sample[i] = factor * r->n * sum;
    }
}

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    (void)images;
    return pass == OP_FORWARD ? count_of(d) : 0.0;
}

static const struct {
    struct shape x, t; /* t.n 0: the labels */
    float weight;
    enum loss_normalization normalization;
    unsigned need_dx;
    bool small;
} cases[] = {{{3, 5, 4, 3}, {3, 5, 4, 3}, 1.0f, LOSS_BATCH_SIZE, 3, true},
             {{2, 30, 1, 1}, {2, 5, 2, 3}, -0.7f, LOSS_FULL, 1, true},
             {{2, 3, 7, 5}, {2, 105, 1, 1}, 1.0f, LOSS_NONE, 2, false},
             {{9, 1, 1, 1}, {0, 0, 0, 0}, 1.0f, LOSS_BATCH_SIZE, 1, true},
             {{4, 67, 1, 1}, {4, 67, 1, 1}, 0.0f, LOSS_BATCH_SIZE, 0, false},
             {{5, 3, 33, 17}, {5, 3, 33, 17}, 2.0f, LOSS_VALID, 3, false}};

static void get_case(struct op_case *out, int i)
{
    static const char *const by[] = {"numbers", "numbers", "images", "1"};
    const struct shape *t = &cases[i].t;
    struct op_desc *d = &out->desc;
    char target[48] = "labels";

    if (t->n > 0)
        (void)snprintf(target, sizeof target, "%dx%dx%d", t->c, t->h, t->w);
    op_case_of(out, &cases[i].x, cases[i].small, " and %s, weight %g, by %s", target, (double)cases[i].weight,
               by[cases[i].normalization]);
    d->x_count = t->n > 0 ? 2 : 1;
    d->x[1] = *t;
    d->u.loss.weight = cases[i].weight;
    d->u.loss.normalization = cases[i].normalization;
    d->need_dx = cases[i].need_dx;
}

#define VALUE_LOSS(name_)                                                                                    \
    {                                                                                                        \
        .name = (name_), .size = sizeof(struct value_loss_op),                                               \
        .needs = {.x_any_block = true, .early_dx = true}, .plan = plan, .create = create,                    \
        .forward = forward, .labels = 4, .ref_forward = reference, .terms = terms, .nmse = 1e-12,            \
        .sample_nmse = 1e-11, .flags = OP_LOSS,                                                              \
        .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},                                       \
    }

const struct op_class op_euclidean_loss = VALUE_LOSS("euclidean loss");
const struct op_class op_sigmoid_loss = VALUE_LOSS("sigmoid loss");
