/* clr-cl doctor: does this device compute what it should? */
#include "cli/common.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <clr/doctor.h>
#include <clr/version.h>

#include "base/json.h"
#include "cli/opt.h"

static const struct opt_command command = {
    .name = "doctor",
    .usage = "[--device D] [--json] [--quiet]",
    .about =
        "Runs every variant of every kernel on a device and compares the results with a reference that is "
        "computed in double precision without OpenCL, then a short training. It prints OK, WRONG, or FAILED "
        "for what does not run there, and exits with 1 if one is not OK. A variant that is out of memory is "
        "neither: it ends the check. Where the kernels have not been compiled before, this takes some "
        "minutes on a CPU.",
    .examples = "  clr-cl doctor\n"
                "  clr-cl doctor --device gpu\n",
};

struct doctor_run {
    bool json;
    json_t *checks;
};

static void report(void *user, const char *name, enum clr_doctor_verdict verdict, double worst_nmse,
                   const char *detail)
{
    struct doctor_run *c = user;
    const char *more = detail ? detail : "", *word = clr_doctor_verdict_name(verdict);
    char error[32] = "";

    if (c->json) {
        c->checks = json_append(c->checks, json_pack("{s:s, s:b, s:s, s:o, s:s}", "kernel", name, "ok",
                                                     verdict == CLR_DOCTOR_CORRECT, "verdict", word,
                                                     "worst_nmse", json_finite(worst_nmse), "detail", more));
        return;
    }
    if (!isnan(worst_nmse))
        (void)snprintf(error, sizeof error, "error %.1e", worst_nmse);
    cli_progress_wipe();
    printf("%-6s  %-44s  %s%s%s\n", word, name, error, *error && *more ? "  " : "", more);
    (void)fflush(stdout);
}

/* Wrong variants are one thing, a device that nothing is trained on another. */
static int judge(const struct clr_device *device, const struct clr_doctor_summary *s, struct clr_error *err)
{
    char checked[STR_COUNT];

    if (s->wrong + s->failed == 0)
        return 0;
    return clr_error_set(
        err, CLR_EFAILED, "%s checked on %s: %d wrong and %d failed; %s",
        str_count(checked, (uint64_t)s->checked, "kernel variant"), device->name, s->wrong, s->failed,
        s->trains ? "a net can still be trained: 'clr-cl train' checks the variants that it takes, and takes "
                    "others where one is not correct"
                  : "do not train there; try another driver");
}

/* What is examined, for whoever reads the report elsewhere. */
static void print_head(const struct clr_device *d)
{
    char global[STR_COUNT], allocation[STR_COUNT], local[STR_COUNT];

    printf("program  clr-cl %s (%s)\n", CLR_VERSION, clr_git_id());
    printf("device   %s (%s, driver %s)\n", d->name, d->platform_name, d->driver);
    printf("limits   work-groups of %zu, %s of local memory, %s of memory, %s in one allocation\n\n",
           d->max_work_group, str_bytes(local, (double)d->local_memory),
           str_bytes(global, (double)d->global_memory), str_bytes(allocation, (double)d->max_allocation));
    (void)fflush(stdout);
}

static json_t *report_json(const struct clr_device *d, const struct clr_doctor_summary *s, json_t *checks)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:b, s:o}", "program",
                     CLR_VERSION, "git", clr_git_id(), "device", d->name, "platform", d->platform_name,
                     "platform_version", d->platform_version, "driver", d->driver, "max_work_group",
                     (json_int_t)d->max_work_group, "local_memory_bytes", (json_int_t)d->local_memory,
                     "global_memory_bytes", (json_int_t)d->global_memory, "max_allocation_bytes",
                     (json_int_t)d->max_allocation, "checked", s->checked, "wrong", s->wrong, "failed",
                     s->failed, "trains", s->trains, "checks", checks);
}

static int examine(const struct clr_device *device, bool json, struct clr_error *err)
{
    struct doctor_run c = {.json = json, .checks = json ? json_array() : NULL};
    const struct clr_doctor_listener listener = {
        sizeof listener, cli_progress_step, report, &c,
        cli_catch_signals(CLI_STOPPING(" after what is being checked", ""))};
    struct clr_doctor_summary s = {0};
    char checked[STR_COUNT];
    int rc;

    (void)signal(SIGPIPE, SIG_DFL); /* who reads the first lines need not wait for the rest */
    if (!json)
        print_head(device);
    rc = clr_doctor(device, &listener, &s, err);

    cli_progress_wipe();
    if (rc < 0) {
        json_decref(c.checks);
        return rc;
    }
    if (json) {
        rc = cli_print_json(report_json(device, &s, c.checks), err);
        if (rc < 0)
            return rc;
    } else if (s.wrong + s.failed == 0) {
        printf("\nthis device computes correctly: %s checked\n",
               str_count(checked, (uint64_t)s.checked, "kernel variant"));
    }
    return judge(device, &s, err);
}

int cmd_doctor(int argc, char **argv, struct clr_error *err)
{
    const char *wanted = NULL;
    struct clr_device device;
    bool json = false, quiet = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        OPT_ROW_DEVICE(&wanted),
        {OPT_FLAG, "json", NULL, &json, .help = "print the checks as JSON"},
        OPT_ROW_QUIET(&quiet),
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    cli_set_quiet(quiet);
    if (rc == 0)
        rc = cli_device(&device, wanted, err);
    if (rc == 0)
        rc = examine(&device, json, err);
    opt_clear(&set);
    return rc;
}
