/* The buffers of a program: who needs which tensor where. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "pe/buffer.h"
#include "pe/program_impl.h"

static mae_error *open_slot(mae_program *program, int tensor, int producer)
{
    const mae_tensor *t = &program->graph->tensors[tensor];
    MAE_TRY(mae_buffer_check(t));
    program->slot_of[tensor] = (int)program->n_slots;
    mae_program_slot *slot = &program->slots[program->n_slots++];
    slot->producer = producer;
    slot->host.tensor = tensor;
    slot->host.shape = t->shape;
    if (!t->is_static) {
        slot->host.grow = mae_buffer_reserve;
        return NULL; /* its producer knows how much, once it has run */
    }
    MAE_TRY(mae_buffer_reserve(&slot->host, t->bytes));
    slot->host.bytes = t->bytes;
    return NULL;
}

static mae_error *open_slots(mae_program *program)
{
    size_t most = 0;
    for (size_t i = 0; i < program->n_parts; i++)
        most += program->parts[i].segment.n_inputs + program->parts[i].segment.n_outputs;
    program->slot_of = mae_arena_array(program->arena, program->graph->n_tensors, sizeof(int));
    program->slots = mae_arena_array(program->arena, most, sizeof *program->slots);
    if (!program->slot_of || !program->slots)
        return mae_error_nomem();
    for (size_t i = 0; i < program->graph->n_tensors; i++)
        program->slot_of[i] = -1;
    for (size_t i = 0; i < program->n_parts; i++) {
        const mae_segment *segment = &program->parts[i].segment;
        for (size_t k = 0; k < segment->n_inputs; k++)
            if (program->slot_of[segment->inputs[k]] < 0)
                MAE_TRY(open_slot(program, segment->inputs[k], -1));
        for (size_t k = 0; k < segment->n_outputs; k++)
            if (program->slot_of[segment->outputs[k]] < 0)
                MAE_TRY(open_slot(program, segment->outputs[k], (int)i));
    }
    return NULL;
}

static mae_error *open_copy(mae_program *program, mae_program_slot *slot, mae_pe *pe, mae_program_copy **ret_copy)
{
    const mae_tensor *tensor = &program->graph->tensors[slot->host.tensor];
    if (!tensor->is_static)
        return mae_error_new(MAE_ERR_UNSUPPORTED,
                             "tensor %s has no size known beforehand, and the PE has its own memory", tensor->name);
    mae_program_copy *copy = mae_arena_alloc(program->arena, sizeof *copy);
    if (!copy)
        return mae_error_nomem();
    copy->pe = pe;
    copy->buffer.tensor = slot->host.tensor;
    copy->buffer.shape = slot->host.shape;
    copy->buffer.bytes = slot->host.bytes;
    copy->next = slot->copies;
    slot->copies = copy;
    MAE_TRY(pe->ops->alloc(pe, &copy->buffer));
    copy->allocated = true;
    *ret_copy = copy;
    return NULL;
}

/* The memory in which `part` finds the tensor: the host's, or its PE's own, filled by a write before
 * the first of the PE's parts that wants it. */
static mae_error *place_input(mae_program *program, mae_program_part *part, size_t input)
{
    mae_program_slot *slot = &program->slots[program->slot_of[part->segment.inputs[input]]];
    mae_pe *pe = program->pes[part->pe];
    if (slot->producer >= 0 && program->pes[program->parts[slot->producer].pe] != pe)
        slot->needs_host = true;
    part->inputs[input] = &slot->host;
    if (!pe->ops->alloc)
        return NULL;
    mae_program_copy *copy = slot->copies;
    while (copy && copy->pe != pe)
        copy = copy->next;
    if (!copy) {
        MAE_TRY(open_copy(program, slot, pe, &copy));
        part->writes[part->n_writes++] = (mae_program_move){pe, &copy->buffer, &slot->host};
    }
    part->inputs[input] = &copy->buffer;
    return NULL;
}

static mae_error *place_output(mae_program *program, mae_program_part *part, size_t output)
{
    mae_program_slot *slot = &program->slots[program->slot_of[part->segment.outputs[output]]];
    mae_pe *pe = program->pes[part->pe];
    part->outputs[output] = &slot->host;
    if (!pe->ops->alloc)
        return NULL;
    mae_program_copy *copy = NULL;
    MAE_TRY(open_copy(program, slot, pe, &copy));
    part->outputs[output] = &copy->buffer;
    return NULL;
}

static mae_error *place_part(mae_program *program, mae_program_part *part)
{
    for (size_t k = 0; k < part->segment.n_inputs; k++)
        MAE_TRY(place_input(program, part, k));
    for (size_t k = 0; k < part->segment.n_outputs; k++)
        MAE_TRY(place_output(program, part, k));
    return NULL;
}

/* Only after all parts are placed is it known which outputs are wanted outside their PE's memory. */
static void place_reads(mae_program *program, mae_program_part *part)
{
    mae_pe *pe = program->pes[part->pe];
    for (size_t k = 0; pe->ops->alloc && k < part->segment.n_outputs; k++) {
        mae_program_slot *slot = &program->slots[program->slot_of[part->segment.outputs[k]]];
        if (slot->needs_host)
            part->reads[part->n_reads++] = (mae_program_move){pe, part->outputs[k], &slot->host};
    }
}

mae_error *mae_program_make_buffers(mae_program *program, const mae_segment *whole)
{
    MAE_TRY(open_slots(program));
    for (size_t k = 0; k < whole->n_outputs; k++)
        program->slots[program->slot_of[whole->outputs[k]]].needs_host = true;
    for (size_t i = 0; i < program->n_parts; i++) {
        mae_error *error = place_part(program, &program->parts[i]);
        if (error)
            return mae_program_blame(program, i, error);
    }
    for (size_t i = 0; i < program->n_parts; i++)
        place_reads(program, &program->parts[i]);
    return NULL;
}

void mae_program_free_buffers(mae_program *program)
{
    for (size_t i = 0; i < program->n_slots; i++) {
        for (mae_program_copy *copy = program->slots[i].copies; copy; copy = copy->next)
            if (copy->allocated)
                copy->pe->ops->release(copy->pe, &copy->buffer);
        mae_buffer_release(&program->slots[i].host);
        free(program->slots[i].dense);
    }
    mae_heap_trim(mae_heap_common());
}

mae_buffer *mae_program_buffer(const mae_program *program, int tensor)
{
    if (tensor < 0 || (size_t)tensor >= program->graph->n_tensors || program->slot_of[tensor] < 0)
        return NULL;
    return &program->slots[program->slot_of[tensor]].host;
}

mae_error *mae_program_write(mae_program *program, int tensor, const void *data, size_t bytes)
{
    mae_buffer *buffer = mae_program_buffer(program, tensor);
    if (!buffer || program->slots[program->slot_of[tensor]].producer >= 0)
        return mae_error_new(MAE_ERR_USAGE, "tensor %d is not an input of the program", tensor);
    const mae_tensor *t = &program->graph->tensors[tensor];
    if (!t->is_static || bytes != t->bytes)
        return mae_error_new(MAE_ERR_USAGE, "input %s takes %zu bytes, not %zu", t->name, t->bytes, bytes);
    if (bytes)
        memcpy(buffer->host, data, bytes);
    return NULL;
}

mae_error *mae_program_read(mae_program *program, int tensor, const void **ret_data, mae_shape *ret_shape)
{
    mae_buffer *buffer = mae_program_buffer(program, tensor);
    mae_program_slot *slot = buffer ? &program->slots[program->slot_of[tensor]] : NULL;
    if (!slot || (slot->producer >= 0 && !slot->needs_host && slot->copies))
        return mae_error_new(MAE_ERR_USAGE, "tensor %d is not to be read from the program", tensor);
    MAE_TRY(mae_program_dense(program, slot, ret_data));
    *ret_shape = buffer->shape;
    return NULL;
}
