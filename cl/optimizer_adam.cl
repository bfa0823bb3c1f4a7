/*
 * Adam and AdamW: v ← μv + (1 − μ)d; s ← μ₂s + (1 − μ₂)d²; w ← w − ηv/(ρ√s + ε). The corrections of the first
 * updates are in the rate and in ρ: src/ops/optimizer_adam.c.
 */
#include "optimizer_constants.clh"

void optimizer_step(float *w, float *v, float *s, float d, float eta, struct constants k)
{
    *v = fma(k.momentum, *v, k.taken * d);
    *s = fma(k.momentum2, *s, k.taken2 * (d * d));
    *w -= eta * *v / fma(k.root, sqrt(*s), k.epsilon);
}

#include "optimizer.clh"
