/**
 * Messages of the library. It never prints: it calls a sink, which the program installs, for each line.
 */
#ifndef CLR_LOG_H
#define CLR_LOG_H

#include <clr/error.h>

enum clr_log_level {
    CLR_LOG_WARNING, /**< something is not as it should be, and the call continues */
    CLR_LOG_INFO,    /**< what is being done: a run is resumed, a device is checked */
};

/**
 * Receives one line without a newline, which is valid during the call only. It is called in the thread that called the
 * library; if several threads use the library, so at the same time in several threads.
 */
typedef void (*clr_log_sink)(void *user, enum clr_log_level level, const char *line);

/**
 * Install the sink for all messages of the process; NULL (the default) drops them. Not while another thread uses the
 * library: call it before the first other call.
 *
 * @param user  passed to every call of the sink; borrowed until another sink is installed
 */
CLR_API void clr_log_set_sink(clr_log_sink sink, void *user);

#endif
