/* Charts as they are drawn: no text and no legend covers a point; small figures stay readable. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot/drawing.h"

/* ---- nothing covers a point ---- */

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static void random_chart(struct chart *chart, uint64_t *state)
{
    struct chart_panel *panel = &chart->panels[0];
    const size_t curves = 1 + (size_t)(uniform(state) * 6.99), guides = (size_t)(uniform(state) * 5);

    *chart = (struct chart){.x_label = "learning rate", .panel_count = 1, .x_log = uniform(state) < 0.5};
    *panel = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1};
    for (size_t i = 0; i < curves; i++) {
        const size_t count = 1 + (size_t)(uniform(state) * 40);
        struct chart_series *s;
        char label[64];
        double x = 0.01;
        (void)snprintf(label, sizeof label, "curve %.*s%zu", (int)(uniform(state) * 20),
                       "with a long name indeed", i);
        ck_assert_int_eq(chart_add_series(panel, label, count, uniform(state) < 0.3, &s, NULL), 0);
        for (size_t k = 0; k < count; k++) {
            s->x[k] = x;
            s->y[k] = 100 * (uniform(state) < 0.1 ? uniform(state) : 0.5 + 0.4 * sin((double)(k + i)));
            x *= 1 + 0.3 * uniform(state);
            if (s->low) {
                s->low[k] = fmax(s->y[k] - 3, 0);
                s->high[k] = fmin(s->y[k] + 3, 100);
            }
        }
        if (uniform(state) < 0.3) { /* the line leaves its points, as in range tests */
            ck_assert_int_eq(mem_new(&s->smooth, count, sizeof(double), "line", NULL), 0);
            for (size_t k = 0; k < count; k++)
                s->smooth[k] = 50;
        }
    }
    for (size_t i = 0; i < guides; i++) {
        const double x = panel->series[0].x[panel->series[0].count - 1] * uniform(state) + 0.01;
        struct chart_guide g = {.x0 = x, .x1 = x, .y0 = -INFINITY, .y1 = INFINITY, .text = "diverged 0.1234"};
        g.text_at = i % 2 ? CHART_TEXT_HEAD : CHART_TEXT_FOOT;
        chart_add_guide(panel, g);
    }
    chart_add_guide(panel, (struct chart_guide){0.01, 60, 0.02, 60, CHART_TEXT_ALONG, .text = "60.0 %"});
    chart_add_key(chart, CHART_KEY_GUIDE, "reaches 60.0 %%, where the longest run ends");
    chart_begin_axis(panel, 0.2);
}

/* Pixels by which the point lies inside the box; negative: outside. */
static double depth(double x, double y, const double *b)
{
    return fmin(fmin(x - b[0], b[0] + b[2] - x), fmin(y - b[1], b[1] + b[3] - y));
}

static void expect_uncovered(const struct chart *chart, int width, int height, int which)
{
    const struct canvas_spec spec = {CANVAS_PNG, width, height, 96, true, NULL, NULL};
    struct drawing *d = NULL;
    const double *boxes;
    size_t count;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    *d = (struct drawing){.chart = chart, .width = width, .height = height};
    ck_assert_int_eq(canvas_create(&d->canvas, &spec, NULL), 0);
    ck_assert_int_eq(drawing_run(d, NULL), 0);
    boxes = canvas_text_boxes(d->canvas, &count);
    ck_assert_uint_gt(count, 5);
    for (size_t i = 0; i < chart->panels[0].series_count; i++) {
        const struct chart_series *s = &chart->panels[0].series[i];
        const double legend[4] = {d->legend_box.x, d->legend_box.y, d->legend_box.w, d->legend_box.h};
        for (size_t k = 0; k < s->count; k++) {
            const double x = drawing_px(d, 0, s->x[k]), y = drawing_py(d, 0, s->y[k]);
            if (y > d->box[0].y + d->box[0].h)
                continue; /* below the axis */
            ck_assert_msg(depth(x, y, legend) < 0, "chart %d at %d: the legend covers (%g, %g)", which, width,
                          s->x[k], s->y[k]);
            for (size_t b = 0; b < count; b++)
                ck_assert_msg(depth(x, y, boxes + 4 * b) < 0, "chart %d at %d: text %zu covers (%g, %g)",
                              which, width, b, s->x[k], s->y[k]);
        }
    }
    canvas_destroy(d->canvas);
    free(d);
}

START_TEST(test_chart__no_text_covers_a_point)
{
    static const int widths[] = {320, 640, 960};
    uint64_t state = 1;

    for (int i = 0; i < 200; i++) {
        struct chart chart;
        random_chart(&chart, &state);
        for (size_t w = 0; w < MEM_COUNT(widths); w++)
            expect_uncovered(&chart, widths[w], widths[w] * 3 / 4, i);
        chart_clear(&chart);
    }
}
END_TEST

/* ---- small figures ---- */

/* Half a range is another number: whole words go, and the cut is no ellipsis, which is that of a range. */
/* A curve from 0 to 100 that has points up to 30 all around a guide, or none: the guide's text stands beside
 * the guide, which ends at 25, or nowhere, and that is counted. */
START_TEST(test_guides__texts_are_beside_their_lines)
{
    const struct canvas_spec spec = {CANVAS_PNG, 640, 400, 96, true, NULL, NULL};

    for (int crowded = 0; crowded < 2; crowded++) {
        struct chart chart = {.x_label = "iteration", .panel_count = 1};
        struct chart_panel *panel = &chart.panels[0];
        struct drawing *d = NULL;
        struct chart_series *s;
        size_t count, with;
        *panel =
            (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1, .from_zero = true};
        ck_assert_int_eq(chart_add_series(panel, "", 200, false, &s, NULL), 0);
        for (int k = 0; k < 200; k++) {
            s->x[k] = k;
            s->y[k] = k == 0 ? 100 : crowded ? k % 4 * 10 : 60;
        }
        ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
        for (int guide = 0; guide < 2; guide++) {
            *d = (struct drawing){.chart = &chart, .width = 640, .height = 400};
            ck_assert_int_eq(canvas_create(&d->canvas, &spec, NULL), 0);
            ck_assert_int_eq(drawing_run(d, NULL), 0);
            with = count;
            (void)canvas_text_boxes(d->canvas, &count);
            canvas_destroy(d->canvas);
            chart_add_guide(panel,
                            (struct chart_guide){100, -INFINITY, 100, 25, CHART_TEXT_FOOT, .text = "100"});
        }
        ck_assert_msg(d->omitted == (size_t)crowded && count == with + !crowded,
                      "%zu omitted, %zu texts, %zu", d->omitted, with, count);
        free(d);
        chart_clear(&chart);
    }
}
END_TEST

START_TEST(test_canvas__texts_are_cut_between_words)
{
    static const char *const cuts[][2] = {{"1cycle up to 0.05, momentum 0.85…0.95", "…"},
                                          {"a-name-without-spaces-0.85-of-a-run", ""}};
    const struct canvas_spec spec = {CANVAS_PNG, 320, 240, 96, true, NULL, NULL};
    struct canvas *canvas;
    char text[80];

    ck_assert_int_eq(canvas_create(&canvas, &spec, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(cuts); i++) {
        for (double width = 60; width < 320; width += 10) {
            canvas_fit_text(canvas, text, sizeof text, cuts[i][0], 12, false, width);
            ck_assert(canvas_text_width(canvas, text, 12, false) <= width || strlen(text) < 12);
            if (strcmp(text, cuts[i][0]) == 0)
                continue;
            ck_assert_msg(strstr(text, "[…]") != NULL, "%s", text);
            ck_assert_msg(i > 0 || !strstr(text, "0.95") || strstr(text, " 0.85…0.95"), "%s", text);
        }
    }
    canvas_destroy(canvas);
}
END_TEST

static void draw_at(struct drawing *d, const struct chart *chart, int width, int height)
{
    const struct canvas_spec spec = {CANVAS_PNG, width, height, 96, true, NULL, NULL};

    *d = (struct drawing){.chart = chart, .width = width, .height = height};
    ck_assert_int_eq(canvas_create(&d->canvas, &spec, NULL), 0);
    ck_assert_int_eq(drawing_run(d, NULL), 0);
    canvas_destroy(d->canvas);
}

/* A range test over several weight decays, as it is drawn. */
static void make_decays(struct chart *chart, size_t count)
{
    struct chart_panel *panel = &chart->panels[0];

    *chart = (struct chart){.title = "quick on cifar10: learning-rate range test", .panel_count = 1};
    str_copy(chart->x_label, sizeof chart->x_label, "learning rate");
    *panel = (struct chart_panel){.y_label = "test accuracy (%)", .ceiling = 100, .share = 1};
    for (size_t i = 0; i < count; i++) {
        struct chart_series *s;
        ck_assert_int_eq(chart_add_series(panel, "weight decay 0.005", 20, false, &s, NULL), 0);
        for (size_t k = 0; k < s->count; k++) {
            s->x[k] = (double)k;
            s->y[k] = k % 2 ? 90 : 10; /* the legend goes below */
        }
        chart->lanes[chart->lane_count++] = (struct chart_lane){2, 8, NAN, i, "2…8"};
    }
    chart_add_key(chart, CHART_KEY_LINE, "median of three points");
    chart_add_brief(chart, "medians of three");
    chart_add_key(chart, CHART_KEY_LANE, "range to train in, of each curve");
    chart_add_brief(chart, "range to train in");
    chart_add_key(chart, CHART_KEY_GUIDE, "loss no longer finite, of each curve");
    chart_add_brief(chart, "loss not finite");
}

/* Every curve has its name; what a figure of the size of a slide's corner has no room for is omitted. */
START_TEST(test_panels__of_the_smallest_figures_can_be_read)
{
    static const size_t counts[] = {1, 3, 7};
    struct drawing *d = NULL;
    struct chart chart;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(counts); i++) {
        make_decays(&chart, counts[i]);
        draw_at(d, &chart, 320, 240);
        ck_assert_msg(d->box[0].h > 80 && legend_has_names(d), "%zu curves: %g", counts[i], d->box[0].h);
        ck_assert(d->title_rows == 1);
        draw_at(d, &chart, 640, 600); /* where there is room, there is all */
        ck_assert(d->lane_count == counts[i] && legend_has_all(d));
        ck_assert(strcmp(d->legend.entries[counts[i]].text, "median of three points") == 0);
        chart_clear(&chart);
    }
    free(d);
}
END_TEST

/* The names of the curves come before what was read of each. */
START_TEST(test_lanes__of_a_low_figure_make_room)
{
    struct chart chart = {.x_label = "learning rate", .panel_count = 1, .lane_count = 3};
    struct drawing *d = NULL;
    struct chart_series *s;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    chart.panels[0] = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(chart_add_series(&chart.panels[0], "a curve", 20, false, &s, NULL), 0);
        for (size_t k = 0; k < s->count; k++) {
            s->x[k] = (double)k;
            s->y[k] = k % 2 ? 90 : 10;
        }
        chart.lanes[i] = (struct chart_lane){2, 8, NAN, i, "2…8"};
    }
    chart_add_key(&chart, CHART_KEY_LANE, "range to train in, of each curve");
    draw_at(d, &chart, 320, 200);
    ck_assert(d->lane_count == 0 && legend_has_names(d));
    draw_at(d, &chart, 320, 400);
    ck_assert(d->lane_count == 3 && legend_has_names(d));
    chart_clear(&chart);
    free(d);
}
END_TEST

/* No number is cut, which would make it another number; and the panels keep their size. */
START_TEST(test_legend__of_a_small_figure_is_brief_and_leaves_room)
{
    static const char whole[] = "range to train in, said at some length: 0.000174…0.0451",
                      brief[] = "train in 0.000174…0.0451";
    struct chart chart = {.x_label = "learning rate", .panel_count = 1};
    struct drawing *d = NULL;
    struct chart_series *s;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    chart.panels[0] = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1};
    ck_assert_int_eq(chart_add_series(&chart.panels[0], "a curve", 20, false, &s, NULL), 0);
    for (size_t k = 0; k < s->count; k++) {
        s->x[k] = (double)k;
        s->y[k] = k % 2 ? 90 : 10; /* the legend goes below */
    }
    for (size_t k = 0; k < 4; k++)
        chart_add_key(&chart, CHART_KEY_RANGE, whole);
    str_copy(chart.keys[0].brief, sizeof chart.keys[0].brief, brief);
    draw_at(d, &chart, 320, 480);
    ck_assert_uint_eq(d->legend.rows, 5);
    ck_assert_str_eq(d->legend.entries[1].text, brief);
    ck_assert(strcmp(d->legend.entries[2].text, whole) != 0 && strstr(d->legend.entries[2].text, "…"));
    draw_at(d, &chart, 960, 600);
    ck_assert_str_eq(d->legend.entries[1].text, whole);
    for (int height = 480; height >= 200; height -= 40) {
        draw_at(d, &chart, 320, height);
        ck_assert_msg(d->box[0].h > 0.18 * height, "%g of %d", d->box[0].h, height);
    }
    chart_clear(&chart);
    free(d);
}
END_TEST

/* Several seeds, as `plot range` draws them: with its marks, the plot has half of the smallest figure. */
START_TEST(test_panels__of_the_smallest_range_figure_have_half_of_it)
{
    static const char *const marks[] = {"min 0.00701", "max 0.0711", "first diverged 0.15"};
    static const double rates[] = {0.00701, 0.0711, 0.15};
    struct chart chart = {.title = "lenet: learning-rate range test", .panel_count = 1};
    struct drawing *d = NULL;
    struct chart_series *s;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    str_copy(chart.x_label, sizeof chart.x_label, "learning rate");
    chart.panels[0] = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1};
    ck_assert_int_eq(chart_add_series(&chart.panels[0], "mean of 3 runs", 31, false, &s, NULL), 0);
    for (size_t k = 0; k < s->count; k++) {
        s->x[k] = 0.01 * (double)k;
        s->y[k] = k % 2 ? 90 : 10; /* the legend goes below */
    }
    for (size_t i = 0; i < MEM_COUNT(marks); i++) {
        struct chart_guide g = {rates[i], -INFINITY, rates[i], INFINITY, .text_at = CHART_TEXT_HEAD};
        str_copy(g.text, sizeof g.text, marks[i]);
        chart_add_guide(&chart.panels[0], g);
    }
    for (size_t i = 0; i < 4; i++)
        chart_add_key(&chart, CHART_KEY_BOUND, "max in 0.04…0.08");
    draw_at(d, &chart, 320, 240);
    ck_assert_msg(d->heads.count == 3 && d->heads.rows == 1, "%d rows", d->heads.rows);
    ck_assert(legend_has_all(d) && !d->labels_above);
    ck_assert_msg(d->box[0].h + ROW * d->s.text >= 0.49 * 240, "%g", d->box[0].h);
    chart_clear(&chart);
    free(d);
}
END_TEST

/* Two evaluations, and accuracies that hardly differ: every point stands clear of the edges. */
START_TEST(test_panels__of_two_points_show_both)
{
    static const double accuracies[][2] = {{81.2, 82.9}, {81.9, 82.1}, {12.5, 71.0}, {99.7, 99.9}};
    struct drawing *d = NULL;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(accuracies); i++) {
        struct chart chart = {.x_label = "iteration", .panel_count = 1};
        struct chart_panel *panel = &chart.panels[0];
        struct chart_series *s;
        *panel = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1, .min_span = 2};
        ck_assert_int_eq(chart_add_series(panel, "a run", 2, false, &s, NULL), 0);
        for (size_t k = 0; k < 2; k++) {
            s->x[k] = 100.0 * (double)(k + 1);
            s->y[k] = accuracies[i][k];
        }
        chart_begin_axis(panel, 0.2);
        draw_at(d, &chart, 640, 400);
        for (size_t k = 0; k < 2; k++) {
            const double at = (drawing_py(d, 0, s->y[k]) - d->box[0].y) / d->box[0].h;
            ck_assert_msg(at > 0.03 && at < 0.85, "%g is at %g", s->y[k], at);
        }
        chart_clear(&chart);
    }
    free(d);
}
END_TEST

/* The text of a lane stands in or beside its bar, or after the cross, to which a line leads. */
START_TEST(test_lanes__texts_are_near_their_bars)
{
    static const struct chart_lane lanes[] = {{0.2, 8, 9, 0, "0.2…8"},
                                              {0.2, 0.5, 1.5, 0, "0.2…0.5, uncertain"}};
    const struct canvas_spec spec = {CANVAS_PNG, 640, 480, 96, true, NULL, NULL};
    struct drawing *d = NULL;

    ck_assert_int_eq(mem_new(&d, 1, sizeof *d, "drawing", NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(lanes); i++) {
        struct chart chart = {.x_label = "learning rate", .panel_count = 1, .lane_count = 1};
        struct chart_series *s;
        const double *box;
        size_t count;
        chart.lanes[0] = lanes[i];
        chart.panels[0] = (struct chart_panel){.y_label = "accuracy (%)", .ceiling = 100, .share = 1};
        ck_assert_int_eq(chart_add_series(&chart.panels[0], "", 20, false, &s, NULL), 0);
        for (size_t k = 0; k < s->count; k++)
            s->x[k] = s->y[k] = (double)k;
        *d = (struct drawing){.chart = &chart, .width = 640, .height = 480};
        ck_assert_int_eq(canvas_create(&d->canvas, &spec, NULL), 0);
        ck_assert_int_eq(drawing_run(d, NULL), 0);
        box = canvas_text_boxes(d->canvas, &count);
        while (count > 0 && box[1] + box[3] > d->box[0].y) { /* the lane's is above the panel */
            count--;
            box += 4;
        }
        ck_assert_uint_gt(count, 0);
        ck_assert_msg(box[0] < drawing_px(d, 0, lanes[i].end) + 20 * d->s.unit, "%zu: at %g", i, box[0]);
        canvas_destroy(d->canvas);
        chart_clear(&chart);
    }
    free(d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chart");
    TCase *tc = tcase_create("chart");

    tcase_add_test(tc, test_chart__no_text_covers_a_point);
    tcase_add_test(tc, test_guides__texts_are_beside_their_lines);
    tcase_add_test(tc, test_canvas__texts_are_cut_between_words);
    tcase_add_test(tc, test_panels__of_the_smallest_figures_can_be_read);
    tcase_add_test(tc, test_lanes__of_a_low_figure_make_room);
    tcase_add_test(tc, test_legend__of_a_small_figure_is_brief_and_leaves_room);
    tcase_add_test(tc, test_panels__of_the_smallest_range_figure_have_half_of_it);
    tcase_add_test(tc, test_panels__of_two_points_show_both);
    tcase_add_test(tc, test_lanes__texts_are_near_their_bars);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
