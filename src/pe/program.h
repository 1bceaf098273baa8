/* A mapping, compiled: its units and the buffers between them, run serially in layer order.
 *
 * What characterising and running share. One buffer per tensor that crosses a segment border, host
 * memory, allocated at creation. PEs with host memory share buffers: nothing is copied between them.
 * Between PEs that both understand it a tensor lies in a blocked layout, if who makes it wants that.
 */
#ifndef MAE_PE_PROGRAM_H
#define MAE_PE_PROGRAM_H

#include "base/error.h"
#include "core/graph.h"
#include "mae/backend.h"

typedef struct mae_program mae_program;

/* Where a program's times come from. A virtual SoC brings its own; now_ns NULL is mae_clock_now_ns(). */
typedef struct mae_program_clock {
    uint64_t (*now_ns)(void *ctx);
    void *ctx;
} mae_program_clock;

/* The graph and the PEs outlive the program; the arrays need not. */
typedef struct mae_program_spec {
    const mae_graph *graph;
    mae_pe *const *pes;
    const int *mapping;          /* PE per layer */
    const bool *cuts;            /* NULL, or per layer: begin a new segment here even on the same PE */
    int first, last;             /* layers; the program is this stretch of the network */
    unsigned flags;              /* of mae_compile_flags */
    const char *const *pe_names; /* per PE, for messages; NULL: the backends' names */
    mae_program_clock clock;     /* zero: the machine's */
    bool dense;                  /* no blocked layouts between segments: for comparing */
} mae_program_spec;

/* When each segment ran, moves of its inputs and outputs included, by the program's clock. */
typedef struct mae_program_stamp {
    uint64_t begin_ns, end_ns;
} mae_program_stamp;

/* The layouts beside the dense one that the PE takes and gives at the borders of its units. */
unsigned mae_pe_layouts(mae_pe *pe);

MAE_MUST_CHECK mae_error *mae_program_create(const mae_program_spec *spec, mae_program **ret_program);
void mae_program_destroy(mae_program *program); /* takes NULL */

size_t mae_program_n_segments(const mae_program *program);
const mae_segment *mae_program_segment(const mae_program *program, size_t i);
int mae_program_pe(const mae_program *program, size_t i);
mae_unit *mae_program_unit(const mae_program *program, size_t i);
uint64_t mae_program_now_ns(const mae_program *program);

/* The buffer of a tensor that crosses a border of the program, or NULL. Inputs are written and outputs
 * read through it (mae_program_write, mae_program_read do so on any PE). Those of the program are dense, one
 * between its segments lies as its `layout` says. */
mae_buffer *mae_program_buffer(const mae_program *program, int tensor);
MAE_MUST_CHECK mae_error *mae_program_write(mae_program *program, int tensor, const void *data, size_t bytes);
/* The tensor's dense values, in host memory, valid until the next run. */
MAE_MUST_CHECK mae_error *mae_program_read(mae_program *program, int tensor, const void **ret_data,
                                           mae_shape *ret_shape);

/* Runs every segment once, in order. `stamps` (n_segments entries) may be NULL. An error names the
 * segment and its PE. */
MAE_MUST_CHECK mae_error *mae_program_run(mae_program *program, mae_program_stamp *stamps);

/* Fills every graph input and every other tensor the stretch begins with by reproducible values in a
 * sensible range for its type (floats: normal; integers: 0 and 1). */
MAE_MUST_CHECK mae_error *mae_program_fill(mae_program *program, uint64_t seed);

#endif
