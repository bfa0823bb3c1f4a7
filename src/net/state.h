/*
 * Which layers of a file are in a net: Caffe's NetState, and the rules `include` and `exclude` of layers
 * (StateMeetsRule() of src/caffe/net.cpp). A rule holds if all that it gives holds: its phase is the net's,
 * the net's level is from min_level to max_level, the net has every `stage` and no `not_stage` of the rule.
 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "net/prototxt.h"

#define STATE_STAGES 16

enum { PHASE_TRAIN = 1, PHASE_TEST = 2 }; /* a mask */

/* Of the net of one phase. */
struct net_state {
    int level;
    bool has_level;                   /* it is given, not the usual 0 */
    const char *stages[STATE_STAGES]; /* texts of a prototxt */
    int stage_count;
};

/* [0] of training, [1] of evaluation. */
struct net_states {
    struct net_state phase[2];
};

/*
 * Read a block `state`, `train_state` or `test_state`, of the phases in that mask: its level replaces theirs,
 * its stages are added. A `phase` has no effect in that of both, which is logged unless `quiet`. CLR_EINPUT:
 * problems of *doc.
 */
int state_read(struct net_states *states, unsigned phases, struct prototxt *doc, struct pt_field *field,
               bool quiet, struct clr_error *err);

/* Put the states that a solver's file gives over those of the net's own. CLR_EINPUT: too many stages. */
int state_put_over(struct net_states *states, const struct net_states *over, struct clr_error *err);

/* The phases in whose net a rule holds, an `include` or `exclude`; if it is wrong: both, and a problem of
 * *doc. */
unsigned state_rule(const struct net_states *states, struct prototxt *doc, struct pt_field *rule,
                    struct clr_error *err);

#endif
