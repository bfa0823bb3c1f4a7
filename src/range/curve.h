/*
 * The curve of a range test: range.csv, loss.csv, and what range.json says of how it was measured. An
 * archived test (base/archive.h) has no loss.csv: what was read from it is in range.json.
 */
#ifndef RANGE_CURVE_H
#define RANGE_CURVE_H

#include <jansson.h>

#include <clr/range.h>

#include "base/csv.h"

/* The rates of a range test, columns as in base/history.h, never fall. CLR_EINPUT: "FILE:LINE: …". */
int range_check_rising(const struct csv *t, struct clr_error *err);

/* What a reading takes from the losses. */
struct range_losses {
    bool known;                    /* false: nothing */
    bool fell, grew;               /* did the loss fall, did it grow; false where the accuracy rose */
    uint64_t updates;              /* with rates up to the upper bound; 0: not known */
    double rules[CLR_RANGE_RULES]; /* NaN: no rate */
};

struct range_curve {
    size_t count;               /* evaluations */
    double *rates, *accuracies; /* rising rates; accuracies 0…1, or falls of the loss */
    size_t updates;
    double *update_rates, *losses; /* of each update, or of every so many … */
    double *update_at;             /* … in that iteration; NULL: of each */
    uint64_t iterations;           /* done */
    double untrained;              /* accuracy before the first update */
    double untrained_loss;         /* 0: accuracies are read; else the loss, which was this at first */
    int classes, images;           /* images: evaluated */
    bool diverged;                 /* the test ended because the loss was no longer finite … */
    uint64_t diverged_at;          /* … at this update … */
    double diverged_lr;            /* … with this rate */
    struct range_losses known;     /* of range.json; used where there are no losses */
};

/*
 * Read range.csv, and loss.csv where there is one, into the curve, whose other members stay. Clear it in any
 * case. CLR_EINPUT: "FILE:LINE: …"; CLR_ENOMEM.
 */
int range_curve_read(struct range_curve *c, const char *folder, struct clr_error *err);

/* Likewise the other members, from the folder's range.json. */
int range_curve_read_facts(struct range_curve *c, const char *folder, struct clr_error *err);
void range_curve_clear(struct range_curve *c);

/* range.json. NULL: out of memory. */
json_t *range_json(const struct clr_range_result *r);

/* Why bounds are uncertain, "few updates"; "": they are not. Static storage. */
const char *range_doubt_name(enum clr_range_doubt doubt);

#endif
