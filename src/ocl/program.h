/* Programs, their kernels, and the cache of binaries on disk; for the files of this folder alone. */
#ifndef OCL_PROGRAM_H
#define OCL_PROGRAM_H

#include "ocl/context.h"

struct ocl_kernel {
    struct ocl_program *program;
    char *name;
    cl_kernel kernel;
    cl_uint arg_count;
    size_t required[3]; /* reqd_work_group_size, or zeros */
};

struct ocl_program {
    struct ocl_context *ctx;
    char *file, *options;
    cl_program program;
    struct ocl_kernel **kernels;
    size_t kernel_count, kernel_capacity;
    struct str key; /* of the cache; empty without one */
    bool unsaved;   /* built from source, and not saved since */
};

void program_destroy(struct ocl_program *p);

/* ------------------------------------------------------------------ progcache.c */

/* Fill p->key: everything that a binary depends on, as text. */
int progcache_key(struct ocl_program *p, const struct str *source, struct clr_error *err);

/* The binary for p->key, part of *file (free with free()); false: there is none, or it is damaged. */
bool progcache_load(const struct ocl_program *p, char **file, const unsigned char **binary, size_t *size);

int progcache_store(const struct ocl_program *p, const unsigned char *binary, size_t size,
                    struct clr_error *err);

#endif
