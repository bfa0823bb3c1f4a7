/*
 * PNG in memory. png.c alone includes libpng.
 */
#ifndef PLOT_PNG_H
#define PLOT_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct png_text {
    const char *key, *value; /* UTF-8; an entry whose value is NULL is omitted */
};

struct png_picture {
    const unsigned char *pixels; /* 32 bit words 0xXXRRGGBB in the host's byte order, top row first */
    size_t stride_bytes;
    int width, height; /* pixels */
    int dpi;           /* goes into pHYs */
};

/*
 * Append the picture as an 8-bit RGB PNG: pHYs from dpi, one tEXt chunk for each text in ASCII, iTXt for
 * others. No time stamp: the same picture and texts give the same bytes.
 */
int png_encode(struct str *out, const struct png_picture *picture, const struct png_text *texts, size_t count,
               struct clr_error *err);

#endif
