/*
 * What the files of this folder share: the rows of the operators and the base of every instance.
 */
#ifndef OPS_OP_IMPL_H
#define OPS_OP_IMPL_H

#include "ops/op.h"
#include "ops/op_class.h"

/* A kernel that an operator launches. */
struct op_launch {
    struct ocl_kernel *kernel; /* NULL: not needed */
    char label[96];            /* of the profile: "conv1 forward" */
    size_t global[3];
};

struct op {
    const struct op_class *class;
    struct ocl_context *ctx;
    struct op_desc desc;
    int block; /* V of the kernels: y's, or x's where there is no y */
    char variant[160];
    double nmse[OP_PASS_COUNT];         /* 0: what is usual for its kind */
    struct op_launch forward, backward; /* of kinds that have one kernel for each direction */
};

#define ROW(kind, name) extern const struct op_class op_##name;
#include "ops/ops.h"
#undef ROW

/* `what` ends the label and begins with words of op_stage(). options: built in a struct str, which is checked
 * and cleared here, also on failure. */
int op_launch_create(struct op_launch *l, struct op *op, const char *what, const char *file,
                     struct str *options, const char *name, struct clr_error *err);
/* The same of op->forward or op->backward. */
int op_kernel(struct op *op, bool back, const char *file, struct str *options, const char *name,
              struct clr_error *err);
/* Enqueue it, if it has a kernel. Where its range is 0, the batch of *io is meant. */
int op_launch_run(const struct op_launch *l, struct op *op, const struct op_io *io,
                  const struct ocl_arg *args, size_t arg_count, struct clr_error *err);

/* Enqueue op->forward of a loss or a metric, one of labels and an x; back: its kernel writes dx, too. */
int op_run_sample(struct op *op, const struct op_io *io, bool back, struct clr_error *err);

static inline void op_launch_range(struct op_launch *l, long long x, long long y, long long z)
{
    l->global[0] = (size_t)x;
    l->global[1] = (size_t)y;
    l->global[2] = (size_t)z;
}

/* Append the variant of a pass to op->variant: "direct 5×2, data gemm, weights direct 5×1×2". */
void op_add_variant(struct op *op, enum op_pass pass, const char *format, ...) CLR_PRINTF(3, 4);

/* A case on that x, with y of its shape: named "relu 2x5x7x3", and what follows. */
void op_case_of(struct op_case *out, const struct shape *x, bool small, const char *format, ...)
    CLR_PRINTF(4, 5);

/* The parameters of an operator with weights, (O,I/G,KH,KW) or (O,I), and O biases. */
int op_weights(struct op_param out[OP_PARAMS], int rank, const struct shape *w, bool bias);

/* The macros of X, Y, DX and DY; without a gradient of x the last two stand for X and Y. They are equal for
 * the kernels of both directions, which are then one program. */
void op_tensor_macros(struct str *options, const struct op *op, const struct op_io *io);

/* Does it send a gradient back to x[j]? */
static inline bool op_goes_back(const struct op_desc *d, int j)
{
    return d->backward && (d->need_dx >> j & 1);
}

/* Has it that pass? Back to data: to its first x. */
static inline bool op_has_pass(const struct op_desc *d, enum op_pass pass)
{
    return pass == OP_FORWARD || (pass == OP_BACKWARD_WEIGHTS ? d->backward : op_goes_back(d, 0));
}

/* Elements a work-item handles in a row: `many` on a CPU, 1 elsewhere. */
int op_span(const struct clr_device *device, int many);

/*
 * How many parts of its work a work-item may take where each part takes `rounds` rounds of loops and the
 * device limits these (device_loop_limit()): at least one, at most `most`. A loop of n rounds counts n + 1,
 * also where a compiler could unroll it.
 */
int op_loops(const struct clr_device *device, double rounds, int most);

/* What the loss of each image is multiplied by. */
static inline double op_loss_weight(const struct op_desc *d)
{
    return d->u.loss.weight != 0.0f ? (double)d->u.loss.weight : 1.0;
}

/* ceil(a / b) for positive ints. */
static inline int op_ceil(int a, int b)
{
    return (a + b - 1) / b;
}

/* As op_class.terms, of sums over the channels of x. */
double op_terms_channels(const struct op_desc *desc, enum op_pass pass, int images);

/* Numbers of x and y in an image, for references. */
static inline size_t op_elements(const struct shape *s)
{
    return (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

/* The largest divisor of n that is at most `most`, which may be less than 1. */
static inline int op_divisor(int n, int most)
{
    int d = op_max(1, op_min(n, most));

    while (n % d != 0)
        d--;
    return d;
}

#endif
