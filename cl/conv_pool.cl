/*
 * A convolution whose input needs no gradient (the first of a net), the maximum pool after it and a
 * rectifier after that, in one: the map between them, the largest of the net, is never in memory.
 *
 *   y[n,o,p,q] = max over window (p,q) of c,   c = conv(x) + b    (rules: cl/conv_direct.cl, cl/pool.cl)
 *   dw[o,c,i,j] = Σ_{n,p,q} dy[n,o,p,q] · x[n, c, r·SH − PH + i, s·SW − PW + j]
 *
 * where (r,s) is the place of the maximum in window (p,q): one pixel of a window at most has a gradient, so
 * this takes as many sums of KH·KW·C products as there are windows, not as the map has pixels.
 *
 * Forward kernels make the rows of the map in a ring in local memory, RING rows high, and pool each window
 * when its rows are there: y, and (SAVE) arg [N][Y_CB][POOL_OH][POOL_OW][V], the PLACE (cl/pool.clh) or NONE.
 * They are work-groups of one work-item, which makes BAND rows of y; all of them, where BAND is not defined:
 * there is one band then.
 *   conv_pool_forward   NDRange (OCG, batch, bands)  row by row, RING = POOL_KH. Weights as conv_direct_pack
 *                       (cl/conv_direct.cl) leaves them.
 *   conv_pool_winograd  NDRange (1, batch, bands)    four rows at a time by Winograd (cl/winograd.clh: stride
 *                       1, kernel R×R, at most 4 channels, V ≥ 4), RING ≥ POOL_KH + 3 and a multiple of 4.
 *                       Weights as conv_pool_filter leaves them.
 *   conv_pool_filter    NDRange (IC + 1, OCG·OB)  w → u [OCG][T][IC][T][OB·V], column by column of a tile,
 *                       then the bias, [OCG·OB·V].
 *
 * conv_pool_slices   NDRange (ceil(OC/OT), SLICES)  → partial [SLICES][OC][KH][16], then [SLICES][OC]: a row
 *                    of the kernel, KW·C ≤ 16 neighbouring floats of x, at a time; OT channels at a time.
 * conv_pool_reduce   NDRange (OC)                   partial → dw, db, slices in ascending order
 *
 * x in one block of all its channels (X_BLOCK = C), dilation 1. Macros of the convolution: OC IC KH KW SH SW
 * PH PW OH OW (the map); XT, pixels of a tile in registers, or R; OB, vectors of it; of the pool: POOL_KH
 * POOL_KW POOL_SH POOL_SW POOL_PH POOL_PW POOL_OH POOL_OW; X_…, Y_… (of y, or of dy), V, RELU, SAVE, BIAS,
 * RING, OT, SLICES, PER_SLICE.
 */
#ifndef POOL_KH
#error "conv_pool.cl needs POOL_KH and the other macros of its header"
#endif

#define WINDOW_H POOL_KH
#define WINDOW_W POOL_KW
#include "pool.clh"

#define OCG ((Y_CB + OB - 1) / OB)

#define ARG(n, cb, p, q) ((((size_t)(n) * Y_CB + (cb)) * POOL_OH + (p)) * POOL_OW + (q))

#ifdef RING
#ifdef R
#define TX       ((OW + 3) / 4)
#define RING_ROW (4 * TX * OB * V)
#else
#define XTILES   ((OW + XT - 1) / XT)
#define RING_ROW (XTILES * XT * OB * V)
#endif

/* No window is clipped. */
#define WHOLE                                                                                                \
    (POOL_PH == 0 && POOL_PW == 0 && (POOL_OH - 1) * POOL_SH + POOL_KH <= OH &&                              \
     (POOL_OW - 1) * POOL_SW + POOL_KW <= OW)

/* The windows of row p, of channel group ocg. */
void pool_row(__global float *y, __global uchar *arg, __local const float *ring, int n, int ocg, int p)
{
    const int top = p * POOL_SH - POOL_PH;

    for (int q = 0; q < POOL_OW; q++) {
        const int left = q * POOL_SW - POOL_PW;
        for (int o = 0; o < OB; o++) {
            const int cb = ocg * OB + o;
            floatv best = (floatv)(-INFINITY);
            intv place = (intv)PLACE(max(-top, 0), max(-left, 0));
            if (Y_CB % OB != 0 && cb >= Y_CB)
                break;
            UNROLL_WINDOW for (int i = 0; i < POOL_KH; i++) {
                if (!WHOLE && (top + i < 0 || top + i >= OH))
                    continue;
                __local const float *row = ring + (top + i) % RING * RING_ROW;
                UNROLL_WINDOW for (int j = 0; j < POOL_KW; j++) {
                    if (!WHOLE && (left + j < 0 || left + j >= OW))
                        continue;
                    const floatv v = LOADV((left + j) * OB + o, row);
                    const intv better = (v > best) | (v != v);
                    best = better ? v : best;
                    place = better ? (intv)PLACE(i, j) : place;
                }
            }
#if RELU
            place = best > (floatv)(0.0f) ? place : (intv)(NONE);
            best = best <= (floatv)(0.0f) ? (floatv)(0.0f) : best;
#endif
            STOREV(best, 0, y + AT(Y, n, cb, p, q));
#if SAVE
            STOREV(TO_UCHARV(place), ARG(n, cb, p, q), arg);
#endif
        }
    }
}

/* The rows of y that a work-item makes. */
#ifdef BAND
#define BAND_FIRST ((int)get_global_id(2) * BAND)
#define BAND_END   min(BAND_FIRST + BAND, POOL_OH)
#else
#define BAND_FIRST 0
#define BAND_END   POOL_OH
#endif

/* Rows [FIRST, END) of the map are in the windows of row p. */
#define FIRST(p) max((p) * POOL_SH - POOL_PH, 0)
#define END(p)   min((p) * POOL_SH - POOL_PH + POOL_KH, OH)

#ifndef R
#define GROUP (KH * KW * X_BLOCK * OB * V)

/* XT pixels of the map from x, whose first element they start at. */
void map_tile(__local float *out, __global const float *x, __global const float *weight,
              __global const float *bias)
{
    floatv acc[XT][OB];

    UNROLL for (int o = 0; o < OB; o++)
        UNROLL for (int t = 0; t < XT; t++)
            acc[t][o] = LOADV(o, bias);
    for (int ky = 0; ky < KH; ky++) {
        __global const float *row = x + (size_t)ky * (X_WP * X_BLOCK);
        for (int k = 0; k < KW * X_BLOCK; k++) {
            floatv wv[OB];
            UNROLL for (int o = 0; o < OB; o++)
                wv[o] = LOADV(o, weight);
            weight += OB * V;
            UNROLL for (int t = 0; t < XT; t++) {
                const floatv xv = (floatv)(row[t * SW * X_BLOCK + k]);
                UNROLL for (int o = 0; o < OB; o++)
                    acc[t][o] = fma(xv, wv[o], acc[t][o]);
            }
        }
    }
    UNROLL for (int t = 0; t < XT; t++)
        UNROLL for (int o = 0; o < OB; o++)
            STOREV(acc[t][o], t * OB + o, out);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_pool_forward(__global float *restrict y, __global uchar *restrict arg, __global const float *restrict x,
                  __global const float *restrict packed, int batch)
{
    __local float ring[RING * RING_ROW];
    const int ocg = (int)get_global_id(0), n = (int)get_global_id(1);
    __global const float *bias = packed + (size_t)OCG * GROUP + (size_t)ocg * (OB * V);
    int made = 0; /* rows of the map up to here were made, or are in no window */

    for (int p = BAND_FIRST; p < BAND_END; p++) {
        for (made = max(made, FIRST(p)); made < END(p); made++)
            for (int t = 0; t < XTILES; t++)
                map_tile(ring + made % RING * RING_ROW + t * (XT * OB * V),
                         x + AT(X, n, 0, made * SH - PH, t * XT * SW - PW), packed + (size_t)ocg * GROUP,
                         bias);
        pool_row(y, arg, ring, n, ocg, p);
    }
}
#else

/* ------------------------------------------------------------------ by Winograd */

#include "winograd.clh"

#define PER     (V / 4) /* tiles of a vector: each has four lanes, for the channels */
#define VECTORS ((TX + PER - 1) / PER)
#define WIDTH   (((VECTORS * PER * 4 + R - 1) * X_BLOCK + 3 + V - 1) / V) /* of a row of inputs, in vectors */
#define GROUP   (POS * IC * OB * V)
#define ONE_BY_ONE _Pragma("unroll 1")

__kernel void conv_pool_filter(__global float *restrict u, __global const float *restrict w,
                               __global const float *restrict b)
{
    const int c = (int)get_global_id(0), ob = (int)get_global_id(1);
    floatv tile[POS];

    if (c > IC || ob >= OCG * OB)
        return;
    if (c == IC) {
        for (int lane = 0; lane < V; lane++)
            u[OCG * GROUP + ob * V + lane] = ob * V + lane < BIAS * OC ? b[ob * V + lane] : 0.0f;
        return;
    }
    filter_tile(tile, w, ob, c);
    for (int i = 0; i < T; i++)
        for (int j = 0; j < T; j++)
            STOREV(tile[i * T + j], ((j * IC + c) * T + i) * OB + ob % OB, u + (size_t)(ob / OB) * GROUP);
}

/* Four floats of each of the tiles of a vector. */
floatv gather(__local const float *x)
{
#if V == 4
    return vload4(0, x);
#elif V == 8
    return (floatv)(vload4(0, x), vload4(X_BLOCK, x));
#else
    return (floatv)(vload4(0, x), vload4(X_BLOCK, x), vload4(2 * X_BLOCK, x), vload4(3 * X_BLOCK, x));
#endif
}

/* Bᵀ x B of the tiles of four rows of the map → v [VECTORS][POS][V]; x is the corner of the first. */
void transform_rows(__local float *v, __local float *rows, __global const float *x)
{
    floatv in[T], out[T];

    for (int k = 0; k < WIDTH; k++) {
        UNROLL for (int i = 0; i < T; i++)
            in[i] = LOADV(k, x + i * (X_WP * X_BLOCK));
        transform_input(out, in);
        UNROLL for (int i = 0; i < T; i++)
            STOREV(out[i], i * WIDTH + k, rows);
    }
    for (int k = 0; k < VECTORS; k++) {
        ONE_BY_ONE for (int i = 0; i < T; i++) {
            UNROLL for (int j = 0; j < T; j++)
                in[j] = gather(rows + i * (WIDTH * V) + (k * PER * 4 + j) * X_BLOCK);
            transform_input(out, in);
            UNROLL for (int j = 0; j < T; j++)
                STOREV(out[j], (k * T + i) * T + j, v);
        }
    }
}

/* A tile of the map, 4×4 pixels of OB vectors; v: its four lanes. */
void map_tile(__local float *out, __local const float *v, __global const float *u,
              __global const float *bias);
void map_tile(__local float *out, __local const float *v, __global const float *u, __global const float *bias)
{
    floatv columns[OB][4 * T], acc[OB][T], y[4];

    ONE_BY_ONE for (int j = 0; j < T; j++) {
        UNROLL for (int c = 0; c < IC; c++)
            UNROLL for (int i = 0; i < T; i++) {
                const floatv a = VEC(v[(i * T + j) * V + c]);
                UNROLL for (int o = 0; o < OB; o++) {
                    const floatv w = LOADV((c * T + i) * OB + o, u);
                    acc[o][i] = c == 0 ? a * w : fma(a, w, acc[o][i]);
                }
            }
        u += IC * T * OB * V;
        UNROLL for (int o = 0; o < OB; o++) {
            transform_output(y, acc[o], 4);
            UNROLL for (int i = 0; i < 4; i++)
                columns[o][i * T + j] = y[i];
        }
    }
    ONE_BY_ONE for (int i = 0; i < 4; i++) {
        UNROLL for (int o = 0; o < OB; o++) {
            transform_output(y, columns[o] + i * T, 4);
            UNROLL for (int j = 0; j < 4; j++)
                STOREV(y[j] + LOADV(o, bias), j * OB + o, out + i * RING_ROW);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_pool_winograd(__global float *restrict y, __global uchar *restrict arg, __global const float *restrict x,
                   __global const float *restrict u, int batch)
{
    __local float ring[OCG * RING * RING_ROW] ALIGNED, rows[T * WIDTH * V] ALIGNED,
        v[VECTORS * POS * V] ALIGNED;
    const int n = (int)get_global_id(1);
    int made = 0; /* rows of the map up to here were made, or are in no window */

    for (int p = BAND_FIRST; p < BAND_END; p++) {
        for (made = max(made, FIRST(p) / 4 * 4); made < END(p); made += 4) {
            transform_rows(v, rows, x + AT(X, n, 0, made - PH, -PW));
            for (int g = 0; g < OCG; g++)
                for (int t = 0; t < TX; t++)
                    map_tile(ring + (g * RING + made % RING) * RING_ROW + t * (4 * OB * V),
                             v + t / PER * (POS * V) + t % PER * 4, u + (size_t)g * GROUP,
                             u + (size_t)OCG * GROUP + g * (OB * V));
        }
        for (int g = 0; g < OCG; g++)
            pool_row(y, arg, ring + g * (RING * RING_ROW), n, g, p);
    }
}
#endif
#endif

#ifdef OT
/* A pixel of window (p, q) that is in the map. */
#define HOME(p, q) (max(POOL_PH - (p) * POOL_SH, 0) * POOL_KW + max(POOL_PW - (q) * POOL_SW, 0))
#define ROWV  (16 / V) /* vectors of a row of the kernel */
#define SLICE (OC * KH * 16)

__kernel void conv_pool_slices(__global float *restrict partial, __global const float *restrict x,
                               __global const float *restrict dy, __global const uchar *restrict arg,
                               int batch)
{
    const int o0 = (int)get_global_id(0) * OT, s = (int)get_global_id(1);
    floatv acc[OT][KH][ROWV];
    float sum[OT];

    if (o0 >= OC || s >= SLICES)
        return;
    UNROLL for (int k = 0; k < OT; k++) {
        sum[k] = 0.0f;
        UNROLL for (int i = 0; i < KH; i++)
            UNROLL for (int r = 0; r < ROWV; r++)
                acc[k][i][r] = (floatv)(0.0f);
    }
    const int cb = o0 / V, lane = o0 % V; /* OT divides V: the channels lie in one block */
    for (int n = s * PER_SLICE; n < min((s + 1) * PER_SLICE, batch); n++)
        for (int p = 0; p < POOL_OH; p++)
            for (int q = 0; q < POOL_OW; q++) {
                __global const uchar *places = arg + ARG(n, cb, p, q) * V + lane;
                __global const float *d = dy + AT(Y, n, cb, p, q) + lane;
                __global const float *corner = x + AT(X, n, 0, (p * POOL_SH - POOL_PH) * SH - PH,
                                                      (q * POOL_SW - POOL_PW) * SW - PW);
                UNROLL for (int k = 0; k < OT; k++) {
                    const int there = places[k] != NONE, pixel = there ? PIXEL(places[k]) : HOME(p, q);
                    const float value = there ? d[k] : 0.0f;
                    __global const float *patch =
                        corner + (pixel / POOL_KW * SH * X_WP + pixel % POOL_KW * SW) * X_BLOCK;
                    sum[k] += value;
                    UNROLL for (int i = 0; i < KH; i++)
                        UNROLL for (int r = 0; r < ROWV; r++)
                            acc[k][i][r] = fma((floatv)(value), LOADV(r, patch + i * (X_WP * X_BLOCK)),
                                               acc[k][i][r]);
                }
            }
    UNROLL for (int k = 0; k < OT; k++) {
        if (o0 + k < OC) {
            partial[(size_t)SLICES * SLICE + s * OC + o0 + k] = sum[k];
            UNROLL for (int i = 0; i < KH; i++)
                UNROLL for (int r = 0; r < ROWV; r++)
                    STOREV(acc[k][i][r], ((size_t)(s * OC + o0 + k) * KH + i) * ROWV + r, partial);
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
        for (int k = 0; k < 16; k++)
            lanes[k] = 0.0f;
        for (int s = 0; s < SLICES; s++)
            for (int k = 0; k < 16; k++)
                lanes[k] += partial[((size_t)(s * OC + o) * KH + i) * 16 + k];
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
