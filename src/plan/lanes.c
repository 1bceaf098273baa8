/* Plans whose segments overlap: from the best serial ones, a narrow look and a wide one, improved stretch by stretch.
 */
#include "plan/lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WIDTH 256     /* partial mappings after each layer, in the first look */
#define LEAST_WIDTH 512     /* in the second */
#define MOST_LABELS 400000u /* in the second, over all layers */
#define LABEL_BYTES 1024u   /* about so much for each of those after one layer, and those they grow into */
#define BEST_SERIAL 4       /* serial plans that are tried overlapped */
#define CLIMBS 6            /* of what was found, improved */

mae_error *mae_lanes_offer(mae_lanes *lanes, const int *mapping)
{
    mae_solver *s = lanes->solver;
    double ms, mj;
    for (int l = 0; l < lanes->n; l++)
        lanes->theirs[l] = lanes->m->pe_of[mapping[l]];
    if (!mae_makespan_of(&lanes->span, lanes->theirs, &ms, &mj))
        return NULL;
    mae_answer answer = {.mapping = (int *)mapping,
                         .cost = {ms, mae_lanes_energy(lanes, mj, ms), (int)lanes->span.n_parts - 1}};
    if (ms > s->aim.max_ms || answer.cost.energy_mj > s->aim.max_mj ||
        (s->aim.max_switches >= 0 && answer.cost.switches > s->aim.max_switches))
        return NULL;
    answer.value = mae_aim_value(&s->aim, ms, answer.cost.energy_mj);
    return mae_solver_keep(s, &answer);
}

/* ---- serial plans ---- */

static mae_error *offer_and_climb(mae_lanes *lanes, const mae_solver *serial)
{
    int *mapping = malloc((size_t)lanes->n * sizeof *mapping);
    mae_error *error = mapping ? NULL : mae_error_nomem();
    for (size_t i = 0; i < serial->n_answers && !error; i++) {
        error = mae_lanes_offer(lanes, serial->answers[i].mapping);
        if (error || i > 0)
            continue;
        memcpy(mapping, serial->answers[i].mapping, (size_t)lanes->n * sizeof *mapping);
        error = mae_lanes_climb(lanes, mapping);
    }
    free(mapping);
    return error;
}

/* The best serial plans by an aim; how good the best can be, and whether there is any. */
static mae_error *try_serial(mae_lanes *lanes, const mae_aim *aim, double *ret_lower, bool *ret_exists)
{
    mae_solver serial = {.model = lanes->m,
                         .aim = *aim,
                         .memory_bytes = lanes->solver->memory_bytes,
                         .duals = lanes->solver->duals,
                         .k = BEST_SERIAL};
    mae_error *error = mae_solver_run(&serial);
    if (!error)
        error = offer_and_climb(lanes, &serial);
    if (!error) {
        *ret_lower = serial.lower;
        *ret_exists = serial.exists;
    }
    mae_solver_finish(&serial);
    return error;
}

static mae_error *offer_singles(mae_lanes *lanes)
{
    int *mapping = malloc((size_t)lanes->n * sizeof *mapping);
    mae_error *error = mapping ? NULL : mae_error_nomem();
    for (int pe = 0; pe < lanes->n_pes && !error; pe++) {
        for (int l = 0; l < lanes->n; l++)
            mapping[l] = pe;
        error = mae_lanes_offer(lanes, mapping);
    }
    free(mapping);
    return error;
}

/* Serial plans to begin with. All lanes together do not get more done than their pace: what the fastest serial frame
 * takes is work of every mapping. Without an idle draw the serial optimum of energy is that of overlapped frames too.
 */
static mae_error *begin(mae_lanes *lanes, double *weight, bool *ret_exists)
{
    mae_aim plain = {.kind = MAE_BY_LATENCY,
                     .max_ms = INFINITY,
                     .max_mj = INFINITY,
                     .max_switches = lanes->solver->aim.max_switches};
    double serial_ms = 0, serial_mj = 0, ignored;
    bool exists = false, as_wanted;
    for (int r = 0; r < lanes->n_lanes; r++)
        weight[r] = 1;
    for (int l = 0; l < lanes->n; l++)
        lanes->root_ms = fmax(lanes->root_ms, lanes->tail[l]);
    for (size_t i = 0; i < lanes->n_lines; i++)
        lanes->root_ms = fmax(lanes->root_ms, lanes->lines[i].rest[0] / lanes->lines[i].pace);
    lanes->root_mj = lanes->rest_mj[0];
    MAE_TRY(try_serial(lanes, &plain, &serial_ms, &exists));
    *ret_exists = exists;
    if (!exists || serial_ms == INFINITY) /* nor is there a mapping with so few switches */
        return NULL;
    lanes->root_ms = fmax(lanes->root_ms, serial_ms / mae_lanes_pace(lanes, weight));
    plain.kind = MAE_BY_ENERGY;
    if (lanes->m->has_energy)
        MAE_TRY(try_serial(lanes, &plain, &serial_mj, &exists));
    if (lanes->p->static_w == 0 && isfinite(serial_mj))
        lanes->root_mj = fmax(lanes->root_mj, serial_mj);
    MAE_TRY(try_serial(lanes, &lanes->solver->aim, &ignored, &as_wanted));
    return offer_singles(lanes);
}

/* ---- looking further ---- */

/* Copies: what is found meanwhile moves the answers. */
static mae_error *climb_best(mae_lanes *lanes)
{
    const mae_solver *s = lanes->solver;
    size_t n = s->n_answers < CLIMBS ? s->n_answers : CLIMBS, bytes = (size_t)lanes->n * sizeof(int);
    int *mappings = malloc((n + 1) * bytes);
    mae_error *error = mappings ? NULL : mae_error_nomem();
    for (size_t i = 0; i < n && !error; i++)
        memcpy(mappings + i * (size_t)lanes->n, s->answers[i].mapping, bytes);
    for (size_t i = 0; i < n && !error; i++)
        error = mae_lanes_climb(lanes, mappings + i * (size_t)lanes->n);
    free(mappings);
    return error;
}

static mae_error *search(mae_lanes *lanes)
{
    mae_solver *s = lanes->solver;
    double elsewhere = INFINITY;
    size_t width = MOST_LABELS / (size_t)lanes->n, most = s->memory_bytes / LABEL_BYTES / (size_t)lanes->n_pes + 1;
    width = width > LEAST_WIDTH ? width : LEAST_WIDTH;
    double root = mae_lanes_value(lanes, lanes->root_ms, lanes->root_mj);
    MAE_TRY(mae_lanes_look(lanes, most < FIRST_WIDTH ? most : FIRST_WIDTH, false, &elsewhere));
    MAE_TRY(climb_best(lanes));
    if (isfinite(elsewhere)) {
        MAE_TRY(mae_lanes_look(lanes, most < width ? most : width, true, &elsewhere));
        MAE_TRY(climb_best(lanes));
    }
    double best = s->n_answers ? s->answers[0].value : INFINITY;
    s->lower = fmax(root, fmin(best, elsewhere));
    return NULL;
}

static mae_error *run(mae_lanes *lanes)
{
    mae_solver *s = lanes->solver;
    double *weight = mae_arena_array(lanes->arena, (size_t)lanes->n_lanes, sizeof *weight);
    if (!weight)
        return mae_error_nomem();
    s->lower = INFINITY;
    MAE_TRY(begin(lanes, weight, &s->exists));
    return s->exists ? search(lanes) : NULL;
}

mae_error *mae_solver_run_scheduled(mae_solver *solver)
{
    return solver->schedule == MAE_OVERLAP ? mae_lanes_run(solver) : mae_solver_run(solver);
}

mae_error *mae_lanes_run(mae_solver *solver)
{
    mae_lanes lanes = {0};
    mae_error *error = mae_lanes_init(&lanes, solver);
    if (!error)
        error = run(&lanes);
    mae_lanes_finish(&lanes);
    return error;
}
