/*
 * The table of layers, and of one layer of a prototxt file what all have. What only some have is read in
 * their own files. Field names, defaults and rules are Caffe's (caffe.proto and the layers' LayerSetUp);
 * where Caffe silently ignores a field, this is an error or a line in the log.
 */
#include "net/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ROW(name) extern const struct layer_class layer_##name;
#include "net/layers.h"
#undef ROW

const struct layer_class *const layer_classes[] = {
#define ROW(name) &layer_##name,
#include "net/layers.h"
#undef ROW
};

const size_t layer_class_count = MEM_COUNT(layer_classes);

/* Fields of LayerParameter that exist and that this layer (or this program) has no use for. */
/* clang-format off */
static const char *const k_layer_fields[] = {
    "phase", "loss_weight", "blobs", "propagate_down", "transform_param", "loss_param", "accuracy_param",
    "argmax_param", "batch_norm_param", "bias_param", "clip_param", "concat_param",
    "contrastive_loss_param", "convolution_param", "crop_param", "data_param", "dropout_param",
    "dummy_data_param", "eltwise_param", "elu_param", "embed_param", "exp_param", "flatten_param",
    "hdf5_data_param", "hdf5_output_param", "hinge_loss_param", "image_data_param", "infogain_loss_param",
    "inner_product_param", "input_param", "log_param", "lrn_param", "memory_data_param", "mvn_param",
    "parameter_param", "pooling_param", "power_param", "prelu_param", "python_param", "recurrent_param",
    "reduction_param", "relu_param", "reshape_param", "scale_param", "sigmoid_param", "softmax_param",
    "spp_param", "slice_param", "swish_param", "tanh_param", "threshold_param", "tile_param",
    "window_data_param", NULL,
};
/* clang-format on */

/* ------------------------------------------------------------------ for all readers */

/* True the first time for each topic of a file. */
bool spec_first_time(struct layer_reading *in, enum spec_topic topic)
{
    unsigned bit = 1u << topic;
    bool first = !(in->said->topics & bit);

    in->said->topics |= bit;
    return first;
}

/* Skips fields that have no effect here; logs that once for a file. */
void spec_no_effect(struct layer_reading *in, struct pt_reader *r, const char *name, enum spec_topic topic,
                    const char *why)
{
    struct pt_field *field = NULL;

    while (r->rc == 0 && pt_next(r, name, &field)) {
        if (spec_first_time(in, topic))
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect here: %s", in->doc->file, field->line, name,
                     why);
    }
}

/* Fields that are read only to insist on Caffe's default: another value is not supported. */
void spec_only_int(struct layer_reading *in, struct pt_reader *r, const char *name, int wanted)
{
    int value = wanted;

    if (pt_int(r, name, -1000000, 1000000, &value, in->err) > 0 && value != wanted)
        r->rc = pt_error(in->doc, r->message, in->err, "field '%s' is %d; only %d is supported", name, value,
                         wanted);
}

void spec_only_false(struct layer_reading *in, struct pt_reader *r, const char *name)
{
    bool value = false;

    if (pt_bool(r, name, &value, in->err) > 0 && value)
        r->rc = pt_error(in->doc, r->message, in->err, "field '%s' is not supported (only false is)", name);
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
        if (str_control(&text[i]))
            return pt_error(doc, field, err, "field '%s' has a control character in it", field->name);
    }
    if (!str_is_utf8(text)) /* the weights file could not be written in the end */
        return pt_error(doc, field, err, "field '%s' is not UTF-8", field->name);
    str_copy(out, limit, text);
    return 0;
}

/* engine: which of Caffe's implementations; ours are chosen elsewhere. */
void spec_read_engine(struct layer_reading *in, struct pt_reader *r)
{
    static const char *const engines[] = {"DEFAULT", "CAFFE", "CUDNN", NULL};
    int engine;

    if (pt_word(r, "engine", engines, &engine, in->err) > 0)
        spec_no_effect(in, r, "engine", SAID_ENGINE, "the table of variants chooses the algorithm");
}

/* The layer lacks its own block, or the block's name is misspelled. */
int spec_missing_block(struct layer_reading *in, const char *name)
{
    int rc;

    for (struct pt_field *f = NULL; pt_next(&in->r, "param", &f);)
        continue; /* would have been read later */
    rc = pt_close(&in->r, k_layer_fields, in->err);
    return rc < 0 ? rc
                  : pt_error(in->doc, in->field, in->err, "layer '%s' has no '%s'", in->layer->name, name);
}

/* ------------------------------------------------------------------ the type */

static int unknown_type(struct layer_reading *in, const char *type)
{
    const char **names = NULL;
    char known[STR_KNOWN];
    int rc = mem_new(&names, layer_class_count + 1, sizeof *names, "names of layers", in->err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < layer_class_count; i++)
        names[i] = layer_classes[i]->type;
    rc = pt_error(in->doc, in->field, in->err, "unknown layer type '%.60s'%s", type,
                  str_known(known, type, names));
    free(names);
    return rc;
}

static int read_type(struct layer_reading *in)
{
    const char *type = NULL;
    int rc = pt_text(&in->r, "type", &type, in->err);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return pt_error(in->doc, in->field, in->err, "the layer has no 'type'");
    for (size_t i = 0; i < layer_class_count && !in->layer->class; i++)
        if (strcmp(type, layer_classes[i]->type) == 0)
            in->layer->class = layer_classes[i];
    return in->layer->class ? 0 : unknown_type(in, type);
}

/* ------------------------------------------------------------------ what all layers have */

static int read_blobs(struct layer_reading *in, const char *field_name, char names[OP_MOST][SPEC_NAME],
                      int *count)
{
    int rc;

    for (struct pt_field *f = NULL; pt_next(&in->r, field_name, &f); (*count)++) {
        if (*count == OP_MOST)
            return pt_error(in->doc, f, in->err, "more than %d '%s' of one layer", OP_MOST, field_name);
        rc = spec_read_name(names[*count], SPEC_NAME, in->doc, f, in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* include or exclude { phase: … }: the phases that the rules name together. */
static int read_rules(struct layer_reading *in, const char *name, unsigned *phases, bool *given)
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

static int read_phases(struct layer_reading *in)
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

/* param { name lr_mult decay_mult }, first for the weights, then for the biases. */
static int read_params(struct layer_reading *in)
{
    static const char *const unsupported[] = {"share_mode", NULL};
    struct layer_spec *l = in->layer;
    int limit = l->class->flags & LAYER_WEIGHTS ? 1 + l->desc.bias : 0, n = 0, rc;
    char parameters[STR_COUNT];
    struct pt_reader r;

    for (int k = 0; k < OP_PARAMS; k++)
        l->param[k] = (struct param_spec){.lr_mult = 1.0, .decay_mult = 1.0};
    for (struct pt_field *f = NULL, *name; pt_next(&in->r, "param", &f); n++) {
        name = NULL;
        if (n == limit)
            return pt_error(in->doc, f, in->err, "%d 'param', but this layer has %s", n + 1,
                            str_count(parameters, (uint64_t)limit, "parameter"));
        rc = pt_value_message(in->doc, f, in->err);
        if (rc < 0)
            return rc;
        pt_open(&r, in->doc, f);
        l->param[n].gives_lr_mult = pt_double(&r, "lr_mult", 0.0, 1e6, &l->param[n].lr_mult, in->err) > 0;
        l->param[n].gives_decay_mult =
            pt_double(&r, "decay_mult", 0.0, 1e6, &l->param[n].decay_mult, in->err) > 0;
        if (r.rc == 0 && pt_next(&r, "name", &name))
            r.rc = spec_read_name(l->param[n].name, SPEC_NAME, in->doc, name, in->err);
        rc = pt_close(&r, unsupported, in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    struct spec_said *said, struct clr_error *err)
{
    struct layer_reading in = {.layer = out, .doc = doc, .field = field, .said = said, .err = err};
    const struct layer_class *class;
    struct pt_field *name;
    int least, most;
    bool more;
    int rc = pt_value_message(doc, field, err);

    if (rc < 0)
        return rc;
    pt_open(&in.r, doc, field);
    out->line = field->line;
    rc = pt_only(&in.r, "name", &name, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return pt_error(doc, field, err, "the layer has no 'name'");
    rc = spec_read_name(out->name, SPEC_NAME, doc, name, err);
    if (rc < 0 || (rc = read_type(&in)) < 0)
        return rc;
    class = out->class;
    if ((rc = read_blobs(&in, "bottom", out->bottom, &out->bottom_count)) < 0 ||
        (rc = read_blobs(&in, "top", out->top, &out->top_count)) < 0 || (rc = read_phases(&in)) < 0 ||
        (rc = class->read(&in)) < 0 || (rc = read_params(&in)) < 0 ||
        (rc = pt_close(&in.r, k_layer_fields, err)) < 0)
        return rc;
    more = class->flags & LAYER_MORE_BOTTOMS;
    if (out->bottom_count < class->bottoms || (out->bottom_count > class->bottoms && !more))
        return pt_error(doc, field, err, "layer '%s' has %d 'bottom'; a %s layer has %d%s", out->name,
                        out->bottom_count, class->type, class->bottoms, more ? " or more" : "");
    least = class->flags & LAYER_LOSS ? 0 : 1;
    most = class->flags & LAYER_SOURCE ? 2 : 1;
    if (out->top_count < least || out->top_count > most)
        return pt_error(doc, field, err, "layer '%s' has %d 'top'; a %s layer has %d%s", out->name,
                        out->top_count, class->type, most, least < most ? " or fewer" : "");
    return 0;
}
