/* The update of all parameters: host side of cl/optimizer.cl. */
#include "ops/optimizer.h"

#include <limits.h>
#include <math.h>

#include "ops/op_impl.h"

enum { ROW = 5 }; /* words of the table for each parameter: see cl/optimizer.cl */

struct optimizer {
    struct optimizer_settings settings;
    struct ocl_context *ctx;
    struct ocl_kernel *kernel;
    cl_mem table;
    size_t count, spans;
};

static cl_uint bits(double value)
{
    const float f = (float)value;
    cl_uint word;

    memcpy(&word, &f, sizeof word);
    return word;
}

static int create_table(struct optimizer *o, const struct optimizer_param *params, size_t span,
                        struct clr_error *err)
{
    const size_t words = o->count * ROW;
    cl_uint *table = NULL;
    int rc = mem_new(&table, words, sizeof *table, "the optimiser's table", err);

    for (size_t i = 0; i < o->count && rc == 0; i++) {
        const struct optimizer_param *p = &params[i];
        cl_uint *row = table + i * ROW;
        if (p->count > INT_MAX || p->offset > INT_MAX)
            rc = clr_error_set(err, CLR_EINPUT, "more than %d weights", INT_MAX);
        o->spans += (p->count + span - 1) / span;
        row[0] = (cl_uint)o->spans;
        row[1] = (cl_uint)p->offset;
        row[2] = (cl_uint)p->count;
        row[3] = bits(p->lr_mult);
        row[4] = bits(p->decay);
    }
    if (rc == 0)
        rc = ocl_buffer_create(&o->table, o->ctx, words * sizeof *table, "the optimiser's table", err);
    if (rc == 0)
        rc = ocl_write(o->ctx, o->table, 0, words * sizeof *table, table, err);
    free(table);
    return rc;
}

bool optimizer_needs_squares(enum optimizer_kind kind)
{
    return kind == OPTIMIZER_ADAM;
}

int optimizer_create(struct optimizer **out, struct ocl_context *ctx,
                     const struct optimizer_settings *settings, const struct optimizer_param *params,
                     size_t count, struct clr_error *err)
{
    const int span = ocl_device(ctx)->type == CLR_DEVICE_CPU ? 1024 : 4;
    struct optimizer *o = NULL;
    char options[96];
    int rc = mem_new(&o, 1, sizeof *o, "the optimiser", err);

    if (rc < 0)
        return rc;
    o->settings = *settings;
    o->ctx = ctx;
    o->count = count;
    (void)snprintf(options, sizeof options, "-DKIND=%d -DCAFFE=%d -DL1=%d -DSPAN=%du", (int)settings->kind,
                   settings->caffe, settings->l1, span);
    rc = ocl_kernel_get(&o->kernel, ctx, "optimizer.cl", options, "optimizer_update", err);
    if (rc == 0)
        rc = create_table(o, params, (size_t)span, err);
    if (rc < 0)
        optimizer_destroy(o);
    else
        *out = o;
    return rc;
}

void optimizer_destroy(struct optimizer *o)
{
    if (!o)
        return;
    ocl_release(&o->table);
    free(o);
}

/*
 * Adam's means begin at 0 and are too small at first: by 1 − μ^(t+1) and 1 − μ₂^(t+1). D. P. Kingma and J.
 * Ba, arXiv:1412.6980. PyTorch adds ε to the corrected root, Caffe (AdamSolver) to the one that is not.
 */
static void correct(const struct optimizer_settings *s, double momentum, uint64_t t, double *rate,
                    double *root)
{
    const double n = (double)t + 1.0, mean = 1.0 - pow(momentum, n), squares = 1.0 - pow(s->momentum2, n);

    *root = s->caffe ? 1.0 : 1.0 / sqrt(squares);
    *rate = s->caffe ? *rate * sqrt(squares) / mean : *rate / mean;
}

static int update_adam(struct optimizer *o, const struct optimizer_buffers *at, double rate, double momentum,
                       uint64_t t, struct clr_error *err)
{
    const size_t global[1] = {o->spans};
    double root;

    correct(&o->settings, momentum, t, &rate, &root);
    /* in float, 1 − 0.999f would be off by 1e-5 */
    const struct ocl_arg args[] = {OCL_MEM(at->w),
                                   OCL_MEM(at->v),
                                   OCL_MEM(at->s),
                                   OCL_FLOAT((cl_float)o->settings.momentum2),
                                   OCL_FLOAT((cl_float)(1.0 - momentum)),
                                   OCL_FLOAT((cl_float)(1.0 - o->settings.momentum2)),
                                   OCL_FLOAT((cl_float)root),
                                   OCL_FLOAT((cl_float)o->settings.epsilon),
                                   OCL_MEM(at->g),
                                   OCL_MEM(o->table),
                                   OCL_INT((cl_int)o->count),
                                   OCL_FLOAT((cl_float)rate),
                                   OCL_FLOAT((cl_float)momentum)};
    return ocl_launch(o->ctx, o->kernel, "update", 1, global, NULL, args, (int)MEM_COUNT(args), err);
}

int optimizer_update(struct optimizer *o, const struct optimizer_buffers *at, double rate, double momentum,
                     uint64_t t, struct clr_error *err)
{
    const size_t global[1] = {o->spans};
    const struct ocl_arg args[] = {OCL_MEM(at->w),
                                   OCL_MEM(at->v),
                                   OCL_MEM(at->g),
                                   OCL_MEM(o->table),
                                   OCL_INT((cl_int)o->count),
                                   OCL_FLOAT((cl_float)rate),
                                   OCL_FLOAT((cl_float)momentum)};

    if (o->settings.kind == OPTIMIZER_ADAM)
        return update_adam(o, at, rate, momentum, t, err);
    return ocl_launch(o->ctx, o->kernel, "update", 1, global, NULL, args, (int)MEM_COUNT(args), err);
}
