/*
 * DummyData: dummy_data_param. A constant, for example zeros that Concat adds as channels to a shortcut. As
 * many images as the batch has, whatever the file says.
 */
#include "net/layer.h"

/* shape { dim: N dim: C dim: H dim: W }, or num, channels, height, width; what is left out is 1. */
static int read_shape(struct layer_reading *in, struct pt_reader *r)
{
    static const char *const names[] = {"num", "channels", "height", "width"};
    int dims[4] = {1, 1, 1, 1}, count = 0, rc = 0;
    struct pt_field *shape = NULL, *second;
    struct pt_reader block;

    for (int i = 0; i < 4; i++)
        rc = pt_int(r, names[i], 1, GEOMETRY_MAX, &dims[i], in->err) < 0 ? CLR_EINPUT : rc;
    if (pt_next(r, "shape", &shape) && rc == 0) {
        rc = pt_value_message(in->doc, shape, in->err);
        if (rc < 0)
            return rc;
        pt_open(&block, in->doc, shape);
        (void)pt_ints(&block, "dim", 1, GEOMETRY_MAX, dims, 4, &count, in->err);
        rc = pt_close(&block, NULL, in->err);
        second = shape;
        if (rc == 0 && pt_next(r, "shape", &second))
            rc = pt_error(in->doc, second, in->err, "a second 'shape': only one top is supported");
    }
    in->layer->desc.y[0] = (struct shape){1, dims[1], dims[2], dims[3]};
    return rc;
}

static const struct field fields[] = {
    {"shape", FIELD_OWN, "the shape; the number of images is that of the batch", .read = read_shape,
     .takes = "dim up to four times, or num, channels, height and width beside it"},
    {"data_filler", FIELD_BLOCK, "the constant", AT(filler[0]), .fields = filler_fields,
     .check = filler_check},
    {0},
};

static int check(struct layer_reading *in)
{
    return in->layer->filler[0].kind == FILLER_CONSTANT
               ? 0
               : pt_error(in->doc, in->block[0], in->err,
                          "'data_filler' of another type than constant is not supported");
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_CONSTANT, bottom, 0);

    n->desc.y[0] = b->layer->desc.y[0];
    n->desc.y[0].n = b->g->batch;
    n->desc.x[0] = n->desc.y[0]; /* whose images are the batch's; it is not read */
    n->desc.u.constant.value = (float)b->layer->filler[0].value;
    return build_finish(b, n);
}

const struct layer_class layer_dummy_data = {
    .type = "DummyData",
    .help = "the same number everywhere, for each image of the batch",
    .flags = LAYER_NEEDS_BLOCK,
    .blocks = {{"dummy_data_param", fields}},
    .check = check,
    .build = build,
};
