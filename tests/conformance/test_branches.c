/* Networks that branch on their inputs. A small one whose branches take frames of different lengths; and Silero's voice
 * detector (demo/models, by tools/fetch-models.sh), recurrent and with branches in branches, at both of its rates:
 * frame by frame, its state handed on, beside an ordinary session of ONNX Runtime on the same file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/graph.h"
#include "support/engines.h"

/* ---- a small one ---- */

static mae_program *open_small(const test_engine *engine, int64_t length, mae_graph **ret_graph)
{
    char path[4096];
    const int64_t dims[] = {1, length};
    const mae_onnx_shape shape = {"frame", 2, dims};
    mae_program *program = NULL;
    snprintf(path, sizeof path, "%s/tests/data/models/branches.onnx", getenv("MAE_SOURCE_DIR"));
    test_ok(mae_onnx_import(path, &shape, 1, test_evaluator(), ret_graph));
    test_ok(test_segment(engine, *ret_graph, 0, (int)(*ret_graph)->n_layers - 1, 0, &program));
    return program;
}

static mae_error *run_small(mae_program *program, const mae_graph *graph, int64_t rate, const float *frame, size_t n)
{
    MAE_TRY(mae_program_write(program, graph->inputs[0], frame, n * sizeof *frame));
    MAE_TRY(mae_program_write(program, graph->inputs[1], &rate, sizeof rate));
    return mae_program_run(program, NULL);
}

/* What make.py adds to a frame: weights named "at_16k_w" or "else_w". */
static float added(size_t i, size_t name_length)
{
    return ((float)((i * 37 + name_length * 11) % 101) - 50) / 200;
}

static void the_branch_that_fits_is_run(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        int64_t right, wrong;
        size_t name_length;
    } cases[] = {{4, 16000, 8000, 8}, {8, 8000, 16000, 6}};
    test_engine engine;
    if (!test_engine_open("ort", 1, &engine))
        skip();
    for (size_t c = 0; c < 2; c++) {
        const float frame[8] = {1, -2, 3, -4, 5, -6, 7, -8};
        mae_graph *graph = NULL;
        mae_program *program = open_small(&engine, (int64_t)cases[c].length, &graph);
        const void *data;
        mae_shape shape;
        mae_error *error = run_small(program, graph, cases[c].wrong, frame, cases[c].length);
        test_error(error, MAE_ERR_FAILED);
        test_ok(run_small(program, graph, cases[c].right, frame, cases[c].length));
        test_ok(mae_program_read(program, graph->outputs[0], &data, &shape));
        assert_true(shape.rank == 2 && shape.dims[1] == (int64_t)cases[c].length);
        for (size_t i = 0; i < cases[c].length; i++) {
            float sum = frame[i] + added(i, cases[c].name_length);
            assert_true(fabsf(((const float *)data)[i] - (sum > 0 ? sum : 0)) < 1e-6f);
        }
        mae_program_destroy(program);
        mae_onnx_graph_destroy(graph);
    }
    test_engine_close(&engine);
}

#ifdef MAE_HAVE_ORT
#include <onnxruntime_c_api.h>

/* ---- Silero's ---- */

#define FRAMES 24
#define MOST_VALUES 4
#define MOST_STATE 512 /* numbers */

/* Inputs and outputs in the model's order; each output but the first is the next frame's input. */
typedef struct detector {
    const char *file;
    size_t n_inputs, n_outputs;
    const char *inputs[MOST_VALUES], *outputs[MOST_VALUES];
    int from[MOST_VALUES]; /* the output that an input is taken from; -1: the frame; -2: the rate */
    int64_t state[3];
} detector;

static const detector legacy = {"silero_vad_legacy", 4,         3, {"input", "sr", "h", "c"}, {"output", "hn", "cn"},
                                {-1, -2, 1, 2},      {2, 1, 64}},
                      v5 = {"silero_vad_v5",      3,           2,          {"input", "state", "sr"},
                            {"output", "stateN"}, {-1, 1, -2}, {2, 1, 128}},
                      v6 = {"silero_vad_v6",      3,           2,          {"input", "state", "sr"},
                            {"output", "stateN"}, {-1, 1, -2}, {2, 1, 128}};

/* What goes into a frame, and what comes out. */
typedef struct frame {
    const float *sound;
    int64_t length, rate;
    float state[MOST_VALUES][MOST_STATE], probability;
} frame;

static size_t state_size(const detector *d)
{
    return (size_t)(d->state[0] * d->state[1] * d->state[2]);
}

/* -- ONNX Runtime alone -- */

typedef struct plain {
    const OrtApi *api;
    OrtEnv *env;
    OrtSession *session;
    OrtMemoryInfo *memory;
} plain;

static void right(const plain *p, OrtStatus *status)
{
    if (status)
        fail_msg("ONNX Runtime: %s", p->api->GetErrorMessage(status));
}

static void plain_open(plain *p, const char *path)
{
    OrtSessionOptions *options;
    p->api = OrtGetApiBase()->GetApi(17);
    right(p, p->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "plain", &p->env));
    right(p, p->api->CreateSessionOptions(&options));
    right(p, p->api->SetIntraOpNumThreads(options, 1));
    right(p, p->api->CreateSession(p->env, path, options, &p->session));
    p->api->ReleaseSessionOptions(options);
    right(p, p->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &p->memory));
}

static void plain_close(plain *p)
{
    p->api->ReleaseMemoryInfo(p->memory);
    p->api->ReleaseSession(p->session);
    p->api->ReleaseEnv(p->env);
}

static OrtValue *wrap(const plain *p, const detector *d, frame *f, int from)
{
    OrtValue *value = NULL;
    const int64_t dims[] = {1, f->length};
    if (from == -1)
        right(p, p->api->CreateTensorWithDataAsOrtValue(p->memory, (void *)(uintptr_t)f->sound,
                                                        (size_t)f->length * sizeof(float), dims, 2,
                                                        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    else if (from == -2)
        right(p, p->api->CreateTensorWithDataAsOrtValue(p->memory, &f->rate, sizeof f->rate, NULL, 0,
                                                        ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &value));
    else
        right(p, p->api->CreateTensorWithDataAsOrtValue(p->memory, f->state[from], state_size(d) * sizeof(float),
                                                        d->state, 3, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return value;
}

static void plain_run(const plain *p, const detector *d, frame *f)
{
    OrtValue *in[MOST_VALUES] = {NULL}, *out[MOST_VALUES] = {NULL};
    for (size_t i = 0; i < d->n_inputs; i++)
        in[i] = wrap(p, d, f, d->from[i]);
    right(p, p->api->Run(p->session, NULL, d->inputs, (const OrtValue *const *)in, d->n_inputs, d->outputs,
                         d->n_outputs, out));
    for (size_t i = 0; i < d->n_outputs; i++) {
        void *data;
        right(p, p->api->GetTensorMutableData(out[i], &data));
        memcpy(i ? f->state[i] : &f->probability, data, (i ? state_size(d) : 1) * sizeof(float));
        p->api->ReleaseValue(out[i]);
    }
    for (size_t i = 0; i < d->n_inputs; i++)
        p->api->ReleaseValue(in[i]);
}

/* -- mae -- */

static mae_graph *import(const detector *d, const char *path, int64_t length)
{
    const int64_t dims[] = {1, length};
    mae_onnx_shape shapes[MOST_VALUES];
    size_t n = 0;
    mae_graph *graph = NULL;
    for (size_t i = 0; i < d->n_inputs; i++)
        if (d->from[i] != -2)
            shapes[n++] = (mae_onnx_shape){d->inputs[i], d->from[i] < 0 ? 2 : 3, d->from[i] < 0 ? dims : d->state};
    test_ok(mae_onnx_import(path, shapes, n, test_evaluator(), &graph));
    assert_int_equal(graph->n_inputs, d->n_inputs);
    assert_int_equal(graph->n_outputs, d->n_outputs);
    return graph;
}

static void run_frame(mae_program *program, const mae_graph *graph, const detector *d, frame *f)
{
    for (size_t i = 0; i < d->n_inputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->inputs[i]];
        assert_string_equal(tensor->name, d->inputs[i]);
        const void *data = d->from[i] == -1   ? (const void *)f->sound
                           : d->from[i] == -2 ? (const void *)&f->rate
                                              : f->state[d->from[i]];
        test_ok(mae_program_write(program, graph->inputs[i], data, tensor->bytes));
    }
    test_ok(mae_program_run(program, NULL));
    for (size_t i = 0; i < d->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t count;
        test_ok(mae_program_read(program, graph->outputs[i], &data, &shape));
        assert_true(mae_shape_count(&shape, &count) && count == (i ? state_size(d) : 1));
        memcpy(i ? f->state[i] : &f->probability, data, count * sizeof(float));
    }
}

/* -- both -- */

/* Something that sounds: a voice's harmonics, coming and going. */
static float sound_at(int64_t i, int64_t rate)
{
    double t = (double)i / (double)rate, voice = 0;
    for (int k = 1; k < 12; k++)
        voice += sin(2 * M_PI * 140 * k * t) / k;
    return (float)(0.15 * voice * (0.5 - 0.5 * cos(2 * M_PI * 3 * t)));
}

static void expect_close(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f + 1e-4f * fabsf(b[i])))
            fail_msg("%g where ONNX Runtime alone gives %g", (double)a[i], (double)b[i]);
}

/* `cut`: each layer in a segment of its own. */
static void check(const test_engine *engine, const detector *d, const char *path, int64_t rate, int64_t length,
                  bool cut)
{
    static float sound[FRAMES * 2048];
    static frame ours, theirs;
    plain p;
    mae_program *program = NULL;
    float least = 1, most = 0;
    mae_graph *graph = import(d, path, length);
    int *mapping = calloc(graph->n_layers + 1, sizeof *mapping);
    assert_true(length <= 2048);
    assert_true(test_supports(engine, graph, 0, (int)graph->n_layers - 1, NULL));
    test_ok(test_program(&engine->pe, graph, mapping, cut, &program));
    plain_open(&p, path);
    ours = theirs = (frame){.length = length, .rate = rate};
    for (int64_t i = 0; i < FRAMES * length; i++)
        sound[i] = sound_at(i, rate);
    for (int i = 0; i < FRAMES; i++) {
        ours.sound = theirs.sound = sound + i * length;
        run_frame(program, graph, d, &ours);
        plain_run(&p, d, &theirs);
        expect_close(&ours.probability, &theirs.probability, 1);
        for (size_t k = 1; k < d->n_outputs; k++)
            expect_close(ours.state[k], theirs.state[k], state_size(d));
        least = fminf(least, ours.probability);
        most = fmaxf(most, ours.probability);
    }
    print_message("%s at %d Hz: %d frames as by ONNX Runtime alone, voice %.3f to %.3f\n", d->file, (int)rate, FRAMES,
                  (double)least, (double)most);
    assert_true(most > least); /* it listens */
    plain_close(&p);
    mae_program_destroy(program);
    free(mapping);
    mae_onnx_graph_destroy(graph);
}

static void voices_are_told(void **state)
{
    const detector *d = *state;
    char path[4096];
    test_engine engine;
    snprintf(path, sizeof path, "%s/demo/models/%s.onnx", getenv("MAE_SOURCE_DIR"), d->file);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no %s (tools/fetch-models.sh)\n", path);
        skip();
    }
    if (!test_engine_open("ort", 1, &engine))
        skip();
    bool old = d == &legacy;
    for (int cut = 0; cut < 2; cut++) {
        check(&engine, d, path, 16000, old ? 1536 : 512, cut);
        check(&engine, d, path, 8000, old ? 768 : 256, cut);
    }
    test_engine_close(&engine);
}

/* Engines without an LSTM and an If say so, and which layer it is. */
static void others_refuse_it(void **state)
{
    static const char *const others[] = {"onednn", "xnnpack", "opencl"};
    const detector *d = *state;
    char path[4096];
    snprintf(path, sizeof path, "%s/demo/models/%s.onnx", getenv("MAE_SOURCE_DIR"), d->file);
    if (access(path, R_OK) != 0)
        skip();
    mae_graph *graph = import(d, path, 512);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        test_engine engine;
        const char *reason = NULL;
        if (!test_engine_open(others[i], 1, &engine))
            continue;
        assert_false(test_supports(&engine, graph, 0, (int)graph->n_layers - 1, &reason));
        assert_non_null(reason);
        test_engine_close(&engine);
    }
    mae_onnx_graph_destroy(graph);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_branch_that_fits_is_run),
#ifdef MAE_HAVE_ORT
        {"silero legacy", voices_are_told, NULL, NULL, (void *)(uintptr_t)&legacy},
        {"silero v5", voices_are_told, NULL, NULL, (void *)(uintptr_t)&v5},
        {"silero v6", voices_are_told, NULL, NULL, (void *)(uintptr_t)&v6},
        {"others refuse it", others_refuse_it, NULL, NULL, (void *)(uintptr_t)&v5},
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
