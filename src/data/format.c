/*
 * What the readers of data folders share: see format.h.
 */
#include "data/format.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"

#define MAX_NAMES_BYTES ((size_t)1 << 20)

int format_new_images(struct clr_images *images, const struct clr_dataset *ds, size_t count,
                      const char *source, struct clr_error *err)
{
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    char has[STR_COUNT], most[STR_COUNT];
    size_t size;
    int rc;

    if (count > INT_MAX || !clr_mul_size(&size, count, format_image_size(ds)) || size > DATA_MAX_BYTES)
        return clr_error_set(err, CLR_EINPUT, "'%s' has %s: more than fit into the %s of a data set", source,
                             str_count(has, count, "image"), str_count(most, DATA_MAX_BYTES, "byte"));
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

void format_clean_name(char *name)
{
    str_make_utf8(name);
    str_mask_name(name);
}

int format_name_classes(struct clr_dataset *ds, const char *const *names, struct clr_error *err)
{
    int rc = mem_new(&ds->class_names, (size_t)ds->classes, sizeof *ds->class_names, "class names", err);

    for (int i = 0; i < ds->classes && rc == 0; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", i);
        rc = str_duplicate(&ds->class_names[i], names ? names[i] : number, err);
        if (rc == 0)
            format_clean_name(ds->class_names[i]);
    }
    return rc;
}

int format_file_size(size_t *out, const char *path, const char *hint, struct clr_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return clr_error_set(err, CLR_EINPUT, "cannot read '%s': %s; %s", path, strerror(errno), hint);
    if (!S_ISREG(st.st_mode))
        return clr_error_set(err, CLR_EINPUT, "cannot read '%s': it is not a file", path);
    *out = (size_t)st.st_size;
    return 0;
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

int format_read_classes(struct clr_dataset *ds, const char *file, struct clr_error *err)
{
    char *path = NULL, *text = NULL, *lines[256], count[STR_COUNT], classes[STR_COUNT];
    size_t size;
    int rc = 0, n;

    if (!fs_exists_in(ds->path, file))
        return 0;
    rc = fs_join(&path, ds->path, file, err);
    if (rc == 0)
        rc = fs_read(path, MAX_NAMES_BYTES, &text, &size, err);
    if (rc < 0)
        goto out;
    n = cut_lines(text, lines, (int)MEM_COUNT(lines));
    if (n == ds->classes)
        rc = format_name_classes(ds, (const char *const *)lines, err);
    else
        log_line(CLR_LOG_WARNING, "'%s' has %s for %s: classes are numbered instead", path,
                 str_count(count, (uint64_t)n, "class name"),
                 str_count(classes, (uint64_t)ds->classes, "class"));
out:
    free(path);
    free(text);
    return rc;
}
