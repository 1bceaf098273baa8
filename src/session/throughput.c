/* Throughput measured: everything once, then the best few turn by turn. */
#include "session/throughput.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "core/profile.h"

#define QUICK_TURNS 3
#define MOST_TURNS 2000
#define LEAST_ROUNDS 6
#define BEST_PLANS 3
#define BEST_SINGLES 2
#define BEST_WHOLES 1
#define DEFAULT_RACE_S 10.0
#define LATENCIES 50000

typedef struct result {
    mae_throughput throughput;
    mae_throughput_work work;
} result;

static mae_error *report(const mae_throughput_work *work, const char *what, double fraction, double left_s)
{
    const mae_bench_options *options = work->options;
    if (!options->progress || options->progress(options->progress_ctx, what, fraction, left_s))
        return NULL;
    return mae_error_new(MAE_ERR_FAILED, "cancelled");
}

/* ---- what is needed ---- */

static mae_error *prepare_inputs(mae_throughput_work *work)
{
    const mae_graph *graph = work->graph;
    work->inputs = mae_arena_array(work->arena, graph->n_inputs + 1, sizeof *work->inputs);
    if (!work->inputs)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->inputs[i]];
        work->inputs[i] = mae_arena_alloc(work->arena, tensor->bytes + 1);
        if (!work->inputs[i])
            return mae_error_nomem();
        MAE_TRY(mae_tensor_fill(tensor, 1, work->inputs[i]));
    }
    for (size_t i = 0; i < work->options->n_inputs; i++) {
        const mae_bench_input *given = &work->options->inputs[i];
        if (given->input >= graph->n_inputs || given->bytes != graph->tensors[graph->inputs[given->input]].bytes)
            return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu, of %zu bytes", given->input, graph->n_inputs,
                                 given->bytes);
        memcpy(work->inputs[given->input], given->data, given->bytes);
    }
    return NULL;
}

static mae_error *check_profile(const mae_throughput_work *work)
{
    const mae_profile *profile = work->profile;
    bool same = profile->n_layers == work->graph->n_layers;
    for (size_t l = 0; same && l < profile->n_layers; l++)
        same = strcmp(profile->layers[l].name, work->graph->layers[l].name) == 0;
    for (size_t p = 0; same && p < profile->n_pes; p++) {
        size_t here = 0;
        while (here < work->context->n_pes && strcmp(work->context->infos[here].name, profile->pes[p].name) != 0)
            here++;
        if (here == work->context->n_pes)
            return mae_error_new(MAE_ERR_INPUT, "the profile's PE \"%s\" is not here", profile->pes[p].name);
    }
    return same ? NULL : mae_error_new(MAE_ERR_INPUT, "the profile is for another network than the model's");
}

static mae_error *get_profile(mae_throughput_work *work)
{
    const mae_bench_options *options = work->options;
    mae_profile_options wanted = {.budget_s = options->budget_s,
                                  .progress = options->progress,
                                  .progress_ctx = options->progress_ctx,
                                  .inputs = options->inputs,
                                  .n_inputs = options->n_inputs};
    if (!options->profile)
        return mae_profile_measure(work->context, work->model, &wanted, &work->profile);
    MAE_TRY(mae_profile_clone(options->profile, &work->profile));
    return check_profile(work);
}

/* The processors of all PEs, where every PE has some: then one session can have them all. */
static mae_error *open_whole(mae_throughput_work *work)
{
    bool used[1024] = {false};
    int all[1024];
    size_t n = 0;
    for (size_t p = 0; p < work->context->n_pes; p++) {
        const mae_soc_pe *pe = work->context->pes[p].soc_pe;
        int *cores;
        size_t n_cores;
        if (!pe || !pe->cores || work->context->clock_pe)
            return NULL;
        MAE_TRY(mae_thread_parse_cores(pe->cores, &cores, &n_cores));
        for (size_t i = 0; i < n_cores; i++)
            if (cores[i] < 1024)
                used[cores[i]] = true;
        free(cores);
    }
    for (int i = 0; i < 1024; i++)
        if (used[i])
            all[n++] = i;
    return n > 1 ? mae_context_create_whole(all, n, &work->whole) : NULL;
}

/* ---- once each ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mae_error *measure_quickly(mae_throughput_work *work, mae_throughput_lane *lane)
{
    double ms[QUICK_TURNS];
    mae_error *error = mae_throughput_open(work, lane);
    if (!error)
        error = mae_throughput_verify(work, lane);
    for (size_t i = 0; i < QUICK_TURNS && !error; i++)
        error = mae_throughput_turn(work, lane, &ms[i]);
    mae_throughput_close(lane);
    if (error) { /* of this one: the others may run */
        lane->entry.reason = mae_arena_strdup(work->arena, mae_error_message(error));
        bool out_of_memory = mae_error_code(error) == MAE_ERR_NOMEM || !lane->entry.reason;
        mae_error_free(error);
        return out_of_memory ? mae_error_nomem() : NULL;
    }
    qsort(ms, QUICK_TURNS, sizeof *ms, compare_doubles);
    lane->entry.quick_ms = ms[QUICK_TURNS / 2];
    return NULL;
}

static mae_error *measure_from(mae_throughput_work *work, size_t from)
{
    for (size_t i = from; i < work->n; i++) {
        MAE_TRY(report(work, "measuring once", 0.5 + 0.2 * (double)i / (double)(work->n + 8), -1));
        if (!work->lanes[i].entry.reason)
            MAE_TRY(measure_quickly(work, &work->lanes[i]));
    }
    return NULL;
}

/* The best of a kind go on to the final rounds. */
static void choose(mae_throughput_work *work, mae_throughput_kind kind, size_t most)
{
    for (size_t k = 0; k < most; k++) {
        mae_throughput_entry *best = NULL;
        for (size_t i = 0; i < work->n; i++) {
            mae_throughput_entry *entry = &work->lanes[i].entry;
            if (entry->kind == kind && !entry->raced && !entry->reason && entry->verified &&
                (!best || entry->quick_ms < best->quick_ms))
                best = entry;
        }
        if (best)
            best->raced = true;
    }
}

static void choose_all(mae_throughput_work *work)
{
    choose(work, MAE_THROUGHPUT_PLAN, BEST_PLANS);
    choose(work, MAE_THROUGHPUT_SINGLE, BEST_SINGLES);
    choose(work, MAE_THROUGHPUT_WHOLE, BEST_WHOLES);
    for (size_t i = 0; i < work->n; i++) { /* and ONNX Runtime's two ways, whatever they are worth */
        mae_throughput_lane *lane = &work->lanes[i];
        bool whole = lane->entry.kind == MAE_THROUGHPUT_WHOLE && strncmp(lane->entry.name, "ort", 3) == 0;
        if ((whole || mae_throughput_is_sessions(lane)) && !lane->entry.reason)
            lane->entry.raced = true;
    }
}

/* ---- turn by turn ---- */

static mae_error *open_raced(mae_throughput_work *work)
{
    for (size_t i = 0; i < work->n; i++) {
        mae_throughput_lane *lane = &work->lanes[i];
        if (!lane->entry.raced)
            continue;
        lane->turns = mae_arena_array(work->arena, MOST_TURNS, sizeof *lane->turns);
        lane->latencies = mae_arena_array(work->arena, LATENCIES, sizeof *lane->latencies);
        if (!lane->turns || !lane->latencies)
            return mae_error_nomem();
        MAE_TRY(mae_throughput_open(work, lane));
    }
    return NULL;
}

static mae_error *run_round(mae_throughput_work *work, size_t round)
{
    for (size_t k = 0; k < work->n; k++) {
        mae_throughput_lane *lane = &work->lanes[(k + round) % work->n];
        if (lane->entry.raced)
            MAE_TRY(mae_throughput_turn(work, lane, &lane->turns[round]));
    }
    return NULL;
}

static mae_error *race(mae_throughput_work *work, size_t *ret_rounds)
{
    double seconds = work->options->race_s > 0 ? work->options->race_s : DEFAULT_RACE_S;
    uint64_t begin = mae_context_now_ns(work->context);
    size_t round = 0;
    MAE_TRY(open_raced(work));
    for (; round < MOST_TURNS; round++) {
        double gone = (double)(mae_context_now_ns(work->context) - begin) * 1e-9;
        if (round >= LEAST_ROUNDS && gone >= seconds)
            break;
        double part = fmin(1, gone / seconds);
        MAE_TRY(report(work, "final rounds", 0.7 + 0.3 * part, seconds * (1 - part)));
        MAE_TRY(run_round(work, round));
    }
    *ret_rounds = round;
    return NULL;
}

/* ---- what came of it ---- */

static mae_throughput_ci ci_of(const mae_interval *interval)
{
    return (mae_throughput_ci){interval->median, interval->low, interval->high};
}

static mae_error *conclude_lane(mae_throughput_lane *lane, size_t rounds)
{
    mae_interval interval;
    MAE_TRY(mae_median_of(lane->turns, rounds, &interval));
    lane->entry.period_ms = ci_of(&interval);
    MAE_TRY(mae_median_of(lane->latencies, lane->n_latencies, &interval));
    lane->entry.latency_ms = ci_of(&interval);
    mae_stats_sort(lane->latencies, lane->n_latencies);
    lane->entry.p99_ms = mae_stats_quantile(lane->latencies, lane->n_latencies, 0.99);
    return NULL;
}

/* The raced and verified one of a kind with the least period; n: none. */
static size_t best_of(const mae_throughput_work *work, mae_throughput_kind kind)
{
    size_t best = work->n;
    for (size_t i = 0; i < work->n; i++) {
        const mae_throughput_entry *entry = &work->lanes[i].entry;
        if (entry->kind == kind && entry->raced && entry->verified &&
            (best == work->n || entry->period_ms.median < work->lanes[best].entry.period_ms.median))
            best = i;
    }
    return best;
}

/* Is it, turn by turn, at least as fast as every other one that may be offered? */
static mae_error *leads(const mae_throughput_work *work, size_t rounds, size_t lane, bool *ret_leads)
{
    *ret_leads = true;
    for (size_t i = 0; i < work->n && *ret_leads; i++) {
        const mae_throughput_entry *entry = &work->lanes[i].entry;
        mae_interval ratio;
        if (i == lane || entry->kind != MAE_THROUGHPUT_PLAN || !entry->raced || !entry->verified)
            continue;
        MAE_TRY(mae_ratio_of(work->lanes[i].turns, work->lanes[lane].turns, rounds, &ratio));
        *ret_leads = ratio.median >= 1;
    }
    return NULL;
}

/* What leads all others turn by turn; where noise leaves none, the least median. */
static mae_error *choose_offered(const mae_throughput_work *work, size_t rounds, size_t *ret_offered)
{
    size_t offered = best_of(work, MAE_THROUGHPUT_PLAN);
    for (size_t i = 0; i < work->n; i++) {
        const mae_throughput_entry *entry = &work->lanes[i].entry;
        bool first = false;
        if (entry->kind == MAE_THROUGHPUT_PLAN && entry->raced && entry->verified)
            MAE_TRY(leads(work, rounds, i, &first));
        if (first)
            offered = i;
    }
    *ret_offered = offered;
    return NULL;
}

static mae_error *add_ratio(const mae_throughput_work *work, mae_throughput *t, size_t lane, const char *what)
{
    mae_interval ratio;
    if (lane >= work->n || !work->lanes[lane].entry.raced)
        return NULL;
    MAE_TRY(mae_ratio_of(work->lanes[lane].turns, work->lanes[t->offered].turns, t->rounds, &ratio));
    ((mae_throughput_ratio *)t->ratios)[t->n_ratios++] = (mae_throughput_ratio){lane, what, ci_of(&ratio)};
    return NULL;
}

static size_t find_sessions(const mae_throughput_work *work)
{
    size_t i = 0;
    while (i < work->n && !mae_throughput_is_sessions(&work->lanes[i]))
        i++;
    return i;
}

static mae_error *add_ratios(const mae_throughput_work *work, mae_throughput *t)
{
    t->ratios = mae_arena_array(work->arena, work->n + 3, sizeof *t->ratios);
    if (!t->ratios)
        return mae_error_nomem();
    MAE_TRY(add_ratio(work, t, best_of(work, MAE_THROUGHPUT_SINGLE), "best_single"));
    MAE_TRY(add_ratio(work, t, find_sessions(work), "sessions"));
    for (size_t i = 0; i < work->n; i++)
        if (work->lanes[i].entry.kind == MAE_THROUGHPUT_WHOLE)
            MAE_TRY(add_ratio(work, t, i, "threads"));
    return NULL;
}

static mae_error *conclude(mae_throughput_work *work, mae_throughput *t)
{
    mae_throughput_entry *entries = mae_arena_array(work->arena, work->n + 1, sizeof *entries);
    if (!entries)
        return mae_error_nomem();
    for (size_t i = 0; i < work->n; i++)
        if (work->lanes[i].entry.raced)
            MAE_TRY(conclude_lane(&work->lanes[i], t->rounds));
    MAE_TRY(choose_offered(work, t->rounds, &t->offered));
    if (t->offered == work->n)
        return mae_error_new(MAE_ERR_FAILED, "no arrangement runs and verifies");
    MAE_TRY(add_ratios(work, t));
    for (size_t i = 0; i < work->n; i++)
        entries[i] = work->lanes[i].entry;
    t->entries = entries;
    t->n_entries = work->n;
    t->profile = work->profile;
    for (size_t p = 0; p < work->context->n_pes; p++) {
        size_t first = 0;
        while (strcmp(work->context->infos[first].resource, work->context->infos[p].resource) != 0)
            first++;
        t->n_resources += first == p;
    }
    return NULL;
}

static mae_error *run_all(mae_throughput_work *work, mae_throughput *t)
{
    work->lanes = mae_arena_array(work->arena, MAE_THROUGHPUT_MOST, sizeof *work->lanes);
    if (!work->lanes)
        return mae_error_nomem();
    MAE_TRY(prepare_inputs(work));
    MAE_TRY(get_profile(work));
    MAE_TRY(open_whole(work));
    MAE_TRY(mae_throughput_add_singles(work));
    MAE_TRY(mae_throughput_add_plans(work));
    MAE_TRY(measure_from(work, 0));
    size_t more = work->n;
    MAE_TRY(mae_throughput_add_best_pes(work));
    MAE_TRY(measure_from(work, more));
    choose_all(work);
    MAE_TRY(race(work, &t->rounds));
    return conclude(work, t);
}

mae_error *mae_throughput_run(mae_context *context, mae_model *model, const mae_bench_options *options,
                              mae_throughput **ret_throughput)
{
    static const mae_bench_options defaults = {.goal = MAE_GOAL_INIT};
    result *r = calloc(1, sizeof *r);
    if (!r)
        return mae_error_nomem();
    r->throughput.priv = r;
    r->work = (mae_throughput_work){.context = context,
                                    .model = model,
                                    .graph = model->graph,
                                    .options = options ? options : &defaults,
                                    .arena = mae_arena_create()};
    mae_error *error = r->work.arena ? run_all(&r->work, &r->throughput) : mae_error_nomem();
    for (size_t i = 0; i < r->work.n; i++)
        mae_throughput_close(&r->work.lanes[i]);
    mae_context_destroy(r->work.whole);
    r->work.whole = NULL;
    if (error) {
        mae_throughput_destroy(&r->throughput);
        return error;
    }
    *ret_throughput = &r->throughput;
    return NULL;
}

void mae_throughput_destroy(mae_throughput *throughput)
{
    if (!throughput)
        return;
    result *r = throughput->priv;
    for (size_t i = 0; i < r->work.n; i++)
        mae_plan_destroy(r->work.lanes[i].plan);
    mae_profile_destroy(r->work.profile);
    mae_arena_destroy(r->work.arena);
    free(r);
}
