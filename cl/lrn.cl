/*
 * Local response normalisation, forward and backward. With s = K + (ALPHA/n)·Σ x² over a neighbourhood:
 *
 *   y = x·s^−β          dx_i = dy_i·s_i^−β − (2·ALPHA·β/n)·x_i·Σ_j dy_j·y_j/s_j   (j whose window holds i)
 *
 * Within a channel the neighbourhood is SIZE×SIZE pixels (n = SIZE²), across it is SIZE channels (n = SIZE),
 * zero outside. Source: Caffe, lrn layer; Krizhevsky et al., NIPS 2012. SCALE = ALPHA/n.
 *
 * lrn_within_forward   NDRange (H, X_CB, batch)          y, u
 * lrn_within_backward  NDRange (H, X_CB, batch)          dx from x, y, u, dy
 * lrn_across_forward   NDRange (H·W, batch)              y, u
 * lrn_across_backward  NDRange (H·W, batch)              dx
 *
 * What is saved is u = 1/s: a division once, where going back needs it at every window.
 *
 * Within a channel a work-item goes along a row; the sum of each column of SIZE pixels is made once and kept
 * for the SIZE windows that hold it (where SIZE is at most RING_MAX). Columns are added up again for each
 * window: taking one away from a running sum would lose precision.
 *
 * Layouts: X_… for x and dx, Y_… for y and dy (halos may differ), one block V; u: [N][CB][H][W][V].
 * C H W SIZE SCALE BETA K0 V; BETA_075 1 where β is 0.75, Caffe's default: then s^−0.75 is √u·√√u.
 */
#ifndef SIZE
#error "lrn.cl needs SIZE and the other macros of its header"
#endif

#define S_AT(n, cb, y, x) ((((size_t)(n) * X_CB + (cb)) * H + (y)) * W + (x))

#if BETA_075
#define POWER(T, u) (sqrt(u) * sqrt(sqrt(u)))
#else
#define POWER(T, u) pow(u, BETA_##T)
#define BETA_scalar (BETA)
#define BETA_vector ((floatv)(BETA))
#endif

#define RING_MAX 9
/* Window by window along row h: body sees w and sum, which adds up COLUMN(j) over the window's columns. */
#if SIZE <= RING_MAX
#define ALONG_ROW(COLUMN, BODY)                                                                              \
    floatv ring[SIZE];                                                                                       \
    UNROLL for (int k = 0; k < SIZE; k++) ring[k] = (floatv)(0.0f);                                          \
    for (int w = -(SIZE / 2); w < W; w++) {                                                                  \
        floatv sum = (floatv)(0.0f);                                                                         \
        UNROLL for (int k = 0; k + 1 < SIZE; k++) ring[k] = ring[k + 1];                                     \
        ring[SIZE - 1] = w + SIZE / 2 < W ? COLUMN(w + SIZE / 2) : (floatv)(0.0f);                           \
        if (w < 0)                                                                                           \
            continue;                                                                                        \
        UNROLL for (int k = 0; k < SIZE; k++) sum += ring[k];                                                \
        BODY                                                                                                 \
    }
#else
#define ALONG_ROW(COLUMN, BODY)                                                                              \
    for (int w = 0; w < W; w++) {                                                                            \
        floatv sum = (floatv)(0.0f);                                                                         \
        for (int j = max(w - SIZE / 2, 0); j <= min(w + SIZE / 2, W - 1); j++)                               \
            sum += COLUMN(j);                                                                                \
        BODY                                                                                                 \
    }
#endif

/* Σ x² over the rows h0 … h1 of a column. */
floatv squares(__global const float *x, int n, int cb, int h0, int h1, int w)
{
    floatv sum = (floatv)(0.0f);

    for (int i = h0; i <= h1; i++) {
        const floatv v = LOADV(0, x + AT(X, n, cb, i, w));
        sum = fma(v, v, sum);
    }
    return sum;
}

__kernel void lrn_within_forward(__global float *restrict y, __global float *restrict u,
                                 __global const float *restrict x, int batch)
{
    const int h = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h0 = max(h - SIZE / 2, 0), h1 = min(h + SIZE / 2, H - 1);

    if (h >= H || cb >= X_CB || n >= batch)
        return;
#define COLUMN(j) squares(x, n, cb, h0, h1, j)
    ALONG_ROW(COLUMN, {
        const floatv inverse = (floatv)(1.0f) / fma(sum, (floatv)(SCALE), (floatv)(K0));
        STOREV(inverse, S_AT(n, cb, h, w), u);
        STOREV(LOADV(0, x + AT(X, n, cb, h, w)) * POWER(vector, inverse), 0, y + AT(Y, n, cb, h, w));
    })
#undef COLUMN
}

/* Σ dy·y/s over the rows h0 … h1 of a column. */
floatv shares(__global const float *y, __global const float *u, __global const float *dy, int n, int cb,
              int h0, int h1, int w)
{
    floatv sum = (floatv)(0.0f);

    for (int i = h0; i <= h1; i++)
        sum += LOADV(0, dy + AT(DY, n, cb, i, w)) * LOADV(0, y + AT(Y, n, cb, i, w)) *
               LOADV(S_AT(n, cb, i, w), u);
    return sum;
}

__kernel void lrn_within_backward(__global float *restrict dx, __global const float *restrict x,
                                  __global const float *restrict y, __global const float *restrict u,
                                  __global const float *restrict dy, int batch)
{
    const int h = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int h0 = max(h - SIZE / 2, 0), h1 = min(h + SIZE / 2, H - 1);

    if (h >= H || cb >= X_CB || n >= batch)
        return;
#define COLUMN(j) shares(y, u, dy, n, cb, h0, h1, j)
    ALONG_ROW(COLUMN, {
        const floatv power = POWER(vector, LOADV(S_AT(n, cb, h, w), u));
        const floatv direct = LOADV(0, dy + AT(DY, n, cb, h, w)) * power;
        const floatv through = (floatv)(2.0f * SCALE * BETA) * LOADV(0, x + AT(X, n, cb, h, w)) * sum;
        STOREV(direct - through, 0, dx + AT(DX, n, cb, h, w));
    })
#undef COLUMN
}

__kernel void lrn_across_forward(__global float *restrict y, __global float *restrict u,
                                 __global const float *restrict x, int batch)
{
    const int at = (int)get_global_id(0), n = (int)get_global_id(1);
    const int h = at / W, w = at % W, r = SIZE / 2;

    if (h >= H || n >= batch)
        return;
    for (int c = 0; c < C; c++) {
        float sum = 0.0f;
        for (int k = max(c - r, 0); k <= min(c + r, C - 1); k++) {
            const float v = x[ELEMENT(X, n, k, h, w)];
            sum = fma(v, v, sum);
        }
        const float inverse = 1.0f / fma(sum, SCALE, K0);
        u[S_AT(n, c / V, h, w) * V + c % V] = inverse;
        y[ELEMENT(Y, n, c, h, w)] = x[ELEMENT(X, n, c, h, w)] * POWER(scalar, inverse);
    }
}

__kernel void lrn_across_backward(__global float *restrict dx, __global const float *restrict x,
                                  __global const float *restrict y, __global const float *restrict u,
                                  __global const float *restrict dy, int batch)
{
    const int at = (int)get_global_id(0), n = (int)get_global_id(1);
    const int h = at / W, w = at % W, r = SIZE / 2;

    if (h >= H || n >= batch)
        return;
    for (int c = 0; c < C; c++) {
        float sum = 0.0f;
        for (int k = max(c - r, 0); k <= min(c + r, C - 1); k++)
            sum += dy[ELEMENT(DY, n, k, h, w)] * y[ELEMENT(Y, n, k, h, w)] *
                   u[S_AT(n, k / V, h, w) * V + k % V];
        const float direct = dy[ELEMENT(DY, n, c, h, w)] * POWER(scalar, u[S_AT(n, c / V, h, w) * V + c % V]);
        dx[ELEMENT(DX, n, c, h, w)] = direct - 2.0f * SCALE * BETA * x[ELEMENT(X, n, c, h, w)] * sum;
    }
}
