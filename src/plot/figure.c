/*
 * The figures: see figure.h and clr/plot.h. The dashed lines that connect equal accuracy are those of figure
 * 1 in L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186.
 */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/range.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/smooth.h"
#include "plot/axes.h"
#include "plot/multiples.h"
#include "plot/runs.h"

#define MAX_MARKED 5 /* iteration counts that are marked before they become a crowd */

/* What a curve of accuracies is drawn over. */
struct over {
    enum { OVER_ITERATIONS, OVER_RATES, OVER_TIME } what;
    double unit; /* of OVER_TIME: in seconds */
};

/* ---- curves of repeats ---- */

/* Row of the run whose iteration that is; -1: none. Binary search. */
static ptrdiff_t find_row(const struct csv *t, double iteration)
{
    size_t lo = 0, hi = t->rows;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (csv_at(t, mid, RUNS_ITERATION) < iteration)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->rows && csv_at(t, lo, RUNS_ITERATION) == iteration ? (ptrdiff_t)lo : -1;
}

/* Mean and sample standard deviation of the accuracy (%) of the group's runs at that iteration; false where
 * one of them was not evaluated there. Two passes: no cancellation. */
static bool summarise(const struct runs *runs, size_t group, double iteration, double *mean,
                      double *deviation)
{
    double sum = 0.0, squares = 0.0;
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < runs->count; i++) {
            const struct run *r = &runs->run[i];
            ptrdiff_t row;
            double v;
            if (r->group != group)
                continue;
            row = find_row(&r->table, iteration);
            if (row < 0)
                return false;
            v = 100.0 * csv_at(&r->table, (size_t)row, RUNS_VAL_ACC);
            if (pass == 0) {
                sum += v;
                n++;
            } else {
                squares += (v - *mean) * (v - *mean);
            }
        }
        if (pass == 0)
            *mean = sum / (double)n;
    }
    *deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0.0;
    return true;
}

static size_t group_size(const struct runs *runs, size_t group, const struct run **first)
{
    size_t n = 0;

    for (size_t i = runs->count; i-- > 0;) {
        if (runs->run[i].group == group) {
            *first = &runs->run[i];
            n++;
        }
    }
    return n;
}

/* Where that iteration lies on the x axis: at the mean of the times at which the group's timed runs got
 * there. */
static double place(const struct runs *runs, size_t group, const struct over *over, double iteration)
{
    double seconds = 0.0;
    size_t n = 0;

    if (over->what != OVER_TIME)
        return iteration;
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->run[i].group == group && runs->run[i].timed) {
            seconds += runs_seconds(&runs->run[i], iteration);
            n++;
        }
    }
    return seconds / (double)n / over->unit;
}

/* One group as a curve: the iterations that all its runs share. */
static int add_group(struct chart_panel *panel, const struct runs *runs, size_t group,
                     const struct over *over, struct clr_error *err)
{
    const struct run *first = NULL;
    size_t members = group_size(runs, group, &first), n = 0;
    char label[CHART_LABEL];
    struct chart_series *s;
    int rc;

    if (members > 1)
        (void)snprintf(label, sizeof label, "%.*s, %zu runs", RUNS_LABEL, first->label, members);
    else
        str_copy(label, sizeof label, first->label);
    rc = chart_add_series(panel, label, first->table.rows, members > 1, &s, err);
    if (rc < 0)
        return rc;
    for (size_t r = 0; r < first->table.rows; r++) {
        const double iteration = csv_at(&first->table, r, RUNS_ITERATION);
        double mean = 0.0, deviation;
        if (!summarise(runs, group, iteration, &mean, &deviation))
            continue;
        s->x[n] = over->what == OVER_RATES ? csv_at(&first->table, r, RUNS_LR)
                                           : place(runs, group, over, iteration);
        s->y[n] = mean;
        if (s->low) {
            s->low[n] = fmax(mean - deviation, 0.0);
            s->high[n] = fmin(mean + deviation, 100.0);
        }
        n++;
    }
    s->count = n;
    if (n == 0)
        return clr_error_set(err, CLR_EINPUT,
                             "%s:2: shares no iteration with its repeats: nothing to average",
                             first->csv_path);
    return 0;
}

static const char *accuracy_label(const struct runs *runs)
{
    size_t held_out = 0;

    for (size_t i = 0; i < runs->count; i++)
        held_out += runs->run[i].held_out;
    return held_out == 0             ? "test accuracy (%)"
           : held_out == runs->count ? "held-out accuracy (%)"
                                     : "accuracy (%)";
}

/* What all runs are about, or "". */
static const char *common_topic(const struct runs *runs)
{
    for (size_t i = 1; i < runs->count; i++) {
        if (strcmp(runs->run[i].topic, runs->run[0].topic) != 0)
            return "";
    }
    return runs->run[0].topic;
}

static int add_groups(struct chart *chart, const struct runs *runs, const struct over *over,
                      struct clr_error *err)
{
    struct chart_panel *panel = &chart->panels[0];

    chart->panel_count = 1;
    panel->y_label = accuracy_label(runs);
    panel->floor = 0.0;
    panel->ceiling = 100.0;
    panel->min_span = 2.0;
    panel->share = 1.0;
    for (size_t g = 0; g < runs->groups; g++) {
        int rc = add_group(panel, runs, g, over, err);
        if (rc < 0)
            return rc;
    }
    if (runs->count > runs->groups)
        str_copy(chart->band_label, sizeof chart->band_label, "± 1 standard deviation");
    return 0;
}

/* ---- run ---- */

static int ascending(const void *a, const void *b)
{
    double x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The curve that takes longest: last x, then (all equally long) the lowest end. */
static size_t slowest(const struct chart_panel *panel)
{
    size_t best = 0;

    for (size_t i = 1; i < panel->series_count; i++) {
        const struct chart_series *a = &panel->series[i], *b = &panel->series[best];
        double xa = a->x[a->count - 1], xb = b->x[b->count - 1];
        if (xa > xb || (xa == xb && a->y[a->count - 1] < b->y[b->count - 1]))
            best = i;
    }
    return best;
}

static void mark_count(struct chart_panel *panel, double x, double y, bool whole)
{
    struct chart_guide g = {.x0 = x, .x1 = x, .y0 = -INFINITY, .y1 = y, .text_at = CHART_TEXT_FOOT};

    if (whole)
        axes_format_fixed(g.text, sizeof g.text, x, 0);
    else
        axes_format_value(g.text, sizeof g.text, x, 3);
    chart_add_guide(panel, g);
}

/* Where each faster curve first reaches what the slowest one ends with; not where it starts there. */
static void connect_equal_accuracy(struct chart_panel *panel, bool whole)
{
    double at[CHART_MAX_SERIES], end_x, end_y;
    size_t slow = slowest(panel), n = 0;
    struct chart_guide level = {.text_at = CHART_TEXT_ALONG};

    end_x = panel->series[slow].x[panel->series[slow].count - 1];
    end_y = panel->series[slow].y[panel->series[slow].count - 1];
    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        for (size_t k = 0; i != slow && k < s->count && s->x[k] < end_x; k++) {
            if (s->y[k] < end_y)
                continue;
            if (k > 0)
                at[n++] = s->x[k];
            break;
        }
    }
    if (n == 0)
        return;
    qsort(at, n, sizeof at[0], ascending);
    level.x0 = at[0];
    level.x1 = end_x;
    level.y0 = level.y1 = end_y;
    (void)snprintf(level.text, sizeof level.text, "%.1f %%", end_y);
    chart_add_guide(panel, level);
    for (size_t i = 0; i < (n > MAX_MARKED ? 1 : n); i++) {
        if (i == 0 || at[i] != at[i - 1])
            mark_count(panel, at[i], end_y, whole);
    }
    mark_count(panel, end_x, end_y, whole);
}

static void cut_series(struct chart_series *s, double floor)
{
    size_t n = 0;

    for (size_t k = 0; k < s->count; k++) {
        if (s->y[k] < floor)
            continue;
        s->x[n] = s->x[k];
        s->y[n] = s->y[k];
        if (s->low) {
            s->low[n] = fmax(s->low[k], floor);
            s->high[n] = s->high[k];
        }
        n++;
    }
    s->count = n;
}

static bool has_band(const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->series[i].low)
            return true;
    return false;
}

/* Leave out what lies below the accuracy where the axis is to begin; what was connected stays so, if its
 * level is shown. */
static int cut_below(struct chart *chart, double floor, struct clr_error *err)
{
    struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 0; i < panel->series_count;) {
        struct chart_series *s = &panel->series[i];
        cut_series(s, floor);
        if (s->count > 0) {
            i++;
        } else if (panel->series_count == 1) {
            return clr_error_set(err, CLR_EINPUT, "'%s' has no accuracy of %g %% or more: nothing to draw",
                                 s->label, floor);
        } else {
            log_line(CLR_LOG_WARNING, "'%s' has no accuracy of %g %% or more: it is not drawn", s->label,
                     floor);
            chart_remove_series(chart, i);
        }
    }
    if (!has_band(panel))
        chart->band_label[0] = '\0';
    if (panel->guide_count > 0 && panel->guides[0].y0 < floor) /* the level is the first one */
        panel->guide_count = 0;
    panel->floor = floor;
    return 0;
}

/* The time of the longest run decides in what it is told. Times of different devices are no axis: those of
 * one are told, and the axis says of which. */
static int prepare_time(struct chart *chart, struct over *over, struct runs *runs, struct clr_error *err)
{
    const char *clock = runs_clock(runs);
    char on[RUNS_DEVICE + 8] = "";
    double longest = 0.0;
    int rc;

    if (clock)
        (void)snprintf(on, sizeof on, " on %s", clock);
    rc = runs_read_times(runs, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < runs->count; i++)
        if (runs->run[i].timed)
            longest = fmax(longest, runs_seconds(&runs->run[i], INFINITY));
    over->what = OVER_TIME;
    over->unit = longest <= 120 ? 1 : longest <= 7200 ? 60 : 3600;
    (void)snprintf(chart->x_label, sizeof chart->x_label, "time%s, with evaluations (%s)", on,
                   longest <= 120    ? "s"
                   : longest <= 7200 ? "min"
                                     : "h");
    chart->x_whole = false;
    return 0;
}

/* The group's rates: its first run's, from loss.csv, which has more of them than history.csv. */
static int add_rates(struct chart_panel *panel, const struct runs *runs, size_t group,
                     const struct over *over, struct clr_error *err)
{
    static const struct csv_column columns[] = {
        {"iteration", 0, 1e15}, {"trn_loss", -HUGE_VAL, HUGE_VAL}, {"lr", 0, AXES_LIMIT}};
    const struct run *first = NULL;
    const struct csv *t;
    struct chart_series *s;
    struct csv losses = {0};
    char *path = NULL;
    int rc = 0;

    (void)group_size(runs, group, &first);
    if (first->folder)
        rc = fs_join(&path, first->folder, "loss.csv", err);
    if (rc == 0 && path && fs_exists(path))
        rc = csv_read(&losses, path, columns, MEM_COUNT(columns), err);
    t = losses.rows > 0 ? &losses : &first->table;
    if (rc == 0)
        rc = chart_add_series(panel, first->label, t->rows, false, &s, err);
    for (size_t r = 0; r < t->rows && rc == 0; r++) {
        s->x[r] = place(runs, group, over, csv_at(t, r, RUNS_ITERATION));
        s->y[r] = csv_at(t, r, RUNS_LR);
        s->markers = false;
    }
    csv_clear(&losses);
    free(path);
    return rc;
}

static int add_rates_panel(struct chart *chart, const struct runs *runs, const struct over *over, bool small,
                           struct clr_error *err)
{
    int rc = 0;

    chart->panels[0].share = 0.64;
    chart->panels[1] = (struct chart_panel){.y_label = small ? "rate" : "learning rate",
                                            .from_zero = true,
                                            .floor = 0.0,
                                            .ceiling = INFINITY,
                                            .share = 0.36};
    chart->panel_count = 2;
    for (size_t g = 0; g < runs->groups && rc == 0; g++)
        rc = add_rates(&chart->panels[1], runs, g, over, err);
    return rc;
}

/* "NAME: policy and rates", or the name alone where room is scarce or the policy is called like that. */
static void name_groups(struct runs *runs, const struct clr_plot_options *o)
{
    for (size_t i = 0; i < runs->count; i++) {
        struct run *r = &runs->run[i];
        char label[2 * RUNS_LABEL];
        const size_t length = strlen(o->names[i]);
        if (!o->multiples && strncmp(r->label, o->names[i], length) == 0 && strchr(" ,", r->label[length]))
            continue;
        (void)snprintf(label, sizeof label, "%s%s%s", o->names[i], o->multiples ? "" : ": ",
                       o->multiples ? "" : r->label);
        str_copy(r->label, sizeof r->label, label);
    }
}

int figure_run(struct chart *out, const char *const *inputs, size_t count,
               const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {.x_label = "iteration", .x_from_zero = true, .x_whole = true};
    struct over over = {.what = OVER_ITERATIONS};
    struct runs runs = {0};
    int rc = runs_read(&runs, inputs, count, "history.csv", err);

    if (rc == 0 && options && options->names)
        name_groups(&runs, options);
    if (rc == 0 && options && options->over == CLR_PLOT_OVER_TIME)
        rc = prepare_time(&chart, &over, &runs, err);
    if (rc == 0)
        rc = add_groups(&chart, &runs, &over, err);
    if (rc == 0 && options && options->rates)
        rc = add_rates_panel(&chart, &runs, &over, options->multiples, err);
    if (rc < 0)
        goto out;
    connect_equal_accuracy(&chart.panels[0], chart.x_whole);
    if (options && options->y_min > 0.0)
        rc = cut_below(&chart, options->y_min, err);
    if (rc < 0)
        goto out;
    str_copy(chart.title, sizeof chart.title, common_topic(&runs));
    *out = chart;
    memset(&chart, 0, sizeof chart);
out:
    chart_clear(&chart);
    runs_clear(&runs);
    return rc;
}

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

/* Are all of them sweeps by a factor? */
static bool all_geometric(const struct runs *runs, struct clr_error *err)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct csv *t = &runs->run[i].table;
        double *columns;
        bool geometric;
        if (mem_new(&columns, t->rows, 2 * sizeof(double), "rates", err) < 0)
            return false;
        for (size_t r = 0; r < t->rows; r++) {
            columns[r] = csv_at(t, r, RUNS_ITERATION);
            columns[t->rows + r] = csv_at(t, r, RUNS_LR);
        }
        geometric = axes_is_geometric(columns, columns + t->rows, t->rows);
        free(columns);
        if (!geometric)
            return false;
    }
    return true;
}

static void mark_rate(struct chart_panel *panel, const char *name, double rate)
{
    struct chart_guide g = {
        .x0 = rate, .x1 = rate, .y0 = -INFINITY, .y1 = INFINITY, .text_at = CHART_TEXT_HEAD};
    char number[AXES_TEXT];

    axes_format_value(number, sizeof number, rate, 3);
    (void)snprintf(g.text, sizeof g.text, "%s %s", name, number);
    chart_add_guide(panel, g);
}

/* What is read from these tests together; no bounds where one of them is a file, or did not end. */
static int read_range(struct clr_range_result *out, const struct runs *runs, struct clr_error *err)
{
    const char **folders = NULL;
    bool ended = true;
    int rc = mem_new(&folders, runs->count, sizeof *folders, "folders", err);

    *out = (struct clr_range_result){0};
    for (size_t i = 0; i < runs->count && rc == 0; i++) {
        folders[i] = runs->run[i].folder;
        ended = ended && folders[i] && fs_exists_in(folders[i], "range.json");
    }
    if (rc == 0 && ended && runs->count <= CLR_RANGE_TESTS)
        rc = clr_range_read(out, folders, runs->count, err);
    free(folders);
    return rc;
}

static void mark_bounds(struct chart_panel *panel, const struct clr_range_result *r)
{
    if (r->has_min)
        mark_rate(panel, "min", r->min_lr);
    if (r->has_max)
        mark_rate(panel, "max", r->max_lr);
    panel->shaded = r->has_min && r->has_max && r->min_lr < r->max_lr;
    panel->shade_lo = r->min_lr;
    panel->shade_hi = r->max_lr;
}

/* The curve that bounds are read from runs through the measured points. */
static int smooth_curves(struct chart_panel *panel, struct clr_error *err)
{
    for (size_t i = 0; i < panel->series_count; i++) {
        struct chart_series *s = &panel->series[i];
        int rc = mem_new(&s->smooth, s->count, sizeof *s->smooth, "a curve", err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < s->count; k++)
            s->smooth[k] = smooth_three(s->y, s->count, k);
    }
    return 0;
}

int figure_range(struct chart *out, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err)
{
    const struct over over = {.what = OVER_RATES};
    struct chart chart = {.x_label = "learning rate (line: mean of three neighbouring points)"};
    struct runs runs = {0};
    int rc = runs_read(&runs, inputs, count, "range.csv", err);

    (void)options;
    for (size_t i = 0; i < runs.count && rc == 0; i++)
        rc = check_rising(&runs.run[i], err);
    if (rc == 0)
        rc = add_groups(&chart, &runs, &over, err);
    if (rc == 0)
        rc = smooth_curves(&chart.panels[0], err);
    if (rc < 0)
        goto out;
    chart.x_log = all_geometric(&runs, NULL);
    chart.x_from_zero = !chart.x_log;
    if (runs.groups == 1) {
        struct clr_range_result range;
        rc = read_range(&range, &runs, err);
        if (rc < 0)
            goto out;
        mark_bounds(&chart.panels[0], &range);
        if (runs.count > 1)
            (void)snprintf(chart.panels[0].series[0].label, CHART_LABEL, "mean of %zu runs", runs.count);
        else
            chart.panels[0].series[0].label[0] = '\0';
    }
    (void)snprintf(chart.title, sizeof chart.title, "%s%slearning-rate range test", common_topic(&runs),
                   common_topic(&runs)[0] ? ": " : "");
    *out = chart;
    memset(&chart, 0, sizeof chart);
out:
    chart_clear(&chart);
    runs_clear(&runs);
    return rc;
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
    if (o && o->multiples)
        spec->height = multiples_height(chart, spec->width, spec->height);
}

int figure_render(struct str *out, const struct chart *chart, enum canvas_format format, bool boxes,
                  const struct clr_plot_options *options, struct clr_error *err)
{
    struct canvas_spec spec = {.format = format, .boxes = boxes};
    struct canvas *canvas;
    int rc;

    fill_spec(&spec, chart, options);
    rc = canvas_create(&canvas, &spec, err);
    if (rc < 0)
        return rc;
    rc = (options && options->multiples ? multiples_draw : chart_draw)(canvas, chart, spec.width, spec.height,
                                                                       err);
    if (rc == 0)
        rc = canvas_finish(canvas, out, err);
    canvas_destroy(canvas);
    return rc;
}

/* Clears the chart. */
static int write_figure(const char *path, struct chart *chart, const struct clr_plot_options *options,
                        struct clr_error *err)
{
    struct str bytes = {0};
    enum canvas_format format;
    int rc = canvas_format_of(&format, path, err);

    if (options && options->title)
        str_copy(chart->title, sizeof chart->title, options->title);
    if (rc == 0)
        rc = figure_render(&bytes, chart, format, false, options, err);
    if (rc == 0)
        rc = fs_write_atomic(path, bytes.text, bytes.length, err);
    str_clear(&bytes);
    chart_clear(chart);
    return rc;
}

int clr_plot_run(const char *path, const char *const *inputs, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = figure_run(&chart, inputs, count, options, err);

    return rc < 0 ? rc : write_figure(path, &chart, options, err);
}

int clr_plot_range(const char *path, const char *const *inputs, size_t count,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = figure_range(&chart, inputs, count, options, err);

    return rc < 0 ? rc : write_figure(path, &chart, options, err);
}

int clr_plot_schedule(const char *path, const char *const *inputs, size_t count,
                      const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = figure_schedule(&chart, inputs, count, err);

    return rc < 0 ? rc : write_figure(path, &chart, options, err);
}
