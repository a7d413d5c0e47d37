/* SPDX-License-Identifier: MIT
 *
 * Topics and patterns: dotted words, '*' for one, a last '>' for one or more.
 */
#include <string.h>

#include "bus/event.h"
#include "bus/event_internal.h"

bool bus_topic_valid(const char *topic)
{
    size_t len = strlen(topic);
    if (len == 0 || len >= BUS_TOPIC_MAX)
        return false;
    bool start = true; /* of a word, which must not be empty */
    for (const char *c = topic; *c; c++) {
        if (*c == '.' ? start
                      : (*c <= ' ' || *c == '*' || *c == '>' || *c == 0x7F))
            return false;
        start = *c == '.';
    }
    return !start;
}

static size_t word_len(const char *at)
{
    return strcspn(at, ".");
}

bool bus_topic_match(const char *pattern, const char *topic)
{
    while (*pattern && *topic) {
        size_t p = word_len(pattern), t = word_len(topic);
        if (strcmp(pattern, ">") == 0)
            return true;
        bool any = p == 1 && *pattern == '*';
        if (!any && (p != t || memcmp(pattern, topic, p) != 0))
            return false;
        pattern += p;
        topic += t;
        if (!*pattern || !*topic)
            break;
        pattern++;
        topic++;
    }
    return !*pattern && !*topic;
}

/* Words, '*' for one, '>' as the last. */
bool bus_pattern_valid(const char *pattern)
{
    size_t len = strlen(pattern);
    if (len == 0 || len >= BUS_TOPIC_MAX)
        return false;
    for (const char *at = pattern;; at++) {
        size_t n = word_len(at);
        bool wild = n == 1 && (*at == '*' || *at == '>');
        if (n == 0 || (!wild && memchr(at, '*', n)) ||
            (!wild && memchr(at, '>', n)) || (*at == '>' && at[n]))
            return false;
        at += n;
        if (!*at)
            return true;
    }
}
