/*
 * Data sets: from a name or folder to images in memory. See clr/dataset.h; cifar.c and idx.c read the
 * formats, catalog.c has the names.
 */
#include <clr/dataset.h>

#include <limits.h>
#include <stdlib.h>

#include "base/fs.h"
#include "data/format.h"
#include "data/catalog.h"

static const struct data_format *const formats[] = {&format_cifar10, &format_cifar100, &format_idx};

/* ---- finding it ---- */

static int not_here(const struct catalog_entry *source, struct clr_error *err)
{
    struct str roots = {0}, how = {0};
    int rc;

    catalog_append_roots(&roots);
    catalog_append_how(&how, source);
    rc =
        clr_error_set(err, CLR_EINPUT, "the data set '%s' is not here: no folder %s%s%s in %s. To get it: %s",
                      source->name, source->folders[0], source->folders[1] ? " or " : "",
                      source->folders[1] ? source->folders[1] : "", str_text(&roots), str_text(&how));
    str_clear(&roots);
    str_clear(&how);
    return rc;
}

static int no_such_folder(const char *name, struct clr_error *err)
{
    char known[STR_KNOWN];

    return clr_error_set(err, CLR_EINPUT, "there is no data set and no folder '%s'%s", name,
                         str_known(known, name, clr_dataset_names()));
}

/* The format of a folder that the user gave. */
static int recognise(const struct data_format **out, const char *folder, struct clr_error *err)
{
    for (size_t i = 0; i < MEM_COUNT(formats); i++) {
        if (formats[i]->matches(folder)) {
            *out = formats[i];
            return 0;
        }
    }
    if (fs_exists_in(folder, "data_batch_1") || fs_exists_in(folder, "meta"))
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' has the Python version of CIFAR: the binary version is required, "
                             "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz from "
                             "https://www.cs.toronto.edu/~kriz/cifar.html",
                             folder);
    return clr_error_set(err, CLR_EINPUT,
                         "there is no data set in '%s': expected data_batch_1.bin … and test_batch.bin "
                         "(CIFAR-10), train.bin and test.bin (CIFAR-100), or train-images-idx3-ubyte, "
                         "train-labels-idx1-ubyte and the same of t10k (IDX, plain or .gz); the manual "
                         "describes these files. Pictures in files of their own (JPEG, PNG) cannot be read",
                         folder);
}

/* The last component of a folder, "." and ".." resolved, cut to size. */
static void name_of(char *out, size_t size, const char *folder)
{
    char real[PATH_MAX];
    const char *path = realpath(folder, real) ? real : folder, *name = fs_last_part(path);

    str_copy(out, size, *name ? name : path);
    format_clean_name(out);
}

/*
 * Name, folder and format of a data set. *source is NULL for a folder.
 */
static int find(struct clr_dataset *ds, const struct data_format **format,
                const struct catalog_entry **source, const char *name, struct clr_error *err)
{
    int rc;

    *source = catalog_find(name);
    if (*source) {
        rc = catalog_locate(&ds->path, *source, err);
        if (rc == 0 && !ds->path)
            rc = not_here(*source, err);
        *format = (*source)->format;
        str_copy(ds->name, sizeof ds->name, name);
        return rc;
    }
    if (!fs_is_dir(name))
        return fs_exists(name)
                   ? clr_error_set(err, CLR_EINPUT, "'%s' is a file, but a data set is a folder", name)
                   : no_such_folder(name, err);
    rc = recognise(format, name, err);
    if (rc == 0)
        rc = str_duplicate(&ds->path, name, err);
    name_of(ds->name, sizeof ds->name, name);
    return rc;
}

/* ---- completing it ---- */

static void measure_means(struct clr_dataset *ds)
{
    const size_t plane = (size_t)ds->height * (size_t)ds->width;
    uint64_t sums[MEM_COUNT(ds->channel_mean)] = {0};
    const uint8_t *p = ds->train.pixels;

    for (int i = 0; i < ds->train.count; i++) {
        for (int c = 0; c < ds->channels; c++) {
            uint64_t sum = 0;
            for (size_t k = 0; k < plane; k++)
                sum += p[k];
            sums[c] += sum;
            p += plane;
        }
    }
    for (int c = 0; c < ds->channels; c++)
        ds->channel_mean[c] = (double)sums[c] / ((double)ds->train.count * (double)plane);
}

/* Labels as in the checksum: of one byte, or of four where there are more than 256 classes. */
static int label_bytes(uint8_t **out, size_t *size, const struct clr_images *images, int classes,
                       struct clr_error *err)
{
    const size_t each = classes > 256 ? 4 : 1;
    int rc = mem_new(out, (size_t)images->count, each, "labels", err);

    *size = (size_t)images->count * each;
    for (size_t i = 0; rc == 0 && i < *size; i++)
        (*out)[i] = (uint8_t)((uint32_t)images->labels[i / each] >> 8 * (i % each));
    return rc;
}

static int measure_checksum(struct clr_dataset *ds, struct clr_error *err)
{
    const size_t one = format_image_size(ds);
    uint8_t *train = NULL, *test = NULL;
    size_t train_size, test_size;
    int rc = label_bytes(&train, &train_size, &ds->train, ds->classes, err);

    if (rc == 0)
        rc = label_bytes(&test, &test_size, &ds->test, ds->classes, err);
    if (rc == 0) {
        const struct fs_piece pieces[] = {{train, train_size},
                                          {ds->train.pixels, (size_t)ds->train.count * one},
                                          {test, test_size},
                                          {ds->test.pixels, (size_t)ds->test.count * one}};
        fs_sha256_pieces(pieces, MEM_COUNT(pieces), ds->checksum);
    }
    free(train);
    free(test);
    return rc;
}

int format_measure(struct clr_dataset *ds, struct clr_error *err)
{
    measure_means(ds);
    return measure_checksum(ds, err);
}

/* The catalog has names of classes for sets whose files have numbers only; a folder may have the set's name,
 * too. */
static int name_classes(struct clr_dataset *ds, const struct catalog_entry *source, struct clr_error *err)
{
    const bool named = ds->class_names != NULL;

    if (!source)
        source = catalog_find(ds->name);
    if (source && (ds->classes != 10 || strcmp(ds->format, source->format->name) != 0))
        source = NULL;
    return named ? 0 : format_name_classes(ds, source ? source->class_names : NULL, err);
}

int clr_dataset_find(const char *name, struct clr_error *err)
{
    const struct data_format *format = NULL;
    const struct catalog_entry *source = NULL;
    struct clr_dataset *ds;
    int rc = mem_check_given(name, "name", err);

    if (rc == 0)
        rc = mem_new(&ds, 1, sizeof *ds, "data set", err);
    if (rc < 0)
        return rc;
    rc = find(ds, &format, &source, name, err);
    clr_dataset_destroy(ds);
    return rc;
}

int clr_dataset_open(struct clr_dataset **out, const char *name, struct clr_error *err)
{
    const struct data_format *format = NULL;
    const struct catalog_entry *source = NULL;
    struct clr_dataset *ds;
    int rc = mem_new(&ds, 1, sizeof *ds, "data set", err);

    if (rc < 0)
        return rc;
    rc = find(ds, &format, &source, name, err);
    if (rc < 0)
        goto out;
    str_copy(ds->format, sizeof ds->format, format->name);
    rc = format->read(ds, err);
    if (rc == 0)
        rc = name_classes(ds, source, err);
    if (rc == 0)
        rc = format_measure(ds, err);
    if (rc < 0) {
        clr_error_prefix(err, "data set %s", ds->name);
        goto out;
    }
    *out = ds;
    ds = NULL;
out:
    clr_dataset_destroy(ds);
    return rc;
}

void clr_dataset_destroy(struct clr_dataset *ds)
{
    if (!ds)
        return;
    for (int i = 0; ds->class_names && i < ds->classes; i++)
        free(ds->class_names[i]);
    free(ds->class_names);
    free(ds->train.pixels);
    free(ds->train.labels);
    free(ds->test.pixels);
    free(ds->test.labels);
    free(ds->path);
    free(ds);
}

/* ---- means ---- */

/* Mean image, (C,H,W), a few elements at a time, so that the sums need little memory. */
static void mean_image(const struct clr_dataset *ds, float *mean)
{
    const size_t one = format_image_size(ds);
    const double count = ds->train.count;
    uint64_t sums[64];

    for (size_t first = 0; first < one; first += MEM_COUNT(sums)) {
        const size_t n = one - first < MEM_COUNT(sums) ? one - first : MEM_COUNT(sums);
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < ds->train.count; i++) {
            const uint8_t *p = ds->train.pixels + (size_t)i * one + first;
            for (size_t k = 0; k < n; k++)
                sums[k] += p[k];
        }
        for (size_t k = 0; k < n; k++)
            mean[first + k] = (float)((double)sums[k] / count);
    }
}

STR_NAMES(
    clr_mean_names, [CLR_MEAN_NONE] = "none", [CLR_MEAN_CHANNEL] = "channel", [CLR_MEAN_IMAGE] = "image")
STR_NAMES(clr_order_names, [CLR_ORDER_SHUFFLE] = "shuffle", [CLR_ORDER_SEQUENTIAL] = "sequential")
STR_NAMES(clr_last_batch_names, [CLR_LAST_BATCH_DROP] = "drop", [CLR_LAST_BATCH_KEEP] = "keep")

void clr_dataset_mean(const struct clr_dataset *ds, enum clr_mean kind, float *mean)
{
    const size_t one = format_image_size(ds), plane = (size_t)ds->height * (size_t)ds->width;

    if (kind == CLR_MEAN_IMAGE) {
        mean_image(ds, mean);
        return;
    }
    for (size_t k = 0; k < one; k++)
        mean[k] = kind == CLR_MEAN_CHANNEL ? (float)ds->channel_mean[k / plane] : 0.0f;
}
