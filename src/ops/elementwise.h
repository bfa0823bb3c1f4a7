/* Elementwise layers: what a row of elementwise_rows.h holds. */
#ifndef OPS_ELEMENTWISE_H
#define OPS_ELEMENTWISE_H

#include <stdbool.h>

#include "ops/op.h"

struct elementwise {
    const char *name; /* "relu": of the row */
    const char *forward, *backward;
    bool from_y;         /* f′ is computed from y, so x may be overwritten; else from x */
    bool keeps_0;        /* f(0) = 0 */
    const char *field;   /* of the parameter a; NULL: has none */
    double usual, other; /* a: its default, and another to verify with */
};

/* The row of d->u.elementwise.function. */
const struct elementwise *elementwise_row(const struct op_desc *d);

/* Is it a plain rectifier, which other operators can do? */
bool elementwise_is_rectifier(const struct op_desc *d);

#endif
