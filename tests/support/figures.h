/* Inputs of figures, and comparison with reference images, for the tests that draw. */
#ifndef SUPPORT_FIGURES_H
#define SUPPORT_FIGURES_H

#include <stddef.h>

#include "base/str.h"

#define FIGURES_HISTORY "iteration,trn_loss,lr,val_loss,val_acc\n"

struct figures_point {
    int iteration;
    double accuracy; /* % */
};

void figures_write(const char *folder, const char *name, const char *text);

/* folder/name, until the process ends. */
char *figures_join(const char *folder, const char *name);

/* A run folder: history, its accuracies shifted, and, with settings (members of a JSON object), a run.json.
 */
char *figures_run(const char *base, const char *name, const struct figures_point *points, size_t count,
                  double shift, const char *settings);

/*
 * Compare a PNG with the reference image of that name in tests/golden: how many pixels of either differ
 * clearly from the other, by more than 64 of 255 in a channel from every pixel in the 3 × 3 around the same
 * place, so that an edge half a pixel away does not count. Clears it.
 */
int figures_compare(struct str *png, const char *name);

#endif
