/* A comparison for programs, as CSV and as JSON: see comparison.h; docs/benchmarking.md describes both. */
#include "bench/comparison.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "bench/json.h"
#include "bench/words.h"

/* ------------------------------------------------------------------ CSV, one line a number */

/* Quoted (RFC 4180). */
static void append_text(struct str *out, const char *text)
{
    str_append(out, "\"");
    for (; *text; text++) {
        if (*text == '"')
            str_append(out, "\"");
        str_append_bytes(out, text, 1);
    }
    str_append(out, "\",");
}

static void append_number(struct str *out, double v)
{
    if (isfinite(v))
        str_append(out, "%.9g", v);
    str_append(out, ",");
}

void comparison_csv(struct str *out, const struct comparison *c)
{
    char file[WORDS_FILE];

    str_append(out, "report,device,platform,driver,program,git,net,input,batch,file,tuned_layers,layer,"
                    "figure,unit,samples,min,median,max,"
                    "of_peak,factor,uncertain,verdict\n");
    for (size_t i = 0; i < c->lines; i++) {
        const struct comparison_line line = comparison_line(c, i);
        for (size_t k = 0; k < c->count; k++) {
            const struct clr_bench_report *r = &c->reports[k];
            const struct comparison_cell cell = comparison_cell(c, i, k);
            if (cell.value.count == 0)
                continue;
            str_append(out, "%zu,", k + 1);
            append_text(out, r->device);
            append_text(out, r->platform);
            append_text(out, r->driver);
            append_text(out, r->program);
            append_text(out, r->git_id);
            append_text(out, r->net);
            str_append(out, "%dx%dx%d,%d,", r->input.channels, r->input.height, r->input.width, r->batch);
            append_text(out, words_file(file, c->reports, c->count, k));
            append_number(out, r->tuned_layers < 0 ? (double)NAN : r->tuned_layers);
            append_text(out, line.layer);
            append_text(out, line.figure);
            append_text(out, line.unit);
            str_append(out, "%d,", cell.value.count);
            append_number(out, cell.value.min);
            append_number(out, cell.value.median);
            append_number(out, cell.value.max);
            append_number(out, cell.of_peak);
            append_number(out, cell.verdict < COMPARISON_EQUAL ? NAN : cell.factor);
            append_number(out, cell.verdict <= COMPARISON_EQUAL ? (double)NAN : cell.uncertain);
            str_append(out, "%s\n", comparison_verdict_name(cell.verdict));
        }
    }
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

    for (size_t i = 0; i < c->lines; i++) {
        const struct comparison_line line = comparison_line(c, i);
        json_t *values = json_array();
        for (size_t k = 0; k < c->count; k++) {
            const struct comparison_cell cell = comparison_cell(c, i, k);
            values = json_append(values, cell_json(&cell));
        }
        lines = json_append(lines, json_pack("{s:s, s:s, s:s, s:o}", "layer", line.layer, "figure",
                                             line.figure, "unit", line.unit, "values", values));
    }
    return lines;
}

static json_t *within_json(const struct comparison *c, size_t report)
{
    struct comparison_within w = {0};
    json_t *layers = json_array();

    while (comparison_next_within(&w, c, report))
        layers = json_append(layers, json_pack("{s:s, s:s}", "layer", w.layer, "within", w.with));
    return layers;
}

static json_t *reports_json(const struct comparison *c)
{
    json_t *reports = json_array();
    char file[WORDS_FILE];

    for (size_t k = 0; k < c->count; k++) {
        const struct clr_bench_report *r = &c->reports[k];
        reports = json_append(
            reports, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "device",
                               r->device, "type", r->type, "platform", r->platform, "driver", r->driver,
                               "program", r->program, "git", r->git_id, "created", r->created, "file",
                               words_file(file, c->reports, c->count, k), "peak_memory_includes_compiler",
                               r->peak_memory_compiler, "replaced", bench_replaced_json(r), "tuned_layers",
                               bench_tuned_json(r), "layers_within", within_json(c, k)));
    }
    return reports;
}

int comparison_json(struct str *out, const struct comparison *c, struct clr_error *err)
{
    const struct clr_bench_report *r = &c->reports[0];
    json_t *json =
        json_pack("{s:s, s:i, s:s, s:[i, i, i], s:i, s:o, s:o}", "format", "clr-cl bench comparison",
                  "version", 1, "net", r->net, "input", r->input.channels, r->input.height, r->input.width,
                  "batch", r->batch, "reports", reports_json(c), "figures", lines_json(c));
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    json_decref(json);
    if (!text)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the comparison, or a name is not UTF-8");
    str_append(out, "%s\n", text);
    free(text);
    return 0;
}
