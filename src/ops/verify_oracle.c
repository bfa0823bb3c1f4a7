/* Random inputs and expected outputs of one operator: see verify_oracle.h. */
#include "ops/verify_oracle.h"

#include <math.h>

#include "base/rng.h"
#include "ref/ref.h"

/* What the values of an array are like. */
enum values { VALUES_NORMAL, VALUES_WITH_ZEROS, VALUES_WITH_TIES };

static int random_values(double **out, size_t count, double scale, enum values values, uint64_t seed,
                         uint32_t stream, struct clr_error *err)
{
    int rc = mem_new(out, count, sizeof **out, "values to verify with", err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        double v = scale * rng_normal(seed, RNG_TEST, stream, i);
        if (values == VALUES_WITH_ZEROS && i % 7 == 3)
            v = 0.0;
        if (values == VALUES_WITH_TIES)
            v = floor(v);
        (*out)[i] = (double)(float)v;
    }
    return rc;
}

static bool is_loss(const struct op_desc *d)
{
    return d->kind == OP_SOFTMAX_LOSS || d->kind == OP_ACCURACY;
}

static int count_elements(struct oracle *o, const struct op_desc *d, struct clr_error *err)
{
    const struct conv_geometry *g = op_conv_geometry(d);
    bool ok = shape_count(&d->x, &o->x_count);

    o->y_count = o->w_count = o->b_count = 0;
    if (!is_loss(d))
        ok = ok && shape_count(&d->y, &o->y_count);
    if (g) {
        ok = ok && shape_count(&(struct shape){g->oc, g->c / g->group, g->kh, g->kw}, &o->w_count);
        o->b_count = (size_t)g->oc;
    } else if (d->kind == OP_DENSE) {
        ok = ok && shape_count(&(struct shape){d->y.c, d->x.c, d->x.h, d->x.w}, &o->w_count);
        o->b_count = (size_t)d->y.c;
    }
    if (!d->bias)
        o->b_count = 0;
    return ok ? 0 : clr_error_set(err, CLR_ENOMEM, "the shapes to verify overflow");
}

static int make_inputs(struct oracle *o, const struct op_desc *d, uint64_t seed, struct clr_error *err)
{
    const bool ties = d->kind == OP_ACCURACY || d->kind == OP_POOL;
    enum values values = d->kind == OP_RELU || d->mask_dx ? VALUES_WITH_ZEROS
                         : ties                           ? VALUES_WITH_TIES
                                                          : VALUES_NORMAL;
    double scale = is_loss(d) ? 3.0 : 1.0;
    int rc = random_values(&o->x, o->x_count, scale, values, seed, 0, err);

    if (rc == 0)
        rc = random_values(&o->dy, o->y_count, 1.0, VALUES_NORMAL, seed, 1, err);
    if (rc == 0)
        rc = random_values(&o->w, o->w_count, 0.5, VALUES_NORMAL, seed, 2, err);
    if (rc == 0)
        rc = random_values(&o->b, o->b_count, 1.0, VALUES_NORMAL, seed, 3, err);
    if (rc == 0)
        rc = mem_new(&o->labels, (size_t)d->x.n, sizeof *o->labels, "labels", err);
    if (rc == 0)
        rc = mem_new(&o->index, (size_t)d->x.n, sizeof *o->index, "sample numbers", err);
    for (int i = 0; rc == 0 && i < d->x.n; i++) {
        o->labels[i] = (int32_t)rng_below(seed, RNG_TEST, 4, (uint64_t)i, (uint32_t)d->x.c);
        o->index[i] = (int32_t)rng_below(seed, RNG_TEST, 5, (uint64_t)i, 60000);
    }
    return rc;
}

/* In every image of x; of scores at the label's in every other one. */
static void put_nans(struct oracle *o, const struct op_desc *d)
{
    const size_t per_image = o->x_count / (size_t)d->x.n;

    for (int i = 0; i < d->x.n; i++) {
        const size_t at =
            is_loss(d) && i % 2 == 0 ? (size_t)o->labels[i] : (per_image / 2 + (size_t)i) % per_image;
        o->x[(size_t)i * per_image + at] = NAN;
    }
}

static int make_outputs(struct oracle *o, const struct op_desc *d, struct clr_error *err)
{
    int rc = mem_new(&o->y, o->y_count, sizeof *o->y, "expected values", err);

    if (rc == 0 && d->kind == OP_CONV_POOL) {
        const struct conv_geometry *g = &d->u.conv_pool.conv;
        const size_t map = (size_t)d->x.n * (size_t)g->oc * (size_t)g->oh * (size_t)g->ow;
        rc = mem_new(&o->map, map, sizeof *o->map, "an expected map", err);
    }
    if (rc == 0 && d->relu)
        rc = mem_new(&o->masked, o->y_count, sizeof *o->masked, "expected gradients", err);
    if (rc == 0)
        rc = mem_new(&o->arg, o->y_count, sizeof *o->arg, "expected maxima", err);
    if (rc == 0)
        rc = mem_new(&o->dx, o->x_count, sizeof *o->dx, "expected gradients", err);
    if (rc == 0)
        rc = mem_new(&o->dw, o->w_count, sizeof *o->dw, "expected gradients", err);
    if (rc == 0)
        rc = mem_new(&o->db, o->b_count, sizeof *o->db, "expected gradients", err);
    if (rc == 0)
        rc = mem_new(&o->sample, (size_t)d->x.n, sizeof *o->sample, "expected losses", err);
    return rc;
}

/*
 * Which pixel of a pooled map is the largest, where two are nearly so, or whether a rectifier lets it pass,
 * is for rounding to say: such windows get no gradient. CLOSE is far above what rounding does to the map,
 * whose values are of the order of 1 to 10.
 */
#define CLOSE 1e-3

static double second_largest(const double *map, const struct pool_geometry *p, int top, int left, int largest)
{
    double second = -INFINITY;

    for (int i = top < 0 ? 0 : top; i < top + p->kh && i < p->h; i++)
        for (int j = left < 0 ? 0 : left; j < left + p->kw && j < p->w; j++)
            if (i * p->w + j != largest && map[i * p->w + j] > second)
                second = map[i * p->w + j];
    return second;
}

static void spare_close_windows(struct oracle *o, const struct op_desc *d, int n)
{
    const struct pool_geometry *p = &d->u.conv_pool.pool;
    const size_t pixels = (size_t)p->h * (size_t)p->w;
    size_t window = 0;

    ref_conv_forward(o->map, o->x, o->w, o->b_count ? o->b : NULL, n, &d->u.conv_pool.conv);
    ref_pool_forward(o->y, o->arg, o->map, n, p);
    for (int image = 0; image < n * p->c; image++)
        for (int i = 0; i < p->oh; i++)
            for (int j = 0; j < p->ow; j++, window++) {
                const double second = second_largest(o->map + (size_t)image * pixels, p, i * p->sh - p->ph,
                                                     j * p->sw - p->pw, o->arg[window]);
                if (o->y[window] - second < CLOSE || (d->relu && fabs(o->y[window]) < CLOSE))
                    o->dy[window] = 0.0;
            }
}

/* The logical order stays what it is, flattened or not. */
static void copy(double *out, const double *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = in[i];
}

static void evaluate(struct oracle *o, const struct op_desc *d, int n, bool train)
{
    size_t count = o->x_count / (size_t)d->x.n * (size_t)n; /* of the batch */
    int elements = (int)(o->x_count / (size_t)d->x.n);
    double *db = o->b_count ? o->db : NULL, *b = o->b_count ? o->b : NULL;
    double ratio = train ? (double)d->u.dropout.ratio : 0.0;

    switch (d->kind) {
    case OP_CONV:
        ref_conv_forward(o->y, o->x, o->w, b, n, &d->u.conv);
        ref_conv_backward(o->dx, o->dw, db, o->x, o->w, o->dy, n, &d->u.conv);
        break;
    case OP_CONV_POOL:
        ref_conv_forward(o->map, o->x, o->w, b, n, &d->u.conv_pool.conv);
        ref_pool_forward(o->y, o->arg, o->map, n, &d->u.conv_pool.pool);
        ref_pool_backward(o->map, o->dy, o->arg, n, &d->u.conv_pool.pool);
        ref_conv_backward(NULL, o->dw, db, o->x, o->w, o->map, n, &d->u.conv_pool.conv);
        break;
    case OP_POOL:
        ref_pool_forward(o->y, o->arg, o->x, n, &d->u.pool);
        ref_pool_backward(o->dx, o->dy, o->arg, n, &d->u.pool);
        break;
    case OP_RELU:
        ref_relu_forward(o->y, o->x, count, (double)d->u.relu.negative_slope);
        ref_relu_backward(o->dx, o->y, o->dy, count, (double)d->u.relu.negative_slope);
        break;
    case OP_LRN:
        ref_lrn_forward(o->y, o->x, n, &d->u.lrn);
        ref_lrn_backward(o->dx, o->x, o->dy, n, &d->u.lrn);
        break;
    case OP_DENSE:
        ref_dense_forward(o->y, o->x, o->w, b, n, elements, d->y.c);
        ref_dense_backward(o->dx, o->dw, db, o->x, o->w, o->dy, n, elements, d->y.c);
        break;
    case OP_DROPOUT:
        ref_dropout_forward(o->y, o->x, o->index, n, elements, ratio, d->u.dropout.layer, ORACLE_SEED,
                            ORACLE_ITERATION);
        ref_dropout_forward(o->dx, o->dy, o->index, n, elements, ratio, d->u.dropout.layer, ORACLE_SEED,
                            ORACLE_ITERATION);
        break;
    case OP_SOFTMAX_LOSS:
        ref_softmax_loss(o->sample, o->dx, o->x, o->labels, n, d->x.c);
        break;
    case OP_ACCURACY:
        ref_accuracy(o->sample, o->x, o->labels, n, d->x.c, d->u.accuracy.top_k);
        break;
    case OP_RELAYOUT:
        copy(o->y, o->x, count);
        copy(o->dx, o->dy, count);
        break;
    case OP_KIND_COUNT:
        break;
    }
}

/*
 * A rectifier behind (desc->relu) and in front (desc->mask_dx). What the reader of y sends back to a
 * convolution or a dense layer is zero where y is not positive; a pool has to see to that itself.
 */
static void rectify(struct oracle *o, const struct op_desc *d, int n, bool train)
{
    const size_t outputs = o->y_count / (size_t)d->x.n * (size_t)n;
    double *arriving = o->dy;
    const bool own = d->kind == OP_POOL || d->kind == OP_CONV_POOL;

    if (d->relu) {
        ref_relu_backward(own ? o->masked : o->dy, o->y, o->dy, outputs, 0.0);
        o->dy = own ? o->masked : o->dy;
        evaluate(o, d, n, train);
        ref_relu_forward(o->y, o->y, outputs, 0.0);
        o->dy = arriving;
    }
    if (d->mask_dx)
        ref_relu_backward(o->dx, o->x, o->dx, o->x_count / (size_t)d->x.n * (size_t)n, 0.0);
}

int oracle_create(struct oracle *o, const struct op_desc *desc, int batch, enum oracle_kind kind,
                  uint64_t seed, struct clr_error *err)
{
    const bool train = kind == ORACLE_TRAINING;
    int rc;

    memset(o, 0, sizeof *o);
    rc = count_elements(o, desc, err);
    if (rc == 0)
        rc = make_inputs(o, desc, seed, err);
    if (rc == 0)
        rc = make_outputs(o, desc, err);
    if (rc < 0) {
        oracle_clear(o);
        return rc;
    }
    if (kind == ORACLE_NAN)
        put_nans(o, desc);
    if (desc->kind == OP_CONV_POOL)
        spare_close_windows(o, desc, batch);
    evaluate(o, desc, batch, train);
    rectify(o, desc, batch, train);
    return 0;
}

void oracle_clear(struct oracle *o)
{
    free(o->x);
    free(o->dy);
    free(o->w);
    free(o->b);
    free(o->labels);
    free(o->index);
    free(o->y);
    free(o->dx);
    free(o->dw);
    free(o->db);
    free(o->sample);
    free(o->arg);
    free(o->masked);
    free(o->map);
    memset(o, 0, sizeof *o);
}
