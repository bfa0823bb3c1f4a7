/* Tuning records: see tunedb.h. */
#include "ocl/tunedb.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/members.h"
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
enum { DEVICE, PLATFORM, PLATFORM_VERSION, DRIVER, KERNELS, FIELDS };

struct tunedb {
    int format;
    char identity[FIELDS][NAME];
    struct list measured, failed; /* what is in the file */
    struct list avoided;          /* by this process, also without an entry in the file */
    char *dir, *path;             /* NULL: there is no place for records */
    bool warned;
};

#define TEXT(field)   MEMBER(MEMBER_LINE, tunedb_entry, field)
#define TIME(field)   MEMBER(MEMBER_NUMBER, tunedb_entry, field), .max = DBL_MAX
#define IDENTITY(row) MEMBER(MEMBER_LINE, tunedb, identity[row])
#define ENTRIES(list, table)                                                                                 \
    .kind = MEMBER_LIST, .offset = offsetof(struct tunedb, list.at), .size = sizeof(struct tunedb_entry),    \
    .max = LIMIT_ENTRIES, .members = (table), .count_offset = offsetof(struct tunedb, list.count)

static const struct member measured_members[] = {
    {"operator", TEXT(key.operator)},
    {"shape", TEXT(key.shape)},
    {"variant", TEXT(variant)},
    {"ms", TIME(ms)},
    {"default_ms", TIME(default_ms)},
    {"when", TEXT(when)},
    {0},
};

static const struct member failed_members[] = {
    {"operator", TEXT(key.operator)},
    {"shape", TEXT(key.shape)},
    {"variant", TEXT(variant)},
    {"why", TEXT(why)},
    {"nmse", TIME(nmse), .min = DBL_MIN, .optional = true},
    {"when", TEXT(when)},
    {0},
};

static const struct member file_members[] = {
    {"format", MEMBER(MEMBER_INT, tunedb, format), .min = FORMAT, .max = FORMAT},
    {"device", IDENTITY(DEVICE)},
    {"platform", IDENTITY(PLATFORM)},
    {"platform_version", IDENTITY(PLATFORM_VERSION)},
    {"driver", IDENTITY(DRIVER)},
    {"kernels", IDENTITY(KERNELS)},
    {"entries", ENTRIES(measured, measured_members)},
    {"failed", ENTRIES(failed, failed_members)},
    {0},
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

/* Is the file about this device, driver and these kernels? Its name says so; a copy would not. */
static void check_identity(struct members_reader *in, const struct tunedb *db, const struct tunedb *found)
{
    for (size_t i = 0; i < FIELDS && in->rc == 0; i++)
        if (strcmp(found->identity[i], db->identity[i]) != 0)
            members_wrong(in, file_members[1 + i].name, NULL, "is not the one in use");
}

static void take(struct list *to, struct list *from)
{
    free(to->at);
    *to = *from;
    to->capacity = to->count;
    *from = (struct list){0};
}

/*
 * Read everything again from the file. A file that does not exist counts as empty, and so does a damaged
 * one, with a warning. One that cannot be read is an error, and so is lack of memory: storing an entry would
 * replace all that could not be read.
 */
static int load(struct tunedb *db, struct clr_error *err)
{
    struct tunedb found = {0};
    struct clr_error why;
    struct members_reader in = {.path = db->path, .err = &why};
    char *text = NULL;
    size_t size = 0;
    json_t *root = NULL;
    int rc = 0;

    db->measured.count = db->failed.count = 0;
    if (!db->path || !fs_exists(db->path))
        return 0;
    rc = fs_read(db->path, LIMIT_BYTES, &text, &size, err);
    if (rc < 0)
        return rc;
    in.rc = json_read_text(&root, db->path, text, size, &why);
    members_read(&in, root, file_members, &found);
    check_identity(&in, db, &found);
    if (in.rc == 0) {
        take(&db->measured, &found.measured);
        take(&db->failed, &found.failed);
    } else if (in.rc == CLR_ENOMEM) {
        rc = clr_error_set(err, CLR_ENOMEM, "%s", why.message);
    } else if (!db->warned) {
        log_line(CLR_LOG_WARNING,
                 "%s. This is no usable tuning record: it is ignored until 'clr-cl tune' writes it again",
                 why.message);
        db->warned = true;
    }
    free(found.measured.at);
    free(found.failed.at);
    json_decref(root);
    free(text);
    return rc;
}

int tunedb_open(struct tunedb **out, const char *dir, const struct clr_device *device, struct clr_error *err)
{
    struct tunedb *db = NULL;
    int rc = mem_new(&db, 1, sizeof *db, "tuning records", err);

    if (rc < 0)
        return rc;
    db->format = FORMAT;
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
        rc = json_write(db->path, members_write(file_members, db), 6, err);
    fs_unlock(fd);
    free(lock);
    return rc;
}
