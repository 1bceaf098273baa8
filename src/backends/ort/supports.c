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

static mae_error *try_session(const mae_ort *ort, const mae_ort_provider *provider, const mae_onnx_blob *model)
{
    const mae_ort_session_config config = {.threads = 1, .provider = provider, .optimise = true};
    OrtSession *session = NULL;
    MAE_TRY(mae_ort_session_create(ort, model, &config, &session));
    ort->api->ReleaseSession(session);
    return NULL;
}

static mae_error *write_layer(const mae_graph *graph, int layer, mae_onnx_blob *ret_model)
{
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    mae_error *error = arena ? mae_segment_make(graph, layer, layer, arena, &segment) : mae_error_nomem();
    if (!error)
        error = mae_onnx_write_segment(graph, &segment, ret_model);
    mae_arena_destroy(arena);
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

bool mae_ort_provider_supports(const mae_ort *ort, const mae_ort_provider *provider, mae_ort_answers *answers,
                               const mae_graph *graph, int layer, const char **ret_reason)
{
    mae_onnx_blob model = {0};
    const char *unused;
    mae_error *error = write_layer(graph, layer, &model);
    if (!ret_reason)
        ret_reason = &unused;
    if (error) {
        mae_error_free(error);
        *ret_reason = out_of_memory;
        return false;
    }
    uint64_t key = key_of(&model);
    const mae_ort_answer *answer = find(answers, key);
    if (!answer) {
        error = try_session(ort, provider, &model);
        answer = keep(answers, (mae_ort_answer){key, !error, error ? reason_of(error) : NULL});
    }
    mae_error_free(error);
    mae_onnx_blob_free(&model);
    return answer_with(answer, ret_reason);
}
