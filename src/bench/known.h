/* Reports that come with the program: the files of src/bench/known, compiled in by tools/embed_text. */
#ifndef BENCH_KNOWN_H
#define BENCH_KNOWN_H

#include <stddef.h>

struct known_entry {
    const char *name; /* the file's name without ".json" */
    const char *text; /* NUL-terminated, the NUL not counted in size */
    size_t size;
};

extern const struct known_entry known_entries[];
extern const size_t known_entry_count;

#endif
