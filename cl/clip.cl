/*
 * The factor by which the gradients of all parameters are shortened where their common norm exceeds `limit`:
 *
 *   n = √(Σ g²), over the parameters whose lr_mult is not 0; factor = min(1, limit/n); NaN: n is not finite.
 *
 * The sum is a tree of fixed shape: ITEMS sums of SPAN numbers in a row, each ITEMS·SPAN after the one before
 * and in the order of the parameters; LEVEL sums of those; one of these. g and `table` are as in
 * optimizer.clh.
 *
 * clip_squares   NDRange (ITEMS)    sums[i]
 * clip_sums      NDRange (LEVEL)    sums[ITEMS + i]
 * clip_factor    NDRange (1)        *factor
 */
#if !defined(ITEMS) || !defined(LEVEL) || !defined(SPAN)
#error "clip.cl needs ITEMS, a multiple of LEVEL, and SPAN"
#endif

#define ROW 5

__kernel void clip_squares(__global float *sums, __global const float *restrict g,
                           __global const uint *restrict table, int parameters)
{
    const uint item = (uint)get_global_id(0);
    float sum = 0.0f;

    if (item >= ITEMS)
        return;
    for (int p = 0; p < parameters; p++) {
        __global const uint *row = table + p * ROW;
        const uint count = as_float(row[3]) != 0.0f ? row[2] : 0, at = row[1];
        for (uint first = item * SPAN; first < count; first += ITEMS * SPAN)
            for (uint i = at + first; i < at + min(first + SPAN, count); i++)
                sum = fma(g[i], g[i], sum);
    }
    sums[item] = sum;
}

__kernel void clip_sums(__global float *sums)
{
    const uint item = (uint)get_global_id(0);
    float sum = 0.0f;

    if (item >= LEVEL)
        return;
    for (uint i = item; i < ITEMS; i += LEVEL)
        sum += sums[i];
    sums[ITEMS + item] = sum;
}

__kernel void clip_factor(__global float *restrict factor, __global const float *restrict sums, float limit)
{
    float sum = 0.0f, norm;

    if (get_global_id(0) > 0)
        return;
    for (uint i = 0; i < LEVEL; i++)
        sum += sums[ITEMS + i];
    norm = sqrt(sum);
    *factor = !isfinite(norm) ? NAN : norm > limit ? limit / norm : 1.0f;
}
