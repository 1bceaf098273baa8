/* What happens on a virtual SoC: runs make progress at the rate that what else goes on allows, and energy goes with
 * them.
 *
 * One event after the other: between two of them every rate and every power is constant, so sums are exact. On the
 * virtual clock the threads inside runs make it jump to the next event; on the real one they let happen what should
 * have happened by now, and sleep until their own run's end. */
#include <math.h>

#include "backends/sim/soc_impl.h"
#include "base/clock.h"

#define PICOSECOND 1e-3 /* in ns: what is left of a phase by rounding */

/* ---- rates ---- */

static bool is_stalled(const sim_soc *soc, const sim_job *job)
{
    return job->pe >= 0 && soc->pes[job->pe].stalled_until_ns > soc->now_ns;
}

/* Progress of a running job: undisturbed nanoseconds a nanosecond. */
static double rate_of(const sim_soc *soc, const sim_job *job)
{
    if (job->pe < 0)
        return 1;
    if (is_stalled(soc, job))
        return 0;
    const sim_pe_state *pe = &soc->pes[job->pe];
    double factor = pe->slow * pe->script_slow * soc->pace;
    if (soc->power.throttled)
        factor *= soc->settings.throttle_factor;
    for (const sim_job *other = soc->jobs; other && pe->contention; other = other->next)
        if (other != job && other->state == SIM_RUNNING && other->pe >= 0 && !is_stalled(soc, other))
            factor *= pe->contention[other->pe];
    return 1 / factor;
}

static double phase_ns(const sim_job *job)
{
    return job->phases[job->at].ns * job->time_factor;
}

static double phase_mj(const sim_job *job)
{
    return job->phases[job->at].mj * job->energy_factor;
}

static double dynamic_w(const sim_soc *soc)
{
    double watts = 0;
    for (const sim_job *job = soc->jobs; job; job = job->next)
        if (job->state == SIM_RUNNING && phase_ns(job) > 0)
            watts += phase_mj(job) / phase_ns(job) * rate_of(soc, job) * 1e6;
    return watts;
}

double sim_events_disturbance_ns(const sim_soc *soc)
{
    double next = INFINITY;
    if (soc->script_at < soc->script.n_timed)
        next = soc->script.events[soc->script_at].at_ns;
    for (const sim_job *job = soc->jobs; job; job = job->next)
        if (job->state == SIM_RUNNING && is_stalled(soc, job))
            next = fmin(next, soc->pes[job->pe].stalled_until_ns);
    return fmin(next, soc->now_ns + sim_power_turn_ns(&soc->power, dynamic_w(soc)));
}

double sim_events_next_ns(const sim_soc *soc)
{
    double next = sim_events_disturbance_ns(soc);
    for (const sim_job *job = soc->jobs; job; job = job->next)
        if (job->state == SIM_RUNNING && !is_stalled(soc, job))
            next = fmin(next, soc->now_ns + job->left_ns / rate_of(soc, job));
    if (soc->tree)
        next = fmin(next, soc->next_reading_ns);
    if (soc->alarm)
        next = fmin(next, (double)soc->alarm_ns);
    return fmax(next, soc->now_ns);
}

double sim_events_end_ns(const sim_soc *soc, const sim_job *job)
{
    double left = job->left_ns;
    for (size_t i = job->at + 1; i < job->n; i++)
        left += job->phases[i].ns * job->time_factor;
    return is_stalled(soc, job) ? INFINITY : soc->now_ns + left / rate_of(soc, job);
}

/* ---- events ---- */

void sim_events_announce(sim_soc *soc)
{
    atomic_fetch_add(&soc->generation, 1);
    pthread_cond_broadcast(&soc->changed);
}

static void begin_phase(sim_job *job)
{
    job->left_ns = phase_ns(job);
    job->used_mj = 0;
}

/* Ends phases that are over; nothing stays of their energy. */
static bool end_phases(sim_soc *soc, sim_job *job)
{
    bool changed = false;
    while (job->state == SIM_RUNNING && !is_stalled(soc, job)) {
        double left = job->left_ns / rate_of(soc, job);
        if (left > PICOSECOND && soc->now_ns + left > soc->now_ns)
            break;
        if (job->pe >= 0)
            sim_power_use(&soc->power, job->pe, phase_mj(job) - job->used_mj);
        changed = true;
        if (++job->at == job->n) {
            job->state = SIM_DONE;
            if (job->pe >= 0)
                soc->pes[job->pe].end_ns = soc->now_ns;
        } else {
            begin_phase(job);
        }
    }
    return changed;
}

/* A PE that is to be late is, in the run that begins. */
static void begin_delay(sim_soc *soc, const sim_job *job)
{
    sim_pe_state *pe = job->pe >= 0 ? &soc->pes[job->pe] : NULL;
    if (!pe || pe->delay_ns <= 0)
        return;
    pe->stalled_until_ns = fmax(pe->stalled_until_ns, soc->now_ns + pe->delay_ns);
    pe->delay_ns = 0;
}

static bool is_free(const sim_soc *soc, const sim_job *job)
{
    for (const sim_job *other = soc->jobs; other; other = other->next)
        if (other->state == SIM_RUNNING && other->pe >= 0 && soc->pes[other->pe].resource == soc->pes[job->pe].resource)
            return false;
    return true;
}

static bool move_job(sim_soc *soc, sim_job *job)
{
    if (job->state == SIM_DONE || job->state == SIM_LOST)
        return false;
    if (job->pe >= 0 && soc->pes[job->pe].lost) {
        job->state = SIM_LOST;
        return true;
    }
    bool begins = job->state == SIM_QUEUED && (job->pe < 0 || is_free(soc, job));
    if (begins) {
        job->state = SIM_RUNNING;
        begin_phase(job);
        begin_delay(soc, job);
    }
    return end_phases(soc, job) || begins;
}

void sim_events_happen(sim_soc *soc, const sim_script_event *event)
{
    sim_pe_state *pe = &soc->pes[event->pe];
    switch (event->deed) {
    case SIM_SLOW:
        pe->script_slow = event->factor;
        break;
    case SIM_STALL:
        pe->stalled_until_ns = fmax(pe->stalled_until_ns, soc->now_ns + event->stall_ns);
        break;
    case SIM_DELAY:
        pe->delay_ns += event->stall_ns;
        break;
    case SIM_LOSE:
        pe->lost = true;
        break;
    case SIM_RETURN:
        pe->lost = false;
        break;
    case SIM_LIE:
        pe->lie = event->factor;
        break;
    }
}

void sim_events_show(sim_soc *soc)
{
    if (soc->tree && soc->unwritten)
        sim_tree_write(soc->tree);
    soc->unwritten = false;
}

static void look(sim_soc *soc)
{
    if (soc->tree && soc->next_reading_ns <= soc->now_ns) {
        sim_power_read(&soc->power);
        soc->next_reading_ns = (double)soc->power.readings * soc->settings.period_ms * 1e6;
        soc->unwritten = true;
    }
    if (soc->alarm && (double)soc->alarm_ns <= soc->now_ns) {
        sim_events_show(soc);
        uint64_t now = atomic_load(&soc->virtual_ns);
        uint64_t next = soc->alarm(soc->alarm_ctx, now);
        soc->alarm_ns = next > now ? next : now + 1;
        if (next == UINT64_MAX)
            soc->alarm = NULL;
    }
}

void sim_events_settle(sim_soc *soc)
{
    bool changed = false, again = true;
    for (; soc->script_at < soc->script.n_timed && soc->script.events[soc->script_at].at_ns <= soc->now_ns;
         changed = true)
        sim_events_happen(soc, &soc->script.events[soc->script_at++]);
    while (again) {
        again = false;
        for (sim_job *job = soc->jobs; job; job = job->next)
            again = move_job(soc, job) || again;
        changed = changed || again;
    }
    sim_power_step(&soc->power, 0);
    look(soc);
    if (changed)
        sim_events_announce(soc);
}

/* Time that a running job has. */
static void proceed(sim_soc *soc, sim_job *job, double ns)
{
    if (job->spent_ns)
        job->spent_ns[job->at] += ns;
    double done_ns = ns * rate_of(soc, job), whole_ns = phase_ns(job);
    double mj = whole_ns > 0 ? phase_mj(job) * done_ns / whole_ns : 0;
    job->left_ns = fmax(0, job->left_ns - done_ns);
    job->used_mj += mj;
    if (job->pe >= 0)
        sim_power_use(&soc->power, job->pe, mj);
}

void sim_events_skip(sim_soc *soc, sim_job *job, double ns)
{
    while (ns > 0 && job->state == SIM_RUNNING && !is_stalled(soc, job)) {
        double now = fmin(ns, job->left_ns / rate_of(soc, job));
        proceed(soc, job, now);
        ns -= now;
        end_phases(soc, job);
    }
    if (job->state == SIM_DONE && job->pe >= 0)
        soc->pes[job->pe].end_ns = soc->now_ns - ns;
}

void sim_events_step(sim_soc *soc, double to_ns)
{
    double ns = to_ns - soc->now_ns;
    for (sim_job *job = soc->jobs; job; job = job->next) {
        if (job->spent_ns && job->state == SIM_QUEUED)
            job->spent_ns[job->queue_phase] += ns;
        if (job->state == SIM_RUNNING)
            proceed(soc, job, ns);
    }
    sim_power_step(&soc->power, ns);
    soc->now_ns = to_ns;
    if (soc->settings.virtual_clock)
        atomic_store(&soc->virtual_ns, (uint64_t)llround(to_ns));
    bool throttled = soc->power.throttled;
    sim_power_turn(&soc->power);
    if (throttled != soc->power.throttled)
        sim_events_announce(soc);
    sim_events_settle(soc);
}

static void advance(sim_soc *soc, double to_ns)
{
    while (soc->now_ns < to_ns)
        sim_events_step(soc, fmin(to_ns, sim_events_next_ns(soc)));
}

void sim_events_catch_up(sim_soc *soc)
{
    if (!soc->settings.virtual_clock)
        advance(soc, (double)(mae_clock_now_ns() - soc->origin_ns));
}
