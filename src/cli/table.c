#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

typedef struct cell {
    char *text;
    cli_style style;
} cell;

struct cli_table {
    const char *align;
    size_t columns;
    cell *cells; /* row by row */
    size_t n, room;
    bool failed; /* memory ran out */
};

const char *cli_style_code(cli_style style)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m"};
    const char *no_color = getenv("NO_COLOR");
    if (!isatty(STDOUT_FILENO) || (no_color && *no_color))
        return "";
    return codes[style];
}

size_t cli_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

cli_table *cli_table_create(const char *align)
{
    cli_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->align = align;
    table->columns = strlen(align);
    return table;
}

void cli_table_destroy(cli_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->n; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table);
}

static bool make_room(cli_table *table)
{
    if (table->n < table->room)
        return true;
    size_t room = table->room ? table->room * 2 : 64;
    cell *cells = realloc(table->cells, room * sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    table->room = room;
    return true;
}

void cli_table_cell(cli_table *table, cli_style style, const char *format, ...)
{
    if (!table || table->failed)
        return;
    va_list args;
    va_start(args, format);
    char *text = NULL;
    table->failed = !make_room(table) || vasprintf(&text, format, args) < 0;
    va_end(args);
    if (!table->failed)
        table->cells[table->n++] = (cell){text, style};
}

void cli_table_end_row(cli_table *table)
{
    if (!table || table->failed)
        return;
    do
        cli_table_cell(table, CLI_PLAIN, "%s", "");
    while (!table->failed && table->n % table->columns != 0);
}

static void print_cell(const cell *c, size_t width, char align, bool last)
{
    size_t own = cli_text_width(c->text), pad = width > own ? width - own : 0;
    const char *begin = c->style ? cli_style_code(c->style) : "", *end = c->style ? cli_style_code(CLI_PLAIN) : "";
    if (align == 'r')
        printf("%*s%s%s%s", (int)pad, "", begin, c->text, end);
    else
        printf("%s%s%s%*s", begin, c->text, end, last ? 0 : (int)pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

/* How many cells of a row are to be printed: nothing stands behind the last that holds something. */
static size_t row_length(const cli_table *table, const cell *row)
{
    size_t n = table->columns;
    while (n > 1 && !*row[n - 1].text)
        n--;
    return n;
}

static bool print(const cli_table *table)
{
    size_t *width = calloc(table->columns, sizeof *width);
    if (!width)
        return false;
    for (size_t i = 0; i < table->n; i++) {
        size_t own = cli_text_width(table->cells[i].text);
        if (own > width[i % table->columns])
            width[i % table->columns] = own;
    }
    for (size_t i = 0; i + table->columns <= table->n; i += table->columns) {
        size_t n = row_length(table, &table->cells[i]);
        for (size_t c = 0; c < n; c++)
            print_cell(&table->cells[i + c], width[c], table->align[c], c + 1 == n);
    }
    free(width);
    return true;
}

int cli_table_finish(cli_table *table)
{
    bool ok = table && !table->failed && print(table);
    cli_table_destroy(table);
    return ok ? 0 : cli_nomem();
}
