/* Kernel sources: those in the folder $CLR_CL_DIR, for their development, else those embedded at build. */
#ifndef OCL_SOURCE_H
#define OCL_SOURCE_H

#include "base/fs.h"
#include "base/str.h"

/*
 * The text that the compiler gets for cl/file: common.clh, then the file, with what it includes (lines
 * `#include "NAME.clh"`; a header includes nothing) in place, each after a #line so that a build log names
 * cl/pool.cl:37. Bytes that are not ASCII (in comments) become dots: some compilers stop at them.
 * CLR_EINPUT where there is no such file, or CLR_CL_DIR is not a folder.
 */
int source_text(struct str *out, const char *file, struct clr_error *err);

/* SHA-256 of all files of cl/ as the compiler gets them: which kernels a measurement was made with. */
int source_hash(char out[FS_SHA256_TEXT], struct clr_error *err);

#endif
