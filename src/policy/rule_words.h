/* The words of one line of a rule file, each with its column. */
#ifndef MAE_POLICY_RULE_WORDS_H
#define MAE_POLICY_RULE_WORDS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

typedef enum rule_word_kind { RULE_END = 0, RULE_WORD, RULE_NUMBER, RULE_MARK } rule_word_kind;

typedef struct rule_word {
    rule_word_kind kind;
    const char *text; /* as it stands; "" at the end */
    double number;
    int column;
} rule_word;

#define RULE_MAX_WORDS 64

typedef struct rule_line {
    const char *name; /* of the file, for messages */
    int number;
    size_t n;
    rule_word words[RULE_MAX_WORDS + 1]; /* with the end */
    size_t at;                           /* the next one */
} rule_line;

/* Splits a line of `length` bytes; what stands behind a # is left out. */
MAE_MUST_CHECK mae_error *rule_line_split(rule_line *line, const char *text, size_t length, mae_arena *arena);

/* The next word; the end comes again and again. */
const rule_word *rule_line_peek(const rule_line *line);

/* Takes the next word if it is this one. */
bool rule_line_take(rule_line *line, const char *text);

/* "name:line:column: "what stands there": `format`" about the next word. */
MAE_MUST_CHECK mae_error *rule_line_error(const rule_line *line, const char *format, ...) MAE_PRINTF(2, 3);
/* The same about a word that was taken, for reasons that are not "expected ...". */
MAE_MUST_CHECK mae_error *rule_line_error_at(const rule_line *line, int column, const char *format, ...)
    MAE_PRINTF(3, 4);

/* Takes this word, or says that it was expected. */
MAE_MUST_CHECK mae_error *rule_line_expect(rule_line *line, const char *text);
MAE_MUST_CHECK mae_error *rule_line_number(rule_line *line, const char *what, double least, double most,
                                           double *ret_number);

#endif
