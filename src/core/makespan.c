#include "core/makespan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lanes and contention ---- */

int mae_makespan_lanes(const mae_profile *profile, int *ret_lanes)
{
    int n = 0;
    for (size_t pe = 0; pe < profile->n_pes; pe++) {
        size_t first = 0;
        while (strcmp(profile->pes[first].resource, profile->pes[pe].resource) != 0)
            first++;
        ret_lanes[pe] = first < pe ? ret_lanes[first] : n++;
    }
    return n;
}

double mae_makespan_contention(const mae_profile *profile, int pe, int with)
{
    const mae_contention *row = &profile->contention[(size_t)pe * profile->n_pes + (size_t)with];
    return row->factor > 0 ? row->factor : 1;
}

/* ---- segments ---- */

static bool cut(mae_makespan *span, const int *mapping)
{
    const mae_profile *p = span->index->profile;
    int n = (int)p->n_layers;
    span->n_parts = 0;
    memset(span->count, 0, p->n_pes * sizeof *span->count);
    for (int first = 0, last; first < n; first = last + 1) {
        int pe = mapping[first];
        mae_span_part *part = &span->parts[span->n_parts];
        for (last = first; last + 1 < n && mapping[last + 1] == pe;)
            last++;
        for (int l = first; l <= last; l++) {
            if (!p->costs[(size_t)l * p->n_pes + (size_t)pe].supported)
                return false;
            span->part_of[l] = (int)span->n_parts;
        }
        *part = (mae_span_part){.pe = pe, .first = first, .last = last, .lane = span->lane_of[pe]};
        span->n_parts++;
        if (p->pes[pe].max_segments > 0 && ++span->count[pe] > p->pes[pe].max_segments)
            return false;
    }
    return true;
}

static void compute(const mae_makespan *span, mae_span_part *part, double *mj)
{
    const mae_profile *p = span->index->profile;
    const mae_segment_cost *row = mae_cost_row(span->index, part->pe, part->first, part->last);
    part->work_ms = row ? row->time_ms : p->pes[part->pe].segment_ms;
    *mj += row ? row->energy_mj : p->pes[part->pe].segment_mj;
    for (int l = part->first; l <= part->last && !row; l++) {
        part->work_ms += p->costs[(size_t)l * p->n_pes + (size_t)part->pe].time_ms;
        *mj += p->costs[(size_t)l * p->n_pes + (size_t)part->pe].energy_mj;
    }
}

static bool pay(const mae_makespan *span, mae_span_part *part, int tensor, int from, int to, double *mj)
{
    double move_ms, move_mj;
    if (!mae_cost_move(span->index, tensor, from, to, &move_ms, &move_mj))
        return false;
    part->work_ms += move_ms;
    *mj += move_mj;
    return true;
}

/* What a part reads: whom it waits for, and what of it the part itself has to bring. */
static bool bring(mae_makespan *span, int at, const int *mapping, int tensor, double *mj)
{
    const mae_profile *p = span->index->profile;
    mae_span_part *part = &span->parts[at];
    int producer = p->tensors[tensor].producer, home = producer >= 0 ? mapping[producer] : p->host;
    if (producer >= 0 && span->part_of[producer] == at)
        return true;
    if (producer >= 0 && span->lane_of[home] != part->lane)
        span->needs[part->first_need + part->n_needs++] = span->part_of[producer];
    if (home < 0)
        return true;
    if (home == part->pe) {
        if (producer < 0 || span->handed[tensor])
            return true;
        span->handed[tensor] = true;
        return pay(span, part, tensor, home, home, mj);
    }
    if (span->have[tensor] >> part->pe & 1)
        return true;
    span->have[tensor] |= (uint64_t)1 << part->pe;
    return pay(span, part, tensor, home, part->pe, mj);
}

static bool deliver(mae_makespan *span, mae_span_part *part, int tensor, double *mj)
{
    const mae_profile *p = span->index->profile;
    if (!p->tensors[tensor].is_output || p->host < 0 || p->host == part->pe)
        return true;
    span->have[tensor] |= (uint64_t)1 << p->host;
    return pay(span, part, tensor, part->pe, p->host, mj);
}

static bool weigh(mae_makespan *span, const int *mapping, double *mj)
{
    const mae_profile *p = span->index->profile;
    size_t needs = 0;
    memset(span->have, 0, p->n_tensors * sizeof *span->have);
    memset(span->handed, 0, p->n_tensors * sizeof *span->handed);
    for (size_t i = 0; i < span->n_parts; i++) {
        mae_span_part *part = &span->parts[i];
        part->first_need = needs;
        compute(span, part, mj);
        for (int l = part->first; l <= part->last; l++) {
            const mae_profile_layer *layer = &p->layers[l];
            for (size_t k = 0; k < layer->n_inputs; k++)
                if (!bring(span, (int)i, mapping, layer->inputs[k], mj))
                    return false;
            for (size_t k = 0; k < layer->n_outputs; k++)
                if (!deliver(span, part, layer->outputs[k], mj))
                    return false;
        }
        needs += part->n_needs;
    }
    return true;
}

/* ---- time ---- */

/* Nobody slows anybody down: each part begins when its lane is free and what it waits for has ended. */
static double schedule(mae_makespan *span)
{
    double end = 0;
    for (int lane = 0; lane < span->n_lanes; lane++)
        span->free_ms[lane] = 0;
    for (size_t i = 0; i < span->n_parts; i++) {
        mae_span_part *part = &span->parts[i];
        part->begin_ms = span->free_ms[part->lane];
        for (size_t k = 0; k < part->n_needs; k++)
            part->begin_ms = fmax(part->begin_ms, span->parts[span->needs[part->first_need + k]].end_ms);
        part->end_ms = span->free_ms[part->lane] = part->begin_ms + part->work_ms;
        end = fmax(end, part->end_ms);
    }
    return end;
}

static int next_of_lane(const mae_makespan *span, int lane, int from)
{
    while ((size_t)from < span->n_parts && span->parts[from].lane != lane)
        from++;
    return from;
}

static bool may_begin(const mae_makespan *span, const mae_span_part *part)
{
    for (size_t k = 0; k < part->n_needs; k++)
        if (span->parts[span->needs[part->first_need + k]].end_ms < 0)
            return false;
    return true;
}

/* All that begins at this instant, and ends at it again for want of work. */
static void begin_all(mae_makespan *span, double now)
{
    for (bool again = true; again;) {
        again = false;
        for (int lane = 0; lane < span->n_lanes; lane++) {
            mae_span_part *part = &span->parts[span->next[lane]];
            if (span->running[lane] >= 0 || (size_t)span->next[lane] >= span->n_parts || !may_begin(span, part))
                continue;
            part->begin_ms = now;
            part->left_ms = part->work_ms;
            if (part->work_ms > 0) {
                span->running[lane] = span->next[lane];
            } else {
                part->end_ms = now;
                again = true;
            }
            span->next[lane] = next_of_lane(span, lane, span->next[lane] + 1);
        }
    }
}

/* By which factor what runs on a lane takes longer at this instant. */
static double slowness(const mae_makespan *span, int lane)
{
    double factor = 1;
    for (int other = 0; other < span->n_lanes; other++)
        if (other != lane && span->running[other] >= 0)
            factor *= mae_makespan_contention(span->index->profile, span->parts[span->running[lane]].pe,
                                              span->parts[span->running[other]].pe);
    return factor;
}

/* From one begin or end to the next, in between nobody's pace changes. */
static double simulate(mae_makespan *span)
{
    double now = 0;
    for (size_t i = 0; i < span->n_parts; i++)
        span->parts[i].end_ms = -1;
    for (int lane = 0; lane < span->n_lanes; lane++) {
        span->running[lane] = -1;
        span->next[lane] = next_of_lane(span, lane, 0);
    }
    for (;;) {
        begin_all(span, now);
        double step = INFINITY;
        for (int lane = 0; lane < span->n_lanes; lane++) {
            if (span->running[lane] < 0)
                continue;
            double factor = span->free_ms[lane] = slowness(span, lane);
            step = fmin(step, span->parts[span->running[lane]].left_ms * factor);
        }
        if (step == INFINITY)
            return now;
        now += step;
        for (int lane = 0; lane < span->n_lanes; lane++) {
            mae_span_part *part = span->running[lane] < 0 ? NULL : &span->parts[span->running[lane]];
            if (!part)
                continue;
            part->left_ms -= step / span->free_ms[lane];
            if (part->left_ms > 1e-14 * (now + part->work_ms)) /* what rounding leaves is nothing */
                continue;
            part->end_ms = now;
            span->running[lane] = -1;
        }
    }
}

bool mae_makespan_of(mae_makespan *span, const int *mapping, double *ret_ms, double *ret_mj)
{
    double mj = 0;
    if (!cut(span, mapping) || !weigh(span, mapping, &mj))
        return false;
    *ret_ms = span->contended ? simulate(span) : schedule(span);
    *ret_mj = mj;
    return true;
}

/* ---- room ---- */

static bool has_contention(const mae_profile *p)
{
    for (size_t pair = 0; pair < p->n_pes * p->n_pes; pair++)
        if (p->contention[pair].factor > 1)
            return true;
    return false;
}

mae_error *mae_makespan_init(mae_makespan *span, const mae_cost_index *index)
{
    const mae_profile *p = index->profile;
    size_t reads = 0;
    for (size_t l = 0; l < p->n_layers; l++)
        reads += p->layers[l].n_inputs;
    *span = (mae_makespan){.index = index,
                           .contended = has_contention(p),
                           .lane_of = calloc(p->n_pes, sizeof(int)),
                           .part_of = calloc(p->n_layers, sizeof(int)),
                           .parts = calloc(p->n_layers + 1, sizeof(mae_span_part)),
                           .needs = calloc(reads + 1, sizeof(int)),
                           .count = calloc(p->n_pes, sizeof(int)),
                           .have = calloc(p->n_tensors + 1, sizeof(uint64_t)),
                           .handed = calloc(p->n_tensors + 1, sizeof(bool)),
                           .free_ms = calloc(p->n_pes, sizeof(double)),
                           .running = calloc(p->n_pes, sizeof(int)),
                           .next = calloc(p->n_pes, sizeof(int))};
    if (!span->lane_of || !span->part_of || !span->parts || !span->needs || !span->count || !span->have ||
        !span->handed || !span->free_ms || !span->running || !span->next) {
        mae_makespan_finish(span);
        return mae_error_nomem();
    }
    span->n_lanes = mae_makespan_lanes(p, span->lane_of);
    return NULL;
}

void mae_makespan_finish(mae_makespan *span)
{
    free(span->lane_of);
    free(span->part_of);
    free(span->parts);
    free(span->needs);
    free(span->count);
    free(span->have);
    free(span->handed);
    free(span->free_ms);
    free(span->running);
    free(span->next);
    *span = (mae_makespan){0};
}

/* ---- cost ---- */

mae_error *mae_cost_overlapped(const mae_cost_index *index, const int *mapping, double period_ms,
                               mae_prediction *ret_cost)
{
    mae_prediction cost;
    mae_makespan span;
    double ms = 0, mj = 0;
    MAE_TRY(mae_cost_of(index, mapping, period_ms, &cost)); /* it says why where a mapping is not allowed */
    MAE_TRY(mae_makespan_init(&span, index));
    bool allowed = mae_makespan_of(&span, mapping, &ms, &mj);
    mae_makespan_finish(&span);
    if (!allowed)
        return mae_error_new(MAE_ERR_INFEASIBLE, "the mapping is not allowed");
    *ret_cost = (mae_prediction){ms, mae_cost_energy(index->profile, mj, ms, period_ms), cost.switches};
    return NULL;
}

mae_error *mae_cost_scheduled(const mae_cost_index *index, mae_schedule schedule, const int *mapping, double period_ms,
                              mae_prediction *ret_cost)
{
    return schedule == MAE_OVERLAP ? mae_cost_overlapped(index, mapping, period_ms, ret_cost)
                                   : mae_cost_of(index, mapping, period_ms, ret_cost);
}

mae_error *mae_eval_overlap(const mae_profile *profile, const int *mapping, double period_ms, mae_prediction *ret_cost)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    mae_error *error = mae_cost_overlapped(&index, mapping, period_ms, ret_cost);
    mae_cost_index_finish(&index);
    return error;
}
