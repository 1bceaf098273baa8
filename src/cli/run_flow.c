#include "cli/run_flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/plan_period.h"
#include "cli/progress.h"
#include "cli/trace.h"

typedef struct work {
    const cli_flow_run *run;
    const mae_graph *graph;
    mae_flow *flow;
    mae_recorder *recorder;
    int n;               /* frames taken */
    double *latencies;   /* from when a frame's first stage begins */
    double first, last;  /* ends */
    size_t *per_replica; /* frames */
    mae_verdict verdict; /* the worst of all frames */
    json_t *outputs;     /* what the last frame's are like */
} work;

/* ---- frames ---- */

static int open_flow(work *w)
{
    const cli_flow_run *run = w->run;
    mae_error *error = mae_flow_open_plan(run->context, run->model, run->plan, 0, &w->flow);
    if (mae_error_code(error) == MAE_ERR_INPUT) {
        int status = cli_error(MAE_ERR_INPUT, "%s: %s", run->path, mae_error_message(error));
        mae_error_free(error);
        return status;
    }
    CLI_TRY(cli_report(error));
    if (run->trace) {
        CLI_TRY(cli_report(mae_recorder_create(w->graph, CLI_TRACE_EVENTS, &w->recorder)));
        CLI_TRY(cli_report(mae_flow_record(w->flow, w->recorder)));
    }
    w->latencies = calloc((size_t)run->frames, sizeof *w->latencies);
    w->per_replica = calloc(run->plan->throughput->n_replicas, sizeof *w->per_replica);
    return w->latencies && w->per_replica ? 0 : cli_nomem();
}

/* Every frame has the same inputs: what the command line gives, else random ones. */
static int hand_in(const work *w)
{
    for (size_t i = 0; i < w->graph->n_inputs; i++) {
        void *data;
        size_t bytes;
        CLI_TRY(cli_report(mae_flow_input(w->flow, i, &data, &bytes)));
        const cli_tensor *given = w->run->inputs->n ? &w->run->inputs->tensors[i] : NULL;
        if (given && given->data && bytes)
            memcpy(data, given->data, bytes);
        else
            CLI_TRY(cli_report(mae_tensor_fill(&w->graph->tensors[w->graph->inputs[i]], 1, data)));
    }
    mae_flow_submit(w->flow);
    return 0;
}

/* While the frame is still there: all of them are compared. */
static int verify(work *w, const mae_flow_frame *frame)
{
    mae_verdict verdict;
    CLI_TRY(cli_report(mae_flow_verify(w->flow, frame, &verdict)));
    if (w->n == 0 || (w->verdict.ok && (!verdict.ok || verdict.max_rel > w->verdict.max_rel)))
        w->verdict = verdict;
    return 0;
}

static int fail(const work *w, const mae_flow_frame *frame, mae_error *error)
{
    mae_code code = mae_error_code(error);
    int status = cli_error(code, "frame %d (replica %zu): %s", w->n, frame->session + 1, mae_error_message(error));
    mae_error_free(error);
    return status;
}

static int keep_outputs(work *w, const mae_flow_frame *frame)
{
    w->outputs = json_array();
    for (size_t i = 0; i < w->graph->n_outputs; i++) {
        json_array_append_new(w->outputs, cli_output_json(w->graph, i, &frame->shapes[i]));
        if (w->run->output)
            CLI_TRY(cli_output_write(w->graph, w->run->output, i, &frame->shapes[i], frame->outputs[i]));
    }
    return 0;
}

static int take(work *w)
{
    mae_flow_frame frame;
    mae_error *error = mae_flow_take(w->flow, &frame);
    if (error)
        return fail(w, &frame, error);
    if (w->run->verify)
        CLI_TRY(verify(w, &frame));
    w->first = w->n == 0 ? frame.end_ms : fmin(w->first, frame.end_ms);
    w->last = fmax(w->last, frame.end_ms);
    w->per_replica[frame.session]++;
    w->latencies[w->n++] = frame.service_ms;
    return w->n == w->run->frames ? keep_outputs(w, &frame) : 0;
}

static int run_frames(work *w)
{
    int in = 0, status = 0;
    cli_progress progress;
    cli_progress_begin(&progress);
    while (w->n < w->run->frames && !status && !cli_interrupted()) {
        for (; in < w->run->frames && !status && mae_flow_has_room(w->flow); in++)
            status = hand_in(w);
        if (!status)
            status = take(w);
    }
    cli_progress_end(&progress);
    if (!status && cli_interrupted())
        return cli_error(MAE_ERR_FAILED, "interrupted after %d frames", w->n);
    return status;
}

/* ---- what came of them ---- */

/* Between the first frame's end and the last one's; of a single frame, its latency. */
static double period_ms(const work *w)
{
    return w->n > 1 ? (w->last - w->first) / (w->n - 1) : w->latencies[0];
}

static json_t *counts_json(const work *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->run->plan->throughput->n_replicas; i++)
        json_array_append_new(list, json_integer((json_int_t)w->per_replica[i]));
    return list;
}

static int print_json(const work *w)
{
    const mae_plan_throughput *planned = w->run->plan->throughput;
    double period = period_ms(w);
    json_t *throughput =
        json_pack("{s:f,s:o,s:f,s:f,s:i,s:o}", "period_ms", period, "frames_per_second", cli_json_number(1e3 / period),
                  "predicted_period_ms", planned->period_ms, "predicted_latency_ms", planned->latency_ms, "room",
                  (int)mae_flow_room(w->flow), "replica_frames", counts_json(w));
    return cli_json_print(json_pack("{s:s,s:i,s:i,s:{s:f,s:f,s:f},s:o,s:o,s:o}", "format", "mae-run", "version", 1,
                                    "frames", w->n, "latency_ms", "p50", cli_percentile(w->latencies, w->n, 0.5), "p99",
                                    cli_percentile(w->latencies, w->n, 0.99), "max", w->latencies[w->n - 1], "verify",
                                    w->run->verify ? cli_verdict_json(&w->verdict) : json_null(), "outputs",
                                    json_incref(w->outputs), "throughput", throughput));
}

static int print_text(const work *w)
{
    const mae_plan_throughput *planned = w->run->plan->throughput;
    CLI_TRY(cli_plan_period_stages(planned));
    printf("\n%d frame%s: one every %.4f ms, %.2f a second (predicted: %.4f ms)\n", w->n, w->n == 1 ? "" : "s",
           period_ms(w), 1e3 / period_ms(w), planned->period_ms);
    printf(
        "from its first stage on a frame takes: median %.4f ms, 99th percentile %.4f ms, longest %.4f ms (predicted: "
        "%.4f ms)\n",
        cli_percentile(w->latencies, w->n, 0.5), cli_percentile(w->latencies, w->n, 0.99), w->latencies[w->n - 1],
        planned->latency_ms);
    printf("frames of each replica:");
    for (size_t i = 0; i < planned->n_replicas; i++)
        printf("%s %zu", i ? "," : "", w->per_replica[i]);
    printf("\n");
    if (w->run->verify && w->verdict.ok)
        cli_verdict_print(&w->verdict);
    return 0;
}

static int run_all(work *w)
{
    CLI_TRY(open_flow(w));
    CLI_TRY(run_frames(w));
    cli_sort(w->latencies, (size_t)w->n);
    CLI_TRY(cli_trace_write(w->run->trace, w->recorder));
    CLI_TRY(w->run->json ? print_json(w) : print_text(w));
    return w->run->verify ? cli_verdict_check(&w->verdict) : 0;
}

int cli_run_flow(const cli_flow_run *run)
{
    work w = {.run = run, .graph = mae_model_graph(run->model)};
    int status = run_all(&w);
    mae_flow_close(w.flow);
    mae_recorder_destroy(w.recorder);
    json_decref(w.outputs);
    free(w.latencies);
    free(w.per_replica);
    return status;
}
