/* What tests on real engines share: opening backends, importing models, reading test data. */
#ifndef MAE_TESTS_ENGINES_H
#define MAE_TESTS_ENGINES_H

#include "onnx/onnx.h"
#include "pe/module.h"
#include "pe/program.h"

/* Fails the running test, with the error's message, unless `error` is NULL. */
#define test_ok(error) test_ok_at((error), __FILE__, __LINE__)
void test_ok_at(mae_error *error, const char *file, int line);

/* Fails the running test unless the error has this code; frees it. */
#define test_error(error, code) test_error_at((error), (code), __FILE__, __LINE__)
void test_error_at(mae_error *error, mae_code code, const char *file, int line);

/* A path below the folder of shared data ("models"), or NULL, with the reason printed, when it is not
 * there. Static memory, until the next call. */
const char *test_shared(const char *below);

/* The reference engine's evaluator; fails the test without it. */
const mae_onnx_evaluator *test_evaluator(void);

typedef struct test_engine {
    mae_module *module;
    mae_pe *pe;
    char name[32]; /* of the PE */
} test_engine;

/* Opens the first PE of a backend; false, with the reason printed, when it cannot be had. */
bool test_engine_open(const char *backend, int threads, test_engine *engine);
void test_engine_close(test_engine *engine);

/* The model's graph; fails the test when it cannot be imported. */
mae_graph *test_import(const char *path);

/* Does the PE support the layers first..last? If not, *ret_reason (may be NULL) says why. */
bool test_supports(const test_engine *engine, const mae_graph *graph, int first, int last, const char **ret_reason);

/* The whole network on several PEs (an index per layer), cut before every layer if `cut`. */
mae_error *test_program(mae_pe *const *pes, const mae_graph *graph, const int *mapping, bool cut,
                        mae_program **ret_program);

/* Layers first..last as one segment of this PE. */
mae_error *test_segment(const test_engine *engine, const mae_graph *graph, int first, int last, unsigned flags,
                        mae_program **ret_program);

/* One tensor of test data. */
typedef struct test_value {
    char *name; /* may be "" */
    mae_shape shape;
    void *data;
    size_t bytes;
} test_value;

/* "FOLDER/input_0.pb", "FOLDER/input_1.pb", ... as many as there are. */
mae_error *test_read_values(const char *folder, const char *prefix, test_value **ret_values, size_t *ret_n);
void test_free_values(test_value *values, size_t n);

/* Values for every tensor that crosses a layer's border, by the reference engine, unoptimised. */
typedef struct test_reference {
    const mae_graph *graph;
    test_value *values; /* per tensor of the graph; data NULL where none was wanted */
} test_reference;

/* `inputs` are the graph inputs' values, in their order. */
mae_error *test_reference_make(const mae_graph *graph, const test_value *inputs, size_t n_inputs,
                               test_reference *ret_reference);
void test_reference_finish(test_reference *reference);

#endif
