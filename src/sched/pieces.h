/* The pieces of a schedule, which end at its vertices, jumps and periods. */
#ifndef SCHED_PIECES_H
#define SCHED_PIECES_H

#include <clr/schedule.h>

struct schedule_piece {
    uint64_t end;  /* the first update that belongs to the next piece; UINT64_MAX: there is none */
    bool straight; /* the rates of the piece lie on a line: with the one at `end` where nothing jumps */
    bool jumps;    /* the rate jumps between the updates end − 1 and end */
};

/* The piece in which update t of a checked schedule lies; end > t. */
struct schedule_piece schedule_piece_of(const struct clr_schedule *s, uint64_t t);

#endif
