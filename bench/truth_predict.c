#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "truth.h"

#define MOST_SWITCHES 8
#define TRIES 500

static int pick(mae_rng *rng, size_t n)
{
    return (int)(mae_rng_uniform(rng) * (double)n);
}

/* Cuts at distinct places, a different PE behind each; a layer its PE cannot run goes to the first that can. */
static void draw(const truth *t, mae_rng *rng, int *mapping)
{
    size_t n = t->graph->n_layers, most = n > MOST_SWITCHES ? MOST_SWITCHES : n - 1;
    size_t left = 1 + (size_t)pick(rng, most);
    int pe = pick(rng, t->n_pes);
    for (size_t l = 0; l < n; l++) {
        if (l > 0 && mae_rng_uniform(rng) < (double)left / (double)(n - l)) {
            pe = (pe + 1 + pick(rng, t->n_pes - 1)) % (int)t->n_pes;
            left--;
        }
        mapping[l] = pe;
        for (int p = 0; !mae_model_supports(t->model, mapping[l], (int)l, NULL); p++)
            mapping[l] = p;
    }
}

static int switches_of(const truth *t, const int *mapping)
{
    int n = 0;
    for (size_t l = 1; l < t->graph->n_layers; l++)
        n += mapping[l] != mapping[l - 1];
    return n;
}

typedef struct sample {
    int *mapping;
    double told_ms;
    mae_session *session;
} sample;

/* False where there is no mapping left to draw (or memory). */
static bool make_sample(const truth *t, mae_rng *rng, sample *s)
{
    s->mapping = calloc(t->graph->n_layers, sizeof *s->mapping);
    mae_prediction cost;
    for (int i = 0; s->mapping && i < TRIES; i++) {
        draw(t, rng, s->mapping);
        int switches = switches_of(t, s->mapping);
        if (switches < 1 || switches > MOST_SWITCHES)
            continue;
        mae_error *error = mae_eval(t->profile, s->mapping, 0, &cost);
        if (error) {
            mae_error_free(error);
            continue;
        }
        s->told_ms = cost.latency_ms;
        s->session = open_mapping(t, s->mapping);
        return s->session != NULL;
    }
    return false;
}

/* Ranks from 0; ties hardly happen between measured times. */
static void rank(const double *values, size_t n, double *ret_ranks)
{
    for (size_t i = 0; i < n; i++) {
        ret_ranks[i] = 0;
        for (size_t k = 0; k < n; k++)
            ret_ranks[i] += values[k] < values[i] || (values[k] == values[i] && k < i);
    }
}

/* Spearman's. */
static double rank_correlation(const double *a, const double *b, size_t n)
{
    double *ra = calloc(n, sizeof *ra), *rb = calloc(n, sizeof *rb), squares = 0;
    if (ra && rb) {
        rank(a, n, ra);
        rank(b, n, rb);
        for (size_t i = 0; i < n; i++)
            squares += (ra[i] - rb[i]) * (ra[i] - rb[i]);
    }
    free(ra);
    free(rb);
    return n > 1 ? 1 - 6 * squares / ((double)n * ((double)n * (double)n - 1)) : NAN;
}

/* PEs by their number, with how many layers in a row. */
static void print_segments(const truth *t, const int *mapping)
{
    size_t n = t->graph->n_layers;
    for (size_t l = 0, first = 0; l < n; l++)
        if (l + 1 == n || mapping[l + 1] != mapping[l]) {
            fprintf(stderr, " %d:%zu", mapping[l], l + 1 - first);
            first = l + 1;
        }
    fprintf(stderr, "\n");
}

static void report(const truth *t, const sample *samples, const contestant *c, size_t n)
{
    double *off = calloc(n, sizeof *off), *told = calloc(n, sizeof *told), *took = calloc(n, sizeof *took);
    double *raw = calloc(n, sizeof *raw);
    for (size_t i = 0; off && told && took && raw && i < n; i++) {
        took[i] = interval_of(&c[i]).median;
        told[i] = samples[i].told_ms * anchor_factor(t, samples[i].mapping);
        off[i] = fabs(told[i] / took[i] - 1);
        raw[i] = told[i] / took[i] - 1;
        fprintf(stderr, "  %d switches: predicted %.4g ms, measured %.4g ms, %+.1f %%,",
                switches_of(t, samples[i].mapping), told[i], took[i], 100 * raw[i]);
        print_segments(t, samples[i].mapping);
    }
    if (off && told && took && raw) {
        double correlation = rank_correlation(told, took, n);
        mae_stats_sort(off, n);
        mae_stats_sort(raw, n);
        printf("\"predict\": {\"mappings\": %zu, \"median_off\": %.4f, \"p90_off\": %.4f, \"bias\": %.4f, "
               "\"rank_correlation\": %.4f, \"rounds\": %zu}",
               n, mae_stats_quantile(off, n, 0.5), mae_stats_quantile(off, n, 0.9), mae_stats_quantile(raw, n, 0.5),
               correlation, c[0].n);
    }
    free(off);
    free(told);
    free(took);
    free(raw);
}

bool truth_predict(const truth *t, size_t n, uint64_t seed, double seconds)
{
    sample *samples = calloc(n + 1, sizeof *samples);
    contestant *c = calloc(n + t->n_pes + 1, sizeof *c);
    mae_rng rng = {seed};
    size_t made = 0, all;
    while (samples && c && made < n && make_sample(t, &rng, &samples[made])) {
        c[made] = (contestant){.name = "mix", .run = run_session, .ctx = samples[made].session};
        made++;
    }
    all = made;
    for (size_t p = 0; c && p < t->n_pes; p++)
        if (t->single[p].name)
            c[all++] = t->single[p];
    contestant reference = all > made ? c[made] : c[0];
    bool done = made > 1 && run_rounds_beside(c, all, &reference, t->period_ms, 7, seconds);
    all = made;
    for (size_t p = 0; done && p < t->n_pes; p++)
        if (t->single[p].name)
            t->single[p] = c[all++]; /* the anchors of these rounds */
    if (done)
        report(t, samples, c, made);
    for (size_t i = 0; samples && i < n; i++) {
        mae_session_close(samples[i].session);
        free(samples[i].mapping);
    }
    free(samples);
    free(c);
    return done;
}
