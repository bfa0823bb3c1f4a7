/* Experiments: whatever is in the file, runs and figures stay in the folder of the experiment. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>

/* A path in the folder, of one part. */
static void check_name(const char *name)
{
    FUZZ_CHECK(name[0] && name[0] != '.' && !strchr(name, '/'));
    fuzz_readable(name);
}

static void check_run(const struct lab_run *run)
{
    struct clr_error err;
    char *folder;

    check_name(run->name);
    FUZZ_CHECK(run->seed_count >= 1 && run->seed_count <= LAB_MAX_SEEDS);
    FUZZ_CHECK(run->option_count <= LAB_ARGUMENTS);
    for (size_t i = 0; i < run->option_count; i++)
        FUZZ_CHECK(run->options[i].name[0] && strcmp(run->options[i].name, "out") != 0);
    if (!fuzz_worked(clr_lab_folder(&folder, "out", run, run->seeds[0], &err), &err))
        return;
    FUZZ_CHECK(strncmp(folder, "out/", 4) == 0);
    check_name(folder + 4);
    free(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab_experiment *e = NULL;
    struct clr_error err;

    fuzz_write("experiment.prototxt", data, size);
    if (!fuzz_worked(clr_lab_load(&e, fuzz_path("experiment.prototxt"), &err), &err)) {
        FUZZ_CHECK(!e);
        return 0;
    }
    FUZZ_CHECK(e->run_count >= 1 && e->run_count <= LAB_MAX_RUNS && e->about);
    for (size_t i = 0; i < e->run_count; i++)
        check_run(&e->runs[i]);
    for (size_t i = 0; i < e->figure_count; i++) {
        check_name(e->figures[i].file);
        FUZZ_CHECK(e->figures[i].run_count >= 1);
        for (size_t k = 0; k < e->figures[i].run_count; k++)
            FUZZ_CHECK(e->figures[i].runs[k] < e->run_count);
    }
    clr_lab_destroy(e);
    return 0;
}
