/* Every scripted fault, alone and in pairs, played by the live session on the virtual SoC: no frame is lost, none is
 * answered twice, none is wrong. A few hundred frames each; with MAE_LONG set, 10,000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mae/mae.h"
#include "support/sim_world.h"

#define FPS 100

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static size_t n_frames(void)
{
    return getenv("MAE_LONG") ? 10000 : 300;
}

/* A fault that begins at one share of the script and ends at another; `to` NULL: it does not have to. */
typedef struct fault {
    const char *name, *list, *from, *to;
} fault;

static const fault faults[] = {
    {"none", "", NULL, NULL},
    {"lost", "faults", "\"fault\": \"lose\"", "\"fault\": \"return\""},
    {"slow", "faults", "\"fault\": \"slow\", \"factor\": 1.7", "\"fault\": \"slow\", \"factor\": 1"},
    {"stalled", "faults", "\"fault\": \"stall\", \"stall_ms\": 3", "\"fault\": \"stall\", \"stall_ms\": 7"},
    {"hung", "faults", "\"fault\": \"stall\", \"stall_ms\": 400", NULL},
    {"lying", "faults", "\"fault\": \"lie\", \"factor\": 0.4", "\"fault\": \"lie\", \"factor\": 1"},
    {"loaded", "contention", "\"factor\": 1.4", NULL},
};
#define N_FAULTS (sizeof faults / sizeof *faults)

typedef struct entry {
    double at_s;
    char text[160];
} entry;

static int by_time(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

static void add(entry *entries, size_t *n, double at_s, const char *pe, const char *what)
{
    entries[*n].at_s = at_s;
    snprintf(entries[*n].text, sizeof entries[*n].text, "{\"at_s\": %.6f, \"pe\": \"%s\", %s}", at_s, pe, what);
    (*n)++;
}

static void write_list(FILE *file, const char *name, entry *entries, size_t n)
{
    qsort(entries, n, sizeof *entries, by_time);
    fprintf(file, ",\n\"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        fprintf(file, "%s%s", i ? ", " : "", entries[i].text);
    fprintf(file, "]");
}

/* The two faults overlap, on the two PEs named. */
static void write_script(const char *path, const char *profile, const fault *a, const char *pe_a, const fault *b,
                         const char *pe_b)
{
    const fault *two[2] = {a, b};
    const char *pes[2] = {pe_a, pe_b};
    double duration_s = (double)n_frames() / FPS;
    entry events[4], loads[2];
    size_t n_events = 0, n_loads = 0;
    for (int i = 0; i < 2; i++) {
        double from_s = duration_s * (0.2 + 0.131 * i), to_s = duration_s * (0.6 + 0.117 * i);
        if (strcmp(two[i]->list, "faults") == 0) {
            add(events, &n_events, from_s, pes[i], two[i]->from);
            if (two[i]->to)
                add(events, &n_events, to_s, pes[i], two[i]->to);
        } else if (two[i]->from) {
            loads[n_loads].at_s = from_s;
            snprintf(loads[n_loads].text, sizeof loads[0].text,
                     "{\"from_s\": %.6f, \"to_s\": %.6f, \"pe\": \"%s\", %s}", from_s, to_s, pes[i], two[i]->from);
            n_loads++;
        }
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"format\": \"mae-scenario-script\", \"version\": 1, \"profile\": \"%s\", \"noise\": 0.01, \"seed\": 5,\n"
            "\"phases\": [{\"duration_s\": %.6f, \"frames_per_second\": %d, \"deadline_ms\": 20}]",
            profile, duration_s, FPS);
    write_list(file, "faults", events, n_events);
    write_list(file, "contention", loads, n_loads);
    fprintf(file, "}\n");
    assert_int_equal(fclose(file), 0);
}

typedef struct totals {
    size_t runs, repeats, losses, hung, replans, switches;
} totals;

/* Answers in the order of the frames, one each. */
static void note_answer(void *ctx, const mae_play_frame *frame)
{
    size_t *next = ctx;
    if (frame->frame == *next && frame->latency_ms > 0 && !frame->wrong)
        (*next)++;
}

static void play(const char *path, const char *what, totals *sum)
{
    mae_play *result = NULL;
    size_t answers = 0;
    const mae_play_options options = {.on_frame = note_answer, .on_frame_ctx = &answers};
    succeed(mae_scenario_play(path, &options, &result));
    const mae_play_strategy *s = &result->strategies[0];
    assert_int_equal(answers, n_frames());
    if (result->n_strategies != 1 || s->frames != n_frames() || s->lost || s->wrong)
        fail_msg("%s: %zu frames of %zu, %zu lost, %zu wrong", what, s->frames, n_frames(), s->lost, s->wrong);
    sum->runs++;
    sum->repeats += s->repeats;
    sum->losses += s->losses;
    sum->hung += s->hung;
    sum->replans += s->replans;
    sum->switches += s->switches;
    mae_play_destroy(result);
}

/* Layers of about 0.5 ms: frames of 3 to 6 ms, of which 100 a second come. */
static void alone_and_in_pairs(void **state)
{
    (void)state;
    sim_world world;
    sim_world_spec spec = {.seed = 11, .layers = 8, .pes = 3, .host = true, .energy = true, .static_w = 0.5};
    char path[64] = "/tmp/mae-faults-XXXXXX", what[96];
    totals sum = {0};
    sim_world_make(&spec, &world);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t a = 0; a < N_FAULTS; a++)
        for (size_t b = a ? 1 : 0; b < N_FAULTS; b++)
            for (int pair = 0; pair < 2; pair++) {
                const char *pe_b = pair ? "pe1" : "pe0"; /* both on one PE, or on two */
                if (pair == 0 && strcmp(faults[a].list, faults[b].list) == 0 && a == b)
                    continue;
                snprintf(what, sizeof what, "%s pe0, %s %s", faults[a].name, faults[b].name, pe_b);
                write_script(path, world.path, &faults[a], "pe0", &faults[b], pe_b);
                play(path, what, &sum);
            }
    print_message("%zu scripts of %zu frames: %zu frames begun again, %zu PEs taken out, %zu hung, %zu planned anew, "
                  "%zu switches\n",
                  sum.runs, n_frames(), sum.repeats, sum.losses, sum.hung, sum.replans, sum.switches);
    assert_true(sum.repeats > 10 && sum.losses > 10 && sum.hung > 5);
    unlink(path);
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(alone_and_in_pairs)};
    return cmocka_run_group_tests_name("scripted faults", tests, NULL, NULL);
}
