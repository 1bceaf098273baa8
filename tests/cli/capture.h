/* What a function prints on standard error, for tests of messages. */
#ifndef MAE_TESTS_CLI_CAPTURE_H
#define MAE_TESTS_CLI_CAPTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct capture {
    FILE *file;
    int kept;
} capture;

static inline capture capture_begin(void)
{
    fflush(stderr);
    capture c = {tmpfile(), dup(STDERR_FILENO)};
    assert_non_null(c.file);
    assert_true(dup2(fileno(c.file), STDERR_FILENO) >= 0);
    return c;
}

static inline void capture_end(capture *c, char *text, size_t room)
{
    fflush(stderr);
    assert_true(dup2(c->kept, STDERR_FILENO) >= 0);
    close(c->kept);
    rewind(c->file);
    text[fread(text, 1, room - 1, c->file)] = '\0';
    fclose(c->file);
}

/* The call fails with this status, and says so in one line that holds `words`. */
#define assert_fails(call, status, words)                                                                              \
    do {                                                                                                               \
        char said_[4096];                                                                                              \
        capture capture_ = capture_begin();                                                                            \
        int status_ = (call);                                                                                          \
        capture_end(&capture_, said_, sizeof said_);                                                                   \
        assert_int_equal(status_, (status));                                                                           \
        if (!strstr(said_, (words)))                                                                                   \
            fail_msg("\"%s\" is not in: %s", (words), said_);                                                          \
        assert_non_null(strchr(said_, '\n'));                                                                          \
        assert_string_equal(strchr(said_, '\n'), "\n");                                                                \
    } while (0)

#endif
