/* Shapes and output sizes: see geometry.h. */
#include "base/geometry.h"

#include <math.h>

bool shape_count(const struct shape *s, size_t *out)
{
    size_t n;

    if (s->n < 0 || s->c < 0 || s->h < 0 || s->w < 0)
        return false;
    if (!clr_mul_size(&n, (size_t)s->n, (size_t)s->c) || !clr_mul_size(&n, n, (size_t)s->h) ||
        !clr_mul_size(&n, n, (size_t)s->w))
        return false;
    *out = n;
    return true;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    return a->n == b->n && a->c == b->c && a->h == b->h && a->w == b->w;
}

static int ranges(const char *const *names, const int *values, const int *minima, size_t count,
                  struct clr_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] < minima[i] || values[i] > GEOMETRY_MAX)
            return clr_error_set(err, CLR_EINPUT, "%s is %d, outside %d…%d", names[i], values[i], minima[i],
                                 GEOMETRY_MAX);
    return 0;
}

int geometry_conv(struct conv_geometry *g, struct clr_error *err)
{
    static const char *const names[] = {"input channels", "input height", "input width",     "num_output",
                                        "kernel height",  "kernel width", "stride height",   "stride width",
                                        "pad height",     "pad width",    "dilation height", "dilation width",
                                        "group"};
    static const int minima[] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1};
    const int values[] = {g->c,  g->h,  g->w,  g->oc, g->kh, g->kw,   g->sh,
                          g->sw, g->ph, g->pw, g->dh, g->dw, g->group};
    long long eh, ew;
    int rc = ranges(names, values, minima, MEM_COUNT(names), err);

    if (rc < 0)
        return rc;
    if (g->c % g->group != 0 || g->oc % g->group != 0)
        return clr_error_set(err, CLR_EINPUT, "group %d does not divide both %d input and %d output channels",
                             g->group, g->c, g->oc);
    eh = (long long)g->dh * (g->kh - 1) + 1;
    ew = (long long)g->dw * (g->kw - 1) + 1;
    if (g->h + 2LL * g->ph < eh || g->w + 2LL * g->pw < ew)
        return clr_error_set(err, CLR_EINPUT,
                             "a kernel that spans %lld×%lld does not fit into an input of %d×%d with "
                             "padding %d×%d",
                             eh, ew, g->h, g->w, g->ph, g->pw);
    g->oh = (int)((g->h + 2LL * g->ph - eh) / g->sh) + 1;
    g->ow = (int)((g->w + 2LL * g->pw - ew) / g->sw) + 1;
    return 0;
}

/* One dimension of pooling; 0 where no window fits. */
static int pool_output(int size, int kernel, int stride, int pad, enum pool_rounding rounding)
{
    int room = size + 2 * pad - kernel, out;

    if (room < 0 && rounding == POOL_CEIL && room > -stride)
        room = 0; /* ceil of a negative fraction above −1 is 0 */
    if (room < 0)
        return 0;
    out = (rounding == POOL_CEIL ? (room + stride - 1) / stride : room / stride) + 1;
    if ((long long)(out - 1) * stride >= (long long)size + pad)
        out--; /* it would start after the image */
    return out;
}

int geometry_pool(struct pool_geometry *g, struct clr_error *err)
{
    static const char *const names[] = {"channels",      "input height", "input width",
                                        "kernel height", "kernel width", "stride height",
                                        "stride width",  "pad height",   "pad width"};
    static const int minima[] = {1, 1, 1, 1, 1, 1, 1, 0, 0};
    const int values[] = {g->c, g->h, g->w, g->kh, g->kw, g->sh, g->sw, g->ph, g->pw};
    int rc = ranges(names, values, minima, MEM_COUNT(names), err);

    if (rc < 0)
        return rc;
    if (g->ph >= g->kh || g->pw >= g->kw)
        return clr_error_set(err, CLR_EINPUT, "padding %d×%d is not smaller than the window %d×%d", g->ph,
                             g->pw, g->kh, g->kw);
    g->oh = pool_output(g->h, g->kh, g->sh, g->ph, g->rounding);
    g->ow = pool_output(g->w, g->kw, g->sw, g->pw, g->rounding);
    if (g->oh < 1 || g->ow < 1)
        return clr_error_set(err, CLR_EINPUT,
                             "a window of %d×%d does not fit into an input of %d×%d with padding %d×%d",
                             g->kh, g->kw, g->h, g->w, g->ph, g->pw);
    return 0;
}

int geometry_lrn(const struct lrn_geometry *g, struct clr_error *err)
{
    static const char *const names[] = {"channels", "input height", "input width", "local_size"};
    static const int minima[] = {1, 1, 1, 1};
    const int values[] = {g->c, g->h, g->w, g->size};
    int rc = ranges(names, values, minima, MEM_COUNT(names), err);

    if (rc < 0)
        return rc;
    if (g->size % 2 == 0)
        return clr_error_set(err, CLR_EINPUT, "local_size is %d: it must be odd", g->size);
    if (!isfinite(g->alpha) || !isfinite(g->beta) || !isfinite(g->k) || g->k <= 0.0f)
        return clr_error_set(err, CLR_EINPUT, "alpha, beta and k must be finite, and k above 0");
    return 0;
}
