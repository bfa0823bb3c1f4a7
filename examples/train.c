/*
 * Train a net with a schedule of its own, and save the weights:
 *
 *     cc train.c $(pkg-config --cflags --libs clr-cl) -lm && ./a.out lenet fashion-mnist 1000
 *
 * The rate falls along half a cosine from 0.02 to 0, momentum is 0.9. Every 100 updates the program prints loss and
 * accuracy; it saves the weights in weights.safetensors.
 */
#include <clr/clr.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

static void print_line(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    fprintf(stderr, "%s%s\n", level == CLR_LOG_WARNING ? "warning: " : "", line);
}

static int train(struct clr_trainer *trainer, long steps, struct clr_error *err)
{
    for (long i = 0; i < steps; i++) {
        const double rate = 0.01 * (1.0 + cos(PI * (double)i / (double)steps));
        const int report = (i + 1) % 100 == 0 || i + 1 == steps;
        double loss, test_loss, accuracy;
        int rc = clr_trainer_step(trainer, rate, 0.9, report ? &loss : NULL, err);

        if (rc == 0 && report)
            rc = clr_trainer_evaluate(trainer, &test_loss, &accuracy, err);
        if (rc < 0)
            return rc;
        if (report)
            printf("%ld: loss %.4f, accuracy %.2f %%\n", i + 1, loss, 100.0 * accuracy);
    }
    return clr_trainer_save(trainer, "weights.safetensors", err);
}

int main(int argc, char **argv)
{
    struct clr_error err;
    struct clr_net_spec *net = NULL;
    struct clr_dataset *data = NULL;
    struct clr_device *devices = NULL;
    struct clr_trainer *trainer = NULL;
    struct clr_train_options options;
    size_t count = 0, best = 0;
    long steps = 0;
    char *end = NULL;
    int rc;

    if (argc == 4)
        steps = strtol(argv[3], &end, 10);
    if (steps < 1 || *end != '\0') {
        fprintf(stderr, "usage: train NET DATA STEPS, with 1 step or more\n");
        return 2;
    }
    clr_log_set_sink(print_line, NULL);
    rc = clr_net_load(&net, argv[1], &err);
    if (rc == 0)
        rc = clr_dataset_open(&data, argv[2], &err);
    if (rc == 0)
        rc = clr_device_list(&devices, &count, &err);
    if (rc == 0)
        rc = clr_device_select(&best, devices, count, NULL, &err);
    if (rc == 0) {
        clr_train_options_init(&options, sizeof options);
        options.net = net;
        options.data = data;
        options.device = &devices[best];
        options.batch = 50;
        options.weight_decay = 0.0005;
        rc = clr_trainer_create(&trainer, &options, &err);
    }
    if (rc == 0)
        rc = train(trainer, steps, &err);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.message);
    clr_trainer_destroy(trainer);
    clr_net_destroy(net);
    clr_dataset_destroy(data);
    free(devices);
    return rc < 0;
}
