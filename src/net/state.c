/* States of nets, and rules of layers: see state.h. */
#include "net/state.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"

static const char *const phase_words[] = {"TRAIN", "TEST", NULL};
static const int phase_numbers[] = {0, 1};
static const unsigned phase_masks[] = {PHASE_TRAIN, PHASE_TEST};

static bool has_stage(const struct net_state *state, const char *stage)
{
    for (int i = 0; i < state->stage_count; i++)
        if (strcmp(state->stages[i], stage) == 0)
            return true;
    return false;
}

static void set_level(struct net_state *state, int level)
{
    state->level = level;
    state->has_level = true;
}

static int add_stage(struct net_state *state, const char *stage, struct clr_error *err)
{
    if (has_stage(state, stage))
        return 0;
    if (state->stage_count == STATE_STAGES)
        return clr_error_set(err, CLR_EINPUT, "more than %d stages of one net", STATE_STAGES);
    state->stages[state->stage_count++] = stage;
    return 0;
}

int state_read(struct net_states *states, unsigned phases, struct prototxt *doc, struct pt_field *field,
               bool quiet, struct clr_error *err)
{
    struct pt_field *stage = NULL, *named = NULL;
    int phase, level, has_level, rc = pt_value_message(doc, field, err);
    struct clr_error why;
    const char *text;
    struct pt_reader r;

    if (rc < 0)
        return rc;
    pt_open(&r, doc, field);
    if (pt_enum(&r, "phase", phase_words, phase_numbers, &phase, err) > 0 && pt_next(&r, "phase", &named)) {
        if (phases == (PHASE_TRAIN | PHASE_TEST) && !quiet)
            log_line(CLR_LOG_INFO, "%s:%d: 'phase' has no effect here: a net is read for both phases",
                     doc->file, named->line);
        else if (!(phases & phase_masks[phase]))
            (void)pt_error(doc, named, err, "'%s' is of the %s phase, but its 'phase' is %s", field->name,
                           phase_words[1 - phase], phase_words[phase]);
    }
    has_level = pt_int(&r, "level", INT_MIN, INT_MAX, &level, err);
    for (int p = 0; p < 2; p++)
        if (has_level > 0 && (phases & phase_masks[p]))
            set_level(&states->phase[p], level);
    while (pt_next(&r, "stage", &stage))
        for (int p = 0; pt_value_text(doc, stage, &text, err) == 0 && p < 2; p++)
            if ((phases & phase_masks[p]) && add_stage(&states->phase[p], text, &why) < 0)
                (void)pt_error(doc, stage, err, "%s", why.message);
    return pt_close(&r, NULL, err);
}

int state_put_over(struct net_states *states, const struct net_states *over, struct clr_error *err)
{
    int rc = 0;

    for (int p = 0; p < 2; p++) {
        const struct net_state *from = &over->phase[p];
        if (from->has_level)
            set_level(&states->phase[p], from->level);
        for (int i = 0; i < from->stage_count && rc == 0; i++)
            rc = add_stage(&states->phase[p], from->stages[i], err);
    }
    return rc;
}

/* Of the phases, those whose net has the stages that the rule gives under that name; has false: has none. */
static unsigned read_stages(struct pt_reader *r, const char *name, bool has, const struct net_states *states,
                            struct clr_error *err)
{
    unsigned phases = PHASE_TRAIN | PHASE_TEST;
    const char *stage;

    for (struct pt_field *f = NULL; pt_next(r, name, &f);) {
        if (pt_value_text(r->doc, f, &stage, err) < 0)
            continue;
        for (int p = 0; p < 2; p++)
            if (has_stage(&states->phase[p], stage) != has)
                phases &= ~phase_masks[p];
    }
    return phases;
}

unsigned state_rule(const struct net_states *states, struct prototxt *doc, struct pt_field *rule,
                    struct clr_error *err)
{
    unsigned phases = PHASE_TRAIN | PHASE_TEST;
    int phase, least = INT_MIN, most = INT_MAX;
    struct pt_reader r;

    if (pt_value_message(doc, rule, err) < 0)
        return phases;
    pt_open(&r, doc, rule);
    if (pt_enum(&r, "phase", phase_words, phase_numbers, &phase, err) > 0)
        phases = phase_masks[phase];
    (void)pt_int(&r, "min_level", INT_MIN, INT_MAX, &least, err);
    (void)pt_int(&r, "max_level", INT_MIN, INT_MAX, &most, err);
    phases &= read_stages(&r, "stage", true, states, err);
    phases &= read_stages(&r, "not_stage", false, states, err);
    for (int p = 0; p < 2; p++)
        if (states->phase[p].level < least || states->phase[p].level > most)
            phases &= ~phase_masks[p];
    return pt_close(&r, NULL, err) < 0 ? PHASE_TRAIN | PHASE_TEST : phases;
}
