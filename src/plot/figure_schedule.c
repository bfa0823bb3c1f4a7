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
    static const struct csv_column columns[SCHEDULE_COLUMNS] = {
        {"iteration", 0, 1e15}, {"lr", 0, AXES_LIMIT}, {"momentum", 0, 1}};
    int rc = csv_read(out, path, columns, SCHEDULE_COLUMNS, err);

    if (rc < 0)
        return rc;
    if (out->rows == 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s:2: no rows: nothing to draw", path);
    else
        rc = runs_check_ascending(out, path, err);
    if (rc < 0)
        csv_clear(out);
    return rc;
}

static bool varies(const struct csv *t, size_t column)
{
    for (size_t r = 1; r < t->rows; r++) {
        if (csv_at(t, r, column) != csv_at(t, 0, column))
            return true;
    }
    return false;
}

/* What the inputs are called: the user's texts, else the files' names, with their paths where
 * these are alike; one alone needs none. */
static int name_schedules(struct runs *names, const char *const *inputs, size_t count,
                          const struct clr_plot_options *o, struct clr_error *err)
{
    int rc = mem_new(&names->run, count, sizeof *names->run, "names", err);

    if (rc < 0)
        return rc;
    names->count = count;
    for (size_t i = 0; i < count; i++) {
        struct run *r = &names->run[i];
        r->group = i;
        runs_name(r->name, sizeof r->name, inputs[i]);
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        size_t same = 0;
        for (size_t k = 0; k < count; k++)
            same += strcmp(names->run[k].name, names->run[i].name) == 0;
        str_copy(names->run[i].label, sizeof names->run[i].label, same > 1 ? inputs[i] : names->run[i].name);
    }
    return o ? labels_apply(names, inputs, o->labels, o->label_count, err) : 0;
}

static int add_schedules(struct chart *chart, const struct runs *names, const char *const *inputs,
                         size_t count, struct clr_error *err)
{
    bool momentum = false;
    int rc = 0;

    chart->panel_count = 1;
    chart->panels[0] = (struct chart_panel){
        .y_label = "learning rate", .from_zero = true, .floor = 0.0, .ceiling = INFINITY, .share = 0.64};
    chart->panels[1] =
        (struct chart_panel){.y_label = "momentum", .floor = 0.0, .ceiling = 1.0, .share = 0.36};
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct csv t;
        const char *label = names->run[i].label;
        rc = read_schedule(&t, inputs[i], err);
        if (rc < 0)
            return rc;
        momentum = momentum || varies(&t, SCHEDULE_MOMENTUM);
        rc = rates_add_rows(&chart->panels[0], label, &t, SCHEDULE_ITERATION, SCHEDULE_LR, err);
        if (rc == 0)
            rc = rates_add_rows(&chart->panels[1], label, &t, SCHEDULE_ITERATION, SCHEDULE_MOMENTUM, err);
        csv_clear(&t);
    }
    if (momentum)
        chart->panel_count = 2;
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < chart->panels[p].series_count; i++)
            chart->panels[p].series[i].markers = count > 1;
    }
    return rc;
}

int figure_schedule(struct chart *out, const char *const *inputs, size_t count,
                    const struct clr_plot_options *options, struct clr_error *err)
{
    struct chart chart = {.x_label = "iteration", .x_from_zero = true, .x_whole = true};
    struct runs names = {0};
    int rc;

    if (count == 0)
        return clr_error_set(err, CLR_EINPUT,
                             "nothing to draw: name at least one CSV file of `schedule --csv`");
    str_copy(chart.title, sizeof chart.title,
             count > 1 ? "learning-rate schedules" : "learning-rate schedule");
    rc = name_schedules(&names, inputs, count, options, err);
    if (rc == 0)
        rc = add_schedules(&chart, &names, inputs, count, err);
    return figure_end(out, &chart, &names, options, rc);
}
