/* Memory plans: requests that live at the same time do not overlap, others share memory, limits hold. No
 * device. */
#include "support.h"

#include "base/rng.h"
#include "ocl/arena.h"

static struct clr_device device(size_t largest)
{
    struct clr_device d = {.max_allocation = largest, .address_align_bytes = 128};

    return d;
}

START_TEST(test_arena__lifetimes_that_do_not_meet_share)
{
    const struct clr_device d = device(1 << 20);
    struct arena *a;
    int id;

    ck_assert_int_eq(arena_create(&a, &d, NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 1000, 0, 1, "a", NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 900, 2, 3, "b", NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 800, 4, 9, "c", NULL), 0);
    ck_assert_int_eq(arena_plan(a, NULL), 0);
    ck_assert_uint_eq(arena_bytes(a), 1024); /* 1,000 rounded up to 128 */
    arena_destroy(a);
}
END_TEST

START_TEST(test_arena__lifetimes_that_touch_do_not_share)
{
    const struct clr_device d = device(1 << 20);
    struct arena *a;
    int id;

    ck_assert_int_eq(arena_create(&a, &d, NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 1024, 0, 2, "a", NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 1024, 2, 3, "b", NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 128, 0, ARENA_ALWAYS, "c", NULL), 0);
    ck_assert_int_eq(arena_plan(a, NULL), 0);
    ck_assert_uint_eq(arena_bytes(a), 2176);
    arena_destroy(a);
}
END_TEST

START_TEST(test_arena__slabs_stay_below_the_largest_buffer)
{
    const struct clr_device d = device(2048);
    struct clr_error err;
    struct arena *a;
    int id;

    ck_assert_int_eq(arena_create(&a, &d, NULL), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(arena_request(a, &id, 1024, 0, ARENA_ALWAYS, "a", NULL), 0);
    ck_assert_int_eq(arena_request(a, &id, 2049, 0, 1, "much", &err), CLR_EDEVMEM);
    ck_assert_ptr_nonnull(strstr(err.message, "much"));
    ck_assert_int_eq(arena_request(a, &id, SIZE_MAX, 0, 1, "more", &err), CLR_EDEVMEM);
    ck_assert_int_eq(arena_plan(a, NULL), 0);
    ck_assert_uint_eq(arena_bytes(a), 5120);
    arena_destroy(a);
}
END_TEST

/* The largest sum of requests that live at one step is a lower bound, the sum of all an upper one. */
START_TEST(test_arena__random_plans_lie_between_the_bounds)
{
    const struct clr_device d = device((size_t)1 << 40);

    for (uint32_t round = 0; round < 50; round++) {
        size_t sizes[40], total = 0, needed = 0;
        int first[40], last[40], id;
        struct arena *a;
        ck_assert_int_eq(arena_create(&a, &d, NULL), 0);
        for (uint32_t i = 0; i < 40; i++) {
            sizes[i] = 128 * (1 + (size_t)rng_below(round, RNG_TEST, i, 0, 100));
            first[i] = (int)rng_below(round, RNG_TEST, i, 1, 20);
            last[i] = first[i] + (int)rng_below(round, RNG_TEST, i, 2, 10);
            total += sizes[i];
            ck_assert_int_eq(arena_request(a, &id, sizes[i], first[i], last[i], "x", NULL), 0);
        }
        for (int step = 0; step < 30; step++) {
            size_t alive = 0;
            for (int i = 0; i < 40; i++)
                alive += first[i] <= step && step <= last[i] ? sizes[i] : 0;
            needed = alive > needed ? alive : needed;
        }
        ck_assert_int_eq(arena_plan(a, NULL), 0);
        ck_assert_uint_ge(arena_bytes(a), needed);
        ck_assert_uint_lt(arena_bytes(a), total);
        arena_destroy(a);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("arena");
    TCase *tc = tcase_create("arena");

    tcase_add_test(tc, test_arena__lifetimes_that_do_not_meet_share);
    tcase_add_test(tc, test_arena__lifetimes_that_touch_do_not_share);
    tcase_add_test(tc, test_arena__slabs_stay_below_the_largest_buffer);
    tcase_add_test(tc, test_arena__random_plans_lie_between_the_bounds);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
