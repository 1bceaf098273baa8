/* Models as protobuf messages, for changing them. */
#ifndef MAE_BACKENDS_ORT_PROTO_H
#define MAE_BACKENDS_ORT_PROTO_H

#include <onnx.pb-c.h>
#include <stdbool.h>

#include "base/error.h"

/* `what` is for the message: "a segment's model". Freed with onnx__model_proto__free_unpacked(). */
MAE_MUST_CHECK mae_error *mae_ort_proto_unpack(const void *data, size_t size, const char *what,
                                               Onnx__ModelProto **ret_model);

/* `ret_data` is freed with free(). */
MAE_MUST_CHECK mae_error *mae_ort_proto_pack(const Onnx__ModelProto *model, void **ret_data, size_t *ret_size);

/* A model of one operator, from x to y, f32 of any shape; `domain` is "" for ONNX's own. As above. */
MAE_MUST_CHECK mae_error *mae_ort_one_node(const char *op, const char *domain, void **ret_data, size_t *ret_size);

bool mae_ort_proto_has_subgraph(const Onnx__NodeProto *node);

#endif
