/*
 * Range tests that differ in the seed, read as one: clr_range_combine(), see clr/train.h. Their curves are
 * averaged update for update, as far as the shortest goes: the first that diverges ends all.
 */
#include <clr/plot.h>
#include <clr/train.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/fs.h"
#include "base/json.h"
#include "train/range_reading.h"
#include "train/rules.h"
#include "train/suggest.h"

#define LIMIT_JSON ((size_t)1 << 20)
#define RATES      1e9 /* at most */

/* Means over the tests: of the evaluations, and of the losses of all updates. */
struct means {
    size_t rows, updates, count; /* count: tests taken in */
    double *iterations, *rates, *accuracies;
    double *update_rates, *losses;
    double untrained, diverged_lr;
    uint64_t diverged_at;
    int classes, images;
};

static void clear(struct means *m)
{
    free(m->iterations);
    free(m->rates);
    free(m->accuracies);
    free(m->update_rates);
    free(m->losses);
}

/* Add a column to sums: the first test makes them, each shortens them to what it has. */
static int add(double **sum, size_t *rows, const struct csv *csv, size_t column, bool first,
               struct clr_error *err)
{
    if (first) {
        const int rc = mem_new(sum, csv->rows, sizeof **sum, "a curve", err);
        if (rc < 0)
            return rc;
        *rows = csv->rows;
    }
    *rows = csv->rows < *rows ? csv->rows : *rows;
    for (size_t i = 0; i < *rows; i++)
        (*sum)[i] += csv_at(csv, i, column);
    return 0;
}

static int read_csv(struct csv *out, const char *folder, const char *name, const struct csv_column *columns,
                    size_t count, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, folder, name, err);

    if (rc == 0)
        rc = csv_read(out, path, columns, count, err);
    free(path);
    return rc;
}

static int add_curves(struct means *m, const char *folder, struct clr_error *err)
{
    static const struct csv_column range[] = {{"iteration", 1, 1e15},
                                              {"trn_loss", -HUGE_VAL, HUGE_VAL},
                                              {"lr", 0, RATES},
                                              {"val_loss", -HUGE_VAL, HUGE_VAL},
                                              {"val_acc", 0, 1}};
    static const struct csv_column loss[] = {
        {"iteration", 1, 1e15}, {"trn_loss", -HUGE_VAL, HUGE_VAL}, {"lr", 0, RATES}};
    const bool first = m->count == 0;
    struct csv csv = {0};
    int rc = read_csv(&csv, folder, "range.csv", range, MEM_COUNT(range), err);

    if (rc == 0)
        rc = add(&m->iterations, &m->rows, &csv, 0, first, err);
    if (rc == 0)
        rc = add(&m->rates, &m->rows, &csv, 2, first, err);
    if (rc == 0)
        rc = add(&m->accuracies, &m->rows, &csv, 4, first, err);
    csv_clear(&csv);
    if (rc == 0)
        rc = read_csv(&csv, folder, "loss.csv", loss, MEM_COUNT(loss), err);
    if (rc == 0)
        rc = add(&m->losses, &m->updates, &csv, 1, first, err);
    if (rc == 0)
        rc = add(&m->update_rates, &m->updates, &csv, 2, first, err);
    csv_clear(&csv);
    return rc;
}

static int add_reading(struct means *m, const char *folder, struct clr_error *err)
{
    char *path = NULL;
    json_t *root = NULL;
    double untrained, lr;
    int rc = fs_join(&path, folder, "range.json", err);

    if (rc == 0)
        rc = json_read(&root, path, LIMIT_JSON, err);
    if (rc < 0)
        goto out;
    untrained = json_number_value(json_object_get(root, "untrained"));
    lr = json_number_value(json_object_get(root, "diverged_lr"));
    m->classes = (int)json_integer_value(json_object_get(root, "classes"));
    m->images = (int)json_integer_value(json_object_get(root, "images"));
    if (!(untrained >= 0.0 && untrained <= 1.0) || m->classes < 1 || m->images < 1)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is damaged: it does not say what was evaluated", path);
    m->untrained += untrained;
    if (lr > 0.0 && !(m->diverged_lr <= lr)) {
        m->diverged_lr = lr;
        m->diverged_at = (uint64_t)json_integer_value(json_object_get(root, "diverged_at"));
    }
out:
    json_decref(root);
    free(path);
    return rc;
}

static int read_off(struct clr_range_result *out, struct means *m, struct clr_error *err)
{
    const double n = (double)m->count;
    struct range_curve curve = {.rates = m->rates,
                                .accuracies = m->accuracies,
                                .count = m->rows,
                                .untrained = m->untrained / n,
                                .classes = m->classes,
                                .images =
                                    m->images, /* the same every time: their error does not average out */
                                .diverged = !isnan(m->diverged_lr),
                                .diverged_lr = m->diverged_lr};

    for (size_t i = 0; i < m->rows; i++) {
        m->rates[i] /= n;
        m->accuracies[i] /= n;
    }
    for (size_t i = 0; i < m->updates; i++) {
        m->losses[i] /= n;
        m->update_rates[i] /= n;
    }
    *out =
        (struct clr_range_result){.iterations = m->rows > 0 ? (uint64_t)(m->iterations[m->rows - 1] / n) : 0,
                                  .diverged = curve.diverged,
                                  .diverged_lr = m->diverged_lr,
                                  .diverged_at = m->diverged_at};
    suggest_range(out, &curve);
    return rules_read(out->rules, m->update_rates, m->losses, m->updates, err);
}

static int write_both(const char *out, const char *const *folders, size_t count, const struct means *m,
                      const struct clr_range_result *r, const char *command_line, struct clr_error *err)
{
    const double bounds[2] = {r->has_min ? r->min_lr : NAN, r->has_max ? r->max_lr : NAN};
    const struct clr_plot_options options = {.command_line = command_line, .bounds = bounds};
    json_t *root = range_json(r, m->untrained / (double)m->count, m->classes, m->images);
    char *json = NULL, *png = NULL;
    int rc = fs_join(&json, out, "range.json", err);

    root = json_put(root, "tests", json_integer((json_int_t)m->count));
    if (rc == 0)
        rc = json_write(json, root, 15, err);
    else
        json_decref(root);
    if (rc == 0)
        rc = fs_join(&png, out, "range.png", err);
    if (rc == 0 && m->rows > 0)
        rc = clr_plot_range(png, folders, count, &options, err);
    free(json);
    free(png);
    return rc;
}

int clr_range_combine(struct clr_range_result *result, const char *out, const char *const *folders,
                      size_t count, const char *command_line, struct clr_error *err)
{
    struct means m = {.diverged_lr = NAN};
    int rc = count > 0 ? 0 : clr_error_set(err, CLR_EUSAGE, "there is no range test to read");

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = add_reading(&m, folders[i], err);
        if (rc == 0)
            rc = add_curves(&m, folders[i], err);
        m.count++;
    }
    if (rc == 0)
        rc = read_off(result, &m, err);
    if (rc == 0)
        rc = write_both(out, folders, count, &m, result, command_line, err);
    clear(&m);
    return rc;
}
