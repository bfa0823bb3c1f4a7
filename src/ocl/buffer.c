/* Buffers and copies. See ocl.h. */
#include "ocl/context.h"

#include <stdio.h>

#define UNIT 16 /* sizes are rounded up to this: a multiple of what ocl_fill() writes */

/* On allocation CL_OUT_OF_RESOURCES and CL_INVALID_BUFFER_SIZE mean too large as well. */
static int allocation_error(struct clr_error *err, const struct ocl_context *ctx, cl_int status,
                            const char *what, size_t size_bytes)
{
    char text[256];
    int rc;

    (void)snprintf(text, sizeof text,
                   "allocating %.1f MB for %.100s (a buffer can have %.1f MB, the device %.1f MB)",
                   (double)size_bytes / 1e6, what, (double)ctx->device.max_allocation / 1e6,
                   (double)ctx->device.global_memory / 1e6);
    rc = ocl_error(err, ctx, status, text);
    if (status == CL_OUT_OF_RESOURCES || status == CL_INVALID_BUFFER_SIZE) {
        rc = CLR_EDEVMEM;
        if (err)
            err->code = rc;
    }
    return rc;
}

/* Devices that allocate lazily would refuse the size only at the first launch: it is compared here. */
static int create(cl_mem *out, struct ocl_context *ctx, cl_mem_flags flags, size_t size_bytes, void *data,
                  const char *what, struct clr_error *err)
{
    cl_int status = CL_INVALID_BUFFER_SIZE;
    cl_mem mem = NULL;

    if (size_bytes <= ctx->device.max_allocation)
        mem = clCreateBuffer(ctx->context, flags, size_bytes, data, &status);
    if (status != CL_SUCCESS)
        return allocation_error(err, ctx, status, what, size_bytes);
    *out = mem;
    return 0;
}

int ocl_buffer_create(cl_mem *out, struct ocl_context *ctx, size_t size_bytes, const char *what,
                      struct clr_error *err)
{
    size_t size;
    cl_mem mem = NULL;
    int rc;

    if (!clr_add_size(&size, size_bytes > 0 ? size_bytes : 1, UNIT - 1))
        return clr_error_set(err, CLR_EDEVMEM, "%s is too large for any device", what);
    size = size / UNIT * UNIT;
    rc = create(&mem, ctx, CL_MEM_READ_WRITE, size, NULL, what, err);
    if (rc < 0)
        return rc;
    rc = ocl_fill(ctx, mem, 0, size, 0, err);
    if (rc < 0) {
        ocl_release(&mem);
        clr_error_prefix(err, "%s", what);
        return rc;
    }
    *out = mem;
    return 0;
}

int ocl_buffer_from_host(cl_mem *out, struct ocl_context *ctx, const void *data, size_t size_bytes,
                         const char *what, struct clr_error *err)
{
    cl_mem_flags how = ctx->device.host_unified_memory ? CL_MEM_USE_HOST_PTR : CL_MEM_COPY_HOST_PTR;

    if (size_bytes == 0)
        return ocl_buffer_create(out, ctx, 0, what, err);
    /* Read-only for kernels; the parameter has no const because other flags would write. */
    return create(out, ctx, CL_MEM_READ_ONLY | how, size_bytes, (void *)(uintptr_t)data, what, err);
}

int ocl_buffer_part(cl_mem *out, struct ocl_context *ctx, cl_mem parent, size_t offset_bytes,
                    size_t size_bytes, struct clr_error *err)
{
    cl_buffer_region region = {offset_bytes, size_bytes};
    size_t whole = 0;
    cl_mem mem = NULL;
    cl_int status = clGetMemObjectInfo(parent, CL_MEM_SIZE, sizeof whole, &whole, NULL);

    if (status == CL_SUCCESS && (offset_bytes > whole || size_bytes > whole - offset_bytes))
        status = CL_INVALID_VALUE; /* NVIDIA's driver 580 says out of host memory, or nothing */
    if (status == CL_SUCCESS)
        mem = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &status);
    if (status != CL_SUCCESS) {
        char text[128];
        (void)snprintf(text, sizeof text, "taking %zu bytes at %zu of a buffer", size_bytes, offset_bytes);
        return ocl_error(err, ctx, status, text);
    }
    *out = mem;
    return 0;
}

int ocl_write(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes,
              const void *data, struct clr_error *err)
{
    if (size_bytes == 0)
        return 0;
    return ocl_check(
        ctx, clEnqueueWriteBuffer(ctx->queue, buffer, CL_TRUE, offset_bytes, size_bytes, data, 0, NULL, NULL),
        "writing to a buffer", err);
}

int ocl_read(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes, void *data,
             struct clr_error *err)
{
    if (size_bytes == 0)
        return 0;
    return ocl_check(
        ctx, clEnqueueReadBuffer(ctx->queue, buffer, CL_TRUE, offset_bytes, size_bytes, data, 0, NULL, NULL),
        "reading from a buffer", err);
}

int ocl_fill(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes, uint32_t pattern,
             struct clr_error *err)
{
    if (size_bytes == 0)
        return 0;
    return ocl_check(ctx,
                     clEnqueueFillBuffer(ctx->queue, buffer, &pattern, sizeof pattern, offset_bytes,
                                         size_bytes, 0, NULL, NULL),
                     "filling a buffer", err);
}

int ocl_finish(struct ocl_context *ctx, struct clr_error *err)
{
    return ocl_check(ctx, clFinish(ctx->queue), "waiting for the device", err);
}

void ocl_release(cl_mem *m)
{
    if (*m)
        (void)clReleaseMemObject(*m);
    *m = NULL;
}
