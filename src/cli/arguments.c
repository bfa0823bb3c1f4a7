/* The arguments that a run was begun with: see arguments.h. */
#include "cli/arguments.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fs.h"

#define LIMIT_RUN       ((size_t)64 << 20)
#define LIMIT_ARGUMENTS ((size_t)1000)

static int append(struct arguments *a, const char *text, struct clr_error *err)
{
    int rc = str_duplicate(&a->values[a->count], text, err);

    if (rc == 0)
        a->count++;
    return rc;
}

/* "arguments" of the run.json in a folder; NULL: there is none. */
static int read_kept(json_t **out, const char *folder, struct clr_error *err)
{
    char *path = NULL, *text = NULL;
    json_t *root = NULL, *list;
    size_t size, i;
    const json_t *value;
    int rc = fs_join(&path, folder, "run.json", err);

    *out = NULL;
    if (rc == 0 && fs_exists(path))
        rc = fs_read(path, LIMIT_RUN, &text, &size, err);
    if (rc < 0 || !text)
        goto out;
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    list = json_object_get(root, "arguments");
    json_array_foreach(list, i, value)
    {
        if (!json_is_string(value) || i >= LIMIT_ARGUMENTS) {
            rc = clr_error_set(err, CLR_EINPUT, "'%s' holds no arguments to go on with", path);
            goto out;
        }
    }
    *out = json_incref(list);
out:
    json_decref(root);
    free(path);
    free(text);
    return rc;
}

/* Where the run is, how it is watched: that is for each process to say. */
static bool is_passing(const char *text)
{
    static const char *const flags[] = {"--resume", "--quiet", "--json", "--profile"};

    for (size_t i = 0; i < MEM_COUNT(flags); i++)
        if (strcmp(text, flags[i]) == 0)
            return true;
    return strncmp(text, "--out=", 6) == 0;
}

static void choose_kept(struct arguments *a)
{
    size_t n = 0;

    for (int i = 1; i < a->count; i++) {
        if (strcmp(a->values[i], "--out") == 0)
            i++; /* and its value */
        else if (!is_passing(a->values[i]))
            a->kept[n++] = a->values[i];
    }
}

int arguments_make(struct arguments *out, const char *folder, int argc, char **argv, struct clr_error *err)
{
    struct arguments a = {0};
    json_t *list = NULL;
    const json_t *value;
    size_t size, i;
    int rc = folder ? read_kept(&list, folder, err) : 0;

    if (rc < 0)
        return rc;
    size = json_array_size(list) + (size_t)argc + 1;
    rc = mem_new(&a.values, size, sizeof *a.values, "arguments", err);
    if (rc == 0)
        rc = mem_new(&a.kept, size, sizeof *a.kept, "arguments", err);
    if (rc == 0)
        rc = append(&a, argv[0], err);
    json_array_foreach(list, i, value)
    {
        if (rc == 0)
            rc = append(&a, json_string_value(value), err);
    }
    for (int k = 1; k < argc && rc == 0; k++)
        rc = append(&a, argv[k], err);
    json_decref(list);
    if (rc < 0) {
        arguments_clear(&a);
        return rc;
    }
    choose_kept(&a);
    *out = a;
    return 0;
}

void arguments_clear(struct arguments *a)
{
    for (int i = 0; i < a->count; i++)
        free(a->values[i]);
    free(a->values);
    free(a->kept);
    *a = (struct arguments){0};
}
