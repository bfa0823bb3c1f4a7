/*
 * Weight and bias gradient of a convolution as an implicit matrix product in tiles, for GPUs.
 *
 *   dw[o,c,i,j] = Σ_{n,p,q} dy[n,o,p,q] · x[n, c, p·SH − PH + i·DH, q·SW − PW + j·DW]
 *   db[o]       = Σ_{n,p,q} dy[n,o,p,q]
 *
 * A row for each output channel, a column for each weight of one, ((cb·KH + i)·KW + j)·X_BLOCK + lane, and
 * after them columns of ones: the first of these is db. In between lie the pixels of the batch, cut into
 * SLICES slices (a fixed number, whatever the device); slices are summed in ascending order afterwards: the
 * result does not depend on how work-groups were scheduled.
 *
 * A work-group of LX × LY makes BM = LY·TM channels × BN = LX·TN columns of one slice, a work-item TM × TN of
 * them in registers. BK pixels at a time, it copies what they need of x and dy into local memory: work-item
 * me copies for pixel me mod BK, so that neighbours read neighbouring pixels, XU and DU floats at once, at
 * offsets from the pixel that are computed once; the pixel itself moves by additions. Rows in local memory
 * are a float4 longer than BN and BM: with BK = 8, what the work-items of a quarter of a warp write goes to
 * different banks.
 *
 * conv_tiled_slices   NDRange (LX·ceil(columns/BN), LY·ceil(OC/BM), SLICES) → partial; local size (LX, LY, 1)
 * conv_tiled_reduce   NDRange (N_COLUMNS, OC)                               partial → dw, db (logical order)
 *
 * partial: [SLICES][ceil(OC/BM)·BM][ceil(columns/BN)·BN].
 *
 * OC IC KH KW SH SW PH PW DH DW OH OW   as in conv_tiled.cl; V = DY_BLOCK, X_BLOCK any
 * LX LY TN TM   tile: TN, TM multiples of 4, LX·LY a multiple of BK
 * SLICES, PER_SLICE   pixels (n·OH + p)·OW + q of slice s: [s·PER_SLICE, (s+1)·PER_SLICE) below the batch's
 * BIAS          0 or 1
 *
 * Source: see conv_tiled.cl.
 */
#ifndef KH
#error "conv_tiled_wgrad.cl needs KH and the other macros of its header"
#endif

#define BK        8
#define BN        (LX * TN)
#define BM        (LY * TM)
#define WEIGHTS   (X_CB * KH * KW * X_BLOCK)
#define N_COLUMNS (WEIGHTS + BIAS)
#define N_PADDED  ((N_COLUMNS + BN - 1) / BN * BN)
#define M_PADDED  ((OC + BM - 1) / BM * BM)

/* Floats copied at once, and the units of that size that a work-item copies for its pixel. */
#define XU      (X_BLOCK % 4 == 0 ? 4 : 1)
#define DU      4
#define LANES   (LX * LY / BK)
#define X_UNITS ((BN / XU + LANES - 1) / LANES)
#define D_UNITS ((BM / DU + LANES - 1) / LANES)

#define XS (BN + 4) /* floats in a row of local memory */
#define DS (BM + 4)

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void
conv_tiled_slices(__global float *restrict partial, __global const float *restrict x,
                  __global const float *restrict dy, int batch)
{
    __local float4 xs[BK * XS / 4], ds[BK * DS / 4];
    const int lx = (int)get_local_id(0), ly = (int)get_local_id(1), me = ly * LX + lx;
    const int column0 = (int)get_group_id(0) * BN, channel0 = (int)get_group_id(1) * BM;
    const int slice = (int)get_group_id(2), mine = me % BK, lane = me / BK;
    int x_at[X_UNITS], d_at[D_UNITS];

    UNROLL for (int u = 0; u < X_UNITS; u++) {
        const int column = column0 + (u * LANES + lane) * XU, tap = column / X_BLOCK;
        const int j = tap % KW, i = tap / KW % KH, cb = tap / KW / KH;
        x_at[u] = column < WEIGHTS
                      ? ((cb * X_HP + i * DH) * X_WP + j * DW) * X_BLOCK + column % X_BLOCK
                      : -1; /* ones */
    }
    UNROLL for (int u = 0; u < D_UNITS; u++) {
        const int channel = min(channel0 + (u * LANES + lane) * DU, DY_CB * V - DU);
        d_at[u] = channel / V * (DY_HP * DY_WP * V) + channel % V;
    }

    float4 acc[TM][TN / 4];
    UNROLL for (int m = 0; m < TM; m++)
        UNROLL for (int t = 0; t < TN / 4; t++)
            acc[m][t] = (float4)(0.0f);

    const int begin = slice * PER_SLICE, end = min(begin + PER_SLICE, batch * (OH * OW));
    int q = (begin + mine) % OW, p = (begin + mine) / OW % OH;
    __global const float *xp = x + AT(X, (begin + mine) / (OH * OW), 0, p * SH - PH, q * SW - PW);
    __global const float *dp = dy + AT(DY, (begin + mine) / (OH * OW), 0, p, q);
    for (int first = begin; first < end; first += BK) {
        const bool live = first + mine < end;
        UNROLL for (int u = 0; u < X_UNITS; u++) {
            const int unit = u * LANES + lane;
            if (BN / XU % LANES == 0 || unit < BN / XU) {
#if X_BLOCK % 4 == 0
                xs[mine * (XS / 4) + unit] =
                    live && x_at[u] >= 0 ? *(__global const float4 *)(xp + x_at[u]) : (float4)(1.0f);
#else
                ((__local float *)xs)[mine * XS + unit] = live && x_at[u] >= 0 ? xp[x_at[u]] : 1.0f;
#endif
            }
        }
        UNROLL for (int u = 0; u < D_UNITS; u++) {
            const int unit = u * LANES + lane;
            if (BM / DU % LANES == 0 || unit < BM / DU) {
                ds[mine * (DS / 4) + unit] =
                    live ? *(__global const float4 *)(dp + d_at[u]) : (float4)(0.0f);
            }
        }
        q += BK % OW; /* BK pixels on */
        p += BK / OW;
        xp += (BK / OW * SH * X_WP + BK % OW * SW) * X_BLOCK;
        dp += (BK / OW * DY_WP + BK % OW) * V;
        if (q >= OW) {
            q -= OW;
            p++;
            xp += (SH * X_WP - OW * SW) * X_BLOCK;
            dp += (DY_WP - OW) * V;
        }
        for (; p >= OH; p -= OH) {
            xp += (X_CB * X_HP - OH * SH) * X_WP * X_BLOCK;
            dp += (DY_CB * DY_HP - OH) * DY_WP * V;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < BK; k++) {
            float4 xv[TN / 4];
            UNROLL for (int t = 0; t < TN / 4; t++)
                xv[t] = xs[k * (XS / 4) + t * LX + lx];
            UNROLL for (int m = 0; m < TM; m += 4) {
                const float4 d = ds[k * (DS / 4) + m / 4 * LY + ly];
                UNROLL for (int t = 0; t < TN / 4; t++) {
                    acc[m][t] = fma((float4)(d.x), xv[t], acc[m][t]);
                    acc[m + 1][t] = fma((float4)(d.y), xv[t], acc[m + 1][t]);
                    acc[m + 2][t] = fma((float4)(d.z), xv[t], acc[m + 2][t]);
                    acc[m + 3][t] = fma((float4)(d.w), xv[t], acc[m + 3][t]);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    UNROLL for (int m = 0; m < TM; m++) {
        const int channel = channel0 + (m / 4 * LY + ly) * 4 + m % 4;
        __global float4 *out = (__global float4 *)(partial +
                                                   ((size_t)slice * M_PADDED + channel) * N_PADDED + column0);
        UNROLL for (int t = 0; t < TN / 4; t++)
            out[t * LX + lx] = acc[m][t];
    }
}

__kernel void conv_tiled_reduce(__global float *restrict dw, __global float *restrict db,
                                __global const float *restrict partial)
{
    const int column = (int)get_global_id(0), o = (int)get_global_id(1), tap = column / X_BLOCK;
    const int j = tap % KW, i = tap / KW % KH, c = tap / KW / KH * X_BLOCK + column % X_BLOCK;
    float sum = 0.0f;

    if (column >= N_COLUMNS || o >= OC)
        return;
    for (int s = 0; s < SLICES; s++)
        sum += partial[((size_t)s * M_PADDED + o) * N_PADDED + column];
    if (column >= WEIGHTS)
        db[o] = sum;
    else if (c < IC)
        dw[((o * IC + c) * KH + i) * KW + j] = sum;
}
