/*
 * What happens in the measuring process of the tuner, as lines of JSON for the process that started it.
 */
#ifndef TUNE_EVENTS_H
#define TUNE_EVENTS_H

#include <clr/tune.h>

#include "base/members.h"

/* Members of a line: "is" ("begin", "item", "try", "right", "failed", "result", "end" or "error"), and the
 * fields of the event by their names. */
extern const struct member event_members[];

/* Copy a text that need not be UTF-8, cut where it is too long: what is not becomes "?". */
void event_text(char *out, size_t size, const char *text);

/* Pass the event to `line`. One that there is no memory for is lost. */
void event_send(const struct clr_tune_event *event, void (*line)(void *user, const char *text), void *user);

#endif
