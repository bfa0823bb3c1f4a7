/* Host side of verify.c: random inputs of an operator, and what the oracles make of them. Logical order,
 * double. */
#ifndef VERIFY_ORACLE_H
#define VERIFY_ORACLE_H

#include "ops/op_class.h"
#include "verify/verify.h"

#define ORACLE_SEED      0x5eed5eed5eedu /* of dropout */
#define ORACLE_ITERATION 77u

/* Inputs hold all desc->x.n images, outputs those of the batch. All values of inputs are exact in float. */
struct oracle {
    size_t x_size[OP_MOST], y_size[OP_MOST]; /* elements for all planned images; 0 where there is none */
    size_t w_size[OP_PARAMS];
    double *x[OP_MOST], *dy[OP_MOST], *w[OP_PARAMS];
    int32_t *labels, *index; /* per planned image */
    double *y[OP_MOST], *dx[OP_MOST], *dw[OP_PARAMS], *sample;
    double *after[OP_PARAMS]; /* of a state, after training; NULL: it is none */
    int *arg;
    double *scratch; /* of the reference */
    double *masked;  /* dy, zero where the rectifier after the operator has a zero */
};

enum oracle_kind {
    ORACLE_TRAINING,
    ORACLE_INFERENCE, /* dropout passes x through */
    ORACLE_NAN,       /* the same, forward alone, with a NaN in every image of x */
    ORACLE_KINDS
};

/* `count` random numbers of mean 0 and variance 1, exact in float; free with free(). */
int oracle_values(double **out, size_t count, uint64_t seed, uint32_t stream, struct clr_error *err);

int oracle_create(struct oracle *o, const struct op_desc *desc, int batch, enum oracle_kind kind,
                  uint64_t seed, struct clr_error *err);
void oracle_clear(struct oracle *o);

#endif
