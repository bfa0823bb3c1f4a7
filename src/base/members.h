/*
 * Members of a JSON object that are fields of a struct: one table, by which they are written and read. What
 * is read may come from anywhere: each member is checked for type, length and range.
 */
#ifndef BASE_MEMBERS_H
#define BASE_MEMBERS_H

#include <jansson.h>

#include <clr/error.h>

#include "base/json.h"

enum member_kind {
    MEMBER_TEXT,   /* char[] */
    MEMBER_LINE,   /* char[], a name: read as one line without control characters */
    MEMBER_INT,    /* int */
    MEMBER_COUNT,  /* uint64_t */
    MEMBER_NUMBER, /* double */
    MEMBER_BOOL,   /* bool */
    MEMBER_ENUM,   /* an enum whose values from 0 to max have names */
    MEMBER_INTS,   /* as many int as have room in the field: a list */
    MEMBER_OBJECT, /* a struct, or other fields of the same one */
    MEMBER_LIST,   /* pointer to an array on the heap */
};

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset, size; /* of the field in its struct; of MEMBER_LIST the size of an element */
    double min, max;     /* of numbers; of the length of a list */
    /* Reading: it may be missing or null; then MEMBER_NUMBER becomes NaN, and other fields stay as they are.
     * Writing: a number out of range is null, and an object that `check` refuses. */
    bool optional;
    const char *const *names;                /* MEMBER_ENUM */
    const struct member *members;            /* MEMBER_OBJECT, MEMBER_LIST: the table of its members */
    size_t count_offset;                     /* MEMBER_LIST: of the size_t with its length */
    const char *(*check)(const void *field); /* MEMBER_OBJECT: what is wrong with it, or NULL; may be NULL */
};

/* kind, offset and size of a field of struct TYPE. A table ends with a row of zeros. */
#define MEMBER(KIND, type, field)                                                                            \
    .kind = (KIND), .offset = offsetof(struct type, field), .size = sizeof(((struct type *)NULL)->field)

/* A new object, or NULL: out of memory, or a text is not UTF-8. */
json_t *members_write(const struct member *table, const void *from);

/* Reading: a place in the file, for messages, and the first error. Start with path and err. */
struct members_reader {
    const char *path;
    char where[128]; /* "devices[0].layers[3]" */
    int rc;          /* CLR_EINPUT, CLR_ENOMEM; further reads change nothing that matters */
    struct clr_error *err;
};

/* Fill *out, a struct of zeros or with defaults. After an error it may hold lists already. */
void members_read(struct members_reader *in, const json_t *object, const struct member *table, void *out);

/* Set the error, if it is the first one: "FILE: WHERE.NAME WHAT", and the value if it is not NULL. */
void members_wrong(struct members_reader *in, const char *name, const json_t *value, const char *what);

#endif
