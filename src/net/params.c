/* Parameters of a net on the device: see net.h. */
#include "net/net.h"

int params_plan(struct params *p, const struct graph *g, const struct clr_device *device, bool train,
                struct clr_error *err)
{
    const size_t sets = train ? 3 : 1;
    int rc = 0;

    memset(p, 0, sizeof *p);
    p->count = g->param_count;
    p->info = g->params;
    rc = arena_new(&p->arena, device, err);
    if (rc == 0)
        rc = mem_new(&p->ids, sets * p->count, sizeof *p->ids, "parameters", err);
    for (size_t i = 0; i < sets * p->count && rc == 0; i++)
        rc = arena_request(p->arena, &p->ids[i], p->info[i % p->count].count * sizeof(float), 0, ARENA_ALWAYS,
                           "a parameter", err);
    if (rc == 0)
        rc = arena_plan(p->arena, err);
    if (rc == 0)
        rc = mem_new(&p->w, p->count, sizeof *p->w, "parameters", err);
    if (rc == 0 && train)
        rc = mem_new(&p->g, p->count, sizeof *p->g, "parameters", err);
    if (rc == 0 && train)
        rc = mem_new(&p->v, p->count, sizeof *p->v, "parameters", err);
    if (rc < 0)
        params_clear(p);
    return rc;
}

int params_build(struct params *p, struct ocl_context *ctx, struct clr_error *err)
{
    int rc = arena_allocate(p->arena, ctx, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < p->count; i++) {
        p->w[i] = arena_part(p->arena, p->ids[i]);
        if (p->g) {
            p->g[i] = arena_part(p->arena, p->ids[p->count + i]);
            p->v[i] = arena_part(p->arena, p->ids[2 * p->count + i]);
        }
    }
    return 0;
}

void params_clear(struct params *p)
{
    arena_destroy(p->arena);
    free(p->ids);
    free(p->w);
    free(p->g);
    free(p->v);
    memset(p, 0, sizeof *p);
}

size_t params_bytes(const struct params *p)
{
    return arena_bytes(p->arena);
}
