#include "policy/rule_words.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_-/.", c));
}

/* A sign, digits, a point, and an exponent only where digits follow it: "20e" is a number and a word. */
static size_t number_length(const char *text, size_t length)
{
    size_t n = length > 1 && text[0] == '-' && (isdigit((unsigned char)text[1]) || text[1] == '.'), digits = 0;
    for (; n < length && (isdigit((unsigned char)text[n]) || text[n] == '.'); n++)
        digits += text[n] != '.';
    size_t e = n;
    if (digits && e < length && (text[e] == 'e' || text[e] == 'E')) {
        e++;
        if (e < length && (text[e] == '+' || text[e] == '-'))
            e++;
        if (e < length && isdigit((unsigned char)text[e]))
            for (n = e; n < length && isdigit((unsigned char)text[n]);)
                n++;
    }
    return digits ? n : 0;
}

static mae_error *make_number(rule_line *line, rule_word *word)
{
    char *end;
    word->number = strtod(word->text, &end);
    if (*end || !isfinite(word->number))
        return rule_line_error_at(line, word->column, "\"%s\" is not a number", word->text);
    return NULL;
}

static mae_error *refuse_byte(rule_line *line, unsigned char byte, int column)
{
    if (isprint(byte))
        return rule_line_error_at(line, column, "\"%c\" does not belong into a rule", byte);
    return rule_line_error_at(line, column, "the byte 0x%02x does not belong into a rule", byte);
}

mae_error *rule_line_split(rule_line *line, const char *text, size_t length, mae_arena *arena)
{
    line->n = line->at = 0;
    for (size_t i = 0, n; i < length && text[i] != '#'; i += n) {
        rule_word *word = &line->words[line->n];
        n = 1;
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r')
            continue;
        *word = (rule_word){.column = (int)i + 1};
        if ((n = number_length(text + i, length - i)) > 0) {
            word->kind = RULE_NUMBER;
        } else if (is_word(text[i])) {
            word->kind = RULE_WORD;
            for (n = 1; i + n < length && is_word(text[i + n]);)
                n++;
        } else if (text[i] && strchr(",:%", text[i])) {
            word->kind = RULE_MARK;
            n = 1;
        } else {
            return refuse_byte(line, (unsigned char)text[i], word->column);
        }
        if (line->n == RULE_MAX_WORDS)
            return rule_line_error_at(line, word->column, "a rule has at most %d words", RULE_MAX_WORDS);
        word->text = mae_arena_strndup(arena, text + i, n);
        if (!word->text)
            return mae_error_nomem();
        if (word->kind == RULE_NUMBER)
            MAE_TRY(make_number(line, word));
        line->n++;
    }
    int behind = line->n ? line->words[line->n - 1].column + (int)strlen(line->words[line->n - 1].text) : 1;
    line->words[line->n] = (rule_word){.kind = RULE_END, .text = "", .column = behind};
    return NULL;
}

const rule_word *rule_line_peek(const rule_line *line)
{
    return &line->words[line->at];
}

bool rule_line_take(rule_line *line, const char *text)
{
    if (strcmp(rule_line_peek(line)->text, text) != 0)
        return false;
    line->at += line->at < line->n;
    return true;
}

static mae_error *complain(const rule_line *line, int column, const char *word, const char *format, va_list args)
{
    char reason[512];
    vsnprintf(reason, sizeof reason, format, args);
    if (!word)
        return mae_error_new(MAE_ERR_INPUT, "%s:%d:%d: %s", line->name, line->number, column, reason);
    return mae_error_new(MAE_ERR_INPUT, "%s:%d:%d: %s%.64s%s: %s", line->name, line->number, column, *word ? "\"" : "",
                         *word ? word : "the line ends here", *word ? "\"" : "", reason);
}

mae_error *rule_line_error(const rule_line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mae_error *error = complain(line, rule_line_peek(line)->column, rule_line_peek(line)->text, format, args);
    va_end(args);
    return error;
}

mae_error *rule_line_error_at(const rule_line *line, int column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mae_error *error = complain(line, column, NULL, format, args);
    va_end(args);
    return error;
}

mae_error *rule_line_expect(rule_line *line, const char *text)
{
    return rule_line_take(line, text) ? NULL : rule_line_error(line, "expected \"%s\"", text);
}

mae_error *rule_line_number(rule_line *line, const char *what, double least, double most, double *ret_number)
{
    const rule_word *word = rule_line_peek(line);
    if (word->kind != RULE_NUMBER)
        return rule_line_error(line, "expected a number: %s", what);
    if (!(word->number >= least && word->number <= most))
        return rule_line_error(line, "expected %s from %g to %g", what, least, most);
    *ret_number = word->number;
    line->at++;
    return NULL;
}
