/* Stochastic gradient descent: host side of cl/sgd.cl. */
#include "ops/sgd.h"

#include "ops/op_impl.h"

struct sgd {
    struct ocl_context *ctx;
    struct ocl_kernel *kernel;
    size_t span;
};

int sgd_create(struct sgd **out, struct ocl_context *ctx, bool caffe, struct clr_error *err)
{
    struct sgd *sgd = NULL;
    char options[64];
    int rc = mem_new(&sgd, 1, sizeof *sgd, "the optimiser", err);

    if (rc < 0)
        return rc;
    sgd->ctx = ctx;
    sgd->span = (size_t)op_span(ocl_device(ctx), 1024);
    (void)snprintf(options, sizeof options, "-DCAFFE=%d -DSPAN=%zuu", caffe, sgd->span);
    rc = ocl_kernel_get(&sgd->kernel, ctx, "sgd.cl", options, "sgd_update", err);
    if (rc < 0)
        free(sgd);
    else
        *out = sgd;
    return rc;
}

void sgd_destroy(struct sgd *sgd)
{
    free(sgd);
}

int sgd_update(struct sgd *sgd, cl_mem w, cl_mem v, cl_mem g, size_t count, double rate, double momentum,
               double decay, struct clr_error *err)
{
    const size_t global[1] = {(count + sgd->span - 1) / sgd->span};
    const struct ocl_arg args[] = {OCL_MEM(w),
                                   OCL_MEM(v),
                                   OCL_MEM(g),
                                   OCL_UINT((cl_uint)count),
                                   OCL_FLOAT((cl_float)rate),
                                   OCL_FLOAT((cl_float)momentum),
                                   OCL_FLOAT((cl_float)decay)};

    return ocl_launch(sgd->ctx, sgd->kernel, "update", 1, global, NULL, args, (int)MEM_COUNT(args), err);
}
