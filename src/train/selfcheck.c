/* Is a device right: see selfcheck.h. */
#include "train/selfcheck.h"

#include <clr/version.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/paths.h"
#include "verify/refnet.h"
#include "ocl/device.h"
#include "ocl/source.h"
#include "verify/verify.h"

enum {
    IMAGES = 4,         /* that are computed: the oracles are slow */
    LAYER_IMAGES = 2,   /* likewise, of each layer by itself */
    UPDATE_COUNT = 100, /* numbers that are updated */
    ROUNDS = 8,         /* at most: variants that are refused one after the other */
    ROUND_MOST = 64,    /* that are refused in one of them */
};

/*
 * What a wrong kernel exceeds and rounding does not: single precision leaves an NMSE of 1e-13 to 1e-9 in
 * gradients. A maximum that falls on another of two nearly equal pixels can leave 1e-4: so a device is wrong
 * if it is with each of several batches.
 */
#define LIMIT_GRADIENT 1e-6
#define LIMIT_LOSS     1e-4 /* absolute, and relative to losses above 1 */
#define LIMIT_LAYER    1e-6 /* NMSE of an output, behind which its pass is wrong */
#define BATCHES        3
#define LIMIT_VERDICT  ((size_t)1 << 20) /* bytes of its file */

/* ------------------------------------------------------------------ the verdict's file */

static void add_variant(void *user, const char *label, const char *pass, const char *variant)
{
    str_append(user, "%s, %s: %s\n", label, pass, variant);
}

/* All that the verdict depends on. */
static int describe(struct str *out, const struct session *s, struct clr_error *err)
{
    const struct clr_train_options *o = s->o;
    const struct clr_device *d = o->device;
    const struct shape *x = &s->replica.test.graph->values[s->replica.test.graph->images].shape;
    const struct optimizer_settings u = session_optimizer(o);
    char kernels[FS_SHA256_TEXT], net[FS_SHA256_TEXT];
    int rc = source_hash(kernels, err);

    if (rc < 0)
        return rc;
    fs_sha256(o->net->text, strlen(o->net->text), net);
    str_append(out, "right: losses and gradients, compared with double precision\n");
    str_append(out, "device: %s\nplatform: %s, %s\ndriver: %s\nprogram: %s (%s)\nkernels: %s\n", d->name,
               d->platform_name, d->platform_version, d->driver, CLR_VERSION, clr_git_id(), kernels);
    str_append(out, "net: %s\nimages: %dx%dx%d, batch %d\n", net, x->c, x->h, x->w,
               s->replica.train.net ? o->batch : 0);
    str_append(out, "evaluated at once: %d\n", x->n);
    if (s->replica.train.net)
        str_append(out, "update: %s%s%s\n", clr_optimizer_name(u.kind), u.caffe ? ", caffe" : "",
                   u.l1 ? ", l1" : "");
    graph_chosen(s->replica.test.graph, d, add_variant, out);
    if (s->replica.train.graph)
        graph_chosen(s->replica.train.graph, d, add_variant, out);
    return str_check(out, err);
}

/* Where it is, or NULL where there is no cache. */
static int verdict_path(char **out, const struct str *text, bool make, struct clr_error *err)
{
    char sum[FS_SHA256_TEXT], *cache = NULL, *dir = NULL;
    int rc = paths_cache(&cache, err);

    *out = NULL;
    fs_sha256(text->text, text->length, sum);
    if (rc == 0 && cache)
        rc = fs_join(&dir, cache, "checked", err);
    if (rc == 0 && dir && make)
        rc = fs_make_dirs(dir, err);
    if (rc == 0 && dir)
        rc = fs_join(out, dir, sum, err);
    free(dir);
    free(cache);
    return rc;
}

/* What cannot be kept is checked again the next time: no reason to fail. */
static void keep_verdict(const struct str *text)
{
    char *path = NULL;

    if (verdict_path(&path, text, true, NULL) == 0 && path)
        (void)fs_write_atomic(path, text->text, text->length, NULL);
    free(path);
}

static int is_known(bool *out, const struct str *text, struct clr_error *err)
{
    char *path = NULL, *was = NULL;
    size_t size = 0;
    int rc = verdict_path(&path, text, false, err);

    *out = rc == 0 && path && fs_read(path, LIMIT_VERDICT, &was, &size, NULL) == 0 &&
           strcmp(was, text->text) == 0;
    free(was);
    free(path);
    return rc;
}

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

/* How many of a batch are computed: all of it where a driver that ends loops may be wrong with many alone. */
static int images_of(const struct session *s, int batch, int usual)
{
    const bool all = device_loop_limit(s->o->device) < INT_MAX;
    const int most = all && s->o->batch > usual ? s->o->batch : usual;

    return batch < most ? batch : most;
}

static int check_training(struct finding *f, struct session *s, int batch, struct clr_error *err)
{
    const int n = images_of(s, s->o->batch, IMAGES);
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
        if (f->wrong || r.nmse[outputs[i]] <= LIMIT_LAYER)
            continue;
        f->wrong = f->update = true;
        (void)snprintf(f->text, sizeof f->text, "%.150s", r.text);
    }
    return rc;
}

/* ------------------------------------------------------------------ which layer */

/* A variant of a pass that is not used again. */
struct refused {
    struct tunedb_key key;
    char variant[TUNEDB_VARIANT];
    char layer[96]; /* the first one that has it */
    const char *pass;
    bool failed;
    char why[400];
};

/* What the looks at all layers have found, round after round. */
struct refusals {
    bool kept;       /* the variants are a checkpoint's, whatever the records say */
    bool unrecorded; /* some of them: that is said once */
    int first;       /* of this round */
    int count;       /* layers that are alike, in one phase or in two, are one */
    size_t capacity;
    struct refused *refused;
};

/* Is it one of those? */
static bool is_refused(const struct refusals *r, const struct tunedb_failure *f)
{
    for (int i = r->first; i < r->count; i++)
        if (strcmp(r->refused[i].key.operator, f->key.operator) == 0 &&
            strcmp(r->refused[i].key.shape, f->key.shape) == 0 &&
            strcmp(r->refused[i].variant, f->variant) == 0)
            return true;
    return false;
}

/* What cannot be recorded is found out again the next time: no reason to fail. */
static void keep_failure(struct refusals *r, const struct session *s, const struct tunedb_failure *failure)
{
    struct clr_error why = {0};

    if (tunedb_store_failure(s->replica.records, failure, &why) == 0)
        return;
    if (!r->unrecorded)
        log_line(CLR_LOG_WARNING, "what is wrong cannot be kept, and is found out again by the next run: %s",
                 why.message);
    r->unrecorded = true;
}

/* Do both do a pass by one algorithm, whatever its numbers, and fail in one way? */
static bool is_alike(const struct refused *a, const struct refused *b)
{
    return a->failed == b->failed && op_same_algorithm(a->variant, b->variant);
}

/* Those that are like the i-th, which is the first of them. */
static void tell_alike(const struct session *s, const struct refusals *r, int i, int alike)
{
    const struct refused *one = &r->refused[i];
    const char *name = s->o->device->name, *list = r->unrecorded ? "" : tunedb_path(s->replica.records);

    if (alike == 1)
        log_line(CLR_LOG_WARNING,
                 "%s %s the %s of layer '%s' %swith variant '%s' (%s): it is not used here again", name,
                 one->failed ? "cannot run" : "computes", one->pass, one->layer, one->failed ? "" : "wrong ",
                 one->variant, one->why);
    else
        log_line(CLR_LOG_WARNING,
                 "%s %s variant '%.*s', %d times counting layers, passes and tiles, first the %s of layer "
                 "'%s' (%s): none of these is used here again%s%s%s",
                 name, one->failed ? "cannot run" : "computes wrong with",
                 (int)op_algorithm_length(one->variant), one->variant, alike, one->pass, one->layer, one->why,
                 list[0] ? "; the list is in '" : "", list, list[0] ? "'" : "");
}

/* One line for each algorithm: one for each layer, pass and tile would be dozens. */
static void tell_refused(const struct session *s, const struct refusals *r)
{
    for (int i = 0; i < r->count; i++) {
        bool first = true;
        int alike = 0;
        for (int k = 0; k < r->count; k++) {
            const bool same = is_alike(&r->refused[i], &r->refused[k]);
            first = first && !(same && k < i);
            alike += same;
        }
        if (first)
            tell_alike(s, r, i, alike);
    }
}

/* The worst NMSE of a pass; NaN, too. */
static double worst_nmse(const struct verify_result *r, enum op_pass pass)
{
    static const enum verify_output first[OP_PASS_COUNT] = {VERIFY_Y, VERIFY_DX, VERIFY_DW},
                                    last[OP_PASS_COUNT] = {VERIFY_Y, VERIFY_DX, VERIFY_DB};
    double worst = pass == OP_FORWARD ? r->nmse[VERIFY_SAMPLE] : -1.0;

    for (int o = (int)first[pass]; o <= (int)last[pass]; o++)
        if (!isnan(worst) && !(r->nmse[o] <= worst))
            worst = r->nmse[o];
    return worst;
}

/* Record the variant of a pass as wrong by *r, or (NULL) as one that does not run; *done: there may be
 * another way. */
static int refuse(bool *done, struct refusals *to, struct session *s, const struct graph_node *node,
                  enum op_pass pass, int block, const struct verify_result *r, const char *why,
                  struct clr_error *err)
{
    const double nmse = r ? worst_nmse(r, pass) : 0.0;
    const bool failed = !r;
    struct refused *one;
    struct tunedb_failure failure = {.nmse = isfinite(nmse) ? nmse : 0.0};
    int rc;

    str_copy(failure.why, sizeof failure.why, failed ? "failed" : "wrong");
    if (!op_chosen(failure.variant, sizeof failure.variant, &node->desc, pass, s->o->device, block) ||
        !op_tune_key(&failure.key, &node->desc, pass, block) || to->count - to->first == ROUND_MOST)
        return 0;
    if (is_refused(to, &failure)) {
        *done = true;
        return 0;
    }
    if (tunedb_failed(s->replica.records, &failure.key, failure.variant)) {
        *done = *done || to->kept;
        return 0; /* else what is left is wrong too */
    }
    rc = mem_grow(&to->refused, &to->capacity, (size_t)to->count + 1, sizeof *to->refused, "what is wrong",
                  err);
    if (rc == 0)
        rc = tunedb_avoid(s->replica.records, &failure, err);
    if (rc < 0)
        return rc;
    keep_failure(to, s, &failure);
    one = &to->refused[to->count++];
    *one = (struct refused){.key = failure.key, .pass = op_pass_name(pass), .failed = failed};
    str_copy(one->layer, sizeof one->layer, node->desc.label);
    str_copy(one->variant, sizeof one->variant, failure.variant);
    str_copy(one->why, sizeof one->why, why);
    *done = true;
    return 0;
}

/* Is it the variant's fault that it could not be tried? Want of memory and a device that is gone are not. */
static bool is_of_variant(const struct clr_error *why)
{
    return why->code == CLR_ECL &&
           (why->cl_status == CL_BUILD_PROGRAM_FAILURE || why->cl_status == CL_INVALID_WORK_GROUP_SIZE ||
            why->cl_status == CL_INVALID_WORK_ITEM_SIZE);
}

/* A layer by itself. That rounding is a little worse than the doctor wants it is no reason to refuse. */
static int judge_node(int *refused, struct refusals *to, struct session *s, const struct graph *g,
                      const struct graph_node *node, struct clr_error *err)
{
    const unsigned arrangements = 1u << VERIFY_EXACT | 1u << VERIFY_WIDE;
    const int n = images_of(s, node->desc.x[0].n, LAYER_IMAGES);
    struct verify_result r;
    struct clr_error why = {0};
    const bool failed = verify_op_as(s->replica.ctx, &node->desc, g->block, n, 1, arrangements, &r, &why) < 0;
    bool wrong = failed, done = false;

    if (failed && !is_of_variant(&why))
        return clr_error_set(err, why.code, "%s", why.message);
    for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
        int rc;
        if (!failed && worst_nmse(&r, (enum op_pass)pass) <= LIMIT_LAYER)
            continue;
        wrong = true;
        rc = refuse(&done, to, s, node, (enum op_pass)pass, g->block, failed ? NULL : &r,
                    failed ? why.message : r.text, err);
        if (rc < 0)
            return rc;
    }
    if (wrong && !done)
        return clr_error_set(
            err, CLR_EFAILED,
            "%s %s layer '%s' %s(%s), and there is no other way to do it: nothing is trained "
            "on it. Another driver may be right; 'clr-cl doctor' shows all that is wrong",
            s->o->device->name, failed ? "cannot run" : "computes", node->desc.label, failed ? "" : "wrong ",
            failed ? why.message : r.text);
    *refused += done;
    return 0;
}

static int find_culprits(int *refused, struct refusals *to, struct session *s, struct clr_error *err)
{
    const struct graph *graphs[] = {s->replica.train.graph, s->replica.test.graph};
    int rc = 0;

    to->first = to->count;
    for (size_t k = 0; k < MEM_COUNT(graphs); k++)
        for (size_t i = 0; graphs[k] && i < graphs[k]->node_count && rc == 0; i++)
            rc = judge_node(refused, to, s, graphs[k], &graphs[k]->nodes[i], err);
    return rc;
}

/* ------------------------------------------------------------------ all of it */

/* One batch after the other, until one is right. */
static int compare_net(struct finding *out, struct session *s, struct clr_error *err)
{
    int rc = 0;

    for (int batch = 0; batch < BATCHES && rc == 0; batch++) {
        struct finding f = {0};
        if (s->replica.train.net)
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
    rc = find_culprits(&refused, to, s, err);
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

static int check(bool *again, struct refusals *to, struct session *s, struct clr_error *err)
{
    struct finding f = {0};
    struct clr_error why = {0};
    struct str text = {0};
    bool known = false;
    int rc;

    if (s->o->unchecked)
        return 0;
    rc = describe(&text, s, err);
    if (rc == 0)
        rc = is_known(&known, &text, err);
    if (rc == 0 && !known) {
        rc = compare_net(&f, s, &why);
        if (rc < 0 && is_of_variant(&why)) { /* a kernel that the device cannot run: which layer's? */
            f = (struct finding){.wrong = true};
            str_copy(f.text, sizeof f.text, why.message);
            rc = 0;
        } else if (rc < 0 && err) {
            *err = why;
        }
    }
    if (rc == 0 && !known && !f.wrong && !f.no_judgement)
        keep_verdict(&text);
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
        bool again = false;
        int rc = session_start(s, err);
        to->kept = round == 0 && from && from->variants;
        if (rc == 0)
            rc = check(&again, to, s, err);
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

    tell_refused(s, &refusals);
    free(refusals.refused);
    return rc;
}
