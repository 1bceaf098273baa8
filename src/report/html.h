/* Markup in a growing buffer. Texts are escaped unless the caller says that they are markup; out of memory is noticed
 * once, at the end. */
#ifndef MAE_REPORT_HTML_H
#define MAE_REPORT_HTML_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mae_html {
    char *text; /* zero-terminated once anything was put; the owner frees it */
    size_t n, room;
    bool failed;
} mae_html;

/* Markup of ours. */
void mae_put(mae_html *out, const char *markup);

/* Anybody's text: what means something in markup, or is no UTF-8 or a control character, is made harmless. Good for
 * content and for attributes in double quotes. */
void mae_put_text(mae_html *out, const char *text);

/* Markup of ours with values in it:
 *   %s  a text, escaped        %r  markup
 *   %d  an int                 %u  a size_t
 *   %n  a double, for people   %v  a double, exact
 *   %q  a text that is compared and not read: as %s, and nothing of it is replaced
 *   %c  a double, a coordinate %p  a text as a step of a JSON pointer, escaped
 *   %%  the sign itself */
void mae_putf(mae_html *out, const char *format, ...);

/* A text cut to so many characters, escaped. */
void mae_put_short(mae_html *out, const char *text, size_t most);

/* A figure with four digits that count, as %n writes it. */
const char *mae_number_text(double value, char text[static 40]);

#endif
