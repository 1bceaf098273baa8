/* The command line: every kind of option in every way of writing it, and what is wrong with the rest. */
#include "capture.h"

#include "cli/args.h"

typedef struct shared {
    double number;
    double positive;
} shared;

typedef struct args {
    bool flag;
    const char *text;
    cli_texts texts;
    int count;
    shared shared;
} args;

static const cli_option own_options[] = {
    {"flag", 'f', CLI_FLAG, offsetof(args, flag), NULL, "a flag", 0},
    {"text", 't', CLI_TEXT, offsetof(args, text), "TEXT", "a text", 0},
    {"texts", 0, CLI_TEXTS, offsetof(args, texts), "TEXT", "many", 0},
    {"count", 'n', CLI_COUNT, offsetof(args, count), "N", "a number", 2},
};

static const cli_option shared_options[] = {
    {"number", 0, CLI_NUMBER, offsetof(shared, number), "X", "at least 0", 0},
    {"positive", 0, CLI_POSITIVE, offsetof(shared, positive), "X", "above 0", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, 4, 0},
    {"Shared", shared_options, 2, offsetof(args, shared)},
};

static const cli_syntax syntax = {.command = "test",
                                  .operand = "FILE",
                                  .text = "Tests.",
                                  .examples = "  mae test x\n",
                                  .groups = groups,
                                  .n_groups = 2};

#define MOST_WORDS 80

/* Parses words up to a NULL; the exit status, or -1 where the command would go on. */
static int parse(const char *const *words, args *into, const char **ret_operand)
{
    char *argv[MOST_WORDS + 2] = {(char *)"test"};
    int argc = 1, status = -1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    const char *operand = NULL;
    bool goes_on = cli_parse(&syntax, argc, argv, into, &operand, &status);
    assert_int_equal(goes_on, status == -1);
    if (ret_operand)
        *ret_operand = operand;
    return status;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_ways_of_writing(void **state)
{
    (void)state;
    args a = {0};
    const char *operand;
    assert_int_equal(parse(WORDS("--flag", "--text", "x", "--count=3", "in", "--number", "0"), &a, &operand), -1);
    assert_true(a.flag);
    assert_string_equal(a.text, "x");
    assert_int_equal(a.count, 3);
    assert_string_equal(operand, "in");

    a = (args){0};
    assert_int_equal(parse(WORDS("-f", "-tx=y", "-n", "7", "--positive=1e-3", "in"), &a, NULL), -1);
    assert_true(a.flag);
    assert_string_equal(a.text, "x=y");
    assert_int_equal(a.count, 7);
    assert_true(a.shared.positive == 1e-3);

    a = (args){0};
    assert_int_equal(parse(WORDS("--texts", "a", "in", "--texts=", "--texts", "--flag"), &a, NULL), -1);
    assert_int_equal(a.texts.n, 3);
    assert_string_equal(a.texts.item[0], "a");
    assert_string_equal(a.texts.item[1], "");
    assert_string_equal(a.texts.item[2], "--flag"); /* a value, whatever it looks like */
    assert_false(a.flag);

    assert_int_equal(parse(WORDS("--", "--flag"), &a, &operand), -1);
    assert_string_equal(operand, "--flag");
    assert_int_equal(parse(WORDS("-"), &a, &operand), -1);
    assert_string_equal(operand, "-");
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *const words[4];
        const char *message;
    } cases[] = {
        {{"in", "--flog"}, "unknown option '--flog'; see \"mae test --help\""},
        {{"in", "--fla"}, "unknown option '--fla'"},
        {{"in", "-x"}, "unknown option '-x'"},
        {{"in", "--flag=yes"}, "--flag takes no value"},
        {{"in", "--text"}, "--text needs a value (TEXT)"},
        {{"in", "--count", "1"}, "whole number of at least 2, not '1'"},
        {{"in", "--count", "3x"}, "whole number"},
        {{"in", "--count", ""}, "whole number"},
        {{"in", "--count", "99999999999999999999"}, "whole number"},
        {{"in", "--number", "-1"}, "number of at least 0, not '-1'"},
        {{"in", "--number", "inf"}, "number of at least 0"},
        {{"in", "--number", "nan"}, "number of at least 0"},
        {{"in", "--positive", "0"}, "number above 0, not '0'"},
        {{"in", "more"}, "unexpected argument 'more'"},
        {{"--flag"}, "FILE is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        args a = {0};
        assert_fails(parse(cases[i].words, &a, NULL), 2, cases[i].message);
    }
    const char *many[MOST_WORDS + 1] = {"in"};
    for (int i = 1; i < MOST_WORDS; i++)
        many[i] = "--texts=x";
    args a = {0};
    assert_fails(parse(many, &a, NULL), 2, "more than 64 times --texts");
}

static void test_messages_are_one_line(void **state)
{
    (void)state;
    args a = {0};
    assert_fails(parse(WORDS("in", "--a\nb\033[31m"), &a, NULL), 2, "unknown option '--a?b?[31m'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_of_writing),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_messages_are_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
