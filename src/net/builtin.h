/* The built-in nets: the files of src/net/zoo, compiled in by tools/embed_text. */
#ifndef NET_BUILTIN_H
#define NET_BUILTIN_H

#include <stddef.h>

struct zoo_entry {
    const char *name; /* the file's name without ".prototxt" */
    const char *text; /* NUL-terminated, the NUL not counted in size */
    size_t size;
};

extern const struct zoo_entry zoo_entries[];
extern const size_t zoo_entry_count;

#endif
