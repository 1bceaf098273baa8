/* Overlapped plans against brute force: every mapping of small random networks is costed here, by a reading of "The
 * overlapped frame" of docs/formats.md that shares nothing with the planner: time goes on in steps, from one begin or
 * end of a segment to the next, and every segment is asked anew at each of them whether it may begin. */
#include "random_profile.h"

#include <math.h>
#include <stdio.h>

#include "plan/plan.h"

#define MOST_LAYERS 10
#define MOST_PES 4

typedef struct answer {
    bool allowed;
    double ms, energy;
    int switches;
} answer;

/* ---- the text, read once more ---- */

typedef struct piece {
    int pe, first, last;
    double work, done, begin, end; /* begin, end: -1: not yet */
} piece;

typedef struct frame {
    const mae_profile *p;
    const int *a;
    int n, of[MOST_LAYERS];
    piece pieces[MOST_LAYERS];
    double mj;
    bool allowed;
} frame;

static void transfer(frame *f, piece *who, int tensor, int from, int to)
{
    const mae_profile *p = f->p;
    for (size_t i = 0; i < p->n_overrides; i++)
        if (p->overrides[i].tensor == tensor && p->overrides[i].from == from && p->overrides[i].to == to) {
            who->work += p->overrides[i].time_ms;
            f->mj += p->overrides[i].energy_mj;
            return;
        }
    const mae_transfer *row = &p->transfers[from * (int)p->n_pes + to];
    if (!row->crossable) {
        f->allowed = f->allowed && from == to;
        return;
    }
    who->work += row->fixed_ms + row->ms_per_mib * p->tensors[tensor].bytes / 1048576.0;
    f->mj += row->fixed_mj + row->mj_per_mib * p->tensors[tensor].bytes / 1048576.0;
}

static bool reads(const mae_profile *p, int layer, int tensor)
{
    for (size_t k = 0; k < p->layers[layer].n_inputs; k++)
        if (p->layers[layer].inputs[k] == tensor)
            return true;
    return false;
}

/* The first segment on this PE, behind the producer's, that reads the tensor; -1: none. */
static int first_reader(const frame *f, int tensor, int pe)
{
    int producer = f->p->tensors[tensor].producer;
    for (int l = 0; l < (int)f->p->n_layers; l++)
        if (f->a[l] == pe && reads(f->p, l, tensor) && (producer < 0 || f->of[l] != f->of[producer]))
            return f->of[l];
    return -1;
}

static void pay_moves(frame *f, int tensor)
{
    const mae_profile *p = f->p;
    int producer = p->tensors[tensor].producer, home = producer >= 0 ? f->a[producer] : p->host;
    if (home < 0)
        return;
    bool delivered = producer >= 0 && p->tensors[tensor].is_output && p->host >= 0 && p->host != home;
    if (delivered)
        transfer(f, &f->pieces[f->of[producer]], tensor, home, p->host);
    for (int pe = 0; pe < (int)p->n_pes; pe++) {
        int reader = first_reader(f, tensor, pe);
        bool there = (delivered && pe == p->host) || (pe == home && producer < 0);
        if (reader >= 0 && !there)
            transfer(f, &f->pieces[reader], tensor, home, pe);
    }
}

static void cut(frame *f)
{
    const mae_profile *p = f->p;
    int count[MOST_PES] = {0};
    for (int l = 0; l < (int)p->n_layers; l++) {
        if (l == 0 || f->a[l] != f->a[l - 1])
            f->pieces[f->n++] = (piece){.pe = f->a[l], .first = l, .begin = -1, .end = -1};
        f->pieces[f->n - 1].last = l;
        f->of[l] = f->n - 1;
        f->allowed = f->allowed && p->costs[l * (int)p->n_pes + f->a[l]].supported;
    }
    for (int s = 0; s < f->n; s++) {
        piece *x = &f->pieces[s];
        const mae_segment_cost *row = NULL;
        count[x->pe]++;
        for (size_t i = 0; i < p->n_segments; i++)
            if (p->segments[i].pe == x->pe && p->segments[i].first == x->first && p->segments[i].last == x->last)
                row = &p->segments[i];
        x->work = row ? row->time_ms : p->pes[x->pe].segment_ms;
        f->mj += row ? row->energy_mj : p->pes[x->pe].segment_mj;
        for (int l = x->first; l <= x->last && !row; l++) {
            x->work += p->costs[l * (int)p->n_pes + x->pe].time_ms;
            f->mj += p->costs[l * (int)p->n_pes + x->pe].energy_mj;
        }
    }
    for (int pe = 0; pe < (int)p->n_pes; pe++)
        if (p->pes[pe].max_segments && count[pe] > p->pes[pe].max_segments)
            f->allowed = false;
}

static bool same_resource(const frame *f, int s, int q)
{
    return strcmp(f->p->pes[f->pieces[s].pe].resource, f->p->pes[f->pieces[q].pe].resource) == 0;
}

static bool may_begin(const frame *f, int s)
{
    for (int q = 0; q < s; q++) {
        bool waits = same_resource(f, s, q);
        for (int l = f->pieces[s].first; l <= f->pieces[s].last; l++)
            for (size_t k = 0; k < f->p->layers[l].n_inputs; k++) {
                int producer = f->p->tensors[f->p->layers[l].inputs[k]].producer;
                waits |= producer >= 0 && f->of[producer] == q;
            }
        if (waits && f->pieces[q].end < 0)
            return false;
    }
    return true;
}

static double rate(const frame *f, int s)
{
    double rate = 1;
    for (int q = 0; q < f->n; q++) {
        const piece *other = &f->pieces[q];
        if (q == s || other->begin < 0 || other->end >= 0)
            continue;
        double factor = f->p->contention[f->pieces[s].pe * (int)f->p->n_pes + other->pe].factor;
        rate /= factor > 0 ? factor : 1;
    }
    return rate;
}

static double play(frame *f)
{
    double now = 0;
    for (int left = f->n; left > 0;) {
        bool changed = false;
        for (int s = 0; s < f->n; s++) {
            piece *x = &f->pieces[s];
            if (x->begin < 0 && may_begin(f, s)) {
                x->begin = now;
                changed = true;
            }
            if (x->begin >= 0 && x->end < 0 && x->work - x->done <= 1e-13 * (1 + x->work)) {
                x->end = now;
                left--;
                changed = true;
            }
        }
        if (changed)
            continue;
        double step = INFINITY, rates[MOST_LAYERS];
        for (int s = 0; s < f->n; s++) {
            piece *x = &f->pieces[s];
            rates[s] = x->begin >= 0 && x->end < 0 ? rate(f, s) : 0;
            if (rates[s] > 0)
                step = fmin(step, (x->work - x->done) / rates[s]);
        }
        assert_true(isfinite(step));
        now += step;
        for (int s = 0; s < f->n; s++)
            f->pieces[s].done += step * rates[s];
    }
    return now;
}

static answer cost(const mae_profile *p, const int *a, double period)
{
    frame f = {.p = p, .a = a, .allowed = true};
    cut(&f);
    for (int t = 0; t < (int)p->n_tensors && f.allowed; t++)
        pay_moves(&f, t);
    answer x = {.allowed = f.allowed, .switches = f.n - 1};
    if (!f.allowed)
        return x;
    x.ms = play(&f);
    x.energy = p->energy == MAE_ENERGY_NONE ? 0 : f.mj + p->static_w * fmax(x.ms, period);
    return x;
}

/* ---- comparing ---- */

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)) + 1e-12;
}

static int order(double a, double b)
{
    return near(a, b) ? 0 : a < b ? -1 : 1;
}

static double objective(const mae_goal *goal, const answer *x, double L, double E)
{
    switch (goal->minimize) {
    case MAE_MIN_ENERGY:
        return x->energy;
    case MAE_MIN_EDP:
        return x->energy * x->ms;
    case MAE_MIN_WEIGHTED:
        return goal->weight * x->ms / L + (1 - goal->weight) * x->energy / E;
    default:
        return x->ms;
    }
}

static bool meets(const mae_goal *goal, const answer *x)
{
    double most = goal->max_energy_mj > 0 ? goal->max_energy_mj : INFINITY;
    if (goal->max_power_w > 0)
        most = fmin(most, goal->max_power_w * goal->period_ms);
    return (goal->max_latency_ms == 0 || x->ms <= goal->max_latency_ms * (1 + 1e-9)) &&
           x->energy <= most * (1 + 1e-9) && (goal->max_switches < 0 || x->switches <= goal->max_switches);
}

typedef struct table {
    size_t n;
    int (*mappings)[MOST_LAYERS];
    answer *answers;
} table;

static void enumerate(const mae_profile *p, double period, table *all)
{
    size_t total = 1;
    for (size_t l = 0; l < p->n_layers; l++)
        total *= p->n_pes;
    *all = (table){0, malloc(total * sizeof *all->mappings), malloc(total * sizeof *all->answers)};
    assert_true(all->mappings && all->answers);
    for (size_t i = 0; i < total; i++) {
        size_t rest = i;
        for (size_t l = 0; l < p->n_layers; l++, rest /= p->n_pes)
            all->mappings[all->n][l] = (int)(rest % p->n_pes);
        all->answers[all->n] = cost(p, all->mappings[all->n], period);
        if (all->answers[all->n].allowed)
            all->n++;
    }
}

static void forget(table *all)
{
    free(all->mappings);
    free(all->answers);
}

/* ---- instances ---- */

/* PEs of several resources, and rows of contention between them. */
static void set_resources(mae_rng *rng, mae_profile *p, bool contended)
{
    mae_profile_pe *pes = (mae_profile_pe *)p->pes;
    if (p->n_pes > 2 && chance(rng, 0.3))
        pes[1].resource = pes[0].resource;
    for (int pe = 0; pe < (int)p->n_pes; pe++)
        for (int with = 0; with < (int)p->n_pes; with++)
            if (contended && strcmp(pes[pe].resource, pes[with].resource) != 0 && chance(rng, 0.8))
                mae_profile_set_contention(p, pe, with, &(mae_contention){1 + 1.2 * mae_rng_uniform(rng), 0, 0});
}

static mae_profile *instance(uint64_t seed, bool contended)
{
    mae_rng rng = {seed};
    random_shape shape = {
        .n_layers = 3 + (size_t)rnd(&rng, 6), .chain = chance(&rng, 0.1), .extras = chance(&rng, 0.6)};
    shape.n_pes = 2 + (size_t)rnd(&rng, shape.n_layers < 7 ? 3 : 2);
    shape.coarse = chance(&rng, 0.2);
    mae_profile *p = random_profile(seed, &shape);
    set_resources(&rng, p, contended);
    return p;
}

static void random_goal(mae_rng *rng, const mae_profile *p, const table *all, mae_goal *goal)
{
    static const mae_objective objectives[] = {MAE_MIN_LATENCY, MAE_MIN_LATENCY, MAE_MIN_ENERGY, MAE_MIN_EDP,
                                               MAE_MIN_WEIGHTED};
    bool energy = p->energy != MAE_ENERGY_NONE;
    const answer *any = all->n ? &all->answers[rnd(rng, (int)all->n)] : NULL;
    *goal = (mae_goal)MAE_GOAL_INIT;
    goal->schedule = MAE_OVERLAP;
    goal->minimize = energy ? objectives[rnd(rng, 5)] : MAE_MIN_LATENCY;
    goal->weight = mae_rng_uniform(rng);
    if (any && chance(rng, 0.35))
        goal->max_latency_ms = any->ms * (chance(rng, 0.2) ? 0.3 : 1);
    if (any && energy && chance(rng, 0.35))
        goal->max_energy_mj = any->energy * (chance(rng, 0.2) ? 0.5 : 1);
    if (chance(rng, 0.25))
        goal->max_switches = rnd(rng, 4);
}

static size_t best_of(const table *all, const mae_goal *goal, double L, double E)
{
    size_t best = all->n;
    for (size_t i = 0; i < all->n; i++) {
        const answer *x = &all->answers[i], *y = &all->answers[best < all->n ? best : i];
        if (!meets(goal, x))
            continue;
        int o = best == all->n ? -1 : order(objective(goal, x, L, E), objective(goal, y, L, E));
        o = o ? o : order(x->ms, y->ms);
        o = o ? o : order(x->energy, y->energy);
        o = o ? o : (x->switches > y->switches) - (x->switches < y->switches);
        if (o < 0 || best == all->n)
            best = i;
    }
    return best;
}

static void check_evaluations(const mae_profile *p, const table *all, double period)
{
    for (size_t i = 0; i < all->n; i++) {
        mae_prediction got;
        mae_error *error = mae_eval_overlap(p, all->mappings[i], period, &got);
        if (error)
            fail_msg("%s", mae_error_message(error));
        assert_true(near(got.latency_ms, all->answers[i].ms));
        assert_true(near(got.energy_mj, all->answers[i].energy));
        assert_int_equal(got.switches, all->answers[i].switches);
    }
}

static void check_nearest(const mae_profile *p, const mae_goal *goal, const table *all, const char *where)
{
    bool exists;
    mae_prediction got = {0};
    double least = INFINITY, most = goal->max_energy_mj > 0 ? goal->max_energy_mj : INFINITY;
    for (size_t i = 0; i < all->n; i++) {
        const answer *x = &all->answers[i];
        if (goal->max_switches >= 0 && x->switches > goal->max_switches)
            continue;
        double miss = fmax(goal->max_latency_ms > 0 ? x->ms / goal->max_latency_ms : 0, x->energy / most);
        least = fmin(least, isfinite(most) || goal->max_latency_ms > 0 ? miss : x->ms);
    }
    mae_error *error = mae_nearest(p, goal, &exists, &got);
    if (error)
        fail_msg("%s: %s", where, mae_error_message(error));
    if (exists != isfinite(least))
        fail_msg("%s: nearest %s", where, exists ? "exists" : "does not exist");
    if (!exists)
        return;
    double miss = fmax(goal->max_latency_ms > 0 ? got.latency_ms / goal->max_latency_ms : 0, got.energy_mj / most);
    if (!near(isfinite(most) || goal->max_latency_ms > 0 ? miss : got.latency_ms, least))
        fail_msg("%s: nearest misses by %.12g, could by %.12g", where, miss, least);
}

static void check_goal(const mae_profile *p, const mae_goal *goal, const table *all, const char *where, size_t *solved)
{
    double L, E;
    mae_solution got = {0};
    mae_error *error = mae_goal_scales(p, goal, &L, &E);
    if (error) { /* there is no mapping to scale by */
        assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
        mae_error_free(error);
        return;
    }
    size_t best = best_of(all, goal, L, E);
    error = mae_solve(p, goal, NULL, &got);
    if (best == all->n) {
        if (mae_error_code(error) != MAE_ERR_INFEASIBLE || strstr(mae_error_message(error), "proven"))
            fail_msg("%s: %s", where, error ? mae_error_message(error) : "a plan for a goal that cannot be met");
        mae_error_free(error);
        check_nearest(p, goal, all, where);
        return;
    }
    if (error)
        fail_msg("%s: %s", where, mae_error_message(error));
    const answer *x = &all->answers[best];
    if (!got.optimal)
        fail_msg("%s: not proven", where);
    answer own = cost(p, got.mapping, goal->period_ms);
    if (!own.allowed || !near(own.ms, got.cost.latency_ms) || !near(own.energy, got.cost.energy_mj))
        fail_msg("%s: the plan does not cost what it says", where);
    if (!near(got.objective, objective(goal, x, L, E)) || !near(got.cost.latency_ms, x->ms) ||
        !near(got.cost.energy_mj, x->energy) || got.cost.switches != x->switches)
        fail_msg("%s: J %.15g, ms %.15g, mJ %.15g, %d switches; best J %.15g, ms %.15g, mJ %.15g, %d", where,
                 got.objective, got.cost.latency_ms, got.cost.energy_mj, got.cost.switches, objective(goal, x, L, E),
                 x->ms, x->energy, x->switches);
    free(got.mapping);
    ++*solved;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void check_all(bool contended)
{
    uint64_t first = from_environment("MAE_ORACLE_SEED", 1), n = from_environment("MAE_ORACLE_INSTANCES", 400);
    size_t solved = 0, goals = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        mae_profile *p = instance(seed, contended);
        mae_rng rng = {seed * 77 + contended};
        double period = chance(&rng, 0.3) ? 2 * mae_rng_uniform(&rng) : 0;
        table all;
        enumerate(p, period, &all);
        check_evaluations(p, &all, period);
        for (int g = 0; g < 4; g++, goals++) {
            char where[96];
            mae_goal goal;
            random_goal(&rng, p, &all, &goal);
            goal.period_ms = period;
            snprintf(where, sizeof where, "seed %llu, goal %d%s", (unsigned long long)seed, g,
                     contended ? ", contended" : "");
            check_goal(p, &goal, &all, where, &solved);
        }
        forget(&all);
        mae_profile_destroy(p);
    }
    print_message("seeds from %llu: %zu of %zu goals met, each proven\n", (unsigned long long)first, solved, goals);
}

static void plans_are_the_best(void **state)
{
    (void)state;
    check_all(false);
}

static void plans_are_the_best_under_contention(void **state)
{
    (void)state;
    check_all(true);
}

/* With room for few partial mappings most are left out: what is proven stays true. */
static void check_bounds(const mae_profile *p, const mae_goal *goal, const table *all, const char *where,
                         size_t *unproven)
{
    const mae_plan_limits little = {4096};
    double L, E;
    mae_solution got = {0};
    mae_error *error = mae_goal_scales(p, goal, &L, &E);
    if (!error)
        error = mae_solve(p, goal, &little, &got);
    size_t best = error ? all->n : best_of(all, goal, L, E);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        bool open = strstr(mae_error_message(error), "not proven");
        mae_error_free(error);
        *unproven += open;
        if (!open && mae_goal_scales(p, goal, &L, &E) == NULL && best_of(all, goal, L, E) < all->n)
            fail_msg("%s: called infeasible, and is not", where);
        return;
    }
    if (error)
        fail_msg("%s: %s", where, mae_error_message(error));
    assert_true(best < all->n);
    double J = objective(goal, &all->answers[best], L, E);
    if (got.lower_bound > J * (1 + 1e-9) || got.objective < J * (1 - 1e-9) || (got.optimal && !near(got.objective, J)))
        fail_msg("%s: J %.15g, bound %.15g%s; best %.15g", where, got.objective, got.lower_bound,
                 got.optimal ? ", called optimal" : "", J);
    *unproven += !got.optimal;
    free(got.mapping);
}

static void bounds_hold_with_little_memory(void **state)
{
    (void)state;
    uint64_t first = from_environment("MAE_ORACLE_SEED", 1), n = from_environment("MAE_ORACLE_INSTANCES", 150);
    size_t unproven = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        mae_profile *p = instance(seed + 100000, seed % 2);
        mae_rng rng = {seed};
        table all;
        enumerate(p, 0, &all);
        for (int g = 0; g < 3; g++) {
            char where[96];
            mae_goal goal;
            random_goal(&rng, p, &all, &goal);
            snprintf(where, sizeof where, "seed %llu, goal %d, little memory", (unsigned long long)seed, g);
            check_bounds(p, &goal, &all, where, &unproven);
        }
        forget(&all);
        mae_profile_destroy(p);
    }
    print_message("%zu of %zu goals not proven\n", unproven, (size_t)n * 3);
    assert_true(unproven > 0);
}

/* Networks too large to try everything. */
static void never_worse_than_the_serial_optimum(void **state)
{
    (void)state;
    size_t better = 0, proven = 0, n = 0;
    for (uint64_t seed = 1; seed <= 12; seed++, n++) {
        mae_rng rng = {seed * 31};
        random_shape shape = {
            .n_layers = 24 + (size_t)rnd(&rng, 24), .n_pes = 2 + (size_t)rnd(&rng, 2), .extras = chance(&rng, 0.5)};
        mae_profile *p = random_profile(seed + 7000, &shape);
        set_resources(&rng, p, seed % 3 == 0);
        mae_goal serial = MAE_GOAL_INIT, overlap = MAE_GOAL_INIT;
        mae_solution base, got;
        mae_prediction cost;
        overlap.schedule = MAE_OVERLAP;
        mae_error *error = mae_solve(p, &serial, NULL, &base);
        if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
            mae_error_free(error);
            mae_profile_destroy(p);
            continue;
        }
        assert_null(error);
        assert_null(mae_eval_overlap(p, base.mapping, 0, &cost));
        assert_null(mae_solve(p, &overlap, NULL, &got));
        if (got.objective > cost.latency_ms * (1 + 1e-9) || got.lower_bound > got.objective * (1 + 1e-9))
            fail_msg("seed %llu: %g ms, bound %g; the serial optimum overlapped %g", (unsigned long long)seed,
                     got.objective, got.lower_bound, cost.latency_ms);
        better += got.objective < cost.latency_ms * (1 - 1e-6);
        proven += got.optimal;
        print_message("%2zu layers, %zu PEs%s: serial %.4f ms, overlapped as it is %.4f, best %.4f, gap %.1f %%\n",
                      p->n_layers, p->n_pes, seed % 3 ? "" : ", contended", base.objective, cost.latency_ms,
                      got.objective, (1 - got.lower_bound / got.objective) * 100);
        free(base.mapping);
        free(got.mapping);
        mae_profile_destroy(p);
    }
    print_message("%zu better than the serial optimum overlapped, %zu proven\n", better, proven);
    assert_true(better > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_the_best),
        cmocka_unit_test(plans_are_the_best_under_contention),
        cmocka_unit_test(bounds_hold_with_little_memory),
        cmocka_unit_test(never_worse_than_the_serial_optimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
