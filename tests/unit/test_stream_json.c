/* What mae stream prints fits its schema, whose keys docs/formats.md has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/schema.h"

static const char soc_text[] =
    "{ \"format\": \"mae-soc\", \"version\": 1, \"name\": \"virtual\", \"pes\": ["
    " { \"name\": \"gpu@high\", \"backend\": \"sim\", \"resource\": \"gpu\", \"options\": { \"profile\": \"%s\" } },"
    " { \"name\": \"dla\", \"backend\": \"sim\", \"resource\": \"dla\", \"options\": { \"profile\": \"%s\" } } ] }";

static void a_stream(void **state)
{
    (void)state;
    const char *source = getenv("MAE_SOURCE_DIR"), *program = getenv("MAE_PROGRAM");
    char soc[] = "/tmp/mae-stream-XXXXXX", profile[2048], command[8192], text[65536];
    if (!source || !program)
        skip();
    snprintf(profile, sizeof profile, "%s/tests/data/profiles/virtual_soc.truth.json", source);
    int fd = mkstemp(soc);
    assert_true(fd >= 0);
    dprintf(fd, soc_text, profile, profile);
    close(fd);
    snprintf(
        command, sizeof command,
        "'%s' stream '%s/tests/data/models/tiny.onnx' --soc %s --profile '%s' --frames 20 --deadline-ms 1000 --json",
        program, source, soc, profile);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(text, 1, sizeof text - 1, pipe);
    text[n] = '\0';
    int status = pclose(pipe);
    unlink(soc);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    json_t *json = schema_check_text("schemas/mae-stream.schema.json", text);
    assert_int_equal(json_integer_value(json_object_get(json, "frames")), 20);
    assert_true(json_array_size(json_object_get(json, "segments")) > 0);
    json_decref(json);
}

static void keys_are_documented(void **state)
{
    (void)state;
    schema_check_documented("schemas/mae-stream.schema.json");
    schema_check_documented("schemas/mae-scenario.schema.json");
    schema_check_documented("schemas/mae-scenario-script.schema.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_stream), cmocka_unit_test(keys_are_documented)};
    return cmocka_run_group_tests_name("streams' JSON", tests, NULL, NULL);
}
