/* Planning, measuring plans where they run, planning again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "session/race.h"
#include "session/rows.h"

#define BATCH 4          /* plans measured against each other, at most */
#define TURN_FRAMES 3    /* at least so many frames a turn ... */
#define FEW_ROUNDS 8     /* ... and rounds, or a race decides nothing */
#define FEWEST_ROUNDS 3  /* of the opening, which decides nothing */
#define OPENING_PART 0.1 /* of the time: the single PEs alone */
#define RACE_PART 0.45   /* of the time left, for each race */

/* What the profile says of its energy, and whether it may be offered at all. */
static mae_error *admit(const mae_bench_work *work, mae_contender *contender)
{
    int most = work->options->goal.max_switches;
    size_t switches = mae_program_n_segments(contender->runner->program) - 1;
    contender->allowed = contender->verdict.ok && (most < 0 || switches <= (size_t)most);
    mae_bench_cost cost = {0};
    mae_error *error = mae_bench_eval(work, work->profile, contender->runner->mapping, &cost);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) { /* a baseline that no plan may be */
        contender->allowed = false;
        mae_error_free(error);
        error = NULL;
    }
    contender->dynamic_mj = cost.dynamic_mj;
    return error;
}

static mae_error *run_and_compare(const mae_bench_work *work, mae_contender *contender)
{
    double abs_tolerance, rel_tolerance;
    mae_runner_tolerance(work->context, contender->runner, &abs_tolerance, &rel_tolerance);
    if (work->options->goal.schedule == MAE_OVERLAP)
        MAE_TRY(mae_runner_overlap(work->context, contender->runner));
    MAE_TRY(mae_runner_run(contender->runner, NULL));
    MAE_TRY(mae_runner_compare(contender->runner, work->reference, abs_tolerance, rel_tolerance, &contender->verdict));
    return admit(work, contender);
}

mae_error *mae_bench_enter(mae_bench_work *work, const int *mapping, mae_contender **ret_contender)
{
    mae_contender *contender;
    MAE_TRY(
        mae_contender_create(work->context, work->graph, mapping, work->reference, MAE_BENCH_MOST_ROUNDS, &contender));
    mae_error *error = run_and_compare(work, contender);
    if (error) {
        mae_contender_destroy(contender);
        return error;
    }
    *ret_contender = contender;
    return NULL;
}

static void add_baselines(const mae_bench_work *work, mae_race *race)
{
    for (size_t p = 0; p < work->context->n_pes && p < 64; p++)
        mae_race_add(race, work->single[p], true);
    mae_race_add(race, work->greedy, true);
}

/* How long the single PEs take today, before anything is planned. */
static mae_error *open_contest(mae_bench_work *work, double seconds)
{
    mae_race race = {.seconds = seconds * OPENING_PART,
                     .least_rounds = FEWEST_ROUNDS,
                     .what = "single PEs",
                     .begin = 0,
                     .end = 0.05};
    double mean;
    add_baselines(work, &race);
    MAE_TRY(mae_race_run(work, &race));
    return mae_bench_find_speeds(work, race.rounds, work->speed, &mean);
}

/* Compiles and checks the next plans. */
static mae_error *enter_batch(mae_bench_work *work, const int *mappings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        MAE_TRY(
            mae_bench_report(work, "compiling plans", 0.05 + 0.4 * (double)work->n_mixed / MAE_BENCH_MOST_MIXED, -1));
        mae_contender *contender;
        MAE_TRY(mae_bench_enter(work, mappings + i * work->graph->n_layers, &contender));
        work->mixed[work->n_mixed++] = contender;
        work->unverified += !contender->verdict.ok;
        work->refinements++;
    }
    return NULL;
}

/* How many plans of a slow network there is time for, beside the baselines. */
static size_t affordable(const mae_bench_work *work, double seconds)
{
    double ms = 0;
    size_t n = 0;
    for (size_t p = 0; p <= work->context->n_pes; p++) {
        const mae_contender *c = p < work->context->n_pes ? work->single[p] : work->greedy;
        if (!c || c->rounds == 0)
            continue;
        ms += c->frames_ms[c->rounds - 1];
        n++;
    }
    if (n == 0 || ms <= 0)
        return BATCH;
    double racers = seconds * 1e3 / (FEW_ROUNDS * TURN_FRAMES * ms / (double)n) - (double)n;
    return racers < 1 ? 1 : racers > BATCH ? BATCH : (size_t)racers;
}

static mae_error *plan_batch(mae_bench_work *work, const mae_contender *champion, double seconds, size_t *ret_n)
{
    mae_profile *today;
    int *mappings;
    size_t room = MAE_BENCH_MOST_MIXED - work->n_mixed, most = affordable(work, seconds);
    MAE_TRY(mae_bench_todays_profile(work, &today));
    mae_error *error = mae_bench_propose(work, today, champion, room < most ? room : most, &mappings, ret_n);
    mae_profile_destroy(today);
    if (error)
        return error;
    error = enter_batch(work, mappings, *ret_n);
    free(mappings);
    return error;
}

/* How far off the predictions were, made before anything of these plans was measured. */
static mae_error *note_errors(mae_bench_work *work, mae_contender *const *contenders, size_t n)
{
    double *speed = calloc(work->context->n_pes + 1, sizeof *speed), mean;
    if (!speed)
        return mae_error_nomem();
    mae_error *error = NULL;
    for (size_t i = 0; i < n && !error; i++) {
        const mae_contender *c = contenders[i];
        mae_bench_cost cost;
        mae_interval now;
        if (!c->verdict.ok)
            continue;
        error = mae_bench_find_speeds(work, c->rounds, speed, &mean);
        if (!error)
            error = mae_bench_eval(work, work->profile, c->runner->mapping, &cost);
        if (!error)
            error = mae_median_of(c->frames_ms, c->rounds, &now);
        double predicted = error ? 0 : cost.latency_ms * mae_bench_speed_of(work->profile, c->runner->mapping, speed);
        if (error || predicted <= 0 || now.median <= 0)
            continue;
        double off = log(now.median / predicted);
        work->error_sum += off * off;
        work->n_errors++;
    }
    free(speed);
    return error;
}

/* What a race taught: how good predictions are, how fast the machine is, what segments take. */
static mae_error *learn(mae_bench_work *work, size_t n_new, mae_contender *champion, size_t rounds)
{
    mae_contender **new = work->mixed + work->n_mixed - n_new, *all[BATCH + 1];
    size_t n = 0;
    double mean;
    MAE_TRY(note_errors(work, new, n_new));
    for (size_t i = 0; i < n_new; i++)
        all[n++] = new[i];
    if (champion)
        all[n++] = champion;
    MAE_TRY(mae_bench_put_rows(work, all, n));
    return mae_bench_find_speeds(work, rounds, work->speed, &mean);
}

/* The best of those that are not single PEs: the leader, or where a single PE leads the best by its figures. */
static mae_error *find_champion(const mae_race *race, size_t n_single, mae_contender **ret_champion)
{
    mae_contender *mixes[MAE_RACE_MOST];
    size_t n = 0, best;
    for (size_t i = n_single; i < race->n; i++)
        if (race->racers[i].contender->rounds == race->rounds) /* to the end */
            mixes[n++] = race->racers[i].contender;
    if (n == 0)
        for (size_t i = n_single; i < race->n; i++)
            mixes[n++] = race->racers[i].contender;
    MAE_TRY(mae_bench_best_of(mixes, n, &best));
    if (best < n)
        *ret_champion = mixes[best];
    return NULL;
}

static mae_error *race_batch(mae_bench_work *work, size_t n_new, double seconds, mae_contender **champion)
{
    double done = (double)work->n_mixed / MAE_BENCH_MOST_MIXED;
    mae_race race = {.seconds = seconds, .eliminate = true, .what = "racing plans", .begin = 0.05 + 0.4 * done};
    race.end = race.begin + 0.05;
    for (size_t p = 0; p < work->context->n_pes && p < 64; p++)
        mae_race_add(&race, work->single[p], true);
    size_t n_single = race.n;
    mae_race_add(&race, work->greedy, true);
    for (size_t m = work->n_mixed - n_new; m < work->n_mixed; m++)
        if (work->mixed[m]->verdict.ok)
            mae_race_add(&race, work->mixed[m], false);
    mae_contender *again = *champion != work->greedy ? *champion : NULL;
    mae_race_add(&race, again, false);
    MAE_TRY(mae_race_run(work, &race));
    work->races++;
    MAE_TRY(find_champion(&race, n_single, champion));
    return learn(work, n_new, again, race.rounds);
}

static double now_s(const mae_bench_work *work)
{
    return (double)mae_context_now_ns(work->context) * 1e-9;
}

mae_error *mae_bench_refine(mae_bench_work *work, double seconds, mae_contender **ret_champion)
{
    double begin_s = now_s(work);
    mae_contender *champion = NULL;
    MAE_TRY(open_contest(work, seconds));
    while (work->n_mixed < MAE_BENCH_MOST_MIXED) {
        double left_s = begin_s + seconds - now_s(work);
        size_t n = 0;
        if (left_s <= 0 && work->races > 0)
            break;
        double race_s = fmax(left_s, seconds * OPENING_PART) * RACE_PART;
        MAE_TRY(plan_batch(work, champion, race_s, &n));
        if (n == 0)
            break;
        MAE_TRY(race_batch(work, n, race_s, &champion));
    }
    *ret_champion = champion ? champion : work->greedy && work->greedy->allowed ? work->greedy : NULL;
    return NULL;
}
