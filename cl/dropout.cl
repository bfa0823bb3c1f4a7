/*
 * Dropout: y = x/(1 − ratio) where the random number of the element is ≥ ratio·2^32 (THRESHOLD), else 0; the
 * same on dy backward: nothing is stored in between. The number is Philox's for (seed; sample·C·H·W +
 * element, iteration XOR layer << 24, purpose 3): it depends on the sample, never on its place in the batch.
 *
 * dropout_apply   NDRange (H, X_CB, batch)   out (Y_…) = mask(in (X_…))·KEEP; may be one memory
 *
 * X_… Y_… V C H W THRESHOLD KEEP (1/(1 − ratio)) LAYER
 */
#ifndef THRESHOLD
#error "dropout.cl needs THRESHOLD and the other macros of its header"
#endif

__kernel void dropout_apply(__global float *out, __global const float *in, __global const int *index,
                            int index_offset, uint seed_low, uint seed_high, uint iteration, int batch)
{
    const int h = (int)get_global_id(0), cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (h >= H || cb >= X_CB || n >= batch)
        return;
    const ulong base = (ulong)index[index_offset + n] * ((ulong)C * H * W);
    for (int w = 0; w < W; w++)
        for (int lane = 0; lane < V; lane++) {
            const int c = cb * V + lane;
            if (c >= C)
                continue;
            const ulong e = base + ((ulong)c * H + h) * W + w;
            const uint key = iteration ^ (uint)LAYER << 24;
            const uint r = philox(seed_low, seed_high, (uint)e, (uint)(e >> 32), key, 3u);
            out[AT(Y, n, cb, h, w) + lane] = r >= THRESHOLD ? in[AT(X, n, cb, h, w) + lane] * KEEP : 0.0f;
        }
}
