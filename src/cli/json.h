/* JSON that the program itself prints. */
#ifndef MAE_CLI_JSON_H
#define MAE_CLI_JSON_H

#include <jansson.h>

/* null for what JSON has no number for. */
json_t *cli_json_number(double value);

/* Prints to standard output and drops `value`; NULL means that memory ran out. Exit status. */
int cli_json_print(json_t *value);

#endif
