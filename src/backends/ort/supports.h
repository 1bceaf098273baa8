/* What a provider says of single layers. */
#ifndef MAE_BACKENDS_ORT_SUPPORTS_H
#define MAE_BACKENDS_ORT_SUPPORTS_H

#include "base/arena.h"
#include "ort.h"

typedef struct mae_ort_answer {
    uint64_t key; /* of the layer's model */
    bool yes;
    const char *reason; /* why not */
} mae_ort_answer;

/* Each question takes a session, so answers are kept as long as the PE. */
typedef struct mae_ort_answers {
    mae_arena *arena; /* of the reasons; NULL: no question yet */
    mae_ort_answer *list;
    size_t n, capacity;
} mae_ort_answers;

/* Does the provider take every node of the layer in a session of that layer alone, and run it? */
bool mae_ort_provider_supports(const mae_ort *ort, const mae_ort_provider *provider, mae_ort_answers *answers,
                               const mae_graph *graph, int layer, const char **ret_reason);
void mae_ort_answers_finish(mae_ort_answers *answers);

#endif
