/* JSON files: see json.h. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/str.h"

#define RESERVE_LEAST ((size_t)64 << 10)
#define RESERVE_MOST  ((size_t)4 << 20)

/*
 * Jansson (2.14, load.c) does not look at what becomes of the text that it collects: where memory for it
 * cannot be had, a character is lost without a word, or an assertion fails. So it never sees that while it
 * reads: what malloc() does not give comes from a reserve, and is remembered.
 */
static struct {
    char *bytes;
    size_t size, used;
    bool needed;
} reserve;

static void *take(size_t size)
{
    void *bytes = malloc(size);

    if (bytes)
        return bytes;
    reserve.needed = true;
    size = (size + 15) / 16 * 16;
    if (size > reserve.size - reserve.used)
        return NULL;
    bytes = reserve.bytes + reserve.used;
    reserve.used += size;
    return bytes;
}

static void give_back(void *bytes)
{
    const uintptr_t at = (uintptr_t)bytes, begin = (uintptr_t)reserve.bytes;

    if (at < begin || at >= begin + reserve.size)
        free(bytes);
}

json_t *json_parse(const char *text, size_t size, json_error_t *e, bool *no_memory)
{
    json_malloc_t malloc_before;
    json_free_t free_before;
    json_t *json;

    reserve.needed = false;
    reserve.used = 0;
    reserve.size = RESERVE_LEAST + (size < RESERVE_MOST / 16 ? 16 * size : RESERVE_MOST);
    reserve.bytes = malloc(reserve.size);
    *no_memory = !reserve.bytes;
    if (!reserve.bytes)
        return NULL;
    json_get_alloc_funcs(&malloc_before, &free_before);
    json_set_alloc_funcs(take, give_back);
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES, e);
    if (reserve.needed) {
        json_decref(json);
        json = NULL;
    }
    json_set_alloc_funcs(malloc_before, free_before);
    free(reserve.bytes);
    *no_memory = reserve.needed;
    return json;
}

char *json_format(const json_t *json, size_t flags)
{
    char *text;

    errno = 0;
    text = json ? json_dumps(json, flags) : NULL;
    if (errno != ENOMEM)
        return text;
    free(text);
    return NULL;
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
    bool no_memory;
    json_t *json = json_parse(text, size, &e, &no_memory);

    if (no_memory)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for what is in '%s'", path);
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

int json_write(const char *path, json_t *root, int digits, struct clr_error *err)
{
    char *text = json_format(root, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits));
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
