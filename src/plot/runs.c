/* Run folders and history files: see runs.h. */
#include "plot/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "plot/axes.h"
#include "plot/labels.h"
#include "sched/stored.h"

/* ---- run.json ---- */

/* The schedule, and what it is called: `schedule` of the settings, or, in runs of other programs, the
 * settings themselves, or a text. */
static int read_schedule(struct plot_run *run, const json_t *settings, struct clr_error *err)
{
    const json_t *schedule = json_object_get(settings, "schedule"),
                 *from = json_is_object(schedule) ? schedule : settings,
                 *text = json_is_string(schedule) ? schedule : json_object_get(from, "description"),
                 *policy = json_object_get(from, "policy");
    char words[256] = "";
    uint64_t iterations = 0;
    int rc = 0;

    (void)json_count_value(&iterations, json_object_get(settings, "iterations"));
    run->scheduled = schedule_from_json(&run->schedule, from, iterations);
    if (run->scheduled)
        rc = clr_schedule_title(&run->schedule, words, sizeof words, err);
    else if (json_is_string(text) || json_is_string(policy))
        str_copy(words, sizeof words, json_string_value(json_is_string(text) ? text : policy));
    return rc == 0 && words[0] ? str_duplicate(&run->described, words, err) : rc;
}

/* "quick on cifar10". */
static void read_topic(struct plot_run *run, const json_t *settings)
{
    const json_t *net = json_object_get(settings, "net"), *data = json_object_get(settings, "data");

    if (!json_is_string(net) || !json_is_string(data))
        return;
    fs_run_name(run->net, sizeof run->net, json_string_value(net));
    fs_run_name(run->data, sizeof run->data, json_string_value(data));
    if (run->net[0] && run->data[0])
        (void)snprintf(run->topic, sizeof run->topic, "%s on %s", run->net, run->data);
}

static const char several[] = "several devices";

/* "device" is the last one; "resumed" has, for each time, the one before and the one after. */
static void read_device(struct plot_run *run, const json_t *json)
{
    static const char *const keys[] = {"device_before", "device"};
    const char *name = json_string_value(json_object_get(json_object_get(json, "device"), "name"));
    const json_t *resumed = json_object_get(json, "resumed");

    str_copy(run->device, sizeof run->device, name ? name : "");
    for (size_t i = 0; name && i < 2 * json_array_size(resumed); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(resumed, i / 2), keys[i % 2]));
        if (other && strcmp(other, name) != 0)
            str_copy(run->device, sizeof run->device, several);
    }
}

double runs_diverged_at(const json_t *run_json)
{
    const char *status = json_string_value(json_object_get(run_json, "status"));
    const json_t *result = json_object_get(run_json, "result");
    uint64_t at;

    if (json_count_value(&at,
                         json_object_get(result, "diverged_at"))) /* of a range test that finished, too */
        return (double)at;
    if (!status || strcmp(status, "diverged") != 0)
        return NAN;
    return json_count_value(&at, json_object_get(result, "iterations")) ? (double)at + 1.0 : NAN;
}

/* A run.json that was changed by hand may have any number: at most 1000. */
static int read_backoffs(const json_t *run_json)
{
    uint64_t n = 0;

    (void)json_count_value(&n, json_object_get(json_object_get(run_json, "result"), "backoffs"));
    return n < 1000 ? (int)n : 1000;
}

static int read_settings(struct plot_run *run, const char *folder, struct clr_error *err)
{
    json_t *json = NULL, *settings, *seed;
    bool there;
    int rc = archive_has(&there, folder, "run.json", err);

    if (rc < 0 || !there)
        return rc;
    rc = archive_json(&json, folder, "run.json", err);
    if (rc == 0 && !json_is_object(json))
        rc = clr_error_set(err, CLR_EINPUT, "%s/run.json:1: not a JSON object", folder);
    if (rc < 0)
        goto out;
    read_device(run, json);
    run->diverged_at = runs_diverged_at(json);
    run->backoffs = read_backoffs(json);
    settings = json_object_get(json, "settings");
    if (!json_is_object(settings))
        goto out;
    seed = json_object_get(settings, "seed");
    run->seed = json_dumps(seed, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    if (seed && !run->seed) {
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for what is in '%s'", folder);
        goto out;
    }
    run->known = true;
    run->held_out = json_number_value(json_object_get(settings, "validation")) > 0.0;
    rc = read_schedule(run, settings, err);
    if (rc < 0)
        goto out;
    read_topic(run, settings);
    (void)json_object_del(settings, "seed");
    (void)json_object_del(settings, "out");
    run->settings = json_incref(settings);
out:
    json_decref(json);
    return rc;
}

/* ---- one input ---- */

int runs_check_ascending(const struct csv *t, struct clr_error *err)
{
    for (size_t r = 1; r < t->rows; r++) {
        const double before = csv_at(t, r - 1, 0), now = csv_at(t, r, 0);
        if (now <= before)
            return clr_error_set(err, CLR_EINPUT, "%s:%zu: iteration %.0f follows %.0f: they must ascend",
                                 t->path, t->lines[r], now, before);
    }
    return 0;
}

static int read_table(struct plot_run *run, const char *csv_name, struct clr_error *err)
{
    const bool loss = strcmp(csv_name, "loss.csv") == 0;
    const size_t columns = loss ? HISTORY_LOSS_COLUMNS : HISTORY_COLUMNS;
    int rc = run->in_folder ? archive_table(&run->table, run->folder, csv_name, history_columns, columns, err)
                            : csv_read(&run->table, run->csv_path, history_columns, columns, err);

    if (rc < 0)
        return rc;
    if (run->table.rows == 0)
        return clr_error_set(err, CLR_EINPUT, "%s:2: no rows: nothing was %s yet", run->csv_path,
                             loss ? "trained" : "evaluated");
    return runs_check_ascending(&run->table, err);
}

/* A table of the usual name with a run.json or range.json beside it stands for its folder, which has the
 * settings. */
static int find_folder(struct plot_run *run, const char *csv_name, struct clr_error *err)
{
    const char *name = fs_last_part(run->csv_path);
    int rc;

    if (strcmp(name, csv_name) != 0 && strcmp(name, "range.csv") != 0)
        return 0;
    rc = fs_folder_of(&run->folder, run->csv_path, err);
    if (rc < 0)
        return rc;
    if (!fs_exists_in(run->folder, "run.json") && !fs_exists_in(run->folder, "range.json")) {
        free(run->folder);
        run->folder = NULL;
    }
    return 0;
}

static int read_run(struct plot_run *run, const char *input, const char *csv_name, struct clr_error *err)
{
    int rc;

    run->diverged_at = NAN;
    fs_run_name(run->name, sizeof run->name, input);
    rc = archive_holds(&run->in_folder, input, err);
    if (rc < 0)
        return rc;
    run->in_folder = run->in_folder || fs_is_dir(input);
    if (run->in_folder) {
        rc = str_duplicate(&run->folder, input, err);
        if (rc == 0)
            rc = fs_join(&run->csv_path, input, csv_name, err);
    } else {
        rc = str_duplicate(&run->csv_path, input, err);
        if (rc == 0)
            rc = find_folder(run, csv_name, err);
    }
    if (rc == 0 && run->folder)
        rc = read_settings(run, run->folder, err);
    if (rc == 0)
        rc = read_table(run, csv_name, err);
    return rc;
}

/* ---- groups ---- */

/* May run i join the group: same settings as its first member, a seed that none of them has? */
static bool joins(const struct runs *runs, const struct plot_run *run, size_t group)
{
    if (!run->settings || !run->seed)
        return false;
    for (const struct plot_run *other = NULL;
         (other = runs_next(runs, group, other)) != NULL && other < run;) {
        if (!other->settings || !other->seed || strcmp(other->seed, run->seed) == 0 ||
            !json_equal(other->settings, run->settings))
            return false;
    }
    return true;
}

static void find_groups(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        size_t g = 0;
        while (g < runs->groups && !joins(runs, &runs->run[i], g))
            g++;
        runs->run[i].group = g;
        if (g == runs->groups)
            runs->groups++;
    }
}

/* A group that is the whole of a folder is called like it, and not like the first of its repeats. */
static void name_by_folders(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        struct plot_run *run = &runs->run[i];
        bool shared = !run->within;
        for (size_t k = 0; k < runs->count && !shared; k++) {
            const struct plot_run *other = &runs->run[k];
            shared = other->group != run->group && other->within && strcmp(other->within, run->within) == 0;
        }
        if (!shared)
            fs_run_name(run->name, sizeof run->name, run->within);
    }
}

int runs_read(struct runs *out, const char *const *inputs, const char *const *within, size_t count,
              const char *csv_name, struct clr_error *err)
{
    struct runs runs = {.count = count};
    int rc = 0;

    if (count == 0)
        return clr_error_set(err, CLR_EINPUT, "nothing to draw: name at least one run folder or CSV file");
    rc = mem_new(&runs.run, count, sizeof *runs.run, "runs", err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        runs.run[i].within = within ? within[i] : NULL;
        rc = read_run(&runs.run[i], inputs[i], csv_name, err);
    }
    if (rc == 0) {
        find_groups(&runs);
        name_by_folders(&runs);
        rc = labels_make(&runs, err);
    }
    if (rc == 0)
        *out = runs;
    else
        runs_clear(&runs);
    return rc;
}

/* ---- times ---- */

static int read_times(struct plot_run *run, struct clr_error *err)
{
    const double first = csv_at(&run->table, 0, HISTORY_ITERATION);
    char *path = NULL;
    bool there = false;
    int rc = fs_join(&path, run->folder, "timing.csv", err);

    if (rc == 0)
        rc = archive_has(&there, run->folder, "timing.csv", err);
    if (rc == 0 && !there)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is missing: without it the run has no times", path);
    if (rc == 0)
        rc = archive_table(&run->times, run->folder, "timing.csv", history_timing_columns,
                           HISTORY_TIMING_COLUMNS, err);
    if (rc == 0)
        rc = runs_check_ascending(&run->times, err);
    if (rc == 0 && (run->times.rows == 0 || csv_at(&run->times, run->times.rows - 1, 0) < first))
        rc = clr_error_set(err, CLR_EINPUT, "%s:%zu: ends before iteration %.0f, the first one of %s",
                           run->times.path, run->times.rows > 0 ? run->times.lines[run->times.rows - 1] : 1,
                           first, run->csv_path);
    free(path);
    return rc;
}

const char *runs_clock(struct runs *runs)
{
    const char *clock = runs->run[0].device;
    size_t most = 0, timed = 0;

    for (size_t i = 0; i < runs->count; i++) {
        const char *device = runs->run[i].device;
        size_t n = 0;
        for (size_t k = 0; k < runs->count; k++)
            n += strcmp(runs->run[k].device, device) == 0;
        if (n > most && device[0] && strcmp(device, several) != 0) { /* a known one is preferred */
            most = n;
            clock = device;
        }
    }
    for (size_t i = 0; i < runs->count; i++) {
        runs->run[i].timed = strcmp(runs->run[i].device, clock) == 0;
        timed += runs->run[i].timed;
    }
    if (timed == runs->count && strcmp(clock, several) != 0)
        return NULL;
    return clock[0] ? clock : "an unknown device";
}

const struct plot_run *runs_next(const struct runs *runs, size_t group, const struct plot_run *before)
{
    const struct plot_run *end = runs->run + runs->count;

    for (const struct plot_run *r = before ? before + 1 : runs->run; r < end; r++)
        if (r->group == group)
            return r;
    return NULL;
}

static void clear_run(struct plot_run *r)
{
    free(r->csv_path);
    free(r->folder);
    free(r->seed);
    free(r->described);
    json_decref(r->settings);
    csv_clear(&r->table);
    csv_clear(&r->times);
}

static bool is_timed(const struct runs *runs, size_t group)
{
    for (const struct plot_run *r = NULL; (r = runs_next(runs, group, r)) != NULL;)
        if (r->timed)
            return true;
    return false;
}

/* Keep the groups that have times of the device that is drawn, and number them anew. */
static void drop_untimed(struct runs *runs)
{
    size_t kept = 0, groups = 0;

    for (size_t g = 0; g < runs->groups; g++) {
        const bool timed = is_timed(runs, g);
        const struct plot_run *first = runs_next(runs, g, NULL);
        if (!timed)
            log_line(CLR_LOG_WARNING, "'%s' was made on %s: over time, it is not drawn beside the others",
                     first->label, first->device[0] ? first->device : "an unknown device");
        for (size_t i = 0; i < runs->count; i++)
            if (runs->run[i].group == g)
                runs->run[i].group = timed ? groups : SIZE_MAX;
        groups += timed;
    }
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->run[i].group == SIZE_MAX)
            clear_run(&runs->run[i]);
        else
            runs->run[kept++] = runs->run[i];
    }
    runs->count = kept;
    runs->groups = groups;
}

int runs_read_times(struct runs *runs, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < runs->count; i++)
        if (!runs->run[i].folder)
            return clr_error_set(
                err, CLR_EINPUT,
                "'%s' is a file: `over` time needs the run's folder, which holds timing.csv too",
                runs->run[i].csv_path);
    drop_untimed(runs);
    for (size_t i = 0; i < runs->count && rc == 0; i++)
        if (runs->run[i].timed)
            rc = read_times(&runs->run[i], err);
    return rc;
}

double runs_seconds(const struct plot_run *run, double iteration)
{
    const struct csv *t = &run->times;
    double x0 = 0.0, y0 = 0.0;

    for (size_t r = 0; r < t->rows; r++) {
        const double x1 = csv_at(t, r, 0), y1 = csv_at(t, r, 1);
        if (iteration <= x1)
            return x1 > x0 ? y0 + (y1 - y0) * (iteration - x0) / (x1 - x0) : y1;
        x0 = x1;
        y0 = y1;
    }
    return NAN;
}

void runs_clear(struct runs *runs)
{
    for (size_t i = 0; runs->run && i < runs->count; i++)
        clear_run(&runs->run[i]);
    free(runs->run);
    memset(runs, 0, sizeof *runs);
}
