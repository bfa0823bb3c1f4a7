/*
 * One update of all parameters, with momentum and L2 decay; the rate is an argument, never a macro.
 *
 *   CAFFE 0 (PyTorch):  v ← μv + (g + λw);  w ← w − ηv
 *   CAFFE 1:            v ← μv + η(g + λw); w ← w − v
 *
 * The two differ as soon as the rate changes. η is the rate times the parameter's lr_mult.
 *
 * w, v and g hold all parameters at the same places. `table` has ROW words for each: the spans that it and
 * those in front of it are cut into, offset and count in floats, and, as floats, lr_mult and λ.
 *
 * sgd_update   NDRange (spans of all parameters, SPAN floats each)
 */
#ifndef CAFFE
#error "sgd.cl needs CAFFE and SPAN"
#endif

#define ROW 5

__kernel void sgd_update(__global float *restrict w, __global float *restrict v,
                         __global const float *restrict g, __global const uint *restrict table,
                         int parameters, float rate, float momentum)
{
    const uint span = (uint)get_global_id(0);
    uint before = 0;
    int p = 0;

    while (p < parameters && span >= table[p * ROW])
        before = table[p++ * ROW];
    if (p == parameters)
        return;
    __global const uint *row = table + p * ROW;
    const uint first = (span - before) * SPAN, end = min(first + SPAN, row[2]), at = row[1];
    const float eta = rate * as_float(row[3]), decay = as_float(row[4]);
    for (uint i = at + first; i < at + end; i++) {
        const float d = fma(decay, w[i], g[i]);
        const float step = CAFFE ? fma(momentum, v[i], eta * d) : fma(momentum, v[i], d);
        v[i] = step;
        w[i] = CAFFE ? w[i] - step : fma(-eta, step, w[i]);
    }
}
