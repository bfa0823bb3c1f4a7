/*
 * What runs there are below some folders, for `clr-cl list`: see lab.h. A folder with a run.json is a run.
 * Others are searched, LIST_DEPTH folders down, and their histories.csv has the runs without a folder.
 */
#include <clr/lab.h>

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clr/schedule.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"
#include "base/log.h"
#include "sched/stored.h"

#define LIST_DEPTH 4

/* ------------------------------------------------------------------ one run */

static int text_member(char **out, const json_t *object, const char *name, struct clr_error *err)
{
    const char *text = json_string_value(json_object_get(object, name));

    return str_duplicate(out, text ? text : "", err);
}

static double number_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* "triangular 0.001 to 0.04", and "range test 0.0001 to 0.1" */
static int describe_policy(char **out, const struct clr_schedule *s, bool range_test, struct clr_error *err)
{
    struct str text = {0};

    str_append(&text, "%s", range_test ? "range test" : clr_schedule_policy_name(s->policy));
    if (range_test || clr_schedule_reads(s->policy, "min_lr"))
        str_append(&text, " %.4g to %.4g", s->min_lr, s->max_lr);
    else if (clr_schedule_reads(s->policy, "max_lr"))
        str_append(&text, " to %.4g", s->max_lr);
    else
        str_append(&text, " %.4g", s->lr);
    return str_take(out, &text, err);
}

static int read_policy(struct lab_listed *run, const json_t *settings, struct clr_error *err)
{
    struct clr_schedule s;

    return schedule_from_json(&s, json_object_get(settings, "schedule"), run->planned)
               ? describe_policy(&run->policy, &s, run->range_test, err)
               : str_duplicate(&run->policy, "", err);
}

/* A run that is killed leaves "running" in its run.json, and its lock. */
static int read_state(struct lab_listed *run, const json_t *root, const char *folder, struct clr_error *err)
{
    const char *status = json_string_value(json_object_get(root, "status"));
    struct fs_holder holder;
    char *lock = NULL;
    int rc = fs_join(&lock, folder, ".lock", err);

    if (rc < 0)
        return rc;
    run->state = status && strcmp(status, "finished") == 0   ? "finished"
                 : status && strcmp(status, "diverged") == 0 ? "diverged"
                 : fs_lock_holder(&holder, lock)             ? "running"
                 : status && strcmp(status, "failed") == 0   ? "failed"
                                                             : "stopped";
    free(lock);
    return 0;
}

/* A run that has not ended has no result yet: what its tables have, as far as they are there. */
static int read_tables(struct lab_listed *run, const char *folder, struct clr_error *err)
{
    const char *const name = run->range_test ? "range.csv" : "history.csv";
    struct csv rows = {0}, times = {0};
    bool there = false;
    int rc = archive_has(&there, folder, name, err);

    if (rc < 0 || !there)
        return rc;
    rc = archive_table(&rows, folder, name, history_columns, HISTORY_COLUMNS, err);
    for (size_t r = 0; r < rows.rows; r++) {
        run->done = (uint64_t)csv_at(&rows, r, HISTORY_ITERATION);
        run->loss = csv_at(&rows, r, HISTORY_VAL_LOSS);
        run->accuracy = csv_at(&rows, r, HISTORY_VAL_ACC);
        run->best = r == 0 ? run->accuracy : fmax(run->best, run->accuracy);
    }
    if (rc == 0)
        rc = archive_has(&there, folder, "timing.csv", err);
    if (rc == 0 && there)
        rc = archive_table(&times, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err);
    if (times.rows > 0)
        run->seconds = csv_at(&times, times.rows - 1, HISTORY_TIMING_SECONDS);
    csv_clear(&rows);
    csv_clear(&times);
    return rc;
}

static int read_run(struct lab_listed *run, const char *folder, struct clr_error *err)
{
    const json_t *settings, *result;
    bool reading = false, table = false;
    json_t *root = NULL;
    int rc = archive_json(&root, folder, "run.json", err);

    if (rc == 0)
        rc = archive_has(&reading, folder, "range.json", err);
    if (rc == 0)
        rc = archive_has(&table, folder, "range.csv", err);
    if (rc < 0)
        goto out;
    settings = json_object_get(root, "settings");
    result = json_object_get(root, "result");
    if (!json_is_object(settings)) {
        rc = clr_error_set(err, CLR_EINPUT, "the run.json of '%s' is not of a run: it has no settings",
                           folder);
        goto out;
    }
    run->range_test = reading || table;
    (void)json_count_value(&run->planned, json_object_get(settings, "iterations"));
    (void)json_count_value(&run->done, json_object_get(result, "iterations"));
    (void)json_count_value(&run->diverged_at, json_object_get(result, "diverged_at"));
    (void)json_count_value(&run->seed, json_object_get(settings, "seed"));
    run->held_out = number_member(settings, "validation") > 0.0;
    run->loss = number_member(result, "val_loss");
    run->accuracy = number_member(result, "val_acc");
    run->best = number_member(result, "best_acc");
    run->seconds = number_member(result, "seconds");
    rc = read_state(run, root, folder, err);
    if (rc == 0 && run->done == 0)
        rc = read_tables(run, folder, err);
    if (rc == 0)
        rc = str_duplicate(&run->folder, folder, err);
    if (rc == 0)
        rc = text_member(&run->net, settings, "net", err);
    if (rc == 0)
        rc = text_member(&run->data, settings, "data", err);
    if (rc == 0)
        rc = text_member(&run->device, json_object_get(root, "device"), "name", err);
    if (rc == 0)
        rc = text_member(&run->started, root, "started", err);
    if (rc == 0)
        rc = read_policy(run, settings, err);
out:
    json_decref(root);
    return rc;
}

static void clear_run(struct lab_listed *run)
{
    free(run->folder);
    free(run->net);
    free(run->data);
    free(run->policy);
    free(run->device);
    free(run->started);
}

/* One that cannot be read is reported and left out. */
static int add(struct lab_list *list, const char *folder, struct clr_error *err)
{
    struct lab_listed run = {0};
    int rc = read_run(&run, folder, err);

    if (rc == 0)
        rc = mem_grow(&list->runs, &list->capacity, list->count + 1, sizeof *list->runs, "runs", err);
    if (rc == 0) {
        list->runs[list->count++] = run;
        return 0;
    }
    clear_run(&run);
    if (rc != CLR_EINPUT)
        return rc;
    log_line(CLR_LOG_WARNING, "a run is left out: %s", err->message);
    list->skipped++;
    return 0;
}

/* ------------------------------------------------------------------ folders */

/* A run's folder as it was found, and its one path, whatever links lead to it. */
struct found {
    char *folder, *real;
};

struct search {
    struct found *found;
    size_t count, capacity;
};

/* By which paths of a run are sorted: a link, whose name is another one, is longer than any other path. */
static size_t length_of(const struct found *f)
{
    return strlen(f->folder) + (strcmp(fs_last_part(f->folder), fs_last_part(f->real)) ? PATH_MAX : 0);
}

/* The folders of one run follow each other. */
static int compare_found(const void *x, const void *y)
{
    const struct found *a = x, *b = y;
    const size_t m = length_of(a), n = length_of(b);
    const int order = strcmp(a->real, b->real);

    return order ? order : m != n ? (m > n) - (m < n) : strcmp(a->folder, b->folder);
}

/* Of a run of an archive, the name in the archive's folder. */
static int real_path(char **out, const char *folder, struct clr_error *err)
{
    char real[PATH_MAX], *archive = NULL;
    int rc;

    if (realpath(folder, real))
        return str_duplicate(out, real, err);
    rc = fs_folder_of(&archive, folder, err);
    if (rc == 0)
        rc = fs_join(out, realpath(archive, real) ? real : archive, fs_last_part(folder), err);
    free(archive);
    return rc;
}

static int find(struct search *s, const char *folder, struct clr_error *err)
{
    struct found found = {0};
    int rc =
        str_duplicate(&found.folder, strncmp(folder, "./", 2) == 0 && folder[2] ? folder + 2 : folder, err);

    if (rc == 0)
        rc = real_path(&found.real, folder, err);
    if (rc == 0)
        rc = mem_grow(&s->found, &s->capacity, s->count + 1, sizeof *s->found, "folders", err);
    if (rc == 0) {
        s->found[s->count++] = found;
        return 0;
    }
    free(found.folder);
    free(found.real);
    return rc;
}

/* A run of an archive, unless its folder is there. */
static int find_archived(void *user, const char *folder, bool range_test, struct clr_error *err)
{
    bool archived = false;
    int rc = archive_holds(&archived, folder, err);

    (void)range_test;
    return rc == 0 && archived ? find(user, folder, err) : rc;
}

static int search(struct search *s, const char *path, int depth, struct clr_error *err)
{
    const struct dirent *entry;
    DIR *dir = NULL;
    int rc = 0;

    if (access(path, R_OK | X_OK) != 0) {
        log_line(CLR_LOG_WARNING, "'%s' is left out: %s", path, strerror(errno));
        return 0;
    }
    if (fs_exists_in(path, "run.json"))
        return find(s, path, err);
    if (depth > 0 && !(dir = opendir(path)) && errno == ENOMEM)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the folder '%s'", path);
    if (depth > 0 && !dir)
        log_line(CLR_LOG_WARNING, "'%s' is left out: %s", path, strerror(errno));
    if (!dir)
        return 0;
    while (rc == 0 && (entry = readdir(dir))) {
        char *below = NULL;
        if (entry->d_name[0] == '.')
            continue;
        rc = fs_join(&below, path, entry->d_name, err);
        if (rc == 0 && fs_is_dir(below))
            rc = search(s, below, depth - 1, err);
        free(below);
    }
    (void)closedir(dir);
    return rc < 0 || !fs_exists_in(path, ARCHIVE_TABLE) ? rc : archive_each(path, find_archived, s, err);
}

/* What the user named: a folder, or the name that a run has in an archive. */
static int search_named(struct search *s, const char *named, struct clr_error *err)
{
    const size_t before = s->count;
    bool archived = false;
    char *path = NULL;
    int rc = fs_trimmed(&path, named, err);

    if (rc == 0)
        rc = archive_holds(&archived, path, err);
    if (rc == 0 && archived)
        rc = find(s, path, err);
    else if (rc == 0 && !fs_is_dir(path))
        rc = clr_error_set(err, CLR_EINPUT, fs_exists(path) ? "'%s' is no folder" : "'%s' does not exist",
                           path);
    else if (rc == 0)
        rc = search(s, path, LIST_DEPTH, err);
    if (rc == 0 && s->count == before)
        log_line(CLR_LOG_WARNING, "there is no run in '%s': no run.json, %d folders down", path, LIST_DEPTH);
    free(path);
    return rc;
}

int clr_lab_list(struct lab_list *out, const char *const *folders, size_t count, struct clr_error *err)
{
    struct lab_list list = {0};
    struct search s = {0};
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = search_named(&s, folders[i], err);
    if (rc == 0 && s.count > 0)
        qsort(s.found, s.count, sizeof *s.found, compare_found);
    for (size_t i = 0; i < s.count; i++) {
        if (rc == 0 && (i == 0 || strcmp(s.found[i].real, s.found[i - 1].real) != 0))
            rc = add(&list, s.found[i].folder, err);
    }
    for (size_t i = 0; i < s.count; i++) {
        free(s.found[i].folder);
        free(s.found[i].real);
    }
    free(s.found);
    if (rc == 0 && list.count == 0)
        rc = clr_error_set(err, CLR_EINPUT, "there is nothing to list");
    if (rc < 0)
        clr_lab_list_clear(&list);
    else
        *out = list;
    return rc;
}

void clr_lab_list_clear(struct lab_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clear_run(&list->runs[i]);
    free(list->runs);
    *list = (struct lab_list){0};
}
