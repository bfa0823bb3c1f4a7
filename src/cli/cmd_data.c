/* clr-cl data: which data sets are here, and what is in them. */
#include "cli/common.h"

#include <stdio.h>
#include <string.h>

#include <clr/dataset.h>

#include "cli/opt.h"

static const struct opt_command command = {
    .name = "data",
    .usage = "info DATA [--json] | list [--json]",
    .about = "info reads a data set and shows its counts, classes, mean and checksum; list says which of the "
             "named "
             "data sets are on this machine. DATA is cifar10, cifar100, mnist, fashion-mnist, or a folder in "
             "CIFAR "
             "binary layout or with IDX files; names are looked for in $CLR_DATA, in the cache "
             "($XDG_CACHE_HOME/clr-cl) and in /usr/share/datasets.",
    .examples = "  clr-cl data list\n"
                "  clr-cl data info cifar10\n",
    .min_args = 1,
    .max_args = 2,
};

/* Images of each class into counts (256: a label is a byte). */
static void count_classes(const struct clr_images *images, int counts[256])
{
    memset(counts, 0, 256 * sizeof counts[0]);
    for (int i = 0; i < images->count; i++)
        counts[images->labels[i]]++;
}

static void print_info(const struct clr_dataset *d)
{
    int train[256], test[256], width = (int)strlen("CLASS");
    char count[CLI_COUNT_TEXT];

    printf("name      %s\nfolder    %s\nformat    %s\n", d->name, d->path, d->format);
    printf("images    %dx%dx%d (channels, height, width)\n", d->channels, d->height, d->width);
    printf("training  %s\n", cli_count(count, (uint64_t)d->train.count));
    printf("test      %s\n", cli_count(count, (uint64_t)d->test.count));
    printf("mean     ");
    for (int c = 0; c < d->channels && c < (int)MEM_COUNT(d->channel_mean); c++)
        printf(" %.4f", d->channel_mean[c]);
    printf(" (0 to 255, of each channel)\nsha256    %s\nclasses   %d\n\n", d->checksum, d->classes);
    count_classes(&d->train, train);
    count_classes(&d->test, test);
    for (int i = 0; i < d->classes; i++) {
        int n = (int)strlen(d->class_names[i]);
        width = n > width ? n : width;
    }
    printf("%5s  %-*s  %8s  %8s\n", "LABEL", width, "CLASS", "TRAINING", "TEST");
    for (int i = 0; i < d->classes; i++)
        printf("%5d  %-*s  %8d  %8d\n", i, width, d->class_names[i], train[i], test[i]);
}

static json_t *info_json(const struct clr_dataset *d)
{
    int train[256], test[256];
    json_t *classes = json_array(), *mean = json_array();

    count_classes(&d->train, train);
    count_classes(&d->test, test);
    for (int i = 0; i < d->classes; i++)
        (void)json_array_append_new(classes, json_pack("{s:s, s:i, s:i}", "class", d->class_names[i],
                                                       "training", train[i], "test", test[i]));
    for (int c = 0; c < d->channels && c < (int)MEM_COUNT(d->channel_mean); c++)
        (void)json_array_append_new(mean, json_real(d->channel_mean[c]));
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:s, s:o}", "name", d->name, "folder",
                     d->path, "format", d->format, "channels", d->channels, "height", d->height, "width",
                     d->width, "training", d->train.count, "test", d->test.count, "mean", mean, "sha256",
                     d->checksum, "classes", classes);
}

static int info(const char *name, bool json, struct clr_error *err)
{
    struct clr_dataset *d = NULL;
    int rc = clr_dataset_open(&d, name, err);

    if (rc == 0 && json)
        rc = cli_print_json(info_json(d), err);
    else if (rc == 0)
        print_info(d);
    clr_dataset_destroy(d);
    return rc;
}

/* A set counts as here only when it can be read whole. */
static int list(bool json, struct clr_error *err)
{
    static const char *const names[] = {"cifar10", "cifar100", "mnist", "fashion-mnist"};
    json_t *sets = json ? json_array() : NULL;

    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        struct clr_error why = {0};
        struct clr_dataset *d = NULL;
        char train[CLI_COUNT_TEXT], test[CLI_COUNT_TEXT];
        bool here = clr_dataset_open(&d, names[i], &why) == 0;

        if (json)
            (void)json_array_append_new(
                sets,
                here ? json_pack("{s:s, s:b, s:s, s:i, s:i}", "name", names[i], "here", 1, "folder", d->path,
                                 "training", d->train.count, "test", d->test.count)
                     : json_pack("{s:s, s:b, s:s}", "name", names[i], "here", 0, "why_not", why.message));
        else if (here)
            printf("%-14s  %s: %s training, %s test images\n", names[i], d->path,
                   cli_count(train, (uint64_t)d->train.count), cli_count(test, (uint64_t)d->test.count));
        else {
            printf("%-14s  ", names[i]);
            opt_print_wrapped(why.message, 16, 16);
        }
        clr_dataset_destroy(d);
    }
    return json ? cli_print_json(json_pack("{s:o}", "data_sets", sets), err) : 0;
}

int cmd_data(int argc, char **argv, struct clr_error *err)
{
    bool json = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {.kind = OPT_FLAG, .name = "json", .value = &json, .help = "print as JSON"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc != 0)
        goto out;
    if (strcmp(set.args[0], "info") == 0 && set.arg_count == 2)
        rc = info(set.args[1], json, err);
    else if (strcmp(set.args[0], "list") == 0 && set.arg_count == 1)
        rc = list(json, err);
    else
        rc = clr_error_set(err, CLR_EUSAGE,
                           "'clr-cl data %s' is not complete or not known; usage: clr-cl data %s",
                           set.args[0], command.usage);
out:
    opt_clear(&set);
    return rc;
}
