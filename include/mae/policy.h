/* What decides which mapping runs the next frame (docs/policy.md): rules, the policy, which mappings stay compiled.
 *
 * Everything here is pure: no clock, no thread, no device. The state carries the time, and the policy's memory is a
 * plain value that the caller keeps, so the same inputs always give the same decisions. PEs are named by their index
 * in the profile; a set of PEs is a mask of 1 << index.
 */
#ifndef MAE_POLICY_H
#define MAE_POLICY_H

#include "mae/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Rules (docs/formats.md, "Rules") ---- */

#define MAE_MAX_RULES 64

typedef enum mae_when {
    MAE_WHEN_OTHERWISE = 0,
    MAE_WHEN_EVENT,       /* `word` is set */
    MAE_WHEN_LOST,        /* the PE `word` is not there */
    MAE_WHEN_BATTERY,     /* percent of its charge */
    MAE_WHEN_TEMPERATURE, /* degrees Celsius */
    MAE_WHEN_POWER,       /* watts */
    MAE_WHEN_OUTPUT       /* a value of the network's output `word`, as the last frame gave it */
} mae_when;

typedef struct mae_rule {
    mae_when when;
    const char *word; /* of an event, a PE or an output; else "" */
    int64_t index;    /* of the output's values, row-major */
    bool below;       /* thresholds: entered below `enter`, left at `leave` or above; else the other way round */
    double enter, leave;
    double hold_s;            /* once entered it holds at least so long */
    mae_goal goal;            /* its period is 1000 / frames_per_second, or 0 */
    bool under_deadline;      /* the state's deadline is a bound too */
    bool at_frame_rate;       /* the period is the state's */
    double frames_per_second; /* 0: unstated */
    int line;
} mae_rule;

/* In order of priority; the last one is `otherwise`. */
typedef struct mae_rules {
    size_t n_rules;
    const mae_rule *rules;
    void *priv;
} mae_rules;

/* MAE_ERR_INPUT is one line "file:line:column: what is wrong, what was expected". */
MAE_API MAE_MUST_CHECK mae_error *mae_rules_read(const char *path, mae_rules **ret_rules);
/* The same for text; `name` stands for the file. */
MAE_API MAE_MUST_CHECK mae_error *mae_rules_parse(const char *name, const char *text, size_t size,
                                                  mae_rules **ret_rules);
/* The rules as canonical text, which reads as the same rules; the caller frees it with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_rules_text(const mae_rules *rules, char **ret_text);
MAE_API void mae_rules_destroy(mae_rules *rules); /* takes NULL */

/* ---- Policy ---- */

#define MAE_POLICY_MAX_PES 48

/* What is known as a frame is about to start. Readings that are not there are NAN: they neither enter nor leave a
 * rule. Start from MAE_STATE_INIT. */
typedef struct mae_state {
    double time_s;  /* of a clock that does not go back */
    double battery; /* percent */
    double celsius;
    double power_w;
    double period_ms;   /* between frames; 0: unknown */
    double deadline_ms; /* what is left of it for this frame; 0: none */
    size_t n_events;    /* those that are on */
    const char *const *events;
    const double *outputs; /* per rule, of those that look at an output, its value; NULL: none is known */
    uint64_t present;     /* PEs that answer */
    const bool *compiled; /* per point of the policy: may it run at once? NULL: all of them */
    unsigned reprofiles;  /* how often re-profiling has been done, and re-planning after it */
    unsigned replans;
} mae_state;

#define MAE_STATE_INIT                                                                                                 \
    {                                                                                                                  \
        .battery = __builtin_nan(""), .celsius = __builtin_nan(""), .power_w = __builtin_nan(""), .present = ~0ull     \
    }

/* What the last frame took: its segments, without transfers. */
typedef struct mae_trace_segment {
    int pe, first, last; /* layers, both included */
    double time_ms;
} mae_trace_segment;

typedef struct mae_trace {
    size_t n_segments;
    const mae_trace_segment *segments;
} mae_trace;

/* Every parameter is explained in docs/policy.md. */
typedef struct mae_policy_params {
    double margin;       /* of the latency bound that is always kept free, 0 to 1 */
    double margin_sigma; /* and so many standard deviations of what frames have varied by */
    double dwell_s;      /* a better point must be better for so long, unless the one in use breaks a bound */
    int burst;           /* but no more changes for a bound than this in any dwell_s */
    double trial_s;      /* a PE lost again is trusted after so long, doubling with every loss ... */
    double trial_most_s; /* ... up to this; all is forgotten after as long without a loss */
    double forget_s;     /* how fast what was learnt of a PE's times fades while it is not used */
    double drift_allow;  /* drift: log ratio that is always allowed, beside the profile's interval */
    double drift_clip;   /* what one frame can add at most, before the allowance */
    double drift_alarm;  /* the sum that means drift */
    double reprofile_s;  /* least time between two re-profilings, doubling while they come one after another ... */
    double reprofile_most_s;
} mae_policy_params;

#define MAE_POLICY_PARAMS_INIT                                                                                         \
    {                                                                                                                  \
        .margin = 0.01, .margin_sigma = 3, .dwell_s = 0.1, .burst = 3, .trial_s = 0.5, .trial_most_s = 30,             \
        .forget_s = 10, .drift_allow = 0.05, .drift_clip = 0.2, .drift_alarm = 1, .reprofile_s = 10,                   \
        .reprofile_most_s = 300                                                                                        \
    }

typedef enum mae_action { MAE_KEEP = 0, MAE_SWITCH, MAE_REPROFILE, MAE_REPLAN } mae_action;

typedef struct mae_decision {
    mae_action verdict; /* a switch comes before the others, which are then said with the next frame */
    int point;           /* of the policy: what runs the next frame, whatever the verdict; -1: no mapping can */
    int wanted;          /* what would run if all were compiled */
    int rule;            /* that applies */
    mae_goal goal;       /* with the state's deadline and period filled in; the period bounds the latency, too */
    bool feasible;       /* `wanted` meets the goal; else it is the nearest (docs/formats.md, section 3) */
    double miss;         /* largest value / bound - 1; 0 when feasible */
    uint64_t drifted;    /* PEs whose times have left the profile */
} mae_decision;

typedef struct mae_policy_latch {
    bool on;
    double since_s; /* entered */
} mae_policy_latch;

typedef struct mae_policy_pe {
    bool seen, present;
    double lost_s, back_s; /* when it was last lost, and came back */
    int losses;            /* lately */
    double up, down;       /* sums of the drift test */
    double mean, var;      /* of the log ratio of measured and profiled times, lately */
    bool timed;
    double timed_s;
} mae_policy_pe;

typedef enum mae_drift { MAE_DRIFT_NONE = 0, MAE_DRIFT_PROFILE, MAE_DRIFT_PLAN } mae_drift;

/* What the policy remembers. Begin with all zero. */
typedef struct mae_policy_memory {
    bool begun;
    double time_s;
    int rule, point;
    uint64_t usable; /* PEs that are there and trusted */
    mae_policy_latch latches[MAE_MAX_RULES];
    mae_policy_pe pes[MAE_POLICY_MAX_PES];
    bool better;
    double better_s; /* since when another point has been better */
    double burst_s;
    int bursts;
    mae_drift drift; /* what is asked for */
    uint64_t drifted;
    unsigned reprofiles, replans; /* as the state said when it was asked for */
    double asked_s, interval_s;
    bool asked;
} mae_policy_memory;

/* The profile with these PEs only, the others without costs, and with each PE's times (not its energies) `factor` as
 * long (NULL: as they are): what a front of a set of PEs is solved on. */
MAE_API MAE_MUST_CHECK mae_error *mae_profile_under(const mae_profile *profile, uint64_t pes, const double *factor,
                                                    mae_profile **ret_profile);

/* The front of the mappings that use only these PEs. Solved with a period no shorter than any mapping takes (or with
 * a profile without static_w), it serves every period exactly. */
typedef struct mae_policy_front {
    uint64_t pes;
    const mae_front *front;
} mae_policy_front;

/* A point of the policy: a mapping of one of the fronts; each mapping once. */
typedef struct mae_policy_point {
    size_t front, index; /* where it is from */
    const int *mapping;
    uint64_t pes; /* that it uses */
    double latency_ms, dynamic_mj;
    int switches;
} mae_policy_point;

typedef struct mae_policy mae_policy;

/* Profile, rules and fronts must outlive it. MAE_ERR_USAGE: more PEs than MAE_POLICY_MAX_PES, no point, a parameter out
 * of range; MAE_ERR_INFEASIBLE: a rule needs energy and the profile has none. */
MAE_API MAE_MUST_CHECK mae_error *mae_policy_create(const mae_profile *profile, const mae_rules *rules,
                                                    const mae_policy_front *fronts, size_t n_fronts,
                                                    const mae_policy_params *params, mae_policy **ret_policy);
MAE_API void mae_policy_destroy(mae_policy *policy); /* takes NULL */

MAE_API size_t mae_policy_n_points(const mae_policy *policy);
MAE_API const mae_policy_point *mae_policy_points(const mae_policy *policy);

/* One step, once a frame, before it starts. `last` is the trace of the frame before, or NULL. The memories may be
 * one. */
MAE_API void mae_policy_step(const mae_policy *policy, const mae_state *state, const mae_trace *last,
                             const mae_policy_memory *memory, mae_policy_memory *ret_memory,
                             mae_decision *ret_decision);

/* The point that is best for the goal among those that use only `pes` and are `compiled` (NULL: all), by the
 * profile's figures; where none meets it the nearest, with *ret_miss above 0. -1: there is none at all. */
MAE_API int mae_policy_best(const mae_policy *policy, const mae_goal *goal, uint64_t pes, const bool *compiled,
                            double *ret_miss);

/* What a new plan of the same rules goes on with: all but the point and what was learnt of the old profile's times. */
MAE_API void mae_policy_carry(const mae_policy_memory *memory, mae_policy_memory *ret_memory);

/* ---- Which mappings stay compiled ---- */

/* One distinct segment and what having it compiled takes. */
typedef struct mae_keep_segment {
    int pe, first, last;
    double bytes, compile_ms;
} mae_keep_segment;

typedef struct mae_keep_budget {
    double bytes, compile_ms; /* 0: no limit */
} mae_keep_budget;

typedef struct mae_keep {
    size_t n_points;
    bool *chosen;       /* per point of the policy */
    double regret;      /* the worst over the goals: J / best J - 1; 1000 and more: a goal that could be met is not */
    double lower_bound; /* no choice within the budget has less */
    bool exact;         /* regret is the least possible */
    double bytes, compile_ms;
    void *priv;
} mae_keep;

/* The distinct segments of all points, without their figures, which the caller fills in; freed with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_keep_segments(const mae_policy *policy, mae_keep_segment **ret_segments,
                                                    size_t *ret_n);

/* The set of points within the budget that has the least worst regret over the goals, shared segments counted once.
 * By branch and bound, exactly; after `most_nodes` (0: a million) the best so far with the bound that is proven then.
 * MAE_ERR_INFEASIBLE: no point fits into the budget. MAE_ERR_USAGE: no goal, or a segment is not in `segments`. */
MAE_API MAE_MUST_CHECK mae_error *mae_keep_choose(const mae_policy *policy, const mae_keep_segment *segments,
                                                  size_t n_segments, const mae_keep_budget *budget,
                                                  const mae_goal *goals, size_t n_goals, uint64_t pes,
                                                  size_t most_nodes, mae_keep **ret_keep);
MAE_API void mae_keep_destroy(mae_keep *keep); /* takes NULL */

#ifdef __cplusplus
}
#endif
#endif
