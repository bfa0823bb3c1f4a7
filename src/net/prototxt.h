/*
 * Protocol-buffer text format, as far as Caffe's files use it: a tree of fields with their places in the
 * file, and typed getters that remember which fields were read, so that any other field is an error.
 *
 *     field: 5   field: "text"   field: WORD   field { … }   field: { … }   field < … >   field: [1, 2]
 *
 * `#` starts a comment; fields may be separated by `,` or `;`; strings are in single or double quotes with
 * C's escapes, neighbours are joined; whole numbers may be octal (010) or hexadecimal (0x8). Input is
 * hostile: PT_LIMIT_BYTES, PT_LIMIT_FIELDS and PT_LIMIT_DEPTH bound what a file may cost. Every error is
 * CLR_EINPUT and begins with "FILE:LINE:COLUMN: " (columns in bytes).
 *
 * Reading a message:
 *
 *     pt_open(&r, doc, message);
 *     pt_int(&r, "stride", 1, 100, &stride, err);          // 1 given, 0 absent (stride untouched), < 0 error
 *     …
 *     rc = pt_close(&r, unsupported, err);                 // the first error, or the first unread field
 */
#ifndef NET_PROTOTXT_H
#define NET_PROTOTXT_H

#include "base/str.h"

#define PT_LIMIT_BYTES  ((size_t)1 << 20)
#define PT_LIMIT_FIELDS ((size_t)65536)
#define PT_LIMIT_DEPTH  32
#define PT_LIMIT_ASKED  64 /* different names read from one message; more is a defect of the caller */

struct pt_field {
    const char *name;    /* "" for the root */
    const char *written; /* its name in the file, if it was renamed; else NULL */
    const char *text;    /* of a scalar, unescaped; NULL: a message */
    bool quoted;         /* the scalar is a string literal */
    bool read;           /* a getter has seen it */
    int line, column;    /* of its name, from 1 */
    size_t begin, end;   /* of a message: offsets of what is between its brackets, in the file's bytes */
    size_t first, last;  /* numbers of the first and the last field inside; 0: none */
    size_t next;         /* of the next beside; 0: none */
};

struct prototxt {
    char *file;              /* for messages */
    struct pt_field *fields; /* [0] is the root */
    size_t count, capacity;
    char *pool; /* names and texts */
    size_t pool_used;
    struct str problems; /* a line for each pt_error() */
    size_t problem_count;
};

/* Parse size bytes of text; `file` names them in messages. Both are copied. */
int prototxt_parse(struct prototxt *out, const char *file, const char *text, size_t size,
                   struct clr_error *err);
void prototxt_clear(struct prototxt *doc);

/* The name of a field as the file has it, for messages. */
const char *pt_written(const struct pt_field *field);

/*
 * Changes to the tree, before it is read. pt_add(): a new empty block in the message number `message`, at
 * the place in the file of field `like`; fields may move in memory. pt_move(): field number `field`, which
 * its own message no longer lists, as the last one of another. Names are string literals.
 */
int pt_add(struct prototxt *doc, size_t message, const char *name, size_t like, size_t *out,
           struct clr_error *err);
void pt_move(struct prototxt *doc, size_t message, size_t field, const char *name);

/* "FILE:LINE:COLUMN: …" for a field, also added to the problems of *doc; returns CLR_EINPUT. */
int pt_error(struct prototxt *doc, const struct pt_field *field, struct clr_error *err, const char *format,
             ...) CLR_PRINTF(4, 5);

/*
 * The end of a reading whose result so far is rc. If there were problems: CLR_EINPUT, and the message is all
 * of them, a line each (what does not fit is counted). Else rc.
 */
int pt_finish(struct prototxt *doc, int rc, struct clr_error *err);

struct pt_reader {
    struct prototxt *doc;
    struct pt_field *message;
    const char *asked[PT_LIMIT_ASKED + 1]; /* NULL-terminated; string literals of the caller */
    size_t asked_count;
    int rc;          /* what stops the reading: no getter reads on after that, and pt_close() gives it */
    size_t problems; /* of *doc at pt_open() */
};

/* message NULL: the whole file. Both are borrowed. */
void pt_open(struct pt_reader *r, struct prototxt *doc, struct pt_field *message);

/* The next field of that name after *field (NULL: the first); false at the end. Marks it read. pt_refused():
 * one that the caller refuses, so that no message offers its name. */
bool pt_next(struct pt_reader *r, const char *name, struct pt_field **field);
bool pt_refused(struct pt_reader *r, const char *name, struct pt_field **field);

/* Names that the message may have, too, for the nearest one of an unknown field. NULL-terminated. */
void pt_offer(struct pt_reader *r, const char *const *names);

/* One optional field; given twice is an error. 1 given, 0 absent, < 0 error. pt_only(): a field of any kind.
 */
int pt_only(struct pt_reader *r, const char *name, struct pt_field **out, struct clr_error *err);
int pt_int(struct pt_reader *r, const char *name, int min, int max, int *out, struct clr_error *err);
int pt_double(struct pt_reader *r, const char *name, double min, double max, double *out,
              struct clr_error *err);
int pt_bool(struct pt_reader *r, const char *name, bool *out, struct clr_error *err);
int pt_text(struct pt_reader *r, const char *name, const char **out, struct clr_error *err); /* in quotes */
int pt_word(struct pt_reader *r, const char *name, const char *const *words, int *out,
            struct clr_error *err); /* enum: number in the NULL-terminated list */
/* The same, where the enum's own number may be given, too: numbers[i] of words[i]. */
int pt_enum(struct pt_reader *r, const char *name, const char *const *words, const int *numbers, int *out,
            struct clr_error *err);
int pt_message(struct pt_reader *r, const char *name, struct pt_reader *out, struct clr_error *err);

/* Up to `limit` values of a repeated scalar; *count is how many. 0 or < 0. */
int pt_ints(struct pt_reader *r, const char *name, int min, int max, int *out, int limit, int *count,
            struct clr_error *err);
int pt_doubles(struct pt_reader *r, const char *name, double min, double max, double *out, int limit,
               int *count, struct clr_error *err);

/* The value of one field (from pt_next). 0 or < 0. */
int pt_value_int(struct prototxt *doc, const struct pt_field *field, int min, int max, int *out,
                 struct clr_error *err);
int pt_value_text(struct prototxt *doc, const struct pt_field *field, const char **out,
                  struct clr_error *err);
int pt_value_message(struct prototxt *doc, const struct pt_field *field, struct clr_error *err);

/*
 * What stopped the reading; else CLR_EINPUT if there was a problem since pt_open(), or a field was not read:
 * "unsupported" where it is in that NULL-terminated list (may be NULL), else "unknown" with the nearest of
 * the names that getters were called with, but for pt_refused(). All of them are problems of *doc.
 */
int pt_close(struct pt_reader *r, const char *const *unsupported, struct clr_error *err);

#endif
