/* The control socket's words, line by line as they would be taken off the socket. The session behind is a stand-in that
 * wants what it is told to be sound; every line gets one line of answer. */
#include "cli/control.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "targets.h"

static bool sound, obeyed;

/* A refusal as the library makes them. */
static mae_error *refuse(void)
{
    mae_goal goal = MAE_GOAL_INIT;
    return mae_goal_parse("nothing", &goal);
}

static bool is_bound(double value)
{
    return isfinite(value) && value >= 0;
}

mae_error *mae_live_set_goal(mae_live *live, const mae_goal *goal)
{
    (void)live;
    obeyed = true;
    if (!goal)
        return NULL;
    sound = sound && is_bound(goal->max_latency_ms) && is_bound(goal->max_energy_mj) && is_bound(goal->max_power_w) &&
            is_bound(goal->period_ms) && goal->max_switches <= 1000000;
    return goal->max_power_w > 0 && goal->period_ms <= 0 ? refuse() : NULL;
}

mae_error *mae_live_set_event(mae_live *live, const char *event, bool on)
{
    (void)live;
    obeyed = true;
    sound = sound && *event && !strpbrk(event, " \t\r");
    return on ? NULL : refuse();
}

static bool is_reading(double value)
{
    return isnan(value) || is_bound(value);
}

void mae_live_set_readings(mae_live *live, double battery, double celsius, double power_w)
{
    (void)live;
    obeyed = true;
    sound = sound && is_reading(battery) && is_reading(celsius) && is_reading(power_w);
}

void mae_live_get_status(mae_live *live, mae_live_status *ret_status)
{
    (void)live;
    obeyed = true;
    memset(ret_status, 0xff, sizeof *ret_status); /* the longest numbers there are */
    ret_status->latency_ms = 1.2345678901234567e-300;
    ret_status->battery = ret_status->celsius = ret_status->power_w = -1.2345678901234567e+300;
    ret_status->feasible = true;
}

static bool is_answer(const char *answer)
{
    size_t n = strnlen(answer, CONTROL_MOST_LINE);
    if (n == 0 || n == CONTROL_MOST_LINE)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)answer[i] < 0x20)
            return false;
    return strcmp(answer, "ok") == 0 || strncmp(answer, "error: ", 7) == 0 ||
           (answer[0] == '{' && answer[n - 1] == '}');
}

/* The line in exactly as many bytes as it has, so that a sanitizer sees what is read beyond them. */
static bool obey(cli_told *told, const uint8_t *data, size_t size)
{
    char answer[CONTROL_MOST_LINE] = "";
    char *line = malloc(size + 1);
    if (!line)
        return false;
    if (size)
        memcpy(line, data, size);
    line[size] = 0;
    cli_control_obey(NULL, told, line, answer);
    free(line);
    return is_answer(answer);
}

int fuzz_control(const uint8_t *data, size_t size)
{
    cli_told told = {NAN, NAN, NAN, false};
    bool good = true;
    sound = true;
    obeyed = false;
    for (size_t at = 0; good && at <= size;) {
        const uint8_t *end = at < size ? memchr(data + at, '\n', size - at) : NULL;
        size_t n = end ? (size_t)(end - data) - at : size - at;
        good = n >= CONTROL_MOST_LINE || memchr(data + at, 0, n) || obey(&told, data + at, n);
        at += n + 1;
    }
    good = good && is_reading(told.battery) && is_reading(told.celsius) && is_reading(told.power_w);
    return !good || !sound ? -1 : obeyed || told.stop;
}
