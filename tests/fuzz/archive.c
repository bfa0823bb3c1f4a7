/* runs.json and histories.csv of an experiment, whose runs have no folders: the input is the one, a line
 * "--", and the other. They are listed, checked, and read as bounds; what is read is written again: no run
 * and no row may get lost. */
#include "fuzz.h"

#include <clr/lab.h>
#include <clr/range.h>

#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"

#define LIMIT ((size_t)1 << 20)

struct found {
    size_t runs, rows;
};

static void read_bounds(const char *folder)
{
    struct clr_range_result r;
    struct clr_error err;

    if (!fuzz_worked(clr_range_read(&r, &folder, 1, &err), &err))
        return;
    FUZZ_CHECK(!r.has_range || (r.min_lr >= 0.0 && r.min_lr < r.max_lr));
    fuzz_readable(r.explanation);
}

static int tell(void *user, const char *folder, bool range_test, struct clr_error *err)
{
    struct found *found = user;
    struct csv rows = {0};
    json_t *json = NULL;
    bool holds = false;
    int rc;

    FUZZ_CHECK(archive_holds(&holds, folder, err) == 0 && holds);
    if (fuzz_worked(archive_json(&json, folder, "run.json", err), err))
        FUZZ_CHECK(json_is_object(json));
    json_decref(json);
    rc = archive_table(&rows, folder, range_test ? "range.csv" : "history.csv", history_columns,
                       HISTORY_COLUMNS, err);
    if (fuzz_worked(rc, err))
        found->rows += rows.rows;
    csv_clear(&rows);
    if (fuzz_worked(
            archive_table(&rows, folder, "timing.csv", history_timing_columns, HISTORY_TIMING_COLUMNS, err),
            err))
        csv_clear(&rows);
    if (range_test)
        read_bounds(folder);
    found->runs++;
    return 0;
}

/* What reads such files. */
static void use(size_t runs)
{
    const char *folder = fuzz_path("all");
    struct lab_list list;
    struct clr_error err;
    size_t count;

    if (fuzz_worked(clr_lab_check(&count, folder, &err), &err))
        FUZZ_CHECK(count == runs);
    if (fuzz_worked(clr_lab_list(&list, &folder, 1, &err), &err)) {
        FUZZ_CHECK(list.count + list.skipped == runs);
        clr_lab_list_clear(&list);
    }
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static char *read_file(const char *name)
{
    char *text = NULL;
    size_t size;

    FUZZ_CHECK(fs_read(fuzz_path(name), LIMIT, &text, &size, NULL) == 0);
    return text;
}

/* Rows may come in another order once, since those of one run are kept together. */
static void write_again(size_t lines)
{
    char *before, *after;
    struct clr_error err;

    FUZZ_CHECK(archive_write(fuzz_path("all"), NULL, 0, &err) == 0);
    FUZZ_CHECK(archive_check(fuzz_path("all"), &err) == 0);
    before = read_file("all/histories.csv");
    FUZZ_CHECK(count_lines(before) == lines);
    FUZZ_CHECK(archive_write(fuzz_path("all"), NULL, 0, &err) == 0);
    after = read_file("all/histories.csv");
    FUZZ_CHECK(strcmp(before, after) == 0);
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char between[] = "\n--\n";
    char *text = fuzz_text(data, size);
    const char *cut = strstr(text, between), *table = cut ? cut + sizeof between - 1 : "";
    struct found found = {0}, again = {0};
    struct clr_error err;

    fuzz_write("all/runs.json", text, cut ? (size_t)(cut - text) : strlen(text));
    fuzz_write_text("all/histories.csv", table);
    (void)fuzz_worked(archive_each(fuzz_path("all"), tell, &found, &err), &err);
    if (fuzz_worked(archive_check(fuzz_path("all"), &err), &err)) {
        use(found.runs);
        write_again(count_lines(table));
        if (fuzz_worked(archive_each(fuzz_path("all"), tell, &again, &err), &err))
            FUZZ_CHECK(again.runs == found.runs && again.rows == found.rows);
    }
    free(text);
    return 0;
}
