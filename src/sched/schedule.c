/* Schedules, whatever their policy: see clr/schedule.h. The policies are in policies.c. */
#include "sched/policies.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/fs.h"
#include "base/str.h"

#define MAX_POWER 100.0

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

int clr_schedule_parse_policy(enum clr_policy *out, const char *name, struct clr_error *err)
{
    const int i = str_index(name, clr_schedule_policies());
    char known[STR_KNOWN];

    if (i < 0)
        return clr_error_set(err, CLR_EUSAGE, "`policy`: there is no policy '%.64s'%s", name,
                             str_known(known, name, clr_schedule_policies()));
    *out = (enum clr_policy)i;
    return 0;
}

static bool same_name(const char *field, const char *text)
{
    while (*field && (*text == *field || (*text == '-' && *field == '_'))) {
        field++;
        text++;
    }
    return !*field && !*text;
}

static const struct schedule_field *field_named(const char *name)
{
    const struct schedule_field *f = schedule_fields;

    while (f->name && !same_name(f->name, name))
        f++;
    return f;
}

bool clr_schedule_reads(enum clr_policy policy, const char *field)
{
    const struct schedule_field *f = field_named(field);

    return f->name && (f->reads == 0 || (policy_of(policy)->reads & f->reads));
}

bool clr_schedule_needs(enum clr_policy policy, const char *field)
{
    return policy_of(policy)->reads & field_named(field)->reads & NEEDS_ANY;
}

const char *clr_schedule_policy_name(enum clr_policy policy)
{
    return policy_of(policy)->name;
}

/* ---- checking ---- */

static bool is_given(const struct clr_schedule *s, const struct schedule_field *f)
{
    const void *at = (const char *)s + f->at;

    return f->kind == SCHEDULE_MILESTONES ? s->milestone_count > 0
           : f->kind == SCHEDULE_REAL     ? !isnan(*(const double *)at)
                                          : *(const uint64_t *)at > 0;
}

/* All that is missing, at once. */
static int check_given(const struct clr_schedule *s, const struct policy *p, struct clr_error *err)
{
    const char *names[16];
    struct str list = {0};
    size_t count = 0;
    int rc = 0;

    for (const struct schedule_field *f = schedule_fields; f->name; f++)
        if ((p->reads & f->reads & NEEDS_ANY) && !is_given(s, f))
            names[count++] = (p->reads & IS_SWEEP) && f->reads == NEEDS_STEP ? "iterations" : f->name;
    for (size_t i = 0; i < count; i++)
        str_append(&list, "%s`%s`", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    if (count > 0)
        rc = clr_error_set(err, CLR_EUSAGE, "%s %s missing: policy %s needs %s", str_text(&list),
                           count > 1 ? "are" : "is", p->name, count > 1 ? "them" : "it");
    str_clear(&list);
    return rc;
}

static int check_words(const struct clr_schedule *s, struct clr_error *err)
{
    int rc = 0;

    for (const struct schedule_field *f = schedule_fields; f->name && rc == 0; f++) {
        int last = 0;
        while (f->names && f->names()[last + 1])
            last++;
        if (f->names)
            rc =
                mem_check_range(*(const int *)(const void *)((const char *)s + f->at), 0, last, f->name, err);
    }
    return rc;
}

/* A rate must survive as a float32 kernel argument. */
static int check_rate(double rate, const char *option, struct clr_error *err)
{
    if (!(rate > 0.0 && rate <= (double)FLT_MAX))
        return clr_error_set(err, CLR_EUSAGE, "%s is %g: a rate must be above 0 and at most %.4g", option,
                             rate, (double)FLT_MAX);
    if (!str_fits_float(rate))
        return clr_error_set(err, CLR_EUSAGE, "%s is %g, which is 0 in float32, the numbers of the training",
                             option, rate);
    return 0;
}

static int check_bounds(const struct clr_schedule *s, const struct policy *p, struct clr_error *err)
{
    const bool zero = (p->reads & MAY_REACH_ZERO) && fpclassify(s->min_lr) == FP_ZERO;
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

static bool is_momentum(double m)
{
    return m >= 0.0 && m < 1.0;
}

static int refuse_momentum(const struct policy *p, struct clr_error *err)
{
    struct str list = {0};
    int rc;

    for (int i = 0; clr_schedule_policies()[i]; i++)
        if (policy_of((enum clr_policy)i)->wave)
            str_append(&list, "%s%s", list.length > 0 ? ", " : "", clr_schedule_policies()[i]);
    rc = clr_error_set(err, CLR_EUSAGE,
                       "`cycle_momentum_low` needs a cyclic policy (%s): policy %s has no cycles",
                       str_text(&list), p->name);
    str_clear(&list);
    return rc;
}

static int check_momentum(const struct clr_schedule *s, const struct policy *p, struct clr_error *err)
{
    double low = s->cycle_momentum_low, high = s->cycle_momentum_high;

    if (!is_momentum(s->momentum))
        return clr_error_set(err, CLR_EUSAGE, "`momentum` is %g: it must be at least 0 and below 1",
                             s->momentum);
    if (isnan(low) && isnan(high))
        return s->cycle_momentum_step == 0
                   ? 0
                   : clr_error_set(err, CLR_EUSAGE,
                                   "`cycle_momentum_low` is missing: `cycle_momentum_step` needs it");
    if (!p->wave && s->cycle_momentum_step == 0)
        return refuse_momentum(p, err);
    if (s->cycle_momentum_step > UINT64_MAX / 2)
        return clr_error_set(err, CLR_EUSAGE, "`cycle_momentum_step` %" PRIu64 " is too large",
                             s->cycle_momentum_step);
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
    const struct policy *p;
    int rc = mem_check_struct(s, sizeof *s, "clr_schedule", err);

    if (rc < 0)
        return rc;
    p = policy_of(s->policy);
    if (!p->reads)
        return clr_error_set(err, CLR_EUSAGE, "`policy`: unknown policy number %d", (int)s->policy);
    rc = check_words(s, err);
    if (rc == 0)
        rc = check_given(s, p, err);
    if (rc == 0 && (p->reads & NEEDS_LR))
        rc = check_rate(s->lr, "`lr`", err);
    if (rc == 0 && (p->reads & NEEDS_MIN))
        rc = check_bounds(s, p, err);
    if (rc == 0 && (p->reads & NEEDS_MAX))
        rc = check_rate(s->max_lr, "`max_lr`", err);
    if (rc == 0 && (p->reads & NEEDS_STEP) && s->step_size > UINT64_MAX / 2)
        rc = clr_error_set(err, CLR_EUSAGE, "%s %" PRIu64 " is too large",
                           p->reads & IS_SWEEP ? "`iterations`" : "`step_size`", s->step_size);
    if (rc == 0 && (p->reads & NEEDS_POWER) && !(s->power >= 0.0 && s->power <= MAX_POWER))
        rc =
            clr_error_set(err, CLR_EUSAGE, "`power` is %g: it must be between 0 and %g", s->power, MAX_POWER);
    if (rc == 0 && (p->reads & NEEDS_MILESTONES))
        rc = check_milestones(s, err);
    if (rc == 0 && p->check)
        rc = p->check(s, err);
    if (rc == 0)
        rc = check_momentum(s, p, err);
    return rc;
}

/* ---- numbers ---- */

double clr_schedule_lr(const struct clr_schedule *s, uint64_t t)
{
    const struct policy *p = policy_of(s->policy);

    return p->rate ? p->rate(s, t) : p->wave ? p->wave(s, s->min_lr, s->max_lr, t) : NAN;
}

double clr_schedule_momentum(const struct clr_schedule *s, uint64_t t)
{
    const struct policy *p = policy_of(s->policy);
    const double low = s->cycle_momentum_low, high = s->cycle_momentum_high;

    struct clr_schedule own = {.step_size = s->cycle_momentum_step};

    if (isnan(low) || isnan(high))
        return s->momentum;
    if (own.step_size > 0)
        return policy_of(CLR_POLICY_TRIANGULAR2)->wave(&own, high, low, t);
    return p->wave ? p->wave(s, high, low, t) : s->momentum;
}

bool clr_schedule_is_cyclic(enum clr_policy policy)
{
    return policy_of(policy)->cycle;
}

/* length 0: there is none. */
static struct schedule_cycle cycle_of(const struct clr_schedule *s, uint64_t t)
{
    if (!clr_schedule_is_cyclic(s->policy) || s->step_size == 0)
        return (struct schedule_cycle){0, 0};
    return policy_of(s->policy)->cycle(s, t);
}

uint64_t clr_schedule_cycle_end(const struct clr_schedule *s, uint64_t t)
{
    const struct schedule_cycle c = cycle_of(s, t);

    return c.length > 0 && c.length <= UINT64_MAX - c.start ? c.start + c.length : UINT64_MAX;
}

uint64_t clr_schedule_cycles(const struct clr_schedule *s, uint64_t cycles)
{
    const struct schedule_cycle first = cycle_of(s, 0);
    uint64_t end = 0;

    if (first.length == 0)
        return UINT64_MAX;
    if (cycle_of(s, first.length).length == first.length) /* all are as long */
        return cycles <= UINT64_MAX / first.length ? cycles * first.length : UINT64_MAX;
    while (cycles-- > 0 && end < UINT64_MAX) /* at most 64 times: each is longer, twice or more */
        end = clr_schedule_cycle_end(s, end);
    return end;
}

bool clr_schedule_ends_in_cycle(const struct clr_schedule *s, uint64_t iterations)
{
    return clr_schedule_is_cyclic(s->policy) && s->step_size > 0 &&
           clr_schedule_cycle_end(s, iterations - 1) != iterations;
}

/* ---- text ---- */

static void append_momentum(struct str *text, const struct clr_schedule *s)
{
    str_append(text, ", momentum %g…%g", s->cycle_momentum_low, s->cycle_momentum_high);
    if (s->cycle_momentum_step > 0) {
        str_append(text, ", its step size ");
        str_append_grouped(text, s->cycle_momentum_step);
    }
}

void clr_schedule_describe(const struct clr_schedule *s, char *out, size_t size)
{
    const unsigned reads = policy_of(s->policy)->reads;
    struct str text = {0};
    double first, last;

    schedule_rates(s, &first, &last);
    str_append(&text, "%s", clr_schedule_policy_name(s->policy));
    if (!isnan(first))
        str_append(&text, " %g", first);
    if (!isnan(last))
        str_append(&text, "%s%g", isnan(first) ? " up to " : "…", last);
    if (reads & NEEDS_GAMMA)
        str_append(&text, ", gamma %.10g", s->gamma);
    if (reads & NEEDS_POWER)
        str_append(&text, ", power %.10g", s->power);
    if ((reads & READS_EXP_RANGE) && s->exp_range == CLR_EXP_RANGE_AMPLITUDE)
        str_append(&text, " on the amplitude");
    if (reads & NEEDS_STEP) {
        str_append(&text, ", %s ", reads & IS_SWEEP ? "iterations" : "step size");
        str_append_grouped(&text, s->step_size);
    }
    if ((reads & READS_T_MULT) && s->t_mult > 1)
        str_append(&text, " times %" PRIu64, s->t_mult);
    if (reads & READS_PHASES)
        str_append(&text, " at %g, from 1/%g, to 1/%g of that%s%s", s->pct_start, s->div_factor,
                   s->final_div_factor, s->anneal == CLR_ANNEAL_LINEAR ? ", linear" : "",
                   s->three_phase ? ", three phases" : "");
    for (size_t i = 0; (reads & NEEDS_MILESTONES) && i < s->milestone_count; i++) {
        str_append(&text, "%s", i == 0 ? ", milestones " : " ");
        str_append_grouped(&text, s->milestones[i]);
    }
    if (!isnan(s->cycle_momentum_low) && !isnan(s->cycle_momentum_high))
        append_momentum(&text, s);
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
