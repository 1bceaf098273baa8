/* Compiling on a virtual PE: what a segment's layers are called, where their values come from, what they cost. */
#include <stdlib.h>
#include <string.h>

#include "backends/sim/unit.h"
#include "backends/sim/value.h"

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
    size_t n = unit->outputs_at - unit->other;
    double sum_ns = 0, sum_mj = 0;
    for (size_t i = 0; i < n; i++) {
        sum_ns += unit->phases[unit->other + i].ns;
        sum_mj += unit->phases[unit->other + i].mj;
    }
    for (size_t k = 0; k < profile->n_segments; k++) {
        const mae_segment_cost *row = &profile->segments[k];
        if (row->pe == pe && row->first == unit->segment->first && row->last == unit->segment->last)
            scale(&unit->phases[unit->other], n, sum_ns, sum_mj, row);
    }
}

mae_error *sim_unit_price(sim_unit *unit, const sim_pe *pe)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    const mae_segment *segment = unit->segment;
    for (int l = segment->first; l <= segment->last; l++) {
        const mae_cost *cost = &profile->costs[(size_t)l * profile->n_pes + (size_t)pe->index];
        if (!cost->supported)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer %s is not for %s", profile->layers[l].name,
                                 profile->pes[pe->index].name);
        sim_phase *phase = &unit->phases[unit->layers_at + (size_t)(l - segment->first)];
        *phase = (sim_phase){cost->time_ms * 1e6, cost->energy_mj};
    }
    const mae_profile_pe *costs = &profile->pes[pe->index];
    unit->phases[unit->other] = (sim_phase){costs->segment_ms * 1e6, costs->segment_mj};
    apply_segment_row(unit, profile, pe->index);
    unit->priced_for = pe->index;
    return NULL;
}

static mae_error *describe_layers(sim_unit *unit, sim_pe *pe, int *local_of)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    const mae_segment *segment = unit->segment;
    for (int l = segment->first; l <= segment->last; l++) {
        const mae_layer *layer = &unit->graph->layers[l];
        sim_layer *own = &unit->layers[l - segment->first];
        if (mae_profile_find_layer(profile, layer->name) != l)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer %s does not stand here in the profile", layer->name);
        own->name_hash = sim_hash_text(layer->name);
        own->inputs = localise(unit, profile, local_of, layer->inputs, layer->n_inputs);
        own->outputs = localise(unit, profile, local_of, layer->outputs, layer->n_outputs);
        if (!own->inputs || !own->outputs)
            return mae_error_nomem();
    }
    unit->input_locals = localise(unit, profile, local_of, segment->inputs, segment->n_inputs);
    unit->output_locals = localise(unit, profile, local_of, segment->outputs, segment->n_outputs);
    return unit->input_locals && unit->output_locals ? NULL : mae_error_nomem();
}

/* Which inputs of the profile's layers each input of the segment is. */
static mae_error *find_uses(sim_unit *unit, const sim_pe *pe)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    int first = unit->segment->first, last = unit->segment->last;
    size_t room = 0;
    for (int l = first; l <= last; l++)
        room += profile->layers[l].n_inputs;
    unit->uses = mae_arena_array(unit->arena, unit->segment->n_inputs, sizeof *unit->uses);
    unit->n_uses = mae_arena_array(unit->arena, unit->segment->n_inputs, sizeof *unit->n_uses);
    size_t *all = mae_arena_array(unit->arena, room, sizeof *all);
    if (!unit->uses || !unit->n_uses || !all)
        return mae_error_nomem();
    for (size_t i = 0; i < unit->segment->n_inputs; i++) {
        int tensor = unit->locals[unit->input_locals[i]].profile;
        unit->uses[i] = all;
        for (int l = first; l <= last && tensor >= 0; l++)
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
    unit->sums_ns = mae_arena_array(unit->arena, unit->n_phases * (1 + SIM_MOST_SKIPPED), sizeof(double));
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
    MAE_TRY(sim_unit_price(unit, pe));
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
