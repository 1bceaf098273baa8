/* The command line: what a command understands is a table; parsing, messages and --help follow from it. */
#ifndef MAE_CLI_ARGS_H
#define MAE_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_MAX_TEXTS 64

/* The values of an option that may be repeated. */
typedef struct cli_texts {
    size_t n;
    const char *item[CLI_MAX_TEXTS];
} cli_texts;

typedef enum cli_type {
    CLI_FLAG,    /* bool, takes no value */
    CLI_TEXT,    /* const char * */
    CLI_TEXTS,   /* cli_texts: may be repeated */
    CLI_COUNT,   /* int, at least `least` */
    CLI_NUMBER,  /* double, finite, at least 0 */
    CLI_POSITIVE /* double, finite, above 0 */
} cli_type;

typedef struct cli_option {
    const char *name; /* without "--" */
    char letter;      /* 0: none */
    cli_type type;
    size_t offset;     /* of the field in the group's struct */
    const char *value; /* "FILE"; NULL for flags */
    const char *help;
    int least; /* CLI_COUNT */
} cli_option;

/* Options whose fields live in one struct, which commands share as a member of theirs. */
typedef struct cli_group {
    const char *title;
    const cli_option *options;
    size_t n;
    size_t offset; /* of the struct in the command's */
} cli_group;

typedef struct cli_syntax {
    const char *command; /* "plan" */
    const char *operand; /* "PROFILE"; NULL: none */
    bool operand_optional;
    bool operand_many;    /* they go, in their order, ... */
    size_t operands;      /* ... into the cli_texts at this offset of the command's struct */
    const char *summary;  /* a line for "mae --help" */
    const char *text;     /* what it does, for "mae plan --help" */
    const char *examples; /* lines */
    const cli_group *groups;
    size_t n_groups;
} cli_syntax;

/* Fills `args`, the command's struct, whose defaults are set. False: the program is done, with
 * *ret_status (help was printed, or what is wrong). argv[0] is the command. */
bool cli_parse(const cli_syntax *syntax, int argc, char **argv, void *args, const char **ret_operand, int *ret_status);

/* "mae: MESSAGE; see "mae COMMAND --help"", exit status 2. */
int cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
