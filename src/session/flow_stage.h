/* Inside of flows: what a stage does with a frame, and where frames are kept. */
#ifndef MAE_SESSION_FLOW_STAGE_H
#define MAE_SESSION_FLOW_STAGE_H

#include "session/internal.h"

/* Memory of one tensor of a frame. */
typedef struct mae_flow_value {
    void *data;
    size_t room;
} mae_flow_value;

/* A frame under way, or taken last. */
typedef struct mae_flow_slot {
    void **inputs;           /* per graph input */
    mae_flow_value *outputs; /* per graph output */
    const void **data;       /* of the outputs */
    mae_shape *shapes;
    void **borders; /* per tensor that crosses stages; NULL: none */
    uint64_t frame; /* of a recorder */
    bool done;
    mae_error *error;
    size_t replica;
    uint64_t submitted_ns, begun_ns, end_ns;
} mae_flow_slot;

/* Tensors that some replica hands from stage to stage. */
typedef struct mae_flow_borders {
    size_t n;
    int *tensors;
} mae_flow_borders;

/* Where a stage finds or leaves a tensor of its program. */
typedef struct mae_flow_port {
    int tensor;
    int input, output, border; /* indices in a slot; -1: not there */
} mae_flow_port;

/* A session that runs whole frames, or a stretch of the network. */
typedef struct mae_flow_stage {
    const mae_graph *graph;
    mae_session *session; /* NULL: a program */
    mae_program *program;
    size_t n_in, n_out;
    mae_flow_port *in, *out;
    bool is_last; /* constants and inputs that are outputs are its business */
} mae_flow_stage;

MAE_MUST_CHECK mae_error *mae_flow_slot_make(const mae_graph *graph, const mae_flow_borders *borders,
                                             mae_flow_slot *slot);
void mae_flow_slot_free(const mae_graph *graph, const mae_flow_borders *borders, mae_flow_slot *slot);

/* Layers first to last of a mapping (PEs of the context). Tensors that cross its borders inside the network are added
 * to `borders`. */
MAE_MUST_CHECK mae_error *mae_flow_stage_make(const mae_context *context, const mae_graph *graph, const int *mapping,
                                              int first, int last, mae_flow_borders *borders, mae_flow_stage *stage);
void mae_flow_stage_finish(mae_flow_stage *stage);
MAE_MUST_CHECK mae_error *mae_flow_stage_run(mae_flow_stage *stage, mae_flow_slot *slot);

#endif
