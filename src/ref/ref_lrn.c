/*
 * Local response normalisation in double precision:
 *
 *   s_i = k + (α/n)·Σ_{j near i} x_j²,   y_i = x_i·s_i^−β
 *   dx_j = dy_j·s_j^−β − 2β(α/n)·x_j·Σ_{i near j} dy_i·x_i·s_i^(−β−1)
 *
 * Near: the `size` channels around i at the same pixel, n = size (across channels); or the size×size pixels
 * around i of the same channel, n = size² (within). Being near is mutual, because size is odd. What lies
 * outside counts as zero and n stays what it is. Source: Caffe, lrn layer (there within is an AVE pool of the
 * squares).
 */
#include "ref/ref.h"

#include <math.h>

/* Position of an element in one image, and the box of its neighbours [c0, c1) × [h0, h1) × [w0, w1). */
struct box {
    int c0, c1, h0, h1, w0, w1;
};

static int clip(int value, int max)
{
    return value < 0 ? 0 : value > max ? max : value;
}

static struct box near_box(const struct lrn_geometry *g, int c, int h, int w)
{
    int r = (g->size - 1) / 2, rc = g->region == LRN_ACROSS_CHANNELS ? r : 0, rp = r - rc;

    return (struct box){clip(c - rc, g->c),     clip(c + rc + 1, g->c), clip(h - rp, g->h),
                        clip(h + rp + 1, g->h), clip(w - rp, g->w),     clip(w + rp + 1, g->w)};
}

static double alpha_over_n(const struct lrn_geometry *g)
{
    double n = g->region == LRN_ACROSS_CHANNELS ? g->size : (double)g->size * g->size;

    return (double)g->alpha / n;
}

static size_t at3(const struct lrn_geometry *g, int c, int h, int w)
{
    return ((size_t)c * (size_t)g->h + (size_t)h) * (size_t)g->w + (size_t)w;
}

/* s at one element of an image. */
static double scale_at(const double *image, const struct lrn_geometry *g, int c, int h, int w)
{
    struct box b = near_box(g, c, h, w);
    double sum = 0.0;

    for (int i = b.c0; i < b.c1; i++)
        for (int j = b.h0; j < b.h1; j++)
            for (int k = b.w0; k < b.w1; k++)
                sum += image[at3(g, i, j, k)] * image[at3(g, i, j, k)];
    return (double)g->k + alpha_over_n(g) * sum;
}

static double gradient_at(const double *image, const double *dy, const struct lrn_geometry *g, int c, int h,
                          int w)
{
    struct box b = near_box(g, c, h, w);
    double beta = (double)g->beta, sum = 0.0;
    size_t at = at3(g, c, h, w);

    for (int i = b.c0; i < b.c1; i++)
        for (int j = b.h0; j < b.h1; j++)
            for (int k = b.w0; k < b.w1; k++)
                sum += dy[at3(g, i, j, k)] * image[at3(g, i, j, k)] *
                       pow(scale_at(image, g, i, j, k), -beta - 1.0);
    return dy[at] * pow(scale_at(image, g, c, h, w), -beta) - 2.0 * beta * alpha_over_n(g) * image[at] * sum;
}

void ref_lrn_forward(double *y, const double *x, int n, const struct lrn_geometry *g)
{
    size_t image = at3(g, g->c, 0, 0), o = 0;

    for (int k = 0; k < n; k++)
        for (int c = 0; c < g->c; c++)
            for (int h = 0; h < g->h; h++)
                for (int w = 0; w < g->w; w++, o++)
                    y[o] = x[o] * pow(scale_at(x + (size_t)k * image, g, c, h, w), -(double)g->beta);
}

void ref_lrn_backward(double *dx, const double *x, const double *dy, int n, const struct lrn_geometry *g)
{
    size_t image = at3(g, g->c, 0, 0), o = 0;

    for (int k = 0; k < n; k++)
        for (int c = 0; c < g->c; c++)
            for (int h = 0; h < g->h; h++)
                for (int w = 0; w < g->w; w++, o++)
                    dx[o] = gradient_at(x + (size_t)k * image, dy + (size_t)k * image, g, c, h, w);
}
