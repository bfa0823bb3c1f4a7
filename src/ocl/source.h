/* Kernel sources: embedded at build, or read from $CLR_CL_DIR while developing. */
#ifndef OCL_SOURCE_H
#define OCL_SOURCE_H

#include "base/fs.h"
#include "base/str.h"

/* One file of cl/; written by tools/embed_cl. */
struct source_file {
    const char *name;         /* "pool.cl" */
    const char *const *lines; /* NULL-terminated, each with its newline */
};

/* All files, the last with name NULL. */
extern const struct source_file source_files[];

/*
 * The text that the compiler gets for cl/file: common.clh, then the file, with what it includes (lines
 * `#include "NAME.clh"`; a header includes nothing) in place, each after a #line so that a build log names
 * cl/pool.cl:37. Bytes that are not ASCII (in comments) become dots: some compilers stop at them.
 * CLR_EINPUT where there is no such file.
 */
int source_text(struct str *out, const char *file, struct clr_error *err);

/* SHA-256 of all files of cl/ as the compiler gets them: which kernels a measurement was made with. */
int source_hash(char out[FS_SHA256_TEXT], struct clr_error *err);

#endif
