#include "supports.h"

#include <stdlib.h>
#include <string.h>

#include "core/graph.h"

/* ---- answers that were given ---- */

/* FNV-1a. Weights are not part of the model's bytes: which operators are taken hangs on types and shapes, which are. */
static uint64_t key_of(const mae_onnx_blob *model)
{
    const unsigned char *bytes = model->data;
    uint64_t key = 0xcbf29ce484222325u;
    for (size_t i = 0; i < model->size; i++)
        key = (key ^ bytes[i]) * 0x100000001b3u;
    return key;
}

static const mae_ort_answer *find(const mae_ort_answers *answers, uint64_t key)
{
    for (size_t i = 0; i < answers->n; i++)
        if (answers->list[i].key == key)
            return &answers->list[i];
    return NULL;
}

/* NULL when memory runs out: the question is asked again. */
static const mae_ort_answer *keep(mae_ort_answers *answers, mae_ort_answer answer)
{
    if (answers->n == answers->capacity) {
        size_t capacity = answers->capacity ? 2 * answers->capacity : 64;
        mae_ort_answer *grown = realloc(answers->list, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        answers->list = grown;
        answers->capacity = capacity;
    }
    if (answer.reason && !answers->arena)
        answers->arena = mae_arena_create();
    if (answer.reason)
        answer.reason = answers->arena ? mae_arena_strdup(answers->arena, answer.reason) : NULL;
    answers->list[answers->n] = answer;
    return &answers->list[answers->n++];
}

void mae_ort_answers_finish(mae_ort_answers *answers)
{
    free(answers->list);
    mae_arena_destroy(answers->arena);
    *answers = (mae_ort_answers){0};
}

/* ---- asking ---- */

typedef struct dry_run {
    size_t n_inputs, n_outputs;
    const char **names; /* inputs, then outputs */
    void **data;
    OrtValue **values;
} dry_run;

static void finish_dry_run(const mae_ort *ort, dry_run *run)
{
    for (size_t i = 0; run->values && i < run->n_inputs + run->n_outputs; i++)
        if (run->values[i])
            ort->api->ReleaseValue(run->values[i]);
    for (size_t i = 0; run->data && i < run->n_inputs; i++)
        free(run->data[i]);
    free(run->names);
    free(run->data);
    free(run->values);
}

static mae_error *fill_dry_run(const mae_ort *ort, const mae_graph *graph, const mae_segment *segment, dry_run *run)
{
    run->n_inputs = segment->n_inputs;
    run->n_outputs = segment->n_outputs;
    run->names = calloc(run->n_inputs + run->n_outputs + 1, sizeof *run->names);
    run->values = calloc(run->n_inputs + run->n_outputs + 1, sizeof *run->values);
    run->data = calloc(run->n_inputs + 1, sizeof *run->data);
    if (!run->names || !run->values || !run->data)
        return mae_error_nomem();
    for (size_t i = 0; i < segment->n_outputs; i++)
        run->names[run->n_inputs + i] = graph->tensors[segment->outputs[i]].name;
    for (size_t i = 0; i < segment->n_inputs; i++) {
        const mae_tensor *tensor = &graph->tensors[segment->inputs[i]];
        run->names[i] = tensor->name;
        run->data[i] = calloc(1, tensor->bytes + 1);
        if (!run->data[i])
            return mae_error_nomem();
        MAE_TRY(mae_ort_value_wrap(ort, &tensor->shape, run->data[i], tensor->bytes, &run->values[i]));
    }
    return NULL;
}

/* Providers refuse at run time what they took: attributes their kernels do not know. So the layer is run once, on
 * zeros, which every index may be. */
static mae_error *run_once(const mae_ort *ort, const mae_graph *graph, const mae_segment *segment, OrtSession *session)
{
    dry_run run = {0};
    for (size_t i = 0; i < segment->n_inputs; i++)
        if (!graph->tensors[segment->inputs[i]].is_static)
            return NULL;
    mae_error *error = fill_dry_run(ort, graph, segment, &run);
    if (!error)
        error = mae_ort_check(ort,
                              ort->api->Run(session, NULL, run.names, (const OrtValue *const *)run.values, run.n_inputs,
                                            run.names + run.n_inputs, run.n_outputs, run.values + run.n_inputs));
    finish_dry_run(ort, &run);
    return error;
}

static mae_error *try_layer(const mae_ort *ort, const mae_ort_provider *provider, const mae_onnx_blob *model,
                            const mae_graph *graph, const mae_segment *segment)
{
    const mae_ort_session_config config = {.threads = 1, .provider = provider, .optimise = true};
    OrtSession *session = NULL;
    MAE_TRY(mae_ort_session_create(ort, model, &config, &session));
    mae_error *error = run_once(ort, graph, segment, session);
    ort->api->ReleaseSession(session);
    return error;
}

static const char out_of_memory[] = "out of memory";

static bool answer_with(const mae_ort_answer *answer, const char **ret_reason)
{
    if (!answer || (!answer->yes && !answer->reason)) {
        *ret_reason = out_of_memory;
        return false;
    }
    if (!answer->yes)
        *ret_reason = answer->reason;
    return answer->yes;
}

/* The engine's own words where it could not make the session for another reason than that. */
static const char *reason_of(const mae_error *error)
{
    if (mae_error_code(error) == MAE_ERR_UNSUPPORTED)
        return "the provider does not take all of its operators: the CPU would compute the rest";
    return mae_error_message(error);
}

static const mae_ort_answer *ask(const mae_ort *ort, const mae_ort_provider *provider, mae_ort_answers *answers,
                                 const mae_graph *graph, const mae_segment *segment)
{
    mae_onnx_blob model = {0};
    mae_error *error = mae_onnx_write_segment(graph, segment, &model);
    if (error) {
        mae_error_free(error);
        return NULL;
    }
    uint64_t key = key_of(&model);
    const mae_ort_answer *answer = find(answers, key);
    if (!answer) {
        error = try_layer(ort, provider, &model, graph, segment);
        answer = keep(answers, (mae_ort_answer){key, !error, error ? reason_of(error) : NULL});
    }
    mae_error_free(error);
    mae_onnx_blob_free(&model);
    return answer;
}

bool mae_ort_provider_supports(const mae_ort *ort, const mae_ort_provider *provider, mae_ort_answers *answers,
                               const mae_graph *graph, int layer, const char **ret_reason)
{
    const mae_ort_answer *answer = NULL;
    const char *unused;
    mae_segment segment;
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? mae_segment_make(graph, layer, layer, arena, &segment) : mae_error_nomem();
    if (!error)
        answer = ask(ort, provider, answers, graph, &segment);
    mae_error_free(error);
    mae_arena_destroy(arena);
    return answer_with(answer, ret_reason ? ret_reason : &unused);
}
