/* Checkpoint files: see checkpoint.h. */
#include "train/checkpoint.h"

#include <clr/train.h>
#include <clr/version.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"

#define WORDS      "clr-cl checkpoint "
#define FORMAT     "1"
#define MAGIC      WORDS FORMAT "\n"
#define HEAD       (sizeof MAGIC - 1 + FS_SHA256_TEXT) /* the magic line, the checksum and its line's end */
#define LIMIT_JSON ((size_t)4 << 20)                   /* of the head */

enum { PART_TENSORS, PART_HISTORY, PART_LOSSES, PART_TIMING, PARTS };

/* ------------------------------------------------------------------ the files of a folder */

struct numbers {
    uint64_t *values; /* descending */
    size_t count, capacity;
};

static int descending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x > y ? -1 : x < y;
}

/* N of "checkpoint-N.clr"; false for every other name. */
static bool number_of(const char *name, uint64_t *out)
{
    static const char front[] = "checkpoint-", back[] = ".clr";
    const size_t length = strlen(name), edges = sizeof front - 1 + sizeof back - 1;
    char digits[24];

    if (length <= edges || length - edges >= sizeof digits || strncmp(name, front, sizeof front - 1) != 0 ||
        strcmp(name + length - (sizeof back - 1), back) != 0)
        return false;
    memcpy(digits, name + sizeof front - 1, length - edges);
    digits[length - edges] = '\0';
    return (digits[0] != '0' || !digits[1]) && str_parse_u64(digits, 0, UINT64_MAX, out);
}

static int list_numbers(struct numbers *out, const char *dir, struct clr_error *err)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;
    int rc = 0;

    if (!d)
        return clr_error_set(err, CLR_EFAILED, "cannot read the folder '%s': %s", dir, strerror(errno));
    while (rc == 0) {
        uint64_t n;
        errno = 0;
        entry = readdir(d);
        if (!entry && errno != 0)
            rc = clr_error_set(err, CLR_EFAILED, "cannot read the folder '%s': %s", dir, strerror(errno));
        if (!entry)
            break;
        if (!number_of(entry->d_name, &n))
            continue;
        rc = mem_grow(&out->values, &out->capacity, out->count + 1, sizeof *out->values, "checkpoints", err);
        if (rc == 0)
            out->values[out->count++] = n;
    }
    (void)closedir(d);
    if (out->count > 0)
        qsort(out->values, out->count, sizeof *out->values, descending);
    return rc;
}

static int path_of(char **out, const char *dir, uint64_t number, struct clr_error *err)
{
    char name[48];

    (void)snprintf(name, sizeof name, "checkpoint-%llu.clr", (unsigned long long)number);
    return fs_join(out, dir, name, err);
}

/* All but `newest` and the one before it. Those behind it are damaged, or of a run that was taken up earlier.
 */
static void remove_others(const char *dir, uint64_t newest)
{
    struct numbers n = {0};
    bool kept = false;

    if (list_numbers(&n, dir, NULL) == 0) {
        for (size_t i = 0; i < n.count; i++) {
            char *path;
            if (n.values[i] == newest)
                continue;
            if (n.values[i] < newest && !kept) {
                kept = true;
                continue;
            }
            if (path_of(&path, dir, n.values[i], NULL) == 0) {
                (void)unlink(path);
                free(path);
            }
        }
    }
    free(n.values);
}

/* ------------------------------------------------------------------ writing */

static char *head_text(const struct checkpoint *c, const struct fs_piece parts[PARTS])
{
    json_t *root = json_pack(
        "{s:I, s:I, s:i, s:o, s:o, s:f, s:i, s:I, s:s*, s:O, s:O, s:[I, I, I, I]}", "iteration",
        (json_int_t)c->state.iteration, "epoch", (json_int_t)c->state.epoch, "place", c->state.place,
        "last_loss", json_finite(c->state.last_loss), "untrained", json_finite(c->state.untrained), "seconds",
        c->seconds, "backoffs", c->state.backoffs, "back_at", (json_int_t)c->state.back_at, "schedule",
        c->schedule, "made", c->made, "variants", c->variants, "sizes", (json_int_t)parts[0].size,
        (json_int_t)parts[1].size, (json_int_t)parts[2].size, (json_int_t)parts[3].size);
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));

    json_decref(root);
    return text;
}

int checkpoint_write(const char *dir, const struct checkpoint *c, struct clr_error *err)
{
    struct fs_piece pieces[PARTS + 2] = {{0}}, *parts = pieces + 2; /* head and its line's end in front */
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
        rc = clr_error_set(err, CLR_ENOMEM,
                           "cannot make a checkpoint: out of memory, or a name that is not UTF-8");
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

static bool is_count(const json_t *value, uint64_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           (uint64_t)json_integer_value(value) <= max;
}

/* The head's numbers. */
static bool read_head(struct checkpoint *c, const json_t *head)
{
    const json_t *iteration = json_object_get(head, "iteration"), *epoch = json_object_get(head, "epoch"),
                 *place = json_object_get(head, "place"), *loss = json_object_get(head, "last_loss"),
                 *seconds = json_object_get(head, "seconds"), *untrained = json_object_get(head, "untrained"),
                 *backoffs =
                     json_object_get(head, "backoffs"), /* new: older checkpoints have none of three */
                     *back_at = json_object_get(head, "back_at"),
                 *schedule = json_object_get(head, "schedule");

    if (!is_count(iteration, UINT32_MAX / 2) || !is_count(epoch, UINT32_MAX) || !is_count(place, INT32_MAX) ||
        !(json_is_number(loss) || json_is_null(loss)) ||
        !(json_is_number(untrained) || json_is_null(untrained)) ||
        (backoffs && !is_count(backoffs, CLR_TRAIN_BACKOFFS)) ||
        (back_at && !is_count(back_at, UINT32_MAX / 2)) || (schedule && !json_is_string(schedule)) ||
        !json_is_number(seconds) || !(json_number_value(seconds) >= 0.0) ||
        !json_is_object(json_object_get(head, "made")) || !json_is_object(json_object_get(head, "variants")))
        return false;
    c->state.iteration = (uint64_t)json_integer_value(iteration);
    c->state.epoch = (uint32_t)json_integer_value(epoch);
    c->state.place = (int)json_integer_value(place);
    c->state.last_loss = json_is_number(loss) ? json_number_value(loss) : NAN;
    c->state.untrained = json_is_number(untrained) ? json_number_value(untrained) : NAN;
    c->seconds = json_number_value(seconds);
    c->state.backoffs = (int)json_integer_value(backoffs);
    c->state.back_at = (uint64_t)json_integer_value(back_at);
    c->made = json_incref(json_object_get(head, "made"));
    c->variants = json_incref(json_object_get(head, "variants"));
    return true;
}

/* The parts lie one behind the other and fill the rest exactly. */
static bool read_sizes(size_t sizes[PARTS], const json_t *list, size_t rest)
{
    size_t sum = 0;

    if (json_array_size(list) != PARTS)
        return false;
    for (size_t i = 0; i < PARTS; i++) {
        const json_t *value = json_array_get(list, i);
        if (!is_count(value, rest) || !clr_add_size(&sum, sum, (size_t)json_integer_value(value)))
            return false;
        sizes[i] = (size_t)json_integer_value(value);
    }
    return sum == rest;
}

static int copy_part(char **out, const char *bytes, size_t size, struct clr_error *err)
{
    int rc = mem_new(out, size + 1, 1, "a checkpoint", err);

    if (rc == 0 && size > 0)
        memcpy(*out, bytes, size);
    return rc;
}

/* What follows the checksum, which is right. */
static int read_body(struct checkpoint *c, const char *path, const char *body, size_t size,
                     struct clr_error *err)
{
    const char *end = memchr(body, '\n', size < LIMIT_JSON ? size : LIMIT_JSON), *part[PARTS + 1];
    size_t sizes[PARTS];
    char *tensors = NULL;
    json_error_t e;
    json_t *head = end ? json_parse(body, (size_t)(end - body), &e) : NULL;
    int rc = 0;

    if (!head || !read_head(c, head) ||
        !read_sizes(sizes, json_object_get(head, "sizes"), size - (size_t)(end + 1 - body)))
        rc = damaged(path, "its head is not what a checkpoint has", err);
    if (rc == 0 && json_object_get(head, "schedule"))
        rc = str_duplicate(&c->schedule, json_string_value(json_object_get(head, "schedule")), err);
    json_decref(head);
    if (rc < 0)
        return rc;
    part[0] = end + 1;
    for (int i = 0; i < PARTS; i++)
        part[i + 1] = part[i] + sizes[i];
    rc = copy_part(&c->history, part[PART_HISTORY], sizes[PART_HISTORY], err);
    if (rc == 0)
        rc = copy_part(&c->losses, part[PART_LOSSES], sizes[PART_LOSSES], err);
    if (rc == 0)
        rc = copy_part(&c->timing, part[PART_TIMING], sizes[PART_TIMING], err);
    if (rc == 0)
        rc = copy_part(&tensors, part[PART_TENSORS], sizes[PART_TENSORS], err);
    return rc < 0 ? rc : safetensors_parse(&c->tensors, path, tensors, sizes[PART_TENSORS], err);
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

/* *unreadable: it may be good, for all that is known, or is another version's. */
static int read_file(struct checkpoint *c, bool *unreadable, const char *path, struct clr_error *err)
{
    char *file = NULL, sum[FS_SHA256_TEXT];
    size_t size;
    int rc = fs_read(path, CHECKPOINT_LIMIT, &file, &size, err);

    *unreadable = rc < 0;
    if (rc < 0)
        return rc;
    if (size < HEAD || memcmp(file, MAGIC, sizeof MAGIC - 1) != 0) {
        const size_t digits = other_format(file, size);
        *unreadable = digits > 0;
        rc = digits > 0 ? clr_error_set(err, CLR_EINPUT,
                                        "'%s' has format %.*s; clr-cl " CLR_VERSION " reads format " FORMAT
                                        ": go on with "
                                        "the version that made it",
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

int checkpoint_read(struct checkpoint *out, bool *found, const char *dir, uint64_t before,
                    struct clr_error *err)
{
    struct numbers n = {0};
    int rc = list_numbers(&n, dir, err);

    memset(out, 0, sizeof *out);
    *found = false;
    for (size_t i = 0; i < n.count && rc == 0 && !*found; i++) {
        struct clr_error why;
        bool unreadable;
        char *path;
        if (n.values[i] >= before)
            continue;
        rc = path_of(&path, dir, n.values[i], err);
        if (rc < 0)
            break;
        *found = read_file(out, &unreadable, path, &why) == 0;
        free(path);
        if (!*found && why.code == CLR_ENOMEM)
            rc = clr_error_set(err, CLR_ENOMEM, "%s", why.message);
        else if (!*found && unreadable)
            rc = clr_error_set(err, CLR_EINPUT,
                               "%s. It may be the best that is left of the run: nothing is done without it. "
                               "Where it is lost, remove it",
                               why.message);
        else if (!*found)
            log_line(CLR_LOG_WARNING, "%s; an older one is looked for", why.message);
    }
    free(n.values);
    return rc;
}

int checkpoint_exists(bool *any, const char *dir, struct clr_error *err)
{
    struct numbers n = {0};
    const int rc = list_numbers(&n, dir, err);

    if (rc == 0)
        *any = n.count > 0;
    free(n.values);
    return rc;
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
