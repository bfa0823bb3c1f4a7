/* Data sets of images in memory: see clr/dataset.h. */
#include <clr/dataset.h>

#include "data/format.h"

static int check_set(const struct clr_dataset_images *images, bool train, struct clr_error *err)
{
    const struct clr_images *set = train ? &images->train : &images->test;
    const int classes = images->classes;
    size_t size = (size_t)images->channels * (size_t)images->height * (size_t)images->width;
    char count[STR_COUNT], most[STR_COUNT];
    int rc = 0;

    if (!clr_mul_size(&size, size, (size_t)set->count) || size > DATA_MAX_BYTES)
        return clr_error_set(err, CLR_EUSAGE, "%s of %d×%d×%d are more than the %s of a data set",
                             str_count(count, (uint64_t)set->count, train ? "training image" : "test image"),
                             images->channels, images->height, images->width,
                             str_count(most, DATA_MAX_BYTES, "byte"));
    if (set->count > 0)
        rc = mem_check_given(set->pixels, train ? "train.pixels" : "test.pixels", err);
    if (rc == 0 && set->count > 0)
        rc = mem_check_given(set->labels, train ? "train.labels" : "test.labels", err);
    for (int i = 0; i < set->count && rc == 0; i++)
        if (set->labels[i] < 0 || set->labels[i] >= classes)
            rc = clr_error_set(err, CLR_EUSAGE, "%s image %d has label %d, outside 0…%d",
                               train ? "training" : "test", i, set->labels[i], classes - 1);
    return rc;
}

static int check(const struct clr_dataset_images *images, struct clr_error *err)
{
    int rc = mem_check_given(images->name, "name", err);

    if (rc < 0)
        return rc;
    if (images->channels < 1 || images->channels > 4 || images->height < 1 || images->width < 1)
        return clr_error_set(err, CLR_EUSAGE,
                             "images of %d×%d×%d (channels × height × width): there must be 1 to 4 channels, "
                             "and at least one pixel",
                             images->channels, images->height, images->width);
    if (images->classes < 1 || images->train.count < 1 || images->test.count < 0)
        return clr_error_set(
            err, CLR_EUSAGE,
            "`classes` is %d, `train.count` %d, `test.count` %d: there must be a class and a "
            "training image",
            images->classes, images->train.count, images->test.count);
    rc = mem_check_range(images->classes, 1, CLR_DATASET_CLASSES, "classes", err);
    if (rc == 0 && images->class_names)
        rc = mem_check_texts(images->class_names, (size_t)images->classes, "class_names", err);
    if (rc == 0)
        rc = check_set(images, true, err);
    return rc < 0 ? rc : check_set(images, false, err);
}

static int copy_images(struct clr_dataset *ds, struct clr_images *to, const struct clr_images *from,
                       struct clr_error *err)
{
    const size_t count = (size_t)from->count;
    int rc = format_new_images(to, ds, count, ds->name, err);

    if (rc == 0 && count > 0) {
        memcpy(to->pixels, from->pixels, count * format_image_size(ds));
        memcpy(to->labels, from->labels, count * sizeof *to->labels);
    }
    return rc;
}

int clr_dataset_create(struct clr_dataset **out, const struct clr_dataset_images *images,
                       struct clr_error *err)
{
    struct clr_dataset *ds = NULL;
    int rc = mem_check_struct(images, sizeof *images, "clr_dataset_images", err);

    if (rc == 0)
        rc = check(images, err);
    if (rc == 0)
        rc = mem_new(&ds, 1, sizeof *ds, "data set", err);
    if (rc < 0)
        return rc;
    str_copy(ds->name, sizeof ds->name, images->name);
    format_clean_name(ds->name);
    str_copy(ds->format, sizeof ds->format, "memory");
    ds->channels = images->channels;
    ds->height = images->height;
    ds->width = images->width;
    ds->classes = images->classes;
    rc = str_duplicate(&ds->path, "", err);
    if (rc == 0)
        rc = copy_images(ds, &ds->train, &images->train, err);
    if (rc == 0)
        rc = copy_images(ds, &ds->test, &images->test, err);
    if (rc == 0)
        rc = format_name_classes(ds, images->class_names, err);
    if (rc == 0)
        rc = format_measure(ds, err);
    if (rc < 0)
        clr_dataset_destroy(ds);
    else
        *out = ds;
    return rc;
}
