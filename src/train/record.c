/* The files of a run: see record.h. */
#include "train/record.h"

#include <clr/version.h>

#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"
#include "sched/stored.h"

/* ------------------------------------------------------------------ the folder */

/* A folder that holds a run is required to resume it, and refused to begin one. */
static int check_old_run(const struct record *r, bool resume, struct clr_error *err)
{
    static const char *const names[] = {"run.json", "history.csv", "range.csv", "final.safetensors"};
    const bool has_run = fs_exists_in(r->dir, "run.json");
    bool any = false;
    int rc = 0;

    if (resume && has_run)
        return 0;
    if (!has_run && fs_exists_in(r->dir, "range.json"))
        return clr_error_set(err, CLR_EUSAGE,
                             "there are several range tests in '%s' (range.json): choose another `out`, or "
                             "remove them",
                             r->dir);
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        if (fs_exists_in(r->dir, names[i]))
            return clr_error_set(
                err, CLR_EUSAGE,
                "there is a run in '%s' already (%s): continue it by `resume`, choose another "
                "`out`, or remove it",
                r->dir, names[i]);
    if (fs_is_dir(r->dir))
        rc = checkpoint_exists(&any, r->dir, err);
    if (rc == 0 && any)
        rc =
            clr_error_set(err, CLR_EUSAGE,
                          "there are checkpoints of a run in '%s', but no run.json: choose another `out`, or "
                          "remove them",
                          r->dir);
    return rc;
}

/* Is it what a killed process left of a file that a run writes? */
static bool is_left_over(const char *name)
{
    static const char *const ours[] = {"run.json",
                                       "range.json",
                                       "history.csv",
                                       "range.csv",
                                       "loss.csv",
                                       "timing.csv",
                                       "range.png",
                                       "final.safetensors",
                                       "ema.safetensors",
                                       "checkpoint-[0-9]*.clr",
                                       "interrupted-[0-9]*.safetensors",
                                       "minimum-[0-9]*.safetensors"};
    char whole[NAME_MAX + 1];

    (void)snprintf(whole, sizeof whole, "%.*s", (int)fs_left_over(name), name);
    for (size_t i = 0; i < MEM_COUNT(ours); i++)
        if (fnmatch(ours[i], whole, 0) == 0)
            return true;
    return false;
}

/* The folder is locked: no other process writes here. */
static void remove_left_overs(const struct record *r)
{
    DIR *d = opendir(r->dir);
    const struct dirent *entry;

    while (d && (entry = readdir(d))) {
        char *path;
        if (!is_left_over(entry->d_name) || fs_join(&path, r->dir, entry->d_name, NULL) < 0)
            continue;
        (void)unlink(path);
        free(path);
    }
    if (d)
        (void)closedir(d);
}

int record_open(struct record *r, const char *dir, const char *history_name, bool resume,
                struct clr_error *err)
{
    int rc;

    memset(r, 0, sizeof *r);
    r->dir = dir;
    r->history_name = history_name;
    r->lock = -1;
    r->start_ns = clock_ns();
    clock_utc(r->started, sizeof r->started);
    r->made_dir = !fs_exists(dir);
    str_append(&r->losses, HISTORY_LOSS_HEADER "\n");
    str_append(&r->timing, HISTORY_TIMING_HEADER "\n");
    rc = fs_check_folder(dir, err);
    if (rc == 0)
        rc = check_old_run(r, resume, err);
    if (rc == 0)
        rc = fs_make_dirs(dir, err);
    if (rc == 0)
        rc = fs_join(&r->lock_path, r->dir, ".lock", err);
    if (rc == 0) {
        rc = fs_lock(r->lock_path, &r->lock, err);
        if (rc < 0)
            clr_error_prefix(err, "cannot use the folder '%s'", dir);
    }
    if (rc == 0) /* again: another process may have run and ended meanwhile */
        rc = check_old_run(r, resume, err);
    if (rc == 0)
        remove_left_overs(r);
    if (rc < 0)
        record_close(r, false);
    return rc;
}

void record_close(struct record *r, bool keep)
{
    if (r->lock >= 0)
        (void)unlink(r->lock_path);
    free(r->lock_path);
    fs_unlock(r->lock);
    if (!keep && r->made_dir)
        (void)rmdir(r->dir);
    json_decref(r->before);
    free(r->rows);
    str_clear(&r->losses);
    str_clear(&r->timing);
    memset(r, 0, sizeof *r);
    r->lock = -1;
}

/* ------------------------------------------------------------------ CSV */

static int add_row(struct record *r, const struct record_row *row, struct clr_error *err)
{
    const int rc =
        mem_grow(&r->rows, &r->row_capacity, r->row_count + 1, sizeof *r->rows, "the history", err);

    if (rc == 0)
        r->rows[r->row_count++] = *row;
    return rc;
}

int record_history(struct record *r, const struct record_row *row, struct clr_error *err)
{
    str_append(&r->timing, "%llu,%.3f\n", (unsigned long long)row->iteration, record_seconds(r));
    return add_row(r, row, err);
}

double record_seconds(const struct record *r)
{
    return r->seconds_before + (double)(clock_ns() - r->start_ns) * 1e-9;
}

/* Empty where the net has none. */
static void append_accuracy(struct str *out, int digits, double accuracy)
{
    if (!isnan(accuracy))
        str_append(out, "%.*g", digits, accuracy);
}

void record_rows(const struct record *r, struct str *out, int digits)
{
    for (size_t i = 0; i < r->row_count; i++) {
        const struct record_row *row = &r->rows[i];
        str_append(out, "%llu,%.*g,%.*g,%.*g,", (unsigned long long)row->iteration, digits, row->trn_loss,
                   digits, row->lr, digits, row->val_loss);
        append_accuracy(out, digits, row->val_acc);
        if (r->averages) {
            str_append(out, ",%.*g,", digits, row->ema_loss);
            append_accuracy(out, digits, row->ema_acc);
        }
        str_append(out, "\n");
    }
}

/* One row of record_rows(), without an accuracy where the net has none; *text moves to the next. */
static bool parse_row(struct record_row *out, const char **text, bool averages, uint64_t last)
{
    const int count = averages ? HISTORY_COLUMNS + 2 : HISTORY_COLUMNS;
    double values[HISTORY_COLUMNS + 2];

    values[HISTORY_COLUMNS] = values[HISTORY_COLUMNS + 1] = NAN;
    for (int i = 0; i < count; i++) {
        const char after = i < count - 1 ? ',' : '\n';
        const bool accuracy = i == HISTORY_VAL_ACC || i == HISTORY_COLUMNS + 1;
        char *end;
        if (accuracy && **text == after) {
            values[i] = NAN;
            (*text)++;
            continue;
        }
        values[i] = strtod(*text, &end);
        if (end == *text || *end != after || !isfinite(values[i]))
            return false;
        *text = end + 1;
    }
    if (!(values[0] >= 1.0 && values[0] <= (double)last))
        return false;
    *out = (struct record_row){(uint64_t)values[0], values[1], values[2], values[3],
                               values[4],           values[5], values[6]};
    return true;
}

int record_restore(struct record *r, const struct checkpoint *c, struct clr_error *err)
{
    const char *rows = c->history;
    int rc = 0;

    for (r->row_count = 0; *rows && rc == 0;) {
        struct record_row row;
        if (!parse_row(&row, &rows, r->averages, c->state.iteration))
            return clr_error_set(err, CLR_EINPUT, "the checkpoint of iteration %llu in '%s' has no history",
                                 (unsigned long long)c->state.iteration, r->dir);
        rc = add_row(r, &row, err);
    }
    str_clear(&r->losses);
    str_append(&r->losses, "%s", c->losses);
    str_clear(&r->timing);
    str_append(&r->timing, "%s", c->timing);
    return rc;
}

void record_loss(struct record *r, uint64_t iteration, double trn_loss, double lr)
{
    str_append(&r->losses, "%llu,%.9g,%.9g\n", (unsigned long long)iteration, trn_loss, lr);
}

static int write_text(const struct record *r, const char *name, const struct str *text, struct clr_error *err)
{
    char *path = NULL;
    int rc = str_check(text, err);

    if (rc == 0)
        rc = fs_join(&path, r->dir, name, err);
    if (rc == 0)
        rc = fs_write_atomic(path, str_text(text), text->length, err);
    free(path);
    return rc;
}

int record_write(struct record *r, struct clr_error *err)
{
    struct str history = {0};
    int rc;

    str_append(&history, HISTORY_HEADER "%s\n", r->averages ? HISTORY_AVERAGE_HEADER : "");
    record_rows(r, &history, 9);
    rc = write_text(r, r->history_name, &history, err);
    str_clear(&history);
    if (rc == 0)
        rc = write_text(r, "loss.csv", &r->losses, err);
    if (rc == 0)
        rc = write_text(r, "timing.csv", &r->timing, err);
    return rc;
}

/* ------------------------------------------------------------------ run.json */

char *record_schedule(const struct session *s)
{
    const struct clr_schedule *schedule = &s->o->schedule;
    /* the length of those whose rates depend on it */
    json_t *json = json_put(schedule_to_json(schedule), "iterations", json_count(schedule->iterations));
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));

    json_decref(json);
    return text;
}

/* What is subtracted, one value per channel, 0…255; null for a mean image, which is in the weights files. */
static json_t *mean_json(const struct session *s)
{
    const struct clr_dataset *d = s->o->data;
    const size_t plane = (size_t)d->height * (size_t)d->width;
    json_t *values;

    if (s->mean_kind == CLR_MEAN_IMAGE)
        return json_null();
    values = json_array();
    for (size_t c = 0; c < (size_t)d->channels; c++)
        values = json_append(values, json_finite((double)s->mean[c * plane]));
    return values;
}

json_t *record_settings(const struct session *s)
{
    const struct clr_train_options *o = s->o;

    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:i, s:o, s:f, s:s, s:s, s:s, s:s, s:o, s:f, s:s?, s:b, s:o, s:i, s:o, "
        "s:o, s:b, s:s, s:s, s:s, s:o, s:f, s:o, s:o}",
        "net", o->net_name, "data", o->data_name, "out", o->out, "schedule", schedule_to_json(&o->schedule),
        "iterations", json_count(o->iterations), "batch", o->batch, "seed", json_count(o->seed),
        "weight_decay", o->weight_decay, "momentum_convention",
        clr_momentum_convention_names()[o->convention], "order", clr_order_names()[o->order], "last_batch",
        clr_last_batch_names()[o->last_batch], "mean",
        s->mean_name[0] ? s->mean_name : clr_mean_names()[s->mean_kind], "mean_values", mean_json(s), "scale",
        s->scale, "init", o->init, "init_partial", o->init_partial, "validate_every",
        json_count(o->validate_every), "validation", o->validation, "log_every", json_count(o->log_every),
        "checkpoint_every", json_count(o->checkpoint_every), "keep_minima", o->keep_minima, "on_divergence",
        clr_on_divergence_names()[o->backoff], "regularization", clr_regularization_names()[o->l1],
        "optimizer", clr_optimizer_name(o->optimizer), "momentum2",
        json_finite(session_optimizer(o).momentum2), "epsilon", o->epsilon, "clip_gradients",
        o->clip_gradients > 0.0 ? json_real(o->clip_gradients) : json_null(), "ema",
        o->ema > 0.0 ? json_real(o->ema) : json_null());
}

static void add_variant(void *user, const char *layer, const char *variant)
{
    json_t **all = user;

    *all = json_put(*all, layer, json_string(variant));
}

/* Where a layer's variants are from: "tuned, data gradient nearest, weight gradient default". */
static json_t *add_origin(json_t *layers, const struct graph_node *node)
{
    struct str text = {0};

    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        if (node->origin[pass] != OP_ORIGIN_NONE)
            str_append(&text, "%s%s%s%s", text.length > 0 ? ", " : "",
                       pass == OP_FORWARD ? "" : op_pass_name((enum op_pass)pass),
                       pass == OP_FORWARD ? "" : " ", op_origin_name(node->origin[pass]));
    if (text.failed || text.length > 0)
        layers = json_put(layers, node->desc.label, text.failed ? NULL : json_string(str_text(&text)));
    str_clear(&text);
    return layers;
}

/* The tuning record (null: there is none) and what the training net took from it. */
static json_t *tuning_json(const struct session *s)
{
    const char *path = tunedb_is_empty(s->replica.records) ? NULL : tunedb_path(s->replica.records);
    json_t *layers = json_object();

    for (size_t i = 0; s->replica.train.graph && i < s->replica.train.graph->node_count; i++)
        layers = add_origin(layers, &s->replica.train.graph->nodes[i]);
    return json_pack("{s:o, s:o}", "record", path ? json_text(path) : json_null(), "layers", layers);
}

static json_t *device_json(const struct clr_device *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", d->name, "vendor", d->vendor, "version",
                     d->version, "driver", d->driver, "platform", d->platform_name, "platform_version",
                     d->platform_version);
}

/* How this program was compiled: other compilers and options may round differently on the host. */
static json_t *build_json(void)
{
#ifdef __OPTIMIZE__
    const int optimized = 1;
#else
    const int optimized = 0;
#endif
#ifdef __VERSION__
    const char *compiler = __VERSION__;
#else
    const char *compiler = "unknown";
#endif
    return json_pack("{s:s, s:b, s:s}", "compiler", compiler, "optimized", optimized, "jansson",
                     JANSSON_VERSION);
}

static json_t *data_json(const struct session *s)
{
    const struct clr_dataset *d = s->o->data;

    return json_pack("{s:o, s:o, s:s, s:s, s:i, s:i, s:s, s:i}", "name", json_text(d->name), "path",
                     json_text(d->path), "format", d->format, "sha256", d->checksum, "train_images",
                     s->order_count, "evaluated_images", s->eval_count, "evaluated_on",
                     s->o->validation > 0 ? "held-out training images" : "test set", "classes", d->classes);
}

/* The arguments as typed, for a later --resume; null: there are none. */
static json_t *arguments_json(const struct clr_train_options *o, json_t *before)
{
    json_t *list;

    if (!o->arguments)
        return before ? json_incref(before) : json_null();
    list = json_array();
    for (const char *const *a = o->arguments; *a; a++)
        list = json_append(list, json_string(*a));
    return list;
}

/* Where the run was resumed, oldest first. */
static json_t *resumed_json(const struct record *r, const struct session *s)
{
    const json_t *before = json_object_get(r->before, "resumed");
    json_t *list = json_is_array(before) ? json_deep_copy(before) : json_array();
    const char *device = NULL, *schedule = NULL; /* of the process before this one, where they are known */

    if (!r->before)
        return list;
    (void)json_unpack(r->before, "{s:{s:s}}", "device", "name", &device);
    (void)json_unpack(r->before, "{s:{s:{s:s}}}", "settings", "schedule", "description", &schedule);
    return json_append(list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*}", "iteration",
                                       json_count(r->resumed_at), "when", r->started, "version", CLR_VERSION,
                                       "git", clr_git_id(), "device", s->o->device->name, "device_before",
                                       device, "command", s->o->command_line, "schedule_before", schedule));
}

static json_t *run_json(const struct record *r, const struct session *s, const char *status,
                        const struct clr_train_result *result)
{
    const char *net = s->o->net->text;
    json_t *variants = json_object(), *prototxt, *root;
    const char *started = r->started, *command = s->o->command_line;
    char now[32], sum[FS_SHA256_TEXT];

    (void)json_unpack(r->before, "{s:s}", "started", &started);
    (void)json_unpack(r->before, "{s:s}", "command", &command);
    if (s->replica.train.net)
        net_variants(s->replica.train.net, add_variant, &variants);
    clock_utc(now, sizeof now);
    /* null where comments are in an old encoding */
    prototxt = str_is_utf8(net) ? json_string(net) : json_null();
    fs_sha256(net, strlen(net), sum);
    root = json_pack(
        "{s:i, s:s, s:s, s:s, s:o, s:s?, s:o, s:o, s:o, s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:s}",
        "format", JSON_FORMAT_RUN, "status", status, "version", CLR_VERSION, "git", clr_git_id(), "build",
        build_json(), "command", command, "arguments",
        arguments_json(s->o, json_object_get(r->before, "arguments")), "resumed", resumed_json(r, s),
        "settings", record_settings(s), "profile", s->o->profile, "prototxt", prototxt, "prototxt_sha256",
        sum, "device", device_json(s->o->device), "data", data_json(s), "variants", variants, "tuning",
        tuning_json(s), "started", started, "written", now);
    if (!result)
        return root;
    return json_put(root, "result",
                    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "iterations",
                              json_count(result->iterations), "val_loss", json_finite(result->val_loss),
                              "val_acc", json_finite(result->val_acc), "best_acc",
                              json_finite(result->best_acc), "best_iteration",
                              json_count(result->best_iteration), "seconds", json_finite(result->seconds),
                              "backoffs", result->backoffs, "diverged_at",
                              result->diverged_at > 0 ? json_count(result->diverged_at) : json_null()));
}

int record_write_json(const char *dir, const char *name, json_t *root, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, dir, name, err);

    if (rc == 0)
        rc = json_write(path, root, 15, err);
    else
        json_decref(root);
    free(path);
    return rc;
}

int record_write_run(struct record *r, const struct session *s, const char *status,
                     const struct clr_train_result *result, struct clr_error *err)
{
    return record_write_json(r->dir, "run.json", run_json(r, s, status, result), err);
}
