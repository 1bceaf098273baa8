#include "cli/pb.h"

#include <string.h>

#include "cli/message.h"

/* Field numbers of TensorProto in onnx.proto. */
enum field {
    FIELD_DIMS = 1,
    FIELD_DATA_TYPE = 2,
    FIELD_SEGMENT = 3,
    FIELD_FLOAT_DATA = 4,
    FIELD_INT32_DATA = 5,
    FIELD_STRING_DATA = 6,
    FIELD_INT64_DATA = 7,
    FIELD_NAME = 8,
    FIELD_RAW_DATA = 9,
    FIELD_DOUBLE_DATA = 10,
    FIELD_UINT64_DATA = 11,
    FIELD_EXTERNAL_DATA = 13,
};

/* The protocol buffers' wire types. */
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct span {
    const unsigned char *at, *end;
} span;

typedef struct record {
    int field;
    enum wire wire;
    uint64_t value; /* WIRE_VARINT */
    span bytes;     /* all others */
} record;

typedef struct parser {
    const char *path;
    mae_shape shape;
    span name;
    bool has_raw;
    span raw;
    unsigned char *values; /* of the typed fields, as they come */
    size_t size, room;
} parser;

static bool take_varint(span *s, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        unsigned char byte = *s->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool take_bytes(span *s, uint64_t n, span *ret_bytes)
{
    if (n > (uint64_t)(s->end - s->at))
        return false;
    *ret_bytes = (span){s->at, s->at + n};
    s->at += n;
    return true;
}

static bool take_record(span *s, record *ret)
{
    uint64_t key, n;
    if (!take_varint(s, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return false;
    ret->field = (int)(key >> 3);
    ret->wire = (enum wire)(key & 7);
    switch (ret->wire) {
    case WIRE_VARINT:
        return take_varint(s, &ret->value);
    case WIRE_64:
        return take_bytes(s, 8, &ret->bytes);
    case WIRE_32:
        return take_bytes(s, 4, &ret->bytes);
    case WIRE_BYTES:
        return take_varint(s, &n) && take_bytes(s, n, &ret->bytes);
    }
    return false;
}

static int malformed(const parser *p)
{
    return cli_error(MAE_ERR_INPUT, "%s: not an ONNX tensor (.pb)", p->path);
}

static int append(parser *p, const void *bytes, size_t n)
{
    if (p->size + n > p->room) {
        size_t room = (p->size + n) * 2;
        unsigned char *more = realloc(p->values, room);
        if (!more)
            return cli_nomem();
        p->values = more;
        p->room = room;
    }
    memcpy(p->values + p->size, bytes, n);
    p->size += n;
    return 0;
}

static int add_dim(parser *p, uint64_t value)
{
    if (p->shape.rank == MAE_MAX_RANK || value > INT64_MAX)
        return cli_error(MAE_ERR_INPUT, "%s: more than %d dimensions, or a negative one", p->path, MAE_MAX_RANK);
    p->shape.dims[p->shape.rank++] = (int64_t)value;
    return 0;
}

/* Values of the integer fields are kept as 8 bytes each and narrowed when the type is known. */
static int add_integer(parser *p, int field, uint64_t value)
{
    return field == FIELD_DIMS ? add_dim(p, value) : append(p, &value, sizeof value);
}

/* A repeated integer field, packed or one record a value. */
static int read_integers(parser *p, const record *r)
{
    if (r->wire == WIRE_VARINT)
        return add_integer(p, r->field, r->value);
    if (r->wire != WIRE_BYTES)
        return malformed(p);
    span s = r->bytes;
    while (s.at < s.end) {
        uint64_t value;
        if (!take_varint(&s, &value))
            return malformed(p);
        CLI_TRY(add_integer(p, r->field, value));
    }
    return 0;
}

static int read_record(parser *p, const record *r)
{
    switch (r->field) {
    case FIELD_DIMS:
    case FIELD_INT32_DATA:
    case FIELD_INT64_DATA:
    case FIELD_UINT64_DATA:
        return read_integers(p, r);
    case FIELD_FLOAT_DATA:
    case FIELD_DOUBLE_DATA:
        if (r->wire == WIRE_VARINT)
            return malformed(p);
        return append(p, r->bytes.at, (size_t)(r->bytes.end - r->bytes.at));
    case FIELD_DATA_TYPE:
        if (r->wire != WIRE_VARINT || r->value > MAE_BF16)
            return malformed(p);
        p->shape.dtype = (mae_dtype)r->value;
        return 0;
    case FIELD_NAME:
    case FIELD_RAW_DATA:
        if (r->wire != WIRE_BYTES)
            return malformed(p);
        *(r->field == FIELD_NAME ? &p->name : &p->raw) = r->bytes;
        p->has_raw |= r->field == FIELD_RAW_DATA;
        return 0;
    case FIELD_SEGMENT:
    case FIELD_STRING_DATA:
    case FIELD_EXTERNAL_DATA:
        return cli_error(MAE_ERR_INPUT, "%s: tensors of strings, in parts or with external data are not supported",
                         p->path);
    default:
        return 0;
    }
}

/* Turns the 8-byte integers into elements of the tensor's type, in place. */
static void narrow(parser *p)
{
    size_t width = cli_dtype_size(p->shape.dtype), n = p->size / 8;
    for (size_t i = 0; i < n; i++)
        memmove(p->values + i * width, p->values + i * 8, width);
    p->size = n * width;
}

static int finish(parser *p, cli_tensor *ret_tensor)
{
    size_t bytes;
    char text[256];
    if (!cli_shape_bytes(&p->shape, &bytes))
        return malformed(p);
    if (p->has_raw) {
        p->size = 0;
        CLI_TRY(append(p, p->raw.at, (size_t)(p->raw.end - p->raw.at)));
    } else if (p->shape.dtype != MAE_F32 && p->shape.dtype != MAE_F64) {
        narrow(p);
    }
    if (p->size != bytes)
        return cli_error(MAE_ERR_INPUT, "%s: holds %zu bytes of data, not those of %s", p->path, p->size,
                         cli_shape_text(&p->shape, text));
    char *name = NULL;
    if (p->name.at != p->name.end) {
        name = strndup((const char *)p->name.at, (size_t)(p->name.end - p->name.at));
        if (!name)
            return cli_nomem();
    }
    *ret_tensor = (cli_tensor){.name = name, .shape = p->shape, .data = p->values, .bytes = bytes};
    return 0;
}

static int parse(parser *p, span s, cli_tensor *ret_tensor)
{
    /* Something to own, so that an empty tensor has data too. */
    CLI_TRY(append(p, "", 1));
    p->size = 0;
    while (s.at < s.end) {
        record r = {0};
        if (!take_record(&s, &r))
            return malformed(p);
        CLI_TRY(read_record(p, &r));
    }
    return finish(p, ret_tensor);
}

int cli_pb_parse(const char *path, const void *data, size_t size, cli_tensor *ret_tensor)
{
    parser p = {.path = path};
    span s = {data, (const unsigned char *)data + size};
    int status = parse(&p, s, ret_tensor);
    if (status)
        free(p.values);
    return status; /* NOLINT(clang-analyzer-unix.Malloc): the tensor's now; it takes a refusal's status for 0 */
}
