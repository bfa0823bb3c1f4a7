/*
 * Layers: one file for each type, layer_….c, with a row at its end that owns all that differs from type to
 * type: how its fields are read, which operators it becomes, and what shapes they have. layers.h lists the
 * rows. Shared by the reader of files (spec.c, layer.c), the builder of graphs (graph.c) and these files.
 */
#ifndef NET_LAYER_H
#define NET_LAYER_H

#include "net/graph.h"

#include "net/fields.h"
#include "net/prototxt.h"
#include "net/spec.h"
#include "ops/op_class.h"

/* ------------------------------------------------------------------ the row of a type */

enum layer_flags {
    LAYER_SOURCE = 1 << 0,                    /* makes the images: build() reads no bottom */
    LAYER_LOSS = 1 << 1,                      /* training can begin here */
    LAYER_LABELS = 1 << 2,                    /* its last bottom is the labels */
    LAYER_TARGET = 1 << 3,                    /* its last bottom is any value, or the labels */
    LAYER_RESULT = LAYER_LOSS | LAYER_LABELS, /* its tops are results, which no layer reads */
    LAYER_IN_PLACE = 1 << 4,                  /* its top may be its bottom */
    LAYER_MORE_BOTTOMS = 1 << 5,              /* up to OP_MOST bottoms */
    LAYER_NEEDS_BLOCK = 1 << 6,               /* its first block is required */
    LAYER_SECOND_TOP = 1 << 7,                /* may have a second top */
    LAYER_MORE_TOPS = 1 << 8,                 /* up to OP_MOST tops */
    LAYER_NO_TOP = 1 << 9,                    /* none at all */
    LAYER_PAIRS = 1 << 10                     /* its labels are of pairs of images, which the data are then */
};

struct builder;

/* A block of fields that only some types have; .at of the fields are offsets in struct layer_spec. */
struct layer_block {
    const char *name; /* NULL: the fields are the layer's own */
    const struct field *fields;
};

#define LAYER_BLOCKS 3

struct layer_class {
    const char *type;   /* of `type:` */
    const char *help;   /* one line: what it computes */
    int bottoms;        /* tops: one; a loss may have none */
    unsigned flags;     /* of enum layer_flags */
    enum op_kind kind;  /* with build NULL or parameters: the operator that it is */
    const char *params; /* what its parameters are, for `net layers`; NULL: it has none */
    int function;       /* of enum elementwise_function, for those */
    struct layer_block blocks[LAYER_BLOCKS];
    /* After the fields were read into *in->layer: what depends on several of them. NULL: nothing. */
    int (*check)(struct layer_reading *in);
    /* Add its nodes; bottom: the values that it reads. NULL: one node, whose y has the shape of its x. */
    int (*build)(struct builder *b, const int *bottom);
    void (*detail)(char *out, size_t size,
                   const struct op_desc *d); /* for `net show`: "5x5"; NULL: nothing */
};

/* The rows, in the order of messages and documentation. */
extern const struct layer_class *const layer_classes[];
extern const size_t layer_class_count;
/* Their types, NULL-terminated; free *out with free(). */
int layer_types(const char ***out, struct clr_error *err);
extern const struct layer_class layer_input; /* also what a net's own `input:` becomes */
extern const struct layer_class layer_memory_data;

/* ------------------------------------------------------------------ reading */

/* What was reported for this file already: reasons of spec_no_effect(), the list of types. */
struct spec_said {
    const char *reasons[16];
    size_t count;
    bool types;
    bool quiet; /* nothing is logged */
    bool files; /* the net may name files */
};

struct layer_reading {
    struct layer_spec *layer;
    const struct net_states *states;
    struct prototxt *doc;
    struct pt_field *field;               /* the layer's */
    struct pt_reader r;                   /* open on the layer */
    struct pt_field *block[LAYER_BLOCKS]; /* of its class; NULL: not in the file */
    struct spec_said *said;
    struct clr_error *err;
};

/*
 * Read one layer into *out, which is zero but for the name that it has where the file gives none. CLR_EINPUT
 * names place and field. Of a layer that the states leave out of both phases only the name is read.
 */
int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    const struct net_states *states, struct spec_said *said, struct clr_error *err);

/* The parameters that a layer has: how many, and what they are called. Their shapes are not known yet. */
int spec_params(struct op_param out[OP_PARAMS], const struct layer_spec *l);

/* A name of a layer or blob: 1…limit bytes, no control characters. */
int spec_read_name(char *out, size_t limit, struct prototxt *doc, const struct pt_field *field,
                   struct clr_error *err);

/* dims N, C, H, W of one or more `dim:` fields of a shape message. */
int spec_read_shape(struct layer_spec *out, struct prototxt *doc, struct pt_field *shape,
                    struct clr_error *err);

/* ignore_label. 1 given, 0 absent, < 0 error. */
int spec_read_ignore(struct op_ignore *out, struct layer_reading *in, struct pt_reader *r);
/* normalize, Caffe's older field, which counts where `normalization` is not given: likewise. */
int spec_read_normalize(struct layer_reading *in, struct pt_reader *r);

/* A field that has no effect here: logs the reason, once for a file. */
void spec_no_effect(struct layer_reading *in, const struct pt_field *field, const char *why);

/* ------------------------------------------------------------------ fields of several types */

#define AT(member)  .at = offsetof(struct layer_spec, member)
#define AT_HW(h, w) .at = offsetof(struct layer_spec, h), .at_w = offsetof(struct layer_spec, w)
#define WORDS(...)                                                                                           \
    .words = (const char *const[])                                                                           \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define NUMBERS(...)                                                                                         \
    .numbers = (const int[])                                                                                 \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define FIELD_ENGINE                                                                                         \
    {                                                                                                        \
        "engine", FIELD_UNUSED, "the fastest algorithm is chosen by measurement",                            \
            WORDS("DEFAULT", "CAFFE", "CUDNN"), NUMBERS(0, 1, 2)                                             \
    }
/* Caffe's axis: values are N,C,H,W, and what works on one axis works on the channels. */
#define FIELD_AXIS                                                                                           \
    {                                                                                                        \
        "axis", FIELD_ONLY, "the channels", .usual = 1                                                       \
    }
#define PARAMS_WEIGHTS "for the weights, and once more for the biases"
#define FIELD_LOSS_WEIGHT                                                                                    \
    {                                                                                                        \
        "loss_weight", FIELD_FLOAT, "factor of this loss; 0: it is reported and not trained",                \
            AT(desc.u.loss.weight), .usual = 1, .least = -1e30, .most = 1e30                                 \
    }
#define FIELDS_WEIGHTS                                                                                       \
    {"bias_term", FIELD_FLAG, "a bias is added to each output", AT(desc.bias), .usual = 1},                  \
        {"weight_filler",         FIELD_BLOCK,          "initial weights", AT(filler[0]),                    \
         .fields = filler_fields, .check = filler_check},                                                    \
    {                                                                                                        \
        "bias_filler", FIELD_BLOCK, "initial biases", AT(filler[1]), .fields = filler_fields,                \
                                                                     .check = filler_check                   \
    }

extern const struct field filler_fields[];
int filler_check(struct layer_reading *in, struct pt_reader *r, void *filler);

extern const struct field softmax_fields[]; /* softmax_param, of the layer and of the loss */

/* ------------------------------------------------------------------ building */

/* Another name of a value; of values made after it (from number `after` on), one of this name hides it. */
struct build_alias {
    const char *name;
    int value;
    size_t after;
};

struct builder {
    struct graph *g;
    const struct clr_net_spec *spec;
    struct clr_image_shape input;
    const struct layer_spec *layer; /* the one being added */
    int labels;                     /* value of the labels, −1: none */
    bool has_data, has_loss;
    struct build_alias *aliases;
    size_t alias_count, alias_capacity;
    struct clr_error *err;
};

/* CLR_EINPUT "FILE:LINE: layer 'NAME': …"; build_prefix(): rc; if it is < 0, the same before the error. */
int build_error(const struct builder *b, const char *format, ...) CLR_PRINTF(2, 3);
int build_prefix(const struct builder *b, int rc);
/* build_error() for input j of a node whose size does not fit the first: both sizes, and the requirement. */
int build_unlike(const struct builder *b, const struct graph_node *n, int j, const char *wanted);

/* A new value of that shape, made by a node or by GRAPH_IMAGES, GRAPH_LABELS. */
int build_value(struct builder *b, const char *name, const struct shape *shape, int producer, int *out);

/*
 * A new node that reads `count` values, with the layer's desc and their shapes; its y has the shape of the
 * first until the caller changes it. build_finish() gives it its parameters and its top.
 */
struct graph_node *build_node(struct builder *b, enum op_kind kind, const int *x, int count);
int build_finish(struct builder *b, struct graph_node *n);

/* Instead, of a node with a y for each top, or of a layer whose tops are other names of a value. */
int build_tops(struct builder *b, struct graph_node *n);
int build_aliases(struct builder *b, int x);

/* The node of a loss, of the layer's weight, that reads `count` values (besides the labels). */
void build_loss(struct builder *b, enum op_kind kind, const int *x, int count);

/* Is x one logit for each class, and not the images? */
int build_check_logits(struct builder *b, int x);

/* A loss of logits, bottom[0], and labels: these are the graph's logits from here on, if it counts. */
int build_classifier(struct builder *b, enum op_kind kind, const int *bottom);

#endif
