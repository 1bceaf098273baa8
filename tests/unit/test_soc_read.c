/* SoC files (core/soc.h): what they say, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "core/soc.h"

static mae_error *parse(const char *text, mae_soc **ret_soc)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_parse("dir/board.json", text, strlen(text), &json));
    mae_error *error = mae_soc_from_json("dir/board.json", json, ret_soc);
    mae_json_destroy(json);
    return error;
}

static void what_it_says(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/soc/full.json", getenv("MAE_SOURCE_DIR"));
    mae_soc *soc = NULL;
    assert_null(mae_soc_read(path, &soc));
    assert_string_equal(soc->name, "board");
    assert_string_equal(soc->mode, "MAXN");
    assert_string_equal(soc->meter, "hwmon");
    assert_non_null(strstr(soc->meter_root, "/tests/fuzz/corpus/soc/tree"));
    assert_true(soc->meter_period_ms == 12.5 && soc->static_w == 4.5 && soc->n_pes == 2);
    const mae_soc_pe *cpu = &soc->pes[0], *gpu = &soc->pes[1];
    assert_true(cpu->threads == 4 && cpu->watts == 3 && cpu->n_rails == 0);
    assert_string_equal(cpu->cores, "0-3,6");
    assert_string_equal(gpu->resource, "gpu");
    assert_true(gpu->watts < 0 && gpu->max_segments == 16 && gpu->segment_ms == 0.1 && gpu->n_rails == 2);
    assert_true(cpu->abs_tolerance < 0 && gpu->abs_tolerance == 0.01 && gpu->rel_tolerance == 0.02);
    assert_int_equal(gpu->n_options, 5);
    assert_string_equal(gpu->options[1].key, "trt_fp16_enable");
    assert_string_equal(gpu->options[1].value, "1");
    assert_string_equal(gpu->options[2].value, "2");
    assert_non_null(strstr(gpu->options[4].value, "/tests/fuzz/corpus/soc/a"));
    assert_int_equal(gpu->n_levels, 2);
    assert_string_equal(gpu->levels[0].files[0].text, "900000000");
    assert_true(gpu->levels[0].watts == 5 && gpu->levels[1].watts < 0 && gpu->levels[1].n_files == 0);
    mae_soc_destroy(soc);
}

#define PES "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\"}]"
#define BEGIN "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"b\",\n "

static void what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"format\": \"mae-plan\"}", "dir/board.json:1:12: format: \"mae-plan\" is not \"mae-soc\""},
        {BEGIN PES ", \"static\": 1}", "dir/board.json:2:54: static: no such key here"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"watt\": 1}]}",
         "dir/board.json:2:50: pes[0].watt: no such key here"},
        {BEGIN "\"pes\": [{\"name\": \"p\"}]}", "dir/board.json:2:10: pes[0].backend: is missing"},
        {BEGIN "\"pes\": [{\"name\": \"p,q\", \"backend\": \"sim\"}]}", "pes[0].name: \"p,q\" is no name"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\"}, {\"name\": \"p\", \"backend\": \"sim\"}]}",
         "pes[1].name: there is another PE \"p\""},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"cores\": \"3-\"}]}", "pes[0].cores: "},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"threads\": 1.5}]}", "1.5 is not a whole number"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"options\": {\"a\": []}}]}",
         "pes[0].options.a: is neither text nor a number"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"rails\": [\"A\"]}]}",
         "pes[0].rails: there is no meter to read them"},
        {BEGIN "\"host\": \"p\", " PES "}", "host: no such key here"},
        {BEGIN "\"meter\": {\"driver\": \"guess\"}, " PES "}", "meter.driver: \"guess\" is not hwmon"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"levels\": [{\"name\": \"l\", \"watts\": -1}]}]}",
         "pes[0].levels[0].watts: is negative"},
        {BEGIN "\"pes\": [{\"name\": \"p\", \"backend\": \"sim\", \"levels\": [{\"name\": \"l\", \"sysfs\": "
               "{\"/sys/../etc/x\": 1}}]}]}",
         "is not a file below /sys"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_soc *soc = NULL;
        mae_error *error = parse(cases[i].text, &soc);
        if (mae_error_code(error) != MAE_ERR_INPUT || !strstr(mae_error_message(error), cases[i].message))
            fail_msg("\"%s\" instead of one with \"%s\"", error ? mae_error_message(error) : "(no error)",
                     cases[i].message);
        assert_null(soc);
        mae_error_free(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_says), cmocka_unit_test(what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
