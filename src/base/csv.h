/*
 * Fields of tables; and reading tables of numbers: comma-separated, a header line with known names, then rows
 * of finite numbers. Made for the files this project writes (history.csv, range.csv, schedule --csv), whose
 * columns are fixed.
 *
 * What is read has no quotes and no spaces around fields. Lines end in LF or CRLF, the last one may lack it;
 * a UTF-8 byte order mark is skipped. Every error is CLR_EINPUT and starts with "FILE:LINE: ".
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define CSV_MAX_BYTES   ((size_t)256 << 20)
#define CSV_MAX_ROWS    ((size_t)10 * 1000 * 1000)
#define CSV_MAX_COLUMNS 64

struct csv_column {
    const char *name;
    double min, max; /* what a value may be, both included */
    bool whole;      /* it is a whole number */
    bool may_lack;   /* it may be empty: NaN */
};

struct csv {
    size_t rows, columns;
    double *values; /* row-major, rows × columns */
    size_t *lines;  /* of the file, for each row */
    char *path;     /* of the file: both for errors about what is read */
    bool cut;       /* the last line lacks its end: a file of this project is not whole */
};

/*
 * Read the file's first `count` columns, which must have these names in this order; columns after them are
 * counted (each row has as many fields as the header) and not read. Not a number, NaN, infinite, out of
 * [min, max] or, where it must be whole, a fraction: an error that names the column. So is an empty field,
 * unless the column has may_lack. A file without rows is read: rows is 0. Blank lines are refused. *out is
 * untouched on failure; free with csv_clear().
 */
int csv_read(struct csv *out, const char *path, const struct csv_column *columns, size_t count,
             struct clr_error *err);
/* Likewise the rows that begin with `key`, as in "fixed,1,", whose fields (none of them a number) are left
 * out. */
int csv_read_rows(struct csv *out, const char *path, const char *key, const struct csv_column *columns,
                  size_t count, struct clr_error *err);
void csv_clear(struct csv *csv);

/* Append fields: texts, in quotes where they need them (RFC 4180), with a comma after each; numbers, empty
 * where they are not finite, with commas between them and `end` after the last. */
void csv_append_texts(struct str *out, const char *const *texts, size_t count);
void csv_append_numbers(struct str *out, const double *numbers, size_t count, const char *end);

/* Value in row r, column c. */
static inline double csv_at(const struct csv *csv, size_t r, size_t c)
{
    return csv->values[r * csv->columns + c];
}

#endif
