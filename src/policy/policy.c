#include "policy/policy_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/goal.h"

/* ---- making one ---- */

static mae_error *check_params(const mae_policy_params *p)
{
    const double positive[] = {p->trial_most_s, p->forget_s, p->drift_clip, p->drift_alarm, p->reprofile_s};
    const double others[] = {p->margin, p->margin_sigma, p->dwell_s, p->trial_s, p->drift_allow};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (!(positive[i] > 0))
            return mae_error_new(MAE_ERR_USAGE, "a parameter of the policy is %g: it must be positive", positive[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!(others[i] >= 0))
            return mae_error_new(MAE_ERR_USAGE, "a parameter of the policy is %g: it must not be negative", others[i]);
    if (p->margin >= 1 || p->burst < 0 || p->reprofile_most_s < p->reprofile_s)
        return mae_error_new(MAE_ERR_USAGE,
                             "a parameter of the policy is out of range: margin %g, burst %d, "
                             "reprofile_most_s %g",
                             p->margin, p->burst, p->reprofile_most_s);
    return NULL;
}

static mae_error *check_rules(const mae_profile *profile, const mae_rules *rules)
{
    if (rules->n_rules == 0 || rules->n_rules > MAE_MAX_RULES)
        return mae_error_new(MAE_ERR_USAGE, "a policy has 1 to %d rules, not %zu", MAE_MAX_RULES, rules->n_rules);
    for (size_t i = 0; i < rules->n_rules; i++) {
        const mae_rule *rule = &rules->rules[i];
        MAE_TRY(mae_error_wrap(mae_goal_check_energy(&rule->goal, profile), "rule of line %d", rule->line));
        if (rule->when == MAE_WHEN_LOST && mae_profile_find_pe(profile, rule->word) < 0)
            return mae_error_new(MAE_ERR_INPUT, "rule of line %d: the profile has no PE \"%s\"", rule->line,
                                 rule->word);
    }
    return NULL;
}

static void add_times(mae_policy *policy, const int *mapping, double *pe_ms)
{
    const mae_profile *p = policy->profile;
    int n = (int)p->n_layers;
    for (int first = 0, last; first < n; first = last + 1) {
        int pe = mapping[first];
        for (last = first; last + 1 < n && mapping[last + 1] == pe;)
            last++;
        const mae_segment_cost *row = mae_cost_row(&policy->index, pe, first, last);
        pe_ms[pe] += row ? row->time_ms : p->pes[pe].segment_ms;
        for (int l = first; !row && l <= last; l++)
            pe_ms[pe] += p->costs[(size_t)l * p->n_pes + (size_t)pe].time_ms;
    }
}

static uint64_t hash_of(const int *mapping, size_t n)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint64_t)mapping[i]) * 1099511628211u;
    return hash;
}

static bool is_known(const mae_policy *policy, const uint64_t *hashes, const int *mapping, uint64_t hash)
{
    for (size_t k = 0; k < policy->n_points; k++)
        if (hashes[k] == hash &&
            memcmp(policy->points[k].mapping, mapping, policy->profile->n_layers * sizeof *mapping) == 0)
            return true;
    return false;
}

static mae_error *add_point(mae_policy *policy, size_t front, size_t index, const int *mapping)
{
    const mae_profile *p = policy->profile;
    mae_policy_point *point = &policy->points[policy->n_points];
    mae_prediction cost;
    MAE_TRY(mae_cost_of(&policy->index, mapping, 0, &cost));
    *point = (mae_policy_point){front, index, mapping, 0, cost.latency_ms, 0, cost.switches};
    point->dynamic_mj = cost.energy_mj - p->static_w * cost.latency_ms;
    for (size_t l = 0; l < p->n_layers; l++)
        point->pes |= (uint64_t)1 << mapping[l];
    add_times(policy, mapping, &policy->pe_ms[policy->n_points * p->n_pes]);
    policy->n_points++;
    return NULL;
}

static mae_error *add_points(mae_policy *policy, const mae_policy_front *fronts, size_t n_fronts)
{
    const mae_profile *p = policy->profile;
    size_t room = 0;
    for (size_t f = 0; f < n_fronts; f++)
        room += fronts[f].front->n_points;
    uint64_t *hashes = mae_arena_array(policy->arena, room, sizeof *hashes);
    policy->points = mae_arena_array(policy->arena, room, sizeof *policy->points);
    policy->pe_ms = mae_arena_array(policy->arena, room * p->n_pes, sizeof *policy->pe_ms);
    if (!hashes || !policy->points || !policy->pe_ms)
        return mae_error_nomem();
    for (size_t f = 0; f < n_fronts; f++)
        for (size_t i = 0; i < fronts[f].front->n_points; i++) {
            const int *mapping = fronts[f].front->points[i].mapping;
            uint64_t hash = hash_of(mapping, p->n_layers);
            if (is_known(policy, hashes, mapping, hash))
                continue;
            hashes[policy->n_points] = hash;
            MAE_TRY(add_point(policy, f, i, mapping));
        }
    return policy->n_points ? NULL : mae_error_new(MAE_ERR_USAGE, "a policy needs a front with a point");
}

static mae_error *add_singles(mae_policy *policy)
{
    const mae_profile *p = policy->profile;
    int *mapping = mae_arena_array(policy->arena, p->n_layers, sizeof *mapping);
    policy->complete = mae_arena_array(policy->arena, p->n_pes, sizeof *policy->complete);
    policy->single_ms = mae_arena_array(policy->arena, p->n_pes, sizeof(double));
    policy->single_mj = mae_arena_array(policy->arena, p->n_pes, sizeof(double));
    if (!mapping || !policy->complete || !policy->single_ms || !policy->single_mj)
        return mae_error_nomem();
    for (size_t pe = 0; pe < p->n_pes; pe++) {
        mae_prediction cost = {0};
        for (size_t l = 0; l < p->n_layers; l++)
            mapping[l] = (int)pe;
        mae_error *error = mae_cost_of(&policy->index, mapping, 0, &cost);
        if (error && mae_error_code(error) == MAE_ERR_NOMEM)
            return error;
        policy->complete[pe] = !error;
        policy->single_ms[pe] = cost.latency_ms;
        policy->single_mj[pe] = cost.energy_mj - p->static_w * cost.latency_ms;
        mae_error_free(error);
    }
    return NULL;
}

static mae_error *build(mae_policy *policy, const mae_policy_front *fronts, size_t n_fronts)
{
    const mae_profile *profile = policy->profile;
    if (!policy->arena)
        return mae_error_nomem();
    if (profile->n_pes > MAE_POLICY_MAX_PES)
        return mae_error_new(MAE_ERR_USAGE, "a policy serves at most %d PEs", MAE_POLICY_MAX_PES);
    MAE_TRY(check_params(&policy->params));
    MAE_TRY(check_rules(profile, policy->rules));
    MAE_TRY(mae_cost_index_init(&policy->index, profile));
    policy->has_index = true;
    MAE_TRY(add_points(policy, fronts, n_fronts));
    return add_singles(policy);
}

mae_error *mae_policy_create(const mae_profile *profile, const mae_rules *rules, const mae_policy_front *fronts,
                             size_t n_fronts, const mae_policy_params *params, mae_policy **ret_policy)
{
    mae_policy *policy = calloc(1, sizeof *policy);
    if (!policy)
        return mae_error_nomem();
    policy->arena = mae_arena_create();
    policy->profile = profile;
    policy->rules = rules;
    policy->params = *params;
    mae_error *error = build(policy, fronts, n_fronts);
    if (error) {
        mae_policy_destroy(policy);
        return error;
    }
    *ret_policy = policy;
    return NULL;
}

void mae_policy_destroy(mae_policy *policy)
{
    if (!policy)
        return;
    if (policy->has_index)
        mae_cost_index_finish(&policy->index);
    mae_arena_destroy(policy->arena);
    free(policy);
}

size_t mae_policy_n_points(const mae_policy *policy)
{
    return policy->n_points;
}

const mae_policy_point *mae_policy_points(const mae_policy *policy)
{
    return policy->points;
}

/* ---- a step ---- */

static void resolve(const mae_rule *rule, const mae_state *state, mae_goal *goal)
{
    *goal = rule->goal;
    double deadline = state->deadline_ms;
    if (rule->under_deadline && deadline > 0)
        goal->max_latency_ms = goal->max_latency_ms > 0 ? fmin(goal->max_latency_ms, deadline) : deadline;
    if (rule->at_frame_rate || rule->frames_per_second <= 0)
        goal->period_ms = fmax(0, state->period_ms);
    /* One that does not keep up with the frames makes all that follow late. */
    if (goal->period_ms > 0)
        goal->max_latency_ms = goal->max_latency_ms > 0 ? fmin(goal->max_latency_ms, goal->period_ms) : goal->period_ms;
}

/* A change for a bound: at once, but not for ever so many in a row. */
static bool may_hurry(const mae_policy *policy, double now_s, mae_policy_memory *memory)
{
    if (memory->bursts == 0 || now_s - memory->burst_s >= policy->params.dwell_s) {
        memory->bursts = 0;
        memory->burst_s = now_s;
    }
    if (memory->bursts >= policy->params.burst)
        return false;
    memory->bursts++;
    return true;
}

/* A change for what is only better: when it has been for long enough. */
static bool may_improve(const mae_policy *policy, double now_s, mae_policy_memory *memory)
{
    if (!memory->better)
        memory->better_s = now_s;
    memory->better = true;
    return now_s - memory->better_s >= policy->params.dwell_s;
}

/* The point that runs: `best`, or the one in use for now. */
static int settle(const mae_policy *policy, const policy_query *query, int best, bool anew, double now_s,
                  mae_policy_memory *memory)
{
    int current = memory->begun ? memory->point : -1;
    if (anew || !policy_can(policy, query, current)) {
        memory->better = false;
        return best;
    }
    policy_merit best_merit = policy_merit_of(policy, query, best), merit = policy_merit_of(policy, query, current);
    if (best == current || (merit.tier == best_merit.tier && mae_cost_equal(merit.value, best_merit.value))) {
        memory->better = false;
        return current;
    }
    bool urgent = merit.tier > best_merit.tier || merit.tier >= 2; /* it breaks a bound, or too little margin is left */
    bool change = urgent && may_hurry(policy, now_s, memory);
    if (!change && !may_improve(policy, now_s, memory))
        return current;
    memory->better = false;
    return best;
}

static mae_action verdict_of(const mae_policy_memory *memory, int point_before)
{
    if (!memory->begun || memory->point != point_before)
        return MAE_SWITCH;
    return memory->drift == MAE_DRIFT_PROFILE ? MAE_REPROFILE : memory->drift == MAE_DRIFT_PLAN ? MAE_REPLAN : MAE_KEEP;
}

/* Fills in what is decided; the memory's `begun`, rule, PEs and point are still those of the frame before. */
static void decide(const mae_policy *policy, const mae_state *state, uint64_t usable, double now_s,
                   mae_policy_memory *memory, mae_decision *decision)
{
    policy_view view;
    policy_query all, ready;
    policy_view_of(policy, memory, now_s, &view);
    policy_query_init(&all, policy, &decision->goal, usable, NULL, &view);
    decision->wanted = policy_choose(policy, &all);
    if (decision->wanted < 0) { /* better one that is not trusted than none */
        policy_query_init(&all, policy, &decision->goal, state->present, NULL, &view);
        decision->wanted = policy_choose(policy, &all);
    }
    ready = all;
    ready.compiled = state->compiled;
    int best = policy_choose(policy, &ready);
    bool anew = !memory->begun || memory->rule != decision->rule || memory->usable != usable;
    decision->point = best < 0 ? -1 : settle(policy, &ready, best, anew, now_s, memory);
    if (decision->wanted >= 0) {
        policy_merit merit = policy_merit_of(policy, &all, decision->wanted);
        decision->feasible = merit.tier < 2;
        decision->miss = merit.miss;
    }
}

void mae_policy_step(const mae_policy *policy, const mae_state *state, const mae_trace *last,
                     const mae_policy_memory *memory, mae_policy_memory *ret_memory, mae_decision *ret_decision)
{
    mae_policy_memory m = *memory;
    mae_decision decision = {.point = -1, .wanted = -1};
    double now_s = m.begun ? fmax(state->time_s, m.time_s) : state->time_s;
    uint64_t usable = policy_trust(policy, state, now_s, &m);
    policy_listen(policy, last, now_s, &m);
    policy_ask(policy, state, now_s, &m);
    decision.rule = policy_latch(policy->rules, policy->profile, state, now_s, &m);
    if (decision.rule >= 0) {
        resolve(&policy->rules->rules[decision.rule], state, &decision.goal);
        decide(policy, state, usable, now_s, &m, &decision);
    }
    int before = m.point;
    m.point = decision.point;
    decision.verdict = verdict_of(&m, before);
    decision.drifted = m.drifted;
    m.rule = decision.rule;
    m.usable = usable;
    m.time_s = now_s;
    m.begun = true;
    *ret_memory = m;
    *ret_decision = decision;
}

void mae_policy_carry(const mae_policy_memory *memory, mae_policy_memory *ret_memory)
{
    mae_policy_memory m = *memory;
    m.point = -1;
    m.better = false;
    for (size_t p = 0; p < MAE_POLICY_MAX_PES; p++) {
        mae_policy_pe *pe = &m.pes[p];
        pe->up = pe->down = pe->mean = pe->var = 0;
        pe->timed = false;
    }
    *ret_memory = m;
}
