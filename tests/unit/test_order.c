/* The order of an epoch and the validation split: permutations, determinism, stratification. */
#include "support.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/order.h"

#define COUNT 1000

static void shuffled(int32_t *list, int count, uint64_t seed, uint32_t epoch)
{
    for (int i = 0; i < count; i++)
        list[i] = i;
    order_shuffle(list, count, seed, epoch);
}

START_TEST(test_order__a_shuffle_is_a_permutation)
{
    static const int counts[] = {0, 1, 2, 3, 17, COUNT};
    int32_t list[COUNT];

    for (size_t k = 0; k < MEM_COUNT(counts); k++) {
        bool seen[COUNT] = {false};
        shuffled(list, counts[k], 1, 0);
        for (int i = 0; i < counts[k]; i++) {
            ck_assert(list[i] >= 0 && list[i] < counts[k]);
            ck_assert(!seen[list[i]]);
            seen[list[i]] = true;
        }
    }
}
END_TEST

START_TEST(test_order__seed_and_epoch_decide_alone)
{
    int32_t a[COUNT], b[COUNT];

    shuffled(a, COUNT, 7, 3);
    shuffled(b, COUNT, 7, 3);
    ck_assert_mem_eq(a, b, sizeof a);
    shuffled(b, COUNT, 7, 4);
    ck_assert_mem_ne(a, b, sizeof a);
    shuffled(b, COUNT, 8, 3);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* As order.h defines it: from the end, swap place i with rng_below(seed, RNG_SHUFFLE, epoch, i, i + 1). */
START_TEST(test_order__is_the_documented_shuffle)
{
    int32_t got[10], want[10];

    shuffled(got, 10, 42, 5);
    for (int32_t i = 0; i < 10; i++)
        want[i] = i;
    for (uint32_t i = 9; i > 0; i--) {
        uint32_t j = rng_below(42, RNG_SHUFFLE, 5, i, i + 1);
        int32_t t = want[i];
        want[i] = want[j];
        want[j] = t;
    }
    ck_assert_mem_eq(got, want, sizeof got);
}
END_TEST

/* Each image comes first equally often: 3,000 epochs over 10 places, 300 ± 5 standard deviations (16.4). */
START_TEST(test_order__first_places_are_even)
{
    int first[10] = {0};
    int32_t list[10];

    for (uint32_t epoch = 0; epoch < 3000; epoch++) {
        shuffled(list, 10, 1, epoch);
        first[list[0]]++;
    }
    for (int i = 0; i < 10; i++)
        ck_assert_msg(first[i] > 218 && first[i] < 382, "image %d comes first %d times", i, first[i]);
}
END_TEST

/* ---- split ---- */

static int32_t labels[COUNT];

static struct clr_images images_with(int classes, int count)
{
    for (int i = 0; i < count; i++)
        labels[i] = i % classes;
    return (struct clr_images){.count = count, .labels = labels};
}

/* Ascending, and together every image once. */
static void expect_partition(const int32_t *train, int train_count, const int32_t *held_out, int held,
                             int count)
{
    bool seen[COUNT] = {false};

    ck_assert_int_eq(train_count, count - held);
    for (int i = 0; i < train_count; i++) {
        ck_assert(train[i] >= 0 && train[i] < count && !seen[train[i]]);
        ck_assert(i == 0 || train[i] > train[i - 1]);
        seen[train[i]] = true;
    }
    for (int i = 0; i < held; i++) {
        ck_assert(held_out[i] >= 0 && held_out[i] < count && !seen[held_out[i]]);
        ck_assert(i == 0 || held_out[i] > held_out[i - 1]);
        seen[held_out[i]] = true;
    }
}

START_TEST(test_order__split_is_disjoint_and_stratified)
{
    static const int sizes[] = {0, 1, 9, 10, 100, 255, 999};
    struct clr_images images = images_with(10, COUNT);
    int32_t *train, *held_out;
    int train_count;

    for (size_t k = 0; k < MEM_COUNT(sizes); k++) {
        int held = sizes[k], per_class[10] = {0};
        ck_assert_int_eq(order_split(&train, &train_count, &held_out, &images, 10, held, 1, NULL), 0);
        expect_partition(train, train_count, held_out, held, COUNT);
        for (int i = 0; i < held; i++)
            per_class[labels[held_out[i]]]++;
        for (int c = 0; c < 10; c++)
            ck_assert(per_class[c] == held / 10 || per_class[c] == held / 10 + 1);
        free(train);
        free(held_out);
    }
}
END_TEST

/* A thousand classes of one image each: any of them may be held out. */
START_TEST(test_order__there_may_be_many_classes)
{
    struct clr_images images = images_with(COUNT, COUNT);
    int32_t *train, *held_out;
    int train_count;

    ck_assert_int_eq(order_split(&train, &train_count, &held_out, &images, COUNT, 300, 1, NULL), 0);
    expect_partition(train, train_count, held_out, 300, COUNT);
    ck_assert_int_eq(order_split(&train, &train_count, &held_out, &images, COUNT - 1, 300, 1, NULL),
                     CLR_EUSAGE); /* the last label is outside */
    labels[5] = -1;
    ck_assert_int_eq(order_split(&train, &train_count, &held_out, &images, COUNT, 300, 1, NULL), CLR_EUSAGE);
    free(train);
    free(held_out);
}
END_TEST

/* Classes of 600, 300 and 100 images give 60, 30 and 10 of 100; and of 15: 9, 4.5 → 5 (first of two equal
 * remainders), 1.5 → 1. */
START_TEST(test_order__each_class_gives_its_share)
{
    static const int want[2][3] = {{60, 30, 10}, {9, 5, 1}};
    static const int sizes[2] = {100, 15};
    struct clr_images images = {.count = COUNT, .labels = labels};
    int32_t *train, *held_out;
    int train_count;

    for (int i = 0; i < COUNT; i++)
        labels[i] = i % 10 < 6 ? 0 : i % 10 < 9 ? 1 : 2;
    for (int k = 0; k < 2; k++) {
        int per_class[3] = {0};
        ck_assert_int_eq(order_split(&train, &train_count, &held_out, &images, 3, sizes[k], 1, NULL), 0);
        expect_partition(train, train_count, held_out, sizes[k], COUNT);
        for (int i = 0; i < sizes[k]; i++)
            per_class[labels[held_out[i]]]++;
        for (int c = 0; c < 3; c++)
            ck_assert_int_eq(per_class[c], want[k][c]);
        free(train);
        free(held_out);
    }
}
END_TEST

START_TEST(test_order__split_follows_the_seed)
{
    struct clr_images images = images_with(10, COUNT);
    int32_t *train[3], *held_out[3];
    int count;

    for (uint64_t k = 0; k < 3; k++)
        ck_assert_int_eq(order_split(&train[k], &count, &held_out[k], &images, 10, 100, k / 2, NULL), 0);
    ck_assert_mem_eq(held_out[0], held_out[1], 100 * sizeof(int32_t));
    ck_assert_mem_ne(held_out[0], held_out[2], 100 * sizeof(int32_t));
    for (int k = 0; k < 3; k++) {
        free(train[k]);
        free(held_out[k]);
    }
}
END_TEST

START_TEST(test_order__split_refuses_what_leaves_nothing)
{
    struct clr_images images = images_with(10, COUNT);
    struct clr_error err = {0};
    int32_t *train = NULL, *held_out = NULL;
    int count = -1;

    ck_assert_int_eq(order_split(&train, &count, &held_out, &images, 10, COUNT, 1, &err), CLR_EUSAGE);
    ck_assert_str_eq(err.message,
                     "`validation` 1000: it must be at least 0 and less than all 1,000 training images");
    ck_assert_int_eq(order_split(&train, &count, &held_out, &images, 10, -1, 1, &err), CLR_EUSAGE);
    ck_assert_int_eq(order_split(&train, &count, &held_out, &images, 9, 10, 1, &err), CLR_EUSAGE);
    ck_assert(train == NULL && held_out == NULL && count == -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *cases = tcase_create("order");

    tcase_add_test(cases, test_order__a_shuffle_is_a_permutation);
    tcase_add_test(cases, test_order__seed_and_epoch_decide_alone);
    tcase_add_test(cases, test_order__is_the_documented_shuffle);
    tcase_add_test(cases, test_order__first_places_are_even);
    tcase_add_test(cases, test_order__split_is_disjoint_and_stratified);
    tcase_add_test(cases, test_order__there_may_be_many_classes);
    tcase_add_test(cases, test_order__each_class_gives_its_share);
    tcase_add_test(cases, test_order__split_follows_the_seed);
    tcase_add_test(cases, test_order__split_refuses_what_leaves_nothing);
    suite_add_tcase(suite, cases);
    return support_run(suite, true);
}
