/* Least period against brute force: every mapping of small random networks is costed here resource by resource, every
 * way of sharing out the resources is tried, by a reading of sections 2 and 3 of docs/formats.md that shares nothing
 * with the planner. */
#include "random_profile.h"

#include <math.h>
#include <stdio.h>

#include "plan/period.h"

#define MOST_RESOURCES 4

typedef struct way { /* a mapping whose stages are stages */
    unsigned resources;
    double period_ms, latency_ms, dynamic_mj;
    int switches;
} way;

typedef struct table {
    const mae_profile *p;
    int n_resources, resource_of[8];
    way *ways;
    size_t n;
} table;

/* ---- what a mapping costs whom ---- */

static bool transfer(const mae_profile *p, int tensor, int from, int to, double *ms, double *mj)
{
    const mae_transfer *row = &p->transfers[from * (int)p->n_pes + to];
    for (size_t i = 0; i < p->n_overrides; i++)
        if (p->overrides[i].tensor == tensor && p->overrides[i].from == from && p->overrides[i].to == to) {
            *ms += p->overrides[i].time_ms;
            *mj += p->overrides[i].energy_mj;
            return true;
        }
    if (!row->crossable)
        return from == to;
    *ms += row->fixed_ms + row->ms_per_mib * p->tensors[tensor].bytes / 1048576.0;
    *mj += row->fixed_mj + row->mj_per_mib * p->tensors[tensor].bytes / 1048576.0;
    return true;
}

/* Each tensor is brought to each reader's PE once, which pays; what the host wants is paid by who made it. */
static bool moves(const mae_profile *p, const int *a, const int *segment, int t, double *pe_ms, double *mj)
{
    int producer = p->tensors[t].producer, home = producer >= 0 ? a[producer] : p->host;
    bool at_host = producer < 0 || p->host == home;
    if (home < 0)
        return true;
    if (producer >= 0 && p->tensors[t].is_output && p->host >= 0 && p->host != home) {
        if (!transfer(p, t, home, p->host, &pe_ms[home], mj))
            return false;
        at_host = true;
    }
    for (int pe = 0; pe < (int)p->n_pes; pe++) {
        bool reads = false, later = false;
        for (int l = 0; l < (int)p->n_layers; l++)
            for (size_t k = 0; k < p->layers[l].n_inputs; k++)
                if (p->layers[l].inputs[k] == t && a[l] == pe) {
                    reads = true;
                    later |= producer >= 0 && segment[l] != segment[producer];
                }
        bool there = pe == home ? !later || producer < 0 : pe == p->host && at_host;
        if (reads && !there && !transfer(p, t, home, pe, &pe_ms[pe], mj))
            return false;
    }
    return true;
}

static bool segments(const mae_profile *p, const int *a, int *segment, double *pe_ms, double *mj)
{
    int n = (int)p->n_layers, count[8] = {0};
    for (int first = 0, last, number = 0; first < n; first = last + 1, number++) {
        const mae_segment_cost *row = NULL;
        for (last = first; last + 1 < n && a[last + 1] == a[first];)
            last++;
        for (size_t i = 0; i < p->n_segments; i++)
            if (p->segments[i].pe == a[first] && p->segments[i].first == first && p->segments[i].last == last)
                row = &p->segments[i];
        pe_ms[a[first]] += row ? row->time_ms : p->pes[a[first]].segment_ms;
        *mj += row ? row->energy_mj : p->pes[a[first]].segment_mj;
        for (int l = first; l <= last; l++) {
            const mae_cost *cost = &p->costs[l * (int)p->n_pes + a[l]];
            if (!cost->supported)
                return false;
            segment[l] = number;
            pe_ms[a[l]] += row ? 0 : cost->time_ms;
            *mj += row ? 0 : cost->energy_mj;
        }
        count[a[first]]++;
    }
    for (int pe = 0; pe < (int)p->n_pes; pe++)
        if (p->pes[pe].max_segments && count[pe] > p->pes[pe].max_segments)
            return false;
    return true;
}

static bool cost(const table *all, const int *a, way *w)
{
    const mae_profile *p = all->p;
    int segment[32];
    double pe_ms[8] = {0}, resource_ms[8] = {0};
    *w = (way){.switches = 0};
    for (int l = 0, before = -1; l < (int)p->n_layers; l++) {
        int resource = all->resource_of[a[l]];
        if (resource != before && w->resources >> resource & 1)
            return false;
        w->resources |= 1u << resource;
        w->switches += l > 0 && a[l] != a[l - 1];
        before = resource;
    }
    if (!segments(p, a, segment, pe_ms, &w->dynamic_mj))
        return false;
    for (int t = 0; t < (int)p->n_tensors; t++)
        if (!moves(p, a, segment, t, pe_ms, &w->dynamic_mj))
            return false;
    for (int pe = 0; pe < (int)p->n_pes; pe++) {
        resource_ms[all->resource_of[pe]] += pe_ms[pe];
        w->latency_ms += pe_ms[pe];
    }
    for (int r = 0; r < all->n_resources; r++)
        w->period_ms = fmax(w->period_ms, resource_ms[r]);
    return true;
}

static void enumerate(table *all)
{
    size_t total = 1;
    int a[32] = {0};
    for (size_t l = 0; l < all->p->n_layers; l++)
        total *= all->p->n_pes;
    all->ways = malloc(total * sizeof *all->ways);
    assert_non_null(all->ways);
    for (size_t i = 0; i < total; i++) {
        for (size_t l = 0, rest = i; l < all->p->n_layers; l++, rest /= all->p->n_pes)
            a[l] = (int)(rest % all->p->n_pes);
        all->n += cost(all, a, &all->ways[all->n]);
    }
}

/* ---- the best arrangement ---- */

typedef struct bounds {
    double ms, dynamic_mj;
    int switches;
} bounds;

static double best_period(const table *all, const bounds *b)
{
    double period[1 << MOST_RESOURCES];
    for (int set = 0; set < 1 << MOST_RESOURCES; set++)
        period[set] = INFINITY;
    for (size_t i = 0; i < all->n; i++) {
        const way *w = &all->ways[i];
        if (w->latency_ms <= b->ms * (1 + 1e-9) && w->dynamic_mj <= b->dynamic_mj * (1 + 1e-9) &&
            (b->switches < 0 || w->switches <= b->switches))
            period[w->resources] = fmin(period[w->resources], w->period_ms);
    }
    unsigned n_sets = 1u << all->n_resources;
    double rate[1 << MOST_RESOURCES] = {0};
    for (unsigned set = 1; set < n_sets; set++)
        for (unsigned part = set; part; part = (part - 1) & set) {
            rate[set] = fmax(rate[set], rate[set & ~part] + (isfinite(period[part]) ? 1 / period[part] : 0));
            rate[set] = fmax(rate[set], rate[set & ~part]);
        }
    return 1 / rate[n_sets - 1];
}

/* Least period with frames of at most `mj`, idle draw of the period included: some frame of the best arrangement has
 * the largest energy, so that all values it may have are tried. */
static double best_within(const table *all, bounds b, double mj)
{
    double best = INFINITY, static_w = all->p->static_w;
    if (!isfinite(mj))
        return best_period(all, &b);
    for (size_t i = 0; i < all->n; i++) {
        b.dynamic_mj = all->ways[i].dynamic_mj;
        if (b.dynamic_mj > mj * (1 + 1e-9))
            continue;
        double period = best_period(all, &b);
        if (b.dynamic_mj + static_w * period <= mj * (1 + 1e-9))
            best = fmin(best, period);
    }
    return best;
}

/* ---- comparing ---- */

static bool same(double a, double b)
{
    return fabs(a - b) <= 2e-9 * fmax(fabs(a), fabs(b));
}

static int mapping_of(const mae_profile *p, const mae_plan_replica *replica, int *a)
{
    int l = 0;
    for (size_t s = 0; s < replica->n_segments; s++)
        for (size_t k = 0; k < replica->segments[s].n_layers; k++, l++) {
            assert_string_equal(replica->segments[s].layers[k], p->layers[l].name);
            a[l] = mae_profile_find_pe(p, replica->segments[s].pe);
        }
    return l;
}

/* The plan's own figures, and that its replicas are apart and within the bounds. */
static void check_plan(const table *all, const mae_plan *plan, const bounds *b, double mj)
{
    const mae_plan_throughput *t = plan->throughput;
    double rate = 0, mean = 0;
    unsigned used = 0;
    assert_non_null(t);
    for (size_t i = 0; i < t->n_replicas; i++) {
        int a[32];
        way w;
        const mae_plan_replica *replica = &t->replicas[i];
        assert_int_equal(mapping_of(all->p, replica, a), all->p->n_layers);
        assert_true(cost(all, a, &w));
        assert_int_equal(w.resources & used, 0);
        used |= w.resources;
        assert_true(same(w.period_ms, replica->period_ms) && same(w.latency_ms, replica->cost.latency_ms));
        assert_true(w.latency_ms <= b->ms * (1 + 2e-9));
        assert_true(b->switches < 0 || w.switches <= b->switches);
        double frame_mj = plan->has_energy ? w.dynamic_mj + all->p->static_w * t->period_ms : 0;
        assert_true(same(frame_mj, replica->cost.energy_mj));
        assert_true(frame_mj <= mj * (1 + 2e-9));
        assert_int_equal(replica->n_loads, (size_t)__builtin_popcount(w.resources));
        assert_true(i == 0 || replica->cost.latency_ms >= t->replicas[i - 1].cost.latency_ms);
        rate += 1 / w.period_ms;
        mean += frame_mj / w.period_ms;
    }
    assert_true(same(t->period_ms, 1 / rate));
    assert_true(same(t->energy_mj, mean / rate));
    assert_true(same(t->latency_ms, t->replicas[t->n_replicas - 1].cost.latency_ms));
    assert_true(same(plan->predicted.latency_ms, t->replicas[0].cost.latency_ms));
}

/* Of replicas with that period none is quicker: the latency of the only replica is the least. */
static void check_latency(const table *all, const mae_plan *plan, const bounds *b, double mj)
{
    const mae_plan_throughput *t = plan->throughput;
    double least = INFINITY;
    if (t->n_replicas != 1 || isfinite(mj))
        return;
    int a[32];
    way chosen;
    mapping_of(all->p, &t->replicas[0], a);
    assert_true(cost(all, a, &chosen));
    for (size_t i = 0; i < all->n; i++) {
        const way *w = &all->ways[i];
        if (w->resources == chosen.resources && w->period_ms <= t->period_ms * (1 + 1e-12) &&
            (b->switches < 0 || w->switches <= b->switches))
            least = fmin(least, w->latency_ms);
    }
    assert_true(same(least, t->latency_ms));
}

typedef struct tally {
    size_t goals, infeasible, several, pipelines;
} tally;

static void check_maeg(const mae_plan *plan)
{
    double best = INFINITY;
    for (size_t i = 0; i < plan->n_single; i++)
        if (plan->single[i].meets_bounds)
            best = fmin(best, plan->single[i].cost.latency_ms);
    assert_int_equal(plan->has_maeg, isfinite(best));
    assert_true(!plan->has_maeg || same(1 + plan->maeg, 2 - plan->throughput->period_ms / best));
}

static void compare(const table *all, const mae_goal *goal, const bounds *b, double mj, tally *count)
{
    double expected = best_within(all, *b, mj);
    mae_plan *plan = NULL;
    mae_error *error = mae_plan_solve(all->p, goal, &plan);
    count->goals++;
    if (!isfinite(expected)) {
        assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
        mae_error_free(error);
        count->infeasible++;
        return;
    }
    if (error)
        fail_msg("%s", mae_error_message(error));
    if (!same(plan->throughput->period_ms, expected))
        fail_msg("period %.12g ms, by brute force %.12g ms", plan->throughput->period_ms, expected);
    assert_true(plan->optimal && plan->gap == 0);
    assert_true(mae_period_bound(all->p) <= expected * (1 + 1e-9));
    check_plan(all, plan, b, mj);
    check_latency(all, plan, b, mj);
    check_maeg(plan);
    count->several += plan->throughput->n_replicas > 1;
    count->pipelines += plan->throughput->replicas[0].n_loads > 1;
    mae_plan_destroy(plan);
}

static void make_table(uint64_t seed, const random_shape *shape, int resources, table *all)
{
    static const char *const names[] = {"r0", "r1", "r2", "r3"};
    mae_rng rng = {seed ^ 0x5eed};
    mae_profile *p = random_profile(seed, shape);
    *all = (table){.p = p, .n_resources = 0};
    int number[MOST_RESOURCES] = {-1, -1, -1, -1};
    for (size_t pe = 0; pe < p->n_pes; pe++) {
        int r = pe < (size_t)resources ? (int)pe : rnd(&rng, resources);
        if (number[r] < 0)
            number[r] = all->n_resources++;
        all->resource_of[pe] = number[r];
        ((mae_profile_pe *)p->pes)[pe].resource = names[r];
    }
    enumerate(all);
}

static void try_goals(const table *all, mae_rng *rng, tally *count)
{
    mae_goal goal = MAE_GOAL_INIT;
    bounds none = {INFINITY, INFINITY, -1};
    goal.minimize = MAE_MIN_PERIOD;
    compare(all, &goal, &none, INFINITY, count);
    if (all->n == 0)
        return;
    const way *some = &all->ways[rnd(rng, (int)all->n)];
    bounds tight = none;
    tight.ms = goal.max_latency_ms = some->latency_ms * (0.7 + 0.4 * mae_rng_uniform(rng));
    compare(all, &goal, &tight, INFINITY, count);
    goal.max_switches = tight.switches = rnd(rng, 3);
    compare(all, &goal, &tight, INFINITY, count);
    if (all->p->energy == MAE_ENERGY_NONE)
        return;
    goal = (mae_goal)MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_PERIOD;
    goal.max_energy_mj = (some->dynamic_mj + all->p->static_w * some->period_ms) * (0.7 + 0.4 * mae_rng_uniform(rng));
    compare(all, &goal, &none, goal.max_energy_mj, count);
}

static void run(bool chain, bool extras, uint64_t n, tally *count)
{
    const char *text = getenv("MAE_ORACLE_SEED");
    uint64_t first = text ? strtoull(text, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + n; seed++) {
        mae_rng rng = {seed};
        int resources = 1 + rnd(&rng, 4), pes = resources + rnd(&rng, 2);
        int layers = pes < 4 ? 2 + rnd(&rng, 6) : 2 + rnd(&rng, 4);
        random_shape shape = {(size_t)layers, (size_t)pes, chain, extras, chance(&rng, 0.3)};
        table all;
        make_table(seed, &shape, resources, &all);
        try_goals(&all, &rng, count);
        free(all.ways);
        mae_profile_destroy((mae_profile *)all.p);
    }
    print_message("%zu goals, %zu of them infeasible; %zu with several replicas, %zu with a pipeline\n", count->goals,
                  count->infeasible, count->several, count->pipelines);
    assert_true(count->several > 0 && count->pipelines > 0);
}

static void chains(void **state)
{
    tally count = {0};
    (void)state;
    run(true, false, 300, &count);
}

static void chains_with_all_extras(void **state)
{
    tally count = {0};
    (void)state;
    run(true, true, 400, &count);
    assert_true(count.infeasible > 0);
}

static void graphs_with_all_extras(void **state)
{
    tally count = {0};
    (void)state;
    run(false, true, 400, &count);
}

/* With hardly any memory what is found may be worse, but never beyond what is claimed. */
static void little_memory(void **state)
{
    (void)state;
    size_t proven = 0, found = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        mae_goal goal = MAE_GOAL_INIT;
        bounds none = {INFINITY, INFINITY, -1};
        random_shape shape = {6, 3, seed % 2, seed % 3 == 0, false};
        table all;
        mae_plan *plan = NULL;
        goal.minimize = MAE_MIN_PERIOD;
        make_table(seed, &shape, 3, &all);
        double expected = best_within(&all, none, INFINITY);
        mae_plan_limits limits = {500 + 400 * (size_t)(seed % 40)};
        mae_error *error = mae_period_plan(all.p, &goal, &limits, &plan);
        if (!error) {
            double period = plan->throughput->period_ms;
            found++;
            proven += plan->optimal;
            assert_true(period >= expected * (1 - 1e-9));
            assert_true(!plan->optimal || same(period, expected));
            assert_true(period * (1 - plan->gap) <= expected * (1 + 1e-9));
        }
        mae_error_free(error);
        mae_plan_destroy(plan);
        free(all.ways);
        mae_profile_destroy((mae_profile *)all.p);
    }
    print_message("%zu plans, %zu of them proven optimal\n", found, proven);
    assert_true(found > proven && proven > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains),
        cmocka_unit_test(chains_with_all_extras),
        cmocka_unit_test(graphs_with_all_extras),
        cmocka_unit_test(little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
