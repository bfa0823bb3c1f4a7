/*
 * Reports as JSON: see clr/bench.h; docs/benchmarking.md describes the format. What is read may come from
 * anywhere: every member is checked for type and range before it is used.
 */
#include "bench/json.h"

#include <limits.h>
#include <math.h>

#include "base/fs.h"
#include "base/json.h"
#include "bench/peak.h"

#define FORMAT     "clr-cl bench"
#define VERSION    1
#define FILE_LIMIT ((size_t)8 << 20)
enum { MOST_DEVICES = 64, MOST_ROWS = 10000 };
#define MOST 1e15 /* of any number */

/* ------------------------------------------------------------------ writing */

static json_t *spread_json(const struct clr_bench_spread *s)
{
    return json_pack("{s:i, s:o, s:o, s:o}", "samples", s->count, "min", json_finite(s->min), "median",
                     json_finite(s->median), "max", json_finite(s->max));
}

static json_t *row_json(const struct clr_bench_report *r, const struct clr_bench_row *row)
{
    const double rate = row->gflop > 0.0 ? row->gflop / row->ms.median * 1e3 : NAN;

    return json_pack("{s:s, s:s, s:s, s:o, s:f, s:o, s:o}", "layer", row->layer, "kind", row->kind, "pass",
                     clr_bench_pass_name(row->pass), "ms", spread_json(&row->ms), "gflop", row->gflop,
                     "gflops", json_finite(rate), "of_peak", json_finite(peak_share(r, row)));
}

static json_t *check_json(const struct clr_bench_check *c)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:s}", "layer", c->layer, "kind", c->kind, "variant",
                     c->variant, "ok", c->ok, "worst_nmse", json_finite(c->worst_nmse), "detail", c->detail);
}

json_t *bench_replaced_json(const struct clr_bench_report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->replaced_count; i++) {
        const struct clr_bench_replaced *r = &report->replaced[i];
        list =
            json_append(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "layer", r->layer, "pass", r->pass,
                                        "variant", r->variant, "by", r->by, "why", r->why, "worst_nmse",
                                        r->worst_nmse > 0.0 ? json_finite(r->worst_nmse) : json_null()));
    }
    return list;
}

json_t *bench_tuned_json(const struct clr_bench_report *report)
{
    return report->tuned_layers < 0 ? json_null() : json_integer(report->tuned_layers);
}

static json_t *device_json(const struct clr_bench_report *r)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}", "name", r->device, "type", r->type,
                     "vendor", r->vendor, "version", r->device_version, "driver", r->driver, "platform",
                     r->platform, "platform_version", r->platform_version, "compute_units", r->compute_units,
                     "clock_mhz", r->clock_mhz, "native_float_width", r->float_width);
}

static json_t *bytes_json(uint64_t bytes)
{
    return bytes > 0 ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *report_json(const struct clr_bench_report *r)
{
    json_t *rows = json_array(), *checks = json_array();

    for (size_t i = 0; i < r->row_count; i++)
        rows = json_append(rows, row_json(r, &r->rows[i]));
    for (size_t i = 0; i < r->check_count; i++)
        checks = json_append(checks, check_json(&r->checks[i]));
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o, s:b, s:o, s:o, s:o, "
        "s:o, s:s}",
        "device", device_json(r), "created", r->created, "peak_gflops", spread_json(&r->peak_gflops),
        "bandwidth_gb_per_s", spread_json(&r->bandwidth_gb), "triad_array_bytes", (json_int_t)r->triad_bytes,
        "training_step_ms", spread_json(&r->step_ms), "training_images_per_s",
        json_finite(1e3 * r->batch / r->step_ms.median), "inference_ms", spread_json(&r->inference_ms),
        "warm_start_s", spread_json(&r->warm_start_s), "first_start_s", spread_json(&r->first_start_s),
        "programs_compiled", r->programs_compiled, "peak_memory_bytes", bytes_json(r->peak_memory_bytes),
        "peak_memory_includes_compiler", r->peak_memory_compiler, "not_convolution",
        json_finite(clr_bench_not_convolution(r)), "layers", rows, "correct", clr_bench_is_right(r), "checks",
        checks, "replaced", bench_replaced_json(r), "tuned_layers", bench_tuned_json(r),
        "device_memory_bytes", bytes_json(r->device_memory_bytes), "training_refused", r->refused);
}

/* What all reports of a file share comes from the first. */
static json_t *file_json(const struct clr_bench_report *reports, size_t count)
{
    const struct clr_bench_report *r = &reports[0];
    json_t *devices = json_array();

    for (size_t i = 0; i < count; i++)
        devices = json_append(devices, report_json(&reports[i]));
    return json_pack(
        "{s:s, s:i, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s, s:[i, i, i]}, s:i, s:s, s:o}",
        "format", FORMAT, "version", VERSION, "program", "version", r->program, "git", r->git_id, "compiler",
        r->compiler, "kernel_options", r->kernel_options, "host", "cpu", r->host_cpu, "os", r->host_os, "net",
        "name", r->net, "sha256", r->net_sha256, "input", r->input.channels, r->input.height, r->input.width,
        "batch", r->batch, "data", r->data, "devices", devices);
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

/* A place in the file, for messages, and the first thing that is wrong. */
struct reading {
    const char *path;
    char where[128]; /* "devices[0].layers[3].ms" */
    int rc;
    struct clr_error *err;
};

static void wrong(struct reading *in, const char *name, const char *what)
{
    if (in->rc == 0)
        in->rc = clr_error_set(in->err, CLR_EINPUT, "%s: %s%s%s %s", in->path, in->where,
                               in->where[0] ? "." : "", name, what);
}

/* The same of a value that is there, which is quoted. */
static void wrong_value(struct reading *in, const char *name, const json_t *v, const char *what)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    char said[256];

    (void)snprintf(said, sizeof said, "%s: %.80s%s", what, text ? text : "",
                   text && strlen(text) > 80 ? "…" : "");
    wrong(in, name, said);
    free(text);
}

/* What is wrong with a member that is not what it should be. */
static void wrong_type(struct reading *in, const char *name, const json_t *v, const char *what)
{
    if (v)
        wrong_value(in, name, v, what);
    else
        wrong(in, name, "is missing");
}

/* From now on in that member; leave() with what this gives. */
static size_t enter(struct reading *in, const char *name)
{
    const size_t length = strlen(in->where);

    (void)snprintf(in->where + length, sizeof in->where - length, "%s%s", length > 0 ? "." : "", name);
    return length;
}

static void leave(struct reading *in, size_t length)
{
    in->where[length] = '\0';
}

static void get_text(struct reading *in, const json_t *from, const char *name, char *out, size_t size)
{
    const json_t *v = json_object_get(from, name);

    if (!json_is_string(v))
        wrong_type(in, name, v, "is not a text");
    else if (json_string_length(v) >= size)
        wrong_value(in, name, v, "is too long");
    else {
        str_copy(out, size, json_string_value(v));
        str_mask_name(out);
    }
}

static double get_number(struct reading *in, const json_t *from, const char *name, double min, double max)
{
    const json_t *v = json_object_get(from, name);
    const double d = json_number_value(v);
    char what[64];

    if (!json_is_number(v)) {
        wrong_type(in, name, v, "is not a number");
    } else if (d >= min && d <= max) {
        return d;
    } else {
        (void)snprintf(what, sizeof what, "is out of range (%.10g to %.10g)", min, max);
        wrong_value(in, name, v, what);
    }
    return min;
}

static int get_int(struct reading *in, const json_t *from, const char *name, int min, int max)
{
    const json_t *v = json_object_get(from, name);

    if (v && !json_is_integer(v))
        wrong_value(in, name, v, "is not a whole number");
    return (int)get_number(in, from, name, min, max);
}

static bool get_bool(struct reading *in, const json_t *from, const char *name)
{
    const json_t *v = json_object_get(from, name);

    if (!json_is_boolean(v))
        wrong_type(in, name, v, "is neither true nor false");
    return json_is_true(v);
}

static const json_t *get_object(struct reading *in, const json_t *from, const char *name)
{
    const json_t *v = json_object_get(from, name);

    if (!json_is_object(v))
        wrong_type(in, name, v, "is not an object");
    return v;
}

static const json_t *get_array(struct reading *in, const json_t *from, const char *name, size_t min,
                               size_t max)
{
    const json_t *v = json_object_get(from, name);

    if (!json_is_array(v))
        wrong_type(in, name, v, "is not a list");
    else if (json_array_size(v) < min || json_array_size(v) > max)
        wrong(in, name, json_array_size(v) < min ? "has too few entries" : "has too many entries");
    return v;
}

/* least: 0 where a kernel may be faster than the clock's tick; else above it. */
static void get_spread(struct reading *in, const json_t *from, const char *name, double least,
                       struct clr_bench_spread *out)
{
    const json_t *v = get_object(in, from, name);
    const size_t outer = enter(in, name);

    out->count = get_int(in, v, "samples", 1, INT_MAX);
    out->min = get_number(in, v, "min", least, MOST);
    out->median = get_number(in, v, "median", least, MOST);
    out->max = get_number(in, v, "max", least, MOST);
    leave(in, outer);
    if (in->rc == 0 && !(out->min <= out->median && out->median <= out->max))
        wrong_value(in, name, v, "has its minimum above its median, or that above its maximum");
}

static void read_row(struct reading *in, const json_t *v, struct clr_bench_row *out)
{
    char pass[32] = "";
    int p = 0;

    get_text(in, v, "layer", out->layer, sizeof out->layer);
    get_text(in, v, "kind", out->kind, sizeof out->kind);
    get_text(in, v, "pass", pass, sizeof pass);
    while (p < CLR_BENCH_PASSES && strcmp(pass, clr_bench_pass_name((enum clr_bench_pass)p)) != 0)
        p++;
    if (p == CLR_BENCH_PASSES)
        wrong_value(in, "pass", json_object_get(v, "pass"), "is no pass that this version knows");
    out->pass = p < CLR_BENCH_PASSES ? (enum clr_bench_pass)p : CLR_BENCH_OTHER;
    out->gflop = get_number(in, v, "gflop", 0.0, MOST);
    get_spread(in, v, "ms", 0.0, &out->ms);
}

static void read_check(struct reading *in, const json_t *v, struct clr_bench_check *out)
{
    get_text(in, v, "layer", out->layer, sizeof out->layer);
    get_text(in, v, "kind", out->kind, sizeof out->kind);
    get_text(in, v, "variant", out->variant, sizeof out->variant);
    get_text(in, v, "detail", out->detail, sizeof out->detail);
    out->ok = get_bool(in, v, "ok");
    out->worst_nmse =
        json_is_null(json_object_get(v, "worst_nmse")) ? NAN : get_number(in, v, "worst_nmse", 0.0, HUGE_VAL);
}

static void read_replaced(struct reading *in, const json_t *v, struct clr_bench_replaced *out)
{
    get_text(in, v, "layer", out->layer, sizeof out->layer);
    get_text(in, v, "pass", out->pass, sizeof out->pass);
    get_text(in, v, "variant", out->variant, sizeof out->variant);
    get_text(in, v, "by", out->by, sizeof out->by);
    get_text(in, v, "why", out->why, sizeof out->why);
    if (json_is_number(json_object_get(v, "worst_nmse")))
        out->worst_nmse = get_number(in, v, "worst_nmse", 0.0, HUGE_VAL);
}

/* A layer and pass are there once. */
static void check_rows(struct reading *in, size_t device, const struct clr_bench_report *r)
{
    for (size_t i = 0; i < r->row_count && in->rc == 0; i++)
        for (size_t k = 0; k < i; k++) {
            if (r->rows[k].pass != r->rows[i].pass || strcmp(r->rows[k].layer, r->rows[i].layer) != 0)
                continue;
            (void)snprintf(in->where, sizeof in->where, "devices[%zu].layers[%zu]", device, i);
            wrong(in, "layer", "comes twice with this pass");
            break;
        }
}

static void read_lists(struct reading *in, const json_t *v, size_t device, struct clr_bench_report *out)
{
    const json_t *rows = get_array(in, v, "layers", 0, MOST_ROWS),
                 *checks = get_array(in, v, "checks", 0, MOST_ROWS);

    if (in->rc == 0)
        in->rc = mem_new(&out->rows, json_array_size(rows), sizeof *out->rows, "layers", in->err);
    if (in->rc == 0)
        in->rc = mem_new(&out->checks, json_array_size(checks), sizeof *out->checks, "verdicts", in->err);
    for (size_t i = 0; in->rc == 0 && i < json_array_size(rows); i++) {
        (void)snprintf(in->where, sizeof in->where, "devices[%zu].layers[%zu]", device, i);
        read_row(in, json_array_get(rows, i), &out->rows[i]);
        out->row_count++;
    }
    check_rows(in, device, out);
    for (size_t i = 0; in->rc == 0 && i < json_array_size(checks); i++) {
        (void)snprintf(in->where, sizeof in->where, "devices[%zu].checks[%zu]", device, i);
        read_check(in, json_array_get(checks, i), &out->checks[i]);
        out->wrong += !out->checks[i].ok;
        out->check_count++;
    }
    peak_note_fewer(out);
}

/* What reports have not always had. */
static void read_later_members(struct reading *in, const json_t *v, size_t device,
                               struct clr_bench_report *out)
{
    const json_t *list;

    (void)snprintf(in->where, sizeof in->where, "devices[%zu]", device);
    if (json_object_get(v, "training_refused"))
        get_text(in, v, "training_refused", out->refused, sizeof out->refused);
    out->tuned_layers = -1;
    if (json_is_number(json_object_get(v, "tuned_layers")))
        out->tuned_layers = get_int(in, v, "tuned_layers", 0, INT_MAX);
    if (json_is_number(json_object_get(v, "device_memory_bytes")))
        out->device_memory_bytes = (uint64_t)get_number(in, v, "device_memory_bytes", 0.0, MOST);
    if (!json_object_get(v, "replaced"))
        return;
    list = get_array(in, v, "replaced", 0, MOST_ROWS);
    if (in->rc == 0)
        in->rc = mem_new(&out->replaced, json_array_size(list), sizeof *out->replaced, "replaced variants",
                         in->err);
    for (size_t i = 0; in->rc == 0 && i < json_array_size(list); i++) {
        (void)snprintf(in->where, sizeof in->where, "devices[%zu].replaced[%zu]", device, i);
        read_replaced(in, json_array_get(list, i), &out->replaced[i]);
        out->replaced_count++;
    }
}

static void read_device(struct reading *in, const json_t *d, struct clr_bench_report *out)
{
    get_text(in, d, "name", out->device, sizeof out->device);
    get_text(in, d, "type", out->type, sizeof out->type);
    get_text(in, d, "vendor", out->vendor, sizeof out->vendor);
    get_text(in, d, "version", out->device_version, sizeof out->device_version);
    get_text(in, d, "driver", out->driver, sizeof out->driver);
    get_text(in, d, "platform", out->platform, sizeof out->platform);
    get_text(in, d, "platform_version", out->platform_version, sizeof out->platform_version);
    out->compute_units = get_int(in, d, "compute_units", 0, INT_MAX);
    out->clock_mhz = get_int(in, d, "clock_mhz", 0, INT_MAX);
    out->float_width = get_int(in, d, "native_float_width", 0, 1024);
}

static void read_report(struct reading *in, const json_t *v, size_t device, struct clr_bench_report *out)
{
    const json_t *d;
    size_t outer;

    (void)snprintf(in->where, sizeof in->where, "devices[%zu]", device);
    d = get_object(in, v, "device");
    outer = enter(in, "device");
    read_device(in, d, out);
    leave(in, outer);
    get_text(in, v, "created", out->created, sizeof out->created);
    get_spread(in, v, "peak_gflops", 1e-9, &out->peak_gflops);
    get_spread(in, v, "bandwidth_gb_per_s", 1e-9, &out->bandwidth_gb);
    out->triad_bytes = (uint64_t)get_number(in, v, "triad_array_bytes", 0.0, MOST);
    get_spread(in, v, "training_step_ms", 1e-9, &out->step_ms);
    get_spread(in, v, "inference_ms", 1e-9, &out->inference_ms);
    get_spread(in, v, "warm_start_s", 1e-9, &out->warm_start_s);
    get_spread(in, v, "first_start_s", 1e-9, &out->first_start_s);
    out->programs_compiled = get_int(in, v, "programs_compiled", 0, INT_MAX);
    if (!json_is_null(json_object_get(v, "peak_memory_bytes")))
        out->peak_memory_bytes = (uint64_t)get_number(in, v, "peak_memory_bytes", 0.0, MOST);
    out->peak_memory_compiler = get_bool(in, v, "peak_memory_includes_compiler");
    if (in->rc == 0)
        read_lists(in, v, device, out);
    if (in->rc == 0)
        read_later_members(in, v, device, out);
}

/* What all devices of a file share. */
static void read_head(struct reading *in, const json_t *json, struct clr_bench_report *out)
{
    const json_t *program = get_object(in, json, "program"), *host = get_object(in, json, "host"),
                 *net = get_object(in, json, "net"), *input;
    int *const sizes[] = {&out->input.channels, &out->input.height, &out->input.width};

    out->batch = get_int(in, json, "batch", 1, 65536);
    get_text(in, json, "data", out->data, sizeof out->data);
    str_copy(in->where, sizeof in->where, "program");
    get_text(in, program, "version", out->program, sizeof out->program);
    get_text(in, program, "git", out->git_id, sizeof out->git_id);
    get_text(in, program, "compiler", out->compiler, sizeof out->compiler);
    get_text(in, program, "kernel_options", out->kernel_options, sizeof out->kernel_options);
    str_copy(in->where, sizeof in->where, "host");
    get_text(in, host, "cpu", out->host_cpu, sizeof out->host_cpu);
    get_text(in, host, "os", out->host_os, sizeof out->host_os);
    str_copy(in->where, sizeof in->where, "net");
    get_text(in, net, "name", out->net, sizeof out->net);
    get_text(in, net, "sha256", out->net_sha256, sizeof out->net_sha256);
    input = get_array(in, net, "input", MEM_COUNT(sizes), MEM_COUNT(sizes));
    for (size_t i = 0; in->rc == 0 && i < MEM_COUNT(sizes); i++) {
        const json_t *size = json_array_get(input, i);
        if (!json_is_integer(size) || json_integer_value(size) < 1 || json_integer_value(size) > 65536)
            wrong_value(in, "input", input, "is not three sizes from 1 to 65536");
        else
            *sizes[i] = (int)json_integer_value(size);
    }
    in->where[0] = '\0';
}

static void check_format(struct reading *in, const json_t *json)
{
    const json_t *format = json_object_get(json, "format"), *version = json_object_get(json, "version");

    if (!json_is_string(format) || strcmp(json_string_value(format), FORMAT) != 0)
        in->rc = clr_error_set(in->err, CLR_EINPUT, "%s: no report of 'clr-cl bench --json'", in->path);
    else if (!json_is_integer(version) || json_integer_value(version) != VERSION)
        in->rc =
            clr_error_set(in->err, CLR_EINPUT,
                          "%s: a report of another format version; this program reads version %d: measure "
                          "again, or use the version that wrote it",
                          in->path, VERSION);
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
    struct reading in = {.path = path, .err = err};
    struct clr_bench_report *reports = NULL, head = {0};
    const json_t *devices = NULL;

    check_format(&in, json);
    if (in.rc == 0)
        read_head(&in, json, &head);
    if (in.rc == 0)
        devices = get_array(&in, json, "devices", 1, MOST_DEVICES);
    if (in.rc == 0)
        in.rc = mem_new(&reports, json_array_size(devices), sizeof *reports, "reports", err);
    name_source(head.source, path);
    for (size_t i = 0; in.rc == 0 && i < json_array_size(devices); i++) {
        reports[i] = head;
        read_report(&in, json_array_get(devices, i), i, &reports[i]);
    }
    if (in.rc < 0) {
        clr_bench_destroy(reports, reports ? json_array_size(devices) : 0);
        return in.rc;
    }
    *out = reports;
    *count = json_array_size(devices);
    return 0;
}

int bench_read_text(struct clr_bench_report **out, size_t *count, const char *path, const char *text,
                    size_t size, struct clr_error *err)
{
    json_t *json;
    int rc = json_read_text(&json, path, text, size, err);

    if (rc < 0)
        return rc;
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
