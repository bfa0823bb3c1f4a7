/**
 * Messages of the library. It never prints: it hands each line to a sink that the program installs.
 */
#ifndef CLR_LOG_H
#define CLR_LOG_H

#include <clr/error.h>

enum clr_log_level {
    CLR_LOG_WARNING, /**< something the user should know, work goes on */
    CLR_LOG_INFO,    /**< what is being done: device chosen, kernels compiled */
};

/** Receives one line without a newline. Called from the thread that called the library. */
typedef void (*clr_log_sink)(void *user, enum clr_log_level level, const char *line);

/**
 * Install the sink for all messages; NULL (the default) drops them. Not thread-safe: call it once, first.
 *
 * @param user  handed to every call of the sink; borrowed
 */
CLR_API void clr_log_set_sink(clr_log_sink sink, void *user);

#endif
