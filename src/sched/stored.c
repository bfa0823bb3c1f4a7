/* Schedules as JSON: see stored.h. */
#include "sched/stored.h"

#include <math.h>

#include "base/str.h"
#include "sched/policies.h"

static json_t *milestones_json(const struct clr_schedule *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->milestone_count; i++)
        list = json_append(list, json_count(s->milestones[i]));
    return list;
}

static json_t *field_json(const struct clr_schedule *s, const struct schedule_field *f)
{
    const void *at = (const char *)s + f->at;

    switch (f->kind) {
    case SCHEDULE_REAL:
        return json_finite(*(const double *)at);
    case SCHEDULE_COUNT:
        return f->later && *(const uint64_t *)at == 0 ? json_null() : json_count(*(const uint64_t *)at);
    case SCHEDULE_FLAG:
        return json_boolean(*(const bool *)at);
    case SCHEDULE_WORD:
        return json_string(f->names()[*(const unsigned *)at]);
    case SCHEDULE_MILESTONES:
        break;
    }
    return milestones_json(s);
}

json_t *schedule_to_json(const struct clr_schedule *s)
{
    json_t *json;
    char text[256];

    clr_schedule_describe(s, text, sizeof text);
    json = json_pack("{s:s, s:o}", "policy", clr_schedule_policy_name(s->policy), "description",
                     text[0] ? json_string(text) : NULL);
    for (const struct schedule_field *f = schedule_fields; f->name; f++)
        if (!f->of_run)
            json = json_put(json, f->name, field_json(s, f));
    return json;
}

/* ---- reading ---- */

static bool read_milestones(struct clr_schedule *s, const json_t *list)
{
    s->milestone_count = json_array_size(list);
    if (s->milestone_count > CLR_MAX_MILESTONES)
        return false;
    for (size_t i = 0; i < s->milestone_count; i++)
        if (!json_count_value(&s->milestones[i], json_array_get(list, i)))
            return false;
    return true;
}

static bool read_word(unsigned *out, const json_t *v, const char *const *names)
{
    const int i = json_is_string(v) ? str_index(json_string_value(v), names) : -1;

    *out = (unsigned)i;
    return i >= 0;
}

static bool read_field(struct clr_schedule *s, const struct schedule_field *f, const json_t *v)
{
    void *at = (char *)s + f->at;

    if (!v || json_is_null(v))
        return true;
    switch (f->kind) {
    case SCHEDULE_REAL:
        *(double *)at = json_number_value(v);
        return json_is_number(v);
    case SCHEDULE_COUNT:
        return json_count_value(at, v);
    case SCHEDULE_FLAG:
        *(bool *)at = json_is_true(v);
        return json_is_boolean(v);
    case SCHEDULE_WORD:
        return read_word(at, v, f->names());
    case SCHEDULE_MILESTONES:
        break;
    }
    return read_milestones(s, v);
}

bool schedule_from_json(struct clr_schedule *out, const json_t *json, uint64_t iterations)
{
    const char *name = json_string_value(json_object_get(json, "policy"));
    struct clr_schedule s;
    bool whole;

    clr_schedule_init(&s, sizeof s);
    s.iterations = iterations;
    whole = name && policy_find(&s.policy, name);
    for (const struct schedule_field *f = schedule_fields; f->name && whole; f++)
        whole = f->of_run || read_field(&s, f, json_object_get(json, f->name));
    if (!whole || clr_schedule_check(&s, NULL) < 0)
        return false;
    *out = s;
    return true;
}
