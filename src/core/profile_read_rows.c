/* Transfers, their overrides and segment rows: named things that exist, each row once. */
#include <stdlib.h>
#include <string.h>

#include "core/profile_reader.h"

static mae_error *read_transfer(mae_reader *r, const mae_place *at, mae_transfer *row)
{
    double n = 0;
    if (!json_object_get(at->object, "fixed_ms") && !json_object_get(at->object, "ms_per_mib"))
        return mae_reader_error(r, at, "fixed_ms", "is missing");
    MAE_TRY(mae_reader_number(r, at, "fixed_ms", false, MAE_PROFILE_MAX_COST, &row->fixed_ms));
    MAE_TRY(mae_reader_number(r, at, "ms_per_mib", false, MAE_PROFILE_MAX_COST, &row->ms_per_mib));
    MAE_TRY(mae_reader_energy(r, at, "fixed_mj", false, &row->fixed_mj));
    MAE_TRY(mae_reader_energy(r, at, "mj_per_mib", false, &row->mj_per_mib));
    MAE_TRY(mae_reader_number(r, at, "n", false, 1e9, &n));
    MAE_TRY(mae_reader_number(r, at, "spread_ms", false, MAE_PROFILE_MAX_COST, &row->spread_ms));
    MAE_TRY(mae_reader_number(r, at, "residual_ms", false, MAE_PROFILE_MAX_COST, &row->residual_ms));
    MAE_TRY(mae_reader_number(r, at, "spread_mj", false, MAE_PROFILE_MAX_COST, &row->spread_mj));
    MAE_TRY(mae_reader_source(r, at, "energy_source", &row->energy_source));
    row->n = (int)n;
    row->crossable = true;
    return NULL;
}

mae_error *mae_reader_transfers(mae_reader *r)
{
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "transfers", false, MAE_PROFILE_MAX_PES * MAE_PROFILE_MAX_PES, &list, &n));
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "transfers", .index = (long)i, .object = json_array_get(list, i)};
        int from, to;
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_index(r, &at, "from", &r->pe_names, "PE", &from));
        MAE_TRY(mae_reader_index(r, &at, "to", &r->pe_names, "PE", &to));
        mae_transfer *row = &r->transfers[(size_t)from * r->profile->n_pes + (size_t)to];
        if (row->crossable)
            return mae_reader_error(r, &at, NULL, "there is another row from %s to %s", r->profile->pes[from].name,
                                    r->profile->pes[to].name);
        MAE_TRY(read_transfer(r, &at, row));
    }
    return NULL;
}

static mae_error *read_contention(mae_reader *r, const mae_place *at, mae_contention *row)
{
    double n = 0;
    MAE_TRY(mae_reader_number(r, at, "factor", true, MAE_PROFILE_MAX_FACTOR, &row->factor));
    if (row->factor < 1)
        return mae_reader_error(r, at, "factor", "is %g: running beside another makes nothing faster", row->factor);
    MAE_TRY(mae_reader_number(r, at, "n", false, 1e9, &n));
    MAE_TRY(mae_reader_number(r, at, "spread", false, MAE_PROFILE_MAX_FACTOR, &row->spread));
    row->n = (int)n;
    return NULL;
}

mae_error *mae_reader_contention(mae_reader *r)
{
    const mae_profile *p = r->profile;
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "contention", false, MAE_PROFILE_MAX_PES * MAE_PROFILE_MAX_PES, &list, &n));
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "contention", .index = (long)i, .object = json_array_get(list, i)};
        int pe, with;
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_index(r, &at, "pe", &r->pe_names, "PE", &pe));
        MAE_TRY(mae_reader_index(r, &at, "with", &r->pe_names, "PE", &with));
        if (strcmp(p->pes[pe].resource, p->pes[with].resource) == 0)
            return mae_reader_error(r, &at, "with", "%s and %s share a resource and never run at once", p->pes[pe].name,
                                    p->pes[with].name);
        mae_contention *row = &r->contention[(size_t)pe * p->n_pes + (size_t)with];
        if (row->factor > 0)
            return mae_reader_error(r, &at, NULL, "there is another row of %s with %s", p->pes[pe].name,
                                    p->pes[with].name);
        MAE_TRY(read_contention(r, &at, row));
    }
    return NULL;
}

/* A row by what it is about, and where it stood: sorting brings duplicates together. */
typedef struct row_key {
    int a, b, c;
    size_t index;
} row_key;

static int compare_keys(const void *left, const void *right)
{
    const row_key *x = left, *y = right;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    if (x->c != y->c)
        return x->c < y->c ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static mae_error *refuse_duplicates(const mae_reader *r, const char *list, row_key *keys, size_t n)
{
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++) {
        mae_place at = {.list = list, .index = (long)keys[i].index};
        if (keys[i].a == keys[i - 1].a && keys[i].b == keys[i - 1].b && keys[i].c == keys[i - 1].c)
            return mae_reader_error(r, &at, NULL, "the same as row %zu", keys[i - 1].index);
    }
    return NULL;
}

mae_error *mae_reader_overrides(mae_reader *r)
{
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "transfer_overrides", false, MAE_PROFILE_MAX_ROWS, &list, &n));
    mae_transfer_override *rows = mae_arena_array(r->arena, n, sizeof *rows);
    row_key *keys = mae_arena_array(r->arena, n, sizeof *keys);
    if (!rows || !keys)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "transfer_overrides", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_index(r, &at, "tensor", &r->tensor_names, "tensor", &rows[i].tensor));
        MAE_TRY(mae_reader_index(r, &at, "from", &r->pe_names, "PE", &rows[i].from));
        MAE_TRY(mae_reader_index(r, &at, "to", &r->pe_names, "PE", &rows[i].to));
        MAE_TRY(mae_reader_number(r, &at, "time_ms", true, MAE_PROFILE_MAX_COST, &rows[i].time_ms));
        MAE_TRY(mae_reader_energy(r, &at, "energy_mj", false, &rows[i].energy_mj));
        keys[i] = (row_key){rows[i].tensor, rows[i].from, rows[i].to, i};
    }
    r->profile->overrides = rows;
    r->profile->n_overrides = n;
    return refuse_duplicates(r, "transfer_overrides", keys, n);
}

/* reach[l * n_pes + p]: the last of the layers from l on that p can run without a hole; l - 1 for none. */
static int *make_reach(const mae_reader *r)
{
    const mae_profile *p = r->profile;
    int *reach = mae_arena_array(r->arena, p->n_layers * p->n_pes, sizeof *reach);
    for (size_t l = p->n_layers; reach && l-- > 0;)
        for (size_t pe = 0; pe < p->n_pes; pe++) {
            size_t cell = l * p->n_pes + pe;
            bool more = l + 1 < p->n_layers;
            reach[cell] = !p->costs[cell].supported ? (int)l - 1 : more ? reach[cell + p->n_pes] : (int)l;
        }
    return reach;
}

static mae_error *check_supported(const mae_reader *r, const mae_place *at, const mae_segment_cost *row,
                                  const int *reach)
{
    const mae_profile *p = r->profile;
    if (row->last < row->first)
        return mae_reader_error(r, at, "last", "stands before \"first\"");
    int last = reach[(size_t)row->first * p->n_pes + (size_t)row->pe];
    if (last < row->last)
        return mae_reader_error(r, at, NULL, "%s cannot run layer \"%s\"", p->pes[row->pe].name,
                                p->layers[last + 1].name);
    return NULL;
}

mae_error *mae_reader_segments(mae_reader *r)
{
    const mae_names *layers = &mae_profile_private(r->profile)->layer_names;
    json_t *list;
    size_t count;
    MAE_TRY(mae_reader_list(r, "segments", false, MAE_PROFILE_MAX_ROWS, &list, &count));
    mae_segment_cost *rows = mae_arena_array(r->arena, count, sizeof *rows);
    row_key *keys = mae_arena_array(r->arena, count, sizeof *keys);
    const int *reach = count ? make_reach(r) : NULL;
    if (!rows || !keys || (count && !reach))
        return mae_error_nomem();
    for (size_t i = 0; i < count; i++) {
        mae_place at = {.list = "segments", .index = (long)i, .object = json_array_get(list, i)};
        double n = 0;
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_index(r, &at, "pe", &r->pe_names, "PE", &rows[i].pe));
        MAE_TRY(mae_reader_index(r, &at, "first", layers, "layer", &rows[i].first));
        MAE_TRY(mae_reader_index(r, &at, "last", layers, "layer", &rows[i].last));
        MAE_TRY(check_supported(r, &at, &rows[i], reach));
        MAE_TRY(mae_reader_number(r, &at, "time_ms", true, MAE_PROFILE_MAX_COST, &rows[i].time_ms));
        MAE_TRY(mae_reader_energy(r, &at, "energy_mj", true, &rows[i].energy_mj));
        MAE_TRY(mae_reader_number(r, &at, "n", false, 1e9, &n));
        MAE_TRY(mae_reader_number(r, &at, "spread_ms", false, MAE_PROFILE_MAX_COST, &rows[i].spread_ms));
        rows[i].n = (int)n;
        keys[i] = (row_key){rows[i].pe, rows[i].first, rows[i].last, i};
    }
    r->profile->segments = rows;
    r->profile->n_segments = count;
    mae_profile_private(r->profile)->segments_room = count;
    return refuse_duplicates(r, "segments", keys, count);
}
