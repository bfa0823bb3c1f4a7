/* Rates in figures: of schedules, of range tests, and of runs beside their accuracy. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/plot.h>

#include "base/fs.h"
#include "figures.h"
#include "plot/figure.h"

#define SAME "\"net\":\"quick\",\"data\":\"cifar10\",\"policy\":\"fixed\",\"lr\":0.001,"

#define SCHEDULE(policy) "\"schedule\":{\"policy\":\"" policy "\","
#define CYCLE            "\"min_lr\":0.001,\"max_lr\":0.04,\"step_size\":50"
#define TRIANGULAR       SCHEDULE("triangular") CYCLE "}"
#define EXP_RANGE        SCHEDULE("exp_range") CYCLE ",\"gamma\":0.1}"
#define SGDR             SCHEDULE("sgdr") CYCLE ",\"t_mult\":2}"
#define STEP             SCHEDULE("step") "\"lr\":0.04,\"step_size\":50,\"gamma\":0.1}"
#define FIXED            SCHEDULE("fixed") "\"lr\":0.04}"

/* Without rows in between: a jump stands upright, momentum is drawn if it moves. */
START_TEST(test_rates__of_a_schedule_itself)
{
    const char *base = support_temp_dir(), *path = figures_join(base, "x.svg");
    struct clr_plot_options o = {.size = sizeof o, .csv = figures_join(base, "x.csv")};
    struct clr_error err = {0};
    struct clr_schedule s;
    char *text;
    size_t size;

    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_STEP;
    s.lr = 0.1;
    s.gamma = 0.5;
    s.step_size = 1;
    ck_assert_msg(clr_plot_rates(path, &s, 3, &o, &err) == 0, "%s", err.message);
    ck_assert_int_eq(fs_read(o.csv, 1 << 20, &text, &size, NULL), 0);
    ck_assert_str_eq(text, "panel,axis,kind,name,x,y,low,high,line\n"
                           "learning rate,iteration,point,,1,0.1,,,\n"
                           "learning rate,iteration,point,,2,0.1,,,\n"
                           "learning rate,iteration,point,,2,0.05,,,\n"
                           "learning rate,iteration,point,,3,0.05,,,\n"
                           "learning rate,iteration,point,,3,0.025,,,\n");
    free(text);
    s.policy = CLR_POLICY_TRIANGULAR;
    s.min_lr = 0.1;
    s.max_lr = 0.2;
    s.step_size = 1000000;
    s.cycle_momentum_low = 0.8;
    s.cycle_momentum_high = 0.9;
    ck_assert_msg(clr_plot_rates(path, &s, 2000001, &o, &err) == 0, "%s", err.message);
    ck_assert_int_eq(fs_read(o.csv, 1 << 20, &text, &size, NULL), 0);
    ck_assert_str_eq(text, "panel,axis,kind,name,x,y,low,high,line\n"
                           "learning rate,iteration,point,,1,0.1,,,\n"
                           "learning rate,iteration,point,,1000001,0.2,,,\n"
                           "learning rate,iteration,point,,2000001,0.1,,,\n"
                           "momentum,iteration,point,,1,0.9,,,\n"
                           "momentum,iteration,point,,1000001,0.8,,,\n"
                           "momentum,iteration,point,,2000001,0.9,,,\n");
    free(text);
    ck_assert_int_eq(clr_plot_rates(path, &s, 0, NULL, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_plot_rates(path, NULL, 1, NULL, &err), CLR_EUSAGE);
    s.max_lr = NAN;
    ck_assert_int_eq(clr_plot_rates(path, &s, 1, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`max_lr` is missing"));
}
END_TEST

/* Where a schedule falls between the rows, though they rise, its run is no range test. */
START_TEST(test_rates__that_fall_are_of_no_range_test)
{
    static const struct clr_plot_options over = {.over = CLR_PLOT_OVER_RATE};
    static const struct figures_point points[] = {{1, 10.0}, {100, 20.0}};
    static const struct {
        const char *schedule;
        int last;
        const char *falls; /* NULL: it rises */
    } cases[] = {{TRIANGULAR, 51, NULL},
                 {TRIANGULAR, 52, "before iteration 52 under triangular"},
                 {TRIANGULAR, 500, "before iteration 101 under triangular"},
                 {SGDR, 500, "before iteration 51 under sgdr"},
                 {STEP, 500, "before iteration 51 under step"},
                 {EXP_RANGE, 30, "before iteration 30 under exp_range"},
                 {FIXED, 500, NULL}};
    const char *base = support_temp_dir();

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        const char *input = figures_run(base, "run", points, 2, 0, cases[i].schedule);
        struct clr_error err = {0};
        struct chart chart;
        char losses[128];
        (void)snprintf(losses, sizeof losses, "iteration,trn_loss,lr\n1,2.3,0.1\n%d,2.2,0.2\n",
                       cases[i].last);
        figures_write(input, "loss.csv", losses);
        ck_assert_msg(figure_make(figure_loss, &chart, &input, 1, &over, &err) ==
                              (cases[i].falls ? CLR_EINPUT : 0) &&
                          (!cases[i].falls || strstr(err.message, cases[i].falls)),
                      "%zu: %s", i, err.message);
        if (!cases[i].falls)
            chart_clear(&chart);
    }
}
END_TEST

static bool has_key(const struct chart *chart, enum chart_key_kind kind)
{
    for (size_t i = 0; i < chart->key_count; i++)
        if (chart->keys[i].kind == kind)
            return true;
    return false;
}

/* An axis that begins above the level has no mark of it; the key of a rate above its axis stays. */
START_TEST(test_rates__a_level_below_the_axis_is_not_marked)
{
    static const struct figures_point good[] = {{1, 10.0}, {200, 60.0}, {400, 80.0}},
                                      bad[] = {{1, 10.0}, {200, 40.0}, {400, 55.0}},
                                      steep[] = {{1, 10.0}, {200, 59.0}};
    static const double high = 58.0, low = 50.0;
    const struct clr_plot_options all = {.rates = true, .y_min = &low},
                                  some = {.rates = true, .y_min = &high};
    const char *base = support_temp_dir(), *inputs[3];
    struct chart chart;

    inputs[0] = figures_run(base, "good", good, 3, 0, SAME "\"batch\":10");
    inputs[1] = figures_run(base, "bad", bad, 3, 0, SAME "\"batch\":20");
    inputs[2] = figures_run(base, "steep", steep, 2, 0, SAME "\"batch\":30");
    figures_write(inputs[2], "run.json",
                  "{\"settings\": {" SAME "\"batch\":30}, \"status\": \"diverged\", "
                  "\"result\": {\"iterations\": 250, \"diverged_at\": 251}}");
    figures_write(inputs[2], "loss.csv", "iteration,trn_loss,lr\n1,2,0.5\n200,2,0.5\n");
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 3, &all, NULL), 0);
    ck_assert(chart.panels[0].guide_count > 1 && has_key(&chart, CHART_KEY_ABOVE) &&
              has_key(&chart, CHART_KEY_GUIDE));
    chart_clear(&chart);
    ck_assert_int_eq(figure_make(figure_run, &chart, inputs, 3, &some, NULL), 0);
    ck_assert(chart.panels[1].ends && has_key(&chart, CHART_KEY_ABOVE) && has_key(&chart, CHART_KEY_END) &&
              !has_key(&chart, CHART_KEY_GUIDE));
    chart_clear(&chart);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rates");
    TCase *tc = tcase_create("rates");

    tcase_add_test(tc, test_rates__of_a_schedule_itself);
    tcase_add_test(tc, test_rates__that_fall_are_of_no_range_test);
    tcase_add_test(tc, test_rates__a_level_below_the_axis_is_not_marked);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
