/* Stochastic gradient descent: host side of cl/sgd.cl. */
#include "ops/sgd.h"

#include <limits.h>

#include "ops/op_impl.h"

enum { ROW = 5 }; /* words of the table for each parameter: see cl/sgd.cl */

struct sgd {
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

static int create_table(struct sgd *sgd, const struct sgd_param *params, size_t span, struct clr_error *err)
{
    const size_t words = sgd->count * ROW;
    cl_uint *table = NULL;
    int rc = mem_new(&table, words, sizeof *table, "the optimiser's table", err);

    for (size_t i = 0; i < sgd->count && rc == 0; i++) {
        const struct sgd_param *p = &params[i];
        cl_uint *row = table + i * ROW;
        if (p->count > INT_MAX || p->offset > INT_MAX)
            rc = clr_error_set(err, CLR_EINPUT, "more than %d weights", INT_MAX);
        sgd->spans += (p->count + span - 1) / span;
        row[0] = (cl_uint)sgd->spans;
        row[1] = (cl_uint)p->offset;
        row[2] = (cl_uint)p->count;
        row[3] = bits(p->lr_mult);
        row[4] = bits(p->decay);
    }
    if (rc == 0)
        rc = ocl_buffer_create(&sgd->table, sgd->ctx, words * sizeof *table, "the optimiser's table", err);
    if (rc == 0)
        rc = ocl_write(sgd->ctx, sgd->table, 0, words * sizeof *table, table, err);
    free(table);
    return rc;
}

int sgd_create(struct sgd **out, struct ocl_context *ctx, bool caffe, const struct sgd_param *params,
               size_t count, struct clr_error *err)
{
    const int span = ocl_device(ctx)->type == CLR_DEVICE_CPU ? 1024 : 4;
    struct sgd *sgd = NULL;
    char options[64];
    int rc = mem_new(&sgd, 1, sizeof *sgd, "the optimiser", err);

    if (rc < 0)
        return rc;
    sgd->ctx = ctx;
    sgd->count = count;
    (void)snprintf(options, sizeof options, "-DCAFFE=%d -DSPAN=%du", caffe, span);
    rc = ocl_kernel_get(&sgd->kernel, ctx, "sgd.cl", options, "sgd_update", err);
    if (rc == 0)
        rc = create_table(sgd, params, (size_t)span, err);
    if (rc < 0)
        sgd_destroy(sgd);
    else
        *out = sgd;
    return rc;
}

void sgd_destroy(struct sgd *sgd)
{
    if (!sgd)
        return;
    ocl_release(&sgd->table);
    free(sgd);
}

int sgd_update(struct sgd *sgd, cl_mem w, cl_mem v, cl_mem g, double rate, double momentum,
               struct clr_error *err)
{
    const size_t global[1] = {sgd->spans};
    const struct ocl_arg args[] = {OCL_MEM(w),
                                   OCL_MEM(v),
                                   OCL_MEM(g),
                                   OCL_MEM(sgd->table),
                                   OCL_INT((cl_int)sgd->count),
                                   OCL_FLOAT((cl_float)rate),
                                   OCL_FLOAT((cl_float)momentum)};

    return ocl_launch(sgd->ctx, sgd->kernel, "update", 1, global, NULL, args, (int)MEM_COUNT(args), err);
}
