/*
 * Descriptions of data sets, as text and as JSON: what `clr-cl data info` and `data list` print.
 */
#include <clr/dataset.h>

#include <stdlib.h>

#include <jansson.h>

#include "base/json.h"
#include "data/format.h"
#include "data/catalog.h"

/* Images of each class: of train, then of test. Free with free(). */
static int count_classes(size_t **out, const struct clr_dataset *ds, struct clr_error *err)
{
    int rc = mem_new(out, 2 * (size_t)ds->classes, sizeof **out, "counts of classes", err);

    for (int i = 0; rc == 0 && i < ds->train.count; i++)
        (*out)[ds->train.labels[i]]++;
    for (int i = 0; rc == 0 && i < ds->test.count; i++)
        (*out)[ds->classes + ds->test.labels[i]]++;
    return rc;
}

/* ---- info ---- */

static void append_classes(struct str *s, const struct clr_dataset *ds, const size_t *counts)
{
    char train[STR_COUNT], test[STR_COUNT];
    int width = 5;

    for (int i = 0; i < ds->classes; i++) {
        int n = (int)strlen(ds->class_names[i]);
        width = n > width && n <= 32 ? n : width;
    }
    str_append(s, "\n  label  %-*s   train    test\n", width, "class");
    for (int i = 0; i < ds->classes; i++)
        str_append(s, "  %5d  %-*s %7s %7s\n", i, width, ds->class_names[i], str_count(train, counts[i], ""),
                   str_count(test, counts[ds->classes + i], ""));
}

int clr_dataset_info(char **text, const struct clr_dataset *ds, struct clr_error *err)
{
    struct str s = {0};
    size_t *counts = NULL;
    int rc = count_classes(&counts, ds, err);

    if (rc < 0)
        return rc;
    str_append(&s, "name      %s\nfolder    %s\nformat    %s\n", ds->name, ds->path, ds->format);
    str_append(&s, "images    ");
    str_append_grouped(&s, (uint64_t)ds->train.count);
    str_append(&s, " for training, ");
    str_append_grouped(&s, (uint64_t)ds->test.count);
    str_append(&s, " for testing\n");
    str_append(&s, "shape     %d×%d×%d (channels × height × width), bytes\nclasses   %d\n", ds->channels,
               ds->height, ds->width, ds->classes);
    str_append(&s, "mean      ");
    for (int c = 0; c < ds->channels; c++)
        str_append(&s, "%s%.4f", c > 0 ? ", " : "", ds->channel_mean[c]);
    str_append(&s, " of 255, by channel, training images\nsha256    %s\n", ds->checksum);
    append_classes(&s, ds, counts);
    free(counts);
    return str_take(text, &s, err);
}

/* Text of a JSON value with a newline; takes the reference. */
static int dump(char **text, json_t *json, struct clr_error *err)
{
    struct str s = {0};
    char *dumped = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    json_decref(json);
    if (!dumped)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for JSON");
    str_append(&s, "%s\n", dumped);
    free(dumped);
    return str_take(text, &s, err);
}

static json_t *json_classes(const struct clr_dataset *ds, const size_t *counts)
{
    json_t *list = json_array();

    for (int i = 0; i < ds->classes; i++)
        list = json_append(list, json_pack("{s:i,s:o,s:I,s:I}", "label", i, "name",
                                           json_text(ds->class_names[i]), "train", (json_int_t)counts[i],
                                           "test", (json_int_t)counts[ds->classes + i]));
    return list;
}

int clr_dataset_info_json(char **text, const struct clr_dataset *ds, struct clr_error *err)
{
    size_t *counts = NULL;
    json_t *mean;
    int rc = count_classes(&counts, ds, err);

    if (rc < 0)
        return rc;
    mean = json_array();
    for (int c = 0; c < ds->channels; c++)
        mean = json_append(mean, json_real(ds->channel_mean[c]));
    rc = dump(text,
              json_pack("{s:o,s:o,s:s,s:i,s:i,s:[iii],s:o,s:s,s:o}", "name", json_text(ds->name), "path",
                        json_text(ds->path), "format", ds->format, "train", ds->train.count, "test",
                        ds->test.count, "shape", ds->channels, ds->height, ds->width, "mean", mean, "sha256",
                        ds->checksum, "classes", json_classes(ds, counts)),
              err);
    free(counts);
    return rc;
}

/* ---- list ---- */

int clr_dataset_list(char **text, struct clr_error *err)
{
    struct str s = {0};

    for (const struct catalog_entry *source = catalog; source->name; source++) {
        char *folder;
        int rc = catalog_locate(&folder, source, err);
        if (rc < 0) {
            str_clear(&s);
            return rc;
        }
        str_append(&s, "%-14s ", source->name);
        if (folder) {
            str_append(&s, "%s\n", folder);
        } else {
            str_append(&s, "not here; to get it: ");
            catalog_append_how(&s, source);
            str_append(&s, "\n");
        }
        free(folder);
    }
    return str_take(text, &s, err);
}

int clr_dataset_list_json(char **text, struct clr_error *err)
{
    json_t *list = json_array();

    for (const struct catalog_entry *source = catalog; list && source->name; source++) {
        struct str how = {0};
        char *folder;
        int rc = catalog_locate(&folder, source, err);
        if (rc < 0) {
            json_decref(list);
            return rc;
        }
        catalog_append_how(&how, source);
        list = json_append(list, json_pack("{s:s,s:o,s:o}", "name", source->name, "path",
                                           folder ? json_text(folder) : json_null(), "how_to_get",
                                           how.failed ? NULL : json_text(str_text(&how))));
        str_clear(&how);
        free(folder);
    }
    return dump(text, list, err);
}
