/* Uniting profiles: what the union holds, which figure wins, what is kept, and what does not fit together. */
#include "oracle/random_profile.h"

#include <stdio.h>

#include "core/profile.h"

static const char older_text[] =
    "{\"format\": \"mae-profile\", \"version\": 1, \"energy_source\": \"meter\", \"host\": \"cpu\", \"note\": "
    "\"old\",\n"
    " \"model\": {\"name\": \"net\", \"sha256\": \"ab\"}, \"soc\": {\"name\": \"board\", \"static_w\": 2},\n"
    " \"mine\": {\"kept\": 1}, \"ours\": 1,\n"
    " \"pes\": [{\"name\": \"cpu\", \"backend\": \"ort\", \"segment_ms\": 0.5, \"max_segments\": 4, \"colour\": "
    "\"red\"}, {\"name\": "
    "\"gpu\"}],\n"
    " \"tensors\": [{\"name\": \"y\", \"bytes\": 8, \"why\": \"so\"}],\n"
    " \"inputs\": [\"x\"], \"outputs\": [\"z\"],\n"
    " \"layers\": [{\"name\": \"a\", \"inputs\": [\"x\"], \"outputs\": [\"y\"], \"cost\": {\n"
    "   \"cpu\": {\"time_ms\": 1, \"energy_mj\": 2, \"n\": 9, \"spread_ms\": 0.1, \"source\": \"measured\", \"how\": "
    "\"so\"},\n"
    "   \"gpu\": {\"time_ms\": 3, \"energy_mj\": 4}}},\n"
    "  {\"name\": \"b\", \"inputs\": [\"y\"], \"outputs\": [\"z\"], \"stays\": true, \"cost\": {\n"
    "   \"cpu\": {\"time_ms\": 5, \"energy_mj\": 6}}}],\n"
    " \"transfers\": [{\"from\": \"cpu\", \"to\": \"gpu\", \"fixed_ms\": 1, \"n\": 4, \"bus\": \"pcie\"},\n"
    "   {\"from\": \"gpu\", \"to\": \"cpu\", \"fixed_ms\": 2}],\n"
    " \"transfer_overrides\": [{\"tensor\": \"y\", \"from\": \"cpu\", \"to\": \"gpu\", \"time_ms\": 7}],\n"
    " \"segments\": [{\"pe\": \"cpu\", \"first\": \"a\", \"last\": \"b\", \"time_ms\": 4, \"energy_mj\": 5, \"n\": "
    "3},\n"
    "   {\"pe\": \"gpu\", \"first\": \"a\", \"last\": \"a\", \"time_ms\": 2, \"energy_mj\": 2}],\n"
    " \"contention\": [{\"pe\": \"cpu\", \"with\": \"gpu\", \"factor\": 1.5, \"n\": 4, \"spread\": 0.1},\n"
    "   {\"pe\": \"gpu\", \"with\": \"cpu\", \"factor\": 2, \"note\": \"so\"}],\n"
    " \"provenance\": {\"date\": \"monday\", \"threads\": 2, \"anchor_ms\": {\"cpu\": 6, \"gpu\": 3}}}";

/* Measures the CPU anew, but not layer b, and a DLA; names the GPU only. */
static const char newer_text[] =
    "{\"format\": \"mae-profile\", \"version\": 1, \"energy_source\": \"meter\", \"note\": \"new\", \"ours\": 2,\n"
    " \"model\": {\"name\": \"net\", \"sha256\": \"ab\"}, \"soc\": {\"name\": \"board\", \"mode\": \"fast\"},\n"
    " \"pes\": [{\"name\": \"dla\", \"max_segments\": 8}, {\"name\": \"cpu\", \"backend\": \"ort\"},\n"
    "   {\"name\": \"gpu\", \"segment_ms\": 9}],\n"
    " \"tensors\": [{\"name\": \"y\", \"bytes\": 8}],\n"
    " \"inputs\": [\"x\"], \"outputs\": [\"z\"],\n"
    " \"layers\": [{\"name\": \"a\", \"inputs\": [\"x\"], \"outputs\": [\"y\"], \"cost\": {\n"
    "   \"cpu\": {\"time_ms\": 10, \"energy_mj\": 20}}},\n"
    "  {\"name\": \"b\", \"inputs\": [\"y\"], \"outputs\": [\"z\"], \"cost\": {\n"
    "   \"dla\": {\"time_ms\": 30, \"energy_mj\": 40, \"n\": 5}}}],\n"
    " \"transfers\": [{\"from\": \"cpu\", \"to\": \"gpu\", \"fixed_ms\": 8}, {\"from\": \"cpu\", \"to\": \"dla\", "
    "\"fixed_ms\": 3}],\n"
    " \"transfer_overrides\": [{\"tensor\": \"y\", \"from\": \"cpu\", \"to\": \"dla\", \"time_ms\": 6}],\n"
    " \"segments\": [{\"pe\": \"dla\", \"first\": \"b\", \"last\": \"b\", \"time_ms\": 29, \"energy_mj\": 39}],\n"
    " \"contention\": [{\"pe\": \"cpu\", \"with\": \"gpu\", \"factor\": 1.75},\n"
    "   {\"pe\": \"dla\", \"with\": \"cpu\", \"factor\": 3}],\n"
    " \"provenance\": {\"date\": \"friday\", \"threads\": 2, \"anchor_ms\": {\"cpu\": 7}}}";

static mae_profile *parse(const char *text)
{
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    mae_error *error = mae_json_parse("test", text, strlen(text), &json);
    if (!error)
        error = mae_profile_from_json(json, &profile);
    if (error)
        fail_msg("%s", mae_error_message(error));
    mae_json_destroy(json);
    return profile;
}

static mae_profile *merge(const mae_profile *older, const mae_profile *newer)
{
    mae_profile *merged = NULL;
    mae_error *error = mae_profile_merge(older, newer, &merged);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return merged;
}

static mae_profile *merge_texts(const char *older_json, const char *newer_json)
{
    mae_profile *older = parse(older_json), *newer = parse(newer_json);
    mae_profile *merged = merge(older, newer);
    mae_profile_destroy(older);
    mae_profile_destroy(newer);
    return merged;
}

static const mae_cost *cost_of(const mae_profile *p, const char *layer, const char *pe)
{
    return &p->costs[mae_profile_find_layer(p, layer) * (int)p->n_pes + mae_profile_find_pe(p, pe)];
}

static const mae_contention *contention_of(const mae_profile *p, const char *pe, const char *with)
{
    return &p->contention[mae_profile_find_pe(p, pe) * (int)p->n_pes + mae_profile_find_pe(p, with)];
}

static const mae_transfer *transfer_of(const mae_profile *p, const char *from, const char *to)
{
    return &p->transfers[mae_profile_find_pe(p, from) * (int)p->n_pes + mae_profile_find_pe(p, to)];
}

static void newer_figures_win(void **state)
{
    (void)state;
    mae_profile *p = merge_texts(older_text, newer_text);
    assert_int_equal(p->n_pes, 3);
    assert_string_equal(p->pes[0].name, "cpu"); /* the older one's first */
    assert_string_equal(p->pes[2].name, "dla");
    assert_int_equal(p->host, 0);
    assert_true(p->static_w == 2); /* the newer one states none */
    assert_string_equal(p->soc_mode, "fast");
    assert_true(cost_of(p, "a", "cpu")->time_ms == 10 && cost_of(p, "a", "cpu")->energy_mj == 20);
    /* A figure is one thing: samples and spread are not those of another measurement. */
    assert_int_equal(cost_of(p, "a", "cpu")->n, 0);
    assert_true(cost_of(p, "a", "cpu")->spread_ms == 0);
    assert_int_equal(cost_of(p, "a", "cpu")->source, MAE_COST_UNSTATED);
    assert_true(p->pes[0].segment_ms == 0);
    assert_int_equal(p->pes[0].max_segments, 4); /* a limit, not a figure */
    /* Where the newer one has no figure, the older one's stands. */
    assert_true(cost_of(p, "b", "cpu")->time_ms == 5);
    assert_true(cost_of(p, "a", "gpu")->time_ms == 3);
    assert_false(cost_of(p, "b", "gpu")->supported);
    assert_true(p->pes[1].segment_ms == 9); /* stated nowhere else */
    assert_true(cost_of(p, "b", "dla")->time_ms == 30 && cost_of(p, "b", "dla")->n == 5);
    assert_int_equal(p->pes[2].max_segments, 8);
    assert_true(transfer_of(p, "cpu", "gpu")->fixed_ms == 8 && transfer_of(p, "cpu", "gpu")->n == 0);
    assert_true(transfer_of(p, "gpu", "cpu")->fixed_ms == 2);
    assert_true(transfer_of(p, "cpu", "dla")->fixed_ms == 3);
    assert_false(transfer_of(p, "dla", "cpu")->crossable);
    assert_int_equal(p->n_overrides, 2);
    assert_int_equal(p->n_segments, 3);
    assert_true(contention_of(p, "cpu", "gpu")->factor == 1.75 && contention_of(p, "cpu", "gpu")->n == 0);
    assert_true(contention_of(p, "cpu", "gpu")->spread == 0);
    assert_true(contention_of(p, "gpu", "cpu")->factor == 2 && contention_of(p, "dla", "cpu")->factor == 3);
    assert_true(contention_of(p, "cpu", "dla")->factor == 0);
    mae_profile_destroy(p);

    /* The other way round: a PE that the newer one only names keeps its own figures. */
    p = merge_texts(newer_text, older_text);
    assert_true(p->pes[1].segment_ms == 0.5 && cost_of(p, "a", "cpu")->time_ms == 1);
    assert_true(p->pes[2].segment_ms == 0); /* the GPU's, with its costs */
    assert_int_equal(p->n_segments, 3);
    mae_profile_destroy(p);
}

static json_t *entry(const json_t *object, const char *list, size_t i)
{
    return json_array_get(json_object_get(object, list), i);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

static void keeps_what_it_does_not_know(void **state)
{
    (void)state;
    mae_profile *p = merge_texts(older_text, newer_text);
    json_t *json = NULL;
    assert_null(mae_profile_to_json(p, &json));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "mine"), "kept")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "ours")), 2);
    assert_string_equal(text_of(json, "note"), "new");
    assert_string_equal(text_of(entry(json, "pes", 0), "colour"), "red");
    assert_string_equal(text_of(entry(json, "tensors", 0), "why"), "so");
    assert_true(json_is_true(json_object_get(entry(json, "layers", 1), "stays")));
    json_t *cost = json_object_get(json_object_get(entry(json, "layers", 0), "cost"), "cpu");
    assert_string_equal(text_of(cost, "how"), "so");
    assert_string_equal(text_of(entry(json, "transfers", 0), "bus"), "pcie");
    json_decref(json);
    mae_profile_destroy(p);
}

static void says_where_it_comes_from(void **state)
{
    (void)state;
    mae_profile *once = merge_texts(older_text, newer_text), *third = parse(newer_text), *twice = merge(once, third);
    json_t *json = NULL;
    assert_null(mae_profile_to_json(twice, &json));
    json_t *provenance = json_object_get(json, "provenance"), *anchors = json_object_get(provenance, "anchor_ms");
    assert_string_equal(text_of(provenance, "date"), "friday");
    assert_true(json_number_value(json_object_get(anchors, "cpu")) == 7);
    assert_true(json_number_value(json_object_get(anchors, "gpu")) == 3);
    /* One entry for each profile that went into it, however often it was merged. */
    assert_int_equal(json_array_size(json_object_get(provenance, "merged")), 3);
    assert_string_equal(text_of(entry(provenance, "merged", 0), "date"), "monday");
    assert_true(
        json_number_value(json_object_get(json_object_get(entry(provenance, "merged", 0), "anchor_ms"), "cpu")) == 6);
    assert_string_equal(text_of(entry(provenance, "merged", 2), "date"), "friday");
    json_decref(json);
    mae_profile_destroy(once);
    mae_profile_destroy(third);
    mae_profile_destroy(twice);
}

/* `newer_text` with its first `from` replaced by `to`. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(newer_text, from);
    assert_non_null(at);
    char *text = malloc(sizeof newer_text + strlen(to));
    assert_non_null(text);
    sprintf(text, "%.*s%s%s", (int)(at - newer_text), newer_text, to, at + strlen(from));
    return text;
}

/* Takes away all costs in energy, as a profile without energy has it. */
static void drop_energies(char *text)
{
    static const char key[] = ", \"energy_mj\": ";
    for (char *at = strstr(text, key); at; at = strstr(at, key)) {
        size_t n = strlen(key) + strspn(at + strlen(key), "0123456789");
        memmove(at, at + n, strlen(at + n) + 1);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"ab\"", "\"cd\"", "sha256 of the model: ab in the older one, cd in the newer"},
        {"\"name\": \"a\", \"inputs\"", "\"name\": \"c\", \"inputs\"", "name of a layer: a in the older one, c in"},
        {"\"outputs\": [\"z\"],\n \"layers", "\"outputs\": [\"y\"],\n \"layers", "other inputs or outputs"},
        {"\"bytes\": 8", "\"bytes\": 9", "tensors of layer \"a\", or their sizes"},
        {"\"inputs\": [\"y\"]", "\"inputs\": [\"x\", \"y\"]", "tensors of layer \"b\""},
        {"\"board\"", "\"other\"", "name of the SoC: board in the older one, other in the newer"},
        {"\"meter\"", "\"model\"", "energy_source: meter in the older one, model in the newer"},
        {"\"meter\"", "\"none\"", "energy_source: meter in the older one, none in the newer"},
        {"\"ort\"", "\"onednn\"",
         "PE \"cpu\": profiles that do not fit together: backend: ort in the older one, onednn"},
        {"{\"name\": \"gpu\"", "{\"name\": \"gpu\", \"resource\": \"gpu1\"",
         "PE \"gpu\": profiles that do not fit "
         "together: resource: gpu in"},
        {"\"threads\": 2", "\"threads\": 1", "threads: 2 in the older one, 1 in the newer"},
        {"  {\"name\": \"b\"",
         "  {\"name\": \"extra\", \"inputs\": [], \"outputs\": [], \"cost\": {}},\n  {\"name\": \"b\"",
         "2 layers in the older one, 3 in the newer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = changed(cases[i].from, cases[i].to);
        if (strcmp(cases[i].to, "\"none\"") == 0)
            drop_energies(text);
        mae_profile *older = parse(older_text), *newer = parse(text), *merged = NULL;
        mae_error *error = mae_profile_merge(older, newer, &merged);
        if (mae_error_code(error) != MAE_ERR_INPUT || !strstr(mae_error_message(error), cases[i].message))
            fail_msg("case %zu: \"%s\", not \"%s\"", i, error ? mae_error_message(error) : "merged", cases[i].message);
        assert_null(merged);
        mae_error_free(error);
        mae_profile_destroy(older);
        mae_profile_destroy(newer);
        free(text);
    }
}

/* ---- a profile taken apart and put together again ---- */

static bool names_pe(const json_t *row, const char *pe)
{
    static const char *const keys[] = {"name", "from", "to", "pe"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (strcmp(text_of(row, keys[k]), pe) == 0)
            return true;
    return false;
}

/* The profile without one of its PEs. */
static mae_profile *without(const mae_profile *p, const char *pe)
{
    static const char *const lists[] = {"pes", "transfers", "transfer_overrides", "segments"};
    json_t *json = NULL, *layer;
    size_t l;
    assert_null(mae_profile_to_json(p, &json));
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        json_t *list = json_object_get(json, lists[k]);
        for (size_t i = json_array_size(list); i-- > 0;)
            if (names_pe(json_array_get(list, i), pe))
                json_array_remove(list, i);
    }
    json_array_foreach (json_object_get(json, "layers"), l, layer)
        json_object_del(json_object_get(layer, "cost"), pe);
    if (strcmp(text_of(json, "host"), pe) == 0)
        json_object_del(json, "host");
    char *text = json_dumps(json, JSON_REAL_PRECISION(17));
    mae_profile *rest = parse(text);
    free(text);
    json_decref(json);
    return rest;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All that a profile says, whatever the order of its rows. */
static char *canonical(const mae_profile *p)
{
    static const char *const lists[] = {"pes", "transfers", "transfer_overrides", "segments"};
    json_t *json = NULL;
    assert_null(mae_profile_to_json(p, &json));
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        json_t *list = json_object_get(json, lists[k]), *sorted = json_array();
        size_t n = json_array_size(list);
        char **rows = calloc(n + 1, sizeof *rows);
        assert_non_null(rows);
        for (size_t i = 0; i < n; i++)
            rows[i] = json_dumps(json_array_get(list, i), JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
        qsort(rows, n, sizeof *rows, compare_texts);
        for (size_t i = 0; i < n; i++) {
            json_array_append_new(sorted, json_string(rows[i]));
            free(rows[i]);
        }
        free(rows);
        json_object_set_new(json, lists[k], sorted);
    }
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

/* Each pair of three PEs measured by itself, put together: everything there was. */
static void pairs_make_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        const random_shape shape = {.n_layers = 8, .n_pes = 3, .extras = true};
        mae_profile *p = random_profile(seed, &shape);
        mae_profile *ab = without(p, p->pes[2].name), *ac = without(p, p->pes[1].name),
                    *bc = without(p, p->pes[0].name);
        mae_profile *abc = merge(ab, ac), *all = merge(abc, bc), *again = merge(all, all);
        char *want = canonical(p), *got = canonical(all), *same = canonical(again);
        if (strcmp(want, got) != 0)
            fail_msg("seed %llu: %s\nis not\n%s", (unsigned long long)seed, got, want);
        assert_string_equal(got, same);
        free(want);
        free(got);
        free(same);
        mae_profile *const made[] = {p, ab, ac, bc, abc, all, again};
        for (size_t i = 0; i < sizeof made / sizeof *made; i++)
            mae_profile_destroy(made[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newer_figures_win),        cmocka_unit_test(keeps_what_it_does_not_know),
        cmocka_unit_test(says_where_it_comes_from), cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(pairs_make_the_whole),
    };
    return cmocka_run_group_tests_name("profiles merged", tests, NULL, NULL);
}
