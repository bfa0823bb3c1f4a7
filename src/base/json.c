/* JSON files: see json.h. */
#include "base/json.h"

#include <stdlib.h>

#include "base/fs.h"

int json_read(json_t **out, const char *path, size_t limit, struct clr_error *err)
{
    json_error_t e;
    json_t *json;
    char *text;
    size_t size;
    int rc = fs_read(path, limit, &text, &size, err);

    if (rc < 0)
        return rc;
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
    free(text);
    if (!json)
        return clr_error_set(err, CLR_EINPUT, "%s:%d: %s", path, e.line > 0 ? e.line : 1, e.text);
    *out = json;
    return 0;
}

int json_write(const char *path, json_t *root, int digits, struct clr_error *err)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits)) : NULL;
    struct str out = {0};
    int rc;

    json_decref(root);
    if (!text)
        return clr_error_set(err, CLR_ENOMEM, "cannot make %s: out of memory, or a name that is not UTF-8",
                             path);
    str_append(&out, "%s\n", text);
    free(text);
    rc = str_check(&out, err);
    if (rc == 0)
        rc = fs_write_atomic(path, str_text(&out), out.length, err);
    str_clear(&out);
    return rc;
}
