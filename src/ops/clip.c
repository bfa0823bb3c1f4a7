/* Clipping of gradients: see clip.h. */
#include "ops/clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEVEL = 128 };

struct clip {
    struct ocl_context *ctx;
    struct ocl_kernel *squares, *sums, *factor;
    cl_mem partial, result;
    size_t items;
    double limit;
};

int clip_create(struct clip **out, struct ocl_context *ctx, double limit, struct clr_error *err)
{
    const bool cpu = ocl_device(ctx)->type == CLR_DEVICE_CPU;
    struct clip *c = NULL;
    char options[64];
    int rc = mem_new(&c, 1, sizeof *c, "the clipping of gradients", err);

    if (rc < 0)
        return rc;
    c->ctx = ctx;
    c->limit = limit;
    c->items = cpu ? LEVEL : (size_t)LEVEL * LEVEL;
    (void)snprintf(options, sizeof options, "-DITEMS=%zuu -DLEVEL=%du -DSPAN=%du", c->items, LEVEL,
                   cpu ? 1024 : 1);
    rc = ocl_kernel_get(&c->squares, ctx, "clip.cl", options, "clip_squares", err);
    if (rc == 0)
        rc = ocl_kernel_get(&c->sums, ctx, "clip.cl", options, "clip_sums", err);
    if (rc == 0)
        rc = ocl_kernel_get(&c->factor, ctx, "clip.cl", options, "clip_factor", err);
    if (rc == 0)
        rc = ocl_buffer_create(&c->partial, ctx, (c->items + LEVEL) * sizeof(float), "sums of squares", err);
    if (rc == 0)
        rc = ocl_buffer_create(&c->result, ctx, sizeof(float), "the factor of gradients", err);
    if (rc < 0)
        clip_destroy(c);
    else
        *out = c;
    return rc;
}

void clip_destroy(struct clip *c)
{
    if (!c)
        return;
    ocl_release(&c->partial);
    ocl_release(&c->result);
    free(c);
}

int clip_run(const struct clip *c, cl_mem g, cl_mem table, size_t count, struct clr_error *err)
{
    const struct ocl_arg squares[] = {OCL_MEM(c->partial), OCL_MEM(g), OCL_MEM(table),
                                      OCL_INT((cl_int)count)};
    const struct ocl_arg sums[] = {OCL_MEM(c->partial)};
    const struct ocl_arg factor[] = {OCL_MEM(c->result), OCL_MEM(c->partial), OCL_FLOAT((cl_float)c->limit)};
    const size_t level[1] = {LEVEL}, one[1] = {1};
    int rc = ocl_launch(c->ctx, c->squares, "update", 1, &c->items, squares, 4, err);

    if (rc == 0)
        rc = ocl_launch(c->ctx, c->sums, "update", 1, level, sums, 1, err);
    if (rc == 0)
        rc = ocl_launch(c->ctx, c->factor, "update", 1, one, factor, 3, err);
    return rc;
}

cl_mem clip_factor(const struct clip *c)
{
    return c->result;
}

double clip_reference(double limit, double squares)
{
    const double norm = sqrt(squares);

    return !isfinite(norm) ? NAN : norm > limit ? limit / norm : 1.0;
}
