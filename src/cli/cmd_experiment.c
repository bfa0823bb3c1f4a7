/*
 * clr-cl experiment: the runs of an experiment (clr/lab.h), each in a process of its own, one at a time on
 * each device; then tables and figures. Runs that are finished are not repeated, and others are resumed: so
 * the command may be stopped, or killed, at any moment and repeated.
 */
#include "cli/common.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <clr/lab.h>

#include "base/archive.h"
#include "base/fs.h"
#include "cli/arguments.h"
#include "cli/opt.h"

#define MAX_DEVICES  16
#define CANNOT_RUN   "%s:%d: '%s' cannot be run: %.*s"
#define LOOK_NS      20000000 /* at the workers, 50 times a second */
#define LOCK_TRIES   50 /* a tenth of a second each: workers of a killed experiment need a moment to end */
#define LOCK_WAIT_NS 100000000

static const struct opt_command command = {
    .takes = "NAME",
    .name = "experiment",
    .usage = "NAME|FILE --out DIR [--device D[,D...]] [--seeds N|A-B] [--quiet]",
    .about =
        "Carries out an experiment: trains what is missing, several seeds each, and writes results.csv, "
        "results.md and figures. It may be stopped, or killed, at any moment: the same command continues to "
        "the same results. Built in are headline (fixed against triangular rates on quick, five seeds), "
        "policies (the paper's policies on caffe-full), short (as few iterations as quick needs, five seeds) "
        "and, of some minutes on two cores, quick-look and fashion; all but fashion need CIFAR-10. The "
        "manual page describes files of experiments.",
    .examples = "  clr-cl experiment fashion --out fashion\n"
                "  clr-cl experiment my.prototxt --out my --device all\n",
    .min_args = 1,
    .asks = "an experiment: a built-in name, or a file",
    .like = "fashion",
    .max_args = 1,
};

struct job {
    const struct lab_run *run;
    int seed;
    char *folder;
    struct arguments arguments; /* of the worker, without the device */
    struct arguments kept;      /* those that run.json records */
    pid_t pid;                  /* 0: not running */
    size_t device;
    bool failed; /* this time */
};

struct work {
    const char *name, *out; /* of the experiment, or its file; of the folder */
    bool quiet;
    int seeds;               /* of each run, the first ones; 0: all */
    int seed_low, seed_high; /* instead: the seeds from … to …; high 0: all */
    struct lab_experiment *e;
    struct job *jobs; /* runs × their seeds, in the file's order */
    enum lab_state *states;
    size_t *order;       /* the first seed of all runs, then the second, … */
    size_t count;        /* of jobs */
    size_t wanted, done; /* of runs, with --seeds */
    size_t archived;     /* of them, in histories.csv only */
    size_t all_archived; /* likewise, whether or not the experiment names them */
    size_t failed;       /* of them, this time */
    int failure;         /* error code of the first that failed */
    struct str faults;   /* why runs cannot be trained, a line each */
    const struct lab_run *last_faulty;
    char *devices[MAX_DEVICES]; /* "0:1"; of a single one NULL: the worker's own choice; owned */
    size_t device_count;
    const volatile int *stop; /* non-zero: a signal came */
};

/* ------------------------------------------------------------------ planning */

/* "--name=value", or "--name". As one word, a value from a file cannot become an option, as it could after a
 * flag. */
static int add_option(struct arguments *a, const char *name, const char *value, struct clr_error *err)
{
    struct str s = {0};
    int rc;

    str_append(&s, "--%s%s%s", name, value ? "=" : "", value ? value : "");
    rc = str_take(&a->values[a->count], &s, err);
    a->count += rc == 0;
    return rc;
}

/* "train --lr=0.1 … --seed=1 --out=DIR", or range-test. */
static int set_arguments(struct job *job, bool quiet, struct clr_error *err)
{
    struct arguments *a = &job->arguments;
    char seed[24];
    int rc = mem_new(&a->values, job->run->option_count + 5, sizeof *a->values, "arguments", err);

    (void)snprintf(seed, sizeof seed, "%d", job->seed);
    if (rc == 0)
        rc = str_duplicate(&a->values[a->count++], job->run->range_test ? "range-test" : "train", err);
    for (size_t i = 0; i < job->run->option_count && rc == 0; i++)
        rc = add_option(a, job->run->options[i].name, job->run->options[i].value, err);
    if (rc == 0)
        rc = add_option(a, "seed", seed, err);
    if (rc == 0)
        rc = add_option(a, "out", job->folder, err);
    if (rc == 0 && quiet)
        rc = add_option(a, "quiet", NULL, err);
    return rc;
}

static int cannot_run(const struct work *w, const struct lab_run *run, int rc, const char *why,
                      struct clr_error *err)
{
    return clr_error_set(err, rc, CANNOT_RUN, w->e->file, run->line, run->name, (int)strlen(why), why);
}

/* A line for each line of `why`; of the seeds of a run only the first. */
static void add_faults(struct work *w, const struct lab_run *run, const char *why)
{
    if (run == w->last_faulty)
        return;
    w->last_faulty = run;
    for (const char *end; *why; why = end + (*end == '\n')) {
        end = why + strcspn(why, "\n");
        str_append(&w->faults, w->faults.length > 0 ? "\n" CANNOT_RUN : CANNOT_RUN, w->e->file, run->line,
                   run->name, (int)(end - why), why);
    }
}

/* Check the arguments of every run before the first one begins; what is wrong with them goes to w->faults. */
static int plan_job(struct work *w, size_t i, struct clr_error *err)
{
    struct job *job = &w->jobs[i];
    struct clr_error why = {0};
    int rc = clr_lab_folder(&job->folder, w->out, job->run, job->seed, err);

    if (rc == 0)
        rc = set_arguments(job, w->quiet || w->device_count > 1, err);
    if (rc < 0)
        return rc;
    rc = (job->run->range_test ? cmd_range_test_check : cmd_train_check)(&job->kept, job->arguments.count,
                                                                         job->arguments.values, &why);
    cli_set_quiet(w->quiet); /* the check takes the worker's --quiet */
    if (rc < 0 && rc != CLR_EUSAGE)
        return cannot_run(w, job->run, rc, why.message, err);
    if (rc < 0)
        add_faults(w, job->run, why.message);
    return 0;
}

static bool is_wanted(const struct work *w, int seed)
{
    return w->seed_high == 0 || (seed >= w->seed_low && seed <= w->seed_high);
}

static int plan(struct work *w, struct clr_error *err)
{
    size_t n = 0;
    int most = 0, rc;

    for (size_t i = 0; i < w->e->run_count; i++) {
        w->count += (size_t)w->e->runs[i].seed_count;
        most = w->e->runs[i].seed_count > most ? w->e->runs[i].seed_count : most;
    }
    rc = mem_new(&w->jobs, w->count, sizeof *w->jobs, "runs", err);
    if (rc == 0)
        rc = mem_new(&w->states, w->count, sizeof *w->states, "runs", err);
    if (rc == 0)
        rc = mem_new(&w->order, w->count, sizeof *w->order, "runs", err);
    for (size_t i = 0; i < w->e->run_count && rc == 0; i++) {
        for (int s = 0; s < w->e->runs[i].seed_count && rc == 0; s++) {
            w->jobs[n] = (struct job){.run = &w->e->runs[i], .seed = w->e->runs[i].seeds[s]};
            rc = plan_job(w, n++, err);
        }
    }
    if (rc == 0 && (w->faults.length > 0 || w->faults.failed))
        rc = str_errors(&w->faults, CLR_EINPUT, err);
    if (rc == 0 && w->seeds > most)
        cli_warn("--seeds %d: no run has more than %d", w->seeds, most);
    for (int s = 0; s < (w->seeds > 0 && w->seeds < most ? w->seeds : most) && rc == 0; s++) {
        size_t first = 0;
        for (size_t i = 0; i < w->e->run_count; i++) {
            if (s < w->e->runs[i].seed_count && is_wanted(w, w->e->runs[i].seeds[s]))
                w->order[w->wanted++] = first + (size_t)s;
            first += (size_t)w->e->runs[i].seed_count;
        }
    }
    if (rc == 0 && w->wanted == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "--seeds %d-%d: no run of '%s' has such a seed", w->seed_low,
                           w->seed_high, w->name);
    return rc;
}

/* What a run reads is there, before any run begins. */
static int check_files(const struct work *w, const struct job *job, struct clr_error *err)
{
    static const char *const files[] = {"net", "solver", "init", "mean"};
    struct clr_error why = {0};
    int rc = 0;

    for (size_t i = 0; i < job->run->option_count && rc == 0; i++) {
        const char *name = job->run->options[i].name, *value = job->run->options[i].value;
        if (strcmp(name, "data") == 0)
            rc = clr_dataset_find(value, &why);
        for (size_t f = 0; f < MEM_COUNT(files) && rc == 0; f++)
            if (strcmp(name, files[f]) == 0 && fs_is_path(value) && !fs_exists(value))
                rc = clr_error_set(&why, CLR_EINPUT, "'%s' is missing", value);
    }
    return rc < 0 ? cannot_run(w, job->run, rc, why.message, err) : 0;
}

/* What is there already. */
static int look(struct work *w, struct clr_error *err)
{
    int rc = clr_lab_check(&w->all_archived, w->out, err);

    if (rc < 0) {
        clr_error_prefix(err,
                         "nothing is trained until histories.csv and runs.json in '%s' are restored, since "
                         "runs without folders might be lost",
                         w->out);
        return rc;
    }
    for (size_t i = 0; i < w->count && rc == 0; i++) {
        rc = clr_lab_look(&w->states[i], w->jobs[i].folder, (const char *const *)w->jobs[i].kept.values, err);
        if (rc == 0 && w->states[i] == LAB_OTHER)
            rc =
                clr_error_set(err, CLR_EUSAGE,
                              "%s:%d: there is a run with other options in '%s': give '%s' another name, or, "
                              "with an empty folder there, it is made again",
                              w->e->file, w->jobs[i].run->line, w->jobs[i].folder, w->jobs[i].run->name);
    }
    for (size_t k = 0; k < w->wanted && rc == 0; k++) {
        const struct job *job = &w->jobs[w->order[k]];
        const bool missing = w->states[w->order[k]] == LAB_MISSING;
        bool archived = false;
        if (missing)
            rc = check_files(w, job, err);
        if (rc == 0)
            rc = archive_holds(&archived, job->folder, err);
        w->done += !missing;
        w->archived += archived;
    }
    return rc;
}

/* ------------------------------------------------------------------ devices */

static int add_device(struct work *w, const struct clr_device *d, struct clr_error *err)
{
    char place[32];

    (void)snprintf(place, sizeof place, "%d:%d", d->platform_index, d->device_index);
    for (size_t i = 0; i < w->device_count; i++)
        if (strcmp(w->devices[i], place) == 0)
            return clr_error_set(err, CLR_EUSAGE,
                                 "--device: %s (%s) is named twice, and trains one run at a time", place,
                                 d->name);
    if (w->device_count == MAX_DEVICES)
        return clr_error_set(err, CLR_EUSAGE, "--device: more than %d devices", MAX_DEVICES);
    return str_duplicate(&w->devices[w->device_count++], place, err);
}

/* Those of a list with commas, which is cut into its parts; all: every usable one, except renderers and
 * simulators. */
static int add_devices(struct work *w, char *list, const struct clr_device *devices, size_t count,
                       struct clr_error *err)
{
    const bool all = strcmp(list, "all") == 0;
    char *rest, *part;
    size_t chosen;
    int rc = 0;

    for (size_t i = 0; all && i < count && rc == 0; i++)
        if (devices[i].usable && !clr_device_is_software(&devices[i]))
            rc = add_device(w, &devices[i], err);
    for (part = all ? NULL : strtok_r(list, ",", &rest); part && rc == 0; part = strtok_r(NULL, ",", &rest)) {
        rc = cli_device_select(&chosen, devices, count, part, err);
        if (rc == 0)
            rc = add_device(w, &devices[chosen], err);
    }
    return rc;
}

/* Before anything is trained. Without --device, the workers use CLR_DEVICE, which for them is one device. */
static int choose_devices(struct work *w, const char *option, struct clr_error *err)
{
    const char *wanted = cli_device_wanted(option);
    const bool all = wanted && strcmp(wanted, "all") == 0;
    struct clr_device *devices = NULL;
    char *list = NULL;
    size_t count = 0;
    int rc = option || all ? clr_device_list(&devices, &count, err) : 0;

    if (rc == 0 && (option || all))
        rc = str_duplicate(&list, wanted, err);
    if (rc == 0 && list)
        rc = add_devices(w, list, devices, count, err);
    free(list);
    free(devices);
    if (rc == 0 && w->device_count == 0 && option && !all)
        rc = clr_error_set(err, CLR_EUSAGE, "--device '%s' names no device", option);
    w->device_count += w->device_count == 0;
    return rc;
}

/* ------------------------------------------------------------------ workers */

static void wait_ns(long ns)
{
    const struct timespec t = {.tv_nsec = ns};

    (void)nanosleep(&t, NULL);
}

/* In a new process, where only functions that are safe between fork and exec may be called. stdout is
 * discarded: the experiment prints the result with the name of the run, and its table on stdout. The process
 * has a group of its own, so that a signal from the terminal reaches only the experiment, which sends it on
 * once. */
static void become(char *const *args, pid_t parent, const sigset_t *mask)
{
    static const char no_start[] = "cannot start this program again\n";

    (void)signal(SIGINT, SIG_DFL); /* exec would lose what the experiment's handler stores */
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)setpgid(0, 0);
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* workers end if the experiment is killed */
#endif
    if (getppid() == parent) {
        const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0)
            (void)execvp(args[0], args);
        if (write(STDERR_FILENO, no_start, sizeof no_start - 1) < 0)
            _exit(CLI_EXIT_FAILURE);
    }
    _exit(CLI_EXIT_FAILURE);
}

static int start(struct work *w, struct job *job, size_t number, struct clr_error *err)
{
    const struct arguments *a = &job->arguments;
    const char *device = w->devices[job->device];
    const pid_t self = getpid();
    sigset_t both, before;
    char **args;
    int n = 0, rc = mem_new(&args, (size_t)a->count + 5, sizeof *args, "arguments", err);

    if (rc < 0)
        return rc;
    args[n++] = (char *)(uintptr_t)cli_program();
    for (int i = 0; i < a->count; i++)
        args[n++] = a->values[i];
    if (fs_exists_in(job->folder, "run.json"))
        args[n++] = (char *)(uintptr_t) "--resume";
    if (device) {
        args[n++] = (char *)(uintptr_t) "--device";
        args[n++] = (char *)(uintptr_t)device;
    }
    cli_note("run %zu of %zu: %s, seed %d%s%s", number, w->wanted, job->run->name, job->seed,
             device ? ", on " : "", device ? device : "");
    (void)fflush(NULL);
    (void)sigemptyset(&both);
    (void)sigaddset(&both, SIGINT);
    (void)sigaddset(&both, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &both, &before);
    job->pid = fork();
    if (job->pid == 0)
        become(args, self, &before);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    free(args);
    if (job->pid > 0)
        return 0;
    job->pid = 0;
    return clr_error_set(err, CLR_EFAILED, "cannot start a process: %s", strerror(errno));
}

static int note_result(const struct job *job, struct clr_error *err)
{
    char *text = NULL;
    int rc = clr_lab_describe(&text, job->run, job->folder, err);

    if (rc == 0)
        cli_note("%s, seed %d: %s", job->run->name, job->seed, text);
    free(text);
    return rc;
}

static int stopped(struct clr_error *err)
{
    return clr_error_set(err, CLR_EINTERRUPTED,
                         "the experiment is stopped: run the same command again to continue it");
}

/* The others go on: a fault of one run is not theirs. What it left is resumed by the same command. */
static void take_failure(struct work *w, struct job *job, int status)
{
    job->failed = true;
    if (w->failed++ == 0)
        w->failure = WIFSIGNALED(status) ? CLR_EFAILED : cli_error_code(WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        cli_warn("'%s', seed %d, was ended by signal %d (%s)", job->run->name, job->seed, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        cli_warn("'%s', seed %d, failed (exit code %d): the reason is above", job->run->name, job->seed,
                 WEXITSTATUS(status));
}

/* Record how a worker ended; a divergence is a result. */
static int take_end(struct work *w, size_t i, int status, struct clr_error *err)
{
    struct job *job = &w->jobs[i];
    const int seed = job->seed;
    int rc = 0;

    job->pid = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && *w->stop) /* before the worker could catch it */
        return stopped(err);
    if (WIFSIGNALED(status)) {
        take_failure(w, job, status);
        return 0;
    }
    if (WEXITSTATUS(status) == CLI_EXIT_DIVERGED) {
        w->states[i] = LAB_DIVERGED;
        cli_warn("'%s', seed %d, diverged; recorded as diverged", job->run->name, seed);
    } else if (WEXITSTATUS(status) == CLI_EXIT_OK) {
        w->states[i] = LAB_FINISHED;
        rc = note_result(job, err);
    } else if (WEXITSTATUS(status) == CLI_EXIT_INTERRUPTED) {
        return stopped(err);
    } else {
        take_failure(w, job, status);
        return 0;
    }
    w->done++;
    return rc < 0 ? rc : clr_lab_report(w->e, w->out, w->states, NULL, err);
}

/* Start the next job on every free device; *running: the number of workers. */
static int start_some(struct work *w, size_t *running, struct clr_error *err)
{
    bool busy[MAX_DEVICES] = {false};
    int rc = 0;

    *running = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->jobs[i].pid > 0) {
            busy[w->jobs[i].device] = true;
            ++*running;
        }
    }
    for (size_t k = 0; k < w->wanted && rc == 0; k++) {
        struct job *job = &w->jobs[w->order[k]];
        if (w->states[w->order[k]] != LAB_MISSING || job->failed || job->pid > 0 || busy[job->device])
            continue;
        rc = start(w, job, k + 1, err);
        busy[job->device] = true;
        *running += rc == 0;
    }
    return rc;
}

static void signal_all(const struct work *w, int number)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->jobs[i].pid > 0)
            (void)kill(w->jobs[i].pid, number);
}

/* Record the workers that have ended. The first error is returned; *running: the workers that are left. */
static int collect(struct work *w, size_t *running, struct clr_error *err)
{
    int rc = 0;

    *running = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct clr_error other;
        int status = 0, ended;
        pid_t got;
        if (w->jobs[i].pid <= 0)
            continue;
        got = waitpid(w->jobs[i].pid, &status, WNOHANG);
        if (got == 0 || (got < 0 && errno == EINTR)) {
            ++*running;
            continue;
        }
        if (got < 0) {
            w->jobs[i].pid = 0;
            ended = clr_error_set(rc == 0 ? err : &other, CLR_EFAILED, "cannot wait for a worker: %s",
                                  strerror(errno));
        } else {
            ended = take_end(w, i, status, rc == 0 ? err : &other);
        }
        rc = rc < 0 ? rc : ended;
    }
    return rc;
}

/* Run all jobs. If this process fails, or a signal comes, stop them. */
static int run_all(struct work *w, struct clr_error *err)
{
    size_t running = 0;
    int rc = 0;

    (void)signal(SIGCHLD, SIG_DFL); /* the parent process may have ignored it */
    w->stop =
        cli_catch_signals(w->device_count > 1 ? CLI_STOPPING_RUN : NULL); /* a single worker prints it */
    for (size_t k = 0; k < w->wanted; k++) /* by the position in the file, not by time */
        w->jobs[w->order[k]].device = k % w->device_count;
    while (rc == 0 && !*w->stop) {
        rc = start_some(w, &running, err);
        if (rc == 0 && running == 0)
            return 0;
        if (rc == 0)
            wait_ns(LOOK_NS);
        if (rc == 0)
            rc = collect(w, &running, err);
    }
    signal_all(w, SIGTERM);
    for (running = 1; running > 0;) {
        struct clr_error other = {0};
        const int ended = collect(w, &running, rc == 0 ? err : &other);
        rc = rc < 0 ? rc : ended;
        if (running > 0)
            wait_ns(LOOK_NS);
    }
    return rc < 0 ? rc : stopped(err);
}

/* ------------------------------------------------------------------ the command */

static int lock(const char *path, int *fd, struct clr_error *err)
{
    int rc = 0;

    for (int i = 0; i < LOCK_TRIES; i++) {
        rc = fs_lock(path, fd, err);
        if (rc == 0)
            return 0;
        wait_ns(LOCK_WAIT_NS);
    }
    return rc;
}

/* Temporary files of what the experiment itself writes; its runs remove their own. */
static void remove_left_overs(const struct work *w)
{
    static const char *const names[] = {"experiment.prototxt", "results.csv", "results.md", ARCHIVE_TABLE,
                                        ARCHIVE_RUNS};

    for (size_t i = 0; i < MEM_COUNT(names) + w->e->figure_count; i++) {
        char *path = NULL;
        if (fs_join(&path, w->out, i < MEM_COUNT(names) ? names[i] : w->e->figures[i - MEM_COUNT(names)].file,
                    NULL) == 0)
            fs_remove_left_overs(path);
        free(path);
    }
}

/* For the figures: no path of this machine. */
static void append_name(struct str *s, const char *path)
{
    char name[FS_RUN_NAME];

    fs_run_name(name, sizeof name, path);
    str_append(s, " ");
    cli_quote(s, path[0] == '/' ? name : path);
}

static int draw(struct work *w, struct clr_error *err)
{
    struct str command_line = {0};
    int rc;

    str_append(&command_line, "clr-cl experiment");
    append_name(&command_line, w->name);
    str_append(&command_line, " --out");
    append_name(&command_line, w->out);
    rc = str_check(&command_line, err);
    if (rc == 0)
        rc = clr_lab_draw(w->e, w->out, w->states, command_line.text, err);
    str_clear(&command_line);
    return rc;
}

static int finish(struct work *w, struct clr_error *err)
{
    char *table = NULL, figures[STR_COUNT];
    int rc = clr_lab_report(w->e, w->out, w->states, &table, err), drawn = 0;

    if (rc == 0 && table)
        cli_print_text(table);
    if (rc == 0)
        drawn = draw(w, err);
    if (rc == 0 && drawn >= 0)
        cli_note("wrote results.csv, results.md%s%s in %s", drawn > 0 ? " and " : "",
                 drawn > 0 ? str_count(figures, (uint64_t)drawn, "figure") : "", w->out);
    free(table);
    return drawn < 0 ? drawn : rc;
}

/* "small: 5 runs, none done yet" */
static void note_begin(const struct work *w)
{
    char runs[STR_COUNT], done[STR_COUNT];

    cli_note("%s: %s, %s done%s", w->e->name, str_count(runs, w->wanted, "run"),
             w->done == 0           ? "none"
             : w->done == w->wanted ? "all"
                                    : str_count(done, w->done, ""),
             w->done == 0 ? " yet" : "");
    if (w->archived > 0)
        cli_note("%s of them are in histories.csv only, without folders", str_count(done, w->archived, ""));
    if (w->all_archived > w->archived)
        cli_note("%s more in histories.csv only, which stay there",
                 str_count(runs, w->all_archived - w->archived, "run"));
}

static int carry_out(struct work *w, struct clr_error *err)
{
    char *path = NULL;
    char failed[STR_COUNT];
    bool made = !fs_exists(w->out);
    int fd = -1, rc = plan(w, err);

    if (rc == 0)
        rc = fs_make_dirs(w->out, err);
    if (rc == 0)
        rc = fs_join(&path, w->out, ".lock", err);
    if (rc == 0) {
        rc = lock(path, &fd, err);
        if (rc < 0)
            clr_error_prefix(err, "cannot use the folder '%s'", w->out);
    }
    if (rc == 0)
        remove_left_overs(w);
    if (rc == 0)
        rc = look(w, err);
    if (rc == 0) /* report results of other settings before more is trained */
        rc = clr_lab_report(w->e, w->out, w->states, NULL, err);
    if (rc == 0)
        note_begin(w);
    if (rc == 0)
        rc = run_all(w, err);
    if (rc == 0)
        rc = finish(w, err);
    if (rc == 0 && w->failed > 0)
        rc = clr_error_set(err, w->failure, "%s of %zu failed; run the same command again to resume %s",
                           str_count(failed, w->failed, "run"), w->wanted, w->failed == 1 ? "it" : "them");
    if (fd >= 0)
        (void)unlink(path);
    if (rc < 0 && made)
        (void)rmdir(w->out); /* if nothing was written */
    fs_unlock(fd);
    free(path);
    return rc;
}

static void clear(struct work *w)
{
    for (size_t i = 0; w->jobs && i < w->count; i++) {
        free(w->jobs[i].folder);
        arguments_clear(&w->jobs[i].arguments);
        arguments_clear(&w->jobs[i].kept);
    }
    for (size_t i = 0; i < w->device_count; i++)
        free(w->devices[i]);
    str_clear(&w->faults);
    free(w->jobs);
    free(w->states);
    free(w->order);
    clr_lab_destroy(w->e);
}

/* "5": the first five; "6-10": those numbers. */
static int take_seeds(struct work *w, const char *text, struct clr_error *err)
{
    const char *dash = text ? strchr(text, '-') : NULL;
    char low[16];

    if (!text)
        return 0;
    if (!dash && str_parse_int(text, 1, LAB_MAX_SEEDS, &w->seeds))
        return 0;
    str_copy(low, sizeof low, text);
    low[strcspn(low, "-")] = '\0';
    if (dash && str_parse_int(low, 0, INT_MAX, &w->seed_low) &&
        str_parse_int(dash + 1, w->seed_low > 0 ? w->seed_low : 1, INT_MAX, &w->seed_high))
        return 0;
    return clr_error_set(
        err, CLR_EUSAGE,
        "--seeds takes a number from 1 to %d, or two seeds with a dash between them, the lower "
        "one first, as in 6-10; not '%.60s'",
        LAB_MAX_SEEDS, text);
}

int cmd_experiment(int argc, char **argv, struct clr_error *err)
{
    struct work w = {0};
    const char *device = NULL, *seeds = NULL;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "out", "DIR", &w.out, .like = "experiment",
         .help = "folder of the runs, tables and figures"},
        {OPT_TEXT, "device", "D,D...", &device,
         .help =
             "devices to train on, one run at a time on each; all: every one but renderers and simulators "
             "(default: $CLR_DEVICE, else the best one)"},
        {OPT_TEXT, "seeds", "N|A-B", &seeds,
         .help = "only the first N seeds of each run, or its seeds from A to B (default: all)"},
        {OPT_FLAG, "quiet", NULL, &w.quiet, .help = "no progress and no messages, only warnings and errors"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0 && !str_is_utf8(w.out))
        rc = clr_error_set(err, CLR_EUSAGE, "--out is not UTF-8, which run.json needs");
    if (rc != 0)
        goto out;
    cli_set_quiet(w.quiet);
    w.name = set.args[0];
    rc = take_seeds(&w, seeds, err);
    if (rc == 0)
        rc = cli_check_kind(w.name, CLR_FILE_EXPERIMENT, err);
    if (rc == 0)
        rc = clr_lab_load(&w.e, w.name, err);
    if (rc == 0)
        rc = choose_devices(&w, device, err);
    if (rc == 0)
        rc = carry_out(&w, err);
out:
    clear(&w);
    opt_clear(&set);
    return rc;
}
