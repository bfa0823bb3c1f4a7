/* The built-in experiments: the files of src/lab/zoo, compiled in by tools/embed_text. */
#ifndef LAB_ZOO_H
#define LAB_ZOO_H

#include <stddef.h>

struct lab_zoo_entry {
    const char *name; /* the file's name without ".prototxt" */
    const char *text; /* NUL-terminated, the NUL not counted in size */
    size_t size;
};

extern const struct lab_zoo_entry lab_zoo[];
extern const size_t lab_zoo_entry_count;

#endif
