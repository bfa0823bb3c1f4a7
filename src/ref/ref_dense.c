/* Dense layer in double precision: y (N,O) = x (N,I)·wᵀ + b; dx = dy·w, dw = dyᵀ·x, db = Σ_n dy. */
#include "ref/ref.h"

void ref_dense_forward(double *y, const double *x, const double *w, const double *b, int n, int inputs,
                       int outputs)
{
    size_t rows = (size_t)n, in = (size_t)inputs, out = (size_t)outputs;

    for (size_t k = 0; k < rows; k++) {
        for (size_t o = 0; o < out; o++) {
            double sum = b ? b[o] : 0.0;
            for (size_t i = 0; i < in; i++)
                sum += x[k * in + i] * w[o * in + i];
            y[k * out + o] = sum;
        }
    }
}

void ref_dense_backward(double *dx, double *dw, double *db, const double *x, const double *w,
                        const double *dy, int n, int inputs, int outputs)
{
    size_t rows = (size_t)n, in = (size_t)inputs, out = (size_t)outputs;

    for (size_t e = 0; dx && e < rows * in; e++) {
        dx[e] = 0.0;
        for (size_t o = 0; o < out; o++)
            dx[e] += dy[e / in * out + o] * w[o * in + e % in];
    }
    for (size_t e = 0; dw && e < out * in; e++) {
        dw[e] = 0.0;
        for (size_t k = 0; k < rows; k++)
            dw[e] += dy[k * out + e / in] * x[k * in + e % in];
    }
    for (size_t o = 0; db && o < out; o++) {
        db[o] = 0.0;
        for (size_t k = 0; k < rows; k++)
            db[o] += dy[k * out + o];
    }
}
