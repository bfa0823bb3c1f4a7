/* clr-cl doctor: does this device compute what it should? */
#include "cli/common.h"

#include <stdio.h>
#include <stdlib.h>

#include <clr/bench.h>

#include "base/json.h"
#include "cli/opt.h"

static const struct opt_command command = {
    .name = "doctor",
    .usage = "[--device D] [--json]",
    .about =
        "Runs every variant of every kernel on a device and compares the results with a reference that is "
        "computed in double precision without OpenCL. It prints OK or WRONG for each and exits with 1 if one "
        "is wrong. Where the kernels have not been compiled before, this takes some minutes on a CPU.",
    .examples = "  clr-cl doctor\n"
                "  clr-cl doctor --device gpu\n",
};

struct checkup {
    bool json;
    int checked;
    json_t *checks;
};

static void report(void *user, const char *name, bool ok, double worst_nmse, const char *detail)
{
    struct checkup *c = user;
    const char *more = detail ? detail : "";

    c->checked++;
    if (c->json) {
        c->checks = json_append(c->checks, json_pack("{s:s, s:b, s:o, s:s}", "kernel", name, "ok", ok,
                                                     "worst_nmse", json_finite(worst_nmse), "detail", more));
        return;
    }
    printf("%-5s  %-44s  error %.1e%s%s\n", ok ? "OK" : "WRONG", name, worst_nmse, *more ? "  " : "", more);
    (void)fflush(stdout);
}

static int examine(const struct clr_device *device, bool json, struct clr_error *err)
{
    struct checkup c = {.json = json, .checks = json ? json_array() : NULL};
    int failures = 0, rc = clr_doctor(device, report, &c, &failures, err);

    if (rc < 0) {
        json_decref(c.checks);
        return rc;
    }
    if (json) {
        rc = cli_print_json(json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "device", device->name, "platform",
                                      device->platform_name, "driver", device->driver, "checked", c.checked,
                                      "wrong", failures, "checks", c.checks),
                            err);
        if (rc < 0)
            return rc;
    } else if (failures == 0) {
        printf("\n%s computes correctly: %d kernel variants checked\n", device->name, c.checked);
    }
    if (failures > 0)
        return clr_error_set(err, CLR_EFAILED,
                             "%d of %d kernel variants are wrong on %s (%s, driver %s): do not train "
                             "there; try another driver",
                             failures, c.checked, device->name, device->platform_name, device->driver);
    return 0;
}

int cmd_doctor(int argc, char **argv, struct clr_error *err)
{
    const char *wanted = NULL;
    struct clr_device device;
    bool json = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {.kind = OPT_TEXT,
         .name = "device",
         .value = &wanted,
         .argument = "D",
         .help = "platform and device (0:1), cpu, gpu, or part of a name (default: $CLR_DEVICE, else the "
                 "best one "
                 "that 'clr-cl devices' lists)"},
        {.kind = OPT_FLAG, .name = "json", .value = &json, .help = "print the checks as JSON"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = cli_device(&device, wanted, err);
    if (rc == 0)
        rc = examine(&device, json, err);
    opt_clear(&set);
    return rc;
}
