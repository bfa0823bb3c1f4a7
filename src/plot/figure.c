/* Figures of range tests, what all figures have, and bytes and files of figures: see figure.h, clr/plot.h. */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/range.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/smooth.h"
#include "plot/axes.h"
#include "plot/groups.h"
#include "plot/labels.h"
#include "plot/multiples.h"
#include "plot/table.h"

#define LEAST_HEIGHT 240 /* of a figure whose height is ours to choose */

/* ---- range ---- */

static int check_rising(const struct run *run, struct clr_error *err)
{
    for (size_t r = 1; r < run->table.rows; r++) {
        double before = csv_at(&run->table, r - 1, RUNS_LR), now = csv_at(&run->table, r, RUNS_LR);
        if (now < before)
            return clr_error_set(
                err, CLR_EINPUT,
                "%s:%zu: the rate falls from %g to %g: this is no range test (try `plot run`)", run->csv_path,
                r + 2, before, now);
    }
    return 0;
}

/* Is that a sweep by a factor? Its run.json says so, else its rates, if there are enough. */
static int is_geometric(bool *out, const struct run *run, struct clr_error *err)
{
    const struct csv *t = &run->table;
    double *columns;
    int rc;

    if (run->scheduled) {
        *out = run->schedule.policy == CLR_POLICY_SWEEP_LOG;
        return 0;
    }
    rc = mem_new(&columns, t->rows, 2 * sizeof(double), "rates", err);
    if (rc < 0)
        return rc;
    for (size_t r = 0; r < t->rows; r++) {
        columns[r] = csv_at(t, r, RUNS_ITERATION);
        columns[t->rows + r] = csv_at(t, r, RUNS_LR);
    }
    *out = axes_is_geometric(columns, columns + t->rows, t->rows);
    free(columns);
    return 0;
}

/* One sweep by a factor is enough: on a linear axis, most of it would be in a single place. */
static int any_geometric(bool *out, const struct runs *runs, struct clr_error *err)
{
    int rc = 0;

    *out = false;
    for (size_t i = 0; i < runs->count && rc == 0 && !*out; i++)
        rc = is_geometric(out, &runs->run[i], err);
    return rc;
}

static void mark_rate(struct chart_panel *panel, const char *name, double rate, const char *remark)
{
    struct chart_guide g = {
        .x0 = rate, .x1 = rate, .y0 = -INFINITY, .y1 = INFINITY, .text_at = CHART_TEXT_HEAD};
    char number[AXES_TEXT];

    axes_format_value(number, sizeof number, rate, 3);
    (void)snprintf(g.text, sizeof g.text, "%s %s%s", name, number, remark);
    chart_add_guide(panel, g);
}

/* What is read from a group's tests together; no bounds where one of them is a file, or did not end. */
static int read_range(struct clr_range_result *out, const struct runs *runs, size_t group,
                      struct clr_error *err)
{
    const char **folders = NULL;
    size_t count = 0;
    bool ended = true;
    int rc = mem_new(&folders, runs->count, sizeof *folders, "folders", err);

    *out = (struct clr_range_result){0};
    for (size_t i = 0; i < runs->count && rc == 0; i++) {
        const char *folder = runs->run[i].folder;
        if (runs->run[i].group != group)
            continue;
        folders[count++] = folder;
        ended = ended && folder && fs_exists_in(folder, "range.json");
    }
    if (rc == 0 && ended && count <= CLR_RANGE_TESTS)
        rc = clr_range_read(out, folders, count, err);
    free(folders);
    return rc;
}

/* The first rate that was tried. */
static double first_rate(const struct runs *runs)
{
    double first = INFINITY;

    for (size_t i = 0; i < runs->count; i++)
        first = fmin(first, runs->run[i].scheduled ? runs->run[i].schedule.min_lr
                                                   : csv_at(&runs->run[i].table, 0, RUNS_LR));
    return first;
}

/* A stripe, and its line in the legend. */
static void add_shade(struct chart *chart, enum chart_key_kind kind, const char *what, double lo, double hi)
{
    struct chart_panel *panel = &chart->panels[0];
    char from[AXES_TEXT], to[AXES_TEXT];

    panel->shades[panel->shade_count++] = (struct chart_shade){lo, hi, kind == CHART_KEY_BOUND, what};
    axes_format_value(from, sizeof from, lo, 3);
    axes_format_value(to, sizeof to, hi, 3);
    chart_add_key(chart, kind, "%s: %s…%s", what, from, to);
}

static void mark_bounds(struct chart *chart, const struct clr_range_result *r)
{
    struct chart_panel *panel = &chart->panels[0];

    if (!r->has_max)
        return;
    mark_rate(panel, "max", r->max_lr, r->halved && r->tests == 1 ? " (half the rate of failure)" : "");
    if (r->has_min) {
        mark_rate(panel, "min", r->min_lr, r->from_start ? " (the first rate)" : "");
        add_shade(chart, CHART_KEY_RANGE, r->tests > 1 ? "range to train in (medians)" : "range to train in",
                  r->min_lr, r->max_lr);
    } else {
        chart_add_key(chart, CHART_KEY_GUIDE, "highest rate to train with");
    }
    if (r->max_lr_low < r->max_lr_high)
        add_shade(chart, CHART_KEY_BOUND, r->tests > 1 ? "max of single tests" : "95 % interval of max",
                  r->max_lr_low, r->max_lr_high);
}

/* Where the loss was first no longer finite; in the group's colour where there are several. */
static void mark_divergence(struct chart_panel *panel, const struct clr_range_result *r, size_t group,
                            bool colored)
{
    if (!r->diverged)
        return;
    mark_rate(panel, "diverged", r->diverged_lr, "");
    panel->guides[panel->guide_count - 1].colored = colored;
    panel->guides[panel->guide_count - 1].look = group;
}

static int mark_readings(struct chart *chart, const struct runs *runs, struct clr_error *err)
{
    struct clr_range_result r;
    bool diverged = false;
    int rc = 0;

    for (size_t g = 0; g < runs->groups && rc == 0; g++) {
        rc = read_range(&r, runs, g, err);
        if (rc == 0 && runs->groups == 1)
            mark_bounds(chart, &r);
        if (rc == 0)
            mark_divergence(&chart->panels[0], &r, g, runs->groups > 1);
        diverged = diverged || (rc == 0 && r.diverged);
    }
    if (diverged && runs->groups > 1)
        chart_add_key(chart, CHART_KEY_GUIDE, "the loss was no longer finite, in its curve's colour");
    return rc;
}

/* The axis shows all rates that were asked for, also where the loss diverged before. */
static void span_rates(struct chart *chart, const struct runs *runs)
{
    chart->x_spans = true;
    chart->x_first = first_rate(runs);
    chart->x_last = 0.0;
    for (size_t i = 0; i < runs->count; i++) {
        const struct csv *t = &runs->run[i].table;
        chart->x_last = fmax(chart->x_last, runs->run[i].scheduled ? runs->run[i].schedule.max_lr
                                                                   : csv_at(t, t->rows - 1, RUNS_LR));
    }
}

/* The curve that bounds are read from runs through the measured points. */
static int smooth_curves(struct chart *chart, struct clr_error *err)
{
    struct chart_panel *panel = &chart->panels[0];
    bool smoothed = false;

    for (size_t i = 0; i < panel->series_count; i++) {
        struct chart_series *s = &panel->series[i];
        int rc;
        if (s->count < CLR_RANGE_POINTS) /* means of three would have little to do with so few */
            continue;
        smoothed = true;
        rc = mem_new(&s->smooth, s->count, sizeof *s->smooth, "a curve", err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < s->count; k++)
            s->smooth[k] = smooth_three(s->y, s->count, k);
    }
    if (smoothed)
        chart_add_key(chart, CHART_KEY_LINE, "mean of three points, of two at the ends");
    return 0;
}

static void name_alone(struct chart_series *s, size_t repeats)
{
    s->label[0] = '\0';
    if (repeats > 1)
        (void)snprintf(s->label, sizeof s->label, "mean of %zu runs", repeats);
}

int figure_range(struct chart *out, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err)
{
    struct groups_view view = groups_accuracy();
    struct chart chart = {.x_label = "learning rate", .panel_count = 1};
    struct chart_panel *panel = &chart.panels[0];
    struct runs runs = {0};
    int rc = runs_read(&runs, inputs, count, "range.csv", err);

    view.over = GROUPS_OVER_RATES;
    for (size_t i = 0; i < runs.count && rc == 0; i++)
        rc = check_rising(&runs.run[i], err);
    if (rc == 0 && options)
        rc = labels_apply(&runs, inputs, options->labels, options->label_count, err);
    if (rc == 0)
        rc = groups_add(panel, &runs, &view, err);
    if (rc == 0)
        rc = smooth_curves(&chart, err);
    if (rc < 0)
        goto out;
    panel->y_label = groups_accuracy_label(&runs);
    panel->ceiling = 100.0;
    panel->min_span = 2.0;
    panel->share = 1.0;
    if (options && options->y_min)
        chart_begin_at(panel, *options->y_min);
    else
        chart_begin_axis(panel, 0.0); /* every point counts: low rates are a part of the test */
    rc = any_geometric(&chart.x_log, &runs, err);
    if (rc < 0)
        goto out;
    chart.x_from_zero = !chart.x_log;
    span_rates(&chart, &runs);
    if (runs.groups == 1 &&
        (!options || options->label_count == 0)) /* one curve has nothing to differ from */
        name_alone(&panel->series[0], runs.count);
    rc = mark_readings(&chart, &runs, err);
    if (rc < 0)
        goto out;
    (void)snprintf(chart.title, sizeof chart.title, "%s%slearning-rate range test", groups_topic(&runs),
                   groups_topic(&runs)[0] ? ": " : "");
    figure_finish(&chart, options);
    *out = chart;
    memset(&chart, 0, sizeof chart);
out:
    chart_clear(&chart);
    runs_clear(&runs);
    return rc;
}

/* ---- what all figures have ---- */

static bool has_band(const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->series[i].low)
            return true;
    return false;
}

static bool are_equal(const struct chart *chart, size_t i, size_t k)
{
    for (size_t p = 0; p < chart->panel_count; p++) {
        const struct chart_series *a = &chart->panels[p].series[i], *b = &chart->panels[p].series[k];
        if (a->count != b->count || memcmp(a->x, b->x, a->count * sizeof *a->x) != 0 ||
            memcmp(a->y, b->y, a->count * sizeof *a->y) != 0)
            return false;
    }
    return true;
}

/* A curve that lies under another one from end to end, in all panels, is not missing: its label says so. */
static void tell_equal(struct chart *chart)
{
    struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 1; i < panel->series_count; i++) {
        for (size_t k = 0; k < i; k++) {
            struct chart_series *s = &panel->series[i];
            char label[3 * CHART_LABEL];
            if (!are_equal(chart, i, k))
                continue;
            (void)snprintf(label, sizeof label, "%s (equal to %s)", s->label,
                           k + 1 == i ? "the one above" : panel->series[k].label);
            str_copy(s->label, sizeof s->label, label);
            break;
        }
    }
}

/* More curves than there are styles: those in front of the others keep theirs, the last are grey. */
static void limit_styles(struct chart *chart)
{
    const size_t count = chart->panels[0].series_count;

    if (count <= CHART_STYLES)
        return;
    for (size_t p = 0; p < chart->panel_count; p++) {
        for (size_t i = CHART_STYLES; i < chart->panels[p].series_count; i++) {
            chart->panels[p].series[i].muted = true;
            chart->panels[p].series[i].markers = false;
        }
    }
    chart_add_key(chart, CHART_KEY_GREY, "%zu more", count - CHART_STYLES);
    log_line(CLR_LOG_INFO,
             "%zu curves are more than the %d that can be told apart: those after the first %d are "
             "grey; %s",
             count, CHART_STYLES, CHART_STYLES,
             chart->x_spans ? "draw fewer of them in a figure" : "--multiples draws each curve by itself");
}

void figure_finish(struct chart *chart, const struct clr_plot_options *options)
{
    tell_equal(chart);
    if (has_band(&chart->panels[0]))
        chart_add_key(chart, CHART_KEY_BAND, "± 1 standard deviation");
    if (!options || !options->multiples)
        limit_styles(chart);
}

/* ---- bytes and files ---- */

static void fill_spec(struct canvas_spec *spec, const struct chart *chart, const struct clr_plot_options *o)
{
    if (o) {
        spec->width = o->width;
        spec->height = o->height;
        spec->dpi = o->dpi;
        spec->command_line = o->command_line;
        spec->run_id = o->run_id;
    }
    spec->title = chart->title;
    if (spec->dpi == 0)
        spec->dpi = 96;
    if (spec->width == 0)
        spec->width = spec->height > 0 && spec->height < 10000 ? (spec->height * 8 + 2) / 5 : 960;
    if (spec->height > 0)
        return;
    spec->height = spec->width > 0 && spec->width < 30000 ? (spec->width * 5 + 4) / 8 : 600;
    spec->height = spec->height < LEAST_HEIGHT ? LEAST_HEIGHT : spec->height;
    if (o && o->multiples)
        spec->height = multiples_height(chart, spec->width, spec->height);
}

/* Where the user leaves the height to us, a legend below the panels takes nothing from them. */
static int add_legend_height(struct canvas_spec *spec, const struct chart *chart, struct clr_error *err)
{
    struct canvas *canvas;
    int height = canvas_create(&canvas, spec, err);

    if (height < 0)
        return height;
    height = chart_height(canvas, chart, spec->width, spec->height, err);
    canvas_destroy(canvas);
    if (height > 0)
        spec->height = height;
    return height < 0 ? height : 0;
}

int figure_render(struct str *out, const struct chart *chart, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err)
{
    struct canvas_spec spec = {.format = format, .boxes = boxes};
    const bool multiples = options && options->multiples;
    struct canvas *canvas;
    int rc = 0;

    fill_spec(&spec, chart, options);
    if (!multiples && (!options || options->height == 0))
        rc = add_legend_height(&spec, chart, err);
    if (rc == 0)
        rc = canvas_create(&canvas, &spec, err);
    if (rc < 0)
        return rc;
    rc = (multiples ? multiples_draw : chart_draw)(canvas, chart, spec.width, spec.height, err);
    if (rc == 0)
        rc = canvas_finish(canvas, out, err);
    canvas_destroy(canvas);
    return rc;
}

/* Both as bytes first: a figure that cannot be drawn leaves no table. Clears the chart. */
static int write_figure(const char *path, struct chart *chart, const struct clr_plot_options *options,
                        struct clr_error *err)
{
    struct str bytes = {0}, table = {0};
    enum canvas_format format;
    int rc = canvas_format_of(&format, path, err);

    if (options && options->title)
        str_copy(chart->title, sizeof chart->title, options->title);
    if (rc == 0)
        rc = figure_render(&bytes, chart, format, false, options, err);
    if (rc == 0 && options && options->csv)
        rc = table_of_chart(&table, chart, err);
    if (rc == 0)
        rc = fs_write_atomic(path, bytes.text, bytes.length, err);
    if (rc == 0 && options && options->csv)
        rc = fs_write_atomic(options->csv, table.text, table.length, err);
    str_clear(&bytes);
    str_clear(&table);
    chart_clear(chart);
    return rc;
}

typedef int (*figure_function)(struct chart *out, const char *const *inputs, size_t count,
                               const struct clr_plot_options *options, struct clr_error *err);

static int plot(figure_function figure, const char *path, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = figure(&chart, inputs, count, options, err);

    return rc < 0 ? rc : write_figure(path, &chart, options, err);
}

int clr_plot_run(const char *path, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err)
{
    return plot(figure_run, path, inputs, count, options, err);
}

int clr_plot_loss(const char *path, const char *const *inputs, size_t count,
                  const struct clr_plot_options *options, struct clr_error *err)
{
    return plot(figure_loss, path, inputs, count, options, err);
}

int clr_plot_range(const char *path, const char *const *inputs, size_t count,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    return plot(figure_range, path, inputs, count, options, err);
}

int clr_plot_schedule(const char *path, const char *const *inputs, size_t count,
                      const struct clr_plot_options *options, struct clr_error *err)
{
    return plot(figure_schedule, path, inputs, count, options, err);
}
