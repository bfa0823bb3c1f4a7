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
#include "net/upgrade.h"
#include "ops/op_class.h"

#define ROW(name) extern const struct layer_class layer_##name;
#include "net/layers.h"
#undef ROW

const struct layer_class *const layer_classes[] = {
#define ROW(name) &layer_##name,
#include "net/layers.h"
#undef ROW
};

const size_t layer_class_count = MEM_COUNT(layer_classes);

const char *clr_net_layer_type(size_t i)
{
    return i < layer_class_count ? layer_classes[i]->type : NULL;
}

/* Fields of LayerParameter that a layer may not have, unless its type reads them. */
static const char *const unsupported_fields[] = {"phase", "loss_weight", "blobs", "propagate_down", NULL};

/* And those that belong to some types. In a layer of another one they have no effect, as in Caffe. */
/* clang-format off */
static const char *const fields_of_types[] = {
    "transform_param", "loss_param", "accuracy_param", "argmax_param", "batch_norm_param", "bias_param",
    "clip_param", "concat_param", "contrastive_loss_param", "convolution_param", "crop_param",
    "data_param", "dropout_param", "dummy_data_param", "eltwise_param", "elu_param", "embed_param",
    "exp_param", "flatten_param", "hdf5_data_param", "hdf5_output_param", "hinge_loss_param",
    "image_data_param", "infogain_loss_param", "inner_product_param", "input_param", "log_param",
    "lrn_param", "memory_data_param", "mvn_param", "parameter_param", "pooling_param", "power_param",
    "prelu_param", "python_param", "recurrent_param", "reduction_param", "relu_param", "reshape_param",
    "scale_param", "sigmoid_param", "softmax_param", "spp_param", "slice_param", "swish_param",
    "tanh_param", "threshold_param", "tile_param", "window_data_param", NULL,
};
/* clang-format on */

/* ------------------------------------------------------------------ for all readers */

void spec_no_effect(struct layer_reading *in, const struct pt_field *field, const char *why)
{
    struct spec_said *said = in->said;

    if (said->quiet)
        return;
    for (size_t i = 0; i < said->count; i++)
        if (strcmp(said->reasons[i], why) == 0)
            return;
    if (said->count < MEM_COUNT(said->reasons))
        said->reasons[said->count++] = why;
    log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect here: %s", in->doc->file, field->line,
             pt_written(field), why);
}

int spec_read_name(char *out, size_t limit, struct prototxt *doc, const struct pt_field *field,
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

/* ------------------------------------------------------------------ the type */

int layer_types(const char ***out, struct clr_error *err)
{
    const char **names;
    int rc = mem_new(&names, layer_class_count + 1, sizeof *names, "names of layers", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < layer_class_count; i++)
        names[i] = layer_classes[i]->type;
    *out = names;
    return 0;
}

/* One problem for each type that does not exist; the first lists those that do. */
static int unknown_type(struct layer_reading *in, const char *type)
{
    const char **names;
    char known[STR_KNOWN], what[96];
    int rc = layer_types(&names, in->err);

    if (rc < 0)
        return rc;
    (void)snprintf(what, sizeof what, "unknown layer type '%.60s'", type);
    rc = CLR_EINPUT;
    if (!strstr(str_text(&in->doc->problems), what))
        rc = pt_error(in->doc, in->field, in->err, "%s%s", what,
                      in->said->types && !str_nearest(type, names) ? "" : str_known(known, type, names));
    in->said->types = true;
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

/* ------------------------------------------------------------------ its own fields */

static void read_block(struct layer_reading *in, int i)
{
    const struct layer_block *block = &in->layer->class->blocks[i];
    struct pt_reader r;

    fields_default(block->fields, in->layer);
    if (!block->name) {
        (void)fields_read(in, &in->r, block->fields, in->layer);
    } else if (pt_message(&in->r, block->name, &r, in->err) > 0) {
        in->block[i] = r.message;
        (void)fields_read(in, &r, block->fields, in->layer);
        (void)pt_close(&r, NULL, in->err);
    }
}

static void read_blocks(struct layer_reading *in)
{
    for (int i = 0; i < LAYER_BLOCKS; i++)
        if (in->layer->class->blocks[i].fields)
            read_block(in, i);
}

/* ------------------------------------------------------------------ what all layers have */

/* Each of these adds what is wrong to the problems of the file, and reads the rest. */
static void read_blobs(struct layer_reading *in, const char *field_name, char names[OP_MOST][SPEC_NAME],
                       int *count)
{
    for (struct pt_field *f = NULL; pt_next(&in->r, field_name, &f);) {
        if (*count < OP_MOST)
            (void)spec_read_name(names[*count], SPEC_NAME, in->doc, f, in->err);
        else if (*count == OP_MOST)
            (void)pt_error(in->doc, f, in->err, "more than %d '%s' of one layer", OP_MOST, field_name);
        (*count)++;
    }
}

/* The phases in which one of the rules holds, `include` or `exclude`; *given: is there one? */
static unsigned read_rules(struct layer_reading *in, const char *name, bool *given)
{
    unsigned phases = 0;

    *given = false;
    for (struct pt_field *f = NULL; pt_next(&in->r, name, &f); *given = true)
        phases |= state_rule(in->states, in->doc, f, in->err);
    return phases;
}

static void read_phases(struct layer_reading *in)
{
    bool includes, excludes;
    const unsigned included = read_rules(in, "include", &includes),
                   excluded = read_rules(in, "exclude", &excludes);

    if (includes && excludes)
        (void)pt_error(in->doc, in->field, in->err, "a layer has 'include' or 'exclude', not both");
    in->layer->phases = (includes ? included : PHASE_TRAIN | PHASE_TEST) & ~excluded;
}

/* param { name lr_mult decay_mult }, first for the weights, then for the biases. */
static void read_param(struct layer_reading *in, struct pt_field *f, struct param_spec *param)
{
    static const char *const unsupported[] = {"share_mode", NULL};
    struct pt_field *name = NULL;
    struct pt_reader r;

    if (pt_value_message(in->doc, f, in->err) < 0)
        return;
    pt_open(&r, in->doc, f);
    param->gives_lr_mult = pt_double(&r, "lr_mult", 0.0, 1e6, &param->lr_mult, in->err) > 0;
    param->gives_decay_mult = pt_double(&r, "decay_mult", 0.0, 1e6, &param->decay_mult, in->err) > 0;
    if (pt_next(&r, "name", &name))
        (void)spec_read_name(param->name, SPEC_NAME, in->doc, name, in->err);
    (void)pt_close(&r, unsupported, in->err);
}

/*
 * A running statistic does not learn. As in Caffe, one `param` for each of them may have any rate, and is
 * taken as 0: files from before 2017 are so.
 */
static void check_state(struct layer_reading *in, struct pt_field *f, const struct param_spec *param,
                        bool all)
{
    if (param->name[0])
        (void)pt_error(in->doc, f, in->err, "a running statistic has no 'name': it cannot be shared");
    if (!all && param->lr_mult != 0.0)
        (void)pt_error(in->doc, f, in->err,
                       "'lr_mult' is %g for a running statistic, which does not learn: give 0, or no 'param'",
                       param->lr_mult);
}

int spec_params(struct op_param out[OP_PARAMS], const struct layer_spec *l)
{
    struct op_desc d = l->desc;

    d.kind = l->class->kind;
    return l->class->params ? op_params(out, &d) : 0;
}

static void read_params(struct layer_reading *in)
{
    struct layer_spec *l = in->layer;
    struct op_param params[OP_PARAMS];
    struct pt_field *given[OP_PARAMS];
    char parameters[STR_COUNT];
    const int limit = spec_params(params, l);
    int n = 0;

    for (int k = 0; k < OP_PARAMS; k++)
        l->param[k] = (struct param_spec){.lr_mult = 1.0, .decay_mult = 1.0};
    for (struct pt_field *f = NULL; pt_next(&in->r, "param", &f); n++) {
        if (n < limit) {
            given[n] = f;
            read_param(in, f, &l->param[n]);
        } else if (n == limit)
            (void)pt_error(in->doc, f, in->err, "%d 'param', but this layer has %s", n + 1,
                           str_count(parameters, (uint64_t)limit, "parameter"));
    }
    for (int k = 0; k < n && k < limit; k++)
        if (params[k].state)
            check_state(in, given[k], &l->param[k], n >= limit);
}

/* Blocks of other types. */
static void read_needless(struct layer_reading *in)
{
    for (const char *const *name = fields_of_types; *name; name++) {
        bool own = false;
        for (int i = 0; i < LAYER_BLOCKS; i++)
            own = own ||
                  (in->layer->class->blocks[i].name && strcmp(in->layer->class->blocks[i].name, *name) == 0);
        for (struct pt_field *f = NULL; !own && pt_refused(&in->r, *name, &f);)
            spec_no_effect(in, f, "layers of this type do not read it");
    }
}

/* Does it have as many bottoms and tops as its type? */
static void check_blobs(struct layer_reading *in)
{
    const struct layer_spec *l = in->layer;
    const struct layer_class *class = l->class;
    const bool more = class->flags & LAYER_MORE_BOTTOMS;
    const int least = class->flags & (LAYER_LOSS | LAYER_NO_TOP) ? 0 : 1,
              most = class->flags & LAYER_NO_TOP       ? 0
                     : class->flags & LAYER_MORE_TOPS  ? OP_MOST
                     : class->flags & LAYER_SECOND_TOP ? 2
                                                       : 1;

    if (l->bottom_count < class->bottoms || (l->bottom_count > class->bottoms && !more))
        (void)pt_error(in->doc, in->field, in->err, "layer '%s' has %d 'bottom'; type %s has %d%s", l->name,
                       l->bottom_count, class->type, class->bottoms, more ? " or more" : "");
    if (l->top_count < least || l->top_count > most)
        (void)pt_error(in->doc, in->field, in->err, "layer '%s' has %d 'top'; type %s has %d%s", l->name,
                       l->top_count, class->type, most, least < most ? " or fewer" : "");
}

int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    const struct net_states *states, struct spec_said *said, struct clr_error *err)
{
    struct layer_reading in = {
        .layer = out, .states = states, .doc = doc, .field = field, .said = said, .err = err};
    struct pt_field *name;
    int rc = pt_value_message(doc, field, err);

    if (rc < 0)
        return rc;
    pt_open(&in.r, doc, field);
    out->line = field->line;
    rc = pt_only(&in.r, "name", &name, err);
    if (rc > 0)
        (void)spec_read_name(out->name, SPEC_NAME, doc, name, err);
    read_phases(&in);
    if (out->phases == 0)
        return 0;
    rc = read_type(&in);
    if (rc < 0)
        return rc;
    read_blobs(&in, "bottom", out->bottom, &out->bottom_count);
    read_blobs(&in, "top", out->top, &out->top_count);
    read_blocks(&in);
    read_params(&in);
    check_blobs(&in);
    read_needless(&in);
    if (field->written) /* of an old format */
        pt_offer(&in.r, upgrade_old_fields);
    rc = pt_close(&in.r, unsupported_fields, err);
    if ((out->class->flags & LAYER_NEEDS_BLOCK) && !in.block[0])
        rc = pt_error(doc, field, err, "layer '%s' has no '%s'", out->name, out->class->blocks[0].name);
    return rc < 0 || !out->class->check ? rc : out->class->check(&in);
}
