/* Reports as JSON in memory. */
#ifndef BENCH_REPORT_JSON_H
#define BENCH_REPORT_JSON_H

#include <jansson.h>

#include <clr/bench.h>

/* clr_bench_read() of a text; path is what its reports and messages are named by. */
int bench_read_text(struct clr_bench_report **out, size_t *count, const char *path, const char *text,
                    size_t size, struct clr_error *err);

/* What a comparison has of a report; NULL: out of memory, or a name is not UTF-8. */
json_t *bench_compared_json(const struct clr_bench_report *report);

#endif
