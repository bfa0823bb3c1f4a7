/* A user's program, against the installed library: C11 and C++11. See installed.sh. */
#include <clr/clr.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A struct without its size, as one of another version would be, is refused before anything is done. */
static int refuses_other_sizes(void)
{
    struct clr_plot_options plot;
    struct clr_bench_options bench;
    struct clr_tune_options tune;
    struct clr_dataset_images images;
    struct clr_doctor_listener listener;
    struct clr_train_options train;
    struct clr_bench_report report;
    struct clr_doctor_summary summary;
    struct clr_train_result result;
    struct clr_device device;
    struct clr_dataset *data = NULL;

    memset(&plot, 0, sizeof plot);
    memset(&bench, 0, sizeof bench);
    memset(&tune, 0, sizeof tune);
    memset(&images, 0, sizeof images);
    memset(&listener, 0, sizeof listener);
    memset(&device, 0, sizeof device);
    clr_train_options_init(&train, sizeof train - 1);
    return clr_plot_run("x.png", NULL, 0, &plot, NULL) == CLR_EUSAGE &&
           clr_bench_plot("x.png", NULL, 0, &plot, NULL) == CLR_EUSAGE &&
           clr_bench_run(&report, &device, &bench, NULL) == CLR_EUSAGE &&
           clr_tune_work(&tune, NULL, NULL, NULL) == CLR_EUSAGE &&
           clr_dataset_create(&data, &images, NULL) == CLR_EUSAGE &&
           clr_doctor(&device, &listener, &summary, NULL) == CLR_EUSAGE &&
           clr_train(&train, &result, NULL) == CLR_EUSAGE;
}

int main(void)
{
    struct clr_schedule s;
    struct clr_error err;

    clr_schedule_init(&s, sizeof s - 1);
    if (clr_schedule_check(&s, NULL) != CLR_EUSAGE)
        return 1;
    clr_schedule_init(&s, sizeof s);
    s.policy = CLR_POLICY_TRIANGULAR;
    s.min_lr = 1.0;
    s.max_lr = 3.0;
    s.step_size = 4;
    if (clr_schedule_check(&s, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (fabs(clr_schedule_lr(&s, 2) - 2.0) > 1e-12 || strlen(CLR_VERSION) == 0)
        return 1;
    if (!refuses_other_sizes())
        return 1;
    s.max_lr = 0.5;
    return clr_schedule_check(&s, &err) == CLR_EUSAGE && strlen(err.message) > 0 ? 0 : 1;
}
