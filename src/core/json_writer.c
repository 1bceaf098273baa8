#include "core/json_writer.h"

#include <math.h>
#include <string.h>

void mae_json_put(mae_json_writer *out, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        out->failed = true;
}

void mae_json_append(mae_json_writer *out, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        out->failed = true;
}

void mae_json_put_string(mae_json_writer *out, json_t *object, const char *key, const char *text)
{
    if (*text)
        mae_json_put(out, object, key, json_string(text));
}

void mae_json_put_optional(mae_json_writer *out, json_t *object, const char *key, double value)
{
    if (value != 0)
        mae_json_put(out, object, key, json_real(value));
}

void mae_json_put_count(mae_json_writer *out, json_t *object, const char *key, double value)
{
    bool whole = value == floor(value) && value < 9007199254740992.0;
    mae_json_put(out, object, key, whole ? json_integer((json_int_t)value) : json_real(value));
}

void mae_json_graft(mae_json_writer *out, json_t *object, json_t *kept, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach (kept, key, value) {
        bool is_known = false;
        for (size_t k = 0; known[k] && !is_known; k++)
            is_known = strcmp(key, known[k]) == 0;
        if (!is_known)
            mae_json_put(out, object, key, json_deep_copy(value));
    }
}
