/* The context: one device, one in-order queue. See ocl.h. */
#include "ocl/context.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/paths.h"
#include "ocl/device.h"
#include "ocl/program.h"

static int find_cache(struct ocl_context *ctx, struct clr_error *err)
{
    char *base = NULL;
    int rc;

    if (ctx->options.no_cache)
        return 0;
    rc = paths_cache(&base, err);
    if (rc == 0 && base)
        rc = fs_join(&ctx->cache_dir, base, "programs", err);
    free(base);
    return rc;
}

int ocl_context_create(struct ocl_context **out, const struct clr_device *device,
                       const struct ocl_options *options, struct clr_error *err)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform_id, 0};
    cl_device_id id = (cl_device_id)device->device_id;
    struct ocl_context *ctx = NULL;
    cl_int status;
    sigset_t before;
    int rc;

    if (!device->usable)
        return clr_error_set(err, CLR_ENODEVICE, "device %d:%d (%s) cannot be used: %s",
                             device->platform_index, device->device_index, device->name, device->why_not);
    rc = mem_new(&ctx, 1, sizeof *ctx, "OpenCL context", err);
    if (rc < 0)
        return rc;
    ctx->device = *device;
    ctx->created_ns = clock_ns();
    if (options)
        ctx->options = *options;
    rc = find_cache(ctx, err);
    device_block_signals(&before);
    if (rc == 0) {
        ctx->context = clCreateContext(properties, 1, &id, NULL, NULL, &status);
        rc = ocl_check(ctx, status, "creating a context", err);
    }
    if (rc == 0) {
        ctx->queue = clCreateCommandQueue(ctx->context, id,
                                          ctx->options.profile ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
        rc = ocl_check(ctx, status, "creating a command queue", err);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0)
        ocl_context_destroy(ctx);
    else
        *out = ctx;
    return rc;
}

void ocl_context_destroy(struct ocl_context *ctx)
{
    if (!ctx)
        return;
    if (ctx->queue)
        (void)clFinish(ctx->queue);
    profile_clear(&ctx->profile);
    for (size_t i = 0; i < ctx->program_count; i++)
        program_destroy(ctx->programs[i]);
    free(ctx->programs);
    blas_clear(ctx);
    if (ctx->queue)
        (void)clReleaseCommandQueue(ctx->queue);
    if (ctx->context)
        (void)clReleaseContext(ctx->context);
    free(ctx->cache_dir);
    free(ctx);
}

const struct clr_device *ocl_device(const struct ocl_context *ctx)
{
    return &ctx->device;
}

struct ocl_build_stats ocl_build_statistics(const struct ocl_context *ctx)
{
    return ctx->stats;
}
