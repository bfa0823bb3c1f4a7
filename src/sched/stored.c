/* Schedules as JSON: see stored.h. */
#include "sched/stored.h"

#include <math.h>
#include <string.h>

json_t *schedule_to_json(const struct clr_schedule *s)
{
    json_t *milestones = json_array();
    char text[256];

    clr_schedule_describe(s, text, sizeof text);
    for (size_t i = 0; i < s->milestone_count; i++)
        milestones = json_append(milestones, json_count(s->milestones[i]));
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:s, s:b, s:o, "
        "s:o, s:o}",
        "policy", clr_schedule_policy_name(s->policy), "description", text[0] ? json_string(text) : NULL,
        "exp_range", s->exp_range == CLR_EXP_RANGE_BOUNDS ? "bounds" : "amplitude", "lr", json_finite(s->lr),
        "min_lr", json_finite(s->min_lr), "max_lr", json_finite(s->max_lr), "gamma", json_finite(s->gamma),
        "power", json_finite(s->power), "step_size", json_count(s->step_size), "milestones", milestones,
        "t_mult", json_count(s->t_mult), "pct_start", s->pct_start, "div_factor", s->div_factor,
        "final_div_factor", s->final_div_factor, "anneal", s->anneal == CLR_ANNEAL_COS ? "cos" : "linear",
        "three_phase", s->three_phase, "momentum", json_finite(s->momentum), "cycle_momentum_low",
        json_finite(s->cycle_momentum_low), "cycle_momentum_high", json_finite(s->cycle_momentum_high));
}

/* ---- reading ---- */

static bool read_policy(struct clr_schedule *s, const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "policy"));

    for (int i = CLR_POLICY_FIXED; name && i <= CLR_POLICY_SWEEP_LOG; i++) {
        s->policy = (enum clr_policy)i;
        if (strcmp(clr_schedule_policy_name(s->policy), name) == 0)
            return true;
    }
    return false;
}

static bool read_real(double *out, const json_t *json, const char *name)
{
    const json_t *v = json_object_get(json, name);

    if (!v || json_is_null(v))
        return true;
    *out = json_number_value(v);
    return json_is_number(v);
}

static bool read_count(uint64_t *out, const json_t *json, const char *name)
{
    const json_t *v = json_object_get(json, name);

    return !v || json_is_null(v) || json_count_value(out, v);
}

/* Which of the two words is it? `was` where there is none; -1: another one. */
static int read_word(const json_t *json, const char *name, const char *first, const char *second, int was)
{
    const json_t *v = json_object_get(json, name);
    const char *text = json_string_value(v);

    if (!v || json_is_null(v))
        return was;
    return text && strcmp(text, first) == 0 ? 0 : text && strcmp(text, second) == 0 ? 1 : -1;
}

static bool read_milestones(struct clr_schedule *s, const json_t *json)
{
    const json_t *list = json_object_get(json, "milestones");

    s->milestone_count = json_array_size(list);
    if (s->milestone_count > CLR_MAX_MILESTONES)
        return false;
    for (size_t i = 0; i < s->milestone_count; i++)
        if (!json_count_value(&s->milestones[i], json_array_get(list, i)))
            return false;
    return true;
}

bool schedule_from_json(struct clr_schedule *out, const json_t *json, uint64_t iterations)
{
    const int exp_range = read_word(json, "exp_range", "bounds", "amplitude", CLR_EXP_RANGE_BOUNDS);
    const int anneal = read_word(json, "anneal", "cos", "linear", CLR_ANNEAL_COS);
    struct clr_schedule s;

    clr_schedule_init(&s, sizeof s);
    s.iterations = iterations;
    s.exp_range = (enum clr_exp_range)exp_range;
    s.anneal = (enum clr_anneal)anneal;
    s.three_phase = json_is_true(json_object_get(json, "three_phase"));
    if (exp_range < 0 || anneal < 0 || !read_policy(&s, json) || !read_milestones(&s, json) ||
        !read_real(&s.lr, json, "lr") || !read_real(&s.min_lr, json, "min_lr") ||
        !read_real(&s.max_lr, json, "max_lr") || !read_real(&s.gamma, json, "gamma") ||
        !read_real(&s.power, json, "power") || !read_real(&s.pct_start, json, "pct_start") ||
        !read_real(&s.div_factor, json, "div_factor") ||
        !read_real(&s.final_div_factor, json, "final_div_factor") ||
        !read_real(&s.momentum, json, "momentum") ||
        !read_real(&s.cycle_momentum_low, json, "cycle_momentum_low") ||
        !read_real(&s.cycle_momentum_high, json, "cycle_momentum_high") ||
        !read_count(&s.step_size, json, "step_size") || !read_count(&s.t_mult, json, "t_mult"))
        return false;
    if (clr_schedule_check(&s, NULL) < 0)
        return false;
    *out = s;
    return true;
}
