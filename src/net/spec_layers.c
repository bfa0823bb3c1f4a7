/*
 * One layer of a prototxt file. Field names, defaults and rules are Caffe's (caffe.proto and the layers'
 * LayerSetUp); where Caffe silently ignores a field, this is an error or a line in the log.
 */
#include "net/spec_layers.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* Fields of LayerParameter that exist and that this layer (or this program) has no use for. */
static const char *const k_layer_fields[] = {"phase",
                                             "loss_weight",
                                             "blobs",
                                             "propagate_down",
                                             "transform_param",
                                             "loss_param",
                                             "accuracy_param",
                                             "argmax_param",
                                             "batch_norm_param",
                                             "bias_param",
                                             "clip_param",
                                             "concat_param",
                                             "contrastive_loss_param",
                                             "convolution_param",
                                             "crop_param",
                                             "data_param",
                                             "dropout_param",
                                             "dummy_data_param",
                                             "eltwise_param",
                                             "elu_param",
                                             "embed_param",
                                             "exp_param",
                                             "flatten_param",
                                             "hdf5_data_param",
                                             "hdf5_output_param",
                                             "hinge_loss_param",
                                             "image_data_param",
                                             "infogain_loss_param",
                                             "inner_product_param",
                                             "input_param",
                                             "log_param",
                                             "lrn_param",
                                             "memory_data_param",
                                             "mvn_param",
                                             "parameter_param",
                                             "pooling_param",
                                             "power_param",
                                             "prelu_param",
                                             "python_param",
                                             "recurrent_param",
                                             "reduction_param",
                                             "relu_param",
                                             "reshape_param",
                                             "scale_param",
                                             "sigmoid_param",
                                             "softmax_param",
                                             "spp_param",
                                             "slice_param",
                                             "swish_param",
                                             "tanh_param",
                                             "threshold_param",
                                             "tile_param",
                                             "window_data_param",
                                             NULL};

enum topic { SAID_SOURCE, SAID_ENGINE, SAID_MEAN_FILE, SAID_FILLER, SAID_LRN_K, SAID_IM2COL };

struct reading {
    struct layer_spec *layer;
    struct prototxt *doc;
    struct pt_field *field; /* the layer's */
    struct pt_reader r;     /* open on the layer */
    struct spec_said *said;
    struct clr_error *err;
};

/* True the first time for each topic of a file. */
static bool first_time(struct reading *in, enum topic topic)
{
    unsigned bit = 1u << topic;
    bool first = !(in->said->topics & bit);

    in->said->topics |= bit;
    return first;
}

/* Reads and forgets fields that have no effect here, and says so once for the file. */
static void no_effect(struct reading *in, struct pt_reader *r, const char *name, enum topic topic,
                      const char *why)
{
    struct pt_field *field = NULL;

    while (pt_next(r, name, &field)) {
        if (first_time(in, topic))
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect here: %s", in->doc->file, field->line, name,
                     why);
    }
}

/* Fields that are read only to insist on Caffe's default: another value is not supported. */
static int only_int(struct reading *in, struct pt_reader *r, const char *name, int wanted)
{
    int value = wanted, rc = pt_int(r, name, -1000000, 1000000, &value, in->err);

    if (rc < 0 || value == wanted)
        return rc < 0 ? rc : 0;
    return pt_error(in->doc, r->message, in->err, "field '%s' is %d; only %d is supported", name, value,
                    wanted);
}

static int only_false(struct reading *in, struct pt_reader *r, const char *name)
{
    bool value = false;
    int rc = pt_bool(r, name, &value, in->err);

    if (rc < 0 || !value)
        return rc < 0 ? rc : 0;
    return pt_error(in->doc, r->message, in->err, "field '%s' is not supported (only false is)", name);
}

int spec_read_name(char *out, size_t limit, const struct prototxt *doc, const struct pt_field *field,
                   struct clr_error *err)
{
    const char *text;
    int rc = pt_value_text(doc, field, &text, err);
    size_t n;

    if (rc < 0)
        return rc;
    n = strlen(text);
    if (n < 1 || n >= limit)
        return pt_error(doc, field, err, "field '%s' has %zu bytes; a name has 1 to %zu", field->name, n,
                        limit - 1);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return pt_error(doc, field, err, "field '%s' has a control character in it", field->name);
    }
    str_copy(out, limit, text);
    return 0;
}

/* The layer lacks the block that says what it is: because its name is misspelled, or altogether. */
static int missing_block(struct reading *in, const char *name)
{
    int rc;

    for (struct pt_field *f = NULL; pt_next(&in->r, "param", &f);)
        continue; /* would have been read later */
    rc = pt_close(&in->r, k_layer_fields, in->err);
    return rc < 0 ? rc
                  : pt_error(in->doc, in->field, in->err, "layer '%s' has no '%s'", in->layer->name, name);
}

/* ------------------------------------------------------------------ fillers */

static int filler_kind(struct reading *in, struct pt_reader *r, struct filler *f)
{
    static const char *const kinds[] = {"constant", "uniform", "gaussian", "xavier", "msra", NULL};
    const char *type = "constant", *nearest;
    int rc = pt_text(r, "type", &type, in->err);

    if (rc < 0)
        return rc;
    for (int i = 0; kinds[i]; i++) {
        if (strcmp(type, kinds[i]) == 0) {
            f->kind = (enum filler_kind)i;
            return 0;
        }
    }
    nearest = str_nearest(type, kinds);
    return pt_error(
        in->doc, r->message, in->err,
        "filler type '%.60s' is not supported%s%s%s (there are constant, uniform, gaussian, xavier and "
        "msra)",
        type, nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int read_filler(struct reading *in, struct pt_reader *parent, const char *name, struct filler *out)
{
    static const char *const norms[] = {"FAN_IN", "FAN_OUT", "AVERAGE", NULL};
    static const char *const unsupported[] = {"sparse", NULL};
    static const char *const numbers[] = {"value", "min", "max", "mean", "std"};
    /* which of the numbers each kind reads, in enum order */
    static const bool used[][5] = {
        {true}, {false, true, true}, {false, false, false, true, true}, {false}, {false}};
    struct filler f = {.max = 1.0, .std = 1.0};
    double *const targets[] = {&f.value, &f.min, &f.max, &f.mean, &f.std};
    struct pt_reader r;
    int norm = FILLER_FAN_IN, given = pt_message(parent, name, &r, in->err), rc;

    if (given <= 0)
        return given;
    rc = filler_kind(in, &r, &f);
    for (size_t i = 0; i < MEM_COUNT(numbers) && rc >= 0; i++) {
        rc = pt_double(&r, numbers[i], -FLT_MAX, FLT_MAX, targets[i], in->err);
        if (rc > 0 && !used[f.kind][i] && first_time(in, SAID_FILLER))
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect on this kind of %s", in->doc->file,
                     r.message->line, numbers[i], name);
    }
    if (rc >= 0)
        rc = pt_word(&r, "variance_norm", norms, &norm, in->err);
    if (rc >= 0)
        rc = pt_close(&r, unsupported, in->err);
    if (rc < 0)
        return rc;
    f.norm = (enum filler_norm)norm;
    if (f.min > f.max)
        return pt_error(in->doc, r.message, in->err, "min %g is above max %g", f.min, f.max);
    if (f.std < 0.0)
        return pt_error(in->doc, r.message, in->err, "std %g is below 0", f.std);
    *out = f;
    return 0;
}

/* num_output, bias_term and both fillers: what convolutions and dense layers share. */
static int read_weights(struct reading *in, struct pt_reader *r, int *outputs)
{
    struct layer_spec *l = in->layer;
    int rc;

    l->bias_term = true;
    rc = pt_int(r, "num_output", 1, GEOMETRY_MAX, outputs, in->err);
    if (rc >= 0)
        rc = pt_bool(r, "bias_term", &l->bias_term, in->err);
    if (rc >= 0)
        rc = read_filler(in, r, "weight_filler", &l->weight_filler);
    if (rc >= 0)
        rc = read_filler(in, r, "bias_filler", &l->bias_filler);
    return rc < 0 ? rc : 0;
}

/* ------------------------------------------------------------------ windows: kernel, stride, pad, dilation
 */

/*
 * `all` (once: both dimensions, twice: height and width) or the pair h, w (NULL: has none). Absent:
 * untouched. *given tells whether anything was there.
 */
static int read_pair(struct reading *in, struct pt_reader *r, const char *all, const char *h, const char *w,
                     int min, int *out_h, int *out_w, bool *given)
{
    int values[2] = {0, 0}, count = 0, has_h = 0, has_w = 0;
    int rc = pt_ints(r, all, min, GEOMETRY_MAX, values, 2, &count, in->err);

    if (rc >= 0 && h)
        rc = has_h = pt_int(r, h, min, GEOMETRY_MAX, out_h, in->err);
    if (rc >= 0 && w)
        rc = has_w = pt_int(r, w, min, GEOMETRY_MAX, out_w, in->err);
    if (rc < 0)
        return rc;
    if (count > 0 && (has_h || has_w))
        return pt_error(in->doc, r->message, in->err, "give '%s', or '%s' and '%s', not both", all, h, w);
    if (has_h != has_w)
        return pt_error(in->doc, r->message, in->err, "'%s' and '%s' must be given together", h, w);
    if (count > 0) {
        *out_h = values[0];
        *out_w = values[count - 1];
    }
    *given = count > 0 || has_h;
    return 0;
}

static int read_convolution(struct reading *in)
{
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    struct conv_geometry *g = &in->layer->u.conv;
    bool kernel, ignored;
    struct pt_reader r;
    int engine, rc = pt_message(&in->r, "convolution_param", &r, in->err);

    if (rc == 0)
        return missing_block(in, "convolution_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = g->dh = g->dw = g->group = 1;
    rc = read_weights(in, &r, &g->oc);
    if (rc >= 0)
        rc = read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    if (rc >= 0)
        rc = read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &ignored);
    if (rc >= 0)
        rc = read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &ignored);
    if (rc >= 0)
        rc = read_pair(in, &r, "dilation", NULL, NULL, 1, &g->dh, &g->dw, &ignored);
    if (rc >= 0)
        rc = pt_int(&r, "group", 1, GEOMETRY_MAX, &g->group, in->err);
    if (rc >= 0)
        rc = only_int(in, &r, "axis", 1);
    if (rc >= 0)
        rc = pt_word(&r, "engine", engines, &engine, in->err);
    if (rc > 0)
        no_effect(in, &r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
    if (rc >= 0)
        no_effect(in, &r, "force_nd_im2col", SAID_IM2COL, "the table of variants chooses the algorithm");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->oc == 0)
        return pt_error(in->doc, r.message, in->err, "'num_output' is missing");
    if (!kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

static int read_pooling(struct reading *in)
{
    static const char *const methods[] = {"MAX", "AVE", NULL};
    static const char *const roundings[] = {"CEIL", "FLOOR", NULL};
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    struct pool_geometry *g = &in->layer->u.pool.g;
    bool kernel = false, stride = false, pad = false;
    struct pt_reader r;
    int engine, method = POOL_MAX, rounding = POOL_CEIL, rc;

    rc = pt_message(&in->r, "pooling_param", &r, in->err);
    if (rc == 0)
        return missing_block(in, "pooling_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = 1;
    rc = pt_word(&r, "pool", methods, &method, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "round_mode", roundings, &rounding, in->err);
    if (rc >= 0)
        rc = pt_bool(&r, "global_pooling", &in->layer->u.pool.global, in->err);
    if (rc >= 0)
        rc = read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    if (rc >= 0)
        rc = read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &stride);
    if (rc >= 0)
        rc = read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &pad);
    if (rc >= 0)
        rc = pt_word(&r, "engine", engines, &engine, in->err);
    if (rc > 0)
        no_effect(in, &r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    g->method = (enum pool_method)method;
    g->rounding = (enum pool_rounding)rounding;
    if (in->layer->u.pool.global && (kernel || g->ph || g->pw || g->sh != 1 || g->sw != 1))
        return pt_error(in->doc, r.message, in->err,
                        "'global_pooling' covers the whole image: no kernel, no padding, stride 1");
    if (!in->layer->u.pool.global && !kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

/* ------------------------------------------------------------------ the other layers */

static int read_relu(struct reading *in)
{
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    double slope = 0.0;
    struct pt_reader r;
    int engine, rc = pt_message(&in->r, "relu_param", &r, in->err);

    if (rc <= 0)
        return rc;
    rc = pt_double(&r, "negative_slope", 0.0, 1000.0, &slope, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "engine", engines, &engine, in->err);
    if (rc > 0)
        no_effect(in, &r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
    in->layer->u.relu.negative_slope = (float)slope;
    return rc < 0 ? rc : pt_close(&r, NULL, in->err);
}

static int read_lrn(struct reading *in)
{
    static const char *const regions[] = {"ACROSS_CHANNELS", "WITHIN_CHANNEL", NULL};
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    struct lrn_geometry *g = &in->layer->u.lrn;
    double alpha = 1.0, beta = 0.75, k = 1.0;
    struct pt_reader r;
    int engine, region = LRN_ACROSS_CHANNELS, rc;

    *g = (struct lrn_geometry){.size = 5, .alpha = 1.0f, .beta = 0.75f, .k = 1.0f};
    rc = pt_message(&in->r, "lrn_param", &r, in->err);
    if (rc <= 0)
        return rc;
    rc = pt_int(&r, "local_size", 1, GEOMETRY_MAX, &g->size, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "alpha", 0.0, 1e6, &alpha, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "beta", 0.0, 1e3, &beta, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "k", 1e-30, 1e6, &k, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "norm_region", regions, &region, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "engine", engines, &engine, in->err);
    if (rc > 0)
        no_effect(in, &r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->size % 2 == 0)
        return pt_error(in->doc, r.message, in->err, "'local_size' is %d: it must be odd", g->size);
    if (region == LRN_WITHIN_CHANNEL && k != 1.0) {
        no_effect(in, &r, "k", SAID_LRN_K, "it is 1 within channels, as in Caffe");
        k = 1.0;
    }
    g->region = (enum lrn_region)region;
    g->alpha = (float)alpha;
    g->beta = (float)beta;
    g->k = (float)k;
    return 0;
}

static int read_dense(struct reading *in)
{
    struct pt_reader r;
    int *outputs = &in->layer->u.dense.num_output;
    int rc = pt_message(&in->r, "inner_product_param", &r, in->err);

    if (rc == 0)
        return missing_block(in, "inner_product_param");
    if (rc < 0)
        return rc;
    rc = read_weights(in, &r, outputs);
    if (rc >= 0)
        rc = only_int(in, &r, "axis", 1);
    if (rc >= 0)
        rc = only_false(in, &r, "transpose");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (*outputs == 0)
        return pt_error(in->doc, r.message, in->err, "'num_output' is missing");
    return 0;
}

static int read_dropout(struct reading *in)
{
    double ratio = 0.5;
    struct pt_reader r;
    int rc = pt_message(&in->r, "dropout_param", &r, in->err);

    if (rc > 0) {
        rc = pt_double(&r, "dropout_ratio", 0.0, 0.999999, &ratio, in->err);
        if (rc >= 0)
            rc = pt_close(&r, NULL, in->err);
    }
    in->layer->u.dropout.ratio = (float)ratio;
    return rc < 0 ? rc : 0;
}

static int read_softmax_loss(struct reading *in)
{
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    double weight = 1.0;
    struct pt_reader r;
    int engine, rc = pt_message(&in->r, "softmax_param", &r, in->err);

    if (rc > 0) {
        rc = only_int(in, &r, "axis", 1);
        if (rc >= 0)
            rc = pt_word(&r, "engine", engines, &engine, in->err);
        if (rc > 0)
            no_effect(in, &r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
        if (rc >= 0)
            rc = pt_close(&r, NULL, in->err);
    }
    if (rc >= 0)
        rc = pt_double(&in->r, "loss_weight", -1e30, 1e30, &weight, in->err);
    if (rc < 0)
        return rc;
    if (weight != 1.0)
        return pt_error(in->doc, in->field, in->err, "'loss_weight' is %g; only 1 is supported", weight);
    return 0;
}

static int read_accuracy(struct reading *in)
{
    static const char *const unsupported[] = {"ignore_label", NULL};
    struct pt_reader r;
    int rc = pt_message(&in->r, "accuracy_param", &r, in->err);

    in->layer->u.accuracy.top_k = 1;
    if (rc <= 0)
        return rc;
    rc = pt_int(&r, "top_k", 1, GEOMETRY_MAX, &in->layer->u.accuracy.top_k, in->err);
    if (rc >= 0)
        rc = only_int(in, &r, "axis", 1);
    return rc < 0 ? rc : pt_close(&r, unsupported, in->err);
}

/* ------------------------------------------------------------------ where images come from */

static int read_means(struct reading *in, struct pt_reader *r, struct transform_spec *t)
{
    static const char *const words[] = {"none", "channel", "image"};
    const char *file;
    int given = pt_text(r, "mean_file", &file, in->err), rc;

    if (given < 0)
        return given;
    rc = pt_doubles(r, "mean_value", -1e6, 1e6, t->mean_value, (int)MEM_COUNT(t->mean_value),
                    &t->mean_value_count, in->err);
    if (rc < 0)
        return rc;
    if (given && t->mean_value_count > 0)
        return pt_error(in->doc, r->message, in->err, "give 'mean_file' or 'mean_value', not both");
    if (!given)
        return 0;
    for (size_t i = 0; i < MEM_COUNT(words); i++) {
        if (strcmp(file, words[i]) == 0) {
            t->mean = (enum clr_mean)i;
            return 0;
        }
    }
    t->mean = CLR_MEAN_IMAGE;
    if (first_time(in, SAID_MEAN_FILE))
        log_line(CLR_LOG_INFO,
                 "%s:%d: 'mean_file' is not opened: the mean image of the training set is subtracted",
                 in->doc->file, r->message->line);
    return 0;
}

static int read_transform(struct reading *in, struct transform_spec *t)
{
    static const char *const unsupported[] = {"force_color", "force_gray", NULL};
    struct pt_reader r;
    int rc;

    t->scale = 1.0;
    t->mean = CLR_MEAN_NONE;
    rc = pt_message(&in->r, "transform_param", &r, in->err);
    if (rc <= 0)
        return rc;
    rc = pt_double(&r, "scale", -1e6, 1e6, &t->scale, in->err);
    if (rc >= 0)
        rc = read_means(in, &r, t);
    if (rc >= 0)
        rc = pt_bool(&r, "mirror", &t->mirror, in->err);
    if (rc >= 0)
        rc = pt_int(&r, "crop_size", 0, GEOMETRY_MAX, &t->crop_size, in->err);
    if (rc >= 0)
        rc = pt_close(&r, unsupported, in->err);
    if (rc < 0)
        return rc;
    if (t->mirror)
        return pt_error(in->doc, r.message, in->err, "field 'mirror' is not supported (only false is)");
    if (t->crop_size)
        return pt_error(in->doc, r.message, in->err, "field 'crop_size' is not supported (only 0 is)");
    if (t->scale == 0.0)
        return pt_error(in->doc, r.message, in->err,
                        "field 'scale' is 0: nothing of the images would be left");
    return 0;
}

int spec_read_shape(struct layer_spec *out, struct prototxt *doc, struct pt_field *shape,
                    struct clr_error *err)
{
    int dims[4], count = 0, rc = pt_value_message(doc, shape, err);
    struct pt_reader r;

    if (rc < 0)
        return rc;
    pt_open(&r, doc, shape);
    rc = pt_ints(&r, "dim", 1, GEOMETRY_MAX, dims, 4, &count, err);
    if (rc >= 0)
        rc = pt_close(&r, NULL, err);
    if (rc < 0)
        return rc;
    if (count != 4)
        return pt_error(doc, shape, err, "%d dimensions; images have four: number, channels, height, width",
                        count);
    out->u.data.batch_size = dims[0];
    out->u.data.channels = dims[1];
    out->u.data.height = dims[2];
    out->u.data.width = dims[3];
    return 0;
}

/* input_param { shape { … } }: the images' shape; that of the labels, if given, is not looked at. */
static int read_input_param(struct reading *in, bool *given)
{
    struct pt_field *shape = NULL, *second;
    struct pt_reader r;
    int rc = pt_message(&in->r, "input_param", &r, in->err);

    *given = false;
    if (rc <= 0)
        return rc;
    if (pt_next(&r, "shape", &shape)) {
        rc = spec_read_shape(in->layer, in->doc, shape, in->err);
        if (rc < 0)
            return rc;
        *given = true;
        second = shape;
        while (pt_next(&r, "shape", &second))
            continue;
    }
    return pt_close(&r, NULL, in->err);
}

static int read_data(struct reading *in)
{
    static const char *const unsupported[] = {
        "rand_skip", "scale", "mean_file", "crop_size", "mirror", "force_encoded_color", NULL};
    static const char *const why = "the images come from the data set that is chosen at the start";
    struct layer_spec *l = in->layer;
    struct pt_reader r;
    bool shape;
    int batch = 0, rc = pt_message(&in->r, "data_param", &r, in->err);

    if (rc > 0) {
        rc = pt_int(&r, "batch_size", 1, GEOMETRY_MAX, &batch, in->err);
        no_effect(in, &r, "source", SAID_SOURCE, why);
        no_effect(in, &r, "backend", SAID_SOURCE, why);
        no_effect(in, &r, "prefetch", SAID_SOURCE, why);
        if (rc >= 0)
            rc = pt_close(&r, unsupported, in->err);
    }
    if (rc >= 0)
        rc = read_transform(in, &l->u.data.transform);
    if (rc >= 0)
        rc = read_input_param(in, &shape);
    if (rc >= 0 && batch)
        l->u.data.batch_size = batch;
    return rc < 0 ? rc : 0;
}

static int read_input(struct reading *in)
{
    bool given;
    int rc = read_transform(in, &in->layer->u.data.transform);

    if (rc >= 0)
        rc = read_input_param(in, &given);
    if (rc < 0)
        return rc;
    if (!given)
        return pt_error(in->doc, in->field, in->err,
                        "an Input layer needs 'input_param { shape { dim: … } }'");
    return 0;
}

/* ------------------------------------------------------------------ the table of layers */

static const struct layer_type {
    const char *name; /* of `type:` */
    int (*read)(struct reading *in);
    int bottoms, min_tops, max_tops;
    bool weights;
} k_types[] = {
    [LAYER_DATA] = {"Data", read_data, 0, 1, 2, false},
    [LAYER_INPUT] = {"Input", read_input, 0, 1, 2, false},
    [LAYER_CONVOLUTION] = {"Convolution", read_convolution, 1, 1, 1, true},
    [LAYER_POOLING] = {"Pooling", read_pooling, 1, 1, 1, false},
    [LAYER_RELU] = {"ReLU", read_relu, 1, 1, 1, false},
    [LAYER_LRN] = {"LRN", read_lrn, 1, 1, 1, false},
    [LAYER_INNER_PRODUCT] = {"InnerProduct", read_dense, 1, 1, 1, true},
    [LAYER_DROPOUT] = {"Dropout", read_dropout, 1, 1, 1, false},
    [LAYER_SOFTMAX_LOSS] = {"SoftmaxWithLoss", read_softmax_loss, 2, 0, 1, false},
    [LAYER_ACCURACY] = {"Accuracy", read_accuracy, 2, 1, 1, false},
};

const char *spec_layer_type(enum layer_kind kind)
{
    return k_types[kind].name;
}

static int read_type(struct reading *in)
{
    const char *names[MEM_COUNT(k_types) + 1] = {0}, *type = NULL, *nearest;
    int rc = pt_text(&in->r, "type", &type, in->err);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return pt_error(in->doc, in->field, in->err, "the layer has no 'type'");
    for (size_t i = 0; i < MEM_COUNT(k_types); i++) {
        names[i] = k_types[i].name;
        if (strcmp(type, names[i]) == 0) {
            in->layer->kind = (enum layer_kind)i;
            return 0;
        }
    }
    nearest = str_nearest(type, names);
    if (nearest)
        return pt_error(in->doc, in->field, in->err, "unknown layer type '%.60s': did you mean '%s'?", type,
                        nearest);
    return pt_error(
        in->doc, in->field, in->err,
        "layer type '%.60s' is not supported; there are Data, Input, Convolution, Pooling, ReLU, LRN, "
        "InnerProduct, Dropout, SoftmaxWithLoss and Accuracy",
        type);
}

/* ------------------------------------------------------------------ what all layers have */

static int read_blobs(struct reading *in, const char *field_name, char names[4][SPEC_NAME], int *count)
{
    int rc;

    for (struct pt_field *f = NULL; pt_next(&in->r, field_name, &f); (*count)++) {
        if (*count == 4)
            return pt_error(in->doc, f, in->err, "more than 4 '%s' of one layer", field_name);
        rc = spec_read_name(names[*count], SPEC_NAME, in->doc, f, in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* include or exclude { phase: … }: the phases that the rules name together. */
static int read_rules(struct reading *in, const char *name, unsigned *phases, bool *given)
{
    static const char *const words[] = {"TRAIN", "TEST", NULL};
    static const char *const unsupported[] = {"min_level", "max_level", "stage", "not_stage", NULL};
    struct pt_reader r;
    int phase, rc;

    *phases = 0;
    *given = false;
    for (struct pt_field *f = NULL; pt_next(&in->r, name, &f);) {
        rc = pt_value_message(in->doc, f, in->err);
        if (rc < 0)
            return rc;
        pt_open(&r, in->doc, f);
        rc = pt_word(&r, "phase", words, &phase, in->err);
        if (rc < 0)
            return rc;
        *phases |= rc == 0 ? (unsigned)(PHASE_TRAIN | PHASE_TEST) : phase == 0 ? PHASE_TRAIN : PHASE_TEST;
        *given = true;
        rc = pt_close(&r, unsupported, in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_phases(struct reading *in)
{
    unsigned included, excluded;
    bool has_include, has_exclude;
    int rc = read_rules(in, "include", &included, &has_include);

    if (rc >= 0)
        rc = read_rules(in, "exclude", &excluded, &has_exclude);
    if (rc < 0)
        return rc;
    if (has_include && has_exclude)
        return pt_error(in->doc, in->field, in->err, "a layer has 'include' or 'exclude', not both");
    in->layer->phases = PHASE_TRAIN | PHASE_TEST;
    if (has_include)
        in->layer->phases = included;
    if (has_exclude)
        in->layer->phases &= ~excluded;
    return 0;
}

/* param { lr_mult decay_mult }, first for the weights, then for the biases. */
static int read_params(struct reading *in)
{
    static const char *const unsupported[] = {"name", "share_mode", NULL};
    struct layer_spec *l = in->layer;
    int limit = k_types[l->kind].weights ? 1 + l->bias_term : 0, n = 0, rc;
    struct pt_reader r;

    l->param[0] = l->param[1] = (struct param_spec){1.0, 1.0};
    for (struct pt_field *f = NULL; pt_next(&in->r, "param", &f); n++) {
        if (n == limit)
            return pt_error(in->doc, f, in->err, "%d 'param', but this layer has %d parameters", n + 1,
                            limit);
        rc = pt_value_message(in->doc, f, in->err);
        if (rc < 0)
            return rc;
        pt_open(&r, in->doc, f);
        rc = pt_double(&r, "lr_mult", 0.0, 1e6, &l->param[n].lr_mult, in->err);
        if (rc >= 0)
            rc = pt_double(&r, "decay_mult", 0.0, 1e6, &l->param[n].decay_mult, in->err);
        if (rc >= 0)
            rc = pt_close(&r, unsupported, in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    struct spec_said *said, struct clr_error *err)
{
    struct reading in = {.layer = out, .doc = doc, .field = field, .said = said, .err = err};
    const struct layer_type *type;
    struct pt_field *name = NULL, *second;
    int rc = pt_value_message(doc, field, err);

    if (rc < 0)
        return rc;
    pt_open(&in.r, doc, field);
    out->line = field->line;
    if (!pt_next(&in.r, "name", &name))
        return pt_error(doc, field, err, "the layer has no 'name'");
    second = name;
    if (pt_next(&in.r, "name", &second))
        return pt_error(doc, second, err, "field 'name' is given twice (first in line %d)", name->line);
    rc = spec_read_name(out->name, SPEC_NAME, doc, name, err);
    if (rc < 0 || (rc = read_type(&in)) < 0)
        return rc;
    type = &k_types[out->kind];
    if ((rc = read_blobs(&in, "bottom", out->bottom, &out->bottom_count)) < 0 ||
        (rc = read_blobs(&in, "top", out->top, &out->top_count)) < 0 || (rc = read_phases(&in)) < 0 ||
        (rc = type->read(&in)) < 0 || (rc = read_params(&in)) < 0 ||
        (rc = pt_close(&in.r, k_layer_fields, err)) < 0)
        return rc;
    if (out->bottom_count != type->bottoms)
        return pt_error(doc, field, err, "layer '%s' has %d 'bottom'; a %s layer has %d", out->name,
                        out->bottom_count, type->name, type->bottoms);
    if (out->top_count < type->min_tops || out->top_count > type->max_tops)
        return pt_error(doc, field, err, "layer '%s' has %d 'top'; a %s layer has %d%s", out->name,
                        out->top_count, type->name, type->max_tops,
                        type->min_tops < type->max_tops ? " or fewer" : "");
    return 0;
}
