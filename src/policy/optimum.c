/* The clairvoyant optimum: per frame the mapping that, over the whole script, misses least and then uses least.
 *
 * A frame may begin at any instant from its arrival on, whatever the frames before it did: that is what makes it a
 * lower bound (docs/policy.md has the proof), and `attained` says that running the choices one after the other gives
 * just this. Only the price of a switch ties a frame to the one before; hence the dynamic programme over mappings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"
#include "policy/scenario_impl.h"

#define MAX_CELLS 500000000u /* frames times mappings: what is remembered of each is two bytes */

/* What a mapping is under a condition. */
typedef struct figure {
    bool allowed;
    double latency_ms;
} figure;

/* Fewer misses, then less energy. */
typedef struct tally {
    double misses, energy_mj;
} tally;

typedef struct optimum_work {
    const mae_timeline *timeline;
    const mae_scenario *scenario;
    size_t n_mappings;
    figure *figures;   /* n_conditions x n_mappings */
    double *energy_mj; /* per mapping, dynamic */
    uint64_t *pes;
    size_t *last_span; /* per mapping: the last span in which it can run, + 1; 0: none */
    tally *value, *next;
    uint16_t *from; /* n_frames x n_mappings */
    mae_frame_factor *noise;
    void *ctx;
} optimum_work;

static const tally never = {INFINITY, INFINITY};

static bool less(tally a, tally b)
{
    return a.misses < b.misses || (a.misses == b.misses && a.energy_mj < b.energy_mj);
}

static tally plus(tally a, tally b)
{
    return (tally){a.misses + b.misses, a.energy_mj + b.energy_mj};
}

/* ---- figures ---- */

static mae_error *figures_under(optimum_work *w, size_t condition, const int *const *mappings)
{
    mae_profile *profile = NULL;
    mae_cost_index index;
    MAE_TRY(mae_timeline_profile(w->timeline, condition, &profile));
    mae_error *error = mae_cost_index_init(&index, profile);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    for (size_t k = 0; k < w->n_mappings && !error; k++) {
        mae_prediction cost;
        mae_error *refused = mae_cost_of(&index, mappings[k], 0, &cost);
        if (refused && mae_error_code(refused) == MAE_ERR_NOMEM) {
            error = refused;
            continue;
        }
        if (!refused) {
            w->figures[condition * w->n_mappings + k] = (figure){true, cost.latency_ms};
            w->energy_mj[k] = cost.energy_mj;
        }
        mae_error_free(refused);
    }
    mae_cost_index_finish(&index);
    mae_profile_destroy(profile);
    return error;
}

static void find_last_spans(optimum_work *w)
{
    for (size_t i = 0; i < w->timeline->n_spans; i++)
        for (size_t k = 0; k < w->n_mappings; k++)
            if (w->figures[w->timeline->spans[i].condition * w->n_mappings + k].allowed)
                w->last_span[k] = i + 1;
}

static mae_error *find_figures(optimum_work *w, const int *const *mappings)
{
    const mae_profile *profile = timeline_private(w->timeline)->profile;
    for (size_t k = 0; k < w->n_mappings; k++)
        for (size_t l = 0; l < profile->n_layers; l++)
            w->pes[k] |= (uint64_t)1 << mappings[k][l];
    for (size_t c = 0; c < w->timeline->n_conditions; c++)
        MAE_TRY(figures_under(w, c, mappings));
    find_last_spans(w);
    return NULL;
}

/* ---- one frame ---- */

typedef struct frame_view {
    double arrival_s, deadline_ms, factor;
    size_t span;
    size_t condition; /* of all its time, up to the deadline */
} frame_view;

static frame_view view_of(const optimum_work *w, size_t frame)
{
    size_t phase;
    frame_view v = {.arrival_s = mae_timeline_arrival_s(w->timeline, frame, &phase)};
    v.deadline_ms = w->scenario->phases[phase].deadline_ms;
    v.factor = w->noise ? w->noise(w->ctx, frame) : 1;
    v.span = mae_timeline_span_at(w->timeline, v.arrival_s);
    v.condition = timeline_window(w->timeline, v.arrival_s, v.arrival_s + v.deadline_ms / 1e3);
    return v;
}

static bool in_time(double ms, double deadline_ms)
{
    return ms <= deadline_ms * (1 + MAE_COST_EQUAL);
}

/* Can the mapping end before the deadline, whenever it begins? */
static bool meets(const optimum_work *w, const frame_view *v, size_t k, double switch_ms)
{
    const figure *f = &w->figures[v->condition * w->n_mappings + k];
    if (v->deadline_ms == 0) /* cost_of() has seen to it that it can run at all */
        return true;
    return f->allowed && in_time(switch_ms + f->latency_ms * v->factor, v->deadline_ms);
}

static tally cost_of(const optimum_work *w, const frame_view *v, size_t k, bool switched)
{
    const mae_scenario_soc *soc = &w->scenario->soc;
    if (w->last_span[k] <= v->span && !w->figures[v->condition * w->n_mappings + k].allowed)
        return never;
    return (tally){meets(w, v, k, switched ? soc->switch_ms : 0) ? 0 : 1,
                   w->energy_mj[k] + (switched ? soc->switch_mj : 0)};
}

static size_t least_of(const tally *values, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (less(values[k], values[best]))
            best = k;
    return best;
}

static void add_frame(optimum_work *w, size_t frame)
{
    frame_view v = view_of(w, frame);
    size_t best = least_of(w->value, w->n_mappings);
    bool any = false, price = w->scenario->soc.switch_ms > 0 || w->scenario->soc.switch_mj > 0;
    uint16_t *from = &w->from[frame * w->n_mappings];
    for (size_t k = 0; k < w->n_mappings; k++) {
        tally same = cost_of(w, &v, k, false), other = price && frame > 0 ? cost_of(w, &v, k, true) : same;
        tally stay = plus(w->value[k], same), change = plus(w->value[best], other);
        bool stays = !less(change, stay);
        from[k] = (uint16_t)(stays ? k : best);
        w->next[k] = stays ? stay : change;
        any = any || isfinite(w->next[k].misses);
    }
    for (size_t k = 0; k < w->n_mappings && !any; k++) { /* nothing can run it any more */
        from[k] = (uint16_t)k;
        w->next[k] = plus(w->value[k], (tally){1, 0});
    }
    tally *swap = w->value;
    w->value = w->next;
    w->next = swap;
}

/* ---- is the bound reached? ---- */

typedef struct replay {
    double free_s, energy_mj, celsius, hottest_c, static_w;
    bool as_bounded;
} replay;

static void pass(const optimum_work *w, replay *r, double to_s, double mj)
{
    double seconds = to_s - r->free_s, ambient = w->timeline->spans[mae_timeline_span_at(w->timeline, to_s)].ambient_c;
    double watts = r->static_w + (seconds > 0 ? mj / 1e3 / seconds : 0);
    if (seconds > 0)
        r->celsius = scenario_celsius(&w->scenario->soc, ambient, r->celsius, watts, seconds);
    r->hottest_c = fmax(r->hottest_c, r->celsius);
    r->free_s = to_s;
}

/* What the frame takes if it begins as it arrives; infinity: its PEs do not stay, or their times change meanwhile. */
static double serial_ms(const optimum_work *w, const frame_view *v, size_t choice, double switch_ms)
{
    const mae_span *first = &w->timeline->spans[v->span];
    const figure *f = &w->figures[first->condition * w->n_mappings + choice];
    double ms = f->latency_ms * v->factor + switch_ms;
    size_t last = mae_timeline_span_at(w->timeline, v->arrival_s + ms / 1e3);
    for (size_t i = v->span; i <= last; i++)
        for (size_t p = 0; p < timeline_private(w->timeline)->profile->n_pes; p++) {
            const mae_span *span = &w->timeline->spans[i];
            bool same = span->present >> p & 1 && span->factor[p] == first->factor[p];
            if (w->pes[choice] >> p & 1 && !same)
                return INFINITY;
        }
    return f->allowed ? ms : INFINITY;
}

/* The frame must begin as it arrives and end before the next, on PEs that stay, and be as late as was said. */
static void replay_frame(const optimum_work *w, replay *r, size_t frame, int choice, int before)
{
    frame_view v = view_of(w, frame);
    if (choice < 0)
        return;
    bool switched = before >= 0 && before != choice;
    double switch_ms = switched ? w->scenario->soc.switch_ms : 0;
    double mj = w->energy_mj[choice] + (switched ? w->scenario->soc.switch_mj : 0);
    double ms = serial_ms(w, &v, (size_t)choice, switch_ms), end_s = v.arrival_s + ms / 1e3;
    bool met = v.deadline_ms == 0 || in_time(ms, v.deadline_ms);
    r->as_bounded = r->as_bounded && isfinite(ms) && r->free_s <= v.arrival_s + 1e-12 &&
                    met == meets(w, &v, (size_t)choice, switch_ms);
    if (!r->as_bounded)
        return;
    pass(w, r, fmax(v.arrival_s, r->free_s), 0);
    pass(w, r, fmax(end_s, r->free_s), mj);
    r->energy_mj += mj;
}

static bool is_attained(const optimum_work *w, const mae_optimum *o, double static_w)
{
    const mae_scenario *s = w->scenario;
    replay r = {.celsius = s->soc.ambient_c, .hottest_c = s->soc.ambient_c, .static_w = static_w, .as_bounded = true};
    for (size_t i = 0; i < s->n_faults; i++)
        if (s->faults[i].fault == MAE_FAULT_STALL)
            return false;
    for (size_t i = 0, before = 0; i < o->n_frames; before = i++)
        replay_frame(w, &r, i, o->choice[i], i ? o->choice[before] : -1);
    double drawn_wh = (o->energy_mj / 1e3 + s->soc.other_w * s->duration_s) / 3600;
    bool lives = s->soc.battery_wh == 0 || drawn_wh < s->soc.battery_wh * s->soc.battery_level;
    return r.as_bounded && lives && r.hottest_c < s->soc.throttle_c && r.free_s <= s->duration_s;
}

/* ---- the whole ---- */

static void trace_back(const optimum_work *w, mae_optimum *o)
{
    size_t k = least_of(w->value, w->n_mappings);
    o->misses = (size_t)w->value[k].misses;
    o->energy_mj = w->value[k].energy_mj;
    for (size_t i = o->n_frames; i-- > 0;) {
        frame_view v = view_of(w, i);
        o->choice[i] = w->last_span[k] > v.span ? (int)k : -1;
        k = w->from[i * w->n_mappings + k];
    }
}

static mae_error *allocate(optimum_work *w, mae_arena *scratch, size_t n_frames)
{
    w->figures = mae_arena_array(scratch, w->timeline->n_conditions * w->n_mappings, sizeof *w->figures);
    w->energy_mj = mae_arena_array(scratch, w->n_mappings, sizeof *w->energy_mj);
    w->pes = mae_arena_array(scratch, w->n_mappings, sizeof *w->pes);
    w->last_span = mae_arena_array(scratch, w->n_mappings, sizeof *w->last_span);
    w->value = mae_arena_array(scratch, w->n_mappings, sizeof *w->value);
    w->next = mae_arena_array(scratch, w->n_mappings, sizeof *w->next);
    w->from = mae_arena_array(scratch, n_frames * w->n_mappings, sizeof *w->from);
    bool all = w->figures && w->energy_mj && w->pes && w->last_span && w->value && w->next && w->from;
    return all ? NULL : mae_error_nomem();
}

static mae_error *run(optimum_work *w, const int *const *mappings, mae_arena *scratch, mae_optimum *o)
{
    MAE_TRY(allocate(w, scratch, o->n_frames));
    MAE_TRY(find_figures(w, mappings));
    for (size_t i = 0; i < o->n_frames; i++)
        add_frame(w, i);
    trace_back(w, o);
    double static_w = scenario_static_w(w->scenario, timeline_private(w->timeline)->profile);
    o->energy_mj += static_w * w->scenario->duration_s * 1e3;
    o->attained = is_attained(w, o, static_w);
    return NULL;
}

mae_error *mae_optimum_of(const mae_timeline *timeline, const int *const *mappings, size_t n_mappings,
                          mae_frame_factor *noise, void *ctx, mae_optimum **ret_optimum)
{
    if (n_mappings == 0 || n_mappings > UINT16_MAX || timeline->n_frames > MAX_CELLS / n_mappings)
        return mae_error_new(MAE_ERR_USAGE,
                             "%zu frames times %zu mappings: there must be a mapping, and at most %u of "
                             "both together",
                             timeline->n_frames, n_mappings, MAX_CELLS);
    mae_arena *arena = mae_arena_create(), *scratch = mae_arena_create();
    mae_optimum *o = arena ? mae_arena_alloc(arena, sizeof *o) : NULL;
    optimum_work w = {.timeline = timeline,
                      .scenario = timeline_private(timeline)->scenario,
                      .n_mappings = n_mappings,
                      .noise = noise,
                      .ctx = ctx};
    mae_error *error = NULL;
    if (o) {
        *o = (mae_optimum){.n_frames = timeline->n_frames, .priv = arena};
        o->choice = mae_arena_array(arena, o->n_frames, sizeof *o->choice);
    }
    if (!scratch || !o || !o->choice)
        error = mae_error_nomem();
    if (!error)
        error = run(&w, mappings, scratch, o);
    mae_arena_destroy(scratch);
    if (error) {
        mae_arena_destroy(arena);
        return error;
    }
    *ret_optimum = o;
    return NULL;
}

void mae_optimum_destroy(mae_optimum *optimum)
{
    if (optimum)
        mae_arena_destroy(optimum->priv);
}
