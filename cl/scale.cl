/*
 * A factor and a term for each channel: y = x·factor + term (FACTOR, TERM: 1 if there is one);
 * dx = dy·factor. With NEGATIVE 1 only numbers that are not positive have the factor: PReLU.
 * Their gradients, Σ dy·x and Σ dy: cl/channel_sums.cl.
 *
 * scale_forward   NDRange (ceil(H/ROWS), X_CB, batch)   y from x, which may be the same memory
 * scale_backward  NDRange (ceil(H/ROWS), X_CB, batch)
 *                 dx from dy, which may be the same memory; with NEGATIVE also from x
 *
 * SHARED 1: one factor for all channels
 * X_… Y_… DX_… DY_… V C H W ROWS (rows a work-item handles) FACTOR TERM
 */
#ifndef FACTOR
#error "scale.cl needs FACTOR and the other macros of its header"
#endif

#include "channels.clh"

#if SHARED
#define FACTOR_OF(p, cb) ((floatv)((p)[0]))
#else
#define FACTOR_OF(p, cb) channels(p, cb)
#endif
#if NEGATIVE
#define SCALED(v) ((v) > (floatv)(0.0f) ? (v) : (v)*factor)
#else
#define SCALED(v) fma(v, factor, term)
#endif

__kernel void scale_forward(__global float *y, __global const float *x, __global const float *factor_,
                            __global const float *term_, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
#if FACTOR
    const floatv factor = FACTOR_OF(factor_, cb);
#else
    const floatv factor = (floatv)(1.0f);
#endif
#if NEGATIVE
#elif TERM
    const floatv term = channels(term_, cb);
#else
    const floatv term = (floatv)(0.0f);
#endif
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = x + AT(X, n, cb, h, 0);
        __global float *to = y + AT(Y, n, cb, h, 0);
        for (int w = 0; w < W; w++)
            STOREV(SCALED(LOADV(w, from)), w, to);
    }
}

__kernel void scale_backward(__global float *dx, __global const float *dy, __global const float *x,
                             __global const float *factor_, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
#if FACTOR
    const floatv factor = FACTOR_OF(factor_, cb);
#else
    const floatv factor = (floatv)(1.0f);
#endif
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = dy + AT(DY, n, cb, h, 0);
#if NEGATIVE
        __global const float *values = x + AT(X, n, cb, h, 0);
#endif
        __global float *to = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++)
#if NEGATIVE
            STOREV(LOADV(w, values) > (floatv)(0.0f) ? LOADV(w, from) : LOADV(w, from) * factor, w, to);
#else
            STOREV(LOADV(w, from) * factor, w, to);
#endif
    }
}
