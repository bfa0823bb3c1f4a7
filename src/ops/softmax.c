/* Softmax over the channels of every pixel: host side of cl/softmax.cl, where the formula is. */
#include <math.h>

#include "ops/op_impl.h"

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const struct shape *x = &op->desc.x[0];
    struct str options = {0};

    str_append(&options, "-DC=%d -DH=%d -DW=%d", x->c, x->h, x->w);
    op_tensor_macros(&options, op, io);
    op_launch_range(back ? &op->backward : &op->forward, x->w, x->h, 0);
    return op_kernel(op, back, "softmax.cl", &options, back ? "softmax_backward" : "softmax_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->y[0].mem), OCL_MEM(io->dy[0].mem),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

/* Pixel p of the batch: its first channel, and how far its channels are apart. */
static size_t pixel(const struct op_desc *d, size_t p, size_t *stride)
{
    *stride = (size_t)d->x[0].h * (size_t)d->x[0].w;
    return p / *stride * op_elements(&d->x[0]) + p % *stride;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t pixels = (size_t)r->n * (size_t)d->x[0].h * (size_t)d->x[0].w, c = (size_t)d->x[0].c;

    for (size_t p = 0; p < pixels; p++) {
        size_t stride, at = pixel(d, p, &stride);
        double most = -INFINITY, sum = 0.0;
        for (size_t k = 0; k < c; k++)
            most = fmax(most, r->x[0][at + k * stride]);
        for (size_t k = 0; k < c; k++)
            sum += exp(r->x[0][at + k * stride] - most);
        for (size_t k = 0; k < c; k++)
            r->y[0][at + k * stride] = exp(r->x[0][at + k * stride] - most) / sum;
    }
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t pixels = (size_t)r->n * (size_t)d->x[0].h * (size_t)d->x[0].w, c = (size_t)d->x[0].c;

    for (size_t p = 0; p < pixels; p++) {
        size_t stride, at = pixel(d, p, &stride);
        double sum = 0.0;
        for (size_t k = 0; k < c; k++)
            sum += r->dy[0][at + k * stride] * r->y[0][at + k * stride];
        for (size_t k = 0; k < c; k++)
            r->dx[0][at + k * stride] = r->y[0][at + k * stride] * (r->dy[0][at + k * stride] - sum);
    }
}

static const struct {
    struct shape x;
    bool small;
} cases[] = {{{3, 10, 1, 1}, true},
             {{2, 5, 3, 4}, true},
             {{1, 33, 1, 1}, false},
             {{2, 17, 5, 3}, false},
             {{7, 1000, 1, 1}, false}};

static void get_case(struct op_case *out, int i)
{
    op_case_of(out, &cases[i].x, cases[i].small, "%s", "");
}

const struct op_class op_softmax = {
    .name = "softmax",
    .size = sizeof(struct op),
    .needs = {.in_place = true, .keeps_y = true},
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .terms = op_terms_channels,
    .nmse = 1e-11, /* as of the loss: exp() and a sum */
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
