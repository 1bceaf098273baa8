/* The control socket: what it obeys, what it refuses, and who may talk to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/control.h"
#include "cli/message.h"

typedef struct scene {
    mae_context *context;
    mae_model *model;
    mae_profile *profile;
    mae_live *live;
} scene;

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

static void open_scene(scene *s)
{
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", source);
    const mae_context_options options = {.threads = 1, .pes = "cpu/ort"};
    mae_error *error = mae_context_create(&options, &s->context);
    if (error) {
        print_message("skipped: %s\n", mae_error_message(error));
        mae_error_free(error);
        skip();
    }
    succeed(mae_model_open(s->context, path, NULL, 0, &s->model));
    const mae_profile_options quick = {.budget_s = 0.5};
    succeed(mae_profile_measure(s->context, s->model, &quick, &s->profile));
    const mae_live_options live = {.timeout_ms = 20000};
    succeed(mae_live_open(s->context, s->model, s->profile, &live, &s->live));
}

static void close_scene(scene *s)
{
    mae_live_close(s->live);
    mae_profile_destroy(s->profile);
    mae_model_close(s->model);
    mae_context_destroy(s->context);
}

static int call(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* One line of answer. */
static const char *hear(int fd)
{
    static char line[2 * CONTROL_MOST_LINE];
    size_t n = 0;
    while (n + 1 < sizeof line && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = 0;
    return line;
}

static const char *ask(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return hear(fd);
}

static void assert_refused(int fd, const char *text, const char *why)
{
    const char *answer = ask(fd, text);
    if (strncmp(answer, "error: ", 7) != 0 || !strstr(answer, why))
        fail_msg("\"%s\" is answered \"%s\", which does not say \"%s\"", text, answer, why);
}

static void what_it_obeys(void **state)
{
    (void)state;
    scene s = {NULL};
    char folder[] = "/tmp/mae-control-XXXXXX", path[64];
    cli_control *control = NULL;
    struct stat info;
    open_scene(&s);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ctl", folder);
    assert_int_equal(cli_control_open(path, s.live, &control), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int fd = call(path), other = call(path);
    assert_string_equal(ask(fd, "goal latency --max-latency-ms 33\n"), "ok");
    assert_refused(fd, "  goal   edp\r\n", "energy"); /* the profile has none */
    close(fd);
    fd = call(path);
    assert_string_equal(ask(fd, "event obstacle on\n"), "ok");
    assert_string_equal(ask(other, "event obstacle off\n"), "ok");
    assert_string_equal(ask(fd, "battery 15\n"), "ok");
    assert_string_equal(ask(fd, "temperature auto\n"), "ok");
    succeed(mae_live_run(s.live, 0, 0));
    const char *status = ask(other, "status\n");
    assert_non_null(strstr(status, "\"frames\":1"));
    assert_non_null(strstr(status, "\"battery\":15"));
    assert_string_equal(ask(fd, "goal rules\n"), "ok");
    assert_refused(fd, "goal\n", "expected latency");
    assert_refused(fd, "goal speed\n", "speed");
    assert_refused(fd, "goal latency --max-latency-ms\n", "--max-latency-ms X");
    assert_refused(fd, "goal latency --max-latency-ms -3\n", "--max-latency-ms X");
    assert_refused(fd, "goal latency --max-switches 1.5\n", "--max-switches N");
    assert_refused(fd, "event\n", "event WORD on");
    assert_refused(fd, "event a b\n", "event WORD on");
    assert_refused(fd, "event a\"b on\n", "letters");
    assert_refused(fd, "battery full\n", "expected a number");
    assert_refused(fd, "\n", "expected goal");
    assert_refused(fd, "\x01\xff\x80 \x1b[2J\n", "expected goal");
    assert_false(cli_control_stopped(control));
    assert_string_equal(ask(fd, "stop\n"), "ok");
    assert_true(cli_control_stopped(control));
    close(fd);
    close(other);
    cli_control_close(control);
    assert_int_not_equal(stat(path, &info), 0);
    rmdir(folder);
    close_scene(&s);
}

/* However long the line: one answer, and the next line counts. */
static void lines_without_end(void **state)
{
    (void)state;
    scene s = {NULL};
    char folder[] = "/tmp/mae-control-XXXXXX", path[64], block[4096];
    cli_control *control = NULL;
    open_scene(&s);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ctl", folder);
    assert_int_equal(cli_control_open(path, s.live, &control), 0);
    int fd = call(path);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 64; i++)
        assert_int_equal(write(fd, block, sizeof block), (ssize_t)sizeof block);
    assert_refused(fd, "\n", "a line has at most");
    assert_string_equal(ask(fd, "event after off\n"), "ok");
    int crowd[20]; /* more than it serves */
    for (int i = 0; i < 20; i++)
        crowd[i] = call(path);
    for (int i = 0; i < 20; i++)
        close(crowd[i]);
    assert_string_equal(ask(fd, "event after on\n"), "ok");
    close(fd);
    cli_control_close(control);
    rmdir(folder);
    close_scene(&s);
}

static void whose_path(void **state)
{
    (void)state;
    scene s = {NULL};
    char folder[] = "/tmp/mae-control-XXXXXX", path[64], far[200];
    cli_control *control = NULL, *second = NULL;
    open_scene(&s);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ctl", folder);
    assert_int_equal(cli_control_open(path, s.live, &control), 0);
    assert_int_equal(cli_control_open(path, s.live, &second), 1); /* somebody listens there */
    cli_control_close(control);
    FILE *file = fopen(path, "w"); /* not a socket: not ours to remove */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(cli_control_open(path, s.live, &control), 1);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0); /* left by one that was killed */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(cli_control_open(path, s.live, &control), 0);
    cli_control_close(control);
    memset(far, 'x', sizeof far - 1);
    far[sizeof far - 1] = 0;
    assert_int_equal(cli_control_open(far, s.live, &control), 2);
    rmdir(folder);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_obeys), cmocka_unit_test(lines_without_end),
                                       cmocka_unit_test(whose_path)};
    return cmocka_run_group_tests_name("control socket", tests, NULL, NULL);
}
