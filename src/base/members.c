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

/* ------------------------------------------------------------------ writing */

static json_t *number_json(const struct member *m, const void *field)
{
    const double v = number_of(m, field);

    if (m->optional && !(v >= m->min && v <= m->max))
        return json_null();
    return m->kind == MEMBER_NUMBER ? json_finite(v) : json_integer((json_int_t)v);
}

static json_t *ints_json(const struct member *m, const int *field)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->size / sizeof *field; i++)
        list = json_append(list, json_integer(field[i]));
    return list;
}

static json_t *list_json(const struct member *m, const char *element, size_t count)
{
    json_t *list = json_array();

    for (; count > 0; count--, element += m->size)
        list = json_append(list, members_write(m->members, element));
    return list;
}

json_t *members_write(const struct member *table, const void *from)
{
    json_t *object = json_object();

    for (const struct member *m = table; m->name; m++) {
        const char *field = (const char *)from + m->offset;
        json_t *value = NULL;
        switch (m->kind) {
        case MEMBER_TEXT:
        case MEMBER_LINE:
            value = json_string(field);
            break;
        case MEMBER_INT:
        case MEMBER_COUNT:
        case MEMBER_NUMBER:
            value = number_json(m, field);
            break;
        case MEMBER_BOOL:
            value = json_boolean(*(const bool *)field);
            break;
        case MEMBER_ENUM:
            value = json_string(m->names[*(const unsigned *)field]);
            break;
        case MEMBER_INTS:
            value = ints_json(m, (const int *)field);
            break;
        case MEMBER_OBJECT:
            value =
                m->optional && m->check && m->check(field) ? json_null() : members_write(m->members, field);
            break;
        case MEMBER_LIST:
            value = list_json(m, *(const char *const *)field,
                              *(const size_t *)((const char *)from + m->count_offset));
            break;
        }
        object = json_put(object, m->name, value);
    }
    return object;
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

static void read_text(struct members_reader *in, const json_t *v, const struct member *m, char *field)
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
        *(int *)field = (int)d;
    } else if (m->kind == MEMBER_COUNT) {
        *(uint64_t *)field = (uint64_t)d;
    } else {
        *(double *)field = d;
    }
}

static void read_bool(struct members_reader *in, const json_t *v, const struct member *m, bool *field)
{
    if (!json_is_boolean(v))
        members_wrong(in, m->name, v, "is neither true nor false");
    *field = json_is_true(v);
}

static void read_enum(struct members_reader *in, const json_t *v, const struct member *m, unsigned *field)
{
    for (unsigned i = 0; json_is_string(v) && i <= m->max; i++)
        if (strcmp(json_string_value(v), m->names[i]) == 0) {
            *field = i;
            return;
        }
    members_wrong(in, m->name, v, "is nothing that this version knows");
}

static void read_ints(struct members_reader *in, const json_t *v, const struct member *m, int *field)
{
    const size_t count = m->size / sizeof *field;
    bool ok = json_array_size(v) == count;
    char what[96];

    for (size_t i = 0; i < count && ok; i++) {
        const json_t *one = json_array_get(v, i);
        ok = json_is_integer(one) && json_number_value(one) >= m->min && json_number_value(one) <= m->max;
        field[i] = ok ? (int)json_integer_value(one) : 0;
    }
    (void)snprintf(what, sizeof what, "is not a list of %zu whole numbers from %.10g to %.10g", count, m->min,
                   m->max);
    if (!ok)
        members_wrong(in, m->name, v, what);
}

static void read_list(struct members_reader *in, const json_t *v, const struct member *m, char **field,
                      size_t *count)
{
    const size_t n = json_array_size(v), outer = strlen(in->where);

    if (!json_is_array(v))
        members_wrong(in, m->name, v, "is not a list");
    else if ((double)n < m->min || (double)n > m->max)
        members_wrong(in, m->name, NULL, (double)n < m->min ? "has too few entries" : "has too many entries");
    if (in->rc == 0)
        in->rc = mem_new(field, n, m->size, m->name, in->err);
    for (*count = 0; in->rc == 0 && *count < n; ++*count) {
        (void)snprintf(in->where + outer, sizeof in->where - outer, "%s%s[%zu]", outer > 0 ? "." : "",
                       m->name, *count);
        members_read(in, json_array_get(v, *count), m->members, *field + *count * m->size);
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

void members_read(struct members_reader *in, const json_t *object, const struct member *table, void *out)
{
    for (const struct member *m = table; m->name && in->rc == 0; m++) {
        const json_t *v = json_object_get(object, m->name);
        char *field = (char *)out + m->offset;
        const bool skip = m->optional && (!v || json_is_null(v));
        if (skip && m->kind == MEMBER_NUMBER)
            *(double *)field = NAN;
        if (skip)
            continue;
        if (!v)
            members_wrong(in, m->name, NULL, "is missing");
        else if (m->kind == MEMBER_TEXT || m->kind == MEMBER_LINE)
            read_text(in, v, m, field);
        else if (m->kind == MEMBER_BOOL)
            read_bool(in, v, m, (bool *)field);
        else if (m->kind == MEMBER_ENUM)
            read_enum(in, v, m, (unsigned *)field);
        else if (m->kind == MEMBER_INTS)
            read_ints(in, v, m, (int *)field);
        else if (m->kind == MEMBER_OBJECT)
            read_object(in, v, m, field);
        else if (m->kind == MEMBER_LIST)
            read_list(in, v, m, (char **)field, (size_t *)((char *)out + m->count_offset));
        else
            read_number(in, v, m, field);
    }
}
