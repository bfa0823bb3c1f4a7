/*
 * Softmax and cross-entropy in one, its gradient, and the accuracy: a work-item per image.
 *
 *   loss[n] = WEIGHT·(log Σ_k exp(z_k − max z) − (z_label − max z))   dx = (softmax(z) − onehot(label))·scale
 *
 * A NaN or +∞ among the logits makes the loss NaN, and so does a label that has no logit, which is never a
 * hit. x and dx are (N,C,1,1) in any layout.
 *
 * softmax_loss_forward   NDRange (batch)   sample[offset + n] = loss; if BACK also dx;
 *                                          scale = WEIGHT/batch
 * accuracy_forward       NDRange (batch)   sample[offset + n] = 1 where fewer than TOP_K classes come before
 *                                          the label's (higher, or equal with a lower number), else 0; NaN: 0
 *
 * X_… (DX_…) C BACK WEIGHT; TOP_K for the accuracy
 */
#ifndef C
#error "softmax_loss.cl needs C and the macros of X"
#endif
#ifndef BACK
#define BACK 0
#endif
#ifndef WEIGHT
#define WEIGHT 1.0f
#endif
#ifndef TOP_K
#define TOP_K 1
#endif

/* Logit k of the image whose first one is at p. */
#define AT_CLASS(T, k) (T##_HP * T##_WP == 1 ? (size_t)(k) : ELEMENT(T, 0, k, 0, 0) - AT(T, 0, 0, 0, 0))

__kernel void softmax_loss_forward(__global float *restrict sample,
#if BACK
                                   __global float *restrict dx, float scale,
#endif
                                   __global const float *restrict x, __global const int *restrict labels,
                                   int offset, int batch)
{
    const int n = (int)get_global_id(0);

    if (n >= batch)
        return;
    __global const float *z = x + AT(X, n, 0, 0, 0);
    const int label = labels[n];
    const bool there = label >= 0 && label < C;
    float top = z[0], sum = 0.0f;
    for (int k = 1; k < C; k++)
        top = fmax(top, z[AT_CLASS(X, k)]);
    for (int k = 0; k < C; k++)
        sum += exp(z[AT_CLASS(X, k)] - top);
    sample[offset + n] = WEIGHT * (there ? log(sum) - (z[AT_CLASS(X, label)] - top) : NAN);
#if BACK
    __global float *d = dx + AT(DX, n, 0, 0, 0);
    for (int k = 0; k < C; k++)
        d[AT_CLASS(DX, k)] = (exp(z[AT_CLASS(X, k)] - top) / sum - (k == label ? 1.0f : 0.0f)) * scale;
#endif
}

__kernel void accuracy_forward(__global float *restrict sample, __global const float *restrict x,
                               __global const int *restrict labels, int offset, int batch)
{
    const int n = (int)get_global_id(0);
    int before = 0;

    if (n >= batch)
        return;
    __global const float *z = x + AT(X, n, 0, 0, 0);
    const int label = labels[n];
    const bool there = label >= 0 && label < C;
    const float mine = there ? z[AT_CLASS(X, label)] : NAN;
    for (int k = 0; k < C; k++) {
        const float other = z[AT_CLASS(X, k)];
        before += !(other < mine || (other == mine && k >= label));
    }
    sample[offset + n] = mine == mine && before < TOP_K ? 1.0f : 0.0f; /* TOP_K may be more than C */
}
