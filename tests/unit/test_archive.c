/* Runs of an experiment in two files: the same is read from them as from the runs' folders. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clr/range.h>
#include <clr/version.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "figures.h"

#define TIMES "iteration,seconds\n1,0.5\n100,12.25\n"
#define RUN                                                                                                  \
    "{\"format\": 1, \"status\": \"finished\", \"command\": \"clr-cl train\", \"prototxt\": \"layer {}\", "
#define PATHS   "\"data\": {\"name\": \"/home/me/mine\", \"path\": \"/home/me/mine\", \"sha256\": \"ab\"}, "
#define RESUMED "\"resumed\": [{\"device\": \"d\", \"command\": \"clr-cl train --resume\"}], "
#define SETTINGS(seed)                                                                                       \
    "\"arguments\": [\"train\", \"--net\", \"/home/me/net.prototxt\", \"--data\", \"/home/me/mine/\"], "     \
    "\"settings\": {\"net\": \"/home/me/net.prototxt\", \"data\": \"cifar10\", \"out\": \"/home/me/a\", "    \
    "\"seed\": " seed "}}"

static const char g_history[] = FIGURES_HISTORY "1,2.31318241,0.0025,2.30705027,0.1001\n"
                                                "100,1.4948378,0.00624625,1.63705967,0.3946\n";

/* A run's folder in `base`. */
static char *make(const char *base, const char *name, const char *table, const char *run_json)
{
    char *folder = figures_join(base, name);

    ck_assert_int_eq(mkdir(folder, 0777), 0);
    figures_write(folder, table, g_history);
    figures_write(folder, "timing.csv", TIMES);
    figures_write(folder, "run.json", run_json);
    return folder;
}

static void drop(const char *folder)
{
    static const char *const names[] = {"history.csv", "range.csv", "timing.csv", "run.json", "range.json"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        (void)unlink(figures_join(folder, names[i]));
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Write both files, of these folders. */
static void keep(const char *base, char *const *folders, size_t count)
{
    struct clr_error err = {0};

    ck_assert_msg(archive_write(base, (const char *const *)folders, count, &err) == 0, "%s", err.message);
}

static bool holds(const char *folder)
{
    struct clr_error err = {0};
    bool held = false;

    ck_assert_msg(archive_holds(&held, folder, &err) == 0, "%s", err.message);
    return held;
}

static bool has(const char *folder, const char *name)
{
    struct clr_error err = {0};
    bool there = false;

    ck_assert_msg(archive_has(&there, folder, name, &err) == 0, "%s", err.message);
    return there;
}

static char *text_of(const char *base, const char *name)
{
    char *text;
    size_t size;

    ck_assert_int_eq(fs_read(figures_join(base, name), 100000, &text, &size, NULL), 0);
    return text;
}

static void expect_rows(const char *folder, const char *name)
{
    struct csv csv;
    struct clr_error err = {0};

    ck_assert_msg(archive_table(&csv, folder, name, history_columns, HISTORY_COLUMNS, &err) == 0, "%s",
                  err.message);
    ck_assert(csv.rows == 2 && csv.columns == HISTORY_COLUMNS);
    ck_assert(csv_at(&csv, 1, HISTORY_ITERATION) == 100 && csv_at(&csv, 1, HISTORY_TRN_LOSS) == 1.4948378);
    ck_assert(csv_at(&csv, 0, HISTORY_LR) == 0.0025 && csv_at(&csv, 1, HISTORY_VAL_ACC) == 0.3946);
    csv_clear(&csv);
    ck_assert_msg(
        archive_table(&csv, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, &err) == 0,
        "%s", err.message);
    ck_assert(csv.rows == 2 && csv.columns == 2);
    ck_assert(csv_at(&csv, 0, 0) == 1 && csv_at(&csv, 0, 1) == 0.5 && csv_at(&csv, 1, 1) == 12.25);
    csv_clear(&csv);
}

static int count_kept(void *user, const char *folder, bool range_test, struct clr_error *err)
{
    (void)err;
    ck_assert(holds(folder));
    ((int *)user)[range_test]++;
    return 0;
}

START_TEST(test_archive__holds_what_the_folders_held)
{
    const char *base = support_temp_dir();
    char *folders[3];
    int kept[2] = {0, 0};
    json_t *json;

    folders[0] = make(base, "a-seed-1-seed-11", "history.csv", RUN PATHS RESUMED SETTINGS("11"));
    folders[1] = make(base, "a-seed-1-seed-1", "history.csv", RUN PATHS RESUMED SETTINGS("1"));
    folders[2] = make(base, "range-seed-1", "range.csv", RUN PATHS SETTINGS("1"));
    figures_write(folders[2], "range.json", "{\"untrained\": 0.1}");
    keep(base, folders, 3);
    for (int pass = 0; pass < 2; pass++) {
        expect_rows(folders[0], "history.csv");
        expect_rows(folders[1], "history.csv");
        expect_rows(folders[2], "range.csv");
        ck_assert(has(folders[0], "run.json") && has(folders[0], "history.csv"));
        ck_assert(!has(folders[0], "range.csv") && !has(folders[0], "loss.csv"));
        ck_assert(has(folders[2], "range.json") && !has(folders[2], "history.csv"));
        ck_assert_int_eq(archive_json(&json, folders[2], "range.json", NULL), 0);
        ck_assert(json_number_value(json_object_get(json, "untrained")) == 0.1);
        json_decref(json);
        ck_assert(holds(folders[0]) == (pass == 1));
        for (int i = 0; i < 3 && pass == 0; i++)
            drop(folders[i]);
    }
    ck_assert_int_eq(archive_each(base, count_kept, kept, NULL), 0);
    ck_assert(kept[0] == 2 && kept[1] == 1);
    keep(base, folders, 3); /* read from the files and written again */
    expect_rows(folders[1], "history.csv");
}
END_TEST

START_TEST(test_archive__names_no_path_of_the_machine)
{
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", RUN PATHS RESUMED SETTINGS("1")), *text;
    const json_t *arguments;
    json_t *run;

    keep(base, &folder, 1);
    text = text_of(base, ARCHIVE_RUNS);
    ck_assert_msg(!strstr(text, "/home") && !strstr(text, "clr-cl train") && !strstr(text, "layer {}"), "%s",
                  text);
    ck_assert_msg(strstr(text, "\"net.prototxt\"") && strstr(text, "\"mine\"") && strstr(text, "\"sha256\""),
                  "%s", text);
    free(text);
    drop(folder);
    ck_assert_int_eq(archive_json(&run, folder, "run.json", NULL), 0);
    arguments = json_object_get(run, "arguments");
    ck_assert_str_eq(json_string_value(json_array_get(arguments, 2)), "net.prototxt");
    ck_assert_str_eq(json_string_value(json_array_get(arguments, 4)), "mine");
    ck_assert(archive_same_argument("mine", "/home/you/mine/") && archive_same_argument("mine", "mine"));
    ck_assert(archive_same_argument("/", "/") && archive_same_argument("../mine", "../mine"));
    ck_assert(!archive_same_argument("mine", "/home/mine/other") && !archive_same_argument("mine", "mine/"));
    ck_assert(!archive_same_argument("mine", "../mine") && !archive_same_argument("min", "/home/mine"));
    json_decref(run);
}
END_TEST

START_TEST(test_archive__refuses_what_does_not_fit)
{
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", RUN SETTINGS("1"));
    struct clr_error err = {0};
    struct csv csv;

    ck_assert_int_eq(unlink(figures_join(folder, "timing.csv")), 0); /* the folder may have been removed */
    keep(base, &folder, 1);
    drop(folder);
    ck_assert(has(folder, "history.csv") && !has(folder, "timing.csv"));
    ck_assert_int_eq(archive_table(&csv, folder, "history.csv", history_columns, HISTORY_COLUMNS, NULL), 0);
    csv_clear(&csv);
    ck_assert_int_eq(archive_table(&csv, folder, "loss.csv", history_columns, HISTORY_LOSS_COLUMNS, &err),
                     CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "not among what is kept"), "%s", err.message);
    ck_assert_int_eq(mkdir(figures_join(base, "loose"), 0777), 0); /* a name without a seed is of no run */
    figures_write(base, "loose/" ARCHIVE_RUNS, "[");
    ck_assert(!holds(figures_join(base, "loose/a")));
}
END_TEST

/* Is every call that reads the run an error with that in its message, and are both files untouched? */
static void expect_damage(const char *base, const char *folder, const char *message)
{
    char *const before[] = {text_of(base, ARCHIVE_TABLE), text_of(base, ARCHIVE_RUNS)};
    struct clr_error err = {0};

    ck_assert_int_eq(archive_write(base, &folder, 1, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
    ck_assert_int_eq(archive_write(base, NULL, 0, &err), CLR_EINPUT);
    for (int i = 0; i < 2; i++) {
        char *after = text_of(base, i == 0 ? ARCHIVE_TABLE : ARCHIVE_RUNS);
        ck_assert_str_eq(after, before[i]);
        free(after);
        free(before[i]);
    }
}

/* What is kept of a run without a folder. */
static void replace_runs(const char *base, char *folder, const char *runs)
{
    keep(base, &folder, 1);
    drop(folder);
    figures_write(base, ARCHIVE_RUNS, runs);
}

/* A run of a later version: neither its folder nor what is kept of it is read as if it were of this one. */
START_TEST(test_archive__a_run_of_another_format_is_refused)
{
    static const char later[] = "{\"format\": 7, \"version\": \"9.8\", \"status\": \"finished\"}",
                      says[] = "has format 7, of clr-cl 9.8; this is clr-cl " CLR_VERSION;
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", later);
    struct clr_error err = {0};
    json_t *json;

    ck_assert_int_eq(archive_json(&json, folder, "run.json", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
    ck_assert_int_eq(archive_write(base, (const char *const *)&folder, 1, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
    figures_write(folder, "run.json", RUN SETTINGS("1"));
    replace_runs(base, folder,
                 "{\"format\": 1, \"runs\": {\"a-seed-1\": {\"format\": 7, \"version\": \"9.8\"}}}");
    ck_assert_int_eq(archive_json(&json, folder, "run.json", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
}
END_TEST

START_TEST(test_archive__a_reading_of_another_format_is_refused)
{
    static const char says[] = "has format 7; this is clr-cl " CLR_VERSION;
    const char *base = support_temp_dir();
    char *folder = make(base, "t-seed-1", "range.csv", RUN SETTINGS("1"));
    struct clr_error err = {0};
    json_t *json;

    figures_write(folder, "range.json", "{\"format\": 7}");
    ck_assert_int_eq(archive_json(&json, folder, "range.json", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
    ck_assert_int_eq(archive_write(base, (const char *const *)&folder, 1, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
    figures_write(folder, "range.json", "{}");
    replace_runs(base, folder, "{\"format\": 1, \"runs\": {\"t-seed-1\": {\"range\": {\"format\": 7}}}}");
    ck_assert_int_eq(archive_json(&json, folder, "range.json", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, says));
}
END_TEST

/* It may be the only copy: what cannot be read is an error, not a run that is missing. */
START_TEST(test_archive__a_damaged_file_is_an_error)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"{\"format\": 2, \"runs\": {}}", "format 2; this is clr-cl " CLR_VERSION ", which reads format 1"},
        {"{\"format\": 1}", "no format, or no runs"},
        {"{\"runs\": {}}", "no format, or no runs"},
        {"{\"format\": 1, \"runs\": {\"a-seed-1\"", "runs.json:1: "},
        {"{\"format\": 1, \"runs\": {\"../a-seed-1\": {}}}", "is not a run"},
        {"{\"format\": 1, \"runs\": {\".a-seed-1\": {}}}", "is not a run"},
        {"{\"format\": 1, \"runs\": {\"a\": {}}}", "is not a run"},
        {"{\"format\": 1, \"runs\": {\"a-seed-1\": 1}}", "is not a run"}};
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", RUN SETTINGS("1")), *runs, *table;
    struct clr_error err = {0};
    int kept[2];
    bool there;
    struct csv csv;
    json_t *json;

    keep(base, &folder, 1);
    drop(folder);
    runs = text_of(base, ARCHIVE_RUNS);
    table = text_of(base, ARCHIVE_TABLE);
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        figures_write(base, ARCHIVE_RUNS, rows[i].text);
        expect_damage(base, folder, rows[i].says);
        ck_assert_int_eq(archive_each(base, count_kept, kept, &err), CLR_EINPUT);
        ck_assert_int_eq(archive_holds(&there, folder, &err), CLR_EINPUT);
        ck_assert_int_eq(archive_has(&there, folder, "run.json", &err), CLR_EINPUT);
        ck_assert_int_eq(archive_json(&json, folder, "run.json", &err), CLR_EINPUT);
        ck_assert_int_eq(archive_table(&csv, folder, "history.csv", history_columns, HISTORY_COLUMNS, &err),
                         CLR_EINPUT);
        ck_assert_msg(strstr(err.message, rows[i].says) != NULL, "%s", err.message);
    }
    figures_write(base, ARCHIVE_RUNS, "{\"format\": 1, \"runs\": {}}"); /* the run of these rows is gone */
    expect_damage(base, folder, "histories.csv:2: 'a-seed-1' is missing in ");
    figures_write(base, ARCHIVE_RUNS, runs);
    figures_write(base, ARCHIVE_TABLE, "iteration\n");
    expect_damage(base, folder, "histories.csv:1: ");
    figures_write(base, ARCHIVE_TABLE, ARCHIVE_HEADER "\na,1,1,2\n");
    expect_damage(base, folder, "histories.csv:2: the line is damaged");
    table[strlen(table) - 1] = '\0';
    figures_write(base, ARCHIVE_TABLE, table);
    expect_damage(base, folder, "histories.csv:3: the line is damaged or cut off");
    table[strlen(table)] = '\n';
    figures_write(base, ARCHIVE_TABLE, table);
    ck_assert_int_eq(symlink("a-seed-1", folder), 0); /* the system does not say whether there is a folder */
    ck_assert_int_eq(archive_holds(&there, folder, &err), CLR_EINPUT);
    ck_assert_int_eq(archive_write(base, (const char *const *)&folder, 1, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "cannot read") != NULL, "%s", err.message);
    ck_assert_int_eq(unlink(folder), 0);
    ck_assert(holds(folder));
    ck_assert_int_eq(unlink(figures_join(base, ARCHIVE_TABLE)), 0);
    ck_assert_int_eq(archive_write(base, NULL, 0, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "histories.csv' is missing, which has the evaluations of 'a-seed-1'"),
                  "%s", err.message);
    ck_assert(!fs_exists(figures_join(base, ARCHIVE_TABLE)));
    free(runs);
    free(table);
}
END_TEST

/* Runs that the experiment does not name stay, folder or not; a finished run in a folder replaces its own. */
START_TEST(test_archive__nothing_is_lost)
{
    const char *base = support_temp_dir();
    char *folders[3], *before[2], *after[2];
    struct csv csv;

    folders[0] = make(base, "a-seed-1", "history.csv", RUN SETTINGS("1"));
    folders[1] = make(base, "b-seed-1", "history.csv", RUN SETTINGS("1"));
    folders[2] = make(base, "a-seed-2", "history.csv", RUN SETTINGS("2"));
    keep(base, folders, 3);
    before[0] = text_of(base, ARCHIVE_TABLE);
    before[1] = text_of(base, ARCHIVE_RUNS);
    drop(folders[0]);
    keep(base, folders, 0); /* of an experiment that has other names, as when its runs were renamed */
    keep(base, folders, 3);
    drop(folders[1]);
    keep(base, folders, 3);
    drop(folders[2]);
    keep(base, folders, 3);
    after[0] = text_of(base, ARCHIVE_TABLE);
    after[1] = text_of(base, ARCHIVE_RUNS);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(after[i], before[i]);
        free(before[i]);
        free(after[i]);
    }
    ck_assert_int_eq(mkdir(folders[1], 0777), 0); /* to be made again: until it is, the old one stays */
    keep(base, folders, 1);
    ck_assert_int_eq(rmdir(folders[1]), 0);
    expect_rows(folders[1], "history.csv");
    (void)make(base, "b-seed-1", "history.csv", RUN SETTINGS("1"));
    figures_write(folders[1], "history.csv", FIGURES_HISTORY "1,2,0.0025,2,0.5\n");
    keep(base, folders, 3);
    drop(folders[1]);
    ck_assert_int_eq(archive_table(&csv, folders[1], "history.csv", history_columns, HISTORY_COLUMNS, NULL),
                     0);
    ck_assert(csv.rows == 1 && csv_at(&csv, 0, HISTORY_VAL_ACC) == 0.5);
    csv_clear(&csv);
    expect_rows(folders[0], "history.csv");
    expect_rows(folders[2], "history.csv");
}
END_TEST

START_TEST(test_archive__finds_a_folder_with_a_slash_at_its_end)
{
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", RUN SETTINGS("1"));

    keep(base, &folder, 1);
    drop(folder);
    ck_assert(holds(figures_join(base, "a-seed-1/")) && holds(figures_join(base, "a-seed-1//")));
    expect_rows(figures_join(base, "a-seed-1/"), "history.csv");
}
END_TEST

/* A range test of so many updates, each evaluated: at chance, or learning up to half of the rates. of_loss:
 * of a net without accuracy. */
static char *make_range(const char *base, const char *name, size_t updates, bool learns, double loss_end,
                        bool of_loss)
{
    char *folder = make(base, name, "range.csv", RUN SETTINGS("1"));
    struct str rows = {0}, losses = {0};

    str_append(&rows, FIGURES_HISTORY);
    str_append(&losses, HISTORY_LOSS_HEADER "\n");
    for (size_t i = 0; i < updates; i++) {
        const double part = (double)i / (double)(updates - 1), rate = 0.001 * pow(500.0, part),
                     up = part < 0.5 ? part : 1.0 - part,
                     loss = 2.3 + (loss_end - 2.3) * part + 0.001 * (double)(i % 3);
        if (of_loss)
            str_append(&rows, "%zu,%.9g,%.9g,%.9g,\n", i + 1, loss, rate, 40.0 * (learns ? 1.0 - up : 1.01));
        else
            str_append(&rows, "%zu,%.9g,%.9g,2.3,%.9g\n", i + 1, loss, rate, learns ? 0.1 + up : 0.1);
        str_append(&losses, "%zu,%.9g,%.9g\n", i + 1, loss, rate);
    }
    figures_write(folder, "range.csv", rows.text);
    figures_write(folder, "loss.csv", losses.text);
    figures_write(folder, "range.json",
                  of_loss ? "{\"untrained\": 0, \"classes\": 10, \"images\": 50, \"untrained_loss\": 40}"
                          : "{\"untrained\": 0.1, \"classes\": 10, \"images\": 5000}");
    str_clear(&rows);
    str_clear(&losses);
    return folder;
}

/* loss.csv is not archived; what it says is in range.json. */
START_TEST(test_archive__reads_a_range_test_as_its_folder_does)
{
    static const struct {
        size_t updates;
        bool learns;
        double loss_end;
        enum clr_range_verdict verdict;
        enum clr_range_doubt doubt;
        bool older; /* with "diverged", as before range.json had a format */
        bool of_loss;
    } rows[] = {{20, true, 1.0, CLR_RANGE_READ, CLR_RANGE_FEW_UPDATES, false, false},
                {100, true, 1.0, CLR_RANGE_READ, CLR_RANGE_SURE, false, false},
                {100, true, 1.0, CLR_RANGE_READ, CLR_RANGE_SURE, false, true},
                {100, false, 1.0, CLR_RANGE_TOO_SHORT, CLR_RANGE_SURE, false, false},
                {100, false, 1.0, CLR_RANGE_TOO_SHORT, CLR_RANGE_SURE, false, true},
                {100, false, 9.0, CLR_RANGE_LOSS_GREW, CLR_RANGE_SURE, false, false},
                {100, false, 9.0, CLR_RANGE_LOSS_GREW, CLR_RANGE_SURE, true, false},
                {100, false, 2.3, CLR_RANGE_AT_CHANCE, CLR_RANGE_SURE, false, false}};
    const char *base = support_temp_dir();

    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        struct clr_range_result before, after;
        struct clr_error err = {0};
        char name[32], *folder, *json;
        (void)snprintf(name, sizeof name, "range-seed-%zu", i);
        folder = make_range(base, name, rows[i].updates, rows[i].learns, rows[i].loss_end, rows[i].of_loss);
        ck_assert_msg(clr_range_read(&before, (const char *const *)&folder, 1, &err) == 0, "%s", err.message);
        ck_assert_msg(before.verdict == rows[i].verdict && before.doubt == rows[i].doubt, "%zu: %d, %d, %s",
                      i, (int)before.verdict, (int)before.doubt, before.explanation);
        ck_assert((before.untrained_loss == 40.0) == rows[i].of_loss);
        ck_assert((strstr(before.explanation, "fall of the loss") != NULL) == rows[i].of_loss);
        ck_assert_int_eq(clr_range_json(&json, &before, NULL), 0);
        if (rows[i].older)
            memcpy(strstr(json, "\"loss grew\""), "\"diverged\" ", strlen("\"loss grew\""));
        figures_write(folder, "range.json", json);
        free(json);
        keep(base, &folder, 1);
        figures_write(folder, "range.json", "{\"format\": 2, \"untrained\": 0.1, \"classes\": 10}");
        ck_assert_int_eq(clr_range_read(&after, (const char *const *)&folder, 1, &err), CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "range.json' has format 2; this is clr-cl " CLR_VERSION));
        ck_assert_int_eq(unlink(figures_join(folder, "loss.csv")), 0);
        drop(folder);
        ck_assert_msg(clr_range_read(&after, (const char *const *)&folder, 1, &err) == 0, "%s", err.message);
        ck_assert(after.verdict == before.verdict && after.doubt == before.doubt);
        ck_assert(after.updates == before.updates && after.max_lr == before.max_lr);
        ck_assert_str_eq(after.explanation, before.explanation);
        for (int r = 0; r < CLR_RANGE_RULES; r++)
            ck_assert(isnan(before.rules[r]) ? isnan(after.rules[r])
                                             : fabs(after.rules[r] - before.rules[r]) < 1e-12);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("archive");
    TCase *tc = tcase_create("archive");

    tcase_add_test(tc, test_archive__holds_what_the_folders_held);
    tcase_add_test(tc, test_archive__names_no_path_of_the_machine);
    tcase_add_test(tc, test_archive__refuses_what_does_not_fit);
    tcase_add_test(tc, test_archive__a_damaged_file_is_an_error);
    tcase_add_test(tc, test_archive__a_run_of_another_format_is_refused);
    tcase_add_test(tc, test_archive__a_reading_of_another_format_is_refused);
    tcase_add_test(tc, test_archive__nothing_is_lost);
    tcase_add_test(tc, test_archive__finds_a_folder_with_a_slash_at_its_end);
    tcase_add_test(tc, test_archive__reads_a_range_test_as_its_folder_does);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
