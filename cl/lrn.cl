/*
 * Local response normalisation, forward and backward. With s = K + (ALPHA/n)·Σ x² over a neighbourhood:
 *
 *   y = x·s^−β          dx_i = dy_i·s_i^−β − (2·ALPHA·β/n)·x_i·Σ_j dy_j·y_j/s_j   (j whose window holds i)
 *
 * Within a channel the neighbourhood is SIZE×SIZE pixels (n = SIZE²), across it is SIZE channels (n = SIZE),
 * zero outside. Source: Caffe, lrn layer; Krizhevsky et al., NIPS 2012. SCALE = ALPHA/n.
 *
 * lrn_within_forward   NDRange (H, X_CB, batch)          y, s
 * lrn_within_backward  NDRange (H, X_CB, batch)          dx from x, y, s, dy
 * lrn_across_forward   NDRange (H·W, batch)              y, s
 * lrn_across_backward  NDRange (H·W, batch)              dx
 *
 * Layouts: X_… for x and dx, Y_… for y and dy (halos may differ), one block V; s: [N][CB][H][W][V].
 * C H W SIZE SCALE BETA K0 V; BETA_075 1 where β is 0.75, Caffe's default: then s^−0.75 is r·sqrt(r) with
 * r = 1/sqrt(s).
 */
#ifndef SIZE
#error "lrn.cl needs SIZE and the other macros of its header"
#endif

#define S_AT(n, cb, y, x) ((((size_t)(n) * X_CB + (cb)) * H + (y)) * W + (x))

#if BETA_075
#define POWER(T, s) power_075_##T(s)
float power_075_scalar(float s);
float power_075_scalar(float s)
{
    const float r = 1.0f / sqrt(s);
    return r * sqrt(r);
}
floatv power_075_vector(floatv s);
floatv power_075_vector(floatv s)
{
    const floatv r = (floatv)(1.0f) / sqrt(s);
    return r * sqrt(r);
}
#else
#define POWER(T, s) pow(s, -BETA_##T)
#define BETA_scalar (BETA)
#define BETA_vector ((floatv)(BETA))
#endif

__kernel void lrn_within_forward(__global float *restrict y, __global float *restrict s,
                                 __global const float *restrict x, int batch)
{
    const int h = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int r = SIZE / 2;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    for (int w = 0; w < W; w++) {
        floatv sum = (floatv)(0.0f);
        for (int i = max(h - r, 0); i <= min(h + r, H - 1); i++) {
            __global const float *row = x + AT(X, n, cb, i, 0);
            for (int j = max(w - r, 0); j <= min(w + r, W - 1); j++) {
                const floatv v = LOADV(j, row);
                sum = fma(v, v, sum);
            }
        }
        const floatv scale = fma(sum, (floatv)(SCALE), (floatv)(K0));
        STOREV(scale, S_AT(n, cb, h, w), s);
        STOREV(LOADV(0, x + AT(X, n, cb, h, w)) * POWER(vector, scale), 0, y + AT(Y, n, cb, h, w));
    }
}

__kernel void lrn_within_backward(__global float *restrict dx, __global const float *restrict x,
                                  __global const float *restrict y, __global const float *restrict s,
                                  __global const float *restrict dy, int batch)
{
    const int h = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);
    const int r = SIZE / 2;

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    for (int w = 0; w < W; w++) {
        floatv sum = (floatv)(0.0f);
        for (int i = max(h - r, 0); i <= min(h + r, H - 1); i++)
            for (int j = max(w - r, 0); j <= min(w + r, W - 1); j++)
                sum += LOADV(0, dy + AT(DY, n, cb, i, j)) * LOADV(0, y + AT(Y, n, cb, i, j)) /
                       LOADV(S_AT(n, cb, i, j), s);
        const floatv direct = LOADV(0, dy + AT(DY, n, cb, h, w)) * POWER(vector, LOADV(S_AT(n, cb, h, w), s));
        const floatv through = (floatv)(2.0f * SCALE * BETA) * LOADV(0, x + AT(X, n, cb, h, w)) * sum;
        STOREV(direct - through, 0, dx + AT(DX, n, cb, h, w));
    }
}

__kernel void lrn_across_forward(__global float *restrict y, __global float *restrict s,
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
        const float scale = fma(sum, SCALE, K0);
        s[S_AT(n, c / V, h, w) * V + c % V] = scale;
        y[ELEMENT(Y, n, c, h, w)] = x[ELEMENT(X, n, c, h, w)] * POWER(scalar, scale);
    }
}

__kernel void lrn_across_backward(__global float *restrict dx, __global const float *restrict x,
                                  __global const float *restrict y, __global const float *restrict s,
                                  __global const float *restrict dy, int batch)
{
    const int at = (int)get_global_id(0), n = (int)get_global_id(1);
    const int h = at / W, w = at % W, r = SIZE / 2;

    if (h >= H || n >= batch)
        return;
    for (int c = 0; c < C; c++) {
        float sum = 0.0f;
        for (int k = max(c - r, 0); k <= min(c + r, C - 1); k++)
            sum += dy[ELEMENT(DY, n, k, h, w)] * y[ELEMENT(Y, n, k, h, w)] /
                   s[S_AT(n, k / V, h, w) * V + k % V];
        const float direct = dy[ELEMENT(DY, n, c, h, w)] * POWER(scalar, s[S_AT(n, c / V, h, w) * V + c % V]);
        dx[ELEMENT(DX, n, c, h, w)] = direct - 2.0f * SCALE * BETA * x[ELEMENT(X, n, c, h, w)] * sum;
    }
}
