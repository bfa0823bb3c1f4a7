/* Event timing per label: see profile.h. */
#include "ocl/profile.h"

#include <stdlib.h>
#include <string.h>

#include "ocl/context.h"

#define PENDING_MAX 512 /* events held; the older half is read when it is reached */

static void release(struct profile_pending *p)
{
    if (p->begin)
        (void)clReleaseEvent(p->begin);
    if (p->end)
        (void)clReleaseEvent(p->end);
    p->begin = NULL;
    p->end = NULL;
}

/* Wait for the oldest `count` commands (in order: for the last of them), add their times, drop them. */
static int harvest(struct ocl_context *ctx, size_t count, struct clr_error *err)
{
    struct profile *p = &ctx->profile;
    cl_int status = CL_SUCCESS;

    if (count > 0)
        status = clWaitForEvents(1, &p->pending[count - 1].end);
    for (size_t i = 0; i < count; i++) {
        struct profile_pending *e = &p->pending[i];
        cl_ulong from = 0, to = 0;
        if (status == CL_SUCCESS)
            status = clGetEventProfilingInfo(e->begin ? e->begin : e->end,
                                             e->begin ? CL_PROFILING_COMMAND_END : CL_PROFILING_COMMAND_START,
                                             sizeof from, &from, NULL);
        if (status == CL_SUCCESS)
            status = clGetEventProfilingInfo(e->end, CL_PROFILING_COMMAND_END, sizeof to, &to, NULL);
        if (status == CL_SUCCESS) {
            p->rows[e->row].calls++;
            p->rows[e->row].time_ns += to > from ? to - from : 0;
        }
        release(e);
    }
    p->pending_count -= count;
    if (count > 0)
        memmove(p->pending, p->pending + count, p->pending_count * sizeof *p->pending);
    return ocl_check(ctx, status, "reading the times of kernels", err);
}

static int find_row(size_t *out, struct profile *p, const char *label, struct clr_error *err)
{
    int rc;

    for (size_t i = 0; i < p->row_count; i++) {
        if (p->rows[i].label == label || strcmp(p->rows[i].label, label) == 0) {
            *out = i;
            return 0;
        }
    }
    rc = mem_grow(&p->rows, &p->row_capacity, p->row_count + 1, sizeof *p->rows, "profile", err);
    if (rc < 0)
        return rc;
    p->rows[p->row_count] = (struct profile_row){.label = label};
    *out = p->row_count++;
    return 0;
}

int profile_add(struct ocl_context *ctx, const char *label, cl_event begin, cl_event end,
                struct clr_error *err)
{
    struct profile *p = &ctx->profile;
    struct profile_pending entry = {begin, end, 0};
    int rc = find_row(&entry.row, p, label, err);

    if (rc == 0)
        rc = mem_grow(&p->pending, &p->pending_capacity, p->pending_count + 1, sizeof *p->pending, "profile",
                      err);
    if (rc < 0) {
        release(&entry);
        return rc;
    }
    p->pending[p->pending_count++] = entry;
    return p->pending_count < PENDING_MAX ? 0 : harvest(ctx, PENDING_MAX / 2, err);
}

void profile_clear(struct profile *p)
{
    for (size_t i = 0; i < p->pending_count; i++)
        release(&p->pending[i]);
    free(p->pending);
    free(p->rows);
    memset(p, 0, sizeof *p);
}

int ocl_profile_take(struct ocl_context *ctx, struct profile_row **rows, size_t *count, struct clr_error *err)
{
    struct profile *p = &ctx->profile;
    struct profile_row *taken = NULL;
    int rc = harvest(ctx, p->pending_count, err);

    if (rc == 0)
        rc = mem_new(&taken, p->row_count, sizeof *taken, "profile", err);
    if (rc < 0)
        return rc;
    if (p->row_count > 0)
        memcpy(taken, p->rows, p->row_count * sizeof *taken);
    *rows = taken;
    *count = p->row_count;
    p->row_count = 0;
    return 0;
}

static int slower_first(const void *a, const void *b)
{
    const struct profile_row *x = a, *y = b;

    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? 1 : -1;
    return strcmp(x->label, y->label);
}

int ocl_profile_table(struct ocl_context *ctx, char **out, struct clr_error *err)
{
    struct profile *p = &ctx->profile;
    uint64_t total = 0, calls = 0;
    size_t width = strlen("kernel");
    struct str s = {0};
    int rc = harvest(ctx, p->pending_count, err);

    if (rc < 0 || p->row_count == 0)
        return rc;
    qsort(p->rows, p->row_count, sizeof *p->rows, slower_first);
    for (size_t i = 0; i < p->row_count; i++) {
        size_t n = strlen(p->rows[i].label);
        width = n > width ? n : width;
        total += p->rows[i].time_ns;
        calls += p->rows[i].calls;
    }
    str_append(&s, "%-*s  %9s  %11s  %9s  %6s\n", (int)width, "kernel", "calls", "total ms", "mean us",
               "share");
    for (size_t i = 0; i < p->row_count; i++) {
        const struct profile_row *r = &p->rows[i];
        str_append(&s, "%-*s  %9llu  %11.3f  %9.1f  %5.1f%%\n", (int)width, r->label,
                   (unsigned long long)r->calls, (double)r->time_ns / 1e6,
                   r->calls > 0 ? (double)r->time_ns / 1e3 / (double)r->calls : 0.0,
                   total > 0 ? 100.0 * (double)r->time_ns / (double)total : 0.0);
    }
    str_append(&s, "%-*s  %9llu  %11.3f\n", (int)width, "total", (unsigned long long)calls,
               (double)total / 1e6);
    return str_take(out, &s, err);
}
