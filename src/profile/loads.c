#include "profile/loads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_BLOCK_S 0.02
#define LEAST_RUNS 3
#define LEAST_BLOCKS 2
#define SETTLE_PERIODS 3
#define STALE_S 30.0 /* idleness seen so long ago is looked at again */

static double now_s(const mae_loads *loads)
{
    return (double)mae_gauge_clock_now_ns(&loads->options->clock) * 1e-9;
}

static void wait_s(const mae_loads *loads, double seconds)
{
    mae_gauge_clock_wait_ns(&loads->options->clock, (uint64_t)(seconds * 1e9));
}

/* Errors of the meter are answers: they say why there is no energy. */
static mae_error *refuse(mae_loads *loads, mae_error *error)
{
    if (mae_error_code(error) == MAE_ERR_NOMEM)
        return error;
    if (!loads->refusal)
        loads->refusal = mae_arena_strdup(loads->arena, mae_error_message(error));
    mae_error_free(error);
    return loads->refusal ? NULL : mae_error_nomem();
}

/* ---- idleness ---- */

static int compare_rails(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static size_t *unite(mae_loads *loads, const size_t *rails, size_t n, const size_t *more, size_t n_more, size_t *ret_n)
{
    size_t *all = mae_arena_array(loads->arena, n + n_more, sizeof *all), kept = 0;
    if (!all)
        return NULL;
    if (n)
        memcpy(all, rails, n * sizeof *all);
    if (n_more)
        memcpy(all + n, more, n_more * sizeof *all);
    qsort(all, n + n_more, sizeof *all, compare_rails);
    for (size_t i = 0; i < n + n_more; i++)
        if (kept == 0 || all[kept - 1] != all[i])
            all[kept++] = all[i];
    *ret_n = kept;
    return all;
}

static mae_error *add_idle(mae_loads *loads, size_t *rails, size_t n, mae_idle **ret_idle)
{
    mae_idle *idle = &loads->idles[loads->n_idles];
    *idle = (mae_idle){.n = n, .rails = rails};
    MAE_TRY(mae_gauge_create(loads->options->meter, rails, n, loads->options->clock, &idle->gauge));
    const mae_rail *infos;
    loads->options->meter->driver->rails(loads->options->meter, &infos);
    for (size_t i = 0; i < n; i++)
        idle->settle_s = fmax(idle->settle_s, SETTLE_PERIODS * infos[rails[i]].period_s);
    loads->n_idles++;
    *ret_idle = idle;
    return NULL;
}

mae_error *mae_loads_idle(mae_loads *loads, const size_t *rails, size_t n, const size_t *more, size_t n_more,
                          mae_idle **ret_idle)
{
    size_t n_all;
    size_t *all = unite(loads, rails, n, more, n_more, &n_all);
    if (!all)
        return mae_error_nomem();
    for (size_t i = 0; i < loads->n_idles; i++) {
        mae_idle *idle = &loads->idles[i];
        if (idle->n == n_all && memcmp(idle->rails, all, n_all * sizeof *all) == 0) {
            *ret_idle = idle;
            return NULL;
        }
    }
    if (loads->n_idles == loads->idles_room)
        return mae_error_new(MAE_ERR_FAILED, "more than %zu sets of rails", loads->idles_room);
    return add_idle(loads, all, n_all, ret_idle);
}

void mae_loads_finish(mae_loads *loads)
{
    for (size_t i = 0; i < loads->n_idles; i++)
        mae_gauge_destroy(loads->idles[i].gauge);
    loads->n_idles = 0;
}

mae_error *mae_idle_watch(mae_loads *loads, mae_idle *idle, double seconds)
{
    wait_s(loads, idle->settle_s);
    mae_gauge_energy energy;
    mae_error *error = mae_gauge_begin(idle->gauge);
    if (!error) {
        wait_s(loads, fmax(seconds, mae_gauge_least_s(idle->gauge)));
        error = mae_gauge_end(idle->gauge, &energy);
    }
    if (error)
        return refuse(loads, error);
    if (!idle->known)
        idle->first_w = energy.joules / energy.seconds;
    idle->known = true;
    idle->watts = idle->last_w = energy.joules / energy.seconds;
    idle->half_w = energy.uncertain_j / energy.seconds;
    idle->seen_s = now_s(loads);
    return NULL;
}

/* Long enough for the meter to say something. */
static double first_block_s(const mae_idle *idle)
{
    return fmax(SHORTEST_BLOCK_S, 2 * mae_gauge_least_s(idle->gauge));
}

double mae_idle_least_s(const mae_idle *idle)
{
    return LEAST_BLOCKS * (2 * first_block_s(idle) + 2 * idle->settle_s);
}

/* ---- loads ---- */

/* Blocks of runs so far: energies above idle, and how far off they may be. */
typedef struct blocks {
    int n;
    size_t runs;
    double seconds, joules;  /* above idle */
    double half_j2;          /* half-widths of the blocks, squared and summed */
    double watts, watts_off; /* mean over blocks, and squares about it, both weighed by seconds */
} blocks;

static void add_block(blocks *b, const mae_gauge_energy *energy, double idle_w, double idle_half_w, size_t runs)
{
    double joules = energy->joules - idle_w * energy->seconds, watts = joules / energy->seconds;
    double half = hypot(energy->uncertain_j, idle_half_w * energy->seconds);
    b->n++;
    b->runs += runs;
    b->seconds += energy->seconds;
    b->joules += joules;
    b->half_j2 += half * half;
    double off = watts - b->watts;
    b->watts += off * energy->seconds / b->seconds;
    b->watts_off += energy->seconds * off * (watts - b->watts);
}

/* What the meter says of its blocks, or what they scatter, whichever is more. */
static double half_of(const blocks *b)
{
    double stated = sqrt(b->half_j2) / b->seconds;
    if (b->n < 3)
        return stated;
    double scatter = 2 * sqrt(b->watts_off / b->seconds / (b->n - 1));
    return fmax(stated, scatter);
}

/* One block: runs for so long between two readings. A meter's refusal leaves *ret_runs 0. */
static mae_error *run_block(mae_loads *loads, mae_idle *idle, mae_program *program, double seconds,
                            mae_gauge_energy *ret_energy, size_t *ret_runs)
{
    double begin = now_s(loads);
    do
        MAE_TRY(mae_program_run(program, NULL));
    while (now_s(loads) - begin < idle->settle_s);
    *ret_runs = 0;
    mae_error *error = mae_gauge_begin(idle->gauge);
    if (error)
        return refuse(loads, error);
    size_t runs = 0;
    begin = now_s(loads);
    while (runs < LEAST_RUNS || now_s(loads) - begin < seconds) {
        MAE_TRY(mae_program_run(program, NULL));
        runs++;
    }
    error = mae_gauge_end(idle->gauge, ret_energy);
    if (error)
        return refuse(loads, error);
    *ret_runs = runs;
    return NULL;
}

/* An interrupted block must not leave its sampler running. */
static mae_error *guarded_block(mae_loads *loads, mae_idle *idle, mae_program *program, double seconds,
                                mae_gauge_energy *ret_energy, size_t *ret_runs)
{
    mae_error *error = run_block(loads, idle, program, seconds, ret_energy, ret_runs);
    if (error) {
        mae_gauge_energy unused;
        mae_error_free(mae_gauge_end(idle->gauge, &unused));
    }
    return error;
}

/* One more block, and the idleness behind it. Where the meter refuses *ret_more is false. */
static mae_error *measure_block(mae_loads *loads, mae_idle *idle, mae_program *program, double seconds, blocks *b,
                                bool *ret_more)
{
    double before_w = idle->watts, before_half_w = idle->half_w;
    mae_gauge_energy energy;
    size_t runs;
    MAE_TRY(guarded_block(loads, idle, program, seconds, &energy, &runs));
    *ret_more = runs > 0;
    if (runs == 0)
        return NULL;
    MAE_TRY(mae_idle_watch(loads, idle, energy.seconds));
    add_block(b, &energy, (before_w + idle->watts) / 2, hypot(before_half_w, idle->half_w) / 2, runs);
    return NULL;
}

static mae_error *know_idle(mae_loads *loads, mae_idle *idle, double seconds)
{
    if (idle->known && now_s(loads) - idle->seen_s <= STALE_S)
        return NULL;
    return mae_idle_watch(loads, idle, seconds);
}

mae_error *mae_load_measure(mae_loads *loads, mae_idle *idle, mae_program *program, double relative, double most_s,
                            mae_load *ret_load)
{
    double begin = now_s(loads), seconds = first_block_s(idle);
    blocks b = {0};
    *ret_load = (mae_load){false, 0, 0, 0, 0};
    MAE_TRY(know_idle(loads, idle, seconds));
    while (idle->known) {
        bool more;
        MAE_TRY(measure_block(loads, idle, program, seconds, &b, &more));
        if (!more)
            return NULL;
        double half = half_of(&b), spent = now_s(loads) - begin;
        if (b.n >= LEAST_BLOCKS && (half <= relative * b.watts || spent >= most_s))
            break;
        /* Longer blocks: steps and edges weigh less. */
        double left = most_s - spent;
        seconds = fmax(seconds, fmin(1.5 * seconds, left / 3));
    }
    *ret_load = (mae_load){idle->known, b.watts, half_of(&b), b.seconds * 1e3 / (double)b.runs, b.n};
    return NULL;
}

mae_error *mae_load_block(mae_loads *loads, mae_idle *idle, mae_program *program, double seconds, mae_load *ret_load)
{
    blocks b = {0};
    bool more = false;
    *ret_load = (mae_load){false, 0, 0, 0, 0};
    MAE_TRY(know_idle(loads, idle, seconds));
    if (idle->known)
        MAE_TRY(measure_block(loads, idle, program, seconds, &b, &more));
    if (more)
        *ret_load = (mae_load){true, b.watts, half_of(&b), b.seconds * 1e3 / (double)b.runs, b.n};
    return NULL;
}
