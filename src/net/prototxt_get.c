/* Typed getters over the tree of a prototxt file, and the search for unread fields: see prototxt.h.
 */
#include "net/prototxt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ values */

static int scalar(struct prototxt *doc, const struct pt_field *field, bool quoted, const char *wanted,
                  struct clr_error *err)
{
    if (!field->text)
        return pt_error(doc, field, err, "field '%s' is a block; it takes %s", pt_written(field), wanted);
    if (field->quoted != quoted)
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes %s", pt_written(field), field->text,
                        wanted);
    return 0;
}

/* As str_parse_int(), also in octal (010) and hexadecimal (0x8), which this format has. */
static bool parse_int(const char *text, int min, int max, int *out)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 0); /* a word has no spaces, and is not empty */
    if (*end || errno == ERANGE || value < min || value > max)
        return false;
    *out = (int)value;
    return true;
}

int pt_value_int(struct prototxt *doc, const struct pt_field *field, int min, int max, int *out,
                 struct clr_error *err)
{
    int rc = scalar(doc, field, false, "a whole number", err);

    if (rc < 0)
        return rc;
    if (!parse_int(field->text, min, max, out))
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes a whole number from %d to %d",
                        pt_written(field), field->text, min, max);
    return 0;
}

static int value_double(struct prototxt *doc, const struct pt_field *field, double min, double max,
                        double *out, struct clr_error *err)
{
    char copy[64];
    size_t n;
    int rc = scalar(doc, field, false, "a number", err);

    if (rc < 0)
        return rc;
    str_copy(copy, sizeof copy, field->text);
    n = strlen(field->text);
    if (n > 1 && n < sizeof copy && (copy[n - 1] == 'f' || copy[n - 1] == 'F') && copy[1] != 'x' &&
        copy[1] != 'X')
        copy[n - 1] = '\0'; /* 0.5f */
    if (n >= sizeof copy || !str_parse_double(copy, min, max, out))
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes a number from %g to %g",
                        pt_written(field), field->text, min, max);
    if (!str_fits_float(*out))
        return pt_error(doc, field, err,
                        "field '%s' is %s, which is 0 in float32, the numbers of the training",
                        pt_written(field), field->text);
    return 0;
}

int pt_value_text(struct prototxt *doc, const struct pt_field *field, const char **out, struct clr_error *err)
{
    int rc = scalar(doc, field, true, "a string in quotes", err);

    if (rc < 0)
        return rc;
    *out = field->text;
    return 0;
}

int pt_value_message(struct prototxt *doc, const struct pt_field *field, struct clr_error *err)
{
    if (field->text)
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes a block { … }", pt_written(field),
                        field->text);
    return 0;
}

/* ------------------------------------------------------------------ getters */

void pt_open(struct pt_reader *r, struct prototxt *doc, struct pt_field *message)
{
    memset(r, 0, sizeof *r);
    r->doc = doc;
    r->message = message ? message : &doc->fields[0];
    r->problems = doc->problem_count;
}

static void remember(struct pt_reader *r, const char *name)
{
    for (size_t i = 0; i < r->asked_count; i++) {
        if (strcmp(r->asked[i], name) == 0)
            return;
    }
    if (r->asked_count < PT_LIMIT_ASKED)
        r->asked[r->asked_count++] = name;
}

void pt_offer(struct pt_reader *r, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        remember(r, names[i]);
}

bool pt_refused(struct pt_reader *r, const char *name, struct pt_field **field)
{
    size_t i = *field ? (*field)->next : r->message->first;

    for (; i; i = r->doc->fields[i].next) {
        struct pt_field *f = &r->doc->fields[i];
        if (strcmp(f->name, name) != 0)
            continue;
        f->read = true;
        *field = f;
        return true;
    }
    return false;
}

bool pt_next(struct pt_reader *r, const char *name, struct pt_field **field)
{
    remember(r, name);
    return pt_refused(r, name, field);
}

/* What a getter returns of a field that is there. A wrong value does not stop the reading. */
static int given(struct pt_reader *r, int rc)
{
    if (rc != CLR_EINPUT)
        r->rc = rc;
    return rc < 0 ? rc : 1;
}

int pt_only(struct pt_reader *r, const char *name, struct pt_field **out, struct clr_error *err)
{
    struct pt_field *field = NULL, *second;

    if (r->rc < 0 || !pt_next(r, name, &field))
        return r->rc;
    *out = second = field;
    if (!pt_next(r, name, &second))
        return 1;
    return given(r, pt_error(r->doc, second, err, "field '%s' is given twice (first in line %d)",
                             pt_written(second), field->line));
}

int pt_int(struct pt_reader *r, const char *name, int min, int max, int *out, struct clr_error *err)
{
    struct pt_field *field = NULL;
    int rc = pt_only(r, name, &field, err);

    return rc <= 0 ? rc : given(r, pt_value_int(r->doc, field, min, max, out, err));
}

int pt_double(struct pt_reader *r, const char *name, double min, double max, double *out,
              struct clr_error *err)
{
    struct pt_field *field = NULL;
    int rc = pt_only(r, name, &field, err);

    return rc <= 0 ? rc : given(r, value_double(r->doc, field, min, max, out, err));
}

int pt_text(struct pt_reader *r, const char *name, const char **out, struct clr_error *err)
{
    struct pt_field *field = NULL;
    int rc = pt_only(r, name, &field, err);

    return rc <= 0 ? rc : given(r, pt_value_text(r->doc, field, out, err));
}

/* wanted: for messages, what a word is; takes: which words the field takes; numbers: pt_enum()'s, or NULL. */
static int word(struct pt_reader *r, const char *name, const char *const *words, const int *numbers,
                const char *wanted, const char *takes, int *out, struct clr_error *err)
{
    struct pt_field *field = NULL;
    int number, rc = pt_only(r, name, &field, err);

    if (rc <= 0)
        return rc;
    rc = scalar(r->doc, field, false, wanted, err);
    for (int i = 0; rc == 0 && words[i]; i++)
        if (strcmp(words[i], field->text) == 0 ||
            (numbers && parse_int(field->text, INT_MIN, INT_MAX, &number) && number == numbers[i])) {
            *out = i;
            return 1;
        }
    if (rc == 0)
        rc = pt_error(r->doc, field, err, "field '%s' is '%.60s'; it takes %s", pt_written(field),
                      field->text, takes);
    return given(r, rc);
}

int pt_bool(struct pt_reader *r, const char *name, bool *out, struct clr_error *err)
{
    static const char *const words[] = {"false", "true", "False", "True", "f", "t", "0", "1", NULL};
    int i = 0, rc = word(r, name, words, NULL, "true or false", "true or false", &i, err);

    if (rc > 0)
        *out = i % 2 == 1;
    return rc;
}

int pt_enum(struct pt_reader *r, const char *name, const char *const *words, const int *numbers, int *out,
            struct clr_error *err)
{
    char takes[256] = "one of: ";
    size_t n = strlen(takes);

    for (size_t i = 0; words[i] && n < sizeof takes; i++)
        n += (size_t)snprintf(takes + n, sizeof takes - n, "%s%s", i > 0 ? ", " : "", words[i]);
    return word(r, name, words, numbers, "a word without quotes", takes, out, err);
}

int pt_word(struct pt_reader *r, const char *name, const char *const *words, int *out, struct clr_error *err)
{
    return pt_enum(r, name, words, NULL, out, err);
}

int pt_message(struct pt_reader *r, const char *name, struct pt_reader *out, struct clr_error *err)
{
    struct pt_field *field = NULL;
    int rc = pt_only(r, name, &field, err);

    if (rc <= 0)
        return rc;
    pt_open(out, r->doc, field);
    return given(r, pt_value_message(r->doc, field, err));
}

/* Takes the next of the fields of that name, of which there may be `limit` and were n; *rc: what failed. */
static bool next_of(struct pt_reader *r, const char *name, struct pt_field **field, int n, int limit, int *rc,
                    struct clr_error *err)
{
    if (r->rc < 0 || !pt_next(r, name, field))
        return false;
    if (n == limit)
        *rc = pt_error(r->doc, *field, err, "field '%s' is given more than %d times", pt_written(*field),
                       limit);
    return true;
}

int pt_ints(struct pt_reader *r, const char *name, int min, int max, int *out, int limit, int *count,
            struct clr_error *err)
{
    int n = 0, rc = r->rc;

    for (struct pt_field *field = NULL; next_of(r, name, &field, n, limit, &rc, err); n++)
        if (n < limit && pt_value_int(r->doc, field, min, max, &out[n], err) < 0)
            rc = CLR_EINPUT;
    if (rc == 0)
        *count = n;
    return rc;
}

int pt_doubles(struct pt_reader *r, const char *name, double min, double max, double *out, int limit,
               int *count, struct clr_error *err)
{
    int n = 0, rc = r->rc;

    for (struct pt_field *field = NULL; next_of(r, name, &field, n, limit, &rc, err); n++)
        if (n < limit && value_double(r->doc, field, min, max, &out[n], err) < 0)
            rc = CLR_EINPUT;
    if (rc == 0)
        *count = n;
    return rc;
}

static void unread(struct pt_reader *r, const struct pt_field *field, const char *const *unsupported,
                   struct clr_error *err)
{
    const char *where = r->message->name[0] ? pt_written(r->message) : "the file";
    char known[STR_KNOWN];

    for (const char *const *name = unsupported; name && *name; name++)
        if (strcmp(*name, field->name) == 0) {
            (void)pt_error(r->doc, field, err, "field '%.60s' is not supported in %s", pt_written(field),
                           where);
            return;
        }
    (void)pt_error(r->doc, field, err, "unknown field '%.60s' in %s%s", pt_written(field), where,
                   str_known(known, field->name, r->asked));
}

int pt_close(struct pt_reader *r, const char *const *unsupported, struct clr_error *err)
{
    if (r->rc < 0)
        return r->rc;
    for (size_t i = r->message->first; i; i = r->doc->fields[i].next)
        if (!r->doc->fields[i].read)
            unread(r, &r->doc->fields[i], unsupported, err);
    return r->doc->problem_count > r->problems ? CLR_EINPUT : 0;
}
