/* Values held against the JSON Schemas in schemas/, by a checker that knows the words they use and fails on any
 * other. */
#ifndef MAE_TESTS_SCHEMA_H
#define MAE_TESTS_SCHEMA_H

#include <jansson.h>

/* A JSON file below the source folder; fails the test when it cannot be read. */
json_t *schema_load(const char *name);

/* Fails the test, naming the place, where `value` does not fit. */
void schema_check(const json_t *schema, const json_t *value, const char *where);

/* A text that has to be JSON and fit the schema `name`; the value, the caller's. */
json_t *schema_check_text(const char *name, const char *text);

/* Every key of the schema `name` is in docs/formats.md. */
void schema_check_documented(const char *name);

#endif
