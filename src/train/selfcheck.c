/* The self-check of a device: see selfcheck.h. */
#include "train/selfcheck.h"

#include <limits.h>
#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "ocl/device.h"
#include "train/refusals.h"
#include "train/verdict.h"
#include "verify/refnet.h"
#include "verify/verify.h"

enum {
    IMAGES = 4,         /* of a batch: the references are slow */
    UPDATE_COUNT = 100, /* numbers that are updated */
    ROUNDS = 8,         /* how often variants are refused and the net is planned anew */
};

/*
 * Limits that wrong kernels exceed and rounding does not: single precision leaves an NMSE of 1e-13 to 1e-9
 * in gradients. Where the maximum of a pool falls on another of two nearly equal pixels, it can be 1e-4. So
 * a device is only wrong if the results of several batches are.
 */
#define LIMIT_GRADIENT 1e-6
#define LIMIT_LOSS     1e-4  /* absolute, and relative to losses above 1 */
#define TINY           1e-36 /* a gradient that is 0 */
#define SPREADS        100.0 /* a sum of many roundings: ten times refnet_spread() */
#define BATCHES        3
#define PATIENCE_S     2.0 /* if the start took longer, the check is announced: it will be slow, too */

/* ------------------------------------------------------------------ comparing one batch */

/* What the check found. */
struct finding {
    bool wrong;
    bool update;       /* the update is wrong, not the net */
    bool no_judgement; /* the net's numbers overflow single precision: nothing can be compared */
    char text[160];
};

/* allowed: squares of differences that rounding explains. */
static void compare(struct finding *f, const char *what, const float *got, const double *expected,
                    size_t count, double allowed)
{
    double difference = 0.0, size = 0.0;

    for (size_t i = 0; i < count; i++) {
        const double d = (double)got[i] - expected[i];
        difference += d * d;
        size += expected[i] * expected[i];
    }
    if (!f->wrong && !(difference <= LIMIT_GRADIENT * size + allowed)) {
        f->wrong = true;
        (void)snprintf(f->text, sizeof f->text, "%s, normalised mean square error %.2g", what,
                       difference / size);
    }
}

/* expected: of a loss of the net. One that is only reported is NaN where its labels have no logits. */
static void compare_losses(struct finding *f, const char *what, const float *got, const double *expected,
                           int n)
{
    for (int i = 0; i < n; i++) {
        const double e = expected[i];
        if (isnan(e) && isnan(got[i]))
            continue;
        if (!f->wrong && !(fabs((double)got[i] - e) <= LIMIT_LOSS * fmax(1.0, fabs(e)))) {
            f->wrong = true;
            (void)snprintf(f->text, sizeof f->text, "%s, %.6g in place of %.6g", what, (double)got[i], e);
        }
    }
}

/* The images as they go into the net, and the weights as they are on the device. */
static int fill_refnet(struct refnet *c, const struct session *s, const struct clr_images *images,
                       const int32_t *order, int n, struct clr_error *err)
{
    const struct shape *y = &c->g->values[c->g->images].shape;
    const size_t size = (size_t)y->c * (size_t)y->h * (size_t)y->w;
    double *x = c->value[c->g->images];
    float *w = NULL;
    int rc = 0;

    for (int i = 0; i < n; i++) {
        c->index[i] = order[i];
        c->labels[i] = session_image(s, c->g, images, order, n, i, 0, x + (size_t)i * size);
    }
    for (size_t p = 0; p < s->replica.params.count && rc == 0; p++) {
        const size_t count = s->replica.params.info[p].count;
        rc = mem_new(&w, count, sizeof *w, "a parameter", err);
        if (rc == 0)
            rc = ocl_read(s->replica.ctx, s->replica.params.w[p], 0, count * sizeof *w, w, err);
        for (size_t k = 0; k < count && rc == 0; k++)
            c->w[p][k] = (double)w[k];
        free(w);
        w = NULL;
    }
    return rc;
}

/* spread: of refnet_spread(), or NULL. */
static int compare_gradients(struct finding *f, const struct session *s, const struct refnet *c,
                             const double *spread, struct clr_error *err)
{
    int rc = 0;

    for (size_t p = 0; p < s->replica.params.count && rc == 0; p++) {
        const struct graph_param *info = &s->replica.params.info[p];
        char what[sizeof info->name + 32];
        float *got = NULL;
        if (info->state)
            continue;
        (void)snprintf(what, sizeof what, "the gradient of %s", info->name);
        rc = mem_new(&got, info->count, sizeof *got, "a gradient", err);
        if (rc == 0)
            rc = ocl_read(s->replica.ctx, s->replica.params.g[p], 0, info->count * sizeof *got, got, err);
        if (rc == 0)
            compare(f, what, got, c->dw[p], info->count, TINY + (spread ? SPREADS * spread[p] : 0.0));
        free(got);
    }
    return rc;
}

/* What is wrong is compared once more, with what rounding can make of such a gradient. */
static int judge_gradients(struct finding *f, const struct session *s, struct refnet *c,
                           struct clr_error *err)
{
    struct finding first = *f;
    double *spread = NULL;
    int rc = compare_gradients(&first, s, c, NULL, err);

    if (rc < 0 || first.wrong == f->wrong)
        return rc;
    rc = mem_new(&spread, c->g->param_count, sizeof *spread, "gradients", err);
    if (rc == 0)
        rc = refnet_spread(c, spread, err);
    if (rc == 0)
        rc = compare_gradients(f, s, c, spread, err);
    free(spread);
    return rc;
}

int selfcheck_stopped(const struct session *s, struct clr_error *err)
{
    return s->o->stop && *s->o->stop
               ? clr_error_set(err, CLR_EINTERRUPTED,
                               "stopped while kernels for %s were compiled and checked", s->o->device->name)
               : 0;
}

int selfcheck_images(const struct session *s, int batch, int usual)
{
    const bool all = device_loop_limit(s->o->device) < INT_MAX;
    const int planned = s->replica.train.net ? s->o->batch : batch;
    const int most = all && planned > usual ? planned : usual;

    return batch < most ? batch : most;
}

/* The images order[0 … n) of a set through the net of one phase, which takes `batch` at once. */
static int check_phase(struct finding *f, struct session *s, bool trains, int batch,
                       const struct clr_images *images, const int32_t *order, int n, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape image = {d->channels, d->height, d->width};
    const struct phase *p = trains ? &s->replica.train : &s->replica.test;
    const size_t count = (size_t)n * p->graph->loss_count;
    struct net_batch b = {.count = n, .loss_stride = n, .seed = s->o->seed, .others = n};
    struct graph *graph = NULL;
    struct refnet *c = NULL;
    float *losses = NULL;
    int rc = mem_new(&losses, count, sizeof *losses, "losses", err);

    if (rc == 0)
        rc = graph_create(&graph, s->o->net, trains ? PHASE_TRAIN : PHASE_TEST, image, batch, err);
    if (rc == 0)
        rc = refnet_create(&c, graph, n, err);
    if (rc == 0)
        rc = fill_refnet(c, s, images, order, n, err);
    if (rc == 0 && trains)
        rc = ocl_write(s->replica.ctx, p->index, 0, (size_t)n * sizeof *order, order, err);
    if (rc == 0)
        rc = replica_forward(p, &b, err);
    if (rc == 0 && trains)
        rc = net_backward(p->net, &b, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, p->losses, 0, count * sizeof *losses, losses, err);
    if (rc == 0) {
        c->seed = s->o->seed;
        refnet_run(c, n);
        f->no_judgement = f->no_judgement || refnet_overflows(c);
    }
    if (rc == 0 && !f->no_judgement) {
        for (size_t l = 0; l < graph->loss_count; l++)
            compare_losses(f, trains ? "the loss of a training image" : "the loss of an evaluated image",
                           losses + l * (size_t)n, c->loss + l * (size_t)n, n);
        if (trains)
            rc = judge_gradients(f, s, c, err);
    }
    free(losses);
    refnet_destroy(c);
    graph_destroy(graph);
    return rc;
}

static int check_training(struct finding *f, struct session *s, int batch, struct clr_error *err)
{
    const int n = selfcheck_images(s, s->o->batch, IMAGES);
    const int32_t *order = s->base_order + (batch * n + n <= s->order_count ? batch * n : 0);

    return check_phase(f, s, true, s->o->batch, &s->o->data->train, order, n, err);
}

static int check_evaluation(struct finding *f, struct session *s, struct clr_error *err)
{
    const struct clr_images *images = s->o->validation > 0 ? &s->o->data->train : &s->o->data->test;
    const int batch = net_images(s->replica.test.net)->shape.n;

    return check_phase(f, s, false, batch, images, s->eval_order, batch < IMAGES ? batch : IMAGES, err);
}

static int check_update(struct finding *f, const struct session *s, struct clr_error *err)
{
    static const enum verify_output outputs[] = {VERIFY_W, VERIFY_V, VERIFY_S};
    const struct optimizer_settings settings = session_optimizer(s->o);
    struct verify_result r;
    int rc = verify_update(s->replica.ctx, &settings, VERIFY_MOMENTUM, UPDATE_COUNT, 1, &r, err);

    for (size_t i = 0; rc == 0 && i < MEM_COUNT(outputs); i++) {
        if (f->wrong || r.nmse[outputs[i]] <= SELFCHECK_NMSE)
            continue;
        f->wrong = f->update = true;
        (void)snprintf(f->text, sizeof f->text, "%.150s", r.text);
    }
    return rc;
}

/* ------------------------------------------------------------------ the check */

/* One batch after the other, until one is correct. The training net's forward passes write states (struct
 * op_param): the parameters are restored. */
static int compare_net(struct finding *out, struct session *s, struct clr_error *err)
{
    const struct replica *r = &s->replica;
    const size_t size = r->params.floats * sizeof(float);
    float *w = NULL;
    int rc = mem_new(&w, r->params.floats, sizeof *w, "parameters", err);

    if (rc == 0)
        rc = ocl_read(r->ctx, r->params.all[PARAMS_W], 0, size, w, err);
    for (int batch = 0; batch < BATCHES && rc == 0; batch++) {
        struct finding f = {0};
        rc = selfcheck_stopped(s, err);
        if (rc == 0 && s->replica.train.net)
            rc = check_training(&f, s, batch, err);
        if (rc == 0 && s->replica.train.net)
            rc = check_update(&f, s, err);
        if (rc == 0)
            rc = check_evaluation(&f, s, err);
        *out = f;
        if (!f.wrong)
            break;
    }
    if (rc == 0)
        rc = ocl_write(r->ctx, r->params.all[PARAMS_W], 0, size, w, err);
    free(w);
    return rc;
}

/* Find the layers that are wrong. *again: variants were refused, and the net can be planned anew. */
static int find_out(bool *again, const struct finding *f, struct refusals *to, struct session *s,
                    struct clr_error *err)
{
    int refused = 0, rc;

    if (f->update)
        return clr_error_set(
            err, CLR_EFAILED,
            "%s computes the update of the weights wrong (%s): nothing is trained on it. Another "
            "driver may be correct",
            s->o->device->name, f->text);
    if (to->count == 0)
        log_line(CLR_LOG_INFO, "this device computes the net wrong: checking one layer after the other");
    rc = refusals_find(&refused, to, s, err);
    if (rc == 0 && refused == 0)
        rc = clr_error_set(
            err, CLR_EFAILED,
            "%s computes this net wrong (%s), but each layer by itself correctly: nothing is trained "
            "on it. Another driver may be correct; 'clr-cl doctor' reports more",
            s->o->device->name, f->text);
    *again = rc == 0;
    return rc;
}

/* The profile is to be of the run alone. */
static int forget_profile(const struct session *s, struct clr_error *err)
{
    struct profile_row *rows = NULL;
    size_t count = 0;
    int rc = s->replica.ocl.profile ? ocl_profile_take(s->replica.ctx, &rows, &count, err) : 0;

    free(rows);
    return rc;
}

/* seconds: how long the start took. */
static int check(bool *again, struct refusals *to, struct session *s, double seconds, struct clr_error *err)
{
    struct finding f = {0};
    struct clr_error why = {0};
    struct str text = {0};
    bool known = false;
    int rc;

    if (s->o->unchecked)
        return 0;
    rc = verdict_describe(&text, s, err);
    if (rc == 0)
        rc = verdict_is_known(&known, &text, err);
    if (rc == 0 && !known) {
        if (seconds > PATIENCE_S && to->count == 0) /* once */
            log_line(CLR_LOG_INFO, "checking whether this device computes the net correctly …");
        rc = compare_net(&f, s, &why);
        if (rc < 0 && selfcheck_stopped(s, &why) < 0)
            rc = why.code;
        if (rc < 0 && refusals_may_help(&why)) { /* the device cannot run a kernel */
            f = (struct finding){.wrong = true};
            str_copy(f.text, sizeof f.text, why.message);
            rc = 0;
        } else if (rc < 0 && err) {
            *err = why;
        }
    }
    if (rc == 0 && !known && !f.wrong && !f.no_judgement)
        verdict_keep(&text);
    if (rc == 0 && f.wrong)
        rc = find_out(again, &f, to, s, err);
    if (rc == 0)
        rc = forget_profile(s, err);
    str_clear(&text);
    return rc;
}

static int start(struct refusals *to, struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    struct checkpoint without = {0}; /* without its variants */

    if (from)
        without = *from;
    without.variants = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t began = clock_ns();
        bool again = false, announced;
        int rc = session_start(s, err);
        to->kept = round == 0 && from && from->variants;
        if (rc == 0)
            rc = check(&again, to, s, (double)(clock_ns() - began) * 1e-9, err);
        if (rc < 0 || !again)
            return rc;
        announced = ocl_build_statistics(s->replica.ctx).built > 0;
        rc = session_plan_anew(s, from ? &without : NULL, err);
        if (rc < 0)
            return rc;
        s->replica.ocl.announced = announced;
    }
    return clr_error_set(err, CLR_EFAILED,
                         "%s computes this net wrong in %d choices of variants: nothing is trained on it; "
                         "'clr-cl doctor' reports more",
                         s->o->device->name, ROUNDS);
}

int selfcheck_start(struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    struct refusals refusals = {0};
    int rc = start(&refusals, s, from, err);

    if (rc == CLR_ECL) /* a signal may have ended the driver's compiler, too */
        rc = selfcheck_stopped(s, err) < 0 ? CLR_EINTERRUPTED : rc;
    refusals_log(s, &refusals);
    refusals_clear(&refusals);
    return rc;
}
