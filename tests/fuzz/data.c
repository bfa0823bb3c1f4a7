/* Checks of a data set: see data.h. */
#include "data.h"

#include <clr/dataset.h>

#include <stdlib.h>

#include "base/str.h"
#include "fuzz.h"

static void check_images(const struct clr_images *images, const struct clr_dataset *ds)
{
    const size_t one = (size_t)ds->channels * (size_t)ds->height * (size_t)ds->width;

    FUZZ_CHECK(images->count >= 1);
    FUZZ_CHECK((uint64_t)images->pixels[0] + images->pixels[(size_t)images->count * one - 1] < 512);
    for (int i = 0; i < images->count; i++)
        FUZZ_CHECK(images->labels[i] < ds->classes);
}

void fuzz_data(const char *folder)
{
    struct clr_dataset *ds = NULL;
    struct clr_error err;
    char *text;

    if (!fuzz_worked(clr_dataset_open(&ds, fuzz_path(folder), &err), &err)) {
        FUZZ_CHECK(!ds);
        return;
    }
    FUZZ_CHECK(ds->channels >= 1 && ds->height >= 1 && ds->width >= 1 && ds->classes >= 1);
    check_images(&ds->train, ds);
    check_images(&ds->test, ds);
    for (int i = 0; i < ds->classes; i++) {
        fuzz_readable(ds->class_names[i]);
        FUZZ_CHECK(str_is_utf8(ds->class_names[i]));
    }
    if (fuzz_worked(clr_dataset_info(&text, ds, &err), &err)) {
        fuzz_readable(text);
        free(text);
    }
    if (fuzz_worked(clr_dataset_info_json(&text, ds, &err), &err))
        free(text);
    clr_dataset_destroy(ds);
}
