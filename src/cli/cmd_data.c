/* clr-cl data: lists data sets and shows what is in them. Needs no device. */
#include "cli/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/dataset.h>

#include "cli/opt.h"

static const struct opt_sub subs[] = {
    {"info", "a data set: a name or a folder", "fashion-mnist", .takes = "DATA"},
    {"list", .alone = true},
    {.name = NULL},
};

static const struct opt_command command = {
    .subs = subs,
    .name = "data",
    .usage = "info DATA [--json] | list [--json]",
    .about =
        "info reads a data set and shows its counts, classes, mean and checksum. list shows which of the "
        "data sets that have a name are on this machine, and how to get the others. DATA is cifar10, "
        "cifar100, mnist, fashion-mnist, or a folder in CIFAR binary layout or with IDX files; names are "
        "searched in $CLR_DATA, in the cache ($XDG_CACHE_HOME/clr-cl) and in /usr/share/datasets.",
    .examples = "  clr-cl data list\n"
                "  clr-cl data info cifar10\n",
    .min_args = 1,
    .asks = "a sub-command: info or list",
    .max_args = 2,
};

static int info(const char *name, bool json, struct clr_error *err)
{
    struct clr_dataset *data = NULL;
    char *text = NULL;
    int rc = clr_dataset_open(&data, name, err);

    if (rc == 0)
        rc = json ? clr_dataset_info_json(&text, data, err) : clr_dataset_info(&text, data, err);
    if (rc == 0)
        cli_print_text(text);
    free(text);
    clr_dataset_destroy(data);
    return rc;
}

static int list(bool json, struct clr_error *err)
{
    char *text = NULL;
    int rc = json ? clr_dataset_list_json(&text, err) : clr_dataset_list(&text, err);

    if (rc == 0)
        cli_print_text(text);
    free(text);
    return rc;
}

int cmd_data(int argc, char **argv, struct clr_error *err)
{
    bool json = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_FLAG, "json", NULL, &json, .help = "print as JSON"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc != 0)
        goto out;
    if (strcmp(set.args[0], "info") == 0)
        rc = info(set.args[1], json, err);
    else if (strcmp(set.args[0], "list") == 0)
        rc = list(json, err);
    else
        rc = clr_error_set(err, CLR_EUSAGE, "there is no 'clr-cl data %s'; usage: clr-cl data %s",
                           set.args[0], command.usage);
out:
    opt_clear(&set);
    return rc;
}
