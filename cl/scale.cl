/*
 * A factor and a term for each channel: y = x·factor + term (FACTOR, TERM: 1 if there is one);
 * dx = dy·factor.
 * Their gradients, Σ dy·x and Σ dy: cl/channel_sums.cl.
 *
 * scale_forward   NDRange (ceil(H/ROWS), X_CB, batch)   y from x, which may be the same memory
 * scale_backward  NDRange (ceil(H/ROWS), X_CB, batch)   dx from dy, which may be the same memory
 *
 * X_… Y_… DX_… DY_… V C H W ROWS (rows a work-item handles) FACTOR TERM
 */
#ifndef FACTOR
#error "scale.cl needs FACTOR and the other macros of its header"
#endif

#include "channels.clh"

__kernel void scale_forward(__global float *y, __global const float *x, __global const float *factor_,
                            __global const float *term_, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
#if FACTOR
    const floatv factor = channels(factor_, cb);
#else
    const floatv factor = (floatv)(1.0f);
#endif
#if TERM
    const floatv term = channels(term_, cb);
#else
    const floatv term = (floatv)(0.0f);
#endif
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = x + AT(X, n, cb, h, 0);
        __global float *to = y + AT(Y, n, cb, h, 0);
        for (int w = 0; w < W; w++)
            STOREV(fma(LOADV(w, from), factor, term), w, to);
    }
}

__kernel void scale_backward(__global float *dx, __global const float *dy, __global const float *factor_,
                             int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
#if FACTOR
    const floatv factor = channels(factor_, cb);
#else
    const floatv factor = (floatv)(1.0f);
#endif
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = dy + AT(DY, n, cb, h, 0);
        __global float *to = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++)
            STOREV(LOADV(w, from) * factor, w, to);
    }
}
