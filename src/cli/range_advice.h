/* What `range-test` says of a range test: the reading, what to train with, or how to repeat the test. */
#ifndef CLI_RANGE_ADVICE_H
#define CLI_RANGE_ADVICE_H

#include <jansson.h>

#include <clr/range.h>

#include "cli/run_options.h"

/* What the texts are made of. All borrowed. */
struct range_advice {
    const struct run_options *o;
    const struct opt_set *set;
    const struct clr_range_result *r;
    bool log; /* the sweep */
};

/* On stdout. The last line is the train command to go on with, or empty where there is none. */
int range_advice_print(const struct range_advice *a, struct clr_error *err);

/* Say about how long that command takes on this device, where the test trained so many images a second. */
void range_advice_tell_time(const struct range_advice *a, double images_per_s);

/* The same for --json; NULL: out of memory. */
json_t *range_advice_json(const struct range_advice *a);

#endif
