/*
 * Which image comes when: the order of an epoch, and the stratified validation split. Counter-based random
 * numbers (base/rng.h), so any epoch can be worked out alone.
 */
#ifndef DATA_ORDER_H
#define DATA_ORDER_H

#include <stdint.h>

#include <clr/dataset.h>

/*
 * Permute list[0 … count) for one epoch: Fisher–Yates from the end, swap place i with
 * rng_below(seed, RNG_SHUFFLE, epoch, i, i + 1). The caller passes the list in its base order every time.
 */
void order_shuffle(int32_t *list, int count, uint64_t seed, uint32_t epoch);

/*
 * Hold `held` of the training images out, stratified: each class gives its share held·n_c/N, rounded so that
 * the sum is `held` (largest remainders first). With classes of equal size they differ by at most one.
 *
 * @param train     out, new array of the image numbers that remain, ascending; free with free()
 * @param held_out  out, new array of `held` numbers, ascending
 * @return 0; CLR_EUSAGE: held < 0 or none would remain
 */
int order_split(int32_t **train, int *train_count, int32_t **held_out, const struct clr_images *images,
                int classes, int held, uint64_t seed, struct clr_error *err);

#endif
