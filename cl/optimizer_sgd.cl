/*
 * SGD with momentum. The conventions differ as soon as the rate changes:
 *
 *   CAFFE 0 (PyTorch):  v ← μv + d;   w ← w − ηv
 *   CAFFE 1:            v ← μv + ηd;  w ← w − v
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    (void)s;
    *v = fma(k.momentum, *v, CAFFE ? eta * d : d);
    *w = CAFFE ? *w - *v : fma(-eta, *v, *w);
}

#include "optimizer.clh"
