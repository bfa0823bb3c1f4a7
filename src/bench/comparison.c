/* Reports side by side, as numbers: see comparison.h. */
#include "bench/comparison.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/row_merge.h"

/*
 * Each report is one run, and what slows a machine for an hour does not show in the samples of one: a shared
 * machine is 5 to 20 % faster in one hour than in the next (docs/benchmarking.md). What is planned is the
 * same in each.
 */
#define SAME         1.05
#define PLANNED_SAME 1.005
#define DRIFT        1.2
#define DISTURBED    1.3

/* What a line's numbers are: of a time less is faster, of a rate more; BEST is a rate's best sample; an
 * amount is neither; one that is planned is no sample. */
enum sense { TIME, RATE, BEST, AMOUNT, PLANNED, SHARE };

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

/* ------------------------------------------------------------------ layers within others */

static bool begins_layer(const struct comparison *c, size_t row)
{
    return c->order[row]->layer[0] &&
           (row == 0 || strcmp(c->order[row]->layer, c->order[row - 1]->layer) != 0);
}

/* A row of the layer that begins there, of any pass, in a report; NULL: it has none. */
static const struct clr_bench_row *find_layer(const struct comparison *c, size_t begin, size_t report)
{
    const char *layer = c->order[begin]->layer;

    for (size_t i = begin; i < c->row_count && strcmp(c->order[i]->layer, layer) == 0; i++)
        if (c->rows[i * c->count + report])
            return c->rows[i * c->count + report];
    return NULL;
}

/* Is the layer `with` of another kind in that report than where layer `row` is by itself? */
static bool is_within(const struct comparison *c, size_t row, size_t with, size_t report)
{
    const char *kind = find_layer(c, with, report)->kind;

    for (size_t k = 0; k < c->count; k++) {
        const struct clr_bench_row *without = find_layer(c, with, k);
        if (without && find_layer(c, row, k) && strcmp(kind, without->kind) != 0)
            return true;
    }
    return false;
}

static int find_within(struct comparison *c, struct clr_error *err)
{
    size_t capacity = 0;
    int rc = 0;

    for (size_t k = 0; k < c->count; k++) {
        size_t last = c->row_count; /* layer that the report has */
        for (size_t i = 0; i < c->row_count && rc == 0; i++) {
            if (!begins_layer(c, i))
                continue;
            if (find_layer(c, i, k)) {
                last = i;
            } else if (last < c->row_count && is_within(c, i, last, k)) {
                rc = mem_grow(&c->within, &capacity, c->within_count + 1, sizeof *c->within, "layers", err);
                if (rc == 0)
                    c->within[c->within_count++] =
                        (struct comparison_within){k, i, last, c->order[i]->layer, c->order[last]->layer};
            }
        }
    }
    return rc;
}

static int join_layers(struct comparison *c, struct clr_error *err)
{
    int rc = mem_new(&c->first, c->row_count, sizeof *c->first, "layers", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->row_count; i++)
        c->first[i] = c->order[i]->layer[0] && !begins_layer(c, i) ? c->first[i - 1] : i;
    for (size_t j = 0; j < c->within_count; j++) {
        const size_t a = c->first[c->within[j].with_row], b = c->first[c->within[j].row];
        for (size_t i = 0; i < c->row_count; i++)
            if (c->first[i] == (a > b ? a : b))
                c->first[i] = a > b ? b : a;
    }
    return 0;
}

/* ------------------------------------------------------------------ disturbed runs */

static void note_rate(struct comparison_state *s, const char *figure, double rate, double others,
                      size_t other)
{
    const double slowed = rate > 0.0 ? others / rate : 0.0;

    if (slowed > fmax(DISTURBED, s->slowed))
        *s = (struct comparison_state){s->busy, slowed, figure, other};
}

static bool is_same_device(const struct clr_bench_report *a, const struct clr_bench_report *b)
{
    return strcmp(a->device, b->device) == 0 && a->compute_units == b->compute_units &&
           strcmp(a->driver, b->driver) == 0;
}

static int find_states(struct comparison *c, struct clr_error *err)
{
    const int rc = mem_new(&c->states, c->count, sizeof *c->states, "a comparison", err);

    for (size_t k = 0; rc == 0 && k < c->count; k++) {
        const struct clr_bench_report *r = &c->reports[k];
        c->states[k].busy = clr_bench_is_busy(r);
        for (size_t i = 0; i < c->count; i++) {
            const struct clr_bench_report *other = &c->reports[i];
            if (!is_same_device(r, other))
                continue;
            note_rate(&c->states[k], "peak", r->peak_gflops.max, other->peak_gflops.max, i);
            note_rate(&c->states[k], "bandwidth", r->bandwidth_gb.median, other->bandwidth_gb.median, i);
        }
    }
    return rc;
}

static bool is_disturbed(const struct comparison_state *s)
{
    return s->busy || s->slowed > 0.0;
}

/* ------------------------------------------------------------------ verdicts */

/* Has the layer of this line another one in it, in that report? */
static bool has_another(const struct comparison *c, const struct comparison_line *line, size_t report)
{
    for (size_t j = 0; j < c->within_count; j++)
        if (c->within[j].report == report && strcmp(c->within[j].with, line->layer) == 0)
            return true;
    return false;
}

static bool lies_in(double v, const struct clr_bench_spread *s)
{
    return v >= s->min && v <= s->max;
}

/* May another run of both have the larger one first? */
static bool is_uncertain(const struct clr_bench_spread *small, const struct clr_bench_spread *large,
                         double factor)
{
    return factor < DRIFT || small->count < 2 || large->count < 2 || large->min <= small->max;
}

/* Against the first cell of its line. */
static void judge_cell(const struct comparison *c, const struct comparison_line *line, enum sense sense,
                       struct comparison_cell *cell, size_t report)
{
    const struct clr_bench_spread *first = &(cell - report)->value, *v = &cell->value;
    const bool more = v->median > first->median;
    double factor;

    if (report == 0 || sense == SHARE || first->count == 0 || v->count == 0 || first->median <= 0.0 ||
        v->median <= 0.0)
        return;
    /* The memory of an OpenCL compiler is no matter of the device. */
    if (sense == AMOUNT && (c->reports[0].peak_memory_compiler || c->reports[report].peak_memory_compiler))
        return;
    factor = more ? v->median / first->median : first->median / v->median;
    if (sense == BEST) /* the other samples do not count */
        cell->uncertain = factor < DRIFT;
    else
        cell->uncertain = is_uncertain(more ? first : v, more ? v : first, factor);
    cell->uncertain |= is_disturbed(&c->states[0]) || is_disturbed(&c->states[report]);
    cell->uncertain &= sense != PLANNED;
    if (has_another(c, line, report) != has_another(c, line, 0))
        cell->verdict = COMPARISON_OTHER;
    else if (factor < (sense == PLANNED ? PLANNED_SAME : SAME))
        cell->verdict = COMPARISON_EQUAL;
    else if (lies_in(v->median, first) || lies_in(first->median, v))
        cell->verdict = COMPARISON_UNCLEAR;
    else if (sense == AMOUNT || sense == PLANNED)
        cell->verdict = more ? COMPARISON_MORE : COMPARISON_LESS;
    else
        cell->verdict = more == (sense != TIME) ? COMPARISON_FASTER : COMPARISON_SLOWER;
    if (cell->verdict > COMPARISON_EQUAL)
        cell->factor = factor;
}

const char *comparison_verdict_name(enum comparison_verdict verdict)
{
    static const char *const names[] = {"",       "other work", "unclear", "equal",
                                        "faster", "slower",     "more",    "less"};

    return names[verdict];
}

/* ------------------------------------------------------------------ lines */

/* The next line, whose cells are empty and have no verdict yet. */
static struct comparison_cell *add_line(struct comparison *c, const char *layer, const char *figure,
                                        const char *unit)
{
    struct comparison_line *line = &c->lines[c->line_count];
    struct comparison_cell *cells = &c->cells[c->line_count++ * c->count];

    str_copy(line->layer, sizeof line->layer, layer);
    line->figure = figure;
    line->unit = unit;
    for (size_t k = 0; k < c->count; k++)
        cells[k] = (struct comparison_cell){.of_peak = NAN, .factor = 1.0};
    return cells;
}

/* Of the last line, which is of times. */
static void judge_times(struct comparison *c)
{
    const size_t line = c->line_count - 1;

    for (size_t k = 0; k < c->count; k++)
        judge_cell(c, &c->lines[line], TIME, &c->cells[line * c->count + k], k);
}

enum { WHOLES = 11 };

/* The figures of the whole device number k. */
static void add_wholes_of(struct comparison *c, size_t k)
{
    const struct clr_bench_report *r = &c->reports[k];
    const struct clr_bench_spread *peak = &r->peak_gflops;
    const struct {
        const char *figure, *unit;
        enum sense sense;
        struct clr_bench_spread value;
    } wholes[WHOLES] = {
        {"training", "images/s", RATE, images_per_s(r, &r->step_ms)},
        {"inference", "images/s", RATE, images_per_s(r, &r->inference_ms)},
        {"peak", "GFLOP/s", BEST, {peak->count, peak->min, peak->max, peak->max}},
        {"bandwidth", "GB/s", RATE, r->bandwidth_gb},
        {"share of the peak", "%", SHARE, one(100.0 * peak_share_of_step(r))},
        {"training step", "ms", TIME, r->step_ms},
        {"inference", "ms", TIME, r->inference_ms},
        {"warm start", "s", TIME, r->warm_start_s},
        {"first start", "s", TIME, r->first_start_s},
        {"device memory", "MB", PLANNED, one((double)r->device_memory_bytes / 1e6)},
        {"process memory", "MB", AMOUNT, one((double)r->peak_memory_bytes / 1e6)},
    };

    for (size_t i = 0; i < WHOLES; i++) {
        if (k == 0)
            (void)add_line(c, "", wholes[i].figure, wholes[i].unit);
        c->cells[i * c->count + k].value = wholes[i].value;
        judge_cell(c, &c->lines[i], wholes[i].sense, &c->cells[i * c->count + k], k);
    }
}

static void add_row(struct comparison *c, size_t i)
{
    const struct clr_bench_row *like = c->order[i];
    struct comparison_cell *cells = add_line(c, like->layer, clr_bench_pass_name(like->pass), "ms");

    for (size_t k = 0; k < c->count; k++) {
        const struct clr_bench_row *row = c->rows[i * c->count + k];
        if (!row)
            continue;
        cells[k].value = row->ms;
        cells[k].of_peak = peak_share(&c->reports[k], row);
    }
    judge_times(c);
}

static void add_spread(struct clr_bench_spread *sum, const struct clr_bench_spread *s)
{
    sum->count = sum->count == 0 || s->count < sum->count ? s->count : sum->count;
    sum->min += s->min;
    sum->median += s->median;
    sum->max += s->max;
}

/* The sum that begins with that row, if one does. */
static void add_sum(struct comparison *c, size_t row)
{
    struct comparison_cell *cells;
    char *name;
    bool joins = false;

    for (size_t j = 0; j < c->within_count; j++)
        joins = joins || c->first[c->within[j].row] == row;
    if (!joins)
        return;
    name = c->lines[c->line_count].layer;
    cells = add_line(c, "", "all passes", "ms");
    for (size_t i = row; i < c->row_count; i++) {
        const size_t n = strlen(name);
        if (c->first[i] != row)
            continue;
        if (begins_layer(c, i))
            (void)snprintf(name + n, sizeof c->lines->layer - n, "%s%s", n > 0 ? " + " : "",
                           c->order[i]->layer);
        for (size_t k = 0; k < c->count; k++)
            if (c->rows[i * c->count + k])
                add_spread(&cells[k].value, &c->rows[i * c->count + k]->ms);
    }
    judge_times(c);
}

int comparison_make(struct comparison *out, const struct clr_bench_report *reports, size_t count,
                    struct clr_error *err)
{
    struct comparison c = {.reports = reports, .count = count, .wholes = WHOLES};
    size_t most;
    int rc = row_merge(&c, err);

    if (rc == 0)
        rc = find_states(&c, err);
    if (rc == 0)
        rc = find_within(&c, err);
    if (rc == 0)
        rc = join_layers(&c, err);
    most = WHOLES + c.row_count + c.within_count;
    if (rc == 0)
        rc = mem_new(&c.lines, most, sizeof *c.lines, "a comparison", err);
    if (rc == 0)
        rc = mem_new(&c.cells, most, count * sizeof *c.cells, "a comparison", err);
    if (rc < 0) {
        comparison_clear(&c);
        return rc;
    }
    for (size_t k = 0; k < count; k++)
        add_wholes_of(&c, k);
    for (size_t i = 0; i < c.row_count; i++)
        add_row(&c, i);
    for (size_t i = 0; i < c.row_count; i++)
        add_sum(&c, i);
    *out = c;
    return 0;
}

void comparison_clear(struct comparison *c)
{
    free(c->states);
    free(c->order);
    free(c->rows);
    free(c->first);
    free(c->within);
    free(c->lines);
    free(c->cells);
    *c = (struct comparison){.count = 0};
}
