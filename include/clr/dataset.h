/**
 * Data sets of labelled images, in memory as the bytes of their files. A data set may be shared by several
 * threads.
 */
#ifndef CLR_DATASET_H
#define CLR_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

struct clr_images {
    int count;
    uint8_t *pixels; /**< (N,C,H,W), 0…255, page-aligned */
    int32_t *labels; /**< (N), 0 … classes − 1 */
};

struct clr_dataset {
    char name[64];   /**< "cifar10", or the folder's last component */
    char *path;      /**< folder that it was read from; "": it was made from memory */
    char format[32]; /**< "CIFAR-10 binary", "CIFAR-100 binary", "IDX", "memory" */
    int channels, height, width, classes;
    char **class_names; /**< `classes` entries */
    struct clr_images train, test;
    double channel_mean[4]; /**< mean over the training images, 0…255, one per channel */
    char checksum[65]; /**< SHA-256 over labels and pixels of train, then of test: a byte for each label, or
                                 four bytes, the lowest first, if there are more than 256 classes */
};

/**
 * Read a data set.
 *
 * @param out   a new data set, owned by the caller (clr_dataset_destroy)
 * @param name  a name (cifar10, cifar100, fashion-mnist, mnist) or a folder in CIFAR-10 / CIFAR-100 binary
 *              layout or with IDX files, gzipped or not. A name is searched for in $CLR_DATA, the cache
 *              and /usr/share/datasets, in this order
 * @return 0; CLR_EINPUT: missing, cut off or damaged; the message says how to get it; CLR_ENOMEM
 */
CLR_API int clr_dataset_open(struct clr_dataset **out, const char *name, struct clr_error *err);

/** Is it on this machine? None of its images are read. The errors of clr_dataset_open() where it is not. */
CLR_API int clr_dataset_find(const char *name, struct clr_error *err);

#define CLR_DATASET_CLASSES 65536 /**< most classes of clr_dataset_create() */

/** Images of clr_dataset_create(): of one shape, (N,C,H,W), with their labels. */
struct clr_dataset_images {
    size_t size;                    /**< of this struct: that of another version of the library is refused */
    const char *name;               /**< of the set, for messages and run.json */
    int channels, height, width;    /**< channels: 1 … 4 */
    int classes;                    /**< 1 … CLR_DATASET_CLASSES */
    const char *const *class_names; /**< `classes` names; NULL: they are numbered */
    struct clr_images train, test;  /**< test.count may be 0; the pixels need no alignment */
};

/**
 * Make a data set from images in memory. *images is copied, with everything that it points to. In names,
 * control characters and what is not UTF-8 become '?', line ends and tabs blanks.
 *
 * @param out  new, owned by the caller (clr_dataset_destroy)
 * @return 0; CLR_EUSAGE: a shape, a count or a label is out of range, something is NULL that must be given,
 *         there is no training image, or a set has more than 16 GiB of pixels; CLR_ENOMEM
 */
CLR_API int clr_dataset_create(struct clr_dataset **out, const struct clr_dataset_images *images,
                               struct clr_error *err);

/** Free a data set and everything in it; NULL is allowed. */
CLR_API void clr_dataset_destroy(struct clr_dataset *ds);

enum clr_mean { CLR_MEAN_NONE, CLR_MEAN_CHANNEL, CLR_MEAN_IMAGE };
enum clr_order { CLR_ORDER_SHUFFLE, CLR_ORDER_SEQUENTIAL };
enum clr_last_batch { CLR_LAST_BATCH_DROP, CLR_LAST_BATCH_KEEP };

/** "none", "channel", "image", by the values of the enum, as options, run.json and weights have them;
 * NULL-terminated, static storage. */
CLR_API const char *const *clr_mean_names(void);

/** The same of enum clr_order: "shuffle", "sequential". */
CLR_API const char *const *clr_order_names(void);

/** The same of enum clr_last_batch: "drop", "keep". */
CLR_API const char *const *clr_last_batch_names(void);

/**
 * The mean that is subtracted from every image, over the training images, 0…255.
 *
 * @param mean  out, channels·height·width values (C,H,W): zeros, the channel's mean repeated, or the mean
 * image
 */
CLR_API void clr_dataset_mean(const struct clr_dataset *ds, enum clr_mean kind, float *mean);

/**
 * What `clr-cl data info` prints: counts, classes, shape, mean, checksum; as text for people.
 *
 * @param text  new string, ends with a newline; free with free()
 * @return 0; CLR_ENOMEM
 */
CLR_API int clr_dataset_info(char **text, const struct clr_dataset *ds, struct clr_error *err);

/** The same as JSON. */
CLR_API int clr_dataset_info_json(char **text, const struct clr_dataset *ds, struct clr_error *err);

/** The names that clr_dataset_open() takes; NULL-terminated, static storage. */
CLR_API const char *const *clr_dataset_names(void);

/**
 * What `clr-cl data list` prints: each known name with the folder it was found in, or how to get it.
 *
 * @param text  new string, ends with a newline; free with free()
 * @return 0; CLR_ENOMEM
 */
CLR_API int clr_dataset_list(char **text, struct clr_error *err);

/** The same as JSON. */
CLR_API int clr_dataset_list_json(char **text, struct clr_error *err);

#endif
