/* JSON files that somebody else may have written. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#include <clr/error.h>

/*
 * Read and parse a file of at most `limit` bytes.
 *
 * @param out  new reference; untouched on failure
 * @return 0; what fs_read() returns; CLR_EINPUT, "FILE:LINE: …", for what is no JSON or has a member twice
 */
int json_read(json_t **out, const char *path, size_t limit, struct clr_error *err);

#endif
