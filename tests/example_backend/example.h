/* The backend that docs/backends/adding.md explains: a few operators in plain loops on host memory. */
#ifndef MAE_TESTS_EXAMPLE_H
#define MAE_TESTS_EXAMPLE_H

#include "core/operator.h"
#include "mae/backend.h"

/* One node, ready to be computed: everything that has to be looked up or allocated has been. */
typedef struct example_step {
    const mae_graph *graph;
    const mae_node *node;
    void (*compute)(const struct example_step *step, float *const *at);
    mae_window window; /* MaxPool */
    bool turned[2];    /* Gemm: its matrices are transposed */
    float alpha, beta; /* Gemm */
} example_step;

/* Reads a node: NULL if this backend computes it, else why not, a text that lives for ever. */
const char *example_read(const mae_graph *graph, const mae_node *node, example_step *ret_step);

#endif
