/* One strategy through a whole script: frames come when they come, wait for those before them, and are checked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "session/live.h"
#include "session/stream_play.h"

#define SLACK_MS 2e-6 /* the virtual clock counts nanoseconds */
#define WAIT_S 0.002  /* before a frame that nothing can run is tried again */
#define REPORT_FRAMES 256
#define TIMEOUT_FACTOR 4

double play_noise(void *ctx, size_t frame)
{
    const mae_scenario *s = ctx;
    mae_rng rng = {s->seed * 1000003 + frame * 7919};
    mae_rng_next(&rng);
    return s->noise > 0 ? fmax(0.05, 1 + s->noise * mae_rng_normal(&rng)) : 1;
}

/* ---- one run ---- */

typedef struct run {
    play_work *work;
    mae_virtual *soc;
    mae_play_strategy *strategy;
    size_t answered;
    double switch_mj;
    /* fixed */
    const int *const *mappings;
    mae_frame_runner **runners;
    int last; /* mapping; -1: none yet */
    const int *choice;
    /* live */
    mae_live *live;
    size_t span;
    bool begun;
} run;

/* A frame as it is offered. */
typedef struct offer {
    size_t frame, tag;
    double arrival_s, deadline_ms;
    const mae_scenario_phase *phase;
} offer;

static double left_ms(const run *r, const offer *o)
{
    double left = o->deadline_ms - (mae_virtual_now_s(r->soc) - o->arrival_s) * 1e3;
    return o->deadline_ms > 0 ? fmax(left, 1e-6) : 0;
}

static void pay_switch(void *ctx)
{
    run *r = ctx;
    const mae_scenario_soc *soc = &r->work->scenario->soc;
    r->switch_mj += soc->switch_mj;
    if (soc->switch_ms > 0)
        mae_virtual_wait_until(r->soc, mae_virtual_now_s(r->soc) + soc->switch_ms * 1e-3);
}

/* ---- a mapping for every frame ---- */

static mae_error *run_fixed(run *r, const offer *o, bool *ret_done)
{
    int k = r->choice ? r->choice[o->frame] : 0;
    const mae_graph *graph = r->soc->graph;
    const char *input = r->work->inputs[o->tag];
    *ret_done = false;
    if (k < 0)
        return NULL;
    if (!r->runners[k])
        MAE_TRY(mae_runner_create(r->soc->context, graph, r->mappings[k], &r->runners[k]));
    for (size_t i = 0; i < graph->n_inputs; input += graph->tensors[graph->inputs[i++]].bytes)
        MAE_TRY(mae_runner_set_input(r->runners[k], i, input, graph->tensors[graph->inputs[i]].bytes));
    if (r->last >= 0 && r->last != k) {
        r->strategy->switches++;
        pay_switch(r);
    }
    r->last = k;
    MAE_TRY(mae_program_run(r->runners[k]->program, NULL));
    *ret_done = true;
    return NULL;
}

static mae_error *fixed_output(run *r, const offer *o, size_t output, const void **ret_data)
{
    mae_shape shape;
    return mae_runner_output(r->runners[r->choice ? r->choice[o->frame] : 0], output, ret_data, &shape);
}

/* ---- the live session ---- */

static bool is_on(const mae_span *span, const char *event)
{
    for (size_t i = 0; span && i < span->n_events; i++)
        if (strcmp(span->events[i], event) == 0)
            return true;
    return false;
}

static mae_error *set_events(run *r, double now_s)
{
    const mae_timeline *timeline = r->work->timeline;
    size_t at = mae_timeline_span_at(timeline, now_s);
    if (r->begun && at == r->span)
        return NULL;
    const mae_span *span = &timeline->spans[at], *before = r->begun ? &timeline->spans[r->span] : NULL;
    for (size_t i = 0; before && i < before->n_events; i++)
        if (!is_on(span, before->events[i]))
            MAE_TRY(mae_live_set_event(r->live, before->events[i], false));
    for (size_t i = 0; i < span->n_events; i++)
        if (!is_on(before, span->events[i]))
            MAE_TRY(mae_live_set_event(r->live, span->events[i], true));
    r->span = at;
    r->begun = true;
    return NULL;
}

/* A frame that nothing can run now waits for a PE that comes back, until the script ends. */
static mae_error *run_live(run *r, const offer *o, bool *ret_done)
{
    const mae_graph *graph = r->soc->graph;
    const char *input = r->work->inputs[o->tag];
    double end_s = r->work->scenario->duration_s;
    *ret_done = false;
    for (size_t i = 0; i < graph->n_inputs; input += graph->tensors[graph->inputs[i++]].bytes)
        MAE_TRY(mae_live_set_input(r->live, i, input, graph->tensors[graph->inputs[i]].bytes));
    for (;;) {
        MAE_TRY(set_events(r, mae_virtual_now_s(r->soc)));
        mae_error *error = mae_live_run(r->live, 1e3 / o->phase->fps, left_ms(r, o));
        if (!error)
            break;
        if (mae_error_code(error) != MAE_ERR_LOST || mae_virtual_now_s(r->soc) >= end_s)
            return error;
        mae_error_free(error);
        mae_virtual_wait_until(r->soc, mae_virtual_now_s(r->soc) + WAIT_S);
    }
    *ret_done = true;
    return NULL;
}

/* ---- all frames ---- */

static mae_error *check_outputs(run *r, const offer *o, bool *ret_right)
{
    const mae_graph *graph = r->soc->graph;
    const char *wanted = r->work->outputs[o->tag];
    *ret_right = true;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t bytes = graph->tensors[graph->outputs[i]].bytes;
        if (r->live)
            MAE_TRY(mae_live_output(r->live, i, &data, &shape));
        else
            MAE_TRY(fixed_output(r, o, i, &data));
        *ret_right = *ret_right && memcmp(data, wanted, bytes) == 0;
        wanted += bytes;
    }
    return NULL;
}

static void tell_frame(const run *r, const offer *o, double latency_ms, bool late, bool wrong)
{
    const mae_play_options *options = r->work->options;
    mae_live_status status;
    if (!r->live || !options->on_frame)
        return;
    mae_live_get_status(r->live, &status);
    const mae_play_frame frame = {.frame = o->frame,
                                  .arrival_s = o->arrival_s,
                                  .latency_ms = latency_ms,
                                  .late = late,
                                  .wrong = wrong,
                                  .phase = o->phase->name,
                                  .live = mae_live_last(r->live),
                                  .battery = status.battery,
                                  .celsius = status.celsius};
    options->on_frame(options->on_frame_ctx, &frame);
}

static mae_error *offer_frame(run *r, size_t frame)
{
    mae_play_strategy *s = r->strategy;
    size_t phase;
    offer o = {.frame = frame, .tag = frame % PLAY_TAGS};
    o.arrival_s = mae_timeline_arrival_s(r->work->timeline, frame, &phase);
    o.phase = &r->work->scenario->phases[phase];
    o.deadline_ms = o.phase->deadline_ms;
    bool done = false, right = true;
    mae_virtual_wait_until(r->soc, o.arrival_s);
    mae_virtual_set_pace(r->soc, play_noise(r->work->scenario, frame));
    mae_error *error = r->live ? run_live(r, &o, &done) : run_fixed(r, &o, &done);
    if (error && mae_error_code(error) != MAE_ERR_LOST)
        return error;
    mae_error_free(error);
    double latency_ms = (mae_virtual_now_s(r->soc) - o.arrival_s) * 1e3;
    bool late = !done || (o.deadline_ms > 0 && latency_ms > o.deadline_ms * (1 + 1e-9) + SLACK_MS);
    if (done) {
        MAE_TRY(check_outputs(r, &o, &right));
        r->work->latency_ms[r->answered++] = latency_ms;
    }
    s->frames++;
    s->misses += late;
    s->lost += !done;
    s->wrong += !right;
    tell_frame(r, &o, done ? latency_ms : -1, late, !right);
    return NULL;
}

static mae_error *report(const play_work *work, const char *name, size_t frame)
{
    const mae_play_options *options = work->options;
    double share = (double)frame / (double)(work->timeline->n_frames + 1);
    double fraction = ((double)work->done + share) / (double)work->n_strategies;
    if (options->progress && !options->progress(options->progress_ctx, name, fraction, -1))
        return mae_error_new(MAE_ERR_FAILED, "interrupted");
    return NULL;
}

static mae_error *run_all(run *r)
{
    play_work *work = r->work;
    mae_play_strategy *s = r->strategy;
    for (size_t i = 0; i < work->timeline->n_frames; i++) {
        if (i % REPORT_FRAMES == 0)
            MAE_TRY(report(work, s->name, i));
        MAE_TRY(offer_frame(r, i));
    }
    mae_virtual_set_pace(r->soc, 1);
    mae_virtual_wait_until(r->soc, work->scenario->duration_s);
    s->energy_mj = work->profile->energy != MAE_ENERGY_NONE ? mae_virtual_energy_mj(r->soc) + r->switch_mj : 0;
    mae_stats_sort(work->latency_ms, r->answered);
    s->p50_ms = mae_stats_quantile(work->latency_ms, r->answered, 0.5);
    s->p99_ms = mae_stats_quantile(work->latency_ms, r->answered, 0.99);
    s->max_ms = mae_stats_quantile(work->latency_ms, r->answered, 1);
    work->done++;
    return NULL;
}

mae_error *play_fixed(play_work *work, const char *name, const int *const *mappings, size_t n_mappings,
                      const int *choice, mae_play_strategy *strategy)
{
    *strategy = (mae_play_strategy){.name = name};
    run r = {.work = work, .strategy = strategy, .mappings = mappings, .last = -1, .choice = choice};
    r.runners = calloc(n_mappings + 1, sizeof(mae_frame_runner *));
    if (!r.runners)
        return mae_error_nomem();
    mae_error *error = mae_virtual_open(work->scenario, work->timeline, work->profile, false, &r.soc);
    if (!error)
        error = run_all(&r);
    for (size_t k = 0; k < n_mappings; k++)
        mae_runner_destroy(r.runners[k]);
    free(r.runners);
    mae_virtual_close(r.soc);
    return error;
}

/* A time-out, where the script has PEs that stall: well beyond what any mapping takes. */
static double timeout_ms(const play_work *work)
{
    double longest_ms = 0;
    bool stalls = false;
    for (size_t i = 0; i < work->scenario->n_faults; i++)
        stalls = stalls || work->scenario->faults[i].fault == MAE_FAULT_STALL;
    for (size_t i = 0; i < work->front->n_points; i++)
        longest_ms = fmax(longest_ms, work->front->points[i].cost.latency_ms);
    return stalls ? TIMEOUT_FACTOR * longest_ms : -1;
}

static mae_error *run_session(run *r)
{
    play_work *work = r->work;
    mae_play_strategy *s = r->strategy;
    mae_live_options options = {.rules = work->rules, .root = r->soc->root, .timeout_ms = timeout_ms(work)};
    MAE_TRY(mae_live_open(r->soc->context, &r->soc->model, r->soc->profile, &options, &r->live));
    r->live->on_switch = pay_switch;
    r->live->on_switch_ctx = r;
    MAE_TRY(run_all(r));
    mae_live_status status;
    mae_live_get_status(r->live, &status);
    s->switches = status.switches;
    s->repeats = status.repeats;
    s->losses = status.losses;
    s->hung = status.hung;
    s->reprofiles = status.reprofiles;
    s->replans = status.replans;
    return NULL;
}

mae_error *play_live(play_work *work, const char *name, mae_play_strategy *strategy)
{
    *strategy = (mae_play_strategy){.name = name, .live = true};
    run r = {.work = work, .strategy = strategy};
    mae_error *error = mae_virtual_open(work->scenario, work->timeline, work->profile, true, &r.soc);
    if (!error)
        error = run_session(&r);
    mae_live_close(r.live);
    mae_virtual_close(r.soc);
    return error;
}

/* ---- what is right ---- */

static mae_error *run_tag(play_work *work, mae_frame_runner *runner, const mae_graph *graph, size_t tag)
{
    const char *input = work->inputs[tag];
    char *output = work->outputs[tag];
    for (size_t i = 0; i < graph->n_inputs; input += graph->tensors[graph->inputs[i++]].bytes)
        MAE_TRY(mae_runner_set_input(runner, i, input, graph->tensors[graph->inputs[i]].bytes));
    MAE_TRY(mae_program_run(runner->program, NULL));
    for (size_t i = 0; i < graph->n_outputs; output += graph->tensors[graph->outputs[i++]].bytes) {
        const void *data;
        mae_shape shape;
        MAE_TRY(mae_runner_output(runner, i, &data, &shape));
        memcpy(output, data, graph->tensors[graph->outputs[i]].bytes);
    }
    return NULL;
}

static mae_error *make_tags(play_work *work, const mae_graph *graph)
{
    size_t in = 0, out = 0;
    for (size_t i = 0; i < graph->n_inputs; i++)
        in += graph->tensors[graph->inputs[i]].bytes;
    for (size_t i = 0; i < graph->n_outputs; i++)
        out += graph->tensors[graph->outputs[i]].bytes;
    for (size_t tag = 0; tag < PLAY_TAGS; tag++) {
        work->inputs[tag] = mae_arena_alloc(work->arena, in);
        work->outputs[tag] = mae_arena_alloc(work->arena, out);
        if (!work->inputs[tag] || !work->outputs[tag])
            return mae_error_nomem();
        mae_rng rng = {tag + 1};
        for (size_t i = 0; i < in / sizeof(float); i++)
            ((float *)work->inputs[tag])[i] = (float)mae_rng_normal(&rng);
    }
    return NULL;
}

mae_error *play_reference(play_work *work)
{
    mae_virtual *soc = NULL;
    mae_frame_runner *runner = NULL;
    MAE_TRY(mae_virtual_open(work->scenario, NULL, work->profile, false, &soc));
    mae_error *error = make_tags(work, soc->graph);
    if (!error)
        error = mae_runner_create(soc->context, soc->graph, work->front->points[0].mapping, &runner);
    for (size_t tag = 0; tag < PLAY_TAGS && !error; tag++)
        error = run_tag(work, runner, soc->graph, tag);
    mae_runner_destroy(runner);
    mae_virtual_close(soc);
    return error;
}
