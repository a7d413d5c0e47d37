/* SPDX-License-Identifier: MIT
 *
 * Dials a server's own address twice a second, from outside nng, says hello
 * and hangs up: nng 1.5.2 stops accepting when a peer leaves during the
 * handshake, and nothing tells. Where no welcome comes, the hub listens anew.
 * Where the end of the probe's own connection is not reported, nng's one
 * closing thread hangs in a receive that never ends: that has no cure but a new
 * process, so the server's owner is told, once, and the watchdog ends.
 */
#ifndef BUS_WATCHDOG_H
#define BUS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/link.h"

#define WATCHDOG_EVERY_MS 500
#define WATCHDOG_ANSWER_MS 700
#define WATCHDOG_GONE_MS 2000 /* for the end of a probe to be reported */
#define WATCHDOG_TOKEN_MAX 24
#define WATCHDOG_NAME "watchdog" /* who says hello */

struct watchdog;

/* What a watchdog looks after; copied. */
struct watchdog_ward {
    struct link_hub *hub;
    const char *url;   /* ipc:// */
    const char *token; /* said with hello: whose connection it is */
    /* How many probes are connected still, for all that nng reported. */
    unsigned (*probes)(void *arg);
    /* nng closes nothing any more. Not called twice; must not block. */
    void (*sick)(void *arg, const char *why);
    void *arg;
};

struct watchdog *watchdog_start(const struct watchdog_ward *ward);
void watchdog_stop(struct watchdog *dog); /* NULL: nothing */

/* One probe of an ipc:// address: connects, shakes hands, says hello as token.
 * True if it was welcomed in time. */
bool watchdog_probe(const char *url, const char *token, int timeout_ms);

#endif
