/* What stands behind a policy: its points with the time of each PE in them. */
#ifndef MAE_POLICY_POLICY_IMPL_H
#define MAE_POLICY_POLICY_IMPL_H

#include "base/arena.h"
#include "core/cost.h"
#include "mae/policy.h"

struct mae_policy {
    mae_arena *arena;
    const mae_profile *profile;
    const mae_rules *rules;
    mae_policy_params params;
    mae_cost_index index;
    bool has_index;
    size_t n_points;
    mae_policy_point *points;
    double *pe_ms;  /* n_points x n_pes: in segments of the PE; the rest of a point's latency are transfers */
    bool *complete; /* per PE, and what it costs alone, for the scales of weighted goals */
    double *single_ms, *single_mj; /* the energy is dynamic */
};

/* What a PE's times are, relative to the profile's, and by how much they vary. */
typedef struct policy_view {
    double ratio[MAE_POLICY_MAX_PES];
    double sigma[MAE_POLICY_MAX_PES]; /* relative; times margin_sigma */
    double margin;
} policy_view;

/* The profile's figures, with no margin. */
void policy_view_plain(policy_view *view);

/* How well a point serves a goal; lower is better: tier 0 meets it with the margin and is ranked by the objective,
 * tier 1 without it, tier 2 misses it; these are ranked by the miss. */
typedef struct policy_merit {
    int tier;
    double value;
    mae_prediction cost;
    double miss; /* largest value / bound - 1 without the margin */
} policy_merit;

/* What is asked of the points. */
typedef struct policy_query {
    const mae_goal *goal;
    uint64_t pes;
    const bool *compiled;
    const policy_view *view;
    double scale_latency, scale_energy;
} policy_query;

/* Fills in the scales of a weighted goal. */
void policy_query_init(policy_query *query, const mae_policy *policy, const mae_goal *goal, uint64_t pes,
                       const bool *compiled, const policy_view *view);
bool policy_can(const mae_policy *policy, const policy_query *query, int point);
policy_merit policy_merit_of(const mae_policy *policy, const policy_query *query, int point);
bool policy_is_better(const policy_merit *a, const policy_merit *b);
int policy_choose(const mae_policy *policy, const policy_query *query);

/* ---- the parts of a step; each changes the memory ---- */

/* Which rule applies now. */
int policy_latch(const mae_rules *rules, const mae_profile *profile, const mae_state *state, double now_s,
                 mae_policy_memory *memory);

/* PEs that are there and trusted; what is known of lost ones is brought up to date. */
uint64_t policy_trust(const mae_policy *policy, const mae_state *state, double now_s, mae_policy_memory *memory);

/* Takes in a trace: the live ratios and the drift test. */
void policy_listen(const mae_policy *policy, const mae_trace *trace, double now_s, mae_policy_memory *memory);
void policy_view_of(const mae_policy *policy, const mae_policy_memory *memory, double now_s, policy_view *view);

/* Moves what is asked for (re-profile, re-plan) on. */
void policy_ask(const mae_policy *policy, const mae_state *state, double now_s, mae_policy_memory *memory);

#endif
