#include "support/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

json_t *schema_load(const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", getenv("MAE_SOURCE_DIR"), name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return json;
}

static bool has_type(const json_t *value, const char *type)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0;
    case JSON_NULL:
        return strcmp(type, "null") == 0;
    default:
        return strcmp(type, "boolean") == 0;
    }
}

static bool one_of(const json_t *list, const json_t *value, bool types)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        if (types ? has_type(value, json_string_value(entry)) : json_equal(entry, value))
            return true;
    }
    return false;
}

static void check_children(const json_t *schema, const json_t *value, const char *where)
{
    char path[256];
    const char *key;
    size_t i;
    json_t *child;
    json_array_foreach (json_object_get(schema, "required"), i, child) {
        if (json_is_object(value) && !json_object_get(value, json_string_value(child)))
            fail_msg("%s: %s is missing", where, json_string_value(child));
    }
    json_object_foreach ((json_t *)value, key, child) {
        const json_t *rule = json_object_get(json_object_get(schema, "properties"), key);
        rule = rule ? rule : json_object_get(schema, "additionalProperties");
        snprintf(path, sizeof path, "%s.%s", where, key);
        if (rule)
            schema_check(rule, child, path);
        else if (strcmp(key, "covers") != 0) /* a key of its own in the example */
            fail_msg("%s is not in the schema", path);
    }
    json_array_foreach (value, i, child) {
        snprintf(path, sizeof path, "%s[%zu]", where, i);
        if (json_object_get(schema, "items"))
            schema_check(json_object_get(schema, "items"), child, path);
    }
}

static bool holds(const char *word, const json_t *rule, const json_t *value)
{
    if (strcmp(word, "type") == 0)
        return json_is_string(rule) ? has_type(value, json_string_value(rule)) : one_of(rule, value, true);
    if (strcmp(word, "const") == 0)
        return json_equal(rule, value);
    if (strcmp(word, "enum") == 0)
        return one_of(rule, value, false);
    if (strcmp(word, "minimum") == 0)
        return !json_is_number(value) || json_number_value(value) >= json_number_value(rule);
    if (strcmp(word, "exclusiveMinimum") == 0)
        return !json_is_number(value) || json_number_value(value) > json_number_value(rule);
    if (strcmp(word, "maximum") == 0)
        return !json_is_number(value) || json_number_value(value) <= json_number_value(rule);
    if (strcmp(word, "minItems") == 0)
        return !json_is_array(value) || json_array_size(value) >= (size_t)json_integer_value(rule);
    if (strcmp(word, "maxItems") == 0)
        return json_array_size(value) <= (size_t)json_integer_value(rule);
    if (strcmp(word, "minLength") == 0)
        return json_string_length(value) >= (size_t)json_integer_value(rule);
    static const char *const others[] = {
        "$schema", "title", "properties", "items", "required", "additionalProperties", "uniqueItems", "pattern"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(word, others[i]) == 0)
            return true;
    fail_msg("this test does not know the word %s", word);
    return false;
}

void schema_check(const json_t *schema, const json_t *value, const char *where)
{
    const char *word;
    json_t *rule;
    json_object_foreach ((json_t *)schema, word, rule) {
        if (!holds(word, rule, value))
            fail_msg("%s: breaks \"%s\"", where, word);
    }
    check_children(schema, value, where);
}

static void find_keys(const json_t *schema, const char *docs)
{
    const char *key;
    json_t *rule;
    json_object_foreach (json_object_get(schema, "properties"), key, rule) {
        if (!strstr(docs, key))
            fail_msg("docs/formats.md does not tell of the key %s", key);
        find_keys(rule, docs);
    }
    if (json_object_get(schema, "items"))
        find_keys(json_object_get(schema, "items"), docs);
    if (json_is_object(json_object_get(schema, "additionalProperties")))
        find_keys(json_object_get(schema, "additionalProperties"), docs);
}

json_t *schema_check_text(const char *name, const char *text)
{
    json_t *schema = schema_load(name), *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    schema_check(schema, value, "");
    json_decref(schema);
    return value;
}

void schema_check_documented(const char *name)
{
    char path[4096];
    void *docs = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/docs/formats.md", getenv("MAE_SOURCE_DIR"));
    assert_null(mae_file_read(path, 1 << 20, &docs, &size));
    json_t *schema = schema_load(name);
    find_keys(schema, docs);
    json_decref(schema);
    free(docs);
}
