/* Flows: frames through several sessions of one network at once, for more of them per second than one session gives.
 *
 * Each session is a replica that runs whole frames on resources of its own; a frame goes to the first that is free.
 * Answers come in the order in which frames were handed in. At most `room` frames are under way: who hands in more
 * waits. One thread hands in and one takes; they may be the same one if it asks mae_flow_has_room() before.
 */
#ifndef MAE_FLOW_H
#define MAE_FLOW_H

#include "mae/error.h"
#include "mae/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mae_session;
typedef struct mae_flow mae_flow;

/* The sessions outlive the flow, and are used by nothing else meanwhile. MAE_ERR_USAGE: two of them use one resource,
 * or their networks differ. `room`: 0 for twice as many frames as sessions. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_open(struct mae_session *const *sessions, size_t n, size_t room,
                                                mae_flow **ret_flow);
/* Takes NULL. Frames that have begun come to their end, the others do not begin. */
MAE_API void mae_flow_close(mae_flow *flow);

/* Where the next frame's input (index in mae_graph.inputs) is to be written, dense, row-major; waits for room. What
 * it holds is some earlier frame's. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_input(mae_flow *flow, size_t input, void **ret_data, size_t *ret_bytes);
/* Hands it in; waits for room. */
MAE_API void mae_flow_submit(mae_flow *flow);
MAE_API bool mae_flow_has_room(const mae_flow *flow);

/* What came of a frame. */
typedef struct mae_flow_frame {
    uint64_t frame;    /* 0, 1, ... in the order in which they were handed in */
    size_t session;    /* that ran it */
    double latency_ms; /* from being handed in to its end, by this machine's clock */
    double service_ms; /* of that, in the session */
    size_t n_outputs;  /* the rest is valid until the next call, and only without an error */
    const void *const *outputs;
    const mae_shape *shapes;
} mae_flow_frame;

/* Waits for the oldest frame that has not been taken; MAE_ERR_USAGE if there is none. An error is that frame's own. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_take(mae_flow *flow, mae_flow_frame *ret_frame);

#ifdef __cplusplus
}
#endif
#endif
