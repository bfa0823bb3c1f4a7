/* Kernel sources: see source.h. One of the three files that read the environment: CLR_CL_DIR. */
#include "ocl/source.h"

#include <stdlib.h>
#include <string.h>

#define COMMON      "common.clh"
#define LIMIT_BYTES (4U << 20)
#define NAME_SIZE   64

/* false where no such file is embedded. */
static bool append_embedded(struct str *out, const char *file)
{
    for (const struct source_file *f = source_files; f->name; f++) {
        if (strcmp(f->name, file) != 0)
            continue;
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
    str_append_bytes(out, text, size);
    str_append(out, "\n");
out:
    free(text);
    free(path);
    return rc;
}

/* A header that a folder of CLR_CL_DIR does not have is the built-in one. */
static int append_header(struct str *out, const char *dir, const char *file, struct clr_error *err)
{
    str_append(out, "#line 1 \"cl/%s\"\n", file);
    if (dir && fs_exists_in(dir, file))
        return append_from(out, dir, file, err);
    if (append_embedded(out, file))
        return 0;
    return clr_error_set(err, CLR_EINPUT, "there is no kernel header cl/%s in this program", file);
}

/* Is the line `#include "NAME"`? */
static bool included(char name[NAME_SIZE], const char *line, size_t length)
{
    static const char start[] = "#include \"";
    const size_t begin = sizeof start - 1;

    if (length < begin + 2 || length - begin > NAME_SIZE || memcmp(line, start, begin) != 0 ||
        line[length - 1] != '"')
        return false;
    str_copy(name, length - begin, line + begin);
    return true;
}

/* `text` with the headers it includes in their places: a compiler of kernels has no folder to find them in.
 */
static int append_expanded(struct str *out, const char *text, const char *dir, const char *file,
                           struct clr_error *err)
{
    int rc = 0;

    str_append(out, "#line 1 \"cl/%s\"\n", file);
    for (int number = 1; *text && rc == 0; number++) {
        const size_t length = strcspn(text, "\n"), whole = length + (text[length] == '\n');
        char header[NAME_SIZE];
        if (included(header, text, length)) {
            rc = append_header(out, dir, header, err);
            str_append(out, "#line %d \"cl/%s\"\n", number + 1, file);
        } else {
            str_append_bytes(out, text, whole);
        }
        text += whole;
    }
    return rc;
}

int source_text(struct str *out, const char *file, struct clr_error *err)
{
    const char *dir = getenv("CLR_CL_DIR");
    struct str s = {0}, own = {0};
    int rc;

    if (dir && !*dir)
        dir = NULL;
    rc = append_header(&s, dir, COMMON, err);
    if (rc == 0 && dir)
        rc = append_from(&own, dir, file, err);
    else if (rc == 0 && !append_embedded(&own, file))
        rc = clr_error_set(err, CLR_EINPUT, "there is no kernel source cl/%s in this program", file);
    if (rc == 0)
        rc = str_check(&own, err);
    if (rc == 0)
        rc = append_expanded(&s, str_text(&own), dir, file, err);
    if (rc == 0)
        rc = str_check(&s, err);
    str_clear(&own);
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
    int rc = 0;

    for (const struct source_file *f = source_files; f->name && rc == 0; f++) {
        struct clr_error why = {0};
        struct str text = {0};
        if (strcmp(strchr(f->name, '.'), ".clh") == 0) /* stands where it is included */
            continue;
        if (source_text(&text, f->name, &why) < 0) /* a folder of CLR_CL_DIR need not have all */
            str_append(&text, "no %s\n", f->name);
        if (why.code == CLR_ENOMEM)
            rc = clr_error_set(err, CLR_ENOMEM, "%s", why.message);
        str_append_bytes(&all, str_text(&text), text.length);
        str_clear(&text);
    }
    if (rc == 0)
        rc = str_check(&all, err);
    if (rc == 0)
        fs_sha256(str_text(&all), all.length, out);
    str_clear(&all);
    return rc;
}
