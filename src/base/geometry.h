/*
 * Shapes and geometries of layers, and the formulas for their output sizes. No OpenCL, no allocation: the
 * references, the operators and the net all use these.
 *
 * N images, C channels, H height, W width; K kernel, S stride, P padding, D dilation.
 * Every dimension is an int in 1…GEOMETRY_MAX, checked where it enters (geometry_check_*).
 */
#ifndef BASE_GEOMETRY_H
#define BASE_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define GEOMETRY_MAX 65536

struct shape {
    int n, c, h, w;
};

/* n·c·h·w; false where that overflows. */
bool shape_count(const struct shape *s, size_t *out);
bool shape_equal(const struct shape *a, const struct shape *b);

/* Convolution: y = x * w + b; x (N,C,H,W), w (OC,C/G,KH,KW), b (OC), y (N,OC,OH,OW). */
struct conv_geometry {
    int c, h, w;        /* input */
    int oc;             /* output channels */
    int kh, kw, sh, sw; /* kernel, stride */
    int ph, pw, dh, dw; /* padding, dilation */
    int group;          /* divides c and oc */
    int oh, ow;         /* out: filled by geometry_conv() */
};

/* Fills oh, ow = floor((H + 2P − D(K−1) − 1)/S) + 1; CLR_EINPUT with a sentence where nothing fits. */
int geometry_conv(struct conv_geometry *g, struct clr_error *err);

enum pool_method { POOL_MAX, POOL_AVE };
enum pool_rounding { POOL_CEIL, POOL_FLOOR };

/*
 * Pooling. CEIL is Caffe's default, FLOOR is PyTorch's. A window is [oS − P, min(oS − P + K, H + P)), clipped
 * to the image; AVE divides by its size before the clipping to the image (so padding counts, and what lies
 * beyond the padding does not). A last window that would start after the image is dropped: if
 * (OH − 1)·S ≥ H + P then OH −= 1. Caffe does so only where P > 0, PyTorch always; without padding such a
 * window (S > K) would hold no pixel at all. Source: Caffe, pooling layer; PyTorch's pooling
 * (count_include_pad).
 */
struct pool_geometry {
    enum pool_method method;
    enum pool_rounding rounding;
    int c, h, w;
    int kh, kw, sh, sw, ph, pw;
    int oh, ow; /* out: filled by geometry_pool() */
};

/* CLR_EINPUT also where P ≥ K (Caffe's rule: a window must touch the image). */
int geometry_pool(struct pool_geometry *g, struct clr_error *err);

enum lrn_region { LRN_ACROSS_CHANNELS, LRN_WITHIN_CHANNEL };

/*
 * Local response normalisation: s = k + (α/n)·Σ x², y = x·s^−β, where the sum runs over `size` neighbouring
 * channels and n = size (across), or over a size×size window, zero-padded, and n = size² (within).
 * size is odd. Source: Caffe, lrn layer (k = 1 within channels).
 */
struct lrn_geometry {
    enum lrn_region region;
    int c, h, w;
    int size;
    float alpha, beta, k;
};

int geometry_lrn(const struct lrn_geometry *g, struct clr_error *err);

#endif
