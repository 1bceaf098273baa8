/* Threads that wait on a virtual SoC's clock, and what they ask of it. */
#include <math.h>
#include <string.h>
#include <sys/prctl.h>

#include "backends/sim/soc_impl.h"
#include "base/clock.h"

#define AWAKE_NS 60000.0    /* the kernel wakes sleepers late */
#define AT_ONCE_NS 200000.0 /* between a run and the next of a thread that does nothing else */

/* ---- waiting ---- */

static bool has_ended(const sim_job *job)
{
    return job->state == SIM_DONE || job->state == SIM_LOST;
}

/* When a thread that waits for this job must look again, should nothing be announced before. */
static double look_again_ns(const sim_soc *soc, const sim_job *job)
{
    double next = sim_events_disturbance_ns(soc);
    for (const sim_job *other = soc->jobs; other; other = other->next)
        if (other->state == SIM_RUNNING && (other == job || job->state == SIM_QUEUED))
            next = fmin(next, sim_events_end_ns(soc, other));
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
    for (sim_events_catch_up(soc); !has_ended(job); sim_events_catch_up(soc)) {
        double until_ns = look_again_ns(soc, job);
        if (until_ns > soc->now_ns + AWAKE_NS)
            sleep_locked(soc, until_ns);
        else
            watch(soc, until_ns);
    }
    if (slack_ns > 0)
        prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns);
}

/* Who has what it waited for is at work again, even if its thread has not woken yet. */
static bool is_inside(const sim_job *job)
{
    return !has_ended(job) && !(job->done && job->done(job->done_ctx));
}

/* Time goes on to the next event, if all who are at work are inside; else somebody has to come or go first. */
static void turn_virtual(sim_soc *soc)
{
    int inside = 0;
    for (const sim_job *other = soc->jobs; other; other = other->next)
        inside += is_inside(other);
    if (inside >= soc->held)
        sim_events_step(soc, sim_events_next_ns(soc));
    else
        pthread_cond_wait(&soc->changed, &soc->lock);
}

static void wait_virtual(sim_soc *soc, sim_job *job)
{
    while (!has_ended(job))
        turn_virtual(soc);
    sim_events_show(soc);
}

/* A thread that comes back at once has been told late that its last run had ended, and this one would have begun so
 * much sooner: deadlines follow from deadlines, not from when the kernel woke whom. Its resource must have been free.
 */
static double head_start_ns(const sim_soc *soc, const sim_job *job)
{
    double late = 0, least_free = INFINITY, since = -INFINITY;
    for (size_t p = 0; p < soc->profile->n_pes; p++) {
        const sim_pe_state *pe = &soc->pes[p];
        if (pe->resource == soc->pes[job->pe].resource)
            least_free = fmin(least_free, soc->now_ns - pe->end_ns);
        bool at_once = soc->now_ns - pe->told_ns < AT_ONCE_NS && pthread_equal(pe->told, pthread_self());
        if (pe->told_ns > since && pe->told_ns > 0 && at_once) {
            late = pe->told_ns - pe->end_ns;
            since = pe->told_ns;
        }
    }
    return fmax(0, fmin(late, least_free));
}

static void note_told(sim_soc *soc, const sim_job *job)
{
    if (job->pe < 0 || job->state != SIM_DONE)
        return;
    soc->pes[job->pe].told_ns = (double)(mae_clock_now_ns() - soc->origin_ns);
    soc->pes[job->pe].told = pthread_self();
}

void sim_soc_submit(sim_soc *soc, sim_job *job)
{
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
    sim_job **link = &soc->jobs;
    while (*link)
        link = &(*link)->next;
    job->next = NULL;
    *link = job;
    double head_start = soc->settings.virtual_clock || job->pe < 0 ? 0 : head_start_ns(soc, job);
    sim_events_settle(soc);
    sim_events_skip(soc, job, head_start);
    sim_events_announce(soc); /* rates have changed, and one more thread is inside */
    pthread_mutex_unlock(&soc->lock);
}

static void take_out(sim_soc *soc, const sim_job *job)
{
    sim_job **link = &soc->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
}

bool sim_soc_wait_for(sim_soc *soc, double ns, bool (*done)(void *ctx), void *ctx)
{
    const sim_phase phase = {ns, 0};
    sim_job job = {.pe = -1, .n = 1, .phases = &phase, .time_factor = 1, .done = done, .done_ctx = ctx};
    sim_soc_submit(soc, &job);
    pthread_mutex_lock(&soc->lock);
    while (is_inside(&job))
        turn_virtual(soc);
    take_out(soc, &job);
    sim_events_show(soc);
    pthread_mutex_unlock(&soc->lock);
    return done(ctx);
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
    if (!soc->settings.virtual_clock)
        note_told(soc, job);
    take_out(soc, job);
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
    sim_events_catch_up(soc);
    uint64_t run = ++soc->pes[pe].attempts;
    for (size_t i = soc->script.n_timed; i < soc->script.n; i++)
        if (soc->script.events[i].pe == pe && soc->script.events[i].at_run == run)
            sim_events_happen(soc, &soc->script.events[i]);
    sim_events_announce(soc);
    mae_error *error = check(soc, pe);
    pthread_mutex_unlock(&soc->lock);
    return error;
}

mae_error *sim_soc_check(sim_soc *soc, int pe)
{
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
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
    sim_events_announce(soc);
    pthread_mutex_unlock(&soc->lock);
}

bool sim_soc_is_virtual(const sim_soc *soc)
{
    return soc->settings.virtual_clock;
}

void sim_soc_set_pace(sim_soc *soc, double factor)
{
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
    soc->pace = factor;
    sim_events_announce(soc);
    pthread_mutex_unlock(&soc->lock);
}

void sim_soc_set_ambient(sim_soc *soc, double celsius)
{
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
    soc->settings.ambient_c = celsius;
    sim_events_announce(soc);
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
    sim_events_announce(soc);
    pthread_mutex_unlock(&soc->lock);
    return true;
}

double sim_soc_energy_mj(sim_soc *soc, const char *rail)
{
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
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
    sim_events_catch_up(soc);
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
        sim_events_catch_up(soc);
        sim_events_show(soc);
        sleep_locked(soc, soc->next_reading_ns + AWAKE_NS);
    }
    pthread_mutex_unlock(&soc->lock);
    return NULL;
}

mae_error *sim_time_start(sim_soc *soc)
{
    soc->origin_ns = mae_clock_now_ns();
    soc->next_reading_ns = soc->settings.period_ms * 1e6;
    sim_events_settle(soc);
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
    sim_events_announce(soc);
    pthread_mutex_unlock(&soc->lock);
    pthread_join(soc->writer, NULL);
}
