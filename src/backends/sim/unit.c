/* A segment on a virtual PE: values layer by layer, then the time it takes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sim/pe.h"
#include "backends/sim/value.h"
#include "base/arena.h"

#define MOST_SKIPPED 64

typedef struct sim_layer {
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
    int first_layer;    /* in the profile */
    mae_unit *delegate; /* of the reference engine; NULL: values are made up */

    /* A run's parts: inputs brought, what the segment costs beside its layers, layers, outputs brought. */
    size_t n_phases, other, layers_at, outputs_at;
    sim_phase *phases;
    size_t **uses; /* per input: sim_soc_fetch()'s */
    size_t *n_uses;
    double *spent_ns; /* per phase; in this run */
    size_t runs;
    double *sums_ns; /* per phase; over the runs so far, then over the first 1, 2, ... MOST_SKIPPED runs */
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
static void scale(sim_phase *phases, size_t n, double sum_ns, double sum_mj, const mae_segment_cost *row)
{
    double row_ns = row->time_ms * 1e6, even = 1 / (double)n;
    for (size_t i = 0; i < n; i++) {
        phases[i].ns = sum_ns > 0 ? phases[i].ns * row_ns / sum_ns : row_ns * even;
        double share = row_ns > 0 ? phases[i].ns / row_ns : even;
        phases[i].mj = sum_mj > 0 ? phases[i].mj * row->energy_mj / sum_mj : row->energy_mj * share;
    }
}

static void apply_segment_row(sim_unit *unit, const mae_profile *profile, int pe)
{
    int last = unit->first_layer + unit->segment->last - unit->segment->first;
    size_t n = unit->outputs_at - unit->other;
    double sum_ns = 0, sum_mj = 0;
    for (size_t i = 0; i < n; i++) {
        sum_ns += unit->phases[unit->other + i].ns;
        sum_mj += unit->phases[unit->other + i].mj;
    }
    for (size_t k = 0; k < profile->n_segments; k++) {
        const mae_segment_cost *row = &profile->segments[k];
        if (row->pe == pe && row->first == unit->first_layer && row->last == last)
            scale(&unit->phases[unit->other], n, sum_ns, sum_mj, row);
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
        if (l == segment->first)
            unit->first_layer = known;
        if (known < 0 || known != unit->first_layer + l - segment->first)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer %s does not stand here in the profile", layer->name);
        const mae_cost *cost = &profile->costs[(size_t)known * profile->n_pes + (size_t)pe->index];
        if (!cost->supported)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer %s is not this PE's", layer->name);
        unit->phases[unit->layers_at + (size_t)(l - segment->first)] =
            (sim_phase){cost->time_ms * 1e6, cost->energy_mj};
        own->name_hash = sim_hash_text(layer->name);
        own->inputs = localise(unit, profile, local_of, layer->inputs, layer->n_inputs);
        own->outputs = localise(unit, profile, local_of, layer->outputs, layer->n_outputs);
        if (!own->inputs || !own->outputs)
            return mae_error_nomem();
    }
    const mae_profile_pe *costs = &profile->pes[pe->index];
    unit->phases[unit->other] = (sim_phase){costs->segment_ms * 1e6, costs->segment_mj};
    apply_segment_row(unit, profile, pe->index);
    unit->input_locals = localise(unit, profile, local_of, segment->inputs, segment->n_inputs);
    unit->output_locals = localise(unit, profile, local_of, segment->outputs, segment->n_outputs);
    return unit->input_locals && unit->output_locals ? NULL : mae_error_nomem();
}

/* Which inputs of the profile's layers each input of the segment is. */
static mae_error *find_uses(sim_unit *unit, const sim_pe *pe)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    int last = unit->first_layer + unit->segment->last - unit->segment->first;
    size_t room = 0;
    for (int l = unit->first_layer; l <= last; l++)
        room += profile->layers[l].n_inputs;
    unit->uses = mae_arena_array(unit->arena, unit->segment->n_inputs, sizeof *unit->uses);
    unit->n_uses = mae_arena_array(unit->arena, unit->segment->n_inputs, sizeof *unit->n_uses);
    size_t *all = mae_arena_array(unit->arena, room, sizeof *all);
    if (!unit->uses || !unit->n_uses || !all)
        return mae_error_nomem();
    for (size_t i = 0; i < unit->segment->n_inputs; i++) {
        int tensor = unit->locals[unit->input_locals[i]].profile;
        unit->uses[i] = all;
        for (int l = unit->first_layer; l <= last && tensor >= 0; l++)
            for (size_t k = 0; k < profile->layers[l].n_inputs; k++)
                if (profile->layers[l].inputs[k] == tensor)
                    unit->uses[i][unit->n_uses[i]++] = sim_soc_first_use(pe->soc, l) + k;
        all += unit->n_uses[i];
    }
    return NULL;
}

static mae_error *make_phases(sim_unit *unit)
{
    const mae_segment *segment = unit->segment;
    unit->other = segment->n_inputs;
    unit->layers_at = unit->other + 1;
    unit->outputs_at = unit->layers_at + (size_t)(segment->last - segment->first) + 1;
    unit->n_phases = unit->outputs_at + segment->n_outputs;
    unit->phases = mae_arena_array(unit->arena, unit->n_phases, sizeof *unit->phases);
    unit->spent_ns = mae_arena_array(unit->arena, unit->n_phases, sizeof(double));
    unit->sums_ns = mae_arena_array(unit->arena, unit->n_phases * (1 + MOST_SKIPPED), sizeof(double));
    return unit->phases && unit->spent_ns && unit->sums_ns ? NULL : mae_error_nomem();
}

static mae_error *describe(sim_unit *unit, sim_pe *pe)
{
    const mae_segment *segment = unit->segment;
    size_t n = (size_t)(segment->last - segment->first) + 1, n_locals = segment->n_inputs + segment->n_outputs;
    for (int l = segment->first; l <= segment->last; l++)
        n_locals += unit->graph->layers[l].n_inputs + unit->graph->layers[l].n_outputs;
    unit->layers = mae_arena_array(unit->arena, n, sizeof *unit->layers);
    unit->locals = mae_arena_array(unit->arena, n_locals, sizeof *unit->locals);
    MAE_TRY(make_phases(unit));
    int *local_of = calloc(unit->graph->n_tensors + 1, sizeof *local_of);
    mae_error *error = NULL;
    if (unit->layers && unit->locals && local_of)
        error = describe_layers(unit, pe, local_of);
    else
        error = mae_error_nomem();
    free(local_of);
    return error ? error : find_uses(unit, pe);
}

static mae_error *build(sim_unit *unit, sim_pe *pe)
{
    MAE_TRY(describe(unit, pe));
    mae_pe *reference = pe->reference.pe;
    return reference ? reference->ops->compile(reference, unit->graph, unit->segment, 0, &unit->delegate) : NULL;
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
    mae_error *error = own->inputs && own->outputs ? build(unit, pe) : mae_error_nomem();
    if (error) {
        sim_discard(&unit->base);
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
    if (unit->runs <= MOST_SKIPPED)
        memcpy(unit->sums_ns + unit->runs * unit->n_phases, unit->sums_ns, unit->n_phases * sizeof(double));
    memset(unit->spent_ns, 0, unit->n_phases * sizeof(double));
}

mae_error *sim_run(mae_unit *base)
{
    sim_unit *unit = (sim_unit *)base;
    sim_pe *pe = (sim_pe *)base->pe;
    MAE_TRY(sim_pe_event(pe, SIM_RUN, unit->graph, unit->segment));
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
    sim_soc_count_layers(pe->soc, unit->first_layer, unit->first_layer + unit->segment->last - unit->segment->first);
    return NULL;
}

mae_error *sim_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    sim_unit *unit = (sim_unit *)base;
    if (skip > MOST_SKIPPED || skip >= unit->runs)
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
