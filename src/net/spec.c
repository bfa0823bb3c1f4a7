/* A net as its prototxt file defines it, and the built-in ones: see spec.h. Layers are read in layer.c. */
#include "net/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/fs.h"
#include "base/log.h"
#include "net/layer.h"
#include "net/prototxt.h"
#include "net/solver_net.h"
#include "net/upgrade.h"

#define LIMIT_LAYERS 4096

const char *const *clr_net_names(void)
{
    return embedded_nets_names;
}

/* A zeroed layer at the end. */
static int new_layer(struct clr_net_spec *spec, struct layer_spec **out, struct clr_error *err)
{
    int rc;

    if (spec->layer_count >= LIMIT_LAYERS)
        return clr_error_set(err, CLR_EINPUT, "%s: more than %d layers", spec->file, LIMIT_LAYERS);
    rc = mem_grow(&spec->layers, &spec->layer_capacity, spec->layer_count + 1, sizeof *spec->layers, "layers",
                  err);
    if (rc < 0)
        return rc;
    *out = &spec->layers[spec->layer_count++];
    return 0;
}

/*
 * The inputs of a net without Input layer, as files for deployment have them: `input: "data"`, and either
 * `input_shape { dim … }` for each or four `input_dim` for each. Becomes an Input layer before all others.
 */
static int read_net_inputs(struct clr_net_spec *spec, struct pt_reader *r, const struct spec_part *part,
                           struct clr_error *err)
{
    struct prototxt *doc = r->doc;
    struct layer_spec *layer = NULL;
    struct pt_field *first = NULL, *shape = NULL, *other;
    int dims[8], count = 0, rc;

    for (struct pt_field *f = NULL; pt_next(r, "input", &f);) {
        if (!layer) {
            first = f;
            rc = new_layer(spec, &layer, err);
            if (rc < 0)
                return rc;
            layer->class = &layer_input;
            layer->line = f->line;
            layer->file = part->file;
            layer->phases = part->phases;
            layer->source.transform.scale = 1.0;
            str_copy(layer->name, sizeof layer->name, "input");
        }
        if (layer->top_count == 2)
            return pt_error(doc, f, err, "more than two 'input': there are images and labels only");
        rc = spec_read_name(layer->top[layer->top_count++], SPEC_NAME, doc, f, err);
        if (rc < 0)
            return rc;
    }
    rc = pt_ints(r, "input_dim", 1, GEOMETRY_MAX, dims, 8, &count, err);
    if (rc < 0)
        return rc;
    if (!pt_next(r, "input_shape", &shape)) {
        if (layer && count < 4)
            return pt_error(doc, first, err, "'input' has no shape: give 'input_shape { dim: … }'");
    } else {
        for (other = shape; pt_next(r, "input_shape", &other);)
            continue; /* the labels' */
        if (count > 0)
            return pt_error(doc, shape, err, "give 'input_shape' or 'input_dim', not both");
        if (layer)
            return spec_read_shape(layer, doc, shape, err);
    }
    if (!layer)
        return 0;
    layer->source.batch_size = dims[0];
    layer->source.channels = dims[1];
    layer->source.height = dims[2];
    layer->source.width = dims[3];
    return 0;
}

/* Take the last layer away again. */
static void drop_layer(struct clr_net_spec *spec)
{
    memset(&spec->layers[--spec->layer_count], 0, sizeof *spec->layers);
}

/* May two layers not have the same name? Parameters are named after their layer. Layers of different types
 * that have none may, as a loss and a softmax for testing in files of Smith's. */
static bool collide(const struct layer_spec *a, const struct layer_spec *b)
{
    return (a->phases & b->phases) && strcmp(a->name, b->name) == 0 && a->class && b->class &&
           (a->class == b->class || (a->class->params && b->class->params));
}

static void check_name(struct clr_net_spec *spec, const struct layer_spec *layer, struct prototxt *doc,
                       const struct pt_field *field, struct clr_error *err)
{
    for (const struct layer_spec *before = spec->layers; before < layer; before++)
        if (collide(before, layer))
            (void)pt_error(doc, field, err, "a layer '%s' is there already, in line %d", layer->name,
                           before->line);
}

static int read_layers(struct clr_net_spec *spec, struct pt_reader *r, const struct spec_part *part,
                       const struct net_states *states, struct clr_error *err)
{
    struct spec_said said = {.quiet = part->quiet, .files = part->files};
    struct layer_spec *layer = NULL;
    struct str names = {0};
    size_t number = 0;
    int rc = 0;

    for (struct pt_field *f = NULL; pt_next(r, "layer", &f);) {
        rc = new_layer(spec, &layer, err);
        if (rc < 0)
            goto out;
        layer->file = part->file;
        (void)snprintf(layer->name, sizeof layer->name, "#%zu", ++number);
        rc = spec_read_layer(layer, r->doc, f, states, &said, err);
        if (rc < 0 && rc != CLR_EINPUT)
            goto out;
        if (layer->phases == 0) {
            str_append(&names, "%s'%s'", names.length > 0 ? ", " : "", layer->name);
            spec->left_out++;
        }
        layer->phases &= part->phases;
        if (layer->phases == 0)
            drop_layer(spec);
        else
            check_name(spec, layer, r->doc, f, err);
    }
    rc = str_check(&names, err);
    if (rc == 0 && names.length > 0 && !part->quiet)
        log_line(CLR_LOG_INFO, "%s: left out, since their rules hold in neither phase: %s", part->file,
                 str_text(&names));
out:
    str_clear(&names);
    return rc;
}

/* What the net's own `state` says, under what the part's says. */
static int read_states(struct net_states *out, struct pt_reader *r, const struct spec_part *part,
                       struct clr_error *err)
{
    struct pt_field *state;
    int rc = pt_only(r, "state", &state, err);

    if (rc > 0)
        rc = state_read(out, PHASE_TRAIN | PHASE_TEST, r->doc, state, part->quiet, err);
    return rc < 0 || !part->states ? rc : state_put_over(out, part->states, err);
}

int spec_read_net(struct clr_net_spec *spec, struct prototxt *doc, const struct spec_part *part,
                  struct clr_error *err)
{
    static const char *const unsupported[] = {"force_backward", "debug_info", NULL};
    struct net_states states = {0};
    struct pt_field *name;
    struct pt_reader r;
    int rc = upgrade_net(doc, part->message, err);

    if (rc < 0)
        return rc;
    pt_open(&r, doc, part->message ? &doc->fields[part->message] : NULL);
    rc = pt_only(&r, "name", &name, err);
    if (rc > 0 && !spec->name[0])
        rc = spec_read_name(spec->name, SPEC_NAME, doc, name, err);
    if (rc >= 0)
        rc = read_net_inputs(spec, &r, part, err);
    if (rc >= 0)
        rc = read_states(&states, &r, part, err);
    if (rc >= 0 || rc == CLR_EINPUT) /* their faults are reported, too */
        rc = read_layers(spec, &r, part, &states, err);
    return rc < 0 ? rc : pt_close(&r, unsupported, err);
}

/* Fills the rest of *spec from its text. files: the text may name others. */
static int read_text(struct clr_net_spec *spec, size_t size, bool files, bool quiet, struct clr_error *err)
{
    const struct spec_part whole = {
        .file = spec->file, .phases = PHASE_TRAIN | PHASE_TEST, .quiet = quiet, .files = files};
    struct prototxt doc = {0};
    int rc = prototxt_parse(&doc, spec->file, spec->text, size, err);

    if (rc < 0)
        return rc;
    rc = solver_nets_are_in(&doc) ? solver_nets_read(spec, &doc, files, quiet, err)
                                  : spec_read_net(spec, &doc, &whole, err);
    if (rc >= 0 && spec->layer_count == 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s: there is no 'layer { … }' in it%s", spec->file,
                           spec->left_out > 0 ? " whose rules hold in a phase" : "");
    rc = pt_finish(&doc, rc, err);
    prototxt_clear(&doc);
    return rc < 0 ? rc : 0;
}

/* As if it was in the file, without its bottoms. */
static int read_implied_loss(struct clr_net_spec *spec, struct clr_error *err)
{
    static const char text[] = "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: '-' bottom: '-' }";
    const struct net_states states = {0};
    struct spec_said said = {.quiet = true};
    struct prototxt doc = {0};
    int rc = prototxt_parse(&doc, spec->file, text, sizeof text - 1, err);

    if (rc == 0)
        rc =
            spec_read_layer(&spec->implied_loss, &doc, &doc.fields[doc.fields[0].first], &states, &said, err);
    spec->implied_loss.file = spec->file;
    prototxt_clear(&doc);
    return rc;
}

/* text NULL: of the built-in net or the file of that name. */
static int load(struct clr_net_spec **out, const char *name, const char *text, bool quiet,
                struct clr_error *err)
{
    struct clr_net_spec *spec;
    size_t size = text ? strlen(text) : 0;
    int rc = mem_new(&spec, 1, sizeof *spec, "net", err);

    if (rc < 0)
        return rc;
    if (text) {
        rc = str_duplicate(&spec->file, name, err);
        if (rc == 0)
            rc = str_duplicate(&spec->text, text, err);
    } else {
        rc = embedded_open(&spec->file, &spec->text, &size, embedded_nets, embedded_nets_names, "net", name,
                           PT_LIMIT_BYTES, err);
    }
    if (rc >= 0)
        rc = read_text(spec, size, !text, quiet, err);
    if (rc >= 0)
        rc = read_implied_loss(spec, err);
    if (rc < 0) {
        clr_net_destroy(spec);
        return rc;
    }
    for (size_t i = 0; i < spec->layer_count; i++) {
        const struct layer_spec *l = &spec->layers[i];
        if (l->source.channels && !spec->input.channels)
            spec->input = (struct clr_image_shape){l->source.channels, l->source.height, l->source.width};
    }
    *out = spec;
    return 0;
}

int clr_net_load(struct clr_net_spec **out, const char *name, struct clr_error *err)
{
    return load(out, name, NULL, false, err);
}

int clr_net_from_text(struct clr_net_spec **out, const char *file, const char *text, struct clr_error *err)
{
    int rc = mem_check_given(file, "file", err);

    if (rc == 0)
        rc = mem_check_given(text, "text", err);
    return rc < 0 ? rc : load(out, file, text, true, err);
}

int spec_load_quietly(struct clr_net_spec **out, const char *name, struct clr_error *err)
{
    return load(out, name, NULL, true, err);
}

void clr_net_destroy(struct clr_net_spec *spec)
{
    if (!spec)
        return;
    for (size_t i = 0; i < spec->layer_count; i++)
        free(spec->layers[i].source.transform.mean_file);
    free(spec->file);
    free(spec->files[0]);
    free(spec->files[1]);
    free(spec->text);
    free(spec->layers);
    free(spec);
}

const char *clr_net_text(const struct clr_net_spec *spec)
{
    return spec->text;
}

/* Of an Input layer the first dimension says nothing about training. */
int clr_net_batch(const struct clr_net_spec *spec)
{
    int batch = 0;

    for (size_t i = 0; i < spec->layer_count && batch == 0; i++)
        if ((spec->layers[i].phases & PHASE_TRAIN) && spec->layers[i].class != &layer_input)
            batch = spec->layers[i].source.batch_size;
    return batch;
}

struct clr_image_shape clr_net_input(const struct clr_net_spec *spec)
{
    return spec->input;
}
