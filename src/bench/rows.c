/* Time per layer and pass: see rows.h. */
#include "bench/rows.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bench/measure.h"

enum { ROUNDS = 9, ROUND_MOST = 32 }; /* samples; steps in one */
#define ROUND_S 0.25

/* Times of one layer and pass, in ms per step: a row in the making. */
struct row_times {
    size_t layer; /* node of the graph; node_count: none */
    enum clr_bench_pass pass;
    double ms[ROUNDS];
};

struct rows_times {
    const char **names; /* labels of the nodes */
    size_t layers;
    struct row_times *all;
    size_t count, capacity;
    int rounds;
};

static int find(struct rows_times *t, size_t layer, enum clr_bench_pass pass, struct row_times **out,
                struct clr_error *err)
{
    int rc;

    for (size_t i = 0; i < t->count; i++)
        if (t->all[i].layer == layer && t->all[i].pass == pass) {
            *out = &t->all[i];
            return 0;
        }
    rc = mem_grow(&t->all, &t->capacity, t->count + 1, sizeof *t->all, "times of layers", err);
    if (rc < 0)
        return rc;
    *out = &t->all[t->count++];
    **out = (struct row_times){.layer = layer, .pass = pass};
    return 0;
}

/* Add what the profile holds to the tallies of that round. */
static int take(struct rows_times *t, struct ocl_context *ctx, int round, int steps, struct clr_error *err)
{
    struct profile_row *rows = NULL;
    size_t count = 0;
    int rc = ocl_profile_take(ctx, &rows, &count, err);

    for (size_t i = 0; i < count && rc == 0; i++) {
        struct row_times *tally;
        size_t layer;
        const enum clr_bench_pass pass = labels_map(rows[i].label, t->names, t->layers, &layer);
        rc = find(t, layer, pass, &tally, err);
        if (rc == 0)
            tally->ms[round] += (double)rows[i].time_ns * 1e-6 / steps;
    }
    free(rows);
    return rc;
}

/* Where kernels are tiny, what lies between them may well be nine tenths of a step, but not 99 hundredths. */
static bool are_useful(const struct rows_times *t, double step_s)
{
    double sum_ms = 0.0;

    for (size_t i = 0; i < t->count; i++)
        sum_ms += t->all[i].ms[0];
    return sum_ms > 0.01 * 1e3 * step_s;
}

/* Some steps, and their times in the profile. */
static int play_rounds(struct rows_times *t, struct session *s,
                       int (*steps)(void *session, int n, struct clr_error *err),
                       const struct clr_bench_options *o, struct clr_error *err)
{
    struct rows_times warm = {.names = t->names, .layers = t->layers};
    const int few = t->rounds < ROUNDS ? 1 : 2;
    int n, rc = steps(s, few, err);
    uint64_t start = clock_ns();
    bool useful;
    double each;

    if (rc == 0)
        rc = steps(s, few, err);
    each = (double)(clock_ns() - start) * 1e-9 / few;
    n = (int)fmax(1.0, fmin(ROUND_MOST, ceil(ROUND_S / fmax(each, 1e-6))));
    if (rc == 0)
        rc = take(&warm, s->replica.ctx, 0, 1, err); /* these do not count */
    useful = are_useful(&warm, each);
    free(warm.all);
    for (int round = 0; useful && round < t->rounds && rc == 0; round++) {
        rc = measure_step(o, round, t->rounds, err);
        if (rc == 0)
            rc = steps(s, n, err);
        if (rc == 0)
            rc = take(t, s->replica.ctx, round, n, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ rows */

/* The batch first, then the layers in order, forward before backward, then the update, then the rest. */
static int in_order(const void *a, const void *b)
{
    const struct row_times *x = a, *y = b;
    const size_t i = x->pass == CLR_BENCH_BATCH ? 0 : x->layer + 1;
    const size_t k = y->pass == CLR_BENCH_BATCH ? 0 : y->layer + 1;

    return i != k ? (i > k) - (i < k) : (x->pass > y->pass) - (x->pass < y->pass);
}

/* Multiplications and additions of that pass by the layer's formula. */
static double gflop(const struct graph_node *node, enum clr_bench_pass pass, int batch)
{
    const double once = 2e-9 * node->madds * batch;

    switch (pass) {
    case CLR_BENCH_FORWARD:
        return once;
    case CLR_BENCH_DATA:
        return node->desc.need_dx ? once : 0.0;
    case CLR_BENCH_WEIGHTS:
        return node->desc.backward ? once : 0.0;
    case CLR_BENCH_BACKWARD:
        return once * (double)(node->desc.need_dx + node->desc.backward);
    default:
        return 0.0;
    }
}

static int write_rows(struct clr_bench_report *out, struct rows_times *t, const struct graph *g,
                      struct clr_error *err)
{
    int rc = mem_new(&out->rows, t->count, sizeof *out->rows, "times of layers", err);

    for (size_t i = 0; i < t->count && rc == 0; i++) {
        struct row_times *tally = &t->all[i];
        struct clr_bench_row *row = &out->rows[out->row_count++];
        row->pass = tally->pass;
        measure_spread(&row->ms, tally->ms, t->rounds);
        if (tally->layer == g->node_count)
            continue;
        str_copy(row->layer, sizeof row->layer, g->nodes[tally->layer].desc.label);
        str_copy(row->kind, sizeof row->kind, op_title(&g->nodes[tally->layer].desc));
        row->gflop = gflop(&g->nodes[tally->layer], tally->pass, g->batch);
    }
    return rc;
}

static int rounds_of(double once)
{
    return once > MEASURE_SLOW_S ? MEASURE_SLOW : ROUNDS;
}

int rows_measure(struct clr_bench_report *out, struct session *s, double once,
                 int (*steps)(void *session, int n, struct clr_error *err), const struct clr_bench_options *o,
                 struct clr_error *err)
{
    const struct graph *g = s->replica.train.graph;
    struct rows_times t = {.layers = g->node_count, .rounds = rounds_of(once)};
    int rc = mem_new(&t.names, g->node_count, sizeof *t.names, "names of layers", err);

    for (size_t i = 0; i < g->node_count && rc == 0; i++)
        t.names[i] = g->nodes[i].desc.label;
    if (rc == 0)
        rc = play_rounds(&t, s, steps, o, err);
    if (rc == 0 && t.count > 0)
        qsort(t.all, t.count, sizeof *t.all, in_order);
    if (rc == 0)
        rc = write_rows(out, &t, g, err);
    free(t.names);
    free(t.all);
    return rc;
}

double rows_estimate(double once)
{
    return 4 * once + rounds_of(once) * fmax(ROUND_S, once);
}
