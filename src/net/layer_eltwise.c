/* Eltwise: eltwise_param. Several values of one shape, number by number. */
#include "net/layer.h"

#define OPERATIONS "SUM", "PROD", "MAX" /* as enum eltwise_operation */

static int read_coeff(struct layer_reading *in, struct pt_reader *r)
{
    struct op_desc *d = &in->layer->desc;
    double coeff[OP_MOST];
    int count = 0, rc = pt_doubles(r, "coeff", -1e30, 1e30, coeff, OP_MOST, &count, in->err);

    for (int j = 0; j < OP_MOST; j++)
        d->u.eltwise.coeff[j] = j < count ? (float)coeff[j] : 1.0f;
    if (count > 0 && d->u.eltwise.operation != ELTWISE_SUM)
        return pt_error(in->doc, r->message, in->err, "'coeff' is for operation SUM only");
    if (count > 0 && count != in->layer->bottom_count)
        return pt_error(in->doc, r->message, in->err, "%d 'coeff' for %d bottoms: give one for each", count,
                        in->layer->bottom_count);
    return rc;
}

static const struct field fields[] = {
    {"operation", FIELD_WORD, "what is done with the numbers of one place", AT(desc.u.eltwise.operation),
     WORDS(OPERATIONS), NUMBERS(1, 0, 2)},
    {"coeff", FIELD_OWN, "of SUM: a factor for each bottom", .read = read_coeff,
     .takes = "numbers, default 1"},
    FIELD_PLAIN("stable_prod_grad", FIELD_UNUSED, "gradients of products are always stable"),
    {0},
};

static int check(struct layer_reading *in)
{
    for (int j = 0; j < OP_MOST && !in->block[0]; j++)
        in->layer->desc.u.eltwise.coeff[j] = 1.0f;
    return 0;
}

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_ELTWISE, bottom, b->layer->bottom_count);

    for (int j = 1; j < n->desc.x_count; j++)
        if (!shape_equal(&n->desc.x[j], &n->desc.x[0]))
            return build_unlike(b, n, j, "it takes equal shapes");
    return build_finish(b, n);
}

static void detail(char *out, size_t size, const struct op_desc *d)
{
    static const char *const operations[] = {OPERATIONS};

    str_copy(out, size, operations[d->u.eltwise.operation]);
}

const struct layer_class layer_eltwise = {
    .type = "Eltwise",
    .help = "sum, product or maximum of values of one shape, number by number",
    .bottoms = 2,
    .flags = LAYER_MORE_BOTTOMS,
    .blocks = {{"eltwise_param", fields}},
    .check = check,
    .build = build,
    .detail = detail,
};
