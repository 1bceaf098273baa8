#include "cli/npy.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/file.h"
#include "cli/message.h"

/* The header is a Python dict literal; a cursor walks through it. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at))
        c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A quoted string without escapes, as short as keys and type codes are. */
static bool take_string(cursor *c, char text[static 32])
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote) {
        if (n == 31)
            return false;
        text[n++] = *c->at++;
    }
    text[n] = '\0';
    return take(c, quote);
}

static bool take_word(cursor *c, const char *word)
{
    skip_space(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

static bool take_int(cursor *c, int64_t *ret_value)
{
    skip_space(c);
    const char *start = c->at;
    int64_t value = 0;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *c->at - '0', &value))
            return false;
    }
    *ret_value = value;
    return c->at > start;
}

static bool take_shape(cursor *c, mae_shape *shape)
{
    if (!take(c, '('))
        return false;
    shape->rank = 0;
    while (!take(c, ')')) {
        if (shape->rank == MAE_MAX_RANK || !take_int(c, &shape->dims[shape->rank]))
            return false;
        shape->rank++;
        if (!take(c, ','))
            return take(c, ')');
    }
    return true;
}

static const struct {
    const char *code;
    mae_dtype dtype;
} dtypes[] = {
    {"f4", MAE_F32}, {"f8", MAE_F64}, {"f2", MAE_F16}, {"i1", MAE_I8},  {"i2", MAE_I16}, {"i4", MAE_I32},
    {"i8", MAE_I64}, {"u1", MAE_U8},  {"u2", MAE_U16}, {"u4", MAE_U32}, {"u8", MAE_U64}, {"b1", MAE_BOOL},
};

static int parse_descr(const char *path, const char *descr, mae_dtype *ret_dtype)
{
    const char *code = descr;
    if (*code == '<' || *code == '|' || *code == '=' || *code == '>')
        code++;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(code, dtypes[i].code) != 0)
            continue;
        if (*descr == '>' && code[1] != '1')
            return cli_error(MAE_ERR_INPUT, "%s: big-endian values ('%s') are not supported", path, descr);
        *ret_dtype = dtypes[i].dtype;
        return 0;
    }
    return cli_error(MAE_ERR_INPUT, "%s: element type '%s' is not supported", path, descr);
}

static int parse_header(const char *path, cursor c, mae_shape *ret_shape, bool *ret_fortran)
{
    char key[32], descr[32] = "";
    mae_shape shape = {.rank = -1};
    bool fortran = false, ok = take(&c, '{');
    while (ok && !take(&c, '}')) {
        ok = take_string(&c, key) && take(&c, ':');
        if (ok && strcmp(key, "descr") == 0)
            ok = take_string(&c, descr);
        else if (ok && strcmp(key, "fortran_order") == 0)
            ok = take_word(&c, "False") || (fortran = take_word(&c, "True"));
        else if (ok && strcmp(key, "shape") == 0)
            ok = take_shape(&c, &shape);
        else
            ok = false;
        if (ok && !take(&c, ',')) {
            ok = take(&c, '}');
            break;
        }
    }
    if (!ok || shape.rank < 0 || !*descr)
        return cli_error(MAE_ERR_INPUT, "%s: the .npy header cannot be read", path);
    CLI_TRY(parse_descr(path, descr, &shape.dtype));
    *ret_shape = shape;
    *ret_fortran = fortran;
    return 0;
}

/* From Fortran's order, in which the first index runs fastest, to C's. */
static void reorder(const mae_shape *shape, const unsigned char *from, size_t bytes, unsigned char *to)
{
    size_t width = cli_dtype_size(shape->dtype), step[MAE_MAX_RANK], source = 0;
    int64_t index[MAE_MAX_RANK] = {0};
    for (int i = 0; i < shape->rank; i++)
        step[i] = i ? step[i - 1] * (size_t)shape->dims[i - 1] : width;
    for (size_t at = 0; at < bytes; at += width) {
        memcpy(to + at, from + source, width);
        for (int i = shape->rank - 1; i >= 0; i--) {
            source += step[i];
            if (++index[i] < shape->dims[i])
                break;
            source -= step[i] * (size_t)index[i];
            index[i] = 0;
        }
    }
}

int cli_npy_parse(const char *path, const void *data, size_t size, cli_tensor *ret_tensor)
{
    const unsigned char *p = data;
    if (size < 10 || memcmp(p, "\x93NUMPY", 6) != 0)
        return cli_error(MAE_ERR_INPUT, "%s: not a .npy file", path);
    if (p[6] != 1 && p[6] != 2)
        return cli_error(MAE_ERR_INPUT, "%s: .npy version %d is not supported", path, p[6]);
    size_t start = p[6] == 1 ? 10 : 12;
    size_t length = size < start ? SIZE_MAX : (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] == 2 && size >= start)
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (size < start || length > size - start)
        return cli_error(MAE_ERR_INPUT, "%s: cut off inside the .npy header", path);

    const char *text = (const char *)data + start;
    mae_shape shape;
    bool fortran;
    CLI_TRY(parse_header(path, (cursor){text, text + length}, &shape, &fortran));
    size_t bytes, left = size - start - length;
    char name[256];
    if (!cli_shape_bytes(&shape, &bytes) || bytes != left)
        return cli_error(MAE_ERR_INPUT, "%s: holds %zu bytes of data, not those of %s", path, left,
                         cli_shape_text(&shape, name));
    void *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        return cli_nomem();
    if (fortran)
        reorder(&shape, (const unsigned char *)text + length, bytes, copy);
    else
        memcpy(copy, text + length, bytes);
    *ret_tensor = (cli_tensor){.shape = shape, .data = copy, .bytes = bytes};
    return 0;
}

/* The header of version 1, padded so that the data start at a multiple of 64. Returns its length. */
static size_t format_header(const mae_shape *shape, const char *code, char header[static 512])
{
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    int n = 10;
    n += sprintf(header + n, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", code[1] == '1' ? '|' : '<', code);
    for (int i = 0; i < shape->rank; i++)
        n += sprintf(header + n, "%" PRId64 "%s", shape->dims[i], i + 1 < shape->rank ? ", " : "");
    n += sprintf(header + n, "%s), }", shape->rank == 1 ? "," : "");
    while ((n + 1) % 64 != 0)
        header[n++] = ' ';
    header[n++] = '\n';
    header[8] = (char)((n - 10) & 0xff);
    header[9] = (char)((n - 10) >> 8);
    return (size_t)n;
}

static void widen_bf16(const uint16_t *from, uint32_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint32_t)from[i] << 16;
}

int cli_npy_write(const char *path, const mae_shape *shape, const void *data)
{
    bool widen = shape->dtype == MAE_BF16;
    mae_shape stored = *shape;
    if (widen)
        stored.dtype = MAE_F32;
    const char *code = NULL;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (dtypes[i].dtype == stored.dtype)
            code = dtypes[i].code;
    }
    size_t bytes;
    if (!code || !cli_shape_bytes(&stored, &bytes) || bytes > SIZE_MAX - 512)
        return cli_error(MAE_ERR_FAILED, "%s: this type of tensor cannot be written as .npy", path);
    char *file = malloc(512 + bytes);
    if (!file)
        return cli_nomem();
    size_t start = format_header(&stored, code, file);
    if (widen)
        widen_bf16(data, (uint32_t *)(file + start), bytes / 4);
    else if (bytes)
        memcpy(file + start, data, bytes);
    int status = cli_file_write(path, file, start + bytes);
    free(file);
    return status;
}
