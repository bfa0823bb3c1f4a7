/*
 * Nesterov's momentum:
 *
 *   CAFFE 0 (PyTorch):  v ← μv + d;    w ← w − η(d + μv)
 *   CAFFE 1:            v' = μv + ηd;  w ← w − ((1 + μ)v' − μv);  v ← v'
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    const float old = *v;

    (void)s;
    *v = fma(k.momentum, old, CAFFE ? eta * d : d);
    *w = CAFFE ? *w - fma(1.0f + k.momentum, *v, -k.momentum * old) : fma(-eta, fma(k.momentum, *v, d), *w);
}

#include "optimizer.clh"
