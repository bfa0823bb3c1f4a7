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

const char *pt_written(const struct pt_field *field)
{
    return field->written ? field->written : field->name;
}

int pt_error(struct prototxt *doc, const struct pt_field *field, struct clr_error *err, const char *format,
             ...)
{
    struct clr_error problem;
    va_list ap;

    va_start(ap, format);
    (void)error_at(doc->file, field->line, field->column, &problem, format, ap);
    va_end(ap);
    for (char *p = problem.message; *p; p++) /* what it quotes may have line ends: a problem is a line */
        *p = *p == '\n' ? ' ' : *p;
    str_append(&doc->problems, "%s%s", doc->problem_count > 0 ? "\n" : "", problem.message);
    doc->problem_count++;
    return clr_error_set(err, CLR_EINPUT, "%s", problem.message);
}

int pt_finish(struct prototxt *doc, int rc, struct clr_error *err)
{
    return (rc < 0 && rc != CLR_EINPUT) || doc->problem_count == 0
               ? rc
               : str_errors(&doc->problems, CLR_EINPUT, err);
}

/* ------------------------------------------------------------------ characters */

struct lexer {
    struct prototxt *doc;
    const char *start, *p, *end;
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

/* Go past the byte c, if it is the next one. */
static bool accept(struct lexer *lx, int c)
{
    if (peek(lx) != c)
        return false;
    advance(lx);
    return true;
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

/* Does the line of the cursor begin with one of the lines that version control leaves of two edits? */
static const char *find_conflict(const struct lexer *lx)
{
    static const char *const markers[] = {"<<<<<<<", "|||||||", "=======", ">>>>>>>"};
    const char *line = lx->p;

    while (line > lx->start && line[-1] != '\n')
        line--;
    for (size_t i = 0; i < MEM_COUNT(markers); i++)
        if ((size_t)(lx->end - line) >= 7 && memcmp(line, markers[i], 7) == 0)
            return markers[i];
    return NULL;
}

/* "unexpected X, expected Y" at the cursor. */
static int unexpected(const struct lexer *lx, const char *expected)
{
    const char *conflict = find_conflict(lx);
    int c = peek(lx);

    if (conflict)
        return lex_error(lx, "'%s' marks a merge conflict: edit the file down to one of its two versions",
                         conflict);
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
    static const char digits[] = "0123456789abcdef";
    const char *digit = c > 0 ? strchr(digits, tolower(c)) : NULL;

    return digit ? (int)(digit - digits) : -1;
}

/* Up to `most` digits of that base, `least` at the least. */
static int read_digits(struct lexer *lx, unsigned base, int least, int most, unsigned long *out)
{
    int digit, n = 0;

    for (*out = 0; n < most && (digit = hex_digit(peek(lx))) >= 0 && (unsigned)digit < base; n++) {
        *out = *out * base + (unsigned)digit;
        advance(lx);
    }
    return n >= least ? 0
                      : lex_error(lx, "digits of an escape are missing; the character \\ itself is written "
                                      "\\\\, and paths may have / instead");
}

/* The character of that number, in UTF-8: fewer bytes than its escape has. */
static int put_character(struct lexer *lx, unsigned long c)
{
    if (c < 1 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return lex_error(lx, "there is no character U+%04lX", c);
    if (c < 0x80) {
        pool_put(lx, (int)c);
        return 0;
    }
    if (c < 0x800) {
        pool_put(lx, (int)(0xc0 | c >> 6));
    } else {
        pool_put(lx, (int)(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18));
        if (c >= 0x10000)
            pool_put(lx, (int)(0x80 | (c >> 12 & 0x3f)));
        pool_put(lx, (int)(0x80 | (c >> 6 & 0x3f)));
    }
    pool_put(lx, (int)(0x80 | (c & 0x3f)));
    return 0;
}

/* \uXXXX, where a character beyond U+FFFF is a pair of them, or \UXXXXXXXX. */
static int read_unicode(struct lexer *lx)
{
    unsigned long c, low;
    int rc;

    if (accept(lx, 'U')) {
        rc = read_digits(lx, 16, 8, 8, &c);
        return rc < 0 ? rc : put_character(lx, c);
    }
    advance(lx);
    rc = read_digits(lx, 16, 4, 4, &c);
    if (rc == 0 && c >= 0xd800 && c < 0xdc00 && lx->end - lx->p >= 2 && memcmp(lx->p, "\\u", 2) == 0) {
        advance(lx);
        advance(lx);
        rc = read_digits(lx, 16, 4, 4, &low);
        if (rc == 0 && low >= 0xdc00 && low < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return rc < 0 ? rc : put_character(lx, c);
}

/* After a backslash: one escape to its byte or character (never more bytes than it has in the file). */
static int read_escape(struct lexer *lx)
{
    static const char from[] = "abfnrtv\\'\"?", to[] = "\a\b\f\n\r\t\v\\'\"?";
    int c = peek(lx), rc;
    unsigned long value;
    const char *known;

    if (c > 0 && (known = strchr(from, c)) != NULL) {
        advance(lx);
        pool_put(lx, to[known - from]);
        return 0;
    }
    if (c == 'u' || c == 'U')
        return read_unicode(lx);
    if (accept(lx, 'x') || accept(lx, 'X'))
        rc = read_digits(lx, 16, 1, 2, &value);
    else if (c >= '0' && c <= '7')
        rc = read_digits(lx, 8, 1, 3, &value);
    else
        return unexpected(lx, "an escape (\\n, \\t, \\\\, \\\", \\xHH, \\ooo, \\uXXXX …)");
    if (rc < 0)
        return rc;
    if (value < 1 || value > 255)
        return lex_error(lx, "a string cannot hold the byte %lu", value);
    pool_put(lx, (int)value);
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

static int parse_fields(struct lexer *lx, size_t message, int closer, int opened_line);

/* Field number `field` becomes the last one of a message. */
static void append(struct prototxt *doc, size_t message, size_t field)
{
    struct pt_field *m = &doc->fields[message];

    doc->fields[field].next = 0;
    if (m->last)
        doc->fields[m->last].next = field;
    else
        m->first = field;
    m->last = field;
}

/* A new field of a message, like `proto` (name and place). */
static int add_field(struct prototxt *doc, size_t message, const struct pt_field *proto, size_t *out,
                     struct clr_error *err)
{
    const struct pt_field field = *proto; /* it may be one of those that move */
    int rc;

    if (doc->count >= PT_LIMIT_FIELDS)
        return clr_error_set(err, CLR_EINPUT, "%.200s:%d:%d: more than %zu fields", doc->file, field.line,
                             field.column, PT_LIMIT_FIELDS);
    rc = mem_grow(&doc->fields, &doc->capacity, doc->count + 1, sizeof *doc->fields, "fields of a file", err);
    if (rc < 0)
        return rc;
    doc->fields[doc->count] = field;
    append(doc, message, doc->count);
    *out = doc->count++;
    return 0;
}

int pt_add(struct prototxt *doc, size_t message, const char *name, size_t like, size_t *out,
           struct clr_error *err)
{
    const struct pt_field *l = &doc->fields[like];
    const struct pt_field block = {.name = name, .line = l->line, .column = l->column};

    return add_field(doc, message, &block, out, err);
}

void pt_move(struct prototxt *doc, size_t message, size_t field, const char *name)
{
    struct pt_field *f = &doc->fields[field];

    if (strcmp(name, f->name) != 0) {
        f->written = pt_written(f);
        f->name = name;
    }
    append(doc, message, field);
}

static int parse_value(struct lexer *lx, size_t parent, const struct pt_field *proto)
{
    struct pt_field field = *proto;
    int c = peek(lx), line = lx->line, rc;
    size_t number = 0;

    if (c != '{' && c != '<') {
        rc = read_scalar(lx, &field.text, &field.quoted);
        return rc < 0 ? rc : add_field(lx->doc, parent, &field, &number, lx->err);
    }
    if (lx->depth >= PT_LIMIT_DEPTH)
        return lex_error(lx, "blocks are nested deeper than %d", PT_LIMIT_DEPTH);
    rc = add_field(lx->doc, parent, &field, &number, lx->err);
    if (rc < 0)
        return rc;
    advance(lx);
    lx->doc->fields[number].begin = (size_t)(lx->p - lx->start);
    lx->depth++;
    rc = parse_fields(lx, number, c == '{' ? '}' : '>', line);
    lx->depth--;
    lx->doc->fields[number].end = (size_t)(lx->p - lx->start) - 1;
    return rc;
}

/* From '[' on: values with commas between, up to ']'. */
static int parse_list(struct lexer *lx, size_t parent, const struct pt_field *proto)
{
    int rc;

    advance(lx);
    skip_space(lx);
    if (accept(lx, ']'))
        return 0;
    do {
        skip_space(lx);
        rc = parse_value(lx, parent, proto);
        if (rc < 0)
            return rc;
        skip_space(lx);
    } while (accept(lx, ','));
    return accept(lx, ']') ? 0 : unexpected(lx, "',' or ']' of a list");
}

static int parse_field(struct lexer *lx, size_t parent)
{
    struct pt_field proto = {.line = lx->line, .column = lx->column};
    int rc = read_name(lx, &proto.name);

    if (rc < 0)
        return rc;
    skip_space(lx);
    if (accept(lx, ':'))
        skip_space(lx);
    else if (peek(lx) != '{' && peek(lx) != '<')
        return unexpected(lx, "':' or '{' after a field name");
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
        rc = parse_field(lx, message);
        if (rc < 0)
            return rc;
    }
}

int prototxt_parse(struct prototxt *out, const char *file, const char *text, size_t size,
                   struct clr_error *err)
{
    struct prototxt doc = {0};
    struct lexer lx = {
        .doc = &doc, .start = text, .p = text, .end = text + size, .line = 1, .column = 1, .err = err};
    int rc;

    if (size > PT_LIMIT_BYTES)
        return clr_error_set(err, CLR_EINPUT, "%.200s: %zu bytes, more than the %zu a prototxt file can have",
                             file, size, PT_LIMIT_BYTES);
    if (memchr(text, '\0', size))
        return clr_error_set(err, CLR_EINPUT, "%.200s: a zero byte is in it: that is no text", file);
    rc = str_duplicate(&doc.file, file, err);
    if (rc == 0)
        rc = mem_new(&doc.pool, 2 * size + 1, 1, "text of a file", err);
    if (rc == 0)
        rc = mem_grow(&doc.fields, &doc.capacity, 1, sizeof *doc.fields, "fields of a file", err);
    if (rc == 0) {
        doc.fields[0] = (struct pt_field){.name = "", .line = 1, .column = 1};
        doc.count = 1;
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
            lx.p += 3; /* a byte-order mark */
        rc = parse_fields(&lx, 0, -1, 1);
    }
    if (rc < 0)
        prototxt_clear(&doc);
    else
        *out = doc;
    return rc;
}

void prototxt_clear(struct prototxt *doc)
{
    if (!doc)
        return;
    free(doc->file);
    free(doc->fields);
    free(doc->pool);
    str_clear(&doc->problems);
    memset(doc, 0, sizeof *doc);
}
