/* Device memory by lifetimes: see arena.h. */
#include "ocl/arena.h"

struct request {
    size_t size, offset;
    int slab, first, last;
    const char *what;
    cl_mem part;
};

struct slab {
    size_t size;
    cl_mem mem;
};

struct arena {
    size_t align, largest;
    struct request *requests;
    size_t count, capacity;
    int *order; /* requests, largest first */
    struct slab *slabs;
    size_t slab_count, slab_capacity;
};

int arena_create(struct arena **out, const struct clr_device *device, struct clr_error *err)
{
    struct arena *a = NULL;
    int rc = mem_new(&a, 1, sizeof *a, "a memory plan", err);

    if (rc < 0)
        return rc;
    a->align = device->address_align_bytes > 64 ? (size_t)device->address_align_bytes : 64;
    a->largest = (size_t)device->max_allocation / a->align * a->align;
    *out = a;
    return 0;
}

void arena_destroy(struct arena *a)
{
    if (!a)
        return;
    for (size_t i = a->count; i-- > 0;) /* the last first: NVIDIA's driver 580.159 crashes otherwise */
        ocl_release(&a->requests[i].part);
    for (size_t i = 0; i < a->slab_count; i++)
        ocl_release(&a->slabs[i].mem);
    free(a->requests);
    free(a->slabs);
    free(a->order);
    free(a);
}

int arena_request(struct arena *a, int *id, size_t size_bytes, int first, int last, const char *what,
                  struct clr_error *err)
{
    size_t size;
    int rc;

    if (!clr_add_size(&size, size_bytes ? size_bytes : 1, a->align - 1) ||
        size / a->align * a->align > a->largest)
        return clr_error_set(
            err, CLR_EDEVMEM,
            "%s needs %.1f MB in one piece, the device gives at most %.1f MB: try a smaller `batch`", what,
            (double)size_bytes / 1e6, (double)a->largest / 1e6);
    rc = mem_grow(&a->requests, &a->capacity, a->count + 1, sizeof *a->requests, "a memory plan", err);
    if (rc < 0)
        return rc;
    a->requests[a->count] =
        (struct request){.size = size / a->align * a->align, .first = first, .last = last, .what = what};
    *id = (int)a->count++;
    return 0;
}

/* Lowest offset in the slab where r overlaps no request that lives at the same time; `placed` requests come
 * first in the order. */
static size_t lowest_place(const struct arena *a, const struct request *r, int slab, size_t placed)
{
    size_t offset = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < placed; i++) {
            const struct request *p = &a->requests[a->order[i]];
            const bool together = p->slab == slab && p->first <= r->last && r->first <= p->last;
            if (together && offset < p->offset + p->size && p->offset < offset + r->size) {
                offset = p->offset + p->size;
                moved = true;
            }
        }
    }
    return offset;
}

static void sort_by_size(struct arena *a)
{
    for (size_t i = 0; i < a->count; i++) {
        size_t j = i;
        for (; j > 0 && a->requests[a->order[j - 1]].size < a->requests[i].size; j--)
            a->order[j] = a->order[j - 1];
        a->order[j] = (int)i;
    }
}

int arena_plan(struct arena *a, struct clr_error *err)
{
    int rc = mem_new(&a->order, a->count, sizeof *a->order, "a memory plan", err);

    if (rc < 0)
        return rc;
    sort_by_size(a);
    for (size_t i = 0; i < a->count; i++) {
        struct request *r = &a->requests[a->order[i]];
        size_t offset = 0, slab = 0;
        for (; slab < a->slab_count; slab++) {
            offset = lowest_place(a, r, (int)slab, i);
            if (offset + r->size <= a->largest)
                break;
        }
        if (slab == a->slab_count) {
            rc = mem_grow(&a->slabs, &a->slab_capacity, slab + 1, sizeof *a->slabs, "a memory plan", err);
            if (rc < 0)
                return rc;
            a->slabs[a->slab_count++] = (struct slab){0};
            offset = 0;
        }
        r->slab = (int)slab;
        r->offset = offset;
        if (offset + r->size > a->slabs[slab].size)
            a->slabs[slab].size = offset + r->size;
    }
    return 0;
}

size_t arena_bytes(const struct arena *a)
{
    size_t total = 0;

    for (size_t i = 0; i < a->slab_count; i++)
        total += a->slabs[i].size;
    return total;
}

int arena_allocate(struct arena *a, struct ocl_context *ctx, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < a->slab_count && rc == 0; i++)
        rc = ocl_buffer_create(&a->slabs[i].mem, ctx, a->slabs[i].size, "the net's memory", err);
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        struct request *r = &a->requests[i];
        rc = ocl_buffer_part(&r->part, ctx, a->slabs[r->slab].mem, r->offset, r->size, err);
        if (rc < 0)
            clr_error_prefix(err, "%s", r->what);
    }
    return rc;
}

cl_mem arena_part(const struct arena *a, int id)
{
    return a->requests[id].part;
}
