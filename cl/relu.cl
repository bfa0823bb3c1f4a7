/*
 * Rectifier: y = x where x > 0, else SLOPE·x; dx = dy where y > 0, else SLOPE·dy. A NaN stays one: the
 * test is `x <= 0`, which it fails.
 *
 * relu_forward   NDRange (ceil(H/ROWS), X_CB, batch)   y from x, which may be the same memory
 * relu_backward  NDRange (ceil(H/ROWS), X_CB, batch)   dx from y and dy; dx may be dy's memory
 *
 * X_… Y_… DX_… DY_… V H W ROWS (rows a work-item handles) SLOPE
 */
#ifndef SLOPE
#error "relu.cl needs SLOPE and the other macros of its header"
#endif

/* What is left of v on the left: a plain 0 where the slope is 0, never −0, as of those who rectify for us. */
#define LEFT(v) (SLOPE > 0.0f ? (v) * (floatv)(SLOPE) : (floatv)(0.0f))

__kernel void relu_forward(__global float *y, __global const float *x, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *in = x + AT(X, n, cb, h, 0);
        __global float *out = y + AT(Y, n, cb, h, 0);
        for (int w = 0; w < W; w++) {
            const floatv v = LOADV(w, in);
            STOREV(v <= (floatv)(0.0f) ? LEFT(v) : v, w, out);
        }
    }
}

__kernel void relu_backward(__global float *dx, __global const float *y, __global const float *dy, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *value = y + AT(Y, n, cb, h, 0), *in = dy + AT(DY, n, cb, h, 0);
        __global float *out = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++) {
            const floatv d = LOADV(w, in);
            STOREV(LOADV(w, value) > (floatv)(0.0f) ? d : LEFT(d), w, out);
        }
    }
}
