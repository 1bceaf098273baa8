#include "onnx/wire.h"

#include <string.h>

#define MAX_DEPTH 100
#define MAX_MESSAGES (16u << 20)
#define PATH_BYTES 160

static const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
        value |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80)) {
            *ret_value = value;
            return at;
        }
    }
    return NULL;
}

const char *mae_wire_field_read(const uint8_t *at, const uint8_t *end, mae_wire_field *ret_field)
{
    mae_wire_field field = {.begin = at};
    uint64_t tag = 0, length = 0;
    at = read_varint(at, end, &tag);
    if (!at)
        return "a field's tag is cut off or too long";
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return "a field has an impossible number";
    field.id = (uint32_t)(tag >> 3);
    field.type = (mae_wire_type)(tag & 7);
    field.value = at;
    switch (tag & 7) {
    case MAE_WIRE_VARINT:
        at = read_varint(at, end, &length);
        if (!at)
            return "a number is cut off or too long";
        length = 0;
        break;
    case MAE_WIRE_64BIT:
        length = 8;
        break;
    case MAE_WIRE_32BIT:
        length = 4;
        break;
    case MAE_WIRE_LENGTH:
        at = read_varint(at, end, &length);
        if (!at)
            return "a length is cut off or too long";
        field.value = at;
        break;
    default:
        return "a field has an unknown wire type";
    }
    if (length > (uint64_t)(end - at))
        return "a field runs past the end of its message (truncated file?)";
    field.end = at + length;
    *ret_field = field;
    return NULL;
}

size_t mae_wire_varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

uint8_t *mae_wire_varint_write(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* ---- checking ---- */

/* Where the walk is: a chain of the fields that led here, kept on the stack. */
typedef struct place {
    const struct place *parent;
    const char *field;
} place;

typedef struct check {
    const char *file;
    const uint8_t *data;
    size_t messages;
} check;

static size_t path_text(const place *at, char *text, size_t size)
{
    if (!at)
        return 0;
    size_t used = path_text(at->parent, text, size);
    size_t length = strlen(at->field);
    if (used + length + 2 > size)
        return used;
    if (used)
        text[used++] = '.';
    memcpy(text + used, at->field, length + 1);
    return used + length;
}

static mae_error *problem(const check *c, const place *in, const uint8_t *at, const char *what)
{
    char path[PATH_BYTES] = "the model";
    path_text(in, path, sizeof path);
    return mae_error_new(MAE_ERR_INPUT, "%s: byte %zu, in %s: %s", c->file, (size_t)(at - c->data), path, what);
}

/* UTF-8 without zero bytes (RFC 3629). */
static bool is_text(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        unsigned lead = *at++;
        unsigned more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead == 0 || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || (size_t)(end - at) < more)
            return false;
        if (more >= 2 && ((lead == 0xe0 && *at < 0xa0) || (lead == 0xed && *at > 0x9f) ||
                          (lead == 0xf0 && *at < 0x90) || (lead == 0xf4 && *at > 0x8f)))
            return false;
        for (; more; more--)
            if ((*at++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static mae_wire_type type_on_the_wire(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return MAE_WIRE_LENGTH;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return MAE_WIRE_32BIT;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return MAE_WIRE_64BIT;
    default:
        return MAE_WIRE_VARINT;
    }
}

static bool type_fits(const mae_wire_field *field, const ProtobufCFieldDescriptor *known)
{
    mae_wire_type type = type_on_the_wire(known->type);
    bool packed = known->label == PROTOBUF_C_LABEL_REPEATED && field->type == MAE_WIRE_LENGTH;
    if (!packed)
        return field->type == type;
    size_t bytes = (size_t)(field->end - field->value);
    return type == MAE_WIRE_32BIT ? bytes % 4 == 0 : type == MAE_WIRE_64BIT ? bytes % 8 == 0 : true;
}

static mae_error *check_message(check *c, const ProtobufCMessageDescriptor *descriptor, const place *in, int depth,
                                const uint8_t *at, const uint8_t *end)
{
    if (depth > MAX_DEPTH)
        return problem(c, in, at, "nested too deeply");
    if (++c->messages > MAX_MESSAGES)
        return problem(c, in, at, "too many parts");
    while (at < end) {
        mae_wire_field field;
        const char *what = mae_wire_field_read(at, end, &field);
        if (what)
            return problem(c, in, at, what);
        at = field.end;
        const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(descriptor, field.id);
        if (!known)
            continue; /* from a newer ONNX; handed on as it is */
        place here = {in, known->name};
        if (!type_fits(&field, known))
            return problem(c, &here, field.begin, "not of the type that ONNX gives this field");
        /* Comments may be in any encoding: nothing depends on them. */
        if (known->type == PROTOBUF_C_TYPE_STRING && strcmp(known->name, "doc_string") != 0 &&
            !is_text(field.value, field.end))
            return problem(c, &here, field.begin, "not UTF-8 text");
        if (known->type == PROTOBUF_C_TYPE_MESSAGE)
            MAE_TRY(check_message(c, known->descriptor, &here, depth + 1, field.value, field.end));
    }
    return NULL;
}

mae_error *mae_wire_check(const char *file, const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                          size_t size)
{
    check c = {file, data, 0};
    return check_message(&c, descriptor, NULL, 0, data, data + size);
}
