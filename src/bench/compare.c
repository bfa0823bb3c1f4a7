/* Reports side by side: see clr/bench.h. */
#include <clr/bench.h>

#include <math.h>

#include "base/str.h"
#include "bench/row_merge.h"

/* ------------------------------------------------------------------ what can be compared */

static int check_pair(const struct clr_bench_report *a, const struct clr_bench_report *b,
                      struct clr_error *err)
{
    if (strcmp(a->net_sha256, b->net_sha256) != 0)
        return clr_error_set(
            err, CLR_EINPUT,
            "'%s' measured the net '%s', '%s' the net '%s'%s: times of different nets cannot "
            "be compared",
            a->source, a->net, b->source, b->net,
            strcmp(a->net, b->net) == 0 ? ", whose prototxt differs" : "");
    if (a->input.channels != b->input.channels || a->input.height != b->input.height ||
        a->input.width != b->input.width)
        return clr_error_set(err, CLR_EINPUT, "'%s' has images of %dx%dx%d, '%s' of %dx%dx%d", a->source,
                             a->input.channels, a->input.height, a->input.width, b->source, b->input.channels,
                             b->input.height, b->input.width);
    if (a->batch != b->batch)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' has batches of %d images, '%s' of %d: measure both with one --batch",
                             a->source, a->batch, b->source, b->batch);
    return 0;
}

static int check_right(const struct clr_bench_report *r, struct clr_error *err)
{
    for (size_t i = 0; i < r->check_count; i++)
        if (!r->checks[i].ok)
            return clr_error_set(err, CLR_EINPUT,
                                 "'%s': %s computed wrongly on %s (layer '%s'): its times mean nothing",
                                 r->source, r->checks[i].kind, r->device, r->checks[i].layer);
    return 0;
}

int clr_bench_read_all(struct clr_bench_report **out, size_t *count, const char *const *paths,
                       size_t path_count, struct clr_error *err)
{
    struct clr_bench_report *all = NULL;
    size_t n = 0, capacity = 0;
    int rc = 0;

    for (size_t i = 0; i < path_count && rc == 0; i++) {
        struct clr_bench_report *some = NULL;
        size_t k = 0;
        rc = clr_bench_read(&some, &k, paths[i], err);
        if (rc == 0)
            rc = mem_grow(&all, &capacity, n + k, sizeof *all, "reports", err);
        if (rc < 0) {
            clr_bench_free(some, k);
            break;
        }
        memcpy(all + n, some, k * sizeof *all);
        free(some); /* what the reports hold is all's now */
        for (size_t j = n; j < n + k && rc == 0; j++) {
            rc = check_pair(&all[0], &all[j], err);
            if (rc == 0)
                rc = check_right(&all[j], err);
        }
        n += k;
    }
    if (rc < 0) {
        clr_bench_free(all, n);
        return rc;
    }
    *out = all;
    *count = n;
    return 0;
}

/* ------------------------------------------------------------------ the table */

#define COLUMN 10 /* "1234.567 " and a ratio each */

/* A line: name, the first value, then value and ratio of each other. NaN: not measured there. */
static void line(struct str *s, int width, const char *name, const char *pass, const double *values,
                 size_t count, int decimals)
{
    str_append(s, "%-*s  %-15s", width, name, pass);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i]))
            str_append(s, "  %*.*f", COLUMN, decimals, values[i]);
        else
            str_append(s, "  %*s", COLUMN, "-");
        if (i > 0 && isfinite(values[i]) && values[0] > 0.0)
            str_append(s, "  %6.2fx", values[i] / values[0]);
        else if (i > 0)
            str_append(s, "  %7s", "-");
    }
    str_append(s, "\n");
}

static void layers(struct str *s, int width, const struct row_merge *merge, double *values)
{
    for (size_t i = 0; i < merge->count; i++) {
        for (size_t k = 0; k < merge->reports; k++) {
            const struct clr_bench_row *row = row_merge_find(merge, k, i);
            values[k] = row ? row->ms.median : NAN;
        }
        line(s, width, merge->order[i]->layer, clr_bench_pass_name(merge->order[i]->pass), values,
             merge->reports, 3);
    }
}

enum whole { STEP, INFERENCE, WARM, FIRST, MEMORY, WHOLE_COUNT };

static double whole_of(const struct clr_bench_report *r, enum whole what)
{
    switch (what) {
    case STEP:
        return r->step_ms.median;
    case INFERENCE:
        return r->inference_ms.median;
    case WARM:
        return r->warm_start_s.median;
    case FIRST:
        return r->first_start_s.median;
    default:
        return r->peak_memory_bytes > 0 ? (double)r->peak_memory_bytes / 1e6 : NAN;
    }
}

static void wholes(struct str *s, int width, const struct clr_bench_report *reports, size_t count,
                   double *values)
{
    static const char *const names[WHOLE_COUNT] = {"training step", "inference", "warm start", "first start",
                                                   "memory"},
                             *const units[WHOLE_COUNT] = {"ms", "ms", "s", "s", "MB"};

    for (int w = 0; w < WHOLE_COUNT; w++) {
        for (size_t k = 0; k < count; k++)
            values[k] = whole_of(&reports[k], (enum whole)w);
        line(s, width, names[w], units[w], values, count, w == MEMORY ? 0 : 3);
    }
}

static void head(struct str *s, int width, const struct clr_bench_report *reports, size_t count)
{
    const struct clr_bench_report *r = &reports[0];

    str_append(s, "net %s, batch %d of %dx%dx%d; medians in ms, and how many times the first one's\n\n",
               r->net, r->batch, r->input.channels, r->input.height, r->input.width);
    for (size_t i = 0; i < count; i++)
        str_append(s, "[%zu] %s: %s, %s, driver %s; clr-cl %s (%s)\n", i + 1, reports[i].source,
                   reports[i].device, reports[i].platform, reports[i].driver, reports[i].program,
                   reports[i].git_id);
    str_append(s, "\n%-*s  %-15s", width, "LAYER", "PASS");
    for (size_t i = 0; i < count; i++) {
        char number[32];
        (void)snprintf(number, sizeof number, "[%zu]", i + 1);
        str_append(s, "  %*s", COLUMN, number);
        if (i > 0)
            str_append(s, "  %7s", "RATIO");
    }
    str_append(s, "\n");
}

int clr_bench_compare(char **text, const struct clr_bench_report *reports, size_t count,
                      struct clr_error *err)
{
    struct str s = {0};
    struct row_merge merge = {0};
    double *values = NULL;
    int width = (int)strlen("training step"), rc = mem_new(&values, count, sizeof *values, "times", err);

    if (rc == 0)
        rc = row_merge_make(&merge, reports, count, err);
    if (rc < 0)
        goto out;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < reports[i].row_count; k++) {
            const int n = (int)strlen(reports[i].rows[k].layer);
            width = n > width ? n : width;
        }
    head(&s, width, reports, count);
    layers(&s, width, &merge, values);
    str_append(&s, "\n");
    wholes(&s, width, reports, count, values);
    rc = str_check(&s, err);
    if (rc == 0)
        *text = s.text;
    else
        str_clear(&s);
out:
    row_merge_clear(&merge);
    free(values);
    return rc;
}
