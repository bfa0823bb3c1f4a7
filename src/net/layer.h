/*
 * Layers: one file for each type, layer_….c, with a row at its end that owns all that differs from type to
 * type: how its fields are read, which operators it becomes, and what shapes they have. layers.h lists the
 * rows. Shared by the reader of files (spec.c, layer.c), the builder of graphs (graph.c) and these files.
 */
#ifndef NET_LAYER_H
#define NET_LAYER_H

#include "net/graph.h"
#include "net/prototxt.h"
#include "net/spec.h"

/* ------------------------------------------------------------------ the row of a type */

enum layer_flags {
    LAYER_SOURCE = 1 << 0,      /* makes the images: build() reads no bottom */
    LAYER_LOSS = 1 << 1,        /* training can begin here */
    LAYER_LABELS = 1 << 2,      /* its last bottom is the labels */
    LAYER_IN_PLACE = 1 << 3,    /* its top may be its bottom */
    LAYER_WEIGHTS = 1 << 4,     /* has weights, and biases unless bias_term is false */
    LAYER_MORE_BOTTOMS = 1 << 5 /* up to OP_MOST bottoms */
};

struct layer_reading;
struct builder;

struct layer_class {
    const char *type;  /* of `type:` */
    int bottoms;       /* tops: one; a source may have another for the labels, a loss may have none */
    unsigned flags;    /* of enum layer_flags */
    enum op_kind kind; /* with build NULL: the operator that it is */
    /* Read the fields that only this type has into *in->layer. */
    int (*read)(struct layer_reading *in);
    /* Add its nodes; bottom: the values that it reads. NULL: one node, whose y has the shape of its x. */
    int (*build)(struct builder *b, const int *bottom);
    void (*detail)(char *out, size_t size,
                   const struct op_desc *d); /* for `net show`: "5x5"; NULL: nothing */
};

/* The rows, in the order of messages and documentation. */
extern const struct layer_class *const layer_classes[];
extern const size_t layer_class_count;
extern const struct layer_class layer_input; /* also what a net's own `input:` becomes */

/* ------------------------------------------------------------------ reading */

/* Topics that were logged for this file already. */
struct spec_said {
    unsigned topics;
};

enum spec_topic {
    SAID_SOURCE,
    SAID_ENGINE,
    SAID_MEAN_FILE,
    SAID_FILLER,
    SAID_LRN_K,
    SAID_IM2COL,
    SAID_STABLE_PROD
};

struct layer_reading {
    struct layer_spec *layer;
    struct prototxt *doc;
    struct pt_field *field; /* the layer's */
    struct pt_reader r;     /* open on the layer */
    struct spec_said *said;
    struct clr_error *err;
};

/* Read one layer into *out (zeroed by the caller). CLR_EINPUT names place and field. */
int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    struct spec_said *said, struct clr_error *err);

/* A name of a layer or blob: 1…limit bytes, no control characters. */
int spec_read_name(char *out, size_t limit, const struct prototxt *doc, const struct pt_field *field,
                   struct clr_error *err);

/* dims N, C, H, W of one or more `dim:` fields of a shape message. */
int spec_read_shape(struct layer_spec *out, struct prototxt *doc, struct pt_field *shape,
                    struct clr_error *err);

/* True the first time for each topic of a file. */
bool spec_first_time(struct layer_reading *in, enum spec_topic topic);

/* Skip fields that have no effect here; log that once for a file. */
void spec_no_effect(struct layer_reading *in, struct pt_reader *r, const char *name, enum spec_topic topic,
                    const char *why);

/*
 * Errors of these stay in the reader, see pt_close().
 *
 * Fields that may only have Caffe's default: another value is not supported.
 */
void spec_only_int(struct layer_reading *in, struct pt_reader *r, const char *name, int wanted);
void spec_only_false(struct layer_reading *in, struct pt_reader *r, const char *name);

/* engine: which of Caffe's implementations; ours are chosen elsewhere. */
void spec_read_engine(struct layer_reading *in, struct pt_reader *r);

/* softmax_param, of the layer and of the loss: the channels are what is summed over. 0 or < 0. */
int spec_read_softmax(struct layer_reading *in);

/* num_output, bias_term and both fillers: what convolutions and dense layers share. */
void spec_read_weights(struct layer_reading *in, struct pt_reader *r, int *outputs);

/*
 * Numbers of a window: `all` (once: both dimensions, twice: height and width) or the pair h, w (NULL: has
 * none). Absent: untouched. *given: was there any of these fields?
 */
void spec_read_pair(struct layer_reading *in, struct pt_reader *r, const char *all, const char *h,
                    const char *w, int min, int *out_h, int *out_w, bool *given);

/* The error of a layer whose own block is missing, or has a misspelled name. */
int spec_missing_block(struct layer_reading *in, const char *name);

/* ------------------------------------------------------------------ building */

struct builder {
    struct graph *g;
    const struct clr_net_spec *spec;
    struct clr_image_shape input;
    const struct layer_spec *layer; /* the one being added */
    int labels;                     /* value of the labels, −1: none */
    bool has_data;
    struct clr_error *err;
};

/* CLR_EINPUT "FILE:LINE: layer 'NAME': …"; build_prefix(): the same before an error that is set already. */
int build_error(const struct builder *b, const char *format, ...) CLR_PRINTF(2, 3);
int build_prefix(const struct builder *b);
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

/* Is x one logit for each class, and not the images? */
int build_check_logits(struct builder *b, int x);

#endif
