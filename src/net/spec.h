/*
 * A net as the prototxt file defines it: layers in file order, before shapes. Field names and defaults are
 * Caffe's (src/caffe/proto/caffe.proto). A field or layer that is not supported is an error that names file,
 * line, column and field: never ignored. A field without effect here is logged once.
 */
#ifndef NET_SPEC_H
#define NET_SPEC_H

#include <clr/net.h>
#include <clr/dataset.h>

#include "net/state.h"
#include "ops/op.h"

#define SPEC_NAME 64

enum filler_kind {
    FILLER_CONSTANT,
    FILLER_UNIFORM,
    FILLER_GAUSSIAN,
    FILLER_XAVIER,
    FILLER_MSRA,
    FILLER_PYTORCH,
    FILLER_BILINEAR,
    FILLER_ORTHOGONAL,
    FILLER_DIRAC
};
enum filler_norm { FILLER_FAN_IN, FILLER_FAN_OUT, FILLER_AVERAGE };

struct filler {
    enum filler_kind kind; /* formulas: init.c */
    double value, min, max, mean, std;
    int sparse; /* of gaussian: weights other than 0 of an input, on average; 0: all */
    enum filler_norm norm;
};

struct param_spec {
    double lr_mult, decay_mult;           /* default 1 */
    bool gives_lr_mult, gives_decay_mult; /* are they in the file? */
    char name[SPEC_NAME];                 /* parameters of one name are one; "": its own */
};

/* What the Data layer does to the bytes: y = (byte − mean)·scale. */
struct transform_spec {
    double scale;         /* default 1 */
    enum clr_mean mean;   /* mean_file → image; mean_value equal to none; see channel_mean */
    char *mean_file;      /* that there is, then mean is "image"; NULL: none. Owned by the layer */
    double mean_value[4]; /* mean_value: given in the file, used instead of the data's own */
    int mean_value_count;
    bool mirror;   /* half of the images, at random, in this phase */
    int crop_size; /* height and width of the part that is used, at random in training; 0: all */
};

/* What only layers that make images have. */
struct source_spec {
    int batch_size; /* 0: not given */
    struct transform_spec transform;
    int channels, height, width; /* Input's shape; 0: not given */
};

struct layer_class; /* net/layer.h */

struct layer_spec {
    const struct layer_class *class;
    char name[SPEC_NAME];
    const char *file; /* for messages; of the spec */
    int line;         /* of its `layer {` */
    unsigned phases;  /* PHASE_TRAIN | PHASE_TEST unless an `include` or `exclude` says otherwise */
    char bottom[OP_MOST][SPEC_NAME], top[OP_MOST][SPEC_NAME];
    int bottom_count, top_count;
    struct param_spec param[OP_PARAMS]; /* weights, biases */
    struct filler filler[OP_PARAMS];    /* Caffe's default: constant 0 */
    /* Of its operator, what the file gives: numbers, bias, y.c of a dense layer. graph.c adds the sizes. */
    struct op_desc desc;
    bool global; /* of a pool: its window is the whole image */
    struct source_spec source;
};

struct clr_net_spec {
    char name[SPEC_NAME]; /* the file's `name:` or the built-in's name */
    char *file;           /* for messages: path, or "built-in quick" */
    char *files[2]; /* of a solver's nets: of training, of evaluation; NULL where they are one, or `file` */
    char *text;     /* the prototxt itself: stored with a run */
    struct layer_spec *layers;
    size_t layer_count, layer_capacity;
    size_t left_out; /* layers of the file that are in neither phase */
    /* The SoftmaxWithLoss that evaluates a net whose file has no loss; graph.c chooses its logits. */
    struct layer_spec implied_loss;
    struct clr_image_shape input; /* zeros where unknown */
};

/* A net in a file, or in a message of a solver's. */
struct spec_part {
    size_t message;                  /* 0: the whole file */
    const char *file;                /* borrowed from the spec */
    unsigned phases;                 /* that it is read for, a mask: its layers are in no other */
    const struct net_states *states; /* put over its own */
    bool quiet;                      /* nothing is logged */
    bool files;                      /* it may name files */
};

/* Add its layers to *spec, which has the name of the first net. CLR_EINPUT: problems of *doc. */
int spec_read_net(struct clr_net_spec *spec, struct prototxt *doc, const struct spec_part *part,
                  struct clr_error *err);

/* clr_net_load() that logs nothing. */
int spec_load_quietly(struct clr_net_spec **out, const char *name, struct clr_error *err);

#endif
