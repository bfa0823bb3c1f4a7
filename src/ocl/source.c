/* Kernel sources: see source.h. One of the three files that read the environment: CLR_CL_DIR. */
#include "ocl/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"

#define COMMON      "common.clh"
#define LIMIT_BYTES (4U << 20)
#define NAME_SIZE   64

static int append_from(struct str *out, const char *dir, const char *file, struct clr_error *err)
{
    char *path = NULL, *text = NULL;
    size_t size;
    int rc = fs_join(&path, dir, file, err);

    if (rc == 0)
        rc = fs_read(path, LIMIT_BYTES, &text, &size, err);
    if (rc == 0) {
        str_append_bytes(out, text, size);
        str_append(out, "\n");
    }
    free(text);
    free(path);
    if (rc < 0)
        clr_error_prefix(err, "kernel source (CLR_CL_DIR is set)");
    return rc;
}

/* The file of the folder, else the built-in one. */
static int append_file(struct str *out, const char *dir, const char *file, struct clr_error *err)
{
    if (dir && fs_exists_in(dir, file))
        return append_from(out, dir, file, err);
    for (size_t i = 0; i < embedded_kernels_count; i++) {
        if (strcmp(embedded_kernels[i].name, file) != 0)
            continue;
        str_append_bytes(out, embedded_kernels[i].text, embedded_kernels[i].size);
        return 0;
    }
    return clr_error_set(err, CLR_EINPUT, "there is no kernel source cl/%s in this program", file);
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

/* The file with the headers it includes in their places: a compiler of kernels has no folder to find them in.
 */
static int append_expanded(struct str *out, const char *dir, const char *file, struct clr_error *err)
{
    struct str own = {0};
    const char *text;
    int rc = append_file(&own, dir, file, err);

    str_append(out, "#line 1 \"cl/%s\"\n", file);
    text = str_text(&own);
    for (int number = 1; *text && rc == 0; number++) {
        const size_t length = strcspn(text, "\n"), whole = length + (text[length] == '\n');
        char header[NAME_SIZE];
        if (included(header, text, length)) {
            str_append(out, "#line 1 \"cl/%s\"\n", header);
            rc = append_file(out, dir, header, err);
            str_append(out, "#line %d \"cl/%s\"\n", number + 1, file);
        } else {
            str_append_bytes(out, text, whole);
        }
        text += whole;
    }
    out->failed = out->failed || own.failed;
    str_clear(&own);
    return rc;
}

int source_text(struct str *out, const char *file, struct clr_error *err)
{
    const char *dir = getenv("CLR_CL_DIR");
    struct str s = {0};
    int rc = 0;

    dir = dir && *dir ? dir : NULL;
    if (dir && !fs_is_dir(dir))
        return clr_error_set(err, CLR_EINPUT, "CLR_CL_DIR is '%s', which is not a folder", dir);
    rc = append_expanded(&s, dir, COMMON, err);
    if (rc == 0)
        rc = append_expanded(&s, dir, file, err);
    if (rc == 0)
        rc = str_check(&s, err);
    if (rc < 0) {
        str_clear(&s);
        return rc;
    }
    for (size_t i = 0; i < s.length; i++)
        if ((unsigned char)s.text[i] >= 0x80)
            s.text[i] = '.';
    *out = s;
    return 0;
}

int source_hash(char out[FS_SHA256_TEXT], struct clr_error *err)
{
    struct str all = {0};
    int rc = 0;

    for (size_t i = 0; i < embedded_kernels_count && rc == 0; i++) {
        const char *name = embedded_kernels[i].name;
        struct str text = {0};
        if (strcmp(strchr(name, '.'), ".clh") == 0) /* stands where it is included */
            continue;
        rc = source_text(&text, name, err);
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
