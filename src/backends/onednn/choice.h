/* Ways of doing the same thing, the fastest of which is found by measuring, once per shape and PE. */
#ifndef MAE_BACKENDS_ONEDNN_CHOICE_H
#define MAE_BACKENDS_ONEDNN_CHOICE_H

#include "backends/onednn/build.h"

/* What is to be done: the first number says what kind of thing, the others its shape. */
enum { MAE_DNN_KEY_WINOGRAD = 1 };
typedef struct mae_dnn_key {
    int64_t numbers[16];
} mae_dnn_key;

/* Builds one way, in a unit of its own that has no inputs and outputs. Its first step is not timed: it fills the
 * memory that the others read. */
typedef mae_error *mae_dnn_way_fn(mae_dnn_build *build, const void *ctx);

/* The fastest of `n` ways (at most 4), timed turn by turn. The first one, unless another is a tenth faster. Asked again
 * for the same key, the answer is the same. */
MAE_MUST_CHECK mae_error *mae_dnn_choose(mae_dnn_build *build, const mae_dnn_key *key, mae_dnn_way_fn *const *ways,
                                         size_t n, const void *ctx, size_t *ret_way);

void mae_dnn_choices_free(mae_dnn_pe *pe);

#endif
