/* Which rule applies, with hysteresis, and which PEs are trusted.
 *
 * Each rule is a latch of its own: it is entered as its condition comes true, and left when the condition to leave it
 * holds and it has held for its least time. The first rule that is on applies. A latch does not look at other rules, so
 * it is entered at most once in any hold_s, whatever the readings do (docs/policy.md has the proof). */
#include <math.h>
#include <string.h>

#include "policy/policy_impl.h"

static bool has_event(const mae_state *state, const char *word)
{
    for (size_t i = 0; i < state->n_events; i++)
        if (strcmp(state->events[i], word) == 0)
            return true;
    return false;
}

static double reading_of(mae_when when, const mae_state *state, size_t rule)
{
    switch (when) {
    case MAE_WHEN_BATTERY:
        return state->battery;
    case MAE_WHEN_TEMPERATURE:
        return state->celsius;
    case MAE_WHEN_POWER:
        return state->power_w;
    default:
        return state->outputs ? state->outputs[rule] : NAN;
    }
}

/* Comparisons with NAN are false: what is not known neither enters nor leaves. */
static void look(const mae_rule *rule, const mae_profile *profile, const mae_state *state, double reading, bool *enter,
                 bool *leave)
{
    int pe;
    switch (rule->when) {
    case MAE_WHEN_OTHERWISE:
        *enter = true;
        *leave = false;
        return;
    case MAE_WHEN_EVENT:
        *enter = has_event(state, rule->word);
        *leave = !*enter;
        return;
    case MAE_WHEN_LOST:
        pe = mae_profile_find_pe(profile, rule->word);
        *enter = pe >= 0 && !(state->present >> pe & 1);
        *leave = !*enter;
        return;
    case MAE_WHEN_BATTERY:
    case MAE_WHEN_TEMPERATURE:
    case MAE_WHEN_POWER:
    case MAE_WHEN_OUTPUT:
        break;
    }
    *enter = rule->below ? reading < rule->enter : reading > rule->enter;
    *leave = rule->below ? reading >= rule->leave : reading <= rule->leave;
}

int policy_latch(const mae_rules *rules, const mae_profile *profile, const mae_state *state, double now_s,
                 mae_policy_memory *memory)
{
    int applies = -1;
    for (size_t i = 0; i < rules->n_rules; i++) {
        const mae_rule *rule = &rules->rules[i];
        mae_policy_latch *latch = &memory->latches[i];
        bool enter, leave;
        look(rule, profile, state, reading_of(rule->when, state, i), &enter, &leave);
        if (!latch->on && enter) {
            latch->on = true;
            latch->since_s = now_s;
        } else if (latch->on && leave && now_s - latch->since_s >= rule->hold_s) {
            latch->on = false;
        }
        if (latch->on && applies < 0)
            applies = (int)i;
    }
    return applies;
}

static void lose(const mae_policy *policy, mae_policy_pe *pe, double now_s)
{
    bool lately = pe->losses > 0 && now_s - pe->lost_s <= policy->params.trial_most_s;
    pe->losses = lately ? pe->losses + 1 : 1;
    pe->lost_s = now_s;
    pe->up = pe->down = 0;
}

/* One that was lost once is trusted as it comes back; one that comes and goes, later and later. */
static bool trusted(const mae_policy *policy, const mae_policy_pe *pe, double now_s)
{
    const mae_policy_params *params = &policy->params;
    if (pe->losses <= 1)
        return true;
    double wait = fmin(params->trial_most_s, ldexp(params->trial_s, pe->losses < 32 ? pe->losses - 2 : 30));
    return now_s - pe->back_s >= wait;
}

uint64_t policy_trust(const mae_policy *policy, const mae_state *state, double now_s, mae_policy_memory *memory)
{
    uint64_t usable = 0;
    for (size_t p = 0; p < policy->profile->n_pes; p++) {
        mae_policy_pe *pe = &memory->pes[p];
        bool present = state->present >> p & 1;
        if (pe->seen && pe->present && !present)
            lose(policy, pe, now_s);
        if (pe->seen && !pe->present && present)
            pe->back_s = now_s;
        pe->seen = true;
        pe->present = present;
        if (present && trusted(policy, pe, now_s))
            usable |= (uint64_t)1 << p;
    }
    return usable;
}
