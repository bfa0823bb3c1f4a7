/*
 * A net as the prototxt file says it: layers in file order, before shapes. Field names and defaults are
 * Caffe's (src/caffe/proto/caffe.proto). A field or layer that is not supported is an error that names file,
 * line, column and field: never ignored. What may be in the file but has no effect here is said once in the
 * log.
 */
#ifndef NET_SPEC_H
#define NET_SPEC_H

#include <clr/net.h>
#include <clr/dataset.h>

#include "base/geometry.h"

#define SPEC_NAME 64

enum layer_kind {
    LAYER_DATA,
    LAYER_INPUT,
    LAYER_CONVOLUTION,
    LAYER_POOLING,
    LAYER_RELU,
    LAYER_LRN,
    LAYER_INNER_PRODUCT,
    LAYER_DROPOUT,
    LAYER_SOFTMAX_LOSS,
    LAYER_ACCURACY,
};

enum { PHASE_TRAIN = 1, PHASE_TEST = 2 }; /* a mask */

enum filler_kind { FILLER_CONSTANT, FILLER_UNIFORM, FILLER_GAUSSIAN, FILLER_XAVIER, FILLER_MSRA };
enum filler_norm { FILLER_FAN_IN, FILLER_FAN_OUT, FILLER_AVERAGE };

struct filler {
    enum filler_kind kind; /* xavier: uniform ±sqrt(3/n); msra: gaussian std sqrt(2/n); Caffe's filler.hpp */
    double value, min, max, mean, std;
    enum filler_norm norm;
};

struct param_spec {
    double lr_mult, decay_mult; /* default 1 */
};

/* What the Data layer does to the bytes: y = (byte − mean)·scale. */
struct transform_spec {
    double scale;         /* default 1 */
    enum clr_mean mean;   /* mean_file → image; mean_value equal to none; see channel_mean */
    double mean_value[4]; /* mean_value: given in the file, used instead of the data's own */
    int mean_value_count;
    bool mirror;   /* training batches only */
    int crop_size; /* 0: none */
};

struct layer_spec {
    enum layer_kind kind;
    char name[SPEC_NAME];
    int line;        /* of its `layer {` */
    unsigned phases; /* PHASE_TRAIN | PHASE_TEST unless `include` says otherwise */
    char bottom[4][SPEC_NAME], top[4][SPEC_NAME];
    int bottom_count, top_count;
    struct param_spec param[2];               /* weights, biases */
    struct filler weight_filler, bias_filler; /* Caffe's default: constant 0 */
    bool bias_term;
    union {
        struct conv_geometry conv; /* c, h, w, oh, ow are 0 here */
        struct {
            struct pool_geometry g; /* c, h, w, oh, ow are 0 here; global: kernel = image */
            bool global;
        } pool;
        struct lrn_geometry lrn;
        struct {
            float negative_slope;
        } relu;
        struct {
            int num_output;
        } dense;
        struct {
            float ratio;
        } dropout;
        struct {
            int top_k;
        } accuracy;
        struct {
            int batch_size; /* 0: not given */
            struct transform_spec transform;
            int channels, height, width; /* Input's shape; 0: not given */
        } data;
    } u;
};

struct clr_net_spec {
    char name[SPEC_NAME]; /* the file's `name:` or the built-in's name */
    char *file;           /* for messages: path, or "built-in quick" */
    char *text;           /* the prototxt itself: stored with a run */
    struct layer_spec *layers;
    size_t layer_count, layer_capacity;
    struct clr_image_shape input; /* zeros where unknown */
};

/* "Convolution", as the file writes it. */
const char *spec_layer_type(enum layer_kind kind);

#endif
