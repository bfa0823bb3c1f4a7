/*
 * Layers that compute nothing: Flatten and Reshape (the same numbers in another shape), Slice (parts of the
 * channels), Split (other names of a value, which every layer may read anyway), Silence (nothing).
 */
#include "net/layer.h"

/* ------------------------------------------------------------------ Flatten, Reshape */

/* A node whose y has the shape (N,c,h,w). */
static int build_shape(struct builder *b, const int *bottom, int c, int h, int w)
{
    struct graph_node *n = build_node(b, OP_RELAYOUT, bottom, 1);

    n->desc.y[0] = (struct shape){n->desc.x[0].n, c, h, w};
    return build_finish(b, n);
}

static const struct field flatten_fields[] = {
    FIELD_AXIS,
    {"end_axis", FIELD_ONLY, "the last axis that is flattened: all of them", .usual = -1},
    {0},
};

static int build_flatten(struct builder *b, const int *bottom)
{
    const struct shape *x = &b->g->values[bottom[0]].shape;
    const long long features = (long long)x->c * x->h * x->w;

    return features > GEOMETRY_MAX ? build_error(b, "%lld features are more than %d", features, GEOMETRY_MAX)
                                   : build_shape(b, bottom, (int)features, 1, 1);
}

/* dim: 0 keeps that of the bottom, -1 is inferred; those that are not given are 1. */
static int read_dims(struct layer_reading *in, struct pt_reader *r)
{
    struct layer_spec *l = in->layer;
    struct pt_field *field = NULL;
    struct pt_reader shape;
    int dims[4] = {0, 1, 1, 1}, count = 0, inferred = 0, rc;

    if (!pt_next(r, "shape", &field))
        return pt_error(in->doc, r->message, in->err, "'shape' is missing");
    rc = pt_value_message(in->doc, field, in->err);
    if (rc < 0)
        return rc;
    pt_open(&shape, in->doc, field);
    (void)pt_ints(&shape, "dim", -1, GEOMETRY_MAX, dims, 4, &count, in->err);
    rc = pt_close(&shape, NULL, in->err);
    for (int i = 0; i < 4; i++)
        inferred += dims[i] == -1;
    if (rc == 0 && inferred > 1)
        rc = pt_error(in->doc, field, in->err, "%d dimensions are -1; one can be inferred", inferred);
    if (rc == 0 && dims[0] != 0 && dims[0] != -1)
        rc = pt_error(in->doc, field, in->err,
                      "the first 'dim' is the images of a batch, which no layer changes: 0");
    l->desc.y[0] = (struct shape){dims[0], dims[1], dims[2], dims[3]};
    return rc;
}

static const struct field reshape_fields[] = {
    {"shape", FIELD_OWN, "the new shape", .read = read_dims,
     .takes = "dim up to four times: 0 keeps that of the bottom, -1 is inferred; the first is the images: 0"},
    FIELD_PLAIN("axis", FIELD_ONLY, "the first axis that is replaced: all of them"),
    {"num_axes", FIELD_ONLY, "how many axes are replaced: all of them", .usual = -1},
    {0},
};

static int build_reshape(struct builder *b, const int *bottom)
{
    const struct shape *x = &b->g->values[bottom[0]].shape, *wanted = &b->layer->desc.y[0];
    const int old[3] = {x->c, x->h, x->w}, given[3] = {wanted->c, wanted->h, wanted->w};
    const long long all = (long long)x->c * x->h * x->w;
    long long product = 1;
    int dims[3];

    for (int i = 0; i < 3; i++) {
        dims[i] = given[i] == 0 ? old[i] : given[i];
        product *= dims[i] == -1 ? 1 : dims[i];
    }
    for (int i = 0; i < 3; i++)
        if (dims[i] == -1 && all % product == 0 && all / product <= GEOMETRY_MAX) {
            dims[i] = (int)(all / product);
            product = all;
        }
    if (product != all)
        return build_error(b, "its bottom '%s' is %d×%d×%d, which has no such shape", b->layer->bottom[0],
                           x->c, x->h, x->w);
    return build_shape(b, bottom, dims[0], dims[1], dims[2]);
}

/* ------------------------------------------------------------------ Slice */

/* The channels of each top in desc.y[].c: without points, as many for each (0). */
static int read_points(struct layer_reading *in, struct pt_reader *r)
{
    struct layer_spec *l = in->layer;
    int points[OP_MOST], count = 0, before = 0,
                         rc = pt_ints(r, "slice_point", 1, GEOMETRY_MAX, points, OP_MOST, &count, in->err);

    if (rc < 0 || count == 0)
        return rc;
    if (count != l->top_count - 1)
        return pt_error(in->doc, r->message, in->err,
                        "%d 'slice_point' for %d tops: there is one between two", count, l->top_count);
    for (int i = 0; i < count; i++) {
        if (points[i] <= before)
            return pt_error(in->doc, r->message, in->err, "'slice_point' %d comes after %d: they ascend",
                            points[i], before);
        l->desc.y[i].c = points[i] - before;
        before = points[i];
    }
    l->desc.y[count].c = -before; /* the rest */
    return 0;
}

static const struct field slice_fields[] = {
    {"slice_point", FIELD_OWN, "the channels where a next top begins", .read = read_points,
     .takes = "numbers, one fewer than tops; default: parts of one size"},
    FIELD_AXIS,
    {"slice_dim", FIELD_ONLY, "axis in older files", .usual = 1},
    {0},
};

static int build_slice(struct builder *b, const int *bottom)
{
    const int tops = b->layer->top_count;
    struct graph_node *n = build_node(b, OP_SLICE, bottom, 1);
    const struct shape *x = &n->desc.x[0];

    n->desc.y_count = tops;
    for (int j = 0; j < tops; j++) {
        const int c = b->layer->desc.y[j].c;
        n->desc.y[j] = *x;
        n->desc.y[j].c = c > 0 ? c : c < 0 ? x->c + c : x->c / tops;
    }
    if (b->layer->desc.y[0].c == 0 && x->c % tops != 0)
        return build_error(b, "%d channels cannot be cut into %d equal parts: give 'slice_point'", x->c,
                           tops);
    if (n->desc.y[tops - 1].c < 1)
        return build_error(b, "its last 'slice_point' is %d, and its bottom has %d channels",
                           -b->layer->desc.y[tops - 1].c, x->c);
    return build_tops(b, n);
}

/* ------------------------------------------------------------------ Split, Silence */

static int build_split(struct builder *b, const int *bottom)
{
    b->g->values[bottom[0]].consumer_count--; /* its readers count themselves */
    return build_aliases(b, bottom[0]);
}

static int build_silence(struct builder *b, const int *bottom)
{
    for (int j = 0; j < b->layer->bottom_count; j++)
        b->g->values[bottom[j]].consumer_count--;
    return 0;
}

/* ------------------------------------------------------------------ the rows */

const struct layer_class layer_flatten = {
    .type = "Flatten",
    .help = "the numbers of an image in one row: N×C×H×W becomes N×CHW",
    .bottoms = 1,
    .blocks = {{"flatten_param", flatten_fields}},
    .build = build_flatten,
};

const struct layer_class layer_reshape = {
    .type = "Reshape",
    .help = "the numbers of an image in another shape, in their order",
    .bottoms = 1,
    .flags = LAYER_NEEDS_BLOCK,
    .blocks = {{"reshape_param", reshape_fields}},
    .build = build_reshape,
};

const struct layer_class layer_slice = {
    .type = "Slice",
    .help = "parts of the channels, one for each top",
    .bottoms = 1,
    .flags = LAYER_MORE_TOPS,
    .blocks = {{"slice_param", slice_fields}},
    .build = build_slice,
};

const struct layer_class layer_split = {
    .type = "Split",
    .help = "other names of a value; every value may be read several times anyway",
    .bottoms = 1,
    .flags = LAYER_MORE_TOPS,
    .build = build_split,
};

const struct layer_class layer_silence = {
    .type = "Silence",
    .help = "nothing: for values that no other layer reads",
    .bottoms = 1,
    .flags = LAYER_MORE_BOTTOMS | LAYER_NO_TOP,
    .build = build_silence,
};
