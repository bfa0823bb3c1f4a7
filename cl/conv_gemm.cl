/*
 * What surrounds the GEMMs of the im2col convolution (src/ops/conv_gemm.c): unfolding images into columns,
 * folding them back, and moving matrices to and from the activations' layouts. Any geometry.
 *
 * A chunk is images [first, first + count); its columns are numbered col = (n − first)·OH·OW + p·OW + q;
 * COLS = chunk's capacity · OH·OW is the leading dimension. Row r = (c·KH + i)·KW + j, c over all input
 * channels.
 *
 * conv_gemm_im2col   NDRange (count·OH·OWS, IC·KH·KW) cols[r][col] = x[n,c,p·SH−PH+i·DH,q·SW−PW+j·DW]
 * conv_gemm_put      NDRange (count·OH·OWS, OC)       y[n,o,p,q] = m[o][col] + b[o]
 * conv_gemm_take     NDRange (count·OH·OWS, OC)       m[o][col] = dy[n,o,p,q]
 * conv_gemm_col2im   NDRange (count·H·WS, IC)         dx[n,c,y,x] = Σ cols[r][col] over what touches it
 * conv_gemm_bias     NDRange (OC)                     db[o] = (first ? db[o] : 0) + Σ_col m[o][col]
 *
 * The workspace holds m [OC][COLS], and the columns after it, from COLS_AT on.
 *
 * Layouts: X_…, Y_… (put: Y is y; take: Y is dy; col2im: X is dx).
 * RELU: put gives max(…, 0), NaN stays. MASK: col2im gives 0 where `mask`, in layout M_…, is not positive.
 * OC IC H W KH KW SH SW PH PW DH DW OH OW COLS COLS_AT; SPAN: pixels of a row that
 * a work-item handles, OWS = ceil(OW/SPAN), WS = ceil(W/SPAN).
 */
#ifndef KH
#error "conv_gemm.cl needs KH and the other macros of its header"
#endif

#define SPANS(width) (((width) + SPAN - 1) / SPAN)

/* Row p, columns q … end of image k of the chunk: what work-item `at` of a launch over rows handles. */
#define PLACE(at, HEIGHT, WIDTH)                                                                             \
    const int k = (at) / ((HEIGHT) * SPANS(WIDTH)), p = (at) / SPANS(WIDTH) % (HEIGHT);                      \
    const int start = (at) % SPANS(WIDTH) * SPAN, end = min(start + SPAN, WIDTH)

__kernel void conv_gemm_im2col(__global float *restrict cols, __global const float *restrict x, int first,
                               int count)
{
    const int at = (int)get_global_id(0), r = (int)get_global_id(1);
    PLACE(at, OH, OW);

    if (k >= count || r >= IC * KH * KW)
        return;
    const int c = r / (KH * KW), i = r / KW % KH, j = r % KW, y = p * SH - PH + i * DH;
    __global float *out = cols + COLS_AT + (size_t)r * COLS + (size_t)k * (OH * OW) + p * OW;
    for (int q = start; q < end; q++) {
        const int xx = q * SW - PW + j * DW;
        const bool inside = y >= 0 && y < H && xx >= 0 && xx < W;
        out[q] = inside ? x[ELEMENT(X, first + k, c, y, xx)] : 0.0f;
    }
}

__kernel void conv_gemm_put(__global float *restrict y, __global const float *restrict m,
                            __global const float *restrict b, int first, int count)
{
    const int at = (int)get_global_id(0), o = (int)get_global_id(1);
    PLACE(at, OH, OW);

    if (k >= count || o >= OC)
        return;
    __global const float *in = m + (size_t)o * COLS + (size_t)k * (OH * OW) + p * OW;
    for (int q = start; q < end; q++) {
        const float v = in[q] + (BIAS ? b[o] : 0.0f);
        y[ELEMENT(Y, first + k, o, p, q)] = RELU && v <= 0.0f ? 0.0f : v;
    }
}

__kernel void conv_gemm_take(__global float *restrict m, __global const float *restrict dy, int first,
                             int count)
{
    const int at = (int)get_global_id(0), o = (int)get_global_id(1);
    PLACE(at, OH, OW);

    if (k >= count || o >= OC)
        return;
    __global float *out = m + (size_t)o * COLS + (size_t)k * (OH * OW) + p * OW;
    for (int q = start; q < end; q++)
        out[q] = dy[ELEMENT(Y, first + k, o, p, q)];
}

__kernel void conv_gemm_col2im(__global float *restrict dx, __global const float *restrict cols,
                               __global const float *restrict mask, int first, int count)
{
    const int at = (int)get_global_id(0), c = (int)get_global_id(1);
    PLACE(at, H, W);

    if (k >= count || c >= IC)
        return;
    for (int x = start; x < end; x++) {
        float sum = 0.0f;
        for (int i = 0; i < KH; i++) {
            const int py = p + PH - i * DH;
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
#if MASK
        sum = mask[ELEMENT(M, first + k, c, p, x)] > 0.0f ? sum : 0.0f;
#endif
        dx[ELEMENT(X, first + k, c, p, x)] = sum;
    }
}

__kernel void conv_gemm_bias(__global float *restrict db, __global const float *restrict m, int first,
                             int count)
{
    const int o = (int)get_global_id(0);

    if (o >= OC)
        return;
    float sum = first == 0 ? 0.0f : db[o];
    for (int k = 0; k < count; k++) {
        __global const float *row = m + (size_t)o * COLS + (size_t)k * (OH * OW);
        float image = 0.0f;
        for (int p = 0; p < OH; p++, row += OW) {
            float part = 0.0f;
            for (int q = 0; q < OW; q++)
                part += row[q];
            image += part;
        }
        sum += image;
    }
    db[o] = sum;
}
