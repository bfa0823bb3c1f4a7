/* JSON files: see json.h. */
#include "base/json.h"

#include <clr/version.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

json_t *json_parse(const char *text, size_t size, json_error_t *e)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES, e);
}

json_t *json_text(const char *text)
{
    json_t *value;
    char *copy;

    if (str_duplicate(&copy, text, NULL) < 0)
        return NULL;
    str_make_utf8(copy);
    value = json_string(copy);
    free(copy);
    return value;
}

json_t *json_count(uint64_t value)
{
    char digits[24];

    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return json_string(digits);
}

bool json_count_value(uint64_t *out, const json_t *json)
{
    if (json_is_string(json))
        return str_parse_u64(json_string_value(json), 0, UINT64_MAX, out);
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return false;
    *out = (uint64_t)json_integer_value(json);
    return true;
}

json_t *json_finite(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_append(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *json_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == 0)
        return object;
    json_decref(object);
    return NULL;
}

int json_read_text(json_t **out, const char *path, const char *text, size_t size, struct clr_error *err)
{
    json_error_t e;
    json_t *json = json_parse(text, size, &e);

    if (!json)
        return clr_error_set(err, CLR_EINPUT, "%s:%d: %s", path, e.line > 0 ? e.line : 1, e.text);
    *out = json;
    return 0;
}

int json_read(json_t **out, const char *path, size_t limit, struct clr_error *err)
{
    char *text;
    size_t size;
    int rc = fs_read(path, limit, &text, &size, err);

    if (rc < 0)
        return rc;
    rc = json_read_text(out, path, text, size, err);
    free(text);
    return rc;
}

int json_check_format(const json_t *root, const char *path, int format, struct clr_error *err)
{
    const json_t *has = json_object_get(root, "format");
    const char *version = json_string_value(json_object_get(root, "version"));

    if (!json_is_integer(has) || json_integer_value(has) == format)
        return 0;
    return clr_error_set(err, CLR_EINPUT,
                         "'%s' has format %" JSON_INTEGER_FORMAT "%s%.40s; this is clr-cl " CLR_VERSION
                         ", which reads format %d: use the version that wrote it",
                         path, json_integer_value(has), version ? ", of clr-cl " : "", version ? version : "",
                         format);
}

int json_read_run(json_t **out, const char *path, struct clr_error *err)
{
    json_t *run = NULL;
    int rc = json_read(&run, path, JSON_LIMIT_RUN, err);

    if (rc == 0)
        rc = json_check_format(run, path, JSON_FORMAT_RUN, err);
    if (rc < 0)
        json_decref(run);
    else
        *out = run;
    return rc;
}

int json_write(const char *path, json_t *root, int digits, struct clr_error *err)
{
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits));
    size_t size;
    int rc;

    json_decref(root);
    if (!text)
        return clr_error_set(err, CLR_ENOMEM, "cannot make %s: out of memory", path);
    size = strlen(text);
    text[size] = '\n'; /* in place of the NUL */
    rc = fs_write_atomic(path, text, size + 1, err);
    free(text);
    return rc;
}
