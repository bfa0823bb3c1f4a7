/* clr-cl list: a table of runs. Needs no device. */
#include "cli/common.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>

#include "base/csv.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/opt.h"

static const struct opt_command command = {
    .name = "list",
    .usage = "FOLDER... [--sort COLUMN] [--csv FILE | --json]",
    .about =
        "Lists runs and range tests: net, data, policy, state, accuracy, time. A FOLDER is that of a run, "
        "or has some below it, up to four folders down. Accuracies are those after the last iteration "
        "and the best one; a star stands where they are on held-out images.",
    .examples = "  clr-cl list .\n"
                "  clr-cl list results/schedules --sort accuracy\n"
                "  clr-cl list runs old --csv runs.csv\n",
    .min_args = 1,
    .asks = "a folder",
    .like = ".",
    .max_args = 1000,
};

/* ---- order ---- */

/* What --sort takes. Numbers descend, what is not known is last; equal runs are sorted by folder. */
enum column {
    BY_RUN,
    BY_NET,
    BY_DATA,
    BY_POLICY,
    BY_SEED,
    BY_STATE,
    BY_ACCURACY,
    BY_BEST,
    BY_TIME,
    BY_STARTED
};
static const char *const columns[] = {"run",      "net",  "data", "policy",  "seed", "state",
                                      "accuracy", "best", "time", "started", NULL};

static int g_column; /* qsort() has no argument for it */

static int by_number(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a < b) - (a > b);
}

static int compare(const void *x, const void *y)
{
    const struct lab_listed *a = x, *b = y;
    int order = 0;

    switch ((enum column)g_column) {
    case BY_RUN:
        break;
    case BY_NET:
        order = strcmp(a->net, b->net);
        break;
    case BY_DATA:
        order = strcmp(a->data, b->data);
        break;
    case BY_POLICY:
        order = strcmp(a->policy, b->policy);
        break;
    case BY_SEED:
        order = (a->seed > b->seed) - (a->seed < b->seed);
        break;
    case BY_STATE:
        order = strcmp(a->state, b->state);
        break;
    case BY_ACCURACY:
        order = by_number(a->accuracy, b->accuracy);
        break;
    case BY_BEST:
        order = by_number(a->best, b->best);
        break;
    case BY_TIME:
        order = by_number(a->seconds, b->seconds);
        break;
    case BY_STARTED:
        order = strcmp(b->started, a->started);
        break;
    }
    return order ? order : strcmp(a->folder, b->folder);
}

/* ---- forms ---- */

#define CELLS 9

/* A line of the table: texts of any length, since a run's folder is there to be copied. */
struct row {
    struct str cell[CELLS];
};

static void percent(struct str *out, double value, bool held_out)
{
    if (!isnan(value))
        str_append(out, "%.2f %%%s", 100.0 * value, held_out ? "*" : "");
}

static void duration(struct str *out, double seconds)
{
    const double minutes = seconds / 60.0;

    if (seconds < 60.0)
        str_append(out, "%.1f s", seconds);
    else if (minutes < 60.0)
        str_append(out, "%.1f min", minutes);
    else if (!isnan(seconds))
        str_append(out, "%.1f h", minutes / 60.0);
}

/* "finished", "stopped at 1,200 of 4,000" */
static void state(struct str *out, const struct lab_listed *run)
{
    const uint64_t at = run->diverged_at > 0 ? run->diverged_at : run->done;
    char text[STR_COUNT], planned[STR_COUNT];

    str_append(out, "%s", run->state);
    if (at != run->planned && at != 0)
        str_append(out, " at %s of %s", str_count(text, at, ""), str_count(planned, run->planned, ""));
}

static void name(struct str *out, const char *text)
{
    str_append(out, "%s", text);
    if (out->text)
        str_mask_name(out->text);
}

static void fill(struct row *row, const struct lab_listed *run)
{
    char part[NAME_MAX + 1];

    name(&row->cell[0], run->folder);
    fs_run_name(part, sizeof part, run->net);
    name(&row->cell[1], part);
    fs_run_name(part, sizeof part, run->data);
    name(&row->cell[2], part);
    name(&row->cell[3], run->policy);
    str_append(&row->cell[4], "%" PRIu64, run->seed);
    state(&row->cell[5], run);
    if (isnan(run->accuracy) && !isnan(run->loss))
        str_append(&row->cell[6], "loss %.4g%s", run->loss, run->held_out ? "*" : "");
    else
        percent(&row->cell[6], run->accuracy, run->held_out);
    percent(&row->cell[7], run->best, run->held_out);
    duration(&row->cell[8], run->seconds);
}

static size_t columns_of(const struct row *row, int c)
{
    return str_columns(str_text(&row->cell[c]), row->cell[c].length);
}

static int print_table(const struct lab_list *list, struct clr_error *err)
{
    static const char *const titles[CELLS] = {"run",   "net",      "data", "policy", "seed",
                                              "state", "accuracy", "best", "time"};
    size_t width[CELLS] = {0};
    struct row *rows;
    int rc = mem_new(&rows, list->count + 1, sizeof *rows, "rows", err);

    if (rc < 0)
        return rc;
    for (int c = 0; c < CELLS; c++)
        name(&rows[0].cell[c], titles[c]);
    for (size_t i = 0; i < list->count; i++)
        fill(&rows[i + 1], &list->runs[i]);
    for (size_t i = 0; i <= list->count; i++)
        for (int c = 0; c < CELLS; c++) {
            width[c] = columns_of(&rows[i], c) > width[c] ? columns_of(&rows[i], c) : width[c];
            rc = rc < 0 ? rc : str_check(&rows[i].cell[c], err);
        }
    for (size_t i = 0; i <= list->count; i++)
        for (int c = 0; c < CELLS; c++) {
            const bool number = c == 4 || c >= 6;
            const int blanks = (int)(width[c] - columns_of(&rows[i], c));
            if (rc == 0)
                printf("%*s%s%*s%s", number ? blanks : 0, "", str_text(&rows[i].cell[c]),
                       number || c + 1 == CELLS ? 0 : blanks, "", c + 1 == CELLS ? "\n" : "  ");
            str_clear(&rows[i].cell[c]);
        }
    free(rows);
    return rc;
}

static int print_json(const struct lab_list *list, struct clr_error *err)
{
    json_t *runs = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct lab_listed *r = &list->runs[i];
        json_t *run = json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "run",
            json_text(r->folder), "net", json_text(r->net), "data", json_text(r->data), "policy",
            json_text(r->policy), "seed", json_count(r->seed), "state", r->state, "iterations",
            json_count(r->done), "planned", json_count(r->planned), "loss", json_finite(r->loss), "accuracy",
            json_finite(r->accuracy), "best", json_finite(r->best), "held_out", r->held_out, "seconds",
            json_finite(r->seconds), "device", json_text(r->device), "started", json_text(r->started));
        if (!run || json_array_append_new(runs, run) < 0) {
            json_decref(runs);
            return clr_error_set(err, CLR_ENOMEM, "out of memory for a list of runs");
        }
    }
    return cli_print_json(runs, err);
}

static int write_csv(const struct lab_list *list, const char *path, struct clr_error *err)
{
    struct str s = {0};
    int rc;

    str_append(&s, "run,net,data,policy,seed,state,iterations,planned,accuracy,best,held_out,device,started,"
                   "seconds\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct lab_listed *r = &list->runs[i];
        const char *const what[] = {r->folder, r->net, r->data, r->policy}, *const when[] = {r->device,
                                                                                             r->started};
        csv_append_texts(&s, what, MEM_COUNT(what));
        str_append(&s, "%" PRIu64 ",%s,%" PRIu64 ",%" PRIu64 ",", r->seed, r->state, r->done, r->planned);
        csv_append_numbers(&s, (const double[]){r->accuracy, r->best}, 2, ",");
        str_append(&s, "%d,", r->held_out);
        csv_append_texts(&s, when, MEM_COUNT(when));
        csv_append_numbers(&s, &r->seconds, 1, "\n");
    }
    rc = str_check(&s, err);
    if (rc == 0)
        rc = fs_write_atomic(path, str_text(&s), s.length, err);
    str_clear(&s);
    return rc;
}

/* ---- the command ---- */

int cmd_list(int argc, char **argv, struct clr_error *err)
{
    const char *csv = NULL;
    bool json = false;
    char skipped[STR_COUNT];
    struct lab_list list = {0};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_CHOICE, "sort", "COLUMN", &g_column, .choices = columns, .list_choices = true,
         .help = "(default: run)"},
        {OPT_TEXT, "csv", "FILE", &csv, .help = "write the table into this file"},
        {OPT_FLAG, "json", NULL, &json, .help = "print as JSON"},
    };

    g_column = BY_RUN;
    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = cli_check_output(csv, err);
    if (rc == 0)
        rc = clr_lab_list(&list, set.args, (size_t)set.arg_count, err);
    for (size_t i = 0; i < list.count && rc == 0; i++)
        rc = cli_check_input(csv, list.runs[i].folder, err);
    if (rc == 0)
        qsort(list.runs, list.count, sizeof *list.runs, compare);
    if (rc == 0 && csv)
        rc = write_csv(&list, csv, err);
    if (rc == 0 && json)
        rc = print_json(&list, err);
    else if (rc == 0 && !csv)
        rc = print_table(&list, err);
    if (rc == 0 && list.skipped > 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s could not be read: the reasons are above",
                           str_count(skipped, list.skipped, "run"));
    clr_lab_list_clear(&list);
    opt_clear(&set);
    return rc;
}
