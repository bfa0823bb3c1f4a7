/*
 * What has become of an experiment's runs: what their folders hold, and whether that fits together. See
 * lab.h.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>
#include <clr/range.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"
#include "net/spec.h"

/* Of a message; "%s": the folder. It takes precedence over what is archived, and replaces that once the run
 * is done. */
#define LAB_AGAIN "with an empty folder '%s', the run is made again"

/* ------------------------------------------------------------------ is it this run? */

/* The arguments from `*i` on, without --device and what belongs to it; NULL: at the end. */
static const char *next_argument(const json_t *kept, size_t *i)
{
    const char *text = json_string_value(json_array_get(kept, *i));

    if (text && strcmp(text, "--device") == 0) {
        *i += 2;
        text = json_string_value(json_array_get(kept, *i));
    }
    ++*i;
    return text;
}

static bool are_same(const json_t *kept, const char *const *arguments, bool archived)
{
    size_t i = 0;

    for (const char *const *a = arguments; *a; a++) {
        const char *is;
        if (strcmp(*a, "--device") == 0 && a[1]) {
            a++;
            continue;
        }
        is = next_argument(kept, &i);
        if (!is || !(archived ? archive_same_argument(is, *a) : strcmp(is, *a) == 0))
            return false;
    }
    return !next_argument(kept, &i);
}

/* Is the file of the net what it was when the run was trained? A net that is built in
 * is; of a file that is gone it is not known. */
static int check_net(const json_t *root, const char *folder, const char *const *arguments,
                     struct clr_error *err)
{
    const char *was = json_string_value(json_object_get(root, "prototxt_sha256")), *file = NULL;
    struct clr_net_spec *spec = NULL;
    char now[FS_SHA256_TEXT] = "";
    int rc;

    for (const char *const *a = arguments; *a; a++)
        if (strcmp(*a, "--net") == 0 && a[1])
            file = a[1];
    if (!was || !file || !fs_is_path(file) || !fs_exists(file))
        return 0;
    rc = spec_load_quietly(&spec, file, err);
    if (rc == 0)
        fs_sha256(spec->text, strlen(spec->text), now);
    else if (rc == CLR_EINPUT)
        rc = 0; /* then it is another file than it was */
    if (rc == 0 && strcmp(now, was) != 0)
        rc = clr_error_set(
            err, CLR_EUSAGE,
            "'%s' is not what it was when the run in '%s' was trained (run.json there has it, as "
            "'prototxt'): give the run another name, or, " LAB_AGAIN,
            file, folder, folder);
    clr_net_destroy(spec);
    return rc;
}

/* ------------------------------------------------------------------ is all of it there? */

/* A finished run, and how long it is, as its run.json has it. */
struct extent {
    const char *folder;
    bool archived;
    uint64_t planned, done;   /* iterations */
    bool diverged;            /* a range test ended early: of its last iteration there may be no row */
    double val_loss, val_acc; /* of the last row; NaN: not known */
};

static double number(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The next iteration that a table has a row of; 0: there is none. */
static uint64_t next_row(const struct extent *e, uint64_t every, uint64_t iteration)
{
    const uint64_t next = history_next_row(iteration, every, e->planned);

    return next <= e->done ? next : 0;
}

static int refuse(const struct extent *e, const char *name, const char *what, uint64_t iteration,
                  struct clr_error *err)
{
    if (e->archived)
        return clr_error_set(err, CLR_EINPUT,
                             "the rows of '%s' in " ARCHIVE_TABLE " do not fit " ARCHIVE_RUNS
                             ": %s iteration %" PRIu64 "; restore both files, or, " LAB_AGAIN,
                             e->folder, what, iteration, e->folder);
    return clr_error_set(err, CLR_EINPUT,
                         "'%s/%s' does not fit run.json there: %s iteration %" PRIu64 "; " LAB_AGAIN,
                         e->folder, name, what, iteration, e->folder);
}

/* All rows that are due, and none after the end; between them may be the last one of a shorter run that was
 * resumed. */
static int check_rows(const struct csv *csv, const char *name, uint64_t every, const struct extent *e,
                      struct clr_error *err)
{
    uint64_t due = next_row(e, every, 0);

    for (size_t i = 0; i < csv->rows; i++) {
        const double at = csv_at(csv, i, HISTORY_ITERATION);
        if (at > (double)e->done)
            return refuse(e, name, "there are rows beyond", e->done, err);
        if (due == 0 || at < (double)due)
            continue;
        if (at > (double)due)
            break;
        due = next_row(e, every, due);
    }
    return due == 0 || (e->diverged && due == e->done) ? 0 : refuse(e, name, "there is no row of", due, err);
}

static bool differ(double a, double b)
{
    return fabs(a - b) > 1e-6 * fmax(1.0, fabs(b)); /* false where one is not known */
}

/* One table of a finished run; with_accuracy: it is that of the evaluations. Tables that
 * nothing else reads may be missing. */
static int check_table(const char *name, bool with_accuracy, uint64_t every, const struct extent *e,
                       struct clr_error *err)
{
    struct csv csv = {0};
    bool there = true;
    int rc = with_accuracy ? 0 : archive_has(&there, e->folder, name, err);

    if (rc < 0 || !there)
        return rc;
    rc = archive_table(&csv, e->folder, name, history_columns, with_accuracy ? HISTORY_COLUMNS : 1, err);
    if (rc == 0)
        rc = check_rows(&csv, name, every, e, err);
    if (rc == 0 && csv.cut)
        rc = refuse(e, name, "the line is cut off of", e->done, err);
    if (rc == 0 && with_accuracy && csv.rows > 0 &&
        (differ(csv_at(&csv, csv.rows - 1, HISTORY_VAL_LOSS), e->val_loss) ||
         differ(csv_at(&csv, csv.rows - 1, HISTORY_VAL_ACC), e->val_acc)))
        rc = refuse(e, name, "the evaluation is another after",
                    (uint64_t)csv_at(&csv, csv.rows - 1, HISTORY_ITERATION), err);
    csv_clear(&csv);
    return rc;
}

/* range.json, of the same sweep; *diverged: it says so. */
static int check_reading(struct extent *e, struct clr_error *err)
{
    json_t *root = NULL;
    uint64_t done;
    int rc = archive_json(&root, e->folder, "range.json", err);

    if (rc == 0 && (!json_count_value(&done, json_object_get(root, "iterations")) || done != e->done))
        rc = refuse(e, "range.json", "it does not end with", e->done, err);
    e->diverged = json_is_true(json_object_get(root, "diverged"));
    json_decref(root);
    return rc;
}

/* Do the tables of a finished run end where run.json says? One that was cut off would be taken for a short
 * run. */
static int check_tables(const json_t *root, const char *folder, bool archived, bool range_test,
                        struct clr_error *err)
{
    const json_t *settings = json_object_get(root, "settings"), *result = json_object_get(root, "result");
    struct extent e = {.folder = folder,
                       .archived = archived,
                       .val_loss = number(json_object_get(result, "val_loss")),
                       .val_acc = number(json_object_get(result, "val_acc"))};
    uint64_t validated, logged;
    int rc = 0;

    if (!json_count_value(&e.planned, json_object_get(settings, "iterations")) ||
        !json_count_value(&e.done, json_object_get(result, "iterations")) ||
        !json_count_value(&validated, json_object_get(settings, "validate_every")) ||
        !json_count_value(&logged, json_object_get(settings, "log_every")) || e.done > e.planned)
        return clr_error_set(err, CLR_EINPUT,
                             "%s of '%s' does not say how long the finished run is; " LAB_AGAIN,
                             archived ? ARCHIVE_RUNS : "run.json", folder, folder);
    if (range_test)
        rc = check_reading(&e, err);
    if (rc == 0)
        rc = check_table(range_test ? "range.csv" : "history.csv", true, validated, &e, err);
    if (rc == 0)
        rc = check_table("timing.csv", false, validated, &e, err);
    return rc < 0 ? rc : check_table("loss.csv", false, logged, &e, err);
}

static bool is_finished(const json_t *root)
{
    const char *status = json_string_value(json_object_get(root, "status"));

    return status && strcmp(status, "finished") == 0;
}

static int check_archived(void *user, const char *folder, bool range_test, struct clr_error *err)
{
    size_t *count = user;
    json_t *root = NULL;
    bool archived;
    int rc = archive_holds(&archived, folder, err);

    if (rc < 0 || !archived)
        return rc;
    ++*count;
    rc = archive_json(&root, folder, "run.json", err);
    if (rc == 0 && is_finished(root))
        rc = check_tables(root, folder, true, range_test, err);
    json_decref(root);
    return rc;
}

int clr_lab_check(size_t *count, const char *dir, struct clr_error *err)
{
    size_t n = 0;
    int rc = archive_check(dir, err);

    if (rc == 0 && fs_exists_in(dir, ARCHIVE_RUNS))
        rc = archive_each(dir, check_archived, &n, err);
    if (rc == 0)
        *count = n;
    return rc;
}

int clr_lab_look(enum lab_state *out, const char *folder, const char *const *arguments, struct clr_error *err)
{
    bool archived = false, there = false;
    json_t *root = NULL;
    enum lab_state state;
    const char *status;
    int rc = archive_holds(&archived, folder, err);

    if (rc == 0)
        rc = archive_has(&there, folder, "run.json", err);
    if (rc == 0 && there)
        rc = archive_json(&root, folder, "run.json", err);
    status = json_string_value(json_object_get(root, "status"));
    state = root && !are_same(json_object_get(root, "arguments"), arguments, archived) ? LAB_OTHER
            : is_finished(root)                                                        ? LAB_FINISHED
            : status && strcmp(status, "diverged") == 0                                ? LAB_DIVERGED
                                                                                       : LAB_MISSING;
    if (rc == 0 && (state == LAB_FINISHED || state == LAB_DIVERGED))
        rc = check_net(root, folder, arguments, err);
    if (rc == 0 && state == LAB_FINISHED && !archived) /* those clr_lab_check() has checked */
        rc = check_tables(root, folder, false, arguments[0] && strcmp(arguments[0], "range-test") == 0, err);
    if (rc == 0)
        *out = state;
    json_decref(root);
    return rc;
}

/* ------------------------------------------------------------------ what came of it */

static int describe_range(char **out, const char *folder, struct clr_error *err)
{
    struct clr_range_result r;
    struct str s = {0};
    int rc = clr_range_read(&r, &folder, 1, err);

    if (rc < 0)
        return rc;
    if (r.has_range)
        str_append(&s, "min-lr %.4g, max-lr %.4g", r.min_lr, r.max_lr);
    else
        str_append(&s, "no bounds: %s", r.explanation);
    return str_take(out, &s, err);
}

int clr_lab_describe(char **out, const struct lab_run *run, const char *folder, struct clr_error *err)
{
    json_t *root = NULL;
    const json_t *result;
    char text[STR_COUNT];
    double accuracy;
    struct str s = {0};
    uint64_t done = 0;
    int rc;

    if (run->range_test)
        return describe_range(out, folder, err);
    rc = archive_json(&root, folder, "run.json", err);
    result = json_object_get(root, "result");
    if (rc == 0) {
        (void)json_count_value(&done, json_object_get(result, "iterations"));
        accuracy = number(json_object_get(result, "val_acc"));
        if (isnan(accuracy))
            str_append(&s, "loss %.4g", number(json_object_get(result, "val_loss")));
        else
            str_append(&s, "accuracy %.2f %%", 100.0 * accuracy);
        str_append(&s, " after %s", str_count(text, done, "iteration"));
        rc = str_take(out, &s, err);
    }
    json_decref(root);
    return rc;
}
