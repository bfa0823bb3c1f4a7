/*
 * RMSProp: s ← μ₂s + (1 − μ₂)d²; with r = d/(√s + ε),
 *
 *   CAFFE 0 (PyTorch):  v ← μv + r;   w ← w − ηv
 *   CAFFE 1:            v ← μv + ηr;  w ← w − v
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    *s = fma(k.momentum2, *s, k.taken2 * (d * d));
    const float r = d / (sqrt(*s) + k.epsilon);

    *v = fma(k.momentum, *v, CAFFE ? eta * r : r);
    *w = CAFFE ? *w - *v : fma(-eta, *v, *w);
}

#include "optimizer.clh"
