/*
 * Batch normalisation: host side of cl/batch_norm.cl, where the formulas are. In training the statistics are
 * the batch's, and the running ones are updated; in evaluation they are the running ones.
 */
#include <math.h>

#include "ops/channel_sums.h"

enum { MEAN, VAR, BATCHES, STATES }; /* parameters, all of them states */
enum { SAVED = 4 };                  /* numbers of a channel: mean, 1/deviation, and two sums going back */

struct batch_norm_op {
    struct op head;
    struct op_launch images, statistics; /* images: of a batch */
    struct channel_sums sums;
};

static bool of_batch(const struct op_desc *d)
{
    return d->u.batch_norm.statistics == BATCH_NORM_OF_BATCH;
}

static bool updates(const struct op_desc *d)
{
    return d->backward && of_batch(d);
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    needs->saved_bytes = SAVED * (size_t)r->desc->x[0].c * sizeof(float);
    return channel_sums_bytes(&needs->workspace_bytes, r->desc, r->block, CHANNEL_SUMS_MOST, err);
}

static void options_of(struct str *options, const struct op *op, const struct op_io *io, int rows)
{
    const struct op_desc *d = &op->desc;
    const double f = (double)d->u.batch_norm.fraction;

    str_append(options, "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DEPS=%.9ef -DUPDATES=%d -DOF_BATCH=%d",
               op->block, rows, d->x[0].c, d->x[0].h, d->x[0].w, (double)d->u.batch_norm.eps, updates(d),
               of_batch(d));
    /* without F only the latest batch counts: the logarithm is one for which F^t is 0 */
    str_append(options, " -DF=%.9ef -DLN_F=%.9ef -DALL=%d", f, f > 0.0 ? log(f) : -1e4, f == 1.0);
    op_tensor_macros(options, op, io);
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    static const char *const terms[] = {"d", "(d*v)"};
    struct batch_norm_op *self = (struct batch_norm_op *)op;
    const struct shape *x = &op->desc.x[0];
    const int rows = op_span(ocl_device(op->ctx), x->h), cb = op_ceil(x->c, op->block);
    const bool batch = of_batch(&op->desc), back = op_has_pass(&op->desc, OP_BACKWARD_DATA);
    const struct {
        struct op_launch *launch;
        const char *what, *name;
        bool wanted;
    } kernels[] = {
        {&self->images, "forward of images", "batch_norm_images", batch},
        {&self->statistics, "forward statistics", batch ? "batch_norm_batch" : "batch_norm_running", true},
        {&op->forward, "forward", "batch_norm_forward", true},
        {&op->backward, "backward", "batch_norm_backward", back},
    };
    int rc = 0;

    op_launch_range(&self->images, cb, 0, 1);
    op_launch_range(&self->statistics, x->c, 1, 1);
    op_launch_range(&op->forward, op_ceil(x->h, rows), cb, 0);
    op_launch_range(&op->backward, op_ceil(x->h, rows), cb, 0);
    for (size_t i = 0; i < MEM_COUNT(kernels) && rc == 0; i++) {
        struct str options = {0};
        if (!kernels[i].wanted)
            continue;
        options_of(&options, op, io, rows);
        rc = op_launch_create(kernels[i].launch, op, kernels[i].what, "batch_norm.cl", &options,
                              kernels[i].name, err);
    }
    return rc < 0 || !back || !batch ? rc
                                     : channel_sums_create(&self->sums, op, "backward", terms, 2, false,
                                                           &io->dy[0], &io->y[0], err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct batch_norm_op *self = (struct batch_norm_op *)op;
    const struct ocl_arg images[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_INT(io->batch)},
                         statistics[] = {OCL_MEM(io->saved),      OCL_MEM(io->w[MEAN]),   OCL_MEM(io->w[VAR]),
                                         OCL_MEM(io->w[BATCHES]), OCL_MEM(io->workspace), OCL_INT(io->batch)},
                         normalise[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_MEM(io->saved),
                                        OCL_MEM(io->w[BATCHES]), OCL_INT(io->batch)};
    int rc = op_launch_run(&self->images, op, io, images, MEM_COUNT(images), err);

    if (rc == 0)
        rc = op_launch_run(&self->statistics, op, io, statistics,
                           of_batch(&op->desc) ? MEM_COUNT(statistics) : 3, err);
    return rc < 0 ? rc : op_launch_run(&op->forward, op, io, normalise, MEM_COUNT(normalise), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct batch_norm_op *self = (struct batch_norm_op *)op;
    const int c = op->desc.x[0].c, at[] = {2 * c, 3 * c};
    const cl_mem sums[] = {io->saved, io->saved};
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->y[0].mem), OCL_MEM(io->dy[0].mem),
                                   OCL_MEM(io->saved), OCL_INT(io->batch)};
    int rc = 0;

    if (!op->backward.kernel)
        return 0;
    if (of_batch(&op->desc))
        rc = channel_sums_run(&self->sums, op, io, io->dy[0].mem, io->y[0].mem, sums, at, err);
    return rc < 0 ? rc : op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

/* As PyTorch has them: what a run has not seen is a mean of 0 and a variance of 1. */
static int params(struct op_param out[OP_PARAMS], const struct op_desc *d)
{
    const int c = d->x[0].c;

    out[MEAN] = (struct op_param){.name = "running_mean", .rank = 1, .dims = {c, 1, 1, 1}, .state = true};
    out[VAR] =
        (struct op_param){.name = "running_var", .rank = 1, .dims = {c, 1, 1, 1}, .state = true, .fill = 1};
    out[BATCHES] = (struct op_param){.name = "num_batches_tracked", .dims = {1, 1, 1, 1}, .state = true};
    return STATES;
}

/* ------------------------------------------------------------------ reference and cases */

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    (void)pass;
    return (double)images * d->x[0].h * d->x[0].w;
}

/* Pixel k of the batch's in channel c. */
static size_t pixel(const struct op_desc *d, size_t c, size_t k)
{
    const size_t pixels = (size_t)d->x[0].h * (size_t)d->x[0].w;

    return (k / pixels * (size_t)d->x[0].c + c) * pixels + k % pixels;
}

struct moments {
    double m, mean, squares; /* pixels, and Σ (x − mean)² */
};

static struct moments moments(const struct op_desc *d, const struct op_ref *r, size_t c)
{
    const size_t m = (size_t)r->n * (size_t)d->x[0].h * (size_t)d->x[0].w;
    struct moments s = {.m = (double)m};

    for (size_t k = 0; k < m; k++)
        s.mean += r->x[0][pixel(d, c, k)] / s.m;
    for (size_t k = 0; k < m; k++)
        s.squares += pow(r->x[0][pixel(d, c, k)] - s.mean, 2.0);
    return s;
}

/* What is subtracted from channel c, and the factor after that. */
static void normaliser(const struct op_desc *d, const struct op_ref *r, size_t c, double *mean,
                       double *factor)
{
    const struct moments s = moments(d, r, c);
    const double var = of_batch(d) ? s.squares / s.m : r->w[VAR][c];

    *mean = of_batch(d) ? s.mean : r->w[MEAN][c];
    *factor = 1.0 / sqrt(var + (double)d->u.batch_norm.eps);
}

/* The running statistics after the batch: weights of all batches are 1, F, F² …, from the latest on. */
static void reference_running(const struct op_desc *d, const struct op_ref *r)
{
    const double f = (double)d->u.batch_norm.fraction, t = r->w[BATCHES][0] + 1.0,
                 share = f == 1.0 ? 1.0 / t : (1.0 - f) / (1.0 - pow(f, t));

    for (size_t c = 0; c < (size_t)d->x[0].c; c++) {
        const struct moments s = moments(d, r, c);
        const double var = s.m > 1.0 ? s.squares / (s.m - 1.0) : 0.0;
        r->after[MEAN][c] = r->w[MEAN][c] * (1.0 - share) + s.mean * share;
        r->after[VAR][c] = r->w[VAR][c] * (1.0 - share) + var * share;
    }
    r->after[BATCHES][0] = t;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t m = (size_t)r->n * (size_t)d->x[0].h * (size_t)d->x[0].w;

    for (size_t c = 0; c < (size_t)d->x[0].c; c++) {
        double mean, factor;
        normaliser(d, r, c, &mean, &factor);
        for (size_t k = 0; k < m; k++)
            r->y[0][pixel(d, c, k)] = (r->x[0][pixel(d, c, k)] - mean) * factor;
    }
    if (r->train && updates(d) && r->after[0])
        reference_running(d, r);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t m = (size_t)r->n * (size_t)d->x[0].h * (size_t)d->x[0].w;

    for (size_t c = 0; c < (size_t)d->x[0].c; c++) {
        double mean, factor, sum = 0.0, along = 0.0;
        normaliser(d, r, c, &mean, &factor);
        for (size_t k = 0; k < m && of_batch(d); k++) {
            sum += r->dy[0][pixel(d, c, k)];
            along += r->dy[0][pixel(d, c, k)] * r->y[0][pixel(d, c, k)];
        }
        for (size_t k = 0; k < m; k++) {
            const size_t at = pixel(d, c, k);
            r->dx[0][at] = factor * (r->dy[0][at] - sum / (double)m - r->y[0][at] * along / (double)m);
        }
    }
}

static const struct {
    struct shape x;
    enum batch_norm_statistics statistics;
    float eps, fraction;
    bool small;
} cases[] = {
    {{3, 5, 4, 3}, BATCH_NORM_OF_BATCH, 1e-5f, 0.999f, true},
    {{2, 18, 3, 5}, BATCH_NORM_OF_BATCH, 1e-3f, 0.9f, true},
    {{37, 16, 1, 1}, BATCH_NORM_OF_BATCH, 1e-5f, 0.0f, false},
    {{70, 33, 2, 1}, BATCH_NORM_OF_BATCH, 1e-5f, 1.0f, false},
    {{4, 3, 33, 31}, BATCH_NORM_OF_BATCH, 1e-5f, 0.99f, false},
    {{3, 7, 5, 2}, BATCH_NORM_RUNNING, 1e-5f, 0.999f, true},
    {{2, 32, 3, 4}, BATCH_NORM_RUNNING, 1e-2f, 0.9f, false},
};

static void get_case(struct op_case *out, int i)
{
    op_case_of(out, &cases[i].x, cases[i].small, ", %s",
               cases[i].statistics == BATCH_NORM_RUNNING ? "running" : "of the batch");
    out->desc.u.batch_norm.statistics = cases[i].statistics;
    out->desc.u.batch_norm.eps = cases[i].eps;
    out->desc.u.batch_norm.fraction = cases[i].fraction;
}

const struct op_class op_batch_norm = {
    .name = "batch norm",
    .size = sizeof(struct batch_norm_op),
    .needs = {.in_place = true, .keeps_y = true},
    .plan = plan,
    .create = create,
    .forward = forward,
    .backward = backward,
    .params = params,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .terms = terms,
    .nmse = 1e-12,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
