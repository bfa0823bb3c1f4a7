/* clr-cl eval: loss and accuracy of trained weights. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/run_options.h"

/* What is read from a run's folder, for options that are not given; owned. */
struct eval_run {
    json_t *json;
    char *weights;
    struct clr_net_spec *net; /* of the text in run.json; NULL: the net is built in, or --net is given */
};

static const struct opt_command command = {
    .name = "eval",
    .usage = "RUN [OPTION...] | --weights FILE --net NET --data DATA [OPTION...]",
    .about =
        "Measures loss and accuracy of trained weights on the test images of a data set, for all images and "
        "for each class. What was subtracted from the images in training is read from the weights file. RUN "
        "is "
        "the folder of a finished run, which has all three.",
    .examples = "  clr-cl eval triangular\n"
                "  clr-cl eval --weights triangular/final.safetensors --net quick --data cifar10\n",
    .max_args = 1,
    .asks = "the folder of a run, or --weights, --net and --data",
    .like = "run",
    .adds = true,
};

static void class_counts(const struct clr_eval_result *r, int classes, int label, int *correct, int *all)
{
    const int *row = r->confusion + (size_t)label * (size_t)classes;

    *all = 0;
    for (int k = 0; k < classes; k++)
        *all += row[k];
    *correct = row[label];
}

/* Of a net with several losses, or with one that has a weight. */
static void print_losses(const struct clr_eval_result *r)
{
    int width = (int)strlen("LOSS");
    char loss[CLI_LOSS_TEXT];

    if (r->loss_count == 1 && r->losses[0].weight == 1.0)
        return;
    for (int i = 0; i < r->loss_count; i++) {
        int n = (int)strlen(r->losses[i].layer);
        width = n > width ? n : width;
    }
    printf("\n%-*s  %8s  %10s\n", width, "LOSS", "WEIGHT", "VALUE");
    for (int i = 0; i < r->loss_count; i++)
        printf("%-*s  %8.4g  %10s\n", width, r->losses[i].layer, r->losses[i].weight,
               cli_loss(loss, r->losses[i].loss));
}

static void print_table(const struct clr_dataset *data, const struct clr_eval_result *r)
{
    int width = (int)strlen("CLASS");
    char count[STR_COUNT], images[STR_COUNT], loss[CLI_LOSS_TEXT];

    if (r->confusion)
        printf("accuracy %.2f %%, ", 100 * r->accuracy);
    printf("loss %s, %s\n", cli_loss(loss, r->loss), str_count(count, (uint64_t)r->count, "image"));
    print_losses(r);
    if (!r->confusion)
        return;
    printf("\n");
    for (int i = 0; i < data->classes; i++) {
        int n = (int)strlen(data->class_names[i]);
        width = n > width ? n : width;
    }
    printf("%-*s  %7s  %7s  %8s\n", width, "CLASS", "IMAGES", "CORRECT", "ACCURACY");
    for (int i = 0; i < data->classes; i++) {
        int correct, all;
        class_counts(r, data->classes, i, &correct, &all);
        printf("%-*s  %7s  %7s  ", width, data->class_names[i], str_count(images, (uint64_t)all, ""),
               str_count(count, (uint64_t)correct, ""));
        if (all > 0)
            printf("%6.2f %%\n", 100.0 * correct / all);
        else
            printf("%8s\n", "-");
    }
}

static int print_json(const struct clr_dataset *data, const struct clr_eval_result *r, struct clr_error *err)
{
    json_t *classes = json_array(), *losses = json_array();

    for (int i = 0; i < r->loss_count; i++)
        losses = json_append(losses, json_pack("{s:s, s:f, s:o}", "layer", r->losses[i].layer, "weight",
                                               r->losses[i].weight, "loss", json_finite(r->losses[i].loss)));
    for (int i = 0; r->confusion && i < data->classes; i++) {
        int correct, all;
        class_counts(r, data->classes, i, &correct, &all);
        classes = json_append(classes, json_pack("{s:s, s:i, s:i, s:o}", "class", data->class_names[i],
                                                 "images", all, "right", correct, "accuracy",
                                                 json_finite(all > 0 ? (double)correct / all : NAN)));
    }
    return cli_print_json(json_pack("{s:i, s:o, s:o, s:o, s:o}", "images", r->count, "loss",
                                    json_finite(r->loss), "losses", losses, "accuracy",
                                    json_finite(r->accuracy), "classes", classes),
                          err);
}

static void note_begin(void *user)
{
    cli_device_tell(user);
}

static const char *setting(const struct eval_run *run, const char *name)
{
    return json_string_value(json_object_get(json_object_get(run->json, "settings"), name));
}

/* Take weights, net and data from a run. The net is what it was then, whatever has become of its file. */
static int take_run(struct eval_run *run, struct run_options *o, const char *folder, struct clr_error *err)
{
    const char *text;
    char *path = NULL;
    bool archived = false;
    int rc = cli_check_kind(folder, CLR_FILE_RUN, err);

    if (rc == 0)
        rc = fs_join(&path, folder, "run.json", err);
    if (rc == 0)
        rc = archive_holds(&archived, folder, err);
    if (rc == 0 && !fs_exists(path))
        rc = clr_error_set(err, CLR_EINPUT,
                           archived ? "the folder of the run '%s' was removed, and its weights with it"
                                    : "'%s' is not the folder of a run: it has no run.json",
                           folder);
    if (rc == 0)
        rc = json_read_run(&run->json, path, err);
    if (rc == 0)
        rc = fs_join(&run->weights, folder, "final.safetensors", err);
    if (rc == 0 && !o->train.init && !fs_exists(run->weights))
        rc = clr_error_set(err, CLR_EINPUT,
                           fs_exists_in(folder, "range.csv")
                               ? "'%s' is a range test, which saves no weights"
                               : "the run in '%s' is not finished: it has no final.safetensors",
                           folder);
    if (rc < 0)
        goto out;
    if (!o->train.init)
        o->train.init = run->weights;
    if (!o->train.data_name)
        o->train.data_name = setting(run, "data");
    if (!o->train.net_name) {
        o->train.net_name = setting(run, "net");
        text = json_string_value(json_object_get(run->json, "prototxt"));
        if (o->train.net_name && fs_is_path(o->train.net_name) && text)
            rc = clr_net_from_text(&run->net, path, text, err);
    }
    if (rc == 0 && (!o->train.net_name || !o->train.data_name))
        rc = clr_error_set(err, CLR_EINPUT, "'%s' does not name the net and the data of its run", path);
out:
    free(path);
    return rc;
}

/* Without any of them a run's folder is the shorter way. */
static int require(struct run_options *o, struct clr_error *err)
{
    struct opt_command own = command;

    own.min_args = !o->train.init && !o->train.net_name && !o->train.data_name;
    return opt_require(&o->set, &own, own.min_args > 0 ? "" : NULL, true, err);
}

int cmd_eval(int argc, char **argv, struct clr_error *err)
{
    struct clr_eval_result result = {0};
    struct eval_run run = {0};
    struct run_options o;
    int rc;

    run_options_init(&o);
    const struct opt table[] = {
        {OPT_TEXT, "weights", "FILE", &o.train.init, .like = "run/final.safetensors",
         .help = "safetensors file of a run, such as DIR/final.safetensors, or a caffemodel"},
        {OPT_U64, "refresh-statistics", "N", &o.train.refresh_statistics, .min = 1, .max = 1e6,
         .help =
             "compute the running statistics of BatchNorm layers anew, from N batches of training images"},
        {OPT_INT, "batch", "B", &o.train.batch, .min = 1,
         .help = "images of these batches (default: 100); images are evaluated in batches of 100, as in "
                 "training"},
    };
    run_options_add_where(&o, false);
    opt_add(&o.set, "Weights", table, MEM_COUNT(table));
    run_options_add_input(&o, true);
    run_options_add_output(&o);
    rc = opt_parse(&o.set, &command, argc, argv, err);
    if (rc == 0 && o.set.arg_count > 0)
        rc = take_run(&run, &o, o.set.args[0], err);
    else if (rc == 0)
        rc = require(&o, err);
    o.spec = run.net;
    if (rc == 0 && opt_given(&o.set, "batch") && o.train.refresh_statistics == 0)
        cli_warn("--batch has no effect: images are evaluated in batches of 100, as in training");
    if (!opt_given(&o.set, "batch"))
        o.train.batch = 100;
    if (rc == 0)
        rc = run_options_open_files(&o, err);
    if (rc == 0)
        rc = cli_device_choose(&o.chosen, o.device, err);
    o.train.begin = note_begin;
    o.train.user = &o.chosen;
    if (rc == 0)
        rc = clr_eval(&o.train, &result, err);
    if (rc == 0 && o.json)
        rc = print_json(o.dataset, &result, err);
    else if (rc == 0)
        print_table(o.dataset, &result);
    free(result.confusion);
    free(result.losses);
    run_options_clear(&o);
    json_decref(run.json);
    free(run.weights);
    return rc;
}
