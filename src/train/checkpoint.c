/* Checkpoint files: see checkpoint.h. */
#include "train/checkpoint.h"

#include <clr/train.h>
#include <clr/version.h>

#include <dirent.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/members.h"

#define WORDS      "clr-cl checkpoint "
#define FORMAT     "1"
#define MAGIC      WORDS FORMAT "\n"
#define HEAD       (sizeof MAGIC - 1 + FS_SHA256_TEXT) /* the magic line, the checksum and its line's end */
#define LIMIT_JSON ((size_t)4 << 20)                   /* of the head */
#define NAME       48                                  /* of a file */

enum { PART_TENSORS, PART_HISTORY, PART_LOSSES, PART_TIMING, PARTS };

/* ------------------------------------------------------------------ the files of a folder */

static void name_of(char out[NAME], uint64_t number)
{
    (void)snprintf(out, NAME, "checkpoint-%llu.clr", (unsigned long long)number);
}

static int path_of(char **out, const char *dir, uint64_t number, struct clr_error *err)
{
    char name[NAME];

    name_of(name, number);
    return fs_join(out, dir, name, err);
}

/* N of "checkpoint-N.clr"; false for every name that name_of() does not make. */
static bool number_of(uint64_t *out, const char *name)
{
    static const char before[] = "checkpoint-";
    char same[NAME];

    if (strncmp(name, before, sizeof before - 1) != 0)
        return false;
    *out = strtoull(name + sizeof before - 1, NULL, 10);
    name_of(same, *out);
    return strcmp(name, same) == 0;
}

/* The largest number of a checkpoint that is less than `before`; *found false, *out untouched: there is
 * none. */
static int find_newest(uint64_t *out, bool *found, const char *dir, uint64_t before, struct clr_error *err)
{
    DIR *d = opendir(dir);
    const struct dirent *entry = NULL;
    uint64_t n, newest = 0;
    bool any = false;
    int failed = d ? 0 : errno;

    do {
        errno = 0;
        entry = d ? readdir(d) : NULL;
        if (entry && number_of(&n, entry->d_name) && n < before && (!any || n > newest)) {
            newest = n;
            any = true;
        }
    } while (entry);
    failed = failed ? failed : errno;
    if (d)
        (void)closedir(d);
    if (failed)
        return clr_error_set(err, CLR_EFAILED, "cannot read the folder '%s': %s", dir, strerror(failed));
    *found = any;
    if (any)
        *out = newest;
    return 0;
}

/* All but `newest` and the one before it. Those after it are damaged, or were written before the run was
 * resumed from an earlier one. */
static void remove_others(const char *dir, uint64_t newest)
{
    uint64_t n = UINT64_MAX, kept = newest;
    bool found = false;
    char *path;

    (void)find_newest(&kept, &found, dir, newest, NULL);
    while (find_newest(&n, &found, dir, n, NULL) == 0 && found) {
        if (n == newest || n == kept || path_of(&path, dir, n, NULL) < 0)
            continue;
        (void)unlink(path);
        free(path);
    }
}

/* ------------------------------------------------------------------ writing */

#define COUNT(field, most)   MEMBER(MEMBER_COUNT, checkpoint, field), .max = (most)
#define WHOLE(field, most)   MEMBER(MEMBER_INT, checkpoint, field), .max = (most)
#define NUMBER(field, least) MEMBER(MEMBER_NUMBER, checkpoint, field), .min = (least), .max = DBL_MAX

/* last_rate, backoffs and back_at are not in older checkpoints. A number that is not known is null. */
static const struct member head_members[] = {
    {"iteration", COUNT(state.iteration, UINT32_MAX / 2)},
    {"epoch", WHOLE(state.epoch, INT_MAX)},
    {"place", WHOLE(state.place, INT_MAX)},
    {"last_loss", NUMBER(state.last_loss, -DBL_MAX), .optional = true},
    {"last_rate", NUMBER(state.last_rate, 0.0), .optional = true},
    {"untrained", NUMBER(state.untrained, -DBL_MAX), .optional = true},
    {"seconds", NUMBER(seconds, 0.0)},
    {"backoffs", WHOLE(state.backoffs, CLR_TRAIN_BACKOFFS), .optional = true},
    {"back_at", COUNT(state.back_at, UINT32_MAX / 2), .optional = true},
    {0},
};

static char *head_text(const struct checkpoint *c, const struct fs_piece parts[PARTS])
{
    json_t *more = json_pack("{s:s*, s:O, s:O, s:[I, I, I, I]}", "schedule", c->schedule, "made", c->made,
                             "variants", c->variants, "sizes", (json_int_t)parts[0].size,
                             (json_int_t)parts[1].size, (json_int_t)parts[2].size, (json_int_t)parts[3].size);
    json_t *root = members_write(head_members, c);
    char *text = more && json_object_update(root, more) == 0
                     ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17))
                     : NULL;

    json_decref(root);
    json_decref(more);
    return text;
}

int checkpoint_write(const char *dir, const struct checkpoint *c, struct clr_error *err)
{
    struct fs_piece pieces[PARTS + 2] = {{0}}, *parts = pieces + 2; /* after the head and its line's end */
    char *tensors = NULL, *head = NULL, *path = NULL, sum[FS_SHA256_TEXT];
    struct str file = {0};
    int rc = safetensors_format(&tensors, &parts[PART_TENSORS].size, &c->tensors, err);

    if (rc < 0)
        return rc;
    parts[PART_TENSORS].data = tensors;
    parts[PART_HISTORY] = (struct fs_piece){c->history, strlen(c->history)};
    parts[PART_LOSSES] = (struct fs_piece){c->losses, strlen(c->losses)};
    parts[PART_TIMING] = (struct fs_piece){c->timing, strlen(c->timing)};
    head = head_text(c, parts);
    if (!head) {
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for a checkpoint");
        goto out;
    }
    pieces[0] = (struct fs_piece){head, strlen(head)};
    pieces[1] = (struct fs_piece){"\n", 1};
    fs_sha256_pieces(pieces, MEM_COUNT(pieces), sum);
    str_append(&file, "%s%s\n", MAGIC, sum);
    for (size_t i = 0; i < MEM_COUNT(pieces); i++)
        str_append_bytes(&file, pieces[i].data, pieces[i].size);
    rc = str_check(&file, err);
    if (rc == 0 && file.length > CHECKPOINT_LIMIT)
        rc = clr_error_set(err, CLR_EFAILED,
                           "the checkpoint would have %zu bytes, more than the %zu that can be read",
                           file.length, CHECKPOINT_LIMIT);
    if (rc == 0)
        rc = path_of(&path, dir, c->state.iteration, err);
    if (rc == 0)
        rc = fs_write_atomic(path, file.text, file.length, err);
    if (rc == 0)
        remove_others(dir, c->state.iteration);
out:
    str_clear(&file);
    free(path);
    free(head);
    free(tensors);
    return rc;
}

/* ------------------------------------------------------------------ reading */

static int damaged(const char *path, const char *what, struct clr_error *err)
{
    return clr_error_set(err, CLR_EINPUT, "'%s' is not a usable checkpoint: %s", path, what);
}

/* The head, and the sizes of the parts, which follow each other and fill `rest` bytes exactly. */
static int read_head(struct checkpoint *c, size_t sizes[PARTS], json_t *head, size_t rest, const char *path,
                     struct clr_error *err)
{
    struct clr_error why;
    struct members_reader in = {.path = "its head", .err = &why};
    const char *schedule = NULL; /* not in older checkpoints */
    json_int_t size[PARTS];
    size_t sum = 0;
    bool good = json_unpack(head, "{s?s, s:O, s:O, s:[I, I, I, I!]}", "schedule", &schedule, "made", &c->made,
                            "variants", &c->variants, "sizes", &size[0], &size[1], &size[2], &size[3]) == 0 &&
                json_is_object(c->made) && json_is_object(c->variants);

    for (int i = 0; i < PARTS && good; i++) {
        good = size[i] >= 0 && (uint64_t)size[i] <= rest && clr_add_size(&sum, sum, (size_t)size[i]);
        sizes[i] = (size_t)size[i];
    }
    if (!good || sum != rest)
        return damaged(path, "its head is not what a checkpoint has", err);
    members_read(&in, head, head_members, c);
    if (in.rc < 0)
        return damaged(path, why.message, err);
    return schedule ? str_duplicate(&c->schedule, schedule, err) : 0;
}

/* What follows the checksum, which is correct. */
static int read_body(struct checkpoint *c, const char *path, const char *body, size_t size,
                     struct clr_error *err)
{
    const char *end = memchr(body, '\n', size < LIMIT_JSON ? size : LIMIT_JSON), *part = end ? end + 1 : body;
    char *tensors = NULL, **copies[PARTS] = {&tensors, &c->history, &c->losses, &c->timing};
    size_t sizes[PARTS];
    json_error_t e;
    json_t *head = end ? json_parse(body, (size_t)(end - body), &e) : NULL;
    int rc = read_head(c, sizes, head, size - (size_t)(part - body), path, err);

    json_decref(head);
    for (int i = 0; i < PARTS && rc == 0; i++) {
        rc = mem_new(copies[i], sizes[i] + 1, 1, "a checkpoint", err);
        if (rc == 0 && sizes[i] > 0)
            memcpy(*copies[i], part, sizes[i]);
        part += sizes[i];
    }
    if (rc == 0)
        return safetensors_parse(&c->tensors, path, tensors, sizes[PART_TENSORS], err);
    free(tensors);
    return rc;
}

/* Digits of the number of a whole first line of another format; 0: it is not one. */
static size_t other_format(const char *file, size_t size)
{
    const char *number = file + sizeof WORDS - 1;
    size_t digits;

    if (size < sizeof MAGIC || memcmp(file, WORDS, sizeof WORDS - 1) != 0 ||
        memcmp(file, MAGIC, sizeof MAGIC - 1) == 0)
        return 0;
    digits = strspn(number, "0123456789");
    return number[digits] == '\n' ? digits : 0;
}

/* Why a file is no checkpoint here. */
enum fault { FAULT_DAMAGED, FAULT_UNREADABLE, FAULT_FORMAT };

static int read_file(struct checkpoint *c, enum fault *fault, const char *path, struct clr_error *err)
{
    char *file = NULL, sum[FS_SHA256_TEXT];
    size_t size;
    int rc = fs_read(path, CHECKPOINT_LIMIT, &file, &size, err);

    *fault = rc < 0 ? FAULT_UNREADABLE : FAULT_DAMAGED;
    if (rc < 0)
        return rc;
    if (size < HEAD || memcmp(file, MAGIC, sizeof MAGIC - 1) != 0) {
        const size_t digits = other_format(file, size);
        *fault = digits > 0 ? FAULT_FORMAT : FAULT_DAMAGED;
        rc = digits > 0 ? clr_error_set(err, CLR_EINPUT,
                                        "'%s' has format %.*s; clr-cl " CLR_VERSION " reads format " FORMAT
                                        ": resume it with the version that wrote it",
                                        path, (int)digits, file + sizeof WORDS - 1)
                        : damaged(path, "it does not begin as one does", err);
        goto out;
    }
    fs_sha256(file + HEAD, size - HEAD, sum);
    if (memcmp(sum, file + sizeof MAGIC - 1, sizeof sum - 1) != 0 || file[HEAD - 1] != '\n')
        rc = damaged(path, "its checksum is wrong: it was cut off, or changed", err);
    else
        rc = read_body(c, path, file + HEAD, size - HEAD, err);
out:
    free(file);
    if (rc < 0)
        checkpoint_clear(c);
    return rc;
}

/* Read one; damage is reported, and no error. */
static int read_if_good(struct checkpoint *out, bool *found, const char *dir, uint64_t number,
                        struct clr_error *err)
{
    struct clr_error why;
    enum fault fault;
    char *path;
    int rc = path_of(&path, dir, number, err);

    if (rc < 0)
        return rc;
    rc = read_file(out, &fault, path, &why);
    free(path);
    *found = rc == 0;
    if (rc == CLR_ENOMEM || (rc < 0 && fault != FAULT_DAMAGED))
        return clr_error_set(err, rc, "%s%s", why.message,
                             fault == FAULT_UNREADABLE && rc != CLR_ENOMEM
                                 ? ". It may be the best that is left of the run, so the run is not resumed "
                                   "without it. If it is lost, remove it"
                                 : "");
    if (rc < 0)
        log_line(CLR_LOG_WARNING, "%s; it is skipped", why.message);
    return 0;
}

int checkpoint_read(struct checkpoint *out, bool *found, const char *dir, uint64_t before,
                    struct clr_error *err)
{
    bool any;
    int rc;

    memset(out, 0, sizeof *out);
    *found = false;
    do {
        rc = find_newest(&before, &any, dir, before, err);
        if (rc == 0 && any)
            rc = read_if_good(out, found, dir, before, err);
    } while (rc == 0 && any && !*found);
    return rc;
}

int checkpoint_exists(bool *any, const char *dir, struct clr_error *err)
{
    uint64_t newest;

    return find_newest(&newest, any, dir, UINT64_MAX, err);
}

void checkpoint_clear(struct checkpoint *c)
{
    json_decref(c->made);
    json_decref(c->variants);
    safetensors_clear(&c->tensors);
    free(c->schedule);
    free(c->history);
    free(c->losses);
    free(c->timing);
    memset(c, 0, sizeof *c);
}
