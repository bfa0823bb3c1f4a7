/* Other tools' rules for a range test: see rules.h. */
#include "range/rules.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define BETA        0.98
#define LEAST       30
#define LAST        5     /* updates that are omitted at the end */
#define SLIDE       15    /* updates between the two slopes */
#define SLIDE_APART 0.005 /* their difference */

const char *clr_range_rule_name(int rule)
{
    static const char *const names[CLR_RANGE_RULES] = {"steepest", "minimum/10", "valley", "slide"};

    return rule >= 0 && rule < CLR_RANGE_RULES ? names[rule] : "";
}

static void smooth(double *out, const double *losses, size_t count)
{
    double mean = 0.0, weight = 1.0;

    for (size_t i = 0; i < count; i++) {
        mean = BETA * mean + (1.0 - BETA) * losses[i];
        weight *= BETA;
        out[i] = mean / (1.0 - weight);
    }
}

static double minimum(const double *rates, const double *losses, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (losses[i] < losses[best])
            best = i;
    return rates[best] / 10.0;
}

static double steepest(const double *rates, const double *losses, size_t count)
{
    double least = INFINITY, rate = NAN;

    for (size_t i = 0; i + 1 < count; i++) {
        const double slope = (losses[i + 1] - losses[i]) / (log(rates[i + 1]) - log(rates[i]));
        if (slope < least) {
            least = slope;
            rate = rates[i];
        }
    }
    return rate;
}

/* Members of the longest falling subsequence that ends in each place are counted by last[]: last[k] is the
 * highest value that one of k + 1 members may end with. The earliest of the longest ones counts. */
static int valley(double *rate, const double *rates, const double *losses, size_t count,
                  struct clr_error *err)
{
    double *last;
    size_t longest = 0, end = 0, at;
    int rc = mem_new(&last, count, sizeof *last, "a range test", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = longest;
        while (low < high) { /* how many of last[] are higher? they fall */
            const size_t middle = low + (high - low) / 2;
            if (last[middle] > losses[i])
                low = middle + 1;
            else
                high = middle;
        }
        last[low] = losses[i];
        if (low == longest) {
            longest++;
            end = i;
        }
    }
    at = end + longest / 3 + longest / 6;
    *rate = rates[at > longest ? at - longest : 0];
    free(last);
    return 0;
}

/* As numpy.gradient: central differences, one-sided at the ends. */
static double slope_at(const double *losses, size_t count, size_t i)
{
    const size_t before = i > 0 ? i - 1 : i, after = i + 1 < count ? i + 1 : i;

    return (losses[after] - losses[before]) / (double)(after - before);
}

static double slide(const double *rates, const double *losses, size_t count)
{
    size_t right = count - 1;
    double rate = rates[right - SLIDE];

    for (; right >= SLIDE; right--) {
        const size_t left = right - SLIDE;
        if (!(fabs(slope_at(losses, count, right) - slope_at(losses, count, left)) > SLIDE_APART))
            break;
        rate = rates[left];
    }
    return rate;
}

int rules_read(double out[CLR_RANGE_RULES], const double *rates, const double *losses, size_t count,
               struct clr_error *err)
{
    const size_t first = count / 10;
    double *l;
    int rc;

    for (int r = 0; r < CLR_RANGE_RULES; r++)
        out[r] = NAN;
    if (count < LEAST)
        return 0;
    rc = mem_new(&l, count, sizeof *l, "a range test", err);
    if (rc < 0)
        return rc;
    smooth(l, losses, count);
    rates += first;
    count -= first + LAST;
    out[CLR_RANGE_STEEPEST] = steepest(rates, l + first, count);
    out[CLR_RANGE_MINIMUM] = minimum(rates, l + first, count);
    out[CLR_RANGE_SLIDE] = slide(rates, l + first, count);
    rc = valley(&out[CLR_RANGE_VALLEY], rates, l + first, count, err);
    free(l);
    return rc;
}
