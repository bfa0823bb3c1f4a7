/* Shared parts of the test programs: see support.h. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <ftw.h>
#include <unistd.h>

#include "base/str.h"

enum { DIR_NAME = 64 }; /* bytes of the name of a temporary folder */

static int *g_skipped; /* shared with forked cases */
static char **g_dirs;  /* all that were made */
static int g_dir_count;
static pid_t g_owner;

int support_run(Suite *suite, bool fork)
{
    SRunner *runner = srunner_create(suite);
    int failed, run, skipped;

    g_skipped = mmap(NULL, sizeof *g_skipped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (g_skipped == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    srunner_set_fork_status(runner, fork ? CK_FORK : CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    run = srunner_ntests_run(runner);
    skipped = *g_skipped;
    srunner_free(runner);
    printf("%d passed, %d failed, %d skipped\n", run - failed - skipped, failed, skipped);
    return failed == 0 && run > 0 ? 0 : 1;
}

void support_skip(const char *reason)
{
    printf("SKIP: %s\n", reason);
    (void)fflush(stdout);
    ++*g_skipped;
}

const char *support_data(void)
{
    const char *dir = getenv("CLR_TEST_DATA");

    return dir && *dir ? dir : NULL;
}

double support_nmse(const float *a, const double *b, size_t n)
{
    double error = 0.0, power = 0.0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - b[i];
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return INFINITY;
        error += d * d;
        power += b[i] * b[i];
    }
    return power > 0.0 ? error / power : error;
}

bool support_device(struct clr_device *out)
{
    struct clr_device *list = NULL;
    struct clr_error err;
    size_t count, chosen;
    const bool found = clr_device_list(&list, &count, &err) == 0 &&
                       clr_device_select(&chosen, list, count, getenv("CLR_TEST_DEVICE"), &err) == 0;

    if (found)
        *out = list[chosen];
    else
        printf("%s\n0 passed, 1 failed, 0 skipped\n", err.message);
    free(list);
    return found;
}

bool support_spares_kernels(const struct clr_device *device)
{
    return !getenv("CLR_TEST_LONG") && str_contains_nocase(device->name, "llvmpipe");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_dirs(void)
{
    if (getpid() != g_owner)
        return;
    for (int i = 0; i < g_dir_count; i++) {
        (void)nftw(g_dirs[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(g_dirs[i]);
    }
    free(g_dirs);
}

const char *support_temp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char **dirs = realloc(g_dirs, ((size_t)g_dir_count + 1) * sizeof *g_dirs), *dir = malloc(DIR_NAME);

    if (g_dir_count == 0) {
        g_owner = getpid();
        (void)atexit(remove_dirs);
    }
    if (!dirs || !dir) {
        perror("the name of a temporary folder");
        exit(1);
    }
    g_dirs = dirs;
    (void)snprintf(dir, DIR_NAME, "%.40s/clr-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(dir)) {
        perror(dir);
        exit(1);
    }
    g_dirs[g_dir_count++] = dir;
    return dir;
}
