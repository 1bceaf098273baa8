/* Inside of flows: replicas, their stages' threads, and the frames between them. */
#ifndef MAE_SESSION_FLOW_IMPL_H
#define MAE_SESSION_FLOW_IMPL_H

#include <pthread.h>

#include "session/flow_stage.h"

/* A stage's thread, and the frames that wait for it. */
typedef struct mae_flow_worker {
    mae_flow *flow;
    size_t replica, number; /* of the stage in its replica */
    mae_flow_stage stage;
    struct mae_flow_worker *next; /* NULL: the last one of its replica */
    mae_flow_slot **queue;        /* a ring of n_slots; the first stages take from the flow instead */
    size_t head, waiting;
    pthread_cond_t wake;
    pthread_t thread;
    bool awake; /* it has work, or has been told of some; counted on a virtual clock */
    bool started;
} mae_flow_worker;

typedef struct mae_flow_replica {
    mae_flow_worker *first;
    size_t most, under_way; /* frames: enough to keep its slowest stage busy, and no more; those in it */
    bool lost;              /* a PE of it: it begins no frames while another replica is not */
    int *mapping;           /* PEs of the context; NULL: a session */
    double abs_tolerance, rel_tolerance;
} mae_flow_replica;

struct mae_flow {
    mae_context *context; /* whose clock is the flow's */
    mae_overlap_machine machine;
    const mae_graph *graph;
    size_t n_replicas, n_workers, n_slots;
    mae_flow_replica *replicas;
    mae_flow_worker *workers;
    mae_flow_slot *slots; /* frame f has slot f % n_slots */
    mae_flow_borders borders;
    mae_frame_runner *reference; /* compiled when first verified */
    bool reference_has_run;
    uint64_t opened_ns;
    mae_recorder *recorder;
    pthread_mutex_t lock;
    pthread_cond_t finished, taken_out;
    uint64_t submitted, begun, taken; /* frames; those from `taken` on have slots */
    mae_flow_slot **again;            /* a ring of n_slots: begun by replicas that were lost, to begin anew elsewhere */
    size_t again_head, n_again;
    bool caller_works;                /* as `awake` of workers; on a virtual clock only */
    bool quit;
};

/* flow.c: a flow without replicas; and, when those are there, its threads, for frames in `room` places. The flow is
 * closed by who opened it when this fails. */
MAE_MUST_CHECK mae_error *mae_flow_create(mae_context *context, const mae_graph *graph, size_t n_replicas,
                                          size_t n_workers, mae_flow **ret_flow);
MAE_MUST_CHECK mae_error *mae_flow_start(mae_flow *flow, size_t room);
/* The PEs of each replica pass frames on to each other (see mae_virtual_service.set_group), or, with `on` false, no
 * more. */
void mae_flow_set_groups(const mae_flow *flow, bool on);

#endif
