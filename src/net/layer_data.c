/* Where images come from: Data and Input layers, and what is done to the bytes (transform_param). */
#include "net/layer.h"

#include <string.h>

#include "base/log.h"

static void read_means(struct layer_reading *in, struct pt_reader *r, struct transform_spec *t)
{
    static const char *const words[] = {"none", "channel", "image"};
    const char *file;
    const int given = pt_text(r, "mean_file", &file, in->err);

    pt_doubles(r, "mean_value", -1e6, 1e6, t->mean_value, (int)MEM_COUNT(t->mean_value), &t->mean_value_count,
               in->err);
    if (r->rc == 0 && given && t->mean_value_count > 0)
        r->rc = pt_error(in->doc, r->message, in->err, "give 'mean_file' or 'mean_value', not both");
    if (r->rc < 0 || !given)
        return;
    for (size_t i = 0; i < MEM_COUNT(words); i++) {
        if (strcmp(file, words[i]) == 0) {
            t->mean = (enum clr_mean)i;
            return;
        }
    }
    t->mean = CLR_MEAN_IMAGE;
    if (spec_first_time(in, SAID_MEAN_FILE))
        log_line(CLR_LOG_INFO,
                 "%s:%d: 'mean_file' is not opened: the mean image of the training set is subtracted",
                 in->doc->file, r->message->line);
}

static int read_transform(struct layer_reading *in, struct transform_spec *t)
{
    static const char *const unsupported[] = {"force_color", "force_gray", NULL};
    struct pt_reader r;
    int rc;

    t->scale = 1.0;
    t->mean = CLR_MEAN_NONE;
    rc = pt_message(&in->r, "transform_param", &r, in->err);
    if (rc <= 0)
        return rc;
    pt_double(&r, "scale", -1e6, 1e6, &t->scale, in->err);
    read_means(in, &r, t);
    pt_bool(&r, "mirror", &t->mirror, in->err);
    pt_int(&r, "crop_size", 0, GEOMETRY_MAX, &t->crop_size, in->err);
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
static int read_input_param(struct layer_reading *in, bool *given)
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

static int read_data(struct layer_reading *in)
{
    static const char *const unsupported[] = {
        "rand_skip", "scale", "mean_file", "crop_size", "mirror", "force_encoded_color", NULL};
    static const char *const why = "the images come from the data set that is chosen at the start";
    struct layer_spec *l = in->layer;
    struct pt_reader r;
    bool shape;
    int batch = 0, rc = pt_message(&in->r, "data_param", &r, in->err);

    if (rc > 0) {
        pt_int(&r, "batch_size", 1, GEOMETRY_MAX, &batch, in->err);
        spec_no_effect(in, &r, "source", SAID_SOURCE, why);
        spec_no_effect(in, &r, "backend", SAID_SOURCE, why);
        spec_no_effect(in, &r, "prefetch", SAID_SOURCE, why);
        rc = pt_close(&r, unsupported, in->err);
    }
    if (rc >= 0)
        rc = read_transform(in, &l->source.transform);
    if (rc >= 0)
        rc = read_input_param(in, &shape);
    if (rc >= 0 && batch)
        l->source.batch_size = batch;
    return rc < 0 ? rc : 0;
}

static int read_input(struct layer_reading *in)
{
    bool given;
    int rc = read_transform(in, &in->layer->source.transform);

    if (rc >= 0)
        rc = read_input_param(in, &given);
    if (rc < 0)
        return rc;
    if (!given)
        return pt_error(in->doc, in->field, in->err,
                        "an Input layer needs 'input_param { shape { dim: … } }'");
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    const struct layer_spec *l = b->layer;
    const struct source_spec *source = &l->source;
    const struct clr_image_shape *in = &b->input;
    const struct shape images = {b->g->batch, in->channels, in->height, in->width},
                       labels = {b->g->batch, 1, 1, 1};
    const int means = source->transform.mean_value_count;
    int rc;

    (void)bottom;
    if (b->has_data)
        return build_error(b, "a second source of images in one phase is not supported");
    if (l->class == &layer_input &&
        (source->channels != in->channels || source->height != in->height || source->width != in->width))
        return build_error(b, "it needs images of %d×%d×%d, these are %d×%d×%d", source->channels,
                           source->height, source->width, in->channels, in->height, in->width);
    if (means > 1 && means != in->channels)
        return build_error(b, "%d mean_value, but images have %d channels", means, in->channels);
    if (l->top_count == 2 && strcmp(l->top[0], l->top[1]) == 0)
        return build_error(b, "both its tops are named '%s'", l->top[0]);
    b->has_data = true;
    b->g->transform = source->transform;
    rc = build_value(b, l->top[0], &images, GRAPH_IMAGES, &b->g->images);
    if (rc >= 0 && l->top_count == 2)
        rc = build_value(b, l->top[1], &labels, GRAPH_LABELS, &b->labels);
    return rc;
}

const struct layer_class layer_data = {
    .type = "Data",
    .flags = LAYER_SOURCE,
    .read = read_data,
    .build = build,
};

const struct layer_class layer_input = {
    .type = "Input",
    .flags = LAYER_SOURCE,
    .read = read_input,
    .build = build,
};
