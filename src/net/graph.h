/*
 * The graph of one phase of a net: values (blobs, one per version: an in-place layer makes a new one), nodes
 * in execution order with their shapes, and the parameters. Pure arithmetic: no OpenCL call, no memory of a
 * device. `net show` prints it, net.c compiles it into operators.
 */
#ifndef NET_GRAPH_H
#define NET_GRAPH_H

#include "net/spec.h"
#include "ops/op.h"
#include "ops/tuned.h"

/* Values that no node makes; labels are (N,1,1,1). GRAPH_GONE: a value that fusing has made needless. */
enum { GRAPH_IMAGES = -1, GRAPH_LABELS = -2, GRAPH_GONE = -3 };

struct graph_value {
    char name[SPEC_NAME + 16]; /* "conv1", "ip1.flatten" */
    struct shape shape;        /* n = batch */
    int producer;              /* node, GRAPH_IMAGES, … */
    int consumer_count;        /* nodes of this phase that read it */
    bool leads;                /* the loss depends on it */
};

struct graph_param {
    char name[SPEC_NAME + 16]; /* "conv1.weight", "conv1.bias" */
    int blob;                  /* which of its layer's it is: 0, … */
    int rank, dims[4];         /* (O,I/G,KH,KW), (O,I) or (O) */
    size_t count;
    int fan_in, fan_out; /* Caffe: count/O and count/I */
    int layer_fan_in;    /* of the layer's first parameter: of the weights, also for the biases */
    int groups;          /* of outputs, each with inputs of its own */
    struct param_spec mult;
    struct filler filler;
    bool state; /* written by the forward pass of training (struct op_param), not by the optimizer */
    int uses;   /* by nodes: several where layers share it */
};

struct graph_node {
    const struct layer_spec *layer;
    struct op_desc
        desc; /* kind, label, shapes, geometry, bias, need_dx, backward; variants by graph_tune() */
    enum op_origin origin[OP_PASS_COUNT]; /* where the variants are from */
    int x[OP_MOST], y[OP_MOST];           /* values: desc.x_count and desc.y_count of them */
    bool in_place;                        /* in the file, top == bottom */
    int param[OP_PARAMS], param_count;    /* parameters, in the operator's order */
    int use[OP_PARAMS];                   /* which of its uses this is: 0, … */
    int loss;                             /* of OP_LOSS: its number in graph.losses; −1: not computed */
    double madds;                         /* op_madds() */
};

/* A loss that is computed. One of weight 0 is computed in the test phase only, and added to nothing. */
struct graph_loss {
    const char *name; /* of its layer */
    float weight;
};

/* Borrows the spec; its nodes' labels point into the spec and into its own values. */
struct graph {
    unsigned phase; /* PHASE_TRAIN or PHASE_TEST */
    int batch;
    int images;        /* value of the images, (N,C,H,W) */
    int logits;        /* value read by the last loss of a weight other than 0; −1: no such loss */
    int accuracy_node; /* top 1 of these logits; −1: none */
    bool pairs;        /* an image is two of the data set, the label whether they are similar */
    struct transform_spec transform; /* of this phase's Data layer */
    int block;                       /* V, by graph_fuse_for(); 0: not yet */
    struct graph_value *values;
    size_t value_count, value_capacity;
    struct graph_node *nodes;
    size_t node_count, node_capacity;
    struct graph_param *params; /* in file order: the same list for both phases */
    size_t param_count, param_capacity;
    struct graph_loss *losses; /* in file order */
    size_t loss_count, loss_capacity;
};

/*
 * Work out one phase. batch > 0. An InnerProduct with an input of H·W > 1 gets a node OP_RELAYOUT with the
 * label "<layer>.flatten" before it (layer = the InnerProduct's). need_dx is false where no parameter lies
 * before it. Only in the training phase nodes have backward = true. There a value that several layers send a
 * gradient back to gets a node OP_SPLIT "<layer>.split" after the layer that makes it, with an output for
 * each: every value has one gradient at most, and a sum of gradients has one order, that of the file.
 * In the test phase a net without a loss gets spec->implied_loss, of what it ends with before a softmax, if
 * that is a number for each class.
 * CLR_EINPUT, "FILE:LINE: layer 'NAME': …": a bottom that nothing produces, a shape that does not fit, a net
 * without a loss in the training phase, a layer with parameters that only one phase has, or that leads to no
 * loss; parameters whose shape differs between the phases, or between layers that share them.
 */
int graph_create(struct graph **out, const struct clr_net_spec *spec, unsigned phase,
                 struct clr_image_shape input, int batch, struct clr_error *err);
void graph_destroy(struct graph *g);

/* Was it inserted, and is no layer of the file? */
bool graph_is_inserted(const struct graph_node *n);

/* Does node i run? What neither a loss nor the accuracy depends on does not. Nor does, in training, the head
 * of a loss of weight 0: the gradients of its parameters are 0. */
bool graph_runs(const struct graph *g, size_t i);

/* The loss of image i: the sum of the losses that have a weight, of which number l stands at
 * losses[l·stride + i]; rounded to float32 at each addition. */
float graph_sum_losses(const struct graph *g, const float *losses, size_t stride, size_t i);

/* What neighbours are joined for, so that less passes through memory: src/net/fuse.c has the rules. */
enum fuse_rule {
    FUSE_FLATTEN = 1 << 0, /* a flattening before a dense layer, whose desc.x is (N,C,H,W) then */
    /* A rectifier (slope 0) goes into what is before it and can do it (desc.relu), if nothing else reads
     * that and, going back, the reader of the rectified value can mask (desc.mask_dx). */
    FUSE_RELU = 1 << 1,
    /* The convolution of the images takes over the maximum pool after it (OP_CONV_POOL) where the device is
     * good at that. Values are the same to the bit; the weight gradient is summed in another order. */
    FUSE_POOL = 1 << 2,
    FUSE_ALL = FUSE_FLATTEN | FUSE_RELU | FUSE_POOL
};

/* Join neighbours by those rules, in a net of channel block `block`; but for FUSE_POOL, results are the same
 * to the bit. */
void graph_fuse(struct graph *g, unsigned of, const struct clr_device *device, int block);

/*
 * Choose the channel block and join by all rules, as training and evaluation run a graph on that device. The
 * block is the device's, but for nets whose channels leave many of 16 lanes empty: they get 8.
 */
void graph_fuse_for(struct graph *g, const struct clr_device *device);

/* Give every node the variants that were measured to be the fastest on a device, where records have some:
 * op_tuned(). Between graph_fuse_for() and net_plan(). db may be NULL. */
void graph_tune(struct graph *g, const struct tunedb *db, const struct clr_device *device);

/*
 * What a run saves to be resumed. graph_chosen(): call tell() with the variant of every node and pass that
 * has a choice, by label and op_pass_name(). graph_keep(), instead of graph_tune(): take the variants that
 * find() gives (NULL: none is known, the operator decides). false: one of them is not known to this program,
 * and *missing names its node.
 */
void graph_chosen(const struct graph *g, const struct clr_device *device,
                  void (*tell)(void *user, const char *label, const char *pass, const char *variant),
                  void *user);
bool graph_keep(struct graph *g, const struct clr_device *device,
                const char *(*find)(void *user, const char *label, const char *pass), void *user,
                const char **missing);

/* Call tell() for every pass whose variant was replaced because it is recorded as failed on the device
 * (op_replaced()): by label and op_pass_name(), with the variant that it has instead. */
void graph_replaced(const struct graph *g, const struct tunedb *db, const struct clr_device *device,
                    void (*tell)(void *user, const char *label, const char *pass,
                                 const struct tunedb_entry *failure, const char *by),
                    void *user);

#endif
