/*
 * Learning-rate policies: see clr/schedule.h for the formulas and their source.
 *
 * Where in a cycle an update lies is worked out with integers, and rates between two bounds are weighted
 * sums of both, so that vertices are exact for every t: no floor() of a rounded quotient, no drift.
 */
#include <clr/schedule.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/fs.h"
#include "base/str.h"

#define MAX_POWER 100.0
#define PI        3.14159265358979323846

/* What a policy reads, of struct clr_schedule: what it needs, and what has a default. */
enum {
    NEEDS_LR = 1 << 0,
    NEEDS_MIN = 1 << 1,
    NEEDS_MAX = 1 << 2,
    NEEDS_STEP = 1 << 3,
    NEEDS_GAMMA = 1 << 4,
    NEEDS_POWER = 1 << 5,
    NEEDS_MILESTONES = 1 << 6,
    NEEDS_ITERATIONS = 1 << 7,
    READS_EXP_RANGE = 1 << 8,
    READS_T_MULT = 1 << 9,
    READS_PHASES = 1 << 10, /* pct_start and the other numbers of 1cycle */
    IS_CYCLIC = 1 << 11,
    MOVES_MOMENTUM = 1 << 12,
    MAY_REACH_ZERO = 1 << 13, /* min_lr may be 0 */
    IS_CAFFES = 1 << 14,     /* Caffe's files have it under this name, or those of Smith's version of Caffe */
    HAS_NO_OPTION = 1 << 15, /* not a name of --policy */
    NEEDS_BOUNDS = NEEDS_MIN | NEEDS_MAX,
    CYCLES = IS_CYCLIC | MOVES_MOMENTUM,
};

/* ---- the formulas ---- */

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

/* What is left of a cycle's amplitude, 0 … 1. */
static double amplitude(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t halvings = t / (2 * s->step_size); /* c − 1 */

    if (s->policy == CLR_POLICY_TRIANGULAR2)
        return ldexp(1.0, halvings < 4096 ? -(int)halvings : -4096);
    return s->policy == CLR_POLICY_EXP_RANGE ? pow(s->gamma, (double)t) : 1.0;
}

/* From a at the troughs to peaks between a and b: a + (b − a)·amplitude. */
static double triangle(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    const double scale = amplitude(s, t), peak = scale < 1.0 ? a + (b - a) * scale : b;

    return between(a, peak, height(s->step_size, t), s->step_size);
}

static double exp_range_rate(const struct clr_schedule *s, uint64_t t)
{
    if (s->exp_range == CLR_EXP_RANGE_AMPLITUDE)
        return triangle(s, s->min_lr, s->max_lr, t);
    return amplitude(s, t) * between(s->min_lr, s->max_lr, height(s->step_size, t), s->step_size);
}

static double multistep_rate(const struct clr_schedule *s, uint64_t t)
{
    int passed = 0;

    for (size_t i = 0; i < s->milestone_count && s->milestones[i] <= t; i++)
        passed++;
    return s->lr * pow(s->gamma, passed);
}

/* t − s with its sign, though both are unsigned. exp() may overflow to infinity: then the rate is 0, as it
 * should. */
static double sigmoid_rate(const struct clr_schedule *s, uint64_t t)
{
    const double x = t >= s->step_size ? (double)(t - s->step_size) : -(double)(s->step_size - t);

    return s->lr / (1.0 + exp(-s->gamma * x));
}

/* The cycle that an update lies in. length 0: there is none. */
struct cycle {
    uint64_t start, length;
};

/* A period that would end beyond UINT64_MAX is as long as there are updates left. */
static struct cycle sgdr_period(const struct clr_schedule *s, uint64_t t)
{
    struct cycle c = {0, s->step_size};

    if (s->t_mult == 1)
        return (struct cycle){t - t % s->step_size, s->step_size};
    while (t - c.start >= c.length && c.length < UINT64_MAX - c.start) {
        c.start += c.length;
        c.length =
            c.length <= (UINT64_MAX - c.start) / s->t_mult ? c.length * s->t_mult : UINT64_MAX - c.start;
    }
    return c;
}

static struct cycle cycle_of(const struct clr_schedule *s, uint64_t t)
{
    if (!clr_schedule_is_cyclic(s->policy) || s->step_size == 0)
        return (struct cycle){0, 0};
    if (s->policy == CLR_POLICY_SGDR)
        return sgdr_period(s, t);
    return (struct cycle){t - t % (2 * s->step_size), 2 * s->step_size};
}

static double half_cosine(double a, double b, double p)
{
    const double to = sin(0.5 * PI * p), from = sin(0.5 * PI * (1.0 - p));

    return a * from * from + b * to * to;
}

/* a at the beginning of a period, b at its end. */
static double sgdr(const struct clr_schedule *s, double a, double b, uint64_t t)
{
    const struct cycle c = sgdr_period(s, t);

    return half_cosine(a, b, (double)(t - c.start) / (double)c.length);
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

/* From min to max in step_size updates: update 0 is min, update step_size − 1 and all later ones are max. */
static double sweep_rate(const struct clr_schedule *s, uint64_t t)
{
    const uint64_t last = s->step_size - 1;

    if (t == 0)
        return s->min_lr;
    if (t >= last)
        return s->max_lr;
    if (s->policy == CLR_POLICY_SWEEP_LOG)
        return exp(between(log(s->min_lr), log(s->max_lr), t, last));
    return between(s->min_lr, s->max_lr, t, last);
}

static double fixed_rate(const struct clr_schedule *s, uint64_t t)
{
    (void)t;
    return s->lr;
}

static double triangular_rate(const struct clr_schedule *s, uint64_t t)
{
    return triangle(s, s->min_lr, s->max_lr, t);
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

static double one_cycle_rate(const struct clr_schedule *s, uint64_t t)
{
    const double first = s->max_lr / s->div_factor;

    return one_cycle(s, first, s->max_lr, first / s->final_div_factor, t);
}

static double sgdr_rate(const struct clr_schedule *s, uint64_t t)
{
    return sgdr(s, s->max_lr, s->min_lr, t);
}

/* ---- the table ---- */

/* The fields by their names. */
static const struct {
    const char *name;
    unsigned bit;
} fields[] = {
    {"lr", NEEDS_LR},
    {"min_lr", NEEDS_MIN},
    {"max_lr", NEEDS_MAX},
    {"step_size", NEEDS_STEP},
    {"gamma", NEEDS_GAMMA},
    {"power", NEEDS_POWER},
    {"milestones", NEEDS_MILESTONES},
    {"iterations", NEEDS_ITERATIONS},
    {"exp_range", READS_EXP_RANGE},
    {"t_mult", READS_T_MULT},
    {"pct_start", READS_PHASES},
    {"div_factor", READS_PHASES},
    {"final_div_factor", READS_PHASES},
    {"anneal", READS_PHASES},
    {"three_phase", READS_PHASES},
};

struct policy_row {
    const char *name;
    unsigned reads;
    double (*rate)(const struct clr_schedule *s, uint64_t t);
};

/* clang-format off */
#define POLICIES(ROW)                                                                                        \
    ROW(FIXED, "fixed", NEEDS_LR | IS_CAFFES, fixed)                                                         \
    ROW(MULTISTEP, "multistep", NEEDS_LR | NEEDS_GAMMA | NEEDS_MILESTONES | IS_CAFFES, multistep)            \
    ROW(TRIANGULAR, "triangular", NEEDS_BOUNDS | NEEDS_STEP | CYCLES | IS_CAFFES, triangular)                \
    ROW(TRIANGULAR2, "triangular2", NEEDS_BOUNDS | NEEDS_STEP | CYCLES | IS_CAFFES, triangular)              \
    ROW(EXP_RANGE, "exp_range",                                                                              \
        NEEDS_BOUNDS | NEEDS_GAMMA | NEEDS_STEP | READS_EXP_RANGE | CYCLES | IS_CAFFES, exp_range)           \
    ROW(DECAY, "decay", NEEDS_BOUNDS | NEEDS_STEP, decay)                                                    \
    ROW(EXP, "exp", NEEDS_LR | NEEDS_GAMMA | IS_CAFFES, exp)                                                 \
    ROW(STEP, "step", NEEDS_LR | NEEDS_GAMMA | NEEDS_STEP | IS_CAFFES, step)                                 \
    ROW(INV, "inv", NEEDS_LR | NEEDS_GAMMA | NEEDS_POWER | IS_CAFFES, inv)                                   \
    ROW(POLY, "poly", NEEDS_LR | NEEDS_POWER | NEEDS_ITERATIONS | IS_CAFFES, poly)                           \
    ROW(SIGMOID, "sigmoid", NEEDS_LR | NEEDS_GAMMA | NEEDS_STEP | IS_CAFFES, sigmoid)                        \
    ROW(1CYCLE, "1cycle", NEEDS_MAX | NEEDS_ITERATIONS | READS_PHASES | MOVES_MOMENTUM, one_cycle)           \
    ROW(SGDR, "sgdr", NEEDS_BOUNDS | NEEDS_STEP | READS_T_MULT | CYCLES | MAY_REACH_ZERO, sgdr)

static const struct policy_row policies[] = {
#define ROW(policy, name, reads, rate) [CLR_POLICY_##policy] = {name, reads, rate##_rate},
    POLICIES(ROW)
#undef ROW
    [CLR_POLICY_SWEEP_LINEAR] = {"linear sweep", NEEDS_BOUNDS | NEEDS_STEP | HAS_NO_OPTION, sweep_rate},
    [CLR_POLICY_SWEEP_LOG] = {"log sweep", NEEDS_BOUNDS | NEEDS_STEP | HAS_NO_OPTION, sweep_rate},
};
/* clang-format on */

/* NULL: there is no policy of that number. */
static const struct policy_row *find(enum clr_policy policy)
{
    return (size_t)policy < MEM_COUNT(policies) ? &policies[policy] : NULL;
}

void clr_schedule_init(struct clr_schedule *s, size_t size)
{
    memset(s, 0, size);
    s->size = size;
    if (size != sizeof *s)
        return; /* of another version: clr_schedule_check() refuses it */
    *s = (struct clr_schedule){.size = size,
                               .policy = CLR_POLICY_FIXED,
                               .exp_range = CLR_EXP_RANGE_BOUNDS,
                               .lr = NAN,
                               .min_lr = NAN,
                               .max_lr = NAN,
                               .gamma = NAN,
                               .power = NAN,
                               .t_mult = 1,
                               .pct_start = 0.3,
                               .div_factor = 25.0,
                               .final_div_factor = 1e4,
                               .anneal = CLR_ANNEAL_COS,
                               .momentum = 0.9,
                               .cycle_momentum_low = NAN,
                               .cycle_momentum_high = NAN};
}

/* ---- names ---- */

STR_NAMES(clr_exp_range_names, [CLR_EXP_RANGE_BOUNDS] = "bounds", [CLR_EXP_RANGE_AMPLITUDE] = "amplitude")
STR_NAMES(clr_anneal_names, [CLR_ANNEAL_COS] = "cos", [CLR_ANNEAL_LINEAR] = "linear")

const char *const *clr_schedule_policies(void)
{
    static const char *const names[] = {
#define ROW(policy, name, reads, rate) name,
        POLICIES(ROW) NULL};
#undef ROW

    return names;
}

int clr_schedule_parse_policy(enum clr_policy *out, const char *name, struct clr_error *err)
{
    char known[STR_KNOWN];

    for (size_t i = 0; i < MEM_COUNT(policies); i++) {
        if (!(policies[i].reads & HAS_NO_OPTION) && strcmp(policies[i].name, name) == 0) {
            *out = (enum clr_policy)i;
            return 0;
        }
    }
    return clr_error_set(err, CLR_EUSAGE, "`policy`: there is no policy '%.64s'%s", name,
                         str_known(known, name, clr_schedule_policies()));
}

bool clr_schedule_reads(enum clr_policy policy, const char *field)
{
    const struct policy_row *row = find(policy);

    for (size_t i = 0; row && i < MEM_COUNT(fields); i++)
        if (strcmp(fields[i].name, field) == 0)
            return row->reads & fields[i].bit;
    return false;
}

bool clr_schedule_is_caffes(enum clr_policy policy)
{
    const struct policy_row *row = find(policy);

    return row && (row->reads & IS_CAFFES);
}

const char *clr_schedule_policy_name(enum clr_policy policy)
{
    const struct policy_row *row = find(policy);

    return row ? row->name : "unknown";
}

/* ---- checking ---- */

/* Bits of the fields that are not given, of those that have no default. */
static unsigned missing(const struct clr_schedule *s)
{
    return (isnan(s->lr) ? NEEDS_LR : 0u) | (isnan(s->min_lr) ? NEEDS_MIN : 0u) |
           (isnan(s->max_lr) ? NEEDS_MAX : 0u) | (s->step_size == 0 ? NEEDS_STEP : 0u) |
           (isnan(s->gamma) ? NEEDS_GAMMA : 0u) | (isnan(s->power) ? NEEDS_POWER : 0u) |
           (s->milestone_count == 0 ? NEEDS_MILESTONES : 0u) | (s->iterations == 0 ? NEEDS_ITERATIONS : 0u);
}

/* The step of a sweep is its number of iterations. */
static const char *name_of(const char *field, const struct policy_row *row)
{
    return (row->reads & HAS_NO_OPTION) && strcmp(field, "step_size") == 0 ? "iterations" : field;
}

/* All that is missing, at once. */
static int check_given(const struct clr_schedule *s, const struct policy_row *row, struct clr_error *err)
{
    const char *names[MEM_COUNT(fields)];
    struct str list = {0};
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < MEM_COUNT(fields); i++)
        if (row->reads & missing(s) & fields[i].bit)
            names[count++] = name_of(fields[i].name, row);
    for (size_t i = 0; i < count; i++)
        str_append(&list, "%s`%s`", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    if (count > 0)
        rc = clr_error_set(err, CLR_EUSAGE, "%s %s missing: policy %s needs %s", str_text(&list),
                           count > 1 ? "are" : "is", row->name, count > 1 ? "them" : "it");
    str_clear(&list);
    return rc;
}

/* A rate must survive as a float32 kernel argument. */
static int check_rate(double rate, const char *option, struct clr_error *err)
{
    if (!(rate > 0.0 && rate <= (double)FLT_MAX))
        return clr_error_set(err, CLR_EUSAGE, "%s is %g: a rate must be a finite number above 0", option,
                             rate);
    if (!str_fits_float(rate))
        return clr_error_set(err, CLR_EUSAGE, "%s is %g, which is 0 in float32, the numbers of the training",
                             option, rate);
    return 0;
}

static int check_bounds(const struct clr_schedule *s, const struct policy_row *row, struct clr_error *err)
{
    const bool zero = (row->reads & MAY_REACH_ZERO) && fpclassify(s->min_lr) == FP_ZERO;
    int rc = zero ? 0 : check_rate(s->min_lr, "`min_lr`", err);

    if (rc == 0)
        rc = check_rate(s->max_lr, "`max_lr`", err);
    if (rc == 0 && s->min_lr > s->max_lr)
        rc = clr_error_set(err, CLR_EUSAGE, "`min_lr` %g is above `max_lr` %g: exchange them", s->min_lr,
                           s->max_lr);
    return rc;
}

static int check_milestones(const struct clr_schedule *s, struct clr_error *err)
{
    if (s->milestone_count > CLR_MAX_MILESTONES)
        return clr_error_set(err, CLR_EUSAGE, "`milestones` has %zu entries: at most %d fit",
                             s->milestone_count, CLR_MAX_MILESTONES);
    for (size_t i = 1; i < s->milestone_count; i++) {
        if (s->milestones[i] <= s->milestones[i - 1])
            return clr_error_set(err, CLR_EUSAGE,
                                 "`milestones` must ascend: %" PRIu64 " comes after %" PRIu64,
                                 s->milestones[i], s->milestones[i - 1]);
    }
    return 0;
}

/* Factors lie in (0, 1]; what multiplies t may be larger, or, under sigmoid, negative. */
static int check_gamma(const struct clr_schedule *s, struct clr_error *err)
{
    const bool sigmoid = s->policy == CLR_POLICY_SIGMOID, inv = s->policy == CLR_POLICY_INV;
    const bool fits = sigmoid ? isfinite(s->gamma) && fabs(s->gamma) > 0.0
                      : inv   ? isfinite(s->gamma) && s->gamma > 0.0
                              : s->gamma > 0.0 && s->gamma <= 1.0;

    return fits ? 0
                : clr_error_set(err, CLR_EUSAGE, "`gamma` is %g: %s", s->gamma,
                                sigmoid ? "for sigmoid it must be finite, and not 0"
                                : inv   ? "for inv it must be finite and above 0"
                                        : "it must be above 0 and at most 1");
}

static int check_1cycle(const struct clr_schedule *s, struct clr_error *err)
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
    if (s->anneal != CLR_ANNEAL_COS && s->anneal != CLR_ANNEAL_LINEAR)
        return clr_error_set(err, CLR_EUSAGE, "`anneal` must be cos or linear");
    return 0;
}

static bool is_momentum(double m)
{
    return m >= 0.0 && m < 1.0;
}

static int check_momentum(const struct clr_schedule *s, const struct policy_row *row, struct clr_error *err)
{
    double low = s->cycle_momentum_low, high = s->cycle_momentum_high;

    if (!is_momentum(s->momentum))
        return clr_error_set(err, CLR_EUSAGE, "`momentum` is %g: it must be at least 0 and below 1",
                             s->momentum);
    if (isnan(low) && isnan(high))
        return 0;
    if (!(row->reads & MOVES_MOMENTUM))
        return clr_error_set(
            err, CLR_EUSAGE,
            "`cycle_momentum_low` needs a cyclic policy (triangular, triangular2, exp_range, "
            "1cycle, sgdr): policy %s has no cycles",
            row->name);
    if (!is_momentum(low) || !is_momentum(high))
        return clr_error_set(err, CLR_EUSAGE,
                             "`cycle_momentum_low` %g, high %g: both must be given, at least 0 and below 1",
                             low, high);
    if (low > high)
        return clr_error_set(err, CLR_EUSAGE,
                             "`cycle_momentum_low` %g is above the high one, %g: exchange them", low, high);
    return 0;
}

int clr_schedule_check(const struct clr_schedule *s, struct clr_error *err)
{
    const struct policy_row *row;
    int rc = mem_check_struct(s, sizeof *s, "clr_schedule", err);

    if (rc < 0)
        return rc;
    row = find(s->policy);
    if (!row)
        return clr_error_set(err, CLR_EUSAGE, "`policy`: unknown policy number %d", (int)s->policy);
    rc = check_given(s, row, err);
    if (rc == 0 && (row->reads & NEEDS_LR))
        rc = check_rate(s->lr, "`lr`", err);
    if (rc == 0 && (row->reads & NEEDS_MIN))
        rc = check_bounds(s, row, err);
    if (rc == 0 && (row->reads & NEEDS_MAX))
        rc = check_rate(s->max_lr, "`max_lr`", err);
    if (rc == 0 && (row->reads & NEEDS_STEP) && s->step_size > UINT64_MAX / 2)
        rc = clr_error_set(err, CLR_EUSAGE, "%s %" PRIu64 " is too large",
                           row->reads & HAS_NO_OPTION ? "`iterations`" : "`step_size`", s->step_size);
    if (rc == 0 && (row->reads & NEEDS_GAMMA))
        rc = check_gamma(s, err);
    if (rc == 0 && (row->reads & NEEDS_POWER) && !(s->power >= 0.0 && s->power <= MAX_POWER))
        rc =
            clr_error_set(err, CLR_EUSAGE, "`power` is %g: it must be between 0 and %g", s->power, MAX_POWER);
    if (rc == 0 && (row->reads & NEEDS_MILESTONES))
        rc = check_milestones(s, err);
    if (rc == 0 && s->policy == CLR_POLICY_1CYCLE)
        rc = check_1cycle(s, err);
    if (rc == 0 && s->policy == CLR_POLICY_SGDR && s->t_mult == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "`t_mult` is 0: it must be at least 1");
    if (rc == 0 && s->policy == CLR_POLICY_EXP_RANGE && s->exp_range != CLR_EXP_RANGE_BOUNDS &&
        s->exp_range != CLR_EXP_RANGE_AMPLITUDE)
        rc = clr_error_set(err, CLR_EUSAGE, "`exp_range` must be bounds or amplitude");
    if (rc == 0)
        rc = check_momentum(s, row, err);
    return rc;
}

double clr_schedule_lr(const struct clr_schedule *s, uint64_t t)
{
    const struct policy_row *row = find(s->policy);

    return row ? row->rate(s, t) : NAN; /* clr_schedule_check() refuses other policies */
}

double clr_schedule_momentum(const struct clr_schedule *s, uint64_t t)
{
    if (isnan(s->cycle_momentum_low) || isnan(s->cycle_momentum_high))
        return s->momentum;
    if (s->policy == CLR_POLICY_1CYCLE)
        return one_cycle(s, s->cycle_momentum_high, s->cycle_momentum_low, s->cycle_momentum_high, t);
    if (s->policy == CLR_POLICY_SGDR)
        return sgdr(s, s->cycle_momentum_low, s->cycle_momentum_high, t);
    return triangle(s, s->cycle_momentum_high, s->cycle_momentum_low, t);
}

bool clr_schedule_is_cyclic(enum clr_policy policy)
{
    const struct policy_row *row = find(policy);

    return row && (row->reads & IS_CYCLIC);
}

uint64_t clr_schedule_cycle_end(const struct clr_schedule *s, uint64_t t)
{
    const struct cycle c = cycle_of(s, t);

    return c.length > 0 && c.length <= UINT64_MAX - c.start ? c.start + c.length : UINT64_MAX;
}

uint64_t clr_schedule_cycles(const struct clr_schedule *s, uint64_t cycles)
{
    const struct cycle first = cycle_of(s, 0);
    uint64_t end = 0;

    if (first.length == 0)
        return UINT64_MAX;
    if (s->policy != CLR_POLICY_SGDR || s->t_mult == 1)
        return cycles <= UINT64_MAX / first.length ? cycles * first.length : UINT64_MAX;
    while (cycles-- > 0 && end < UINT64_MAX) /* at most 64 times: each is twice as long or longer */
        end = clr_schedule_cycle_end(s, end);
    return end;
}

bool clr_schedule_ends_in_cycle(const struct clr_schedule *s, uint64_t iterations)
{
    return clr_schedule_is_cyclic(s->policy) && s->step_size > 0 &&
           clr_schedule_cycle_end(s, iterations - 1) != iterations;
}

/* ---- text ---- */

void clr_schedule_describe(const struct clr_schedule *s, char *out, size_t size)
{
    const struct policy_row *row = find(s->policy);
    const unsigned reads = row ? row->reads : 0;
    struct str text = {0};

    str_append(&text, "%s", clr_schedule_policy_name(s->policy));
    if (reads & NEEDS_LR)
        str_append(&text, " %g", s->lr);
    if (reads & NEEDS_MIN)
        str_append(&text, " %g…%g", s->policy == CLR_POLICY_DECAY ? s->max_lr : s->min_lr,
                   s->policy == CLR_POLICY_DECAY ? s->min_lr : s->max_lr);
    else if (reads & NEEDS_MAX)
        str_append(&text, " up to %g", s->max_lr);
    if (reads & NEEDS_GAMMA)
        str_append(&text, ", gamma %.10g", s->gamma);
    if (reads & NEEDS_POWER)
        str_append(&text, ", power %.10g", s->power);
    if (s->policy == CLR_POLICY_EXP_RANGE && s->exp_range == CLR_EXP_RANGE_AMPLITUDE)
        str_append(&text, " on the amplitude");
    if (reads & NEEDS_STEP) {
        str_append(&text, ", %s ", reads & HAS_NO_OPTION ? "iterations" : "step size");
        str_append_grouped(&text, s->step_size);
    }
    if (s->policy == CLR_POLICY_SGDR && s->t_mult > 1)
        str_append(&text, " times %" PRIu64, s->t_mult);
    if (s->policy == CLR_POLICY_1CYCLE)
        str_append(&text, " at %g, from 1/%g, to 1/%g of that%s%s", s->pct_start, s->div_factor,
                   s->final_div_factor, s->anneal == CLR_ANNEAL_LINEAR ? ", linear" : "",
                   s->three_phase ? ", three phases" : "");
    for (size_t i = 0; (reads & NEEDS_MILESTONES) && i < s->milestone_count; i++) {
        str_append(&text, "%s", i == 0 ? ", milestones " : " ");
        str_append_grouped(&text, s->milestones[i]);
    }
    if (!isnan(s->cycle_momentum_low) && !isnan(s->cycle_momentum_high))
        str_append(&text, ", momentum %g…%g", s->cycle_momentum_low, s->cycle_momentum_high);
    str_copy(out, size, text.failed ? "" : str_text(&text));
    str_clear(&text);
}

const char *clr_schedule_row(char out[CLR_SCHEDULE_ROW], const struct clr_schedule *s, uint64_t t)
{
    (void)snprintf(out, CLR_SCHEDULE_ROW, "%" PRIu64 ",%.9g,%.9g\n", t + 1, clr_schedule_lr(s, t),
                   clr_schedule_momentum(s, t));
    return out;
}

int clr_schedule_write_csv(const struct clr_schedule *s, uint64_t iterations, const char *path,
                           struct clr_error *err)
{
    struct str text = {0};
    char row[CLR_SCHEDULE_ROW];
    int rc = clr_schedule_check(s, err);

    if (rc < 0)
        return rc;
    str_append(&text, CLR_SCHEDULE_HEADER "\n");
    for (uint64_t t = 0; t < iterations && !text.failed; t++)
        str_append(&text, "%s", clr_schedule_row(row, s, t));
    rc = str_check(&text, err);
    if (rc == 0)
        rc = fs_write_atomic(path, str_text(&text), text.length, err);
    str_clear(&text);
    return rc;
}
