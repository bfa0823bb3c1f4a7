/* weight_filler and bias_filler: how a layer's weights begin. Formulas: init.c. */
#include "net/layer.h"

#include <float.h>

#define AT_FILLER(member) .at = offsetof(struct filler, member), .least = -FLT_MAX, .most = FLT_MAX

const struct field filler_fields[] = {
    {"type", FIELD_NAME, "distribution", AT_FILLER(kind),
     WORDS("constant", "uniform", "gaussian", "xavier", "msra", "pytorch", "bilinear", "orthogonal",
           "dirac")},
    {"value", FIELD_DOUBLE, "of constant", AT_FILLER(value)},
    {"min", FIELD_DOUBLE, "of uniform: lower limit", AT_FILLER(min)},
    {"max", FIELD_DOUBLE, "of uniform: upper limit", AT_FILLER(max), .usual = 1},
    {"mean", FIELD_DOUBLE, "of gaussian", AT_FILLER(mean)},
    {"std", FIELD_DOUBLE, "of gaussian: standard deviation", AT_FILLER(std), .usual = 1},
    {"variance_norm", FIELD_WORD, "of xavier and msra: the n of the formula", AT_FILLER(norm),
     WORDS("FAN_IN", "FAN_OUT", "AVERAGE"), NUMBERS(0, 1, 2)},
    {"sparse", FIELD_INT, "of gaussian: only so many weights of an input, on average, are not 0",
     .at = offsetof(struct filler, sparse), .least = 1, .most = GEOMETRY_MAX},
    {0},
};

int filler_check(struct layer_reading *in, struct pt_reader *r, void *filler)
{
    /* which of the numbers each kind reads, in enum order */
    static const char *const numbers[] = {"value", "min", "max", "mean", "std", "sparse"};
    static const bool used[][6] = {[FILLER_CONSTANT] = {true},
                                   [FILLER_UNIFORM] = {false, true, true},
                                   [FILLER_GAUSSIAN] = {false, false, false, true, true, true},
                                   [FILLER_DIRAC] = {false}};
    const struct filler *f = filler;

    for (size_t i = 0; i < MEM_COUNT(numbers); i++) {
        struct pt_field *field = NULL;
        if (!used[f->kind][i] && pt_next(r, numbers[i], &field))
            spec_no_effect(in, field, "this type of filler does not use it");
    }
    if (f->min > f->max)
        return pt_error(in->doc, r->message, in->err, "min %g is above max %g", f->min, f->max);
    if (f->std < 0.0)
        return pt_error(in->doc, r->message, in->err, "std %g is below 0", f->std);
    return 0;
}
