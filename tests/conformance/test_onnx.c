/* Conformance on ONNX's own tests (libonnx-testdata): a model of one or a few operators, inputs, and the
 * outputs the standard says.
 *
 *     conformance_test_onnx [--backend NAME] [--only TEXT] [--verbose]
 *
 * With MAE_SUPPORT_FILE the table of what was found is written there, else the committed one is held against it. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conformance.h"
#include "core/graph.h"
#include "support/engines.h"
#include "table.h"

#define TEST_DATA "/usr/share/libonnx-testdata/data"

/* What the standard's own test runner allows for. */
#define ABS_TOLERANCE 1e-5
#define REL_TOLERANCE 1e-3
#define BF16_TOLERANCE 8e-3 /* one unit in its last place; the data is cut off, not rounded */

static const char *const collections[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};

#define N_BACKENDS (sizeof(conformance_backends) / sizeof(conformance_backends[0]))

typedef struct collection {
    test_engine engines[N_BACKENDS];
    bool open[N_BACKENDS];
    conformance_counts counts[N_BACKENDS];
    int imported, folded;
    int refused; /* by the importer: operators the reference engine does not have, no tensors, ... */
    int broken;  /* of these: by an error that blames no model */
    int alone;   /* of these: right by ONNX Runtime on its own, so that mae ought to import them */
} collection;

/* The test data keeps bfloat16 in a tensor of u16. */
static bool is_shape(const mae_shape *shape, const mae_shape *wanted)
{
    mae_shape same = *wanted;
    if (shape->dtype == MAE_BF16 && wanted->dtype == MAE_U16)
        same.dtype = MAE_BF16;
    return mae_shape_equal(shape, &same);
}

static bool is_close(const mae_graph *graph, int tensor, const void *data, const mae_shape *shape,
                     const test_value *wanted)
{
    if (!is_shape(shape, &wanted->shape)) {
        char a[128], b[128];
        conformance_say("  output %s is %s, not %s\n", graph->tensors[tensor].name, mae_shape_text(shape, a, sizeof(a)),
                        mae_shape_text(&wanted->shape, b, sizeof(b)));
        return false;
    }
    double relative = shape->dtype == MAE_BF16 ? BF16_TOLERANCE : REL_TOLERANCE;
    mae_difference d = mae_compare(shape, data, wanted->data, ABS_TOLERANCE, relative);
    if (!d.ok)
        conformance_say("  output %s differs by %g\n", graph->tensors[tensor].name, d.max_abs);
    return d.ok;
}

/* Test data names its tensors or lists them in the model's order. */
static const test_value *value_of(const mae_graph *graph, const int *tensors, size_t i, const test_value *values,
                                  size_t n)
{
    const char *name = graph->tensors[tensors[i]].name;
    for (size_t k = 0; k < n; k++) {
        if (values[k].name && strcmp(values[k].name, name) == 0)
            return &values[k];
    }
    return i < n ? &values[i] : NULL;
}

static mae_error *write_inputs(const mae_graph *graph, mae_program *program, const test_value *inputs, size_t n)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const test_value *v = value_of(graph, graph->inputs, i, inputs, n);
        if (!v)
            return mae_error_new(MAE_ERR_USAGE, "no data for input %zu", i);
        if (mae_program_buffer(program, graph->inputs[i]))
            MAE_TRY(mae_program_write(program, graph->inputs[i], v->data, v->bytes));
    }
    return NULL;
}

static mae_error *compare_outputs(const mae_graph *graph, mae_program *program, const test_value *outputs, size_t n,
                                  bool *ret_close)
{
    *ret_close = true;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const test_value *v = value_of(graph, graph->outputs, i, outputs, n);
        if (!v || graph->tensors[graph->outputs[i]].producer_layer < 0)
            continue;
        const void *data;
        mae_shape shape;
        MAE_TRY(mae_program_read(program, graph->outputs[i], &data, &shape));
        *ret_close = is_close(graph, graph->outputs[i], data, &shape, v) && *ret_close;
    }
    return NULL;
}

static mae_error *run_set(const char *folder, const mae_graph *graph, mae_program *program, bool *ret_close)
{
    test_value *inputs = NULL, *outputs = NULL;
    size_t n_inputs = 0, n_outputs = 0;
    mae_error *error = test_read_values(folder, "input", &inputs, &n_inputs);
    if (!error)
        error = test_read_values(folder, "output", &outputs, &n_outputs);
    if (!error)
        error = write_inputs(graph, program, inputs, n_inputs);
    if (!error)
        error = mae_program_run(program, NULL);
    if (!error)
        error = compare_outputs(graph, program, outputs, n_outputs, ret_close);
    test_free_values(inputs, n_inputs);
    test_free_values(outputs, n_outputs);
    return error;
}

/* Every set of data of one test, in one segment or with a segment for each layer. */
static mae_error *run_sets(const char *folder, const test_engine *engine, const mae_graph *graph, bool cut,
                           bool *ret_close)
{
    mae_program *program = NULL;
    int *mapping = calloc(graph->n_layers + 1, sizeof(*mapping));
    assert_non_null(mapping);
    mae_error *made = test_program(&engine->pe, graph, mapping, cut, &program);
    free(mapping);
    MAE_TRY(made);
    mae_error *error = NULL;
    bool close = true;
    for (int set = 0; !error && close; set++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/test_data_set_%d", folder, set);
        if (access(path, R_OK) != 0)
            break;
        error = run_set(path, graph, program, &close);
    }
    mae_program_destroy(program);
    *ret_close = close;
    return error;
}

static void check_on(collection *c, size_t backend, const char *folder, const char *test, const mae_graph *graph)
{
    const test_engine *engine = &c->engines[backend];
    const char *reason = NULL;
    if (!test_supports(engine, graph, 0, (int)graph->n_layers - 1, &reason)) {
        c->counts[backend].unsupported++;
        table_add_refused(graph, backend, engine);
        conformance_say("%s does not support %s: %s\n", engine->name, test, reason);
        return;
    }
    bool close = false;
    mae_error *error = run_sets(folder, engine, graph, false, &close);
    if (!error && close && graph->n_layers > 1)
        error = mae_error_wrap(run_sets(folder, engine, graph, true, &close), "cut at every layer");
    if (!error && close)
        table_add_right(graph, backend);
    conformance_count(&c->counts[backend], conformance_backends[backend], test, error, close);
    mae_error_free(error);
}

/* ---- what ONNX Runtime makes of a test that is not imported ---- */

typedef struct judgement {
    const test_value *outputs;
    size_t n;
    bool close;
} judgement;

static mae_error *judge(void *ctx, size_t output, const mae_onnx_value *value)
{
    judgement *j = ctx;
    const test_value *wanted = &j->outputs[output];
    bool same = is_shape(&value->shape, &wanted->shape) && (value->data || value->bytes == 0);
    j->close =
        j->close && same &&
        (value->bytes == 0 || mae_compare(&value->shape, value->data, wanted->data, ABS_TOLERANCE, REL_TOLERANCE).ok);
    return NULL;
}

static mae_error *read_blob(const char *path, mae_onnx_blob *ret_blob)
{
    static char bytes[1 << 24];
    FILE *f = fopen(path, "rb");
    if (!f)
        return mae_error_new(MAE_ERR_INPUT, "%s cannot be read", path);
    *ret_blob = (mae_onnx_blob){.data = bytes, .size = fread(bytes, 1, sizeof(bytes), f)};
    fclose(f);
    return NULL;
}

/* The model as it is, on its own data; the data has to name its tensors. */
static mae_error *run_alone(const char *folder, test_value **inputs, size_t *n_inputs, test_value **outputs,
                            size_t *n_outputs, bool *ret_close)
{
    char path[4096];
    mae_onnx_blob blob;
    mae_onnx_value values[64];
    const char *names[64];
    const mae_onnx_evaluator *evaluator = test_evaluator();
    snprintf(path, sizeof(path), "%s/test_data_set_0", folder);
    MAE_TRY(test_read_values(path, "input", inputs, n_inputs));
    MAE_TRY(test_read_values(path, "output", outputs, n_outputs));
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    MAE_TRY(read_blob(path, &blob));
    if (*n_outputs == 0 || *n_inputs > 64 || *n_outputs > 64)
        return mae_error_new(MAE_ERR_INPUT, "no such data");
    for (size_t i = 0; i < *n_inputs; i++)
        values[i] = (mae_onnx_value){(*inputs)[i].name, (*inputs)[i].shape, (*inputs)[i].data, (*inputs)[i].bytes};
    for (size_t i = 0; i < *n_outputs; i++)
        names[i] = (*outputs)[i].name;
    judgement j = {*outputs, *n_outputs, true};
    MAE_TRY(evaluator->run(evaluator->ctx, &blob, values, *n_inputs, names, *n_outputs, judge, &j));
    *ret_close = j.close;
    return NULL;
}

static bool is_right_alone(const char *folder)
{
    test_value *inputs = NULL, *outputs = NULL;
    size_t n_inputs = 0, n_outputs = 0;
    bool close = false;
    mae_error *error = run_alone(folder, &inputs, &n_inputs, &outputs, &n_outputs, &close);
    if (error)
        conformance_say("  alone: %s\n", mae_error_message(error));
    mae_error_free(error);
    test_free_values(inputs, n_inputs);
    test_free_values(outputs, n_outputs);
    return close;
}

static void check_test(collection *c, const char *folder, const char *test)
{
    char path[4096];
    mae_graph *graph = NULL;
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    mae_error *error = mae_onnx_import(path, NULL, 0, test_evaluator(), &graph);
    if (error) {
        mae_code code = mae_error_code(error);
        c->refused++;
        c->broken += code != MAE_ERR_INPUT && code != MAE_ERR_UNSUPPORTED && code != MAE_ERR_USAGE;
        conformance_say("not imported (%d): %s\n", mae_error_code(error), mae_error_message(error));
        mae_error_free(error);
        if (!conformance_skip_reason("*", test) && is_right_alone(folder)) {
            c->alone++;
            printf("FAILED: %s is not imported, and ONNX Runtime alone passes it\n", test);
        }
        return;
    }
    c->imported++;
    if (graph->n_layers == 0)
        c->folded++;
    for (size_t i = 0; graph->n_layers > 0 && i < N_BACKENDS; i++) {
        if (c->open[i])
            check_on(c, i, folder, test, graph);
    }
    mae_onnx_graph_destroy(graph);
}

static int wanted_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && conformance_wants(entry->d_name);
}

static void test_collection(void **state)
{
    const char *name = *state;
    char folder[1024], path[2048];
    struct dirent **entries = NULL;
    collection c = {0};
    snprintf(folder, sizeof(folder), TEST_DATA "/%s", name);
    int n = scandir(folder, &entries, wanted_entry, alphasort);
    if (n < 0) {
        print_message("skipped: no test data at %s (Debian package libonnx-testdata)\n", folder);
        skip();
    }
    for (size_t i = 0; i < N_BACKENDS; i++) {
        c.open[i] = conformance_wants_backend(conformance_backends[i]) &&
                    test_engine_open(conformance_backends[i], 1, &c.engines[i]);
        if (c.open[i])
            table_add_engine(i, &c.engines[i]);
    }
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        check_test(&c, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%s: %d imported (%d of them constant), %d refused\n", name, c.imported, c.folded, c.refused);
    int failed = c.broken + c.alone;
    table_folder *t = &table.folders[table.n_folders++];
    *t = (table_folder){.name = name, .tests = n, .refused = c.refused};
    memcpy(t->counts, c.counts, sizeof(t->counts));
    for (size_t i = 0; i < N_BACKENDS; i++) {
        if (!c.open[i])
            continue;
        conformance_report(name, c.engines[i].name, &c.counts[i]);
        const conformance_counts *k = &c.counts[i];
        failed += k->failed;
        assert_int_equal(k->passed + k->failed + k->skipped + k->unsupported + c.folded + c.refused, n);
        test_engine_close(&c.engines[i]);
    }
    assert_int_equal(failed, 0);
}

/* ---- docs/backends/support.md ---- */

static bool found_all(void)
{
    for (size_t i = 0; i < N_BACKENDS; i++) {
        if (!table.pes[i][0])
            return false;
    }
    return table.n_folders == sizeof(collections) / sizeof(collections[0]);
}

static int n_failed(void)
{
    int n = 0;
    for (size_t i = 0; i < table.n_folders; i++) {
        for (size_t b = 0; b < N_BACKENDS; b++)
            n += table.folders[i].counts[b].failed;
    }
    return n;
}

static void write_table(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        fail_msg("%s cannot be written", path);
    table_write(f);
    assert_int_equal(fclose(f), 0);
}

static void check_committed(const char *path)
{
    static char text[1 << 17];
    size_t checked = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is not there (make support)", path);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    rewind(f);
    bool same = table_same_engines(text);
    int wrong = same ? table_check(f, &checked) : 0;
    fclose(f);
    if (!same)
        skip();
    assert_int_equal(wrong, 0);
    assert_true(checked >= TABLE_FOLDERS * TABLE_BACKENDS + 50); /* a table of other rows claims nothing */
}

/* After all others: they collect what is written or checked here. */
static void test_table(void **state)
{
    const char *file = getenv("MAE_SUPPORT_FILE"), *source = getenv("MAE_SOURCE_DIR");
    char path[4096];
    (void)state;
    if (conformance_options.backend || conformance_options.only || !found_all()) {
        print_message("skipped: the table is of all tests on all of these backends\n");
        skip();
    }
    if (file) {
        assert_int_equal(n_failed(), 0); /* which the file says */
        write_table(file);
        return;
    }
    snprintf(path, sizeof(path), "%s/docs/backends/support.md", source ? source : ".");
    check_committed(path);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[sizeof(collections) / sizeof(collections[0]) + 1];
    size_t n = 0;
    conformance_arguments(argc, argv);
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++)
        tests[n++] = (struct CMUnitTest){collections[i], test_collection, NULL, NULL, (void *)collections[i]};
    tests[n++] = (struct CMUnitTest){"docs/backends/support.md", test_table, NULL, NULL, NULL};
    return _cmocka_run_group_tests("onnx", tests, n, NULL, NULL);
}
