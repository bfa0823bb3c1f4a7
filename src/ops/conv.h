/*
 * Convolution, inside: three passes, each done by an algorithm, which is a row of a table. conv.c holds the
 * table and chooses; conv_direct.c and conv_gemm.c hold an algorithm each.
 */
#ifndef OPS_CONV_H
#define OPS_CONV_H

#include "ops/op_impl.h"

enum conv_pass { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS, CONV_PASS_COUNT };

struct conv_pass_state; /* an algorithm's own, one block that free() frees */

struct conv_row {
    const char *name;
    /* Can it do this geometry and pass? */
    bool (*can)(const struct conv_geometry *g, enum conv_pass pass);
    /* Halos and workspace; only grows what is in *needs. */
    int (*plan)(struct op_needs *needs, const struct op_desc *desc, enum conv_pass pass,
                const struct clr_device *device, int block, struct clr_error *err);
    int (*create)(struct conv_pass_state **out, struct op *op, enum conv_pass pass, const struct op_io *io,
                  struct clr_error *err);
    int (*run)(struct conv_pass_state *state, struct op *op, const struct op_io *io, struct clr_error *err);
    void (*describe)(const struct conv_pass_state *state, char *out, size_t size);
};

extern const struct conv_row conv_direct, conv_gemm;

/* "-DKH=5 …": the macros of the geometry that all convolution kernels share; ic, oc as the pass sees them. */
void conv_macros(struct str *options, const struct conv_geometry *g);

/* *needs = max(*needs, bytes) for a product of sizes; CLR_EINPUT on overflow. */
int conv_need_workspace(struct op_needs *needs, size_t floats, struct clr_error *err);

#endif
