/* clr-cl net: shows the layers of a net, and those that a net can have. Needs no device. */
#include "cli/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/dataset.h>
#include <clr/net.h>

#include "cli/opt.h"

#define SHOW OPT_SUB(0)

static const struct opt_sub subs[] = {
    {"show", "a net: a name or a file", "quick", .takes = "NET"},
    {"layers", .takes = "TYPE"},
    {.name = NULL},
};

static const struct opt_command command = {
    .subs = subs,
    .name = "net",
    .usage = "show NET [--data DATA | --input CxHxW] [--batch B] [--json | --prototxt] | layers [TYPE]",
    .about =
        "show: the layers of a net with their output shapes, parameters, multiply-adds per image and memory "
        "for a training batch. NET is quick, full, caffe-quick, caffe-full, lenet, or a file in Caffe's "
        "prototxt format.\n"
        "layers: the types of layers that such a file can have, or the fields of one type.",
    .examples = "  clr-cl net show quick\n"
                "  clr-cl net show mine.prototxt --input 3x64x64 --batch 32\n"
                "  clr-cl net show --prototxt quick >mine.prototxt\n"
                "  clr-cl net layers Convolution\n",
    .min_args = 1,
    .asks = "a sub-command: show or layers",
    .max_args = 2,
};

struct net_options {
    const char *data;
    int input[3]; /* channels, height, width; 0: not given */
    int batch;
    bool json, prototxt;
};

/* The shape that the options give, or else the net's own. */
static int image_shape(const struct net_options *o, const struct clr_net_spec *spec, const char *name,
                       struct clr_image_shape *out, struct clr_error *err)
{
    struct clr_dataset *data = NULL;
    int rc;

    if (o->input[0] > 0) {
        *out = (struct clr_image_shape){o->input[0], o->input[1], o->input[2]};
        return 0;
    }
    if (!o->data) {
        *out = clr_net_input(spec);
        if (out->channels > 0)
            return 0;
        return clr_error_set(err, CLR_EUSAGE,
                             "'%s' takes images of any size: give one with --input CxHxW or --data DATA",
                             name);
    }
    rc = clr_dataset_open(&data, o->data, err);
    if (rc < 0)
        return rc;
    *out = (struct clr_image_shape){data->channels, data->height, data->width};
    clr_dataset_destroy(data);
    return 0;
}

static int show(const struct net_options *o, const char *name, struct clr_error *err)
{
    struct clr_net_spec *spec = NULL;
    struct clr_image_shape shape;
    char *text = NULL;
    int batch = o->batch, rc = cli_net_load(&spec, name, &batch, err);

    if (rc == 0 && o->prototxt) {
        cli_print_text(clr_net_text(spec));
        goto out;
    }
    if (rc == 0)
        rc = image_shape(o, spec, name, &shape, err);
    if (rc == 0 && o->json)
        rc = clr_net_show_json(&text, spec, shape, batch, err);
    else if (rc == 0)
        rc = clr_net_show(&text, spec, shape, batch, err);
    if (rc == 0)
        cli_print_text(text);
out:
    free(text);
    clr_net_destroy(spec);
    return rc;
}

static int layers(const char *type, struct clr_error *err)
{
    char *text = NULL;
    int rc = clr_net_layers(&text, type, err);

    if (rc == 0)
        cli_print_text(text);
    free(text);
    return rc;
}

/* The sub-command that the arguments name. */
static int run(const struct net_options *o, const struct opt_set *set, struct clr_error *err)
{
    const char *sub = set->args[0], *name = set->arg_count > 1 ? set->args[1] : NULL;

    if (strcmp(sub, "layers") == 0)
        return layers(name, err);
    if (strcmp(sub, "show") != 0)
        return clr_error_set(
            err, CLR_EUSAGE,
            "there is no 'clr-cl net %s', did you mean 'clr-cl net show %s'? usage: clr-cl net %s", sub, sub,
            command.usage);
    if (o->data && o->input[0] > 0)
        return clr_error_set(err, CLR_EUSAGE,
                             "--data and --input both give the size of the images: give one");
    if (o->json && o->prototxt)
        return clr_error_set(err, CLR_EUSAGE, "--json and --prototxt are two forms of the output: give one");
    return show(o, name, err);
}

int cmd_net(int argc, char **argv, struct clr_error *err)
{
    struct net_options o = {0};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "data", "DATA", &o.data, .only = SHOW,
         .help = "take the size of the images from this data set"},
        {OPT_SHAPE, "input", "CxHxW", o.input, .min = 1, .max = 65536, .only = SHOW,
         .help = "size of an image: channels, height, width (default: the net's)"},
        {OPT_INT, "batch", "B", &o.batch, .min = 1, .max = 65536, .only = SHOW,
         .help = "images of a batch, for the memory (default: what the file says, else 100)"},
        {OPT_FLAG, "json", NULL, &o.json, .only = SHOW, .help = "print as JSON"},
        {OPT_FLAG, "prototxt", NULL, &o.prototxt, .only = SHOW,
         .help = "print the net's file, also that of a built-in net"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = run(&o, &set, err);
    opt_clear(&set);
    return rc;
}
