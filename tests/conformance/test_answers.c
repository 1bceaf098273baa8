/* Trained networks give the right answers on each PE that runs them and on a mix of all: DroNet sees the obstacle,
 * FastestDet the dog, the bicycle and the car. Networks and inputs are those of ../shared/models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mae/mae.h"
#include "onnx/onnx.h"

#define CELLS (22 * 22) /* FastestDet's grid at 352 x 352 */
#define CLASSES 80

static void done(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

static void path_of(char *path, size_t size, const char *network, const char *file)
{
    snprintf(path, size, "%s/../shared/models/%s/%s", getenv("MAE_SOURCE_DIR"), network, file);
}

typedef struct net {
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    const mae_pe_info *pes;
    size_t n_pes;
} net;

/* False, and the test is skipped, where the networks are not. */
static bool open_net(net *n, const char *network)
{
    char path[512];
    path_of(path, sizeof path, network, "model.onnx");
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        return false;
    }
    mae_context_options options = {.threads = 1};
    done(mae_context_create(&options, &n->context));
    done(mae_model_open(n->context, path, NULL, 0, &n->model));
    n->graph = mae_model_graph(n->model);
    n->n_pes = mae_context_pes(n->context, &n->pes);
    assert_true(n->n_pes >= 2);
    return true;
}

static void close_net(net *n)
{
    mae_model_close(n->model);
    mae_context_destroy(n->context);
}

/* The PE of a layer: the one asked for, or, for the mix (pe == n_pes), another every third layer. */
static int pe_of(const net *n, size_t pe, size_t layer)
{
    if (pe < n->n_pes)
        return (int)pe;
    size_t wanted = layer / 3 % n->n_pes;
    return mae_model_supports(n->model, (int)wanted, (int)layer, NULL) ? (int)wanted : 0;
}

static bool supports_all(const net *n, size_t pe)
{
    for (size_t l = 0; l < n->graph->n_layers; l++)
        if (!mae_model_supports(n->model, pe_of(n, pe, l), (int)l, NULL))
            return false;
    return true;
}

/* A session with each layer on its PE: one plan segment a layer (neighbours on one PE run as one). */
static mae_session *open_mapped(const net *n, size_t pe)
{
    mae_plan_segment *segments = calloc(n->graph->n_layers, sizeof *segments);
    for (size_t l = 0; l < n->graph->n_layers; l++)
        segments[l] = (mae_plan_segment){n->pes[pe_of(n, pe, l)].name, 1, &n->graph->layers[l].name};
    mae_plan plan = {
        .model_name = "", .model_sha256 = n->graph->sha256, .n_segments = n->graph->n_layers, .segments = segments};
    mae_session *session;
    done(mae_session_open(n->context, n->model, &plan, &session));
    free(segments);
    return session;
}

static void run_on(mae_session *session, const char *network, int set)
{
    char file[64], path[512];
    snprintf(file, sizeof file, "test_data_set_%d/input_0.pb", set);
    path_of(path, sizeof path, network, file);
    char *name;
    mae_shape shape;
    void *data;
    size_t bytes;
    done(mae_onnx_read_tensor(path, &name, &shape, &data, &bytes));
    done(mae_session_set_input(session, 0, data, bytes));
    free(name);
    free(data);
    done(mae_session_run(session));
}

static const float *output(mae_session *session, size_t index)
{
    const void *data;
    mae_shape shape;
    done(mae_session_output(session, index, &data, &shape));
    assert_int_equal(shape.dtype, MAE_F32);
    return data;
}

static const char *name_of(const net *n, size_t pe)
{
    return pe < n->n_pes ? n->pes[pe].name : "mix";
}

static void test_dronet(void **state)
{
    (void)state;
    net n;
    if (!open_net(&n, "dronet"))
        skip();
    int on = 0;
    for (size_t pe = 0; pe <= n.n_pes; pe++) {
        if (!supports_all(&n, pe))
            continue;
        mae_session *session = open_mapped(&n, pe);
        run_on(session, "dronet", 0);
        double collision = (double)output(session, 1)[0];
        run_on(session, "dronet", 1);
        double steer = (double)output(session, 0)[0], free_way = (double)output(session, 1)[0];
        print_message("dronet on %s: obstacle %.3f; then steer %.3f, obstacle %.3f\n", name_of(&n, pe), collision,
                      steer, free_way);
        assert_true(fabs(collision - 0.886) < 1e-3);
        assert_true(fabs(steer + 0.709) < 1e-3 && free_way < 1e-3);
        mae_session_close(session);
        on++;
    }
    assert_true(on >= 2);
    close_net(&n);
}

/* Classes that some cell of the grid is sure of: objectness^0.6 * class^0.4 above 0.65, as its authors decode. */
static void classes_seen(const float *out, bool *seen)
{
    for (int cell = 0; cell < CELLS; cell++)
        for (int c = 0; c < CLASSES; c++) {
            double objectness = (double)out[cell], score = (double)out[(5 + c) * CELLS + cell];
            seen[c] = seen[c] || (objectness > 0 && pow(objectness, 0.6) * pow(score, 0.4) > 0.65);
        }
}

static void test_fastestdet(void **state)
{
    (void)state;
    enum { PERSON = 0, BICYCLE = 1, CAR = 2, DOG = 16, BALL = 32 };
    net n;
    if (!open_net(&n, "fastestdet"))
        skip();
    int on = 0;
    for (size_t pe = 0; pe <= n.n_pes; pe++) {
        if (!supports_all(&n, pe))
            continue;
        mae_session *session = open_mapped(&n, pe);
        bool street[CLASSES] = {false}, game[CLASSES] = {false};
        run_on(session, "fastestdet", 0);
        classes_seen(output(session, 0), street);
        run_on(session, "fastestdet", 1);
        classes_seen(output(session, 0), game);
        print_message("fastestdet on %s: dog %d, bicycle %d, car %d; person %d, sports ball %d\n", name_of(&n, pe),
                      street[DOG], street[BICYCLE], street[CAR], game[PERSON], game[BALL]);
        assert_true(street[DOG] && street[CAR] && street[BICYCLE] && !street[BALL]);
        assert_true(game[PERSON] && game[BALL] && !game[DOG]);
        mae_session_close(session);
        on++;
    }
    assert_true(on >= 2);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dronet), cmocka_unit_test(test_fastestdet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
