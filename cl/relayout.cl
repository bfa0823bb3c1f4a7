/*
 * Copy of an activation into another layout. Both tensors have the same C·H·W elements in the same logical
 * order (c, h, w), so (N,C,H,W) → (N,C·H·W,1,1) is the same copy: the flattening before a dense layer.
 *
 * relayout_copy   NDRange (ceil(COUNT/SPAN), batch)   dst[n][e] = src[n][e], e = 0 … COUNT−1
 *
 * D_… S_… (common.clh), D_H D_W S_H S_W, COUNT, SPAN
 */
#ifndef COUNT
#error "relayout.cl needs COUNT and the other macros of its header"
#endif

#define PLACE(T, n, e) ELEMENT(T, n, (e) / (T##_H * T##_W), (e) / T##_W % T##_H, (e) % T##_W)

__kernel void relayout_copy(__global float *restrict dst, __global const float *restrict src, int batch)
{
    const int first = (int)get_global_id(0) * SPAN, n = (int)get_global_id(1);

    if (n >= batch)
        return;
    for (int e = first; e < min(first + SPAN, COUNT); e++)
        dst[PLACE(D, n, e)] = src[PLACE(S, n, e)];
}
