/*
 * Tuning records and operators: the key under which a pass of an operator is recorded, and what an operator
 * takes from the records. It takes the first of: the variant recorded for this shape on this device; for the
 * nearest shape on this device; the first of the operator's own choices that is not recorded as failed here.
 *
 * A record counts only where op_candidates() still offers its variant for this shape.
 */
#ifndef OPS_TUNED_H
#define OPS_TUNED_H

#include "ocl/tunedb.h"
#include "ops/op.h"

enum op_origin {
    OP_ORIGIN_NONE,    /* there is no such pass, or only one variant */
    OP_ORIGIN_DEFAULT, /* the operator chooses */
    OP_ORIGIN_TUNED,   /* measured on this device, for this shape */
    OP_ORIGIN_NEAREST, /* measured on this device, for a similar shape */
    OP_ORIGIN_KEPT,    /* what a resumed run was started with */
    OP_ORIGIN_SECOND,  /* the operator's next choice: the first one is recorded as failed here */
};

/* The most variants of a pass that are compared. */
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
 * After op_tuned(): the record of the failure on this device that keeps the pass from its first choice of a
 * variant, borrowed until the next store; NULL: there is none.
 */
const struct tunedb_entry *op_replaced(const struct op_desc *desc, enum op_pass pass, const struct tunedb *db,
                                       const struct clr_device *device, int block);

/* The characters of a variant's text that name its algorithm: 6 of "direct 5x2". */
size_t op_algorithm_length(const char *variant);
/* Are two variants of one algorithm, whatever its numbers? */
bool op_same_algorithm(const char *variant, const char *other);

/*
 * What a run saves. op_chosen(): the text of a pass's variant; false: the pass has only one. op_keep(): use
 * the variant of that text; false, and nothing is changed: this program has no such variant.
 */
bool op_chosen(char *out, size_t size, const struct op_desc *desc, enum op_pass pass,
               const struct clr_device *device, int block);
bool op_keep(struct op_desc *desc, enum op_pass pass, const char *text, const struct clr_device *device,
             int block);

/* Were the operators' own choices measured on devices like this one? Then tuning gains little. */
bool op_defaults_measured(const struct clr_device *device, int block);

/* "tuned", "nearest", "kept", "second", "default"; "" for none. */
const char *op_origin_name(enum op_origin origin);
/* "forward", "data gradient", "weight gradient". */
const char *op_pass_name(enum op_pass pass);

#endif
