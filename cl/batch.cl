/*
 * A batch from the bytes of the data set: y[k] = byte·scale − mean, for the images that a list names.
 *
 * batch_gather   NDRange (C·H, batch)   y (layout Y_…), labels
 *
 * pixels [images][C][H][W] bytes; mean (C,H,W) floats, already multiplied by the scale; index[offset + k]
 * is the image of place k.
 */
#ifndef W
#error "batch.cl needs C, H, W and the macros of Y"
#endif

__kernel void batch_gather(__global float *restrict y, __global int *restrict labels,
                           __global const uchar *restrict pixels, __global const uchar *restrict classes,
                           __global const float *restrict mean, __global const int *restrict index,
                           int offset, float scale, int batch)
{
    const int row = (int)get_global_id(0), n = (int)get_global_id(1);
    const int c = row / H, h = row % H;

    if (c >= C || n >= batch)
        return;
    const int image = index[offset + n];
    __global const uchar *in = pixels + ((size_t)image * C + c) * (H * W) + h * W;
    __global const float *m = mean + (c * H + h) * W;
    const size_t out = ELEMENT(Y, n, c, h, 0);
    for (int w = 0; w < W; w++)
        y[out + (size_t)w * Y_BLOCK] = (float)in[w] * scale - m[w];
    if (row == 0)
        labels[n] = classes[image];
}
