/*
 * The tuner's supervisor: starts the measuring process (worker.c) and reads its lines. When that process ends
 * or is silent for too long, the variant that it tried is put into the record as failed, and the process is
 * started again. No OpenCL call is made here: a driver that hangs, hangs in a process that can be killed.
 */
#include <clr/tune.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"
#include "base/str.h"
#include "ocl/tunedb.h"
#include "tune/events.h"

#define LINE_LIMIT ((size_t)1 << 20)
#define LOOK_MS    200 /* that are waited for a line at a time */
#define END_MS     20  /* that are waited for a process to end at a time */
#define BUSY       8   /* times the patience with a worker that uses the processor: it may be compiling */

struct watch {
    void (*report)(void *user, const struct clr_tune_event *event);
    void *user;
    const volatile int *stop;    /* may be NULL */
    struct clr_tune_event event; /* the last one */
    struct tunedb *db;           /* of the device, after CLR_TUNE_BEGINS */
    char ended_how[128];         /* the worker: "ended with exit code 1" */
};

/* How a worker came to its end: crashed or hung over a variant, or gone without trying one. */
enum end { END_DONE, END_ERROR, END_CRASHED, END_HUNG, END_GONE };

/* ------------------------------------------------------------------ its lines */

static int open_record(struct watch *w, struct clr_error *err)
{
    struct clr_device device = {.type = CLR_DEVICE_OTHER};

    str_copy(device.name, sizeof device.name, w->event.device);
    str_copy(device.driver, sizeof device.driver, w->event.driver);
    str_copy(device.platform_name, sizeof device.platform_name, w->event.platform);
    str_copy(device.platform_version, sizeof device.platform_version, w->event.platform_version);
    return tunedb_open(&w->db, NULL, &device, err);
}

/* A driver may print between the lines: what is no event is skipped. After a restart the device and the item
 * are not reported again. */
static int read_line(struct watch *w, const char *text, size_t size, struct clr_error *err)
{
    struct clr_tune_event new = w->event;
    struct members_reader in = {.path = ""};
    json_error_t e;
    json_t *line = json_parse(text, size, &e);
    bool again = false;

    members_read(&in, line, event_members, &new);
    json_decref(line);
    if (in.rc < 0)
        return 0;
    if (new.what == CLR_TUNE_BEGINS)
        again = w->db;
    if (new.what == CLR_TUNE_ITEM)
        again = new.item == w->event.item && w->event.layer[0];
    if (new.what == CLR_TUNE_ITEM && !again)
        new.failures = 0;
    new.failures += new.what == CLR_TUNE_FAILED;
    w->event = new;
    if (again)
        return 0;
    w->report(w->user, &w->event);
    return new.what == CLR_TUNE_BEGINS ? open_record(w, err) : 0;
}

/* The whole lines of what has arrived; the rest stays. */
static int read_lines(struct watch *w, struct str *in, struct clr_error *err)
{
    size_t begin = 0;
    int rc = str_check(in, err);

    for (char *end; rc == 0 && in->length > begin &&
                    (end = memchr(in->text + begin, '\n', in->length - begin)) != NULL;) {
        rc = read_line(w, in->text + begin, (size_t)(end - in->text) - begin, err);
        begin = (size_t)(end - in->text) + 1;
    }
    if (in->length - begin > LINE_LIMIT) /* not one of ours */
        begin = in->length;
    if (begin > 0) {
        memmove(in->text, in->text + begin, in->length - begin);
        in->length -= begin;
    }
    return rc;
}

/* ------------------------------------------------------------------ the process */

/* In a new process, where only what is safe between fork and exec may be called. Does not return. */
static void become(const char **args, int out)
{
    static const char no_start[] =
        "{\"is\": \"error\", \"code\": -2, \"detail\": \"cannot start the measuring process\"}\n";

    if (out != STDOUT_FILENO) {
        (void)dup2(out, STDOUT_FILENO);
        (void)close(out);
    }
    (void)signal(SIGPIPE, SIG_DFL); /* not the supervisor's handlers: it ends when nobody reads its lines … */
    (void)signal(SIGINT, SIG_DFL); /* … and when it is asked to */
    (void)signal(SIGTERM, SIG_DFL);
    (void)execvp(args[0], (char *const *)args);
    while (write(STDOUT_FILENO, no_start, sizeof no_start - 1) < 0 && errno == EINTR)
        continue;
    (void)kill(getpid(), SIGKILL);
}

static int start(const char *const *worker, int first, pid_t *pid, int *fd, struct clr_error *err)
{
    const char **args = NULL;
    char number[16];
    size_t count = 0;
    int ends[2], rc;

    while (worker[count])
        count++;
    rc = mem_new(&args, count + 2, sizeof *args, "a command line", err);
    if (rc < 0)
        return rc;
    memcpy(args, worker, count * sizeof *args);
    (void)snprintf(number, sizeof number, "%d", first);
    args[count] = number;
    if (pipe(ends) < 0) {
        free(args);
        return clr_error_set(err, CLR_EFAILED, "cannot make a pipe: %s", strerror(errno));
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    *pid = fork();
    if (*pid == 0)
        become(args, ends[1]);
    (void)close(ends[1]);
    *fd = ends[0];
    if (*pid < 0) {
        rc = clr_error_set(err, CLR_EFAILED, "cannot start a process: %s", strerror(errno));
        (void)close(ends[0]);
    }
    free(args);
    return rc;
}

static bool is_stopped(const struct watch *w)
{
    return w->stop && *w->stop;
}

/* How long a worker has written nothing: of the time that was waited for it, not of the clock's, which runs
 * on while both are stopped. */
struct silence {
    int ms, idle_ms; /* all of it, and since the worker last used the processor */
    uint64_t ticks;  /* that it had used then */
};

static void wait_more(struct silence *s, pid_t pid)
{
    const uint64_t ticks = host_process_ticks(pid);

    s->ms += LOOK_MS;
    s->idle_ms = ticks != s->ticks ? 0 : s->idle_ms + LOOK_MS;
    s->ticks = ticks;
}

/* On a busy machine a compiler takes minutes of the clock's time: while it works, the worker is not hung. */
static bool is_hung(const struct silence *s, int patience_s)
{
    return s->idle_ms / 1000 >= patience_s || s->ms / 1000 >= BUSY * patience_s;
}

/* Read until the worker closes its end, *stop asks for it, or it hangs. */
static int listen_to(struct watch *w, pid_t pid, int fd, int patience_s, struct silence *silence,
                     struct clr_error *err)
{
    struct str in = {0};
    int rc = 0;

    while (rc == 0 && !is_stopped(w)) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        char bytes[4096];
        ssize_t got;
        int ready;
        if (is_hung(silence, patience_s))
            break;
        ready = poll(&poller, 1, LOOK_MS);
        if (ready == 0)
            wait_more(silence, pid);
        if (ready <= 0)
            continue;
        got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = clr_error_set(err, CLR_EFAILED, "cannot read from the measuring process: %s",
                               strerror(errno));
        if (got <= 0)
            break;
        *silence = (struct silence){0};
        str_append_bytes(&in, bytes, (size_t)got);
        rc = read_lines(w, &in, err);
    }
    str_clear(&in);
    return rc;
}

/* No driver sends these: a user or the system ends the process. SIGKILL is not among them: a process that
 * is out of memory, because of a kernel that needs all of it to compile, ends by that. */
static bool is_asked_to_end(int number)
{
    return number == SIGTERM || number == SIGINT || number == SIGHUP;
}

/* A driver may hang while a process ends: then it is killed. */
static int wait_for(pid_t pid, int patience_s)
{
    int status = 0, waited_ms = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (waited_ms / 1000 >= patience_s)
            (void)kill(pid, SIGKILL);
        (void)poll(NULL, 0, END_MS);
        waited_ms += END_MS;
    }
    return status;
}

/* It ends before all is tuned: how, and what is kept. */
static int end_early(const struct watch *w, int code, const char *how, struct clr_error *err)
{
    char all[STR_COUNT];

    if (!w->db)
        return clr_error_set(err, code, "%s before anything was tuned", how);
    return clr_error_set(err, code,
                         "%s after %d of %s; train uses what was found ('%s'); the same "
                         "command again begins with the first",
                         how, w->event.item, str_count(all, (uint64_t)w->event.items, "pass"),
                         w->event.record);
}

static int run_worker(struct watch *w, const char *const *worker, int patience_s, enum end *end,
                      struct clr_error *err)
{
    struct silence silence = {0};
    int status, fd = -1, rc;
    bool hung;
    pid_t pid = -1;

    w->event.what = CLR_TUNE_BEGINS;
    rc = start(worker, w->event.item, &pid, &fd, err);
    if (rc < 0)
        return rc;
    rc = listen_to(w, pid, fd, patience_s, &silence, err);
    hung = rc == 0 && is_hung(&silence, patience_s);
    if (hung || rc < 0 || is_stopped(w))
        (void)kill(pid, SIGKILL);
    (void)close(fd);
    status = wait_for(pid, patience_s);
    if (rc == 0 && is_stopped(w) && w->event.what != CLR_TUNE_ENDS)
        return end_early(w, CLR_EINTERRUPTED, "stopped", err);
    if (hung)
        (void)snprintf(w->ended_how, sizeof w->ended_how, "killed, because it wrote nothing for %d s%s",
                       silence.ms / 1000, silence.ms > silence.idle_ms ? "" : " and used no processor time");
    else if (WIFSIGNALED(status))
        (void)snprintf(w->ended_how, sizeof w->ended_how, "ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(w->ended_how, sizeof w->ended_how, "ended with exit code %d", WEXITSTATUS(status));
    if (w->event.what == CLR_TUNE_ENDS || w->event.what == CLR_TUNE_ERROR)
        *end = w->event.what == CLR_TUNE_ENDS ? END_DONE : END_ERROR;
    else if (w->event.what != CLR_TUNE_TRIES || (WIFSIGNALED(status) && is_asked_to_end(WTERMSIG(status))))
        *end = END_GONE;
    else
        *end = hung ? END_HUNG : END_CRASHED;
    return rc;
}

/* The variant that was tried ended the worker, or never ended: from now on it is in the record. */
static int store_failure(struct watch *w, enum end end, struct clr_error *err)
{
    struct clr_tune_event *e = &w->event;
    struct tunedb_entry f = {.nmse = 0.0};

    if (end == END_GONE || !w->db) {
        char how[sizeof w->ended_how + 80];
        (void)snprintf(how, sizeof how, "the measuring process ended while it tried no variant (%s)",
                       w->ended_how);
        return end_early(w, CLR_EFAILED, how, err);
    }
    e->what = CLR_TUNE_FAILED;
    e->failures++;
    str_copy(e->why, sizeof e->why, end == END_HUNG ? "hung" : "crashed");
    str_copy(e->detail, sizeof e->detail, w->ended_how);
    if (end == END_HUNG)
        (void)snprintf(e->detail, sizeof e->detail,
                       "%s; to have it tried again, remove it from \"failed\" in '%.800s'", w->ended_how,
                       e->record);
    w->report(w->user, e);
    str_copy(f.key.operator, sizeof f.key.operator, e->operation);
    str_copy(f.key.shape, sizeof f.key.shape, e->shape);
    str_copy(f.variant, sizeof f.variant, e->variant);
    str_copy(f.why, sizeof f.why, e->why);
    return tunedb_store(w->db, &f, err);
}

int clr_tune(const char *const *worker, int patience_s, const volatile int *stop,
             void (*report)(void *user, const struct clr_tune_event *event), void *user,
             struct clr_error *err)
{
    struct watch *w = NULL;
    enum end end = END_GONE;
    int rc = mem_check_given(worker ? worker[0] : NULL, "worker", err);

    if (rc == 0)
        rc = mem_check_given(report ? worker : NULL, "report", err);
    if (rc == 0)
        rc = mem_new(&w, 1, sizeof *w, "the tuner", err);
    if (rc < 0)
        return rc;
    w->report = report;
    w->user = user;
    w->stop = stop;
    do {
        rc = run_worker(w, worker, patience_s, &end, err);
        if (rc == 0 && end > END_ERROR)
            rc = store_failure(w, end, err);
    } while (rc == 0 && end > END_ERROR);
    if (rc == 0 && end == END_ERROR)
        rc = clr_error_set(err, w->event.code, "%s", w->event.detail);
    tunedb_close(w->db);
    free(w);
    return rc;
}
