#include "pe/overlap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pe/program_impl.h"

#define MOST_LANES 64

/* A thread asleep on a virtual clock looks up by itself this often; what it waits for wakes it before. */
#define LOOK_UP_NS 1000000000000000u

/* A lane on processors of its own looks again and again for about as long as it would take to wake it: nobody else is
 * to compute there, and waking through the kernel costs more than many a segment. */
#define AWAKE_NS 100000u
#define LOOKS 64 /* between two looks at the clock */

typedef struct lane {
    mae_overlap *overlap;
    size_t n, *parts;          /* in layer order */
    mae_bound_thread *cluster; /* where its first part is run, and its loop; NULL: on the thread that runs the lane */
    size_t awaited;            /* the part that it waits to begin, while `asleep` */
    atomic_bool asleep;
    pthread_cond_t wake;
    pthread_t thread; /* of all but the first */
    bool started;
    mae_error *error;
    size_t error_part;
} lane;

typedef struct part_needs {
    size_t n, *parts; /* of other lanes, whose tensors it reads */
} part_needs;

struct mae_overlap {
    mae_program *program;
    mae_overlap_machine machine;
    size_t n_lanes;
    lane *lanes;
    part_needs *needs;
    _Atomic uint64_t *done;  /* per part: the run it was last done in */
    _Atomic uint64_t failed; /* the last run in which a segment failed */
    uint64_t run;            /* since 1; under the lock, as the rest */
    uint64_t frame;
    mae_program_stamp *stamps;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    size_t working; /* lanes with threads that have not finished the run */
    bool quit;
};

/* ---- waiting for each other ---- */

static bool may_begin(const mae_overlap *o, size_t part)
{
    uint64_t run = o->run;
    const part_needs *needs = &o->needs[part];
    for (size_t i = 0; i < needs->n; i++)
        if (atomic_load(&o->done[needs->parts[i]]) != run)
            return atomic_load(&o->failed) == run;
    return true;
}

static bool awaits_no_more(void *ctx)
{
    const lane *l = ctx;
    return may_begin(l->overlap, l->awaited);
}

static bool stays_awake(const lane *l, size_t part)
{
    if (!l->cluster)
        return false;
    uint64_t until = mae_clock_now_ns() + AWAKE_NS;
    do {
        for (int i = 0; i < LOOKS; i++)
            if (may_begin(l->overlap, part))
                return true;
    } while (mae_clock_now_ns() < until);
    return false;
}

/* Whoever makes it true sees this lane asleep, or this lane sees it true: both are ordered. */
static void wait_to_begin(lane *l, size_t part)
{
    mae_overlap *o = l->overlap;
    if (may_begin(o, part))
        return;
    l->awaited = part;
    if (o->machine.service) {
        while (!o->machine.service->wait_for(o->machine.pe, LOOK_UP_NS, awaits_no_more, l))
            continue;
        return;
    }
    if (stays_awake(l, part))
        return;
    pthread_mutex_lock(&o->lock);
    atomic_store(&l->asleep, true);
    while (!may_begin(o, part))
        pthread_cond_wait(&l->wake, &o->lock);
    atomic_store(&l->asleep, false);
    pthread_mutex_unlock(&o->lock);
}

/* Wakes those that sleep, for what has been done or has failed. */
static void announce(mae_overlap *o, const lane *by)
{
    if (o->machine.service) {
        o->machine.service->hold(o->machine.pe, 0);
        return;
    }
    for (size_t i = 0; i < o->n_lanes; i++) {
        lane *other = &o->lanes[i];
        if (other == by || !atomic_load(&other->asleep))
            continue;
        pthread_mutex_lock(&o->lock);
        if (atomic_load(&other->asleep) && may_begin(o, other->awaited))
            pthread_cond_signal(&other->wake);
        pthread_mutex_unlock(&o->lock);
    }
}

/* ---- lanes ---- */

static void run_parts(void *ctx)
{
    lane *l = ctx;
    mae_overlap *o = l->overlap;
    for (size_t i = 0; i < l->n; i++) {
        size_t part = l->parts[i];
        wait_to_begin(l, part);
        if (atomic_load(&o->failed) == o->run)
            return;
        l->error = mae_program_run_segment(o->program, part, o->frame, o->stamps ? &o->stamps[part] : NULL);
        if (l->error) {
            l->error_part = part;
            atomic_store(&o->failed, o->run);
        } else {
            atomic_store(&o->done[part], o->run);
        }
        announce(o, l);
    }
}

static void run_lane(lane *l)
{
    if (l->cluster)
        mae_bound_thread_call(l->cluster, run_parts, l);
    else
        run_parts(l);
}

/* On a virtual clock a lane is at work from the frame's begin to its own end. */
static void let_go(const mae_overlap *o)
{
    if (o->machine.service)
        o->machine.service->hold(o->machine.pe, -1);
}

static void *serve(void *ctx)
{
    lane *l = ctx;
    mae_overlap *o = l->overlap;
    uint64_t seen = 0;
    pthread_mutex_lock(&o->lock);
    for (;;) {
        while (o->run == seen && !o->quit)
            pthread_cond_wait(&l->wake, &o->lock);
        if (o->run == seen)
            break;
        seen = o->run;
        pthread_mutex_unlock(&o->lock);
        run_lane(l);
        let_go(o);
        pthread_mutex_lock(&o->lock);
        if (--o->working == 0)
            pthread_cond_signal(&o->finished);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void begin_run(mae_overlap *o, mae_program_stamp *stamps)
{
    if (o->machine.service)
        o->machine.service->hold(o->machine.pe, (int)o->n_lanes);
    pthread_mutex_lock(&o->lock);
    o->stamps = stamps;
    o->frame = mae_program_next_frame(o->program);
    o->working = o->n_lanes - 1;
    o->run++;
    for (size_t i = 1; i < o->n_lanes; i++)
        pthread_cond_signal(&o->lanes[i].wake);
    pthread_mutex_unlock(&o->lock);
}

static mae_error *take_error(mae_overlap *o)
{
    lane *first = NULL;
    for (size_t i = 0; i < o->n_lanes; i++)
        if (o->lanes[i].error && (!first || o->lanes[i].error_part < first->error_part))
            first = &o->lanes[i];
    mae_error *error = first ? first->error : NULL;
    for (size_t i = 0; i < o->n_lanes; i++) {
        if (&o->lanes[i] != first)
            mae_error_free(o->lanes[i].error);
        o->lanes[i].error = NULL;
    }
    return error;
}

mae_error *mae_overlap_run(mae_overlap *o, mae_program_stamp *stamps)
{
    if (o->n_lanes < 2)
        return mae_program_run(o->program, stamps);
    begin_run(o, stamps);
    run_lane(&o->lanes[0]);
    let_go(o);
    pthread_mutex_lock(&o->lock);
    while (o->working > 0)
        pthread_cond_wait(&o->finished, &o->lock);
    pthread_mutex_unlock(&o->lock);
    return take_error(o);
}

size_t mae_overlap_n_lanes(const mae_overlap *o)
{
    return o->n_lanes;
}

/* ---- making ---- */

/* A lane for each number, in the order in which they first come: the first part is the calling thread's. */
static mae_error *share_out(mae_overlap *o, const int *lane_of_pe)
{
    mae_program *program = o->program;
    size_t n = program->n_parts, place[MOST_LANES];
    memset(place, 0xff, sizeof place);
    o->lanes = mae_arena_array(program->arena, n + 1, sizeof *o->lanes);
    if (!o->lanes)
        return mae_error_nomem();
    for (size_t p = 0; p < n; p++) {
        int number = lane_of_pe[program->parts[p].pe];
        if (number < 0 || number >= MOST_LANES)
            return mae_error_new(MAE_ERR_USAGE, "%s: lane %d of %d", program->parts[p].pe_name, number, MOST_LANES);
        lane *l = place[number] < n ? &o->lanes[place[number]] : &o->lanes[o->n_lanes];
        if (l == &o->lanes[o->n_lanes]) {
            place[number] = o->n_lanes++;
            l->overlap = o;
            l->cluster = program->parts[p].thread;
            l->parts = mae_arena_array(program->arena, n, sizeof *l->parts);
            if (!l->parts)
                return mae_error_nomem();
        }
        l->parts[l->n++] = p;
    }
    return NULL;
}

static mae_error *find_needs(mae_overlap *o, const int *lane_of_pe)
{
    mae_program *program = o->program;
    o->needs = mae_arena_array(program->arena, program->n_parts + 1, sizeof *o->needs);
    o->done = mae_arena_array(program->arena, program->n_parts + 1, sizeof *o->done);
    if (!o->needs || !o->done)
        return mae_error_nomem();
    for (size_t p = 0; p < program->n_parts; p++) {
        o->needs[p].parts = mae_arena_array(program->arena, p + 1, sizeof *o->needs[p].parts);
        if (!o->needs[p].parts)
            return mae_error_nomem();
        for (size_t q = 0; q < p; q++)
            if (lane_of_pe[program->parts[p].pe] != lane_of_pe[program->parts[q].pe] &&
                mae_program_depends(program, p, q))
                o->needs[p].parts[o->needs[p].n++] = q;
    }
    return NULL;
}

static mae_error *start(mae_overlap *o)
{
    for (size_t i = 0; i < o->n_lanes; i++)
        pthread_cond_init(&o->lanes[i].wake, NULL);
    for (size_t i = 1; i < o->n_lanes; i++) {
        int failure = pthread_create(&o->lanes[i].thread, NULL, serve, &o->lanes[i]);
        if (failure)
            return mae_error_new(MAE_ERR_FAILED, "no thread for a resource: %s", strerror(failure));
        o->lanes[i].started = true;
    }
    return NULL;
}

mae_error *mae_overlap_create(mae_program *program, const int *lane_of_pe, mae_overlap_machine machine,
                              mae_overlap **ret_overlap)
{
    mae_overlap *o = mae_arena_alloc(program->arena, sizeof *o);
    if (!o)
        return mae_error_nomem();
    o->program = program;
    o->machine = machine;
    MAE_TRY(share_out(o, lane_of_pe));
    MAE_TRY(find_needs(o, lane_of_pe));
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->finished, NULL);
    mae_error *error = start(o);
    if (error)
        mae_overlap_destroy(o);
    else
        *ret_overlap = o;
    return error;
}

void mae_overlap_destroy(mae_overlap *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->quit = true;
    for (size_t i = 1; i < o->n_lanes; i++)
        pthread_cond_signal(&o->lanes[i].wake);
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 1; i < o->n_lanes; i++)
        if (o->lanes[i].started)
            pthread_join(o->lanes[i].thread, NULL);
    for (size_t i = 0; i < o->n_lanes; i++)
        pthread_cond_destroy(&o->lanes[i].wake);
    pthread_cond_destroy(&o->finished);
    pthread_mutex_destroy(&o->lock);
}
