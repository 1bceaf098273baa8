/* The table of operators by PE, collected while the ONNX tests run: written to docs/backends/support.md by
 * `make support`, and what the committed one claims is held against what is found. */
#ifndef MAE_TESTS_CONFORMANCE_TABLE_H
#define MAE_TESTS_CONFORMANCE_TABLE_H

#include "conformance.h"
#include "core/graph.h"

#define TABLE_BACKENDS (sizeof(conformance_backends) / sizeof(conformance_backends[0]))
#define TABLE_FOLDERS 4
#define TABLE_OPERATORS 400

typedef struct table_operator {
    char name[80];
    int right[TABLE_BACKENDS], refused[TABLE_BACKENDS];
} table_operator;

typedef struct table_folder {
    const char *name;
    int tests, refused; /* by the importer */
    conformance_counts counts[TABLE_BACKENDS];
} table_folder;

static struct {
    char pes[TABLE_BACKENDS][32], engines[TABLE_BACKENDS][256];
    table_folder folders[TABLE_FOLDERS];
    size_t n_folders;
    table_operator operators[TABLE_OPERATORS];
    size_t n_operators;
} table;

/* "Conv", "com.microsoft.FusedConv". */
static inline table_operator *table_find(const mae_node *node)
{
    char name[80];
    bool own = node->domain[0] == '\0' || strcmp(node->domain, "ai.onnx") == 0;
    snprintf(name, sizeof(name), "%s%s%s", own ? "" : node->domain, own ? "" : ".", node->op);
    for (size_t i = 0; i < table.n_operators; i++) {
        if (strcmp(table.operators[i].name, name) == 0)
            return &table.operators[i];
    }
    assert_true(table.n_operators < TABLE_OPERATORS);
    table_operator *op = &table.operators[table.n_operators++];
    snprintf(op->name, sizeof(op->name), "%s", name);
    return op;
}

/* A test counts once for each operator of its graph, however often it stands there. */
static inline void table_add_right(const mae_graph *graph, size_t backend)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const table_operator *op = table_find(&graph->nodes[i]);
        bool counted = false;
        for (size_t k = 0; k < i && !counted; k++)
            counted = table_find(&graph->nodes[k]) == op;
        if (!counted)
            table_find(&graph->nodes[i])->right[backend]++;
    }
}

/* Refused are the anchors of the layers that the PE does not take, each operator once a test. */
static inline void table_add_refused(const mae_graph *graph, size_t backend, const test_engine *engine)
{
    const table_operator *seen[TABLE_OPERATORS];
    size_t n_seen = 0;
    for (int i = 0; i < (int)graph->n_layers; i++) {
        if (test_supports(engine, graph, i, i, NULL))
            continue;
        table_operator *op = table_find(&graph->nodes[graph->layers[i].anchor]);
        bool counted = false;
        for (size_t k = 0; k < n_seen && !counted; k++)
            counted = seen[k] == op;
        if (!counted) {
            seen[n_seen++] = op;
            op->refused[backend]++;
        }
    }
}

/* What the engine is, with its version; of "CLBlast on DEVICE (driver 3.1)" not the device it runs on. */
static inline void table_add_engine(size_t backend, const test_engine *engine)
{
    const mae_pe_found *found;
    size_t n;
    test_ok(mae_module_backend(engine->module)->probe(&found, &n));
    const char *text = found[0].engine, *device = strstr(text, " on "), *driver = strstr(text, " (driver ");
    int head = device && driver ? (int)(device - text) : (int)strlen(text);
    snprintf(table.pes[backend], sizeof(table.pes[backend]), "%s", engine->name);
    snprintf(table.engines[backend], sizeof(table.engines[backend]), "%.*s%s", head, text,
             device && driver ? driver : "");
}

/* ---- Written as Markdown ---- */

static inline int table_by_name(const void *a, const void *b)
{
    return strcmp(((const table_operator *)a)->name, ((const table_operator *)b)->name);
}

static inline void table_line(FILE *f, const char *first, const char *second)
{
    fprintf(f, "| %s |", first);
    for (size_t b = 0; b < TABLE_BACKENDS; b++)
        fprintf(f, " %s |", second ? second : table.pes[b]);
    fprintf(f, "\n");
}

static inline void table_write_counts(FILE *f)
{
    fprintf(f,
            "| tests | PE | right | unsupported | skipped | not imported |\n| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < table.n_folders; i++) {
        const table_folder *t = &table.folders[i];
        for (size_t b = 0; b < TABLE_BACKENDS; b++)
            fprintf(f, "| %s (%d) | %s | %d | %d | %d | %d |\n", t->name, t->tests, table.pes[b], t->counts[b].passed,
                    t->counts[b].unsupported, t->counts[b].skipped, t->refused);
    }
}

static inline void table_write_operators(FILE *f)
{
    qsort(table.operators, table.n_operators, sizeof(table.operators[0]), table_by_name);
    table_line(f, "operator", NULL);
    table_line(f, "---", "---");
    for (size_t i = 0; i < table.n_operators; i++) {
        const table_operator *op = &table.operators[i];
        fprintf(f, "| %s |", op->name);
        for (size_t b = 0; b < TABLE_BACKENDS; b++) {
            if (op->right[b] > 0)
                fprintf(f, " %d%s |", op->right[b], op->refused[b] > 0 ? "*" : "");
            else
                fprintf(f, " %s |", op->refused[b] > 0 ? "refused" : "-");
        }
        fprintf(f, "\n");
    }
}

static inline void table_write_skips(FILE *f)
{
    const json_t *skips = conformance_skips();
    fprintf(f, "| backend | test | reason |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < json_array_size(skips); i++) {
        const json_t *row = json_array_get(skips, i);
        const char *backend = json_string_value(json_object_get(row, "backend"));
        fprintf(f, "| %s | %s | %s |\n", strcmp(backend, "*") == 0 ? "all" : backend,
                json_string_value(json_object_get(row, "test")), json_string_value(json_object_get(row, "reason")));
    }
}

static inline void table_write(FILE *f)
{
    fprintf(f,
            "# What each PE supports\n\n"
            "Written by `make support` from the ONNX project's own tests (Debian's libonnx-testdata), by\n"
            "`tests/conformance/test_onnx.c`; not edited by hand. The tests hold the figures below against what they\n"
            "find: none may be better than what is found with the same engines.\n\n"
            "| PE | engine |\n| --- | --- |\n");
    for (size_t b = 0; b < TABLE_BACKENDS; b++)
        fprintf(f, "| %s | %s |\n", table.pes[b], table.engines[b]);
    fprintf(
        f,
        "\n## Tests\n\n"
        "*Right*: run as one segment, and cut before every layer, with the outputs that the standard says. "
        "*Unsupported*:\n"
        "the PE said beforehand that it does not take a layer of it. *Skipped*: known not to pass, for a reason given\n"
        "below. *Not imported*: refused by the importer for all PEs alike (operators that ONNX Runtime does not\n"
        "have, and graphs whose inputs or outputs are sequences or optionals): each is tried on ONNX Runtime alone, "
        "which\n"
        "passes none of them that is of tensors. Strings are refused at a segment's border (*unsupported*). No test "
        "was wrong, and none failed that had been said to be supported: the "
        "suite\n"
        "fails on the first.\n\n");
    table_write_counts(f);
    fprintf(f, "\n## Operators\n\n"
               "A number: right in so many tests; with a star, other tests with it were refused (a data type, an "
               "attribute, a\n"
               "shape). *refused*: in every test. *-*: no verdict, since the tests with it were skipped or refused for "
               "another\n"
               "operator. Operators that are folded away at import, being constant, do not appear.\n\n");
    table_write_operators(f);
    fprintf(
        f,
        "\n## Shapes and values\n\n"
        "`tests/conformance/test_hostile.c` adds shapes that these tests lack (odd strides, one-sided padding, "
        "channels\n"
        "that fill no block, empty tensors) and values: denormals, 1e30, infinities, not-a-numbers, signed zeros. "
        "What\n"
        "an engine makes of a not-a-number is its own (XNNPACK's clamps drop it); held is that it changes no element\n"
        "that does not depend on it. Where infinities make a not-a-number (the difference of two), the same.\n");
    fprintf(f, "\n## Skips\n\nFrom `tests/conformance/skips.json`.\n\n");
    table_write_skips(f);
}

/* ---- Held against the committed one ---- */

#define TABLE_CELLS 12

/* Splits "| a | b |" in place; 0 for a line that is none of a table. */
static inline size_t table_split(char *line, char *cells[TABLE_CELLS])
{
    size_t n = 0;
    if (line[0] != '|')
        return 0;
    for (char *cell = strtok(line + 1, "|\n"); cell && n < TABLE_CELLS; cell = strtok(NULL, "|\n"))
        cells[n++] = cell;
    return n;
}

/* The figure that a committed row claims, 0 if it claims none, may not be above what is found. */
static inline int table_claim(const char *row, const char *cell, int found)
{
    int claimed = atoi(cell);
    if (claimed <= found)
        return 0;
    printf("FAILED: docs/backends/support.md claims %d for %s, found %d (make support)\n", claimed, row, found);
    return 1;
}

static inline int table_check_counts(char *const *cells, size_t n)
{
    for (size_t i = 0; n == 6 && i < table.n_folders; i++) {
        for (size_t b = 0; b < TABLE_BACKENDS; b++) {
            char name[64], row[128];
            snprintf(name, sizeof(name), " %s (%d) ", table.folders[i].name, table.folders[i].tests);
            snprintf(row, sizeof(row), "%s on %s", table.folders[i].name, table.pes[b]);
            if (strcmp(cells[0], name) == 0 && strncmp(cells[1] + 1, table.pes[b], strlen(table.pes[b])) == 0)
                return table_claim(row, cells[2], table.folders[i].counts[b].passed);
        }
    }
    return -1;
}

static inline int table_check_operators(char *const *cells, size_t n)
{
    for (size_t i = 0; n == 1 + TABLE_BACKENDS && i < table.n_operators; i++) {
        const table_operator *op = &table.operators[i];
        char name[96];
        int wrong = 0;
        snprintf(name, sizeof(name), " %s ", op->name);
        if (strcmp(cells[0], name) != 0)
            continue;
        for (size_t b = 0; b < TABLE_BACKENDS; b++) {
            char row[160];
            snprintf(row, sizeof(row), "%s on %s", op->name, table.pes[b]);
            wrong += table_claim(row, cells[1 + b], op->right[b]);
        }
        return wrong;
    }
    return -1;
}

/* Are the engines those that the file names? */
static inline bool table_same_engines(const char *text)
{
    for (size_t b = 0; b < TABLE_BACKENDS; b++) {
        char row[320];
        snprintf(row, sizeof(row), "\n| %s | %s |\n", table.pes[b], table.engines[b]);
        if (!strstr(text, row)) {
            print_message("the committed table is of other engines than %s\n", table.engines[b]);
            return false;
        }
    }
    return true;
}

/* Returns how many claims are too high; *ret_checked counts the rows that were found. */
static inline int table_check(FILE *f, size_t *ret_checked)
{
    char line[1024], *cells[TABLE_CELLS];
    int wrong = 0;
    *ret_checked = 0;
    while (fgets(line, sizeof(line), f)) {
        size_t n = table_split(line, cells);
        int here = table_check_counts(cells, n);
        if (here < 0)
            here = table_check_operators(cells, n);
        *ret_checked += here >= 0;
        wrong += here > 0 ? here : 0;
    }
    return wrong;
}

#endif
