/* mae run: frames through a network mapped by a plan. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/file.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/progress.h"
#include "cli/run_flow.h"
#include "cli/table.h"
#include "cli/trace.h"

typedef struct run_args {
    const char *plan, *output, *trace;
    int frames;
    bool verify, json;
    cli_texts shapes;
    cli_input_args inputs;
    cli_machine machine;
} run_args;

static const cli_option own_options[] = {
    {"plan", 'p', CLI_TEXT, offsetof(run_args, plan), "PLAN", "the mapping (default: all on the first PE)", 0},
    {"frames", 'n', CLI_COUNT, offsetof(run_args, frames), "N", "frames to run (default 1)", 1},
    {"verify", 0, CLI_FLAG, offsetof(run_args, verify), NULL, "compare the outputs with ONNX Runtime's", 0},
    {"output", 'o', CLI_TEXT, offsetof(run_args, output), "DIR", "write each output to DIR/NAME.npy", 0},
    {"trace", 0, CLI_TEXT, offsetof(run_args, trace), "FILE", "write what every frame did (Chrome, Perfetto)", 0},
    {"json", 0, CLI_FLAG, offsetof(run_args, json), NULL, "print JSON", 0},
    {"shape", 0, CLI_TEXTS, offsetof(run_args, shapes), "NAME=1,3,H,W", "fix an input's dynamic dimensions", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_INPUT_GROUP(run_args, inputs),
    CLI_MACHINE_GROUP(run_args, machine),
};

static const cli_syntax syntax = {
    .command = "run",
    .operand = "MODEL",
    .text = "Runs a network, each layer on the PE that a plan gives it. Without --input the inputs are random.",
    .examples = "  mae run model.onnx --plan model.plan.json --input photo.jpg --verify\n"
                "  mae run model.onnx --plan model.plan.json --frames 100 --json\n"
                "  mae run det.onnx --shape image=1,3,320,320 --input page.png \\\n"
                "      --mean .485,.456,.406 --std .229,.224,.225 --output out\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

/* Everything a run is made of. */
typedef struct run {
    const run_args *args;
    bool made_folder; /* for the outputs */
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    mae_plan *plan;
    cli_inputs inputs;
    mae_session *session;
    mae_recorder *recorder;
    double *times_ms;
    int frames; /* run */
    mae_verdict verdict;
} run;

/* ---- opening ---- */

static int set_inputs(run *r)
{
    if (r->args->inputs.inputs.n == 0)
        return cli_report(mae_session_fill_inputs(r->session, 1));
    for (size_t i = 0; i < r->inputs.n; i++)
        CLI_TRY(
            cli_report(mae_session_set_input(r->session, i, r->inputs.tensors[i].data, r->inputs.tensors[i].bytes)));
    return 0;
}

/* Where results have nowhere to go, nothing is run. */
static int check_outputs(run *r)
{
    if (r->args->output)
        CLI_TRY(cli_folder_prepare(r->args->output, &r->made_folder));
    if (r->args->trace)
        CLI_TRY(cli_file_probe(r->args->trace));
    return 0;
}

static int open_session(run *r)
{
    mae_error *error = mae_session_open(r->context, r->model, r->plan, &r->session);
    if (!error || !r->plan || mae_error_code(error) != MAE_ERR_INPUT)
        return cli_report(error);
    int status = cli_error(MAE_ERR_INPUT, "%s: %s", r->args->plan, mae_error_message(error));
    mae_error_free(error);
    return status;
}

/* Processors that are resources of their own are named as such: "cpu:0/ort". */
static int open_machine(run *r)
{
    const mae_plan_throughput *throughput = r->plan ? r->plan->throughput : NULL;
    for (size_t i = 0; throughput && i < throughput->n_replicas; i++)
        if (strncmp(throughput->replicas[i].segments[0].pe, "cpu:", 4) == 0)
            return cli_machine_open_cores(&r->args->machine, &r->context);
    return cli_machine_open(&r->args->machine, &r->context);
}

static int open_all(run *r, const char *path)
{
    CLI_TRY(check_outputs(r));
    if (r->args->plan)
        CLI_TRY(cli_report(mae_plan_read(r->args->plan, &r->plan)));
    CLI_TRY(open_machine(r));
    CLI_TRY(cli_model_open(r->context, "run", path, &r->args->shapes, r->plan, &r->model));
    r->graph = mae_model_graph(r->model);
    CLI_TRY(cli_inputs_load(&r->args->inputs, "run", r->graph, &r->inputs));
    if (r->plan && r->plan->throughput)
        return 0;
    CLI_TRY(open_session(r));
    if (r->args->trace) {
        CLI_TRY(cli_report(mae_recorder_create(r->graph, CLI_TRACE_EVENTS, &r->recorder)));
        CLI_TRY(cli_report(mae_session_record(r->session, r->recorder)));
    }
    return set_inputs(r);
}

/* ---- running ---- */

static int run_frames(run *r)
{
    const mae_frame_segment *segments;
    r->times_ms = calloc((size_t)r->args->frames, sizeof *r->times_ms);
    if (!r->times_ms)
        return cli_nomem();
    cli_progress progress;
    cli_progress_begin(&progress);
    mae_error *error = NULL;
    while (r->frames < r->args->frames && !error && !cli_interrupted()) {
        error = mae_session_run(r->session);
        if (!error)
            mae_session_frame(r->session, &segments, &r->times_ms[r->frames++]);
    }
    cli_progress_end(&progress);
    if (!error && cli_interrupted())
        return cli_error(MAE_ERR_FAILED, "interrupted after %d frames", r->frames);
    return cli_report(error);
}

/* ---- outputs ---- */

static int write_files(const run *r)
{
    for (size_t i = 0; i < r->graph->n_outputs && r->args->output; i++) {
        const void *data;
        mae_shape shape;
        CLI_TRY(cli_report(mae_session_output(r->session, i, &data, &shape)));
        CLI_TRY(cli_output_write(r->graph, r->args->output, i, &shape, data));
    }
    return cli_trace_write(r->args->trace, r->recorder);
}

static json_t *outputs_json(const run *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        mae_error *error = mae_session_output(r->session, i, &data, &shape);
        if (!error)
            json_array_append_new(array, cli_output_json(r->graph, i, &shape));
        mae_error_free(error);
    }
    return array;
}

static int print_json(const run *r)
{
    json_t *verify = r->args->verify ? cli_verdict_json(&r->verdict) : json_null();
    return cli_json_print(json_pack(
        "{s:s,s:i,s:i,s:{s:f,s:f,s:f},s:o,s:o}", "format", "mae-run", "version", 1, "frames", r->frames, "latency_ms",
        "p50", cli_percentile(r->times_ms, r->frames, 0.5), "p99", cli_percentile(r->times_ms, r->frames, 0.99), "max",
        r->times_ms[r->frames - 1], "verify", verify, "outputs", outputs_json(r)));
}

/* The segments of the last frame. */
static int print_segments(const run *r)
{
    static const char *const heading[] = {"PE", "layers", "first .. last", "last frame ms"};
    const mae_frame_segment *segments;
    double latency_ms;
    size_t n = mae_session_frame(r->session, &segments, &latency_ms);
    cli_table *table = cli_table_create("lrlr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < n; i++) {
        const mae_layer *layers = r->graph->layers;
        cli_table_cell(table, CLI_PLAIN, "%s", segments[i].pe);
        cli_table_cell(table, CLI_PLAIN, "%d", segments[i].last - segments[i].first + 1);
        cli_table_cell(table, CLI_PLAIN, "%.40s .. %.40s", layers[segments[i].first].name,
                       layers[segments[i].last].name);
        cli_table_cell(table, CLI_PLAIN, "%.4f", segments[i].end_ms - segments[i].begin_ms);
    }
    return cli_table_finish(table);
}

static int print_text(const run *r)
{
    CLI_TRY(print_segments(r));
    printf("\n%d frame%s: median %.4f ms, 99th percentile %.4f ms, longest %.4f ms\n", r->frames,
           r->frames == 1 ? "" : "s", cli_percentile(r->times_ms, r->frames, 0.5),
           cli_percentile(r->times_ms, r->frames, 0.99), r->times_ms[r->frames - 1]);
    for (size_t i = 0; i < r->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        char text[256];
        CLI_TRY(cli_report(mae_session_output(r->session, i, &data, &shape)));
        printf("output %s: %s\n", r->graph->tensors[r->graph->outputs[i]].name, cli_shape_text(&shape, text));
    }
    if (r->args->verify && r->verdict.ok)
        cli_verdict_print(&r->verdict);
    return 0;
}

/* ---- the command ---- */

static int run_all(run *r, const char *path)
{
    CLI_TRY(open_all(r, path));
    if (r->plan && r->plan->throughput)
        return cli_run_flow(&(cli_flow_run){r->context, r->model, r->plan, &r->inputs, r->args->plan, r->args->output,
                                            r->args->trace, r->args->frames, r->args->verify, r->args->json});
    CLI_TRY(run_frames(r));
    cli_sort(r->times_ms, (size_t)r->frames);
    if (r->args->verify)
        CLI_TRY(cli_report(mae_session_verify(r->session, &r->verdict)));
    CLI_TRY(write_files(r));
    CLI_TRY(r->args->json ? print_json(r) : print_text(r));
    return r->args->verify ? cli_verdict_check(&r->verdict) : 0;
}

int cli_run(int argc, char **argv)
{
    run_args args = {.frames = 1};
    const char *path;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &path, &status))
        return status;
    run r = {.args = &args};
    status = run_all(&r, path);
    if (status && r.made_folder)
        rmdir(args.output); /* unless outputs are in it already */
    mae_session_close(r.session);
    mae_recorder_destroy(r.recorder);
    cli_inputs_clear(&r.inputs);
    free(r.times_ms);
    mae_plan_destroy(r.plan);
    mae_model_close(r.model);
    mae_context_destroy(r.context);
    return status;
}
