/*
 * Files. All results go through fs_write_atomic(), so that a reader (or a crash) sees the old file or the new
 * one, never half of one.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Read a whole file, at most limit_bytes (else an error that names both). *out is NUL-terminated after its
 * size; free with free(). CLR_EINPUT: missing, unreadable, too large.
 */
int fs_read(const char *path, size_t limit_bytes, char **out, size_t *size, struct clr_error *err);

/* "history.csv.tmp-1234", what fs_write_atomic() leaves when the process is killed: the length of the name
 * before ".tmp"; 0: it is no such name. */
size_t fs_left_over(const char *name);

/* Remove path.tmp-DIGITS, which a process leaves when it is killed while it writes. No other process may be
 * writing.
 */
void fs_remove_left_overs(const char *path);

/*
 * Write path.tmp-DIGITS, whose digits are of this call alone, sync, rename over path, sync the folder.
 * CLR_EFAILED, with nothing left behind, or (only the last of these failed) the whole new file. A link is
 * followed; what is no regular file (/dev/stdout, a pipe) is not replaced but written to.
 */
int fs_write_atomic(const char *path, const void *data, size_t size, struct clr_error *err);

/* 0: fs_write_atomic() would begin to write there; CLR_EFAILED, and why not: for what takes minutes to make.
 * Nothing is left behind. */
int fs_check_file(const char *path, struct clr_error *err);

/* 0: it is a folder, or could be made; CLR_EFAILED: the system cannot look there (a link in a circle,
 * no permission), so that it is not known what is in it. */
int fs_check_folder(const char *path, struct clr_error *err);

/* mkdir -p. */
int fs_make_dirs(const char *path, struct clr_error *err);

/* False only where the system reports that there is no such file. What may exist is read, and the error of
 * reading it has the reason. */
bool fs_exists(const char *path);
/* The same where a wrong answer may lose data: CLR_EINPUT, the system does not say whether it exists. */
int fs_find(bool *there, const char *path, struct clr_error *err);
/* Is there dir/name? Allocates nothing, so that it cannot run out of memory. */
bool fs_exists_in(const char *dir, const char *name);
bool fs_is_dir(const char *path);
/* Is the name one of a file, with a '/' or a '.', rather than of something built in? */
bool fs_is_path(const char *name);

/* What stands after the last '/'. */
const char *fs_last_part(const char *path);
/* How the run of a folder or file is called: the last part of the path, without ".csv"; the folder's for
 * "…/history.csv", "…/range.csv" and "…/loss.csv". */
#define FS_RUN_NAME 160
void fs_run_name(char *out, size_t size, const char *path);
/* Does the name mean that path: as it is given, or otherwise its last part or what fs_run_name() calls it? */
bool fs_is_called(const char *path, const char *name, bool as_given);
/* What stands before it, with the '/'; "." where there is none. A new string; free with free(). */
int fs_folder_of(char **out, const char *path, struct clr_error *err);
/*
 * The path that the file `by` names: as it is; where there is no such file, from the folder of `by` on, whole
 * or the longest end of it that is there; else its last part there. Caffe's paths count from its own root,
 * where it is started. A new string; free with free().
 */
int fs_find_named(char **out, const char *path, const char *by, struct clr_error *err);
/* The path without '/' at its end, but for that of "/". A new string; free with free(). */
int fs_trimmed(char **out, const char *path, struct clr_error *err);
/* dir + "/" + name, one '/' between them, into a new string; free with free(). */
int fs_join(char **out, const char *dir, const char *name, struct clr_error *err);

/*
 * Advisory lock on a file (created if missing) that dies with the process, whose number and host are written
 * into it. *fd to give back with fs_unlock(); CLR_EFAILED if another process holds it: which one, as far as
 * the file has it.
 */
int fs_lock(const char *path, int *fd, struct clr_error *err);
void fs_unlock(int fd);

struct fs_holder {
    long pid;
    char host[100];
};

/* Who holds the lock, from the file alone, so that the lock is not touched: false where there is no such file
 * or it names a process of this host that has ended. Of a process on another host it is not known. */
bool fs_lock_holder(struct fs_holder *out, const char *path);

/* Lower-case hex SHA-256 (64 characters and NUL) of memory. */
#define FS_SHA256_TEXT 65
void fs_sha256(const void *data, size_t size, char out[FS_SHA256_TEXT]);

/* The same over several pieces of memory, as if they lay one after the other. */
struct fs_piece {
    const void *data;
    size_t size;
};
void fs_sha256_pieces(const struct fs_piece *pieces, size_t count, char out[FS_SHA256_TEXT]);

#endif
