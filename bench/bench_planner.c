/* How the planner grows with the network, and how it compares with an SMT solver.
 *
 *     bench_planner          the table of sizes
 *     bench_planner --smt    the same small instances as a problem for Z3: least time under an energy target,
 *                            by bisection on the time, as AxoNN (DAC 2022) poses it
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "plan/plan.h"
#include "planner_instance.h"
#ifdef MAE_HAVE_Z3
#include <z3.h>
#endif

#define SEED 1
#define SEEDS 6
#define REPEATS 5
#define FRONT_REPEATS 2

static void check(mae_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "bench_planner: %s\n", mae_error_message(error));
    exit(1);
}

static double now_ms(void)
{
    return (double)mae_clock_now_ns() / 1e6;
}

/* Least of some runs: what the planner needs where nothing else wants the processor. */
static double time_plan(const mae_profile *profile, const mae_goal *goal, mae_prediction *ret_cost)
{
    double least = 0;
    for (int i = 0; i < REPEATS; i++) {
        mae_solution solution;
        double begin = now_ms();
        check(mae_solve(profile, goal, NULL, &solution));
        double took = now_ms() - begin;
        least = i == 0 || took < least ? took : least;
        *ret_cost = solution.cost;
        if (!solution.optimal)
            printf("  (not proven: gap %g)\n", 1 - solution.lower_bound / solution.objective);
        free(solution.mapping);
    }
    return least;
}

/* Milliseconds of one size, per seed. */
typedef struct times {
    size_t layers;
    double latency[SEEDS], energy[SEEDS], bounded[SEEDS], edp[SEEDS], front[SEEDS];
} times;

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of all seeds: the upper one of the two in the middle. */
static double median(const double *of_seeds)
{
    double sorted[SEEDS];
    memcpy(sorted, of_seeds, sizeof sorted);
    qsort(sorted, SEEDS, sizeof *sorted, compare_doubles);
    return sorted[SEEDS / 2];
}

static double worst(const double *of_seeds)
{
    double most = 0;
    for (int i = 0; i < SEEDS; i++)
        most = larger(most, of_seeds[i]);
    return most;
}

static void time_goals(int which, size_t pes, times *r)
{
    mae_profile *profile = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    mae_prediction fastest, thriftiest, cost;
    check(bench_chain(SEED + (uint64_t)which, r->layers, pes, &profile));
    r->latency[which] = time_plan(profile, &goal, &fastest);
    goal.minimize = MAE_MIN_ENERGY;
    r->energy[which] = time_plan(profile, &goal, &thriftiest);
    for (int i = 1; i < 5; i++) {
        goal.max_latency_ms = fastest.latency_ms + (thriftiest.latency_ms - fastest.latency_ms) * i / 5;
        r->bounded[which] = larger(r->bounded[which], time_plan(profile, &goal, &cost));
    }
    goal = (mae_goal)MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_EDP;
    r->edp[which] = time_plan(profile, &goal, &cost);
    mae_profile_destroy(profile);
}

/* Least of FRONT_REPEATS runs. */
static double time_front(int which, size_t layers, size_t pes, double epsilon)
{
    mae_profile *profile = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    struct rusage usage;
    double least = INFINITY;
    size_t n_points = 0;
    check(bench_chain(SEED + (uint64_t)which, layers, pes, &profile));
    for (int i = 0; i < FRONT_REPEATS; i++) {
        mae_front *front = NULL;
        double begin = now_ms();
        check(mae_front_solve(profile, &goal, epsilon, &front));
        least = fmin(least, now_ms() - begin);
        n_points = front->n_points;
        mae_front_destroy(front);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%6zu x %zu  seed %d  front, epsilon %-5g  %6zu points  %9.1f ms  (peak memory so far %ld MiB)\n", layers,
           pes, SEED + which, epsilon, n_points, least, usage.ru_maxrss / 1024);
    mae_profile_destroy(profile);
    return least;
}

#define PLOT_WIDTH 64

/* A column for each eighth of a decade from 0.01 ms on. */
static void mark(char *line, double ms, char with)
{
    double column = 8 * log10(ms / 0.01);
    line[column < 0 ? 0 : column >= PLOT_WIDTH ? PLOT_WIDTH - 1 : (int)column] = with;
}

/* Both ways logarithmic: sizes grow by about 3 a line. */
static void plot(const times *rows, size_t n)
{
    printf(
        "\nlayers  worst time by decades from 0.01 ms: l latency, b energy under a deadline, p EDP, f exact front\n");
    for (size_t i = 0; i < n; i++) {
        char line[PLOT_WIDTH + 1];
        for (int c = 0; c < PLOT_WIDTH; c++)
            line[c] = c % 8 == 0 ? '|' : ' ';
        line[PLOT_WIDTH] = 0;
        mark(line, worst(rows[i].latency), 'l');
        mark(line, worst(rows[i].bounded), 'b');
        mark(line, worst(rows[i].edp), 'p');
        if (worst(rows[i].front) > 0)
            mark(line, worst(rows[i].front), 'f');
        printf("%6zu  %s\n", rows[i].layers, line);
    }
}

static void print_goal(const times *r, size_t pes, const char *goal, const double *of_seeds)
{
    printf("%6zu x %zu  %-38s median %9.3f  worst %9.3f ms\n", r->layers, pes, goal, median(of_seeds), worst(of_seeds));
}

static void table(void)
{
    times rows[] = {{.layers = 10}, {.layers = 30}, {.layers = 100}, {.layers = 300}, {.layers = 1000}};
    const size_t n = sizeof rows / sizeof *rows, pes = 8;
    double rough[SEEDS];
    printf(
        "Random chains (bench/planner_instance.c), seeds %d to %d, for goals the least of %d runs each, for fronts of "
        "%d\n",
        SEED, SEED + SEEDS - 1, REPEATS, FRONT_REPEATS);
    for (size_t i = 0; i < n; i++) {
        for (int seed = 0; seed < SEEDS; seed++)
            time_goals(seed, pes, &rows[i]);
        print_goal(&rows[i], pes, "latency", rows[i].latency);
        print_goal(&rows[i], pes, "energy", rows[i].energy);
        print_goal(&rows[i], pes, "energy under a deadline (worst of 4)", rows[i].bounded);
        print_goal(&rows[i], pes, "edp", rows[i].edp);
    }
    for (size_t i = 0; i + 1 < n; i++) {
        for (int seed = 0; seed < SEEDS; seed++)
            rows[i].front[seed] = time_front(seed, rows[i].layers, pes, 0);
        print_goal(&rows[i], pes, "exact front", rows[i].front);
    }
    for (int seed = 0; seed < SEEDS; seed++)
        rough[seed] = time_front(seed, rows[n - 1].layers, pes, 0.001);
    print_goal(&rows[n - 1], pes, "front, epsilon 0.001", rough);
    plot(rows, n);
}

#ifdef MAE_HAVE_Z3
typedef struct smt {
    Z3_context z3;
    Z3_solver solver;
    Z3_ast *on; /* per layer: on PE 1 */
    Z3_ast time, energy;
} smt;

static Z3_ast real(const smt *s, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.12f", value);
    return Z3_mk_numeral(s->z3, text, Z3_mk_real_sort(s->z3));
}

static Z3_ast choose(const smt *s, Z3_ast condition, double yes, double no)
{
    return Z3_mk_ite(s->z3, condition, real(s, yes), real(s, no));
}

static void build(smt *s, const mae_profile *p)
{
    unsigned n = (unsigned)p->n_layers, terms = 0;
    Z3_ast *time = calloc(3 * n, sizeof *time), *energy = calloc(3 * n, sizeof *energy);
    Z3_config config = Z3_mk_config();
    s->z3 = Z3_mk_context(config);
    Z3_del_config(config);
    s->solver = Z3_mk_solver(s->z3);
    Z3_solver_inc_ref(s->z3, s->solver);
    s->on = calloc(n, sizeof *s->on);
    for (unsigned l = 0; l < n; l++) {
        s->on[l] = Z3_mk_const(s->z3, Z3_mk_int_symbol(s->z3, (int)l), Z3_mk_bool_sort(s->z3));
        time[terms] = choose(s, s->on[l], p->costs[2 * l + 1].time_ms, p->costs[2 * l].time_ms);
        energy[terms++] = choose(s, s->on[l], p->costs[2 * l + 1].energy_mj, p->costs[2 * l].energy_mj);
        for (int to = 0; l > 0 && to < 2; to++) {
            const mae_transfer *row = &p->transfers[(1 - to) * 2 + to];
            double mib = p->tensors[p->layers[l].inputs[0]].bytes / 1048576;
            Z3_ast before = to ? Z3_mk_not(s->z3, s->on[l - 1]) : s->on[l - 1];
            Z3_ast after = to ? s->on[l] : Z3_mk_not(s->z3, s->on[l]);
            Z3_ast both[] = {before, after}, crosses = Z3_mk_and(s->z3, 2, both);
            time[terms] = choose(s, crosses, row->fixed_ms + row->ms_per_mib * mib, 0);
            energy[terms++] = choose(s, crosses, row->fixed_mj + row->mj_per_mib * mib, 0);
        }
    }
    s->time = Z3_mk_add(s->z3, terms, time);
    s->energy = Z3_mk_add(s->z3, terms, energy);
    free(time);
    free(energy);
}

/* Least time under an energy target, to 1e-6 of it; negative when the time-out struck or nothing was found. */
static double bisect(smt *s, double target, double low, double high, double timeout_ms)
{
    double begin = now_ms(), found = -1;
    Z3_solver_assert(s->z3, s->solver, Z3_mk_le(s->z3, s->energy, real(s, target)));
    while (high - low > 1e-6 * high) {
        double middle = (low + high) / 2, left = timeout_ms - (now_ms() - begin);
        if (left <= 0)
            return -1;
        Z3_params params = Z3_mk_params(s->z3);
        Z3_params_inc_ref(s->z3, params);
        Z3_params_set_uint(s->z3, params, Z3_mk_string_symbol(s->z3, "timeout"), (unsigned)left + 1);
        Z3_solver_set_params(s->z3, s->solver, params);
        Z3_params_dec_ref(s->z3, params);
        Z3_solver_push(s->z3, s->solver);
        Z3_solver_assert(s->z3, s->solver, Z3_mk_le(s->z3, s->time, real(s, middle)));
        Z3_lbool answer = Z3_solver_check(s->z3, s->solver);
        Z3_solver_pop(s->z3, s->solver, 1);
        if (answer == Z3_L_UNDEF)
            return -1;
        if (answer == Z3_L_TRUE)
            found = high = middle;
        else
            low = middle;
    }
    return found;
}

static void compare(size_t layers, uint64_t seed, int *right, int *total)
{
    mae_profile *profile = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    mae_prediction fastest, thriftiest, cost;
    check(bench_chain(seed, layers, 2, &profile));
    time_plan(profile, &goal, &fastest);
    goal.minimize = MAE_MIN_ENERGY;
    time_plan(profile, &goal, &thriftiest);
    for (int i = 1; i <= 3; i++) {
        smt s;
        goal = (mae_goal)MAE_GOAL_INIT;
        goal.max_energy_mj = thriftiest.energy_mj + (fastest.energy_mj - thriftiest.energy_mj) * i / 4;
        double ours = time_plan(profile, &goal, &cost), begin = now_ms();
        build(&s, profile);
        double theirs = bisect(&s, goal.max_energy_mj, 0, 2 * thriftiest.latency_ms + fastest.latency_ms, 30000);
        double took = now_ms() - begin;
        bool same = theirs >= cost.latency_ms * (1 - 1e-9) && theirs <= cost.latency_ms * (1 + 2e-6);
        *right += same;
        *total += 1;
        printf("%4zu layers, energy target %d/4: mae %.4f ms in %.4f ms; Z3 %s in %.0f ms: %.0f times as long\n",
               layers, i, cost.latency_ms, ours,
               theirs < 0 ? "no answer"
               : same     ? "the same"
                          : "another answer",
               took, took / ours);
        Z3_solver_dec_ref(s.z3, s.solver);
        Z3_del_context(s.z3);
        free(s.on);
    }
    mae_profile_destroy(profile);
}

static void side_by_side(void)
{
    static const size_t sizes[] = {10, 16, 24, 40};
    int right = 0, total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        compare(sizes[i], SEED + i, &right, &total);
    printf("Z3 answered %d of %d targets within its 30 s; mae answered all, each with a proof\n", right, total);
}
#else
static void side_by_side(void)
{
    printf("skipped: built without Z3 (libz3-dev)\n");
}
#endif

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "--smt") == 0)
        side_by_side();
    else
        table();
    return 0;
}
