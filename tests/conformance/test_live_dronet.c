/* DroNet flies on a made-up board (examples/dronet): what it sees decides how it is mapped, and what it says stays
 * right. Its network and its pictures are those of ../shared/models. */
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
#include "onnx/onnx.h"

#define OBSTACLE 0 /* the first picture; in the second the way is free */
#define FREE_WAY 1
#define LINE_OBSTACLE 4 /* of examples/dronet/rules.txt */
#define LINE_LOST 5
#define LINE_OTHERWISE 6

static void done(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

typedef struct flight {
    char soc[64];
    mae_context *context;
    mae_model *model;
    mae_profile *profile;
    mae_rules *rules;
    mae_live *live;
    float *pictures[2], *answers[2][2]; /* per picture: steer, collision */
    size_t picture_bytes;
} flight;

static float *read_values(const char *file, int set, size_t *ret_bytes)
{
    char path[4096], *name;
    mae_shape shape;
    void *data;
    snprintf(path, sizeof path, "%s/../shared/models/dronet/test_data_set_%d/%s", getenv("MAE_SOURCE_DIR"), set, file);
    done(mae_onnx_read_tensor(path, &name, &shape, &data, ret_bytes));
    assert_int_equal(shape.dtype, MAE_F32);
    free(name);
    return data;
}

static void read_pictures(flight *f)
{
    size_t bytes;
    for (int set = 0; set < 2; set++) {
        f->pictures[set] = read_values("input_0.pb", set, &f->picture_bytes);
        f->answers[set][0] = read_values("output_0.pb", set, &bytes);
        f->answers[set][1] = read_values("output_1.pb", set, &bytes);
    }
}

/* The example's board, on a clock that nothing but its own runs move on; `gpu` are further options of its GPU. */
static void write_soc(flight *f, const char *gpu)
{
    strcpy(f->soc, "/tmp/mae-dronet-XXXXXX");
    int fd = mkstemp(f->soc);
    assert_true(fd >= 0);
    const char *source = getenv("MAE_SOURCE_DIR");
    dprintf(fd,
            "{ \"format\": \"mae-soc\", \"version\": 1, \"name\": \"made-up\", \"pes\": [ { \"name\": \"gpu\", "
            "\"backend\": \"sim\", \"resource\": \"gpu\", \"options\": { \"profile\": "
            "\"%s/examples/dronet/profile.json\", \"clock\": \"virtual\", \"soc\": \"%s\", \"outputs\": "
            "\"reference\"%s } }, { \"name\": \"dla\", \"backend\": \"sim\", \"resource\": \"dla\", \"options\": { "
            "\"profile\": \"%s/examples/dronet/profile.json\", \"soc\": \"%s\", \"outputs\": \"reference\" } } ] }",
            source, f->soc, gpu, source, f->soc);
    close(fd);
}

static bool open_flight(flight *f, const char *gpu)
{
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    *f = (flight){.live = NULL};
    snprintf(path, sizeof path, "%s/../shared/models/dronet/model.onnx", source);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        return false;
    }
    write_soc(f, gpu);
    const mae_context_options options = {.threads = 1, .soc = f->soc};
    done(mae_context_create(&options, &f->context));
    done(mae_model_open(f->context, path, NULL, 0, &f->model));
    snprintf(path, sizeof path, "%s/examples/dronet/profile.json", source);
    done(mae_profile_read(path, &f->profile));
    snprintf(path, sizeof path, "%s/examples/dronet/rules.txt", source);
    done(mae_rules_read(path, &f->rules));
    const mae_live_options live = {.rules = f->rules};
    done(mae_live_open(f->context, f->model, f->profile, &live, &f->live));
    read_pictures(f);
    return true;
}

static void close_flight(flight *f)
{
    mae_live_close(f->live);
    mae_rules_destroy(f->rules);
    mae_profile_destroy(f->profile);
    mae_model_close(f->model);
    mae_context_destroy(f->context);
    for (int set = 0; set < 2; set++) {
        free(f->pictures[set]);
        free(f->answers[set][0]);
        free(f->answers[set][1]);
    }
    unlink(f->soc);
}

static void check_answers(flight *f, int set)
{
    for (size_t i = 0; i < 2; i++) {
        const void *data;
        mae_shape shape;
        done(mae_live_output(f->live, i, &data, &shape));
        double is = (double)*(const float *)data, wanted = (double)*f->answers[set][i];
        if (!(fabs(is - wanted) <= 1e-4))
            fail_msg("picture %d, output %zu: %g, not %g", set, i, is, wanted);
    }
}

/* A frame; the line of the rule that applied, and whether only this PE ran. */
static int look(flight *f, int set, const char *pe)
{
    done(mae_live_set_input(f->live, 0, f->pictures[set], f->picture_bytes));
    done(mae_live_run(f->live, 33, 33));
    check_answers(f, set);
    const mae_live_frame *last = mae_live_last(f->live);
    for (size_t i = 0; i < last->n_segments; i++)
        assert_string_equal(last->segments[i].pe, pe);
    return last->rule_line;
}

static void what_it_sees_decides(void **state)
{
    (void)state;
    flight f;
    if (!open_flight(&f, ""))
        skip();
    for (int i = 0; i < 5; i++)
        assert_int_equal(look(&f, FREE_WAY, "dla"), LINE_OTHERWISE);
    assert_int_equal(look(&f, OBSTACLE, "dla"), LINE_OTHERWISE); /* it is seen in this frame ... */
    assert_int_equal(look(&f, OBSTACLE, "gpu"), LINE_OBSTACLE);  /* ... and the next one is quick */
    assert_true(mae_live_last(f.live)->switched);
    for (int i = 0; i < 50; i++)
        assert_int_equal(look(&f, OBSTACLE, "gpu"), LINE_OBSTACLE);
    int held = 0;
    double ms = 0;
    for (int i = 0; i < 20; i++) /* held for longer than the rule must hold: it is left as the way is free */
        assert_int_equal(look(&f, OBSTACLE, "gpu"), LINE_OBSTACLE);
    assert_int_equal(look(&f, FREE_WAY, "gpu"), LINE_OBSTACLE);
    assert_int_equal(look(&f, FREE_WAY, "dla"), LINE_OTHERWISE);
    /* A glimpse: the rule holds for 0.2 s of the board's time. */
    assert_int_equal(look(&f, OBSTACLE, "dla"), LINE_OTHERWISE);
    while (look(&f, FREE_WAY, held == 0 || ms < 200 ? "gpu" : "dla") == LINE_OBSTACLE) {
        ms += mae_live_last(f.live)->latency_ms;
        held++;
    }
    print_message("after a glimpse of an obstacle %d frames, %.1f ms, ran on the gpu\n", held, ms);
    assert_true(ms >= 200 && ms < 210);
    close_flight(&f);
}

/* The GPU fails as the obstacle comes: no frame is lost, and what it sees is still seen. */
static void among_obstacles_the_gpu_fails(void **state)
{
    (void)state;
    flight f;
    if (!open_flight(&f, ", \"fail_at\": \"run\", \"fail_after\": 3"))
        skip();
    assert_int_equal(look(&f, FREE_WAY, "dla"), LINE_OTHERWISE);
    assert_int_equal(look(&f, OBSTACLE, "dla"), LINE_OTHERWISE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(look(&f, OBSTACLE, "gpu"), LINE_OBSTACLE);
    assert_int_equal(look(&f, OBSTACLE, "dla"), LINE_OBSTACLE); /* begun again */
    assert_int_equal(mae_live_last(f.live)->repeats, 1);
    for (int i = 0; i < 30; i++)
        assert_int_equal(look(&f, OBSTACLE, "dla"), LINE_OBSTACLE);
    int lines[2] = {look(&f, FREE_WAY, "dla"), look(&f, FREE_WAY, "dla")};
    assert_true(lines[0] == LINE_OBSTACLE && lines[1] == LINE_LOST);
    close_flight(&f);
}

static void outputs_that_are_not_there(void **state)
{
    (void)state;
    flight f;
    static const char *const texts[] = {"output 7 above 1: least latency\notherwise: least energy\n",
                                        "output 89 value 3 below 1: least latency\notherwise: least energy\n"};
    static const char *const messages[] = {"rule of line 1: the network has no output \"7\", only: 86, 89",
                                           "rule of line 1: output \"89\" has 1 values, and none with number 3"};
    if (!open_flight(&f, ""))
        skip();
    for (int i = 0; i < 2; i++) {
        mae_rules *rules = NULL;
        mae_live *live = NULL;
        done(mae_rules_parse("r", texts[i], strlen(texts[i]), &rules));
        const mae_live_options options = {.rules = rules};
        mae_error *error = mae_live_open(f.context, f.model, f.profile, &options, &live);
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        assert_string_equal(mae_error_message(error), messages[i]);
        mae_error_free(error);
        mae_rules_destroy(rules);
    }
    close_flight(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_sees_decides),
                                       cmocka_unit_test(among_obstacles_the_gpu_fails),
                                       cmocka_unit_test(outputs_that_are_not_there)};
    return cmocka_run_group_tests_name("DroNet, live", tests, NULL, NULL);
}
