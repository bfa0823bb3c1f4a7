/*
 * The table of learning rate policies: see policies.h; clr/schedule.h has the formulas and their source.
 *
 * Where in a cycle an update lies is worked out with integers, and rates between two bounds are weighted
 * sums of both, so that vertices are exact for every t: no floor() of a rounded quotient, no drift.
 */
#include "sched/policies.h"

#include <math.h>

#include "base/str.h"

#define PI 3.14159265358979323846

/* ---- triangles ---- */

/* a + (b − a)·k/n for k in 0 … n, exact at both ends. */
static double between(double a, double b, uint64_t k, uint64_t n)
{
    return a * ((double)(n - k) / (double)n) + b * ((double)k / (double)n);
}

/* u·s: distance of update t from the nearest trough, in iterations, 0 … s. */
static uint64_t height(uint64_t s, uint64_t t)
{
    uint64_t place = t % (2 * s);

    return place <= s ? place : 2 * s - place;
}

/* From a at the troughs to peaks between a and b: a + (b − a)·scale. */
static double triangle(const struct clr_schedule *s, double a, double b, double scale, uint64_t t)
{
    const double peak = scale < 1.0 ? a + (b - a) * scale : b;

    return between(a, peak, height(s->step_size, t), s->step_size);
}

static double triangular_wave(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    return triangle(s, a, b, 1.0, t);
}

static double triangular2_wave(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    const uint64_t halvings = t / (2 * s->step_size); /* c − 1 */

    return triangle(s, a, b, ldexp(1.0, halvings < 4096 ? -(int)halvings : -4096), t);
}

static double exp_range_wave(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    return triangle(s, a, b, pow(s->gamma, (double)t), t);
}

static double exp_range_rate(const struct clr_schedule *s, uint64_t t)
{
    if (s->exp_range == CLR_EXP_RANGE_AMPLITUDE)
        return exp_range_wave(s, s->min_lr, s->max_lr, t);
    return pow(s->gamma, (double)t) * between(s->min_lr, s->max_lr, height(s->step_size, t), s->step_size);
}

static struct schedule_cycle two_steps(const struct clr_schedule *s, uint64_t t)
{
    return (struct schedule_cycle){t - t % (2 * s->step_size), 2 * s->step_size};
}

/* ---- cosines ---- */

static double half_cosine(double a, double b, double p)
{
    const double to = sin(0.5 * PI * p), from = sin(0.5 * PI * (1.0 - p));

    return a * from * from + b * to * to;
}

/* A period that would end beyond UINT64_MAX is as long as there are updates left. */
static struct schedule_cycle sgdr_period(const struct clr_schedule *s, uint64_t t)
{
    struct schedule_cycle c = {0, s->step_size};

    if (s->t_mult == 1)
        return (struct schedule_cycle){t - t % s->step_size, s->step_size};
    while (t - c.start >= c.length && c.length < UINT64_MAX - c.start) {
        c.start += c.length;
        c.length =
            c.length <= (UINT64_MAX - c.start) / s->t_mult ? c.length * s->t_mult : UINT64_MAX - c.start;
    }
    return c;
}

/* b at the beginning of a period, a at its end. */
static double sgdr_wave(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    const struct schedule_cycle c = sgdr_period(s, t);

    return half_cosine(b, a, (double)(t - c.start) / (double)c.length);
}

/* first, peak, last: of the rate, or of the momentum. */
static double one_cycle(const struct clr_schedule *s, double first, double peak, double last, uint64_t t)
{
    const double rise = s->pct_start * (double)s->iterations - 1.0, now = (double)t;
    double begin = 0.0, end = rise, from = first, to = peak, p;

    if (now > rise) {
        const double fall = 2.0 * s->pct_start * (double)s->iterations - 2.0;
        begin = rise;
        end = (double)(s->iterations - 1);
        from = peak;
        to = last;
        if (s->three_phase && now <= fall) {
            end = fall;
            to = first;
        } else if (s->three_phase) {
            begin = fall;
            from = first;
        }
    }
    p = end > begin ? fmin((now - begin) / (end - begin), 1.0) : 1.0;
    return s->anneal == CLR_ANNEAL_LINEAR ? from * (1.0 - p) + to * p : half_cosine(from, to, p);
}

static double one_cycle_wave(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    return one_cycle(s, a, b, a, t);
}

static double one_cycle_rate(const struct clr_schedule *s, uint64_t t)
{
    const double first = s->max_lr / s->div_factor;

    return one_cycle(s, first, s->max_lr, first / s->final_div_factor, t);
}

/* ---- Smith's 1cycle ---- */

#define SMITH_END 1000.0 /* times lower than min is the last rate */

static double smith_rate(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t step = s->step_size;

    if (t <= step)
        return between(s->min_lr, s->max_lr, t, step);
    return fmax(t < 2 * step ? between(s->max_lr, 0.0, t - step, step) : 0.0, s->min_lr / SMITH_END);
}

/* The fall meets the last rate between two updates: both end a piece. */
static uint64_t smith_end(const struct clr_schedule *s, uint64_t t)
{
    const double step = (double)s->step_size;
    const uint64_t last = s->step_size + (uint64_t)ceil(step * (1.0 - s->min_lr / SMITH_END / s->max_lr));

    return t < s->step_size ? s->step_size : t < last - 1 ? last - 1 : t < last ? last : UINT64_MAX;
}

/* ---- the others ---- */

static double fixed_rate(const struct clr_schedule *s, uint64_t t)
{
    (void)t;
    return s->lr;
}

static double multistep_rate(const struct clr_schedule *s, uint64_t t)
{
    int passed = 0;

    for (size_t i = 0; i < s->milestone_count && s->milestones[i] <= t; i++)
        passed++;
    return s->lr * pow(s->gamma, passed);
}

static double decay_rate(const struct clr_schedule *s, uint64_t t)
{
    return t < s->step_size ? between(s->max_lr, s->min_lr, t, s->step_size) : s->min_lr;
}

static double exp_rate(const struct clr_schedule *s, uint64_t t)
{
    return s->lr * pow(s->gamma, (double)t);
}

static double step_rate(const struct clr_schedule *s, uint64_t t)
{
    return s->lr * pow(s->gamma, (double)(t / s->step_size));
}

static double inv_rate(const struct clr_schedule *s, uint64_t t)
{
    return s->lr * pow(1.0 + s->gamma * (double)t, -s->power);
}

static double poly_rate(const struct clr_schedule *s, uint64_t t)
{
    const double n = (double)s->iterations;

    return t < s->iterations ? s->lr * pow((double)(s->iterations - t) / n, s->power) : 0.0;
}

/* t − s with its sign, though both are unsigned. exp() may overflow to infinity: then the rate is 0, as it
 * should. */
static double sigmoid_rate(const struct clr_schedule *s, uint64_t t)
{
    const double x = t >= s->step_size ? (double)(t - s->step_size) : -(double)(s->step_size - t);

    return s->lr / (1.0 + exp(-s->gamma * x));
}

/* From min to max in step_size updates: update 0 is min, update step_size − 1 and all later ones are max. */
static double linear_sweep_rate(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t last = s->step_size - 1;

    return t == 0 ? s->min_lr : t >= last ? s->max_lr : between(s->min_lr, s->max_lr, t, last);
}

static double log_sweep_rate(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t last = s->step_size - 1;

    return t == 0 ? s->min_lr : t >= last ? s->max_lr : exp(between(log(s->min_lr), log(s->max_lr), t, last));
}

/* ---- ends of pieces ---- */

static uint64_t step_end(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t rest = s->step_size - t % s->step_size;

    return t <= UINT64_MAX - rest ? t + rest : UINT64_MAX;
}

static uint64_t milestone_end(const struct clr_schedule *s, uint64_t t)
{
    for (size_t i = 0; i < s->milestone_count; i++)
        if (s->milestones[i] > t)
            return s->milestones[i];
    return UINT64_MAX;
}

/* The phases of 1cycle meet between two updates: both of them end a piece. */
static uint64_t phase_end(const struct clr_schedule *s, uint64_t t)
{
    const double n = (double)s->iterations,
                 ends[3] = {s->pct_start * n - 1.0, 2.0 * s->pct_start * n - 2.0, n - 1.0};
    uint64_t first = UINT64_MAX;

    for (int i = 0; i < 3; i++) {
        if ((i == 1 && !s->three_phase) || !(ends[i] >= 0.0 && ends[i] < 9e15))
            continue;
        for (uint64_t k = 0; k < 2; k++) {
            const uint64_t end = (uint64_t)floor(ends[i]) + k;
            if (end > t && end < first)
                first = end;
        }
    }
    return first;
}

/* What ends once, at `end`, and is constant from there on. */
static uint64_t once(uint64_t end, uint64_t t)
{
    return t < end ? end : UINT64_MAX;
}

static uint64_t decay_end(const struct clr_schedule *s, uint64_t t)
{
    return once(s->step_size, t);
}

static uint64_t sweep_end(const struct clr_schedule *s, uint64_t t)
{
    return once(s->step_size - 1, t);
}

static uint64_t poly_end(const struct clr_schedule *s, uint64_t t)
{
    return once(s->iterations, t);
}

/* ---- checks ---- */

static int check_factor(const struct clr_schedule *s, struct clr_error *err)
{
    return s->gamma > 0.0 && s->gamma <= 1.0
               ? 0
               : clr_error_set(err, CLR_EUSAGE, "`gamma` is %g: it must be above 0 and at most 1", s->gamma);
}

static int check_inv(const struct clr_schedule *s, struct clr_error *err)
{
    return isfinite(s->gamma) && s->gamma > 0.0
               ? 0
               : clr_error_set(err, CLR_EUSAGE, "`gamma` is %g: for inv it must be finite and above 0",
                               s->gamma);
}

static int check_sigmoid(const struct clr_schedule *s, struct clr_error *err)
{
    return isfinite(s->gamma) && fabs(s->gamma) > 0.0
               ? 0
               : clr_error_set(err, CLR_EUSAGE, "`gamma` is %g: for sigmoid it must be finite, and not 0",
                               s->gamma);
}

static int check_sgdr(const struct clr_schedule *s, struct clr_error *err)
{
    return s->t_mult > 0 ? 0 : clr_error_set(err, CLR_EUSAGE, "`t_mult` is 0: it must be at least 1");
}

static int check_one_cycle(const struct clr_schedule *s, struct clr_error *err)
{
    const double most = s->three_phase ? 0.5 : 1.0;

    if (!(s->pct_start >= 0.0 && s->pct_start <= most))
        return clr_error_set(err, CLR_EUSAGE, "`pct_start` is %g: %s it must be between 0 and %g",
                             s->pct_start, s->three_phase ? "with `three_phase`" : "a part of the run,",
                             most);
    for (int last = 0; last < 2; last++) {
        const double factor = last ? s->final_div_factor : s->div_factor;
        if (!(factor >= 1.0) || !isfinite(factor))
            return clr_error_set(err, CLR_EUSAGE, "`%sdiv_factor` is %g: it must be finite, and at least 1",
                                 last ? "final_" : "", factor);
    }
    return 0;
}

/* ---- the tables ---- */

static const struct policy policies[] = {
#define ROW(policy, text, bits, ...) [CLR_POLICY_##policy] = {.name = (text), .reads = (bits), __VA_ARGS__},
#define SWEEP(policy, text, bits, ...)                                                                       \
    ROW(SWEEP_##policy, text, NEEDS_BOUNDS | NEEDS_STEP | IS_SWEEP | (bits), __VA_ARGS__)
#include "sched/policy_rows.h"
#undef ROW
#undef SWEEP
};

const char *const *clr_schedule_policies(void)
{
    static const char *const names[] = {
#define ROW(policy, text, ...) [CLR_POLICY_##policy] = (text),
#define SWEEP(policy, text, ...)
#include "sched/policy_rows.h"
#undef ROW
#undef SWEEP
        NULL};

    return names;
}

#define FIELD(field) .name = #field, .at = offsetof(struct clr_schedule, field)
const struct schedule_field schedule_fields[] = {
    {FIELD(exp_range), .kind = SCHEDULE_WORD, .reads = READS_EXP_RANGE, .names = clr_exp_range_names},
    {FIELD(lr), .kind = SCHEDULE_REAL, .reads = NEEDS_LR},
    {FIELD(min_lr), .kind = SCHEDULE_REAL, .reads = NEEDS_MIN},
    {FIELD(max_lr), .kind = SCHEDULE_REAL, .reads = NEEDS_MAX},
    {FIELD(gamma), .kind = SCHEDULE_REAL, .reads = NEEDS_GAMMA},
    {FIELD(power), .kind = SCHEDULE_REAL, .reads = NEEDS_POWER},
    {FIELD(step_size), .kind = SCHEDULE_COUNT, .reads = NEEDS_STEP},
    {FIELD(milestones), .kind = SCHEDULE_MILESTONES, .reads = NEEDS_MILESTONES},
    {FIELD(iterations), .kind = SCHEDULE_COUNT, .reads = NEEDS_ITERATIONS, .of_run = true},
    {FIELD(t_mult), .kind = SCHEDULE_COUNT, .reads = READS_T_MULT},
    {FIELD(pct_start), .kind = SCHEDULE_REAL, .reads = READS_PHASES},
    {FIELD(div_factor), .kind = SCHEDULE_REAL, .reads = READS_PHASES},
    {FIELD(final_div_factor), .kind = SCHEDULE_REAL, .reads = READS_PHASES},
    {FIELD(anneal), .kind = SCHEDULE_WORD, .reads = READS_PHASES, .names = clr_anneal_names},
    {FIELD(three_phase), .kind = SCHEDULE_FLAG, .reads = READS_PHASES},
    {FIELD(momentum), .kind = SCHEDULE_REAL, .reads = 0},
    {FIELD(cycle_momentum_low), .kind = SCHEDULE_REAL, .reads = 0},
    {FIELD(cycle_momentum_high), .kind = SCHEDULE_REAL, .reads = 0},
    {FIELD(cycle_momentum_step), .kind = SCHEDULE_COUNT, .reads = 0, .later = true},
    {.name = NULL},
};

const struct policy *policy_of(enum clr_policy policy)
{
    static const struct policy unknown = {.name = "unknown"};

    return (size_t)policy < MEM_COUNT(policies) ? &policies[policy] : &unknown;
}

bool policy_find(enum clr_policy *out, const char *name)
{
    for (size_t i = 0; i < MEM_COUNT(policies); i++) {
        if (strcmp(policies[i].name, name) == 0) {
            *out = (enum clr_policy)i;
            return true;
        }
    }
    return false;
}

struct schedule_piece schedule_piece_of(const struct clr_schedule *s, uint64_t t)
{
    const struct policy *p = policy_of(s->policy);
    const uint64_t end = p->end ? p->end(s, t) : UINT64_MAX;
    const bool stays = p->end && !p->cycle && end == UINT64_MAX,
               linear = (p->reads & READS_PHASES) && s->anneal == CLR_ANNEAL_LINEAR;

    return (struct schedule_piece){end, stays || linear || (p->reads & IS_STRAIGHT),
                                   (p->reads & JUMPS) && end < UINT64_MAX};
}

void schedule_rates(const struct clr_schedule *s, double *first, double *last)
{
    const unsigned reads = policy_of(s->policy)->reads;

    *first = reads & NEEDS_LR ? s->lr : reads & NEEDS_MIN ? s->min_lr : NAN;
    *last = reads & NEEDS_MAX ? s->max_lr : NAN;
    if (reads & DECLINES) {
        *first = s->max_lr;
        *last = s->min_lr;
    }
}
