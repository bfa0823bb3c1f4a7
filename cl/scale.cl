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

#if !FACTOR
#define FACTOR_OF(p, cb) ((floatv)(1.0f))
#elif SHARED
#define FACTOR_OF(p, cb) ((floatv)((p)[0]))
#else
#define FACTOR_OF(p, cb) channels(p, cb)
#endif
#if TERM
#define TERM_OF(p, cb) channels(p, cb)
#else
#define TERM_OF(p, cb) ((floatv)(0.0f))
#endif
#if NEGATIVE
#define SCALED(x)   ((x) > (floatv)(0.0f) ? (x) : (x)*factor)
#define BACK(dy, x) ((x) > (floatv)(0.0f) ? (dy) : (dy)*factor)
#else
#define SCALED(x)   fma(x, factor, term)
#define BACK(dy, x) ((dy)*factor)
#endif

__kernel void scale_forward(__global float *y, __global const float *x, __global const float *factor_,
                            __global const float *term_, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
    const floatv factor = FACTOR_OF(factor_, cb), term = TERM_OF(term_, cb);
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
    const floatv factor = FACTOR_OF(factor_, cb);
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = dy + AT(DY, n, cb, h, 0), *values = x + AT(X, n, cb, h, 0);
        __global float *to = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++)
            STOREV(BACK(LOADV(w, from), LOADV(w, values)), w, to);
    }
}
