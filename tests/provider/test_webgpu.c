/* ONNX Runtime's WebGPU provider, computed by SwiftShader: a Vulkan device that needs no GPU and comes with Debian's
 * chromium-common. What is looked at is whether what it claims is right; it is as slow as can be.
 *
 *     provider_test_webgpu [FOLDER]       where chromium's libvulkan.so.1 and vk_swiftshader_icd.json are
 *
 * MAE_LONG=1: all of ONNX's node tests, not every tenth. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/internal.h"

#define NODE_TESTS "/usr/share/libonnx-testdata/data/node"
#define STEP 10

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static mae_error *open_machine(const char *more, mae_context **ret_context)
{
    char path[] = "/tmp/mae-webgpu-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file,
            "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": [{\"name\": \"cpu\", \"backend\": "
            "\"ort\", \"threads\": 1}, {\"name\": \"gpu\", \"backend\": \"ort\", \"options\": {\"provider\": "
            "\"webgpu\"%s}}]}\n",
            more);
    assert_int_equal(fclose(file), 0);
    const mae_context_options options = {.soc = path, .threads = 1};
    mae_error *error = mae_context_create(&options, ret_context);
    unlink(path);
    return error;
}

static mae_context *context;

static bool supports(const mae_graph *graph, size_t layer, const char **ret_reason)
{
    return context->pes[1].pe->ops->supports(context->pes[1].pe, graph, (int)layer, ret_reason);
}

/* The inputs of an ONNX test, where `folder` is one; else made-up ones. */
static void fill(mae_frame_runner *runner, const mae_graph *graph, const char *folder)
{
    succeed(mae_runner_fill(runner, 11));
    for (size_t i = 0; folder && i < graph->n_inputs; i++) {
        char path[4096], *name = NULL;
        mae_shape shape;
        void *data = NULL;
        size_t bytes;
        snprintf(path, sizeof path, "%s/test_data_set_0/input_%zu.pb", folder, i);
        mae_error *error = mae_onnx_read_tensor(path, &name, &shape, &data, &bytes);
        if (!error)
            error = mae_runner_set_input(runner, i, data, bytes);
        mae_error_free(error); /* then the made-up ones stand, on both sides */
        free(name);
        free(data);
    }
}

static mae_frame_runner *run_on(const mae_graph *graph, const int *mapping, const char *folder)
{
    mae_frame_runner *runner = NULL;
    succeed(mae_runner_create(context, graph, mapping, &runner));
    fill(runner, graph, folder);
    for (int i = 0; i < 2; i++)
        succeed(mae_program_run(runner->program, NULL));
    return runner;
}

static mae_verdict compare(mae_frame_runner *runner, mae_frame_runner *reference)
{
    mae_verdict verdict;
    double abs_tolerance, rel_tolerance;
    mae_runner_tolerance(context, runner, &abs_tolerance, &rel_tolerance);
    succeed(mae_runner_compare(runner, reference, abs_tolerance, rel_tolerance, &verdict));
    return verdict;
}

/* Everything on the provider that it takes, the rest on the CPU, beside all on the CPU. */
static size_t check_network(const char *path)
{
    mae_model *model = NULL;
    mae_error *error = mae_model_open(context, path, NULL, 0, &model);
    if (error) {
        mae_error_free(error);
        print_message("%s is not here\n", path);
        return 0;
    }
    const mae_graph *graph = model->graph;
    int *mapping = calloc(graph->n_layers, sizeof *mapping);
    assert_non_null(mapping);
    mae_frame_runner *reference = run_on(graph, mapping, NULL);
    size_t n = 0;
    for (size_t l = 0; l < graph->n_layers; l++) {
        const char *reason = NULL;
        mapping[l] = supports(graph, l, &reason);
        n += (size_t)mapping[l];
        assert_true(mapping[l] || reason);
    }
    mae_frame_runner *mixed = run_on(graph, mapping, NULL);
    mae_verdict verdict = compare(mixed, reference);
    print_message("%s: %zu of %zu layers, off by %.2g of the largest value\n", graph->name, n, graph->n_layers,
                  verdict.max_rel);
    assert_true(verdict.ok);
    mae_runner_destroy(mixed);
    mae_runner_destroy(reference);
    free(mapping);
    mae_model_close(model);
    return n;
}

static void networks(void **state)
{
    (void)state;
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", source);
    assert_true(check_network(path) > 0);
    snprintf(path, sizeof path, "%s/../shared/models/mlperf_resnet8/model.onnx", source);
    check_network(path);
}

/* ---- ONNX's own tests, for what is supported ---- */

typedef struct counts {
    size_t supported, refused, passed, skipped;
} counts;

static void check_node(const char *name, counts *n)
{
    char folder[2048], path[4096];
    mae_model *model = NULL;
    int mapping[16] = {0};
    bool all = true;
    snprintf(folder, sizeof folder, NODE_TESTS "/%s", name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    mae_error *error = mae_model_open(context, path, NULL, 0, &model);
    for (size_t l = 0; !error && l < model->graph->n_layers; l++)
        all = context->pes[0].pe->ops->supports(context->pes[0].pe, model->graph, (int)l, NULL) && all;
    /* Texts cross no border. An operator that makes random numbers, or one the importer has computed, is nobody's. */
    if (error || !all || model->graph->n_layers == 0 || model->graph->n_layers > 16) {
        mae_error_free(error);
        mae_model_close(model);
        n->skipped++;
        return;
    }
    mae_frame_runner *reference = run_on(model->graph, mapping, folder);
    for (size_t l = 0; l < model->graph->n_layers; l++) {
        mapping[l] = 1;
        all = supports(model->graph, l, NULL) && all;
    }
    if (!all) {
        n->refused++;
    } else {
        mae_frame_runner *runner = run_on(model->graph, mapping, folder);
        mae_verdict verdict = compare(runner, reference);
        n->supported++;
        n->passed += verdict.ok;
        if (!verdict.ok)
            print_message("%s: off by %g, %g of the largest value\n", name, verdict.max_abs, verdict.max_rel);
        mae_runner_destroy(runner);
    }
    mae_runner_destroy(reference);
    mae_model_close(model);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void node_tests(void **state)
{
    (void)state;
    struct dirent **entries = NULL;
    counts n = {0};
    int found = scandir(NODE_TESTS, &entries, NULL, by_name);
    if (found < 0) {
        print_message("skipped: no %s (Debian's libonnx-testdata)\n", NODE_TESTS);
        skip();
    }
    for (int i = 0; i < found; i++) {
        bool wanted = strncmp(entries[i]->d_name, "test_", 5) == 0 && (getenv("MAE_LONG") || i % STEP == 0);
        if (wanted && !strstr(entries[i]->d_name, "bernoulli") && !strstr(entries[i]->d_name, "training_dropout"))
            check_node(entries[i]->d_name, &n);
        free(entries[i]);
    }
    free(entries);
    print_message("%zu supported, of which %zu right; %zu refused; %zu nothing to compute, or not read\n", n.supported,
                  n.passed, n.refused, n.skipped);
    assert_true(n.supported > 0 && n.refused > 0);
    assert_int_equal(n.passed, n.supported);
}

/* ---- refusals ---- */

/* NonZero's output has as many rows as there are values: no kernel of the provider's, so the CPU would compute it. */
static void what_would_fall_back_is_not_supported(void **state)
{
    (void)state;
    mae_model *model = NULL;
    const char *reason = NULL;
    if (access(NODE_TESTS, R_OK) != 0)
        skip();
    succeed(mae_model_open(context, NODE_TESTS "/test_nonzero_example/model.onnx", NULL, 0, &model));
    assert_false(supports(model->graph, 0, &reason));
    assert_non_null(strstr(reason, "the CPU would compute the rest"));
    assert_false(supports(model->graph, 0, &reason)); /* the same from memory */
    assert_non_null(strstr(reason, "the CPU would compute the rest"));
    mae_unit *unit = NULL;
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    succeed(mae_segment_make(model->graph, 0, 0, arena, &segment));
    mae_error *error = context->pes[1].pe->ops->compile(context->pes[1].pe, model->graph, &segment, 0, &unit);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    mae_error_free(error);
    mae_arena_destroy(arena);
    mae_model_close(model);
}

static void a_bad_option_is_told(void **state)
{
    (void)state;
    mae_context *other = NULL;
    succeed(open_machine(", \"preferredLayout\": \"perhaps\"", &other));
    assert_int_equal(other->n_pes, 1);
    assert_int_equal(other->n_missing, 1);
    print_message("%s\n", other->missing[0].reason);
    assert_null(strchr(other->missing[0].reason, '\n'));
    assert_null(strstr(other->missing[0].reason, ".cc:"));
    mae_context_destroy(other);
}

/* ---- where SwiftShader is ---- */

static bool is_here(const char *folder, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return access(path, R_OK) == 0;
}

/* The loader's path is read as a program starts, so this one starts once more. Only returns where that cannot be. */
static void start_with_swiftshader(char **argv)
{
    char icd[4096];
    const char *folder = argv[1] ? argv[1] : getenv("MAE_SWIFTSHADER");
    if (!folder)
        folder = "/usr/lib/chromium";
    if (!is_here(folder, "vk_swiftshader_icd.json") || !is_here(folder, "libvulkan.so.1")) {
        printf("skipped: no SwiftShader in %s (Debian's chromium-common; MAE_SWIFTSHADER names another folder)\n",
               folder);
        exit(77);
    }
    snprintf(icd, sizeof icd, "%s/vk_swiftshader_icd.json", folder);
    setenv("VK_ICD_FILENAMES", icd, 1);
    setenv("VK_DRIVER_FILES", icd, 1);
    setenv("LD_LIBRARY_PATH", folder, 1);
    setenv("MAE_SWIFTSHADER_STARTED", "1", 1);
    execv("/proc/self/exe", argv);
}

static int open_context(void **state)
{
    (void)state;
    succeed(open_machine("", &context));
    if (context->n_pes < 2) {
        printf("skipped: %s\n", context->missing[0].reason);
        exit(77);
    }
    return 0;
}

static int close_context(void **state)
{
    (void)state;
    mae_context_destroy(context);
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!getenv("MAE_SWIFTSHADER_STARTED"))
        start_with_swiftshader(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks), cmocka_unit_test(node_tests),
                                       cmocka_unit_test(what_would_fall_back_is_not_supported),
                                       cmocka_unit_test(a_bad_option_is_told)};
    return cmocka_run_group_tests(tests, open_context, close_context);
}
