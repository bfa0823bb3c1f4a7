/*
 * Tuning records and operators: the key under which a pass of an operator is recorded, and what an operator
 * takes from the records. The order of looking: the same shape on this device; the nearest shape on this
 * device; the operator's own choice, or the next one that the records do not call wrong on this device.
 *
 * A record counts only where op_candidates() still offers its variant for this shape.
 */
#ifndef OPS_TUNED_H
#define OPS_TUNED_H

#include "ocl/tunedb.h"
#include "ops/op.h"

enum op_origin {
    OP_ORIGIN_NONE,    /* there is no such pass, or only one way to do it */
    OP_ORIGIN_DEFAULT, /* the operator chooses */
    OP_ORIGIN_TUNED,   /* measured on this device, for this shape */
    OP_ORIGIN_NEAREST, /* measured on this device, for a similar shape */
    OP_ORIGIN_KEPT,    /* what a resumed run was started with */
    OP_ORIGIN_SECOND,  /* the operator's next choice: the records have it that the first one is wrong here */
};

/* The most ways to do a pass that are looked at. */
#define OP_CANDIDATES_MAX 64

/*
 * "convolution forward, kernel 5x5, stride 1x1, pad 2x2, dilation 1x1, group 1, block 16" and "32x15x15 to
 * 32, batch 100". A rectifier that is fused is no part of it: it costs every variant the same. false:
 * operators of this kind have no key.
 */
bool op_tune_key(struct tunedb_key *out, const struct op_desc *desc, enum op_pass pass, int block);

/*
 * How far apart two shapes of one operator are: the sum of |ln(a/b)| of their numbers, of the batch (the
 * last) a half. OP_TUNE_NEAR and more is no neighbour.
 */
double op_tune_distance(const int *a, const int *b, int count);
#define OP_TUNE_NEAR 1.4 /* ln 4: four times the channels, or twice as many on both sides */

/*
 * Fill desc->variant by the records; db may be NULL. origin, out: where each pass has its variant from.
 * A variant of the records that this program does not have is ignored, with a warning.
 */
void op_tuned(struct op_desc *desc, enum op_origin origin[OP_PASS_COUNT], const struct tunedb *db,
              const struct clr_device *device, int block);

/*
 * After op_tuned(): does the pass do without a variant that it would have, did the records not say that it
 * does not work on this device? What they say of it, borrowed until the next store; NULL: it does not.
 */
const struct tunedb_entry *op_replaced(const struct op_desc *desc, enum op_pass pass, const struct tunedb *db,
                                       const struct clr_device *device, int block);

/*
 * What a run keeps. op_chosen(): the text of a pass's variant, the operator's own choice named; false: there
 * is no choice. op_keep(): take that text again; false, and nothing changed, where this program has no such
 * variant.
 */
bool op_chosen(char *out, size_t size, const struct op_desc *desc, enum op_pass pass,
               const struct clr_device *device, int block);
bool op_keep(struct op_desc *desc, enum op_pass pass, const char *text, const struct clr_device *device,
             int block);

/* Were the operators' own choices measured, and found good, on devices like this one? Then tuning gains
 * little. */
bool op_defaults_measured(const struct clr_device *device, int block);

/* "tuned", "nearest", "kept", "second", "default"; "" for none. */
const char *op_origin_name(enum op_origin origin);
/* "forward", "data gradient", "weight gradient". */
const char *op_pass_name(enum op_pass pass);

#endif
