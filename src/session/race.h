/* Contenders measured turn by turn, those that cannot win left out one after the other. */
#ifndef MAE_SESSION_RACE_H
#define MAE_SESSION_RACE_H

#include "session/bench.h"

/* What a decision looks at: the figures of one contender, per round. */
typedef struct mae_lane {
    const double *values; /* J */
    const double *misses; /* above 0: a bound is broken */
    bool out;             /* cannot win */
} mae_lane;

/* The lane that leads after so many rounds: of those not out that meet the bounds, the one of the least median; if none
 * does, the one that misses them least. n if all are out. `scratch` has room for the rounds. */
size_t mae_race_leader(const mae_lane *lanes, size_t n, size_t rounds, double *scratch);

/* The `look`-th look (from 1) at a race: puts out the lanes that the leader beats, and those that break a bound. All
 * decisions of all looks are right together with at least `confidence`. True if the race is decided: one stands, or no
 * other can be better than the leader by more than `indifference`. */
bool mae_race_look(mae_lane *lanes, size_t n, size_t rounds, size_t look, double confidence, double indifference,
                   double *scratch, size_t *ret_leader);

typedef struct mae_racer {
    mae_contender *contender;
    bool stays; /* a baseline: runs to the end, whether it can win or not */
    bool out;
} mae_racer;

#define MAE_RACE_MOST (64 + 1 + MAE_BENCH_MOST_MIXED)

typedef struct mae_race {
    mae_racer racers[MAE_RACE_MOST];
    size_t n;
    double seconds;
    size_t least_rounds; /* 0: as many as an interval needs */
    bool eliminate;      /* else all run to the end */
    const char *what;    /* for progress, from `begin` to `end` of the whole */
    double begin, end;
    size_t rounds, leader; /* the result; `leader` is n without elimination */
    bool decided;
} mae_race;

void mae_race_add(mae_race *race, mae_contender *contender, bool stays); /* NULL is left out */
MAE_MUST_CHECK mae_error *mae_race_run(mae_bench_work *work, mae_race *race);

#endif
