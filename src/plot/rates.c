/* Rates of runs: see rates.h. */
#include "plot/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "plot/axes.h"
#include "sched/policies.h"

#define SAMPLES 8192 /* of a curve: more than a figure is wide */

/* A change from one update to the next is a jump where it is that many times the ones beside it, and that
 * part of the highest value. */
#define JUMP 8.0
#define SEEN 0.002

#define FAR 3.0 /* times the highest rate of the others */

/* ---- a schedule as points ---- */

/* Points (iteration, rate or momentum of an update); where x and y are NULL, they are only counted. */
struct points {
    const struct clr_schedule *of;
    rates_column *column;
    double *x, *y;
    size_t count;
};

static void add_point(struct points *p, uint64_t iteration, uint64_t update)
{
    if (p->x) {
        p->x[p->count] = (double)iteration;
        p->y[p->count] = p->column(p->of, update);
    }
    p->count++;
}

/*
 * The first `updates` updates; update t is iteration t + 1. lines: a straight piece gets points only at its
 * ends. Of pieces that are too short to be seen, two in each SAMPLES-th part of the run are traced, a rise
 * and a fall or both sides of a jump, so that the highest and the lowest rates are drawn.
 */
static void trace_schedule(struct points *p, uint64_t updates, bool lines)
{
    const uint64_t stride = updates / SAMPLES > 0 ? updates / SAMPLES : 1;
    int shorts = 0;

    for (uint64_t t = 0; t < updates;) {
        const struct schedule_piece piece = schedule_piece_of(p->of, t);
        const uint64_t end = piece.end < updates ? piece.end : updates, last = end - 1;
        add_point(p, t + 1, t);
        for (uint64_t u = t + stride; u < last && !(piece.straight && lines); u += stride)
            add_point(p, u + 1, u);
        if (last > t && (piece.jumps || end == updates || !piece.straight))
            add_point(p, last + 1, last);
        if (piece.jumps && end < updates) /* straight up or down at the first update of the next piece */
            add_point(p, end + 1, last);
        shorts = end - t < stride ? shorts + 1 : 0;
        t = end;
        if (shorts == 2 && t < updates) {
            add_point(p, t + 1, t);
            t = t / stride * stride + stride;
            shorts = 0;
        }
    }
}

/* ---- what was ---- */

static int read_losses(struct csv *out, const struct plot_run *run, struct clr_error *err)
{
    char *path = NULL;
    int rc = run->folder ? fs_join(&path, run->folder, "loss.csv", err) : 0;

    if (rc == 0 && path && fs_exists(path))
        rc = csv_read(out, path, history_columns, HISTORY_LOSS_COLUMNS, err);
    free(path);
    return rc;
}

/* Are the rates in the table those of the schedule? In files they have nine digits. */
static bool agrees(const struct csv *t, const struct clr_schedule *s)
{
    double most = 0.0;

    for (size_t r = 0; r < t->rows; r++)
        most = fmax(most, csv_at(t, r, HISTORY_LR));
    for (size_t r = 0; r < t->rows; r++) {
        const double iteration = csv_at(t, r, HISTORY_ITERATION), was = csv_at(t, r, HISTORY_LR);
        if (iteration < 1.0 ||
            fabs(clr_schedule_lr(s, (uint64_t)iteration - 1) - was) > 1e-6 * was + 1e-9 * most)
            return false;
    }
    return true;
}

/* Are there iterations without a row, whose rate may not lie on the line between its neighbours? */
static bool has_gaps(const struct csv *t)
{
    for (size_t r = 1; r < t->rows; r++)
        if (csv_at(t, r, HISTORY_ITERATION) > csv_at(t, r - 1, HISTORY_ITERATION) + 1.0)
            return true;
    return false;
}

static double last_iteration(const struct csv *t)
{
    return t->rows > 0 ? csv_at(t, t->rows - 1, HISTORY_ITERATION) : 0.0;
}

/* ---- curves ---- */

int rates_add_schedule(struct chart_panel *panel, const char *label, const struct clr_schedule *schedule,
                       rates_column *column, uint64_t updates, bool lines, struct clr_error *err)
{
    struct points p = {.of = schedule, .column = column};
    struct chart_series *s;
    int rc;

    trace_schedule(&p, updates, lines);
    rc = chart_add_series(panel, label, p.count, false, &s, err);
    if (rc < 0)
        return rc;
    p.x = s->x;
    p.y = s->y;
    p.count = 0;
    trace_schedule(&p, updates, lines);
    return 0;
}

/* Does the value jump from the row before to row r: by far more than from the rows beside them, and by as
 * much as can be seen? */
static bool jumps(const struct csv *t, size_t r, size_t x, size_t y, double most)
{
    const double step = fabs(csv_at(t, r, y) - csv_at(t, r - 1, y));
    const double before = r > 1 ? fabs(csv_at(t, r - 1, y) - csv_at(t, r - 2, y)) : 0.0;
    const double after = r + 1 < t->rows ? fabs(csv_at(t, r + 1, y) - csv_at(t, r, y)) : 0.0;

    return csv_at(t, r, x) == csv_at(t, r - 1, x) + 1.0 && step > SEEN * most &&
           step > JUMP * fmax(before, after);
}

int rates_add_rows(struct chart_panel *panel, const char *label, const struct csv *t, size_t x, size_t y,
                   struct clr_error *err)
{
    double most = 0.0;
    struct chart_series *s;
    size_t count = t->rows, n = 0;
    int rc;

    for (size_t r = 0; r < t->rows; r++)
        most = fmax(most, csv_at(t, r, y));
    for (size_t r = 1; r < t->rows; r++)
        count += jumps(t, r, x, y, most);
    rc = chart_add_series(panel, label, count, false, &s, err);
    for (size_t r = 0; r < t->rows && rc == 0; r++) {
        if (r > 0 && jumps(t, r, x, y, most)) { /* as in trace_schedule() */
            s->x[n] = csv_at(t, r, x);
            s->y[n++] = csv_at(t, r - 1, y);
        }
        s->x[n] = csv_at(t, r, x);
        s->y[n++] = csv_at(t, r, y);
    }
    return rc;
}

static int add_rows(struct chart_panel *panel, const struct plot_run *run, const struct csv *t,
                    const char *file, struct clr_error *err)
{
    int rc = rates_add_rows(panel, run->label, t, HISTORY_ITERATION, HISTORY_LR, err);

    if (rc == 0 && has_gaps(t))
        log_line(CLR_LOG_WARNING, "the rates of '%s' are drawn straight from row to row of its %s: %s",
                 run->name, file,
                 run->scheduled
                     ? "it did not follow the schedule in its run.json (it was resumed under another one, "
                       "or with halved rates)"
                     : "no run.json has its schedule");
    return rc;
}

static int add_rates(struct chart_panel *panel, const struct runs *runs, size_t group,
                     const struct groups_view *view, struct clr_error *err)
{
    const struct plot_run *run = runs_next(runs, group, NULL);
    struct csv losses = {0};
    struct chart_series *s;
    size_t n = 0;
    int rc;

    rc = read_losses(&losses, run, err);
    if (rc == 0 && run->scheduled && agrees(&losses, &run->schedule) && agrees(&run->table, &run->schedule))
        rc = rates_add_schedule(panel, run->label, &run->schedule, clr_schedule_lr,
                                (uint64_t)fmax(last_iteration(&losses), last_iteration(&run->table)),
                                view->over != GROUPS_OVER_TIME, err);
    else if (rc == 0 && losses.rows > 0)
        rc = add_rows(panel, run, &losses, "loss.csv", err);
    else if (rc == 0)
        rc = add_rows(panel, run, &run->table, fs_last_part(run->csv_path), err);
    csv_clear(&losses);
    if (rc < 0)
        return rc;
    s = &panel->series[panel->series_count - 1];
    s->markers = false;
    for (size_t k = 0; k < s->count; k++) {
        s->x[n] = groups_place(runs, group, view, s->x[k]);
        s->y[n] = s->y[k];
        n += isnan(s->x[n]) ? 0 : 1;
    }
    if (n == 0)
        return clr_error_set(err, CLR_EINPUT, "'%s': no rate before the end of timing.csv: nothing to draw",
                             run->name);
    if (n < s->count)
        log_line(CLR_LOG_WARNING, "the rates of '%s' are drawn as far as its timing.csv goes", run->label);
    s->count = n;
    return 0;
}

/* Rates of runs that diverged may be far above all others, which would lie on zero: then the axis ends at the
 * others' highest. */
static void end_rate_axis(struct chart *chart, const struct runs *runs)
{
    struct chart_panel *panel = &chart->panels[1];
    double most[2] = {0.0, 0.0}; /* of runs that did not diverge; of all */
    size_t curves = 0;           /* above the axis */

    for (size_t i = 0; i < panel->series_count; i++) {
        const double highest = chart_highest(&panel->series[i]);
        bool diverged = false;
        for (const struct plot_run *r = NULL; (r = runs_next(runs, i, r)) != NULL;)
            diverged = diverged || !isnan(r->diverged_at);
        most[0] = diverged ? most[0] : fmax(most[0], highest);
        most[1] = fmax(most[1], highest);
    }
    if (!(most[0] > 0.0 && most[1] > FAR * most[0]))
        return;
    panel->ends = true;
    panel->ceiling = 1.05 * most[0];
    for (size_t i = 0; i < panel->series_count; i++)
        curves += chart_highest(&panel->series[i]) > panel->ceiling;
    chart_add_above(chart, "rate", most[1], curves);
}

struct chart_panel rates_panel(double share)
{
    return (struct chart_panel){.y_label = "learning rate",
                                .y_brief = "rate",
                                .from_zero = true,
                                .floor = 0.0,
                                .ceiling = INFINITY,
                                .share = share};
}

int rates_add_panel(struct chart *chart, const struct runs *runs, const struct groups_view *view,
                    struct clr_error *err)
{
    int rc = 0;

    chart->panels[0].share = 0.64;
    chart->panels[1] = rates_panel(0.36);
    chart->panel_count = 2;
    for (size_t g = 0; g < runs->groups && rc == 0; g++)
        rc = add_rates(&chart->panels[1], runs, g, view, err);
    if (rc == 0)
        end_rate_axis(chart, runs);
    return rc;
}
