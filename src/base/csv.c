/* Tables of numbers: see csv.h. */
#include "base/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

struct csv_reader {
    const char *path;
    char *at, *end;
    size_t line; /* of what next_line() gave last, from 1 */
    size_t skip; /* columns before the numbers */
    struct clr_error *err;
};

/* The next line without its end, NUL-terminated in place; NULL at the end of the file. */
static char *next_line(struct csv_reader *r, size_t *length)
{
    char *start = r->at, *stop;
    size_t n;

    if (start >= r->end)
        return NULL;
    stop = memchr(start, '\n', (size_t)(r->end - start));
    r->at = stop ? stop + 1 : r->end;
    if (!stop)
        stop = r->end;
    n = (size_t)(stop - start);
    if (n > 0 && start[n - 1] == '\r')
        n--;
    start[n] = '\0';
    r->line++;
    *length = n;
    return start;
}

static int fail(const struct csv_reader *r, const char *what)
{
    return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: %s", r->path, r->line, what);
}

/* What every line must be: no NUL in it, not blank, no quotes. */
static int check_line(const struct csv_reader *r, const char *line, size_t length)
{
    if (strlen(line) != length)
        return fail(r, "a zero byte: this is no text file");
    if (length == 0)
        return fail(r, "a blank line");
    if (memchr(line, '"', length))
        return fail(r, "quotes are not supported in these tables");
    return 0;
}

/* Cut the line at its commas. Gives the number of fields, of which at most `max` are stored. */
static size_t split(char *line, char **fields, size_t max)
{
    size_t n = 0;

    for (char *p = line;; p++) {
        if (n < max)
            fields[n] = p;
        n++;
        p = strchr(p, ',');
        if (!p)
            return n;
        *p = '\0';
    }
}

static int read_header(struct csv_reader *r, const struct csv_column *columns, size_t count, size_t *width)
{
    char *fields[CSV_MAX_COLUMNS], *line;
    size_t length, n;
    int rc;

    line = next_line(r, &length);
    if (!line) {
        r->line = 1;
        return fail(r, "the file is empty");
    }
    if (length >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        length -= 3;
    }
    rc = check_line(r, line, length);
    if (rc < 0)
        return rc;
    n = split(line, fields, CSV_MAX_COLUMNS);
    if (n > CSV_MAX_COLUMNS)
        return fail(r, "more than 64 columns");
    for (size_t c = 0; c < count; c++) {
        const size_t at = r->skip + c;
        if (at >= n)
            return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: the header lacks column %zu, '%s'", r->path,
                                 r->line, at + 1, columns[c].name);
        if (strcmp(fields[at], columns[c].name) != 0)
            return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: column %zu is named '%.40s' and must be '%s'",
                                 r->path, r->line, at + 1, fields[at], columns[c].name);
    }
    *width = n - r->skip;
    return 0;
}

static int read_row(struct csv_reader *r, char *line, const struct csv_column *columns, size_t count,
                    size_t width, double *out)
{
    char *fields[CSV_MAX_COLUMNS];
    size_t n = split(line, fields, CSV_MAX_COLUMNS);

    if (n != width)
        return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: %zu fields where the header has %zu", r->path,
                             r->line, n, width);
    for (size_t c = 0; c < count; c++) {
        double v;
        if (columns[c].may_lack && fields[c][0] == '\0') {
            out[c] = NAN;
            continue;
        }
        if (!str_parse_double(fields[c], -HUGE_VAL, HUGE_VAL, &v))
            return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: %s is '%.40s', not a finite number", r->path,
                                 r->line, columns[c].name, fields[c]);
        if (!(v >= columns[c].min && v <= columns[c].max))
            return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: %s is %g and must lie between %g and %g",
                                 r->path, r->line, columns[c].name, v, columns[c].min, columns[c].max);
        if (columns[c].whole && v != floor(v))
            return clr_error_set(r->err, CLR_EINPUT, "%s:%zu: %s is '%.40s' and must be a whole number",
                                 r->path, r->line, columns[c].name, fields[c]);
        out[c] = v;
    }
    return 0;
}

int csv_read(struct csv *out, const char *path, const struct csv_column *columns, size_t count,
             struct clr_error *err)
{
    return csv_read_rows(out, path, "", columns, count, err);
}

int csv_read_rows(struct csv *out, const char *path, const char *key, const struct csv_column *columns,
                  size_t count, struct clr_error *err)
{
    const size_t key_length = strlen(key);
    struct csv csv = {.columns = count};
    struct csv_reader r = {.path = path, .err = err};
    size_t size, width = 0, capacity = 0, line_capacity = 0, length;
    char *data = NULL, *line;
    int rc;

    for (const char *p = key; (p = strchr(p, ',')) != NULL; p++)
        r.skip++;
    rc = fs_read(path, CSV_MAX_BYTES, &data, &size, err);
    if (rc < 0)
        return rc;
    r.at = data;
    r.end = data + size;
    csv.cut = size > 0 && data[size - 1] != '\n';
    rc = str_duplicate(&csv.path, path, err);
    if (rc == 0)
        rc = read_header(&r, columns, count, &width);
    while (rc == 0 && (line = next_line(&r, &length)) != NULL) {
        if (csv.rows == CSV_MAX_ROWS) {
            rc = fail(&r, "more than 10,000,000 rows");
            break;
        }
        rc = check_line(&r, line, length);
        if (rc == 0 && strncmp(line, key, key_length) != 0)
            continue;
        if (rc == 0 && (csv.rows + 1) * count > capacity)
            rc = mem_grow(&csv.values, &capacity, (csv.rows + 1) * count, sizeof(double), path, err);
        if (rc == 0 && csv.rows == line_capacity)
            rc = mem_grow(&csv.lines, &line_capacity, csv.rows + 1, sizeof *csv.lines, path, err);
        if (rc == 0)
            rc = read_row(&r, line + key_length, columns, count, width, csv.values + csv.rows * count);
        if (rc == 0)
            csv.lines[csv.rows++] = r.line;
    }
    free(data);
    if (rc < 0) {
        csv_clear(&csv);
        return rc;
    }
    *out = csv;
    return 0;
}

void csv_clear(struct csv *csv)
{
    free(csv->values);
    free(csv->lines);
    free(csv->path);
    memset(csv, 0, sizeof *csv);
}

void csv_append_texts(struct str *out, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *const quote = strpbrk(texts[i], ",\"\r\n") ? "\"" : "";
        str_append(out, "%s", quote);
        for (const char *c = texts[i]; *c; c++)
            str_append_bytes(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
        str_append(out, "%s,", quote);
    }
}

void csv_append_numbers(struct str *out, const double *numbers, size_t count, const char *end)
{
    for (size_t i = 0; i < count; i++) {
        if (isfinite(numbers[i]))
            str_append(out, "%.9g", numbers[i]);
        str_append(out, "%s", i + 1 < count ? "," : end);
    }
}
