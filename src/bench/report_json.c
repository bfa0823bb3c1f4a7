/*
 * Reports as JSON: see clr/bench.h; docs/benchmarking.md describes the format. */
#include "bench/report_json.h"

#include <limits.h>
#include <math.h>

#include "base/fs.h"
#include "base/members.h"
#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/row_index.h"

#define FORMAT     "clr-cl bench"
#define VERSION    1
#define FILE_LIMIT ((size_t)8 << 20)
enum { MOST_DEVICES = 64, MOST_ROWS = 10000 };
#define MOST 1e15 /* of any number */

/* ------------------------------------------------------------------ members */

static const char *check_spread(const void *field)
{
    const struct clr_bench_spread *s = field;

    return s->min <= s->median && s->median <= s->max
               ? NULL
               : "has its minimum above its median, or that above its maximum";
}

/* A kernel may be faster than the clock's tick; else nothing takes no time. */
static const char *check_positive(const void *field)
{
    const struct clr_bench_spread *s = field;

    return s->min > 0.0 ? check_spread(field) : "has a minimum that is not above 0";
}

#define SPREAD(kind, field) MEMBER(kind, clr_bench_spread, field)

static const struct member spread_members[] = {
    {"samples", SPREAD(MEMBER_INT, count), 1, INT_MAX},
    {"min", SPREAD(MEMBER_NUMBER, min), 0.0, MOST},
    {"median", SPREAD(MEMBER_NUMBER, median), 0.0, MOST},
    {"max", SPREAD(MEMBER_NUMBER, max), 0.0, MOST},
    {.name = NULL},
};

#define ROW(kind, field) MEMBER(kind, clr_bench_row, field)

static const struct member row_members[] = {
    {"layer", ROW(MEMBER_LINE, layer)},
    {"kind", ROW(MEMBER_LINE, kind)},
    {"pass", ROW(MEMBER_ENUM, pass), 0, CLR_BENCH_PASSES - 1, .names = labels_passes},
    {"ms", ROW(MEMBER_OBJECT, ms), .members = spread_members, .check = check_spread},
    {"gflop", ROW(MEMBER_NUMBER, gflop), 0.0, MOST},
    {.name = NULL},
};

#define CHECK(kind, field) MEMBER(kind, clr_bench_check, field)

static const struct member check_members[] = {
    {"layer", CHECK(MEMBER_LINE, layer)},
    {"kind", CHECK(MEMBER_LINE, kind)},
    {"variant", CHECK(MEMBER_LINE, variant)},
    {"ok", CHECK(MEMBER_BOOL, ok)},
    {"worst_nmse", CHECK(MEMBER_NUMBER, worst_nmse), 0.0, HUGE_VAL, true},
    {"detail", CHECK(MEMBER_LINE, detail)},
    {.name = NULL},
};

#define REPLACED(kind, field) MEMBER(kind, clr_bench_replaced, field)

static const struct member replaced_members[] = {
    {"layer", REPLACED(MEMBER_LINE, layer)},
    {"pass", REPLACED(MEMBER_LINE, pass)},
    {"variant", REPLACED(MEMBER_LINE, variant)},
    {"by", REPLACED(MEMBER_LINE, by)},
    {"why", REPLACED(MEMBER_LINE, why)},
    {"worst_nmse", REPLACED(MEMBER_NUMBER, worst_nmse), 1e-300, HUGE_VAL, true},
    {.name = NULL},
};

#define REPORT(kind, field) MEMBER(kind, clr_bench_report, field)
#define WHOLE(field)        REPORT(MEMBER_OBJECT, field), .members = spread_members, .check = check_positive
#define PART(table)         .kind = MEMBER_OBJECT, .members = (table)
#define ELEMENTS(list, length)                                                                               \
    .kind = MEMBER_LIST, .offset = offsetof(struct clr_bench_report, list), .max = MOST_ROWS,                \
    .size = sizeof *((struct clr_bench_report *)NULL)->list,                                                 \
    .count_offset = offsetof(struct clr_bench_report, length)

static const struct member device_members[] = {
    {"name", REPORT(MEMBER_LINE, device)},
    {"type", REPORT(MEMBER_LINE, type)},
    {"vendor", REPORT(MEMBER_LINE, vendor)},
    {"version", REPORT(MEMBER_LINE, device_version)},
    {"driver", REPORT(MEMBER_LINE, driver)},
    {"platform", REPORT(MEMBER_LINE, platform)},
    {"platform_version", REPORT(MEMBER_LINE, platform_version)},
    {"compute_units", REPORT(MEMBER_INT, compute_units), 0, INT_MAX},
    {"clock_mhz", REPORT(MEMBER_INT, clock_mhz), 0, INT_MAX},
    {"native_float_width", REPORT(MEMBER_INT, float_width), 0, 1024},
    {.name = NULL},
};

/* Of one device. What is optional was not in the first reports, or may not be known. */
static const struct member report_members[] = {
    {"device", PART(device_members)},
    {"created", REPORT(MEMBER_LINE, created)},
    {"peak_gflops", WHOLE(peak_gflops), .optional = true},
    {"bandwidth_gb_per_s", WHOLE(bandwidth_gb), .optional = true},
    {"triad_array_bytes", REPORT(MEMBER_COUNT, triad_bytes), 0, MOST},
    {"training_step_ms", WHOLE(step_ms)},
    {"inference_ms", WHOLE(inference_ms)},
    {"warm_start_s", WHOLE(warm_start_s)},
    {"first_start_s", WHOLE(first_start_s), .optional = true},
    {"programs_compiled", REPORT(MEMBER_INT, programs_compiled), 0, INT_MAX},
    {"peak_memory_bytes", REPORT(MEMBER_COUNT, peak_memory_bytes), 1, MOST, true},
    {"peak_memory_includes_compiler", REPORT(MEMBER_BOOL, peak_memory_compiler)},
    {"device_memory_bytes", REPORT(MEMBER_COUNT, device_memory_bytes), 1, MOST, true},
    {"layers", ELEMENTS(rows, row_count), .members = row_members},
    {"checks", ELEMENTS(checks, check_count), .members = check_members},
    {"replaced", ELEMENTS(replaced, replaced_count), .members = replaced_members, .optional = true},
    {"tuned_layers", REPORT(MEMBER_INT, tuned_layers), 0, INT_MAX, true},
    {"tuned", REPORT(MEMBER_LINE, tuned), .optional = true},
    {"training_refused", REPORT(MEMBER_LINE, refused), .optional = true},
    {"stopped", REPORT(MEMBER_LINE, stopped), .optional = true},
    {.name = NULL},
};

static const struct member program_members[] = {
    {"version", REPORT(MEMBER_LINE, program)},
    {"git", REPORT(MEMBER_LINE, git_id)},
    {"compiler", REPORT(MEMBER_LINE, compiler)},
    {"kernel_options", REPORT(MEMBER_LINE, kernel_options)},
    {.name = NULL},
};

static const struct member host_members[] = {
    {"cpu", REPORT(MEMBER_LINE, host_cpu)},
    {"os", REPORT(MEMBER_LINE, host_os)},
    {.name = NULL},
};

static const struct member net_members[] = {
    {"name", REPORT(MEMBER_LINE, net)},
    {"sha256", REPORT(MEMBER_LINE, net_sha256)},
    {"input", REPORT(MEMBER_INTS, input), 1, 65536},
    {.name = NULL},
};

/* What all devices of a file share. */
static const struct member file_members[] = {
    {"program", PART(program_members)},  {"host", PART(host_members)},
    {"net", PART(net_members)},          {"batch", REPORT(MEMBER_INT, batch), 1, 65536},
    {"data", REPORT(MEMBER_LINE, data)}, {.name = NULL},
};

/* ------------------------------------------------------------------ writing */

json_t *bench_compared_json(const struct clr_bench_report *report)
{
    static const struct member members[] = {
        {"device", REPORT(MEMBER_LINE, device)},
        {"type", REPORT(MEMBER_LINE, type)},
        {"compute_units", REPORT(MEMBER_INT, compute_units), 0, INT_MAX},
        {"platform", REPORT(MEMBER_LINE, platform)},
        {"driver", REPORT(MEMBER_LINE, driver)},
        {"host", PART(host_members)},
        {"program", REPORT(MEMBER_LINE, program)},
        {"git", REPORT(MEMBER_LINE, git_id)},
        {"created", REPORT(MEMBER_LINE, created)},
        {"file", REPORT(MEMBER_LINE, source)},
        {"peak_memory_includes_compiler", REPORT(MEMBER_BOOL, peak_memory_compiler)},
        {"replaced", ELEMENTS(replaced, replaced_count), .members = replaced_members},
        {"tuned_layers", REPORT(MEMBER_INT, tuned_layers), 0, INT_MAX, true},
        {"tuned", REPORT(MEMBER_LINE, tuned)},
        {"stopped", REPORT(MEMBER_LINE, stopped)},
        {.name = NULL},
    };

    return json_put(members_write(members, report), "machine_busy", json_boolean(clr_bench_is_busy(report)));
}

/* The members, and what readers would compute from them. */
static json_t *report_json(const struct clr_bench_report *r)
{
    json_t *json = members_write(report_members, r), *rows = json_object_get(json, "layers");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const struct clr_bench_row *row = &r->rows[i];
        const double rate = row->gflop > 0.0 ? row->gflop / row->ms.median * 1e3 : NAN;
        (void)json_object_set_new(json_array_get(rows, i), "gflops", json_finite(rate));
        (void)json_object_set_new(json_array_get(rows, i), "of_peak", json_finite(peak_share(r, row)));
    }
    json = json_put(json, "training_images_per_s", json_finite(1e3 * r->batch / r->step_ms.median));
    json = json_put(json, "not_convolution", json_finite(clr_bench_not_convolution(r)));
    json = json_put(json, "machine_busy", json_boolean(clr_bench_is_busy(r)));
    return json_put(json, "correct", json_boolean(clr_bench_is_correct(r)));
}

static json_t *file_json(const struct clr_bench_report *reports, size_t count)
{
    json_t *json = json_object(), *devices = json_array(), *shared = members_write(file_members, reports);

    for (size_t i = 0; i < count; i++)
        devices = json_append(devices, report_json(&reports[i]));
    json = json_put(json, "format", json_string(FORMAT));
    json = json_put(json, "version", json_integer(VERSION));
    if (!shared || json_object_update(json, shared) < 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(shared);
    return json_put(json, "devices", devices);
}

int clr_bench_write(const char *path, const struct clr_bench_report *reports, size_t count,
                    struct clr_error *err)
{
    json_t *json = count > 0 ? file_json(reports, count) : NULL;

    if (!json)
        return clr_error_set(err, CLR_EINPUT,
                             "no report for '%s': a name is not UTF-8, there is no device, or no memory",
                             path);
    return json_write(path, json, 9, err);
}

/* ------------------------------------------------------------------ reading */

/* A layer and pass are there once. */
static void check_rows(struct members_reader *in, size_t device, const struct clr_bench_report *r)
{
    struct row_index index = {0};
    const struct clr_bench_row *twice;

    if (in->rc == 0)
        in->rc = row_index_make(&index, r, in->err);
    twice = row_index_twice(&index);
    if (twice) {
        (void)snprintf(in->where, sizeof in->where, "devices[%zu].layers[%zu]", device,
                       (size_t)(twice - r->rows));
        members_wrong(in, "layer", NULL, "comes twice with this pass");
    }
    row_index_clear(&index);
}

static void read_report(struct members_reader *in, const json_t *v, size_t device,
                        struct clr_bench_report *out)
{
    (void)snprintf(in->where, sizeof in->where, "devices[%zu]", device);
    out->tuned_layers = -1;
    members_read(in, v, report_members, out);
    if (!out->stopped[0] &&
        (out->peak_gflops.count == 0 || out->bandwidth_gb.count == 0 || out->first_start_s.count == 0))
        members_wrong(in, "stopped", NULL, "is empty, but the limits or the first start are missing");
    check_rows(in, device, out);
    for (size_t i = 0; i < out->check_count; i++)
        out->wrong += !out->checks[i].ok;
    if (in->rc == 0)
        in->rc = peak_note_fewer(out, in->err);
}

static int check_format(const char *path, const json_t *json, struct clr_error *err)
{
    const json_t *format = json_object_get(json, "format"), *version = json_object_get(json, "version");

    if (!json_is_string(format) || strcmp(json_string_value(format), FORMAT) != 0)
        return clr_error_set(err, CLR_EINPUT,
                             "%s: a report is expected, as 'clr-cl bench --json FILE' writes it", path);
    if (json_is_integer(version) && json_integer_value(version) == VERSION)
        return 0;
    return clr_error_set(err, CLR_EINPUT,
                         "%s: a report of another format version; this program reads version %d: measure "
                         "again, or use the version that wrote it",
                         path, VERSION);
}

/* "x/a/b.json" → "x/a/b" */
static void name_source(char out[CLR_BENCH_FILE], const char *path)
{
    const size_t n = strlen(path);

    str_copy(out, CLR_BENCH_FILE, n < CLR_BENCH_FILE ? path : path + n - (CLR_BENCH_FILE - 1));
    str_mask_name(out);
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        out[strlen(out) - 5] = '\0';
}

static int read_file(struct clr_bench_report **out, size_t *count, const char *path, const json_t *json,
                     struct clr_error *err)
{
    struct members_reader in = {.path = path, .err = err};
    struct clr_bench_report *reports = NULL, head = {0};
    const json_t *devices = json_object_get(json, "devices");
    const size_t n = json_array_size(devices);

    in.rc = check_format(path, json, err);
    members_read(&in, json, file_members, &head);
    if (!json_is_array(devices) || n < 1 || n > MOST_DEVICES)
        members_wrong(&in, "devices", NULL, "is no list of 1 to 64 devices");
    if (in.rc == 0)
        in.rc = mem_new(&reports, n, sizeof *reports, "reports", err);
    name_source(head.source, path);
    for (size_t i = 0; in.rc == 0 && i < n; i++) {
        reports[i] = head;
        read_report(&in, json_array_get(devices, i), i, &reports[i]);
    }
    if (in.rc < 0) {
        clr_bench_destroy(reports, reports ? n : 0);
        return in.rc;
    }
    *out = reports;
    *count = n;
    return 0;
}

int bench_read_text(struct clr_bench_report **out, size_t *count, const char *path, const char *text,
                    size_t size, struct clr_error *err)
{
    struct clr_error wrong = {0};
    json_t *json;
    int rc = json_read_text(&json, path, text, size, &wrong);

    if (rc < 0)
        return clr_error_set(err, rc, "%s: a report is expected, as 'clr-cl bench --json FILE' writes it",
                             wrong.message);
    rc = read_file(out, count, path, json, err);
    json_decref(json);
    return rc;
}

int clr_bench_read(struct clr_bench_report **out, size_t *count, const char *path, struct clr_error *err)
{
    char *text;
    size_t size;
    int rc = fs_read(path, FILE_LIMIT, &text, &size, err);

    if (rc < 0)
        return rc;
    rc = bench_read_text(out, count, path, text, size, err);
    free(text);
    return rc;
}
