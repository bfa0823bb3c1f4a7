/* range.json: what was read off one range test, or several. */
#ifndef TRAIN_RANGE_READING_H
#define TRAIN_RANGE_READING_H

#include <jansson.h>

#include <clr/train.h>

/* untrained: accuracy before the first update; classes, images: of the evaluations. NULL: out of memory. */
json_t *range_json(const struct clr_range_result *r, double untrained, int classes, int images);

#endif
