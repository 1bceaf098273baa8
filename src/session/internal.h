/* What the files of this folder share. */
#ifndef MAE_SESSION_INTERNAL_H
#define MAE_SESSION_INTERNAL_H

#include "base/arena.h"
#include "base/error.h"
#include "core/soc.h"
#include "mae/backend.h"
#include "mae/mae.h"
#include "mae/meter.h"
#include "onnx/onnx.h"
#include "pe/module.h"
#include "pe/overlap.h"
#include "pe/program.h"
#include "profile/energy.h"

/* The backends that `probe` is asked of, in the order their PEs are listed. */
extern const char *const mae_builtin_backends[];
extern const size_t mae_builtin_n_backends;

/* The PE that is the reference, and that runs models for the importer. */
#define MAE_REFERENCE_BACKEND "ort"

typedef struct mae_context_pe {
    mae_pe *pe;
    const mae_backend *backend;
    const mae_soc_pe *soc_pe;   /* NULL: found, not named by a SoC file */
    const mae_soc_level *level; /* NULL: none */
    size_t n_rails, *rails;     /* of the context's meter */
    double watts;               /* negative: unstated */
    bool abandoned;             /* a call in it has not come back: it can never be closed */
} mae_context_pe;

/* A backend that only a SoC file asks for. */
typedef struct mae_context_module {
    const char *name;
    mae_module *module;
} mae_context_module;

#define MAE_N_METERS 3
#define MAE_MOST_EXTRA_MODULES 48

struct mae_context {
    mae_arena *arena;
    int threads;
    int *cores; /* NULL: as inherited */
    size_t n_cores;
    mae_module **modules; /* per builtin backend; NULL: missing */
    size_t n_pes;
    mae_pe_info *infos;
    mae_context_pe *pes;
    size_t n_missing;
    mae_missing_backend *missing;
    size_t n_spare;
    mae_spare_pe *spare;     /* the arena's */
    mae_pe *reference;       /* opened when first needed, and only if it is not among `pes` */
    mae_program_clock clock; /* that networks of this context are timed by; zero: the machine's */
    mae_pe *clock_pe;        /* whose clock that is; NULL: the machine's */
    const mae_clock_service *clock_service;
    mae_soc *soc; /* NULL: the PEs found here */
    size_t n_extras;
    mae_context_module extras[MAE_MOST_EXTRA_MODULES];
    mae_meter *meter;          /* the SoC file's; NULL: none */
    const char *meter_refusal; /* why it is none; NULL: the file names none */
    mae_meter *meters[MAE_N_METERS];
    mae_meter_info *meter_infos; /* NULL: not looked for yet */
    struct mae_levels *levels;   /* operating points that were set; NULL: none */
    size_t abandoned;            /* calls that have not come back: what they may touch is kept for ever */
};

struct mae_model {
    mae_context *context;
    mae_graph *graph;
};

uint64_t mae_context_now_ns(const mae_context *context);

/* soc.c: opens what a SoC file names. `wanted` as in the options. */
MAE_MUST_CHECK mae_error *mae_context_open_soc(mae_context *context, const char *path, const char *wanted);
/* The same for a SoC that is made here: the CPU's engines on each of the context's processors (or those that this process
 * may use), or, with `each` false, on all of them together. */
MAE_MUST_CHECK mae_error *mae_context_open_cores(mae_context *context, bool each, const char *wanted);
/* each_core.c: a context whose only PEs are the CPU's engines on all of these processors together. */
MAE_MUST_CHECK mae_error *mae_context_create_whole(const int *cores, size_t n, mae_context **ret_context);
/* soc.c: opens the PEs of the context's SoC. */
MAE_MUST_CHECK mae_error *mae_context_open_soc_pes(mae_context *context, const char *wanted);
/* The backend of that name, loaded when first asked for. */
MAE_MUST_CHECK mae_error *mae_context_backend(mae_context *context, const char *name, const mae_backend **ret_backend);

/* If no PE has brought a clock yet, this one's, if it has one, is the context's. */
void mae_context_take_clock(mae_context *context, mae_pe *pe);
/* The same PE once more: for who compiles while the first one runs. */
MAE_MUST_CHECK mae_error *mae_context_reopen(mae_context *context, size_t index, mae_pe **ret_pe);

/* meters.c: the SoC file's meter, and the rails of its PEs. */
MAE_MUST_CHECK mae_error *mae_context_open_meter(mae_context *context);
MAE_MUST_CHECK mae_error *mae_context_find_rails(mae_context *context, size_t pe);
void mae_context_close_meters(mae_context *context);
/* How to know energies of these PEs; what it points to lives in `arena`. NULL where nothing says how. */
MAE_MUST_CHECK mae_error *mae_context_energy(mae_context *context, const int *pes, size_t n, mae_arena *arena,
                                             const mae_energy_options **ret_options);

/* context.c, for soc.c */
MAE_MUST_CHECK mae_error *mae_context_add_pe(mae_context *context, const mae_pe_info *info, const mae_context_pe *pe);
/* Takes over `why`. */
MAE_MUST_CHECK mae_error *mae_context_add_missing(mae_context *context, const char *what, mae_error *why);
/* The place of `name` in a comma-separated list; -1: not there. */
int mae_context_place_in_list(const char *list, const char *name);

/* The reference PE: one of the context's, or opened now. */
MAE_MUST_CHECK mae_error *mae_context_reference(mae_context *context, mae_pe **ret_pe);

/* Inputs of one network: every graph input's bytes, owned. */
typedef struct mae_inputs {
    size_t n;
    void **data;
    size_t *bytes;
} mae_inputs;

/* A compiled mapping whose graph inputs and outputs can be set and read whatever the mapping. */
typedef struct mae_frame_runner {
    const mae_graph *graph;
    mae_program *program;
    int *mapping;
    void **own_inputs;    /* per graph input: a copy where no layer reads it, else NULL */
    mae_overlap *overlap; /* NULL: frames are run serially */
} mae_frame_runner;

MAE_MUST_CHECK mae_error *mae_runner_create(const mae_context *context, const mae_graph *graph, const int *mapping,
                                            mae_frame_runner **ret_runner);
/* All layers on one PE, which need not be one of the context's. */
MAE_MUST_CHECK mae_error *mae_runner_create_single(mae_pe *pe, const mae_graph *graph, mae_frame_runner **ret_runner);
void mae_runner_destroy(mae_frame_runner *runner); /* takes NULL */
MAE_MUST_CHECK mae_error *mae_runner_set_input(mae_frame_runner *runner, size_t input, const void *data, size_t bytes);
MAE_MUST_CHECK mae_error *mae_runner_fill(mae_frame_runner *runner, uint64_t seed);
MAE_MUST_CHECK mae_error *mae_runner_output(mae_frame_runner *runner, size_t output, const void **ret_data,
                                            mae_shape *ret_shape);
/* Copies every input of `from`. */
MAE_MUST_CHECK mae_error *mae_runner_copy_inputs(mae_frame_runner *runner, mae_frame_runner *from);

/* The widest tolerances of the PEs that this mapping uses. */
void mae_runner_tolerance(const mae_context *context, const mae_frame_runner *runner, double *ret_abs, double *ret_rel);

/* From now on segments of different resources run at the same time. */
MAE_MUST_CHECK mae_error *mae_runner_overlap(const mae_context *context, mae_frame_runner *runner);
/* One frame; `stamps` (a segment each) may be NULL. */
MAE_MUST_CHECK mae_error *mae_runner_run(mae_frame_runner *runner, mae_program_stamp *stamps);
/* From the first segment's begin to the last one's end. */
double mae_runner_frame_ms(const mae_frame_runner *runner, const mae_program_stamp *stamps);

/* Its frames are recorded from now on; `of` as in mae_program_record(). NULL: no longer. */
MAE_MUST_CHECK mae_error *mae_runner_record(const mae_context *context, mae_frame_runner *runner,
                                            mae_recorder *recorder, const char *of);

/* Compares every output; both have run on the same inputs. */
MAE_MUST_CHECK mae_error *mae_runner_compare(mae_frame_runner *runner, mae_frame_runner *reference,
                                             double abs_tolerance, double rel_tolerance, mae_verdict *ret_verdict);

/* runner.c: the machine whose time passes by who works on it; zero: time passes by itself. */
mae_overlap_machine mae_context_machine(const mae_context *context);
/* Compares every output (dense, one each) with the reference's, which has run. */
MAE_MUST_CHECK mae_error *mae_runner_compare_values(mae_frame_runner *reference, const void *const *values,
                                                    const mae_shape *shapes, double abs_tolerance, double rel_tolerance,
                                                    mae_verdict *ret_verdict);

/* session.c: is the plan for this network, of these shapes? Can the mapping's PEs run their layers? */
MAE_MUST_CHECK mae_error *mae_model_check_plan(const mae_model *model, const mae_plan *plan);
MAE_MUST_CHECK mae_error *mae_model_check_mapping(const mae_model *model, const int *mapping);
/* session.c, for flows: where it was opened; the network; and a resource that both use, NULL if there is none. */
mae_context *mae_session_context(const mae_session *session);
const mae_graph *mae_session_graph(const mae_session *session);
const char *mae_session_shared_resource(const mae_session *a, const mae_session *b);

/* The PE index of the context for each layer, from a plan's names. */
MAE_MUST_CHECK mae_error *mae_context_map_plan(const mae_context *context, const mae_graph *graph, const mae_plan *plan,
                                               int *ret_mapping);

#endif
