/*
 * A batch from the bytes of the data set: y[k] = byte·scale − mean, for the images in a list of numbers.
 *
 * batch_gather   NDRange (ceil(H/ROWS), batch)   y (layout Y_…), labels
 *
 * pixels [images][C][H][W] bytes; mean (C,H,W) floats, already multiplied by the scale; index[index_offset
 * + k] is the number of the k-th image. A work-item makes ROWS rows of all channels. C H W ROWS.
 */
#ifndef ROWS
#error "batch.cl needs ROWS, C, H, W and the macros of Y"
#endif

__kernel void batch_gather(__global float *restrict y, __global int *restrict labels,
                           __global const uchar *restrict pixels, __global const int *restrict classes,
                           __global const float *restrict mean, __global const int *restrict index,
                           int index_offset, float scale, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, n = (int)get_global_id(1);

    if (h0 >= H || n >= batch)
        return;
    const int image = index[index_offset + n];
    __global const uchar *from = pixels + (size_t)image * (C * H * W);
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const uchar *in = from + h * W;
        __global const float *m = mean + h * W;
#if Y_BLOCK == C && C <= 4 /* pixel by pixel, as they are in memory */
        __global float *out = y + AT(Y, n, 0, h, 0);
        for (int w = 0; w < W; w++)
            UNROLL for (int c = 0; c < C; c++)
                out[w * C + c] = (float)in[c * (H * W) + w] * scale - m[c * (H * W) + w];
#else
        for (int c = 0; c < C; c++) {
            __global float *out = y + ELEMENT(Y, n, c, h, 0);
            for (int w = 0; w < W; w++)
                out[(size_t)w * Y_BLOCK] = (float)in[c * (H * W) + w] * scale - m[c * (H * W) + w];
        }
#endif
    }
    if (h0 == 0)
        labels[n] = classes[image];
}
