/*
 * Softmax and cross-entropy in one, its gradient, and the accuracy: a work-item per image.
 *
 *   loss[n] = WEIGHT·SHARE·(log Σ_k exp(z_k − max z) − Σ_k t_k·(z_k − max z))
 *   dx = (softmax(z) − t)·scale·SHARE                        t = (1 − SMOOTHING)·onehot(label) + SMOOTHING/C
 *
 * SHARE is the number of images, divided by what the loss of the batch is divided by: so the mean of all
 * loss[n] is that loss. An image with the label IGNORE has loss and gradient 0 and is no hit.
 * A NaN or +∞ among the logits makes the loss NaN, and so does a label that has no logit, which is never a
 * hit. x and dx are (N,C,1,1) in any layout.
 *
 * softmax_loss_forward   NDRange (batch)   sample[offset + n] = loss; if BACK also dx;
 *                                          scale = WEIGHT/batch
 * accuracy_forward       NDRange (batch)   sample[offset + n] = 1 where fewer than TOP_K classes come before
 *                                          the label's (higher, or equal with a lower number), else 0; NaN: 0
 *
 * X_… (DX_…) C BACK WEIGHT IGNORE SMOOTHING BY_VALID BY_ONE; TOP_K for the accuracy
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
#ifdef IGNORE
#define COUNTS(label) ((label) != IGNORE)
#else
#define COUNTS(label) true
#endif
#ifdef SMOOTHING
#define TARGET(is_label) ((is_label) ? 1.0f - SMOOTHING + SMOOTHING / C : SMOOTHING / C)
#else
#define TARGET(is_label) ((is_label) ? 1.0f : 0.0f)
#endif

/* Logit k of the image whose first one is at p. */
#define AT_CLASS(T, k) (T##_HP * T##_WP == 1 ? (size_t)(k) : ELEMENT(T, 0, k, 0, 0) - AT(T, 0, 0, 0, 0))

/* BY_ONE: the sum of the losses is divided by 1; BY_VALID: by the images that count; else by all images. */
static float share_of(__global const int *labels, int batch)
{
#ifdef BY_ONE
    return (float)batch;
#elif defined(BY_VALID)
    int valid = 0;
    for (int i = 0; i < batch; i++)
        valid += COUNTS(labels[i]);
    return (float)batch / (float)max(valid, 1);
#else
    return 1.0f;
#endif
}

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
    const bool there = label >= 0 && label < C, counts = COUNTS(label);
    const float share = share_of(labels, batch);
    float top = z[0], sum = 0.0f;
    for (int k = 1; k < C; k++)
        top = fmax(top, z[AT_CLASS(X, k)]);
    for (int k = 0; k < C; k++)
        sum += exp(z[AT_CLASS(X, k)] - top);
    float loss = there ? log(sum) - (z[AT_CLASS(X, label)] - top) : NAN;
#ifdef SMOOTHING
    float all = 0.0f;
    for (int k = 0; k < C; k++)
        all += z[AT_CLASS(X, k)] - top;
    loss = there ? log(sum) - (1.0f - SMOOTHING) * (z[AT_CLASS(X, label)] - top) - SMOOTHING / C * all : NAN;
#endif
    sample[offset + n] = counts ? WEIGHT * loss * share : 0.0f;
#if BACK
    __global float *d = dx + AT(DX, n, 0, 0, 0);
    for (int k = 0; k < C; k++)
        d[AT_CLASS(DX, k)] =
            counts ? (exp(z[AT_CLASS(X, k)] - top) / sum - TARGET(k == label)) * scale * share : 0.0f;
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
    sample[offset + n] = COUNTS(label) && mine == mine && before < TOP_K; /* TOP_K may be more than C */
}
