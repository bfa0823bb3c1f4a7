/*
 * A convolution that nobody goes back through (the first of a net), the maximum pool behind it and a
 * rectifier behind that, in one: the map between them, the largest of the net, is never in memory.
 *
 *   y[n,o,p,q] = max over window (p,q) of c,   c = conv(x) + b    (rules: cl/conv_direct.cl, cl/pool.cl)
 *   dw[o,c,i,j] = Σ_{n,p,q} dy[n,o,p,q] · x[n, c, r·SH − PH + i, s·SW − PW + j]
 *
 * where (r,s) is the place of the maximum in window (p,q): one pixel of a window at most has a gradient, so
 * this takes as many sums of KH·KW·C products as there are windows, not as the map has pixels.
 *
 * conv_pool_forward  NDRange (OCG, batch), work-groups of one work-item: makes the rows of the map one by
 *                    one in a ring of local memory as high as a window, and pools each window when its rows
 *                    are there. y, and (SAVE) arg [N][Y_CB][POOL_OH][POOL_OW][V]: the place i·POOL_KW + j,
 *                    or NONE. Weights as conv_direct_pack (cl/conv_direct.cl) leaves them.
 * conv_pool_slices   NDRange (ceil(OC/OT), SLICES)  → partial [SLICES][OC][KH][16], then [SLICES][OC]: a row
 *                    of the kernel, KW·C ≤ 16 neighbouring floats of x, is one vector; OT channels at a time.
 * conv_pool_reduce   NDRange (OC)                   partial → dw, db, slices in ascending order
 *
 * x in one block of all its channels (X_BLOCK = C), dilation 1. Macros of the convolution: OC IC KH KW SH SW
 * PH PW OH OW (the map), XT OB (tile: XT pixels × OB vectors); of the pool: POOL_KH POOL_KW POOL_SH POOL_SW
 * POOL_PH POOL_PW POOL_OH POOL_OW; X_…, Y_… (of y, or of dy), V, RELU, SAVE, BIAS, OT, SLICES, PER_SLICE.
 */
#ifndef POOL_KH
#error "conv_pool.cl needs POOL_KH and the other macros of its header"
#endif

#define NONE   (POOL_KH * POOL_KW)
#define XTILES ((OW + XT - 1) / XT)
#define OCG    ((Y_CB + OB - 1) / OB)
#define GROUP  (KH * KW * X_BLOCK * OB * V)

#define ARG(n, cb, p, q) ((((size_t)(n) * Y_CB + (cb)) * POOL_OH + (p)) * POOL_OW + (q))

#ifdef XT
#define RING_ROW (XTILES * XT * OB * V)

/* No window is clipped; windows of usual sizes are unrolled. */
#define WHOLE                                                                                                \
    (POOL_PH == 0 && POOL_PW == 0 && (POOL_OH - 1) * POOL_SH + POOL_KH <= OH &&                              \
     (POOL_OW - 1) * POOL_SW + POOL_KW <= OW)
#if POOL_KH * POOL_KW <= 25
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

/* XT pixels of the map from x, whose first element they start at. */
void map_tile(__local float *out, __global const float *x, __global const float *weight,
              __global const float *bias);
void map_tile(__local float *out, __global const float *x, __global const float *weight,
              __global const float *bias)
{
    floatv acc[XT][OB];

#pragma unroll
    for (int o = 0; o < OB; o++)
#pragma unroll
        for (int t = 0; t < XT; t++)
            acc[t][o] = LOADV(o, bias);
    for (int ky = 0; ky < KH; ky++) {
        __global const float *row = x + (size_t)ky * (X_WP * X_BLOCK);
        for (int k = 0; k < KW * X_BLOCK; k++) {
            floatv wv[OB];
#pragma unroll
            for (int o = 0; o < OB; o++)
                wv[o] = LOADV(o, weight);
            weight += OB * V;
#pragma unroll
            for (int t = 0; t < XT; t++) {
                const floatv xv = (floatv)(row[t * SW * X_BLOCK + k]);
#pragma unroll
                for (int o = 0; o < OB; o++)
                    acc[t][o] = fma(xv, wv[o], acc[t][o]);
            }
        }
    }
#pragma unroll
    for (int t = 0; t < XT; t++)
#pragma unroll
        for (int o = 0; o < OB; o++)
            STOREV(acc[t][o], t * OB + o, out);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_pool_forward(__global float *restrict y,
#if SAVE
                  __global uchar *restrict arg,
#endif
                  __global const float *restrict x, __global const float *restrict packed, int batch)
{
    __local float ring[POOL_KH * RING_ROW];
    const int ocg = (int)get_global_id(0), n = (int)get_global_id(1);
    __global const float *bias = packed + (size_t)OCG * GROUP + (size_t)ocg * (OB * V);
    int made = 0; /* rows of the map up to here were made, or are in no window */

    for (int p = 0; p < POOL_OH; p++) {
        const int top = p * POOL_SH - POOL_PH, first = max(top, 0), end = min(top + POOL_KH, OH);
        for (made = max(made, first); made < end; made++)
            for (int t = 0; t < XTILES; t++)
                map_tile(ring + made % POOL_KH * RING_ROW + t * (XT * OB * V),
                         x + AT(X, n, 0, made * SH - PH, t * XT * SW - PW),
                         packed + (size_t)ocg * GROUP, bias);
        for (int q = 0; q < POOL_OW; q++) {
            const int left = q * POOL_SW - POOL_PW;
            for (int o = 0; o < OB; o++) {
                const int cb = ocg * OB + o;
                floatv best = (floatv)(-INFINITY);
                intv place = (intv)((first - top) * POOL_KW + max(-left, 0));
                if (Y_CB % OB != 0 && cb >= Y_CB)
                    break;
                UNROLL for (int i = 0; i < POOL_KH; i++) {
                    __local const float *row = ring + (top + i + POOL_KH) % POOL_KH * RING_ROW;
                    if (!WHOLE && (top + i < 0 || top + i >= OH))
                        continue;
                    UNROLL for (int j = 0; j < POOL_KW; j++) {
                        if (!WHOLE && (left + j < 0 || left + j >= OW))
                            continue;
                        const floatv v = LOADV((left + j) * OB + o, row);
                        const intv better = (v > best) | (v != v);
                        best = better ? v : best;
                        place = better ? (intv)(i * POOL_KW + j) : place;
                    }
                }
#if RELU
                place = best > (floatv)(0.0f) ? place : (intv)(NONE);
                best = best <= (floatv)(0.0f) ? (floatv)(0.0f) : best;
#endif
                STOREV(best, 0, y + AT(Y, n, cb, p, q));
#if SAVE
                STOREV_UCHAR(TO_UCHARV(place), ARG(n, cb, p, q), arg);
#endif
            }
        }
    }
}
#endif

#ifdef OT
/* A place of window (p, q) that is in the map. */
#define HOME(p, q) (max(POOL_PH - (p) * POOL_SH, 0) * POOL_KW + max(POOL_PW - (q) * POOL_SW, 0))
#define SLICE (OC * KH * 16)

__kernel void conv_pool_slices(__global float *restrict partial, __global const float *restrict x,
                               __global const float *restrict dy, __global const uchar *restrict arg,
                               int batch)
{
    const int o0 = (int)get_global_id(0) * OT, s = (int)get_global_id(1);
    float16 acc[OT][KH];
    float sum[OT];

    if (o0 >= OC || s >= SLICES)
        return;
#pragma unroll
    for (int k = 0; k < OT; k++) {
        sum[k] = 0.0f;
#pragma unroll
        for (int i = 0; i < KH; i++)
            acc[k][i] = (float16)(0.0f);
    }
    const int cb = o0 / V, lane = o0 % V; /* OT divides V: the channels lie in one block */
    for (int n = s * PER_SLICE; n < min((s + 1) * PER_SLICE, batch); n++)
        for (int p = 0; p < POOL_OH; p++)
            for (int q = 0; q < POOL_OW; q++) {
                __global const uchar *places = arg + ARG(n, cb, p, q) * V + lane;
                __global const float *d = dy + AT(Y, n, cb, p, q) + lane;
                __global const float *corner = x + AT(X, n, 0, (p * POOL_SH - POOL_PH) * SH - PH,
                                                      (q * POOL_SW - POOL_PW) * SW - PW);
#pragma unroll
                for (int k = 0; k < OT; k++) {
                    const int there = places[k] != NONE, place = there ? places[k] : HOME(p, q);
                    const float value = there ? d[k] : 0.0f;
                    __global const float *patch =
                        corner + (place / POOL_KW * SH * X_WP + place % POOL_KW * SW) * X_BLOCK;
                    sum[k] += value;
#pragma unroll
                    for (int i = 0; i < KH; i++)
                        acc[k][i] =
                            fma((float16)(value), vload16(0, patch + i * (X_WP * X_BLOCK)), acc[k][i]);
                }
            }
#pragma unroll
    for (int k = 0; k < OT; k++) {
        if (o0 + k < OC) {
            partial[(size_t)SLICES * SLICE + s * OC + o0 + k] = sum[k];
#pragma unroll
            for (int i = 0; i < KH; i++)
                vstore16(acc[k][i], (size_t)(s * OC + o0 + k) * KH + i, partial);
        }
    }
}

__kernel void conv_pool_reduce(__global float *restrict dw, __global float *restrict db,
                               __global const float *restrict partial)
{
    const int o = (int)get_global_id(0);
    float lanes[16], bias = 0.0f;

    if (o >= OC)
        return;
    for (int i = 0; i < KH; i++) {
        float16 sum = (float16)(0.0f);
        for (int s = 0; s < SLICES; s++)
            sum += vload16((size_t)(s * OC + o) * KH + i, partial);
        vstore16(sum, 0, lanes);
        for (int c = 0; c < IC; c++)
            for (int j = 0; j < KW; j++)
                dw[((o * IC + c) * KH + i) * KW + j] = lanes[j * IC + c];
    }
#if BIAS
    for (int s = 0; s < SLICES; s++)
        bias += partial[(size_t)SLICES * SLICE + s * OC + o];
    db[o] = bias;
#endif
}
#endif
