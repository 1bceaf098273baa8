/* A script as spans in which nothing changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "core/profile.h"
#include "policy/scenario_impl.h"

double scenario_static_w(const mae_scenario *scenario, const mae_profile *profile)
{
    return scenario->soc.has_static ? scenario->soc.static_w : profile->static_w;
}

double scenario_celsius(const mae_scenario_soc *soc, double ambient_c, double celsius, double watts, double seconds)
{
    double end = ambient_c + soc->k_per_w * watts;
    return end + (celsius - end) * exp(-seconds / soc->thermal_s);
}

static mae_error *check_pe(const mae_profile *profile, const char *list, size_t i, const char *pe)
{
    if (!pe || mae_profile_find_pe(profile, pe) >= 0)
        return NULL;
    return mae_error_new(MAE_ERR_INPUT, "%s[%zu].pe: the profile has no PE \"%s\"", list, i, pe);
}

mae_error *mae_scenario_check(const mae_scenario *scenario, const mae_profile *profile)
{
    for (size_t i = 0; i < scenario->n_faults; i++)
        MAE_TRY(check_pe(profile, "faults", i, scenario->faults[i].pe));
    for (size_t i = 0; i < scenario->n_loads; i++)
        MAE_TRY(check_pe(profile, "contention", i, scenario->loads[i].pe));
    if (profile->n_pes > MAE_POLICY_MAX_PES)
        return mae_error_new(MAE_ERR_INPUT, "a scenario serves at most %d PEs", MAE_POLICY_MAX_PES);
    return NULL;
}

/* ---- boundaries ---- */

static size_t list_times(const mae_scenario *s, double *times)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_phases; i++)
        times[n++] = s->phases[i].start_s;
    for (size_t i = 0; i < s->n_events; i++)
        times[n++] = s->events[i].at_s;
    for (size_t i = 0; i < s->n_faults; i++)
        times[n++] = s->faults[i].at_s;
    for (size_t i = 0; i < s->n_loads; i++) {
        times[n++] = s->loads[i].from_s;
        times[n++] = s->loads[i].to_s;
    }
    for (size_t i = 0; i < s->n_ambients; i++)
        times[n++] = s->ambients[i].at_s;
    return n;
}

/* Sorted, each once, none at the end or behind it. */
static mae_error *find_times(const mae_scenario *s, mae_arena *arena, double **ret_times, size_t *ret_n)
{
    size_t most = s->n_phases + s->n_events + s->n_faults + 2 * s->n_loads + s->n_ambients, n = 0;
    double *times = mae_arena_array(arena, most, sizeof *times);
    if (!times)
        return mae_error_nomem();
    most = list_times(s, times);
    mae_stats_sort(times, most);
    for (size_t i = 0; i < most; i++)
        if (times[i] < s->duration_s && (n == 0 || times[i] > times[n - 1]))
            times[n++] = times[i];
    *ret_times = times;
    *ret_n = n;
    return NULL;
}

/* ---- spans ---- */

typedef struct builder {
    const mae_scenario *s;
    const mae_profile *profile;
    mae_arena *arena;
    mae_span *spans;
    size_t n, phase, event, fault, ambient; /* what comes next */
    uint64_t present;
    double slow[MAE_POLICY_MAX_PES], lie[MAE_POLICY_MAX_PES];
    double ambient_c;
    bool *on; /* per entry of `events`: the last one that named this word set it */
} builder;

static void apply_fault(builder *b, const mae_scenario_fault *fault)
{
    int pe = mae_profile_find_pe(b->profile, fault->pe);
    switch (fault->fault) {
    case MAE_FAULT_LOSE:
        b->present &= ~((uint64_t)1 << pe);
        break;
    case MAE_FAULT_RETURN:
        b->present |= (uint64_t)1 << pe;
        break;
    case MAE_FAULT_SLOW:
        b->slow[pe] = fault->factor;
        break;
    case MAE_FAULT_LIE:
        b->lie[pe] = fault->factor;
        break;
    case MAE_FAULT_STALL:
        break; /* of one segment: nothing that lasts */
    }
}

static void apply_event(builder *b, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(b->s->events[k].event, b->s->events[i].event) == 0)
            b->on[k] = false;
    b->on[i] = b->s->events[i].on;
}

static void advance(builder *b, double now_s)
{
    const mae_scenario *s = b->s;
    while (b->phase + 1 < s->n_phases && s->phases[b->phase + 1].start_s <= now_s)
        b->phase++;
    for (; b->event < s->n_events && s->events[b->event].at_s <= now_s; b->event++)
        apply_event(b, b->event);
    for (; b->fault < s->n_faults && s->faults[b->fault].at_s <= now_s; b->fault++)
        apply_fault(b, &s->faults[b->fault]);
    for (; b->ambient < s->n_ambients && s->ambients[b->ambient].at_s <= now_s; b->ambient++)
        b->ambient_c = s->ambients[b->ambient].ambient_c;
}

static mae_error *list_events(builder *b, mae_span *span)
{
    const mae_scenario_phase *phase = &b->s->phases[b->phase];
    size_t n = phase->n_events;
    for (size_t i = 0; i < b->event; i++)
        n += b->on[i];
    const char **words = mae_arena_array(b->arena, n, sizeof *words);
    if (!words)
        return mae_error_nomem();
    span->events = words;
    for (size_t i = 0; i < phase->n_events; i++)
        words[span->n_events++] = phase->events[i];
    for (size_t i = 0; i < b->event; i++)
        if (b->on[i])
            words[span->n_events++] = b->s->events[i].event;
    return NULL;
}

static double load_on(const builder *b, size_t pe, double now_s)
{
    double factor = 1;
    for (size_t i = 0; i < b->s->n_loads; i++) {
        const mae_scenario_load *load = &b->s->loads[i];
        bool touches = !load->pe || strcmp(load->pe, b->profile->pes[pe].name) == 0;
        if (touches && load->from_s <= now_s && now_s < load->to_s)
            factor *= load->factor;
    }
    return factor;
}

static bool same_condition(const mae_span *a, const mae_span *b, size_t n_pes)
{
    return a->present == b->present && memcmp(a->factor, b->factor, n_pes * sizeof(double)) == 0;
}

static mae_error *add_span(builder *b, double start_s, double end_s, const mae_span **conditions, size_t *n_conditions)
{
    size_t n_pes = b->profile->n_pes;
    mae_span *span = &b->spans[b->n];
    double *factor = mae_arena_array(b->arena, n_pes, sizeof *factor);
    double *lie = mae_arena_copy(b->arena, b->lie, n_pes * sizeof *lie);
    if (!factor || !lie)
        return mae_error_nomem();
    for (size_t p = 0; p < n_pes; p++)
        factor[p] = b->slow[p] * load_on(b, p, start_s);
    *span = (mae_span){.start_s = start_s,
                       .end_s = end_s,
                       .phase = b->phase,
                       .present = b->present,
                       .factor = factor,
                       .lie = lie,
                       .ambient_c = b->ambient_c};
    MAE_TRY(list_events(b, span));
    while (span->condition < *n_conditions && !same_condition(span, conditions[span->condition], n_pes))
        span->condition++;
    if (span->condition == *n_conditions)
        conditions[(*n_conditions)++] = span;
    b->n++;
    return NULL;
}

static mae_error *build_spans(mae_timeline *t, const timeline_priv *priv)
{
    const mae_scenario *s = priv->scenario;
    double *times;
    size_t n;
    MAE_TRY(find_times(s, priv->arena, &times, &n));
    builder b = {.s = s, .profile = priv->profile, .arena = priv->arena, .ambient_c = s->soc.ambient_c};
    const mae_span **conditions = mae_arena_array(b.arena, n, sizeof(mae_span *));
    b.spans = mae_arena_array(b.arena, n, sizeof *b.spans);
    b.on = mae_arena_array(b.arena, s->n_events, sizeof *b.on);
    if (!conditions || !b.spans || !b.on)
        return mae_error_nomem();
    for (size_t p = 0; p < b.profile->n_pes; p++) {
        b.present |= (uint64_t)1 << p;
        b.slow[p] = b.lie[p] = 1;
    }
    for (size_t i = 0; i < n; i++) {
        advance(&b, times[i]);
        MAE_TRY(add_span(&b, times[i], i + 1 < n ? times[i + 1] : s->duration_s, conditions, &t->n_conditions));
    }
    t->spans = b.spans;
    t->n_spans = n;
    t->conditions = conditions;
    return NULL;
}

/* ---- frames ---- */

static mae_error *count_frames(mae_timeline *t, timeline_priv *priv)
{
    const mae_scenario *s = priv->scenario;
    priv->first_frame = mae_arena_array(priv->arena, s->n_phases + 1, sizeof *priv->first_frame);
    if (!priv->first_frame)
        return mae_error_nomem();
    for (size_t i = 0; i < s->n_phases; i++) {
        priv->first_frame[i] = t->n_frames;
        t->n_frames += (size_t)ceil(s->phases[i].duration_s * s->phases[i].fps - 1e-6);
    }
    priv->first_frame[s->n_phases] = t->n_frames;
    return NULL;
}

double mae_timeline_arrival_s(const mae_timeline *timeline, size_t frame, size_t *ret_phase)
{
    const timeline_priv *priv = timeline_private(timeline);
    size_t low = 0, high = priv->scenario->n_phases;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (priv->first_frame[middle] <= frame)
            low = middle;
        else
            high = middle;
    }
    const mae_scenario_phase *phase = &priv->scenario->phases[low];
    *ret_phase = low;
    return phase->start_s + (double)(frame - priv->first_frame[low]) / phase->fps;
}

size_t mae_timeline_span_at(const mae_timeline *timeline, double time_s)
{
    size_t low = 0, high = timeline->n_spans;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (timeline->spans[middle].start_s <= time_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- the whole ---- */

mae_error *mae_timeline_create(const mae_scenario *scenario, const mae_profile *profile, mae_timeline **ret_timeline)
{
    MAE_TRY(mae_scenario_check(scenario, profile));
    mae_arena *arena = mae_arena_create();
    mae_timeline *timeline = arena ? mae_arena_alloc(arena, sizeof *timeline) : NULL;
    timeline_priv *priv = timeline ? mae_arena_alloc(arena, sizeof *priv) : NULL;
    mae_error *error = NULL;
    if (priv) {
        *priv = (timeline_priv){arena, scenario, profile, NULL};
        timeline->priv = priv;
        error = build_spans(timeline, priv);
    } else {
        error = mae_error_nomem();
    }
    if (!error)
        error = count_frames(timeline, priv);
    if (!error)
        error = timeline_find_windows(timeline);
    if (error) {
        mae_arena_destroy(arena);
        return error;
    }
    *ret_timeline = timeline;
    return NULL;
}

void mae_timeline_destroy(mae_timeline *timeline)
{
    if (timeline)
        mae_arena_destroy(timeline_private(timeline)->arena);
}

mae_error *mae_timeline_profile(const mae_timeline *timeline, size_t condition, mae_profile **ret_profile)
{
    const mae_profile *profile = timeline_private(timeline)->profile;
    const mae_span *span = timeline->conditions[condition];
    mae_profile *under = NULL;
    MAE_TRY(mae_profile_under(profile, span->present, span->factor, &under));
    mae_error *error = mae_profile_set_soc(under, profile->soc_name, profile->soc_mode, 0, profile->energy);
    if (error) {
        mae_profile_destroy(under);
        return error;
    }
    *ret_profile = under;
    return NULL;
}
