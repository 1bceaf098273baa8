/* A virtual SoC's fault script: what was read stands in the order it will happen in, and within bounds. */
#include "targets.h"

#include <string.h>

#include "backends/sim/script.h"
#include "core/profile.h"

static const char truth[] = "{\"format\": \"mae-profile\", \"version\": 1, \"model\": {\"name\": \"m\"},"
                            "\"soc\": {\"name\": \"s\"}, \"energy_source\": \"none\","
                            "\"pes\": [{\"name\": \"gpu\", \"resource\": \"gpu\"}, {\"name\": \"dla@low\", "
                            "\"resource\": \"dla\"}], \"inputs\": [\"x\"], \"outputs\": [\"y\"],"
                            "\"layers\": [{\"name\": \"y\", \"inputs\": [\"x\"], \"outputs\": [\"y\"],"
                            "\"cost\": {\"gpu\": {\"time_ms\": 1}}}]}";

static mae_error *parse_truth(mae_profile **ret_profile)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_parse("truth", truth, strlen(truth), &json));
    mae_error *error = mae_profile_from_json(json, ret_profile);
    mae_json_destroy(json);
    return error;
}

static bool is_sound(const sim_script *script)
{
    bool sound = script->n_timed <= script->n;
    for (size_t i = 0; i < script->n; i++) {
        const sim_script_event *event = &script->events[i], *before = i ? event - 1 : event;
        sound = sound && event->pe >= 0 && event->pe < 2 && event->factor > 0 && event->stall_ns >= 0;
        sound = sound && event->by_run == (i >= script->n_timed) && (!event->by_run || event->at_run > 0);
        sound = sound && (event->by_run || before->at_ns <= event->at_ns);
    }
    return sound;
}

int fuzz_script(const uint8_t *data, size_t size)
{
    mae_profile *profile = NULL;
    mae_json *json = NULL;
    mae_error *error = parse_truth(&profile);
    if (error) {
        mae_error_free(error);
        return -1;
    }
    sim_script script = {.n = 0};
    int result = 0;
    error = mae_json_parse("fuzz", (const char *)data, size, &json);
    if (!error)
        error = sim_script_from_json(json, profile, &script);
    if (!error)
        result = is_sound(&script) ? 1 : -1;
    mae_error_free(error);
    sim_script_finish(&script);
    mae_json_destroy(json);
    mae_profile_destroy(profile);
    return result;
}
