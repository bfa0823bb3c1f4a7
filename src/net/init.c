/*
 * Initial values: see init.h. The formulas are Caffe's (include/caffe/filler.hpp): with n = fan_in, fan_out
 * or their mean, xavier is uniform in ±sqrt(3/n) (Glorot and Bengio 2010), msra is gaussian with std
 * sqrt(2/n) (He et al. 2015). pytorch is what PyTorch's nn.Conv2d and nn.Linear begin with (their
 * reset_parameters()): weights and biases uniform in ±1/sqrt(fan_in of the weights). sparse: each number is
 * kept with probability sparse / outputs, else it is 0 (Martens 2010, as Caffe has it).
 *
 * bilinear is Caffe's: each kernel is the tent that enlarges an image by f = ceil(kernel / 2), bilinearly.
 * orthogonal and dirac are PyTorch's (torch/nn/init.py). orthogonal (Saxe, McClelland and Ganguli 2013): the
 * Q of the QR decomposition of a gaussian matrix, R's diagonal positive; its rows, or its columns if there
 * are fewer, are orthonormal. dirac (Zagoruyko and Komodakis 2017): output o of a group passes input o of
 * the group, where it has one; all else is 0.
 */
#include "net/init.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static double fan(const struct graph_param *p)
{
    return p->filler.norm == FILLER_FAN_OUT   ? p->fan_out
           : p->filler.norm == FILLER_AVERAGE ? ((double)p->fan_in + p->fan_out) / 2.0
                                              : p->fan_in;
}

static void fill_uniform(float *out, size_t count, double min, double max, int number, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(min + (max - min) * rng_uniform(seed, RNG_INIT, (uint32_t)number, i));
}

static void fill_gaussian(float *out, size_t count, double mean, double std, int number, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(mean + std * rng_normal(seed, RNG_INIT, (uint32_t)number, i));
}

/* Its random numbers come after those of the values. */
static void thin_out(float *out, size_t count, double keep, int number, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        if (!(rng_uniform(seed, RNG_INIT, (uint32_t)number, count + i) < keep))
            out[i] = 0.0f;
}

static void fill_bilinear(float *out, const struct graph_param *p)
{
    const int k = p->dims[3], f = (k + 1) / 2;
    const double c = (2 * f - 1 - f % 2) / (2.0 * f);

    for (size_t i = 0; i < p->count; i++) {
        const double x = (double)(i % (size_t)k), y = (double)(i / (size_t)k % (size_t)k);
        out[i] = (float)((1.0 - fabs(x / f - c)) * (1.0 - fabs(y / f - c)));
    }
}

static void fill_dirac(float *out, const struct graph_param *p)
{
    const size_t in = (size_t)p->dims[1], h = (size_t)p->dims[2], w = (size_t)p->dims[3];
    const size_t outputs = (size_t)(p->dims[0] / p->groups), passed = outputs < in ? outputs : in;

    memset(out, 0, p->count * sizeof *out);
    for (size_t g = 0; g < (size_t)p->groups; g++)
        for (size_t o = 0; o < passed; o++)
            out[(((g * outputs + o) * in + o) * h + h / 2) * w + w / 2] = 1.0f;
}

static double dot(const double *a, const double *b, size_t size)
{
    double sum = 0.0;

    for (size_t i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Gram and Schmidt's method, on vectors of that size, one after the other in v. What rounding leaves of the
 * earlier ones is taken away by a second turn. */
static void orthonormalize(double *v, size_t count, size_t size)
{
    for (size_t k = 0; k < count; k++) {
        double *at = v + k * size, norm;
        for (size_t j = 0; j < 2 * k; j++) {
            const double *other = v + j % k * size, part = dot(at, other, size);
            for (size_t i = 0; i < size; i++)
                at[i] -= part * other[i];
        }
        norm = sqrt(dot(at, at, size));
        for (size_t i = 0; i < size; i++)
            at[i] /= norm;
    }
}

static int fill_orthogonal(float *out, const struct graph_param *p, int number, uint64_t seed,
                           struct clr_error *err)
{
    const size_t rows = (size_t)p->dims[0], columns = p->count / rows;
    const bool by_row = rows < columns;
    const size_t size = by_row ? columns : rows;
    double *v = NULL;
    int rc = mem_new(&v, p->count, sizeof *v, "an orthogonal matrix", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < p->count; i++) {
        const size_t at = by_row ? i : i % columns * size + i / columns;
        v[at] = rng_normal(seed, RNG_INIT, (uint32_t)number, i);
    }
    orthonormalize(v, p->count / size, size);
    for (size_t i = 0; i < p->count; i++)
        out[i] = (float)v[by_row ? i : i % columns * size + i / columns];
    free(v);
    return 0;
}

int init_fill(float *out, const struct graph_param *p, int number, uint64_t seed, struct clr_error *err)
{
    const struct filler *f = &p->filler;
    const double xavier = sqrt(3.0 / fan(p)), msra = sqrt(2.0 / fan(p)),
                 pytorch = 1.0 / sqrt((double)p->layer_fan_in);

    for (size_t i = 0; f->kind == FILLER_CONSTANT && i < p->count; i++)
        out[i] = (float)f->value;
    if (f->kind == FILLER_UNIFORM)
        fill_uniform(out, p->count, f->min, f->max, number, seed);
    if (f->kind == FILLER_GAUSSIAN)
        fill_gaussian(out, p->count, f->mean, f->std, number, seed);
    if (f->kind == FILLER_GAUSSIAN && f->sparse > 0)
        thin_out(out, p->count, (double)f->sparse / p->dims[0], number, seed);
    if (f->kind == FILLER_XAVIER)
        fill_uniform(out, p->count, -xavier, xavier, number, seed);
    if (f->kind == FILLER_PYTORCH)
        fill_uniform(out, p->count, -pytorch, pytorch, number, seed);
    if (f->kind == FILLER_MSRA)
        fill_gaussian(out, p->count, 0.0, msra, number, seed);
    if (f->kind == FILLER_BILINEAR)
        fill_bilinear(out, p);
    if (f->kind == FILLER_DIRAC)
        fill_dirac(out, p);
    return f->kind == FILLER_ORTHOGONAL ? fill_orthogonal(out, p, number, seed, err) : 0;
}
