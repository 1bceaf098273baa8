/* How the tensors between the segments of a program lie.
 *
 * In the order of the frame: a segment is told how its inputs lie, which those before it have settled, and
 * may give an output in any layout that all who read it understand. The program's own inputs and outputs are
 * dense. */
#include <stdlib.h>

#include "core/layout.h"
#include "pe/program_impl.h"

unsigned mae_pe_layouts(mae_pe *pe)
{
    bool laid = pe->ops->layouts && pe->ops->compile_laid && !pe->ops->alloc;
    return laid ? pe->ops->layouts(pe) : 0;
}

void mae_program_find_layouts(mae_program *program, const mae_segment *whole)
{
    for (size_t i = 0; i < program->n_slots; i++) {
        mae_program_slot *slot = &program->slots[i];
        slot->layouts = slot->producer < 0 ? 0 : mae_layouts_of(&program->graph->tensors[slot->host.tensor]);
    }
    for (size_t k = 0; k < whole->n_outputs; k++)
        program->slots[program->slot_of[whole->outputs[k]]].layouts = 0;
    for (size_t i = 0; i < program->n_parts; i++) {
        const mae_program_part *part = &program->parts[i];
        unsigned understood = mae_pe_layouts(program->pes[part->pe]);
        for (size_t k = 0; k < part->segment.n_inputs; k++)
            program->slots[program->slot_of[part->segment.inputs[k]]].layouts &= understood;
    }
}

static mae_error *compile_laid(mae_program *program, mae_program_part *part, unsigned flags, unsigned understood)
{
    mae_pe *pe = program->pes[part->pe];
    const mae_segment *segment = &part->segment;
    mae_layout *inputs = mae_arena_array(program->arena, segment->n_inputs + 1, sizeof *inputs);
    mae_layout *outputs = mae_arena_array(program->arena, segment->n_outputs + 1, sizeof *outputs);
    unsigned *offers = mae_arena_array(program->arena, segment->n_outputs + 1, sizeof *offers);
    if (!inputs || !outputs || !offers)
        return mae_error_nomem();
    for (size_t k = 0; k < segment->n_inputs; k++)
        inputs[k] = part->inputs[k]->layout;
    for (size_t k = 0; k < segment->n_outputs; k++)
        offers[k] = program->slots[program->slot_of[segment->outputs[k]]].layouts & understood;
    const mae_borders borders = {inputs, offers, outputs};
    MAE_TRY(pe->ops->compile_laid(pe, program->graph, segment, flags, &borders, &part->unit));
    for (size_t k = 0; k < segment->n_outputs; k++)
        part->outputs[k]->layout = outputs[k];
    return NULL;
}

mae_error *mae_program_compile_part(mae_program *program, mae_program_part *part, unsigned flags)
{
    mae_pe *pe = program->pes[part->pe];
    unsigned understood = mae_pe_layouts(pe);
    if (understood)
        return compile_laid(program, part, flags, understood);
    return pe->ops->compile(pe, program->graph, &part->segment, flags, &part->unit);
}

mae_error *mae_program_dense(mae_program *program, mae_program_slot *slot, const void **ret_data)
{
    const mae_buffer *buffer = &slot->host;
    if (buffer->layout == MAE_LAYOUT_DENSE) {
        *ret_data = buffer->host;
        return NULL;
    }
    if (!slot->dense)
        slot->dense = malloc(program->graph->tensors[buffer->tensor].bytes);
    if (!slot->dense)
        return mae_error_nomem();
    mae_layout_unblock(buffer->layout, &buffer->shape, buffer->host, slot->dense);
    *ret_data = slot->dense;
    return NULL;
}
