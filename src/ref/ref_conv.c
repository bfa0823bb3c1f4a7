/*
 * Convolution in double precision, written as the sums it is:
 *
 *   y[n,o,p,q] = b[o] + Σ_{i,r,s} w[o,i,r,s] · x[n, i', p·S − P + r·D, q·S − P + s·D]
 *
 * i runs over the C/G channels of o's group, i' is its number in the image; what lies outside the image is 0.
 * The gradients scatter along the same sum: dx += w·dy, dw += x·dy, db += dy.
 */
#include "ref/ref.h"

#include <string.h>

/* One image row or column that output `out` reads with kernel element `k`; false outside the image. */
static bool source(int *in, int out, int k, int stride, int pad, int dilation, int size)
{
    long long at = (long long)out * stride - pad + (long long)k * dilation;

    if (at < 0 || at >= size)
        return false;
    *in = (int)at;
    return true;
}

/* Index of pixel (c, h, w) of image n. */
static size_t at4(int n, int c, int h, int w, int channels, int height, int width)
{
    return (((size_t)n * (size_t)channels + (size_t)c) * (size_t)height + (size_t)h) * (size_t)width +
           (size_t)w;
}

/* One product of the sum: where its three factors lie. */
struct tap {
    size_t x, w, y;
};

typedef void (*tap_function)(void *user, const struct tap *tap);

/* Call visit for every product of one output element. */
static void visit_output(const struct conv_geometry *g, int n, int o, int p, int q, tap_function visit,
                         void *user)
{
    int inputs = g->c / g->group, first = o / (g->oc / g->group) * inputs;
    struct tap tap = {.y = at4(n, o, p, q, g->oc, g->oh, g->ow)};

    for (int i = 0; i < inputs; i++) {
        for (int r = 0; r < g->kh; r++) {
            for (int s = 0; s < g->kw; s++) {
                int h, w;

                if (!source(&h, p, r, g->sh, g->ph, g->dh, g->h) ||
                    !source(&w, q, s, g->sw, g->pw, g->dw, g->w))
                    continue;
                tap.x = at4(n, first + i, h, w, g->c, g->h, g->w);
                tap.w = at4(o, i, r, s, inputs, g->kh, g->kw);
                visit(user, &tap);
            }
        }
    }
}

static void visit_all(const struct conv_geometry *g, int n, tap_function visit, void *user)
{
    for (int k = 0; k < n; k++)
        for (int o = 0; o < g->oc; o++)
            for (int p = 0; p < g->oh; p++)
                for (int q = 0; q < g->ow; q++)
                    visit_output(g, k, o, p, q, visit, user);
}

struct arrays {
    double *y, *dx, *dw;
    const double *x, *w, *dy;
};

static void tap_forward(void *user, const struct tap *t)
{
    struct arrays *a = user;

    a->y[t->y] += a->w[t->w] * a->x[t->x];
}

static void tap_input(void *user, const struct tap *t)
{
    struct arrays *a = user;

    a->dx[t->x] += a->w[t->w] * a->dy[t->y];
}

static void tap_weight(void *user, const struct tap *t)
{
    struct arrays *a = user;

    a->dw[t->w] += a->x[t->x] * a->dy[t->y];
}

void ref_conv_forward(double *y, const double *x, const double *w, const double *b, int n,
                      const struct conv_geometry *g)
{
    struct arrays a = {.y = y, .x = x, .w = w};
    size_t plane = (size_t)g->oh * (size_t)g->ow, count = (size_t)n * (size_t)g->oc * plane;

    for (size_t i = 0; i < count; i++)
        y[i] = b ? b[i / plane % (size_t)g->oc] : 0.0;
    visit_all(g, n, tap_forward, &a);
}

void ref_conv_backward(double *dx, double *dw, double *db, const double *x, const double *w, const double *dy,
                       int n, const struct conv_geometry *g)
{
    struct arrays a = {.dx = dx, .dw = dw, .x = x, .w = w, .dy = dy};
    size_t plane = (size_t)g->oh * (size_t)g->ow, count = (size_t)n * (size_t)g->oc * plane;

    if (dx) {
        memset(dx, 0, (size_t)n * (size_t)g->c * (size_t)g->h * (size_t)g->w * sizeof *dx);
        visit_all(g, n, tap_input, &a);
    }
    if (dw) {
        memset(dw, 0, (size_t)g->oc * (size_t)(g->c / g->group) * (size_t)g->kh * (size_t)g->kw * sizeof *dw);
        visit_all(g, n, tap_weight, &a);
    }
    if (db) {
        memset(db, 0, (size_t)g->oc * sizeof *db);
        for (size_t i = 0; i < count; i++)
            db[i / plane % (size_t)g->oc] += dy[i];
    }
}
