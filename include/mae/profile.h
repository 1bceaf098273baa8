/* The cost table: what each layer costs on each PE (docs/formats.md, section 1).
 *
 * Plain data, read-only for users. Everything a profile points to is owned by it. Tensors, layers
 * and PEs are named by their index; -1 is "none". Times are milliseconds, energies millijoules.
 * Energies are 0 and meaningless when `energy` is MAE_ENERGY_NONE.
 */
#ifndef MAE_PROFILE_H
#define MAE_PROFILE_H

#include "mae/error.h"
#include "mae/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mae_energy_source { MAE_ENERGY_NONE = 0, MAE_ENERGY_METER, MAE_ENERGY_MODEL } mae_energy_source;

/* Where a cost comes from. */
typedef enum mae_cost_source {
    MAE_COST_UNSTATED = 0,
    MAE_COST_MEASURED,
    MAE_COST_DIFFERENCED,
    MAE_COST_MODELLED,
    MAE_COST_RECORDED
} mae_cost_source;

typedef struct mae_cost {
    bool supported; /* false: this PE cannot run this layer */
    double time_ms;
    double energy_mj; /* above the platform's idle draw */
    int n;            /* samples; 0: unstated */
    double spread_ms; /* half-width of the 95 % interval of the median; 0: unstated */
    mae_cost_source source;
    int energy_n;            /* blocks of runs between meter readings; 0: unstated */
    double energy_spread_mj; /* half-width of the interval of energy_mj; 0: unstated */
    mae_cost_source energy_source;
} mae_cost;

typedef struct mae_profile_pe {
    const char *name;
    const char *resource;
    const char *backend;
    const char *precision; /* "" : unstated */
    int max_segments;      /* 0: no limit */
    double segment_ms, segment_mj;
} mae_profile_pe;

typedef struct mae_profile_tensor {
    const char *name;
    double bytes;
    bool has_shape;
    mae_shape shape;
    int producer; /* layer; -1: graph input */
    bool is_output;
} mae_profile_tensor;

typedef struct mae_profile_layer {
    const char *name;
    const char *op;      /* "" : unstated */
    const char *kind;    /* "" : unstated */
    double flops, bytes; /* 0: unstated */
    size_t n_inputs;
    const int *inputs; /* tensors, each once */
    size_t n_outputs;
    const int *outputs;
} mae_profile_layer;

typedef struct mae_transfer {
    bool crossable; /* there is a row for this pair */
    double fixed_ms, ms_per_mib;
    double fixed_mj, mj_per_mib;
    int n;
    double spread_ms, residual_ms;
    double spread_mj; /* of its energy; 0: unstated */
    mae_cost_source energy_source;
} mae_transfer;

typedef struct mae_transfer_override {
    int tensor, from, to;
    double time_ms, energy_mj;
} mae_transfer_override;

typedef struct mae_segment_cost {
    int pe, first, last; /* layers, both included */
    double time_ms, energy_mj;
    int n;
    double spread_ms;
} mae_segment_cost;

/* How much longer one PE takes while another, of another resource, runs a segment too. */
typedef struct mae_contention {
    double factor; /* on its times, 1 or more; 0: unstated, which counts as 1 */
    int n;         /* samples; 0: unstated */
    double spread; /* half-width of the 95 % interval of the factor; 0: unstated */
} mae_contention;

typedef struct mae_profile {
    const char *model_name, *model_sha256; /* "" : unstated */
    const char *soc_name, *soc_mode;       /* "" : unstated */
    double static_w;
    mae_energy_source energy;
    int host; /* PE, or -1: graph inputs and outputs cause no moves */
    size_t n_pes;
    const mae_profile_pe *pes;
    size_t n_tensors;
    const mae_profile_tensor *tensors;
    size_t n_inputs, n_outputs;
    const int *inputs, *outputs; /* tensors */
    size_t n_layers;
    const mae_profile_layer *layers;
    const mae_cost *costs;         /* n_layers x n_pes, row-major: costs[layer * n_pes + pe] */
    const mae_transfer *transfers; /* n_pes x n_pes: transfers[from * n_pes + to] */
    size_t n_overrides;
    const mae_transfer_override *overrides;
    size_t n_segments;
    const mae_segment_cost *segments;
    const mae_contention *contention; /* n_pes x n_pes: of `pe` while `with` runs, contention[pe * n_pes + with] */
    void *priv; /* arena, and the keys of the file that this version does not know */
} mae_profile;

/* Reads and checks a profile. MAE_ERR_INPUT names file, line, column and reason. */
MAE_API MAE_MUST_CHECK mae_error *mae_profile_read(const char *path, mae_profile **ret_profile);

/* Writes to a temporary file beside `path`, then renames: whole or not at all. Keys read from a
 * file that this version does not know are kept. */
MAE_API MAE_MUST_CHECK mae_error *mae_profile_write(const mae_profile *profile, const char *path);

/* Unites two profiles of one network on one machine: PEs, costs, transfers, overrides and segment rows of both; where
 * both have a figure, that of `other`, the newer. MAE_ERR_INPUT, naming the difference, if they do not fit together
 * (docs/formats.md, section 1). */
MAE_API MAE_MUST_CHECK mae_error *mae_profile_merge(const mae_profile *base, const mae_profile *other,
                                                    mae_profile **ret_profile);

/* Takes NULL. */
MAE_API void mae_profile_destroy(mae_profile *profile);

/* The index of a PE or a layer by its name; -1 if there is none. */
MAE_API int mae_profile_find_pe(const mae_profile *profile, const char *name);
MAE_API int mae_profile_find_layer(const mae_profile *profile, const char *name);

#ifdef __cplusplus
}
#endif
#endif
