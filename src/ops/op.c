/* The table of operators and what all of them do alike: see op.h. */
#include "ops/op_impl.h"

static const struct op_class *const classes[OP_KIND_COUNT] = {
    [OP_CONV] = &op_conv,
    [OP_POOL] = &op_pool,
    [OP_RELU] = &op_relu,
    [OP_LRN] = &op_lrn,
    [OP_DENSE] = &op_dense,
    [OP_DROPOUT] = &op_dropout,
    [OP_SOFTMAX_LOSS] = &op_softmax_loss,
    [OP_ACCURACY] = &op_accuracy,
    [OP_RELAYOUT] = &op_relayout,
};

const char *op_kind_name(enum op_kind kind)
{
    return classes[kind]->name;
}

const char *op_variant(const struct op *op)
{
    return op->variant;
}

int op_plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device, int block,
            struct clr_error *err)
{
    struct op_needs n = {0};
    int rc = classes[desc->kind]->plan(&n, desc, device, block, err);

    if (rc == 0)
        *needs = n;
    return rc;
}

int op_create(struct op **out, struct ocl_context *ctx, const struct op_desc *desc, const struct op_io *io,
              struct clr_error *err)
{
    const struct op_class *class = classes[desc->kind];
    struct op *op = NULL;
    int rc = mem_new(&op, 1, class->size, "an operator", err);

    if (rc < 0)
        return rc;
    op->class = class;
    op->ctx = ctx;
    op->desc = *desc;
    op->block =
        desc->kind == OP_SOFTMAX_LOSS || desc->kind == OP_ACCURACY ? io->x.layout.block : io->y.layout.block;
    (void)snprintf(op->forward_label, sizeof op->forward_label, "%s forward", desc->label);
    (void)snprintf(op->backward_label, sizeof op->backward_label, "%s backward", desc->label);
    rc = class->create(op, io, err);
    if (rc < 0) {
        op_destroy(op);
        return clr_error_prefix(err, "layer '%s'", desc->label);
    }
    *out = op;
    return 0;
}

int op_forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return op->class->forward(op, io, err);
}

int op_backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return op->class->backward ? op->class->backward(op, io, err) : 0;
}

void op_destroy(struct op *op)
{
    if (!op)
        return;
    if (op->class->clear)
        op->class->clear(op);
    free(op);
}

int op_kernel(struct op *op, struct ocl_kernel **out, const char *file, struct str *options, const char *name,
              struct clr_error *err)
{
    int rc = str_check(options, err);

    if (rc == 0)
        rc = ocl_kernel_get(out, op->ctx, file, str_text(options), name, err);
    str_clear(options);
    return rc;
}

int op_launch(struct op *op, struct ocl_kernel *kernel, const char *label, const size_t global[3],
              const struct ocl_arg *args, size_t arg_count, struct clr_error *err)
{
    return ocl_launch(op->ctx, kernel, label, 3, global, NULL, args, (int)arg_count, err);
}

int op_span(const struct clr_device *device, int many)
{
    return device->type == CLR_DEVICE_CPU ? many : 1;
}
