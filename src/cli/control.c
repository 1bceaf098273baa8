#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/message.h"

#define MOST_CLIENTS 8

typedef struct client {
    int fd; /* -1: none */
    size_t n;
    bool too_long; /* the rest of the line is skipped */
    char line[CONTROL_MOST_LINE];
} client;

struct cli_control {
    char *path;
    mae_live *live;
    int listener, wake[2];
    cli_told told;
    atomic_bool stopped;
    bool running;
    pthread_t thread;
    client clients[MOST_CLIENTS];
};

/* ---- clients ---- */

static void hang_up(client *c)
{
    close(c->fd);
    *c = (client){.fd = -1};
}

/* A client that does not read its answers is none. */
static void answer(client *c, const char *text)
{
    char line[CONTROL_MOST_LINE + 2];
    int n = snprintf(line, sizeof line, "%s\n", text);
    if (send(c->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
        hang_up(c);
}

static void end_line(cli_control *control, client *c)
{
    char text[CONTROL_MOST_LINE];
    c->line[c->n] = 0;
    if (c->too_long)
        snprintf(text, sizeof text, "error: a line has at most %d bytes", CONTROL_MOST_LINE - 1);
    else
        cli_control_obey(control->live, &control->told, c->line, text);
    if (control->told.stop)
        atomic_store(&control->stopped, true);
    c->n = 0;
    c->too_long = false;
    answer(c, text);
}

static void take_bytes(cli_control *control, client *c, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && c->fd >= 0; i++) {
        if (bytes[i] == '\n')
            end_line(control, c);
        else if (c->n + 1 < sizeof c->line && bytes[i])
            c->line[c->n++] = bytes[i];
        else
            c->too_long = true;
    }
}

static void hear(cli_control *control, client *c)
{
    char bytes[CONTROL_MOST_LINE];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        take_bytes(control, c, bytes, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(c);
}

static void welcome(cli_control *control)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        if (control->clients[i].fd < 0) {
            control->clients[i] = (client){.fd = fd};
            return;
        }
    close(fd);
}

static void *listen_on(void *ctx)
{
    cli_control *control = ctx;
    for (;;) {
        struct pollfd fds[MOST_CLIENTS + 2] = {{control->wake[0], POLLIN, 0}, {control->listener, POLLIN, 0}};
        for (size_t i = 0; i < MOST_CLIENTS; i++)
            fds[i + 2] = (struct pollfd){control->clients[i].fd, POLLIN, 0};
        if (poll(fds, MOST_CLIENTS + 2, -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        for (size_t i = 0; i < MOST_CLIENTS; i++)
            if (fds[i + 2].revents && control->clients[i].fd >= 0)
                hear(control, &control->clients[i]);
        if (fds[1].revents)
            welcome(control);
    }
}

/* ---- opening and closing ---- */

static bool nobody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

/* Nobody else can connect, not even before its mode is set. */
static int bind_privately(const cli_control *control, const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(control->path, &info) == 0 && S_ISSOCK(info.st_mode) && nobody_listens(address))
        unlink(control->path);
    mode_t mask = umask(0177);
    int failed = bind(control->listener, (const struct sockaddr *)address, sizeof *address) ? errno : 0;
    umask(mask);
    if (failed)
        return cli_error(MAE_ERR_FAILED, "%s: %s", control->path, strerror(failed));
    if (chmod(control->path, 0600) || listen(control->listener, MOST_CLIENTS))
        return cli_error(MAE_ERR_FAILED, "%s: %s", control->path, strerror(errno));
    return 0;
}

static int open_socket(cli_control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(control->path) >= sizeof address.sun_path)
        return cli_error(MAE_ERR_USAGE, "--socket: the path has more than %zu bytes", sizeof address.sun_path - 1);
    strcpy(address.sun_path, control->path);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->listener < 0 || pipe2(control->wake, O_CLOEXEC))
        return cli_error(MAE_ERR_FAILED, "%s: %s", control->path, strerror(errno));
    CLI_TRY(bind_privately(control, &address));
    control->running = pthread_create(&control->thread, NULL, listen_on, control) == 0;
    if (!control->running) {
        unlink(control->path);
        return cli_error(MAE_ERR_FAILED, "no thread for the control socket");
    }
    return 0;
}

int cli_control_open(const char *path, mae_live *live, cli_control **ret_control)
{
    cli_control *control = calloc(1, sizeof *control);
    if (!control)
        return cli_nomem();
    control->path = strdup(path);
    control->live = live;
    control->told = (cli_told){NAN, NAN, NAN, false};
    control->listener = control->wake[0] = control->wake[1] = -1;
    atomic_init(&control->stopped, false);
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        control->clients[i].fd = -1;
    int status = control->path ? open_socket(control) : cli_nomem();
    if (status)
        cli_control_close(control);
    else
        *ret_control = control;
    return status;
}

void cli_control_close(cli_control *control)
{
    if (!control)
        return;
    if (control->running) {
        close(control->wake[1]);
        control->wake[1] = -1;
        pthread_join(control->thread, NULL);
        unlink(control->path);
    }
    const int fds[] = {control->listener, control->wake[0], control->wake[1]};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        if (control->clients[i].fd >= 0)
            close(control->clients[i].fd);
    free(control->path);
    free(control);
}

bool cli_control_stopped(const cli_control *control)
{
    return control && atomic_load(&((cli_control *)control)->stopped);
}
