/* Runs of an experiment in two files: the same is read from them as from the runs' folders. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Both files, of these folders. */
static void keep(const char *base, char *const *folders, size_t count)
{
    struct str table = {0};
    json_t *runs = json_object();
    struct clr_error err = {0};

    str_append(&table, ARCHIVE_HEADER "\n");
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(archive_add(&table, runs, folders[i], &err) == 0, "%s", err.message);
    figures_write(base, ARCHIVE_TABLE, table.text);
    ck_assert_int_eq(json_write(figures_join(base, ARCHIVE_RUNS),
                                json_pack("{s:i, s:o}", "format", 1, "runs", runs), 15, NULL),
                     0);
    str_clear(&table);
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
    ck_assert(archive_holds(folder));
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
        ck_assert(archive_has(folders[0], "run.json") && archive_has(folders[0], "history.csv"));
        ck_assert(!archive_has(folders[0], "range.csv") && !archive_has(folders[0], "loss.csv"));
        ck_assert(archive_has(folders[2], "range.json") && !archive_has(folders[2], "history.csv"));
        ck_assert_int_eq(archive_json(&json, folders[2], "range.json", 1000, NULL), 0);
        ck_assert(json_number_value(json_object_get(json, "untrained")) == 0.1);
        json_decref(json);
        ck_assert(archive_holds(folders[0]) == (pass == 1));
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
    size_t size;

    keep(base, &folder, 1);
    ck_assert_int_eq(fs_read(figures_join(base, ARCHIVE_RUNS), 100000, &text, &size, NULL), 0);
    ck_assert_msg(!strstr(text, "/home") && !strstr(text, "clr-cl train") && !strstr(text, "layer {}"), "%s",
                  text);
    ck_assert_msg(strstr(text, "\"net.prototxt\"") && strstr(text, "\"mine\"") && strstr(text, "\"sha256\""),
                  "%s", text);
    free(text);
}
END_TEST

START_TEST(test_archive__refuses_what_does_not_fit)
{
    const char *base = support_temp_dir();
    char *folder = make(base, "a-seed-1", "history.csv", RUN SETTINGS("1"));
    struct clr_error err = {0};
    int kept[2];
    struct csv csv;

    ck_assert_int_eq(unlink(figures_join(folder, "timing.csv")), 0); /* the folder may have been removed */
    keep(base, &folder, 1);
    drop(folder);
    ck_assert(archive_has(folder, "history.csv") && !archive_has(folder, "timing.csv"));
    ck_assert_int_eq(archive_table(&csv, folder, "history.csv", history_columns, HISTORY_COLUMNS, NULL), 0);
    csv_clear(&csv);
    ck_assert_int_eq(archive_table(&csv, folder, "loss.csv", history_columns, HISTORY_LOSS_COLUMNS, &err),
                     CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "not among what is kept"), "%s", err.message);
    figures_write(base, ARCHIVE_RUNS, "{\"format\": 2, \"runs\": {}}");
    ck_assert_int_eq(archive_each(base, count_kept, kept, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "no format 1"), "%s", err.message);
    ck_assert(!archive_holds(folder));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("archive");
    TCase *tc = tcase_create("archive");

    tcase_add_test(tc, test_archive__holds_what_the_folders_held);
    tcase_add_test(tc, test_archive__names_no_path_of_the_machine);
    tcase_add_test(tc, test_archive__refuses_what_does_not_fit);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
