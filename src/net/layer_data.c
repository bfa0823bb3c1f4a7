/* Where images come from: Data and Input layers, and what is done to the bytes (transform_param). */
#include "net/layer.h"

#include <stdlib.h>

#include "base/fs.h"

/* The shape of images: N,C,H,W of `dim:` fields. */
int spec_read_shape(struct layer_spec *out, struct prototxt *doc, struct pt_field *shape,
                    struct clr_error *err)
{
    int dims[4], count = 0, rc = pt_value_message(doc, shape, err);
    struct pt_reader r;

    if (rc < 0)
        return rc;
    pt_open(&r, doc, shape);
    pt_ints(&r, "dim", 1, GEOMETRY_MAX, dims, 4, &count, err);
    rc = pt_close(&r, NULL, err);
    if (rc < 0)
        return rc;
    if (count != 4)
        return pt_error(doc, shape, err, "%d dimensions; images have four: number, channels, height, width",
                        count);
    out->source.batch_size = dims[0];
    out->source.channels = dims[1];
    out->source.height = dims[2];
    out->source.width = dims[3];
    return 0;
}

/* input_param { shape { … } }: the images' shape; that of the labels, if given, is ignored. */
static int read_shapes(struct layer_reading *in, struct pt_reader *r)
{
    struct pt_field *shape = NULL, *second;
    int rc;

    if (!pt_next(r, "shape", &shape))
        return 0;
    rc = spec_read_shape(in->layer, in->doc, shape, in->err);
    second = shape;
    while (pt_next(r, "shape", &second))
        continue;
    return rc;
}

static int read_mean_file(struct layer_reading *in, struct pt_reader *r)
{
    struct transform_spec *t = &in->layer->source.transform;
    struct pt_field *field = NULL;
    const char *file;
    char *path = NULL;
    int mean, rc = pt_text(r, "mean_file", &file, in->err);

    if (rc <= 0)
        return rc;
    mean = str_index(file, clr_mean_names());
    t->mean = mean < 0 ? CLR_MEAN_IMAGE : (enum clr_mean)mean;
    if (mean >= 0)
        return 0;
    rc = in->said->files ? fs_find_named(&path, file, in->doc->file, in->err) : 0;
    if (rc == 0 && path && fs_exists(path) && !fs_is_dir(path)) {
        t->mean_file = path;
        return 0;
    }
    free(path);
    (void)pt_next(r, "mean_file", &field);
    if (rc == 0)
        spec_no_effect(in, field,
                       "there is no such file, and the mean image of the training set is subtracted");
    return rc;
}

static int read_mean_values(struct layer_reading *in, struct pt_reader *r)
{
    struct transform_spec *t = &in->layer->source.transform;
    struct pt_field *file = NULL;
    int rc = pt_doubles(r, "mean_value", -1e6, 1e6, t->mean_value, (int)MEM_COUNT(t->mean_value),
                        &t->mean_value_count, in->err);

    return rc == 0 && t->mean_value_count > 0 && pt_next(r, "mean_file", &file)
               ? pt_error(in->doc, r->message, in->err, "give 'mean_file' or 'mean_value', not both")
               : rc;
}

/* ------------------------------------------------------------------ the tables */

static const struct field input_fields[] = {
    {"shape", FIELD_OWN, "the shape of a batch of images", .read = read_shapes,
     .takes = "dim four times: number, channels, height, width"},
    {0},
};

#define FROM_DATA "images come from the data set that --data names"
#define BY_ORDER  "--order says in which order images are taken"
#define MOVED     "Caffe, too, reads it in transform_param only"
#define BATCH_SIZE                                                                                           \
    {                                                                                                        \
        "batch_size", FIELD_INT, "images of a training batch, unless --batch is given",                      \
            AT(source.batch_size), .least = 1, .most = GEOMETRY_MAX                                          \
    }
#define OLD_TRANSFORM                                                                                        \
    FIELD_PLAIN("scale", FIELD_UNUSED, MOVED), FIELD_PLAIN("mean_file", FIELD_UNUSED, MOVED),                \
        FIELD_PLAIN("crop_size", FIELD_UNUSED, MOVED), FIELD_PLAIN("mirror", FIELD_UNUSED, MOVED)

static const struct field data_fields[] = {
    BATCH_SIZE,
    FIELD_PLAIN("source", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("backend", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("prefetch", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("rand_skip", FIELD_UNUSED, BY_ORDER),
    OLD_TRANSFORM,
    FIELD_PLAIN("force_encoded_color", FIELD_UNSUPPORTED, "grey images as three channels"),
    {0},
};

static const struct field image_data_fields[] = {
    BATCH_SIZE,
    FIELD_PLAIN("source", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("root_folder", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("new_height", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("new_width", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("is_color", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("shuffle", FIELD_UNUSED, BY_ORDER),
    FIELD_PLAIN("rand_skip", FIELD_UNUSED, BY_ORDER),
    OLD_TRANSFORM,
    {0},
};

static const struct field hdf5_data_fields[] = {
    BATCH_SIZE,
    FIELD_PLAIN("source", FIELD_UNUSED, FROM_DATA),
    FIELD_PLAIN("shuffle", FIELD_UNUSED, BY_ORDER),
    {0},
};

#define SIZE(name, member, help_)                                                                            \
    {                                                                                                        \
        name, FIELD_INT, help_, AT(source.member), .required = true, .least = 1, .most = GEOMETRY_MAX        \
    }
static const struct field memory_data_fields[] = {
    BATCH_SIZE,
    SIZE("channels", channels, "of the images"),
    SIZE("height", height, "of the images"),
    SIZE("width", width, "of the images"),
    {0},
};

static const struct field transform_fields[] = {
    {"scale", FIELD_DOUBLE, "factor of byte - mean; 0.00392156862745098 is 1/255", AT(source.transform.scale),
     .usual = 1, .least = -1e6, .most = 1e6},
    {"mean_file", FIELD_OWN, "mean to subtract, of each channel or of each pixel; or a file of Caffe with it",
     .read = read_mean_file, .takes = "\"channel\", \"image\", \"none\" or a .binaryproto, default \"none\""},
    {"mean_value", FIELD_OWN, "mean to subtract, one for all channels or one for each",
     .read = read_mean_values, .takes = "numbers"},
    {"mirror", FIELD_FLAG, "half of the images are mirrored left to right, at random",
     AT(source.transform.mirror)},
    {"crop_size", FIELD_INT,
     "height and width of the part of an image that is used: at a random place in the TRAIN phase, else in "
     "the "
     "centre; 0: the whole image",
     AT(source.transform.crop_size), .most = GEOMETRY_MAX},
    FIELD_PLAIN("force_color", FIELD_UNSUPPORTED, "grey images as three channels"),
    FIELD_PLAIN("force_gray", FIELD_UNSUPPORTED, "colour images as one channel"),
    {0},
};

static int check(struct layer_reading *in)
{
    const struct source_spec *source = &in->layer->source;

    if (source->transform.scale == 0.0)
        return pt_error(in->doc, in->block[2], in->err,
                        "field 'scale' is 0: nothing of the images would be left");
    if (in->layer->class == &layer_input && source->channels == 0)
        return pt_error(in->doc, in->field, in->err,
                        "an Input layer needs 'input_param { shape { dim: … } }'");
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    const struct layer_spec *l = b->layer;
    const struct source_spec *source = &l->source;
    const struct clr_image_shape *in = &b->input;
    const int crop = source->transform.crop_size, channels = (b->g->pairs ? 2 : 1) * in->channels;
    const struct shape images = {b->g->batch, channels, crop ? crop : in->height, crop ? crop : in->width},
                       labels = {b->g->batch, 1, 1, 1};
    const int means = source->transform.mean_value_count;
    int rc;

    (void)bottom;
    if (b->has_data)
        return build_error(b, "a second source of images in one phase is not supported");
    if ((l->class == &layer_input || l->class == &layer_memory_data) &&
        (source->channels != channels || source->height != in->height || source->width != in->width))
        return build_error(b, "it needs %s of %d×%d×%d, these are %d×%d×%d", b->g->pairs ? "pairs" : "images",
                           source->channels, source->height, source->width, channels, in->height, in->width);
    if (means > 1 && means != in->channels)
        return build_error(b, "%d mean_value, but images have %d channels", means, in->channels);
    if (crop > in->height || crop > in->width)
        return build_error(b, "crop_size %d is more than images of %d×%d have", crop, in->height, in->width);
    b->has_data = true;
    b->g->transform = source->transform;
    rc = build_value(b, l->top[0], &images, GRAPH_IMAGES, &b->g->images);
    if (rc >= 0 && l->top_count == 2)
        rc = build_value(b, l->top[1], &labels, GRAPH_LABELS, &b->labels);
    return rc;
}

const struct layer_class layer_data = {
    .type = "Data",
    .help = "images and, as a second top, labels; of a size that the data set has",
    .flags = LAYER_SOURCE | LAYER_SECOND_TOP,
    .blocks = {{"input_param", input_fields},
               {"data_param", data_fields},
               {"transform_param", transform_fields}},
    .check = check,
    .build = build,
};

const struct layer_class layer_input = {
    .type = "Input",
    .help = "images and, as a second top, labels; of the size that is given here",
    .flags = LAYER_SOURCE | LAYER_SECOND_TOP,
    .blocks = {{"input_param", input_fields}, {NULL, NULL}, {"transform_param", transform_fields}},
    .check = check,
    .build = build,
};

#define SOURCE(name, type_, block, help_)                                                                    \
    const struct layer_class layer_##name = {                                                                \
        .type = (type_),                                                                                     \
        .help = help_,                                                                                       \
        .flags = LAYER_SOURCE | LAYER_SECOND_TOP,                                                            \
        .blocks = {{NULL, NULL}, {block, name##_fields}, {"transform_param", transform_fields}},             \
        .check = check,                                                                                      \
        .build = build,                                                                                      \
    }
SOURCE(image_data, "ImageData", "image_data_param",
       "as Data: images come from the data set, not from its files");
SOURCE(hdf5_data, "HDF5Data", "hdf5_data_param",
       "as Data: images come from the data set, not from its files");
SOURCE(memory_data, "MemoryData", "memory_data_param", "as Input: images come from the data set");
