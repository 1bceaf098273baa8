/* Frames during whose time the condition changes. What such a frame takes lies between the conditions; at the least it
 * is what it would take with every PE at the best that it is in that time. Such a best is a condition of its own. */
#include <math.h>
#include <string.h>

#include "policy/scenario_impl.h"

typedef struct window {
    uint64_t present;
    double factor[MAE_POLICY_MAX_PES];
} window;

static window window_of(const mae_timeline *t, size_t first, size_t last, size_t n_pes)
{
    window w = {.present = t->spans[first].present};
    memcpy(w.factor, t->spans[first].factor, n_pes * sizeof(double));
    for (size_t i = first + 1; i <= last; i++) {
        w.present |= t->spans[i].present;
        for (size_t p = 0; p < n_pes; p++)
            w.factor[p] = fmin(w.factor[p], t->spans[i].factor[p]);
    }
    return w;
}

static size_t find(const mae_timeline *t, const window *w, size_t n_pes)
{
    size_t c = 0;
    while (c < t->n_conditions && (t->conditions[c]->present != w->present ||
                                   memcmp(t->conditions[c]->factor, w->factor, n_pes * sizeof(double)) != 0))
        c++;
    return c;
}

size_t timeline_window(const mae_timeline *t, double from_s, double to_s)
{
    size_t first = mae_timeline_span_at(t, from_s), last = mae_timeline_span_at(t, to_s);
    size_t n_pes = timeline_private(t)->profile->n_pes;
    if (first == last)
        return t->spans[first].condition;
    const window w = window_of(t, first, last, n_pes);
    return find(t, &w, n_pes);
}

static mae_error *add(mae_timeline *t, mae_arena *arena, const window *w, size_t n_pes)
{
    mae_span *span = mae_arena_alloc(arena, sizeof *span);
    const mae_span **conditions = mae_arena_array(arena, t->n_conditions + 1, sizeof(mae_span *));
    const double *factor = mae_arena_copy(arena, w->factor, n_pes * sizeof *factor);
    if (!span || !conditions || !factor)
        return mae_error_nomem();
    *span = (mae_span){.present = w->present, .factor = factor, .condition = t->n_conditions};
    memcpy(conditions, t->conditions, t->n_conditions * sizeof *conditions);
    conditions[t->n_conditions++] = span;
    t->conditions = conditions;
    return NULL;
}

mae_error *timeline_find_windows(mae_timeline *t)
{
    const timeline_priv *priv = timeline_private(t);
    size_t n_pes = priv->profile->n_pes;
    if (n_pes > MAE_POLICY_MAX_PES)
        return mae_error_new(MAE_ERR_USAGE, "a script's SoC has at most %d PEs", MAE_POLICY_MAX_PES);
    for (size_t frame = 0; t->n_spans > 1 && frame < t->n_frames; frame++) {
        size_t phase;
        double arrival_s = mae_timeline_arrival_s(t, frame, &phase);
        size_t first = mae_timeline_span_at(t, arrival_s);
        size_t last = mae_timeline_span_at(t, arrival_s + priv->scenario->phases[phase].deadline_ms / 1e3);
        if (first == last)
            continue;
        const window w = window_of(t, first, last, n_pes);
        if (find(t, &w, n_pes) == t->n_conditions)
            MAE_TRY(add(t, priv->arena, &w, n_pes));
    }
    return NULL;
}
