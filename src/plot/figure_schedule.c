/* Figures of schedules: see figure.h. */
#include "plot/figure.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "plot/axes.h"
#include "plot/labels.h"
#include "plot/rates.h"
#include "plot/runs.h"

enum { SCHEDULE_ITERATION, SCHEDULE_LR, SCHEDULE_MOMENTUM, SCHEDULE_COLUMNS };

static int read_schedule(struct csv *out, const char *path, struct clr_error *err)
{
    static const struct csv_column columns[SCHEDULE_COLUMNS] = {{"iteration", 0, 1e15, true, false},
                                                                {"lr", 0, AXES_LIMIT, false, false},
                                                                {"momentum", 0, 1, false, false}};
    int rc = csv_read(out, path, columns, SCHEDULE_COLUMNS, err);

    if (rc == 0 && out->rows == 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s:2: no rows: nothing to draw", path);
    return rc < 0 ? rc : runs_check_ascending(out, err);
}

static bool varies(const struct csv *t, size_t column)
{
    for (size_t r = 1; r < t->rows; r++)
        if (csv_at(t, r, column) != csv_at(t, 0, column))
            return true;
    return false;
}

/* What the inputs are called: the user's texts, else the files' names, with their paths where
 * these are alike; one alone needs none. */
static int name_schedules(struct figure *f, struct clr_error *err)
{
    struct runs *names = &f->runs;
    const size_t count = f->count;
    int rc = mem_new(&names->run, count, sizeof *names->run, "names", err);

    if (rc < 0)
        return rc;
    names->count = count;
    for (size_t i = 0; i < count; i++) {
        struct plot_run *r = &names->run[i];
        r->group = i;
        fs_run_name(r->name, sizeof r->name, f->inputs[i]);
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        struct plot_run *r = &names->run[i];
        size_t same = 0;
        for (size_t k = 0; k < count; k++)
            same += strcmp(names->run[k].name, r->name) == 0;
        str_copy(r->label, sizeof r->label, same > 1 ? f->inputs[i] : r->name);
    }
    return labels_apply(names, f->inputs, f->options->labels, f->options->label_count, err);
}

/* A curve of rates and one of momentum; *momentum: that one is not constant. */
static int add_schedule(struct chart *chart, const char *label, const char *path, bool *momentum,
                        struct clr_error *err)
{
    struct csv t = {0};
    int rc = read_schedule(&t, path, err);

    if (rc == 0)
        rc = rates_add_rows(&chart->panels[0], label, &t, SCHEDULE_ITERATION, SCHEDULE_LR, err);
    if (rc == 0)
        rc = rates_add_rows(&chart->panels[1], label, &t, SCHEDULE_ITERATION, SCHEDULE_MOMENTUM, err);
    *momentum = *momentum || varies(&t, SCHEDULE_MOMENTUM);
    csv_clear(&t);
    return rc;
}

/* Panels without curves. */
static void prepare(struct chart *chart)
{
    str_copy(chart->x_label, sizeof chart->x_label, "iteration");
    chart->x_from_zero = chart->x_whole = true;
    chart->panels[0] = rates_panel(0.64);
    chart->panels[1] =
        (struct chart_panel){.y_label = "momentum", .floor = 0.0, .ceiling = 1.0, .share = 0.36};
}

int figure_schedule(struct figure *f, struct clr_error *err)
{
    struct chart *chart = &f->chart;
    bool momentum = false;
    int rc;

    if (f->count == 0)
        return clr_error_set(err, CLR_EINPUT,
                             "nothing to draw: name at least one CSV file of 'clr-cl schedule --csv'");
    prepare(chart);
    str_copy(chart->title, sizeof chart->title,
             f->count > 1 ? "learning-rate schedules" : "learning-rate schedule");
    rc = name_schedules(f, err);
    for (size_t i = 0; i < f->count && rc == 0; i++)
        rc = add_schedule(chart, f->runs.run[i].label, f->inputs[i], &momentum, err);
    chart->panel_count = momentum ? 2 : 1;
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < chart->panels[p].series_count; i++)
            chart->panels[p].series[i].markers = f->count > 1;
    return rc;
}

static bool moves_momentum(const struct chart_series *s)
{
    for (size_t i = 1; i < s->count; i++)
        if (s->y[i] != s->y[0])
            return true;
    return false;
}

int clr_plot_rates(const char *path, const struct clr_schedule *schedule, uint64_t iterations,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {0};
    int rc = options ? mem_check_struct(options, sizeof *options, "clr_plot_options", err) : 0;

    if (rc == 0)
        rc = clr_schedule_check(schedule, err);
    if (rc == 0 && iterations == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "`iterations` is 0: it must be at least 1");
    if (rc < 0)
        return rc;
    prepare(&chart);
    rc = clr_schedule_title(schedule, chart.title, sizeof chart.title, err);
    if (rc == 0)
        rc = rates_add_schedule(&chart.panels[0], "", schedule, clr_schedule_lr, iterations, true, err);
    if (rc == 0)
        rc = rates_add_schedule(&chart.panels[1], "", schedule, clr_schedule_momentum, iterations, true, err);
    if (rc == 0) {
        struct chart_series *momentum = &chart.panels[1].series[0];
        chart.panel_count = moves_momentum(momentum) ? 2 : 1;
        chart.panels[0].series[0].markers = momentum->markers = false;
        rc = figure_write(path, (struct figure_content){.chart = &chart}, options, err);
    }
    chart_clear(&chart);
    return rc;
}
