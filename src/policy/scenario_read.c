/* Reading scenario scripts: docs/formats.md, "Scenario script". A key that nothing reads is refused: scripts are
 * written by hand, and a slip would change what they mean without a word. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile_reader.h"
#include "policy/scenario_impl.h"

static const char *const root_keys[] = {"format", "version", "name",       "note",    "profile",
                                        "rules",  "soc",     "noise",      "seed",    "phases",
                                        "events", "faults",  "contention", "ambient", NULL};
static const char *const soc_keys[] = {"static_w",
                                       "battery_wh",
                                       "battery_level",
                                       "other_w",
                                       "ambient_c",
                                       "thermal_k_per_w",
                                       "thermal_s",
                                       "throttle_c",
                                       "throttle_factor",
                                       "throttle_hysteresis_k",
                                       "switch_ms",
                                       "switch_mj",
                                       NULL};
static const char *const phase_keys[] = {"name", "duration_s", "frames_per_second", "deadline_ms", "events", NULL};
static const char *const event_keys[] = {"at_s", "event", "on", NULL};
static const char *const fault_keys[] = {"at_s", "pe", "fault", "factor", "stall_ms", NULL};
static const char *const load_keys[] = {"from_s", "to_s", "pe", "factor", NULL};
static const char *const ambient_keys[] = {"at_s", "ambient_c", NULL};

static bool is_plain(const char *key)
{
    return strlen(key) < 64 &&
           key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == 0;
}

static mae_error *check_object(const mae_reader *r, const mae_place *at, const char *const *known)
{
    const char *key;
    json_t *value;
    MAE_TRY(mae_reader_object(r, at));
    json_object_foreach (at->object, key, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (known[i])
            continue;
        return is_plain(key) ? mae_reader_error(r, at, key, "is not a key of a scenario script here")
                             : mae_reader_error(r, at, NULL, "has a key that is none of a scenario script's");
    }
    return NULL;
}

static mae_error *read_range(const mae_reader *r, const mae_place *at, const char *key, bool required, double least,
                             double most, double *ret_number)
{
    json_t *value = json_object_get(at->object, key);
    if (!value)
        return required ? mae_reader_error(r, at, key, "is missing") : NULL;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most))
        return mae_reader_error(r, at, key, "is not a number from %g to %g", least, most);
    *ret_number = number;
    return NULL;
}

static mae_error *read_word(const mae_reader *r, const mae_place *at, const char *key, const char **ret_word)
{
    MAE_TRY(mae_reader_string(r, at, key, true, ret_word));
    return **ret_word ? NULL : mae_reader_error(r, at, key, "is empty");
}

/* ---- the board ---- */

static mae_error *read_soc(const mae_reader *r, mae_scenario_soc *soc)
{
    mae_place root = {.object = r->root}, at = {.list = "soc", .index = -1};
    MAE_TRY(mae_reader_value(r, &root, "soc", JSON_OBJECT, false, &at.object));
    if (!at.object)
        return NULL;
    MAE_TRY(check_object(r, &at, soc_keys));
    const struct {
        const char *key;
        double least, most, *number;
    } numbers[] = {{"static_w", 0, 1e6, &soc->static_w},
                   {"battery_wh", 1e-9, 1e9, &soc->battery_wh},
                   {"battery_level", 0, 1, &soc->battery_level},
                   {"other_w", 0, 1e6, &soc->other_w},
                   {"ambient_c", -100, 200, &soc->ambient_c},
                   {"thermal_k_per_w", 0, 1e6, &soc->k_per_w},
                   {"thermal_s", 1e-6, 1e6, &soc->thermal_s},
                   {"throttle_c", -100, 1000, &soc->throttle_c},
                   {"throttle_factor", 1, 1e6, &soc->throttle_factor},
                   {"throttle_hysteresis_k", 0, 1000, &soc->throttle_hysteresis_k},
                   {"switch_ms", 0, 1e6, &soc->switch_ms},
                   {"switch_mj", 0, 1e9, &soc->switch_mj}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        MAE_TRY(read_range(r, &at, numbers[i].key, false, numbers[i].least, numbers[i].most, numbers[i].number));
    soc->has_static = json_object_get(at.object, "static_w") != NULL;
    return NULL;
}

/* ---- lists ---- */

typedef mae_error *read_entry(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s);

typedef struct list_kind {
    const char *name;
    const char *const *keys;
    const char *time_key; /* by which the list is in order; NULL: it has none */
    size_t size;
    read_entry *read;
} list_kind;

static mae_error *read_list(const mae_reader *r, mae_scenario *s, const list_kind *kind, void **ret_entries,
                            size_t *ret_n)
{
    json_t *list;
    size_t n;
    double before = 0, time_s = 0;
    MAE_TRY(mae_reader_list(r, kind->name, kind->time_key == NULL, SCENARIO_MAX_ENTRIES, &list, &n));
    char *entries = mae_arena_array(r->arena, n, kind->size);
    if (!entries)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = kind->name, .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(check_object(r, &at, kind->keys));
        if (kind->time_key)
            MAE_TRY(read_range(r, &at, kind->time_key, true, 0, s->duration_s, &time_s));
        if (time_s < before)
            return mae_reader_error(r, &at, kind->time_key, "%g is earlier than %g of the entry before it", time_s,
                                    before);
        before = time_s;
        MAE_TRY(kind->read(r, &at, s, entries + i * kind->size, &time_s));
    }
    *ret_entries = entries;
    *ret_n = n;
    return NULL;
}

static mae_error *read_phase(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s)
{
    mae_scenario_phase *phase = entry;
    json_t *events;
    (void)time_s;
    phase->name = "";
    phase->start_s = s->duration_s;
    MAE_TRY(mae_reader_string(r, at, "name", false, &phase->name));
    MAE_TRY(read_range(r, at, "duration_s", true, 1e-3, 1e6, &phase->duration_s));
    MAE_TRY(read_range(r, at, "frames_per_second", true, 1e-3, 1e5, &phase->fps));
    MAE_TRY(read_range(r, at, "deadline_ms", false, 1e-6, 1e9, &phase->deadline_ms));
    MAE_TRY(mae_reader_value(r, at, "events", JSON_ARRAY, false, &events));
    phase->n_events = json_array_size(events);
    if (phase->n_events > MAE_MAX_RULES)
        return mae_reader_error(r, at, "events", "more than %d events at once are absurd", MAE_MAX_RULES);
    const char **words = mae_arena_array(r->arena, phase->n_events, sizeof *words);
    if (!words)
        return mae_error_nomem();
    phase->events = words;
    for (size_t i = 0; i < phase->n_events; i++) {
        const json_t *word = json_array_get(events, i);
        if (!json_is_string(word) || strlen(json_string_value(word)) != json_string_length(word))
            return mae_reader_error(r, at, "events", "entry %zu is not a word", i);
        words[i] = mae_arena_strdup(r->arena, json_string_value(word));
        if (!words[i])
            return mae_error_nomem();
    }
    s->duration_s += phase->duration_s;
    return NULL;
}

static mae_error *read_event(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s)
{
    mae_scenario_event *event = entry;
    json_t *on = json_object_get(at->object, "on");
    (void)s;
    event->at_s = *time_s;
    MAE_TRY(read_word(r, at, "event", &event->event));
    if (!json_is_boolean(on))
        return mae_reader_error(r, at, "on", on ? "is not true or false" : "is missing");
    event->on = json_is_true(on);
    return NULL;
}

static mae_error *read_fault(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s)
{
    static const char *const names[] = {"lose", "return", "slow", "stall", "lie"};
    mae_scenario_fault *fault = entry;
    const char *name;
    size_t kind = 0;
    (void)s;
    fault->at_s = *time_s;
    fault->factor = 1;
    MAE_TRY(read_word(r, at, "pe", &fault->pe));
    MAE_TRY(read_word(r, at, "fault", &name));
    while (kind < 5 && strcmp(names[kind], name) != 0)
        kind++;
    if (kind == 5)
        return mae_reader_error(r, at, "fault", "is not one of lose, return, slow, stall, lie");
    fault->fault = (mae_fault)kind;
    bool factor = kind == MAE_FAULT_SLOW || kind == MAE_FAULT_LIE, stall = kind == MAE_FAULT_STALL;
    if (!factor && json_object_get(at->object, "factor"))
        return mae_reader_error(r, at, "factor", "does not belong to the fault \"%s\"", names[kind]);
    if (!stall && json_object_get(at->object, "stall_ms"))
        return mae_reader_error(r, at, "stall_ms", "does not belong to the fault \"%s\"", names[kind]);
    MAE_TRY(read_range(r, at, "factor", factor, 1e-3, 1e3, &fault->factor));
    return read_range(r, at, "stall_ms", stall, 0, 1e6, &fault->stall_ms);
}

static mae_error *read_load(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s)
{
    mae_scenario_load *load = entry;
    load->from_s = *time_s;
    MAE_TRY(read_range(r, at, "to_s", true, load->from_s, s->duration_s, &load->to_s));
    if (json_object_get(at->object, "pe"))
        MAE_TRY(read_word(r, at, "pe", &load->pe));
    /* Below 1 would break the bound of the clairvoyant optimum: nothing runs faster for company. */
    return read_range(r, at, "factor", true, 1, 1e3, &load->factor);
}

static mae_error *read_ambient(const mae_reader *r, const mae_place *at, mae_scenario *s, void *entry, double *time_s)
{
    mae_scenario_ambient *ambient = entry;
    (void)s;
    ambient->at_s = *time_s;
    return read_range(r, at, "ambient_c", true, -100, 200, &ambient->ambient_c);
}

static const list_kind phases = {"phases", phase_keys, NULL, sizeof(mae_scenario_phase), read_phase};
static const list_kind events = {"events", event_keys, "at_s", sizeof(mae_scenario_event), read_event};
static const list_kind faults = {"faults", fault_keys, "at_s", sizeof(mae_scenario_fault), read_fault};
static const list_kind loads = {"contention", load_keys, "from_s", sizeof(mae_scenario_load), read_load};
static const list_kind ambients = {"ambient", ambient_keys, "at_s", sizeof(mae_scenario_ambient), read_ambient};

/* ---- the whole ---- */

/* A path of the script, from the folder the script is in. */
static mae_error *read_path(const mae_reader *r, const char *script, const char *key, bool required,
                            const char **ret_path)
{
    mae_place root = {.object = r->root};
    const char *text = NULL, *slash = strrchr(script, '/');
    MAE_TRY(mae_reader_string(r, &root, key, required, &text));
    if (!text)
        return NULL;
    if (!*text)
        return mae_reader_error(r, &root, key, "is empty");
    if (*text != '/' && slash)
        text = mae_arena_printf(r->arena, "%.*s/%s", (int)(slash - script), script, text);
    if (!text)
        return mae_error_nomem();
    *ret_path = text;
    return NULL;
}

static mae_error *read_lists(const mae_reader *r, mae_scenario *s)
{
    void *list[5];
    MAE_TRY(read_list(r, s, &phases, &list[0], &s->n_phases));
    if (s->n_phases == 0)
        return mae_json_error(r->json, "phases", "there is no phase");
    s->phases = list[0];
    double frames = 0;
    for (size_t i = 0; i < s->n_phases; i++)
        frames += s->phases[i].duration_s * s->phases[i].fps;
    if (frames > MAE_SCENARIO_MAX_FRAMES)
        return mae_json_error(r->json, "phases", "%.0f frames are absurd (more than %.0f)", frames,
                              MAE_SCENARIO_MAX_FRAMES);
    MAE_TRY(read_list(r, s, &events, &list[1], &s->n_events));
    MAE_TRY(read_list(r, s, &faults, &list[2], &s->n_faults));
    MAE_TRY(read_list(r, s, &loads, &list[3], &s->n_loads));
    MAE_TRY(read_list(r, s, &ambients, &list[4], &s->n_ambients));
    s->events = list[1];
    s->faults = list[2];
    s->loads = list[3];
    s->ambients = list[4];
    return NULL;
}

static mae_error *read_all(const mae_reader *r, const char *path, mae_scenario *s)
{
    mae_place root = {.object = r->root};
    double seed = 1;
    MAE_TRY(mae_reader_format(r, "mae-scenario-script"));
    MAE_TRY(check_object(r, &root, root_keys));
    MAE_TRY(mae_reader_string(r, &root, "name", false, &s->name));
    MAE_TRY(read_path(r, path, "profile", true, &s->profile_path));
    MAE_TRY(read_path(r, path, "rules", false, &s->rules_path));
    MAE_TRY(read_soc(r, &s->soc));
    MAE_TRY(read_range(r, &root, "noise", false, 0, 0.5, &s->noise));
    MAE_TRY(read_range(r, &root, "seed", false, 0, 9007199254740992.0, &seed));
    s->seed = (uint64_t)seed;
    return read_lists(r, s);
}

static mae_error *from_json(const mae_json *json, const char *path, mae_scenario **ret_scenario)
{
    mae_scenario *s = calloc(1, sizeof *s);
    if (!s)
        return mae_error_nomem();
    *s = (mae_scenario){.name = "", .priv = mae_arena_create()};
    s->soc = (mae_scenario_soc){.battery_level = 1,
                                .ambient_c = 25,
                                .thermal_s = 30,
                                .throttle_c = INFINITY,
                                .throttle_factor = 1,
                                .throttle_hysteresis_k = 5};
    mae_reader reader = {.json = json, .root = mae_json_root(json), .arena = s->priv};
    mae_error *error = s->priv ? read_all(&reader, path, s) : mae_error_nomem();
    if (error) {
        mae_scenario_destroy(s);
        return error;
    }
    *ret_scenario = s;
    return NULL;
}

mae_error *mae_scenario_parse(const char *name, const char *text, size_t size, mae_scenario **ret_scenario)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_parse(name, text, size, &json));
    mae_error *error = from_json(json, name, ret_scenario);
    mae_json_destroy(json);
    return error;
}

mae_error *mae_scenario_read(const char *path, mae_scenario **ret_scenario)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_read(path, SCENARIO_MAX_FILE_BYTES, &json));
    mae_error *error = from_json(json, path, ret_scenario);
    mae_json_destroy(json);
    return error;
}

void mae_scenario_destroy(mae_scenario *scenario)
{
    if (!scenario)
        return;
    mae_arena_destroy(scenario->priv);
    free(scenario);
}
