/*
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A number depends on its key alone, never on what was drawn before, so host, device
 * and every batch size agree, and a resumed run draws what the undisturbed one drew.
 *
 * Key: (seed). Counter: (index low, index high, iteration, purpose). The same in cl/common.clh.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

#include "base/banned.h"

enum rng_purpose {
    RNG_SHUFFLE = 1, /* iteration = epoch, index = place in the list */
    RNG_INIT =
        2, /* iteration = number of the parameter in the net, index = element; count + element: kept? */
    RNG_DROPOUT = 3, /* iteration = update XOR layer number << 24, index = sample × elements + element */
    RNG_SPLIT = 4,   /* stratified validation split */
    RNG_TEST = 5,    /* data of the self-check and the tests */
    RNG_VIEW = 6,    /* iteration = epoch, index = 4·image + what: part and mirroring of an image */
    RNG_PAIR = 7,    /* iteration = epoch, index = image: with which it is paired */
};

/* Four 32-bit numbers for one counter. */
void rng_philox(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index, uint32_t out[4]);

/* Uniform in [0, 1), 53 bits. */
double rng_uniform(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index);

/* Standard normal (Box–Muller on one counter). */
double rng_normal(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index);

/* Uniform integer in [0, n), n > 0, by multiplication with rejection (no bias). */
uint32_t rng_below(uint64_t seed, uint32_t purpose, uint32_t iteration, uint64_t index, uint32_t n);

#endif
