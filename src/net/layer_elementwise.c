/* Layers that are a function of every number by itself: a row of ops/elementwise_rows.h each. */
#include "net/layer.h"
#include "ops/elementwise.h"

/* relu_param { negative_slope engine }, and so on. */
static int read_parameter(struct layer_reading *in, enum elementwise_function function)
{
    struct op_desc *d = &in->layer->desc;
    const struct elementwise *row;
    struct pt_reader r;
    double a;
    int rc;

    d->u.elementwise.function = function;
    row = elementwise_row(d);
    a = row->usual;
    rc = row->block ? pt_message(&in->r, row->block, &r, in->err) : 0;
    if (rc > 0 && row->field)
        rc = pt_double(&r, row->field, row->least, row->most, &a, in->err) < 0 ? CLR_EINPUT : 1;
    if (rc > 0)
        rc = spec_read_engine(in, &r) < 0 ? CLR_EINPUT : 1;
    if (rc > 0)
        rc = pt_close(&r, NULL, in->err);
    d->u.elementwise.a = (float)a;
    return rc;
}

static int build(struct builder *b, const int *bottom)
{
    return build_plain(b, OP_ELEMENTWISE, bottom[0]);
}

#define ELEMENTWISE(name, type_, ...)                                                                        \
    static int read_##name(struct layer_reading *in)                                                         \
    {                                                                                                        \
        return read_parameter(in, ELEMENTWISE_##name);                                                       \
    }                                                                                                        \
    const struct layer_class layer_##name = {                                                                \
        .type = type_,                                                                                       \
        .bottoms = 1,                                                                                        \
        .min_tops = 1,                                                                                       \
        .max_tops = 1,                                                                                       \
        .flags = LAYER_IN_PLACE,                                                                             \
        .read = read_##name,                                                                                 \
        .build = build,                                                                                      \
    };
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
