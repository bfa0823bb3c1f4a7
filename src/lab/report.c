/*
 * What an experiment's runs came to: results.csv, one row a run and seed, holds nothing that depends on the
 * clock; results.md has means, sample standard deviations and times. See lab.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/plot.h>
#include <clr/range.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "lab/lab.h"
#include "plot/runs.h"

/* One run with one seed. */
struct cell {
    enum lab_state state;
    uint64_t seed;
    const struct run *read;      /* its history; NULL unless finished */
    double seconds;              /* to its last evaluation */
    double diverged_at;          /* an iteration; NaN: it did not, or is not known */
    char images[FS_SHA256_TEXT]; /* SHA-256 of what it was trained on; "" not known */
};

struct report {
    const struct lab_experiment *e;
    struct cell *cells; /* runs × their seeds; range tests have none */
    size_t cell_count;
    struct runs runs;
    const char *clock;  /* the device whose times are told; NULL: there is but one */
    struct str made_on; /* devices and programs, one a line */
    struct str ranges;  /* the table of the range tests, without its head */
};

/* ------------------------------------------------------------------ reading */

static int read_seconds(double *out, const char *folder, struct clr_error *err)
{
    struct csv csv = {0};
    int rc = 0;

    *out = NAN;
    if (archive_has(folder, "timing.csv"))
        rc = archive_table(&csv, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err);
    if (rc == 0 && csv.rows > 0)
        *out = csv_at(&csv, csv.rows - 1, HISTORY_TIMING_SECONDS);
    csv_clear(&csv);
    return rc;
}

static void append_line_once(struct str *out, const struct str *line)
{
    const size_t n = line->length;

    for (const char *at = str_text(out); (at = strstr(at, str_text(line))) != NULL; at += n)
        if (at == str_text(out) || at[-1] == '\n')
            return;
    str_append(out, "%s", str_text(line));
}

/* "DEVICE, driver D, clr-cl 0.1.0 (abcdef)", once; before it, devices that it was on before. */
static int note_makers(struct report *r, const json_t *root, struct clr_error *err)
{
    const json_t *device = json_object_get(root, "device"), *resumed = json_object_get(root, "resumed");
    const char *name = json_string_value(json_object_get(device, "name")),
               *driver = json_string_value(json_object_get(device, "driver")),
               *version = json_string_value(json_object_get(root, "version")),
               *git = json_string_value(json_object_get(root, "git"));
    struct str line = {0};
    int rc;

    for (size_t i = 0; i < json_array_size(resumed); i++) {
        const char *before = json_string_value(json_object_get(json_array_get(resumed, i), "device_before"));
        if (before && name && strcmp(before, name) != 0) {
            str_append(&line, "%s (a part of a run)\n", before);
            append_line_once(&r->made_on, &line);
            rc = str_check(&line, err);
            str_clear(&line);
            if (rc < 0)
                return rc;
        }
    }
    str_append(&line, "%s, driver %s, clr-cl %s (%s)\n", name ? name : "?", driver ? driver : "?",
               version ? version : "?", git ? git : "?");
    append_line_once(&r->made_on, &line);
    rc = str_check(&line, err);
    str_clear(&line);
    return rc;
}

static int read_run_json(struct report *r, struct cell *cell, const char *folder, struct clr_error *err)
{
    json_t *root = NULL;
    int rc = archive_json(&root, folder, "run.json", JSON_LIMIT_RUN, err);

    if (rc == 0 && cell->state == LAB_FINISHED) {
        const char *sum = json_string_value(json_object_get(json_object_get(root, "data"), "sha256"));
        str_copy(cell->images, sizeof cell->images, sum ? sum : "");
        rc = note_makers(r, root, err);
    }
    cell->diverged_at = runs_diverged_at(root);
    json_decref(root);
    return rc;
}

/* Its folder in *finished where it is finished. */
static int read_cell(struct report *r, struct cell *cell, char **finished, const char *dir,
                     const struct lab_run *run, struct clr_error *err)
{
    char *folder = NULL;
    int rc;

    if (cell->state == LAB_MISSING)
        return 0;
    rc = lab_folder(&folder, dir, run, cell->seed, err);
    if (rc == 0)
        rc = read_run_json(r, cell, folder, err);
    if (rc == 0 && cell->state == LAB_FINISHED) {
        rc = read_seconds(&cell->seconds, folder, err);
        *finished = folder;
    } else {
        free(folder);
    }
    return rc;
}

/* Seeds of one run are repeats: of the same images. */
static int check_images(const struct lab_run *run, const char *dir, const struct cell *cells,
                        struct clr_error *err)
{
    const struct cell *first = NULL;

    for (int s = 0; s < run->seed_count; s++) {
        const struct cell *c = &cells[s];
        if (c->state != LAB_FINISHED || !c->images[0])
            continue;
        if (first && strcmp(first->images, c->images) != 0)
            return clr_error_set(err, CLR_EUSAGE,
                                 "'%s/%s-seed-%" PRIu64 "' was trained on other images than seed %" PRIu64
                                 ": they are no repeats; remove one of the folders, and histories.csv",
                                 dir, run->name, c->seed, first->seed);
        first = first ? first : c;
    }
    return 0;
}

/* A row of the range tests' table: what is read from these folders together. */
static int append_range(struct str *out, const char *name, const char *seeds, char **folders, size_t count,
                        struct clr_error *err)
{
    struct clr_range_result r;
    int rc = clr_range_read(&r, (const char *const *)folders, count, err);

    if (rc < 0)
        return rc;
    str_append(out, "| %s | %s |", name, seeds);
    if (r.has_range)
        str_append(out, " %.4g | %.4g | %.4g to %.4g |\n", r.min_lr, r.max_lr, r.max_lr_low, r.max_lr_high);
    else
        str_append(out, " – | – | %s |\n", clr_range_verdict_name(r.verdict));
    return 0;
}

/* The rows of one range test: of each seed, and of all together where there are several. */
static int read_range(struct report *r, const char *dir, const struct lab_run *run,
                      const enum lab_state *states, struct clr_error *err)
{
    char **folders = NULL, seeds[40];
    size_t count = 0;
    int rc = mem_new(&folders, (size_t)run->seed_count, sizeof *folders, "folders", err);

    for (int s = 0; s < run->seed_count && rc == 0; s++) {
        if (states[s] != LAB_FINISHED)
            continue;
        (void)snprintf(seeds, sizeof seeds, "%" PRIu64, run->seeds[s]);
        rc = lab_folder(&folders[count], dir, run, run->seeds[s], err);
        if (rc == 0)
            rc = append_range(&r->ranges, run->name, seeds, &folders[count++], 1, err);
    }
    if (rc == 0 && count > 1 && count <= CLR_RANGE_TESTS) {
        (void)snprintf(seeds, sizeof seeds, "median of %zu", count);
        rc = append_range(&r->ranges, run->name, seeds, folders, count, err);
    }
    for (size_t i = 0; folders && i < count; i++)
        free(folders[i]);
    free(folders);
    return rc;
}

static int read_ranges(struct report *r, const char *dir, const enum lab_state *states, struct clr_error *err)
{
    const struct lab_experiment *e = r->e;
    int rc = 0;

    for (size_t i = 0; i < e->run_count && rc == 0; i++) {
        if (e->runs[i].range_test)
            rc = read_range(r, dir, &e->runs[i], states, err);
        states += e->runs[i].seed_count;
    }
    return rc < 0 ? rc : str_check(&r->ranges, err);
}

static int read_all(struct report *r, const char *dir, const enum lab_state *states, struct clr_error *err)
{
    const struct lab_experiment *e = r->e;
    char **folders = NULL;
    size_t all = 0, finished = 0, n = 0;
    int rc;

    for (size_t i = 0; i < e->run_count; i++)
        all += (size_t)e->runs[i].seed_count;
    rc = mem_new(&folders, all, sizeof *folders, "folders", err);
    if (rc == 0)
        rc = mem_new(&r->cells, all, sizeof *r->cells, "results", err);
    for (size_t i = 0; i < e->run_count && rc == 0; i++) {
        for (int s = 0; s < e->runs[i].seed_count && rc == 0; s++) {
            const enum lab_state state = states[n++];
            struct cell *cell = &r->cells[r->cell_count];
            if (e->runs[i].range_test)
                continue;
            r->cell_count++;
            *cell = (struct cell){
                .state = state, .seed = e->runs[i].seeds[s], .seconds = NAN, .diverged_at = NAN};
            rc = read_cell(r, cell, &folders[finished], dir, &e->runs[i], err);
            finished += state == LAB_FINISHED;
        }
        if (rc == 0 && !e->runs[i].range_test)
            rc =
                check_images(&e->runs[i], dir, &r->cells[r->cell_count - (size_t)e->runs[i].seed_count], err);
    }
    if (rc == 0 && finished > 0)
        rc = runs_read(&r->runs, (const char *const *)folders, NULL, finished, "history.csv", err);
    if (rc == 0 && finished > 0)
        r->clock = runs_clock(&r->runs);
    for (size_t i = 0, k = 0; i < r->cell_count && rc == 0; i++)
        if (r->cells[i].state == LAB_FINISHED)
            r->cells[i].read = &r->runs.run[k++];
    for (size_t i = 0; i < all && folders; i++)
        free(folders[i]);
    free(folders);
    return rc < 0 ? rc : read_ranges(r, dir, states, err);
}

/* ------------------------------------------------------------------ numbers */

/* NaN: not evaluated there. */
static double accuracy_at(const struct run *run, double iteration)
{
    for (size_t i = 0; i < run->table.rows; i++)
        if (csv_at(&run->table, i, HISTORY_ITERATION) == iteration)
            return csv_at(&run->table, i, HISTORY_VAL_ACC);
    return NAN;
}

static double last(const struct run *run, enum history_column column)
{
    return csv_at(&run->table, run->table.rows - 1, column);
}

struct moments {
    double mean, deviation; /* sample standard deviation; NaN of fewer than two */
    size_t count;
};

/* Of the finished cells' accuracy after that many iterations, 0: the last; count 0 where one has none. */
static struct moments accuracy_of(const struct cell *cells, size_t count, double iteration)
{
    struct moments m = {0.0, NAN, 0};
    double squares = 0.0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            double v;
            if (!cells[i].read)
                continue;
            v = iteration > 0.0 ? accuracy_at(cells[i].read, iteration)
                                : last(cells[i].read, HISTORY_VAL_ACC);
            if (isnan(v))
                return (struct moments){NAN, NAN, 0};
            if (pass == 0) {
                m.mean += v;
                m.count++;
            } else {
                squares += (v - m.mean) * (v - m.mean);
            }
        }
        if (m.count == 0)
            return (struct moments){NAN, NAN, 0};
        if (pass == 0)
            m.mean /= (double)m.count;
    }
    if (m.count > 1)
        m.deviation = sqrt(squares / (double)(m.count - 1));
    return m;
}

/* The first iteration, of those that all finished cells evaluated, where their mean accuracy is at least
 * that; NaN: none. */
static double reached(const struct cell *cells, size_t count, double accuracy)
{
    const struct run *first = NULL;

    for (size_t i = 0; i < count && !first; i++)
        first = cells[i].read;
    for (size_t row = 0; first && row < first->table.rows; row++) {
        const double iteration = csv_at(&first->table, row, HISTORY_ITERATION);
        const struct moments m = accuracy_of(cells, count, iteration);
        if (m.count > 0 && m.mean >= accuracy)
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

static void append_row(struct str *out, const struct lab_experiment *e, const struct lab_run *run,
                       const struct cell *cell)
{
    double best = NAN, best_iteration = NAN;

    if (cell->state == LAB_MISSING)
        return;
    str_append(out, "%s,%" PRIu64 ",%s", run->name, cell->seed, cell->read ? "finished" : "diverged");
    for (size_t i = 0; cell->read && i < cell->read->table.rows; i++) {
        const double v = csv_at(&cell->read->table, i, HISTORY_VAL_ACC);
        if (!(best >= v)) {
            best = v;
            best_iteration = csv_at(&cell->read->table, i, HISTORY_ITERATION);
        }
    }
    append_value(out, cell->read ? last(cell->read, HISTORY_ITERATION) : NAN);
    append_value(out, cell->read ? last(cell->read, HISTORY_VAL_LOSS) : NAN);
    append_value(out, cell->read ? last(cell->read, HISTORY_VAL_ACC) : NAN);
    append_value(out, best);
    append_value(out, best_iteration);
    for (int i = 0; i < e->at_count; i++)
        append_value(out, cell->read ? accuracy_at(cell->read, (double)e->at[i]) : NAN);
    for (int i = 0; i < e->reach_count; i++)
        append_value(out, reached(cell, 1, e->reach[i]));
    str_append(out, "\n");
}

static void write_rows(struct str *out, const struct report *r)
{
    const struct lab_experiment *e = r->e;
    const struct cell *cell = r->cells;

    str_append(out, "run,seed,status,iterations,val_loss,val_acc,best_acc,best_iteration");
    for (int i = 0; i < e->at_count; i++)
        str_append(out, ",acc_at_%" PRIu64, e->at[i]);
    for (int i = 0; i < e->reach_count; i++)
        str_append(out, ",reached_%g", e->reach[i]);
    str_append(out, "\n");
    for (size_t i = 0; i < e->run_count; i++)
        for (int s = 0; s < e->runs[i].seed_count && !e->runs[i].range_test; s++)
            append_row(out, e, &e->runs[i], cell++);
}

/* ------------------------------------------------------------------ results.md */

static void append_accuracy(struct str *out, struct moments m)
{
    if (m.count == 0)
        str_append(out, " – |");
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

/* ", 2 diverged at iterations 57 and 1,203" */
static void append_divergence(struct str *out, const struct cell *cells, size_t count, size_t diverged)
{
    size_t told = 0;

    str_append(out, ", %zu diverged", diverged);
    for (size_t i = 0; i < count; i++) {
        if (isnan(cells[i].diverged_at))
            continue;
        str_append(out, "%s",
                   told > 0        ? told + 1 < diverged ? ", " : " and "
                   : diverged == 1 ? " at iteration "
                                   : " at iterations ");
        str_append_grouped(out, (uint64_t)cells[i].diverged_at);
        told++;
    }
}

/* One run over its seeds. */
static void append_line(struct str *out, const struct lab_experiment *e, const struct lab_run *run,
                        const struct cell *cells)
{
    const size_t count = (size_t)run->seed_count;
    const struct run *first = NULL;
    size_t finished = 0, diverged = 0;

    for (size_t i = 0; i < count; i++) {
        finished += cells[i].read != NULL;
        diverged += cells[i].state == LAB_DIVERGED;
        if (!first)
            first = cells[i].read;
    }
    if (finished + diverged == 0)
        return;
    str_append(out, "| %s | %zu", run->name, finished + diverged);
    if (diverged > 0)
        append_divergence(out, cells, count, diverged);
    str_append(out, " | ");
    if (first)
        str_append_grouped(out, (uint64_t)last(first, HISTORY_ITERATION));
    else
        str_append(out, "–");
    str_append(out, " |");
    append_accuracy(out, accuracy_of(cells, count, 0.0));
    for (int i = 0; i < e->at_count; i++)
        append_accuracy(out, accuracy_of(cells, count, (double)e->at[i]));
    for (int i = 0; i < e->reach_count; i++) {
        const double n = reached(cells, count, e->reach[i]);
        str_append(out, " ");
        if (isnan(n))
            str_append(out, "–");
        else
            str_append_grouped(out, (uint64_t)n);
        str_append(out, " |");
    }
    append_time(out, cells, count);
}

static void write_runs(struct str *out, const struct report *r)
{
    const struct lab_experiment *e = r->e;
    const struct cell *cells = r->cells;

    str_append(out, "| run | seeds | iterations | accuracy at the end, %% |");
    for (int i = 0; i < e->at_count; i++) {
        str_append(out, " after ");
        str_append_grouped(out, e->at[i]);
        str_append(out, " |");
    }
    for (int i = 0; i < e->reach_count; i++)
        str_append(out, " %g %% after |", 100.0 * e->reach[i]);
    str_append(out, " time |\n|---|---|---|---|");
    for (int i = 0; i < e->at_count + e->reach_count; i++)
        str_append(out, "---|");
    str_append(out, "---|\n");
    for (size_t i = 0; i < e->run_count; i++) {
        if (e->runs[i].range_test)
            continue;
        append_line(out, e, &e->runs[i], cells);
        cells += e->runs[i].seed_count;
    }
}

/* Of the runs, where the experiment has any, and of the range tests, where one is finished. */
static void write_tables(struct str *out, const struct report *r)
{
    if (r->cell_count > 0)
        write_runs(out, r);
    if (r->ranges.length > 0)
        str_append(
            out,
            "%s| range test | seed | min-lr | max-lr | max-lr between |\n|---|---|---|---|---|\n%s\n"
            "max-lr between: the 95 %% interval of a test; of several tests, the lowest and the highest.\n",
            out->length > 0 ? "\n" : "", str_text(&r->ranges));
}

/* "Accuracy is measured on …" where all runs agree. */
static void append_measured_on(struct str *out, const struct report *r)
{
    const struct runs *runs = &r->runs;
    size_t held_out = 0;

    for (size_t i = 0; i < runs->count; i++)
        held_out += runs->run[i].held_out;
    str_append(out, "Accuracy in percent, on %s: mean ± sample standard deviation over the seeds. ",
               held_out == 0 ? "the test set"
               : held_out == runs->count
                   ? "training images that were held out"
                   : "the test set, or on held-out training images where --validation says so");
    if (r->e->reach_count > 0)
        str_append(out, "\"%g %% after\": the first evaluation at which the mean had reached it. ",
                   100.0 * r->e->reach[0]);
    str_append(out, "Time: of one run%s%s, with its evaluations.\n", r->clock ? " on " : "",
               r->clock ? r->clock : "");
}

static void write_page(struct str *out, const struct report *r, const char *table)
{
    const struct lab_experiment *e = r->e;
    const char *line = str_text(&r->made_on);

    str_append(out, "# %s\n\n", e->name);
    if (e->about[0])
        str_append(out, "%s\n\n", e->about);
    str_append(out, "%s\n", table);
    if (r->cell_count > 0)
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

static int write_file(const char *dir, const char *name, const struct str *text, struct clr_error *err)
{
    char *path = NULL;
    int rc = str_check(text, err);

    if (rc == 0)
        rc = fs_join(&path, dir, name, err);
    if (rc == 0)
        rc = fs_write_atomic(path, str_text(text), text->length, err);
    free(path);
    return rc;
}

/* histories.csv and runs.json, of what is finished or diverged. */
static int write_archive(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
                         struct clr_error *err)
{
    struct str table = {0};
    json_t *runs = json_object();
    char *path = NULL;
    int rc = fs_join(&path, dir, ARCHIVE_RUNS, err);

    str_append(&table, ARCHIVE_HEADER "\n");
    for (size_t i = 0; i < e->run_count; i++) {
        for (int s = 0; s < e->runs[i].seed_count && rc == 0; s++) {
            const enum lab_state state = *states++;
            char *folder = NULL;
            if (state != LAB_FINISHED && state != LAB_DIVERGED)
                continue;
            rc = lab_folder(&folder, dir, &e->runs[i], e->runs[i].seeds[s], err);
            if (rc == 0)
                rc = archive_add(&table, runs, folder, err);
            free(folder);
        }
    }
    if (rc == 0)
        rc = write_file(dir, ARCHIVE_TABLE, &table, err);
    if (rc == 0)
        rc = json_write(path, json_pack("{s:i, s:O}", "format", ARCHIVE_FORMAT, "runs", runs), 15, err);
    json_decref(runs);
    str_clear(&table);
    free(path);
    return rc;
}

int lab_report(const struct lab_experiment *e, const char *dir, const enum lab_state *states, char **table,
               struct clr_error *err)
{
    struct report r = {.e = e};
    struct str rows = {0}, lines = {0}, page = {0};
    int rc = read_all(&r, dir, states, err);

    if (rc == 0) {
        write_rows(&rows, &r);
        write_tables(&lines, &r);
        write_page(&page, &r, str_text(&lines));
        rc = str_check(&r.made_on, err);
    }
    if (rc == 0)
        rc = str_check(&lines, err);
    if (rc == 0)
        rc = write_file(dir, "results.csv", &rows, err);
    if (rc == 0)
        rc = write_file(dir, "results.md", &page, err);
    if (rc == 0)
        rc = write_archive(e, dir, states, err);
    if (rc == 0 && table) {
        *table = lines.text;
        lines.text = NULL;
    }
    str_clear(&rows);
    str_clear(&lines);
    str_clear(&page);
    str_clear(&r.made_on);
    str_clear(&r.ranges);
    runs_clear(&r.runs);
    free(r.cells);
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

static int draw(const struct lab_experiment *e, const struct lab_figure *figure, const char *dir,
                const enum lab_state *states, const char *command_line, struct clr_error *err)
{
    struct clr_plot_options options = {.width = figure->width,
                                       .height = figure->height,
                                       .title = figure->title,
                                       .command_line = command_line,
                                       .over =
                                           figure->over_time ? CLR_PLOT_OVER_TIME : CLR_PLOT_OVER_ITERATIONS,
                                       .rates = figure->rates,
                                       .multiples = figure->multiples,
                                       .y_min = isnan(figure->y_min) ? NULL : &figure->y_min};
    char *path = NULL, **folders = NULL;
    const char **names = NULL;
    size_t count = 0, all = 0;
    bool there = true;
    int rc = fs_join(&path, dir, figure->file, err);

    for (size_t k = 0; k < figure->run_count; k++)
        all += (size_t)e->runs[figure->runs[k]].seed_count;
    if (rc == 0)
        rc = mem_new(&folders, all, sizeof *folders, "folders", err);
    if (rc == 0)
        rc = mem_new(&names, all, sizeof *names, "names", err);
    options.names = names;
    for (size_t k = 0; k < figure->run_count && rc == 0; k++) {
        const struct lab_run *run = &e->runs[figure->runs[k]];
        size_t at = 0;
        for (size_t i = 0; i < figure->runs[k]; i++)
            at += (size_t)e->runs[i].seed_count;
        for (int s = 0; s < run->seed_count && rc == 0; s++) {
            if (states[at + (size_t)s] != LAB_FINISHED)
                continue;
            names[count] = run->name;
            rc = lab_folder(&folders[count], dir, run, run->seeds[s], err);
            if (rc == 0 && figure->kind == LAB_FIGURE_RANGE)
                rc = check_curve(&there, folders[count], err);
            if (rc == 0 && !there) {
                free(folders[count]);
                folders[count] = NULL;
            }
            count += there;
        }
    }
    if (rc == 0 && count > 0)
        rc = (figure->kind == LAB_FIGURE_RANGE ? clr_plot_range : clr_plot_run)(
            path, (const char *const *)folders, count, &options, err);
    for (size_t i = 0; folders && i < count; i++)
        free(folders[i]);
    free(folders);
    free(names);
    free(path);
    return rc < 0 ? rc : count > 0;
}

int lab_draw(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
             const char *command_line, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < e->figure_count; i++) {
        struct clr_error other;
        const int drawn = draw(e, &e->figures[i], dir, states, command_line, rc >= 0 ? err : &other);
        if (rc >= 0)
            rc = drawn < 0 ? clr_error_prefix(err, "figure '%s' cannot be drawn", e->figures[i].file)
                           : rc + drawn;
    }
    return rc;
}
