/* Pieces of a schedule: see pieces.h; formulas: clr/schedule.h. */
#include "sched/pieces.h"

#include <math.h>

static uint64_t next_multiple(uint64_t of, uint64_t t)
{
    const uint64_t rest = of - t % of;

    return t <= UINT64_MAX - rest ? t + rest : UINT64_MAX;
}

static struct schedule_piece next_milestone(const struct clr_schedule *s, uint64_t t)
{
    for (size_t i = 0; i < s->milestone_count; i++)
        if (s->milestones[i] > t)
            return (struct schedule_piece){s->milestones[i], true, true};
    return (struct schedule_piece){UINT64_MAX, true, false};
}

/* The phases of 1cycle meet between two updates: both of them end a piece. */
static struct schedule_piece next_phase(const struct clr_schedule *s, uint64_t t)
{
    const double n = (double)s->iterations,
                 ends[3] = {s->pct_start * n - 1.0, 2.0 * s->pct_start * n - 2.0, n - 1.0};
    struct schedule_piece piece = {UINT64_MAX, s->anneal == CLR_ANNEAL_LINEAR, false};

    for (int i = 0; i < 3; i++) {
        if ((i == 1 && !s->three_phase) || !(ends[i] >= 0.0 && ends[i] < 9e15))
            continue;
        for (uint64_t k = 0; k < 2; k++) {
            const uint64_t end = (uint64_t)floor(ends[i]) + k;
            if (end > t && end < piece.end)
                piece.end = end;
        }
    }
    return piece;
}

/* What ends once, at `end`, and is constant from there on. */
static struct schedule_piece before(uint64_t end, uint64_t t, bool straight)
{
    return t < end ? (struct schedule_piece){end, straight, false}
                   : (struct schedule_piece){UINT64_MAX, true, false};
}

struct schedule_piece schedule_piece_of(const struct clr_schedule *s, uint64_t t)
{
    switch (s->policy) {
    case CLR_POLICY_FIXED:
        break;
    case CLR_POLICY_MULTISTEP:
        return next_milestone(s, t);
    case CLR_POLICY_TRIANGULAR:
    case CLR_POLICY_TRIANGULAR2:
        return (struct schedule_piece){next_multiple(s->step_size, t), true, false};
    case CLR_POLICY_EXP_RANGE:
        return (struct schedule_piece){next_multiple(s->step_size, t), false, false};
    case CLR_POLICY_STEP:
        return (struct schedule_piece){next_multiple(s->step_size, t), true, true};
    case CLR_POLICY_SGDR:
        return (struct schedule_piece){clr_schedule_cycle_end(s, t), false, true};
    case CLR_POLICY_DECAY:
        return before(s->step_size, t, true);
    case CLR_POLICY_SWEEP_LINEAR:
        return before(s->step_size - 1, t, true);
    case CLR_POLICY_SWEEP_LOG:
        return before(s->step_size - 1, t, false);
    case CLR_POLICY_POLY:
        return before(s->iterations, t, false);
    case CLR_POLICY_1CYCLE:
        return next_phase(s, t);
    case CLR_POLICY_EXP:
    case CLR_POLICY_INV:
    case CLR_POLICY_SIGMOID:
        return (struct schedule_piece){UINT64_MAX, false, false};
    }
    return (struct schedule_piece){UINT64_MAX, true, false};
}
