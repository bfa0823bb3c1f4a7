/*
 * Softmax over the channels of every pixel: y_c = exp(x_c − m)/Σ exp(x_k − m), m = max x;
 * dx_c = y_c·(dy_c − Σ dy_k·y_k). A NaN among the x makes all y of its pixel one.
 *
 * softmax_forward    NDRange (W, H, batch)   y from x, which may be the same memory
 * softmax_backward   NDRange (W, H, batch)   dx from y and dy; dx may be dy's memory
 *
 * X_… Y_… DX_… DY_… C H W
 */
#ifndef C
#error "softmax.cl needs C and the other macros of its header"
#endif

__kernel void softmax_forward(__global float *y, __global const float *x, int batch)
{
    const int w = (int)get_global_id(0), h = (int)get_global_id(1), n = (int)get_global_id(2);
    float most = -INFINITY, sum = 0.0f;

    if (w >= W || h >= H || n >= batch)
        return;
    for (int c = 0; c < C; c++)
        most = fmax(most, x[ELEMENT(X, n, c, h, w)]);
    for (int c = 0; c < C; c++)
        sum += exp(x[ELEMENT(X, n, c, h, w)] - most);
    for (int c = 0; c < C; c++)
        y[ELEMENT(Y, n, c, h, w)] = exp(x[ELEMENT(X, n, c, h, w)] - most) / sum;
}

__kernel void softmax_backward(__global float *dx, __global const float *y, __global const float *dy,
                               int batch)
{
    const int w = (int)get_global_id(0), h = (int)get_global_id(1), n = (int)get_global_id(2);
    float sum = 0.0f;

    if (w >= W || h >= H || n >= batch)
        return;
    for (int c = 0; c < C; c++)
        sum += dy[ELEMENT(DY, n, c, h, w)] * y[ELEMENT(Y, n, c, h, w)];
    for (int c = 0; c < C; c++)
        dx[ELEMENT(DX, n, c, h, w)] = y[ELEMENT(Y, n, c, h, w)] * (dy[ELEMENT(DY, n, c, h, w)] - sum);
}
