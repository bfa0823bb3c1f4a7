/* Layers that are a function of every number by itself: a row of ops/elementwise_rows.h each. */
#include "net/layer.h"
#include "ops/elementwise.h"

/* relu_param { negative_slope engine }, and so on. */
static int read_block(struct layer_reading *in, const struct elementwise *row, double *a)
{
    struct pt_reader r;
    int rc = row->block ? pt_message(&in->r, row->block, &r, in->err) : 0;

    if (rc <= 0)
        return rc;
    if (row->field)
        pt_double(&r, row->field, row->least, row->most, a, in->err);
    spec_read_engine(in, &r);
    return pt_close(&r, NULL, in->err);
}

static int read_parameter(struct layer_reading *in, enum elementwise_function function)
{
    struct op_desc *d = &in->layer->desc;
    double a;
    int rc;

    d->u.elementwise.function = function;
    a = elementwise_row(d)->usual;
    rc = read_block(in, elementwise_row(d), &a);
    d->u.elementwise.a = (float)a;
    return rc;
}

#define ELEMENTWISE(name, type_, ...)                                                                        \
    static int read_##name(struct layer_reading *in)                                                         \
    {                                                                                                        \
        return read_parameter(in, ELEMENTWISE_##name);                                                       \
    }                                                                                                        \
    const struct layer_class layer_##name = {                                                                \
        .type = type_,                                                                                       \
        .bottoms = 1,                                                                                        \
        .flags = LAYER_IN_PLACE,                                                                             \
        .kind = OP_ELEMENTWISE,                                                                              \
        .read = read_##name,                                                                                 \
    };
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
