/* JSON files that somebody else may have written. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#include <clr/error.h>

/* What a run.json can have: its net's prototxt, which has a megabyte at most, and little else. Parsed, JSON
 * takes up to twenty times its size. */
#define JSON_LIMIT_RUN ((size_t)4 << 20)

/*
 * Read and parse a file of at most `limit` bytes.
 *
 * @param out  new reference; untouched on failure
 * @return 0; what fs_read() returns; CLR_EINPUT, "FILE:LINE: …", for what is no JSON or has a member twice
 */
int json_read(json_t **out, const char *path, size_t limit, struct clr_error *err);

/*
 * Write it, indented, numbers with that many digits, and a newline behind; atomically.
 *
 * @param root  the reference is taken; NULL: it could not be made
 * @return 0; CLR_ENOMEM; what fs_write_atomic() returns
 */
int json_write(const char *path, json_t *root, int digits, struct clr_error *err);

#endif
