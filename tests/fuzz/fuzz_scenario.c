/* Scenario scripts: what was read must make a timeline, whose spans and frames are in order, on any board that has its
 * PEs. */
#include "targets.h"

#include <string.h>

#include "core/profile.h"
#include "mae/scenario.h"

static const char board[] =
    "{\"format\":\"mae-profile\",\"version\":1,\"energy_source\":\"model\",\"pes\":[{\"name\":\"gpu\"},{\"name\":"
    "\"dla\"}],\"inputs\":[\"x\"],\"outputs\":[\"y\"],\"layers\":[{\"name\":\"l\",\"inputs\":[\"x\"],\"outputs\":"
    "[\"y\"],\"cost\":{\"gpu\":{\"time_ms\":1,\"energy_mj\":2},\"dla\":{\"time_ms\":2,\"energy_mj\":1}}}]}";

static mae_profile *read_board(void)
{
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    mae_error *error = mae_json_parse("board", board, strlen(board), &json);
    if (!error)
        error = mae_profile_from_json(json, &profile);
    mae_error_free(error);
    mae_json_destroy(json);
    return profile;
}

static bool in_order(const mae_timeline *t, const mae_scenario *s)
{
    double before = 0;
    size_t phase;
    for (size_t i = 0; i < t->n_spans; i++)
        if (!(t->spans[i].start_s < t->spans[i].end_s) || t->spans[i].condition >= t->n_conditions)
            return false;
    for (size_t i = 0; i < t->n_frames && i < 1000; i++) {
        double arrival_s = mae_timeline_arrival_s(t, i, &phase);
        if (arrival_s < before || arrival_s >= s->duration_s || phase >= s->n_phases)
            return false;
        before = arrival_s;
    }
    return t->n_spans > 0;
}

int fuzz_scenario(const uint8_t *data, size_t size)
{
    mae_scenario *scenario = NULL;
    mae_timeline *timeline = NULL;
    mae_error *error = mae_scenario_parse("fuzz", (const char *)data, size, &scenario);
    if (error) {
        bool one_line = !strchr(mae_error_message(error), '\n');
        mae_error_free(error);
        return one_line ? 0 : -1;
    }
    mae_profile *profile = read_board();
    error = profile ? mae_timeline_create(scenario, profile, &timeline) : NULL;
    int result = !profile || (timeline && !in_order(timeline, scenario)) ? -1 : timeline ? 1 : 0;
    mae_error_free(error);
    mae_timeline_destroy(timeline);
    mae_profile_destroy(profile);
    mae_scenario_destroy(scenario);
    return result;
}
