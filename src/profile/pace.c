#include "profile/pace.h"

#include <math.h>
#include <string.h>

#define MOST_TURNS 6 /* from one look to the next: the machine's speed would have changed in between, and back */
#define UNEVEN 1.05  /* upper over lower quartile of looks: below that they scatter more than the machine does */

/* The first frame finds another program's weights in the caches. */
static mae_error *time_frame(const mae_pace *pace, size_t subject, double *ret_ms)
{
    mae_turn *turn = &pace->survey->subjects[subject].turn;
    MAE_TRY(mae_program_run(turn->program, NULL));
    MAE_TRY(mae_program_run(turn->program, turn->stamps));
    *ret_ms = (double)(turn->stamps[turn->n_segments - 1].end_ns - turn->stamps[0].begin_ns) * 1e-6;
    return NULL;
}

static bool runs_alone_on(const mae_survey *survey, const mae_subject *subject, const char *resource)
{
    return subject->kind == MAE_SUBJECT_WHOLE && !(subject->flags & MAE_COMPILE_TIMED) &&
           survey->of[subject->pe].n_supported == survey->graph->n_layers &&
           strcmp(survey->pes[subject->pe].info.resource, resource) == 0;
}

/* The fastest program of the resource that runs on it alone; infinite: none. */
static mae_error *find_subject(const mae_pace *pace, const char *resource, size_t *ret_subject, double *ret_ms)
{
    *ret_ms = INFINITY;
    for (size_t i = 0; i < pace->survey->n_subjects; i++) {
        double ms;
        if (!runs_alone_on(pace->survey, &pace->survey->subjects[i], resource))
            continue;
        MAE_TRY(time_frame(pace, i, &ms));
        if (ms >= *ret_ms)
            continue;
        *ret_ms = ms;
        *ret_subject = i;
    }
    return NULL;
}

static int lane_before(const mae_survey *survey, size_t pe, const int *lane_of_pe)
{
    for (size_t q = 0; q < pe; q++)
        if (strcmp(survey->pes[q].info.resource, survey->pes[pe].info.resource) == 0)
            return lane_of_pe[q];
    return -1;
}

/* A lane for each resource; what a look at all takes, infinite where not all have one. */
static mae_error *find_lanes(mae_pace *pace, int *lane_of_pe, double *ret_look_ms)
{
    const mae_survey *survey = pace->survey;
    *ret_look_ms = 0;
    for (size_t p = 0; p < survey->n_pes; p++) {
        size_t subject = 0;
        double ms = INFINITY;
        lane_of_pe[p] = lane_before(survey, p, lane_of_pe);
        if (lane_of_pe[p] >= 0)
            continue;
        if (pace->n_lanes < MAE_PACE_MOST_RESOURCES)
            MAE_TRY(find_subject(pace, survey->pes[p].info.resource, &subject, &ms));
        *ret_look_ms += 2 * ms;
        if (!(ms < INFINITY))
            return NULL;
        lane_of_pe[p] = (int)pace->n_lanes;
        pace->lanes[pace->n_lanes++].subject = subject;
    }
    return NULL;
}

static mae_error *look(mae_pace *pace)
{
    if (pace->n_looks == pace->room)
        return NULL;
    for (size_t i = 0; i < pace->n_lanes; i++)
        MAE_TRY(time_frame(pace, pace->lanes[i].subject, &pace->lanes[i].ms[pace->n_looks]));
    pace->n_looks++;
    return NULL;
}

mae_error *mae_pace_init(mae_survey *survey, size_t turns, double turn_ms, mae_pace *ret_pace)
{
    mae_pace pace = {.survey = survey, .room = turns * survey->n_subjects + 2};
    int *lane_of_pe = mae_arena_array(survey->arena, survey->n_pes, sizeof *lane_of_pe);
    double look_ms;
    if (!lane_of_pe)
        return mae_error_nomem();
    MAE_TRY(find_lanes(&pace, lane_of_pe, &look_ms));
    double every = ceil(look_ms / (MAE_PACE_SHARE * turn_ms));
    if (!(every <= MOST_TURNS))
        pace.n_lanes = 0;
    pace.every = pace.n_lanes && every > 1 ? (size_t)every : 1;
    pace.lane_of_pe = lane_of_pe;
    for (size_t i = 0; i < pace.n_lanes; i++)
        if (!(pace.lanes[i].ms = mae_arena_array(survey->arena, pace.room, sizeof(double))))
            return mae_error_nomem();
    if (pace.n_lanes && !(pace.scratch = mae_arena_array(survey->arena, pace.room, sizeof(double))))
        return mae_error_nomem();
    *ret_pace = pace;
    return look(ret_pace);
}

double mae_pace_now(const mae_pace *pace)
{
    return ((double)pace->n_turns + 0.5) / (double)pace->every;
}

mae_error *mae_pace_turn_done(mae_pace *pace)
{
    pace->n_turns++;
    return pace->n_turns % pace->every == 0 ? look(pace) : NULL;
}

/* The usual time of a lane's program, and how much its quartiles are apart. */
static double usual_ms(const mae_pace *pace, size_t lane, double *ret_uneven)
{
    memcpy(pace->scratch, pace->lanes[lane].ms, pace->n_looks * sizeof(double));
    mae_stats_sort(pace->scratch, pace->n_looks);
    double low = mae_stats_quantile(pace->scratch, pace->n_looks, 0.25);
    double high = mae_stats_quantile(pace->scratch, pace->n_looks, 0.75);
    *ret_uneven = low > 0 ? high / low : 1;
    return mae_stats_quantile(pace->scratch, pace->n_looks, 0.5);
}

/* How much longer than usual frames took on a lane at that time, by the looks before and after. */
static double slowness(const mae_pace *pace, size_t lane, double when, double usual)
{
    const double *ms = pace->lanes[lane].ms;
    size_t before = (size_t)when < pace->n_looks ? (size_t)when : pace->n_looks - 1;
    size_t after = before + 1 < pace->n_looks ? before + 1 : before;
    double part = when - (double)before;
    return (ms[before] * (1 - part) + ms[after] * part) / usual;
}

static void even_out_turn(const mae_pace *pace, mae_turn *turn, const double *usual)
{
    for (size_t i = 0; i < turn->n_samples; i++) {
        turn->frame_ms[i] = 0;
        for (size_t s = 0; s < turn->n_segments; s++) {
            int lane = pace->lane_of_pe[mae_program_pe(turn->program, s)];
            if (lane >= 0 && usual[lane] > 0)
                turn->segment_ms[s][i] /= slowness(pace, (size_t)lane, turn->when[i], usual[lane]);
            turn->frame_ms[i] += turn->segment_ms[s][i];
        }
    }
}

mae_error *mae_pace_even_out(mae_pace *pace)
{
    mae_pace_found *found = &pace->survey->pace;
    double usual[MAE_PACE_MOST_RESOURCES], most = 1;
    if (pace->n_turns % pace->every != 0)
        MAE_TRY(look(pace));
    for (size_t i = 0; i < pace->n_lanes && pace->n_looks > 1; i++) {
        double uneven;
        usual[i] = usual_ms(pace, i, &uneven);
        usual[i] = uneven > UNEVEN ? usual[i] : 0;
        most = fmax(most, uneven);
    }
    for (size_t i = 0; most > UNEVEN && i < pace->survey->n_subjects; i++)
        even_out_turn(pace, &pace->survey->subjects[i].turn, usual);
    found->looks += pace->n_lanes ? pace->n_looks : 0;
    found->uneven = fmax(found->uneven, most);
    found->taken_out = found->taken_out || most > UNEVEN;
    return NULL;
}
