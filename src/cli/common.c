/* What all commands share: see common.h. */
#include "cli/common.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clr/lab.h>
#include <clr/log.h>
#include <clr/net.h>
#include <clr/plot.h>

#include "base/archive.h"
#include "base/clock.h"
#include "base/fs.h"

#define PLAIN_LINE_EVERY_NS UINT64_C(30000000000)
#define LINE_MAX_BYTES      5120 /* of a message */
#define RED                 "\033[31m"
#define YELLOW              "\033[33m"
#define CYAN                "\033[36m"
#define PLAIN               "\033[0m"

static struct {
    bool fancy; /* stderr is a terminal, and colours are welcome */
    bool quiet;
    bool line_open; /* the terminal shows a line of progress */
    uint64_t last_line_ns;
    struct str command_line;
    const char *program;
} g_cli = {.program = "clr-cl"}; /* until it is known by which path it was started */

/* ---- messages ------------------------------------------------------------------------------------------ */

void cli_progress_wipe(void)
{
    if (g_cli.line_open)
        (void)fputs("\r\033[K", stderr);
    g_cli.line_open = false;
}

/* The option of a field. */
static const char *option_of(const char *field, size_t length)
{
    static const char *const others[][2] = {{"backoff", "on-divergence backoff"},
                                            {"convention", "momentum-convention"},
                                            {"cycle_momentum_low", "cycle-momentum"},
                                            {"l1", "regularization"},
                                            {"labels", "label"}};

    for (size_t i = 0; i < MEM_COUNT(others); i++)
        if (strlen(others[i][0]) == length && strncmp(others[i][0], field, length) == 0)
            return others[i][1];
    return NULL;
}

/* The library names fields, as in "`max_lr` is 0"; the user needs options: "--max-lr is 0". */
static void name_options(char *out, size_t size, const char *text)
{
    const char *other;
    size_t n = 0;

    while (*text && n + 3 < size) {
        const size_t length = *text == '`' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
        if (length == 0 || text[1 + length] != '`') {
            out[n++] = *text++;
            continue;
        }
        out[n++] = '-';
        out[n++] = '-';
        other = option_of(text + 1, length);
        for (size_t i = 0; (other ? other[i] != '\0' : i < length) && n + 1 < size; i++)
            out[n++] = other ? other[i] : text[i + 1] == '_' ? '-' : text[i + 1];
        text += length + 2;
    }
    out[n] = '\0';
}

/*
 * A message may quote names from files: control characters are shown as '?'. Nothing is allocated, so that an
 * error about memory can be printed. SIGPIPE is ignored meanwhile: it ends the program if the reader of
 * stdout has ended, not the reader of the messages.
 */
static void say(const char *colour, const char *prefix, const char *text)
{
    bool coloured = g_cli.fancy && *colour;
    struct sigaction ignore = {0}, before;
    char line[LINE_MAX_BYTES];

    name_options(line, sizeof line, text);
    str_mask(line);
    ignore.sa_handler = SIG_IGN;
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, &before);
    cli_progress_wipe();
    (void)fprintf(stderr, "%s%s%s%s\n", coloured ? colour : "", prefix, coloured ? PLAIN : "", line);
    (void)sigaction(SIGPIPE, &before, NULL);
}

static void log_sink(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    if (level == CLR_LOG_WARNING)
        say(YELLOW, "warning: ", line);
    else if (!g_cli.quiet)
        say("", "", line);
}

void cli_note(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;

    if (g_cli.quiet)
        return;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    say("", "", line);
}

void cli_warn(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    say(YELLOW, "warning: ", line);
}

/* Any other code is CLI_EXIT_FAILURE. */
static const struct {
    int code, exit_code;
} exit_codes[] = {
    {0, CLI_EXIT_OK},
    {CLR_EUSAGE, CLI_EXIT_USAGE},
    {CLR_ENODEVICE, CLI_EXIT_NO_DEVICE},
    {CLR_EINPUT, CLI_EXIT_INPUT},
    {CLR_EDIVERGED, CLI_EXIT_DIVERGED},
    {CLR_EDEVMEM, CLI_EXIT_DEVICE_MEMORY},
    {CLR_EINTERRUPTED, CLI_EXIT_INTERRUPTED},
};

int cli_report_error(int code, const struct clr_error *err)
{
    say(RED, "clr-cl: ", err->message[0] ? err->message : "failed, without a reason given");
    for (size_t i = 0; i < MEM_COUNT(exit_codes); i++)
        if (exit_codes[i].code == code)
            return exit_codes[i].exit_code;
    return CLI_EXIT_FAILURE;
}

int cli_error_code(int exit_code)
{
    for (size_t i = 0; i < MEM_COUNT(exit_codes); i++)
        if (exit_codes[i].exit_code == exit_code)
            return exit_codes[i].code;
    return CLR_EFAILED;
}

int cli_close_stdout(struct clr_error *err)
{
    bool failed = ferror(stdout) != 0;

    if (failed)
        (void)putchar('\n'); /* errno is lost: another failure sets it again */
    errno = 0;
    if (fclose(stdout) != 0 || failed)
        return clr_error_set(err, CLR_EFAILED, "cannot write to standard output%s%s", errno ? ": " : "",
                             errno ? strerror(errno) : "");
    return 0;
}

void cli_set_quiet(bool quiet)
{
    g_cli.quiet = quiet;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

void cli_quote(struct str *s, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%^";

    if (*word && word[strspn(word, safe)] == '\0') {
        str_append(s, "%s", word);
        return;
    }
    str_append(s, "'");
    for (; *word; word++)
        str_append_bytes(s, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    str_append(s, "'");
}

const char *cli_program(void)
{
    return g_cli.program;
}

const char *cli_command_line(void)
{
    return str_text(&g_cli.command_line);
}

/*
 * If descriptor 1 or 2 is closed, the next file that is opened would get it, and messages would be written
 * into that file. /dev/null takes its place, read-only, so that writing still fails.
 */
static void fill_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd < 3);
    if (fd >= 0)
        (void)close(fd);
}

int cli_init(int argc, char **argv, struct clr_error *err)
{
    const char *no_color = getenv("NO_COLOR");

    fill_descriptors();
    (void)signal(SIGXFSZ, SIG_IGN); /* so that write() fails for a file that is too large */
    g_cli.fancy = isatty(STDERR_FILENO) && !(no_color && *no_color);
    g_cli.program = argc > 0 && argv[0][0] ? argv[0] : "clr-cl";
    str_append(&g_cli.command_line, "clr-cl");
    for (int i = 1; i < argc; i++) {
        str_append(&g_cli.command_line, " ");
        cli_quote(&g_cli.command_line, argv[i]);
    }
    clr_log_set_sink(log_sink, NULL);
    return str_check(&g_cli.command_line, err);
}

/* ---- the device ---------------------------------------------------------------------------------------- */

const char *cli_device_wanted(const char *option)
{
    const char *variable = getenv("CLR_DEVICE");

    if (option)
        return option;
    return variable && *variable ? variable : NULL;
}

bool cli_rusticl_hides(void)
{
    const char *enabled = getenv("RUSTICL_ENABLE"), *vendors = getenv("OCL_ICD_VENDORS");
    char path[4096];
    struct stat s;

    (void)snprintf(path, sizeof path, "%s/rusticl.icd",
                   vendors && *vendors ? vendors : "/etc/OpenCL/vendors");
    return !(enabled && *enabled) && stat(path, &s) == 0;
}

int cli_device_select(size_t *out, const struct clr_device *devices, size_t count, const char *option,
                      struct clr_error *err)
{
    const char *wanted = cli_device_wanted(option);
    int rc = clr_device_select(out, devices, count, wanted, err);

    if (rc < 0 && wanted)
        clr_error_prefix(err, option ? "--device" : "CLR_DEVICE");
    if (rc == CLR_ENODEVICE && cli_rusticl_hides()) {
        const struct clr_error why = *err;
        (void)clr_error_set(err, rc, "%s. " CLI_RUSTICL, why.message);
    }
    return rc;
}

int cli_device_choose(struct clr_device *out, const char *option, struct clr_error *err)
{
    struct clr_device *devices = NULL;
    size_t count = 0, chosen = 0;
    int rc = clr_device_list(&devices, &count, err);

    if (rc == 0)
        rc = cli_device_select(&chosen, devices, count, option, err);
    if (rc == 0)
        *out = devices[chosen];
    free(devices);
    return rc;
}

void cli_device_tell(const struct clr_device *device)
{
    cli_note("device: %s (%d:%d, %s, driver %s)", device->name, device->platform_index, device->device_index,
             device->platform_name, device->driver);
}

int cli_device(struct clr_device *out, const char *option, struct clr_error *err)
{
    int rc = cli_device_choose(out, option, err);

    if (rc == 0)
        cli_device_tell(out);
    return rc;
}

/* ---- signals ------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t g_stop;
static const char *g_stop_message; /* NULL: none */
_Static_assert(sizeof g_stop == sizeof(int), "the library takes the stop flag as an int");

static void on_signal(int number)
{
    const int before = errno;
    const char *message = g_stop ? "\nclr-cl: quit\n" : g_stop_message;
    ssize_t written = 0;

    (void)number;
    if (g_stop_message && !g_cli.quiet)
        written = write(STDERR_FILENO, message, strlen(message));
    (void)written;
    if (g_stop)
        _exit(CLI_EXIT_INTERRUPTED);
    g_stop = 1;
    errno = before;
}

const volatile int *cli_catch_signals(const char *message)
{
    struct sigaction action = {0};

    g_stop_message = message;
    action.sa_handler = on_signal;
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* the same signal may end the reader of the messages first */
    return &g_stop;
}

/* ---- progress ------------------------------------------------------------------------------------------ */

const char *cli_about(char out[CLI_ABOUT], double seconds)
{
    if (seconds >= 10000)
        (void)snprintf(out, CLI_ABOUT, "about %.0f hours", seconds / 3600);
    else if (seconds >= 100)
        (void)snprintf(out, CLI_ABOUT, "about %.0f minutes", seconds / 60);
    else
        (void)snprintf(out, CLI_ABOUT, "about %.0f s", ceil(seconds));
    return out;
}

static void append_time(struct str *s, double seconds)
{
    unsigned long long t = (unsigned long long)(seconds + 0.5);

    if (t >= 3600)
        str_append(s, "%llu:%02llu:%02llu", t / 3600, t / 60 % 60, t % 60);
    else
        str_append(s, "%llu:%02llu", t / 60, t % 60);
}

/* "1,200/4,000  loss 1.6302  lr 0.00325  accuracy 41.30 %  16.2 it/s  2:53 left"; the accuracy is that of the
 * last evaluation, or its loss where the net has none. */
static void append_figures(struct str *s, const struct clr_progress *p, bool accuracy)
{
    char done[STR_COUNT], all[STR_COUNT], loss[CLI_LOSS_TEXT];

    str_append(s, "%s/%s", str_count(done, p->iteration, ""), str_count(all, p->iterations, ""));
    if (isfinite(p->loss))
        str_append(s, "  loss %s", cli_loss(loss, p->loss));
    if (isfinite(p->lr))
        str_append(s, "  lr %.4g", p->lr);
    if (accuracy && isfinite(p->val_acc))
        str_append(s, "  accuracy %.2f %%", 100 * p->val_acc);
    else if (accuracy && isfinite(p->val_loss))
        str_append(s, "  evaluated %s", cli_loss(loss, p->val_loss));
    if (p->iterations_per_s > 0)
        str_append(s, p->iterations_per_s < 10 ? "  %.2f it/s" : "  %.1f it/s", p->iterations_per_s);
    if (p->evaluating) {
        str_append(s, "  evaluating");
    } else if (p->seconds_left >= 0 && p->iteration < p->iterations) {
        str_append(s, "  ");
        append_time(s, p->seconds_left);
        str_append(s, " left");
    }
}

static size_t terminal_width(void)
{
    struct winsize size = {0};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* The bar takes what the figures leave of the line, 16 columns at most; figures that do not fit are cut. */
static void draw_line(const struct str *figures, double share)
{
    static const char full[] = "################", empty[] = "................";
    size_t width = terminal_width() - 1, bar = 0, filled;

    if (figures->length + 8 < width)
        bar = width - figures->length - 3;
    if (bar > sizeof full - 1)
        bar = sizeof full - 1;
    filled = (size_t)((double)bar * share);
    (void)fputs("\r", stderr);
    if (bar > 0)
        (void)fprintf(stderr, "[" CYAN "%.*s" PLAIN "%.*s] ", (int)filled, full, (int)(bar - filled), empty);
    (void)fprintf(stderr, "%.*s\033[K", (int)(figures->length < width ? figures->length : width),
                  str_text(figures));
    (void)fflush(stderr);
    g_cli.line_open = true;
}

/* On a terminal always; elsewhere after an evaluation, or half a minute after the last line. */
static bool is_time_for_progress(bool evaluated)
{
    const uint64_t now = clock_ns();

    if (g_cli.quiet || g_cli.fancy)
        return !g_cli.quiet;
    if (g_cli.last_line_ns == 0)
        g_cli.last_line_ns = now;
    if (!evaluated && now - g_cli.last_line_ns < PLAIN_LINE_EVERY_NS)
        return false;
    g_cli.last_line_ns = now;
    return true;
}

/* Print a line of progress, and free it. plain: what it begins with without a terminal. */
static void show_progress(struct str *line, const char *plain, double share)
{
    if (g_cli.fancy)
        draw_line(line, share);
    else
        cli_note("%s%s", plain, str_text(line));
    str_clear(line);
}

void cli_progress(void *user, const struct clr_progress *p)
{
    struct str line = {0};

    (void)user;
    if (!is_time_for_progress(p->evaluated))
        return;
    append_figures(&line, p, p->evaluated || g_cli.fancy);
    show_progress(&line, "iteration ",
                  p->iterations > 0 ? (double)p->iteration / (double)p->iterations : 0.0);
}

void cli_progress_step(void *user, const char *what, int done, int all)
{
    struct str line = {0};

    (void)user;
    if (!is_time_for_progress(false))
        return;
    str_append(&line, "%d/%d  %s", done, all, what);
    show_progress(&line, "", all > 0 ? (double)done / all : 0.0);
}

void cli_progress_end(void)
{
    if (g_cli.line_open)
        (void)fputc('\n', stderr);
    g_cli.line_open = false;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

const char *cli_loss(char out[CLI_LOSS_TEXT], double loss)
{
    (void)snprintf(out, CLI_LOSS_TEXT, fabs(loss) < 1e4 ? "%.4f" : "%.3g", loss);
    return out;
}

/* What a file is called, and what to do with it. */
static const struct {
    const char *is, *then;
} file_kinds[] = {
    [CLR_FILE_NET] = {"a net", "--net takes it"},
    [CLR_FILE_SOLVER] = {"a Caffe solver file", "'clr-cl train --solver' takes it"},
    [CLR_FILE_EXPERIMENT] = {"an experiment", "'clr-cl experiment' takes it"},
    [CLR_FILE_SAFETENSORS] = {"a file of weights",
                              "'clr-cl eval --weights' and 'clr-cl train --init' take it"},
    [CLR_FILE_CHECKPOINT] = {"a checkpoint",
                             "'clr-cl train --resume --out FOLDER' continues its run; the weights "
                             "of a finished run are FOLDER/final.safetensors"},
    [CLR_FILE_CAFFEMODEL] = {"a file of Caffe's weights",
                             "'clr-cl eval --weights' and 'clr-cl train --init' take it"},
    [CLR_FILE_PYTORCH] = {"a file of torch.save()", "write it as safetensors, in Python: "
                                                    "safetensors.torch.save_file(model.state_dict(), "
                                                    "'model.safetensors')"},
    [CLR_FILE_HDF5] = {"an HDF5 file", "convert it to safetensors"},
    [CLR_FILE_RUN] = {"the folder of a run", "its weights are final.safetensors there"},
};

int cli_check_kind(const char *path, enum clr_file_kind wanted, struct clr_error *err)
{
    const char *const *built_in = wanted == CLR_FILE_NET          ? clr_net_names()
                                  : wanted == CLR_FILE_EXPERIMENT ? clr_lab_names()
                                                                  : NULL;
    const bool is_file = path && (!built_in || str_index(path, built_in) < 0);
    const enum clr_file_kind kind = is_file ? clr_file_kind(path) : CLR_FILE_UNKNOWN;
    const bool weights = kind == CLR_FILE_CAFFEMODEL && wanted == CLR_FILE_SAFETENSORS; /* of either format */

    if (kind == CLR_FILE_UNKNOWN || kind == wanted || weights ||
        (wanted == CLR_FILE_NET && kind == CLR_FILE_SOLVER)) /* of a solver, its net is meant */
        return 0;
    return clr_error_set(err, CLR_EINPUT, "'%s' is %s and not %s: %s", path, file_kinds[kind].is,
                         file_kinds[wanted].is, file_kinds[kind].then);
}

int cli_net_load(struct clr_net_spec **out, const char *name, int *batch, struct clr_error *err)
{
    int rc = cli_check_kind(name, CLR_FILE_NET, err);

    if (rc == 0)
        rc = clr_net_load(out, name, err);
    if (rc < 0 || !batch || *batch > 0)
        return rc;
    *batch = clr_net_batch(*out);
    if (*batch > 0 && str_index(name, clr_net_names()) < 0)
        cli_note("--batch %d, as '%s' says (batch_size)", *batch, name);
    *batch = *batch > 0 ? *batch : 100;
    return 0;
}

void cli_print_text(const char *text)
{
    size_t n = strlen(text);

    printf("%s%s", text, n > 0 && text[n - 1] == '\n' ? "" : "\n");
}

int cli_print_json(json_t *value, struct clr_error *err)
{
    int rc = 0;

    /* what stdout did not take is reported by cli_close_stdout() */
    if (!value || (json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) < 0 && !ferror(stdout)))
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the JSON output, or a text is not UTF-8");
    else
        (void)putchar('\n');
    json_decref(value);
    return rc;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return strcmp(a, b) == 0 ||
           (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

int cli_add_known(struct clr_bench_report **reports, size_t *count, struct clr_error *err)
{
    const size_t given = *count;
    int rc = clr_bench_add_known(reports, count, err);

    if (rc == 0 && *count == 1)
        rc = clr_error_set(err, CLR_EINPUT,
                           "no known report is of the net '%s' with batches of %d: measure the net and batch "
                           "of one of them, 'clr-cl bench --net NET --batch N --json FILE'",
                           (*reports)[0].net, (*reports)[0].batch);
    else if (rc == 0 && *count == given)
        cli_warn("no known report is of the net '%s' with batches of %d", (*reports)[0].net,
                 (*reports)[0].batch);
    return rc;
}

int cli_check_different(const char *const *paths, size_t count, struct clr_error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (is_same_file(paths[k], paths[i]))
                return clr_error_set(err, CLR_EUSAGE, "'%s' and '%s' are the same: name it once", paths[k],
                                     paths[i]);
    return 0;
}

int cli_check_output(const char *written, struct clr_error *err)
{
    if (written && strcmp(written, "-") == 0)
        return clr_error_set(err, CLR_EUSAGE,
                             "'-' is not standard output: use /dev/stdout, or './-' for a file of that name");
    return written ? fs_check_file(written, err) : 0;
}

int cli_check_figure(const char *written, struct clr_error *err)
{
    const int rc = written ? clr_plot_check_name(written, err) : 0;

    return rc < 0 ? rc : cli_check_output(written, err);
}

int cli_check_outputs(const char *written, const char *other, struct clr_error *err)
{
    if (written && other && is_same_file(written, other))
        return clr_error_set(err, CLR_EUSAGE, "'%s' and '%s' are the same file: write to another one",
                             written, other);
    return 0;
}

int cli_check_input(const char *written, const char *read, struct clr_error *err)
{
    static const char *const names[] = {"history.csv", "loss.csv", "timing.csv",  "range.csv",
                                        "range.json",  "run.json", ARCHIVE_TABLE, ARCHIVE_RUNS};
    char *folder = NULL;
    int rc = cli_check_outputs(written, read, err);

    if (rc == 0)
        rc = fs_is_dir(read) ? str_duplicate(&folder, read, err) : fs_folder_of(&folder, read, err);
    for (size_t i = 0; i < MEM_COUNT(names) && rc == 0; i++) {
        char *path = NULL;
        rc = fs_join(&path, folder, names[i], err);
        if (rc == 0)
            rc = cli_check_outputs(written, path, err);
        free(path);
    }
    free(folder);
    return rc;
}

bool cli_is_repeat_name(const char *name)
{
    return strncmp(name, "seed-", 5) == 0;
}

bool cli_is_test_name(const char *name)
{
    return cli_is_repeat_name(name) || strncmp(name, "decay-", 6) == 0;
}
