#include "support/drawn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* strstr(), which sanitizers have look for the end of the page first, each time. */
static const char *find(const char *at, const char *what)
{
    for (; *at; at++) {
        size_t i = 0;
        while (what[i] && at[i] == what[i])
            i++;
        if (!what[i])
            return at;
    }
    return NULL;
}

json_t *drawn_figures(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"mae-figures\">";
    const char *at = find(page, begin);
    const char *end = at ? find(at += strlen(begin), "</script>") : NULL;
    return end ? json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL) : NULL;
}

size_t drawn_count(const char *page, const char *what)
{
    size_t n = 0;
    for (const char *at = find(page, what); at; at = find(at + 1, what))
        n++;
    return n;
}

static size_t put_utf8(char *to, unsigned long code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3F));
    to[0] = (char)(0xF00 >> n | code);
    return n;
}

/* An attribute up to its closing quote, as a browser has it; NULL: out of memory, or it does not end. */
static char *attribute(const char *at)
{
    static const struct {
        const char *entity, *text;
    } entities[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};
    const char *end = strchr(at, '"');
    char *text = end ? malloc((size_t)(end - at) + 1) : NULL, *to = text;
    while (text && at < end) {
        size_t i = 0;
        for (; i < 5 && strncmp(at, entities[i].entity, strlen(entities[i].entity)) != 0;)
            i++;
        if (i < 5) {
            *to++ = *entities[i].text;
            at += strlen(entities[i].entity);
        } else if (strncmp(at, "&#x", 3) == 0) {
            char *behind;
            to += put_utf8(to, strtoul(at + 3, &behind, 16));
            at = behind + 1;
        } else
            *to++ = *at++;
    }
    if (text)
        *to = 0;
    return text;
}

/* The value that a JSON pointer names; the pointer is used up. */
static const json_t *resolve(const json_t *value, char *pointer)
{
    char *step = *pointer ? pointer + 1 : NULL;
    while (step && value) {
        char *end = strchr(step, '/'), *to = step;
        if (end)
            *end = 0;
        for (char *at = step; *at; at++)
            *to++ = *at != '~' ? *at : *++at == '1' ? '/' : '~';
        *to = 0;
        value = json_is_array(value) ? json_array_get(value, strtoul(step, NULL, 10)) : json_object_get(value, step);
        step = end ? end + 1 : NULL;
    }
    return value;
}

static int differs(const json_t *value, const char *drawn)
{
    if (json_is_number(value))
        return strtod(drawn, NULL) != json_number_value(value);
    return !json_is_string(value) || strcmp(drawn, json_string_value(value)) != 0;
}

/* One reference, and what is drawn of it. */
static int check_one(const json_t *figures, const char *ref, const char *drawn, char why[static DRAWN_WHY])
{
    char *pointer = attribute(ref), *text = attribute(drawn);
    int wrong = !pointer || !text;
    if (wrong)
        snprintf(why, DRAWN_WHY, "no memory");
    const json_t *value = wrong ? NULL : resolve(figures, pointer);
    if (!wrong && (!value || differs(value, text))) {
        int n = (int)strcspn(ref, "\"");
        snprintf(why, DRAWN_WHY, "%.*s is drawn as %.100s, which it is not", n < 200 ? n : 200, ref, text);
        wrong = 1;
    }
    free(pointer);
    free(text);
    return wrong;
}

long drawn_check(const char *page, char ret_why[static DRAWN_WHY])
{
    static const char *const refs[] = {"data-ref=\"", "data-ref-y=\""}, *const values[] = {"data-v=\"", "data-v-y=\""};
    json_t *figures = drawn_figures(page);
    long n = figures ? 0 : -1;
    snprintf(ret_why, DRAWN_WHY, "the figures are no JSON");
    for (int k = 0; k < 2 && n >= 0; k++)
        for (const char *at = find(page, refs[k]); at && n >= 0; at = find(at + 1, refs[k])) {
            const char *value = find(at, values[k]);
            n = value && !check_one(figures, at + strlen(refs[k]), value + strlen(values[k]), ret_why) ? n + 1 : -1;
        }
    json_decref(figures);
    return n;
}
