/* What is no operator but runs on the device all the same: the update and the making of batches. */
#include <math.h>

#include "ops/batch.h"
#include "ops/clip.h"
#include "ops/optimizer.h"
#include "verify/oracle.h"
#include "verify/trial.h"

#include "base/rng.h"
#include "ref/ref.h"

#define LIMIT 1e-12

/* ------------------------------------------------------------------ update */

enum { UPDATES = 5, PARAMS = 4 };

/* A rate that changes, so that the two conventions part. Exact in float. */
static double rate_of(int update)
{
    return 0.0625 * (1 + update % 3);
}

/* Parameters of odd sizes with gaps between them, the first of `count` floats, the last without updates. */
static size_t place_params(struct optimizer_param params[PARAMS], size_t count)
{
    static const double lr_mult[PARAMS] = {1.0, 64.0, 0.5, 0.0}, decay[PARAMS] = {0.03125, 0.0, 0.125, 0.5};
    const size_t counts[PARAMS] = {count, 3, count / 2 + 1, 5};
    size_t at = 5;

    for (int i = 0; i < PARAMS; i++) {
        params[i] = (struct optimizer_param){at, counts[i], lr_mult[i], decay[i]};
        at += counts[i] + 7;
    }
    return at;
}

static int run_updates(struct trial *t, struct optimizer *optimizer, double momentum, int run,
                       struct clr_error *err)
{
    const struct optimizer_buffers at = {t->at[S_W]->mem, t->at[S_V]->mem, t->at[S_DW]->mem,
                                         t->at[S_S] ? t->at[S_S]->mem : NULL};
    int rc = trial_upload(t, run, err);

    for (int k = 0; k < UPDATES && rc == 0; k++)
        rc = optimizer_update(optimizer, &at, rate_of(k), momentum, (uint64_t)k, err);
    return rc < 0 ? rc : trial_download(t, run, err);
}

/* Arrays of `total` numbers each, the parameters' and what lies between them; and where a trial has them. */
enum { W, V, G, S, ARRAYS };
static const int slots[ARRAYS] = {S_W, S_V, S_DW, S_S};

static int place_arrays(struct trial *t, double *const a[ARRAYS], const struct optimizer_param *params,
                        size_t total, bool squares, struct clr_error *err)
{
    cl_mem ignored;
    int rc = 0;

    for (int k = 0; k < (squares ? ARRAYS : S) && rc == 0; k++) {
        rc = trial_array(t, slots[k], &ignored, total, a[k], err);
        for (int i = 0; i < PARAMS && rc == 0 && k != G; i++)
            memset(t->at[slots[k]]->writable + params[i].offset, 1, params[i].count);
    }
    return rc;
}

/* The gradients as they are after clipping. */
static void clip_gradients(double *g, const struct optimizer_settings *o,
                           const struct optimizer_param *params, size_t total)
{
    double squares = 0.0, factor;

    for (int i = 0; i < PARAMS; i++)
        for (size_t k = 0; k < params[i].count && params[i].lr_mult > 0.0; k++)
            squares += g[params[i].offset + k] * g[params[i].offset + k];
    factor = o->clip > 0.0 ? clip_reference(o->clip, squares) : 1.0;
    for (size_t i = 0; i < total; i++)
        g[i] *= factor;
}

static void check_updates(struct trial *t, const struct optimizer_settings *o, double momentum,
                          double *const a[ARRAYS], const struct optimizer_param *params)
{
    for (int i = 0; i < PARAMS; i++) {
        const struct optimizer_param *p = &params[i];
        const size_t at = p->offset;
        struct optimizer_ref u = {*o, momentum, p->decay, a[W] + at, a[V] + at, a[S] + at};
        for (int k = 0; k < UPDATES; k++)
            optimizer_reference(&u, a[G] + at, p->count, rate_of(k) * p->lr_mult, (uint64_t)k);
        trial_check_array(t, VERIFY_W, LIMIT, S_W, at, p->count, u.w);
        trial_check_array(t, VERIFY_V, LIMIT, S_V, at, p->count, u.v);
        if (t->at[S_S])
            trial_check_array(t, VERIFY_S, LIMIT, S_S, at, p->count, u.s);
    }
    trial_check_untouched(t);
    trial_check_repeats(t);
    t->result->arrangements++;
}

int verify_update(struct ocl_context *ctx, const struct optimizer_settings *settings, double momentum,
                  size_t count, uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    struct trial t = {.ctx = ctx,
                      .title = clr_optimizer_name(settings->kind),
                      .guard = 64,
                      .batch = 1,
                      .planned = 1,
                      .result = out};
    struct optimizer_param params[PARAMS];
    const size_t total = place_params(params, count);
    const struct optimizer_class *class = optimizer_class(settings->kind);
    double *a[ARRAYS] = {NULL};
    struct optimizer *optimizer = NULL;
    int rc = 0;

    trial_result_init(out);
    for (uint32_t k = 0; k < ARRAYS && rc == 0; k++)
        rc = oracle_values(&a[k], total, seed, 10 + k, err);
    for (size_t i = 0; i < total && rc == 0; i++) {
        a[S][i] = fabs(a[S][i]);
        if (class->momentum == OPTIMIZER_SQUARES)
            a[V][i] = fabs(a[V][i]);
    }
    for (size_t i = 0; i < params[1].count && rc == 0; i++) /* 0, as when training begins */
        a[V][params[1].offset + i] = a[S][params[1].offset + i] = 0.0;
    if (rc == 0)
        rc = optimizer_create(&optimizer, ctx, settings, params, PARAMS, err);
    if (rc == 0)
        rc = place_arrays(&t, a, params, total, class->squares, err);
    for (int run = 0; run < 2 && rc == 0; run++)
        rc = run_updates(&t, optimizer, momentum, run, err);
    if (rc == 0) {
        clip_gradients(a[G], settings, params, total);
        check_updates(&t, settings, momentum, a, params);
    }
    optimizer_destroy(optimizer);
    trial_clear(&t);
    for (size_t k = 0; k < ARRAYS; k++)
        free(a[k]);
    return rc;
}

/* ------------------------------------------------------------------ batches */

enum { IMAGES = 9, INDEX_OFFSET = 4 };

/* A data set of random bytes, the list that names its images, and the batch they should give. */
struct batch_data {
    struct clr_images images;
    float *mean;
    int32_t index[64];
    double *expected; /* all planned images */
    size_t image;     /* elements */
    const struct batch_view *view;
    struct batch_key key;
};

static size_t elements_of(const struct shape *s)
{
    return (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

/* The image that the i-th is paired with; itself where there are no pairs. */
static int32_t partner_of(const struct batch_data *d, int i)
{
    return d->index[d->view->pairs ? batch_partner(&d->key, d->index[i]) : i];
}

static int batch_data_create(struct batch_data *d, const struct shape *shape, const struct batch_view *view,
                             int batch, float scale, uint64_t seed, struct clr_error *err)
{
    const size_t part = elements_of(shape), single = view->pairs ? part / 2 : part;
    int rc;

    d->view = view;
    d->key = (struct batch_key){seed ^ (uint64_t)3 << 40, 9, INDEX_OFFSET, batch};
    d->image = elements_of(&view->image);
    d->images.count = IMAGES;
    rc = mem_new_aligned(&d->images.pixels, IMAGES * d->image, "images to verify with", err);
    if (rc == 0)
        rc = mem_new(&d->images.labels, IMAGES, sizeof *d->images.labels, "labels to verify with", err);
    if (rc == 0)
        rc = mem_new(&d->mean, d->image, sizeof *d->mean, "mean to verify with", err);
    if (rc == 0)
        rc = mem_new(&d->expected, (size_t)shape->n * part, sizeof *d->expected, "expected batch", err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < IMAGES * d->image; i++)
        d->images.pixels[i] = (uint8_t)rng_below(seed, RNG_TEST, 20, i, 256);
    for (size_t i = 0; i < d->image; i++)
        d->mean[i] = (float)(255.0 * rng_uniform(seed, RNG_TEST, 21, i));
    for (int i = 0; i < IMAGES; i++)
        d->images.labels[i] = i / 2 * 2500 + 3; /* two of each class */
    for (int i = 0; i < shape->n; i++)
        d->index[i] = (int32_t)rng_below(seed, RNG_TEST, 22, (uint64_t)i, IMAGES);
    for (size_t i = 0; i < (size_t)shape->n * part; i++) {
        const bool second = i % part >= single;
        const int32_t image = second ? partner_of(d, (int)(i / part)) : d->index[i / part];
        const size_t pixel = batch_place(view, shape, &d->key, image, i % part % single);
        const double byte = (double)d->images.pixels[(size_t)image * d->image + pixel];
        d->expected[i] = (byte - (double)d->mean[pixel]) * (double)scale;
    }
    return 0;
}

static void batch_data_clear(struct batch_data *d)
{
    free(d->images.pixels);
    free(d->images.labels);
    free(d->mean);
    free(d->expected);
}

static void check_labels(struct trial *t, const struct batch_data *d)
{
    for (int i = 0; i < t->batch; i++) {
        const int32_t label = d->images.labels[d->index[i]], other = d->images.labels[partner_of(d, i)];
        uint32_t got = t->at[S_LABELS]->first[i],
                 expected = (uint32_t)(d->view->pairs ? label == other : label);
        if (got != expected)
            trial_fault(t, "label %d is %u, not %u", i, (unsigned)got, (unsigned)expected);
    }
}

static int batch_trial(struct trial *t, struct tensor *y, const struct batch_data *d, float scale,
                       struct clr_error *err)
{
    struct device_images images = {0};
    struct batch *batch = NULL;
    cl_mem labels, index;
    int rc = trial_tensor(t, S_Y, y, NULL, false, err);

    if (rc == 0)
        rc = trial_ints(t, S_INDEX, &index, d->index, INDEX_OFFSET, err);
    if (rc == 0)
        rc = trial_buffer(t, S_LABELS, (size_t)t->planned * 4, false, err);
    if (rc == 0)
        rc = device_images_create(&images, t->ctx, &d->images, d->image, err);
    if (rc == 0)
        rc = batch_create(&batch, t->ctx, y, d->view, d->mean, scale, err);
    for (int run = 0; run < 2 && rc == 0; run++) {
        memset(t->at[S_LABELS]->writable, 1, (size_t)t->batch);
        labels = t->at[S_LABELS]->mem;
        rc = trial_upload(t, run, err);
        if (rc == 0)
            rc = batch_gather(batch, y, labels, &images, index, INDEX_OFFSET, t->batch, &d->key, err);
        if (rc == 0)
            rc = trial_download(t, run, err);
    }
    if (rc == 0) {
        trial_check_tensor(t, VERIFY_Y, LIMIT, S_Y, y, d->expected);
        check_labels(t, d);
        trial_check_untouched(t);
        trial_check_repeats(t);
        t->result->arrangements++;
    }
    batch_destroy(batch);
    device_images_clear(&images);
    return rc;
}

int verify_batch(struct ocl_context *ctx, const struct shape *shape, const struct batch_view *view, int block,
                 int batch, uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    const float scale = 1.0f / 255.0f;
    int rc = 0;

    trial_result_init(out);
    for (int wide = 0; wide < 2 && rc == 0; wide++) {
        struct trial t = {.ctx = ctx,
                          .title = wide ? "wide halos" : "no halo",
                          .guard = wide ? 64 : 0,
                          .batch = batch,
                          .planned = shape->n,
                          .result = out};
        struct tensor y = {.shape = *shape, .layout = {wide ? block : shape->c, 2 * wide, wide}};
        struct batch_data d = {0};

        rc = batch_data_create(&d, shape, view, batch, scale, seed, err);
        if (rc == 0)
            rc = batch_trial(&t, &y, &d, scale, err);
        trial_clear(&t);
        batch_data_clear(&d);
    }
    return rc;
}
