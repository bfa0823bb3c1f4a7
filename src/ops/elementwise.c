/*
 * Functions of every number by itself: host side of cl/elementwise.cl. The functions, with their references,
 * are the rows of elementwise_rows.h.
 */
#include "ops/elementwise.h"

#include <math.h>

#include "ops/op_impl.h"

/* The natural logarithm of a base; −1 means e. */
static double ln_base(double base)
{
    return base < 0.0 ? 1.0 : log(base);
}

#define ELEMENTWISE(name, type, help, block, fields, f, df, ...)                                             \
    static double name##_f(double x, const double *a)                                                        \
    {                                                                                                        \
        (void)a;                                                                                             \
        return f;                                                                                            \
    }                                                                                                        \
    static double name##_df(double x, double y, const double *a)                                             \
    {                                                                                                        \
        (void)x;                                                                                             \
        (void)y;                                                                                             \
        (void)a;                                                                                             \
        return df;                                                                                           \
    }
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE

static const struct {
    struct elementwise row;
    double (*f)(double x, const double *a);
    double (*df)(double x, double y, const double *a);
} functions[] = {
#define PARAMETER(number, field_, help, usual, least, most, first, second) {field_, {first, second}},
#define ENGINE                                                             {0},
#define NONE                                                               {0},
#define ELEMENTWISE(name_, type, help, block, fields, f_, df_, ...)                                          \
    {.row = {.name = #name_, .parameter = {fields}, __VA_ARGS__}, .f = name_##_f, .df = name_##_df},
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
};

const struct elementwise *elementwise_row(const struct op_desc *d)
{
    return &functions[d->u.elementwise.function].row;
}

bool elementwise_is_rectifier(const struct op_desc *d)
{
    return d->kind == OP_ELEMENTWISE && d->u.elementwise.function == ELEMENTWISE_relu &&
           !(d->u.elementwise.a[0] > 0.0f);
}

/* ------------------------------------------------------------------ operator */

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    (void)err;
    needs->in_place = needs->keeps_y = elementwise_row(r->desc)->from_y;
    return 0;
}

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const struct elementwise *row = elementwise_row(&op->desc);
    const struct shape *x = &op->desc.x[0];
    const int rows = op_span(ocl_device(op->ctx), x->h);
    const float *a = op->desc.u.elementwise.a;
    struct str options = {0};

    str_append(&options, "-DV=%d -DROWS=%d -DC=%d -DH=%d -DW=%d -DFROM_Y=%d -DKEEPS_0=%d", op->block, rows,
               x->c, x->h, x->w, row->from_y, row->keeps_0 || x->c % op->block == 0);
    for (int i = 0; row->parameter[i].field; i++)
        str_append(&options, " -DA%d=%.9ef", i, (double)a[i]);
    if (row->base)
        str_append(&options, " -DLN_A0=%.9ef", ln_base((double)a[0]));
    str_append(&options, " -DFORWARD=%s -DBACKWARD=%s", row->forward, row->backward);
    op_tensor_macros(&options, op, io);
    tensor_macros(&options, "T", row->from_y ? &io->y[0] : &io->x[0]);
    op_launch_range(back ? &op->backward : &op->forward, op_ceil(x->h, rows), op_ceil(x->c, op->block), 0);
    return op_kernel(op, back, "elementwise.cl", &options,
                     back ? "elementwise_backward" : "elementwise_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->x[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem value = elementwise_row(&op->desc)->from_y ? io->y[0].mem : io->x[0].mem;
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(value), OCL_MEM(io->dy[0].mem),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

static const char *title(const struct op_desc *desc)
{
    return elementwise_row(desc)->name;
}

/* ------------------------------------------------------------------ reference and cases */

/* The parameters in double precision. */
struct parameters {
    double a[ELEMENTWISE_PARAMETERS];
};

static struct parameters parameters(const struct op_desc *d)
{
    struct parameters p;

    for (int i = 0; i < ELEMENTWISE_PARAMETERS; i++)
        p.a[i] = (double)d->u.elementwise.a[i];
    return p;
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);
    const struct parameters p = parameters(d);

    for (size_t i = 0; i < count; i++)
        r->y[0][i] = functions[d->u.elementwise.function].f(r->x[0][i], p.a);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);
    const struct parameters p = parameters(d);

    for (size_t i = 0; i < count; i++)
        r->dx[0][i] = r->dy[0][i] * functions[d->u.elementwise.function].df(r->x[0][i], r->y[0][i], p.a);
}

static const struct {
    struct shape x;
    bool other, small;
} shapes[] = {{{2, 5, 7, 3}, false, true},
              {{3, 33, 4, 5}, false, false},
              {{1, 20, 3, 6}, true, false},
              {{4, 13, 1, 1}, false, false}};

/* Every function on each shape. */
static void get_case(struct op_case *out, int i)
{
    const size_t k = (size_t)i % MEM_COUNT(shapes);
    struct op_desc *d = &out->desc;
    const struct elementwise *row;

    d->u.elementwise.function = (enum elementwise_function)(i / (int)MEM_COUNT(shapes));
    row = elementwise_row(d);
    for (int p = 0; row->parameter[p].field; p++)
        d->u.elementwise.a[p] = (float)row->parameter[p].verify[shapes[k].other];
    if (row->parameter[0].field)
        op_case_of(out, &shapes[k].x, shapes[k].small, ", %s %g", row->parameter[0].field,
                   (double)d->u.elementwise.a[0]);
    else
        op_case_of(out, &shapes[k].x, shapes[k].small, "%s", "");
}

const struct op_class op_elementwise = {
    .name = "elementwise",
    .title = title,
    .size = sizeof(struct op),
    .plan = plan,
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 1e-12, /* OpenCL allows exp() 3 ulp */
    .flags = OP_HAS_ZEROS,
    .cases = &(const struct op_cases){MEM_COUNT(functions) * MEM_COUNT(shapes), get_case},
};
