/* Resuming a run: see resume.h. */
#include "train/resume.h"

#include <clr/version.h>

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "ocl/source.h"
#include "sched/policies.h"
#include "train/weights.h"

/* ------------------------------------------------------------------ what variants are valid for */

static int made_json(json_t **out, const struct clr_device *d, struct clr_error *err)
{
    char kernels[FS_SHA256_TEXT], program[96];
    int rc = source_hash(kernels, err);

    if (rc < 0)
        return rc;
    (void)snprintf(program, sizeof program, "%s (%s)", CLR_VERSION, clr_git_id());
    *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "device", d->name, "platform", d->platform_name,
                     "platform version", d->platform_version, "driver", d->driver, "program", program,
                     "kernels", kernels);
    return *out ? 0 : clr_error_set(err, CLR_ENOMEM, "out of memory for a checkpoint");
}

/* Is everything as it was? A warning names the first difference. */
static bool is_same(const json_t *was, json_t *is, const char *dir)
{
    const char *key;
    json_t *value;

    json_object_foreach(is, key, value)
    {
        const char *old = json_string_value(json_object_get(was, key));
        if (old && strcmp(old, json_string_value(value)) == 0)
            continue;
        log_line(
            CLR_LOG_WARNING,
            "the run in '%s' was made with %s '%s', which is now '%s': it is resumed, but its results may "
            "differ in rounding from those of a run that was not stopped",
            dir, key, old ? old : "?", json_string_value(value));
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ opening */

static int check_whole(const json_t *run, const char *path, struct clr_error *err)
{
    if (!json_is_integer(json_object_get(run, "format")) ||
        !json_is_string(json_object_get(run, "version")) ||
        !json_is_object(json_object_get(run, "settings")) || !json_is_object(json_object_get(run, "data")))
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' is not a run's file: there is nothing to resume; choose another `out`",
                             path);
    return 0;
}

static int read_run(json_t **out, const struct record *r, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, r->dir, "run.json", err);

    if (rc == 0 && fs_exists(path))
        rc = json_read_run(out, path, err);
    if (rc == 0 && *out)
        rc = check_whole(*out, path, err);
    free(path);
    return rc;
}

/* Are the images and the net the same, whatever their files are called now? */
static int check_files(const struct record *r, const struct clr_train_options *o, struct clr_error *err)
{
    const char *sum = "", *net = "", *name = o->net_name;
    char now[FS_SHA256_TEXT];

    (void)json_unpack(r->before, "{s:{s:s}}", "data", "sha256", &sum);
    (void)json_unpack(r->before, "{s:s}", "prototxt_sha256", &net);
    (void)json_unpack(r->before, "{s:{s:s}}", "settings", "net", &name);
    if (strcmp(sum, o->data->checksum) != 0)
        return clr_error_set(err, CLR_EUSAGE, "`data` %s: the images are not those of the run in '%s'",
                             o->data_name, r->dir);
    fs_sha256(o->net->text, strlen(o->net->text), now);
    if (strcmp(net, now) == 0)
        return 0;
    if (strcmp(name, o->net_name) != 0)
        return clr_error_set(
            err, CLR_EUSAGE,
            "`net` %s: the run in '%s' was begun with %s, which is another net: omit the option, "
            "or choose another `out`",
            o->net_name, r->dir, name);
    return clr_error_set(
        err, CLR_EUSAGE,
        "`net` %s: the file has changed since the run in '%s' was begun; run.json there has the "
        "old text, as 'prototxt'",
        o->net_name, r->dir);
}

int resume_open(struct resume *out, struct record *r, const struct clr_train_options *o,
                struct clr_error *err)
{
    struct checkpoint *c = &out->checkpoint;
    char done[STR_COUNT];
    json_t *made = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    rc = read_run(&r->before, r, err);
    if (rc == 0 && r->before)
        rc = check_files(r, o, err);
    if (rc < 0 || !r->before)
        return rc;
    rc = checkpoint_read(c, &out->found, r->dir, UINT64_MAX, err);
    if (rc == CLR_EINPUT)
        clr_error_prefix(err, "the run in '%s', of clr-cl %s", r->dir,
                         json_string_value(json_object_get(r->before, "version")));
    if (rc < 0 || !out->found)
        return rc;
    rc = made_json(&made, o->device, err);
    if (rc == 0 && c->state.iteration > o->iterations)
        rc =
            clr_error_set(err, CLR_EUSAGE, "`iterations` %llu: the run in '%s' has done %s already",
                          (unsigned long long)o->iterations, r->dir, str_count(done, c->state.iteration, ""));
    if (rc == 0 && !is_same(c->made, made, r->dir)) {
        json_decref(c->variants);
        c->variants = NULL;
    }
    json_decref(made);
    if (rc < 0)
        resume_clear(out);
    return rc;
}

void resume_clear(struct resume *resume)
{
    checkpoint_clear(&resume->checkpoint);
    resume->found = false;
}

/* ------------------------------------------------------------------ checking */

/* The value as text, to be freed with free(); NULL: there is none, or no memory. */
static char *as_text(const json_t *value)
{
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
}

/* The field of a setting in run.json. */
static const char *field_of(const char *setting)
{
    static const char *const others[][2] = {
        {"momentum_convention", "convention"}, {"regularization", "l1"}, {"mean_values", "mean"}};

    for (size_t i = 0; i < MEM_COUNT(others); i++)
        if (strcmp(setting, others[i][0]) == 0)
            return others[i][1];
    return setting;
}

static int compare_value(const json_t *was, const json_t *is, const char *key, const char *dir,
                         struct clr_error *err)
{
    char *old = as_text(was), *new = as_text(is);
    const bool none = !was || json_is_null(was),
               same = none ? !is || json_is_null(is) : old && new &&strcmp(old, new) == 0;
    int rc = 0;

    if ((was && !old) || (is && !new))
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the settings of the run in '%s'", dir);
    else if (!same)
        rc = clr_error_set(
            err, CLR_EUSAGE,
            "`%s` %.200s: the run in '%s' began with%s %.200s, and is resumed with the options that it began "
            "with: omit this one, or choose another `out`",
            field_of(key), new ? new : "null", dir, none ? "out" : "", none ? "it" : old);
    free(old);
    free(new);
    return rc;
}

/* Compare a setting of both; objects key by key, as far as `is` has the key. */
static int compare(const json_t *was, json_t *is, const char *key, const char *dir, struct clr_error *err)
{
    const char *inner;
    json_t *value;
    int rc = 0;

    if (!json_is_object(is))
        return compare_value(was, is, key, dir, err);
    json_object_foreach(is, inner, value)
    {
        rc = compare(json_object_get(was, inner), value, inner, dir, err);
        if (rc < 0)
            break;
    }
    return rc;
}

/* Remove the settings in which a resumed run may differ. */
static void remove_free(json_t *settings, const struct session *s)
{
    /* "out", "net", "data": paths, whose files are compared */
    static const char *const keys[] = {"out",          "net", "data", "iterations", "checkpoint_every",
                                       "on_divergence"};
    json_t *schedule = json_object_get(settings, "schedule"), *value;
    const char *key;
    void *next;

    for (size_t i = 0; i < MEM_COUNT(keys); i++)
        (void)json_object_del(settings, keys[i]);
    if (isnan(session_optimizer(s->o).momentum2)) /* not used; 0.1 wrote it for every optimizer */
        (void)json_object_del(settings, "momentum2");
    json_object_foreach_safe(schedule, next, key, value)
    {
        if (s->o->continues ? strcmp(key, "momentum") != 0 : strcmp(key, "description") == 0)
            (void)json_object_del(schedule, key);
    }
}

int resume_check(const struct record *r, const struct session *s, struct clr_error *err)
{
    const struct clr_schedule *schedule = &s->o->schedule;
    const bool bound =
        !s->o->continues && ((policy_of(schedule->policy)->reads & IS_SWEEP) || schedule->iterations > 0);
    const json_t *before = json_object_get(r->before, "settings");
    json_t *settings;
    int rc = 0;

    if (!r->before)
        return 0;
    settings = record_settings(s);
    if (!settings)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the settings of a run");
    if (bound) /* the rates depend on them */
        rc = compare_value(json_object_get(before, "iterations"), json_object_get(settings, "iterations"),
                           "iterations", r->dir, err);
    remove_free(settings, s);
    if (rc == 0) /* first: the usual values of others depend on it */
        rc = compare_value(json_object_get(before, "optimizer"), json_object_get(settings, "optimizer"),
                           "optimizer", r->dir, err);
    if (rc == 0)
        rc = compare(before, settings, "settings", r->dir, err);
    json_decref(settings);
    return rc;
}

/* ------------------------------------------------------------------ going back */

/* The sets of parameters that a checkpoint has, those of these that there are. Of optimizers without
 * momentum, the second has squares, too. */
static const struct {
    int set;
    const char *suffix; /* of the tensors' names */
} saved[] = {{PARAMS_W, ""}, {PARAMS_V, ".momentum"}, {PARAMS_S, ".squares"}, {PARAMS_E, ".average"}};

/* A state has values alone. */
static size_t saved_tensors(const struct params *p)
{
    size_t count = 0;

    for (size_t k = 0; k < MEM_COUNT(saved); k++)
        for (size_t i = 0; params_has(p, saved[k].set) && i < p->count; i++)
            count += p->parts[saved[k].set][i] != NULL;
    return count;
}

static int apply_parameters(const struct checkpoint *c, struct session *s, struct clr_error *err)
{
    const struct params *p = &s->replica.params;
    int rc = 0;

    if (c->tensors.count != saved_tensors(p))
        return clr_error_set(err, CLR_EINPUT, "the checkpoint of '%s' is of another net", s->o->out);
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < MEM_COUNT(saved) && rc == 0; k++) {
            const struct st_tensor *t;
            char name[sizeof t->name];
            if (!params_has(p, saved[k].set) || !p->parts[saved[k].set][i])
                continue;
            (void)snprintf(name, sizeof name, "%s%s", p->info[i].name, saved[k].suffix);
            t = safetensors_find(&c->tensors, name);
            if (!t || t->count != p->info[i].count)
                return clr_error_set(err, CLR_EINPUT,
                                     "the checkpoint of '%s' is of another net: '%s' is not in it", s->o->out,
                                     name);
            rc = ocl_write(s->replica.ctx, p->parts[saved[k].set][i], 0, t->count * sizeof(float), t->data,
                           err);
        }
    }
    return rc;
}

/* Remove the weights that were saved when the run was stopped here: it will leave other ones. */
static void remove_interrupted(const struct record *r, uint64_t iteration)
{
    char name[64], *path = NULL;

    (void)snprintf(name, sizeof name, "interrupted-%llu.safetensors", (unsigned long long)iteration);
    if (fs_join(&path, r->dir, name, NULL) == 0)
        (void)unlink(path);
    free(path);
}

/* How often the checkpoint's rates were halved; 0 where they come from another schedule than this run's. */
static int find_backoffs(int *out, const struct checkpoint *c, const struct session *s, struct clr_error *err)
{
    char *schedule = record_schedule(s);
    const bool other = c->schedule ? schedule && strcmp(c->schedule, schedule) != 0 : s->o->continues;

    *out = other ? 0 : c->state.backoffs;
    free(schedule);
    return schedule ? 0 : clr_error_set(err, CLR_ENOMEM, "out of memory for a schedule");
}

/* Set session and record to what the checkpoint has. */
static int go_back(const struct checkpoint *c, int backoffs, struct session *s, struct record *r,
                   struct clr_error *err)
{
    struct run_state state = c->state;
    int rc = apply_parameters(c, s, err);

    state.backoffs = backoffs;
    if (rc == 0)
        rc = record_restore(r, c, err);
    return rc < 0 ? rc : session_go_to(s, &state, err);
}

int resume_back_off(struct session *s, struct record *r, struct clr_error *err)
{
    const struct run_state was = s->state;
    struct checkpoint c;
    bool found = false;
    int rc = checkpoint_read(&c, &found, s->o->out, UINT64_MAX, err);

    if (rc == 0 && found && was.backoffs > 0 &&
        c.state.iteration == was.back_at) { /* the one before: from this one it diverged again */
        checkpoint_clear(&c);
        rc = checkpoint_read(&c, &found, s->o->out, was.back_at, err);
        if (rc == 0 && !found)
            rc = checkpoint_read(&c, &found, s->o->out, UINT64_MAX, err);
    }
    if (rc == 0 && !found)
        rc = clr_error_set(err, CLR_EFAILED, "there is no good checkpoint in '%s'", s->o->out);
    if (rc < 0)
        return rc;
    c.state.back_at = c.state.iteration;
    rc = go_back(&c, was.backoffs + 1, s, r, err);
    checkpoint_clear(&c);
    return rc < 0 ? rc : resume_save(s, r, err);
}

/* A run that was to be resumed begins with its first iteration. */
static int say_new(const struct session *s, struct clr_error *err)
{
    bool any = false;
    int rc = s->o->resume ? checkpoint_exists(&any, s->o->out, err) : 0;

    if (rc == 0 && any)
        log_line(CLR_LOG_WARNING,
                 "each checkpoint in '%s' is damaged: the run begins anew, with the first iteration",
                 s->o->out);
    else if (rc == 0 && s->o->resume)
        log_line(CLR_LOG_INFO, "there is no checkpoint in '%s' yet: the run begins anew", s->o->out);
    return rc;
}

int resume_apply(const struct resume *resume, struct session *s, struct record *r, struct clr_error *err)
{
    const struct checkpoint *c = &resume->checkpoint;
    char done[STR_COUNT], all[STR_COUNT];
    int backoffs, rc;

    if (!resume->found)
        return say_new(s, err);
    rc = find_backoffs(&backoffs, c, s, err);
    if (rc == 0)
        rc = go_back(c, backoffs, s, r, err);
    r->resumed_at = c->state.iteration;
    r->seconds_before = c->seconds;
    if (rc == 0)
        remove_interrupted(r, c->state.iteration);
    if (rc == 0 && c->state.iteration == s->o->iterations)
        log_line(CLR_LOG_INFO, "'%s' has done its %s: nothing is left to train", s->o->out,
                 str_count(all, s->o->iterations, "iteration"));
    else if (rc == 0)
        log_line(CLR_LOG_INFO, "'%s' is resumed after iteration %s of %s%s", s->o->out,
                 str_count(done, c->state.iteration, ""), str_count(all, s->o->iterations, ""),
                 s->state.backoffs > 0 ? ", with the smaller rates that it had after a divergence" : "");
    return rc;
}

/* ------------------------------------------------------------------ saving */

static void add_variant(void *user, const char *label, const char *pass, const char *variant)
{
    json_t **all = user, *layer = json_object_get(*all, label);

    layer = json_put(layer ? json_incref(layer) : json_object(), pass, json_string(variant));
    *all = json_put(*all, label, layer);
}

static json_t *variants_json(const struct session *s)
{
    json_t *train = json_object(), *test = json_object();

    graph_chosen(s->replica.train.graph, s->o->device, add_variant, &train);
    graph_chosen(s->replica.test.graph, s->o->device, add_variant, &test);
    return json_pack("{s:o, s:o}", "train", train, "test", test);
}

void resume_advise(const struct session *s, struct clr_error *err)
{
    const struct clr_error why = *err;
    const bool lost = why.code == CLR_ECL && ocl_is_lost(why.cl_status);
    char at[STR_COUNT];
    struct checkpoint c;
    bool found = false;

    if ((!lost && why.code != CLR_EDIVERGED) || checkpoint_read(&c, &found, s->o->out, UINT64_MAX, NULL) < 0)
        return;
    if (lost && !found)
        (void)clr_error_set(err, why.code, "%s. There is no checkpoint in '%s' to resume from", why.message,
                            s->o->out);
    else if (lost || (found && (c.state.iteration > 0 || s->state.backoffs > 0)))
        (void)clr_error_set(
            err, why.code,
            lost ? "%s. `resume` continues '%s' from its checkpoint of iteration %s"
            : s->o->backoff
                ? "%s. The last good checkpoint in '%s' is of iteration %s"
                : "%s. Or continue '%s' from its checkpoint of iteration %s with half the rates, by "
                  "`resume` and `backoff`",
            why.message, s->o->out, str_count(at, c.state.iteration, ""));
    err->cl_status = why.cl_status;
    checkpoint_clear(&c);
}

int resume_save(struct session *s, const struct record *r, struct clr_error *err)
{
    const struct params *p = &s->replica.params;
    struct checkpoint c = {.state = s->state, .seconds = record_seconds(r)};
    struct st_tensor *tensors = NULL;
    struct str history = {0};
    const struct str *texts[] = {&history, &r->losses, &r->timing};
    float *values[MEM_COUNT(saved)] = {NULL};
    int rc = 0;

    for (size_t k = 0; k < MEM_COUNT(saved) && rc == 0; k++)
        if (params_has(p, saved[k].set))
            rc = session_read_parameters(s, saved[k].set, &values[k], err);
    if (rc == CLR_EDIVERGED) {
        rc = 0;
        goto out;
    }
    if (rc == 0)
        rc = mem_new(&tensors, saved_tensors(p), sizeof *tensors, "a checkpoint", err);
    record_rows(r, &history, 17);
    for (size_t i = 0; i < MEM_COUNT(texts) && rc == 0; i++)
        rc = str_check(texts[i], err);
    if (rc < 0)
        goto out;
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < MEM_COUNT(saved); k++)
            if (params_has(p, saved[k].set) && p->parts[saved[k].set][i])
                weights_tensor(&tensors[c.tensors.count++], &p->info[i], saved[k].suffix,
                               values[k] + p->offset[i]);
    c.tensors.tensors = tensors;
    c.history = (char *)(uintptr_t)str_text(&history); /* borrowed; "" where there are no rows */
    c.losses = r->losses.text;
    c.timing = r->timing.text;
    c.variants = variants_json(s);
    c.schedule = record_schedule(s);
    rc = c.schedule ? made_json(&c.made, s->o->device, err)
                    : clr_error_set(err, CLR_ENOMEM, "out of memory for a checkpoint");
    if (rc == 0)
        rc = checkpoint_write(s->o->out, &c, err);
    json_decref(c.made);
    json_decref(c.variants);
    free(c.schedule);
out:
    for (size_t k = 0; k < MEM_COUNT(saved); k++)
        free(values[k]);
    free(tensors);
    str_clear(&history);
    return rc;
}
