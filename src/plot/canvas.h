/*
 * A surface to draw on: PNG, SVG or PDF through one set of strokes. canvas.c alone includes Cairo.
 *
 * Lengths are pixels at 96 dpi, x to the right, y down; colours are 0xRRGGBB. A drawing call cannot fail:
 * canvas_finish() returns the error.
 */
#ifndef PLOT_CANVAS_H
#define PLOT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum canvas_format { CANVAS_PNG, CANVAS_SVG, CANVAS_PDF };
enum canvas_align { CANVAS_LEFT, CANVAS_CENTER, CANVAS_RIGHT };

/* Dash patterns: they differ without colour, too. */
enum canvas_dash { CANVAS_SOLID, CANVAS_LONG, CANVAS_DASH_DOT, CANVAS_DOTS, CANVAS_GUIDE, CANVAS_DASHES };
enum canvas_marker {
    CANVAS_CIRCLE,
    CANVAS_SQUARE,
    CANVAS_TRIANGLE,
    CANVAS_DIAMOND,
    CANVAS_TRIANGLE_DOWN,
    CANVAS_PLUS,
    CANVAS_PENTAGON,
    CANVAS_MARKERS, /* of curves */
    CANVAS_CROSS = CANVAS_MARKERS
};

struct canvas_spec {
    enum canvas_format format;
    int width, height; /* pixels at 96 dpi */
    int dpi;
    bool boxes; /* draw text as boxes of a fixed width: reference images that no font can change */
    const char *title, *command_line; /* metadata; may be NULL */
};

struct canvas_pen {
    uint32_t rgb;
    double alpha, width;
    enum canvas_dash dash;
};

struct canvas;

/* CLR_EUSAGE: the extension is none of .png .svg .pdf. */
int canvas_format_of(enum canvas_format *out, const char *path, struct clr_error *err);

/* CLR_EUSAGE: a size that cannot be drawn; CLR_ENOMEM. White. */
int canvas_create(struct canvas **out, const struct canvas_spec *spec, struct clr_error *err);
void canvas_destroy(struct canvas *c);

/* Append the finished file. Once; only canvas_destroy() may follow. */
int canvas_finish(struct canvas *c, struct str *out, struct clr_error *err);

/* Where (0, 0) is from now on, in the canvas's own pixels; rounded so that rules stay sharp. */
void canvas_set_origin(struct canvas *c, double x, double y);

/* What is drawn up to canvas_unclip() shows within the rectangle alone. Not nested. */
void canvas_clip(struct canvas *c, double x, double y, double w, double h);
void canvas_unclip(struct canvas *c);

/* xy: x0, y0, x1, y1, … */
void canvas_polyline(struct canvas *c, const double *xy, size_t count, const struct canvas_pen *pen);
void canvas_polygon(struct canvas *c, const double *xy, size_t count, uint32_t rgb, double alpha);
/* A horizontal or vertical line that lies on whole pixels. */
void canvas_rule(struct canvas *c, double x0, double y0, double x1, double y1, const struct canvas_pen *pen);
void canvas_rect(struct canvas *c, double x, double y, double w, double h, uint32_t rgb, double alpha);
void canvas_frame(struct canvas *c, double x, double y, double w, double h, const struct canvas_pen *pen);
void canvas_mark(struct canvas *c, enum canvas_marker marker, double x, double y, double size, uint32_t rgb);

/* The text as it is drawn: bytes that are not UTF-8, and control characters, are replaced. Gives how many
 * characters it has. */
size_t canvas_clean_text(char *out, size_t size, const char *text);

/* Text is cleaned like that. y is the middle of the capitals. */
double canvas_text_width(struct canvas *c, const char *text, double size, bool bold);
void canvas_text(struct canvas *c, double x, double y, const char *text, double size, bool bold,
                 enum canvas_align align, uint32_t rgb);
/* Turned by 90 degrees, read from below, centred at (x, y). */
void canvas_text_up(struct canvas *c, double x, double y, const char *text, double size, uint32_t rgb);

/* Copy that is at most `width` wide, with "[…]" for what was cut out ("…" alone is that of a range): two
 * thirds from the start, for names that differ at their ends; between words, where there are any. */
void canvas_fit_text(struct canvas *c, char *out, size_t out_size, const char *text, double size, bool bold,
                     double width);

/* Draw as much of the text as canvas_fit_text() keeps. */
void canvas_fitted_text(struct canvas *c, double x, double y, const char *text, double size, bool bold,
                        enum canvas_align align, uint32_t rgb, double width);

/* Bytes of the text that fit into `width` as a first line, up to a space or the end; the whole text where
 * even the first word is too long. */
size_t canvas_break_text(struct canvas *c, const char *text, double size, bool bold, double width);

/* Where texts were drawn so far, with spec.boxes: x, y (upper left), w, h of each. Borrowed. */
const double *canvas_text_boxes(const struct canvas *c, size_t *count);

#endif
