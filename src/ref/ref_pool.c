/*
 * Pooling in double precision, with Caffe's windows: [oS − P, min(oS − P + K, H + P)), then clipped to the
 * image. AVE divides by the size before the clipping to the image. See base/geometry.h.
 *
 * A window that lies outside the image altogether (only where K < S and P = 0, rounded up) gives 0.
 */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* One dimension of a window: [begin, end) within the image, `padded` its size with the padding. */
struct span {
    int begin, end, padded;
};

static struct span span_of(int out, int size, int kernel, int stride, int pad)
{
    int begin = out * stride - pad, end = begin + kernel;
    struct span s;

    if (end > size + pad)
        end = size + pad;
    s.padded = end - begin;
    s.begin = begin < 0 ? 0 : begin;
    s.end = end > size ? size : end;
    return s;
}

static double maximum(int *arg, const double *image, int width, struct span h, struct span w)
{
    double best = 0.0;
    int at = -1;

    for (int i = h.begin; i < h.end; i++) {
        for (int j = w.begin; j < w.end; j++) {
            double value = image[(size_t)i * (size_t)width + (size_t)j];
            if (at < 0 || value > best || isnan(value)) {
                best = value;
                at = i * width + j;
            }
        }
    }
    *arg = at;
    return best;
}

static double average(const double *image, int width, struct span h, struct span w)
{
    double sum = 0.0;

    for (int i = h.begin; i < h.end; i++)
        for (int j = w.begin; j < w.end; j++)
            sum += image[(size_t)i * (size_t)width + (size_t)j];
    return h.end > h.begin && w.end > w.begin ? sum / ((double)h.padded * w.padded) : 0.0;
}

void ref_pool_forward(double *y, int *arg, const double *x, int n, const struct pool_geometry *g)
{
    size_t plane = (size_t)g->h * (size_t)g->w, planes = (size_t)n * (size_t)g->c, o = 0;

    for (size_t k = 0; k < planes; k++) {
        for (int p = 0; p < g->oh; p++) {
            for (int q = 0; q < g->ow; q++, o++) {
                struct span h = span_of(p, g->h, g->kh, g->sh, g->ph);
                struct span w = span_of(q, g->w, g->kw, g->sw, g->pw);
                int at = -1;

                if (g->method == POOL_MAX)
                    y[o] = maximum(&at, x + k * plane, g->w, h, w);
                else
                    y[o] = average(x + k * plane, g->w, h, w);
                if (arg)
                    arg[o] = at;
            }
        }
    }
}

static void spread(double *image, int width, struct span h, struct span w, double dy)
{
    for (int i = h.begin; i < h.end; i++)
        for (int j = w.begin; j < w.end; j++)
            image[(size_t)i * (size_t)width + (size_t)j] += dy / ((double)h.padded * w.padded);
}

void ref_pool_backward(double *dx, const double *dy, const int *arg, int n, const struct pool_geometry *g)
{
    size_t plane = (size_t)g->h * (size_t)g->w, planes = (size_t)n * (size_t)g->c, o = 0;

    memset(dx, 0, planes * plane * sizeof *dx);
    for (size_t k = 0; k < planes; k++) {
        for (int p = 0; p < g->oh; p++) {
            for (int q = 0; q < g->ow; q++, o++) {
                if (g->method == POOL_AVE)
                    spread(dx + k * plane, g->w, span_of(p, g->h, g->kh, g->sh, g->ph),
                           span_of(q, g->w, g->kw, g->sw, g->pw), dy[o]);
                else if (arg[o] >= 0)
                    dx[k * plane + (size_t)arg[o]] += dy[o];
            }
        }
    }
}
