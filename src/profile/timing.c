/* Layer times: from inside timed programs, or from programs of single layers. */
#include <stdlib.h>

#include "profile/survey.h"

#define SKIPPED_RUNS 2

typedef struct harvest {
    mae_survey *survey;
    const mae_subject *subject;
    const mae_segment *segment;
    mae_layer_times times;
    bool *taken;
    double *layer_ms; /* where to: per layer of the graph */
} harvest;

/* A border's time in a timed program is a layer's: what timing does to layers it does to borders. */
static mae_error *note_border(harvest *h, int column, double mib, double timed_ms)
{
    double *x = mae_survey_new_row(h->survey);
    if (!x)
        return mae_error_nomem();
    x[column] = 1;
    x[column + 1] = mib;
    if (timed_ms > 0) { /* else the engine has nothing to do there */
        x[MAE_COL_SCALE] = -timed_ms;
        x[MAE_COL_LAYER] = -1;
        x[MAE_COL_LAYER_LESS] = 1;
    }
    /* A copy may hide in the layers beside it. */
    return mae_survey_add_equation(h->survey, h->subject->pe, x, 0, 0.1 * timed_ms + 0.0005 + 0.02 * mib);
}

/* What is left of a timed run: the segment's fixed cost, and writing down the times of its layers. */
static mae_error *note_rest(harvest *h, size_t layers, double timed_ms)
{
    double *x = mae_survey_new_row(h->survey);
    if (!x)
        return mae_error_nomem();
    x[MAE_COL_SEGMENT] = 1;
    x[MAE_COL_TIMING] = (double)layers;
    return mae_survey_add_equation(h->survey, h->subject->pe, x, timed_ms, 0.2 * timed_ms + 0.0005);
}

static bool takes(const mae_layer *layer, int tensor)
{
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (layer->inputs[i] == tensor)
            return true;
    return false;
}

/* Bringing in a graph input is part of the layer that takes it first: it is so in every mapping. */
static mae_error *harvest_inputs(harvest *h)
{
    const mae_graph *graph = h->survey->graph;
    size_t pe = (size_t)h->subject->pe;
    for (size_t i = 0; i < h->segment->n_inputs; i++) {
        int tensor = h->segment->inputs[i], producer = graph->tensors[tensor].producer_layer;
        double ms = h->times.input_ns[i] * 1e-6;
        bool *taken = &h->taken[(size_t)tensor * h->survey->n_pes + pe];
        if (producer >= 0 && !*taken) {
            int column = MAE_COL_ENTER + 2 * h->subject->mapping[producer];
            MAE_TRY(note_border(h, column, mae_survey_mib(h->survey, tensor), ms));
        }
        *taken = true;
        int l = h->segment->first;
        while (l < h->segment->last && !takes(&graph->layers[l], tensor))
            l++;
        if (producer < 0)
            h->layer_ms[l] += ms;
    }
    return NULL;
}

static mae_error *harvest_outputs(harvest *h)
{
    const mae_graph *graph = h->survey->graph;
    for (size_t i = 0; i < h->segment->n_outputs; i++) {
        const mae_tensor *tensor = &graph->tensors[h->segment->outputs[i]];
        double ms = h->times.output_ns[i] * 1e-6;
        if (tensor->is_output)
            h->layer_ms[tensor->producer_layer] += ms;
        else
            MAE_TRY(note_border(h, MAE_COL_EXIT, mae_survey_mib(h->survey, h->segment->outputs[i]), ms));
    }
    return NULL;
}

static mae_error *harvest_segment(harvest *h, mae_unit *unit)
{
    mae_pe_survey *of = &h->survey->of[h->subject->pe];
    size_t n = (size_t)(h->segment->last - h->segment->first) + 1;
    h->times = (mae_layer_times){.layer_ns = mae_arena_array(h->survey->arena, n, sizeof(double)),
                                 .input_ns = mae_arena_array(h->survey->arena, h->segment->n_inputs, sizeof(double)),
                                 .output_ns = mae_arena_array(h->survey->arena, h->segment->n_outputs, sizeof(double))};
    if (!h->times.layer_ns || !h->times.input_ns || !h->times.output_ns)
        return mae_error_nomem();
    MAE_TRY(unit->pe->ops->layer_ns(unit, SKIPPED_RUNS, &h->times));
    for (size_t i = 0; i < n; i++) {
        h->layer_ms[(size_t)h->segment->first + i] = h->times.layer_ns[i] * 1e-6;
        if (h->subject->kind == MAE_SUBJECT_WHOLE)
            of->runs[(size_t)h->segment->first + i] = h->times.runs;
    }
    if (h->subject->kind == MAE_SUBJECT_WHOLE)
        of->timed_frame_ms += h->times.total_ns * 1e-6;
    MAE_TRY(harvest_inputs(h));
    MAE_TRY(harvest_outputs(h));
    return note_rest(h, n, h->times.other_ns * 1e-6);
}

mae_error *mae_survey_harvest(mae_survey *survey, const mae_subject *timed)
{
    mae_pe_survey *of = &survey->of[timed->pe];
    harvest h = {.survey = survey, .subject = timed};
    h.layer_ms = timed->kind == MAE_SUBJECT_WHOLE ? of->timed_ms : of->cut_ms;
    h.taken = mae_arena_array(survey->arena, survey->graph->n_tensors * survey->n_pes, sizeof(bool));
    if (!h.taken)
        return mae_error_nomem();
    for (size_t s = 0; s < mae_program_n_segments(timed->program); s++) {
        if (mae_program_pe(timed->program, s) != timed->pe)
            continue;
        h.segment = mae_program_segment(timed->program, s);
        mae_error *error = harvest_segment(&h, mae_program_unit(timed->program, s));
        if (error)
            return mae_error_wrap(error, "layer times of %s", survey->names[timed->pe]);
    }
    for (size_t l = 0; timed->kind == MAE_SUBJECT_WHOLE && l < survey->graph->n_layers; l++) {
        double *row = &of->rows[l * survey->n_columns];
        row[MAE_COL_SCALE] = of->timed_ms[l];
        row[MAE_COL_LAYER] = 1;
        row[MAE_COL_LAYER_LESS] = -1;
    }
    return NULL;
}

/* A layer on its own takes its time and its segment's border; what that border costs is still unknown. */
mae_error *mae_survey_harvest_singles(mae_survey *survey, const mae_subject *singles)
{
    mae_pe_survey *of = &survey->of[singles->pe];
    bool *taken = mae_arena_array(survey->arena, survey->graph->n_tensors * survey->n_pes, sizeof(bool));
    if (!taken)
        return mae_error_nomem();
    for (size_t s = 0; s < mae_program_n_segments(singles->program); s++) {
        if (mae_program_pe(singles->program, s) != singles->pe)
            continue;
        const mae_segment *segment = mae_program_segment(singles->program, s);
        size_t l = (size_t)segment->first;
        mae_stats_median time = mae_turn_segment(&singles->turn, s);
        of->base_ms[l] = singles->turn.usual_ms[s];
        of->spread_ms[l] = (time.high - time.low) / 2;
        of->runs[l] = time.n;
        double *row = &of->rows[l * survey->n_columns];
        mae_survey_describe_border(survey, segment, singles->pe, singles->mapping, taken, row);
        for (size_t c = 0; c < survey->n_columns; c++)
            row[c] = -row[c];
    }
    return NULL;
}
