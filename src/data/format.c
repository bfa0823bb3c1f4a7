/*
 * What the readers of data folders share: see format.h.
 */
#include "data/format.h"

#include <limits.h>

#include "base/fs.h"
#include "base/log.h"

#define MAX_NAMES_BYTES ((size_t)1 << 20)

int format_new_images(struct clr_images *images, const struct clr_dataset *ds, size_t count,
                      const char *source, struct clr_error *err)
{
    const size_t one = (size_t)ds->channels * (size_t)ds->height * (size_t)ds->width;
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    size_t size;
    int rc;

    if (count > INT_MAX || !clr_mul_size(&size, count, one) || size > DATA_MAX_BYTES)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' has %zu images: more than fit into the %zu bytes of a data set", source,
                             count, DATA_MAX_BYTES);
    rc = mem_new_aligned(&pixels, size, "pixels of images", err);
    if (rc == 0)
        rc = mem_new(&labels, count, sizeof *labels, "labels of images", err);
    if (rc < 0) {
        free(pixels);
        return rc;
    }
    images->pixels = pixels;
    images->labels = labels;
    images->count = (int)count;
    return 0;
}

int format_number_classes(struct clr_dataset *ds, struct clr_error *err)
{
    char **names, text[16];
    int rc = mem_new(&names, (size_t)ds->classes, sizeof *names, "class names", err);

    if (rc < 0)
        return rc;
    ds->class_names = names;
    for (int i = 0; rc == 0 && i < ds->classes; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        rc = str_duplicate(&names[i], text, err);
    }
    return rc;
}

/* Names come from a file and go to terminals and into JSON: no control characters, valid UTF-8. */
static void clean(char *name)
{
    const bool valid = str_is_utf8(name);

    for (char *p = name; *p; p++)
        if (*p == '\t' || (!valid && (unsigned char)*p >= 0x80))
            *p = '?';
    str_mask(name);
}

/* Cut `text` into its lines that are not blank, in place; at most `max` are stored, all are counted. */
static int cut_lines(char *text, char **lines, int max)
{
    int n = 0;

    for (char *line = text, *next; line; line = next) {
        size_t length;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        length = strlen(line);
        while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' '))
            line[--length] = '\0';
        if (length == 0)
            continue;
        if (n < max)
            lines[n] = line;
        n++;
    }
    return n;
}

int format_read_classes(struct clr_dataset *ds, const char *path, struct clr_error *err)
{
    char *text, *lines[256], **names, count[STR_COUNT];
    size_t size;
    int rc, n;

    if (!fs_exists(path))
        return format_number_classes(ds, err);
    rc = fs_read(path, MAX_NAMES_BYTES, &text, &size, err);
    if (rc < 0)
        return rc;
    n = cut_lines(text, lines, (int)MEM_COUNT(lines));
    if (n != ds->classes) {
        log_line(CLR_LOG_WARNING, "'%s' has %s for %d classes: classes are numbered instead", path,
                 str_count(count, (uint64_t)n, "class name"), ds->classes);
        rc = format_number_classes(ds, err);
        goto out;
    }
    rc = mem_new(&names, (size_t)n, sizeof *names, "class names", err);
    if (rc < 0)
        goto out;
    ds->class_names = names;
    for (int i = 0; rc == 0 && i < n; i++) {
        clean(lines[i]);
        rc = str_duplicate(&names[i], lines[i], err);
    }
out:
    free(text);
    return rc;
}
