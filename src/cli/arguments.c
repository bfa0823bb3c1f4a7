/* The arguments that a run began with: see arguments.h. */
#include "cli/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#define LIMIT_ARGUMENTS ((size_t)(2 * OPT_MAX + 1))

/* Options that run.json does not record: each process has its own. */
static bool is_passing(const char *name)
{
    static const char *const names[] = {"out", "resume", "solver", "seeds", "quiet", "json", "profile"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static const char *text_at(const json_t *list, size_t i)
{
    return json_string_value(json_array_get(list, i));
}

static const struct opt *option_at(const json_t *list, size_t i, const struct opt_set *set)
{
    const char *text = text_at(list, i);

    return text && strncmp(text, "--", 2) == 0 ? opt_find(set, text + 2) : NULL;
}

/* Is it what arguments_to_keep() writes: a command, and each option once, before the value that it takes? */
static bool are_kept(const json_t *list, const struct opt_set *set)
{
    bool seen[OPT_MAX] = {false};

    if (json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > LIMIT_ARGUMENTS || !text_at(list, 0))
        return false;
    for (size_t i = 1; i < json_array_size(list); i++) {
        const struct opt *o = option_at(list, i, set);
        if (!o || is_passing(o->name) || seen[o - set->options] ||
            (o->kind != OPT_FLAG && !text_at(list, ++i)))
            return false;
        seen[o - set->options] = true;
    }
    return true;
}

/* "arguments" of the run.json in a folder, a new reference; NULL or null: there are none. */
static int read_kept(json_t **out, const char *folder, const struct opt_set *set, const char *command,
                     struct clr_error *err)
{
    char *path = NULL;
    json_t *root = NULL, *list;
    const char *was;
    int rc = fs_join(&path, folder, "run.json", err);

    *out = NULL;
    if (rc == 0 && fs_exists(path))
        rc = json_read_run(&root, path, err);
    if (rc < 0 || !root)
        goto out;
    list = json_object_get(root, "arguments");
    was = text_at(list, 0);
    if (was && strcmp(was, command) != 0)
        rc =
            clr_error_set(err, CLR_EUSAGE,
                          "the run in '%s' began with '%.40s': resume it with clr-cl %.40s --resume --out %s",
                          folder, was, was, folder);
    else if (!list || !are_kept(list, set))
        rc = clr_error_set(err, CLR_EINPUT,
                           "'%s' is damaged, or of another version: the run cannot be resumed from it", path);
    else
        *out = json_incref(list);
out:
    json_decref(root);
    free(path);
    return rc;
}

/* Either of these options gives the length of a run, and replaces both. */
static bool is_length(const char *name)
{
    return strcmp(name, "iterations") == 0 || strcmp(name, "cycles") == 0;
}

static int add_option(struct opt_set *set, bool length, const char *name, const char *value,
                      struct clr_error *err)
{
    return length && is_length(name) ? 0 : opt_add_value(set, name, value, err);
}

static bool has_length(const struct opt_set *set)
{
    return opt_given(set, "iterations") || opt_given(set, "cycles");
}

int arguments_add(struct opt_set *set, const struct solver *solver, const char *folder, const char *command,
                  struct clr_error *err)
{
    bool length = has_length(set);
    json_t *list = NULL;
    int rc = folder ? read_kept(&list, folder, set, command, err) : 0;

    for (size_t i = 0; i < solver->count && rc == 0; i++)
        rc = add_option(set, length, solver->options[i].name, solver->options[i].value, err);
    length = has_length(set);
    for (size_t i = 1; i < json_array_size(list) && rc == 0; i++) {
        const struct opt *o = option_at(list, i, set);
        rc = add_option(set, length, o->name, o->kind == OPT_FLAG ? NULL : text_at(list, ++i), err);
    }
    json_decref(list);
    return rc;
}

/* ---- recording ----------------------------------------------------------------------------------------- */

static int append(struct arguments *a, const char *text, struct clr_error *err)
{
    const int rc = str_duplicate(&a->values[a->count], text, err);

    a->count += rc == 0;
    return rc;
}

static int append_option(struct arguments *a, const char *name, const char *value, struct clr_error *err)
{
    struct str text = {0};
    int rc;

    str_append(&text, "--%s", name);
    rc = str_take(&a->values[a->count], &text, err);
    a->count += rc == 0;
    return rc == 0 && value ? append(a, value, err) : rc;
}

/* Take *a over into *out, or free it after an error. */
static int finish(struct arguments *out, struct arguments *a, int rc)
{
    if (rc < 0)
        arguments_clear(a);
    else
        *out = *a;
    return rc;
}

int arguments_to_keep(struct arguments *out, const char *command, const struct opt_set *set,
                      struct clr_error *err)
{
    struct arguments a = {0};
    int rc =
        mem_new(&a.values, 2 * set->count + 2, sizeof *a.values, "arguments", err); /* every option fits */

    if (rc == 0)
        rc = append(&a, command, err);
    for (size_t i = 0; i < set->count && rc == 0; i++)
        if (set->given[i] && !is_passing(set->options[i].name))
            rc = append_option(&a, set->options[i].name, set->texts[i], err);
    return finish(out, &a, rc);
}

int arguments_set(struct arguments *a, const char *name, const char *value, struct clr_error *err)
{
    char *copy;
    int rc, i = 1;

    while (i + 1 < a->count && (strncmp(a->values[i], "--", 2) != 0 || strcmp(a->values[i] + 2, name) != 0))
        i++;
    if (i + 1 >= a->count)
        return append_option(a, name, value, err);
    rc = str_duplicate(&copy, value, err);
    if (rc < 0)
        return rc;
    free(a->values[i + 1]);
    a->values[i + 1] = copy;
    return 0;
}

void arguments_clear(struct arguments *a)
{
    for (int i = 0; i < a->count; i++)
        free(a->values[i]);
    free(a->values);
    *a = (struct arguments){0};
}
