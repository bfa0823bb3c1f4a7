/* Tuning records: see tunedb.h. */
#include "ocl/tunedb.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/paths.h"
#include "ocl/source.h"

#define FORMAT        1
#define LIMIT_BYTES   ((size_t)16 << 20) /* of as many entries as there may be */
#define LIMIT_ENTRIES ((size_t)8192)
#define LOCK_TRIES    200 /* of 10 ms: a record is written in less */
#define NAME          128

struct tunedb {
    char device[NAME], platform[NAME], platform_version[NAME], driver[NAME];
    char kernels[FS_SHA256_TEXT];
    char *dir, *path; /* NULL: there is no place for records */
    struct tunedb_entry *entries;
    size_t entry_count, entry_capacity;
    struct tunedb_failure *failures;
    size_t failure_count, failure_capacity;
    struct tunedb_failure *avoided; /* by this process, whatever the file says */
    size_t avoided_count, avoided_capacity;
    bool warned;
};

/* ------------------------------------------------------------------ names */

/* Names that drivers give, in ASCII: they go into JSON and are compared with what was read from it. */
static void plain(char out[NAME], const char *text)
{
    str_copy(out, NAME, text);
    for (char *p = out; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

/* "/home/…/tuning/amd-epyc-9r14-0123456789ab.json" */
static int make_path(struct tunedb *db, struct clr_error *err)
{
    char hash[FS_SHA256_TEXT], *name;
    struct str key = {0}, file = {0};
    int rc;

    str_append(&key, "%s\n%s\n%s\n%s\n%s\n", db->device, db->platform, db->platform_version, db->driver,
               db->kernels);
    fs_sha256(str_text(&key), key.length, hash);
    for (const char *p = db->device; *p && file.length < 48; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        const bool capital = *p >= 'A' && *p <= 'Z';
        if (letter || capital)
            str_append(&file, "%c", capital ? *p - 'A' + 'a' : *p);
        else if (file.length > 0 && file.text[file.length - 1] != '-')
            str_append(&file, "-");
    }
    name = file.length > 0 && file.text[file.length - 1] == '-' ? "" : "-";
    str_append(&file, "%s%.12s.json", name, hash);
    rc = str_check(&key, err);
    if (rc == 0)
        rc = str_check(&file, err);
    if (rc == 0)
        rc = fs_join(&db->path, db->dir, str_text(&file), err);
    str_clear(&key);
    str_clear(&file);
    return rc;
}

static int find_dir(struct tunedb *db, const char *dir, struct clr_error *err)
{
    char *data = NULL;
    int rc;

    if (dir)
        return str_duplicate(&db->dir, dir, err);
    rc = paths_data(&data, err);
    if (rc == 0 && data)
        rc = fs_join(&db->dir, data, "tuning", err);
    free(data);
    return rc;
}

/* ------------------------------------------------------------------ reading */

/* Why a file is not used; the first fault is the one to tell. */
struct fault {
    char text[300];
};

static bool CLR_PRINTF(2, 3) bad(struct fault *f, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(f->text, sizeof f->text, format, ap);
    va_end(ap);
    return false;
}

/* A text of printable ASCII that fits. */
static bool take_text(struct fault *f, const json_t *object, const char *field, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, field));

    if (!text)
        return bad(f, "an entry without the text \"%s\"", field);
    if (json_string_length(json_object_get(object, field)) >= size)
        return bad(f, "\"%s\" of more than %zu bytes", field, size - 1);
    for (const char *p = text; *p; p++)
        if (*p < ' ' || *p > '~')
            return bad(f, "\"%s\" with other characters than ASCII", field);
    if (strlen(text) != json_string_length(json_object_get(object, field)))
        return bad(f, "\"%s\" with a zero byte", field);
    str_copy(out, size, text);
    return true;
}

static bool take_ms(struct fault *f, const json_t *object, const char *field, double *out)
{
    *out = json_is_number(json_object_get(object, field)) ? json_number_value(json_object_get(object, field))
                                                          : NAN;
    return (*out >= 0.0 && !isinf(*out)) || bad(f, "an entry without the time \"%s\" in milliseconds", field);
}

static bool take_key(struct fault *f, const json_t *object, struct tunedb_key *key)
{
    return take_text(f, object, "operator", key->operator, sizeof key->operator) &&
           take_text(f, object, "shape", key->shape, sizeof key->shape);
}

static bool take_entry(struct fault *f, const json_t *object, struct tunedb_entry *e)
{
    return take_key(f, object, &e->key) && take_text(f, object, "variant", e->variant, sizeof e->variant) &&
           take_ms(f, object, "ms", &e->ms) && take_ms(f, object, "default_ms", &e->default_ms) &&
           take_text(f, object, "when", e->when, sizeof e->when);
}

/* Records have not always had it, and not all that fails has one. */
static bool take_nmse(struct fault *f, const json_t *object, double *out)
{
    const json_t *value = json_object_get(object, "nmse");

    *out = json_number_value(value);
    return !value || (*out > 0.0 && !isinf(*out)) || bad(f, "an \"nmse\" that is none");
}

static bool take_failure(struct fault *f, const json_t *object, struct tunedb_failure *e)
{
    return take_key(f, object, &e->key) && take_text(f, object, "variant", e->variant, sizeof e->variant) &&
           take_text(f, object, "why", e->why, sizeof e->why) && take_nmse(f, object, &e->nmse) &&
           take_text(f, object, "when", e->when, sizeof e->when);
}

/* Does the file speak of this device, driver and these kernels? Its name says so; a copy would not. */
static bool check_identity(struct fault *f, const struct tunedb *db, const json_t *root)
{
    const struct {
        const char *field, *expected;
    } fields[] = {{"device", db->device},
                  {"platform", db->platform},
                  {"platform_version", db->platform_version},
                  {"driver", db->driver},
                  {"kernels", db->kernels}};

    if (!json_is_object(root))
        return bad(f, "not a JSON object");
    if (!json_is_integer(json_object_get(root, "format")))
        return bad(f, "no \"format\"");
    if (json_integer_value(json_object_get(root, "format")) != FORMAT)
        return bad(f, "format %lld, this program reads %d",
                   (long long)json_integer_value(json_object_get(root, "format")), FORMAT);
    for (size_t i = 0; i < MEM_COUNT(fields); i++) {
        char text[NAME];
        if (!take_text(f, root, fields[i].field, text, sizeof text))
            return bad(f, "no \"%s\"", fields[i].field);
        if (strcmp(text, fields[i].expected) != 0)
            return bad(f, "its %s is '%.80s', not '%.80s'", fields[i].field, text, fields[i].expected);
    }
    return true;
}

static bool take_lists(struct fault *f, struct tunedb *db, const json_t *root, bool *no_memory)
{
    const json_t *entries = json_object_get(root, "entries"), *failed = json_object_get(root, "failed");
    const size_t entry_count = json_array_size(entries), failure_count = json_array_size(failed);

    if (!json_is_array(entries) || !json_is_array(failed))
        return bad(f, "no list \"%s\"", json_is_array(entries) ? "failed" : "entries");
    if (entry_count > LIMIT_ENTRIES || failure_count > LIMIT_ENTRIES)
        return bad(f, "more than %zu entries", LIMIT_ENTRIES);
    *no_memory =
        mem_grow(&db->entries, &db->entry_capacity, entry_count, sizeof *db->entries, "records", NULL) < 0 ||
        mem_grow(&db->failures, &db->failure_capacity, failure_count, sizeof *db->failures, "records", NULL) <
            0;
    if (*no_memory)
        return false;
    for (; db->entry_count < entry_count; db->entry_count++)
        if (!take_entry(f, json_array_get(entries, db->entry_count), &db->entries[db->entry_count]))
            return false;
    for (; db->failure_count < failure_count; db->failure_count++)
        if (!take_failure(f, json_array_get(failed, db->failure_count), &db->failures[db->failure_count]))
            return false;
    return true;
}

/*
 * Everything anew from the file. A file that is not there is empty, a damaged one too, with a warning; one
 * that cannot be read is an error, and so is want of memory: a whole record would be lost by storing on top
 * of nothing.
 */
static int load(struct tunedb *db, struct clr_error *err)
{
    struct fault fault = {{0}};
    json_error_t json_error = {0};
    char *text = NULL;
    size_t size = 0;
    json_t *root = NULL;
    bool ok = true, no_memory = false;
    int rc;

    db->entry_count = db->failure_count = 0;
    if (!db->path || !fs_exists(db->path))
        return 0;
    rc = fs_read(db->path, LIMIT_BYTES, &text, &size, err);
    if (rc < 0)
        return rc;
    root = json_parse(text, size, &json_error);
    if (!root)
        ok = bad(&fault, "line %d: %.200s", json_error.line, json_error.text);
    ok = ok && check_identity(&fault, db, root) && take_lists(&fault, db, root, &no_memory);
    if (!ok && !no_memory) {
        db->entry_count = db->failure_count = 0;
        if (!db->warned)
            log_line(CLR_LOG_WARNING,
                     "'%s' is no usable tuning record (%s): it is ignored until 'clr-cl tune' writes it anew",
                     db->path, fault.text);
        db->warned = true;
    }
    json_decref(root);
    free(text);
    return no_memory ? clr_error_set(err, CLR_ENOMEM, "out of memory for what is in '%s'", db->path) : 0;
}

int tunedb_open(struct tunedb **out, const char *dir, const struct clr_device *device, struct clr_error *err)
{
    struct tunedb *db = NULL;
    int rc = mem_new(&db, 1, sizeof *db, "tuning records", err);

    if (rc < 0)
        return rc;
    plain(db->device, device->name);
    plain(db->platform, device->platform_name);
    plain(db->platform_version, device->platform_version);
    plain(db->driver, device->driver);
    rc = source_hash(db->kernels, err);
    if (rc == 0)
        rc = find_dir(db, dir, err);
    if (rc == 0 && db->dir)
        rc = make_path(db, err);
    if (rc == 0)
        rc = load(db, err);
    if (rc < 0)
        tunedb_close(db);
    else
        *out = db;
    return rc;
}

void tunedb_close(struct tunedb *db)
{
    if (!db)
        return;
    free(db->dir);
    free(db->path);
    free(db->entries);
    free(db->failures);
    free(db->avoided);
    free(db);
}

bool tunedb_is_empty(const struct tunedb *db)
{
    return db->entry_count == 0;
}

const char *tunedb_path(const struct tunedb *db)
{
    return db->path ? db->path : "";
}

/* ------------------------------------------------------------------ looking up */

static bool same_key(const struct tunedb_key *a, const struct tunedb_key *b)
{
    return strcmp(a->operator, b->operator) == 0 && strcmp(a->shape, b->shape) == 0;
}

const struct tunedb_entry *tunedb_find(const struct tunedb *db, const struct tunedb_key *key)
{
    for (size_t i = 0; i < db->entry_count; i++)
        if (same_key(&db->entries[i].key, key))
            return &db->entries[i];
    return NULL;
}

/* The numbers of a text, in order; how many, or −1 where there are too many or one is too large. */
static int numbers(const char *text, int out[TUNEDB_SIZES])
{
    int count = 0;

    while (*(text += strcspn(text, "0123456789"))) {
        const size_t digits = strspn(text, "0123456789");
        if (count == TUNEDB_SIZES || digits > 8)
            return -1;
        out[count] = 0;
        for (size_t i = 0; i < digits; i++)
            out[count] = out[count] * 10 + (text[i] - '0');
        count++;
        text += digits;
    }
    return count;
}

const struct tunedb_entry *tunedb_nearest(const struct tunedb *db, const struct tunedb_key *key,
                                          double (*distance)(const int *a, const int *b, int count),
                                          double limit)
{
    const struct tunedb_entry *best = NULL;
    int wanted[TUNEDB_SIZES], there[TUNEDB_SIZES];
    const int count = numbers(key->shape, wanted);

    for (size_t i = 0; i < db->entry_count && count > 0; i++) {
        const struct tunedb_entry *e = &db->entries[i];
        double d;
        if (strcmp(e->key.operator, key->operator) != 0 || numbers(e->key.shape, there) != count)
            continue;
        d = distance(wanted, there, count);
        if (d < limit) { /* false for NaN */
            best = e;
            limit = d;
        }
    }
    return best;
}

static const struct tunedb_failure *find_failure(const struct tunedb_failure *list, size_t count,
                                                 const struct tunedb_key *key, const char *variant)
{
    for (size_t i = 0; i < count; i++)
        if (same_key(&list[i].key, key) && strcmp(list[i].variant, variant) == 0)
            return &list[i];
    return NULL;
}

const struct tunedb_failure *tunedb_failed(const struct tunedb *db, const struct tunedb_key *key,
                                           const char *variant)
{
    const struct tunedb_failure *f = find_failure(db->failures, db->failure_count, key, variant);

    return f ? f : find_failure(db->avoided, db->avoided_count, key, variant);
}

int tunedb_avoid(struct tunedb *db, const struct tunedb_failure *failure, struct clr_error *err)
{
    int rc = mem_grow(&db->avoided, &db->avoided_capacity, db->avoided_count + 1, sizeof *db->avoided,
                      "what is wrong", err);

    if (rc == 0)
        db->avoided[db->avoided_count++] = *failure;
    return rc;
}

/* ------------------------------------------------------------------ storing */

static json_t *entries_json(const struct tunedb *db)
{
    json_t *list = json_array();

    for (size_t i = 0; i < db->entry_count; i++) {
        const struct tunedb_entry *e = &db->entries[i];
        list = json_append(list, json_pack("{s:s, s:s, s:s, s:f, s:f, s:s}", "operator", e->key.operator,
                                           "shape", e->key.shape, "variant", e->variant, "ms", e->ms,
                                           "default_ms", e->default_ms, "when", e->when));
    }
    return list;
}

static json_t *failures_json(const struct tunedb *db)
{
    json_t *list = json_array();

    for (size_t i = 0; i < db->failure_count; i++) {
        const struct tunedb_failure *e = &db->failures[i];
        json_t *one = json_pack("{s:s, s:s, s:s, s:s}", "operator", e->key.operator, "shape", e->key.shape,
                                "variant", e->variant, "why", e->why);
        if (e->nmse > 0.0)
            one = json_put(one, "nmse", json_real(e->nmse));
        list = json_append(list, json_put(one, "when", json_string(e->when)));
    }
    return list;
}

static int save(const struct tunedb *db, struct clr_error *err)
{
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "format", FORMAT, "device", db->device,
                  "platform", db->platform, "platform_version", db->platform_version, "driver", db->driver,
                  "kernels", db->kernels, "entries", entries_json(db), "failed", failures_json(db));
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    struct str out = {0};
    int rc;

    str_append(&out, "%s\n", text ? text : "");
    rc = text ? str_check(&out, err) : clr_error_set(err, CLR_ENOMEM, "out of memory for a tuning record");
    if (rc == 0)
        rc = fs_write_atomic(db->path, str_text(&out), out.length, err);
    str_clear(&out);
    free(text);
    json_decref(root);
    return rc;
}

/* Wait for the lock a little: others hold it for the time of a write. */
static int lock_file(const char *path, int *fd, struct clr_error *err)
{
    const struct timespec pause = {0, 10000000};
    int rc = fs_lock(path, fd, err);

    for (int i = 1; i < LOCK_TRIES && rc < 0; i++) {
        (void)nanosleep(&pause, NULL);
        rc = fs_lock(path, fd, err);
    }
    return rc;
}

/* One of the two is NULL. What would be more than is read again takes the place of the oldest. */
static int merge(struct tunedb *db, const struct tunedb_entry *entry, const struct tunedb_failure *failure,
                 struct clr_error *err)
{
    int rc = mem_grow(&db->entries, &db->entry_capacity, db->entry_count + 1, sizeof *db->entries,
                      "tuning records", err);
    size_t i = 0;

    if (rc == 0)
        rc = mem_grow(&db->failures, &db->failure_capacity, db->failure_count + 1, sizeof *db->failures,
                      "tuning records", err);
    if (rc < 0)
        return rc;
    if (entry) {
        while (i < db->entry_count && !same_key(&db->entries[i].key, &entry->key))
            i++;
        if (i == LIMIT_ENTRIES)
            memmove(db->entries, db->entries + 1, --i * sizeof *db->entries);
        db->entries[i] = *entry;
        db->entry_count += i == db->entry_count;
        clock_utc(db->entries[i].when, sizeof db->entries[i].when);
        return 0;
    }
    while (i < db->failure_count && (!same_key(&db->failures[i].key, &failure->key) ||
                                     strcmp(db->failures[i].variant, failure->variant) != 0))
        i++;
    if (i == LIMIT_ENTRIES)
        memmove(db->failures, db->failures + 1, --i * sizeof *db->failures);
    db->failures[i] = *failure;
    db->failure_count += i == db->failure_count;
    clock_utc(db->failures[i].when, sizeof db->failures[i].when);
    return 0;
}

static int store(struct tunedb *db, const struct tunedb_entry *entry, const struct tunedb_failure *failure,
                 struct clr_error *err)
{
    char *lock = NULL;
    int fd = -1, rc;

    if (!db->path)
        return clr_error_set(err, CLR_EFAILED,
                             "there is no place for tuning records: set HOME or XDG_DATA_HOME");
    rc = fs_make_dirs(db->dir, err);
    if (rc == 0)
        rc = fs_join(&lock, db->dir, ".lock", err);
    if (rc == 0)
        rc = lock_file(lock, &fd, err);
    if (rc == 0)
        fs_remove_left_overs(db->path);
    if (rc == 0)
        rc = load(db, err);
    if (rc == 0)
        rc = merge(db, entry, failure, err);
    if (rc == 0)
        rc = save(db, err);
    fs_unlock(fd);
    free(lock);
    return rc;
}

int tunedb_store(struct tunedb *db, const struct tunedb_entry *entry, struct clr_error *err)
{
    return store(db, entry, NULL, err);
}

int tunedb_store_failure(struct tunedb *db, const struct tunedb_failure *failure, struct clr_error *err)
{
    return store(db, NULL, failure, err);
}
