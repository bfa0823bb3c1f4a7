/* `net layers`: the types of layers and their fields, from the rows of layers.h, as text for people. */
#include <clr/net.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/layer.h"

#define NAME_COLUMN 18 /* where the text after a name begins */

/* ------------------------------------------------------------------ one field */

static void list_words(struct str *s, const struct field *f)
{
    const char *quote = f->kind == FIELD_NAME ? "\"" : "";

    for (int i = 0; f->words[i]; i++)
        str_append(s, "%s%s%s%s", i > 0 ? ", " : "", quote, f->words[i], quote);
}

/* Limits that nobody reaches are not printed. */
static void number_takes(struct str *s, const char *what, const struct field *f)
{
    const bool least = fabs(f->least) < 1e5, most = fabs(f->most) < 1e5;

    str_append(s, "%s", what);
    if (least && most)
        str_append(s, ", %g to %g", f->least, f->most);
    else if (least)
        str_append(s, " of at least %g", f->least);
}

static void takes(struct str *s, const struct field *f)
{
    switch (f->kind) {
    case FIELD_INT:
        number_takes(s, "whole number", f);
        break;
    case FIELD_FLOAT:
    case FIELD_DOUBLE:
        number_takes(s, "number", f);
        break;
    case FIELD_FLAG:
        str_append(s, "true or false");
        break;
    case FIELD_WORD:
    case FIELD_NAME:
        list_words(s, f);
        break;
    case FIELD_PAIR:
        str_append(s, "whole number; twice: height, width");
        if (f->words)
            str_append(s, "; or %s and %s", f->words[0], f->words[1]);
        break;
    case FIELD_BLOCK:
        str_append(s, "block { ... }");
        break;
    case FIELD_OWN:
        str_append(s, "%s", f->takes);
        break;
    case FIELD_ONLY:
        str_append(s, "only %g", f->usual);
        break;
    case FIELD_FALSE:
        str_append(s, "only false");
        break;
    case FIELD_UNUSED:
    case FIELD_UNSUPPORTED:
        break;
    }
}

static void usual(struct str *s, const struct field *f)
{
    const int word = (int)f->usual;

    if (f->required)
        str_append(s, "; required");
    else if (f->kind == FIELD_FLAG)
        str_append(s, "; default %s", f->usual != 0.0 ? "true" : "false");
    else if (f->kind == FIELD_WORD || f->kind == FIELD_NAME)
        str_append(s, "; default %s", f->words[word]);
    else if (f->kind <= FIELD_PAIR &&
             (f->kind == FIELD_FLOAT || f->kind == FIELD_DOUBLE || f->usual >= f->least))
        str_append(s, "; default %g", f->usual);
}

/* "  name            meaning (what it takes; default)" */
static void append_entry(struct str *s, int indent, const char *name, const char *text)
{
    const int width = NAME_COLUMN - indent;
    const size_t length = strlen(name);
    const bool wide = length >= (size_t)width;

    str_append(s, "%*s%-*s%s", indent, "", width, name, wide ? " " : "");
    str_append_wrapped(s, text, NAME_COLUMN, wide ? (size_t)indent + length + 1 : NAME_COLUMN);
}

static void append_fields(struct str *s, const struct field *fields, int indent)
{
    struct str text = {0};
    bool again; /* the same block as before */

    for (const struct field *f = fields; f->name; f++) {
        if (f->kind == FIELD_UNUSED || f->kind == FIELD_UNSUPPORTED)
            continue;
        str_clear(&text);
        again = false;
        for (const struct field *before = fields; before < f; before++)
            again |= f->kind == FIELD_BLOCK && before->fields == f->fields;
        str_append(&text, "%s (", f->help);
        takes(&text, f);
        usual(&text, f);
        str_append(&text, "%s)", again ? ", likewise" : "");
        append_entry(s, indent, f->name, str_text(&text));
        if (f->kind == FIELD_BLOCK && !again)
            append_fields(s, f->fields, indent + 2);
    }
    s->failed |= text.failed;
    str_clear(&text);
}

/* ", engine, weight_filler.sparse"; a block that comes twice has its names once. */
static void append_of_kind(struct str *s, const struct field *fields, enum field_kind kind, const char *block)
{
    for (const struct field *f = fields; f && f->name; f++) {
        bool again = false;
        for (const struct field *before = fields; before < f; before++)
            again |= f->fields && before->fields == f->fields;
        if (f->kind == kind)
            str_append(s, ", %s%s%s", block ? block : "", block ? "." : "", f->name);
        else if (f->kind == FIELD_BLOCK && !again)
            append_of_kind(s, f->fields, kind, f->name);
    }
}

/* "Without effect: engine, source" */
static void append_names(struct str *s, const struct layer_class *class, enum field_kind kind,
                         const char *title)
{
    const bool several = class->blocks[1].fields && class->blocks[1].name;
    struct str names = {0}, text = {0};

    for (int i = 0; i < LAYER_BLOCKS; i++)
        append_of_kind(&names, class->blocks[i].fields, kind, several ? class->blocks[i].name : NULL);
    if (names.length > 0) {
        str_append(&text, "%s: %s", title, names.text + sizeof ", " - 1);
        str_append(s, "\n");
        str_append_wrapped(s, str_text(&text), 2, 0);
    }
    s->failed |= text.failed || names.failed;
    str_clear(&names);
    str_clear(&text);
}

/* ------------------------------------------------------------------ one layer, and all */

static void append_layer(struct str *s, const struct layer_class *class)
{
    const char *more = class->flags & LAYER_MORE_BOTTOMS ? " or more" : "";

    str_append(s, "%s: %s\n", class->type, class->help);
    str_append(s, "bottom: %d%s%s; top: %s%s\n", class->bottoms, more,
               class->flags & LAYER_LABELS   ? ", the last the labels"
               : class->flags & LAYER_TARGET ? ", the last any value or the labels"
                                             : "",
               class->flags & LAYER_NO_TOP       ? "none"
               : class->flags & LAYER_MORE_TOPS  ? "1 or more"
               : class->flags & LAYER_SECOND_TOP ? "1 or 2"
               : class->flags & LAYER_LOSS       ? "0 or 1"
                                                 : "1",
               class->flags & LAYER_IN_PLACE ? ", may be the bottom" : "");
    if (class->params)
        str_append(s, "param { name lr_mult decay_mult }: %s\n", class->params);
    for (int i = 0; i < LAYER_BLOCKS; i++) {
        const struct layer_block *block = &class->blocks[i];
        if (block->fields && block->name)
            str_append(s, "\n%s { ... }%s\n", block->name,
                       i == 0 && (class->flags & LAYER_NEEDS_BLOCK) ? ", required" : "");
        if (block->fields)
            append_fields(s, block->fields, block->name ? 2 : 0);
    }
    append_names(s, class, FIELD_UNUSED, "Without effect");
    append_names(s, class, FIELD_UNSUPPORTED, "Not supported");
}

static void append_all(struct str *s)
{
    static const struct {
        const char *name, *text;
    } common[] = {
        {"name", "a name of its own, in quotes; required"},
        {"type", "one of the types above, in quotes; required"},
        {"bottom, top", "names of what it reads and of what it makes, in quotes"},
        {"param",
         "{ name lr_mult decay_mult }, of its weights, and once more of its biases: lr_mult and "
         "decay_mult are factors of the learning rate and of the weight decay, default 1; parameters "
         "of one name are shared"},
        {"include, exclude", "{ phase: TRAIN } or { phase: TEST }: in which phase the layer is used"},
    };

    for (size_t i = 0; i < layer_class_count; i++)
        append_entry(s, 0, layer_classes[i]->type, layer_classes[i]->help);
    str_append(s, "\nFields of every layer:\n");
    for (size_t i = 0; i < MEM_COUNT(common); i++)
        append_entry(s, 0, common[i].name, common[i].text);
}

int clr_net_layers(char **text, const char *type, struct clr_error *err)
{
    const char **names = NULL;
    char known[STR_KNOWN];
    struct str s = {0};
    int rc = 0;

    if (!type)
        append_all(&s);
    for (size_t i = 0; type && i < layer_class_count; i++)
        if (strcmp(type, layer_classes[i]->type) == 0)
            append_layer(&s, layer_classes[i]);
    if (s.length > 0 || s.failed)
        return str_take(text, &s, err);
    rc = layer_types(&names, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "unknown layer type '%.60s'%s", type,
                           str_known(known, type, names));
    free(names);
    return rc;
}
