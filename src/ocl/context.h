/* The fields of a context, for the files of this folder only. */
#ifndef OCL_CONTEXT_H
#define OCL_CONTEXT_H

#include "ocl/ocl.h"
#include "ocl/profile.h"

struct ocl_program;

struct ocl_context {
    struct clr_device device;
    struct ocl_options options;
    cl_context context;
    cl_command_queue queue;
    char *cache_dir; /* of program binaries; NULL: no cache */
    struct ocl_program **programs;
    size_t program_count, program_capacity;
    struct ocl_build_stats stats;
    uint64_t created_ns;
    bool said_no_cache;
    bool blas_used; /* CLBlast holds programs of this context */
    struct profile profile;
};

static inline cl_device_id ocl_device_id(const struct ocl_context *ctx)
{
    return (cl_device_id)ctx->device.device_id;
}

/* 0, or ocl_error() where the status is one. */
static inline int ocl_check(const struct ocl_context *ctx, cl_int status, const char *what,
                            struct clr_error *err)
{
    return status == CL_SUCCESS ? 0 : ocl_error(err, ctx, status, what);
}

/* Free what CLBlast stores (blas.c). */
void blas_clear(struct ocl_context *ctx);

#endif
