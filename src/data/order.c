/*
 * The order of images: see order.h.
 */
#include "data/order.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

/* Fisher–Yates from the end, keyed by (seed, purpose, iteration, place). */
static void permute(int32_t *list, int count, uint64_t seed, enum rng_purpose purpose, uint32_t iteration)
{
    for (int i = count - 1; i > 0; i--) {
        uint32_t j = rng_below(seed, purpose, iteration, (uint64_t)i, (uint32_t)i + 1);
        int32_t swap = list[i];
        list[i] = list[j];
        list[j] = swap;
    }
}

void order_shuffle(int32_t *list, int count, uint64_t seed, uint32_t epoch)
{
    permute(list, count, seed, RNG_SHUFFLE, epoch);
}

/*
 * How many of each class: its share held·n_c/N rounded down, and one more for the classes with the largest
 * remainders (of equal ones the first) until the sum is `held`.
 */
static void share_out(int64_t *quota, int64_t *remainders, const int64_t *counts, int classes, int64_t total,
                      int64_t held)
{
    int64_t left = held;

    for (int c = 0; c < classes; c++) {
        quota[c] = held * counts[c] / total;
        remainders[c] = held * counts[c] % total;
        left -= quota[c];
    }
    for (; left > 0; left--) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
            if (remainders[c] > remainders[best])
                best = c;
        }
        quota[best]++;
        remainders[best] = -1;
    }
}

/* Mark the images that are held out: of each class the first ones after a shuffle of its own. */
static void mark(uint8_t *marked, int32_t *scratch, const struct clr_images *images, const int64_t *quota,
                 int classes, uint64_t seed)
{
    for (int c = 0; c < classes; c++) {
        int n = 0;
        if (quota[c] == 0)
            continue;
        for (int i = 0; i < images->count; i++) {
            if (images->labels[i] == c)
                scratch[n++] = i;
        }
        permute(scratch, n, seed, RNG_SPLIT, (uint32_t)c);
        for (int64_t k = 0; k < quota[c]; k++)
            marked[scratch[k]] = 1;
    }
}

int order_split(int32_t **train, int *train_count, int32_t **held_out, const struct clr_images *images,
                int classes, int held, uint64_t seed, struct clr_error *err)
{
    int64_t *counts = NULL, *quota, *remainders; /* of each class: one allocation */
    int32_t *kept = NULL, *out_list = NULL;
    uint8_t *marked = NULL;
    char all[STR_COUNT];
    int rc, k = 0, h = 0;

    if (held < 0 || held >= images->count)
        return clr_error_set(err, CLR_EUSAGE, "`validation` %d: it must be at least 0 and less than all %s",
                             held, str_count(all, (uint64_t)images->count, "training image"));
    rc = mem_new(&counts, 3 * (size_t)classes, sizeof *counts, "counts of classes", err);
    if (rc < 0)
        return rc;
    quota = counts + classes;
    remainders = quota + classes;
    for (int i = 0; i < images->count && rc == 0; i++) {
        if (images->labels[i] < 0 || images->labels[i] >= classes)
            rc = clr_error_set(err, CLR_EUSAGE, "image %d has label %d, but there are %d classes", i,
                               images->labels[i], classes);
        else
            counts[images->labels[i]]++;
    }
    if (rc == 0)
        rc = mem_new(&kept, (size_t)images->count, sizeof *kept, "list of training images", err);
    if (rc == 0)
        rc = mem_new(&out_list, (size_t)held, sizeof *out_list, "list of validation images", err);
    if (rc == 0)
        rc = mem_new(&marked, (size_t)images->count, 1, "marks of validation images", err);
    if (rc < 0)
        goto out;
    share_out(quota, remainders, counts, classes, images->count, held);
    mark(marked, kept, images, quota, classes, seed);
    for (int i = 0; i < images->count; i++) {
        if (marked[i])
            out_list[h++] = i;
        else
            kept[k++] = i;
    }
    *train = kept;
    *train_count = k;
    *held_out = out_list;
    kept = out_list = NULL;
out:
    free(counts);
    free(marked);
    free(out_list);
    free(kept);
    return rc;
}
