/* SPDX-License-Identifier: MIT
 *
 * Rules of places, read and matched.
 */
#include "actors/saga/allow.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/code.h"

#define PORT_MAX 65535

static int malformed(const char *text, struct bus_error *err)
{
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "found \"%.128s\", expected http://HOST[:PORT] or "
                         "https://HOST[:PORT], HOST and PORT perhaps '*'",
                         text);
}

static bool host_good(const char *host)
{
    if (strcmp(host, "*") == 0)
        return true;
    if (strncmp(host, "*.", 2) == 0)
        host += 2;
    for (const char *at = host; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') ||
              strchr("-._:", *at)))
            return false;
    return host[0] != '\0';
}

/* "*", a number or nothing. */
static bool port_read(const char *text, int scheme_port, int *ret)
{
    char *end;
    if (text[0] == '\0') {
        *ret = scheme_port;
        return true;
    }
    if (text[0] != ':')
        return false;
    if (strcmp(text, ":*") == 0) {
        *ret = 0;
        return true;
    }
    long port = strtol(text + 1, &end, 10);
    *ret = (int)port;
    return text[1] >= '0' && text[1] <= '9' && *end == '\0' && port >= 1 &&
           port <= PORT_MAX;
}

int allow_parse(const char *text, struct bus_arena *arena,
                struct allow_rule *ret, struct bus_error *err)
{
    bool secure = strncasecmp(text, "https://", 8) == 0;
    if (!secure && strncasecmp(text, "http://", 7) != 0)
        return malformed(text, err);
    const char *host = text + (secure ? 8 : 7);
    bool six = host[0] == '[';
    size_t len = strcspn(host, six ? "]" : ":");
    const char *rest = host + len;
    if (six) {
        if (*rest != ']')
            return malformed(text, err);
        host++;
        len--;
        rest++;
    }
    char *copy = bus_arena_text_n(arena, host, len);
    if (!copy)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 0x20);
    struct allow_rule rule = {secure ? "https" : "http", copy, 0};
    if (!host_good(copy) || !port_read(rest, secure ? 443 : 80, &rule.port))
        return malformed(text, err);
    *ret = rule;
    return BUS_OK;
}

static bool host_match(const char *rule, const char *host)
{
    if (strcmp(rule, "*") == 0)
        return true;
    if (strncmp(rule, "*.", 2) != 0)
        return strcasecmp(rule, host) == 0;
    size_t tail = strlen(rule + 1), len = strlen(host);
    return len > tail && strcasecmp(host + len - tail, rule + 1) == 0;
}

bool allow_match(const struct allow_rule *rules, size_t count,
                 const char *scheme, const char *host, int port)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(rules[i].scheme, scheme) == 0 &&
            (rules[i].port == 0 || rules[i].port == port) &&
            host_match(rules[i].host, host))
            return true;
    return false;
}

bool allow_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 &&
           memcmp(&six, &in6addr_loopback, sizeof(six)) == 0;
}
