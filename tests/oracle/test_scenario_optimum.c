/* The clairvoyant optimum against every sequence of mappings of tiny scripts, run one after the other. */
#include "random_profile.h"

#include <math.h>
#include <stdio.h>

#include "scenario_run.h"

#define MAX_MAPPINGS 8
#define MAX_FRAMES 5

typedef struct instance {
    mae_profile *profile;
    mae_scenario *s;
    mae_timeline *timeline;
    size_t n_mappings;
    int mapping[MAX_MAPPINGS][3];
    mae_prediction cost[MAX_MAPPINGS]; /* without static power */
} instance;

static json_t *random_tiny(mae_rng *rng, const mae_profile *profile)
{
    double a = 0.01 * mae_rng_uniform(rng), b = a + 0.02 * mae_rng_uniform(rng);
    const char *pe = profile->pes[rnd(rng, 2)].name, *other = profile->pes[rnd(rng, 2)].name;
    json_t *faults = json_array();
    if (chance(rng, 0.5)) {
        json_array_append_new(faults, json_pack("{s:f,s:s,s:s}", "at_s", a, "pe", pe, "fault", "lose"));
        json_array_append_new(faults, json_pack("{s:f,s:s,s:s}", "at_s", b, "pe", pe, "fault", "return"));
    } else if (chance(rng, 0.5)) {
        json_array_append_new(faults, json_pack("{s:f,s:s,s:s,s:f}", "at_s", a, "pe", pe, "fault", "slow", "factor",
                                                1 + mae_rng_uniform(rng)));
    }
    json_t *root =
        json_pack("{s:s,s:i,s:s,s:o,s:f,s:I}", "format", "mae-scenario-script", "version", 1, "profile", "x", "faults",
                  faults, "noise", chance(rng, 0.5) ? 0.1 : 0.0, "seed", (json_int_t)(mae_rng_next(rng) % 1000));
    bool price = chance(rng, 0.5);
    json_object_set_new(root, "soc",
                        json_pack("{s:f,s:f,s:f}", "switch_ms", price ? 0.3 * mae_rng_uniform(rng) : 0, "switch_mj",
                                  price ? mae_rng_uniform(rng) : 0, "static_w", 0.1));
    if (chance(rng, 0.5))
        json_object_set_new(root, "contention",
                            json_pack("[{s:f,s:f,s:s,s:f}]", "from_s", a, "to_s", b, "pe", other, "factor", 1.5));
    json_t *phases = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(phases, json_pack("{s:f,s:f,s:f}", "duration_s", 0.016, "frames_per_second", 125.0,
                                                "deadline_ms", 0.3 + 3 * mae_rng_uniform(rng)));
    json_object_set_new(root, "phases", phases);
    return root;
}

static void open_instance(instance *in, uint64_t seed)
{
    mae_rng rng = {seed};
    const random_shape shape = {3, 2, true, false, false};
    *in = (instance){.profile = random_profile(seed, &shape)};
    json_t *root = random_tiny(&rng, in->profile);
    char *text = json_dumps(root, JSON_REAL_PRECISION(17));
    run_must(mae_scenario_parse("tiny", text, strlen(text), &in->s));
    free(text);
    json_decref(root);
    run_must(mae_timeline_create(in->s, in->profile, &in->timeline));
    assert_true(in->timeline->n_frames <= MAX_FRAMES);
    for (int set = 0; set < 8; set++) {
        int *mapping = in->mapping[in->n_mappings];
        for (int l = 0; l < 3; l++)
            mapping[l] = set >> l & 1;
        mae_prediction *cost = &in->cost[in->n_mappings];
        run_must(mae_eval(in->profile, mapping, 0, cost));
        cost->energy_mj -= in->profile->static_w * cost->latency_ms;
        in->n_mappings++;
    }
}

static void close_instance(instance *in)
{
    mae_timeline_destroy(in->timeline);
    mae_scenario_destroy(in->s);
    mae_profile_destroy(in->profile);
}

static double latency_under(const instance *in, size_t k, const mae_span *span)
{
    double ms = in->cost[k].latency_ms;
    for (int l = 0; l < 3; l++) {
        int pe = in->mapping[k][l];
        ms += in->profile->costs[(size_t)l * 2 + (size_t)pe].time_ms * (span->factor[pe] - 1);
    }
    return ms;
}

static bool runs_through(const instance *in, size_t k, double from_s, double to_s)
{
    size_t last = mae_timeline_span_at(in->timeline, to_s);
    for (size_t i = mae_timeline_span_at(in->timeline, from_s); i <= last; i++)
        for (int l = 0; l < 3; l++)
            if (!(in->timeline->spans[i].present >> in->mapping[k][l] & 1))
                return false;
    return true;
}

/* Runs a sequence, each frame as soon as it can; false: a frame cannot be served so. */
static bool run_sequence(const instance *in, const size_t *choice, size_t *ret_misses, double *ret_mj)
{
    double free_s = 0, mj = in->s->soc.static_w * in->s->duration_s * 1e3;
    size_t misses = 0;
    for (size_t i = 0; i < in->timeline->n_frames; i++) {
        size_t phase, k = choice[i];
        double arrival_s = mae_timeline_arrival_s(in->timeline, i, &phase), start_s = fmax(arrival_s, free_s);
        const mae_span *span = &in->timeline->spans[mae_timeline_span_at(in->timeline, start_s)];
        double ms = latency_under(in, k, span) * run_noise(in->s, i);
        mj += in->cost[k].energy_mj;
        if (i > 0 && k != choice[i - 1]) {
            ms += in->s->soc.switch_ms;
            mj += in->s->soc.switch_mj;
        }
        free_s = start_s + ms / 1e3;
        if (!runs_through(in, k, start_s, free_s))
            return false;
        misses += (free_s - arrival_s) * 1e3 > in->s->phases[phase].deadline_ms * (1 + 1e-9);
    }
    *ret_misses = misses;
    *ret_mj = mj;
    return true;
}

static bool brute_force(const instance *in, size_t *ret_misses, double *ret_mj)
{
    size_t choice[MAX_FRAMES], n = 1, misses, best = SIZE_MAX;
    double mj, best_mj = INFINITY;
    for (size_t i = 0; i < in->timeline->n_frames; i++)
        n *= in->n_mappings;
    for (size_t code = 0; code < n; code++) {
        for (size_t i = 0, rest = code; i < in->timeline->n_frames; i++, rest /= in->n_mappings)
            choice[i] = rest % in->n_mappings;
        if (!run_sequence(in, choice, &misses, &mj) || misses > best || (misses == best && mj >= best_mj))
            continue;
        best = misses;
        best_mj = mj;
    }
    *ret_misses = best;
    *ret_mj = best_mj;
    return best != SIZE_MAX;
}

static void against_every_sequence(void **state)
{
    (void)state;
    int attained = 0, bounds = 0, missed = 0, priced = 0;
    for (uint64_t seed = 1; seed <= 250; seed++) {
        instance in;
        open_instance(&in, seed);
        const int *mappings[MAX_MAPPINGS];
        for (size_t k = 0; k < in.n_mappings; k++)
            mappings[k] = in.mapping[k];
        mae_optimum *o = NULL;
        size_t misses;
        double mj;
        run_must(mae_optimum_of(in.timeline, mappings, in.n_mappings, run_noise, in.s, &o));
        bool any = brute_force(&in, &misses, &mj);
        assert_true(!o->attained || any);
        if (o->attained) {
            assert_int_equal(o->misses, misses);
            assert_true(fabs(o->energy_mj - mj) <= 1e-9 * mj);
            size_t choice[MAX_FRAMES];
            for (size_t i = 0; i < o->n_frames; i++)
                choice[i] = (size_t)o->choice[i];
            assert_true(run_sequence(&in, choice, &misses, &mj)); /* and these choices do reach it */
            assert_true(o->misses == misses && fabs(o->energy_mj - mj) <= 1e-9 * mj);
        } else if (any) {
            assert_true(o->misses <= misses);
            assert_true(o->misses < misses || o->energy_mj <= mj * (1 + 1e-9));
            bounds++;
        }
        attained += o->attained;
        missed += o->attained && o->misses > 0;
        priced += o->attained && in.s->soc.switch_ms > 0;
        mae_optimum_destroy(o);
        close_instance(&in);
    }
    print_message("attained %d, a bound %d, with misses %d, with a price of switching %d\n", attained, bounds, missed,
                  priced);
    assert_true(attained > 100 && bounds > 5 && missed > 20 && priced > 20);
}

/* What the fronts of the conditions hold is enough, where switching is free: no other mapping does better. */
static void fronts_are_enough(void **state)
{
    (void)state;
    int checked = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        instance in;
        open_instance(&in, seed);
        const int *mappings[MAX_MAPPINGS];
        for (size_t k = 0; k < in.n_mappings; k++)
            mappings[k] = in.mapping[k];
        if (in.s->soc.switch_ms == 0 && in.s->soc.switch_mj == 0) {
            mae_optimum *all = NULL, *fronts = run_optimum(in.s, in.profile, in.timeline);
            run_must(mae_optimum_of(in.timeline, mappings, in.n_mappings, run_noise, in.s, &all));
            assert_true(all->misses == fronts->misses && fabs(all->energy_mj - fronts->energy_mj) < 1e-9);
            mae_optimum_destroy(all);
            mae_optimum_destroy(fronts);
            checked++;
        }
        close_instance(&in);
    }
    assert_true(checked > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_every_sequence), cmocka_unit_test(fronts_are_enough)};
    return cmocka_run_group_tests_name("clairvoyant optimum", tests, NULL, NULL);
}
