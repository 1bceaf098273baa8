/* What a page of a report draws, held against the figures that are in it. */
#ifndef MAE_TEST_DRAWN_H
#define MAE_TEST_DRAWN_H

#include <stddef.h>

#include <jansson.h>

/* The figures of a page; NULL: they are not there, or no JSON. To be freed by json_decref(). */
json_t *drawn_figures(const char *page);

/* Everything drawn has the value of the figure that it names. How much is drawn; or -1, with what is wrong in `ret_why`
 * (a text of this many bytes at the most). */
#define DRAWN_WHY 400
long drawn_check(const char *page, char ret_why[static DRAWN_WHY]);

/* How often a text stands in another. */
size_t drawn_count(const char *page, const char *what);

#endif
