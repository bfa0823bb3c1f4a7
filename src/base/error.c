/* Errors and the log sink: all that the library reports. See clr/error.h and clr/log.h. */
#include <clr/error.h>
#include <clr/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

static clr_log_sink g_sink;
static void *g_sink_user;

int clr_error_set(struct clr_error *err, int code, const char *format, ...)
{
    if (err) {
        va_list ap;
        err->code = code;
        err->cl_status = 0;
        va_start(ap, format);
        (void)vsnprintf(err->message, sizeof err->message, format, ap);
        va_end(ap);
        str_mask(err->message);
    }
    return code;
}

void clr_error_prefix(struct clr_error *err, const char *format, ...)
{
    char old[sizeof err->message];
    va_list ap;
    int n;

    if (!err)
        return;
    memcpy(old, err->message, sizeof old);
    va_start(ap, format);
    n = vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof err->message)
        (void)snprintf(err->message + n, sizeof err->message - (size_t)n, ": %s", old);
    str_mask(err->message);
}

void clr_log_set_sink(clr_log_sink sink, void *user)
{
    g_sink = sink;
    g_sink_user = user;
}

void log_line(enum clr_log_level level, const char *format, ...)
{
    char line[1024];
    va_list ap;

    if (!g_sink)
        return;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    str_mask(line);
    g_sink(g_sink_user, level, line);
}
