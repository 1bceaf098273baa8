/* Which programs are measured: mappings of the PEs, places to cut, and compiling. */
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "profile/survey.h"

#define PARTS 5u
#define DRAWING 1u      /* a seed: the same network is cut at the same places each time */
#define ENOUGH_PLACES 4 /* of one tensor, to do without those of several */

/* ---- mappings ---- */

static mae_error *ask_support(mae_survey *survey)
{
    const mae_graph *graph = survey->graph;
    for (size_t l = 0; l < graph->n_layers; l++) {
        const char *reason = NULL;
        bool any = false;
        for (size_t p = 0; p < survey->n_pes; p++) {
            mae_pe *pe = survey->pes[p].pe;
            bool yes = pe->ops->supports(pe, graph, (int)l, &reason);
            survey->of[p].supported[l] = yes;
            survey->of[p].n_supported += yes;
            any = any || yes;
        }
        if (!any)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "no PE can run layer %s (%s): %s", graph->layers[l].name,
                                 graph->layers[l].op ? graph->layers[l].op : "", reason ? reason : "no reason given");
    }
    return NULL;
}

mae_error *mae_survey_assign(mae_survey *survey)
{
    size_t n = survey->graph->n_layers;
    for (size_t p = 0; p < survey->n_pes; p++) {
        mae_pe_survey *of = &survey->of[p];
        of->supported = mae_arena_array(survey->arena, n, sizeof *of->supported);
        of->mapping = mae_arena_array(survey->arena, n, sizeof *of->mapping);
        if (!of->supported || !of->mapping)
            return mae_error_nomem();
    }
    MAE_TRY(ask_support(survey));
    for (size_t l = 0; l < n; l++) {
        int first = 0;
        while (!survey->of[first].supported[l])
            first++;
        for (size_t p = 0; p < survey->n_pes; p++)
            survey->of[p].mapping[l] = survey->of[p].supported[l] ? (int)p : first;
    }
    return NULL;
}

/* ---- places to cut ---- */

typedef struct cut_place {
    int layer; /* the cut is before it */
    size_t tensors, bytes;
    bool dynamic;
} cut_place;

static int by_bytes(const void *a, const void *b)
{
    const cut_place *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return (x->layer > y->layer) - (x->layer < y->layer);
}

/* What would cross a cut before each layer; graph inputs are everywhere and do not count. */
static mae_error *describe_places(const mae_survey *survey, cut_place *places)
{
    const mae_graph *graph = survey->graph;
    int *last_use = calloc(graph->n_tensors + 1, sizeof *last_use);
    if (!last_use)
        return mae_error_nomem();
    for (size_t l = 0; l < graph->n_layers; l++) {
        places[l].layer = (int)l;
        for (size_t i = 0; i < graph->layers[l].n_inputs; i++)
            last_use[graph->layers[l].inputs[i]] = (int)l;
    }
    for (size_t t = 0; t < graph->n_tensors; t++) {
        const mae_tensor *tensor = &graph->tensors[t];
        for (int l = tensor->producer_layer + 1; tensor->producer_layer >= 0 && l <= last_use[t]; l++) {
            places[l].tensors++;
            places[l].bytes += tensor->bytes;
            places[l].dynamic = places[l].dynamic || !tensor->is_static || tensor->shape.dtype == MAE_STRING;
        }
    }
    free(last_use);
    return NULL;
}

/* Moves the places with at most `tensors` tensors to the front; how many there are. */
static size_t keep_places(const cut_place *places, size_t n, size_t tensors, cut_place *ret_kept)
{
    size_t kept = 0;
    for (size_t l = 1; l < n; l++)
        if (!places[l].dynamic && places[l].tensors > 0 && places[l].tensors <= tensors)
            ret_kept[kept++] = places[l];
    return kept;
}

static void add_cut(mae_cuts *cuts, int layer)
{
    cuts->n += !cuts->before[layer];
    cuts->before[layer] = true;
}

/* One in each part of the network, where fewest tensors cross: segments so long that their layers' times are
 * little checked would be left otherwise. */
static void choose_by_position(mae_cuts *cuts, const cut_place *places, size_t n)
{
    for (size_t part = 0; part < PARTS; part++) {
        size_t from = 1 + part * (n - 1) / PARTS, to = 1 + (part + 1) * (n - 1) / PARTS;
        const cut_place *best = NULL;
        for (size_t l = from; l < to; l++)
            if (!places[l].dynamic && places[l].tensors > 0 && (!best || places[l].tensors < best->tensors))
                best = &places[l];
        if (best)
            add_cut(cuts, best->layer);
    }
}

/* The rest evenly over the sizes, the least and the greatest included, where one tensor crosses if there are
 * such places. */
static void choose_by_size(mae_cuts *cuts, const cut_place *places, size_t n, cut_place *kept)
{
    size_t most = 1, n_kept = keep_places(places, n, most, kept);
    while (n_kept < ENOUGH_PLACES && most < 16)
        n_kept = keep_places(places, n, ++most, kept);
    qsort(kept, n_kept, sizeof *kept, by_bytes);
    size_t wanted = n_kept < MAE_MOST_CUTS - PARTS ? n_kept : MAE_MOST_CUTS - PARTS;
    for (size_t i = 0; i < wanted; i++) {
        size_t at = wanted > 1 ? i * (n_kept - 1) / (wanted - 1) : n_kept / 2;
        add_cut(cuts, kept[at].layer);
    }
}

/* One in each part of the network, all places of a part being equally likely that are not chosen already. */
static void draw_places(mae_survey *survey, const cut_place *places, size_t n)
{
    const bool *chosen = survey->cuts[MAE_CUTS_CHOSEN].before;
    mae_rng rng = {DRAWING};
    for (size_t part = 0; part < MAE_MOST_CUTS; part++) {
        size_t from = 1 + part * (n - 1) / MAE_MOST_CUTS, to = 1 + (part + 1) * (n - 1) / MAE_MOST_CUTS;
        int drawn = -1;
        double count = 0;
        for (size_t l = from; l < to; l++)
            if (!places[l].dynamic && places[l].tensors > 0 && !chosen[l] && mae_rng_uniform(&rng) * ++count < 1)
                drawn = (int)l;
        if (drawn >= 0)
            add_cut(&survey->cuts[MAE_CUTS_DRAWN], drawn);
    }
}

mae_error *mae_survey_choose_cuts(mae_survey *survey)
{
    size_t n = survey->graph->n_layers;
    for (size_t s = 0; s < MAE_CUT_SETS; s++)
        if (!(survey->cuts[s].before = mae_arena_array(survey->arena, n, sizeof *survey->cuts[s].before)))
            return mae_error_nomem();
    cut_place *places = calloc(2 * n + 1, sizeof *places);
    if (!places)
        return mae_error_nomem();
    mae_error *error = describe_places(survey, places);
    if (!error) {
        choose_by_position(&survey->cuts[MAE_CUTS_CHOSEN], places, n);
        choose_by_size(&survey->cuts[MAE_CUTS_CHOSEN], places, n, places + n);
        draw_places(survey, places, n);
    }
    free(places);
    return error;
}

/* ---- programs ---- */

/* PEs by turns, each layer that one cannot run elsewhere: `pe` and `other`, or all if that is -1. */
static const int *mix(const mae_survey *survey, const mae_subject_spec *spec)
{
    size_t n = survey->graph->n_layers;
    int *mapping = mae_arena_array(survey->arena, n, sizeof *mapping), now = spec->pe;
    for (size_t l = 0; mapping && l < n; l++) {
        if (survey->cuts[spec->set].before[l])
            now = spec->other < 0 ? (now + 1) % (int)survey->n_pes : spec->pe + spec->other - now;
        mapping[l] = survey->of[now].mapping[l];
    }
    return mapping;
}

static const bool *single_cuts(const mae_survey *survey, int pe)
{
    size_t n = survey->graph->n_layers;
    bool *cuts = mae_arena_array(survey->arena, n, sizeof *cuts);
    for (size_t l = 0; cuts && l < n; l++)
        cuts[l] = survey->of[pe].supported[l];
    return cuts;
}

static mae_error *describe_subject(mae_survey *survey, const mae_subject_spec *spec, mae_subject *subject)
{
    subject->mapping = survey->of[spec->pe].mapping;
    if (spec->kind == MAE_SUBJECT_MIXED || spec->kind == MAE_SUBJECT_ROUND)
        subject->mapping = mix(survey, spec);
    else if (spec->kind == MAE_SUBJECT_CUT)
        subject->cuts = survey->cuts[spec->set].before;
    else if (spec->kind == MAE_SUBJECT_SINGLES && !(subject->cuts = single_cuts(survey, spec->pe)))
        return mae_error_nomem();
    return subject->mapping ? NULL : mae_error_nomem();
}

mae_error *mae_survey_fill(const mae_survey *survey, mae_program *program)
{
    const mae_measure_options *options = survey->options;
    MAE_TRY(mae_program_fill(program, 1));
    for (size_t i = 0; i < options->n_inputs; i++) {
        int tensor = survey->graph->inputs[options->inputs[i].input];
        if (mae_program_buffer(program, tensor))
            MAE_TRY(mae_program_write(program, tensor, options->inputs[i].data, options->inputs[i].bytes));
    }
    return NULL;
}

static mae_error *compile(mae_survey *survey, mae_subject *subject)
{
    mae_program_spec spec = {.graph = survey->graph,
                             .pes = survey->handles,
                             .mapping = subject->mapping,
                             .cuts = subject->cuts,
                             .first = 0,
                             .last = (int)survey->graph->n_layers - 1,
                             .flags = subject->flags,
                             .pe_names = survey->names,
                             .clock = survey->options->clock};
    MAE_TRY(mae_program_create(&spec, &subject->program));
    mae_error *error = mae_survey_fill(survey, subject->program);
    if (!error)
        error = mae_turn_init(&subject->turn, subject->program, MAE_MOST_SAMPLES, survey->arena);
    if (error) {
        mae_program_destroy(subject->program);
        subject->program = NULL;
    }
    return error;
}

mae_error *mae_survey_compile(mae_survey *survey, const mae_subject_spec *spec)
{
    if (survey->n_subjects == survey->subjects_room)
        return mae_error_new(MAE_ERR_FAILED, "more than %zu programs to measure", survey->subjects_room);
    mae_subject subject = {.kind = spec->kind, .pe = spec->pe, .other = spec->other, .flags = spec->flags};
    MAE_TRY(describe_subject(survey, spec, &subject));
    MAE_TRY(compile(survey, &subject));
    survey->subjects[survey->n_subjects++] = subject;
    return NULL;
}

void mae_survey_discard(mae_survey *survey)
{
    for (size_t i = 0; i < survey->n_subjects; i++)
        mae_program_destroy(survey->subjects[i].program);
    survey->n_subjects = 0;
}
