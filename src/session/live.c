/* A live session: opening, what other threads say, and what it tells. Frames are in live_frame.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/goal.h"
#include "session/live_frame.h"

#define RETRY_MS 10
#define RETRY_MOST_MS 100
#define SENSE_MS 100

/* ---- opening ---- */

static mae_error *check_layers(const mae_graph *graph, const mae_profile *profile)
{
    if (profile->n_pes > MAE_POLICY_MAX_PES)
        return mae_error_new(MAE_ERR_USAGE, "a live session serves at most %d PEs", MAE_POLICY_MAX_PES);
    for (size_t l = 0; l < profile->n_layers && l < graph->n_layers; l++)
        if (strcmp(profile->layers[l].name, graph->layers[l].name) != 0)
            return mae_error_new(MAE_ERR_INPUT,
                                 "the profile is of another network: its layer %zu is \"%s\", the model's is \"%s\"", l,
                                 profile->layers[l].name, graph->layers[l].name);
    if (profile->n_layers != graph->n_layers)
        return mae_error_new(MAE_ERR_INPUT, "the profile is of another network: it has %zu layers, the model %zu",
                             profile->n_layers, graph->n_layers);
    return NULL;
}

static mae_error *find_pes(mae_live *live)
{
    size_t found = 0;
    for (size_t p = 0; p < live->profile->n_pes; p++) {
        live->pe_of[p] = -1;
        for (size_t c = 0; c < live->context->n_pes; c++)
            if (strcmp(live->context->infos[c].name, live->profile->pes[p].name) == 0)
                live->pe_of[p] = (int)c;
        live->pes[p].there = live->pe_of[p] >= 0;
        found += live->pes[p].there;
        MAE_TRY(live_worker_init(&live->pes[p].worker, live->clock));
    }
    if (found == 0)
        return mae_error_new(MAE_ERR_INPUT, "none of the profile's PEs is here: it begins with %s (see mae pes)",
                             live->profile->pes[0].name);
    return NULL;
}

static void find_clock(mae_live *live)
{
    const mae_context *context = live->context;
    live->clock = (live_clock){.context = context};
    const mae_backend *backend = context->clock_pe ? context->clock_pe->backend : NULL;
    const mae_virtual_service *machine = backend ? backend->service(MAE_VIRTUAL_SERVICE) : NULL;
    if (machine && machine->is_virtual(context->clock_pe))
        live->clock.machine = machine;
    live->background = !live->clock.machine; /* on a virtual clock compiling and planning take no time */
}

static void take_options(mae_live *live, const mae_live_options *options)
{
    const mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    mae_live_options *o = &live->options;
    if (options)
        *o = *options;
    live->params = o->params ? *o->params : params;
    o->retry_ms = o->retry_ms > 0 ? o->retry_ms : RETRY_MS;
    o->retry_most_ms = fmax(o->retry_ms, o->retry_most_ms > 0 ? o->retry_most_ms : RETRY_MOST_MS);
    o->sense_ms = o->sense_ms > 0 ? o->sense_ms : SENSE_MS;
}

static live_plan_spec spec_of(const mae_live *live)
{
    live_plan_spec spec = {.profile = live->profile,
                           .rules = live->options.rules,
                           .params = live->params,
                           .period_ms = live->options.expected_period_ms,
                           .deadline_ms = live->options.expected_deadline_ms,
                           .keep_bytes = live->background ? live->options.keep_bytes : -1};
    for (size_t p = 0; p < live->profile->n_pes; p++)
        if (live->pes[p].there)
            spec.pes |= (uint64_t)1 << p;
    return spec;
}

static mae_error *open_live(mae_live *live, const mae_live_options *options)
{
    const mae_state state = MAE_STATE_INIT;
    live->state = state;
    live->wanted_point = -1;
    pthread_mutex_init(&live->inbox.lock, NULL);
    live->inbox.battery = live->inbox.celsius = live->inbox.power_w = NAN;
    live->inbox.has_energy = live->profile->energy != MAE_ENERGY_NONE;
    live->inbox.status.battery = live->inbox.status.celsius = live->inbox.status.power_w = NAN;
    for (size_t p = 0; p < MAE_POLICY_MAX_PES; p++)
        live->factor[p] = 1;
    for (size_t i = 0; i < MAE_MAX_RULES; i++)
        live->outputs[i] = NAN;
    live->state.outputs = live->outputs;
    take_options(live, options);
    find_clock(live);
    MAE_TRY(check_layers(live->graph, live->profile));
    MAE_TRY(live_output_check(live->graph, live->options.rules));
    MAE_TRY(find_pes(live));
    MAE_TRY(live_pool_init(&live->pool, live->graph));
    for (size_t p = 0; p < live->profile->n_pes; p++)
        live->pool.understood[p] = live->pes[p].there ? mae_pe_layouts(live->context->pes[live->pe_of[p]].pe) : 0;
    MAE_TRY(live_sensors_open(live->context, live->options.root, &live->sensors));
    live->spec = spec_of(live);
    MAE_TRY(live_plan_create(&live->spec, live->graph, &live->plan));
    if (live->background)
        MAE_TRY(live_builder_init(&live->builder, live->context, live->graph, live->pe_of, &live->spec));
    return live_frame_ready(live);
}

mae_error *mae_live_open(mae_context *context, mae_model *model, const mae_profile *profile,
                         const mae_live_options *options, mae_live **ret_live)
{
    mae_live *live = calloc(1, sizeof *live);
    if (!live)
        return mae_error_nomem();
    live->context = context;
    live->graph = model->graph;
    live->profile = profile;
    mae_error *error = open_live(live, options);
    if (error) {
        mae_live_close(live);
        return error;
    }
    if (live->clock.machine) /* this thread is at work from now on, whoever else is */
        live->clock.machine->hold(context->clock_pe, 1);
    live->holds = live->clock.machine != NULL;
    *ret_live = live;
    return NULL;
}

/* Ends the threads. True: some call is still in its engine, and all that it may touch must stay. */
static bool end_workers(mae_live *live)
{
    bool stuck = false;
    for (size_t p = 0; p < live->profile->n_pes; p++) {
        if (live->pes[p].worker.clock.context == NULL || live_worker_finish(&live->pes[p].worker))
            continue;
        stuck = true;
        live->context->pes[live->pe_of[p]].abandoned = true;
        live->context->abandoned++;
    }
    return stuck;
}

/* What no hung call can touch. */
static void drop_others(mae_live *live)
{
    for (live_unit *unit = live->pool.units, *next; unit; unit = next) {
        next = unit->next;
        if (!live->pes[unit->order.pe].worker.hung)
            live_pool_drop(&live->pool, unit);
    }
}

void mae_live_close(mae_live *live)
{
    if (!live)
        return;
    if (live->holds)
        live->clock.machine->hold(live->context->clock_pe, -1);
    live_builder_finish(&live->builder);
    bool stuck = end_workers(live);
    if (stuck)
        drop_others(live);
    live_plan_destroy(live->plan);
    live_sensors_close(&live->sensors);
    mae_error_free(live->reason);
    if (stuck)
        return;
    if (live->pool.graph)
        live_pool_finish(&live->pool);
    pthread_mutex_destroy(&live->inbox.lock);
    free(live);
}

/* ---- what other threads say ---- */

mae_error *mae_live_set_goal(mae_live *live, const mae_goal *goal)
{
    live_inbox *inbox = &live->inbox;
    if (goal) {
        mae_goal asked = *goal;
        if (asked.max_power_w > 0 && asked.period_ms <= 0)
            asked.period_ms = 1; /* the frames' own will do */
        MAE_TRY(mae_goal_check(&asked));
        MAE_TRY(mae_goal_check_energy(goal, live->profile));
    }
    pthread_mutex_lock(&inbox->lock);
    inbox->goal_set = goal != NULL;
    inbox->goal_changed = true;
    if (goal)
        inbox->goal = *goal;
    pthread_mutex_unlock(&inbox->lock);
    return NULL;
}

static bool is_word(const char *text)
{
    size_t n = strlen(text);
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.";
    return n > 0 && n < LIVE_MOST_WORD && strspn(text, letters) == n;
}

mae_error *mae_live_set_event(mae_live *live, const char *event, bool on)
{
    live_inbox *inbox = &live->inbox;
    mae_error *error = NULL;
    if (!is_word(event))
        return mae_error_new(MAE_ERR_USAGE, "an event is a word of letters, digits and _-/. of at most %d",
                             LIVE_MOST_WORD - 1);
    pthread_mutex_lock(&inbox->lock);
    size_t i = 0;
    while (i < inbox->n_events && strcmp(inbox->events[i], event) != 0)
        i++;
    if (on && i == LIVE_MOST_EVENTS)
        error = mae_error_new(MAE_ERR_USAGE, "more than %d events are on", LIVE_MOST_EVENTS);
    else if (on && i == inbox->n_events)
        strcpy(inbox->events[inbox->n_events++], event);
    else if (!on && i < inbox->n_events)
        memmove(inbox->events[i], inbox->events[--inbox->n_events], LIVE_MOST_WORD);
    pthread_mutex_unlock(&inbox->lock);
    return error;
}

void mae_live_set_readings(mae_live *live, double battery, double celsius, double power_w)
{
    pthread_mutex_lock(&live->inbox.lock);
    live->inbox.battery = battery;
    live->inbox.celsius = celsius;
    live->inbox.power_w = power_w;
    pthread_mutex_unlock(&live->inbox.lock);
}

void mae_live_get_status(mae_live *live, mae_live_status *ret_status)
{
    pthread_mutex_lock(&live->inbox.lock);
    *ret_status = live->inbox.status;
    pthread_mutex_unlock(&live->inbox.lock);
}

/* ---- inputs and outputs ---- */

mae_error *mae_live_set_input(mae_live *live, size_t input, const void *data, size_t bytes)
{
    if (input >= live->graph->n_inputs)
        return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu", input, live->graph->n_inputs);
    int index = live->graph->inputs[input];
    const mae_tensor *tensor = &live->graph->tensors[index];
    if (bytes != tensor->bytes)
        return mae_error_new(MAE_ERR_USAGE, "input \"%s\": %zu bytes, not %zu", tensor->name, bytes, tensor->bytes);
    memcpy(live_pool_buffer(&live->pool, index)->host, data, bytes);
    return NULL;
}

mae_error *mae_live_output(mae_live *live, size_t output, const void **ret_data, mae_shape *ret_shape)
{
    if (output >= live->graph->n_outputs)
        return mae_error_new(MAE_ERR_USAGE, "output %zu of %zu", output, live->graph->n_outputs);
    int index = live->graph->outputs[output];
    const mae_tensor *tensor = &live->graph->tensors[index];
    const mae_buffer *buffer = live_pool_buffer(&live->pool, index);
    if (!tensor->is_constant && !buffer)
        return mae_error_new(MAE_ERR_USAGE, "no frame has run yet");
    *ret_data = tensor->is_constant ? tensor->data : buffer->host;
    *ret_shape = tensor->is_constant ? tensor->shape : buffer->shape;
    return NULL;
}

/* ---- what it tells ---- */

const mae_live_frame *mae_live_last(const mae_live *live)
{
    return &live->last;
}

mae_error *mae_live_segments(const mae_live *live, mae_live_segment **ret_segments, size_t *ret_n)
{
    size_t n = 0;
    for (const live_unit *unit = live->pool.units; unit; unit = unit->next)
        n++;
    mae_live_segment *segments = calloc(n + 1, sizeof *segments);
    if (!segments)
        return mae_error_nomem();
    n = 0;
    for (const live_unit *unit = live->pool.units; unit; unit = unit->next)
        segments[n++] = (mae_live_segment){live->profile->pes[unit->order.pe].name, unit->order.first, unit->order.last,
                                           unit->compile_ms, unit->bytes};
    *ret_segments = segments;
    *ret_n = n;
    return NULL;
}
