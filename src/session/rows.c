/* Segments measured where they run, as rows of the profile. */
#include <math.h>
#include <stdlib.h>

#include "core/profile.h"
#include "session/rows.h"

/* A row in the making: of one segment, by all contenders that have it. */
typedef struct draft {
    mae_segment_cost row;
    double sum_ms, sum_spread_ms; /* weighted by rounds */
    double weight;
} draft;

typedef struct drafts {
    draft *all;
    size_t n;
} drafts;

/* The first layer that takes tensor `t` over on `pe`: moved there from another PE, or handed to a later segment
 * of the same one; -1 if none does. */
static int taker(const mae_profile *profile, const int *mapping, size_t t, int pe)
{
    int producer = profile->tensors[t].producer;
    int own = producer; /* last layer of the producer's own segment */
    while (producer >= 0 && mapping[producer] == pe && own + 1 < (int)profile->n_layers && mapping[own + 1] == pe)
        own++;
    for (int l = own + 1; l < (int)profile->n_layers; l++)
        for (size_t i = 0; mapping[l] == pe && i < profile->layers[l].n_inputs; i++)
            if (profile->layers[l].inputs[i] == (int)t)
                return l;
    return -1;
}

/* What the profile charges for the tensors that this segment is the first on its PE to take over: it is part of
 * the time measured, so the segment's own row must not hold it a second time. */
static double incoming_transfers(const mae_cost_index *index, const int *mapping, const mae_segment *segment)
{
    const mae_profile *profile = index->profile;
    double sum = 0;
    int pe = mapping[segment->first];
    for (size_t t = 0; t < profile->n_tensors; t++) {
        int producer = profile->tensors[t].producer;
        int home = producer >= 0 ? mapping[producer] : profile->host;
        if (home < 0 || (producer < 0 && home == pe))
            continue;
        int layer = taker(profile, mapping, t, pe);
        double time_ms, energy_mj;
        if (layer >= segment->first && layer <= segment->last &&
            mae_cost_move(index, (int)t, home, pe, &time_ms, &energy_mj))
            sum += time_ms;
    }
    return sum;
}

/* What the profile says a segment uses: times were measured anew, energies were not. */
static double energy_of(const mae_cost_index *index, int pe, int first, int last)
{
    const mae_profile *profile = index->profile;
    const mae_segment_cost *row = mae_cost_row(index, pe, first, last);
    if (row)
        return row->energy_mj;
    double sum = profile->pes[pe].segment_mj;
    for (int l = first; l <= last; l++)
        sum += profile->costs[(size_t)l * profile->n_pes + (size_t)pe].energy_mj;
    return sum;
}

static draft *find_draft(drafts *d, const mae_cost_index *index, int pe, const mae_segment *segment)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->all[i].row.pe == pe && d->all[i].row.first == segment->first && d->all[i].row.last == segment->last)
            return &d->all[i];
    draft *new = &d->all[d->n++];
    *new = (draft){.row = {.pe = pe,
                           .first = segment->first,
                           .last = segment->last,
                           .energy_mj = energy_of(index, pe, segment->first, segment->last)}};
    return new;
}

static mae_error *draft_rows(const mae_bench_work *work, const mae_cost_index *index, const mae_contender *contender,
                             drafts *d)
{
    const mae_program *program = contender->runner->program;
    double *speed = calloc(work->context->n_pes + 1, sizeof *speed), mean;
    if (!speed)
        return mae_error_nomem();
    mae_error *error = mae_bench_find_speeds(work, contender->rounds, speed, &mean);
    for (size_t s = 0; s < mae_program_n_segments(program) && !error; s++) {
        const mae_segment *segment = mae_program_segment(program, s);
        int pe = mae_program_pe(program, s);
        mae_interval time;
        error = mae_median_of(contender->segments_ms[s], contender->rounds, &time);
        if (error)
            break;
        draft *row = find_draft(d, index, pe, segment);
        double moved = incoming_transfers(index, contender->runner->mapping, segment);
        double weight = (double)contender->rounds;
        row->sum_ms += weight * fmax(0, time.median / speed[pe] - moved);
        row->sum_spread_ms += weight * (time.high - time.low) / 2 / speed[pe];
        row->weight += weight;
        row->row.n += (int)contender->rounds;
    }
    free(speed);
    return error;
}

mae_error *mae_bench_put_rows(mae_bench_work *work, mae_contender *const *contenders, size_t n)
{
    size_t room = 0;
    for (size_t i = 0; i < n; i++)
        room += mae_program_n_segments(contenders[i]->runner->program);
    mae_cost_index index;
    drafts d = {.all = calloc(room + 1, sizeof *d.all)};
    if (!d.all)
        return mae_error_nomem();
    mae_error *error = mae_cost_index_init(&index, work->profile);
    for (size_t i = 0; i < n && !error; i++)
        if (contenders[i]->verdict.ok)
            error = draft_rows(work, &index, contenders[i], &d);
    mae_cost_index_finish(&index);
    for (size_t i = 0; i < d.n && !error; i++) {
        d.all[i].row.time_ms = d.all[i].sum_ms / d.all[i].weight;
        d.all[i].row.spread_ms = d.all[i].sum_spread_ms / d.all[i].weight;
        error = mae_profile_put_segment(work->profile, &d.all[i].row);
    }
    free(d.all);
    return error;
}
