#include "session/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROUNDS 6     /* fewer have no 95 % interval */
#define FIRST_LOOK 8       /* rounds */
#define BETWEEN_LOOKS 1.15 /* each look is after so many times more rounds than the one before */

/* ---- deciding ---- */

static double median_of(const double *samples, size_t n, double *scratch)
{
    memcpy(scratch, samples, n * sizeof *samples);
    mae_stats_sort(scratch, n);
    return mae_stats_quantile(scratch, n, 0.5);
}

size_t mae_race_leader(const mae_lane *lanes, size_t n, size_t rounds, double *scratch)
{
    size_t best = n;
    double best_value = 0, best_miss = 0;
    for (size_t i = 0; i < n; i++) {
        if (lanes[i].out)
            continue;
        double value = median_of(lanes[i].values, rounds, scratch);
        double miss = fmax(0, median_of(lanes[i].misses, rounds, scratch));
        if (best == n || miss < best_miss || (miss <= best_miss && value < best_value)) {
            best = i;
            best_value = value;
            best_miss = miss;
        }
    }
    return best;
}

static bool interval_of(const double *samples, size_t n, double confidence, double *scratch, mae_stats_median *ret)
{
    memcpy(scratch, samples, n * sizeof *samples);
    return mae_stats_median_at(scratch, n, confidence, ret);
}

static bool ratio_of(const double *a, const double *b, size_t n, double confidence, double *scratch,
                     mae_stats_median *ret)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = b[i] > 0 ? a[i] / b[i] : a[i] > 0 ? INFINITY : 1;
    return mae_stats_median_at(scratch, n, confidence, ret);
}

bool mae_race_look(mae_lane *lanes, size_t n, size_t rounds, size_t look, double confidence, double indifference,
                   double *scratch, size_t *ret_leader)
{
    size_t leader = mae_race_leader(lanes, n, rounds, scratch);
    *ret_leader = leader;
    if (leader == n)
        return true;
    /* The share of one decision: any pair may be the one compared, at each of endlessly many looks, whose shares
     * 1 / (look (look + 1)) add up to 1. Each comparison may err to one side only, hence the factor 2 of an interval
     * is not taken back. */
    double pairs = (double)n * (double)(n + 1) / 2;
    double each = 1 - (1 - confidence) / pairs / ((double)look * (double)(look + 1));
    mae_stats_median miss, ratio;
    bool sure = interval_of(lanes[leader].misses, rounds, each, scratch, &miss) && miss.high <= 0;
    bool open = !sure;
    size_t standing = 0;
    for (size_t i = 0; i < n; i++) {
        if (lanes[i].out || i == leader)
            continue;
        bool broken = interval_of(lanes[i].misses, rounds, each, scratch, &miss) && miss.low > 0;
        bool known = ratio_of(lanes[i].values, lanes[leader].values, rounds, each, scratch, &ratio);
        lanes[i].out = broken || (known && sure && ratio.low > 1);
        if (lanes[i].out)
            continue;
        standing++;
        open = open || !known || ratio.low < 1 - indifference;
    }
    return standing == 0 || !open;
}

/* ---- running ---- */

void mae_race_add(mae_race *race, mae_contender *contender, bool stays)
{
    if (contender && race->n < MAE_RACE_MOST)
        race->racers[race->n++] = (mae_racer){contender, stays, !contender->allowed};
}

static double elapsed_s(const mae_race *race, uint64_t begin_ns)
{
    return (double)(mae_program_now_ns(race->racers[0].contender->runner->program) - begin_ns) * 1e-9;
}

static mae_error *run_round(mae_bench_work *work, const mae_race *race, size_t round, uint64_t begin_ns)
{
    for (size_t k = 0; k < race->n; k++) {
        const mae_racer *racer = &race->racers[(k + round) % race->n];
        mae_contender *c = racer->contender;
        if (racer->out && !racer->stays)
            continue;
        double part = fmin(1, elapsed_s(race, begin_ns) / race->seconds);
        MAE_TRY(mae_bench_report(work, race->what, race->begin + part * (race->end - race->begin),
                                 race->end >= 1 ? race->seconds * (1 - part) : -1));
        MAE_TRY(mae_contender_take_turn(c, work->options->goal.period_ms, round));
        mae_watts_note(work->watts);
        c->values[round] = mae_bench_value(work, c->frames_ms[round], c->dynamic_mj);
        c->misses[round] = mae_bench_miss(work, c->frames_ms[round], c->dynamic_mj);
        c->rounds = round + 1;
    }
    return NULL;
}

static bool look_at(mae_race *race, size_t look, double *scratch)
{
    mae_lane lanes[MAE_RACE_MOST];
    for (size_t i = 0; i < race->n; i++) {
        const mae_racer *racer = &race->racers[i];
        lanes[i] = (mae_lane){racer->contender->values, racer->contender->misses, racer->out};
    }
    bool decided = mae_race_look(lanes, race->n, race->rounds, look, MAE_BENCH_CONFIDENCE, MAE_BENCH_INDIFFERENCE,
                                 scratch, &race->leader);
    for (size_t i = 0; i < race->n; i++)
        race->racers[i].out = lanes[i].out;
    return decided;
}

static mae_error *run_rounds(mae_bench_work *work, mae_race *race, double *scratch)
{
    uint64_t begin_ns = mae_program_now_ns(race->racers[0].contender->runner->program);
    size_t look = 0, next_look = FIRST_LOOK, least = race->least_rounds ? race->least_rounds : LEAST_ROUNDS;
    while (race->rounds < MAE_BENCH_MOST_ROUNDS && !race->decided &&
           (race->rounds < least || elapsed_s(race, begin_ns) < race->seconds)) {
        MAE_TRY(run_round(work, race, race->rounds, begin_ns));
        race->rounds++;
        if (!race->eliminate || race->rounds < next_look)
            continue;
        race->decided = look_at(race, ++look, scratch);
        next_look = (size_t)ceil((double)race->rounds * BETWEEN_LOOKS);
    }
    if (race->eliminate && !race->decided) {
        mae_lane lanes[MAE_RACE_MOST];
        for (size_t i = 0; i < race->n; i++)
            lanes[i] =
                (mae_lane){race->racers[i].contender->values, race->racers[i].contender->misses, race->racers[i].out};
        race->leader = mae_race_leader(lanes, race->n, race->rounds, scratch);
    }
    return NULL;
}

mae_error *mae_race_run(mae_bench_work *work, mae_race *race)
{
    race->rounds = 0;
    race->leader = race->n;
    race->decided = false;
    if (race->n == 0)
        return NULL;
    double *scratch = malloc(MAE_BENCH_MOST_ROUNDS * sizeof *scratch);
    if (!scratch)
        return mae_error_nomem();
    mae_error *error = run_rounds(work, race, scratch);
    free(scratch);
    return error;
}
