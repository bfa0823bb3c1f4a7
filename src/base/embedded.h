/* Text files that are compiled in by tools/embed_text: kernels, nets, experiments and bench reports. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* the file's, without its ending; of kernels with it */
    const char *text; /* NUL-terminated, the NUL not counted in size */
    size_t size;
};

/* cl, src/net/zoo, src/lab/zoo and src/bench/known. */
extern const struct embedded_file embedded_kernels[], embedded_nets[], embedded_experiments[],
    embedded_reports[];
extern const size_t embedded_kernels_count, embedded_nets_count, embedded_experiments_count,
    embedded_reports_count;

#endif
