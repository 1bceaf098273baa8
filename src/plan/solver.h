/* The solver: model, trellis, bounds and labels put together for one aim. */
#ifndef MAE_PLAN_SOLVER_H
#define MAE_PLAN_SOLVER_H

#include "plan/bound.h"
#include "plan/plan.h"

typedef struct mae_answer {
    int *mapping; /* our PEs */
    mae_prediction cost;
    double value; /* J */
} mae_answer;

typedef struct mae_solver {
    const mae_model *model;
    mae_aim aim;
    mae_schedule schedule; /* mae_solver_run() is for serial frames, mae_solver_run_scheduled() for all */
    size_t memory_bytes;
    mae_dual_set *duals; /* bounds that are kept for the next solver on this model; NULL: its own */
    size_t k;            /* how many mappings are wanted */
    size_t n_answers;
    mae_answer *answers; /* the best so far that meet everything, best first; k at most */
    double lower;        /* of J over all mappings that meet everything; infinite: there are none */
    bool exists;         /* there is a mapping at all, bounds aside */
} mae_solver;

/* The aim of a goal. */
mae_aim mae_aim_for(const mae_goal *goal, double scale_latency, double scale_energy);

/* Answers stay empty when no mapping meets the aim's bounds. */
MAE_MUST_CHECK mae_error *mae_solver_run(mae_solver *solver);
MAE_MUST_CHECK mae_error *mae_solver_run_scheduled(mae_solver *solver);
void mae_solver_finish(mae_solver *solver);

/* Offers a mapping (our PEs): kept if it is allowed, meets the bounds and is among the k best. */
MAE_MUST_CHECK mae_error *mae_solver_offer(mae_solver *solver, const int *mapping);

/* Keeps an answer, which is copied, if it is among the k best. */
MAE_MUST_CHECK mae_error *mae_solver_keep(mae_solver *solver, const mae_answer *answer);

/* < 0: the first comes first by J, latency, energy, switches, names (docs/formats.md, section 2). */
int mae_answer_compare(const mae_answer *x, const mae_answer *y, int n);

size_t mae_default_memory(const mae_plan_limits *limits);

#endif
