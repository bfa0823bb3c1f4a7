/*
 * Sums of a function of d (a gradient) and v (a value of the same place) over the pixels of each channel in
 * all images of a batch: out0[c] = Σ SUM0 and, with SUMS 2, out1[c] = Σ SUM1. First in each image, row by
 * row, then over the images: the order is fixed.
 *
 * channel_sums_images  NDRange (D_CB, batch)   part from d and v
 * channel_sums_add     NDRange (C)             out0, out1 (from their elements at0, at1) from part
 * channel_sums_total   NDRange (1)             out0[at0] = Σ SUM0 over all channels
 *
 * part: [N][D_CB][SUMS][V]. D_… T_… (of v) C H W V SUMS SUM0 SUM1
 */
#ifndef SUM0
#error "channel_sums.cl needs SUM0 and the other macros of its header"
#endif

#include "channels.clh"

#define ZERO ((floatv)(0.0f))

__kernel void channel_sums_images(__global float *part, __global const float *d_, __global const float *v_,
                                  int batch)
{
    const int cb = (int)get_global_id(0), n = (int)get_global_id(1);
    floatv sum0 = ZERO, sum1 = ZERO;

    if (cb >= D_CB || n >= batch)
        return;
    for (int h = 0; h < H; h++) {
        __global const float *ds = d_ + AT(D, n, cb, h, 0), *vs = v_ + AT(T, n, cb, h, 0);
        floatv row0 = ZERO, row1 = ZERO;
        for (int w = 0; w < W; w++) {
            const floatv d = LOADV(w, ds), v = LOADV(w, vs);
            row0 += SUM0;
#if SUMS == 2
            row1 += SUM1;
#endif
        }
        sum0 += row0;
        sum1 += row1;
    }
    STOREV(sum0, (n * D_CB + cb) * SUMS, part);
#if SUMS == 2
    STOREV(sum1, (n * D_CB + cb) * SUMS + 1, part);
#endif
}

__kernel void channel_sums_add(__global float *out0, int at0, __global float *out1, int at1,
                               __global const float *part, int batch)
{
    const int c = (int)get_global_id(0);

    if (c >= C)
        return;
    out0[at0 + c] = over_images(part, D_CB, SUMS, 0, c, batch);
#if SUMS == 2
    out1[at1 + c] = over_images(part, D_CB, SUMS, 1, c, batch);
#endif
}

__kernel void channel_sums_total(__global float *out0, int at0, __global float *out1, int at1,
                                 __global const float *part, int batch)
{
    float sum = 0.0f;

    for (int c = 0; c < C; c++)
        sum += over_images(part, D_CB, SUMS, 0, c, batch);
    out0[at0] = sum;
}
