/*
 * clr-cl: the command line. One table of commands, one file per command (cmd_*.c). This file finds the
 * command, prints errors and returns their exit code.
 */
#include "cli/common.h"

#include <stdio.h>
#include <string.h>

#include <clr/version.h>

#include "cli/opt.h"

static const struct cli_command commands[] = {
    {"devices", "lists the OpenCL devices and which one would be used", cmd_devices},
    {"tune", "finds the fastest kernels for a net on a device", cmd_tune},
    {"tune-worker", NULL, cmd_tune_worker}, /* tune starts it */
    {"doctor", "checks every kernel against its reference on a device", cmd_doctor},
    {"bench", "measures how fast a device trains, layer by layer", cmd_bench},
    {"data", "lists data sets and shows what is in them", cmd_data},
    {"net", "shows the layers, shapes and costs of a net", cmd_net},
    {"schedule", "writes or draws a learning-rate policy, without a device", cmd_schedule},
    {"range-test", "finds a range of learning rates", cmd_range_test},
    {"train", "trains a net", cmd_train},
    {"eval", "measures the accuracy of trained weights", cmd_eval},
    {"export", "writes trained weights for other programs", cmd_export},
    {"experiment", "trains with several settings and seeds, and compares them", cmd_experiment},
    {"list", "lists runs with their settings and accuracies", cmd_list},
    {"plot", "draws runs, range tests, schedules and measurements", cmd_plot},
};

static void print_help(void)
{
    printf("Usage: clr-cl COMMAND [OPTION...]\n\n"
           "Trains convolutional image classifiers on any OpenCL device, and finds out which\n"
           "learning rate to train them with.\n\n"
           "Commands:\n");
    for (size_t i = 0; i < MEM_COUNT(commands); i++)
        if (commands[i].summary)
            printf("  %-12s%s\n", commands[i].name, commands[i].summary);
    printf("\n"
           "  clr-cl COMMAND --help    what a command does and its options\n"
           "  clr-cl --version         version of the program\n\n"
           "Example, a few minutes on a CPU:\n"
           "  clr-cl range-test --net lenet --data fashion-mnist --min-lr 0.001 --max-lr 0.5 \\\n"
           "      --iterations 600 --out range\n");
}

static int unknown_command(const char *name, struct clr_error *err)
{
    const char *names[MEM_COUNT(commands) + 1] = {NULL}, *near;
    size_t count = 0;

    for (size_t i = 0; i < MEM_COUNT(commands); i++)
        if (commands[i].summary)
            names[count++] = commands[i].name;
    near = str_nearest(name, names);
    return clr_error_set(err, CLR_EUSAGE, "unknown %s '%s'%s%s%s 'clr-cl --help' lists the commands",
                         name[0] == '-' ? "option" : "command", name, near ? ", did you mean '" : "",
                         near ? near : "", near ? "'?" : ":");
}

static int run(int argc, char **argv, struct clr_error *err)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (argc < 2)
        return clr_error_set(err, CLR_EUSAGE, "no command given; 'clr-cl --help' lists the commands");
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        printf("clr-cl %s (%s)\n", CLR_VERSION, clr_git_id());
        return 0;
    }
    if (argc == 3 && strcmp(name, "--complete") == 0) { /* as in complete.c, of the first word */
        for (size_t i = 0; i < MEM_COUNT(commands); i++)
            if (commands[i].summary && strncmp(commands[i].name, argv[2], strlen(argv[2])) == 0)
                puts(commands[i].name);
        return 0;
    }
    for (size_t i = 0; i < MEM_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1, err);
    }
    return unknown_command(name, err);
}

int main(int argc, char **argv)
{
    struct clr_error err = {0};
    int rc, status = 0;

    rc = cli_init(argc, argv, &err);
    if (rc == 0)
        rc = run(argc, argv, &err);
    if (rc < 0)
        status = cli_report_error(rc, &err);
    rc = cli_close_stdout(&err);
    if (rc < 0 && status == 0)
        status = cli_report_error(rc, &err);
    return status;
}
