/* JSON files that somebody else may have written. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

/* What a run.json can have: its net's prototxt, which has a megabyte at most (of characters that take six
 * bytes each there), and little else. Parsed, JSON takes up to twenty times its size. */
#define JSON_LIMIT_RUN  ((size_t)8 << 20)
#define JSON_FORMAT_RUN 1 /* its "format", and that of a range.json */

/* A number, or null for one that is not finite. */
json_t *json_finite(double value);

/* A text; one that is not UTF-8, as a path may be, with a '?' for each byte that is not ASCII. */
json_t *json_text(const char *text);

/* A count. Integers of JSON are signed here: a larger one (a seed may be) becomes a string of its digits.
 * Reading: false, *out untouched, where it is none. */
json_t *json_count(uint64_t value);
bool json_count_value(uint64_t *out, const json_t *json);

/*
 * A list with one more value, an object with one more member; the reference to the value is taken. NULL where
 * there is no memory for it, or was none before (list, object or value is NULL): what was there is given
 * back, so that json_pack() and json_write() fail instead of passing on what is not whole.
 */
json_t *json_append(json_t *list, json_t *value);
json_t *json_put(json_t *object, const char *key, json_t *value);

/* json_loadb(), which refuses a member that is there twice. A new reference, or NULL and *e. */
json_t *json_parse(const char *text, size_t size, json_error_t *e);

/*
 * Read and parse a file of at most `limit` bytes.
 *
 * @param out  new reference; untouched on failure
 * @return 0; what fs_read() returns; CLR_EINPUT, "FILE:LINE: …", for what is no JSON or has a
 * member twice
 */
int json_read(json_t **out, const char *path, size_t limit, struct clr_error *err);
/* The same of what was in that file. */
int json_read_text(json_t **out, const char *path, const char *text, size_t size, struct clr_error *err);

/* CLR_EINPUT, with both versions: its "format" is another number. Files without one pass. */
int json_check_format(const json_t *root, const char *path, int format, struct clr_error *err);
/* json_read() of a run.json or range.json, of this format. */
int json_read_run(json_t **out, const char *path, struct clr_error *err);

/*
 * Write it, indented, numbers with that many digits, and a newline at the end; atomically.
 *
 * @param root  the reference is taken; NULL: it could not be made
 * @return 0; CLR_ENOMEM; what fs_write_atomic() returns
 */
int json_write(const char *path, json_t *root, int digits, struct clr_error *err);

#endif
