/* A SoC file (docs/formats.md, "SoC file"): which PEs a machine has, how to open them, and what their energy is
 * measured with. Plain data; owned by the soc. */
#ifndef MAE_CORE_SOC_H
#define MAE_CORE_SOC_H

#include "base/json.h"
#include "mae/backend.h"
#include "mae/profile.h"

/* A file of the kernel that a level writes. */
typedef struct mae_soc_file {
    const char *path, *text;
} mae_soc_file;

/* An operating point of a PE. */
typedef struct mae_soc_level {
    const char *name;
    size_t n_files;
    const mae_soc_file *files;     /* none: the backend's set_level knows the name */
    double watts;                  /* negative: unstated */
    double segment_ms, segment_mj; /* what changing to it costs */
} mae_soc_level;

typedef struct mae_soc_pe {
    const char *name, *backend;
    const char *resource;  /* its name, where unstated */
    const char *precision; /* "": unstated */
    int threads;           /* 0: as on the command line */
    const char *cores;     /* NULL: as on the command line */
    size_t n_options;
    const mae_option *options;
    size_t n_rails; /* 0: the soc's */
    const char *const *rails;
    double watts;                        /* above idle while it computes; negative: unstated */
    double abs_tolerance, rel_tolerance; /* of its outputs; negative: unstated, the backend knows */
    int max_segments;
    double segment_ms, segment_mj;
    size_t n_levels;
    const mae_soc_level *levels;
} mae_soc_pe;

typedef struct mae_soc {
    const char *file; /* its path, for messages */
    const char *name, *mode;
    const char *meter;      /* "hwmon", "powercap", "battery", or "" : none */
    const char *meter_root; /* "/" */
    double meter_period_ms; /* 0: as the sensor says */
    double static_w;        /* negative: unstated */
    size_t n_static_rails;
    const char *const *static_rails;
    size_t n_rails; /* of PEs that name none */
    const char *const *rails;
    size_t n_pes;
    const mae_soc_pe *pes;
    void *priv;
} mae_soc;

/* MAE_ERR_INPUT names file, line, column and reason. Options and the meter's root that begin with "./" are taken from
 * the file's folder. */
MAE_MUST_CHECK mae_error *mae_soc_read(const char *path, mae_soc **ret_soc);
MAE_MUST_CHECK mae_error *mae_soc_from_json(const char *path, const mae_json *json, mae_soc **ret_soc);
void mae_soc_destroy(mae_soc *soc); /* takes NULL */

/* The soc as JSON; no more than what its fields say. */
MAE_MUST_CHECK mae_error *mae_soc_to_json(const mae_soc *soc, json_t **ret_json);

#endif
