/* The profile reader: what it takes, what it refuses and where it says so, what it keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/profile.h"

static const char good[] = "{\"format\": \"mae-profile\", \"version\": 1, \"energy_source\": \"meter\",\n"
                           " \"mine\": {\"kept\": [1, 2]},\n"
                           " \"pes\": [{\"name\": \"cpu/ort\", \"colour\": \"red\"}, {\"name\": \"gpu\"}],\n"
                           " \"host\": \"gpu\",\n"
                           " \"tensors\": [{\"name\": \"x\", \"bytes\": 4, \"shape\": [1], \"dtype\": \"f32\"}],\n"
                           " \"inputs\": [\"x\"], \"outputs\": [\"z\"],\n"
                           " \"layers\": [\n"
                           "  {\"name\": \"a\", \"inputs\": [\"x\"], \"outputs\": [\"y\"],\n"
                           "   \"cost\": {\"cpu/ort\": {\"time_ms\": 1.5, \"energy_mj\": 2, \"why\": \"so\"}}},\n"
                           "  {\"name\": \"b\", \"inputs\": [\"y\", \"x\"], \"outputs\": [\"z\"],\n"
                           "   \"cost\": {\"gpu\": {\"time_ms\": 1, \"energy_mj\": 2}}}],\n"
                           " \"transfers\": [{\"from\": \"cpu/ort\", \"to\": \"gpu\", \"fixed_ms\": 0.5}],\n"
                           " \"transfer_overrides\": [{\"tensor\": \"y\", \"from\": \"gpu\", \"to\": \"gpu\", "
                           "\"time_ms\": 1}],\n"
                           " \"segments\": [{\"pe\": \"gpu\", \"first\": \"b\", \"last\": \"b\", \"time_ms\": 1, "
                           "\"energy_mj\": 1}],\n"
                           " \"contention\": [{\"pe\": \"cpu/ort\", \"with\": \"gpu\", \"factor\": 1.25, \"n\": 9}]}\n";

static mae_error *parse(const char *text, mae_profile **ret_profile)
{
    mae_json *json = NULL;
    mae_error *error = mae_json_parse("test", text, strlen(text), &json);
    if (!error)
        error = mae_profile_from_json(json, ret_profile);
    mae_json_destroy(json);
    return error;
}

static void reads_all(void **state)
{
    (void)state;
    mae_profile *p = NULL;
    assert_null(parse(good, &p));
    assert_int_equal(p->n_pes, 2);
    assert_int_equal(p->n_layers, 2);
    assert_int_equal(p->n_tensors, 3);
    assert_int_equal(p->host, 1);
    assert_int_equal(mae_profile_find_layer(p, "b"), 1);
    assert_int_equal(mae_profile_find_pe(p, "gpu"), 1);
    assert_int_equal(mae_profile_find_pe(p, "dla"), -1);
    assert_true(p->costs[0].supported);
    assert_false(p->costs[1].supported);
    assert_true(p->transfers[1].crossable);
    assert_false(p->transfers[2].crossable);
    assert_int_equal(p->n_overrides, 1);
    assert_int_equal(p->n_segments, 1);
    assert_int_equal(p->tensors[p->layers[1].inputs[0]].producer, 0);
    assert_true(p->contention[1].factor == 1.25 && p->contention[1].n == 9);
    assert_true(p->contention[2].factor == 0); /* unstated */
    mae_profile_destroy(p);
}

/* `good` with its first `from` replaced by `to`. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    assert_non_null(at);
    char *text = malloc(sizeof good + strlen(to));
    assert_non_null(text);
    sprintf(text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return text;
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"mae-profile", "mae-plan", "test:1:12: format: \"mae-plan\" is not \"mae-profile\""},
        {"\"version\": 1", "\"version\": 2", "version: this program reads version 1"},
        {"\"meter\"", "\"none\"", "test:9:54: layers[0].cost[\"cpu/ort\"].energy_mj: is stated, but energy_source is"},
        {"\"meter\"", "\"guess\"", "energy_source: \"guess\" is not"},
        {"\"name\": \"gpu\"}", "\"name\": \"cpu/ort\"}", "pes[1].name: there is another PE \"cpu/ort\""},
        {"\"host\": \"gpu\"", "\"host\": \"dla\"", "host: there is no PE \"dla\""},
        {"\"bytes\": 4", "\"bytes\": 1e30", "tensors[0].bytes: 1e+30 is absurd"},
        {"\"bytes\": 4", "\"bytes\": -4", "tensors[0].bytes: is negative"},
        {"\"shape\": [1]", "\"shape\": [1,1,1,1,1,1,1,1,1]", "tensors[0].shape: has more than 8 dimensions"},
        {"\"name\": \"b\"", "\"name\": \"a\"", "layers[1].name: there is another layer \"a\""},
        {"\"outputs\": [\"z\"],\n   ", "\"outputs\": [\"y\"],\n   ",
         "layers[1].outputs: tensor \"y\" has another producer"},
        {"\"inputs\": [\"x\"], \"outputs\": [\"y\"]", "\"inputs\": [\"z\"], \"outputs\": [\"y\"]",
         "layers[0].inputs: tensor \"z\" is produced by this or a later layer"},
        {"\"inputs\": [\"x\"], \"outputs\": [\"y\"]", "\"inputs\": [\"w\"], \"outputs\": [\"y\"]",
         "layers[0].inputs: tensor \"w\" has no producer"},
        {"\"outputs\": [\"z\"],\n \"layers", "\"outputs\": [\"q\"],\n \"layers",
         "outputs: tensor \"q\" has no producer"},
        {"\"outputs\": [\"z\"],\n \"layers", "\"outputs\": [\"z\", \"z\"],\n \"layers",
         "outputs: tensor \"z\" is named twice"},
        {"1.5", "-1.5", "test:9:36: layers[0].cost[\"cpu/ort\"].time_ms: is negative"},
        {"1.5", "\"1.5\"", "time_ms: is not a number"},
        {"1.5", "NaN", "test:9"},
        {"1.5", "1e999", "test:9"},
        {"1.5, \"energy_mj\": 2", "1.5", "energy_mj: is missing"},
        {"{\"gpu\": {", "{\"npu\": {", "layers[1].cost.npu: there is no PE \"npu\""},
        {"\"to\": \"gpu\", \"fixed_ms\": 0.5}",
         "\"to\": \"gpu\", \"fixed_ms\": 0.5}, {\"from\": \"cpu/ort\", \"to\": "
         "\"gpu\", \"fixed_ms\": 1}",
         "transfers[1]: there is another row from cpu/ort to gpu"},
        {"\"tensor\": \"y\"", "\"tensor\": \"w\"", "transfer_overrides[0].tensor: there is no tensor \"w\""},
        {"\"first\": \"b\"", "\"first\": \"a\"", "segments[0]: gpu cannot run layer \"a\""},
        {"\"pe\": \"gpu\", \"first\": \"b\", \"last\": \"b\"", "\"pe\": \"gpu\", \"first\": \"b\", \"last\": \"a\"",
         "segments[0].last: stands before"},
        {"\"energy_mj\": 1}]",
         "\"energy_mj\": 1}, {\"pe\": \"gpu\", \"first\": \"b\", \"last\": \"b\", \"time_ms\": 2, "
         "\"energy_mj\": 1}]",
         "segments[1]: the same as row 0"},
        {"\"factor\": 1.25", "\"factor\": 0.9", "contention[0].factor: is 0.9: running beside another makes"},
        {"\"factor\": 1.25", "\"factor\": 1e7", "contention[0].factor: 1e+07 is absurd"},
        {", \"factor\": 1.25", "", "contention[0].factor: is missing"},
        {"\"with\": \"gpu\"", "\"with\": \"npu\"", "contention[0].with: there is no PE \"npu\""},
        {"\"with\": \"gpu\"", "\"with\": \"cpu/ort\"", "contention[0].with: cpu/ort and cpu/ort share a resource"},
        {"\"factor\": 1.25, \"n\": 9}", "\"factor\": 1}, {\"pe\": \"cpu/ort\", \"with\": \"gpu\", \"factor\": 2}",
         "contention[1]: there is another row of cpu/ort with gpu"},
        {"\"layers\": [", "\"layers\": [], \"old\": [", "layers: there is no layer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_profile *p = NULL;
        char *text = changed(cases[i].from, cases[i].to);
        mae_error *error = parse(text, &p);
        if (mae_error_code(error) != MAE_ERR_INPUT || !strstr(mae_error_message(error), cases[i].message))
            fail_msg("case %zu: \"%s\", not \"%s\"", i, error ? mae_error_message(error) : "accepted",
                     cases[i].message);
        assert_null(p);
        mae_error_free(error);
        free(text);
    }
}

/* Keys this version does not know survive reading, changing and writing. */
static void keeps_what_it_does_not_know(void **state)
{
    (void)state;
    char path[] = "/tmp/mae-profile-XXXXXX";
    mae_profile *p = NULL, *again = NULL;
    json_t *json = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_null(parse(good, &p));
    mae_cost cost = {.supported = true, .time_ms = 7, .energy_mj = 8, .n = 3, .source = MAE_COST_MEASURED};
    mae_profile_set_cost(p, 0, 0, &cost);
    assert_null(mae_profile_set_provenance(p, "date", json_string("today")));
    assert_null(mae_profile_set_note(p, "a note"));
    assert_null(mae_profile_put_segment(p, &(mae_segment_cost){.pe = 0, .first = 0, .last = 0, .time_ms = 3}));
    assert_null(mae_profile_write(p, path));
    assert_null(mae_profile_read(path, &again));
    assert_null(mae_profile_to_json(again, &json));
    json_t *layer = json_array_get(json_object_get(json, "layers"), 0);
    json_t *written = json_object_get(json_object_get(layer, "cost"), "cpu/ort");
    assert_string_equal(json_string_value(json_object_get(written, "why")), "so");
    assert_true(json_number_value(json_object_get(written, "time_ms")) == 7);
    assert_string_equal(json_string_value(json_object_get(written, "source")), "measured");
    json_t *pe = json_array_get(json_object_get(json, "pes"), 0);
    assert_string_equal(json_string_value(json_object_get(pe, "colour")), "red");
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "mine"), "kept")), 2);
    assert_string_equal(json_string_value(json_object_get(json, "note")), "a note");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "provenance"), "date")), "today");
    assert_int_equal(again->n_segments, 2);
    assert_true(again->contention[1].factor == 1.25 && again->contention[1].n == 9);
    json_decref(json);
    mae_profile_destroy(p);
    mae_profile_destroy(again);
    unlink(path);
}

static void rows_must_fit(void **state)
{
    (void)state;
    mae_profile *p = NULL;
    assert_null(parse(good, &p));
    const mae_segment_cost bad[] = {{.pe = 1, .first = 0, .last = 1}, {.pe = 2}, {.first = 1}, {.last = 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mae_error *error = mae_profile_put_segment(p, &bad[i]);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        mae_error_free(error);
    }
    assert_int_equal(p->n_segments, 1);
    mae_profile_destroy(p);
}

static void gives_its_graph(void **state)
{
    (void)state;
    mae_profile *p = NULL, *built = NULL;
    const mae_graph *graph = NULL;
    assert_null(parse(good, &p));
    assert_null(mae_profile_graph(p, &graph));
    assert_int_equal(graph->n_layers, 2);
    assert_int_equal(graph->tensors[graph->inputs[0]].bytes, 4);
    assert_true(graph->tensors[graph->inputs[0]].is_input);
    /* And a profile built from that graph has the same layers and tensors, and supports nothing yet. */
    const mae_profile_pe pe = {.name = "cpu", .resource = "cpu", .backend = "test"};
    assert_null(mae_profile_create(graph, &pe, 1, &built));
    assert_int_equal(built->n_layers, 2);
    assert_int_equal(built->n_tensors, 3);
    assert_false(built->costs[0].supported);
    assert_string_equal(built->layers[1].name, "b");
    mae_profile_destroy(built);
    mae_profile_graph_destroy(graph);
    mae_profile_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all),
        cmocka_unit_test(refuses),
        cmocka_unit_test(keeps_what_it_does_not_know),
        cmocka_unit_test(rows_must_fit),
        cmocka_unit_test(gives_its_graph),
    };
    return cmocka_run_group_tests_name("profiles as files", tests, NULL, NULL);
}
