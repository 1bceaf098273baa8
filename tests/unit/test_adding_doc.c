/* docs/backends/adding.md: what it quotes is in the files it names, and no slot of the interface is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_text(const char *below)
{
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/%s", source ? source : ".", below);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

/* "`FILE`:", an empty line, and a block of code: does the file have these lines? */
static void check_quotation(const char *block, const char *doc)
{
    char file[256] = "", *end = strstr(block, "\n```");
    const char *name = block - strlen("```c\n");
    assert_non_null(end);
    assert_true(name - doc > 4 && strncmp(name - 4, "`:\n\n", 4) == 0);
    const char *tick = memrchr(doc, '`', (size_t)(name - 4 - doc));
    assert_non_null(tick);
    snprintf(file, sizeof file, "%.*s", (int)(name - 4 - tick - 1), tick + 1);
    assert_true(strncmp(file, "tests/example_backend/", 22) == 0);
    char *text = read_text(file), *quoted = strndup(block, (size_t)(end - block) + 1);
    if (!strstr(text, quoted))
        fail_msg("%s has not these lines:\n%s", file, quoted);
    free(quoted);
    free(text);
}

static void what_it_quotes_is_there(void **state)
{
    (void)state;
    char *doc = read_text("docs/backends/adding.md");
    int n = 0;
    for (char *at = doc; (at = strstr(at, "```c\n")); n++) {
        at += strlen("```c\n");
        check_quotation(at, doc);
    }
    assert_true(n >= 10);
    free(doc);
}

/* Comments become spaces. */
static void blank_comments(char *text)
{
    for (char *at = text; (at = strstr(at, "/*"));) {
        char *end = strstr(at, "*/");
        assert_non_null(end);
        memset(at, ' ', (size_t)(end - at) + 2);
    }
}

static void check_name(const char *name, const char *doc, const char *of)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "`%s`", name);
    if (!strstr(doc, quoted))
        fail_msg("docs/backends/adding.md does not explain \"%s\" of \"%s\"", name, of);
}

/* One declaration, "int a, *b" or "T (*name)(...)": checks its names and counts them. */
static int check_declaration(char *text, const char *doc, const char *of)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    char *function = strstr(text, "(*");
    int n = 0;
    if (function) {
        function[2 + strspn(function + 2, letters)] = '\0';
        check_name(function + 2, doc, of);
        return 1;
    }
    for (char *rest = NULL, *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        size_t length = strlen(one);
        while (length > 0 && strchr(letters, one[length - 1]))
            length--;
        check_name(one + length, doc, of);
        n++;
    }
    return n;
}

/* All that a struct of the header declares. */
static void check_struct(const char *header, const char *doc, const char *begin, int wanted)
{
    const char *at = strstr(header, begin);
    int n = 0;
    if (!at)
        fail_msg("backend.h has no \"%s\"", begin);
    const char *open = strchr(at, '{');
    char *body = strndup(open + 1, (size_t)(strstr(open, "\n}") - open - 1)), *rest = NULL;
    for (char *one = strtok_r(body, ";", &rest); one; one = strtok_r(NULL, ";", &rest))
        if (strspn(one, " \n") < strlen(one))
            n += check_declaration(one, doc, begin);
    free(body);
    assert_int_equal(n, wanted); /* another number: the header has changed, or is not understood here */
}

static void every_slot_is_explained(void **state)
{
    (void)state;
    char *doc = read_text("docs/backends/adding.md"), *header = read_text("include/mae/backend.h");
    blank_comments(header);
    check_struct(header, doc, "typedef struct mae_pe_config {", 8);
    check_struct(header, doc, "typedef struct mae_pe_found {", 5);
    check_struct(header, doc, "typedef struct mae_buffer {", 7);
    check_struct(header, doc, "typedef struct mae_borders {", 3);
    check_struct(header, doc, "typedef struct mae_layer_times {", 6);
    check_struct(header, doc, "typedef struct mae_pe_ops {", 14);
    check_struct(header, doc, "struct mae_pe {", 4);
    check_struct(header, doc, "struct mae_backend {", 5);
    free(doc);
    free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_it_quotes_is_there),
                                       cmocka_unit_test(every_slot_is_explained)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
