/* Kernel sources: see source.h. One of the three files that read the environment: CLR_CL_DIR. */
#include "ocl/source.h"

#include <stdlib.h>
#include <string.h>

#define COMMON      "common.clh"
#define LIMIT_BYTES (4U << 20)

/* false where no such file is embedded. */
static bool append_embedded(struct str *out, const char *file)
{
    for (const struct source_file *f = source_files; f->name; f++) {
        if (strcmp(f->name, file) != 0)
            continue;
        str_append(out, "#line 1 \"cl/%s\"\n", file);
        for (const char *const *line = f->lines; *line; line++)
            str_append_bytes(out, *line, strlen(*line));
        return true;
    }
    return false;
}

static int append_from(struct str *out, const char *dir, const char *file, struct clr_error *err)
{
    char *path = NULL, *text = NULL;
    size_t size;
    int rc = fs_join(&path, dir, file, err);

    if (rc < 0)
        goto out;
    rc = fs_read(path, LIMIT_BYTES, &text, &size, err);
    if (rc < 0) {
        rc = clr_error_prefix(err, "kernel source (CLR_CL_DIR is set)");
        goto out;
    }
    str_append(out, "#line 1 \"cl/%s\"\n", file);
    str_append_bytes(out, text, size);
    str_append(out, "\n");
out:
    free(text);
    free(path);
    return rc;
}

int source_text(struct str *out, const char *file, struct clr_error *err)
{
    const char *dir = getenv("CLR_CL_DIR");
    struct str s = {0};
    int rc = 0;

    if (dir && *dir) {
        if (append_from(&s, dir, COMMON, NULL) < 0)
            (void)append_embedded(&s, COMMON);
        rc = append_from(&s, dir, file, err);
    } else {
        (void)append_embedded(&s, COMMON);
        if (!append_embedded(&s, file))
            rc = clr_error_set(err, CLR_EINPUT, "there is no kernel source cl/%s in this program", file);
    }
    if (rc == 0)
        rc = str_check(&s, err);
    if (rc < 0) {
        str_clear(&s);
        return rc;
    }
    for (size_t i = 0; i < s.length; i++) {
        if ((unsigned char)s.text[i] >= 0x80)
            s.text[i] = '.';
    }
    *out = s;
    return 0;
}

int source_hash(char out[FS_SHA256_TEXT], struct clr_error *err)
{
    struct str all = {0};
    int rc;

    for (const struct source_file *f = source_files; f->name; f++) {
        struct str text = {0};
        if (strcmp(f->name, COMMON) == 0) /* stands in front of all others */
            continue;
        if (source_text(&text, f->name, NULL) < 0) /* a folder of CLR_CL_DIR need not have all */
            str_append(&text, "no %s\n", f->name);
        str_append_bytes(&all, str_text(&text), text.length);
        str_clear(&text);
    }
    rc = str_check(&all, err);
    if (rc == 0)
        fs_sha256(str_text(&all), all.length, out);
    str_clear(&all);
    return rc;
}
