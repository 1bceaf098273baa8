/* Drift, played: a PE that slows down is measured in place and planned around, and comes into use again when it is as
 * fast as before. */
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
#include "support/policy_world.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

typedef struct sums {
    double ms[4];
    size_t n[4];
} sums;

/* Mean latency before, in the first second of slowness, at its end, and long after it. */
static void note(void *ctx, const mae_play_frame *frame)
{
    static const double from_s[] = {1, 5, 14, 30}, to_s[] = {5, 5.05, 20, 40};
    sums *s = ctx;
    for (int i = 0; i < 4; i++)
        if (frame->arrival_s >= from_s[i] && frame->arrival_s < to_s[i]) {
            s->ms[i] += frame->latency_ms;
            s->n[i]++;
        }
}

static void slow_and_back(void **state)
{
    (void)state;
    char path[64] = "/tmp/mae-drift-XXXXXX", rules[64] = "/tmp/mae-rules-XXXXXX";
    sums s = {.n = {0}};
    mae_play *play = NULL;
    int fd = mkstemp(path), rules_fd = mkstemp(rules);
    assert_true(fd >= 0 && rules_fd >= 0);
    dprintf(rules_fd, "otherwise: least latency\n");
    dprintf(fd,
            "{\"format\": \"mae-scenario-script\", \"version\": 1, \"profile\": \"%s\", \"noise\": 0.01, \"seed\": 4, "
            "\"phases\": [{\"duration_s\": 40, \"frames_per_second\": 100, \"deadline_ms\": 9}], \"faults\": "
            "[{\"at_s\": 5, \"pe\": \"gpu\", \"fault\": \"slow\", \"factor\": 4}, {\"at_s\": 20, \"pe\": \"gpu\", "
            "\"fault\": \"slow\", \"factor\": 1}]}",
            policy_world_path("examples/profiles/xavier-agx-googlenet.json"));
    close(fd);
    close(rules_fd);
    const mae_play_options options = {.rules = rules, .on_frame = note, .on_frame_ctx = &s};
    succeed(mae_scenario_play(path, &options, &play));
    for (int i = 0; i < 4; i++)
        s.ms[i] /= (double)s.n[i];
    print_message("mean latency %.3f ms, slowed %.3f, planned anew %.3f, long after %.3f ms; %zu re-profilings, %zu "
                  "plans, %zu switches\n",
                  s.ms[0], s.ms[1], s.ms[2], s.ms[3], play->strategies[0].reprofiles, play->strategies[0].replans,
                  play->strategies[0].switches);
    assert_true(s.ms[2] < 0.7 * s.ms[1]);  /* the other PE is the better one now */
    assert_true(s.ms[3] < 1.02 * s.ms[0]); /* and the first one again */
    assert_true(play->strategies[0].replans >= 2 && play->strategies[0].lost == 0 && play->strategies[0].wrong == 0);
    mae_play_destroy(play);
    unlink(path);
    unlink(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slow_and_back)};
    return cmocka_run_group_tests_name("drift, played", tests, NULL, NULL);
}
