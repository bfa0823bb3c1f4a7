/* Labels of curves: see labels.h. */
#include "plot/labels.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "plot/axes.h"
#include "plot/groups.h"
#include "sched/policies.h"

#define COMMON 3 /* groups, at least, that have what is common */

/* ---- parameters of policies, as texts ---- */

enum part {
    RATES,
    MOMENTUM,
    GAMMA,
    POWER,
    STEP,
    MILESTONES,
    FACTOR,
    PEAK,
    FIRST,
    LAST,
    ANNEAL,
    PHASES,
    BOUNDS,
    PARTS
};

static void append_number(struct str *s, const char *before, double v)
{
    char text[AXES_TEXT];

    axes_format_value(text, sizeof text, v, 6);
    str_append(s, "%s%s", before, text);
}

static void append_rates(struct str *s, const struct clr_schedule *c)
{
    double first, last;

    schedule_rates(c, &first, &last);
    if (!isnan(first))
        append_number(s, "", first);
    if (!isnan(last))
        append_number(s, isnan(first) ? "up to " : "…", last);
}

static bool cycles_momentum(const struct clr_schedule *c)
{
    return !isnan(c->cycle_momentum_low) && !isnan(c->cycle_momentum_high);
}

static void append_momentum(struct str *s, const struct clr_schedule *c)
{
    if (!cycles_momentum(c)) {
        append_number(s, "momentum ", c->momentum);
    } else {
        append_number(s, "momentum ", c->cycle_momentum_low);
        append_number(s, "…", c->cycle_momentum_high);
        if (c->cycle_momentum_step > 0)
            append_number(s, ", its step size ", (double)c->cycle_momentum_step);
    }
}

static void append_milestones(struct str *s, const struct clr_schedule *c)
{
    for (size_t i = 0; i < c->milestone_count; i++)
        append_number(s, i == 0 ? "milestones " : ", ", (double)c->milestones[i]);
}

/* Append that part of the schedule if its policy reads it and it is given. Parts are compared within one
 * policy only, except for rates and momentum. */
static void append_part(struct str *s, const struct clr_schedule *c, enum part part)
{
    const unsigned reads = policy_of(c->policy)->reads;
    const bool phases = reads & READS_PHASES, periods = reads & READS_T_MULT;
    const struct {
        bool read; /* by the policy */
        const char *before;
        double value; /* NaN: not given */
        const char *after;
    } numbers[PARTS] = {
        [GAMMA] = {reads & NEEDS_GAMMA, "gamma ", c->gamma, ""},
        [POWER] = {reads & NEEDS_POWER, "power ", c->power, ""},
        [STEP] = {c->step_size > 0 && (reads & NEEDS_STEP),
                  reads & IS_SWEEP ? "iterations "
                  : periods        ? "period "
                                   : "step size ",
                  (double)c->step_size, ""},
        [FACTOR] = {periods, "each period times ", (double)c->t_mult, ""},
        [PEAK] = {phases, "peak at ", 100.0 * c->pct_start, " %"},
        [FIRST] = {phases, "from max/", c->div_factor, ""},
        [LAST] = {phases, "down to max/", c->div_factor * c->final_div_factor, ""},
    };

    if (part == RATES)
        append_rates(s, c);
    else if (part == MOMENTUM)
        append_momentum(s, c);
    else if (part == MILESTONES && (reads & NEEDS_MILESTONES))
        append_milestones(s, c);
    else if (part == ANNEAL && phases)
        str_append(s, "%s", c->anneal == CLR_ANNEAL_LINEAR ? "linear" : "cosine");
    else if (part == PHASES && phases)
        str_append(s, "%s phases", c->three_phase ? "three" : "two");
    else if (part == BOUNDS && (reads & READS_EXP_RANGE))
        str_append(s, "on %s", c->exp_range == CLR_EXP_RANGE_BOUNDS ? "both bounds" : "the amplitude");
    else if (numbers[part].read && !isnan(numbers[part].value)) {
        append_number(s, numbers[part].before, numbers[part].value);
        str_append(s, "%s", numbers[part].after);
    }
}

/* ---- a schedule in words ---- */

static void append_periods(struct str *s, const struct clr_schedule *c)
{
    double period = (double)c->step_size;

    append_number(s, ", periods of ", period);
    for (int i = 0; i < 2 && c->t_mult > 1; i++)
        append_number(s, ", ", period *= (double)c->t_mult);
    if (c->t_mult > 1)
        str_append(s, ", …");
}

static void append_phases(struct str *s, const struct clr_schedule *c)
{
    str_append(s, "%s", clr_schedule_policy_name(c->policy));
    append_number(s, " from ", c->max_lr / c->div_factor);
    append_number(s, " up to ", c->max_lr);
    append_number(s, " at ", 100.0 * c->pct_start);
    append_number(s, " %, down to ", c->max_lr / c->div_factor / c->final_div_factor);
    str_append(s, "%s%s", c->anneal == CLR_ANNEAL_LINEAR ? ", linear" : "",
               c->three_phase ? ", three phases" : "");
}

/* The string, which is cleared, as text; CLR_ENOMEM: it failed. */
static int move_text(char *out, size_t size, struct str *s, struct clr_error *err)
{
    const int rc = str_check(s, err);

    if (rc == 0)
        str_copy(out, size, str_text(s));
    str_clear(s);
    return rc;
}

int clr_schedule_title(const struct clr_schedule *c, char *out, size_t size, struct clr_error *err)
{
    struct str s = {0};

    if (clr_schedule_reads(c->policy, "t_mult")) {
        str_append(&s, "%s ", clr_schedule_policy_name(c->policy));
        append_rates(&s, c);
        append_periods(&s, c);
    } else if (clr_schedule_reads(c->policy, "pct_start")) {
        append_phases(&s, c);
    } else {
        clr_schedule_describe(c, out, size);
        return out[0] ? 0 : clr_error_set(err, CLR_ENOMEM, "out of memory for a schedule's description");
    }
    if (cycles_momentum(c)) {
        str_append(&s, ", ");
        append_momentum(&s, c);
    }
    return move_text(out, size, &s, err);
}

/* ---- what differs ---- */

/* Where memory runs out, *s fails. */
static bool same_part(const struct clr_schedule *a, const struct clr_schedule *b, enum part part,
                      struct str *s)
{
    struct str x = {0}, y = {0};
    bool same;

    append_part(&x, a, part);
    append_part(&y, b, part);
    same = strcmp(str_text(&x), str_text(&y)) == 0;
    s->failed = s->failed || x.failed || y.failed;
    str_clear(&x);
    str_clear(&y);
    return same;
}

/* Groups that have the run's value, its own among them, and those that have another one. */
struct tally {
    size_t same, other;
};

/* Do most groups have that value? Then only the labels of the others need theirs. */
static bool is_common(struct tally t)
{
    return t.same >= COMMON && t.same > t.other;
}

/* Is the run's part compared with that one's? Not across policies, except for rates and momentum; nor a
 * constant momentum with a cycled one, unless the label also has what is `common`. */
static bool is_compared(const struct plot_run *r, const struct plot_run *other, enum part part, bool common)
{
    if (part == MOMENTUM)
        return common || cycles_momentum(&r->schedule) || !cycles_momentum(&other->schedule);
    return part == RATES || other->schedule.policy == r->schedule.policy;
}

/* How many groups have the run's value of that part. */
static struct tally count_part(const struct runs *runs, const struct plot_run *r, enum part part, bool common,
                               struct str *s)
{
    struct tally t = {0, 0};

    for (size_t g = 0; g < runs->groups; g++) {
        const struct plot_run *other = runs_next(runs, g, NULL);
        if (!other->scheduled || !is_compared(r, other, part, common))
            continue;
        if (same_part(&r->schedule, &other->schedule, part, s))
            t.same++;
        else
            t.other++;
    }
    return t;
}

static bool policies_differ(const struct runs *runs)
{
    const struct plot_run *first = NULL;

    for (const struct plot_run *r = runs->run; r < runs->run + runs->count; r++) {
        if (first && r->scheduled && first->schedule.policy != r->schedule.policy)
            return true;
        first = r->scheduled ? r : first;
    }
    return false;
}

static bool nets_differ(const struct runs *runs, bool data)
{
    const char *first = "";

    for (size_t k = 0; k < runs->count; k++) {
        const char *name = data ? runs->run[k].data : runs->run[k].net;
        if (first[0] && name[0] && strcmp(first, name) != 0)
            return true;
        first = name[0] ? name : first;
    }
    return false;
}

static void append_comma(struct str *s)
{
    if (s->length > 0)
        str_append(s, ", ");
}

static void append_topic(struct str *s, const struct runs *runs, const struct plot_run *r)
{
    const bool net = nets_differ(runs, false), data = nets_differ(runs, true);

    if (net && data)
        str_append(s, "%s", r->topic);
    else if (net || data)
        str_append(s, "%s", net ? r->net : r->data);
}

static void append_schedule(struct str *s, const struct runs *runs, const struct plot_run *r, bool common)
{
    const bool policy = policies_differ(runs);

    if (!r->scheduled)
        return;
    if (policy) {
        append_comma(s);
        str_append(s, "%s", clr_schedule_policy_name(r->schedule.policy));
    }
    for (int part = 0; part < PARTS; part++) {
        const struct tally t = count_part(runs, r, (enum part)part, common, s);
        if (t.other == 0 || (part != RATES && !common && is_common(t)))
            continue;
        if (part == RATES && policy) {
            str_append(s, " ");
        } else {
            append_comma(s);
            str_append(s, "%s", part == RATES ? "rate " : "");
        }
        append_part(s, &r->schedule, (enum part)part);
    }
}

static void append_setting(struct str *s, const char *key, const json_t *value)
{
    char name[64], number[AXES_TEXT];

    if (json_is_object(value) || json_is_array(value))
        return;
    str_copy(name, sizeof name, key);
    for (char *p = name; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    if (json_is_number(value))
        axes_format_value(number, sizeof number, json_number_value(value), 6);
    append_comma(s);
    str_append(s, "%s %s", name,
               json_is_number(value)   ? number
               : json_is_string(value) ? json_string_value(value)
               : json_is_true(value)   ? "on"
                                       : "off");
}

enum settings { MAJOR, LENGTH, MINOR };

/* Minor settings change no result, or are visible in the figure. */
static enum settings kind_of(const char *key)
{
    static const char *const minor[] = {
        "net",           "data",       "validate_every", "log_every", "keep_minima", "checkpoint_every",
        "on_divergence", "last_batch", "policy",         "lr",        "min_lr",      "max_lr",
        "gamma",         "power",      "step_size",      "momentum",  "milestones",  "init_partial"};

    for (size_t i = 0; i < MEM_COUNT(minor); i++)
        if (strcmp(minor[i], key) == 0)
            return MINOR;
    return strcmp(key, "iterations") == 0 ? LENGTH : MAJOR;
}

/* How many groups have that value of the setting. */
static struct tally count_setting(const struct runs *runs, const char *key, const json_t *value)
{
    struct tally t = {0, 0};

    for (size_t g = 0; g < runs->groups; g++) {
        const json_t *theirs = json_object_get(runs_next(runs, g, NULL)->settings, key);
        if (theirs && json_equal(theirs, value))
            t.same++;
        else if (theirs)
            t.other++;
    }
    return t;
}

/* Does another group, whose label is alike so far, have another value of the setting? */
static bool differs_among_equal(const struct runs *runs, const struct plot_run *r, const char *key,
                                const json_t *value)
{
    for (const struct plot_run *other = runs->run; other < runs->run + runs->count; other++) {
        const json_t *theirs = json_object_get(other->settings, key);
        if (other->group != r->group && strcmp(other->label, r->label) == 0 && theirs &&
            !json_equal(theirs, value))
            return true;
    }
    return false;
}

/* The run's settings of that kind: major ones that are not the same for all, others that differ from
 * those of a run whose label is alike so far. common: also major ones that most have. */
static void append_settings(struct str *s, const struct runs *runs, const struct plot_run *r,
                            enum settings kind, bool common)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)r->settings, key, value)
    {
        const struct tally t = count_setting(runs, key, value);
        if (kind_of(key) == kind && t.other > 0 &&
            (kind == MAJOR ? common || !is_common(t) : differs_among_equal(runs, r, key, value)))
            append_setting(s, key, value);
    }
}

/* ---- labels ---- */

static bool shares_label(const struct runs *runs, const struct plot_run *r)
{
    for (size_t k = 0; k < runs->count; k++)
        if (runs->run[k].group != r->group && strcmp(runs->run[k].label, r->label) == 0)
            return true;
    return false;
}

/* A text that has no room would be cut where it differs from another: the folder's name stands for it. */
static int set_label(struct plot_run *r, struct str *s, struct clr_error *err)
{
    const int rc = str_check(s, err);

    if (s->length > 0)
        str_copy(r->label, sizeof r->label, s->length < sizeof r->label ? str_text(s) : r->name);
    str_clear(s);
    return rc;
}

/* Labels that are alike get what else of that kind differs appended; of no kind: the folders' names. */
static int extend_equal(struct runs *runs, const enum settings *kind, struct clr_error *err)
{
    struct str *more = NULL;
    int rc = mem_new(&more, runs->count, sizeof *more, "labels", err);

    for (size_t i = 0; i < runs->count && rc == 0; i++) {
        const struct plot_run *r = &runs->run[i];
        if (!shares_label(runs, r))
            continue;
        str_append(&more[i], "%s", r->label);
        if (kind && r->settings)
            append_settings(&more[i], runs, r, *kind, false);
        else if (!kind && strcmp(r->label, r->name) != 0)
            str_append(&more[i], r->label[0] ? " (%s)" : "%s", r->name);
    }
    for (size_t i = 0; more && i < runs->count; i++) {
        if (rc == 0)
            rc = set_label(&runs->run[i], &more[i], err);
        str_clear(&more[i]);
    }
    free(more);
    return rc;
}

/* common: also parameters and settings that are as in most of the others. */
static void append_differences(struct str *s, const struct runs *runs, const struct plot_run *r, bool common)
{
    append_topic(s, runs, r);
    append_schedule(s, runs, r, common);
    append_settings(s, runs, r, MAJOR, common);
}

static int label_one(struct runs *runs, struct plot_run *r, struct clr_error *err)
{
    struct str s = {0};

    if (runs->groups == 1) {
        str_append(&s, "%s", r->described ? r->described : r->name);
    } else if (r->settings) {
        append_differences(&s, runs, r, false);
        if (s.length == 0)
            append_differences(&s, runs, r, true);
        if (!r->scheduled && s.length == 0 && r->described)
            str_append(&s, "%s", r->described);
    } else {
        str_append(&s, "%s", r->name);
    }
    return set_label(r, &s, err);
}

/* Rates that were halved after a divergence differ from the schedule: the label has how often. */
static void append_backoffs(const struct runs *runs, struct plot_run *r)
{
    const size_t length = strlen(r->label);
    int least = r->backoffs, most = r->backoffs;

    for (const struct plot_run *other = NULL; (other = runs_next(runs, r->group, other)) != NULL;) {
        least = other->backoffs < least ? other->backoffs : least;
        most = other->backoffs > most ? other->backoffs : most;
    }
    if (most > 0)
        (void)snprintf(r->label + length, sizeof r->label - length, ", halved %s%d time%s",
                       least < most ? "up to " : "", most, most > 1 ? "s" : "");
}

int labels_make(struct runs *runs, struct clr_error *err)
{
    static const enum settings kinds[] = {LENGTH, MINOR};
    int rc = 0;

    for (size_t i = 0; i < runs->count && rc == 0; i++)
        rc = label_one(runs, &runs->run[i], err);
    for (size_t k = 0; k < 3 && rc == 0; k++)
        rc = extend_equal(runs, k < 2 ? &kinds[k] : NULL, err);
    for (size_t i = 0; i < runs->count; i++) {
        struct plot_run *r = &runs->run[i];
        if (!r->label[0])
            str_copy(r->label, sizeof r->label, r->name);
        append_backoffs(runs, r);
    }
    return rc;
}

int labels_title(char *out, size_t size, const struct runs *runs, struct clr_error *err)
{
    const char *topic = groups_topic(runs);
    struct str s = {0};

    str_append(&s, "%s", topic);
    if (runs->groups > 1 && runs->run[0].scheduled && !policies_differ(runs)) {
        str_append(&s, "%s%s", topic[0] ? ": " : "", clr_schedule_policy_name(runs->run[0].schedule.policy));
        if (count_part(runs, &runs->run[0], RATES, true, &s).other == 0) {
            str_append(&s, " ");
            append_part(&s, &runs->run[0].schedule, RATES);
        }
    }
    return move_text(out, size, &s, err);
}

/* ---- the user's ---- */

static int refuse_name(const struct runs *runs, const char *name, struct clr_error *err)
{
    const char **names = NULL;
    char known[STR_KNOWN];
    size_t count = 0;
    int rc = mem_new(&names, runs->count + 1, sizeof *names, "names", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < runs->count; i++)
        if (i == 0 || strcmp(runs->run[i].name, runs->run[i - 1].name) != 0) /* repeats */
            names[count++] = runs->run[i].name;
    rc = clr_error_set(err, CLR_EUSAGE, "`labels` %s=…: nothing that is drawn is called '%s'%s", name, name,
                       str_known(known, name, names));
    free(names);
    return rc;
}

/* Two curves of one name, one of which the user gave. */
static int check_different(const struct runs *runs, const struct clr_plot_label *label, struct clr_error *err)
{
    const struct plot_run *first = NULL;

    for (size_t i = 0; i < runs->count; i++) {
        const struct plot_run *r = &runs->run[i];
        if (strcmp(r->label, label->text) != 0)
            continue;
        if (first && first->group != r->group)
            return clr_error_set(err, CLR_EUSAGE,
                                 "`labels` %s=…: two curves would be called '%s': '%s' and '%s'", label->name,
                                 label->text, first->name, r->name);
        first = first ? first : r;
    }
    return 0;
}

static bool is_called(const struct plot_run *r, const char *input, const char *name, bool as_given)
{
    return fs_is_called(input, name, as_given) || (r->within && fs_is_called(r->within, name, as_given)) ||
           (!as_given && strcmp(r->name, name) == 0);
}

/* Two texts for one curve, of repeats for example. */
static int check_single(const struct clr_plot_label *labels, const size_t *groups, size_t l,
                        struct clr_error *err)
{
    for (size_t k = 0; k < l; k++)
        if (groups[k] == groups[l] && strcmp(labels[k].text, labels[l].text) != 0)
            return clr_error_set(err, CLR_EUSAGE,
                                 "`labels` %s=%s and %s=%s: both are drawn as one curve, which has one name",
                                 labels[k].name, labels[k].text, labels[l].name, labels[l].text);
    return 0;
}

/* The run of that name, as given, else by its last part. CLR_EUSAGE: none, or several. */
static int find_run(const struct plot_run **out, const struct runs *runs, const char *const *inputs,
                    const char *name, struct clr_error *err)
{
    const struct plot_run *found = NULL;

    for (int pass = 0; pass < 2 && !found; pass++) {
        for (size_t i = 0; i < runs->count; i++) {
            const struct plot_run *r = &runs->run[i];
            if (!is_called(r, inputs[i], name, pass == 0))
                continue;
            if (found && found->group != r->group)
                return clr_error_set(
                    err, CLR_EUSAGE,
                    "`labels` %s=…: several are called like that; name the one with its path", name);
            found = r;
        }
    }
    *out = found;
    return found ? 0 : refuse_name(runs, name, err);
}

int labels_apply(struct runs *runs, const char *const *inputs, const struct clr_plot_label *labels,
                 size_t count, struct clr_error *err)
{
    size_t *groups = NULL;
    int rc = mem_new(&groups, count + 1, sizeof *groups, "labels", err);

    for (size_t l = 0; l < count && rc == 0; l++) {
        const struct plot_run *found = NULL;
        rc = find_run(&found, runs, inputs, labels[l].name, err);
        if (rc < 0)
            break;
        groups[l] = found->group;
        rc = check_single(labels, groups, l, err);
        for (size_t i = 0; i < runs->count; i++)
            if (runs->run[i].group == found->group)
                str_copy(runs->run[i].label, sizeof runs->run[i].label, labels[l].text);
    }
    for (size_t l = 0; l < count && rc == 0; l++)
        rc = check_different(runs, &labels[l], err);
    free(groups);
    return rc;
}
