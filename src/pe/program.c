#include "pe/program.h"

#include <stdlib.h>

#include "pe/cluster.h"
#include "pe/program_impl.h"

mae_error *mae_program_blame(const mae_program *program, size_t part, mae_error *error)
{
    const mae_program_part *p = &program->parts[part];
    const mae_layer *layers = program->graph->layers;
    return mae_error_wrap(error, "segment %zu of %zu (%s), layers %s to %s", part + 1, program->n_parts, p->pe_name,
                          layers[p->segment.first].name, layers[p->segment.last].name);
}

static mae_error *check_spec(const mae_program_spec *spec)
{
    if (spec->first < 0 || spec->last < spec->first || (size_t)spec->last >= spec->graph->n_layers)
        return mae_error_new(MAE_ERR_USAGE, "layers %d to %d are not a stretch of a network of %zu layers", spec->first,
                             spec->last, spec->graph->n_layers);
    for (int i = spec->first; i <= spec->last; i++)
        if (spec->mapping[i] < 0 || !spec->pes[spec->mapping[i]])
            return mae_error_new(MAE_ERR_USAGE, "layer %s is mapped to no PE", spec->graph->layers[i].name);
    return NULL;
}

static bool begins_segment(const mae_program_spec *spec, int layer)
{
    return layer == spec->first || spec->mapping[layer] != spec->mapping[layer - 1] ||
           (spec->cuts && spec->cuts[layer]);
}

static mae_error *make_part(mae_program *program, const mae_program_spec *spec, int first, int last,
                            mae_program_part *part)
{
    MAE_TRY(mae_segment_make(spec->graph, first, last, program->arena, &part->segment));
    part->pe = spec->mapping[first];
    const char *name = spec->pe_names ? spec->pe_names[part->pe] : spec->pes[part->pe]->backend->name;
    part->pe_name = mae_arena_strdup(program->arena, name);
    part->inputs = mae_arena_array(program->arena, part->segment.n_inputs, sizeof(mae_buffer *));
    part->outputs = mae_arena_array(program->arena, part->segment.n_outputs, sizeof(mae_buffer *));
    part->writes = mae_arena_array(program->arena, part->segment.n_inputs, sizeof(mae_program_move));
    part->reads = mae_arena_array(program->arena, part->segment.n_outputs, sizeof(mae_program_move));
    if (!part->pe_name || !part->inputs || !part->outputs || !part->writes || !part->reads)
        return mae_error_nomem();
    return NULL;
}

static mae_error *make_parts(mae_program *program, const mae_program_spec *spec)
{
    size_t n = 0;
    for (int i = spec->first; i <= spec->last; i++)
        n += begins_segment(spec, i);
    program->parts = mae_arena_array(program->arena, n, sizeof *program->parts);
    if (!program->parts)
        return mae_error_nomem();
    for (int first = spec->first; first <= spec->last;) {
        int last = first;
        while (last < spec->last && !begins_segment(spec, last + 1))
            last++;
        MAE_TRY(make_part(program, spec, first, last, &program->parts[program->n_parts]));
        program->n_parts++;
        first = last + 1;
    }
    return NULL;
}

static mae_error *compile_parts(mae_program *program, unsigned flags)
{
    for (size_t i = 0; i < program->n_parts; i++) {
        mae_program_part *part = &program->parts[i];
        mae_pe *pe = program->pes[part->pe];
        part->thread = mae_cluster_thread(pe);
        const mae_bound_thread *before = i > 0 ? program->parts[i - 1].thread : NULL;
        part->goes_on = part->thread && before && mae_bound_thread_are_together(before, part->thread);
        mae_error *error = mae_program_compile_part(program, part, flags);
        if (!error)
            error = pe->ops->bind(part->unit, part->inputs, part->outputs);
        if (error)
            return mae_program_blame(program, i, error);
    }
    return NULL;
}

/* The caller's array of PEs need not outlive the call. */
static mae_error *copy_pes(mae_program *program, const mae_program_spec *spec)
{
    int most = 0;
    for (int i = spec->first; i <= spec->last; i++)
        most = spec->mapping[i] > most ? spec->mapping[i] : most;
    program->pes = mae_arena_copy(program->arena, spec->pes, ((size_t)most + 1) * sizeof *spec->pes);
    return program->pes ? NULL : mae_error_nomem();
}

static mae_error *build(mae_program *program, const mae_program_spec *spec)
{
    MAE_TRY(copy_pes(program, spec));
    MAE_TRY(make_parts(program, spec));
    mae_segment whole;
    MAE_TRY(mae_segment_make(spec->graph, spec->first, spec->last, program->arena, &whole));
    MAE_TRY(mae_program_make_buffers(program, &whole));
    if (!spec->dense)
        mae_program_find_layouts(program, &whole);
    return compile_parts(program, spec->flags);
}

mae_error *mae_program_create(const mae_program_spec *spec, mae_program **ret_program)
{
    MAE_TRY(check_spec(spec));
    mae_arena *arena = mae_arena_create();
    mae_program *program = arena ? mae_arena_alloc(arena, sizeof *program) : NULL;
    if (!program) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    program->arena = arena;
    program->graph = spec->graph;
    program->clock = spec->clock;
    mae_error *error = build(program, spec);
    if (error) {
        mae_program_destroy(program);
        return error;
    }
    *ret_program = program;
    return NULL;
}

void mae_program_destroy(mae_program *program)
{
    if (!program)
        return;
    for (size_t i = 0; i < program->n_parts; i++)
        if (program->parts[i].unit)
            program->pes[program->parts[i].pe]->ops->discard(program->parts[i].unit);
    mae_program_free_buffers(program);
    mae_arena_destroy(program->arena);
}

size_t mae_program_n_segments(const mae_program *program)
{
    return program->n_parts;
}

const mae_segment *mae_program_segment(const mae_program *program, size_t i)
{
    return &program->parts[i].segment;
}

int mae_program_pe(const mae_program *program, size_t i)
{
    return program->parts[i].pe;
}

mae_unit *mae_program_unit(const mae_program *program, size_t i)
{
    return program->parts[i].unit;
}
