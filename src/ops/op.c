/* The table of operators and what all of them do alike: see op.h. */
#include "ops/op_impl.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>

#include "ocl/device.h"

static const struct op_class *const classes[OP_KIND_COUNT] = {
#define ROW(kind, name) [kind] = &op_##name,
#include "ops/ops.h"
#undef ROW
};

const struct op_class *op_class(enum op_kind kind)
{
    return classes[kind];
}

double op_nmse(const struct op *op, enum op_pass pass)
{
    return op->nmse[pass];
}

const char *op_variant(const struct op *op)
{
    return op->variant;
}

void op_variant_text(const struct op_variant *v, char *out, size_t size)
{
    const char *before = " ";
    int count = (int)MEM_COUNT(v->tile);
    size_t n;

    while (count > 0 && v->tile[count - 1] == 0)
        count--;
    str_copy(out, size, v->algorithm[0] ? v->algorithm : "auto");
    for (int i = 0; i < count; i++, before = "x") {
        n = strlen(out);
        (void)snprintf(out + n, size - n, "%s%d", before, v->tile[i]);
    }
}

/* Digits, or nothing of what follows is a number. */
static bool parse_tile(int *tile, size_t capacity, const char *text)
{
    for (size_t i = 0; i < capacity; i++) {
        int value = 0;
        if (*text < '0' || *text > '9')
            return false;
        for (; *text >= '0' && *text <= '9'; text++) {
            value = value * 10 + (*text - '0');
            if (value > 65535)
                return false;
        }
        tile[i] = value;
        if (*text == '\0')
            return true;
        if (*text++ != 'x')
            return false;
    }
    return false;
}

bool op_variant_parse(struct op_variant *out, const char *text)
{
    const size_t length = strcspn(text, " ");
    struct op_variant v = {0};

    if (length == 0 || length >= sizeof v.algorithm)
        return false;
    memcpy(v.algorithm, text, length);
    if (text[length] != '\0' && !parse_tile(v.tile, MEM_COUNT(v.tile), text + length + 1))
        return false;
    if (strcmp(v.algorithm, "auto") == 0)
        v.algorithm[0] = '\0';
    *out = v;
    return true;
}

const char *op_title(const struct op_desc *desc)
{
    const struct op_class *class = op_class(desc->kind);

    return class->title ? class->title(desc) : class->name;
}

int op_params(struct op_param out[OP_PARAMS], const struct op_desc *desc)
{
    const struct op_class *class = op_class(desc->kind);

    return class->params ? class->params(out, desc) : 0;
}

bool op_param_sizes(size_t out[OP_PARAMS], const struct op_desc *desc)
{
    struct op_param p[OP_PARAMS];
    const int count = op_params(p, desc);
    bool fit = true;

    memset(out, 0, OP_PARAMS * sizeof *out);
    for (int k = 0; k < count; k++) {
        const int *d = p[k].dims;
        fit = fit && shape_count(&(struct shape){d[0], d[1], d[2], d[3]}, &out[k]);
    }
    return fit;
}

int op_weights(struct op_param out[OP_PARAMS], int rank, const struct shape *w, bool bias)
{
    out[0] = (struct op_param){.name = "weight", .rank = rank, .dims = {w->n, w->c, w->h, w->w}};
    out[1] = (struct op_param){.name = "bias", .rank = 1, .dims = {w->n, 1, 1, 1}};
    return bias ? 2 : 1;
}

double op_madds(const struct op_desc *desc)
{
    const struct op_class *class = op_class(desc->kind);

    return class->madds ? class->madds(desc) : 0.0;
}

double op_terms_channels(const struct op_desc *desc, enum op_pass pass, int images)
{
    (void)pass;
    (void)images;
    return desc->x[0].c;
}

int op_candidates(struct op_variant *out, int capacity, const struct op_desc *desc, enum op_pass pass,
                  const struct clr_device *device, int block)
{
    const struct op_class *class = classes[desc->kind];

    return class->candidates && op_has_pass(desc, pass)
               ? class->candidates(out, capacity, &(struct op_request){desc, device, block, pass})
               : 0;
}

int op_plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device, int block,
            struct clr_error *err)
{
    const struct op_class *class = classes[desc->kind];
    struct op_needs n = class->needs;
    int rc = class->plan ? class->plan(&n, &(struct op_request){desc, device, block, OP_FORWARD}, err) : 0;

    if (rc == 0)
        *needs = n;
    return rc;
}

static int create_kernels(struct op *op, const struct op_io *io, struct clr_error *err)
{
    int rc = op->class->kernel(op, io, false, err);

    return rc == 0 && op->class->backward && op_has_pass(&op->desc, OP_BACKWARD_DATA)
               ? op->class->kernel(op, io, true, err)
               : rc;
}

int op_create(struct op **out, struct ocl_context *ctx, const struct op_desc *desc, const struct op_io *io,
              struct clr_error *err)
{
    const struct op_class *class = classes[desc->kind];
    struct op *op = NULL;
    int rc = mem_new(&op, 1, class->size, "an operator", err);

    assert(!desc->relu || (class->flags & OP_TAKES_RELU));
    assert(!desc->mask_dx || (class->flags & OP_MASKS_DX));
    assert(class->create || !class->params); /* kernel() is not called without need_dx */

    if (rc < 0)
        return rc;
    op->class = class;
    op->ctx = ctx;
    op->desc = *desc;
    op->block = class->flags & OP_NO_Y ? io->x[0].layout.block : io->y[0].layout.block;
    rc = class->create ? class->create(op, io, err) : create_kernels(op, io, err);
    if (rc < 0) {
        op_destroy(op);
        clr_error_prefix(err, "layer '%s'", desc->label);
        return rc;
    }
    *out = op;
    return 0;
}

int op_forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    if (op->class->run)
        return op->class->run(op, OP_FORWARD, io, err);
    return op->class->forward ? op->class->forward(op, io, err) : 0;
}

int op_backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    int rc;

    if (!op->class->run)
        return op->class->backward ? op->class->backward(op, io, err) : 0;
    rc = io->dx[0].mem ? op->class->run(op, OP_BACKWARD_DATA, io, err) : 0;
    return rc < 0 ? rc : op->class->run(op, OP_BACKWARD_WEIGHTS, io, err);
}

int op_run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err)
{
    if (op->class->run)
        return op->class->run(op, pass, io, err);
    return pass == OP_FORWARD ? op_forward(op, io, err) : op_backward(op, io, err);
}

void op_destroy(struct op *op)
{
    if (!op)
        return;
    if (op->class->clear)
        op->class->clear(op);
    free(op);
}

enum op_stage op_stage(const char *what)
{
    static const struct {
        const char *words;
        enum op_stage stage;
    } stages[] = {
        {"forward", OP_STAGE_FORWARD},         {"data gradient", OP_STAGE_DATA},
        {"weight gradient", OP_STAGE_WEIGHTS}, {"bias gradient", OP_STAGE_WEIGHTS},
        {"gradient sum", OP_STAGE_WEIGHTS},    {"backward", OP_STAGE_BACKWARD},
    };

    for (size_t i = 0; i < MEM_COUNT(stages); i++) {
        const size_t n = strlen(stages[i].words);
        if (strncmp(what, stages[i].words, n) == 0 && (what[n] == '\0' || what[n] == ' '))
            return stages[i].stage;
    }
    return OP_STAGE_NONE;
}

int op_launch_create(struct op_launch *l, struct op *op, const char *what, const char *file,
                     struct str *options, const char *name, struct clr_error *err)
{
    int rc = str_check(options, err);

    assert(op_stage(what) != OP_STAGE_NONE);
    (void)snprintf(l->label, sizeof l->label, "%s %s", op->desc.label, what);
    if (rc == 0)
        rc = ocl_kernel_get(&l->kernel, op->ctx, file, str_text(options), name, err);
    str_clear(options);
    return rc;
}

int op_kernel(struct op *op, bool back, const char *file, struct str *options, const char *name,
              struct clr_error *err)
{
    return op_launch_create(back ? &op->backward : &op->forward, op, back ? "backward" : "forward", file,
                            options, name, err);
}

int op_launch_run(const struct op_launch *l, struct op *op, const struct op_io *io,
                  const struct ocl_arg *args, size_t arg_count, struct clr_error *err)
{
    size_t global[3];

    if (!l->kernel)
        return 0;
    for (int i = 0; i < 3; i++)
        global[i] = l->global[i] ? l->global[i] : (size_t)io->batch;
    return ocl_launch(op->ctx, l->kernel, l->label, 3, global, args, (int)arg_count, err);
}

int op_run_sample(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    const float scale = op->desc.u.loss.weight / (float)io->batch;
    const struct ocl_arg plain[] = {OCL_MEM(io->sample), OCL_MEM(io->x[0].mem), OCL_MEM(io->labels),
                                    OCL_INT(io->sample_offset), OCL_INT(io->batch)};
    const struct ocl_arg both[] = {OCL_MEM(io->sample),   OCL_MEM(io->dx[0].mem), OCL_FLOAT(scale),
                                   OCL_MEM(io->x[0].mem), OCL_MEM(io->labels),    OCL_INT(io->sample_offset),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, back ? both : plain, back ? MEM_COUNT(both) : MEM_COUNT(plain),
                         err);
}

void op_add_variant(struct op *op, enum op_pass pass, const char *format, ...)
{
    static const char *const names[OP_PASS_COUNT] = {"", ", data ", ", weights "};
    char text[48];
    const size_t at = strlen(op->variant);
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)snprintf(op->variant + at, sizeof op->variant - at, "%s%s", names[pass], text);
}

int op_loops(const struct clr_device *device, double rounds, int most)
{
    const int limit = device_loop_limit(device);
    const double fit = 0.9 * limit / rounds; /* the rest is for what is around the parts */

    return limit == INT_MAX || fit >= most ? most : fit > 1.0 ? (int)fit : 1;
}

int op_span(const struct clr_device *device, int many)
{
    return device->type == CLR_DEVICE_CPU ? many : 1;
}

/* ------------------------------------------------------------------ cases */

int op_case_get(struct op_case *out, enum op_kind kind, int i, struct clr_error *err)
{
    memset(out, 0, sizeof *out);
    out->desc.kind = kind;
    out->desc.label = "verify";
    out->desc.backward = true;
    out->desc.need_dx = 1;
    out->desc.x_count = 1;
    out->desc.y_count = classes[kind]->flags & OP_NO_Y ? 0 : 1;
    classes[kind]->cases->get(out, i);
    return out->unfit
               ? clr_error_set(err, CLR_EINPUT, "the case '%s' has a geometry that does not fit", out->name)
               : 0;
}

void op_case_of(struct op_case *out, const struct shape *x, bool small, const char *format, ...)
{
    size_t used;
    va_list ap;

    out->desc.x[0] = out->desc.y[0] = *x;
    out->small = small;
    (void)snprintf(out->name, sizeof out->name, "%s %dx%dx%dx%d", op_title(&out->desc), x->n, x->c, x->h,
                   x->w);
    used = strlen(out->name);
    va_start(ap, format);
    (void)vsnprintf(out->name + used, sizeof out->name - used, format, ap);
    va_end(ap);
}

/* ------------------------------------------------------------------ kernels */

void op_tensor_macros(struct str *options, const struct op *op, const struct op_io *io)
{
    const bool back = op_has_pass(&op->desc, OP_BACKWARD_DATA);

    tensor_macros(options, "X", &io->x[0]);
    tensor_macros(options, "Y", &io->y[0]);
    tensor_macros(options, "DX", back ? &io->dx[0] : &io->x[0]);
    tensor_macros(options, "DY", back ? &io->dy[0] : &io->y[0]);
}
