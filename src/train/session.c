/* What a run holds, and its steps on the device: see session.h. */
#include "train/session.h"

#include <limits.h>
#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/order.h"
#include "net/init.h"
#include "train/weights.h"

/* ------------------------------------------------------------------ planning */

/* What training and evaluation have in common. */
static int check_transform(const struct clr_train_options *o, struct clr_error *err)
{
    if (!isnan(o->scale) && !(fabs(o->scale) > 0.0 && fabs(o->scale) <= 1e6))
        return clr_error_set(err, CLR_EUSAGE, "`scale` %g: it must be a number up to 1e6, and not 0",
                             o->scale);
    if (o->mean > (int)CLR_MEAN_IMAGE)
        return clr_error_set(err, CLR_EUSAGE, "`mean`: there is no kind of mean number %d", o->mean);
    return 0;
}

int session_check_given(const struct clr_train_options *o, bool run, struct clr_error *err)
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

    for (size_t i = 0; i < MEM_COUNT(fields); i++)
        if (!fields[i].value && (run || fields[i].always))
            return clr_error_set(err, CLR_EUSAGE, "%s of struct clr_train_options is NULL: it must be given",
                                 fields[i].name);
    return 0;
}

static int check_options(const struct session *s, struct clr_error *err)
{
    const struct clr_train_options *o = s->o;

    if (o->batch < 1 || o->batch > s->order_count)
        return clr_error_set(err, CLR_EUSAGE, "`batch` %d is outside 1…%d, the number of training images",
                             o->batch, s->order_count);
    if (!(o->weight_decay >= 0.0) || !isfinite(o->weight_decay))
        return clr_error_set(err, CLR_EUSAGE, "`weight_decay` must be a number ≥ 0");
    if (!optimizer_class(o->optimizer))
        return clr_error_set(err, CLR_EUSAGE, "`optimizer`: there is no optimizer number %d",
                             (int)o->optimizer);
    if (!isnan(o->momentum2) && !(o->momentum2 >= 0.0 && o->momentum2 < 1.0))
        return clr_error_set(err, CLR_EUSAGE, "`momentum2` is %g: it must be at least 0 and below 1",
                             o->momentum2);
    if (!(o->epsilon > 0.0) || !isfinite(o->epsilon))
        return clr_error_set(err, CLR_EUSAGE, "`epsilon` is %g: it must be finite and above 0", o->epsilon);
    if (o->iterations < 1 || o->iterations > UINT32_MAX / 2)
        return clr_error_set(err, CLR_EUSAGE, "`iterations` must be between 1 and %u", UINT32_MAX / 2);
    if (o->log_every < 1)
        return clr_error_set(err, CLR_EUSAGE, "`log_every` must be at least 1");
    return clr_schedule_check(&o->schedule, err);
}

/* Which images train and which are evaluated. */
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

/* What is subtracted and multiplied: the options, else the weights' own, else the net's transform_param. */
static int choose_transform(struct session *s, struct clr_error *err)
{
    const struct transform_spec *t = &s->test_graph->transform;
    const struct clr_dataset *d = s->o->data;
    const size_t plane = (size_t)d->height * (size_t)d->width;
    int rc = mem_new(&s->mean, (size_t)d->channels * plane, sizeof *s->mean, "the mean image", err);

    if (rc < 0)
        return rc;
    s->scale = isnan(s->o->scale) ? t->scale : s->o->scale;
    s->mean_kind = s->o->mean < 0 ? t->mean : (enum clr_mean)s->o->mean;
    if (s->mean_kind == CLR_MEAN_IMAGE && (size_t)d->channels * plane > WEIGHTS_MEAN_VALUES)
        return clr_error_set(err, CLR_EUSAGE,
                             "`mean` image: the mean of images of %dx%dx%d is too large to be kept with the "
                             "weights, which takes %d values at most; `mean` channel takes any",
                             d->channels, d->height, d->width, WEIGHTS_MEAN_VALUES);
    if (s->o->mean < 0 && t->mean_value_count > 0) {
        for (size_t i = 0; i < (size_t)d->channels * plane; i++)
            s->mean[i] = (float)t->mean_value[t->mean_value_count == 1 ? 0 : i / plane];
        return 0;
    }
    clr_dataset_mean(d, s->mean_kind, s->mean);
    return 0;
}

/* Two Data layers, one mean and scale: what a net would train on and be judged on must be the same. */
static int compare_transforms(const struct session *s, struct clr_error *err)
{
    const struct transform_spec *a = &s->train_graph->transform, *b = &s->test_graph->transform;
    bool differ = a->mean_value_count != b->mean_value_count || a->mean != b->mean;

    for (int i = 0; i < a->mean_value_count && !differ; i++)
        differ = a->mean_value[i] < b->mean_value[i] || a->mean_value[i] > b->mean_value[i];
    if (differ && s->o->mean < 0)
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

static int plan_graphs(struct session *s, bool train, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape image = {d->channels, d->height, d->width};
    const int eval_batch = s->eval_count < SESSION_EVAL_BATCH ? s->eval_count : SESSION_EVAL_BATCH;
    const struct graph_value *logits;
    char outputs[STR_COUNT];
    int rc = graph_create(&s->test_graph, s->o->net, PHASE_TEST, image, eval_batch, err);

    if (rc == 0 && s->test_graph->logits < 0)
        rc =
            clr_error_set(err, CLR_EINPUT, "the net has no loss in the TEST phase: nothing can be evaluated");
    if (rc == 0 && train)
        rc = graph_create(&s->train_graph, s->o->net, PHASE_TRAIN, image, s->o->batch, err);
    if (rc == 0 && train)
        rc = compare_transforms(s, err);
    if (rc < 0)
        return rc;
    graph_fuse_for(s->test_graph, s->o->device);
    if (train)
        graph_fuse_for(s->train_graph, s->o->device);
    logits = &s->test_graph->values[s->test_graph->logits];
    if (logits->shape.c < d->classes)
        return clr_error_set(
            err, CLR_EINPUT, "'%s' has %s, data set '%s' has %d classes: set num_output to %d", logits->name,
            str_count(outputs, (uint64_t)logits->shape.c, "output"), d->name, d->classes, d->classes);
    return 0;
}

static size_t align_up(size_t size)
{
    return (size + 4095) / 4096 * 4096;
}

/* A layer's variant for a pass, of {LAYER: {PASS: VARIANT}}. */
static const char *kept_variant(void *user, const char *label, const char *pass)
{
    return json_string_value(json_object_get(json_object_get(user, label), pass));
}

static int keep_variants(struct session *s, const json_t *variants, struct clr_error *err)
{
    const struct clr_device *device = s->o->device;
    const char *missing = NULL;

    if (!graph_keep(s->test_graph, device, kept_variant, json_object_get(variants, "test"), &missing) ||
        !graph_keep(s->train_graph, device, kept_variant, json_object_get(variants, "train"), &missing))
        return clr_error_set(
            err, CLR_EINPUT,
            "the checkpoint in '%s' names a variant of layer '%s' that this program does not have", s->o->out,
            missing);
    return 0;
}

/* The fastest variants known of both nets; for a run that goes on, those that it had. */
static int tune_graphs(struct session *s, const struct checkpoint *from, struct clr_error *err)
{
    const struct clr_device *device = s->o->device;
    int rc = s->records ? 0 : tunedb_open(&s->records, NULL, device, err);

    if (rc < 0)
        return rc;
    if (from && from->variants)
        return keep_variants(s, from->variants, err);
    graph_tune(s->test_graph, s->records, device);
    if (s->train_graph)
        graph_tune(s->train_graph, s->records, device);
    return 0;
}

void session_begin(const struct session *s)
{
    const struct clr_device *device = s->o->device;
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape shape = clr_net_input(s->o->net);
    char input[64] = "";

    if (s->o->begin)
        s->o->begin(s->o->user);
    if (!s->train_net || !tunedb_is_empty(s->records) || op_defaults_measured(device, s->test_graph->block))
        return;
    if (shape.channels != d->channels || shape.height != d->height || shape.width != d->width)
        (void)snprintf(input, sizeof input, " --input %dx%dx%d", d->channels, d->height, d->width);
    log_line(CLR_LOG_INFO,
             "%s has not been tuned: 'clr-cl tune --device %d:%d --net %s --batch %d%s' may make this faster",
             device->name, device->platform_index, device->device_index, s->o->net_name, s->o->batch, input);
}

/* Everything that will be allocated, against what the device has. */
static int check_memory(const struct session *s, struct clr_error *err)
{
    const struct clr_device *dev = s->o->device;
    const struct clr_dataset *d = s->o->data;
    const size_t image = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    const bool held_out = s->o->validation > 0, need_train = s->train_net || held_out;
    const size_t train = need_train ? align_up(image * (size_t)d->train.count) : 0,
                 test = held_out ? 0 : align_up(image * (size_t)d->test.count);
    const size_t labels = (need_train ? (size_t)d->train.count : 0) + (held_out ? 0 : (size_t)d->test.count);
    const size_t data = train + test + labels;
    const size_t nets = net_bytes(s->test_net) + (s->train_net ? net_bytes(s->train_net) : 0);
    const size_t weights = params_bytes(&s->params);
    const size_t losses = s->train_net ? SESSION_LOSSES * (size_t)s->o->batch : 0;
    const size_t lists = sizeof(cl_int) * (s->train_net ? (size_t)s->order_count : 0) +
                         (sizeof(cl_int) + 2 * sizeof(float)) * (size_t)s->eval_count +
                         sizeof(float) * (losses + image * (s->train_net ? 2 : 1));
    const size_t total = data + nets + weights + lists;

    if (total > dev->global_memory || train > dev->max_allocation || test > dev->max_allocation)
        return clr_error_set(
            err, CLR_EDEVMEM,
            "does not fit on %s: images %.1f MB + activations %.1f MB + parameters %.1f MB + lists "
            "%.1f MB = %.1f MB; the device has %.1f MB, %.1f MB at most in one piece. Try a smaller "
            "`batch`",
            dev->name, (double)data / 1e6, (double)nets / 1e6, (double)weights / 1e6, (double)lists / 1e6,
            (double)total / 1e6, (double)dev->global_memory / 1e6, (double)dev->max_allocation / 1e6);
    if (s->train_net && weights > CHECKPOINT_LIMIT / 8 * 7)
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
        .epsilon = o->epsilon};
}

static int sets_of(const struct clr_train_options *o, bool train)
{
    return !train ? 1 : optimizer_class(o->optimizer)->squares ? PARAMS_S + 1 : PARAMS_V + 1;
}

/* With the records that *s has, where it has some; all else of it is new. */
static int plan(struct session *s, const struct clr_train_options *o, bool train,
                const struct checkpoint *from, struct clr_error *err)
{
    int rc;

    s->o = o;
    s->ocl.profile = o->profile;
    s->state.last_loss = s->state.untrained = NAN;
    rc = check_transform(o, err);
    if (rc == 0)
        rc = choose_images(s, err);
    if (rc == 0 && train)
        rc = check_options(s, err);
    if (rc == 0)
        rc = plan_graphs(s, train, err);
    if (rc == 0)
        rc = choose_transform(s, err);
    if (rc == 0)
        rc = tune_graphs(s, from, err);
    if (rc == 0)
        rc = net_plan(&s->test_net, s->test_graph, o->device, s->test_graph->block, err);
    if (rc == 0 && train)
        rc = net_plan(&s->train_net, s->train_graph, o->device, s->train_graph->block, err);
    if (rc == 0)
        rc = params_plan(&s->params, s->test_graph, o->device, sets_of(o, train), err);
    if (rc == 0)
        rc = check_memory(s, err);
    if (rc == 0 && o->init && !from)
        rc = weights_read(&s->init, o->init, &s->params, o->init_partial,
                          train ? "`init_partial` takes what matches" : "were they trained with another net?",
                          err);
    if (rc == 0 && o->init && !train)
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
    const bool train = s->train_net != NULL;
    struct tunedb *records = s->records;

    s->records = NULL;
    session_clear(s);
    s->records = records;
    return plan(s, o, train, from, err);
}

/* ------------------------------------------------------------------ starting */

static int start_parameters(struct session *s, struct clr_error *err)
{
    int rc = params_build(&s->params, s->ctx, err);

    for (size_t i = 0; i < s->params.count && rc == 0; i++) {
        const struct graph_param *info = &s->params.info[i];
        const struct st_tensor *given = safetensors_find(&s->init, info->name);
        float *values = NULL;
        rc = mem_new(&values, info->count, sizeof *values, "a parameter", err);
        if (rc < 0)
            break;
        if (given)
            memcpy(values, given->data, info->count * sizeof *values);
        else
            init_fill(values, info, (int)i, s->o->seed);
        rc = ocl_write(s->ctx, s->params.w[i], 0, info->count * sizeof *values, values, err);
        free(values);
    }
    return rc;
}

static int start_lists(struct session *s, struct clr_error *err)
{
    const size_t eval = (size_t)s->eval_count;
    int rc = ocl_buffer_create(&s->eval_index, s->ctx, eval * sizeof(cl_int), "the evaluation's images", err);

    if (rc == 0)
        rc = ocl_write(s->ctx, s->eval_index, 0, eval * sizeof(cl_int), s->eval_order, err);
    if (rc == 0)
        rc = ocl_buffer_create(&s->eval_losses, s->ctx, eval * sizeof(float), "the evaluation's losses", err);
    if (rc == 0)
        rc = ocl_buffer_create(&s->eval_hits, s->ctx, eval * sizeof(float), "the evaluation's hits", err);
    if (rc < 0 || !s->train_net)
        return rc;
    rc = ocl_buffer_create(&s->index, s->ctx, (size_t)s->order_count * sizeof(cl_int), "an epoch's order",
                           err);
    if (rc == 0)
        rc = ocl_buffer_create(&s->losses, s->ctx, sizeof(float) * SESSION_LOSSES * (size_t)s->o->batch,
                               "the losses", err);
    return rc;
}

static int start_optimiser(struct session *s, struct clr_error *err)
{
    const struct params *p = &s->params;
    const struct optimizer_settings settings = session_optimizer(s->o);
    struct optimizer_param *list = NULL;
    int rc = mem_new(&list, p->count, sizeof *list, "the optimiser", err);

    for (size_t i = 0; i < p->count && rc == 0; i++)
        list[i] = (struct optimizer_param){.offset = p->offset[i],
                                           .count = p->info[i].count,
                                           .lr_mult = p->info[i].mult.lr_mult,
                                           .decay = s->o->weight_decay * p->info[i].mult.decay_mult};
    if (rc == 0)
        rc = optimizer_create(&s->optimizer, s->ctx, &settings, list, p->count, err);
    free(list);
    return rc;
}

static int start_training(struct session *s, struct clr_error *err)
{
    int rc = net_build(s->train_net, s->ctx, &s->params, err);

    if (rc == 0)
        rc = batch_create(&s->train_batch, s->ctx, net_images(s->train_net), s->mean, (float)s->scale, err);
    return rc < 0 ? rc : start_optimiser(s, err);
}

int session_start(struct session *s, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const size_t image = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    int rc = ocl_context_create(&s->ctx, s->o->device, &s->ocl, err);

    if (rc == 0 && (s->train_net || s->o->validation > 0))
        rc = device_images_create(&s->train_images, s->ctx, &d->train, image, err);
    if (rc == 0 && s->o->validation == 0)
        rc = device_images_create(&s->test_images, s->ctx, &d->test, image, err);
    if (rc == 0)
        rc = start_parameters(s, err);
    if (rc == 0)
        rc = start_lists(s, err);
    if (rc == 0)
        rc = net_build(s->test_net, s->ctx, &s->params, err);
    if (rc == 0)
        rc = batch_create(&s->test_batch, s->ctx, net_images(s->test_net), s->mean, (float)s->scale, err);
    if (rc == 0 && s->train_net)
        rc = start_training(s, err);
    return rc;
}

void session_clear(struct session *s)
{
    if (s->ctx)
        (void)ocl_finish(s->ctx, NULL);
    batch_destroy(s->train_batch);
    batch_destroy(s->test_batch);
    optimizer_destroy(s->optimizer);
    net_destroy(s->train_net);
    net_destroy(s->test_net);
    params_clear(&s->params);
    device_images_clear(&s->train_images);
    device_images_clear(&s->test_images);
    ocl_release(&s->index);
    ocl_release(&s->eval_index);
    ocl_release(&s->losses);
    ocl_release(&s->eval_losses);
    ocl_release(&s->eval_hits);
    ocl_context_destroy(s->ctx);
    graph_destroy(s->train_graph);
    graph_destroy(s->test_graph);
    tunedb_close(s->records);
    safetensors_clear(&s->init);
    free(s->mean);
    free(s->base_order);
    free(s->order);
    free(s->eval_order);
    memset(s, 0, sizeof *s);
}

/* ------------------------------------------------------------------ training */

/* The order of the current epoch, on the device. */
static int load_order(struct session *s, struct clr_error *err)
{
    const size_t size = (size_t)s->order_count * sizeof *s->order;

    memcpy(s->order, s->base_order, size);
    if (s->o->order == CLR_ORDER_SHUFFLE)
        order_shuffle(s->order, s->order_count, s->o->seed, s->state.epoch);
    return ocl_write(s->ctx, s->index, 0, size, s->order, err);
}

void session_image(const struct session *s, const struct clr_images *images, int32_t number, double *out)
{
    const struct clr_dataset *d = s->o->data;
    const size_t size = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    const uint8_t *bytes = images->pixels + (size_t)number * size;

    for (size_t i = 0; i < size; i++)
        out[i] = ((double)bytes[i] - (double)s->mean[i]) * s->scale;
}

int session_go_to(struct session *s, const struct run_state *state, struct clr_error *err)
{
    s->state = *state;
    s->first_unread = state->iteration;
    if (state->place < 0 || state->place >= s->order_count)
        return clr_error_set(err, CLR_EINPUT, "the checkpoint is at image %d of an epoch of %d", state->place,
                             s->order_count);
    return state->place > 0 ? load_order(s, err) : 0;
}

int session_update(struct session *s, double rate, double momentum, struct clr_error *err)
{
    const int slot = (int)(s->state.iteration % SESSION_LOSSES), left = s->order_count - s->state.place;
    const int count = left < s->o->batch ? left : s->o->batch;
    const struct net_batch b = {.count = count,
                                .loss = s->losses,
                                .loss_offset = slot * s->o->batch,
                                .index = s->index,
                                .index_offset = s->state.place,
                                .seed = s->o->seed,
                                .iteration = (uint32_t)s->state.iteration};
    const struct optimizer_buffers all = {s->params.all[PARAMS_W], s->params.all[PARAMS_V],
                                          s->params.all[PARAMS_G], s->params.all[PARAMS_S]};
    int rc = s->state.place == 0 ? load_order(s, err) : 0;

    if (rc == 0)
        rc = batch_gather(s->train_batch, net_images(s->train_net), net_labels(s->train_net),
                          &s->train_images, s->index, s->state.place, count, err);
    if (rc == 0)
        rc = net_forward(s->train_net, &b, err);
    if (rc == 0)
        rc = net_backward(s->train_net, &b, err);
    /* the place where sums over devices or hosts belong, between gradients and update: there is one device */
    if (rc == 0)
        rc = optimizer_update(s->optimizer, &all, rate, momentum, s->state.iteration, err);
    s->rate = s->rates[slot] = rate;
    if (rc < 0)
        return rc;
    s->counts[slot] = count;
    s->state.iteration++;
    s->state.place += count;
    if (s->state.place >= s->order_count ||
        (s->o->last_batch == CLR_LAST_BATCH_DROP && s->order_count - s->state.place < s->o->batch)) {
        s->state.place = 0;
        s->state.epoch++;
    }
    return 0;
}

int session_read_updates(struct session *s, uint64_t *first, struct session_update_result *out, int *count,
                         struct clr_error *err)
{
    const size_t stride = (size_t)s->o->batch;
    float *values = NULL;
    int rc = mem_new(&values, stride * SESSION_LOSSES, sizeof *values, "the losses", err);

    if (rc < 0)
        return rc;
    rc = ocl_read(s->ctx, s->losses, 0, stride * SESSION_LOSSES * sizeof *values, values, err);
    if (rc == 0) {
        *first = s->first_unread;
        *count = (int)(s->state.iteration - s->first_unread);
        for (int i = 0; i < *count; i++) {
            const size_t slot = (s->first_unread + (uint64_t)i) % SESSION_LOSSES;
            double sum = 0.0;
            for (int k = 0; k < s->counts[slot]; k++)
                sum += (double)values[slot * stride + (size_t)k];
            out[i] = (struct session_update_result){sum / s->counts[slot], s->rates[slot]};
        }
        s->first_unread = s->state.iteration;
    }
    free(values);
    return rc;
}

/* ------------------------------------------------------------------ evaluation */

#define GROUP_NS 100000000u /* 0.1 s: a person who stops a run does not notice it */

/* Count what each image of a batch was taken for. Scores beyond the data's classes do not compete. */
static int count_confusion(struct session *s, int first, int count, float *scores, int *confusion,
                           struct clr_error *err)
{
    const struct tensor *logits = net_logits(s->test_net);
    const struct clr_images *images = s->o->validation > 0 ? &s->o->data->train : &s->o->data->test;
    const int outputs = logits->shape.c, classes = s->o->data->classes;
    int rc = tensor_read(s->ctx, logits, count, scores, err);

    for (int n = 0; n < count && rc == 0; n++) {
        const float *z = scores + (size_t)n * (size_t)outputs;
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (z[k] > z[best])
                best = k;
        confusion[images->labels[s->eval_order[first + n]] * classes + best]++;
    }
    return rc;
}

/* The batch of the evaluated images from number `first` on: enqueued, unless *confusion wants its scores. */
static int evaluate_batch(struct session *s, int first, int count, float *scores, int *confusion,
                          struct clr_error *err)
{
    const struct device_images *images = s->o->validation > 0 ? &s->train_images : &s->test_images;
    const struct net_batch b = {.count = count,
                                .loss = s->eval_losses,
                                .loss_offset = first,
                                .hit = s->eval_hits,
                                .hit_offset = first,
                                .index = s->eval_index,
                                .index_offset = first};
    int rc = batch_gather(s->test_batch, net_images(s->test_net), net_labels(s->test_net), images,
                          s->eval_index, first, count, err);

    if (rc == 0)
        rc = net_forward(s->test_net, &b, err);
    if (rc == 0 && confusion)
        rc = count_confusion(s, first, count, scores, confusion, err);
    return rc;
}

/*
 * All batches, in groups that are waited for, so that a slow device stops soon after *o->stop asks for it.
 * A group has twice the batches of the one before it, unless that took GROUP_NS: a fast device waits a few
 * times in all.
 */
static int evaluate_batches(struct session *s, float *scores, int *confusion, struct clr_error *err)
{
    const int capacity = net_images(s->test_net)->shape.n;
    uint64_t start = clock_ns();
    int group = 1, in_group = 0, rc = 0;

    for (int first = 0; first < s->eval_count && rc == 0; first += capacity) {
        const int left = s->eval_count - first;
        if (s->o->stop && *s->o->stop)
            return clr_error_set(err, CLR_EINTERRUPTED,
                                 "stopped during an evaluation, which is not recorded");
        rc = evaluate_batch(s, first, left < capacity ? left : capacity, scores, confusion, err);
        if (rc == 0 && ++in_group == group) {
            rc = ocl_finish(s->ctx, err);
            group *= clock_ns() - start < GROUP_NS ? 2 : 1;
            in_group = 0;
            start = clock_ns();
        }
    }
    return rc;
}

int session_evaluate(struct session *s, double *loss, double *accuracy, int *confusion, struct clr_error *err)
{
    const size_t n = (size_t)s->eval_count, size = n * sizeof(float);
    float *values = NULL, *scores = NULL;
    double loss_sum = 0.0, hits = 0.0;
    int rc = mem_new(&values, 2 * n, sizeof *values, "an evaluation", err);

    if (rc == 0 && confusion)
        rc = mem_new(&scores,
                     (size_t)net_logits(s->test_net)->shape.n * (size_t)net_logits(s->test_net)->shape.c,
                     sizeof *scores, "scores", err);
    if (rc == 0)
        rc = evaluate_batches(s, scores, confusion, err);
    if (rc == 0)
        rc = ocl_read(s->ctx, s->eval_losses, 0, size, values, err);
    if (rc == 0)
        rc = ocl_read(s->ctx, s->eval_hits, 0, size, values + n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        loss_sum += (double)values[i];
        hits += (double)values[n + i];
    }
    if (rc == 0) {
        *loss = loss_sum / (double)n;
        *accuracy = hits / (double)n;
    }
    free(values);
    free(scores);
    return rc;
}

/* ------------------------------------------------------------------ weights */

static int check_finite(const struct session *s, const struct graph_param *p, const float *values,
                        struct clr_error *err)
{
    for (size_t i = 0; i < p->count; i++)
        if (!isfinite(values[i]))
            return clr_error_set(err, CLR_EDIVERGED,
                                 "after iteration %llu (rate %.4g) element %zu of '%s' is not a finite "
                                 "number: lower the rate. No weights were saved",
                                 (unsigned long long)s->state.iteration, s->rate, i, p->name);
    return 0;
}

int session_read_parameters(struct session *s, int set, float ***out, struct clr_error *err)
{
    const struct params *p = &s->params;
    float **values = NULL;
    int rc = mem_new(&values, p->count, sizeof *values, "parameters", err);

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        const size_t count = p->info[i].count;
        rc = mem_new(&values[i], count, sizeof **values, "a parameter", err);
        if (rc == 0)
            rc = ocl_read(s->ctx, p->parts[set][i], 0, count * sizeof **values, values[i], err);
        if (rc == 0)
            rc = check_finite(s, &p->info[i], values[i], err);
    }
    if (rc < 0)
        session_free_parameters(s, values);
    else
        *out = values;
    return rc;
}

void session_free_parameters(const struct session *s, float **values)
{
    for (size_t i = 0; values && i < s->params.count; i++)
        free(values[i]);
    free(values);
}

int session_save_weights(struct session *s, const char *path, struct clr_error *err)
{
    float **values = NULL;
    int rc = session_read_parameters(s, PARAMS_W, &values, err);

    if (rc == 0)
        rc = weights_write(path, &s->params, values, s->o, s->mean_kind, s->scale, s->mean, err);
    session_free_parameters(s, values);
    return rc;
}
