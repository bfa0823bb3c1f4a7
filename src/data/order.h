/*
 * The order of the images of an epoch, and the stratified validation split. Random numbers are counter-based
 * (base/rng.h), so that the order of any epoch can be computed by itself.
 */
#ifndef DATA_ORDER_H
#define DATA_ORDER_H

#include <stdint.h>

#include <clr/dataset.h>

/*
 * Permute list[0 … count) for one epoch: Fisher–Yates from the end, swap place i with
 * rng_below(seed, RNG_SHUFFLE, epoch, i, i + 1). The list must be in its base order at each call.
 */
void order_shuffle(int32_t *list, int count, uint64_t seed, uint32_t epoch);

/*
 * Hold out `held` of the training images, stratified: of each class its share held·n_c/N, rounded so that
 * the sum is `held` (largest remainders first). With classes of equal size, these numbers differ by at most
 * one.
 *
 * @param train     out, new array of the image numbers that remain, ascending; free with free()
 * @param held_out  out, new array of `held` numbers, ascending
 * @return 0; CLR_EUSAGE: held < 0 or none would remain
 */
int order_split(int32_t **train, int *train_count, int32_t **held_out, const struct clr_images *images,
                int classes, int held, uint64_t seed, struct clr_error *err);

#endif
