/* The protobuf wire format, walked by hand: what protobuf-c does not do for outside data. It has no limit
 * on depth, and it copies every byte, weights included. */
#ifndef MAE_ONNX_WIRE_H
#define MAE_ONNX_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum mae_wire_type {
    MAE_WIRE_VARINT = 0,
    MAE_WIRE_64BIT = 1,
    MAE_WIRE_LENGTH = 2,
    MAE_WIRE_32BIT = 5
} mae_wire_type;

typedef struct mae_wire_field {
    uint32_t id;
    mae_wire_type type;
    const uint8_t *begin; /* of the tag */
    const uint8_t *value; /* of the contents: behind the tag, and behind the length if there is one */
    const uint8_t *end;
} mae_wire_field;

/* Reads the field that begins at `at`; at < end. Returns NULL, or what is wrong. */
const char *mae_wire_field_read(const uint8_t *at, const uint8_t *end, mae_wire_field *ret_field);

/* Bytes of a number as a varint, and writing it. */
size_t mae_wire_varint_size(uint64_t value);
uint8_t *mae_wire_varint_write(uint8_t *at, uint64_t value);

/* Checks a whole message against its description: bounds, types of fields, depth, number of messages, and
 * that names are UTF-8. `file` is for messages. */
MAE_MUST_CHECK mae_error *mae_wire_check(const char *file, const ProtobufCMessageDescriptor *descriptor,
                                         const uint8_t *data, size_t size);

#endif
