/*
 * Initial values: see init.h. The formulas are Caffe's (include/caffe/filler.hpp): with n = fan_in, fan_out
 * or their mean, xavier is uniform in ±sqrt(3/n) (Glorot and Bengio 2010), msra is gaussian with std
 * sqrt(2/n) (He et al. 2015). pytorch is what PyTorch's nn.Conv2d and nn.Linear begin with (their
 * reset_parameters()): weights and biases uniform in ±1/sqrt(fan_in of the weights). sparse: each number is
 * kept with probability sparse / outputs, else it is 0 (Martens 2010, as Caffe has it).
 */
#include "net/init.h"

#include <math.h>

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

void init_fill(float *out, const struct graph_param *p, int number, uint64_t seed)
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
}
