/* Eltwise: eltwise_param. Several values of one shape, number by number. */
#include "net/layer.h"

static const char *const operations[] = {"SUM", "PROD", "MAX", NULL}; /* as enum eltwise_operation */

static int read(struct layer_reading *in)
{
    struct op_desc *d = &in->layer->desc;
    double coeff[OP_MOST];
    struct pt_reader r;
    int operation = ELTWISE_SUM, count = 0, rc;

    for (int j = 0; j < OP_MOST; j++)
        d->u.eltwise.coeff[j] = 1.0f;
    rc = pt_message(&in->r, "eltwise_param", &r, in->err);
    if (rc <= 0)
        return rc;
    pt_word(&r, "operation", operations, &operation, in->err);
    pt_doubles(&r, "coeff", -1e30, 1e30, coeff, OP_MOST, &count, in->err);
    spec_no_effect(in, &r, "stable_prod_grad", SAID_STABLE_PROD, "gradients of products are always stable");
    rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (count > 0 && operation != ELTWISE_SUM)
        return pt_error(in->doc, r.message, in->err, "'coeff' is for operation SUM only");
    if (count > 0 && count != in->layer->bottom_count)
        return pt_error(in->doc, r.message, in->err, "%d 'coeff' for %d bottoms: give one for each", count,
                        in->layer->bottom_count);
    d->u.eltwise.operation = (enum eltwise_operation)operation;
    for (int j = 0; j < count; j++)
        d->u.eltwise.coeff[j] = (float)coeff[j];
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
    str_copy(out, size, operations[d->u.eltwise.operation]);
}

const struct layer_class layer_eltwise = {
    .type = "Eltwise",
    .bottoms = 2,
    .flags = LAYER_MORE_BOTTOMS,
    .read = read,
    .build = build,
    .detail = detail,
};
