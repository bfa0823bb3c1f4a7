/*
 * An operator against its oracle, on a device: what the doctor, the tuner and the tests call.
 *
 * Values are random, outputs are filled with NaN before each run, every tensor has a buffer of its own that
 * ends where the tensor ends. What must not be written is checked too: halo and lanes beyond C stay zero, the
 * slack after a tensor, images beyond the batch, inputs and parameters keep their bits. Scratch memory holds
 * NaN before the first run and other garbage before the second, and both runs must give the same bytes.
 *
 * A NaN among the inputs must come out wherever the oracle has one (more of them are no fault: 0 · NaN), and
 * a class whose logit is NaN is never correct.
 *
 * Each operator is tried in several arrangements of its tensors (enum verify_arrangement): what a net may do
 * to it.
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/batch.h"
#include "ops/op.h"
#include "ops/optimizer.h"

enum verify_output {
    VERIFY_Y,
    VERIFY_DX,
    VERIFY_DW,
    VERIFY_DB,
    VERIFY_SAMPLE, /* per image: loss, or whether it is correct */
    VERIFY_W,      /* parameters and momenta after updates */
    VERIFY_V,
    VERIFY_S,     /* means of squares */
    VERIFY_STATE, /* states of an operator after a forward pass of training */
    VERIFY_OUTPUT_COUNT
};

enum verify_arrangement {
    VERIFY_EXACT,     /* halos as needed; buffers end with their last element */
    VERIFY_WIDE,      /* one or two halo rows and columns more on everything, guards after parameters */
    VERIFY_ONE_BLOCK, /* x in one block of all its channels, where the operator can read that; no dx */
    VERIFY_IN_PLACE,  /* y in x's memory, dx in dy's, where the operator can do that */
    VERIFY_NO_DX,     /* gradients of the parameters alone, as on the images of a net */
    VERIFY_INFERENCE, /* forward alone: an operator planned without gradients; dropout passes through */
    VERIFY_NAN,       /* the same with a NaN in every image: what is made of one must be one */
    VERIFY_ARRANGEMENT_COUNT
};

struct verify_result {
    bool ok;
    bool unsupported; /* op_plan() refuses the geometry: nothing was run, ok is false, text says why */
    double nmse[VERIFY_OUTPUT_COUNT]; /* the worst seen; −1 where there is no such output */
    int arrangements;                 /* that were run */
    char variant[160];                /* op_variant() */
    char text[400];                   /* the first thing that is wrong, and by how much; empty where ok */
};

/*
 * Verify one operator with channel block `block` on batches of `batch` images, at most desc->x.n.
 *
 * @param arrangements  bit a stands for arrangement a
 * @param out           the verdict; cleared first
 * @return 0: *out holds the verdict. Else an OpenCL call or an allocation failed, and *err has the reason.
 */
#define VERIFY_ALL ((1u << VERIFY_ARRANGEMENT_COUNT) - 1)
#define VERIFY_BASIC                                                                                         \
    (1u << VERIFY_EXACT | 1u << VERIFY_IN_PLACE | 1u << VERIFY_NO_DX | 1u << VERIFY_INFERENCE)
int verify_op_as(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch, uint64_t seed,
                 unsigned arrangements, struct verify_result *out, struct clr_error *err);

#define VERIFY_MOMENTUM 0.875 /* exact in float */

/* Five updates at changing rates of three parameters, the first of `count` numbers, with rates and decays of
 * their own, against optimizer_reference(): outputs VERIFY_W, VERIFY_V and, where there are squares,
 * VERIFY_S. */
int verify_update(struct ocl_context *ctx, const struct optimizer_settings *settings, double momentum,
                  size_t count, uint64_t seed, struct verify_result *out, struct clr_error *err);

/* Batches of `batch` ≤ shape->n ≤ 64 images (C,H,W), views of random bytes: VERIFY_Y, and the labels. */
int verify_batch(struct ocl_context *ctx, const struct shape *shape, const struct batch_view *view, int block,
                 int batch, uint64_t seed, struct verify_result *out, struct clr_error *err);

/* ------------------------------------------------------------------ cases */

enum verify_what { VERIFY_CASE_OP, VERIFY_CASE_UPDATE, VERIFY_CASE_BATCH };

/* A named geometry: odd shapes that reach every edge of the kernels. */
struct verify_case {
    char name[80]; /* "conv gemm 3x5 stride 3 pad 1" */
    enum verify_what what;
    struct op_desc desc;                 /* VERIFY_CASE_OP; of a batch, x is its shape */
    struct batch_view view;              /* and what it is of */
    struct optimizer_settings optimizer; /* VERIFY_CASE_UPDATE */
    double momentum;
    size_t count; /* and how many numbers the first parameter has */
    bool small;   /* belongs to the subset for emulators, which are a thousand times slower */
};

int verify_case_count(void);

/* Case i in 0 … verify_case_count() − 1. */
int verify_case_get(struct verify_case *out, int i, struct clr_error *err);

/* Does an algorithm that the case requests do a pass of it, on that device in blocks of `block`? Else it
 * would check what another case does. True where it requests none. */
bool verify_case_applies(const struct verify_case *c, const struct clr_device *device, int block);

/*
 * Verify a case in these arrangements, with its full batch and with a smaller one. The result holds the worse
 * of both.
 *
 * Compiling is what a check spends its time on, and VERIFY_WIDE and VERIFY_ONE_BLOCK have kernels of their
 * own. A sweep over blocks does well to have them in one block of each case.
 */
int verify_case_run(struct ocl_context *ctx, const struct verify_case *c, int block, unsigned arrangements,
                    uint64_t seed, struct verify_result *out, struct clr_error *err);

/* "y", "dw", … */
const char *verify_output_name(enum verify_output output);

/* Was it out of memory, on the host or on the device? That is no verdict on the kernel that was tried. */
bool verify_no_memory(const struct clr_error *why);

/* The largest normalised mean square error in a verdict; NaN: there is none. */
double verify_worst_nmse(const struct verify_result *r);

#endif
