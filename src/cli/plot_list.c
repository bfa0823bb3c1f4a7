/* What a figure draws: see plot_list.h. */
#include "cli/plot_list.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/common.h"

#define TEST_DEPTH 2 /* of folders: a weight decay, a seed */

int plot_list_add(struct plot_list *list, const char *path, const char *within, struct clr_error *err)
{
    int rc = mem_grow(&list->of, &list->capacity, list->count + 1, sizeof *list->of, "inputs", err);

    if (rc == 0)
        rc = str_duplicate(&list->of[list->count].path, path, err);
    if (rc < 0)
        return rc;
    list->count++;
    return within ? str_duplicate(&list->of[list->count - 1].within, within, err) : 0;
}

/* ---- order ---- */

/* Where the first part begins in which the paths differ. */
static size_t first_difference(const char *a, const char *b)
{
    size_t i = 0;

    while (a[i] && a[i] == b[i])
        i++;
    while (i > 0 && a[i - 1] != '/')
        i--;
    return i;
}

static int by_path(const void *a, const void *b)
{
    const char *x = ((const struct plot_listed *)a)->path, *y = ((const struct plot_listed *)b)->path;
    const size_t at = first_difference(x, y), name = strcspn(x + at, "-");

    if (cli_is_test_name(x + at) && strncmp(x + at, y + at, name + 1) == 0) {
        const double m = strtod(x + at + name + 1, NULL), n = strtod(y + at + name + 1, NULL);
        if (m < n || m > n)
            return m < n ? -1 : 1;
    }
    return strcmp(x, y);
}

void plot_list_sort(struct plot_list *list, size_t first)
{
    if (list->count > first)
        qsort(list->of + first, list->count - first, sizeof *list->of, by_path);
}

/* ---- tests in folders ---- */

/* depth: so many folders down. */
static int add_below(struct plot_list *list, const char *path, const char *within, int depth,
                     struct clr_error *err)
{
    const size_t first = list->count;
    DIR *dir = depth > 0 && !fs_exists_in(path, "range.csv") ? opendir(path) : NULL;
    const struct dirent *entry;
    int rc = 0;

    while (rc == 0 && dir && (entry = readdir(dir))) {
        char *below = NULL;
        if (!cli_is_test_name(entry->d_name))
            continue;
        rc = fs_join(&below, path, entry->d_name, err);
        if (rc == 0 && fs_is_dir(below))
            rc = add_below(list, below, cli_is_repeat_name(entry->d_name) ? path : NULL, depth - 1, err);
        free(below);
    }
    if (dir)
        (void)closedir(dir);
    return rc == 0 && list->count == first ? plot_list_add(list, path, within, err) : rc;
}

/* The path; of a folder with several range tests, the paths of the tests, sorted. */
static int add_tests(struct plot_list *list, const char *path, struct clr_error *err)
{
    const size_t first = list->count;
    int rc = add_below(list, path, NULL, TEST_DEPTH, err);

    plot_list_sort(list, first);
    return rc;
}

/* ---- runs of an experiment's histories.csv ---- */

struct kept {
    struct plot_list *list;
    bool range_tests; /* add range tests only; false: runs only */
    size_t others;    /* that are not added */
};

static int add_kept(void *user, const char *folder, bool range_test, struct clr_error *err)
{
    struct kept *kept = user;
    char *run;
    int rc;

    if (range_test != kept->range_tests) {
        kept->others++;
        return 0;
    }
    rc = str_duplicate(&run, folder, err);
    if (rc < 0)
        return rc;
    run[archive_seed(folder) - folder] = '\0'; /* all seeds share the name of the run */
    rc = plot_list_add(kept->list, folder, run, err);
    free(run);
    return rc;
}

int plot_list_add_input(struct plot_list *list, const char *path, enum plot_kind kind, struct clr_error *err)
{
    struct kept kept = {.list = list, .range_tests = kind == PLOT_RANGE};
    const size_t first = list->count;
    char *dir = NULL;
    int rc;

    if (!(kind & (PLOT_RUN | PLOT_RANGE)) || strcmp(fs_last_part(path), ARCHIVE_TABLE) != 0)
        return kind & (PLOT_RANGE | PLOT_LOSS) ? add_tests(list, path, err)
                                               : plot_list_add(list, path, NULL, err);
    rc = fs_folder_of(&dir, path, err);
    if (rc == 0)
        rc = archive_each(dir, add_kept, &kept, err);
    if (rc == 0 && list->count == first && kept.others == 0)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' holds no finished run yet", path);
    else if (rc == 0 && list->count == first)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' holds %s only, which are drawn with 'clr-cl plot %s'", path,
                           kept.range_tests ? "runs" : "range tests", kept.range_tests ? "run" : "range");
    free(dir);
    return rc;
}

/* ---- the figure ---- */

int plot_list_draw(const struct plot_list *list, enum plot_kind kind, const char *figure,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    struct clr_plot_options own = *options;
    const char **paths = NULL, **within = NULL;
    int rc = mem_new(&paths, list->count, sizeof *paths, "inputs", err);

    if (rc == 0)
        rc = mem_new(&within, list->count, sizeof *within, "inputs", err);
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        paths[i] = list->of[i].path;
        within[i] = list->of[i].within;
    }
    own.folders = within;
    if (rc == 0)
        rc = cli_check_different(paths, list->count, err);
    if (rc == 0)
        rc = kind == PLOT_BENCH ? plot_kinds_bench(figure, paths, list->count, list->known, &own, err)
                                : plot_kind_of(kind)->draw(figure, paths, list->count, &own, err);
    free(paths);
    free(within);
    return rc;
}

void plot_list_clear(struct plot_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->of[i].path);
        free(list->of[i].within);
    }
    free(list->of);
}
