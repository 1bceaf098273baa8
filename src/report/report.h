/* A page of what mae found: the files it is made from as plain data, and the page itself. Pure: what the planner says
 * of a profile is handed in by who composes (mae_report_reckoned). */
#ifndef MAE_REPORT_REPORT_H
#define MAE_REPORT_REPORT_H

#include "base/arena.h"
#include "base/json.h"
#include "mae/plan.h"
#include "mae/report.h"

#define MAE_REPORT_MAX_FILE_BYTES (256u << 20)
#define MAE_REPORT_MAX_ENTRIES 1000000 /* of a list in a file */

typedef enum mae_report_kind {
    MAE_REPORT_PROFILE = 0,
    MAE_REPORT_PLAN,
    MAE_REPORT_FRONT,
    MAE_REPORT_BENCH,
    MAE_REPORT_SCENARIO,
    MAE_REPORT_TRACE,
    MAE_REPORT_KINDS
} mae_report_kind;

/* A value with its interval, where it has one. */
typedef struct mae_report_value {
    bool exists, has_interval;
    double value, low, high;
} mae_report_value;

/* One entry of a bench: a single PE, a baseline, the plan. */
typedef struct mae_report_run {
    const char *name;
    const char *ref; /* JSON pointer to the entry among the page's figures */
    bool complete;
    const char *reason; /* why not; or "" */
    mae_report_value latency_ms, energy_mj;
    const char *energy_source; /* "measured", "predicted"; "" */
    bool verified, meets_bounds;
    const char *precision;
} mae_report_run;

/* A gain, with where it comes from and how sure it is. */
typedef struct mae_report_gain {
    const char *name, *ref;
    mae_report_value maeg;
    bool has_chance;
    double chance; /* that the mix costs less */
} mae_report_gain;

typedef enum mae_report_entry_kind {
    MAE_REPORT_SINGLE = 0, /* a PE, frame after frame */
    MAE_REPORT_ARRANGEMENT,
    MAE_REPORT_SESSION /* an engine's own way, on all processors */
} mae_report_entry_kind;

/* What was measured for frames a second. */
typedef struct mae_report_entry {
    const char *name, *ref, *reason; /* `reason`: why it did not run, or "" */
    mae_report_entry_kind kind;
    bool raced, offered, verified;
    mae_report_value quick_ms, predicted_ms;        /* the one time it ran; by the plan: between frames */
    mae_report_value period_ms, per_second, p50_ms; /* of the race */
    double p99_ms;
} mae_report_entry;

/* How many times the frames a second of `beside` is offered. */
typedef struct mae_report_ratio {
    const char *beside, *what; /* "best_single", "sessions", "threads" */
    mae_report_value frames;
} mae_report_ratio;

typedef struct mae_report_throughput {
    int resources;
    size_t n_entries, n_ratios;
    mae_report_entry *entries;
    const mae_report_entry *offered; /* it was raced */
    mae_report_ratio *ratios;
    const mae_plan_throughput *arrangement; /* NULL: unsaid */
    bool has_energy;                        /* the arrangement's */
} mae_report_throughput;

typedef struct mae_report_bench {
    const char *model_name, *model_sha256;
    mae_goal goal;
    int threads, rounds;
    size_t n_runs; /* single PEs first, then baselines, then the plan */
    mae_report_run *runs;
    size_t n_single;
    mae_report_run *plan; /* the last of the runs */
    size_t n_segments;
    const mae_plan_segment *segments;
    double predicted_ms;
    bool single_is_best;
    size_t n_gains;
    mae_report_gain gains[3]; /* before, predicted, measured */
    const mae_report_gain *measured;
    const char *baseline; /* "": none */
    bool enables, mixed_precision;
    bool has_verdict, verified;
    double max_abs, max_rel, abs_tolerance, rel_tolerance;
    double scale; /* 0: unstated */
    const char *scale_origin;
    mae_report_throughput *throughput; /* NULL: frames were measured one after the other */
} mae_report_bench;

typedef struct mae_report_strategy {
    const char *name;
    double frames, misses, lost, wrong, switches;
    bool has_energy;
    double energy_mj, p50_ms, p99_ms, max_ms;
    bool bound, attained;
} mae_report_strategy;

typedef struct mae_report_scenario {
    const char *script, *model, *soc;
    double duration_s; /* 0: unstated */
    size_t n;
    mae_report_strategy *strategies;
} mae_report_scenario;

/* A segment or a transfer of a trace. */
typedef struct mae_report_event {
    const char *name;
    int track; /* of mae_report_trace.tracks */
    int of;    /* of mae_report_trace.of; -1: unsaid */
    double frame;
    double begin_ms, end_ms;
    bool is_transfer;
} mae_report_event;

typedef struct mae_report_frame {
    double frame;
    int of;
    size_t first, n; /* of mae_report_trace.events */
    double begin_ms, end_ms;
} mae_report_frame;

typedef struct mae_report_track {
    double pid, tid;
    const char *pe;
} mae_report_track;

typedef struct mae_report_mark {
    const char *name;
    double at_ms;
} mae_report_mark;

/* What a meter said of a rail, in the order of time. */
typedef struct mae_report_reading {
    double at_ms, watts;
} mae_report_reading;

typedef struct mae_report_rail {
    const char *name;
    size_t n;
    mae_report_reading *readings;
} mae_report_rail;

typedef struct mae_report_trace {
    const char *model;
    double lost_events;
    size_t n_tracks;
    mae_report_track *tracks;
    size_t n_of;
    const char **of;
    size_t n_events; /* by frame, then by begin */
    mae_report_event *events;
    size_t n_frames;
    mae_report_frame *frames;
    size_t n_marks;
    mae_report_mark *marks;
    size_t n_rails;
    mae_report_rail *rails;
} mae_report_trace;

/* A point of a front: of a file, or solved for the page. */
typedef struct mae_report_point {
    mae_prediction cost;
    const char *mapping; /* "gpu 3, dla 7": PEs and how many layers in a row */
} mae_report_point;

typedef struct mae_report_front {
    const char *model_name, *model_sha256, *soc_name;
    size_t n;
    mae_report_point *points;
    bool has_energy, exact;
    double epsilon;
} mae_report_front;

/* A mapping that is compared with: a single PE, or the greedy choice. */
typedef struct mae_report_choice {
    const char *name;
    bool allowed;
    const char *reason; /* why not */
    mae_prediction cost;
} mae_report_choice;

/* What the planner says of the profile. */
typedef struct mae_report_reckoned {
    const int *mapping; /* PE per layer of the plan shown; NULL: there is none ... */
    const char *reason; /* ... and why */
    bool planned_here;  /* no file had a plan: it is that of least latency */
    mae_prediction cost;
    double period_ms;
    size_t n_single;
    const mae_report_choice *single; /* every PE of the profile */
    mae_report_choice greedy;
    const mae_report_front *front; /* NULL: there is none */
    const char *front_reason;
    size_t n_samples, n_drawn; /* allowed; drawn */
    const mae_prediction *samples;
    uint64_t seed;
} mae_report_reckoned;

typedef struct mae_report_file {
    const char *name;
    mae_report_kind kind;
    mae_json *json;
} mae_report_file;

struct mae_report {
    mae_arena *arena;
    size_t n_files;
    mae_report_file files[MAE_REPORT_KINDS]; /* one of each kind at most */
    mae_profile *profile;
    mae_plan *plan;
    mae_report_front *front;
    mae_report_bench *bench;
    mae_report_scenario *scenario;
    mae_report_trace *trace;
    const mae_report_reckoned *reckoned; /* NULL: nobody has */
    size_t n_pes, pes_room;
    const char **pes; /* by name, in the order of their colours */
};

MAE_MUST_CHECK mae_error *mae_report_alloc(mae_report **ret_report);
void mae_report_release(mae_report *report); /* takes NULL */

/* Takes over `json`, whatever comes of it. MAE_ERR_INPUT: it is not a file of mae's, or it is broken; MAE_ERR_USAGE:
 * there is one of its kind, or it is of another network than the others. */
MAE_MUST_CHECK mae_error *mae_report_take(mae_report *report, const char *name, mae_json *json);

/* The whole page; freed with free(). */
MAE_MUST_CHECK mae_error *mae_report_render(const mae_report *report, char **ret_text);

/* The file of that kind; NULL: there is none. */
const mae_report_file *mae_report_find(const mae_report *report, mae_report_kind kind);
const char *mae_report_kind_text(mae_report_kind kind); /* "profile" */

/* The place of a PE among the colours; a new one for a name that has none. MAE_REPORT_MAX_PES at the most. */
MAE_MUST_CHECK mae_error *mae_report_add_pe(mae_report *report, const char *name);
int mae_report_pe(const mae_report *report, const char *name); /* -1: there is none */

/* The segments of the plan that is shown, by profile, bench or plan file; 0: there is none. */
size_t mae_report_segments(const mae_report *report, const mae_plan_segment **ret_segments);

/* The arrangement that is shown, of a bench or a plan's file, and the JSON pointer to it; NULL: there is none. */
const mae_plan_throughput *mae_report_arrangement(const mae_report *report, const char **ret_ref);

/* The goal of the plan that is shown. */
const mae_goal *mae_report_goal(const mae_report *report);

#endif
