/* Events of the tuner as lines: see events.h. */
#include "tune/events.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const char *const names[] = {"begin", "item", "try", "right", "failed", "result", "end", "error"};

#define TEXT(field)   MEMBER(MEMBER_TEXT, clr_tune_event, field), .optional = true
#define COUNT(field)  MEMBER(MEMBER_INT, clr_tune_event, field), .max = INT_MAX, .optional = true
#define NUMBER(field) MEMBER(MEMBER_NUMBER, clr_tune_event, field), .max = HUGE_VAL, .optional = true

const struct member event_members[] = {
    {"is", MEMBER(MEMBER_ENUM, clr_tune_event, what), .max = CLR_TUNE_ERROR, .names = names},
    {"device", TEXT(device)},
    {"driver", TEXT(driver)},
    {"platform", TEXT(platform)},
    {"platform_version", TEXT(platform_version)},
    {"record", TEXT(record)},
    {"item", COUNT(item)},
    {"items", COUNT(items)},
    {"variants", COUNT(variants)},
    {"item_variants", COUNT(item_variants)},
    {"layer", TEXT(layer)},
    {"operation", TEXT(operation)},
    {"shape", TEXT(shape)},
    {"uses", COUNT(uses)},
    {"variant", TEXT(variant)},
    {"why", TEXT(why)},
    {"detail", TEXT(detail)},
    {"own", TEXT(own)},
    {"own_ms", NUMBER(own_ms)},
    {"ms", NUMBER(ms)},
    {"noise", NUMBER(noise)},
    {"faster", MEMBER(MEMBER_BOOL, clr_tune_event, faster), .optional = true},
    {"tried", COUNT(tried)},
    {"code", MEMBER(MEMBER_INT, clr_tune_event, code), INT_MIN, INT_MAX, true},
    {.name = NULL},
};

void event_text(char *out, size_t size, const char *text)
{
    size_t n;

    str_copy(out, size, text);
    n = strlen(out);
    for (int cut = 0; cut < 3 && n > 0 && n + 1 == size && !str_is_utf8(out); cut++)
        out[--n] = '\0'; /* the first bytes of a character */
    if (!str_is_utf8(out))
        str_copy(out, size, "?");
}

void event_send(const struct clr_tune_event *event, void (*line)(void *user, const char *text), void *user)
{
    json_t *json = members_write(event_members, event);
    char *text = json_dumps(json, JSON_COMPACT);

    if (text)
        line(user, text);
    free(text);
    json_decref(json);
}

void clr_tune_fail(const struct clr_error *why, void (*line)(void *user, const char *text), void *user)
{
    struct clr_tune_event event = {.what = CLR_TUNE_ERROR, .code = why->code};

    event_text(event.detail, sizeof event.detail, why->message);
    event_send(&event, line, user);
}
