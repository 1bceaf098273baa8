/* Rules: what was read must read as the same rules when it is written canonically. */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "mae/policy.h"

static mae_error *write_again(const mae_rules *rules, char **text, char **again)
{
    mae_rules *copy = NULL;
    MAE_TRY(mae_rules_text(rules, text));
    MAE_TRY(mae_rules_parse("again", *text, strlen(*text), &copy));
    mae_error *error = mae_rules_text(copy, again);
    mae_rules_destroy(copy);
    return error;
}

int fuzz_rules(const uint8_t *data, size_t size)
{
    mae_rules *rules = NULL;
    char *text = NULL, *again = NULL;
    mae_error *error = mae_rules_parse("fuzz", (const char *)data, size, &rules);
    if (error) {
        bool one_line = !strchr(mae_error_message(error), '\n');
        mae_error_free(error);
        return one_line ? 0 : -1;
    }
    error = write_again(rules, &text, &again);
    int result = error || strcmp(text, again) != 0 ? -1 : 1;
    mae_error_free(error);
    free(text);
    free(again);
    mae_rules_destroy(rules);
    return result;
}
