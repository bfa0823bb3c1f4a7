/*
 * Fully connected layer (Caffe's InnerProduct) as one register-blocked matrix product, used three ways:
 *
 *   forward          y[n][o]  = b[o] + Σ_i x[n][i]·w[o][i]      M = batch, K = I,     B = wᵀ packed, C = y
 *   data gradient    dx[n][i] = Σ_o dy[n][o]·w[o][i]            M = batch, K = O,     B = w packed, C = dx
 *   weight gradient  dw[o][i] = Σ_n dy[n][o]·x[n][i]            M = O,     K = batch, B = x
 *
 * Inputs i = (c·H + h)·W + w are numbered in logical order and summed in that order, whatever the layout of
 * x and dx; y and dy are (N,O,1,1). All lie in blocks of V, with or without a halo (src/ops/op.h); the master
 * weights are plain rows.
 *
 * A column of the product is a feature as it lies in the image, the halo left out: [CB][H][W][V], lanes
 * beyond the last channel included, which get zeros.
 *
 * dense_pack    NDRange (K + 1)          packed[k][column] (LDB wide), then the bias, LDB floats
 * dense_gemm    NDRange (ceil(M/MT), ceil(columns/(NT·V)))   c[m][n] = bias[n] + Σ_k a[m][k]·b[k][n]
 * dense_bias    NDRange (O)              db[o] = Σ_n dy[n][o]
 *
 * K MT NT V O I; TRANSPOSED 1: packed from w[n][k] (forward), 0: from w[k][n]; BIAS.
 * EDGE 0: a is A_… (images are rows m), b packed, c is C_….
 * EDGE 1, the weight gradient: a is A_… (images are k), b is B_…, c plain rows of I. dense_bias: dy is A_….
 * RELU 1: c = max(c, 0), NaN stays. MASK 1: c = 0 where `mask`, in layout M_…, is not positive.
 * Of A, B, C, besides the macros of common.clh, the logical shape: A_C A_H A_W ….
 */
#ifndef K
#error "dense.cl needs K and the other macros of its header"
#endif
#ifndef RELU
#define RELU 0
#endif
#ifndef MASK
#define MASK 0
#endif

#define HW(T) (T##_H * T##_W)
/* Floats from image to image; where input i, and where column n (a multiple of V) of an image lies. */
#define ROW(T) ((size_t)T##_CB * T##_HP * T##_WP * T##_BLOCK)
#define INPUT(T, i)                                                                                          \
    (T##_HP * T##_WP == 1 ? (size_t)(i) : ELEMENT(T, 0, (i) / HW(T), (i) / T##_W % T##_H, (i) % T##_W))
#define COLUMN(T, n)                                                                                         \
    (T##_HP * T##_WP == HW(T) ? (size_t)(n)                                                                  \
                              : AT(T, 0, (n) / V / HW(T), (n) / V / T##_W % T##_H, (n) / V % T##_W))
/* Columns of a row; channel and logical number of column n. */
#define COLUMNS(T)    (T##_CB * HW(T) * V)
#define CHANNEL(T, n) ((n) / V / HW(T) * V + (n) % V)
#define LOGICAL(T, n) (CHANNEL(T, n) * HW(T) + (n) / V % HW(T))

#if EDGE
#define N          COLUMNS(B)
#define A_AT(m, k) ((size_t)(k) * ROW(A) + INPUT(A, m))
#define B_AT(k, n) ((size_t)(k) * ROW(B) + COLUMN(B, n))
#else
#define N          COLUMNS(C)
#define LDB        N
#define A_AT(m, k) ((size_t)(m) * ROW(A) + INPUT(A, k))
#define B_AT(k, n) ((size_t)(k) * LDB + (n))

__kernel void dense_pack(__global float *restrict packed, __global const float *restrict w,
                         __global const float *restrict b)
{
    const int k = (int)get_global_id(0);

    if (k > K)
        return;
    __global float *row = packed + (size_t)k * LDB;
    for (int n = 0; n < N; n++) {
        const int i = LOGICAL(C, n);
        float value = 0.0f;
        if (CHANNEL(C, n) < C_C) {
            if (k == K)
                value = BIAS ? b[i] : 0.0f;
            else
                value = TRANSPOSED ? w[(size_t)i * K + k] : w[(size_t)k * I + i];
        }
        row[n] = value;
    }
}
#endif

/* rows m0 … of c; bias: offset into b where a row of LDB biases starts, −1: none */
__kernel void dense_gemm(__global float *restrict c, __global const float *restrict a,
                         __global const float *restrict b,
#if MASK
                         __global const float *restrict mask,
#endif
                         int rows, int k_count, int bias)
{
    const int m0 = (int)get_global_id(0) * MT, n0 = (int)get_global_id(1) * (NT * V);
    floatv acc[MT][NT];

    if (m0 >= rows || n0 >= N)
        return;
#pragma unroll
    for (int j = 0; j < NT; j++) {
        const bool there = n0 + j * V < N;
        const floatv start = bias >= 0 && there ? LOADV(j, b + bias + n0) : (floatv)(0.0f);
#pragma unroll
        for (int i = 0; i < MT; i++)
            acc[i][j] = start;
    }
    for (int k = 0; k < k_count; k++) {
        floatv bv[NT];
#pragma unroll
        for (int j = 0; j < NT; j++)
            bv[j] = LOADV(0, b + B_AT(k, min(n0 + j * V, N - V)));
#pragma unroll
        for (int i = 0; i < MT; i++) {
            const floatv av = (floatv)(a[A_AT(min(m0 + i, rows - 1), k)]);
#pragma unroll
            for (int j = 0; j < NT; j++)
                acc[i][j] = fma(av, bv[j], acc[i][j]);
        }
    }
#pragma unroll
    for (int i = 0; i < MT; i++) {
        if (m0 + i >= rows)
            break;
#pragma unroll
        for (int j = 0; j < NT; j++) {
            const int n = n0 + j * V;
            floatv value = acc[i][j];
            if (n >= N)
                break;
#if EDGE
            __global float *out = c + (size_t)(m0 + i) * I + LOGICAL(B, n);
            float lanes[V];
            STOREV(value, 0, lanes);
#pragma unroll
            for (int e = 0; e < V; e++)
                if (CHANNEL(B, n) + e < B_C)
                    out[e * HW(B)] = lanes[e];
#else
#if RELU
            value = value <= (floatv)(0.0f) ? (floatv)(0.0f) : value;
#endif
#if MASK
            const floatv x = LOADV(0, mask + (size_t)(m0 + i) * ROW(M) + COLUMN(M, n));
            value = x > (floatv)(0.0f) ? value : (floatv)(0.0f);
#endif
            STOREV(value, 0, c + (size_t)(m0 + i) * ROW(C) + COLUMN(C, n));
#endif
        }
    }
}

__kernel void dense_bias(__global float *restrict db, __global const float *restrict dy, int batch)
{
    const int o = (int)get_global_id(0);
    float sum = 0.0f;

    if (o >= O)
        return;
    for (int n = 0; n < batch; n++)
        sum += dy[(size_t)n * ROW(A) + INPUT(A, o)];
    db[o] = sum;
}
