/* Is a device right: see selfcheck.h. */
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
    IMAGES = 4,         /* that are computed: the oracles are slow */
    UPDATE_COUNT = 100, /* numbers that are updated */
    ROUNDS = 8,         /* at most: variants that are refused one after the other */
};

/*
 * What a wrong kernel exceeds and rounding does not: single precision leaves an NMSE of 1e-13 to 1e-9 in
 * gradients. A maximum that falls on another of two nearly equal pixels can leave 1e-4: so a device is wrong
 * if it is with each of several batches.
 */
#define LIMIT_GRADIENT 1e-6
#define LIMIT_LOSS     1e-4 /* absolute, and relative to losses above 1 */
#define BATCHES        3
#define PATIENCE_S     2.0 /* a device that took longer to start takes its time for the check, too */

/* ------------------------------------------------------------------ one batch, twice */

/* What is wrong, if anything is. */
struct finding {
    bool wrong;
    bool update;       /* that is, not the net */
    bool no_judgement; /* single precision does not hold the net's numbers: weights like these tell nothing */
    char text[160];
};

static void compare(struct finding *f, const char *what, const float *got, const double *expected,
                    size_t count, double limit)
{
    double difference = 0.0, size = 0.0;

    for (size_t i = 0; i < count; i++) {
        const double d = (double)got[i] - expected[i];
        difference += d * d;
        size += expected[i] * expected[i];
    }
    if (!f->wrong && !(difference <= limit * (size + 1e-30))) {
        f->wrong = true;
        (void)snprintf(f->text, sizeof f->text, "%s, normalised mean square error %.2g", what,
                       difference / size);
    }
}

static void compare_losses(struct finding *f, const char *what, const float *got, const double *expected,
                           int n)
{
    for (int i = 0; i < n; i++) {
        const double e = expected[i];
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
    const struct clr_dataset *d = s->o->data;
    const size_t size = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    double *x = c->value[c->g->images];
    float *w = NULL;
    int rc = 0;

    for (int i = 0; i < n; i++) {
        c->labels[i] = images->labels[order[i]];
        c->index[i] = order[i];
        session_image(s, images, order[i], x + (size_t)i * size);
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

static int compare_gradients(struct finding *f, const struct session *s, const struct refnet *c,
                             struct clr_error *err)
{
    int rc = 0;

    for (size_t p = 0; p < s->replica.params.count && rc == 0; p++) {
        const size_t count = s->replica.params.info[p].count;
        char what[sizeof s->replica.params.info->name + 32];
        float *got = NULL;
        (void)snprintf(what, sizeof what, "the gradient of %s", s->replica.params.info[p].name);
        rc = mem_new(&got, count, sizeof *got, "a gradient", err);
        if (rc == 0)
            rc = ocl_read(s->replica.ctx, s->replica.params.g[p], 0, count * sizeof *got, got, err);
        if (rc == 0)
            compare(f, what, got, c->dw[p], count, LIMIT_GRADIENT);
        free(got);
    }
    return rc;
}

static int plain_refnet(struct refnet **out, struct graph **graph, const struct session *s, unsigned phase,
                        int batch, int n, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape image = {d->channels, d->height, d->width};
    int rc = graph_create(graph, s->o->net, phase, image, batch, err);

    return rc < 0 ? rc : refnet_create(out, *graph, n, err);
}

int selfcheck_stopped(const struct session *s, struct clr_error *err)
{
    return s->o->stop && *s->o->stop
               ? clr_error_set(err, CLR_EINTERRUPTED, "stopped while %s was checked", s->o->device->name)
               : 0;
}

int selfcheck_images(const struct session *s, int batch, int usual)
{
    const bool all = device_loop_limit(s->o->device) < INT_MAX;
    const int most = all && s->o->batch > usual ? s->o->batch : usual;

    return batch < most ? batch : most;
}

static int check_training(struct finding *f, struct session *s, int batch, struct clr_error *err)
{
    const int n = selfcheck_images(s, s->o->batch, IMAGES);
    const int32_t *order = s->base_order + (batch * n + n <= s->order_count ? batch * n : 0);
    const struct phase *p = &s->replica.train;
    struct net_batch b = {.count = n, .seed = s->o->seed};
    struct graph *graph = NULL;
    struct refnet *c = NULL;
    float *losses = NULL;
    int rc = mem_new(&losses, (size_t)n, sizeof *losses, "losses", err);

    if (rc == 0)
        rc = plain_refnet(&c, &graph, s, PHASE_TRAIN, s->o->batch, n, err);
    if (rc == 0)
        rc = fill_refnet(c, s, &s->o->data->train, order, n, err);
    if (rc == 0)
        rc = ocl_write(s->replica.ctx, p->index, 0, (size_t)n * sizeof *order, order, err);
    if (rc == 0)
        rc = replica_forward(p, &b, err);
    if (rc == 0)
        rc = net_backward(p->net, &b, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, p->losses, 0, (size_t)n * sizeof *losses, losses, err);
    if (rc == 0) {
        c->seed = s->o->seed;
        refnet_run(c, n);
        f->no_judgement = f->no_judgement || refnet_overflows(c);
    }
    if (rc == 0 && !f->no_judgement) {
        compare_losses(f, "the loss of a training image", losses, c->loss, n);
        rc = compare_gradients(f, s, c, err);
    }
    free(losses);
    refnet_destroy(c);
    graph_destroy(graph);
    return rc;
}

static int check_evaluation(struct finding *f, struct session *s, struct clr_error *err)
{
    const bool held_out = s->o->validation > 0;
    const struct phase *p = &s->replica.test;
    const int capacity = net_images(p->net)->shape.n, n = capacity < IMAGES ? capacity : IMAGES;
    struct net_batch b = {.count = n};
    struct graph *graph = NULL;
    struct refnet *c = NULL;
    float losses[IMAGES];
    int rc = plain_refnet(&c, &graph, s, PHASE_TEST, capacity, n, err);

    if (rc == 0)
        rc = fill_refnet(c, s, held_out ? &s->o->data->train : &s->o->data->test, s->eval_order, n, err);
    if (rc == 0)
        rc = replica_forward(p, &b, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, p->losses, 0, (size_t)n * sizeof *losses, losses, err);
    if (rc == 0) {
        refnet_run(c, n);
        f->no_judgement = f->no_judgement || refnet_overflows(c);
        if (!f->no_judgement)
            compare_losses(f, "the loss of an evaluated image", losses, c->loss, n);
    }
    refnet_destroy(c);
    graph_destroy(graph);
    return rc;
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

/* ------------------------------------------------------------------ all of it */

/* One batch after the other, until one is right. */
static int compare_net(struct finding *out, struct session *s, struct clr_error *err)
{
    int rc = 0;

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
    return rc;
}

/* Who is wrong? *again: a variant that is not used again. */
static int find_out(bool *again, const struct finding *f, struct refusals *to, struct session *s,
                    struct clr_error *err)
{
    int refused = 0, rc;

    if (f->update)
        return clr_error_set(
            err, CLR_EFAILED,
            "%s computes the update of the weights wrong (%s): nothing is trained on it. Another "
            "driver may be right",
            s->o->device->name, f->text);
    if (to->count == 0)
        log_line(CLR_LOG_INFO, "%s computes this net wrong: checking one layer after the other",
                 s->o->device->name);
    rc = refusals_find(&refused, to, s, err);
    if (rc == 0 && refused == 0)
        rc = clr_error_set(
            err, CLR_EFAILED,
            "%s computes this net wrong (%s), though the numbers of each layer by itself are right: "
            "nothing is trained on it. Another driver may be right; 'clr-cl doctor' says more",
            s->o->device->name, f->text);
    *again = rc == 0;
    return rc;
}

/* Profiles are of the run. */
static int forget_profile(const struct session *s, struct clr_error *err)
{
    struct profile_row *rows = NULL;
    size_t count = 0;
    int rc = s->replica.ocl.profile ? ocl_profile_take(s->replica.ctx, &rows, &count, err) : 0;

    free(rows);
    return rc;
}

/* seconds: that the start took. */
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
        if (seconds > PATIENCE_S)
            log_line(CLR_LOG_INFO, "checking that %s computes this net right …", s->o->device->name);
        rc = compare_net(&f, s, &why);
        if (rc < 0 && refusals_may_mend(&why)) { /* a kernel that the device cannot run: which layer's? */
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

/* Without the variants that the checkpoint was made with. */
static int plan_anew(struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    struct checkpoint without;

    if (!from)
        return session_plan_anew(s, NULL, err);
    without = *from;
    without.variants = NULL;
    return session_plan_anew(s, &without, err);
}

static int start(struct refusals *to, struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t began = clock_ns();
        bool again = false;
        int rc = session_start(s, err);
        to->kept = round == 0 && from && from->variants;
        if (rc == 0)
            rc = check(&again, to, s, (double)(clock_ns() - began) * 1e-9, err);
        if (rc < 0 || !again)
            return rc;
        rc = plan_anew(s, from, err);
        if (rc < 0)
            return rc;
    }
    return clr_error_set(err, CLR_EFAILED,
                         "%s computes this net wrong in %d choices of variants: nothing is trained on it; "
                         "'clr-cl doctor' says more",
                         s->o->device->name, ROUNDS);
}

int selfcheck_start(struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    struct refusals refusals = {0};
    const int rc = start(&refusals, s, from, err);

    refusals_tell(s, &refusals);
    refusals_clear(&refusals);
    return rc;
}
