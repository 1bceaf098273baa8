/* What a played script has come to, as JSON (docs/formats.md, section 4). */
#include <jansson.h>

#include "base/error.h"
#include "base/json.h"
#include "mae/mae.h"

static json_t *strategy_json(const mae_play *play, const mae_play_strategy *s)
{
    json_t *energy = play->has_energy ? json_real(s->energy_mj) : json_null();
    json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:{s:f, s:f, s:f}, s:I}", "name", s->name, "frames",
                             (json_int_t)s->frames, "deadline_misses", (json_int_t)s->misses, "lost",
                             (json_int_t)s->lost, "wrong", (json_int_t)s->wrong, "energy_mj", energy, "latency_ms",
                             "p50", s->p50_ms, "p99", s->p99_ms, "max", s->max_ms, "switches", (json_int_t)s->switches);
    if (json && s->live)
        json_object_set_new(json, "session",
                            json_pack("{s:I, s:I, s:I, s:I, s:I}", "repeats", (json_int_t)s->repeats, "losses",
                                      (json_int_t)s->losses, "hung", (json_int_t)s->hung, "reprofiles",
                                      (json_int_t)s->reprofiles, "replans", (json_int_t)s->replans));
    if (json && s->bound)
        json_object_set_new(json, "attained", json_boolean(s->attained));
    return json;
}

mae_error *mae_play_to_json(const mae_play *play, char **ret_text)
{
    json_t *strategies = json_array();
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:s, s:s, s:f, s:o}", "format", "mae-scenario", "version", 1, "script", play->script,
                  "model", play->model, "soc", play->soc, "duration_s", play->duration_s, "strategies", strategies);
    int failed = root ? 0 : -1;
    for (size_t i = 0; !failed && i < play->n_strategies; i++)
        failed = json_array_append_new(strategies, strategy_json(play, &play->strategies[i]));
    mae_error *error = failed ? mae_error_new(MAE_ERR_NOMEM, "out of memory") : mae_json_text(root, ret_text);
    json_decref(root);
    return error;
}
