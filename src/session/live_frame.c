/* A frame: what has been said meanwhile is taken in, the policy decides, the segments run, and a PE that fails is left
 * out and the frame begun again. Only this thread touches plan, pool and memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "session/live_frame.h"

#define MOST_ATTEMPTS (2 * MAE_POLICY_MAX_PES)

/* ---- taking in ---- */

static void take_goal(mae_live *live)
{
    live_inbox *inbox = &live->inbox;
    if (inbox->goal_changed)
        live->memory.rule = -1; /* decided anew, whatever rule it was */
    inbox->goal_changed = false;
    mae_rule *rule = &live->plan->rule[0];
    if (!inbox->goal_set)
        return;
    rule->goal = inbox->goal;
    rule->frames_per_second = inbox->goal.period_ms > 0 ? 1e3 / inbox->goal.period_ms : 0;
}

static double told(double value, double read)
{
    return isnan(value) ? read : value;
}

static void take_inbox(mae_live *live)
{
    live_inbox *inbox = &live->inbox;
    pthread_mutex_lock(&inbox->lock);
    take_goal(live);
    memcpy(live->events, inbox->events, sizeof live->events);
    size_t n = 0;
    for (size_t i = 0; i < inbox->n_events; i++)
        live->words[n++] = live->events[i];
    if (inbox->goal_set)
        live->words[n++] = LIVE_GOAL_EVENT;
    live->state.battery = told(inbox->battery, live->sensors.battery);
    live->state.celsius = told(inbox->celsius, live->sensors.celsius);
    live->state.power_w = told(inbox->power_w, live->sensors.power_w);
    pthread_mutex_unlock(&inbox->lock);
    live->state.n_events = n;
    live->state.events = live->words;
}

static void sense(mae_live *live)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    if (live->frame > 1 && (double)(now_ns - live->sensed_ns) < live->options.sense_ms * 1e6)
        return;
    live->sensed_ns = now_ns;
    live_sensors_read(&live->sensors, now_ns);
}

/* ---- running ---- */

static mae_error *run_unit(mae_live *live, size_t s, const live_point *point, bool *ret_failed)
{
    live_unit *unit = point->units[s];
    live_pe *pe = &live->pes[unit->order.pe];
    double expected_ms = point->segments[s].time_ms + point->transfer_ms[s];
    bool hung = false;
    live->stamps[s].begin_ns = mae_context_now_ns(live->context);
    uint64_t timeout_ns = live_lost_timeout_ns(live, unit, expected_ms);
    mae_error *error = live_worker_call(&pe->worker, unit, timeout_ns, &hung);
    live->stamps[s].end_ns = mae_context_now_ns(live->context);
    if (mae_error_code(error) == MAE_ERR_NOMEM)
        return error;
    unit->used = live->frame;
    *ret_failed = error != NULL;
    return error ? live_lost_take_out(live, unit->order.pe, unit, hung, error) : NULL;
}

static void note_switch(mae_live *live, const live_point *point)
{
    size_t bytes = point->n * sizeof(live_unit *);
    bool same = live->n_last_units == point->n && memcmp(live->last_units, point->units, bytes) == 0;
    if (same)
        return;
    if (live->n_last_units > 0) {
        live->last.switched = true;
        live->status.switches++;
        if (live->on_switch)
            live->on_switch(live->on_switch_ctx);
    }
    memcpy(live->last_units, point->units, bytes);
    live->n_last_units = point->n;
}

static void note_ratios(mae_live *live, const live_point *point)
{
    for (size_t p = 0; p < live->profile->n_pes; p++) {
        double took_ms = 0, plan_ms = 0;
        for (size_t s = 0; s < point->n; s++)
            if (point->segments[s].pe == (int)p) {
                took_ms += live->trace[s].time_ms;
                plan_ms += point->segments[s].time_ms;
            }
        live_pe *pe = &live->pes[p];
        if (!(took_ms > 0 && plan_ms > 0))
            continue;
        pe->ratios[pe->n_ratios++ % LIVE_RATIOS] = took_ms / plan_ms;
        pe->timed_ns = live->stamps[point->n - 1].end_ns;
    }
}

/* What it took, without transfers, for the policy; and for who asks. */
static void note_times(mae_live *live, const live_point *point, uint64_t begin_ns)
{
    live->status.used = 0;
    for (size_t s = 0; s < point->n; s++) {
        const mae_program_stamp *stamp = &live->stamps[s];
        double ms = (double)(stamp->end_ns - stamp->begin_ns) * 1e-6;
        double own = point->segments[s].time_ms, all = own + point->transfer_ms[s];
        live->trace[s] = point->segments[s];
        live->trace[s].time_ms = all > 0 ? ms * own / all : ms;
        live->segments[s] = (mae_frame_segment){
            live->profile->pes[point->segments[s].pe].name, point->segments[s].first, point->segments[s].last,
            (double)(stamp->begin_ns - begin_ns) * 1e-6, (double)(stamp->end_ns - begin_ns) * 1e-6};
        live->status.used |= (uint64_t)1 << point->segments[s].pe;
    }
    live->n_trace = point->n;
    note_ratios(live, point);
    live->last.segments = live->segments;
    live->last.n_segments = point->n;
    live->last.decide_ms = live->segments[0].begin_ms;
    live->last.latency_ms = live->segments[point->n - 1].end_ms;
}

static mae_error *run_point(mae_live *live, int index, uint64_t begin_ns, bool *ret_done)
{
    bool failed = false;
    if (!live->plan->compiled[index]) {
        MAE_TRY(live_change_compile(live, index, ret_done));
        if (!*ret_done)
            return NULL;
        *ret_done = false;
    }
    const live_point *point = &live->plan->points[index];
    note_switch(live, point);
    for (size_t s = 0; s < point->n && !failed; s++)
        MAE_TRY(run_unit(live, s, point, &failed));
    *ret_done = !failed;
    if (!failed)
        note_times(live, point, begin_ns);
    return NULL;
}

/* ---- deciding ---- */

static uint64_t present(const mae_live *live)
{
    uint64_t pes = 0;
    for (size_t p = 0; p < live->profile->n_pes; p++)
        if (live->pes[p].there && !live->pes[p].lost)
            pes |= (uint64_t)1 << p;
    return pes;
}

static int line_of(const mae_live *live, int rule)
{
    if (rule == 0)
        return -1;
    return rule > 0 && live->options.rules ? live->plan->rule[rule].line : 0;
}

static void step(mae_live *live, uint64_t begin_ns, double deadline_ms, mae_decision *decision)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    mae_state *state = &live->state;
    const mae_trace trace = {live->n_trace, live->trace};
    state->time_s = (double)now_ns * 1e-9;
    state->deadline_ms = deadline_ms > 0 ? fmax(deadline_ms - (double)(now_ns - begin_ns) * 1e-6, 1e-6) : 0;
    state->present = present(live);
    state->compiled = live->background ? live->plan->compiled : NULL;
    mae_policy_step(live->plan->policy, state, live->n_trace ? &trace : NULL, &live->memory, &live->memory, decision);
    live->n_trace = 0;
    live->last.goal = decision->goal;
    live->last.feasible = decision->feasible;
    live->last.rule_line = line_of(live, decision->rule);
}

static mae_error *decide(mae_live *live, uint64_t begin_ns, double deadline_ms, mae_decision *decision)
{
    step(live, begin_ns, deadline_ms, decision);
    if (decision->verdict == MAE_REPROFILE)
        live_change_measure(live);
    if (decision->verdict == MAE_REPLAN) {
        unsigned before = live->state.replans;
        MAE_TRY(live_change_plan_anew(live));
        if (live->state.replans != before)
            step(live, begin_ns, deadline_ms, decision);
    }
    return live_change_want(live, decision->wanted);
}

static mae_error *nothing_left(const mae_live *live)
{
    return mae_error_new(MAE_ERR_LOST, "no PE that is left can run the network: %s",
                         live->reason ? mae_error_message(live->reason) : "none has been there");
}

static mae_error *attempt(mae_live *live, uint64_t begin_ns, double deadline_ms, bool *ret_done)
{
    mae_decision decision;
    MAE_TRY(decide(live, begin_ns, deadline_ms, &decision));
    int point = decision.point >= 0 ? decision.point : decision.wanted; /* better late than never */
    if (point < 0)
        return nothing_left(live);
    return run_point(live, point, begin_ns, ret_done);
}

static mae_error *run_frame(mae_live *live, uint64_t begin_ns, double deadline_ms)
{
    MAE_TRY(live_change_take_built(live));
    MAE_TRY(live_lost_retry(live));
    MAE_TRY(live_check_idle(live, live->state.period_ms, deadline_ms));
    bool done = false;
    MAE_TRY(attempt(live, begin_ns, deadline_ms, &done));
    while (!done && live->last.repeats < MOST_ATTEMPTS) {
        live->last.repeats++;
        live->status.repeats++;
        MAE_TRY(attempt(live, begin_ns, deadline_ms, &done));
    }
    return done ? NULL : nothing_left(live);
}

static void tell(mae_live *live)
{
    mae_live_status *s = &live->status;
    s->n_mappings = mae_policy_n_points(live->plan->policy);
    s->n_compiled = 0;
    for (size_t k = 0; k < s->n_mappings; k++)
        s->n_compiled += live->plan->compiled[k];
    s->compiled_bytes = live->pool.bytes;
    s->present = present(live);
    s->battery = live->state.battery;
    s->celsius = live->state.celsius;
    s->power_w = live->state.power_w;
    s->latency_ms = live->last.latency_ms;
    s->goal = live->last.goal;
    s->rule_line = live->last.rule_line;
    s->feasible = live->last.feasible;
    pthread_mutex_lock(&live->inbox.lock);
    live->inbox.status = *s;
    pthread_mutex_unlock(&live->inbox.lock);
}

mae_error *mae_live_run(mae_live *live, double period_ms, double deadline_ms)
{
    uint64_t begin_ns = mae_context_now_ns(live->context);
    live->frame++;
    live->last = (mae_live_frame){.segments = live->segments, .latency_ms = live->last.latency_ms};
    live->state.period_ms = period_ms;
    sense(live);
    take_inbox(live);
    mae_error *error = run_frame(live, begin_ns, deadline_ms);
    live->status.frames += !error;
    if (!error)
        live_output_read(live);
    tell(live);
    return error;
}

mae_error *live_frame_ready(mae_live *live)
{
    mae_policy_memory memory = live->memory;
    mae_decision decision;
    bool done = false;
    live_plan_look(live->plan, &live->pool);
    if (!live->background)
        return NULL;
    live->state.period_ms = live->options.expected_period_ms;
    live->state.compiled = NULL;
    live->state.present = present(live);
    live->state.time_s = (double)mae_context_now_ns(live->context) * 1e-9;
    mae_policy_step(live->plan->policy, &live->state, NULL, &memory, &memory, &decision);
    while (decision.wanted >= 0 && !done) {
        MAE_TRY(live_change_compile(live, decision.wanted, &done));
        if (done)
            break;
        live->state.present = present(live); /* one was taken out */
        mae_policy_step(live->plan->policy, &live->state, NULL, &memory, &memory, &decision);
    }
    return decision.wanted < 0 ? nothing_left(live) : live_change_order_kept(live);
}
