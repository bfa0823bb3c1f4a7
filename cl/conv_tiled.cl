/*
 * Convolution as an implicit matrix product in tiles, for GPUs; also its data gradient.
 *
 *   forward   y[n,o,p,q]  = b[o] + Σ_{c,i,j} x[n, c, p·SH − PH + i·DH, q·SW − PW + j·DW] · w[o,c,i,j]
 *   gradient  dx[n,c,h,w] = Σ_{o,i,j} dy[n, o, (h + PH − i·DH)/SH, (w + PW − j·DW)/SW] · w[o,c,i,j]
 *                           over those i, j where both divisions leave no remainder
 *
 * Both are Y = Wᵀ·X: a row for each channel of what is written, a column for each of its pixels in the whole
 * batch, and in between the taps (channel block, i, j) × the channels of a block, in this order. X is what is
 * read, x or dy, with a halo so wide that no tap of any pixel needs a test; Y what is written, y or dx.
 * V = Y_BLOCK; X_BLOCK may be any.
 *
 * A work-group of LX × LY makes BM = LY·TM channels × BN = LX·TN pixels, a work-item TM × TN of them in
 * registers. TAPS taps at a time, the group copies BN pixels of X and BM weights of each into local memory:
 * neighbouring work-items read neighbouring pixels, X_BLOCK channels at once, and write neighbouring floats.
 * A work-item's pixels and channels come in fours that are LX and LY fours apart: so neighbours read
 * neighbouring float4s of local memory, from different banks. What a pixel's address costs in divisions is
 * paid once per work-item; from tap to tap it takes additions.
 *
 * With a stride the gradient's pixels fall into SH·SW phases (h mod SH, w mod SW), and a tap serves one of
 * them. A work-group stays within a phase and walks its taps alone: as many multiply-adds as forward. Along
 * one side, phase f is served by i = r, r + IH, r + 2·IH …, IH = SH/gcd(SH, DH), where r is the smallest one
 * with (f + PH − r·DH) mod SH = 0; from one to the next, dy's row changes by −DH·IH/SH.
 *
 * conv_tiled_pack   NDRange (packed/4)                     weights → packed, a float4 each
 * conv_tiled        NDRange (LX·ceil(pixels/BN), LY·CHANNEL_TILES, phases); local size (LX, LY, 1)
 *                   pixels: of the batch, in the largest phase; phases: 1 forward, SH·SW gradient
 *
 * Packed weights: [CHANNEL_TILES][taps][X_BLOCK][BM], zero where a channel does not exist, the taps of one
 * phase after those of another: by i mod IH, then j mod IW, then channel block, i, j.
 *
 * DATA               0 forward, 1 data gradient
 * OC IC H W OH OW    of the convolution (forward); weights (OC,IC,KH,KW)
 * KH KW SH SW PH PW DH DW IH IW   geometry; IH = IW = 1 forward
 * LX LY TN TM        tile: TN, TM multiples of 4
 * TAPS               taps in local memory at a time
 * BIAS               forward: 0 or 1; `other` is the bias
 * RELU               forward: 1: y = max(y, 0), NaN stays
 * MASK               gradient: 1: dx = 0 where x is not positive; `other` is x, layout M_…, M_BLOCK = V
 *
 * Source of the tiling: the usual one of matrix products on GPUs, e.g. Nugteren, "CLBlast: a tuned OpenCL
 * BLAS library", IWOCL 2018; of the implicit product: Chetlur et al., "cuDNN: efficient primitives for deep
 * learning", 2014.
 */
#ifndef KH
#error "conv_tiled.cl needs KH and the other macros of its header"
#endif

#if DATA
#define Y_CHANNELS IC
#define X_CHANNELS OC
#define PHASES_H   SH /* phases, which are pixels of Y apart */
#define PHASES_W   SW
#define STRIDE_H   1 /* rows of X from one row of a phase to the next */
#define STRIDE_W   1
#define TAP_H      (-DH * IH / SH) /* rows of X from one tap of a phase to the next */
#define TAP_W      (-DW * IW / SW)
#define Y_H        H
#define Y_W        W
#else
#define Y_CHANNELS OC
#define X_CHANNELS IC
#define PHASES_H   1
#define PHASES_W   1
#define STRIDE_H   SH
#define STRIDE_W   SW
#define TAP_H      DH
#define TAP_W      DW
#define Y_H        OH
#define Y_W        OW
#endif

#define BN            (LX * TN)
#define BM            (LY * TM)
#define BK            (TAPS * X_BLOCK)
#define GROUP         (LX * LY)
#define CHANNEL_TILES ((Y_CB * V + BM - 1) / BM)
#define ALL_TAPS      (X_CB * KH * KW)

/* Work-items that copy the same tap, or taps that are copied side by side: COLUMNS or LANES is 1. */
#define COLUMNS (BN > GROUP ? BN / GROUP : 1)
#define LANES   (BN < GROUP ? GROUP / BN : 1)
#define STEP    (LANES < TAPS ? LANES : TAPS)

/* Of 0 … k − 1, how many leave remainder r divided by s, and how many a smaller one. */
#define COUNT(r, k, s)  (((k) - (r) + (s) - 1) / (s))
#define BEFORE(r, k, s) ((r) * ((k) / (s)) + min(r, (k) % (s)))

__kernel void conv_tiled_pack(__global float *restrict packed, __global const float *restrict w)
{
    const int at = (int)get_global_id(0);
    int r = at;
    float value[4];

    if (at >= CHANNEL_TILES * ALL_TAPS * X_BLOCK * (BM / 4))
        return;
    const int m = r % (BM / 4) * 4;
    r /= BM / 4;
    const int lane = r % X_BLOCK;
    r /= X_BLOCK;
    const int j = r % KW;
    r /= KW;
    const int i = r % KH;
    r /= KH;
    const int cb = r % X_CB, tile = r / X_CB;
    const int ri = i % IH, rj = j % IW, ni = COUNT(ri, KH, IH), nj = COUNT(rj, KW, IW);
    const int tap = X_CB * (BEFORE(ri, KH, IH) * KW + ni * BEFORE(rj, KW, IW)) +
                    (cb * ni + i / IH) * nj + j / IW;
    const int c = cb * X_BLOCK + lane;
    for (int k = 0; k < 4; k++) {
        const int o = tile * BM + m + k;
        value[k] = 0.0f;
        if (c < X_CHANNELS && o < Y_CHANNELS)
            value[k] = w[(DATA ? (c * IC + o) * KH + i : (o * IC + c) * KH + i) * KW + j];
    }
    vstore4(vload4(0, value), 0,
            packed + ((size_t)(tile * ALL_TAPS + tap) * X_BLOCK + lane) * BM + m);
}

/* The first tap along a side that serves phase f; `kernel` where there is none. */
int first_tap(int f, int kernel_size, int pad, int stride, int dilation, int step)
{
    for (int r = 0; r < step; r++)
        if ((f + pad - r * dilation) % stride == 0)
            return r;
    return kernel_size;
}

/* Four channels from c on of the pixel at `pixel`, which is AT(Y, n, 0, …): see the end of the kernel. */
void store4(__global float *restrict pixel, int c, float4 v)
{
    if (c < Y_CB * V)
        *(__global float4 *)(pixel + (size_t)(c / V) * (Y_HP * Y_WP * V) + c % V) = v;
}

#if MASK
float4 load4(__global const float *restrict pixel, int c)
{
    return c < Y_CB * V ? *(__global const float4 *)(pixel + (size_t)(c / V) * (M_HP * M_WP * V) + c % V)
                        : (float4)(0.0f);
}
#endif

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void
conv_tiled(__global float *restrict y, __global const float *restrict x,
           __global const float *restrict packed, __global const float *restrict other, int batch)
{
    __local float4 xs[BK * (BN / 4)], ws[BK * (BM / 4)];
    __local float *xs1 = (__local float *)xs;
    const int lx = (int)get_local_id(0), ly = (int)get_local_id(1), me = ly * LX + lx;
    const int pixel0 = (int)get_group_id(0) * BN, tile = (int)get_group_id(1), phase = (int)get_group_id(2);
    const int fh = phase / PHASES_W, fw = phase % PHASES_W;
#if DATA
    const int i0 = first_tap(fh, KH, PH, SH, DH, IH), j0 = first_tap(fw, KW, PW, SW, DW, IW);
    const int top = (fh + PH - i0 * DH) / SH, left = (fw + PW - j0 * DW) / SW;
#else
    const int i0 = 0, j0 = 0, top = -PH, left = -PW;
#endif
    const int rows = (Y_H - fh + PHASES_H - 1) / PHASES_H, columns = (Y_W - fw + PHASES_W - 1) / PHASES_W;
    const int pixels = batch * rows * columns;
    const int ni = COUNT(i0, KH, IH), nj = COUNT(j0, KW, IW), taps = pixels > 0 ? X_CB * ni * nj : 0;

    /* Which pixels this work-item copies, and the first of its taps; a phase may be without either. */
    __global const float *from[COLUMNS];
    const int column = me % BN, lane = me / BN;
    int b = lane % max(nj, 1), a = lane / max(nj, 1) % max(ni, 1);
    int at = (lane / max(nj * ni, 1) * X_HP + a * TAP_H) * X_WP + b * TAP_W;
    UNROLL for (int k = 0; k < COLUMNS; k++) {
        const int pixel = max(min(pixel0 + column + k * GROUP, pixels - 1), 0);
        const int q = pixel % max(columns, 1), r = pixel / max(columns, 1);
        const int p = r % max(rows, 1), n = r / max(rows, 1);
        from[k] = x + AT(X, n, 0, p * STRIDE_H + top, q * STRIDE_W + left);
    }
    __global const float4 *weights =
        (__global const float4 *)packed +
        (size_t)(tile * ALL_TAPS + X_CB * (BEFORE(i0, KH, IH) * KW + ni * BEFORE(j0, KW, IW))) *
            (X_BLOCK * BM / 4);

    float4 acc[TM / 4][TN];
    UNROLL for (int g = 0; g < TM / 4; g++) {
        float4 start = (float4)(0.0f);
#if BIAS
        const int c = tile * BM + (g * LY + ly) * 4;
        start = (float4)(c < OC ? other[c] : 0.0f, c + 1 < OC ? other[c + 1] : 0.0f,
                         c + 2 < OC ? other[c + 2] : 0.0f, c + 3 < OC ? other[c + 3] : 0.0f);
#endif
        UNROLL for (int t = 0; t < TN; t++)
            acc[g][t] = start;
    }

    for (int tap = 0; tap < taps; tap += TAPS) {
        UNROLL for (int t = 0; t < TAPS; t += STEP) {
            const bool live = tap + t + lane < taps;
            if (LANES <= TAPS || lane < TAPS) {
                UNROLL for (int k = 0; k < COLUMNS; k++) {
                    __local float *to = xs1 + (t + lane) * X_BLOCK * BN + column + k * GROUP;
                    __global const float *pixel = from[k] + (size_t)((ptrdiff_t)at * X_BLOCK);
#if X_BLOCK % 4 == 0
                    UNROLL for (int c = 0; c < X_BLOCK; c += 4) {
                        const float4 v = live ? *(__global const float4 *)(pixel + c) : (float4)(0.0f);
                        to[c * BN] = v.x;
                        to[(c + 1) * BN] = v.y;
                        to[(c + 2) * BN] = v.z;
                        to[(c + 3) * BN] = v.w;
                    }
#else
                    UNROLL for (int c = 0; c < X_BLOCK; c++)
                        to[c * BN] = live ? pixel[c] : 0.0f;
#endif
                }
            }
            UNROLL for (int k = 0; k < STEP; k++) { /* one tap on */
                at += TAP_W;
                if (++b == nj) {
                    b = 0;
                    at += TAP_H * X_WP - nj * TAP_W;
                    if (++a == ni) {
                        a = 0;
                        at += (X_HP - ni * TAP_H) * X_WP;
                    }
                }
            }
        }
        const int left_over = (taps - tap) * (X_BLOCK * BM / 4);
        UNROLL for (int k = 0; k < BK * BM / 4; k += GROUP)
            if (BK * BM / 4 % GROUP == 0 || k + me < BK * BM / 4)
                ws[k + me] = k + me < left_over ? weights[k + me] : (float4)(0.0f);
        weights += BK * BM / 4;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < BK; k++) {
            float4 wv[TM / 4];
            UNROLL for (int g = 0; g < TM / 4; g++)
                wv[g] = ws[k * (BM / 4) + g * LY + ly];
            UNROLL for (int t = 0; t < TN; t += 4) {
                const float4 xv = xs[k * (BN / 4) + t / 4 * LX + lx];
                UNROLL for (int g = 0; g < TM / 4; g++) {
                    acc[g][t] = fma((float4)(xv.x), wv[g], acc[g][t]);
                    acc[g][t + 1] = fma((float4)(xv.y), wv[g], acc[g][t + 1]);
                    acc[g][t + 2] = fma((float4)(xv.z), wv[g], acc[g][t + 2]);
                    acc[g][t + 3] = fma((float4)(xv.w), wv[g], acc[g][t + 3]);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    UNROLL for (int t = 0; t < TN; t++) {
        const int pixel = pixel0 + (t / 4 * LX + lx) * 4 + t % 4;
        const int q = pixel % max(columns, 1), r = pixel / max(columns, 1);
        const int p = r % max(rows, 1), n = r / max(rows, 1);
        const int h = p * PHASES_H + fh, w = q * PHASES_W + fw;
        if (pixel < pixels) {
            UNROLL for (int g = 0; g < TM / 4; g++) {
                const int c = tile * BM + (g * LY + ly) * 4;
                float4 v = acc[g][t];
#if RELU
                v = v <= (float4)(0.0f) ? (float4)(0.0f) : v;
#endif
#if MASK
                v = load4(other + AT(M, n, 0, h, w), c) > (float4)(0.0f) ? v : (float4)(0.0f);
#endif
                store4(y + AT(Y, n, 0, h, w), c, v);
            }
        }
    }
}
