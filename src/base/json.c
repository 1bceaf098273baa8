#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct mae_json {
    json_t *root;
    char *name;
    char *text;
    size_t size;
};

/* ---- finding the place of a value again, in text that is known to be valid ---- */

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* Behind the value at `at`; nesting is counted, not recursed into. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    do {
        at = skip_space(at);
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            while (*at && !strchr(" \t\r\n,:{}[]\"", *at))
                at++;
        }
    } while (depth && *at);
    return at;
}

static bool same_key(const char *quoted, const char *behind, const char *key, size_t length)
{
    if (!memchr(quoted, '\\', (size_t)(behind - quoted)))
        return (size_t)(behind - quoted) == length + 2 && memcmp(quoted + 1, key, length) == 0;
    json_t *decoded = json_loadb(quoted, (size_t)(behind - quoted), JSON_DECODE_ANY, NULL);
    bool same =
        decoded && json_string_length(decoded) == length && memcmp(json_string_value(decoded), key, length) == 0;
    json_decref(decoded);
    return same;
}

static const char *find_key(const char *object, const char *key, size_t length)
{
    if (*object != '{')
        return NULL;
    const char *at = skip_space(object + 1);
    while (*at == '"') {
        const char *behind = skip_string(at);
        bool found = same_key(at, behind, key, length);
        at = skip_space(behind);
        at = skip_space(*at == ':' ? at + 1 : at);
        if (found)
            return at;
        at = skip_space(skip_value(at));
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return NULL;
}

static const char *find_index(const char *array, size_t index)
{
    if (*array != '[')
        return NULL;
    const char *at = skip_space(array + 1);
    while (*at && *at != ']') {
        if (index-- == 0)
            return at;
        at = skip_space(skip_value(at));
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return NULL;
}

/* One step of a path: [3], ["key"], .key or key; moves *path behind it. */
static const char *step(const char *value, const char **path)
{
    const char *p = *path;
    if (p[0] == '[' && p[1] == '"') {
        const char *end = strstr(p + 2, "\"]");
        if (!end)
            return NULL;
        *path = end + 2;
        return find_key(value, p + 2, (size_t)(end - p - 2));
    }
    if (p[0] == '[') {
        char *end;
        size_t index = strtoul(p + 1, &end, 10);
        *path = *end ? end + 1 : end;
        return find_index(value, index);
    }
    if (p[0] == '.')
        p++;
    size_t length = strcspn(p, ".[");
    *path = p + length;
    return find_key(value, p, length);
}

static void locate(const mae_json *json, const char *path, size_t *ret_line, size_t *ret_column)
{
    const char *value = skip_space(json->text);
    while (*path) {
        const char *inner = step(value, &path);
        if (!inner)
            break;
        value = inner;
    }
    size_t line = 1, column = 1;
    for (const char *c = json->text; c < value; c++) {
        column++;
        if (*c == '\n') {
            line++;
            column = 1;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

mae_error *mae_json_error(const mae_json *json, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *reason = NULL;
    int length = vasprintf(&reason, format, args);
    va_end(args);
    if (length < 0)
        return mae_error_nomem();
    size_t line, column;
    locate(json, path, &line, &column);
    mae_error *error =
        mae_error_new(MAE_ERR_INPUT, "%s:%zu:%zu: %s%s%s", json->name, line, column, path, *path ? ": " : "", reason);
    free(reason);
    return error;
}

/* ---- reading ---- */

static mae_error *parse(mae_json *json)
{
    json_error_t error;
    errno = 0;
    json->root = json_loadb(json->text, json->size, JSON_REJECT_DUPLICATES, &error);
    /* Where memory runs out jansson may say nothing, or go on with a part of a word and blame the file. */
    if (errno == ENOMEM)
        return mae_error_nomem();
    if (json->root)
        return NULL;
    return mae_error_new(MAE_ERR_INPUT, "%s:%d:%d: %s", json->name, error.line, error.column, error.text);
}

static mae_error *finish(mae_json *json, const char *name, mae_json **ret_json)
{
    json->name = strdup(name);
    mae_error *error = json->name ? parse(json) : mae_error_nomem();
    if (error) {
        mae_json_destroy(json);
        return error;
    }
    *ret_json = json;
    return NULL;
}

mae_error *mae_json_read(const char *path, size_t limit, mae_json **ret_json)
{
    mae_json *json = calloc(1, sizeof *json);
    if (!json)
        return mae_error_nomem();
    void *text = NULL;
    mae_error *error = mae_file_read(path, limit, &text, &json->size);
    if (error) {
        free(json);
        return error;
    }
    json->text = text;
    return finish(json, path, ret_json);
}

mae_error *mae_json_parse(const char *name, const char *text, size_t size, mae_json **ret_json)
{
    mae_json *json = calloc(1, sizeof *json);
    char *copy = json ? malloc(size + 1) : NULL;
    if (!copy) {
        free(json);
        return mae_error_nomem();
    }
    if (size)
        memcpy(copy, text, size);
    copy[size] = 0;
    json->text = copy;
    json->size = size;
    return finish(json, name, ret_json);
}

void mae_json_destroy(mae_json *json)
{
    if (!json)
        return;
    json_decref(json->root);
    free(json->name);
    free(json->text);
    free(json);
}

json_t *mae_json_root(const mae_json *json)
{
    return json->root;
}

/* ---- writing ---- */

mae_error *mae_json_text(const json_t *value, char **ret_text)
{
    errno = 0;
    char *text = json_dumps(value, JSON_INDENT(1) | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY);
    if (!text || errno == ENOMEM) { /* jansson may leave out a key that it had no memory for */
        free(text);
        return mae_error_nomem();
    }
    *ret_text = text;
    return NULL;
}

mae_error *mae_json_write(const json_t *value, const char *path)
{
    char *text;
    MAE_TRY(mae_json_text(value, &text));
    char *line = NULL;
    int length = asprintf(&line, "%s\n", text);
    free(text);
    if (length < 0)
        return mae_error_nomem();
    mae_error *error = mae_file_write(path, line, (size_t)length);
    free(line);
    return error;
}
