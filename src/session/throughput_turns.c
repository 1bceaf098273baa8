/* Flows measured turn by turn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/flow_impl.h"
#include "session/throughput.h"

#define LEAST_FRAMES 8
#define MOST_FRAMES 400
#define BATCH_MS 120.0
#define PAUSE_NS 5000000u
#define MOST_LATENCIES 50000
#define MOST_VERIFIED 64 /* frames, within which every replica has run one */

mae_error *mae_throughput_open(mae_throughput_work *work, mae_throughput_lane *lane)
{
    (void)work;
    lane->fed = 0;
    return mae_flow_open_plan((mae_context *)lane->context, &lane->model, lane->plan, 0, &lane->flow);
}

void mae_throughput_close(mae_throughput_lane *lane)
{
    mae_flow_close(lane->flow);
    lane->flow = NULL;
}

/* The inputs stay what they are: only places that hold no frame yet are written. */
static mae_error *hand_in(const mae_throughput_work *work, mae_throughput_lane *lane)
{
    for (size_t i = 0; lane->fed <= mae_flow_room(lane->flow) && i < work->graph->n_inputs; i++) {
        void *data;
        size_t bytes;
        MAE_TRY(mae_flow_input(lane->flow, i, &data, &bytes));
        if (bytes)
            memcpy(data, work->inputs[i], bytes);
    }
    lane->fed++;
    mae_flow_submit(lane->flow);
    return NULL;
}

mae_error *mae_throughput_verify(mae_throughput_work *work, mae_throughput_lane *lane)
{
    uint64_t seen = 0, all = (UINT64_C(1) << lane->flow->n_replicas) - 1;
    lane->entry.verified = true;
    for (size_t in = 0, out = 0; seen != all && out < MOST_VERIFIED; out++) {
        mae_flow_frame frame;
        mae_verdict verdict;
        for (; mae_flow_has_room(lane->flow) && in < MOST_VERIFIED; in++)
            MAE_TRY(hand_in(work, lane));
        MAE_TRY(mae_flow_take(lane->flow, &frame));
        if (seen >> frame.session & 1)
            continue;
        seen |= UINT64_C(1) << frame.session;
        MAE_TRY(mae_flow_verify(lane->flow, &frame, &verdict));
        lane->entry.verified = lane->entry.verified && verdict.ok;
        lane->entry.max_rel = fmax(lane->entry.max_rel, verdict.max_rel);
    }
    while (lane->flow->taken < lane->flow->submitted) {
        mae_flow_frame frame;
        MAE_TRY(mae_flow_take(lane->flow, &frame));
    }
    return NULL;
}

static mae_error *run(const mae_throughput_work *work, mae_throughput_lane *lane, size_t frames, double *ret_ms)
{
    uint64_t begin = mae_context_now_ns(lane->context);
    for (size_t in = 0, out = 0; out < frames; out++) {
        mae_flow_frame frame;
        for (; in < frames && mae_flow_has_room(lane->flow); in++)
            MAE_TRY(hand_in(work, lane));
        MAE_TRY(mae_flow_take(lane->flow, &frame));
        if (lane->latencies && lane->n_latencies < MOST_LATENCIES)
            lane->latencies[lane->n_latencies++] = frame.service_ms;
    }
    *ret_ms = (double)(mae_context_now_ns(lane->context) - begin) * 1e-6 / (double)frames;
    return NULL;
}

mae_error *mae_throughput_turn(mae_throughput_work *work, mae_throughput_lane *lane, double *ret_ms)
{
    size_t replicas = lane->flow->n_replicas, kept = lane->n_latencies;
    double warm_ms;
    if (!lane->context->clock.now_ns) /* threads of the one before fall asleep */
        mae_clock_sleep_until_ns(mae_clock_now_ns() + PAUSE_NS);
    MAE_TRY(run(work, lane, lane->flow->n_workers + 1, &warm_ms));
    lane->n_latencies = kept;
    size_t frames = (size_t)fmin(MOST_FRAMES, fmax(LEAST_FRAMES, BATCH_MS / (warm_ms + 1e-6)));
    frames += (replicas - frames % replicas) % replicas;
    return run(work, lane, frames, ret_ms);
}
