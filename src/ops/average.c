/* The average of the weights: see average.h. */
#include "ops/average.h"

#include <stdio.h>
#include <stdlib.h>

struct average {
    struct ocl_context *ctx;
    struct ocl_kernel *update, *exchange;
    double decay;
    size_t count, spans;
};

int average_create(struct average **out, struct ocl_context *ctx, double decay, size_t count,
                   struct clr_error *err)
{
    const size_t span = ocl_device(ctx)->type == CLR_DEVICE_CPU ? 1024 : 4;
    struct average *a = NULL;
    char options[32];
    int rc = mem_new(&a, 1, sizeof *a, "the average of the weights", err);

    if (rc < 0)
        return rc;
    *a = (struct average){.ctx = ctx, .decay = decay, .count = count, .spans = (count + span - 1) / span};
    (void)snprintf(options, sizeof options, "-DSPAN=%zu", span);
    rc = ocl_kernel_get(&a->update, ctx, "average.cl", options, "average_update", err);
    if (rc == 0)
        rc = ocl_kernel_get(&a->exchange, ctx, "average.cl", options, "average_exchange", err);
    if (rc < 0)
        average_destroy(a);
    else
        *out = a;
    return rc;
}

void average_destroy(struct average *a)
{
    free(a);
}

int average_update(const struct average *a, cl_mem e, cl_mem w, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(e), OCL_MEM(w), OCL_INT((cl_int)a->count),
                                   OCL_FLOAT((cl_float)a->decay), OCL_FLOAT((cl_float)(1.0 - a->decay))};

    return ocl_launch(a->ctx, a->update, "update", 1, &a->spans, args, 5, err);
}

int average_exchange(const struct average *a, cl_mem e, cl_mem w, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(e), OCL_MEM(w), OCL_INT((cl_int)a->count)};

    return ocl_launch(a->ctx, a->exchange, "exchange", 1, &a->spans, args, 3, err);
}
