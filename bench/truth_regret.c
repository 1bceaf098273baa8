#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define BATCH 8
#define ROUNDS 5
#define FINALISTS 12
#define FINAL_ROUNDS 25
#define DUEL_ROUNDS 60

typedef struct pool {
    size_t n, room;
    int **mappings;
    double *ratio; /* to the offered plan, measured beside it */
} pool;

static bool add(const truth *t, pool *all, const int *mapping)
{
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 256;
        int **more = realloc(all->mappings, room * sizeof *more);
        if (!more)
            return false;
        all->mappings = more;
        all->room = room;
    }
    int *copy = malloc(t->graph->n_layers * sizeof *copy);
    if (!copy)
        return false;
    memcpy(copy, mapping, t->graph->n_layers * sizeof *copy);
    all->mappings[all->n++] = copy;
    return true;
}

static void paint(int *mapping, int first, int end, int pe)
{
    for (int l = first; l < end; l++)
        mapping[l] = pe;
}

/* All ways to give the layers from `first` on to a PE other than `before` and, behind it, at most `switches` more. */
static bool enumerate(const truth *t, pool *all, int *mapping, int first, int before, int switches)
{
    int n = (int)t->graph->n_layers;
    for (int p = 0; p < (int)t->n_pes; p++) {
        if (p == before)
            continue;
        for (int end = switches > 0 ? first + 1 : n; end <= n; end++) {
            if (!is_supported(t, p, first, end - 1))
                continue;
            paint(mapping, first, end, p);
            if (end == n ? !add(t, all, mapping) : !enumerate(t, all, mapping, end, p, switches - 1))
                return false;
        }
    }
    return true;
}

/* The first `most` of a shuffle. */
static void draw(pool *all, size_t most, mae_rng *rng)
{
    for (size_t i = 0; i + 1 < all->n; i++) {
        size_t k = i + (size_t)(mae_rng_uniform(rng) * (double)(all->n - i));
        int *swap = all->mappings[i];
        all->mappings[i] = all->mappings[k];
        all->mappings[k] = swap;
    }
    while (all->n > most)
        free(all->mappings[--all->n]);
}

/* Measures mappings beside the offered plan and puts their ratios to it, with intervals. */
static bool measure(const truth *t, mae_session *offered, int *const *mappings, size_t n, size_t rounds,
                    mae_interval *ret_ratio)
{
    contestant *c = calloc(n + 1, sizeof *c);
    bool done = c != NULL;
    if (done)
        c[n] = (contestant){.name = "offered", .run = run_session, .ctx = offered};
    for (size_t i = 0; done && i < n; i++) {
        c[i] = (contestant){.name = "mix", .run = run_session, .ctx = open_mapping(t, mappings[i])};
        done = c[i].ctx != NULL;
    }
    if (done) {
        contestant reference = c[n];
        done = run_rounds_beside(c, n + 1, &reference, t->period_ms, rounds, 0);
    }
    for (size_t i = 0; done && i < n; i++)
        ret_ratio[i] = ratio_of(&c[i], &c[n]);
    for (size_t i = 0; c && i < n; i++)
        mae_session_close(c[i].ctx);
    free(c);
    return done;
}

static bool measure_all(const truth *t, mae_session *offered, pool *all)
{
    all->ratio = calloc(all->n + 1, sizeof *all->ratio);
    bool done = all->ratio != NULL;
    for (size_t at = 0; done && at < all->n; at += BATCH) {
        size_t n = all->n - at < BATCH ? all->n - at : BATCH;
        mae_interval ratio[BATCH];
        done = measure(t, offered, all->mappings + at, n, ROUNDS, ratio);
        for (size_t i = 0; done && i < n; i++)
            all->ratio[at + i] = ratio[i].median;
        if (at / BATCH % 8 == 0)
            fprintf(stderr, "  regret: %zu of %zu\n", at, all->n);
    }
    return done;
}

static void best_first(pool *all)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = i + 1; k < all->n; k++)
            if (all->ratio[k] < all->ratio[i]) {
                double ratio = all->ratio[i];
                int *mapping = all->mappings[i];
                all->ratio[i] = all->ratio[k], all->mappings[i] = all->mappings[k];
                all->ratio[k] = ratio, all->mappings[k] = mapping;
            }
}

/* The least of many noisy ratios is too low by its luck. So the best of the first look are measured again, longer, and
 * the best of those once more, alone with the offered plan, in rounds that chose nothing. */
static bool finals(const truth *t, mae_session *offered, pool *all, size_t drawn_from)
{
    best_first(all);
    size_t n = all->n < FINALISTS ? all->n : FINALISTS, ahead = 0, best = 0;
    for (size_t i = 0; i < all->n; i++)
        ahead += all->ratio[i] < 1;
    mae_interval again[FINALISTS], duel;
    if (!measure(t, offered, all->mappings, n, FINAL_ROUNDS, again))
        return false;
    for (size_t i = 0; i < n; i++) {
        best = again[i].median < again[best].median ? i : best;
        fprintf(stderr, "  finalist %zu: %.4f of the offered plan at first, %.4f measured again\n", i, all->ratio[i],
                again[i].median);
    }
    if (!measure(t, offered, all->mappings + best, 1, DUEL_ROUNDS, &duel))
        return false;
    printf("\"regret\": {\"mappings\": %zu, \"of\": %zu, \"ahead_in_first_look\": %zu, \"best_of_finals\": %.4f, "
           "\"best_over_offered\": [%.4f, %.4f, %.4f], \"offered_over_best\": %.4f, \"median_mapping\": %.4f}",
           all->n, drawn_from, ahead, again[best].median, duel.median, duel.low, duel.high,
           duel.median < 1 ? 1 / duel.median : 1, all->ratio[all->n / 2]);
    return true;
}

bool truth_regret(const truth *t, size_t most, uint64_t seed)
{
    pool all = {0, 0, NULL, NULL};
    mae_rng rng = {seed};
    int *mapping = calloc(t->graph->n_layers, sizeof *mapping);
    mae_session *offered = open_mapping(t, t->offered);
    bool done = mapping && offered && enumerate(t, &all, mapping, 0, -1, 2);
    size_t drawn_from = all.n;
    if (done)
        draw(&all, most, &rng);
    done = done && measure_all(t, offered, &all) && finals(t, offered, &all, drawn_from);
    mae_session_close(offered);
    for (size_t i = 0; i < all.n; i++)
        free(all.mappings[i]);
    free(all.mappings);
    free(all.ratio);
    free(mapping);
    return done;
}
