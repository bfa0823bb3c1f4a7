/*
 * Contrastive loss of pairs, whose label is 0 where they are dissimilar: a work-item per pair.
 * R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006.
 *
 *   d² = Σ_k (a_k − b_k)²     similar:    loss[n] = WEIGHT/2·d²                da_k = scale·(a_k − b_k)
 *                             dissimilar: loss[n] = WEIGHT/2·max(MARGIN − d, 0)²
 *                                         da_k = −scale·max(MARGIN − d, 0)/d·(a_k − b_k), 0 where d is 0
 *                             LEGACY:     loss[n] = WEIGHT/2·max(MARGIN − d², 0)
 *                                         da_k = −scale·(a_k − b_k) where MARGIN > d², else 0
 *   db = −da. A NaN makes the loss NaN. a, b and their gradients are (N,C,1,1) in any layout.
 *
 * contrastive_loss_forward   NDRange (batch)   sample[offset + n] = loss; BACK_A, BACK_B: also da, db
 *
 * A_… B_… DA_… DB_… C BACK_A BACK_B MARGIN LEGACY; weight = WEIGHT/2, scale = WEIGHT/batch
 */
#ifndef C
#error "contrastive_loss.cl needs C and the other macros of its header"
#endif

__kernel void contrastive_loss_forward(__global float *sample, __global float *da, __global float *db,
                                       __global const float *a, __global const float *b,
                                       __global const int *labels, float weight, float scale, int offset,
                                       int batch)
{
    const int n = (int)get_global_id(0);
    float square = 0.0f;

    if (n >= batch)
        return;
    for (int k = 0; k < C; k++) {
        const float d = a[ELEMENT(A, n, k, 0, 0)] - b[ELEMENT(B, n, k, 0, 0)];
        square += d * d;
    }
    const float distance = sqrt(square), left = MARGIN - (LEGACY ? square : distance);
    const bool similar = labels[n] != 0;
    const float missing = left <= 0.0f ? 0.0f : left; /* fmax() would lose a NaN */
    const float loss = similar ? square : LEGACY ? missing : missing * missing;
    sample[offset + n] = weight * loss;
#if BACK_A || BACK_B
    const float factor = similar          ? scale
                         : LEGACY         ? (left <= 0.0f ? 0.0f : -scale)
                         : square == 0.0f ? 0.0f
                                          : -scale * missing / distance;
    for (int k = 0; k < C; k++) {
        const float d = factor * (a[ELEMENT(A, n, k, 0, 0)] - b[ELEMENT(B, n, k, 0, 0)]);
#if BACK_A
        da[ELEMENT(DA, n, k, 0, 0)] = d;
#endif
#if BACK_B
        db[ELEMENT(DB, n, k, 0, 0)] = -d;
#endif
    }
#endif
}
