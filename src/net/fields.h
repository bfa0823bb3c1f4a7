/*
 * Fields of prototxt blocks as rows of tables. From a row follow how the field is read and checked, its
 * default, what `clr-cl net layers` prints of it, and its line in docs/nets.md. Names, defaults and rules are
 * Caffe's (caffe.proto and the layers' LayerSetUp).
 */
#ifndef NET_FIELDS_H
#define NET_FIELDS_H

#include <stddef.h>

#include "net/prototxt.h"

enum field_kind {
    FIELD_INT,         /* int */
    FIELD_FLOAT,       /* float */
    FIELD_DOUBLE,      /* double */
    FIELD_FLAG,        /* bool */
    FIELD_WORD,        /* int: the number of the word in .words */
    FIELD_NAME,        /* the same, of a word in quotes */
    FIELD_PAIR,        /* two ints at .at and .at_w: NAME, once or twice, or the two fields of .words */
    FIELD_BLOCK,       /* a block with fields of its own: .fields and .check */
    FIELD_OWN,         /* .read does it; .takes says what it takes */
    FIELD_ONLY,        /* an int that may only have its default */
    FIELD_FALSE,       /* a flag that may only be false */
    FIELD_UNUSED,      /* no effect here, for the reason in .help; with .words: takes one of them */
    FIELD_UNSUPPORTED, /* exists, but not here */
};

struct layer_reading;

struct field {
    const char *name;
    enum field_kind kind;
    const char *help; /* one line, without a dot at its end */
    size_t at, at_w;  /* where the value goes: offsets in the struct that the table is for */
    bool required;
    double usual;             /* default; of a flag 0 or 1, of a word its number */
    double least, most;       /* limits of numbers */
    const char *const *words; /* NULL-terminated */
    const int *numbers;       /* of the words in Caffe's enum, which may be given instead; NULL: none may */
    const struct field *fields;
    /* After the fields of a BLOCK were read into `base`: what depends on several of them. May be NULL. */
    int (*check)(struct layer_reading *in, struct pt_reader *r, void *base);
    /* Called whether the field is given or not. 0 or < 0. */
    int (*read)(struct layer_reading *in, struct pt_reader *r);
    const char *takes;
};

/* A row that has no more than these. */
#define FIELD_PLAIN(name_, kind_, help_)                                                                     \
    {                                                                                                        \
        .name = (name_), .kind = (kind_), .help = (help_)                                                    \
    }

/*
 * Set every field of the table to its default, and then what the block says, in the struct at `base`; tables
 * end with a row without a name. Each faulty field is a problem of in->doc: reading continues after it.
 * 0, or the first error.
 */
void fields_default(const struct field *fields, void *base);
int fields_read(struct layer_reading *in, struct pt_reader *r, const struct field *fields, void *base);

#endif
