/* Reading rule files: docs/formats.md, "Rules". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "policy/rule_words.h"
#include "policy/rules.h"

static const mae_rule_quantity quantities[] = {{MAE_WHEN_BATTERY, "battery", "%", 0, 100},
                                               {MAE_WHEN_TEMPERATURE, "temperature", "C", 0, 1000},
                                               {MAE_WHEN_POWER, "power", "W", 0, 1e6},
                                               {MAE_WHEN_OUTPUT, "output", "", -1e12, 1e12}};

const mae_rule_quantity *mae_rule_quantity_of(mae_when when)
{
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++)
        if (quantities[i].when == when)
            return &quantities[i];
    return NULL;
}

static mae_error *read_direction(rule_line *line, bool *ret_below)
{
    *ret_below = rule_line_take(line, "below");
    if (*ret_below || rule_line_take(line, "above"))
        return NULL;
    return rule_line_error(line, "expected \"below\" or \"above\"");
}

static mae_error *read_threshold(rule_line *line, mae_rule *rule, double *ret_value)
{
    const mae_rule_quantity *quantity = mae_rule_quantity_of(rule->when);
    const char *what = *quantity->unit ? quantity->unit : "a value";
    MAE_TRY(rule_line_number(line, what, quantity->least, quantity->most, ret_value));
    return *quantity->unit ? rule_line_expect(line, quantity->unit) : NULL;
}

/* The band of hysteresis that a rule has if it states none. */
static double default_leave(const mae_rule *rule)
{
    double band = rule->when == MAE_WHEN_BATTERY       ? MAE_RULE_BATTERY_BAND
                  : rule->when == MAE_WHEN_TEMPERATURE ? MAE_RULE_TEMPERATURE_BAND
                  : rule->when == MAE_WHEN_POWER       ? MAE_RULE_POWER_BAND * rule->enter
                                                       : MAE_RULE_OUTPUT_BAND * fabs(rule->enter);
    const mae_rule_quantity *quantity = mae_rule_quantity_of(rule->when);
    return rule->below ? fmin(rule->enter + band, quantity->most) : fmax(rule->enter - band, quantity->least);
}

static mae_error *read_name(rule_line *line, const char *what, mae_rule *rule)
{
    const rule_word *word = rule_line_peek(line);
    if (word->kind != RULE_WORD)
        return rule_line_error(line, "expected %s", what);
    rule->word = word->text;
    line->at++;
    return NULL;
}

/* Behind "output": which one, and which of its values. */
static mae_error *read_output(rule_line *line, mae_rule *rule)
{
    const rule_word *word = rule_line_peek(line);
    double index = 0;
    if (word->kind != RULE_WORD && word->kind != RULE_NUMBER)
        return rule_line_error(line, "expected the name of an output");
    rule->word = word->text;
    line->at++;
    int column = rule_line_peek(line)->column;
    if (rule_line_take(line, "value")) {
        column = rule_line_peek(line)->column;
        MAE_TRY(rule_line_number(line, "which value", 0, 1e15, &index));
    }
    if (index != floor(index))
        return rule_line_error_at(line, column, "expected a whole number: which value");
    rule->index = (int64_t)index;
    return NULL;
}

static mae_error *read_condition(rule_line *line, mae_rule *rule)
{
    bool hot = rule_line_take(line, "hot");
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++) {
        const mae_rule_quantity *quantity = &quantities[i];
        if (!(hot && quantity->when == MAE_WHEN_TEMPERATURE) && !rule_line_take(line, quantity->name))
            continue;
        rule->when = quantity->when;
        if (rule->when == MAE_WHEN_OUTPUT)
            MAE_TRY(read_output(line, rule));
        if (hot)
            MAE_TRY(rule_line_expect(line, "above"));
        else
            MAE_TRY(read_direction(line, &rule->below));
        MAE_TRY(read_threshold(line, rule, &rule->enter));
        rule->leave = default_leave(rule);
        return NULL;
    }
    if (rule_line_take(line, "otherwise")) {
        rule->when = MAE_WHEN_OTHERWISE;
        rule->hold_s = 0;
        return NULL;
    }
    bool lost = rule_line_take(line, "lost");
    rule->when = lost ? MAE_WHEN_LOST : MAE_WHEN_EVENT;
    return read_name(line,
                     lost ? "the name of a PE"
                          : "a condition: an event, battery, temperature, hot, power, output, lost or otherwise",
                     rule);
}

static mae_error *read_until(rule_line *line, mae_rule *rule)
{
    int column = rule_line_peek(line)->column;
    if (!mae_rule_quantity_of(rule->when))
        return rule_line_error(line, "only a rule with a threshold has \"until\"");
    MAE_TRY(rule_line_expect(line, "until"));
    MAE_TRY(rule_line_expect(line, rule->below ? "above" : "below"));
    MAE_TRY(read_threshold(line, rule, &rule->leave));
    if (rule->below ? rule->leave < rule->enter : rule->leave > rule->enter)
        return rule_line_error_at(line, column, "the rule would end before it begins: expected %s %.17g or %s",
                                  rule->below ? "above" : "below", rule->enter, rule->below ? "more" : "less");
    return NULL;
}

static mae_error *read_hold(rule_line *line, mae_rule *rule)
{
    if (rule->when == MAE_WHEN_OTHERWISE)
        return rule_line_error(line, "\"otherwise\" has neither \"until\" nor \"for\"");
    MAE_TRY(rule_line_expect(line, "for"));
    MAE_TRY(rule_line_expect(line, "at"));
    MAE_TRY(rule_line_expect(line, "least"));
    int column = rule_line_peek(line)->column;
    MAE_TRY(rule_line_number(line, "a time", 0, 1e6, &rule->hold_s));
    if (rule_line_take(line, "ms"))
        rule->hold_s /= 1000;
    else if (rule_line_take(line, "min"))
        rule->hold_s *= 60;
    else if (!rule_line_take(line, "s"))
        return rule_line_error(line, "expected \"s\", \"ms\" or \"min\"");
    if (rule->hold_s < MAE_RULE_LEAST_HOLD_S)
        return rule_line_error_at(line, column, "too short, it could flicker: expected at least %g s",
                                  MAE_RULE_LEAST_HOLD_S);
    return NULL;
}

static mae_error *read_modifiers(rule_line *line, mae_rule *rule)
{
    bool until = false, hold = false;
    while (rule_line_take(line, ",")) {
        const char *word = rule_line_peek(line)->text;
        bool is_until = strcmp(word, "until") == 0, is_hold = strcmp(word, "for") == 0;
        if ((is_until && until) || (is_hold && hold))
            return rule_line_error(line, "stands twice");
        if (!is_until && !is_hold)
            return rule_line_error(line, "expected \"until\" or \"for at least\"");
        MAE_TRY(is_until ? read_until(line, rule) : read_hold(line, rule));
        until |= is_until;
        hold |= is_hold;
    }
    return rule_line_take(line, ":") ? NULL : rule_line_error(line, "expected \":\" and a goal, or \",\"");
}

static mae_error *read_objective(rule_line *line, mae_rule *rule)
{
    mae_goal *goal = &rule->goal;
    if (strcmp(rule_line_peek(line)->text, "power") == 0)
        return NULL; /* "power under ...": least latency below it */
    if (!rule_line_take(line, "least"))
        return rule_line_error(line, "expected a goal: \"least latency\", \"least energy\", \"least edp\", "
                                     "\"least weighted\" or \"power under\"");
    if (rule_line_take(line, "latency"))
        goal->minimize = MAE_MIN_LATENCY;
    else if (rule_line_take(line, "energy"))
        goal->minimize = MAE_MIN_ENERGY;
    else if (rule_line_take(line, "edp"))
        goal->minimize = MAE_MIN_EDP;
    else if (rule_line_take(line, "weighted")) {
        goal->minimize = MAE_MIN_WEIGHTED;
        return rule_line_number(line, "the weight of latency", 0, 1, &goal->weight);
    } else {
        return rule_line_error(line, "expected \"latency\", \"energy\", \"edp\" or \"weighted\"");
    }
    return NULL;
}

static mae_error *set_bound(rule_line *line, int column, double value, double *bound)
{
    if (*bound > 0)
        return rule_line_error_at(line, column, "there is another bound of this kind in the rule");
    if (value <= 0)
        return rule_line_error_at(line, column, "a bound must be above 0");
    *bound = value;
    return NULL;
}

static mae_error *read_under(rule_line *line, mae_rule *rule, bool power)
{
    int column = rule_line_peek(line)->column;
    double value;
    if (!power && rule_line_take(line, "the")) {
        MAE_TRY(rule_line_expect(line, "deadline"));
        if (rule->under_deadline)
            return rule_line_error_at(line, column, "there is another bound of this kind in the rule");
        rule->under_deadline = true;
        return NULL;
    }
    MAE_TRY(rule_line_number(line, power ? "W" : "ms, mJ or W, or \"the deadline\"", 0, 1e12, &value));
    if (rule_line_take(line, "W"))
        return set_bound(line, column, value, &rule->goal.max_power_w);
    if (power)
        return rule_line_error(line, "expected \"W\"");
    if (rule_line_take(line, "ms"))
        return set_bound(line, column, value, &rule->goal.max_latency_ms);
    if (rule_line_take(line, "mJ"))
        return set_bound(line, column, value, &rule->goal.max_energy_mj);
    return rule_line_error(line, "expected \"ms\", \"mJ\" or \"W\"");
}

static mae_error *read_rate(rule_line *line, mae_rule *rule)
{
    int column = rule_line_peek(line)->column;
    if (rule->at_frame_rate || rule->frames_per_second > 0)
        return rule_line_error(line, "there is another rate in the rule");
    if (rule_line_take(line, "the")) {
        MAE_TRY(rule_line_expect(line, "frame"));
        rule->at_frame_rate = true;
        return rule_line_expect(line, "rate");
    }
    MAE_TRY(rule_line_number(line, "frames a second, or \"the frame rate\"", 0, 1e6, &rule->frames_per_second));
    if (rule->frames_per_second < 1e-6)
        return rule_line_error_at(line, column, "a rate must be at least 1e-06");
    if (!rule_line_take(line, "frame"))
        MAE_TRY(rule_line_expect(line, "frames"));
    MAE_TRY(rule_line_expect(line, "a"));
    return rule_line_expect(line, "second");
}

static mae_error *read_switches(rule_line *line, mae_rule *rule)
{
    int column = rule_line_peek(line)->column;
    double n;
    MAE_TRY(rule_line_expect(line, "at"));
    MAE_TRY(rule_line_expect(line, "most"));
    MAE_TRY(rule_line_number(line, "a number of switches", 0, 1e6, &n));
    if (n != floor(n) || rule->goal.max_switches >= 0)
        return rule_line_error_at(line, column, "expected one whole number of switches");
    rule->goal.max_switches = (int)n;
    return n == 1 && rule_line_take(line, "switch") ? NULL : rule_line_expect(line, "switches");
}

static mae_error *read_goal(rule_line *line, mae_rule *rule)
{
    MAE_TRY(read_objective(line, rule));
    while (rule_line_peek(line)->kind != RULE_END) {
        rule_line_take(line, ",");
        if (rule_line_take(line, "power")) {
            MAE_TRY(rule_line_expect(line, "under"));
            MAE_TRY(read_under(line, rule, true));
        } else if (rule_line_take(line, "under"))
            MAE_TRY(read_under(line, rule, false));
        else if (rule_line_take(line, "at"))
            MAE_TRY(read_rate(line, rule));
        else if (rule_line_take(line, "with"))
            MAE_TRY(read_switches(line, rule));
        else
            return rule_line_error(line, "expected \"under\", \"at\", \"with at most\" or the end of the rule");
    }
    if (rule->frames_per_second > 0)
        rule->goal.period_ms = 1000 / rule->frames_per_second;
    if (rule->goal.max_power_w > 0 && !rule->at_frame_rate && rule->frames_per_second == 0)
        return rule_line_error(line, "a bound in W needs a rate: expected \"at the frame rate\" or "
                                     "\"at N frames a second\"");
    return NULL;
}

/* ---- the file ---- */

typedef struct reader {
    rule_line line;
    mae_arena *arena;
    size_t n;
    mae_rule *rules;
} reader;

/* A rule behind one that always applies when it does, is a slip. */
static mae_error *check_reached(const reader *r, const mae_rule *rule)
{
    for (size_t i = 0; i < r->n; i++) {
        const mae_rule *before = &r->rules[i];
        bool same =
            before->when == rule->when && !mae_rule_quantity_of(rule->when) && strcmp(before->word, rule->word) == 0;
        if (same || before->when == MAE_WHEN_OTHERWISE)
            return rule_line_error_at(&r->line, r->line.words[0].column,
                                      "this rule can never apply: line %d comes before it", before->line);
    }
    return NULL;
}

static mae_error *read_line(reader *r, const char *text, size_t length)
{
    mae_rule rule = {.word = "", .goal = MAE_GOAL_INIT, .hold_s = MAE_RULE_HOLD_S, .line = r->line.number};
    MAE_TRY(rule_line_split(&r->line, text, length, r->arena));
    if (r->line.n == 0)
        return NULL;
    if (r->n == MAE_MAX_RULES)
        return rule_line_error_at(&r->line, r->line.words[0].column, "there are at most %d rules", MAE_MAX_RULES);
    MAE_TRY(read_condition(&r->line, &rule));
    MAE_TRY(read_modifiers(&r->line, &rule));
    MAE_TRY(read_goal(&r->line, &rule));
    MAE_TRY(check_reached(r, &rule));
    r->rules[r->n++] = rule;
    return NULL;
}

static mae_error *read_lines(reader *r, const char *text, size_t size)
{
    for (size_t i = 0, n; i < size; i += n + 1) {
        const char *end = memchr(text + i, '\n', size - i);
        n = end ? (size_t)(end - text) - i : size - i;
        r->line.number++;
        MAE_TRY(read_line(r, text + i, n));
    }
    if (r->n == 0 || r->rules[r->n - 1].when != MAE_WHEN_OTHERWISE)
        return mae_error_new(MAE_ERR_INPUT,
                             "%s:%d:1: the rules end without one that always applies: expected "
                             "\"otherwise: ...\"",
                             r->line.name, r->line.number + 1);
    return NULL;
}

static mae_error *start(reader *r, const char *name, mae_rules **ret_rules)
{
    mae_rules *rules = calloc(1, sizeof *rules);
    if (!rules)
        return mae_error_nomem();
    rules->priv = r->arena = mae_arena_create();
    r->rules = r->arena ? mae_arena_array(r->arena, MAE_MAX_RULES, sizeof *r->rules) : NULL;
    r->line.name = name;
    *ret_rules = rules;
    return r->rules ? NULL : mae_error_nomem();
}

mae_error *mae_rules_parse(const char *name, const char *text, size_t size, mae_rules **ret_rules)
{
    reader r = {.n = 0};
    mae_rules *rules = NULL;
    mae_error *error = start(&r, name, &rules);
    if (!error)
        error = read_lines(&r, text, size);
    if (error) {
        mae_rules_destroy(rules);
        return error;
    }
    rules->n_rules = r.n;
    rules->rules = r.rules;
    *ret_rules = rules;
    return NULL;
}

mae_error *mae_rules_read(const char *path, mae_rules **ret_rules)
{
    void *text = NULL;
    size_t size;
    MAE_TRY(mae_file_read(path, MAE_RULES_MAX_FILE_BYTES, &text, &size));
    mae_error *error = mae_rules_parse(path, text, size, ret_rules);
    free(text);
    return error;
}

void mae_rules_destroy(mae_rules *rules)
{
    if (!rules)
        return;
    mae_arena_destroy(rules->priv);
    free(rules);
}
