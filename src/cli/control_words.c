/* What the control socket understands. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/control.h"
#include "cli/json.h"

#define MOST_WORDS 16

typedef struct words {
    size_t n;
    char *item[MOST_WORDS + 1];
} words;

static bool refuse(char *answer, const char *what)
{
    snprintf(answer, CONTROL_MOST_LINE, "error: %s", what);
    return false;
}

/* One line, whatever the message holds. */
static bool report(char *answer, mae_error *error)
{
    if (!error)
        return true;
    snprintf(answer, CONTROL_MOST_LINE, "error: %.900s", mae_error_message(error));
    for (char *c = answer; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    mae_error_free(error);
    return false;
}

static bool number_of(const char *text, double *ret_number)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < 0)
        return false;
    *ret_number = number;
    return true;
}

/* "--max-latency-ms 33" and the like, as on the command line. */
static bool take_bound(const char *key, double value, mae_goal *goal)
{
    const struct {
        const char *key;
        double *field;
    } bounds[] = {{"--max-latency-ms", &goal->max_latency_ms},
                  {"--max-energy-mj", &goal->max_energy_mj},
                  {"--max-power-w", &goal->max_power_w},
                  {"--period-ms", &goal->period_ms}};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (strcmp(bounds[i].key, key) == 0 && value > 0) {
            *bounds[i].field = value;
            return true;
        }
    if (strcmp(key, "--max-switches") != 0 || value != floor(value) || value > 1e6)
        return false;
    goal->max_switches = (int)value;
    return true;
}

static bool set_goal(mae_live *live, const words *w, char *answer)
{
    mae_goal goal = MAE_GOAL_INIT;
    if (w->n < 2)
        return refuse(answer, "goal: expected latency, energy, edp, weighted:W or rules");
    if (w->n == 2 && strcmp(w->item[1], "rules") == 0)
        return report(answer, mae_live_set_goal(live, NULL));
    if (!report(answer, mae_goal_parse(w->item[1], &goal)))
        return false;
    for (size_t i = 2; i < w->n; i += 2) {
        double value;
        if (i + 1 == w->n || !number_of(w->item[i + 1], &value) || !take_bound(w->item[i], value, &goal))
            return refuse(answer,
                          "goal: expected --max-latency-ms X, --max-energy-mj X, --max-power-w X, --period-ms X "
                          "or --max-switches N");
    }
    return report(answer, mae_live_set_goal(live, &goal));
}

static bool set_event(mae_live *live, const words *w, char *answer)
{
    bool on = w->n == 3 && strcmp(w->item[2], "on") == 0;
    if (w->n != 3 || (!on && strcmp(w->item[2], "off") != 0))
        return refuse(answer, "event: expected event WORD on, or event WORD off");
    return report(answer, mae_live_set_event(live, w->item[1], on));
}

/* A reading that the application knows; the others stay. */
static bool set_reading(mae_live *live, cli_told *told, const words *w, char *answer)
{
    double value = NAN;
    if (w->n != 2 || (strcmp(w->item[1], "auto") != 0 && !number_of(w->item[1], &value)))
        return refuse(answer, "expected a number, or auto");
    char first = w->item[0][0];
    *(first == 'b' ? &told->battery : first == 't' ? &told->celsius : &told->power_w) = value;
    mae_live_set_readings(live, told->battery, told->celsius, told->power_w);
    return true;
}

static const char *rule_text(int line, char text[32])
{
    snprintf(text, 32, "line %d", line);
    return line < 0 ? "a goal that was set" : line > 0 ? text : "none";
}

static bool tell_status(mae_live *live, char *answer)
{
    mae_live_status s;
    char rule[32];
    mae_live_get_status(live, &s);
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:b, s:o, s:o, s:o}", "frames", (json_int_t)s.frames,
        "repeats", (json_int_t)s.repeats, "switches", (json_int_t)s.switches, "losses", (json_int_t)s.losses, "hung",
        (json_int_t)s.hung, "reprofiles", (json_int_t)s.reprofiles, "replans", (json_int_t)s.replans, "mappings",
        (json_int_t)s.n_mappings, "compiled", (json_int_t)s.n_compiled, "latency_ms", s.latency_ms, "rule",
        rule_text(s.rule_line, rule), "feasible", s.feasible, "battery", cli_json_number(s.battery), "celsius",
        cli_json_number(s.celsius), "power_w", cli_json_number(s.power_w));
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    snprintf(answer, CONTROL_MOST_LINE, "%s", text ? text : "error: out of memory");
    free(text);
    return true;
}

static void split(char *line, words *w)
{
    char *rest = NULL;
    w->n = 0;
    for (char *word = strtok_r(line, " \t\r", &rest); word && w->n < MOST_WORDS; word = strtok_r(NULL, " \t\r", &rest))
        w->item[w->n++] = word;
}

void cli_control_obey(mae_live *live, cli_told *told, char *line, char *answer)
{
    words w;
    split(line, &w);
    strcpy(answer, "ok");
    const char *verb = w.n ? w.item[0] : "";
    if (strcmp(verb, "goal") == 0)
        set_goal(live, &w, answer);
    else if (strcmp(verb, "event") == 0)
        set_event(live, &w, answer);
    else if (strcmp(verb, "battery") == 0 || strcmp(verb, "temperature") == 0 || strcmp(verb, "power") == 0)
        set_reading(live, told, &w, answer);
    else if (strcmp(verb, "status") == 0 && w.n == 1)
        tell_status(live, answer);
    else if (strcmp(verb, "stop") == 0 && w.n == 1)
        told->stop = true;
    else
        refuse(answer, "expected goal, event, battery, temperature, power, status or stop");
}
