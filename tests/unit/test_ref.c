/*
 * References: small values calculated by hand, and every gradient against central differences in double.
 * The differences use h = 1e-4: their own error is h² times a third derivative, about 1e-8.
 */
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/rng.h"
#include "ops/optimizer.h"
#include "ref/ref.h"

#define OPTIMIZERS 20 /* at most */
#define NEAR(a, b) ck_assert_double_eq_tol((a), (b), 1e-12)

/* ------------------------------------------------------------------ tools */

static double *random_array(size_t count, uint32_t stream)
{
    double *a = calloc(count, sizeof *a);

    ck_assert_ptr_nonnull(a);
    for (size_t i = 0; i < count; i++)
        a[i] = rng_normal(7, RNG_TEST, stream, i);
    return a;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* A function of arrays to differentiate: fills its own output and returns Σ r·y. */
typedef double (*objective)(void *user);

/* Every element of `gradient` against central differences of f in `array`, relative to the gradient's rms. */
static void check_gradient(const char *what, double *array, const double *gradient, size_t n, objective f,
                           void *user)
{
    const double h = 1e-4;
    double rms = sqrt(dot(gradient, gradient, n) / (double)n);

    ck_assert_msg(rms > 1e-6, "%s: the gradient vanishes, nothing was tested", what);
    for (size_t i = 0; i < n; i++) {
        double old = array[i], up, down, numerical;

        array[i] = old + h;
        up = f(user);
        array[i] = old - h;
        down = f(user);
        array[i] = old;
        numerical = (up - down) / (2.0 * h);
        ck_assert_msg(fabs(numerical - gradient[i]) < 1e-6 * fmax(rms, fabs(gradient[i])),
                      "%s[%zu]: %.12g, central difference %.12g", what, i, gradient[i], numerical);
    }
}

/* ------------------------------------------------------------------ convolution */

struct conv_case {
    const struct conv_geometry *g;
    int n;
    double *x, *w, *b, *y, *r;
    size_t ys;
};

static double conv_objective(void *user)
{
    struct conv_case *c = user;

    ref_conv_forward(c->y, c->x, c->w, c->b, c->n, c->g);
    return dot(c->y, c->r, c->ys);
}

static void conv_gradient(struct conv_geometry *g, int n)
{
    struct clr_error err;
    struct conv_case c = {.g = g, .n = n};
    size_t xs, ws, bs = (size_t)g->oc;
    double *dx, *dw, *db;

    ck_assert_msg(geometry_conv(g, &err) == 0, "%s", err.message);
    xs = (size_t)(n * g->c * g->h * g->w);
    ws = (size_t)(g->oc * (g->c / g->group) * g->kh * g->kw);
    c.ys = (size_t)(n * g->oc * g->oh * g->ow);
    c.x = random_array(xs, 0);
    c.w = random_array(ws, 1);
    c.b = random_array(bs, 2);
    c.r = random_array(c.ys, 3);
    c.y = random_array(c.ys, 4);
    dx = random_array(xs, 5); /* written, not added to */
    dw = random_array(ws, 6);
    db = random_array(bs, 7);
    ref_conv_backward(dx, dw, db, c.x, c.w, c.r, n, g);
    check_gradient("conv dx", c.x, dx, xs, conv_objective, &c);
    check_gradient("conv dw", c.w, dw, ws, conv_objective, &c);
    check_gradient("conv db", c.b, db, bs, conv_objective, &c);
    free(c.x);
    free(c.w);
    free(c.b);
    free(c.r);
    free(c.y);
    free(dx);
    free(dw);
    free(db);
}

/* 3×3 image 1…9, kernel [1 2; 3 4], bias 10: first window 1·1 + 2·2 + 4·3 + 5·4 = 37. */
START_TEST(test_ref__conv_by_hand)
{
    struct clr_error err;
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4}, b[] = {10};
    struct conv_geometry g = {
        .c = 1, .h = 3, .w = 3, .oc = 1, .kh = 2, .kw = 2, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    double y[16];

    ck_assert_int_eq(geometry_conv(&g, &err), 0);
    ref_conv_forward(y, x, w, b, 1, &g);
    NEAR(y[0], 47);
    NEAR(y[1], 57);
    NEAR(y[2], 77);
    NEAR(y[3], 87);
    g.dh = g.dw = 2; /* the four corners: 1 + 2·3 + 3·7 + 4·9 */
    ck_assert_int_eq(geometry_conv(&g, &err), 0);
    ck_assert(g.oh == 1 && g.ow == 1);
    ref_conv_forward(y, x, w, NULL, 1, &g);
    NEAR(y[0], 64);
    g.dh = g.dw = 1;
    g.ph = g.pw = 1;
    g.sh = g.sw = 3; /* the corners of the padded image: 4·1, 3·3, 2·7, 1·9 */
    ck_assert_int_eq(geometry_conv(&g, &err), 0);
    ck_assert(g.oh == 2 && g.ow == 2);
    ref_conv_forward(y, x, w, NULL, 1, &g);
    NEAR(y[0], 4);
    NEAR(y[1], 9);
    NEAR(y[2], 14);
    NEAR(y[3], 9);
}
END_TEST

/* Two groups of one channel each: outputs 0, 1 see channel 0 only, outputs 2, 3 channel 1 only. */
START_TEST(test_ref__conv_groups_by_hand)
{
    struct clr_error err;
    const double x[] = {2, 3}, w[] = {1, 10, 100, 1000};
    struct conv_geometry g = {
        .c = 2, .h = 1, .w = 1, .oc = 4, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 2};
    double y[4];

    ck_assert_int_eq(geometry_conv(&g, &err), 0);
    ref_conv_forward(y, x, w, NULL, 1, &g);
    NEAR(y[0], 2);
    NEAR(y[1], 20);
    NEAR(y[2], 300);
    NEAR(y[3], 3000);
}
END_TEST

START_TEST(test_ref__conv_gradients)
{
    struct conv_geometry cases[] = {
        {.c = 3,
         .h = 7,
         .w = 5,
         .oc = 4,
         .kh = 3,
         .kw = 3,
         .sh = 1,
         .sw = 1,
         .ph = 1,
         .pw = 1,
         .dh = 1,
         .dw = 1,
         .group = 1},
        {.c = 2,
         .h = 11,
         .w = 8,
         .oc = 3,
         .kh = 3,
         .kw = 5,
         .sh = 3,
         .sw = 2,
         .ph = 2,
         .pw = 1,
         .dh = 1,
         .dw = 1,
         .group = 1},
        {.c = 4,
         .h = 9,
         .w = 6,
         .oc = 6,
         .kh = 3,
         .kw = 2,
         .sh = 2,
         .sw = 1,
         .ph = 1,
         .pw = 0,
         .dh = 2,
         .dw = 2,
         .group = 2},
        {.c = 3,
         .h = 4,
         .w = 5,
         .oc = 3,
         .kh = 1,
         .kw = 3,
         .sh = 1,
         .sw = 3,
         .ph = 0,
         .pw = 2,
         .dh = 1,
         .dw = 1,
         .group = 3},
        {.c = 2, .h = 3, .w = 4, .oc = 5, .kh = 3, .kw = 4, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1},
    };

    conv_gradient(&cases[_i], _i % 2 ? 1 : 2);
}
END_TEST

/* ------------------------------------------------------------------ pooling */

static struct pool_geometry pool_of(enum pool_method method, enum pool_rounding rounding, int h, int w, int k,
                                    int s, int p)
{
    struct pool_geometry g = {.method = method,
                              .rounding = rounding,
                              .c = 1,
                              .h = h,
                              .w = w,
                              .kh = k,
                              .kw = k,
                              .sh = s,
                              .sw = s,
                              .ph = p,
                              .pw = p};
    struct clr_error err;

    ck_assert_msg(geometry_pool(&g, &err) == 0, "%s", err.message);
    return g;
}

/*
 * AVE 3/2 on 4×4, rounded up: the last windows are [2, 5) clipped to [2, 4), and divide by 2·3 and 2·2, not
 * by 9. Image of ones: all outputs are 1, because without padding every clipped window divides by the
 * number of its pixels.
 */
START_TEST(test_ref__pool_ave_divides_by_clipped_windows)
{
    struct pool_geometry g = pool_of(POOL_AVE, POOL_CEIL, 4, 4, 3, 2, 0);
    double x[16], y[16];

    for (int i = 0; i < 16; i++)
        x[i] = i;
    ck_assert(g.oh == 2 && g.ow == 2);
    ref_pool_forward(y, NULL, x, 1, &g);
    NEAR(y[0], 5);    /* 3×3 around 5 */
    NEAR(y[1], 6.5);  /* columns 2, 3 of rows 0…2: mean of 2 3 6 7 10 11 */
    NEAR(y[2], 11);   /* rows 2, 3 of columns 0…2 */
    NEAR(y[3], 12.5); /* 10 11 14 15 */
    g = pool_of(POOL_AVE, POOL_FLOOR, 4, 4, 3, 2, 0);
    ck_assert(g.oh == 1 && g.ow == 1);
    ref_pool_forward(y, NULL, x, 1, &g);
    NEAR(y[0], 5);
}
END_TEST

/*
 * AVE 3/2, padding 1, on 4×4 ones, rounded up: per dimension windows [−1, 2), [1, 4), [3, 5) (3 − 1 + 3 = 6,
 * cut to H + P = 5). Padding counts in the divisor: 2 of 3, 3 of 3, 1 of 2. So the corner is 4/9, and the
 * last 1/4.
 */
START_TEST(test_ref__pool_ave_counts_padding)
{
    struct pool_geometry g = pool_of(POOL_AVE, POOL_CEIL, 4, 4, 3, 2, 1);
    const double part[] = {2.0 / 3.0, 1.0, 1.0 / 2.0};
    double x[16], y[9], dx[16], dy[9];

    ck_assert(g.oh == 3 && g.ow == 3);
    for (int i = 0; i < 16; i++)
        x[i] = 1.0;
    ref_pool_forward(y, NULL, x, 1, &g);
    for (int i = 0; i < 9; i++) {
        NEAR(y[i], part[i / 3] * part[i % 3]);
        dy[i] = 1.0;
    }
    ref_pool_backward(dx, dy, NULL, 1, &g);
    NEAR(dx[0], 1.0 / 9.0);                                  /* the corner is in one window of 3×3 */
    NEAR(dx[5], (1.0 / 3 + 1.0 / 3) * (1.0 / 3 + 1.0 / 3));  /* row 1 is in windows 0 and 1 */
    NEAR(dx[15], (1.0 / 3 + 1.0 / 2) * (1.0 / 3 + 1.0 / 2)); /* row 3 in windows 1 (of 3) and 2 (of 2) */
}
END_TEST

/* The first of equal maxima in scan order wins; overlapping windows add up; padding never wins. */
START_TEST(test_ref__pool_max_by_hand)
{
    struct pool_geometry g = pool_of(POOL_MAX, POOL_FLOOR, 3, 3, 2, 1, 0);
    const double x[] = {5, 5, 1, 5, 9, 2, 0, 3, 2}, dy[] = {1, 10, 100, 1000};
    const double negative[] = {-4, -3, -2, -1};
    double y[9], dx[9];
    int arg[9];

    ref_pool_forward(y, arg, x, 1, &g);
    ck_assert(y[0] == 9 && y[1] == 9 && y[2] == 9 && y[3] == 9);
    ck_assert(arg[0] == 4 && arg[1] == 4 && arg[2] == 4 && arg[3] == 4);
    ref_pool_backward(dx, dy, arg, 1, &g);
    NEAR(dx[4], 1111);
    NEAR(dot(dx, dx, 9), 1111.0 * 1111.0);
    g = pool_of(POOL_MAX, POOL_CEIL, 2, 2, 2, 2, 1);
    ref_pool_forward(y, arg, negative, 1, &g);
    ck_assert(g.oh == 2 && g.ow == 2);
    ck_assert(y[0] == -4 && y[1] == -3 && y[2] == -2 && y[3] == -1);
    g = pool_of(POOL_MAX, POOL_FLOOR, 1, 3, 1, 1, 0);
    g.kw = 2;
    ck_assert_int_eq(geometry_pool(&g, NULL), 0);
    ref_pool_forward(y, arg, x, 1, &g);
    ck_assert(arg[0] == 0 && arg[1] == 1); /* 5 5: the first */
}
END_TEST

struct pool_case {
    const struct pool_geometry *g;
    int n;
    double *x, *y, *r;
    size_t ys;
};

static double pool_objective(void *user)
{
    struct pool_case *c = user;

    ref_pool_forward(c->y, NULL, c->x, c->n, c->g);
    return dot(c->y, c->r, c->ys);
}

START_TEST(test_ref__pool_gradients)
{
    const int table[][9] = {
        /* n, c, h, w, kh, kw, stride, ph, pw */
        {2, 3, 7, 5, 3, 3, 2, 0, 0}, {1, 2, 8, 11, 3, 2, 3, 1, 1}, {1, 1, 6, 5, 2, 3, 2, 1, 2},
        {2, 2, 4, 7, 4, 3, 1, 3, 0}, {1, 3, 5, 4, 5, 4, 1, 0, 0},
    };
    const int *t = table[_i % 5];
    struct pool_geometry g = {.method = _i / 10 ? POOL_AVE : POOL_MAX,
                              .rounding = _i / 5 % 2 ? POOL_FLOOR : POOL_CEIL,
                              .c = t[1],
                              .h = t[2],
                              .w = t[3],
                              .kh = t[4],
                              .kw = t[5],
                              .sh = t[6],
                              .sw = t[6],
                              .ph = t[7],
                              .pw = t[8]};
    struct pool_case c = {.g = &g, .n = t[0]};
    struct clr_error err;
    size_t xs;
    double *dx;
    int *arg;

    ck_assert_msg(geometry_pool(&g, &err) == 0, "%s", err.message);
    xs = (size_t)(c.n * g.c * g.h * g.w);
    c.ys = (size_t)(c.n * g.c * g.oh * g.ow);
    c.x = random_array(xs, 0);
    c.y = random_array(c.ys, 1);
    c.r = random_array(c.ys, 2);
    dx = random_array(xs, 3);
    arg = calloc(c.ys, sizeof *arg);
    ck_assert_ptr_nonnull(arg);
    ref_pool_forward(c.y, arg, c.x, c.n, &g);
    ref_pool_backward(dx, c.r, arg, c.n, &g);
    check_gradient("pool dx", c.x, dx, xs, pool_objective, &c);
    free(c.x);
    free(c.y);
    free(c.r);
    free(dx);
    free(arg);
}
END_TEST

/* ------------------------------------------------------------------ LRN */

/* Across 3, α = 3, β = 1, k = 1 on channels 1, 2, 3: s = 1 + (1+4), 1 + (1+4+9), 1 + (4+9). */
START_TEST(test_ref__lrn_by_hand)
{
    struct lrn_geometry g = {
        .region = LRN_ACROSS_CHANNELS, .c = 3, .h = 1, .w = 1, .size = 3, .alpha = 3, .beta = 1, .k = 1};
    const double x[] = {1, 2, 3}, image[] = {1, 2, 3, 4};
    double y[4];

    ref_lrn_forward(y, x, 1, &g);
    NEAR(y[0], 1.0 / 6);
    NEAR(y[1], 2.0 / 15);
    NEAR(y[2], 3.0 / 14);
    g = (struct lrn_geometry){
        .region = LRN_WITHIN_CHANNEL, .c = 1, .h = 2, .w = 2, .size = 3, .alpha = 9, .beta = 2, .k = 1};
    ref_lrn_forward(y, image, 1, &g); /* every window holds all four: s = 1 + 30, still divided by 9 */
    for (int i = 0; i < 4; i++)
        NEAR(y[i], image[i] / (31.0 * 31.0));
}
END_TEST

struct lrn_case {
    struct lrn_geometry g;
    int n;
    double *x, *y, *r;
    size_t count;
};

static double lrn_objective(void *user)
{
    struct lrn_case *c = user;

    ref_lrn_forward(c->y, c->x, c->n, &c->g);
    return dot(c->y, c->r, c->count);
}

START_TEST(test_ref__lrn_gradients)
{
    struct lrn_case c = {.n = _i % 2 ? 1 : 2};
    double *dx;

    c.g = (struct lrn_geometry){.region = _i / 2 ? LRN_WITHIN_CHANNEL : LRN_ACROSS_CHANNELS,
                                .c = 7,
                                .h = 3,
                                .w = 5,
                                .size = _i % 2 ? 5 : 3,
                                .alpha = 2.0f,
                                .beta = 0.75f,
                                .k = _i / 2 ? 1.0f : 2.0f};
    ck_assert_int_eq(geometry_lrn(&c.g, NULL), 0);
    c.count = (size_t)(c.n * c.g.c * c.g.h * c.g.w);
    c.x = random_array(c.count, 0);
    c.y = random_array(c.count, 1);
    c.r = random_array(c.count, 2);
    dx = random_array(c.count, 3);
    ref_lrn_backward(dx, c.x, c.r, c.n, &c.g);
    check_gradient("lrn dx", c.x, dx, c.count, lrn_objective, &c);
    free(c.x);
    free(c.y);
    free(c.r);
    free(dx);
}
END_TEST

/* ------------------------------------------------------------------ dense, relu, dropout */

struct dense_case {
    int n, inputs, outputs;
    double *x, *w, *b, *y, *r;
};

static double dense_objective(void *user)
{
    struct dense_case *c = user;

    ref_dense_forward(c->y, c->x, c->w, c->b, c->n, c->inputs, c->outputs);
    return dot(c->y, c->r, (size_t)(c->n * c->outputs));
}

START_TEST(test_ref__dense_by_hand_and_gradients)
{
    const double x[] = {1, 2, 3}, w[] = {1, 0, 2, -1, 1, 1}, b[] = {10, 20};
    struct dense_case c = {.n = _i ? 1 : 3, .inputs = 7, .outputs = _i ? 1 : 5};
    size_t xs = (size_t)(c.n * c.inputs), ws = (size_t)(c.inputs * c.outputs), bs = (size_t)c.outputs;
    double y[2], *dx, *dw, *db;

    ref_dense_forward(y, x, w, b, 1, 3, 2);
    NEAR(y[0], 17);
    NEAR(y[1], 24);
    c.x = random_array(xs, 0);
    c.w = random_array(ws, 1);
    c.b = random_array(bs, 2);
    c.y = random_array((size_t)c.n * bs, 3);
    c.r = random_array((size_t)c.n * bs, 4);
    dx = random_array(xs, 5);
    dw = random_array(ws, 6);
    db = random_array(bs, 7);
    ref_dense_backward(dx, dw, db, c.x, c.w, c.r, c.n, c.inputs, c.outputs);
    check_gradient("dense dx", c.x, dx, xs, dense_objective, &c);
    check_gradient("dense dw", c.w, dw, ws, dense_objective, &c);
    check_gradient("dense db", c.b, db, bs, dense_objective, &c);
    free(c.x);
    free(c.w);
    free(c.b);
    free(c.y);
    free(c.r);
    free(dx);
    free(dw);
    free(db);
}
END_TEST

START_TEST(test_ref__relu_by_hand)
{
    const double x[] = {-2, 0, 3}, dy[] = {10, 20, 30};
    double y[3], dx[3];

    ref_relu_forward(y, x, 3, 0.0);
    ck_assert(y[0] == 0 && y[1] == 0 && y[2] == 3);
    ref_relu_backward(dx, y, dy, 3, 0.0);
    ck_assert(dx[0] == 0 && dx[1] == 0 && dx[2] == 30);
    ref_relu_forward(y, x, 3, 0.5);
    ck_assert(y[0] == -1 && y[1] == 0 && y[2] == 3);
    ref_relu_backward(dx, y, dy, 3, 0.5);
    ck_assert(dx[0] == 5 && dx[1] == 10 && dx[2] == 30);
}
END_TEST

struct relu_case {
    double *x, *y, *r;
    double slope;
};

static double relu_objective(void *user)
{
    struct relu_case *c = user;

    ref_relu_forward(c->y, c->x, 35, c->slope);
    return dot(c->y, c->r, 35);
}

START_TEST(test_ref__relu_gradients)
{
    struct relu_case c = {random_array(35, 0), random_array(35, 1), random_array(35, 2), _i * 0.1};
    double dx[35];

    ref_relu_forward(c.y, c.x, 35, c.slope);
    ref_relu_backward(dx, c.y, c.r, 35, c.slope);
    check_gradient("relu dx", c.x, dx, 35, relu_objective, &c);
    free(c.x);
    free(c.y);
    free(c.r);
}
END_TEST

/* The mask depends on the image, not on its place in the batch; its mean is 1 − ratio; values that are not
 * dropped are scaled. */
START_TEST(test_ref__dropout_mask)
{
    enum { ELEMENTS = 5000 };
    const int32_t there[] = {3, 17}, swapped[] = {17, 3};
    double *x = random_array(2 * ELEMENTS, 0), *y = random_array(2 * ELEMENTS, 1),
           *z = random_array(2 * ELEMENTS, 2);
    int kept = 0, same = 0;

    for (int i = 0; i < ELEMENTS; i++)
        x[ELEMENTS + i] = x[i];
    ref_dropout_forward(y, x, there, 2, ELEMENTS, 0.3, 1, 5, 9);
    ref_dropout_forward(z, x, swapped, 2, ELEMENTS, 0.3, 1, 5, 9);
    ck_assert_mem_eq(y, z + ELEMENTS, ELEMENTS * sizeof *y);
    ck_assert_mem_eq(z, y + ELEMENTS, ELEMENTS * sizeof *y);
    for (int i = 0; i < 2 * ELEMENTS; i++) {
        ck_assert(y[i] == 0.0 || fabs(y[i] - x[i] / 0.7) < 1e-12);
        kept += y[i] != 0.0;
    }
    ck_assert_int_lt(abs(kept - 7000), 200); /* standard deviation 46 */
    ref_dropout_forward(z, x, there, 2, ELEMENTS, 0.3, 2, 5, 9);
    for (int i = 0; i < 2 * ELEMENTS; i++)
        same += (y[i] != 0.0) == (z[i] != 0.0);
    ck_assert_int_lt(abs(same - 5800), 300); /* another layer: independent, 0.49 + 0.09 agree */
    ref_dropout_forward(z, x, there, 2, ELEMENTS, 0.0, 2, 5, 9);
    ck_assert_mem_eq(z, x, 2 * ELEMENTS * sizeof *x);
    free(x);
    free(y);
    free(z);
}
END_TEST

/* ------------------------------------------------------------------ loss, accuracy, update */

struct loss_case {
    double *z;
    int32_t labels[4];
    int n, classes;
    double smoothing;
};

/* The gradient is of the mean over the batch. */
static double loss_objective(void *user)
{
    struct loss_case *c = user;
    double loss[4], sum = 0.0;

    ref_softmax_loss(loss, NULL, c->z, c->labels, c->n, c->classes, c->smoothing);
    for (int i = 0; i < c->n; i++)
        sum += loss[i];
    return sum / c->n;
}

START_TEST(test_ref__softmax_loss_by_hand_and_gradients)
{
    const double z[] = {0, 0, 0, 0, 1000, -1000}, shifted[] = {5, 5 + log(3.0)};
    const int32_t labels[] = {1, 2, 0};
    struct loss_case c = {
        .n = _i ? 1 : 4, .classes = _i ? 2 : 11, .labels = {1, 0, 10, 5}, .smoothing = 0.3 * _i};
    size_t count = (size_t)(c.n * c.classes);
    double loss[3], dx[6], *gradient;

    ref_softmax_loss(loss, dx, z, labels, 2, 3, 0.0);
    NEAR(loss[0], log(3.0));
    NEAR(loss[1], 2000); /* neither infinite nor NaN */
    NEAR(dx[0], 1.0 / 6);
    NEAR(dx[1], -2.0 / 6);
    ref_softmax_loss(loss, dx, shifted, labels, 1, 2, 0.0);
    NEAR(loss[0], log(4.0 / 3.0));
    c.z = random_array(count, 0);
    gradient = random_array(count, 1);
    ref_softmax_loss(NULL, gradient, c.z, c.labels, c.n, c.classes, c.smoothing);
    check_gradient("softmax loss dx", c.z, gradient, count, loss_objective, &c);
    free(c.z);
    free(gradient);
}
END_TEST

START_TEST(test_ref__accuracy_ties_and_nan)
{
    const double z[] = {1, 3, 3, 2, 1, 3, 3, 2, NAN, 0, 0, 0, 5, 4, 3, 2};
    const int32_t labels[] = {1, 2, 0, 3};
    double hit[4];

    ref_accuracy(hit, z, labels, 4, 4, 1);
    ck_assert(hit[0] == 1 && hit[1] == 0 && hit[2] == 0 && hit[3] == 0);
    ref_accuracy(hit, z, labels, 4, 4, 2);
    ck_assert(hit[0] == 1 && hit[1] == 1 && hit[2] == 0 && hit[3] == 0);
    ref_accuracy(hit, z, labels, 4, 4, 4);
    ck_assert(hit[0] == 1 && hit[1] == 1 && hit[2] == 0 && hit[3] == 1);
}
END_TEST

/* w 1, g 2, λ 0.5: 2.5 goes into v. Rate 0.1, then 0.2: the conventions differ from the second update on. */
START_TEST(test_ref__sgd_conventions)
{
    const double g = 2.0;
    double w = 1.0, v = 0.0;
    struct optimizer_ref u = {.momentum = 0.9, .decay = 0.5, .w = &w, .v = &v};

    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 2.5);
    NEAR(w, 0.75);
    optimizer_reference(&u, &g, 1, 0.2, 1);
    NEAR(v, 0.9 * 2.5 + 2.375);
    NEAR(w, 0.75 - 0.2 * 4.625);
    w = 1.0;
    v = 0.0;
    u.settings.caffe = true;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 0.25);
    NEAR(w, 0.75);
    optimizer_reference(&u, &g, 1, 0.2, 1);
    NEAR(v, 0.9 * 0.25 + 0.2 * 2.375);
    NEAR(w, 0.75 - 0.7);
}
END_TEST

START_TEST(test_optimizer__there_is_none_of_that_number)
{
    const enum clr_optimizer none = (enum clr_optimizer)99;

    ck_assert(isnan(clr_optimizer_momentum(none)) && isnan(clr_optimizer_momentum2(none)));
    ck_assert(!clr_optimizer_uses_epsilon(none) && !clr_optimizer_takes_momentum(none, CLR_MOMENTUM_PYTORCH));
    ck_assert_ptr_null(clr_optimizer_pytorch(none));
    ck_assert_str_eq(clr_optimizer_name(none), "unknown");
}
END_TEST

/* Updates by PyTorch's own optimizers, which tests/golden/make_optimizers.py wrote. */
START_TEST(test_ref__optimizers_are_pytorch_s)
{
    static struct csv_column columns[3 * OPTIMIZERS];
    static char names[3 * OPTIMIZERS][32];
    static const double momentum2 = 0.99;
    size_t count = 0;
    struct csv table;
    struct clr_error err;
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/tests/golden/optimizers.csv", getenv("CLR_SOURCE_ROOT"));
    for (; clr_optimizer_names()[count / 3]; count++) {
        ck_assert_uint_lt(count, MEM_COUNT(columns));
        (void)snprintf(names[count], sizeof *names, "%s %zu", clr_optimizer_names()[count / 3], count % 3);
        columns[count] = (struct csv_column){names[count], -100, 100, false, false};
    }
    ck_assert_msg(csv_read(&table, path, columns, count, &err) == 0, "%s", err.message);
    ck_assert_uint_ge(table.rows, 30);
    for (size_t kind = 0; clr_optimizer_names()[kind]; kind++) {
        double w[3] = {0.5, -1.25, 2.0}, v[3] = {0.0}, s[3] = {0.0}, g[3];
        struct optimizer_ref u = {
            {(enum clr_optimizer)kind, false, false, momentum2, 1e-3, 0.0}, 0.9, 0.1, w, v, s};
        for (size_t t = 0; t < table.rows; t++) {
            for (size_t i = 0; i < 3; i++)
                g[i] = cos(1.0 + 0.7 * (double)t + (double)i);
            optimizer_reference(&u, g, 3, 0.05 * (double)(1 + t % 3), t);
            for (size_t i = 0; i < 3; i++)
                ck_assert_msg(fabs(w[i] - csv_at(&table, t, 3 * kind + i)) < 1e-12,
                              "%s after update %zu: %.15g", columns[3 * kind + i].name, t, w[i]);
        }
    }
    csv_clear(&table);
}
END_TEST

/* Two updates of one weight, by hand: w 1, g 2, λ 0.5, μ 0.5, rates 0.1 and 0.2. */
START_TEST(test_ref__caffe_s_optimizers)
{
    const double g = 2.0;
    double w = 1.0, v = 0.0, s = 0.0;
    struct optimizer_ref u = {{CLR_OPTIMIZER_NESTEROV, true, false, 0.75, 0.125, 0.0}, 0.5, 0.5, &w, &v, &s};

    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 0.25);
    NEAR(w, 1.0 - 1.5 * 0.25);
    optimizer_reference(&u, &g, 1, 0.2, 1);
    NEAR(v, 0.5 * 0.25 + 0.2 * (2.0 + 0.5 * 0.625));
    NEAR(w, 0.625 - (1.5 * 0.5875 - 0.5 * 0.25));
    w = 1.0;
    v = 0.0;
    u.settings.kind = CLR_OPTIMIZER_ADAM;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 1.25);                                          /* half of 2.5 */
    NEAR(s, 1.5625);                                        /* a quarter of 6.25 */
    NEAR(w, 1.0 - 0.1 * 0.5 / 0.5 * 1.25 / (1.25 + 0.125)); /* √(1 − 0.75)/(1 − 0.5) = 1 */
    w = 1.0;
    v = s = 0.0;
    u.momentum = 0.0; /* Caffe has no correction: h ← ρh + (1 − ρ)g², w ← w − ηg/(√h + δ) */
    u.settings.kind = CLR_OPTIMIZER_RMSPROP;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(s, 1.5625);
    NEAR(w, 1.0 - 0.1 * 2.5 / (1.25 + 0.125));
    w = 1.0;
    v = s = 0.0; /* h ← h + g², w ← w − ηg/(√h + δ) */
    u.settings.kind = CLR_OPTIMIZER_ADAGRAD;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 6.25);
    NEAR(w, 1.0 - 0.1 * 2.5 / (2.5 + 0.125));
    w = 1.0;
    v = s = 0.0; /* ρ is momentum2: h ← ρh + (1 − ρ)g², u = g√((h₂ + δ)/(h + δ)), h₂ ← ρh₂ + (1 − ρ)u² */
    u.settings.kind = CLR_OPTIMIZER_ADADELTA;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(s, 1.5625);
    NEAR(w, 1.0 - 0.1 * 2.5 * sqrt(0.125 / 1.6875));
    NEAR(v, 0.25 * 6.25 * 0.125 / 1.6875);
    u.momentum = 0.5;
    w = -1.0;
    v = 0.0;
    u.settings.kind = CLR_OPTIMIZER_SGD;
    u.settings.l1 = true;
    optimizer_reference(&u, &g, 1, 0.1, 0);
    NEAR(v, 0.1 * (2.0 - 0.5));
    w = v = 0.0;
    optimizer_reference(&u, &g, 1, 0.1, 0); /* the sign of 0 is 0 */
    NEAR(v, 0.2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ref");
    TCase *tc = tcase_create("ref");

    tcase_add_test(tc, test_ref__conv_by_hand);
    tcase_add_test(tc, test_ref__conv_groups_by_hand);
    tcase_add_loop_test(tc, test_ref__conv_gradients, 0, 5);
    tcase_add_test(tc, test_ref__pool_ave_divides_by_clipped_windows);
    tcase_add_test(tc, test_ref__pool_ave_counts_padding);
    tcase_add_test(tc, test_ref__pool_max_by_hand);
    tcase_add_loop_test(tc, test_ref__pool_gradients, 0, 20);
    tcase_add_test(tc, test_ref__lrn_by_hand);
    tcase_add_loop_test(tc, test_ref__lrn_gradients, 0, 4);
    tcase_add_loop_test(tc, test_ref__dense_by_hand_and_gradients, 0, 2);
    tcase_add_test(tc, test_ref__relu_by_hand);
    tcase_add_loop_test(tc, test_ref__relu_gradients, 0, 2);
    tcase_add_test(tc, test_ref__dropout_mask);
    tcase_add_loop_test(tc, test_ref__softmax_loss_by_hand_and_gradients, 0, 2);
    tcase_add_test(tc, test_ref__accuracy_ties_and_nan);
    tcase_add_test(tc, test_ref__sgd_conventions);
    tcase_add_test(tc, test_optimizer__there_is_none_of_that_number);
    tcase_add_test(tc, test_ref__optimizers_are_pytorch_s);
    tcase_add_test(tc, test_ref__caffe_s_optimizers);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
