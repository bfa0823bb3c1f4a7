/*
 * The exponential moving average of the weights, e ← De + (1 − D)w, and its exchange with the weights.
 *
 * average_update     NDRange (ceil(count / SPAN))    e from w
 * average_exchange   NDRange (ceil(count / SPAN))    e and w
 */
#ifndef SPAN
#error "average.cl needs SPAN"
#endif

/* keep: D; taken: 1 − D, worked out on the host. */
__kernel void average_update(__global float *restrict e, __global const float *restrict w, int count,
                             float keep, float taken)
{
    const int first = (int)get_global_id(0) * SPAN;

    for (int i = first; i < min(first + SPAN, count); i++)
        e[i] = fma(keep, e[i], taken * w[i]);
}

__kernel void average_exchange(__global float *restrict e, __global float *restrict w, int count)
{
    const int first = (int)get_global_id(0) * SPAN;

    for (int i = first; i < min(first + SPAN, count); i++) {
        const float old = w[i];
        w[i] = e[i];
        e[i] = old;
    }
}
