/* The JSON Schemas, the documentation and what is written hold together: what the writers write fits the
 * schemas, and every key of the schemas is in docs/formats.md. The checker below knows the words that the
 * schemas use, and fails on any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "core/profile.h"
#include "plan/plan.h"

static json_t *load(const char *name)
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

static void check(const json_t *schema, const json_t *value, const char *where);

static void check_children(const json_t *schema, const json_t *value, const char *where)
{
    char path[256];
    const char *key;
    size_t i;
    json_t *child;
    json_array_foreach (json_object_get(schema, "required"), i, child) {
        if (!json_object_get(value, json_string_value(child)))
            fail_msg("%s: %s is missing", where, json_string_value(child));
    }
    json_object_foreach ((json_t *)value, key, child) {
        const json_t *rule = json_object_get(json_object_get(schema, "properties"), key);
        rule = rule ? rule : json_object_get(schema, "additionalProperties");
        snprintf(path, sizeof path, "%s.%s", where, key);
        if (rule)
            check(rule, child, path);
        else if (strcmp(key, "covers") != 0) /* a key of its own in the example */
            fail_msg("%s is not in the schema", path);
    }
    json_array_foreach (value, i, child) {
        snprintf(path, sizeof path, "%s[%zu]", where, i);
        if (json_object_get(schema, "items"))
            check(json_object_get(schema, "items"), child, path);
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
        return json_array_size(value) >= (size_t)json_integer_value(rule);
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

static void check(const json_t *schema, const json_t *value, const char *where)
{
    const char *word;
    json_t *rule;
    json_object_foreach ((json_t *)schema, word, rule) {
        if (!holds(word, rule, value))
            fail_msg("%s: breaks \"%s\"", where, word);
    }
    check_children(schema, value, where);
}

static void check_file(const char *schema_name, const char *path)
{
    json_t *schema = load(schema_name), *value = json_load_file(path, 0, NULL);
    assert_non_null(value);
    check(schema, value, "");
    json_decref(schema);
    json_decref(value);
}

static void what_is_written_fits(void **state)
{
    (void)state;
    char path[] = "/tmp/mae-schema-XXXXXX", example[4096];
    int fd = mkstemp(path);
    mae_profile *profile = NULL;
    mae_plan *plan = NULL;
    mae_front *front = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    assert_true(fd >= 0);
    close(fd);
    snprintf(example, sizeof example, "%s/examples/profiles/xavier-agx-googlenet.json", getenv("MAE_SOURCE_DIR"));
    check_file("schemas/mae-profile.schema.json", example);
    assert_null(mae_profile_read(example, &profile));
    assert_null(mae_profile_write(profile, path));
    check_file("schemas/mae-profile.schema.json", path);
    goal.minimize = MAE_MIN_WEIGHTED;
    goal.max_latency_ms = 2.5;
    goal.max_switches = 3;
    assert_null(mae_plan_solve(profile, &goal, &plan));
    assert_null(mae_plan_write(plan, path));
    check_file("schemas/mae-plan.schema.json", path);
    assert_null(mae_front_solve(profile, &goal, 0, &front));
    assert_null(mae_front_write(profile, front, path));
    check_file("schemas/mae-front.schema.json", path);
    mae_front_destroy(front);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    unlink(path);
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

static void keys_are_documented(void **state)
{
    (void)state;
    static const char *const names[] = {"schemas/mae-profile.schema.json", "schemas/mae-plan.schema.json",
                                        "schemas/mae-front.schema.json"};
    char path[4096];
    void *docs = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/docs/formats.md", getenv("MAE_SOURCE_DIR"));
    assert_null(mae_file_read(path, 1 << 20, &docs, &size));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *schema = load(names[i]);
        find_keys(schema, docs);
        json_decref(schema);
    }
    free(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_fits), cmocka_unit_test(keys_are_documented)};
    return cmocka_run_group_tests_name("schemas", tests, NULL, NULL);
}
