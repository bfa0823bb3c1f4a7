/*
 * A library for LD_PRELOAD that makes the system fail under the program, one call at a time.
 *
 * FAULTS_REPORT=FILE: written when the process ends: "memory N", "write N", "read N", "clock N", the numbers
 * of calls, and "failed NAME MODULE" where one was made to fail.
 * FAULTS_FAIL=KIND:N:ERRNO: call N of that kind, counted from 1, fails with that errno; N+: it and all after
 * it, as on a disk that is full.
 * FAULTS_CLOCK=SECONDS: every second reading of a clock is that much earlier; negative: every reading is that
 * much later than the one before.
 *
 * Only calls by the program and by libclr-cl.so count, none by other libraries: the return address shows
 * whose a call is.
 * memory: malloc, calloc, realloc, aligned_alloc, realpath, opendir.
 * write: open to write, write, fsync, rename, mkdir, close of what was opened to write. A write that fails
 * has written half of its data.
 * read: open to read, read, fopen, fread, access, readdir, stat, fstat, lstat.
 *
 * The variables are removed from the environment, so that processes started from here run undisturbed.
 * Can be loaded before AddressSanitizer's runtime (ASAN_OPTIONS=verify_asan_link_order=0).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHOWN   __attribute__((visibility("default")))
#define CALLER  __builtin_return_address(0)
#define FDS_MAX 1024

enum kind { MEMORY, WRITE, READ, KINDS };
static const char *const kind_names[KINDS] = {"memory", "write", "read"};

/* Where the program and its library are in memory: what they load, first to last byte. */
struct module {
    uintptr_t begin, end;
};

static struct {
    bool armed;
    struct module modules[2];
    size_t module_count;
    long calls[KINDS];
    enum kind kind;
    long fail_at; /* 0: none */
    bool from_there;
    int error;
    char failed[256];
    char report[4096];
    long clock_step_s, clock_readings;
    bool written[FDS_MAX]; /* opened to write, by descriptor */
} state;

/* The function that ours replaces. */
#define REAL(type, name, ...)                                                                                \
    static type (*real)(__VA_ARGS__);                                                                        \
    if (!real)                                                                                               \
    *(void **)&real = dlsym(RTLD_NEXT, name)

/* ------------------------------------------------------------------ counting */

static void take_fail(const char *text)
{
    char *end;

    while (state.kind < KINDS && strncmp(text, kind_names[state.kind], strlen(kind_names[state.kind])) != 0)
        state.kind++;
    if (state.kind == KINDS)
        abort(); /* an invalid variable: the test would test nothing */
    state.fail_at = strtol(text + strlen(kind_names[state.kind]) + 1, &end, 10);
    state.from_there = *end == '+';
    end += state.from_there;
    state.error = *end == ':' ? (int)strtol(end + 1, NULL, 10) : 0;
    if (state.fail_at < 1 || state.error < 1)
        abort();
}

/* The program is the first of all modules, and has no name. */
static int take_module(struct dl_phdr_info *info, size_t size, void *user)
{
    struct module m = {UINTPTR_MAX, 0};

    (void)size;
    (void)user;
    if (info->dlpi_name[0] && !strstr(info->dlpi_name, "/libclr-cl.so"))
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const uintptr_t at = info->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD)
            continue;
        m.begin = at < m.begin ? at : m.begin;
        m.end = at + p->p_memsz > m.end ? at + p->p_memsz : m.end;
    }
    state.modules[state.module_count++] = m;
    return state.module_count == sizeof state.modules / sizeof state.modules[0];
}

__attribute__((constructor)) static void begin(void)
{
    const char *report = getenv("FAULTS_REPORT"), *fail = getenv("FAULTS_FAIL"),
               *step = getenv("FAULTS_CLOCK");

    (void)snprintf(state.report, sizeof state.report, "%s", report ? report : "");
    if (fail)
        take_fail(fail);
    state.clock_step_s = step ? strtol(step, NULL, 10) : 0;
    (void)unsetenv("LD_PRELOAD");
    (void)dl_iterate_phdr(take_module, NULL);
    state.armed = true;
}

__attribute__((destructor)) static void end(void)
{
    char text[512];
    int fd, n;

    state.armed = false;
    if (!state.report[0])
        return;
    n = snprintf(text, sizeof text, "memory %ld\nwrite %ld\nread %ld\nclock %ld\n%s", state.calls[MEMORY],
                 state.calls[WRITE], state.calls[READ], state.clock_readings, state.failed);
    fd = open(state.report, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, (size_t)n) != n || close(fd) < 0)
        abort();
}

/* Takes no lock, unlike dladdr(): a signal's handler writes, also when the signal came within dladdr(). */
static bool is_of_program(const void *address)
{
    for (size_t i = 0; i < state.module_count; i++)
        if ((uintptr_t)address - state.modules[i].begin < state.modules[i].end - state.modules[i].begin)
            return true;
    return false;
}

/* Count a call; true: it must fail, and errno is set. */
static bool fails(enum kind kind, const char *name, const void *caller)
{
    Dl_info who = {0};

    if (!state.armed || !is_of_program(caller))
        return false;
    state.calls[kind]++;
    if (kind != state.kind || state.fail_at == 0 ||
        (state.from_there ? state.calls[kind] < state.fail_at : state.calls[kind] != state.fail_at))
        return false;
    if (!state.failed[0] && dladdr(caller, &who))
        (void)snprintf(state.failed, sizeof state.failed, "failed %s %s+0x%lx\n", name, who.dli_fname,
                       (unsigned long)((const char *)caller - (const char *)who.dli_fbase));
    errno = state.error;
    return true;
}

/* ------------------------------------------------------------------ memory */

SHOWN void *malloc(size_t size)
{
    REAL(void *, "malloc", size_t);
    return fails(MEMORY, "malloc", CALLER) ? NULL : real(size);
}

SHOWN void *calloc(size_t count, size_t size)
{
    REAL(void *, "calloc", size_t, size_t);
    return fails(MEMORY, "calloc", CALLER) ? NULL : real(count, size);
}

SHOWN void *realloc(void *old, size_t size)
{
    REAL(void *, "realloc", void *, size_t);
    return fails(MEMORY, "realloc", CALLER) ? NULL : real(old, size);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(void *, "aligned_alloc", size_t, size_t);
    return fails(MEMORY, "aligned_alloc", CALLER) ? NULL : real(alignment, size);
}

SHOWN char *realpath(const char *path, char *resolved)
{
    REAL(char *, "realpath", const char *, char *);
    return !resolved && fails(MEMORY, "realpath", CALLER) ? NULL : real(path, resolved);
}

SHOWN DIR *opendir(const char *path)
{
    REAL(DIR *, "opendir", const char *);
    return fails(MEMORY, "opendir", CALLER) ? NULL : real(path);
}

/* ------------------------------------------------------------------ files */

SHOWN int open(const char *path, int flags, ...)
{
    const bool to_write = (flags & O_ACCMODE) != O_RDONLY;
    mode_t mode = 0;
    va_list ap;
    int fd;
    REAL(int, "open", const char *, int, ...);

    va_start(ap, flags);
    if (flags & O_CREAT)
        mode = va_arg(ap, mode_t);
    va_end(ap);
    if (fails(to_write ? WRITE : READ, "open", CALLER))
        return -1;
    fd = real(path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX)
        state.written[fd] = to_write;
    return fd;
}

SHOWN ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!fails(WRITE, "write", CALLER))
        return real(fd, data, size);
    if (size > 1 && real(fd, data, size / 2) < 0)
        abort();
    errno = state.error;
    return -1;
}

SHOWN int fsync(int fd)
{
    REAL(int, "fsync", int);
    return fails(WRITE, "fsync", CALLER) ? -1 : real(fd);
}

SHOWN int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return fails(WRITE, "rename", CALLER) ? -1 : real(from, to);
}

SHOWN int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    return fails(WRITE, "mkdir", CALLER) ? -1 : real(path, mode);
}

/* It is closed in any case: Linux frees the descriptor before it reports an error. */
SHOWN int close(int fd)
{
    const bool counts = fd >= 0 && fd < FDS_MAX && state.written[fd];
    REAL(int, "close", int);
    const int rc = real(fd);

    if (counts)
        state.written[fd] = false;
    return counts && fails(WRITE, "close", CALLER) ? -1 : rc;
}

SHOWN ssize_t read(int fd, void *data, size_t size)
{
    REAL(ssize_t, "read", int, void *, size_t);
    return fails(READ, "read", CALLER) ? -1 : real(fd, data, size);
}

SHOWN FILE *fopen(const char *path, const char *mode)
{
    REAL(FILE *, "fopen", const char *, const char *);
    return fails(READ, "fopen", CALLER) ? NULL : real(path, mode);
}

SHOWN size_t fread(void *data, size_t size, size_t count, FILE *f)
{
    REAL(size_t, "fread", void *, size_t, size_t, FILE *);
    return fails(READ, "fread", CALLER) ? 0 : real(data, size, count, f);
}

SHOWN int access(const char *path, int mode)
{
    REAL(int, "access", const char *, int);
    return fails(READ, "access", CALLER) ? -1 : real(path, mode);
}

SHOWN struct dirent *readdir(DIR *d)
{
    REAL(struct dirent *, "readdir", DIR *);
    return fails(READ, "readdir", CALLER) ? NULL : real(d);
}

SHOWN int stat(const char *path, struct stat *st)
{
    REAL(int, "stat", const char *, struct stat *);
    return fails(READ, "stat", CALLER) ? -1 : real(path, st);
}

SHOWN int fstat(int fd, struct stat *st)
{
    REAL(int, "fstat", int, struct stat *);
    return fails(READ, "fstat", CALLER) ? -1 : real(fd, st);
}

SHOWN int lstat(const char *path, struct stat *st)
{
    REAL(int, "lstat", const char *, struct stat *);
    return fails(READ, "lstat", CALLER) ? -1 : real(path, st);
}

/* ------------------------------------------------------------------ clocks */

/* How much earlier the clock is at this reading. */
static long clock_step(void)
{
    const long step = state.clock_step_s, readings = step != 0 ? state.clock_readings++ : 0;

    return step < 0 ? step * readings : readings % 2 == 1 ? step : 0;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *t)
{
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    const int rc = real(clock, t);

    if (state.armed && rc == 0)
        t->tv_sec -= clock_step();
    return rc;
}

SHOWN time_t time(time_t *out)
{
    REAL(time_t, "time", time_t *);
    time_t now = real(NULL);

    if (state.armed)
        now -= clock_step();
    if (out)
        *out = now;
    return now;
}
