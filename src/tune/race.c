/* Variants against each other: see race.h. */
#include "tune/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/smooth.h"
#include "ops/layout.h"
#include "ops/op_class.h"

#define TARGET_NS  UINT64_C(20000000) /* of one timing: long against a launch and the clock */
#define TOO_SLOW   1.5                /* times the fastest, after the first round */
#define LEAST_GAIN 0.01

enum part { P_X, P_Y, P_DX, P_DY, P_W, P_B, P_DW, P_DB, P_SAVED, P_WORK, P_COUNT };

/* One piece of memory of each kind, large enough for every racer. */
struct track {
    size_t bytes[P_COUNT];
    cl_mem mem[P_COUNT];
};

/* ------------------------------------------------------------------ memory */

static void want(struct track *t, enum part p, size_t bytes)
{
    if (bytes > t->bytes[p])
        t->bytes[p] = bytes;
}

static int want_tensor(struct track *t, enum part p, const struct tensor *tensor, struct clr_error *err)
{
    size_t floats, bytes;

    if (!tensor_floats(&tensor->shape, &tensor->layout, &floats) ||
        !clr_mul_size(&bytes, floats, sizeof(float)))
        return clr_error_set(err, CLR_EDEVMEM, "an activation is too large: try a smaller `batch`");
    want(t, p, bytes);
    return 0;
}

/* Layouts as a net would choose them if this operator were alone, and the memory for them. */
static int plan(struct racer *r, struct track *t, const struct op_desc *desc, const struct tune_item *item,
                const struct clr_device *device, struct clr_error *err)
{
    const int block = item->block;
    struct op_needs needs;
    const struct op_needs *reader = &needs;
    struct op_io *io = &r->io;
    size_t sizes[OP_PARAMS];
    int rc = op_plan(&needs, desc, device, block, err);

    if (rc < 0)
        return rc;
    io->batch = desc->x[0].n;
    io->x[0] = io->dx[0] = (struct tensor){.shape = desc->x[0]};
    io->y[0] = io->dy[0] = (struct tensor){.shape = desc->y[0]};
    io->x[0].layout = layout_activation(desc->x[0].c, block, &reader, 1, item->from_images);
    io->dx[0].layout = layout_gradient(&io->x[0].layout, NULL);
    io->y[0].layout = (struct layout){.block = block};
    io->dy[0].layout = layout_gradient(&io->y[0].layout, &needs);
    (void)op_param_sizes(sizes, desc); /* a graph was made of it: they do not overflow */
    want(t, P_W, sizes[0] * sizeof(float));
    want(t, P_B, sizes[1] * sizeof(float));
    want(t, P_SAVED, needs.saved_bytes);
    want(t, P_WORK, needs.workspace_bytes);
    rc = want_tensor(t, P_X, &io->x[0], err);
    if (rc == 0)
        rc = want_tensor(t, P_Y, &io->y[0], err);
    if (rc == 0 && desc->backward) {
        want(t, P_DW, t->bytes[P_W]);
        want(t, P_DB, t->bytes[P_B]);
        rc = want_tensor(t, P_DY, &io->dy[0], err);
    }
    if (rc == 0 && desc->need_dx)
        rc = want_tensor(t, P_DX, &io->dx[0], err);
    return rc;
}

/* Numbers in [−1, 1) for what is read: zeros and infinities may take another time. */
static int fill(struct track *t, struct ocl_context *ctx, struct clr_error *err)
{
    static const enum part inputs[] = {P_X, P_Y, P_DY, P_W, P_B};
    size_t most = 0;
    uint32_t state = 1;
    float *values = NULL;
    int rc;

    for (size_t i = 0; i < MEM_COUNT(inputs); i++)
        most = t->bytes[inputs[i]] > most ? t->bytes[inputs[i]] : most;
    rc = mem_new(&values, most / sizeof *values, sizeof *values, "values to measure with", err);
    for (size_t i = 0; rc == 0 && i < most / sizeof *values; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    for (size_t i = 0; i < MEM_COUNT(inputs) && rc == 0; i++)
        if (t->bytes[inputs[i]] > 0)
            rc = ocl_write(ctx, t->mem[inputs[i]], 0, t->bytes[inputs[i]], values, err);
    free(values);
    return rc;
}

static int allocate(struct track *t, struct ocl_context *ctx, struct clr_error *err)
{
    int rc = 0;

    for (int p = 0; p < P_COUNT && rc == 0; p++)
        if (t->bytes[p] > 0)
            rc = ocl_buffer_create(&t->mem[p], ctx, t->bytes[p], "memory to measure in", err);
    return rc < 0 ? rc : fill(t, ctx, err);
}

static void bind(struct racer *r, const struct track *t)
{
    struct op_io *io = &r->io;

    cl_mem *const to[P_COUNT] = {&io->x[0].mem, &io->y[0].mem, &io->dx[0].mem, &io->dy[0].mem,
                                 &io->w[0],     &io->w[1],     &io->dw[0],     &io->dw[1],
                                 &io->saved,    &io->workspace};

    for (int p = 0; p < P_COUNT; p++)
        *to[p] = t->mem[p];
}

/* ------------------------------------------------------------------ timing */

static int time_runs(uint64_t *ns, struct racer *r, enum op_pass pass, int repeats, struct ocl_context *ctx,
                     struct clr_error *err)
{
    const uint64_t begin = clock_ns();
    int rc = 0;

    for (int i = 0; i < repeats && rc == 0; i++)
        rc = op_run(r->op, pass, &r->io, err);
    if (rc == 0)
        rc = ocl_finish(ctx, err);
    *ns = clock_ns() - begin;
    return rc;
}

/* Compile, run twice (drivers generate code at the first launch), and find how often fills a timing. */
static int warm_up(struct racer *r, const struct op_desc *desc, enum op_pass pass, struct ocl_context *ctx,
                   struct clr_error *err)
{
    uint64_t ns = 0, repeats;
    int rc = op_create(&r->op, ctx, desc, &r->io, err);

    if (rc == 0 && pass != OP_FORWARD) /* it saves what the backward passes read */
        rc = op_run(r->op, OP_FORWARD, &r->io, err);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = time_runs(&ns, r, pass, 1, ctx, err);
    repeats = TARGET_NS / (ns > 0 ? ns : 1) + 1;
    r->repeats = repeats < 1000 ? (int)repeats : 1000;
    return rc;
}

static void drop_slow(struct racer *racers, int count)
{
    double best = racers[0].ms[0];

    for (int i = 1; i < count; i++)
        best = racers[i].ms[0] < best ? racers[i].ms[0] : best;
    for (int i = 1; i < count; i++)
        racers[i].out = racers[i].ms[0] > TOO_SLOW * best;
}

static int time_all(struct racer *racers, int count, enum op_pass pass, struct ocl_context *ctx,
                    void (*announce)(void *user, const struct racer *r), void *user, int *failed,
                    struct clr_error *err)
{
    for (int round = 0; round < RACE_ROUNDS; round++) {
        for (int n = 0; n < count; n++) {
            const int i = round % 2 ? count - 1 - n : n; /* not always after the same one */
            uint64_t ns;
            int rc;
            if (racers[i].out)
                continue;
            announce(user, &racers[i]);
            *failed = i;
            rc = time_runs(&ns, &racers[i], pass, racers[i].repeats, ctx, err);
            if (rc < 0)
                return rc;
            racers[i].ms[round] = (double)ns * 1e-6 / racers[i].repeats;
        }
        if (round == 0)
            drop_slow(racers, count);
    }
    for (int i = 0; i < count; i++) {
        double sorted[RACE_ROUNDS];
        memcpy(sorted, racers[i].ms, sizeof sorted);
        qsort(sorted, RACE_ROUNDS, sizeof *sorted, smooth_ascending);
        racers[i].median = racers[i].out ? racers[i].ms[0] : sorted[RACE_ROUNDS / 2];
    }
    return 0;
}

int race_run(struct ocl_context *ctx, const struct tune_item *item, struct racer *racers, int count,
             void (*announce)(void *user, const struct racer *r), void *user, int *failed,
             struct clr_error *err)
{
    struct track track = {0};
    struct op_desc desc = item->desc;
    int rc = 0;

    *failed = -1;
    for (int i = 0; i < count && rc == 0; i++) {
        racers[i].op = NULL;
        racers[i].out = false;
        racers[i].io = (struct op_io){0};
        desc.variant[item->pass] = racers[i].variant;
        rc = plan(&racers[i], &track, &desc, item, ocl_device(ctx), err);
    }
    if (rc == 0)
        rc = allocate(&track, ctx, err);
    for (int i = 0; i < count && rc == 0; i++) {
        bind(&racers[i], &track);
        desc.variant[item->pass] = racers[i].variant;
        announce(user, &racers[i]);
        *failed = i;
        rc = warm_up(&racers[i], &desc, item->pass, ctx, err);
    }
    if (rc == 0)
        rc = time_all(racers, count, item->pass, ctx, announce, user, failed, err);
    (void)ocl_finish(ctx, NULL);
    for (int i = 0; i < count; i++) {
        op_destroy(racers[i].op);
        racers[i].op = NULL;
    }
    for (int p = 0; p < P_COUNT; p++)
        ocl_release(&track.mem[p]);
    return rc;
}

/* ------------------------------------------------------------------ judging */

struct race_result race_result(const struct racer *first, const struct racer *r)
{
    double ratio[RACE_ROUNDS];

    for (int i = 0; i < RACE_ROUNDS; i++)
        ratio[i] = r->ms[i] / (r == first ? first->median : first->ms[i]);
    qsort(ratio, RACE_ROUNDS, sizeof *ratio, smooth_ascending);
    return (struct race_result){first->median, r->median, ratio[RACE_ROUNDS / 2],
                                0.5 * (ratio[RACE_ROUNDS - 2] - ratio[1])};
}

void race_join(struct race_result *result, double own_ms, double ms)
{
    const double ratio = result->ms / result->own_ms, other = ms / own_ms;

    result->noise = fmax(result->noise, fabs(ratio - other));
    if (other > ratio) {
        result->own_ms = own_ms;
        result->ms = ms;
    }
}

static double fastest(const struct racer *r)
{
    double best = r->ms[0];

    for (int i = 1; i < RACE_ROUNDS; i++)
        best = fmin(best, r->ms[i]);
    return best;
}

int race_winner(const struct racer *racers, int count)
{
    int best = 0;

    for (int i = 1; i < count; i++) {
        const struct race_result r = race_result(&racers[0], &racers[i]);
        if (!racers[i].out && r.ratio < 1.0 - fmax(r.noise, LEAST_GAIN) &&
            fastest(&racers[i]) < (1.0 - LEAST_GAIN) * fastest(&racers[0]) && r.ms < racers[best].median)
            best = i;
    }
    return best;
}
