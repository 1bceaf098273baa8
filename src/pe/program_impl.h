/* Inside of programs: parts (segments with their units) and slots (border tensors with their memory). */
#ifndef MAE_PE_PROGRAM_IMPL_H
#define MAE_PE_PROGRAM_IMPL_H

#include "base/arena.h"
#include "mae/recorder.h"
#include "pe/bound_thread.h"
#include "pe/program.h"

/* A tensor's memory on a PE that has its own. */
typedef struct mae_program_copy {
    struct mae_program_copy *next;
    mae_pe *pe;
    mae_buffer buffer;
    bool allocated;
} mae_program_copy;

/* A tensor that crosses a border of the program. */
typedef struct mae_program_slot {
    mae_buffer host;
    int producer;    /* part; -1: an input of the program */
    bool needs_host; /* wanted by another PE than its producer, or an output of the program */
    mae_program_copy *copies;
    unsigned layouts; /* that the PEs of all its readers understand */
    void *dense;      /* of a blocked one that has been read: its values, row-major */
} mae_program_slot;

/* A transfer between host memory and a PE's own. */
typedef struct mae_program_move {
    mae_pe *pe;
    mae_buffer *own;
    mae_buffer *host;
} mae_program_move;

typedef struct mae_program_part {
    mae_segment segment;
    int pe;
    const char *pe_name;
    mae_unit *unit;
    mae_bound_thread *thread; /* of the PE's cluster; NULL: called by whoever runs the frame */
    bool goes_on;             /* on the cluster of the part before it */
    mae_buffer **inputs, **outputs;
    size_t n_writes, n_reads;
    mae_program_move *writes; /* before the run */
    mae_program_move *reads;  /* after it */
    int track;                /* in the recorder */
} mae_program_part;

struct mae_program {
    mae_arena *arena;
    const mae_graph *graph;
    mae_pe *const *pes;
    mae_program_clock clock;
    size_t n_parts;
    mae_program_part *parts;
    size_t n_slots;
    mae_program_slot *slots;
    int *slot_of;           /* per tensor of the graph; -1: crosses no border */
    mae_recorder *recorder; /* NULL: frames are not recorded */
    int recorder_text;      /* what this program is in it; -1: unsaid */
};

/* program_memory.c: all buffers of the parts, allocated; and their end. */
MAE_MUST_CHECK mae_error *mae_program_make_buffers(mae_program *program, const mae_segment *whole);
void mae_program_free_buffers(mae_program *program);

/* program_layout.c: which layouts each slot may have. */
void mae_program_find_layouts(mae_program *program, const mae_segment *whole);
/* Compiles a part, and settles how its outputs lie. Those before it are compiled. */
MAE_MUST_CHECK mae_error *mae_program_compile_part(mae_program *program, mae_program_part *part, unsigned flags);
/* The slot's values, row-major. */
MAE_MUST_CHECK mae_error *mae_program_dense(mae_program *program, mae_program_slot *slot, const void **ret_data);

/* "segment 2 of 3 (cpu/ort), layers conv1 to conv9: " before the message. */
MAE_MUST_CHECK mae_error *mae_program_blame(const mae_program *program, size_t part, mae_error *error);

#endif
