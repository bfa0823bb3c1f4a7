/* Nets that are texts in memory, named "f": those that must be read, and those that must be refused. */
#ifndef TESTS_NET_TEXTS_H
#define TESTS_NET_TEXTS_H

#include <string.h>

#include <clr/net.h>

#include "support.h"

static inline struct clr_net_spec *must_load(const char *text)
{
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};

    ck_assert_msg(clr_net_from_text(&spec, "f", text, &err) == 0, "%s", err.message);
    return spec;
}

/* A text, and how the message begins. */
struct refused {
    const char *text, *message;
};

static inline void must_refuse(const struct refused *cases, size_t count)
{
    struct clr_net_spec *spec = NULL;
    struct clr_error err;

    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(clr_net_from_text(&spec, "f", cases[i].text, &err) == CLR_EINPUT, "accepted: %s",
                      cases[i].text);
        ck_assert_msg(strncmp(err.message, cases[i].message, strlen(cases[i].message)) == 0,
                      "'%s' gives '%s'", cases[i].text, err.message);
    }
}

#endif
