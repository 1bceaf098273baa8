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
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/progress.h"
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

static int open_all(run *r, const char *path)
{
    CLI_TRY(check_outputs(r));
    if (r->args->plan)
        CLI_TRY(cli_report(mae_plan_read(r->args->plan, &r->plan)));
    CLI_TRY(cli_machine_open(&r->args->machine, &r->context));
    CLI_TRY(cli_model_open(r->context, "run", path, &r->args->shapes, r->plan, &r->model));
    r->graph = mae_model_graph(r->model);
    CLI_TRY(cli_inputs_load(&r->args->inputs, "run", r->graph, &r->inputs));
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

/* Nearest rank. */
static double percentile(const double *sorted, int n, double part)
{
    int rank = (int)(part * n + 0.999999);
    return sorted[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1];
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- outputs ---- */

/* A file name for a tensor: letters, digits and ".-_"; nothing hidden, nothing in another folder. */
static void file_name(const char *name, char *file, size_t room)
{
    size_t n = 0;
    for (; *name && n + 1 < room; name++) {
        bool plain = (*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= 'a' && *name <= 'z') || *name == '-' || *name == '_' || (*name == '.' && n > 0);
        file[n++] = plain ? *name : '_';
    }
    if (n == 0)
        file[n++] = '_';
    file[n] = '\0';
}

/* How many outputs before this one have the same file name. */
static int count_same(const mae_graph *graph, size_t output, const char *file)
{
    int same = 0;
    for (size_t i = 0; i < output; i++) {
        char other[160];
        file_name(graph->tensors[graph->outputs[i]].name, other, sizeof other);
        same += strcmp(file, other) == 0;
    }
    return same;
}

static int write_output(const run *r, size_t output)
{
    const void *data;
    mae_shape shape;
    CLI_TRY(cli_report(mae_session_output(r->session, output, &data, &shape)));
    char file[160], *path;
    file_name(r->graph->tensors[r->graph->outputs[output]].name, file, sizeof file);
    int same = count_same(r->graph, output, file), n;
    if (same > 0)
        n = asprintf(&path, "%s/%s.%d.npy", r->args->output, file, same + 1);
    else
        n = asprintf(&path, "%s/%s.npy", r->args->output, file);
    if (n < 0)
        return cli_nomem();
    int status = cli_npy_write(path, &shape, data);
    free(path);
    return status;
}

static int write_files(const run *r)
{
    for (size_t i = 0; i < r->graph->n_outputs && r->args->output; i++)
        CLI_TRY(write_output(r, i));
    return cli_trace_write(r->args->trace, r->recorder);
}

static json_t *outputs_json(const run *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        mae_error *error = mae_session_output(r->session, i, &data, &shape);
        mae_error_free(error);
        if (error)
            continue;
        json_t *dims = json_array();
        for (int d = 0; d < shape.rank; d++)
            json_array_append_new(dims, json_integer(shape.dims[d]));
        json_array_append_new(array, json_pack("{s:s,s:o,s:s}", "name", r->graph->tensors[r->graph->outputs[i]].name,
                                               "shape", dims, "dtype", mae_dtype_text(shape.dtype)));
    }
    return array;
}

static int print_json(const run *r)
{
    json_t *verify = json_null();
    if (r->args->verify)
        verify = json_pack("{s:o,s:o,s:f,s:f,s:b}", "max_abs", cli_json_number(r->verdict.max_abs), "max_rel",
                           cli_json_number(r->verdict.max_rel), "abs_tolerance", r->verdict.abs_tolerance,
                           "rel_tolerance", r->verdict.rel_tolerance, "ok", r->verdict.ok);
    return cli_json_print(json_pack("{s:s,s:i,s:i,s:{s:f,s:f,s:f},s:o,s:o}", "format", "mae-run", "version", 1,
                                    "frames", r->frames, "latency_ms", "p50", percentile(r->times_ms, r->frames, 0.5),
                                    "p99", percentile(r->times_ms, r->frames, 0.99), "max", r->times_ms[r->frames - 1],
                                    "verify", verify, "outputs", outputs_json(r)));
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
           r->frames == 1 ? "" : "s", percentile(r->times_ms, r->frames, 0.5), percentile(r->times_ms, r->frames, 0.99),
           r->times_ms[r->frames - 1]);
    for (size_t i = 0; i < r->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        char text[256];
        CLI_TRY(cli_report(mae_session_output(r->session, i, &data, &shape)));
        printf("output %s: %s\n", r->graph->tensors[r->graph->outputs[i]].name, cli_shape_text(&shape, text));
    }
    if (r->args->verify && r->verdict.ok)
        printf("verified against ONNX Runtime: largest error %.3g, relative %.3g (tolerance %g + %g x the output's "
               "largest)\n",
               r->verdict.max_abs, r->verdict.max_rel, r->verdict.abs_tolerance, r->verdict.rel_tolerance);
    return 0;
}

/* ---- the command ---- */

static int run_all(run *r, const char *path)
{
    CLI_TRY(open_all(r, path));
    CLI_TRY(run_frames(r));
    qsort(r->times_ms, (size_t)r->frames, sizeof *r->times_ms, compare_doubles);
    if (r->args->verify)
        CLI_TRY(cli_report(mae_session_verify(r->session, &r->verdict)));
    CLI_TRY(write_files(r));
    CLI_TRY(r->args->json ? print_json(r) : print_text(r));
    if (r->args->verify && !r->verdict.ok)
        return cli_error(
            MAE_ERR_VERIFY,
            "output '%s' differs from ONNX Runtime's by %.3g, relative %.3g: beyond the tolerance of %g + %g x "
            "the output's largest",
            r->verdict.output ? r->verdict.output : "?", r->verdict.max_abs, r->verdict.max_rel,
            r->verdict.abs_tolerance, r->verdict.rel_tolerance);
    return 0;
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
