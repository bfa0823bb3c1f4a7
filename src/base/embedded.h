/* Text files that are compiled in by tools/embed_text: kernels, nets, experiments and bench reports. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

#include <clr/error.h>

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
extern const char *const embedded_nets_names[], *const embedded_experiments_names[];

/*
 * The text of what is built in under that name, or else of the file at that path.
 *
 * @param what  "net": for messages
 * @param file  out, for messages: "built-in quick", or the path; free() it and *text, also after an error
 * @return 0; CLR_EINPUT: neither is there; what fs_read() returns
 */
int embedded_open(char **file, char **text, size_t *size, const struct embedded_file *table,
                  const char *const *names, const char *what, const char *name, size_t limit,
                  struct clr_error *err);

#endif
