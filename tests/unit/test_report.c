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
#include "support/drawn.h"

static const char *const files[] = {"examples/profiles/xavier-agx-googlenet.json", "tests/data/report/bench.json",
                                    "tests/data/report/scenario.json", "tests/data/report/trace.json"};
static const char throughput[] = "tests/data/report/throughput.json";
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
    json_t *figures = drawn_figures(page);
    assert_non_null(figures);
    return figures;
}

/* Everything drawn has the value of the figure that it names. */
static size_t check_drawn(const char *page)
{
    char why[DRAWN_WHY];
    long n = drawn_check(page, why);
    if (n < 0)
        fail_msg("%s", why);
    return (size_t)n;
}

static void every_combination(void **state)
{
    (void)state;
    static const char *const sections[] = {"id=\"network\"", "id=\"measured\"", "id=\"scenario\"", "id=\"timeline\""};
    for (unsigned mask = 1; mask < 1u << N_FILES; mask++) {
        char *page = page_of(mask);
        json_t *figures = figures_of(page);
        for (size_t i = 0; i < N_FILES; i++) {
            assert_int_equal(drawn_count(page, sections[i]), mask >> i & 1);
            assert_int_equal(json_object_get(figures, keys[i]) != NULL, mask >> i & 1);
            char *text = text_of(files[i]);
            json_t *file = json_loads(text, 0, NULL);
            if (mask >> i & 1 && i < 3) /* of a trace the drawn frames are there */
                assert_true(json_equal(file, json_object_get(figures, keys[i])));
            json_decref(file);
            free(text);
        }
        assert_true(check_drawn(page) > 0);
        assert_int_equal(drawn_count(page, "<script"), 2);
        assert_int_equal(drawn_count(page, "<section"), drawn_count(page, "</section>"));
        assert_int_equal(drawn_count(page, "<svg"), drawn_count(page, "</svg>"));
        assert_int_equal(drawn_count(page, "<g "), drawn_count(page, "</g>"));
        assert_int_equal(drawn_count(page, "<table"), drawn_count(page, "</table>"));
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

static const json_t *resolve_entries(const json_t *figures)
{
    const json_t *bench = json_object_get(figures, "bench");
    return json_object_get(json_object_get(bench, "throughput"), "entries");
}

static char *page_of_two(const char *first, const char *second)
{
    char path[4096], *page = NULL;
    mae_report *report = NULL;
    assert_null(mae_report_create(&report));
    if (first)
        assert_null(mae_report_add_file(report, path_of(first, path)));
    assert_null(mae_report_add_file(report, path_of(second, path)));
    assert_null(mae_report_to_html(report, &page));
    mae_report_destroy(report);
    return page;
}

/* Frames a second: each entry that ran is drawn twice (wide, narrow), the offered one marked, each stage's load too. */
static void draws_throughput(void **state)
{
    (void)state;
    for (int with_profile = 0; with_profile < 2; with_profile++) {
        char *page = page_of_two(with_profile ? files[0] : NULL, throughput);
        json_t *figures = figures_of(page);
        const json_t *entries = resolve_entries(figures);
        size_t raced = 0, once = 0, predicted = 0;
        for (size_t i = 0; i < json_array_size(entries); i++) {
            const json_t *e = json_array_get(entries, i);
            bool is_raced = json_is_true(json_object_get(e, "raced"));
            raced += is_raced;
            once += !is_raced && json_object_get(e, "quick_ms");
            predicted += json_object_get(e, "predicted_period_ms") != NULL;
        }
        assert_true(raced == 5 && once == 3 && predicted == 4);
        assert_true(check_drawn(page) > 0);
        assert_int_equal(drawn_count(page, ", raced"), 2 * raced);
        assert_int_equal(drawn_count(page, ", raced, offered: "), 2);
        assert_int_equal(drawn_count(page, ", run once and not raced: "), 2 * once);
        assert_int_equal(drawn_count(page, ", predicted: "), 2 * predicted);
        assert_int_equal(drawn_count(page, "data-ref=\"/bench/plan/throughput/replicas/0/loads/0/time_ms\""), 2);
        assert_int_equal(drawn_count(page, "data-ref=\"/bench/plan/throughput/replicas/1/loads/0/time_ms\""), 2);
        assert_int_equal(drawn_count(page, "at work 100 % of the time"), 2 * 2);
        assert_int_equal(drawn_count(page, "id=\"throughput\""), 1);
        assert_int_equal(drawn_count(page, "id=\"measured\""), 0); /* latencies of frames alone were not measured */
        json_decref(figures);
        free(page);
    }
}

/* The interval of frames a second is that of the period, turned over. */
static void turns_intervals_over(void **state)
{
    (void)state;
    char *page = page_of_two(NULL, throughput), wanted[200], low[40], high[40], median[40];
    json_t *figures = figures_of(page);
    const json_t *entries = resolve_entries(figures);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *e = json_array_get(entries, i), *ci = json_object_get(e, "ci_ms");
        if (!json_is_true(json_object_get(e, "raced")))
            continue;
        snprintf(wanted, sizeof wanted, ": %s frames a second, 95 %% interval %s to %s\"",
                 mae_number_text(1e3 / json_number_value(json_object_get(e, "period_ms")), median),
                 mae_number_text(1e3 / json_number_value(json_array_get(ci, 1)), low),
                 mae_number_text(1e3 / json_number_value(json_array_get(ci, 0)), high));
        if (!strstr(page, wanted))
            fail_msg("not on the page: %s", wanted);
    }
    json_decref(figures);
    free(page);
}

/* A pipeline: two segments on one resource are one stage, which only the profile can tell. */
static void names_stages(void **state)
{
    (void)state;
    static const char plan[] =
        "{\"format\":\"mae-plan\",\"version\":1,\"goal\":{\"minimize\":\"period\"},\"segments\":[%s],"
        "\"throughput\":{\"period_ms\":2,\"latency_ms\":3,\"replicas\":[{\"segments\":[%s],\"period_ms\":2,"
        "\"latency_ms\":3,\"loads\":[{\"resource\":\"gpu\",\"time_ms\":2},{\"resource\":\"dla0\",\"time_ms\":1}]}]}}";
    static const char segments[] =
        "{\"pe\":\"gpu\",\"layers\":[\"group0\",\"group1\"]},{\"pe\":\"dla\",\"layers\":[\"group2\",\"group3\","
        "\"group4\",\"group5\",\"group6\",\"group7\",\"group8\",\"group9\"]}";
    char text[2000], path[4096], *page = NULL;
    mae_report *report = NULL;
    int n = snprintf(text, sizeof text, plan, segments, segments);
    assert_true(n > 0 && n < (int)sizeof text);
    assert_null(mae_report_create(&report));
    assert_null(mae_report_add_file(report, path_of(files[0], path)));
    assert_null(mae_report_add_text(report, "plan", text, strlen(text)));
    assert_null(mae_report_to_html(report, &page));
    assert_true(check_drawn(page) > 0);
    assert_int_equal(drawn_count(page, "stage 1 on gpu, gpu: group0 to group1; 2 ms a frame, at work 100 %"), 2);
    assert_int_equal(drawn_count(page, "stage 2 on dla0, dla: group2 to group9; 1 ms a frame, at work 50 %"), 2);
    assert_int_equal(drawn_count(page, "data-ref=\"/plan/throughput/replicas/0/loads/1/time_ms\""), 2);
    mae_report_destroy(report);
    free(page);
}

static void draws_watts(void **state)
{
    (void)state;
    char *page = page_of_two(NULL, files[3]), *text = text_of(files[3]);
    json_t *figures = figures_of(page), *file = json_loads(text, 0, NULL);
    const json_t *events = json_object_get(file, "traceEvents");
    json_t *rails = json_object_get(json_object_get(figures, "trace"), "watts");
    assert_int_equal(json_array_size(rails), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(rails, i), "rail"));
        double sum = 0, most = 0;
        size_t n = 0;
        for (size_t k = 0; k < json_array_size(events); k++) {
            const json_t *event = json_array_get(events, k);
            if (strcmp(json_string_value(json_object_get(event, "ph")), "C") != 0 ||
                strcmp(json_string_value(json_object_get(event, "name")), name) != 0)
                continue;
            double watts = json_number_value(json_object_get(json_object_get(event, "args"), "W"));
            sum += watts;
            most = watts > most ? watts : most;
            n++;
        }
        assert_true(n > 5);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(rails, i), "readings")), n);
        assert_float_equal(json_number_value(json_object_get(json_array_get(rails, i), "mean_w")), sum / (double)n,
                           1e-9);
        assert_true(json_number_value(json_object_get(json_array_get(rails, i), "most_w")) == most);
    }
    assert_int_equal(drawn_count(page, "data-ref=\"/trace/watts/"), 2 * 2);
    json_decref(figures);
    json_decref(file);
    free(page);
    free(text);
}

/* More readings than can be told apart are drawn as means; a trace of watts alone is drawn, too. */
static void draws_many_watts(void **state)
{
    (void)state;
    json_t *events = json_array();
    char *page = NULL;
    mae_report *report = NULL;
    for (int i = 0; i < 10000; i++)
        json_array_append_new(events, json_pack("{s:s,s:s,s:i,s:i,s:{s:f}}", "name", "rail", "ph", "C", "pid", 1, "ts",
                                                i * 100, "args", "W", i % 2 ? 4.0 : 6.0));
    json_t *root = json_pack("{s:o,s:{}}", "traceEvents", events, "otherData");
    char *text = json_dumps(root, 0);
    json_decref(root);
    assert_null(mae_report_create(&report));
    assert_null(mae_report_add_text(report, "watts", text, strlen(text)));
    assert_null(mae_report_to_html(report, &page));
    assert_true(check_drawn(page) == 2);
    assert_non_null(strstr(page, "rail: 5.000 W on average of 10000 readings, 4 to 6 W"));
    assert_non_null(strstr(page, "up to 25 readings make a point"));
    const char *line = strstr(page, "class=\"stroke\" d=\"");
    assert_non_null(line);
    assert_true(strcspn(line + 20, "\"") < 400 * 16);
    mae_report_destroy(report);
    free(page);
    free(text);
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
    assert_int_equal(drawn_count(page, "<script"), 2);
    assert_int_equal(drawn_count(page, "</script"), 2);
    assert_int_equal(drawn_count(page, "</style"), 1);
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

/* The first `what` of the file replaced. */
static void refuse_throughput(const char *what, const char *by, const char *says)
{
    char *text = text_of(throughput), *at = strstr(text, what);
    assert_non_null(at);
    size_t size = strlen(text) + strlen(by) + 1;
    char *broken = malloc(size);
    assert_non_null(broken);
    snprintf(broken, size, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
    refuse(NULL, broken, MAE_ERR_INPUT, says);
    free(broken);
    free(text);
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
    refuse(NULL,
           "{\"traceEvents\": [{\"ph\":\"C\",\"name\":\"r\",\"pid\":1,\"ts\":0,\"args\":{\"W\":\"5\"}}],"
           "\"otherData\": {}}",
           MAE_ERR_INPUT, "traceEvents[0].W: is not a number");
    refuse_throughput("\"offered\": true", "\"offered\": false", "throughput.entries: none that was raced is offered");
    refuse_throughput("\"kind\": \"arrangement\"", "\"kind\": \"thing\"",
                      "throughput.entries[4].kind: is not single_pe");
    refuse_throughput("\"p99\"", "\"p98\"", "throughput.entries[0].latency_ms.p99: is missing");
    refuse_throughput("\"quick_ms\": 2.61", "\"quick\": 2.61",
                      "throughput.entries[3]: has neither a time nor a reason");
    refuse_throughput("\"time_ms\": 3.84", "\"time_ms\": -1", "plan.throughput.replicas[1].loads[0].time_ms");
    refuse_throughput("\"frames\": 1.404", "\"frames\": null", "throughput.ratios[0].frames: is missing");
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
    for (size_t f = 1; f <= N_FILES; f++) {
        char *text = text_of(f < N_FILES ? files[f] : throughput);
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
    assert_int_equal(drawn_count(page, "data-ref=\"/computed/plan/mapping/"), 2 * 250);
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
        assert_true(drawn_count(page, "<text class=\"label") >= 2 * 5);
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
        cmocka_unit_test(places_labels),         cmocka_unit_test(draws_throughput),
        cmocka_unit_test(turns_intervals_over),  cmocka_unit_test(names_stages),
        cmocka_unit_test(draws_watts),           cmocka_unit_test(draws_many_watts),
    };
    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
