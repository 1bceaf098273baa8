#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_bytes(mae_html *out, const char *bytes, size_t n)
{
    if (out->failed)
        return;
    if (out->n + n + 1 > out->room) {
        size_t room = (out->n + n + 1) * 2;
        char *more = realloc(out->text, room);
        if (!more) {
            out->failed = true;
            return;
        }
        out->text = more;
        out->room = room;
    }
    memcpy(out->text + out->n, bytes, n);
    out->n += n;
    out->text[out->n] = 0;
}

void mae_put(mae_html *out, const char *markup)
{
    put_bytes(out, markup, strlen(markup));
}

/* Length of the well-formed UTF-8 sequence at `s`; 0: it is none. */
static size_t utf8_length(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
               : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                             : 0;
    uint32_t code = n > 1 ? s[0] & (0x7Fu >> n) : s[0];
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3F);
    }
    bool bad = n > 1 && (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000));
    return bad ? 0 : n;
}

/* Marks that turn text around would let a name rewrite what stands beside it. */
static bool turns_text(const unsigned char *s, size_t n)
{
    return n == 3 && s[0] == 0xE2 &&
           ((s[1] == 0x80 && s[2] >= 0xAA && s[2] <= 0xAE) || (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9));
}

static const char *entity_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return c < 0x20 || c == 0x7F ? "\xEF\xBF\xBD" : NULL;
    }
}

/* Where nobody reads it, what would turn text around and what controls a terminal may stay: as references, so that the
 * source shows them. */
static void put_escaped(mae_html *out, const char *text, bool exact)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        size_t n = utf8_length(s);
        bool turns = n > 0 && turns_text(s, n);
        const char *entity = n == 1 ? entity_of(*s) : n == 0 || turns ? "\xEF\xBF\xBD" : NULL;
        bool controls = n == 1 && (*s < 0x20 || *s == 0x7F);
        if (exact && (turns || controls)) {
            char reference[16];
            snprintf(reference, sizeof reference, "&#x%X;",
                     controls ? *s : 0x2000u | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu));
            mae_put(out, reference);
        } else if (entity)
            mae_put(out, entity);
        else
            put_bytes(out, (const char *)s, n);
        s += n ? n : 1;
    }
}

void mae_put_short(mae_html *out, const char *text, size_t most)
{
    char part[256];
    size_t n = 0, characters = 0;
    for (; text[n] && n < sizeof part - 1; n++) {
        characters += ((unsigned char)text[n] & 0xC0) != 0x80;
        if (characters > most)
            break;
        part[n] = text[n];
    }
    part[n] = 0;
    mae_put_text(out, part);
    if (text[n])
        mae_put(out, "\xE2\x80\xA6");
}

void mae_put_text(mae_html *out, const char *text)
{
    put_escaped(out, text, false);
}

static void put_pointer(mae_html *out, const char *text)
{
    for (; *text; text++) {
        char one[2] = {*text, 0};
        size_t n = strcspn(text, "~/");
        if (n == 0) {
            mae_put(out, *text == '~' ? "~0" : "~1");
            continue;
        }
        char part[256];
        if (n > sizeof part - 1) {
            n = sizeof part - 1;
            while (n > 1 && ((unsigned char)text[n] & 0xC0) == 0x80) /* never cut within a character */
                n--;
        }
        memcpy(part, text, n);
        part[n] = 0;
        put_escaped(out, n == 1 ? one : part, true);
        text += n - 1;
    }
}

const char *mae_number_text(double value, char text[static 40])
{
    double size = fabs(value);
    if (!isfinite(value))
        snprintf(text, 40, "%s", isnan(value) ? "?" : value > 0 ? "\xE2\x88\x9E" : "-\xE2\x88\x9E");
    else if (size == 0)
        snprintf(text, 40, "0");
    else if (size >= 1e9 || size < 1e-4)
        snprintf(text, 40, "%.3g", value);
    else if (size >= 1000 || value == floor(value))
        snprintf(text, 40, "%.0f", value);
    else
        snprintf(text, 40, "%.*f", 3 - (int)floor(log10(size)), value);
    return text;
}

/* A tenth of a pixel is enough. */
static void put_coordinate(mae_html *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.1f", isfinite(value) ? value : 0.0);
    size_t n = strlen(text);
    if (text[n - 1] == '0')
        text[n - 2] = 0;
    mae_put(out, strcmp(text, "-0") == 0 ? "0" : text);
}

static void put_number(mae_html *out, char kind, double value)
{
    char text[40];
    if (kind == 'c') {
        put_coordinate(out, value);
        return;
    }
    if (kind == 'n')
        mae_number_text(value, text);
    else
        snprintf(text, sizeof text, "%.17g", value);
    mae_put(out, text);
}

void mae_putf(mae_html *out, const char *format, ...)
{
    va_list args;
    char text[40];
    va_start(args, format);
    for (const char *at = format; *at;) {
        size_t plain = strcspn(at, "%");
        put_bytes(out, at, plain);
        at += plain;
        if (!*at)
            break;
        char kind = at[1];
        at += 2;
        if (kind == 's')
            mae_put_text(out, va_arg(args, const char *));
        else if (kind == 'r')
            mae_put(out, va_arg(args, const char *));
        else if (kind == 'q')
            put_escaped(out, va_arg(args, const char *), true);
        else if (kind == 'p')
            put_pointer(out, va_arg(args, const char *));
        else if (kind == '%')
            mae_put(out, "%");
        else if (kind == 'd' || kind == 'u') {
            if (kind == 'd')
                snprintf(text, sizeof text, "%d", va_arg(args, int));
            else
                snprintf(text, sizeof text, "%zu", va_arg(args, size_t));
            mae_put(out, text);
        } else
            put_number(out, kind, va_arg(args, double));
    }
    va_end(args);
}
