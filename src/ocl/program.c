/* Programs: built on first use or loaded from the cache, kept until the context goes. See ocl.h. */
#include "ocl/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ocl/device.h"
#include "ocl/source.h"

#define LOG_LINES    12          /* of a build log, in an error */
#define LOG_LIMIT    (16U << 20) /* bytes of a build log that are looked at */
#define BINARY_LIMIT (1U << 30)
#define SAVE_AGE_NS  (30 * UINT64_C(1000000000)) /* of a context, before slow binaries are saved */

static void kernel_destroy(struct ocl_kernel *k)
{
    if (!k)
        return;
    if (k->kernel)
        (void)clReleaseKernel(k->kernel);
    free(k->name);
    free(k);
}

void program_destroy(struct ocl_program *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->kernel_count; i++)
        kernel_destroy(p->kernels[i]);
    free(p->kernels);
    if (p->program)
        (void)clReleaseProgram(p->program);
    free(p->file);
    free(p->options);
    str_clear(&p->key);
    free(p);
}

/* ------------------------------------------------------------------ building */

/* What the compiler said, from its first error on (all of it where no line has the word), cut to a few lines.
 */
static void append_log(struct str *s, char *log)
{
    char *start = NULL;
    int n = 0;

    for (char *line = log, *end; !start && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (str_contains_nocase(line, "error"))
            start = line;
        *end = '\n';
    }
    for (char *p = start ? start : log; *p && n < LOG_LINES; n++) {
        size_t length = strcspn(p, "\n");
        if (length > 0) {
            str_append(s, "\n  ");
            str_append_bytes(s, p, length);
        }
        p += length + (p[length] == '\n');
    }
}

static int build_error(struct clr_error *err, const struct ocl_program *p, cl_int status)
{
    struct ocl_context *ctx = p->ctx;
    struct str s = {0};
    char *log = NULL, what[256];
    size_t size = 0;
    int rc;

    (void)snprintf(what, sizeof what, "cl/%.60s does not compile with '%.120s'", p->file, p->options);
    rc = ocl_error(err, ctx, status, what);
    if (clGetProgramBuildInfo(p->program, ocl_device_id(ctx), CL_PROGRAM_BUILD_LOG, 0, NULL, &size) ==
            CL_SUCCESS &&
        size <= LOG_LIMIT && mem_new(&log, size + 1, 1, "build log", NULL) == 0 &&
        clGetProgramBuildInfo(p->program, ocl_device_id(ctx), CL_PROGRAM_BUILD_LOG, size, log, NULL) ==
            CL_SUCCESS)
        append_log(&s, log);
    if (err && s.length > 0) {
        size_t used = strlen(err->message);
        (void)snprintf(err->message + used, sizeof err->message - used, "; the compiler reports:%s",
                       str_text(&s));
    }
    str_clear(&s);
    free(log);
    return rc;
}

static int compile(struct ocl_program *p, struct clr_error *err)
{
    cl_device_id id = ocl_device_id(p->ctx);
    struct str options = {0};
    cl_int status;
    int rc;

    str_append(&options, PROGRAM_STANDARD " %s", p->options);
    if (p->ctx->options.salt > 0)
        str_append(&options, " -DCLR_SALT=%llu", (unsigned long long)p->ctx->options.salt);
    rc = str_check(&options, err);
    if (rc == 0) {
        status = clBuildProgram(p->program, 1, &id, str_text(&options), NULL, NULL);
        rc = status == CL_SUCCESS ? 0 : build_error(err, p, status);
    }
    str_clear(&options);
    return rc;
}

static int build_from_source(struct ocl_program *p, const struct str *source, struct clr_error *err)
{
    struct ocl_context *ctx = p->ctx;
    const char *text = str_text(source);
    size_t length = source->length;
    cl_int status;
    int rc;

    if (!ctx->options.announced)
        log_line(CLR_LOG_INFO, "compiling kernels \xe2\x80\xa6");
    ctx->options.announced = true;
    p->program = clCreateProgramWithSource(ctx->context, 1, &text, &length, &status);
    if (status != CL_SUCCESS) {
        p->program = NULL;
        return ocl_error(err, ctx, status, "creating a program");
    }
    rc = compile(p, err);
    if (rc == 0) {
        p->unsaved = true;
        ctx->stats.built++;
    }
    return rc;
}

/* false: build it. A driver that refuses its own binary is no error. */
static bool load_from_cache(struct ocl_program *p)
{
    struct ocl_context *ctx = p->ctx;
    cl_device_id id = ocl_device_id(ctx);
    const unsigned char *binary;
    char *file;
    size_t size;
    cl_int status, binary_status = CL_SUCCESS;

    if (progcache_load(p, &file, &binary, &size)) {
        p->program = clCreateProgramWithBinary(ctx->context, 1, &id, &size, &binary, &binary_status, &status);
        if (status != CL_SUCCESS)
            p->program = NULL;
        else if (binary_status == CL_SUCCESS && compile(p, NULL) == 0)
            ctx->stats.loaded++;
        else {
            (void)clReleaseProgram(p->program);
            p->program = NULL;
        }
    }
    free(file);
    return p->program != NULL;
}

static int program_create(struct ocl_program **out, struct ocl_context *ctx, const char *file,
                          const char *options, struct clr_error *err)
{
    uint64_t start_ns = clock_ns();
    struct ocl_program *p = NULL;
    struct str source = {0};
    int rc = source_text(&source, file, err);

    if (rc < 0)
        return rc;
    rc = mem_new(&p, 1, sizeof *p, "program", err);
    if (rc < 0)
        goto out;
    p->ctx = ctx;
    rc = str_duplicate(&p->file, file, err);
    if (rc == 0)
        rc = str_duplicate(&p->options, options, err);
    if (rc == 0 && ctx->cache_dir)
        rc = progcache_key(p, &source, err);
    if (rc == 0 && !load_from_cache(p))
        rc = build_from_source(p, &source, err);
    if (rc < 0) {
        program_destroy(p);
        goto out;
    }
    ctx->stats.time_ns += clock_ns() - start_ns;
    *out = p;
out:
    str_clear(&source);
    return rc;
}

/* ------------------------------------------------------------------ kernels */

static int program_get(struct ocl_program **out, struct ocl_context *ctx, const char *file,
                       const char *options, struct clr_error *err)
{
    struct ocl_program *p = NULL;
    int rc;

    for (size_t i = 0; i < ctx->program_count; i++) {
        p = ctx->programs[i];
        if (strcmp(p->file, file) == 0 && strcmp(p->options, options) == 0) {
            *out = p;
            return 0;
        }
    }
    rc = mem_grow(&ctx->programs, &ctx->program_capacity, ctx->program_count + 1,
                  sizeof(struct ocl_program *), "program table", err);
    if (rc < 0)
        return rc;
    rc = program_create(&p, ctx, file, options, err);
    if (rc < 0)
        return rc;
    ctx->programs[ctx->program_count++] = p;
    *out = p;
    return 0;
}

static int kernel_create(struct ocl_kernel **out, struct ocl_program *p, const char *name,
                         struct clr_error *err)
{
    cl_device_id id = ocl_device_id(p->ctx);
    struct ocl_kernel *k = NULL;
    char what[192];
    cl_int status;
    int rc = mem_new(&k, 1, sizeof *k, "kernel", err);

    if (rc < 0)
        return rc;
    k->program = p;
    rc = str_duplicate(&k->name, name, err);
    if (rc < 0)
        goto out;
    k->kernel = clCreateKernel(p->program, name, &status);
    if (status != CL_SUCCESS)
        k->kernel = NULL;
    if (status == CL_SUCCESS)
        status = clGetKernelInfo(k->kernel, CL_KERNEL_NUM_ARGS, sizeof k->arg_count, &k->arg_count, NULL);
    if (status == CL_SUCCESS)
        status = clGetKernelWorkGroupInfo(k->kernel, id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                          sizeof k->required, k->required, NULL);
    if (status != CL_SUCCESS) {
        (void)snprintf(what, sizeof what, "taking kernel '%.64s' from cl/%.64s", name, p->file);
        rc = ocl_error(err, p->ctx, status, what);
        goto out;
    }
    *out = k;
    k = NULL;
out:
    kernel_destroy(k);
    return rc;
}

int ocl_kernel_get(struct ocl_kernel **out, struct ocl_context *ctx, const char *file, const char *options,
                   const char *name, struct clr_error *err)
{
    struct ocl_program *p;
    struct ocl_kernel *k = NULL;
    int rc = program_get(&p, ctx, file, options ? options : "", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < p->kernel_count; i++) {
        if (strcmp(p->kernels[i]->name, name) == 0) {
            *out = p->kernels[i];
            return 0;
        }
    }
    rc = mem_grow(&p->kernels, &p->kernel_capacity, p->kernel_count + 1, sizeof(struct ocl_kernel *),
                  "kernel table", err);
    if (rc < 0)
        return rc;
    rc = kernel_create(&k, p, name, err);
    if (rc < 0)
        return rc;
    p->kernels[p->kernel_count++] = k;
    *out = k;
    return 0;
}

/* ------------------------------------------------------------------ saving */

static int save(struct ocl_program *p, struct clr_error *err)
{
    unsigned char *binary = NULL;
    size_t size = 0;
    cl_int status = clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL);
    int rc;

    if (status == CL_SUCCESS && (size == 0 || size > BINARY_LIMIT))
        return 0; /* this driver gives none */
    if (status != CL_SUCCESS)
        return ocl_error(err, p->ctx, status, "asking for the size of a program binary");
    rc = mem_new(&binary, size, 1, "program binary", err);
    if (rc < 0)
        return rc;
    status = clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL);
    if (status != CL_SUCCESS)
        rc = ocl_error(err, p->ctx, status, "fetching a program binary");
    else
        rc = progcache_store(p, binary, size, err);
    free(binary);
    return rc;
}

void ocl_save_programs(struct ocl_context *ctx, bool may_wait)
{
    bool finished = false;

    if (may_wait && device_binaries_are_slow(&ctx->device) && clock_ns() - ctx->created_ns < SAVE_AGE_NS)
        return;
    for (size_t i = 0; ctx->cache_dir && i < ctx->program_count; i++) {
        struct ocl_program *p = ctx->programs[i];
        struct clr_error error = {0};
        sigset_t before;
        int rc;
        if (!p->unsaved)
            continue;
        if (!finished)
            (void)clFinish(ctx->queue);
        finished = true;
        p->unsaved = false; /* tried once: a cache that cannot be written is not asked at every call */
        device_block_signals(&before); /* PoCL links in this thread */
        rc = save(p, &error);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (rc < 0 && !ctx->said_no_cache) {
            ctx->said_no_cache = true;
            log_line(CLR_LOG_WARNING, "compiled kernels are not kept for the next run: %s", error.message);
        }
    }
}
