/* Characterising: the order of events, the budget and the progress. */
#include "profile/measure.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "profile/joules.h"
#include "profile/pace.h"
#include "profile/survey.h"

#define WARM_UP_FRAMES 2
#define MOST_FRAMES 6 /* a turn */
#define LEAST_FRAMES 2
#define TURN_MS 100.0 /* about so long, between these limits */
#define LEAST_TURNS 3 /* whatever the budget */
#define ENOUGH_TURNS 6
#define TIGHT 0.02
#define TIMED_SHARE 0.3   /* of the budget */
#define METERED_SHARE 0.5 /* of all, when energy is metered too */
#define DRAWN_SHARE 0.5   /* of the time for times: spent by then, or no places are drawn */
#define METERED_DRAWN_SHARE 0.1

static uint64_t now_ns(const mae_survey *survey)
{
    const mae_program_clock *clock = &survey->options->clock;
    return clock->now_ns ? clock->now_ns(clock->ctx) : mae_clock_now_ns();
}

static double spent_s(const mae_survey *survey)
{
    return (double)(now_ns(survey) - survey->begin_ns) * 1e-9;
}

double mae_survey_left_s(const mae_survey *survey)
{
    return fmax(0, survey->options->budget_s - survey->contention_s - spent_s(survey));
}

mae_error *mae_survey_progress(const mae_survey *survey, const char *what, double part)
{
    const mae_measure_options *options = survey->options;
    if (!options->progress)
        return NULL;
    double share = survey->times_budget_s / options->budget_s;
    double fraction = part <= 1 ? share * part : share + (1 - share) * (part - 1);
    double spent = spent_s(survey), left = -1;
    if (fraction > 0.05)
        left = fmax(0, fmin(spent * (1 - fraction) / fraction, options->budget_s - spent));
    if (options->progress(options->progress_ctx, what, fraction, left))
        return NULL;
    return mae_error_new(MAE_ERR_FAILED, "cancelled");
}

static mae_error *progress(const mae_survey *survey, const char *what, double fraction)
{
    return mae_survey_progress(survey, what, fraction);
}

/* ---- running ---- */

static bool all_tight(const mae_survey *survey)
{
    for (size_t i = 0; i < survey->n_subjects; i++)
        if (survey->subjects[i].turn.n_samples < survey->subjects[i].turn.room &&
            !mae_turn_is_tight(&survey->subjects[i].turn, TIGHT))
            return false;
    return true;
}

/* Long turns: after another program has run it takes some frames until all is back in the caches, the longer the
 * more memory a program touches. Slow networks have no time for that, and less need of it. */
static mae_error *warm_up(mae_survey *survey, size_t *ret_frames, double *ret_frame_ms)
{
    double begin_s = spent_s(survey);
    for (size_t i = 0; i < survey->n_subjects; i++)
        for (size_t k = 0; k < WARM_UP_FRAMES; k++)
            MAE_TRY(mae_program_run(survey->subjects[i].program, NULL));
    double frame_ms = (spent_s(survey) - begin_s) * 1e3 / (double)(WARM_UP_FRAMES * survey->n_subjects + 1);
    double frames = frame_ms > 0 ? TURN_MS / frame_ms : MOST_FRAMES;
    *ret_frame_ms = frame_ms;
    *ret_frames = (size_t)fmax(LEAST_FRAMES, fmin(frames, MOST_FRAMES));
    return NULL;
}

/* Each program's turn, and looks at the machine in between. */
static mae_error *take_round(mae_survey *survey, size_t round, size_t frames, mae_pace *pace, bool *ret_room)
{
    *ret_room = false;
    for (size_t i = 0; i < survey->n_subjects; i++) {
        mae_turn *turn = &survey->subjects[(i + round) % survey->n_subjects].turn;
        *ret_room = *ret_room || turn->n_samples < turn->room;
        MAE_TRY(mae_turn_take(turn, frames, mae_pace_now(pace)));
        MAE_TRY(mae_pace_turn_done(pace));
    }
    return NULL;
}

/* Everything compiled takes turns, in rotating order, until all medians are tight or the time is up. */
static mae_error *take_turns(mae_survey *survey, const char *what, double until_s, double from, double to)
{
    size_t frames = 0;
    double frame_ms = 0;
    mae_pace pace;
    MAE_TRY(warm_up(survey, &frames, &frame_ms));
    double turn_ms = frame_ms * (double)(frames + WARM_UP_FRAMES);
    double round_s = turn_ms * 1e-3 * (double)survey->n_subjects, least_s = LEAST_TURNS * round_s;
    bool time_to_look = until_s - spent_s(survey) > least_s * (1 + MAE_PACE_SHARE);
    MAE_TRY(mae_pace_init(survey, MAE_MOST_SAMPLES / LEAST_FRAMES + 1, time_to_look ? turn_ms : 0, &pace));
    /* A round may be half too late; one with looks in it, which takes longer, not at all. */
    double slack_s = pace.n_lanes ? 0 : round_s / 2;
    double begin_s = spent_s(survey), before_s = begin_s;
    bool room = true;
    for (size_t round = 0; room; round++) {
        double now_s = spent_s(survey);
        bool late = now_s + (now_s - before_s) >= until_s + slack_s;
        bool ready = round >= ENOUGH_TURNS && all_tight(survey);
        if (round >= LEAST_TURNS && (late || ready))
            break;
        double share = until_s > begin_s ? fmin(1, (now_s - begin_s) / (until_s - begin_s)) : 1;
        MAE_TRY(progress(survey, what, from + share * (to - from)));
        before_s = now_s;
        MAE_TRY(take_round(survey, round, frames, &pace, &room));
    }
    return mae_pace_even_out(&pace);
}

/* ---- the two passes ---- */

static mae_error *compile(mae_survey *survey, const mae_subject_spec *spec, double from, double to)
{
    double share = (double)survey->n_subjects / (double)survey->subjects_room;
    MAE_TRY(progress(survey, "compiling", from + share * (to - from)));
    return mae_survey_compile(survey, spec);
}

static mae_error *compile_timed(mae_survey *survey, mae_subject_kind kind, size_t pe)
{
    const mae_subject_spec spec = {kind, MAE_CUTS_CHOSEN, (int)pe, -1, MAE_COMPILE_TIMED};
    return compile(survey, &spec, 0, 0.1);
}

static mae_error *compile_untimed(mae_survey *survey, mae_subject_kind kind, mae_cut_set set, size_t pe, int other)
{
    const mae_subject_spec spec = {kind, set, (int)pe, other, 0};
    return compile(survey, &spec, 0.35, 0.5);
}

static mae_error *time_layers(mae_survey *survey)
{
    for (size_t p = 0; p < survey->n_pes; p++) {
        if (!survey->of[p].n_supported || !mae_survey_times_layers(survey, p))
            continue;
        MAE_TRY(compile_timed(survey, MAE_SUBJECT_WHOLE, p));
        if (survey->cuts[MAE_CUTS_CHOSEN].n)
            MAE_TRY(compile_timed(survey, MAE_SUBJECT_CUT, p));
    }
    double until_s = spent_s(survey) + TIMED_SHARE * fmax(0, survey->times_budget_s - spent_s(survey));
    MAE_TRY(take_turns(survey, "timing layers", until_s, 0.1, 0.35));
    for (size_t i = 0; i < survey->n_subjects; i++)
        MAE_TRY(mae_survey_harvest(survey, &survey->subjects[i]));
    mae_survey_discard(survey);
    return NULL;
}

static mae_error *compile_mixed(mae_survey *survey)
{
    size_t n = survey->n_pes;
    for (size_t p = 0; p < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            if (!survey->cuts[MAE_CUTS_CHOSEN].n || !survey->of[p].n_supported || !survey->of[q].n_supported)
                continue;
            MAE_TRY(compile_untimed(survey, MAE_SUBJECT_MIXED, MAE_CUTS_CHOSEN, p, (int)q));
            /* Every border in the other direction too, unless compiling has eaten the budget. */
            if (spent_s(survey) < 0.8 * survey->times_budget_s)
                MAE_TRY(compile_untimed(survey, MAE_SUBJECT_MIXED, MAE_CUTS_CHOSEN, q, (int)p));
        }
    }
    return NULL;
}

/* Twice as many programs must leave each of them turns enough; slow networks have borders that matter less. */
static bool has_time_for_drawn(const mae_survey *survey)
{
    double frames_ms = 0;
    for (size_t p = 0; p < survey->n_pes; p++)
        frames_ms += 2 * survey->of[p].timed_frame_ms; /* cut, and a share of the rounds */
    double turns_s = frames_ms * 1e-3 * (LEAST_FRAMES + 2) * ENOUGH_TURNS;
    /* What times leave of the budget is the meter's, and that can never have enough. */
    bool metered = survey->options->energy && survey->options->energy->meter;
    double share = metered ? METERED_DRAWN_SHARE : DRAWN_SHARE;
    return survey->cuts[MAE_CUTS_DRAWN].n && spent_s(survey) + turns_s < share * survey->times_budget_s;
}

static mae_error *compile_drawn(mae_survey *survey)
{
    if (!has_time_for_drawn(survey))
        return NULL;
    for (size_t p = 0; p < survey->n_pes; p++) {
        if (!survey->of[p].n_supported)
            continue;
        MAE_TRY(compile_untimed(survey, MAE_SUBJECT_CUT, MAE_CUTS_DRAWN, p, -1));
        if (survey->n_pes > 1)
            MAE_TRY(compile_untimed(survey, MAE_SUBJECT_ROUND, MAE_CUTS_DRAWN, p, -1));
    }
    return NULL;
}

static mae_error *run_untimed(mae_survey *survey)
{
    for (size_t p = 0; p < survey->n_pes; p++) {
        if (!survey->of[p].n_supported)
            continue;
        MAE_TRY(compile_untimed(survey, MAE_SUBJECT_WHOLE, MAE_CUTS_CHOSEN, p, -1));
        if (survey->cuts[MAE_CUTS_CHOSEN].n)
            MAE_TRY(compile_untimed(survey, MAE_SUBJECT_CUT, MAE_CUTS_CHOSEN, p, -1));
        if (!mae_survey_times_layers(survey, p))
            MAE_TRY(compile_untimed(survey, MAE_SUBJECT_SINGLES, MAE_CUTS_CHOSEN, p, -1));
    }
    MAE_TRY(compile_mixed(survey));
    MAE_TRY(compile_drawn(survey));
    return take_turns(survey, "running mixed", survey->times_budget_s, 0.5, 1);
}

/* ---- the survey ---- */

static bool init_pe(mae_survey *survey, size_t p)
{
    mae_pe_survey *of = &survey->of[p];
    mae_arena *arena = survey->arena;
    size_t n = survey->graph->n_layers;
    of->base_ms = mae_arena_array(arena, n, sizeof(double));
    of->timed_ms = mae_arena_array(arena, n, sizeof(double));
    of->cut_ms = mae_arena_array(arena, n, sizeof(double));
    of->rows = mae_arena_array(arena, n * survey->n_columns, sizeof(double));
    of->runs = mae_arena_array(arena, n, sizeof(size_t));
    of->spread_ms = mae_arena_array(arena, n, sizeof(double));
    of->unknowns = mae_arena_array(arena, survey->n_columns, sizeof(double));
    of->enters = mae_arena_array(arena, survey->n_pes, sizeof(size_t));
    of->scale = mae_arena_array(arena, n, sizeof(double));
    for (size_t l = 0; of->scale && l < n; l++)
        of->scale[l] = 1;
    return of->scale && of->base_ms && of->timed_ms && of->cut_ms && of->rows && of->runs && of->spread_ms &&
           of->unknowns && of->enters;
}

static mae_error *init(mae_survey *survey)
{
    size_t n = survey->n_pes;
    mae_pe **handles = mae_arena_array(survey->arena, n, sizeof *handles);
    const char **names = mae_arena_array(survey->arena, n, sizeof *names);
    survey->n_columns = MAE_COL_ENTER + 2 * n;
    survey->of = mae_arena_array(survey->arena, n, sizeof *survey->of);
    survey->subjects_room = 5 * n + n * n;
    survey->subjects = mae_arena_array(survey->arena, survey->subjects_room, sizeof *survey->subjects);
    if (!handles || !names || !survey->of || !survey->subjects)
        return mae_error_nomem();
    for (size_t p = 0; p < n; p++) {
        handles[p] = survey->pes[p].pe;
        names[p] = survey->pes[p].info.name;
        if (!init_pe(survey, p))
            return mae_error_nomem();
    }
    survey->handles = handles;
    survey->names = names;
    survey->begin_ns = now_ns(survey);
    return NULL;
}

/* The profile, with its energies where there is something to know them by. */
static mae_error *conclude(mae_survey *survey, mae_profile **ret_profile)
{
    mae_profile *profile;
    MAE_TRY(mae_survey_result(survey, &profile));
    mae_survey_discard(survey);
    mae_error *error = survey->options->energy ? mae_joules_measure(survey, profile) : NULL;
    if (!error) /* the last: threads take turns as they come there, so that no two runs end alike */
        error = mae_survey_contention(survey, profile);
    if (!error)
        error = mae_survey_progress(survey, "done", 2);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    *ret_profile = profile;
    return NULL;
}

/* What running side by side will take, where there are PEs that can. */
static void keep_time_for_contention(mae_survey *survey)
{
    for (size_t p = 0; p < survey->n_pes; p++)
        for (size_t q = p + 1; q < survey->n_pes; q++)
            if (mae_survey_contends(survey, p, q)) {
                survey->contention_s = MAE_CONTENTION_SHARE * survey->options->budget_s;
                survey->times_budget_s *= 1 - MAE_CONTENTION_SHARE;
                return;
            }
}

static mae_error *carry_out(mae_survey *survey, mae_profile **ret_profile)
{
    MAE_TRY(init(survey));
    MAE_TRY(mae_survey_assign(survey));
    keep_time_for_contention(survey);
    MAE_TRY(mae_survey_choose_cuts(survey));
    MAE_TRY(time_layers(survey));
    MAE_TRY(run_untimed(survey));
    MAE_TRY(mae_survey_fit(survey));
    return conclude(survey, ret_profile);
}

mae_error *mae_measure(const mae_graph *graph, const mae_measure_pe *pes, size_t n_pes,
                       const mae_measure_options *options, mae_profile **ret_profile)
{
    if (graph->n_layers == 0 || n_pes == 0)
        return mae_error_new(MAE_ERR_USAGE, "characterising takes a layer and a PE at least");
    if (!(options->budget_s > 0))
        return mae_error_new(MAE_ERR_USAGE, "a budget of %g s", options->budget_s);
    mae_survey survey = {.graph = graph, .pes = pes, .n_pes = n_pes, .options = options};
    bool metered = options->energy && options->energy->meter;
    survey.times_budget_s = options->budget_s * (metered ? METERED_SHARE : 1);
    survey.arena = mae_arena_create();
    if (!survey.arena)
        return mae_error_nomem();
    mae_error *error = carry_out(&survey, ret_profile);
    mae_survey_discard(&survey);
    mae_arena_destroy(survey.arena);
    return error;
}
