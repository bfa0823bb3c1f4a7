/* What inputs of `clr-cl plot` hold: see plot_inputs.h. */
#include "cli/plot_inputs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/schedule.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/common.h"

#define HEAD      256 /* bytes of a file that are compared */
#define NAME_SIZE 256

enum content {
    RUN,
    UNEVALUATED,
    BEGUN,
    RANGE_TEST,
    RANGE_UNEVALUATED,
    SEVERAL_RUNS,
    SEVERAL_TESTS,
    EXPERIMENT,
    NOTHING,
    TABLE, /* of accuracies: history.csv or range.csv by another name */
    HISTORY,
    RANGE,
    LOSSES,
    TIMES,
    SCHEDULE,
    BENCH,
    RUN_JSON,
    RANGE_JSON,
    RESULTS,
    HISTORIES,
    NUMBERS,
    FIGURE,
    STRANGE,
    UNKNOWN,
    CONTENTS
};

/* What it is; the figures that show it; which path to name instead: its folder, or one in it; the figure to
 * propose. */
static const struct {
    const char *what;
    unsigned kinds;
    enum named { ITSELF, FOLDER, BELOW } named;
    enum plot_kind best; /* 0: none */
} g_contents[CONTENTS] = {
    [RUN] = {"holds a run", PLOT_RUN | PLOT_LOSS, ITSELF, PLOT_RUN},
    [UNEVALUATED] = {"holds a run that was not evaluated yet", PLOT_LOSS, ITSELF, PLOT_LOSS},
    [BEGUN] = {"holds a run that has only begun", 0, ITSELF, 0},
    [RANGE_TEST] = {"holds a range test", PLOT_RANGE | PLOT_LOSS, ITSELF, PLOT_RANGE},
    [RANGE_UNEVALUATED] = {"holds a range test that was not evaluated yet", PLOT_LOSS, ITSELF, PLOT_LOSS},
    [SEVERAL_RUNS] = {"holds several runs", 0, BELOW, PLOT_RUN},
    [SEVERAL_TESTS] = {"holds several range tests", PLOT_RANGE | PLOT_LOSS, ITSELF, PLOT_RANGE},
    [EXPERIMENT] = {"holds an experiment, with its figures", 0, BELOW, PLOT_RUN},
    [NOTHING] = {"is a folder with nothing to draw", 0, ITSELF, 0},
    [TABLE] = {"is a table of accuracies", PLOT_RUN | PLOT_RANGE, ITSELF, PLOT_RUN},
    [HISTORY] = {"is a table of accuracies", PLOT_RUN, ITSELF, PLOT_RUN},
    [RANGE] = {"is the table of a range test", PLOT_RANGE, ITSELF, PLOT_RANGE},
    [LOSSES] = {"is a table of losses", PLOT_LOSS, ITSELF, PLOT_LOSS},
    [TIMES] = {"holds the times of a run, for --over time", 0, FOLDER, PLOT_RUN},
    [SCHEDULE] = {"is a schedule", PLOT_SCHEDULE, ITSELF, PLOT_SCHEDULE},
    [BENCH] = {"is a report of 'clr-cl bench'", PLOT_BENCH, ITSELF, PLOT_BENCH},
    [RUN_JSON] = {"holds the settings of a run", 0, FOLDER, PLOT_RUN},
    [RANGE_JSON] = {"holds the bounds of a range test", 0, FOLDER, PLOT_RANGE},
    [RESULTS] = {"holds the results of an experiment, whose figures are in the same folder", 0, ITSELF, 0},
    [HISTORIES] = {"holds the runs of an experiment", PLOT_RUN | PLOT_RANGE, ITSELF, PLOT_RUN},
    [NUMBERS] = {"holds the numbers of a figure that was drawn", 0, ITSELF, 0},
    [FIGURE] = {"is a figure already", 0, ITSELF, 0},
    [STRANGE] = {"is no file that clr-cl draws", 0, ITSELF, 0},
    [UNKNOWN] = {"", ~0u, ITSELF, 0},
};

/* ---- files ---- */

static enum content json_content(const char *path)
{
    enum content c = STRANGE;
    json_t *json = NULL;

    if (json_read(&json, path, JSON_LIMIT_RUN, NULL) < 0)
        return UNKNOWN;
    if (json_object_get(json, "settings"))
        c = RUN_JSON;
    else if (json_object_get(json, "untrained"))
        c = RANGE_JSON;
    else if (json_object_get(json, "format"))
        c = BENCH;
    json_decref(json);
    return c;
}

/* By how it begins. */
static enum content file_content(const char *path)
{
    static const struct {
        const char *begin;
        enum content content;
    } rows[] = {{HISTORY_HEADER, TABLE},
                {HISTORY_LOSS_HEADER, LOSSES},
                {CLR_SCHEDULE_HEADER, SCHEDULE},
                {HISTORY_TIMING_HEADER, TIMES},
                {"run,seed,status,", RESULTS},
                {ARCHIVE_HEADER, HISTORIES},
                {"panel,axis,kind,name,", NUMBERS},
                {"layer,pass,device,", NUMBERS},
                {"\x89PNG", FIGURE},
                {"%PDF", FIGURE},
                {"<?xml", FIGURE},
                {"<svg", FIGURE}};
    char head[HEAD] = "";
    FILE *file = fopen(path, "rb");
    const char *begin = head;

    if (!file)
        return UNKNOWN;
    (void)fread(head, 1, sizeof head - 1, file);
    (void)fclose(file);
    begin += strncmp(begin, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        if (strncmp(begin, rows[i].begin, strlen(rows[i].begin)) != 0)
            continue;
        if (rows[i].content != TABLE)
            return rows[i].content;
        return strcmp(fs_last_part(path), "history.csv") == 0 ? HISTORY
               : strcmp(fs_last_part(path), "range.csv") == 0 ? RANGE
                                                              : TABLE;
    }
    if (begin[strspn(begin, " \t\r\n")] == '{')
        return json_content(path);
    return strstr(begin, "iteration") ? UNKNOWN : STRANGE; /* of a table, its reader reports what is wrong */
}

/* ---- folders ---- */

/* By the files in it alone. */
static enum content folder_content(const char *path)
{
    if (fs_exists_in(path, "history.csv"))
        return RUN;
    if (fs_exists_in(path, "range.csv"))
        return RANGE_TEST;
    if (fs_exists_in(path, "range.json") && fs_exists_in(path, "run.json"))
        return RANGE_UNEVALUATED;
    if (fs_exists_in(path, "loss.csv"))
        return UNEVALUATED;
    return fs_exists_in(path, "run.json") ? BEGUN : NOTHING;
}

/* In alphabetical order, the first subfolder that holds something for a figure of the wanted kind (0: any),
 * else the first that holds anything. It may be a folder of several range tests. */
static enum content first_below(const char *path, unsigned wanted, char *name, size_t size, int depth)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    enum content found = NOTHING;

    name[0] = '\0';
    while (dir && (entry = readdir(dir))) {
        char *folder = NULL, ignored[NAME_SIZE];
        enum content c = NOTHING;
        bool fits, fitted = (g_contents[found].kinds & wanted) != 0;
        if (entry->d_name[0] == '.' || fs_join(&folder, path, entry->d_name, NULL) < 0)
            continue;
        if (fs_is_dir(folder))
            c = folder_content(folder);
        if (c == NOTHING && depth > 0 && cli_is_test_name(entry->d_name))
            c = first_below(folder, wanted, ignored, sizeof ignored, depth - 1);
        free(folder);
        fits = (g_contents[c].kinds & wanted) != 0;
        if (c == NOTHING || fits < fitted || (name[0] && fits == fitted && strcmp(entry->d_name, name) > 0))
            continue;
        found = c;
        str_copy(name, size, entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
    return found;
}

/* ---- messages ---- */

struct finding {
    enum content content;
    enum content named;   /* content of the folder to name instead */
    char name[NAME_SIZE]; /* of that folder, in this one */
};

/* A path that is not that of an archived run. */
static struct finding look_outside(const char *path, unsigned wanted)
{
    struct finding f = {.content = UNKNOWN, .named = NOTHING};
    bool tests;

    if (!fs_is_dir(path)) {
        f.content = fs_exists(path) ? file_content(path) : UNKNOWN;
        return f;
    }
    f.content = folder_content(path);
    if (f.content != NOTHING)
        return f;
    f.named = first_below(path, wanted, f.name, sizeof f.name, 1);
    tests = (f.named == RANGE_TEST || f.named == RANGE_UNEVALUATED) && cli_is_test_name(f.name);
    if (fs_exists_in(path, ARCHIVE_TABLE) && (f.named == NOTHING || (g_contents[HISTORIES].kinds & wanted))) {
        f.named = HISTORIES;
        str_copy(f.name, sizeof f.name, ARCHIVE_TABLE);
    }
    if (fs_exists_in(path, "results.csv"))
        f.content = f.named == NOTHING ? RESULTS : EXPERIMENT;
    else if (f.named != NOTHING)
        f.content = tests ? SEVERAL_TESTS : SEVERAL_RUNS;
    return f;
}

static int look(struct finding *out, const char *path, unsigned wanted, struct clr_error *err)
{
    bool archived, tests = false;
    int rc = archive_holds(&archived, path, err);

    if (rc == 0 && archived)
        rc = archive_has(&tests, path, "range.csv", err);
    if (rc < 0)
        return rc;
    *out = archived ? (struct finding){.content = tests ? RANGE_TEST : RUN, .named = NOTHING}
                    : look_outside(path, wanted);
    return 0;
}

/* The path to propose: the input itself, its folder, or one in it. */
static int path_to_name(char **out, struct finding *f, const char *path, struct clr_error *err)
{
    const char *last = fs_last_part(path);
    int rc;

    if (g_contents[f->content].named == BELOW)
        return fs_join(out, path, f->name, err);
    rc = str_duplicate(out, g_contents[f->content].named == FOLDER && last == path ? "." : path, err);
    if (rc == 0 && g_contents[f->content].named == FOLDER) {
        if (last > path)
            (*out)[last - path > 1 ? last - path - 1 : 1] = '\0';
        f->named = folder_content(*out);
    }
    return rc;
}

/* ": draw it with 'clr-cl plot …'"; nothing if no figure draws it. wanted: the kind that was given, or 0. */
static int append_way(struct str *s, struct finding *f, enum plot_kind wanted, const char *path,
                      struct clr_error *err)
{
    static const char *const how[] = {"draw it with", "name its folder, as in", "name what is in it, as in"};
    char *named = NULL;
    enum content c;
    int rc = path_to_name(&named, f, path, err);

    if (rc < 0)
        return rc;
    c = g_contents[f->content].named == ITSELF ? f->content : f->named;
    if (g_contents[c].best != 0) {
        const enum plot_kind kind = g_contents[c].kinds & wanted ? wanted : g_contents[c].best;
        str_append(s, ": %s 'clr-cl plot %s ", how[g_contents[f->content].named], plot_kind_of(kind)->name);
        cli_quote(s, named);
        str_append(s, " -o FIGURE'");
    }
    free(named);
    return str_check(s, err);
}

/* Is the file of settings beside the table of an experiment's runs? */
static int check_histories(const char *path, struct clr_error *err)
{
    char *folder = NULL, *settings = NULL;
    int rc = fs_folder_of(&folder, path, err);

    if (rc == 0)
        rc = fs_join(&settings, folder, ARCHIVE_RUNS, err);
    if (rc == 0 && (!fs_exists(settings) || strcmp(fs_last_part(path), ARCHIVE_TABLE) != 0))
        rc = clr_error_set(err, CLR_EINPUT,
                           "'%s' holds the accuracies of an experiment's runs, and '%s' must have their "
                           "settings: copy both files of the experiment, as " ARCHIVE_TABLE
                           " and " ARCHIVE_RUNS,
                           path, settings);
    free(folder);
    free(settings);
    return rc;
}

int plot_inputs_check(enum plot_kind kind, const char *path, struct clr_error *err)
{
    struct finding f;
    struct str way = {0};
    int rc = look(&f, path, kind, err);

    if (rc < 0)
        return rc;
    if (g_contents[f.content].kinds & kind)
        return f.content == HISTORIES ? check_histories(path, err) : 0;
    rc = append_way(&way, &f, kind, path, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' %s, while 'plot %s' draws %s%s", path,
                           g_contents[f.content].what, plot_kind_of(kind)->name, plot_kind_of(kind)->wants,
                           str_text(&way));
    str_clear(&way);
    return rc;
}

int plot_inputs_no_kind(const char *path, struct clr_error *err)
{
    struct finding f;
    struct str way = {0};
    int rc = look(&f, path, 0, err);

    if (rc < 0)
        return rc;
    if (f.content == UNKNOWN || f.content == STRANGE)
        return clr_error_set(err, CLR_EUSAGE, "there is no 'clr-cl plot %s': it is " PLOT_KIND_NAMES, path);
    rc = append_way(&way, &f, 0, path, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EUSAGE,
                           "'plot' needs a kind before its files: " PLOT_KIND_NAMES "; '%s' %s%s", path,
                           g_contents[f.content].what, str_text(&way));
    str_clear(&way);
    return rc;
}
