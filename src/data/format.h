/*
 * The readers of data folders: each recognises its format and reads it into a struct clr_dataset. There is
 * one file per format (cifar.c, idx.c); dataset.c finds the folder, tries them in turn and completes the
 * set.
 */
#ifndef DATA_FORMAT_H
#define DATA_FORMAT_H

#include <stdbool.h>

#include <clr/dataset.h>

#include "base/str.h"

/* No data set may have more bytes of pixels than this. */
#define DATA_MAX_BYTES ((size_t)16 << 30)

struct data_format {
    const char *name; /* "IDX" */
    /* Is any file of this format in the folder? read() then names those that are missing. */
    bool (*matches)(const char *folder);
    /*
     * Fill shape, classes, train, test and, where the folder has names, class_names of a zeroed set whose
     * path is set. On failure what was filled is left to clr_dataset_destroy(). CLR_EINPUT, CLR_ENOMEM.
     */
    int (*read)(struct clr_dataset *ds, struct clr_error *err);
};

extern const struct data_format format_cifar10, format_cifar100, format_idx;

/*
 * Allocate pixels, page-aligned, and labels for `count` images of the data set's shape. CLR_EINPUT: more than
 * INT_MAX images or DATA_MAX_BYTES; `source` is the file or folder that the message names.
 */
int format_new_images(struct clr_images *images, const struct clr_dataset *ds, size_t count,
                      const char *source, struct clr_error *err);

/* Compute means and checksum of a set that has its images. */
int format_measure(struct clr_dataset *ds, struct clr_error *err);

/* Names go to terminals and into JSON: make it UTF-8 without control characters. */
void format_clean_name(char *name);

/* Name the classes, which have no names yet, with clean copies; names NULL: "0", "1", …. */
int format_name_classes(struct clr_dataset *ds, const char *const *names, struct clr_error *err);

/* The size of a data file. hint: ends the message. CLR_EINPUT: there is none, or it is no regular file. */
int format_file_size(size_t *out, const char *path, const char *hint, struct clr_error *err);

/*
 * Name the classes as in a text file of the folder, one name a line. Without the file they get no names; with
 * another number of names too, with a warning.
 */
int format_read_classes(struct clr_dataset *ds, const char *file, struct clr_error *err);

/* Bytes of one image. */
static inline size_t format_image_size(const struct clr_dataset *ds)
{
    return (size_t)ds->channels * (size_t)ds->height * (size_t)ds->width;
}

#endif
