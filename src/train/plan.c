/* Planning a run, and checking it before the device is used: see session.h. */
#include "train/session.h"

#include <limits.h>
#include <math.h>

#include "base/fs.h"
#include "base/log.h"
#include "data/format.h"
#include "data/order.h"
#include "net/caffemodel.h"
#include "ops/op_class.h"
#include "train/weights.h"

/* Options that training and evaluation share. */
static int check_transform(const struct clr_train_options *o, struct clr_error *err)
{
    if (!isnan(o->scale) && !(fabs(o->scale) > 0.0 && fabs(o->scale) <= 1e6 && str_fits_float(o->scale)))
        return clr_error_set(err, CLR_EUSAGE,
                             "`scale` %g: it must be a number up to 1e6, and not 0, nor so small that it is "
                             "0 in float32",
                             o->scale);
    return mem_check_range(o->mean, -1, CLR_MEAN_IMAGE, "mean", err);
}

static int check_text(const char *text, const char *what, struct clr_error *err)
{
    return !text || str_is_utf8(text)
               ? 0
               : clr_error_set(err, CLR_EUSAGE, "%s is not UTF-8, which run.json needs", what);
}

/* The texts that run.json will have. */
static int check_texts(const struct clr_train_options *o, struct clr_error *err)
{
    const char *const texts[][2] = {{"the name of the net", o->net_name},
                                    {"the name of the data set", o->data_name},
                                    {"`out`", o->out},
                                    {"`init`", o->init},
                                    {"the command line", o->command_line}};
    int rc = 0;

    for (size_t i = 0; i < MEM_COUNT(texts) && rc == 0; i++)
        rc = check_text(texts[i][1], texts[i][0], err);
    for (size_t i = 0; o->arguments && o->arguments[i] && rc == 0; i++)
        rc = check_text(o->arguments[i], "an argument of the program", err);
    return rc;
}

static int check_pointers(const struct clr_train_options *o, bool run, struct clr_error *err)
{
    const struct {
        const char *name;
        const void *value;
        bool always;
    } fields[] = {{"net", o->net, true},
                  {"data", o->data, true},
                  {"device", o->device, true},
                  {"net_name", o->net_name, false},
                  {"data_name", o->data_name, false},
                  {"out", o->out, false}};
    int rc = 0;

    for (size_t i = 0; i < MEM_COUNT(fields) && rc == 0; i++)
        if (run || fields[i].always)
            rc = mem_check_given(fields[i].value, fields[i].name, err);
    return rc;
}

int session_check_momentum(const struct clr_train_options *o, double momentum, const char *field,
                           struct clr_error *err)
{
    if (!(momentum > 0.0) || !optimizer_class(o->optimizer) ||
        clr_optimizer_takes_momentum(o->optimizer, o->convention))
        return 0;
    return clr_error_set(
        err, CLR_EUSAGE, "`%s`: optimizer %s takes no momentum%s: it must be 0", field,
        clr_optimizer_name(o->optimizer),
        clr_optimizer_takes_momentum(o->optimizer, CLR_MOMENTUM_PYTORCH) ? " in Caffe's convention" : "");
}

int session_check_given(const struct clr_train_options *o, enum session_use use, struct clr_error *err)
{
    int rc = mem_check_struct(o, sizeof *o, "clr_train_options", err); /* before anything else is read */

    if (rc == 0)
        rc = check_pointers(o, use == SESSION_OF_RUN, err);
    if (rc == 0 && use != SESSION_OF_EVAL && o->refresh_statistics > 0)
        rc = clr_error_set(err, CLR_EUSAGE, "`refresh_statistics` is for evaluations only: it must be 0");
    if (rc < 0 || use != SESSION_OF_RUN)
        return rc;
    if (o->iterations < 1 || o->iterations > UINT32_MAX / 2)
        return clr_error_set(err, CLR_EUSAGE, "`iterations` must be between 1 and %u", UINT32_MAX / 2);
    if (o->log_every < 1)
        return clr_error_set(err, CLR_EUSAGE, "`log_every` must be at least 1");
    rc = check_texts(o, err);
    if (rc == 0)
        rc = clr_schedule_check(&o->schedule, err);
    if (rc == 0 && o->schedule.cycle_momentum_high > 0.0)
        rc = session_check_momentum(o, o->schedule.cycle_momentum_high, "cycle_momentum_low", err);
    return rc < 0 ? rc : session_check_momentum(o, o->schedule.momentum, "momentum", err);
}

static int check_optimizer(const struct clr_train_options *o, struct clr_error *err)
{
    const int rc = mem_check_range((int)o->convention, 0, CLR_MOMENTUM_CAFFE, "convention", err);

    if (rc < 0)
        return rc;
    if (!optimizer_class(o->optimizer))
        return clr_error_set(err, CLR_EUSAGE, "`optimizer`: there is no optimizer number %d",
                             (int)o->optimizer);
    if (!isnan(o->momentum2) && !(o->momentum2 >= 0.0 && o->momentum2 < 1.0))
        return clr_error_set(err, CLR_EUSAGE, "`momentum2` is %g: it must be at least 0 and below 1",
                             o->momentum2);
    if (!(o->epsilon > 0.0 && str_fits_float(o->epsilon)))
        return clr_error_set(err, CLR_EUSAGE, "`epsilon` is %g: it must be a number above 0 that float32 has",
                             o->epsilon);
    return 0;
}

static int check_options(const struct session *s, struct clr_error *err)
{
    const struct clr_train_options *o = s->o;
    int rc;

    if (o->batch < 1 || o->batch > s->order_count)
        return clr_error_set(err, CLR_EUSAGE, "`batch` %d is outside 1…%d, the number of training images",
                             o->batch, s->order_count);
    if (!(o->weight_decay >= 0.0 && str_fits_float(o->weight_decay)))
        return clr_error_set(err, CLR_EUSAGE,
                             "`weight_decay` is %g: it must be 0, or a number above 0 that float32 has",
                             o->weight_decay);
    if (!(o->clip_gradients >= 0.0 && str_fits_float(o->clip_gradients)))
        return clr_error_set(err, CLR_EUSAGE,
                             "`clip_gradients` is %g: it must be 0, or a number above 0 that float32 has",
                             o->clip_gradients);
    if (!(o->ema >= 0.0 && (float)o->ema < 1.0f))
        return clr_error_set(err, CLR_EUSAGE, "`ema` is %g: it must be at least 0, and below 1 in float32",
                             o->ema);
    rc = check_optimizer(o, err);
    if (rc == 0)
        rc = mem_check_range((int)o->order, 0, CLR_ORDER_SEQUENTIAL, "order", err);
    return rc < 0 ? rc : mem_check_range((int)o->last_batch, 0, CLR_LAST_BATCH_KEEP, "last_batch", err);
}

/* Choose the images that train and those that are evaluated. */
static int choose_images(struct session *s, struct clr_error *err)
{
    const struct clr_dataset *data = s->o->data;
    int rc = order_split(&s->base_order, &s->order_count, &s->eval_order, &data->train, data->classes,
                         s->o->validation, s->o->seed, err);

    if (rc < 0)
        return rc;
    s->eval_count = s->o->validation;
    if (s->o->validation == 0) {
        free(s->eval_order);
        s->eval_order = NULL;
        s->eval_count = data->test.count;
        rc = mem_new(&s->eval_order, (size_t)s->eval_count, sizeof *s->eval_order, "the test images", err);
        for (int i = 0; rc == 0 && i < s->eval_count; i++)
            s->eval_order[i] = i;
    }
    if (rc == 0 && s->eval_count == 0)
        rc = clr_error_set(err, CLR_EINPUT,
                           "data set '%s' has no test images: hold some out with `validation`", data->name);
    return rc < 0
               ? rc
               : mem_new(&s->order, (size_t)s->order_count, sizeof *s->order, "the order of an epoch", err);
}

static int check_mean(const struct session *s, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;

    return s->mean_kind == CLR_MEAN_IMAGE && format_image_size(d) > WEIGHTS_MEAN_VALUES
               ? clr_error_set(err, CLR_EUSAGE,
                               "`mean` image: the mean of images of %dx%dx%d is too large to be saved with "
                               "the weights, where %d values fit; use `mean` channel",
                               d->channels, d->height, d->width, WEIGHTS_MEAN_VALUES)
               : 0;
}

/* The file that the mean is read from; NULL: it is of no file. */
static const char *mean_path(const struct session *s)
{
    return s->o->mean_file  ? s->o->mean_file
           : s->o->mean < 0 ? s->replica.test.graph->transform.mean_file
                            : NULL;
}

/* A mean of Caffe: an image, or a number for each channel. */
static int read_mean(struct session *s, const char *path, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const uint64_t height = (uint64_t)d->height, width = (uint64_t)d->width;
    char sum[FS_SHA256_TEXT], name[40];
    struct st_file file;
    const uint64_t *dims;
    int rc = caffemodel_read_mean(&file, path, err);

    if (rc < 0)
        return rc;
    dims = file.tensors[0].dims;
    s->mean_kind = dims[1] == height && dims[2] == width ? CLR_MEAN_IMAGE : CLR_MEAN_CHANNEL;
    if (dims[0] != (uint64_t)d->channels ||
        (s->mean_kind == CLR_MEAN_CHANNEL && (dims[1] > 1 || dims[2] > 1)))
        rc =
            clr_error_set(err, CLR_EINPUT, "'%s' is the mean of images of %llux%llux%llu, these are %dx%dx%d",
                          path, (unsigned long long)dims[0], (unsigned long long)dims[1],
                          (unsigned long long)dims[2], d->channels, d->height, d->width);
    for (size_t i = 0; rc == 0 && i < format_image_size(d); i++)
        s->mean[i] = file.tensors[0].data[s->mean_kind == CLR_MEAN_IMAGE ? i : i / (height * width)];
    fs_sha256(file.tensors[0].data, file.tensors[0].count * sizeof(float), sum);
    str_copy(name, sizeof name, fs_last_part(path));
    str_make_utf8(name);
    (void)snprintf(s->mean_name, sizeof s->mean_name, "%s %.16s", name, sum);
    safetensors_clear(&file);
    return rc < 0 ? rc : check_mean(s, err);
}

/* Mean and scale: the options', else the net's; weights_transform() may replace them by those of the
 * weights. */
static int choose_transform(struct session *s, struct clr_error *err)
{
    const struct transform_spec *t = &s->replica.test.graph->transform;
    const struct clr_dataset *d = s->o->data;
    const size_t plane = (size_t)d->height * (size_t)d->width;
    const char *path = mean_path(s);
    int rc = mem_new(&s->mean, (size_t)d->channels * plane, sizeof *s->mean, "the mean image", err);

    if (rc < 0)
        return rc;
    s->scale = isnan(s->o->scale) ? t->scale : s->o->scale;
    if (path)
        return read_mean(s, path, err);
    s->mean_kind = s->o->mean < 0 ? t->mean : (enum clr_mean)s->o->mean;
    rc = check_mean(s, err);
    if (rc < 0)
        return rc;
    if (s->o->mean < 0 && t->mean_value_count > 0) {
        for (size_t i = 0; i < (size_t)d->channels * plane; i++)
            s->mean[i] = (float)t->mean_value[t->mean_value_count == 1 ? 0 : i / plane];
        return 0;
    }
    clr_dataset_mean(d, s->mean_kind, s->mean);
    return 0;
}

/* A net may have two Data layers: mean and scale must be the same in training and evaluation. */
static int compare_transforms(const struct session *s, struct clr_error *err)
{
    const struct transform_spec *a = &s->replica.train.graph->transform;
    const struct transform_spec *b = &s->replica.test.graph->transform;
    bool differ = a->mean_value_count != b->mean_value_count || a->mean != b->mean ||
                  !a->mean_file != !b->mean_file || (a->mean_file && strcmp(a->mean_file, b->mean_file) != 0);

    for (int i = 0; i < a->mean_value_count && !differ; i++)
        differ = a->mean_value[i] < b->mean_value[i] || a->mean_value[i] > b->mean_value[i];
    if (differ && s->o->mean < 0 && !s->o->mean_file)
        return clr_error_set(err, CLR_EINPUT,
                             "the net subtracts one mean in the TRAIN phase and another in the TEST phase: "
                             "make their transform_param equal, or give `mean`");
    if ((a->scale < b->scale || a->scale > b->scale) && isnan(s->o->scale))
        return clr_error_set(err, CLR_EINPUT,
                             "the net has scale %g in the TRAIN phase and %g in the TEST phase: make their "
                             "transform_param equal, or give `scale`",
                             a->scale, b->scale);
    return 0;
}

/* Report the losses that do not count, and the Accuracy layers that are not the accuracy of this run. */
static void note_unused(const struct graph *g, const struct clr_net_spec *net)
{
    const struct graph_value *logits = g->logits >= 0 ? &g->values[g->logits] : NULL;

    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_value *read = &g->values[g->nodes[i].x[0]];
        if (g->nodes[i].layer == &net->implied_loss)
            log_line(CLR_LOG_INFO,
                     "the net has no loss in the TEST phase: that of a softmax of '%s' is computed",
                     read->name);
        else if (op_is(&g->nodes[i].desc, OP_LOSS) && g->losses[g->nodes[i].loss].weight == 0.0f)
            log_line(CLR_LOG_INFO,
                     "layer '%s' is not trained, nor what only it needs: its loss_weight is 0; 'clr-cl eval' "
                     "reports its loss",
                     g->nodes[i].desc.label);
        else if (op_is(&g->nodes[i].desc, OP_METRIC) && !logits)
            log_line(CLR_LOG_INFO, "layer '%s' is not computed: no loss of the net reads logits",
                     g->nodes[i].desc.label);
        else if (op_is(&g->nodes[i].desc, OP_METRIC) && !graph_runs(g, i))
            log_line(
                CLR_LOG_INFO,
                "layer '%s' (top %d of '%s'%s) is not computed: accuracy is top 1 of '%s', which the last "
                "loss reads",
                g->nodes[i].desc.label, g->nodes[i].desc.u.accuracy.top_k, read->name,
                read != logits && strcmp(read->name, logits->name) == 0 ? ", changed in place" : "",
                logits->name);
    }
}

static bool has_loss(const struct graph *g)
{
    bool any = false;

    for (size_t l = 0; l < g->loss_count; l++)
        any = any || g->losses[l].weight != 0.0f;
    return any;
}

/* Is there a logit for each class, if there are logits? */
static int check_classes(const struct graph *g, const struct clr_dataset *d, struct clr_error *err)
{
    const struct graph_value *logits = g->logits >= 0 ? &g->values[g->logits] : NULL;
    char outputs[STR_COUNT], classes[STR_COUNT];

    if (!logits || logits->shape.c >= d->classes)
        return 0;
    return clr_error_set(err, CLR_EINPUT, "'%s' has %s, data set '%s' has %s: set num_output to %d",
                         logits->name, str_count(outputs, (uint64_t)logits->shape.c, "output"), d->name,
                         str_count(classes, (uint64_t)d->classes, "class"), d->classes);
}

static int plan_graphs(struct session *s, bool train, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape image = {d->channels, d->height, d->width};
    const int eval_batch = s->eval_count < SESSION_EVAL_BATCH ? s->eval_count : SESSION_EVAL_BATCH;
    struct replica *r = &s->replica;
    int rc = graph_create(&r->test.graph, s->o->net, PHASE_TEST, image, eval_batch, err);

    if (rc == 0 && !has_loss(r->test.graph))
        rc = clr_error_set(err, CLR_EINPUT,
                           "the net has no loss in the TEST phase: add one, such as SoftmaxWithLoss, of a "
                           "loss_weight other than 0");
    if (rc == 0 && train)
        rc = graph_create(&r->train.graph, s->o->net, PHASE_TRAIN, image, s->o->batch, err);
    if (rc == 0 && train)
        rc = compare_transforms(s, err);
    if (rc < 0)
        return rc;
    note_unused(r->test.graph, s->o->net);
    return check_classes(r->test.graph, d, err);
}

static size_t align_up(size_t size)
{
    return (size + 4095) / 4096 * 4096;
}

void session_begin(const struct session *s)
{
    const struct replica *r = &s->replica;
    const struct clr_device *device = r->device;
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape shape = clr_net_input(s->o->net);
    char input[64] = "";

    if (s->o->begin)
        s->o->begin(s->o->user);
    if (!r->train.net || !tunedb_is_empty(r->records) || op_defaults_measured(device, r->test.graph->block))
        return;
    if (shape.channels != d->channels || shape.height != d->height || shape.width != d->width)
        (void)snprintf(input, sizeof input, " --input %dx%dx%d", d->channels, d->height, d->width);
    log_line(CLR_LOG_INFO,
             "this device has not been tuned: 'clr-cl tune --device %d:%d --net %s --batch %d%s' may make "
             "this faster",
             device->platform_index, device->device_index, s->o->net_name, s->o->batch, input);
}

/* Will everything that is to be allocated fit on the device? */
static int check_memory(const struct session *s, struct clr_error *err)
{
    const struct clr_device *dev = s->replica.device;
    const struct clr_dataset *d = s->o->data;
    const size_t image = format_image_size(d);
    const bool trains = s->replica.train.net != NULL, held_out = s->o->validation > 0;
    const size_t train_count = trains || held_out ? (size_t)d->train.count : 0,
                 test_count = held_out ? 0 : (size_t)d->test.count;
    const size_t train = align_up(image * train_count), test = align_up(image * test_count);
    const size_t data = train + test + sizeof(cl_int) * (train_count + test_count);
    const size_t nets = replica_net_bytes(&s->replica), weights = params_bytes(&s->replica.params);
    const size_t losses = trains ? session_loss_stride(s) * s->replica.train.graph->loss_count : 0;
    const size_t lists =
        sizeof(cl_int) * (trains ? (size_t)s->order_count : 0) +
        (sizeof(cl_int) + (1 + s->replica.test.graph->loss_count) * sizeof(float)) * (size_t)s->eval_count +
        sizeof(float) * (losses + image * (trains ? 2 : 1));
    const size_t total = data + nets + weights + lists;

    if (losses > INT_MAX || (size_t)s->eval_count * s->replica.test.graph->loss_count > INT_MAX)
        return clr_error_set(err, CLR_EDEVMEM, "there are too many losses for the lists of them");
    if (total > dev->global_memory || train > dev->max_allocation || test > dev->max_allocation)
        return clr_error_set(
            err, CLR_EDEVMEM,
            "does not fit on %s: images %.1f MB + activations %.1f MB + parameters %.1f MB + lists "
            "%.1f MB = %.1f MB; the device has %.1f MB, %.1f MB at most in one piece%s",
            dev->name, (double)data / 1e6, (double)nets / 1e6, (double)weights / 1e6, (double)lists / 1e6,
            (double)total / 1e6, (double)dev->global_memory / 1e6, (double)dev->max_allocation / 1e6,
            trains ? ". Try a smaller `batch`" : "");
    if (trains && weights > CHECKPOINT_LIMIT / 8 * 7)
        return clr_error_set(
            err, CLR_EINPUT,
            "parameters, gradients and momenta take %.1f MB, more than a checkpoint may hold (%.1f MB)",
            (double)weights / 1e6, (double)(CHECKPOINT_LIMIT / 8 * 7) / 1e6);
    return 0;
}

struct optimizer_settings session_optimizer(const struct clr_train_options *o)
{
    return (struct optimizer_settings){
        .kind = o->optimizer,
        .caffe = o->convention == CLR_MOMENTUM_CAFFE,
        .l1 = o->l1,
        .momentum2 = isnan(o->momentum2) ? clr_optimizer_momentum2(o->optimizer) : o->momentum2,
        .epsilon = o->epsilon,
        .clip = o->clip_gradients};
}

/* Each batch shall weigh the same in the running statistics. CLR_EUSAGE: there are none. */
static int average_statistics(struct graph *g, struct clr_error *err)
{
    bool any = false;

    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].desc.kind == OP_BATCH_NORM) {
            g->nodes[i].desc.u.batch_norm.fraction = 1.0f;
            any = true;
        }
    return any ? 0
               : clr_error_set(
                     err, CLR_EUSAGE,
                     "`refresh_statistics`: the net has no BatchNorm, and so no running statistics");
}

static unsigned sets_of(const struct clr_train_options *o, bool train)
{
    return !train ? PARAMS_EVALUATION
                  : PARAMS_TRAINING | (optimizer_class(o->optimizer)->squares ? 1u << PARAMS_S : 0) |
                        (o->ema > 0.0 ? 1u << PARAMS_E : 0);
}

/* *s is zero, or has only its tuning records. */
static int plan(struct session *s, const struct clr_train_options *o, bool train,
                const struct checkpoint *from, struct clr_error *err)
{
    struct replica *r = &s->replica;
    int rc;

    s->o = o;
    s->state.last_loss = s->state.last_rate = s->state.untrained = NAN;
    r->device = o->device;
    r->ocl.profile = o->profile;
    rc = check_transform(o, err);
    if (rc == 0)
        rc = choose_images(s, err);
    if (rc == 0 && train)
        rc = check_options(s, err);
    if (rc == 0)
        rc = plan_graphs(s, train, err);
    if (rc == 0 && o->refresh_statistics > 0)
        rc = average_statistics(r->train.graph, err);
    if (rc == 0)
        rc = choose_transform(s, err);
    if (rc == 0)
        rc = replica_plan(r, sets_of(o, train), from ? from->variants : NULL, err);
    if (rc == CLR_EINPUT && from)
        clr_error_prefix(err, "'%s'", o->out);
    if (rc == 0)
        rc = check_memory(s, err);
    if (rc == 0 && o->init && !from)
        rc = weights_read(&s->init, o->init, r->test.graph, o->init_partial,
                          train ? "`init_partial` takes what matches" : "were they trained with another net?",
                          err);
    if (rc == 0 && o->init && (!train || o->refresh_statistics > 0))
        rc = weights_transform(&s->init, o, &s->mean_kind, &s->scale, s->mean, err);
    if (rc < 0)
        session_clear(s);
    return rc;
}

int session_plan(struct session *s, const struct clr_train_options *o, bool train,
                 const struct checkpoint *from, struct clr_error *err)
{
    memset(s, 0, sizeof *s);
    return plan(s, o, train, from, err);
}

int session_plan_anew(struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    const struct clr_train_options *o = s->o;
    const bool train = s->replica.train.net != NULL;
    struct tunedb *records = s->replica.records;

    s->replica.records = NULL;
    session_clear(s);
    s->replica.records = records;
    return plan(s, o, train, from, err);
}
