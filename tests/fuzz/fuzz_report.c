/* The files of a report, zero bytes between them: what is taken makes a page, whole and harmless, which draws the
 * figures that are in it. */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#include "mae/report.h"
#include "support/drawn.h"

static bool is_page(const char *page)
{
    static const char *const pairs[][2] = {{"<section", "</section>"},
                                           {"<svg", "</svg>"},
                                           {"<g ", "</g>"},
                                           {"<table", "</table>"},
                                           {"<figure", "</figure>"}};
    static const char end[] = "</html>\n";
    char why[DRAWN_WHY];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (drawn_count(page, pairs[i][0]) != drawn_count(page, pairs[i][1]))
            return false;
    size_t n = strlen(page);
    return n > sizeof end && strcmp(page + n - strlen(end), end) == 0 && drawn_count(page, "<script") == 2 &&
           drawn_count(page, "</script") == 2 && drawn_check(page, why) >= 0;
}

/* Adds one file after the other; false: one was refused, in more than one line. */
static bool add(mae_report *report, const uint8_t *data, size_t size, size_t *ret_taken)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *zero = memchr(data + at, 0, size - at);
        size_t n = zero ? (size_t)(zero - data) - at : size - at;
        mae_error *error = mae_report_add_text(report, "fuzz", (const char *)data + at, n);
        bool one_line = !error || !strchr(mae_error_message(error), '\n');
        *ret_taken += !error;
        mae_error_free(error);
        if (!one_line)
            return false;
        at += n + 1;
    }
    return true;
}

int fuzz_report(const uint8_t *data, size_t size)
{
    mae_report *report = NULL;
    char *page = NULL;
    size_t taken = 0;
    mae_error *error = mae_report_create(&report);
    bool good = !error && add(report, data, size, &taken);
    if (good && taken) {
        error = mae_report_to_html(report, &page);
        good = !error && is_page(page);
    }
    mae_error_free(error);
    free(page);
    mae_report_destroy(report);
    return !good ? -1 : taken > 0;
}
