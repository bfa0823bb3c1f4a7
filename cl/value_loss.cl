/*
 * Losses of two values of as many numbers each: x and its target t, number by number in logical order.
 *
 *   FUNCTION   loss of a number                             d/dx       d/dt
 *   0          (x − t)²/2                                   x − t      t − x
 *   1          max(x, 0) − x·t + log(1 + exp(−|x|))         σ(x) − t   −x          σ(x) = 1/(1 + exp(−x))
 *
 * 1 is −t·log σ(x) − (1 − t)·log(1 − σ(x)), in a form that no x overflows. With LABELS, t is the image's
 * label, as a number. A NaN stays one.
 *
 * value_loss_parts   NDRange (PARTS, batch)   part[n·PARTS + p] = the sum of SPAN numbers of image n; BACK_X,
 *                                             BACK_T: also dx, dt, times scale
 * value_loss_sum     NDRange (batch)          sample[offset + n] = factor·Σ_p part[n·PARTS + p]
 *
 * X_… T_… DX_… DT_… with their _H and _W; COUNT SPAN PARTS FUNCTION LABELS BACK_X BACK_T
 */
#ifndef COUNT
#error "value_loss.cl needs COUNT and the other macros of its header"
#endif

#define PLACE(T, n, e) ELEMENT(T, n, (e) / (T##_H * T##_W), (e) / T##_W % T##_H, (e) % T##_W)

#if FUNCTION == 0
#define LOSS(x, t) (0.5f * ((x) - (t)) * ((x) - (t)))
#define TO_X(x, t) ((x) - (t))
#define TO_T(x, t) ((t) - (x))
#else
#define LOSS(x, t) (fmax(x, 0.0f) - (x) * (t) + log1p(exp(-fabs(x))))
#define TO_X(x, t) (1.0f / (1.0f + exp(-(x))) - (t))
#define TO_T(x, t) (-(x))
#endif

__kernel void value_loss_parts(__global float *part, __global float *dx, __global float *dt,
                               __global const float *x, __global const float *t, __global const int *labels,
                               float scale, int batch)
{
    const int p = (int)get_global_id(0), n = (int)get_global_id(1);
    float sum = 0.0f;

    if (n >= batch)
        return;
    for (int e = p * SPAN; e < min(p * SPAN + SPAN, COUNT); e++) {
        const float a = x[PLACE(X, n, e)];
#if LABELS
        const float b = (float)labels[n];
#else
        const float b = t[PLACE(T, n, e)];
#endif
        sum += LOSS(a, b);
#if BACK_X
        dx[PLACE(DX, n, e)] = TO_X(a, b) * scale;
#endif
#if BACK_T
        dt[PLACE(DT, n, e)] = TO_T(a, b) * scale;
#endif
    }
    part[(size_t)n * PARTS + (size_t)p] = sum;
}

__kernel void value_loss_sum(__global float *restrict sample, __global const float *restrict part,
                             float factor, int offset, int batch)
{
    const int n = (int)get_global_id(0);
    float sum = 0.0f;

    if (n >= batch)
        return;
    for (int p = 0; p < PARTS; p++)
        sum += part[(size_t)n * PARTS + (size_t)p];
    sample[offset + n] = factor * sum;
}
