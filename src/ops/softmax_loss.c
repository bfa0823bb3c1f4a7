/*
 * Softmax with cross-entropy, and the accuracy: host side of cl/softmax_loss.cl. Both write a number per
 * image into io->sample. Oracles: ref_softmax_loss(), ref_accuracy().
 */
#include "ops/op_impl.h"

struct loss_op {
    struct op head;
    struct ocl_kernel *forward, *backward;
};

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    (void)needs;
    (void)device;
    (void)block;
    if (desc->x.h != 1 || desc->x.w != 1)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': its input is not one row of scores per image",
                             desc->label);
    return 0;
}

static int get_kernel(struct op *op, struct ocl_kernel **out, const struct op_io *io, bool back,
                      const char *name, struct clr_error *err)
{
    struct str options = {0};

    str_append(&options, "-DC=%d", op->desc.x.c);
    if (op->desc.kind == OP_ACCURACY)
        str_append(&options, " -DTOP_K=%d", op->desc.u.accuracy.top_k);
    tensor_macros(&options, "X", &io->x);
    tensor_macros(&options, "DX", back ? &io->dx : &io->x);
    return op_kernel(op, out, "softmax_loss.cl", &options, name, err);
}

static int loss_create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct loss_op *self = (struct loss_op *)op;
    const bool back = op->desc.backward && op->desc.need_dx;
    int rc = get_kernel(op, &self->forward, io, back, "softmax_loss_forward", err);

    return rc < 0 || !back ? rc : get_kernel(op, &self->backward, io, back, "softmax_loss_backward", err);
}

static int accuracy_create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return get_kernel(op, &((struct loss_op *)op)->forward, io, false, "accuracy_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->sample), OCL_MEM(io->x.mem), OCL_MEM(io->labels),
                                   OCL_INT(io->sample_offset), OCL_INT(io->batch)};
    const size_t global[3] = {(size_t)io->batch, 1, 1};

    return op_launch(op, ((struct loss_op *)op)->forward, op->forward_label, global, args, MEM_COUNT(args),
                     err);
}

static int loss_backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const float scale = 1.0f / (float)io->batch;
    const struct ocl_arg args[] = {OCL_MEM(io->dx.mem), OCL_MEM(io->x.mem), OCL_MEM(io->labels),
                                   OCL_FLOAT(scale), OCL_INT(io->batch)};
    const size_t global[3] = {(size_t)io->batch, 1, 1};

    if (!io->dx.mem)
        return 0;
    return op_launch(op, ((struct loss_op *)op)->backward, op->backward_label, global, args, MEM_COUNT(args),
                     err);
}

const struct op_class op_softmax_loss = {
    .name = "softmax loss",
    .size = sizeof(struct loss_op),
    .plan = plan,
    .create = loss_create,
    .forward = forward,
    .backward = loss_backward,
};

const struct op_class op_accuracy = {
    .name = "accuracy",
    .size = sizeof(struct loss_op),
    .plan = plan,
    .create = accuracy_create,
    .forward = forward,
};
