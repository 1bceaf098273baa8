/* Time on a virtual SoC: runs make progress at the rate that what else goes on allows, and energy goes with them.
 *
 * One event after the other: between two of them every rate and every power is constant, so sums are exact. On the
 * virtual clock the threads inside runs make it jump to the next event; on the real one they let happen what should
 * have happened by now, and sleep until their own run's end. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/prctl.h>

#include "backends/sim/soc_impl.h"
#include "base/clock.h"

#define AWAKE_NS 60000.0 /* the kernel wakes sleepers late */
#define PICOSECOND 1e-3  /* in ns: what is left of a phase by rounding */

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
    double factor = pe->slow * pe->script_slow;
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

/* When what drives the SoC's state, runs aside, changes next. */
static double next_disturbance_ns(const sim_soc *soc)
{
    double next = INFINITY;
    if (soc->script_at < soc->script.n_timed)
        next = soc->script.events[soc->script_at].at_ns;
    for (const sim_job *job = soc->jobs; job; job = job->next)
        if (job->state == SIM_RUNNING && is_stalled(soc, job))
            next = fmin(next, soc->pes[job->pe].stalled_until_ns);
    return fmin(next, soc->now_ns + sim_power_turn_ns(&soc->power, dynamic_w(soc)));
}

static double next_event_ns(const sim_soc *soc)
{
    double next = next_disturbance_ns(soc);
    for (const sim_job *job = soc->jobs; job; job = job->next)
        if (job->state == SIM_RUNNING && !is_stalled(soc, job))
            next = fmin(next, soc->now_ns + job->left_ns / rate_of(soc, job));
    if (soc->tree)
        next = fmin(next, soc->next_reading_ns);
    if (soc->alarm)
        next = fmin(next, (double)soc->alarm_ns);
    return fmax(next, soc->now_ns);
}

/* ---- events ---- */

void sim_time_announce(sim_soc *soc)
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
        if (++job->at == job->n)
            job->state = SIM_DONE;
        else
            begin_phase(job);
    }
    return changed;
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
    }
    return end_phases(soc, job) || begins;
}

static void happen(sim_soc *soc, const sim_script_event *event)
{
    sim_pe_state *pe = &soc->pes[event->pe];
    switch (event->deed) {
    case SIM_SLOW:
        pe->script_slow = event->factor;
        break;
    case SIM_STALL:
        pe->stalled_until_ns = fmax(pe->stalled_until_ns, soc->now_ns + event->stall_ns);
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

static void write_tree(sim_soc *soc)
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
        write_tree(soc);
        uint64_t now = atomic_load(&soc->virtual_ns);
        uint64_t next = soc->alarm(soc->alarm_ctx, now);
        soc->alarm_ns = next > now ? next : now + 1;
        if (next == UINT64_MAX)
            soc->alarm = NULL;
    }
}

/* All that happens at the present instant. */
static void settle(sim_soc *soc)
{
    bool changed = false, again = true;
    for (; soc->script_at < soc->script.n_timed && soc->script.events[soc->script_at].at_ns <= soc->now_ns;
         changed = true)
        happen(soc, &soc->script.events[soc->script_at++]);
    while (again) {
        again = false;
        for (sim_job *job = soc->jobs; job; job = job->next)
            again = move_job(soc, job) || again;
        changed = changed || again;
    }
    sim_power_step(&soc->power, 0);
    look(soc);
    if (changed)
        sim_time_announce(soc);
}

/* To an instant not behind the next event. */
static void step(sim_soc *soc, double to_ns)
{
    double ns = to_ns - soc->now_ns;
    for (sim_job *job = soc->jobs; job; job = job->next) {
        if (job->spent_ns && job->state == SIM_QUEUED)
            job->spent_ns[job->queue_phase] += ns;
        if (job->state != SIM_RUNNING)
            continue;
        if (job->spent_ns)
            job->spent_ns[job->at] += ns;
        double done_ns = ns * rate_of(soc, job), whole_ns = phase_ns(job);
        double mj = whole_ns > 0 ? phase_mj(job) * done_ns / whole_ns : 0;
        job->left_ns = fmax(0, job->left_ns - done_ns);
        job->used_mj += mj;
        if (job->pe >= 0)
            sim_power_use(&soc->power, job->pe, mj);
    }
    sim_power_step(&soc->power, ns);
    soc->now_ns = to_ns;
    if (soc->settings.virtual_clock)
        atomic_store(&soc->virtual_ns, (uint64_t)llround(to_ns));
    bool throttled = soc->power.throttled;
    sim_power_turn(&soc->power);
    if (throttled != soc->power.throttled)
        sim_time_announce(soc);
    settle(soc);
}

static void advance(sim_soc *soc, double to_ns)
{
    while (soc->now_ns < to_ns)
        step(soc, fmin(to_ns, next_event_ns(soc)));
}

void sim_time_catch_up(sim_soc *soc)
{
    if (!soc->settings.virtual_clock)
        advance(soc, (double)(mae_clock_now_ns() - soc->origin_ns));
}

/* ---- waiting ---- */

static bool has_ended(const sim_job *job)
{
    return job->state == SIM_DONE || job->state == SIM_LOST;
}

static double end_of_ns(const sim_soc *soc, const sim_job *job)
{
    double left = job->left_ns;
    for (size_t i = job->at + 1; i < job->n; i++)
        left += job->phases[i].ns * job->time_factor;
    return is_stalled(soc, job) ? INFINITY : soc->now_ns + left / rate_of(soc, job);
}

/* When a thread that waits for this job must look again, should nothing be announced before. */
static double look_again_ns(const sim_soc *soc, const sim_job *job)
{
    double next = next_disturbance_ns(soc);
    for (const sim_job *other = soc->jobs; other; other = other->next)
        if (other->state == SIM_RUNNING && (other == job || job->state == SIM_QUEUED))
            next = fmin(next, end_of_ns(soc, other));
    return next;
}

static void sleep_locked(sim_soc *soc, double until_ns)
{
    uint64_t until = soc->origin_ns + (uint64_t)llround(fmin(until_ns - AWAKE_NS, 9e18));
    struct timespec at = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    pthread_cond_timedwait(&soc->changed, &soc->lock, &at);
}

/* Awake, and without the lock. */
static void watch(sim_soc *soc, double until_ns)
{
    uint64_t generation = atomic_load(&soc->generation), until = soc->origin_ns + (uint64_t)llround(until_ns);
    pthread_mutex_unlock(&soc->lock);
    while (mae_clock_now_ns() < until && atomic_load(&soc->generation) == generation)
        continue;
    pthread_mutex_lock(&soc->lock);
}

static void wait_real(sim_soc *soc, sim_job *job)
{
    int slack_ns = prctl(PR_GET_TIMERSLACK);
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (sim_time_catch_up(soc); !has_ended(job); sim_time_catch_up(soc)) {
        double until_ns = look_again_ns(soc, job);
        if (until_ns > soc->now_ns + AWAKE_NS)
            sleep_locked(soc, until_ns);
        else
            watch(soc, until_ns);
    }
    if (slack_ns > 0)
        prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns);
}

static void wait_virtual(sim_soc *soc, sim_job *job)
{
    while (!has_ended(job)) {
        int inside = 0;
        for (const sim_job *other = soc->jobs; other; other = other->next)
            inside += !has_ended(other);
        if (inside >= soc->held)
            step(soc, next_event_ns(soc));
        else
            pthread_cond_wait(&soc->changed, &soc->lock);
    }
    write_tree(soc);
}

void sim_soc_submit(sim_soc *soc, sim_job *job)
{
    pthread_mutex_lock(&soc->lock);
    sim_time_catch_up(soc);
    sim_job **link = &soc->jobs;
    while (*link)
        link = &(*link)->next;
    job->next = NULL;
    *link = job;
    settle(soc);
    sim_time_announce(soc); /* rates have changed, and one more thread is inside */
    pthread_mutex_unlock(&soc->lock);
}

static mae_error *lost(void)
{
    return mae_error_new(MAE_ERR_LOST, "the virtual device is gone");
}

mae_error *sim_soc_wait(sim_soc *soc, sim_job *job)
{
    pthread_mutex_lock(&soc->lock);
    if (soc->settings.virtual_clock)
        wait_virtual(soc, job);
    else
        wait_real(soc, job);
    sim_job **link = &soc->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    int failed = soc->tree ? sim_tree_errno(soc->tree) : 0;
    pthread_mutex_unlock(&soc->lock);
    if (job->state == SIM_LOST)
        return lost();
    if (failed)
        return mae_error_new(MAE_ERR_FAILED, "the virtual SoC cannot write its meter below %s (error %d)",
                             soc->settings.meter_root, failed);
    return NULL;
}

/* ---- what goes wrong ---- */

static mae_error *check(sim_soc *soc, int pe)
{
    if (soc->pes[pe].lost)
        return lost();
    if (sim_power_is_empty(&soc->power))
        return mae_error_new(MAE_ERR_LOST, "the virtual device is gone: the battery is empty");
    return NULL;
}

mae_error *sim_soc_attempt(sim_soc *soc, int pe)
{
    pthread_mutex_lock(&soc->lock);
    sim_time_catch_up(soc);
    uint64_t run = ++soc->pes[pe].attempts;
    for (size_t i = soc->script.n_timed; i < soc->script.n; i++)
        if (soc->script.events[i].pe == pe && soc->script.events[i].at_run == run)
            happen(soc, &soc->script.events[i]);
    sim_time_announce(soc);
    mae_error *error = check(soc, pe);
    pthread_mutex_unlock(&soc->lock);
    return error;
}

mae_error *sim_soc_check(sim_soc *soc, int pe)
{
    pthread_mutex_lock(&soc->lock);
    sim_time_catch_up(soc);
    mae_error *error = check(soc, pe);
    pthread_mutex_unlock(&soc->lock);
    return error;
}

double sim_soc_lie(sim_soc *soc, int pe)
{
    pthread_mutex_lock(&soc->lock);
    double lie = soc->pes[pe].lie;
    pthread_mutex_unlock(&soc->lock);
    return lie;
}

/* ---- the clock ---- */

uint64_t sim_soc_now_ns(sim_soc *soc)
{
    return soc->settings.virtual_clock ? atomic_load(&soc->virtual_ns) : mae_clock_now_ns();
}

void sim_soc_hold(sim_soc *soc, int change)
{
    pthread_mutex_lock(&soc->lock);
    soc->held += change;
    sim_time_announce(soc);
    pthread_mutex_unlock(&soc->lock);
}

bool sim_soc_set_alarm(sim_soc *soc, uint64_t first_ns, mae_clock_alarm *alarm, void *ctx)
{
    if (!soc->settings.virtual_clock)
        return false;
    pthread_mutex_lock(&soc->lock);
    soc->alarm = first_ns == UINT64_MAX ? NULL : alarm;
    soc->alarm_ns = first_ns;
    soc->alarm_ctx = ctx;
    sim_time_announce(soc);
    pthread_mutex_unlock(&soc->lock);
    return true;
}

double sim_soc_energy_mj(sim_soc *soc, const char *rail)
{
    pthread_mutex_lock(&soc->lock);
    sim_time_catch_up(soc);
    double mj = rail ? -1 : sim_power_total_mj(&soc->power);
    for (size_t r = 0; rail && r < soc->power.n_rails; r++)
        if (strcmp(soc->power.rails[r].label, rail) == 0)
            mj = soc->power.rails[r].energy_mj;
    pthread_mutex_unlock(&soc->lock);
    return mj;
}

double sim_soc_celsius(sim_soc *soc)
{
    pthread_mutex_lock(&soc->lock);
    sim_time_catch_up(soc);
    double celsius = soc->power.celsius;
    pthread_mutex_unlock(&soc->lock);
    return celsius;
}

/* The meter of a real clock reads whether anything runs or not. */
static void *write_on(void *ctx)
{
    sim_soc *soc = ctx;
    prctl(PR_SET_TIMERSLACK, 1UL);
    pthread_mutex_lock(&soc->lock);
    while (!soc->closing) {
        sim_time_catch_up(soc);
        write_tree(soc);
        sleep_locked(soc, soc->next_reading_ns + AWAKE_NS);
    }
    pthread_mutex_unlock(&soc->lock);
    return NULL;
}

mae_error *sim_time_start(sim_soc *soc)
{
    soc->origin_ns = mae_clock_now_ns();
    soc->next_reading_ns = soc->settings.period_ms * 1e6;
    settle(soc);
    if (!soc->tree || soc->settings.virtual_clock)
        return NULL;
    int failed = pthread_create(&soc->writer, NULL, write_on, soc);
    if (failed)
        return mae_error_new(MAE_ERR_FAILED, "no thread for the virtual SoC's meter (error %d)", failed);
    soc->has_writer = true;
    return NULL;
}

void sim_time_stop(sim_soc *soc)
{
    if (!soc->has_writer)
        return;
    pthread_mutex_lock(&soc->lock);
    soc->closing = true;
    sim_time_announce(soc);
    pthread_mutex_unlock(&soc->lock);
    pthread_join(soc->writer, NULL);
}
