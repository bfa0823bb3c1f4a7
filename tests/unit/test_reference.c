/*
 * The references of all operators, from their rows: every gradient against central differences, on every
 * small case. A new operator needs only its row to be tested. Values by hand are in test_ref.c.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "ops/op_class.h"

enum { MOST = 40 }; /* elements of an array that are tried */

/* One case with its arrays; r: what y is multiplied by to become one number. */
struct subject {
    const struct op_class *class;
    struct op_desc desc;
    struct op_ref ref;
    double *x[OP_MOST], *w[OP_PARAMS], *r[OP_MOST];
    size_t x_size[OP_MOST], y_size[OP_MOST], w_size[OP_PARAMS];
    bool state[OP_PARAMS];
};

static double *random_array(size_t count, uint32_t stream)
{
    double *a = calloc(count + 1, sizeof *a);

    ck_assert_ptr_nonnull(a);
    for (size_t i = 0; i < count; i++)
        a[i] = rng_normal(3, RNG_TEST, stream, i);
    return a;
}

static double *zeros(size_t count)
{
    double *a = calloc(count + 1, sizeof *a);

    ck_assert_ptr_nonnull(a);
    return a;
}

static void create(struct subject *s, const struct op_desc *d)
{
    const size_t n = (size_t)d->x[0].n;
    int32_t *labels = calloc(n, sizeof *labels), *index = calloc(n, sizeof *index);
    struct op_param params[OP_PARAMS];
    int *arg;

    memset(s, 0, sizeof *s);
    s->class = op_class(d->kind);
    s->desc = *d;
    s->desc.relu = false;
    s->desc.mask_dx = 0;
    s->desc.no_dy = 0;
    for (int j = 0; j < OP_MOST; j++) {
        ck_assert(shape_count(&d->x[j], &s->x_size[j]) && shape_count(&d->y[j], &s->y_size[j]));
    }
    ck_assert(labels && index);
    ck_assert(op_param_sizes(s->w_size, d));
    arg = calloc(s->y_size[0] + 1, sizeof *arg);
    ck_assert_ptr_nonnull(arg);
    for (int i = 0; i < d->x[0].n; i++) {
        labels[i] = i % (s->class->labels ? s->class->labels : d->x[0].c);
        index[i] = 7 * i;
    }
    s->ref = (struct op_ref){.n = d->x[0].n,
                             .train = true,
                             .sample = zeros(n),
                             .arg = arg,
                             .scratch = s->class->scratch ? zeros(s->class->scratch(d)) : NULL,
                             .labels = labels,
                             .index = index,
                             .seed = 5,
                             .iteration = 9};
    for (int j = 0; j < OP_MOST; j++) {
        s->ref.x[j] = s->x[j] = random_array(s->x_size[j], 16 * (uint32_t)j);
        s->ref.dy[j] = s->r[j] = random_array(s->y_size[j], 16 * (uint32_t)j + 3);
        s->ref.y[j] = zeros(s->y_size[j]);
        s->ref.dx[j] = zeros(s->x_size[j]);
    }
    (void)op_params(params, d);
    for (int k = 0; k < OP_PARAMS; k++) {
        s->w[k] = random_array(s->w_size[k], 16 * (uint32_t)k + 1);
        s->state[k] = s->w_size[k] && params[k].state;
        for (size_t i = 0; s->state[k] && i < s->w_size[k]; i++) /* it may be a variance, or a count */
            s->w[k][i] = 0.5 + fabs(s->w[k][i]);
        s->ref.w[k] = s->w_size[k] ? s->w[k] : NULL;
        s->ref.dw[k] = s->w_size[k] ? zeros(s->w_size[k]) : NULL;
    }
}

static void destroy(struct subject *s)
{
    for (int j = 0; j < OP_MOST; j++) {
        free(s->x[j]);
        free(s->r[j]);
        free(s->ref.y[j]);
        free(s->ref.dx[j]);
    }
    for (int k = 0; k < OP_PARAMS; k++) {
        free(s->w[k]);
        free(s->ref.dw[k]);
    }
    free(s->ref.sample);
    free(s->ref.arg);
    free(s->ref.scratch);
    free((void *)(uintptr_t)s->ref.labels);
    free((void *)(uintptr_t)s->ref.index);
}

/* The number whose gradients are tested: Σ r·y, or the mean loss. */
static double objective(struct subject *s)
{
    double sum = 0.0;

    memset(s->ref.sample, 0, (size_t)s->ref.n * sizeof *s->ref.sample); /* a loss may add to it */
    s->class->ref_forward(&s->desc, &s->ref);
    if (s->class->flags & OP_LOSS) {
        for (int i = 0; i < s->ref.n; i++)
            sum += s->ref.sample[i] / s->ref.n;
        return sum;
    }
    for (int j = 0; j < s->desc.y_count; j++)
        for (size_t i = 0; i < s->y_size[j]; i++)
            sum += s->r[j][i] * s->ref.y[j][i];
    return sum;
}

static void check(struct subject *s, const char *name, const char *what, double *array,
                  const double *gradient, size_t count)
{
    const double h = 1e-5;
    const size_t step = count > MOST ? count / MOST : 1;
    double *copy = zeros(count), rms = 0.0;

    memcpy(copy, gradient, count * sizeof *copy); /* forward may write it again */
    for (size_t i = 0; i < count; i++)
        rms += copy[i] * copy[i];
    rms = sqrt(rms / (double)count);
    ck_assert_msg(rms > 1e-6, "%s: %s vanishes, nothing was tested", name, what);
    for (size_t i = 0; i < count; i += step) {
        const double was = array[i];
        double up, down, numerical;
        array[i] = was + h;
        up = objective(s);
        array[i] = was - h;
        down = objective(s);
        array[i] = was;
        numerical = (up - down) / (2.0 * h);
        ck_assert_msg(fabs(numerical - copy[i]) < 1e-6 * fmax(rms, fabs(copy[i])),
                      "%s: %s[%zu] is %.12g, the central difference %.12g", name, what, i, copy[i],
                      numerical);
    }
    free(copy);
    (void)objective(s); /* a loss makes the gradients of its other inputs anew, too */
}

static int check_kind(enum op_kind kind)
{
    const struct op_class *class = op_class(kind);
    int done = 0;

    for (int i = 0; i < class->cases->count; i++) {
        struct op_case c;
        struct subject s;
        ck_assert_int_eq(op_case_get(&c, kind, i, NULL), 0);
        if (!c.small)
            continue;
        create(&s, &c.desc);
        (void)objective(&s);
        if (class->ref_backward)
            class->ref_backward(&s.desc, &s.ref);
        for (int j = 0; j < c.desc.x_count; j++)
            if (c.desc.need_dx >> j & 1)
                check(&s, c.name, "dx", s.x[j], s.ref.dx[j], s.x_size[j]);
        for (int k = 0; k < OP_PARAMS; k++)
            if (s.w_size[k] && !s.state[k])
                check(&s, c.name, k == 0 ? "dw" : "db", s.w[k], s.ref.dw[k], s.w_size[k]);
        destroy(&s);
        done++;
    }
    return done;
}

START_TEST(test_reference__gradients)
{
    const struct op_class *class = op_class((enum op_kind)_i);
    const int done = class->flags & OP_METRIC ? 1 : check_kind((enum op_kind)_i);

    ck_assert_msg(done > 0, "%s has no small case", class->name);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reference");
    TCase *tc = tcase_create("reference");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, test_reference__gradients, 0, OP_KIND_COUNT);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
