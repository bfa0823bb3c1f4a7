/*
 * Fully connected layer (Caffe's InnerProduct) as one register-blocked matrix product, used three ways:
 *
 *   forward          y[n][o]  = b[o] + Σ_i x[n][i]·w[o][i]      M = batch, N = O, K = I,     B = wᵀ packed
 *   data gradient    dx[n][i] = Σ_o dy[n][o]·w[o][i]            M = batch, N = I, K = O,     B = w packed
 *   weight gradient  dw[o][i] = Σ_n dy[n][o]·x[n][i]            M = O,     N = I, K = batch, B = x
 *
 * Rows of x, y, dx, dy are padded to a multiple of V (layout (N,F,1,1), src/ops/op.h); the master weights
 * are not.
 *
 * dense_pack    NDRange (K + 1)          packed[k][n] (LDB wide, zeros beyond N), then the bias, LDB floats
 * dense_gemm    NDRange (ceil(M/MT), ceil(N/(NT·V)))   c[m][n] = bias[n] + Σ_k a[m·A_M + k·A_K]·b[k·LDB + n]
 * dense_bias    NDRange (O)              db[o] = Σ_n dy[n][o]
 *
 * N K(0: argument k) A_M A_K LDB LDC MT NT V; TRANSPOSED 1: packed from w[n][k] (forward), 0: from w[k][n];
 * BIAS; EDGE 1: rows of c are not padded (weight gradient). Columns beyond N, where stored, are zero.
 */
#ifndef LDB
#error "dense.cl needs LDB and the other macros of its header"
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
            bv[j] = LOADV(0, b + (size_t)k * LDB + min(n0 + j * V, LDB - V));
#pragma unroll
        for (int i = 0; i < MT; i++) {
            const floatv av = (floatv)(a[(size_t)min(m0 + i, rows - 1) * A_M + (size_t)k * A_K]);
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
            __global float *out = c + (size_t)(m0 + i) * LDC + n;
            if (n >= N)
                break;
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
        sum += dy[(size_t)n * LDY + o];
    db[o] = sum;
}
