/* Scenario scripts: what they mean as a timeline, every refusal with its place, and the schema beside the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "mae/scenario.h"
#include "support/policy_world.h"

static mae_scenario *parse(const char *name, const char *text)
{
    mae_scenario *s = NULL;
    mae_error *error = mae_scenario_parse(name, text, strlen(text), &s);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return s;
}

#define HEAD "{\"format\":\"mae-scenario-script\",\"version\":1,\"profile\":\"p.json\",\n"
#define PHASE "\"phases\":[{\"duration_s\":1,\"frames_per_second\":30}]"

static void defaults(void **state)
{
    (void)state;
    mae_scenario *s = parse("some/where/x.json", HEAD PHASE "}");
    assert_string_equal(s->profile_path, "some/where/p.json");
    assert_null(s->rules_path);
    assert_true(!s->soc.has_static && s->soc.battery_wh == 0 && s->soc.ambient_c == 25 && s->soc.k_per_w == 0);
    assert_true(isinf(s->soc.throttle_c) && s->noise == 0 && s->seed == 1 && s->duration_s == 1);
    assert_true(s->n_phases == 1 && s->phases[0].deadline_ms == 0 && s->n_faults == 0);
    mae_scenario_destroy(s);
    s = parse("x.json", HEAD "\"rules\":\"/etc/r.txt\"," PHASE "}");
    assert_string_equal(s->profile_path, "p.json");
    assert_string_equal(s->rules_path, "/etc/r.txt");
    mae_scenario_destroy(s);
}

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"[]", "s:1:1: a scenario-script is a JSON object"},
    {"{\"format\":\"mae-scenario\",\"version\":1}", "s:1:11: format: \"mae-scenario\" is not \"mae-scenario-script\""},
    {"{\"format\":\"mae-scenario-script\",\"version\":2}", "s:1:43: version: this program reads version 1"},
    {HEAD "\"phases\":[]}", "s:2:10: phases: there is no phase"},
    {HEAD "\"speed\":1," PHASE "}", "s:2:9: speed: is not a key of a scenario script here"},
    {HEAD "\"profile2\":1}", "s:2:12: profile2: is not a key"},
    {HEAD "\"noise\":\"a lot\"," PHASE "}", "s:2:9: noise: is not a number from 0 to 0.5"},
    {HEAD "\"soc\":{\"battery_wh\":-1}," PHASE "}", "s:2:21: soc.battery_wh: is not a number from 1e-09 to 1e+09"},
    {HEAD "\"phases\":[{\"duration_s\":1}]}", "s:2:11: phases[0].frames_per_second: is missing"},
    {HEAD "\"phases\":[{\"duration_s\":1,\"frames_per_second\":0}]}",
     "s:2:47: phases[0].frames_per_second: is not a number from 0.001 to 100000"},
    {HEAD "\"phases\":[{\"duration_s\":1e6,\"frames_per_second\":1e5}]}",
     "s:2:10: phases: 100000000000 frames are absurd"},
    {HEAD "\"phases\":[{\"duration_s\":1,\"frames_per_second\":9,\"events\":[3]}]}",
     "s:2:58: phases[0].events: entry 0 is not a word"},
    {HEAD PHASE ",\"events\":[{\"at_s\":2,\"event\":\"e\",\"on\":true}]}",
     "s:2:70: events[0].at_s: is not a number from 0 to 1"},
    {HEAD PHASE ",\"events\":[{\"at_s\":0,\"event\":\"\",\"on\":true}]}", "s:2:80: events[0].event: is empty"},
    {HEAD PHASE ",\"events\":[{\"at_s\":0,\"event\":\"e\"}]}", "s:2:62: events[0].on: is missing"},
    {HEAD PHASE ",\"faults\":[{\"at_s\":0.5,\"pe\":\"g\",\"fault\":\"lose\"},\n"
                "{\"at_s\":0.4,\"pe\":\"g\",\"fault\":\"lose\"}]}",
     "s:3:9: faults[1].at_s: 0.4 is earlier than 0.5 of the entry before it"},
    {HEAD PHASE ",\"faults\":[{\"at_s\":0,\"pe\":\"g\",\"fault\":\"burn\"}]}",
     "s:2:89: faults[0].fault: is not one of lose, return, slow, stall, lie"},
    {HEAD PHASE ",\"faults\":[{\"at_s\":0,\"pe\":\"g\",\"fault\":\"slow\"}]}", "s:2:62: faults[0].factor: is missing"},
    {HEAD PHASE ",\"faults\":[{\"at_s\":0,\"pe\":\"g\",\"fault\":\"lose\",\"factor\":2}]}",
     "s:2:105: faults[0].factor: does not belong to the fault \"lose\""},
    {HEAD PHASE ",\"contention\":[{\"from_s\":0.5,\"to_s\":0.4,\"factor\":2}]}",
     "s:2:87: contention[0].to_s: is not a number from 0.5 to 1"},
    {HEAD PHASE ",\"contention\":[{\"from_s\":0.5,\"to_s\":0.6,\"factor\":0.5}]}",
     "s:2:100: contention[0].factor: is not a number from 1 to 1000"},
};

static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        mae_scenario *s = NULL;
        mae_error *error = mae_scenario_parse("s", mistakes[i].text, strlen(mistakes[i].text), &s);
        if (!error)
            fail_msg("accepted: %s", mistakes[i].text);
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        if (strncmp(mae_error_message(error), mistakes[i].message, strlen(mistakes[i].message)) != 0)
            fail_msg("\"%s\", not \"%s\"", mae_error_message(error), mistakes[i].message);
        mae_error_free(error);
    }
}

static const char busy[] = HEAD
    "\"soc\":{\"ambient_c\":20},\"phases\":[{\"duration_s\":1,\"frames_per_second\":10,\"events\":[\"a\"]},"
    "{\"duration_s\":0.5,\"frames_per_second\":4,\"deadline_ms\":7}],"
    "\"events\":[{\"at_s\":0.5,\"event\":\"b\",\"on\":true},{\"at_s\":1.2,\"event\":\"b\",\"on\":false}],"
    "\"faults\":[{\"at_s\":0.25,\"pe\":\"gpu\",\"fault\":\"lose\"},{\"at_s\":0.5,\"pe\":\"gpu\",\"fault\":\"return\"},"
    "{\"at_s\":0.5,\"pe\":\"dla\",\"fault\":\"slow\",\"factor\":2},{\"at_s\":1.2,\"pe\":\"dla\",\"fault\":\"slow\","
    "\"factor\":1},{\"at_s\":1.2,\"pe\":\"gpu\",\"fault\":\"lie\",\"factor\":3}],"
    "\"contention\":[{\"from_s\":0,\"to_s\":0.25,\"factor\":1.5},{\"from_s\":0.5,\"to_s\":1,\"pe\":\"dla\",\"factor\":"
    "1.25}],\"ambient\":[{\"at_s\":1,\"ambient_c\":50}]}";

static void timeline(void **state)
{
    (void)state;
    static const double starts[] = {0, 0.25, 0.5, 1, 1.2};
    static const uint64_t present[] = {3, 2, 3, 3, 3};
    static const double gpu[] = {1.5, 1, 1, 1, 1}, dla[] = {1.5, 1, 2.5, 2, 1}, ambient[] = {20, 20, 20, 50, 50};
    static const size_t events[] = {1, 1, 2, 1, 0}, conditions[] = {0, 1, 2, 3, 4};
    mae_profile *profile = NULL;
    mae_timeline *t = NULL;
    mae_scenario *s = parse("s", busy);
    assert_null(mae_profile_read(policy_world_path("examples/profiles/xavier-agx-googlenet.json"), &profile));
    assert_null(mae_timeline_create(s, profile, &t));
    assert_int_equal(t->n_spans, 5);
    for (size_t i = 0; i < 5; i++) {
        const mae_span *span = &t->spans[i];
        assert_true(span->start_s == starts[i] && span->end_s == (i < 4 ? starts[i + 1] : 1.5));
        assert_true(span->present == present[i] && span->factor[0] == gpu[i] && span->factor[1] == dla[i]);
        assert_true(span->ambient_c == ambient[i] && span->n_events == events[i]);
        assert_int_equal(span->condition, conditions[i]);
        assert_true(span->lie[0] == (i == 4 ? 3 : 1) && span->phase == (i >= 3));
        assert_int_equal(mae_timeline_span_at(t, starts[i]), i);
    }
    assert_string_equal(t->spans[2].events[1], "b");
    assert_int_equal(t->n_frames, 12);
    size_t phase;
    assert_true(mae_timeline_arrival_s(t, 9, &phase) == 0.9 && phase == 0);
    assert_true(mae_timeline_arrival_s(t, 11, &phase) == 1.25 && phase == 1);
    mae_profile *under = NULL;
    assert_null(mae_timeline_profile(t, 1, &under));
    assert_true(!under->costs[0].supported && under->costs[1].time_ms == profile->costs[1].time_ms);
    mae_profile_destroy(under);
    assert_null(mae_timeline_profile(t, 2, &under));
    assert_true(under->costs[1].time_ms == 2.5 * profile->costs[1].time_ms && under->costs[0].supported);
    assert_true(under->costs[1].energy_mj == profile->costs[1].energy_mj);
    mae_profile_destroy(under);
    mae_timeline_destroy(t);
    mae_scenario_destroy(s);
    mae_profile_destroy(profile);
}

static void unknown_pe(void **state)
{
    (void)state;
    mae_profile *profile = NULL;
    mae_timeline *t = NULL;
    mae_scenario *s = parse("s", HEAD PHASE ",\"contention\":[{\"from_s\":0,\"to_s\":1,\"pe\":\"npu\",\"factor\":2}]}");
    assert_null(mae_profile_read(policy_world_path("examples/profiles/xavier-agx-googlenet.json"), &profile));
    mae_error *error = mae_timeline_create(s, profile, &t);
    assert_string_equal(mae_error_message(error), "contention[0].pe: the profile has no PE \"npu\"");
    mae_error_free(error);
    mae_scenario_destroy(s);
    mae_profile_destroy(profile);
}

/* ---- the schema names what the reader reads and the documentation tells of, and nothing else ---- */

static const json_t *at(const json_t *schema, const char *list)
{
    const json_t *rule = json_object_get(json_object_get(schema, "properties"), list);
    return json_object_get(rule, "items") ? json_object_get(rule, "items") : rule;
}

static void known_and_told(const json_t *schema, const char *list, const char *docs)
{
    const char *key;
    json_t *rule;
    json_object_foreach (json_object_get(list ? at(schema, list) : schema, "properties"), key, rule) {
        /* What is nonsense for every key: a reader that knows the key says more than that it does not. */
        json_t *object = json_pack("{s:s,s:i,s:s,s:[{s:f,s:f}]}", "format", "mae-scenario-script", "version", 1,
                                   "profile", "p", "phases", "duration_s", 1.0, "frames_per_second", 1.0);
        json_t *inner = list ? json_object() : object;
        json_object_set_new(inner, key, json_null());
        if (list)
            json_object_set_new(object, list, strcmp(list, "soc") == 0 ? inner : json_pack("[o]", inner));
        char *text = json_dumps(object, 0);
        mae_scenario *s = NULL;
        mae_error *error = mae_scenario_parse("s", text, strlen(text), &s);
        if (error && strstr(mae_error_message(error), "is not a key"))
            fail_msg("the reader does not know %s of the schema", key);
        char quoted[80];
        snprintf(quoted, sizeof quoted, "\"%s\"", key);
        if (!strstr(docs, quoted))
            fail_msg("docs/formats.md does not tell of the key %s", key);
        mae_error_free(error);
        mae_scenario_destroy(s);
        free(text);
        json_decref(object);
    }
}

static void schema(void **state)
{
    (void)state;
    static const char *const lists[] = {NULL, "soc", "phases", "events", "faults", "contention", "ambient"};
    void *docs = NULL;
    size_t size;
    json_t *schema_file = json_load_file(policy_world_path("schemas/mae-scenario-script.schema.json"), 0, NULL);
    assert_non_null(schema_file);
    assert_null(mae_file_read(policy_world_path("docs/formats.md"), 1 << 20, &docs, &size));
    char *section = strstr(docs, "(`mae-scenario-script`)");
    assert_non_null(section);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        known_and_told(schema_file, lists[i], section);
    free(docs);
    json_decref(schema_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults), cmocka_unit_test(errors), cmocka_unit_test(timeline),
                                       cmocka_unit_test(unknown_pe), cmocka_unit_test(schema)};
    return cmocka_run_group_tests_name("scenario scripts", tests, NULL, NULL);
}
