/* Runs of an experiment in two files: see archive.h. */
#include "base/archive.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/history.h"

#define LIMIT ((size_t)64 << 20)

enum { ALL_SECONDS = HISTORY_COLUMNS, ALL_COLUMNS }; /* the table's numbers: history.csv's, and seconds */

/* The file of that name beside the folder. */
static int beside(char **out, const char *folder, const char *name, struct clr_error *err)
{
    struct str path = {0};

    str_append(&path, "%.*s%s", (int)(fs_last_part(folder) - folder), folder, name);
    return str_take(out, &path, err);
}

/* The files are this program's: runs.json as a whole. */
static int read_runs(json_t **out, const char *path, struct clr_error *err)
{
    json_t *root = NULL;
    int rc = json_read(&root, path, LIMIT, err);

    if (rc == 0 && (json_integer_value(json_object_get(root, "format")) != ARCHIVE_FORMAT ||
                    !json_is_object(json_object_get(root, "runs"))))
        rc =
            clr_error_set(err, CLR_EINPUT, "%s:1: not what 'clr-cl experiment' writes: no format %d, no runs",
                          path, ARCHIVE_FORMAT);
    if (rc < 0)
        json_decref(root);
    else
        *out = root;
    return rc;
}

/* What is kept of that folder's run; *root owns it. NULL: nothing. */
static json_t *find_run(json_t **root, const char *folder)
{
    const char *name = fs_last_part(folder);
    char *path = NULL;
    bool there;

    *root = NULL;
    if (fs_exists(folder) || beside(&path, folder, ARCHIVE_TABLE, NULL) < 0)
        return NULL;
    there = fs_exists(path);
    free(path);
    if (!there || beside(&path, folder, ARCHIVE_RUNS, NULL) < 0)
        return NULL;
    if (fs_exists(path))
        (void)read_runs(root, path, NULL);
    free(path);
    return json_object_get(json_object_get(*root, "runs"), name);
}

bool archive_holds(const char *folder)
{
    json_t *root;
    const bool found = find_run(&root, folder) != NULL;

    json_decref(root);
    return found;
}

/* ------------------------------------------------------------------ reading */

#define SEED "-seed-"

const char *archive_seed(const char *folder)
{
    const char *seed = NULL;

    for (const char *p = fs_last_part(folder); (p = strstr(p, SEED)) != NULL; p++)
        seed = p;
    return seed ? seed : folder + strlen(folder);
}

/* "fixed-seed-1" as "fixed,1,". */
static int key_of(char **out, const char *folder, struct clr_error *err)
{
    const char *name = fs_last_part(folder), *seed = archive_seed(folder);
    struct str key = {0};

    if (!*seed)
        return clr_error_set(err, CLR_EINPUT, "'%s' is no run's folder: its name has no seed", folder);
    str_append(&key, "%.*s,%s,", (int)(seed - name), name, seed + sizeof SEED - 1);
    return str_take(out, &key, err);
}

/* The first `count` of all columns. */
static int read_kept(struct csv *out, const char *folder, size_t count, struct clr_error *err)
{
    struct csv_column columns[ALL_COLUMNS];
    char *path = NULL, *key = NULL;
    int rc = beside(&path, folder, ARCHIVE_TABLE, err);

    memcpy(columns, history_columns, sizeof history_columns);
    columns[ALL_SECONDS] = history_timing_columns[HISTORY_TIMING_SECONDS];
    if (rc == 0)
        rc = key_of(&key, folder, err);
    if (rc == 0)
        rc = csv_read_rows(out, path, key, columns, count, err);
    free(path);
    free(key);
    return rc;
}

/* Rows without a time are those of a run whose timing.csv was gone. */
static bool has_times(const char *folder)
{
    struct csv all;

    if (read_kept(&all, folder, ALL_COLUMNS, NULL) < 0)
        return false;
    csv_clear(&all);
    return true;
}

/* Is that file among what is kept? run: of find_run(). */
static bool keeps(const json_t *run, const char *folder, const char *name)
{
    const bool range = json_object_get(run, "range") != NULL;

    if (!run || strcmp(name, "run.json") == 0)
        return run != NULL;
    if (strcmp(name, "timing.csv") == 0)
        return has_times(folder);
    if (range)
        return strcmp(name, "range.csv") == 0 || strcmp(name, "range.json") == 0;
    return strcmp(name, "history.csv") == 0;
}

bool archive_has(const char *folder, const char *name)
{
    json_t *root;
    bool has;

    if (fs_exists_in(folder, name))
        return true;
    has = keeps(find_run(&root, folder), folder, name);
    json_decref(root);
    return has;
}

/* The columns of a table from all that is kept. */
static int table_kept(struct csv *out, const char *folder, const char *name, size_t count,
                      struct clr_error *err)
{
    const bool times = strcmp(name, "timing.csv") == 0;
    struct csv all;
    int rc = read_kept(&all, folder, times ? (size_t)ALL_COLUMNS : HISTORY_COLUMNS, err);

    if (rc < 0)
        return rc;
    for (size_t r = 0; r < all.rows; r++) /* columns move to the front of the same memory */
        for (size_t c = 0; c < count; c++)
            all.values[r * count + c] = csv_at(&all, r, times && c > 0 ? ALL_SECONDS : c);
    all.columns = count;
    *out = all;
    return 0;
}

int archive_table(struct csv *out, const char *folder, const char *name, const struct csv_column *columns,
                  size_t count, struct clr_error *err)
{
    json_t *root;
    const json_t *run = find_run(&root, folder);
    char *path = NULL;
    int rc;

    if (keeps(run, folder, name)) {
        rc = table_kept(out, folder, name, count, err);
    } else if (run) {
        rc = clr_error_set(err, CLR_EINPUT, "'%s/%s' is not among what is kept of that run in %s", folder,
                           name, ARCHIVE_TABLE);
    } else {
        rc = fs_join(&path, folder, name, err);
        if (rc == 0)
            rc = csv_read(out, path, columns, count, err);
    }
    json_decref(root);
    free(path);
    return rc;
}

int archive_json(json_t **out, const char *folder, const char *name, size_t limit, struct clr_error *err)
{
    json_t *root, *run = find_run(&root, folder);
    char *path = NULL;
    int rc = 0;

    if (keeps(run, folder, name)) {
        *out = json_incref(strcmp(name, "range.json") == 0 ? json_object_get(run, "range") : run);
    } else if (run) {
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is no range test", folder);
    } else {
        rc = fs_join(&path, folder, name, err);
        if (rc == 0)
            rc = json_read(out, path, limit, err);
    }
    json_decref(root);
    free(path);
    return rc;
}

int archive_each(const char *dir, archive_tell *tell, void *user, struct clr_error *err)
{
    json_t *root = NULL, *run;
    const char *name;
    char *path = NULL;
    int rc = fs_join(&path, dir, ARCHIVE_RUNS, err);

    if (rc == 0)
        rc = read_runs(&root, path, err);
    json_object_foreach(json_object_get(root, "runs"), name, run)
    {
        char *folder = NULL;
        if (rc == 0)
            rc = fs_join(&folder, dir, name, err);
        if (rc == 0)
            rc = tell(user, folder, json_object_get(run, "range") != NULL, err);
        free(folder);
    }
    json_decref(root);
    free(path);
    return rc;
}

/* ------------------------------------------------------------------ writing */

/* The time at that iteration, and the end of the line: nothing where it is not known. */
static void append_time(struct str *out, const struct csv *times, double iteration)
{
    for (size_t r = 0; r < times->rows; r++)
        if (csv_at(times, r, HISTORY_TIMING_ITERATION) == iteration)
            str_append(out, "%.3f", csv_at(times, r, HISTORY_TIMING_SECONDS));
    str_append(out, "\n");
}

static int add_rows(struct str *out, const char *folder, const char *name, struct clr_error *err)
{
    struct csv rows = {0}, times = {0};
    char *key = NULL;
    int rc = 0;

    if (archive_has(folder, name)) /* a run may diverge before it is evaluated */
        rc = archive_table(&rows, folder, name, history_columns, HISTORY_COLUMNS, err);
    if (rc == 0 && archive_has(folder, "timing.csv"))
        rc = archive_table(&times, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err);
    if (rc == 0)
        rc = key_of(&key, folder, err);
    for (size_t r = 0; r < rows.rows && rc == 0; r++) {
        str_append(out, "%s%.0f,%.9g,%.9g,%.9g,%.9g,", key, csv_at(&rows, r, HISTORY_ITERATION),
                   csv_at(&rows, r, HISTORY_TRN_LOSS), csv_at(&rows, r, HISTORY_LR),
                   csv_at(&rows, r, HISTORY_VAL_LOSS), csv_at(&rows, r, HISTORY_VAL_ACC));
        append_time(out, &times, csv_at(&rows, r, HISTORY_ITERATION));
    }
    csv_clear(&rows);
    csv_clear(&times);
    free(key);
    return rc < 0 ? rc : str_check(out, err);
}

/* The path is the machine's that made the run; its last part is the name. */
static void shorten(json_t *object, const char *key)
{
    const char *path = json_string_value(json_object_get(object, key));

    if (path && path[0] == '/')
        (void)json_object_set_new(object, key, json_string(fs_last_part(path)));
}

static void leave_out(json_t *run)
{
    static const char *const keys[] = {"command", "prototxt", "variants", "tuning", "profile"};
    json_t *settings = json_object_get(run, "settings"), *data = json_object_get(run, "data"), *once;
    size_t i;

    for (i = 0; i < MEM_COUNT(keys); i++)
        (void)json_object_del(run, keys[i]);
    (void)json_object_del(settings, "out");
    (void)json_object_del(data, "path");
    shorten(settings, "net");
    shorten(settings, "data");
    shorten(settings, "init");
    shorten(data, "name");
    json_array_foreach(json_object_get(run, "resumed"), i, once)(void) json_object_del(once, "command");
}

int archive_add(struct str *table, json_t *runs, const char *folder, struct clr_error *err)
{
    json_t *run = NULL, *range = NULL;
    const bool tests = archive_has(folder, "range.json");
    int rc = archive_json(&run, folder, "run.json", JSON_LIMIT_RUN, err);

    if (rc == 0 && tests)
        rc = archive_json(&range, folder, "range.json", JSON_LIMIT_RUN, err);
    if (rc == 0) {
        leave_out(run);
        if (range)
            run = json_put(run, "range", json_incref(range));
        if (json_object_set_new(runs, fs_last_part(folder), run) < 0)
            rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the runs of an experiment");
    } else {
        json_decref(run);
    }
    json_decref(range);
    return rc < 0 ? rc : add_rows(table, folder, tests ? "range.csv" : "history.csv", err);
}
