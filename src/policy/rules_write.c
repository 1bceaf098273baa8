/* Rules as canonical text: everything that could be left out is said. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "policy/rules.h"

/* The shortest digits that read as the same number. */
static void put_number(FILE *out, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

static void put_condition(FILE *out, const mae_rule *rule)
{
    const mae_rule_quantity *quantity = mae_rule_quantity_of(rule->when);
    if (quantity) {
        const char *space = *quantity->unit ? " " : "";
        fputs(quantity->name, out);
        if (rule->when == MAE_WHEN_OUTPUT)
            fprintf(out, " %s value %lld", rule->word, (long long)rule->index);
        fprintf(out, " %s ", rule->below ? "below" : "above");
        put_number(out, rule->enter);
        fprintf(out, "%s%s, until %s ", space, quantity->unit, rule->below ? "above" : "below");
        put_number(out, rule->leave);
        fprintf(out, "%s%s", space, quantity->unit);
    } else if (rule->when == MAE_WHEN_LOST) {
        fprintf(out, "lost %s", rule->word);
    } else {
        fputs(rule->when == MAE_WHEN_EVENT ? rule->word : "otherwise", out);
    }
    if (rule->when != MAE_WHEN_OTHERWISE) {
        fputs(", for at least ", out);
        put_number(out, rule->hold_s);
        fputs(" s", out);
    }
}

static void put_bound(FILE *out, double bound, const char *unit)
{
    if (bound <= 0)
        return;
    fputs(" under ", out);
    put_number(out, bound);
    fprintf(out, " %s", unit);
}

static void put_goal(FILE *out, const mae_rule *rule)
{
    static const char *const names[] = {"latency", "energy", "edp", "weighted "};
    const mae_goal *goal = &rule->goal;
    fprintf(out, ": least %s", names[goal->minimize]);
    if (goal->minimize == MAE_MIN_WEIGHTED)
        put_number(out, goal->weight);
    if (rule->under_deadline)
        fputs(" under the deadline", out);
    put_bound(out, goal->max_latency_ms, "ms");
    put_bound(out, goal->max_energy_mj, "mJ");
    put_bound(out, goal->max_power_w, "W");
    if (rule->at_frame_rate)
        fputs(" at the frame rate", out);
    if (rule->frames_per_second > 0) {
        fputs(" at ", out);
        put_number(out, rule->frames_per_second);
        fputs(" frames a second", out);
    }
    if (goal->max_switches >= 0)
        fprintf(out, " with at most %d switches", goal->max_switches);
    fputc('\n', out);
}

mae_error *mae_rules_text(const mae_rules *rules, char **ret_text)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return mae_error_nomem();
    for (size_t i = 0; i < rules->n_rules; i++) {
        put_condition(out, &rules->rules[i]);
        put_goal(out, &rules->rules[i]);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return mae_error_nomem();
    }
    *ret_text = text;
    return NULL;
}
