/*
 * The old formats of nets: see upgrade.h. Names, numbers and rules are those of caffe.proto
 * (V1LayerParameter, V0LayerParameter) and of Caffe's own translation (src/caffe/util/upgrade_proto.cpp).
 */
#include "net/upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

/* ------------------------------------------------------------------ names */

struct old_type {
    const char *now, *v1, *v0; /* v0 NULL: V0 has not this type */
    int number;                /* in V1's enum */
    const char *block;         /* where fields of V0's layer are now; NULL: it has none of its own */
};

static const struct old_type types[] = {
    {"AbsVal", "ABSVAL", NULL, 35, NULL},
    {"Accuracy", "ACCURACY", "accuracy", 1, NULL},
    {"ArgMax", "ARGMAX", NULL, 30, NULL},
    {"BNLL", "BNLL", "bnll", 2, NULL},
    {"Concat", "CONCAT", "concat", 3, "concat_param"},
    {"ContrastiveLoss", "CONTRASTIVE_LOSS", NULL, 37, NULL},
    {"Convolution", "CONVOLUTION", "conv", 4, "convolution_param"},
    {"Data", "DATA", "data", 5, "data_param"},
    {"Deconvolution", "DECONVOLUTION", NULL, 39, NULL},
    {"Dropout", "DROPOUT", "dropout", 6, "dropout_param"},
    {"DummyData", "DUMMY_DATA", NULL, 32, NULL},
    {"Eltwise", "ELTWISE", NULL, 25, NULL},
    {"EuclideanLoss", "EUCLIDEAN_LOSS", "euclidean_loss", 7, NULL},
    {"Exp", "EXP", NULL, 38, NULL},
    {"Flatten", "FLATTEN", "flatten", 8, NULL},
    {"HDF5Data", "HDF5_DATA", "hdf5_data", 9, "hdf5_data_param"},
    {"HDF5Output", "HDF5_OUTPUT", "hdf5_output", 10, NULL},
    {"HingeLoss", "HINGE_LOSS", NULL, 28, NULL},
    {"Im2col", "IM2COL", "im2col", 11, NULL},
    {"ImageData", "IMAGE_DATA", "images", 12, "image_data_param"},
    {"InfogainLoss", "INFOGAIN_LOSS", "infogain_loss", 13, "infogain_loss_param"},
    {"InnerProduct", "INNER_PRODUCT", "innerproduct", 14, "inner_product_param"},
    {"LRN", "LRN", "lrn", 15, "lrn_param"},
    {"MemoryData", "MEMORY_DATA", NULL, 29, NULL},
    {"MultinomialLogisticLoss", "MULTINOMIAL_LOGISTIC_LOSS", "multinomial_logistic_loss", 16, NULL},
    {"MVN", "MVN", NULL, 34, NULL},
    {"Pooling", "POOLING", "pool", 17, "pooling_param"},
    {"Power", "POWER", NULL, 26, NULL},
    {"ReLU", "RELU", "relu", 18, NULL},
    {"Sigmoid", "SIGMOID", "sigmoid", 19, NULL},
    {"SigmoidCrossEntropyLoss", "SIGMOID_CROSS_ENTROPY_LOSS", NULL, 27, NULL},
    {"Silence", "SILENCE", NULL, 36, NULL},
    {"Slice", "SLICE", NULL, 33, NULL},
    {"Softmax", "SOFTMAX", "softmax", 20, NULL},
    {"SoftmaxWithLoss", "SOFTMAX_LOSS", "softmax_loss", 21, NULL},
    {"Split", "SPLIT", "split", 22, NULL},
    {"TanH", "TANH", "tanh", 23, NULL},
    {"Threshold", "THRESHOLD", NULL, 31, NULL},
    {"WindowData", "WINDOW_DATA", "window_data", 24, "window_data_param"},
};

/* V0's own layer of zeros, and what can take it over. */
static const struct old_type padding = {.now = "", .v0 = "padding"};
#define TAKES_PADDING(type) (strcmp((type)->now, "Convolution") == 0 || strcmp((type)->now, "Pooling") == 0)

/* Fields with a value for each parameter of a layer, which are blocks `param` now. */
static const char *const of_params[][2] = {{"blobs_lr", "lr_mult"},
                                           {"weight_decay", "decay_mult"},
                                           {"param", "name"},
                                           {"blob_share_mode", "share_mode"}};

/* Fields of V0's layer that have another name now. */
static const char *const renamed[][2] = {{"biasterm", "bias_term"},   {"kernelsize", "kernel_size"},
                                         {"batchsize", "batch_size"}, {"meanfile", "mean_file"},
                                         {"cropsize", "crop_size"},   {"shuffle_images", "shuffle"}};

const char *const upgrade_old_fields[] = {"blobs_lr", "weight_decay", "kernelsize",
                                          "biasterm", "batchsize",    NULL};

/* Fields of layers of data that are in transform_param now. */
static const char *const of_transform[] = {"scale", "mean_file", "crop_size", "mirror", NULL};
#define HAS_TRANSFORM(type) (strcmp((type)->now, "Data") == 0 || strcmp((type)->now, "ImageData") == 0)

/* ------------------------------------------------------------------ one layer */

#define TRANSFORM "transform_param"

struct old_layer {
    struct prototxt *doc;
    size_t layer;  /* number of its `layers` */
    size_t inside; /* of V0: of the `layer` in it; 0: V1 */
    const struct old_type *type;
    size_t param[OP_PARAMS]; /* its blocks; 0: not there yet */
    size_t own, transform;   /* type->block and transform_param; 0: not there yet */
    struct clr_error *err;
};

static struct pt_field *field_at(const struct old_layer *l, size_t number)
{
    return &l->doc->fields[number];
}

/* The last field of that name in a message; 0: there is none. */
static size_t find(const struct prototxt *doc, size_t message, const char *name)
{
    size_t found = 0;

    for (size_t i = doc->fields[message].first; i; i = doc->fields[i].next)
        if (strcmp(doc->fields[i].name, name) == 0)
            found = i;
    return found;
}

/* Take the fields out of a message: the first of a chain. */
static size_t take(const struct old_layer *l, size_t message)
{
    struct pt_field *m = field_at(l, message);
    const size_t first = m->first;

    m->first = m->last = 0;
    return first;
}

static int unknown_type(struct old_layer *l, const struct pt_field *field)
{
    const char *names[MEM_COUNT(types) + 1] = {NULL};
    char known[STR_KNOWN];
    size_t n = 0;

    for (size_t i = 0; i < MEM_COUNT(types); i++)
        if (!l->inside || types[i].v0)
            names[n++] = l->inside ? types[i].v0 : types[i].v1;
    return pt_error(l->doc, field, l->err, "unknown layer type '%.60s'%s", field->text,
                    str_known(known, field->text, names));
}

/* Write today's name into `type`. */
static int upgrade_type(struct old_layer *l)
{
    const size_t number = find(l->doc, l->inside ? l->inside : l->layer, "type");
    struct pt_field *field = field_at(l, number);
    int value = -1;

    if (!number)
        return pt_error(l->doc, field_at(l, l->layer), l->err, "the layer has no 'type'");
    if (!field->text || field->quoted != (l->inside != 0))
        return pt_error(l->doc, field, l->err, "field 'type' takes %s",
                        l->inside ? "a string in quotes, such as \"conv\""
                                  : "a word without quotes in 'layers', such as CONVOLUTION");
    (void)(!l->inside && str_parse_int(field->text, 0, 99, &value));
    for (size_t i = 0; i < MEM_COUNT(types) && !l->type; i++) {
        const char *name = l->inside ? types[i].v0 : types[i].v1;
        if (types[i].number == value || (name && strcmp(name, field->text) == 0))
            l->type = &types[i];
    }
    if (l->inside && strcmp(field->text, padding.v0) == 0)
        l->type = &padding;
    if (!l->type)
        return unknown_type(l, field);
    field->text = l->type->now;
    field->quoted = true;
    return 0;
}

/* Move a field into a block of the layer, which is made where it is not there yet. */
static int move_into(struct old_layer *l, size_t *block, const char *block_name, size_t field,
                     const char *name)
{
    int rc = *block ? 0 : pt_add(l->doc, l->layer, block_name, field, block, l->err);

    if (rc == 0)
        pt_move(l->doc, *block, field, name);
    return rc;
}

/* One of of_params[]: the value of parameter *n, which it counts. */
static int upgrade_param(struct old_layer *l, size_t field, const char *name, int *n)
{
    const int k = (*n)++;
    int rc = 0;

    if (k >= OP_PARAMS)
        return pt_error(l->doc, field_at(l, field), l->err, "field '%s' is given more than %d times",
                        field_at(l, field)->name, OP_PARAMS);
    for (int i = 0; i < k && rc == 0; i++) /* params count from the first */
        if (!l->param[i])
            rc = pt_add(l->doc, l->layer, "param", field, &l->param[i], l->err);
    if (rc < 0 || (strcmp(name, "name") == 0 && !field_at(l, field)->text[0]))
        return rc; /* `param: ""` is a parameter without a name */
    return move_into(l, &l->param[k], "param", field, name);
}

/* A field of V0's layer, but for its parameters'. */
static int upgrade_inside(struct old_layer *l, size_t field)
{
    const char *name = field_at(l, field)->name;

    for (size_t i = 0; i < MEM_COUNT(renamed); i++)
        name = strcmp(name, renamed[i][0]) == 0 ? renamed[i][1] : name;
    if (HAS_TRANSFORM(l->type) && str_index(name, of_transform) >= 0)
        return move_into(l, &l->transform, TRANSFORM, field, name);
    if (l->type->block && strcmp(name, "name") != 0 && strcmp(name, "type") != 0)
        return move_into(l, &l->own, l->type->block, field, name);
    pt_move(l->doc, l->layer, field, name);
    return 0;
}

/* Fields of V1's data_param, or image_data_param, that are in transform_param now. */
static int upgrade_data(struct old_layer *l, size_t data)
{
    int rc = 0;

    for (size_t i = take(l, data), next; i; i = next) {
        const char *name = field_at(l, i)->name;
        next = field_at(l, i)->next;
        if (rc == 0 && str_index(name, of_transform) >= 0)
            rc = move_into(l, &l->transform, TRANSFORM, i, name);
        else
            pt_move(l->doc, data, i, name);
    }
    return rc;
}

/* The fields of a message, to their places now. */
static int upgrade_fields(struct old_layer *l, size_t message)
{
    int count[MEM_COUNT(of_params)] = {0}, rc = 0;

    for (size_t i = take(l, message), next; i; i = next) {
        const char *name = field_at(l, i)->name;
        size_t k = 0;
        next = field_at(l, i)->next;
        while (k < MEM_COUNT(of_params) && (!field_at(l, i)->text || strcmp(name, of_params[k][0]) != 0))
            k++;
        if (k < MEM_COUNT(of_params) && rc == 0)
            rc = upgrade_param(l, i, of_params[k][1], &count[k]);
        else if (message == l->inside && rc == 0)
            rc = upgrade_inside(l, i);
        else if (i != l->inside)
            pt_move(l->doc, l->layer, i, name);
    }
    return rc;
}

static int upgrade_layer(struct old_layer *l)
{
    int rc = pt_value_message(l->doc, field_at(l, l->layer), l->err);
    size_t data;

    if (rc == 0)
        l->inside = find(l->doc, l->layer, "layer");
    if (rc == 0 && l->inside)
        rc = pt_value_message(l->doc, field_at(l, l->inside), l->err);
    if (rc == 0)
        rc = upgrade_type(l);
    if (rc < 0)
        return rc;
    l->transform = find(l->doc, l->layer, TRANSFORM);
    rc = upgrade_fields(l, l->layer);
    if (rc == 0 && l->inside)
        rc = upgrade_fields(l, l->inside);
    data = HAS_TRANSFORM(l->type) ? find(l->doc, l->layer, l->type->block) : 0;
    if (rc == 0 && !l->inside && data && !field_at(l, data)->text)
        rc = upgrade_data(l, data);
    return rc;
}

/* ------------------------------------------------------------------ padding */

struct pad {
    const char *top, *bottom; /* top NULL: another layer has written it since */
    size_t field;             /* its `pad`; 0: not given, it is 0 */
    int line;
};

struct pads {
    struct pad *list;
    size_t count, capacity;
};

/* The padding layer that makes the value of that name; NULL: none does. */
static struct pad *find_pad(const struct pads *pads, const char *name)
{
    for (size_t i = pads->count; i > 0; i--)
        if (pads->list[i - 1].top && strcmp(pads->list[i - 1].top, name) == 0)
            return &pads->list[i - 1];
    return NULL;
}

static const char *text_of(const struct old_layer *l, const char *name)
{
    const size_t i = find(l->doc, l->layer, name);

    return i && field_at(l, i)->text ? field_at(l, i)->text : "";
}

/* A layer of type padding is no layer now. */
static int add_pad(struct pads *pads, struct old_layer *l)
{
    struct pad pad = {.top = text_of(l, "top"), .bottom = text_of(l, "bottom")};
    const struct pad *before = find_pad(pads, pad.bottom);
    struct pt_field *name, *field = field_at(l, l->layer);
    struct pt_reader r;
    int ignored, rc;

    pad.field = find(l->doc, l->layer, "pad");
    pad.line = field->line;
    field->name = padding.v0;
    field->read = true;
    pt_open(&r, l->doc, field);
    (void)pt_only(&r, "name", &name, l->err);
    (void)pt_only(&r, "type", &name, l->err);
    (void)pt_only(&r, "bottom", &name, l->err);
    (void)pt_only(&r, "top", &name, l->err);
    (void)pt_int(&r, "pad", 0, GEOMETRY_MAX, &ignored, l->err);
    rc = pt_close(&r, NULL, l->err);
    if (rc == 0 && before)
        rc = pt_error(l->doc, field, l->err, "its bottom '%.60s' is padded in line %d already", pad.bottom,
                      before->line);
    if (rc == 0)
        rc = mem_grow(&pads->list, &pads->capacity, pads->count + 1, sizeof *pads->list, "padding layers",
                      l->err);
    if (rc >= 0)
        pads->list[pads->count++] = pad;
    return rc < 0 ? rc : 0;
}

/* Bottom `bottom` of a layer is a padding layer's top: the layer reads what that one read, and pads it. */
static int take_pad(struct old_layer *l, const struct pad *pad, size_t bottom)
{
    size_t own = l->type->block ? find(l->doc, l->layer, l->type->block) : 0, number;
    int rc = 0;

    if (!TAKES_PADDING(l->type))
        return pt_error(
            l->doc, field_at(l, l->layer), l->err,
            "its bottom '%.60s' is made by the padding layer in line %d, which only conv and pool "
            "can read",
            pad->top, pad->line);
    if (own && find(l->doc, own, "pad"))
        return pt_error(l->doc, field_at(l, find(l->doc, own, "pad")), l->err,
                        "'pad' is given here and by the padding layer in line %d", pad->line);
    field_at(l, bottom)->text = pad->bottom;
    if (pad->field && !own)
        rc = pt_add(l->doc, l->layer, l->type->block, pad->field, &own, l->err);
    if (pad->field && rc == 0)
        rc = pt_add(l->doc, own, "pad", pad->field, &number, l->err);
    if (pad->field && rc == 0)
        field_at(l, number)->text = field_at(l, pad->field)->text;
    return rc;
}

static int take_pads(struct pads *pads, struct old_layer *l)
{
    struct pad *pad;
    int rc = 0;

    for (size_t i = field_at(l, l->layer)->first; i && rc == 0; i = field_at(l, i)->next) {
        const struct pt_field *f = field_at(l, i);
        if (f->text && strcmp(f->name, "bottom") == 0 && (pad = find_pad(pads, f->text)) != NULL)
            rc = take_pad(l, pad, i);
    }
    for (size_t i = field_at(l, l->layer)->first; i && rc == 0; i = field_at(l, i)->next) {
        const struct pt_field *f = field_at(l, i);
        if (f->text && strcmp(f->name, "top") == 0 && (pad = find_pad(pads, f->text)) != NULL)
            pad->top = NULL;
    }
    return rc;
}

/* ------------------------------------------------------------------ a net */

int upgrade_net(struct prototxt *doc, size_t net, struct clr_error *err)
{
    const size_t old = find(doc, net, "layers"), present = find(doc, net, "layer");
    struct pads pads = {0};
    int rc, first = 0;

    if (old && present)
        return pt_error(
            doc, &doc->fields[present], err,
            "'layer' is the present format, 'layers' (line %d) an old one: a file has one of them",
            doc->fields[old].line);
    for (size_t i = doc->fields[net].first; i; i = doc->fields[i].next) {
        struct old_layer l = {.doc = doc, .layer = i, .err = err};
        if (strcmp(doc->fields[i].name, "layers") != 0)
            continue;
        rc = upgrade_layer(&l);
        doc->fields[i].name = "layer";
        doc->fields[i].written = "layers";
        if (rc == 0)
            rc = l.type == &padding ? add_pad(&pads, &l) : take_pads(&pads, &l);
        first = first == 0 ? rc : first;
        if (rc < 0 && rc != CLR_EINPUT)
            break;
    }
    free(pads.list);
    return first;
}
