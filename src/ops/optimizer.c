/* The table of optimizers, and the update of all parameters: host side of cl/optimizer.clh. */
#include "ops/optimizer.h"

#include <limits.h>
#include <math.h>

#include "ops/clip.h"
#include "ops/op_impl.h"

enum { ROW_WORDS = 5 }; /* of the table, for each parameter: see cl/optimizer.clh */

struct optimizer {
    struct optimizer_settings settings;
    struct ocl_context *ctx;
    struct ocl_kernel *kernel;
    struct clip *clip; /* NULL: gradients are not clipped */
    cl_mem table;
    size_t count, spans;
};

#define ROW(kind, name) extern const struct optimizer_class optimizer_##name;
#include "ops/optimizers.h"
#undef ROW

static const struct optimizer_class *const classes[] = {
#define ROW(kind, name) [kind] = &optimizer_##name,
#include "ops/optimizers.h"
#undef ROW
};

/* ------------------------------------------------------------------ names */

const struct optimizer_class *optimizer_class(enum clr_optimizer kind)
{
    return (size_t)kind < MEM_COUNT(classes) ? classes[kind] : NULL;
}

const char *clr_optimizer_name(enum clr_optimizer optimizer)
{
    return optimizer_class(optimizer) ? classes[optimizer]->name : "unknown";
}

const char *const *clr_optimizer_names(void)
{
    static const char *const names[] = {
#define ROW(kind, name) #name,
#include "ops/optimizers.h"
#undef ROW
        NULL};

    return names;
}

STR_NAMES(clr_momentum_convention_names, [CLR_MOMENTUM_PYTORCH] = "pytorch", [CLR_MOMENTUM_CAFFE] = "caffe")
STR_NAMES(clr_regularization_names, "l2", "l1")

const struct clr_optimizer_torch *clr_optimizer_pytorch(enum clr_optimizer optimizer)
{
    const struct optimizer_class *class = optimizer_class(optimizer);

    return class ? &class->pytorch : NULL;
}

double clr_optimizer_momentum(enum clr_optimizer optimizer)
{
    const struct optimizer_class *class = optimizer_class(optimizer);

    return class ? class->usual_momentum : NAN;
}

bool clr_optimizer_takes_momentum(enum clr_optimizer optimizer, enum clr_momentum_convention convention)
{
    const struct optimizer_class *class = optimizer_class(optimizer);

    return class && (class->momentum == OPTIMIZER_MOMENTUM ||
                     (class->momentum == OPTIMIZER_MOMENTUM_PYTORCH && convention == CLR_MOMENTUM_PYTORCH));
}

double clr_optimizer_momentum2(enum clr_optimizer optimizer)
{
    const struct optimizer_class *class = optimizer_class(optimizer);

    return class && class->momentum2 ? class->usual_momentum2 : NAN;
}

bool clr_optimizer_uses_epsilon(enum clr_optimizer optimizer)
{
    const struct optimizer_class *class = optimizer_class(optimizer);

    return class && class->epsilon;
}

void optimizer_reference(struct optimizer_ref *r, const double *g, size_t count, double rate, uint64_t t)
{
    const struct optimizer_class *class = classes[r->settings.kind];

    for (size_t i = 0; i < count; i++) {
        const double sign = (r->w[i] > 0.0) - (r->w[i] < 0.0),
                     pull = r->decay * (r->settings.l1 ? sign : r->w[i]);
        if (class->decoupled)
            r->w[i] -= rate * pull;
        class->reference(r, i, class->decoupled ? g[i] : g[i] + pull, rate, t);
    }
}

/* ------------------------------------------------------------------ on a device */

static cl_uint bits(double value)
{
    const float f = (float)value;
    cl_uint word;

    memcpy(&word, &f, sizeof word);
    return word;
}

static int create_table(struct optimizer *o, const struct optimizer_param *params, size_t span,
                        struct clr_error *err)
{
    const size_t words = o->count * ROW_WORDS;
    cl_uint *table = NULL;
    int rc = mem_new(&table, words, sizeof *table, "the optimizer's table", err);

    for (size_t i = 0; i < o->count && rc == 0; i++) {
        const struct optimizer_param *p = &params[i];
        cl_uint *row = table + i * ROW_WORDS;
        if (p->count > INT_MAX || p->offset > INT_MAX)
            rc = clr_error_set(err, CLR_EINPUT, "more than %d weights", INT_MAX);
        o->spans += (p->count + span - 1) / span;
        row[0] = (cl_uint)o->spans;
        row[1] = (cl_uint)p->offset;
        row[2] = (cl_uint)p->count;
        row[3] = bits(p->lr_mult);
        row[4] = bits(p->decay);
    }
    if (rc == 0)
        rc = ocl_buffer_create(&o->table, o->ctx, words * sizeof *table, "the optimizer's table", err);
    if (rc == 0)
        rc = ocl_write(o->ctx, o->table, 0, words * sizeof *table, table, err);
    free(table);
    return rc;
}

int optimizer_create(struct optimizer **out, struct ocl_context *ctx,
                     const struct optimizer_settings *settings, const struct optimizer_param *params,
                     size_t count, struct clr_error *err)
{
    const int span = ocl_device(ctx)->type == CLR_DEVICE_CPU ? 1024 : 4;
    struct optimizer *o = NULL;
    char options[128];
    const struct optimizer_class *class = optimizer_class(settings->kind);
    int rc = mem_new(&o, 1, sizeof *o, "the optimizer", err);

    if (rc < 0)
        return rc;
    o->settings = *settings;
    o->ctx = ctx;
    o->count = count;
    (void)snprintf(options, sizeof options,
                   "-DSQUARES=%d -DCAFFE=%d -DL1=%d -DDECOUPLED=%d -DCLIP=%d -DSPAN=%du", class->squares,
                   settings->caffe, settings->l1, class->decoupled, settings->clip > 0.0, span);
    rc = ocl_kernel_get(&o->kernel, ctx, class->kernel, options, "optimizer_update", err);
    if (rc == 0)
        rc = create_table(o, params, (size_t)span, err);
    if (rc == 0 && settings->clip > 0.0)
        rc = clip_create(&o->clip, ctx, settings->clip, err);
    if (rc < 0)
        optimizer_destroy(o);
    else
        *out = o;
    return rc;
}

void optimizer_destroy(struct optimizer *o)
{
    if (!o)
        return;
    clip_destroy(o->clip);
    ocl_release(&o->table);
    free(o);
}

int optimizer_update(struct optimizer *o, const struct optimizer_buffers *at, double rate, double momentum,
                     uint64_t t, struct clr_error *err)
{
    const struct optimizer_settings *s = &o->settings;
    const struct optimizer_class *class = optimizer_class(s->kind);
    const size_t global[1] = {o->spans};
    struct ocl_arg args[15] = {OCL_MEM(at->w), OCL_MEM(at->v)};
    const double plain_rate = rate;
    cl_mem factor = o->clip ? clip_factor(o->clip) : NULL;
    double root = 1.0;
    int n = 2, rc;

    rc = o->clip ? clip_run(o->clip, at->g, o->table, o->count, err) : 0;
    if (rc < 0)
        return rc;
    if (class->correct)
        class->correct(s, momentum, t, &rate, &root);
    if (class->squares)
        args[n++] = OCL_MEM(at->s);
    if (factor)
        args[n++] = OCL_MEM(factor);
    args[n++] = OCL_MEM(at->g);
    args[n++] = OCL_MEM(o->table);
    args[n++] = OCL_INT((cl_int)o->count);
    args[n++] = OCL_FLOAT((cl_float)rate);
    args[n++] = OCL_FLOAT((cl_float)plain_rate);
    args[n++] = OCL_FLOAT((cl_float)momentum);
    args[n++] = OCL_FLOAT((cl_float)s->momentum2);
    args[n++] = OCL_FLOAT((cl_float)(1.0 - momentum)); /* in float, 1 − 0.999f would be off by 1e-5 */
    args[n++] = OCL_FLOAT((cl_float)(1.0 - s->momentum2));
    args[n++] = OCL_FLOAT((cl_float)root);
    args[n++] = OCL_FLOAT((cl_float)s->epsilon);
    return ocl_launch(o->ctx, o->kernel, "update", 1, global, args, n, err);
}
