/* The nets of a solver's file: see solver_net.h. */
#include "net/solver_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/fs.h"
#include "base/log.h"

static const struct {
    const char *name;
    bool inside; /* the field is the net, and not its file's name */
} of_training[] = {{"net", false}, {"net_param", true}, {"train_net", false}, {"train_net_param", true}},
  of_evaluation[] = {{"test_net_param", true}, {"test_net", false}};

bool solver_nets_are_in(const struct prototxt *doc)
{
    bool solver = false, layers = false;

    for (size_t i = doc->fields[0].first; i; i = doc->fields[i].next) {
        const char *name = doc->fields[i].name;
        for (size_t k = 0; k < MEM_COUNT(of_training); k++)
            solver |= strcmp(name, of_training[k].name) == 0;
        solver |= strcmp(name, "base_lr") == 0 || strcmp(name, "lr_policy") == 0;
        layers |= strcmp(name, "layer") == 0 || strcmp(name, "layers") == 0;
    }
    return solver && !layers;
}

/* ------------------------------------------------------------------ finding */

static int find_file(char **out, struct prototxt *doc, const struct pt_field *field, struct clr_error *err)
{
    const char *path = "";
    int rc = pt_value_text(doc, field, &path, err);

    if (rc == 0 && !path[0])
        rc = pt_error(doc, field, err, "'%s' is empty; it takes a net's name or file", field->name);
    if (rc < 0 || !fs_is_path(path)) /* one that is built in, or nothing */
        return rc < 0 ? rc : str_duplicate(out, path, err);
    rc = fs_find_named(out, path, doc->file, err);
    if (rc == 0 && !fs_exists(*out))
        rc =
            pt_error(doc, field, err, "the net '%.200s' is neither there nor beside the solver's file", path);
    return rc;
}

static size_t number_of(const struct pt_reader *r, const struct pt_field *field)
{
    return (size_t)(field - r->doc->fields);
}

/* One of of_training[] has to be given. */
static int find_training(struct solver_nets *out, struct pt_reader *r, struct clr_error *err)
{
    struct pt_field *found = NULL, *field;
    size_t which = 0;

    for (size_t k = 0; k < MEM_COUNT(of_training); k++) {
        const int rc = pt_only(r, of_training[k].name, &field, err);
        if (rc < 0)
            return rc;
        if (rc > 0 && found)
            return pt_error(r->doc, field, err, "give '%s' or '%s', not both", found->name, field->name);
        if (rc > 0) {
            found = field;
            which = k;
        }
    }
    if (!found)
        return pt_error(r->doc, r->message, err,
                        "there is no net: give 'net', or 'train_net', or 'net_param'");
    out->field[0] = number_of(r, found);
    return of_training[which].inside ? pt_value_message(r->doc, found, err)
                                     : find_file(&out->path[0], r->doc, found, err);
}

/* The first field of those names; *count: how many there are. */
static void find_evaluation(struct solver_nets *out, struct pt_reader *r, int *count)
{
    for (size_t k = 0; k < MEM_COUNT(of_evaluation); k++)
        for (struct pt_field *f = NULL; pt_next(r, of_evaluation[k].name, &f); (*count)++)
            if (*count == 0)
                out->field[1] = number_of(r, f);
}

/* The field of the net of evaluation, and where it is. */
static int find_test(struct solver_nets *out, struct pt_reader *r, bool quiet, struct clr_error *err)
{
    const struct pt_field *field;
    int count = 0, rc;

    out->field[1] = out->field[0];
    find_evaluation(out, r, &count);
    field = &r->doc->fields[out->field[1]];
    if (count > 1 && !quiet)
        log_line(CLR_LOG_INFO, "%s:%d: '%s' is the first of %d test nets: it is evaluated, and no other",
                 r->doc->file, field->line, field->name, count);
    if (count == 0) {
        out->one = true;
        return out->path[0] ? str_duplicate(&out->path[1], out->path[0], err) : 0;
    }
    if (strcmp(field->name, "test_net_param") == 0)
        return pt_value_message(r->doc, field, err);
    rc = find_file(&out->path[1], r->doc, field, err);
    out->one = rc == 0 && out->path[0] && strcmp(out->path[0], out->path[1]) == 0;
    return rc;
}

static int find_states(struct solver_nets *out, struct pt_reader *r, bool quiet, struct clr_error *err)
{
    struct pt_field *state, *first = NULL, *next = NULL;
    int count = 0, rc = pt_only(r, "train_state", &state, err);

    if (rc > 0)
        rc = state_read(&out->states, PHASE_TRAIN, r->doc, state, quiet, err);
    for (; pt_next(r, "test_state", &next); count++)
        first = first ? first : next;
    if (rc == 0 && first)
        rc = state_read(&out->states, PHASE_TEST, r->doc, first, quiet, err);
    if (count > 1 && !quiet)
        log_line(CLR_LOG_INFO, "%s:%d: 'test_state' is the first of %d: it is evaluated, and no other",
                 r->doc->file, first->line, count);
    return rc;
}

void solver_nets_skip(struct pt_reader *r)
{
    for (size_t k = 0; k < MEM_COUNT(of_training); k++)
        for (struct pt_field *f = NULL; pt_next(r, of_training[k].name, &f);)
            continue;
    for (size_t k = 0; k < MEM_COUNT(of_evaluation); k++)
        for (struct pt_field *f = NULL; pt_next(r, of_evaluation[k].name, &f);)
            continue;
}

int solver_nets_find(struct solver_nets *out, struct pt_reader *r, bool quiet, struct clr_error *err)
{
    int rc;

    *out = (struct solver_nets){.one = false};
    solver_nets_skip(r); /* after a fault in one of them, the others are no unknown fields */
    rc = find_states(out, r, quiet, err);
    if (rc == 0)
        rc = find_training(out, r, err);
    if (rc == 0)
        rc = find_test(out, r, quiet, err);
    return rc;
}

void solver_nets_clear(struct solver_nets *nets)
{
    free(nets->path[0]);
    free(nets->path[1]);
    *nets = (struct solver_nets){.one = false};
}

static bool is_usual(const struct net_state *state)
{
    return !state->has_level && state->stage_count == 0;
}

bool solver_nets_plain(const struct solver_nets *nets)
{
    return nets->one && nets->path[0] && is_usual(&nets->states.phase[0]) && is_usual(&nets->states.phase[1]);
}

/* ------------------------------------------------------------------ one text */

/* A net that is read: of a file of its own, or a message of the solver's. */
struct part {
    struct prototxt own; /* parsed, of a file of its own */
    struct prototxt *doc;
    size_t message;
    char *text;            /* of a file of its own */
    const char *from, *to; /* of all its fields */
};

static int open_part(struct part *part, const struct solver_nets *nets, int k, struct clr_net_spec *spec,
                     struct prototxt *doc, struct clr_error *err)
{
    const struct pt_field *field = &doc->fields[nets->field[k]];
    size_t size = 0;
    int rc;

    if (!nets->path[k]) {
        part->doc = doc;
        part->message = nets->field[k];
        part->from = spec->text + field->begin;
        part->to = spec->text + field->end;
        return str_duplicate(&spec->files[k], spec->file, err);
    }
    rc = embedded_open(&spec->files[k], &part->text, &size, embedded_nets, embedded_nets_names, "net",
                       nets->path[k], PT_LIMIT_BYTES, err);
    if (rc == 0)
        rc = prototxt_parse(&part->own, spec->files[k], part->text, size, err);
    if (rc < 0)
        return rc;
    part->doc = &part->own;
    part->from = part->text;
    part->to = part->text + size;
    if (size >= 3 && memcmp(part->text, "\xef\xbb\xbf", 3) == 0)
        part->from += 3; /* a byte-order mark */
    return 0;
}

static void append_state(struct str *out, const char *name, const struct net_state *state)
{
    if (is_usual(state))
        return;
    str_append(out, "%s {", name);
    if (state->has_level)
        str_append(out, " level: %d", state->level);
    for (int i = 0; i < state->stage_count; i++) {
        str_append(out, " stage: \"");
        for (const char *p = state->stages[i]; *p; p++)
            str_append(out, (unsigned char)*p < ' ' || *p == '"' || *p == '\\' ? "\\%03o" : "%c",
                       (unsigned char)*p);
        str_append(out, "\"");
    }
    str_append(out, " }\n");
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without the space around it, so that the text of such a text is the same again. */
static void append_net(struct str *out, const char *name, const struct part *part)
{
    const char *from = part->from, *to = part->to;

    while (from < to && is_space(*from))
        from++;
    while (to > from && is_space(to[-1]))
        to--;
    str_append(out, "%s {\n", name);
    str_append_bytes(out, from, (size_t)(to - from));
    str_append(out, "\n}\n");
}

/* The text to be stored, which must be readable itself. */
static int compose(char **out, const struct solver_nets *nets, const struct part parts[2], const char *file,
                   struct clr_error *err)
{
    struct prototxt doc = {0};
    struct str text = {0};
    int rc;

    append_state(&text, "train_state", &nets->states.phase[0]);
    append_state(&text, "test_state", &nets->states.phase[1]);
    append_net(&text, nets->one ? "net_param" : "train_net_param", &parts[0]);
    if (!nets->one)
        append_net(&text, "test_net_param", &parts[1]);
    rc = str_check(&text, err);
    if (rc == 0)
        rc = prototxt_parse(&doc, file, str_text(&text), text.length, err);
    if (rc == CLR_EINPUT)
        clr_error_prefix(err, "the nets of '%s' together", file);
    prototxt_clear(&doc);
    if (rc == 0)
        return str_take(out, &text, err);
    str_clear(&text);
    return rc;
}

static int read_part(struct clr_net_spec *spec, struct part *part, const struct spec_part *how,
                     struct clr_error *err)
{
    int rc = spec_read_net(spec, part->doc, how, err);

    return part->doc == &part->own ? pt_finish(&part->own, rc, err) : rc;
}

/* A text that is given must not make the program open files. */
static int refuse_files(struct prototxt *doc, struct clr_error *err)
{
    for (size_t i = doc->fields[0].first; i; i = doc->fields[i].next)
        if (str_index(doc->fields[i].name, (const char *const[]){"net", "train_net", "test_net", NULL}) >= 0)
            return pt_error(doc, &doc->fields[i], err, "a net in memory cannot name a file");
    return 0;
}

int solver_nets_read(struct clr_net_spec *spec, struct prototxt *doc, bool files, bool quiet,
                     struct clr_error *err)
{
    struct part parts[2] = {{.text = NULL}};
    struct solver_nets nets = {.one = false};
    struct pt_reader r;
    char *text = NULL;
    int rc = files ? 0 : refuse_files(doc, err), count;

    pt_open(&r, doc, NULL);
    if (rc == 0)
        rc = solver_nets_find(&nets, &r, quiet, err);
    count = nets.one ? 1 : 2;
    for (int k = 0; k < count && rc == 0; k++)
        rc = open_part(&parts[k], &nets, k, spec, doc, err);
    if (rc == 0)
        rc = compose(&text, &nets, parts, spec->file, err);
    for (int k = 0; k < count && rc == 0; k++) {
        const struct spec_part how = {.message = parts[k].message,
                                      .file = spec->files[k],
                                      .phases = nets.one ? PHASE_TRAIN | PHASE_TEST
                                                : k == 0 ? PHASE_TRAIN
                                                         : PHASE_TEST,
                                      .states = &nets.states,
                                      .quiet = quiet,
                                      .files = files};
        rc = read_part(spec, &parts[k], &how, err);
    }
    for (int k = 0; k < 2; k++) {
        prototxt_clear(&parts[k].own);
        free(parts[k].text);
    }
    solver_nets_clear(&nets);
    if (rc == 0) {
        free(spec->text);
        spec->text = text;
    } else {
        free(text);
    }
    return rc;
}
