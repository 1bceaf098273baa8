#include "support/live_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const names[2] = {"fast", "lean"};

typedef struct handle {
    mae_pe base;
    live_world_pe *pe;
} handle;

typedef struct unit {
    mae_unit base;
    int layers;
    mae_buffer *const *inputs, *const *outputs;
} unit;

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static live_world_pe *pe_of(mae_pe *pe)
{
    return ((handle *)pe)->pe;
}

static bool supports(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason)
{
    (void)pe, (void)graph, (void)layer, (void)ret_reason;
    return true;
}

static mae_error *check(mae_pe *pe)
{
    if (atomic_load(&pe_of(pe)->lost))
        return mae_error_new(MAE_ERR_LOST, "it is gone");
    return NULL;
}

static mae_error *compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    (void)graph, (void)flags;
    MAE_TRY(check(pe));
    unit *u = calloc(1, sizeof *u);
    if (!u)
        return mae_error_nomem();
    *u = (unit){.base = {pe}, .layers = segment->last - segment->first + 1};
    *ret_unit = &u->base;
    return NULL;
}

static mae_error *bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    unit *u = (unit *)base;
    MAE_TRY(check(base->pe));
    u->inputs = inputs;
    u->outputs = outputs;
    return NULL;
}

static mae_error *run(mae_unit *base)
{
    unit *u = (unit *)base;
    live_world_pe *pe = pe_of(base->pe);
    float values[LIVE_WORLD_VALUES];
    atomic_fetch_add(&pe->runs, 1);
    MAE_TRY(check(base->pe));
    if (atomic_exchange(&pe->fail, false))
        return mae_error_new(MAE_ERR_FAILED, "it has failed");
    memcpy(values, u->inputs[0]->host, sizeof values);
    usleep((unsigned)(u->layers * pe->work_us));
    if (atomic_load(&pe->hang)) {
        atomic_fetch_add(&pe->inside, 1);
        while (atomic_load(&pe->hang))
            usleep(200);
        for (int i = 0; i < LIVE_WORLD_VALUES; i++)
            values[i] = -1e9f; /* what comes so late must hurt nobody */
        atomic_fetch_sub(&pe->inside, 1);
    }
    for (int i = 0; i < LIVE_WORLD_VALUES; i++)
        ((float *)u->outputs[0]->host)[i] = values[i] + (float)u->layers;
    return NULL;
}

static void discard(mae_unit *base)
{
    free(base);
}

static void close_pe(mae_pe *pe)
{
    if (!pe)
        return;
    atomic_fetch_sub(&pe_of(pe)->users, 1);
    free(pe);
}

static const mae_pe_ops ops = {
    .supports = supports, .compile = compile, .bind = bind, .run = run, .discard = discard, .close = close_pe};

static live_world *world_now; /* a backend has no context of its own */

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe);
static const mae_backend backend = {.abi = MAE_BACKEND_ABI, .name = "hand", .open = open_pe};

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    handle *h = calloc(1, sizeof *h);
    if (!h)
        return mae_error_nomem();
    h->base = (mae_pe){.ops = &ops, .backend = &backend};
    h->pe = world_now->pes[strcmp(config->name, names[0]) == 0 ? 0 : 1];
    atomic_fetch_add(&h->pe->users, 1);
    *ret_pe = &h->base;
    return NULL;
}

static const char profile_text[] =
    "{\"format\":\"mae-profile\",\"version\":1,\"model\":{\"name\":\"adder\"},\"soc\":{\"name\":\"desk\"},"
    "\"energy_source\":\"model\",\"pes\":[{\"name\":\"fast\",\"resource\":\"a\",\"backend\":\"hand\"},"
    "{\"name\":\"lean\",\"resource\":\"b\",\"backend\":\"hand\"}],\"inputs\":[\"x\"],\"outputs\":[\"t5\"],"
    "\"transfers\":[{\"from\":\"fast\",\"to\":\"lean\",\"fixed_ms\":0.01,\"ms_per_mib\":0,\"fixed_mj\":0.1,"
    "\"mj_per_mib\":0},{\"from\":\"lean\",\"to\":\"fast\",\"fixed_ms\":0.01,\"ms_per_mib\":0,\"fixed_mj\":0.1,"
    "\"mj_per_mib\":0}],\"tensors\":[{\"name\":\"x\",\"bytes\":64}%s],\"layers\":[%s]}";

static void make_profile(live_world *world)
{
    char tensors[1024] = "", layers[4096] = "", text[8192];
    for (int l = 0; l < LIVE_WORLD_LAYERS; l++) {
        char input[8] = "x";
        if (l > 0)
            snprintf(input, sizeof input, "t%d", l - 1);
        size_t t = strlen(tensors), n = strlen(layers);
        snprintf(tensors + t, sizeof tensors - t, ",{\"name\":\"t%d\",\"bytes\":64}", l);
        snprintf(layers + n, sizeof layers - n,
                 "%s{\"name\":\"layer%d\",\"op\":\"Add\",\"inputs\":[\"%s\"],\"outputs\":[\"t%d\"],\"cost\":{"
                 "\"fast\":{\"time_ms\":0.1,\"energy_mj\":5},\"lean\":{\"time_ms\":0.3,\"energy_mj\":1}}}",
                 l ? "," : "", l, input, l);
    }
    snprintf(text, sizeof text, profile_text, tensors, layers);
    mae_json *json = NULL;
    succeed(mae_json_parse("profile", text, strlen(text), &json));
    succeed(mae_profile_from_json(json, &world->profile));
    mae_json_destroy(json);
}

void live_world_open(live_world *world)
{
    *world = (live_world){.profile = NULL};
    world_now = world;
    make_profile(world);
    succeed(mae_profile_graph(world->profile, &world->graph));
    world->context = calloc(1, sizeof *world->context);
    assert_non_null(world->context);
    world->context->arena = mae_arena_create();
    world->context->threads = 1;
    for (int p = 0; p < 2; p++) {
        world->pes[p] = calloc(1, sizeof *world->pes[p]);
        assert_non_null(world->pes[p]);
        world->pes[p]->work_us = p ? 300 : 100; /* as the profile says, more or less */
        const mae_pe_config config = {.name = names[p], .resource = names[p], .threads = 1};
        const mae_pe_info info = {names[p], names[p], "hand", "f32", "hand", NULL};
        mae_context_pe device = {.backend = &backend, .watts = -1};
        succeed(open_pe(&config, &device.pe));
        succeed(mae_context_add_pe(world->context, &info, &device));
    }
    world->model = (mae_model){.context = world->context, .graph = (mae_graph *)world->graph};
}

void live_world_close(live_world *world)
{
    mae_context_destroy(world->context);
    for (int p = 0; p < 2; p++) {
        assert_int_equal(atomic_load(&world->pes[p]->users), 0); /* every instance was closed */
        free(world->pes[p]);
    }
    mae_profile_graph_destroy(world->graph);
    mae_profile_destroy(world->profile);
}

void live_world_release(live_world *world, int pe)
{
    atomic_store(&world->pes[pe]->hang, false);
    while (atomic_load(&world->pes[pe]->inside) > 0)
        usleep(1000);
    usleep(20000);
}

void live_world_frame(live_world *world, mae_live *live, float value)
{
    float values[LIVE_WORLD_VALUES];
    const void *data;
    mae_shape shape;
    (void)world;
    for (int i = 0; i < LIVE_WORLD_VALUES; i++)
        values[i] = value + (float)i;
    succeed(mae_live_set_input(live, 0, values, sizeof values));
    succeed(mae_live_run(live, 0, 0));
    succeed(mae_live_output(live, 0, &data, &shape));
    for (int i = 0; i < LIVE_WORLD_VALUES; i++)
        if (((const float *)data)[i] != values[i] + LIVE_WORLD_LAYERS)
            fail_msg("value %d of the output is %g, not %g", i, ((const float *)data)[i],
                     values[i] + LIVE_WORLD_LAYERS);
}
