/*
 * CIFAR-10 and CIFAR-100 in their binary layout: records of one (CIFAR-10: label) or two (CIFAR-100: coarse
 * and fine label) bytes and 3,072 pixels, planes red, green, blue of 32 rows of 32.
 *
 * Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html. For CIFAR-100 the fine label is used.
 */
#include "data/format.h"

#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"

#define CHANNELS               3
#define SIDE                   32
#define PIXELS                 ((size_t)CHANNELS * SIDE * SIDE)
#define MAX_BATCHES            64
#define NAME                   32 /* of a file */
#define PUBLISHED_BATCHES      5
#define PUBLISHED_BATCH_IMAGES 10000
#define PUBLISHED_TRAIN        50000
#define PUBLISHED_TEST         10000

struct cifar_kind {
    int classes;
    size_t label_bytes;                             /* the last one counts */
    const char *fetch_again, *train, *test, *names; /* train: of CIFAR-10 the first of several */
};

static const struct cifar_kind cifar10 = {
    10, 1, "unpack cifar-10-binary.tar.gz again", "data_batch_1.bin", "test_batch.bin", "batches.meta.txt"};
static const struct cifar_kind cifar100 = {100,         2,          "unpack cifar-100-binary.tar.gz again",
                                           "train.bin", "test.bin", "fine_label_names.txt"};

/* ---- one file ---- */

/* How many images a file holds, by its size. */
static int count_images(size_t *out, const char *path, const struct cifar_kind *kind, struct clr_error *err)
{
    const size_t record = kind->label_bytes + PIXELS;
    char text[STR_COUNT];
    size_t size;
    int rc = format_file_size(&size, path, kind->fetch_again, err);

    if (rc < 0)
        return rc;
    if (size == 0 || size % record != 0)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' is %s: it has %s, which is not a multiple of the %zu of one image "
                             "(%zu label, %zu pixels); %s",
                             path, size == 0 ? "empty" : "cut off or damaged", str_count(text, size, "byte"),
                             record, kind->label_bytes, PIXELS, kind->fetch_again);
    *out = size / record;
    return 0;
}

/* Read `count` images of a file to place `first` of `images`. */
static int read_images(struct clr_images *images, size_t first, size_t count, const char *path,
                       const struct cifar_kind *kind, struct clr_error *err)
{
    FILE *file = fopen(path, "rb");
    int rc = 0;

    if (!file)
        return clr_error_set(err, CLR_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    for (size_t i = 0; i < count && rc == 0; i++) {
        uint8_t labels[2], *label = &labels[kind->label_bytes - 1];
        uint8_t *pixels = images->pixels + (first + i) * PIXELS;
        if (fread(labels, 1, kind->label_bytes, file) != kind->label_bytes ||
            fread(pixels, 1, PIXELS, file) != PIXELS)
            rc = clr_error_set(err, CLR_EINPUT, "cannot read image %zu of '%s': %s", i, path,
                               ferror(file) ? strerror(errno) : "the file became shorter while it was read");
        else if (*label >= kind->classes)
            rc = clr_error_set(err, CLR_EINPUT,
                               "'%s' is damaged: image %zu has label %d, but labels are 0 to %d; %s", path, i,
                               *label, kind->classes - 1, kind->fetch_again);
        else
            images->labels[first + i] = *label;
    }
    (void)fclose(file);
    return rc;
}

/* Read several files of the folder, one after the other, into one list of images. */
static int read_files(struct clr_images *images, const struct clr_dataset *ds, const char *const *names,
                      size_t files, const struct cifar_kind *kind, struct clr_error *err)
{
    size_t counts[MAX_BATCHES], total = 0;
    char *paths[MAX_BATCHES] = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < files; i++) {
        rc = fs_join(&paths[i], ds->path, names[i], err);
        if (rc == 0)
            rc = count_images(&counts[i], paths[i], kind, err);
        if (rc == 0 && !clr_add_size(&total, total, counts[i]))
            rc = clr_error_set(err, CLR_EINPUT, "'%s' is too large", paths[i]);
    }
    if (rc == 0)
        rc = format_new_images(images, ds, total, ds->path, err);
    for (size_t i = 0, first = 0; rc == 0 && i < files; first += counts[i], i++)
        rc = read_images(images, first, counts[i], paths[i], kind, err);
    for (size_t i = 0; i < files; i++)
        free(paths[i]);
    return rc;
}

/* Read a folder with these training files. */
static int read_folder(struct clr_dataset *ds, const char *const *train, size_t files,
                       const struct cifar_kind *kind, struct clr_error *err)
{
    int rc;

    ds->channels = CHANNELS;
    ds->height = SIDE;
    ds->width = SIDE;
    ds->classes = kind->classes;
    rc = read_files(&ds->train, ds, train, files, kind, err);
    if (rc == 0)
        rc = read_files(&ds->test, ds, &kind->test, 1, kind, err);
    return rc < 0 ? rc : format_read_classes(ds, kind->names, err);
}

static bool matches(const char *folder, const struct cifar_kind *kind)
{
    return fs_exists_in(folder, kind->train) || fs_exists_in(folder, kind->test);
}

/* ---- CIFAR-10 ---- */

static bool matches_cifar10(const char *folder)
{
    return matches(folder, &cifar10);
}

/*
 * How many training files there are: data_batch_1.bin up to the highest number present. If one between is
 * missing, reading fails. If the first file has the published size, the published set of five is expected.
 */
static int count_batches(size_t *out, const char *folder, const char *const *names, struct clr_error *err)
{
    char *first = NULL;
    size_t count = 0;
    int rc = fs_join(&first, folder, names[0], err);

    if (rc < 0)
        return rc;
    *out = count_images(&count, first, &cifar10, NULL) == 0 && count == PUBLISHED_BATCH_IMAGES
               ? PUBLISHED_BATCHES
               : 1;
    free(first);
    for (size_t i = *out; i < MAX_BATCHES; i++)
        if (fs_exists_in(folder, names[i]))
            *out = i + 1;
    return 0;
}

/* A file that was cut off between two images looks whole. It is no error: a part of the published set may
 * be meant. */
static void warn_of_part(const struct clr_dataset *ds, size_t files)
{
    const bool train = ds->train.count == PUBLISHED_TRAIN, test = ds->test.count == PUBLISHED_TEST;
    char counts[4][STR_COUNT];

    if (files == PUBLISHED_BATCHES && train != test)
        log_line(
            CLR_LOG_WARNING,
            "'%s' holds %s for training and %s for testing, the published CIFAR-10 %s and %s: if that is not "
            "meant, %s",
            ds->path, str_count(counts[0], (uint64_t)ds->train.count, "image"),
            str_count(counts[1], (uint64_t)ds->test.count, ""), str_count(counts[2], PUBLISHED_TRAIN, ""),
            str_count(counts[3], PUBLISHED_TEST, ""), cifar10.fetch_again);
}

static int read_cifar10(struct clr_dataset *ds, struct clr_error *err)
{
    char texts[MAX_BATCHES][NAME];
    const char *names[MAX_BATCHES];
    size_t files = 0;
    int rc;

    for (size_t i = 0; i < MAX_BATCHES; i++) {
        (void)snprintf(texts[i], NAME, "data_batch_%zu.bin", i + 1);
        names[i] = texts[i];
    }
    rc = count_batches(&files, ds->path, names, err);
    if (rc == 0)
        rc = read_folder(ds, names, files, &cifar10, err);
    if (rc == 0)
        warn_of_part(ds, files);
    return rc;
}

const struct data_format format_cifar10 = {"CIFAR-10 binary", matches_cifar10, read_cifar10};

/* ---- CIFAR-100 ---- */

static bool matches_cifar100(const char *folder)
{
    return matches(folder, &cifar100);
}

static int read_cifar100(struct clr_dataset *ds, struct clr_error *err)
{
    return read_folder(ds, &cifar100.train, 1, &cifar100, err);
}

const struct data_format format_cifar100 = {"CIFAR-100 binary", matches_cifar100, read_cifar100};
