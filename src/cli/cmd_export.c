/* clr-cl export: trained weights in the formats of other programs. Needs no device. */
#include "cli/common.h"

#include <clr/net.h>
#include <clr/train.h>

#include "cli/opt.h"

static const struct opt_command command = {
    .name = "export",
    .usage = "--weights FILE --caffemodel OUT [--net NET] [--quiet]",
    .about =
        "Writes trained weights in the format of another program: --caffemodel in that of Caffe. --init and "
        "'clr-cl eval --weights' read the file, too.",
    .examples = "  clr-cl export --weights run/final.safetensors --caffemodel quick.caffemodel\n",
};

struct export_options {
    const char *weights, *caffemodel, *net;
    bool quiet;
};

static int run(const struct export_options *o, struct clr_error *err)
{
    struct clr_net_spec *net = NULL;
    int rc;

    cli_set_quiet(o->quiet);
    rc = clr_file_kind(o->weights) == CLR_FILE_CAFFEMODEL
             ? clr_error_set(err, CLR_EINPUT, "'%s' is a file of Caffe's weights already", o->weights)
             : cli_check_kind(o->weights, CLR_FILE_SAFETENSORS, err);
    if (rc == 0 && o->net)
        rc = cli_net_load(&net, o->net, NULL, err);
    if (rc == 0)
        rc = clr_export_caffemodel(o->caffemodel, o->weights, net, err);
    clr_net_destroy(net);
    return rc;
}

int cmd_export(int argc, char **argv, struct clr_error *err)
{
    struct export_options o = {0};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "weights", "FILE", &o.weights, .like = "run/final.safetensors",
         .help = "safetensors file of a run, such as DIR/final.safetensors"},
        {OPT_TEXT, "caffemodel", "OUT", &o.caffemodel, .like = "net.caffemodel",
         .help = "file to write for Caffe; one that exists is replaced"},
        {OPT_TEXT, "net", "NET", &o.net,
         .help = "the net that the weights are of (default: the one that they name, as those of a run do)"},
        OPT_ROW_QUIET(&o.quiet),
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = run(&o, err);
    opt_clear(&set);
    return rc;
}
