/* Schedules are read from run.json as written; pieces of a schedule end where its formula changes. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sched/policies.h"
#include "sched/stored.h"

#define RUN 1000u

/* One of each policy, with every field away from its default where the policy reads it. */
static size_t make_schedules(struct clr_schedule *out)
{
    size_t n = 0;

    for (int p = CLR_POLICY_FIXED; p <= CLR_POLICY_SWEEP_LOG; p++) {
        struct clr_schedule *s = &out[n++];
        clr_schedule_init(s, sizeof *s);
        s->policy = (enum clr_policy)p;
        s->lr = 0.03;
        s->min_lr = 0.001;
        s->max_lr = 0.04;
        s->gamma = 0.999;
        s->power = 0.75;
        s->step_size = 50;
        s->iterations = RUN;
        s->t_mult = 2;
        s->milestones[0] = 100;
        s->milestones[1] = 300;
        s->milestone_count = 2;
        s->momentum = 0.8;
        if (clr_schedule_is_cyclic(s->policy) || p == CLR_POLICY_1CYCLE || p == CLR_POLICY_EXP) {
            s->cycle_momentum_low = 0.7;
            s->cycle_momentum_high = 0.95;
            s->cycle_momentum_step = p == CLR_POLICY_EXP ? 70 : 0;
        }
    }
    out[n] = out[CLR_POLICY_1CYCLE];
    out[n].anneal = CLR_ANNEAL_LINEAR;
    out[n].three_phase = true;
    out[n].pct_start = 0.4;
    out[n].div_factor = 10;
    out[n++].final_div_factor = 100;
    out[n] = out[CLR_POLICY_EXP_RANGE];
    out[n++].exp_range = CLR_EXP_RANGE_AMPLITUDE;
    return n;
}

#define MAX_SCHEDULES (CLR_POLICY_SWEEP_LOG + 3) /* one for each policy, and two */

START_TEST(test_stored__a_schedule_comes_back_as_it_was)
{
    struct clr_schedule all[MAX_SCHEDULES], back;
    const size_t n = make_schedules(all);

    for (size_t i = 0; i < n; i++) {
        json_t *json = schedule_to_json(&all[i]);
        ck_assert_msg(schedule_from_json(&back, json, RUN), "schedule %zu", i);
        for (uint64_t t = 0; t < RUN; t++) {
            ck_assert_msg(clr_schedule_lr(&back, t) == clr_schedule_lr(&all[i], t), "schedule %zu", i);
            ck_assert(clr_schedule_momentum(&back, t) == clr_schedule_momentum(&all[i], t));
        }
        json_decref(json);
    }
}
END_TEST

START_TEST(test_stored__what_is_no_schedule_is_refused)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"policy\": \"none\", \"lr\": 0.1}",
        "{\"policy\": \"fixed\"}",
        "{\"policy\": \"fixed\", \"lr\": -1}",
        "{\"policy\": \"fixed\", \"lr\": \"0.1\"}",
        "{\"policy\": \"step\", \"lr\": 0.1, \"gamma\": 0.5, \"step_size\": -3}",
        "{\"policy\": \"fixed\", \"lr\": 0.1, \"anneal\": \"other\"}",
        "{\"policy\": \"multistep\", \"lr\": 0.1, \"gamma\": 0.5, \"milestones\": [3, \"x\"]}",
        "{\"policy\": \"poly\", \"lr\": 0.1, \"power\": 2}", /* of a run of unknown length */
    };
    struct clr_schedule s = {.lr = 7};
    json_t *json;

    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        json = json_loads(texts[i], 0, NULL);
        ck_assert_msg(!schedule_from_json(&s, json, 0) && s.lr == 7, "%s", texts[i]);
        json_decref(json);
    }
    json = json_loads("{\"policy\": \"fixed\", \"lr\": 0.1, \"gamma\": null}", 0, NULL); /* of an old run */
    ck_assert(schedule_from_json(&s, json, 0) && s.lr == 0.1 && isnan(s.gamma) && s.t_mult == 1);
    json_decref(json);
}
END_TEST

/* Between the ends of a straight piece all rates lie on one line; only pieces that end in a jump have one. */
START_TEST(test_pieces__hold_what_they_say)
{
    struct clr_schedule all[MAX_SCHEDULES];
    const size_t n = make_schedules(all);

    for (size_t i = 0; i < n; i++) {
        const struct clr_schedule *s = &all[i];
        for (uint64_t t = 0; t < RUN;) {
            const struct schedule_piece p = schedule_piece_of(s, t);
            const uint64_t last = p.end > RUN ? RUN - 1 : p.jumps ? p.end - 1 : p.end;
            const double a = clr_schedule_lr(s, t), b = clr_schedule_lr(s, last);
            ck_assert(p.end > t);
            for (uint64_t k = t; k <= last && p.straight && last > t; k++) {
                const double line = a + (b - a) * (double)(k - t) / (double)(last - t);
                ck_assert_msg(fabs(clr_schedule_lr(s, k) - line) < 1e-12, "schedule %zu, update %u", i,
                              (unsigned)k);
            }
            t = p.end;
        }
    }
}
END_TEST

static void expect_ends(const struct clr_schedule *s, const uint64_t *ends, size_t count)
{
    uint64_t t = 0;

    for (size_t i = 0; i < count; i++) {
        t = schedule_piece_of(s, t).end;
        ck_assert_msg(t == ends[i], "%s, piece %zu ends at %llu", clr_schedule_policy_name(s->policy), i,
                      (unsigned long long)t);
    }
}

START_TEST(test_pieces__end_at_vertices_and_jumps)
{
    static const uint64_t triangular[] = {50, 100, 150}, sgdr[] = {50, 150, 350, 750},
                          multistep[] = {100, 300, UINT64_MAX}, cycle[] = {299, 300, 999, 1000},
                          smith[] = {50, 99, 100, UINT64_MAX}, decay[] = {50, UINT64_MAX},
                          sweep[] = {49, UINT64_MAX};
    struct clr_schedule all[MAX_SCHEDULES];

    (void)make_schedules(all);
    expect_ends(&all[CLR_POLICY_TRIANGULAR], triangular, 3);
    expect_ends(&all[CLR_POLICY_SGDR], sgdr, 4);
    expect_ends(&all[CLR_POLICY_MULTISTEP], multistep, 3);
    expect_ends(&all[CLR_POLICY_1CYCLE], cycle, 4);
    expect_ends(&all[CLR_POLICY_1CYCLE_SMITH], smith, 4);
    expect_ends(&all[CLR_POLICY_DECAY], decay, 2);
    expect_ends(&all[CLR_POLICY_SWEEP_LOG], sweep, 2);
    ck_assert(schedule_piece_of(&all[CLR_POLICY_STEP], UINT64_MAX - 1).end == UINT64_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stored");
    TCase *tc = tcase_create("stored");

    tcase_add_test(tc, test_stored__a_schedule_comes_back_as_it_was);
    tcase_add_test(tc, test_stored__what_is_no_schedule_is_refused);
    tcase_add_test(tc, test_pieces__hold_what_they_say);
    tcase_add_test(tc, test_pieces__end_at_vertices_and_jumps);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
