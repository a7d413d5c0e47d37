/* SPDX-License-Identifier: MIT
 *
 * Which places the orchestrator may call over HTTP: whoever may submit a saga
 * names its URLs, so without such a list the orchestrator would be everybody's
 * hand inside the network. Pure functions; nothing is resolved here.
 *
 * A rule is written as "SCHEME://HOST[:PORT]": scheme http or https; host a
 * name, an address, "*.example.com" (what is below it) or "*"; port a number,
 * "*", or absent for the scheme's own.
 */
#ifndef SAGA_ALLOW_H
#define SAGA_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/arena.h"
#include "bus/error.h"

struct allow_rule {
    const char *scheme;
    const char *host; /* lower case, IPv6 without brackets */
    int port;         /* 0: any */
};

/* INVALID_ARGUMENT and what was expected; texts live in the arena. */
int allow_parse(const char *text, struct bus_arena *arena,
                struct allow_rule *ret, struct bus_error *err);

/* Any case of scheme and host. */
bool allow_match(const struct allow_rule *rules, size_t count,
                 const char *scheme, const char *host, int port);

/* True for an address of this machine alone: 127.0.0.0/8 and ::1. */
bool allow_loopback(const char *address);

#endif
