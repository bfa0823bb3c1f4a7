/* PNG in memory with libpng: see png.h. Chunks: PNG specification (third edition), 11.3. */
#include "plot/png.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

struct sink {
    struct str *out;
    char message[128];
};

static void on_write(png_structp png, png_bytep data, size_t size)
{
    struct sink *sink = png_get_io_ptr(png);

    str_append_bytes(sink->out, data, size);
    if (sink->out->failed)
        png_error(png, "out of memory");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void on_error(png_structp png, png_const_charp message)
{
    struct sink *sink = png_get_error_ptr(png);

    str_copy(sink->message, sizeof sink->message, message);
    longjmp(*png_set_longjmp_fn(png, longjmp, sizeof(jmp_buf)), 1);
}

/* The library is silent: what libpng only warns about (a date, a profile) is never written here. */
static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 128)
        s++;
    return !*s;
}

static void set_texts(png_structp png, png_infop info, const struct png_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        png_text t;
        if (!texts[i].value)
            continue;
        memset(&t, 0, sizeof t);
        t.compression = is_ascii(texts[i].value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
        t.key = (char *)(uintptr_t)texts[i].key;
        t.text = (char *)(uintptr_t)texts[i].value;
        t.text_length = strlen(texts[i].value);
        png_set_text(png, info, &t, 1);
    }
}

static void write_rows(png_structp png, const struct png_picture *p, unsigned char *row)
{
    for (int y = 0; y < p->height; y++) {
        const unsigned char *in = p->pixels + (size_t)y * p->stride_bytes;
        unsigned char *out = row;
        for (int x = 0; x < p->width; x++) {
            uint32_t v;
            memcpy(&v, in + 4 * (size_t)x, 4);
            out[0] = (unsigned char)(v >> 16 & 255);
            out[1] = (unsigned char)(v >> 8 & 255);
            out[2] = (unsigned char)(v & 255);
            out += 3;
        }
        png_write_row(png, row);
    }
}

int png_encode(struct str *out, const struct png_picture *picture, const struct png_text *texts, size_t count,
               struct clr_error *err)
{
    struct sink sink = {.out = out};
    png_structp png = NULL;
    png_infop info = NULL;
    png_uint_32 per_metre = (png_uint_32)lround(picture->dpi / 0.0254);
    unsigned char *row = NULL; /* set before setjmp, never changed after it */
    int rc;

    rc = mem_new(&row, (size_t)picture->width, 3, "row of the picture", err);
    if (rc < 0)
        return rc;
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, on_error, on_warning);
    info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for the PNG writer");
    } else if (setjmp(*png_set_longjmp_fn(png, longjmp, sizeof(jmp_buf)))) {
        rc = clr_error_set(err, CLR_EFAILED, "cannot encode the PNG: %s", sink.message);
    } else {
        png_set_write_fn(png, &sink, on_write, on_flush);
        png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
                     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                     PNG_FILTER_TYPE_DEFAULT);
        png_set_pHYs(png, info, per_metre, per_metre, PNG_RESOLUTION_METER);
        set_texts(png, info, texts, count);
        png_write_info(png, info);
        write_rows(png, picture, row);
        png_write_end(png, info);
    }
    png_destroy_write_struct(&png, &info);
    free(row);
    return rc;
}
