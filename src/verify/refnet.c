/* A net in double precision: see refnet.h. */
#include "verify/refnet.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "ops/op_class.h"

#define SINGLE 2.4e-7 /* four times the half of a unit in the last place: a result of a few roundings */

static size_t elements(const struct shape *s)
{
    return (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

/* ------------------------------------------------------------------ memory */

static int new_values(double **out, const struct shape *s, int n, struct clr_error *err)
{
    const struct shape all = {n, s->c, s->h, s->w};
    size_t count;

    if (!shape_count(&all, &count))
        return clr_error_set(err, CLR_ENOMEM, "a layer is too large to be computed again");
    return mem_new(out, count, sizeof **out, "a net in double precision", err);
}

static int new_lists(struct refnet *c, struct clr_error *err)
{
    const struct graph *g = c->g;
    const size_t n = (size_t)c->capacity;
    const struct {
        void *out;
        size_t count, size;
    } lists[] = {{&c->value, g->value_count, sizeof *c->value},
                 {&c->gradient, g->value_count, sizeof *c->gradient},
                 {&c->arg, g->node_count, sizeof *c->arg},
                 {&c->w, g->param_count, sizeof *c->w},
                 {&c->dw, g->param_count, sizeof *c->dw},
                 {&c->labels, n, sizeof *c->labels},
                 {&c->index, n, sizeof *c->index},
                 {&c->loss, n * g->loss_count, sizeof *c->loss},
                 {&c->correct, n, sizeof *c->correct}};
    int rc = 0;

    for (size_t i = 0; i < MEM_COUNT(lists) && rc == 0; i++)
        rc = mem_new(lists[i].out, lists[i].count, lists[i].size, "a net in double precision", err);
    return rc;
}

int refnet_create(struct refnet **out, const struct graph *g, int capacity, struct clr_error *err)
{
    struct refnet *c;
    size_t most = 0;
    int rc = mem_new(&c, 1, sizeof *c, "a net in double precision", err);

    if (rc < 0)
        return rc;
    c->g = g;
    c->capacity = capacity;
    rc = new_lists(c, err);
    for (size_t v = 0; v < g->value_count && rc == 0; v++) {
        rc = new_values(&c->value[v], &g->values[v].shape, capacity, err);
        if (rc == 0)
            rc = new_values(&c->gradient[v], &g->values[v].shape, capacity, err);
    }
    for (size_t i = 0; i < g->node_count && rc == 0; i++)
        if (op_is(&g->nodes[i].desc, OP_HAS_ARG))
            rc = mem_new(&c->arg[i], (size_t)capacity * elements(&g->nodes[i].desc.y[0]), sizeof **c->arg,
                         "maxima", err);
    for (size_t p = 0; p < g->param_count && rc == 0; p++) {
        rc = mem_new(&c->w[p], g->params[p].count, sizeof **c->w, "parameters", err);
        if (rc == 0)
            rc = mem_new(&c->dw[p], g->params[p].count, sizeof **c->dw, "gradients", err);
        most = g->params[p].count > most ? g->params[p].count : most;
    }
    for (int k = 0; k < OP_PARAMS && rc == 0; k++)
        rc = mem_new(&c->part[k], most, sizeof **c->part, "gradients", err);
    if (rc < 0) {
        refnet_destroy(c);
        return rc;
    }
    *out = c;
    return 0;
}

static void free_all(void *array, size_t count)
{
    void **p = array;

    for (size_t i = 0; p && i < count; i++)
        free(p[i]);
    free(p);
}

void refnet_destroy(struct refnet *c)
{
    if (!c)
        return;
    free_all(c->value, c->g->value_count);
    free_all(c->gradient, c->g->value_count);
    free_all(c->arg, c->g->node_count);
    free_all(c->w, c->g->param_count);
    free_all(c->dw, c->g->param_count);
    for (int k = 0; k < OP_PARAMS; k++)
        free(c->part[k]);
    for (int j = 0; j < OP_MOST; j++)
        free(c->again[j]);
    free(c->labels);
    free(c->index);
    free(c->loss);
    free(c->correct);
    free(c);
}

/* ------------------------------------------------------------------ running */

static void add_parts(struct refnet *c, const struct graph_node *node)
{
    for (int k = 0; k < node->param_count; k++)
        for (size_t e = 0; !c->g->params[node->param[k]].state && e < c->g->params[node->param[k]].count; e++)
            c->dw[node->param[k]][e] += c->part[k][e];
}

/* The arrays of node i as its reference takes them. */
static struct op_ref arrays(const struct refnet *c, size_t i)
{
    const struct graph_node *node = &c->g->nodes[i];
    struct op_ref r = {.n = c->n,
                       .train = c->g->phase == PHASE_TRAIN,
                       .sample = c->correct,
                       .arg = c->arg[i],
                       .labels = c->labels,
                       .index = c->index,
                       .seed = c->seed,
                       .iteration = c->iteration};

    if (op_is(&node->desc, OP_LOSS) && node->loss >= 0)
        r.sample = c->loss + (size_t)node->loss * (size_t)c->capacity;
    for (int j = 0; j < node->desc.x_count; j++) {
        r.x[j] = c->value[node->x[j]];
        r.dx[j] = c->gradient[node->x[j]];
    }
    for (int j = 0; j < node->desc.y_count; j++) {
        r.y[j] = c->value[node->y[j]];
        r.dy[j] = c->gradient[node->y[j]];
    }
    for (int k = 0; k < node->param_count; k++) {
        r.w[k] = c->w[node->param[k]];
        r.dw[k] = c->part[k];
    }
    return r;
}

/* States are as before where no batch changes them. */
static void keep_states(struct refnet *c, size_t i, struct op_ref *r)
{
    const struct graph_node *node = &c->g->nodes[i];

    for (int k = 0; k < node->param_count; k++) {
        const int p = node->param[k];
        if (!c->g->params[p].state)
            continue;
        r->after[k] = c->dw[p];
        memcpy(c->dw[p], c->w[p], c->g->params[p].count * sizeof **c->dw);
    }
}

/* Numbers that are off: `stream` tells the values of a net, and then its gradients, apart. */
static void disturb(const struct refnet *c, double *x, const struct shape *s, size_t stream)
{
    const size_t count = (size_t)c->n * elements(s);

    for (size_t e = 0; c->noise > 0.0 && e < count; e++)
        x[e] *= 1.0 + c->noise * (2.0 * rng_uniform(c->seed, RNG_TEST, (uint32_t)stream, e) - 1.0);
}

/* Is input j the same value as one before it? */
static bool repeats(const struct graph_node *node, int j)
{
    for (int k = 0; k < j; k++)
        if (node->x[k] == node->x[j])
            return true;
    return false;
}

/* Terms of a sum are off each by itself, also where they are one value. */
static void separate(struct refnet *c, size_t i, struct op_ref *r)
{
    const struct graph_node *node = &c->g->nodes[i];

    for (int j = 1; c->noise > 0.0 && j < node->desc.x_count; j++) {
        const struct shape *s = &node->desc.x[j];
        if (!repeats(node, j))
            continue;
        memcpy(c->again[j], r->x[j], (size_t)c->n * elements(s) * sizeof **c->again);
        disturb(c, c->again[j], s, 2 * c->g->value_count + i * OP_MOST + (size_t)j);
        r->x[j] = c->again[j];
    }
}

/* Memory for that, of the largest such input. */
static int reserve_again(struct refnet *c, struct clr_error *err)
{
    size_t capacity[OP_MOST] = {0};
    int rc = 0;

    for (size_t i = 0; i < c->g->node_count; i++) {
        const struct graph_node *node = &c->g->nodes[i];
        for (int j = 1; rc == 0 && j < node->desc.x_count; j++)
            if (repeats(node, j))
                rc = mem_grow(&c->again[j], &capacity[j], (size_t)c->n * elements(&node->desc.x[j]),
                              sizeof **c->again, "a net in double precision", err);
    }
    return rc;
}

void refnet_run(struct refnet *c, int n)
{
    const struct graph *g = c->g;

    c->n = n;
    disturb(c, c->value[g->images], &g->values[g->images].shape, (size_t)g->images);
    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_node *node = &g->nodes[i];
        struct op_ref r = arrays(c, i);
        if (!graph_runs(g, i))
            continue;
        keep_states(c, i, &r);
        separate(c, i, &r);
        op_class(node->desc.kind)->ref_forward(&node->desc, &r);
        for (int j = 0; j < node->desc.y_count; j++)
            disturb(c, r.y[j], &node->desc.y[j], (size_t)node->y[j]);
    }
    for (size_t p = 0; p < g->param_count; p++)
        if (!g->params[p].state)
            memset(c->dw[p], 0, g->params[p].count * sizeof **c->dw);
    for (size_t i = g->node_count; g->phase == PHASE_TRAIN && i-- > 0;) {
        const struct graph_node *node = &g->nodes[i];
        const struct op_class *class = op_class(node->desc.kind);
        const struct op_ref r = arrays(c, i);
        if (!graph_runs(g, i) || op_is(&node->desc, OP_METRIC))
            continue;
        if (class->ref_backward) { /* a loss makes its gradient going forward */
            class->ref_backward(&node->desc, &r);
            add_parts(c, node);
        }
        for (int j = 0; j < node->desc.x_count; j++)
            disturb(c, r.dx[j], &node->desc.x[j], g->value_count + (size_t)node->x[j]);
    }
}

static double distance(const double *a, const double *b, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

int refnet_spread(struct refnet *c, double *spread, struct clr_error *err)
{
    const size_t count = c->g->param_count;
    double **exact = c->dw, **off;
    int rc = mem_new(&off, count, sizeof *off, "gradients", err);

    if (rc == 0)
        rc = reserve_again(c, err);
    for (size_t p = 0; p < count && rc == 0; p++)
        rc = mem_new(&off[p], c->g->params[p].count, sizeof **off, "gradients", err);
    if (rc == 0) {
        c->dw = off;
        c->noise = SINGLE;
        refnet_run(c, c->n);
        c->noise = 0.0;
        c->dw = exact;
        for (size_t p = 0; p < count; p++)
            spread[p] = distance(exact[p], off[p], c->g->params[p].count);
    }
    free_all(off, off ? count : 0);
    return rc;
}

static bool overflow(const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(x[i]) <= (double)FLT_MAX))
            return true;
    return false;
}

bool refnet_overflows(const struct refnet *c)
{
    const struct graph *g = c->g;
    const size_t n = (size_t)c->n;

    for (size_t v = 0; v < g->value_count; v++) {
        const size_t count = n * elements(&g->values[v].shape);
        if (overflow(c->value[v], count) || overflow(c->gradient[v], count))
            return true;
    }
    for (size_t p = 0; p < g->param_count; p++)
        if (overflow(c->dw[p], g->params[p].count))
            return true;
    for (size_t l = 0; l < g->loss_count;
         l++) /* one that is only reported may be NaN: its labels have no logits */
        if (g->losses[l].weight != 0.0f && overflow(c->loss + l * (size_t)c->capacity, n))
            return true;
    return false;
}
