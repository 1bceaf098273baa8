#include "session/virtual.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "core/profile.h"

#define TAG_BYTES 64 /* of every tensor: enough to tell frames apart, and quick */
#define SENSOR_MS "20"
#define MOST_OPTIONS 16

/* ---- files ---- */

static mae_error *make_folder(mae_virtual *soc)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(soc->folder, sizeof soc->folder, "%.40s/mae-soc-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(soc->folder)) {
        soc->folder[0] = 0;
        return mae_error_new(MAE_ERR_FAILED, "no temporary folder for the virtual SoC below %s",
                             temporary ? temporary : "/tmp");
    }
    snprintf(soc->profile_path, sizeof soc->profile_path, "%s/profile.json", soc->folder);
    snprintf(soc->script_path, sizeof soc->script_path, "%s/script.json", soc->folder);
    snprintf(soc->root, sizeof soc->root, "%s/root", soc->folder);
    if (mkdir(soc->root, 0700))
        return mae_error_new(MAE_ERR_FAILED, "%s cannot be made", soc->root);
    return NULL;
}

static void put(json_t *events, double at_s, const char *pe, const char *event, const char *key, double value)
{
    json_t *entry = json_pack("{s:f, s:s, s:s}", "at_ms", at_s * 1e3, "pe", pe, "event", event);
    if (key)
        json_object_set_new(entry, key, json_real(value));
    json_array_append_new(events, entry);
}

/* What changes from one span to the next. Slow-downs and other loads are one factor. */
static void put_span(json_t *events, const mae_profile *profile, const mae_span *span, const mae_span *before)
{
    for (size_t p = 0; p < profile->n_pes; p++) {
        const char *pe = profile->pes[p].name;
        bool here = span->present >> p & 1, was = before ? before->present >> p & 1 : true;
        if (here != was)
            put(events, span->start_s, pe, here ? "return" : "lose", NULL, 0);
        if (span->factor[p] != (before ? before->factor[p] : 1))
            put(events, span->start_s, pe, "slow", "factor", span->factor[p]);
        if (span->lie[p] != (before ? before->lie[p] : 1))
            put(events, span->start_s, pe, "lie", "factor", span->lie[p]);
    }
}

static mae_error *write_script(const mae_virtual *soc, const mae_timeline *timeline)
{
    const mae_scenario *s = soc->scenario;
    json_t *events = json_array(), *root = json_pack("{s:o}", "events", events);
    if (!root)
        return mae_error_nomem();
    for (size_t i = 0; timeline && i < timeline->n_spans; i++)
        put_span(events, soc->profile, &timeline->spans[i], i ? &timeline->spans[i - 1] : NULL);
    for (size_t i = 0; timeline && i < s->n_faults; i++)
        if (s->faults[i].fault == MAE_FAULT_STALL)
            put(events, s->faults[i].at_s, s->faults[i].pe, "delay", "ms", s->faults[i].stall_ms);
    mae_error *error = mae_json_write(root, soc->script_path);
    json_decref(root);
    return error;
}

static mae_error *write_profile(mae_virtual *soc, const mae_profile *profile)
{
    const mae_scenario_soc *s = &soc->scenario->soc;
    MAE_TRY(mae_profile_clone(profile, &soc->profile));
    MAE_TRY(mae_profile_set_soc(soc->profile, profile->soc_name, profile->soc_mode,
                                s->has_static ? s->static_w : profile->static_w, profile->energy));
    return mae_profile_write(soc->profile, soc->profile_path);
}

/* ---- PEs ---- */

typedef struct option_list {
    size_t n;
    mae_option options[MOST_OPTIONS];
    char numbers[MOST_OPTIONS][32];
} option_list;

static void add_text(option_list *list, const char *key, const char *value)
{
    list->options[list->n++] = (mae_option){key, value};
}

static void add_number(option_list *list, const char *key, double value)
{
    snprintf(list->numbers[list->n], sizeof list->numbers[0], "%.17g", value);
    add_text(list, key, list->numbers[list->n]);
}

static void describe(const mae_virtual *soc, bool alive, bool sensors, option_list *list)
{
    const mae_scenario_soc *s = &soc->scenario->soc;
    add_text(list, "profile", soc->profile_path);
    add_text(list, "clock", "virtual");
    add_text(list, "script", soc->script_path);
    if (!alive)
        return;
    add_number(list, "ambient_c", s->ambient_c);
    if (sensors) {
        add_text(list, "meter_root", soc->root);
        add_text(list, "meter_period_ms", SENSOR_MS);
    }
    if (s->battery_wh > 0) {
        add_number(list, "battery_wh", s->battery_wh);
        add_number(list, "battery_level", s->battery_level);
        add_number(list, "other_w", s->other_w);
    }
    if (s->k_per_w > 0) {
        add_number(list, "thermal_k_per_w", s->k_per_w);
        add_number(list, "thermal_s", s->thermal_s);
    }
    if (s->k_per_w > 0 && isfinite(s->throttle_c)) {
        add_number(list, "throttle_c", s->throttle_c);
        add_number(list, "throttle_factor", s->throttle_factor);
        add_number(list, "throttle_hysteresis_k", fmax(s->throttle_hysteresis_k, 0.01));
    }
}

static mae_error *open_pe(mae_virtual *soc, const mae_backend *backend, size_t p, const option_list *list)
{
    const mae_profile_pe *pe = &soc->profile->pes[p];
    const mae_pe_config config = {
        .name = pe->name, .resource = pe->resource, .threads = 1, .options = list->options, .n_options = list->n};
    const mae_pe_info info = {pe->name, pe->resource, "sim", pe->precision, "virtual", NULL};
    mae_context_pe device = {.backend = backend, .watts = -1};
    MAE_TRY(backend->open(&config, &device.pe));
    mae_error *error = mae_context_add_pe(soc->context, &info, &device);
    if (error) {
        device.pe->ops->close(device.pe);
        return error;
    }
    mae_context_take_clock(soc->context, device.pe);
    return NULL;
}

static mae_error *open_context(mae_virtual *soc, bool alive, bool sensors)
{
    const mae_backend *backend = NULL;
    option_list list = {.n = 0};
    soc->context = calloc(1, sizeof *soc->context);
    if (!soc->context || !(soc->context->arena = mae_arena_create()))
        return mae_error_nomem();
    soc->context->threads = 1;
    MAE_TRY(mae_error_wrap(mae_context_backend(soc->context, "sim", &backend), "the virtual SoC"));
    soc->machine = backend->service(MAE_VIRTUAL_SERVICE);
    if (!soc->machine)
        return mae_error_new(MAE_ERR_FAILED, "the virtual SoC is of another version of mae");
    describe(soc, alive, sensors, &list);
    for (size_t p = 0; p < soc->profile->n_pes; p++)
        MAE_TRY(open_pe(soc, backend, p, &list));
    return NULL;
}

/* ---- the network ---- */

/* Of the profile's layers; its tensors are tags, whatever their true size, which only the SoC's costs depend on. */
static mae_error *make_graph(mae_virtual *soc)
{
    mae_profile tagged = *soc->profile;
    mae_profile_tensor *tensors = calloc(tagged.n_tensors + 1, sizeof *tensors);
    if (!tensors)
        return mae_error_nomem();
    for (size_t t = 0; t < tagged.n_tensors; t++) {
        tensors[t] = tagged.tensors[t];
        tensors[t].bytes = TAG_BYTES;
        tensors[t].has_shape = false;
    }
    tagged.tensors = tensors;
    mae_error *error = mae_profile_graph(&tagged, &soc->graph);
    free(tensors);
    soc->model = (mae_model){.context = soc->context, .graph = (mae_graph *)soc->graph};
    return error;
}

static mae_error *open_all(mae_virtual *soc, const mae_timeline *timeline, const mae_profile *profile, bool sensors)
{
    MAE_TRY(make_folder(soc));
    MAE_TRY(write_profile(soc, profile));
    MAE_TRY(write_script(soc, timeline));
    MAE_TRY(open_context(soc, timeline != NULL, sensors));
    return make_graph(soc);
}

mae_error *mae_virtual_open(const mae_scenario *scenario, const mae_timeline *timeline, const mae_profile *profile,
                            bool sensors, mae_virtual **ret_soc)
{
    mae_virtual *soc = calloc(1, sizeof *soc);
    if (!soc)
        return mae_error_nomem();
    soc->scenario = scenario;
    mae_error *error = open_all(soc, timeline, profile, sensors);
    if (error) {
        mae_virtual_close(soc);
        return error;
    }
    *ret_soc = soc;
    return NULL;
}

void mae_virtual_close(mae_virtual *soc)
{
    if (!soc)
        return;
    mae_context_destroy(soc->context);
    mae_profile_graph_destroy(soc->graph);
    mae_profile_destroy(soc->profile);
    if (soc->folder[0]) {
        unlink(soc->profile_path);
        unlink(soc->script_path);
        rmdir(soc->root);
        rmdir(soc->folder);
    }
    free(soc);
}

/* ---- time ---- */

double mae_virtual_now_s(const mae_virtual *soc)
{
    return (double)mae_context_now_ns(soc->context) * 1e-9;
}

static void wait(const mae_virtual *soc, double time_s)
{
    uint64_t now_ns = mae_context_now_ns(soc->context), until_ns = (uint64_t)llround(time_s * 1e9);
    if (until_ns > now_ns)
        soc->context->clock_service->wait_ns(soc->context->clock_pe, until_ns - now_ns);
}

void mae_virtual_wait_until(mae_virtual *soc, double time_s)
{
    const mae_scenario *s = soc->scenario;
    for (; soc->ambient < s->n_ambients && s->ambients[soc->ambient].at_s <= time_s; soc->ambient++) {
        wait(soc, s->ambients[soc->ambient].at_s);
        soc->machine->set_ambient(soc->context->clock_pe, s->ambients[soc->ambient].ambient_c);
    }
    wait(soc, time_s);
}

double mae_virtual_energy_mj(const mae_virtual *soc)
{
    return soc->machine->energy_mj(soc->context->clock_pe);
}

void mae_virtual_set_pace(const mae_virtual *soc, double factor)
{
    soc->machine->set_pace(soc->context->clock_pe, factor);
}
