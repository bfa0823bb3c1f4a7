/* Ranking and choosing devices, on tables made up here: no OpenCL needed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <clr/device.h>
#include <clr/doctor.h>

#include "ocl/device.h"
#include "ops/op_impl.h"
#include "support.h"

static struct clr_device device(int p, int d, enum clr_device_type type, const char *name, int units, int mhz,
                                bool unified)
{
    struct clr_device v = {.platform_index = p, .device_index = d, .type = type, .usable = true};

    (void)snprintf(v.name, sizeof v.name, "%s", name);
    (void)snprintf(v.platform_name, sizeof v.platform_name, "Platform %c", 'A' + p);
    v.compute_units = units;
    v.clock_mhz = mhz;
    v.host_unified_memory = unified;
    v.score = device_score(&v);
    return v;
}

/* CPU, llvmpipe, integrated, discrete, second discrete, accelerator. */
static size_t make_table(struct clr_device t[6])
{
    t[0] = device(0, 0, CLR_DEVICE_CPU, "pthread-AMD EPYC", 64, 3000, true);
    t[1] = device(1, 0, CLR_DEVICE_CPU, "llvmpipe (LLVM 15)", 128, 5000, true);
    t[2] = device(2, 0, CLR_DEVICE_GPU, "Intel UHD 630", 24, 1100, true);
    t[3] = device(3, 0, CLR_DEVICE_GPU, "Quadro P4000", 14, 1480, false);
    t[4] = device(3, 1, CLR_DEVICE_GPU, "Quadro P4000 Max", 12, 1200, false);
    t[5] = device(4, 0, CLR_DEVICE_ACCELERATOR, "Stratix", 1, 300, false);
    return 6;
}

static void check_chooses(const char *wanted, size_t expected)
{
    struct clr_device t[6];
    struct clr_error err = {0};
    size_t n = make_table(t), chosen = 99;

    ck_assert_msg(clr_device_select(&chosen, t, n, wanted, &err) == 0, "'%s': %s", wanted ? wanted : "(null)",
                  err.message);
    ck_assert_uint_eq(chosen, expected);
}

/* Refused, with all of the `words` in the message and the out-parameter unchanged. */
static void check_refuses(const char *wanted, const char *const *words, const char *absent)
{
    struct clr_device t[6];
    struct clr_error err = {0};
    size_t n = make_table(t), chosen = 99;

    ck_assert_int_eq(clr_device_select(&chosen, t, n, wanted, &err), CLR_ENODEVICE);
    ck_assert_int_eq(err.code, CLR_ENODEVICE);
    ck_assert_uint_eq(chosen, 99);
    for (; *words; words++)
        ck_assert_msg(strstr(err.message, *words) != NULL, "'%s' lacks '%s'", err.message, *words);
    if (absent)
        ck_assert_msg(strstr(err.message, absent) == NULL, "'%s' has '%s'", err.message, absent);
}

START_TEST(test_device__score_ranks_the_classes)
{
    static const size_t order[] = {3, 4, 5, 2, 0, 1};
    struct clr_device t[6];

    (void)make_table(t);
    for (size_t i = 1; i < sizeof order / sizeof order[0]; i++)
        ck_assert_double_gt(t[order[i - 1]].score, t[order[i]].score);
}
END_TEST

START_TEST(test_device__score_survives_odd_drivers)
{
    struct clr_device silent = device(0, 0, CLR_DEVICE_GPU, "G", 0, 0, false);
    struct clr_device huge = device(0, 0, CLR_DEVICE_CPU, "C", 1000000000, 1000000000, true);
    struct clr_device other = device(0, 0, CLR_DEVICE_OTHER, "O", 4, 100, false);

    ck_assert_double_gt(silent.score, huge.score);
    ck_assert_double_gt(other.score, 0.0);
    silent.usable = false;
    ck_assert_double_eq(device_score(&silent), 0.0);
}
END_TEST

/* Mesa's llvmpipe ends loops: docs/numerics.md. */
START_TEST(test_device__loop_limit)
{
    struct clr_device t[6];

    (void)make_table(t);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        ck_assert_int_eq(device_loop_limit(&t[i]), i == 1 ? 65535 : INT_MAX);
    ck_assert_int_eq(op_loops(&t[0], 1e12, 40), 40);
    ck_assert_int_eq(op_loops(&t[1], 1e12, 40), 1);
    ck_assert_int_eq(op_loops(&t[1], 20000.0, 40), 2);
    ck_assert_int_eq(op_loops(&t[1], 20000.0, 1), 1);
    ck_assert_int_eq(op_loops(&t[1], 10.0, 40), 40);
}
END_TEST

START_TEST(test_device__version_of_opencl_c)
{
    ck_assert(device_version_ok("OpenCL C 1.2 PoCL", "OpenCL C "));
    ck_assert(device_version_ok("OpenCL C 3.0", "OpenCL C "));
    ck_assert(device_version_ok("OpenCL 1.10", "OpenCL "));
    ck_assert(!device_version_ok("OpenCL C 1.1", "OpenCL C "));
    ck_assert(!device_version_ok("OpenCL C 0.9", "OpenCL C "));
    ck_assert(!device_version_ok("OpenCL C 1", "OpenCL C "));
    ck_assert(!device_version_ok("OpenCL C ", "OpenCL C "));
    ck_assert(!device_version_ok("", "OpenCL C "));
    ck_assert(!device_version_ok("2.0", "OpenCL C "));
}
END_TEST

START_TEST(test_device__default_is_the_best)
{
    check_chooses(NULL, 3);
}
END_TEST

START_TEST(test_device__default_passes_over_the_unusable)
{
    struct clr_device t[6];
    size_t n = make_table(t), chosen = 99;

    t[3].usable = t[4].usable = t[5].usable = false;
    ck_assert_int_eq(clr_device_select(&chosen, t, n, NULL, NULL), 0);
    ck_assert_uint_eq(chosen, 2);
}
END_TEST

START_TEST(test_device__numbers)
{
    check_chooses("0:0", 0);
    check_chooses("3:1", 4);
    check_refuses("3:2", (const char *const[]){"'3:2'", "3:1 Quadro P4000 Max (GPU)", NULL}, NULL);
    check_refuses("-1:0", (const char *const[]){"'-1:0'", NULL}, NULL);
    check_refuses("0:", (const char *const[]){"'0:'", NULL}, NULL);
    check_refuses("0:0x", (const char *const[]){"'0:0x'", NULL}, NULL);
    check_refuses("99999999999999999999:0", (const char *const[]){"no device matches", NULL}, NULL);
}
END_TEST

START_TEST(test_device__classes)
{
    check_chooses("cpu", 0); /* not llvmpipe */
    check_chooses("CPU", 0);
    check_refuses("gpu", (const char *const[]){"ambiguous", "2:0 Intel UHD 630", "3:0", "3:1", NULL}, "EPYC");
}
END_TEST

START_TEST(test_device__software_renderer_is_a_cpu_where_alone)
{
    struct clr_device t[6];
    size_t chosen = 99;

    (void)make_table(t);
    ck_assert_int_eq(clr_device_select(&chosen, t + 1, 1, "cpu", NULL), 0);
    ck_assert_uint_eq(chosen, 0);
}
END_TEST

START_TEST(test_device__part_of_a_name)
{
    check_chooses("epyc", 0);
    check_chooses("uhd", 2);
    check_chooses("LLVM", 1);
    check_chooses("p4000 max", 4);
    check_chooses("quadro p4000", 3); /* a whole name beats a part of another */
    check_chooses("Platform C", 2);
    check_refuses("P4000",
                  (const char *const[]){"ambiguous", "3:0 Quadro P4000 (GPU)", "3:1", "as in 3:0", NULL},
                  "EPYC");
    check_refuses(
        "voodoo",
        (const char *const[]){"no device matches 'voodoo'", "0:0 pthread-AMD EPYC (CPU)", "4:0", NULL}, NULL);
}
END_TEST

START_TEST(test_device__unusable_says_why)
{
    struct clr_device t[6];
    struct clr_error err = {0};
    size_t n = make_table(t), chosen = 99;

    t[5].usable = false;
    (void)snprintf(t[5].why_not, sizeof t[5].why_not, "its driver has no compiler");
    ck_assert_int_eq(clr_device_select(&chosen, t, n, "stratix", &err), CLR_ENODEVICE);
    ck_assert_ptr_nonnull(strstr(err.message, "its driver has no compiler"));
    ck_assert_int_eq(clr_device_select(&chosen, t, n, "4:0", &err), CLR_ENODEVICE);
    ck_assert_ptr_nonnull(strstr(err.message, "its driver has no compiler"));
    ck_assert_int_eq(clr_device_select(&chosen, t + 5, 1, NULL, &err), CLR_ENODEVICE);
    ck_assert_ptr_nonnull(strstr(err.message, "its driver has no compiler"));
    ck_assert_uint_eq(chosen, 99);

    /* One of two GPUs cannot be used, so the name is not ambiguous. */
    t[2].usable = t[4].usable = false;
    ck_assert_int_eq(clr_device_select(&chosen, t, n, "gpu", &err), 0);
    ck_assert_uint_eq(chosen, 3);
}
END_TEST

START_TEST(test_device__none_says_what_to_do)
{
    struct clr_error err = {0};
    size_t chosen = 99;

    ck_assert_int_eq(clr_device_select(&chosen, NULL, 0, NULL, &err), CLR_ENODEVICE);
    ck_assert_ptr_nonnull(strstr(err.message, "PoCL"));
    ck_assert_int_eq(clr_device_select(&chosen, NULL, 0, "cpu", NULL), CLR_ENODEVICE);
}
END_TEST

static void report(void *user, const char *name, enum clr_doctor_verdict verdict, double worst_nmse,
                   const char *detail)
{
    (void)user, (void)name, (void)verdict, (void)worst_nmse, (void)detail;
}

START_TEST(test_doctor__what_is_missing_is_named)
{
    const struct clr_device device = {0};
    struct clr_doctor_listener listener = {.size = sizeof listener};
    struct clr_doctor_summary summary;
    struct clr_error err = {0};

    ck_assert_int_eq(clr_doctor(&device, NULL, &summary, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "clr_doctor_listener is NULL"));
    ck_assert_int_eq(clr_doctor(&device, &listener, &summary, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`report`"));
    listener.report = report;
    ck_assert_int_eq(clr_doctor(NULL, &listener, &summary, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`device`"));
    ck_assert_str_eq(clr_doctor_verdict_name((enum clr_doctor_verdict)99), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device");
    TCase *tcase = tcase_create("device");

    tcase_add_test(tcase, test_device__score_ranks_the_classes);
    tcase_add_test(tcase, test_device__score_survives_odd_drivers);
    tcase_add_test(tcase, test_device__loop_limit);
    tcase_add_test(tcase, test_device__version_of_opencl_c);
    tcase_add_test(tcase, test_device__default_is_the_best);
    tcase_add_test(tcase, test_device__default_passes_over_the_unusable);
    tcase_add_test(tcase, test_device__numbers);
    tcase_add_test(tcase, test_device__classes);
    tcase_add_test(tcase, test_device__software_renderer_is_a_cpu_where_alone);
    tcase_add_test(tcase, test_device__part_of_a_name);
    tcase_add_test(tcase, test_device__unusable_says_why);
    tcase_add_test(tcase, test_device__none_says_what_to_do);
    tcase_add_test(tcase, test_doctor__what_is_missing_is_named);
    suite_add_tcase(suite, tcase);
    return support_run(suite, true);
}
