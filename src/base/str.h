/*
 * Strings: a growing buffer, and strict number parsing (the whole text must be one number in range).
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"
#include "base/mem.h"

/* A growing, always NUL-terminated string. Start from {0}; str_clear() frees it. A failed allocation marks
 * it `failed` and later appends do nothing: check once, at the end, with str_check(). */
struct str {
    char *text; /* NULL while empty: use str_text() */
    size_t length, capacity;
    bool failed;
};

void str_append(struct str *s, const char *format, ...) CLR_PRINTF(2, 3);
void str_append_bytes(struct str *s, const void *bytes, size_t count);
/* The text with lines of at most STR_WIDTH columns and a newline at its end; its own newlines stay. `column`
 * is where it begins, later lines after `indent` blanks. */
#define STR_WIDTH 79
void str_append_wrapped(struct str *s, const char *text, size_t indent, size_t column);
/* Columns of `size` bytes of UTF-8, at most up to its end: its characters. */
size_t str_columns(const char *text, size_t size);
/* 1234567 as "1,234,567" */
void str_append_grouped(struct str *s, uint64_t value);

/* How counts are written in messages: "1 iteration", "4,000 iterations", "10 classes"; for nouns whose plural
 * ends in s. noun "": the number alone. Into out, which is returned. */
#define STR_COUNT 48
const char *str_count(char out[STR_COUNT], uint64_t value, const char *noun);
/* "15.6 GiB"; likewise. */
const char *str_bytes(char out[STR_COUNT], double bytes);
const char *str_text(const struct str *s);
int str_check(const struct str *s, struct clr_error *err);
void str_clear(struct str *s);

/* An error of a text of lines: as many as fit, and "and 12 more". CLR_ENOMEM where the text failed. */
int str_errors(const struct str *lines, int code, struct clr_error *err);

/* Its text, to be freed with free(); where it failed, CLR_ENOMEM, and it is cleared. */
int str_take(char **out, struct str *s, struct clr_error *err);

/* The whole of `text` is one number, finite, in [min, max]; false and *out untouched otherwise. */
bool str_parse_double(const char *text, double min, double max, double *out);
/* Does float32, in which nets are computed, have that number: is it finite there, and 0 only if it is 0? */
bool str_fits_float(double value);
bool str_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);
bool str_parse_int(const char *text, int min, int max, int *out);

/* Copy what fits, always terminated (size 0: nothing); no character of UTF-8 is cut. */
void str_copy(char *out, size_t size, const char *text);

/* Bytes of the control character that stands there (one, or two of U+0080 … U+009F in UTF-8); 0: none does.
 */
size_t str_control(const char *at);

/* Names and texts of files are shown on terminals: what could steer one becomes '?', but for line ends and
 * tabs. */
void str_mask(char *text);
/* The same of a name, which is one line in tables: line ends and tabs become blanks. */
void str_mask_name(char *text);

/* Length of the first word, up to a blank: of a variant its algorithm, 6 of "direct 5x2". */
size_t str_word(const char *text);
/* Do both begin with the same word? Then two variants are of one algorithm. */
bool str_same_word(const char *text, const char *other);

/* Case-insensitive search, ASCII. */
bool str_contains_nocase(const char *haystack, const char *needle);

/* The public function that returns how the values of an enum are written in options, solver files, run.json
 * and checkpoints: NULL-terminated, in the order of the enum. */
#define STR_NAMES(function, ...)                                                                             \
    const char *const *function(void)                                                                        \
    {                                                                                                        \
        static const char *const names[] = {__VA_ARGS__, NULL};                                              \
        return names;                                                                                        \
    }

/* The index of `text` among `names` (NULL-terminated); −1: it is none of them. */
int str_index(const char *text, const char *const *names);

/* The name among `names` (NULL-terminated) with the smallest edit distance to `text`, when that is small
 * enough (at most 2) to be a misspelling; else NULL. For "did you mean". */
const char *str_nearest(const char *text, const char *const *names);

/* The end of a message about a text that is none of the names: ": did you mean 'quick'?", or all of them:
 * "; there are quick, full". Into out, which is returned. */
#define STR_KNOWN 512
const char *str_known(char out[STR_KNOWN], const char *text, const char *const *names);

/* Is it UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF)? What goes into JSON must
 * be. */
bool str_is_utf8(const char *text);

/* In a text that is not UTF-8: each byte that is not ASCII becomes '?'. */
void str_make_utf8(char *text);

/* Heap copy; free with free(). */
int str_duplicate(char **out, const char *text, struct clr_error *err);

#endif
