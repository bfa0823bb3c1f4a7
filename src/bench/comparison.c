/* Reports side by side, as numbers: see comparison.h. */
#include "bench/comparison.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "bench/peak.h"

/*
 * Each report is one run, and what slows a machine for an hour does not show in the samples of one: a shared
 * machine is 5 to 20 % faster in one hour than in the next (docs/benchmarking.md). What is planned is the
 * same in each.
 */
#define SAME         1.05
#define PLANNED_SAME 1.005
#define DRIFT        1.2
#define FACTOR_SURE  1.1 /* a factor that can be off by more has a ~ */

/* What a line's numbers are: of a time less is faster, of a rate more, an amount is neither; one that is
 * planned is no sample. */
enum sense { TIME, RATE, AMOUNT, PLANNED, SHARE };

enum whole {
    TRAINING,
    INFERENCE,
    PEAK,
    BANDWIDTH,
    OF_PEAK,
    STEP,
    EVALUATION,
    WARM,
    FIRST,
    DEVICE,
    PROCESS,
    WHOLES
};

static const struct {
    const char *figure, *unit;
    enum sense sense;
} wholes[WHOLES] = {
    [TRAINING] = {"training", "images/s", RATE},
    [INFERENCE] = {"inference", "images/s", RATE},
    [PEAK] = {"peak", "GFLOP/s", RATE},
    [BANDWIDTH] = {"bandwidth", "GB/s", RATE},
    [OF_PEAK] = {"share of the peak", "%", SHARE},
    [STEP] = {"training step", "ms", TIME},
    [EVALUATION] = {"inference", "ms", TIME},
    [WARM] = {"warm start", "s", TIME},
    [FIRST] = {"first start", "s", TIME},
    [DEVICE] = {"device memory", "MB", PLANNED},
    [PROCESS] = {"process memory", "MB", AMOUNT},
};

static struct clr_bench_spread one(double v)
{
    return isfinite(v) && v > 0.0 ? (struct clr_bench_spread){1, v, v, v} : (struct clr_bench_spread){0};
}

static struct clr_bench_spread images_per_s(const struct clr_bench_report *r,
                                            const struct clr_bench_spread *ms)
{
    struct clr_bench_spread s = *ms;

    measure_invert(&s, 1e3 * r->batch);
    return s;
}

static struct clr_bench_spread whole_of(const struct clr_bench_report *r, enum whole what)
{
    switch (what) {
    case TRAINING:
        return images_per_s(r, &r->step_ms);
    case INFERENCE:
        return images_per_s(r, &r->inference_ms);
    case PEAK: /* the best sample, as in all other places */
        return (struct clr_bench_spread){r->peak_gflops.count, r->peak_gflops.min, r->peak_gflops.max,
                                         r->peak_gflops.max};
    case BANDWIDTH:
        return r->bandwidth_gb;
    case OF_PEAK:
        return one(100.0 * peak_share_of_step(r));
    case STEP:
        return r->step_ms;
    case EVALUATION:
        return r->inference_ms;
    case WARM:
        return r->warm_start_s;
    case FIRST:
        return r->first_start_s;
    case DEVICE:
        return one((double)r->device_memory_bytes / 1e6);
    default:
        return one((double)r->peak_memory_bytes / 1e6);
    }
}

/* ------------------------------------------------------------------ layers within others */

/* Does a layer begin with this line? */
static bool begins_layer(const struct comparison *c, size_t line)
{
    const size_t row = line - WHOLES;

    return line >= WHOLES && c->layers.order[row]->layer[0] &&
           (row == 0 || strcmp(c->layers.order[row]->layer, c->layers.order[row - 1]->layer) != 0);
}

/* A row of the layer that begins with that line, of any pass, in a report; NULL: it has none. */
static const struct clr_bench_row *find_layer(const struct comparison *c, size_t line, size_t report)
{
    const char *layer = c->layers.order[line - WHOLES]->layer;

    for (size_t i = line - WHOLES; i < c->layers.count; i++) {
        const struct clr_bench_row *row = row_merge_find(&c->layers, report, i);
        if (strcmp(c->layers.order[i]->layer, layer) != 0)
            break;
        if (row)
            return row;
    }
    return NULL;
}

/* Is the layer of `front` of another kind in that report than where the layer of `line` is by itself? */
static bool is_within(const struct comparison *c, size_t front, size_t line, size_t report)
{
    const struct clr_bench_row *with = find_layer(c, front, report);

    for (size_t k = 0; k < c->count; k++) {
        const struct clr_bench_row *without = find_layer(c, front, k);
        if (without && find_layer(c, line, k) && strcmp(with->kind, without->kind) != 0)
            return true;
    }
    return false;
}

bool comparison_next_within(struct comparison_within *w, const struct comparison *c, size_t report)
{
    while (w->line + 1 < WHOLES + c->layers.count) {
        if (!begins_layer(c, ++w->line))
            continue;
        if (find_layer(c, w->line, report)) {
            w->front = w->line;
        } else if (w->front > 0 && is_within(c, w->front, w->line, report)) {
            w->layer = comparison_line(c, w->line).layer;
            w->with = comparison_line(c, w->front).layer;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ sums */

/* Each row with the first of its layer; then, of two layers that are one somewhere, the first of both. */
static void join(struct comparison *c)
{
    for (size_t i = 0; i < c->layers.count; i++)
        c->front[i] =
            i > 0 && c->layers.order[i]->layer[0] && !begins_layer(c, WHOLES + i) ? c->front[i - 1] : i;
    for (size_t k = 0; k < c->count; k++) {
        struct comparison_within w = {0};
        while (comparison_next_within(&w, c, k)) {
            size_t a = w.front - WHOLES, b = w.line - WHOLES;
            while (c->front[a] != a)
                a = c->front[a];
            while (c->front[b] != b)
                b = c->front[b];
            c->front[a > b ? a : b] = a > b ? b : a;
        }
    }
    for (size_t i = 0; i < c->layers.count; i++)
        c->front[i] = c->front[c->front[i]]; /* which is further in front, and done */
}

/* The sum that begins with that row; NULL: none yet. */
static struct comparison_sum *find_sum(struct comparison *c, size_t row)
{
    for (size_t i = 0; i < c->sum_count; i++)
        if (c->sums[i].row == row)
            return &c->sums[i];
    return NULL;
}

static void name_sums(struct comparison *c)
{
    for (size_t i = 0; i < c->layers.count; i++) {
        const size_t front = c->front[i];
        struct comparison_sum *sum;
        size_t n;
        if (!begins_layer(c, WHOLES + i) || front == i)
            continue;
        sum = find_sum(c, front);
        if (!sum) {
            sum = &c->sums[c->sum_count++];
            sum->row = front;
            str_copy(sum->name, sizeof sum->name, c->layers.order[front]->layer);
        }
        n = strlen(sum->name);
        (void)snprintf(sum->name + n, sizeof sum->name - n, " + %s", c->layers.order[i]->layer);
    }
}

static struct clr_bench_spread sum_of(const struct comparison *c, const struct comparison_sum *sum,
                                      size_t report)
{
    struct clr_bench_spread s = {0};

    for (size_t i = sum->row; i < c->layers.count; i++) {
        const struct clr_bench_row *row = row_merge_find(&c->layers, report, i);
        if (!row || c->front[i] != sum->row)
            continue;
        s.count = s.count == 0 || row->ms.count < s.count ? row->ms.count : s.count;
        s.min += row->ms.min;
        s.median += row->ms.median;
        s.max += row->ms.max;
    }
    return s;
}

/* ------------------------------------------------------------------ lines */

int comparison_make(struct comparison *out, const struct clr_bench_report *reports, size_t count,
                    struct clr_error *err)
{
    struct comparison c = {.reports = reports, .count = count, .wholes = WHOLES};
    int rc = row_merge_make(&c.layers, reports, count, err);

    if (rc == 0)
        rc = mem_new(&c.front, c.layers.count, sizeof *c.front, "layers", err);
    if (rc == 0)
        rc = mem_new(&c.sums, c.layers.count, sizeof *c.sums, "layers", err);
    if (rc < 0) {
        comparison_clear(&c);
        return rc;
    }
    join(&c);
    name_sums(&c);
    c.lines = c.wholes + c.layers.count + c.sum_count;
    *out = c;
    return 0;
}

void comparison_clear(struct comparison *c)
{
    row_merge_clear(&c->layers);
    free(c->front);
    free(c->sums);
    c->front = NULL;
    c->sums = NULL;
}

struct comparison_line comparison_line(const struct comparison *c, size_t line)
{
    const struct clr_bench_row *row;

    if (line < WHOLES)
        return (struct comparison_line){"", wholes[line].figure, wholes[line].unit};
    if (line >= WHOLES + c->layers.count)
        return (struct comparison_line){c->sums[line - WHOLES - c->layers.count].name, "all passes", "ms"};
    row = c->layers.order[line - WHOLES];
    return (struct comparison_line){row->layer, clr_bench_pass_name(row->pass), "ms"};
}

static struct clr_bench_spread value_of(const struct comparison *c, size_t line, size_t report,
                                        double *of_peak)
{
    const struct clr_bench_report *r = &c->reports[report];
    const struct clr_bench_row *row;

    *of_peak = NAN;
    if (line < WHOLES)
        return whole_of(r, (enum whole)line);
    if (line >= WHOLES + c->layers.count)
        return sum_of(c, &c->sums[line - WHOLES - c->layers.count], report);
    row = row_merge_find(&c->layers, report, line - WHOLES);
    if (!row)
        return (struct clr_bench_spread){0};
    *of_peak = peak_share(r, row);
    return row->ms;
}

/* Has the layer of this line another one in it, in that report? */
static bool has_another(const struct comparison *c, size_t line, size_t report)
{
    struct comparison_within w = {0};

    while (line >= WHOLES && comparison_next_within(&w, c, report))
        if (strcmp(w.with, comparison_line(c, line).layer) == 0)
            return true;
    return false;
}

/* The memory of an OpenCL compiler is no matter of the device. */
static bool has_compiler(const struct comparison *c, size_t line, size_t report)
{
    return line == PROCESS && (c->reports[0].peak_memory_compiler || c->reports[report].peak_memory_compiler);
}

static bool lies_in(double v, const struct clr_bench_spread *s)
{
    return v >= s->min && v <= s->max;
}

/* Do the samples leave open how often the one goes into the other, the medians the factor? */
static bool is_uncertain(const struct clr_bench_spread *small, const struct clr_bench_spread *large,
                         double factor)
{
    return factor < DRIFT || small->count < 2 || large->count < 2 ||
           large->min / small->max < factor / FACTOR_SURE || large->max / small->min > factor * FACTOR_SURE;
}

struct comparison_cell comparison_cell(const struct comparison *c, size_t line, size_t report)
{
    const enum sense sense = line < WHOLES ? wholes[line].sense : TIME;
    double ignored;
    const struct clr_bench_spread first = value_of(c, line, 0, &ignored);
    struct comparison_cell cell = {.factor = 1.0};
    const struct clr_bench_spread *v = &cell.value;
    double same;
    bool more;

    cell.value = value_of(c, line, report, &cell.of_peak);
    if (report == 0 || sense == SHARE || has_compiler(c, line, report) || first.count == 0 || v->count == 0 ||
        first.median <= 0.0 || v->median <= 0.0)
        return cell;
    more = v->median > first.median;
    cell.factor = more ? v->median / first.median : first.median / v->median;
    if (line == PEAK) /* of the best samples: the others say nothing of it */
        cell.uncertain = cell.factor < DRIFT;
    else
        cell.uncertain = sense != PLANNED && is_uncertain(more ? &first : v, more ? v : &first, cell.factor);
    same = sense == PLANNED ? PLANNED_SAME : SAME;
    if (has_another(c, line, report) != has_another(c, line, 0))
        cell.verdict = COMPARISON_OTHER;
    else if (cell.factor < same)
        cell.verdict = COMPARISON_EQUAL;
    else if (lies_in(v->median, &first) || lies_in(first.median, v))
        cell.verdict = COMPARISON_UNCLEAR;
    else if (sense == AMOUNT || sense == PLANNED)
        cell.verdict = more ? COMPARISON_MORE : COMPARISON_LESS;
    else
        cell.verdict = more == (sense == RATE) ? COMPARISON_FASTER : COMPARISON_SLOWER;
    if (cell.verdict <= COMPARISON_EQUAL)
        cell.factor = 1.0;
    return cell;
}

const char *comparison_verdict_name(enum comparison_verdict verdict)
{
    static const char *const names[] = {"",       "other work", "unclear", "equal",
                                        "faster", "slower",     "more",    "less"};

    return names[verdict];
}
