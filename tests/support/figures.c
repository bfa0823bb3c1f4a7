/* Inputs and reference images of figures: see figures.h. */
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>

#include "base/fs.h"
#include "support.h"

void figures_write(const char *folder, const char *name, const char *text)
{
    struct clr_error err = {0};
    char *path;

    ck_assert_int_eq(fs_join(&path, folder, name, NULL), 0);
    ck_assert_msg(fs_write_atomic(path, text, strlen(text), &err) == 0, "%s", err.message);
    free(path);
}

static char *g_paths[2048];
static size_t g_path_count;

static void free_paths(void)
{
    while (g_path_count > 0)
        free(g_paths[--g_path_count]);
}

char *figures_join(const char *folder, const char *name)
{
    char *path;

    ck_assert_int_eq(fs_join(&path, folder, name, NULL), 0);
    ck_assert(g_path_count < MEM_COUNT(g_paths));
    if (g_path_count == 0)
        (void)atexit(free_paths);
    return g_paths[g_path_count++] = path;
}

char *figures_run(const char *base, const char *name, const struct figures_point *points, size_t count,
                  double shift, const char *settings)
{
    char *folder = figures_join(base, name);
    struct str s = {0};

    ck_assert_int_eq(fs_make_dirs(folder, NULL), 0);
    str_append(&s, FIGURES_HISTORY);
    for (size_t i = 0; i < count; i++)
        str_append(&s, "%d,1,0.001,1,%.9g\n", points[i].iteration, (points[i].accuracy + shift) / 100);
    figures_write(folder, "history.csv", s.text);
    str_clear(&s);
    if (settings) {
        str_append(&s, "{\"version\": \"1\", \"settings\": {%s}}\n", settings);
        figures_write(folder, "run.json", s.text);
        str_clear(&s);
    }
    return folder;
}

static cairo_surface_t *decode(const char *path)
{
    cairo_surface_t *s = cairo_image_surface_create_from_png(path);

    ck_assert_msg(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS, "cannot read %s", path);
    cairo_surface_flush(s);
    return s;
}

/*
 * How many pixels of two pictures differ clearly: by more than 64 of 255 in a channel from every pixel in the
 * 3 × 3 around the same place in the other one, so that an edge half a pixel away does not count.
 */
static int count_different(cairo_surface_t *a, cairo_surface_t *b)
{
    int w = cairo_image_surface_get_width(a), h = cairo_image_surface_get_height(a), different = 0;
    const unsigned char *pa = cairo_image_surface_get_data(a), *pb = cairo_image_surface_get_data(b);
    int stride = cairo_image_surface_get_stride(a);

    ck_assert_int_eq(w, cairo_image_surface_get_width(b));
    ck_assert_int_eq(h, cairo_image_surface_get_height(b));
    ck_assert_int_eq(stride, cairo_image_surface_get_stride(b));
    for (int y = 1; y < h - 1; y++) {
        for (int x = 1; x < w - 1; x++) {
            const unsigned char *p = pa + y * stride + 4 * x;
            bool close = false;
            for (int k = 0; k < 9 && !close; k++) {
                const unsigned char *q = pb + (y + k / 3 - 1) * stride + 4 * (x + k % 3 - 1);
                close = abs(p[0] - q[0]) <= 64 && abs(p[1] - q[1]) <= 64 && abs(p[2] - q[2]) <= 64;
            }
            different += !close;
        }
    }
    return different;
}

int figures_compare(struct str *png, const char *name)
{
    const char *root = getenv("CLR_SOURCE_ROOT"), *base = support_temp_dir();
    cairo_surface_t *drawn, *golden;
    int different;

    ck_assert_msg(root != NULL, "CLR_SOURCE_ROOT is not set");
    ck_assert_int_eq(fs_write_atomic(figures_join(base, "x.png"), png->text, png->length, NULL), 0);
    drawn = decode(figures_join(base, "x.png"));
    golden = decode(figures_join(figures_join(root, "tests/golden"), name));
    different = count_different(drawn, golden) + count_different(golden, drawn);
    cairo_surface_destroy(drawn);
    cairo_surface_destroy(golden);
    str_clear(png);
    return different;
}
