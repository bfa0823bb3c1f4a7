/* What all figures have, and bytes and files of figures: see figure.h, clr/plot.h. */
#include "plot/figure.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "plot/multiples.h"
#include "plot/table.h"

/* Heights in pixels, where the user gives none. */
#define LEAST_HEIGHT 240
#define MOST_HEIGHT  10000 /* of bars: small rows that have no room are summed */

_Static_assert(sizeof((struct chart *)0)->title == sizeof((struct bars *)0)->title,
               "one title_of() for both");

static const struct clr_plot_options none = {0};

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

/* The label of a curve that another one covers in all panels names that one. */
static void name_equal(struct chart *chart)
{
    struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 1; i < panel->series_count; i++) {
        struct chart_series *s = &panel->series[i];
        char label[3 * CHART_LABEL];
        size_t k = 0;
        while (k < i && !are_equal(chart, i, k))
            k++;
        (void)snprintf(label, sizeof label, "%s (equal to %s)", s->label,
                       k + 1 == i ? "the one above" : panel->series[k].label);
        if (k < i)
            str_copy(s->label, sizeof s->label, label);
    }
}

/* More curves than there are styles: the first ones keep theirs, the last are grey. */
static void limit_styles(struct chart *chart)
{
    const size_t count = chart->panels[0].series_count;
    struct str names = {0};

    if (count <= CHART_STYLES)
        return;
    for (size_t p = 0; p < chart->panel_count; p++) {
        for (size_t i = CHART_STYLES; i < chart->panels[p].series_count; i++) {
            chart->panels[p].series[i].muted = true;
            chart->panels[p].series[i].markers = false;
        }
    }
    for (size_t i = CHART_STYLES; i < count; i++)
        str_append(&names, "%s'%s'", i > CHART_STYLES ? ", " : "", chart->panels[0].series[i].label);
    chart_add_key(chart, CHART_KEY_GREY, "%zu more", count - CHART_STYLES);
    log_line(CLR_LOG_INFO,
             "%zu curves are more than the %d that can be distinguished: %s; grey and without their %s: %s",
             count, CHART_STYLES,
             chart->x_spans ? "draw fewer of them in a figure" : "`multiples` draws each by itself",
             chart->lane_count > 0 ? "names and ranges" : "names", str_text(&names));
    str_clear(&names);
}

static void finish(struct chart *chart, bool multiples)
{
    name_equal(chart);
    if (has_band(&chart->panels[0])) {
        chart_add_key(chart, CHART_KEY_BAND, "± 1 standard deviation");
        chart_add_brief(chart, "± 1 std. deviation");
    }
    if (!multiples)
        limit_styles(chart);
}

int figure_begin_at(struct chart *chart, double begin, struct clr_error *err)
{
    struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 0; i < panel->series_count;) {
        const struct chart_series *s = &panel->series[i];
        if (chart_highest(s) >= begin) {
            i++;
        } else if (panel->series_count == 1) {
            return clr_error_set(err, CLR_EINPUT, "'%s' has no accuracy of %g %% or more: nothing to draw",
                                 s->label, begin);
        } else {
            log_line(CLR_LOG_WARNING, "'%s' has no accuracy of %g %% or more: it is not drawn", s->label,
                     begin);
            chart_remove_series(chart, i);
        }
    }
    chart_begin_at(panel, begin);
    return 0;
}

int figure_make(figure_kind *kind, struct chart *out, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err)
{
    struct figure f = {.inputs = inputs,
                       .count = count,
                       .options = options ? options : &none,
                       .chart = {.panel_count = 1},
                       .view = {GROUPS_OVER_ITERATIONS, 1.0, HISTORY_VAL_ACC, 100.0, 100.0}};
    int rc = kind(&f, err);

    if (rc == 0) {
        finish(&f.chart, f.options->multiples);
        *out = f.chart;
    } else {
        chart_clear(&f.chart);
    }
    runs_clear(&f.runs);
    return rc;
}

/* ---- bytes and files ---- */

static char *title_of(struct figure_content content)
{
    return content.bars ? content.bars->title : content.chart->title;
}

/* Choose the sizes that the user does not give: width to height is 8 to 5, and a legend below the panels adds
 * its height; bars are as high as their rows. */
static int choose_size(struct canvas_spec *spec, struct figure_content content, bool multiples,
                       struct clr_error *err)
{
    const bool given = spec->height > 0;
    struct canvas *canvas;
    int height;

    if (spec->width == 0)
        spec->width = given && !content.bars && spec->height < 10000 ? (spec->height * 8 + 2) / 5 : 960;
    if (given)
        return 0;
    if (content.bars) {
        height = bars_height(content.bars, spec->width);
        spec->height = height < MOST_HEIGHT ? height : MOST_HEIGHT;
        return 0;
    }
    spec->height = spec->width > 0 && spec->width < 30000 ? (spec->width * 5 + 4) / 8 : 600;
    spec->height = spec->height < LEAST_HEIGHT ? LEAST_HEIGHT : spec->height;
    if (multiples) {
        spec->height = multiples_height(content.chart, spec->width, spec->height);
        return 0;
    }
    height = canvas_create(&canvas, spec, err);
    if (height < 0)
        return height;
    height = chart_height(canvas, content.chart, spec->width, spec->height, err);
    canvas_destroy(canvas);
    spec->height = height;
    return height < 0 ? height : 0;
}

int figure_render(struct str *out, struct figure_content content, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err)
{
    const struct clr_plot_options *o = options ? options : &none;
    struct canvas_spec spec = {.format = format,
                               .boxes = boxes,
                               .width = o->width,
                               .height = o->height,
                               .dpi = o->dpi == 0 ? 96 : o->dpi,
                               .title = title_of(content),
                               .command_line = o->command_line};
    struct canvas *canvas;
    int rc = choose_size(&spec, content, o->multiples, err);

    if (rc == 0)
        rc = canvas_create(&canvas, &spec, err);
    if (rc < 0)
        return rc;
    rc = content.bars ? bars_draw(canvas, content.bars, spec.width, spec.height, err)
                      : (o->multiples ? multiples_draw : chart_draw)(canvas, content.chart, spec.width,
                                                                     spec.height, err);
    if (rc == 0)
        rc = canvas_finish(canvas, out, err);
    canvas_destroy(canvas);
    return rc;
}

int figure_write(const char *path, struct figure_content content, const struct clr_plot_options *options,
                 struct clr_error *err)
{
    const struct clr_plot_options *o = options ? options : &none;
    struct str bytes = {0}, table = {0};
    enum canvas_format format;
    int rc = canvas_format_of(&format, path, err);

    if (o->title)
        str_copy(title_of(content), sizeof content.chart->title, o->title);
    if (rc == 0)
        rc = figure_render(&bytes, content, format, false, o, err);
    if (rc == 0 && o->csv)
        rc = content.bars ? table_of_bars(&table, content.bars, err)
                          : table_of_chart(&table, content.chart, err);
    if (rc == 0)
        rc = fs_write_atomic(path, bytes.text, bytes.length, err);
    if (rc == 0 && o->csv)
        rc = fs_write_atomic(o->csv, table.text, table.length, err);
    str_clear(&bytes);
    str_clear(&table);
    return rc;
}

/* Is what the caller gives whole? */
static int check(const char *const *inputs, size_t count, const struct clr_plot_options *o,
                 struct clr_error *err)
{
    char field[48];
    int rc = mem_check_texts(inputs, count, "inputs", err);

    if (rc == 0)
        rc = mem_check_range((int)o->over, 0, CLR_PLOT_OVER_RATE, "over", err);
    if (rc == 0 && o->names)
        rc = mem_check_texts(o->names, count, "names", err);
    if (rc == 0 && o->label_count > 0)
        rc = mem_check_given(o->labels, "labels", err);
    for (size_t i = 0; i < o->label_count && rc == 0; i++) {
        const char *name = o->labels[i].name;
        (void)snprintf(field, sizeof field, "labels[%zu].%s", i, name ? "text" : "name");
        rc = mem_check_given(name ? o->labels[i].text : NULL, field, err);
    }
    return rc;
}

static int plot(figure_kind *kind, const char *path, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = options ? mem_check_struct(options, sizeof *options, "clr_plot_options", err) : 0;

    if (rc == 0)
        rc = check(inputs, count, options ? options : &none, err);
    if (rc == 0)
        rc = figure_make(kind, &chart, inputs, count, options, err);
    if (rc == 0)
        rc = figure_write(path, (struct figure_content){.chart = &chart}, options, err);
    chart_clear(&chart);
    return rc;
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
