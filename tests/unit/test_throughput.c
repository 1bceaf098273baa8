/* Throughput measured (mae/throughput.h): on a virtual SoC everything comes as often as planned, what is offered is
 * what is fastest, and the result fits its schema. Single processors are resources of their own. */
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

#include "mae/mae.h"
#include "support/schema.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

typedef struct scene {
    mae_context *context;
    mae_model *model;
    mae_profile *profile;
} scene;

static void open_model(scene *s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(s->context, path, NULL, 0, &s->model));
}

/* False: the reference that computes a virtual PE's values is not here. */
static bool begin(scene *s)
{
    char soc[] = "/tmp/mae-throughput-XXXXXX", profile[4096];
    static const char *const names[] = {"gpu@low", "gpu@high", "dla"}, *const resources[] = {"gpu", "gpu", "dla"};
    int fd = mkstemp(soc);
    assert_true(fd >= 0);
    *s = (scene){.context = NULL};
    snprintf(profile, sizeof profile, "%s/tests/data/profiles/virtual_soc.truth.json", getenv("MAE_SOURCE_DIR"));
    dprintf(fd, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"virtual\", \"pes\": [");
    for (int i = 0; i < 3; i++)
        dprintf(fd,
                "%s{\"name\": \"%s\", \"backend\": \"sim\", \"resource\": \"%s\", \"options\": {\"profile\": \"%s\", "
                "\"outputs\": \"reference\"%s}}",
                i ? ", " : "", names[i], resources[i], profile, i ? "" : ", \"clock\": \"virtual\"");
    dprintf(fd, "]}\n");
    close(fd);
    mae_error *error = mae_context_create(&(mae_context_options){.soc = soc}, &s->context);
    unlink(soc);
    const mae_pe_info *pes;
    bool here = !error && mae_context_pes(s->context, &pes) == 3;
    mae_error_free(error);
    if (here) {
        open_model(s);
        succeed(mae_profile_read(profile, &s->profile));
    }
    return here;
}

static void end(scene *s)
{
    mae_profile_destroy(s->profile);
    mae_model_close(s->model);
    mae_context_destroy(s->context);
}

static void check_entry(const mae_throughput_entry *e)
{
    assert_null(e->reason);
    assert_true(e->verified && e->quick_ms > 0);
    assert_int_equal(e->kind == MAE_THROUGHPUT_PLAN, e->plan && e->plan->throughput);
    if (!e->raced || e->kind != MAE_THROUGHPUT_PLAN)
        return;
    /* A turn ends when its last frame does: what a batch of eight at the least loses by filling up and running out. */
    const mae_plan_throughput *t = e->plan->throughput;
    double slack = 0;
    for (size_t r = 0; r < t->n_replicas; r++)
        slack = fmax(slack, 3 * t->replicas[r].cost.latency_ms);
    assert_true(e->period_ms.median >= t->period_ms * (1 - 1e-6));
    assert_true(e->period_ms.median <= t->period_ms + slack / 8);
    assert_true(e->latency_ms.median <= e->p99_ms);
}

static void what_is_offered_is_fastest(void **state)
{
    (void)state;
    scene s;
    mae_throughput *t;
    if (!begin(&s)) {
        print_message("skipped: no ONNX Runtime\n");
        end(&s);
        skip();
    }
    succeed(mae_throughput_run(s.context, s.model,
                               &(mae_bench_options){.goal = MAE_GOAL_INIT, .profile = s.profile, .race_s = 1}, &t));
    assert_int_equal(t->n_resources, 2);
    assert_true(t->rounds >= 6);
    size_t arrangements = 0;
    const mae_throughput_entry *offered = &t->entries[t->offered];
    assert_int_equal(offered->kind, MAE_THROUGHPUT_PLAN);
    for (size_t i = 0; i < t->n_entries; i++) {
        check_entry(&t->entries[i]);
        arrangements += t->entries[i].kind == MAE_THROUGHPUT_PLAN;
        if (t->entries[i].raced)
            assert_true(offered->period_ms.median <= t->entries[i].period_ms.median * (1 + 1e-9));
    }
    assert_true(arrangements >= 2);
    assert_true(t->n_ratios >= 1);
    assert_string_equal(t->ratios[0].what, "best_single");
    assert_true(t->ratios[0].ratio.median > 1);
    char *text;
    succeed(mae_throughput_to_json(t, &text));
    json_decref(schema_check_text("schemas/mae-bench.schema.json", text));
    free(text);
    mae_throughput_destroy(t);
    end(&s);
}

static bool stop(void *ctx, const char *what, double fraction, double left_s)
{
    (void)what, (void)fraction, (void)left_s;
    return ++*(int *)ctx < 4;
}

static void it_can_be_cancelled(void **state)
{
    (void)state;
    scene s;
    mae_throughput *t = NULL;
    int calls = 0;
    if (!begin(&s)) {
        end(&s);
        skip();
    }
    mae_error *error = mae_throughput_run(
        s.context, s.model,
        &(mae_bench_options){.goal = MAE_GOAL_INIT, .profile = s.profile, .progress = stop, .progress_ctx = &calls},
        &t);
    assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
    assert_null(t);
    mae_error_free(error);
    end(&s);
}

static void processors_are_resources(void **state)
{
    (void)state;
    mae_context *context = NULL;
    const mae_pe_info *pes;
    mae_error *error = mae_context_create(&(mae_context_options){.cores = "0", .each_core = true}, &context);
    if (error) {
        print_message("skipped: %s\n", mae_error_message(error));
        mae_error_free(error);
        skip();
    }
    size_t n = mae_context_pes(context, &pes);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(pes[i].resource, "cpu:0");
        assert_true(strncmp(pes[i].name, "cpu:0/", 6) == 0 && strcmp(pes[i].name + 6, pes[i].backend) == 0);
    }
    mae_context_destroy(context);
    error = mae_context_create(&(mae_context_options){.cores = "0", .each_core = true, .pes = "cpu:0/none"}, &context);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_fastest),
        cmocka_unit_test(it_can_be_cancelled),
        cmocka_unit_test(processors_are_resources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
