/* What overlapping a frame's segments gains: the overlapped plan that the main job offers beside the serial one it
 * offers, predicted by the same profile and measured turn by turn, outputs verified.
 *
 *     bench_overlap --soc FILE [--budget SECONDS] [--seconds SECONDS] [--profile PROFILE] MODEL...
 *
 * FILE names PEs on resources that can work at once, two single processors say ("cores": "0" and "cores": "1"). Without
 * a profile each network is characterised first, contention included; then both are found as `mae bench` does, which
 * puts the segments it measures into the profile. Plans by the profile alone are printed, too. The ratio of the two
 * latencies is what is predicted and measured, in rounds of their own: whole machines drift meanwhile, ratios less. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rounds.h"

#define MOST_NETWORKS 64
#define LEAST_ROUNDS 20

typedef struct options {
    const char *soc, *profile;
    double budget_s, seconds;
    int n_models;
    char *models[MOST_NETWORKS];
} options;

static bool parse(int argc, char **argv, options *o)
{
    *o = (options){.budget_s = 30, .seconds = 10};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--soc") == 0 && value)
            o->soc = argv[++i];
        else if (strcmp(argv[i], "--profile") == 0 && value)
            o->profile = argv[++i];
        else if (strcmp(argv[i], "--budget") == 0 && value)
            o->budget_s = atof(argv[++i]);
        else if (strcmp(argv[i], "--seconds") == 0 && value)
            o->seconds = atof(argv[++i]);
        else if (argv[i][0] != '-' && o->n_models < MOST_NETWORKS)
            o->models[o->n_models++] = argv[i];
        else
            return false;
    }
    return o->soc && o->n_models > 0;
}

/* ---- plans ---- */

static void print_plan(const char *what, const mae_plan *plan)
{
    printf("  %-10s predicted %9.3f ms, %3zu segments, ", what, plan->predicted.latency_ms, plan->n_segments);
    if (plan->optimal)
        printf("proven best for the profile\n");
    else
        printf("at most %.1f %% above the best\n", plan->gap * 100);
}

static bool plan_alone(const char *what, const mae_profile *profile, mae_schedule schedule)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    goal.schedule = schedule;
    bool done = fine(mae_plan_solve(profile, &goal, &plan));
    if (done)
        print_plan(what, plan);
    mae_plan_destroy(plan);
    return done;
}

/* The main job. */
static bool offer(const options *o, mae_context *context, mae_model *model, const mae_profile *profile,
                  mae_schedule schedule, mae_bench **ret_bench)
{
    mae_bench_options how = {.goal = MAE_GOAL_INIT, .race_s = o->seconds, .profile = profile};
    how.goal.schedule = schedule;
    return fine(mae_bench_run(context, model, &how, ret_bench));
}

static bool predict(const mae_profile *profile, const mae_plan *plan, mae_schedule schedule, double *ret_ms)
{
    int *mapping = calloc(profile->n_layers + 1, sizeof *mapping);
    mae_prediction cost = {0};
    bool done = mapping && fine(mae_plan_mapping(plan, profile, mapping)) &&
                fine(schedule == MAE_OVERLAP ? mae_eval_overlap(profile, mapping, 0, &cost)
                                             : mae_eval(profile, mapping, 0, &cost));
    free(mapping);
    *ret_ms = cost.latency_ms;
    return done;
}

static void print_contention(const mae_profile *profile)
{
    for (size_t pe = 0; pe < profile->n_pes; pe++)
        for (size_t with = 0; with < profile->n_pes; with++) {
            const mae_contention *row = &profile->contention[pe * profile->n_pes + with];
            if (row->factor > 0)
                printf("  %s takes %.3f +- %.3f times as long beside %s (measured, %d rounds)\n", profile->pes[pe].name,
                       row->factor, row->spread, profile->pes[with].name, row->n);
        }
}

/* ---- measuring ---- */

/* The frames, and that what they give is right. */
static bool verify(const char *what, mae_session *session)
{
    mae_verdict verdict;
    if (!fine(mae_session_run(session)) || !fine(mae_session_verify(session, &verdict)))
        return false;
    if (!verdict.ok)
        printf("  %s: WRONG OUTPUTS, relative error %.3g\n", what, verdict.max_rel);
    return verdict.ok;
}

static void print_measured(const contestant *c, const mae_interval *ms)
{
    printf("  %-10s measured  %9.3f ms (%.3f to %.3f), %zu rounds\n", c->name, ms->median, ms->low, ms->high, c->n);
}

static bool race(const options *o, mae_session *const *sessions, const double *predicted_ms)
{
    static contestant both[2];
    both[0] = (contestant){.name = "serial", .run = run_session, .ctx = sessions[0]};
    both[1] = (contestant){.name = "overlapped", .run = run_session, .ctx = sessions[1]};
    if (!run_rounds(both, 2, 0, LEAST_ROUNDS, o->seconds))
        return false;
    for (int i = 0; i < 2; i++) {
        mae_interval ms = interval_of(&both[i]);
        print_measured(&both[i], &ms);
    }
    mae_interval ratio = ratio_of(&both[1], &both[0]);
    double predicted = predicted_ms[1] / predicted_ms[0];
    printf("  overlapped over serial: predicted %.3f, measured %.3f (%.3f to %.3f), %+.1f %% off\n", predicted,
           ratio.median, ratio.low, ratio.high, (predicted / ratio.median - 1) * 100);
    return true;
}

static bool run_plans(const options *o, mae_context *context, mae_model *model, const mae_plan *const *plans,
                      const double *predicted_ms)
{
    static const char *const names[] = {"serial", "overlapped"};
    mae_session *sessions[2] = {NULL, NULL};
    bool done = true;
    for (int i = 0; i < 2 && done; i++)
        done = fine(mae_session_open(context, model, plans[i], &sessions[i])) &&
               fine(mae_session_fill_inputs(sessions[i], 1)) && verify(names[i], sessions[i]);
    done = done && race(o, sessions, predicted_ms);
    for (int i = 0; i < 2; i++)
        mae_session_close(sessions[i]);
    return done;
}

static bool bench_profile(const options *o, mae_context *context, mae_model *model, const mae_profile *profile)
{
    mae_bench *serial = NULL, *overlapped = NULL;
    double predicted_ms[2];
    print_contention(profile);
    printf("  by the profile alone\n");
    bool done = plan_alone("serial", profile, MAE_SERIAL) && plan_alone("overlapped", profile, MAE_OVERLAP) &&
                offer(o, context, model, profile, MAE_SERIAL, &serial) &&
                offer(o, context, model, serial->profile, MAE_OVERLAP, &overlapped);
    done = done && predict(overlapped->profile, serial->plan, MAE_SERIAL, &predicted_ms[0]) &&
           predict(overlapped->profile, overlapped->plan, MAE_OVERLAP, &predicted_ms[1]);
    if (done) {
        printf("  offered, by the profile with the segments measured meanwhile\n");
        printf("  serial     predicted %9.3f ms, %3zu segments\n", predicted_ms[0], serial->plan->n_segments);
        printf("  overlapped predicted %9.3f ms, %3zu segments, the best of %zu mixes that were run\n", predicted_ms[1],
               overlapped->plan->n_segments, overlapped->candidates);
        done = run_plans(o, context, model, (const mae_plan *const[]){serial->plan, overlapped->plan}, predicted_ms);
    }
    mae_bench_destroy(serial);
    mae_bench_destroy(overlapped);
    return done;
}

static bool bench_model(const options *o, mae_context *context, const char *path)
{
    mae_model *model = NULL;
    mae_profile *profile = NULL;
    const mae_profile_options how = {.budget_s = o->budget_s};
    printf("%s\n", path);
    bool done = fine(mae_model_open(context, path, NULL, 0, &model)) &&
                fine(o->profile ? mae_profile_read(o->profile, &profile)
                                : mae_profile_measure(context, model, &how, &profile)) &&
                bench_profile(o, context, model, profile);
    fflush(stdout);
    mae_profile_destroy(profile);
    mae_model_close(model);
    return done;
}

int main(int argc, char **argv)
{
    options o;
    if (!parse(argc, argv, &o)) {
        fputs("usage: bench_overlap --soc FILE [--budget SECONDS] [--seconds SECONDS] [--profile PROFILE] MODEL...\n",
              stderr);
        return 2;
    }
    mae_context *context = NULL;
    const mae_context_options how = {.soc = o.soc};
    bool done = fine(mae_context_create(&how, &context));
    for (int i = 0; i < o.n_models && done; i++)
        done = bench_model(&o, context, o.models[i]);
    mae_context_destroy(context);
    return done ? 0 : 1;
}
