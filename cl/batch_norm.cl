/*
 * Batch normalisation: y = (x − mean)/√(var + EPS), per channel, over the M = batch·H·W pixels of a batch or
 * with the running mean and variance. var is the biased variance.
 * Source: Ioffe and Szegedy, arXiv:1502.03167; running statistics: Caffe, batch_norm layer.
 *
 * batch_norm_images    NDRange (X_CB, batch)   part: mean and Σ (x − mean)² of each image
 * batch_norm_batch     NDRange (C)   saved from part; with UPDATES the running statistics
 * batch_norm_running   NDRange (C)   saved from the running statistics
 * batch_norm_forward   NDRange (ceil(H/ROWS), X_CB, batch)
 *                      y from x, which may be the same memory, and saved; with UPDATES it counts the batch
 * batch_norm_backward  NDRange (ceil(H/ROWS), X_CB, batch)   dx, which may be dy's memory:
 *                      (dy − Σdy/M − y·Σ(dy·y)/M)/√(var + EPS) of a batch's statistics (OF_BATCH), else
 *                      dy/√(var + EPS)
 *
 * part: [N][X_CB][2][V]. saved: [4][C], the mean, 1/√(var + EPS), Σdy and Σ(dy·y) (cl/channel_sums.cl).
 *
 * Running statistics are weighted means over all batches: the latest one has weight 1, the one before it F,
 * then F², … With t batches the weights add up to s = (1 − F^t)/(1 − F), so the latest has 1/s of the mean.
 * The variance that goes into them is the unbiased one, Σ(x − mean)²/(M − 1); of a single pixel it is 0.
 * LN_F: the logarithm of F; ALL 1: F is 1, and all batches weigh the same.
 *
 * X_… Y_… DX_… DY_… V C H W ROWS (rows a work-item handles) EPS UPDATES F LN_F ALL OF_BATCH
 */
#ifndef EPS
#error "batch_norm.cl needs EPS and the other macros of its header"
#endif

#include "channels.clh"

#define ZERO ((floatv)(0.0f))

__kernel void batch_norm_images(__global float *part, __global const float *x, int batch)
{
    const int cb = (int)get_global_id(0), n = (int)get_global_id(1);
    floatv sum = ZERO, squares = ZERO;

    if (cb >= X_CB || n >= batch)
        return;
    for (int h = 0; h < H; h++) {
        __global const float *from = x + AT(X, n, cb, h, 0);
        floatv row = ZERO;
        for (int w = 0; w < W; w++)
            row += LOADV(w, from);
        sum += row;
    }
    const floatv mean = sum / (floatv)(H * W);
    for (int h = 0; h < H; h++) {
        __global const float *from = x + AT(X, n, cb, h, 0);
        floatv row = ZERO;
        for (int w = 0; w < W; w++) {
            const floatv d = LOADV(w, from) - mean;
            row = fma(d, d, row);
        }
        squares += row;
    }
    STOREV(mean, (n * X_CB + cb) * 2, part);
    STOREV(squares, (n * X_CB + cb) * 2 + 1, part);
}

/* What the images' own squares and the distances of their means add to Σ (x − mean)² of channel c: as
 * over_images(). */
float squares_of(__global const float *part, int c, float mean, int batch)
{
    float sum = 0.0f;

    for (int first = 0; first < batch; first += 32) {
        float some = 0.0f;
        for (int n = first; n < min(first + 32, batch); n++) {
            __global const float *image = part + (n * X_CB + c / V) * 2 * V + c % V;
            const float d = image[0] - mean;
            some += fma((float)(H * W) * d, d, image[V]);
        }
        sum += some;
    }
    return sum;
}

__kernel void batch_norm_batch(__global float *saved, __global float *running_mean,
                               __global float *running_var, __global const float *batches,
                               __global const float *part, int batch)
{
    const int c = (int)get_global_id(0);
    const float m = (float)batch * (float)(H * W);

    if (c >= C)
        return;
    const float mean = over_images(part, X_CB, 2, 0, c, batch) / (float)batch;
    const float squares = squares_of(part, c, mean, batch);
    saved[c] = mean;
    saved[C + c] = 1.0f / sqrt(squares / m + EPS);
#if UPDATES
    const float t = batches[0] + 1.0f;
#if ALL
    const float share = 1.0f / t;
#else
    const float share = (1.0f - F) / -expm1(t * LN_F);
#endif
    running_mean[c] = running_mean[c] * (1.0f - share) + mean * share;
    running_var[c] = running_var[c] * (1.0f - share) + squares / max(m - 1.0f, 1.0f) * share;
#endif
}

__kernel void batch_norm_running(__global float *saved, __global const float *running_mean,
                                 __global const float *running_var)
{
    const int c = (int)get_global_id(0);

    if (c >= C)
        return;
    saved[c] = running_mean[c];
    saved[C + c] = 1.0f / sqrt(running_var[c] + EPS);
}

__kernel void batch_norm_forward(__global float *out, __global const float *in, __global const float *saved,
                                 __global float *batches, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= X_CB || n >= batch)
        return;
#if UPDATES
    if (h0 == 0 && cb == 0 && n == 0)
        batches[0] += 1.0f;
#endif
    const floatv mean = channels(saved, cb), scale = channels(saved + C, cb);
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *from = in + AT(X, n, cb, h, 0);
        __global float *to = out + AT(Y, n, cb, h, 0);
        for (int w = 0; w < W; w++)
            STOREV((LOADV(w, from) - mean) * scale, w, to);
    }
}

__kernel void batch_norm_backward(__global float *dx, __global const float *y_, __global const float *dy_,
                                  __global const float *saved, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const float m = (float)batch * (float)(H * W);

    if (cb >= X_CB || n >= batch)
        return;
    const floatv scale = channels(saved + C, cb);
#if OF_BATCH
    const floatv mean = channels(saved + 2 * C, cb) / (floatv)(m);
    const floatv along = channels(saved + 3 * C, cb) / (floatv)(m);
#endif
    for (int h = h0; h < min(h0 + ROWS, H); h++) {
        __global const float *ys = y_ + AT(Y, n, cb, h, 0), *from = dy_ + AT(DY, n, cb, h, 0);
        __global float *to = dx + AT(DX, n, cb, h, 0);
        for (int w = 0; w < W; w++) {
#if OF_BATCH
            STOREV((LOADV(w, from) - mean - LOADV(w, ys) * along) * scale, w, to);
#else
            STOREV(LOADV(w, from) * scale, w, to);
#endif
        }
    }
}
