/* Files: see fs.h. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Why a file is not read or not written: from errno. */
static int cannot_read(const char *path, struct clr_error *err)
{
    return clr_error_set(err, CLR_EINPUT, "cannot read '%s': %s", path, strerror(errno));
}

static int cannot_write(const char *path, struct clr_error *err)
{
    return clr_error_set(err, CLR_EFAILED, "cannot write '%s': %s", path, strerror(errno));
}

/* All that follows in the file, NUL-terminated; *data is the caller's to free, also on failure. */
static int read_rest(int fd, const char *path, size_t limit_bytes, char **data, size_t *length,
                     struct clr_error *err)
{
    size_t capacity = 0;
    char most[STR_COUNT];

    for (*length = 0;;) {
        ssize_t got;
        int rc = mem_grow(data, &capacity, *length + 65536 + 1, 1, path, err);
        if (rc < 0)
            return rc;
        got = read(fd, *data + *length, capacity - *length - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cannot_read(path, err);
        *length += (size_t)got;
        if (*length > limit_bytes)
            return clr_error_set(err, CLR_EINPUT, "'%s' has more than the %s that it can have", path,
                                 str_count(most, limit_bytes, "byte"));
        if (got == 0)
            break;
    }
    (*data)[*length] = '\0';
    return 0;
}

int fs_read(const char *path, size_t limit_bytes, char **out, size_t *size, struct clr_error *err)
{
    char *data = NULL;
    size_t length = 0;
    struct stat st;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return cannot_read(path, err);
    if (fstat(fd, &st) < 0)
        rc = cannot_read(path, err);
    else if (S_ISDIR(st.st_mode))
        rc = clr_error_set(err, CLR_EINPUT, "cannot read '%s': it is a folder", path);
    else if (st.st_size > 0 && (uint64_t)st.st_size > limit_bytes)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' has %lld bytes, more than the %zu it can have", path,
                           (long long)st.st_size, limit_bytes);
    else
        rc = read_rest(fd, path, limit_bytes, &data, &length, err);
    (void)close(fd);
    if (rc < 0) {
        free(data);
        return rc;
    }
    *out = data;
    *size = length;
    return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

const char *fs_last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Where the last part of the path begins; *end: where it ends, before any '/'. */
static size_t last_part(const char *path, size_t *end)
{
    size_t start;

    while (*end > 1 && path[*end - 1] == '/')
        --*end;
    for (start = *end; start > 0 && path[start - 1] != '/'; start--)
        ;
    return start;
}

void fs_run_name(char *out, size_t size, const char *path)
{
    static const char *const common[] = {"history.csv", "range.csv", "loss.csv"};
    size_t end = strlen(path), start = last_part(path, &end), n = end - start;

    for (size_t i = 0; i < MEM_COUNT(common) && start > 0; i++) {
        if (n != strlen(common[i]) || strncmp(path + start, common[i], n) != 0)
            continue;
        end = start;
        start = last_part(path, &end);
        break;
    }
    if (end - start > 4 && strncmp(path + end - 4, ".csv", 4) == 0)
        end -= 4;
    if (end > start)
        (void)snprintf(out, size, "%.*s", (int)(end - start), path + start);
    else
        str_copy(out, size, path);
}

bool fs_is_called(const char *path, const char *name, bool as_given)
{
    char run[FS_RUN_NAME];

    if (as_given)
        return strcmp(path, name) == 0;
    fs_run_name(run, sizeof run, path);
    return strcmp(run, name) == 0 || strcmp(fs_last_part(path), name) == 0;
}

int fs_folder_of(char **out, const char *path, struct clr_error *err)
{
    const size_t length = (size_t)(fs_last_part(path) - path);
    int rc = str_duplicate(out, length > 0 ? path : ".", err);

    if (rc == 0 && length > 0)
        (*out)[length] = '\0';
    return rc;
}

int fs_find_named(char **out, const char *path, const char *by, struct clr_error *err)
{
    char *dir = NULL, *found = NULL;
    int rc = fs_folder_of(&dir, by, err);

    if (rc == 0)
        rc = str_duplicate(&found, path, err);
    for (const char *end = path; rc == 0 && path[0] != '/' && end && end[0] && !fs_exists(found);) {
        free(found);
        found = NULL;
        rc = fs_join(&found, dir, end, err);
        end = strchr(end, '/');
        end = end ? end + 1 : NULL;
    }
    free(dir);
    if (rc == 0)
        *out = found;
    return rc;
}

int fs_trimmed(char **out, const char *path, struct clr_error *err)
{
    size_t length = strlen(path);
    int rc = str_duplicate(out, path, err);

    while (rc == 0 && length > 1 && path[length - 1] == '/')
        (*out)[--length] = '\0';
    return rc;
}

/* A rename is safe on disk only when its folder is: sync that too. Folders that may not be opened, or that
 * their file system does not sync, are left. */
static int sync_folder_of(const char *path, struct clr_error *err)
{
    char *dir = NULL;
    int fd = -1, rc = fs_folder_of(&dir, path, err);

    if (rc == 0)
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
        rc = clr_error_set(err, CLR_EFAILED, "cannot write the folder of '%s': %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    free(dir);
    return rc;
}

/* A terminal, a pipe, /dev/null: something that is written to and must not be replaced? */
static int look_at(bool *special, const char *path, struct clr_error *err)
{
    struct stat st;

    *special = false;
    if (stat(path, &st) == 0)
        *special = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
    else if (errno != ENOENT)
        return cannot_write(path, err);
    return 0;
}

static int write_special(const char *path, const void *data, size_t size, struct clr_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

    if (fd < 0 || write_all(fd, data, size) < 0)
        rc = cannot_write(path, err);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = cannot_write(path, err);
    return rc;
}

/* Where links lead, which stay while that is replaced; *out NULL: nothing is there yet. */
static int follow(char **out, const char *path, struct clr_error *err)
{
    struct stat st;
    int number;

    *out = realpath(path, NULL);
    number = errno;
    if (*out)
        return 0;
    if (number == ENOMEM)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the name '%s'", path);
    if (lstat(path, &st) == 0)
        return clr_error_set(err, CLR_EFAILED, "cannot write '%s': a link that leads nowhere: %s", path,
                             strerror(number));
    return 0;
}

/* Where the bytes go before they take the place of the file: *target is that, NULL: path is. */
static int open_temporary(int *fd, struct str *temporary, char **target, const char *path,
                          struct clr_error *err)
{
    static _Atomic unsigned opened; /* by all threads: each file has a name of its own */
    int rc = follow(target, path, err);

    if (rc < 0)
        return rc;
    if (fs_is_dir(path))
        return clr_error_set(err, CLR_EFAILED, "cannot write '%s': it is a folder", path);
    str_append(temporary, "%s.tmp-%ld%06u", *target ? *target : path, (long)getpid(), opened++ % 1000000u);
    rc = str_check(temporary, err);
    if (rc < 0)
        return rc;
    *fd = open(temporary->text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *fd < 0 ? cannot_write(path, err) : 0;
}

int fs_check_file(const char *path, struct clr_error *err)
{
    struct str temporary = {0};
    char *target = NULL;
    bool special;
    int fd = -1, rc = look_at(&special, path, err);

    if (rc == 0 && special && access(path, W_OK) < 0)
        rc = cannot_write(path, err);
    if (rc == 0 && !special)
        rc = open_temporary(&fd, &temporary, &target, path, err);
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(temporary.text);
    }
    str_clear(&temporary);
    free(target);
    return rc;
}

int fs_write_atomic(const char *path, const void *data, size_t size, struct clr_error *err)
{
    struct str temporary = {0};
    char *target = NULL;
    bool special;
    int fd = -1, rc = look_at(&special, path, err);

    if (rc == 0 && special)
        return write_special(path, data, size, err);
    if (rc == 0)
        rc = open_temporary(&fd, &temporary, &target, path, err);
    if (rc == 0 && (write_all(fd, data, size) < 0 || fsync(fd) < 0))
        rc = cannot_write(path, err);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = cannot_write(path, err);
    if (rc == 0 && rename(temporary.text, target ? target : path) < 0)
        rc = cannot_write(path, err);
    if (fd >= 0 && rc < 0)
        (void)unlink(temporary.text);
    if (rc == 0)
        rc = sync_folder_of(target ? target : path, err);
    str_clear(&temporary);
    free(target);
    return rc;
}

size_t fs_left_over(const char *name)
{
    const char *mark = strstr(name, ".tmp-");

    return !mark || !mark[5] || mark[5 + strspn(mark + 5, "0123456789")] ? 0 : (size_t)(mark - name);
}

void fs_remove_left_overs(const char *path)
{
    const char *name = fs_last_part(path);
    const size_t length = strlen(name);
    char *dir = NULL;
    const struct dirent *entry;
    DIR *d;

    if (length == 0 || fs_folder_of(&dir, path, NULL) < 0)
        return;
    d = opendir(dir);
    while (d && (entry = readdir(d))) {
        char *left = NULL;
        if (fs_left_over(entry->d_name) != length || memcmp(entry->d_name, name, length) != 0)
            continue;
        if (fs_join(&left, dir, entry->d_name, NULL) == 0)
            (void)unlink(left);
        free(left);
    }
    if (d)
        (void)closedir(d);
    free(dir);
}

int fs_check_folder(const char *path, struct clr_error *err)
{
    char *inside;
    int rc = fs_join(&inside, path, ".", err);

    if (rc < 0)
        return rc;
    if (access(inside, F_OK) < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = clr_error_set(err, CLR_EFAILED, "cannot use the folder '%s': %s", path, strerror(errno));
    free(inside);
    return rc;
}

/* Something has the name of a folder that is to be made. */
static int refuse_folder(const char *path, struct clr_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return clr_error_set(err, CLR_EFAILED, "cannot make the folder '%s': a link that leads nowhere: %s",
                             path, strerror(errno));
    return clr_error_set(err, CLR_EFAILED, "cannot make the folder '%s': a file has that name", path);
}

int fs_make_dirs(const char *path, struct clr_error *err)
{
    char *copy;
    int rc;

    if (!path[0])
        return clr_error_set(err, CLR_EFAILED, "cannot make a folder without a name");
    rc = str_duplicate(&copy, path, err);
    if (rc < 0)
        return rc;
    for (char *p = copy + 1; rc == 0; p++) {
        char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            rc = clr_error_set(err, CLR_EFAILED, "cannot make the folder '%s': %s", copy, strerror(errno));
        else if (!fs_is_dir(copy))
            rc = refuse_folder(copy, err);
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return rc;
}

int fs_find(bool *there, const char *path, struct clr_error *err)
{
    const bool found = access(path, F_OK) == 0;

    if (!found && errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
        return cannot_read(path, err);
    *there = found;
    return 0;
}

bool fs_exists(const char *path)
{
    bool there = false;

    return fs_find(&there, path, NULL) < 0 || there;
}

bool fs_exists_in(const char *dir, const char *name)
{
    char path[PATH_MAX]; /* longer ones the system does not take */
    const int n = snprintf(path, sizeof path, "%s/%s", dir, name);

    return n > 0 && (size_t)n < sizeof path && fs_exists(path);
}

bool fs_is_path(const char *name)
{
    return strpbrk(name, "/.") != NULL;
}

bool fs_is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int fs_join(char **out, const char *dir, const char *name, struct clr_error *err)
{
    struct str s = {0};
    size_t n = strlen(dir);

    str_append(&s, "%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
    return str_take(out, &s, err);
}

/* The process that held the lock may have removed its file while we opened it: then ours locks nothing. */
static bool is_file_at(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

/* A lock file has "PID HOST", for messages of others. */
static bool read_holder(int fd, struct fs_holder *out)
{
    char text[128];
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    char *host;

    text[got > 0 ? got : 0] = '\0';
    out->pid = strtol(text, &host, 10);
    if (out->pid <= 0 || *host++ != ' ')
        return false;
    host[strcspn(host, "\n")] = '\0';
    str_copy(out->host, sizeof out->host, host);
    return host[0] != '\0';
}

/* That it cannot be written is no error: messages are shorter then. */
static void write_holder(int fd)
{
    struct fs_holder me = {.pid = (long)getpid()};
    char text[128];
    int n;

    if (gethostname(me.host, sizeof me.host - 1) != 0 || !me.host[0] || ftruncate(fd, 0) != 0)
        return;
    n = snprintf(text, sizeof text, "%ld %s\n", me.pid, me.host);
    if (pwrite(fd, text, (size_t)n, 0) != n)
        (void)ftruncate(fd, 0);
}

bool fs_lock_holder(struct fs_holder *out, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char host[sizeof out->host] = "";
    bool held = fd >= 0 && read_holder(fd, out);

    if (fd >= 0)
        (void)close(fd);
    (void)gethostname(host, sizeof host - 1);
    if (held && strcmp(host, out->host) == 0)
        held = kill((pid_t)out->pid, 0) == 0 || errno == EPERM;
    return held;
}

int fs_lock(const char *path, int *fd, struct clr_error *err)
{
    int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct fs_holder holder;

    if (f < 0)
        return clr_error_set(err, CLR_EFAILED, "cannot open the lock '%s': %s", path, strerror(errno));
    if (flock(f, LOCK_EX | LOCK_NB) < 0) {
        int e = errno;
        const bool known = e == EWOULDBLOCK && read_holder(f, &holder);
        (void)close(f);
        if (known)
            return clr_error_set(err, CLR_EFAILED, "'%s' is held by process %ld on %s", path, holder.pid,
                                 holder.host);
        if (e == EWOULDBLOCK)
            return clr_error_set(err, CLR_EFAILED, "'%s' is held by another process", path);
        return clr_error_set(err, CLR_EFAILED, "cannot lock '%s': %s", path, strerror(e));
    }
    if (!is_file_at(f, path)) {
        (void)close(f);
        return clr_error_set(err, CLR_EFAILED, "'%s' was released at this moment: try again", path);
    }
    write_holder(f);
    *fd = f;
    return 0;
}

void fs_unlock(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void fs_sha256(const void *data, size_t size, char out[FS_SHA256_TEXT])
{
    fs_sha256_pieces(&(struct fs_piece){data, size}, 1, out);
}

void fs_sha256_pieces(const struct fs_piece *pieces, size_t count, char out[FS_SHA256_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&ctx);
    for (size_t i = 0; i < count; i++)
        sha256_update(&ctx, pieces[i].size, pieces[i].data);
    sha256_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}
