/* A surface to draw on: see canvas.h. */
#include "plot/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>

#include <clr/plot.h>
#include <clr/version.h>

#include "base/fs.h"
#include "plot/png.h"

#define MIN_WIDTH  320
#define MIN_HEIGHT 200
#define MAX_SIDE   30000                   /* pixels; Cairo's own limit is 32,767 */
#define MAX_PIXELS ((size_t)400 * 1000000) /* 1.6 GB */
#define TEXT_MAX   512
#define PI         3.14159265358979323846

struct canvas {
    struct canvas_spec spec;
    cairo_surface_t *surface;
    cairo_t *cr;
    double scale; /* device units for one of ours */
    struct str stream;
    double *boxes; /* of texts: see canvas_text_boxes() */
    size_t box_count, box_capacity;
};

/* ---- life ---- */

int canvas_format_of(enum canvas_format *out, const char *path, struct clr_error *err)
{
    static const char *const known[] = {[CANVAS_PNG] = ".png", [CANVAS_SVG] = ".svg", [CANVAS_PDF] = ".pdf"};
    const char *dot = strrchr(fs_last_part(path), '.');

    for (size_t i = 0; dot && i < MEM_COUNT(known); i++) {
        if (strcasecmp(dot, known[i]) == 0) {
            *out = (enum canvas_format)i;
            return 0;
        }
    }
    return clr_error_set(err, CLR_EUSAGE,
                         "the format of '%s' is not known: its name must end in .png, .svg or .pdf", path);
}

int clr_plot_check_name(const char *path, struct clr_error *err)
{
    enum canvas_format format;

    return canvas_format_of(&format, path, err);
}

static cairo_status_t on_stream(void *closure, const unsigned char *data, unsigned int length)
{
    struct str *s = closure;

    str_append_bytes(s, data, length);
    return s->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static int check_size(const struct canvas_spec *spec, struct clr_error *err)
{
    double w = (double)spec->width * spec->dpi / 96.0, h = (double)spec->height * spec->dpi / 96.0;

    if (spec->dpi < 24 || spec->dpi > 2400)
        return clr_error_set(err, CLR_EUSAGE, "`dpi` %d: must lie between 24 and 2400", spec->dpi);
    if (spec->width < MIN_WIDTH || spec->height < MIN_HEIGHT || spec->width > MAX_SIDE ||
        spec->height > MAX_SIDE)
        return clr_error_set(
            err, CLR_EUSAGE,
            "a figure of %d × %d pixels: the width must lie between %d and %d, the height between %d and %d",
            spec->width, spec->height, MIN_WIDTH, MAX_SIDE, MIN_HEIGHT, MAX_SIDE);
    if (spec->format == CANVAS_PNG && (w > MAX_SIDE || h > MAX_SIDE || w * h > (double)MAX_PIXELS))
        return clr_error_set(
            err, CLR_EUSAGE,
            "a figure of %d × %d at %d dpi is %.0f × %.0f pixels, more than can be drawn: take a "
            "smaller `dpi`, or .svg or .pdf",
            spec->width, spec->height, spec->dpi, w, h);
    return 0;
}

static cairo_surface_t *create_surface(struct canvas *c)
{
    const double w = c->spec.width * 0.75, h = c->spec.height * 0.75; /* points */

    c->scale = c->spec.format == CANVAS_PNG ? c->spec.dpi / 96.0 : 0.75;
    if (c->spec.format != CANVAS_PNG)
        return (c->spec.format == CANVAS_SVG
                    ? cairo_svg_surface_create_for_stream
                    : cairo_pdf_surface_create_for_stream)(on_stream, &c->stream, w, h);
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(c->spec.width * c->scale),
                                      (int)lround(c->spec.height * c->scale));
}

/* Greyscale and unhinted: the same shapes at every size and on every screen. */
static void set_font_options(cairo_t *cr)
{
    cairo_font_options_t *o = cairo_font_options_create();

    cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cr, o);
    cairo_font_options_destroy(o);
}

static int check_status(struct canvas *c, struct clr_error *err)
{
    cairo_status_t s = cairo_status(c->cr);

    if (s == CAIRO_STATUS_SUCCESS)
        s = cairo_surface_status(c->surface);
    if (s == CAIRO_STATUS_SUCCESS)
        return 0;
    return clr_error_set(err, s == CAIRO_STATUS_NO_MEMORY ? CLR_ENOMEM : CLR_EFAILED,
                         "cannot draw the figure: %s", cairo_status_to_string(s));
}

int canvas_create(struct canvas **out, const struct canvas_spec *spec, struct clr_error *err)
{
    struct canvas *c;
    int rc = check_size(spec, err);

    if (rc < 0)
        return rc;
    rc = mem_new(&c, 1, sizeof *c, "canvas", err);
    if (rc < 0)
        return rc;
    c->spec = *spec;
    c->surface = create_surface(c);
    c->cr = cairo_create(c->surface);
    rc = check_status(c, err);
    if (rc < 0) {
        canvas_destroy(c);
        return rc;
    }
    cairo_scale(c->cr, c->scale, c->scale);
    set_font_options(c->cr);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_source_rgb(c->cr, 1, 1, 1);
    cairo_paint(c->cr);
    *out = c;
    return 0;
}

void canvas_destroy(struct canvas *c)
{
    if (!c)
        return;
    cairo_destroy(c->cr);
    cairo_surface_destroy(c->surface);
    str_clear(&c->stream);
    free(c->boxes);
    free(c);
}

static int finish_png(struct canvas *c, struct str *out, struct clr_error *err)
{
    const struct png_text texts[] = {
        {"Title", c->spec.title && *c->spec.title ? c->spec.title : NULL},
        {"Software", "clr-cl " CLR_VERSION},
        {"Command", c->spec.command_line},
    };
    struct png_picture p = {
        .pixels = cairo_image_surface_get_data(c->surface),
        .stride_bytes = (size_t)cairo_image_surface_get_stride(c->surface),
        .width = cairo_image_surface_get_width(c->surface),
        .height = cairo_image_surface_get_height(c->surface),
        .dpi = c->spec.dpi,
    };

    return png_encode(out, &p, texts, MEM_COUNT(texts), err);
}

static void set_pdf_metadata(struct canvas *c, cairo_pdf_metadata_t key, const char *value)
{
    char clean[TEXT_MAX];

    if (!value || !*value)
        return;
    (void)canvas_clean_text(clean, sizeof clean, value);
    cairo_pdf_surface_set_metadata(c->surface, key, clean);
}

int canvas_finish(struct canvas *c, struct str *out, struct clr_error *err)
{
    int rc;

    if (c->spec.format == CANVAS_PDF) {
        set_pdf_metadata(c, CAIRO_PDF_METADATA_CREATOR, "clr-cl " CLR_VERSION);
        set_pdf_metadata(c, CAIRO_PDF_METADATA_TITLE, c->spec.title);
        set_pdf_metadata(c, CAIRO_PDF_METADATA_SUBJECT, c->spec.command_line);
    }
    cairo_surface_flush(c->surface);
    rc = check_status(c, err);
    if (rc < 0 || c->spec.format == CANVAS_PNG)
        return rc < 0 ? rc : finish_png(c, out, err);
    cairo_surface_finish(c->surface);
    if (cairo_surface_status(c->surface) != CAIRO_STATUS_SUCCESS || c->stream.failed)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the figure");
    str_append_bytes(out, c->stream.text, c->stream.length);
    return str_check(out, err);
}

/* ---- lines and areas ---- */

static void set_color(struct canvas *c, uint32_t rgb, double alpha)
{
    cairo_set_source_rgba(c->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0,
                          alpha);
}

/* Lengths of the dashes in line widths. */
static void set_pen(struct canvas *c, const struct canvas_pen *pen)
{
    static const struct {
        int count;
        double lengths[4];
    } dashes[] = {
        [CANVAS_SOLID] = {0, {0}},
        [CANVAS_LONG] = {2, {6.0, 2.0}},
        [CANVAS_DASH_DOT] = {4, {6.0, 1.6, 1.2, 1.6}},
        [CANVAS_DOTS] = {2, {1.2, 1.5}},
        [CANVAS_GUIDE] = {2, {4.5, 3.5}},
        [CANVAS_DASHES] = {2, {3.0, 1.6}},
    };
    double lengths[4];

    set_color(c, pen->rgb, pen->alpha);
    cairo_set_line_width(c->cr, pen->width);
    for (int i = 0; i < dashes[pen->dash].count; i++)
        lengths[i] = dashes[pen->dash].lengths[i] * pen->width;
    cairo_set_dash(c->cr, lengths, dashes[pen->dash].count, 0.0);
}

static void trace(struct canvas *c, const double *xy, size_t count)
{
    cairo_new_path(c->cr);
    for (size_t i = 0; i < count; i++)
        cairo_line_to(c->cr, xy[2 * i], xy[2 * i + 1]);
}

void canvas_polyline(struct canvas *c, const double *xy, size_t count, const struct canvas_pen *pen)
{
    if (count < 2)
        return;
    set_pen(c, pen);
    trace(c, xy, count);
    cairo_stroke(c->cr);
}

void canvas_polygon(struct canvas *c, const double *xy, size_t count, uint32_t rgb, double alpha)
{
    if (count < 3)
        return;
    set_color(c, rgb, alpha);
    trace(c, xy, count);
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
}

void canvas_set_origin(struct canvas *c, double x, double y)
{
    cairo_matrix_t m;

    cairo_matrix_init(&m, c->scale, 0, 0, c->scale, round(x * c->scale), round(y * c->scale));
    cairo_set_matrix(c->cr, &m);
}

void canvas_clip(struct canvas *c, double x, double y, double w, double h)
{
    cairo_new_path(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_clip(c->cr);
}

void canvas_unclip(struct canvas *c)
{
    cairo_reset_clip(c->cr);
}

/* The nearest place where a line of that many device pixels covers whole ones. */
static double snap(const struct canvas *c, double v, double pixels)
{
    double half = fmod(pixels, 2.0) >= 1.0 ? 0.5 : 0.0;

    return (floor(v * c->scale + 0.5 - half) + half) / c->scale;
}

void canvas_rule(struct canvas *c, double x0, double y0, double x1, double y1, const struct canvas_pen *pen)
{
    struct canvas_pen p = *pen;
    double xy[4] = {x0, y0, x1, y1};

    if (c->spec.format == CANVAS_PNG) {
        double pixels = fmax(1.0, floor(pen->width * c->scale + 0.5));
        p.width = pixels / c->scale;
        if (x0 == x1)
            xy[0] = xy[2] = snap(c, x0, pixels);
        else
            xy[1] = xy[3] = snap(c, y0, pixels);
    }
    canvas_polyline(c, xy, 2, &p);
}

void canvas_rect(struct canvas *c, double x, double y, double w, double h, uint32_t rgb, double alpha)
{
    set_color(c, rgb, alpha);
    cairo_new_path(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_fill(c->cr);
}

void canvas_frame(struct canvas *c, double x, double y, double w, double h, const struct canvas_pen *pen)
{
    double r = 3.0;

    set_pen(c, pen);
    cairo_new_path(c->cr);
    cairo_arc(c->cr, x + w - r, y + r, r, -PI / 2, 0);
    cairo_arc(c->cr, x + w - r, y + h - r, r, 0, PI / 2);
    cairo_arc(c->cr, x + r, y + h - r, r, PI / 2, PI);
    cairo_arc(c->cr, x + r, y + r, r, PI, 3 * PI / 2);
    cairo_close_path(c->cr);
    cairo_stroke(c->cr);
}

/* A regular polygon whose first corner stands at `turn` (radians, clockwise from the right). */
static void trace_regular(struct canvas *c, int corners, double turn, double x, double y, double r)
{
    for (int i = 0; i < corners; i++) {
        double a = turn + 2 * PI * i / corners;
        cairo_line_to(c->cr, x + r * cos(a), y + r * sin(a));
    }
}

static void trace_plus(struct canvas *c, double turn, double x, double y, double r)
{
    static const double corner[12][2] = {{1, .33},    {.33, .33}, {.33, 1},    {-.33, 1},
                                         {-.33, .33}, {-1, .33},  {-1, -.33},  {-.33, -.33},
                                         {-.33, -1},  {.33, -1},  {.33, -.33}, {1, -.33}};

    for (int i = 0; i < 12; i++) {
        double u = corner[i][0] * r, v = corner[i][1] * r;
        cairo_line_to(c->cr, x + u * cos(turn) - v * sin(turn), y + u * sin(turn) + v * cos(turn));
    }
}

void canvas_mark(struct canvas *c, enum canvas_marker marker, double x, double y, double size, uint32_t rgb)
{
    static const struct {
        int corners; /* of a regular polygon; 0: a plus */
        double turn, down, size;
    } shapes[] = {
        [CANVAS_SQUARE] = {4, PI / 4, 0.0, 1.22},   [CANVAS_TRIANGLE] = {3, -PI / 2, 0.2, 1.3},
        [CANVAS_DIAMOND] = {4, 0.0, 0.0, 1.28},     [CANVAS_TRIANGLE_DOWN] = {3, PI / 2, -0.2, 1.3},
        [CANVAS_PLUS] = {0, 0.0, 0.0, 1.2},         [CANVAS_CROSS] = {0, PI / 4, 0.0, 1.25},
        [CANVAS_PENTAGON] = {5, -PI / 2, 0.0, 1.2},
    };
    const struct canvas_pen edge = {0xFFFFFF, 1.0, size * 0.16, CANVAS_SOLID};
    const double r = size / 2, down = r * shapes[marker].down;

    set_pen(c, &edge);
    cairo_new_path(c->cr);
    if (marker == CANVAS_CIRCLE)
        cairo_arc(c->cr, x, y, r, 0, 2 * PI);
    else if (shapes[marker].corners == 0)
        trace_plus(c, shapes[marker].turn, x, y, r * shapes[marker].size);
    else
        trace_regular(c, shapes[marker].corners, shapes[marker].turn, x, y + down, r * shapes[marker].size);
    cairo_close_path(c->cr);
    cairo_stroke_preserve(c->cr);
    set_color(c, rgb, 1.0);
    cairo_fill(c->cr);
}

/* ---- text ---- */

/* Bytes of the UTF-8 character at s; 0 where there is none (Unicode 15, table 3-7), or one of control. */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first_lo, first_hi, second_lo, second_hi, length;
    } rows[] = {{0xC2, 0xC2, 0xA0, 0xBF, 2}, {0xC3, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};

    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7F ? 1 : 0;
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        if (s[0] < rows[i].first_lo || s[0] > rows[i].first_hi)
            continue;
        if (s[1] < rows[i].second_lo || s[1] > rows[i].second_hi)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

/* Cairo takes valid UTF-8 alone (else its context is dead). */
size_t canvas_clean_text(char *out, size_t size, const char *text)
{
    size_t n = 0, characters = 0;

    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t k = utf8_length(s);
        if (n + (k ? k : 1) >= size)
            break;
        if (k == 0)
            out[n++] = *s < 0x20 ? ' ' : '?';
        for (size_t i = 0; i < k; i++)
            out[n++] = (char)s[i];
        s += k ? k : 1;
        characters++;
    }
    out[n] = '\0';
    return characters;
}

static void set_font(struct canvas *c, double size, bool bold)
{
    cairo_select_font_face(c->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cr, size);
}

static double clean_width(struct canvas *c, const char *clean, size_t characters, double size, bool bold)
{
    cairo_text_extents_t e;

    if (c->spec.boxes)
        return 0.6 * size * (double)characters;
    set_font(c, size, bold);
    cairo_text_extents(c->cr, clean, &e);
    return e.x_advance;
}

double canvas_text_width(struct canvas *c, const char *text, double size, bool bold)
{
    char clean[TEXT_MAX];
    size_t n = canvas_clean_text(clean, sizeof clean, text);

    return clean_width(c, clean, n, size, bold);
}

/* In the canvas's own pixels, whatever is turned or moved. */
static void note_box(struct canvas *c, double x, double y, double w, double h)
{
    double x1 = x + w, y1 = y + h, *b;

    if (mem_grow(&c->boxes, &c->box_capacity, 4 * (c->box_count + 1), sizeof *c->boxes, "texts", NULL) < 0)
        return;
    cairo_user_to_device(c->cr, &x, &y);
    cairo_user_to_device(c->cr, &x1, &y1);
    b = c->boxes + 4 * c->box_count++;
    b[0] = fmin(x, x1) / c->scale;
    b[1] = fmin(y, y1) / c->scale;
    b[2] = fabs(x1 - x) / c->scale;
    b[3] = fabs(y1 - y) / c->scale;
}

const double *canvas_text_boxes(const struct canvas *c, size_t *count)
{
    *count = c->box_count;
    return c->boxes;
}

void canvas_text(struct canvas *c, double x, double y, const char *text, double size, bool bold,
                 enum canvas_align align, uint32_t rgb)
{
    char clean[TEXT_MAX];
    size_t n = canvas_clean_text(clean, sizeof clean, text);
    double width = clean_width(c, clean, n, size, bold);

    if (align != CANVAS_LEFT)
        x -= align == CANVAS_CENTER ? width / 2 : width;
    if (c->spec.boxes) {
        canvas_rect(c, x, y - 0.36 * size, width, 0.72 * size, rgb, 0.4);
        note_box(c, x, y - 0.36 * size, width, 0.72 * size);
        return;
    }
    set_color(c, rgb, 1.0);
    cairo_move_to(c->cr, x, y + 0.36 * size); /* capitals of most sans serif faces: 0.72 of the size */
    cairo_show_text(c->cr, clean);
    cairo_new_path(c->cr);
}

void canvas_text_up(struct canvas *c, double x, double y, const char *text, double size, uint32_t rgb)
{
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, -PI / 2);
    canvas_text(c, 0, 0, text, size, false, CANVAS_CENTER, rgb);
    cairo_restore(c->cr);
}

/* Move a place in UTF-8 text down, or up, to the start of a character. */
static size_t boundary(const char *text, size_t at, bool up)
{
    while (at > 0 && text[at] && ((unsigned char)text[at] & 0xC0) == 0x80)
        at = up ? at + 1 : at - 1;
    return at;
}

/* Up to byte `head` and from `tail` on, in whole words, for half a number is another. A name without spaces
 * is cut anywhere. */
static void cut_at_words(const char *text, size_t length, size_t *head, size_t *tail)
{
    size_t start = *head, end = *tail;

    while (start > *head / 2 && text[start - 1] != ' ')
        start--;
    if (start <= *head / 2)
        return;
    while (end < length && text[end - 1] != ' ')
        end++;
    *head = start;
    *tail = text[end - 1] == ' ' ? end - 1 : end;
}

void canvas_fit_text(struct canvas *c, char *out, size_t out_size, const char *text, double size, bool bold,
                     double width)
{
    char clean[TEXT_MAX], cut[TEXT_MAX + 6];
    size_t length;

    (void)canvas_clean_text(clean, sizeof clean, text);
    length = strlen(clean);
    str_copy(out, out_size, clean);
    for (size_t keep = length; keep > 0 && canvas_text_width(c, out, size, bold) > width;) {
        size_t head, tail;
        keep--;
        head = boundary(clean, keep * 2 / 3, false);
        tail = boundary(clean, length - keep / 3, true);
        cut_at_words(clean, length, &head, &tail);
        (void)snprintf(cut, sizeof cut, "%.*s[…]%s", (int)head, clean, clean + tail);
        str_copy(out, out_size, cut);
    }
}

void canvas_fitted_text(struct canvas *c, double x, double y, const char *text, double size, bool bold,
                        enum canvas_align align, uint32_t rgb, double width)
{
    char fitted[TEXT_MAX];

    canvas_fit_text(c, fitted, sizeof fitted, text, size, bold, width);
    canvas_text(c, x, y, fitted, size, bold, align, rgb);
}

/* Does the text up to byte n fit? */
static bool fits(struct canvas *c, const char *text, size_t n, double size, bool bold, double width)
{
    char line[TEXT_MAX];

    (void)snprintf(line, sizeof line, "%.*s", (int)n, text);
    return canvas_text_width(c, line, size, bold) <= width;
}

size_t canvas_break_text(struct canvas *c, const char *text, double size, bool bold, double width)
{
    const size_t length = strlen(text);
    size_t at_space = 0;

    if (fits(c, text, length, size, bold, width))
        return length;
    for (size_t n = length; n-- > 1;) {
        if (text[n] != ' ' || !fits(c, text, n, size, bold, width))
            continue;
        at_space = at_space ? at_space : n;
        /* preferably after a comma, if the rest has room in a second line */
        if (text[n - 1] == ',' && canvas_text_width(c, text + n + 1, size, bold) <= width)
            return n;
    }
    return at_space ? at_space : length;
}
