/*
 * What all commands share: talking to the user (stderr), exit codes, the device, progress, signals. One of
 * the three files that read the environment (the others are src/base/paths.c and src/ocl/source.c):
 * CLR_DEVICE, NO_COLOR; of OpenCL's own OCL_ICD_VENDORS and RUSTICL_ENABLE.
 */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <clr/device.h>
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

/* Sees to it that descriptors 0 to 2 are open, looks at the terminal, takes the library's messages and keeps
 * the command line. Call first. CLR_ENOMEM. */
int cli_init(int argc, char **argv, struct clr_error *err);

/* --quiet: neither progress nor messages, only warnings and errors. */
void cli_set_quiet(bool quiet);

/* A message for the user, on stderr; a newline is added. One that cannot be written is no error. */
void cli_note(const char *format, ...) CLR_PRINTF(1, 2);

/* "warning: message" on stderr, also where --quiet is given. */
void cli_warn(const char *format, ...) CLR_PRINTF(1, 2);

/* "clr-cl: message" on stderr; returns the exit code that belongs to the error. */
int cli_report_error(int code, const struct clr_error *err);

/* Flush and close stdout: 0, or CLR_EFAILED where something could not be written (a full disk), with the
 * reason. */
int cli_close_stdout(struct clr_error *err);

/* What --device or else CLR_DEVICE asks for; NULL: the best. */
const char *cli_device_wanted(const char *option);

/* Is Mesa's rusticl installed, and told nothing? Then it shows no devices, and nobody says why. */
bool cli_rusticl_hides(void);
#define CLI_RUSTICL                                                                                          \
    "Mesa's rusticl is installed, and shows devices only where RUSTICL_ENABLE names their drivers, as in "   \
    "RUSTICL_ENABLE=radeonsi (AMD), iris (Intel), llvmpipe (any CPU, slowly)"

/* clr_device_select() by that; the error says where the request came from. */
int cli_device_select(size_t *out, const struct clr_device *devices, size_t count, const char *option,
                      struct clr_error *err);

/* Choose the device (option: --device or NULL). */
int cli_device_choose(struct clr_device *out, const char *option, struct clr_error *err);

/* Say which device it is. */
void cli_device_tell(const struct clr_device *device);

/* Both. */
int cli_device(struct clr_device *out, const char *option, struct clr_error *err);

#define CLI_STOPPING_RUN "\nstopping and saving the run; once more leaves at once, without saving\n"

/* From now on the first SIGINT or SIGTERM sets the flag that is returned, and `say` is told (NULL: nothing;
 * nor with --quiet); a second one ends the program. */
const volatile int *cli_catch_signals(const char *say);

/* "about 40 s", "about 3 minutes", "about 5 hours" */
#define CLI_ABOUT 32
const char *cli_about(char out[CLI_ABOUT], double seconds);

/* For clr_train_options.progress: a line on stderr, rewritten in place on a terminal, else one line per
 * evaluation and one every half minute. End it before other output. */
void cli_progress(void *user, const struct clr_progress *p);
void cli_progress_end(void);

/* The same of a list that is gone through, of which `done` are done and `what` is next. */
void cli_progress_step(const char *what, int done, int all);
/* Take the line away: before what goes to stdout, which may be the same terminal. */
void cli_progress_wipe(void);

/* This program, as it was started: for another process of it. Borrowed. */
const char *cli_program(void);

/* The command line as typed, quoted for a shell: for run.json and figures. Borrowed. */
const char *cli_command_line(void);

/* Append `word`, quoted where a shell needs it. */
void cli_quote(struct str *s, const char *word);

/* "1.6302", and a large one "3.77e+33", into out, which is returned. */
#define CLI_LOSS_TEXT 32
const char *cli_loss(char out[CLI_LOSS_TEXT], double loss);

/* "15.6 GiB" into out, which is returned. */
const char *cli_bytes(char out[STR_COUNT], uint64_t bytes);

/* Print a JSON value and a newline on stdout; takes the reference. CLR_ENOMEM where it is NULL. */
int cli_print_json(json_t *value, struct clr_error *err);

/* A file to write, and another one, each may be NULL: CLR_EUSAGE where they are the same, or where the first
 * is '-', which other programs take for standard output. */
int cli_check_outputs(const char *written, const char *other, struct clr_error *err);

/* Print a text on stdout, with a newline at its end where it has none. */
void cli_print_text(const char *text);

/* The commands, one file each. */
int cmd_bench(int argc, char **argv, struct clr_error *err);
int cmd_data(int argc, char **argv, struct clr_error *err);
int cmd_devices(int argc, char **argv, struct clr_error *err);
int cmd_doctor(int argc, char **argv, struct clr_error *err);
int cmd_experiment(int argc, char **argv, struct clr_error *err);
int cmd_eval(int argc, char **argv, struct clr_error *err);
int cmd_net(int argc, char **argv, struct clr_error *err);
int cmd_plot(int argc, char **argv, struct clr_error *err);
int cmd_range_test(int argc, char **argv, struct clr_error *err);
int cmd_schedule(int argc, char **argv, struct clr_error *err);
int cmd_train(int argc, char **argv, struct clr_error *err);
int cmd_tune(int argc, char **argv, struct clr_error *err);
int cmd_tune_worker(int argc, char **argv, struct clr_error *err);

/* What cmd_train() and cmd_range_test() would refuse before they open a file; kept: what run.json would keep
 * of the arguments, to be cleared. */
struct arguments;
int cmd_train_check(struct arguments *kept, int argc, char **argv, struct clr_error *err);
int cmd_range_test_check(struct arguments *kept, int argc, char **argv, struct clr_error *err);

#endif
