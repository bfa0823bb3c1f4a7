/*
 * AdaDelta: s ← μ₂s + (1 − μ₂)d²; u = d·√((v + ε)/(s + ε)); v ← μ₂v + (1 − μ₂)u²; w ← w − ηu. v is no
 * momentum but the mean square of u.
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    *s = fma(k.momentum2, *s, k.taken2 * (d * d));
    const float u = d * sqrt((*v + k.epsilon) / (*s + k.epsilon));

    *v = fma(k.momentum2, *v, k.taken2 * (u * u));
    *w = fma(-eta, u, *w);
}

#include "optimizer.clh"
