/* Members of a JSON object that are fields of a struct: see members.h. */
#include "base/members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

static double number_of(const struct member *m, const void *field)
{
    switch (m->kind) {
    case MEMBER_INT:
        return *(const int *)field;
    case MEMBER_COUNT:
        return (double)*(const uint64_t *)field;
    default:
        return *(const double *)field;
    }
}

/* Of MEMBER_LIST: the number of its elements. */
static const size_t *length_of(const struct member *m, const void *field)
{
    return (const size_t *)((const char *)field - m->offset + m->count_offset);
}

/* ------------------------------------------------------------------ writing */

static json_t *number_json(const struct member *m, const void *field)
{
    const double v = number_of(m, field);

    if (m->optional && !(v >= m->min && v <= m->max))
        return json_null();
    return m->kind == MEMBER_NUMBER  ? json_finite(v)
           : m->kind == MEMBER_COUNT ? json_count(*(const uint64_t *)field) /* exact */
                                     : json_integer(*(const int *)field);
}

static json_t *text_json(const struct member *m, const void *field)
{
    (void)m;
    return json_string(field);
}

static json_t *bool_json(const struct member *m, const void *field)
{
    (void)m;
    return json_boolean(*(const bool *)field);
}

static json_t *enum_json(const struct member *m, const void *field)
{
    return json_string(m->names[*(const unsigned *)field]);
}

static json_t *ints_json(const struct member *m, const void *field)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->size / sizeof(int); i++)
        list = json_append(list, json_integer(((const int *)field)[i]));
    return list;
}

static json_t *object_json(const struct member *m, const void *field)
{
    return m->optional && m->check && m->check(field) ? json_null() : members_write(m->members, field);
}

static json_t *list_json(const struct member *m, const void *field)
{
    const char *element = *(const char *const *)field;
    json_t *list = json_array();

    for (size_t count = *length_of(m, field); count > 0; count--, element += m->size)
        list = json_append(list, members_write(m->members, element));
    return list;
}

/* ------------------------------------------------------------------ reading */

void members_wrong(struct members_reader *in, const char *name, const json_t *value, const char *what)
{
    char *text =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));

    if (in->rc == 0)
        in->rc = clr_error_set(in->err, CLR_EINPUT, "%s: %s%s%s %s%s%.80s%s", in->path, in->where,
                               in->where[0] ? "." : "", name, what, text ? ": " : "", text ? text : "",
                               text && strlen(text) > 80 ? "…" : "");
    free(text);
}

static void read_text(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    if (!json_is_string(v)) {
        members_wrong(in, m->name, v, "is not a text");
    } else if (json_string_length(v) >= m->size) {
        members_wrong(in, m->name, v, "is too long");
    } else {
        str_copy(field, m->size, json_string_value(v));
        if (m->kind == MEMBER_LINE)
            str_mask_name(field);
    }
}

static void read_number(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    const double d = json_number_value(v);
    char what[64];

    if (!json_is_number(v)) {
        members_wrong(in, m->name, v, "is not a number");
    } else if (m->kind != MEMBER_NUMBER && !json_is_integer(v)) {
        members_wrong(in, m->name, v, "is not a whole number");
    } else if (!(d >= m->min && d <= m->max)) {
        (void)snprintf(what, sizeof what, "is out of range (%.10g to %.10g)", m->min, m->max);
        members_wrong(in, m->name, v, what);
    } else if (m->kind == MEMBER_INT) {
        *(int *)field = (int)json_integer_value(v);
    } else if (m->kind == MEMBER_COUNT) {
        *(uint64_t *)field = (uint64_t)json_integer_value(v);
    } else {
        *(double *)field = d;
    }
}

static void read_bool(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    if (!json_is_boolean(v))
        members_wrong(in, m->name, v, "is neither true nor false");
    *(bool *)field = json_is_true(v);
}

static void read_enum(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    for (unsigned i = 0; json_is_string(v) && i <= m->max; i++)
        if (strcmp(json_string_value(v), m->names[i]) == 0) {
            *(unsigned *)field = i;
            return;
        }
    members_wrong(in, m->name, v, "is nothing that this version knows");
}

static void read_ints(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    int *numbers = field;
    const size_t count = m->size / sizeof *numbers;
    bool ok = json_array_size(v) == count;
    char what[96];

    for (size_t i = 0; i < count && ok; i++) {
        const json_t *one = json_array_get(v, i);
        ok = json_is_integer(one) && json_number_value(one) >= m->min && json_number_value(one) <= m->max;
        numbers[i] = ok ? (int)json_integer_value(one) : 0;
    }
    (void)snprintf(what, sizeof what, "is not a list of %zu whole numbers from %.10g to %.10g", count, m->min,
                   m->max);
    if (!ok)
        members_wrong(in, m->name, v, what);
}

static void read_list(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    const size_t n = json_array_size(v), outer = strlen(in->where);
    size_t *count = (size_t *)length_of(m, field);

    if (!json_is_array(v))
        members_wrong(in, m->name, v, "is not a list");
    else if ((double)n < m->min || (double)n > m->max)
        members_wrong(in, m->name, NULL, (double)n < m->min ? "has too few entries" : "has too many entries");
    if (in->rc == 0)
        in->rc = mem_new(field, n, m->size, m->name, in->err);
    for (*count = 0; in->rc == 0 && *count < n; ++*count) {
        (void)snprintf(in->where + outer, sizeof in->where - outer, "%s%s[%zu]", outer > 0 ? "." : "",
                       m->name, *count);
        members_read(in, json_array_get(v, *count), m->members, *(char **)field + *count * m->size);
    }
    in->where[outer] = '\0';
}

static void read_object(struct members_reader *in, const json_t *v, const struct member *m, void *field)
{
    const size_t outer = strlen(in->where);
    const char *what;

    if (!json_is_object(v))
        members_wrong(in, m->name, v, "is not an object");
    (void)snprintf(in->where + outer, sizeof in->where - outer, "%s%s", outer > 0 ? "." : "", m->name);
    members_read(in, v, m->members, field);
    in->where[outer] = '\0';
    what = in->rc == 0 && m->check ? m->check(field) : NULL;
    if (what)
        members_wrong(in, m->name, v, what);
}

/* ------------------------------------------------------------------ tables */

static const struct {
    json_t *(*write)(const struct member *m, const void *field);
    void (*read)(struct members_reader *in, const json_t *v, const struct member *m, void *field);
} kinds[] = {
    [MEMBER_TEXT] = {text_json, read_text},       [MEMBER_LINE] = {text_json, read_text},
    [MEMBER_INT] = {number_json, read_number},    [MEMBER_COUNT] = {number_json, read_number},
    [MEMBER_NUMBER] = {number_json, read_number}, [MEMBER_BOOL] = {bool_json, read_bool},
    [MEMBER_ENUM] = {enum_json, read_enum},       [MEMBER_INTS] = {ints_json, read_ints},
    [MEMBER_OBJECT] = {object_json, read_object}, [MEMBER_LIST] = {list_json, read_list},
};

json_t *members_write(const struct member *table, const void *from)
{
    json_t *object = json_object();

    for (const struct member *m = table; m->name; m++)
        object = json_put(object, m->name, kinds[m->kind].write(m, (const char *)from + m->offset));
    return object;
}

void members_read(struct members_reader *in, const json_t *object, const struct member *table, void *out)
{
    for (const struct member *m = table; m->name && in->rc == 0; m++) {
        const json_t *v = json_object_get(object, m->name);
        void *field = (char *)out + m->offset;
        const bool skip = m->optional && (!v || json_is_null(v));
        if (skip && m->kind == MEMBER_NUMBER)
            *(double *)field = NAN;
        if (!v && !skip)
            members_wrong(in, m->name, NULL, "is missing");
        else if (!skip)
            kinds[m->kind].read(in, v, m, field);
    }
}
