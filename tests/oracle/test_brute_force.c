/* The planner against brute force: every mapping of small random networks is costed here, by a reading of
 * section 2 of docs/formats.md that shares nothing with the planner. */
#include "random_profile.h"

#include <math.h>
#include <stdio.h>

#include "plan/plan.h"

typedef struct entry {
    double ms, dynamic_mj;
    int switches;
    int *mapping;
} entry;

typedef struct table {
    const mae_profile *p;
    entry *entries;
    size_t n;
} table;

/* ---- section 2, read once more ---- */

static bool transfer(const mae_profile *p, int tensor, int from, int to, double *ms, double *mj)
{
    for (size_t i = 0; i < p->n_overrides; i++)
        if (p->overrides[i].tensor == tensor && p->overrides[i].from == from && p->overrides[i].to == to) {
            *ms += p->overrides[i].time_ms;
            *mj += p->overrides[i].energy_mj;
            return true;
        }
    const mae_transfer *row = &p->transfers[from * (int)p->n_pes + to];
    if (!row->crossable)
        return from == to;
    *ms += row->fixed_ms + row->ms_per_mib * p->tensors[tensor].bytes / 1048576.0;
    *mj += row->fixed_mj + row->mj_per_mib * p->tensors[tensor].bytes / 1048576.0;
    return true;
}

static bool reads(const mae_profile *p, int layer, int tensor)
{
    for (size_t k = 0; k < p->layers[layer].n_inputs; k++)
        if (p->layers[layer].inputs[k] == tensor)
            return true;
    return false;
}

static bool moves(const mae_profile *p, const int *a, const int *segment, int t, double *ms, double *mj)
{
    int producer = p->tensors[t].producer, n = (int)p->n_layers;
    int home = producer >= 0 ? a[producer] : p->host;
    if (home < 0)
        return true;
    for (int pe = 0; pe < (int)p->n_pes; pe++) {
        bool wanted = false, later = false;
        for (int l = 0; l < n; l++)
            if (a[l] == pe && reads(p, l, t)) {
                wanted = true;
                later |= producer >= 0 && segment[l] > segment[producer];
            }
        if (producer >= 0 && p->tensors[t].is_output && pe == p->host)
            wanted = true;
        if (pe != home && wanted && !transfer(p, t, home, pe, ms, mj))
            return false;
        if (pe == home && later && !transfer(p, t, home, home, ms, mj))
            return false;
    }
    return true;
}

static bool cost(const mae_profile *p, const int *a, entry *e)
{
    int n = (int)p->n_layers, segment[32], segments = 0, count[8] = {0};
    double ms = 0, mj = 0;
    for (int l = 0; l < n; l++)
        if (!p->costs[l * (int)p->n_pes + a[l]].supported)
            return false;
    for (int l = 0; l < n; l++) {
        if (l > 0 && a[l] != a[l - 1])
            segments++;
        segment[l] = segments;
    }
    for (int s = 0; s <= segments; s++) {
        int first = -1, last = -1;
        for (int l = 0; l < n; l++)
            if (segment[l] == s) {
                first = first < 0 ? l : first;
                last = l;
            }
        count[a[first]]++;
        const mae_segment_cost *row = NULL;
        for (size_t i = 0; i < p->n_segments; i++)
            if (p->segments[i].pe == a[first] && p->segments[i].first == first && p->segments[i].last == last)
                row = &p->segments[i];
        ms += row ? row->time_ms : p->pes[a[first]].segment_ms;
        mj += row ? row->energy_mj : p->pes[a[first]].segment_mj;
        for (int l = first; l <= last && !row; l++) {
            ms += p->costs[l * (int)p->n_pes + a[l]].time_ms;
            mj += p->costs[l * (int)p->n_pes + a[l]].energy_mj;
        }
    }
    for (int pe = 0; pe < (int)p->n_pes; pe++)
        if (p->pes[pe].max_segments && count[pe] > p->pes[pe].max_segments)
            return false;
    for (int t = 0; t < (int)p->n_tensors; t++)
        if (!moves(p, a, segment, t, &ms, &mj))
            return false;
    e->ms = ms;
    e->dynamic_mj = mj;
    e->switches = segments;
    return true;
}

static void enumerate(table *all, const mae_profile *p)
{
    size_t n = p->n_layers, total = 1, room = 0;
    int a[32] = {0};
    for (size_t l = 0; l < n; l++)
        total *= p->n_pes;
    *all = (table){.p = p};
    for (size_t i = 0; i < total; i++) {
        entry e;
        for (size_t l = 0, rest = i; l < n; l++, rest /= p->n_pes)
            a[l] = (int)(rest % p->n_pes);
        if (!cost(p, a, &e))
            continue;
        if (all->n == room) {
            room = 2 * room + 64;
            all->entries = realloc(all->entries, room * sizeof *all->entries);
            assert_non_null(all->entries);
        }
        e.mapping = malloc(n * sizeof *e.mapping);
        assert_non_null(e.mapping);
        memcpy(e.mapping, a, n * sizeof *a);
        all->entries[all->n++] = e;
    }
}

static void forget(table *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->entries[i].mapping);
    free(all->entries);
}

/* ---- what the best is ---- */

static bool same(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static double energy(const table *all, const entry *e, double period)
{
    if (all->p->energy == MAE_ENERGY_NONE)
        return 0;
    return e->dynamic_mj + all->p->static_w * fmax(e->ms, period);
}

static double least_single(const table *all, const mae_goal *g, bool of_energy)
{
    double least = INFINITY, least_of_all = INFINITY;
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->entries[i];
        double value = of_energy ? energy(all, e, g->period_ms) : e->ms;
        least_of_all = fmin(least_of_all, value);
        if (e->switches == 0)
            least = fmin(least, value);
    }
    return isfinite(least) && least > 0 ? least : least_of_all;
}

static double objective(const table *all, const mae_goal *g, const entry *e)
{
    double mj = energy(all, e, g->period_ms);
    switch (g->minimize) {
    case MAE_MIN_ENERGY:
        return mj;
    case MAE_MIN_EDP:
        return mj * e->ms;
    case MAE_MIN_WEIGHTED:
        return g->weight * e->ms / least_single(all, g, false) + (1 - g->weight) * mj / least_single(all, g, true);
    default:
        return e->ms;
    }
}

static bool at_most(double value, double bound)
{
    return bound == 0 || value <= bound || same(value, bound);
}

static bool allowed(const table *all, const mae_goal *g, const entry *e)
{
    double mj = energy(all, e, g->period_ms);
    return at_most(e->ms, g->max_latency_ms) && at_most(mj, g->max_energy_mj) &&
           at_most(mj, g->max_power_w * g->period_ms) && (g->max_switches < 0 || e->switches <= g->max_switches);
}

static int by_names(const table *all, const entry *x, const entry *y)
{
    for (size_t l = 0; l < all->p->n_layers; l++) {
        int order = strcmp(all->p->pes[x->mapping[l]].name, all->p->pes[y->mapping[l]].name);
        if (order)
            return order;
    }
    return 0;
}

static bool comes_before(const table *all, const mae_goal *g, const entry *x, double jx, const entry *y, double jy)
{
    double ex = energy(all, x, g->period_ms), ey = energy(all, y, g->period_ms);
    if (!same(jx, jy))
        return jx < jy;
    if (!same(x->ms, y->ms))
        return x->ms < y->ms;
    if (!same(ex, ey))
        return ex < ey;
    if (x->switches != y->switches)
        return x->switches < y->switches;
    return by_names(all, x, y) < 0;
}

static const entry *best_of(const table *all, const mae_goal *g)
{
    const entry *best = NULL;
    double best_j = 0;
    /* L and E of a weighted goal once, not for every mapping. */
    double ms = least_single(all, g, false), mj = least_single(all, g, true);
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->entries[i];
        if (!allowed(all, g, e))
            continue;
        double j = g->minimize == MAE_MIN_WEIGHTED
                       ? g->weight * e->ms / ms + (1 - g->weight) * energy(all, e, g->period_ms) / mj
                       : objective(all, g, e);
        if (!best || comes_before(all, g, e, j, best, best_j)) {
            best = e;
            best_j = j;
        }
    }
    return best;
}

/* ---- checks ---- */

static void check_goal(const table *all, const mae_goal *g, uint64_t seed)
{
    const entry *best = best_of(all, g);
    mae_solution s = {0};
    mae_error *error = mae_solve(all->p, g, NULL, &s);
    bool needs_energy = g->minimize != MAE_MIN_LATENCY || g->max_energy_mj > 0 || g->max_power_w > 0;
    if (!best || (needs_energy && all->p->energy == MAE_ENERGY_NONE)) {
        if (mae_error_code(error) != MAE_ERR_INFEASIBLE)
            fail_msg("seed %llu goal %d: infeasible, but the planner says %s", (unsigned long long)seed, g->minimize,
                     error ? mae_error_message(error) : "otherwise");
        mae_error_free(error);
        free(s.mapping);
        return;
    }
    if (error)
        fail_msg("seed %llu goal %d: %s", (unsigned long long)seed, g->minimize, mae_error_message(error));
    double want = objective(all, g, best);
    bool right = same(s.objective, want) && same(s.cost.latency_ms, best->ms) &&
                 same(s.cost.energy_mj, energy(all, best, g->period_ms)) && s.cost.switches == best->switches &&
                 memcmp(s.mapping, best->mapping, all->p->n_layers * sizeof(int)) == 0;
    if (!right || !s.optimal)
        fail_msg("seed %llu goal %d (ms<=%g mj<=%g w<=%g T=%g sw<=%d): J %.12g, want %.12g; %.12g ms %.12g mJ %d "
                 "switches, want %.12g ms %.12g mJ %d; optimal %d",
                 (unsigned long long)seed, g->minimize, g->max_latency_ms, g->max_energy_mj, g->max_power_w,
                 g->period_ms, g->max_switches, s.objective, want, s.cost.latency_ms, s.cost.energy_mj, s.cost.switches,
                 best->ms, energy(all, best, g->period_ms), best->switches, s.optimal);
    free(s.mapping);
}

/* The front by definition: what no other beats, each (latency, energy) once with the fewest switches. */
static void check_front(const table *all, const mae_goal *g, uint64_t seed)
{
    mae_front *front = NULL;
    mae_error *error = mae_front_solve(all->p, g, 0, &front);
    size_t n = 0;
    const char *what = NULL;
    for (size_t i = 0; i < all->n && !what; i++) {
        const entry *e = &all->entries[i];
        double mj = energy(all, e, g->period_ms);
        bool beaten = g->max_switches >= 0 && e->switches > g->max_switches, again = false;
        for (size_t k = 0; k < all->n && !beaten; k++) {
            const entry *o = &all->entries[k];
            double other = energy(all, o, g->period_ms);
            bool same_mj = same(other, mj) || all->p->energy == MAE_ENERGY_NONE, same_ms = same(o->ms, e->ms);
            if (g->max_switches >= 0 && o->switches > g->max_switches)
                continue;
            beaten = (o->ms < e->ms || same_ms) && (other < mj || same_mj) && !(same_ms && same_mj);
            if (same_ms && same_mj) {
                beaten = o->switches < e->switches;
                again |= o->switches == e->switches && k < i;
            }
        }
        if (beaten || again)
            continue;
        n++;
        bool there = false;
        for (size_t k = 0; front && k < front->n_points; k++) {
            const mae_prediction *c = &front->points[k].cost;
            there |= same(c->latency_ms, e->ms) && same(c->energy_mj, mj) && c->switches == e->switches;
        }
        if (!there)
            what = "a point is missing";
    }
    if (error && n > 0)
        what = mae_error_message(error);
    if (!what && front && front->n_points != n)
        what = "points that are none";
    if (what)
        fail_msg("seed %llu front (switches <= %d, period %g): %s (%zu of %zu)", (unsigned long long)seed,
                 g->max_switches, g->period_ms, what, front ? front->n_points : 0, n);
    for (size_t k = 0; front && k < front->n_points; k++) {
        mae_prediction c;
        assert_null(mae_eval(all->p, front->points[k].mapping, g->period_ms, &c));
        assert_true(same(c.latency_ms, front->points[k].cost.latency_ms));
        assert_true(same(c.energy_mj, front->points[k].cost.energy_mj));
        assert_int_equal(c.switches, front->points[k].cost.switches);
    }
    mae_error_free(error);
    mae_front_destroy(front);
}

/* With an epsilon every allowed mapping is covered by a point at most 1 + epsilon times as slow and as dear. */
static void check_rough_front(const table *all, const mae_goal *g, double epsilon, uint64_t seed)
{
    mae_front *front = NULL;
    mae_error *error = mae_front_solve(all->p, g, epsilon, &front);
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->entries[i];
        double mj = energy(all, e, g->period_ms), most = (1 + epsilon) * (1 + 1e-9);
        bool covered = g->max_switches >= 0 && e->switches > g->max_switches;
        for (size_t k = 0; front && k < front->n_points && !covered; k++) {
            const mae_prediction *c = &front->points[k].cost;
            covered = c->latency_ms <= e->ms * most && c->energy_mj <= mj * most;
        }
        if (!covered)
            fail_msg("seed %llu front with epsilon %g: %.12g ms %.12g mJ is not covered (%s)", (unsigned long long)seed,
                     epsilon, e->ms, mj, error ? mae_error_message(error) : "no error");
    }
    mae_error_free(error);
    mae_front_destroy(front);
}

static void check_nearest(const table *all, const mae_goal *g, uint64_t seed)
{
    bool exists = false;
    mae_prediction nearest = {0};
    double least = INFINITY;
    double bound = g->max_energy_mj > 0 ? g->max_energy_mj : INFINITY;
    if (g->max_power_w > 0)
        bound = fmin(bound, g->max_power_w * g->period_ms);
    if (all->p->energy == MAE_ENERGY_NONE || (g->max_latency_ms == 0 && !isfinite(bound)))
        return;
    assert_null(mae_nearest(all->p, g, &exists, &nearest));
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->entries[i];
        double miss = -INFINITY;
        if (g->max_switches >= 0 && e->switches > g->max_switches)
            continue;
        if (g->max_latency_ms > 0)
            miss = e->ms / g->max_latency_ms;
        if (isfinite(bound))
            miss = fmax(miss, energy(all, e, g->period_ms) / bound);
        least = fmin(least, miss);
    }
    double miss = g->max_latency_ms > 0 ? nearest.latency_ms / g->max_latency_ms : -INFINITY;
    if (isfinite(bound))
        miss = fmax(miss, nearest.energy_mj / bound);
    if (exists != isfinite(least) || (exists && !same(miss, least)))
        fail_msg("seed %llu: the nearest misses by %.12g, want %.12g", (unsigned long long)seed, miss, least);
}

static void check_k_best(const table *all, const mae_goal *g, uint64_t seed)
{
    mae_solution *s = NULL;
    size_t n = 0, feasible = 0, k = 5;
    bool needs_energy = g->minimize != MAE_MIN_LATENCY || g->max_energy_mj > 0 || g->max_power_w > 0;
    if (needs_energy && all->p->energy == MAE_ENERGY_NONE)
        return;
    for (size_t i = 0; i < all->n; i++)
        feasible += allowed(all, g, &all->entries[i]);
    mae_error *error = mae_solve_best(all->p, g, NULL, k, &s, &n);
    if (n != (feasible < k ? feasible : k))
        fail_msg("seed %llu: %zu best, want %zu of %zu", (unsigned long long)seed, n, k, feasible);
    mae_error_free(error);
    for (size_t i = 0; i < n; i++) {
        size_t better = 0;
        for (size_t e = 0; e < all->n; e++) {
            double j = objective(all, g, &all->entries[e]);
            better += allowed(all, g, &all->entries[e]) && j < s[i].objective && !same(j, s[i].objective);
        }
        if (better > i)
            fail_msg("seed %llu: %zu mappings are better than number %zu", (unsigned long long)seed, better, i);
    }
    mae_solutions_free(s, n);
}

static mae_goal random_goal(mae_rng *rng, const table *all)
{
    mae_goal g = MAE_GOAL_INIT;
    g.minimize = (mae_objective)rnd(rng, 4);
    g.weight = chance(rng, 0.2) ? (double)rnd(rng, 2) : mae_rng_uniform(rng);
    const entry *e = all->n ? &all->entries[rnd(rng, (int)all->n)] : NULL;
    double tight = chance(rng, 0.3) ? 1 : 0.6 + 0.5 * mae_rng_uniform(rng);
    if (e && chance(rng, 0.3))
        g.period_ms = e->ms * (0.2 + 1.5 * mae_rng_uniform(rng));
    if (e && chance(rng, 0.5))
        g.max_latency_ms = e->ms * tight;
    if (e && chance(rng, 0.4))
        g.max_energy_mj = energy(all, e, g.period_ms) * tight;
    if (e && g.period_ms > 0 && chance(rng, 0.3))
        g.max_power_w = energy(all, e, g.period_ms) * tight / g.period_ms;
    if (chance(rng, 0.25))
        g.max_switches = rnd(rng, 4);
    return g;
}

static void check_instance(uint64_t seed)
{
    mae_rng rng = {seed * 0x9e3779b97f4a7c15u + 1};
    random_shape shape = {.n_pes = 2 + (size_t)rnd(&rng, 3),
                          .chain = chance(&rng, 0.35),
                          .extras = chance(&rng, 0.8),
                          .coarse = chance(&rng, 0.4)};
    size_t most = shape.n_pes == 2 ? 10 : shape.n_pes == 3 ? 7 : 5;
    shape.n_layers = 1 + (size_t)rnd(&rng, (int)most);
    mae_profile *profile = random_profile(seed, &shape);
    table all;
    enumerate(&all, profile);
    mae_goal plain = MAE_GOAL_INIT;
    check_goal(&all, &plain, seed);
    for (int i = 0; i < 6; i++) {
        mae_goal g = random_goal(&rng, &all);
        check_goal(&all, &g, seed);
        check_nearest(&all, &g, seed);
        if (i == 0)
            check_k_best(&all, &g, seed);
        if (i < 2)
            check_front(&all, &g, seed);
        if (i < 2)
            check_rough_front(&all, &g, i == 0 ? 0.02 : 0.2, seed);
    }
    forget(&all);
    mae_profile_destroy(profile);
}

static void equals_brute_force(void **state)
{
    (void)state;
    const char *count = getenv("MAE_ORACLE_INSTANCES"), *first = getenv("MAE_ORACLE_SEED");
    unsigned long n = count ? strtoul(count, NULL, 10) : 2400, seed = first ? strtoul(first, NULL, 10) : 1;
    printf("seeds %lu to %lu (MAE_ORACLE_SEED, MAE_ORACLE_INSTANCES)\n", seed, seed + n - 1);
    for (unsigned long i = 0; i < n; i++)
        check_instance(seed + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_brute_force)};
    return cmocka_run_group_tests_name("planner against brute force", tests, NULL, NULL);
}
