/*
 * One update of one parameter, with momentum and L2 decay; the rate is an argument, never a macro.
 *
 *   CAFFE 0 (PyTorch):  v ← μv + (g + λw);  w ← w − ηv
 *   CAFFE 1:            v ← μv + η(g + λw); w ← w − v
 *
 * The two differ as soon as the rate changes. η and λ come multiplied by lr_mult and decay_mult.
 *
 * sgd_update   NDRange (ceil(count/SPAN))
 */
#ifndef CAFFE
#error "sgd.cl needs CAFFE and SPAN"
#endif

__kernel void sgd_update(__global float *restrict w, __global float *restrict v,
                         __global const float *restrict g, uint count, float rate, float momentum,
                         float decay)
{
    const uint first = (uint)get_global_id(0) * SPAN, end = min(first + SPAN, count);

    for (uint i = first; i < end; i++) {
        const float d = fma(decay, w[i], g[i]);
        const float step = CAFFE ? fma(momentum, v[i], rate * d) : fma(momentum, v[i], d);
        v[i] = step;
        w[i] = CAFFE ? w[i] - step : fma(-rate, step, w[i]);
    }
}
