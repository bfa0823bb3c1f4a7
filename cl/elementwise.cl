/*
 * A function of every number by itself: y = f(x); dx = dy·f′, where f′ is a function of x or of y. The
 * functions are the rows of src/ops/elementwise_rows.h; they come as macros, and are written for vectors of
 * V lanes.
 *
 * elementwise_forward   NDRange (ceil(H/ROWS), X_CB, batch)   y from x, which may be the same memory
 * elementwise_backward  NDRange (ceil(H/ROWS), X_CB, batch)   dx from dy and what f′ depends on (VALUE, laid
 *                       out as T_…: x or y); dx may be dy's memory
 *
 * FORWARD   f of x and A0, …      BACKWARD  dx of dy, A0, … and x or y
 * FROM_Y    1: f′ is computed from y, 0: from x
 * KEEPS_0   1: f(0) is 0, 0: lanes beyond C have to be set to 0
 *
 * X_… Y_… DX_… DY_… T_… V C H W ROWS (rows a work-item handles) A0 A1 A2 (the function's parameters, as far
 * as it has them) LN_A0 (the logarithm of a base A0)
 */
#ifndef FORWARD
#error "elementwise.cl needs FORWARD and the other macros of its header"
#endif

#define ZERO ((floatv)(0.0f))
#define ONE  ((floatv)(1.0f))

__kernel void elementwise_forward(__global float *out, __global const float *in, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = in + AT(X, n, cb, h, 0);
        __global float *to = out + AT(Y, n, cb, h, 0);
        for (int w = 0; w < W; w++) {
            const floatv x = LOADV(w, from);
            STOREV(FORWARD, w, to);
        }
#if !KEEPS_0
        for (int i = 0; cb == X_CB - 1 && i < W * V; i++)
            if (cb * V + i % V >= C)
                to[i] = 0.0f;
#endif
    }
}

__kernel void elementwise_backward(__global float *dx, __global const float *value, __global const float *dy_,
                                   int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *known = value + AT(T, n, cb, h, 0), *from = dy_ + AT(DY, n, cb, h, 0);
        __global float *to = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++) {
            const floatv dy = LOADV(w, from);
#if FROM_Y
            const floatv y = LOADV(w, known);
#else
            const floatv x = LOADV(w, known);
#endif
            STOREV(BACKWARD, w, to);
        }
    }
}
