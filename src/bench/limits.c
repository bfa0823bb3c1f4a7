/* What a device can do at most, measured with cl/bench.cl: see measure.h. */
#include "bench/measure.h"

#include <math.h>

#include "base/clock.h"

enum {
    ACCUMULATORS = 12, /* as in cl/bench.cl */
    ROUNDS = 8192,     /* of multiply-adds per launch */
    CPU_ITEMS = 64,    /* work-items per core: milliseconds per launch, so that its cost vanishes */
    GPU_ITEMS = 2048,  /* work-items per compute unit: enough to hide every latency */
    TRIAD_SPAN = 1024, /* vectors per work-item on a CPU */
    CHUNK = 1 << 18,   /* floats that are read back at a time */
};

static const float factor = 0.75f, summand = 3.0f, triad_factor = 3.0f;

struct limits {
    struct ocl_context *ctx;
    const struct clr_bench_options *o;
    struct ocl_kernel *fma, *fill, *triad;
    cl_mem y, abc[3]; /* results of multiply-adds; the arrays of the triad */
    size_t items;
    cl_ulong vectors;
    size_t span_items; /* work-items of fill and triad */
    int width;
};

/* Vector width of the kernels: the device's own. */
static int vector_width(const struct clr_device *d)
{
    const int w = d->native_float_width;

    return w == 2 || w == 4 || w == 8 || w == 16 ? w : 1;
}

static int get_kernels(struct limits *l, struct clr_error *err)
{
    const bool cpu = ocl_device(l->ctx)->type == CLR_DEVICE_CPU;
    const int span = cpu ? TRIAD_SPAN : 1;
    char options[96];
    int rc;

    (void)snprintf(options, sizeof options, "-DV=%d -DROUNDS=%d -DSPAN=%d", l->width, ROUNDS, span);
    l->span_items = ((size_t)l->vectors + (size_t)span - 1) / (size_t)span;
    rc = ocl_kernel_get(&l->fma, l->ctx, "bench.cl", options, "bench_fma", err);
    if (rc == 0)
        rc = ocl_kernel_get(&l->fill, l->ctx, "bench.cl", options, "bench_fill", err);
    return rc < 0 ? rc : ocl_kernel_get(&l->triad, l->ctx, "bench.cl", options, "bench_triad", err);
}

/* A kernel with its arguments, to be timed. */
struct job {
    struct ocl_context *ctx;
    struct ocl_kernel *kernel;
    size_t items;
    const struct ocl_arg *args;
    int arg_count;
};

static int run(void *user, int n, struct clr_error *err)
{
    const struct job *j = user;
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = ocl_launch(j->ctx, j->kernel, "limits", 1, &j->items, j->args, j->arg_count, err);
    return rc < 0 ? rc : ocl_finish(j->ctx, err);
}

/* All that the kernels compute is exact. */
static int compare(const struct limits *l, const char *what, size_t i, float got, float correct,
                   struct clr_error *err)
{
    if (got >= correct && got <= correct)
        return 0;
    return clr_error_set(
        err, CLR_EFAILED,
        "%s computes wrongly: element %zu of %s is %.9g and not %.9g. Nothing is measured on "
        "it; try another driver",
        ocl_device(l->ctx)->name, i, what, (double)got, (double)correct);
}

/* ------------------------------------------------------------------ multiply-adds */

/* fma() rounds once, on every device and here: the results are equal to the bit. */
static int check_fma(struct limits *l, struct clr_error *err)
{
    const size_t lanes = (size_t)ACCUMULATORS * (size_t)l->width, size = l->items * lanes * sizeof(float);
    float expected[64], *y = NULL;
    int rc = mem_new(&y, size, 1, "results of multiply-adds", err);

    if (rc == 0)
        rc = ocl_read(l->ctx, l->y, 0, size, y, err);
    for (int i = 0; i < 64; i++) {
        expected[i] = (float)i;
        for (int round = 0; round < ROUNDS; round++)
            expected[i] = fmaf(expected[i], factor, summand);
    }
    for (size_t i = 0; rc == 0 && i < l->items * lanes; i++) {
        const float correct = expected[(i / lanes + i % lanes) % 64];
        rc = compare(l, "a multiply-add", i, y[i], correct, err);
    }
    free(y);
    return rc;
}

static int measure_fma(struct clr_bench_report *out, struct limits *l, struct clr_error *err)
{
    const double flop = 2.0 * ROUNDS * ACCUMULATORS * l->width * (double)l->items;
    const struct ocl_arg args[] = {OCL_MEM(l->y), OCL_FLOAT(factor), OCL_FLOAT(summand)};
    struct job job = {l->ctx, l->fma, l->items, args, MEM_COUNT(args)};
    const struct measure m = {run, &job, 100000, 1.5, l->o};
    struct clr_bench_spread peak;
    int rc = ocl_buffer_create(&l->y, l->ctx, l->items * ACCUMULATORS * (size_t)l->width * sizeof(float),
                               "results of multiply-adds", err);

    if (rc == 0)
        rc = measure_run(&peak, &m, err);
    if (rc == 0)
        rc = check_fma(l, err);
    if (rc < 0)
        return rc;
    measure_invert(&peak, flop * 1e-9);
    out->peak_gflops = peak;
    return 0;
}

/* ------------------------------------------------------------------ memory */

/*
 * Size of an array: four times the cache, so that it comes from memory; 64 MiB at least, 256 MiB at most, and
 * no more than a sixteenth of the device's memory.
 */
static size_t triad_size(const struct clr_device *d)
{
    const uint64_t least = 64u << 20, most = 256u << 20;
    cl_ulong cache = 0;
    uint64_t size;

    if (clGetDeviceInfo((cl_device_id)d->device_id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache, &cache,
                        NULL) != CL_SUCCESS)
        cache = 0;
    size = cache > most ? most : 4 * (uint64_t)cache;
    size = size < least ? least : size > most ? most : size;
    size = size > d->max_allocation ? d->max_allocation : size;
    size = size > d->global_memory / 16 ? d->global_memory / 16 : size;
    return (size_t)size / 4096 * 4096;
}

/* All values are whole numbers below 2²⁴: exact. */
static int check_triad(struct limits *l, size_t floats, struct clr_error *err)
{
    float *c = NULL;
    int rc = mem_new(&c, CHUNK, sizeof *c, "a piece of an array", err);

    for (size_t at = 0; at < floats && rc == 0; at += CHUNK) {
        const size_t n = floats - at < CHUNK ? floats - at : CHUNK;
        rc = ocl_read(l->ctx, l->abc[2], at * sizeof *c, n * sizeof *c, c, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            const float correct = (float)((at + i) % 1021) + triad_factor * (float)((at + i) % 509);
            rc = compare(l, "a sum of arrays", at + i, c[i], correct, err);
        }
    }
    free(c);
    return rc;
}

static int measure_triad(struct clr_bench_report *out, struct limits *l, struct clr_error *err)
{
    const size_t size = (size_t)l->vectors * (size_t)l->width * sizeof(float);
    const struct ocl_arg vectors = {sizeof l->vectors, &l->vectors},
                         fill[] = {OCL_MEM(l->abc[0]), OCL_MEM(l->abc[1]), vectors},
                         args[] = {OCL_MEM(l->abc[2]), OCL_MEM(l->abc[0]), OCL_MEM(l->abc[1]),
                                   OCL_FLOAT(triad_factor), vectors};
    struct job filling = {l->ctx, l->fill, l->span_items, fill, MEM_COUNT(fill)},
               job = {l->ctx, l->triad, l->span_items, args, MEM_COUNT(args)};
    const struct measure m = {run, &job, 100000, 1.5, l->o};
    struct clr_bench_spread bandwidth;
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++)
        rc = ocl_buffer_create(&l->abc[i], l->ctx, size, "an array", err);
    if (rc == 0)
        rc = run(&filling, 1, err);
    if (rc == 0)
        rc = measure_run(&bandwidth, &m, err);
    if (rc == 0)
        rc = check_triad(l, size / sizeof(float), err);
    if (rc < 0)
        return rc;
    measure_invert(&bandwidth, 3e-9 * (double)size);
    out->bandwidth_gb = bandwidth;
    out->triad_bytes = size;
    return 0;
}

int limits_measure(struct clr_bench_report *out, struct ocl_context *ctx, const struct clr_bench_options *o,
                   struct clr_error *err)
{
    const struct clr_device *d = ocl_device(ctx);
    struct limits l = {.ctx = ctx, .o = o, .width = vector_width(d)};
    const size_t units = d->compute_units > 0 ? (size_t)d->compute_units : 1;
    int rc;

    l.items = units * (d->type == CLR_DEVICE_CPU ? CPU_ITEMS : GPU_ITEMS);
    l.vectors = triad_size(d) / ((size_t)l.width * sizeof(float));
    rc = get_kernels(&l, err);
    if (rc == 0)
        rc = measure_fma(out, &l, err);
    if (rc == 0)
        rc = measure_triad(out, &l, err);
    ocl_release(&l.y);
    for (int i = 0; i < 3; i++)
        ocl_release(&l.abc[i]);
    return rc;
}
