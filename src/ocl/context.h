/* What a context is made of; for the files of this folder alone. */
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

/* Drop what CLBlast keeps (blas.c). */
void blas_clear(struct ocl_context *ctx);

#endif
