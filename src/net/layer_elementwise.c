/* Layers that are a function of every number by itself: a row of ops/elementwise_rows.h each. */
#include "net/layer.h"

static int check(struct layer_reading *in)
{
    in->layer->desc.u.elementwise.function = (enum elementwise_function)in->layer->class->function;
    return 0;
}

#define PARAMETER(field, help, usual_, least_, most_, other)                                                 \
    {field,          FIELD_FLOAT, help, AT(desc.u.elementwise.a), .usual = (usual_), .least = (least_),      \
     .most = (most_)},
#define NO_PARAMETER
#define ELEMENTWISE(name, type_, help_, block, parameter, ...)                                               \
    static const struct field name##_fields[] = {parameter FIELD_ENGINE, {0}};                               \
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
