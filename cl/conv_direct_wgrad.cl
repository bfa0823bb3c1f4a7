/*
 * Weight and bias gradient of a convolution, direct.
 *
 *   dw[o,c,i,j] = Σ_{n,p,q} x[n, c, p·SH − PH + i·DH, q·SW − PW + j·DW] · dy[n,o,p,q]
 *   db[o]       = Σ_{n,p,q} dy[n,o,p,q]
 *
 * The batch is cut into SLICES (a fixed number, whatever the device's threads); a work-item keeps KXT columns
 * of the kernel × ICT input channels × OB output vectors in registers over all pixels of a slice. The slices
 * are summed in ascending order afterwards: the result does not depend on how work-items were scheduled.
 *
 * conv_wgrad_slices   NDRange (KW/KXT · KH · X_CB·X_BLOCK/ICT, OCG, SLICES)   → partial
 * conv_bgrad_slices   NDRange (DY_CB, SLICES)                                → partial, after the weights'
 * conv_wgrad_reduce   NDRange (SLICE/V + DY_CB)                              partial → dw, db (logical order)
 *
 * partial: [SLICES][OCG][X_CB·X_BLOCK/ICT][KH][KW/KXT][KXT][ICT][OB][V], then [SLICES][DY_CB·V].
 *
 * OC IC KH KW SH SW PH PW DH DW OH OW   as in conv_direct.cl; V = DY_BLOCK
 * KXT ICT OB   tile: KXT divides KW, ICT divides X_BLOCK
 * SLICES, PER_SLICE   images of slice s: [s·PER_SLICE, (s+1)·PER_SLICE) below the batch
 * BIAS         0 or 1
 */
#ifndef KH
#error "conv_direct_wgrad.cl needs KH and the other macros of its header"
#endif

#define KXG    (KW / KXT)
#define ICG    (X_CB * X_BLOCK / ICT)
#define OCG    ((DY_CB + OB - 1) / OB)
#define SLICE  (OCG * ICG * KH * KW * ICT * OB * V)
#define BSLICE (DY_CB * V)

__kernel void conv_wgrad_slices(__global float *restrict partial, __global const float *restrict x,
                                __global const float *restrict dy, int batch)
{
    const int g = (int)get_global_id(0), ocg = (int)get_global_id(1), s = (int)get_global_id(2);
    const int kxg = g % KXG, ky = g / KXG % KH, icg = g / KXG / KH;
    const int cb = icg * ICT / X_BLOCK, ci = icg * ICT % X_BLOCK;
    floatv acc[KXT][ICT][OB];

    if (icg >= ICG || ocg >= OCG || s >= SLICES)
        return;
    UNROLL for (int k = 0; k < KXT; k++)
        UNROLL for (int c = 0; c < ICT; c++)
            UNROLL for (int o = 0; o < OB; o++)
                acc[k][c][o] = (floatv)(0.0f);

    const int end = min((s + 1) * PER_SLICE, batch);
    for (int n = s * PER_SLICE; n < end; n++) {
        for (int p = 0; p < OH; p++) {
            __global const float *xr = x + AT(X, n, cb, p * SH - PH + ky * DH, kxg * KXT * DW - PW) + ci;
            __global const float *dr = dy + AT(DY, n, ocg * OB, p, 0);
            for (int q = 0; q < OW; q++) {
                floatv d[OB];
                UNROLL for (int o = 0; o < OB; o++)
                    d[o] = DY_CB % OB == 0 || ocg * OB + o < DY_CB
                               ? LOADV(0, dr + o * (DY_HP * DY_WP * V))
                               : (floatv)(0.0f);
                UNROLL for (int k = 0; k < KXT; k++)
                    UNROLL for (int c = 0; c < ICT; c++) {
                        const floatv xv = (floatv)(xr[k * DW * X_BLOCK + c]);
                        UNROLL for (int o = 0; o < OB; o++)
                            acc[k][c][o] = fma(xv, d[o], acc[k][c][o]);
                    }
                xr += SW * X_BLOCK;
                dr += V;
            }
        }
    }
    __global float *out =
        partial + (size_t)s * SLICE +
        (size_t)(((ocg * ICG + icg) * KH + ky) * KXG + kxg) * (KXT * ICT * OB * V);
    UNROLL for (int k = 0; k < KXT; k++)
        UNROLL for (int c = 0; c < ICT; c++)
            UNROLL for (int o = 0; o < OB; o++)
                STOREV(acc[k][c][o], (k * ICT + c) * OB + o, out);
}

__kernel void conv_bgrad_slices(__global float *restrict partial, __global const float *restrict dy,
                                int batch)
{
    const int cb = (int)get_global_id(0), s = (int)get_global_id(1);
    floatv sum = (floatv)(0.0f);

    if (cb >= DY_CB || s >= SLICES)
        return;
    const int end = min((s + 1) * PER_SLICE, batch);
    for (int n = s * PER_SLICE; n < end; n++)
        for (int p = 0; p < OH; p++) {
            __global const float *row = dy + AT(DY, n, cb, p, 0);
            floatv part = (floatv)(0.0f);
            for (int q = 0; q < OW; q++)
                part += LOADV(q, row);
            sum += part;
        }
    STOREV(sum, cb, partial + (size_t)SLICES * SLICE + (size_t)s * BSLICE);
}

/* One vector of the tile's order, read as it lies, its lanes scattered to their places in dw. */
__kernel void conv_wgrad_reduce(__global float *restrict dw, __global float *restrict db,
                                __global const float *restrict partial)
{
    const int at = (int)get_global_id(0);
    floatv sum = (floatv)(0.0f);
    float lanes[V];
    int r = at;

    if (at >= SLICE / V + (BIAS ? DY_CB : 0))
        return;
    if (at >= SLICE / V) {
        __global const float *p = partial + (size_t)SLICES * SLICE + (at - SLICE / V) * V;
        for (int s = 0; s < SLICES; s++)
            sum += LOADV(0, p + (size_t)s * BSLICE);
        STOREV(sum, 0, lanes);
        for (int lane = 0; lane < V && (at - SLICE / V) * V + lane < OC; lane++)
            db[(at - SLICE / V) * V + lane] = lanes[lane];
        return;
    }
    for (int s = 0; s < SLICES; s++)
        sum += LOADV(at, partial + (size_t)s * SLICE);
    STOREV(sum, 0, lanes);
    const int ob = r % OB;
    r /= OB;
    const int ict = r % ICT;
    r /= ICT;
    const int kx = r % (KXT * KXG); /* [KXG][KXT] is the kernel's column */
    r /= KXT * KXG;
    const int ky = r % KH;
    r /= KH;
    const int c = r % ICG * ICT + ict, o = (r / ICG * OB + ob) * V;
    for (int lane = 0; lane < V && c < IC && o + lane < OC; lane++)
        dw[(((size_t)(o + lane) * IC + c) * KH + ky) * KW + kx] = lanes[lane];
}
