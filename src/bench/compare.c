/* Reports side by side: see clr/bench.h. */
#include <clr/bench.h>

#include "base/embedded.h"
#include "base/log.h"
#include "base/str.h"
#include "bench/comparison.h"
#include "bench/report_json.h"

/* ------------------------------------------------------------------ what can be compared */

static int check_pair(const struct clr_bench_report *a, const struct clr_bench_report *b,
                      struct clr_error *err)
{
    const char *first = a->source, *second = b->source;

    if (strcmp(a->net_sha256, b->net_sha256) != 0)
        return clr_error_set(
            err, CLR_EINPUT,
            "'%s' measured the net '%s', '%s' the net '%s'%s: times of different nets cannot "
            "be compared",
            first, a->net, second, b->net, strcmp(a->net, b->net) == 0 ? ", whose prototxt differs" : "");
    if (a->input.channels != b->input.channels || a->input.height != b->input.height ||
        a->input.width != b->input.width)
        return clr_error_set(err, CLR_EINPUT, "'%s' has images of %dx%dx%d, '%s' of %dx%dx%d", first,
                             a->input.channels, a->input.height, a->input.width, second, b->input.channels,
                             b->input.height, b->input.width);
    if (a->batch != b->batch)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' has batches of %d images, '%s' of %d: measure both with one `batch`",
                             first, a->batch, second, b->batch);
    return 0;
}

bool clr_bench_is_correct(const struct clr_bench_report *report)
{
    return report->wrong == 0 && !report->refused[0];
}

static int check_right(const struct clr_bench_report *r, struct clr_error *err)
{
    const char *file = r->source;

    if (clr_bench_is_correct(r))
        return 0;
    if (r->refused[0])
        return clr_error_set(err, CLR_EINPUT,
                             "'%s': train refuses its device, and its times do not count: %s", file,
                             r->refused);
    for (size_t i = 0; i < r->check_count; i++) {
        const struct clr_bench_check *c = &r->checks[i];
        const bool layer = c->layer[0]; /* the batch and the update have none */
        if (!c->ok)
            return clr_error_set(err, CLR_EINPUT,
                                 "'%s': %s computed wrongly on %s%s%s%s: its times do not count", file,
                                 c->kind, r->device, layer ? " (layer '" : "", c->layer, layer ? "')" : "");
    }
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
            clr_bench_destroy(some, k);
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
        clr_bench_destroy(all, n);
        return rc;
    }
    *out = all;
    *count = n;
    return 0;
}

/* ------------------------------------------------------------------ what comes with the program */

/* Is it one of those that are there: of that device, at that time? */
static bool is_there(const struct clr_bench_report *reports, size_t count, const struct clr_bench_report *one)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(reports[i].device, one->device) == 0 && strcmp(reports[i].created, one->created) == 0)
            return true;
    return false;
}

/* Move one to the others, or report why it cannot be compared. */
static int add_known(struct clr_bench_report **reports, size_t *count, struct clr_bench_report *one,
                     struct clr_error *err)
{
    size_t capacity = *count;
    int rc;

    if (check_pair(&(*reports)[0], one, NULL) < 0) {
        log_line(CLR_LOG_INFO, "not comparable: %s: %s, batch %d of %dx%dx%d", one->device, one->net,
                 one->batch, one->input.channels, one->input.height, one->input.width);
        return 0;
    }
    if (is_there(*reports, *count, one))
        return 0;
    rc = mem_grow(reports, &capacity, *count + 1, sizeof **reports, "reports", err);
    if (rc < 0)
        return rc;
    (*reports)[(*count)++] = *one;
    *one = (struct clr_bench_report){.batch = 0}; /* what it held is theirs now */
    return 0;
}

int clr_bench_add_known(struct clr_bench_report **reports, size_t *count, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < embedded_reports_count && rc == 0; i++) {
        struct clr_bench_report *some = NULL;
        char path[CLR_BENCH_NAME];
        size_t n = 0;
        (void)snprintf(path, sizeof path, "known/%s.json", embedded_reports[i].name);
        rc = bench_read_text(&some, &n, path, embedded_reports[i].text, embedded_reports[i].size, err);
        for (size_t k = 0; k < n && rc == 0; k++)
            rc = add_known(reports, count, &some[k], err);
        clr_bench_destroy(some, n);
    }
    return rc;
}

/* ------------------------------------------------------------------ side by side */

int clr_bench_compare(char **text, const struct clr_bench_report *reports, size_t count,
                      enum clr_bench_form form, struct clr_error *err)
{
    struct comparison c = {0};
    struct str out = {0};
    int rc = comparison_make(&c, reports, count, err);

    if (rc < 0)
        return rc;
    switch (form) {
    case CLR_BENCH_TEXT:
    case CLR_BENCH_MARKDOWN:
        comparison_text(&out, &c, form == CLR_BENCH_MARKDOWN);
        break;
    case CLR_BENCH_CSV:
        comparison_csv(&out, &c);
        break;
    case CLR_BENCH_JSON:
        rc = comparison_json(&out, &c, err);
        break;
    }
    if (rc == 0)
        rc = str_check(&out, err);
    if (rc == 0)
        *text = out.text;
    else
        str_clear(&out);
    comparison_clear(&c);
    return rc;
}
