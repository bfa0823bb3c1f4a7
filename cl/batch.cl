/*
 * A batch from the bytes of the data set: y[k] = byte·scale − mean, for the images in a list of numbers.
 * What is cut out of an image, and whether it is mirrored: src/ops/batch.h.
 *
 * batch_gather   NDRange (ceil(H/ROWS), batch)   y (layout Y_…), labels
 *
 * pixels [images][C][FROM_H][FROM_W] bytes; mean (C,FROM_H,FROM_W) floats, already multiplied by the scale;
 * index[index_offset + k] is the number of the k-th image. A work-item makes ROWS rows of all channels.
 * PAIRS: after the channels of an image stand those of another one, which is drawn from the `others` images
 * that begin at index[first]; the label is 1 where both are of one class, else 0.
 *
 * C (of the images) H W (of y) FROM_H FROM_W (of the images) ANYWHERE MIRROR PAIRS ROWS Y_…
 */
#ifndef ROWS
#error "batch.cl needs ROWS and the other macros of its header"
#endif

#define RANDOM(image, what) philox(seed_low, seed_high, (uint)(image) * 4u + what, 0u, epoch, 6u)
#define PARTNER(image)      philox(seed_low, seed_high, (uint)(image), 0u, epoch, 7u)

/* Rows h0 … of an image, as image n of y, from channel `to` on. (Oclgrind cannot run `restrict` here.) */
static void gather(__global float *y, __global const uchar *pixels, __global const float *mean, int image,
                   int n, int to, int h0, float scale, uint seed_low, uint seed_high, uint epoch)
{
#if ANYWHERE
    const int top = (int)mul_hi(RANDOM(image, 0u), (uint)(FROM_H - H + 1));
    const int left = (int)mul_hi(RANDOM(image, 1u), (uint)(FROM_W - W + 1));
#else
    const int top = (FROM_H - H) / 2, left = (FROM_W - W) / 2;
#endif
#if MIRROR
    const bool mirrored = RANDOM(image, 2u) >> 31;
#define COLUMN(w) (mirrored ? W - 1 - (w) : (w))
#else
#define COLUMN(w) (w)
#endif
#define AT_PIXEL(c, w) ((c) * (FROM_H * FROM_W) + COLUMN(w))
#define VALUE(c, w)    ((float)in[AT_PIXEL(c, w)] * scale - m[AT_PIXEL(c, w)])
    __global const uchar *from = pixels + (size_t)image * (C * FROM_H * FROM_W);
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const uchar *in = from + (top + h) * FROM_W + left;
        __global const float *m = mean + (top + h) * FROM_W + left;
#if Y_BLOCK == C && C <= 4 && !PAIRS /* pixel by pixel, as they are in memory */
        __global float *out = y + AT(Y, n, 0, h, 0);
        for (int w = 0; w < W; w++)
            UNROLL for (int c = 0; c < C; c++)
                out[w * C + c] = VALUE(c, w);
#else
        for (int c = 0; c < C; c++) {
            __global float *out = y + ELEMENT(Y, n, to + c, h, 0);
            for (int w = 0; w < W; w++)
                out[(size_t)w * Y_BLOCK] = VALUE(c, w);
        }
#endif
    }
}

__kernel void batch_gather(__global float *restrict y, __global int *restrict labels,
                           __global const uchar *restrict pixels, __global const int *restrict classes,
                           __global const float *restrict mean, __global const int *restrict index,
                           int index_offset, float scale, uint seed_low, uint seed_high, uint epoch,
                           int first, int others, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, n = (int)get_global_id(1);

    if (h0 >= H || n >= batch)
        return;
    const int image = index[index_offset + n];
#if PAIRS
    const int partner = index[first + (int)mul_hi(PARTNER(image), (uint)others)];
    gather(y, pixels, mean, image, n, 0, h0, scale, seed_low, seed_high, epoch);
    gather(y, pixels, mean, partner, n, C, h0, scale, seed_low, seed_high, epoch);
    if (h0 == 0)
        labels[n] = classes[image] == classes[partner];
#else
    gather(y, pixels, mean, image, n, 0, h0, scale, seed_low, seed_high, epoch);
    if (h0 == 0)
        labels[n] = classes[image];
#endif
}
