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
