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

struct list {
    struct tunedb_entry *at;
    size_t count, capacity;
};

/* What a record was measured with. */
static const char *const fields[] = {"device", "platform", "platform_version", "driver", "kernels"};
enum { DEVICE, PLATFORM, PLATFORM_VERSION, DRIVER, KERNELS, FIELDS };

struct tunedb {
    char identity[FIELDS][NAME];
    char *dir, *path; /* NULL: there is no place for records */
    struct list measured, failed;
    struct list avoided; /* by this process, also without an entry in the file */
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

    for (int i = 0; i < FIELDS; i++)
        str_append(&key, "%s\n", db->identity[i]);
    fs_sha256(str_text(&key), key.length, hash);
    for (const char *p = db->identity[DEVICE]; *p && file.length < 48; p++) {
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

/* Why a file is not used: the first fault. */
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

/* It may be absent: older records have none, and it is not known of all failures. */
static bool take_nmse(struct fault *f, const json_t *object, double *out)
{
    const json_t *value = json_object_get(object, "nmse");

    *out = json_number_value(value);
    return !value || (*out > 0.0 && !isinf(*out)) || bad(f, "an \"nmse\" that is none");
}

static bool take_entry(struct fault *f, const json_t *object, bool failed, struct tunedb_entry *e)
{
    *e = (struct tunedb_entry){.ms = 0.0};
    return take_text(f, object, "operator", e->key.operator, sizeof e->key.operator) &&
           take_text(f, object, "shape", e->key.shape, sizeof e->key.shape) &&
           take_text(f, object, "variant", e->variant, sizeof e->variant) &&
           (failed ? take_text(f, object, "why", e->why, sizeof e->why) && take_nmse(f, object, &e->nmse)
                   : take_ms(f, object, "ms", &e->ms) && take_ms(f, object, "default_ms", &e->default_ms)) &&
           take_text(f, object, "when", e->when, sizeof e->when);
}

/* Is the file about this device, driver and these kernels? Its name says so; a copy would not. */
static bool check_identity(struct fault *f, const struct tunedb *db, const json_t *root)
{
    const json_t *format = json_object_get(root, "format");

    if (!json_is_object(root))
        return bad(f, "not a JSON object");
    if (!json_is_integer(format))
        return bad(f, "no \"format\"");
    if (json_integer_value(format) != FORMAT)
        return bad(f, "format %lld, this program reads %d", (long long)json_integer_value(format), FORMAT);
    for (size_t i = 0; i < FIELDS; i++) {
        char text[NAME];
        if (!take_text(f, root, fields[i], text, sizeof text))
            return bad(f, "no \"%s\"", fields[i]);
        if (strcmp(text, db->identity[i]) != 0)
            return bad(f, "its %s is '%.80s', not '%.80s'", fields[i], text, db->identity[i]);
    }
    return true;
}

static bool take_list(struct fault *f, struct list *l, const json_t *array, bool failed, bool *no_memory)
{
    const size_t count = json_array_size(array);

    if (!json_is_array(array))
        return bad(f, "no list \"%s\"", failed ? "failed" : "entries");
    if (count > LIMIT_ENTRIES)
        return bad(f, "more than %zu entries", LIMIT_ENTRIES);
    *no_memory = mem_grow(&l->at, &l->capacity, count, sizeof *l->at, "records", NULL) < 0;
    for (; !*no_memory && l->count < count; l->count++)
        if (!take_entry(f, json_array_get(array, l->count), failed, &l->at[l->count]))
            return false;
    return !*no_memory;
}

/*
 * Read everything again from the file. A file that does not exist counts as empty, and so does a damaged
 * one, with a warning. One that cannot be read is an error, and so is lack of memory: storing an entry would
 * replace all that could not be read.
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

    db->measured.count = db->failed.count = 0;
    if (!db->path || !fs_exists(db->path))
        return 0;
    rc = fs_read(db->path, LIMIT_BYTES, &text, &size, err);
    if (rc < 0)
        return rc;
    root = json_parse(text, size, &json_error);
    if (!root)
        ok = bad(&fault, "line %d: %.200s", json_error.line, json_error.text);
    ok = ok && check_identity(&fault, db, root) &&
         take_list(&fault, &db->measured, json_object_get(root, "entries"), false, &no_memory) &&
         take_list(&fault, &db->failed, json_object_get(root, "failed"), true, &no_memory);
    if (!ok && !no_memory) {
        db->measured.count = db->failed.count = 0;
        if (!db->warned)
            log_line(
                CLR_LOG_WARNING,
                "'%s' is no usable tuning record (%s): it is ignored until 'clr-cl tune' writes it again",
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
    plain(db->identity[DEVICE], device->name);
    plain(db->identity[PLATFORM], device->platform_name);
    plain(db->identity[PLATFORM_VERSION], device->platform_version);
    plain(db->identity[DRIVER], device->driver);
    rc = source_hash(db->identity[KERNELS], err);
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
    free(db->measured.at);
    free(db->failed.at);
    free(db->avoided.at);
    free(db);
}

bool tunedb_is_empty(const struct tunedb *db)
{
    return db->measured.count == 0;
}

const char *tunedb_path(const struct tunedb *db)
{
    return db->path ? db->path : "";
}

/* ------------------------------------------------------------------ looking up */

/* The entry of that key, and of that variant where one is named; NULL: none. */
static struct tunedb_entry *find(const struct list *l, const struct tunedb_key *key, const char *variant)
{
    for (size_t i = 0; i < l->count; i++) {
        struct tunedb_entry *e = &l->at[i];
        if (strcmp(e->key.operator, key->operator) == 0 && strcmp(e->key.shape, key->shape) == 0 &&
            (!variant || strcmp(e->variant, variant) == 0))
            return e;
    }
    return NULL;
}

const struct tunedb_entry *tunedb_find(const struct tunedb *db, const struct tunedb_key *key)
{
    return find(&db->measured, key, NULL);
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

    for (size_t i = 0; i < db->measured.count && count > 0; i++) {
        const struct tunedb_entry *e = &db->measured.at[i];
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

const struct tunedb_entry *tunedb_failed(const struct tunedb *db, const struct tunedb_key *key,
                                         const char *variant)
{
    const struct tunedb_entry *e = find(&db->failed, key, variant);

    return e ? e : find(&db->avoided, key, variant);
}

static int append(struct list *l, const struct tunedb_entry *e, struct clr_error *err)
{
    int rc = mem_grow(&l->at, &l->capacity, l->count + 1, sizeof *l->at, "tuning records", err);

    if (rc == 0)
        l->at[l->count++] = *e;
    return rc;
}

int tunedb_avoid(struct tunedb *db, const struct tunedb_entry *failure, struct clr_error *err)
{
    return append(&db->avoided, failure, err);
}

/* ------------------------------------------------------------------ storing */

static json_t *list_json(const struct list *l, bool failed)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->count; i++) {
        const struct tunedb_entry *e = &l->at[i];
        json_t *one = json_pack("{s:s, s:s, s:s}", "operator", e->key.operator, "shape", e->key.shape,
                                "variant", e->variant);
        if (failed) {
            one = json_put(one, "why", json_string(e->why));
        } else {
            one = json_put(one, "ms", json_real(e->ms));
            one = json_put(one, "default_ms", json_real(e->default_ms));
        }
        if (e->nmse > 0.0)
            one = json_put(one, "nmse", json_real(e->nmse));
        list = json_append(list, json_put(one, "when", json_string(e->when)));
    }
    return list;
}

static int save(const struct tunedb *db, struct clr_error *err)
{
    json_t *root = json_pack("{s:i}", "format", FORMAT);

    for (size_t i = 0; i < FIELDS; i++)
        root = json_put(root, fields[i], json_string(db->identity[i]));
    root = json_put(root, "entries", list_json(&db->measured, false));
    root = json_put(root, "failed", list_json(&db->failed, true));
    return json_write(db->path, root, 6, err);
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

/* An entry takes the place of the same one, or of the oldest where there are LIMIT_ENTRIES. */
static int merge(struct tunedb *db, struct tunedb_entry e, struct clr_error *err)
{
    struct list *l = e.why[0] ? &db->failed : &db->measured;
    struct tunedb_entry *old = find(l, &e.key, e.why[0] ? e.variant : NULL);

    clock_utc(e.when, sizeof e.when);
    if (old) {
        *old = e;
        return 0;
    }
    if (l->count == LIMIT_ENTRIES)
        memmove(l->at, l->at + 1, --l->count * sizeof *l->at);
    return append(l, &e, err);
}

int tunedb_store(struct tunedb *db, const struct tunedb_entry *entry, struct clr_error *err)
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
        rc = merge(db, *entry, err);
    if (rc == 0)
        rc = save(db, err);
    fs_unlock(fd);
    free(lock);
    return rc;
}
