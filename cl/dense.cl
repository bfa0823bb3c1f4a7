/*
 * Fully connected layer (Caffe's InnerProduct) as one register-blocked matrix product, used by three passes:
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
 * beyond the last channel included, which get zeros. Packed weights come in panels of NT·V columns, as
 * work-items read them: [panel][K + 1][NT·V], the bias after the terms.
 *
 * SLICED 1 is for GPUs, which need many work-items whose neighbours read neighbouring floats: packed weights
 * are rows of all columns, [K + 1][N]; NT is 1; and the K terms of a sum, in their logical order, are cut
 * into SLICES slices, whatever the layout and however many images there are. A work-group of LX × 1 × SLICES
 * makes LX vectors of columns of MT rows; its slices meet in local memory and are added in ascending order.
 *
 * dense_pack    NDRange (K + 1, panels), TRANSPOSED 0: (panels, K + 1)
 * dense_gemm    NDRange (ceil(M/MT), panels), EDGE 1: (panels, ceil(M/MT)),
 *               SLICED 1: (panels, ceil(M/MT), SLICES), local size (LX, 1, SLICES)
 *               c[m][n] = bias[n] + Σ_k a[m][k]·b[k][n]
 * dense_bias    NDRange (O)                    db[o] = Σ_n dy[n][o]
 * Neighbours in the first dimension share a panel, or where the result or the weights are rows, these; with
 * SLICED 1 they share rows of a, and read neighbouring columns.
 *
 * K MT NT V O I SLICED LX SLICES; TRANSPOSED 1: packed from w[n][k] (forward), 0: from w[k][n]; BIAS: in
 * front of the sums.
 * EDGE 0: a is A_… (images are rows m), b packed, c is C_….
 * EDGE 1, the weight gradient: a is A_… (images are k), b is B_…, c plain rows of I. dense_bias: dy is A_….
 * RELU 1: c = max(c, 0), NaN stays. MASK 1: c = 0 where `mask`, in layout M_…, is not positive.
 * Of A, B, C, besides the macros of common.clh, the logical shape: A_C A_H A_W ….
 */
#ifndef K
#error "dense.cl needs K and the other macros of its header"
#endif
#if !SLICED
#define LX     1
#define SLICES 1
#endif

#define HW(T) (T##_H * T##_W)

/* Floats from image to image; where channel c of pixel (y, x) lies, and where column n (a multiple of V). */
#define ROW(T) ((size_t)T##_CB * T##_HP * T##_WP * T##_BLOCK)
#define INPUT(T, c, y, x)                                                                                    \
    (T##_HP * T##_WP == 1 ? (size_t)(c) : ELEMENT(T, 0, c, y, x))
#define COLUMN(T, n)                                                                                         \
    (T##_HP * T##_WP == HW(T) ? (size_t)(n)                                                                  \
                              : AT(T, 0, (n) / V / HW(T), (n) / V / T##_W % T##_H, (n) / V % T##_W))
/* Columns of a row; channel and logical number of column n. */
#define COLUMNS(T)    (T##_CB * HW(T) * V)
#define CHANNEL(T, n) ((n) / V / HW(T) * V + (n) % V)
#define LOGICAL(T, n) (CHANNEL(T, n) * HW(T) + (n) / V % HW(T))

#define PANEL (NT * V)
#if EDGE
#define N COLUMNS(B)
#else
#define N COLUMNS(C)
/* Where column n, the first of a panel, of row k lies, and how far it is to the next row. */
#if SLICED
#define PACKED(k, n) ((size_t)(k) * N + (n))
#define STEP         N
#else
#define PACKED(k, n) (((size_t)((n) / PANEL) * (K + 1) + (k)) * PANEL)
#define STEP         PANEL
#endif

__kernel void dense_pack(__global float *restrict packed, __global const float *restrict w,
                         __global const float *restrict b)
{
    const int k = (int)get_global_id(!TRANSPOSED), n0 = (int)get_global_id(TRANSPOSED) * PANEL;

    if (k > K || n0 >= N)
        return;
    const bool there = k < K || BIAS;
    __global const float *from = k == K ? b : TRANSPOSED ? w + k : w + (size_t)k * I;
    const size_t step = TRANSPOSED && k < K ? (size_t)I : 1;

    UNROLL for (int j = 0; j < NT; j++) {
        const int n = n0 + j * V, channel = CHANNEL(C, n);
        float lanes[V];
        UNROLL for (int e = 0; e < V; e++)
            lanes[e] = there && channel + e < C_C ? from[(size_t)(LOGICAL(C, n) + e * HW(C)) * step] : 0.0f;
        STOREV(LOADV(0, lanes), j, packed + PACKED(k, n0));
    }
}
#endif

/* A term of all sums of a tile: MT inputs of a times NT vectors of b. */
void add_term(floatv (*acc)[NT], __global const float *a, const size_t *row, __global const float *b,
              const size_t *column)
{
    floatv bv[NT];

    UNROLL for (int j = 0; j < NT; j++)
        bv[j] = LOADV(0, b + column[j]);
    UNROLL for (int i = 0; i < MT; i++) {
        const floatv av = (floatv)(a[row[i]]);
        UNROLL for (int j = 0; j < NT; j++)
            acc[i][j] = fma(av, bv[j], acc[i][j]);
    }
}

/* rows m0 … of c; images: of the sums of EDGE 1 */
#if SLICED
__attribute__((reqd_work_group_size(LX, 1, SLICES)))
#endif
__kernel void
dense_gemm(__global float *restrict c, __global const float *restrict a,
           __global const float *restrict b, __global const float *restrict mask, int rows, int images)
{
    const int m0 = (int)get_global_id(EDGE || SLICED) * MT;
    const int wanted = (int)get_global_id(!(EDGE || SLICED)) * PANEL;
    const int slice = SLICED ? (int)get_local_id(2) : 0;
    floatv acc[MT][NT];
    size_t row[MT], column[NT];

#if SLICED
    const int n0 = min(wanted, N - V); /* beyond the last column: waits for its group, and writes nothing */
#else
    const int n0 = wanted;
    if (m0 >= rows || n0 >= N)
        return;
#endif
    const int first = slice * ((K + SLICES - 1) / SLICES);
    const int last = min(first + (K + SLICES - 1) / SLICES, EDGE ? images : K);
    UNROLL for (int i = 0; i < MT; i++)
        row[i] = EDGE ? INPUT(A, min(m0 + i, rows - 1), 0, 0) : (size_t)min(m0 + i, rows - 1) * ROW(A);
    UNROLL for (int j = 0; j < NT; j++) {
#if BIAS
        const floatv start = slice == 0 ? LOADV(j, b + PACKED(K, n0)) : (floatv)(0.0f);
#else
        const floatv start = (floatv)(0.0f);
#endif
#if EDGE
        column[j] = COLUMN(B, min(n0 + j * V, N - V));
#else
        column[j] = (size_t)(j * V);
#endif
        UNROLL for (int i = 0; i < MT; i++)
            acc[i][j] = start;
    }
#if EDGE
    for (int k = first; k < last; k++)
        add_term(acc, a + (size_t)k * ROW(A), row, b + (size_t)k * ROW(B), column);
#elif SLICED
    int x = first % A_W, y = first / A_W % A_H, channel = first / HW(A);
    b += PACKED(first, n0);
    for (int k = first; k < last; k++, b += STEP) {
        add_term(acc, a + INPUT(A, channel, y, x), row, b, column);
        if (++x == A_W) {
            x = 0;
            if (++y == A_H) {
                y = 0;
                channel++;
            }
        }
    }
#else
    b += PACKED(0, n0);
    for (int channel = 0; channel < A_C; channel++)
        for (int y = 0; y < A_H; y++)
            for (int x = 0; x < A_W; x++, b += STEP)
                add_term(acc, a + INPUT(A, channel, y, x), row, b, column);
#endif
#if SLICES > 1
    __local floatv sums[SLICES][MT][LX];
    const int lx = (int)get_local_id(0);
    UNROLL for (int i = 0; i < MT; i++)
        sums[slice][i][lx] = acc[i][0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (slice > 0)
        return;
    for (int s = 1; s < SLICES; s++)
        UNROLL for (int i = 0; i < MT; i++)
            acc[i][0] += sums[s][i][lx];
#endif
    if (wanted >= N)
        return;
    UNROLL for (int i = 0; i < MT; i++) {
        if (m0 + i >= rows)
            break;
        UNROLL for (int j = 0; j < NT; j++) {
            const int n = n0 + j * V;
            floatv value = acc[i][j];
            if (n >= N)
                break;
#if EDGE
            __global float *out = c + (size_t)(m0 + i) * I + LOGICAL(B, n);
            float lanes[V];
            STOREV(value, 0, lanes);
            UNROLL for (int e = 0; e < V; e++)
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
        sum += dy[(size_t)n * ROW(A) + INPUT(A, o, 0, 0)];
    db[o] = sum;
}
