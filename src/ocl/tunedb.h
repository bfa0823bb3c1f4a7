/*
 * Tuning records: which variant of an operator was measured to be the fastest on a device. They are data of
 * the user, not a cache: $XDG_DATA_HOME/clr-cl/tuning/DEVICE-NUMBER.json, one readable file for each device,
 * driver, platform and set of kernel sources; NUMBER are digits of the SHA-256 of all four. Other kernels or
 * another driver have another file, so no record is used with what it was not measured with.
 *
 *     {"format": 1, "device": "…", "platform": "…", "platform_version": "…", "driver": "…",
 *      "kernels": "SHA-256 of cl/",
 *      "entries": [{"operator": "convolution forward, kernel 5x5, …", "shape": "32x15x15 to 32, batch 100",
 *                   "variant": "direct 5x2", "ms": 5.1, "default_ms": 5.4, "when": "2026-11-24T08:00:00Z"}],
 *      "failed": [{"operator": …, "shape": …, "variant": …, "why": "wrong", "nmse": 0.02, "when": …}]}
 *
 * "nmse" is null where it is not known.
 *
 * Keys are texts here; the operators define what they mean, and which variants there are (ops/tuned.h). Two
 * shapes of the same operator are neighbours: their numbers, in order, are compared by the caller's function.
 *
 * A file is input like any other: what is damaged is ignored with one warning, as a whole, and replaced by
 * the next record that is stored. No OpenCL call is made here.
 */
#ifndef OCL_TUNEDB_H
#define OCL_TUNEDB_H

#include <clr/device.h>

#include "base/str.h"

#define TUNEDB_TEXT    160 /* of an operator or a shape */
#define TUNEDB_VARIANT 64
#define TUNEDB_SIZES   12 /* numbers in a shape */

struct tunedb_key {
    char operator[TUNEDB_TEXT]; /* all that neighbours must have in common */
    char shape[TUNEDB_TEXT];
};

/*
 * A variant that was measured, or one that must not be tried again: with these kernels it ends the process,
 * never ends, or is wrong.
 */
struct tunedb_entry {
    struct tunedb_key key;
    char variant[TUNEDB_VARIANT];
    char when[32];
    double ms, default_ms; /* default_ms 0: the operator's own choice did not work */
    char why[16];          /* "crashed", "hung", "wrong", "failed"; "": it was measured */
    double nmse;           /* of what is wrong, the worst; 0 or NaN: not known */
};

struct tunedb; /* opaque */

/*
 * Read the records of a device; no file is made. Of *device the names and the driver are read.
 *
 * @param dir  folder of the files; NULL: the user's. Without one (HOME is not set) there are no records, and
 *             storing fails
 */
int tunedb_open(struct tunedb **out, const char *dir, const struct clr_device *device, struct clr_error *err);
void tunedb_close(struct tunedb *db);

/* Has it no measured variant? */
bool tunedb_is_empty(const struct tunedb *db);
/* The file, existing or not; "" where there is no folder for it. */
const char *tunedb_path(const struct tunedb *db);

/* The fastest variant of a key; NULL: none is known. The results of all three live until the next store. */
const struct tunedb_entry *tunedb_find(const struct tunedb *db, const struct tunedb_key *key);
/* The entry of the same operator with the smallest distance that is below `limit`. distance: of two shapes,
 * each `count` numbers. */
const struct tunedb_entry *tunedb_nearest(const struct tunedb *db, const struct tunedb_key *key,
                                          double (*distance)(const int *a, const int *b, int count),
                                          double limit);
/* Why a variant must not be tried; NULL: it may be. */
const struct tunedb_entry *tunedb_failed(const struct tunedb *db, const struct tunedb_key *key,
                                         const char *variant);

/* From now on tunedb_failed() finds it, as long as *db lives, whether it can be stored or not. */
int tunedb_avoid(struct tunedb *db, const struct tunedb_entry *failure, struct clr_error *err);

/*
 * Add or replace one, stamped with the time, and write the file: under a lock, on top of what other processes
 * stored meanwhile. Makes the folder.
 */
int tunedb_store(struct tunedb *db, const struct tunedb_entry *entry, struct clr_error *err);

#endif
