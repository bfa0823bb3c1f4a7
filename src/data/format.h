/*
 * The readers of data folders: what each format looks like, and reading it into a struct clr_dataset. One
 * file per format (cifar.c, idx.c); dataset.c finds the folder, asks them in turn and completes the set.
 */
#ifndef DATA_FORMAT_H
#define DATA_FORMAT_H

#include <stdbool.h>

#include <clr/dataset.h>

#include "base/str.h"

/* No data set may have more pixel bytes than this: a larger claim is damage (or needs streaming from disk).
 */
#define DATA_MAX_BYTES ((size_t)16 << 30)

struct data_format {
    const char *name; /* "IDX" */
    /* Does the folder hold any file of this format? One is enough: read() then names those that are missing.
     */
    bool (*matches)(const char *folder);
    /*
     * Fill shape, classes, class_names, train and test of a zeroed set; path is set. On failure what was
     * filled stays for clr_dataset_destroy(). CLR_EINPUT, CLR_ENOMEM.
     */
    int (*read)(struct clr_dataset *ds, const char *folder, struct clr_error *err);
};

extern const struct data_format format_cifar10, format_cifar100, format_idx;

/*
 * Allocate pixels, page-aligned, and labels for `count` images of the data set's shape. CLR_EINPUT: more than
 * INT_MAX images or DATA_MAX_BYTES; `source` is the file or folder that the message names.
 */
int format_new_images(struct clr_images *images, const struct clr_dataset *ds, size_t count,
                      const char *source, struct clr_error *err);

/* Work out means and checksum of a set whose images are there. */
int format_measure(struct clr_dataset *ds, struct clr_error *err);

/* Give the set class names: "0", "1", …. */
int format_number_classes(struct clr_dataset *ds, struct clr_error *err);

/*
 * Give the set the class names in a text file, one a line. A missing file numbers the classes; a file with
 * another number of names does so too, with a warning.
 */
int format_read_classes(struct clr_dataset *ds, const char *path, struct clr_error *err);

#endif
