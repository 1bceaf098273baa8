/* The parts that readers of profiles and plans share: values with their place; and the lists of a profile. */
#ifndef MAE_CORE_PROFILE_READER_H
#define MAE_CORE_PROFILE_READER_H

#include "core/profile_priv.h"
#include "mae/plan.h"

/* Where a value stands: "list[index].cost.pe.key", for messages. */
typedef struct mae_place {
    const char *list; /* NULL: the root */
    long index;       /* -1: list is an object */
    const char *pe;   /* a cost of the layer, or NULL */
    json_t *object;   /* what holds the keys; NULL: an absent optional object */
} mae_place;

typedef struct mae_reader {
    const mae_json *json;
    json_t *root;
    mae_profile *profile;
    mae_arena *arena;
    mae_names pe_names, tensor_names;
    json_t *layer_list;
    size_t n_layers;
    mae_profile_layer *layers;
    mae_profile_tensor *tensors;
    mae_transfer *transfers;
    mae_contention *contention;
} mae_reader;

/* The error "...: list[index].key: reason"; `key` may be NULL. */
MAE_MUST_CHECK mae_error *mae_reader_error(const mae_reader *r, const mae_place *at, const char *key,
                                           const char *format, ...) MAE_PRINTF(4, 5);

/* Values of keys. What is absent and not required leaves the result as it was (NULL for _value). */
MAE_MUST_CHECK mae_error *mae_reader_object(const mae_reader *r, const mae_place *at);
MAE_MUST_CHECK mae_error *mae_reader_value(const mae_reader *r, const mae_place *at, const char *key, json_type type,
                                           bool required, json_t **ret_value);
MAE_MUST_CHECK mae_error *mae_reader_string(const mae_reader *r, const mae_place *at, const char *key, bool required,
                                            const char **ret_text);
/* A number from 0 to `most`. */
MAE_MUST_CHECK mae_error *mae_reader_number(const mae_reader *r, const mae_place *at, const char *key, bool required,
                                            double most, double *ret_number);
/* The dimensions of a `shape`, a list; the element type is left alone. */
MAE_MUST_CHECK mae_error *mae_reader_dims(const mae_reader *r, const mae_place *at, json_t *list, mae_shape *ret_shape);
/* An energy: required only where the profile has energy. Where it has none, 0, and no key may be called "energy_mj". */
MAE_MUST_CHECK mae_error *mae_reader_energy(const mae_reader *r, const mae_place *at, const char *key, bool required,
                                            double *ret_number);
/* Where a cost comes from; words that are not known say nothing. */
MAE_MUST_CHECK mae_error *mae_reader_source(const mae_reader *r, const mae_place *at, const char *key,
                                            mae_cost_source *source);
/* The index of the thing that the string at `key` names; `what` it is, for the message. */
MAE_MUST_CHECK mae_error *mae_reader_index(const mae_reader *r, const mae_place *at, const char *key,
                                           const mae_names *names, const char *what, int *ret_index);
/* A list of the root with at most `most` entries; absent and not required: n = 0. */
MAE_MUST_CHECK mae_error *mae_reader_list(const mae_reader *r, const char *key, bool required, size_t most,
                                          json_t **ret_list, size_t *ret_n);

/* The root is an object of that format, version 1. */
MAE_MUST_CHECK mae_error *mae_reader_format(const mae_reader *r, const char *wanted);
/* Keeps a copy of the whole file, for the keys that are not known, in place of *kept. */
MAE_MUST_CHECK mae_error *mae_reader_keep(const mae_reader *r, json_t **kept);

/* The root's `goal`, as in plans and bench results; without one, the least latency. */
MAE_MUST_CHECK mae_error *mae_reader_goal(const mae_reader *r, mae_goal *goal);
/* A segment of a plan: its PE and its layers by name. */
MAE_MUST_CHECK mae_error *mae_reader_plan_segment(const mae_reader *r, const mae_place *at, mae_plan_segment *segment);

MAE_MUST_CHECK mae_error *mae_reader_graph(mae_reader *r); /* tensors, inputs, outputs, how layers hang together */
MAE_MUST_CHECK mae_error *mae_reader_transfers(mae_reader *r);
MAE_MUST_CHECK mae_error *mae_reader_contention(mae_reader *r);
MAE_MUST_CHECK mae_error *mae_reader_overrides(mae_reader *r);
MAE_MUST_CHECK mae_error *mae_reader_segments(mae_reader *r);

#endif
