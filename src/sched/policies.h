/* Learning rate policies as rows of a table, and the fields of a schedule as rows of another. */
#ifndef SCHED_POLICIES_H
#define SCHED_POLICIES_H

#include <clr/schedule.h>

/* What a policy reads, of struct clr_schedule (what it needs, and what has a default), and what it is. */
enum {
    NEEDS_LR = 1 << 0,
    NEEDS_MIN = 1 << 1,
    NEEDS_MAX = 1 << 2,
    NEEDS_STEP = 1 << 3,
    NEEDS_GAMMA = 1 << 4,
    NEEDS_POWER = 1 << 5,
    NEEDS_MILESTONES = 1 << 6,
    NEEDS_ITERATIONS = 1 << 7,
    READS_EXP_RANGE = 1 << 8,
    READS_T_MULT = 1 << 9,
    READS_PHASES = 1 << 10,   /* pct_start and the other numbers of 1cycle */
    MAY_REACH_ZERO = 1 << 11, /* min_lr may be 0 */
    DECLINES = 1 << 12,       /* from max_lr to min_lr: texts name them in this order */
    IS_STRAIGHT = 1 << 13,    /* the rates of a piece lie on a line */
    JUMPS = 1 << 14,          /* the rate jumps at the end of a piece */
    IS_CAFFES = 1 << 15,      /* Caffe's files have it, or those of Smith's version of Caffe */
    IS_SWEEP = 1 << 16,       /* of the range test: not a name of --policy; step_size is called iterations */
    NEEDS_BOUNDS = NEEDS_MIN | NEEDS_MAX,
    NEEDS_ANY = (1 << 8) - 1,
};

/* The cycle that an update lies in. */
struct schedule_cycle {
    uint64_t start, length;
};

struct policy {
    const char *name;
    unsigned reads;
    const char *caffe; /* its name in Caffe's files; NULL: the same */
    /* The rate of update t; NULL: wave() between min_lr and max_lr. */
    double (*rate)(const struct clr_schedule *s, uint64_t t);
    /* Between `a`, where the rate is lowest, and `b`, where it is highest: moves the momentum against the
     * rate. NULL: it is constant. */
    double (*wave)(const struct clr_schedule *s, double a, double b, uint64_t t);
    /* NULL: it has no cycles. */
    struct schedule_cycle (*cycle)(const struct clr_schedule *s, uint64_t t);
    /* The first update after t that belongs to another piece: see schedule_piece_of(). UINT64_MAX: there is
     * none, and the rate stays as it is. NULL: one formula for all updates. */
    uint64_t (*end)(const struct clr_schedule *s, uint64_t t);
    /* What no other policy requires of the fields, which are given; NULL: nothing. */
    int (*check)(const struct clr_schedule *s, struct clr_error *err);
};

/* Of a number that no policy has, a row that reads nothing and whose rate is NaN. */
const struct policy *policy_of(enum clr_policy policy);

/* The policy of that name, also a sweep. */
bool policy_find(enum clr_policy *out, const char *name);

/* The pieces of a schedule end at its vertices, jumps and periods. */
struct schedule_piece {
    uint64_t end;  /* the first update that belongs to the next piece; UINT64_MAX: there is none */
    bool straight; /* the rates of the piece lie on a line: with the one at `end` where nothing jumps */
    bool jumps;    /* the rate jumps between the updates end − 1 and end */
};

/* The piece in which update t of a checked schedule lies; end > t. */
struct schedule_piece schedule_piece_of(const struct clr_schedule *s, uint64_t t);

/* The rates by which texts name a schedule: from *first to *last, or one of them; the other is NaN. */
void schedule_rates(const struct clr_schedule *s, double *first, double *last);

enum schedule_kind {
    SCHEDULE_REAL,  /* double; NaN: not given */
    SCHEDULE_COUNT, /* uint64_t; 0: not given */
    SCHEDULE_FLAG,
    SCHEDULE_WORD, /* an enum: one of `names` */
    SCHEDULE_MILESTONES,
};

struct schedule_field {
    const char *name;
    enum schedule_kind kind;
    size_t at;      /* offset in struct clr_schedule */
    unsigned reads; /* bit of the policies that read it; 0: all do */
    const char *const *(*names)(void);
    bool of_run; /* a setting of the run, which is not stored with the schedule */
    bool later;  /* 0.1 did not have it: a count that is null where it is not given */
};

/* In the order in which files and messages have them; ends with a row without a name. */
extern const struct schedule_field schedule_fields[];

#endif
