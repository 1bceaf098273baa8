/* Flows: several frames of one network at once, for more of them per second than one after the other gives.
 *
 * A flow has replicas that run whole frames on resources of their own; a frame goes to the first that is free. Each is
 * a session, or, in a flow opened from a plan, a pipeline of stages on a resource each, which work on frames that
 * follow one another. Answers come in the order in which frames were handed in. A replica one of whose PEs is lost
 * (MAE_ERR_LOST) begins no more frames, and those it has begin again on the others; where all are lost each frame is
 * answered with that. At most `room` frames are under way:
 * who hands in more waits. One thread hands in and one takes; they may be the same one if it asks mae_flow_has_room()
 * before.
 *
 * On a virtual clock, time passes while the caller waits inside the flow, has no frame in it, or is in a run of the
 * machine itself; one thread hands in and takes there.
 */
#ifndef MAE_FLOW_H
#define MAE_FLOW_H

#include "mae/error.h"
#include "mae/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mae_context;
struct mae_model;
struct mae_plan;
struct mae_recorder;
struct mae_session;
struct mae_verdict;
typedef struct mae_flow mae_flow;

/* The sessions outlive the flow, and are used by nothing else meanwhile. MAE_ERR_USAGE: two of them use one resource,
 * or their networks differ. `room`: 0 for twice as many frames as sessions. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_open(struct mae_session *const *sessions, size_t n, size_t room,
                                                mae_flow **ret_flow);
/* Compiles the replicas of a plan of least period (mae_plan.throughput), each resource's segments a stage with a thread
 * of its own; of another plan, its one mapping, serially. MAE_ERR_INPUT: the plan is for another model, or its
 * resources are not apart on these PEs; MAE_ERR_UNSUPPORTED: a tensor whose size is not known beforehand crosses
 * stages. Context and model outlive the flow; the plan need not. `room`: 0 for as many frames as keep every replica
 * busy while the slowest holds a frame, by the plan's figures (64 at most). */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_open_plan(struct mae_context *context, struct mae_model *model,
                                                     const struct mae_plan *plan, size_t room, mae_flow **ret_flow);
/* Takes NULL. Stages that have begun come to their end, the others do not begin. */
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
    size_t session;    /* or replica, that ran it */
    double latency_ms; /* from being handed in to its end, by this machine's clock, or the virtual machine's */
    double service_ms; /* of that, from when its first stage began, the last time */
    size_t n_outputs;  /* the rest is valid until the next call, and only without an error */
    const void *const *outputs;
    const mae_shape *shapes;
    double end_ms; /* when it ended, since the flow was opened; of one that failed, too */
} mae_flow_frame;

/* Waits for the oldest frame that has not been taken; MAE_ERR_USAGE if there is none. An error is that frame's own. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_take(mae_flow *flow, mae_flow_frame *ret_frame);

/* Compares the outputs of the frame that was taken last with the reference's (all on ONNX Runtime's CPU provider) on
 * the same inputs, within the widest tolerances of the PEs of its replica. For flows opened from a plan. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_verify(mae_flow *flow, const mae_flow_frame *frame,
                                                  struct mae_verdict *ret_verdict);
/* Every frame from now on is recorded in it; before the first is handed in. For flows opened from a plan. */
MAE_API MAE_MUST_CHECK mae_error *mae_flow_record(mae_flow *flow, struct mae_recorder *recorder);
/* Frames that may be under way at once. */
MAE_API size_t mae_flow_room(const mae_flow *flow);

#ifdef __cplusplus
}
#endif
#endif
