/* Runs a script at the level of costs, without devices: frames take what the profile says under the condition at their
 * start, times noise and throttling. For tests; the real runner is the session's. */
#ifndef MAE_TESTS_ORACLE_SCENARIO_RUN_H
#define MAE_TESTS_ORACLE_SCENARIO_RUN_H

#include <math.h>
#include <stdlib.h>

#include "base/stats.h"
#include "core/cost.h"
#include "policy/scenario_impl.h"
#include "support/policy_world.h"

typedef struct run_result {
    size_t frames, misses, lost, switches, reprofiles;
    double energy_mj; /* with static power */
} run_result;

#define RUN_MAX_WORLDS 64

typedef struct runner {
    const mae_scenario *s;
    const mae_profile *profile;
    mae_timeline *timeline;
    const int *fixed; /* a mapping for every frame, or: */
    const mae_rules *rules;
    mae_policy_params params;
    policy_world worlds[RUN_MAX_WORLDS]; /* as profiled; the last is in use */
    size_t n_worlds;
    mae_policy *policy;
    mae_policy_memory memory;
    mae_state state;
    mae_trace_segment segments[64];
    mae_trace trace;
    size_t stall; /* faults before it are done with */
    double pending_ms[MAE_POLICY_MAX_PES];
    int last[256]; /* the mapping of the frame before */
    double now_s, celsius, static_w, battery_mj;
    bool throttled;
    run_result result;
} runner;

static inline void run_must(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

/* The noise of a frame is the same whoever runs it, the clairvoyant too. */
static inline double run_noise(void *ctx, size_t frame)
{
    const mae_scenario *s = ctx;
    mae_rng rng = {s->seed * 1000003 + frame * 7919};
    mae_rng_next(&rng);
    return s->noise > 0 ? fmax(0.05, 1 + s->noise * mae_rng_normal(&rng)) : 1;
}

/* Time passes at this dynamic energy. */
static inline void run_pass(runner *r, double to_s, double mj)
{
    double seconds = to_s - r->now_s;
    if (seconds <= 0)
        return;
    const mae_scenario_soc *soc = &r->s->soc;
    double ambient = r->timeline->spans[mae_timeline_span_at(r->timeline, r->now_s)].ambient_c;
    r->celsius = scenario_celsius(soc, ambient, r->celsius, r->static_w + mj / 1e3 / seconds, seconds);
    if (r->celsius > soc->throttle_c)
        r->throttled = true;
    if (r->celsius < soc->throttle_c - soc->throttle_hysteresis_k)
        r->throttled = false;
    r->result.energy_mj += mj + r->static_w * seconds * 1e3;
    r->battery_mj -= mj + (r->static_w + soc->other_w) * seconds * 1e3;
    r->now_s = to_s;
}

static inline void run_new_policy(runner *r, uint64_t pes, const double *factor)
{
    mae_profile *measured = NULL;
    assert_true(r->n_worlds < RUN_MAX_WORLDS);
    run_must(mae_profile_under(r->profile, pes, factor, &measured));
    mae_policy_destroy(r->policy);
    policy_world *world = &r->worlds[r->n_worlds++];
    policy_world_open(world, measured);
    r->policy = policy_world_policy(world, r->rules, &r->params);
    mae_policy_carry(&r->memory, &r->memory);
}

static inline const int *run_decide(runner *r, const mae_span *span, const mae_scenario_phase *phase, double arrival_s)
{
    mae_decision d;
    if (r->fixed)
        return r->fixed;
    mae_state *state = &r->state;
    state->time_s = r->now_s;
    state->battery = r->s->soc.battery_wh > 0 ? 100 * r->battery_mj / (r->s->soc.battery_wh * 3.6e6) : NAN;
    state->celsius = r->celsius;
    state->period_ms = 1e3 / phase->fps;
    double left_ms = phase->deadline_ms - (r->now_s - arrival_s) * 1e3;
    state->deadline_ms = phase->deadline_ms > 0 ? fmax(left_ms, 1e-6) : 0;
    state->events = span->events;
    state->n_events = span->n_events;
    state->present = span->present;
    mae_policy_step(r->policy, state, r->trace.n_segments ? &r->trace : NULL, &r->memory, &r->memory, &d);
    r->trace.n_segments = 0;
    if (d.verdict == MAE_REPROFILE) {
        state->reprofiles++;
        r->result.reprofiles++;
    } else if (d.verdict == MAE_REPLAN) {
        /* What is there is measured as it is now; what is lost keeps its old times. */
        state->replans++;
        run_new_policy(r, ~(uint64_t)0, span->factor);
        return run_decide(r, span, phase, arrival_s);
    }
    return d.point < 0 ? NULL : mae_policy_points(r->policy)[d.point].mapping;
}

/* What the frame takes, and its trace. */
static inline double run_latency(runner *r, const int *mapping, const mae_span *span, double factor, double *ret_mj)
{
    const mae_profile *p = r->profile;
    mae_cost_index index;
    mae_prediction cost;
    run_must(mae_cost_index_init(&index, p));
    run_must(mae_cost_of(&index, mapping, 0, &cost));
    double ms = cost.latency_ms;
    *ret_mj = cost.energy_mj - p->static_w * cost.latency_ms;
    r->trace = (mae_trace){0, r->segments};
    int n = (int)p->n_layers;
    double extra = 0;
    for (int first = 0, last; first < n; first = last + 1) {
        int pe = mapping[first];
        for (last = first; last + 1 < n && mapping[last + 1] == pe;)
            last++;
        const mae_segment_cost *row = mae_cost_row(&index, pe, first, last);
        double time = row ? row->time_ms : p->pes[pe].segment_ms, was;
        for (int l = first; !row && l <= last; l++)
            time += p->costs[(size_t)l * p->n_pes + (size_t)pe].time_ms;
        was = time;
        time *= span->factor[pe];
        ms += time - was;
        time = time * factor + r->pending_ms[pe];
        extra += r->pending_ms[pe];
        r->pending_ms[pe] = 0;
        r->segments[r->trace.n_segments++] = (mae_trace_segment){pe, first, last, time * span->lie[pe]};
    }
    mae_cost_index_finish(&index);
    return ms * factor + extra;
}

static inline bool run_can(const runner *r, const int *mapping, const mae_span *span)
{
    for (size_t l = 0; mapping && l < r->profile->n_layers; l++)
        if (!(span->present >> mapping[l] & 1))
            return false;
    return mapping && r->battery_mj > 0;
}

/* When a PE of the mapping goes before the frame ends; infinity: it does not. */
static inline double run_breaks_at(const runner *r, const int *mapping, double end_s)
{
    size_t last = mae_timeline_span_at(r->timeline, end_s);
    for (size_t i = mae_timeline_span_at(r->timeline, r->now_s) + 1; i <= last; i++)
        if (!run_can(r, mapping, &r->timeline->spans[i]))
            return r->timeline->spans[i].start_s;
    return INFINITY;
}

static inline void run_stalls(runner *r)
{
    for (; r->stall < r->s->n_faults && r->s->faults[r->stall].at_s <= r->now_s; r->stall++)
        if (r->s->faults[r->stall].fault == MAE_FAULT_STALL)
            r->pending_ms[mae_profile_find_pe(r->profile, r->s->faults[r->stall].pe)] +=
                r->s->faults[r->stall].stall_ms;
}

static inline bool run_attempt(runner *r, size_t frame, double arrival_s, const mae_scenario_phase *phase,
                               bool *ret_again)
{
    const mae_span *span = &r->timeline->spans[mae_timeline_span_at(r->timeline, r->now_s)];
    const mae_scenario_soc *soc = &r->s->soc;
    size_t bytes = r->profile->n_layers * sizeof(int);
    double mj;
    *ret_again = false;
    run_stalls(r);
    const int *mapping = run_decide(r, span, phase, arrival_s);
    if (!run_can(r, mapping, span))
        return false;
    double factor = run_noise((void *)r->s, frame) * (r->throttled ? soc->throttle_factor : 1);
    double ms = run_latency(r, mapping, span, factor, &mj);
    if (r->last[0] >= 0 && memcmp(r->last, mapping, bytes) != 0) {
        ms += soc->switch_ms;
        mj += soc->switch_mj;
        r->result.switches++;
    }
    memcpy(r->last, mapping, bytes);
    double end_s = r->now_s + ms / 1e3, breaks_s = run_breaks_at(r, mapping, end_s);
    if (breaks_s < end_s) { /* the frame is begun again on what is left */
        r->trace.n_segments = 0;
        run_pass(r, breaks_s, mj * (breaks_s - r->now_s) / (end_s - r->now_s));
        *ret_again = !r->fixed;
        return false;
    }
    run_pass(r, end_s, mj);
    return true;
}

static inline void run_frame(runner *r, size_t frame)
{
    size_t i;
    double arrival_s = mae_timeline_arrival_s(r->timeline, frame, &i);
    const mae_scenario_phase *phase = &r->s->phases[i];
    bool again = true, done = false;
    run_pass(r, arrival_s, 0);
    while (again)
        done = run_attempt(r, frame, arrival_s, phase, &again);
    double latency_ms = (r->now_s - arrival_s) * 1e3;
    r->result.frames++;
    r->result.lost += !done;
    r->result.misses += !done || (phase->deadline_ms > 0 && latency_ms > phase->deadline_ms * (1 + 1e-9));
}

/* `fixed` or `rules`. */
static inline run_result run_script(const mae_scenario *s, const mae_profile *profile, const int *fixed,
                                    const mae_rules *rules)
{
    runner *r = calloc(1, sizeof *r);
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    mae_state state = MAE_STATE_INIT;
    assert_non_null(r);
    r->s = s;
    r->profile = profile;
    r->fixed = fixed;
    r->rules = rules;
    r->params = params;
    r->state = state;
    r->celsius = s->soc.ambient_c;
    r->static_w = scenario_static_w(s, profile);
    r->battery_mj = s->soc.battery_wh > 0 ? s->soc.battery_wh * s->soc.battery_level * 3.6e6 : INFINITY;
    r->last[0] = -1;
    assert_true(profile->n_layers <= 64);
    run_must(mae_timeline_create(s, profile, &r->timeline));
    if (!fixed)
        run_new_policy(r, ~(uint64_t)0, NULL);
    for (size_t i = 0; i < r->timeline->n_frames; i++)
        run_frame(r, i);
    run_pass(r, s->duration_s, 0);
    run_result result = r->result;
    mae_policy_destroy(r->policy);
    for (size_t i = 0; i < r->n_worlds; i++)
        policy_world_close(&r->worlds[i]);
    mae_timeline_destroy(r->timeline);
    free(r);
    return result;
}

/* The optimum over the mappings of the fronts of all conditions: over all mappings, where switching is free. */
static inline mae_optimum *run_optimum(const mae_scenario *s, const mae_profile *profile, const mae_timeline *timeline)
{
    mae_front **fronts = calloc(timeline->n_conditions, sizeof *fronts);
    size_t n = 0;
    for (size_t c = 0; c < timeline->n_conditions; c++) {
        mae_profile *under = NULL;
        mae_goal goal = MAE_GOAL_INIT;
        run_must(mae_timeline_profile(timeline, c, &under));
        mae_error *error = mae_front_solve(under, &goal, 0, &fronts[c]);
        if (error && mae_error_code(error) != MAE_ERR_UNSUPPORTED && mae_error_code(error) != MAE_ERR_INFEASIBLE)
            run_must(error);
        n += fronts[c] ? fronts[c]->n_points : 0;
        mae_error_free(error);
        mae_profile_destroy(under);
    }
    const int **mappings = calloc(n + 1, sizeof *mappings);
    n = 0;
    for (size_t c = 0; c < timeline->n_conditions; c++)
        for (size_t i = 0; fronts[c] && i < fronts[c]->n_points; i++) {
            size_t k = 0;
            while (k < n && memcmp(mappings[k], fronts[c]->points[i].mapping, profile->n_layers * sizeof(int)) != 0)
                k++;
            if (k == n)
                mappings[n++] = fronts[c]->points[i].mapping;
        }
    mae_optimum *optimum = NULL;
    run_must(mae_optimum_of(timeline, mappings, n, run_noise, (void *)s, &optimum));
    for (size_t c = 0; c < timeline->n_conditions; c++)
        mae_front_destroy(fronts[c]);
    free(mappings);
    free(fronts);
    return optimum;
}

#endif
