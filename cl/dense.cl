/*
 * Fully connected layer (Caffe's InnerProduct) as one register-blocked matrix product, used three ways:
 *
 *   forward          y[n][o]  = b[o] + Σ_i x[n][i]·w[o][i]      M = batch, N = O, K = I,     B = wᵀ packed
 *   data gradient    dx[n][i] = Σ_o dy[n][o]·w[o][i]            M = batch, N = I, K = O,     B = w packed
 *   weight gradient  dw[o][i] = Σ_n dy[n][o]·x[n][i]            M = O,     N = I, K = batch, B = x
 *
 * x, y, dx, dy are (N,F,1,1) in blocks of V, with or without a halo (src/ops/op.h); the master weights are
 * plain rows.
 *
 * dense_pack    NDRange (K + 1)          packed[k][n] (LDB wide, zeros beyond N), then the bias, LDB floats
 * dense_gemm    NDRange (ceil(M/MT), ceil(N/(NT·V)))   c[m][n] = bias[n] + Σ_k a[m][k]·b[k][n]
 * dense_bias    NDRange (O)              db[o] = Σ_n dy[n][o]
 *
 * N K LDB MT NT V O; TRANSPOSED 1: packed from w[n][k] (forward), 0: from w[k][n]; BIAS.
 * EDGE 0: a is A_… (images are rows m), b packed, c is C_…: columns beyond N are stored as zeros.
 * EDGE 1, the weight gradient: a is A_… (images are k), b is B_…, c plain rows of N. dense_bias: dy is A_….
 */
#ifndef LDB
#error "dense.cl needs LDB and the other macros of its header"
#endif

/* Floats from image to image; where feature f of an image lies. */
#define ROW(T)        ((size_t)T##_CB * T##_HP * T##_WP * T##_BLOCK)
#define FEATURE(T, f) (T##_HP * T##_WP == 1 ? (size_t)(f) : ELEMENT(T, 0, f, 0, 0))

#if EDGE
#define A_AT(m, k) ((size_t)(k)*ROW(A) + FEATURE(A, m))
#define B_AT(k, n) ((size_t)(k)*ROW(B) + FEATURE(B, n))
#define C_AT(m, n) ((size_t)(m)*N + (n))
#else
#define A_AT(m, k) ((size_t)(m)*ROW(A) + FEATURE(A, k))
#define B_AT(k, n) ((size_t)(k)*LDB + (n))
#define C_AT(m, n) ((size_t)(m)*ROW(C) + FEATURE(C, n))
#endif

__kernel void dense_pack(__global float *restrict packed, __global const float *restrict w,
                         __global const float *restrict b)
{
    const int k = (int)get_global_id(0);

    if (k > K)
        return;
    __global float *row = packed + (size_t)k * LDB;
    for (int n = 0; n < N; n++) {
        if (k == K)
            row[n] = BIAS ? b[n] : 0.0f;
        else
            row[n] = TRANSPOSED ? w[(size_t)n * K + k] : w[(size_t)k * N + n];
    }
    for (int n = N; n < LDB; n++)
        row[n] = 0.0f;
}

/* rows m0 … of c; bias: offset into b where a row of LDB biases starts, −1: none */
__kernel void dense_gemm(__global float *restrict c, __global const float *restrict a,
                         __global const float *restrict b, int rows, int k_count, int bias)
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
            bv[j] = LOADV(0, b + B_AT(k, min(n0 + j * V, LDB - V)));
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
            if (n >= N)
                break;
            __global float *out = c + C_AT(m0 + i, n);
#if EDGE && V > 1
            if (n + V > N) {
                float part[V];
                STOREV(acc[i][j], 0, part);
                for (int e = 0; n + e < N; e++)
                    out[e] = part[e];
                continue;
            }
#endif
            STOREV(acc[i][j], 0, out);
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
        sum += dy[(size_t)n * ROW(A) + FEATURE(A, o)];
    db[o] = sum;
}
