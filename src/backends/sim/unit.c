/* A segment on a virtual PE: values layer by layer, then the time it takes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sim/pe.h"
#include "backends/sim/value.h"
#include "base/arena.h"

#define MOST_SKIPPED 64

typedef struct sim_layer {
    double ms;
    uint64_t name_hash;
    const int *inputs, *outputs; /* local tensors */
} sim_layer;

/* A tensor that the segment touches. */
typedef struct sim_local {
    int tensor;    /* of the graph */
    int profile;   /* of the profile; -1: not in it, costs nothing to move */
    uint64_t seed; /* of its values, when produced here */
    uint64_t digest;
} sim_local;

typedef struct sim_unit {
    mae_unit base;
    mae_arena *arena;
    const mae_graph *graph;
    const mae_segment *segment;
    mae_buffer *const *inputs, *const *outputs;
    sim_layer *layers;
    size_t n_locals;
    sim_local *locals;
    const int *input_locals, *output_locals;
    int first_layer; /* in the profile */
    double segment_ms;
    double *input_ms, *output_ms; /* of the last run */
    size_t runs;
    double factors;               /* slow * noise, summed over the runs */
    double skipped[MOST_SKIPPED]; /* the same over the first 1, 2, ... runs */
} sim_unit;

/* ---- compiling ---- */

static int find_tensor(const mae_profile *profile, const char *name)
{
    for (size_t t = 0; t < profile->n_tensors; t++)
        if (strcmp(profile->tensors[t].name, name) == 0)
            return (int)t;
    return -1;
}

/* Local numbers for a list of the graph's tensors; `local_of` holds number + 1, or 0. */
static const int *localise(sim_unit *unit, const mae_profile *profile, int *local_of, const int *tensors, size_t n)
{
    int *list = mae_arena_array(unit->arena, n, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        int t = tensors[i];
        if (!local_of[t]) {
            const char *name = unit->graph->tensors[t].name;
            unit->locals[unit->n_locals] = (sim_local){.tensor = t, .profile = find_tensor(profile, name)};
            local_of[t] = (int)++unit->n_locals;
        }
        list[i] = local_of[t] - 1;
    }
    return list;
}

/* A measured row for exactly these layers replaces the sum: everything shrinks in proportion. */
static void apply_segment_row(sim_unit *unit, const mae_profile *profile, int pe)
{
    const mae_segment *segment = unit->segment;
    size_t n = (size_t)(segment->last - segment->first) + 1;
    double sum = unit->segment_ms;
    for (size_t i = 0; i < n; i++)
        sum += unit->layers[i].ms;
    for (size_t k = 0; k < profile->n_segments; k++) {
        const mae_segment_cost *row = &profile->segments[k];
        if (row->pe != pe || row->first != unit->first_layer || row->last != unit->first_layer + (int)n - 1)
            continue;
        double scale = sum > 0 ? row->time_ms / sum : 0;
        for (size_t i = 0; i < n; i++)
            unit->layers[i].ms *= scale;
        unit->segment_ms = sum > 0 ? unit->segment_ms * scale : row->time_ms;
    }
}

static mae_error *describe_layers(sim_unit *unit, sim_pe *pe, int *local_of)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    const mae_segment *segment = unit->segment;
    for (int l = segment->first; l <= segment->last; l++) {
        const mae_layer *layer = &unit->graph->layers[l];
        sim_layer *own = &unit->layers[l - segment->first];
        int known = mae_profile_find_layer(profile, layer->name);
        if (known < 0 || !profile->costs[(size_t)known * profile->n_pes + (size_t)pe->index].supported)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer %s is not this PE's", layer->name);
        if (l == segment->first)
            unit->first_layer = known;
        own->ms = profile->costs[(size_t)known * profile->n_pes + (size_t)pe->index].time_ms;
        own->name_hash = sim_hash_text(layer->name);
        own->inputs = localise(unit, profile, local_of, layer->inputs, layer->n_inputs);
        own->outputs = localise(unit, profile, local_of, layer->outputs, layer->n_outputs);
        if (!own->inputs || !own->outputs)
            return mae_error_nomem();
    }
    unit->segment_ms = profile->pes[pe->index].segment_ms;
    apply_segment_row(unit, profile, pe->index);
    unit->input_locals = localise(unit, profile, local_of, segment->inputs, segment->n_inputs);
    unit->output_locals = localise(unit, profile, local_of, segment->outputs, segment->n_outputs);
    return unit->input_locals && unit->output_locals ? NULL : mae_error_nomem();
}

static mae_error *describe(sim_unit *unit, sim_pe *pe)
{
    const mae_segment *segment = unit->segment;
    size_t most = 0;
    for (int l = segment->first; l <= segment->last; l++)
        most += unit->graph->layers[l].n_inputs + unit->graph->layers[l].n_outputs;
    unit->layers = mae_arena_array(unit->arena, (size_t)(segment->last - segment->first) + 1, sizeof *unit->layers);
    unit->locals = mae_arena_array(unit->arena, most, sizeof *unit->locals);
    unit->input_ms = mae_arena_array(unit->arena, segment->n_inputs, sizeof(double));
    unit->output_ms = mae_arena_array(unit->arena, segment->n_outputs, sizeof(double));
    int *local_of = calloc(unit->graph->n_tensors + 1, sizeof *local_of);
    mae_error *error = NULL;
    if (unit->layers && unit->locals && unit->input_ms && unit->output_ms && local_of)
        error = describe_layers(unit, pe, local_of);
    else
        error = mae_error_nomem();
    free(local_of);
    return error;
}

mae_error *sim_compile(mae_pe *base, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                       mae_unit **ret_unit)
{
    (void)flags; /* times are always known */
    sim_pe *pe = (sim_pe *)base;
    MAE_TRY(sim_pe_event(pe, SIM_COMPILE, graph, segment));
    mae_arena *arena = mae_arena_create();
    sim_unit *unit = arena ? mae_arena_alloc(arena, sizeof *unit) : NULL;
    mae_segment *own = arena ? mae_arena_copy(arena, segment, sizeof *segment) : NULL;
    if (!unit || !own) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    unit->base.pe = base;
    unit->arena = arena;
    unit->graph = graph;
    unit->segment = own;
    own->inputs = mae_arena_copy(arena, segment->inputs, segment->n_inputs * sizeof(int));
    own->outputs = mae_arena_copy(arena, segment->outputs, segment->n_outputs * sizeof(int));
    mae_error *error = own->inputs && own->outputs ? describe(unit, pe) : mae_error_nomem();
    if (error) {
        mae_arena_destroy(arena);
        return error;
    }
    *ret_unit = &unit->base;
    return NULL;
}

mae_error *sim_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    sim_unit *unit = (sim_unit *)base;
    MAE_TRY(sim_pe_event((sim_pe *)base->pe, SIM_BIND, unit->graph, unit->segment));
    unit->inputs = inputs;
    unit->outputs = outputs;
    return NULL;
}

void sim_discard(mae_unit *base)
{
    if (base)
        mae_arena_destroy(((sim_unit *)base)->arena);
}

/* ---- running ---- */

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

static void compute(sim_unit *unit)
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

static mae_error *charge_transfers(sim_unit *unit, sim_pe *pe, double *ret_ms)
{
    double sum = 0;
    for (size_t i = 0; i < unit->segment->n_inputs; i++) {
        int tensor = unit->locals[unit->input_locals[i]].profile;
        if (tensor >= 0)
            MAE_TRY(sim_soc_fetch(pe->soc, tensor, pe->index, &unit->input_ms[i]));
        sum += unit->input_ms[i];
    }
    for (size_t i = 0; i < unit->segment->n_outputs; i++) {
        int tensor = unit->locals[unit->output_locals[i]].profile;
        if (tensor >= 0)
            MAE_TRY(sim_soc_produce(pe->soc, tensor, pe->index, &unit->output_ms[i]));
        sum += unit->output_ms[i];
    }
    *ret_ms = sum;
    return NULL;
}

/* How much longer than by the profile this run takes. */
static double next_factor(sim_pe *pe)
{
    double noise = pe->noise > 0 ? 1 + pe->noise * mae_rng_normal(&pe->rng) : 1;
    return pe->slow * fmax(noise, 0.05);
}

mae_error *sim_run(mae_unit *base)
{
    sim_unit *unit = (sim_unit *)base;
    sim_pe *pe = (sim_pe *)base->pe;
    uint64_t begin_ns = sim_soc_now_ns(pe->soc);
    MAE_TRY(sim_pe_event(pe, SIM_RUN, unit->graph, unit->segment));
    double ms = 0;
    sim_soc_begin(pe->soc, unit->first_layer);
    MAE_TRY(charge_transfers(unit, pe, &ms));
    compute(unit);
    ms += unit->segment_ms;
    for (int l = 0; l <= unit->segment->last - unit->segment->first; l++)
        ms += unit->layers[l].ms;
    double factor = next_factor(pe);
    unit->factors += factor;
    if (unit->runs < MOST_SKIPPED)
        unit->skipped[unit->runs] = unit->factors;
    unit->runs++;
    sim_soc_wait(pe->soc, begin_ns, ms * factor * 1e6);
    return NULL;
}

mae_error *sim_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    sim_unit *unit = (sim_unit *)base;
    if (skip > MOST_SKIPPED || skip >= unit->runs)
        return mae_error_new(MAE_ERR_USAGE, "cannot leave out %zu of %zu runs", skip, unit->runs);
    times->runs = unit->runs - skip;
    double factor = (unit->factors - (skip ? unit->skipped[skip - 1] : 0)) / (double)times->runs * 1e6;
    times->other_ns = unit->segment_ms * factor;
    times->total_ns = times->other_ns;
    for (int l = 0; l <= unit->segment->last - unit->segment->first; l++)
        times->total_ns += times->layer_ns[l] = unit->layers[l].ms * factor;
    for (size_t i = 0; i < unit->segment->n_inputs; i++)
        times->total_ns += times->input_ns[i] = unit->input_ms[i] * factor;
    for (size_t i = 0; i < unit->segment->n_outputs; i++)
        times->total_ns += times->output_ns[i] = unit->output_ms[i] * factor;
    return NULL;
}
