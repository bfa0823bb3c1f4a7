/* Axes: see axes.h. */
#include "plot/axes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* ---- numbers as text ---- */

void axes_format_fixed(char *out, size_t size, double v, int decimals)
{
    char digits[400], *p = digits;
    size_t n = 0, integer;

    (void)snprintf(digits, sizeof digits, "%.*f", decimals, v);
    if (strspn(digits, "-0.") == strlen(digits) && *p == '-')
        p++; /* no "-0" */
    if (*p == '-' && n + 1 < size)
        out[n++] = *p++;
    integer = strcspn(p, ".");
    for (size_t i = 0; p[i] && n + 2 < size; i++) {
        if (i > 0 && i < integer && (integer - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = p[i];
    }
    out[n] = '\0';
}

/* m × 10^exponent; the mantissa is omitted where it is 1 and `bare` allows that. */
static void format_power(char *out, size_t size, const char *mantissa, int exponent, bool bare)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    const int e = abs(exponent); /* below 400 */
    char power[40];

    (void)snprintf(power, sizeof power, "10%s%s%s%s", exponent < 0 ? "⁻" : "", e > 99 ? raised[e / 100] : "",
                   e > 9 ? raised[e / 10 % 10] : "", raised[e % 10]);
    if (bare && strcmp(mantissa, "1") == 0)
        str_copy(out, size, power);
    else
        (void)snprintf(out, size, "%s×%s", mantissa, power);
}

/* Cut trailing zeros after the point, and the point. */
static void trim_zeros(char *text)
{
    size_t n = strlen(text);

    if (!strchr(text, '.'))
        return;
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    text[n] = '\0';
}

static int exponent_of(double v)
{
    char text[40];
    const char *e;

    /* printf rounds, so that 9.9999999999999999e-4 counts as 1e-3; log10 alone does not. */
    (void)snprintf(text, sizeof text, "%.12e", v);
    e = strchr(text, 'e');
    return e ? (int)strtol(e + 1, NULL, 10) : 0;
}

void axes_format_value(char *out, size_t size, double v, int digits)
{
    char text[400];
    int exponent;

    if (v == 0.0) {
        str_copy(out, size, "0");
        return;
    }
    exponent = exponent_of(v);
    if (exponent < -4 || exponent >= 9) { /* the former as printf's %g, with which messages are written */
        (void)snprintf(text, sizeof text, "%.*f", digits - 1, v / pow(10.0, exponent));
        trim_zeros(text);
        format_power(out, size, text, exponent, true);
        return;
    }
    axes_format_fixed(text, sizeof text, v, digits - 1 - exponent > 0 ? digits - 1 - exponent : 0);
    trim_zeros(text);
    str_copy(out, size, text);
}

/* ---- range ---- */

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

void axes_set_range(struct axis *a, bool log, double lo, double hi, double pad, double floor, double ceiling)
{
    memset(a, 0, sizeof *a);
    lo = clamp(lo, -AXES_LIMIT, AXES_LIMIT);
    hi = clamp(hi, lo, AXES_LIMIT);
    if (log) {
        double span;
        a->log = true;
        lo = clamp(lo, 1e-300, AXES_LIMIT);
        hi = clamp(hi, lo, AXES_LIMIT);
        if (hi / lo < 1.001) {
            lo /= 1.5;
            hi *= 1.5;
        }
        span = log10(hi / lo);
        a->lo = lo * pow(10.0, -pad * span);
        a->hi = hi * pow(10.0, pad * span);
        return;
    }
    if (hi - lo <= 1e-6 * fmax(fabs(lo), fabs(hi))) {
        const double most = fmax(fabs(lo), fabs(hi)), wide = most > 0.0 ? 0.05 * most : 0.5;
        lo -= wide;
        hi += wide;
    }
    a->lo = fmax(lo - pad * (hi - lo), fmin(lo, floor));
    a->hi = fmin(hi + pad * (hi - lo), fmax(hi, ceiling));
    a->lo = fmax(a->lo, floor);
    a->hi = fmin(a->hi, ceiling);
    if (!(a->hi > a->lo)) /* one value on the edge of what is allowed */
        a->lo = a->hi - 1.0;
}

double axes_place(const struct axis *a, double v)
{
    const double f = !a->log    ? (v - a->lo) / (a->hi - a->lo)
                     : v <= 0.0 ? -20.0
                                : log(v / a->lo) / log(a->hi / a->lo);

    return clamp(f, -20.0, 20.0);
}

double axes_fraction(const struct axis *a, double v)
{
    return clamp(axes_place(a, v), 0.0, 1.0);
}

/* ---- ticks ---- */

/* mantissa × 10^exponent × k without the rounding of 0.1's powers. */
static double step_multiple(double k, int mantissa, int exponent)
{
    return exponent < 0 ? k * mantissa / pow(10.0, -exponent) : k * mantissa * pow(10.0, exponent);
}

static void set_linear_texts(struct axis *a, int exponent)
{
    double largest = 0.0;
    int top;

    for (int i = 0; i < a->count; i++)
        largest = fmax(largest, fabs(a->ticks[i].value));
    top = largest > 0.0 ? exponent_of(largest) : 0;
    for (int i = 0; i < a->count; i++) {
        struct axes_tick *t = &a->ticks[i];
        if (t->value == 0.0)
            str_copy(t->text, sizeof t->text, "0");
        else if (top >= 9 || exponent < -6) {
            char mantissa[AXES_TEXT];
            int own = exponent_of(t->value);
            (void)snprintf(mantissa, sizeof mantissa, "%.*f", (int)clamp(own - exponent, 0, 15),
                           t->value / pow(10.0, own));
            if (t->value == round(t->value / pow(10.0, own)) * pow(10.0, own))
                trim_zeros(mantissa); /* "1×10¹⁴" after "9×10¹³" */
            format_power(t->text, sizeof t->text, mantissa, own, false);
        } else {
            axes_format_fixed(t->text, sizeof t->text, t->value, exponent < 0 ? -exponent : 0);
        }
    }
}

static void set_linear_ticks(struct axis *a, int max_texts)
{
    static const int mantissas[] = {1, 2, 5};
    double span = a->hi - a->lo, slack = span * 1e-9;
    int exponent = exponent_of(span / max_texts), m = 0;
    double first, last;

    if (a->whole && exponent < 0)
        exponent = 0;
    /* The smallest round step that gives no more than max_texts ticks. */
    for (;; m++) {
        double step;
        if (m == 3) {
            m = 0;
            exponent++;
        }
        step = step_multiple(1.0, mantissas[m], exponent);
        first = ceil((a->lo - slack) / step);
        last = floor((a->hi + slack) / step);
        if (last - first + 1.0 <= max_texts)
            break;
    }
    a->count = 0;
    for (double k = first; k <= last && a->count < AXES_MAX_TICKS; k += 1.0)
        a->ticks[a->count++].value = step_multiple(k, mantissas[m], exponent);
    set_linear_texts(a, exponent);
}

static bool is_within(const struct axis *a, double v)
{
    return v >= a->lo * (1 - 1e-9) && v <= a->hi * (1 + 1e-9);
}

/* Of the powers of ten from first to last, every stride-th gets a text: those with 10⁰, or the first one and
 * on from there where that gives more of them. */
static int log_phase(int first, int last, int stride)
{
    const int phase = ((-first) % stride + stride) % stride;

    return first + ((last - first) / stride > (last - first - phase) / stride ? 0 : phase);
}

static void set_log_ticks(struct axis *a, int max_texts)
{
    static const int many[] = {1, 2, 5};
    int lo = (int)floor(log10(a->lo)) - 1, hi = (int)ceil(log10(a->hi)) + 1, decades = 0, fine = 0, first = 0,
        stride, with = 1;
    bool plain = a->lo >= 0.9e-4 && a->hi <= 1.1e5;

    for (int e = hi; e >= lo; e--) {
        for (int i = 0; i < 3; i++)
            fine += is_within(a, step_multiple(1.0, many[i], e));
        if (!is_within(a, step_multiple(1.0, 1, e)))
            continue;
        first = e;
        decades++;
    }
    stride = decades > max_texts ? (decades + max_texts - 1) / max_texts : 1;
    if (3 * decades + 2 <= max_texts || (decades < 2 && fine <= max_texts))
        with = 3;
    first = log_phase(first, first + decades - 1, stride);
    a->count = a->minor_count = 0;
    for (int e = lo; e <= hi; e++) {
        for (int m = 1; m <= 9; m++) {
            double v = step_multiple(1.0, m, e);
            bool text = m == 1 && (e - first) % stride == 0;
            if (!is_within(a, v))
                continue;
            for (int i = 1; i < with; i++)
                text = text || many[i] == m;
            if (text && a->count < AXES_MAX_TICKS) {
                struct axes_tick *t = &a->ticks[a->count++];
                char mantissa[4] = {(char)('0' + m), '\0'};
                t->value = v;
                if (plain)
                    axes_format_fixed(t->text, sizeof t->text, v, e < 0 ? -e : 0);
                else
                    format_power(t->text, sizeof t->text, mantissa, e, true);
            } else if ((stride == 1 || m == 1) && a->minor_count < AXES_MAX_MINOR) {
                a->minor[a->minor_count++] = v;
            }
        }
    }
}

void axes_set_ticks(struct axis *a, int max_texts)
{
    max_texts = max_texts < 2 ? 2 : max_texts > AXES_MAX_TICKS ? AXES_MAX_TICKS : max_texts;
    a->minor_count = 0;
    if (a->log)
        set_log_ticks(a, max_texts);
    if (!a->log || a->count < 2)
        set_linear_ticks(a, max_texts);
    /* One tick is no scale: the next finer step has two, or three of which the outer ones stay. */
    for (int more = max_texts + 1; a->count < 2 && more <= AXES_MAX_TICKS; more++) {
        if (more > 4)
            a->whole = false;
        set_linear_ticks(a, more);
        if (a->count > 2 && a->count > max_texts) {
            a->ticks[1] = a->ticks[a->count - 1];
            a->count = 2;
        }
    }
}

/* ---- kind ---- */

/* Largest distance of f(v) from the straight line between its ends, as a share of its rise. last: the
 * index of the last one. */
static double bend(const double *t, const double *v, size_t stride, size_t last, bool log_v)
{
    const double from = log_v ? log(v[0]) : v[0], rise = (log_v ? log(v[last]) : v[last]) - from;
    double worst = 0.0;

    for (size_t i = stride; i < last; i += stride) {
        const double line = from + (t[i] - t[0]) / (t[last] - t[0]) * rise;
        worst = fmax(worst, fabs((log_v ? log(v[i]) : v[i]) - line));
    }
    return worst / rise;
}

bool axes_is_geometric(const double *t, const double *v, size_t stride, size_t count)
{
    const size_t last = (count - 1) * stride;
    double curved;

    if (count < 3 || !(v[0] > 0.0) || !(v[last] > 2.0 * v[0]) || !(t[last] > t[0]))
        return false;
    curved = bend(t, v, stride, last, true);
    return curved < 0.05 && curved < 0.5 * bend(t, v, stride, last, false);
}
