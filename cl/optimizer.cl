/*
 * One update of all parameters; the rate is an argument, never a macro. With d = g + λw, or with L1
 * d = g + λ·sign(w):
 *
 *   KIND 0, CAFFE 0 (PyTorch):  v ← μv + d;   w ← w − ηv
 *           CAFFE 1:            v ← μv + ηd;  w ← w − v
 *   KIND 1, CAFFE 0:            v ← μv + d;   w ← w − η(d + μv)                 (Nesterov)
 *           CAFFE 1:            v' = μv + ηd; w ← w − ((1 + μ)v' − μv); v ← v'
 *   KIND 2:                     v ← μv + (1 − μ)d;  s ← μ₂s + (1 − μ₂)d²;       (Adam)
 *                               w ← w − ηv/(ρ√s + ε)
 *
 * The conventions differ as soon as the rate changes. η is the rate times the parameter's lr_mult. Adam's
 * corrections for its first updates are in rate and ρ, `taken` is 1 − μ, `taken2` 1 − μ₂: see optimizer.c.
 *
 * w, v, s and g hold all parameters at the same places; s is there for KIND 2 alone. `table` has ROW words
 * for each: the spans that it and those in front of it are cut into, offset and count in floats, and, as
 * floats, lr_mult and λ.
 *
 * optimizer_update   NDRange (spans of all parameters, SPAN floats each)
 */
#ifndef KIND
#error "optimizer.cl needs KIND, CAFFE, L1 and SPAN"
#endif

#define ROW 5

__kernel void optimizer_update(__global float *restrict w, __global float *restrict v,
#if KIND == 2
                               __global float *restrict s, float momentum2, float taken, float taken2,
                               float root, float epsilon,
#endif
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
        const float d = fma(decay, L1 ? sign(w[i]) : w[i], g[i]);
#if KIND == 2
        const float m = fma(momentum, v[i], taken * d);
        const float q = fma(momentum2, s[i], taken2 * (d * d));
        v[i] = m;
        s[i] = q;
        w[i] -= eta * m / fma(root, sqrt(q), epsilon);
#else
        const float old = v[i], step = fma(momentum, old, CAFFE ? eta * d : d);
        v[i] = step;
#if KIND == 1
        w[i] = CAFFE ? w[i] - fma(1.0f + momentum, step, -momentum * old)
                     : fma(-eta, fma(momentum, step, d), w[i]);
#else
        w[i] = CAFFE ? w[i] - step : fma(-eta, step, w[i]);
#endif
#endif
    }
}
