/* Building JSON objects: out of memory is noticed once, at the end (jansson's setters fail on NULL). */
#ifndef MAE_CORE_JSON_WRITER_H
#define MAE_CORE_JSON_WRITER_H

#include <jansson.h>
#include <stdbool.h>

typedef struct mae_json_writer {
    bool failed;
} mae_json_writer;

/* These take over the reference to `value`. */
void mae_json_put(mae_json_writer *out, json_t *object, const char *key, json_t *value);
void mae_json_append(mae_json_writer *out, json_t *list, json_t *value);

/* Nothing is written for an empty text, or (put_optional) for a 0: their absence means the same. */
void mae_json_put_string(mae_json_writer *out, json_t *object, const char *key, const char *text);
void mae_json_put_optional(mae_json_writer *out, json_t *object, const char *key, double value);

/* A number that stands as an integer where it is whole. */
void mae_json_put_count(mae_json_writer *out, json_t *object, const char *key, double value);

/* Copies the keys of `kept` (may be NULL) that are not in `known`, a list that ends with NULL. */
void mae_json_graft(mae_json_writer *out, json_t *object, json_t *kept, const char *const *known);

#endif
