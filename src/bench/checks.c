/* Verification of what was timed: see checks.h. */
#include "bench/checks.h"

#include <limits.h>
#include <math.h>

#include "bench/measure.h"
#include "ocl/device.h"
#include "verify/random_data.h"
#include "verify/verify.h"

enum {
    CHECK_IMAGES = 3, /* that are computed: the references are slow */
    CHECK_BATCH = 64, /* most images of verify_batch() */
    UPDATE_COUNT = 1000,
};
#define CHECK_BYTES ((size_t)64 << 20) /* of the tensors of an operator: the host holds several copies */

/* The variant of a layer in the timed net. */
struct variant_search {
    const char *layer, *variant;
};

static void find_variant(void *user, const char *layer, const char *variant)
{
    struct variant_search *s = user;

    if (strcmp(layer, s->layer) == 0)
        s->variant = variant;
}

static const char *timed_variant(const struct session *s, const char *layer)
{
    struct variant_search search = {layer, ""};

    net_variants(s->replica.train.net, find_variant, &search);
    return search.variant;
}

static bool same_variant(const char *timed, const struct verify_result *r)
{
    return strncmp(timed, r->variant, sizeof r->variant - 1) == 0; /* a long one was cut */
}

/* The verdict of a verification, or of one that failed (rc < 0). Out of memory is an error. */
static int add_check(struct clr_bench_report *out, const char *layer, const char *kind,
                     const struct verify_result *r, int rc, const struct clr_error *why, const char *timed,
                     struct clr_error *err)
{
    struct clr_bench_check *c = &out->checks[out->check_count];

    if (rc < 0 && verify_no_memory(why))
        return clr_error_set(err, why->code, "checking what was timed: %s", why->message);
    out->check_count++;
    str_copy(c->layer, sizeof c->layer, layer);
    str_copy(c->kind, sizeof c->kind, kind);
    str_copy(c->variant, sizeof c->variant, timed ? timed : r->variant);
    c->worst_nmse = rc < 0 ? NAN : verify_worst_nmse(r);
    c->ok = rc == 0 && r->ok;
    if (!c->ok)
        str_copy(c->detail, sizeof c->detail, rc < 0 ? why->message : r->text);
    if (c->ok && timed && !same_variant(timed, r)) {
        c->ok = false;
        (void)snprintf(c->detail, sizeof c->detail,
                       "'%s' was timed, but '%s' was verified: what was timed may be wrong", timed,
                       r->variant);
    }
    out->wrong += !c->ok;
    return 0;
}

/* The batch that was planned, or as much of it as has room in memory. */
static int planned_batch(const struct op_desc *d)
{
    size_t floats = 0, most;

    for (int j = 0; j < OP_MOST; j++)
        floats += (size_t)d->x[j].c * (size_t)d->x[j].h * (size_t)d->x[j].w +
                  (size_t)d->y[j].c * (size_t)d->y[j].h * (size_t)d->y[j].w;
    most = CHECK_BYTES / (floats * 2 * sizeof(float));
    return most >= (size_t)d->x[0].n ? d->x[0].n : most > 1 ? (int)most : 1;
}

static int check_node(struct clr_bench_report *out, const struct session *s, const struct graph_node *node,
                      struct ocl_context *ctx, struct clr_error *err)
{
    struct op_desc d = node->desc;
    const unsigned how = 1u << VERIFY_EXACT | (node->in_place ? 1u << VERIFY_IN_PLACE : 0);
    const char *timed = timed_variant(s, node->desc.label);
    const int block = s->replica.test.graph->block;
    const bool all = device_loop_limit(ocl_device(ctx)) < INT_MAX; /* may be wrong with many alone */
    struct verify_result r;
    struct clr_error why = {0};
    int rc, images;

    images = planned_batch(&d);
    for (int j = 0; j < OP_MOST; j++)
        d.x[j].n = d.y[j].n = images;
    images = images < CHECK_IMAGES || all ? images : CHECK_IMAGES;
    rc = verify_op_as(ctx, &d, block, images, RANDOM_DATA_SEED, how, &r, &why);
    if (rc == 0 && r.ok && !same_variant(timed, &r)) /* what reads the images may read them in one block */
        rc = verify_op_as(ctx, &d, block, images, RANDOM_DATA_SEED, 1u << VERIFY_ONE_BLOCK, &r, &why);
    return add_check(out, node->desc.label, op_title(&d), &r, rc, &why, timed, err);
}

static int check_batch(struct clr_bench_report *out, const struct session *s, struct ocl_context *ctx,
                       struct clr_error *err)
{
    const struct batch_view view = replica_view(s->replica.train.graph, s->o->data);
    struct shape shape = net_images(s->replica.train.net)->shape;
    struct verify_result r;
    struct clr_error why = {0};
    int rc;

    shape.n = shape.n < CHECK_BATCH ? shape.n : CHECK_BATCH;
    rc = verify_batch(ctx, &shape, &view, s->replica.test.graph->block,
                      shape.n < CHECK_IMAGES ? shape.n : CHECK_IMAGES, RANDOM_DATA_SEED, &r, &why);
    return add_check(out, "", "batch", &r, rc, &why, NULL, err);
}

static int check_update(struct clr_bench_report *out, const struct session *s, struct ocl_context *ctx,
                        struct clr_error *err)
{
    struct verify_result r;
    struct clr_error why = {0};
    const struct optimizer_settings settings = session_optimizer(s->o);
    const int rc = verify_update(ctx, &settings, VERIFY_MOMENTUM, UPDATE_COUNT, RANDOM_DATA_SEED, &r, &why);

    return add_check(out, "", "update", &r, rc, &why, NULL, err);
}

int checks_run(struct clr_bench_report *out, const struct session *s, struct ocl_context *ctx,
               const struct clr_bench_options *o, struct clr_error *err)
{
    const struct graph *g = s->replica.train.graph;
    int rc = mem_new(&out->checks, g->node_count + 2, sizeof *out->checks, "verdicts", err);

    if (rc == 0)
        rc = check_batch(out, s, ctx, err);
    for (size_t i = 0; i < g->node_count && rc == 0; i++) {
        rc = measure_step(o, (int)i + 1, (int)g->node_count + 2, err);
        if (rc == 0 && !op_is(&g->nodes[i].desc, OP_METRIC) && graph_runs(g, i))
            rc = check_node(out, s, &g->nodes[i], ctx, err);
    }
    return rc < 0 ? rc : check_update(out, s, ctx, err);
}
