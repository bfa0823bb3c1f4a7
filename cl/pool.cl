/*
 * Pooling, maximum and average, forward and backward; windows, clipping and divisor as src/base/geometry.h
 * says (Caffe's rules). Gradients gather: each input pixel looks at the windows that cover it.
 *
 * A NaN in a window is its maximum: `v > m` alone would lose it.
 *
 * pool_max_forward   NDRange (OH·ceil(OW/SPAN), X_CB, batch)       y, arg (a window's PLACE: pool.clh)
 * pool_max_backward  NDRange (H·ceil(GROUPS/SPAN), X_CB, batch)    dx from dy, arg
 * pool_ave_forward   as the first                                  y
 * pool_ave_backward  as the second                                 dx from dy (and x, if MASK)
 *
 * Going back, a work-item handles SPAN groups of SW pixels of a row: group q is the pixels that window q
 * covers and window q + 1 does not, so which windows reach a pixel of it, and with which place, is known when
 * the kernel is compiled; only at the edges some of them do not exist.
 *
 * x and dx: X_…; y and dy: Y_…; one block V. arg: [N][CB][OH][OW][V] bytes, or ushort where KH·KW > 255
 * (ARG_T). H W OH OW KH KW SH SW PH PW SPAN. SAVE 0: no arg is written (evaluation).
 * WHOLE 1: no window is clipped. RELU: y = max(y, 0); MASK: dx = 0 where x is not positive. For a maximum
 * both mean that a window whose maximum is not positive passes nothing back: its place is NONE. An average
 * reads x for it, whose macros are M_….
 */
#ifndef KH
#error "pool.cl needs KH and the other macros of its header"
#endif

#define WINDOW_H KH
#define WINDOW_W KW
#include "pool.clh"

#define OSPANS  ((OW + SPAN - 1) / SPAN)
#define GROUP_0 (PW / SW)
#define GROUPS  ((W - 1 + PW) / SW - GROUP_0 + 1)
#define SPANS   ((GROUPS + SPAN - 1) / SPAN)
#define REACH_H ((KH + SH - 1) / SH) /* windows that may cover a row, and a column */
#define REACH_W ((KW + SW - 1) / SW)

#define ARG(n, cb, p, q) ((((size_t)(n) * Y_CB + (cb)) * OH + (p)) * OW + (q))
typedef CAT(ARG_T, V) argv;
#define TO_ARGV(v) CAT(CAT(convert_, ARG_T), V)(v)

/* Is row (column) i of window p in the image? */
#define IN(p, i, SIZE, S, P) (WHOLE || ((p) * (S) - (P) + (i) >= 0 && (p) * (S) - (P) + (i) < (SIZE)))

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
    __global const float *rows = x + AT(X, n, cb, p * SH - PH, -PW);
    const int i0 = WHOLE ? 0 : max(PH - p * SH, 0);
    for (int q = q0; q < min(q0 + SPAN, OW); q++) {
        floatv best = (floatv)(-INFINITY);
        intv place = (intv)PLACE(i0, WHOLE ? 0 : max(PW - q * SW, 0));
        UNROLL_WINDOW for (int i = 0; i < KH; i++) {
            if (!IN(p, i, H, SH, PH))
                continue;
            UNROLL_WINDOW for (int j = 0; j < KW; j++) {
                if (!IN(q, j, W, SW, PW))
                    continue;
                const floatv v = LOADV(i * X_WP + q * SW + j, rows);
                const intv better = (v > best) | (v != v);
                best = better ? v : best;
                place = better ? (intv)PLACE(i, j) : place;
            }
        }
#if RELU || MASK
        place = best > (floatv)(0.0f) ? place : (intv)(NONE);
#endif
#if RELU
        best = best <= (floatv)(0.0f) ? (floatv)(0.0f) : best;
#endif
        STOREV(best, 0, y + AT(Y, n, cb, p, q));
#if SAVE
        STOREV(TO_ARGV(place), ARG(n, cb, p, q), arg);
#endif
    }
}

/* Both gradients: what the windows that cover a pixel give it. TERM(p, q, i, j): of window (p, q), in which
 * the pixel is at (i, j). */
#define GATHER(sum, row, q, r, TERM)                                                                         \
    UNROLL_WINDOW for (int e = 0; e < REACH_H; e++)                                                          \
    {                                                                                                        \
        const int p = (row) / SH - e, i = (row) % SH + e * SH;                                               \
        if (i >= KH || p < 0 || p >= OH)                                                                     \
            continue;                                                                                        \
        UNROLL_WINDOW for (int d = 0; d < REACH_W; d++)                                                      \
        {                                                                                                    \
            const int j = (r) + d * SW, o = (q)-d;                                                           \
            if (j < KW && o >= 0 && o < OW)                                                                  \
                (sum) += TERM(p, o, i, j);                                                                   \
        }                                                                                                    \
    }

#define MAX_TERM(p, q, i, j)                                                                                 \
    (TO_INTV(LOADV(ARG(n, cb, p, q), arg) == (argv)PLACE(i, j)) ? LOADV(q, dy + AT(Y, n, cb, p, 0))          \
                                                                     : (floatv)(0.0f))

__kernel void pool_max_backward(__global float *restrict dx, __global const float *restrict dy,
                                __global const ARG_T *restrict arg, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h = g / SPANS, q0 = GROUP_0 + g % SPANS * SPAN;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    for (int q = q0; q < min(q0 + SPAN, GROUP_0 + GROUPS); q++) {
        UNROLL_WINDOW for (int r = 0; r < SW; r++) {
            const int w = q * SW + r - PW;
            floatv sum = (floatv)(0.0f);
            if (w < 0 || w >= W)
                continue;
            GATHER(sum, h + PH, q, r, MAX_TERM)
            STOREV(sum, 0, dx + AT(X, n, cb, h, w));
        }
    }
}

/* Size of window p in one dimension: clipped to the padded image, not to the image. */
#define LENGTH(p, SIZE, K, S, P) (WHOLE ? (K) : min((SIZE) + 2 * (P) - (p) * (S), K))
#define WEIGHT(p, q)             (1.0f / (float)(LENGTH(p, H, KH, SH, PH) * LENGTH(q, W, KW, SW, PW)))

__kernel void pool_ave_forward(__global float *restrict y, __global const float *restrict x, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int p = g / OSPANS, q0 = g % OSPANS * SPAN;

    if (p >= OH || cb >= X_CB || n >= batch)
        return;
    __global const float *rows = x + AT(X, n, cb, p * SH - PH, -PW);
    for (int q = q0; q < min(q0 + SPAN, OW); q++) {
        floatv sum = (floatv)(0.0f);
        UNROLL_WINDOW for (int i = 0; i < KH; i++) {
            if (!IN(p, i, H, SH, PH))
                continue;
            UNROLL_WINDOW for (int j = 0; j < KW; j++)
                if (IN(q, j, W, SW, PW))
                    sum += LOADV(i * X_WP + q * SW + j, rows);
        }
        STOREV(sum * WEIGHT(p, q), 0, y + AT(Y, n, cb, p, q));
    }
}

#define AVE_TERM(p, q, i, j) LOADV(q, dy + AT(Y, n, cb, p, 0)) * WEIGHT(p, q)

__kernel void pool_ave_backward(__global float *restrict dx, __global const float *restrict dy,
                                __global const float *restrict x, int batch)
{
    const int g = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h = g / SPANS, q0 = GROUP_0 + g % SPANS * SPAN;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    for (int q = q0; q < min(q0 + SPAN, GROUP_0 + GROUPS); q++) {
        UNROLL_WINDOW for (int r = 0; r < SW; r++) {
            const int w = q * SW + r - PW;
            floatv sum = (floatv)(0.0f);
            if (w < 0 || w >= W)
                continue;
            GATHER(sum, h + PH, q, r, AVE_TERM)
#if MASK
            sum = LOADV(w, x + AT(M, n, cb, h, 0)) > (floatv)(0.0f) ? sum : (floatv)(0.0f);
#endif
            STOREV(sum, 0, dx + AT(X, n, cb, h, w));
        }
    }
}
