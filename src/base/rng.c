/* Philox4x32-10: see rng.h for the source. */
#include "base/rng.h"

#include <math.h>

void rng_philox(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = iteration, c3 = purpose;

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t h0 = (uint32_t)(p0 >> 32), l0 = (uint32_t)p0;
        uint32_t h1 = (uint32_t)(p1 >> 32), l1 = (uint32_t)p1;
        c0 = h1 ^ c1 ^ k0;
        c1 = l1;
        c2 = h0 ^ c3 ^ k1;
        c3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static double to_unit(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double rng_uniform(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index)
{
    uint32_t r[4];

    rng_philox(seed, purpose, iteration, index, r);
    return to_unit(r[0], r[1]);
}

double rng_normal(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index)
{
    const double two_pi = 6.283185307179586;
    uint32_t r[4];

    rng_philox(seed, purpose, iteration, index, r);
    return sqrt(-2.0 * log(1.0 - to_unit(r[0], r[1]))) * cos(two_pi * to_unit(r[2], r[3]));
}

uint32_t rng_below(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index, uint32_t n)
{
    uint32_t r[4], reject = (uint32_t)(0u - n) % n;

    rng_philox(seed, purpose, iteration, index, r);
    for (int i = 0; i < 3; i++) {
        uint64_t product = (uint64_t)r[i] * n;
        if ((uint32_t)product >= reject)
            return (uint32_t)(product >> 32);
    }
    return (uint32_t)(((uint64_t)r[3] * n) >> 32); /* after three rejections, odds below 2^-30 for n < 2^22 */
}
