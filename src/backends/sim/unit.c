/* A segment on a virtual PE: values layer by layer, and the time it takes. */
#include <math.h>
#include <string.h>

#include "backends/sim/unit.h"
#include "backends/sim/value.h"

mae_error *sim_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    sim_unit *unit = (sim_unit *)base;
    MAE_TRY(sim_pe_event((sim_pe *)base->pe, SIM_BIND, unit->graph, unit->segment));
    unit->inputs = inputs;
    unit->outputs = outputs;
    return unit->delegate ? unit->delegate->pe->ops->bind(unit->delegate, inputs, outputs) : NULL;
}

void sim_discard(mae_unit *base)
{
    sim_unit *unit = (sim_unit *)base;
    if (!unit)
        return;
    if (unit->delegate)
        unit->delegate->pe->ops->discard(unit->delegate);
    mae_arena_destroy(unit->arena);
}

static void compute_layer(sim_unit *unit, int index)
{
    const mae_layer *layer = &unit->graph->layers[unit->segment->first + index];
    const sim_layer *own = &unit->layers[index];
    uint64_t digest = own->name_hash;
    for (size_t i = 0; i < layer->n_inputs; i++)
        digest = sim_mix(digest, unit->locals[own->inputs[i]].digest);
    for (size_t i = 0; i < layer->n_outputs; i++) {
        sim_local *out = &unit->locals[own->outputs[i]];
        const mae_tensor *tensor = &unit->graph->tensors[out->tensor];
        out->seed = sim_mix(digest, sim_hash_text(tensor->name));
        out->digest = sim_value_digest_of(out->seed, &tensor->shape);
    }
}

static void make_up(sim_unit *unit)
{
    const mae_segment *segment = unit->segment;
    for (size_t i = 0; i < segment->n_inputs; i++) {
        const mae_buffer *buffer = unit->inputs[i];
        unit->locals[unit->input_locals[i]].digest = sim_value_digest(&buffer->shape, buffer->host);
    }
    for (int l = 0; l <= segment->last - segment->first; l++)
        compute_layer(unit, l);
    for (size_t i = 0; i < segment->n_outputs; i++) {
        mae_buffer *buffer = unit->outputs[i];
        sim_value_write(unit->locals[unit->output_locals[i]].seed, &buffer->shape, buffer->host);
    }
}

static mae_error *compute(sim_unit *unit)
{
    if (unit->delegate)
        return unit->delegate->pe->ops->run(unit->delegate);
    make_up(unit);
    return NULL;
}

static mae_error *charge_transfers(sim_unit *unit, sim_pe *pe)
{
    for (size_t i = 0; i < unit->segment->n_inputs; i++) {
        int tensor = unit->locals[unit->input_locals[i]].profile;
        if (tensor >= 0)
            MAE_TRY(sim_soc_fetch(pe->soc, tensor, pe->index, unit->uses[i], unit->n_uses[i], &unit->phases[i]));
    }
    for (size_t i = 0; i < unit->segment->n_outputs; i++) {
        int tensor = unit->locals[unit->output_locals[i]].profile;
        if (tensor >= 0)
            MAE_TRY(sim_soc_produce(pe->soc, tensor, pe->index, &unit->phases[unit->outputs_at + i]));
    }
    return NULL;
}

static double next_factor(mae_rng *rng, double noise)
{
    return noise > 0 ? fmax(1 + noise * mae_rng_normal(rng), 0.05) : 1;
}

/* What this run took, as the PE tells it. */
static void book(sim_unit *unit, double lie)
{
    for (size_t i = 0; i < unit->n_phases; i++)
        unit->sums_ns[i] += unit->spent_ns[i] * lie;
    unit->runs++;
    if (unit->runs <= SIM_MOST_SKIPPED)
        memcpy(unit->sums_ns + unit->runs * unit->n_phases, unit->sums_ns, unit->n_phases * sizeof(double));
    memset(unit->spent_ns, 0, unit->n_phases * sizeof(double));
}

mae_error *sim_run(mae_unit *base)
{
    sim_unit *unit = (sim_unit *)base;
    sim_pe *pe = (sim_pe *)base->pe;
    MAE_TRY(sim_pe_event(pe, SIM_RUN, unit->graph, unit->segment));
    if (unit->priced_for != pe->index)
        MAE_TRY(sim_unit_price(unit, pe));
    MAE_TRY(charge_transfers(unit, pe));
    double stretch = sim_soc_stretch(pe->soc);
    sim_job job = {.pe = pe->index,
                   .n = unit->n_phases,
                   .phases = unit->phases,
                   .time_factor = stretch * next_factor(&pe->time_rng, pe->noise),
                   .energy_factor = stretch * next_factor(&pe->power_rng, pe->power_noise),
                   .spent_ns = unit->spent_ns,
                   .queue_phase = unit->other};
    sim_soc_submit(pe->soc, &job);
    mae_error *error = compute(unit), *waited = sim_soc_wait(pe->soc, &job);
    if (error || waited) {
        if (error)
            mae_error_free(waited);
        return error ? error : waited;
    }
    book(unit, sim_soc_lie(pe->soc, pe->index));
    sim_soc_count_layers(pe->soc, unit->segment->first, unit->segment->last);
    return NULL;
}

mae_error *sim_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    sim_unit *unit = (sim_unit *)base;
    if (skip > SIM_MOST_SKIPPED || skip >= unit->runs)
        return mae_error_new(MAE_ERR_USAGE, "cannot leave out %zu of %zu runs", skip, unit->runs);
    const double *skipped = skip ? unit->sums_ns + skip * unit->n_phases : NULL;
    times->runs = unit->runs - skip;
    times->total_ns = 0;
    for (size_t i = 0; i < unit->n_phases; i++) {
        double ns = (unit->sums_ns[i] - (skipped ? skipped[i] : 0)) / (double)times->runs;
        if (i < unit->other)
            times->input_ns[i] = ns;
        else if (i == unit->other)
            times->other_ns = ns;
        else if (i < unit->outputs_at)
            times->layer_ns[i - unit->layers_at] = ns;
        else
            times->output_ns[i - unit->outputs_at] = ns;
        times->total_ns += ns;
    }
    return NULL;
}
