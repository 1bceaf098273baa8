/* How much PEs of different resources slow each other down: the longest stretch that one can run, timed alone and while
 * the other runs its own again and again, turn by turn. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "profile/survey.h"

#define LEAST_ROUNDS 3
#define MOST_ROUNDS 15
#define MOST_RUNS 8
#define TURN_MS 10.0 /* about so long */

/* A PE's stretch, and who runs it beside another. */
typedef struct loop {
    mae_survey *survey;
    mae_program *program;
    double run_ms; /* alone, roughly */
    atomic_bool begun, stop;
    mae_error *error;
} loop;

static uint64_t now_ns(const mae_survey *survey)
{
    const mae_program_clock *clock = &survey->options->clock;
    return clock->now_ns ? clock->now_ns(clock->ctx) : mae_clock_now_ns();
}

static double spent_s(const mae_survey *survey)
{
    return (double)(now_ns(survey) - survey->begin_ns) * 1e-9;
}

static void hold(const mae_survey *survey, int change)
{
    const mae_overlap_machine *machine = &survey->options->machine;
    if (machine->service)
        machine->service->hold(machine->pe, change);
}

static void *run_on(void *ctx)
{
    loop *l = ctx;
    atomic_store(&l->begun, true);
    do
        l->error = mae_program_run(l->program, NULL);
    while (!l->error && !atomic_load(&l->stop));
    hold(l->survey, -1);
    return NULL;
}

/* Mean over a turn's runs. */
static mae_error *time_runs(loop *l, double *ret_ms)
{
    size_t runs = l->run_ms > 0 ? (size_t)fmax(1, fmin(MOST_RUNS, TURN_MS / l->run_ms)) : MOST_RUNS;
    uint64_t begin = now_ns(l->survey);
    for (size_t i = 0; i < runs; i++)
        MAE_TRY(mae_program_run(l->program, NULL));
    *ret_ms = (double)(now_ns(l->survey) - begin) * 1e-6 / (double)runs;
    return NULL;
}

/* On a virtual clock nothing moves on until both are inside; on a real one the other has to be at work first. */
static mae_error *time_beside(loop *l, loop *other, double *ret_ms)
{
    pthread_t thread;
    atomic_store(&other->begun, false);
    atomic_store(&other->stop, false);
    other->error = NULL;
    hold(l->survey, 2);
    int failure = pthread_create(&thread, NULL, run_on, other);
    if (failure) {
        hold(l->survey, -2);
        return mae_error_new(MAE_ERR_FAILED, "no thread for a PE beside another: %s", strerror(failure));
    }
    while (!atomic_load(&other->begun))
        sched_yield();
    mae_error *error = l->survey->options->machine.service ? NULL : mae_program_run(l->program, NULL);
    if (!error)
        error = time_runs(l, ret_ms);
    atomic_store(&other->stop, true);
    hold(l->survey, -1);
    pthread_join(thread, NULL);
    if (!error)
        return other->error;
    mae_error_free(other->error);
    return error;
}

/* One ordered pair's turn: how many times as long it takes beside the other. */
static mae_error *take_turn(loop *l, loop *other, double *ret_factor)
{
    double alone, beside;
    MAE_TRY(mae_program_run(l->program, NULL)); /* the other's weights are in the caches */
    MAE_TRY(time_runs(l, &alone));
    MAE_TRY(time_beside(l, other, &beside));
    *ret_factor = alone > 0 ? beside / alone : 1;
    return NULL;
}

/* The median; nothing gets faster beside another. */
static void put(mae_profile *profile, size_t pe, size_t with, double *factors, size_t n)
{
    mae_stats_sort(factors, n);
    mae_stats_median of = mae_stats_median_of(factors, n);
    const mae_contention row = {.factor = fmax(1, of.median), .n = (int)n, .spread = (of.high - of.low) / 2};
    mae_profile_set_contention(profile, (int)pe, (int)with, &row);
}

static mae_error *measure_pair(mae_survey *survey, loop *loops, size_t p, size_t q, double until_s,
                               mae_profile *profile)
{
    double of_p[MOST_ROUNDS], of_q[MOST_ROUNDS];
    size_t n = 0;
    for (; n < MOST_ROUNDS; n++) {
        if (n >= LEAST_ROUNDS && spent_s(survey) > until_s)
            break;
        MAE_TRY(take_turn(&loops[p], &loops[q], &of_p[n]));
        MAE_TRY(take_turn(&loops[q], &loops[p], &of_q[n]));
    }
    put(profile, p, q, of_p, n);
    put(profile, q, p, of_q, n);
    return NULL;
}

/* The longest stretch that the PE supports, as one segment. */
static mae_error *compile(mae_survey *survey, size_t p, loop *l)
{
    const mae_pe_survey *of = &survey->of[p];
    int n = (int)survey->graph->n_layers, first = 0, last = -1;
    for (int from = 0, to; from < n; from = to + 1) {
        for (to = from; to < n && of->supported[to];)
            to++;
        if (to - from > last + 1 - first) {
            first = from;
            last = to - 1;
        }
    }
    mae_program_spec spec = {.graph = survey->graph,
                             .pes = survey->handles,
                             .mapping = of->mapping,
                             .first = first,
                             .last = last,
                             .pe_names = survey->names,
                             .clock = survey->options->clock};
    l->survey = survey;
    MAE_TRY(mae_program_create(&spec, &l->program));
    MAE_TRY(mae_survey_fill(survey, l->program));
    MAE_TRY(mae_program_run(l->program, NULL));
    uint64_t begin = now_ns(survey);
    MAE_TRY(mae_program_run(l->program, NULL));
    l->run_ms = (double)(now_ns(survey) - begin) * 1e-6;
    return NULL;
}

bool mae_survey_contends(const mae_survey *survey, size_t p, size_t q)
{
    return survey->of[p].n_supported > 0 && survey->of[q].n_supported > 0 &&
           strcmp(survey->pes[p].info.resource, survey->pes[q].info.resource) != 0;
}

static mae_error *measure_pairs(mae_survey *survey, loop *loops, size_t n_pairs, mae_profile *profile)
{
    double at_s = spent_s(survey);
    double share_s = MAE_CONTENTION_SHARE * survey->options->budget_s / (double)n_pairs;
    for (size_t p = 0; p < survey->n_pes; p++)
        for (size_t q = p + 1; q < survey->n_pes; q++) {
            if (!mae_survey_contends(survey, p, q))
                continue;
            MAE_TRY(mae_survey_progress(survey, "running side by side", 1));
            if (!loops[p].program)
                MAE_TRY(compile(survey, p, &loops[p]));
            if (!loops[q].program)
                MAE_TRY(compile(survey, q, &loops[q]));
            at_s += share_s;
            MAE_TRY(measure_pair(survey, loops, p, q, at_s, profile));
        }
    return NULL;
}

mae_error *mae_survey_contention(mae_survey *survey, mae_profile *profile)
{
    size_t n_pairs = 0;
    for (size_t p = 0; p < survey->n_pes; p++)
        for (size_t q = p + 1; q < survey->n_pes; q++)
            n_pairs += mae_survey_contends(survey, p, q);
    if (n_pairs == 0)
        return NULL;
    loop *loops = mae_arena_array(survey->arena, survey->n_pes, sizeof *loops);
    if (!loops)
        return mae_error_nomem();
    mae_error *error = measure_pairs(survey, loops, n_pairs, profile);
    for (size_t p = 0; p < survey->n_pes; p++)
        mae_program_destroy(loops[p].program);
    return error;
}
