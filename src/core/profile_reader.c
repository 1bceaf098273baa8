#include "core/profile_reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(const char *key)
{
    return *key && key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == 0;
}

static void write_path(const mae_place *at, const char *key, char *path, size_t size)
{
    size_t used = 0;
    path[0] = 0;
    if (at->list && at->index >= 0)
        used = (size_t)snprintf(path, size, "%s[%ld]", at->list, at->index);
    else if (at->list)
        used = (size_t)snprintf(path, size, "%s", at->list);
    if (at->pe && used < size)
        used += (size_t)snprintf(path + used, size - used, is_plain(at->pe) ? ".cost.%s" : ".cost[\"%s\"]", at->pe);
    if (key && used < size)
        snprintf(path + used, size - used, "%s%s", used ? "." : "", key);
}

mae_error *mae_reader_error(const mae_reader *r, const mae_place *at, const char *key, const char *format, ...)
{
    char path[512], reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    write_path(at, key, path, sizeof path);
    return mae_json_error(r->json, path, "%s", reason);
}

mae_error *mae_reader_object(const mae_reader *r, const mae_place *at)
{
    return json_is_object(at->object) ? NULL : mae_reader_error(r, at, NULL, "is not an object");
}

static const char *type_name(json_type type)
{
    return type == JSON_OBJECT ? "an object" : type == JSON_ARRAY ? "a list" : "a string";
}

mae_error *mae_reader_value(const mae_reader *r, const mae_place *at, const char *key, json_type type, bool required,
                            json_t **ret_value)
{
    json_t *value = json_object_get(at->object, key);
    if (!value && required)
        return mae_reader_error(r, at, key, "is missing");
    if (value && json_typeof(value) != type)
        return mae_reader_error(r, at, key, "is not %s", type_name(type));
    *ret_value = value;
    return NULL;
}

mae_error *mae_reader_string(const mae_reader *r, const mae_place *at, const char *key, bool required,
                             const char **ret_text)
{
    json_t *value;
    MAE_TRY(mae_reader_value(r, at, key, JSON_STRING, required, &value));
    if (!value)
        return NULL;
    if (strlen(json_string_value(value)) != json_string_length(value))
        return mae_reader_error(r, at, key, "holds a zero byte");
    char *text = mae_arena_strdup(r->arena, json_string_value(value));
    if (!text)
        return mae_error_nomem();
    *ret_text = text;
    return NULL;
}

mae_error *mae_reader_number(const mae_reader *r, const mae_place *at, const char *key, bool required, double most,
                             double *ret_number)
{
    json_t *value = json_object_get(at->object, key);
    if (!value)
        return required ? mae_reader_error(r, at, key, "is missing") : NULL;
    if (!json_is_number(value))
        return mae_reader_error(r, at, key, "is not a number");
    double number = json_number_value(value);
    if (!isfinite(number) || number < 0)
        return mae_reader_error(r, at, key, "is %s", number < 0 ? "negative" : "not finite");
    if (number > most)
        return mae_reader_error(r, at, key, "%g is absurd (more than %g)", number, most);
    *ret_number = number;
    return NULL;
}

mae_error *mae_reader_dims(const mae_reader *r, const mae_place *at, json_t *list, mae_shape *ret_shape)
{
    if (json_array_size(list) > MAE_MAX_RANK)
        return mae_reader_error(r, at, "shape", "has more than %d dimensions", MAE_MAX_RANK);
    ret_shape->rank = (int)json_array_size(list);
    for (int d = 0; d < ret_shape->rank; d++) {
        json_t *dim = json_array_get(list, (size_t)d);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return mae_reader_error(r, at, "shape", "dimension %d is not a whole number from 0", d);
        ret_shape->dims[d] = json_integer_value(dim);
    }
    return NULL;
}

mae_error *mae_reader_energy(const mae_reader *r, const mae_place *at, const char *key, bool required,
                             double *ret_number)
{
    bool has_energy = r->profile->energy != MAE_ENERGY_NONE;
    double number = 0;
    if (!has_energy && strcmp(key, "energy_mj") == 0 && json_object_get(at->object, key))
        return mae_reader_error(r, at, key, "is stated, but energy_source is \"none\"");
    MAE_TRY(mae_reader_number(r, at, key, required && has_energy, MAE_PROFILE_MAX_COST, &number));
    *ret_number = has_energy ? number : 0;
    return NULL;
}

mae_error *mae_reader_index(const mae_reader *r, const mae_place *at, const char *key, const mae_names *names,
                            const char *what, int *ret_index)
{
    json_t *value;
    MAE_TRY(mae_reader_value(r, at, key, JSON_STRING, true, &value));
    int index = mae_names_find(names, json_string_value(value));
    if (index < 0)
        return mae_reader_error(r, at, key, "there is no %s \"%s\"", what, json_string_value(value));
    *ret_index = index;
    return NULL;
}

mae_error *mae_reader_list(const mae_reader *r, const char *key, bool required, size_t most, json_t **ret_list,
                           size_t *ret_n)
{
    mae_place root = {.object = r->root};
    json_t *list;
    MAE_TRY(mae_reader_value(r, &root, key, JSON_ARRAY, required, &list));
    if (json_array_size(list) > most)
        return mae_json_error(r->json, key, "%zu entries are absurd (more than %zu)", json_array_size(list), most);
    *ret_list = list;
    *ret_n = json_array_size(list);
    return NULL;
}

mae_error *mae_reader_format(const mae_reader *r, const char *wanted)
{
    const char *format;
    double version;
    mae_place root = {.object = r->root};
    if (!json_is_object(r->root))
        return mae_json_error(r->json, "", "a %s is a JSON object", wanted + strlen("mae-"));
    MAE_TRY(mae_reader_string(r, &root, "format", true, &format));
    if (strcmp(format, wanted) != 0)
        return mae_json_error(r->json, "format", "\"%s\" is not \"%s\"", format, wanted);
    MAE_TRY(mae_reader_number(r, &root, "version", true, 1e9, &version));
    return version == 1 ? NULL : mae_json_error(r->json, "version", "this program reads version 1");
}

mae_error *mae_reader_keep(const mae_reader *r, json_t **kept)
{
    json_t *copy = json_deep_copy(r->root);
    if (!copy)
        return mae_error_nomem();
    json_decref(*kept);
    *kept = copy;
    return NULL;
}
