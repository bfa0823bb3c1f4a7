/* The measuring process of the tuner: see clr/tune.h; its lines are described in events.h. */
#include <clr/tune.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op_class.h"
#include "tune/events.h"
#include "tune/race.h"
#include "verify/verify.h"

#define VERIFY_MADDS  30e6 /* of the reference, for one variant: a fraction of a second */
#define VERIFY_IMAGES 7 /* more than a slice of the direct weight gradient has, but for batches beyond 280 */
#define VERIFY_FLOATS 32e6 /* in all images planned: the host holds five copies */

struct tune_work {
    const struct clr_tune_options *o;
    void (*line)(void *user, const char *text);
    void *user;
    struct clr_tune_event event;
    struct ocl_context *ctx; /* NULL after something failed on it: made anew */
    struct tunedb *db;
    struct tune_items items;
    struct racer racers[OP_CANDIDATES_MAX];
    int racer_count;
    bool own_failed; /* the first racer is not the operator's own choice */
    int tried;
};

/* ------------------------------------------------------------------ events */

static void report(struct tune_work *w, enum clr_tune_happening what)
{
    w->event.what = what;
    event_send(&w->event, w->line, w->user);
}

static void report_try(void *user, const struct racer *r)
{
    struct tune_work *w = user;

    event_text(w->event.variant, sizeof w->event.variant, r->text);
    report(w, CLR_TUNE_TRIES);
}

/* The variants of an item that are to be tried become the racers, the operator's own choice first. Returns
 * their number. */
static int list_variants(struct tune_work *w, const struct tune_item *item)
{
    struct op_variant candidates[OP_CANDIDATES_MAX];
    const int count =
        op_candidates(candidates, OP_CANDIDATES_MAX, &item->desc, item->pass, w->o->device, item->block);
    int n = 0;

    w->own_failed = false;
    for (int i = 0; i < count; i++) {
        struct racer *r = &w->racers[n];
        *r = (struct racer){.variant = candidates[i]};
        op_variant_text(&r->variant, r->text, sizeof r->text);
        if (!tunedb_failed(w->db, &item->key, r->text))
            n++;
        else if (i == 0)
            w->own_failed = true;
    }
    return n;
}

static void report_begin(struct tune_work *w)
{
    const struct clr_device *d = w->o->device;
    struct clr_tune_event *e = &w->event;

    event_text(e->device, sizeof e->device, d->name);
    event_text(e->driver, sizeof e->driver, d->driver);
    event_text(e->platform, sizeof e->platform, d->platform_name);
    event_text(e->platform_version, sizeof e->platform_version, d->platform_version);
    event_text(e->record, sizeof e->record, tunedb_path(w->db));
    e->items = (int)w->items.count;
    for (size_t i = 0; i < w->items.count; i++)
        e->variants += list_variants(w, &w->items.items[i]);
    report(w, CLR_TUNE_BEGINS);
}

/* item number i; the number of all: it is measured again, when all are tuned. */
static void report_item(struct tune_work *w, const struct tune_item *item, int i)
{
    struct clr_tune_event *e = &w->event;

    e->item = i;
    event_text(e->layer, sizeof e->layer, item->desc.label);
    event_text(e->operation, sizeof e->operation, item->key.operator);
    event_text(e->shape, sizeof e->shape, item->key.shape);
    e->uses = item->uses;
    e->item_variants = list_variants(w, item);
    if (i < e->items)
        report(w, CLR_TUNE_ITEM);
}

/* A variant that must not be used: into the record, and reported. */
static int failed(struct tune_work *w, const struct tune_item *item, const char *variant, const char *why,
                  double nmse, const char *detail, struct clr_error *err)
{
    struct tunedb_entry f = {.key = item->key, .nmse = isfinite(nmse) ? nmse : 0.0};

    str_copy(f.variant, sizeof f.variant, variant);
    str_copy(f.why, sizeof f.why, why);
    event_text(w->event.variant, sizeof w->event.variant, variant);
    event_text(w->event.why, sizeof w->event.why, why);
    event_text(w->event.detail, sizeof w->event.detail, detail);
    report(w, CLR_TUNE_FAILED);
    return tunedb_store(w->db, &f, err);
}

/* ------------------------------------------------------------------ candidates */

static int context(struct tune_work *w, struct clr_error *err)
{
    return w->ctx ? 0 : ocl_context_create(&w->ctx, w->o->device, NULL, err);
}

/* Images to verify with: the reference is slow. */
static int verify_images(const struct tune_item *item)
{
    const struct op_desc *d = &item->desc;
    const int images = (int)fmin(VERIFY_MADDS / op_madds(d), VERIFY_IMAGES);

    return images < 1 ? 1 : images < d->x[0].n ? images : d->x[0].n;
}

/* The batch to plan for: the one that the variant will be used with, so that the kernels are those that will
 * be timed, unless that is too much for the host's memory. */
static void plan_images(struct op_desc *desc, int images)
{
    const struct shape *x = &desc->x[0], *y = &desc->y[0];
    const double floats = (double)x->c * x->h * x->w + (double)y->c * y->h * y->w;
    const int most = (int)fmin(VERIFY_FLOATS / floats, desc->x[0].n);

    desc->x[0].n = desc->y[0].n = most > images ? most : images;
}

/* Is the variant correct, on a few images of the batch? One that is not is recorded, and 0 returned. */
static int verify(struct tune_work *w, const struct tune_item *item, struct racer *r, bool *right,
                  struct clr_error *err)
{
    const unsigned layouts = 1u << VERIFY_EXACT | (item->from_images ? 1u << VERIFY_ONE_BLOCK : 0);
    const int images = verify_images(item);
    struct op_desc desc = item->desc;
    struct verify_result result = {0};
    struct clr_error why = {0};
    int rc = context(w, err);

    if (rc < 0)
        return rc;
    *right = false;
    desc.variant[item->pass] = r->variant;
    plan_images(&desc, images);
    report_try(w, r);
    rc = verify_op_as(w->ctx, &desc, item->block, images, 1, layouts, &result, &why);
    if (rc < 0 && verify_no_memory(&why)) {
        *err = why;
        return rc;
    }
    if (rc < 0) {
        ocl_context_destroy(w->ctx); /* who knows what it is good for now */
        w->ctx = NULL;
        return failed(w, item, r->text, "failed", 0.0, why.message, err);
    }
    if (!result.ok || result.arrangements == 0)
        return failed(w, item, r->text, "wrong", verify_worst_nmse(&result), result.text, err);
    str_copy(r->effective, sizeof r->effective, result.variant);
    report(w, CLR_TUNE_RIGHT); /* what comes next is not its fault */
    *right = true;
    return 0;
}

/* A tile is changed until it fits: two variants that lead to the same kernels are one. */
static bool is_new(const struct tune_work *w, const struct racer *r)
{
    for (int i = 0; i < w->racer_count; i++)
        if (strcmp(w->racers[i].effective, r->effective) == 0)
            return false;
    return true;
}

static int choose_racers(struct tune_work *w, const struct tune_item *item, struct clr_error *err)
{
    int rc = 0;

    w->tried = list_variants(w, item);
    w->racer_count = 0;
    for (int i = 0; i < w->tried && rc == 0; i++) {
        struct racer *r = &w->racers[w->racer_count];
        bool right = false;
        *r = w->racers[i];
        rc = verify(w, item, r, &right, err);
        if (right && is_new(w, r))
            w->racer_count++;
        w->own_failed |= i == 0 && !right;
    }
    return rc;
}

/* ------------------------------------------------------------------ one item */

/* Time those that are correct; one whose timing fails is taken out, and the others start again. */
static int race(struct tune_work *w, const struct tune_item *item, struct clr_error *err)
{
    while (w->racer_count > 0) {
        struct clr_error why = {0};
        struct racer *loser;
        int which, rc = context(w, err);
        if (rc < 0)
            return rc;
        rc = race_run(w->ctx, item, w->racers, w->racer_count, report_try, w, &which, &why);
        if (rc == 0)
            return 0;
        if (which < 0 || verify_no_memory(&why)) {
            *err = why;
            return rc;
        }
        ocl_context_destroy(w->ctx);
        w->ctx = NULL;
        loser = &w->racers[which];
        rc = failed(w, item, loser->text, "failed", 0.0, why.message, err);
        if (rc < 0)
            return rc;
        w->own_failed |= which == 0;
        w->racer_count--;
        memmove(loser, loser + 1, (size_t)(w->racer_count - which) * sizeof *loser);
    }
    return 0;
}

/* before: what the first race of own choice and winner gave; NULL: this is the first. */
static int finish(struct tune_work *w, const struct tune_item *item, const struct tunedb_entry *before,
                  struct clr_error *err)
{
    const int winner = race_winner(w->racers, w->racer_count);
    const struct racer *own = &w->racers[0], *best = &w->racers[winner];
    struct race_result result;
    struct tunedb_entry e = {.key = item->key};
    int rc;

    if (w->racer_count == 0) /* all failed, which is in the record */
        return 0;
    result = race_result(own, best);
    if (before && w->racer_count == 2) {
        struct race_result both = race_result(own, &w->racers[1]);
        race_join(&both, before->default_ms, before->ms);
        result.noise = both.noise;
        if (winner > 0)
            result = both;
    }
    e.ms = result.ms;
    e.default_ms = w->own_failed ? 0.0 : result.own_ms;
    str_copy(e.variant, sizeof e.variant, best->text);
    rc = tunedb_store(w->db, &e, err);
    if (rc < 0)
        return rc;
    event_text(w->event.own, sizeof w->event.own, own->effective);
    event_text(w->event.variant, sizeof w->event.variant, best->text);
    w->event.own_ms = e.default_ms;
    w->event.ms = e.ms;
    w->event.noise = result.noise;
    w->event.faster = winner > 0 || w->own_failed;
    w->event.tried = w->tried;
    report(w, CLR_TUNE_RESULT);
    return 0;
}

/* With the other passes as they will be used: what was found to crash is not among them. */
static struct tune_item prepare_item(const struct tune_work *w, int i)
{
    struct tune_item item = w->items.items[i];
    enum op_origin origin[OP_PASS_COUNT];

    op_tuned(&item.desc, origin, w->db, w->o->device, item.block);
    item.desc.variant[item.pass] = (struct op_variant){{0}, {0}};
    return item;
}

static int tune_item(struct tune_work *w, int i, struct clr_error *err)
{
    struct tune_item item;
    int rc;

    report_item(w, &w->items.items[i], i);
    item = prepare_item(w, i);
    rc = choose_racers(w, &item, err);
    if (rc == 0)
        rc = race(w, &item, err);
    return rc < 0 ? rc : finish(w, &item, NULL, err);
}

/* A variant that won, against the own choice alone, with fresh samples: a load that was there in the first
 * race may be gone. By the record, as the process that tuned it may have crashed since. */
static int measure_again(struct tune_work *w, int i, struct clr_error *err)
{
    const struct tune_item item = prepare_item(w, i);
    const struct tunedb_entry *found = tunedb_find(w->db, &item.key);
    struct tunedb_entry before;
    int k = 1, rc;

    if (!found || found->ms >= found->default_ms) /* the own choice won, or failed */
        return 0;
    before = *found;
    report_item(w, &item, (int)w->items.count); /* lists the racers */
    while (k < w->event.item_variants && strcmp(w->racers[k].text, before.variant) != 0)
        k++;
    if (w->own_failed || k >= w->event.item_variants) /* the record is of an earlier run */
        return 0;
    w->racers[1] = w->racers[k];
    w->racer_count = 2;
    rc = race(w, &item, err);
    return rc < 0 ? rc : finish(w, &item, &before, err);
}

static int check_options(const struct clr_tune_options *o, struct clr_error *err)
{
    int rc = mem_check_struct(o, sizeof *o, "clr_tune_options", err);

    if (rc == 0)
        rc = mem_check_given(o->net, "net", err);
    if (rc == 0)
        rc = mem_check_given(o->device, "device", err);
    if (rc == 0)
        rc = mem_check_range(o->batch, 1, INT_MAX, "batch", err);
    return rc < 0 ? rc : mem_check_range(o->first, 0, INT_MAX, "first", err);
}

int clr_tune_work(const struct clr_tune_options *options, void (*line)(void *user, const char *text),
                  void *user, struct clr_error *err)
{
    struct clr_error local = {0};
    struct tune_work *w = NULL;
    int rc;

    if (!err)
        err = &local;
    rc = check_options(options, err);
    if (rc == 0)
        rc = mem_check_given(line ? options : NULL, "line", err);
    if (rc == 0)
        rc = mem_new(&w, 1, sizeof *w, "the tuner", err);
    if (rc < 0)
        return rc;
    w->o = options;
    w->line = line;
    w->user = user;
    rc = tune_items_init(&w->items, options, err);
    if (rc == 0)
        rc = tunedb_open(&w->db, NULL, options->device, err);
    if (rc == 0)
        report_begin(w);
    for (int i = options->first; rc == 0 && i < (int)w->items.count; i++)
        rc = tune_item(w, i, err);
    for (int i = 0; rc == 0 && i < (int)w->items.count; i++)
        rc = measure_again(w, i, err);
    if (rc == 0)
        report(w, CLR_TUNE_ENDS);
    ocl_context_destroy(w->ctx);
    tunedb_close(w->db);
    tune_items_clear(&w->items);
    free(w);
    return rc;
}
