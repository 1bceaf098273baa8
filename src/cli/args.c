#include "cli/args.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

typedef struct parser {
    const cli_syntax *syntax;
    char *args;
    int argc, at;
    char **argv;
    const char *operand;
} parser;

int cli_usage(const char *command, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cli_error(MAE_ERR_USAGE, "%s; see \"mae %s%s--help\"", text, command, *command ? " " : "");
}

/* ---- help ---- */

static void print_option(const cli_option *o)
{
    char left[64];
    int n = o->letter ? snprintf(left, sizeof left, "-%c, ", o->letter) : snprintf(left, sizeof left, "    ");
    snprintf(left + n, sizeof left - (size_t)n, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-28s %s\n", left, o->help);
}

static void print_help(const cli_syntax *s)
{
    printf("Usage: mae %s%s%s%s [options]\n\n%s\n", s->command, s->operand ? " " : "", s->operand ? s->operand : "",
           s->operand_many ? "..." : "", s->text);
    for (size_t g = 0; g < s->n_groups; g++) {
        printf("\n%s:\n", s->groups[g].title);
        for (size_t i = 0; i < s->groups[g].n; i++)
            print_option(&s->groups[g].options[i]);
    }
    printf("\nExamples:\n%s", s->examples);
}

/* ---- values ---- */

static int store_count(const parser *p, const cli_option *o, const char *value, int *field)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number < o->least || number > 1000000000)
        return cli_usage(p->syntax->command, "--%s needs a whole number of at least %d, not '%s'", o->name, o->least,
                         value);
    *field = (int)number;
    return 0;
}

static int store_number(const parser *p, const cli_option *o, const char *value, double *field)
{
    char *end;
    double number = strtod(value, &end);
    bool positive = o->type == CLI_POSITIVE;
    if (end == value || *end || !isfinite(number) || number < 0 || (positive && number == 0))
        return cli_usage(p->syntax->command, "--%s needs a number %s, not '%s'", o->name,
                         positive ? "above 0" : "of at least 0", value);
    *field = number;
    return 0;
}

static int store(const parser *p, const cli_group *group, const cli_option *o, const char *value)
{
    char *field = p->args + group->offset + o->offset;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)field = true;
        return 0;
    case CLI_TEXT:
        *(const char **)field = value;
        return 0;
    case CLI_TEXTS: {
        cli_texts *texts = (cli_texts *)field;
        if (texts->n == CLI_MAX_TEXTS)
            return cli_usage(p->syntax->command, "more than %d times --%s", CLI_MAX_TEXTS, o->name);
        texts->item[texts->n++] = value;
        return 0;
    }
    case CLI_COUNT:
        return store_count(p, o, value, (int *)field);
    case CLI_NUMBER:
    case CLI_POSITIVE:
        return store_number(p, o, value, (double *)field);
    }
    return 0;
}

/* ---- words ---- */

/* `name` of `n` characters, or, with name NULL, `letter`. */
static const cli_option *find(const parser *p, const char *name, size_t n, char letter, const cli_group **ret_group)
{
    for (size_t g = 0; g < p->syntax->n_groups; g++) {
        const cli_group *group = &p->syntax->groups[g];
        for (size_t i = 0; i < group->n; i++) {
            const cli_option *o = &group->options[i];
            bool same = name ? strlen(o->name) == n && memcmp(o->name, name, n) == 0 : o->letter == letter;
            if (same) {
                *ret_group = group;
                return o;
            }
        }
    }
    return NULL;
}

static int parse_option(parser *p, const char *word)
{
    const cli_group *group;
    const cli_option *o;
    const char *value = NULL;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        size_t n = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
        o = find(p, word + 2, n, 0, &group);
        value = equals ? equals + 1 : NULL;
    } else {
        o = find(p, NULL, 0, word[1], &group);
        value = word[2] ? word + 2 : NULL;
    }
    if (!o)
        return cli_usage(p->syntax->command, "unknown option '%s'", word);
    if (o->type == CLI_FLAG && value)
        return cli_usage(p->syntax->command, "--%s takes no value", o->name);
    if (o->type != CLI_FLAG && !value) {
        if (p->at == p->argc)
            return cli_usage(p->syntax->command, "--%s needs a value (%s)", o->name, o->value);
        value = p->argv[p->at++];
    }
    return store(p, group, o, value);
}

static int parse_operand(parser *p, const char *word)
{
    const cli_syntax *syntax = p->syntax;
    if (!syntax->operand || (p->operand && !syntax->operand_many))
        return cli_usage(syntax->command, "unexpected argument '%s'", word);
    if (syntax->operand_many) {
        cli_texts *texts = (cli_texts *)(void *)(p->args + syntax->operands);
        if (texts->n == CLI_MAX_TEXTS)
            return cli_usage(syntax->command, "more than %d of %s", CLI_MAX_TEXTS, syntax->operand);
        texts->item[texts->n++] = word;
    }
    p->operand = word;
    return 0;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int parse_words(parser *p)
{
    bool options = true;
    while (p->at < p->argc) {
        const char *word = p->argv[p->at++];
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && word[0] == '-' && word[1])
            CLI_TRY(parse_option(p, word));
        else
            CLI_TRY(parse_operand(p, word));
    }
    if (p->syntax->operand && !p->syntax->operand_optional && !p->operand)
        return cli_usage(p->syntax->command, "%s is missing", p->syntax->operand);
    return 0;
}

bool cli_parse(const cli_syntax *syntax, int argc, char **argv, void *args, const char **ret_operand, int *ret_status)
{
    if (wants_help(argc, argv)) {
        print_help(syntax);
        *ret_status = 0;
        return false;
    }
    parser p = {.syntax = syntax, .args = args, .argc = argc, .at = 1, .argv = argv};
    int status = parse_words(&p);
    if (status) {
        *ret_status = status;
        return false;
    }
    if (ret_operand)
        *ret_operand = p.operand;
    return true;
}
