#include "rounds.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stats.h"

#define UNCOUNTED_FRAMES 2
#define MOST_FRAMES 8
#define TURN_MS 20.0
#define WARM_MS 10.0 /* frames that do not count take at least so long: until threads are where they stay */
#define MOST_UNCOUNTED 64
#define PAUSE_US 30000 /* thread pools spin on for a while when they are done: not in the next one's turn */
#define MOST_PACED_FRAMES 3
#define LOOK_MS 10.0 /* at the reference */

bool fine(mae_error *error)
{
    if (error)
        fprintf(stderr, "%s\n", mae_error_message(error));
    bool good = error == NULL;
    mae_error_free(error);
    return good;
}

bool run_session(void *session, int frames, double *ret_ms)
{
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!fine(mae_session_run(session)))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* How many frames of `ms` each fill a turn, within limits. */
static int frames_in(double turn_ms, double ms)
{
    double wanted = turn_ms / (ms + 1e-6);
    return wanted < 1 ? 1 : wanted > MOST_FRAMES ? MOST_FRAMES : (int)wanted;
}

/* One after another, as fast as they go. */
static bool take_turn(contestant *c)
{
    double ms = 0, warm_ms = 0;
    usleep(PAUSE_US);
    for (int i = 0; i < UNCOUNTED_FRAMES || (warm_ms < WARM_MS && i < MOST_UNCOUNTED); i++) {
        if (!c->run(c->ctx, 1, &ms))
            return false;
        warm_ms += ms;
    }
    int frames = frames_in(TURN_MS, ms);
    if (!c->run(c->ctx, frames, &ms))
        return false;
    c->ms[c->n++] = ms / frames;
    return true;
}

/* One by one, a period from the beginning of one to that of the next: the first does not count. */
static bool take_paced_turn(contestant *c, double period_ms)
{
    double sum = 0, ms;
    for (int i = 0; i <= MOST_PACED_FRAMES; i++) {
        uint64_t due_ns = mae_clock_now_ns() + (uint64_t)(period_ms * 1e6);
        if (!c->run(c->ctx, 1, &ms))
            return false;
        sum += i ? ms : 0;
        mae_clock_sleep_until_ns(due_ns);
    }
    c->ms[c->n++] = sum / MOST_PACED_FRAMES;
    return true;
}

/* What the reference takes now. */
static bool look(contestant *reference, double *ret_ms)
{
    double ms;
    if (!reference->run(reference->ctx, UNCOUNTED_FRAMES, &ms))
        return false;
    int frames = frames_in(LOOK_MS, ms / UNCOUNTED_FRAMES);
    if (!reference->run(reference->ctx, frames, &ms))
        return false;
    *ret_ms = ms / frames;
    if (reference->n < MOST_ROUNDS)
        reference->ms[reference->n++] = *ret_ms;
    return true;
}

static bool take_round(contestant *contestants, size_t n, contestant *reference, double period_ms, size_t round,
                       double *before)
{
    for (size_t i = 0; i < n; i++) {
        contestant *c = &contestants[(i + round) % n];
        double after;
        if (!(period_ms > 0 ? take_paced_turn(c, period_ms) : take_turn(c)))
            return false;
        if (!reference)
            continue;
        if (!look(reference, &after))
            return false;
        c->ms[c->n - 1] /= (*before + after) / 2;
        *before = after;
    }
    return true;
}

bool run_rounds(contestant *contestants, size_t n, double period_ms, size_t least, double seconds)
{
    return run_rounds_beside(contestants, n, NULL, period_ms, least, seconds);
}

bool run_rounds_beside(contestant *contestants, size_t n, contestant *reference, double period_ms, size_t least,
                       double seconds)
{
    uint64_t end = mae_clock_now_ns() + (uint64_t)(seconds * 1e9);
    double before = 0;
    for (size_t i = 0; i < n; i++)
        contestants[i].n = 0;
    if (reference) {
        reference->n = 0;
        if (!look(reference, &before))
            return false;
    }
    for (size_t round = 0; round < MOST_ROUNDS && (round < least || mae_clock_now_ns() < end); round++)
        if (!take_round(contestants, n, reference, period_ms, round, &before))
            return false;
    double median_ms = reference ? interval_of(reference).median : 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < contestants[i].n; k++)
            contestants[i].ms[k] *= median_ms;
    return true;
}

static mae_interval median_of(double *values, size_t n)
{
    mae_stats_median median = mae_stats_median_of(values, n);
    return (mae_interval){median.median, median.low, median.high};
}

mae_interval interval_of(const contestant *a)
{
    double values[MOST_ROUNDS];
    memcpy(values, a->ms, a->n * sizeof *values);
    return median_of(values, a->n);
}

mae_interval ratio_of(const contestant *a, const contestant *b)
{
    double values[MOST_ROUNDS];
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++)
        values[i] = a->ms[i] / b->ms[i];
    return median_of(values, n);
}
