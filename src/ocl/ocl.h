/*
 * The OpenCL floor: one context on one device with one in-order queue, programs with a binary cache on disk,
 * buffers, one launch function, event profiling. No other header includes CL/cl.h.
 *
 * Programs. A program is (file in cl/, options). It is built on first use and kept until the context goes.
 * Its binary is cached in $XDG_CACHE_HOME/clr-cl/programs/<sha256 of key>.bin, the key being our source
 * (with common.clh) + options + device + driver + platform + platform version. The file holds the SHA-256 of
 * key and binary: anything that does not match is compiled again. Written atomically, so two
 * processes at once are safe. Some drivers (PoCL) generate code at the first launch of a kernel: so binaries
 * are fetched by ocl_save_programs(), called after evaluations.
 * A cache that cannot be written costs time, and is no error.
 *
 * Everything is enqueued in order. ocl_write(), ocl_read(), ocl_finish() and ocl_save_programs() wait, and
 * with a profile every 256th launch and what reads it.
 */
#ifndef OCL_OCL_H
#define OCL_OCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include <clr/device.h>
#include <clr/error.h>

#include "base/mem.h"
#include "base/str.h"

/* ------------------------------------------------------------------ context */

struct ocl_context; /* opaque: read it through the functions below */
struct ocl_kernel;  /* owned by the context */

struct ocl_options {
    bool profile;   /* events on every launch, for ocl_profile_table() */
    bool no_cache;  /* neither read nor write program binaries (tests, tools) */
    uint64_t salt;  /* not 0: goes into every program as a macro, so that no cache of the driver
                    * knows it; to be used with no_cache */
    bool announced; /* an earlier context of the run has logged that kernels are compiled */
};

/* Copies *device. options may be NULL. */
int ocl_context_create(struct ocl_context **out, const struct clr_device *device,
                       const struct ocl_options *options, struct clr_error *err);
void ocl_context_destroy(struct ocl_context *ctx);

const struct clr_device *ocl_device(const struct ocl_context *ctx);

/* ------------------------------------------------------------------ errors */

/* "CL_OUT_OF_RESOURCES"; static storage. */
const char *ocl_status_name(cl_int status);

/* Do drivers return this status for a device that is gone, was reset, or has ended a kernel? */
bool ocl_is_lost(cl_int status);

/*
 * Set an error for a failed OpenCL call: "what: CL_NAME (-5) on DEVICE", or in plain words that the device is
 * lost. Returns its code: CLR_EDEVMEM for CL_MEM_OBJECT_ALLOCATION_FAILURE and CL_OUT_OF_HOST_MEMORY, else
 * CLR_ECL.
 */
int ocl_error(struct clr_error *err, const struct ocl_context *ctx, cl_int status, const char *what);

/* ------------------------------------------------------------------ buffers */

/* A buffer of size_bytes (0 is rounded up to one aligned unit), zero-filled. ocl_release() frees it. */
int ocl_buffer_create(cl_mem *out, struct ocl_context *ctx, size_t size_bytes, const char *what,
                      struct clr_error *err);

/*
 * Read-only bytes of the host on the device: without a copy (CL_MEM_USE_HOST_PTR) where the device shares the
 * host's memory, else copied. `data` must be page-aligned and outlive the buffer.
 */
int ocl_buffer_from_host(cl_mem *out, struct ocl_context *ctx, const void *data, size_t size_bytes,
                         const char *what, struct clr_error *err);

/* [offset, offset + size) of a buffer; offset a multiple of ocl_device()->address_align_bytes. */
int ocl_buffer_part(cl_mem *out, struct ocl_context *ctx, cl_mem parent, size_t offset_bytes,
                    size_t size_bytes, struct clr_error *err);

/* Blocking copies. */
int ocl_write(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes,
              const void *data, struct clr_error *err);
int ocl_read(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes, void *data,
             struct clr_error *err);
/* Non-blocking fill with a 32-bit pattern (0 zeroes). */
int ocl_fill(struct ocl_context *ctx, cl_mem buffer, size_t offset_bytes, size_t size_bytes, uint32_t pattern,
             struct clr_error *err);
/* Wait for everything enqueued. */
int ocl_finish(struct ocl_context *ctx, struct clr_error *err);

/* Free *m where it is not NULL, and set it to NULL. */
void ocl_release(cl_mem *m);

/* ------------------------------------------------------------------ kernels */

/* Before every program's own options. -w: some drivers print their compiler's warnings on stderr. */
#define PROGRAM_STANDARD "-cl-std=CL1.2 -w"

/*
 * Kernel `name` of the program (file, options). file is a name in cl/ ("pool.cl"), options are -D macros and
 * nothing else; PROGRAM_STANDARD is added here. Built at the first call for that pair, cached after.
 * The first build of a context that the cache cannot serve is logged ("compiling kernels …"), unless
 * options.announced. A build failure is CLR_ECL with the first lines of the build log.
 */
int ocl_kernel_get(struct ocl_kernel **out, struct ocl_context *ctx, const char *file, const char *options,
                   const char *name, struct clr_error *err);

struct ocl_arg {
    size_t size;
    const void *value;
};
#define OCL_MEM(mem) ((struct ocl_arg){sizeof(cl_mem), &(mem)}) /* an lvalue */
#define OCL_INT(v)   ((struct ocl_arg){sizeof(cl_int), &(cl_int){(v)}})
#define OCL_UINT(v)  ((struct ocl_arg){sizeof(cl_uint), &(cl_uint){(v)}})
#define OCL_FLOAT(v) ((struct ocl_arg){sizeof(cl_float), &(cl_float){(v)}})

/*
 * The one place that enqueues a kernel. The work-group is what the kernel requires (global is rounded up to
 * it, so such kernels test their bounds), else one work-item on a CPU and the driver's choice elsewhere.
 *
 * label: what the profile calls it, "conv1 forward"; must outlive the context (static or owned by an op that
 * lives as long).
 */
int ocl_launch(struct ocl_context *ctx, struct ocl_kernel *kernel, const char *label, int dimensions,
               const size_t *global, const struct ocl_arg *args, int arg_count, struct clr_error *err);

/*
 * Write binaries of programs that were built since the last call. Never fails: a cache
 * that cannot be written is logged once. Waits for the queue. With `may_wait`, nothing is written where that
 * compiles again (PoCL) until the context is half a minute old: a short run would take twice as long, and the
 * driver's own cache serves the next one.
 */
void ocl_save_programs(struct ocl_context *ctx, bool may_wait);

/* ------------------------------------------------------------------ profile and memory */

/* Table per label: calls, total ms, share. Free it with free(). *out stays as it is without
 * options.profile. */
int ocl_profile_table(struct ocl_context *ctx, char **out, struct clr_error *err);

/* One label of the profile. */
struct profile_row {
    const char *label; /* borrowed from the launches */
    uint64_t calls, time_ns;
};

/*
 * Wait, and give what each label took since the context was made or since the last call of this; the profile
 * starts again at zero. *rows: a new array in the order of first launch, free with free().
 */
int ocl_profile_take(struct ocl_context *ctx, struct profile_row **rows, size_t *count,
                     struct clr_error *err);

/* Programs built from source / loaded from the cache, and ns spent on both, since the context was made. */
struct ocl_build_stats {
    int built, loaded;
    uint64_t time_ns;
};
struct ocl_build_stats ocl_build_statistics(const struct ocl_context *ctx);

/* ------------------------------------------------------------------ BLAS (src/ocl/blas.c, the one CLBlast
 * include) */

/* C[M×N] = A[M×K]·B[K×N] + beta·C, row-major, float32, offsets and leading dimensions in elements;
 * ta/tb: the matrix is stored transposed. Enqueued on the context's queue. */
struct blas_gemm {
    bool ta, tb;
    size_t m, n, k;
    cl_mem a, b, c;
    size_t a_offset, b_offset, c_offset, lda, ldb, ldc;
    float beta;
};
int blas_sgemm(struct ocl_context *ctx, const struct blas_gemm *g, const char *label, struct clr_error *err);

#endif
