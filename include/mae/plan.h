/* Goals, plans and fronts (docs/formats.md, sections 2 and 3). */
#ifndef MAE_PLAN_H
#define MAE_PLAN_H

#include "mae/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mae_objective {
    MAE_MIN_LATENCY = 0,
    MAE_MIN_ENERGY,
    MAE_MIN_EDP,      /* energy_mj * latency_ms */
    MAE_MIN_WEIGHTED, /* weight * latency / L + (1 - weight) * energy / E */
    MAE_MIN_PERIOD    /* most frames a second, across frames: mae_plan_solve() alone plans for it */
} mae_objective;

/* How the segments of a frame follow one another (docs/formats.md, sections 2 and 3). */
typedef enum mae_schedule {
    MAE_SERIAL = 0,
    MAE_OVERLAP /* each as soon as its resource is free and what it reads has been made */
} mae_schedule;

/* What a plan is for. Start from MAE_GOAL_INIT: least latency, no bounds. */
typedef struct mae_goal {
    mae_objective minimize;
    double weight;         /* of latency, 0 to 1; MAE_MIN_WEIGHTED only */
    double max_latency_ms; /* 0: no bound, as for the next three */
    double max_energy_mj;
    double max_power_w;    /* energy_mj <= max_power_w * period_ms; needs a period */
    double period_ms;      /* a frame comes every so often; 0: unstated */
    int max_switches;      /* -1: no bound */
    mae_schedule schedule; /* of the frames: latency is a serial frame's, or the makespan of an overlapped one */
} mae_goal;

#define MAE_GOAL_INIT                                                                                                  \
    {                                                                                                                  \
        MAE_MIN_LATENCY, 0.5, 0.0, 0.0, 0.0, 0.0, -1, MAE_SERIAL                                                       \
    }

/* Sets `minimize` (and `weight`) from "latency", "energy", "edp", "weighted:W" or "period". MAE_ERR_USAGE. */
MAE_API MAE_MUST_CHECK mae_error *mae_goal_parse(const char *text, mae_goal *goal);

/* What a mapping costs, by section 2 of docs/formats.md. energy_mj is 0 without energy. */
typedef struct mae_prediction {
    double latency_ms;
    double energy_mj;
    int switches;
} mae_prediction;

/* One segment of a plan. */
typedef struct mae_plan_segment {
    const char *pe;
    size_t n_layers;
    const char *const *layers; /* names, consecutive */
} mae_plan_segment;

/* What a single PE, or another baseline, would cost. */
typedef struct mae_plan_baseline {
    const char *name; /* of the PE; "greedy" */
    mae_prediction cost;
    bool meets_bounds;
} mae_plan_baseline;

/* What a resource has to do for one frame of a replica. */
typedef struct mae_plan_load {
    const char *resource;
    double ms;
} mae_plan_load;

/* The network once, on resources that no other replica uses. Segments of one resource stand together: they are a stage,
 * and each stage works on a frame of its own. */
typedef struct mae_plan_replica {
    size_t n_segments;
    const mae_plan_segment *segments;
    double period_ms;    /* the largest load */
    mae_prediction cost; /* a frame's: latency where it waits for no other, energy at the arrangement's period */
    size_t n_loads;      /* in the order of the stages */
    const mae_plan_load *loads;
} mae_plan_replica;

/* How a plan sends frames through the resources (docs/formats.md, section 3). */
typedef struct mae_plan_throughput {
    double period_ms;  /* 1 / period = sum of 1 / the replicas' periods */
    double latency_ms; /* the largest of a frame that waits for no other */
    double energy_mj;  /* a frame's in the mean; 0 without energy */
    size_t n_replicas; /* by rising latency */
    const mae_plan_replica *replicas;
} mae_plan_throughput;

typedef struct mae_plan {
    const char *model_name, *model_sha256;
    const char *soc_name, *soc_mode;
    mae_goal goal;
    bool has_energy;
    size_t n_segments;
    const mae_plan_segment *segments;
    mae_prediction predicted;
    size_t n_single; /* complete PEs only */
    const mae_plan_baseline *single;
    bool has_maeg;        /* false: no single PE meets the bounds, the plan `enables` */
    double maeg;          /* 1 - J(plan) / J(best single PE) */
    const char *baseline; /* the best single PE; NULL without maeg */
    bool enables;
    bool optimal;
    double gap;
    double solve_ms;       /* 0: unstated */
    size_t n_model_inputs; /* what `mae run` checks a model against; may be 0 */
    const char *const *model_input_names;
    const mae_shape *model_input_shapes;
    void *priv;
    const mae_plan_throughput *throughput; /* of a goal of least period; `segments` and `predicted` are then those of
                                              the first replica, a frame alone. NULL: frames follow one another */
} mae_plan;

/* One non-dominated (latency, energy) pair and the mapping that reaches it. */
typedef struct mae_front_point {
    mae_prediction cost;
    int *mapping; /* PE per layer */
} mae_front_point;

typedef struct mae_front {
    size_t n_points; /* sorted by latency */
    const mae_front_point *points;
    bool exact;
    double epsilon; /* when not exact: no trade-off is missed by more than the factor 1 + epsilon */
    void *priv;
} mae_front;

/* Best mapping of `profile` for `goal` (where its frames overlap and the network is large: the best that was found,
 * with its gap). MAE_ERR_INFEASIBLE when no mapping meets the goal (the message says why; mae_nearest() gives the
 * nearest point); MAE_ERR_UNSUPPORTED when a layer has no PE; MAE_ERR_USAGE for a goal that makes no sense. */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_solve(const mae_profile *profile, const mae_goal *goal, mae_plan **ret_plan);

/* The plan object for a given mapping (PE per layer): costs and MAEG filled in, not optimal, gap 1. */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_of_mapping(const mae_profile *profile, const mae_goal *goal,
                                                      const int *mapping, mae_plan **ret_plan);

/* The plan object for an arrangement: `mappings` has a mapping (PE per layer) for each of `n` replicas. The goal is one
 * of least period. Not optimal, gap 1. MAE_ERR_INFEASIBLE, with the reason, if a mapping is not allowed, returns to a
 * resource that it has left, or uses a resource of another. */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_of_replicas(const mae_profile *profile, const mae_goal *goal,
                                                       const int *const *mappings, size_t n, mae_plan **ret_plan);

/* Cost of any mapping (PE per layer). MAE_ERR_INFEASIBLE, with the reason, if it is not allowed. */
MAE_API MAE_MUST_CHECK mae_error *mae_eval(const mae_profile *profile, const int *mapping, double period_ms,
                                           mae_prediction *ret_cost);
/* The same where segments overlap: the latency is the makespan of docs/formats.md, section 3. */
MAE_API MAE_MUST_CHECK mae_error *mae_eval_overlap(const mae_profile *profile, const int *mapping, double period_ms,
                                                   mae_prediction *ret_cost);

/* The whole front of the profile, exact with epsilon 0. Only max_switches and period_ms of the goal
 * are looked at; frames are serial: MAE_ERR_USAGE where the goal's overlap. */
MAE_API MAE_MUST_CHECK mae_error *mae_front_solve(const mae_profile *profile, const mae_goal *goal, double epsilon,
                                                  mae_front **ret_front);
MAE_API MAE_MUST_CHECK mae_error *mae_front_write(const mae_profile *profile, const mae_front *front, const char *path);
MAE_API void mae_front_destroy(mae_front *front);

/* The point of the front that misses the goal's bounds least (docs/formats.md, section 3);
 * *ret_exists is false if there is no mapping at all. */
MAE_API MAE_MUST_CHECK mae_error *mae_nearest(const mae_profile *profile, const mae_goal *goal, bool *ret_exists,
                                              mae_prediction *ret_nearest);

/* What runtimes with a priority list do today: each layer goes to the first PE of the list that supports it, whatever
 * it costs there. `priority` holds `n_priority` PEs; with 0 it is mae_priority()'s list. MAE_ERR_UNSUPPORTED if no PE
 * of the list supports some layer. Whether the mapping (n_layers entries, caller's array) is allowed, mae_eval() says.
 */
MAE_API MAE_MUST_CHECK mae_error *mae_greedy(const mae_profile *profile, const int *priority, size_t n_priority,
                                             int *ret_mapping);
/* All PEs (n_pes entries, caller's array) by how few layers they support, special accelerators first, as runtimes with
 * a fall-back have them; ties in the profile's order. */
MAE_API void mae_priority(const mae_profile *profile, int *ret_order);

/* What one PE is worth: the best plan for the same goal without it. */
typedef struct mae_pe_worth {
    const char *pe;
    bool feasible;       /* the goal can be met without it */
    mae_prediction cost; /* then */
    double increase;     /* J without it / J with it - 1; 0 when J is 0 */
} mae_pe_worth;

/* What a plan is worth beside its MAEG. J is the goal's cost: ms, mJ, mJ ms, or a weighted sum. */
typedef struct mae_worth {
    double objective; /* J of the best plan */
    size_t n_pes;
    const mae_pe_worth *pes;
    bool has_price_ms; /* there is a latency bound */
    double price_ms;   /* J saved per ms by a deadline 1 % later */
    bool has_price_mj; /* there is an energy bound */
    double price_mj;   /* J saved per mJ by a budget 1 % larger */
    bool has_greedy;   /* mae_greedy()'s mapping, with mae_priority()'s list, is allowed */
    bool greedy_meets_bounds;
    mae_prediction greedy;
    double greedy_increase;    /* J of it / J of the best plan - 1 */
    const char *greedy_reason; /* why it is not allowed; NULL where it is */
    void *priv;
} mae_worth;

/* Errors as mae_plan_solve(). */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_worth(const mae_profile *profile, const mae_goal *goal,
                                                 mae_worth **ret_worth);
MAE_API void mae_worth_destroy(mae_worth *worth); /* takes NULL */

/* The mapping (PE per layer, n_layers entries, caller's array) that a plan gives this profile's
 * layers. MAE_ERR_INPUT if the plan is for another network or other PEs. */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_mapping(const mae_plan *plan, const mae_profile *profile, int *ret_mapping);

MAE_API MAE_MUST_CHECK mae_error *mae_plan_read(const char *path, mae_plan **ret_plan);
MAE_API MAE_MUST_CHECK mae_error *mae_plan_write(const mae_plan *plan, const char *path);

/* The plan as the text of a mae-plan file, zero-terminated; the caller frees it with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_plan_to_json(const mae_plan *plan, char **ret_text);
MAE_API void mae_plan_destroy(mae_plan *plan); /* takes NULL */

#ifdef __cplusplus
}
#endif
#endif
