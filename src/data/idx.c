/*
 * MNIST's IDX files, plain or gzipped: a big-endian header (two zero bytes, element type 8 = byte, number of
 * dimensions; then the dimensions, 32 bits each) and the bytes.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", its section on file formats. Read through
 * libarchive (raw format, gzip filter). No size in a header is trusted: a plain file must have exactly the
 * bytes that its header announces, and a gzipped one cannot announce more than deflate can expand to.
 * libarchive does not check the CRC-32 of gzip (RFC 1952), so it is checked here.
 */
#include "data/format.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/fs.h"

#define MAX_SIDE          16384
#define DEFLATE_MAX_RATIO 1032 /* no deflate stream expands further */
#define NAME              80   /* of a file */

/* ---- one file ---- */

struct idx_reader {
    struct archive *archive;
    const char *path;
    size_t file_size;
    bool compressed;
    uint32_t crc;   /* of the bytes read so far */
    uint64_t total; /* how many they are */
};

static int damaged(const struct idx_reader *r, struct clr_error *err)
{
    const char *why = archive_error_string(r->archive);

    if (errno == ENOMEM) /* libarchive does not always report it */
        return clr_error_set(err, CLR_ENOMEM, "out of memory for reading '%s'", r->path);
    return clr_error_set(err, CLR_EINPUT, "'%s' is cut off or damaged: %s; fetch it again", r->path,
                         why ? why : "it ends too early");
}

static int reader_open(struct idx_reader *r, const char *path, struct clr_error *err)
{
    struct archive_entry *entry;
    int rc;

    *r = (struct idx_reader){.path = path};
    rc = format_file_size(&r->file_size, path, "fetch it again", err);
    if (rc < 0)
        return rc;
    if (r->file_size == 0)
        return clr_error_set(err, CLR_EINPUT, "'%s' is empty; fetch it again", path);
    errno = 0;
    r->archive = archive_read_new();
    if (!r->archive)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for reading '%s'", path);
    if (archive_read_support_filter_gzip(r->archive) != ARCHIVE_OK ||
        archive_read_support_format_raw(r->archive) != ARCHIVE_OK ||
        archive_read_open_filename(r->archive, path, 65536) != ARCHIVE_OK ||
        archive_read_next_header(r->archive, &entry) != ARCHIVE_OK) {
        rc = damaged(r, err);
        (void)archive_read_free(r->archive);
        return rc;
    }
    r->compressed = archive_filter_code(r->archive, 0) == ARCHIVE_FILTER_GZIP;
    return 0;
}

/* CRC-32 as in gzip, continued over more bytes. */
static uint32_t crc32_more(uint32_t crc, const uint8_t *data, size_t size)
{
    uint32_t table[256];

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 255];
    return ~crc;
}

/* Up to `size` bytes; *got is less only at the end of the file. */
static int reader_read(struct idx_reader *r, uint8_t *out, size_t size, size_t *got, struct clr_error *err)
{
    size_t n = 0;

    while (n < size) {
        la_ssize_t k = archive_read_data(r->archive, out + n, size - n);
        if (k < 0)
            return damaged(r, err);
        if (k == 0)
            break;
        n += (size_t)k;
    }
    if (r->compressed)
        r->crc = crc32_more(r->crc, out, n);
    r->total += n;
    *got = n;
    return 0;
}

/*
 * After the data: is the CRC-32 in a gzip file correct? Its last eight bytes are the CRC-32 and the length.
 * If the length is another, the file has several members, or padding: then its last CRC is not of the
 * whole.
 */
static int check_crc(const struct idx_reader *r, struct clr_error *err)
{
    uint8_t end[8] = {0};
    uint64_t crc_and_length;
    FILE *file;
    bool got;

    if (!r->compressed)
        return 0;
    file = fopen(r->path, "rb");
    if (!file)
        return clr_error_set(err, CLR_EINPUT, "cannot read '%s': %s", r->path, strerror(errno));
    got = fseek(file, -8, SEEK_END) == 0 && fread(end, 1, sizeof end, file) == sizeof end;
    (void)fclose(file);
    crc_and_length = mem_load_u64(end);
    if (!got || crc_and_length >> 32 != (uint32_t)r->total || (uint32_t)crc_and_length == r->crc)
        return 0;
    return clr_error_set(err, CLR_EINPUT,
                         "'%s' is damaged: its checksum (CRC-32) does not match; fetch it again", r->path);
}

/* Read and check the header: `dims` dimensions of bytes. */
static int reader_header(struct idx_reader *r, size_t dims, size_t *shape, const char *noun,
                         struct clr_error *err)
{
    uint8_t h[16];
    char has[STR_COUNT];
    size_t need = 4 + 4 * dims, got = 0;
    int rc = reader_read(r, h, need, &got, err);

    if (rc < 0)
        return rc;
    if (got < need)
        return clr_error_set(err, CLR_EINPUT, "'%s' is cut off: %s, its header alone has %zu", r->path,
                             str_count(has, got, "byte"), need);
    if (h[0] != 0 || h[1] != 0 || h[2] != 8 || h[3] != dims)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' is no IDX file of %s: it begins with %02x%02x%02x%02x, expected %08zx",
                             r->path, noun, h[0], h[1], h[2], h[3], (size_t)0x800 + dims);
    for (size_t i = 0; i < dims; i++) {
        const uint8_t *b = h + 4 + 4 * i;
        shape[i] = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    }
    return 0;
}

/* Can a file of this size hold what its header announces? */
static int check_claim(const struct idx_reader *r, size_t header, size_t claim, struct clr_error *err)
{
    char has[STR_COUNT], says[STR_COUNT];

    if (claim > DATA_MAX_BYTES)
        return clr_error_set(err, CLR_EINPUT, "'%s' announces %s, more than the %s a data set can have",
                             r->path, str_count(says, claim, "byte"), str_count(has, DATA_MAX_BYTES, ""));
    if (!r->compressed && r->file_size != header + claim)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' is %s: it has %s, its header announces %s; fetch it again", r->path,
                             r->file_size < header + claim ? "cut off" : "damaged",
                             str_count(has, r->file_size, "byte"), str_count(says, header + claim, ""));
    if (r->compressed && (header + claim) / DEFLATE_MAX_RATIO > r->file_size)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' is damaged: its header announces %s, which cannot come out of a "
                             "gzip file of %s",
                             r->path, str_count(says, header + claim, "byte"),
                             str_count(has, r->file_size, "byte"));
    return 0;
}

/* The body: exactly `claim` bytes, page-aligned. */
static int reader_body(struct idx_reader *r, size_t claim, uint8_t **out, struct clr_error *err)
{
    uint8_t *data = NULL, extra;
    size_t length, more;
    char has[STR_COUNT], says[STR_COUNT];
    int rc = mem_new_aligned(&data, claim, r->path, err);

    if (rc == 0)
        rc = reader_read(r, data, claim, &length, err);
    if (rc == 0 && length < claim)
        rc = clr_error_set(err, CLR_EINPUT,
                           "'%s' is cut off: it holds %s of data, its header announces %s; fetch it again",
                           r->path, str_count(has, length, "byte"), str_count(says, claim, ""));
    if (rc == 0) /* finds a damaged end of a gzip stream, too */
        rc = reader_read(r, &extra, 1, &more, err);
    if (rc == 0 && more > 0)
        rc = clr_error_set(err, CLR_EINPUT,
                           "'%s' is damaged: more data follows the %s its header announces; fetch it again",
                           r->path, str_count(says, claim, "byte"));
    if (rc == 0)
        rc = check_crc(r, err);
    if (rc < 0)
        free(data);
    else
        *out = data;
    return rc;
}

/* Read a file of `dims` dimensions. */
static int read_file(uint8_t **out, size_t *shape, size_t dims, const char *noun, const char *path,
                     struct clr_error *err)
{
    struct idx_reader r;
    size_t claim = 1;
    int rc = reader_open(&r, path, err);

    if (rc < 0)
        return rc;
    rc = reader_header(&r, dims, shape, noun, err);
    for (size_t i = 0; rc == 0 && i < dims; i++)
        if (!clr_mul_size(&claim, claim, shape[i]))
            claim = SIZE_MAX;
    if (rc == 0)
        rc = check_claim(&r, 4 + 4 * dims, claim, err);
    if (rc == 0)
        rc = reader_body(&r, claim, out, err);
    (void)archive_read_free(r.archive);
    return rc;
}

static int read_pixels(struct clr_images *images, struct clr_dataset *ds, const char *path,
                       struct clr_error *err)
{
    size_t shape[3];
    int rc = read_file(&images->pixels, shape, 3, "images", path, err);

    if (rc < 0)
        return rc;
    if (shape[0] == 0 || shape[0] > INT_MAX || shape[1] == 0 || shape[1] > MAX_SIDE || shape[2] == 0 ||
        shape[2] > MAX_SIDE)
        return clr_error_set(err, CLR_EINPUT, "'%s' announces %zu images of %zu×%zu: that is no data set",
                             path, shape[0], shape[1], shape[2]);
    if (ds->height != 0 && (shape[1] != (size_t)ds->height || shape[2] != (size_t)ds->width))
        return clr_error_set(err, CLR_EINPUT, "'%s' has images of %zu×%zu, the training images have %d×%d",
                             path, shape[1], shape[2], ds->height, ds->width);
    images->count = (int)shape[0];
    ds->height = (int)shape[1];
    ds->width = (int)shape[2];
    return 0;
}

static int read_labels(struct clr_images *images, struct clr_dataset *ds, const char *path,
                       const char *pixels_path, struct clr_error *err)
{
    char labels[STR_COUNT], pictures[STR_COUNT];
    uint8_t *bytes = NULL;
    size_t count;
    int rc = read_file(&bytes, &count, 1, "labels", path, err);

    if (rc == 0 && count != (size_t)images->count)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' has %s, but '%s' has %s: they do not belong together", path,
                           str_count(labels, count, "label"), pixels_path,
                           str_count(pictures, (uint64_t)images->count, "image"));
    if (rc == 0)
        rc = mem_new(&images->labels, count, sizeof *images->labels, path, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        images->labels[i] = bytes[i];
        if (bytes[i] >= ds->classes && images == &ds->test)
            rc = clr_error_set(err, CLR_EINPUT, "'%s' has label %d, but the training labels end at %d", path,
                               bytes[i], ds->classes - 1);
        else if (bytes[i] >= ds->classes)
            ds->classes = bytes[i] + 1;
    }
    free(bytes);
    return rc;
}

/* ---- a folder ---- */

static const char *const kinds[] = {"images", "labels"};

/* train-images-idx3-ubyte, or train-images.idx3-ubyte as some unpackers write it; plain, else gzipped. */
static bool find_file(char name[NAME], const char *folder, const char *prefix, int kind)
{
    for (int i = 0; i < 4; i++) {
        (void)snprintf(name, NAME, "%s-%s%sidx%d-ubyte%s", prefix, kinds[kind], i < 2 ? "-" : ".",
                       kind == 0 ? 3 : 1, i % 2 ? ".gz" : "");
        if (fs_exists_in(folder, name))
            return true;
    }
    return false;
}

static int read_part(struct clr_images *images, struct clr_dataset *ds, const char *prefix,
                     struct clr_error *err)
{
    char name[NAME], *paths[] = {NULL, NULL}; /* of pixels, of labels */
    int rc = 0;

    for (int kind = 0; kind < 2 && rc == 0; kind++)
        rc = find_file(name, ds->path, prefix, kind)
                 ? fs_join(&paths[kind], ds->path, name, err)
                 : clr_error_set(err, CLR_EINPUT, "'%s/%s-%s-idx%d-ubyte' (or .gz) is missing", ds->path,
                                 prefix, kinds[kind], kind == 0 ? 3 : 1);
    if (rc == 0)
        rc = read_pixels(images, ds, paths[0], err);
    if (rc == 0)
        rc = read_labels(images, ds, paths[1], paths[0], err);
    free(paths[0]);
    free(paths[1]);
    return rc;
}

static bool matches_idx(const char *folder)
{
    char name[NAME];

    for (int kind = 0; kind < 2; kind++)
        if (find_file(name, folder, "train", kind) || find_file(name, folder, "t10k", kind))
            return true;
    return false;
}

static int read_idx(struct clr_dataset *ds, struct clr_error *err)
{
    int rc;

    ds->channels = 1;
    rc = read_part(&ds->train, ds, "train", err);
    return rc < 0 ? rc : read_part(&ds->test, ds, "t10k", err);
}

const struct data_format format_idx = {"IDX", matches_idx, read_idx};
