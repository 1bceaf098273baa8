/* What energy is measured with: meters found here, the SoC file's choice of one, and a SoC file to begin with. */
#include <stdlib.h>
#include <string.h>

#include "meters/battery/battery.h"
#include "meters/hwmon/hwmon.h"
#include "meters/powercap/powercap.h"
#include "power/file_meter.h"
#include "session/internal.h"

static const mae_meter_driver *const drivers[MAE_N_METERS] = {&mae_meter_hwmon, &mae_meter_powercap,
                                                              &mae_meter_battery};

void mae_context_close_meters(mae_context *context)
{
    if (context->meter)
        context->meter->driver->close(context->meter);
    for (size_t i = 0; i < MAE_N_METERS; i++)
        if (context->meters[i])
            drivers[i]->close(context->meters[i]);
}

/* ---- what is here ---- */

static mae_error *describe(mae_context *context, size_t i, mae_error *error, mae_meter_info *info)
{
    *info = (mae_meter_info){.name = drivers[i]->name};
    if (error) {
        info->reason = mae_arena_strdup(context->arena, mae_error_message(error));
        bool nomem = !info->reason || mae_error_code(error) == MAE_ERR_NOMEM;
        mae_error_free(error);
        return nomem ? mae_error_nomem() : NULL;
    }
    const mae_rail *rails;
    size_t n = drivers[i]->rails(context->meters[i], &rails);
    const char **names = mae_arena_array(context->arena, n, sizeof *names);
    if (!names)
        return mae_error_nomem();
    for (size_t r = 0; r < n; r++)
        names[r] = rails[r].name;
    info->n_rails = n;
    info->rails = names;
    return NULL;
}

mae_error *mae_context_meters(mae_context *context, const mae_meter_info **ret_meters, size_t *ret_n)
{
    if (!context->meter_infos) {
        mae_meter_info *infos = mae_arena_array(context->arena, MAE_N_METERS, sizeof *infos);
        if (!infos)
            return mae_error_nomem();
        const char *root = context->soc ? context->soc->meter_root : "/";
        for (size_t i = 0; i < MAE_N_METERS; i++)
            MAE_TRY(describe(context, i, drivers[i]->open(root, &context->meters[i]), &infos[i]));
        context->meter_infos = infos;
    }
    *ret_meters = context->meter_infos;
    *ret_n = MAE_N_METERS;
    return NULL;
}

/* ---- the SoC file's ---- */

mae_error *mae_context_open_meter(mae_context *context)
{
    const mae_soc *soc = context->soc;
    for (size_t i = 0; i < MAE_N_METERS; i++) {
        if (strcmp(drivers[i]->name, soc->meter) != 0)
            continue;
        mae_error *error = drivers[i]->open(soc->meter_root, &context->meter);
        if (mae_error_code(error) == MAE_ERR_NOMEM)
            return error;
        if (error) /* PEs run without it; who asks for energy is told */
            context->meter_refusal = mae_arena_strdup(context->arena, mae_error_message(error));
        mae_error_free(error);
        if (context->meter && soc->meter_period_ms > 0)
            mae_file_meter_set_period(context->meter, soc->meter_period_ms * 1e-3);
    }
    return NULL;
}

/* "NAME", or "DEVICE/NAME" where several devices have one of that name. */
static mae_error *find_rail(const mae_context *context, const char *name, size_t *ret_rail)
{
    const mae_rail *rails;
    size_t n = context->meter->driver->rails(context->meter, &rails), found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(rails[i].device);
        bool device = strncmp(name, rails[i].device, length) == 0 && name[length] == '/';
        if (strcmp(rails[i].name, name) == 0 || (device && strcmp(rails[i].name, name + length + 1) == 0)) {
            *ret_rail = i;
            found++;
        }
    }
    if (found == 1)
        return NULL;
    return mae_error_new(MAE_ERR_INPUT, "%s: rail \"%s\": the %s meter has %s", context->soc->file, name,
                         context->meter->driver->name,
                         found ? "several of this name: write DEVICE/NAME" : "none of this name (see mae pes)");
}

static mae_error *find_rails(const mae_context *context, const char *const *names, size_t n, size_t **ret_rails)
{
    size_t *rails = mae_arena_array(context->arena, n, sizeof *rails);
    if (!rails)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++)
        MAE_TRY(find_rail(context, names[i], &rails[i]));
    *ret_rails = rails;
    return NULL;
}

static const char *join(mae_arena *arena, const char *before, const char *const *names, size_t n)
{
    const char *text = before;
    for (size_t i = 0; i < n && text; i++)
        text = mae_arena_printf(arena, "%s%s%s", text, i ? ", " : ": ", names[i]);
    return text;
}

mae_error *mae_context_find_rails(mae_context *context, size_t index)
{
    mae_context_pe *pe = &context->pes[index];
    const mae_soc *soc = context->soc;
    bool own = pe->soc_pe->n_rails > 0;
    const char *const *names = own ? pe->soc_pe->rails : soc->rails;
    size_t n = own ? pe->soc_pe->n_rails : soc->n_rails;
    mae_pe_info *info = &context->infos[index];
    if (context->meter && n > 0) {
        MAE_TRY(find_rails(context, names, n, &pe->rails));
        pe->n_rails = n;
        info->meter = join(context->arena, soc->meter, names, n);
        return info->meter ? NULL : mae_error_nomem();
    }
    if (pe->watts < 0)
        return NULL;
    info->meter = mae_arena_printf(context->arena, "model: %g W", pe->watts);
    return info->meter ? NULL : mae_error_nomem();
}

/* ---- for the profile ---- */

static void wait_ns(void *ctx, uint64_t ns)
{
    const mae_context *context = ctx;
    context->clock_service->wait_ns(context->clock_pe, ns);
}

static bool set_alarm(void *ctx, uint64_t first_ns, mae_clock_alarm *alarm, void *alarm_ctx)
{
    const mae_context *context = ctx;
    return context->clock_service->set_alarm(context->clock_pe, first_ns, alarm, alarm_ctx);
}

mae_error *mae_context_energy(mae_context *context, const int *pes, size_t n, mae_arena *arena,
                              const mae_energy_options **ret_options)
{
    const mae_soc *soc = context->soc;
    *ret_options = NULL;
    if (!soc)
        return NULL;
    mae_energy_options *options = mae_arena_alloc(arena, sizeof *options);
    mae_energy_pe *own = mae_arena_array(arena, n, sizeof *own);
    size_t *static_rails = NULL;
    if (!options || !own)
        return mae_error_nomem();
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const mae_context_pe *pe = &context->pes[pes[i]];
        own[i] = (mae_energy_pe){pe->n_rails, pe->rails, pe->watts};
        any = any || pe->n_rails;
    }
    if (context->meter)
        MAE_TRY(find_rails(context, soc->static_rails, soc->n_static_rails, &static_rails));
    *options = (mae_energy_options){.meter = any || static_rails ? context->meter : NULL,
                                    .pes = own,
                                    .static_w = soc->static_w,
                                    .n_static_rails = context->meter ? soc->n_static_rails : 0,
                                    .static_rails = static_rails,
                                    .soc_name = soc->name,
                                    .soc_mode = soc->mode,
                                    .root = soc->meter_root};
    if (context->clock_pe)
        options->clock = (mae_gauge_clock){context->clock.now_ns, wait_ns, set_alarm, context};
    for (size_t i = 0; i < n && !options->refusal; i++)
        if (!own[i].n_rails && own[i].watts < 0 && context->meter_refusal)
            options->refusal = context->meter_refusal;
    *ret_options = options;
    return NULL;
}

/* ---- a file to begin with ---- */

/* The first that is here; a counter of the whole processor is worth more than a battery's gauge. */
static const mae_meter_info *best_meter(const mae_meter_info *meters, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!meters[i].reason)
            return &meters[i];
    return NULL;
}

static mae_error *fill_soc(mae_context *context, mae_soc *soc)
{
    const mae_meter_info *meters;
    size_t n;
    MAE_TRY(mae_context_meters(context, &meters, &n));
    const mae_meter_info *meter = best_meter(meters, n);
    mae_soc_pe *pes = mae_arena_array(context->arena, context->n_pes, sizeof *pes);
    if (!pes)
        return mae_error_nomem();
    for (size_t i = 0; i < context->n_pes; i++) {
        const mae_pe_info *info = &context->infos[i];
        pes[i] = (mae_soc_pe){.name = info->name,
                              .backend = info->backend,
                              .resource = info->resource,
                              .precision = info->precision,
                              .watts = -1,
                              .abs_tolerance = -1,
                              .rel_tolerance = -1};
    }
    *soc = (mae_soc){.name = "my-board",
                     .mode = "",
                     .meter = meter ? meter->name : "",
                     .meter_root = "/",
                     .static_w = -1,
                     .n_rails = meter ? meter->n_rails : 0,
                     .rails = meter ? meter->rails : NULL,
                     .n_pes = context->n_pes,
                     .pes = pes};
    return NULL;
}

mae_error *mae_context_write_soc(mae_context *context, const char *path)
{
    mae_soc soc;
    json_t *json;
    if (context->n_pes == 0)
        return mae_error_new(MAE_ERR_FAILED, "no PE here (see mae pes)");
    if (!context->soc)
        MAE_TRY(fill_soc(context, &soc));
    MAE_TRY(mae_soc_to_json(context->soc ? context->soc : &soc, &json));
    if (!context->soc) {
        const char *note = "A starting point: all rails of the meter are read for every PE, which is right where one "
                           "rail feeds all. Give each PE its own \"rails\", and name the board and its power mode.";
        json_object_set_new(json, "note", json_string(note));
    }
    mae_error *error = mae_json_write(json, path);
    json_decref(json);
    return error;
}
