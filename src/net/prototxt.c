/*
 * The reader of protocol-buffer text: see prototxt.h. A hand-written recursive descent, its depth bounded;
 * fields lie in one array and refer to each other by number, texts lie in one pool that is never moved.
 * Grammar: protobuf.dev, "Text Format Language Specification" (extensions and Any are left out).
 */
#include "net/prototxt.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ errors */

static int error_at(const char *file, int line, int column, struct clr_error *err, const char *format,
                    va_list ap)
{
    char text[768];

    (void)vsnprintf(text, sizeof text, format, ap);
    return clr_error_set(err, CLR_EINPUT, "%.200s:%d:%d: %s", file, line, column, text);
}

int pt_error(const struct prototxt *doc, const struct pt_field *field, struct clr_error *err,
             const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = error_at(doc->file, field->line, field->column, err, format, ap);
    va_end(ap);
    return rc;
}

/* ------------------------------------------------------------------ characters */

struct lexer {
    struct prototxt *doc;
    const char *p, *end;
    int line, column, depth;
    struct clr_error *err;
};

static int CLR_PRINTF(2, 3) lex_error(const struct lexer *lx, const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = error_at(lx->doc->file, lx->line, lx->column, lx->err, format, ap);
    va_end(ap);
    return rc;
}

/* The byte under the cursor; −1 at the end. */
static int peek(const struct lexer *lx)
{
    return lx->p < lx->end ? (unsigned char)*lx->p : -1;
}

static void advance(struct lexer *lx)
{
    if (*lx->p == '\n') {
        lx->line++;
        lx->column = 1;
    } else {
        lx->column++;
    }
    lx->p++;
}

static void skip_space(struct lexer *lx)
{
    for (;;) {
        int c = peek(lx);
        if (c == '#') {
            while (peek(lx) >= 0 && peek(lx) != '\n')
                advance(lx);
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            advance(lx);
        } else {
            return;
        }
    }
}

/* "unexpected X, expected Y" at the cursor. */
static int unexpected(const struct lexer *lx, const char *expected)
{
    int c = peek(lx);

    if (c < 0)
        return lex_error(lx, "the file ends where %s is expected", expected);
    if (c > ' ' && c < 127)
        return lex_error(lx, "unexpected '%c' where %s is expected", c, expected);
    return lex_error(lx, "unexpected byte 0x%02x where %s is expected", (unsigned)c, expected);
}

static bool is_word(int c)
{
    return c >= 0 && c < 128 && (isalnum(c) || c == '_' || c == '.' || c == '+' || c == '-');
}

/* The pool has two bytes for each of the file: a token and its NUL always fit. */
static void pool_put(struct lexer *lx, int c)
{
    lx->doc->pool[lx->doc->pool_used++] = (char)(unsigned char)c;
}

static int read_name(struct lexer *lx, const char **out)
{
    const char *start = lx->doc->pool + lx->doc->pool_used;
    int c = peek(lx);

    if (c < 0 || c >= 128 || (!isalpha(c) && c != '_'))
        return unexpected(lx, "a field name");
    while ((c = peek(lx)) >= 0 && c < 128 && (isalnum(c) || c == '_')) {
        pool_put(lx, c);
        advance(lx);
    }
    pool_put(lx, 0);
    *out = start;
    return 0;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Behind a backslash: one escape to one byte (never more bytes than it took in the file). */
static int read_escape(struct lexer *lx)
{
    static const char from[] = "abfnrtv\\'\"?", to[] = "\a\b\f\n\r\t\v\\'\"?";
    int c = peek(lx), value = 0;
    const char *known;

    if (c > 0 && (known = strchr(from, c)) != NULL) {
        advance(lx);
        pool_put(lx, to[known - from]);
        return 0;
    }
    if (c == 'x' || c == 'X') {
        advance(lx);
        if (hex_digit(peek(lx)) < 0)
            return unexpected(lx, "a hexadecimal digit of an escape");
        for (int i = 0; i < 2 && hex_digit(peek(lx)) >= 0; i++) {
            value = value * 16 + hex_digit(peek(lx));
            advance(lx);
        }
    } else if (c >= '0' && c <= '7') {
        for (int i = 0; i < 3 && peek(lx) >= '0' && peek(lx) <= '7'; i++) {
            value = value * 8 + (peek(lx) - '0');
            advance(lx);
        }
    } else {
        return unexpected(lx, "an escape (\\n, \\t, \\\\, \\\", \\xHH, \\ooo …)");
    }
    if (value < 1 || value > 255)
        return lex_error(lx, "a string cannot hold the byte %d", value);
    pool_put(lx, value);
    return 0;
}

static int read_string(struct lexer *lx)
{
    int quote = peek(lx), c, rc;

    advance(lx);
    while ((c = peek(lx)) != quote) {
        if (c < 0 || c == '\n')
            return lex_error(lx, "the string is not closed on its line: %c is missing", quote);
        if (c == 0)
            return lex_error(lx, "a string cannot hold the byte 0");
        advance(lx);
        if (c != '\\') {
            pool_put(lx, c);
            continue;
        }
        rc = read_escape(lx);
        if (rc < 0)
            return rc;
    }
    advance(lx);
    return 0;
}

static int read_scalar(struct lexer *lx, const char **out, bool *quoted)
{
    const char *start = lx->doc->pool + lx->doc->pool_used;
    int rc;

    *quoted = peek(lx) == '"' || peek(lx) == '\'';
    if (!*quoted && !is_word(peek(lx)))
        return unexpected(lx, "a value");
    if (*quoted) {
        while (peek(lx) == '"' || peek(lx) == '\'') {
            rc = read_string(lx);
            if (rc < 0)
                return rc;
            skip_space(lx);
        }
    } else {
        while (is_word(peek(lx))) {
            pool_put(lx, peek(lx));
            advance(lx);
        }
    }
    pool_put(lx, 0);
    *out = start;
    return 0;
}

/* ------------------------------------------------------------------ tree */

struct parent {
    size_t field; /* number of the message */
    size_t last;  /* its last field so far; 0: none */
};

static int parse_fields(struct lexer *lx, size_t message, int closer, int opened_line);

/* A new field of `parent`, like `proto` (name and place). */
static int add_field(struct lexer *lx, struct parent *parent, const struct pt_field *proto, size_t *out)
{
    struct prototxt *doc = lx->doc;
    int rc;

    if (doc->count >= PT_LIMIT_FIELDS)
        return lex_error(lx, "more than %zu fields", PT_LIMIT_FIELDS);
    rc = mem_grow(&doc->fields, &doc->capacity, doc->count + 1, sizeof *doc->fields, "fields of a file",
                  lx->err);
    if (rc < 0)
        return rc;
    doc->fields[doc->count] = *proto;
    if (parent->last)
        doc->fields[parent->last].next = doc->count;
    else
        doc->fields[parent->field].first = doc->count;
    parent->last = doc->count;
    *out = doc->count++;
    return 0;
}

static int parse_value(struct lexer *lx, struct parent *parent, const struct pt_field *proto)
{
    struct pt_field field = *proto;
    int c = peek(lx), line = lx->line, rc;
    size_t number;

    if (c != '{' && c != '<') {
        rc = read_scalar(lx, &field.text, &field.quoted);
        return rc < 0 ? rc : add_field(lx, parent, &field, &number);
    }
    if (lx->depth >= PT_LIMIT_DEPTH)
        return lex_error(lx, "blocks are nested deeper than %d", PT_LIMIT_DEPTH);
    rc = add_field(lx, parent, &field, &number);
    if (rc < 0)
        return rc;
    advance(lx);
    lx->depth++;
    rc = parse_fields(lx, number, c == '{' ? '}' : '>', line);
    lx->depth--;
    return rc;
}

/* Behind '[': values with commas between, up to ']'. */
static int parse_list(struct lexer *lx, struct parent *parent, const struct pt_field *proto)
{
    int rc;

    advance(lx);
    skip_space(lx);
    if (peek(lx) == ']') {
        advance(lx);
        return 0;
    }
    for (;;) {
        rc = parse_value(lx, parent, proto);
        if (rc < 0)
            return rc;
        skip_space(lx);
        if (peek(lx) != ',')
            break;
        advance(lx);
        skip_space(lx);
    }
    if (peek(lx) != ']')
        return unexpected(lx, "',' or ']' of a list");
    advance(lx);
    return 0;
}

static int parse_field(struct lexer *lx, struct parent *parent)
{
    struct pt_field proto = {.line = lx->line, .column = lx->column};
    bool colon;
    int rc = read_name(lx, &proto.name);

    if (rc < 0)
        return rc;
    skip_space(lx);
    colon = peek(lx) == ':';
    if (colon) {
        advance(lx);
        skip_space(lx);
    } else if (peek(lx) != '{' && peek(lx) != '<') {
        return unexpected(lx, "':' or '{' behind a field name");
    }
    rc = peek(lx) == '[' ? parse_list(lx, parent, &proto) : parse_value(lx, parent, &proto);
    if (rc < 0)
        return rc;
    skip_space(lx);
    if (peek(lx) == ',' || peek(lx) == ';')
        advance(lx);
    return 0;
}

/* All fields up to `closer` (−1: the end of the file). */
static int parse_fields(struct lexer *lx, size_t message, int closer, int opened_line)
{
    struct parent parent = {.field = message};
    int rc;

    for (;;) {
        skip_space(lx);
        if (peek(lx) == closer) {
            if (closer >= 0)
                advance(lx);
            return 0;
        }
        if (peek(lx) < 0)
            return lex_error(lx, "the file ends inside the block that line %d opens: '%c' is missing",
                             opened_line, closer);
        rc = parse_field(lx, &parent);
        if (rc < 0)
            return rc;
    }
}

int prototxt_parse(struct prototxt *out, const char *file, const char *text, size_t size,
                   struct clr_error *err)
{
    struct prototxt doc = {0};
    struct lexer lx = {.doc = &doc, .p = text, .end = text + size, .line = 1, .column = 1, .err = err};
    int rc;

    if (size > PT_LIMIT_BYTES)
        return clr_error_set(err, CLR_EINPUT, "%.200s: %zu bytes, more than the %zu a prototxt file can have",
                             file, size, PT_LIMIT_BYTES);
    rc = str_duplicate(&doc.file, file, err);
    if (rc < 0)
        goto out;
    rc = mem_new(&doc.pool, 2 * size + 1, 1, "text of a file", err);
    if (rc < 0)
        goto out;
    rc = mem_grow(&doc.fields, &doc.capacity, 1, sizeof *doc.fields, "fields of a file", err);
    if (rc < 0)
        goto out;
    doc.fields[0] = (struct pt_field){.name = "", .line = 1, .column = 1};
    doc.count = 1;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        lx.p += 3; /* a byte-order mark */
    rc = parse_fields(&lx, 0, -1, 1);
    if (rc < 0)
        goto out;
    *out = doc;
    return 0;
out:
    prototxt_clear(&doc);
    return rc;
}

void prototxt_clear(struct prototxt *doc)
{
    if (!doc)
        return;
    free(doc->file);
    free(doc->fields);
    free(doc->pool);
    memset(doc, 0, sizeof *doc);
}

/* ------------------------------------------------------------------ values */

static int scalar(const struct prototxt *doc, const struct pt_field *field, bool quoted, const char *wanted,
                  struct clr_error *err)
{
    if (!field->text)
        return pt_error(doc, field, err, "field '%s' is a block; it takes %s", field->name, wanted);
    if (field->quoted != quoted)
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes %s", field->name, field->text,
                        wanted);
    return 0;
}

int pt_value_int(const struct prototxt *doc, const struct pt_field *field, int min, int max, int *out,
                 struct clr_error *err)
{
    const char *digits;
    int rc = scalar(doc, field, false, "a whole number", err);

    if (rc < 0)
        return rc;
    /* a leading zero means octal in this format: rather refused than misread */
    digits = field->text[0] == '-' ? field->text + 1 : field->text;
    if ((digits[0] == '0' && digits[1]) || !str_parse_int(field->text, min, max, out))
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes a whole number from %d to %d",
                        field->name, field->text, min, max);
    return 0;
}

int pt_value_double(const struct prototxt *doc, const struct pt_field *field, double min, double max,
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
                        field->name, field->text, min, max);
    return 0;
}

int pt_value_text(const struct prototxt *doc, const struct pt_field *field, const char **out,
                  struct clr_error *err)
{
    int rc = scalar(doc, field, true, "a string in quotes", err);

    if (rc < 0)
        return rc;
    *out = field->text;
    return 0;
}

int pt_value_message(const struct prototxt *doc, const struct pt_field *field, struct clr_error *err)
{
    if (field->text)
        return pt_error(doc, field, err, "field '%s' is '%.60s'; it takes a block { … }", field->name,
                        field->text);
    return 0;
}

/* ------------------------------------------------------------------ getters */

void pt_open(struct pt_reader *r, struct prototxt *doc, struct pt_field *message)
{
    memset(r, 0, sizeof *r);
    r->doc = doc;
    r->message = message ? message : &doc->fields[0];
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

bool pt_next(struct pt_reader *r, const char *name, struct pt_field **field)
{
    size_t i = *field ? (*field)->next : r->message->first;

    remember(r, name);
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

/* The one field of that name. 1, 0 where there is none, or an error where there are two. */
static int only(struct pt_reader *r, const char *name, struct pt_field **out, struct clr_error *err)
{
    struct pt_field *field = NULL, *second;

    if (!pt_next(r, name, &field))
        return 0;
    second = field;
    if (pt_next(r, name, &second))
        return pt_error(r->doc, second, err, "field '%s' is given twice (first in line %d)", name,
                        field->line);
    *out = field;
    return 1;
}

int pt_int(struct pt_reader *r, const char *name, int min, int max, int *out, struct clr_error *err)
{
    struct pt_field *field;
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    rc = pt_value_int(r->doc, field, min, max, out, err);
    return rc < 0 ? rc : 1;
}

int pt_double(struct pt_reader *r, const char *name, double min, double max, double *out,
              struct clr_error *err)
{
    struct pt_field *field;
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    rc = pt_value_double(r->doc, field, min, max, out, err);
    return rc < 0 ? rc : 1;
}

int pt_text(struct pt_reader *r, const char *name, const char **out, struct clr_error *err)
{
    struct pt_field *field;
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    rc = pt_value_text(r->doc, field, out, err);
    return rc < 0 ? rc : 1;
}

int pt_bool(struct pt_reader *r, const char *name, bool *out, struct clr_error *err)
{
    static const char *const words[] = {"false", "true", "False", "True", "f", "t", "0", "1"};
    struct pt_field *field;
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    rc = scalar(r->doc, field, false, "true or false", err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < MEM_COUNT(words); i++) {
        if (strcmp(field->text, words[i]) == 0) {
            *out = i % 2 == 1;
            return 1;
        }
    }
    return pt_error(r->doc, field, err, "field '%s' is '%.60s'; it takes true or false", name, field->text);
}

/* "A, B, C" */
static void list_names(char *out, size_t size, const char *const *names)
{
    size_t used = 0;

    out[0] = '\0';
    for (; *names && used < size; names++) {
        int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", *names);
        used += n > 0 ? (size_t)n : 0;
    }
}

int pt_word(struct pt_reader *r, const char *name, const char *const *words, int *out, struct clr_error *err)
{
    struct pt_field *field;
    char list[256];
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    list_names(list, sizeof list, words);
    rc = scalar(r->doc, field, false, "a word without quotes", err);
    if (rc < 0)
        return rc;
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], field->text) == 0) {
            *out = i;
            return 1;
        }
    }
    return pt_error(r->doc, field, err, "field '%s' is '%.60s'; it takes one of: %s", name, field->text,
                    list);
}

int pt_message(struct pt_reader *r, const char *name, struct pt_reader *out, struct clr_error *err)
{
    struct pt_field *field;
    int given = only(r, name, &field, err), rc;

    if (given <= 0)
        return given;
    rc = pt_value_message(r->doc, field, err);
    if (rc < 0)
        return rc;
    pt_open(out, r->doc, field);
    return 1;
}

int pt_ints(struct pt_reader *r, const char *name, int min, int max, int *out, int limit, int *count,
            struct clr_error *err)
{
    int n = 0, rc;

    for (struct pt_field *field = NULL; pt_next(r, name, &field); n++) {
        if (n == limit)
            return pt_error(r->doc, field, err, "field '%s' is given more than %d times", name, limit);
        rc = pt_value_int(r->doc, field, min, max, &out[n], err);
        if (rc < 0)
            return rc;
    }
    *count = n;
    return 0;
}

int pt_doubles(struct pt_reader *r, const char *name, double min, double max, double *out, int limit,
               int *count, struct clr_error *err)
{
    int n = 0, rc;

    for (struct pt_field *field = NULL; pt_next(r, name, &field); n++) {
        if (n == limit)
            return pt_error(r->doc, field, err, "field '%s' is given more than %d times", name, limit);
        rc = pt_value_double(r->doc, field, min, max, &out[n], err);
        if (rc < 0)
            return rc;
    }
    *count = n;
    return 0;
}

int pt_close(struct pt_reader *r, const char *const *unsupported, struct clr_error *err)
{
    const char *where = r->message->name[0] ? r->message->name : "the file", *nearest;
    char list[400];

    for (size_t i = r->message->first; i; i = r->doc->fields[i].next) {
        const struct pt_field *field = &r->doc->fields[i];
        if (field->read)
            continue;
        for (const char *const *name = unsupported; name && *name; name++) {
            if (strcmp(*name, field->name) == 0)
                return pt_error(r->doc, field, err, "field '%.60s' is not supported in %s", field->name,
                                where);
        }
        nearest = str_nearest(field->name, r->asked);
        if (nearest)
            return pt_error(r->doc, field, err, "unknown field '%.60s' in %s: did you mean '%s'?",
                            field->name, where, nearest);
        list_names(list, sizeof list, r->asked);
        return pt_error(r->doc, field, err, "unknown field '%.60s' in %s, which takes: %s", field->name,
                        where, list);
    }
    return 0;
}
