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
    bool launched;
};

struct ocl_program {
    struct ocl_context *ctx;
    char *file, *options;
    cl_program program;
    struct ocl_kernel **kernels;
    size_t kernel_count, kernel_capacity;
    /*
     * "NAME\n" for every kernel that was launched: for these the binary holds finished code where the driver
     * generates code at the first launch. Kept with the binary on disk.
     */
    struct str warm;
    struct str key; /* of the cache; empty without one */
    bool unsaved;   /* the binary on disk is missing or holds less than this program now */
};

void program_destroy(struct ocl_program *p);

/* A launch of `k` was enqueued. */
void program_note_launch(struct ocl_kernel *k);

/* ------------------------------------------------------------------ progcache.c */

/* Fill p->key: everything that a binary depends on, as text. */
int progcache_key(struct ocl_program *p, const struct str *source, struct clr_error *err);

/*
 * The binary for p->key, with p->warm; false where there is none or it is damaged or of something else.
 * *binary: free with free().
 */
bool progcache_load(struct ocl_program *p, unsigned char **binary, size_t *size);

int progcache_store(const struct ocl_program *p, const unsigned char *binary, size_t size,
                    struct clr_error *err);

#endif
