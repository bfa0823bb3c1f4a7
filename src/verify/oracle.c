/* Random inputs and expected outputs of one operator: see oracle.h. */
#include "verify/oracle.h"

#include <math.h>

#include "base/rng.h"
#include "ref/ref.h"

/* What the values of an array are like. */
enum values { VALUES_NORMAL, VALUES_WITH_ZEROS, VALUES_WITH_TIES, VALUES_POSITIVE };

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
        if (values == VALUES_POSITIVE)
            v = 0.5 + fabs(v);
        (*out)[i] = (double)(float)v;
    }
    return rc;
}

int oracle_values(double **out, size_t count, uint64_t seed, uint32_t stream, struct clr_error *err)
{
    return random_values(out, count, 1.0, VALUES_NORMAL, seed, stream, err);
}

static int count_elements(struct oracle *o, const struct op_desc *d, struct clr_error *err)
{
    bool fits = op_param_sizes(o->w_size, d);

    for (int j = 0; j < d->x_count; j++)
        fits = fits && shape_count(&d->x[j], &o->x_size[j]);
    for (int j = 0; j < d->y_count; j++)
        fits = fits && shape_count(&d->y[j], &o->y_size[j]);
    return fits ? 0 : clr_error_set(err, CLR_ENOMEM, "the shapes to verify overflow");
}

/* States may be variances and counts. */
static int make_params(struct oracle *o, const struct op_desc *d, uint64_t seed, struct clr_error *err)
{
    struct op_param params[OP_PARAMS];
    const int count = op_params(params, d);
    int rc = 0;

    for (int k = 0; k < count && rc == 0; k++) {
        rc =
            random_values(&o->w[k], o->w_size[k], k == 0 ? 0.5 : 1.0,
                          params[k].state ? VALUES_POSITIVE : VALUES_NORMAL, seed, 16 * (uint32_t)k + 2, err);
        if (rc == 0 && params[k].state)
            rc = mem_new(&o->after[k], o->w_size[k], sizeof **o->after, "expected states", err);
        if (rc == 0 && params[k].state)
            memcpy(o->after[k], o->w[k], o->w_size[k] * sizeof **o->after);
    }
    return rc;
}

static int make_inputs(struct oracle *o, const struct op_desc *d, uint64_t seed, struct clr_error *err)
{
    const enum values values = op_is(d, OP_HAS_ZEROS) || d->mask_dx ? VALUES_WITH_ZEROS
                               : op_is(d, OP_HAS_TIES)              ? VALUES_WITH_TIES
                                                                    : VALUES_NORMAL;
    const double scale = op_is(d, OP_NO_Y) ? 3.0 : 1.0;
    const uint32_t labels = (uint32_t)(op_class(d->kind)->labels ? op_class(d->kind)->labels : d->x[0].c);
    int rc = 0;

    for (int j = 0; j < d->x_count && rc == 0; j++)
        rc = random_values(&o->x[j], o->x_size[j], scale, values, seed, 16 * (uint32_t)j, err);
    for (int j = 0; j < d->y_count && rc == 0; j++)
        rc = random_values(&o->dy[j], o->y_size[j], 1.0, VALUES_NORMAL, seed, 16 * (uint32_t)j + 1, err);
    if (rc == 0)
        rc = make_params(o, d, seed, err);
    if (rc == 0)
        rc = mem_new(&o->labels, (size_t)d->x[0].n, sizeof *o->labels, "labels", err);
    if (rc == 0)
        rc = mem_new(&o->index, (size_t)d->x[0].n, sizeof *o->index, "sample numbers", err);
    for (int i = 0; rc == 0 && i < d->x[0].n; i++) {
        o->labels[i] = (int32_t)rng_below(seed, RNG_TEST, 4, (uint64_t)i, labels);
        o->index[i] = (int32_t)rng_below(seed, RNG_TEST, 5, (uint64_t)i, 60000);
    }
    return rc;
}

/* In every image, of the inputs in turn; of logits, the label's in every other image. */
static void put_nans(struct oracle *o, const struct op_desc *d)
{
    for (int i = 0; d->x_count > 0 && i < d->x[0].n; i++) {
        const int j = i % d->x_count;
        const size_t per_image = o->x_size[j] / (size_t)d->x[j].n;
        const size_t at =
            (op_is(d, OP_NO_Y) && i % 2 == 0 ? (size_t)o->labels[i] : per_image / 2 + (size_t)i) % per_image;
        o->x[j][(size_t)i * per_image + at] = NAN;
    }
}

static int make_outputs(struct oracle *o, const struct op_desc *d, struct clr_error *err)
{
    const struct op_class *class = op_class(d->kind);
    int rc = 0;

    for (int j = 0; j < d->y_count && rc == 0; j++)
        rc = mem_new(&o->y[j], o->y_size[j], sizeof **o->y, "expected values", err);
    if (rc == 0 && class->scratch)
        rc = mem_new(&o->scratch, class->scratch(d), sizeof *o->scratch, "expected values", err);
    if (rc == 0 && d->relu)
        rc = mem_new(&o->masked, o->y_size[0], sizeof *o->masked, "expected gradients", err);
    if (rc == 0 && op_is(d, OP_HAS_ARG))
        rc = mem_new(&o->arg, o->y_size[0], sizeof *o->arg, "expected maxima", err);
    for (int j = 0; j < d->x_count && rc == 0; j++)
        rc = mem_new(&o->dx[j], o->x_size[j], sizeof **o->dx, "expected gradients", err);
    for (int k = 0; k < OP_PARAMS && rc == 0; k++)
        rc = mem_new(&o->dw[k], o->w_size[k], sizeof **o->dw, "expected gradients", err);
    if (rc == 0)
        rc = mem_new(&o->sample, (size_t)d->x[0].n, sizeof *o->sample, "expected losses", err);
    return rc;
}

/* The oracle's arrays as a reference takes them. */
static struct op_ref arrays(const struct oracle *o, int n, bool train)
{
    struct op_ref r = {.n = n,
                       .train = train,
                       .sample = o->sample,
                       .arg = o->arg,
                       .scratch = o->scratch,
                       .labels = o->labels,
                       .index = o->index,
                       .seed = ORACLE_SEED,
                       .iteration = ORACLE_ITERATION};

    for (int j = 0; j < OP_MOST; j++) {
        r.x[j] = o->x[j];
        r.dx[j] = o->dx[j];
        r.y[j] = o->y[j];
        r.dy[j] = o->dy[j];
    }
    for (int k = 0; k < OP_PARAMS; k++) {
        r.w[k] = o->w_size[k] ? o->w[k] : NULL;
        r.dw[k] = o->w_size[k] ? o->dw[k] : NULL;
        r.after[k] = o->after[k];
    }
    return r;
}

static void evaluate(struct oracle *o, const struct op_desc *d, int n, bool train)
{
    const struct op_class *class = op_class(d->kind);
    const struct op_ref r = arrays(o, n, train);

    class->ref_forward(d, &r);
    if (class->ref_backward)
        class->ref_backward(d, &r);
}

/*
 * A rectifier after it (desc->relu) and before it (desc->mask_dx). Where y is not positive, dy is zero: the
 * reader of y made it so, or the operator does (OP_MASKS_DY).
 */
static void rectify(struct oracle *o, const struct op_desc *d, int n, bool train)
{
    const size_t images = (size_t)d->x[0].n, outputs = o->y_size[0] / images * (size_t)n;
    double *arriving = o->dy[0];
    const bool own = op_is(d, OP_MASKS_DY);

    if (d->relu) {
        ref_relu_backward(own ? o->masked : o->dy[0], o->y[0], o->dy[0], outputs, 0.0);
        o->dy[0] = own ? o->masked : o->dy[0];
        evaluate(o, d, n, train);
        ref_relu_forward(o->y[0], o->y[0], outputs, 0.0);
        o->dy[0] = arriving;
    }
    for (int j = 0; j < d->x_count; j++)
        if (d->mask_dx >> j & 1)
            ref_relu_backward(o->dx[j], o->x[j], o->dx[j], o->x_size[j] / images * (size_t)n, 0.0);
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
    if (op_class(desc->kind)->spare_ties) {
        const struct op_ref r = arrays(o, batch, train);
        op_class(desc->kind)->spare_ties(desc, &r, o->dy[0]);
    }
    evaluate(o, desc, batch, train);
    rectify(o, desc, batch, train);
    return 0;
}

void oracle_clear(struct oracle *o)
{
    for (int j = 0; j < OP_MOST; j++) {
        free(o->x[j]);
        free(o->dy[j]);
        free(o->y[j]);
        free(o->dx[j]);
    }
    for (int k = 0; k < OP_PARAMS; k++) {
        free(o->w[k]);
        free(o->dw[k]);
        free(o->after[k]);
    }
    free(o->labels);
    free(o->index);
    free(o->sample);
    free(o->arg);
    free(o->masked);
    free(o->scratch);
    memset(o, 0, sizeof *o);
}
