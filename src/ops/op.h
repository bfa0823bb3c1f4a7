/*
 * Operators: one file per layer kind in src/ops, all with the interface below. An operator is planned first
 * (which layouts, how much memory), created when the layouts are settled (kernels are compiled for them), and
 * run any number of times on batches up to the planned one. It enqueues only; nothing waits.
 *
 * Layout of an activation in device memory: [N][ceil(C/V)][H + 2·halo_h][W + 2·halo_w][V], V channels
 * innermost. Lanes beyond C and the halo are zero: written once when the memory is allocated. Operators
 * write the interior only, and zeros into lanes beyond C. After the last element lie
 * TENSOR_SLACK floats that may be read and never written, so that a tile may run over the end of a row.
 * (N,F,1,1) is rows of F, padded to a multiple of V.
 *
 * Parameters, their gradients and momenta are in logical order (O,I,KH,KW), unpadded, whatever the layout.
 */
#ifndef OPS_OP_H
#define OPS_OP_H

#include "base/geometry.h"
#include "ocl/ocl.h"

#define TENSOR_SLACK 2048 /* floats */

struct layout {
    int block;          /* V */
    int halo_h, halo_w; /* zero rows and columns on every side */
};

struct tensor {
    struct shape shape; /* n = the largest batch */
    struct layout layout;
    cl_mem mem; /* NULL until memory is bound */
};

/* Floats of a tensor, halo, lanes and slack included; false on overflow. */
bool tensor_floats(const struct shape *shape, const struct layout *layout, size_t *out);

/* Append "-DX_BLOCK=8 -DX_CB=4 -DX_HP=19 …": what cl/common.clh needs to address tensor `prefix`. */
void tensor_macros(struct str *options, const char *prefix, const struct tensor *t);

/* A copy on the host: (N,C,H,W) contiguous floats. Waits for the device. */
int tensor_read(struct ocl_context *ctx, const struct tensor *t, int batch, float *nchw,
                struct clr_error *err);

enum op_kind {
#define ROW(kind, name) kind,
#include "ops/ops.h"
#undef ROW
    OP_KIND_COUNT
};

/* The functions of OP_ELEMENTWISE. */
enum elementwise_function {
#define ELEMENTWISE(name, ...) ELEMENTWISE_##name,
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
    ELEMENTWISE_COUNT
};

enum { ELEMENTWISE_PARAMETERS = 3 /* most of one function */ };

/* Whose mean and variance OP_BATCH_NORM uses. Those of a batch in training (desc.backward) become part of the
 * running ones. BY_PHASE: what a file says that leaves it to the graph. */
enum batch_norm_statistics { BATCH_NORM_BY_PHASE, BATCH_NORM_OF_BATCH, BATCH_NORM_RUNNING };

/* What the sum of the losses of a batch is divided by: Caffe's names. With one label for each image the first
 * and the third are the same. */
enum loss_normalization {
    LOSS_FULL,       /* the images */
    LOSS_VALID,      /* those that are not ignored, at least 1 */
    LOSS_BATCH_SIZE, /* the images */
    LOSS_NONE        /* 1 */
};

enum loss_norm { LOSS_L1, LOSS_L2 }; /* of the hinge loss */

/* Images of this label do not count, if one is given. */
struct op_ignore {
    bool given;
    int label;
};

enum eltwise_operation { ELTWISE_SUM, ELTWISE_PROD, ELTWISE_MAX };

/* The passes of an operator; each may have several variants. */
enum op_pass { OP_FORWARD, OP_BACKWARD_DATA, OP_BACKWARD_WEIGHTS, OP_PASS_COUNT };

/*
 * A variant of a pass: an algorithm of the operator and its numbers (tile sizes, as the algorithm defines
 * them). Empty name: the operator decides; 0 for a number: the algorithm decides. A number that does not fit
 * a geometry is changed until it does.
 */
struct op_variant {
    char algorithm[16];
    int tile[4];
};

/* "winograd 16x1", without the zeros at the end; "auto" for an empty one. For records and messages. */
void op_variant_text(const struct op_variant *v, char *out, size_t size);
/* The same backwards; false, and *out untouched, for anything else. */
bool op_variant_parse(struct op_variant *out, const char *text);

#define OP_MOST   8 /* inputs or outputs of an operator */
#define OP_PARAMS 5 /* its parameters */

/* The description that an operator is created from. */
struct op_desc {
    enum op_kind kind;
    const char *label; /* layer name: outlives the operator */
    int x_count, y_count;
    struct shape x[OP_MOST], y[OP_MOST]; /* n = largest batch; a loss has no y */
    bool bias;                           /* conv, dense */
    bool backward;                       /* gradients of parameters */
    unsigned need_dx;                    /* bit j: with backward, the gradient of x[j] too */
    unsigned no_dy;                      /* bit j: of several y, y[j] gets no gradient, which is 0 */
    /*
     * A rectifier after this operator is done here (OP_TAKES_RELU): y = max(y, 0), NaN stays. Going back, dy
     * has to be 0 where y is not positive. An operator with OP_MASKS_DY masks dy itself. Any other relies
     * on who sends dy: that is one operator, which reads y as its x[j] and has bit j of mask_dx. This is the
     * whole contract; graph_fuse() arranges and asserts it, op_create() asserts that operators can.
     */
    bool relu;
    unsigned mask_dx; /* bit j (OP_MASKS_DX): dx[j] = 0 where x[j] is not positive; a rectifier made it */
    struct op_variant variant[OP_PASS_COUNT];
    union {
        struct { /* of both: OP_CONV_POOL */
            struct conv_geometry conv;
            struct pool_geometry pool;
        };
        struct lrn_geometry lrn;
        struct {
            enum batch_norm_statistics statistics;
            float eps, fraction; /* added to the variance; how much less an older batch counts */
        } batch_norm;
        struct {
            float value;
        } constant;
        struct {
            bool only_term; /* no factor, and so bias is set */
            bool negative;  /* the factor is for numbers that are not positive; no term */
            bool shared;    /* one factor for all channels */
        } scale;
        struct {
            enum elementwise_function function;
            float a[ELEMENTWISE_PARAMETERS]; /* its parameters */
        } elementwise;
        struct {
            enum eltwise_operation operation;
            float coeff[OP_MOST]; /* factors of a sum */
        } eltwise;
        struct {
            float ratio; /* probability of dropping, 0 ≤ ratio < 1 */
            int layer;   /* number in the net, keys the random numbers */
        } dropout;
        struct {
            float weight; /* 0: the loss of an image is written without one */
            enum loss_normalization normalization;
            struct op_ignore ignore;
            float smoothing; /* ε: the target is (1 − ε)·onehot + ε/classes */
            enum loss_norm norm;
            float margin; /* contrastive */
            bool legacy;  /* likewise: the margin is that of the squared distance */
        } loss;
        struct {
            int top_k;
            struct op_ignore ignore;
        } accuracy;
    } u;
};

/* What it needs, known before anything is allocated. */
struct op_needs {
    int x_halo_h, x_halo_w;               /* at least this halo on x */
    int dy_halo_h, dy_halo_w;             /* at least this halo on the gradient of y */
    bool x_any_block;                     /* can read x in any channel block (V need not be the net's) */
    bool in_place;                        /* y may be x's memory, and dx dy's: then they share one layout */
    bool y_is_x;                          /* every y is x's memory: nothing goes forward */
    bool keeps_y;                         /* backward reads y: no other operator may overwrite it in place */
    bool early_dx;                        /* dx, where it is needed, is written by the forward pass already */
    size_t saved_bytes;                   /* private to the operator, from forward to backward */
    size_t workspace_bytes;               /* shared scratch, valid within one call */
    const char *algorithm[OP_PASS_COUNT]; /* that does the pass; NULL: there is one only, or no such pass */
};

struct op_io {
    int batch;
    struct tensor x[OP_MOST], y[OP_MOST], dx[OP_MOST], dy[OP_MOST]; /* dx.mem NULL: not needed */
    cl_mem w[OP_PARAMS], dw[OP_PARAMS]; /* parameters in logical order; dw NULL: a state */
    cl_mem saved, workspace;
    /* data-dependent operators */
    cl_mem labels;     /* int per image of this batch */
    cl_mem sample;     /* out: per image: the loss, or 1 where it is correct, else 0 */
    int sample_offset; /* where in it */
    cl_mem index;      /* sample numbers (int): dropout's key */
    int index_offset;
    uint64_t seed;
    uint32_t iteration;
};

struct op; /* opaque; each file has its own, beginning with this one */

/*
 * What does `desc` need on this device with channel block V?
 * CLR_EINPUT where no variant can do the geometry.
 */
int op_plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device, int block,
            struct clr_error *err);

/* Compile for the layouts of *io (shapes and layouts are read, memory is not). Copies *desc. */
int op_create(struct op **out, struct ocl_context *ctx, const struct op_desc *desc, const struct op_io *io,
              struct clr_error *err);
int op_forward(struct op *op, const struct op_io *io, struct clr_error *err);
/* Writes dx (where it is needed), dw and db from x, y, dy. Gradients are written, never added to. */
int op_backward(struct op *op, const struct op_io *io, struct clr_error *err);
/* One pass alone, for measuring: what cannot be taken apart goes backward as a whole. */
int op_run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err);
void op_destroy(struct op *op);

/*
 * The variants of a pass of *desc in channel blocks of V that are worth trying on this device; first the one
 * that the operator chooses by itself.
 *
 * @param out  room for `capacity` of them
 * @return how many there are in out; 0: there is no such pass, or nothing to choose
 */
int op_candidates(struct op_variant *out, int capacity, const struct op_desc *desc, enum op_pass pass,
                  const struct clr_device *device, int block);

/* "direct 4×3, data gemm, weights direct 5×1×2", "" where there is only one variant: for run.json, the
 * doctor. */
const char *op_variant(const struct op *op);
/* The rounding error that the chosen variant of a pass may have, as an NMSE; 0: what is usual for the kind.
 */
double op_nmse(const struct op *op, enum op_pass pass);

static inline int op_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int op_max(int a, int b)
{
    return a > b ? a : b;
}

#endif
