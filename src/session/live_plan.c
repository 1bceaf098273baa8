/* A plan: the fronts of every set of PEs that may be left, the policy that stands on them, and its points as segments.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/goal.h"
#include "session/live.h"

#define LONG_PERIOD_MS 1e6 /* longer than any mapping takes: such a front serves every period */
#define EXACT_LAYERS 64    /* longer networks get fronts that may miss a little */
#define FRONT_EPSILON 0.01
#define KEEP_NODES 20000

/* ---- fronts ---- */

static mae_error *add_front(live_plan *plan, uint64_t pes)
{
    for (size_t i = 0; i < plan->n_fronts; i++)
        if (plan->fronts[i].pes == pes)
            return NULL;
    if (pes == 0 || plan->n_fronts == LIVE_MOST_FRONTS)
        return NULL;
    mae_profile *left = NULL;
    mae_front *front = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    MAE_TRY(mae_profile_under(plan->profile, pes, NULL, &left));
    goal.period_ms = left->static_w > 0 ? LONG_PERIOD_MS : 0;
    double epsilon = left->n_layers > EXACT_LAYERS ? FRONT_EPSILON : 0;
    mae_error *error = mae_front_solve(left, &goal, epsilon, &front);
    mae_profile_destroy(left);
    if (error && (mae_error_code(error) == MAE_ERR_UNSUPPORTED || mae_error_code(error) == MAE_ERR_INFEASIBLE)) {
        mae_error_free(error); /* these PEs cannot run the network alone */
        return NULL;
    }
    if (!error)
        plan->fronts[plan->n_fronts++] = (mae_policy_front){pes, front};
    return error;
}

/* All sets of few PEs; of many all, all but one, and each alone. */
static mae_error *add_fronts(live_plan *plan, uint64_t pes)
{
    int members[MAE_POLICY_MAX_PES], n = 0;
    for (int p = 0; p < MAE_POLICY_MAX_PES; p++)
        if (pes >> p & 1)
            members[n++] = p;
    MAE_TRY(add_front(plan, pes));
    for (int set = (1 << n) - 1; n <= 4 && set > 0; set--) {
        uint64_t some = 0;
        for (int i = 0; i < n; i++)
            if (set >> i & 1)
                some |= (uint64_t)1 << members[i];
        MAE_TRY(add_front(plan, some));
    }
    for (int i = 0; n > 4 && i < n; i++) {
        MAE_TRY(add_front(plan, pes & ~((uint64_t)1 << members[i])));
        MAE_TRY(add_front(plan, (uint64_t)1 << members[i]));
    }
    return NULL;
}

/* ---- rules ---- */

static mae_error *copy_rules(live_plan *plan, const mae_rules *rules)
{
    static const mae_rule otherwise = {.when = MAE_WHEN_OTHERWISE, .word = "", .goal = MAE_GOAL_INIT};
    size_t n = rules ? rules->n_rules : 1;
    if (n + 1 > MAE_MAX_RULES)
        return mae_error_new(MAE_ERR_USAGE, "a live session takes at most %d rules", MAE_MAX_RULES - 1);
    plan->rule = mae_arena_array(plan->arena, n + 1, sizeof *plan->rule);
    if (!plan->rule)
        return mae_error_nomem();
    const mae_goal none = MAE_GOAL_INIT;
    plan->rule[0] = (mae_rule){.when = MAE_WHEN_EVENT, .word = LIVE_GOAL_EVENT, .goal = none};
    for (size_t i = 0; i < n; i++)
        plan->rule[i + 1] = rules ? rules->rules[i] : otherwise;
    plan->rules = (mae_rules){.n_rules = n + 1, .rules = plan->rule};
    return NULL;
}

/* ---- points ---- */

/* What it takes to bring the inputs of a segment, and graph outputs to the host: docs/formats.md, section 2. */
static double moves_ms(const live_plan *plan, const mae_cost_index *index, const int *mapping, int first, int last)
{
    const mae_profile *p = plan->profile;
    int pe = mapping[first];
    double sum = 0, ms, mj;
    for (int l = first; l <= last; l++) {
        for (size_t i = 0; i < p->layers[l].n_inputs; i++) {
            int tensor = p->layers[l].inputs[i], producer = p->tensors[tensor].producer;
            int home = producer < 0 ? p->host : mapping[producer];
            bool brought = producer >= first || (producer < 0 && home == pe) || home < 0;
            for (int k = home == pe ? first : 0; k < l && !brought; k++)
                for (size_t j = 0; mapping[k] == pe && j < p->layers[k].n_inputs; j++)
                    brought = brought || p->layers[k].inputs[j] == tensor;
            for (size_t j = 0; j < i; j++)
                brought = brought || p->layers[l].inputs[j] == tensor;
            if (!brought && mae_cost_move(index, tensor, home, pe, &ms, &mj))
                sum += ms;
        }
        for (size_t i = 0; p->host >= 0 && p->host != pe && i < p->layers[l].n_outputs; i++) {
            int tensor = p->layers[l].outputs[i];
            if (p->tensors[tensor].is_output && mae_cost_move(index, tensor, pe, p->host, &ms, &mj))
                sum += ms;
        }
    }
    return sum;
}

static double segment_ms(const live_plan *plan, const mae_cost_index *index, int pe, int first, int last)
{
    const mae_profile *p = plan->profile;
    const mae_segment_cost *row = mae_cost_row(index, pe, first, last);
    if (row)
        return row->time_ms;
    double ms = p->pes[pe].segment_ms;
    for (int l = first; l <= last; l++)
        ms += p->costs[(size_t)l * p->n_pes + (size_t)pe].time_ms;
    return ms;
}

static mae_error *cut_point(live_plan *plan, const mae_cost_index *index, const int *mapping, live_point *point)
{
    int n = (int)plan->profile->n_layers;
    for (int l = 0; l < n; l++)
        point->n += l == 0 || mapping[l] != mapping[l - 1];
    if (point->n > LIVE_MOST_SEGMENTS)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "a mapping of %zu segments: a live session takes %d", point->n,
                             LIVE_MOST_SEGMENTS);
    mae_trace_segment *segments = mae_arena_array(plan->arena, point->n, sizeof *segments);
    double *transfer_ms = mae_arena_array(plan->arena, point->n, sizeof *transfer_ms);
    point->units = mae_arena_array(plan->arena, point->n, sizeof(live_unit *));
    if (!segments || !transfer_ms || !point->units)
        return mae_error_nomem();
    size_t s = 0;
    for (int first = 0, last; first < n; first = last + 1, s++) {
        for (last = first; last + 1 < n && mapping[last + 1] == mapping[first];)
            last++;
        segments[s] = (mae_trace_segment){mapping[first], first, last, 0};
        segments[s].time_ms = segment_ms(plan, index, mapping[first], first, last);
        transfer_ms[s] = moves_ms(plan, index, mapping, first, last);
    }
    point->segments = segments;
    point->transfer_ms = transfer_ms;
    return NULL;
}

static mae_error *cut_points(live_plan *plan)
{
    size_t n = mae_policy_n_points(plan->policy);
    plan->points = mae_arena_array(plan->arena, n, sizeof *plan->points);
    plan->compiled = mae_arena_array(plan->arena, n, sizeof *plan->compiled);
    plan->kept = mae_arena_array(plan->arena, n, sizeof *plan->kept);
    if (!plan->points || !plan->compiled || !plan->kept)
        return mae_error_nomem();
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, plan->profile));
    mae_error *error = NULL;
    for (size_t k = 0; k < n && !error; k++)
        error = cut_point(plan, &index, mae_policy_points(plan->policy)[k].mapping, &plan->points[k]);
    mae_cost_index_finish(&index);
    return error;
}

/* ---- what stays compiled ---- */

/* The rules' goals as far as they can be judged beforehand. */
static size_t list_goals(const live_plan *plan, const live_plan_spec *spec, mae_goal *goals)
{
    size_t n = 0;
    for (size_t i = 1; i < plan->rules.n_rules; i++) {
        const mae_rule *rule = &plan->rules.rules[i];
        mae_goal goal = rule->goal;
        double bounds[] = {rule->under_deadline ? spec->deadline_ms : 0, 0};
        if (rule->at_frame_rate || rule->frames_per_second <= 0)
            goal.period_ms = spec->period_ms;
        bounds[1] = goal.period_ms;
        for (int k = 0; k < 2; k++)
            if (bounds[k] > 0)
                goal.max_latency_ms = goal.max_latency_ms > 0 ? fmin(goal.max_latency_ms, bounds[k]) : bounds[k];
        mae_error *error = mae_goal_check(&goal);
        if (!error)
            goals[n++] = goal;
        mae_error_free(error);
    }
    return n;
}

static double weights_of(const mae_graph *graph, int first, int last)
{
    double bytes = 0;
    for (int l = first; l <= last; l++) {
        const mae_layer *layer = &graph->layers[l];
        bytes += layer->bytes;
        for (size_t i = 0; i < layer->n_inputs; i++)
            bytes -= (double)graph->tensors[layer->inputs[i]].bytes;
        for (size_t i = 0; i < layer->n_outputs; i++)
            bytes -= (double)graph->tensors[layer->outputs[i]].bytes;
    }
    return fmax(0, bytes);
}

static mae_error *choose_kept(live_plan *plan, const live_plan_spec *spec, const mae_graph *graph)
{
    mae_goal goals[MAE_MAX_RULES];
    size_t n_goals = list_goals(plan, spec, goals), n = 0;
    if (spec->keep_bytes < 0 || n_goals == 0)
        return NULL;
    mae_keep_segment *segments = NULL;
    MAE_TRY(mae_keep_segments(plan->policy, &segments, &n));
    for (size_t i = 0; i < n; i++)
        segments[i].bytes = weights_of(graph, segments[i].first, segments[i].last);
    const mae_keep_budget budget = {.bytes = spec->keep_bytes};
    mae_error *error =
        mae_keep_choose(plan->policy, segments, n, &budget, goals, n_goals, spec->pes, KEEP_NODES, &plan->keep);
    free(segments);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) { /* nothing fits: what runs is all that there is */
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    for (size_t k = 0; k < plan->keep->n_points; k++)
        plan->kept[k] = plan->keep->chosen[k];
    for (size_t p = 0; spec->keep_bytes == 0 && p < plan->profile->n_pes; p++) { /* and what a lost PE leaves */
        double miss;
        int k = mae_policy_best(plan->policy, &goals[0], spec->pes & ~((uint64_t)1 << p), NULL, &miss);
        if (k >= 0)
            plan->kept[k] = true;
    }
    return NULL;
}

/* ---- the whole ---- */

static mae_error *build(live_plan *plan, const live_plan_spec *spec, const mae_graph *graph)
{
    for (size_t p = 0; p < MAE_POLICY_MAX_PES; p++)
        plan->factor[p] = spec->factor ? spec->factor[p] : 1;
    plan->profile = spec->profile;
    if (spec->factor) {
        MAE_TRY(mae_profile_under(spec->profile, ~(uint64_t)0, spec->factor, &plan->own_profile));
        plan->profile = plan->own_profile;
    }
    MAE_TRY(copy_rules(plan, spec->rules));
    MAE_TRY(add_fronts(plan, spec->pes));
    if (plan->n_fronts == 0)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "the PEs that are here cannot run the network by this profile");
    MAE_TRY(mae_policy_create(plan->profile, &plan->rules, plan->fronts, plan->n_fronts, &spec->params, &plan->policy));
    MAE_TRY(cut_points(plan));
    return choose_kept(plan, spec, graph);
}

mae_error *live_plan_create(const live_plan_spec *spec, const mae_graph *graph, live_plan **ret_plan)
{
    live_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return mae_error_nomem();
    plan->arena = mae_arena_create();
    mae_error *error = plan->arena ? build(plan, spec, graph) : mae_error_nomem();
    if (error) {
        live_plan_destroy(plan);
        return error;
    }
    *ret_plan = plan;
    return NULL;
}

void live_plan_destroy(live_plan *plan)
{
    if (!plan)
        return;
    mae_keep_destroy(plan->keep);
    mae_policy_destroy(plan->policy);
    for (size_t i = 0; i < plan->n_fronts; i++)
        mae_front_destroy((mae_front *)plan->fronts[i].front);
    mae_profile_destroy(plan->own_profile);
    mae_arena_destroy(plan->arena);
    free(plan);
}

void live_plan_look(live_plan *plan, live_pool *pool)
{
    for (size_t k = 0; k < mae_policy_n_points(plan->policy); k++)
        plan->compiled[k] = live_point_look(pool, &plan->points[k]);
}
