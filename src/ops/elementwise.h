/* Elementwise layers: what a row of elementwise_rows.h holds. */
#ifndef OPS_ELEMENTWISE_H
#define OPS_ELEMENTWISE_H

#include <stdbool.h>

#include "ops/op.h"

struct elementwise {
    const char *name; /* "relu": of the row */
    const char *forward, *backward;
    bool from_y;  /* f′ is computed from y, so x may be overwritten; else from x */
    bool keeps_0; /* f(0) = 0 */
    bool base;    /* a[0] is a base: above 0 and not 1, or −1 for e */
    struct {
        const char *field; /* NULL: no more */
        double verify[2];  /* values to verify with */
    } parameter[ELEMENTWISE_PARAMETERS + 1];
};

/* The row of d->u.elementwise.function. */
const struct elementwise *elementwise_row(const struct op_desc *d);

/* Is it a plain rectifier, which other operators can do? */
bool elementwise_is_rectifier(const struct op_desc *d);

#endif
