/* Contexts from SoC files: PEs as the file says, on the virtual SoC's clock and meter, and their operating points. */
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

#include "session/internal.h"
#include "support/sim_world.h"
#include "support/tree.h"

typedef struct fixture {
    sim_world world; /* whose profile is the truth; its own PEs stay closed */
    test_tree tree;
    mae_model model;
    char soc[128];
} fixture;

static void make(fixture *f)
{
    sim_world_spec spec = {.seed = 9, .layers = 8, .pes = 2, .energy = true, .static_w = 2};
    sim_world_make(&spec, &f->world);
    tree_make(&f->tree);
    snprintf(f->soc, sizeof f->soc, "%s.soc.json", f->tree.root);
    f->model.graph = (mae_graph *)f->world.graph;
}

static void finish(fixture *f)
{
    sim_world_finish(&f->world);
    tree_finish(&f->tree);
    unlink(f->soc);
}

static void write_soc(const fixture *f, const char *head, const char *first, const char *second)
{
    FILE *file = fopen(f->soc, "w");
    assert_non_null(file);
    fprintf(file, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"virtual\", \"mode\": \"M\", %s \"pes\": [",
            head);
    const char *more[] = {first, second};
    for (int p = 0; p < 2; p++)
        fprintf(
            file,
            "%s{\"name\": \"pe%d\", \"backend\": \"sim\", \"resource\": \"r%d\", %s \"options\": {\"profile\": \"%s\", "
            "\"clock\": \"virtual\", \"meter_root\": \"%s\", \"meter\": \"energy\", \"meter_period_ms\": 2}}",
            p ? ", " : "", p, p, more[p], f->world.path, f->tree.root);
    fprintf(file, "]}\n");
    assert_int_equal(fclose(file), 0);
}

static mae_error *open_soc(const fixture *f, const char *pes, mae_context **ret_context)
{
    mae_context_options options = {.soc = f->soc, .pes = pes};
    return mae_context_create(&options, ret_context);
}

static mae_context *must_open(const fixture *f, const char *pes)
{
    mae_context *context = NULL;
    mae_error *error = open_soc(f, pes, &context);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return context;
}

static void head_with_meter(const fixture *f, char *head, size_t size)
{
    snprintf(head, size, "\"meter\": {\"driver\": \"hwmon\", \"root\": \"%s\"}, ", f->tree.root);
}

static void profiles_are_metered(void **state)
{
    (void)state;
    fixture f;
    char head[256];
    make(&f);
    head_with_meter(&f, head, sizeof head);
    write_soc(&f, head, "\"rails\": [\"r0\"], \"max_segments\": 3,", "\"rails\": [\"virtual_energy/r1\"],");
    mae_context *context = must_open(&f, NULL);
    const mae_pe_info *infos;
    assert_int_equal(mae_context_pes(context, &infos), 2);
    assert_string_equal(infos[0].meter, "hwmon: r0");
    f.model.context = context;
    mae_profile_options options = {.budget_s = 10};
    mae_profile *profile = NULL;
    mae_error *error = mae_profile_measure(context, &f.model, &options, &profile);
    if (error)
        fail_msg("%s", mae_error_message(error));
    assert_int_equal(profile->energy, MAE_ENERGY_METER);
    assert_string_equal(profile->soc_name, "virtual");
    assert_string_equal(profile->soc_mode, "M");
    assert_int_equal(profile->pes[0].max_segments, 3);
    for (int p = 0; p < 2; p++) {
        int mapping[8] = {p, p, p, p, p, p, p, p};
        mae_prediction got, truth;
        assert_null(mae_eval(profile, mapping, 0, &got));
        assert_null(mae_eval(f.world.profile, mapping, 0, &truth));
        assert_true(fabs(got.latency_ms / truth.latency_ms - 1) < 1e-3);
        double got_mj = got.energy_mj - profile->static_w * got.latency_ms; /* above idle */
        double truth_mj = truth.energy_mj - 2 * truth.latency_ms;
        assert_true(fabs(got_mj / truth_mj - 1) < 0.02);
    }
    mae_profile_destroy(profile);
    mae_context_destroy(context);
    finish(&f);
}

static void expect_energy(const fixture *f, mae_energy_source source, const char *refusal)
{
    mae_context *context = must_open(f, NULL);
    mae_model model = {context, f->model.graph};
    mae_profile_options options = {.budget_s = 3};
    mae_profile *profile = NULL;
    assert_null(mae_profile_measure(context, &model, &options, &profile));
    assert_int_equal(profile->energy, source);
    json_t *root = NULL;
    assert_null(mae_profile_to_json(profile, &root));
    json_t *note = json_object_get(json_object_get(root, "provenance"), "energy");
    const char *refused = json_string_value(json_object_get(note, "refused"));
    if (refusal)
        assert_true(refused && strstr(refused, refusal));
    else
        assert_null(refused);
    json_decref(root);
    mae_profile_destroy(profile);
    mae_context_destroy(context);
}

static void without_a_meter_watts_are_a_model_and_nothing_is_nothing(void **state)
{
    (void)state;
    fixture f;
    make(&f);
    write_soc(&f, "", "\"watts\": 3,", "\"watts\": 4,");
    expect_energy(&f, MAE_ENERGY_MODEL, NULL);
    write_soc(&f, "", "\"watts\": 3,", "");
    expect_energy(&f, MAE_ENERGY_NONE, "neither a rail nor watts are stated for pe1");
    write_soc(&f, "\"meter\": {\"driver\": \"powercap\", \"root\": \"/nowhere\"}, ", "\"rails\": [\"a\"],",
              "\"rails\": [\"b\"],");
    expect_energy(&f, MAE_ENERGY_NONE, "no RAPL domain");
    finish(&f);
}

static void expect_error(const fixture *f, const char *pes, mae_code code, const char *part)
{
    mae_context *context = NULL;
    mae_error *error = open_soc(f, pes, &context);
    if (mae_error_code(error) != code || !strstr(mae_error_message(error), part))
        fail_msg("\"%s\" instead of one with \"%s\"", error ? mae_error_message(error) : "(no error)", part);
    mae_error_free(error);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    fixture f;
    char head[256];
    make(&f);
    head_with_meter(&f, head, sizeof head);
    write_soc(&f, head, "\"rails\": [\"GPU\"],", "");
    expect_error(&f, NULL, MAE_ERR_INPUT, "rail \"GPU\": the hwmon meter has none of this name");
    write_soc(&f, "", "", "");
    expect_error(&f, "pe0,pe7", MAE_ERR_USAGE, "PE \"pe7\"");
    FILE *file = fopen(f.soc, "w");
    fprintf(file, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"v\", \"pes\": [{\"name\": \"a\", \"backend\": "
                  "\"sim\", \"options\": {\"profil\": \"x\"}}]}");
    fclose(file);
    expect_error(&f, NULL, MAE_ERR_INPUT, "PE a: a virtual PE has no option profil");
    file = fopen(f.soc, "w");
    fprintf(file, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"v\", \"pes\": [{\"name\": \"a\", \"backend\": "
                  "\"absent\"}]}");
    fclose(file);
    mae_context *context = must_open(&f, NULL);
    const mae_missing_backend *missing;
    assert_int_equal(mae_context_missing(context, &missing), 1);
    assert_string_equal(missing[0].backend, "a");
    mae_context_destroy(context);
    finish(&f);
}

#define MAX_FREQ "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"

static void expect_file(const fixture *f, const char *wanted)
{
    char path[256], text[64] = "";
    snprintf(path, sizeof path, "%s/%s", f->tree.root, MAX_FREQ);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    text[strcspn(text, "\n")] = 0;
    assert_string_equal(text, wanted);
}

/* A PE at two levels is two PEs on one resource; each sets its level before it runs, and the end puts back what was. */
static void levels_are_set_and_put_back(void **state)
{
    (void)state;
    fixture f;
    char head[256];
    make(&f);
    tree_put(&f.tree, MAX_FREQ, "1800000");
    snprintf(head, sizeof head, "\"meter\": {\"driver\": \"battery\", \"root\": \"%s\"}, ", f.tree.root);
    FILE *file = fopen(f.soc, "w");
    fprintf(file,
            "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"v\", %s \"pes\": [{\"name\": \"cpu\", \"backend\": "
            "\"sim\", \"resource\": \"cpu\", \"watts\": 1, \"options\": {\"profile\": \"%s\", \"clock\": \"virtual\", "
            "\"pe\": \"pe0\"}, \"levels\": ["
            "{\"name\": \"slow\", \"sysfs\": {\"/" MAX_FREQ "\": 600000}, \"watts\": 0.5, \"segment_ms\": 0.25},"
            "{\"name\": \"fast\", \"sysfs\": {\"/" MAX_FREQ "\": 1500000}}]}]}",
            head, f.world.path);
    fclose(file);
    mae_context *context = must_open(&f, NULL);
    const mae_pe_info *infos;
    assert_int_equal(mae_context_pes(context, &infos), 2);
    assert_string_equal(infos[0].name, "cpu@slow");
    assert_string_equal(infos[1].name, "cpu@fast");
    assert_string_equal(infos[0].resource, infos[1].resource);
    assert_string_equal(infos[0].meter, "model: 0.5 W");
    assert_string_equal(infos[1].meter, "model: 1 W");
    for (int round = 0; round < 2; round++) {
        for (int p = 0; p < 2; p++) {
            int mapping[8] = {p, p, p, p, p, p, p, p};
            mae_frame_runner *runner = NULL;
            assert_null(mae_runner_create(context, f.model.graph, mapping, &runner));
            assert_null(mae_runner_fill(runner, 1));
            expect_file(&f, round == 0 && p == 0 ? "1800000" : p ? "600000" : "1500000");
            assert_null(mae_program_run(runner->program, NULL));
            expect_file(&f, p ? "1500000" : "600000");
            mae_runner_destroy(runner);
        }
    }
    mae_model model = {context, f.model.graph};
    mae_profile_options options = {.budget_s = 2};
    mae_profile *profile = NULL;
    assert_null(mae_profile_measure(context, &model, &options, &profile));
    assert_true(profile->pes[0].segment_ms >= 0.25);
    mae_profile_destroy(profile);
    mae_context_destroy(context);
    expect_file(&f, "1800000");
    context = must_open(&f, "cpu@fast");
    assert_int_equal(mae_context_pes(context, &infos), 1);
    mae_context_destroy(context);
    finish(&f);
}

static void a_soc_file_to_begin_with_reads_again(void **state)
{
    (void)state;
    fixture f;
    make(&f);
    write_soc(&f, "", "\"watts\": 3,", "\"watts\": 4,");
    mae_context *context = must_open(&f, NULL);
    assert_null(mae_context_write_soc(context, f.soc));
    mae_context_destroy(context);
    context = must_open(&f, NULL);
    const mae_pe_info *infos;
    assert_int_equal(mae_context_pes(context, &infos), 2);
    assert_string_equal(infos[1].meter, "model: 4 W");
    mae_context_destroy(context);
    context = NULL;
    assert_null(mae_context_create(NULL, &context)); /* whatever is here */
    size_t n = mae_context_pes(context, &infos);
    if (n > 0) {
        assert_null(mae_context_write_soc(context, f.soc));
        mae_soc *soc = NULL;
        assert_null(mae_soc_read(f.soc, &soc));
        assert_int_equal(soc->n_pes, n);
        mae_soc_destroy(soc);
    }
    const mae_meter_info *meters;
    size_t n_meters;
    assert_null(mae_context_meters(context, &meters, &n_meters));
    assert_int_equal(n_meters, 3);
    for (size_t i = 0; i < n_meters; i++)
        assert_true((meters[i].reason != NULL) == (meters[i].n_rails == 0));
    mae_context_destroy(context);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_metered),
        cmocka_unit_test(without_a_meter_watts_are_a_model_and_nothing_is_nothing),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(levels_are_set_and_put_back),
        cmocka_unit_test(a_soc_file_to_begin_with_reads_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
