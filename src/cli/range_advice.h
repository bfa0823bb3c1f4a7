/* What `range-test` prints: the bounds, the command to train with them, or how to repeat the test. */
#ifndef CLI_RANGE_ADVICE_H
#define CLI_RANGE_ADVICE_H

#include <jansson.h>

#include <clr/range.h>

#include "cli/run_options.h"

/* What the texts are written from. All borrowed. */
struct range_advice {
    const struct run_options *o;
    const struct clr_range_result *r;
    const char *name;    /* of several decays, that one's folder in --out; NULL: there is one test */
    bool chosen;         /* of several decays, the one with the highest curve */
    double images_per_s; /* that the test trained; 0: not known */
};

/* On stdout. The last line is the command to continue with, or empty if there is none. */
int range_advice_print(const struct range_advice *a, struct clr_error *err);

/* Where the loss of a test was first not finite. */
void range_advice_divergence(struct str *s, const struct clr_range_result *r);

/* All of this for --json; NULL: out of memory. */
json_t *range_advice_json(const struct range_advice *a);

#endif
