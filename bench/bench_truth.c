/* Does what mae promises hold? One network: the main job, then what was promised beside what is measured.
 *
 *     bench_truth MODEL [--threads N] [--budget S] [--race S] [--mappings N] [--regret N] [--seed N]
 *                       [--shape NAME=1,3,224,224] [--cores LIST] [--period-ms T]
 *
 * Prints one line of JSON; progress goes to standard error. `race`: the offered plan, every single PE, (A) a plain ONNX
 * Runtime session in this process that does not spin, and (B) ONNX Runtime with its defaults in a process of its own,
 * all turn by turn.
 */
#include <getopt.h>
#include <libgen.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plain_ort.h"
#include "truth.h"

typedef struct settings {
    const char *model, *cores, *program;
    int threads;
    double budget_s, race_s, period_ms;
    size_t mappings, regret;
    uint64_t seed;
    int n_shapes;
    const char *shapes[16];
} settings;

/* ---- what the questions share ---- */

bool is_supported(const truth *t, int pe, int first, int last)
{
    for (int l = first; l <= last; l++)
        if (!mae_model_supports(t->model, pe, l, NULL))
            return false;
    return true;
}

int *all_on(const truth *t, int pe)
{
    int *mapping = calloc(t->graph->n_layers, sizeof *mapping);
    for (size_t l = 0; mapping && l < t->graph->n_layers; l++)
        mapping[l] = pe;
    return mapping;
}

mae_session *open_mapping(const truth *t, const int *mapping)
{
    const mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    mae_session *session = NULL;
    if (!fine(mae_plan_of_mapping(t->profile, &goal, mapping, &plan)))
        return NULL;
    if (fine(mae_session_open(t->context, t->model, plan, &session)) && !fine(mae_session_fill_inputs(session, 1))) {
        mae_session_close(session);
        session = NULL;
    }
    mae_plan_destroy(plan);
    return session;
}

double anchor_factor(const truth *t, const int *mapping)
{
    double sum = 0, weight = 0;
    for (size_t l = 0; l < t->graph->n_layers; l++) {
        int p = mapping[l];
        double ms = t->profile->costs[l * t->n_pes + (size_t)p].time_ms;
        if (!t->single[p].name || !(t->single_told_ms[p] > 0))
            continue;
        sum += ms * log(interval_of(&t->single[p]).median / t->single_told_ms[p]);
        weight += ms;
    }
    return weight > 0 ? exp(sum / weight) : 1;
}

/* ---- set-up ---- */

static int parse_shapes(const settings *s, mae_input_shape *shapes, char (*names)[128], int64_t (*dims)[8])
{
    for (int i = 0; i < s->n_shapes; i++) {
        const char *equals = strchr(s->shapes[i], '=');
        if (!equals || equals - s->shapes[i] > 127)
            return -1;
        snprintf(names[i], 128, "%.*s", (int)(equals - s->shapes[i]), s->shapes[i]);
        char *at = (char *)equals;
        shapes[i] = (mae_input_shape){names[i], 0, dims[i]};
        while (*at && shapes[i].rank < 8)
            dims[i][shapes[i].rank++] = strtoll(at + 1, &at, 10);
    }
    return s->n_shapes;
}

static bool open_truth(const settings *s, truth *t)
{
    mae_input_shape shapes[16];
    char names[16][128];
    int64_t dims[16][8];
    int n = parse_shapes(s, shapes, names, dims);
    const mae_context_options options = {.threads = s->threads, .cores = s->cores};
    if (n < 0 || !fine(mae_context_create(&options, &t->context)) ||
        !fine(mae_model_open(t->context, s->model, shapes, (size_t)n, &t->model)))
        return false;
    t->graph = mae_model_graph(t->model);
    t->n_pes = mae_context_pes(t->context, &t->pes);
    t->period_ms = s->period_ms;
    fprintf(stderr, "%s: %zu layers, %zu PEs, %d threads\n", s->model, t->graph->n_layers, t->n_pes,
            mae_context_threads(t->context));
    const mae_profile_options profile = {.budget_s = s->budget_s};
    if (!fine(mae_profile_measure(t->context, t->model, &profile, &t->profile)))
        return false;
    t->single = calloc(t->n_pes, sizeof *t->single);
    t->single_told_ms = calloc(t->n_pes, sizeof *t->single_told_ms);
    for (size_t p = 0; t->single && t->single_told_ms && p < t->n_pes; p++) {
        int *mapping = all_on(t, (int)p);
        mae_prediction cost;
        if (mapping && is_supported(t, (int)p, 0, (int)t->graph->n_layers - 1) &&
            fine(mae_eval(t->profile, mapping, 0, &cost))) {
            t->single[p] = (contestant){.name = t->pes[p].name, .run = run_session, .ctx = open_mapping(t, mapping)};
            t->single_told_ms[p] = cost.latency_ms;
        }
        free(mapping);
        if (t->single[p].name && !t->single[p].ctx)
            return false;
    }
    return t->single && t->single_told_ms;
}

static void close_truth(truth *t)
{
    for (size_t p = 0; t->single && p < t->n_pes; p++)
        mae_session_close(t->single[p].ctx);
    free(t->single);
    free(t->single_told_ms);
    free(t->offered);
    mae_bench_destroy(t->bench);
    mae_profile_destroy(t->profile);
    mae_model_close(t->model);
    mae_context_destroy(t->context);
}

static bool find_offer(const settings *s, truth *t)
{
    mae_bench_options options = {.goal = MAE_GOAL_INIT, .race_s = s->race_s, .profile = t->profile};
    options.goal.period_ms = s->period_ms;
    t->offered = calloc(t->graph->n_layers, sizeof *t->offered);
    return t->offered && fine(mae_bench_run(t->context, t->model, &options, &t->bench)) &&
           fine(mae_plan_mapping(t->bench->plan, t->profile, t->offered));
}

/* ---- ONNX Runtime in a process of its own ---- */

typedef struct neighbour {
    FILE *to, *from;
    pid_t pid;
} neighbour;

static bool run_neighbour(void *ctx, int frames, double *ret_ms)
{
    neighbour *n = ctx;
    return fprintf(n->to, "%d\n", frames) > 0 && fflush(n->to) == 0 && fscanf(n->from, "%lf", ret_ms) == 1;
}

static bool start_neighbour(const settings *s, const truth *t, neighbour *n)
{
    int there[2], back[2];
    char threads[16], program[4096], ready[16];
    const char *argv[24] = {program, s->model, threads};
    char *own = strdup(s->program);
    snprintf(program, sizeof program, "%s/bench_ort_process", own ? dirname(own) : ".");
    free(own);
    snprintf(threads, sizeof threads, "%d", mae_context_threads(t->context));
    for (int i = 0; i < s->n_shapes; i++)
        argv[3 + i] = s->shapes[i];
    if (pipe(there) || pipe(back) || (n->pid = fork()) < 0)
        return false;
    if (n->pid == 0) {
        dup2(there[0], 0);
        dup2(back[1], 1);
        close(there[1]);
        close(back[0]);
        /* Set for the engines of this process; the neighbour has its defaults. */
        unsetenv("OMP_WAIT_POLICY");
        unsetenv("GOMP_SPINCOUNT");
        execv(program, (char *const *)argv);
        _exit(127);
    }
    close(there[0]);
    close(back[1]);
    n->to = fdopen(there[1], "w");
    n->from = fdopen(back[0], "r");
    return n->to && n->from && fscanf(n->from, "%15s", ready) == 1 && strcmp(ready, "ready") == 0;
}

static void stop_neighbour(neighbour *n)
{
    if (n->to)
        fclose(n->to);
    if (n->from)
        fclose(n->from);
    if (n->pid > 0)
        waitpid(n->pid, NULL, 0);
}

/* ---- the race against ONNX Runtime ---- */

static void print_interval(const char *name, mae_interval i)
{
    printf("\"%s\": [%.5g, %.5g, %.5g]", name, i.median, i.low, i.high);
}

/* The sum over layers of the least any PE takes: what mixing could come to if borders cost nothing. */
static double free_switching_ms(const truth *t)
{
    double sum = 0;
    for (size_t l = 0; l < t->graph->n_layers; l++) {
        double least = INFINITY;
        for (size_t p = 0; p < t->n_pes; p++)
            if (t->profile->costs[l * t->n_pes + p].supported)
                least = fmin(least, t->profile->costs[l * t->n_pes + p].time_ms);
        sum += least;
    }
    return sum;
}

static void report(const truth *t, const contestant *c, size_t n)
{
    const contestant *plan = &c[0], *a = &c[1], *b = &c[2];
    mae_interval measured = interval_of(plan);
    printf("\"race\": {\"rounds\": %zu, ", plan->n);
    for (size_t i = 0; i < n; i++) {
        print_interval(c[i].name, interval_of(&c[i]));
        printf(", ");
    }
    print_interval("plan_over_a", ratio_of(plan, a));
    printf(", ");
    print_interval("plan_over_b", ratio_of(plan, b));
    mae_prediction told;
    if (fine(mae_eval(t->bench->profile, t->offered, 0, &told)))
        printf(", \"predicted_ms\": %.6g, \"bench_predicted_ms\": %.6g, \"bench_measured_ms\": %.6g",
               told.latency_ms * anchor_factor(t, t->offered), t->bench->predicted_ms, t->bench->latency_ms.median);
    double best_told = INFINITY, best = INFINITY;
    for (size_t p = 0; p < t->n_pes; p++)
        if (t->single[p].name) {
            best_told = fmin(best_told, t->single_told_ms[p]);
            best = fmin(best, interval_of(&t->single[p]).median);
        }
    printf(", \"free_switching_over_best_single\": %.4f, \"plan_over_best_single\": %.4f, \"segments\": %zu}",
           free_switching_ms(t) / best_told, measured.median / best, t->bench->plan->n_segments);
}

static bool race(const settings *s, truth *t)
{
    neighbour b = {NULL, NULL, 0};
    contestant c[3 + 16];
    size_t n = 3;
    mae_session *plan = open_mapping(t, t->offered);
    plain_ort *a = plain_ort_open(s->model, mae_context_threads(t->context), false, s->shapes, s->n_shapes);
    bool done = plan && a && start_neighbour(s, t, &b);
    c[0] = (contestant){.name = "plan", .run = run_session, .ctx = plan};
    c[1] = (contestant){.name = "ort_plain", .run = plain_ort_run, .ctx = a};
    c[2] = (contestant){.name = "ort_defaults", .run = run_neighbour, .ctx = &b};
    for (size_t p = 0; p < t->n_pes && n < sizeof c / sizeof *c; p++)
        if (t->single[p].name)
            c[n++] = t->single[p];
    done = done && run_rounds(c, n, t->period_ms, 9, s->race_s);
    for (size_t p = 0, i = 3; done && p < t->n_pes && i < n; p++)
        if (t->single[p].name)
            t->single[p] = c[i++];
    if (done)
        report(t, c, n);
    plain_ort_close(a);
    mae_session_close(plan);
    stop_neighbour(&b);
    return done;
}

/* ---- the program ---- */

static bool parse(int argc, char **argv, settings *s)
{
    static const struct option options[] = {
        {"threads", 1, 0, 't'},   {"budget", 1, 0, 'b'}, {"race", 1, 0, 'r'},  {"mappings", 1, 0, 'm'},
        {"regret", 1, 0, 'g'},    {"seed", 1, 0, 'e'},   {"shape", 1, 0, 's'}, {"cores", 1, 0, 'c'},
        {"period-ms", 1, 0, 'p'}, {0, 0, 0, 0}};
    *s = (settings){.program = argv[0], .budget_s = 20, .race_s = 15, .mappings = 20, .seed = 1};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't')
            s->threads = atoi(optarg);
        else if (o == 'b')
            s->budget_s = atof(optarg);
        else if (o == 'r')
            s->race_s = atof(optarg);
        else if (o == 'm')
            s->mappings = (size_t)atol(optarg);
        else if (o == 'g')
            s->regret = (size_t)atol(optarg);
        else if (o == 'e')
            s->seed = (uint64_t)atoll(optarg);
        else if (o == 'p')
            s->period_ms = atof(optarg);
        else if (o == 'c')
            s->cores = optarg;
        else if (o == 's' && s->n_shapes < 16)
            s->shapes[s->n_shapes++] = optarg;
        else
            return false;
    }
    s->model = argv[optind];
    return optind == argc - 1;
}

static void print_head(const settings *s, const truth *t)
{
    char *path = strdup(s->model);
    printf("{\"network\": \"%s\", \"threads\": %d, \"period_ms\": %g, \"layers\": %zu, ", path ? basename(path) : "",
           mae_context_threads(t->context), s->period_ms, t->graph->n_layers);
    free(path);
}

int main(int argc, char **argv)
{
    settings s;
    truth t = {.context = NULL};
    signal(SIGPIPE, SIG_IGN);
    if (!parse(argc, argv, &s)) {
        fprintf(stderr, "usage: bench_truth MODEL [--threads N] [--budget S] [--race S] [--mappings N] [--regret N]\n"
                        "                   [--seed N] [--shape NAME=1,3,224,224] [--cores LIST] [--period-ms T]\n");
        return 2;
    }
    bool done = open_truth(&s, &t);
    if (done)
        print_head(&s, &t);
    if (done && s.mappings && t.n_pes > 1) {
        done = truth_predict(&t, s.mappings, s.seed, s.race_s);
        printf(", ");
    }
    done = done && find_offer(&s, &t) && race(&s, &t);
    if (done && s.regret) {
        printf(", ");
        done = truth_regret(&t, s.regret, s.seed);
    }
    puts("}");
    close_truth(&t);
    return done ? 0 : 1;
}
