/*
 * Between spec.c (the file as a whole), spec_layers.c (one `layer { … }`), spec_params.c and spec_data.c
 * (what only some layers have).
 */
#ifndef NET_SPEC_LAYERS_H
#define NET_SPEC_LAYERS_H

#include "net/prototxt.h"
#include "net/spec.h"

/* What was already said in the log for this file. */
struct spec_said {
    unsigned topics;
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

/* ------------------------------------------------------------------ for the readers of layers */

enum spec_topic { SAID_SOURCE, SAID_ENGINE, SAID_MEAN_FILE, SAID_FILLER, SAID_LRN_K, SAID_IM2COL };

struct layer_reading {
    struct layer_spec *layer;
    struct prototxt *doc;
    struct pt_field *field; /* the layer's */
    struct pt_reader r;     /* open on the layer */
    struct spec_said *said;
    struct clr_error *err;
};

/* True the first time for each topic of a file. */
bool spec_first_time(struct layer_reading *in, enum spec_topic topic);

/* Reads and forgets fields that have no effect here, and says so once for the file. */
void spec_no_effect(struct layer_reading *in, struct pt_reader *r, const char *name, enum spec_topic topic,
                    const char *why);

/* Fields that are read only to insist on Caffe's default: another value is not supported. 0 or < 0. */
int spec_only_int(struct layer_reading *in, struct pt_reader *r, const char *name, int wanted);
int spec_only_false(struct layer_reading *in, struct pt_reader *r, const char *name);

/* engine: which of Caffe's implementations; ours are chosen elsewhere. 0 or < 0. */
int spec_read_engine(struct layer_reading *in, struct pt_reader *r);

/* The error of a layer without the block that says what it is: misspelled, or missing altogether. */
int spec_missing_block(struct layer_reading *in, const char *name);

int spec_read_convolution(struct layer_reading *in);
int spec_read_pooling(struct layer_reading *in);
int spec_read_relu(struct layer_reading *in);
int spec_read_lrn(struct layer_reading *in);
int spec_read_dense(struct layer_reading *in);
int spec_read_dropout(struct layer_reading *in);
int spec_read_softmax_loss(struct layer_reading *in);
int spec_read_accuracy(struct layer_reading *in);
int spec_read_data(struct layer_reading *in);
int spec_read_input(struct layer_reading *in);

#endif
