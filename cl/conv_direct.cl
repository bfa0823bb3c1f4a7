/*
 * Direct convolution, register-blocked; also its data gradient, which is the same sum with the weights
 * flipped and the roles of input and output channels exchanged (stride 1).
 *
 *   y[n,o,p,q] = b[o] + Σ_{c,i,j} x[n, c, p·SH − PH + i·DH, q·SW − PW + j·DW] · w[o,c,i,j]
 *
 * x (N,C,H,W) with a halo of at least (PH, PW), y (N,OC,OH,OW): layouts by the macros X_… and Y_…
 * (common.clh). V = Y_BLOCK output channels innermost; x in any block.
 *
 * A work-item makes XT neighbouring pixels of a row × OB output vectors: acc[XT][OB] stays in registers, each
 * weight vector is used XT times and each input OB times. A tile may run over the end of a row: what it reads
 * there is whatever follows (at the very end, the tensor's slack), and what it makes there is not stored.
 *
 * conv_direct_pack     NDRange (packed/(OB·V) + OCG)  master weights → packed, one tile's vectors a work-item
 * conv_direct_forward  NDRange (XTILES·OH, OCG, batch)   OCG = ceil(Y_CB / OB)
 *
 * Packed weights: [OCG][X_CB][KH][KW][X_BLOCK][OB][V], read linearly, zero where a channel does not exist;
 * after them the bias, [OCG·OB·V].
 *
 * OC, IC             channels of y and x; the master weights are (OC,IC,KH,KW), or (IC,OC,KH,KW) if FLIP
 * KH KW SH SW PH PW DH DW  geometry
 * OH OW              output pixels
 * XT OB              tile
 * BIAS, FLIP         0 or 1
 * RELU               1: y = max(y, 0), NaN stays
 * MASK               1 (a data gradient): y = 0 where `mask`, in layout M_…, is not positive
 *
 * Source of the blocking: the usual one of CPU libraries, e.g. Georganas et al., "Anatomy of high-performance
 * deep learning convolutions on SIMD architectures", SC 2018.
 */
#ifndef KH
#error "conv_direct.cl needs KH and the other macros of its header"
#endif

#define XTILES ((OW + XT - 1) / XT)
#define OCG    ((Y_CB + OB - 1) / OB)
#define PACKED (OCG * X_CB * KH * KW * X_BLOCK * OB * V)

__kernel void conv_direct_pack(__global float *restrict packed, __global const float *restrict w,
                               __global const float *restrict b)
{
    const int at = (int)get_global_id(0);
    int r = at;

    if (at >= PACKED / (OB * V) + OCG)
        return;
    __global float *out = packed + (size_t)at * (OB * V);
    if (at >= PACKED / (OB * V)) {
        const int o = (at - PACKED / (OB * V)) * (OB * V);
        for (int i = 0; i < OB * V; i++)
            out[i] = BIAS && o + i < OC ? b[o + i] : 0.0f;
        return;
    }
    const int ci = r % X_BLOCK;
    r /= X_BLOCK;
    const int kx = r % KW;
    r /= KW;
    const int ky = r % KH;
    r /= KH;
    const int c = r % X_CB * X_BLOCK + ci, o0 = r / X_CB * OB * V;
    for (int i = 0; i < OB * V; i++) {
        const int o = o0 + i;
        float value = 0.0f;
        if (c < IC && o < OC) {
            if (FLIP)
                value = w[((c * OC + o) * KH + KH - 1 - ky) * KW + KW - 1 - kx];
            else
                value = w[((o * IC + c) * KH + ky) * KW + kx];
        }
        out[i] = value;
    }
}

__kernel void conv_direct_forward(__global float *restrict y, __global const float *restrict x,
                                  __global const float *restrict packed,
                                  __global const float *restrict mask, int batch)
{
    const int tile = (int)get_global_id(0), ocg = (int)get_global_id(1), n = (int)get_global_id(2);
    const int oy = tile / XTILES, ox = tile % XTILES * XT;
    floatv acc[XT][OB];

    if (oy >= OH || ocg >= OCG || n >= batch)
        return;
    UNROLL for (int o = 0; o < OB; o++) {
        const floatv bias = LOADV(ocg * OB + o, packed + PACKED);
        UNROLL for (int t = 0; t < XT; t++)
            acc[t][o] = bias;
    }
    __global const float *weight = packed + (size_t)ocg * (X_CB * KH * KW * X_BLOCK * OB * V);
    for (int cb = 0; cb < X_CB; cb++) {
        for (int ky = 0; ky < KH; ky++) {
            __global const float *row = x + AT(X, n, cb, oy * SH - PH + ky * DH, ox * SW - PW);
            for (int kx = 0; kx < KW; kx++) {
                for (int c = 0; c < X_BLOCK; c++) {
                    floatv wv[OB];
                    UNROLL for (int o = 0; o < OB; o++)
                        wv[o] = LOADV(o, weight);
                    weight += OB * V;
                    UNROLL for (int t = 0; t < XT; t++) {
                        const floatv xv = (floatv)(row[(t * SW + kx * DW) * X_BLOCK + c]);
                        UNROLL for (int o = 0; o < OB; o++)
                            acc[t][o] = fma(xv, wv[o], acc[t][o]);
                    }
                }
            }
        }
    }
    UNROLL for (int o = 0; o < OB; o++) {
        const int ob = ocg * OB + o;
        if (Y_CB % OB != 0 && ob >= Y_CB)
            break;
        __global float *out = y + AT(Y, n, ob, oy, ox);
        UNROLL for (int t = 0; t < XT; t++) {
            floatv value = acc[t][o];
            if (OW % XT != 0 && ox + t >= OW)
                break;
#if RELU
            value = value <= (floatv)(0.0f) ? (floatv)(0.0f) : value;
#endif
#if MASK
            value = LOADV(t, mask + AT(M, n, ob, oy, ox)) > (floatv)(0.0f) ? value : (floatv)(0.0f);
#endif
            STOREV(value, t, out);
        }
    }
}
