/* Writing to the log sink that the program installed (clr/log.h). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <clr/log.h>

/* One line, no newline; cut at 1,023 bytes. */
void log_line(enum clr_log_level level, const char *format, ...) CLR_PRINTF(2, 3);

#endif
