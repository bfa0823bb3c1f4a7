/* Reports as bars: see clr/bench.h and plot/bars.h. */
#include "bench/figure.h"

#include <math.h>

#include "base/fs.h"
#include "plot/axes.h"
#include "plot/table.h"

/* "PoCL on EPYC", with the file behind it where two reports are of one device. */
static void label(char *out, size_t size, const struct clr_bench_report *reports, size_t count, size_t i)
{
    const struct clr_bench_report *r = &reports[i];
    char images[32];
    bool shared = false;

    for (size_t k = 0; k < count; k++)
        shared = shared || (k != i && strcmp(reports[k].device, r->device) == 0);
    axes_format_fixed(images, sizeof images, 1e3 * r->batch / r->step_ms.median, 0);
    if (shared && r->source[0])
        (void)snprintf(out, size, "%s (%.60s): %.4g ms a step, %s images/s", r->source, r->device,
                       r->step_ms.median, images);
    else
        (void)snprintf(out, size, "%s: %.4g ms a step, %s images/s", r->device, r->step_ms.median, images);
}

/* The row of that layer and pass; a new one at the end where there is none yet. */
static struct bars_row *row_of(struct bars *bars, const struct clr_bench_row *like)
{
    const char *pass = clr_bench_pass_name(like->pass), *group = like->layer[0] ? like->layer : pass;
    const char *name = like->layer[0] ? pass : "";
    struct bars_row *row;

    for (size_t i = 0; i < bars->row_count; i++)
        if (strcmp(bars->rows[i].group, group) == 0 && strcmp(bars->rows[i].name, name) == 0)
            return &bars->rows[i];
    row = &bars->rows[bars->row_count++];
    str_copy(row->group, sizeof row->group, group);
    str_copy(row->name, sizeof row->name, name);
    for (size_t k = 0; k < BARS_MAX_SERIES; k++)
        row->value[k] = row->low[k] = row->high[k] = NAN;
    return row;
}

int figure_bench(struct bars *out, const struct clr_bench_report *reports, size_t count,
                 struct clr_error *err)
{
    struct bars bars = {.value_label = "ms in a training step", .series_count = count};
    size_t most = 0;
    int rc;

    if (count > BARS_MAX_SERIES)
        return clr_error_set(err, CLR_EUSAGE, "more than %d devices cannot be told apart: draw fewer",
                             BARS_MAX_SERIES);
    for (size_t i = 0; i < count; i++)
        most += reports[i].row_count;
    if (most == 0)
        return clr_error_set(err, CLR_EINPUT, "nothing to draw: no layer was timed");
    rc = bars_create_rows(&bars, most, err);
    if (rc < 0)
        return rc;
    bars.row_count = 0;
    for (size_t i = 0; i < count; i++) {
        label(bars.series[i], sizeof bars.series[i], reports, count, i);
        for (size_t k = 0; k < reports[i].row_count; k++) {
            const struct clr_bench_spread *ms = &reports[i].rows[k].ms;
            struct bars_row *row = row_of(&bars, &reports[i].rows[k]);
            row->value[i] = ms->median;
            row->low[i] = ms->min;
            row->high[i] = ms->max;
        }
    }
    (void)snprintf(bars.title, sizeof bars.title, "%s, batch %d: time of each layer", reports[0].net,
                   reports[0].batch);
    *out = bars;
    return 0;
}

int figure_bench_render(struct str *out, const struct bars *bars, enum canvas_format format, bool boxes,
                        const struct clr_plot_options *options, struct clr_error *err)
{
    struct canvas_spec spec = {.format = format, .boxes = boxes, .title = bars->title};
    struct canvas *canvas;
    int rc;

    if (options) {
        spec.width = options->width;
        spec.height = options->height;
        spec.dpi = options->dpi;
        spec.command_line = options->command_line;
        spec.run_id = options->run_id;
    }
    spec.dpi = spec.dpi == 0 ? 96 : spec.dpi;
    spec.width = spec.width == 0 ? 960 : spec.width;
    spec.height = spec.height == 0 ? bars_height(bars, spec.width) : spec.height;
    spec.height = spec.height > FIGURE_MOST ? FIGURE_MOST : spec.height;
    rc = canvas_create(&canvas, &spec, err);
    if (rc < 0)
        return rc;
    rc = bars_draw(canvas, bars, spec.width, spec.height, err);
    if (rc == 0)
        rc = canvas_finish(canvas, out, err);
    canvas_destroy(canvas);
    return rc;
}

int clr_bench_plot(const char *path, const struct clr_bench_report *reports, size_t count,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    struct bars bars = {0};
    struct str bytes = {0}, table = {0};
    enum canvas_format format;
    int rc = canvas_format_of(&format, path, err);

    if (rc == 0)
        rc = figure_bench(&bars, reports, count, err);
    if (rc < 0)
        return rc;
    if (options && options->title)
        str_copy(bars.title, sizeof bars.title, options->title);
    rc = figure_bench_render(&bytes, &bars, format, false, options, err);
    if (rc == 0 && options && options->csv)
        rc = table_of_bars(&table, &bars, err);
    if (rc == 0)
        rc = fs_write_atomic(path, bytes.text, bytes.length, err);
    if (rc == 0 && options && options->csv)
        rc = fs_write_atomic(options->csv, table.text, table.length, err);
    str_clear(&bytes);
    str_clear(&table);
    bars_clear(&bars);
    return rc;
}
