#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_begin(cli_progress *progress)
{
    *progress = (cli_progress){.terminal = isatty(STDERR_FILENO), .last_s = -1e9};
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
    if (!interrupted)
        signal(SIGINT, SIG_DFL);
}

static void show_on_terminal(const char *what, double fraction, double left_s)
{
    fprintf(stderr, "\r\033[K%3.0f %%  %.60s", fraction * 100, what);
    if (left_s >= 0)
        fprintf(stderr, "  (%.0f s left)", left_s);
    fflush(stderr);
}

bool cli_progress_step(void *ctx, const char *what, double fraction, double left_s)
{
    cli_progress *progress = ctx;
    double now = now_s(), pause = progress->terminal ? 0.1 : 5;
    bool new_stage = strncmp(what, progress->what, sizeof progress->what - 1) != 0;
    if (now - progress->last_s >= pause || (new_stage && now - progress->last_s >= 1)) {
        progress->last_s = now;
        snprintf(progress->what, sizeof progress->what, "%s", what);
        progress->shown = progress->terminal;
        if (progress->terminal)
            show_on_terminal(what, fraction, left_s);
        else
            fprintf(stderr, "%3.0f %%  %s\n", fraction * 100, what);
    }
    return !interrupted;
}
