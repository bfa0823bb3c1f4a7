/*
 * Allocation with checked sizes. Every size that comes from a file or a shape goes through these, so that a
 * product that overflows is an error and not a small buffer.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

#include "base/banned.h"

#define MEM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* *out = a * b, or a + b; false where that does not fit (then *out is untouched). */
bool clr_mul_size(size_t *out, size_t a, size_t b);
bool clr_add_size(size_t *out, size_t a, size_t b);

/*
 * Zeroed array of count elements (count 0 gives a valid pointer). *out is untouched on failure.
 * what: the noun for the message, "index list". Free with free().
 */
int mem_new(void *out, size_t count, size_t element_size, const char *what, struct clr_error *err);

/* A struct that a caller fills begins with its size, a size_t. CLR_EUSAGE: it is not `size`, or NULL. */
int mem_check_struct(const void *filled, size_t size, const char *name, struct clr_error *err);

/* What a caller gives, by the name of its field; CLR_EUSAGE. Is a pointer, and each of `count` texts, not
 * NULL? Is a number, as of an enum, between `least` and `most`? */
int mem_check_given(const void *value, const char *field, struct clr_error *err);
int mem_check_texts(const char *const *texts, size_t count, const char *field, struct clr_error *err);
int mem_check_range(int value, int least, int most, const char *field, struct clr_error *err);

/* Grow *array (capacity *capacity) so that it holds at least `need` elements; new elements are zeroed. */
int mem_grow(void *array, size_t *capacity, size_t need, size_t element_size, const char *what,
             struct clr_error *err);

/* A number of files, its 8 bytes little-endian. */
uint64_t mem_load_u64(const void *bytes);
void mem_store_u64(void *bytes, uint64_t value);

/* Page-aligned memory for zero-copy device buffers, not initialised: what is not written takes no memory of
 * the machine. Free with free(). */
int mem_new_aligned(void *out, size_t size_bytes, const char *what, struct clr_error *err);

#endif
