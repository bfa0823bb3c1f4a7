/* The files of a range test: see curve.h. */
#include "range/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/fs.h"
#include "base/history.h"
#include "base/json.h"

int range_check_rising(const struct csv *t, struct clr_error *err)
{
    for (size_t r = 1; r < t->rows; r++) {
        const double before = csv_at(t, r - 1, HISTORY_LR), now = csv_at(t, r, HISTORY_LR);
        if (now < before)
            return clr_error_set(err, CLR_EINPUT,
                                 "%s:%zu: the rate falls from %g to %g, and never does in a range test",
                                 t->path, t->lines[r], before, now);
    }
    return 0;
}

/* The rates, the column `at`, and, unless NULL, the iterations, of a file in the folder that begins with so
 * many columns. */
static int read_columns(double **x, double **y, double **iterations, size_t *count, const char *folder,
                        const char *name, size_t columns, size_t at, struct clr_error *err)
{
    struct csv csv = {0};
    int rc = archive_table(&csv, folder, name, history_columns, columns, err);

    if (rc == 0)
        rc = range_check_rising(&csv, err);
    if (rc == 0)
        rc = mem_new(x, csv.rows, sizeof **x, "a curve", err);
    if (rc == 0)
        rc = mem_new(y, csv.rows, sizeof **y, "a curve", err);
    if (rc == 0 && iterations)
        rc = mem_new(iterations, csv.rows, sizeof **iterations, "a curve", err);
    for (size_t i = 0; i < csv.rows && rc == 0; i++) {
        if (iterations)
            (*iterations)[i] = csv_at(&csv, i, HISTORY_ITERATION);
        (*x)[i] = csv_at(&csv, i, HISTORY_LR);
        (*y)[i] = csv_at(&csv, i, at);
    }
    if (rc == 0)
        *count = csv.rows;
    csv_clear(&csv);
    return rc;
}

int range_curve_read(struct range_curve *c, const char *folder, struct clr_error *err)
{
    const bool of_loss = c->untrained_loss > 0.0;
    int rc = read_columns(&c->rates, &c->accuracies, NULL, &c->count, folder, "range.csv", HISTORY_COLUMNS,
                          of_loss ? HISTORY_VAL_LOSS : HISTORY_VAL_ACC, err);

    for (size_t i = 0; rc == 0 && i < c->count; i++) {
        if (of_loss)
            c->accuracies[i] = fmax(0.0, 1.0 - c->accuracies[i] / c->untrained_loss);
        else if (isnan(c->accuracies[i]))
            return clr_error_set(err, CLR_EINPUT,
                                 "'%s/range.csv' has no accuracies, and range.json there does not say what "
                                 "the loss was",
                                 folder);
    }
    if (rc == 0 && fs_exists_in(folder, "loss.csv"))
        rc = read_columns(&c->update_rates, &c->losses, &c->update_at, &c->updates, folder, "loss.csv",
                          HISTORY_LOSS_COLUMNS, HISTORY_TRN_LOSS, err);
    return rc;
}

static bool is_verdict(const json_t *reading, enum clr_range_verdict verdict)
{
    const char *name = json_string_value(reading);

    return name && strcmp(name, clr_range_verdict_name(verdict)) == 0;
}

/* Versions before 0.2 wrote neither "reading" nor "updates"; 0.2 wrote "diverged" for CLR_RANGE_LOSS_GREW,
 * before the file had a format. */
static void read_known(struct range_losses *known, const json_t *root)
{
    const json_t *reading = json_object_get(root, "reading"), *rules = json_object_get(root, "rules");
    const char *was = json_string_value(reading);

    *known = (struct range_losses){.known = true,
                                   .fell = is_verdict(reading, CLR_RANGE_TOO_SHORT),
                                   .grew = is_verdict(reading, CLR_RANGE_LOSS_GREW) ||
                                           (was && strcmp(was, "diverged") == 0)};
    (void)json_count_value(&known->updates, json_object_get(root, "updates"));
    for (int i = 0; i < CLR_RANGE_RULES; i++) {
        const json_t *rate = json_object_get(rules, clr_range_rule_name(i));
        known->rules[i] = json_is_number(rate) ? json_number_value(rate) : NAN;
    }
}

int range_curve_read_facts(struct range_curve *c, const char *folder, struct clr_error *err)
{
    char *path = NULL;
    json_t *root = NULL;
    int rc = fs_join(&path, folder, "range.json", err);

    if (rc == 0)
        rc = archive_json(&root, folder, "range.json", err);
    if (rc < 0)
        goto out;
    c->iterations = (uint64_t)json_integer_value(json_object_get(root, "iterations"));
    c->untrained = json_number_value(json_object_get(root, "untrained"));
    if (json_object_get(root, "untrained_loss"))
        c->untrained_loss = json_number_value(json_object_get(root, "untrained_loss"));
    c->classes = (int)json_integer_value(json_object_get(root, "classes"));
    c->images = (int)json_integer_value(json_object_get(root, "images"));
    c->diverged_lr = json_number_value(json_object_get(root, "diverged_lr"));
    c->diverged_at = (uint64_t)json_integer_value(json_object_get(root, "diverged_at"));
    c->diverged = c->diverged_lr > 0.0;
    read_known(&c->known, root);
    if (!(c->untrained >= 0.0 && c->untrained <= 1.0) || c->untrained_loss < 0.0 || c->classes < 1 ||
        c->images < 1)
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is damaged: it does not say what was evaluated", path);
    else if (!(c->diverged_lr >= 0.0 && c->diverged_lr <= HISTORY_RATE_LIMIT))
        rc = clr_error_set(err, CLR_EINPUT, "'%s' is damaged: diverged_lr is not a rate", path);
out:
    json_decref(root);
    free(path);
    return rc;
}

void range_curve_clear(struct range_curve *c)
{
    free(c->rates);
    free(c->accuracies);
    free(c->update_rates);
    free(c->losses);
    free(c->update_at);
    *c = (struct range_curve){0};
}

static json_t *number_or_null(bool there, double v)
{
    return there ? json_finite(v) : json_null();
}

static json_t *rules_json(const struct clr_range_result *r)
{
    json_t *rules = json_object();

    for (int i = 0; i < CLR_RANGE_RULES; i++)
        rules = json_put(rules, clr_range_rule_name(i), json_finite(r->rules[i]));
    return rules;
}

static json_t *interval_json(const struct clr_range_result *r)
{
    static const char *const names[] = {[CLR_RANGE_OF_TEST] = "95 % interval",
                                        [CLR_RANGE_UNION] = "union of the tests' 95 % intervals",
                                        [CLR_RANGE_SPREAD] = "spread of the tests' upper bounds",
                                        [CLR_RANGE_COMBINED] = "95 % interval of all tests"};

    return r->has_range ? json_string(names[r->interval]) : json_null();
}

const char *range_doubt_name(enum clr_range_doubt doubt)
{
    static const char *const names[] = {[CLR_RANGE_SURE] = "",
                                        [CLR_RANGE_OPEN] = "ends too low",
                                        [CLR_RANGE_FEW_UPDATES] = "few updates",
                                        [CLR_RANGE_WIDE] = "wide interval"};

    return names[doubt];
}

json_t *range_json(const struct clr_range_result *r)
{
    json_t *json = json_pack(
        "{s:i, s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, "
        "s:b, s:o, s:o, s:s, s:o, s:o, s:i, s:i}",
        "format", JSON_FORMAT_RUN, "tests", r->tests, "reading", clr_range_verdict_name(r->verdict),
        "iterations", (json_int_t)r->iterations, "min_lr", number_or_null(r->has_range, r->min_lr),
        "learns_lr", number_or_null(r->has_range, r->learns_lr), "max_lr",
        number_or_null(r->has_range, r->max_lr), "max_lr_low", number_or_null(r->has_range, r->max_lr_low),
        "max_lr_low_cut", r->low_cut, "max_lr_high", number_or_null(r->has_range, r->max_lr_high), "interval",
        interval_json(r), "updates", r->updates > 0 ? json_integer((json_int_t)r->updates) : json_null(),
        "doubt", r->doubt == CLR_RANGE_SURE ? json_null() : json_string(range_doubt_name(r->doubt)), "fell",
        r->fell, "baseline", json_finite(r->baseline), "standard_error", json_finite(r->standard_error),
        "noise", json_finite(r->noise), "threshold", json_finite(r->threshold), "diverged", r->diverged,
        "diverged_at", r->diverged ? json_integer((json_int_t)r->diverged_at) : json_null(), "diverged_lr",
        number_or_null(r->diverged, r->diverged_lr), "explanation", r->explanation, "rules", rules_json(r),
        "untrained", json_finite(r->untrained), "classes", r->classes, "images", r->images);

    return r->untrained_loss > 0.0 ? json_put(json, "untrained_loss", json_finite(r->untrained_loss)) : json;
}

int clr_range_json(char **text, const struct clr_range_result *result, struct clr_error *err)
{
    json_t *json = range_json(result);
    char *made = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;

    json_decref(json);
    if (!made)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for the numbers of a range test");
    *text = made;
    return 0;
}
