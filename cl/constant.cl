/*
 * The same number everywhere: y = VALUE.
 *
 * constant_forward   NDRange (ceil(H/ROWS), Y_CB, batch)
 *
 * Y_… V C H W ROWS (rows a work-item handles) VALUE
 */
#ifndef VALUE
#error "constant.cl needs VALUE and the other macros of its header"
#endif

__kernel void constant_forward(__global float *y, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= Y_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global float *to = y + AT(Y, n, cb, h, 0);
        for (int i = 0; i < W * V; i++)
            to[i] = cb * V + i % V < C ? VALUE : 0.0f;
    }
}
