/*
 * What the device can do at most: fused multiply-adds on registers, and a triad through memory.
 *
 * bench_fma    NDRange (items)               ROUNDS times x ← fma(x, factor, summand) in 12 vectors of V
 *                                            floats that begin with (item + lane) mod 64; to y[item][12·V]
 * bench_fill   NDRange (ceil(vectors/SPAN))  a[i] = i mod 1021, b[i] = i mod 509, for every float i
 * bench_triad  NDRange (ceil(vectors/SPAN))  c[i] = fma(s, b[i], a[i]), in vectors of V floats
 *
 * The triad is that of J. D. McCalpin's STREAM (https://www.cs.virginia.edu/stream/).
 *
 * V ROUNDS SPAN; ACCUMULATORS is 12: with 2 units of latency 4 to 5, as CPUs have them, 10 are enough, and 16
 * registers have room for them and the two constants.
 */
#if !defined(V) || !defined(ROUNDS) || !defined(SPAN)
#error "bench.cl needs V, ROUNDS and SPAN"
#endif

#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define ACCUMULATORS 12

#define DECLARE(k) floatv x##k = start[k];
#define STEP(k)    x##k = fma(x##k, f, s);
#define STORE(k)   STOREV(x##k, k, out);

__kernel void bench_fma(__global float *y, float factor, float summand)
{
    const size_t item = get_global_id(0);
    const floatv f = (floatv)(factor), s = (floatv)(summand);
    __global float *out = y + item * (V * ACCUMULATORS);
    floatv start[ACCUMULATORS];

    for (int lane = 0; lane < V * ACCUMULATORS; lane++)
        ((float *)start)[lane] = (float)((item + (size_t)lane) % 64);
    EACH(DECLARE)
    for (int round = 0; round < ROUNDS; round++) {
        EACH(STEP)
    }
    EACH(STORE)
}

__kernel void bench_fill(__global float *a, __global float *b, ulong vectors)
{
    const ulong first = (ulong)get_global_id(0) * SPAN;

    for (ulong i = first * V; i < min(first + SPAN, vectors) * V; i++) {
        a[i] = (float)(i % 1021);
        b[i] = (float)(i % 509);
    }
}

__kernel void bench_triad(__global float *restrict c, __global const float *restrict a,
                          __global const float *restrict b, float s, ulong vectors)
{
    const ulong first = (ulong)get_global_id(0) * SPAN;

    for (ulong i = first; i < min(first + SPAN, vectors); i++)
        STOREV(fma((floatv)(s), LOADV(i, b), LOADV(i, a)), i, c);
}
