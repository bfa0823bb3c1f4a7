/*
 * Pooling, maximum and average, forward and backward; windows, clipping and divisor as src/base/geometry.h
 * says (Caffe's rules). Gradients gather: each input pixel looks at the windows that cover it.
 *
 * A NaN in a window is its maximum: `v > m` alone would lose it.
 *
 * pool_max_forward   NDRange (OH·ceil(OW/SPAN), X_CB, batch)   y, arg (place in the window, i·KW + j)
 * pool_max_backward  NDRange (H·ceil(W/SPAN), X_CB, batch)     dx from dy, arg
 * pool_ave_forward   as the first                              y
 * pool_ave_backward  as the second                             dx from dy
 *
 * x and dx: X_…; y and dy: Y_…; one block V. arg: [N][CB][OH][OW][V] bytes, or ushort where KH·KW > 255
 * (ARG_T). H W OH OW KH KW SH SW PH PW SPAN. SAVE 0: no arg is wanted (evaluation).
 * WHOLE 1: no window is clipped.
 */
#ifndef KH
#error "pool.cl needs KH and the other macros of its header"
#endif
#ifndef ARG_T
#define ARG_T uchar
#endif
#ifndef SPAN
#define SPAN OW
#endif

#ifndef WHOLE
#define WHOLE 0
#endif

/* First and end row (column) of window p that lies in the image; constants where no window is clipped. */
#define FIRST(p, S, P)          (WHOLE ? 0 : max((P) - (p) * (S), 0))
#define END(p, SIZE, K, S, P)   (WHOLE ? (K) : min((SIZE) + (P) - (p) * (S), K))

#define OSPANS ((OW + SPAN - 1) / SPAN)
#define SPANS  ((W + SPAN - 1) / SPAN)
#define ARG(n, cb, p, q) ((((size_t)(n) * Y_CB + (cb)) * OH + (p)) * OW + (q))

#define CONVERT_ARG CAT(CAT(convert_, ARG_T), V)
#if V == 1
#define TO_ARGV(v) ((ARG_T)(v))
#else
#define TO_ARGV(v) CONVERT_ARG(v)
#endif

__kernel void pool_max_forward(__global float *restrict y,
#if SAVE
                               __global ARG_T *restrict arg,
#endif
                               __global const float *restrict x, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int p = g / OSPANS, q0 = g % OSPANS * SPAN;

    if (p >= OH || cb >= X_CB || n >= batch)
        return;
    const int i0 = FIRST(p, SH, PH), i1 = END(p, H, KH, SH, PH);
    for (int q = q0; q < min(q0 + SPAN, OW); q++) {
        const int j0 = FIRST(q, SW, PW), j1 = END(q, W, KW, SW, PW);
        floatv best = (floatv)(-INFINITY);
        intv place = (intv)(i0 * KW + j0);
        for (int i = i0; i < i1; i++) {
            __global const float *row = x + AT(X, n, cb, p * SH - PH + i, 0);
            for (int j = j0; j < j1; j++) {
                const floatv v = LOADV(q * SW - PW + j, row);
                const intv better = (v > best) | (v != v);
                best = select(best, v, better);
                place = select(place, (intv)(i * KW + j), better);
            }
        }
        STOREV(best, 0, y + AT(Y, n, cb, p, q));
#if SAVE
        STOREV(TO_ARGV(place), ARG(n, cb, p, q), arg);
#endif
    }
}

__kernel void pool_max_backward(__global float *restrict dx, __global const float *restrict dy,
                                __global const ARG_T *restrict arg, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h = g / SPANS, w0 = g % SPANS * SPAN;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    const int p0 = h + PH < KH ? 0 : (h + PH - KH) / SH + 1, p1 = min((h + PH) / SH, OH - 1);
    for (int w = w0; w < min(w0 + SPAN, W); w++) {
        const int q0 = w + PW < KW ? 0 : (w + PW - KW) / SW + 1, q1 = min((w + PW) / SW, OW - 1);
        floatv sum = (floatv)(0.0f);
        for (int p = p0; p <= p1; p++)
            for (int q = q0; q <= q1; q++) {
                const intv place = TO_INTV(LOADV(ARG(n, cb, p, q), arg));
                const intv here = (intv)((h + PH - p * SH) * KW + w + PW - q * SW);
                sum += select((floatv)(0.0f), LOADV(0, dy + AT(Y, n, cb, p, q)), place == here);
            }
        STOREV(sum, 0, dx + AT(X, n, cb, h, w));
    }
}

/* Reciprocal size of window (p, q): clipped to the padded image, not to the image. */
float window_weight(int p, int q);
float window_weight(int p, int q)
{
    const int rows = min(p * SH - PH + KH, H + PH) - (p * SH - PH);
    const int columns = min(q * SW - PW + KW, W + PW) - (q * SW - PW);
    return 1.0f / (float)(rows * columns);
}

__kernel void pool_ave_forward(__global float *restrict y, __global const float *restrict x, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int p = g / OSPANS, q0 = g % OSPANS * SPAN;

    if (p >= OH || cb >= X_CB || n >= batch)
        return;
    const int i0 = FIRST(p, SH, PH), i1 = END(p, H, KH, SH, PH);
    for (int q = q0; q < min(q0 + SPAN, OW); q++) {
        const int j0 = FIRST(q, SW, PW), j1 = END(q, W, KW, SW, PW);
        floatv sum = (floatv)(0.0f);
        for (int i = i0; i < i1; i++) {
            __global const float *row = x + AT(X, n, cb, p * SH - PH + i, 0);
            for (int j = j0; j < j1; j++)
                sum += LOADV(q * SW - PW + j, row);
        }
        STOREV(sum * window_weight(p, q), 0, y + AT(Y, n, cb, p, q));
    }
}

__kernel void pool_ave_backward(__global float *restrict dx, __global const float *restrict dy, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h = g / SPANS, w0 = g % SPANS * SPAN;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    const int p0 = h + PH < KH ? 0 : (h + PH - KH) / SH + 1, p1 = min((h + PH) / SH, OH - 1);
    for (int w = w0; w < min(w0 + SPAN, W); w++) {
        const int q0 = w + PW < KW ? 0 : (w + PW - KW) / SW + 1, q1 = min((w + PW) / SW, OW - 1);
        floatv sum = (floatv)(0.0f);
        for (int p = p0; p <= p1; p++)
            for (int q = q0; q <= q1; q++)
                sum += LOADV(0, dy + AT(Y, n, cb, p, q)) * window_weight(p, q);
        STOREV(sum, 0, dx + AT(X, n, cb, h, w));
    }
}
