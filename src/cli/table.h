/* Tables for people: columns as wide as they need, numbers to the right, colours where they are welcome. */
#ifndef MAE_CLI_TABLE_H
#define MAE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cli_style { CLI_PLAIN = 0, CLI_BOLD, CLI_DIM, CLI_GREEN, CLI_RED } cli_style;

/* The escape sequence that begins (or, with CLI_PLAIN, ends) a style on standard output; "" where colours
 * are not wanted: not a terminal, or NO_COLOR is set (no-color.org). */
const char *cli_style_code(cli_style style);

typedef struct cli_table cli_table;

/* `align` has one letter a column: 'l' or 'r'. NULL when memory ran out; all functions take NULL. */
cli_table *cli_table_create(const char *align);
void cli_table_destroy(cli_table *table);

/* Cells are added row by row. */
void cli_table_cell(cli_table *table, cli_style style, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends a row early, or leaves a line free. */
void cli_table_end_row(cli_table *table);

/* Prints to standard output; the first row is the heading. Exit status. Destroys the table. */
int cli_table_finish(cli_table *table);

/* Columns that UTF-8 text takes on a terminal, counting every character as one. */
size_t cli_text_width(const char *text);

#endif
