/*
 * What all commands share: messages on stderr, exit codes, the device, progress, signals. common.c is one of
 * the three files that read the environment (the others are src/base/paths.c and src/ocl/source.c):
 * CLR_DEVICE, NO_COLOR, and of OpenCL's own variables OCL_ICD_VENDORS and RUSTICL_ENABLE.
 */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <clr/bench.h>
#include <clr/device.h>
#include <clr/file_kind.h>
#include <clr/train.h>

#include "base/str.h"

enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_FAILURE = 1,
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_NO_DEVICE = 3,
    CLI_EXIT_INPUT = 4,
    CLI_EXIT_DIVERGED = 5,
    CLI_EXIT_DEVICE_MEMORY = 6,
    CLI_EXIT_INTERRUPTED = 130,
};

/* One row of the table of commands. run() gets argv from the command's name on and returns 0, a positive
 * number (--help was printed) or an error code with err set, which main() prints and maps to the exit code.
 */
struct cli_command {
    const char *name;
    const char *summary; /* for `clr-cl --help`: a verb in the third person, no full stop; NULL: not shown */
    int (*run)(int argc, char **argv, struct clr_error *err);
};

/* Open descriptors 0 to 2 if they are closed, check whether stderr is a terminal, print the library's
 * messages from now on, and store the command line. Call first. CLR_ENOMEM. */
int cli_init(int argc, char **argv, struct clr_error *err);

/* --quiet: neither progress nor messages, only warnings and errors. */
void cli_set_quiet(bool quiet);

/* Print a message and a newline on stderr, unless --quiet. That it cannot be written is no error. */
void cli_note(const char *format, ...) CLR_PRINTF(1, 2);

/* Print "warning: message" on stderr, also with --quiet. */
void cli_warn(const char *format, ...) CLR_PRINTF(1, 2);

/* Print "clr-cl: message" on stderr; returns the exit code of the error. */
int cli_report_error(int code, const struct clr_error *err);

/* The error code of a process of this program that ended with that exit code. */
int cli_error_code(int exit_code);

/* Flush and close stdout: 0, or CLR_EFAILED, with the reason, if something could not be written (a full
 * disk).
 */
int cli_close_stdout(struct clr_error *err);

/* The device that --device names, or else CLR_DEVICE; NULL: the best one. */
const char *cli_device_wanted(const char *option);

/* Is Mesa's rusticl installed without RUSTICL_ENABLE? Then it shows no devices, and gives no reason. */
bool cli_rusticl_hides(void);
#define CLI_RUSTICL                                                                                          \
    "Mesa's rusticl is installed, and shows devices only where RUSTICL_ENABLE names their drivers, as in "   \
    "RUSTICL_ENABLE=radeonsi (AMD), iris (Intel), llvmpipe (any CPU, slowly)"

/* clr_device_select() with that device; the error names --device or CLR_DEVICE. */
int cli_device_select(size_t *out, const struct clr_device *devices, size_t count, const char *option,
                      struct clr_error *err);

/* List the devices and choose one. option: --device, or NULL. */
int cli_device_choose(struct clr_device *out, const char *option, struct clr_error *err);

/* Print the device on stderr. */
void cli_device_tell(const struct clr_device *device);

/* Choose and print it. */
int cli_device(struct clr_device *out, const char *option, struct clr_error *err);

#define CLI_STOPPING(when, how) "\nstopping" when "; press Ctrl-C again to quit now" how "\n"
#define CLI_STOPPING_RUN        CLI_STOPPING(" and saving the run", ", without saving")

/* From now on the first SIGINT or SIGTERM sets the flag that is returned and prints `message` (NULL, or with
 * --quiet: nothing); the second one ends the program. */
const volatile int *cli_catch_signals(const char *message);

/* "about 40 s", "about 3 minutes", "about 5 hours" */
#define CLI_ABOUT 32
const char *cli_about(char out[CLI_ABOUT], double seconds);

/* For clr_train_options.progress: one line on stderr, overwritten each time on a terminal; without a
 * terminal, a line per evaluation and one every half minute. End it before other output. */
void cli_progress(void *user, const struct clr_progress *p);
void cli_progress_end(void);

/* The same for a list of `all` entries, of which `done` are done and `what` is next; for
 * clr_doctor_listener.begins. */
void cli_progress_step(void *user, const char *what, int done, int all);
/* Erase the line, before output on stdout, which may be the same terminal. */
void cli_progress_wipe(void);

/* This program, as it was started, to start another process of it. Borrowed. */
const char *cli_program(void);

/* The command line as typed, quoted for a shell: for run.json and figures. Borrowed. */
const char *cli_command_line(void);

/* Append `word`, quoted if a shell needs it. */
void cli_quote(struct str *s, const char *word);

/* "1.6302", and a large one "3.77e+33", into out, which is returned. */
#define CLI_LOSS_TEXT 32
const char *cli_loss(char out[CLI_LOSS_TEXT], double loss);

/* Print a JSON value and a newline on stdout; takes the reference. CLR_ENOMEM if it is NULL. */
int cli_print_json(json_t *value, struct clr_error *err);

/* Add the project's own reports, as far as they are of the same net and batch. CLR_EINPUT: there would be one
 * report. */
int cli_add_known(struct clr_bench_report **reports, size_t *count, struct clr_error *err);

/* CLR_EUSAGE if two of the inputs are the same path, or the same file. */
int cli_check_different(const char *const *paths, size_t count, struct clr_error *err);

/* CLR_EINPUT where the file is recognised as something else than is wanted: what it is, and which option or
 * conversion it needs. NULL, the name of something built in, a file that is not there, and one that is not
 * recognised: 0. */
int cli_check_kind(const char *path, enum clr_file_kind wanted, struct clr_error *err);

/* Load a net, after cli_check_kind(). *batch: images of a training batch; where it is 0, none are given, it
 * becomes what the net's file says, which is reported, or else 100. NULL: it is not needed. */
int cli_net_load(struct clr_net_spec **out, const char *name, int *batch, struct clr_error *err);

/* Can the file be written? Called before the work. CLR_EUSAGE: it is '-', which other programs take for
 * standard output, or the name of a figure has no known extension; CLR_EFAILED. NULL: no file. */
int cli_check_output(const char *written, struct clr_error *err);
int cli_check_figure(const char *written, struct clr_error *err);

/* CLR_EUSAGE if a file to write and another file are the same. Each may be NULL. */
int cli_check_outputs(const char *written, const char *other, struct clr_error *err);

/* CLR_EUSAGE if a file to write is an input, or one of the files that are read beside it: those of a run, in
 * its folder or in that of an archive. */
int cli_check_input(const char *written, const char *read, struct clr_error *err);

/* Print a text on stdout, with a newline at its end. */
void cli_print_text(const char *text);

/* The commands, one file each. */
int cmd_bench(int argc, char **argv, struct clr_error *err);
int cmd_data(int argc, char **argv, struct clr_error *err);
int cmd_devices(int argc, char **argv, struct clr_error *err);
int cmd_doctor(int argc, char **argv, struct clr_error *err);
int cmd_experiment(int argc, char **argv, struct clr_error *err);
int cmd_export(int argc, char **argv, struct clr_error *err);
int cmd_eval(int argc, char **argv, struct clr_error *err);
int cmd_list(int argc, char **argv, struct clr_error *err);
int cmd_net(int argc, char **argv, struct clr_error *err);
int cmd_plot(int argc, char **argv, struct clr_error *err);
int cmd_range_test(int argc, char **argv, struct clr_error *err);
int cmd_schedule(int argc, char **argv, struct clr_error *err);
int cmd_train(int argc, char **argv, struct clr_error *err);
int cmd_tune(int argc, char **argv, struct clr_error *err);
int cmd_tune_worker(int argc, char **argv, struct clr_error *err);

struct arguments;
/* Check the arguments of train or range-test without opening a file. kept: what run.json would record of
 * them; the caller clears it. */
int cmd_train_check(struct arguments *kept, int argc, char **argv, struct clr_error *err);
int cmd_range_test_check(struct arguments *kept, int argc, char **argv, struct clr_error *err);

/* Is that how range-test calls the folders of several tests in one? Those that differ in the seed alone? */
bool cli_is_test_name(const char *name);
bool cli_is_repeat_name(const char *name);

#endif
