/* clr-cl devices: what OpenCL offers on this machine, and which device would be used. */
#include "cli/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/opt.h"

static const struct opt_command command = {
    .name = "devices",
    .usage = "[--device D] [--json]",
    .about = "Lists the OpenCL devices of all platforms, and prints which one would be used and why. A "
             "device that "
             "cannot be used is listed with the reason.",
    .examples = "  clr-cl devices\n"
                "  clr-cl devices --device gpu\n",
};

static void print_table(const struct clr_device *devices, size_t count, size_t chosen)
{
    int width = (int)strlen("DEVICE");

    for (size_t i = 0; i < count; i++) {
        int n = (int)strlen(devices[i].name);
        width = n > width ? n : width;
    }
    printf("  %-5s %-*s  %-11s %5s %6s  %-9s  %s\n", "ID", width, "DEVICE", "TYPE", "UNITS", "MHZ", "MEMORY",
           "PLATFORM");
    for (size_t i = 0; i < count; i++) {
        const struct clr_device *d = &devices[i];
        char id[32], memory[STR_COUNT];
        (void)snprintf(id, sizeof id, "%d:%d", d->platform_index, d->device_index);
        printf("%c %-5s %-*s  %-11s %5d %6d  %-9s  %s, driver %s\n", i == chosen ? '*' : ' ', id, width,
               d->name, clr_device_type_name(d->type), d->compute_units, d->clock_mhz,
               str_bytes(memory, (double)d->global_memory), d->platform_name, d->driver);
        if (!d->usable)
            printf("        not usable: %s\n", d->why_not);
    }
}

/* Does the word, or without one any, choose from several of them? */
static bool are_several(const struct clr_device *devices, size_t count, const char *wanted)
{
    struct clr_error ignored;
    size_t fit = 0, chosen;

    for (size_t i = 0; i < count; i++) /* each by itself: what it is chosen by must be its own */
        fit += clr_device_select(&chosen, &devices[i], 1, wanted, &ignored) == 0;
    return fit > 1;
}

static void print_reason(const struct clr_device *devices, size_t count, size_t chosen, const char *option)
{
    const char *wanted = cli_device_wanted(option);
    const bool several = are_several(devices, count, wanted);

    printf("\n* would be used: %s, ", devices[chosen].name);
    if (wanted)
        printf("%s %s%s\n", several ? "the best of those that match" : "the only one that matches",
               option ? "--device " : "CLR_DEVICE=", wanted);
    else if (several)
        printf("the best score of the usable ones; choose another with --device or CLR_DEVICE\n");
    else
        printf("the only usable one\n");
}

static json_t *device_json(const struct clr_device *d, bool chosen)
{
    char id[32];

    (void)snprintf(id, sizeof id, "%d:%d", d->platform_index, d->device_index);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:b, s:b, s:s, "
        "s:f, s:b}",
        "id", id, "name", d->name, "type", clr_device_type_name(d->type), "vendor", d->vendor, "version",
        d->version, "driver", d->driver, "platform", d->platform_name, "platform_version",
        d->platform_version, "compute_units", d->compute_units, "clock_mhz", d->clock_mhz,
        "native_float_width", d->native_float_width, "max_work_group", (json_int_t)d->max_work_group,
        "global_memory_bytes", (json_int_t)d->global_memory, "max_allocation_bytes",
        (json_int_t)d->max_allocation, "local_memory_bytes", (json_int_t)d->local_memory,
        "host_unified_memory", d->host_unified_memory, "usable", d->usable, "why_not", d->why_not, "score",
        d->score, "chosen", chosen);
}

static int print_json(const struct clr_device *devices, size_t count, size_t chosen, struct clr_error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        list = json_append(list, device_json(&devices[i], i == chosen));
    return cli_print_json(json_put(json_object(), "devices", list), err);
}

/* The list is printed even where nothing can be chosen: it has the reason for each device. */
static int show(const char *option, bool json, struct clr_error *err)
{
    struct clr_device *devices = NULL;
    struct clr_error json_error = {0};
    size_t count = 0, chosen;
    int rc = clr_device_list(&devices, &count, err), selected;

    if (rc < 0)
        return rc;
    chosen = count;
    selected = cli_device_select(&chosen, devices, count, option, err);
    if (json) {
        rc = print_json(devices, count, chosen, &json_error);
        if (rc < 0)
            *err = json_error;
    } else if (count > 0) {
        print_table(devices, count, chosen);
        if (selected == 0)
            print_reason(devices, count, chosen, option);
        if (selected == 0 && cli_rusticl_hides())
            cli_note("%s", CLI_RUSTICL);
    }
    free(devices);
    return rc < 0 ? rc : selected;
}

int cmd_devices(int argc, char **argv, struct clr_error *err)
{
    const char *device = NULL;
    bool json = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "device", "D", &device,
         .help = "print what this would choose: " OPT_DEVICE " (default: $CLR_DEVICE)"},
        {OPT_FLAG, "json", NULL, &json, .help = "print the list as JSON"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = show(device, json, err);
    opt_clear(&set);
    return rc;
}
