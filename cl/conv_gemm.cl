/*
 * What surrounds the GEMMs of the im2col convolution (src/ops/conv_gemm.c): unfolding images into columns,
 * folding them back, and moving matrices to and from the activations' layouts. Any geometry.
 *
 * A chunk is images [first, first + count); its columns are numbered col = (n − first)·OH·OW + p·OW + q;
 * COLS = chunk's capacity · OH·OW is the leading dimension. Row r = (c·KH + i)·KW + j, c over all input
 * channels.
 *
 * conv_gemm_im2col   NDRange (count·OH·OW, IC·KH·KW)  cols[r][col] = x[n,c,p·SH−PH+i·DH,q·SW−PW+j·DW]
 * conv_gemm_put      NDRange (count·OH·OW, OC)        y[n,o,p,q] = m[o][col] + b[o]
 * conv_gemm_take     NDRange (count·OH·OW, OC)        m[o][col] = dy[n,o,p,q]
 * conv_gemm_col2im   NDRange (count·H·W, IC)          dx[n,c,y,x] = Σ cols[r][col] over what touches it
 * conv_gemm_bias     NDRange (OC)                     db[o] = (first ? db[o] : 0) + Σ_col m[o][col]
 *
 * The workspace holds m [OC][COLS], and the columns behind it, from COLS_AT on.
 *
 * Layouts: X_…, Y_… (put: Y is y; take: Y is dy; col2im: X is dx).
 * OC IC H W KH KW SH SW PH PW DH DW OH OW COLS COLS_AT.
 */
#ifndef KH
#error "conv_gemm.cl needs KH and the other macros of its header"
#endif

__kernel void conv_gemm_im2col(__global float *restrict cols, __global const float *restrict x, int first,
                               int count)
{
    const int col = (int)get_global_id(0), r = (int)get_global_id(1);

    if (col >= count * (OH * OW) || r >= IC * KH * KW)
        return;
    const int n = first + col / (OH * OW), p = col / OW % OH, q = col % OW;
    const int c = r / (KH * KW), i = r / KW % KH, j = r % KW;
    const int y = p * SH - PH + i * DH, xx = q * SW - PW + j * DW;
    const bool inside = y >= 0 && y < H && xx >= 0 && xx < W;
    cols[COLS_AT + (size_t)r * COLS + col] = inside ? x[ELEMENT(X, n, c, y, xx)] : 0.0f;
}

__kernel void conv_gemm_put(__global float *restrict y, __global const float *restrict m,
                            __global const float *restrict b, int first, int count)
{
    const int col = (int)get_global_id(0), o = (int)get_global_id(1);

    if (col >= count * (OH * OW) || o >= OC)
        return;
    const int n = first + col / (OH * OW), p = col / OW % OH, q = col % OW;
    y[ELEMENT(Y, n, o, p, q)] = m[(size_t)o * COLS + col] + (BIAS ? b[o] : 0.0f);
}

__kernel void conv_gemm_take(__global float *restrict m, __global const float *restrict dy, int first,
                             int count)
{
    const int col = (int)get_global_id(0), o = (int)get_global_id(1);

    if (col >= count * (OH * OW) || o >= OC)
        return;
    const int n = first + col / (OH * OW), p = col / OW % OH, q = col % OW;
    m[(size_t)o * COLS + col] = dy[ELEMENT(Y, n, o, p, q)];
}

__kernel void conv_gemm_col2im(__global float *restrict dx, __global const float *restrict cols, int first,
                               int count)
{
    const int at = (int)get_global_id(0), c = (int)get_global_id(1);
    float sum = 0.0f;

    if (at >= count * (H * W) || c >= IC)
        return;
    const int k = at / (H * W), y = at / W % H, x = at % W;
    for (int i = 0; i < KH; i++) {
        const int py = y + PH - i * DH;
        if (py < 0 || py % SH != 0 || py / SH >= OH)
            continue;
        for (int j = 0; j < KW; j++) {
            const int qx = x + PW - j * DW;
            if (qx < 0 || qx % SW != 0 || qx / SW >= OW)
                continue;
            sum += cols[COLS_AT + (size_t)((c * KH + i) * KW + j) * COLS + (size_t)k * (OH * OW) +
                        py / SH * OW + qx / SW];
        }
    }
    dx[ELEMENT(X, first + k, c, y, x)] = sum;
}

__kernel void conv_gemm_bias(__global float *restrict db, __global const float *restrict m, int first,
                             int count)
{
    const int o = (int)get_global_id(0);

    if (o >= OC)
        return;
    float sum = first == 0 ? 0.0f : db[o];
    for (int k = 0; k < count; k++) {
        float part = 0.0f;
        for (int i = 0; i < OH * OW; i++)
            part += m[(size_t)o * COLS + (size_t)k * (OH * OW) + i];
        sum += part;
    }
    db[o] = sum;
}
