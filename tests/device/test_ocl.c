/*
 * The OpenCL floor on every device found: buffers, launches, the program cache on disk, profile, BLAS.
 * The kernels are written into a folder of their own, which CLR_CL_DIR names.
 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <clr/log.h>

#include "base/fs.h"
#include "base/rng.h"
#include "ocl/arena.h"
#include "ocl/device.h"
#include "ocl/ocl.h"
#include "ocl/source.h"

extern char **environ;

#define COUNT 1000

static struct clr_device *g_devices;
static size_t g_device_count;
static char g_home[256], g_kernels[256], g_cache[256];
static int g_caches;

static const char g_source[] =
    "/* Bytes that are not ASCII: \xc3\x97 */\n"
    "#ifndef ADD\n"
    "#define ADD 0\n"
    "#endif\n"
    "__kernel void scale(__global float *y, __global const float *x, int n, float a)\n"
    "{\n"
    "    const int i = (int)get_global_id(0);\n"
    "    if (i < n)\n"
    "        y[i] = a * x[i] + ADD;\n"
    "}\n"
    "__kernel void count3(__global int *y, int w, int h, int d)\n"
    "{\n"
    "    const int i = (int)get_global_id(0), j = (int)get_global_id(1);\n"
    "    const int k = (int)get_global_id(2);\n"
    "    if (i < w && j < h && k < d)\n"
    "        y[(k * h + j) * w + i] += 1 + i + 10 * j + 100 * k;\n"
    "}\n"
    "__kernel __attribute__((reqd_work_group_size(4, 1, 1)))\n"
    "void fixed(__global int *y, int n)\n"
    "{\n"
    "    const int i = (int)get_global_id(0);\n"
    "    if (i < n)\n"
    "        y[i] = (int)get_local_size(0);\n"
    "}\n";

/* ------------------------------------------------------------------ helpers */

/* These two are called outside of cases as well, where check cannot report. */
static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static void write_kernel(const char *name, const char *text)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", g_kernels, name);
    if (fs_write_atomic(path, text, strlen(text), NULL) < 0)
        give_up(path);
}

/* Contexts that are made after this have an empty cache. */
static void fresh_cache(void)
{
    char base[270];

    (void)snprintf(base, sizeof base, "%.200s/cache-%d", g_home, g_caches++);
    (void)snprintf(g_cache, sizeof g_cache, "%.220s/clr-cl/programs", base);
    if (setenv("XDG_CACHE_HOME", base, 1) < 0)
        give_up(base);
}

/* The files of the cache; the path of the first in `path`. */
static int cached_files(char *path, size_t path_size)
{
    DIR *dir = opendir(g_cache);
    int n = 0;

    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        if (n++ == 0 && path)
            (void)snprintf(path, path_size, "%s/%.100s", g_cache, e->d_name);
    }
    if (dir)
        (void)closedir(dir);
    return n;
}

static struct ocl_context *open_context(int index, const struct ocl_options *options)
{
    struct ocl_context *ctx = NULL;
    struct clr_error err = {0};

    ck_assert_msg(ocl_context_create(&ctx, &g_devices[index], options, &err) == 0, "%s", err.message);
    return ctx;
}

static cl_mem new_buffer(struct ocl_context *ctx, size_t size)
{
    struct clr_error err = {0};
    cl_mem mem = NULL;

    ck_assert_msg(ocl_buffer_create(&mem, ctx, size, "test buffer", &err) == 0, "%s", err.message);
    return mem;
}

static struct ocl_kernel *get_kernel(struct ocl_context *ctx, const char *options, const char *name)
{
    struct ocl_kernel *k = NULL;
    struct clr_error err = {0};

    ck_assert_msg(ocl_kernel_get(&k, ctx, "test.cl", options, name, &err) == 0, "%s", err.message);
    return k;
}

/* Run `scale` on COUNT values: y = 2x + add, and a sentinel after them. 0, or the index of a wrong value + 1.
 */
static int run_scale(struct ocl_context *ctx, const char *options, float add, const char *label)
{
    struct ocl_kernel *k = get_kernel(ctx, options, "scale");
    size_t bytes = (COUNT + 200) * sizeof(float), global = COUNT;
    float x[COUNT + 200], y[COUNT + 200];
    cl_mem dx = new_buffer(ctx, bytes), dy = new_buffer(ctx, bytes);
    struct clr_error err = {0};
    int wrong = 0;

    for (int i = 0; i < COUNT + 200; i++) {
        x[i] = (float)i * 0.25F;
        y[i] = -7.0F;
    }
    ck_assert_int_eq(ocl_write(ctx, dx, 0, bytes, x, NULL), 0);
    ck_assert_int_eq(ocl_write(ctx, dy, 0, bytes, y, NULL), 0);
    const struct ocl_arg args[] = {OCL_MEM(dy), OCL_MEM(dx), OCL_INT(COUNT), OCL_FLOAT(2.0F)};
    ck_assert_msg(ocl_launch(ctx, k, label, 1, &global, args, 4, &err) == 0, "%s", err.message);
    ck_assert_msg(ocl_read(ctx, dy, 0, bytes, y, &err) == 0, "%s", err.message);
    for (int i = 0; i < COUNT + 200 && !wrong; i++) {
        float expected = i < COUNT ? 2.0F * x[i] + add : -7.0F;
        if (!(y[i] == expected))
            wrong = i + 1;
    }
    ocl_release(&dx);
    ocl_release(&dy);
    return wrong;
}

struct seen {
    int infos, warnings;
    char info[256], warning[512];
};

static void remember(void *user, enum clr_log_level level, const char *line)
{
    struct seen *s = user;

    if (level == CLR_LOG_INFO) {
        s->infos++;
        (void)snprintf(s->info, sizeof s->info, "%s", line);
    } else {
        s->warnings++;
        (void)snprintf(s->warning, sizeof s->warning, "%s", line);
    }
}

/* Build or load, run, save; the numbers of programs built and loaded. */
static struct ocl_build_stats session(int index, const char *options, float add,
                                      const struct ocl_options *how)
{
    struct ocl_context *ctx = open_context(index, how);
    struct ocl_build_stats stats;

    ck_assert_int_eq(run_scale(ctx, options, add, "scale"), 0);
    ocl_save_programs(ctx, false);
    stats = ocl_build_statistics(ctx);
    ocl_context_destroy(ctx);
    return stats;
}

/* ------------------------------------------------------------------ buffers */

START_TEST(test_ocl__buffer_round_trip)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    uint32_t in[64], out[64];
    cl_mem mem = new_buffer(ctx, sizeof in), none = new_buffer(ctx, 0);

    for (uint32_t i = 0; i < 64; i++)
        in[i] = i * 2654435761U;
    memset(out, 0xff, sizeof out);
    ck_assert_int_eq(ocl_read(ctx, mem, 0, sizeof out, out, NULL), 0);
    for (int i = 0; i < 64; i++)
        ck_assert_uint_eq(out[i], 0);
    ck_assert_int_eq(ocl_write(ctx, mem, 0, sizeof in, in, NULL), 0);
    ck_assert_int_eq(ocl_fill(ctx, mem, 40, 20, 0xdeadbeefU, NULL), 0);
    ck_assert_int_eq(ocl_fill(ctx, mem, 0, 0, 1, NULL), 0);
    ck_assert_int_eq(ocl_write(ctx, mem, 0, 0, in, NULL), 0);
    ck_assert_int_eq(ocl_read(ctx, mem, 0, 0, out, NULL), 0);
    ck_assert_int_eq(ocl_read(ctx, mem, 8, 120, out + 2, NULL), 0);
    for (int i = 2; i < 32; i++)
        ck_assert_uint_eq(out[i], i >= 10 && i < 15 ? 0xdeadbeefU : in[i]);
    ck_assert_int_eq(ocl_finish(ctx, NULL), 0);
    ocl_release(&mem);
    ck_assert_ptr_null(mem);
    ocl_release(&mem);
    ocl_release(&none);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__buffer_parts_share_memory)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    size_t unit = (size_t)ocl_device(ctx)->address_align_bytes, n = unit / 4;
    cl_mem parent = new_buffer(ctx, 3 * unit), part = NULL;
    uint32_t *data = NULL;
    struct clr_error err = {0};

    ck_assert_int_eq(mem_new(&data, 3 * n, 4, "test data", NULL), 0);
    ck_assert_msg(ocl_buffer_part(&part, ctx, parent, unit, unit, &err) == 0, "%s", err.message);
    ck_assert_int_eq(ocl_fill(ctx, part, 0, unit, 77, NULL), 0);
    ck_assert_int_eq(ocl_read(ctx, parent, 0, 3 * unit, data, NULL), 0);
    for (size_t i = 0; i < 3 * n; i++)
        ck_assert_uint_eq(data[i], i >= n && i < 2 * n ? 77 : 0);
    data[0] = 5;
    ck_assert_int_eq(ocl_write(ctx, parent, 2 * unit - 4, 4, data, NULL), 0);
    ck_assert_int_eq(ocl_read(ctx, part, unit - 4, 4, data + 1, NULL), 0);
    ck_assert_uint_eq(data[1], 5);
    ocl_release(&part);
    ck_assert_int_eq(ocl_buffer_part(&part, ctx, parent, unit, 3 * unit, &err), CLR_ECL);
    ck_assert_ptr_null(part);
    ck_assert_int_eq(err.cl_status, CL_INVALID_VALUE);
    ck_assert_int_eq(ocl_buffer_part(&part, ctx, parent, SIZE_MAX, unit, &err), CLR_ECL);
    free(data);
    ocl_release(&parent);
    ocl_context_destroy(ctx);
}
END_TEST

/* As a net's memory is laid out. NVIDIA's driver 580 crashes if overlapping parts are released in the order
 * in which they were made: the arena releases them in reverse. */
START_TEST(test_ocl__parts_that_overlap_are_released)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    struct arena *arena = NULL;
    struct clr_error err = {0};
    int id;

    ck_assert_int_eq(arena_create(&arena, ocl_device(ctx), NULL), 0);
    for (int i = 0; i < 24; i++)
        ck_assert_int_eq(arena_request(arena, &id, (size_t)(1 + i * 7 % 5) << 12, i, i + i % 3, "part", NULL),
                         0);
    ck_assert_int_eq(arena_plan(arena, NULL), 0);
    ck_assert_msg(arena_allocate(arena, ctx, &err) == 0, "%s", err.message);
    for (int i = 0; i < 24; i++)
        ck_assert_int_eq(ocl_fill(ctx, arena_part(arena, i), 0, 4096, 1, NULL), 0);
    ck_assert_int_eq(ocl_finish(ctx, NULL), 0);
    arena_destroy(arena);
    ocl_context_destroy(ctx);
}
END_TEST

/* Slab, offset and size of a part. */
static void look_at(cl_mem part, cl_mem *slab, size_t *offset, size_t *size)
{
    ck_assert_int_eq(clGetMemObjectInfo(part, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof *slab, slab, NULL),
                     CL_SUCCESS);
    ck_assert_int_eq(clGetMemObjectInfo(part, CL_MEM_OFFSET, sizeof *offset, offset, NULL), CL_SUCCESS);
    ck_assert_int_eq(clGetMemObjectInfo(part, CL_MEM_SIZE, sizeof *size, size, NULL), CL_SUCCESS);
    ck_assert_ptr_nonnull(*slab);
}

START_TEST(test_ocl__parts_of_one_time_do_not_overlap)
{
    enum { PARTS = 40 };
    struct ocl_context *ctx = open_context(_i, NULL);

    for (uint32_t round = 0; round < 10; round++) {
        struct arena *arena = NULL;
        int first[PARTS], last[PARTS], id[PARTS], shared = 0;
        ck_assert_int_eq(arena_create(&arena, ocl_device(ctx), NULL), 0);
        for (uint32_t i = 0; i < PARTS; i++) {
            first[i] = (int)rng_below(round, RNG_TEST, i, 1, 20);
            last[i] = first[i] + (int)rng_below(round, RNG_TEST, i, 2, 10);
            ck_assert_int_eq(arena_request(arena, &id[i],
                                           4 * (1 + (size_t)rng_below(round, RNG_TEST, i, 0, 1000)), first[i],
                                           last[i], "part", NULL),
                             0);
        }
        ck_assert_int_eq(arena_plan(arena, NULL), 0);
        ck_assert_int_eq(arena_allocate(arena, ctx, NULL), 0);
        for (int i = 0; i < PARTS; i++) {
            for (int k = 0; k < i; k++) {
                cl_mem a, b;
                size_t a_at, b_at, a_size, b_size;
                bool meet, overlap;
                look_at(arena_part(arena, id[i]), &a, &a_at, &a_size);
                look_at(arena_part(arena, id[k]), &b, &b_at, &b_size);
                meet = first[i] <= last[k] && first[k] <= last[i];
                overlap = a == b && a_at < b_at + b_size && b_at < a_at + a_size;
                ck_assert_msg(!(meet && overlap), "round %u: parts %d and %d", round, i, k);
                shared += overlap;
            }
        }
        ck_assert_int_gt(shared, 0);
        arena_destroy(arena);
    }
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__buffer_from_host)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    uint32_t *data = NULL, out[3] = {0};
    cl_mem mem = NULL;
    struct clr_error err = {0};

    ck_assert_int_eq(mem_new_aligned(&data, 8192, "test data", NULL), 0);
    for (uint32_t i = 0; i < 2048; i++)
        data[i] = i;
    ck_assert_msg(ocl_buffer_from_host(&mem, ctx, data, 8192, "test data", &err) == 0, "%s", err.message);
    ck_assert_int_eq(ocl_read(ctx, mem, 4000, sizeof out, out, NULL), 0);
    ck_assert(out[0] == 1000 && out[1] == 1001 && out[2] == 1002);
    ocl_release(&mem);
    ocl_context_destroy(ctx);
    free(data);
}
END_TEST

START_TEST(test_ocl__buffer_too_large)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    struct clr_error err = {0};
    cl_mem mem = NULL;

    ck_assert_int_eq(
        ocl_buffer_create(&mem, ctx, (size_t)ocl_device(ctx)->max_allocation + 64, "arena", &err),
        CLR_EDEVMEM);
    ck_assert_ptr_nonnull(strstr(err.message, "arena"));
    ck_assert_ptr_nonnull(strstr(err.message, ocl_device(ctx)->name));
    ck_assert_int_eq(ocl_buffer_create(&mem, ctx, SIZE_MAX, "arena", &err), CLR_EDEVMEM);
    ck_assert_ptr_null(mem);
    ocl_context_destroy(ctx);
}
END_TEST

/* ------------------------------------------------------------------ launches */

START_TEST(test_ocl__launch_in_three_dimensions)
{
    const size_t global[3] = {7, 5, 3};
    struct ocl_context *ctx = open_context(_i, NULL);
    struct ocl_kernel *k = get_kernel(ctx, "", "count3");
    int out[7 * 5 * 3 + 50];
    cl_mem y = new_buffer(ctx, sizeof out);
    struct clr_error err = {0};
    const struct ocl_arg args[] = {OCL_MEM(y), OCL_INT(7), OCL_INT(5), OCL_INT(3)};

    ck_assert_msg(ocl_launch(ctx, k, "count", 3, global, args, 4, &err) == 0, "%s", err.message);
    ck_assert_int_eq(ocl_read(ctx, y, 0, sizeof out, out, NULL), 0);
    for (int i = 0; i < 7 * 5 * 3 + 50; i++)
        ck_assert_int_eq(out[i], i < 7 * 5 * 3 ? 1 + i % 7 + 10 * (i / 7 % 5) + 100 * (i / 35) : 0);
    ocl_release(&y);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__launch_keeps_a_required_local_size)
{
    static const size_t global = 6;
    struct ocl_context *ctx = open_context(_i, NULL);
    struct ocl_kernel *k = get_kernel(ctx, "", "fixed");
    int out[8];
    cl_mem y = new_buffer(ctx, sizeof out);
    struct clr_error err = {0};
    const struct ocl_arg args[] = {OCL_MEM(y), OCL_INT(6)};

    ck_assert_int_eq(ocl_fill(ctx, y, 0, sizeof out, 0, NULL), 0);
    ck_assert_msg(ocl_launch(ctx, k, "fixed", 1, &global, args, 2, &err) == 0, "%s", err.message);
    ck_assert_int_eq(ocl_read(ctx, y, 0, sizeof out, out, NULL), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(out[i], i < 6 ? 4 : 0);
    ocl_release(&y);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__launch_refuses_what_is_wrong)
{
    static const size_t global = 4, nothing = 0, endless = SIZE_MAX;
    struct ocl_context *ctx = open_context(_i, NULL);
    struct ocl_kernel *k = get_kernel(ctx, "", "fixed"), *none = NULL;
    cl_mem y = new_buffer(ctx, 64);
    struct clr_error err = {0};
    const struct ocl_arg args[] = {OCL_MEM(y), OCL_INT(4)};
    const struct ocl_arg bad[] = {{1, "a"}, OCL_INT(4)};

    ck_assert_int_eq(ocl_launch(ctx, k, "conv1", 1, &global, args, 1, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "conv1: kernel fixed of cl/test.cl takes 2 arguments, not 1"));
    ck_assert_int_eq(ocl_launch(ctx, k, "conv1", 1, &global, bad, 2, &err), CLR_ECL);
    ck_assert_msg(strstr(err.message, "argument 0: conv1") != NULL, "%s", err.message);
    ck_assert_int_eq(ocl_launch(ctx, k, "conv1", 4, &global, args, 2, &err), CLR_EUSAGE);
    ck_assert_int_eq(ocl_launch(ctx, k, "conv1", 1, &endless, args, 2, &err), CLR_EUSAGE);
    ck_assert_int_eq(ocl_launch(ctx, k, "conv1", 1, &nothing, args, 2, &err), 0);
    ck_assert_int_eq(ocl_kernel_get(&none, ctx, "test.cl", "", "missing", &err), CLR_ECL);
    ck_assert_ptr_nonnull(strstr(err.message, "'missing' from cl/test.cl: CL_INVALID_KERNEL_NAME (-46)"));
    ck_assert_int_eq(ocl_kernel_get(&none, ctx, "nowhere.cl", "", "x", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "nowhere.cl"));
    ck_assert_ptr_null(none);
    ocl_release(&y);
    ocl_context_destroy(ctx);
}
END_TEST

/* ------------------------------------------------------------------ programs */

START_TEST(test_ocl__kernels_are_kept)
{
    struct ocl_context *ctx = open_context(_i, &(struct ocl_options){.no_cache = true});
    struct ocl_kernel *a = get_kernel(ctx, "", "scale");

    ck_assert_ptr_eq(get_kernel(ctx, "", "scale"), a);
    ck_assert_ptr_eq(get_kernel(ctx, NULL, "scale"), a);
    ck_assert_ptr_ne(get_kernel(ctx, "-DADD=3", "scale"), a);
    ck_assert_ptr_ne(get_kernel(ctx, "", "count3"), a);
    ck_assert_int_eq(ocl_build_statistics(ctx).built, 2);
    ck_assert_int_eq(run_scale(ctx, "-DADD=3", 3.0F, "scale"), 0);
    ck_assert_int_eq(run_scale(ctx, "", 0.0F, "scale"), 0);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__build_error_names_file_and_line)
{
    struct ocl_context *ctx;
    struct ocl_kernel *k = NULL;
    struct clr_error err = {0};

    write_kernel("bad.cl",
                 "#if 1\n\n__kernel void f(__global float *y)\n{\n    y[0] = no_such_thing;\n}\n#endif\n");
    fresh_cache();
    ctx = open_context(_i, NULL);
    ck_assert_int_eq(ocl_kernel_get(&k, ctx, "bad.cl", "-DSIZE=9", "f", &err), CLR_ECL);
    ck_assert_int_eq(err.cl_status, CL_BUILD_PROGRAM_FAILURE);
    if (!strstr(g_devices[_i].name, "Oclgrind") && !strstr(g_devices[_i].name, "NVIDIA")) /* ignore #line */
        ck_assert_msg(strstr(err.message, "cl/bad.cl:5") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "no_such_thing") != NULL, "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "-DSIZE=9"));
    ck_assert_ptr_nonnull(strstr(err.message, g_devices[_i].name));
    ck_assert_ptr_null(k);
    ocl_save_programs(ctx, false);
    ck_assert_int_eq(cached_files(NULL, 0), 0);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__compiling_is_said_once)
{
    struct seen seen = {0};
    struct ocl_context *ctx;

    fresh_cache();
    clr_log_set_sink(remember, &seen);
    ctx = open_context(_i, NULL);
    ck_assert_int_eq(seen.infos, 0);
    (void)get_kernel(ctx, "", "scale");
    (void)get_kernel(ctx, "-DADD=1", "scale");
    ck_assert_int_eq(seen.infos, 1);
    ck_assert_msg(strstr(seen.info, "compiling kernels"), "%s", seen.info);
    ocl_save_programs(ctx, false);
    ocl_context_destroy(ctx);
    ck_assert_int_eq(session(_i, "-DADD=1", 1.0F, NULL).loaded, 1);
    ck_assert_int_eq(seen.infos, 1);
    ck_assert_int_eq(seen.warnings, 0);
    clr_log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(test_ocl__slow_binaries_wait)
{
    struct ocl_context *ctx;

    fresh_cache();
    ctx = open_context(_i, NULL);
    ck_assert_int_eq(run_scale(ctx, "-DADD=2", 2.0F, "scale"), 0);
    ocl_save_programs(ctx, true);
    ck_assert_int_eq(cached_files(NULL, 0), device_binaries_are_slow(&g_devices[_i]) ? 0 : 1);
    ocl_save_programs(ctx, false);
    ck_assert_int_eq(cached_files(NULL, 0), 1);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__second_context_loads)
{
    struct ocl_build_stats s;
    struct stat before, after;
    char path[400];

    fresh_cache();
    s = session(_i, "", 0.0F, NULL);
    ck_assert(s.built == 1 && s.loaded == 0 && s.time_ns > 0);
    ck_assert_int_eq(cached_files(path, sizeof path), 1);
    ck_assert_int_eq(stat(path, &before), 0);
    s = session(_i, "", 0.0F, NULL);
    ck_assert(s.built == 0 && s.loaded == 1);
    /* The same kernels at the same sizes: nothing new to write. */
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert(before.st_ino == after.st_ino);
    s = session(_i, "-DADD=2", 2.0F, NULL);
    ck_assert(s.built == 1 && s.loaded == 0);
    ck_assert_int_eq(cached_files(NULL, 0), 2);
}
END_TEST

START_TEST(test_ocl__changed_source_is_rebuilt)
{
    struct str s = {0};

    fresh_cache();
    (void)session(_i, "", 0.0F, NULL);
    str_append(&s, "%s// changed\n", g_source);
    write_kernel("test.cl", str_text(&s));
    ck_assert_int_eq(session(_i, "", 0.0F, NULL).built, 1);
    write_kernel("test.cl", g_source);
    ck_assert_int_eq(session(_i, "", 0.0F, NULL).loaded, 1);
    write_kernel("common.clh", "// changed\n");
    ck_assert_int_eq(session(_i, "", 0.0F, NULL).built, 1);
    write_kernel("common.clh", "");
    str_clear(&s);
}
END_TEST

static void damage(const char *path, int how)
{
    char *data = NULL;
    size_t size = 0;

    ck_assert_int_eq(fs_read(path, 1U << 30, &data, &size, NULL), 0);
    switch (how) {
    case 0:
        size = 0;
        break;
    case 1:
        size = 40;
        break; /* in the header */
    case 2:
        size -= 1;
        break;
    case 3:
        data[0] ^= 1;
        break; /* magic */
    case 4:
        data[23] ^= 0x7f;
        break; /* length of the key, top byte */
    case 5:
        data[39] ^= 0x7f;
        break; /* length of the binary, top byte */
    case 6:
        data[50] ^= 1;
        break; /* digest */
    case 7:
        data[130] ^= 1;
        break; /* key */
    case 8:
        data[size - 1] ^= 1;
        break;
    case 9:
        data[size / 2] ^= 4;
        break;
    default:
        size += 1;
        break; /* fs_read() puts a NUL there */
    }
    ck_assert_int_eq(fs_write_atomic(path, data, size, NULL), 0);
    free(data);
}

START_TEST(test_ocl__damaged_cache_is_rebuilt)
{
    char path[400];
    struct seen seen = {0};

    fresh_cache();
    (void)session(_i, "", 0.0F, NULL);
    ck_assert_int_eq(cached_files(path, sizeof path), 1);
    for (int how = 0; how <= 10; how++) {
        struct ocl_build_stats s;
        damage(path, how);
        clr_log_set_sink(remember, &seen);
        s = session(_i, "", 0.0F, NULL);
        clr_log_set_sink(NULL, NULL);
        ck_assert_msg(s.built == 1 && s.loaded == 0, "damage %d", how);
        ck_assert_int_eq(seen.warnings, 0);
        s = session(_i, "", 0.0F, NULL);
        ck_assert_msg(s.built == 0 && s.loaded == 1, "after damage %d", how);
    }
}
END_TEST

START_TEST(test_ocl__no_cache_leaves_no_file)
{
    const struct ocl_options no_cache = {.no_cache = true};

    fresh_cache();
    ck_assert_int_eq(session(_i, "", 0.0F, &no_cache).built, 1);
    ck_assert_int_eq(cached_files(NULL, 0), 0);
    (void)session(_i, "", 0.0F, NULL);
    ck_assert_int_eq(session(_i, "", 0.0F, &no_cache).built, 1);
}
END_TEST

START_TEST(test_ocl__unwritable_cache_warns_once)
{
    char file[300];
    struct seen seen = {0};
    struct ocl_context *ctx;

    (void)snprintf(file, sizeof file, "%s/a-file", g_home);
    ck_assert_int_eq(fs_write_atomic(file, "x", 1, NULL), 0);
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", file, 1), 0);
    clr_log_set_sink(remember, &seen);
    ctx = open_context(_i, NULL);
    ck_assert_int_eq(run_scale(ctx, "", 0.0F, "scale"), 0);
    ck_assert_int_eq(run_scale(ctx, "-DADD=1", 1.0F, "scale"), 0);
    ocl_save_programs(ctx, false);
    ocl_save_programs(ctx, false);
    ck_assert_int_eq(seen.warnings, 1);
    ck_assert_ptr_nonnull(strstr(seen.warning, file));
    ocl_context_destroy(ctx);
    clr_log_set_sink(NULL, NULL);
    fresh_cache();
}
END_TEST

/* ------------------------------------------------------------------ two processes */

/* What each process of the next case does. */
START_TEST(test_ocl__worker)
{
    for (int i = 0; i < 3; i++)
        (void)session(_i, "", 0.0F, NULL);
}
END_TEST

START_TEST(test_ocl__two_processes_at_once)
{
    char which[32], self[] = "/proc/self/exe", flag[] = "--worker", path[400];
    char *arguments[] = {self, flag, which, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pids[2];

    fresh_cache();
    ck_assert_int_eq(posix_spawn_file_actions_init(&quiet), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0), 0);
    (void)snprintf(which, sizeof which, "%d", _i);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(posix_spawn(&pids[i], self, &quiet, NULL, arguments, environ), 0);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    (void)posix_spawn_file_actions_destroy(&quiet);
    ck_assert_int_eq(cached_files(path, sizeof path), 1); /* and no temporary file remains */
    ck_assert_int_eq(session(_i, "", 0.0F, NULL).loaded, 1);
}
END_TEST

/* ------------------------------------------------------------------ profile and BLAS */

START_TEST(test_ocl__profile_counts_by_label)
{
    struct ocl_context *ctx = open_context(_i, &(struct ocl_options){.profile = true});
    static const size_t global = COUNT;
    struct ocl_kernel *k = get_kernel(ctx, "", "scale");
    cl_mem x = new_buffer(ctx, COUNT * 4), y = new_buffer(ctx, COUNT * 4);
    const struct ocl_arg args[] = {OCL_MEM(y), OCL_MEM(x), OCL_INT(COUNT), OCL_FLOAT(2.0F)};
    struct profile_row *rows;
    size_t count;
    char *s = NULL, label[] = "conv1 forward", again[] = "conv1 forward", *line;
    unsigned long long calls;
    double ms, us, share;

    for (int i = 0; i < 700; i++)
        ck_assert_int_eq(ocl_launch(ctx, k, i % 2 ? label : again, 1, &global, args, 4, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ocl_launch(ctx, k, "ip1", 1, &global, args, 4, NULL), 0);
    ck_assert_int_eq(ocl_profile_table(ctx, &s, NULL), 0);
    line = strstr(s, "\nconv1 forward ");
    ck_assert_msg(line && sscanf(line + 15, "%llu %lf %lf %lf%%", &calls, &ms, &us, &share) == 4, "%s", s);
    ck_assert(calls == 700 && share > 0.0 && share <= 100.0);
    /* Mesa 22 gives about a nanosecond for every kernel on llvmpipe, Oclgrind counts otherwise. */
    if (strstr(g_devices[_i].platform_name, "Portable"))
        ck_assert(ms > 0.0 && us > 0.0);
    line = strstr(s, "\nip1 ");
    ck_assert_msg(line && sscanf(line + 5, "%llu", &calls) == 1 && calls == 3, "%s", s);
    line = strstr(s, "\ntotal ");
    ck_assert_msg(line && sscanf(line + 7, "%llu", &calls) == 1 && calls == 703, "%s", s);
    free(s);
    ck_assert_int_eq(ocl_profile_take(ctx, &rows, &count, NULL), 0);
    ck_assert(count == 2 && rows[0].calls + rows[1].calls == 703);
    free(rows);
    ck_assert_int_eq(ocl_launch(ctx, k, "ip1", 1, &global, args, 4, NULL), 0);
    ck_assert_int_eq(ocl_profile_take(ctx, &rows, &count, NULL), 0); /* it started again at 0 */
    ck_assert(count == 1 && rows[0].calls == 1 && strcmp(rows[0].label, "ip1") == 0);
    free(rows);
    ocl_release(&x);
    ocl_release(&y);
    ocl_context_destroy(ctx);
}
END_TEST

START_TEST(test_ocl__profile_is_empty_when_not_asked)
{
    struct ocl_context *ctx = open_context(_i, NULL);
    char *s = NULL;

    ck_assert_int_eq(run_scale(ctx, "", 0.0F, "scale"), 0);
    ck_assert_int_eq(ocl_profile_table(ctx, &s, NULL), 0);
    ck_assert_ptr_null(s);
    ocl_context_destroy(ctx);
}
END_TEST

enum { M = 3, N = 5, K = 7, OFFSET = 2, LD = 9 };

static void check_gemm(struct ocl_context *ctx, bool ta, bool tb, float beta)
{
    float a[100], b[100], c[100], expected[100];
    cl_mem da = new_buffer(ctx, sizeof a), db = new_buffer(ctx, sizeof b), dc = new_buffer(ctx, sizeof c);
    struct blas_gemm g = {.ta = ta, .tb = tb, .m = M, .n = N, .k = K, .a = da, .b = db, .c = dc};
    struct clr_error err = {0};

    for (int i = 0; i < 100; i++) {
        a[i] = (float)(i % 11) - 5.0F;
        b[i] = (float)(i % 7) - 3.0F;
        c[i] = expected[i] = (float)(i % 5);
    }
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++) {
            float sum = 0.0F;
            for (int k = 0; k < K; k++)
                sum +=
                    a[OFFSET + (ta ? k * LD + i : i * LD + k)] * b[OFFSET + (tb ? j * LD + k : k * LD + j)];
            expected[OFFSET + i * LD + j] = sum + beta * c[OFFSET + i * LD + j];
        }
    }
    g.a_offset = g.b_offset = g.c_offset = OFFSET;
    g.lda = g.ldb = g.ldc = LD;
    g.beta = beta;
    ck_assert_int_eq(ocl_write(ctx, da, 0, sizeof a, a, NULL), 0);
    ck_assert_int_eq(ocl_write(ctx, db, 0, sizeof b, b, NULL), 0);
    ck_assert_int_eq(ocl_write(ctx, dc, 0, sizeof c, c, NULL), 0);
    ck_assert_msg(blas_sgemm(ctx, &g, "gemm", &err) == 0, "%s", err.message);
    ck_assert_int_eq(ocl_read(ctx, dc, 0, sizeof c, c, NULL), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_float_eq(c[i], expected[i]); /* small integers: exact in any order */
    ocl_release(&da);
    ocl_release(&db);
    ocl_release(&dc);
}

START_TEST(test_ocl__blas_multiplies)
{
    struct ocl_context *ctx = open_context(_i, &(struct ocl_options){.profile = true});
    struct blas_gemm nothing = {.m = 1, .n = 1, .k = 0, .lda = 1, .ldb = 1, .ldc = 1};
    struct clr_error err = {0};
    char *s = NULL;

    check_gemm(ctx, true, false, 0.5F); /* each way of both: CLBlast compiles for every pair */
    check_gemm(ctx, false, true, 0.0F);
    ck_assert_int_eq(blas_sgemm(ctx, &nothing, "ip1 forward", &err), CLR_ECL);
    ck_assert_ptr_nonnull(strstr(err.message, "ip1 forward (CLBlast SGEMM 1x1x0)"));
    ck_assert_int_eq(ocl_profile_table(ctx, &s, NULL), 0);
    ck_assert_msg(strstr(s, "gemm ") != NULL, "%s", s);
    free(s);
    ocl_context_destroy(ctx);
}
END_TEST

/* ------------------------------------------------------------------ without a device */

START_TEST(test_ocl__source_names_its_files)
{
    struct str s = {0};
    struct clr_error err = {0};

    write_kernel("common.clh", "#define A 1\n");
    write_kernel("one.cl", "int a = A; // \xc3\x97");
    ck_assert_int_eq(source_text(&s, "one.cl", NULL), 0);
    ck_assert_str_eq(str_text(&s), "#line 1 \"cl/common.clh\"\n#define A 1\n\n"
                                   "#line 1 \"cl/one.cl\"\nint a = A; // ..\n");
    str_clear(&s);
    write_kernel("two.clh", "#define B 2");
    write_kernel("one.cl", "#include \"two.clh\"\nint b = B;");
    ck_assert_int_eq(source_text(&s, "one.cl", NULL), 0);
    ck_assert_str_eq(str_text(&s), "#line 1 \"cl/common.clh\"\n#define A 1\n\n"
                                   "#line 1 \"cl/one.cl\"\n#line 1 \"cl/two.clh\"\n#define B 2\n"
                                   "#line 2 \"cl/one.cl\"\nint b = B;\n");
    str_clear(&s);
    write_kernel("one.cl", "#include \"no_such.clh\"\n");
    ck_assert_int_eq(source_text(&s, "one.cl", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "cl/no_such.clh"));
    write_kernel("common.clh", "");
    (void)unsetenv("CLR_CL_DIR");
    ck_assert_int_eq(source_text(&s, "one.cl", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "cl/one.cl"));
    ck_assert_ptr_null(s.text);
    (void)setenv("CLR_CL_DIR", "/nonexistent", 1);
    ck_assert_int_eq(source_text(&s, "pool.cl", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "CLR_CL_DIR is '/nonexistent'"));
    (void)setenv("CLR_CL_DIR", g_kernels, 1);
    ck_assert_int_eq(source_text(&s, "pool.cl", NULL), 0); /* not in the folder: the built-in one */
    str_clear(&s);
    (void)setenv("CLR_CL_DIR", g_kernels, 1);
}
END_TEST

START_TEST(test_ocl__status_names)
{
    struct clr_error err = {0};

    ck_assert_str_eq(ocl_status_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
    ck_assert_str_eq(ocl_status_name(-12345), "unknown OpenCL status");
    ck_assert_int_eq(ocl_error(&err, NULL, CL_OUT_OF_RESOURCES, "doing it"), CLR_ECL);
    ck_assert_str_eq(err.message, "doing it: CL_OUT_OF_RESOURCES (-5)");
    ck_assert_int_eq(err.cl_status, -5);
    ck_assert(ocl_is_lost(CL_OUT_OF_RESOURCES) && ocl_is_lost(CL_DEVICE_NOT_AVAILABLE));
    ck_assert(!ocl_is_lost(CL_SUCCESS) && !ocl_is_lost(CL_BUILD_PROGRAM_FAILURE));
    ck_assert_int_eq(ocl_error(&err, NULL, CL_MEM_OBJECT_ALLOCATION_FAILURE, "x"), CLR_EDEVMEM);
    ck_assert_int_eq(ocl_error(NULL, NULL, CL_OUT_OF_HOST_MEMORY, "x"), CLR_EDEVMEM);
}
END_TEST

START_TEST(test_ocl__unusable_device_is_refused)
{
    struct clr_device d = {.name = "Old", .why_not = "big-endian"};
    struct ocl_context *ctx = NULL;
    struct clr_error err = {0};

    ck_assert_int_eq(ocl_context_create(&ctx, &d, NULL, &err), CLR_ENODEVICE);
    ck_assert_ptr_nonnull(strstr(err.message, "big-endian"));
    ck_assert_ptr_null(ctx);
    ocl_context_destroy(NULL);
}
END_TEST

START_TEST(test_ocl__no_device)
{
    support_skip("no usable OpenCL device");
}
END_TEST

static void add_device_cases(TCase *t, int n)
{
    tcase_add_loop_test(t, test_ocl__buffer_round_trip, 0, n);
    tcase_add_loop_test(t, test_ocl__buffer_parts_share_memory, 0, n);
    tcase_add_loop_test(t, test_ocl__parts_that_overlap_are_released, 0, n);
    tcase_add_loop_test(t, test_ocl__parts_of_one_time_do_not_overlap, 0, n);
    tcase_add_loop_test(t, test_ocl__buffer_from_host, 0, n);
    tcase_add_loop_test(t, test_ocl__buffer_too_large, 0, n);
    tcase_add_loop_test(t, test_ocl__launch_in_three_dimensions, 0, n);
    tcase_add_loop_test(t, test_ocl__launch_keeps_a_required_local_size, 0, n);
    tcase_add_loop_test(t, test_ocl__launch_refuses_what_is_wrong, 0, n);
    tcase_add_loop_test(t, test_ocl__kernels_are_kept, 0, n);
    tcase_add_loop_test(t, test_ocl__build_error_names_file_and_line, 0, n);
    tcase_add_loop_test(t, test_ocl__compiling_is_said_once, 0, n);
    tcase_add_loop_test(t, test_ocl__slow_binaries_wait, 0, n);
    tcase_add_loop_test(t, test_ocl__second_context_loads, 0, n);
    tcase_add_loop_test(t, test_ocl__changed_source_is_rebuilt, 0, n);
    tcase_add_loop_test(t, test_ocl__damaged_cache_is_rebuilt, 0, n);
    tcase_add_loop_test(t, test_ocl__no_cache_leaves_no_file, 0, n);
    tcase_add_loop_test(t, test_ocl__unwritable_cache_warns_once, 0, n);
    tcase_add_loop_test(t, test_ocl__two_processes_at_once, 0, n);
    tcase_add_loop_test(t, test_ocl__profile_counts_by_label, 0, n);
    tcase_add_loop_test(t, test_ocl__profile_is_empty_when_not_asked, 0, n);
    tcase_add_loop_test(t, test_ocl__blas_multiplies, 0, n);
}

/* Move the usable devices to the front. */
static int list_devices(void)
{
    size_t n = 0;

    if (clr_device_list(&g_devices, &g_device_count, NULL) < 0)
        return 0;
    for (size_t i = 0; i < g_device_count; i++) {
        if (!g_devices[i].usable)
            continue;
        g_devices[n++] = g_devices[i];
        printf("device %d:%d %s\n", g_devices[i].platform_index, g_devices[i].device_index,
               g_devices[i].name);
    }
    return (int)n;
}

/* `test_ocl --worker I`: one process of test_ocl__two_processes_at_once; the environment is set already. */
static void add_worker_case(TCase *t, const char *index)
{
    int i, n = list_devices();

    if (str_parse_int(index, 0, n - 1, &i))
        tcase_add_loop_test(t, test_ocl__worker, i, i + 1);
}

int main(int argc, char **argv)
{
    bool is_worker = argc == 3 && strcmp(argv[1], "--worker") == 0;
    Suite *suite = suite_create("ocl");
    TCase *tcase = tcase_create("ocl");
    int n, rc;

    tcase_set_timeout(tcase, 0);
    suite_add_tcase(suite, tcase);
    if (is_worker) {
        add_worker_case(tcase, argv[2]);
    } else {
        (void)snprintf(g_home, sizeof g_home, "%s", support_temp_dir());
        (void)snprintf(g_kernels, sizeof g_kernels, "%s", support_temp_dir());
        (void)setenv("CLR_CL_DIR", g_kernels, 1);
        fresh_cache(); /* before the first OpenCL call: drivers cache there too */
        write_kernel("common.clh", "");
        write_kernel("test.cl", g_source);
        n = list_devices();
        if (n > 0)
            add_device_cases(tcase, n);
        else
            tcase_add_test(tcase, test_ocl__no_device);
        tcase_add_test(tcase, test_ocl__source_names_its_files);
        tcase_add_test(tcase, test_ocl__status_names);
        tcase_add_test(tcase, test_ocl__unusable_device_is_refused);
    }
    rc = support_run(suite, false);
    free(g_devices);
    return rc;
}
