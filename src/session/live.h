/* Inside of a live session: one set of buffers for all mappings, units that are compiled once for all mappings that
 * have their segment, a thread per PE that calls it, and plans that can be exchanged between frames. */
#ifndef MAE_SESSION_LIVE_H
#define MAE_SESSION_LIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/cost.h"
#include "mae/policy.h"
#include "power/gauge.h"
#include "session/internal.h"

#define LIVE_MOST_FRONTS 128
#define LIVE_MOST_EVENTS 32
#define LIVE_MOST_WORD 64
#define LIVE_MOST_SEGMENTS 256
#define LIVE_MOST_ZONES 64
#define LIVE_RATIOS 8

/* ---- what is compiled (live_layout.c) ---- */

/* How the tensors at a unit's border lie. */
typedef struct live_borders {
    size_t n_inputs, n_outputs; /* of the segment */
    mae_layout *inputs;
    unsigned *offers;    /* per output: the layouts that all who read it understand */
    mae_layout *outputs; /* once it is compiled: which of them it gives */
} live_borders;

MAE_MUST_CHECK mae_error *live_borders_create(const mae_segment *segment,
                                              live_borders **ret_borders); /* dense; free() */
bool live_borders_same(const live_borders *a, const live_borders *b);

/* A segment to be compiled, or that was: layers `first` to `last` on a PE of the profile. */
typedef struct live_order {
    int pe, first, last;
    live_borders *borders; /* its own */
} live_order;

bool live_order_same(const live_order *a, const live_order *b);
MAE_MUST_CHECK mae_error *live_order_copy(const live_order *order, live_order *ret_copy);
void live_order_free(live_order *order);

/* ---- units (live_unit.c) ---- */

/* A segment, compiled on its PE and bound to the session's buffers. */
typedef struct live_unit {
    struct live_unit *next;
    mae_arena *arena;
    live_order order;
    mae_segment segment;
    mae_pe *device;
    bool own_device;
    mae_unit *unit;
    mae_buffer **inputs, **outputs;         /* the session's */
    mae_buffer **own_inputs, **own_outputs; /* in the PE's memory; NULL: it computes in the host's */
    bool stale;                             /* to be bound anew before it runs */
    double compile_ms, bytes;
    uint64_t used; /* the last frame that ran it */
} live_unit;

/* Compiles; touches nothing of a session, so that any thread may do it. Takes over the order and, with `own_device`,
 * the device, in success and in failure. */
MAE_MUST_CHECK mae_error *live_unit_compile(const mae_graph *graph, live_order *order, mae_pe *device, bool own_device,
                                            live_unit **ret_unit);
void live_unit_destroy(live_unit *unit); /* takes NULL */
/* Brings inputs, runs, brings outputs. */
MAE_MUST_CHECK mae_error *live_unit_run(live_unit *unit);

#define LIVE_LAYOUTS 3 /* dense, and two blocked ones */

/* The session's memory: a buffer per tensor that crosses a border of any unit, and layout in which it does. */
typedef struct live_pool {
    const mae_graph *graph;
    unsigned understood[MAE_POLICY_MAX_PES]; /* per PE of the profile: its layouts beside the dense one */
    mae_buffer **buffers;                    /* per tensor and layout; NULL: not wanted yet */
    mae_layout *layout;                      /* per tensor, of the mapping that is looked at: how it lies ... */
    unsigned *offers;                        /* ... and may */
    live_unit *units;
    double bytes;        /* of all units */
    double leaked_bytes; /* left to calls that did not come back ... */
    size_t n_left;       /* ... in these; freed in the end, if all came back after all */
    mae_buffer **left;
} live_pool;

MAE_MUST_CHECK mae_error *live_pool_init(live_pool *pool, const mae_graph *graph);
void live_pool_finish(live_pool *pool);
/* The tensor's dense buffer. */
static inline mae_buffer *live_pool_buffer(const live_pool *pool, int tensor)
{
    return pool->buffers[(size_t)tensor * LIVE_LAYOUTS + MAE_LAYOUT_DENSE];
}
/* The unit of these layers whose borders are all dense. */
live_unit *live_pool_find_dense(const live_pool *pool, int pe, int first, int last);
MAE_MUST_CHECK mae_error *live_order_dense(const live_pool *pool, int pe, int first, int last, live_order *ret_order);
/* Takes the unit over, also in failure. */
MAE_MUST_CHECK mae_error *live_pool_adopt(live_pool *pool, live_unit *unit);
void live_pool_drop(live_pool *pool, live_unit *unit);
/* A call of the unit has not come back: what it reads and writes is its own from now on, and all others go on with
 * copies. */
MAE_MUST_CHECK mae_error *live_pool_abandon(live_pool *pool, live_unit *unit);
/* It has come back after all. */
MAE_MUST_CHECK mae_error *live_pool_return(live_pool *pool, live_unit *unit);

/* ---- threads that call PEs (live_worker.c) ---- */

/* How a session waits: by its context's clock. */
typedef struct live_clock {
    const mae_context *context;
    const mae_virtual_service *machine; /* NULL: time passes by itself */
} live_clock;

typedef struct live_worker {
    live_clock clock;
    pthread_t thread;
    bool started, hung;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool quit;
    live_unit *unit; /* to be run; NULL: nothing to do */
    atomic_bool answered;
    mae_error *error; /* the answer */
} live_worker;

mae_error *live_worker_init(live_worker *worker, live_clock clock);
/* False: a call has not come back, and the worker's memory must stay. */
bool live_worker_finish(live_worker *worker);
/* Runs the unit on the worker's thread; with `timeout_ns` 0 on this one. *ret_hung: it did not
 * answer in time, and the worker is of no use until live_worker_back(). */
MAE_MUST_CHECK mae_error *live_worker_call(live_worker *worker, live_unit *unit, uint64_t timeout_ns, bool *ret_hung);
/* Has the call that hung come back? */
bool live_worker_back(live_worker *worker);

/* ---- plans (live_plan.c) ---- */

typedef struct live_point {
    size_t n;
    const mae_trace_segment *segments; /* time_ms: by the profile, without transfers */
    const double *transfer_ms;         /* of each */
    live_unit **units;                 /* NULL entries: not compiled */
} live_point;

/* Finds its units; false: not all are compiled. */
bool live_point_look(live_pool *pool, live_point *point);
/* The first that is not; how it lies is known only when those before it are compiled. */
MAE_MUST_CHECK mae_error *live_point_next(live_pool *pool, live_point *point, bool *ret_any, live_order *ret_order);

/* What a policy stands on, and its points as segments. */
typedef struct live_plan {
    mae_arena *arena;
    const mae_profile *profile;
    mae_profile *own_profile;          /* NULL: the caller's */
    double factor[MAE_POLICY_MAX_PES]; /* of the caller's profile's times */
    size_t n_fronts;
    mae_policy_front fronts[LIVE_MOST_FRONTS];
    mae_rules rules;
    mae_rule *rule; /* of `rules`; the first is the goal that is set */
    mae_policy *policy;
    mae_policy_params params;
    live_point *points;
    bool *compiled, *kept;
    mae_keep *keep; /* NULL: no choice was made */
} live_plan;

/* The event that stands for a goal that was set: no rule file can name it. */
#define LIVE_GOAL_EVENT "a goal is set"

typedef struct live_plan_spec {
    const mae_profile *profile;
    const mae_rules *rules; /* NULL: none */
    mae_policy_params params;
    const double *factor;          /* per PE; NULL: 1 */
    uint64_t pes;                  /* that can ever be used */
    double period_ms, deadline_ms; /* that rules are judged by beforehand */
    double keep_bytes;             /* 0: no limit */
} live_plan_spec;

/* Pure, but for the time it takes. */
MAE_MUST_CHECK mae_error *live_plan_create(const live_plan_spec *spec, const mae_graph *graph, live_plan **ret_plan);
void live_plan_destroy(live_plan *plan); /* takes NULL */
/* Which points are compiled now. */
void live_plan_look(live_plan *plan, live_pool *pool);

/* ---- building beside the frames (live_build.c) ---- */

typedef struct live_builder {
    mae_context *context;
    const mae_graph *graph;
    const int *pe_of; /* per PE of the profile: the context's */
    live_plan_spec spec;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool quit;
    size_t n_orders;
    live_order orders[LIVE_MOST_SEGMENTS];
    bool plan_wanted;
    double factor[MAE_POLICY_MAX_PES];
    /* done */
    live_unit *units;
    live_plan *plan;
    size_t failures;
    mae_error *error; /* the last one */
} live_builder;

mae_error *live_builder_init(live_builder *builder, mae_context *context, const mae_graph *graph, const int *pe_of,
                             const live_plan_spec *spec);
void live_builder_finish(live_builder *builder);
/* Takes over the order; what is ordered already is not ordered again. */
void live_builder_order(live_builder *builder, live_order *order);
MAE_MUST_CHECK mae_error *live_builder_plan(live_builder *builder, const double *factor);
/* What has been built since the last time: a list of units, a plan or NULL. Idle: nothing is ordered or under way. */
void live_builder_take(live_builder *builder, live_unit **ret_units, live_plan **ret_plan, bool *ret_idle);

/* ---- state from files and meters (live_state.c) ---- */

typedef struct live_sensors {
    mae_arena *arena;
    size_t n_batteries, n_zones;
    const char *batteries[LIVE_MOST_ZONES], *zones[LIVE_MOST_ZONES];
    mae_gauge *gauge; /* NULL: no meter */
    uint64_t gauge_ns;
    double battery, celsius, power_w; /* as last read; NAN: not known */
} live_sensors;

MAE_MUST_CHECK mae_error *live_sensors_open(mae_context *context, const char *root, live_sensors *sensors);
void live_sensors_close(live_sensors *sensors);
void live_sensors_read(live_sensors *sensors, uint64_t now_ns);

/* ---- the session (live.c) ---- */

typedef struct live_pe {
    bool there; /* the context has it */
    bool lost;
    uint64_t retry_ns, wait_ns, back_ns;
    double ratios[LIVE_RATIOS]; /* of its times and the plan's, in the last frames that used it */
    size_t n_ratios;            /* since the plan was made */
    uint64_t timed_ns;
    uint64_t checked_ns; /* when it was last timed beside the frames */
    live_worker worker;
} live_pe;

/* What other threads say, under `lock`; no frame holds it while it runs. */
typedef struct live_inbox {
    pthread_mutex_t lock;
    bool goal_set, goal_changed;
    bool has_energy;
    mae_goal goal;
    size_t n_events;
    char events[LIVE_MOST_EVENTS][LIVE_MOST_WORD];
    double battery, celsius, power_w;
    mae_live_status status;
} live_inbox;

struct mae_live {
    mae_context *context;
    const mae_graph *graph;
    const mae_profile *profile;
    mae_live_options options;
    mae_policy_params params;
    live_plan_spec spec;
    live_clock clock;
    bool background; /* builds and plans beside the frames */
    bool holds;      /* counts as work in hand of a virtual machine */
    int pe_of[MAE_POLICY_MAX_PES];
    live_pe pes[MAE_POLICY_MAX_PES];
    live_pool pool;
    live_plan *plan;
    live_builder builder;
    live_sensors sensors;
    live_inbox inbox;
    mae_policy_memory memory;
    mae_state state;
    char events[LIVE_MOST_EVENTS][LIVE_MOST_WORD];
    const char *words[LIVE_MOST_EVENTS + 1];
    double outputs[MAE_MAX_RULES]; /* of the last frame, per rule of the plan that looks at one; else NAN */
    uint64_t sensed_ns;
    uint64_t frame;
    int wanted_point, wanted_for;                    /* frames */
    uint64_t ordered_ns, planned_ns;                 /* when segments, and a plan, were last ordered of the builder */
    const live_unit *last_units[LIVE_MOST_SEGMENTS]; /* that the last frame ran on */
    size_t n_last_units;
    double factor[MAE_POLICY_MAX_PES]; /* of the caller's profile's times, as last measured */
    mae_trace_segment trace[LIVE_MOST_SEGMENTS];
    size_t n_trace;
    mae_frame_segment segments[LIVE_MOST_SEGMENTS];
    mae_program_stamp stamps[LIVE_MOST_SEGMENTS];
    mae_live_frame last;
    mae_live_status status;
    mae_error *reason;            /* why a PE was last taken out */
    void (*on_switch)(void *ctx); /* before a frame runs on another mapping than the last one */
    void *on_switch_ctx;
};

#endif
