/*
 * The tuner's watchman: starts the measuring process (tune_work.c), reads its lines, and when it dies or
 * falls silent notes in the record which variant did that and starts it again. Never touches OpenCL itself,
 * so a driver that is stuck is stuck in a process that can be killed.
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

#include <jansson.h>

#include "base/host.h"
#include "base/json.h"
#include "ocl/tunedb.h"

#define LINE_LIMIT ((size_t)1 << 20)
#define LOOK_MS    200 /* that are waited for a line at a time */
#define END_MS     20  /* that are waited for a process to end at a time */
#define BUSY       8   /* times the patience with a worker that uses the processor: it may be compiling */

/* What a field of the event points to. */
struct texts {
    char device[128], driver[128], record[1024], layer[128], variant[TUNEDB_VARIANT], why[16], detail[1024];
    char own[128];
    struct tunedb_key key;
};

struct watch {
    void (*tell)(void *user, const struct clr_tune_event *event);
    void *user;
    const volatile int *stop; /* may be NULL */
    struct clr_tune_event event;
    struct texts texts;
    struct tunedb *db;      /* once the worker has said which device it is */
    bool trying;            /* a variant, now */
    bool ended;             /* the worker said that it is done */
    struct clr_error error; /* the worker's; code 0: none */
    char silence[64];       /* of one that hung: how long */
};

/* How a worker came to its end. */
enum end { END_DONE, END_ERROR, END_CRASHED, END_HUNG };

/* ------------------------------------------------------------------ its lines */

static void take(char *out, size_t size, const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));

    str_copy(out, size, text ? text : "");
}

static double take_number(const json_t *object, const char *field)
{
    return json_number_value(json_object_get(object, field));
}

static int take_int(const json_t *object, const char *field)
{
    return (int)json_integer_value(json_object_get(object, field));
}

static void say(struct watch *w, enum clr_tune_happening what)
{
    w->event.what = what;
    w->tell(w->user, &w->event);
}

static int begin(struct watch *w, const json_t *line, struct clr_error *err)
{
    struct clr_device device = {.type = CLR_DEVICE_OTHER};

    take(device.name, sizeof device.name, line, "device");
    take(device.driver, sizeof device.driver, line, "driver");
    take(device.platform_name, sizeof device.platform_name, line, "platform");
    take(device.platform_version, sizeof device.platform_version, line, "platform_version");
    if (w->db) /* a worker that was started again */
        return 0;
    str_copy(w->texts.device, sizeof w->texts.device, device.name);
    str_copy(w->texts.driver, sizeof w->texts.driver, device.driver);
    take(w->texts.record, sizeof w->texts.record, line, "record");
    w->event.items = take_int(line, "items");
    w->event.variants = take_int(line, "variants");
    say(w, CLR_TUNE_BEGINS);
    return tunedb_open(&w->db, NULL, &device, err);
}

static void take_item(struct watch *w, const json_t *line)
{
    struct texts *t = &w->texts;
    const int item = take_int(line, "item");
    const bool again = item == w->event.item && w->event.layer[0];

    w->event.item = item;
    w->event.failures = again ? w->event.failures : 0; /* this very item, in a new process */
    take(t->layer, sizeof t->layer, line, "layer");
    take(t->key.operator, sizeof t->key.operator, line, "operation");
    take(t->key.shape, sizeof t->key.shape, line, "shape");
    w->event.uses = take_int(line, "uses");
    t->variant[0] = '\0';
    if (again)
        return;
    w->event.item_variants = take_int(line, "variants");
    say(w, CLR_TUNE_ITEM);
}

static void take_failure(struct watch *w, const char *why, const char *detail)
{
    str_copy(w->texts.why, sizeof w->texts.why, why);
    str_copy(w->texts.detail, sizeof w->texts.detail, detail);
    w->event.failures++;
    say(w, CLR_TUNE_FAILED);
}

static void take_result(struct watch *w, const json_t *line)
{
    take(w->texts.own, sizeof w->texts.own, line, "own");
    take(w->texts.variant, sizeof w->texts.variant, line, "variant");
    w->event.own_ms = take_number(line, "own_ms");
    w->event.ms = take_number(line, "ms");
    w->event.noise = take_number(line, "noise");
    w->event.faster = json_is_true(json_object_get(line, "faster"));
    w->event.tried = take_int(line, "tried");
    say(w, CLR_TUNE_RESULT);
}

/* A driver may print between the lines: what is no message is passed over. */
static int read_line(struct watch *w, const char *text, size_t size, struct clr_error *err)
{
    json_error_t e;
    json_t *line = json_parse(text, size, &e);
    const char *is = json_string_value(json_object_get(line, "is"));
    char why[16], detail[1024];
    int rc = 0;

    if (!is) {
        json_decref(line);
        return 0;
    }
    w->trying = strcmp(is, "try") == 0;
    if (strcmp(is, "begin") == 0) {
        rc = begin(w, line, err);
    } else if (strcmp(is, "item") == 0) {
        take_item(w, line);
    } else if (strcmp(is, "try") == 0) {
        take(w->texts.variant, sizeof w->texts.variant, line, "variant");
        say(w, CLR_TUNE_TRIES);
    } else if (strcmp(is, "failed") == 0) {
        take(w->texts.variant, sizeof w->texts.variant, line, "variant");
        take(why, sizeof why, line, "why");
        take(detail, sizeof detail, line, "detail");
        take_failure(w, why, detail);
    } else if (strcmp(is, "result") == 0) {
        take_result(w, line);
    } else if (strcmp(is, "error") == 0) {
        w->error.code = take_int(line, "code");
        take(w->error.message, sizeof w->error.message, line, "message");
    } else if (strcmp(is, "end") == 0) {
        w->ended = true;
    }
    json_decref(line);
    return rc;
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
        "{\"is\": \"error\", \"code\": -2, \"message\": \"cannot start the measuring process\"}\n";

    if (out != STDOUT_FILENO) {
        (void)dup2(out, STDOUT_FILENO);
        (void)close(out);
    }
    (void)signal(SIGPIPE, SIG_DFL); /* it ends when nobody listens any more … */
    (void)signal(SIGINT, SIG_DFL);  /* … and when it is told to: not the watchman's handlers */
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
            rc = clr_error_set(err, CLR_EFAILED, "cannot read what the measuring process says: %s",
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

/* No driver sends these: somebody wanted the process to end. SIGKILL is not among them: want of memory, over
 * a kernel that takes all of it to compile, looks like that. */
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
    if (!w->db)
        return clr_error_set(err, code, "%s before anything was tuned", how);
    return clr_error_set(err, code,
                         "%s: %d of %d passes are tuned, and train uses what was found ('%s'); the same "
                         "command again begins with the first",
                         how, w->event.item, w->event.items, w->texts.record);
}

static int run_worker(struct watch *w, const char *const *worker, int patience_s, enum end *end,
                      struct clr_error *err)
{
    struct silence silence = {0};
    int status, fd = -1, rc;
    bool hung;
    pid_t pid = -1;

    w->trying = w->ended = false;
    w->error.code = 0;
    rc = start(worker, w->event.item, &pid, &fd, err);
    if (rc < 0)
        return rc;
    rc = listen_to(w, pid, fd, patience_s, &silence, err);
    hung = rc == 0 && is_hung(&silence, patience_s);
    if (hung || rc < 0 || is_stopped(w))
        (void)kill(pid, SIGKILL);
    (void)close(fd);
    status = wait_for(pid, patience_s);
    if (rc == 0 && is_stopped(w) && !w->ended)
        return end_early(w, CLR_EINTERRUPTED, "stopped", err);
    if (hung)
        (void)snprintf(w->silence, sizeof w->silence, "it wrote nothing for %d s%s", silence.ms / 1000,
                       silence.ms > silence.idle_ms ? "" : ", and used no processor time");
    *end = hung ? END_HUNG : w->error.code ? END_ERROR : w->ended ? END_DONE : END_CRASHED;
    if (w->error.code)
        return rc;
    if (WIFSIGNALED(status) && is_asked_to_end(WTERMSIG(status)))
        w->trying = false;
    if (WIFSIGNALED(status))
        (void)snprintf(w->error.message, sizeof w->error.message, "ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(w->error.message, sizeof w->error.message, "ended with exit code %d",
                       WEXITSTATUS(status));
    return rc;
}

/* The variant that was being tried ended the worker, or never ended: it is in the record from now on. */
static int note(struct watch *w, enum end end, struct clr_error *err)
{
    const bool hung = end == END_HUNG;
    struct tunedb_failure f = {.key = w->texts.key};
    char how[sizeof w->silence + sizeof w->texts.record + 128];

    if (!w->trying || !w->db) {
        (void)snprintf(how, sizeof how, "the measuring process, which was trying no variant, %s (%.500s%s)",
                       hung ? "was killed" : "is gone", hung ? w->silence : w->error.message,
                       hung ? ": the driver hangs, or the machine is too busy" : "");
        return end_early(w, CLR_EFAILED, how, err);
    }
    str_copy(f.variant, sizeof f.variant, w->texts.variant);
    str_copy(f.why, sizeof f.why, hung ? "hung" : "crashed");
    (void)snprintf(how, sizeof how, "%s; to have it tried again, remove it from \"failed\" in '%s'",
                   w->silence, w->texts.record);
    take_failure(w, f.why, hung ? how : w->error.message);
    return tunedb_store_failure(w->db, &f, err);
}

int clr_tune(const char *const *worker, int patience_s, const volatile int *stop,
             void (*tell)(void *user, const struct clr_tune_event *event), void *user, struct clr_error *err)
{
    struct watch *w = NULL;
    enum end end = END_CRASHED;
    int rc = mem_new(&w, 1, sizeof *w, "the tuner", err);

    if (rc < 0)
        return rc;
    w->tell = tell;
    w->user = user;
    w->stop = stop;
    w->event = (struct clr_tune_event){.device = w->texts.device,
                                       .driver = w->texts.driver,
                                       .record = w->texts.record,
                                       .layer = w->texts.layer,
                                       .operation = w->texts.key.operator,
                                       .shape = w->texts.key.shape,
                                       .variant = w->texts.variant,
                                       .why = w->texts.why,
                                       .detail = w->texts.detail,
                                       .own = w->texts.own};
    do {
        rc = run_worker(w, worker, patience_s, &end, err);
        if (rc == 0 && (end == END_CRASHED || end == END_HUNG))
            rc = note(w, end, err);
    } while (rc == 0 && end != END_DONE && end != END_ERROR);
    if (rc == 0 && end == END_ERROR)
        rc = clr_error_set(err, w->error.code, "%s", w->error.message);
    tunedb_close(w->db);
    free(w);
    return rc;
}
