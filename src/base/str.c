/* Growing strings and strict number parsing: see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct str *s, size_t more)
{
    size_t need;

    if (s->failed)
        return false;
    if (!clr_add_size(&need, s->length, more) || !clr_add_size(&need, need, 1) ||
        mem_grow(&s->text, &s->capacity, need, 1, "text", NULL) < 0) {
        s->failed = true;
        return false;
    }
    return true;
}

void str_append(struct str *s, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0 || !reserve(s, (size_t)n)) {
        s->failed = true;
        return;
    }
    va_start(ap, format);
    (void)vsnprintf(s->text + s->length, (size_t)n + 1, format, ap);
    va_end(ap);
    s->length += (size_t)n;
}

void str_append_bytes(struct str *s, const void *bytes, size_t count)
{
    if (!reserve(s, count))
        return;
    memcpy(s->text + s->length, bytes, count);
    s->length += count;
    s->text[s->length] = '\0';
}

const char *str_count(char out[STR_COUNT], uint64_t value, const char *noun)
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t at = 0;

    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    (void)snprintf(out + at, STR_COUNT - at, "%s%s%s", *noun ? " " : "", noun,
                   !*noun || value == 1            ? ""
                   : noun[strlen(noun) - 1] == 's' ? "es"
                                                   : "s");
    return out;
}

const char *str_bytes(char out[STR_COUNT], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    for (; bytes >= 1024.0 && unit + 1 < MEM_COUNT(units); unit++)
        bytes /= 1024.0;
    (void)snprintf(out, STR_COUNT, unit > 0 && bytes < 100.0 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return out;
}

size_t str_columns(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size && text[i]; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

void str_append_wrapped(struct str *s, const char *text, size_t indent, size_t column)
{
    bool fresh = true;

    str_append(s, "%*s", column < indent ? (int)(indent - column) : 0, "");
    column = column < indent ? indent : column;
    while (*text) {
        const size_t word = strcspn(text, " \n"), columns = str_columns(text, word);
        if (!fresh && column + 1 + columns > STR_WIDTH) {
            str_append(s, "\n%*s", (int)indent, "");
            column = indent;
            fresh = true;
        }
        str_append(s, "%s%.*s", fresh ? "" : " ", (int)word, text);
        column += columns + (fresh ? 0 : 1);
        fresh = false;
        text += word;
        if (*text == '\n')
            column = STR_WIDTH; /* the next word begins a line */
        text += *text != '\0';
    }
    str_append(s, "\n");
}

void str_append_grouped(struct str *s, uint64_t value)
{
    char text[STR_COUNT];

    str_append(s, "%s", str_count(text, value, ""));
}

const char *str_text(const struct str *s)
{
    return s->text ? s->text : "";
}

int str_check(const struct str *s, struct clr_error *err)
{
    return s->failed ? clr_error_set(err, CLR_ENOMEM, "out of memory for text") : 0;
}

int str_errors(const struct str *lines, int code, struct clr_error *err)
{
    const size_t room = sizeof err->message - sizeof "\nand  more" - STR_COUNT;
    const char *text = str_text(lines), *end = text + strcspn(text, "\n");
    char count[STR_COUNT];
    size_t more = 0;

    if (lines->failed)
        return str_check(lines, err);
    while (*end && (size_t)(end + 1 + strcspn(end + 1, "\n") - text) <= room)
        end += 1 + strcspn(end + 1, "\n");
    for (const char *p = end; *p; p++)
        more += *p == '\n';
    return more > 0 ? clr_error_set(err, code, "%.*s\nand %s more", (int)(end - text), text,
                                    str_count(count, more, ""))
                    : clr_error_set(err, code, "%s", text);
}

void str_clear(struct str *s)
{
    free(s->text);
    memset(s, 0, sizeof *s);
}

int str_take(char **out, struct str *s, struct clr_error *err)
{
    int rc = str_check(s, err);

    if (rc == 0)
        rc = s->text ? 0 : str_duplicate(&s->text, "", err);
    if (rc < 0)
        str_clear(s);
    else
        *out = s->text;
    return rc;
}

bool str_fits_float(double value)
{
    return fabs(value) <= (double)FLT_MAX && (fabs((double)(float)value) > 0.0 || !(fabs(value) > 0.0));
}

bool str_parse_double(const char *text, double min, double max, double *out)
{
    char *end;
    double v;

    if (!*text || isspace((unsigned char)*text))
        return false;
    errno = 0;
    v = strtod(text, &end);
    if (*end || !isfinite(v) || v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool str_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long v;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    v = strtoull(text, &end, 10);
    if (*end || errno == ERANGE || v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool str_parse_int(const char *text, int min, int max, int *out)
{
    char *end;
    long v;

    if (!*text || isspace((unsigned char)*text))
        return false;
    errno = 0;
    v = strtol(text, &end, 10);
    if (*end || errno == ERANGE || v < min || v > max)
        return false;
    *out = (int)v;
    return true;
}

void str_copy(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size);

    if (size == 0)
        return;
    if (n == size)
        n--;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    memcpy(out, text, n);
    out[n] = '\0';
}

size_t str_control(const char *at)
{
    const unsigned char a = (unsigned char)at[0];

    if ((a > 0 && a < ' ') || a == 0x7f)
        return 1;
    return a == 0xC2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xA0 ? 2 : 0;
}

void str_mask(char *text)
{
    for (char *p = text; *p; p++)
        for (size_t n = *p == '\n' || *p == '\t' ? 0 : str_control(p); n > 0; n--)
            p[n - 1] = '?';
}

void str_mask_name(char *text)
{
    str_mask(text);
    for (char *p = text; *p; p++)
        *p = *p == '\n' || *p == '\t' ? ' ' : *p;
}

bool str_contains_nocase(const char *haystack, const char *needle)
{
    for (;; haystack++) {
        size_t i = 0;
        while (needle[i] && tolower((unsigned char)haystack[i]) == tolower((unsigned char)needle[i]))
            i++;
        if (!needle[i])
            return true;
        if (!*haystack)
            return false;
    }
}

/* Levenshtein distance, rows in two fixed arrays; texts over 63 bytes count as far away. */
static int edit_distance(const char *a, const char *b)
{
    int row[64], previous[64];
    size_t na = strlen(a), nb = strlen(b);

    if (na >= MEM_COUNT(row) || nb >= MEM_COUNT(row))
        return 1000;
    for (size_t j = 0; j <= nb; j++)
        previous[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int change = previous[j - 1] + (a[i - 1] != b[j - 1]);
            int insert = row[j - 1] + 1, drop = previous[j] + 1;
            row[j] = change < insert ? change : insert;
            row[j] = row[j] < drop ? row[j] : drop;
        }
        memcpy(previous, row, sizeof row);
    }
    return previous[nb];
}

int str_index(const char *text, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

const char *str_nearest(const char *text, const char *const *names)
{
    const char *best = NULL;
    int best_distance = 3;

    for (; *names; names++) {
        int d = edit_distance(text, *names);
        if (d < best_distance && (size_t)d < strlen(text)) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}

const char *str_known(char out[STR_KNOWN], const char *text, const char *const *names)
{
    const char *nearest = str_nearest(text, names);
    size_t n = 0;

    if (nearest)
        (void)snprintf(out, STR_KNOWN, ": did you mean '%s'?", nearest);
    for (size_t i = 0; !nearest && names[i]; i++, n = strlen(out))
        (void)snprintf(out + n, STR_KNOWN - n, "%s%s", i > 0 ? ", " : "; there are ", names[i]);
    return out;
}

bool str_is_utf8(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int more = *p < 0x80 ? 0 : *p >= 0xC2 && *p < 0xE0 ? 1 : *p >= 0xE0 && *p < 0xF0 ? 2 : 3;
        /* the second byte's range shuts out overlong forms, surrogates and what lies above U+10FFFF */
        const int low = *p == 0xE0 ? 0xA0 : *p == 0xF0 ? 0x90 : 0x80;
        const int high = *p == 0xED ? 0x9F : *p == 0xF4 ? 0x8F : 0xBF;

        if ((*p >= 0x80 && *p < 0xC2) || *p > 0xF4 || (more > 0 && (p[1] < low || p[1] > high)))
            return false;
        for (int i = 2; i <= more; i++)
            if ((p[i] & 0xC0) != 0x80)
                return false;
        p += more + 1;
    }
    return true;
}

void str_make_utf8(char *text)
{
    const bool valid = str_is_utf8(text);

    for (; *text && !valid; text++)
        *text = (unsigned char)*text < 0x80 ? *text : '?';
}

int str_duplicate(char **out, const char *text, struct clr_error *err)
{
    size_t n = strlen(text) + 1;
    char *p;
    int rc = mem_new(&p, n, 1, "text", err);

    if (rc < 0)
        return rc;
    memcpy(p, text, n);
    *out = p;
    return 0;
}

size_t str_word(const char *text)
{
    return strcspn(text, " ");
}

bool str_same_word(const char *text, const char *other)
{
    const size_t length = str_word(text);

    return str_word(other) == length && strncmp(text, other, length) == 0;
}
