/* Do the times still fit the profile? A clipped two-sided CUSUM per PE on the log of measured over profiled time, and
 * what is asked for when they do not. docs/policy.md has the parameters' meaning. */
#include <math.h>

#include "policy/policy_impl.h"

/* Of the running mean and variance, in frames. */
#define MEAN_FRAMES 8
#define VARIANCE_FRAMES 32

static double clamp(double value, double most)
{
    return fmax(-most, fmin(most, value));
}

/* What the profile says of a segment, and the half-width of its interval. */
static void expect(const mae_policy *policy, const mae_trace_segment *segment, double *ret_ms, double *ret_spread_ms)
{
    const mae_profile *p = policy->profile;
    const mae_segment_cost *row = mae_cost_row(&policy->index, segment->pe, segment->first, segment->last);
    if (row) {
        *ret_ms += row->time_ms;
        *ret_spread_ms += row->spread_ms;
        return;
    }
    *ret_ms += p->pes[segment->pe].segment_ms;
    for (int l = segment->first; l <= segment->last; l++) {
        const mae_cost *cost = &p->costs[(size_t)l * p->n_pes + (size_t)segment->pe];
        *ret_ms += cost->time_ms;
        *ret_spread_ms += cost->spread_ms;
    }
}

static bool is_sound(const mae_profile *p, const mae_trace_segment *segment)
{
    return segment->pe >= 0 && (size_t)segment->pe < p->n_pes && segment->first >= 0 &&
           segment->first <= segment->last && (size_t)segment->last < p->n_layers;
}

/* The rest of what was learnt fades while a PE is not used. */
static double remembered(const mae_policy *policy, const mae_policy_pe *pe, double now_s)
{
    return pe->timed ? exp(-fmax(0, now_s - pe->timed_s) / policy->params.forget_s) : 0;
}

static void hear(const mae_policy *policy, mae_policy_pe *pe, double log_ratio, double spread, double now_s)
{
    const mae_policy_params *params = &policy->params;
    double fade = remembered(policy, pe, now_s), allow = params->drift_allow + spread;
    pe->mean *= fade;
    pe->var *= fade;
    /* One outlier moves the mean, the variance and the sums by a bounded step, however far out it is. */
    double step = clamp(log_ratio - pe->mean, params->drift_clip);
    pe->mean += step / MEAN_FRAMES;
    pe->var += (step * step - pe->var) / VARIANCE_FRAMES;
    pe->timed = true;
    pe->timed_s = now_s;
    double x = clamp(log_ratio, params->drift_clip + spread);
    pe->up = fmax(0, pe->up + x - allow);
    pe->down = fmax(0, pe->down - x - allow);
}

void policy_listen(const mae_policy *policy, const mae_trace *trace, double now_s, mae_policy_memory *memory)
{
    const mae_profile *p = policy->profile;
    for (size_t pe = 0; trace && pe < p->n_pes; pe++) {
        double measured = 0, expected = 0, spread = 0;
        for (size_t s = 0; s < trace->n_segments; s++) {
            const mae_trace_segment *segment = &trace->segments[s];
            if (segment->pe != (int)pe || !is_sound(p, segment))
                continue;
            measured += segment->time_ms;
            expect(policy, segment, &expected, &spread);
        }
        if (expected > 0 && measured > 0 && isfinite(measured))
            hear(policy, &memory->pes[pe], log(measured / expected), spread / expected, now_s);
    }
}

void policy_view_of(const mae_policy *policy, const mae_policy_memory *memory, double now_s, policy_view *view)
{
    policy_view_plain(view);
    view->margin = policy->params.margin;
    for (size_t p = 0; p < policy->profile->n_pes; p++) {
        const mae_policy_pe *pe = &memory->pes[p];
        double fade = remembered(policy, pe, now_s);
        view->ratio[p] = exp(pe->mean * fade);
        view->sigma[p] = policy->params.margin_sigma * sqrt(pe->var * fade);
    }
}

static uint64_t alarmed(const mae_policy *policy, const mae_policy_memory *memory)
{
    uint64_t mask = 0;
    for (size_t p = 0; p < policy->profile->n_pes; p++)
        if (fmax(memory->pes[p].up, memory->pes[p].down) > policy->params.drift_alarm)
            mask |= (uint64_t)1 << p;
    return mask;
}

static void begin_asking(const mae_policy *policy, const mae_state *state, double now_s, mae_policy_memory *memory)
{
    const mae_policy_params *params = &policy->params;
    bool again = memory->asked && now_s - memory->asked_s < 4 * memory->interval_s;
    memory->interval_s = again ? fmin(2 * memory->interval_s, params->reprofile_most_s) : params->reprofile_s;
    memory->asked = true;
    memory->asked_s = now_s;
    memory->drift = MAE_DRIFT_PROFILE;
    memory->reprofiles = state->reprofiles;
}

static void forget_times(const mae_policy *policy, mae_policy_memory *memory)
{
    for (size_t p = 0; p < policy->profile->n_pes; p++) {
        mae_policy_pe *pe = &memory->pes[p];
        pe->up = pe->down = pe->mean = pe->var = 0;
        pe->timed = false;
    }
}

void policy_ask(const mae_policy *policy, const mae_state *state, double now_s, mae_policy_memory *memory)
{
    memory->drifted = alarmed(policy, memory);
    switch (memory->drift) {
    case MAE_DRIFT_NONE:
        if (memory->drifted && !(memory->asked && now_s - memory->asked_s < memory->interval_s))
            begin_asking(policy, state, now_s, memory);
        break;
    case MAE_DRIFT_PROFILE:
        if (state->reprofiles != memory->reprofiles) {
            memory->drift = MAE_DRIFT_PLAN;
            memory->replans = state->replans;
        }
        break;
    case MAE_DRIFT_PLAN:
        if (state->replans != memory->replans) {
            memory->drift = MAE_DRIFT_NONE;
            memory->drifted = 0;
            forget_times(policy, memory);
        }
        break;
    }
}
