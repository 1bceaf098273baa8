#include "backends/sim/script.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES (16u << 20)
#define MOST_EVENTS 100000u
#define MOST_MS 1e12

static const char *const deeds[] = {"slow", "stall", "lose", "return", "lie", "delay"};

/* One event of the file, for messages. */
typedef struct place {
    const mae_json *json;
    size_t index;
    const json_t *object;
} place;

static mae_error *wrong(const place *at, const char *key, const char *reason)
{
    char path[128];
    snprintf(path, sizeof path, "events[%zu]%s%s", at->index, *key ? "." : "", key);
    return mae_json_error(at->json, path, "%s", reason);
}

static mae_error *read_number(const place *at, const char *key, double least, double most, double *ret_number)
{
    const json_t *value = json_object_get(at->object, key);
    char reason[96];
    if (!value)
        return wrong(at, key, "is missing");
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most)) {
        snprintf(reason, sizeof reason, "is not a number from %g to %g", least, most);
        return wrong(at, key, reason);
    }
    *ret_number = number;
    return NULL;
}

static mae_error *read_when(const place *at, sim_script_event *event)
{
    const json_t *ms = json_object_get(at->object, "at_ms"), *run = json_object_get(at->object, "at_run");
    if (!ms == !run)
        return wrong(at, "", "needs either at_ms or at_run");
    event->by_run = run != NULL;
    double when = 0;
    MAE_TRY(read_number(at, run ? "at_run" : "at_ms", run ? 1 : 0, MOST_MS, &when));
    if (run && when != floor(when))
        return wrong(at, "at_run", "is not a whole number");
    event->at_ns = when * 1e6;
    event->at_run = (uint64_t)when;
    return NULL;
}

static mae_error *read_deed(const place *at, sim_script_event *event)
{
    const char *text = json_string_value(json_object_get(at->object, "event"));
    size_t deed = 0, n = sizeof deeds / sizeof *deeds;
    while (text && deed < n && strcmp(deeds[deed], text) != 0)
        deed++;
    if (!text || deed == n)
        return wrong(at, "event", "is not one of slow, stall, lose, return, lie, delay");
    event->deed = (sim_deed)deed;
    if (event->deed == SIM_SLOW || event->deed == SIM_LIE)
        return read_number(at, "factor", 1e-6, 1e6, &event->factor);
    if (event->deed == SIM_STALL || event->deed == SIM_DELAY) {
        MAE_TRY(read_number(at, "ms", 0, MOST_MS, &event->stall_ns));
        event->stall_ns *= 1e6;
    }
    return NULL;
}

/* A key that nothing reads is a mistake: scripts are written by hand. */
static mae_error *check_keys(const place *at, const sim_script_event *event)
{
    bool factor = event->deed == SIM_SLOW || event->deed == SIM_LIE;
    bool takes_ms = event->deed == SIM_STALL || event->deed == SIM_DELAY;
    const char *const known[] = {"at_ms", "at_run", "pe", "event", factor ? "factor" : "pe", takes_ms ? "ms" : "pe"};
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)at->object, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found && strlen(key) < 64)
            return wrong(at, key, "does not belong to this event");
        if (!found)
            return wrong(at, "", "has a key that does not belong to this event");
    }
    return NULL;
}

static mae_error *read_event(const place *at, const mae_profile *profile, sim_script_event *event)
{
    if (!json_is_object(at->object))
        return wrong(at, "", "is not an object");
    const char *pe = json_string_value(json_object_get(at->object, "pe"));
    if (!pe)
        return wrong(at, "pe", "is not the name of a PE");
    event->pe = mae_profile_find_pe(profile, pe);
    if (event->pe < 0)
        return wrong(at, "pe", "the profile has no PE of this name");
    MAE_TRY(read_when(at, event));
    MAE_TRY(read_deed(at, event));
    return check_keys(at, event);
}

/* Insertion keeps the order of equals; scripts are short. */
static void insert(sim_script *script, const sim_script_event *event)
{
    size_t at = script->n;
    while (at > 0) {
        const sim_script_event *before = &script->events[at - 1];
        bool stays = event->by_run ? true : !before->by_run && before->at_ns <= event->at_ns;
        if (stays)
            break;
        script->events[at] = *before;
        at--;
    }
    script->events[at] = *event;
    script->n++;
    script->n_timed += !event->by_run;
}

static mae_error *read_all(const mae_json *json, const mae_profile *profile, sim_script *script)
{
    const json_t *list = json_object_get(mae_json_root(json), "events");
    if (!json_is_array(list))
        return mae_json_error(json, "events", "is not a list of events");
    size_t n = json_array_size(list);
    if (n > MOST_EVENTS)
        return mae_json_error(json, "events", "%zu entries are absurd (more than %u)", n, MOST_EVENTS);
    script->events = calloc(n + 1, sizeof *script->events);
    if (!script->events)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        place at = {json, i, json_array_get(list, i)};
        sim_script_event event = {.factor = 1};
        MAE_TRY(read_event(&at, profile, &event));
        insert(script, &event);
    }
    return NULL;
}

mae_error *sim_script_from_json(const mae_json *json, const mae_profile *profile, sim_script *script)
{
    sim_script read = {.n = 0};
    mae_error *error = read_all(json, profile, &read);
    if (error) {
        sim_script_finish(&read);
        return error;
    }
    *script = read;
    return NULL;
}

mae_error *sim_script_read(const char *path, const mae_profile *profile, sim_script *script)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_read(path, MOST_BYTES, &json));
    mae_error *error = sim_script_from_json(json, profile, script);
    mae_json_destroy(json);
    return error;
}

void sim_script_finish(sim_script *script)
{
    free(script->events);
    *script = (sim_script){.n = 0};
}
