/*
 * Convolution, inside: three passes, each done by an algorithm, which is a row of a table. conv.c holds the
 * table and chooses; conv_direct.c, conv_gemm.c, … hold an algorithm each.
 */
#ifndef OPS_CONV_H
#define OPS_CONV_H

#include "ops/op_impl.h"

struct conv_pass_state; /* an algorithm's own */
struct conv_row;

/* A pass of a convolution on a device, and the requested tile (zeros: the algorithm's choice). */
struct conv_request {
    const struct conv_row *row; /* the algorithm that does it */
    const struct op_desc *desc;
    enum op_pass pass;
    const struct clr_device *device;
    int block; /* V of the net; x may come in another one */
    const int *tile;
};

/* Tiles worth trying in a pass. */
struct conv_tiles {
    const int (*list)[4];
    size_t count;
};
#define CONV_TILES(list)                                                                                     \
    {                                                                                                        \
        list, MEM_COUNT(list)                                                                                \
    }

struct conv_row {
    const char *name;
    double nmse; /* rounding error that its outputs may have; 0: as every convolution (nmse of op_conv) */
    struct conv_tiles tiles[OP_PASS_COUNT]; /* the first is {0}, its own choice */
    /* Can it do this geometry and pass on this device? NULL: always. */
    bool (*can)(const struct conv_request *r);
    /* Milliseconds a batch would take on a device of 100 GFLOP/s, roughly: only the order counts. */
    double (*guess)(const struct conv_request *r);
    /* Halos and workspace; only grows what is in *needs. */
    int (*plan)(struct op_needs *needs, const struct conv_request *r, struct clr_error *err);
    /* Of each pass. create() fills a cleared state, and names its variant by op_add_variant(). */
    size_t state_size;
    int (*create[OP_PASS_COUNT])(struct conv_pass_state *state, struct op *op, const struct conv_request *r,
                                 const struct op_io *io, struct clr_error *err);
    int (*run[OP_PASS_COUNT])(struct conv_pass_state *state, struct op *op, const struct op_io *io,
                              struct clr_error *err);
};

extern const struct conv_row conv_direct, conv_winograd, conv_winograd_staged, conv_tiled, conv_gemm;

/* Measured, with room: docs/numerics.md. */
#define WINOGRAD_NMSE 1e-10

/* "-DKH=5 …": the macros of the geometry that all convolution kernels share; ic, oc as the pass sees them. */
void conv_macros(struct str *options, const struct conv_geometry *g);

/* *needs = max(*needs, bytes) for a product of sizes; CLR_EINPUT on overflow. */
int conv_need_workspace(struct op_needs *needs, size_t floats, struct clr_error *err);

/* Halos of x, or (dy) of dy, that a pass needs. */
void conv_need_halo(struct op_needs *needs, bool dy, int h, int w);

/* What is verified (conv_cases.c). */
extern const struct op_cases conv_cases, conv_pool_cases;

/* Of a row: its parameters, the multiply-adds of a pass for an image, and the terms of a sum. */
int conv_params(struct op_param out[OP_PARAMS], const struct op_desc *desc);
double conv_madds(const struct op_desc *desc);
double conv_terms(const struct op_desc *desc, enum op_pass pass, int images);
/* The same of a pass over the planned batch. */
double conv_multiply_adds(const struct op_desc *desc);

/* The data gradient seen as a forward convolution of dy with flipped weights (stride 1). */
struct conv_geometry conv_transposed(const struct conv_geometry *g);

#endif
