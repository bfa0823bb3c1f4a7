/*
 * Learning-rate policies against tables calculated by hand from the formulas in clr/schedule.h: t updates
 * done, step s, c = floor(1 + t/2s), x = |t/s − 2c + 1|, u = max(0, 1 − x). Every number is a literal; the
 * arithmetic stands beside it. Against PyTorch's schedulers: tests/cli/cases_schedule.py.
 */
#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/schedule.h>

#include "base/fs.h"

#define TOLERANCE 1e-12 /* relative; required: 1e-7 */

struct point {
    uint64_t t;
    double lr;
};

static void expect_close(const char *what, uint64_t t, double got, double want)
{
    bool close = want == 0.0 ? got == 0.0 : fabs(got - want) <= TOLERANCE * fabs(want);

    ck_assert_msg(close, "%s at t = %" PRIu64 ": %.17g, expected %.17g", what, t, got, want);
}

static void expect_table(const struct clr_schedule *s, const struct point *table, size_t n)
{
    struct clr_error err = {0};

    ck_assert_msg(clr_schedule_check(s, &err) == 0, "%s", err.message);
    ck_assert_uint_ge(n, 8);
    for (size_t i = 0; i < n; i++)
        expect_close(clr_schedule_policy_name(s->policy), table[i].t, clr_schedule_lr(s, table[i].t),
                     table[i].lr);
}

/* The published triangular run: 0.0025 … 0.01, s = 2000. */
static struct clr_schedule cyclic(enum clr_policy policy)
{
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = policy;
    s.min_lr = 0.0025;
    s.max_lr = 0.01;
    s.step_size = 2000;
    return s;
}

/* ---- tables ---- */

START_TEST(test_schedule__fixed)
{
    const struct point table[] = {{0, 0.001},     {1, 0.001},        {999, 0.001},
                                  {1000, 0.001},  {4000, 0.001},     {60000, 0.001},
                                  {70000, 0.001}, {10000000, 0.001}, {UINT64_MAX, 0.001}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.lr = 0.001;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

/* The published fixed run: 1e-3 to 60k, 1e-4 to 65k, 1e-5 to 70k. A milestone counts from t = m. */
START_TEST(test_schedule__multistep)
{
    const struct point table[] = {
        {0, 0.001},                                           /* none passed */
        {59999, 0.001},                                       /* one update before the first */
        {60000, 0.0001},                                      /* m = t counts: 0.001·0.1 */
        {60001, 0.0001},   {64999, 0.0001}, {65000, 0.00001}, /* 0.001·0.1² */
        {69999, 0.00001},                                     /* the last update of the run */
        {10000000, 1e-05},                                    /* no third milestone */
    };
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_MULTISTEP;
    s.lr = 0.001;
    s.gamma = 0.1;
    s.milestones[0] = 60000;
    s.milestones[1] = 65000;
    s.milestone_count = 2;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

START_TEST(test_schedule__triangular)
{
    const struct point table[] = {
        {0, 0.0025},          /* c = 1, x = |0 − 2 + 1| = 1, u = 0 */
        {1, 0.00250375},      /* u = 1/2000: 0.0025 + 0.0075/2000 */
        {500, 0.004375},      /* u = 1/4: 0.0025 + 0.001875 */
        {1000, 0.00625},      /* u = 1/2: 0.0025 + 0.00375 */
        {1999, 0.00999625},   /* u = 1999/2000: 0.01 − 0.00000375 */
        {2000, 0.01},         /* x = |1 − 2 + 1| = 0, u = 1 */
        {2001, 0.00999625},   /* the falling half mirrors the rising one */
        {3000, 0.00625},      /* x = |1.5 − 1| = 0.5 */
        {3999, 0.00250375},   /* u = 1/2000 */
        {4000, 0.0025},       /* c = 2, x = |2 − 4 + 1| = 1 */
        {6000, 0.01},         /* c = 2, x = |3 − 4 + 1| = 0 */
        {7500, 0.004375},     /* c = 2, x = |3.75 − 3| = 0.75, u = 1/4 */
        {9998000, 0.01},      /* 9998000 = 2499·4000 + 2000: u = 1 */
        {10000000, 0.0025},   /* 2500 whole cycles */
        {10000500, 0.004375}, /* u = 1/4 in cycle 2501 */
    };
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);

    expect_table(&s, table, MEM_COUNT(table));
    /* Vertices are exact to the bit, however late. */
    for (uint64_t k = 0; k < 5000; k++) {
        ck_assert(clr_schedule_lr(&s, 4000 * k) == 0.0025);
        ck_assert(clr_schedule_lr(&s, 4000 * k + 2000) == 0.01);
    }
}
END_TEST

START_TEST(test_schedule__triangular2)
{
    const struct point table[] = {
        {0, 0.0025},         {1000, 0.00625},                    /* first cycle as triangular */
        {2000, 0.01},        {4000, 0.0025},  {5000, 0.004375},  /* c = 2, u = 1/2: 0.0025 + 0.00375/2 */
        {6000, 0.00625},                                         /* c = 2, u = 1: 0.0025 + 0.0075/2 */
        {7000, 0.004375},    {8000, 0.0025},  {10000, 0.004375}, /* c = 3: 0.0025 + 0.0075/4 */
        {11000, 0.0034375},                                      /* c = 3, u = 1/2: 0.0025 + 0.0009375 */
        {14000, 0.0034375},                                      /* c = 4: 0.0025 + 0.0075/8 */
        {18000, 0.00296875},                                     /* c = 5: 0.0025 + 0.0075/16 */
        {10002000, 0.0025},                                      /* c = 2501: 0.0075/2^2500 is nothing */
    };
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR2);

    expect_table(&s, table, MEM_COUNT(table));
    ck_assert(clr_schedule_lr(&s, 2000) == 0.01);
    ck_assert(isfinite(clr_schedule_lr(&s, UINT64_MAX)));
}
END_TEST

/* With γ = 0.5, min 0.1, max 0.5, s = 2, so that powers are exact: γ^t = 1, ½, ¼, … */
START_TEST(test_schedule__exp_range_on_both_bounds)
{
    const struct point table[] = {
        {0, 0.1},            /* 1·(0.1 + 0.4·0) */
        {1, 0.15},           /* ½·(0.1 + 0.4·½) = ½·0.3 */
        {2, 0.125},          /* ¼·0.5 */
        {3, 0.0375},         /* ⅛·0.3 */
        {4, 0.00625},        /* 1/16·0.1 */
        {5, 0.009375},       /* 1/32·0.3 */
        {6, 0.0078125},      /* 1/64·0.5 */
        {7, 0.00234375},     /* 1/128·0.3 */
        {10, 0.00048828125}, /* 10 = 2·4 + 2: u = 1, 0.5/1024 */
        {3000, 0.0},         /* 0.5^3000 is below every double: 0, not NaN */
    };
    struct clr_schedule s = cyclic(CLR_POLICY_EXP_RANGE);

    s.min_lr = 0.1;
    s.max_lr = 0.5;
    s.step_size = 2;
    s.gamma = 0.5;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

START_TEST(test_schedule__decay)
{
    const struct point table[] = {
        {0, 0.01},                          /* starts at max */
        {1, 0.00999625},                    /* 0.01 − 0.0075/2000 */
        {500, 0.008125},                    /* 0.01 − 0.0075/4 */
        {1000, 0.00625},                    /* half way */
        {1500, 0.004375},                   /* 0.01 − 0.0075·3/4 */
        {1999, 0.00250375}, {2000, 0.0025}, /* t = s: min */
        {2001, 0.0025},                     /* and stays there */
        {10000000, 0.0025},
    };
    struct clr_schedule s = cyclic(CLR_POLICY_DECAY);

    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

START_TEST(test_schedule__inv)
{
    const struct point table[] = {
        {0, 0.8},    {6, 0.4},      {30, 0.2},      {126, 0.1}, /* 0.8/√(1 + 0.5t) */
        {510, 0.05}, {2046, 0.025}, {8190, 0.0125}, {32766, 0.00625}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_INV;
    s.lr = 0.8;
    s.gamma = 0.5;
    s.power = 0.5;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

START_TEST(test_schedule__poly)
{
    const struct point table[] = {
        {0, 0.8},   {100, 0.2},   {150, 0.05},  {175, 0.0125}, /* 0.8·(1 − t/200)² */
        {50, 0.45}, {190, 0.002}, {199, 2e-05}, {200, 0.0},    {201, 0.0}, {UINT64_MAX, 0.0}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_POLY;
    s.lr = 0.8;
    s.power = 2.0;
    s.iterations = 200;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

/* 0.8/(1 + exp(−γ(t − 500))): with γ = −ln 3 it is 0.8/(1 + 3^(t − 500)). */
START_TEST(test_schedule__sigmoid)
{
    const struct point table[] = {{500, 0.4},  /* 0.8/2 */
                                  {501, 0.2},  /* 0.8/4 */
                                  {502, 0.08}, /* 0.8/10 */
                                  {499, 0.6},  /* 0.8·3/4 */
                                  {498, 0.72}, /* 0.8·9/10 */
                                  {0, 0.8},    {100, 0.8}, {UINT64_MAX, 0.0}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_SIGMOID;
    s.lr = 0.8;
    s.gamma = -1.0986122886681098; /* −ln 3 */
    s.step_size = 500;
    expect_table(&s, table, MEM_COUNT(table));
}
END_TEST

static void expect_refused(const struct clr_schedule *s, const char *message)
{
    struct clr_error err = {0};

    ck_assert_int_eq(clr_schedule_check(s, &err), CLR_EUSAGE);
    ck_assert_msg(strstr(err.message, message) != NULL, "'%s' instead of '%s'", err.message, message);
}

/* Up in updates 0 … 0.3·20 − 1 = 5, down to 19: in halves and quarters of a cosine, 13 halfway. */
START_TEST(test_schedule__1cycle)
{
    const struct point cosine[] = {{0, 0.04},   {5, 1.0},    {12, 0.502},  {19, 0.004},
                                   {20, 0.004}, {21, 0.004}, {100, 0.004}, {UINT64_MAX, 0.004}};
    const struct point linear[] = {{0, 0.04}, {1, 0.232},  {2, 0.424},  {4, 0.808},
                                   {5, 1.0},  {12, 0.502}, {19, 0.004}, {50, 0.004}};
    const struct point three[] = {{0, 0.04},  {1, 0.232},  {5, 1.0},    {9, 0.232},
                                  {10, 0.04}, {13, 0.028}, {16, 0.016}, {19, 0.004}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_1CYCLE;
    s.max_lr = 1.0;
    s.final_div_factor = 10.0;
    s.iterations = 20;
    expect_table(&s, cosine, MEM_COUNT(cosine));
    s.anneal = CLR_ANNEAL_LINEAR;
    expect_table(&s, linear, MEM_COUNT(linear));
    s.three_phase = true;
    expect_table(&s, three, MEM_COUNT(three));
    s.cycle_momentum_low = 0.8;
    s.cycle_momentum_high = 0.9;
    expect_close("momentum", 5, clr_schedule_momentum(&s, 5), 0.8);
    expect_close("momentum", 12, clr_schedule_momentum(&s, 12), 0.9);
    s.three_phase = false;
    expect_close("momentum", 12, clr_schedule_momentum(&s, 12), 0.85);
    ck_assert_uint_eq(clr_schedule_cycle_end(&s, 0), UINT64_MAX);
}
END_TEST

/* Periods of 10, 30, 90 updates. */
START_TEST(test_schedule__sgdr)
{
    const struct point table[] = {{0, 1.0},    {5, 0.51}, {10, 1.0},  {20, 0.755}, {25, 0.51},
                                  {30, 0.265}, {40, 1.0}, {85, 0.51}, {130, 1.0}};
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_SGDR;
    s.min_lr = 0.02;
    s.max_lr = 1.0;
    s.step_size = 10;
    s.t_mult = 3;
    expect_table(&s, table, MEM_COUNT(table));
    ck_assert_uint_eq(clr_schedule_cycle_end(&s, 39), 40);
    ck_assert_uint_eq(clr_schedule_cycle_end(&s, 40), 130);
    ck_assert_uint_eq(clr_schedule_cycles(&s, 3), 130);
    ck_assert_uint_eq(clr_schedule_cycles(&s, UINT64_MAX), UINT64_MAX);
    ck_assert(isfinite(clr_schedule_lr(&s, UINT64_MAX)));
    s.t_mult = UINT64_MAX; /* its second period never ends */
    ck_assert_uint_eq(clr_schedule_cycle_end(&s, 9), 10);
    ck_assert_uint_eq(clr_schedule_cycle_end(&s, 10), UINT64_MAX);
    s.t_mult = 1;
    ck_assert_uint_eq(clr_schedule_cycles(&s, 7), 70);
    ck_assert(clr_schedule_lr(&s, UINT64_MAX - 5) == 1.0); /* 2⁶⁴ − 6 = 10·k */
    s.min_lr = 0.0;
    ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
    s.t_mult = 0;
    expect_refused(&s, "`t_mult` is 0");
}
END_TEST

/* Rate and momentum of updates in a published log of Smith's Caffe, to six digits: 50 epochs of a wide net on
 * CIFAR-10, base_lr 0.1, max_lr 1, stepsize 2246, cyclical_momentum 0.85 and 2246. */
START_TEST(test_schedule__smith_s_1cycle)
{
    static const struct {
        uint64_t t;
        double lr, momentum;
    } log[] = {{0, 0.1, 0.95},
               {200, 0.180142, 0.941095},
               {2200, 0.981567, 0.852048},
               {2400, 0.931434, 0.856857},
               {4200, 0.130009, 0.936999},
               {4400, 0.0409617, 0.945904},
               {4600, 0.0001, 0.947596},
               {4800, 0.0001, 0.943143}};
    struct clr_schedule s = cyclic(CLR_POLICY_1CYCLE_SMITH);

    s.min_lr = 0.1;
    s.max_lr = 1.0;
    s.step_size = 2246;
    s.cycle_momentum_low = 0.85;
    s.cycle_momentum_high = 0.95;
    for (int own = 0; own < 2; own++) {
        s.cycle_momentum_step = own ? 2246 : 0;
        ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
        for (size_t i = 0; i < MEM_COUNT(log); i++) {
            ck_assert_double_eq_tol(clr_schedule_lr(&s, log[i].t), log[i].lr, 5e-7);
            ck_assert_double_eq_tol(clr_schedule_momentum(&s, log[i].t), log[i].momentum, 5e-7);
        }
    }
    ck_assert(clr_schedule_lr(&s, 2246) == 1.0 && clr_schedule_lr(&s, UINT64_MAX) == 0.0001);
    ck_assert(clr_schedule_lr(&s, 4491) > 0.0004 && clr_schedule_lr(&s, 4492) == 0.0001);
    s.policy = CLR_POLICY_FIXED; /* the momentum's own cycle: any policy will do */
    s.lr = 0.1;
    s.cycle_momentum_step = 100;
    ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
    ck_assert_double_eq_tol(clr_schedule_momentum(&s, 100), 0.85, 1e-15);
    ck_assert_double_eq_tol(clr_schedule_momentum(&s, 300), 0.9, 1e-15);
    s.cycle_momentum_low = s.cycle_momentum_high = NAN;
    expect_refused(&s, "`cycle_momentum_low` is missing");
}
END_TEST

/* Half a cycle from 0 up is a range test: the first update changes nothing. */
START_TEST(test_schedule__cycles_may_begin_at_0)
{
    const struct point table[] = {{0, 0.0},   {1, 0.00025}, {2, 0.0005}, {3, 0.00075},
                                  {4, 0.001}, {7, 0.00025}, {8, 0.0},    {9, 0.00025}};
    static const enum clr_policy others[] = {CLR_POLICY_TRIANGULAR2, CLR_POLICY_EXP_RANGE};
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);

    s.min_lr = 0.0;
    s.max_lr = 0.001;
    s.step_size = 4;
    expect_table(&s, table, MEM_COUNT(table));
    s.gamma = 0.9;
    for (size_t i = 0; i < MEM_COUNT(others); i++) {
        s.policy = others[i];
        ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
        ck_assert(clr_schedule_lr(&s, 0) == 0.0 && clr_schedule_lr(&s, 8) == 0.0);
    }
    s.policy = CLR_POLICY_DECAY;
    expect_refused(&s, "`min_lr` is 0");
}
END_TEST

/* 0.001 … 0.009 in 5 updates: four steps of 0.002, then it stays. */
START_TEST(test_schedule__linear_sweep)
{
    const struct point table[] = {{0, 0.001}, {1, 0.003}, {2, 0.005}, {3, 0.007},
                                  {4, 0.009}, {5, 0.009}, {6, 0.009}, {10000000, 0.009}};
    struct clr_schedule s = cyclic(CLR_POLICY_SWEEP_LINEAR);

    s.min_lr = 0.001;
    s.max_lr = 0.009;
    s.step_size = 5;
    expect_table(&s, table, MEM_COUNT(table));
    s.step_size = 1; /* a sweep of one update does not divide by zero */
    ck_assert(clr_schedule_lr(&s, 0) == 0.001);
}
END_TEST

/* 1e-4 … 1 in 9 updates: eight factors of √10 = 3.1622776601683795. */
START_TEST(test_schedule__log_sweep)
{
    const struct point table[] = {{0, 1e-4}, {1, 3.1622776601683795e-4},
                                  {2, 1e-3}, {3, 3.1622776601683795e-3},
                                  {4, 1e-2}, {5, 3.1622776601683795e-2},
                                  {6, 1e-1}, {7, 3.1622776601683795e-1},
                                  {8, 1.0},  {9, 1.0}};
    struct clr_schedule s = cyclic(CLR_POLICY_SWEEP_LOG);

    s.min_lr = 1e-4;
    s.max_lr = 1.0;
    s.step_size = 9;
    expect_table(&s, table, MEM_COUNT(table));
    ck_assert(clr_schedule_lr(&s, 8) == 1.0);
}
END_TEST

/* ---- momentum, cycles ---- */

START_TEST(test_schedule__momentum_moves_against_the_rate)
{
    /* high − (high − low)·u with 0.85:0.95; under triangular2 half as deep in the second cycle, and so on */
    const struct point table[] = {{0, 0.95},     {500, 0.925}, {1000, 0.9}, {2000, 0.85},   {3000, 0.9},
                                  {3500, 0.925}, {4000, 0.95}, {6000, 0.9}, {10000, 0.925}, {9998000, 0.95}};
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR2);

    ck_assert(clr_schedule_momentum(&s, 0) == 0.9);
    ck_assert(clr_schedule_momentum(&s, 2000) == 0.9);
    s.cycle_momentum_low = 0.85;
    s.cycle_momentum_high = 0.95;
    ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(table); i++)
        expect_close("momentum", table[i].t, clr_schedule_momentum(&s, table[i].t), table[i].lr);
}
END_TEST

START_TEST(test_schedule__a_run_should_end_at_the_end_of_a_cycle)
{
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);

    ck_assert(!clr_schedule_ends_in_cycle(&s, 4000));
    ck_assert(!clr_schedule_ends_in_cycle(&s, 20000));
    ck_assert(clr_schedule_ends_in_cycle(&s, 2000));
    ck_assert(clr_schedule_ends_in_cycle(&s, 4001));
    s.policy = CLR_POLICY_DECAY;
    ck_assert(!clr_schedule_ends_in_cycle(&s, 4001));
}
END_TEST

/* ---- names and checks ---- */

START_TEST(test_schedule__names)
{
    static const char *const names[] = {"fixed",   "multistep", "triangular", "triangular2", "exp_range",
                                        "decay",   "exp",       "step",       "inv",         "poly",
                                        "sigmoid", "1cycle",    "sgdr",       "1cycle_smith"};
    struct clr_error err = {0};
    enum clr_policy policy = CLR_POLICY_DECAY;

    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        ck_assert_int_eq(clr_schedule_parse_policy(&policy, names[i], &err), 0);
        ck_assert_str_eq(clr_schedule_policy_name(policy), names[i]);
    }
    policy = CLR_POLICY_DECAY;
    ck_assert_int_eq(clr_schedule_parse_policy(&policy, "triangluar", &err), CLR_EUSAGE);
    ck_assert(policy == CLR_POLICY_DECAY);
    ck_assert_ptr_nonnull(strstr(err.message, "`policy`"));
    ck_assert_ptr_nonnull(strstr(err.message, "'triangluar': did you mean 'triangular'?"));
    ck_assert_int_eq(clr_schedule_parse_policy(&policy, "linear sweep", &err), CLR_EUSAGE);
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        ck_assert_msg(strstr(err.message, names[i]), "'%s' is not in: %s", names[i], err.message);
    ck_assert_int_eq(clr_schedule_parse_policy(&policy, "", &err), CLR_EUSAGE);
}
END_TEST

START_TEST(test_schedule__missing_parameters_are_named)
{
    static const struct {
        enum clr_policy policy;
        const char *first;
    } table[] = {
        {CLR_POLICY_FIXED, "`lr` is missing: policy fixed needs it"},
        {CLR_POLICY_MULTISTEP, "`lr`, `gamma` and `milestones` are missing: policy multistep needs them"},
        {CLR_POLICY_TRIANGULAR,
         "`min_lr`, `max_lr` and `step_size` are missing: policy triangular needs them"},
        {CLR_POLICY_TRIANGULAR2,
         "`min_lr`, `max_lr` and `step_size` are missing: policy triangular2 needs them"},
        {CLR_POLICY_EXP_RANGE,
         "`min_lr`, `max_lr`, `gamma` and `step_size` are missing: policy exp_range needs them"},
        {CLR_POLICY_DECAY, "`min_lr`, `max_lr` and `step_size` are missing: policy decay needs them"},
        {CLR_POLICY_EXP, "`lr` and `gamma` are missing: policy exp needs them"},
        {CLR_POLICY_1CYCLE, "`max_lr` and `iterations` are missing: policy 1cycle needs them"},
        {CLR_POLICY_SGDR, "`min_lr`, `max_lr` and `step_size` are missing: policy sgdr needs them"},
        {CLR_POLICY_SWEEP_LINEAR,
         "`min_lr`, `max_lr` and `iterations` are missing: policy linear sweep needs them"},
    };
    struct clr_schedule s;

    for (size_t i = 0; i < MEM_COUNT(table); i++) {
        clr_schedule_init(&s, sizeof s);
        s.policy = table[i].policy;
        expect_refused(&s, table[i].first);
    }
    s = cyclic(CLR_POLICY_TRIANGULAR);
    s.max_lr = NAN;
    expect_refused(&s, "`max_lr` is missing: policy triangular needs it");
    s = cyclic(CLR_POLICY_DECAY);
    s.step_size = 0;
    expect_refused(&s, "`step_size` is missing: policy decay needs it");
    s = cyclic(CLR_POLICY_EXP_RANGE);
    expect_refused(&s, "`gamma` is missing: policy exp_range needs it");
    s = cyclic(CLR_POLICY_MULTISTEP);
    s.lr = 0.1;
    expect_refused(&s, "`gamma` and `milestones` are missing: policy multistep needs them");
    s.gamma = 0.1;
    expect_refused(&s, "`milestones` is missing: policy multistep needs it");
    s = cyclic(CLR_POLICY_SWEEP_LOG);
    s.step_size = 0;
    expect_refused(&s, "`iterations` is missing");
}
END_TEST

START_TEST(test_schedule__values_out_of_range_are_refused)
{
    static const double bad_rates[] = {0.0, -0.1, INFINITY, -INFINITY, 1e39};
    static const double bad_powers[] = {-1.0, 101.0, INFINITY};
    static const double bad_gammas[] = {0.0, -1.0, 1.0000001, INFINITY};
    static const double bad_momenta[] = {NAN, -0.1, 1.0, INFINITY};
    struct clr_schedule s;

    for (size_t i = 0; i < MEM_COUNT(bad_rates); i++) {
        clr_schedule_init(&s, sizeof s);
        s.lr = bad_rates[i];
        expect_refused(&s, "`lr` is ");
        s = cyclic(CLR_POLICY_TRIANGULAR);
        s.max_lr = bad_rates[i];
        expect_refused(&s, "`max_lr` is ");
        s = cyclic(CLR_POLICY_SWEEP_LOG);
        s.min_lr = bad_rates[i];
        expect_refused(&s, "`min_lr` is ");
    }
    for (size_t i = 0; i < MEM_COUNT(bad_gammas); i++) {
        s = cyclic(CLR_POLICY_EXP_RANGE);
        s.gamma = bad_gammas[i];
        expect_refused(&s, "`gamma` is ");
    }
    for (size_t i = 0; i < MEM_COUNT(bad_momenta); i++) {
        s = cyclic(CLR_POLICY_TRIANGULAR);
        s.momentum = bad_momenta[i];
        expect_refused(&s, "`momentum` is ");
        s.momentum = 0.9;
        s.cycle_momentum_low = 0.5;
        s.cycle_momentum_high = bad_momenta[i];
        expect_refused(&s, "`cycle_momentum_low` 0.5, high");
    }
    for (size_t i = 0; i < MEM_COUNT(bad_powers); i++) {
        clr_schedule_init(&s, sizeof s);
        s.policy = CLR_POLICY_POLY;
        s.lr = 0.1;
        s.iterations = 10;
        s.power = bad_powers[i];
        expect_refused(&s, "`power` is ");
    }
    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_INV;
    s.lr = 0.1;
    s.power = 1.0;
    s.gamma = -0.1;
    expect_refused(&s, "`gamma` is -0.1: for inv");
    s.policy = CLR_POLICY_SIGMOID;
    s.step_size = 10;
    ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
    s.gamma = 0.0;
    expect_refused(&s, "`gamma` is 0: for sigmoid");
    s = cyclic(CLR_POLICY_TRIANGULAR);
    s.step_size = UINT64_MAX;
    expect_refused(&s, "`step_size` 18446744073709551615 is too large");
    s.policy = (enum clr_policy)99;
    expect_refused(&s, "`policy`");
}
END_TEST

START_TEST(test_schedule__values_that_contradict_each_other_are_refused)
{
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);

    s.min_lr = 0.02;
    expect_refused(&s, "`min_lr` 0.02 is above `max_lr` 0.01");
    s.min_lr = s.max_lr; /* a flat triangle is odd, but a rate */
    ck_assert_int_eq(clr_schedule_check(&s, NULL), 0);
    s.cycle_momentum_low = 0.95;
    s.cycle_momentum_high = 0.85;
    expect_refused(&s, "`cycle_momentum_low` 0.95 is above the high one, 0.85");
    s = cyclic(CLR_POLICY_DECAY);
    s.cycle_momentum_low = 0.85;
    s.cycle_momentum_high = 0.95;
    expect_refused(&s, "`cycle_momentum_low` needs a cyclic policy");
    s = cyclic(CLR_POLICY_MULTISTEP);
    s.lr = 0.1;
    s.gamma = 0.1;
    s.milestones[0] = 500;
    s.milestones[1] = 500;
    s.milestone_count = 2;
    expect_refused(&s, "`milestones` must ascend: 500 comes after 500");
}
END_TEST

/* ---- text ---- */

START_TEST(test_schedule__describe)
{
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);
    char text[200], small[14];

    clr_schedule_describe(&s, text, sizeof text);
    ck_assert_str_eq(text, "triangular 0.0025…0.01, step size 2,000");
    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_MULTISTEP;
    s.lr = 0.001;
    s.gamma = 0.1;
    s.milestones[0] = 60000;
    s.milestones[1] = 1065000;
    s.milestone_count = 2;
    clr_schedule_describe(&s, text, sizeof text);
    ck_assert_str_eq(text, "multistep 0.001, gamma 0.1, milestones 60,000 1,065,000");
    /* Cut, terminated, and no half of a character at the end: "decay 0.01…" is 10 bytes and 3. */
    s = cyclic(CLR_POLICY_DECAY);
    clr_schedule_describe(&s, small, sizeof small);
    ck_assert_str_eq(small, "decay 0.01…");
    clr_schedule_describe(&s, small, 12);
    ck_assert_str_eq(small, "decay 0.01");
    clr_schedule_describe(&s, small, 0); /* writes nothing */
}
END_TEST

START_TEST(test_schedule__csv)
{
    struct clr_schedule s = cyclic(CLR_POLICY_TRIANGULAR);
    struct clr_error err = {0};
    char *path, *text;
    size_t size;

    ck_assert_int_eq(fs_join(&path, support_temp_dir(), "s.csv", &err), 0);
    s.step_size = 2;
    s.cycle_momentum_low = 0.8;
    s.cycle_momentum_high = 0.9;
    ck_assert_int_eq(clr_schedule_write_csv(&s, 5, path, &err), 0);
    ck_assert_int_eq(fs_read(path, 1000, &text, &size, &err), 0);
    ck_assert_str_eq(text, "iteration,lr,momentum\n"
                           "1,0.0025,0.9\n"
                           "2,0.00625,0.85\n"
                           "3,0.01,0.8\n"
                           "4,0.00625,0.85\n"
                           "5,0.0025,0.9\n");
    /* A schedule that is not valid does not change the file. */
    s.max_lr = NAN;
    free(text);
    ck_assert_int_eq(clr_schedule_write_csv(&s, 1, path, &err), CLR_EUSAGE);
    ck_assert_int_eq(fs_read(path, 1000, &text, &size, &err), 0);
    ck_assert(strstr(text, "5,0.0025,0.9\n") != NULL);
    s.max_lr = 0.01;
    ck_assert_int_eq(clr_schedule_write_csv(&s, 1, "/nonexistent/folder/s.csv", &err), CLR_EFAILED);
    free(text);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tables = tcase_create("tables"), *rest = tcase_create("rest");

    tcase_add_test(tables, test_schedule__fixed);
    tcase_add_test(tables, test_schedule__multistep);
    tcase_add_test(tables, test_schedule__triangular);
    tcase_add_test(tables, test_schedule__triangular2);
    tcase_add_test(tables, test_schedule__exp_range_on_both_bounds);
    tcase_add_test(tables, test_schedule__decay);
    tcase_add_test(tables, test_schedule__inv);
    tcase_add_test(tables, test_schedule__poly);
    tcase_add_test(tables, test_schedule__sigmoid);
    tcase_add_test(tables, test_schedule__1cycle);
    tcase_add_test(tables, test_schedule__cycles_may_begin_at_0);
    tcase_add_test(tables, test_schedule__smith_s_1cycle);
    tcase_add_test(tables, test_schedule__sgdr);
    tcase_add_test(tables, test_schedule__linear_sweep);
    tcase_add_test(tables, test_schedule__log_sweep);
    tcase_add_test(rest, test_schedule__momentum_moves_against_the_rate);
    tcase_add_test(rest, test_schedule__a_run_should_end_at_the_end_of_a_cycle);
    tcase_add_test(rest, test_schedule__names);
    tcase_add_test(rest, test_schedule__missing_parameters_are_named);
    tcase_add_test(rest, test_schedule__values_out_of_range_are_refused);
    tcase_add_test(rest, test_schedule__values_that_contradict_each_other_are_refused);
    tcase_add_test(rest, test_schedule__describe);
    tcase_add_test(rest, test_schedule__csv);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, rest);
    return support_run(suite, true);
}
