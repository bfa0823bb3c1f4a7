/*
 * Hinge loss of one against the others: a work-item per image.
 *
 *   m_k = max(0, 1 − s_k·z_k), s_label = 1, the others −1        loss[n] = WEIGHT·Σ_k m_k^NORM
 *   dz_k = −s_k·(1 where m_k > 0, else 0)·scale                  NORM 2: −s_k·2·m_k·scale
 *
 * A NaN among the z makes the loss NaN, and so does a label that has no z. x and dx are (N,C,1,1) in any
 * layout.
 *
 * hinge_loss_forward   NDRange (batch)   sample[offset + n] = loss; if BACK also dx; scale = weight/batch
 *
 * X_… (DX_…) C BACK WEIGHT NORM
 */
#ifndef C
#error "hinge_loss.cl needs C and the other macros of its header"
#endif

__kernel void hinge_loss_forward(__global float *restrict sample,
#if BACK
                                 __global float *restrict dx, float scale,
#endif
                                 __global const float *restrict x, __global const int *restrict labels,
                                 int offset, int batch)
{
    const int n = (int)get_global_id(0);

    if (n >= batch)
        return;
    const int label = labels[n];
    float sum = 0.0f;
    for (int k = 0; k < C; k++) {
        const float s = k == label ? 1.0f : -1.0f, m = 1.0f - s * x[ELEMENT(X, n, k, 0, 0)];
        const float loss = m <= 0.0f ? 0.0f : m; /* fmax() would lose a NaN */
        sum += NORM == 2 ? loss * loss : loss;
#if BACK
        dx[ELEMENT(DX, n, k, 0, 0)] = NORM == 2 ? -2.0f * s * loss * scale : loss == 0.0f ? 0.0f : -s * scale;
#endif
    }
    sample[offset + n] = WEIGHT * (label >= 0 && label < C ? sum : NAN);
}
