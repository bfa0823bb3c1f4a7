/*
 * Softmax and cross-entropy in one, its gradient, and the accuracy: a work-item per image.
 *
 *   loss[n] = log Σ_k exp(z_k − max z) − (z_label − max z)       dx = (softmax(z) − onehot(label))·scale
 *
 * A NaN or +∞ among the logits makes the loss NaN. Rows of logits are padded to X_BLOCK·X_CB floats.
 *
 * softmax_loss_forward   NDRange (batch)   sample[offset + n] = loss
 * softmax_loss_backward  NDRange (batch)   dx; scale = 1/batch
 * accuracy_forward       NDRange (batch)   sample[offset + n] = 1 where fewer than TOP_K classes come before
 *                                          the label's (higher, or equal with a lower number), else 0; NaN: 0
 *
 * X_… (DX_…) C; TOP_K for the accuracy
 */
#ifndef C
#error "softmax_loss.cl needs C and the macros of X"
#endif
#ifndef TOP_K
#define TOP_K 1
#endif

#define ROW(T, n) ((size_t)(n) * T##_CB * T##_BLOCK)

__kernel void softmax_loss_forward(__global float *restrict sample, __global const float *restrict x,
                                   __global const int *restrict labels, int offset, int batch)
{
    const int n = (int)get_global_id(0);

    if (n >= batch)
        return;
    __global const float *z = x + ROW(X, n);
    float top = z[0], sum = 0.0f;
    for (int k = 1; k < C; k++)
        top = fmax(top, z[k]);
    for (int k = 0; k < C; k++)
        sum += exp(z[k] - top);
    sample[offset + n] = log(sum) - (z[labels[n]] - top);
}

__kernel void softmax_loss_backward(__global float *restrict dx, __global const float *restrict x,
                                    __global const int *restrict labels, float scale, int batch)
{
    const int n = (int)get_global_id(0);

    if (n >= batch)
        return;
    __global const float *z = x + ROW(X, n);
    __global float *d = dx + ROW(DX, n);
    float top = z[0], sum = 0.0f;
    for (int k = 1; k < C; k++)
        top = fmax(top, z[k]);
    for (int k = 0; k < C; k++)
        sum += exp(z[k] - top);
    for (int k = 0; k < C; k++)
        d[k] = (exp(z[k] - top) / sum - (k == labels[n] ? 1.0f : 0.0f)) * scale;
}

__kernel void accuracy_forward(__global float *restrict sample, __global const float *restrict x,
                               __global const int *restrict labels, int offset, int batch)
{
    const int n = (int)get_global_id(0);
    int before = 0;

    if (n >= batch)
        return;
    __global const float *z = x + ROW(X, n);
    const int label = labels[n];
    const float mine = z[label];
    for (int k = 0; k < C; k++)
        before += !(z[k] < mine || (z[k] == mine && k >= label));
    sample[offset + n] = before < TOP_K ? 1.0f : 0.0f;
}
