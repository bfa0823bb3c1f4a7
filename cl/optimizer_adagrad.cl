/*
 * AdaGrad: v ← v + d²; w ← w − ηd/(√v + ε). v is no momentum but the sum of squares.
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    (void)s;
    *v = fma(d, d, *v);
    *w -= eta * d / (sqrt(*v) + k.epsilon);
}

#include "optimizer.clh"
