/* Reading of prototxt blocks by tables of fields, and the tables that several layers share: see fields.h. */
#include "net/fields.h"

#include <limits.h>
#include <string.h>

#include "net/layer.h"

/* ------------------------------------------------------------------ values */

static void put(const struct field *f, void *base, double value)
{
    char *at = (char *)base + f->at;

    if (f->kind == FIELD_FLOAT)
        *(float *)(void *)at = (float)value;
    else if (f->kind == FIELD_DOUBLE)
        *(double *)(void *)at = value;
    else if (f->kind == FIELD_FLAG)
        *(bool *)(void *)at = value != 0.0;
    else
        *(int *)(void *)at = (int)value;
    if (f->kind == FIELD_PAIR)
        *(int *)(void *)((char *)base + f->at_w) = (int)value;
}

void fields_default(const struct field *fields, void *base)
{
    for (const struct field *f = fields; f->name; f++) {
        if (f->kind == FIELD_BLOCK)
            fields_default(f->fields, (char *)base + f->at);
        else if (f->kind <= FIELD_PAIR)
            put(f, base, f->usual);
    }
}

/* A word in quotes. 1 given, 0 absent, < 0 error. */
static int read_name(struct layer_reading *in, struct pt_reader *r, const struct field *f, int *out)
{
    const char *text = NULL;
    char known[STR_KNOWN];
    int rc = pt_text(r, f->name, &text, in->err);

    if (rc <= 0)
        return rc;
    *out = str_index(text, f->words);
    return *out >= 0 ? 1
                     : pt_error(in->doc, r->message, in->err, "field '%s' is '%.60s'%s", f->name, text,
                                str_known(known, text, f->words));
}

/* NAME once: both dimensions, twice: height and width; or the pair of .words, of which one may be missing
 * where that can mean 0. As read_name(). */
static int read_pair(struct layer_reading *in, struct pt_reader *r, const struct field *f, void *base)
{
    int *h = (int *)(void *)((char *)base + f->at), *w = (int *)(void *)((char *)base + f->at_w);
    const char *name_h = f->words ? f->words[0] : NULL, *name_w = f->words ? f->words[1] : NULL;
    const int min = (int)f->least;
    int values[2] = {0, 0}, count = 0, has_h = 0, has_w = 0,
        rc = pt_ints(r, f->name, min, GEOMETRY_MAX, values, 2, &count, in->err);

    if (rc == 0 && name_h) {
        has_h = pt_int(r, name_h, min, GEOMETRY_MAX, h, in->err);
        has_w = pt_int(r, name_w, min, GEOMETRY_MAX, w, in->err);
    }
    if (rc < 0 || has_h < 0 || has_w < 0)
        return CLR_EINPUT;
    if (count > 0 && (has_h || has_w))
        return pt_error(in->doc, r->message, in->err, "give '%s', or '%s' and '%s', not both", f->name,
                        name_h, name_w);
    if (has_h != has_w && min > 0)
        return pt_error(in->doc, r->message, in->err, "'%s' and '%s' must be given together", name_h, name_w);
    if (count > 0) {
        *h = values[0];
        *w = values[count - 1];
    }
    return count > 0 || has_h || has_w;
}

static int read_block(struct layer_reading *in, struct pt_reader *parent, const struct field *f, void *base)
{
    struct pt_reader r;
    int rc = pt_message(parent, f->name, &r, in->err);

    if (rc <= 0)
        return rc;
    (void)fields_read(in, &r, f->fields, (char *)base + f->at);
    rc = pt_close(&r, NULL, in->err);
    if (rc == 0 && f->check)
        rc = f->check(in, &r, (char *)base + f->at);
    return rc < 0 ? rc : 1;
}

/* A field that may only have one value. */
static int read_only(struct layer_reading *in, struct pt_reader *r, const struct field *f)
{
    const int only = (int)f->usual;
    struct pt_field *field = NULL;
    bool flag = false;
    int value = only, rc;

    if (f->kind == FIELD_FALSE)
        rc = pt_bool(r, f->name, &flag, in->err);
    else
        rc = pt_int(r, f->name, INT_MIN, INT_MAX, &value, in->err);
    if (rc <= 0 || (value == only && !flag))
        return rc;
    (void)pt_next(r, f->name, &field);
    return flag ? pt_error(in->doc, field, in->err, "'%s: true' is not supported", f->name)
                : pt_error(in->doc, field, in->err, "'%s: %d' is not supported, only %d is", f->name, value,
                           only);
}

static int read_unused(struct layer_reading *in, struct pt_reader *r, const struct field *f)
{
    int ignored, rc = f->words ? pt_enum(r, f->name, f->words, f->numbers, &ignored, in->err) : 0;

    for (struct pt_field *field = NULL; rc >= 0 && pt_next(r, f->name, &field);)
        spec_no_effect(in, field, f->help);
    return rc;
}

static int unsupported(struct layer_reading *in, struct pt_reader *r, const struct field *f)
{
    struct pt_field *field = NULL;

    return pt_refused(r, f->name, &field)
               ? pt_error(in->doc, field, in->err, "field '%s' is not supported in %s: %s", f->name,
                          r->message->name, f->help)
               : 0;
}

/* 1 given, 0 absent, < 0 error. */
static int read_field(struct layer_reading *in, struct pt_reader *r, const struct field *f, void *base)
{
    double real = 0.0;
    int whole = 0, rc = 0;
    bool flag;

    switch (f->kind) {
    case FIELD_INT:
        rc = pt_int(r, f->name, (int)f->least, (int)f->most, &whole, in->err);
        real = rc > 0 ? whole : 0;
        break;
    case FIELD_FLOAT:
    case FIELD_DOUBLE:
        rc = pt_double(r, f->name, f->least, f->most, &real, in->err);
        break;
    case FIELD_FLAG:
        rc = pt_bool(r, f->name, &flag, in->err);
        real = rc > 0 && flag;
        break;
    case FIELD_WORD:
        rc = pt_enum(r, f->name, f->words, f->numbers, &whole, in->err);
        real = rc > 0 ? whole : 0;
        break;
    case FIELD_NAME:
        rc = read_name(in, r, f, &whole);
        real = rc > 0 ? whole : 0;
        break;
    case FIELD_PAIR:
        return read_pair(in, r, f, base);
    case FIELD_BLOCK:
        return read_block(in, r, f, base);
    case FIELD_OWN:
        return f->read(in, r);
    case FIELD_ONLY:
    case FIELD_FALSE:
        return read_only(in, r, f);
    case FIELD_UNUSED:
        return read_unused(in, r, f);
    case FIELD_UNSUPPORTED:
        return unsupported(in, r, f);
    }
    if (rc > 0)
        put(f, base, real);
    return rc;
}

int spec_read_ignore(struct op_ignore *out, struct layer_reading *in, struct pt_reader *r)
{
    int rc = pt_int(r, "ignore_label", INT_MIN, INT_MAX, &out->label, in->err);

    out->given = rc > 0;
    return rc;
}

int spec_read_normalize(struct layer_reading *in, struct pt_reader *r)
{
    struct pt_field *newer = NULL;
    bool valid = true;
    int rc = pt_bool(r, "normalize", &valid, in->err);

    if (rc > 0 && !pt_next(r, "normalization", &newer))
        in->layer->desc.u.loss.normalization = valid ? LOSS_VALID : LOSS_BATCH_SIZE;
    return rc;
}

int fields_read(struct layer_reading *in, struct pt_reader *r, const struct field *fields, void *base)
{
    int rc = 0, first = 0;

    for (const struct field *f = fields; f->name; f++) {
        rc = read_field(in, r, f, base);
        if (rc == 0 && f->required)
            rc = pt_error(in->doc, r->message, in->err, "'%s' is missing", f->name);
        if (rc < 0 && first == 0)
            first = rc;
    }
    return first;
}
