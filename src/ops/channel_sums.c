/* Sums over the pixels of each channel: see channel_sums.h. */
#include "ops/channel_sums.h"

#include <limits.h>

int channel_sums_bytes(size_t *out, const struct op_desc *desc, int block, int count, struct clr_error *err)
{
    const struct shape part = {desc->x[0].n, op_ceil(desc->x[0].c, block), count, block};
    size_t floats;

    if (!shape_count(&part, &floats) || floats > INT_MAX)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more sums than the kernels can number",
                             desc->label);
    *out = floats * sizeof(float);
    return 0;
}

int channel_sums_create(struct channel_sums *s, struct op *op, const char *what,
                        const char *const terms[CHANNEL_SUMS_MOST], int count, bool total,
                        const struct tensor *d, const struct tensor *v, struct clr_error *err)
{
    const char *const names[] = {"channel_sums_images", total ? "channel_sums_total" : "channel_sums_add"},
                      *const of[] = {" of images", " sum"};
    const struct shape *x = &d->shape;
    struct op_launch *const launches[] = {&s->images, &s->add};
    int rc = 0;

    s->count = count;
    op_launch_range(&s->images, op_ceil(x->c, op->block), 0, 1);
    op_launch_range(&s->add, total ? 1 : x->c, 1, 1);
    for (size_t i = 0; i < MEM_COUNT(names) && rc == 0; i++) {
        struct str options = {0};
        char label[64];
        (void)snprintf(label, sizeof label, "%s%s", what, of[i]);
        str_append(&options, "-DV=%d -DC=%d -DH=%d -DW=%d -DSUMS=%d", op->block, x->c, x->h, x->w, count);
        for (int k = 0; k < count; k++)
            str_append(&options, " -DSUM%d=%s", k, terms[k]);
        tensor_macros(&options, "D", d);
        tensor_macros(&options, "T", v);
        rc = op_launch_create(launches[i], op, label, "channel_sums.cl", &options, names[i], err);
    }
    return rc;
}

int channel_sums_run(const struct channel_sums *s, struct op *op, const struct op_io *io, cl_mem d, cl_mem v,
                     const cl_mem out[CHANNEL_SUMS_MOST], const int at[CHANNEL_SUMS_MOST],
                     struct clr_error *err)
{
    const int last = s->count - 1;
    const struct ocl_arg images[] = {OCL_MEM(io->workspace), OCL_MEM(d), OCL_MEM(v), OCL_INT(io->batch)},
                         add[] = {OCL_MEM(out[0]),   OCL_INT(at[0]),         OCL_MEM(out[last]),
                                  OCL_INT(at[last]), OCL_MEM(io->workspace), OCL_INT(io->batch)};
    int rc = op_launch_run(&s->images, op, io, images, MEM_COUNT(images), err);

    return rc < 0 ? rc : op_launch_run(&s->add, op, io, add, MEM_COUNT(add), err);
}
