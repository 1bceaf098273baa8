/* Building profiles (mae/profile.h) in memory, and reading and writing them as JSON text. */
#ifndef MAE_CORE_PROFILE_H
#define MAE_CORE_PROFILE_H

#include "base/json.h"
#include "mae/graph.h"
#include "mae/profile.h"

/* A profile of this graph on these PEs in which no PE supports anything and nothing can be crossed.
 * Strings of `pes` are copied. Tensors are those that cross layers, inputs and outputs. */
MAE_MUST_CHECK mae_error *mae_profile_create(const mae_graph *graph, const mae_profile_pe *pes, size_t n_pes,
                                             mae_profile **ret_profile);
MAE_MUST_CHECK mae_error *mae_profile_clone(const mae_profile *profile, mae_profile **ret_profile);

/* Only for who builds the profile; readers hold it const. Strings are copied. */
void mae_profile_set_cost(mae_profile *profile, int layer, int pe, const mae_cost *cost);
void mae_profile_set_transfer(mae_profile *profile, int from, int to, const mae_transfer *transfer);
/* Of PE `pe` while `with` runs, which is of another resource; factor 0 takes the row away. */
void mae_profile_set_contention(mae_profile *profile, int pe, int with, const mae_contention *contention);
void mae_profile_set_pe(mae_profile *profile, int pe, double segment_ms, double segment_mj, int max_segments);
void mae_profile_set_host(mae_profile *profile, int pe);
MAE_MUST_CHECK mae_error *mae_profile_set_soc(mae_profile *profile, const char *name, const char *mode,
                                              double static_w, mae_energy_source energy);
/* Adds a row, or replaces the one of the same PE and layers. */
MAE_MUST_CHECK mae_error *mae_profile_put_segment(mae_profile *profile, const mae_segment_cost *row);
/* Sets a key of the file's `provenance` object; takes over the reference to `value`. */
MAE_MUST_CHECK mae_error *mae_profile_set_provenance(mae_profile *profile, const char *key, json_t *value);
MAE_MUST_CHECK mae_error *mae_profile_set_note(mae_profile *profile, const char *note);

MAE_MUST_CHECK mae_error *mae_profile_from_json(const mae_json *json, mae_profile **ret_profile);
MAE_MUST_CHECK mae_error *mae_profile_to_json(const mae_profile *profile, json_t **ret_json);

/* The graph a profile describes: layers and tensors without nodes, every tensor f32 of the right
 * number of bytes unless the profile says better. For the virtual SoC. */
MAE_MUST_CHECK mae_error *mae_profile_graph(const mae_profile *profile, const mae_graph **ret_graph);
void mae_profile_graph_destroy(const mae_graph *graph);

#endif
