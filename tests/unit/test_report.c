/* Reports: every combination of files makes a page whose figures are the files', names do no harm, and broken files are
 * refused with their place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/stats.h"
#include "mae/mae.h"
#include "report/html.h"

static const char *const files[] = {"examples/profiles/xavier-agx-googlenet.json", "tests/data/report/bench.json",
                                    "tests/data/report/scenario.json", "tests/data/report/trace.json"};
#define N_FILES (sizeof files / sizeof *files)
static const char *const keys[] = {"profile", "bench", "scenario", "trace"};

static const char *path_of(const char *file, char path[static 4096])
{
    snprintf(path, 4096, "%s/%s", getenv("MAE_SOURCE_DIR"), file);
    return path;
}

static char *text_of(const char *file)
{
    char path[4096];
    void *data = NULL;
    size_t size;
    assert_null(mae_file_read(path_of(file, path), 1 << 24, &data, &size));
    return data;
}

static char *page_of(unsigned mask)
{
    char path[4096], *page = NULL;
    mae_report *report = NULL;
    assert_null(mae_report_create(&report));
    for (size_t i = 0; i < N_FILES; i++)
        if (mask >> i & 1)
            assert_null(mae_report_add_file(report, path_of(files[i], path)));
    assert_null(mae_report_to_html(report, &page));
    mae_report_destroy(report);
    return page;
}

static json_t *figures_of(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"mae-figures\">";
    const char *at = strstr(page, begin);
    assert_non_null(at);
    at += strlen(begin);
    const char *end = strstr(at, "</script>");
    json_t *figures = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(figures);
    return figures;
}

static size_t count(const char *page, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(page, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

/* The value that a JSON pointer names. */
static const json_t *resolve(const json_t *value, const char *pointer, size_t length)
{
    char step[512];
    for (size_t at = 0; at < length && value;) {
        size_t n = 0;
        for (at++; at < length && pointer[at] != '/'; at++)
            step[n++] = pointer[at] != '~' ? pointer[at] : pointer[++at] == '1' ? '/' : '~';
        step[n] = 0;
        value = json_is_array(value) ? json_array_get(value, strtoul(step, NULL, 10)) : json_object_get(value, step);
    }
    return value;
}

/* Everything drawn has the value of the figure that it names. */
static size_t check_drawn(const char *page)
{
    json_t *figures = figures_of(page);
    size_t n = 0;
    for (const char *at = strstr(page, "data-ref=\""); at; at = strstr(at, "data-ref=\"")) {
        at += strlen("data-ref=\"");
        size_t length = strcspn(at, "\"");
        const json_t *value = resolve(figures, at, length);
        const char *drawn = strstr(at, "data-v=\"") + strlen("data-v=\"");
        if (!value)
            fail_msg("no figure %.*s", (int)length, at);
        if (json_is_number(value) && strtod(drawn, NULL) != json_number_value(value))
            fail_msg("%.*s is not %.17g", (int)length, at, json_number_value(value));
        if (json_is_string(value))
            assert_memory_equal(drawn, json_string_value(value), json_string_length(value));
        assert_true(json_is_number(value) || json_is_string(value));
        n++;
    }
    json_decref(figures);
    return n;
}

static void every_combination(void **state)
{
    (void)state;
    static const char *const sections[] = {"id=\"network\"", "id=\"measured\"", "id=\"scenario\"", "id=\"timeline\""};
    for (unsigned mask = 1; mask < 1u << N_FILES; mask++) {
        char *page = page_of(mask);
        json_t *figures = figures_of(page);
        for (size_t i = 0; i < N_FILES; i++) {
            assert_int_equal(count(page, sections[i]), mask >> i & 1);
            assert_int_equal(json_object_get(figures, keys[i]) != NULL, mask >> i & 1);
            char *text = text_of(files[i]);
            json_t *file = json_loads(text, 0, NULL);
            if (mask >> i & 1 && i < 3) /* of a trace the drawn frames are there */
                assert_true(json_equal(file, json_object_get(figures, keys[i])));
            json_decref(file);
            free(text);
        }
        assert_true(check_drawn(page) > 0);
        assert_int_equal(count(page, "<script"), 2);
        assert_int_equal(count(page, "<section"), count(page, "</section>"));
        assert_int_equal(count(page, "<svg"), count(page, "</svg>"));
        assert_int_equal(count(page, "<g "), count(page, "</g>"));
        assert_int_equal(count(page, "<table"), count(page, "</table>"));
        assert_null(strstr(page, "http://"));
        assert_null(strstr(page, "https://"));
        json_decref(figures);
        free(page);
    }
}

/* What is computed is what the library computes. */
static void computes_what_the_planner_says(void **state)
{
    (void)state;
    char path[4096], *page = page_of(1);
    json_t *figures = figures_of(page), *computed = json_object_get(figures, "computed");
    mae_profile *profile = NULL;
    mae_front *front = NULL;
    mae_plan *plan = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    assert_null(mae_profile_read(path_of(files[0], path), &profile));
    assert_null(mae_front_solve(profile, &goal, 0, &front));
    assert_null(mae_plan_solve(profile, &goal, &plan));
    json_t *points = json_object_get(json_object_get(computed, "front"), "points");
    assert_int_equal(json_array_size(points), front->n_points);
    for (size_t i = 0; i < front->n_points; i++) {
        json_t *point = json_array_get(points, i);
        assert_true(json_number_value(json_object_get(point, "latency_ms")) == front->points[i].cost.latency_ms);
        assert_true(json_number_value(json_object_get(point, "energy_mj")) == front->points[i].cost.energy_mj);
    }
    json_t *shown = json_object_get(computed, "plan");
    assert_true(json_number_value(json_object_get(shown, "latency_ms")) == plan->predicted.latency_ms);
    json_t *samples = json_object_get(json_object_get(computed, "samples"), "points");
    assert_int_equal(json_array_size(samples), 2000);
    for (size_t i = 0; i < 2000; i++) /* no mapping lies below the front */
        assert_true(json_number_value(json_array_get(json_array_get(samples, i), 0)) >=
                    front->points[0].cost.latency_ms * (1 - 1e-9));
    assert_non_null(strstr(page, "planned for this page"));
    mae_plan_destroy(plan);
    mae_front_destroy(front);
    mae_profile_destroy(profile);
    json_decref(figures);
    free(page);
    char *again = page_of(1), *first = page_of(1);
    assert_string_equal(again, first); /* the same files, the same bytes */
    free(again);
    free(first);
}

static void names_do_no_harm(void **state)
{
    (void)state;
    char path[4096], *page = NULL;
    mae_report *report = NULL;
    assert_null(mae_report_create(&report));
    assert_null(mae_report_add_file(report, path_of("tests/data/report/hostile.profile.json", path)));
    assert_null(mae_report_to_html(report, &page));
    mae_report_destroy(report);
    assert_int_equal(count(page, "<script"), 2);
    assert_int_equal(count(page, "</script"), 2);
    assert_int_equal(count(page, "</style"), 1);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<b>soc"));
    assert_null(strstr(page, "<!-- "));
    assert_non_null(strstr(page, "&lt;/script&gt;&lt;script&gt;window.pwned=1"));
    /* What turns text around is in the JSON, where nobody reads it, and not on the page. */
    const char *json = strstr(page, "id=\"mae-figures\"");
    for (const char *at = strstr(page, "\xE2\x80\xAE"); at; at = strstr(at + 1, "\xE2\x80\xAE"))
        assert_true(at > json);
    free(page);
}

static void escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *escaped;
    } cases[] = {{"a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;"},
                 {"\x01\x7F", "\xEF\xBF\xBD\xEF\xBF\xBD"},
                 {"\xC3\xA4\xE2\x86\x92\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x86\x92\xF0\x9F\x98\x80"},
                 {"\xC3", "\xEF\xBF\xBD"},                                   /* cut off */
                 {"\xC0\xBC", "\xEF\xBF\xBD\xEF\xBF\xBD"},                   /* "<", too long */
                 {"\xED\xA0\x80x", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx"}, /* a surrogate */
                 {"\xE2\x80\xAE", "\xEF\xBF\xBD"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_html out = {0};
        mae_put_text(&out, cases[i].text);
        assert_string_equal(out.text, cases[i].escaped);
        free(out.text);
    }
    mae_html out = {0};
    mae_putf(&out, "%s|%d|%u|%p|%c|%%|%v", "<", -3, (size_t)4, "a/b~<", 1.26, 0.1);
    assert_string_equal(out.text, "&lt;|-3|4|a~1b~0&lt;|1.3|%|0.10000000000000001");
    free(out.text);
}

static void numbers_for_people(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "1"},
                 {1.72, "1.720"},
                 {0.02771981, "0.02772"},
                 {223918.2, "223918"},
                 {-12.345, "-12.35"},
                 {10900, "10900"},
                 {1e-7, "1e-07"},
                 {2e12, "2e+12"}};
    char text[40];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(mae_number_text(cases[i].value, text), cases[i].text);
}

static void refuse(const char *first, const char *text, mae_code code, const char *says)
{
    char path[4096];
    mae_report *report = NULL;
    assert_null(mae_report_create(&report));
    if (first)
        assert_null(mae_report_add_file(report, path_of(first, path)));
    mae_error *error = mae_report_add_text(report, "x.json", text, strlen(text));
    assert_int_equal(mae_error_code(error), code);
    if (!strstr(mae_error_message(error), says))
        fail_msg("'%s' lacks '%s'", mae_error_message(error), says);
    mae_error_free(error);
    mae_report_destroy(report);
}

static void refuses(void **state)
{
    (void)state;
    refuse(NULL, "{", MAE_ERR_INPUT, "x.json:1:");
    refuse(NULL, "[]", MAE_ERR_INPUT, "no \"format\"");
    refuse(NULL, "{\"format\": \"mae-soc\"}", MAE_ERR_INPUT, "x.json:1:12: format: \"mae-soc\": a profile, plan");
    refuse(NULL, "{\"format\": \"mae-bench\", \"version\": 1}", MAE_ERR_INPUT, "single_pe: is missing");
    refuse(NULL, "{\"format\": \"mae-front\", \"version\": 1, \"points\": []}", MAE_ERR_INPUT, "points: is empty");
    refuse(NULL, "{\"format\": \"mae-scenario\", \"version\": 1, \"strategies\": [{}]}", MAE_ERR_INPUT,
           "strategies[0].name");
    refuse(NULL, "{\"traceEvents\": [{\"ph\": \"X\"}], \"otherData\": {}}", MAE_ERR_INPUT, "traceEvents[0].name");
    refuse(NULL,
           "{\"traceEvents\": "
           "[{\"ph\":\"X\",\"name\":\"a\",\"pid\":1,\"tid\":1,\"ts\":0,\"dur\":1,\"args\":{\"frame\":0}}],"
           "\"otherData\": {}}",
           MAE_ERR_INPUT, "no track");
    char *profile = text_of(files[0]);
    refuse(files[0], profile, MAE_ERR_USAGE, "both a profile");
    free(profile);
    refuse(files[0], "{\"format\":\"mae-plan\",\"version\":1,\"segments\":[{\"pe\":\"npu\",\"layers\":[\"group0\"]}]}",
           MAE_ERR_INPUT, "x.json: the profile has no PE 'npu'");
    refuse(files[0], "{\"format\":\"mae-plan\",\"version\":1,\"segments\":[{\"pe\":\"gpu\",\"layers\":[\"group1\"]}]}",
           MAE_ERR_INPUT, "layer 0 is 'group1'");
    mae_report *report = NULL;
    char *page = NULL;
    assert_null(mae_report_create(&report));
    mae_error *error = mae_report_to_html(report, &page);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_report_destroy(report);
}

/* Files with single bytes changed are refused, or make a page. */
static void survives_broken_files(void **state)
{
    (void)state;
    mae_rng rng = {7};
    size_t made = 0;
    for (size_t f = 1; f < N_FILES; f++) {
        char *text = text_of(files[f]);
        size_t size = strlen(text);
        for (int i = 0; i < 400; i++) {
            size_t at = mae_rng_next(&rng) % size;
            char kept = text[at], *page = NULL;
            mae_report *report = NULL;
            text[at] = "0-9\"{}[],:e.n"[mae_rng_next(&rng) % 13];
            assert_null(mae_report_create(&report));
            mae_error *error = mae_report_add_text(report, "x", text, size);
            if (!error)
                error = mae_report_to_html(report, &page);
            if (!error)
                made += check_drawn(page) > 0;
            mae_error_free(error);
            mae_report_destroy(report);
            free(page);
            text[at] = kept;
        }
        free(text);
    }
    assert_true(made > 100);
}

static void add_layer(json_t *layers, int i)
{
    char name[32], from[32], skip[32];
    snprintf(name, sizeof name, "t%d", i);
    snprintf(from, sizeof from, "t%d", i - 1);
    snprintf(skip, sizeof skip, "t%d", i % 12 == 0 && i ? i - 12 : i % 5 == 0 && i ? i - 3 : i - 1);
    json_t *layer = json_pack("{s:s,s:[],s:[s],s:s,s:i,s:i,s:{s:{s:f},s:{s:f}}}", "name", name, "inputs", "outputs",
                              name, "kind", i % 3 ? "conv3x3" : "eltwise", "flops", 1000 * (i + 1), "bytes", 500,
                              "cost", "a", "time_ms", 0.1 + i % 7, "b", "time_ms", 0.2 + i % 5);
    json_t *inputs = json_object_get(layer, "inputs");
    json_array_append_new(inputs, json_string(i ? from : "in"));
    if (i && strcmp(skip, from) != 0)
        json_array_append_new(inputs, json_string(skip));
    json_array_append_new(layers, layer);
}

/* 250 layers with short and long branches: a box and a column for each. */
static void draws_large_networks(void **state)
{
    (void)state;
    json_t *layers = json_array();
    for (int i = 0; i < 250; i++)
        add_layer(layers, i);
    json_t *root = json_pack(
        "{s:s,s:i,s:{s:s},s:s,s:[{s:s,s:s},{s:s,s:s}],s:[s],s:[s],s:o,s:[{s:s,s:s,s:f},{s:s,s:s,s:f}]}", "format",
        "mae-profile", "version", 1, "model", "name", "large", "energy_source", "none", "pes", "name", "a", "resource",
        "a", "name", "b", "resource", "b", "inputs", "in", "outputs", "t249", "layers", layers, "transfers", "from",
        "a", "to", "b", "fixed_ms", 0.01, "from", "b", "to", "a", "fixed_ms", 0.01);
    char *text = json_dumps(root, 0), *page = NULL;
    mae_report *report = NULL;
    json_decref(root);
    assert_null(mae_report_create(&report));
    mae_error *error = mae_report_add_text(report, "large", text, strlen(text));
    if (error)
        fail_msg("%s", mae_error_message(error));
    assert_null(mae_report_to_html(report, &page));
    assert_true(check_drawn(page) > 2 * 2 * 250);
    assert_int_equal(count(page, "data-ref=\"/computed/plan/mapping/"), 2 * 250);
    if (getenv("MAE_KEEP"))
        assert_null(mae_file_write(getenv("MAE_KEEP"), page, strlen(page)));
    mae_report_destroy(report);
    free(page);
    free(text);
}

/* Marks that lie on each other, or nearly: their labels go below each other, wherever rounding puts them. */
static void places_labels(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        char *page = NULL;
        mae_report *report = NULL;
        double height = fmod(0.618034 * i, 1);
        json_t *costs = json_object(), *pes = json_array();
        for (int p = 0; p < 5; p++) {
            char name[8];
            snprintf(name, sizeof name, "p%d", p);
            json_array_append_new(pes, json_pack("{s:s,s:s}", "name", name, "resource", name));
            /* Two at the ends, three in one place between them. */
            json_object_set_new(costs, name,
                                json_pack("{s:f,s:f}", "time_ms", 1.0, "energy_mj",
                                          p == 3   ? 1.0
                                          : p == 4 ? 2.0
                                                   : 1.0 + height));
        }
        json_t *root =
            json_pack("{s:s,s:i,s:{s:s},s:s,s:o,s:[s],s:[s],s:[{s:s,s:[s],s:[s],s:o}]}", "format", "mae-profile",
                      "version", 1, "model", "name", "one", "energy_source", "meter", "pes", pes, "inputs", "in",
                      "outputs", "t", "layers", "name", "t", "inputs", "in", "outputs", "t", "cost", costs);
        char *text = json_dumps(root, 0);
        json_decref(root);
        assert_null(mae_report_create(&report));
        assert_null(mae_report_add_text(report, "one", text, strlen(text)));
        assert_null(mae_report_to_html(report, &page));
        assert_true(count(page, "<text class=\"label") >= 2 * 5);
        mae_report_destroy(report);
        free(page);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),     cmocka_unit_test(computes_what_the_planner_says),
        cmocka_unit_test(names_do_no_harm),      cmocka_unit_test(escapes),
        cmocka_unit_test(numbers_for_people),    cmocka_unit_test(refuses),
        cmocka_unit_test(survives_broken_files), cmocka_unit_test(draws_large_networks),
        cmocka_unit_test(places_labels),
    };
    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
