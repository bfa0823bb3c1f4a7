/*
 * Joining along the channels: C channels of one tensor, from FROM0 on, go into another, from TO0 on. Forward,
 * an x into its part of y; going back, a part of dy into its dx. Slices: the other way round.
 *
 * concat_copy   NDRange (ceil(H/ROWS), ceil(C/V), batch)   to[n][TO0 + c] = from[n][FROM0 + c]
 *
 * WHOLE  1: both parts begin with a block, and lanes beyond C belong to no other tensor: whole blocks are
 *        copied
 * ZERO   1: zeros are written, and from is not read
 * MASK   1: 0 where m, laid out as M_…, is not positive (going back: TO0 = 0, m is x)
 *
 * TO_… FROM_… M_… V C H W TO0 FROM0 ROWS (rows a work-item handles)
 */
#ifndef C
#error "concat.cl needs C and the other macros of its header"
#endif

__kernel void concat_copy(__global float *to, __global const float *from, __global const float *m, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb * V >= C || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++)
        for (int w = 0; w < W; w++) {
#if WHOLE
            floatv v = ZERO ? (floatv)(0.0f) : LOADV(w, from + AT(FROM, n, cb + FROM0 / V, h, 0));
#if MASK
            v = LOADV(w, m + AT(M, n, cb, h, 0)) > (floatv)(0.0f) ? v : (floatv)(0.0f);
#endif
            STOREV(v, w, to + AT(TO, n, cb + TO0 / V, h, 0));
#else
            for (int c = cb * V; c < min(cb * V + V, C); c++) {
                float v = ZERO ? 0.0f : from[ELEMENT(FROM, n, FROM0 + c, h, w)];
#if MASK
                v = m[ELEMENT(M, n, c, h, w)] > 0.0f ? v : 0.0f;
#endif
                to[ELEMENT(TO, n, TO0 + c, h, w)] = v;
            }
#endif
        }
}
