/* What the parameters of operators mean: attributes, constant inputs, windows. For backends that lower nodes
 * themselves. */
#ifndef MAE_CORE_OPERATOR_H
#define MAE_CORE_OPERATOR_H

#include "core/graph.h"

/* Input `i` of a node, -1 if it is left out. */
int mae_node_input(const mae_node *node, size_t i);

/* Attribute `name` as `n` integers; `otherwise` for each when it is left out. False if it has another length. */
bool mae_node_ints(const mae_node *node, const char *name, size_t n, int64_t otherwise, int64_t *ret_values);

/* Constant integers from input `i` of the node (newer opsets) or from the attribute (older ones), at most `room`.
 * *ret_n is -1 when there is neither. False when they are not constant. */
bool mae_node_int_list(const mae_graph *graph, const mae_node *node, size_t i, const char *name, int room,
                       int64_t *ret_values, int *ret_n);

/* A constant number from input `i` or from the attribute; `otherwise` when there is neither. */
bool mae_node_number(const mae_graph *graph, const mae_node *node, size_t i, const char *name, double otherwise,
                     double *ret_value);

/* Where a window that moves over the spatial axes begins and ends: what Conv and pools share. */
typedef struct mae_window {
    int n; /* spatial axes */
    int64_t kernel[6], strides[6], dilations[6], pads_low[6], pads_high[6];
} mae_window;

/* Reads kernel_shape (unless `kernel` gives it), strides, dilations, pads and auto_pad of a node whose input has
 * the shape `in`. */
bool mae_window_read(const mae_node *node, const mae_shape *in, const int64_t *kernel, mae_window *ret_window);

#endif
