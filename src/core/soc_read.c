/* Reading SoC files: everything is checked that does not take the machine itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/soc_cores.h"
#include "core/profile_reader.h"
#include "core/soc.h"

#define MOST_FILE_BYTES (1u << 20)
#define MOST_LIST 64
#define MOST_WATTS 1e6
#define MOST_TOLERANCE 1e6

typedef struct soc_reader {
    mae_reader r; /* json, root and arena are used */
    mae_soc *soc;
} soc_reader;

/* ---- small things ---- */

/* "./x" lies beside the file. */
static const char *beside_file(const soc_reader *s, const char *text)
{
    const char *slash = strrchr(s->soc->file, '/');
    if (strncmp(text, "./", 2) != 0 || !slash)
        return text;
    return mae_arena_printf(s->r.arena, "%.*s/%s", (int)(slash - s->soc->file), s->soc->file, text + 2);
}

static mae_error *check_keys(const soc_reader *s, const mae_place *at, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach (at->object, key, value) {
        bool found = false;
        for (size_t k = 0; known[k]; k++)
            found = found || strcmp(key, known[k]) == 0;
        if (!found)
            return mae_reader_error(&s->r, at, key, "no such key here");
    }
    return NULL;
}

static mae_error *read_list(const soc_reader *s, const mae_place *at, const char *key, json_t **ret_list, size_t *ret_n)
{
    MAE_TRY(mae_reader_value(&s->r, at, key, JSON_ARRAY, false, ret_list));
    *ret_n = json_array_size(*ret_list);
    if (*ret_n > MOST_LIST)
        return mae_reader_error(&s->r, at, key, "has more than %d entries", MOST_LIST);
    return NULL;
}

static mae_error *read_names(const soc_reader *s, const mae_place *at, const char *key, size_t *ret_n,
                             const char *const **ret_names)
{
    json_t *list;
    size_t n;
    MAE_TRY(read_list(s, at, key, &list, &n));
    const char **names = mae_arena_array(s->r.arena, n, sizeof *names);
    if (!names)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !*text)
            return mae_reader_error(&s->r, at, key, "entry %zu is not a name", i);
        if (!(names[i] = mae_arena_strdup(s->r.arena, text)))
            return mae_error_nomem();
    }
    *ret_n = n;
    *ret_names = names;
    return NULL;
}

static mae_error *read_name(const soc_reader *s, const mae_place *at, const char *key, const char **ret_name)
{
    MAE_TRY(mae_reader_string(&s->r, at, key, true, ret_name));
    if (!**ret_name || strchr(*ret_name, ',') || strlen(*ret_name) > 100)
        return mae_reader_error(&s->r, at, key, "\"%.40s\" is no name: 1 to 100 characters without a comma", *ret_name);
    return NULL;
}

static mae_error *read_count(const soc_reader *s, const mae_place *at, const char *key, double most, int *count)
{
    double number = *count;
    MAE_TRY(mae_reader_number(&s->r, at, key, false, most, &number));
    if (number != floor(number))
        return mae_reader_error(&s->r, at, key, "%g is not a whole number", number);
    *count = (int)number;
    return NULL;
}

/* The members of an object whose values are text, or numbers and truth values as text. */
static mae_error *read_pairs(const soc_reader *s, const mae_place *at, mae_option *pairs)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach (at->object, key, value) {
        char *text = NULL, *name = mae_arena_strdup(s->r.arena, key);
        if (json_is_string(value))
            text = mae_arena_strdup(s->r.arena, json_string_value(value));
        else if (json_is_integer(value))
            text = mae_arena_printf(s->r.arena, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
            text = mae_arena_printf(s->r.arena, "%.17g", json_real_value(value));
        else if (json_is_boolean(value))
            text = mae_arena_strdup(s->r.arena, json_is_true(value) ? "1" : "0");
        else
            return mae_reader_error(&s->r, at, key, "is neither text nor a number");
        pairs[n].key = name;
        pairs[n].value = text ? beside_file(s, text) : NULL;
        if (!name || !pairs[n++].value)
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *read_object(const soc_reader *s, const mae_place *above, const char *list, const char *key,
                              mae_place *at, mae_option **ret_pairs, size_t *ret_n)
{
    *at = (mae_place){.index = -1, .list = mae_arena_printf(s->r.arena, "%s.%s", list, key)};
    MAE_TRY(mae_reader_value(&s->r, above, key, JSON_OBJECT, false, &at->object));
    *ret_n = json_object_size(at->object);
    *ret_pairs = mae_arena_array(s->r.arena, *ret_n, sizeof **ret_pairs);
    if (!at->list || !*ret_pairs)
        return mae_error_nomem();
    return read_pairs(s, at, *ret_pairs);
}

/* ---- PEs ---- */

static mae_error *read_files(const soc_reader *s, const mae_place *above, const char *list, mae_soc_level *level)
{
    mae_place at;
    mae_option *pairs;
    MAE_TRY(read_object(s, above, list, "sysfs", &at, &pairs, &level->n_files));
    mae_soc_file *files = mae_arena_array(s->r.arena, level->n_files, sizeof *files);
    if (!files)
        return mae_error_nomem();
    for (size_t i = 0; i < level->n_files; i++) {
        if (strncmp(pairs[i].key, "/sys/", 5) != 0 || strstr(pairs[i].key, "/../"))
            return mae_reader_error(&s->r, &at, NULL, "\"%.80s\" is not a file below /sys", pairs[i].key);
        files[i] = (mae_soc_file){pairs[i].key, pairs[i].value};
    }
    level->files = files;
    return NULL;
}

static mae_error *read_level(const soc_reader *s, const mae_place *at, const char *list, mae_soc_level *level)
{
    static const char *const known[] = {"name", "sysfs", "watts", "segment_ms", "segment_mj", "note", NULL};
    MAE_TRY(mae_reader_object(&s->r, at));
    MAE_TRY(check_keys(s, at, known));
    level->watts = -1;
    MAE_TRY(read_name(s, at, "name", &level->name));
    MAE_TRY(mae_reader_number(&s->r, at, "watts", false, MOST_WATTS, &level->watts));
    MAE_TRY(mae_reader_number(&s->r, at, "segment_ms", false, MAE_PROFILE_MAX_COST, &level->segment_ms));
    MAE_TRY(mae_reader_number(&s->r, at, "segment_mj", false, MAE_PROFILE_MAX_COST, &level->segment_mj));
    return read_files(s, at, list, level);
}

static mae_error *read_levels(const soc_reader *s, const mae_place *above, mae_soc_pe *pe)
{
    json_t *list;
    MAE_TRY(read_list(s, above, "levels", &list, &pe->n_levels));
    mae_soc_level *levels = mae_arena_array(s->r.arena, pe->n_levels, sizeof *levels);
    const char *where = mae_arena_printf(s->r.arena, "pes[%ld].levels", above->index);
    if (!levels || !where)
        return mae_error_nomem();
    for (size_t i = 0; i < pe->n_levels; i++) {
        mae_place at = {.list = where, .index = (long)i, .object = json_array_get(list, i)};
        const char *own = mae_arena_printf(s->r.arena, "%s[%zu]", where, i);
        if (!own)
            return mae_error_nomem();
        MAE_TRY(read_level(s, &at, own, &levels[i]));
        for (size_t k = 0; k < i; k++)
            if (strcmp(levels[k].name, levels[i].name) == 0)
                return mae_reader_error(&s->r, &at, "name", "there is another level \"%s\"", levels[i].name);
    }
    pe->levels = levels;
    return NULL;
}

static mae_error *read_cores(const soc_reader *s, const mae_place *at, mae_soc_pe *pe)
{
    MAE_TRY(mae_reader_string(&s->r, at, "cores", false, &pe->cores));
    mae_error *error = pe->cores ? mae_soc_name_cluster(pe->cores, s->r.arena, &pe->resource) : NULL;
    if (mae_error_code(error) != MAE_ERR_USAGE)
        return error;
    mae_error *place = mae_reader_error(&s->r, at, "cores", "%s", mae_error_message(error));
    mae_error_free(error);
    return place;
}

static mae_error *read_pe(const soc_reader *s, const mae_place *at, mae_soc_pe *pe)
{
    static const char *const known[] = {"name",       "backend",    "options", "threads",       "cores",
                                        "resource",   "precision",  "rails",   "watts",         "max_segments",
                                        "segment_ms", "segment_mj", "levels",  "abs_tolerance", "rel_tolerance",
                                        "note",       NULL};
    MAE_TRY(mae_reader_object(&s->r, at));
    MAE_TRY(check_keys(s, at, known));
    *pe = (mae_soc_pe){.precision = "", .watts = -1, .abs_tolerance = -1, .rel_tolerance = -1};
    MAE_TRY(read_name(s, at, "name", &pe->name));
    MAE_TRY(read_name(s, at, "backend", &pe->backend));
    if (pe->backend[strspn(pe->backend, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
        return mae_reader_error(&s->r, at, "backend", "\"%s\" is not a backend's name", pe->backend);
    pe->resource = pe->name;
    MAE_TRY(mae_reader_string(&s->r, at, "precision", false, &pe->precision));
    MAE_TRY(read_count(s, at, "threads", 1024, &pe->threads));
    MAE_TRY(read_cores(s, at, pe));
    MAE_TRY(mae_reader_string(&s->r, at, "resource", false, &pe->resource));
    MAE_TRY(read_count(s, at, "max_segments", 1e6, &pe->max_segments));
    MAE_TRY(mae_reader_number(&s->r, at, "watts", false, MOST_WATTS, &pe->watts));
    MAE_TRY(mae_reader_number(&s->r, at, "abs_tolerance", false, MOST_TOLERANCE, &pe->abs_tolerance));
    MAE_TRY(mae_reader_number(&s->r, at, "rel_tolerance", false, MOST_TOLERANCE, &pe->rel_tolerance));
    MAE_TRY(mae_reader_number(&s->r, at, "segment_ms", false, MAE_PROFILE_MAX_COST, &pe->segment_ms));
    MAE_TRY(mae_reader_number(&s->r, at, "segment_mj", false, MAE_PROFILE_MAX_COST, &pe->segment_mj));
    MAE_TRY(read_names(s, at, "rails", &pe->n_rails, &pe->rails));
    mae_place unused;
    mae_option *options;
    const char *list = mae_arena_printf(s->r.arena, "pes[%ld]", at->index);
    if (!list)
        return mae_error_nomem();
    MAE_TRY(read_object(s, at, list, "options", &unused, &options, &pe->n_options));
    pe->options = options;
    return read_levels(s, at, pe);
}

/* PEs of two resources may run at once: then they must not want the same processor. */
static mae_error *check_cluster(const soc_reader *s, const mae_place *at, const mae_soc_pe *pes, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        int core;
        if (!pes[i].cores || !pes[k].cores || strcmp(pes[i].resource, pes[k].resource) == 0)
            continue;
        MAE_TRY(mae_soc_common_core(pes[i].cores, pes[k].cores, &core));
        if (core >= 0)
            return mae_reader_error(&s->r, at, "cores",
                                    "processor %d is also %s's, and their resources are \"%s\" and \"%s\": state one "
                                    "\"resource\" for both",
                                    core, pes[k].name, pes[i].resource, pes[k].resource);
    }
    return NULL;
}

static mae_error *read_pes(soc_reader *s)
{
    json_t *list;
    MAE_TRY(mae_reader_list(&s->r, "pes", true, MAE_PROFILE_MAX_PES, &list, &s->soc->n_pes));
    if (s->soc->n_pes == 0)
        return mae_json_error(s->r.json, "pes", "is empty");
    mae_soc_pe *pes = mae_arena_array(s->r.arena, s->soc->n_pes, sizeof *pes);
    if (!pes)
        return mae_error_nomem();
    size_t all = 0;
    for (size_t i = 0; i < s->soc->n_pes; i++) {
        mae_place at = {.list = "pes", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(read_pe(s, &at, &pes[i]));
        for (size_t k = 0; k < i; k++)
            if (strcmp(pes[k].name, pes[i].name) == 0)
                return mae_reader_error(&s->r, &at, "name", "there is another PE \"%s\"", pes[i].name);
        MAE_TRY(check_cluster(s, &at, pes, i));
        all += pes[i].n_levels ? pes[i].n_levels : 1;
    }
    s->soc->pes = pes;
    if (all > MAE_PROFILE_MAX_PES)
        return mae_json_error(s->r.json, "pes", "more than %d PEs, levels counted", MAE_PROFILE_MAX_PES);
    return NULL;
}

/* ---- the rest ---- */

static mae_error *read_meter(soc_reader *s, const mae_place *root)
{
    static const char *const known[] = {"driver", "root", "period_ms", "note", NULL};
    mae_place at = {.list = "meter", .index = -1};
    mae_soc *soc = s->soc;
    soc->meter = "";
    soc->meter_root = "/";
    MAE_TRY(mae_reader_value(&s->r, root, "meter", JSON_OBJECT, false, &at.object));
    if (!at.object)
        return NULL;
    MAE_TRY(check_keys(s, &at, known));
    MAE_TRY(mae_reader_string(&s->r, &at, "driver", true, &soc->meter));
    if (strcmp(soc->meter, "hwmon") != 0 && strcmp(soc->meter, "powercap") != 0 && strcmp(soc->meter, "battery") != 0)
        return mae_reader_error(&s->r, &at, "driver", "\"%s\" is not hwmon, powercap or battery", soc->meter);
    MAE_TRY(mae_reader_string(&s->r, &at, "root", false, &soc->meter_root));
    soc->meter_root = beside_file(s, soc->meter_root);
    MAE_TRY(mae_reader_number(&s->r, &at, "period_ms", false, 1e6, &soc->meter_period_ms));
    return soc->meter_root ? NULL : mae_error_nomem();
}

/* Rails without a meter to read them would be ignored in silence. */
static mae_error *check_rails(const soc_reader *s)
{
    const mae_soc *soc = s->soc;
    if (*soc->meter)
        return NULL;
    if (soc->n_rails || soc->n_static_rails)
        return mae_json_error(s->r.json, soc->n_rails ? "rails" : "static_rails", "there is no meter to read them");
    for (size_t i = 0; i < soc->n_pes; i++) {
        mae_place at = {.list = "pes", .index = (long)i};
        if (soc->pes[i].n_rails)
            return mae_reader_error(&s->r, &at, "rails", "there is no meter to read them");
    }
    return NULL;
}

static mae_error *read_soc(soc_reader *s)
{
    static const char *const known[] = {"format",       "version", "name", "mode", "meter", "static_w",
                                        "static_rails", "rails",   "pes",  "note", NULL};
    mae_place root = {.object = s->r.root};
    const char *format = "";
    double version = 0;
    MAE_TRY(mae_reader_object(&s->r, &root));
    MAE_TRY(mae_reader_string(&s->r, &root, "format", true, &format));
    if (strcmp(format, "mae-soc") != 0)
        return mae_json_error(s->r.json, "format", "\"%s\" is not \"mae-soc\"", format);
    MAE_TRY(mae_reader_number(&s->r, &root, "version", true, 1e9, &version));
    if (version != 1)
        return mae_json_error(s->r.json, "version", "%g is not a version this program reads (1)", version);
    MAE_TRY(check_keys(s, &root, known));
    s->soc->name = s->soc->mode = "";
    s->soc->static_w = -1;
    MAE_TRY(mae_reader_string(&s->r, &root, "name", true, &s->soc->name));
    MAE_TRY(mae_reader_string(&s->r, &root, "mode", false, &s->soc->mode));
    MAE_TRY(mae_reader_number(&s->r, &root, "static_w", false, MOST_WATTS, &s->soc->static_w));
    MAE_TRY(read_meter(s, &root));
    MAE_TRY(read_names(s, &root, "rails", &s->soc->n_rails, &s->soc->rails));
    MAE_TRY(read_names(s, &root, "static_rails", &s->soc->n_static_rails, &s->soc->static_rails));
    MAE_TRY(read_pes(s));
    return check_rails(s);
}

mae_error *mae_soc_from_json(const char *path, const mae_json *json, mae_soc **ret_soc)
{
    mae_arena *arena = mae_arena_create();
    mae_soc *soc = arena ? mae_arena_alloc(arena, sizeof *soc) : NULL;
    if (!soc) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    soc->priv = arena;
    soc->file = mae_arena_strdup(arena, path);
    soc_reader s = {.r = {.json = json, .root = mae_json_root(json), .arena = arena}, .soc = soc};
    mae_error *error = soc->file ? read_soc(&s) : mae_error_nomem();
    if (error) {
        mae_soc_destroy(soc);
        return error;
    }
    *ret_soc = soc;
    return NULL;
}

mae_error *mae_soc_read(const char *path, mae_soc **ret_soc)
{
    mae_json *json;
    MAE_TRY(mae_json_read(path, MOST_FILE_BYTES, &json));
    mae_error *error = mae_soc_from_json(path, json, ret_soc);
    mae_json_destroy(json);
    return error;
}

void mae_soc_destroy(mae_soc *soc)
{
    if (soc)
        mae_arena_destroy(soc->priv);
}
