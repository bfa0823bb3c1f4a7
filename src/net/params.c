/* Parameters of a net on the device: see net.h. */
#include "net/net.h"

#include <limits.h>

/* Offsets of parts of a buffer are multiples of this many floats, on any device. */
static size_t alignment(const struct clr_device *device)
{
    const size_t bytes = device->address_align_bytes > 64 ? (size_t)device->address_align_bytes : 64;

    return bytes / sizeof(float);
}

/* Place the states, or the other parameters, after those that have a place already. */
static int place(struct params *p, bool states, const struct clr_device *device, struct clr_error *err)
{
    const size_t align = alignment(device);

    for (size_t i = 0; i < p->count; i++) {
        if (p->info[i].state != states)
            continue;
        p->offset[i] = p->floats;
        p->floats += (p->info[i].count + align - 1) / align * align;
        if (p->floats > INT_MAX || p->floats * sizeof(float) > device->max_allocation)
            return clr_error_set(
                err, CLR_EDEVMEM,
                "the parameters need more than the %.1f MB that the device gives in one piece",
                (double)device->max_allocation / 1e6);
    }
    return 0;
}

int params_plan(struct params *p, const struct graph *g, const struct clr_device *device, unsigned sets,
                struct clr_error *err)
{
    int rc;

    memset(p, 0, sizeof *p);
    p->count = g->param_count;
    p->info = g->params;
    p->sets = sets;
    rc = mem_new(&p->offset, p->count, sizeof *p->offset, "parameters", err);
    for (int s = 0; s < PARAMS_SETS && rc == 0; s++)
        if (params_has(p, s))
            rc = mem_new(&p->parts[s], p->count, sizeof **p->parts, "parameters", err);
    if (rc == 0)
        rc = place(p, false, device, err);
    p->learned = p->floats;
    if (rc == 0)
        rc = place(p, true, device, err);
    if (rc < 0) {
        params_clear(p);
        return rc;
    }
    p->w = p->parts[PARAMS_W];
    p->g = p->parts[PARAMS_G];
    return 0;
}

int params_build(struct params *p, struct ocl_context *ctx, struct clr_error *err)
{
    int rc = 0;

    for (int s = 0; s < PARAMS_SETS && rc == 0; s++) {
        const size_t floats = s == PARAMS_W ? p->floats : p->learned;
        if (!params_has(p, s))
            continue;
        rc = ocl_buffer_create(&p->all[s], ctx, floats * sizeof(float), "the parameters", err);
        for (size_t i = 0; i < p->count && rc == 0; i++)
            if (s == PARAMS_W || !p->info[i].state)
                rc = ocl_buffer_part(&p->parts[s][i], ctx, p->all[s], p->offset[i] * sizeof(float),
                                     p->info[i].count * sizeof(float), err);
    }
    return rc;
}

void params_clear(struct params *p)
{
    for (int s = 0; s < PARAMS_SETS; s++) {
        for (size_t i = 0; p->parts[s] && i < p->count; i++)
            ocl_release(&p->parts[s][i]);
        ocl_release(&p->all[s]);
        free(p->parts[s]);
    }
    free(p->offset);
    memset(p, 0, sizeof *p);
}

size_t params_bytes(const struct params *p)
{
    size_t floats = p->floats;

    for (int s = PARAMS_W + 1; s < PARAMS_SETS; s++)
        floats += params_has(p, s) ? p->learned : 0;
    return floats * sizeof(float);
}
