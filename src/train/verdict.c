/* Saved verdicts on devices: see verdict.h. */
#include "train/verdict.h"

#include <clr/version.h>

#include "base/fs.h"
#include "base/paths.h"
#include "ocl/source.h"

#define LIMIT ((size_t)1 << 20) /* bytes of a verdict's file */

static void add_variant(void *user, const char *label, const char *pass, const char *variant)
{
    str_append(user, "%s, %s: %s\n", label, pass, variant);
}

int verdict_describe(struct str *out, const struct session *s, struct clr_error *err)
{
    const struct clr_train_options *o = s->o;
    const struct clr_device *d = o->device;
    const struct shape *x = &s->replica.test.graph->values[s->replica.test.graph->images].shape;
    const struct optimizer_settings u = session_optimizer(o);
    char kernels[FS_SHA256_TEXT], net[FS_SHA256_TEXT];
    int rc = source_hash(kernels, err);

    if (rc < 0)
        return rc;
    fs_sha256(o->net->text, strlen(o->net->text), net);
    str_append(out, "right: losses and gradients, compared with double precision\n");
    str_append(out, "device: %s\nplatform: %s, %s\ndriver: %s\nprogram: %s (%s)\nkernels: %s\n", d->name,
               d->platform_name, d->platform_version, d->driver, CLR_VERSION, clr_git_id(), kernels);
    str_append(out, "net: %s\nimages: %dx%dx%d, batch %d\n", net, x->c, x->h, x->w,
               s->replica.train.net ? o->batch : 0);
    str_append(out, "evaluated at once: %d\n", x->n);
    if (s->replica.train.net)
        str_append(out, "update: %s%s%s%s\n", clr_optimizer_name(u.kind), u.caffe ? ", caffe" : "",
                   u.l1 ? ", l1" : "", u.clip > 0.0 ? ", clipped" : "");
    graph_chosen(s->replica.test.graph, d, add_variant, out);
    if (s->replica.train.graph)
        graph_chosen(s->replica.train.graph, d, add_variant, out);
    return str_check(out, err);
}

/* The file; NULL: there is no folder for the cache. */
static int path_of(char **out, const struct str *text, bool make, struct clr_error *err)
{
    char sum[FS_SHA256_TEXT], *cache = NULL, *dir = NULL;
    int rc = paths_cache(&cache, err);

    *out = NULL;
    fs_sha256(text->text, text->length, sum);
    if (rc == 0 && cache)
        rc = fs_join(&dir, cache, "checked", err);
    if (rc == 0 && dir && make)
        rc = fs_make_dirs(dir, err);
    if (rc == 0 && dir)
        rc = fs_join(out, dir, sum, err);
    free(dir);
    free(cache);
    return rc;
}

void verdict_keep(const struct str *text)
{
    char *path = NULL;

    if (path_of(&path, text, true, NULL) == 0 && path)
        (void)fs_write_atomic(path, text->text, text->length, NULL);
    free(path);
}

int verdict_is_known(bool *out, const struct str *text, struct clr_error *err)
{
    char *path = NULL, *was = NULL;
    size_t size = 0;
    int rc = path_of(&path, text, false, err);

    *out = rc == 0 && path && fs_read(path, LIMIT, &was, &size, NULL) == 0 && strcmp(was, text->text) == 0;
    free(was);
    free(path);
    return rc;
}
