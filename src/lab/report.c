/*
 * What an experiment's runs came to: results.csv, one row a run and seed, holds nothing that depends on the
 * clock; results.md has means, sample standard deviations and times. See lab.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>
#include <clr/plot.h>
#include <clr/range.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"
#include "base/log.h"
#include "base/smooth.h"
#include "plot/chart.h"
#include "plot/runs.h"
#include "range/curve.h"

_Static_assert(LAB_MAX_DRAWN == CHART_MAX_SERIES, "what a figure can have");

/* One run with one seed. */
struct cell {
    const struct lab_run *run;
    enum lab_state state;
    int seed;
    char *folder;                /* owned */
    const struct plot_run *read; /* its history; NULL unless it is finished and no range test */
    double seconds;              /* to its last evaluation */
    double diverged_at;          /* an iteration; NaN: it did not, or is not known */
    char images[FS_SHA256_TEXT]; /* SHA-256 of what it was trained on; "" not known */
};

struct results {
    const struct lab_experiment *e;
    struct cell *cells; /* of each run, its seeds */
    size_t cell_count;
    struct runs runs;
    const char *clock;  /* the device whose times are reported; NULL: there is but one */
    struct str made_on; /* devices and programs, one a line */
    struct str ranges;  /* the table of the range tests, without its head */
};

/* ------------------------------------------------------------------ reading */

/* A cell for each state. results_clear() it in any case. */
static int results_init(struct results *r, const struct lab_experiment *e, const char *dir,
                        const enum lab_state *states, struct clr_error *err)
{
    struct cell *cell;
    int rc;

    *r = (struct results){.e = e};
    for (size_t i = 0; i < e->run_count; i++)
        r->cell_count += (size_t)e->runs[i].seed_count;
    rc = mem_new(&r->cells, r->cell_count, sizeof *r->cells, "results", err);
    cell = r->cells;
    for (size_t i = 0; i < e->run_count && rc == 0; i++) {
        const struct lab_run *run = &e->runs[i];
        for (int s = 0; s < run->seed_count && rc == 0; s++, cell++) {
            *cell = (struct cell){run, *states++, run->seeds[s], .seconds = NAN, .diverged_at = NAN};
            rc = clr_lab_folder(&cell->folder, dir, run, cell->seed, err);
        }
    }
    return rc;
}

static void results_clear(struct results *r)
{
    for (size_t i = 0; r->cells && i < r->cell_count; i++)
        free(r->cells[i].folder);
    free(r->cells);
    runs_clear(&r->runs);
    str_clear(&r->made_on);
    str_clear(&r->ranges);
}

/* The cells of that run. */
static const struct cell *cells_of(const struct results *r, const struct lab_run *run)
{
    const struct cell *cell = r->cells;

    while (cell->run != run)
        cell++;
    return cell;
}

static int read_seconds(double *out, const char *folder, struct clr_error *err)
{
    struct csv csv = {0};
    bool there = false;
    int rc = archive_has(&there, folder, "timing.csv", err);

    if (rc == 0 && there)
        rc = archive_table(&csv, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err);
    if (rc == 0 && csv.rows > 0)
        *out = csv_at(&csv, csv.rows - 1, HISTORY_TIMING_SECONDS);
    csv_clear(&csv);
    return rc;
}

/* Append the line unless it is there already, and clear it. */
static void move_line(struct str *out, struct str *line)
{
    const char *at = strstr(str_text(out), str_text(line));

    while (at && at > str_text(out) && at[-1] != '\n')
        at = strstr(at + 1, str_text(line));
    if (!at)
        str_append(out, "%s", str_text(line));
    out->failed = out->failed || line->failed;
    str_clear(line);
}

/* "DEVICE, driver D, clr-cl 0.1.0 (abcdef)", once; before it, devices that it was on before. */
static void note_makers(struct str *made_on, const json_t *root)
{
    const json_t *device = json_object_get(root, "device"), *resumed = json_object_get(root, "resumed");
    const char *name = json_string_value(json_object_get(device, "name")),
               *driver = json_string_value(json_object_get(device, "driver")),
               *version = json_string_value(json_object_get(root, "version")),
               *git = json_string_value(json_object_get(root, "git"));
    struct str line = {0};

    for (size_t i = 0; i < json_array_size(resumed); i++) {
        const char *before = json_string_value(json_object_get(json_array_get(resumed, i), "device_before"));
        if (before && name && strcmp(before, name) != 0) {
            str_append(&line, "%s (a part of a run)\n", before);
            move_line(made_on, &line);
        }
    }
    str_append(&line, "%s, driver %s, clr-cl %s (%s)\n", name ? name : "?", driver ? driver : "?",
               version ? version : "?", git ? git : "?");
    move_line(made_on, &line);
}

static int read_cell(struct results *r, struct cell *cell, struct clr_error *err)
{
    json_t *root = NULL;
    int rc;

    if (cell->state == LAB_MISSING)
        return 0;
    rc = archive_json(&root, cell->folder, "run.json", err);
    if (rc == 0 && cell->state == LAB_FINISHED) {
        const char *sum = json_string_value(json_object_get(json_object_get(root, "data"), "sha256"));
        str_copy(cell->images, sizeof cell->images, sum ? sum : "");
        note_makers(&r->made_on, root);
        rc = read_seconds(&cell->seconds, cell->folder, err);
    }
    cell->diverged_at = runs_diverged_at(root);
    json_decref(root);
    return rc;
}

/* Seeds of one run are repeats: of the same images. */
static int check_images(const struct results *r, const struct cell *cell, struct clr_error *err)
{
    for (const struct cell *other = r->cells; other < cell; other++)
        if (other->run == cell->run && other->images[0] && cell->images[0] &&
            strcmp(other->images, cell->images) != 0)
            return clr_error_set(err, CLR_EUSAGE,
                                 "'%s' was trained on other images than seed %d"
                                 ": they are no repeats; with an empty folder in its place, '%s' or '%s' is "
                                 "made again",
                                 cell->folder, other->seed, cell->folder, other->folder);
    return 0;
}

/* A row of the range tests' table: what is read from these folders together. */
static int append_range(struct str *out, const char *name, const char *seeds, const char *const *folders,
                        size_t count, struct clr_error *err)
{
    struct clr_range_result r;
    int rc = clr_range_read(&r, folders, count, err);

    if (rc < 0)
        return rc;
    str_append(out, "| %s | %s |", name, seeds);
    if (r.has_range)
        str_append(out, " %.4g | %.4g | %.4g to %.4g%s%s |\n", r.min_lr, r.max_lr, r.max_lr_low,
                   r.max_lr_high,
                   r.doubt == CLR_RANGE_SURE ? "" : "; uncertain: ", range_doubt_name(r.doubt));
    else
        str_append(out, " – | – | %s |\n", clr_range_verdict_name(r.verdict));
    return 0;
}

/* The rows of one range test: of each seed, and of all together where there are several. */
static int read_range(struct results *r, const struct lab_run *run, struct clr_error *err)
{
    const struct cell *cells = cells_of(r, run);
    const char *folders[LAB_MAX_SEEDS];
    char seeds[40];
    size_t count = 0;
    int rc = 0;

    _Static_assert(LAB_MAX_SEEDS <= CLR_RANGE_TESTS, "all seeds are read as one");
    for (int s = 0; s < run->seed_count && rc == 0; s++) {
        if (cells[s].state != LAB_FINISHED)
            continue;
        (void)snprintf(seeds, sizeof seeds, "%d", cells[s].seed);
        folders[count] = cells[s].folder;
        rc = append_range(&r->ranges, run->name, seeds, &folders[count++], 1, err);
    }
    (void)snprintf(seeds, sizeof seeds, "median of %zu", count);
    return rc < 0 || count < 2 ? rc : append_range(&r->ranges, run->name, seeds, folders, count, err);
}

static int read_all(struct results *r, struct clr_error *err)
{
    const char **folders = NULL;
    size_t finished = 0, n = 0;
    int rc = mem_new(&folders, r->cell_count, sizeof *folders, "folders", err);

    for (struct cell *c = r->cells; c < r->cells + r->cell_count && rc == 0; c++) {
        if (c->run->range_test)
            continue;
        rc = read_cell(r, c, err);
        if (rc == 0)
            rc = check_images(r, c, err);
        if (c->state == LAB_FINISHED)
            folders[finished++] = c->folder;
    }
    if (rc == 0 && finished > 0)
        rc = runs_read(&r->runs, folders, NULL, finished, "history.csv", err);
    if (rc == 0 && finished > 0)
        r->clock = runs_clock(&r->runs);
    for (struct cell *c = r->cells; rc == 0 && n < finished; c++)
        if (c->state == LAB_FINISHED && !c->run->range_test)
            c->read = &r->runs.run[n++];
    free(folders);
    for (size_t i = 0; i < r->e->run_count && rc == 0; i++)
        if (r->e->runs[i].range_test)
            rc = read_range(r, &r->e->runs[i], err);
    return rc;
}

/* ------------------------------------------------------------------ numbers */

/* NaN: not evaluated there, or there is no run. */
static double value_at(const struct plot_run *run, enum history_column column, double iteration)
{
    for (size_t i = 0; run && i < run->table.rows; i++)
        if (csv_at(&run->table, i, HISTORY_ITERATION) == iteration)
            return csv_at(&run->table, i, column);
    return NAN;
}

/* Of the last row; NaN: there is no run. */
static double last(const struct plot_run *run, enum history_column column)
{
    return run ? csv_at(&run->table, run->table.rows - 1, column) : NAN;
}

/* Of the finished cells' values after that many iterations, 0: the last; NaN where one has none. */
static struct smooth_moments moments_of(const struct cell *cells, size_t count, enum history_column column,
                                        double iteration)
{
    double v[LAB_MAX_SEEDS];
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (cells[i].read)
            v[n++] =
                iteration > 0.0 ? value_at(cells[i].read, column, iteration) : last(cells[i].read, column);
    return smooth_moments(v, n);
}

/* The first iteration, of those that all finished cells evaluated, where their mean accuracy is at least
 * that; NaN: none. */
static double reached(const struct cell *cells, size_t count, double accuracy)
{
    const struct plot_run *first = NULL;

    for (size_t i = 0; i < count && !first; i++)
        first = cells[i].read;
    for (size_t row = 0; first && row < first->table.rows; row++) {
        const double iteration = csv_at(&first->table, row, HISTORY_ITERATION);
        if (moments_of(cells, count, HISTORY_VAL_ACC, iteration).mean >= accuracy)
            return iteration;
    }
    return NAN;
}

/* ------------------------------------------------------------------ results.csv */

static void append_value(struct str *out, double value)
{
    if (isnan(value))
        str_append(out, ",");
    else
        str_append(out, ",%.9g", value);
}

static void append_row(struct str *out, const struct lab_experiment *e, const struct cell *cell)
{
    const struct plot_run *run = cell->read;
    double best = NAN, best_iteration = NAN;

    if (cell->state == LAB_MISSING || cell->run->range_test)
        return;
    for (size_t i = 0; run && i < run->table.rows; i++) {
        const double v = csv_at(&run->table, i, HISTORY_VAL_ACC);
        if (!isnan(v) && !(best >= v)) {
            best = v;
            best_iteration = csv_at(&run->table, i, HISTORY_ITERATION);
        }
    }
    str_append(out, "%s,%d,%s", cell->run->name, cell->seed, run ? "finished" : "diverged");
    append_value(out, last(run, HISTORY_ITERATION));
    append_value(out, last(run, HISTORY_VAL_LOSS));
    append_value(out, last(run, HISTORY_VAL_ACC));
    append_value(out, best);
    append_value(out, best_iteration);
    for (int i = 0; i < e->at_count; i++)
        append_value(out, value_at(run, HISTORY_VAL_ACC, e->at[i]));
    for (int i = 0; i < e->reach_count; i++)
        append_value(out, reached(cell, 1, e->reach[i]));
    str_append(out, "\n");
}

static void write_rows(struct str *out, const struct results *r)
{
    const struct lab_experiment *e = r->e;

    str_append(out, "run,seed,status,iterations,val_loss,val_acc,best_acc,best_iteration");
    for (int i = 0; i < e->at_count; i++)
        str_append(out, ",acc_at_%d", e->at[i]);
    for (int i = 0; i < e->reach_count; i++)
        str_append(out, ",reached_%g", e->reach[i]);
    str_append(out, "\n");
    for (size_t i = 0; i < r->cell_count; i++)
        append_row(out, e, &r->cells[i]);
}

/* ------------------------------------------------------------------ results.md */

/* Of nets that have none, the loss. */
static void append_accuracy(struct str *out, const struct cell *cells, size_t count, double iteration)
{
    const struct smooth_moments m = moments_of(cells, count, HISTORY_VAL_ACC, iteration),
                                loss = moments_of(cells, count, HISTORY_VAL_LOSS, iteration);

    if (isnan(m.mean) && isnan(loss.mean))
        str_append(out, " – |");
    else if (isnan(m.mean) && isnan(loss.deviation))
        str_append(out, " loss %.4g |", loss.mean);
    else if (isnan(m.mean))
        str_append(out, " loss %.4g ± %.2g |", loss.mean, loss.deviation);
    else if (isnan(m.deviation))
        str_append(out, " %.2f |", 100.0 * m.mean);
    else
        str_append(out, " %.2f ± %.2f |", 100.0 * m.mean, 100.0 * m.deviation);
}

static void append_time(struct str *out, const struct cell *cells, size_t count)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (cells[i].read && cells[i].read->timed && !isnan(cells[i].seconds)) {
            sum += cells[i].seconds;
            n++;
        }
    }
    if (n == 0)
        str_append(out, " – |\n");
    else if (sum / (double)n < 120.0)
        str_append(out, " %.1f s |\n", sum / (double)n);
    else
        str_append(out, " %.1f min |\n", sum / (double)n / 60.0);
}

/* An iteration; NaN: there is none. */
static void append_iteration(struct str *out, double iteration)
{
    if (isnan(iteration))
        str_append(out, " – |");
    else {
        str_append(out, " ");
        str_append_grouped(out, (uint64_t)iteration);
        str_append(out, " |");
    }
}

/* ", 2 diverged at iterations 57 and 1,203" */
static void append_divergence(struct str *out, const struct cell *cells, size_t count, size_t diverged)
{
    size_t listed = 0;

    str_append(out, ", %zu diverged", diverged);
    for (size_t i = 0; i < count; i++) {
        if (isnan(cells[i].diverged_at))
            continue;
        str_append(out, "%s",
                   listed > 0      ? listed + 1 < diverged ? ", " : " and "
                   : diverged == 1 ? " at iteration "
                                   : " at iterations ");
        str_append_grouped(out, (uint64_t)cells[i].diverged_at);
        listed++;
    }
}

/* One run over its seeds. */
static void append_line(struct str *out, const struct lab_experiment *e, const struct cell *cells)
{
    const size_t count = (size_t)cells->run->seed_count;
    const struct plot_run *first = NULL;
    size_t finished = 0, diverged = 0;

    for (size_t i = 0; i < count; i++) {
        finished += cells[i].read != NULL;
        diverged += cells[i].state == LAB_DIVERGED;
        first = first ? first : cells[i].read;
    }
    if (finished + diverged == 0)
        return;
    str_append(out, "| %s | %zu", cells->run->name, finished + diverged);
    if (diverged > 0)
        append_divergence(out, cells, count, diverged);
    str_append(out, " |");
    append_iteration(out, last(first, HISTORY_ITERATION));
    append_accuracy(out, cells, count, 0.0);
    for (int i = 0; i < e->at_count; i++)
        append_accuracy(out, cells, count, e->at[i]);
    for (int i = 0; i < e->reach_count; i++)
        append_iteration(out, reached(cells, count, e->reach[i]));
    append_time(out, cells, count);
}

static void write_runs(struct str *out, const struct results *r)
{
    const struct lab_experiment *e = r->e;

    str_append(out, "| run | seeds | iterations | accuracy at the end, %% |");
    for (int i = 0; i < e->at_count; i++) {
        str_append(out, " after ");
        str_append_grouped(out, (uint64_t)e->at[i]);
        str_append(out, " |");
    }
    for (int i = 0; i < e->reach_count; i++)
        str_append(out, " %g %% after |", 100.0 * e->reach[i]);
    str_append(out, " time |\n|---|---|---|---|");
    for (int i = 0; i < e->at_count + e->reach_count; i++)
        str_append(out, "---|");
    str_append(out, "---|\n");
    for (size_t i = 0; i < e->run_count; i++)
        if (!e->runs[i].range_test)
            append_line(out, e, cells_of(r, &e->runs[i]));
}

static bool has_runs(const struct lab_experiment *e)
{
    for (size_t i = 0; i < e->run_count; i++)
        if (!e->runs[i].range_test)
            return true;
    return false;
}

/* Of the runs, where the experiment has any, and of the range tests, where one is finished. */
static void write_tables(struct str *out, const struct results *r)
{
    if (has_runs(r->e))
        write_runs(out, r);
    if (r->ranges.length > 0)
        str_append(out,
                   "%s| range test | seed | min-lr | max-lr | max-lr between |\n|---|---|---|---|---|\n%s\n"
                   "max-lr between: the 95 %% interval of a test; of two tests, both of their intervals; of "
                   "more, the "
                   "lowest and the highest bound, or the 95 %% interval of the median where that is wider.\n",
                   out->length > 0 ? "\n" : "", str_text(&r->ranges));
}

/* "Accuracy is measured on …" where all runs agree. */
static void append_measured_on(struct str *out, const struct results *r)
{
    const struct runs *runs = &r->runs;
    size_t held_out = 0;

    for (size_t i = 0; i < runs->count; i++)
        held_out += runs->run[i].held_out;
    str_append(out, "Accuracy in percent, on %s: mean ± sample standard deviation over the seeds. ",
               held_out == 0             ? "the test set"
               : held_out == runs->count ? "training images that were held out"
                                         : "the test set, or on training images where a run held some out");
    if (r->e->reach_count > 0)
        str_append(out, "\"%g %% after\": the first evaluation at which the mean had reached it. ",
                   100.0 * r->e->reach[0]);
    str_append(out, "Time: of one run%s%s, with its evaluations.\n", r->clock ? " on " : "",
               r->clock ? r->clock : "");
}

static void write_page(struct str *out, const struct results *r, const char *table)
{
    const struct lab_experiment *e = r->e;
    const char *line = str_text(&r->made_on);

    str_append(out, "# %s\n\n", e->name);
    if (e->about[0])
        str_append(out, "%s\n\n", e->about);
    str_append(out, "%s\n", table);
    if (has_runs(r->e))
        append_measured_on(out, r);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        str_append(out, "%s%.*s", line == str_text(&r->made_on) ? "\nMade on: " : "; ", (int)(end - line),
                   line);
    str_append(out, "%s\nThe settings of each run are in runs.json.\n", r->made_on.length > 0 ? "." : "");
    for (size_t i = 0; i < e->figure_count; i++) {
        const struct lab_figure *f = &e->figures[i];
        const bool shown = strcmp(strrchr(f->file, '.'), ".pdf") != 0; /* readers of Markdown show no PDF */
        str_append(out, "\n%s[%s](%s)\n", shown ? "!" : "",
                   f->title ? f->title
                   : shown  ? ""
                            : f->file,
                   f->file);
    }
}

/* ------------------------------------------------------------------ both */

static int write_file(const char *dir, const char *name, const char *text, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, dir, name, err);

    if (rc == 0)
        rc = fs_write_atomic(path, text, strlen(text), err);
    free(path);
    return rc;
}

/* histories.csv and runs.json, with what is finished or diverged. */
static int write_archive(const struct results *r, const char *dir, struct clr_error *err)
{
    const char **folders = NULL;
    size_t count = 0;
    int rc = mem_new(&folders, r->cell_count, sizeof *folders, "folders", err);

    for (size_t i = 0; i < r->cell_count && rc == 0; i++)
        if (r->cells[i].state == LAB_FINISHED || r->cells[i].state == LAB_DIVERGED)
            folders[count++] = r->cells[i].folder;
    if (rc == 0)
        rc = archive_write(dir, folders, count, err);
    free(folders);
    return rc;
}

int clr_lab_report(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
                   char **table, struct clr_error *err)
{
    struct results r;
    struct str rows = {0}, lines = {0}, page = {0};
    const struct str *const texts[] = {&r.made_on, &r.ranges, &rows, &lines, &page};
    int rc = results_init(&r, e, dir, states, err);

    if (rc == 0)
        rc = read_all(&r, err);
    if (rc == 0) {
        write_rows(&rows, &r);
        write_tables(&lines, &r);
        write_page(&page, &r, str_text(&lines));
    }
    for (size_t i = 0; i < MEM_COUNT(texts) && rc == 0; i++)
        rc = str_check(texts[i], err);
    if (rc == 0) /* first, since it may be the only copy: where it is damaged, nothing is written */
        rc = write_archive(&r, dir, err);
    if (rc == 0)
        rc = write_file(dir, "experiment.prototxt", e->text, err);
    if (rc == 0)
        rc = write_file(dir, "results.csv", str_text(&rows), err);
    if (rc == 0)
        rc = write_file(dir, "results.md", str_text(&page), err);
    if (rc == 0 && table) {
        *table = lines.text;
        lines.text = NULL;
    }
    str_clear(&rows);
    str_clear(&lines);
    str_clear(&page);
    results_clear(&r);
    return rc;
}

/* ------------------------------------------------------------------ figures */

/* A range test whose loss diverged before its first evaluation has nothing to draw, which is no error. */
static int check_curve(bool *there, const char *folder, struct clr_error *err)
{
    struct clr_range_result r;
    int rc = clr_range_read(&r, &folder, 1, err);

    if (rc < 0)
        return rc;
    *there = r.points > 0;
    if (!*there)
        log_line(CLR_LOG_WARNING, "'%s' is not drawn: %s", folder, r.explanation);
    return 0;
}

/* A run that diverged is drawn up to there, unless that was before its first evaluation. */
static int check_history(bool *there, const char *folder, struct clr_error *err)
{
    struct csv rows;
    int rc = archive_table(&rows, folder, "history.csv", history_columns, HISTORY_COLUMNS, err);

    if (rc < 0)
        return rc;
    *there = rows.rows > 0;
    if (!*there)
        log_line(CLR_LOG_WARNING, "'%s' is not drawn: its loss diverged before the first evaluation", folder);
    csv_clear(&rows);
    return 0;
}

/* Folders and names of the runs that the figure shows and that ended; how many in *count. */
static int find_inputs(const char **folders, const char **names, size_t *count, const struct results *r,
                       const struct lab_figure *figure, struct clr_error *err)
{
    for (size_t k = 0; k < figure->run_count; k++) {
        const struct lab_run *run = &r->e->runs[figure->runs[k]];
        const struct cell *cells = cells_of(r, run);
        for (int s = 0; s < run->seed_count; s++) {
            const bool diverged = cells[s].state == LAB_DIVERGED;
            bool there = cells[s].state == LAB_FINISHED || diverged;
            int rc = there && run->range_test ? check_curve(&there, cells[s].folder, err)
                     : diverged               ? check_history(&there, cells[s].folder, err)
                                              : 0;
            if (rc < 0)
                return rc;
            folders[*count] = cells[s].folder;
            names[*count] = run->name;
            *count += there;
        }
    }
    return 0;
}

static int draw(const struct results *r, const struct lab_figure *figure, const char *dir,
                const char *command_line, struct clr_error *err)
{
    struct clr_plot_options options = {.size = sizeof options,
                                       .width = figure->width,
                                       .height = figure->height,
                                       .title = figure->title,
                                       .command_line = command_line,
                                       .over =
                                           figure->over_time ? CLR_PLOT_OVER_TIME : CLR_PLOT_OVER_ITERATIONS,
                                       .rates = figure->rates,
                                       .multiples = figure->multiples,
                                       .y_min = isnan(figure->y_min) ? NULL : &figure->y_min};
    const size_t most = figure->run_count * LAB_MAX_SEEDS;
    const char **folders = NULL;
    char *path = NULL;
    size_t count = 0;
    int rc = fs_join(&path, dir, figure->file, err);

    if (rc == 0)
        rc = mem_new(&folders, most, 2 * sizeof *folders, "folders", err);
    if (rc == 0) {
        options.names = folders + most;
        rc = find_inputs(folders, folders + most, &count, r, figure, err);
    }
    if (rc == 0 && count > 0)
        rc = (figure->kind == LAB_FIGURE_RANGE ? clr_plot_range : clr_plot_run)(path, folders, count,
                                                                                &options, err);
    free(folders);
    free(path);
    return rc < 0 ? rc : count > 0;
}

int clr_lab_draw(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
                 const char *command_line, struct clr_error *err)
{
    struct results r;
    int rc = results_init(&r, e, dir, states, err);

    if (rc < 0) {
        results_clear(&r);
        return rc;
    }
    for (size_t i = 0; i < e->figure_count; i++) {
        struct clr_error other;
        const int drawn = draw(&r, &e->figures[i], dir, command_line, rc >= 0 ? err : &other);
        if (rc >= 0 && drawn < 0)
            clr_error_prefix(err, "figure '%s' cannot be drawn", e->figures[i].file);
        if (rc >= 0)
            rc = drawn < 0 ? drawn : rc + drawn;
    }
    results_clear(&r);
    return rc;
}
