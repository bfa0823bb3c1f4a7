/* Runs of an experiment in two files: see archive.h. */
#include "base/archive.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/history.h"

#define LIMIT ((size_t)64 << 20)

enum { ALL_SECONDS = HISTORY_COLUMNS, ALL_COLUMNS }; /* the table's numbers: history.csv's, and seconds */

#define SEED "-seed-"

const char *archive_seed(const char *folder)
{
    const char *seed = NULL;

    for (const char *p = fs_last_part(folder); (p = strstr(p, SEED)) != NULL; p++)
        seed = p;
    return seed ? seed : folder + strlen(folder);
}

/* Names become parts of paths. */
static int check_names(json_t *runs, const char *path, struct clr_error *err)
{
    const char *name;
    json_t *run;

    json_object_foreach(runs, name, run)
    {
        if (name[0] == '.' || strchr(name, '/') || !*archive_seed(name) || !json_is_object(run))
            return clr_error_set(err, CLR_EINPUT, "%s:1: '%s' is not a run", path, name);
    }
    return 0;
}

/* runs.json, as a whole; *runs belongs to it. */
static int read_runs(json_t **out, json_t **runs, const char *path, struct clr_error *err)
{
    json_t *root = NULL, *format, *all;
    int rc = json_read(&root, path, LIMIT, err);

    if (rc < 0)
        return rc;
    format = json_object_get(root, "format");
    all = json_object_get(root, "runs");
    rc = json_check_format(root, path, ARCHIVE_FORMAT, err);
    if (rc == 0 && (!json_is_integer(format) || !json_is_object(all)))
        rc = clr_error_set(err, CLR_EINPUT,
                           "%s:1: not what 'clr-cl experiment' writes: no format, or no runs", path);
    if (rc == 0)
        rc = check_names(all, path, err);
    if (rc < 0) {
        json_decref(root);
        return rc;
    }
    *out = root;
    *runs = all;
    return 0;
}

/* What is kept of a run that has no folder. */
struct kept {
    json_t *root; /* runs.json */
    json_t *run;  /* its member there; NULL: it has none, or a folder */
    char *table;  /* path of histories.csv */
    char *key;    /* how its rows there begin: "fixed,1," */
};

static void kept_clear(struct kept *k)
{
    json_decref(k->root);
    free(k->table);
    free(k->key);
}

/* "…/fixed-seed-1" as "fixed,1,". */
static int key_of(char **out, const char *folder, struct clr_error *err)
{
    const char *name = fs_last_part(folder), *seed = archive_seed(folder);
    struct str key = {0};

    if (!*seed)
        return clr_error_set(err, CLR_EINPUT, "'%s' is no run's folder: its name has no seed", folder);
    str_append(&key, "%.*s,%s,", (int)(seed - name), name, seed + sizeof SEED - 1);
    return str_take(out, &key, err);
}

/* kept_clear() it in any case. */
static int find_run(struct kept *out, const char *folder, struct clr_error *err)
{
    struct str path = {0};
    json_t *runs = NULL;
    char *own = NULL; /* the folder, without '/' at its end */
    bool there;
    int rc = fs_find(&there, folder, err), before = 0;

    *out = (struct kept){0};
    if (rc < 0 || there)
        return rc;
    rc = fs_trimmed(&own, folder, err);
    if (rc == 0 && *archive_seed(own)) {
        before = (int)(fs_last_part(own) - own);
        str_append(&path, "%.*s" ARCHIVE_RUNS, before, own);
        rc = str_check(&path, err);
    }
    if (rc == 0 && path.length > 0 && fs_exists(path.text))
        rc = read_runs(&out->root, &runs, path.text, err);
    if (rc == 0)
        out->run = json_object_get(runs, fs_last_part(own));
    if (rc == 0 && out->run)
        rc = key_of(&out->key, own, err);
    str_clear(&path);
    if (rc == 0 && out->run) {
        str_append(&path, "%.*s" ARCHIVE_TABLE, before, own);
        rc = str_take(&out->table, &path, err);
    }
    free(own);
    return rc;
}

int archive_holds(bool *out, const char *folder, struct clr_error *err)
{
    struct kept k;
    int rc = find_run(&k, folder, err);

    if (rc == 0)
        *out = k.run != NULL;
    kept_clear(&k);
    return rc;
}

/* ------------------------------------------------------------------ reading */

/* The line that begins there, without its end; *next: where the following one begins. */
static size_t line_length(const char *line, const char **next)
{
    size_t n = strcspn(line, "\n");

    *next = line + n + (line[n] == '\n');
    return n > 0 && line[n - 1] == '\r' ? n - 1 : n;
}

/* Rows without a time are those of a run whose timing.csv was gone. */
static int has_times(bool *out, const struct kept *k, struct clr_error *err)
{
    const size_t length = strlen(k->key);
    char *text = NULL;
    size_t size;
    int rc = fs_read(k->table, CSV_MAX_BYTES, &text, &size, err);

    *out = rc == 0;
    for (const char *line = text, *next; line && *line; line = next) {
        const size_t n = line_length(line, &next);
        if (strncmp(line, k->key, length) == 0 && line[n - 1] == ',')
            *out = false;
    }
    free(text);
    return rc;
}

/* Is that file among what is kept? */
static int keeps(bool *out, const struct kept *k, const char *name, struct clr_error *err)
{
    const char *const table = json_object_get(k->run, "range") ? "range.csv" : "history.csv";

    if (k->run && strcmp(name, "timing.csv") == 0)
        return has_times(out, k, err);
    *out = k->run && (strcmp(name, "run.json") == 0 || strcmp(name, table) == 0 ||
                      (strcmp(name, "range.json") == 0 && json_object_get(k->run, "range")));
    return 0;
}

int archive_has(bool *out, const char *folder, const char *name, struct clr_error *err)
{
    struct kept k = {0};
    bool has = fs_exists_in(folder, name);
    int rc = has ? 0 : find_run(&k, folder, err);

    if (rc == 0 && !has)
        rc = keeps(&has, &k, name, err);
    if (rc == 0)
        *out = has;
    kept_clear(&k);
    return rc;
}

/* The columns of a table from all that is kept. */
static int read_kept(struct csv *out, const struct kept *k, const char *name, size_t count,
                     struct clr_error *err)
{
    const bool times = strcmp(name, "timing.csv") == 0;
    struct csv_column columns[ALL_COLUMNS];
    struct csv all;
    int rc;

    memcpy(columns, history_columns, sizeof history_columns);
    columns[ALL_SECONDS] = history_timing_columns[HISTORY_TIMING_SECONDS];
    rc = csv_read_rows(&all, k->table, k->key, columns, times ? (size_t)ALL_COLUMNS : HISTORY_COLUMNS, err);
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
    struct kept k;
    char *path = NULL;
    bool has = false;
    int rc = find_run(&k, folder, err);

    if (rc == 0)
        rc = keeps(&has, &k, name, err);
    if (rc == 0 && has) {
        rc = read_kept(out, &k, name, count, err);
    } else if (rc == 0 && k.run) {
        rc = clr_error_set(err, CLR_EINPUT, "'%s/%s' is not among what is kept of that run in %s", folder,
                           name, ARCHIVE_TABLE);
    } else if (rc == 0) {
        rc = fs_join(&path, folder, name, err);
        if (rc == 0)
            rc = csv_read(out, path, columns, count, err);
    }
    kept_clear(&k);
    free(path);
    return rc;
}

int archive_json(json_t **out, const char *folder, const char *name, struct clr_error *err)
{
    const bool is_run = strcmp(name, "run.json") == 0;
    struct kept k;
    char *path = NULL;
    bool has = false;
    int rc = find_run(&k, folder, err);

    if (rc == 0)
        rc = keeps(&has, &k, name, err);
    if (rc == 0 && has) {
        json_t *json = is_run ? k.run : json_object_get(k.run, "range");
        rc = json_check_format(json, folder, JSON_FORMAT_RUN, err);
        if (rc == 0)
            *out = json_incref(json);
    } else if (rc == 0 && k.run) {
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is no range test", folder);
    } else if (rc == 0) {
        rc = fs_join(&path, folder, name, err);
        if (rc == 0)
            rc = json_read_run(out, path, err);
    }
    kept_clear(&k);
    free(path);
    return rc;
}

int archive_each(const char *dir, archive_tell *tell, void *user, struct clr_error *err)
{
    json_t *root = NULL, *runs = NULL, *run;
    const char *name;
    char *path = NULL;
    int rc = fs_join(&path, dir, ARCHIVE_RUNS, err);

    if (rc == 0)
        rc = read_runs(&root, &runs, path, err);
    json_object_foreach(runs, name, run)
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

/* ------------------------------------------------------------------ writing: what was there */

/* Both files as they are. */
struct old {
    char *table_path, *runs_path;
    char *table; /* histories.csv; NULL: there is none */
    json_t *root, *runs;
};

static void old_clear(struct old *old)
{
    free(old->table_path);
    free(old->runs_path);
    free(old->table);
    json_decref(old->root);
}

/* "fixed-seed-1" of its row, which must have all columns; false: it has not. */
static bool name_of(struct str *name, const char *line, size_t length)
{
    const size_t run = strcspn(line, ","), seed = run < length ? strcspn(line + run + 1, ",") : 0;
    int commas = 0;

    for (size_t i = 0; i < length; i++)
        commas += line[i] == ',';
    str_clear(name);
    str_append(name, "%.*s" SEED "%.*s", (int)run, line, (int)seed, line + run + 1);
    return commas == ALL_COLUMNS + 1;
}

static int find_folder(bool *there, const char *dir, const char *name, struct clr_error *err)
{
    char *folder = NULL;
    int rc = fs_join(&folder, dir, name, err);

    if (rc == 0)
        rc = fs_find(there, folder, err);
    free(folder);
    return rc;
}

/* There is no table: does a run have no folder either? */
static int check_members(const struct old *old, const char *dir, struct clr_error *err)
{
    const char *name;
    json_t *run;
    bool there = true;
    int rc = 0;

    json_object_foreach(old->runs, name, run)
    {
        if (rc == 0)
            rc = find_folder(&there, dir, name, err);
        if (rc == 0 && !there)
            rc = clr_error_set(err, CLR_EINPUT,
                               "'%s' is missing, which has the evaluations of '%s' in " ARCHIVE_RUNS,
                               old->table_path, name);
    }
    return rc;
}

/* Is the table whole, and each of its runs in runs.json or in a folder? */
static int check_table(const struct old *old, const char *dir, size_t size, struct clr_error *err)
{
    struct str name = {0};
    size_t number = 1;
    bool there = true;
    int rc = 0;

    if (strncmp(old->table, ARCHIVE_HEADER "\n", sizeof ARCHIVE_HEADER) != 0 || strlen(old->table) != size)
        return clr_error_set(
            err, CLR_EINPUT,
            "%s:1: not what 'clr-cl experiment' writes: no text that begins with '" ARCHIVE_HEADER "'",
            old->table_path);
    for (const char *line = old->table, *next; *line && rc == 0; line = next, number++) {
        const size_t length = line_length(line, &next);
        if (number == 1)
            continue;
        if (!name_of(&name, line, length) || next[-1] != '\n')
            rc = clr_error_set(err, CLR_EINPUT, "%s:%zu: the line is damaged or cut off", old->table_path,
                               number);
        if (rc == 0)
            rc = str_check(&name, err);
        if (rc == 0 && !json_object_get(old->runs, name.text))
            rc = find_folder(&there, dir, name.text, err);
        if (rc == 0 && !there)
            rc = clr_error_set(err, CLR_EINPUT, "%s:%zu: '%s' is missing in '%s'", old->table_path, number,
                               name.text, old->runs_path);
    }
    str_clear(&name);
    return rc;
}

/* old_clear() it in any case. */
static int read_old(struct old *old, const char *dir, struct clr_error *err)
{
    size_t size = 0;
    int rc;

    *old = (struct old){0};
    rc = fs_join(&old->table_path, dir, ARCHIVE_TABLE, err);
    if (rc == 0)
        rc = fs_join(&old->runs_path, dir, ARCHIVE_RUNS, err);
    if (rc == 0 && fs_exists(old->runs_path))
        rc = read_runs(&old->root, &old->runs, old->runs_path, err);
    if (rc == 0 && fs_exists(old->table_path))
        rc = fs_read(old->table_path, CSV_MAX_BYTES, &old->table, &size, err);
    if (rc == 0)
        rc = old->table ? check_table(old, dir, size, err) : check_members(old, dir, err);
    return rc;
}

int archive_check(const char *dir, struct clr_error *err)
{
    struct old old;
    int rc = read_old(&old, dir, err);

    old_clear(&old);
    return rc;
}

/* ------------------------------------------------------------------ writing: from folders */

/* The time at that iteration, and the end of the line: nothing where it is not known. */
static void append_time(struct str *out, const struct csv *times, double iteration)
{
    for (size_t r = 0; r < times->rows; r++)
        if (csv_at(times, r, HISTORY_TIMING_ITERATION) == iteration)
            str_append(out, "%.3f", csv_at(times, r, HISTORY_TIMING_SECONDS));
    str_append(out, "\n");
}

/* A table of the folder itself; no rows, where it is not there. */
static int read_table(struct csv *out, const char *folder, const char *name, const struct csv_column *columns,
                      size_t count, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, folder, name, err);

    if (rc == 0 && fs_exists(path))
        rc = csv_read(out, path, columns, count, err);
    free(path);
    return rc;
}

/* A run may diverge before it is evaluated. */
static int add_rows(struct str *out, const char *folder, const char *name, struct clr_error *err)
{
    struct csv rows = {0}, times = {0};
    char *key = NULL;
    int rc = read_table(&rows, folder, name, history_columns, HISTORY_COLUMNS, err);

    if (rc == 0)
        rc = read_table(&times, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err);
    if (rc == 0)
        rc = key_of(&key, folder, err);
    for (size_t r = 0; r < rows.rows && rc == 0; r++) {
        str_append(out, "%s%.0f,", key, csv_at(&rows, r, HISTORY_ITERATION));
        csv_append_numbers(out, &rows.values[r * rows.columns + HISTORY_TRN_LOSS],
                           HISTORY_COLUMNS - HISTORY_TRN_LOSS, ",");
        append_time(out, &times, csv_at(&rows, r, HISTORY_ITERATION));
    }
    csv_clear(&rows);
    csv_clear(&times);
    free(key);
    return rc;
}

/* A path that begins with '/' is the machine's that made the run; its last part is the name. Where that
 * begins, and its length. */
static const char *short_name(const char *path, size_t *length)
{
    size_t end = strlen(path), start = 0;

    while (path[0] == '/' && end > 1 && path[end - 1] == '/')
        end--;
    for (size_t i = 0; path[0] == '/' && i < end; i++)
        start = path[i] == '/' ? i + 1 : start;
    *length = end - start;
    return path + start;
}

bool archive_same_argument(const char *kept, const char *argument)
{
    size_t length;
    const char *name = short_name(argument, &length);

    return strcmp(kept, argument) == 0 || (strlen(kept) == length && strncmp(kept, name, length) == 0);
}

/* A text without the path of the machine; NULL: out of memory, or it is none. */
static json_t *shortened(const json_t *text)
{
    const char *path = json_string_value(text), *name;
    size_t length;

    if (!path)
        return NULL;
    name = short_name(path, &length);
    return json_stringn(name, length);
}

static int shorten(json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);

    return json_is_string(text) ? json_object_set_new(object, key, shortened(text)) : 0;
}

/* -1: out of memory. */
static int leave_out(json_t *run)
{
    static const char *const keys[] = {"command", "prototxt", "variants", "tuning", "profile"};
    json_t *settings = json_object_get(run, "settings"), *data = json_object_get(run, "data"),
           *arguments = json_object_get(run, "arguments"), *once, *word;
    int rc = 0;
    size_t i;

    for (i = 0; i < MEM_COUNT(keys); i++)
        (void)json_object_del(run, keys[i]);
    (void)json_object_del(settings, "out");
    (void)json_object_del(data, "path");
    rc |= shorten(settings, "net") | shorten(settings, "data") | shorten(settings, "init") |
          shorten(data, "name");
    json_array_foreach(arguments, i, word)
    {
        if (json_is_string(word))
            rc |= json_array_set_new(arguments, i, shortened(word));
    }
    json_array_foreach(json_object_get(run, "resumed"), i, once)(void) json_object_del(once, "command");
    return rc;
}

static int read_json(json_t **out, const char *folder, const char *name, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, folder, name, err);

    if (rc == 0)
        rc = json_read_run(out, path, err);
    free(path);
    return rc;
}

/* From the folder itself, which is there. */
static int add_run(struct str *table, json_t *runs, const char *folder, struct clr_error *err)
{
    json_t *run = NULL, *range = NULL;
    const bool tests = fs_exists_in(folder, "range.json");
    int rc = read_json(&run, folder, "run.json", err);

    if (rc == 0 && tests)
        rc = read_json(&range, folder, "range.json", err);
    if (rc == 0 && (leave_out(run) < 0 || (range && json_object_set(run, "range", range) < 0) ||
                    json_object_set(runs, fs_last_part(folder), run) < 0))
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the runs of an experiment");
    json_decref(run);
    json_decref(range);
    return rc < 0 ? rc : add_rows(table, folder, tests ? "range.csv" : "history.csv", err);
}

/* ------------------------------------------------------------------ writing: both */

/* A run that has no folder, as it was; nothing, where it was not. */
static int carry_run(struct str *table, json_t *runs, const struct old *old, const char *name,
                     struct clr_error *err)
{
    json_t *run = json_object_get(old->runs, name);
    char *key = NULL;
    int rc = run ? key_of(&key, name, err) : 0;

    for (const char *line = old->table, *next; key && line && *line; line = next) {
        (void)line_length(line, &next);
        if (strncmp(line, key, strlen(key)) == 0)
            str_append_bytes(table, line, (size_t)(next - line));
    }
    if (rc == 0 && run && json_object_set(runs, name, run) < 0)
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the runs of an experiment");
    free(key);
    return rc;
}

int archive_write(const char *dir, const char *const *folders, size_t count, struct clr_error *err)
{
    struct str table = {0};
    json_t *runs = json_object(), *run;
    struct old old;
    const char *name;
    int rc = read_old(&old, dir, err);

    str_append(&table, ARCHIVE_HEADER "\n");
    for (size_t i = 0; i < count && rc == 0; i++) {
        bool there = false;
        rc = fs_find(&there, folders[i], err);
        if (rc == 0)
            rc = there ? add_run(&table, runs, folders[i], err)
                       : carry_run(&table, runs, &old, fs_last_part(folders[i]), err);
    }
    json_object_foreach(old.runs, name, run)
    {
        if (rc == 0 && !json_object_get(runs, name))
            rc = carry_run(&table, runs, &old, name, err);
    }
    if (rc == 0)
        rc = str_check(&table, err);
    if (rc == 0)
        rc = fs_write_atomic(old.table_path, table.text, table.length, err);
    if (rc == 0)
        rc = json_write(old.runs_path, json_pack("{s:i, s:O}", "format", ARCHIVE_FORMAT, "runs", runs), 15,
                        err);
    json_decref(runs);
    str_clear(&table);
    old_clear(&old);
    return rc;
}
