/* A table from names to numbers; in an arena. Names are borrowed. */
#ifndef MAE_ONNX_NAMES_H
#define MAE_ONNX_NAMES_H

#include "base/arena.h"
#include "base/error.h"

typedef struct mae_onnx_names {
    mae_arena *arena;
    size_t n, room; /* room is a power of two */
    struct mae_onnx_names_slot *slots;
} mae_onnx_names;

void mae_onnx_names_init(mae_onnx_names *names, mae_arena *arena);
/* The number of a name, or -1. */
int mae_onnx_names_find(const mae_onnx_names *names, const char *name);
/* Adds a name that is not there yet, or gives it another number. */
MAE_MUST_CHECK mae_error *mae_onnx_names_put(mae_onnx_names *names, const char *name, int number);

#endif
