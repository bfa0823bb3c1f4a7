/* A comparison for programs, as CSV and as JSON: see comparison.h; docs/benchmarking.md describes both. */
#include "bench/comparison.h"

#include <math.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/json.h"
#include "bench/report_json.h"

/* ------------------------------------------------------------------ CSV, one line a number */

/* How many times another report's peak or bandwidth; NaN: it was not slowed. */
static double slowed(const struct comparison *c, size_t report)
{
    const double v = c->states[report].slowed;

    return v > 0.0 ? v : (double)NAN;
}

static void append_line(struct str *out, const struct comparison *c, size_t line, size_t report)
{
    const struct clr_bench_report *r = &c->reports[report];
    const struct comparison_line *l = &c->lines[line];
    const struct comparison_cell *cell = &c->cells[line * c->count + report];
    const char *const whose[] = {r->device, r->platform, r->driver, r->program, r->git_id, r->net},
                      *const where[] = {r->host_cpu,   r->host_os, r->created,
                                        r->net_sha256, r->stopped, r->tuned},
                      *const what[] = {l->layer, l->figure, l->unit};
    const double tuned = r->tuned_layers < 0 ? (double)NAN : r->tuned_layers,
                 state[] = {c->states[report].busy, slowed(c, report), r->peak_memory_compiler},
                 numbers[] = {cell->value.count,
                              cell->value.min,
                              cell->value.median,
                              cell->value.max,
                              cell->of_peak,
                              cell->verdict < COMPARISON_EQUAL ? NAN : cell->factor,
                              cell->verdict <= COMPARISON_EQUAL ? (double)NAN : cell->uncertain};

    str_append(out, "%zu,", report + 1);
    csv_append_texts(out, whose, MEM_COUNT(whose));
    str_append(out, "%dx%dx%d,%d,", r->input.channels, r->input.height, r->input.width, r->batch);
    csv_append_texts(out, &(const char *){r->source}, 1);
    csv_append_numbers(out, &tuned, 1, ",");
    csv_append_texts(out, &(const char *){r->type}, 1);
    str_append(out, "%d,", r->compute_units);
    csv_append_texts(out, where, MEM_COUNT(where));
    csv_append_numbers(out, state, MEM_COUNT(state), ",");
    csv_append_texts(out, what, MEM_COUNT(what));
    csv_append_numbers(out, numbers, MEM_COUNT(numbers), ",");
    str_append(out, "%s\n", comparison_verdict_name(cell->verdict));
}

void comparison_csv(struct str *out, const struct comparison *c)
{
    str_append(
        out,
        "report,device,platform,driver,program,git,net,input,batch,file,tuned_layers,type,units,host_cpu,"
        "host_os,created,net_sha256,stopped,tuned,machine_busy,slowed,peak_memory_includes_compiler,layer,"
        "figure,unit,samples,min,median,max,of_peak,factor,uncertain,verdict\n");
    for (size_t i = 0; i < c->line_count; i++)
        for (size_t k = 0; k < c->count; k++)
            if (c->cells[i * c->count + k].value.count > 0)
                append_line(out, c, i, k);
}

/* ------------------------------------------------------------------ JSON */

static json_t *cell_json(const struct comparison_cell *cell)
{
    if (cell->value.count == 0)
        return json_null();
    return json_pack("{s:i, s:f, s:f, s:f, s:o, s:o, s:b, s:s}", "samples", cell->value.count, "min",
                     cell->value.min, "median", cell->value.median, "max", cell->value.max, "of_peak",
                     json_finite(cell->of_peak), "factor",
                     cell->verdict < COMPARISON_EQUAL ? json_null() : json_real(cell->factor), "uncertain",
                     cell->uncertain && cell->verdict > COMPARISON_EQUAL, "verdict",
                     comparison_verdict_name(cell->verdict));
}

static json_t *lines_json(const struct comparison *c)
{
    json_t *lines = json_array();

    for (size_t i = 0; i < c->line_count; i++) {
        const struct comparison_line *line = &c->lines[i];
        json_t *values = json_array();
        for (size_t k = 0; k < c->count; k++)
            values = json_append(values, cell_json(&c->cells[i * c->count + k]));
        lines = json_append(lines, json_pack("{s:s, s:s, s:s, s:o}", "layer", line->layer, "figure",
                                             line->figure, "unit", line->unit, "values", values));
    }
    return lines;
}

static json_t *within_json(const struct comparison *c, size_t report)
{
    json_t *layers = json_array();

    for (const struct comparison_within *w = c->within; w < c->within + c->within_count; w++)
        if (w->report == report)
            layers = json_append(layers, json_pack("{s:s, s:s}", "layer", w->layer, "within", w->with));
    return layers;
}

static json_t *reports_json(const struct comparison *c)
{
    json_t *reports = json_array();

    for (size_t k = 0; k < c->count; k++) {
        json_t *one = json_put(bench_compared_json(&c->reports[k]), "layers_within", within_json(c, k));
        reports = json_append(reports, json_put(one, "slowed", json_finite(slowed(c, k))));
    }
    return reports;
}

int comparison_json(struct str *out, const struct comparison *c, struct clr_error *err)
{
    const struct clr_bench_report *r = &c->reports[0];
    json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:[i, i, i], s:i, s:o, s:o}", "format",
                             "clr-cl bench comparison", "version", 1, "net", r->net, "net_sha256",
                             r->net_sha256, "input", r->input.channels, r->input.height, r->input.width,
                             "batch", r->batch, "reports", reports_json(c), "figures", lines_json(c));
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    json_decref(json);
    if (!text)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the comparison, or a name is not UTF-8");
    str_append(out, "%s\n", text);
    free(text);
    return 0;
}
