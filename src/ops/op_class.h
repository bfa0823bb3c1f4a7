/*
 * What a kind of operator is: its row. Everything that differs from kind to kind stands here, so that code
 * which compiles, verifies, tunes or shows operators reads the row and names no kind. Each kind has one file
 * in src/ops with its row at the end; ops.h lists them.
 */
#ifndef OPS_OP_CLASS_H
#define OPS_OP_CLASS_H

#include "ops/op.h"

/*
 * Arrays of one operator on the host, in double precision and logical order: what its reference reads and
 * writes. Images beyond n are left alone. Outputs are written, never added to; a dx or dw may be NULL.
 */
struct op_ref {
    int n;      /* images of this batch */
    bool train; /* dropout drops */
    const double *x[OP_MOST], *dy[OP_MOST], *w[OP_PARAMS];
    double *y[OP_MOST], *dx[OP_MOST], *dw[OP_PARAMS];
    double *after[OP_PARAMS]; /* of a state: its numbers after the batch, in training; NULL: not needed */
    double *sample;           /* per image: the loss, or 1 where it is correct, else 0 */
    int *arg;                 /* with OP_HAS_ARG, like y: which value of x it is */
    double *scratch;          /* class->scratch(desc) numbers */
    const int32_t *labels, *index;
    uint64_t seed; /* of dropout, with index and iteration */
    uint32_t iteration;
};

/* A parameter of an operator. */
struct op_param {
    const char *name; /* "weight" */
    int rank, dims[4];
    int groups;  /* the outputs are in so many groups, each of which has inputs of its own; 0: in one */
    bool state;  /* written by the forward pass of training, as a running mean; no gradient */
    double fill; /* of a state: its first value */
};

/* A geometry to verify a kind on, there for an edge: H ≠ W, channels that fill no block, one image. */
struct op_case {
    char name[80]; /* "conv gemm 3x5 stride 3 pad 1" */
    struct op_desc desc;
    bool small; /* belongs to the subset for emulators, which are a thousand times slower */
    bool unfit; /* its geometry does not fit: the row is wrong */
};

struct op_cases {
    int count;
    /* Case i; *out comes with its kind, a label and both gradients needed, all else zero. */
    void (*get)(struct op_case *out, int i);
};

enum op_flags {
    OP_LOSS = 1 << 0,   /* reads labels, writes a loss per image and no y; backward passes start here */
    OP_METRIC = 1 << 1, /* reads labels, writes a count per image and no y; has no gradient */
    OP_NO_Y = OP_LOSS | OP_METRIC,
    OP_ROWS = 1 << 2,         /* reads rows of features: always in blocks of V */
    OP_RANDOM = 1 << 3,       /* depends on the image's number, seed and iteration */
    OP_ANY_LAYOUT = 1 << 4,   /* y may be in other blocks than x */
    OP_TAKES_RELU = 1 << 5,   /* can do a rectifier after it (desc.relu) */
    OP_MASKS_DY = 1 << 6,     /* and masks dy by itself then; else the reader of y does */
    OP_MASKS_DX = 1 << 7,     /* can do the mask of a rectifier before it (desc.mask_dx) */
    OP_HAS_TIES = 1 << 8,     /* verified on values many of which are equal */
    OP_HAS_ZEROS = 1 << 9,    /* verified on values some of which are 0 */
    OP_ONE_X_BLOCK = 1 << 10, /* reads x in one block of all its channels only */
    OP_HAS_ARG = 1 << 11,     /* its reference goes back by op_ref.arg */
    OP_FLATTENS = 1 << 12,    /* keeps the order of the numbers and changes the shape */
    OP_READS_MAPS = 1 << 13   /* reads (N,C,H,W) as if it were (N,C·H·W,1,1) */
};

/* An operator on a device, in a net with channel block V. */
struct op_request {
    const struct op_desc *desc;
    const struct clr_device *device;
    int block;         /* V */
    enum op_pass pass; /* candidates() only */
};

struct op_class {
    const char *name;
    const char *(*title)(const struct op_desc *desc); /* what people call this one; NULL: name */
    const char *inserted; /* `type` that `net show` prints where no layer of the file is one; NULL: none is */
    size_t size;          /* of the instance, which begins with struct op */
    unsigned flags;       /* of enum op_flags */

    struct op_needs needs; /* of every one */
    /* Adds what depends on the request; NULL: nothing. */
    int (*plan)(struct op_needs *needs, const struct op_request *r, struct clr_error *err);
    /* As op_candidates(); NULL: there is one variant only. */
    int (*candidates)(struct op_variant *out, int capacity, const struct op_request *r);
    int (*create)(struct op *op, const struct op_io *io, struct clr_error *err); /* instance is zeroed */
    /* Instead of create(), where there are no parameters: its kernel of one direction (op_kernel()); back:
     * with backward() and need_dx. */
    int (*kernel)(struct op *op, const struct op_io *io, bool back, struct clr_error *err);
    int (*forward)(struct op *op, const struct op_io *io, struct clr_error *err);  /* NULL: nothing to do */
    int (*backward)(struct op *op, const struct op_io *io, struct clr_error *err); /* NULL: none */
    int (*run)(struct op *op, enum op_pass pass, const struct op_io *io,
               struct clr_error *err); /* instead of both: one pass. NULL: only as a whole */
    void (*clear)(struct op *op);      /* NULL: nothing to free */

    bool (*can_relu)(const struct op_desc *desc); /* with OP_TAKES_RELU; NULL: always */
    /* Its parameters, and how many there are. NULL: none. */
    int (*params)(struct op_param out[OP_PARAMS], const struct op_desc *desc);
    double (*madds)(const struct op_desc *desc); /* as op_madds(); NULL: 0 */
    /* The same with the lanes of blocks of V that its channels leave empty; NULL: V does not
     * depend on it. */
    double (*filled)(const struct op_desc *desc, int block);
    /* Of a loss of logits: that of an image where all logits are 0. NULL: it is no loss of logits. */
    double (*chance)(const struct op_desc *desc);
    /* Can it, on this device in blocks of V, do the work of *desc and of the operator after that? Then *desc
     * becomes it, except for its kind and y. NULL: it joins none. */
    bool (*joins)(struct op_desc *desc, const struct op_desc *after, const struct clr_device *device,
                  int block);
    /* For records of tuning: ", kernel 5x5, …" and "32x15x15 to 32". NULL: nothing to tune. */
    void (*tune_key)(char *geometry, char *shape, size_t size, const struct op_desc *desc);

    /* The same in double precision. backward may be NULL where forward writes dx, or there is none. */
    void (*ref_forward)(const struct op_desc *desc, const struct op_ref *r);
    void (*ref_backward)(const struct op_desc *desc, const struct op_ref *r);
    size_t (*scratch)(const struct op_desc *desc); /* NULL: none */
    /* Set dy to 0 where rounding decides which x it goes to. NULL: it never does. */
    void (*spare_ties)(const struct op_desc *desc, const struct op_ref *r, double *dy);

    /*
     * Largest normalised mean square error Σ(a−b)²/Σb² that passes, of y and gradients, and of losses, where
     * sums are short; verify.c adds what long ones may have more, and docs/numerics.md has the reasons. The
     * limits leave one order of magnitude above the worst of all cases on PoCL, and lie orders below what any
     * wrong index, divisor or missing term gives. 0: nothing is computed, only chosen or copied.
     */
    double nmse, sample_nmse;
    int labels; /* how many labels it is verified with; 0: one for each channel of x */
    /* Terms of the longest sum of a pass over so many images. NULL: a few. */
    double (*terms)(const struct op_desc *desc, enum op_pass pass, int images);
    const struct op_cases *cases;
};

const struct op_class *op_class(enum op_kind kind);

/* What a kernel does, by its label in the profile. */
enum op_stage { OP_STAGE_FORWARD, OP_STAGE_DATA, OP_STAGE_WEIGHTS, OP_STAGE_BACKWARD, OP_STAGE_NONE };

/* By the words after the layer's name, which begin with "forward", "data gradient", …; else NONE. */
enum op_stage op_stage(const char *what);

/* What people call an operator: "convolution", "relu". */
const char *op_title(const struct op_desc *desc);

/* Its parameters, and how many there are. */
int op_params(struct op_param out[OP_PARAMS], const struct op_desc *desc);

/* Multiply-adds of the forward pass for one image, of operators with weights; 0 for others. */
double op_madds(const struct op_desc *desc);

/* How many numbers each of its parameters has, 0 where there is none. false: they overflow. */
bool op_param_sizes(size_t out[OP_PARAMS], const struct op_desc *desc);

/* Case i of a kind, 0 … cases->count − 1. CLR_EINPUT: its geometry does not fit. */
int op_case_get(struct op_case *out, enum op_kind kind, int i, struct clr_error *err);

static inline bool op_is(const struct op_desc *desc, unsigned flags)
{
    return op_class(desc->kind)->flags & flags;
}

#endif
