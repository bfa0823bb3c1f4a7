/* Layers that are a function of every number by itself: a row of ops/elementwise_rows.h each. */
#include "net/layer.h"
#include "ops/elementwise.h"

static int check(struct layer_reading *in)
{
    struct op_desc *d = &in->layer->desc;
    const float a = d->u.elementwise.a[0];

    d->u.elementwise.function = (enum elementwise_function)in->layer->class->function;
    if (elementwise_row(d)->base && !((a > 0.0f && a != 1.0f) || a == -1.0f))
        return pt_error(in->doc, in->field, in->err,
                        "layer '%s': 'base' %g is not above 0, and not 1; -1 means e", in->layer->name,
                        (double)a);
    return 0;
}

#define PARAMETER(number, field, help, usual_, least_, most_, first, second)                                 \
    {field,                                                                                                  \
     FIELD_FLOAT,                                                                                            \
     help,                                                                                                   \
     AT(desc.u.elementwise.a[number]),                                                                       \
     .usual = (usual_),                                                                                      \
     .least = (least_),                                                                                      \
     .most = (most_)},
#define ENGINE FIELD_ENGINE,
#define NONE
#define ELEMENTWISE(name, type_, help_, block, fields, ...)                                                  \
    static const struct field name##_fields[] = {fields{0}};                                                 \
    const struct layer_class layer_##name = {                                                                \
        .type = type_,                                                                                       \
        .help = help_,                                                                                       \
        .bottoms = 1,                                                                                        \
        .flags = LAYER_IN_PLACE,                                                                             \
        .kind = OP_ELEMENTWISE,                                                                              \
        .function = ELEMENTWISE_##name,                                                                      \
        .blocks = {{block, name##_fields}},                                                                  \
        .check = check,                                                                                      \
    };
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
